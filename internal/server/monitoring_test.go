package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/options"
)

// monitored runs a server with monitoring and without a system account.
func monitored(t testing.TB, o *options.Options) *Server {
	t.Helper()
	o.HTTPHost, o.HTTPPort, o.NoSystemAccount = "127.0.0.1", options.RandomPort, true
	return start(t, o)
}

// monitoredAccounts runs one with the users a and b of the accounts A and B.
func monitoredAccounts(t testing.TB) *Server {
	t.Helper()
	a := &options.Account{Name: "A", Limits: options.UnlimitedAccount()}
	b := &options.Account{Name: "B", Limits: options.UnlimitedAccount()}
	return monitored(t, &options.Options{Accounts: []*options.Account{a, b}, Users: []*options.User{
		{Username: "a", Password: "a", Account: a}, {Username: "b", Password: "b", Account: b},
	}})
}

// fetch asks over HTTP, on a connection of its own.
func fetch(s *Server, path string) (code int, header http.Header, body []byte, err error) {
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: patience}).Get("http://" + s.MonitorAddr().String() + path)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, body, err
}

// ask returns the answer of an endpoint.
func ask[A any](s *Server, path string, code int) (*A, error) {
	got, header, body, err := fetch(s, path)
	if err != nil {
		return nil, err
	}
	if got != code || header.Get("Content-Type") != "application/json" || header.Get("Access-Control-Allow-Origin") != "*" {
		return nil, fmt.Errorf("%s: %d, %v, %s", path, got, header, body)
	}
	answer := new(A)
	return answer, json.Unmarshal(body, answer)
}

func mustAsk[A any](t testing.TB, s *Server, path string) *A {
	t.Helper()
	answer, err := ask[A](s, path, http.StatusOK)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// both returns the answer over HTTP and that of the method.
func both[O, A any](t testing.TB, s *Server, path string, o *O, method func(*O) (*A, error)) map[string]*A {
	t.Helper()
	direct, err := method(o)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*A{"http": mustAsk[A](t, s, path), "method": direct}
}

func connz(t testing.TB, s *Server, query string, o *api.ConnzOptions) map[string]*api.Connz {
	t.Helper()
	return both(t, s, "/connz"+query, o, s.Monitor().Connz)
}

func subsz(t testing.TB, s *Server, query string, o *api.SubszOptions) map[string]*api.Subsz {
	t.Helper()
	return both(t, s, "/subsz"+query, o, s.Monitor().Subsz)
}

// join connects a client of the official library.
func join(t testing.TB, s *Server, more ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL(), append([]nats.Option{nats.NoReconnect()}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// chat connects a client that gets one message of its own and keeps no
// subscription.
func chat(t testing.TB, s *Server, more ...nats.Option) *nats.Conn {
	t.Helper()
	nc := join(t, s, more...)
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, nc, inbox)
	if _, err := sub.NextMsg(patience); err != nil {
		t.Fatal(err)
	}
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	flush(t, nc)
	return nc
}

func subscribe(t testing.TB, nc *nats.Conn, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, nc)
}

func publish(t testing.TB, nc *nats.Conn, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		if err := nc.Publish(subject, []byte("Hello")); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, nc)
}

func flush(t testing.TB, nc *nats.Conn) {
	t.Helper()
	if err := nc.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
}

func noClients(t testing.TB, s *Server) {
	t.Helper()
	eventually(t, "no connection is left", func() bool { return s.NumClients() == 0 })
}

