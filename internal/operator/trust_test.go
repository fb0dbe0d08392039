package operator

import (
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
)

func TestReadOperator(t *testing.T) {
	o := operatorKey(t)
	text := encode(t, o, jwt.NewOperatorClaims(o.public))
	decorated, err := jwt.DecorateJWT(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{text, string(decorated), "\n  " + text + "\n"} {
		read, err := ReadOperator(form)
		if err != nil {
			t.Fatalf("%q: %v", form, err)
		}
		if read.Text != text || read.Claims.Subject != o.public {
			t.Errorf("%q: read as %q of %s", form, read.Text, read.Claims.Subject)
		}
	}
	a := accountKey(t)
	_, err = ReadOperator(encode(t, a, jwt.NewAccountClaims(a.public)))
	wantError(t, err, "not operator claim")
	_, err = ReadOperator("eyJ")
	wantError(t, err, "expected 3 chunks")
	_, err = ReadOperator(text[:len(text)-4] + "AAAA")
	wantError(t, err, "signature verification")
}

func TestTrustedKeys(t *testing.T) {
	one, two, signing := operatorKey(t), operatorKey(t), operatorKey(t)
	withKey := func(c *jwt.OperatorClaims) { c.SigningKeys.Add(signing.public) }
	strict := func(c *jwt.OperatorClaims) { c.StrictSigningKeyUsage = true }
	for name, test := range map[string]struct {
		operators []*Operator
		want      []string
	}{
		"main key":            {[]*Operator{operatorOf(t, one)}, []string{one.public}},
		"main and signing":    {[]*Operator{operatorOf(t, one, withKey)}, []string{one.public, signing.public}},
		"strict":              {[]*Operator{operatorOf(t, one, withKey, strict)}, []string{signing.public}},
		"several":             {[]*Operator{operatorOf(t, one), operatorOf(t, two, withKey, strict)}, []string{one.public, signing.public}},
		"strict, without any": {[]*Operator{operatorOf(t, one, strict)}, nil},
	} {
		trust := trustIn(t, test.operators...)
		if !slices.Equal(trust.Keys(), test.want) {
			t.Errorf("%s: trusts %v, want %v", name, trust.Keys(), test.want)
		}
		for _, k := range []key{one, two, signing} {
			if trust.Trusts(k.public) != slices.Contains(test.want, k.public) {
				t.Errorf("%s: Trusts(%s) = %t", name, k.public, trust.Trusts(k.public))
			}
		}
	}
}

func TestTrustOfKeysAlone(t *testing.T) {
	one, two := operatorKey(t).public, operatorKey(t).public
	trust, err := New(Settings{TrustedKeys: []string{one, two}})
	wantError(t, err, "")
	if !trust.Trusts(one) || !trust.Trusts(two) || trust.SystemAccount() != "" || trust.Introduction() != nil {
		t.Errorf("trust of keys: %+v", trust)
	}
	trust, err = New(Settings{StampedKeys: one + " " + two})
	wantError(t, err, "")
	if !slices.Equal(trust.Keys(), []string{one, two}) {
		t.Errorf("stamped keys: %v", trust.Keys())
	}
	_, err = New(Settings{StampedKeys: "bad"})
	wantError(t, err, "Error processing trusted operator keys")
	_, err = New(Settings{StampedKeys: one, TrustedKeys: []string{two}})
	wantError(t, err, "Error processing trusted operator keys")
	_, err = New(Settings{TrustedKeys: []string{"bad"}})
	wantError(t, err, `trusted Keys "bad" are required to be a valid public operator nkey`)

	trust, err = New(Settings{})
	if trust != nil || err != nil || trust.Trusts(one) {
		t.Errorf("nothing configured: %v, %v", trust, err)
	}
}

// The order matters as well: each case has the mistakes of those before it
// repaired and all later ones still in.
func TestStartChecks(t *testing.T) {
	o, u, a := operatorKey(t), userKey(t), accountKey(t)
	other := accountKey(t).public
	named := operatorOf(t, o, func(c *jwt.OperatorClaims) {
		c.SystemAccount = a.public
		c.AssertServerVersion = "2.16.0"
	})
	anonymous := operatorOf(t, o, func(c *jwt.OperatorClaims) { c.AssertServerVersion = "2.16.0" })
	plain := encode(t, a, jwt.NewUserClaims(u.public))
	bearer := encode(t, a, jwt.NewUserClaims(u.public), func(c *jwt.UserClaims) { c.BearerToken = true })

	s := Settings{
		Operators: []*Operator{named}, DefaultSentinel: "rubbish", TrustedKeys: []string{o.public}, SystemAccount: other,
		PinnedAccounts: []string{"bad"}, DirectoryResolver: true, HasAccounts: true, HasUsers: true, HasCallout: true, Version: "2.15.2",
	}
	for _, step := range []struct {
		want   string
		repair func()
	}{
		{"default sentinel JWT not valid", func() { s.DefaultSentinel = plain }},
		{"default sentinel must be a bearer token", func() { s.DefaultSentinel = bearer }},
		{"operators require an account resolver to be configured", func() { s.HasResolver = true }},
		{"operators do not allow Accounts to be configured directly", func() { s.HasAccounts = false }},
		{"operators do not allow users to be configured directly", func() { s.HasUsers = false }},
		{"conflicting options for 'TrustedKeys' and 'TrustedOperators'", func() { s.TrustedKeys = nil }},
		{"system_account in config and operator JWT must be identical", func() {
			s.SystemAccount = ""
			s.Operators = []*Operator{anonymous}
		}},
		{"using nats based account resolver - the system account needs to be specified in configuration or the operator jwt", func() { s.SystemAccount = a.public }},
		{"expected minor version 16 > server minor version 15", func() { s.Version = "2.16.0" }},
		{`pinned account key "bad" is not a valid public account nkey`, func() { s.PinnedAccounts = []string{other} }},
		{"operators do not allow authorization callouts to be configured directly", func() { s.HasCallout = false }},
	} {
		_, err := New(s)
		wantError(t, err, step.want)
		step.repair()
	}
	trust, err := New(s)
	wantError(t, err, "")
	if !trust.Allows(other) || !trust.Allows(a.public) || trust.Allows(accountKey(t).public) {
		t.Error("pinned accounts: not the pinned one and the system account alone")
	}
	_, err = New(Settings{DefaultSentinel: bearer})
	wantError(t, err, "default sentinel requires operators and accounts")
}

func TestScopedSentinelIsAccepted(t *testing.T) {
	o, a, u := operatorKey(t), accountKey(t), userKey(t)
	s := Settings{Operators: []*Operator{operatorOf(t, o)}, HasResolver: true}
	s.DefaultSentinel = encode(t, a, jwt.NewUserClaims(u.public), scoped(a.public))
	trust, err := New(s)
	wantError(t, err, "")
	if trust.DefaultSentinel() != s.DefaultSentinel {
		t.Error("the sentinel is lost")
	}
}

func TestWhatOneOperatorSays(t *testing.T) {
	o, a := operatorKey(t), accountKey(t)
	claims := func(c *jwt.OperatorClaims) {
		c.Name, c.Audience = "O", "sys"
		c.SystemAccount = a.public
	}
	trust := trustIn(t, operatorOf(t, o, claims))
	if trust.SystemAccount() != a.public {
		t.Errorf("system account %q", trust.SystemAccount())
	}
	lines := trust.Introduction()
	want := []string{"Trusted Operators", `  System  : "sys"`, `  Operator: "O"`, "  Issued  : ", "  Expires : Never"}
	for i := range want {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want[i]) {
			t.Fatalf("log lines %q, want %q", lines, want)
		}
	}
	// Of two, neither speaks for the server.
	trust = trustIn(t, operatorOf(t, o, claims), operatorOf(t, operatorKey(t)))
	if trust.SystemAccount() != "" {
		t.Errorf("two operators: %q", trust.SystemAccount())
	}
}

