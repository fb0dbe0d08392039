package operator_test

import (
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// Go: TestJWTUser server/jwt_test.go:200
// Go: TestJWTServerOperatorModeNoAuthRequired server/jwt_test.go:6862
func TestAUserNeedsClaimsAndAKnownAccount(t *testing.T) {
	d := newDomain(t)
	a := newAccount(t)
	web := newAccountServer(t)
	s := start(t, "listen: 127.0.0.1:-1\noperator: "+d.text()+"\nresolver: URL(\""+web.URL+"\")")
	refused(t, s)
	refused(t, s, d.user(a, nil))
	web.set(a.Public, d.account(a, nil))
	if nc := connect(t, s, d.user(a, nil)); !nc.AuthRequired() {
		t.Error("INFO says that nobody needs to say who they are")
	}
}

// Go: TestJWTUserBadTrusted server/jwt_test.go:256
// Go: TestJWTUserExpired server/jwt_test.go:293
// Go: TestJWTUserRevoked server/jwt_test.go:2771
// Go: TestJWTBearerToken server/jwt_test.go:3095
// Go: TestJWTBearerWithIssuerSameAsAccountToken server/jwt_test.go:3141
// Go: TestJWTBearerWithBadIssuerToken server/jwt_test.go:3191
func TestWhoIsLetIn(t *testing.T) {
	d := newDomain(t)
	a, strict, foreign, other := newAccount(t), newAccount(t), newAccount(t), newAccount(t)
	revoked, late := kit.NewSigner(t, nkeys.PrefixByteUser), kit.NewSigner(t, nkeys.PrefixByteUser)
	d.account(a, func(c *jwt.AccountClaims) { c.RevokeAt(revoked.Public, time.Now().Add(time.Minute)) })
	d.account(strict, func(c *jwt.AccountClaims) { c.Limits.DisallowBearer = true })
	d.accountBy(kit.NewSigner(t, nkeys.PrefixByteOperator), foreign, nil)
	s := d.run("")
	bearing := func(change func(*jwt.UserClaims)) func(*jwt.UserClaims) {
		return func(c *jwt.UserClaims) {
			c.BearerToken = true
			if change != nil {
				change(c)
			}
		}
	}
	by := func(account kit.Signer, change func(*jwt.UserClaims)) string {
		return account.User(t, kit.NewSigner(t, nkeys.PrefixByteUser), change)
	}
	for name, c := range map[string]struct {
		option nats.Option
		in     bool
	}{
		"user":                           {d.user(a, nil), true},
		"account of another operator":    {d.user(foreign, nil), false},
		"expired":                        {d.user(a, func(c *jwt.UserClaims) { c.Expires = time.Now().Unix() - 2 }), false},
		"revoked":                        {kit.As(a.User(t, revoked, nil), revoked), false},
		"signed with another key":        {kit.As(a.User(t, late, nil), revoked), false},
		"not signed":                     {bearer(by(a, nil)), false},
		"bearer":                         {bearer(by(a, bearing(nil))), true},
		"bearer that names its account":  {bearer(by(a, bearing(func(c *jwt.UserClaims) { c.IssuerAccount = a.Public }))), true},
		"bearer that names another one":  {bearer(by(a, bearing(func(c *jwt.UserClaims) { c.IssuerAccount = other.Public }))), false},
		"bearer of an account without":   {bearer(by(strict, bearing(nil))), false},
		"bearer that names a known one":  {bearer(by(a, bearing(func(c *jwt.UserClaims) { c.IssuerAccount = strict.Public }))), false},
		"claims that were tampered with": {bearer(strings.Replace(by(a, bearing(nil)), ".", ".eyJ", 1)), false},
	} {
		nc, err := nats.Connect(s.ClientURL(), c.option, nats.NoReconnect())
		if c.in != (err == nil) || err != nil && !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v", name, err)
		}
		nc.Close()
	}
}

