package reload_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nkeys"
)

// roles is a configuration with a user who may do everything, one who may do
// little, and one with what is left for everybody.
func roles(publish, subscribe, allow, deny string) string {
	return `authorization {
		super = { publish = ">", subscribe = ">" }
		requestor = { publish = ` + publish + `, subscribe = ` + subscribe + ` }
		default_permissions: { subscribe: { allow: ` + allow + `, deny: ` + deny + ` } }
		users = [
			{user: alice, password: foo, permissions: $super}
			{user: bob, password: bar, permissions: $requestor}
			{user: susan, password: baz}
		]
	}`
}

// Go: TestConfigReloadChangePermissions server/reload_test.go:1205
func TestOtherPermissions(t *testing.T) {
	s := run(t, roles(`["req.foo", "req.bar"]`, `"_INBOX.>"`, `["PUBLIC.>", "foo.*"]`, `"foo.bar"`))
	alice, bob, susan := s.peer(`"user":"alice","pass":"foo"`), s.peer(`"user":"bob","pass":"bar"`), s.peer(`"user":"susan","pass":"baz"`)
	bob.send("SUB _INBOX.> 1\r\n")
	bob.sync()
	alice.send("SUB req.foo 1\r\n")
	alice.sync()
	susan.send("SUB foo.* 1\r\nSUB PUBLIC.* 2\r\n")
	susan.sync()
	alice.send("PUB _INBOX.foo 5\r\nhello\r\nPUB foo.bar 1\r\nx\r\nPUB PUBLIC.foo 6\r\nmonkey\r\n")
	alice.sync()
	bob.expect("MSG _INBOX.foo 1 5", "hello")
	bob.sync()
	susan.expect("MSG PUBLIC.foo 2 6", "monkey")
	susan.sync()
	bob.send("PUB req.foo 5\r\nworld\r\n")
	bob.sync()
	alice.expect("MSG req.foo 1 5", "world")

	s.log.Take("")
	s.reload(roles(`["_INBOX.foo.bar"]`, `"_INBOX.foo.>"`, `["PUBLIC.>", "foo.*"]`, `["PUBLIC.foo"]`))
	bob.expect(`-ERR 'Permissions Violation for Subscription to "_INBOX.>" (sid "1")'`)
	if !s.log.Has(`Removed sub "_INBOX.>" (sid "1") for "bob" - not authorized`) {
		t.Error("the log does not tell")
	}
	bob.send("PUB req.foo 4\r\nhola\r\n")
	bob.expect(`-ERR 'Permissions Violation for Publish to "req.foo"'`)
	alice.send("PUB _INBOX.foo 5\r\nmundo\r\n")
	alice.sync()
	bob.sync()
	bob.send("SUB _INBOX.foo.> 1\r\nPUB _INBOX.foo.bar 7\r\ntesting\r\n")
	bob.expect("MSG _INBOX.foo.bar 1 7", "testing")
	alice.send("PUB PUBLIC.foo 6\r\nmonkey\r\nPUB foo.bar 6\r\nhello?\r\n")
	alice.sync()
	susan.expect("MSG foo.bar 1 6", "hello?")
	susan.sync()
	if n := s.subs("$G", "_INBOX.x"); n != 0 {
		t.Errorf("the subscription is there still, %d times", n)
	}
}

// Go: TestConfigReloadRevokesQueueSubscriptionWithQueueScopedDeny server/reload_test.go:1436
func TestQueuesThatAreDenied(t *testing.T) {
	config := func(deny string) string {
		return `authorization { users: [{
			user: u, password: p, permissions: { subscribe: { allow: [">"], ` + deny + ` } }
		}] }`
	}
	s := run(t, config(""))
	p := s.peer(`"user":"u","pass":"p"`)
	p.send("SUB admin.secret workers 1\r\nSUB admin.secret others 2\r\nSUB admin.open workers 3\r\n")
	p.sync()
	s.reload(config(`deny: ["admin.secret workers"]`))
	p.expect(`-ERR 'Permissions Violation for Subscription to "admin.secret" using queue "workers" (sid "1")'`)
	p.send("PUB admin.secret 1\r\nx\r\nPUB admin.open 1\r\ny\r\n")
	p.expect("MSG admin.secret 2 1", "x", "MSG admin.open 3 1", "y")
	p.sync()
}

