package load

import (
	"crypto/tls"
	"fmt"
	"time"
)

// Config names the configuration that a server needs for a scenario.
type Config string

// The configurations. Whoever starts the server provides them; see UserPlain and UserWithPermissions for the last.
const (
	ConfigPlain       Config = "plain"
	ConfigTLS         Config = "tls"
	ConfigPermissions Config = "permissions"
	ConfigImports     Config = "imports"
	ConfigAccounts    Config = "accounts"
	ConfigWeb         Config = "websocket"            // clients come over WebSocket
	ConfigWebDeflate  Config = "websocket-compressed" // and compress
)

// Web reports whether clients come over WebSocket.
func (c Config) Web() bool { return c == ConfigWeb || c == ConfigWebDeflate }

// Users of ConfigPermissions: UserPlain may do everything, each of the UserCount users with permissions may publish
// and subscribe to "bench.>" and "_INBOX.>" but is denied SubjectDenied both ways.
const (
	UserPlain     = "plain"
	UserPassword  = "loopback"
	UserCount     = 1000
	SubjectDenied = "bench.denied.>"
)

// Users of ConfigImports, in accounts of their own: one offers the service "bench.request", which the other imports.
const (
	UserExporter = "exporter"
	UserImporter = "importer"
)

// UserWithPermissions returns the name of the i-th of the UserCount users.
func UserWithPermissions(i int) string { return fmt.Sprintf("user%04d", i) }

// Target is the server to be driven.
type Target struct {
	Address string        // host:port, IPv4 loopback; of the WebSocket listener if the scenario's configuration has one
	PID     int           // the server's process, for CPU time and memory
	Monitor string        // base URL of its monitoring endpoint; empty: not asked
	Started time.Duration // from the start of the process to its greeting
	TLS     *tls.Config
	Reload  Reload // nil: not possible
}

// Settings are the sizes of a run. DefaultSettings has the usual ones.
type Settings struct {
	Duration      time.Duration // of the measured work of throughput and latency scenarios
	Warmup        time.Duration // the same work before it, not measured
	Stall         time.Duration // a run in which nothing moves for so long has failed
	Stuck         time.Duration // how long "stuck" publishes beside a subscriber that never reads
	Settle        time.Duration // wait of the idle scenarios before memory is read
	Window        int           // bytes by which a publisher may be ahead of one receiver
	WindowTotal   int           // the same over all receivers of a publisher
	Idle          int           // connections of idle-10k
	IdleTLS       int           // connections of idle-tls
	Subscriptions int           // subscriptions of subs-200k
	Subjects      int           // subjects of 100k-subjects
	FanOut        int           // subscribers of 1to1000-128B
	Pairs         int           // pairs of 200pairs
}

// DefaultSettings returns the settings that the scenario names promise.
func DefaultSettings() Settings {
	return Settings{
		Duration:      2 * time.Second,
		Warmup:        250 * time.Millisecond,
		Stall:         15 * time.Second,
		Stuck:         30 * time.Second,
		Settle:        3 * time.Second,
		Window:        4 << 20,
		WindowTotal:   64 << 20,
		Idle:          10_000,
		IdleTLS:       2_000,
		Subscriptions: 200_000,
		Subjects:      100_000,
		FanOut:        1000,
		Pairs:         200,
	}
}

// Quick returns the settings cut short, for a look at whether everything works. The numbers are noisier.
func (s Settings) Quick() Settings {
	s.Duration, s.Warmup = 400*time.Millisecond, 100*time.Millisecond
	s.Stuck, s.Settle = 3*time.Second, 600*time.Millisecond
	return s
}

// Longest returns a time that no run that still moves exceeds.
func (s Settings) Longest() time.Duration {
	return 10*(s.Duration+s.Warmup) + 2*s.Stuck + 2*s.Settle + 4*s.Stall + 2*time.Minute
}

