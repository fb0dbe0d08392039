package auth

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nkeys"
	"golang.org/x/crypto/bcrypt"

	"github.com/godwit-mq/godwit/internal/options"
)

func authenticator(t testing.TB, o *options.Options) *Authenticator {
	t.Helper()
	a, err := New(o, TCP)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// configured reads a configuration as a server does.
func configured(t testing.TB, text string) *Authenticator {
	t.Helper()
	o, err := options.ProcessConfigString(text)
	if err != nil {
		t.Fatal(err)
	}
	o.SetDefaults()
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	return authenticator(t, o)
}

func hashed(t testing.TB, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

var testNonce = []byte("PXoWU7zWAMt75FY")

// signer is a key pair that signs nonces.
type signer struct {
	pair nkeys.KeyPair
	key  string
}

func newSigner(t testing.TB) signer {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return signer{pair, key}
}

func (s signer) raw(t testing.TB, nonce []byte) []byte {
	t.Helper()
	signature, err := s.pair.Sign(nonce)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func (s signer) sign(t testing.TB, nonce []byte) string {
	return base64.RawURLEncoding.EncodeToString(s.raw(t, nonce))
}

// decide asks for a plain client.
func decide(a *Authenticator, connect options.ClientOpts) Verdict {
	return decideAs(a, options.ConnectionStandard, connect)
}

func decideAs(a *Authenticator, connectionType string, connect options.ClientOpts) Verdict {
	return a.Decide(Request{Connect: connect, Nonce: testNonce, ConnectionType: connectionType})
}

func login(name, password string) options.ClientOpts {
	return options.ClientOpts{Username: name, Password: password}
}

func token(text string) options.ClientOpts { return options.ClientOpts{Token: text} }

func TestNothingRequired(t *testing.T) {
	a := authenticator(t, &options.Options{})
	if a.Required() || a.NeedsNonce() || a.HasNoAuthUser() || a.FirstVerbUser(options.ConnectionStandard) {
		t.Error("without users nothing should be required")
	}
	for _, c := range []options.ClientOpts{{}, login("x", "y"), token("z"), {Nkey: "U", Sig: "?"}, {ProxySig: "?"}} {
		if v := decide(a, c); !v.OK || v.Account != options.GlobalAccount || v.Permissions != nil {
			t.Errorf("%+v: %+v", c, v)
		}
	}
	if !authenticator(t, &options.Options{AlwaysEnableNonce: true}).NeedsNonce() {
		t.Error("the nonce was asked for")
	}
}

// Go: TestNoAuthClient test/auth_test.go:62
// Go: TestAuthClientBadToken test/auth_test.go:72
// Go: TestAuthClientGoodConnect test/auth_test.go:93
// Go: TestBadBcryptToken test/auth_test.go:218
// Go: TestGoodBcryptToken test/auth_test.go:228
func TestToken(t *testing.T) {
	hash := hashed(t, "_YZZ22_")
	for _, configured := range []string{"_YZZ22_", hash} {
		a := authenticator(t, &options.Options{Authorization: configured})
		if !a.Required() || a.PlaintextPasswords() {
			t.Error("a token is required, and none is warned about")
		}
		v := decide(a, token("_YZZ22_"))
		if !v.OK || v.Account != options.GlobalAccount || v.User != "[REDACTED]" || v.Label != "token" {
			t.Errorf("the right token: %+v", v)
		}
		for _, c := range []options.ClientOpts{{}, token("ZZZ"), token("_YZZ22_ "), token(hash), login("", "_YZZ22_"), login("_YZZ22_", "")} {
			if c.Token == configured {
				continue
			}
			if v := decide(a, c); v.OK || v.Reason != Failed {
				t.Errorf("configured %q, presented %+v: %+v", configured, c, v)
			}
		}
	}
}

// Go: TestNoUserOrPasswordClient test/auth_test.go:128
// Go: TestBadUserClient test/auth_test.go:138
// Go: TestBadPasswordClient test/auth_test.go:148
// Go: TestPasswordClientGoodConnect test/auth_test.go:158
// Go: TestBadBcryptPassword test/auth_test.go:184
// Go: TestGoodBcryptPassword test/auth_test.go:194
func TestSingleUser(t *testing.T) {
	hash := hashed(t, "foobar")
	for _, configured := range []string{"foobar", hash} {
		a := authenticator(t, &options.Options{Username: "derek", Password: configured})
		if !a.Required() || a.PlaintextPasswords() != (configured == "foobar") {
			t.Error("a user is required, and warned about if the password is plain")
		}
		if v := decide(a, login("derek", "foobar")); !v.OK || v.Account != options.GlobalAccount || v.User != "derek" || v.Label != "user:derek" {
			t.Errorf("the right password: %+v", v)
		}
		for _, c := range []options.ClientOpts{
			{}, login("derekzz", "foobar"), login("derek", "ZZ"), login("derek", ""), login("", "foobar"), login("derek", hash), token("foobar"),
		} {
			if c.Password == configured && c.Username == "derek" {
				continue
			}
			if v := decide(a, c); v.OK {
				t.Errorf("configured %q, presented %+v: let in", configured, c)
			}
		}
	}
}

// Go: TestMultipleUserAuth test/client_auth_test.go:30
func TestUsers(t *testing.T) {
	a := configured(t, `
		authorization {
			default_permissions { publish: "default.>" }
			users [
				{user: alice, password: "`+hashed(t, "foo")+`"}
				{user: bob, password: "bar", permissions { publish: "bob.>" }}
			]
		}`)
	if !a.Required() || a.NeedsNonce() {
		t.Error("users need a password and no nonce")
	}
	for name, password := range map[string]string{"alice": "foo", "bob": "bar"} {
		v := decide(a, login(name, password))
		if !v.OK || v.User != name || v.IssuerKey != "" {
			t.Fatalf("%s: %+v", name, v)
		}
		own := map[string]string{"alice": "default.x", "bob": "bob.x"}[name]
		if !v.Permissions.CanPublish([]byte(own)) || v.Permissions.CanPublish([]byte("other")) {
			t.Errorf("%s has the wrong permissions", name)
		}
	}
	for _, c := range []options.ClientOpts{
		{}, login("alice", "bar"), login("alice", ""), login("carol", "foo"), login("", "foo"), token("foo"), {Nkey: "alice"},
	} {
		if v := decide(a, c); v.OK || v.Account != options.GlobalAccount || v.Permissions != nil {
			t.Errorf("%+v: %+v", c, v)
		}
	}
}

// Go: TestTokenInConfig test/client_auth_test.go:73
func TestTokenOfConfiguration(t *testing.T) {
	a := configured(t, `authorization = { token: "`+hashed(t, "test")+`", timeout: 5 }`)
	if !a.Required() || !decide(a, token("test")).OK || decide(a, token("Test")).OK {
		t.Error("the configured token should be required")
	}
}

// An embedding program may set tokens beside users: who names no user is asked for
// the token.
func TestTokenBesideUsers(t *testing.T) {
	a := authenticator(t, &options.Options{
		Users: []*options.User{{Username: "u", Password: "p"}}, Authorization: "secret",
	})
	if !decide(a, token("secret")).OK || !decide(a, login("u", "p")).OK {
		t.Error("both ways should be open")
	}
	c := login("u", "wrong")
	c.Token = "secret"
	if decide(a, c).OK {
		t.Error("a token repaired a wrong password")
	}
}

func TestAccountsOfUsers(t *testing.T) {
	defaults := &options.Permissions{Subscribe: &options.SubjectPermission{Allow: []string{"default"}}}
	acc := &options.Account{Name: "ACC", DefaultPermissions: defaults}
	deadline := start.Add(time.Hour)
	s := newSigner(t)
	a := authenticator(t, &options.Options{
		Accounts: []*options.Account{acc},
		Users: []*options.User{
			{Username: "in", Password: "p", Account: acc, ConnectionDeadline: deadline},
			{Username: "own", Password: "p", Account: acc, Permissions: &options.Permissions{}},
			{Username: "out", Password: "p"},
		},
		Nkeys: []*options.NkeyUser{{Nkey: s.key, Account: acc, ConnectionDeadline: deadline}},
	})
	in, own, out := decide(a, login("in", "p")), decide(a, login("own", "p")), decide(a, login("out", "p"))
	key := decide(a, options.ClientOpts{Nkey: s.key, Sig: s.sign(t, testNonce)})
	if in.Account != "ACC" || own.Account != "ACC" || out.Account != options.GlobalAccount || key.Account != "ACC" {
		t.Errorf("accounts: %s, %s, %s, %s", in.Account, own.Account, out.Account, key.Account)
	}
	if in.Permissions.CanSubscribe("x", "") || key.Permissions.CanSubscribe("x", "") {
		t.Error("the account's default permissions do not apply")
	}
	if !own.Permissions.CanSubscribe("x", "") || !out.Permissions.CanSubscribe("x", "") {
		t.Error("the account's default permissions apply where they should not")
	}
	if !in.Deadline.Equal(deadline) || !key.Deadline.Equal(deadline) || !out.Deadline.IsZero() {
		t.Error("wrong deadlines")
	}
	if key.IssuerKey != "ACC" || in.IssuerKey != "" {
		t.Errorf("issuers %q and %q", key.IssuerKey, in.IssuerKey)
	}
}

// Go: TestNkeyClientConnect server/nkey_test.go:130
func TestNkey(t *testing.T) {
	s, stranger := newSigner(t), newSigner(t)
	a := authenticator(t, &options.Options{Nkeys: []*options.NkeyUser{{Nkey: s.key}}})
	if !a.Required() || !a.NeedsNonce() || a.PlaintextPasswords() {
		t.Error("nkeys need a nonce and no password")
	}
	good := s.sign(t, testNonce)
	for _, sig := range []string{good, base64.StdEncoding.EncodeToString(s.raw(t, testNonce))} {
		v := decide(a, options.ClientOpts{Nkey: s.key, Sig: sig})
		if !v.OK || v.User != s.key || v.Label != "nkey:"+s.key || v.IssuerKey != options.GlobalAccount {
			t.Errorf("the right signature: %+v", v)
		}
	}
	for _, c := range []struct {
		connect options.ClientOpts
		debug   string
	}{
		{options.ClientOpts{}, ""},
		{options.ClientOpts{Nkey: s.key}, "Signature missing"},
		{options.ClientOpts{Nkey: s.key, Sig: "bad_sig"}, "Signature not verified"},
		{options.ClientOpts{Nkey: s.key, Sig: "*"}, "Signature not valid base64"},
		{options.ClientOpts{Nkey: s.key, Sig: stranger.sign(t, testNonce)}, "Signature not verified"},
		{options.ClientOpts{Nkey: s.key, Sig: s.sign(t, []byte("another nonce"))}, "Signature not verified"},
		{options.ClientOpts{Nkey: stranger.key, Sig: stranger.sign(t, testNonce)}, ""},
		{options.ClientOpts{Sig: good}, ""},
	} {
		v := decide(a, c.connect)
		if v.OK || strings.Join(v.Debug, "\n") != c.debug {
			t.Errorf("%+v: %+v, want %q", c.connect, v, c.debug)
		}
	}
	if a.Decide(Request{Connect: options.ClientOpts{Nkey: s.key, Sig: s.sign(t, nil)}}).OK {
		t.Error("a signature of nothing was taken")
	}
}

// Go: TestMixedClientConnect server/nkey_test.go:191
func TestNkeysAndUsers(t *testing.T) {
	s := newSigner(t)
	a := authenticator(t, &options.Options{
		Nkeys: []*options.NkeyUser{{Nkey: s.key}},
		Users: []*options.User{{Username: "derek", Password: "foo"}},
	})
	if !decide(a, login("derek", "foo")).OK {
		t.Error("the user is refused")
	}
	if !decide(a, options.ClientOpts{Nkey: s.key, Sig: s.sign(t, testNonce)}).OK {
		t.Error("the nkey is refused")
	}
	c := login("derek", "foo")
	c.Nkey = newSigner(t).key
	if v := decide(a, c); v.OK || v.User != c.Nkey {
		t.Errorf("a password repaired an unknown nkey: %+v", v)
	}
}

// Go: TestNoAuthUser server/auth_test.go:263
func TestNoAuthUser(t *testing.T) {
	a := configured(t, `
		accounts {
			FOO { users [{user: "foo", password: "`+hashed(t, "pwd1")+`"}] }
			BAR { users [{user: "bar", password: "pwd2"}] }
		}
		no_auth_user: "foo"`)
	for _, c := range []struct {
		name    string
		connect options.ClientOpts
		account string // empty: refused
	}{
		{"valid", login("bar", "pwd2"), "BAR"},
		{"wrong password", login("bar", "wrong"), ""},
		{"token", token("sometoken"), ""},
		{"name as a token", token("bar"), ""},
		{"empty password", login("bar", ""), ""},
		{"password only", login("", "pwd2"), ""},
		{"itself without password", login("foo", ""), ""},
		{"itself", login("foo", "pwd1"), "FOO"},
		{"nothing", options.ClientOpts{}, "FOO"},
	} {
		v := decide(a, c.connect)
		if v.OK != (c.account != "") || v.OK && v.Account != c.account {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
	if v := decide(a, options.ClientOpts{}); v.User != "foo" || v.Label != "user:foo" {
		t.Errorf("shown as %q, %q", v.User, v.Label)
	}
	if !a.HasNoAuthUser() || !a.Required() || !a.FirstVerbUser(options.ConnectionStandard) {
		t.Error("there is a no_auth_user")
	}
}

// Go: TestNoAuthUserNkey server/auth_test.go:321
func TestNoAuthUserNkey(t *testing.T) {
	s := newSigner(t)
	a := configured(t, `
		accounts {
			FOO { users [{user: "foo", password: "pwd1"}] }
			BAR { users [{nkey: "`+s.key+`"}] }
		}
		no_auth_user: "`+s.key+`"`)
	v := decide(a, options.ClientOpts{})
	if !v.OK || v.Account != "BAR" || v.User != s.key || v.Label != "nkey:"+s.key || v.IssuerKey != "BAR" {
		t.Errorf("%+v", v)
	}
	if !decide(a, options.ClientOpts{Nkey: s.key}).OK || !decide(a, options.ClientOpts{Nkey: s.key, Sig: s.sign(t, testNonce)}).OK {
		t.Error("the no_auth_user may be named, with and without a signature")
	}
	for _, c := range []options.ClientOpts{
		{Nkey: s.key, Sig: newSigner(t).sign(t, testNonce)}, login("foo", ""), login("foo", "wrong"), token("x"), {Nkey: "U"},
	} {
		if decide(a, c).OK {
			t.Errorf("%+v: wrong credentials were taken for none", c)
		}
	}
	if !a.HasNoAuthUser() || a.FirstVerbUser(options.ConnectionStandard) {
		t.Error("an nkey needs a CONNECT")
	}
}

func TestFirstVerbUser(t *testing.T) {
	types := func(list ...string) map[string]struct{} {
		m := make(map[string]struct{})
		for _, s := range list {
			m[s] = struct{}{}
		}
		return m
	}
	for _, c := range []struct {
		user options.User
		want bool
	}{
		{options.User{}, true},
		{options.User{ProxyRequired: true}, false},
		{options.User{AllowedConnectionTypes: types("standard")}, true},
		{options.User{AllowedConnectionTypes: types("WEBSOCKET")}, false},
	} {
		c.user.Username = "u"
		a := authenticator(t, &options.Options{Users: []*options.User{&c.user}, NoAuthUser: "u"})
		if got := a.FirstVerbUser(options.ConnectionStandard); got != c.want {
			t.Errorf("%+v: %v", c.user, got)
		}
		if got := decide(a, options.ClientOpts{}).OK; got != c.want {
			t.Errorf("%+v: lets in %v", c.user, got)
		}
	}
}

func TestConnectionTypes(t *testing.T) {
	s := newSigner(t)
	standard := map[string]struct{}{"standard": {}}
	a := authenticator(t, &options.Options{
		Users: []*options.User{{Username: "u", Password: "p", AllowedConnectionTypes: standard}, {Username: "any", Password: "p"}},
		Nkeys: []*options.NkeyUser{{Nkey: s.key, AllowedConnectionTypes: standard}},
	})
	for kind, want := range map[string]bool{options.ConnectionStandard: true, options.ConnectionInProcess: false, options.ConnectionMQTT: false} {
		if decideAs(a, kind, login("u", "p")).OK != want {
			t.Errorf("user by %s: %v", kind, !want)
		}
		if decideAs(a, kind, options.ClientOpts{Nkey: s.key, Sig: s.sign(t, testNonce)}).OK != want {
			t.Errorf("nkey by %s: %v", kind, !want)
		}
		if !decideAs(a, kind, login("any", "p")).OK {
			t.Errorf("unrestricted user by %s is refused", kind)
		}
	}
}

func TestProxies(t *testing.T) {
	first, second, stranger, key := newSigner(t), newSigner(t), newSigner(t), newSigner(t)
	o := &options.Options{
		TrustedProxies: []string{first.key, second.key},
		Users: []*options.User{
			{Username: "free", Password: "p"}, {Username: "bound", Password: "p", ProxyRequired: true},
		},
		Nkeys: []*options.NkeyUser{{Nkey: key.key, ProxyRequired: true}},
	}
	a := authenticator(t, o)
	if !a.NeedsNonce() {
		t.Error("proxies sign a nonce")
	}
	byKey := options.ClientOpts{Nkey: key.key, Sig: key.sign(t, testNonce)}
	for _, c := range []struct {
		name      string
		connect   options.ClientOpts
		signature string
		ok        bool
		reason    Reason
		proxy     string
		debug     []string
	}{
		{"no proxy needed", login("free", "p"), "", true, Failed, "", nil},
		{"first", login("free", "p"), first.sign(t, testNonce), true, Failed, first.key, nil},
		{"second", login("bound", "p"), second.sign(t, testNonce), true, Failed, second.key, nil},
		{"nkey", byKey, second.sign(t, testNonce), true, Failed, second.key, nil},
		{"stranger", login("free", "p"), stranger.sign(t, testNonce), false, ProxyNotTrusted, "", []string{"proxy is not trusted"}},
		{"other nonce", login("free", "p"), first.sign(t, []byte("x")), false, ProxyNotTrusted, "", []string{"proxy is not trusted"}},
		{"no base64", login("free", "p"), "*" + first.sign(t, testNonce)[1:], false, ProxyNotTrusted, "",
			[]string{"Proxy signature not valid base64", "proxy is not trusted"}},
		{"missing", login("bound", "p"), "", false, ProxyRequired, "", []string{"proxy connection required"}},
		{"missing for nkey", byKey, "", false, ProxyRequired, "", []string{"proxy connection required"}},
		{"missing, and no signature", options.ClientOpts{Nkey: key.key}, "", false, ProxyRequired, "", []string{"proxy connection required"}},
		{"wrong password by proxy", login("bound", "x"), first.sign(t, testNonce), false, Failed, first.key, nil},
		{"unknown user", login("nobody", "p"), "", false, Failed, "", nil},
	} {
		c.connect.ProxySig = c.signature
		v := decide(a, c.connect)
		if v.OK != c.ok || v.Reason != c.reason || v.ProxyKey != c.proxy {
			t.Errorf("%s: %+v", c.name, v)
		}
		if diff := cmp.Diff(c.debug, v.Debug); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}

	o.TrustedProxies = nil
	c := login("free", "p")
	c.ProxySig = "whatever"
	if v := decide(authenticator(t, o), c); !v.OK || v.ProxyKey != "" {
		t.Errorf("without trusted proxies a signature means nothing: %+v", v)
	}
	c = login("bound", "p")
	c.ProxySig = first.sign(t, testNonce)
	if v := decide(authenticator(t, o), c); v.OK || v.Reason != ProxyRequired {
		t.Errorf("nobody can be a trusted proxy: %+v", v)
	}
}

func TestProxyOfSingleUserAndToken(t *testing.T) {
	proxy := newSigner(t)
	for _, c := range []struct {
		options options.Options
		connect options.ClientOpts
	}{
		{options.Options{Username: "u", Password: "p"}, login("u", "p")},
		{options.Options{Authorization: "t"}, token("t")},
	} {
		c.options.ProxyRequired = true
		c.options.TrustedProxies = []string{proxy.key}
		a := authenticator(t, &c.options)
		if v := decide(a, c.connect); v.OK || v.Reason != ProxyRequired {
			t.Errorf("without a proxy: %+v", v)
		}
		c.connect.ProxySig = proxy.sign(t, testNonce)
		if v := decide(a, c.connect); !v.OK || v.ProxyKey != proxy.key {
			t.Errorf("by a proxy: %+v", v)
		}
	}
	// It says nothing about users.
	a := authenticator(t, &options.Options{ProxyRequired: true, Users: []*options.User{{Username: "u", Password: "p"}}})
	if !decide(a, login("u", "p")).OK || decide(a, options.ClientOpts{}).Reason != Failed {
		t.Error("proxy_required of the block concerned its users")
	}
}

func TestAnonymousBesideSystemUser(t *testing.T) {
	const text = `
		accounts { SYS { users [{user: admin, password: "x"}] } }
		system_account: SYS`
	a := configured(t, text)
	if !a.Required() || a.NeedsNonce() || a.HasNoAuthUser() || !a.FirstVerbUser(options.ConnectionStandard) {
		t.Error("INFO should ask for credentials, and CONNECT be optional")
	}
	v := decide(a, options.ClientOpts{})
	if !v.OK || v.Account != options.GlobalAccount || !regexp.MustCompile(`^nats-[0-9A-Za-z]{8}$`).MatchString(v.User) {
		t.Fatalf("%+v", v)
	}
	if decide(a, login(v.User, "")).OK || decide(a, token("x")).OK || decide(a, login("admin", "")).OK {
		t.Error("wrong credentials were taken for none")
	}
	if v := decide(a, login("admin", "x")); !v.OK || v.Account != "SYS" {
		t.Errorf("the system user: %+v", v)
	}
	if len(a.Passwordless()) != 0 {
		t.Error("the made-up user is warned about")
	}

	o, err := options.ProcessConfigString(text)
	if err != nil {
		t.Fatal(err)
	}
	o.SetDefaults()
	next, err := a.Next(o)
	if err != nil || decide(next, options.ClientOpts{}).User != v.User {
		t.Errorf("the name changed with a reload: %v", err)
	}
	if other := decide(configured(t, text), options.ClientOpts{}).User; other == v.User {
		t.Error("two servers share a name")
	}

	for name, text := range map[string]string{
		"authorization block": text + "\nauthorization {}",
		"another account":     strings.Replace(text, "accounts {", "accounts { A {}, ", 1),
		"no system account":   `accounts { A { users [{user: admin, password: "x"}] } }`,
		"no_auth_user":        text + "\nno_auth_user: admin",
	} {
		a := configured(t, text)
		if v := decide(a, options.ClientOpts{}); v.OK && v.User != "admin" {
			t.Errorf("%s: %+v", name, v)
		}
	}
	sys := &options.Account{Name: "SYS"}
	a = authenticator(t, &options.Options{
		Accounts: []*options.Account{sys}, SystemAccount: "SYS",
		Users: []*options.User{{Username: "admin", Password: "x", Account: sys}, {Username: "joe", Password: "y"}},
	})
	if decide(a, options.ClientOpts{}).OK {
		t.Error("anybody gets in though $G has users")
	}
}

func TestWarningsAboutPasswords(t *testing.T) {
	hash := hashed(t, "p")
	user := func(name, password string) *options.User { return &options.User{Username: name, Password: password} }
	for _, c := range []struct {
		name         string
		options      options.Options
		plain        bool
		passwordless []string
	}{
		{"nobody", options.Options{}, false, nil},
		{"token", options.Options{Authorization: "t"}, false, nil},
		{"hashed", options.Options{Users: []*options.User{user("a", hash)}}, false, nil},
		{"other hashes", options.Options{Users: []*options.User{user("a", "$2b$10$x"), user("b", "$2y$10$x"), user("c", "$2x$10$x")}}, false, nil},
		{"nearly hashed", options.Options{Users: []*options.User{user("a", "$2c$10$x")}}, true, nil},
		{"plain", options.Options{Users: []*options.User{user("a", hash), user("b", "p")}}, true, nil},
		{"single", options.Options{Username: "a", Password: "p"}, true, nil},
		{"empty", options.Options{Users: []*options.User{user("b", ""), user("a", ""), user("c", hash)}}, false, []string{"a", "b"}},
		{"no_auth_user", options.Options{Users: []*options.User{user("a", "")}, NoAuthUser: "a"}, false, nil},
		{"mapped", options.Options{Users: []*options.User{user("a", "")}, TLSMap: true}, false, nil},
		{"mapped, not listening", options.Options{Users: []*options.User{user("a", "")}, TLSMap: true, DontListen: true}, false, []string{"a"}},
	} {
		a := authenticator(t, &c.options)
		if a.PlaintextPasswords() != c.plain || !slices.Equal(a.Passwordless(), c.passwordless) {
			t.Errorf("%s: plain %v, passwordless %q", c.name, a.PlaintextPasswords(), a.Passwordless())
		}
	}
}

// A user without a password is let in by its name, as long as no certificate could
// be asked for instead.
func TestEmptyPassword(t *testing.T) {
	a := authenticator(t, &options.Options{Users: []*options.User{{Username: "u"}}})
	if !decide(a, login("u", "")).OK || decide(a, login("u", "x")).OK || decide(a, options.ClientOpts{}).OK {
		t.Error("only the name and no password should do")
	}
}

func TestNewRefuses(t *testing.T) {
	bad := &options.Permissions{Subscribe: &options.SubjectPermission{Deny: []string{"a..b"}}}
	account := &options.Account{Name: "A", DefaultPermissions: bad}
	key := newSigner(t).key
	for want, o := range map[string]*options.Options{
		`invalid permissions for user "u": subscribe deny: subject "a..b" is not a valid subject`: {
			Users: []*options.User{{Username: "u", Permissions: bad}}},
		`invalid permissions for user "v": subscribe deny: subject "a..b" is not a valid subject`: {
			Users: []*options.User{{Username: "v", Account: account}}},
		`invalid permissions for nkey "` + key + `": subscribe deny: subject "a..b" is not a valid subject`: {
			Nkeys: []*options.NkeyUser{{Nkey: key, Permissions: bad}}},
		`nkey "U" is not a valid public nkey for a user`: {Nkeys: []*options.NkeyUser{{Nkey: "U"}}},
		`proxy trusted key "P" is invalid`:               {TrustedProxies: []string{"P"}},
	} {
		if a, err := New(o, TCP); err == nil || err.Error() != want || a != nil {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestErrorText(t *testing.T) {
	a := authenticator(t, &options.Options{Username: "u", Password: "p", Authorization: ""})
	for want, c := range map[string]options.ClientOpts{
		`authentication error`:                       {},
		`authentication error - User "x\ny"`:         login("x\ny", "secret"),
		`authentication error - Nkey "UX"`:           {Nkey: "UX", Username: "x"},
		`authentication error - Token "[REDACTED]"`:  token("secret"),
		`authentication error - User "with-a-token"`: {Username: "with-a-token", Token: "secret"},
	} {
		v := decide(a, c)
		if v.OK || v.ErrorText() != want || strings.Contains(v.User+v.Label+strings.Join(v.Debug, ""), "secret") {
			t.Errorf("%+v: %q, want %q", v, v.ErrorText(), want)
		}
	}
}

func TestEmbedderDecides(t *testing.T) {
	a := authenticator(t, &options.Options{CustomClientAuthentication: nobody{}})
	if !a.Required() || decide(a, options.ClientOpts{}).OK || a.FirstVerbUser(options.ConnectionStandard) {
		t.Error("without asking the embedding program nobody may get in")
	}
	connect := login("claimed", "x")
	if v := a.Accept(nil, &connect); !v.OK || v.Account != options.GlobalAccount || v.Permissions != nil || v.User != "claimed" {
		t.Errorf("no user registered: %+v", v)
	}
	deadline := start.Add(time.Minute)
	v := a.Accept(&options.User{
		Username: "real", Account: &options.Account{Name: "A"}, ConnectionDeadline: deadline,
		Permissions: &options.Permissions{Publish: &options.SubjectPermission{Allow: []string{"foo"}}},
	}, &connect)
	if !v.OK || v.Account != "A" || v.User != "real" || v.Label != "user:real" || !v.Deadline.Equal(deadline) || v.Permissions.CanPublish([]byte("bar")) {
		t.Errorf("a registered user: %+v", v)
	}
	v = a.Accept(&options.User{Permissions: &options.Permissions{Publish: &options.SubjectPermission{Deny: []string{"."}}}}, &connect)
	if v.OK || len(v.Debug) != 1 {
		t.Errorf("permissions that cannot be kept: %+v", v)
	}
	if v := a.Refuse(&connect); v.OK || v.ErrorText() != `authentication error - User "claimed"` {
		t.Errorf("turned away: %+v", v)
	}
}

type nobody struct{}

func (nobody) Check(options.ClientAuthentication) bool { return false }

// Go: BenchmarkNonceGeneration server/nkey_test.go:265
func BenchmarkNewNonce(b *testing.B) {
	for b.Loop() {
		NewNonce()
	}
}

// Go: BenchmarkPublicVerify server/nkey_test.go:275
func BenchmarkDecideNkey(b *testing.B) {
	s := newSigner(b)
	a := authenticator(b, &options.Options{Nkeys: []*options.NkeyUser{{Nkey: s.key}}})
	c := options.ClientOpts{Nkey: s.key, Sig: s.sign(b, testNonce)}
	for b.Loop() {
		if !decide(a, c).OK {
			b.Fatal("refused")
		}
	}
}
