package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/options"
)

// connection is the server's side of a peer.
func (p *peer) connection(s *Server) *client.Client {
	p.t.Helper()
	c := s.clients.get(uint64(p.info["client_id"].(float64)))
	if c == nil {
		p.t.Fatal("the server does not know the connection")
	}
	return c
}

// silent reads for a while and expects nothing.
func (p *peer) silent(d time.Duration) {
	p.t.Helper()
	p.conn.SetReadDeadline(time.Now().Add(d))
	line, err := p.in.ReadString('\n')
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("got %q, %v; want nothing", line, err)
	}
}

// Go: TestClientConnect server/client_test.go:476
func TestWhatConnectSays(t *testing.T) {
	s := start(t, &options.Options{})
	defaults := options.ClientOpts{Verbose: true, Pedantic: true, Echo: true}
	for _, tc := range []struct {
		text   string
		change func(*options.ClientOpts)
	}{
		{`{"verbose":true,"pedantic":true,"tls_required":false,"echo":false}`, func(o *options.ClientOpts) { o.Echo = false }},
		{`{"user":"derek","pass":"foo"}`, func(o *options.ClientOpts) { o.Username, o.Password = "derek", "foo" }},
		{`{"user":"derek","pass":"foo","name":"router"}`, func(o *options.ClientOpts) {
			o.Username, o.Password, o.Name = "derek", "foo", "router"
		}},
		{`{"auth_token":"YZZ222","name":"router"}`, func(o *options.ClientOpts) { o.Token, o.Name = "YZZ222", "router" }},
	} {
		p := dial(t, s)
		p.send("CONNECT " + tc.text + "\r\n")
		p.expect("+OK")
		want := defaults
		tc.change(&want)
		if got := p.connection(s).ConnectOptions(); got != want {
			t.Errorf("%s: got %+v", tc.text, got)
		}
	}
}

// Go: TestNonTLSConnectionState server/client_test.go:467
func TestPlainConnectionsHaveNoTLSState(t *testing.T) {
	s := start(t, &options.Options{})
	c := connect(t, s).connection(s)
	if state := (&applicant{client: c}).GetTLSConnectionState(); state != nil || c.TLSState() != nil {
		t.Errorf("got %v, %v", state, c.TLSState())
	}
}

// Go: TestClientDoesNotAddSubscriptionsWhenConnectionClosed server/client_test.go:1421
func TestClosedConnectionsDoNotSubscribe(t *testing.T) {
	s := start(t, &options.Options{})
	p := connect(t, s)
	p.send("PUB foo -1\r\nSUB foo 1\r\nSUB bar 2\r\n")
	eventually(t, "the end", func() bool { _, err := p.read(); return err != nil })
	lastClosed(t, s, 1)
	if n := clientSubs(s); n != 0 {
		t.Errorf("%d subscriptions after an error", n)
	}
	const kicked = 4
	for i := range kicked {
		p := connect(t, s)
		written := make(chan struct{})
		go func() {
			defer close(written)
			for j := range 1000 {
				if _, err := fmt.Fprintf(p.conn, "SUB foo.%d %d\r\nSUB bar.%d b%d\r\n", j, j, j, j); err != nil {
					return
				}
			}
		}()
		if err := s.DisconnectClientByID(p.connection(s).ID); err != nil {
			t.Error(err)
		}
		lastClosed(t, s, i+2)
		<-written
	}
	if n := clientSubs(s); n != 0 {
		t.Errorf("%d subscriptions of closed connections", n)
	}
}

// Go: TestClientTraceRace server/client_test.go:1727
func TestTraceOfBusyConnections(t *testing.T) {
	s := start(t, &options.Options{Trace: true})
	sub, pub := connect(t, s, `"name":"sub"`), connect(t, s)
	sub.send("SUB foo 1\r\n")
	sub.sync()
	const n = 1000
	var writers sync.WaitGroup
	for _, w := range []struct {
		p       *peer
		subject string
	}{{sub, "bar"}, {pub, "foo"}} {
		writers.Add(1)
		go func() {
			defer writers.Done()
			for range n {
				fmt.Fprintf(w.p.conn, "PUB %s 5\r\nhello\r\n", w.subject)
			}
		}()
	}
	for range n {
		sub.expect("MSG foo 1 5", "hello")
	}
	writers.Wait()
	sub.sync()
	log := s.Logger().(*capture)
	if in, out := log.count("<<- [PUB bar 5]"), log.count("->> [MSG foo 1 5]"); in != n || out != n {
		t.Errorf("traced %d in, %d out", in, out)
	}
}

