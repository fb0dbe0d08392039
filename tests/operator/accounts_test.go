package operator_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// Go: TestJWTAccountExpired server/jwt_test.go:571
// Go: TestJWTAccountRenew server/jwt_test.go:625
func TestAnExpiredAccountIsRenewedByAnUpdate(t *testing.T) {
	d := newDomain(t)
	a := newAccount(t)
	valid := func(seconds int64) string {
		return d.account(a, func(c *jwt.AccountClaims) { c.Expires = time.Now().Unix() + seconds })
	}
	s := d.directory()
	admin := connect(t, s, d.user(d.system, nil))
	push(t, admin, valid(-2))
	refused(t, s, d.user(a, nil))
	push(t, admin, valid(60))
	connect(t, s, d.user(a, nil))
}

// Go: TestJWTAccountExpiresAfterConnect server/jwt_test.go:580
// Go: TestJWTAccountRenewFromResolver server/jwt_test.go:663
// Go: TestJWTAccountLimitsMaxConnsAfterExpired server/jwt_test.go:3017
func TestAnAccountThatExpiresIsAskedForAgain(t *testing.T) {
	t.Parallel()
	d := newDomain(t)
	a := newAccount(t)
	web := newAccountServer(t)
	expires := time.Now().Unix() + 3
	web.set(a.Public, d.account(a, func(c *jwt.AccountClaims) { c.Expires = expires }))
	s := start(t, "listen: 127.0.0.1:-1\noperator: "+d.text()+"\nresolver: URL(\""+web.URL+"\")")
	told := watch(connect(t, s, d.user(a, nil)))
	if err := kit.Await(t, "the end", told); !errors.Is(err, nats.ErrAccountAuthExpired) {
		t.Errorf("told %v", err)
	}
	kit.Eventually(t, "the account's end", func() bool { return time.Now().Unix() > expires })
	if info := accountz(t, s, a.Public).Account; !info.Expired {
		t.Error("monitoring says that the account has not expired")
	}
	refused(t, s, d.user(a, nil))
	web.set(a.Public, d.account(a, func(c *jwt.AccountClaims) { c.Expires, c.Limits.Conn = expires+60, 1 }))
	connect(t, s, d.user(a, nil))
	if _, err := nats.Connect(s.ClientURL(), d.user(a, nil)); !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
		t.Errorf("the new limit: %v", err)
	}
}

// Go: TestJWTAccountLimitsMaxConns server/jwt_test.go:1388
// Go: TestAccountClaimsUpdates server/events_test.go:1174
// Go: TestAccountConnsLimitExceededAfterUpdate server/events_test.go:1527
// Go: TestAccountConnsLimitExceededAfterUpdateDisconnectNewOnly server/events_test.go:1576
func TestConnectionsOfAnAccountAreLimited(t *testing.T) {
	d := newDomain(t)
	a := newAccount(t)
	conns := func(n int64) string {
		return d.account(a, func(c *jwt.AccountClaims) { c.Limits.Conn = n })
	}
	conns(4)
	s := d.run("")
	admin := connect(t, s, d.user(d.system, nil))
	members := func() (names []string) {
		z := kit.Must[*godwit.Connz](t)(s.Connz(&godwit.ConnzOptions{Account: a.Public}))
		for _, c := range z.Conns {
			names = append(names, c.Name)
		}
		return names
	}
	var guests []*nats.Conn
	add := func(name string, n int) {
		for range n {
			guests = append(guests, connect(t, s, d.user(a, nil), nats.Name(name)))
		}
		if _, err := nats.Connect(s.ClientURL(), d.user(a, nil)); !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
			t.Fatalf("one more than %d: %v", n, err)
		}
	}
	add("OLD", 4)
	for i, subject := range []string{"$SYS.REQ.ACCOUNT." + a.Public + ".CLAIMS.UPDATE", "$SYS.ACCOUNT." + a.Public + ".CLAIMS.UPDATE"} {
		if got := ask(t, admin, subject, conns(int64(6+2*i))); got.Data == nil {
			t.Fatalf("%s: %+v", subject, got.Error)
		}
		add("NEW", 2)
	}
	push(t, admin, conns(4))
	for i, nc := range guests[4:] {
		kit.Eventually(t, "the end", nc.IsClosed)
		if err := nc.LastError(); !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
			t.Errorf("connection %d was told %v", i, err)
		}
	}
	kit.Eventually(t, "as few connections as allowed", func() bool { return len(members()) == 4 })
	if names := strings.Join(members(), " "); names != "OLD OLD OLD OLD" {
		t.Errorf("left are %s", names)
	}
}

