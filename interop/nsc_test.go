package interop

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// nsc is the tool that people manage operators with, with a store of its own.
type nsc struct {
	t           *testing.T
	binary, dir string
}

// buildNsc builds the tool.
func buildNsc(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "nsc")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/nats-io/nsc/v2").CombinedOutput(); err != nil {
		t.Fatalf("build nsc: %v\n%s", err, out)
	}
	return binary
}

// run runs it and returns what it prints.
func (n *nsc) run(args ...string) string {
	n.t.Helper()
	cmd := exec.Command(n.binary, append([]string{"--all-dirs", filepath.Join(n.dir, "store")}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+n.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		n.t.Fatalf("nsc %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// claims is an account's JWT in the store.
func (n *nsc) claims(account string) string {
	n.t.Helper()
	text, err := os.ReadFile(filepath.Join(n.dir, "store", "O", "accounts", account, account+".jwt"))
	if err != nil {
		n.t.Fatal(err)
	}
	return string(text)
}

func (n *nsc) credentials(account, user string) nats.Option {
	return nats.UserCredentials(filepath.Join(n.dir, "store", "creds", "O", account, user+".creds"))
}

// An operator and its accounts are made, sent in, changed, fetched and removed with
// the stock tool, and with the configuration that it writes.
func TestNsc(t *testing.T) {
	binary := buildNsc(t)
	for _, name := range []string{"godwit", "nats-server"} {
		t.Run(name, func(t *testing.T) {
			n := &nsc{t, binary, t.TempDir()}
			n.run("add", "operator", "-n", "O", "--sys")
			for _, account := range []string{"A", "B", "C"} {
				n.run("add", "account", account)
				n.run("add", "user", "-a", account, "u")
			}
			jwts := filepath.Join(n.dir, "jwt")
			config := n.run("generate", "config", "--nats-resolver", "--sys-account", "SYS")
			config = strings.NewReplacer("'./jwt'", "'"+jwts+"'", "allow_delete: false", "allow_delete: true").Replace(config)
			s := startServer(t, name, config)
			n.run("edit", "operator", "--account-jwt-server-url", s.url())

			if out := n.run("push", "-A"); strings.Contains(out, "ERR") || !strings.Contains(out, "pushed") {
				t.Errorf("push: %s", out)
			}
			ended := make(chan error, 8)
			told := nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { ended <- err })
			connect := func(account string) *nats.Conn {
				t.Helper()
				return s.connect(n.credentials(account, "u"), nats.NoReconnect(), told)
			}
			a := connect("A")
			sub, err := a.SubscribeSync("x")
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Publish("x", []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if m, err := sub.NextMsg(patience); err != nil || string(m.Data) != "hello" {
				t.Errorf("got %v, %v", m, err)
			}

			// An update takes effect, and a pull brings back what the server has.
			n.run("edit", "account", "A", "--conns", "1")
			n.run("push", "-a", "A")
			pushed := n.claims("A")
			if _, err := nats.Connect(s.url(), n.credentials("A", "u")); !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
				t.Errorf("above the new limit: %v", err)
			}
			n.run("edit", "account", "A", "--conns", "2")
			if n.claims("A") == pushed {
				t.Fatal("the store has not changed")
			}
			n.run("pull", "-A", "--overwrite-newer")
			if n.claims("A") != pushed {
				t.Error("pull has not brought what was pushed")
			}

			// A revoked user has to go, and stays out.
			n.run("revocations", "add-user", "-a", "A", "-n", "u")
			n.run("push", "-a", "A")
			if err := await(t, "the end of the revoked user", ended); !errors.Is(err, nats.ErrAuthRevoked) {
				t.Errorf("told %v", err)
			}
			if _, err := nats.Connect(s.url(), n.credentials("A", "u")); !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("the revoked user: %v", err)
			}

			// Accounts are removed one by one, or because the store does not know them.
			connect("B")
			connect("C")
			n.run("push", "--account-removal", "B")
			if err := await(t, "the end of account B", ended); !errors.Is(err, nats.ErrAccountAuthExpired) {
				t.Errorf("told %v", err)
			}
			credentials := filepath.Join(n.dir, "c.creds")
			text, err := os.ReadFile(filepath.Join(n.dir, "store", "creds", "O", "C", "u.creds"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(credentials, text, 0o600); err != nil {
				t.Fatal(err)
			}
			n.run("delete", "account", "C", "--force", "--revoke=false")
			n.run("push", "--prune")
			if err := await(t, "the end of account C", ended); !errors.Is(err, nats.ErrAccountAuthExpired) {
				t.Errorf("told %v", err)
			}
			if _, err := nats.Connect(s.url(), nats.UserCredentials(credentials)); !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("a user of a pruned account: %v", err)
			}
			n.run("edit", "account", "B", "--conns", "5")
			n.run("push", "-a", "B")
			s.connect(n.credentials("B", "u"))
		})
	}
}