// Go: TestJWTUserExpiresAfterConnect server/jwt_test.go:302
// Go: TestJWTExpiredUserCredentialsRenewal server/jwt_test.go:3240
func TestAUserWhoseTimeIsOverComesBackWithNewClaims(t *testing.T) {
	t.Parallel()
	d := newDomain(t)
	a, key := newAccount(t), kit.NewSigner(t, nkeys.PrefixByteUser)
	d.account(a, nil)
	s := d.run("")
	file := filepath.Join(t.TempDir(), "user.creds")
	write := func(validFor time.Duration) {
		text := a.User(t, key, func(c *jwt.UserClaims) { c.Expires = time.Now().Add(validFor).Unix() })
		kit.OK(t, os.WriteFile(file, kit.Must[[]byte](t)(jwt.FormatUserConfig(text, kit.Must[[]byte](t)(key.Seed()))), 0o600))
	}
	write(2 * time.Second)
	told, back := make(chan error, 4), make(chan bool, 1)
	nc := kit.Must[*nats.Conn](t)(nats.Connect(s.ClientURL(), nats.UserCredentials(file), nats.ReconnectWait(10*time.Millisecond),
		nats.ReconnectJitter(0, 0), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { told <- err }),
		nats.ReconnectHandler(func(*nats.Conn) { back <- true })))
	defer nc.Close()
	write(time.Minute)
	if err := kit.Await(t, "the end", told); !errors.Is(err, nats.ErrAuthExpired) {
		t.Errorf("told %v", err)
	}
	kit.Await(t, "a new connection", back)
	if left := whoami(t, nc).Expires; left < 50*time.Second {
		t.Errorf("expires in %v", left)
	}
}

// Go: TestJWTUserPermissionClaims server/jwt_test.go:332
// Go: TestJWTUserResponsePermissionClaims server/jwt_test.go:464
// Go: TestJWTUserResponsePermissionClaimsDefaultValues server/jwt_test.go:500
// Go: TestJWTUserResponsePermissionClaimsNegativeValues server/jwt_test.go:534
// Go: TestJWTServerOperatorModeUserInfoExpiration server/jwt_test.go:6911
func TestPermissionsOfClaims(t *testing.T) {
	d := newDomain(t)
	a := newAccount(t)
	d.account(a, nil)
	s := d.run("")
	nc := connect(t, s, d.user(a, func(c *jwt.UserClaims) {
		c.Pub.Allow.Add("foo", "bar", "$SYS.REQ.USER.INFO")
		c.Pub.Deny.Add("baz")
		c.Sub.Allow.Add("foo", "bar", "_INBOX.>")
		c.Sub.Deny.Add("baz")
		c.Expires = time.Now().Add(time.Minute).Unix()
	}))
	who := whoami(t, nc)
	if p := who.Permissions; !slices.Equal(p.Publish.Allow, []string{"$SYS.REQ.USER.INFO", "bar", "foo"}) &&
		!slices.Equal(p.Publish.Allow, []string{"foo", "bar", "$SYS.REQ.USER.INFO"}) ||
		!slices.Equal(p.Publish.Deny, []string{"baz"}) || len(p.Subscribe.Allow) != 3 || !slices.Equal(p.Subscribe.Deny, []string{"baz"}) {
		t.Errorf("permissions %+v", who.Permissions)
	}
	if who.Account != a.Public || who.Expires < 55*time.Second || who.Expires > time.Minute || who.Expires%time.Second != 0 {
		t.Errorf("account %s, expires in %v", who.Account, who.Expires)
	}
	told := watch(nc)
	publish(t, nc, "baz", "")
	publish(t, nc, "other", "")
	for range 2 {
		if err := kit.Await(t, "a violation", told); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("told %v", err)
		}
	}

	for name, c := range map[string]struct {
		given, want jwt.ResponsePermission
	}{
		"given":    {jwt.ResponsePermission{MaxMsgs: 22, Expires: 100 * time.Millisecond}, jwt.ResponsePermission{MaxMsgs: 22, Expires: 100 * time.Millisecond}},
		"defaults": {jwt.ResponsePermission{}, jwt.ResponsePermission{MaxMsgs: 1, Expires: 2 * time.Minute}},
		"no limit": {jwt.ResponsePermission{MaxMsgs: -1, Expires: -time.Second}, jwt.ResponsePermission{MaxMsgs: -1, Expires: -time.Second}},
	} {
		nc := connect(t, s, d.user(a, func(u *jwt.UserClaims) {
			u.Pub.Allow.Add("$SYS.REQ.USER.INFO") // to see it
			u.Resp = &c.given
		}))
		got := whoami(t, nc).Permissions.Responses
		if got == nil || got.Max != c.want.MaxMsgs || got.TTL != c.want.Expires {
			t.Errorf("%s: %+v", name, got)
		}
		nc = connect(t, s, d.user(a, func(u *jwt.UserClaims) { u.Resp = &c.given }))
		told := watch(nc)
		publish(t, nc, "foo", "")
		if err := kit.Await(t, "a violation", told); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: who may only answer has published: %v", name, err)
		}
	}
}