// Go: TestJWTAccountLimitsSubs server/jwt_test.go:1186
func TestSubscriptionsOfAnAccountAreLimited(t *testing.T) {
	d := newDomain(t)
	a := newAccount(t)
	subs := func(n int64) string {
		return d.account(a, func(c *jwt.AccountClaims) { c.Limits.Subs = n })
	}
	subs(10)
	s := d.run("")
	admin := connect(t, s, d.user(d.system, nil))
	nc := connect(t, s, d.user(a, nil))
	told := watch(nc)
	for range 10 {
		kit.Subscribe(t, nc, "foo")
	}
	kit.Subscribe(t, nc, "foo")
	if err := kit.Await(t, "an error", told); !errors.Is(err, nats.ErrMaxSubscriptionsExceeded) {
		t.Errorf("told %v", err)
	}
	if len(told) != 0 || !nc.IsConnected() {
		t.Fatal("that is no reason to close the connection")
	}
	push(t, admin, subs(5))
	if err := kit.Await(t, "an error", told); !errors.Is(err, nats.ErrMaxSubscriptionsExceeded) {
		t.Errorf("told %v", err)
	}
	if _, open := <-told; open {
		t.Error("the connection stays")
	}
}

// Go: TestJWTAccountLimitsSubsButServerOverrides server/jwt_test.go:1254
// Go: TestJWTAccountLimitsMaxPayload server/jwt_test.go:1303
// Go: TestJWTAccountLimitsMaxPayloadButServerOverrides server/jwt_test.go:1349
// Go: TestJWTAccountLimitsOverflowInt32 server/jwt_test.go:7681
func TestTheSmallestLimitCounts(t *testing.T) {
	for name, c := range map[string]struct {
		server         string
		account        jwt.NatsLimits
		payload, bytes int // what is allowed at most; one more is not
		subs           int
	}{
		"account":  {"", jwt.NatsLimits{Subs: 3, Payload: 8}, 8, 8, 3},
		"server":   {"max_payload: 4\nmax_pending: 1000\nmax_subscriptions: 2", jwt.NatsLimits{Subs: 10, Payload: 8}, 4, 4, 2},
		"beyond32": {"max_payload: 100\nmax_subscriptions: 2", jwt.NatsLimits{Subs: math.MaxInt32 + 1, Payload: math.MaxInt32 + 1}, 100, 100, 2},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDomain(t)
			a := newAccount(t)
			d.account(a, func(claims *jwt.AccountClaims) {
				claims.Limits.Subs, claims.Limits.Payload = c.account.Subs, c.account.Payload
				if name == "beyond32" {
					claims.Limits.Conn, claims.Limits.LeafNodeConn = math.MaxInt32+1, math.MaxInt32+1
				}
			})
			s := d.run(c.server)
			key := kit.NewSigner(t, nkeys.PrefixByteUser)
			raw := dial(t, s)
			raw.login(a.User(t, key, nil), key)
			for i := range c.subs {
				raw.send("SUB s " + string(rune('1'+i)))
			}
			raw.send("SUB s 9")
			raw.expect("-ERR 'maximum subscriptions exceeded'")
			raw.send("UNSUB 1", "PUB other "+itoa(c.payload), strings.Repeat("x", c.payload), "PING")
			raw.expect("PONG")
			raw.send("PUB other "+itoa(c.payload+1), strings.Repeat("x", c.payload+1))
			raw.expect("-ERR 'Maximum Payload Violation'")
		})
	}
}

