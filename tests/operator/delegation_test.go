package operator_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// agency is an account that delegates to a service of its own who its users are, and
// accounts that these may be placed in.
type agency struct {
	*domain
	t       testing.TB
	account kit.Signer // of the service
	worker  kit.Signer // user who serves
	a, b    kit.Signer // accounts of users
	server  *godwit.Server
	service *nats.Conn
}

func newAgency(t testing.TB) *agency {
	d := newDomain(t)
	g := &agency{domain: d, t: t, account: newAccount(t), worker: kit.NewSigner(t, nkeys.PrefixByteUser), a: newAccount(t), b: newAccount(t)}
	d.account(g.a, func(c *jwt.AccountClaims) { c.Name = "A" })
	d.account(g.b, nil)
	return g
}

// delegate makes the claims of the service's account.
func (g *agency) delegate(allowed ...string) func(*jwt.AccountClaims) {
	return func(c *jwt.AccountClaims) {
		c.EnableExternalAuthorization(g.worker.Public)
		c.Authorization.AllowedAccounts.Add(allowed...)
	}
}

// open starts a server with the claims in memory, and the service.
func (g *agency) open(more string, curve nkeys.KeyPair, decide func(a *asked) []byte) {
	g.t.Helper()
	g.server = g.run("authorization { timeout: 2s }\n" + more)
	g.serve(curve, decide)
}

func (g *agency) serve(curve nkeys.KeyPair, decide func(a *asked) []byte) {
	g.t.Helper()
	g.service = connect(g.t, g.server, kit.As(g.account.User(g.t, g.worker, nil), g.worker))
	serveCallout(g.t, g.service, curve, decide)
}

// applicant comes with claims that give nothing, and a token.
func (g *agency) applicant() nats.Option {
	g.t.Helper()
	return user(g.t, g.account, func(c *jwt.UserClaims) {
		c.Pub.Deny.Add(">")
		c.Sub.Deny.Add(">")
	})
}

// Go: TestAuthCalloutOperatorNoServerConfigCalloutAllowed server/auth_callout_test.go:1034
func TestCalloutsOfOperatorModeAreNotConfigured(t *testing.T) {
	_, err := prepare(t, newDomain(t).config("authorization { auth_callout { issuer: "+newAccount(t).Public+", auth_users: [auth] } }"))
	if err == nil || err.Error() != "operators do not allow authorization callouts to be configured directly" {
		t.Errorf("made with %v", err)
	}
}

// Go: TestAuthCalloutOperatorModeBasics server/auth_callout_test.go:1053
// Go: TestAuthCalloutScopedUserAssignedAccount server/auth_callout_test.go:1391
func TestAServicePlacesUsersInOtherAccounts(t *testing.T) {
	g := newAgency(t)
	key, scopedKey, sentinelKey := newAccount(t), newAccount(t), newAccount(t)
	scope := jwt.NewUserScope()
	scope.Key = scopedKey.Public
	scope.Template.Pub.Allow.Add("foo.>", "$SYS.REQ.USER.INFO")
	scope.Template.Sub.Allow.Add("foo.>", "_INBOX.>")
	scope.Template.Subs, scope.Template.Payload = 10, 512
	scope.Template.Resp = &jwt.ResponsePermission{MaxMsgs: 1, Expires: 3 * time.Second}
	g.domain.account(g.a, func(c *jwt.AccountClaims) {
		c.SigningKeys.Add(key.Public)
		c.SigningKeys.AddScopedSigner(scope)
	})
	nothing := jwt.NewUserScope()
	nothing.Key = sentinelKey.Public
	nothing.Template.Pub.Deny.Add(">")
	nothing.Template.Sub.Deny.Add(">")
	nothing.Template.Subs, nothing.Template.Payload = 0, 0
	g.domain.account(g.account, func(c *jwt.AccountClaims) {
		g.delegate(g.a.Public)(c)
		c.SigningKeys.AddScopedSigner(nothing)
	})
	sentinel := g.account.User(t, kit.NewSigner(t, nkeys.PrefixByteUser), func(c *jwt.UserClaims) {
		c.BearerToken = true
		c.Pub.Deny.Add(">")
		c.Sub.Deny.Add(">")
	})
	of := func(name string, empty bool) func(*jwt.UserClaims) {
		return func(c *jwt.UserClaims) {
			c.Name, c.IssuerAccount = name, g.a.Public
			c.SetScoped(empty)
		}
	}
	g.open("default_sentinel: "+sentinel, nil, func(a *asked) []byte {
		switch a.ConnectOptions.Token {
		case "account":
			return a.let(g.account, a.grant(g.a, func(c *jwt.UserClaims) { c.Name = "dlc" }))
		case "key":
			return a.let(g.account, a.grant(key, of("sk", false)))
		case "scoped":
			return a.let(g.account, a.grant(scopedKey, of("scoped", true)))
		case "scoped with rights":
			return a.let(g.account, a.grant(scopedKey, of("bad", false)))
		case "not allowed":
			return a.let(g.account, a.grant(g.b, nil))
		}
		return nil
	})
	who := whoami(t, g.service)
	if who.Account != g.account.Public || who.User != g.worker.Public || !slices.Equal(who.Permissions.Publish.Deny, []string{"$SYS.REQ.USER.AUTH"}) {
		t.Errorf("the service is %+v, %+v", who, who.Permissions)
	}
	bySentinel := scoped(t, sentinelKey, g.account, nil)
	refused(t, g.server, g.applicant())
	refused(t, g.server)
	for _, token := range []string{"scoped with rights", "not allowed", "other"} {
		refused(t, g.server, g.applicant(), nats.Token(token))
	}
	for token, name := range map[string]string{"account": "dlc", "key": "sk", "scoped": "scoped"} {
		for _, option := range []nats.Option{g.applicant(), bySentinel, nil} { // none: the sentinel of the server
			nc := connect(t, g.server, append([]nats.Option{nats.Token(token)}, slices.DeleteFunc([]nats.Option{option}, func(o nats.Option) bool { return o == nil })...)...)
			who := whoami(t, nc)
			if who.Account != g.a.Public || who.User != name {
				t.Errorf("%s: %+v", token, who)
			}
			if token != "scoped" {
				continue
			}
			if p := who.Permissions; len(p.Publish.Allow) != 2 || !slices.Contains(p.Publish.Allow, "foo.>") || len(p.Subscribe.Allow) != 2 || !slices.Contains(p.Subscribe.Allow, "foo.>") {
				t.Errorf("permissions %+v", p)
			}
			kit.Serve(t, nc, "foo.>", "answer")
			if m := kit.Must[*nats.Msg](t)(nc.Request("foo.bar", nil, kit.Patience)); string(m.Data) != "answer" {
				t.Errorf("answer %q", m.Data)
			}
			nc.Close()
		}
	}
}

