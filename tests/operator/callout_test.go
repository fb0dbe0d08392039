package operator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/tests/kit"
)

// asked is a question about a connection.
type asked struct {
	*jwt.AuthorizationRequestClaims
	t testing.TB
}

// grant makes claims of the user that was asked about.
func (a *asked) grant(by kit.Signer, change func(*jwt.UserClaims)) string {
	a.t.Helper()
	c := jwt.NewUserClaims(a.UserNkey)
	if change != nil {
		change(c)
	}
	return kit.Must[string](a.t)(c.Encode(by))
}

// response is an answer with claims of a user, or with an error.
func (a *asked) response(by kit.Signer, change func(*jwt.AuthorizationResponseClaims)) []byte {
	a.t.Helper()
	c := jwt.NewAuthorizationResponseClaims(a.UserNkey)
	c.Audience = a.Server.ID
	change(c)
	return []byte(kit.Must[string](a.t)(c.Encode(by)))
}

// let lets the user in.
func (a *asked) let(by kit.Signer, claims string) []byte {
	a.t.Helper()
	return a.response(by, func(c *jwt.AuthorizationResponseClaims) { c.Jwt = claims })
}

// refuse says why the user is not let in.
func (a *asked) refuse(by kit.Signer, why string) []byte {
	a.t.Helper()
	return a.response(by, func(c *jwt.AuthorizationResponseClaims) { c.Error = why })
}

// in places a user in an account, by its name.
func in(account string) func(*jwt.UserClaims) {
	return func(c *jwt.UserClaims) { c.Audience = account }
}

// serveCallout answers questions about users with what decide returns. An answer of
// nil bytes is an empty message; one of the text "silence" is not sent.
func serveCallout(t testing.TB, nc *nats.Conn, curve nkeys.KeyPair, decide func(a *asked) []byte) {
	t.Helper()
	kit.Must[*nats.Subscription](t)(nc.Subscribe("$SYS.REQ.USER.AUTH", func(m *nats.Msg) {
		body, key := m.Data, m.Header.Get("Nats-Server-Xkey")
		if curve != nil {
			var err error
			if body, err = curve.Open(body, key); err != nil {
				t.Errorf("the question is not sealed: %v", err)
				return
			}
		}
		claims, err := jwt.DecodeAuthorizationRequestClaims(string(body))
		if err != nil {
			t.Error(err)
			return
		}
		if curve != nil && claims.Server.XKey != key {
			t.Errorf("the key of the header is %q, that of the claims %q", key, claims.Server.XKey)
		}
		if answer := decide(&asked{claims, t}); string(answer) != "silence" {
			if err := m.Respond(answer); err != nil {
				t.Error(err)
			}
		}
	}))
	kit.OK(t, nc.Flush())
}

// office is a server whose configuration names a service that decides.
type office struct {
	*configured
	issuer  kit.Signer
	service *nats.Conn
	errors  *kit.Inbox // events about those who were refused
}

// newOffice starts one. The configuration has the account AUTH of the service, and
// what is given.
func newOffice(t testing.TB, more, callout string, curve nkeys.KeyPair, decide func(o *office, a *asked) []byte) *office {
	t.Helper()
	o := &office{issuer: newAccount(t)}
	if curve != nil {
		callout += " xkey: " + kit.Must[string](t)(curve.PublicKey())
	}
	if !strings.Contains(more, "AUTH") {
		more += "\naccounts { AUTH { users [{user: auth, password: pwd}] }, FOO {}, BAR {} }"
	}
	o.configured = startFile(t, fmt.Sprintf("listen: 127.0.0.1:-1\nserver_name: A\n%s\nauthorization { timeout: 2s\n"+
		"auth_callout { issuer: %s, account: AUTH, auth_users: [auth], %s } }", more, o.issuer.Public, callout))
	o.service = connect(t, o.Server, nats.UserInfo("auth", "pwd"))
	o.errors = kit.Subscribe(t, o.service, "$SYS.ACCOUNT.CLIENT.AUTH.ERR")
	serveCallout(t, o.service, curve, func(a *asked) []byte { return decide(o, a) })
	return o
}

