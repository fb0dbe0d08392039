package core_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// domain is an operator with a system account and one account for applications.
type domain struct {
	t                     testing.TB
	operator, system, app kit.Signer
	text                  string // JWT of the operator
	accounts              map[string]string
}

func newDomain(t testing.TB, change func(*jwt.OperatorClaims)) *domain {
	t.Helper()
	d := &domain{
		t: t, accounts: make(map[string]string), operator: kit.NewSigner(t, nkeys.PrefixByteOperator),
		system: kit.NewSigner(t, nkeys.PrefixByteAccount), app: kit.NewSigner(t, nkeys.PrefixByteAccount),
	}
	claims := jwt.NewOperatorClaims(d.operator.Public)
	claims.Name = "O"
	if change != nil {
		change(claims)
	}
	d.text = kit.Must[string](t)(claims.Encode(d.operator))
	d.sign(d.operator, d.system, func(c *jwt.AccountClaims) { c.Name = "SYS" })
	d.sign(d.operator, d.app, func(c *jwt.AccountClaims) { c.Name = "APP" })
	return d
}

// sign makes the claims of an account and returns their JWT.
func (d *domain) sign(by, account kit.Signer, change func(*jwt.AccountClaims)) string {
	d.t.Helper()
	claims := jwt.NewAccountClaims(account.Public)
	change(claims)
	d.accounts[account.Public] = kit.Must[string](d.t)(claims.Encode(by))
	return d.accounts[account.Public]
}

// config is a configuration text of the domain, with monitoring.
func (d *domain) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, "http: 127.0.0.1:-1\noperator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload {\n", d.text, d.system.Public)
	for key, text := range d.accounts {
		fmt.Fprintf(&b, "%s: %s\n", key, text)
	}
	return b.String() + "}\n"
}

// user makes a user of an account and the options to connect as it.
func (d *domain) user(by kit.Signer, change func(*jwt.UserClaims)) (kit.Signer, nats.Option) {
	d.t.Helper()
	key := kit.NewSigner(d.t, nkeys.PrefixByteUser)
	claims := jwt.NewUserClaims(key.Public)
	if change != nil {
		change(claims)
	}
	text := kit.Must[string](d.t)(claims.Encode(by))
	return key, nats.UserJWT(func() (string, error) { return text, nil }, func(nonce []byte) ([]byte, error) { return key.Sign(nonce) })
}

// Monitoring shows accounts by their keys and tells their names beside.
//
// Go: TestSubszOperatorMode server/monitor_test.go:1658
// Go: TestMonitorAccountzOperatorMode server/monitor_test.go:4725
// Go: TestMonitorAccountStatzOperatorMode server/monitor_test.go:4771
func TestMonitoringNamesAccountsOfAnOperator(t *testing.T) {
	d := newDomain(t, nil)
	s := godwittest.RunConfig(t, d.config())
	_, credentials := d.user(d.app, nil)
	nc := kit.Connect(t, s, "", credentials)
	kit.Subscribe(t, nc, "orders")
	names := map[string]string{d.system.Public: "SYS", d.app.Public: "APP", "$G": "$G"}

	inCode := kit.Must[*godwit.Subsz](t)(s.Subsz(&godwit.SubszOptions{Subscriptions: true}))
	var overHTTP godwit.Subsz
	get(t, s, "/subsz?subs=1", &overHTTP)
	for _, z := range []*godwit.Subsz{inCode, &overHTTP} {
		seen := make(map[string]bool)
		for _, sub := range z.Subs {
			seen[sub.Account] = true
			if want := names[sub.Account]; want == "" || sub.AccountTag != want {
				t.Errorf("%q of %q has the tag %q, want %q", sub.Subject, sub.Account, sub.AccountTag, want)
			}
		}
		if !seen[d.app.Public] {
			t.Error("no subscription of the account")
		}
	}

	list := kit.Must[*godwit.Accountz](t)(s.Accountz(nil))
	var listed, one godwit.Accountz
	get(t, s, "/accountz", &listed)
	for _, z := range []*godwit.Accountz{list, &listed} {
		if z.ID != s.ID() || z.SystemAccount != d.system.Public || len(z.Accounts) != len(names) {
			t.Errorf("%q knows %q, %q", z.ID, z.Accounts, z.SystemAccount)
		}
		for _, account := range z.Accounts {
			if names[account] == "" {
				t.Errorf("account %q", account)
			}
		}
	}
	get(t, s, "/accountz?acc="+d.system.Public, &one)
	for _, z := range []*godwit.Accountz{&one, kit.Must[*godwit.Accountz](t)(s.Accountz(&godwit.AccountzOptions{Account: d.system.Public}))} {
		if a := z.Account; a == nil || a.AccountName != d.system.Public || a.NameTag != "SYS" || !a.IsSystem || z.SystemAccount != d.system.Public {
			t.Errorf("the system account: %+v", a)
		}
	}

	var figures godwit.AccountStatz
	get(t, s, "/accstatz?unused=1", &figures)
	for _, z := range []*godwit.AccountStatz{&figures, kit.Must[*godwit.AccountStatz](t)(s.AccountStatz(&godwit.AccountStatzOptions{IncludeUnused: true}))} {
		if z.ID != s.ID() || len(z.Accounts) != len(names) {
			t.Errorf("%d accounts of %q", len(z.Accounts), z.ID)
		}
		for _, a := range z.Accounts {
			if a.Name != names[a.Account] {
				t.Errorf("%q is called %q", a.Account, a.Name)
			}
			if app := a.Account == d.app.Public; app != (a.Conns == 1) || app && a.NumSubs == 0 {
				t.Errorf("%q has %d connections, %d subscriptions", a.Name, a.Conns, a.NumSubs)
			}
		}
	}
}

