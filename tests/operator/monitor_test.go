package operator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// fetch gets the answer of a monitoring endpoint.
func fetch(t testing.TB, s *godwit.Server, path string, into any) {
	t.Helper()
	r := kit.Must[*http.Response](t)(http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.MonitorAddr().Port, path)))
	defer http.DefaultClient.CloseIdleConnections()
	defer r.Body.Close()
	kit.OK(t, json.NewDecoder(r.Body).Decode(into))
}

func decode(t testing.TB, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// both asks an endpoint and the method of the server.
func both[T any](t testing.TB, s *godwit.Server, path string, ask func() (*T, error)) []*T {
	t.Helper()
	fetched := new(T)
	fetch(t, s, path, fetched)
	return []*T{fetched, kit.Must[*T](t)(ask())}
}

// Go: TestMonitorAccountzOperatorMode server/monitor_test.go:4725
// Go: TestMonitorAccountStatzOperatorMode server/monitor_test.go:4771
// Go: TestMonitorConnzOperatorAccountNames server/monitor_test.go:6187
// Go: TestSubszOperatorMode server/monitor_test.go:1658
func TestMonitoringNamesAccounts(t *testing.T) {
	d := newDomain(t)
	a := newAccount(t)
	d.account(d.system, func(c *jwt.AccountClaims) { c.Name = "SYS" })
	d.account(a, func(c *jwt.AccountClaims) {
		c.Name = "APP"
		c.Tags.Add("region:eu")
	})
	s := d.run("http: 127.0.0.1:-1")
	nc := connect(t, s, d.user(a, func(c *jwt.UserClaims) { c.Tags.Add("team:x") }))
	kit.Subscribe(t, nc, "foo.bar")
	for _, z := range both(t, s, "/accountz", func() (*godwit.Accountz, error) { return s.Accountz(nil) }) {
		slices.Sort(z.Accounts)
		want := []string{"$G", a.Public, d.system.Public}
		slices.Sort(want)
		if !slices.Equal(z.Accounts, want) || z.SystemAccount != d.system.Public {
			t.Errorf("accounts %q, system account %q", z.Accounts, z.SystemAccount)
		}
	}
	for _, z := range both(t, s, "/accountz?acc="+d.system.Public, func() (*godwit.Accountz, error) {
		return s.Accountz(&godwit.AccountzOptions{Account: d.system.Public})
	}) {
		if i := z.Account; i == nil || i.AccountName != d.system.Public || i.NameTag != "SYS" || !i.IsSystem {
			t.Errorf("the system account is %+v", i)
		}
	}
	for _, z := range both(t, s, "/accstatz?unused=1", func() (*godwit.AccountStatz, error) {
		return s.AccountStatz(&godwit.AccountStatzOptions{IncludeUnused: true})
	}) {
		seen := make(map[string]string)
		for _, x := range z.Accounts {
			seen[x.Account] = fmt.Sprint(x.Name, " ", x.Conns)
			if x.Account == a.Public && x.NumSubs == 0 {
				t.Error("no subscriptions")
			}
		}
		if len(seen) != 3 || seen[a.Public] != "APP 1" || seen[d.system.Public] != "SYS 0" || seen["$G"] != "$G 0" {
			t.Errorf("accounts %v", seen)
		}
	}
	for _, z := range both(t, s, "/connz?auth=1", func() (*godwit.Connz, error) { return s.Connz(&godwit.ConnzOptions{Username: true}) }) {
		if len(z.Conns) != 1 || z.Conns[0].Account != a.Public || z.Conns[0].NameTag != "APP" || !slices.Equal(z.Conns[0].Tags, []string{"team:x"}) {
			t.Errorf("connections %+v", z.Conns[0])
		}
	}
	for _, z := range both(t, s, "/subsz?subs=1&acc="+a.Public, func() (*godwit.Subsz, error) {
		return s.Subsz(&godwit.SubszOptions{Subscriptions: true, Account: a.Public})
	}) {
		found := 0
		for _, x := range z.Subs {
			if x.Subject == "foo.bar" && x.Account == a.Public && x.AccountTag == "APP" {
				found++
			}
		}
		if found != 1 {
			t.Errorf("subscriptions %+v", z.Subs)
		}
	}
}

// Go: TestMonitorAccountzAccountIssuerUpdate server/monitor_test.go:4933
func TestMonitoringFollowsTheIssuer(t *testing.T) {
	d := newDomain(t)
	keys := []kit.Signer{newOperatorKey(t), newOperatorKey(t)}
	d.claims = func(c *jwt.OperatorClaims) { c.SigningKeys.Add(keys[0].Public, keys[1].Public) }
	a := newAccount(t)
	d.accountBy(keys[0], a, nil)
	s := startFile(t, d.config(""))
	connect(t, s.Server, d.user(a, nil))
	for i, key := range keys {
		if i > 0 {
			d.accountBy(key, a, nil)
			kit.OK(t, s.reload(d.config("")))
		}
		info := accountz(t, s.Server, a.Public).Account
		var claims jwt.AccountClaims
		decode(t, info.Claim, &claims)
		if info.IssuerKey != key.Public || info.Jwt != d.accounts[a.Public] || claims.Issuer != key.Public || claims.Subject != a.Public {
			t.Errorf("issuer %q, claims of %q by %q", info.IssuerKey, claims.Subject, claims.Issuer)
		}
	}
}

// Go: TestMonitorConnzJWTVisibility server/monitor_test.go:5220
// Go: TestMonitorConnzOperatorModeFilterByUser server/monitor_test.go:6219
func TestMonitoringShowsUsers(t *testing.T) {
	d := newDomain(t)
	a, key := newAccount(t), newAccount(t)
	d.account(a, func(c *jwt.AccountClaims) { c.SigningKeys.Add(key.Public) })
	s := d.run("http: 127.0.0.1:-1")
	one, two, holder := kit.NewSigner(t, nkeys.PrefixByteUser), kit.NewSigner(t, nkeys.PrefixByteUser), kit.NewSigner(t, nkeys.PrefixByteUser)
	texts := map[string]string{
		one.Public: a.User(t, one, nil),
		two.Public: key.User(t, two, func(c *jwt.UserClaims) { c.IssuerAccount = a.Public }),
	}
	var conns []*nats.Conn
	for key, n := range map[kit.Signer]int{one: 2, two: 5} {
		for range n {
			conns = append(conns, connect(t, s, kit.As(texts[key.Public], key)))
		}
	}
	connect(t, s, bearer(a.User(t, holder, func(c *jwt.UserClaims) { c.BearerToken = true })))
	expect := func(user, issuer string, n int, state string) {
		t.Helper()
		var z godwit.Connz
		fetch(t, s, "/connz?auth=true&user="+user+"&state="+state, &z)
		if z.NumConns != n {
			t.Errorf("%d connections, want %d", z.NumConns, n)
		}
		for _, c := range z.Conns {
			if c.AuthorizedUser != user || c.JWT != texts[user] || c.IssuerKey != issuer {
				t.Errorf("user %q, signed by %q, with %q", c.AuthorizedUser, c.IssuerKey, c.JWT)
			}
		}
	}
	expect(one.Public, a.Public, 2, "open")
	expect(two.Public, key.Public, 5, "open")
	expect(holder.Public, a.Public, 1, "open") // the JWT alone would let anybody in: it is not shown
	for _, nc := range conns {
		nc.Close()
	}
	kit.Eventually(t, "the end of the connections", func() bool { return s.NumClients() == 1 })
	expect(one.Public, a.Public, 2, "closed")
	expect(two.Public, key.Public, 5, "closed")
}
