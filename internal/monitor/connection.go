package monitor

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net"
	"slices"
	"time"

	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/options"
)

// connection shows one connection. The snapshot is not changed.
func (s *Server) connection(c *client.Snapshot, o *api.ConnzOptions, now time.Time) *api.ConnInfo {
	info := &api.ConnInfo{
		Cid: c.ID, Kind: "Client", Type: protocolName(c.Type),
		Start: c.Start.UTC(), LastActivity: c.LastActivity.UTC(),
		RTT: roundTrip(c.RTT), Uptime: uptime(lifetime(c, now)), Idle: uptime(idleTime(c, now)),
		Pending: int(c.Pending), InMsgs: c.InMsgs, OutMsgs: c.OutMsgs, InBytes: c.InBytes, OutBytes: c.OutBytes,
		Stalls: c.Stalls, NumSubs: uint32(c.Subscriptions),
		Name: c.Connect.Name, Lang: c.Connect.Lang, Version: c.Connect.Version,
		TLSVersion: c.TLSVersion, TLSCipher: c.TLSCipher, TLSFirst: c.TLS != nil && c.TLS.First,
	}
	if addr, ok := c.Remote.(*net.TCPAddr); ok {
		info.IP, info.Port = addr.IP.String(), addr.Port
	}
	if !c.Stop.IsZero() {
		stop := c.Stop.UTC()
		info.Stop, info.Reason = &stop, c.Reason.String()
	}
	if c.ProxyKey != "" {
		info.Proxy = &api.ProxyInfo{Key: c.ProxyKey}
	}
	switch {
	case o.SubscriptionsDetail:
		info.SubsDetail = s.subscriptionDetails(c)
	case o.Subscriptions:
		info.Subs = subscriptionSubjects(c)
	}
	if o.Username {
		s.showUser(info, c)
	}
	return info
}

// showUser adds who is connected.
func (s *Server) showUser(info *api.ConnInfo, c *client.Snapshot) {
	info.AuthorizedUser, info.IssuerKey = c.User, c.IssuerKey
	info.JWT = shownJWT(c)
	if c.Claims != nil {
		info.Tags = slices.Clone(c.Claims.Tags)
	}
	if c.Account != nil {
		info.NameTag = s.source.AccountTag(c.Account.Name)
		if c.Account.Name != options.GlobalAccount {
			info.Account = c.Account.Name
		}
	}
	if c.TLS != nil && c.Stop.IsZero() {
		info.TLSPeerCerts = peerCertificates(c.TLS.State.PeerCertificates)
	}
}

// protocolName is the word for a connection type.
func protocolName(connectionType string) string {
	switch connectionType {
	case options.ConnectionWebsocket:
		return "websocket"
	case options.ConnectionMQTT, options.ConnectionMQTTWS:
		return "mqtt"
	}
	return "nats"
}

// sortedSubscriptions returns a sorted copy: the ring of closed connections
// hands the same list to everybody.
func sortedSubscriptions(c *client.Snapshot) []client.SubSnapshot {
	subs := slices.Clone(c.Subs)
	slices.SortFunc(subs, func(a, b client.SubSnapshot) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.SID, b.SID))
	})
	return subs
}

func subscriptionSubjects(c *client.Snapshot) []string {
	subjects := make([]string, 0, len(c.Subs))
	for i := range c.Subs {
		subjects = append(subjects, c.Subs[i].Subject)
	}
	slices.Sort(subjects)
	return subjects
}

// subscriptionDetails shows subscriptions in full. Those of closed connections
// tell their account, as the connection no longer can.
func (s *Server) subscriptionDetails(c *client.Snapshot) []api.SubDetail {
	account, tag := "", ""
	if !c.Stop.IsZero() {
		account = accountName(c)
		tag = s.source.AccountTag(account)
	}
	details := make([]api.SubDetail, 0, len(c.Subs))
	for _, sub := range sortedSubscriptions(c) {
		details = append(details, api.SubDetail{
			Account: account, AccountTag: tag, Subject: sub.Subject, Queue: sub.Queue,
			Sid: sub.SID, Msgs: sub.Delivered, Max: sub.Max, Cid: c.ID,
		})
	}
	return details
}

func peerCertificates(chain []*x509.Certificate) []*api.TLSPeerCert {
	shown := make([]*api.TLSPeerCert, 0, len(chain))
	for _, certificate := range chain {
		key, whole := sha256.Sum256(certificate.RawSubjectPublicKeyInfo), sha256.Sum256(certificate.Raw)
		shown = append(shown, &api.TLSPeerCert{
			Subject:          certificate.Subject.String(),
			SubjectPKISha256: hex.EncodeToString(key[:]),
			CertSha256:       hex.EncodeToString(whole[:]),
		})
	}
	return shown
}
