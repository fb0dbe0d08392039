package accounts_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/tests/kit"
)

// Requests whose replies lie under another import are answered, before and after a
// reload that adds a service.
//
// Go: TestAccountImportCycle server/accounts_test.go:3797
func TestRepliesUnderAnotherImport(t *testing.T) {
	text := func(export, imports string) string {
		return fmt.Sprintf(`accounts {
			CP { users: [{user: cp, password: pw}], exports: [{service: "q1.>", response_type: Singleton}, {service: "q2.>", response_type: Singleton}, %s] }
			A { users: [{user: a, password: pw}], imports: [{service: {account: CP, subject: "q1.>"}}, {service: {account: CP, subject: "q2.>"}}, %s] }
		}`, export, imports)
	}
	s, reload := kit.Reloadable(t, text("", ""))
	cp, a := kit.Connect(t, s, "cp"), kit.Connect(t, s, "a")
	kit.Serve(t, cp, "q1.>", "reply")
	answers := kit.Subscribe(t, a, "q2.inbox")
	strays := kit.Subscribe(t, cp, "q2.>")
	check := func() {
		t.Helper()
		publishRequest(t, a, "q1.a", "q2.inbox", "test")
		if m := answers.Next(); string(m.Data) != "reply" {
			t.Errorf("the answer is %q", m.Data)
		}
		if got := strays.Take(a, cp); got != nil {
			t.Errorf("answers became requests: %q", got)
		}
	}
	check()
	reload(text(`{service: "q3.>", response_type: Singleton}`, `{service: {account: CP, subject: "q3.>"}}`))
	check()
	kit.Serve(t, cp, "q3.>", "new")
	if got := ask(t, a, "q3.x", ""); got != "new" {
		t.Errorf("the new service answers %q", got)
	}
}

// No answer is lost while the server reads its configuration again and again, be
// it the same or another.
//
// Go: TestAccountReloadServiceImportPanic server/accounts_test.go:3962
func TestReloadsUnderRequests(t *testing.T) {
	text := func(threshold string) string {
		return fmt.Sprintf(`accounts {
			A { users: [{user: a, password: pw}], exports: [{service: HELP, threshold: %q}] }
			B { users: [{user: b, password: pw}], imports: [{service: {account: A, subject: HELP}}] }
			$SYS { users: [{user: admin, password: pw}] }
		}`, threshold)
	}
	s, reload := kit.Reloadable(t, text("2m"))
	kit.Serve(t, kit.Connect(t, s, "a"), "HELP", "OK")
	b := kit.Connect(t, s, "b")
	var requests, responses atomic.Int64
	kit.Must[*nats.Subscription](t)(b.Subscribe("reply", func(*nats.Msg) { responses.Add(1) }))
	kit.Flush(t, b)
	done := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := b.PublishRequest("HELP", "reply", []byte("HELP")); err != nil {
				t.Error(err)
				return
			}
			if requests.Add(1)%100 == 0 {
				if err := b.FlushTimeout(kit.Patience); err != nil { // so that the server is not buried
					t.Error(err)
					return
				}
			}
		}
	})
	for i := range 200 {
		if i%4 == 0 {
			reload(text(fmt.Sprintf("%dm", 2+i%8)))
		} else {
			kit.OK(t, s.Reload())
		}
	}
	close(done)
	asking.Wait()
	kit.Eventually(t, "all requests are answered", func() bool { return responses.Load() >= requests.Load() })
	if asked, got := requests.Load(), responses.Load(); asked != got {
		t.Errorf("%d answers to %d requests", got, asked)
	}
}

// Clients that connect while default permissions change get the ones or the
// others.
//
// Go: TestAccountDefaultPermsRaceDuringAuth server/accounts_test.go:4258
func TestDefaultPermissionsChangeDuringLogins(t *testing.T) {
	text := func(subject string) string {
		return fmt.Sprintf(`accounts { A { default_permissions: {publish: %s}, users: [{user: a, password: pw}] } }`, subject)
	}
	s, reload := kit.Reloadable(t, text("foo"))
	var logins sync.WaitGroup
	for range 4 {
		logins.Go(func() {
			for range 20 {
				nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("a", "pw"), nats.NoReconnect())
				if err != nil {
					t.Errorf("connect: %v", err)
					return
				}
				nc.Close()
			}
		})
	}
	for i := range 60 {
		reload(text([]string{"bar", "foo"}[i%2]))
	}
	logins.Wait()
	w := kit.Login(t, s.Addr(), "a")
	w.Send(kit.Pub("foo", "", ""), kit.Pub("bar", "", ""), "PING")
	w.Expect(`-ERR 'Permissions Violation for Publish to "bar"'`, "PONG")
}

// Answers that are under way when the service is no longer imported still arrive;
// connections of a removed account are closed.
func TestRemovedImportsLetAnswersThrough(t *testing.T) {
	const exporter = `E { users: [{user: e, password: pw}], exports: [{service: s}, {stream: "t.*"}] }`
	text := func(imports string) string {
		return fmt.Sprintf("accounts { %s\n I { users: [{user: i, password: pw}], imports: [%s] } }", exporter, imports)
	}
	s, reload := kit.Reloadable(t, text(`{service: {account: E, subject: s}}, {stream: {account: E, subject: "t.*"}}`))
	e, i := kit.Connect(t, s, "e"), kit.Connect(t, s, "i")
	service, answers, stream := kit.Subscribe(t, e, "s"), kit.Subscribe(t, i, "inbox"), kit.Subscribe(t, i, "t.>")
	publishRequest(t, i, "s", "inbox", "1")
	m := service.Next()
	publish(t, e, "t.1", "before")
	stream.Want(e, "t.1=before")
	reload(text(""))
	kit.OK(t, m.Respond([]byte("yes")))
	answers.Want(e, "inbox=yes")
	publish(t, e, "t.2", "after")
	stream.Want(e)
	publishRequest(t, i, "s", "inbox", "2")
	if n := service.Count(i); n != 0 {
		t.Errorf("%d requests without an import", n)
	}
	reload(text(`{stream: {account: E, subject: "t.*"}}`))
	publish(t, e, "t.3", "again")
	stream.Want(e, "t.3=again")
	publishRequest(t, i, "s", "inbox", "3")
	reload("accounts { " + exporter + " }")
	kit.Eventually(t, "the connection of a removed account is closed", i.IsClosed)
	if n := ownSubscriptions(t, s, "E"); n != 2 { // the service, and that for the answers
		t.Errorf("%d subscriptions in E", n)
	}
}

// An exporter that closes its door ends the imports of others.
func TestWithdrawnExportsEndImports(t *testing.T) {
	text := func(accounts string) string {
		return fmt.Sprintf(`accounts {
			E { users: [{user: e, password: pw}], exports: [{stream: "t.*", accounts: [%s]}] }
			I { users: [{user: i, password: pw}], imports: [{stream: {account: E, subject: "t.*"}}] }
			J {}
		}`, accounts)
	}
	s, reload := kit.Reloadable(t, text("I"))
	e, i := kit.Connect(t, s, "e"), kit.Connect(t, s, "i")
	stream := kit.Subscribe(t, i, "t.>")
	publish(t, e, "t.1", "before")
	stream.Want(e, "t.1=before")
	refuse(t, text("J"), "stream import not authorized")
	reload(text("I, J"))
	publish(t, e, "t.2", "after")
	stream.Want(e, "t.2=after")
}