func TestTheLogNamesWhoWasRefused(t *testing.T) {
	const key = "UD6AYQSOIN2IN5OGC6VQZCR4H3UFMIOXSW6NNS6N53CLJA4PB56CEJJI"
	s := start(t, &options.Options{Username: "u", Password: "p"})
	for _, tc := range []struct{ key, line string }{
		{`"nkey":"` + key + `"`, `authentication error - Nkey "` + key + `"`},
		{`"user":"foo"`, `authentication error - User "foo"`},
		{`"auth_token":"s3cr3t!"`, `authentication error - Token "[REDACTED]"`},
		{`"name":"nobody"`, `cid:4 - authentication error`},
	} {
		p := dial(t, s)
		p.connect(tc.key)
		p.closed(refused)
		logged(t, s, tc.line)
	}
	if s.Logger().(*capture).has("s3cr3t!") {
		t.Error("a token was logged")
	}
}

// Go: TestClientSlowConsumerWithoutConnect server/client_test.go:2416
func TestSlowConsumerThatNeverSentConnect(t *testing.T) {
	s := start(t, &options.Options{WriteDeadline: 100 * time.Millisecond})
	p := dial(t, s)
	p.conn.(*net.TCPConn).SetReadBuffer(16 << 10)
	p.send("SUB foo 1\r\n")
	p.expect("+OK")
	flood(t, s, func() bool { return s.NumSlowConsumers() > 0 })
	lastClosed(t, s, 1)
	v, err := s.Monitor().Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.NumSlowConsumers(); n != 1 || v.SlowConsumersStats.Clients != 1 || v.SlowConsumers != 1 {
		t.Errorf("counted %d; /varz %d, %+v", n, v.SlowConsumers, v.SlowConsumersStats)
	}
}

// Go: TestClientNoSlowConsumerIfConnectExpected server/client_test.go:2459
func TestNoSlowConsumerWhileConnectIsAwaited(t *testing.T) {
	for user, want := range map[string]int64{"ivan": 0, "": 1} {
		s := start(t, &options.Options{Username: user, Password: user, WriteDeadline: 50 * time.Millisecond})
		ours, theirs := net.Pipe() // takes nothing that is not read: not even INFO
		defer ours.Close()
		if !s.serve(client.Identity{Net: theirs, Type: options.ConnectionStandard}) {
			t.Fatal("not served")
		}
		if got := lastClosed(t, s, 1); got != "Slow Consumer (Write Deadline)" {
			t.Errorf("%q: closed: %s", user, got)
		}
		if n := s.NumSlowConsumers(); n != want {
			t.Errorf("%q: %d slow consumers, want %d", user, n, want)
		}
	}
}

// Go: TestClientIPv6Address server/client_test.go:2480
func TestIPv6Clients(t *testing.T) {
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	probe.Close()
	s := start(t, &options.Options{Host: "::1"})
	p := connect(t, s)
	if name := p.connection(s).String(); !strings.HasPrefix(name, "[::1]:") {
		t.Errorf("got %q", name)
	}
	if p.info["client_ip"] != "::1" {
		t.Errorf("client_ip: %v", p.info["client_ip"])
	}
}

