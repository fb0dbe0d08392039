package reload_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/tests/kit"
)

// Users who stay in their accounts notice nothing, those who move to another are
// sent there by way of a new connection, and those who are gone cannot come back.
//
// Go: TestConfigReloadAccountUsers server/reload_test.go:2835
func TestUsersThatMove(t *testing.T) {
	s := run(t, `accounts {
		synadia { users = [{user: derek, password: derek}, {user: foo, password: foo}] }
		nats.io { users = [{user: ivan, password: ivan}, {user: bar, password: bar}] }
		gone { users = [{user: gone, password: soon}, {user: baz, password: baz}, {user: bat, password: bat}] }
	}`)
	derek := s.client(nats.UserInfo("derek", "derek"))
	own := kit.Subscribe(t, derek, "own")
	closed := make(chan struct{}, 2)
	done := nats.ClosedHandler(func(*nats.Conn) { closed <- struct{}{} })
	s.client(nats.UserInfo("ivan", "ivan"), done)
	s.client(nats.UserInfo("gone", "soon"), done)
	moved := make(chan struct{}, 4)
	for _, name := range []string{"foo", "bar", "baz", "bat"} {
		nc, err := nats.Connect(s.DialURL(), nats.UserInfo(name, name), nats.ReconnectWait(1), kit.Quiet(),
			nats.ReconnectHandler(func(*nats.Conn) { moved <- struct{}{} }), nats.IgnoreAuthErrorAbort())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		kit.Subscribe(t, nc, name)
	}
	if s.subs("synadia", "foo") != 1 || s.subs("nats.io", "bar") != 1 || s.subs("gone", "baz") != 1 || s.NumLoadedAccounts() != 5 {
		t.Error("not all is as configured")
	}

	s.reload(`authorization { users = [{user: foo, password: foo}, {user: baz, password: baz}] }
	accounts {
		synadia { users = [{user: derek, password: derek}, {user: bar, password: bar}] }
		nats.io { users = [{user: bat, password: bat}] }
	}`)
	for range 2 {
		kit.Await(t, "the end of a connection", closed)
	}
	for range 4 {
		kit.Await(t, "a new connection", moved)
	}
	if !derek.IsConnected() || derek.Statistics.Reconnects != 0 {
		t.Error("whoever stayed was disconnected")
	}
	publish(t, derek, "own", "x")
	next(t, own, "x")
	if n := s.NumLoadedAccounts(); n != 4 {
		t.Errorf("%d accounts", n)
	}
	for subject, account := range map[string]string{"foo": "$G", "baz": "$G", "bar": "synadia", "bat": "nats.io"} {
		kit.Eventually(t, subject+" is in "+account, func() bool { return s.subs(account, subject) == 1 })
	}
	if s.subs("synadia", "foo")+s.subs("nats.io", "bar") != 0 {
		t.Error("subscriptions are left in the former accounts")
	}
}

// Go: TestConfigReloadAccountWithNoChanges server/reload_test.go:3052
func TestUnchangedAccounts(t *testing.T) {
	text := `system_account: sys
	accounts { A { users = [{user: a}] }, B { users = [{user: b}] }, C { users = [{user: c}] }, sys { users = [{user: sys}] } }`
	s := run(t, text)
	nc := s.client(nats.UserInfo("a", ""))
	before := uint32(0)
	for range 3 {
		for subject, part := range map[string]string{
			"$SYS.REQ.ACCOUNT.PING.CONNZ": `"num_connections":1`, "$SYS.REQ.SERVER.PING.CONNZ": `"num_connections":1`,
			"$SYS.REQ.ACCOUNT.PING.STATZ": `"conns":1`,
		} {
			m, err := nc.Request(subject, nil, kit.Patience)
			if err != nil || !strings.Contains(string(m.Data), part) {
				t.Fatalf("%s: %v, %v", subject, m, err)
			}
		}
		if n := s.NumSubscriptions(); before != 0 && n != before {
			t.Errorf("%d subscriptions, then %d", before, n)
		}
		before = s.NumSubscriptions()
		s.reload(text)
	}
}

