package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

const patience = 15 * time.Second

// binaries are built once for all tests.
var binaries = map[string]string{}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for name, build := range map[string][]string{
		"godwit":      {"build", "-C", "..", "-race", "-o", filepath.Join(dir, "godwit"), "./cmd/godwit"},
		"nats-server": {"build", "-o", filepath.Join(dir, "nats-server"), "github.com/nats-io/nats-server/v2"},
		"nats":        {"build", "-o", filepath.Join(dir, "nats"), "github.com/nats-io/natscli/nats"},
	} {
		if out, err := exec.Command("go", build...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", name, err, out)
			os.Exit(1)
		}
		binaries[name] = filepath.Join(dir, name)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// server is a running process.
type server struct {
	t    *testing.T
	name string
	port int
	args []string
	cmd  *exec.Cmd
	log  string
}

// both runs a scenario against both servers.
func both(t *testing.T, config string, scenario func(t *testing.T, s *server)) {
	for _, name := range []string{"godwit", "nats-server"} {
		t.Run(name, func(t *testing.T) { scenario(t, startServer(t, name, config)) })
	}
}

// startServer starts a binary with a configuration text.
func startServer(t *testing.T, name, config string, args ...string) *server {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "server.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, name: name, port: freePort(t), log: filepath.Join(dir, "log")}
	s.args = append([]string{"-c", file, "-a", "127.0.0.1", "-p", fmt.Sprint(s.port)}, args...)
	s.start()
	t.Cleanup(func() {
		s.stop(syscall.SIGKILL)
		if t.Failed() {
			text, _ := os.ReadFile(s.log)
			t.Logf("log of %s:\n%s", name, text)
		}
	})
	return s
}

func (s *server) start() {
	s.t.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command(binaries[s.name], s.args...)
	s.cmd.Stderr = log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, s.name+" listens", func() bool {
		conn, err := net.Dial("tcp", s.address())
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// stop sends a signal and returns the exit code.
func (s *server) stop(sig os.Signal) int {
	s.cmd.Process.Signal(sig)
	s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

func (s *server) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }
func (s *server) url() string     { return "nats://" + s.address() }

// connect connects the stock client.
func (s *server) connect(o ...nats.Option) *nats.Conn {
	s.t.Helper()
	nc, err := nats.Connect(s.url(), o...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nc.Close)
	return nc
}

// cli runs the nats tool and returns what it prints.
func (s *server) cli(args ...string) (string, error) {
	cmd := exec.Command(binaries["nats"], append([]string{"--server", s.url(), "--no-context"}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+filepath.Dir(s.log), "XDG_CONFIG_HOME="+filepath.Dir(s.log))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *server) mustCLI(args ...string) string {
	s.t.Helper()
	out, err := s.cli(args...)
	if err != nil {
		s.t.Fatalf("nats %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// await receives with a bound.
func await[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("never happened: %s", what)
		panic("unreachable")
	}
}

// certificate writes a self-signed certificate and returns its files and what
// clients need.
func certificate(t *testing.T) (certFile, keyFile string, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return certFile, keyFile, &tls.Config{RootCAs: pool}
}
