package operator

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/sharing"
)

// pair is an exporting and an importing account under one operator.
type pair struct {
	*world        // of the exporter
	importer, sub key
	exporter      *Account
}

func newPair(t testing.TB) *pair {
	p := &pair{world: newWorld(t), importer: accountKey(t), sub: accountKey(t)}
	p.exporter = p.open(func(c *jwt.AccountClaims) {
		c.SigningKeys.Add(p.sub.public)
		c.Exports.Add(&jwt.Export{Subject: "s.>", Type: jwt.Stream, TokenReq: true})
	})
	return p
}

// token is an activation token for the importer, signed by the exporter.
func (p *pair) token(signer key, change ...func(*jwt.ActivationClaims)) string {
	p.t.Helper()
	c := jwt.NewActivationClaims(p.importer.public)
	c.ImportSubject, c.ImportType = "s.*", jwt.Stream
	return encode(p.t, signer, c, change...)
}

// bring verifies an import of the importer with the token.
func (p *pair) bring(token string, at time.Time) (*sharing.Activation, error) {
	i := &Import{Token: token, Import: sharing.Import{Kind: sharing.Stream, Account: p.account.public, Subject: "s.a", Local: "s.a"}}
	return VerifyActivation(&Account{Name: p.importer.public}, p.exporter, i, at)
}

func TestActivationIsVerified(t *testing.T) {
	p := newPair(t)
	bySigningKey := func(c *jwt.ActivationClaims) { c.IssuerAccount = p.account.public }
	for name, token := range map[string]string{
		"signed by the account":                p.token(p.account),
		"signed by the account, which is said": p.token(p.account, bySigningKey),
		"signed by a signing key":              p.token(p.sub, bySigningKey),
		"expires later":                        p.token(p.account, func(c *jwt.ActivationClaims) { c.Expires = now().Unix() + 100 }),
	} {
		got, err := p.bring(token, now())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got.Subject != "s.*" || got.Issued == 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestActivationIsRefused(t *testing.T) {
	p := newPair(t)
	stranger := accountKey(t)
	for name, test := range map[string]struct {
		token string
		want  string
	}{
		"none":             {"", "no activation token"},
		"no JWT":           {"rubbish", "invalid activation token: expected 3 chunks"},
		"another kind":     {p.accountText(), "invalid activation token: not activation claim"},
		"a stranger":       {p.token(stranger), "doesn't match account for import"},
		"a stranger's own": {p.token(stranger, func(c *jwt.ActivationClaims) { c.IssuerAccount = stranger.public }), "doesn't match account for import"},
		"a stranger for the exporter": {
			p.token(stranger, func(c *jwt.ActivationClaims) { c.IssuerAccount = p.account.public }), "is not a signing key of account",
		},
		"the operator for the exporter": {
			p.token(p.operator, func(c *jwt.ActivationClaims) { c.IssuerAccount = p.account.public }), "is not a signing key of account",
		},
		"a signing key that does not say so": {p.token(p.sub), "doesn't match account for import"},
		"for another importer":               {p.token(p.account, func(c *jwt.ActivationClaims) { c.Subject = stranger.public }), "doesn't match account it is being included in"},
		"another type":                       {p.token(p.account, func(c *jwt.ActivationClaims) { c.ImportType = jwt.Service }), "mismatch between token import type service and type of import stream"},
		"another subject":                    {p.token(p.account, func(c *jwt.ActivationClaims) { c.ImportSubject = "t.*" }), `activation token import subject "t.*" doesn't match import "s.a"`},
		"expired":                            {p.token(p.account, func(c *jwt.ActivationClaims) { c.Expires = now().Unix() - 1 }), "claim is expired"},
		"not yet valid":                      {p.token(p.account, func(c *jwt.ActivationClaims) { c.NotBefore = now().Unix() + 100 }), "claim is not yet valid"},
	} {
		if _, err := p.bring(test.token, now()); err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			wantError(t, err, test.want)
		}
	}
	at := now()
	token := p.token(p.account, func(c *jwt.ActivationClaims) { c.Expires = at.Unix() })
	_, err := p.bring(token, at)
	wantError(t, err, "claim is expired")
}

func TestActivationOfAnotherIssuerAccountIsLoud(t *testing.T) {
	p := newPair(t)
	stranger := accountKey(t).public
	_, err := p.bring(p.token(p.account, func(c *jwt.ActivationClaims) { c.IssuerAccount = stranger }), now())
	var loud *IssuerAccountError
	if !errors.As(err, &loud) {
		t.Fatal(err)
	}
	want := `Invalid issuer account "` + stranger + `" in activation claim (subject: "s.*" - type: "stream") for account "` + p.account.public + `"`
	if loud.Error() != want {
		t.Errorf("%s, want %s", loud, want)
	}
}

// What comes out is what a private export asks for, until it is withdrawn or
// over.
func TestActivationOpensPrivateExport(t *testing.T) {
	p := newPair(t)
	i := &sharing.Import{Kind: sharing.Stream, Account: p.account.public, Subject: "s.a", Local: "s.a"}
	authorize := func(at time.Time, change ...func(*jwt.AccountClaims)) error {
		a := p.open(append([]func(*jwt.AccountClaims){func(c *jwt.AccountClaims) {
			c.Exports.Add(&jwt.Export{Subject: "s.>", Type: jwt.Stream, TokenReq: true})
		}}, change...)...)
		offers := &sharing.Account{Name: a.Name, Exports: a.Exports}
		_, err := offers.Authorize(p.importer.public, i, at.Unix())
		return err
	}
	at := now()
	if err := authorize(at); !errors.Is(err, sharing.ErrStreamNotAuthorized) {
		t.Errorf("without a token: %v", err)
	}
	var err error
	i.Activation, err = p.bring(p.token(p.account, func(c *jwt.ActivationClaims) { c.Expires = at.Unix() + 10 }), at)
	wantError(t, err, "")
	wantError(t, authorize(at), "")
	if err := authorize(at.Add(10 * time.Second)); !errors.Is(err, sharing.ErrStreamNotAuthorized) {
		t.Errorf("over: %v", err)
	}
	for _, whose := range []string{p.importer.public, jwt.All} {
		err := authorize(at, func(c *jwt.AccountClaims) {
			c.Exports[0].Revocations = jwt.RevocationList{whose: i.Activation.Issued}
		})
		if !errors.Is(err, sharing.ErrStreamNotAuthorized) {
			t.Errorf("withdrawn for %s: %v", whose, err)
		}
	}
}

func TestImportsTellWhenTheirTokenExpires(t *testing.T) {
	p := newPair(t)
	at := now().Unix() + 100
	for name, c := range map[string]struct {
		token string
		want  int64
	}{
		"no token":      {"", 0},
		"no token text": {"nonsense", 0},
		"for ever":      {p.token(p.account), 0},
		"for some time": {p.token(p.account, func(c *jwt.ActivationClaims) { c.Expires = at }), at},
	} {
		got := (&Import{Token: c.token}).Expires()
		if c.want == 0 && !got.IsZero() || c.want != 0 && got.Unix() != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