// A reload of accounts does not touch the system account: its listeners get events
// as before, and only once.
//
// Go: TestConfigReloadAccounts server/reload_test.go:4699
func TestEventsGoOn(t *testing.T) {
	text := `system_account: SYS
	accounts { SYS { users = [{user: sys, password: pwd}] }, ACC { users = [{user: usr, password: pwd}] } %s }`
	s := run(t, fmt.Sprintf(text, ", other { users = [{user: notused, password: soon}] }"))
	listener := func() []*kit.Inbox {
		nc := s.client(nats.UserInfo("sys", "pwd"))
		return []*kit.Inbox{kit.Subscribe(t, nc, "$SYS.ACCOUNT.ACC.CONNECT"), kit.Subscribe(t, nc, "$SYS.ACCOUNT.ACC.DISCONNECT")}
	}
	trigger := func(name string, subs ...*kit.Inbox) {
		t.Helper()
		s.client(nats.UserInfo("usr", "pwd"), nats.Name(name)).Close()
		for _, sub := range subs {
			m, err := sub.NextMsg(kit.Patience)
			if err != nil || !strings.Contains(string(m.Data), `"`+name+`"`) {
				t.Fatalf("%s: %v, %v", name, m, err)
			}
		}
	}
	first := listener()
	trigger("before 1", first...)
	trigger("before 2", first...)
	s.reload(fmt.Sprintf(text, ""))
	all := append(listener(), first...)
	trigger("after 1", all...)
	trigger("after 2", all...) // each got "after 1" once
	if s.varz().SystemAccount != "SYS" || s.NumLoadedAccounts() != 3 {
		t.Error("the accounts are not as configured")
	}
}

// Go: TestConfigReloadAccountStreamsImportExport server/reload_test.go:3265
func TestImportedStreams(t *testing.T) {
	config := func(export, deny, imported, prefix string) string {
		return fmt.Sprintf(`no_sys_acc: true
		accounts {
			synadia {
				users [{user: derek, password: foo}]
				exports = [{stream: "private.>", accounts: [nats.io]}, {stream: %q}]
			}
			nats.io {
				users [{user: ivan, password: bar, permissions: {subscribe: {deny: %q}}}]
				imports = [
					{stream: {account: "synadia", subject: %q}}
					{stream: {account: "synadia", subject: "private.natsio.*"}, prefix: %q}
				]
			}
		}`, export, deny, imported, prefix)
	}
	s := run(t, config("foo.*", "xxx", "foo.*", "ivan"))
	violations := make(chan string, 10)
	derek := s.client(nats.UserInfo("derek", "foo"))
	ivan := s.client(nats.UserInfo("ivan", "bar"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		violations <- err.Error()
	}))
	subs := make(map[string]*kit.Inbox)
	for _, subject := range []string{"foo.bar", "foo.baz", "foo.bat", "ivan.private.natsio.*", "ivan.own"} {
		subs[subject] = kit.Subscribe(t, ivan, subject)
	}
	own := kit.Subscribe(t, derek, "derek.own")
	remote := map[string]string{"ivan.private.natsio.*": "private.natsio.foo"}
	check := func(step string, wanted ...string) {
		t.Helper()
		is := func(subject string) bool {
			for _, w := range wanted {
				if w == subject {
					return true
				}
			}
			return false
		}
		for subject, sub := range subs {
			there, from := remote[subject], derek
			if there == "" {
				there = subject
			}
			if subject == "ivan.own" {
				from = ivan
			}
			publish(t, from, there, step)
			if is(subject) || subject == "ivan.own" {
				next(t, sub, step)
			} else if ok := sub.IsValid(); ok {
				nothing(t, ivan, sub)
			}
			if from == derek && (s.subs("synadia", there) == 1) != is(subject) {
				t.Errorf("%s: %d subscriptions to %s in the exporting account", step, s.subs("synadia", there), there)
			}
		}
		publish(t, derek, "derek.own", step)
		next(t, own, step)
	}
	check("start", "foo.bar", "foo.baz", "foo.bat", "ivan.private.natsio.*")
	s.reload(config("foo.*", "foo.bat", "foo.baz", "yyyy"))
	if text := kit.Await(t, "a violation", violations); !strings.Contains(text, `"foo.bat"`) {
		t.Errorf("got %s", text)
	}
	check("fewer", "foo.baz")
	s.reload(config("xxx", "foo.bat", "xxx", "ivan"))
	check("not exported", "ivan.private.natsio.*")
	s.reload(config("foo.*", "xxx", "foo.*", "ivan"))
	check("as before", "foo.bar", "foo.baz", "ivan.private.natsio.*")
}

