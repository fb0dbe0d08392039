package operator

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
)

func TestCheckUpdate(t *testing.T) {
	main, signing, account := operatorKey(t), operatorKey(t), accountKey(t)
	strict := trustIn(t, operatorOf(t, main, func(c *jwt.OperatorClaims) {
		c.SigningKeys.Add(signing.public)
		c.StrictSigningKeyUsage = true
	}))
	made := func(signer key, change ...func(*jwt.AccountClaims)) string {
		return encode(t, signer, jwt.NewAccountClaims(account.public), change...)
	}
	other := accountKey(t).public
	mapped := func(to string, weight uint8) func(*jwt.AccountClaims) {
		return func(c *jwt.AccountClaims) {
			c.AddMapping("a", jwt.WeightedMapping{Subject: jwt.Subject(to), Weight: weight})
		}
	}
	for name, test := range map[string]struct {
		key, text string
		want      string // empty: taken over
		account   string
		invalid   bool
	}{
		"good":                         {key: account.public, text: made(signing)},
		"good, named by itself":        {text: made(signing)},
		"expired ones may be stored":   {key: account.public, text: made(signing, func(c *jwt.AccountClaims) { c.Expires = 1000 })},
		"mapped":                       {text: made(signing, mapped("b", 0))},
		"undecodable":                  {key: account.public, text: "rubbish", want: "expected 3 chunks", account: "n/a"},
		"empty":                        {key: account.public, want: "expected 3 chunks", account: "n/a"},
		"another account":              {key: other, text: made(signing), want: "subject does not match jwt content", account: other},
		"signed by the main key":       {text: made(main), want: "operator requires issuer to be a signing key", account: account.public},
		"signed by itself":             {text: made(account), want: "account validation failed: issuer is not trusted", account: account.public},
		"signed by a stranger":         {text: made(operatorKey(t)), want: "account validation failed: issuer is not trusted", account: account.public},
		"an issue":                     {text: made(signing, func(c *jwt.AccountClaims) { c.Exports.Add(&jwt.Export{Subject: "a b", Type: jwt.Stream}) }), want: `validation errors: [subject "a b" cannot have spaces]`, account: account.public, invalid: true},
		"a mapping from nothing":       {text: made(signing, mapped("b.{{wildcard(3)}}", 0)), want: `mapping "a" -> "b.{{wildcard(3)}}": invalid mapping destination: wildcard index out of range in {{wildcard(3)}}`, account: account.public, invalid: true},
		"a mapping to a wildcard":      {text: made(signing, mapped("b.*", 0)), want: `mapping "a": invalid subject`, account: account.public, invalid: true},
		"a mapping to one place twice": {text: made(signing, mapped("b", 10), func(c *jwt.AccountClaims) { c.Mappings["a"] = append(c.Mappings["a"], c.Mappings["a"]...) }), want: `mapping "a": duplicate entry for "b"`, account: account.public, invalid: true},
	} {
		got, err := strict.CheckUpdate(test.key, test.text)
		wantError(t, err, test.want)
		if test.want == "" {
			if got != account.public {
				t.Errorf("%s: account %q", name, got)
			}
			continue
		}
		var refused *UpdateError
		if !errors.As(err, &refused) || refused.Account != test.account || refused.Invalid != test.invalid {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

func TestCheckDelete(t *testing.T) {
	main, signing, second := operatorKey(t), operatorKey(t), operatorKey(t)
	system, one, two := accountKey(t).public, accountKey(t).public, accountKey(t).public
	claims := func(c *jwt.OperatorClaims) {
		c.SigningKeys.Add(signing.public)
		c.SystemAccount = system
	}
	trustOf := func(operators ...*Operator) *Trust {
		trust, err := New(Settings{Operators: operators, HasResolver: true, SystemAccount: system})
		wantError(t, err, "")
		return trust
	}
	plain := trustOf(operatorOf(t, main, claims), operatorOf(t, second))
	strict := trustOf(operatorOf(t, main, claims, func(c *jwt.OperatorClaims) { c.StrictSigningKeyUsage = true }))
	keysOnly, err := New(Settings{TrustedKeys: []string{main.public}})
	wantError(t, err, "")

	ask := func(signer key, accounts any, change ...func(*jwt.GenericClaims)) string {
		c := jwt.NewGenericClaims(signer.public)
		c.Data["accounts"] = accounts
		return encode(t, signer, c, change...)
	}
	both := []string{one, two}
	for name, test := range map[string]struct {
		trust *Trust
		text  string
		off   bool
		want  string // empty: accepted
		from  string
	}{
		"main key":           {trust: plain, text: ask(main, both)},
		"signing key":        {trust: plain, text: ask(signing, both)},
		"strict signing key": {trust: strict, text: ask(signing, both)},
		"first generation": {trust: plain, text: forge(t, main, jwt.AlgorithmNkeyOld, map[string]any{
			"iss": main.public, "sub": main.public, "type": "x", "nats": map[string]any{"accounts": both},
		})},
		"switched off":        {trust: plain, text: ask(main, both), off: true, want: "delete must be enabled in server config", from: main.public},
		"not self signed":     {trust: plain, text: ask(main, both, func(c *jwt.GenericClaims) { c.Subject = one }), want: "not self signed", from: one},
		"strict main key":     {trust: strict, text: ask(main, both), want: "not trusted", from: main.public},
		"the second operator": {trust: plain, text: ask(second, both), want: "not trusted", from: second.public},
		"no operator":         {trust: keysOnly, text: ask(main, both), want: "not trusted", from: main.public},
		"expired":             {trust: plain, text: ask(main, both, func(c *jwt.GenericClaims) { c.Expires = 1000 }), want: "claim is expired", from: main.public},
		"no list":             {trust: plain, text: ask(main, nil), want: "malformed request", from: main.public},
		"no list at all":      {trust: plain, text: encode(t, main, jwt.NewGenericClaims(main.public)), want: "malformed request", from: main.public},
		"not a list":          {trust: plain, text: ask(main, one), want: "malformed request", from: main.public},
		"not of keys":         {trust: plain, text: ask(main, []any{one, 7}), want: "malformed request", from: main.public},
		"of other keys":       {trust: plain, text: ask(main, []string{one, main.public}), want: "malformed request", from: main.public},
		"the system account":  {trust: plain, text: ask(main, []string{one, system}), want: "not allowed to delete system account", from: main.public},
		"no JWT":              {trust: plain, text: "rubbish", want: "expected 3 chunks"},
		"too long":            {trust: plain, text: string(make([]byte, MaxTokenSize+1)), want: "token too large"},
		"no nats object, first generation": {trust: plain, text: forge(t, main, jwt.AlgorithmNkeyOld, map[string]any{
			"iss": main.public, "sub": main.public, "type": "x",
		}), want: "malformed request", from: main.public},
		"a broken signature": {trust: plain, text: ask(main, both) + "AAAA", want: "claim failed V2 signature verification"},
		"another algorithm":  {trust: plain, text: forge(t, main, "none", map[string]any{"iss": main.public, "sub": main.public}), want: `unexpected "none" algorithm`},
	} {
		got, err := test.trust.CheckDelete(test.text, !test.off, time.Now())
		wantError(t, err, test.want)
		if test.want == "" {
			if !slices.Equal(got, both) {
				t.Errorf("%s: %v", name, got)
			}
			continue
		}
		var refused *DeleteError
		if !errors.As(err, &refused) || refused.Issuer != test.from {
			t.Errorf("%s: %+v", name, err)
		}
		wantError(t, err, "delete accounts request by "+test.from+" failed - ")
	}
}
