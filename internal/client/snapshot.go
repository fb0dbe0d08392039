package client

import (
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/proxyproto"
)

// TLSInfo is what is known of a connection's TLS session.
type TLSInfo struct {
	State tls.ConnectionState
	First bool // the handshake came before INFO
}

// Summary is what remains of a session when the connection is closed: no
// certificates, which would be kept for long.
func (t *TLSInfo) Summary() *TLSInfo {
	if t == nil {
		return nil
	}
	return &TLSInfo{First: t.First}
}

func tlsVersion(v uint16) string {
	switch v {
	case tls.VersionTLS10:
		return "1.0"
	case tls.VersionTLS11:
		return "1.1"
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return fmt.Sprintf("Unknown [0x%x]", v)
}

// Snapshot is the state of a connection at one moment, for monitoring. It is
// a copy; nothing in it changes.
type Snapshot struct {
	ID            uint64
	Type          string
	Remote        net.Addr // nil for connections inside of the process
	Start         time.Time
	LastActivity  time.Time
	Stop          time.Time // zero while open
	Reason        Reason
	RTT           time.Duration
	Pending       int64
	InMsgs        int64
	InBytes       int64
	OutMsgs       int64
	OutBytes      int64
	Stalls        int64
	Subscriptions int
	Connect       options.ClientOpts
	User          string
	Account       *broker.Account
	IssuerKey     string
	ProxyKey      string
	Claims        *operator.User // what claims said of the user; nil without. Shared.
	TLS           *TLSInfo
	TLSVersion    string
	TLSCipher     string
	Subs          []SubSnapshot // only if asked for
}

// SubSnapshot is one subscription at one moment.
type SubSnapshot struct {
	Subject, Queue, SID string
	Delivered, Max      int64
}

// Snapshot returns the connection's state, with its subscriptions if wanted.
func (c *Client) Snapshot(withSubs bool) Snapshot {
	out := c.conn.Out.Stats()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Snapshot{
		ID: c.ID, Type: c.Type, Remote: c.remote, Start: c.Start, Stop: c.stop, Reason: c.reason,
		RTT: c.rtt, Pending: out.Queued, OutMsgs: out.Messages, OutBytes: out.Payload, Stalls: out.Stalls,
		LastActivity:  time.Unix(0, max(c.active.Load(), out.Active)),
		Subscriptions: len(c.subs), Connect: c.connect, User: c.user, TLS: c.tls,
	}
	if c.pub != nil {
		s.InMsgs, s.InBytes = c.pub.In.Messages.Load(), c.pub.In.Payload.Load()
	}
	if b := c.binding.Load(); b != nil {
		s.Account, s.IssuerKey, s.ProxyKey, s.Claims = b.Account, b.IssuerKey, b.ProxyKey, b.Claims
	}
	if c.tls != nil {
		s.TLSVersion = tlsVersion(c.tls.State.Version)
		s.TLSCipher = tls.CipherSuiteName(c.tls.State.CipherSuite)
	}
	if withSubs {
		s.Subs = make([]SubSnapshot, 0, len(c.subs))
		for _, sub := range c.subs {
			s.Subs = append(s.Subs, SubSnapshot{sub.Subject, sub.Queue, sub.SID, sub.Delivered(), sub.Max()})
		}
	}
	return s
}

// Describe tells who the connection is: its account and round-trip time at
// least, everything if it is to be in full, but for tokens that would let in who
// hears of them. It implements broker.Requestor and may be called from any goroutine.
func (c *Client) Describe(full bool) events.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := events.Client{RTT: c.rtt}
	if c.binding.Load() != nil && c.binding.Load().Account != nil {
		d.Account = c.binding.Load().Account.Name
	}
	if !full {
		return d
	}
	start := c.Start.UTC()
	d.Start, d.Host, d.ID = &start, host(c.remote), c.ID
	d.User, d.Name, d.Lang, d.Version = c.user, c.connect.Name, c.connect.Lang, c.connect.Version
	d.Kind, d.ClientType = "Client", "nats"
	if c.Web != nil {
		d.ClientType = "websocket"
	}
	if !c.stop.IsZero() {
		stop := c.stop.UTC()
		d.Stop = &stop
	}
	if c.binding.Load() != nil {
		b := c.binding.Load()
		d.IssuerKey = b.IssuerKey
		if b.Claims != nil {
			d.NameTag, d.Tags = b.Claims.DisplayName, b.Claims.Tags
		}
		if b.Claims == nil || !b.Claims.Bearer {
			d.JWT = operator.PresentableJWT(c.connect.JWT)
		}
	}
	return d
}

// Registered reports whether the first CONNECT was accepted. It is for the
// connection's own goroutine.
func (c *Client) Registered() bool { return c.connected }

// host is an address without its port.
func host(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.IP.String()
	}
	return ""
}

// ConnectOptions returns what CONNECT said.
func (c *Client) ConnectOptions() options.ClientOpts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connect
}

// TLSState returns the TLS session, nil without one.
func (c *Client) TLSState() *TLSInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tls
}

// adoptProxy takes the address that a PROXY header names for the peer's.
func (c *Client) adoptProxy(h proxyproto.Header) {
	if h.Source == nil {
		return
	}
	c.mu.Lock()
	c.remote = h.Source
	c.proxied = true
	c.mu.Unlock()
}

// ShownIP is the peer's address as INFO shows it: nothing for connections
// inside of the process, and nothing as long as a proxy may still tell another.
func (c *Client) ShownIP(viaProxy bool) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	addr, ok := c.remote.(*net.TCPAddr)
	if !ok || viaProxy && !c.connected {
		return ""
	}
	return addr.IP.String()
}