// Go: TestJWTAccountDefaultPermissionsUpdateRefreshesClients server/jwt_test.go:367
// Go: TestJWTAccountDefaultPermissionsUpdateKeepsExplicitUserPermissions server/jwt_test.go:421
func TestDefaultPermissionsFollowTheAccount(t *testing.T) {
	d := newDomain(t)
	a := newAccount(t)
	defaults := func(subject string) func(*jwt.AccountClaims) {
		return func(c *jwt.AccountClaims) {
			c.DefaultPermissions.Pub.Allow.Add(subject, "$SYS.REQ.USER.INFO")
			c.DefaultPermissions.Sub.Allow.Add(subject, "_INBOX.>")
		}
	}
	d.account(a, defaults("foo"))
	s := d.run("")
	admin := connect(t, s, d.user(d.system, nil))
	nc, own := connect(t, s, d.user(a, nil)), connect(t, s, d.user(a, func(c *jwt.UserClaims) {
		c.Pub.Allow.Add("baz", "$SYS.REQ.USER.INFO")
		c.Sub.Allow.Add("baz", "_INBOX.>")
	}))
	told, toldOwn := watch(nc), watch(own)
	kit.Subscribe(t, nc, "foo")
	kept := kit.Subscribe(t, own, "baz")

	push(t, admin, d.account(a, defaults("bar")))
	if err := kit.Await(t, "the end of the subscription", told); !strings.Contains(err.Error(), `Permissions Violation for Subscription to "foo"`) {
		t.Errorf("told %v", err)
	}
	publish(t, nc, "foo", "")
	if err := kit.Await(t, "a violation", told); !strings.Contains(err.Error(), `Permissions Violation for Publish to "foo"`) {
		t.Errorf("told %v", err)
	}
	sub := kit.Subscribe(t, nc, "bar")
	publish(t, nc, "bar", "now")
	receives(t, sub, "now")

	publish(t, own, "baz", "still")
	receives(t, kept, "still")
	publish(t, own, "bar", "")
	if err := kit.Await(t, "a violation", toldOwn); !strings.Contains(err.Error(), `Permissions Violation for Publish to "bar"`) {
		t.Errorf("told %v", err)
	}
}

// Go: TestJWTQueuePermissions server/jwt_test.go:5900
func TestQueuesInPermissions(t *testing.T) {
	d := newDomain(t)
	a := newAccount(t)
	d.account(a, nil)
	s := d.run("")
	for _, c := range []struct {
		allow bool
		queue string
		ok    bool
	}{
		{true, "queue.dev", true}, {true, "", false}, {true, "bad", false},
		{false, "", true}, {false, "queue.dev", false}, {false, "good", true},
	} {
		nc := connect(t, s, d.user(a, func(u *jwt.UserClaims) {
			if c.allow {
				u.Sub.Allow.Add("foo.> *.dev")
			} else {
				u.Sub.Deny.Add("foo.> *.dev")
			}
		}))
		told := watch(nc)
		kit.Must[*nats.Subscription](t)(nc.QueueSubscribe("foo.bar", c.queue, func(*nats.Msg) {}))
		kit.OK(t, nc.Flush())
		nc.Close()
		err, open := <-told
		if open == c.ok || open && !strings.Contains(err.Error(), `Permissions Violation for Subscription to "foo.bar"`) {
			t.Errorf("allow %t, queue %q: %v", c.allow, c.queue, err)
		}
	}
}

// newTimeRange is when users may be connected.
func newTimeRange(start time.Time, length time.Duration) jwt.TimeRange {
	return jwt.TimeRange{Start: start.Format("15:04:05"), End: start.Add(length).Format("15:04:05")}
}

