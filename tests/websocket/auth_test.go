package websocket_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
)

const (
	normalUser = "authorization { user: normal, password: client }\n"
	webUser    = "authorization { user: websocket, password: client }"
	asNormal   = `"user":"normal","pass":"client"`
	asWeb      = `"user":"websocket","pass":"client"`
)

// admits connects a peer and reports whether it got in; if not, it makes sure that
// it was told so.
func (s *site) admits(a asks, keys ...string) bool {
	s.t.Helper()
	p := s.dial(a)
	p.connect(keys...)
	p.send("PING\r\n")
	switch line, err := p.line(); {
	case err == nil && line == "PONG":
		return true
	case err == nil && line == "-ERR 'Authorization Violation'":
		p.closed(1008, "Authentication Failure")
		return false
	default:
		s.t.Fatalf("got %q, %v", line, err)
		return false
	}
}

func cookies(list ...string) asks { return asks{header: http.Header{"Cookie": list}} }

// Credentials of the listener replace those of the server, for its clients only.
//
// Go: TestWSBasicAuth server/websocket_test.go:3602
// Go: TestWSTokenAuth server/websocket_test.go:3817
func TestCredentialsOfTheListener(t *testing.T) {
	const (
		userCookies = "user_cookie: un, pass_cookie: pw"
		tokenCookie = "token_cookie: tok"
		me          = "authorization { user: me, password: \"s3cr3t!\" }\n"
		token       = "authorization { token: goodtoken }"
	)
	for _, tc := range []struct {
		name, block, config string
		asks                asks
		keys                string
		ok                  bool
	}{
		{"server's, wrong", "", normalUser, asks{}, asWeb, false},
		{"server's, right", "", normalUser, asks{}, asNormal, true},
		{"listener's, wrong", webUser, "", asks{}, asNormal, false},
		{"listener's, right", webUser, "", asks{}, asWeb, true},
		{"both, server's", webUser, normalUser, asks{}, asNormal, false},
		{"both, listener's", webUser, normalUser, asks{}, asWeb, true},
		{"cookies, right", userCookies, me, cookies("un=me", "pw=s3cr3t!"), "", true},
		{"cookies in one line", userCookies, me, cookies("un=me; pw=s3cr3t!"), "", true},
		{"cookies, wrong user", userCookies, me, cookies("un=m", "pw=s3cr3t!"), "", false},
		{"cookies, wrong password", userCookies, me, cookies("un=me", "pw=hi!"), "", false},
		{"wrong cookies, right CONNECT", userCookies, me, cookies("un=m", "pw=hi!"), `"user":"me","pass":"s3cr3t!"`, true},
		{"cookies that nobody asked for", "", me, cookies("un=me", "pw=s3cr3t!"), "", false},
		{"cookie with a token, right", tokenCookie, "authorization { token: \"l3tm31n!\" }\n", cookies("tok=l3tm31n!"), "", true},
		{"cookie with a token, wrong", tokenCookie, "authorization { token: \"l3tm31n!\" }\n", cookies("tok=hello!"), "", false},
		{"server's token, wrong", "", token, asks{}, `"auth_token":"badtoken"`, false},
		{"server's token, right", "", token, asks{}, `"auth_token":"goodtoken"`, true},
		{"listener's token, wrong", token, "", asks{}, `"auth_token":"badtoken"`, false},
		{"listener's token, right", token, "", asks{}, `"auth_token":"goodtoken"`, true},
		{"both tokens, server's", token, "authorization { token: clienttoken }\n", asks{}, `"auth_token":"clienttoken"`, false},
		{"both tokens, listener's", token, "authorization { token: clienttoken }\n", asks{}, `"auth_token":"goodtoken"`, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := run(t, web(tc.block)+tc.config)
			keys := []string{tc.keys}
			if tc.keys == "" {
				keys = nil
			}
			if got := s.admits(tc.asks, keys...); got != tc.ok {
				t.Errorf("admitted: %v", got)
			}
		})
	}
	t.Run("TCP clients", func(t *testing.T) {
		s := run(t, web(webUser)+normalUser)
		s.overTCP(nats.UserInfo("normal", "client"))
		if nc, err := nats.Connect(s.DialURL(), nats.UserInfo("websocket", "client")); err == nil {
			nc.Close()
			t.Error("the listener's user got in over TCP")
		}
		open := run(t, web(webUser))
		open.overTCP()
		if !open.dial(asks{}).info.AuthRequired {
			t.Error("INFO of the listener does not ask for credentials")
		}
	})
}