// Go: TestMonitorNoPort server/monitor_test.go:172
// Go: TestNoMonitorPort test/monitor_test.go:91
func TestMonitoringIsGoneWithoutItsPort(t *testing.T) {
	with := monitored(t, &options.Options{})
	address := with.MonitorAddr().String()
	mustAsk[api.Varz](t, with, "/varz")
	with.Shutdown()
	without := start(t, &options.Options{})
	if without.MonitorAddr() != nil || len(without.PortsInfo().Monitoring) != 0 {
		t.Errorf("it listens at %v, %v", without.MonitorAddr(), without.PortsInfo().Monitoring)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: patience}
	for _, path := range []string{"/varz", "/healthz", "/connz"} {
		if resp, err := client.Get("http://" + address + path); err == nil {
			resp.Body.Close()
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

// Go: TestVarz test/monitor_test.go:169
func TestVarzOfAServerWithOneClient(t *testing.T) {
	s := monitored(t, &options.Options{})
	if v := mustAsk[api.Varz](t, s, "/varz"); time.Since(v.Start) > patience || v.Start.After(v.Now) || v.Connections != 0 {
		t.Errorf("started at %v with %d connections", v.Start, v.Connections)
	}
	chat(t, s)
	_, _, body, err := fetch(s, "/varz")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(body), "cluster_port") {
		t.Errorf("a cluster is shown: %s", body)
	}
	var v api.Varz
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	if v.Connections != 1 || v.TotalConnections != 1 || v.InMsgs != 1 || v.OutMsgs != 1 || v.InBytes != 5 || v.OutBytes != 5 {
		t.Errorf("got %+v", v)
	}
	if v.MaxPending != 64<<20 || v.WriteDeadline != 10*time.Second {
		t.Errorf("at most %d bytes in %v", v.MaxPending, v.WriteDeadline)
	}
}

// Go: TestMonitorConnz server/monitor_test.go:436
// Go: TestConnz test/monitor_test.go:247
func TestConnzOfOneClient(t *testing.T) {
	s := monitoredAccounts(t)
	for mode, z := range connz(t, s, "", nil) {
		if z.NumConns != 0 || z.Total != 0 || z.Conns == nil || len(z.Conns) != 0 {
			t.Errorf("%s, before: %+v", mode, z)
		}
	}
	nc := chat(t, s, nats.UserInfo("a", "a"))
	for mode, z := range connz(t, s, "?auth=1", &api.ConnzOptions{Username: true}) {
		if z.ID != s.ID() || z.NumConns != 1 || z.Total != 1 || len(z.Conns) != 1 || z.Limit != 1024 || z.Offset != 0 {
			t.Fatalf("%s: %+v", mode, z)
		}
		c := z.Conns[0]
		_, port, _ := net.SplitHostPort(nc.LocalAddr())
		if c.Cid == 0 || c.IP != "127.0.0.1" || fmt.Sprint(c.Port) != port {
			t.Errorf("%s: %d is at %s:%d", mode, c.Cid, c.IP, c.Port)
		}
		if c.InMsgs != 1 || c.OutMsgs != 1 || c.InBytes != 5 || c.OutBytes != 5 {
			t.Errorf("%s: traffic %+v", mode, c)
		}
		if c.NumSubs != 0 || c.Subs != nil || c.SubsDetail != nil {
			t.Errorf("%s: subscriptions %+v", mode, c)
		}
		if c.Start.IsZero() || c.LastActivity.Before(c.Start) || c.Uptime == "" || c.Idle == "" || c.RTT == "" || c.Stop != nil {
			t.Errorf("%s: times %+v", mode, c)
		}
		if c.Account != "A" || c.NameTag != "A" || c.AuthorizedUser != "a" {
			t.Errorf("%s: user %+v", mode, c)
		}
	}
	subscribe(t, nc, "foo")
	for mode, z := range connz(t, s, "", nil) {
		if c := z.Conns[0]; c.NumSubs != 1 || c.Subs != nil || c.Account != "" {
			t.Errorf("%s, with a subscription: %+v", mode, c)
		}
	}
	nc.Close()
	noClients(t, s)
}

// Go: TestMonitorConnzWithSubs server/monitor_test.go:508
// Go: TestMonitorConnzWithSubsDetail server/monitor_test.go:529
// Go: TestMonitorClosedConnzWithSubsDetail server/monitor_test.go:550
// Go: TestConnzWithSubs test/monitor_test.go:465
func TestConnzWithSubscriptions(t *testing.T) {
	s := monitored(t, &options.Options{})
	nc := chat(t, s)
	subscribe(t, nc, "hello.foo")
	for mode, z := range connz(t, s, "?subs=1", &api.ConnzOptions{Subscriptions: true}) {
		if c := z.Conns[0]; !slices.Equal(c.Subs, []string{"hello.foo"}) || c.SubsDetail != nil {
			t.Errorf("%s: %+v", mode, c)
		}
	}
	detail := func(state string, z *api.Connz) {
		t.Helper()
		if len(z.Conns) != 1 || len(z.Conns[0].SubsDetail) != 1 {
			t.Fatalf("%s: %+v", state, z)
		}
		if d := z.Conns[0].SubsDetail[0]; d.Subject != "hello.foo" || d.Cid != z.Conns[0].Cid || d.Sid == "" {
			t.Errorf("%s: %+v", state, d)
		}
	}
	for mode, z := range connz(t, s, "?subs=detail", &api.ConnzOptions{SubscriptionsDetail: true}) {
		detail("open, "+mode, z)
	}
	nc.Close()
	lastClosed(t, s, 1)
	noClients(t, s)
	for mode, z := range connz(t, s, "?state=closed&subs=detail", &api.ConnzOptions{State: api.ConnClosed, SubscriptionsDetail: true}) {
		detail("closed, "+mode, z)
	}
}

// Go: TestMonitorConnzWithCID server/monitor_test.go:580
func TestConnzOfOneAmongMany(t *testing.T) {
	s := monitored(t, &options.Options{})
	for i := range 10 {
		if nc := chat(t, s); i == 4 {
			subscribe(t, nc, "hello.foo", "hello.bar")
		}
	}
	for mode, z := range connz(t, s, "?cid=5", &api.ConnzOptions{CID: 5}) {
		if len(z.Conns) != 1 || z.NumConns != 1 || z.Conns[0].Cid != 5 || z.Conns[0].NumSubs != 2 {
			t.Errorf("%s: %+v", mode, z)
		}
	}
	for mode, z := range connz(t, s, "?cid=100", &api.ConnzOptions{CID: 100}) {
		if len(z.Conns) != 0 || z.NumConns != 0 {
			t.Errorf("%s, a stranger: %+v", mode, z)
		}
	}
}

// Go: TestMonitorConnzRTT server/monitor_test.go:649
func TestConnzShowsTheRoundTrip(t *testing.T) {
	for _, mode := range []string{"http", "method"} {
		s := monitored(t, &options.Options{})
		chat(t, s)
		// The first answer has the client pinged, a later one shows the result.
		var rtt time.Duration
		eventually(t, "a round trip is measured", func() bool {
			var z *api.Connz
			var err error
			if mode == "http" {
				z, err = ask[api.Connz](s, "/connz", http.StatusOK)
			} else {
				z, err = s.Monitor().Connz(nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			if rtt, err = time.ParseDuration(z.Conns[0].RTT); err != nil {
				t.Fatal(err)
			}
			return rtt > 0
		})
		if rtt < 100*time.Nanosecond || rtt > patience {
			t.Errorf("%s: %v", mode, rtt)
		}
	}
}

// Go: TestMonitorConnzLastActivity server/monitor_test.go:704
func TestConnzLastActivity(t *testing.T) {
	s := monitored(t, &options.Options{})
	foo, bar := join(t, s, nats.Name("foo")), join(t, s, nats.Name("bar"))
	seen := func() (foo, bar time.Time) {
		t.Helper()
		for _, z := range connz(t, s, "?subs=1", &api.ConnzOptions{Subscriptions: true}) {
			for _, c := range z.Conns {
				switch c.Name {
				case "foo":
					foo = c.LastActivity
				case "bar":
					bar = c.LastActivity
				}
			}
		}
		return foo, bar
	}
	foo0, bar0 := seen()
	if foo0.IsZero() || bar0.IsZero() || foo0.After(bar0) {
		t.Fatalf("foo %v, bar %v", foo0, bar0)
	}
	sub, err := foo.SubscribeSync("hello.world")
	if err != nil {
		t.Fatal(err)
	}
	flush(t, foo)
	foo1, bar1 := seen()
	if !foo1.After(foo0) || !bar1.Equal(bar0) {
		t.Errorf("SUB: foo %v, %v; bar %v, %v", foo0, foo1, bar0, bar1)
	}
	publish(t, bar, "hello.world")
	if _, err := sub.NextMsg(patience); err != nil {
		t.Fatal(err)
	}
	foo2, bar2 := seen()
	if !bar2.After(bar1) || !foo2.After(foo1) {
		t.Errorf("PUB and MSG: foo %v, %v; bar %v, %v", foo1, foo2, bar1, bar2)
	}
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	flush(t, foo)
	if foo3, _ := seen(); !foo3.After(foo2) {
		t.Errorf("UNSUB: foo %v, %v", foo2, foo3)
	}
}

// Go: TestMonitorConnzWithOffsetAndLimit server/monitor_test.go:798
// Go: TestConnzWithOffsetAndLimit test/monitor_test.go:687
func TestConnzPages(t *testing.T) {
	s := monitored(t, &options.Options{})
	check := func(offset, limit, wantOffset, wantLimit, shown, total int) {
		t.Helper()
		for mode, z := range connz(t, s, fmt.Sprintf("?offset=%d&limit=%d", offset, limit), &api.ConnzOptions{Offset: offset, Limit: limit}) {
			if z.Conns == nil || len(z.Conns) != shown || z.NumConns != shown || z.Total != total || z.Offset != wantOffset || z.Limit != wantLimit {
				t.Errorf("%s, %d from %d: %+v", mode, limit, offset, z)
			}
		}
	}
	check(1, 1, 1, 1, 0, 0)
	check(-1, -1, 0, 1024, 0, 0)
	chat(t, s)
	chat(t, s)
	check(1, 1, 1, 1, 1, 2)
	check(2, 1, 2, 1, 0, 2)
	check(-11, -11, 0, 1024, 2, 2)
}

// Go: TestMonitorConnzWithNamedClient server/monitor_test.go:1970
func TestConnzShowsTheNameOfAClient(t *testing.T) {
	s := monitored(t, &options.Options{})
	join(t, s, nats.Name("test-client"))
	for mode, z := range connz(t, s, "", nil) {
		if len(z.Conns) != 1 || z.Conns[0].Name != "test-client" || z.Conns[0].Lang != "go" || z.Conns[0].Version != nats.Version {
			t.Errorf("%s: %+v", mode, z)
		}
	}
}

// Go: TestMonitorConnzWithStateForClosedConns server/monitor_test.go:1995
func TestConnzOfOpenAndClosedConnections(t *testing.T) {
	const each = 10
	s := monitored(t, &options.Options{})
	for range each {
		nc := chat(t, s) // has an odd id
		subscribe(t, nc, "hello.closed.conns")
		nc.Close()
		subscribe(t, chat(t, s), "hello.open.conns") // has an even id
	}
	lastClosed(t, s, each)
	eventually(t, "the closed ones are gone", func() bool { return s.NumClients() == each })
	for _, test := range []struct {
		query string
		o     api.ConnzOptions
		want  int
	}{
		{"?state=open", api.ConnzOptions{State: api.ConnOpen}, each},
		{"?state=closed", api.ConnzOptions{State: api.ConnClosed}, each},
		{"?state=ALL", api.ConnzOptions{State: api.ConnAll}, 2 * each},
		{"?cid=1&state=open", api.ConnzOptions{CID: 1, State: api.ConnOpen}, 0},
		{"?cid=1&state=closed", api.ConnzOptions{CID: 1, State: api.ConnClosed}, 1},
		{"?cid=1&state=ALL", api.ConnzOptions{CID: 1, State: api.ConnAll}, 1},
		{"?cid=2&state=open", api.ConnzOptions{CID: 2, State: api.ConnOpen}, 1},
		{"?cid=2&state=all", api.ConnzOptions{CID: 2, State: api.ConnAll}, 1},
		{"?cid=2&state=closed", api.ConnzOptions{CID: 2, State: api.ConnClosed}, 0},
	} {
		for mode, z := range connz(t, s, test.query, &test.o) {
			if len(z.Conns) != test.want {
				t.Errorf("%s, %s: %d connections, want %d", mode, test.query, len(z.Conns), test.want)
			}
			for _, c := range z.Conns {
				if closed := c.Cid%2 == 1; (c.Stop != nil) != closed || (c.Reason == "Client Closed") != closed {
					t.Errorf("%s, %s: %d stopped at %v, %q", mode, test.query, c.Cid, c.Stop, c.Reason)
				}
			}
		}
	}
	for _, subs := range []bool{true, false} {
		var want []string
		if subs {
			want = []string{"hello.closed.conns"}
		}
		for mode, z := range connz(t, s, fmt.Sprintf("?cid=1&state=closed&subs=%t", subs), &api.ConnzOptions{CID: 1, State: api.ConnClosed, Subscriptions: subs}) {
			if c := z.Conns[0]; c.NumSubs != 1 || !slices.Equal(c.Subs, want) {
				t.Errorf("%s, subs=%t: %d, %v", mode, subs, c.NumSubs, c.Subs)
			}
		}
	}
}

// sound checks the times of the only connection that has closed.
func sound(t testing.TB, s *Server) {
	t.Helper()
	lastClosed(t, s, 1)
	for mode, z := range connz(t, s, "?state=closed", &api.ConnzOptions{State: api.ConnClosed}) {
		if len(z.Conns) != 1 || z.Conns[0].Stop == nil {
			t.Fatalf("%s: %+v", mode, z)
		}
		c := z.Conns[0]
		idle, err := time.ParseDuration(c.Idle)
		if err != nil {
			t.Fatal(err)
		}
		if lived := c.Stop.Sub(c.Start); idle > lived || c.LastActivity.Before(c.Start) || c.LastActivity.After(*c.Stop) {
			t.Errorf("%s: lived for %v, idle for %v, from %v to %v, last active at %v", mode, lived, idle, c.Start, c.Stop, c.LastActivity)
		}
	}
}

// Go: TestMonitorConnzClosedConnsBadClient server/monitor_test.go:2124
func TestConnzOfAClientThatSaidNothing(t *testing.T) {
	s := monitored(t, &options.Options{})
	conn, err := dialRaw(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	sound(t, s)
}

// Go: TestConnzWithAuth test/monitor_test.go:498
// Go: TestConnzWithAccounts test/monitor_test.go:545
func TestConnzByAccountAndUser(t *testing.T) {
	s := startConfig(t, `
		listen: "127.0.0.1:-1", http: "127.0.0.1:-1", no_sys_acc: true
		accounts {
			engineering { users = [{user: alice, password: p}, {user: bob, password: p}] }
			legal { users = [{user: john, password: p}, {user: mary, password: p}] }
			finance { users = [{user: peter, password: p}, {user: paul, password: p}] }
		}`)
	users := []string{"alice", "bob", "john", "mary", "peter", "paul"}
	home := map[string]string{"alice": "engineering", "bob": "engineering", "john": "legal", "mary": "legal", "peter": "finance", "paul": "finance"}
	var conns []*nats.Conn
	for _, user := range users {
		conns = append(conns, join(t, s, nats.UserInfo(user, "p")))
	}
	z := mustAsk[api.Connz](t, s, "/connz?auth=1")
	if len(z.Conns) != len(users) || z.NumConns != len(users) {
		t.Fatalf("got %+v", z)
	}
	for i, c := range z.Conns {
		if c.Cid != uint64(i+1) || c.AuthorizedUser != users[i] || c.Account != home[users[i]] {
			t.Errorf("%d: %d, %q of %q", i, c.Cid, c.AuthorizedUser, c.Account)
		}
	}
	filters := func(state string) {
		t.Helper()
		for _, account := range []string{"engineering", "legal", "finance"} {
			z := mustAsk[api.Connz](t, s, "/connz?auth=1&acc="+account+"&state="+state)
			if len(z.Conns) != 2 || z.NumConns != 2 {
				t.Errorf("%s, %s: %d", account, state, len(z.Conns))
			}
			for _, c := range z.Conns {
				if c.Account != account || home[c.AuthorizedUser] != account {
					t.Errorf("%s, %s: %q of %q", account, state, c.AuthorizedUser, c.Account)
				}
			}
		}
		for _, user := range users {
			z := mustAsk[api.Connz](t, s, "/connz?auth=1&user="+user+"&state="+state)
			if len(z.Conns) != 1 || z.NumConns != 1 || z.Conns[0].AuthorizedUser != user {
				t.Errorf("%s, %s: %+v", user, state, z)
			}
		}
	}
	filters("open")
	for _, nc := range conns {
		nc.Close()
	}
	lastClosed(t, s, len(conns))
	noClients(t, s)
	filters("closed")
}

// TestConnzAuthorizedUsers covers who is shown for each way to authenticate
// that needs no JWT.
func TestConnzAuthorizedUsers(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	users := &options.Options{Users: []*options.User{{Username: "user", Password: "pwd"}}, Nkeys: []*options.NkeyUser{{Nkey: key}}}
	for _, test := range []struct {
		o    *options.Options
		by   nats.Option
		want string
	}{
		{users.Clone(), nats.UserInfo("user", "pwd"), "user"},
		{users.Clone(), nats.Nkey(key, pair.Sign), key},
		{&options.Options{Authorization: "sometoken"}, nats.Token("sometoken"), "[REDACTED]"},
	} {
		s := monitored(t, test.o)
		join(t, s, test.by)
		for mode, z := range connz(t, s, "?auth=true", &api.ConnzOptions{Username: true}) {
			if len(z.Conns) != 1 || z.Conns[0].AuthorizedUser != test.want {
				t.Errorf("%s: %+v, want %q", mode, z.Conns, test.want)
			}
		}
	}
}

// Go: TestSubsz server/monitor_test.go:1629
// Go: TestSubsz test/monitor_test.go:729
// Go: TestMonitorSubszDetails server/monitor_test.go:1697
func TestSubszOfOneClient(t *testing.T) {
	s := monitored(t, &options.Options{})
	nc := chat(t, s)
	for mode, z := range subsz(t, s, "", nil) {
		if z.NumSubs != 0 || z.NumInserts != 1 || z.NumRemoves != 1 || z.NumMatches != 1 || z.Subs != nil {
			t.Errorf("%s: %+v, %+v", mode, z, z.SublistStats)
		}
	}
	subscribe(t, nc, "foo.*", "foo.bar", "foo.foo")
	publish(t, nc, "foo.bar", "foo.baz", "foo.foo")
	if z := mustAsk[api.Subsz](t, s, "/subscriptionsz"); z.NumSubs != 3 {
		t.Errorf("the other name: %+v", z.SublistStats)
	}
	delivered := map[string]int64{"foo.*": 3, "foo.bar": 1, "foo.foo": 1}
	for mode, z := range subsz(t, s, "?subs=1", &api.SubszOptions{Subscriptions: true}) {
		if z.NumSubs != 3 || z.Total != 3 || len(z.Subs) != 3 {
			t.Errorf("%s: %+v, %+v", mode, z, z.SublistStats)
		}
		for _, d := range z.Subs {
			if d.Account != "$G" || d.AccountTag != "$G" || d.Cid != 1 || d.Msgs != delivered[d.Subject] || d.Msgs == 0 {
				t.Errorf("%s: %+v", mode, d)
			}
		}
	}
}

// Go: TestMonitorSubszWithOffsetAndLimit server/monitor_test.go:1730
// Go: TestMonitorSubszMultiAccountWithOffsetAndLimit server/monitor_test.go:1896
func TestSubszPages(t *testing.T) {
	var subjects []string
	for i := range 200 {
		subjects = append(subjects, fmt.Sprintf("foo.%d", i))
	}
	s := monitoredAccounts(t)
	for i, user := range []string{"a", "b"} {
		subscribe(t, chat(t, s, nats.UserInfo(user, user)), subjects...)
		held := 200 * (i + 1)
		for mode, z := range subsz(t, s, "?subs=1&offset=10&limit=100", &api.SubszOptions{Subscriptions: true, Offset: 10, Limit: 100}) {
			if int(z.NumSubs) != held || z.Total != held || z.Offset != 10 || z.Limit != 100 || len(z.Subs) != 100 {
				t.Errorf("%s: %d of %d from %d, %d shown, %+v", mode, z.Limit, z.Total, z.Offset, len(z.Subs), z.SublistStats)
			}
		}
	}
}

// Go: TestMonitorSubszTestPubSubject server/monitor_test.go:1794
func TestSubszTellsWhoWouldReceive(t *testing.T) {
	s := monitored(t, &options.Options{})
	subscribe(t, chat(t, s), "foo.*", "foo.bar", "foo.foo")
	for subject, want := range map[string][]string{"foo.foo": {"foo.*", "foo.foo"}, "foo": nil} {
		for mode, z := range subsz(t, s, "?subs=1&test="+subject, &api.SubszOptions{Subscriptions: true, Test: subject}) {
			var got []string
			for _, d := range z.Subs {
				got = append(got, d.Subject)
			}
			if !slices.Equal(got, want) || z.Total != len(want) {
				t.Errorf("%s, %s: %v of %d", mode, subject, got, z.Total)
			}
		}
	}
	for _, bad := range []string{"*", "foo.*", "foo.%3E", "foo..bar"} {
		code, header, body, err := fetch(s, "/subsz?subs=1&test="+bad)
		if err != nil || code != http.StatusBadRequest || header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %d %v %s, %v", bad, code, header, body, err)
		}
	}
}

// Go: TestMonitorSubszMultiAccount server/monitor_test.go:1828
func TestSubszOfTwoAccounts(t *testing.T) {
	s := monitoredAccounts(t)
	for _, user := range []string{"a", "b"} {
		nc := chat(t, s, nats.UserInfo(user, user))
		subscribe(t, nc, "foo.*", "foo.bar", "foo.foo")
		publish(t, nc, "foo.bar", "foo.baz", "foo.foo")
	}
	count := func(z *api.Subsz) map[string]int {
		of := make(map[string]int)
		for _, d := range z.Subs {
			of[d.Account]++
		}
		return of
	}
	for mode, z := range subsz(t, s, "?subs=1", &api.SubszOptions{Subscriptions: true}) {
		if of := count(z); z.NumSubs != 6 || z.Total != 6 || len(z.Subs) != 6 || of["A"] != 3 || of["B"] != 3 {
			t.Errorf("%s: %+v, %v", mode, z.SublistStats, of)
		}
	}
	for mode, z := range subsz(t, s, "?subs=1&acc=A", &api.SubszOptions{Subscriptions: true, Account: "A"}) {
		if of := count(z); z.NumSubs != 3 || z.Total != 3 || len(z.Subs) != 3 || of["A"] != 3 {
			t.Errorf("%s, of A: %+v, %v", mode, z.SublistStats, of)
		}
	}
}

// Go: TestMonitorAccountz server/monitor_test.go:4422
// Go: TestMonitorAccountStatz server/monitor_test.go:4452
func TestAccountsOfAServerWithoutConfiguration(t *testing.T) {
	s := start(t, &options.Options{HTTPHost: "127.0.0.1", HTTPPort: options.RandomPort})
	known := []string{"$G", "$SYS"}
	for mode, z := range both(t, s, "/accountz", nil, s.Monitor().Accountz) {
		if z.ID != s.ID() || !slices.Equal(z.Accounts, known) || z.SystemAccount != "$SYS" || z.Account != nil {
			t.Errorf("%s: %+v", mode, z)
		}
	}
	for mode, z := range both(t, s, "/accountz?acc=$SYS", &api.AccountzOptions{Account: "$SYS"}, s.Monitor().Accountz) {
		if a := z.Account; a == nil || a.AccountName != "$SYS" || a.NameTag != "$SYS" || !a.IsSystem || z.SystemAccount != "$SYS" {
			t.Errorf("%s: %+v", mode, z)
		}
	}
	for mode, z := range both(t, s, "/accstatz?unused=1", &api.AccountStatzOptions{IncludeUnused: true}, s.Monitor().AccountStatz) {
		var names []string
		for _, a := range z.Accounts {
			names = append(names, a.Account)
			if a.Name != a.Account || a.Conns != 0 {
				t.Errorf("%s: %+v", mode, a)
			}
		}
		if z.ID != s.ID() || !slices.Equal(names, known) {
			t.Errorf("%s: %v of %s", mode, names, z.ID)
		}
	}
	chat(t, s)
	for mode, z := range both(t, s, "/accstatz", nil, s.Monitor().AccountStatz) {
		if len(z.Accounts) != 1 || z.Accounts[0].Account != "$G" || z.Accounts[0].Conns != 1 ||
			z.Accounts[0].Received.MsgBytes != (api.MsgBytes{Msgs: 1, Bytes: 5}) || z.Accounts[0].Sent.MsgBytes != (api.MsgBytes{Msgs: 1, Bytes: 5}) {
			t.Errorf("%s, with a client: %+v", mode, z.Accounts)
		}
	}
}

// Go: TestMonitorHealthzStatusOK server/monitor_test.go:6500
// Go: TestMonitorHealthzStatusError server/monitor_test.go:6507
func TestHealthIsReadinessForConnections(t *testing.T) {
	s := monitored(t, &options.Options{LameDuckGracePeriod: patience, LameDuckDuration: 2 * patience})
	check := func(code int, status string) {
		t.Helper()
		for _, path := range []string{"/healthz", "/healthz?js-enabled-only=true", "/healthz?js-server-only=true"} {
			if h, err := ask[api.HealthStatus](s, path, code); err != nil || h.Status != status || (h.Error == "") != (status == "ok") {
				t.Errorf("%s: %+v, %v", path, h, err)
			}
		}
		if h := s.Monitor().Healthz(nil); h.Status != status || h.StatusCode != code {
			t.Errorf("got %+v", h)
		}
	}
	check(http.StatusOK, "ok")
	address := s.Addr().String()
	join(t, s) // holds the server in lame duck mode, where it accepts nobody
	done := make(chan struct{})
	go func() { defer close(done); s.LameDuckShutdown() }()
	eventually(t, "the listener is closed", func() bool { return s.LameDuck() && refuses(address) })
	check(http.StatusInternalServerError, "error")
	s.Shutdown()
	<-done
}

// refuses reports whether nobody listens at an address.
func refuses(address string) bool {
	conn, err := dialRaw(address)
	if err == nil {
		conn.Close()
	}
	return err != nil
}

// Go: TestMonitorVarzRaces server/monitor_test.go:2760
func TestVarzWhileThingsChange(t *testing.T) {
	o := &options.Options{MaxConn: 99, Metadata: map[string]string{"k": "v"}}
	s := monitored(t, o)
	id := s.ID()
	var pollers sync.WaitGroup
	defer pollers.Wait()
	stop := make(chan struct{})
	defer close(stop)
	rounds := make(chan struct{}, 64)
	for range 3 {
		pollers.Go(func() {
			for {
				overHTTP, err := ask[api.Varz](s, "/varz", http.StatusOK)
				direct, err2 := s.Monitor().Varz(nil)
				if err := errors.Join(err, err2); err != nil {
					t.Error(err)
					return
				}
				for _, v := range []*api.Varz{overHTTP, direct} {
					if v.ID != id || v.MaxConn != 99 || v.Metadata["k"] != "v" {
						t.Errorf("got %s, %d, %v", v.ID, v.MaxConn, v.Metadata)
						return
					}
				}
				direct.ID, direct.MaxConn, direct.Metadata["k"] = "abc", -1, "other" // answers are their askers' own
				select {
				case rounds <- struct{}{}:
				case <-stop:
					return
				}
			}
		})
	}
	for i := range 60 {
		o.MaxConn, o.Metadata["k"] = 100+i, "changed" // the caller's struct is the caller's
		if i%10 == 0 {
			chat(t, s).Close()
		}
		select {
		case <-rounds:
		case <-time.After(patience):
			t.Fatal("the pollers are stuck")
		}
	}
}

// Go: TestMonitorConnzAccountRace server/monitor_test.go:6922
func TestConnzWhileConnectionsChooseTheirAccount(t *testing.T) {
	s := monitoredAccounts(t)
	chat(t, s, nats.UserInfo("a", "a")) // is always there
	turns := make(chan struct{}, 1)
	var poller sync.WaitGroup
	poller.Go(func() {
		for range turns {
			for range 5 {
				z, err := s.Monitor().Connz(&api.ConnzOptions{Account: "A", Username: true, State: api.ConnAll})
				if err != nil || len(z.Conns) == 0 {
					t.Errorf("got %+v, %v", z, err)
					continue
				}
				for _, c := range z.Conns {
					if c.Account != "A" || c.AuthorizedUser != "a" {
						t.Errorf("%q of %q", c.AuthorizedUser, c.Account)
					}
				}
			}
		}
	})
	defer poller.Wait()
	defer close(turns)
	for i := range 60 {
		user := string("ab"[i%2])
		p := dial(t, s)
		turns <- struct{}{} // while this one chooses
		p.connect(`"user":"`+user+`"`, `"pass":"`+user+`"`)
		p.sync()
		p.conn.Close()
	}
}

// Go: TestHTTPHost test/monitor_test.go:761
func TestMonitoringOnlyOnItsHost(t *testing.T) {
	s := monitored(t, &options.Options{})
	everywhere := start(t, &options.Options{HTTPHost: "0.0.0.0", HTTPPort: options.RandomPort})
	reach := func(s *Server, ip string) error {
		conn, err := dialRaw(net.JoinHostPort(ip, fmt.Sprint(s.MonitorAddr().Port)))
		if err == nil {
			conn.Close()
		}
		return err
	}
	addresses := []string{"127.0.0.2"}
	found, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range found {
		if network, ok := a.(*net.IPNet); ok && !network.IP.IsLoopback() && network.IP.To4() != nil {
			addresses = append(addresses, network.IP.String())
		}
	}
	tried := 0
	for _, ip := range addresses {
		if reach(everywhere, ip) != nil {
			continue // this machine does not answer there
		}
		tried++
		if reach(s, ip) == nil {
			t.Errorf("monitoring answers on %s", ip)
		}
	}
	if tried == 0 {
		t.Skip("this machine has one address only")
	}
}

// Go: Benchmark_Connz server/monitor_test.go:2679
func BenchmarkConnz(b *testing.B) {
	s := start(b, &options.Options{})
	for range 250 {
		p := connect(b, s)
		var subs strings.Builder
		for i := range 100 {
			fmt.Fprintf(&subs, "SUB foo.%d %d\r\n", i, i+1)
		}
		p.send(subs.String())
		p.sync()
	}
	b.ResetTimer()
	for b.Loop() {
		if z, err := s.Monitor().Connz(&api.ConnzOptions{}); err != nil || len(z.Conns) != 250 {
			b.Fatal(z, err)
		}
	}
}

// Go: Benchmark_Varz server/monitor_test.go:2714
func BenchmarkVarz(b *testing.B) {
	s := start(b, &options.Options{})
	for b.Loop() {
		if _, err := s.Monitor().Varz(nil); err != nil {
			b.Fatal(err)
		}
	}
}

// Go: Benchmark_VarzHttp server/monitor_test.go:2731
func BenchmarkVarzOverHTTP(b *testing.B) {
	s := monitored(b, &options.Options{})
	for b.Loop() {
		mustAsk[api.Varz](b, s, "/varz")
	}
}
