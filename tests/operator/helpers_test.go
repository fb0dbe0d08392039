package operator_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil { // who runs in parallel here mostly waits
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// newAccount is a key for an account, or one that signs for it.
func newAccount(t testing.TB) kit.Signer { return kit.NewSigner(t, nkeys.PrefixByteAccount) }

// newOperatorKey is a key for an operator, or one that signs for it.
func newOperatorKey(t testing.TB) kit.Signer { return kit.NewSigner(t, nkeys.PrefixByteOperator) }

// domain is an operator with its accounts.
type domain struct {
	t        testing.TB
	operator kit.Signer
	system   kit.Signer
	claims   func(*jwt.OperatorClaims) // changes those of the operator; may be nil
	accounts map[string]string         // JWT by account key
	signed   string                    // the operator's JWT, once it was needed
}

func newDomain(t testing.TB) *domain {
	d := &domain{t: t, operator: newOperatorKey(t), accounts: make(map[string]string)}
	d.system = newAccount(t)
	d.account(d.system, nil)
	return d
}

// text is the operator's JWT, always the same.
func (d *domain) text() string {
	d.t.Helper()
	if d.signed != "" {
		return d.signed
	}
	claims := jwt.NewOperatorClaims(d.operator.Public)
	if d.claims != nil {
		d.claims(claims)
	}
	d.signed = kit.Must[string](d.t)(claims.Encode(d.operator))
	return d.signed
}

// account signs the claims of an account and keeps them for the preload.
func (d *domain) account(key kit.Signer, change func(*jwt.AccountClaims)) string {
	d.t.Helper()
	return d.accountBy(d.operator, key, change)
}

// accountBy is account with another signer.
func (d *domain) accountBy(by, key kit.Signer, change func(*jwt.AccountClaims)) string {
	d.t.Helper()
	claims := jwt.NewAccountClaims(key.Public)
	if change != nil {
		change(claims)
	}
	text := kit.Must[string](d.t)(claims.Encode(by))
	d.accounts[key.Public] = text
	return text
}

// preload is the part of a configuration that brings the accounts.
func (d *domain) preload() string {
	var b strings.Builder
	b.WriteString("resolver_preload {\n")
	for key, account := range d.accounts {
		fmt.Fprintf(&b, "%s: %s\n", key, account)
	}
	return b.String() + "}\n"
}

// config is a configuration text for the domain, with what else is given.
func (d *domain) config(more string) string {
	d.t.Helper()
	return fmt.Sprintf("listen: 127.0.0.1:-1\noperator: %s\nsystem_account: %s\nresolver: MEMORY\n%s%s",
		d.text(), d.system.Public, d.preload(), more)
}

// run starts a server of the domain that has the claims in memory.
func (d *domain) run(more string) *godwit.Server {
	d.t.Helper()
	return start(d.t, d.config(more))
}

// directory starts a server of the domain that keeps claims in a directory.
func (d *domain) directory(more ...string) *godwit.Server {
	d.t.Helper()
	return start(d.t, d.directoryConfig(d.t.TempDir(), more...))
}

func (d *domain) directoryConfig(path string, more ...string) string {
	d.t.Helper()
	return fmt.Sprintf("listen: 127.0.0.1:-1\noperator: %s\nsystem_account: %s\n"+
		"resolver: { type: full, dir: '%s', allow_delete: true, interval: \"1m\" }\nresolver_preload { %s: %s }\n%s",
		d.text(), d.system.Public, path, d.system.Public, d.accounts[d.system.Public], strings.Join(more, "\n"))
}

// make makes a server of a configuration text and returns why there is none.
func prepare(t testing.TB, config string) (*godwit.Server, error) {
	t.Helper()
	o, err := godwit.ProcessConfigString(config)
	if err != nil {
		return nil, err
	}
	o.NoLog, o.Debug = os.Getenv("LOG") == "", os.Getenv("LOG") != ""
	s, err := godwit.NewServer(o)
	if err != nil {
		return nil, err
	}
	kit.OK(t, s.ConfigureLogger())
	t.Cleanup(s.Shutdown)
	return s, nil
}

// start starts a server with a configuration text.
func start(t testing.TB, config string) *godwit.Server {
	t.Helper()
	s := kit.Must[*godwit.Server](t)(prepare(t, config))
	kit.OK(t, s.Start())
	return s
}

// configured is a server with a configuration file that can be changed.
type configured struct {
	*godwit.Server
	t    testing.TB
	file string
}

func startFile(t testing.TB, config string) *configured {
	t.Helper()
	c := &configured{t: t, file: filepath.Join(t.TempDir(), "server.conf")}
	c.write(config)
	o := kit.Must[*godwit.Options](t)(godwit.ProcessConfigFile(c.file))
	o.NoLog = true
	c.Server = kit.Must[*godwit.Server](t)(godwit.NewServer(o))
	kit.OK(t, c.Start())
	t.Cleanup(c.Shutdown)
	return c
}

func (c *configured) write(config string) {
	c.t.Helper()
	kit.OK(c.t, os.WriteFile(c.file, []byte(config), 0o600))
}

// reload gives the server another configuration.
func (c *configured) reload(config string) error {
	c.t.Helper()
	c.write(config)
	return c.Reload()
}

// user signs the claims of a user and returns the option to connect with.
func (d *domain) user(by kit.Signer, change func(*jwt.UserClaims)) nats.Option {
	d.t.Helper()
	return user(d.t, by, change)
}

func user(t testing.TB, by kit.Signer, change func(*jwt.UserClaims)) nats.Option {
	t.Helper()
	key := kit.NewSigner(t, nkeys.PrefixByteUser)
	return kit.As(by.User(t, key, change), key)
}

// scoped is a user who gets the rights that a signing key of the account gives.
func scoped(t testing.TB, by, account kit.Signer, change func(*jwt.UserClaims)) nats.Option {
	t.Helper()
	return user(t, by, func(c *jwt.UserClaims) {
		c.IssuerAccount = account.Public
		c.SetScoped(true)
		if change != nil {
			change(c)
		}
	})
}

// bearer connects with a JWT alone.
func bearer(text string) nats.Option {
	return nats.UserJWT(func() (string, error) { return text, nil }, func([]byte) ([]byte, error) { return nil, nil })
}

// connect connects and closes at the end of the test.
func connect(t testing.TB, s *godwit.Server, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc := kit.Must[*nats.Conn](t)(nats.Connect(s.ClientURL(), append([]nats.Option{nats.NoReconnect()}, options...)...))
	t.Cleanup(nc.Close)
	return nc
}

// refused expects that somebody may not connect.
func refused(t testing.TB, s *godwit.Server, options ...nats.Option) {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL(), append(options, nats.NoReconnect())...)
	if !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("connected with %v", err)
		nc.Close()
	}
}

