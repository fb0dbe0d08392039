package server

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
	"golang.org/x/crypto/bcrypt"

	"github.com/godwit-mq/godwit/internal/options"
)

const refused = "-ERR 'Authorization Violation'"

func hashed(t *testing.T, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

// Go: TestNoAuthClient test/auth_test.go:62
// Go: TestAuthClientBadToken test/auth_test.go:72
// Go: TestAuthClientNoConnect test/auth_test.go:82
// Go: TestAuthClientGoodConnect test/auth_test.go:93
// Go: TestAuthClientFailOnEverythingElse test/auth_test.go:103
// Go: TestNoUserOrPasswordClient test/auth_test.go:128
// Go: TestBadUserClient test/auth_test.go:138
// Go: TestBadPasswordClient test/auth_test.go:148
// Go: TestPasswordClientGoodConnect test/auth_test.go:158
// Go: TestBadBcryptPassword test/auth_test.go:184
// Go: TestGoodBcryptPassword test/auth_test.go:194
// Go: TestBadBcryptToken test/auth_test.go:218
// Go: TestGoodBcryptToken test/auth_test.go:228
func TestSingleUserAndToken(t *testing.T) {
	for name, o := range map[string]options.Options{
		"token":        {Authorization: "secret"},
		"hashed token": {Authorization: hashed(t, "secret")},
		"user":         {Username: "joe", Password: "secret"},
		"hashed user":  {Username: "joe", Password: hashed(t, "secret")},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, &o)
			good := `"auth_token":"secret"`
			bad := []string{``, `"auth_token":"wrong"`, `"user":"joe","pass":"secret"`}
			if o.Username != "" {
				good = `"user":"joe","pass":"secret"`
				bad = []string{``, `"user":"joe"`, `"user":"joe","pass":"wrong"`, `"user":"jim","pass":"secret"`, `"auth_token":"secret"`}
			}
			p := dial(t, s)
			if p.info["auth_required"] != true {
				t.Error("INFO does not ask for authentication")
			}
			p.send("CONNECT {\"verbose\":true," + good + "}\r\n")
			p.expect("+OK")
			p.sync()
			for _, b := range bad {
				p := dial(t, s)
				p.send("CONNECT {" + b + "}\r\nPING\r\n")
				p.closed(refused)
			}
			for _, first := range []string{"PUB foo 2\r\nok\r\n", "SUB foo 1\r\n", "UNSUB 1\r\n", "PING\r\n", "PONG\r\n", "\r\n", "xyz"} {
				p := dial(t, s)
				p.send(first)
				p.closed(refused)
			}
			if got := lastClosed(t, s, len(bad)+7); got != "Authentication Failure" {
				t.Errorf("closed: %s", got)
			}
		})
	}
}

// Go: TestMultipleUserAuth test/client_auth_test.go:30
// Go: TestTokenInConfig test/client_auth_test.go:73
func TestUsersOfAccounts(t *testing.T) {
	s := startConfig(t, fmt.Sprintf(`
		authorization { users [ {user: g, password: g} ] }
		accounts {
			A { users [ {user: a, password: '%s'} ] }
			B { users [ {user: b, password: b} ] }
		}`, hashed(t, "aa")))
	g := connect(t, s, `"user":"g"`, `"pass":"g"`)
	a := connect(t, s, `"user":"a"`, `"pass":"aa"`)
	b := connect(t, s, `"user":"b"`, `"pass":"b"`)
	for _, p := range []*peer{g, a, b} {
		p.send("SUB foo 1\r\n")
		p.sync()
	}
	a.send("PUB foo 1\r\na\r\n")
	a.expect("MSG foo 1 1", "a")
	g.nothing()
	b.nothing()
	logged(t, s, "Plaintext passwords detected, use nkeys or bcrypt")
	p := dial(t, s)
	p.connect(`"user":"a"`, `"pass":"a"`)
	p.closed(refused)
	logged(t, s, `authentication error - User "a"`)
}