// The claims of the operator are shown as they were configured.
//
// Go: TestMonitorOpJWT server/monitor_test.go:4092
func TestMonitoringShowsTheOperator(t *testing.T) {
	d := newDomain(t, nil)
	s := godwittest.RunConfig(t, d.config())
	var z godwit.Varz
	get(t, s, "/varz", &z)
	if len(z.TrustedOperatorsJwt) != 1 || z.TrustedOperatorsJwt[0] != d.text {
		t.Errorf("operators %q", z.TrustedOperatorsJwt)
	}
	want := kit.Must[*jwt.OperatorClaims](t)(jwt.DecodeOperatorClaims(d.text))
	var got jwt.OperatorClaims
	if len(z.TrustedOperatorsClaim) != 1 {
		t.Fatalf("%d claims", len(z.TrustedOperatorsClaim))
	}
	kit.OK(t, json.Unmarshal(z.TrustedOperatorsClaim[0], &got))
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("claims %+v, want %+v", got, want)
	}
}

// An account that another key of the operator has signed anew shows that key after
// a reload.
//
// Go: TestMonitorAccountzAccountIssuerUpdate server/monitor_test.go:4933
func TestReloadChangesTheIssuerOfAnAccount(t *testing.T) {
	first, second := kit.NewSigner(t, nkeys.PrefixByteOperator), kit.NewSigner(t, nkeys.PrefixByteOperator)
	d := newDomain(t, func(c *jwt.OperatorClaims) { c.SigningKeys.Add(first.Public, second.Public) })
	name := func(c *jwt.AccountClaims) { c.Name = "APP" }
	d.sign(first, d.app, name)
	s, reload := kit.Reloadable(t, d.config())
	_, credentials := d.user(d.app, nil)
	kit.Connect(t, s, "", credentials)
	issuer := func() string {
		t.Helper()
		var z godwit.Accountz
		get(t, s, "/accountz?acc="+d.app.Public, &z)
		return z.Account.IssuerKey
	}
	if got := issuer(); got != first.Public {
		t.Errorf("issued by %q", got)
	}
	d.sign(second, d.app, name)
	reload(d.config())
	if got := issuer(); got != second.Public {
		t.Errorf("issued by %q after the reload, want %q", got, second.Public)
	}
}

