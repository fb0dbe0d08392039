package system_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// head checks what every advisory with a type begins with, and who sends it.
func head(t *testing.T, o object, kind, server string) {
	t.Helper()
	o.expect(t, map[string]any{"type": kind, "server.id": server})
	if id, _ := o.at("id").(string); len(id) != 22 {
		t.Errorf("id is %q", id)
	}
	for _, path := range []string{"timestamp", "server.time"} {
		text, _ := o.at(path).(string)
		if at, err := time.Parse(time.RFC3339Nano, text); err != nil || time.Since(at) > time.Minute || !strings.HasSuffix(text, "Z") {
			t.Errorf("%s is %q", path, text)
		}
	}
}

// byKind receives as many messages as there are kinds and sorts them by the last
// token of the subject.
func byKind(t *testing.T, sub *kit.Inbox, kinds ...string) map[string]object {
	t.Helper()
	got := map[string]object{}
	for range kinds {
		m := sub.Next()
		got[m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]] = decode(t, m.Data)
	}
	for _, kind := range kinds {
		if got[kind] == nil {
			t.Fatalf("no %s among %v", kind, got)
		}
	}
	return got
}

// A connection is announced when it comes and when it goes, with the number of
// connections that its account has then.
//
// Go: TestSystemAccountNewConnection server/events_test.go:200
func TestConnectionsAreAnnounced(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys := connect(t, s, "sys")
	advisories := kit.Subscribe(t, sys, "$SYS.ACCOUNT.A.>")
	older := kit.Subscribe(t, sys, "$SYS.SERVER.ACCOUNT.A.CONNS")
	nc := connect(t, s, "a", nats.Name("a test"))

	got := byKind(t, advisories, "CONNECT", "CONNS")
	came := got["CONNECT"]
	head(t, came, "io.nats.server.advisory.v1.client_connect", s.ID())
	id, err := nc.GetClientID()
	if err != nil {
		t.Fatal(err)
	}
	came.expect(t, map[string]any{
		"server.name": "one", "server.host": "127.0.0.1", "server.jetstream": false,
		"client.acc": "A", "client.user": "a", "client.name": "a test", "client.lang": "go", "client.ver": nats.Version,
		"client.host": "127.0.0.1", "client.id": int(id), "client.kind": "Client", "client.client_type": "nats", "client.name_tag": "A",
	})
	for _, path := range []string{"client.stop", "client.jwt", "client.nonce"} {
		if came.has(path) {
			t.Errorf("%s is there: %v", path, came.at(path))
		}
	}
	head(t, got["CONNS"], "io.nats.server.advisory.v1.account_connections", s.ID())
	one := map[string]any{"acc": "A", "name": "A", "conns": 1, "total_conns": 1, "leafnodes": 0, "sent.msgs": 0, "slow_consumers": 0}
	got["CONNS"].expect(t, one)
	decode(t, older.Next().Data).expect(t, one)

	for _, subject := range []string{"foo", "*"} {
		if _, err := nc.Subscribe(subject, func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		nc.Publish("foo", []byte("HELLO WORLD"))
	}
	kit.Flush(t, nc)
	nc.Close()

	got = byKind(t, advisories, "DISCONNECT", "CONNS")
	gone := got["DISCONNECT"]
	head(t, gone, "io.nats.server.advisory.v1.client_disconnect", s.ID())
	gone.expect(t, map[string]any{
		"client.acc": "A", "client.name": "a test", "client.lang": "go", "client.id": int(id), "reason": "Client Closed",
		"sent.msgs": 10, "sent.bytes": 110, "received.msgs": 20, "received.bytes": 220,
	})
	if gone.at("client.start") != came.at("client.start") || !gone.has("client.stop") {
		t.Errorf("start %v, stop %v", gone.at("client.start"), gone.at("client.stop"))
	}
	if gone.number(t, "server.seq") <= came.number(t, "server.seq") || came.number(t, "server.seq") == 0 {
		t.Errorf("numbers %v, %v", came.at("server.seq"), gone.at("server.seq"))
	}
	none := map[string]any{
		"conns": 0, "total_conns": 0, "leafnodes": 0, "num_subscriptions": int(got["CONNS"].number(t, "num_subscriptions")),
		"received.msgs": 10, "received.bytes": 110, "sent.msgs": 20, "sent.bytes": 220, "sent.routes.msgs": 0, "received.leafs.bytes": 0,
	}
	got["CONNS"].expect(t, none)
	decode(t, older.Next().Data).expect(t, none)
}

// Connections of the global account are announced, their number is not.
//
// Go: TestServerEventsConnectDisconnectForGlobalAcc server/events_test.go:4112
func TestConnectionsOfTheGlobalAccountAreAnnounced(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts { $SYS { users: [ {user: sys, password: p} ] } }`)
	sys := connect(t, s, "sys")
	sub := kit.Subscribe(t, sys, "$SYS.ACCOUNT.$G.>")
	nc := connect(t, s, "")
	if m := sub.Next(); m.Subject != "$SYS.ACCOUNT.$G.CONNECT" {
		t.Errorf("got %s", m.Subject)
	}
	nc.Close()
	if m := sub.Next(); m.Subject != "$SYS.ACCOUNT.$G.DISCONNECT" {
		t.Errorf("got %s", m.Subject)
	}
}

// Go: TestSystemAccountDisconnectBadLogin server/events_test.go:572
// Go: TestServerEventsReceivedByQSubs server/events_test.go:3310
func TestRefusedConnectionsAreAnnounced(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys := connect(t, s, "sys")
	sub := kit.Subscribe(t, sys, "$SYS.SERVER.*.CLIENT.AUTH.ERR")
	queue := kit.Subscribe(t, sys, "$SYS.SERVER.*.CLIENT.AUTH.ERR", "workers")
	others := kit.Subscribe(t, sys, "$SYS.ACCOUNT.>")
	for _, o := range [][]nats.Option{{nats.Name("nobody")}, {nats.Name("nobody"), nats.UserInfo("a", "guess")}} {
		if nc, err := nats.Connect(s.ClientURL(), o...); err == nil {
			nc.Close()
			t.Fatal("connected without credentials")
		}
		for _, sub := range []*kit.Inbox{sub, queue} {
			m := sub.Next()
			if m.Subject != "$SYS.SERVER."+s.ID()+".CLIENT.AUTH.ERR" {
				t.Errorf("got %s", m.Subject)
			}
			o := decode(t, m.Data)
			head(t, o, "io.nats.server.advisory.v1.client_disconnect", s.ID())
			o.expect(t, map[string]any{"reason": "Authentication Failure", "client.name": "nobody", "client.kind": "Client", "sent.msgs": 0})
			if !o.has("client.start") || !o.has("client.stop") {
				t.Errorf("no times: %s", m.Data)
			}
			if strings.Contains(string(m.Data), "guess") {
				t.Errorf("a password in %s", m.Data)
			}
		}
	}
	// Who was not let in has not come, and does not leave.
	connect(t, s, "b")
	if m := others.Next(); !strings.HasPrefix(m.Subject, "$SYS.ACCOUNT.B.") {
		t.Errorf("got %s", m.Subject)
	}
}

// The number of an account's connections comes with what it has sent and received.
//
// Go: TestServerAccountConns server/events_test.go:1773
func TestConnectionNumbersComeWithTraffic(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	nc := connect(t, s, "a")
	sub := kit.Subscribe(t, nc, "foo")
	nc.Publish("foo", []byte("HELLO WORLD"))
	nc.Publish("bar", []byte("HELLO WORLD")) // nobody receives it
	sub.Next()
	kit.Flush(t, nc)
	sys := connect(t, s, "sys")
	numbers := kit.Subscribe(t, sys, "$SYS.ACCOUNT.A.SERVER.CONNS")
	connect(t, s, "a")
	decode(t, numbers.Next().Data).expect(t, map[string]any{
		"conns": 2, "received.msgs": 2, "received.bytes": 22, "sent.msgs": 1, "sent.bytes": 11,
	})
}

// A server says that it is about to end, and that it ends. Both are descriptions
// of the server without anything around them.
func TestTheEndIsAnnounced(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts+"\nlame_duck_duration: 30s\nlame_duck_grace_period: 20s")
	sys := connect(t, s, "sys", nats.NoReconnect())
	sub := kit.Subscribe(t, sys, "$SYS.SERVER.*.*")
	stopped := make(chan struct{})
	go func() { defer close(stopped); s.LameDuckShutdown() }()
	check := func(what string) {
		t.Helper()
		for {
			m := sub.Next()
			if strings.HasSuffix(m.Subject, ".STATSZ") {
				continue
			}
			if m.Subject != "$SYS.SERVER."+s.ID()+"."+what {
				t.Errorf("got %s", m.Subject)
			}
			decode(t, m.Data).expect(t, map[string]any{"name": "one", "id": s.ID(), "host": "127.0.0.1"})
			return
		}
	}
	check("LAMEDUCK")
	go s.Shutdown()
	check("SHUTDOWN")
	select {
	case <-stopped:
	case <-time.After(kit.Patience):
		t.Error("the server does not end")
	}
}

// Other accounts cannot listen in, and cannot pretend.
func TestTheSystemAccountIsApart(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys, a := connect(t, s, "sys"), connect(t, s, "a")
	spied := kit.Subscribe(t, a, "$SYS.>")
	heard := kit.Subscribe(t, sys, "$SYS.ACCOUNT.>")
	a.Publish("$SYS.ACCOUNT.B.CONNECT", []byte("invented"))
	a.Publish("$SYS.REQ.SERVER."+s.ID()+".KICK", []byte(`{"cid": 1}`))
	kit.Flush(t, a)
	b := connect(t, s, "b")
	for range 2 {
		if m := heard.Next(); !strings.HasPrefix(m.Subject, "$SYS.ACCOUNT.B.") || string(m.Data) == "invented" {
			t.Errorf("got %s: %s", m.Subject, m.Data)
		}
	}
	kit.Flush(t, b)
	for range 2 { // its own messages
		if m := spied.Next(); string(m.Data) != "invented" && string(m.Data) != `{"cid": 1}` {
			t.Errorf("spied: %s %s", m.Subject, m.Data)
		}
	}
	if n, _, _ := spied.Pending(); n != 0 {
		t.Errorf("%d more messages spied", n)
	}
}

// Without a system account there is nobody to ask.
func TestNoSystemAccount(t *testing.T) {
	for config, user := range map[string]string{
		"no_system_account: true": "",
		"no_system_account: true\naccounts { $SYS { users: [ {user: sys, password: p} ] } }": "sys",
	} {
		s := godwittest.RunConfig(t, config)
		nc := connect(t, s, user)
		for _, subject := range []string{"$SYS.REQ.USER.INFO", "$SYS.REQ.SERVER.PING.VARZ", "$SYS.REQ.ACCOUNT.PING.CONNZ"} {
			if _, err := nc.Request(subject, nil, kit.Patience); err != nats.ErrNoResponders {
				t.Errorf("%s: %v", subject, err)
			}
		}
	}
}

// Go: TestSystemAccountNoAuthUser server/events_test.go:1715
func TestUsersOfTheSystemAccountAloneLeaveTheGlobalAccountOpen(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts { $SYS { users: [ {user: admin, password: pwd} ] } }`)
	for _, tc := range []struct {
		name, user string // as in a URL
		account    string // empty: refused
	}{
		{"user and password", "admin:pwd@", "$SYS"},
		{"wrong password", "admin:wrong@", ""},
		{"a token", "sometoken@", ""},
		{"user without password is a token", "admin@", ""},
		{"empty password", "admin:@", ""},
		{"nothing", "", "$G"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			nc, err := nats.Connect(strings.Replace(s.ClientURL(), "nats://", "nats://"+tc.user, 1))
			if err != nil {
				if tc.account != "" {
					t.Fatal(err)
				}
				return
			}
			defer nc.Close()
			if got := ask(t, nc, "$SYS.REQ.USER.INFO", "").at("data.account"); got != tc.account {
				t.Errorf("account %v, want %q", got, tc.account)
			}
		})
	}
}

// A server in a program is reached without the network, and announces that too.
func TestConnectionsInsideTheProcess(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sub := kit.Subscribe(t, connect(t, s, "sys"), "$SYS.ACCOUNT.A.CONNECT")
	connect(t, s, "a", nats.InProcessServer(s))
	decode(t, sub.Next().Data).expect(t, map[string]any{"client.acc": "A", "client.kind": "Client"})
}