// Go: TestJWTUserLimits server/jwt_test.go:3947
func TestWhereAndWhenUsersMayConnect(t *testing.T) {
	d := newDomain(t)
	a := newAccount(t)
	d.account(a, nil)
	s := d.run("")
	now := time.Now()
	hour, hours := now.Add(time.Hour), now.Add(2*time.Hour)
	times := func(list ...jwt.TimeRange) func(*jwt.UserClaims) {
		return func(c *jwt.UserClaims) { c.Times = list }
	}
	from := func(list string) func(*jwt.UserClaims) { return func(c *jwt.UserClaims) { c.Src.Set(list) } }
	for name, c := range map[string]struct {
		change func(*jwt.UserClaims)
		in     bool
	}{
		"anywhere":                    {nil, true},
		"another network":             {from("8.8.8.8/8"), false},
		"every network":               {from("8.8.8.8/0"), true},
		"this network":                {from("127.0.0.1/8"), true},
		"two networks":                {from("8.8.8.8/8,127.0.0.1/8"), true},
		"two other networks":          {from("8.8.8.8/8,9.9.9.9/8"), false},
		"now":                         {times(newTimeRange(now.Add(-2*time.Second), time.Hour)), true},
		"later":                       {times(newTimeRange(hour, time.Hour)), false},
		"later and now":               {times(newTimeRange(hour, time.Hour), newTimeRange(now.Add(-2*time.Second), time.Hour)), true},
		"later and later":             {times(newTimeRange(hour, time.Hour), newTimeRange(hours, time.Hour)), false},
		"later, overlapping":          {times(newTimeRange(hour, 3*time.Hour), newTimeRange(hours, 2*time.Hour)), false},
		"later, one in the other":     {times(newTimeRange(hour, 3*time.Hour), newTimeRange(hours, time.Hour)), false},
		"over midnight, of 25 hours":  {times(newTimeRange(now.Add(-2*time.Second), 25*time.Hour)), true},
		"over midnight, but one hour": {times(newTimeRange(now.Add(-2*time.Second), -time.Hour)), true},
	} {
		nc, err := nats.Connect(s.ClientURL(), d.user(a, c.change), nats.NoReconnect())
		if c.in != (err == nil) || err != nil && !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v", name, err)
		}
		nc.Close()
	}
}

// Go: TestJWTTimeExpiration server/jwt_test.go:4014
func TestUsersLeaveWhenTheirHoursEnd(t *testing.T) {
	t.Parallel()
	d := newDomain(t)
	a := newAccount(t)
	d.account(a, nil)
	s := d.run("")
	const length = 2 * time.Second
	started := time.Now().Truncate(time.Second).Add(-time.Second) // hours begin after their first second
	end := started.Add(length + time.Second)
	zone := func(name string) func(*jwt.UserClaims) {
		return func(c *jwt.UserClaims) {
			c.Locale = name
			c.Times = []jwt.TimeRange{newTimeRange(started.In(kit.Must[*time.Location](t)(time.LoadLocation(name))), length+time.Second)}
		}
	}
	type guest struct {
		told <-chan error
		end  time.Time
	}
	guests := make(map[string]guest)
	for name, change := range map[string]func(*jwt.UserClaims){
		"here":     func(c *jwt.UserClaims) { c.Times = []jwt.TimeRange{newTimeRange(started, length+time.Second)} },
		"Berlin":   zone("Europe/Berlin"),
		"New York": zone("America/New_York"),
		"claims first": func(c *jwt.UserClaims) {
			c.Times = []jwt.TimeRange{newTimeRange(started, time.Hour)}
			c.Expires = end.Unix()
		},
	} {
		guests[name] = guest{watch(connect(t, s, d.user(a, change))), end}
	}
	// Two times with a break between them: the client comes back in the second.
	told, back := make(chan error, 1), make(chan bool, 1)
	twice := connect(t, s, d.user(a, func(c *jwt.UserClaims) {
		c.Times = []jwt.TimeRange{newTimeRange(started, length+time.Second), newTimeRange(end.Add(time.Second), time.Hour)}
	}), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		select {
		case told <- err:
		default: // refused again and again in between
		}
	}), nats.ReconnectWait(20*time.Millisecond),
		nats.ReconnectJitter(0, 0), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.ReconnectHandler(func(*nats.Conn) { back <- true }),
		func(o *nats.Options) error { o.AllowReconnect = true; return nil })

	for name, g := range guests {
		err := kit.Await(t, name, g.told)
		if late := time.Since(g.end); !errors.Is(err, nats.ErrAuthExpired) || late < -time.Second/2 || late > 3*time.Second {
			t.Errorf("%s: told %v, %v late", name, err, late)
		}
		if _, open := <-g.told; open {
			t.Errorf("%s: told more", name)
		}
	}
	if err := kit.Await(t, "the end of the first time", told); !errors.Is(err, nats.ErrAuthExpired) {
		t.Errorf("told %v", err)
	}
	kit.Await(t, "the second time", back)
	if !twice.IsConnected() {
		t.Error("not connected in the second time")
	}
}