// Go: TestNkeyClientConnect server/nkey_test.go:130
// Go: TestMixedClientConnect server/nkey_test.go:191
// Go: TestMixedClientConfig server/nkey_test.go:230
func TestNkeys(t *testing.T) {
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := key.PublicKey()
	s := start(t, &options.Options{
		Nkeys: []*options.NkeyUser{{Nkey: public}},
		Users: []*options.User{{Username: "joe", Password: "pw"}},
	})
	sign := func(p *peer, encoding *base64.Encoding) string {
		sig, err := key.Sign([]byte(p.info["nonce"].(string)))
		if err != nil {
			t.Fatal(err)
		}
		return encoding.EncodeToString(sig)
	}
	for _, encoding := range []*base64.Encoding{base64.RawURLEncoding, base64.StdEncoding} {
		p := dial(t, s)
		p.connect(`"nkey":"`+public+`"`, `"sig":"`+sign(p, encoding)+`"`)
		p.sync()
		snap, _ := source{s}.Connection(uint64(p.info["client_id"].(float64)), false)
		if snap.User != public {
			t.Errorf("user %q", snap.User)
		}
	}
	other := dial(t, s)
	for name, keys := range map[string][]string{
		"no signature":  {`"nkey":"` + public + `"`},
		"foreign nonce": {`"nkey":"` + public + `"`, `"sig":"` + sign(other, base64.RawURLEncoding) + `"`},
		"not base64":    {`"nkey":"` + public + `"`, `"sig":"!!!"`},
		"unknown key":   {`"nkey":"UAAAA"`, `"sig":"x"`, `"user":"joe"`, `"pass":"pw"`},
	} {
		p := dial(t, s)
		p.connect(keys...)
		if line, _ := p.read(); line != refused {
			t.Errorf("%s: got %q", name, line)
		}
	}
	p := connect(t, s, `"user":"joe"`, `"pass":"pw"`)
	p.sync()
}

// Go: TestClientAuthRequiredNoAuthUser server/client_test.go:3048
// Go: TestNoAuthUserNoConnectProto server/auth_test.go:389
func TestNoAuthUser(t *testing.T) {
	s := startConfig(t, `
		accounts {
			A { users [ {user: a, password: a}, {user: limited, password: x, permissions: {publish: none}} ] }
			B { users [ {user: b, password: b} ] }
		}
		no_auth_user: a
		authorization { timeout: 0.5 }`)
	p := dial(t, s)
	if p.info["auth_required"] != nil {
		t.Error("INFO asks for authentication")
	}
	p.send("PING\r\n")
	p.expect("PONG") // without any CONNECT
	p.send("SUB foo 1\r\nPUB foo 2\r\nok\r\n")
	p.expect("+OK", "+OK", "MSG foo 1 2", "ok")
	if n, _ := s.accounts.connections(s.accounts.get("A")); n != 1 {
		t.Errorf("A has %d connections", n)
	}
	connect(t, s)
	connect(t, s, `"user":"b"`, `"pass":"b"`)
	for _, wrong := range []string{`"user":"a","pass":"wrong"`, `"user":"nobody"`, `"auth_token":"x"`} {
		p := dial(t, s)
		p.connect(wrong)
		p.closed(refused)
	}
}

// Go: TestServerAuthBlockAndSysAccounts server/server_test.go:2351
func TestAnonymousBesideASystemUser(t *testing.T) {
	s := startConfig(t, `accounts { $SYS { users [ {user: s, password: s} ] } }`)
	p := dial(t, s)
	if p.info["auth_required"] != true {
		t.Error("INFO does not say auth_required, as it is known to")
	}
	p.connect(`"protocol":1`)
	p.send("PING\r\n")
	p.expect("PONG")
	if info := decode(t, strings.TrimPrefix(p.line(), "INFO ")); info["remote_account"] != "$G" {
		t.Errorf("got %v", info["remote_account"])
	}
	connect(t, s, `"user":"s"`, `"pass":"s"`)
	p = dial(t, s)
	p.connect(`"user":"s"`, `"pass":"wrong"`)
	p.closed(refused)

	with := startConfig(t, `accounts { $SYS { users [ {user: s, password: s} ] } }
		authorization { users [ {user: u, password: u} ] }`)
	p = dial(t, with)
	p.connect()
	p.closed(refused)
}