// What publishers remember about their subjects is forgotten, also if they do not
// stop publishing.
func TestPublishersForget(t *testing.T) {
	config := func(permissions string) string {
		return `authorization { users: [
			{user: in, password: p, permissions: ` + permissions + `}, {user: out, password: p}
		] }`
	}
	s := run(t, config(`{subscribe: {deny: "a.one"}}`))
	in, out := s.peer(`"user":"in","pass":"p"`), s.peer(`"user":"out","pass":"p"`)
	in.send("SUB a.* 1\r\n")
	in.sync()
	three := strings.Repeat("PUB a.one 1\r\n1\r\nPUB a.two 1\r\n2\r\n", 3)
	receive := func(subject, text string) {
		t.Helper()
		out.send(three)
		out.sync()
		for range 3 {
			in.expect("MSG "+subject+" 1 1", text)
		}
		in.sync()
	}
	receive("a.two", "2")
	s.reload(config(`{subscribe: {deny: "a.two"}}`))
	receive("a.one", "1")
	s.reload(config(`{subscribe: {deny: "a.one"}}`))
	receive("a.two", "2")

	s.reload(config("{}"))
	out.send("PUB a.one 1\r\n1\r\n")
	in.expect("MSG a.one 1 1", "1")
	s.reload(strings.Replace(config("{}"), "{user: out, password: p}", `{user: out, password: p, permissions: {publish: "b"}}`, 1))
	out.send("PUB a.one 1\r\n1\r\n")
	out.expect(`-ERR 'Permissions Violation for Publish to "a.one"'`)
	in.sync()
}

// A responder may answer a request that it got before a reload which does not
// touch its permission to respond.
func TestAnswersOwed(t *testing.T) {
	config := func(limit string) string {
		return `accounts { A { limits { max_payload: ` + limit + ` }, users: [
			{user: service, password: p, permissions: {subscribe: "work", allow_responses: true}}, {user: u, password: p}
		] } }`
	}
	s := run(t, config("1000"))
	service, requestor := s.peer(`"user":"service","pass":"p","protocol":1`), s.peer(`"user":"u","pass":"p","protocol":0`)
	service.readInfo()
	service.send("SUB work 1\r\n")
	service.sync()
	requestor.send("SUB answer 1\r\nPUB work answer 1\r\n?\r\n")
	service.expect("MSG work 1 answer 1", "?")
	s.reload(config("2000"))
	if n := service.readInfo()["max_payload"]; n != 2000.0 {
		t.Errorf("the client is told %v", n)
	}
	service.send("PUB answer 1\r\n!\r\n")
	service.sync()
	requestor.expect("MSG answer 1 1", "!")
	service.send("PUB answer 1\r\n!\r\n")
	service.expect(`-ERR 'Permissions Violation for Publish to "answer"'`)
}

// Users of the account that serves auth callout never ask in the server's name, also
// after a reload that concerns users.
func TestGuardOfCallout(t *testing.T) {
	key, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	config := func(password string) string {
		return `authorization {
			users: [{user: service, password: p}, {user: other, password: ` + password + `}]
			auth_callout { issuer: ` + issuer + `, auth_users: [service, other] }
		}`
	}
	s := run(t, config("one"))
	p := s.peer(`"user":"service","pass":"p"`)
	for _, password := range []string{"two", "three"} {
		p.send("PUB $SYS.REQ.USER.AUTH 0\r\n\r\n")
		p.expect(`-ERR 'Permissions Violation for Publish to "$SYS.REQ.USER.AUTH"'`)
		s.reload(config(password))
		p.send("PUB $SYS.REQ.USER.AUTH 0\r\n\r\nPUB free 0\r\n\r\n")
		p.expect(`-ERR 'Permissions Violation for Publish to "$SYS.REQ.USER.AUTH"'`)
		p.sync()
	}
}
