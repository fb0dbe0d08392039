package server

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/options"
)

// Go: TestClientCreateAndInfo server/client_test.go:203
// Go: TestAsyncClientWithRunningServer server/client_test.go:184
// Go: TestInfoServerNameDefaultsToPK server/server_test.go:561
// Go: TestRemoteAddress server/client_test.go:596
func TestGreeting(t *testing.T) {
	s := start(t, &options.Options{})
	first, second := dial(t, s), dial(t, s)
	if first.info["server_id"] != s.ID() || first.info["server_name"] != s.ID() {
		t.Errorf("id %v, name %v; want %s", first.info["server_id"], first.info["server_name"], s.ID())
	}
	if first.info["max_payload"] != float64(1<<20) || first.info["headers"] != true || first.info["proto"] != 1.0 {
		t.Errorf("got %v", first.info)
	}
	if first.info["client_ip"] != "127.0.0.1" || first.info["port"] != float64(s.port()) {
		t.Errorf("got %v", first.info)
	}
	for _, key := range []string{"auth_required", "tls_required", "tls_available", "nonce", "connect_urls", "ldm", "connect_info", "remote_account"} {
		if v, ok := first.info[key]; ok {
			t.Errorf("%s is %v", key, v)
		}
	}
	a, b := first.info["client_id"].(float64), second.info["client_id"].(float64)
	if a < 1 || b <= a {
		t.Errorf("ids %v, %v", a, b)
	}
	first.conn.Close()
	eventually(t, "the end", func() bool { return s.NumClients() == 1 })
	if third := dial(t, s); third.info["client_id"].(float64) <= b {
		t.Errorf("an id was used again: %v", third.info["client_id"])
	}
}

// Go: TestInfoServerNameIsSettable server/server_test.go:573
func TestServerName(t *testing.T) {
	s := start(t, &options.Options{ServerName: "one"})
	if p := dial(t, s); p.info["server_name"] != "one" || p.info["server_id"] != s.ID() {
		t.Errorf("got %v", p.info)
	}
	if _, err := New(&options.Options{ServerName: "a b"}); err == nil || err.Error() != "server name cannot contain spaces" {
		t.Errorf("got %v", err)
	}
}

func TestInfoAfterTheFirstPing(t *testing.T) {
	s := startConfig(t, `accounts { A { users [{user: a, password: a}], limits { max_payload: 522 } }, $SYS { users [{user: s, password: s}] } }`)
	p := dial(t, s)
	p.connect(`"protocol":1`, `"user":"a"`, `"pass":"a"`)
	p.send("PING\r\n")
	p.expect("PONG")
	info := decode(t, strings.TrimPrefix(p.line(), "INFO "))
	if info["connect_info"] != true || info["remote_account"] != "A" || info["max_payload"] != 522.0 || info["acc_is_sys"] != nil {
		t.Errorf("got %v", info)
	}
	p.sync() // and none for the second

	p = dial(t, s)
	p.connect(`"protocol":1`, `"user":"s"`, `"pass":"s"`)
	p.send("PING\r\n")
	p.expect("PONG")
	if info := decode(t, strings.TrimPrefix(p.line(), "INFO ")); info["acc_is_sys"] != true || info["remote_account"] != "$SYS" {
		t.Errorf("got %v", info)
	}

	p = dial(t, s)
	p.connect(`"protocol":0`, `"user":"a"`, `"pass":"a"`)
	p.sync()
	p.sync()
}

// Go: TestClientRemoveSubsOnDisconnect server/client_test.go:1407
// Go: TestClientMapRemoval server/client_test.go:1433
func TestDisconnectRemovesEverything(t *testing.T) {
	s := start(t, &options.Options{})
	p := connect(t, s)
	p.send("SUB foo 1\r\nSUB bar q 2\r\n")
	p.sync()
	if s.NumClients() != 1 || clientSubs(s) != 2 {
		t.Fatalf("%d clients, %d subscriptions", s.NumClients(), clientSubs(s))
	}
	p.conn.Close()
	eventually(t, "the end", func() bool { return s.NumClients() == 0 && clientSubs(s) == 0 })
	if got := lastClosed(t, s, 1); got != "Client Closed" {
		t.Errorf("closed: %s", got)
	}
}

