package options

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// operator makes an operator's JWT.
func operator(t *testing.T, change func(*jwt.OperatorClaims)) (key, token string) {
	t.Helper()
	pair, err := nkeys.CreateOperator()
	if err != nil {
		t.Fatal(err)
	}
	key, err = pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	claims := jwt.NewOperatorClaims(key)
	change(claims)
	if token, err = claims.Encode(pair); err != nil {
		t.Fatal(err)
	}
	return key, token
}

func anyOperator(t *testing.T) string {
	t.Helper()
	_, token := operator(t, func(*jwt.OperatorClaims) {})
	return token
}

// accountToken makes an account's JWT.
func accountToken(t *testing.T) (key, token string) {
	t.Helper()
	pair, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	if key, err = pair.PublicKey(); err != nil {
		t.Fatal(err)
	}
	if token, err = jwt.NewAccountClaims(key).Encode(pair); err != nil {
		t.Fatal(err)
	}
	return key, token
}

// Go: TestReadOperatorJWT server/opts_test.go:2991
func TestOperatorNamesSystemAccountAndResolver(t *testing.T) {
	key, token := operator(t, func(c *jwt.OperatorClaims) {
		c.Name, c.SystemAccount, c.AccountServerURL = "OP", accountKey1, "http://localhost:8000/jwt/v1"
	})
	file := write(t, "op.jwt", "-----BEGIN NATS OPERATOR JWT-----\n"+token+"\n------END NATS OPERATOR JWT------\n")
	for _, name := range []string{"operator", "operators", "root", "roots", "root_operator", "root_operators"} {
		for _, value := range []string{token, "'" + token + "'", "['" + file + "']", file} {
			o := valid(t, name+": "+value)
			if o.SystemAccount != accountKey1 || len(o.TrustedOperators) != 1 || o.TrustedOperators[0].Name != "OP" ||
				cmp.Diff([]string{token}, o.OperatorJWTs) != "" {
				t.Errorf("%s: system account %q, %d operators", name, o.SystemAccount, len(o.TrustedOperators))
			}
			want := &ResolverOpts{Kind: ResolverURL, URL: "http://localhost:8000/jwt/v1/accounts/"}
			if diff := cmp.Diff(want, o.AccountResolver); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{key}, o.TrustedKeySet()); diff != "" {
				t.Error(diff)
			}
		}
	}
	_, slash := operator(t, func(c *jwt.OperatorClaims) { c.AccountServerURL = "http://localhost:8000/jwt/v1/" })
	if o := valid(t, "operator: "+slash); o.AccountResolver.URL != "http://localhost:8000/jwt/v1/accounts/" {
		t.Errorf("with a slash at the end: %s", o.AccountResolver.URL)
	}
	// What the file says itself counts, wherever it stands.
	for _, text := range []string{"resolver: MEM\noperator: " + token, "operator: " + token + "\nresolver: MEM"} {
		if o := valid(t, text); o.AccountResolver.Kind != ResolverMemory {
			t.Errorf("%+v", o.AccountResolver)
		}
	}
}

// Go: TestReadMultipleOperatorJWT server/opts_test.go:3016
func TestSeveralOperators(t *testing.T) {
	one, first := operator(t, func(c *jwt.OperatorClaims) { c.Name, c.SystemAccount = "OP", accountKey1 })
	signing, _ := operator(t, func(*jwt.OperatorClaims) {})
	_, second := operator(t, func(c *jwt.OperatorClaims) {
		c.Name, c.SystemAccount, c.StrictSigningKeyUsage = "op2", systemKey, true
		c.SigningKeys.Add(signing)
	})
	o := read(t, "operator: ["+first+", "+second+"]\nsystem_account: SYSACC\nresolver: MEM")
	if len(o.TrustedOperators) != 2 || o.TrustedOperators[0].Name != "OP" || o.TrustedOperators[1].Name != "op2" ||
		o.TrustedOperators[0].SystemAccount != accountKey1 || o.TrustedOperators[1].SystemAccount != systemKey || o.SystemAccount != "SYSACC" {
		t.Errorf("%+v", o)
	}
	if diff := cmp.Diff([]string{one, signing}, o.TrustedKeySet()); diff != "" {
		t.Error(diff)
	}
	if o := read(t, "operator: ["+first+", "+second+"]"); o.SystemAccount != "" || o.AccountResolver != nil {
		t.Errorf("of several operators none counts: %q", o.SystemAccount)
	}
	valid(t, "operator: ["+first+", "+second+"]\nsystem_account: "+systemKey+"\nresolver: MEM")
}