func TestExpiredOperatorIsTrusted(t *testing.T) {
	o := operatorKey(t)
	trust := trustIn(t, operatorOf(t, o, func(c *jwt.OperatorClaims) { c.Expires = 1000 }))
	if !trust.Trusts(o.public) || !strings.HasPrefix(trust.Introduction()[4], "  Expires : 1970") {
		t.Errorf("%q", trust.Introduction())
	}
}

func TestCheckVersion(t *testing.T) {
	for _, test := range []struct{ wanted, server, want string }{
		{"", "2.15.2", ""},
		{"2.15.2", "2.15.2", ""},
		{"2.15.2", "v2.15.2-beta.1", ""},
		{"2.14.9", "2.15.0", ""},
		{"1.99.99", "2.0.0", ""},
		{"3.0.0", "2.15.2", "operator O expected major version 3 > server major version 2"},
		{"2.16.0", "2.15.2", "operator O expected minor version 16 > server minor version 15"},
		{"2.15.3", "2.15.2", "operator O expected update version 3 > server update version 2"},
		{"2.15", "2.15.2", "operator O expects version 2.15 got error instead: "},
		{"2.x.0", "2.15.2", "operator O expects version 2.x.0 got error instead: "},
	} {
		c := jwt.NewOperatorClaims("O")
		c.AssertServerVersion = test.wanted
		err := checkVersion(c, test.server)
		wantError(t, err, test.want)
	}
}