// Go: TestCloseConnectionVeryEarly server/client_test.go:2628
func TestConnectionsThatCloseAtOnce(t *testing.T) {
	ca := newAuthority(t)
	for _, o := range []*options.Options{{}, {TLSConfig: ca.server(t)}} {
		s := start(t, o)
		conn, err := dialRaw(s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		lastClosed(t, s, 1)
		// One that breaks before its INFO is written.
		if !s.serve(client.Identity{Net: conn, Type: options.ConnectionStandard}) {
			t.Fatal("not served")
		}
		lastClosed(t, s, 2)
		if n := s.NumClients(); n != 0 {
			t.Errorf("%d clients", n)
		}
	}
}

// Go: TestConnectionStringWithLogConnectionInfo server/client_test.go:4240
func TestTheNameInLogsIsSetOnce(t *testing.T) {
	s := start(t, &options.Options{})
	const keys = `"version":"1.0.0","lang":"go","name":"test-client`
	p := connect(t, s, keys+`"`)
	name := p.connection(s).String()
	want := p.conn.LocalAddr().String() + ` - cid:1 - "v1.0.0:go:test-client"`
	if name != want {
		t.Errorf("got %q, want %q", name, want)
	}
	for range 3 {
		p.connect(keys + `"`)
		p.sync()
	}
	p.connect(keys + `:new"`)
	p.sync()
	if again := p.connection(s).String(); again != name {
		t.Errorf("became %q", again)
	}
}

// Go: TestClientFlushOutboundNoSlowConsumer server/client_test.go:4123
func TestALargeBacklogIsNoSlowConsumer(t *testing.T) {
	const size, n = 8 << 20, 12
	s := start(t, &options.Options{MaxPending: 140 << 20, MaxPayload: size, WriteDeadline: 30 * time.Second})
	sub, pub := stuck(t, s), connect(t, s)
	payload := strings.Repeat("x", size)
	for range n {
		pub.send(fmt.Sprintf("PUB foo %d\r\n", size))
		pub.send(payload)
		pub.send("\r\n")
	}
	pub.sync()
	// More than what one write takes.
	if pending := sub.connection(s).Snapshot(false).Pending; pending <= 64<<20 {
		t.Errorf("only %d bytes pending", pending)
	}
	buf := make([]byte, size)
	for range n {
		sub.expect(fmt.Sprintf("MSG foo 1 %d", size))
		if _, err := io.ReadFull(sub.in, buf); err != nil {
			t.Fatal(err)
		}
		if string(buf) != payload {
			t.Fatal("the payload arrived damaged")
		}
		sub.expect("")
	}
	sub.sync()
	if s.NumSlowConsumers() != 0 {
		t.Errorf("%d slow consumers", s.NumSlowConsumers())
	}
}

// failingListener fails as a listener does that ran out of file descriptors.
type failingListener struct{ net.Listener }

func (failingListener) Accept() (net.Conn, error) { return nil, &net.DNSError{IsTemporary: true} }

// TestPausesAfterErrorsOfAccept: after any error of accept comes a pause, each
// twice the one before up to a second; a shutdown cuts it short.
func TestPausesAfterErrorsOfAccept(t *testing.T) {
	s := start(t, &options.Options{})
	s.tasks.Add(1)
	go s.accept(failingListener{})
	logged(t, s, "sleeping 10ms")
	logged(t, s, "sleeping 20ms")
	logged(t, s, "sleeping 640ms")
	logged(t, s, "sleeping 1000ms")
	if s.Logger().(*capture).has("sleeping 1280ms") {
		t.Error("no limit")
	}
	began := time.Now()
	s.Shutdown() // waits for the goroutine
	if took := time.Since(began); took > 800*time.Millisecond {
		t.Errorf("the pause held the shutdown up for %v", took)
	}
	if sleep(s.ctx, time.Hour) {
		t.Error("pauses after the end")
	}
}

// Go: TestStartProfiler server/server_test.go:162
// Go: TestProfilingNoTimeout server/server_test.go:961
func TestProfiler(t *testing.T) {
	s := start(t, &options.Options{ProfPort: options.RandomPort})
	addr := s.ProfilerAddr()
	if addr == nil || addr.Port <= 0 {
		t.Fatalf("at %v", addr)
	}
	if h := s.profiler.http; h.ReadTimeout != 5*time.Second || h.WriteTimeout != 0 {
		t.Errorf("read %v, write %v", h.ReadTimeout, h.WriteTimeout)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	web := &http.Client{Transport: transport, Timeout: patience}
	for path, want := range map[string]string{
		"/debug/pprof/": "goroutine", "/debug/pprof/goroutine?debug=1": "goroutine profile:", "/debug/pprof/cmdline": os.Args[0],
	} {
		response, err := web.Get("http://" + addr.String() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, %v, %.80q", path, response.Status, err, body)
		}
	}
	s.Shutdown()
	if s.ProfilerAddr() != nil {
		t.Error("profiles after the end")
	}
	if conn, err := dialRaw(addr.String()); err == nil {
		conn.Close()
		t.Error("the port stays open")
	}
}

// Go: TestNilMonitoringPort server/server_test.go:842
func TestNoMonitoringUnlessAskedFor(t *testing.T) {
	if addr := start(t, &options.Options{}).MonitorAddr(); addr != nil {
		t.Errorf("at %v", addr)
	}
}

// Go: TestNoDeadlockOnStartFailure server/server_test.go:688
func TestStartThatFailsHalfWay(t *testing.T) {
	// Documentation addresses belong to no machine.
	s, err := New(&options.Options{Host: "192.0.2.1", Port: 4222, HTTPHost: "127.0.0.1", HTTPPort: options.RandomPort})
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Start() }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-failed:
		if err == nil || !strings.Contains(err.Error(), "192.0.2.1:4222") {
			t.Errorf("got %v", err)
		}
	case <-timer.C:
		t.Fatal("Start does not return")
	}
	s.Shutdown()
	if s.MonitorAddr() != nil || s.Running() {
		t.Error("something still runs")
	}
}

