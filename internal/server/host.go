package server

import (
	"errors"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/interest"
	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/monitor"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/subject"
	"github.com/godwit-mq/godwit/internal/system"
)

// host is the server as the system account sees it.
type host struct{ *Server }

// Errors of orders; their texts reach users.
var (
	errNoConnection = errors.New("no such client or leafnode id")
	errNoClient     = errors.New("no such client id")
	errNotReady     = errors.New("client does not support Lame Duck Mode or is not ready to receive the notification")
)

// startSystem begins to serve the system account, if there is one.
func (s *Server) startSystem() {
	account := s.accounts.node.System
	if account == nil {
		return
	}
	service := system.New(host{s}, s.id, account)
	ready := make(chan struct{})
	s.tasks.Go(func() { service.Run(s.ctx, ready) })
	<-ready
	s.system.Store(service)
}

// Describe implements system.Host.
func (h host) Describe() events.Server {
	o := h.current()
	return events.Server{
		Name: h.name, Host: o.Host, ID: h.id, Version: CompatVersion, Tags: o.Tags, Metadata: o.Metadata,
		FeatureFlags: options.KnownFeatureFlags(), JetStream: h.jetstream.Load() != nil,
	}
}

// describe is the server's description in events that it does not send through the
// system account.
func (s *Server) describe() events.Server {
	d := host{s}.Describe()
	if service := s.system.Load(); service != nil {
		return service.Stamp(d)
	}
	d.Time = time.Now().UTC()
	return d
}

// Monitor implements system.Host.
func (h host) Monitor() *monitor.Server { return h.monitor }

// Options implements system.Host.
func (h host) Options() *options.Options { return h.current().Options }

// Log implements system.Host.
func (h host) Log() logging.Logger { return &h.log }

// Standalone implements system.Host.
func (h host) Standalone() bool { return true }

// Statistics implements system.Host.
func (h host) Statistics() system.Statistics {
	v, _ := h.monitor.Varz(nil) // it has no error
	t := source(h).Totals()
	in, out := events.Count{Messages: t.InMsgs, Bytes: t.InBytes}, events.Count{Messages: t.OutMsgs, Bytes: t.OutBytes}
	stats := system.Statistics{
		Start: v.Start, Memory: v.Mem, Cores: v.Cores, CPU: v.CPU, Connections: v.Connections,
		TotalConnections: v.TotalConnections, ActiveAccounts: h.ActiveAccounts(), Subscriptions: v.Subscriptions,
		Sent: events.Data{Count: out}, SentToClients: out, Received: events.Data{Count: in}, ReceivedClients: in,
		SlowConsumers: t.SlowConsumers, StaleConnections: t.StaleConnections, StalledClients: t.StalledClients,
		ActiveServers: 1, MemoryLimit: v.MemLimit, MaxProcs: v.MaxProcs,
	}
	if t.SlowConsumers > 0 {
		stats.SlowStats = &system.PerKind{Clients: uint64(t.SlowConsumers)}
	}
	if t.StaleConnections > 0 {
		stats.StaleStats = &system.PerKind{Clients: uint64(t.StaleConnections)}
	}
	return stats
}

// Kick implements system.Host.
func (h host) Kick(id uint64) error {
	c := h.clients.get(id)
	if c == nil {
		return errNoConnection
	}
	c.Close(client.Kicked)
	return nil
}

// Evacuate implements system.Host.
func (h host) Evacuate(id uint64) error {
	c := h.clients.get(id)
	if c == nil {
		return errNoClient
	}
	info := h.infoFor(c, false)
	info.LameDuck = true
	if !c.Tell(line(info)) {
		return errNotReady
	}
	return nil
}

// User implements system.Host.
func (h host) User(id uint64) (system.UserInfo, bool) {
	c := h.clients.get(id)
	if c == nil {
		return system.UserInfo{}, false
	}
	b := c.Binding()
	u := system.UserInfo{User: b.User, Account: b.Account.Name, AccountName: h.accountTag(b.Account.Name)}
	if b.Claims != nil {
		u.UserName = b.Claims.DisplayName
	}
	if b.Permissions != nil {
		u.Permissions = b.Permissions.Public()
	}
	if !b.Deadline.IsZero() {
		u.Expires = max(time.Until(b.Deadline), 0).Truncate(time.Second)
	}
	return u, true
}