// Go: TestAuthCalloutOperator_AnyAccount server/auth_callout_test.go:2085
// Go: TestAuthCalloutScopedUserAllAccount server/auth_callout_test.go:1395
// Go: TestAuthCallout_ClientAuthErrorOperatorMode server/auth_callout_test.go:2384
func TestAServiceForAllAccounts(t *testing.T) {
	g := newAgency(t)
	key, sentinelKey := newAccount(t), newAccount(t)
	scope, nothing := jwt.NewUserScope(), jwt.NewUserScope()
	scope.Key, nothing.Key = key.Public, sentinelKey.Public
	scope.Template.Pub.Allow.Add("foo.>", "$SYS.REQ.USER.INFO")
	scope.Template.Sub.Allow.Add("foo.>", "_INBOX.>")
	scope.Template.Resp = &jwt.ResponsePermission{MaxMsgs: 1, Expires: 3 * time.Second}
	nothing.Template.Pub.Deny.Add(">")
	nothing.Template.Sub.Deny.Add(">")
	nothing.Template.Subs, nothing.Template.Payload = 0, 0
	g.domain.account(g.b, func(c *jwt.AccountClaims) { c.SigningKeys.AddScopedSigner(scope) })
	g.domain.account(g.account, func(c *jwt.AccountClaims) {
		g.delegate("*")(c)
		c.SigningKeys.AddScopedSigner(nothing)
	})
	g.open("", nil, func(a *asked) []byte {
		switch a.ConnectOptions.Token {
		case "A":
			return a.let(g.account, a.grant(g.a, nil))
		case "B":
			return a.let(g.account, a.grant(key, func(c *jwt.UserClaims) {
				c.IssuerAccount = g.b.Public
				c.SetScoped(true)
			}))
		case "error":
			return a.refuse(g.account, "not today")
		}
		return nil
	})
	applicant := scoped(t, sentinelKey, g.account, nil)
	refused(t, g.server, applicant)
	refused(t, g.server, applicant, nats.Token("error"))
	for token, account := range map[string]kit.Signer{"A": g.a, "B": g.b} {
		nc := connect(t, g.server, applicant, nats.Token(token))
		if who := whoami(t, nc); who.Account != account.Public || token == "B" && (len(who.Permissions.Publish.Allow) != 2 || len(who.Permissions.Subscribe.Allow) != 2) {
			t.Errorf("%s: %+v, %+v", token, who, who.Permissions)
		}
		kit.Serve(t, nc, "foo.>", "answer")
		kit.Must[*nats.Msg](t)(nc.Request("foo.bar", nil, kit.Patience))
	}
}

