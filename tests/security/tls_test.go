package security_test

import (
	"bufio"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509/pkix"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// A session that began when a certificate was trusted is not resumed where it is
// not, or no longer: neither after a reload nor on another listener.
func TestResumedSessionsAreVerifiedAnew(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			dir := t.TempDir()
			trusted, other := kit.NewAuthority(t), kit.NewAuthority(t)
			own := trusted.Server()
			file := filepath.Join(dir, "server.conf")
			configure := func(ca, webCA *kit.Authority) {
				block := fmt.Sprintf("cert_file: %q, key_file: %q, verify: true", own.File, own.KeyFile)
				kit.OK(t, os.WriteFile(file, fmt.Appendf(nil,
					"listen: '127.0.0.1:-1'\ntls { %s, ca_file: %q, handshake_first: true }\nwebsocket { listen: '127.0.0.1:-1', tls { %[1]s, ca_file: %[3]q } }\n",
					block, ca.File, webCA.File), 0o600))
			}
			configure(trusted, trusted)
			o := kit.Must[*godwit.Options](t)(godwit.ProcessConfigFile(file))
			o.NoLog = true
			s := godwittest.Run(t, o)
			plain, web := s.Addr().String(), strings.TrimPrefix(webURL(t, s), "wss://")
			client := trusted.Issue(pkix.Name{CommonName: "u"})
			// visitor keeps the sessions of one client.
			visitor := func() *tls.Config {
				return &tls.Config{
					RootCAs: trusted.Pool, Certificates: []tls.Certificate{client.Certificate}, MinVersion: version, MaxVersion: version,
					ServerName: "127.0.0.1", ClientSessionCache: tls.NewLRUClientSessionCache(4),
				}
			}
			regular, surfer, crossing := visitor(), visitor(), visitor()
			for _, c := range []struct {
				config  *tls.Config
				address string
				visit   func(string, *tls.Config) (bool, error)
			}{{regular, plain, greeted}, {crossing, plain, greeted}, {surfer, web, upgraded}} {
				if resumed, err := c.visit(c.address, c.config); err != nil || resumed {
					t.Fatalf("the first visit: resumed %v, %v", resumed, err)
				}
				if resumed, err := c.visit(c.address, c.config); err != nil || !resumed {
					t.Fatalf("the second visit: resumed %v, %v", resumed, err)
				}
			}
			configure(trusted, other)
			kit.OK(t, s.Reload())
			for name, config := range map[string]*tls.Config{"of the client listener": crossing, "of WebSocket": surfer, "none": visitor()} {
				if resumed, err := upgraded(web, config); err == nil {
					t.Errorf("session %s: let in over WebSocket, resumed: %v", name, resumed)
				}
			}
			configure(other, other)
			kit.OK(t, s.Reload())
			for name, config := range map[string]*tls.Config{"of before": regular, "none": visitor()} {
				if resumed, err := greeted(plain, config); err == nil {
					t.Errorf("session %s: let in, resumed: %v", name, resumed)
				}
			}
		})
	}
}

// greeted connects and waits for INFO, with which the server has accepted the
// certificate.
func greeted(address string, config *tls.Config) (resumed bool, err error) {
	return exchanged(address, config, "", "INFO {")
}

// upgraded makes a WebSocket handshake.
func upgraded(address string, config *tls.Config) (resumed bool, err error) {
	return exchanged(address, config, upgradeRequest("/", ""), "HTTP/1.1 101 ")
}

// exchanged sends a request over TLS and checks how the answer begins.
func exchanged(address string, config *tls.Config, request, want string) (resumed bool, err error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: kit.Patience}, "tcp", address, config)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(kit.Patience)); err != nil {
		return false, err
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return false, err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, want) {
		err = fmt.Errorf("answered %q", line)
	}
	return conn.ConnectionState().DidResume, err
}

// However TLS is switched on, the same suites are to be had, and none that is known
// to be insecure.
func TestCipherSuitesOfTheCommandLine(t *testing.T) {
	ca := kit.NewAuthority(t)
	own := ca.IssueFor(kit.Must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048)), pkix.Name{CommonName: "u"}, "127.0.0.1")
	nothing := func() {}
	for name, args := range map[string][]string{
		"flags": {"-a", "127.0.0.1", "-p", "-1", "--tls", "--tlscert", own.File, "--tlskey", own.KeyFile},
		"file":  {"-a", "127.0.0.1", "-p", "-1", "-c", writeFile(t, fmt.Sprintf("tls { cert_file: %q, key_file: %q }", own.File, own.KeyFile))},
	} {
		o := kit.Must[*godwit.Options](t)(godwit.ConfigureOptions(flag.NewFlagSet("godwit", flag.ContinueOnError), args, nothing, nothing, nothing))
		o.NoLog = true
		s := godwittest.Run(t, o)
		handshake := func(version, suite uint16) error {
			w := kit.Dial(t, s.Addr())
			return tls.Client(w.Conn, &tls.Config{RootCAs: ca.Pool, ServerName: "127.0.0.1", MinVersion: version, MaxVersion: version, CipherSuites: []uint16{suite}}).Handshake()
		}
		secure := make(map[uint16]bool)
		for _, suite := range tls.CipherSuites() {
			secure[suite.ID] = true
		}
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			if suite.SupportedVersions[0] > tls.VersionTLS12 || strings.Contains(suite.Name, "ECDSA") {
				continue
			}
			if err := handshake(tls.VersionTLS12, suite.ID); (err == nil) != secure[suite.ID] {
				t.Errorf("%s: %s: %v", name, suite.Name, err)
			}
		}
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
			if handshake(version, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA) == nil {
				t.Errorf("%s: %s", name, tls.VersionName(version))
			}
		}
	}
}

func writeFile(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.conf")
	kit.OK(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}