// reason is why the last one was refused, as the event tells.
func (o *office) reason(t testing.TB) string {
	t.Helper()
	var event struct{ Reason string }
	kit.OK(t, json.Unmarshal(kit.Must[*nats.Msg](t)(o.errors.NextMsg(kit.Patience)).Data, &event))
	return event.Reason
}

// Go: TestAuthCalloutBasics server/auth_callout_test.go:280
func TestAServiceDecidesWhoMayConnect(t *testing.T) {
	issuer := newAccount(t)
	s := start(t, `listen: 127.0.0.1:-1
		server_name: A
		authorization { timeout: 2s, users: [{user: auth, password: pwd}], auth_callout { issuer: `+issuer.Public+`, auth_users: [auth] } }`)
	service := connect(t, s, nats.UserInfo("auth", "pwd"))
	serveCallout(t, service, nil, func(a *asked) []byte {
		if a.Server.Name != "A" || a.ClientInformation.Host != "127.0.0.1" {
			t.Errorf("server %+v, client %+v", a.Server, a.ClientInformation)
		}
		c := a.ConnectOptions
		if c.Token == "SECRET_TOKEN" && a.ClientInformation.User != "[REDACTED]" {
			t.Errorf("the token is told as a name: %q", a.ClientInformation.User)
		}
		switch {
		case c.Username == "dlc" && c.Password == "zzz" || c.Token == "SECRET_TOKEN":
			return a.let(issuer, a.grant(issuer, func(c *jwt.UserClaims) {
				c.Audience, c.Expires = "$G", time.Now().Add(10*time.Minute).Unix()
				c.Pub.Allow.Add("$SYS.>")
				c.Limits.Payload = 1024
			}))
		case c.Username == "proxy":
			return a.let(issuer, a.grant(issuer, func(c *jwt.UserClaims) { c.Audience, c.ProxyRequired = "$G", true }))
		}
		return nil
	})
	refused(t, s, nats.UserInfo("dlc", "xxx"))
	refused(t, s, nats.UserInfo("proxy", "xxx"))
	for name, option := range map[string]nats.Option{"dlc": nats.UserInfo("dlc", "zzz"), "[REDACTED]": nats.Token("SECRET_TOKEN")} {
		nc := connect(t, s, option)
		who := whoami(t, nc)
		if who.User != name || who.Account != "$G" || !slices.Equal(who.Permissions.Publish.Allow, []string{"$SYS.>"}) ||
			!slices.Equal(who.Permissions.Publish.Deny, []string{"$SYS.REQ.USER.AUTH"}) ||
			who.Expires < 9*time.Minute || who.Expires > 10*time.Minute {
			t.Errorf("%s is %+v with %+v", name, who, who.Permissions)
		}
		told := watch(nc)
		publish(t, nc, "$SYS.REQ.USER.AUTH", "")
		if err := kit.Await(t, "a violation", told); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("a question in the server's name: %v", err)
		}
	}
	told := watch(service)
	publish(t, service, "$SYS.REQ.USER.AUTH", "")
	if err := kit.Await(t, "a violation", told); !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("a question of the service in the server's name: %v", err)
	}
}