// Go: TestJWTScopedSigningKeys server/jwt_test.go:5987
// Go: TestJWTLimitsTemplate server/jwt_test.go:4609
// Go: TestJWTUserSigningKey server/jwt_test.go:2339
func TestSigningKeysOfAnAccount(t *testing.T) {
	d := newDomain(t)
	a, plain, key, unknown := newAccount(t), newAccount(t), newAccount(t), newAccount(t)
	scope := jwt.NewUserScope()
	scope.Key = key.Public
	scope.Template.Pub.Deny.Add("denied")
	scope.Template.Pub.Allow.Add("denied", "too-long", "foo.{{name()}}")
	scope.Template.Sub.Allow.Add("foo.{{name()}}")
	scope.Template.Payload = 5
	scope.Template.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard)
	text := d.account(a, func(c *jwt.AccountClaims) {
		c.SigningKeys.Add(plain.Public)
		c.SigningKeys.AddScopedSigner(scope)
	})
	s := d.directory("websocket { listen: 127.0.0.1:-1, no_tls: true }")
	admin := connect(t, s, d.user(d.system, nil))
	push(t, admin, text)
	named := func(c *jwt.UserClaims) { c.Name = "myname" }
	of := func(c *jwt.UserClaims) { c.IssuerAccount = a.Public }

	refused(t, s, user(t, key, of))           // has rights of its own
	refused(t, s, user(t, unknown, of))       // the account does not know the key
	refused(t, s, user(t, plain, nil))        // does not say for which account
	refused(t, s, scoped(t, unknown, a, nil)) // likewise
	nc := connect(t, s, user(t, plain, of))
	sub := kit.Subscribe(t, nc, "denied")
	publish(t, nc, "denied", "may do so")
	receives(t, sub, "may do so")

	member := scoped(t, key, a, named)
	nc = connect(t, s, member)
	kit.OK(t, nc.Flush())
	if err := nc.Publish("too-long", []byte("way.too.long")); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("published: %v", err)
	}
	sub = kit.Subscribe(t, nc, "foo.myname")
	publish(t, nc, "foo.myname", "me")
	receives(t, sub, "me")
	told := watch(nc)
	for _, subject := range []string{"denied", "foo.othername"} {
		publish(t, nc, subject, "")
		if err := kit.Await(t, "a violation", told); !strings.Contains(err.Error(), "Permissions Violation for Publish to \""+subject) {
			t.Errorf("told %v", err)
		}
	}
	web := s.PortsInfo(kit.Patience).WebSocket[0]
	if _, err := nats.Connect(web, member); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("over WebSocket: %v", err)
	}

	// Another scope, and users come back with what it gives.
	back := make(chan bool, 1)
	again := kit.Must[*nats.Conn](t)(nats.Connect(s.ClientURL(), member, nats.ReconnectWait(10*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ReconnectHandler(func(*nats.Conn) { back <- true })))
	defer again.Close()
	scope.Template.Payload = -1
	scope.Template.Pub = jwt.Permission{}
	scope.Template.Sub = jwt.Permission{}
	scope.Template.AllowedConnectionTypes.Add(jwt.ConnectionTypeWebsocket)
	stays := connect(t, s, user(t, plain, of))
	push(t, admin, d.account(a, func(c *jwt.AccountClaims) {
		c.SigningKeys.Add(plain.Public)
		c.SigningKeys.AddScopedSigner(scope)
	}))
	if _, open := <-told; open {
		t.Error("told something instead of just being closed")
	}
	kit.Await(t, "a new connection", back)
	sub = kit.Subscribe(t, again, "denied")
	publish(t, again, "denied", "way.too.long")
	receives(t, sub, "way.too.long")
	ws := kit.Must[*nats.Conn](t)(nats.Connect(web, member))
	ws.Close()
	kit.OK(t, stays.Flush())

	// Without the key nobody whom it signed may stay.
	told = watch(stays)
	push(t, admin, d.account(a, nil))
	if _, open := <-told; open {
		t.Error("told something instead of just being closed")
	}
	refused(t, s, user(t, plain, of))
}

// Go: TestJWTStrictSigningKeys server/jwt_test.go:6140
func TestAStrictOperatorDemandsSigningKeys(t *testing.T) {
	d := newDomain(t)
	key := kit.NewSigner(t, nkeys.PrefixByteOperator)
	d.claims = func(c *jwt.OperatorClaims) {
		c.StrictSigningKeyUsage = true
		c.SigningKeys.Add(key.Public)
	}
	account := func(by, a kit.Signer) (text string, signing kit.Signer) {
		signing = newAccount(t)
		return d.accountBy(by, a, func(c *jwt.AccountClaims) { c.SigningKeys.Add(signing.Public) }), signing
	}
	good, bad := newAccount(t), newAccount(t)
	_, systemKey := account(key, d.system)
	goodText, goodKey := account(key, good)
	badText, badKey := account(d.operator, bad)
	of := func(a kit.Signer) func(*jwt.UserClaims) {
		return func(c *jwt.UserClaims) { c.IssuerAccount = a.Public }
	}
	users := func(s *godwit.Server) {
		t.Helper()
		refused(t, s, user(t, bad, of(bad)))
		refused(t, s, user(t, badKey, of(bad)))
		refused(t, s, user(t, good, of(good)))
		connect(t, s, user(t, goodKey, of(good)))
	}
	users(d.run(""))
	s := d.directory()
	admin := connect(t, s, user(t, systemKey, of(d.system)))
	if got := ask(t, admin, "$SYS.REQ.CLAIMS.UPDATE", badText); got.Error == nil || !strings.Contains(got.Error.Description, "operator requires issuer to be a signing key") {
		t.Errorf("signed by the operator itself: %+v", got.Error)
	}
	push(t, admin, goodText)
	users(s)
}
