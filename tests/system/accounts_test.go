package system_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// The system account may ask about any account.
func TestRequestsAboutAnAccount(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys, a := connect(t, s, "sys"), connect(t, s, "a")
	account := func(name, what, body string) object {
		t.Helper()
		return ask(t, sys, "$SYS.REQ.ACCOUNT."+name+"."+what, body)
	}
	before := account("A", "SUBSZ", "").number(t, "data.num_subscriptions")
	if _, err := a.Subscribe("foo", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	kit.Flush(t, a)
	subs := account("A", "SUBSZ", "")
	if n := subs.number(t, "data.num_subscriptions"); n != before+1 {
		t.Errorf("%v subscriptions, %v before", n, before)
	}
	if list := fmt.Sprint(subs.at("data.subscriptions_list")); !strings.Contains(list, "subject:foo") {
		t.Errorf("subscriptions: %s", list)
	}
	account("A", "CONNZ", "").expect(t, map[string]any{
		"data.num_connections": 1, "data.total": 1, "data.connections.0.subscriptions": 1, "data.connections.0.lang": "go",
	})
	account("A", "CONNZ", `{"acc": "SYS", "auth": true}`).expect(t, map[string]any{
		"data.num_connections": 1, "data.connections.0.account": "A", "data.connections.0.authorized_user": "a",
	})
	if leafs := account("A", "LEAFZ", ""); !leafs.has("data.leafs") {
		t.Errorf("LEAFZ: %v", leafs)
	}
	account("A", "JSZ", "").expect(t, map[string]any{"error.code": 500, "data": nil})
	info := account("A", "INFO", "")
	info.expect(t, map[string]any{
		"server.name": "one", "server.host": "127.0.0.1", "data.account_name": "A", "data.is_system": nil, "data.expired": false,
		"data.complete": true, "data.jetstream_enabled": false, "data.client_connections": 1, "data.leafnode_connections": 0,
	})
	if at, _ := info.at("data.update_time").(string); !strings.HasSuffix(at, "Z") {
		t.Errorf("update_time %q", at)
	}
	account("SYS", "INFO", "").expect(t, map[string]any{"data.is_system": true})
	account("NONE", "INFO", "").expect(t, map[string]any{"error.code": 500, "error.description": "Account NONE does not exist"})
	account("A", "CONNS", "").expect(t, map[string]any{
		"type": "io.nats.server.advisory.v1.account_connections", "acc": "A", "conns": 1, "total_conns": 1, "server.name": "one",
	})
	silent(t, sys, "$SYS.REQ.SERVER.PING.IDZ", question{"$SYS.REQ.ACCOUNT.B.CONNS", ""}, question{"$SYS.REQ.ACCOUNT.NONE.CONNS", ""})
}

func TestStatisticsOfAccounts(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys, a := connect(t, s, "sys"), connect(t, s, "a")
	const ping = "$SYS.REQ.ACCOUNT.PING.STATZ"
	names := func(o object) (list []string) {
		t.Helper()
		all, _ := o.at("data.account_statz").([]any)
		for _, stat := range all {
			list = append(list, object(stat.(map[string]any))["acc"].(string))
		}
		return list
	}
	one := ask(t, sys, "$SYS.REQ.ACCOUNT.A.STATZ", "")
	one.expect(t, map[string]any{
		"data.server_id": s.ID(), "data.account_statz.0.acc": "A", "data.account_statz.0.conns": 1, "data.account_statz.0.total_conns": 1,
		"data.account_statz.0.sent.msgs": 0, "data.account_statz.0.received.bytes": 0, "data.account_statz.0.slow_consumers": 0,
	})
	if !one.has("data.now") || !one.has("data.account_statz.0.num_subscriptions") {
		t.Errorf("got %v", one)
	}
	for _, tc := range []struct{ subject, body, want string }{
		{ping, "", "[A SYS]"},
		{ping, `{"accounts": ["SYS"]}`, "[SYS]"},
		{ping, `{"accounts": ["A", "B"]}`, "[A]"},
		{ping, `{"accounts": ["A", "B"], "include_unused": true}`, "[A B]"},
		{"$SYS.REQ.ACCOUNT.B.STATZ", `{"include_unused": true}`, "[B]"},
		{"$SYS.REQ.ACCOUNT.B.STATZ", `{"accounts": ["A"], "include_unused": true}`, "[B]"},
		{"$SYS.REQ.ACCOUNT.NONE.STATZ", `{"include_unused": true}`, "[]"},
	} {
		if got := fmt.Sprint(names(ask(t, sys, tc.subject, tc.body))); got != tc.want {
			t.Errorf("%s %s: %s, want %s", tc.subject, tc.body, got, tc.want)
		}
	}
	silent(t, sys, "$SYS.REQ.SERVER.PING.IDZ",
		question{"$SYS.REQ.ACCOUNT.B.STATZ", ""}, question{ping, `{"accounts": ["B"]}`}, question{"$SYS.REQ.ACCOUNT.NONE.STATZ", ""})

	// An account may ask about itself, and sees only itself.
	sub := kit.Subscribe(t, a, "foo")
	a.Publish("foo", []byte("12345"))
	sub.Next()
	for _, body := range []string{"", `{"accounts": ["SYS"]}`, `{"include_unused": true}`} {
		o := ask(t, a, ping, body)
		if got := fmt.Sprint(names(o)); got != "[A]" {
			t.Errorf("%s: %s", body, got)
		}
		if n := o.number(t, "data.account_statz.0.sent.msgs"); n < 1 {
			t.Errorf("sent %v", n)
		}
	}
}

// Users of any account may see the connections of their own account, and what the
// server knows about themselves. Under the names that the system account uses they
// reach nothing.
func TestWhatAccountsMayAskAboutThemselves(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	a, b := connect(t, s, "a"), connect(t, s, "b")
	connect(t, s, "b")
	for _, subject := range []string{"$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.SERVER.PING.CONNZ"} {
		ask(t, a, subject, `{"auth": true, "acc": "B"}`).expect(t, map[string]any{
			"server.name": "one", "data.num_connections": 1, "data.connections.0.account": "A",
		})
		ask(t, b, subject, "").expect(t, map[string]any{"data.num_connections": 2})
	}
	for _, subject := range []string{
		"$SYS.REQ.ACCOUNT.A.CONNZ", "$SYS.REQ.ACCOUNT.B.CONNZ", "$SYS.REQ.ACCOUNT.B.STATZ", "$SYS.REQ.ACCOUNT.B.INFO", "$SYS.REQ.USER.B.INFO",
		"$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.VARZ", "$SYS.REQ.SERVER.PING.STATSZ", "$SYS.REQ.SERVER.PING.IDZ",
		"$SYS.REQ.SERVER." + s.ID() + ".RELOAD", "$SYS.REQ.SERVER." + s.ID() + ".KICK", "$SYS.REQ.SERVER." + s.ID() + ".CONNZ",
		"$SYS.DEBUG.SUBSCRIBERS", "$SYS.REQ.ACCOUNT.NSUBS",
	} {
		if m, err := a.Request(subject, nil, kit.Patience); err != nats.ErrNoResponders {
			t.Errorf("%s: %v, %v", subject, m, err)
		}
	}
}

// What the system account tells accounts about themselves cannot be imported by
// others under the name of somebody else.
func TestWhatAccountsMayNotImport(t *testing.T) {
	for _, subject := range []string{"$SYS.REQ.ACCOUNT.B.CONNZ", "$SYS.REQ.ACCOUNT.B.STATZ", "$SYS.REQ.ACCOUNT.*.CONNZ", "$SYS.REQ.SERVER.PING.VARZ"} {
		o, err := godwit.ProcessConfigString(`
			system_account: SYS
			accounts {
				SYS { users: [ {user: sys, password: p} ] }
				B   { users: [ {user: b, password: p} ] }
				A   {
					users: [ {user: a, password: p} ]
					imports: [ {service: {account: SYS, subject: "` + subject + `"}, to: mine} ]
				}
			}`)
		if err == nil {
			s := godwittest.Run(t, o)
			connect(t, s, "b")
			if m, err := connect(t, s, "a").Request("mine", nil, kit.Patience); err != nats.ErrNoResponders {
				t.Errorf("%s: %v, %v", subject, m, err)
			}
		} else if !strings.Contains(err.Error(), "not authorized") {
			t.Errorf("%s: %v", subject, err)
		}
	}
}

// What the operator exports takes the place of what the server offers by itself.
func TestExportsOfTheSystemAccount(t *testing.T) {
	s := godwittest.RunConfig(t, `
		system_account: SYS
		accounts {
			SYS {
				users: [ {user: sys, password: p} ]
				exports: [
					{service: "$SYS.REQ.>", accounts: [A]}
					{stream: "$SYS.ACCOUNT.*.>", account_token_position: 3}
				]
			}
			A {
				users: [ {user: a, password: p} ]
				imports: [
					{service: {account: SYS, subject: "$SYS.REQ.SERVER.PING.VARZ"}, to: varz}
					{service: {account: SYS, subject: "$SYS.REQ.ACCOUNT.B.CONNZ"}, to: connz.b}
				]
			}
			B {
				users: [ {user: b, password: p} ]
				imports: [ {stream: {account: SYS, subject: "$SYS.ACCOUNT.B.>"}, prefix: events} ]
			}
		}`)
	a, b := connect(t, s, "a"), connect(t, s, "b")
	if o := ask(t, a, "varz", ""); o.at("data.server_id") != s.ID() {
		t.Errorf("got %v", o)
	}
	ask(t, a, "connz.b", "").expect(t, map[string]any{"data.num_connections": 1})
	sub := kit.Subscribe(t, b, "events.>")
	connect(t, s, "b")
	got := byKind(t, sub, "CONNECT", "CONNS")
	got["CONNECT"].expect(t, map[string]any{"client.acc": "B"})
}

// Go: TestSubszPagination server/events_test.go:4044
func TestPagesOfSubscriptions(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys, a := connect(t, s, "sys"), connect(t, s, "a")
	for i := range 100 {
		if _, err := a.Subscribe(fmt.Sprintf("foo.%d", i), func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		if _, err := a.Subscribe("bar.*", func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
	}
	kit.Flush(t, a)
	page := func(body string) (subjects []string, total float64) {
		t.Helper()
		o := ask(t, sys, "$SYS.REQ.ACCOUNT.A.SUBSZ", body)
		list, _ := o.at("data.subscriptions_list").([]any)
		for _, sub := range list {
			subjects = append(subjects, sub.(map[string]any)["subject"].(string))
		}
		return subjects, o.number(t, "data.total")
	}
	if subs, total := page(`{"subscriptions": true, "limit": 10}`); len(subs) != 10 || total < 110 || total > 120 {
		t.Errorf("%d of %v", len(subs), total)
	}
	if subs, total := page(`{"limit": 5, "test": "bar.A"}`); len(subs) != 5 || total != 10 {
		t.Errorf("%d of %v", len(subs), total)
	}
	if subs, total := page(`{"limit": 5, "offset": 8, "test": "bar.A"}`); len(subs) != 2 || total != 10 {
		t.Errorf("%d of %v", len(subs), total)
	}
	seen := map[string]int{}
	for offset := 0; ; offset += 25 {
		subs, _ := page(fmt.Sprintf(`{"limit": 25, "offset": %d}`, offset))
		if len(subs) == 0 {
			break
		}
		for _, subject := range subs {
			seen[subject]++
		}
	}
	for i := range 100 {
		if n := seen[fmt.Sprintf("foo.%d", i)]; n != 1 {
			t.Errorf("foo.%d is on %d pages", i, n)
		}
	}
	if seen["bar.*"] != 10 {
		t.Errorf("bar.* %d times", seen["bar.*"])
	}
}