// Connections are found by the key of their user, open and closed.
//
// Go: TestMonitorConnzOperatorModeFilterByUser server/monitor_test.go:6219
func TestConnectionsOfOneUser(t *testing.T) {
	d := newDomain(t, nil)
	s := godwittest.RunConfig(t, d.config())
	var users []kit.Signer
	var open []*nats.Conn
	counts := []int{2, 5}
	for _, n := range counts {
		key, credentials := d.user(d.app, nil)
		users = append(users, key)
		for range n {
			open = append(open, kit.Connect(t, s, "", credentials))
		}
	}
	all := func(z *godwit.Connz, user string, n int) {
		t.Helper()
		if z.NumConns != n {
			t.Errorf("%d connections, want %d", z.NumConns, n)
		}
		for _, c := range z.Conns {
			if c.AuthorizedUser != user {
				t.Errorf("a connection of %q, want %q", c.AuthorizedUser, user)
			}
		}
	}
	closed := godwit.ConnzOptions{Username: true, State: 1}
	for i, user := range users {
		all(kit.Must[*godwit.Connz](t)(s.Connz(&godwit.ConnzOptions{User: user.Public, Username: true})), user.Public, counts[i])
		var z godwit.Connz
		get(t, s, "/connz?auth=true&user="+user.Public, &z)
		all(&z, user.Public, counts[i])
	}
	for _, nc := range open {
		nc.Close()
	}
	kit.Eventually(t, "all connections are closed", func() bool {
		return kit.Must[*godwit.Connz](t)(s.Connz(&closed)).NumConns == len(open)
	})
	for i, user := range users {
		closed.User = user.Public
		all(kit.Must[*godwit.Connz](t)(s.Connz(&closed)), user.Public, counts[i])
	}
}

// What monitoring calls the user: the name, the key, or nothing of the secret.
//
// Go: TestMonitorAuthorizedUsers server/monitor_test.go:5042
func TestWhoIsConnected(t *testing.T) {
	key := kit.NewSigner(t, nkeys.PrefixByteUser)
	static := godwittest.RunConfig(t, fmt.Sprintf("http: 127.0.0.1:-1\nauthorization { users: [{user: user, password: pw}, {nkey: %s}] }", key.Public))
	token := godwittest.RunConfig(t, "http: 127.0.0.1:-1\nauthorization { token: sometoken }")
	d := newDomain(t, nil)
	// The operator is known by its key alone, and may have signed nothing yet.
	trusted := godwittest.RunConfig(t, fmt.Sprintf("http: 127.0.0.1:-1\ntrusted: %s\nresolver: MEMORY\nresolver_preload { %s: %s }",
		d.operator.Public, d.app.Public, d.accounts[d.app.Public]))
	user, credentials := d.user(d.app, nil)
	for want, c := range map[string]struct {
		s      *godwit.Server
		option nats.Option
	}{
		"user":       {static, nats.UserInfo("user", "pw")},
		key.Public:   {static, nats.Nkey(key.Public, func(nonce []byte) ([]byte, error) { return key.Sign(nonce) })},
		"[REDACTED]": {token, nats.Token("sometoken")},
		user.Public:  {trusted, credentials},
	} {
		nc := kit.Connect(t, c.s, "", c.option)
		var z godwit.Connz
		get(t, c.s, "/connz?auth=true", &z)
		for _, z := range []*godwit.Connz{&z, kit.Must[*godwit.Connz](t)(c.s.Connz(&godwit.ConnzOptions{Username: true}))} {
			if len(z.Conns) != 1 || z.Conns[0].AuthorizedUser != want {
				t.Errorf("%d connections, want one of %q: %+v", len(z.Conns), want, z.Conns)
			}
		}
		nc.Close()
		kit.Eventually(t, "the connection is closed", func() bool { return c.s.NumClients() == 0 })
	}
}