// Go: TestAuthCalloutMultiAccounts server/auth_callout_test.go:536
// Go: TestAuthCalloutAllowedAccounts server/auth_callout_test.go:588
func TestWhoIsAskedAbout(t *testing.T) {
	const accounts = `accounts {
		AUTH { users [{user: auth, password: pwd}] }
		FOO { users [{user: foo, password: pwd}] }
		BAR { users [{user: bar, password: pwd}] }
		BAZ {}
		SYS { users [{user: sys, password: pwd}] } }
		system_account: SYS`
	all := newOffice(t, accounts, "", nil, func(o *office, a *asked) []byte {
		return a.let(o.issuer, a.grant(o.issuer, in("BAZ")))
	})
	some := newOffice(t, accounts+"\nno_auth_user: foo", "allowed_accounts: [BAR]", nil, func(o *office, a *asked) []byte {
		if a.ConnectOptions.Username == "dlc" && a.ConnectOptions.Password != "zzz" {
			return nil
		}
		return a.let(o.issuer, a.grant(o.issuer, in("BAR")))
	})
	for _, c := range []struct {
		office        *office
		user, pass    string
		name, account string // empty: not let in
	}{
		{all, "dlc", "zzz", "dlc", "BAZ"},
		{all, "foo", "pwd", "foo", "BAZ"}, // all configured users are asked about
		{all, "auth", "pwd", "auth", "AUTH"},
		{some, "dlc", "zzz", "dlc", "BAR"},
		{some, "dlc", "yyy", "", ""},
		{some, "", "", "foo", "FOO"},
		{some, "bar", "pwd", "bar", "BAR"},
		{some, "sys", "pwd", "sys", "SYS"},
	} {
		var options []nats.Option
		if c.user != "" {
			options = append(options, nats.UserInfo(c.user, c.pass))
		}
		if c.name == "" {
			refused(t, c.office.Server, options...)
			continue
		}
		if who := whoami(t, connect(t, c.office.Server, options...)); who.User != c.name || who.Account != c.account {
			t.Errorf("%q: %+v", c.user, who)
		}
	}
}

// Go: TestAuthCalloutNoAuthUserPreConnectInvokesCallout server/auth_callout_test.go:675
// Go: TestAuthCalloutNoAuthUserPreConnectHonorsExpiration server/auth_callout_test.go:740
func TestWhoSaysNothingIsAskedAbout(t *testing.T) {
	t.Parallel()
	var let atomic.Bool
	var times atomic.Int32
	o := newOffice(t, `no_auth_user: foo
		accounts { AUTH { users [{user: auth, password: pwd}] }, FOO { users [{user: foo, password: pwd}] } }`, "", nil,
		func(o *office, a *asked) []byte {
			times.Add(1)
			if !let.Load() {
				return nil
			}
			return a.let(o.issuer, a.grant(o.issuer, func(c *jwt.UserClaims) {
				c.Name, c.Audience, c.Expires = "foo", "FOO", time.Now().Unix()+2
			}))
		})
	nobody := dial(t, o.Server)
	nobody.send("PING")
	nobody.expect("-ERR 'Authorization Violation'")
	if times.Load() != 1 {
		t.Errorf("asked %d times", times.Load())
	}
	let.Store(true)
	somebody := dial(t, o.Server)
	somebody.send("PING")
	somebody.expect("PONG")
	somebody.expect("-ERR 'User Authentication Expired'")
}

// Go: TestAuthCalloutVerifiedUserCalloutsWithSig server/auth_callout_test.go:876
func TestTheServiceSeesSignatures(t *testing.T) {
	key, issuer := kit.NewSigner(t, nkeys.PrefixByteUser), newAccount(t)
	s := start(t, `listen: 127.0.0.1:-1
		authorization { timeout: 2s, users: [{user: auth, password: pwd}, {nkey: `+key.Public+`}], auth_callout { issuer: `+issuer.Public+`, auth_users: [auth] } }`)
	var times atomic.Int32
	serveCallout(t, connect(t, s, nats.UserInfo("auth", "pwd")), nil, func(a *asked) []byte {
		times.Add(1)
		if a.ConnectOptions.SignedNonce == "" || a.ClientInformation.Nonce == "" || a.ConnectOptions.Nkey != key.Public {
			t.Errorf("%+v, %+v", a.ConnectOptions, a.ClientInformation)
		}
		return a.let(issuer, a.grant(issuer, in("$G")))
	})
	nc := connect(t, s, nats.Nkey(key.Public, func(nonce []byte) ([]byte, error) { return key.Sign(nonce) }))
	who := whoami(t, nc)
	if who.User != key.Public || who.Account != "$G" || !slices.Equal(who.Permissions.Publish.Deny, []string{"$SYS.REQ.USER.AUTH"}) || times.Load() != 1 {
		t.Errorf("asked %d times: %+v", times.Load(), who)
	}
}