// Go: TestReadOperatorJWTSystemAccountMatch server/opts_test.go:3045
// Go: TestReadOperatorJWTSystemAccountMismatch server/opts_test.go:3060
func TestSystemAccountOfAnOperator(t *testing.T) {
	_, token := operator(t, func(c *jwt.OperatorClaims) { c.SystemAccount = accountKey1 })
	text := "operator: " + token + "\nresolver: MEM\nsystem_account: "
	valid(t, text+accountKey1)
	invalid(t, text+systemKey, "system_account in config and operator JWT must be identical")
	valid(t, "operator: "+anyOperator(t)+"\nresolver: MEM\nsystem_account: "+systemKey)
}

// Go: TestReadOperatorAssertVersion server/opts_test.go:3077
// Go: TestReadOperatorAssertVersionFail server/opts_test.go:3101
func TestOperatorAssertsAVersion(t *testing.T) {
	for version, want := range map[string]string{
		"": "", "1.2.3": "", "1.99.99": "", "2.14.99": "", CompatVersion: "",
		"10.20.30": "expected major version 10 > server major version 2", "2.99.0": "expected minor version 99 > server minor version 15",
		"2.15.99": "expected update version 99 > server update version 2",
	} {
		key, token := operator(t, func(c *jwt.OperatorClaims) { c.AssertServerVersion = version })
		text := "operator: " + token + "\nresolver: MEM"
		if want == "" {
			valid(t, text)
		} else {
			invalid(t, text, "operator "+key+" "+want)
		}
	}
	key := operatorKey
	claims := jwt.NewOperatorClaims(key)
	claims.AssertServerVersion = "x"
	o := &Options{TrustedOperators: []*jwt.OperatorClaims{claims}, AccountResolver: &ResolverOpts{}}
	o.SetDefaults()
	if err := o.Validate(); err == nil || !strings.HasPrefix(err.Error(), "operator "+key+" expects version x got error instead: ") {
		t.Errorf("%v", err)
	}
}

