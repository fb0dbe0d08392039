package server

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/monitor"
)

// source is the server as the monitoring endpoints see it.
type source struct{ *Server }

// Identity implements monitor.Source.
func (s source) Identity() monitor.Identity {
	i := s.baseInfo()
	id := monitor.Identity{
		ID: s.id, Name: s.name, Version: CompatVersion, Commit: revision(), Start: s.started(),
		ConfigLoaded: s.current().loaded, Host: i.Host, Port: i.Port, SystemAccount: s.accounts.systemName(),
		AuthRequired: i.AuthRequired, TLSRequired: i.TLSRequired, TLSVerify: i.TLSVerify,
		HTTPPort: s.current().HTTPPort, HTTPSPort: s.current().HTTPSPort, CertNotAfter: notAfter(s.current().TLSConfig),
	}
	if s.claims != nil {
		id.Operators = s.claims.trust.Load().Operators()
	}
	if addr := s.webAddr(); addr != nil {
		id.WebsocketPort = addr.Port
	}
	if addr := s.MonitorAddr(); addr != nil {
		if id.HTTPSPort != 0 {
			id.HTTPSPort = addr.Port
		} else {
			id.HTTPPort = addr.Port
		}
	}
	return id
}

// notAfter is when the first certificate expires, zero without one.
func notAfter(config *tls.Config) time.Time {
	if config == nil || len(config.Certificates) == 0 || config.Certificates[0].Leaf == nil {
		return time.Time{}
	}
	return config.Certificates[0].Leaf.NotAfter
}

// Totals implements monitor.Source.
func (s source) Totals() monitor.Totals {
	t := monitor.Totals{
		Connections: s.clients.num(), TotalConnections: uint64(s.counters.total.Load()),
		SlowConsumers: s.counters.slow.Load(), StaleConnections: s.counters.stale.Load(),
		StalledClients: s.counters.stalls.Load(),
	}
	if s.claims != nil {
		t.PinnedFailures = s.claims.pinnedFailures.Load()
	}
	for _, a := range s.accounts.list() {
		traffic := a.Traffic()
		t.InMsgs += traffic.InMsgs
		t.InBytes += traffic.InBytes
		t.OutMsgs += traffic.OutMsgs
		t.OutBytes += traffic.OutBytes
		t.Subscriptions += int(a.Index().Stats().NumSubs)
	}
	return t
}

// Connections implements monitor.Source.
func (s source) Connections(withSubs bool) []client.Snapshot {
	clients := s.clients.all()
	list := make([]client.Snapshot, 0, len(clients))
	for _, c := range clients {
		list = append(list, c.Snapshot(withSubs))
	}
	return list
}

// Connection implements monitor.Source.
func (s source) Connection(id uint64, withSubs bool) (client.Snapshot, bool) {
	c := s.clients.get(id)
	if c == nil {
		return client.Snapshot{}, false
	}
	return c.Snapshot(withSubs), true
}

// Closed implements monitor.Source.
func (s source) Closed() []client.Snapshot { list, _ := s.clients.history(); return list }

// MeasureRTT implements monitor.Source.
func (s source) MeasureRTT(ids []uint64) {
	for _, id := range ids {
		if c := s.clients.get(id); c != nil {
			c.MeasureRTT()
		}
	}
}

// Accounts implements monitor.Source.
func (s source) Accounts() []monitor.AccountState {
	accounts := s.accounts.list()
	list := make([]monitor.AccountState, 0, len(accounts))
	for _, a := range accounts {
		now, total := s.accounts.connections(a)
		l, d := a.Lookups(), a.described.Load()
		list = append(list, monitor.AccountState{
			Lookups: monitor.Lookups{
				Matches: uint64(l.Total), CacheHits: uint64(l.Hits), Cached: int(l.Cached),
				Fanout: int(l.Fanout), FanoutMax: int(l.FanoutMax),
			},
			Account: a.Account, Limits: d.limits, System: a.Name == s.accounts.systemName(),
			Connections: now, TotalConnections: total, Updated: d.updated, Offers: d.offers, Claims: d.claims,
		})
	}
	return list
}