// Go: TestWSBindToProperAccount server/websocket_test.go:3906
func TestUsersBelongToTheirAccounts(t *testing.T) {
	s := run(t, plain+`accounts {
		a { users [{user: a, password: pwd, allowed_connection_types: [STANDARD, websocket]}] }
		b { users [{user: b, password: pwd}] }
	}`)
	mine, other := subscribe(t, s.overTCP(nats.UserInfo("a", "pwd")), "foo"), subscribe(t, s.overTCP(nats.UserInfo("b", "pwd")), "foo")
	p := s.peer(asks{}, `"user":"a","pass":"pwd"`)
	p.send("PUB foo 7\r\nfrom ws\r\n")
	next(t, mine, "from ws")
	publish(t, s.overWeb(nats.UserInfo("b", "pwd")), "foo", []byte("from b"))
	next(t, other, "from b")
}

// Go: TestWSUsersAuth server/websocket_test.go:3954
func TestUsersOfTheServer(t *testing.T) {
	for _, tc := range []struct {
		name, types, user, password string
		ok                          bool
	}{
		{"wrong user", "", "wronguser", "pwd", false},
		{"right", "", "user", "pwd", true},
		{"other connections only", "STANDARD", "user", "pwd", false},
		{"this kind too", "STANDARD, WEBSOCKET", "user", "pwd", true},
		{"this kind, wrong password", "STANDARD, WEBSOCKET", "user", "badpassword", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			types := ""
			if tc.types != "" {
				types = ", allowed_connection_types: [" + tc.types + "]"
			}
			s := run(t, plain+"authorization { users [{user: user, password: pwd"+types+"}] }")
			if got := s.admits(asks{}, fmt.Sprintf(`"user":%q,"pass":%q`, tc.user, tc.password)); got != tc.ok {
				t.Errorf("admitted: %v", got)
			}
		})
	}
}

// Go: TestWSNkeyAuth server/websocket_test.go:4123
func TestNkeysOfTheServer(t *testing.T) {
	public, pair := newUserKey(t)
	otherPublic, other := newUserKey(t)
	entry := func(key, types string) string {
		if types != "" {
			types = ", allowed_connection_types: [" + types + "]"
		}
		return fmt.Sprintf("{nkey: %s%s}", key, types)
	}
	for _, tc := range []struct {
		name  string
		users []string
		key   string
		pair  nkeys.KeyPair
		ok    bool
	}{
		{"wrong", []string{entry(public, "")}, otherPublic, other, false},
		{"right", []string{entry(public, "")}, public, pair, true},
		{"right, signed by another", []string{entry(public, "")}, public, other, false},
		{"other connections only", []string{entry(public, "STANDARD"), entry(otherPublic, "WEBSOCKET")}, public, pair, false},
		{"this kind too", []string{entry(otherPublic, ""), entry(public, "STANDARD, WEBSOCKET")}, public, pair, true},
		{"this kind, wrong", []string{entry(public, "STANDARD, WEBSOCKET")}, otherPublic, other, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := run(t, plain+"authorization { users ["+strings.Join(tc.users, ", ")+"] }")
			p := s.dial(asks{})
			signature, err := tc.pair.Sign([]byte(p.info.Nonce))
			if err != nil {
				t.Fatal(err)
			}
			p.connect(fmt.Sprintf(`"nkey":%q,"sig":%q`, tc.key, base64.RawURLEncoding.EncodeToString(signature)))
			if tc.ok {
				p.sync()
			} else {
				p.closed(1008, "Authentication Failure", "-ERR 'Authorization Violation'")
			}
		})
	}
}

func newUserKey(t testing.TB) (string, nkeys.KeyPair) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public, pair
}

const guests = `accounts {
	normal { users [{user: noauth, password: pwd}, {user: user, password: pwd}] }
	websocket { users [{user: wsnoauth, password: pwd}, {user: wsuser, password: pwd}] }
}
no_auth_user: noauth
`

