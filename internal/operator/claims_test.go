package operator

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// now is the time of most tests. JWTs are made with the time of the real clock,
// so it must not lie too far from it.
func now() time.Time { return time.Now() }

// key is a key pair with its public key at hand.
type key struct {
	nkeys.KeyPair
	public string
}

func newKey(t testing.TB, prefix nkeys.PrefixByte) key {
	t.Helper()
	pair, err := nkeys.CreatePairWithRand(prefix, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return keyOf(t, pair)
}

func keyOf(t testing.TB, pair nkeys.KeyPair) key {
	t.Helper()
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key{pair, public}
}

// fixedKey is always the same for a number, so that inputs of a fuzz test mean
// the same each time.
func fixedKey(t testing.TB, prefix nkeys.PrefixByte, number byte) key {
	t.Helper()
	pair, err := nkeys.FromRawSeed(prefix, bytes.Repeat([]byte{number}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return keyOf(t, pair)
}

func operatorKey(t testing.TB) key { return newKey(t, nkeys.PrefixByteOperator) }
func accountKey(t testing.TB) key  { return newKey(t, nkeys.PrefixByteAccount) }
func userKey(t testing.TB) key     { return newKey(t, nkeys.PrefixByteUser) }

// encode signs claims, changed first by the functions.
func encode[C jwt.Claims](t testing.TB, signer key, c C, change ...func(C)) string {
	t.Helper()
	for _, f := range change {
		f(c)
	}
	text, err := c.Encode(signer)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// forge signs a payload as it is, so that claims can be made that the library
// would not write.
func forge(t testing.TB, signer key, algorithm string, payload any) string {
	t.Helper()
	data, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"` + algorithm + `"}`))
	body := base64.RawURLEncoding.EncodeToString(data)
	signed := header + "." + body
	if algorithm == jwt.AlgorithmNkeyOld {
		signed = body
	}
	signature, err := signer.Sign([]byte(signed))
	if err != nil {
		t.Fatal(err)
	}
	return header + "." + body + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func operatorOf(t testing.TB, signer key, change ...func(*jwt.OperatorClaims)) *Operator {
	t.Helper()
	o, err := ReadOperator(encode(t, signer, jwt.NewOperatorClaims(signer.public), change...))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func trustIn(t testing.TB, operators ...*Operator) *Trust {
	t.Helper()
	trust, err := New(Settings{Operators: operators, HasResolver: true, Version: "2.15.2"})
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

// world is an operator with one account.
type world struct {
	t        testing.TB
	operator key
	account  key
	trust    *Trust
}

func newWorld(t testing.TB, change ...func(*jwt.OperatorClaims)) *world {
	t.Helper()
	w := &world{t: t, operator: operatorKey(t), account: accountKey(t)}
	w.trust = trustIn(t, operatorOf(t, w.operator, change...))
	return w
}

func (w *world) accountText(change ...func(*jwt.AccountClaims)) string {
	w.t.Helper()
	return encode(w.t, w.operator, jwt.NewAccountClaims(w.account.public), change...)
}

func (w *world) open(change ...func(*jwt.AccountClaims)) *Account {
	w.t.Helper()
	a, err := w.trust.Account(w.accountText(change...), now())
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// request is one that is signed as it should be.
func request(t testing.TB, user key, text string) *Request {
	t.Helper()
	nonce := []byte("a nonce")
	signature, err := user.Sign(nonce)
	if err != nil {
		t.Fatal(err)
	}
	return &Request{
		JWT: text, Nonce: nonce, Signature: base64.RawURLEncoding.EncodeToString(signature),
		ConnectionType: jwt.ConnectionTypeStandard, Host: "127.0.0.1",
	}
}

// scoped makes the claims of a user whose rights come from a template.
func scoped(account string) func(*jwt.UserClaims) {
	return func(c *jwt.UserClaims) {
		c.SetScoped(true)
		c.IssuerAccount = account
	}
}

// connect goes the whole way of a connection.
func connect(trust *Trust, a *Account, r *Request, at time.Time) (*User, error) {
	c, err := trust.Open(r, at)
	if err != nil {
		return nil, err
	}
	return a.Admit(c, r, at)
}

// wantRefusal checks that an error is a refusal whose text begins so.
func wantRefusal(t testing.TB, err error, text string) *Refusal {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) {
		t.Fatalf("error %v, want the refusal %q", err, text)
	}
	if !strings.HasPrefix(r.Text, text) {
		t.Fatalf("refused with %q, want %q", r.Text, text)
	}
	return r
}

// wantError checks the text of an error; empty: there must be none.
func wantError(t testing.TB, err error, part string) {
	t.Helper()
	switch {
	case part == "" && err != nil:
		t.Fatalf("unexpected error: %v", err)
	case part != "" && err == nil:
		t.Fatalf("no error, want %q", part)
	case part != "" && !strings.Contains(err.Error(), part):
		t.Fatalf("error %q, want %q", err, part)
	}
}
