package security_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// signature is what CONNECT says to prove that the key is there.
func signature(t testing.TB, s kit.Signer, nonce string) string {
	t.Helper()
	return base64.RawURLEncoding.EncodeToString(kit.Must[[]byte](t)(s.Sign([]byte(nonce))))
}

// domain is an operator with its accounts.
type domain struct {
	t                testing.TB
	operator, system kit.Signer
	accounts         map[string]string // claims by account
}

func newDomain(t testing.TB) *domain {
	d := &domain{t: t, operator: kit.NewSigner(t, nkeys.PrefixByteOperator), system: kit.NewSigner(t, nkeys.PrefixByteAccount)}
	d.accounts = make(map[string]string)
	d.account(d.system, nil)
	return d
}

// account signs the claims of an account and keeps them for the server.
func (d *domain) account(key kit.Signer, change func(*jwt.AccountClaims)) string {
	d.t.Helper()
	d.accounts[key.Public] = d.operator.Account(d.t, key, change)
	return d.accounts[key.Public]
}

// config is a configuration in which the server keeps claims in a directory, or in
// memory if there is none.
func (d *domain) config(directory string) string {
	d.t.Helper()
	operator := kit.Must[string](d.t)(jwt.NewOperatorClaims(d.operator.Public).Encode(d.operator))
	var b strings.Builder
	fmt.Fprintf(&b, "operator: %s\nsystem_account: %s\n", operator, d.system.Public)
	if directory == "" {
		b.WriteString("resolver: MEMORY\n")
	} else {
		fmt.Fprintf(&b, "resolver { type: full, dir: %q, allow_delete: true, interval: \"1m\" }\n", directory)
	}
	b.WriteString("resolver_preload {\n")
	for key, text := range d.accounts {
		fmt.Fprintf(&b, "%s: %s\n", key, text)
	}
	return b.String() + "}\n"
}

// claims signs the claims of a user.
func (d *domain) claims(key, by kit.Signer, change func(*jwt.UserClaims)) string {
	d.t.Helper()
	claims := jwt.NewUserClaims(key.Public)
	if change != nil {
		change(claims)
	}
	return kit.Must[string](d.t)(claims.Encode(by))
}

// user is a new user of an account.
func (d *domain) user(by kit.Signer, change func(*jwt.UserClaims)) nats.Option {
	d.t.Helper()
	key := kit.NewSigner(d.t, nkeys.PrefixByteUser)
	return credentials(key, d.claims(key, by, change))
}

func credentials(key kit.Signer, text string) nats.Option {
	return nats.UserJWT(func() (string, error) { return text, nil }, func(nonce []byte) ([]byte, error) { return key.Sign(nonce) })
}

// forge makes claims of any content, signed by a key that need not fit.
func forge(t testing.TB, header, claims any, by nkeys.KeyPair) string {
	t.Helper()
	encode := func(v any) string {
		text, isText := v.(string)
		if !isText {
			text = string(kit.Must[[]byte](t)(json.Marshal(v)))
		}
		return base64.RawURLEncoding.EncodeToString([]byte(text))
	}
	signed := encode(header) + "." + encode(claims)
	return signed + "." + base64.RawURLEncoding.EncodeToString(kit.Must[[]byte](t)(by.Sign([]byte(signed))))
}

// nonce is the one of a greeting.
func nonce(w *kit.Wire) string {
	text, _ := w.Info["nonce"].(string)
	return text
}

// tryConnect sends a CONNECT and reports what follows.
func tryConnect(t testing.TB, w *kit.Wire, fields map[string]any) (admitted bool, text string) {
	t.Helper()
	fields["verbose"], fields["pedantic"] = false, false
	w.Send("CONNECT "+string(kit.Must[[]byte](t)(json.Marshal(fields))), "PING")
	text = w.Line()
	return text == "PONG", text
}

// served checks that a user of the domain can still connect.
func (d *domain) served(s *godwit.Server, by kit.Signer) {
	d.t.Helper()
	kit.Connect(d.t, s, "", d.user(by, nil))
}
