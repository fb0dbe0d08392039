package system

import (
	"time"

	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/monitor"
	"github.com/godwit-mq/godwit/internal/options"
)

// Host is the server, as far as the system account needs it. Its methods may be
// called from any goroutine.
type Host interface {
	// Describe returns the server's description, without number and time.
	Describe() events.Server
	Monitor() *monitor.Server
	Options() *options.Options
	Log() logging.Logger
	// Standalone reports that no other server can be listening.
	Standalone() bool
	// Statistics are the server's counters now.
	Statistics() Statistics
	// Claims are those that the server uses; nil unless in operator mode.
	Claims() Claims
	// Reload reads the configuration again.
	Reload() error
	// Kick closes a connection; Evacuate tells it to go elsewhere.
	Kick(id uint64) error
	Evacuate(id uint64) error
	// User describes the user of a connection; false if there is none.
	User(id uint64) (UserInfo, bool)
	// Account returns the connections of an account and its traffic; false if
	// there is no such account.
	Account(name string) (AccountStat, bool)
	// ActiveAccounts are the accounts that have connections.
	ActiveAccounts() int
	// CountSubscribers counts the subscriptions of clients, those of a queue or
	// all, that get messages on a subject, or whose subject a pattern covers.
	CountSubscribers(account, subject, queue string) (int, error)
}

// UserInfo is what a user is told about itself.
type UserInfo struct {
	User        string               `json:"user"`
	Account     string               `json:"account"`
	AccountName string               `json:"account_name,omitempty"`
	UserName    string               `json:"user_name,omitempty"`
	Permissions *options.Permissions `json:"permissions,omitempty"`
	Expires     time.Duration        `json:"expires,omitempty"`
}

// Statistics are the counters of the server.
type Statistics struct {
	Start            time.Time    `json:"start"`
	Memory           int64        `json:"mem"`
	Cores            int          `json:"cores"`
	CPU              float64      `json:"cpu"`
	Connections      int          `json:"connections"`
	TotalConnections uint64       `json:"total_connections"`
	ActiveAccounts   int          `json:"active_accounts"`
	Subscriptions    uint32       `json:"subscriptions"`
	Sent             events.Data  `json:"sent"`
	SentToClients    events.Count `json:"sent_to_clients"`
	Received         events.Data  `json:"received"`
	ReceivedClients  events.Count `json:"received_from_clients"`
	SlowConsumers    int64        `json:"slow_consumers"`
	SlowStats        *PerKind     `json:"slow_consumer_stats,omitempty"`
	StaleConnections int64        `json:"stale_connections,omitempty"`
	StaleStats       *PerKind     `json:"stale_connection_stats,omitempty"`
	StalledClients   int64        `json:"stalled_clients,omitempty"`
	ActiveServers    int          `json:"active_servers,omitempty"`
	MemoryLimit      int64        `json:"gomemlimit,omitempty"`
	MaxProcs         int          `json:"gomaxprocs,omitempty"`
}

// PerKind counts by kind of connection.
type PerKind struct {
	Clients  uint64 `json:"clients"`
	Routes   uint64 `json:"routes"`
	Gateways uint64 `json:"gateways"`
	Leafs    uint64 `json:"leafs"`
}

// AccountStat is an account's part of the connections and of the traffic.
type AccountStat struct {
	Account          string      `json:"acc"`
	Name             string      `json:"name"`
	Connections      int         `json:"conns"`
	LeafNodes        int         `json:"leafnodes"`
	TotalConnections int         `json:"total_conns"`
	Subscriptions    uint32      `json:"num_subscriptions"`
	Sent             events.Data `json:"sent"`
	Received         events.Data `json:"received"`
	SlowConsumers    int64       `json:"slow_consumers"`
}