// Go: TestMaxConnections server/server_test.go:715
// Go: TestMaxConnectionsPreventsAll server/server_test.go:735
func TestMaxConnections(t *testing.T) {
	s := start(t, &options.Options{MaxConn: 2})
	first, _ := connect(t, s), connect(t, s)
	third := dial(t, s)
	third.closed("-ERR 'maximum connections exceeded'")
	if got := lastClosed(t, s, 1); got != "Maximum Connections Exceeded" {
		t.Errorf("closed: %s", got)
	}
	first.conn.Close()
	lastClosed(t, s, 2)
	connect(t, s)

	none := start(t, &options.Options{MaxConn: -1})
	dial(t, none).closed("-ERR 'maximum connections exceeded'")
}

// Go: TestServerInfoNonce server/nkey_test.go:80
// Go: TestServerInfoNonceAlwaysEnabled server/nkey_test.go:58
func TestNonce(t *testing.T) {
	s := start(t, &options.Options{AlwaysEnableNonce: true})
	form := regexp.MustCompile(`^[A-Za-z0-9_-]{15}$`)
	a, b := dial(t, s), dial(t, s)
	if x, y := a.info["nonce"].(string), b.info["nonce"].(string); !form.MatchString(x) || x == y {
		t.Errorf("nonces %q, %q", x, y)
	}
	a.connect(`"protocol":1`)
	a.send("PING\r\n")
	a.expect("PONG")
	if info := decode(t, strings.TrimPrefix(a.line(), "INFO ")); info["nonce"] != nil {
		t.Errorf("a later INFO has a nonce")
	}
}

// Go: TestCloseConnectionLogsReason server/client_test.go:2591
func TestTheLogNamesTheReason(t *testing.T) {
	s := start(t, &options.Options{})
	p := connect(t, s)
	p.conn.Close()
	logged(t, s, "Client connection closed: Client Closed")
}

// Go: TestClosedConnsAccounting server/closed_conns_test.go:46
// Go: TestClosedConnsSubsAccounting server/closed_conns_test.go:102
func TestClosedConnectionsAreRemembered(t *testing.T) {
	s := start(t, &options.Options{MaxClosedClients: 3})
	for i := range 5 {
		p := connect(t, s)
		p.send(fmt.Sprintf("SUB foo.%d 1\r\nSUB bar 2\r\n", i))
		p.sync()
		p.conn.Close()
		lastClosed(t, s, i+1)
	}
	list, total := s.clients.history()
	if len(list) != 3 || total != 5 {
		t.Fatalf("%d of %d", len(list), total)
	}
	for i, c := range list {
		if c.Subscriptions != 2 || len(c.Subs) != 2 || c.Stop.IsZero() {
			t.Errorf("%+v", c)
		}
		if i > 0 && c.ID < list[i-1].ID {
			t.Error("out of order")
		}
	}
}

// Go: TestAuthorizationTimeout server/client_test.go:1440
// Go: TestClosedAuthorizationTimeout server/closed_conns_test.go:143
func TestAuthenticationTimeout(t *testing.T) {
	s := start(t, &options.Options{Authorization: "my_token", AuthTimeout: 0.05})
	p := dial(t, s)
	p.closed("-ERR 'Authentication Timeout'")
	if got := lastClosed(t, s, 1); got != "Authentication Timeout" {
		t.Errorf("closed: %s", got)
	}
}

// Go: TestPing server/ping_test.go:34
// Go: TestPingInterval test/ping_test.go:103
// Go: TestUnpromptedPong test/ping_test.go:145
func TestServerPings(t *testing.T) {
	s := start(t, &options.Options{PingInterval: 30 * time.Millisecond, MaxPingsOut: 2, DisableShortFirstPing: true})
	p := connect(t, s)
	p.expect("PING", "PING")
	p.send("PONG\r\n")
	p.expect("PING", "PING")
	p.closed("-ERR 'Stale Connection'")
	if got := lastClosed(t, s, 1); got != "Stale Connection" || s.NumStaleConnections() != 1 {
		t.Errorf("closed: %s, %d stale", got, s.NumStaleConnections())
	}
}