// Go: TestServerLogsConfigurationFile server/server_test.go:2199
func TestTheLogNamesTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	config, file := filepath.Join(dir, "godwit.conf"), filepath.Join(dir, "godwit.log")
	if err := os.WriteFile(config, fmt.Appendf(nil, "listen: \"127.0.0.1:-1\"\nlogfile: '%s'\n", file), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := options.ProcessConfigFile(config)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ConfigureLogger(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	if err := s.SetLogger(nil, false, false); err != nil { // closes the file
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "Using configuration file: "+config) {
		t.Errorf("got %s", text)
	}
}

// Go: TestServerConfigLastLineComments server/server_test.go:2377
func TestCommentAfterTheConfiguration(t *testing.T) {
	s := startConfig(t, "\n{\n\t\"listen\":  \"127.0.0.1:-1\"\n}\n# wibble\n")
	connect(t, s)
}

// Go: TestClosedAuthorizationViolation server/closed_conns_test.go:164
// Go: TestClosedUPAuthorizationViolation server/closed_conns_test.go:187
func TestRefusedConnectionsAreRemembered(t *testing.T) {
	for _, o := range []*options.Options{{Authorization: "my_token"}, {Username: "my_user", Password: "my_secret"}} {
		s := start(t, o)
		for i, key := range []string{`"name":"x"`, `"user":"my_user","pass":"wrong_pass"`} {
			p := dial(t, s)
			p.connect(key)
			p.closed(refused)
			if got := lastClosed(t, s, i+1); got != "Authentication Failure" {
				t.Errorf("closed: %s", got)
			}
		}
		if list, n := s.clients.history(); len(list) != 2 || n != 2 {
			t.Errorf("%d of %d", len(list), n)
		}
	}
}

// Go: TestClosedMaxPayload server/closed_conns_test.go:219
func TestTooLargeConnectionsAreRemembered(t *testing.T) {
	s := start(t, &options.Options{MaxPayload: 100})
	p := dial(t, s)
	p.send("PUB foo.bar 1024\r\n")
	if got := lastClosed(t, s, 1); got != "Maximum Message Payload Exceeded" {
		t.Errorf("closed: %s", got)
	}
	p.closed("-ERR 'Maximum Payload Violation'")
}

// Go: TestClientConnectInfo test/client_auth_test.go:98
func TestInfoAfterConnect(t *testing.T) {
	const accounts = `accounts: {
		SYS: { users: [{ user: sys, password: pwd }] }
		A: { users: [{ user: a, password: pwd }] }
		B: { users: [{ user: b, password: pwd }] }
	}`
	for _, system := range []string{"system_account: SYS\n", ""} {
		s := startConfig(t, system+accounts)
		for _, protocol := range []int{0, 1} {
			for _, u := range []struct {
				user, account string
				system        bool
			}{{"a", "A", false}, {"sys", "SYS", system != ""}, {"b", "B", false}} {
				p := dial(t, s)
				p.connect(`"user":"`+u.user+`"`, `"pass":"pwd"`, fmt.Sprintf(`"protocol":%d`, protocol))
				p.sync()
				if protocol == 0 {
					p.nothing()
					continue
				}
				info := decode(t, strings.TrimPrefix(p.line(), "INFO "))
				if info["connect_info"] != true || info["remote_account"] != u.account || (info["acc_is_sys"] == true) != u.system {
					t.Errorf("%q, %s: %v", system, u.user, info)
				}
			}
		}
	}
}

// Go: TestPingSuppresion test/ping_test.go:191
func TestActiveClientsAreNotPinged(t *testing.T) {
	const interval = 300 * time.Millisecond
	s := start(t, &options.Options{PingInterval: interval})
	began := time.Now()
	p := dial(t, s)
	p.connect()
	p.sync()
	p.expect("PING")
	if took := time.Since(began); took < interval || took > 3*interval {
		t.Errorf("the first PING came after %v", took)
	}
	p.send("PONG\r\n")
	p.silent(interval / 2)
	p.sync()
	p.silent(interval * 3 / 4) // in which the next PING was due
	logged(t, s, "Delaying PING due to remote client data or ping")
	p.expect("PING")
}

// Go: TestNoRaceHighFanoutOrdering test/fanout_test.go:34
func TestOrderInAWideFanout(t *testing.T) {
	const connections, subscriptions, messages = 20, 20, 100
	s := start(t, &options.Options{})
	var readers sync.WaitGroup
	for range connections {
		p := connect(t, s)
		for sid := range subscriptions {
			p.send(fmt.Sprintf("SUB foo %d\r\n", sid))
		}
		p.sync()
		readers.Add(1)
		go func() {
			defer readers.Done()
			next := make(map[string]int)
			for range subscriptions * messages {
				header, err := p.read()
				if err != nil {
					t.Errorf("read: %v", err)
					return
				}
				payload, err := p.read()
				sid := strings.Fields(header)[2]
				if err != nil || payload != fmt.Sprint(next[sid]) {
					t.Errorf("%q: got %q, %v; want %d", header, payload, err, next[sid])
					return
				}
				next[sid]++
			}
		}()
	}
	pub := connect(t, s)
	for i := range messages {
		payload := fmt.Sprint(i)
		pub.send(fmt.Sprintf("PUB foo %d\r\n%s\r\n", len(payload), payload))
	}
	readers.Wait()
}

// Go: TestClientSetPermissionsClearsStaleMsgDenyState server/client_test.go:1184
func TestDeniedDeliveriesEndWithTheirUser(t *testing.T) {
	s := start(t, &options.Options{Users: []*options.User{
		{Username: "limited", Password: "p", Permissions: &options.Permissions{Subscribe: &options.SubjectPermission{Deny: []string{"foo.secret"}}}},
		{Username: "free", Password: "p"},
	}})
	p, pub := connect(t, s, `"user":"limited"`, `"pass":"p"`), connect(t, s, `"user":"free"`, `"pass":"p"`)
	for _, tc := range []struct{ user, secret string }{{"limited", ""}, {"free", "MSG foo.secret 1 1"}, {"limited", ""}} {
		p.connect(`"user":"`+tc.user+`"`, `"pass":"p"`)
		p.send("SUB foo.* 1\r\n")
		p.sync()
		pub.send("PUB foo.secret 1\r\ns\r\nPUB foo.open 1\r\no\r\n")
		pub.sync()
		if tc.secret != "" {
			p.expect(tc.secret, "s")
		}
		p.expect("MSG foo.open 1 1", "o")
		p.sync()
	}
}

// TestFirstPingHonoursRestrictions: a PING instead of CONNECT logs in as the
// no_auth_user, but only where that user may be.
func TestFirstPingHonoursRestrictions(t *testing.T) {
	for _, tc := range []struct {
		restriction string
		allowed     bool
	}{
		{``, true},
		{`, allowed_connection_types: ["WEBSOCKET"]`, false},
		{`, allowed_connection_types: ["STANDARD"]`, true},
		{`, proxy_required: true`, false},
	} {
		s := startConfig(t, `accounts { A { users [{ user: "foo", password: "pwd"`+tc.restriction+` }] } }
			no_auth_user: "foo"`)
		p := dial(t, s)
		p.send("PING\r\n")
		if !tc.allowed {
			p.closed(refused)
			continue
		}
		p.expect("PONG")
		if account := p.connection(s).Account().Name; account != "A" {
			t.Errorf("%q: in account %s", tc.restriction, account)
		}
	}
}

// TestLimitedLogging: what many connections have to say in the same words is
// said once in an interval.
func TestLimitedLogging(t *testing.T) {
	s := start(t, &options.Options{})
	one, two := connect(t, s).connection(s), connect(t, s).connection(s)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	log := s.Logger().(*capture)
	for range 3 {
		s.LogLimited(one, "first text")
		s.LogLimited(two, "first text")
		s.LogLimited(two, "second text")
	}
	if a, b := log.count("first text"), log.count("second text"); a > 2 || b > 2 || a == 0 || b == 0 {
		t.Errorf("%d and %d lines", a, b)
	}
	before := log.count("first text")
	for log.count("first text") == before {
		if !sleep(ctx, 20*time.Millisecond) {
			t.Fatal("suppressed for good")
		}
		s.LogLimited(two, "first text")
	}
}
