package reload_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"
	"golang.org/x/crypto/bcrypt"
)

const violation = "-ERR 'Authorization Violation'"

// Credentials are asked again when the configuration changes: whoever's are good
// still stays, the others have to go, and new connections need the new ones.
//
// Go: TestConfigReloadRotateUserAuthentication server/reload_test.go:717
// Go: TestConfigReloadEnableUserAuthentication server/reload_test.go:779
// Go: TestConfigReloadDisableUserAuthentication server/reload_test.go:840
// Go: TestConfigReloadRotateTokenAuthentication server/reload_test.go:873
// Go: TestConfigReloadEnableTokenAuthentication server/reload_test.go:930
// Go: TestConfigReloadDisableTokenAuthentication server/reload_test.go:991
// Go: TestConfigReloadRotateUsersAuthentication server/reload_test.go:1024
// Go: TestConfigReloadEnableUsersAuthentication server/reload_test.go:1111
// Go: TestConfigReloadDisableUsersAuthentication server/reload_test.go:1172
func TestChangedCredentials(t *testing.T) {
	const (
		open  = ""
		user  = "authorization { user: tyler, password: T0pS3cr3t }"
		other = "authorization { user: derek, password: passw0rd }"
		token = "authorization { token: T0pS3cr3t }"
		next  = "authorization { token: passw0rd }"
		users = "authorization { timeout: 0.5, users: [{user: alice, password: foo}, {user: bob, password: bar}] }"
		newer = "authorization { timeout: 0.5, users: [{user: alice, password: baz}, {user: bob, password: bar}] }"
		nopw  = "no_auth_user: bob\n" + users

		tyler, derek           = `"user":"tyler","pass":"T0pS3cr3t"`, `"user":"derek","pass":"passw0rd"`
		oldToken, newToken     = `"auth_token":"T0pS3cr3t"`, `"auth_token":"passw0rd"`
		aliceFoo, aliceBaz     = `"user":"alice","pass":"foo"`, `"user":"alice","pass":"baz"`
		bob, somebody, noName  = `"user":"bob","pass":"bar"`, `"user":"x","pass":"y"`, ``
		tylerEmpty, tylerWrong = `"user":"tyler"`, `"user":"tyler","pass":"passw0rd"`
	)
	for name, c := range map[string]struct {
		before, after       string
		stays, goes         []string // of those connected before
		welcome, turnedAway []string // afterwards
	}{
		"another user":          {user, other, nil, []string{tyler}, []string{derek}, []string{tyler, noName}},
		"a user is required":    {open, user, []string{tyler}, []string{noName, tylerWrong, somebody}, []string{tyler}, []string{noName, tylerEmpty}},
		"no user is required":   {user, open, []string{tyler}, nil, []string{noName, somebody, tyler}, nil},
		"another token":         {token, next, nil, []string{oldToken}, []string{newToken}, []string{oldToken, noName}},
		"a token is required":   {open, token, []string{oldToken}, []string{noName, newToken}, []string{oldToken}, []string{noName, newToken}},
		"no token is required":  {token, open, []string{oldToken}, nil, []string{noName, newToken}, nil},
		"another password":      {users, newer, []string{bob}, []string{aliceFoo}, []string{aliceBaz, bob}, []string{aliceFoo, noName}},
		"users are required":    {open, users, []string{bob}, []string{noName, aliceBaz}, []string{bob, aliceFoo}, []string{noName, aliceBaz}},
		"no users are required": {users, open, []string{aliceFoo, bob}, nil, []string{noName, somebody}, nil},
		"a user becomes one of users": {
			"authorization { user: bob, password: bar }", users, []string{bob}, nil, []string{aliceFoo}, []string{somebody}},
		"anonymous users end": {nopw, users, []string{bob, aliceFoo}, []string{noName}, []string{bob}, []string{noName}},
		"anonymous users are somebody else": {
			nopw, strings.Replace(nopw, "no_auth_user: bob", "no_auth_user: alice", 1), []string{bob, aliceFoo, noName}, nil,
			[]string{noName}, []string{somebody}},
	} {
		t.Run(name, func(t *testing.T) {
			s := run(t, c.before)
			connect := func(keys []string) (list []*peer) {
				for _, k := range keys {
					p := s.peer(k)
					p.send("SUB here 1\r\n")
					p.sync()
					list = append(list, p)
				}
				return list
			}
			stay, go_ := connect(c.stays), connect(c.goes)
			s.reload(c.after)
			for _, p := range go_ {
				p.closed(violation)
			}
			for i, p := range stay {
				p.send("PUB here 2\r\nok\r\n")
				p.expect("MSG here 1 2", "ok")
				for j, o := range stay {
					if i != j {
						o.expect("MSG here 1 2", "ok")
					}
				}
			}
			for _, keys := range c.welcome {
				s.peer(keys)
			}
			for _, keys := range c.turnedAway {
				s.fails(keys)
			}
		})
	}
}

// Somebody who has not said yet who he is, because nobody had to, is turned away
// when that changes.
func TestBeforeConnect(t *testing.T) {
	s := run(t, "")
	p := s.dial()
	s.reload("authorization { user: a, password: a }")
	p.closed(violation)
}