// Go: TestUserAuthorizationProto test/user_authorization_test.go:26
func TestPermissions(t *testing.T) {
	s := startConfig(t, `authorization { users [
		{user: alice, password: a, permissions: {publish: "*", subscribe: ">"}}
		{user: bob, password: b, permissions: {publish: ["req.foo", "req.bar"], subscribe: "_INBOX.>"}}
		{user: carol, password: c, permissions: {publish: {deny: "d.*"}, subscribe: {allow: ["a.*", "b"], deny: ["a.secret", "c.>"]}}}
	] }`)
	violation := func(kind, name string) string {
		return fmt.Sprintf("-ERR 'Permissions Violation for %s %q'", kind, name)
	}
	alice := connect(t, s, `"user":"alice"`, `"pass":"a"`)
	alice.send("PUB foo 0\r\n\r\nPUB foo.bar 0\r\n\r\nSUB foo.> 1\r\n")
	alice.expect(violation("Publish to", "foo.bar"))
	alice.send("PUB * 0\r\n\r\n")
	alice.nothing()

	bob := connect(t, s, `"user":"bob"`, `"pass":"b"`)
	bob.send("SUB foo 1\r\nSUB _INBOX.x 2\r\nSUB _INBOX.> q 3\r\nPUB req.foo _INBOX.x 0\r\n\r\nPUB req.baz 0\r\n\r\n")
	bob.expect(violation("Subscription to", "foo"), violation("Publish to", "req.baz"))
	logged(t, s, `Subscription Violation - Subject "foo", SID 1`)
	logged(t, s, `Publish Violation - Subject "req.baz"`)
	bob.send("SUB foo q 9\r\n")
	bob.expect(`-ERR 'Permissions Violation for Subscription to "foo" using queue "q"'`)

	carol := connect(t, s, `"user":"carol"`, `"pass":"c"`)
	carol.send("SUB a.> 1\r\nSUB > 2\r\nSUB *.* 3\r\n") // not covered by a.*
	carol.expect(violation("Subscription to", "a.>"), violation("Subscription to", ">"), violation("Subscription to", "*.*"))
	carol.send("SUB a.secret 4\r\n")
	carol.expect(violation("Subscription to", "a.secret"))
	carol.send("SUB a.* 5\r\nPUB a.secret 0\r\n\r\nPUB a.open 0\r\n\r\nPUB d.x 0\r\n\r\n")
	carol.expect("MSG a.open 5 0", "", violation("Publish to", "d.x"))
	carol.nothing()
}

// Go: TestClientSubscribeDenyWildcardOverlapBlocksDelivery server/client_test.go:1059
// Go: TestClientQueueScopedSubscribeDenyBlocksOnlyMatchingQueue server/client_test.go:1117
func TestDeniedDeliveries(t *testing.T) {
	for _, tc := range []struct {
		deny, sub       string
		blocked, passed string
	}{
		{"d.one", ">", "d.one", "d.two"},
		{"*.secret", "foo.*", "foo.secret", "foo.open"},
		{"foo.*.bar", "foo.baz.*", "foo.baz.bar", "foo.baz.x"},
		{"a.>", "*.b", "a.b", "c.b"},
		{"foo q", "foo q2", "", "foo"},
		{"foo.x q", "foo.* q", "foo.x", "foo.y"},
		{"foo.x q", "foo.* q2", "", "foo.x"},
		{"foo.x q", "foo.*", "", "foo.x"},
		{"foo.x", "foo.* q", "foo.x", "foo.y"},
	} {
		s := startConfig(t, fmt.Sprintf(`authorization { users [
			{user: u, password: u, permissions: {subscribe: {deny: "%s"}}}, {user: p, password: p} ] }`, tc.deny))
		u, p := connect(t, s, `"user":"u"`, `"pass":"u"`), connect(t, s, `"user":"p"`, `"pass":"p"`)
		u.send("SUB " + tc.sub + " 1\r\n")
		u.sync()
		for range 2 { // the second time from the cache
			if tc.blocked != "" {
				p.send("PUB " + tc.blocked + " 0\r\n\r\n")
				p.sync()
			}
			p.send("PUB " + tc.passed + " 0\r\n\r\n")
			u.expect("MSG "+tc.passed+" 1 0", "")
		}
	}
}

// TestAnotherMemberTakesWhatOneMayNot: a queue member that is denied a message
// is passed over.
func TestAnotherMemberTakesWhatOneMayNot(t *testing.T) {
	s := startConfig(t, `authorization { users [
		{user: u, password: u, permissions: {subscribe: {deny: "foo.x q"}}}, {user: p, password: p} ] }`)
	u, p := connect(t, s, `"user":"u"`, `"pass":"u"`), connect(t, s, `"user":"p"`, `"pass":"p"`)
	u.send("SUB foo.* q 1\r\n")
	p.send("SUB foo.* q 2\r\n")
	u.sync()
	p.sync()
	for range 50 {
		p.send("PUB foo.x 0\r\n\r\n")
		p.expect("MSG foo.x 2 0", "")
	}
	u.nothing()
}