// The JWT of a user is shown on request, while it is connected and afterwards, but
// never one that is a password in itself.
//
// Go: TestMonitorConnzJWTVisibility server/monitor_test.go:5220
func TestWhichJWTsAreShown(t *testing.T) {
	d := newDomain(t, nil)
	s := godwittest.RunConfig(t, d.config())
	for _, bearer := range []bool{false, true} {
		key := kit.NewSigner(t, nkeys.PrefixByteUser)
		claims := jwt.NewUserClaims(key.Public)
		claims.BearerToken = bearer
		text := kit.Must[string](t)(claims.Encode(d.app))
		want := text
		w := kit.Dial(t, s.Addr())
		connect := fmt.Sprintf(`"jwt":%q,"verbose":true,"pedantic":true`, text)
		if bearer {
			want = ""
		} else {
			sig := kit.Must[[]byte](t)(key.Sign([]byte(w.Info["nonce"].(string))))
			connect += fmt.Sprintf(`,"sig":%q`, base64.RawURLEncoding.EncodeToString(sig))
		}
		w.Send("CONNECT {" + connect + "}")
		w.Expect("+OK")
		shown := func(query string) {
			t.Helper()
			var z godwit.Connz
			kit.Eventually(t, "the connection is listed", func() bool {
				z = godwit.Connz{}
				get(t, s, fmt.Sprintf("/connz?cid=%d&%s", w.ID(), query), &z)
				return len(z.Conns) == 1
			})
			if z.Conns[0].JWT != want {
				t.Errorf("%s, bearer %t: %+v", query, bearer, z.Conns[0])
			}
		}
		shown("auth=1")
		w.Close()
		shown("auth=1&state=closed")
	}
}

// An account's limit of the payload reaches the client with the INFO that follows
// its first PING.
//
// Go: TestAsyncInfoWithSmallerMaxPayload test/maxpayload_test.go:128
func TestClientsLearnTheirAccountsPayload(t *testing.T) {
	d := newDomain(t, nil)
	d.sign(d.operator, d.app, func(c *jwt.AccountClaims) { c.Limits.Payload = 522 })
	s := godwittest.RunConfig(t, d.config())
	_, credentials := d.user(d.app, nil)
	nc := kit.Connect(t, s, "", credentials)
	kit.Flush(t, nc)
	if got := nc.MaxPayload(); got != 522 {
		t.Errorf("%d bytes", got)
	}
	if err := nc.Publish("x", make([]byte, 523)); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("a message that is too large: %v", err)
	}
}

// The claims of an account change while users of one of its signing keys connect and
// publish: all have the limits of the key's template all the time.
//
// Go: TestClientApplyAccountLimitsSigningKeysRace server/client_test.go:2826
// Go: TestClientApplyAccountLimitsMpayAtomicRace server/client_test.go:2885
func TestClaimsChangeUnderScopedUsers(t *testing.T) {
	d := newDomain(t, nil)
	key := kit.NewSigner(t, nkeys.PrefixByteAccount)
	claims := func(connections int64) string {
		d.sign(d.operator, d.app, func(c *jwt.AccountClaims) {
			c.Limits.Conn = connections
			scope := jwt.NewUserScope()
			scope.Key, scope.Template.Limits.Payload = key.Public, 1024
			c.SigningKeys.AddScopedSigner(scope)
		})
		return d.config()
	}
	texts := []string{claims(100), claims(200)}
	s, reload := kit.Reloadable(t, texts[0])
	_, credentials := d.user(key, func(c *jwt.UserClaims) {
		c.IssuerAccount = d.app.Public
		c.SetScoped(true)
	})
	publisher := kit.Connect(t, s, "", credentials)
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := publisher.Publish("x", make([]byte, 1000)); err != nil {
				t.Errorf("publish: %v", err)
			}
			if err := publisher.FlushTimeout(kit.Patience); err != nil {
				t.Errorf("publish: %v", err)
				return
			}
		}
	})
	work.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			nc, err := nats.Connect(s.ClientURL(), nats.NoReconnect(), credentials)
			if err != nil {
				t.Errorf("connect: %v", err)
				return
			}
			if err := nc.FlushTimeout(kit.Patience); err != nil {
				t.Errorf("flush: %v", err)
			}
			if n := nc.MaxPayload(); n != 1024 {
				t.Errorf("the limit is %d", n)
			}
			nc.Close()
		}
	})
	for i := range 30 {
		reload(texts[(i+1)%2])
	}
	close(done)
	work.Wait()
}
