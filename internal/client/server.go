package client

import (
	"crypto/tls"
	"net"
	"reflect"
	"time"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/link"
	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/options"
)

// Settings is what connections need of the options. It is immutable; a reload
// hands out a new one.
type Settings struct {
	AuthRequired bool
	JWT          bool // CONNECT may bring a JWT
	AuthTimeout  time.Duration
	// FirstVerbUser: a connection may begin with any verb and is then
	// authenticated as the no_auth_user.
	FirstVerbUser func(connectionType string) bool

	Headers      bool // the server relays headers
	MaxPayload   int
	ControlLine  int
	MaxSubs      int
	MaxSubTokens int

	PingInterval   time.Duration
	MaxPingsOut    int
	ShortFirstPing bool

	Output        link.Limits
	NoStall       bool // drop for crowded destinations
	NoCache       bool // look every subject up anew
	Debug         bool
	Trace         bool
	TraceSystem   bool // connections of the system account, too
	TraceHeaders  bool
	TraceLength   int
	ProxyProtocol bool

	TLS          *tls.Config // nil without TLS
	TLSTimeout   time.Duration
	TLSFirst     bool
	TLSFallback  time.Duration // wait for a TLS-first client before INFO in plain
	AllowPlain   bool          // allow_non_tls
	Pinned       options.PinnedCertSet
	TLSRateLimit func() bool // whether another handshake may start now; nil: always
	Portable     bool        // connections use the portable path
}

// Binding is the outcome of a successful authentication.
type Binding struct {
	Account     *broker.Account
	Permissions *auth.Permissions // nil: no restrictions
	MaxPayload  int64             // of the account; -1 unlimited
	MaxSubs     int64             // of the account, per connection; -1 unlimited
	Deadline    time.Time         // end of the connection; zero: never
	User        string            // as shown in monitoring
	Label       string            // as shown in the log prefix, e.g. "user:joe"
	IssuerKey   string
	System      bool // the system account
	ProxyKey    string
	// Claims are what an operator's account said of the user; nil without.
	Claims *operator.User
	// Verdict is the decision that the rest follows from, for a review.
	Verdict *auth.Verdict
}

// Same reports whether another binding means the same for the connection.
func (b *Binding) Same(other *Binding) bool {
	return b.Account == other.Account && b.MaxPayload == other.MaxPayload && b.MaxSubs == other.MaxSubs &&
		b.User == other.User && b.Deadline.Equal(other.Deadline) &&
		(b.Permissions == nil) == (other.Permissions == nil) &&
		reflect.DeepEqual(b.Permissions.Raw(), other.Permissions.Raw())
}

// Refusal is why an authentication failed.
type Refusal struct {
	Reason Reason
	Text   string // of the -ERR line
	Log    string // of the error log; empty: nothing
	Debug  []string
	Errors []string // lines of the error log beside Log
	User   string
}

// Server is what a connection asks of the server it belongs to. Its methods may
// be called from any goroutine.
type Server interface {
	// Settings returns those of TCP connections, or of those over WebSocket.
	Settings(web bool) *Settings
	// Info returns the INFO line for the connection. connected is set for the
	// one that follows the first PING.
	Info(c *Client, connected bool) []byte
	// Authenticate decides about the credentials and binds the connection to an
	// account; a former binding is given up.
	Authenticate(c *Client, connect options.ClientOpts) (*Binding, *Refusal)
	// Bound is told that a binding has taken effect.
	Bound(c *Client, b *Binding)
	// Connected is told that a connection was let in by its first CONNECT,
	// Rejected that one was not.
	Connected(c *Client)
	Rejected(c *Client, r *Refusal)
	// Closed is told that a connection ended, after its subscriptions are gone.
	Closed(c *Client)
	SlowConsumer(c *Client)
	StaleConnection(c *Client)
	// Stalled is told that a connection had to wait for its receivers.
	Stalled(c *Client, waited time.Duration)
	Log() logging.Logger
	// LogLimited logs an error unless the same text was logged a moment ago.
	LogLimited(c *Client, text string)
	Flushers() *link.Flushers
}

// Identity is what a connection is known by from its accept on.
type Identity struct {
	ID    uint64
	Net   net.Conn
	Nonce []byte
	Type  string // connection type, for restrictions of users
	// Web is set for connections over WebSocket, whose handshakes are done.
	Web *Web
	// Refuse is set when the connection exceeds max_connections.
	Refuse bool
	Start  time.Time
}