// watch returns what a connection is told by the server, its end as io.EOF or nil.
func watch(nc *nats.Conn) <-chan error {
	told := make(chan error, 16)
	nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { told <- err })
	nc.SetClosedHandler(func(*nats.Conn) { close(told) })
	return told
}

// receives expects a message that was published before.
func receives(t testing.TB, sub *kit.Inbox, text string) {
	t.Helper()
	if m := sub.Next(); string(m.Data) != text {
		t.Fatalf("%s: got %q, want %q", sub.Subject, m.Data, text)
	}
}

// silent expects that nothing has come, after all that was published before.
func silent(t testing.TB, nc *nats.Conn, sub *kit.Inbox) {
	t.Helper()
	if n := sub.Count(nc); n != 0 {
		t.Fatalf("%s: %d messages", sub.Subject, n)
	}
}

// publish publishes, and waits until the server has dealt with it.
func publish(t testing.TB, nc *nats.Conn, subject, text string) {
	t.Helper()
	kit.OK(t, nc.Publish(subject, []byte(text)))
	kit.OK(t, nc.Flush())
}

// answer is how the server tells what became of claims.
type answer struct {
	Data, Error *struct {
		Account, Message, Description string
		Code                          int
	}
}

// ask sends a request in the system account.
func ask(t testing.TB, nc *nats.Conn, subject, body string) (a answer) {
	t.Helper()
	m := kit.Must[*nats.Msg](t)(nc.Request(subject, []byte(body), kit.Patience))
	if err := json.Unmarshal(m.Data, &a); err != nil {
		t.Fatalf("%s: %v in %q", subject, err, m.Data)
	}
	return a
}

// push sends claims of an account in, which must be good.
func push(t testing.TB, admin *nats.Conn, text string) {
	t.Helper()
	claims := kit.Must[*jwt.AccountClaims](t)(jwt.DecodeAccountClaims(text))
	if got := ask(t, admin, "$SYS.REQ.ACCOUNT."+claims.Subject+".CLAIMS.UPDATE", text); got.Data == nil {
		t.Fatalf("update: %+v", got.Error)
	}
}

// identity is what $SYS.REQ.USER.INFO says.
type identity struct {
	User        string
	Account     string
	Permissions *struct {
		Publish, Subscribe struct{ Allow, Deny []string }
		Responses          *struct {
			Max int
			TTL time.Duration
		}
	}
	Expires time.Duration
}

func whoami(t testing.TB, nc *nats.Conn) identity {
	t.Helper()
	m := kit.Must[*nats.Msg](t)(nc.Request("$SYS.REQ.USER.INFO", nil, kit.Patience))
	var info struct{ Data identity }
	if err := json.Unmarshal(m.Data, &info); err != nil {
		t.Fatalf("%v in %s", err, m.Data)
	}
	return info.Data
}

// accountz describes an account.
func accountz(t testing.TB, s *godwit.Server, account string) *godwit.Accountz {
	t.Helper()
	return kit.Must[*godwit.Accountz](t)(s.Accountz(&godwit.AccountzOptions{Account: account}))
}