// Go: TestAuthCalloutServerConfigEncryption server/auth_callout_test.go:1404
func TestQuestionsAndAnswersAreSealed(t *testing.T) {
	curve := kit.Must[nkeys.KeyPair](t)(nkeys.CreateCurveKeys())
	o := newOffice(t, "", "", curve, func(o *office, a *asked) []byte {
		answer := a.let(o.issuer, a.grant(o.issuer, in("FOO")))
		switch a.ConnectOptions.Password {
		case "sealed":
			return kit.Must[[]byte](t)(curve.Seal(answer, a.Server.XKey))
		case "plain":
			return answer
		}
		return nil
	})
	for _, how := range []string{"sealed", "plain"} {
		if who := whoami(t, connect(t, o.Server, nats.UserInfo("dlc", how))); who.User != "dlc" || who.Account != "FOO" {
			t.Errorf("%s: %+v", how, who)
		}
	}
	refused(t, o.Server, nats.UserInfo("dlc", "other"))
}

// Go: TestAuthCalloutServerTags server/auth_callout_test.go:1564
func TestTheServiceSeesTagsOfTheServer(t *testing.T) {
	o := newOffice(t, "server_tags: [foo, bar]", "", nil, func(o *office, a *asked) []byte {
		if !slices.Equal(a.Server.Tags, jwt.TagList{"foo", "bar"}) || a.Server.Version == "" {
			t.Errorf("server %+v", a.Server)
		}
		return a.let(o.issuer, a.grant(o.issuer, in("FOO")))
	})
	connect(t, o.Server)
}

