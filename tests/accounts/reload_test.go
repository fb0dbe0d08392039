package accounts_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
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
	s, reload := reloadable(t, text("", ""))
	cp, a := connect(t, s, "cp"), connect(t, s, "a")
	serve(t, cp, "q1.>", "reply")
	answers := subscribe(t, a, "q2.inbox")
	strays := subscribe(t, cp, "q2.>")
	check := func() {
		t.Helper()
		publishRequest(t, a, "q1.a", "q2.inbox", "test")
		if m := answers.next(); string(m.Data) != "reply" {
			t.Errorf("the answer is %q", m.Data)
		}
		if got := strays.take(a, cp); got != nil {
			t.Errorf("answers became requests: %q", got)
		}
	}
	check()
	reload(text(`{service: "q3.>", response_type: Singleton}`, `{service: {account: CP, subject: "q3.>"}}`))
	check()
	serve(t, cp, "q3.>", "new")
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
	s, reload := reloadable(t, text("2m"))
	serve(t, connect(t, s, "a"), "HELP", "OK")
	b := connect(t, s, "b")
	var requests, responses atomic.Int64
	must[*nats.Subscription](t)(b.Subscribe("reply", func(*nats.Msg) { responses.Add(1) }))
	flush(t, b)
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
				if err := b.FlushTimeout(patience); err != nil { // so that the server is not buried
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
			ok(t, s.Reload())
		}
	}
	close(done)
	asking.Wait()
	eventually(t, "all requests are answered", func() bool { return responses.Load() >= requests.Load() })
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
	s, reload := reloadable(t, text("foo"))
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
	w := login(t, s, "a")
	w.send(pub("foo", "", ""), pub("bar", "", ""), "PING")
	w.expect(`-ERR 'Permissions Violation for Publish to "bar"'`, "PONG")
}

// Answers that are under way when the service is no longer imported still arrive;
// connections of a removed account are closed.
func TestRemovedImportsLetAnswersThrough(t *testing.T) {
	const exporter = `E { users: [{user: e, password: pw}], exports: [{service: s}, {stream: "t.*"}] }`
	text := func(imports string) string {
		return fmt.Sprintf("accounts { %s\n I { users: [{user: i, password: pw}], imports: [%s] } }", exporter, imports)
	}
	s, reload := reloadable(t, text(`{service: {account: E, subject: s}}, {stream: {account: E, subject: "t.*"}}`))
	e, i := connect(t, s, "e"), connect(t, s, "i")
	service, answers, stream := subscribe(t, e, "s"), subscribe(t, i, "inbox"), subscribe(t, i, "t.>")
	publishRequest(t, i, "s", "inbox", "1")
	m := service.next()
	publish(t, e, "t.1", "before")
	stream.want(e, "t.1=before")
	reload(text(""))
	ok(t, m.Respond([]byte("yes")))
	answers.want(e, "inbox=yes")
	publish(t, e, "t.2", "after")
	stream.want(e)
	publishRequest(t, i, "s", "inbox", "2")
	if n := service.count(i); n != 0 {
		t.Errorf("%d requests without an import", n)
	}
	reload(text(`{stream: {account: E, subject: "t.*"}}`))
	publish(t, e, "t.3", "again")
	stream.want(e, "t.3=again")
	publishRequest(t, i, "s", "inbox", "3")
	reload("accounts { " + exporter + " }")
	eventually(t, "the connection of a removed account is closed", i.IsClosed)
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
	s, reload := reloadable(t, text("I"))
	e, i := connect(t, s, "e"), connect(t, s, "i")
	stream := subscribe(t, i, "t.>")
	publish(t, e, "t.1", "before")
	stream.want(e, "t.1=before")
	refuse(t, text("J"), "stream import not authorized")
	reload(text("I, J"))
	publish(t, e, "t.2", "after")
	stream.want(e, "t.2=after")
}
