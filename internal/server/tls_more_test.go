package server

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/options"
)

// certificateFiles are the files that a `tls` block names.
type certificateFiles struct{ cert, key, ca string }

func writePEM(t testing.TB, path, kind string, der []byte) string {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func writeCertificate(t testing.TB, dir, name string, cert tls.Certificate) (certFile, keyFile string) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, filepath.Join(dir, name+".pem"), "CERTIFICATE", cert.Certificate[0]),
		writePEM(t, filepath.Join(dir, name+"-key.pem"), "PRIVATE KEY", key)
}

// files writes a server's certificate and the authority's own.
func (a *authority) files(t testing.TB) certificateFiles {
	t.Helper()
	dir := t.TempDir()
	f := certificateFiles{ca: writePEM(t, filepath.Join(dir, "ca.pem"), "CERTIFICATE", a.cert.Raw)}
	f.cert, f.key = writeCertificate(t, dir, "server", a.server(t).Certificates[0])
	return f
}

// block is a `tls` block with more keys.
func (f certificateFiles) block(more string) string {
	return fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, timeout: 5\n%s }\n", f.cert, f.key, f.ca, more)
}

// secured dials, makes the handshake and connects.
func secured(t testing.TB, s *Server, config *tls.Config, keys ...string) *peer {
	t.Helper()
	p := dial(t, s)
	p.mustSecure(config)
	p.connect(keys...)
	p.sync()
	return p
}

// Go: TestClientCloseTLSConnection server/client_test.go:1530
func TestClosingAStuckTLSConnection(t *testing.T) {
	ca := newAuthority(t)
	s := start(t, &options.Options{TLSConfig: ca.server(t), AllowNonTLS: true, TLSTimeout: 100, WriteDeadline: 500 * time.Millisecond})
	p := dial(t, s)
	p.conn.(*net.TCPConn).SetReadBuffer(16 << 10)
	p.mustSecure(ca.client())
	p.connect(`"tls_required":true`)
	p.send("SUB foo 1\r\n")
	p.sync()
	c := p.connection(s)
	if c.TLSState() == nil || !c.TLSState().State.HandshakeComplete || c.RemoteAddr() == nil {
		t.Errorf("state %v, address %v", c.TLSState(), c.RemoteAddr())
	}
	pub := secured(t, s, ca.client())
	message := strings.Repeat(fmt.Sprintf("PUB foo 60000\r\n%s\r\n", strings.Repeat("x", 60000)), 5)
	eventually(t, "a write that cannot go on", func() bool {
		if c.Reason() != client.Open { // the write deadline was faster
			return true
		}
		pub.send(message)
		return c.Snapshot(false).Pending > 4<<20
	})
	began := time.Now()
	if err := s.DisconnectClientByID(c.ID); err != nil {
		t.Log(err) // the write deadline was faster
	}
	lastClosed(t, s, 1)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
}

// Go: TestTLSClientHandshakeProbeErrorsLogAsDebug server/client_test.go:3571
func TestFailedHandshakesInTheLog(t *testing.T) {
	ca := newAuthority(t)
	verified := ca.server(t)
	verified.ClientAuth, verified.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool
	for _, tc := range []struct {
		name string
		o    options.Options
		act  func(*peer)
		want string
		not  string
	}{
		{"timeout", options.Options{TLSTimeout: 0.01}, func(*peer) {}, "DBG", "ERR"},
		{"plain", options.Options{TLSTimeout: 5}, func(p *peer) { p.send("not tls\r\n") }, "DBG", "ERR"},
		{"not pinned", options.Options{TLSConfig: verified, TLSVerify: true, TLSTimeout: 5,
			TLSPinnedCerts: options.PinnedCertSet{strings.Repeat("ab", 32): {}}},
			func(p *peer) { p.mustSecure(ca.client(ca.issue(t, x509.Certificate{}))) }, "ERR", "DBG"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := tc.o
			if o.TLSConfig == nil {
				o.TLSConfig = ca.server(t)
			}
			s := start(t, &o)
			tc.act(dial(t, s))
			if got := lastClosed(t, s, 1); got != "TLS Handshake Failure" {
				t.Errorf("closed: %s", got)
			}
			found := map[string]int{}
			log := s.Logger().(*capture)
			log.mu.Lock()
			for _, line := range log.lines {
				if strings.Contains(line, "TLS handshake error") || strings.Contains(line, "TLS handshake timeout") {
					found[line[:3]]++
				}
			}
			log.mu.Unlock()
			if found[tc.want] != 1 || found[tc.not] != 0 {
				t.Errorf("got %v", found)
			}
		})
	}
}