// AccountTag implements monitor.Source.
func (s source) AccountTag(name string) string {
	if a := s.accounts.get(name); a != nil && a.described.Load().claims != nil {
		return a.described.Load().claims.Tag()
	}
	return name
}

// NotReady implements monitor.Source.
func (s source) NotReady() []string {
	var missing []string
	if state(s.state.Load()) != running || s.Addr() == nil && !s.current().DontListen {
		missing = append(missing, "server")
	}
	if s.current().Websocket.Port != 0 && s.webAddr() == nil {
		missing = append(missing, "websocket")
	}
	return missing
}

// TLSConfig implements monitor.Source.
func (s source) TLSConfig() *tls.Config { return s.current().certs.client }

// Noticef implements monitor.Source.
func (s source) Noticef(format string, args ...any) { s.log.Noticef(format, args...) }

// Warnf implements monitor.Source.
func (s source) Warnf(format string, args ...any) { s.log.Warnf(format, args...) }

// Errorf implements monitor.Source.
func (s source) Errorf(format string, args ...any) { s.log.Errorf(format, args...) }

// NumClients is the number of client connections.
func (s *Server) NumClients() int { return s.clients.num() }

// NumSubscriptions is the number of subscriptions in all accounts.
func (s *Server) NumSubscriptions() uint32 { return uint32(source{s}.Totals().Subscriptions) }

// NumSlowConsumers counts the connections that were too slow.
func (s *Server) NumSlowConsumers() int64 { return s.counters.slow.Load() }

// NumStaleConnections counts the connections that left PINGs unanswered.
func (s *Server) NumStaleConnections() int64 { return s.counters.stale.Load() }

// NumStalledClients counts how often a publisher was made to wait.
func (s *Server) NumStalledClients() int64 { return s.counters.stalls.Load() }

// NumActiveAccounts is the number of accounts with connections.
func (s *Server) NumActiveAccounts() (n int32) {
	for _, a := range s.accounts.list() {
		if now, _ := s.accounts.connections(a); now > 0 {
			n++
		}
	}
	return n
}

// NumLoadedAccounts is the number of accounts.
func (s *Server) NumLoadedAccounts() int { return len(s.accounts.list()) }

// DisconnectClientByID closes a connection.
func (s *Server) DisconnectClientByID(id uint64) error {
	c := s.clients.get(id)
	if c == nil {
		return errors.New("no such client or leafnode id")
	}
	c.Close(client.Kicked)
	return nil
}

// LDMClientByID asks one client to go elsewhere.
func (s *Server) LDMClientByID(id uint64) error {
	c := s.clients.get(id)
	if c == nil {
		return errors.New("no such client id")
	}
	i := s.infoFor(c, false)
	i.LameDuck = true
	if !c.Tell(line(i)) {
		return errors.New("client does not support Lame Duck Mode or is not ready to receive the notification")
	}
	return nil
}

// ClientURL is where clients connect.
func (s *Server) ClientURL() string { return s.url(s.current().Host) }

// DialURL is ClientURL with a host that can be dialled from this machine.
func (s *Server) DialURL() string {
	host := s.current().Host
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.To4() == nil {
			host = "::1"
		}
	}
	return s.url(host)
}

func (s *Server) url(host string) string {
	scheme := "nats://"
	if s.current().TLSConfig != nil {
		scheme = "tls://"
	}
	return scheme + net.JoinHostPort(host, strconv.Itoa(s.port()))
}

// startMonitor opens the monitoring listener, if one is configured.
func (s *Server) startMonitor() error { return s.monitor.Start() }

func (s *Server) stopMonitor() { s.monitor.Stop() }

// MonitorAddr is where monitoring is served, nil if nowhere.
func (s *Server) MonitorAddr() *net.TCPAddr { return s.monitor.Addr() }

// Monitor answers questions about the server.
func (s *Server) Monitor() *monitor.Server { return s.monitor }

// HTTPHandler serves the monitoring endpoints.
func (s *Server) HTTPHandler() http.Handler { return s.monitor.Handler() }