// Go: TestAuthCalloutOperatorModeEncryption server/auth_callout_test.go:1467
// Go: TestAuthCalloutUpdateAccountClaimsClearsExternalAuthorization server/auth_callout_test.go:399
func TestDelegationFollowsClaims(t *testing.T) {
	g := newAgency(t)
	curve := kit.Must[nkeys.KeyPair](t)(nkeys.CreateCurveKeys())
	g.domain.account(g.account, func(c *jwt.AccountClaims) {
		g.delegate(g.a.Public)(c)
		c.Authorization.XKey = kit.Must[string](t)(curve.PublicKey())
	})
	var times atomic.Int32
	g.open("", curve, func(a *asked) []byte {
		times.Add(1)
		switch a.ConnectOptions.Token {
		case "plain":
			return a.let(g.account, a.grant(g.a, nil))
		case "sealed":
			return kit.Must[[]byte](t)(curve.Seal(a.let(g.account, a.grant(g.a, nil)), a.Server.XKey))
		}
		return a.let(g.account, a.grant(g.b, nil))
	})
	admin := connect(t, g.server, g.user(g.system, nil))
	for _, token := range []string{"plain", "sealed"} {
		if who := whoami(t, connect(t, g.server, g.applicant(), nats.Token(token))); who.Account != g.a.Public {
			t.Errorf("%s: %+v", token, who)
		}
	}
	refused(t, g.server, g.applicant(), nats.Token("an account that is not allowed"))
	if n := times.Load(); n != 3 {
		t.Errorf("asked %d times", n)
	}
	push(t, admin, g.domain.account(g.account, nil))
	who := whoami(t, connect(t, g.server, user(t, g.account, nil), nats.Token("plain")))
	if who.Account != g.account.Public || who.Permissions != nil && len(who.Permissions.Publish.Deny) != 0 || times.Load() != 3 {
		t.Errorf("without a service: %+v, asked %d times", who, times.Load())
	}
	if who := whoami(t, g.service); who.Permissions != nil && len(who.Permissions.Publish.Deny) != 0 {
		t.Errorf("who was the service: %+v", who.Permissions)
	}
}

// Go: TestAuthCalloutOperatorModeMismatchedCalloutCreds server/auth_callout_test.go:2844
func TestTheServiceWithAnotherKey(t *testing.T) {
	g := newAgency(t)
	g.domain.account(g.account, g.delegate("*"))
	g.open("", nil, func(*asked) []byte {
		t.Error("asked about the service")
		return nil
	})
	refused(t, g.server, kit.As(g.account.User(t, g.worker, nil), kit.NewSigner(t, nkeys.PrefixByteUser)))
	kit.OK(t, g.service.Flush())
}

// Go: TestOperatorModeUserRevocation server/auth_callout_test.go:2389
func TestUsersOfAServiceAreRevoked(t *testing.T) {
	g := newAgency(t)
	g.server = g.directory("authorization { timeout: 2s }")
	admin := connect(t, g.server, g.user(g.system, nil))
	push(t, admin, g.domain.account(g.account, g.delegate(g.a.Public)))
	push(t, admin, g.domain.account(g.a, nil))
	var mu sync.Mutex
	keys := make(map[string]string) // of users, by the name of the connection
	g.serve(nil, func(a *asked) []byte {
		mu.Lock()
		defer mu.Unlock()
		keys[a.ConnectOptions.Name] = a.UserNkey
		return a.let(g.account, a.grant(g.a, func(c *jwt.UserClaims) { c.IssuerAccount = g.a.Public }))
	})
	told := make(map[string]<-chan error)
	var stay []*nats.Conn
	for _, name := range []string{"first", "second", "third"} {
		nc := connect(t, g.server, g.applicant(), nats.Name(name))
		told[name] = watch(nc)
		stay = append(stay, nc)
	}
	revoke := func(users ...string) {
		t.Helper()
		push(t, admin, g.domain.account(g.a, func(c *jwt.AccountClaims) {
			for _, key := range users {
				c.RevokeAt(key, time.Now().Add(time.Minute))
			}
		}))
	}
	mu.Lock()
	first := keys["first"]
	mu.Unlock()
	revoke(first)
	if err := kit.Await(t, "the end of the first", told["first"]); err == nil || !strings.Contains(err.Error(), "authentication revoked") {
		t.Errorf("told %v", err)
	}
	revoke()
	for _, nc := range stay[1:] {
		kit.OK(t, nc.Flush())
	}
	revoke(jwt.All)
	for _, name := range []string{"second", "third"} {
		if err := kit.Await(t, "the end of the "+name, told[name]); err == nil || !strings.Contains(err.Error(), "authentication revoked") {
			t.Errorf("told %v", err)
		}
	}
}

// TestTheServiceSeesWhoTheTokenSays: the name and tags of the claims that a user brings
// are in the question.
func TestTheServiceSeesWhoTheTokenSays(t *testing.T) {
	g := newAgency(t)
	g.domain.account(g.account, g.delegate(g.a.Public))
	g.open("", nil, func(a *asked) []byte {
		if c := a.ClientInformation; c.NameTag != "sentinel" || !slices.Equal(c.Tags, jwt.TagList{"team:x"}) {
			t.Errorf("the question tells of %+v", c)
		}
		return a.let(g.account, a.grant(g.a, nil))
	})
	nc := connect(t, g.server, user(t, g.account, func(c *jwt.UserClaims) {
		c.Name = "sentinel"
		c.Tags.Add("team:x")
	}))
	if who := whoami(t, nc); who.Account != g.a.Public {
		t.Errorf("placed in %s", who.Account)
	}
}