// Go: TestTLSConnectionTimeout test/tls_test.go:975
func TestNoHandshakeInTime(t *testing.T) {
	ca := newAuthority(t)
	s := start(t, &options.Options{TLSConfig: ca.server(t), TLSTimeout: 0.25})
	began := time.Now()
	p := dial(t, s)
	p.closed()
	if took := time.Since(began); took < 250*time.Millisecond || took > 5*time.Second {
		t.Errorf("closed after %v", took)
	}
	if got := lastClosed(t, s, 1); got != "TLS Handshake Failure" {
		t.Errorf("closed: %s", got)
	}
}

// Go: TestTLSAuthorizationShortTimeout test/tls_test.go:1013
func TestHandshakesAreNoPartOfTheAuthTimeout(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	s := start(t, &options.Options{TLSConfig: ca.server(t), Username: "u", Password: "p", AuthTimeout: 0.001, TLSTimeout: 5})
	p := dial(t, s)
	var unknown x509.UnknownAuthorityError
	if err := p.secure(stranger.client()); !errors.As(err, &unknown) {
		t.Errorf("got %v", err)
	}
	p = dial(t, s)
	p.silent(30 * time.Millisecond) // longer than the timeout
	p.mustSecure(ca.client())
	p.closed("-ERR 'Authentication Timeout'")
	closedFor(t, s, "Authentication Timeout")
}

