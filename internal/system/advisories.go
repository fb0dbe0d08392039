package system

import (
	"sync"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/events"
)

// Connected publishes that a client has connected.
func (s *Service) Connected(c events.Client) {
	subject := "$SYS.ACCOUNT." + c.Account + ".CONNECT"
	if !s.wanted(subject) {
		return
	}
	s.publish(subject, nil, func(server events.Server) any {
		return events.Connect{Head: events.NewHead(events.TypeConnect), Server: server, Client: c}
	})
}

// Traffic is what a client sent and received, from its own point of view.
type Traffic struct{ Sent, Received events.Count }

// Disconnected publishes that a client has gone, and why.
func (s *Service) Disconnected(c events.Client, t Traffic, reason string) {
	s.gone("$SYS.ACCOUNT."+c.Account+".DISCONNECT", c, t, reason)
}

// Refused publishes that a client could not authenticate.
func (s *Service) Refused(c events.Client, t Traffic, reason string) {
	s.gone("$SYS.SERVER."+s.id+".CLIENT.AUTH.ERR", c, t, reason)
}

// RefusedIn publishes, in an account of its own, that a client could not
// authenticate there.
func (s *Service) RefusedIn(a *broker.Account, c events.Client, t Traffic, reason string) {
	const subject = "$SYS.ACCOUNT.CLIENT.AUTH.ERR"
	s.sending.Lock()
	body, ok := s.encode(func(server events.Server) any { return disconnect(server, c, t, reason) })
	s.sending.Unlock()
	if ok {
		a.Sender().Send(broker.Outgoing{Subject: subject, Payload: body})
	}
}

func (s *Service) gone(subject string, c events.Client, t Traffic, reason string) {
	if !s.wanted(subject) {
		return
	}
	s.publish(subject, nil, func(server events.Server) any { return disconnect(server, c, t, reason) })
}

func disconnect(server events.Server, c events.Client, t Traffic, reason string) events.Disconnect {
	return events.Disconnect{
		Head: events.NewHead(events.TypeDisconnect), Server: server, Client: c,
		Sent: events.Data{Count: t.Sent}, Received: events.Data{Count: t.Received}, Reason: reason,
	}
}

// ShuttingDown publishes that the server ends, LameDuck that it is about to.
func (s *Service) ShuttingDown() { s.notice(".SHUTDOWN") }

// LameDuck publishes that the server is about to end.
func (s *Service) LameDuck() { s.notice(".LAMEDUCK") }

func (s *Service) notice(what string) {
	s.publish("$SYS.SERVER."+s.id+what, nil, func(server events.Server) any { return server })
}

// heartbeat is how often the number of an account's connections is repeated.
const heartbeat = 30 * time.Second

// connections repeats the numbers of connections of accounts that have any.
type connections struct {
	mu      sync.Mutex             // held from when a number is taken until it is sent: the last one has to be right
	timers  map[string]*time.Timer // guarded by mu
	stopped bool                   // guarded by mu
}

func (c *connections) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	for _, timer := range c.timers {
		timer.Stop()
	}
}

// accountConnections tells how many connections an account has on this server.
type accountConnections struct {
	events.Head
	Server events.Server `json:"server"`
	AccountStat
}

// ConnectionsChanged publishes the number of connections of an account, now and as
// long as there are any.
func (s *Service) ConnectionsChanged(account string) {
	s.conns.mu.Lock()
	defer s.conns.mu.Unlock()
	stat, ok := s.host.Account(account)
	timer := s.conns.timers[account]
	switch {
	case s.conns.stopped:
	case !ok || stat.TotalConnections == 0:
		if timer != nil {
			timer.Stop()
			delete(s.conns.timers, account)
		}
	case timer == nil:
		s.conns.timers[account] = time.AfterFunc(heartbeat, func() { s.ConnectionsChanged(account) })
	default:
		timer.Reset(heartbeat)
	}
	if !ok {
		return
	}
	for _, subject := range []string{"$SYS.ACCOUNT." + account + ".SERVER.CONNS", "$SYS.SERVER.ACCOUNT." + account + ".CONNS"} {
		if s.wanted(subject) {
			s.publish(subject, nil, func(server events.Server) any { return connectionsOf(server, stat) })
		}
	}
}

func connectionsOf(server events.Server, stat AccountStat) accountConnections {
	return accountConnections{events.NewHead(events.TypeConnections), server, stat}
}

// answerConnections tells another server how many connections an account has here.
func (s *Service) answerConnections(r *request) {
	stat, ok := s.host.Account(r.account)
	if !ok || stat.TotalConnections == 0 {
		return
	}
	s.reply(r, false, func(server events.Server) any { return connectionsOf(server, stat) })
}
