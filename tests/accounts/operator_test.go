package accounts_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// twoByClaims starts a server whose operator has signed an exporter and an importer
// of a stream.
func twoByClaims(t testing.TB, exported, imported string) (exporter, importer *nats.Conn) {
	t.Helper()
	operator, system := kit.NewSigner(t, nkeys.PrefixByteOperator), kit.NewSigner(t, nkeys.PrefixByteAccount)
	e, i := kit.NewSigner(t, nkeys.PrefixByteAccount), kit.NewSigner(t, nkeys.PrefixByteAccount)
	of, to := jwt.NewAccountClaims(e.Public), jwt.NewAccountClaims(i.Public)
	of.Exports.Add(&jwt.Export{Name: "stream", Subject: jwt.Subject(exported), Type: jwt.Stream})
	to.Imports.Add(&jwt.Import{Name: "stream", Subject: jwt.Subject(imported), Account: e.Public, Type: jwt.Stream})
	text := fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload {\n",
		kit.Must[string](t)(jwt.NewOperatorClaims(operator.Public).Encode(operator)), system.Public)
	for _, claims := range []*jwt.AccountClaims{jwt.NewAccountClaims(system.Public), of, to} {
		text += claims.Subject + ": " + kit.Must[string](t)(claims.Encode(operator)) + "\n"
	}
	s := godwittest.RunConfig(t, text+"}")
	return kit.Connect(t, s, "", e.NewUser(t, nil)), kit.Connect(t, s, "", i.NewUser(t, nil))
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
				s := godwittest.RunConfig(t, streamPair(fmt.Sprintf("{stream: %q}", c.exported), fmt.Sprintf("{stream: {account: E, subject: %q}}", c.imported)))
				e, i = kit.Connect(t, s, "e"), kit.Connect(t, s, "i")
			}
			all, exporters := kit.Subscribe(t, i, ">"), kit.Subscribe(t, e, ">")
			for _, from := range []*nats.Conn{e, i} {
				for _, subject := range []string{c.published, "fizz"} {
					publish(t, from, subject, map[*nats.Conn]string{e: "E", i: "I"}[from])
				}
				kit.Flush(t, from)
			}
			want := []string{c.published + "=E", c.published + "=I", "fizz=I"}
			if got := all.Take(); !slices.Equal(got, want) {
				t.Errorf("%+v, signed %t: the importer got %q", c, signed, got)
			}
			if got := exporters.Take(); !slices.Equal(got, []string{c.published + "=E", "fizz=E"}) {
				t.Errorf("%+v, signed %t: the exporter got %q", c, signed, got)
			}
		}
	}
}