// Account implements system.Host.
func (h host) Account(name string) (system.AccountStat, bool) {
	a := h.accounts.get(name)
	if a == nil {
		return system.AccountStat{}, false
	}
	now, _ := h.accounts.connections(a)
	t := a.Traffic()
	return system.AccountStat{
		Account: name, Name: h.accountTag(name), Connections: now, TotalConnections: now,
		Subscriptions: uint32(a.Index().Stats().NumSubs), SlowConsumers: a.SlowConsumers(),
		Sent: clientData(t.OutMsgs, t.OutBytes), Received: clientData(t.InMsgs, t.InBytes),
	}, true
}

// clientData is traffic of clients: there are no other connections.
func clientData(messages, bytes int64) events.Data {
	return events.Data{
		Count:    events.Count{Messages: messages, Bytes: bytes},
		Gateways: &events.Count{}, Routes: &events.Count{}, Leafs: &events.Count{},
	}
}

// ActiveAccounts implements system.Host.
func (h host) ActiveAccounts() int {
	n := 0
	for _, a := range h.accounts.list() {
		if now, _ := h.accounts.connections(a); now > 0 {
			n++
		}
	}
	return n
}

// CountSubscribers implements system.Host.
func (h host) CountSubscribers(account, name, queue string) (int, error) {
	if !subject.IsValid(name) {
		return 0, errors.New("invalid subject")
	}
	a := h.accounts.get(account)
	if a == nil {
		return 0, nil
	}
	n, literal := 0, subject.IsLiteral(name)
	r := a.Index().Reader()
	defer r.Release()
	r.Overlapping(name, func(e interest.Entry[*broker.Subscription]) bool {
		ofClient := e.Value.To.Out != nil
		if ofClient && (queue == "" || e.Queue == queue) && (literal || subject.IsSubset(e.Subject, name)) {
			n++
		}
		return true
	})
	return n, nil
}

// accountTag is the name that people gave an account, as far as it differs from the
// one it is known by.
func (s *Server) accountTag(name string) string {
	if a := s.accounts.get(name); a != nil {
		if claims := a.described.Load().claims; claims != nil && claims.DisplayName != "" {
			return claims.DisplayName
		}
	}
	return name
}

// announced is what advisories tell about a connection. Other than in what a
// service learns about who asks, the name tag is the account's.
func (s *Server) announced(c *client.Client) events.Client {
	d := c.Describe(true)
	d.NameTag = s.accountTag(d.Account)
	return d
}

// Connected implements client.Server.
func (s *Server) Connected(c *client.Client) {
	service := s.system.Load()
	if service == nil {
		return
	}
	d := s.announced(c)
	service.Connected(d)
	s.connectionsChanged(service, d.Account)
}

// Rejected implements client.Server.
func (s *Server) Rejected(c *client.Client, r *client.Refusal) {
	service := s.system.Load()
	if service == nil {
		return
	}
	d := s.announced(c)
	if d.Stop == nil {
		now := time.Now().UTC()
		d.Stop = &now
	}
	service.Refused(d, traffic(c), r.Reason.String())
}

// disconnected tells that a connection has gone which was announced.
func (s *Server) disconnected(c *client.Client) {
	service := s.system.Load()
	if service == nil || !c.Registered() {
		return
	}
	d := s.announced(c)
	service.Disconnected(d, traffic(c), c.Reason().String())
	s.connectionsChanged(service, d.Account)
}

// connectionsChanged announces the number of connections of an account. The global
// account, whose connections nobody limits, is not announced.
func (s *Server) connectionsChanged(service *system.Service, account string) {
	if account != options.GlobalAccount {
		service.ConnectionsChanged(account)
	}
}

// traffic is a connection's, from its own point of view.
func traffic(c *client.Client) system.Traffic {
	s := c.Snapshot(false)
	return system.Traffic{
		Sent:     events.Count{Messages: s.InMsgs, Bytes: s.InBytes},
		Received: events.Count{Messages: s.OutMsgs, Bytes: s.OutBytes},
	}
}