// Go: TestJWTLimits server/jwt_test.go:4453
// Go: TestJWTUserLimitsOverflowInt32SubPub server/jwt_test.go:7737
func TestLimitsOfUsers(t *testing.T) {
	d := newDomain(t)
	a, key := newAccount(t), newAccount(t)
	d.account(a, func(c *jwt.AccountClaims) {
		scope := jwt.NewUserScope()
		scope.Key = key.Public
		scope.Template.Subs, scope.Template.Payload = math.MaxInt32+1, math.MaxInt32+1
		c.SigningKeys.AddScopedSigner(scope)
	})
	s := d.run("")
	nc := connect(t, s, d.user(a, func(c *jwt.UserClaims) { c.Subs = 1 }))
	told := watch(nc)
	kit.Subscribe(t, nc, "foo")
	kit.Must[*nats.Subscription](t)(nc.SubscribeSync("bar"))
	if err := kit.Await(t, "an error", told); !errors.Is(err, nats.ErrMaxSubscriptionsExceeded) {
		t.Errorf("told %v", err)
	}
	nc = connect(t, s, d.user(a, func(c *jwt.UserClaims) { c.Limits.Payload = 5 }))
	kit.OK(t, nc.Flush())
	kit.OK(t, nc.Publish("foo", []byte("world")))
	if err := nc.Publish("foo", []byte("worldX")); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("published: %v", err)
	}
	for name, option := range map[string]nats.Option{
		"subscriptions": d.user(a, func(c *jwt.UserClaims) { c.Subs = math.MaxInt32 + 1 }),
		"payload":       d.user(a, func(c *jwt.UserClaims) { c.Limits.Payload = math.MaxInt32 + 1 }),
		"both by scope": scoped(t, key, a, nil),
	} {
		nc := connect(t, s, option)
		sub := kit.Subscribe(t, nc, "foo")
		publish(t, nc, "foo", name)
		receives(t, sub, name)
	}
}

// Go: TestJWTNoOperatorMode server/jwt_test.go:4675
func TestClaimsMeanNothingWithoutAnOperator(t *testing.T) {
	for _, config := range []string{"", "authorization { user: u, password: pwd }"} {
		s := start(t, "listen: 127.0.0.1:-1\n"+config)
		connect(t, s, user(t, newAccount(t), nil), nats.UserInfo("u", "pwd"))
		z := kit.Must[*godwit.Connz](t)(s.Connz(&godwit.ConnzOptions{Username: true}))
		if len(z.Conns) != 1 || z.Conns[0].JWT != "" {
			t.Errorf("%q: %+v", config, z.Conns)
		}
	}
}

// Go: TestJWTUserRevocation server/jwt_test.go:4706
// Go: TestJWTUserRevokedOnAccountUpdate server/jwt_test.go:2729
func TestRevokedUsersGoAndNewClaimsLetThemIn(t *testing.T) {
	t.Parallel()
	for name, all := range map[string]bool{"this user": false, "all users": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDomain(t)
			s := d.directory()
			admin := connect(t, s, d.user(d.system, nil))
			a, key := newAccount(t), kit.NewSigner(t, nkeys.PrefixByteUser)
			push(t, admin, d.account(a, nil))
			gone := kit.Subscribe(t, admin, "$SYS.ACCOUNT."+a.Public+".DISCONNECT")
			old := a.User(t, key, nil)
			told := watch(connect(t, s, kit.As(old, key)))
			who := key.Public
			if all {
				who = jwt.All
			}
			now := time.Now()
			push(t, admin, d.account(a, func(c *jwt.AccountClaims) { c.RevokeAt(who, now) }))
			if err := kit.Await(t, "the end", told); !errors.Is(err, nats.ErrAuthRevoked) {
				t.Errorf("told %v", err)
			}
			m := kit.Must[*nats.Msg](t)(gone.NextMsg(kit.Patience))
			if text := string(m.Data); !strings.Contains(text, `"jwt":"`+old+`"`) || !strings.Contains(text, `"acc":"`+a.Public+`"`) || !strings.Contains(text, "Credentials Revoked") {
				t.Errorf("event %s", text)
			}
			refused(t, s, kit.As(old, key))
			kit.Eventually(t, "another second", func() bool { return time.Now().Unix() > now.Unix() })
			connect(t, s, kit.As(a.User(t, key, nil), key))
		})
	}
}

// accountServer is a web server with account claims.
type accountServer struct {
	*httptest.Server
	claims chan map[string]string // one map, held by whoever uses it
	asked  chan string            // the accounts that were asked for, if there is room
}

func newAccountServer(t testing.TB) *accountServer {
	a := &accountServer{claims: make(chan map[string]string, 1), asked: make(chan string, 1000)}
	a.claims <- make(map[string]string)
	a.Server = httptest.NewServer(http.HandlerFunc(a.answer))
	t.Cleanup(a.Close)
	return a
}

func (a *accountServer) answer(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if key == "" {
		return // the question at the start
	}
	claims := <-a.claims
	text, ok := claims[key]
	a.claims <- claims
	select {
	case a.asked <- key:
	default:
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Write([]byte(text))
}

func (a *accountServer) set(key, text string) {
	claims := <-a.claims
	claims[key] = text
	a.claims <- claims
}