func TestImportedServices(t *testing.T) {
	config := func(exports, imports string) string {
		return `accounts {
			synadia {
				users [{user: derek, password: foo}]
				exports = [{service: "pub.request"}, {service: "pub.special.request", accounts: [nats.io]} ` + exports + `]
			}
			nats.io {
				users [{user: ivan, password: bar}]
				imports = [{service: {account: "synadia", subject: "pub.special.request"}, to: "foo"} ` + imports + `]
			}
		}`
	}
	s := run(t, config("", `, {service: {account: "synadia", subject: "pub.request"}, to: "bar"}`))
	derek, ivan := s.client(nats.UserInfo("derek", "foo")), s.client(nats.UserInfo("ivan", "bar"))
	serve := func(nc *nats.Conn, subject, reply string) {
		t.Helper()
		if _, err := nc.Subscribe(subject, func(m *nats.Msg) { m.Respond([]byte(reply)) }); err != nil {
			t.Fatal(err)
		}
		kit.Flush(t, nc)
	}
	serve(derek, "pub.special.request", "reply1")
	serve(derek, "pub.request", "reply2")
	serve(derek, "pub.special.request.new", "reply3")
	serve(derek, "derek.own", "private")
	serve(ivan, "ivan.own", "private")
	ask := func(nc *nats.Conn, subject, want string) {
		t.Helper()
		m, err := nc.Request(subject, nil, kit.Patience)
		switch {
		case want == "" && err != nats.ErrNoResponders:
			t.Errorf("%s: got %v, %v, want nobody", subject, m, err)
		case want != "" && (err != nil || string(m.Data) != want):
			t.Errorf("%s: got %v, %v, want %s", subject, m, err, want)
		}
	}
	for _, step := range []struct{ exports, imports, foo, bar, baz string }{
		{"", `, {service: {account: "synadia", subject: "pub.request"}, to: "bar"}`, "reply1", "reply2", ""},
		{`, {service: "pub.special.request.new", accounts: [nats.io]}`,
			`, {service: {account: "synadia", subject: "pub.special.request.new"}, to: "baz"}`, "reply1", "", "reply3"},
		{"", "", "reply1", "", ""},
	} {
		s.reload(config(step.exports, step.imports))
		ask(ivan, "foo", step.foo)
		ask(ivan, "bar", step.bar)
		ask(ivan, "baz", step.baz)
		ask(ivan, "ivan.own", "private")
		ask(derek, "derek.own", "private")
	}
}