// Go: TestAuthCalloutErrorResponse server/auth_callout_test.go:1636
// Go: TestAuthCallout_ClientAuthErrorConf server/auth_callout_test.go:2309
// Go: TestAuthCalloutAuthErrEvents server/auth_callout_test.go:1688
// Go: TestAuthCalloutBadServer server/auth_callout_test.go:1889
// Go: TestAuthCalloutBadUser server/auth_callout_test.go:1940
// Go: TestAuthCalloutExpiredUser server/auth_callout_test.go:1991
// Go: TestAuthCalloutExpiredResponse server/auth_callout_test.go:2038
// Go: TestAuthCalloutProxyRequiredInUserNotInAuthJWT server/auth_callout_test.go:2773
func TestAnswersThatLetNobodyIn(t *testing.T) {
	other := newAccount(t)
	answers := map[string]struct {
		reason string
		answer func(o *office, a *asked) []byte
	}{
		"nothing": {"no reason supplied", func(*office, *asked) []byte { return nil }},
		"an error": {"not today", func(o *office, a *asked) []byte {
			return a.refuse(o.issuer, "not today")
		}},
		"proxy": {"proxy connection required", func(o *office, a *asked) []byte {
			return a.let(o.issuer, a.grant(o.issuer, in("FOO"))) // it is the configuration that asks for a proxy
		}},
		"proxy by claims": {"proxy connection required", func(o *office, a *asked) []byte {
			return a.let(o.issuer, a.grant(o.issuer, func(c *jwt.UserClaims) { c.Audience, c.ProxyRequired = "FOO", true }))
		}},
		"another server": {"response is not for server", func(o *office, a *asked) []byte {
			return a.response(o.issuer, func(c *jwt.AuthorizationResponseClaims) {
				c.Audience, c.Jwt = kit.NewSigner(t, nkeys.PrefixByteServer).Public, a.grant(o.issuer, in("FOO"))
			})
		}},
		"another user": {"auth callout response is not for expected user", func(o *office, a *asked) []byte {
			a.UserNkey = kit.NewSigner(t, nkeys.PrefixByteUser).Public
			return a.let(o.issuer, a.grant(o.issuer, in("FOO")))
		}},
		"an expired user": {"claim is expired", func(o *office, a *asked) []byte {
			return a.let(o.issuer, a.grant(o.issuer, func(c *jwt.UserClaims) { c.Audience, c.Expires = "FOO", time.Now().Unix()-5 }))
		}},
		"an expired answer": {"claim is expired", func(o *office, a *asked) []byte {
			return a.response(o.issuer, func(c *jwt.AuthorizationResponseClaims) {
				c.Jwt, c.Expires = a.grant(o.issuer, in("FOO")), time.Now().Unix()-5
			})
		}},
		"another issuer": {"signing key is unknown", func(o *office, a *asked) []byte {
			return a.let(other, a.grant(other, in("FOO")))
		}},
		"an unknown account": {`no valid account "NONE"`, func(o *office, a *asked) []byte {
			return a.let(o.issuer, a.grant(o.issuer, in("NONE")))
		}},
		"another transport": {"not allowed to use connection type", func(o *office, a *asked) []byte {
			return a.let(o.issuer, a.grant(o.issuer, func(c *jwt.UserClaims) {
				c.Audience = "FOO"
				c.AllowedConnectionTypes.Add(jwt.ConnectionTypeMqtt)
			}))
		}},
	}
	var times atomic.Int32
	o := newOffice(t, `accounts {
		AUTH { users [{user: auth, password: pwd}] }
		FOO { users [{user: proxy, password: pwd, proxy_required: true}] } }`, "", nil, func(o *office, a *asked) []byte {
		times.Add(1)
		if a.ConnectOptions.Username == "good" {
			return a.let(o.issuer, a.grant(o.issuer, in("FOO")))
		}
		return answers[a.ConnectOptions.Username].answer(o, a)
	})
	connect(t, o.Server, nats.UserInfo("good", "pwd"))
	silent(t, o.service, o.errors)
	for name, c := range answers {
		before := times.Load()
		refused(t, o.Server, nats.UserInfo(name, "pwd"))
		if got := o.reason(t); !strings.Contains(strings.ToLower(got), strings.ToLower(c.reason)) {
			t.Errorf("%s: reason %q", name, got)
		}
		if times.Load() != before+1 {
			t.Errorf("%s: asked %d times", name, times.Load()-before)
		}
	}
}

// Go: TestAuthCalloutAuthUserFailDoesNotInvokeCallout server/auth_callout_test.go:1659
func TestNobodyIsAskedAboutTheService(t *testing.T) {
	o := newOffice(t, "", "", nil, func(o *office, a *asked) []byte {
		t.Errorf("asked about %q", a.ConnectOptions.Username)
		return nil
	})
	refused(t, o.Server, nats.UserInfo("auth", "wrong"))
	kit.OK(t, o.service.Flush())
}

