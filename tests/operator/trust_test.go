package operator_test

import (
	"errors"
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

// Go: TestTrustedKeysOptions server/trust_test.go:60
// Go: TestTrustConfigOption server/trust_test.go:85
func TestTrustedKeys(t *testing.T) {
	one, two := newDomain(t), newDomain(t)
	a, b := newAccount(t), newAccount(t)
	one.account(a, nil)
	two.account(b, nil)
	for name, c := range map[string]struct {
		keys string
		list []string
		in   bool // the second operator's users
	}{
		"one": {one.operator.Public, []string{one.operator.Public}, false},
		"two": {"[" + one.operator.Public + ", " + two.operator.Public + "]", []string{one.operator.Public, two.operator.Public}, true},
	} {
		config := "listen: 127.0.0.1:-1\ntrusted: " + c.keys + "\nresolver: MEMORY\nresolver_preload {" +
			a.Public + ": " + one.accounts[a.Public] + "\n" + b.Public + ": " + two.accounts[b.Public] + "}"
		if o := kit.Must[*godwit.Options](t)(godwit.ProcessConfigString(config)); !slices.Equal(o.TrustedKeys, c.list) {
			t.Errorf("%s: trusted are %q", name, o.TrustedKeys)
		}
		s := start(t, config)
		connect(t, s, one.user(a, nil))
		if c.in {
			connect(t, s, two.user(b, nil))
		} else {
			refused(t, s, two.user(b, nil))
		}
	}
	if _, err := godwit.ProcessConfigString("trusted: [" + one.operator.Public + ", bad]"); err == nil {
		t.Error("a file with a bad key is accepted")
	}
	if _, err := godwit.NewServer(&godwit.Options{TrustedKeys: []string{"bad"}}); err == nil {
		t.Error("a bad key is accepted")
	}
}

// Go: TestOperatorConfig test/operator_test.go:109
// Go: TestOperatorConfigInline test/operator_test.go:128
// Go: TestOperatorServer test/operator_test.go:208
// Go: TestOperatorSigningKeys test/operator_test.go:262
// Go: TestOperatorMemResolverPreload test/operator_test.go:282
// Go: TestMonitorOpJWT server/monitor_test.go:4092
func TestOperatorsAreReadFromFilesAndTexts(t *testing.T) {
	d := newDomain(t)
	keys := []kit.Signer{newOperatorKey(t), newOperatorKey(t), newOperatorKey(t)}
	d.claims = func(c *jwt.OperatorClaims) {
		c.Name = "Op"
		for _, k := range keys {
			c.SigningKeys.Add(k.Public)
		}
	}
	own, signed, foreign := newAccount(t), newAccount(t), newAccount(t)
	d.account(own, nil)
	d.accountBy(keys[2], signed, nil)
	d.accountBy(keys[0], d.system, nil)
	d.accountBy(newOperatorKey(t), foreign, nil)
	text := d.text()
	file := filepath.Join(t.TempDir(), "op.jwt")
	kit.OK(t, os.WriteFile(file, kit.Must[[]byte](t)(jwt.DecorateJWT(text)), 0o600))
	for name, from := range map[string]string{"text": text, "file": "'" + file + "'"} {
		s := start(t, "listen: 127.0.0.1:-1\nhttp: 127.0.0.1:-1\noperator: "+from+"\nsystem_account: "+d.system.Public+"\nresolver: MEMORY\n"+d.preload())
		refused(t, s)
		connect(t, s, d.user(own, nil))
		connect(t, s, d.user(signed, nil))
		connect(t, s, d.user(d.system, nil))
		refused(t, s, d.user(foreign, nil))
		if _, err := s.Accountz(&godwit.AccountzOptions{Account: foreign.Public}); err == nil {
			t.Errorf("%s: the account of another operator is known", name)
		}
		if z := accountz(t, s, d.system.Public); z.SystemAccount != d.system.Public || z.Account.IssuerKey != keys[0].Public {
			t.Errorf("%s: system account %q, signed by %q", name, z.SystemAccount, z.Account.IssuerKey)
		}
		var v godwit.Varz
		fetch(t, s, "/varz", &v)
		var claims jwt.OperatorClaims
		if !slices.Equal(v.TrustedOperatorsJwt, []string{text}) || len(v.TrustedOperatorsClaim) != 1 || v.SystemAccount != d.system.Public {
			t.Fatalf("%s: operators %q, %s", name, v.TrustedOperatorsJwt, v.TrustedOperatorsClaim)
		}
		decode(t, v.TrustedOperatorsClaim[0], &claims)
		if claims.Name != "Op" || len(claims.SigningKeys) != 3 || claims.Subject != d.operator.Public {
			t.Errorf("%s: claims %+v", name, claims)
		}
	}
}

// Go: TestOperatorRestrictions test/operator_test.go:64
// Go: TestOperatorSystemAccount test/operator_test.go:238
func TestWhatDoesNotGoWithAnOperator(t *testing.T) {
	d := newDomain(t)
	foreign := newAccount(t)
	d.accountBy(newOperatorKey(t), foreign, nil)
	user := kit.NewSigner(t, nkeys.PrefixByteUser)
	base := "listen: 127.0.0.1:-1\noperator: " + d.text() + "\n"
	for name, c := range map[string]struct{ config, want string }{
		"accounts":     {base + "resolver: MEMORY\naccounts { TEST {} }", "operators do not allow Accounts to be configured directly"},
		"users":        {base + "resolver: MEMORY\nauthorization { users [{user: TEST, password: pwd}] }", "operators do not allow users to be configured directly"},
		"nkeys":        {base + "resolver: MEMORY\nauthorization { users [{nkey: " + user.Public + "}] }", "operators do not allow users to be configured directly"},
		"no resolver":  {base, "operators require an account resolver to be configured"},
		"trusted keys": {base + "resolver: MEMORY\ntrusted: " + d.operator.Public, "conflicting options for 'TrustedKeys' and 'TrustedOperators'"},
		"a system account of another operator": {
			base + "resolver: MEMORY\nsystem_account: " + foreign.Public + "\n" + d.preload(), "error resolving system account",
		},
	} {
		s, err := prepare(t, c.config)
		if err == nil {
			err = s.Start()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := start(t, base+"resolver: MEMORY\nsystem_account: "+d.system.Public+"\n"+d.preload())
	if z := accountz(t, s, d.system.Public); z.SystemAccount != d.system.Public || !z.Account.IsSystem {
		t.Errorf("the system account is %q", z.SystemAccount)
	}
}

// Go: TestDefaultSentinelUser server/jwt_test.go:7335
func TestUsersWithoutClaimsAreTheSentinel(t *testing.T) {
	d := newDomain(t)
	a, scopedKey, key := newAccount(t), newAccount(t), kit.NewSigner(t, nkeys.PrefixByteUser)
	scope := jwt.NewUserScope()
	scope.Key = scopedKey.Public
	scope.Template.BearerToken = true
	scope.Template.Pub.Deny.Add("foo")
	d.account(a, func(c *jwt.AccountClaims) { c.SigningKeys.AddScopedSigner(scope) })
	refused(t, d.run(""))
	sentinel := func(by kit.Signer, change func(*jwt.UserClaims)) string {
		return "default_sentinel: " + by.User(t, key, change)
	}
	if _, err := prepare(t, d.config(sentinel(a, nil))); err == nil || err.Error() != "default sentinel must be a bearer token" {
		t.Errorf("no bearer: %v", err)
	}
	if _, err := prepare(t, d.config("default_sentinel: nonsense")); err == nil || !strings.Contains(err.Error(), "default sentinel") {
		t.Errorf("nonsense: %v", err)
	}
	for _, config := range []string{
		sentinel(a, func(c *jwt.UserClaims) { c.BearerToken = true }),
		sentinel(scopedKey, func(c *jwt.UserClaims) {
			c.IssuerAccount = a.Public
			c.SetScoped(true)
		}),
	} {
		nc := connect(t, d.run(config))
		if who := whoami(t, nc); who.User != key.Public || who.Account != a.Public {
			t.Errorf("%+v", who)
		}
	}
}

// Go: TestJWTOperatorPinnedAccounts server/jwt_test.go:6565
func TestPinnedAccounts(t *testing.T) {
	d := newDomain(t)
	list := []kit.Signer{newAccount(t), newAccount(t), newAccount(t)}
	for _, a := range list {
		d.account(a, nil)
	}
	pin := func(accounts ...kit.Signer) string {
		if len(accounts) == 0 {
			return d.config("")
		}
		return d.config("resolver_pinned_accounts: [" + accounts[0].Public + ", " + accounts[1].Public + "]")
	}
	s := startFile(t, pin(list[0], list[1]))
	failures := uint64(0)
	expect := func(out ...kit.Signer) {
		t.Helper()
		for _, a := range append(list, d.system) {
			if !slices.Contains(out, a) {
				connect(t, s.Server, d.user(a, nil))
				continue
			}
			refused(t, s.Server, d.user(a, nil))
			failures++
			if v := kit.Must[*godwit.Varz](t)(s.Varz(nil)); v.PinnedAccountFail != failures {
				t.Errorf("%d failures are counted, want %d", v.PinnedAccountFail, failures)
			}
		}
	}
	expect(list[2])
	kit.OK(t, s.reload(pin(list[1], list[2])))
	expect(list[0])
	kit.OK(t, s.reload(pin()))
	expect()
	kit.OK(t, s.reload(pin(list[1], list[2])))
	expect(list[0])
}

// Go: TestOperatorConfigReloadDoesntKillNonce test/operator_test.go:300
// Go: TestReloadDoesUpdateAccountsWithMemoryResolver test/operator_test.go:452
// Go: TestReloadFailsWithBadAccountsWithMemoryResolver test/operator_test.go:536
func TestReloadFollowsPreloads(t *testing.T) {
	d := newDomain(t)
	a, expired := newAccount(t), newAccount(t)
	d.account(a, nil)
	d.account(expired, func(c *jwt.AccountClaims) { c.Expires = time.Now().Unix() - 2 })
	s := startFile(t, d.config(""))
	if dial(t, s.Server).info.Nonce == "" {
		t.Error("no nonce")
	}
	system := connect(t, s.Server, d.user(d.system, nil))
	told := watch(connect(t, s.Server, d.user(a, nil)))
	if err := s.reload(strings.Replace(d.config(""), d.accounts[a.Public], "bar", 1)); err == nil {
		t.Error("reloaded with a bad account")
	}
	kit.OK(t, s.reload(d.config("")))
	if dial(t, s.Server).info.Nonce == "" {
		t.Error("no nonce after a reload")
	}
	if len(told) != 0 {
		t.Fatalf("told %v by a reload that changed nothing", <-told)
	}

	removed, b := a, newAccount(t)
	delete(d.accounts, removed.Public)
	d.account(b, nil)
	kit.OK(t, s.reload(d.config("")))
	if err := kit.Await(t, "the end", told); !errors.Is(err, nats.ErrAuthorization) && !errors.Is(err, nats.ErrAccountAuthExpired) {
		t.Errorf("told %v", err)
	}
	refused(t, s.Server, d.user(removed, nil))
	if _, err := s.Accountz(&godwit.AccountzOptions{Account: removed.Public}); err == nil {
		t.Error("the account is still known")
	}
	connect(t, s.Server, d.user(b, nil))
	kit.OK(t, system.Flush())
}