// An answer that is under way is delivered though the import was removed
// meanwhile.
func TestAnswersFromRemovedImports(t *testing.T) {
	config := func(imports, limit string) string {
		return `accounts {
			A { users [{user: a, password: a}], exports = [{service: "work"}] }
			B { users [{user: b, password: b}], imports = [` + imports + `], limits { max_payload: ` + limit + ` } }
		}`
	}
	imports := `{service: {account: A, subject: work}}`
	s := run(t, config(imports, "1000"))
	a, b := s.client(nats.UserInfo("a", "a")), s.client(nats.UserInfo("b", "b"))
	work, answers := kit.Subscribe(t, a, "work"), kit.Subscribe(t, b, "answers")
	ask := func() *nats.Msg {
		t.Helper()
		if err := b.PublishRequest("work", "answers", []byte("?")); err != nil {
			t.Fatal(err)
		}
		m, err := work.NextMsg(kit.Patience)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := ask()
	s.reload(config(imports, "2000"))
	if err := m.Respond([]byte("1")); err != nil {
		t.Fatal(err)
	}
	next(t, answers, "1")
	m = ask()
	s.reload(config("", "2000"))
	if err := m.Respond([]byte("2")); err != nil {
		t.Fatal(err)
	}
	next(t, answers, "2")
}

// Go: TestConfigReloadAccountMappings server/reload_test.go:4908
func TestMappings(t *testing.T) {
	config := func(mappings string) string {
		return "accounts { ACC { users = [{user: usr, password: pwd}]\n" + mappings + " } }"
	}
	s := run(t, config("mappings = { foo: bar }"))
	s.reload(config("mappings = { foo: baz }"))
	nc := s.client(nats.UserInfo("usr", "pwd"))
	foo, bar, baz := kit.Subscribe(t, nc, "foo"), kit.Subscribe(t, nc, "bar"), kit.Subscribe(t, nc, "baz")
	publish(t, nc, "foo", "1")
	publish(t, nc, "foo", "2") // from the publisher's memory
	next(t, baz, "1")
	next(t, baz, "2")
	nothing(t, nc, foo)
	s.reload(config(""))
	publish(t, nc, "foo", "3")
	next(t, foo, "3")
	nothing(t, nc, baz)
	s.reload(config("mappings = { foo: bar }"))
	publish(t, nc, "foo", "4")
	next(t, bar, "4")
	nothing(t, nc, foo)

	s.reload("mappings = { one: two }")
	nc = s.client()
	two := kit.Subscribe(t, nc, "two")
	publish(t, nc, "one", "5")
	next(t, two, "5")
}

// Requests between accounts go on while the configuration is read again and again,
// and while limits change; not one answer is lost.
func TestRequestsDuringReloads(t *testing.T) {
	config := func(limit int) string {
		return fmt.Sprintf(`accounts {
			A { users = [{user: a, pass: p}], exports [{service: HELP}] }
			B { users = [{user: b, pass: p}], imports [{service: {account: A, subject: HELP}}], limits { max_conn: %d } }
			$SYS { users = [{user: admin, pass: "s3cr3t!"}] }
		}`, limit)
	}
	s := run(t, config(10))
	a, b := s.client(nats.UserInfo("a", "p")), s.client(nats.UserInfo("b", "p"))
	if _, err := a.Subscribe("HELP", func(m *nats.Msg) { m.Respond([]byte("OK")) }); err != nil {
		t.Fatal(err)
	}
	kit.Flush(t, a)
	var answers atomic.Int64
	if _, err := b.Subscribe("answers", func(*nats.Msg) { answers.Add(1) }); err != nil {
		t.Fatal(err)
	}
	kit.Flush(t, b)
	stop := make(chan struct{})
	var asking sync.WaitGroup
	var requests int64
	asking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			b.PublishRequest("HELP", "answers", []byte("HELP"))
			requests++
			if requests%10 == 0 && b.FlushTimeout(kit.Patience) != nil {
				return
			}
		}
	})
	reloads := 1000
	if testing.Short() || raced {
		reloads = 100
	}
	for i := range reloads {
		if i%10 == 0 {
			s.reload(config(10 + i))
			continue
		}
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	asking.Wait()
	kit.Flush(t, b)
	kit.Eventually(t, "all answers", func() bool { return answers.Load() == requests })
}