// The listener may have a user of its own for those who do not say who they are,
// in CONNECT or by leaving it out.
//
// Go: TestWSNoAuthUser server/websocket_test.go:4055
// Go: TestWSNoAuthUserOverride server/websocket_test.go:4910
func TestUserOfClientsWithoutCredentials(t *testing.T) {
	for _, tc := range []struct {
		name, block   string
		send          string
		user, account string
	}{
		{"server's", "", "CONNECT {}\r\n", "noauth", "normal"},
		{"server's, with credentials", "", "CONNECT {\"user\":\"user\",\"pass\":\"pwd\"}\r\n", "user", "normal"},
		{"server's, no CONNECT", "", "", "noauth", "normal"},
		{"listener's", "no_auth_user: wsnoauth", "CONNECT {}\r\n", "wsnoauth", "websocket"},
		{"listener's, with credentials", "no_auth_user: wsnoauth", "CONNECT {\"user\":\"wsuser\",\"pass\":\"pwd\"}\r\n", "wsuser", "websocket"},
		{"listener's, no CONNECT", "no_auth_user: wsnoauth", "", "wsnoauth", "websocket"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := run(t, web(tc.block)+guests)
			p := s.dial(asks{})
			if p.info.AuthRequired {
				t.Error("INFO asks for credentials")
			}
			if p.send(tc.send + "PING\r\n"); tc.send != "" {
				p.expect("+OK")
			}
			p.expect("PONG")
			if user, account := s.who(p.info.ID); user != tc.user || account != tc.account {
				t.Errorf("it is %q of %q, want %q of %q", user, account, tc.user, tc.account)
			}
		})
	}
	t.Run("wrong credentials", func(t *testing.T) {
		s := run(t, web("no_auth_user: wsnoauth")+guests)
		if s.admits(asks{}, `"user":"wsuser","pass":"no"`) {
			t.Error("wrong credentials are as good as none")
		}
	})
}

// The user of clients without credentials is held to its restrictions, also where
// the client leaves CONNECT out.
//
// Go: TestParsePingNoAuthUserEnforcesUserRestrictions server/parser_test.go:759
func TestRestrictionsOfTheUserWithoutCredentials(t *testing.T) {
	const refused = "-ERR 'Authorization Violation'"
	tcpAnswer := func(s *site) string {
		// The library would send CONNECT.
		conn := s.tcp()
		conn.send("PING\r\n")
		return conn.line()
	}
	t.Run("kinds of connections", func(t *testing.T) {
		s := run(t, plain+"authorization { users [{user: foo, password: p, allowed_connection_types: [WEBSOCKET]}] }\nno_auth_user: foo\n")
		if got := tcpAnswer(s); got != refused {
			t.Errorf("over TCP: %q", got)
		}
		s.dial(asks{}).sync()
	})
	t.Run("proxy required", func(t *testing.T) {
		s := run(t, plain+"authorization { users [{user: foo, password: p, proxy_required: true}] }\nno_auth_user: foo\n")
		if got := tcpAnswer(s); got != refused {
			t.Errorf("over TCP: %q", got)
		}
		p := s.dial(asks{})
		p.send("PING\r\n")
		p.expect(refused)
	})
}

// Kinds of connections are known by name, in any case.
//
// Go: TestUserUnknownAllowedConnectionType server/auth_test.go:120
func TestNamesOfConnectionTypes(t *testing.T) {
	public, pair := newUserKey(t)
	unknown, lower := map[string]struct{}{"STANDARD": {}, "someNewType": {}}, map[string]struct{}{"websocket": {}}
	users := func(types map[string]struct{}) *godwit.Options {
		return &godwit.Options{Users: []*godwit.User{{Username: "user", Password: "pwd", AllowedConnectionTypes: types}}}
	}
	keys := func(types map[string]struct{}) *godwit.Options {
		return &godwit.Options{Nkeys: []*godwit.NkeyUser{{Nkey: public, AllowedConnectionTypes: types}}}
	}
	for name, o := range map[string]*godwit.Options{"users": users(unknown), "nkeys": keys(unknown)} {
		if _, err := godwit.NewServer(o); err == nil || !strings.Contains(err.Error(), "connection type") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, o := range map[string]*godwit.Options{"users": users(lower), "nkeys": keys(lower)} {
		t.Run(name, func(t *testing.T) {
			o.Host, o.Port = "127.0.0.1", godwit.RandomPort
			o.Websocket.Host, o.Websocket.Port, o.Websocket.NoTLS = "127.0.0.1", -1, true
			s := runOptions(t, o)
			credentials := nats.UserInfo("user", "pwd")
			if name == "nkeys" {
				credentials = nats.Nkey(public, pair.Sign)
			}
			s.overWeb(credentials)
			if _, err := nats.Connect(s.DialURL(), credentials); !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("over TCP: %v", err)
			}
		})
	}
}

