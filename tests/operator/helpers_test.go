package operator_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long tests wait for what must happen.
const patience = 10 * time.Second

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

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

// domain is an operator with its accounts.
type domain struct {
	t        testing.TB
	operator signer
	system   signer
	accounts map[string]string // JWT by account key
}

func newDomain(t testing.TB) *domain {
	d := &domain{t: t, operator: newSigner(t, nkeys.PrefixByteOperator), accounts: make(map[string]string)}
	d.system = newSigner(t, nkeys.PrefixByteAccount)
	d.account(d.system, nil)
	return d
}

// account signs the claims of an account and keeps them for the preload.
func (d *domain) account(key signer, change func(*jwt.AccountClaims)) string {
	d.t.Helper()
	claims := jwt.NewAccountClaims(key.public)
	if change != nil {
		change(claims)
	}
	text := must[string](d.t)(claims.Encode(d.operator))
	d.accounts[key.public] = text
	return text
}

// config is a configuration text for the domain, with what else is given.
func (d *domain) config(more string) string {
	d.t.Helper()
	claims := jwt.NewOperatorClaims(d.operator.public)
	text := must[string](d.t)(claims.Encode(d.operator))
	var b strings.Builder
	fmt.Fprintf(&b, "listen: 127.0.0.1:-1\noperator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload {\n", text, d.system.public)
	for key, account := range d.accounts {
		fmt.Fprintf(&b, "%s: %s\n", key, account)
	}
	return b.String() + "}\n" + more
}

// run starts a server of the domain.
func (d *domain) run(more string) *godwit.Server {
	d.t.Helper()
	o := must[*godwit.Options](d.t)(godwit.ProcessConfigString(d.config(more)))
	o.NoLog, o.Debug = os.Getenv("LOG") == "", os.Getenv("LOG") != ""
	s := must[*godwit.Server](d.t)(godwit.NewServer(o))
	if err := s.ConfigureLogger(); err != nil {
		d.t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(s.Shutdown)
	return s
}

// user signs the claims of a user and returns the option to connect with.
func (d *domain) user(by signer, change func(*jwt.UserClaims)) nats.Option {
	d.t.Helper()
	key := newSigner(d.t, nkeys.PrefixByteUser)
	claims := jwt.NewUserClaims(key.public)
	if change != nil {
		change(claims)
	}
	text := must[string](d.t)(claims.Encode(by))
	return nats.UserJWT(func() (string, error) { return text, nil }, func(nonce []byte) ([]byte, error) { return key.Sign(nonce) })
}

// connect connects and closes at the end of the test.
func connect(t testing.TB, s *godwit.Server, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc := must[*nats.Conn](t)(nats.Connect(s.ClientURL(), append(options, nats.NoReconnect())...))
	t.Cleanup(nc.Close)
	return nc
}