// With other permissions for whoever is nobody, the connection has those.
func TestAnotherAnonymousUser(t *testing.T) {
	config := func(name string) string {
		return "no_auth_user: " + name + `
			authorization { users: [
				{user: one, password: x, permissions: {subscribe: "one.>"}}
				{user: two, password: x, permissions: {subscribe: "two.>"}}
			] }`
	}
	s := run(t, config("one"))
	anonymous, named := s.peer(""), s.peer(`"user":"one","pass":"x"`)
	for _, p := range []*peer{anonymous, named} {
		p.send("SUB one.a 1\r\n")
		p.sync()
	}
	s.reload(config("two"))
	anonymous.expect(`-ERR 'Permissions Violation for Subscription to "one.a" (sid "1")'`)
	anonymous.send("SUB two.a 2\r\n")
	anonymous.sync()
	named.sync()
}

// A new hash of the same password is no reason to close a connection.
func TestHashedLater(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	config := func(password string) string {
		return fmt.Sprintf("authorization { users: [{user: a, password: %q}] }", password)
	}
	s := run(t, config("secret"))
	p := s.peer(`"user":"a","pass":"secret"`)
	s.reload(config(string(hash)))
	p.sync()
	s.reload(config("other"))
	p.closed(violation)
}

// identity is a user with an nkey.
type identity struct {
	key    nkeys.KeyPair
	public string
}

func newIdentity(t testing.TB) identity {
	t.Helper()
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return identity{key, public}
}

// connect dials and signs the nonce.
func (i identity) connect(s *site) *peer {
	s.t.Helper()
	p := s.dial()
	signature, err := i.key.Sign([]byte(p.info["nonce"].(string)))
	if err != nil {
		s.t.Fatal(err)
	}
	p.connect(fmt.Sprintf(`"protocol":1,"nkey":%q,"sig":%q`, i.public, base64.RawURLEncoding.EncodeToString(signature)))
	return p
}

// Go: TestConfigReloadAccountNKeyUsers server/reload_test.go:3131
func TestNkeysThatMove(t *testing.T) {
	derek, ivan, jim := newIdentity(t), newIdentity(t), newIdentity(t)
	user := func(i identity) string { return "{nkey: " + i.public + "}" }
	s := run(t, "accounts { synadia { users: ["+user(derek)+"] }, io { users: ["+user(ivan)+","+user(jim)+"] } }")
	account := func(p *peer) any {
		p.send("PING\r\n")
		p.expect("PONG")
		return p.readInfo()["remote_account"]
	}
	d, i, j := derek.connect(s), ivan.connect(s), jim.connect(s)
	if a, b, c := account(d), account(i), account(j); a != "synadia" || b != "io" || c != "io" {
		t.Errorf("before: %v, %v, %v", a, b, c)
	}

	s.reload("authorization { users: [" + user(ivan) + "] }\naccounts { io { users: [" + user(derek) + "," + user(jim) + "] } }")
	d.closed(violation)
	i.closed(violation)
	j.sync()
	if a, b, c := account(derek.connect(s)), account(ivan.connect(s)), account(jim.connect(s)); a != "io" || b != "$G" || c != "io" {
		t.Errorf("after: %v, %v, %v", a, b, c)
	}
	if n := s.NumLoadedAccounts(); n != 3 { // $G, $SYS and io
		t.Errorf("%d accounts", n)
	}

	s.reload("accounts { io { users: [" + user(derek) + "] } }")
	j.closed(violation)
	jim.connect(s).closed(violation)
}

// A nonce that was sent before a reload is good after it.
func TestNonceBeforeReload(t *testing.T) {
	derek := newIdentity(t)
	config := "authorization { users: [{nkey: " + derek.public + "}] }\n"
	s := run(t, config)
	p := s.dial()
	s.reload(config + "max_payload: 5000")
	signature, err := derek.key.Sign([]byte(p.info["nonce"].(string)))
	if err != nil {
		t.Fatal(err)
	}
	p.connect(fmt.Sprintf(`"nkey":%q,"sig":%q`, derek.public, base64.RawURLEncoding.EncodeToString(signature)))
	p.sync()
}

// The system account of the standard configuration is there after every reload,
// whether it is written or not.
//
// Go: TestConfigReloadDefaultSystemAccount server/reload_test.go:4856
// Go: TestConfigReloadWithSysAccountOnly server/reload_test.go:4969
func TestStandardSystemAccount(t *testing.T) {
	const (
		unnamed = "accounts { ACC { users: [{user: usr, password: pwd}] } }"
		named   = "accounts { $SYS { users: [{user: system, pass: password}, {user: system2, pass: password2}] } }"
	)
	s := run(t, unnamed)
	if n := s.varz().SystemAccount; n != "$SYS" {
		t.Errorf("the system account is %q", n)
	}
	before := s.NumSubscriptions()
	s.reload(unnamed)
	if n := s.NumSubscriptions(); n != before || s.varz().SystemAccount != "$SYS" {
		t.Errorf("%d subscriptions, then %d", before, n)
	}
	usr := s.peer(`"user":"usr","pass":"pwd"`)
	s.reload(named)
	usr.closed(violation)
	system := s.peer(`"user":"system","pass":"password"`)
	anonymous := s.peer("")
	s.reload(named)
	s.reload(named + "\nmax_payload: 5000")
	s.reload(strings.Replace(named, "system2", "system3", 1))
	system.sync()
	anonymous.sync()
	s.peer("")
	s.reload(named + "\nauthorization {}")
	system.sync()
	anonymous.closed(violation)
}
