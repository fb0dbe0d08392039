package monitor

import (
	"crypto/tls"
	"maps"
	"math"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/options"
)

// clientProtocol is the version of the client protocol: INFO can be updated.
const clientProtocol = 1

// Varz returns the state of the server. The error is always nil.
func (s *Server) Varz(*api.VarzOptions) (*api.Varz, error) {
	v := &api.Varz{Proto: clientProtocol, GoVersion: runtime.Version(), Now: s.now(), HTTPReqStats: s.counts.asked()}
	id, o := s.source.Identity(), s.source.Options()
	showIdentity(v, id)
	showOperators(v, id.Operators)
	showOptions(v, o)
	showWebsocket(v, &o.Websocket, id.WebsocketPort)
	showTotals(v, s.source.Totals())
	v.OCSPResponseCache = s.source.PeerCache()
	v.Uptime = uptime(v.Now.Sub(v.Start))
	v.Mem, v.CPU = residentMemory(), s.usage.percent()
	v.Cores, v.MaxProcs = runtime.NumCPU(), runtime.GOMAXPROCS(0)
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		v.MemLimit = limit
	}
	return v, nil
}

func showIdentity(v *api.Varz, id Identity) {
	v.ID, v.Name, v.Version, v.GitCommit = id.ID, id.Name, id.Version, id.Commit
	v.Host, v.Port = id.Host, id.Port
	v.ClientConnectURLs = slices.Clone(id.ConnectURLs)
	v.AuthRequired, v.TLSRequired, v.TLSVerify = id.AuthRequired, id.TLSRequired, id.TLSVerify
	v.HTTPPort, v.HTTPSPort = id.HTTPPort, id.HTTPSPort
	v.Start, v.ConfigLoadTime = id.Start.UTC(), id.ConfigLoaded.UTC()
	v.SystemAccount = id.SystemAccount
	if !id.CertNotAfter.IsZero() {
		v.TLSCertNotAfter = id.CertNotAfter.UTC()
	}
}

func showOptions(v *api.Varz, o *options.Options) {
	v.MaxConn, v.MaxSubs = o.MaxConn, o.MaxSubs
	v.PingInterval, v.MaxPingsOut = o.PingInterval, o.MaxPingsOut
	v.HTTPHost, v.HTTPBasePath = o.HTTPHost, o.HTTPBasePath
	v.AuthTimeout, v.TLSTimeout = o.AuthTimeout, o.TLSTimeout
	v.MaxControlLine, v.MaxPayload, v.MaxPending = o.MaxControlLine, int(o.MaxPayload), o.MaxPending
	v.WriteDeadline = o.WriteDeadline
	if o.WriteTimeout != options.WriteTimeoutDefault {
		v.WriteTimeout = o.WriteTimeout.String()
	}
	v.ConfigDigest = o.ConfigDigest
	v.TLSOCSPPeerVerify = verifiesPeers(o.TLSConfig, o.TLSOCSPPeer)
	v.Tags, v.Metadata = slices.Clone(o.Tags), maps.Clone(o.Metadata)
	if len(o.TrustedProxies) > 0 {
		v.Proxies = &api.ProxiesOptsVarz{}
		for _, key := range o.TrustedProxies {
			v.Proxies.Trusted = append(v.Proxies.Trusted, &api.ProxyOptsVarz{Key: key})
		}
	}
}

// showWebsocket adds the WebSocket listener, if there is one.
func showWebsocket(v *api.Varz, o *options.WebsocketOpts, port int) {
	if o.Port == 0 {
		return
	}
	v.Websocket = api.WebsocketOptsVarz{
		Host: o.Host, Port: port, Advertise: o.Advertise, NoAuthUser: o.NoAuthUser, JWTCookie: o.JWTCookie,
		HandshakeTimeout: max(o.HandshakeTimeout, 0), AuthTimeout: o.AuthTimeout, NoTLS: o.NoTLS, TLSMap: o.TLSMap,
		TLSPinnedCerts: slices.Sorted(maps.Keys(o.TLSPinnedCerts)), SameOrigin: o.SameOrigin,
		AllowedOrigins: slices.Clone(o.AllowedOrigins), Compression: o.Compression,
		TLSOCSPPeerVerify: verifiesPeers(o.TLSConfig, o.OCSPPeer),
	}
	if c := o.TLSConfig; c != nil && len(c.Certificates) > 0 && c.Certificates[0].Leaf != nil {
		v.Websocket.TLSCertNotAfter = c.Certificates[0].Leaf.NotAfter.UTC()
	}
}

// verifiesPeers tells whether a listener asks about the certificates of those who
// connect.
func verifiesPeers(c *tls.Config, peer *options.OCSPPeerConfig) bool {
	return c != nil && peer != nil && peer.Verify
}

// showTotals adds the counters. All connections are those of clients.
func showTotals(v *api.Varz, t Totals) {
	v.Connections, v.TotalConnections = t.Connections, t.TotalConnections
	v.InMsgs, v.InBytes, v.OutMsgs, v.OutBytes = t.InMsgs, t.InBytes, t.OutMsgs, t.OutBytes
	v.InClientMsgs, v.InClientBytes, v.OutClientMsgs, v.OutClientBytes = t.InMsgs, t.InBytes, t.OutMsgs, t.OutBytes
	v.SlowConsumers, v.StaleConnections, v.StalledClients = t.SlowConsumers, t.StaleConnections, t.StalledClients
	v.Subscriptions, v.PinnedAccountFail = uint32(t.Subscriptions), t.PinnedFailures
	v.SlowConsumersStats = &api.SlowConsumersStats{Clients: uint64(t.SlowConsumers)}
	v.StaleConnectionStats = &api.StaleConnectionStats{Clients: uint64(t.StaleConnections)}
	v.DiskIOWaitStats = &api.DiskIOWaitStats{}
}