// Go: TestTLSStressConnect test/tls_test.go:1116
func TestManyTLSConnections(t *testing.T) {
	ca := newAuthority(t)
	s := start(t, &options.Options{TLSConfig: ca.server(t), TLSTimeout: 5})
	const loops, turns = 3, 33
	url := "tls://" + s.Addr().String()
	once := func(subject string) error {
		nc, err := nats.Connect(url, nats.Secure(ca.client()), nats.Timeout(patience))
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		defer nc.Close()
		sub, err := nc.SubscribeSync(subject)
		if err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
		if err := nc.Publish(subject, []byte("secure data")); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		msg, err := sub.NextMsg(patience)
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		if string(msg.Data) != "secure data" {
			return fmt.Errorf("received %q", msg.Data)
		}
		return nil
	}
	ended := make(chan error, loops)
	for i := range loops {
		go func() {
			var err error
			for n := 0; n < turns && err == nil; n++ {
				err = once(fmt.Sprintf("foo.%d", i))
			}
			ended <- err
		}()
	}
	for range loops {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	eventually(t, "all connections are gone", func() bool { return s.NumClients() == 0 })
	if _, total := s.clients.history(); total != loops*turns {
		t.Errorf("%d connections", total)
	}
}

// Go: TestTLSConnectionCurvePref test/tls_test.go:1177
func TestCurvePreference(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	s := startConfig(t, ca.files(t).block(`curve_preferences: ["CurveP256"]`)+`authorization { user: derek, password: foo }`)
	if curves := s.Options().TLSConfig.CurvePreferences; len(curves) != 1 || curves[0] != tls.CurveP256 {
		t.Errorf("got %v", curves)
	}
	if err := dial(t, s).secure(stranger.client()); err == nil {
		t.Error("a certificate of an unknown authority was accepted")
	}
	p := dial(t, s)
	p.mustSecure(ca.client())
	p.connect()
	p.closed(refused)
	p = secured(t, s, ca.client(), `"user":"derek"`, `"pass":"foo"`)
	if curve := p.conn.(*tls.Conn).ConnectionState().CurveID; curve != tls.CurveP256 {
		t.Errorf("curve %v", curve)
	}
	p.send("SUB foo-tls 1\r\nPUB foo-tls 14\r\nWe are Secure!\r\n")
	p.expect("MSG foo-tls 1 14", "We are Secure!")
}

// issueRSA makes a server's certificate with an RSA key.
func (a *authority) issueRSA(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, crypto.Signer(a.key))
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Go: TestTLSDefaultCipherAndCurvePreferences server/server_test.go:381
func TestCipherSuitesAndCurves(t *testing.T) {
	ca := newAuthority(t)
	dir := t.TempDir()
	settings := options.TLSOptions{Certificates: make([]options.CertificatePair, 2)}
	for i, cert := range []tls.Certificate{ca.issueRSA(t), ca.server(t).Certificates[0]} {
		pair := &settings.Certificates[i]
		pair.CertFile, pair.KeyFile = writeCertificate(t, dir, fmt.Sprint(i), cert)
	}
	generated := func(o options.TLSOptions) *tls.Config {
		config, err := options.GenTLSConfig(&o)
		if err != nil {
			t.Fatal(err)
		}
		return config
	}
	all := generated(settings) // the defaults
	open := func(s *Server, config *tls.Config) (tls.ConnectionState, error) {
		conn, err := tls.Dial("tcp", s.Addr().String(), config)
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer conn.Close()
		return conn.ConnectionState(), nil
	}
	tried := 0
	for _, suite := range all.CipherSuites {
		if !speaks12(suite) {
			continue
		}
		tried++
		o := settings
		o.Ciphers = []uint16{suite}
		config := generated(o)
		config.MaxVersion = tls.VersionTLS12
		s := start(t, &options.Options{TLSConfig: config, TLSHandshakeFirst: true, TLSTimeout: 5})
		client := ca.client()
		client.MaxVersion, client.CipherSuites = tls.VersionTLS12, []uint16{suite}
		if state, err := open(s, client); err != nil || state.CipherSuite != suite {
			t.Errorf("%s: %v, got %s", tls.CipherSuiteName(suite), err, tls.CipherSuiteName(state.CipherSuite))
		}
		client.CipherSuites = without(all.CipherSuites, suite)
		if _, err := open(s, client); err == nil {
			t.Errorf("%s: another suite is accepted", tls.CipherSuiteName(suite))
		}
	}
	if tried < 4 {
		t.Errorf("only %d suites of TLS 1.2 by default", tried)
	}
	if len(all.CurvePreferences) < 7 {
		t.Errorf("curves by default: %v", all.CurvePreferences)
	}
	for _, curve := range all.CurvePreferences {
		o := settings
		o.CurvePreferences, o.MinVersion = []tls.CurveID{curve}, tls.VersionTLS13
		s := start(t, &options.Options{TLSConfig: generated(o), TLSHandshakeFirst: true, TLSTimeout: 5})
		client := ca.client()
		client.MinVersion, client.CurvePreferences = tls.VersionTLS13, []tls.CurveID{curve}
		if state, err := open(s, client); err != nil || state.CurveID != curve {
			t.Errorf("%v: %v, got %v", curve, err, state.CurveID)
		}
		client.CurvePreferences = without(all.CurvePreferences, curve)
		if _, err := open(s, client); err == nil {
			t.Errorf("%v: another curve is accepted", curve)
		}
	}
}

// speaks12 reports whether a cipher suite is one of TLS 1.2.
func speaks12(id uint16) bool {
	for _, suite := range tls.CipherSuites() {
		if suite.ID == id {
			return bytes.Contains(versions(suite), []byte{3, 3})
		}
	}
	return false
}

func versions(suite *tls.CipherSuite) (b []byte) {
	for _, v := range suite.SupportedVersions {
		b = append(b, byte(v>>8), byte(v))
	}
	return b
}

func without[T comparable](list []T, one T) (rest []T) {
	for _, x := range list {
		if x != one {
			rest = append(rest, x)
		}
	}
	return rest
}

// TestVersionsOfTLS: min_version counts, and monitoring names the version.
func TestVersionsOfTLS(t *testing.T) {
	ca := newAuthority(t)
	files := ca.files(t)
	s := startConfig(t, files.block(`min_version: "1.2"`))
	for version, want := range map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"} {
		config := ca.client()
		config.MinVersion, config.MaxVersion = version, version
		p := secured(t, s, config)
		snap := p.connection(s).Snapshot(false)
		if suite := p.conn.(*tls.Conn).ConnectionState().CipherSuite; snap.TLSVersion != want || snap.TLSCipher != tls.CipherSuiteName(suite) {
			t.Errorf("got %s, %s", snap.TLSVersion, snap.TLSCipher)
		}
	}
	s = startConfig(t, files.block(`min_version: "1.3"`))
	config := ca.client()
	config.MaxVersion = tls.VersionTLS12
	if err := dial(t, s).secure(config); err == nil || !strings.Contains(err.Error(), "protocol version not supported") {
		t.Errorf("TLS 1.2: %v", err)
	}
	secured(t, s, ca.client())
}

// Go: TestTLSClientCertificateNoSubjectWithSANAuth test/tls_test.go:439
// Go: TestTLSClientCertificateCheckWithAllowedConnectionTypes test/tls_test.go:165
func TestCertificateWithoutSubject(t *testing.T) {
	ca := newAuthority(t)
	files := ca.files(t)
	cert := ca.issue(t, x509.Certificate{DNSNames: []string{"localhost"}})
	s := startConfig(t, files.block(`verify_and_map: true`)+`authorization { users = [{ user: "localhost" }] }`)
	if user := secured(t, s, ca.client(cert)).connection(s).Snapshot(false).User; user != "localhost" {
		t.Errorf("user %q", user)
	}
	p := dial(t, s)
	if p.secure(ca.client()) == nil { // TLS 1.3 tells the client late
		p.conn.Write([]byte("CONNECT {}\r\nPING\r\n"))
		if line, err := p.read(); err == nil {
			t.Errorf("without a certificate: %q", line)
		}
	}
	if got := lastClosed(t, s, 1); got != "TLS Handshake Failure" {
		t.Errorf("closed: %s", got)
	}

	s = startConfig(t, files.block(`verify_and_map: true`)+
		`authorization { users = [{ user: "localhost", permissions: { publish: "foo" }, allowed_connection_types: ["WEBSOCKET"] }] }`)
	p = dial(t, s)
	p.mustSecure(ca.client(cert))
	p.connect()
	p.closed(refused)
}