// Validate reports the first setting that cannot be used.
func (s Settings) Validate() error {
	for name, d := range map[string]time.Duration{"duration": s.Duration, "stall": s.Stall, "stuck time": s.Stuck} {
		if d <= 0 {
			return fmt.Errorf("%s must be positive, not %v", name, d)
		}
	}
	if s.Warmup < 0 || s.Settle < 0 {
		return fmt.Errorf("warm-up (%v) and settle time (%v) must not be negative", s.Warmup, s.Settle)
	}
	if s.Settle >= s.Stall {
		return fmt.Errorf("settle time (%v) must be shorter than the stall limit (%v)", s.Settle, s.Stall)
	}
	if s.Window < 64<<10 || s.WindowTotal < s.Window {
		return fmt.Errorf("window of %d bytes: at least 64 KB, and at most the total window (%d)", s.Window, s.WindowTotal)
	}
	for name, n := range map[string]int{"idle": s.Idle, "idle TLS": s.IdleTLS, "subscriptions": s.Subscriptions,
		"subjects": s.Subjects, "fan-out": s.FanOut, "pairs": s.Pairs} {
		if n < 1 || n > tokens {
			return fmt.Errorf("%s: %d is not between 1 and %d", name, n, tokens)
		}
	}
	return nil
}

// Scenario is one line of the table.
type Scenario struct {
	Name   string
	Unit   string // what is counted: rate is in Units per second, CPU in microseconds per Unit
	What   string // one sentence
	Config Config
	run    func(*run) error
}

// Catalogue returns all scenarios in the order of the table.
func Catalogue() []Scenario {
	return []Scenario{
		{"pub-16B", "message", "one publisher of 16 bytes, nobody listens", ConfigPlain, publishOnly},
		{"1to1-128B", "delivery", "one publisher, one subscriber", ConfigPlain, fanOut(1, 128)},
		{"1to1-64KB", "delivery", "one publisher, one subscriber, large payload", ConfigPlain, fanOut(1, 64<<10)},
		{"1to10-128B", "delivery", "one publisher, ten subscribers", ConfigPlain, fanOut(10, 128)},
		{"1to10-8KB", "delivery", "one publisher, ten subscribers, 8 KB", ConfigPlain, fanOut(10, 8<<10)},
		{"1to1000-128B", "delivery", "one publisher, a thousand subscribers", ConfigPlain, wideFanOut},
		{"4pairs-128B", "delivery", "four publishers, each with a subscriber of its own", ConfigPlain, pairsFlow},
		{"4to1-128B", "delivery", "four publishers to one subject, one subscriber", ConfigPlain, fanIn},
		{"100k-subjects", "delivery", "one publisher over 100,000 subjects, one wildcard subscriber", ConfigPlain, manySubjects},
		{"queue4", "delivery", "one publisher, a queue group of four", ConfigPlain, queueGroup},
		{"reqrep-1", "request", "request and reply, one in flight", ConfigPlain, requestOne},
		{"reqrep-64", "request", "request and reply, 64 in flight", ConfigPlain, requestMany},
		{"reqrep-import", "request", "request and reply through a service import, one in flight", ConfigImports, requestImported},
		{"200pairs", "delivery", "200 publishers write one message each in turn, 200 subscribers read", ConfigPlain, pairsInTurn},
		{"subs-200k", "operation", "200,000 subscriptions added and removed on one connection", ConfigPlain, subscriptions},
		{"idle-10k", "connection", "10,000 connections that do nothing", ConfigPlain, idlePlain},
		{"idle-tls", "connection", "2,000 TLS connections that do nothing", ConfigTLS, idleTLS},
		{"tls-1to1-128B", "delivery", "1to1-128B over TLS", ConfigTLS, fanOut(1, 128)},
		{"ws-1to1-128B", "delivery", "1to1-128B over WebSocket", ConfigWeb, fanOut(1, 128)},
		{"ws-1to10-128B", "delivery", "1to10-128B over WebSocket", ConfigWeb, fanOut(10, 128)},
		{"wsz-1to1-128B", "delivery", "1to1-128B over WebSocket, compressed", ConfigWebDeflate, fanOut(1, 128)},
		{"wsz-1to10-128B", "delivery", "1to10-128B over WebSocket, compressed", ConfigWebDeflate, fanOut(10, 128)},
		{"stuck", "delivery", "one publisher, nine subscribers and a tenth that never reads", ConfigPlain, stuck},
		{"accounts-10k", "connection", "10,000 accounts with ten users each: time to start, memory", ConfigAccounts, manyAccounts},
		{"reload-10k", "request", "request and reply, one in flight, while 10,000 accounts with ten users each are reloaded", ConfigAccounts, requestWhileReloading},
		{"perms", "delivery", "1to1-128B between two of 1,000 users with permissions", ConfigPermissions, permissions},
	}
}

// Find returns the scenario of that name.
func Find(name string) (Scenario, error) {
	for _, s := range Catalogue() {
		if s.Name == name {
			return s, nil
		}
	}
	return Scenario{}, fmt.Errorf("no scenario %q", name)
}
