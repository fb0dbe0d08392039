package accounts_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
)

// signer is a key pair with its public key.
type signer struct {
	nkeys.KeyPair
	public string
}

func newSigner(t testing.TB, kind nkeys.PrefixByte) signer {
	t.Helper()
	pair := must[nkeys.KeyPair](t)(nkeys.CreatePair(kind))
	return signer{pair, must[string](t)(pair.PublicKey())}
}

// login connects as a user of an account that an operator has signed.
func (account signer) login(t testing.TB, s *godwit.Server) *nats.Conn {
	t.Helper()
	user := newSigner(t, nkeys.PrefixByteUser)
	claims := must[string](t)(jwt.NewUserClaims(user.public).Encode(account))
	return connect(t, s, "", nats.UserJWT(
		func() (string, error) { return claims, nil }, func(nonce []byte) ([]byte, error) { return user.Sign(nonce) },
	))
}

// twoByClaims starts a server whose operator has signed an exporter and an importer
// of a stream.
func twoByClaims(t testing.TB, exported, imported string) (exporter, importer *nats.Conn) {
	t.Helper()
	operator, system := newSigner(t, nkeys.PrefixByteOperator), newSigner(t, nkeys.PrefixByteAccount)
	e, i := newSigner(t, nkeys.PrefixByteAccount), newSigner(t, nkeys.PrefixByteAccount)
	of, to := jwt.NewAccountClaims(e.public), jwt.NewAccountClaims(i.public)
	of.Exports.Add(&jwt.Export{Name: "stream", Subject: jwt.Subject(exported), Type: jwt.Stream})
	to.Imports.Add(&jwt.Import{Name: "stream", Subject: jwt.Subject(imported), Account: e.public, Type: jwt.Stream})
	text := fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload {\n",
		must[string](t)(jwt.NewOperatorClaims(operator.public).Encode(operator)), system.public)
	for _, claims := range []*jwt.AccountClaims{jwt.NewAccountClaims(system.public), of, to} {
		text += claims.Subject + ": " + must[string](t)(claims.Encode(operator)) + "\n"
	}
	s := run(t, text+"}")
	return e.login(t, s), i.login(t, s)
}

// An importer hears what it imports and what is its own, and nothing else; whether
// accounts are configured or signed by an operator.
//
// Go: TestAccountIsolationExportImport server/accounts_test.go:112
func TestIsolationOfImporters(t *testing.T) {
	for _, c := range []struct{ exported, imported, published string }{
		{"foo", "foo", "foo"},
		{"foo.>", "foo.bar", "foo.bar"},
		{"foo.>", "foo.bar.>", "foo.bar.whizz"},
		{"foo.>", "foo.>", "foo.bar"},
		{"foo.*", "foo.*", "foo.bar"},
		{"foo.*.bar", "foo.*.bar", "foo.whizz.bar"},
	} {
		for _, signed := range []bool{false, true} {
			var e, i *nats.Conn
			if signed {
				e, i = twoByClaims(t, c.exported, c.imported)
			} else {
				s := run(t, streamPair(fmt.Sprintf("{stream: %q}", c.exported), fmt.Sprintf("{stream: {account: E, subject: %q}}", c.imported)))
				e, i = connect(t, s, "e"), connect(t, s, "i")
			}
			all, exporters := subscribe(t, i, ">"), subscribe(t, e, ">")
			for _, from := range []*nats.Conn{e, i} {
				for _, subject := range []string{c.published, "fizz"} {
					publish(t, from, subject, map[*nats.Conn]string{e: "E", i: "I"}[from])
				}
				flush(t, from)
			}
			want := []string{c.published + "=E", c.published + "=I", "fizz=I"}
			if got := all.take(); !slices.Equal(got, want) {
				t.Errorf("%+v, signed %t: the importer got %q", c, signed, got)
			}
			if got := exporters.take(); !slices.Equal(got, []string{c.published + "=E", "fizz=E"}) {
				t.Errorf("%+v, signed %t: the exporter got %q", c, signed, got)
			}
		}
	}
}
