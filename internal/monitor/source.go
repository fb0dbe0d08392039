package monitor

import (
	"crypto/tls"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/sharing"
)

// Source is where the endpoints get their data from. Every method returns a
// copy or something immutable, may be called from any goroutine, and never
// blocks on a connection.
type Source interface {
	// Identity is fixed for the life of the server, but for ConfigLoaded.
	Identity() Identity
	// Options in force; immutable.
	Options() *options.Options
	// Totals are the server's counters.
	Totals() Totals
	// Connections returns the open connections, with their subscriptions if
	// wanted, in no order.
	Connections(withSubs bool) []client.Snapshot
	// Connection returns one open connection.
	Connection(id uint64, withSubs bool) (client.Snapshot, bool)
	// Closed returns the remembered closed connections, oldest first, with
	// their subscriptions. Shared: it must not be changed.
	Closed() []client.Snapshot
	// MeasureRTT pings the connections whose round trip is unknown.
	MeasureRTT(ids []uint64)
	// Accounts returns all accounts, sorted by name.
	Accounts() []AccountState
	// AccountTag is the name that an account goes by: that of its claims, if they
	// give one, else the name itself.
	AccountTag(name string) string
	// NotReady names the configured listeners that are not open: "server".
	NotReady() []string
	// TLSConfig is that of the client listener, for https; nil without.
	TLSConfig() *tls.Config
	// JetStream is what is stored, without who and when; nil if JetStream is off.
	JetStream() *api.JSInfo
	// PeerCache is the state of the cache of OCSP responses about peers; nil if
	// there is none.
	PeerCache() *api.OCSPResponseCacheVarz
	// Noticef, Warnf and Errorf log.
	Noticef(format string, args ...any)
	Warnf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Identity says who the server is.
type Identity struct {
	ID, Name      string
	Version       string // that clients and tools see
	Commit        string
	Start         time.Time
	ConfigLoaded  time.Time
	Host          string // as shown to clients: listener or client_advertise
	Port          int    // resolved
	ConnectURLs   []string
	SystemAccount string // empty if there is none
	AuthRequired  bool
	TLSRequired   bool
	TLSVerify     bool
	WebsocketPort int // resolved
	HTTPPort      int // resolved
	HTTPSPort     int
	CertNotAfter  time.Time // zero without TLS
	// Operators are those whom the server believes; none unless in operator mode.
	Operators []*operator.Operator
}

// Totals are counters of the whole server.
type Totals struct {
	Connections                        int
	TotalConnections                   uint64
	InMsgs, InBytes, OutMsgs, OutBytes int64
	SlowConsumers                      int64
	StaleConnections                   int64
	StalledClients                     int64
	Subscriptions                      int
	PinnedFailures                     uint64 // users of accounts that are not for this server
}

// AccountState is an account and what the server knows about it.
type AccountState struct {
	*broker.Account
	Limits           options.AccountLimits
	System           bool
	Connections      int
	TotalConnections int64
	Updated          time.Time // when it was configured
	Lookups          Lookups
	// Offers is what it exports and wants to import; nil means nothing. It is not
	// to be changed.
	Offers *sharing.Account
	Claims *operator.Account // that describe it; nil unless in operator mode
}

// Lookups counts how publishers found the receivers of their messages in an
// account's interest. Who does not count leaves it zero.
type Lookups struct {
	Matches   uint64 // subjects looked up
	CacheHits uint64 // of these, answered by a publisher's cache
	Cached    int    // subjects that are cached now
	Fanout    int    // receivers of all cached subjects together
	FanoutMax int    // most receivers of one cached subject
}