// Go: TestAuthCalloutConnectEvents server/auth_callout_test.go:1761
func TestEventsAboutUsersOfAService(t *testing.T) {
	o := newOffice(t, `accounts {
		AUTH { users [{user: auth, password: pwd}] }
		FOO {}, BAR {}
		$SYS { users [{user: admin, password: s3cr3t}] } }`, "allowed_accounts: [FOO, BAR]", nil, func(o *office, a *asked) []byte {
		return a.let(o.issuer, a.grant(o.issuer, in(a.ConnectOptions.Password)))
	})
	admin := connect(t, o.Server, nats.UserInfo("admin", "s3cr3t"))
	events := kit.Subscribe(t, admin, "$SYS.ACCOUNT.*.*")
	conns := kit.Subscribe(t, admin, "$SYS.ACCOUNT.*.SERVER.CONNS")
	type event struct {
		Client struct{ User, Acc string }
		Acc    string
		Conns  int
	}
	next := func(sub *kit.Inbox, subject string) (e event) {
		t.Helper()
		m := kit.Must[*nats.Msg](t)(sub.NextMsg(kit.Patience))
		kit.OK(t, json.Unmarshal(m.Data, &e))
		if m.Subject != subject {
			t.Fatalf("%s, want %s", m.Subject, subject)
		}
		return e
	}
	for user, account := range map[string]string{"dlc": "FOO", "rip": "BAR"} {
		nc := connect(t, o.Server, nats.UserInfo(user, account))
		if e := next(conns, "$SYS.ACCOUNT."+account+".SERVER.CONNS"); e.Acc != account || e.Conns != 1 {
			t.Errorf("%s: %+v", user, e)
		}
		nc.Close()
		if e := next(conns, "$SYS.ACCOUNT."+account+".SERVER.CONNS"); e.Acc != account || e.Conns != 0 {
			t.Errorf("%s: %+v", user, e)
		}
		seen := make(map[string]event)
		for range 2 {
			m := kit.Must[*nats.Msg](t)(events.NextMsg(kit.Patience))
			var e event
			kit.OK(t, json.Unmarshal(m.Data, &e))
			seen[m.Subject] = e
		}
		for _, kind := range []string{"CONNECT", "DISCONNECT"} {
			if e, ok := seen["$SYS.ACCOUNT."+account+"."+kind]; !ok || e.Client.User != user || e.Client.Acc != account {
				t.Errorf("%s of %s: %+v", kind, user, seen)
			}
		}
	}
	kit.OK(t, o.service.Flush())
	silent(t, admin, events)
	silent(t, admin, conns)
}

// Go: TestAuthCalloutRegisterWithAccountAfterClose server/auth_callout_test.go:3023
// Go: TestAuthCalloutZombieInflatesAccountConnections server/auth_callout_test.go:3110
func TestWhoHasGoneIsNotCounted(t *testing.T) {
	pondering, decided := make(chan bool), make(chan bool)
	o := newOffice(t, `accounts { AUTH { users [{user: auth, password: pwd}] }, FOO { limits { max_connections: 5 } } }`, "", nil,
		func(o *office, a *asked) []byte {
			if a.ConnectOptions.Username == "zombie" {
				pondering <- true
				<-decided
			}
			return a.let(o.issuer, a.grant(o.issuer, in("FOO")))
		})
	members := func() int { return accountz(t, o.Server, "FOO").Account.ClientCnt }
	for range 3 {
		before := o.NumClients()
		conn := kit.Must[net.Conn](t)(net.Dial("tcp", strings.TrimPrefix(o.ClientURL(), "nats://")))
		kit.Must[int](t)(conn.Write([]byte("CONNECT {\"user\":\"zombie\",\"pass\":\"pwd\"}\r\nPING\r\n")))
		<-pondering
		kit.OK(t, conn.Close())
		decided <- true
		kit.Eventually(t, "the end of the connection", func() bool { return o.NumClients() == before })
		if n := members(); n != 0 {
			t.Fatalf("%d connections are counted", n)
		}
	}
	for range 5 {
		connect(t, o.Server, nats.UserInfo("legit", "pwd"))
	}
	if n := members(); n != 5 {
		t.Errorf("%d connections are counted", n)
	}
	if _, err := nats.Connect(o.ClientURL(), nats.UserInfo("legit", "pwd")); !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
		t.Errorf("one too many: %v", err)
	}
}

// A service that does not answer keeps nobody out longer than configured.
func TestAServiceThatSaysNothing(t *testing.T) {
	t.Parallel()
	issuer := newAccount(t)
	s := start(t, `listen: 127.0.0.1:-1
		accounts { AUTH { users [{user: auth, password: pwd}] } }
		authorization { timeout: 0.3, auth_callout { issuer: `+issuer.Public+`, account: AUTH, auth_users: [auth] } }`)
	serveCallout(t, connect(t, s, nats.UserInfo("auth", "pwd")), nil, func(*asked) []byte { return []byte("silence") })
	refused(t, s, nats.UserInfo("joe", "pwd"))
}