// Go: TestResponsePermissions server/client_test.go:2170
// Go: TestUserAuthorizationAllowResponses test/user_authorization_test.go:226
func TestAllowResponses(t *testing.T) {
	s := startConfig(t, `authorization { users [
		{user: svc, password: s, permissions: {subscribe: "req", allow_responses: {max: 2, expires: "1h"}}}
		{user: brief, password: s, permissions: {subscribe: "req2", allow_responses: {max: -1, expires: "10ms"}}}
		{user: c, password: c} ] }`)
	svc, c := connect(t, s, `"user":"svc"`, `"pass":"s"`), connect(t, s, `"user":"c"`, `"pass":"c"`)
	svc.send("SUB req 1\r\nPUB foo 0\r\n\r\n")
	svc.expect(`-ERR 'Permissions Violation for Publish to "foo"'`)
	c.send("SUB reply.* 1\r\nPUB req reply.1 0\r\n\r\n")
	svc.expect("MSG req 1 reply.1 0", "")
	svc.send("PUB reply.1 1\r\na\r\nPUB reply.1 1\r\nb\r\nPUB reply.1 1\r\nc\r\n")
	svc.expect(`-ERR 'Permissions Violation for Publish to "reply.1"'`)
	c.expect("MSG reply.1 1 1", "a", "MSG reply.1 1 1", "b")
	// The same reply again renews the grant.
	c.send("PUB req reply.1 0\r\n\r\nPUB req reply.1 0\r\n\r\n")
	svc.expect("MSG req 1 reply.1 0", "", "MSG req 1 reply.1 0", "")
	svc.send("PUB reply.1 1\r\nd\r\nPUB reply.1 1\r\ne\r\n")
	c.expect("MSG reply.1 1 1", "d", "MSG reply.1 1 1", "e")

	brief := connect(t, s, `"user":"brief"`, `"pass":"s"`)
	brief.send("SUB req2 1\r\n")
	brief.sync()
	c.send("PUB req2 reply.2 0\r\n\r\n")
	brief.expect("MSG req2 1 reply.2 0", "")
	<-time.After(20 * time.Millisecond) // the time that is granted
	brief.send("PUB reply.2 1\r\nx\r\n")
	brief.expect(`-ERR 'Permissions Violation for Publish to "reply.2"'`)
}

// Go: TestClientLimits server/client_test.go:2763
func TestAccountLimits(t *testing.T) {
	s := startConfig(t, `accounts { A { users [{user: a, password: a}]
		limits { max_connections: 1, max_subs: 2, max_payload: 10 } } }`)
	p := connect(t, s, `"user":"a"`, `"pass":"a"`)
	p.send("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n")
	p.expect("-ERR 'maximum subscriptions exceeded'")
	second := dial(t, s)
	second.connect(`"user":"a"`, `"pass":"a"`)
	second.closed("-ERR 'maximum account active connections exceeded'")
	if got := lastClosed(t, s, 1); got != "Maximum Account Connections Exceeded" {
		t.Errorf("closed: %s", got)
	}
	p.send("PUB a 11\r\n")
	p.closed("-ERR 'Maximum Payload Violation'")
	lastClosed(t, s, 2)
	connect(t, s, `"user":"a"`, `"pass":"a"`)
}

// embedder lets in who knows the word.
type embedder struct{ account *options.Account }

func (e embedder) Check(c options.ClientAuthentication) bool {
	if c.GetOpts().Username != "valid" {
		return false
	}
	u := &options.User{Username: "mapped", Account: e.account, Permissions: &options.Permissions{
		Publish: &options.SubjectPermission{Allow: []string{"foo"}}}}
	if c.GetOpts().Password == "soon" {
		u.ConnectionDeadline = time.Now().Add(20 * time.Millisecond)
	}
	c.RegisterUser(u)
	return true
}

// Go: TestCustomClientAuthentication server/server_test.go:886
// Go: TestUserConnectionDeadline server/auth_test.go:346
func TestCustomAuthentication(t *testing.T) {
	account := &options.Account{Name: "ACC"} // no word about limits: there are none
	s := start(t, &options.Options{CustomClientAuthentication: embedder{account}, Accounts: []*options.Account{account}})
	p := dial(t, s)
	if p.info["auth_required"] != true {
		t.Error("INFO does not ask for authentication")
	}
	p.connect(`"user":"invalid"`)
	p.closed(refused)
	p = connect(t, s, `"user":"valid"`)
	p.send("PUB foo 0\r\n\r\nPUB bar 0\r\n\r\n")
	p.expect(`-ERR 'Permissions Violation for Publish to "bar"'`)
	snap, _ := source{s}.Connection(uint64(p.info["client_id"].(float64)), false)
	if snap.User != "mapped" || snap.Account.Name != "ACC" {
		t.Errorf("user %q in %s", snap.User, snap.Account.Name)
	}
	p = dial(t, s)
	p.connect(`"user":"valid"`, `"pass":"soon"`)
	p.closed("-ERR 'User Authentication Expired'")
	if got := lastClosed(t, s, 2); got != "Authentication Expired" {
		t.Errorf("closed: %s", got)
	}
}