// Go: TestTLSClientCertificateTLSAuthMultipleOptions test/tls_test.go:547
func TestPermissionsByCertificate(t *testing.T) {
	ca := newAuthority(t)
	subject := pkix.Name{CommonName: "www.nats.io"}
	names := func(dns ...string) tls.Certificate {
		return ca.issue(t, x509.Certificate{Subject: subject, DNSNames: dns})
	}
	s := startConfig(t, ca.files(t).block("verify: true\nverify_and_map: true")+`authorization {
		permissions { publish { allow = ["public.>"] }, subscribe { allow = ["public.>"] } }
		users [
			{ user = "CN=www.nats.io" }
			{ user = "*.app.nats.prod", permissions = { publish { allow = [">"] }, subscribe { allow = [">"] } } }
			{ user = "root@app.nats.dev", permissions = {
				publish { allow = ["public.>", "sandbox.>"] }, subscribe { allow = ["public.>", "sandbox.>"] } } }
		]
	}`)
	plain := secured(t, s, ca.client(names("app.nats.dev", "*.app.nats.dev")))
	dev := secured(t, s, ca.client(ca.issue(t, x509.Certificate{Subject: subject, DNSNames: []string{"app.nats.dev"},
		EmailAddresses: []string{"admin@app.nats.dev", "root@app.nats.dev"}})))
	prod := secured(t, s, ca.client(names("app.nats.prod", "*.app.nats.prod")))

	dev.send("PUB foo.bar 2\r\nhi\r\nSUB foo.> 1\r\nSUB sandbox.> 2\r\n")
	dev.expect(`-ERR 'Permissions Violation for Publish to "foo.bar"'`, `-ERR 'Permissions Violation for Subscription to "foo.>"'`)
	dev.sync()
	prod.send("SUB > 1\r\nPUB hello 2\r\nhi\r\n")
	prod.expect("MSG hello 1 2", "hi")
	dev.send("PUB sandbox.foo.bar 3\r\nhi!\r\n")
	dev.expect("MSG sandbox.foo.bar 2 3", "hi!")
	prod.expect("MSG sandbox.foo.bar 1 3", "hi!")
	plain.send("SUB sandbox.> 1\r\nSUB public.> 2\r\n")
	plain.expect(`-ERR 'Permissions Violation for Subscription to "sandbox.>"'`)
	plain.sync()
	dev.send("PUB public.foo.bar 3\r\nhi!\r\n")
	plain.expect("MSG public.foo.bar 2 3", "hi!")
	prod.expect("MSG public.foo.bar 1 3", "hi!")
}

// Go: TestTLSClientAuthWithRDNSequenceReordered test/tls_test.go:1691
func TestNamesOfSeveralValuesInAnyOrder(t *testing.T) {
	ca := newAuthority(t)
	component, organization, common := asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}, asn1.ObjectIdentifier{2, 5, 4, 10}, asn1.ObjectIdentifier{2, 5, 4, 3}
	subject, err := asn1.Marshal(pkix.RDNSequence{
		{{Type: component, Value: "org"}},
		{{Type: component, Value: "OpenSSL"}},
		{{Type: component, Value: "DEV"}, {Type: organization, Value: "users"}},
		{{Type: common, Value: "John Doe"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	cert := ca.issue(t, x509.Certificate{RawSubject: subject})
	files := ca.files(t)
	for user, accepted := range map[string]bool{
		"DC=org,DC=OpenSSL,O=users+DC=DEV,CN=John Doe": true,
		"DC=org,DC=OpenSSL,O=users,CN=John Doe":        false,
		"DC=OpenSSL, DC=org, O=users, CN=John Doe":     false,
	} {
		s := startConfig(t, files.block("verify_and_map: true")+fmt.Sprintf("authorization { users = [{ user = %q }] }", user))
		p := dial(t, s)
		p.mustSecure(ca.client(cert))
		p.connect()
		if accepted {
			p.sync()
		} else {
			p.closed(refused)
		}
	}
}