// domain is an operator, and an account whose users connect.
type domain struct {
	t                 testing.TB
	operator, account nkeys.KeyPair
}

func newDomain(t testing.TB) *domain {
	t.Helper()
	operator, err := nkeys.CreateOperator()
	if err != nil {
		t.Fatal(err)
	}
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	return &domain{t, operator, account}
}

func (d *domain) public(pair nkeys.KeyPair) string {
	d.t.Helper()
	key, err := pair.PublicKey()
	if err != nil {
		d.t.Fatal(err)
	}
	return key
}

// config trusts the operator and knows the account.
func (d *domain) config() string {
	d.t.Helper()
	account := d.public(d.account)
	text, err := jwt.NewAccountClaims(account).Encode(d.operator)
	if err != nil {
		d.t.Fatal(err)
	}
	return fmt.Sprintf("trusted_keys: %s\nresolver: MEMORY\nresolver_preload { %s: %s }\n", d.public(d.operator), account, text)
}

// user makes a user's token and the key that it belongs to.
func (d *domain) user(change func(*jwt.UserClaims)) (string, nkeys.KeyPair) {
	d.t.Helper()
	public, pair := newUserKey(d.t)
	claims := jwt.NewUserClaims(public)
	if change != nil {
		change(claims)
	}
	text, err := claims.Encode(d.account)
	if err != nil {
		d.t.Fatal(err)
	}
	return text, pair
}

func bearer(c *jwt.UserClaims) { c.BearerToken = true }

// signed are the keys of a CONNECT with a token and the signature of the nonce.
func (p *peer) signed(token string, pair nkeys.KeyPair) string {
	p.t.Helper()
	signature, err := pair.Sign([]byte(p.info.Nonce))
	if err != nil {
		p.t.Fatal(err)
	}
	return fmt.Sprintf(`"jwt":%q,"sig":%q`, token, base64.RawURLEncoding.EncodeToString(signature))
}

// Go: TestWSJWTWithAllowedConnectionTypes server/websocket_test.go:4255
func TestConnectionTypesOfClaims(t *testing.T) {
	d := newDomain(t)
	s := run(t, plain+d.config())
	for _, tc := range []struct {
		types []string
		ok    bool
	}{
		{nil, true},
		{[]string{"STANDARD"}, false},
		{[]string{"STANDARD", "websocket"}, true},
		{[]string{"WEBSOCKET", "SomeNewType"}, true},
		{[]string{"SomeNewType"}, false},
	} {
		t.Run(strings.Join(tc.types, ","), func(t *testing.T) {
			token, pair := d.user(func(c *jwt.UserClaims) { c.AllowedConnectionTypes = tc.types })
			p := s.dial(asks{})
			p.connect(p.signed(token, pair))
			if tc.ok {
				p.sync()
			} else {
				p.closed(1008, "Authentication Failure", "-ERR 'Authorization Violation'")
			}
		})
	}
}

// Go: TestWSJWTCookieUser server/websocket_test.go:4285
func TestClaimsInCookies(t *testing.T) {
	d := newDomain(t)
	s := run(t, web("jwt_cookie: jwt")+d.config())
	full, fullKey := d.user(nil)
	easy, _ := d.user(bearer)
	for _, tc := range []struct {
		name, cookie, connect string
		sign, ok              bool
	}{
		{"CONNECT, signed", "", full, true, true},
		{"CONNECT, not signed", "", full, false, false},
		{"CONNECT, bearer", "", easy, false, true},
		{"cookie, not signed", full, "", false, false},
		{"cookie, bearer", easy, "", false, true},
		{"cookie of which CONNECT is better", full, easy, false, true},
		{"cookie of which CONNECT is worse", easy, full, false, false},
		{"no claims at all", "", "", false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := asks{}
			if tc.cookie != "" {
				a = cookies("jwt=" + tc.cookie)
			}
			p := s.dial(a)
			if !p.info.AuthRequired {
				t.Error("INFO does not ask for credentials")
			}
			switch {
			case tc.sign:
				p.connect(p.signed(tc.connect, fullKey))
			case tc.connect != "":
				p.connect(fmt.Sprintf(`"jwt":%q`, tc.connect))
			default:
				p.connect()
			}
			if tc.ok {
				p.sync()
			} else {
				p.closed(1008, "Authentication Failure", "-ERR 'Authorization Violation'")
			}
		})
	}
}