// Go: TestDefaultSentinel server/opts_test.go:3594
func TestDefaultSentinel(t *testing.T) {
	text := `default_sentinel: "hello"`
	if o := read(t, text); o.DefaultSentinel != "hello" {
		t.Errorf("%q", o.DefaultSentinel)
	}
	invalid(t, text, "default sentinel requires operators and accounts")
	text = "operator: " + anyOperator(t) + "\nresolver: MEM\ndefault_sentinel: "
	invalid(t, text+"hello", "default sentinel JWT not valid")

	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	sentinel := func(change func(*jwt.UserClaims)) string {
		claims := jwt.NewUserClaims(userKey1)
		change(claims)
		token, err := claims.Encode(account)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	invalid(t, text+sentinel(func(*jwt.UserClaims) {}), "default sentinel must be a bearer token")
	valid(t, text+sentinel(func(c *jwt.UserClaims) { c.BearerToken = true }))
	valid(t, text+sentinel(func(c *jwt.UserClaims) {
		c.IssuerAccount, c.UserPermissionLimits = accountKey1, jwt.UserPermissionLimits{}
	}))
	invalid(t, text+sentinel(func(c *jwt.UserClaims) {
		c.IssuerAccount, c.UserPermissionLimits = accountKey1, jwt.UserPermissionLimits{}
		c.Pub.Allow.Add("a")
	}), "default sentinel must be a bearer token")
}

// The first of several faults is reported.
func TestOperatorsExcludeOthers(t *testing.T) {
	token := anyOperator(t)
	text := "operator: " + token + "\n"
	dir := t.TempDir()
	full := "resolver { type: full, dir: '" + dir + "' }\n"
	callout := "authorization { auth_callout { issuer: " + accountKey1 + ", auth_users: [a] } }\n"
	for config, want := range map[string]string{
		text: "operators require an account resolver to be configured",
		text + "accounts { A { users: [{user: a}] } }":                                        "operators require an account resolver to be configured",
		text + "resolver: MEM\naccounts { A {} }":                                             "operators do not allow Accounts to be configured directly",
		text + "resolver: MEM\nauthorization { users: [{user: a}] }\ntrusted: " + operatorKey: "operators do not allow users to be configured directly",
		text + "resolver: MEM\nauthorization { users: [{nkey: " + userKey1 + "}] }":           "operators do not allow users to be configured directly",
		text + "resolver: MEM\ntrusted: " + operatorKey + "\n" + callout:                      "conflicting options for 'TrustedKeys' and 'TrustedOperators'",
		text + full:                             "using nats based account resolver - the system account needs to be specified in configuration or the operator jwt",
		text + "resolver: MEM\n" + callout:      "operators do not allow authorization callouts to be configured directly",
		text + "resolver: MEM\nno_auth_user: a": "no_auth_user not compatible with Trusted Operator",
		text + "resolver: MEM\nwebsocket { port: 80, no_tls: true, no_auth_user: a }": "no_auth_user not compatible with Trusted Operator",
		text + "resolver: URL(ftp://h/)":                                              `account resolver: "ftp://h/" is not the URL of a web server`,
	} {
		invalid(t, config, want)
	}
	valid(t, text+full+"system: "+accountKey1)
	valid(t, text+"resolver: MEM\nwebsocket { port: 80, no_tls: true, jwt_cookie: j }")
}

func TestTrustedKeys(t *testing.T) {
	for _, text := range []string{"trusted: " + operatorKey, "trusted_keys: [" + operatorKey + "]"} {
		o := valid(t, text+"\nsystem_account: "+accountKey1)
		if diff := cmp.Diff([]string{operatorKey}, o.TrustedKeySet()); diff != "" {
			t.Error(diff)
		}
	}
	if o := valid(t, "trusted: "+operatorKey); o.AccountResolver == nil || o.AccountResolver.Kind != ResolverMemory {
		t.Errorf("without a resolver: %+v", o.AccountResolver)
	}
	invalid(t, "resolver: URL(ftp://h/)\ntrusted: "+operatorKey, "is not the URL of a web server")
	refuse(t, "\n trusted: [a]", `:2:2: trust key "a" required to be a valid public operator nkey`)
	refuse(t, "\n trusted: ["+accountKey1+"]", `required to be a valid public operator nkey`)
	refuse(t, "\n trusted: 1", ":2:2: error parsing trusted: unsupported type int64")
	refuse(t, "trusted: [1]", "error parsing trusted: unsupported type in array int64")
	o := &Options{TrustedKeys: []string{"a"}}
	o.SetDefaults()
	if err := o.Validate(); err == nil || err.Error() != `trusted Keys "a" are required to be a valid public operator nkey` {
		t.Errorf("%v", err)
	}
}

// Go: TestResolverPinnedAccountsFail server/opts_test.go:3340
func TestResolverPinnedAccounts(t *testing.T) {
	text := "operator: " + anyOperator(t) + "\nresolver: URL(foo.bar)\nresolver_pinned_accounts: "
	invalid(t, text+"[f]", `pinned account key "f" is not a valid public account nkey`)
	refuse(t, text+"[1, x]", "error parsing resolver_pinned_accounts: unsupported type in array int64")
	refuse(t, text+"{}", "error parsing resolver_pinned_accounts: unsupported type map[string]interface {}")
	o := valid(t, "operator: "+anyOperator(t)+"\nresolver: MEM\nresolver_pinned_accounts: "+accountKey1)
	if _, ok := o.ResolverPinnedAccounts[accountKey1]; !ok || len(o.ResolverPinnedAccounts) != 1 {
		t.Errorf("%v", o.ResolverPinnedAccounts)
	}
}

func TestBadOperators(t *testing.T) {
	_, token := accountToken(t)
	for text, want := range map[string]string{
		"\n operator: 1":        ":2:2: error parsing operators: unsupported type int64",
		"operator: [\n 1]":      ":2:2: error parsing operators: unsupported type in array int64",
		"\n operator: /nowhere": ":2:2: error parsing operator JWT: open /nowhere: no such file or directory",
		"\n operator: eyJhbGci": ":2:2: error parsing operator JWT: ",
		"\n operator: " + token: ":2:2: error parsing operator JWT: ",

		"\n resolver_preload: 1":                  ":2:2: preload should be a map of account_public_key:account_jwt",
		"resolver_preload {\n A: 1 }":             ":2:2: preload map value should be a string JWT",
		"resolver_preload {\n A: eyJ }":           ":2:2: invalid account JWT",
		"resolver_preload {\n A: " + token + " }": ":2:2: jwt subject nkey and provided nkey do not match",
	} {
		refuse(t, text, want)
	}
	big := filepath.Join(t.TempDir(), "big.jwt")
	if err := os.WriteFile(big, make([]byte, maxJWTBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	refuse(t, "operator: "+big, "is larger than 1048576 bytes")
}

func TestPreloads(t *testing.T) {
	account, token := accountToken(t)
	text := "operator: " + anyOperator(t) + "\nresolver_preload { " + account + ": " + token + " }\nresolver: "
	if diff := cmp.Diff(map[string]string{account: token}, valid(t, text+"MEMORY").ResolverPreloads); diff != "" {
		t.Error(diff)
	}
	invalid(t, text+"URL(http://h/)", "resolver preloads only available for writeable resolver types MEM/DIR/CACHE_DIR")
}

func TestResolvers(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]ResolverOpts{
		"MEM": {}, "MEMORY": {}, "memory": {}, "'MEM '": {}, "{type: mem}": {}, "{type: MEMORY}": {},
		"URL(http://h:1/p)":      {Kind: ResolverURL, URL: "http://h:1/p/"},
		`URL("http://h:1/p/")`:   {Kind: ResolverURL, URL: "http://h:1/p/"},
		`'url( "https://h" )'`:   {Kind: ResolverURL, URL: "https://h/"},
		`URL("http://mem.h/x")`:  {Kind: ResolverURL, URL: "http://mem.h/x/"},
		"{type: full, dir: DIR}": {Kind: ResolverFull, Directory: dir, Timeout: DefaultResolverTimeout, Interval: time.Minute},
		"{type: FULL, dir: DIR, limit: 10, interval: '2m', allow_delete: true, hard_delete: true, timeout: '3s'}": {
			Kind: ResolverFull, Directory: dir, Limit: 10, Timeout: 3 * time.Second, Interval: 2 * time.Minute, AllowDelete: true, HardDelete: true},
		"{type: full, dir: DIR, limit: -1}":                                    {Kind: ResolverFull, Directory: dir, Timeout: DefaultResolverTimeout, Interval: time.Minute},
		"{type: cache, dir: DIR/new, limit: 10, ttl: '1h', timeout: '1500ms'}": {Kind: ResolverCache, Directory: dir + "/new", Limit: 10, Timeout: 1500 * time.Millisecond, TTL: time.Hour},
		"{type: cache, dir: DIR, allow_delete: false, interval: '0s'}":         {Kind: ResolverCache, Directory: dir, Timeout: DefaultResolverTimeout},
	} {
		for _, key := range []string{"resolver", "account_resolver", "accounts_resolver"} {
			o := read(t, key+": "+strings.ReplaceAll(text, "DIR", dir)+"\ntrusted: "+operatorKey)
			if diff := cmp.Diff(&want, o.AccountResolver); diff != "" {
				t.Errorf("%s: %s", text, diff)
			}
		}
	}
}

func TestBadResolvers(t *testing.T) {
	dir := t.TempDir()
	file := write(t, "file", "")
	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"1":                                 "error parsing operator resolver, wrong type int64",
		"x":                                 badResolver,
		"URL":                               badResolver,
		"MEMBER":                            badResolver,
		"'see URL(http://h)'":               badResolver,
		"'URL(http://h/%zz)'":               `error parsing account resolver url ["http://h/%zz"]`,
		"{}":                                badResolver,
		"{dir: DIR}":                        badResolver,
		"{type: x, dir: DIR}":               badResolver,
		"{type: full}":                      "dir has no value and needs to point to a directory",
		"{type: cache}":                     "dir has no value and needs to point to a directory",
		"{type: full, dir: FILE}":           "dir needs to point to an accessible directory",
		"{type: full, dir: DIR/locked}":     "dir needs to point to an accessible directory",
		"{type: full, dir: DIR, ttl: 1m}":   "",
		"{type: full, dir: DIR, ttl: '1m'}": "FULL does not accept ttl",
		"{type: full, dir: DIR, hard_delete: true}":   "hard_delete has no effect without delete",
		"{type: cache, dir: DIR, interval: '1m'}":     "CACHE does not accept sync",
		"{type: cache, dir: DIR, allow_delete: true}": "CACHE does not accept allow_delete",
		"{type: cache, dir: DIR, hard_delete: false}": "CACHE does not accept hard_delete",
		"{type: cache, dir: DIR, limit: -1}":          "CACHE does not accept a negative limit",
		"{type: full, dir: DIR, timeout: '0s'}":       "Fetch timeout 0s is too smal",
		"{type: full, dir: DIR, timeout: '-1s'}":      "Fetch timeout -1s is too smal",
		"{type: full, dir: DIR, timeout: abc}":        `time: invalid duration "abc"`,
		"{type: full, dir: DIR, timeout: 1}":          "interface conversion: interface {} is int64, not string",
		"{type: full, dir: DIR, interval: '-1s'}":     "interval can not be negative",
		"{type: mem, dir: DIR}":                       "MEM does not accept dir",
		"{type: full, dir: DIR, x: y}":                `unknown field "x"`,
		"{type: full, dir: 1}":                        "interface conversion: interface {} is int64, not string",
	} {
		refuse(t, "\n resolver: "+strings.NewReplacer("DIR", dir, "FILE", file).Replace(text), want)
	}
}

func TestResolverTLS(t *testing.T) {
	certFile, keyFile := pair(t)
	files := "cert_file: '" + certFile + "', key_file: '" + keyFile + "', ca_file: '" + certFile + "'"
	text := "operator: " + anyOperator(t) + "\nresolver: URL(https://h/)\nresolver_tls { " + files
	o := valid(t, text+" }")
	c := o.AccountResolverTLSConfig
	if c == nil || len(c.Certificates) != 1 || c.RootCAs == nil || c.ClientCAs != nil || len(o.ConfigWarnings) != 0 {
		t.Errorf("%+v, %v", c, o.ConfigWarnings)
	}
	if o := valid(t, text+"\n insecure: true\n verify: true }"); !o.AccountResolverTLSConfig.InsecureSkipVerify || len(o.ConfigWarnings) != 2 {
		t.Errorf("%v", o.ConfigWarnings)
	}
	refuse(t, "resolver_tls { cert_file: x }", "missing 'key_file' in TLS configuration")
	refuse(t, "\n resolver_tls: 1", "error parsing tls config, expected a map/struct, got 1")
}

func TestWhatHasNoEffectWithoutOperatorsIsWarnedAbout(t *testing.T) {
	o := read(t, "resolver: MEM\nresolver_pinned_accounts: "+accountKey1+"\nresolver_tls { insecure: false }\nresolver_preload {}")
	var all []string
	for _, w := range o.ConfigWarnings {
		all = append(all, w.Error())
	}
	want := []string{
		":1:0: resolver has no effect without operators",
		":2:1: resolver_pinned_accounts has no effect without operators",
		":3:1: resolver_tls has no effect without a URL resolver",
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

func TestCloneSharesNoOperators(t *testing.T) {
	build := func() *Options {
		return &Options{
			TrustedKeys: []string{"a"}, OperatorJWTs: []string{"a"}, AccountResolver: &ResolverOpts{URL: "a"},
			ResolverPreloads: map[string]string{"a": "b"}, ResolverPinnedAccounts: map[string]struct{}{"a": {}},
			AuthCallout: &AuthCallout{AuthUsers: []string{"a"}, AllowedAccounts: []string{"a"}},
			OCSPConfig:  &OCSPConfig{OverrideURLs: []string{"a"}}, OCSPCacheConfig: NewOCSPResponseCacheConfig(), TLSOCSPPeer: NewOCSPPeerConfig(),
		}
	}
	o := build()
	c := o.Clone()
	if diff := cmp.Diff(o, c, ignorePrivate); diff != "" {
		t.Fatal(diff)
	}
	c.TrustedKeys[0], c.OperatorJWTs[0], c.AccountResolver.URL, c.ResolverPreloads["a"] = "x", "x", "x", "x"
	c.ResolverPinnedAccounts["x"] = struct{}{}
	c.AuthCallout.AuthUsers[0], c.AuthCallout.AllowedAccounts[0] = "x", "x"
	c.OCSPConfig.OverrideURLs[0], c.OCSPCacheConfig.LocalStore, c.TLSOCSPPeer.Verify = "x", "x", true
	if diff := cmp.Diff(build(), o, ignorePrivate); diff != "" {
		t.Error(diff)
	}
}