// Go: TestLameDuckModeInfo server/server_test.go:1220
func TestLameDuck(t *testing.T) {
	s := start(t, &options.Options{LameDuckDuration: 60 * time.Millisecond, LameDuckGracePeriod: -10 * time.Millisecond})
	p := dial(t, s)
	p.connect(`"protocol":1`)
	p.send("PING\r\n")
	p.expect("PONG")
	p.line() // INFO
	address := s.Addr().String()
	ended := make(chan struct{})
	go func() { s.LameDuckShutdown(); close(ended) }()
	info := decode(t, strings.TrimPrefix(p.line(), "INFO "))
	if info["ldm"] != true {
		t.Errorf("got %v", info)
	}
	if _, err := dialRaw(address); err == nil {
		t.Error("a lame duck accepts connections")
	}
	p.closed()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the lame duck lives on")
	}
	if got := lastClosed(t, s, 1); got != "Server Shutdown" || s.Running() {
		t.Errorf("closed: %s, running %v", got, s.Running())
	}
}

// Go: TestLameDuckOptionsValidation server/server_test.go:990
func TestLameDuckOptions(t *testing.T) {
	_, err := New(&options.Options{LameDuckDuration: 2 * time.Minute, LameDuckGracePeriod: 5 * time.Minute})
	want := "lame duck grace period (5m0s) should be strictly lower than lame duck duration (2m0s)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// Go: TestStartupAndShutdown server/server_test.go:170
// Go: TestConcurrentShutdown server/server_test.go:203
func TestStartAndShutdown(t *testing.T) {
	s := start(t, &options.Options{})
	if !s.Running() {
		t.Fatal("not running")
	}
	p := connect(t, s)
	var done [4]chan struct{}
	for i := range done {
		done[i] = make(chan struct{})
		go func() { s.Shutdown(); close(done[i]) }()
	}
	for _, d := range done {
		<-d
	}
	p.closed()
	if s.Running() || s.NumClients() != 0 || s.Addr() != nil {
		t.Error("still running")
	}
	if err := s.Start(); err == nil {
		t.Error("started again")
	}
	if got := lastClosed(t, s, 1); got != "Server Shutdown" {
		t.Errorf("closed: %s", got)
	}
	var none *Server
	none.Shutdown()
}

func TestABusyPortIsAnError(t *testing.T) {
	first := start(t, &options.Options{})
	s, err := New(&options.Options{Host: "127.0.0.1", Port: first.port()})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Start()
	if err == nil || !strings.HasPrefix(err.Error(), "Error listening on port: 127.0.0.1:") {
		t.Fatalf("got %v", err)
	}
	if s.Running() || s.Err() == nil {
		t.Error("running after a failure")
	}
	<-s.Done()
}

// Go: TestServerInfoWithClientAdvertise test/proto_test.go:299
// Go: TestClientAdvertiseErrorOnStartup server/server_test.go:681
func TestClientAdvertise(t *testing.T) {
	s := start(t, &options.Options{ClientAdvertise: "me:1"})
	if p := dial(t, s); p.info["host"] != "me" || p.info["port"] != 1.0 {
		t.Errorf("got %v:%v", p.info["host"], p.info["port"])
	}
	_, err := New(&options.Options{ClientAdvertise: "addr:::123"})
	if err == nil || !strings.HasPrefix(err.Error(), "Error setting server INFO with ClientAdvertise value of addr:::123, err=") {
		t.Errorf("got %v", err)
	}
}

func TestHostileClientsCostLittle(t *testing.T) {
	s := start(t, &options.Options{})
	good := connect(t, s)
	good.send("SUB foo 1\r\n")
	for _, in := range []string{
		"CONNECT {" + strings.Repeat("x", 1<<20),
		strings.Repeat("SUB foo.bar.baz 1\r\n", 50000),
		"PUB foo 1000000\r\nonly a part",
		"PING" + strings.Repeat("x", 1<<20),
		strings.Repeat(" ", 1<<20),
	} {
		bad := dial(t, s)
		bad.conn.Write([]byte(in)) // may fail: that is the point
		good.send("PUB foo 0\r\n\r\n")
		good.expect("MSG foo 1 0", "")
		bad.conn.Close()
	}
	eventually(t, "the end of the others", func() bool { return s.NumClients() == 1 })
}
