package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/options"
)

// authority makes certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &authority{cert, key, pool}
}

// issue makes a certificate of a template with the names set.
func (a *authority) issue(t testing.TB, template x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotAfter = time.Now().Add(time.Hour)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, &template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) server(t testing.TB) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.issue(t, x509.Certificate{DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})}}
}

func (a *authority) client(certs ...tls.Certificate) *tls.Config {
	return &tls.Config{RootCAs: a.pool, ServerName: "localhost", Certificates: certs}
}

// secure upgrades a greeted peer.
func (p *peer) secure(config *tls.Config) error {
	p.t.Helper()
	conn := tls.Client(p.conn, config)
	conn.SetDeadline(time.Now().Add(patience))
	if err := conn.Handshake(); err != nil {
		return err
	}
	conn.SetDeadline(time.Time{})
	p.conn, p.in = conn, bufio.NewReaderSize(conn, 64<<10)
	return nil
}

func (p *peer) mustSecure(config *tls.Config) {
	p.t.Helper()
	if err := p.secure(config); err != nil {
		p.t.Fatal(err)
	}
}

// Go: TestTLSConnection test/tls_test.go:43
// Go: TestPingSentToTLSConnection test/ping_test.go:40
// Go: TestTLSBadAuthError test/tls_test.go:1161
func TestTLSRequired(t *testing.T) {
	ca := newAuthority(t)
	s := start(t, &options.Options{TLSConfig: ca.server(t), Username: "u", Password: "p", PingInterval: 50 * time.Millisecond, DisableShortFirstPing: true})
	logged(t, s, "TLS required for client connections")
	p := dial(t, s)
	if p.info["tls_required"] != true || p.info["tls_available"] != nil {
		t.Errorf("got %v", p.info)
	}
	p.mustSecure(ca.client())
	p.connect(`"user":"u"`, `"pass":"p"`)
	p.send("SUB foo 1\r\nPUB foo 5\r\nhello\r\n")
	p.expect("MSG foo 1 5", "hello", "PING")
	snap, _ := source{s}.Connection(uint64(p.info["client_id"].(float64)), false)
	if snap.TLSVersion != "1.3" || !strings.HasPrefix(snap.TLSCipher, "TLS_") || snap.TLS.First {
		t.Errorf("%s, %s", snap.TLSVersion, snap.TLSCipher)
	}

	p = dial(t, s)
	p.mustSecure(ca.client())
	p.connect(`"user":"u"`, `"pass":"wrong"`)
	p.closed(refused)

	p = dial(t, s)
	p.send("CONNECT {}\r\nPING\r\n") // no handshake
	eventually(t, "the end", func() bool { _, err := p.read(); return err != nil })
	closedFor(t, s, "TLS Handshake Failure")
}

// TestBigMessagesOverTLS exercises records, partial writes and shared payloads.
func TestBigMessagesOverTLS(t *testing.T) {
	ca := newAuthority(t)
	s := start(t, &options.Options{TLSConfig: ca.server(t)})
	sub, pub := dial(t, s), dial(t, s)
	for _, p := range []*peer{sub, pub} {
		p.mustSecure(ca.client())
		p.connect()
		p.sync()
	}
	sub.send("SUB foo.> 1\r\n")
	sub.sync()
	go func() {
		for i := range 200 {
			size := i * 1000
			fmt.Fprintf(pub.conn, "PUB foo.%d %d\r\n%s\r\n", i, size, strings.Repeat("x", size))
		}
	}()
	for i := range 200 {
		sub.expect(fmt.Sprintf("MSG foo.%d 1 %d", i, i*1000), strings.Repeat("x", i*1000))
	}
}

// Go: TestClientTLSAndNonTLSConnections test/tls_test.go:1034
// Go: TestTLSClientNoticeWithAllowNonTLS server/client_test.go:3434
func TestTLSAndPlainOnOnePort(t *testing.T) {
	ca := newAuthority(t)
	s := start(t, &options.Options{TLSConfig: ca.server(t), AllowNonTLS: true, TLSTimeout: 5})
	logged(t, s, "TLS available for client connections")
	p := dial(t, s)
	if p.info["tls_required"] != nil || p.info["tls_available"] != true {
		t.Errorf("got %v", p.info)
	}
	p.connect()
	p.sync()
	q := dial(t, s)
	q.mustSecure(ca.client())
	q.connect()
	q.send("SUB foo 1\r\n")
	q.sync()
	p.send("PUB foo 2\r\nok\r\n")
	q.expect("MSG foo 1 2", "ok")
}

// Go: TestTLSClientCertificate test/tls_test.go:102
// Go: TestTLSVerifyClientCertificate test/tls_test.go:958
// Go: TestClosedTLSHandshake server/closed_conns_test.go:247
func TestClientCertificates(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	config := ca.server(t)
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool
	good := ca.issue(t, x509.Certificate{Subject: pkix.Name{CommonName: "joe"}})
	s := start(t, &options.Options{TLSConfig: config, TLSVerify: true,
		TLSPinnedCerts: options.PinnedCertSet{auth.Fingerprint(good.Leaf.RawSubjectPublicKeyInfo): {}}})
	p := dial(t, s)
	if p.info["tls_verify"] != true {
		t.Errorf("got %v", p.info)
	}
	p.mustSecure(ca.client(good))
	p.connect()
	p.sync()
	for i, cert := range [][]tls.Certificate{nil, {stranger.issue(t, x509.Certificate{Subject: pkix.Name{CommonName: "joe"}})},
		{ca.issue(t, x509.Certificate{Subject: pkix.Name{CommonName: "not pinned"}})}} {
		p := dial(t, s)
		if p.secure(ca.client(cert...)) == nil {
			p.conn.Write([]byte("PING\r\n")) // TLS 1.3 tells the client late
			if line, err := p.read(); err == nil {
				t.Errorf("%d: got %q", i, line)
			}
		}
		if got := lastClosed(t, s, i+1); got != "TLS Handshake Failure" {
			t.Errorf("closed: %s", got)
		}
	}
	logged(t, s, "TLS handshake error: certificate not pinned")
}

// Go: TestTLSClientCertificateCNBasedAuth test/tls_test.go:197
// Go: TestTLSClientCertificateSANsBasedAuth test/tls_test.go:278
// Go: TestTLSClientSVIDAuth test/tls_test.go:1809
// Go: TestTLSClientCertificateHasUserID test/tls_test.go:152
// Go: TestTLSClientAuthWithRDNSequence test/tls_test.go:1356
func TestUsersFromCertificates(t *testing.T) {
	ca := newAuthority(t)
	config := ca.server(t)
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool
	uri, _ := url.Parse("spiffe://localhost/my-nats-service/user-a")
	subject := pkix.Name{CommonName: "joe", Organization: []string{"Acme"}, Country: []string{"US"}}
	certs := map[string]tls.Certificate{
		"joe@example.com":      ca.issue(t, x509.Certificate{EmailAddresses: []string{"joe@example.com"}}),
		"app.example.com":      ca.issue(t, x509.Certificate{DNSNames: []string{"x", "app.example.com"}}),
		uri.String():           ca.issue(t, x509.Certificate{URIs: []*url.URL{uri}}),
		"CN=joe,O=Acme,C=US":   ca.issue(t, x509.Certificate{Subject: subject}),
		"C=US, CN=jim, O=Acme": ca.issue(t, x509.Certificate{Subject: pkix.Name{CommonName: "jim", Organization: []string{"Acme"}, Country: []string{"US"}}}),
	}
	o := &options.Options{TLSConfig: config, TLSVerify: true, TLSMap: true}
	for name := range certs {
		o.Users = append(o.Users, &options.User{Username: name})
	}
	s := start(t, o)
	for name, cert := range certs {
		p := dial(t, s)
		p.mustSecure(ca.client(cert))
		p.connect()
		p.sync()
		snap, _ := source{s}.Connection(uint64(p.info["client_id"].(float64)), false)
		if snap.User != name {
			t.Errorf("got %q, want %q", snap.User, name)
		}
	}
	p := dial(t, s)
	p.mustSecure(ca.client(ca.issue(t, x509.Certificate{Subject: pkix.Name{CommonName: "nobody"}})))
	p.connect(`"user":"app.example.com"`)
	p.closed(refused)
}

// Go: TestTLSClientHandshakeFirst server/client_test.go:3147
func TestHandshakeFirst(t *testing.T) {
	ca := newAuthority(t)
	s := start(t, &options.Options{TLSConfig: ca.server(t), TLSHandshakeFirst: true, TLSTimeout: 0.2})
	logged(t, s, `Clients that are not using "TLS Handshake First" option will fail to connect`)
	conn, err := dialRaw(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	secure := tls.Client(conn, ca.client())
	p := greet(t, secure)
	if p.info["tls_required"] != true {
		t.Errorf("got %v", p.info)
	}
	p.connect()
	p.sync()
	snap, _ := source{s}.Connection(uint64(p.info["client_id"].(float64)), false)
	if !snap.TLS.First {
		t.Error("not marked")
	}
	plain, err := dialRaw(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	plain.SetReadDeadline(time.Now().Add(patience))
	if n, err := plain.Read(make([]byte, 10)); err == nil {
		t.Errorf("a plain client got %d bytes", n)
	}
	if got := lastClosed(t, s, 1); got != "TLS Handshake Failure" {
		t.Errorf("closed: %s", got)
	}
}

// Go: TestTLSClientHandshakeFirstFallbackDelay server/client_test.go:3272
// Go: TestTLSClientHandshakeFirstFallbackDelayAndAllowNonTLS server/client_test.go:3340
func TestHandshakeFirstWithFallback(t *testing.T) {
	ca := newAuthority(t)
	for _, allowPlain := range []bool{false, true} {
		s := start(t, &options.Options{TLSConfig: ca.server(t), TLSHandshakeFirst: true, TLSHandshakeFirstFallback: 30 * time.Millisecond,
			AllowNonTLS: allowPlain, TLSTimeout: 5})
		conn, err := dialRaw(s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		first := greet(t, tls.Client(conn, ca.client()))
		if first.info["tls_required"] != true {
			t.Errorf("got %v", first.info)
		}
		first.connect()
		first.sync()
		late := dial(t, s) // INFO comes in plain after the delay
		if (late.info["tls_required"] == true) == allowPlain {
			t.Errorf("got %v", late.info)
		}
		late.mustSecure(ca.client())
		late.connect()
		late.sync()
		if allowPlain {
			connect(t, s)
		}
	}
}

// Go: TestTLSConnectionRate test/tls_test.go:2014
func TestTLSHandshakeRate(t *testing.T) {
	ca := newAuthority(t)
	s := start(t, &options.Options{TLSConfig: ca.server(t), TLSRateLimit: 3})
	throttled := 0
	for range 10 {
		p := dial(t, s)
		if p.secure(ca.client()) != nil {
			throttled++
		}
	}
	if throttled == 0 {
		t.Error("nobody was turned away")
	}
	closedFor(t, s, "Maximum Connections Exceeded")
}

// Go: TestRateCounter server/rate_counter_test.go:21
func TestRateCounter(t *testing.T) {
	var r rateCounter
	now := time.Unix(1000, 0)
	for i := range 5 {
		if ok, _ := r.take(now, 3); ok != (i < 3) {
			t.Errorf("event %d: %v", i, ok)
		}
	}
	if ok, before := r.take(now.Add(time.Second), 3); !ok || before != 2 {
		t.Errorf("next window: %v, %d refused before", ok, before)
	}
}

// Go: TestTLSInProcessConnection test/tls_test.go:83
// Go: TestTLSClientHandshakeFirstAndInProcessConnection server/client_test.go:3495
// Go: TestInProcessAllowedConnectionType server/client_test.go:4030
func TestInProcessConnections(t *testing.T) {
	ca := newAuthority(t)
	for _, first := range []bool{false, true} {
		s := start(t, &options.Options{TLSConfig: ca.server(t), TLSHandshakeFirst: first, Users: []*options.User{
			{Username: "in", Password: "p", AllowedConnectionTypes: map[string]struct{}{"IN_PROCESS": {}}},
			{Username: "out", Password: "p", AllowedConnectionTypes: map[string]struct{}{"STANDARD": {}}},
		}})
		open := func() *peer {
			conn, err := s.InProcessConn()
			if err != nil {
				t.Fatal(err)
			}
			return greet(t, conn)
		}
		p := open()
		if p.info["tls_required"] != nil || p.info["tls_available"] != true || p.info["client_ip"] != nil {
			t.Errorf("got %v", p.info)
		}
		p.connect(`"user":"in"`, `"pass":"p"`)
		p.send("SUB foo 1\r\nPUB foo 2\r\nok\r\n")
		p.expect("MSG foo 1 2", "ok")
		p = open()
		p.connect(`"user":"out"`, `"pass":"p"`)
		p.closed(refused)
		p = open()
		p.mustSecure(ca.client())
		p.connect(`"user":"in"`, `"pass":"p"`)
		p.sync()
	}
	s := start(t, &options.Options{DontListen: true})
	if s.Addr() != nil || s.PortsInfo() != nil {
		t.Error("listens all the same")
	}
	conn, err := s.InProcessConn()
	if err != nil {
		t.Fatal(err)
	}
	p := greet(t, conn)
	p.connect()
	p.sync()
	s.Shutdown()
	p.closed()
	if _, err := s.InProcessConn(); err == nil {
		t.Error("a stopped server takes connections")
	}
}

// Go: TestClientProxyProtoV1EndToEnd server/client_proxyproto_test.go:559
// Go: TestClientProxyProtoV2EndToEnd server/client_proxyproto_test.go:308
// Go: TestClientProxyProtoV2LocalCommandEndToEnd server/client_proxyproto_test.go:370
// Go: TestClientProxyProtoV1PreservesCoalescedClientBytes server/client_proxyproto_test.go:493
func TestProxyProtocol(t *testing.T) {
	s := start(t, &options.Options{ProxyProtocol: true})
	logged(t, s, "PROXY protocol enabled for client connections")
	v2 := func(command byte, data ...byte) string {
		return "\r\n\r\n\x00\r\nQUIT\n" + string([]byte{0x20 | command, 0x11, 0, byte(len(data))}) + string(data)
	}
	for _, tc := range []struct{ header, ip string }{
		{"PROXY TCP4 192.168.1.50 10.0.0.1 12345 4222\r\n", "192.168.1.50"},
		{"PROXY TCP6 2001:db8::1 ::1 12345 4222\r\n", "2001:db8::1"},
		{"PROXY UNKNOWN\r\n", "127.0.0.1"},
		{v2(1, 10, 1, 2, 3, 10, 0, 0, 1, 0x30, 0x39, 0x10, 0x7e), "10.1.2.3"},
		{v2(0), "127.0.0.1"},
		{"", "127.0.0.1"},
	} {
		p := dial(t, s)
		if p.info["client_ip"] != nil {
			t.Errorf("%q: the first INFO has client_ip %v", tc.header, p.info["client_ip"])
		}
		p.send(tc.header + "CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n")
		p.expect("PONG")
		if info := decode(t, strings.TrimPrefix(p.line(), "INFO ")); info["client_ip"] != tc.ip {
			t.Errorf("%q: client_ip %v, want %s", tc.header, info["client_ip"], tc.ip)
		}
		snap, _ := source{s}.Connection(uint64(p.info["client_id"].(float64)), false)
		if got := snap.Remote.(*net.TCPAddr).IP.String(); got != tc.ip {
			t.Errorf("%q: remote %s", tc.header, got)
		}
	}
	p := dial(t, s)
	p.send("PROXY TCP4 nonsense\r\n")
	p.closed()
	logged(t, s, "Error reading PROXY protocol header from")
	if got := lastClosed(t, s, 1); got != "Protocol Violation" {
		t.Errorf("closed: %s", got)
	}
}

// Go: TestClientProxyProtoV1WithRequiredTLS server/client_proxyproto_test.go:741
// Go: TestClientProxyProtoV1WithAllowNonTLS server/client_proxyproto_test.go:913
func TestProxyProtocolBeforeTLS(t *testing.T) {
	ca := newAuthority(t)
	for _, allowPlain := range []bool{false, true} {
		s := start(t, &options.Options{ProxyProtocol: true, TLSConfig: ca.server(t), AllowNonTLS: allowPlain, TLSTimeout: 5})
		p := dial(t, s)
		p.send("PROXY TCP4 192.168.1.50 10.0.0.1 12345 4222\r\n")
		p.mustSecure(ca.client())
		p.connect()
		p.sync()
		snap, _ := source{s}.Connection(uint64(p.info["client_id"].(float64)), false)
		if snap.Remote.(*net.TCPAddr).Port != 12345 || snap.TLS == nil {
			t.Errorf("remote %v", snap.Remote)
		}
		if allowPlain {
			p := dial(t, s)
			p.send("PROXY TCP4 192.168.1.50 10.0.0.1 12345 4222\r\n")
			p.connect()
			p.sync()
		}
	}
}

// Go: TestTraceMsg server/client_test.go:1880
// Go: TestTraceMsgDelivery server/client_test.go:2001
// Go: TestTraceMsgDeliveryWithHeaders server/client_test.go:2066
// Go: TestTraceMsgHeadersOnly server/client_test.go:1933
// Go: TestLogConnectionAuthInfo server/client_test.go:4296
// Go: TestClientConnectionName server/client_test.go:2696
func TestTrace(t *testing.T) {
	s := start(t, &options.Options{Trace: true, MaxTracedMsgLen: 10, Username: "joe", Password: "secret"})
	p := connect(t, s, `"user":"joe"`, `"pass":"secret"`, `"name":"me"`, `"lang":"go"`, `"version":"1.2.3"`, `"headers":true`)
	p.send("SUB foo 1\r\nPUB foo 5\r\nhello\r\nPUB foo r 12\r\nhello\nworld!\r\nHPUB foo 12 14\r\nNATS/1.0\r\n\r\nok\r\nUNSUB 1\r\n")
	p.expect("MSG foo 1 5", "hello", "MSG foo 1 r 12", "hello", "world!", "HMSG foo 1 12 14", "NATS/1.0", "", "ok")
	p.sync()
	for _, want := range []string{
		`127.0.0.1:`, ` - cid:1 - "v1.2.3:go:me" - "$G/user:joe" - <<- [SUB foo 1]`,
		`<<- [PUB foo 5]`, `<<- MSG_PAYLOAD: ["hello"]`, `->> [MSG foo 1 5]`, `<<- MSG_PAYLOAD: ["hello\nworl..."]`,
		`->> [MSG foo 1 r 12]`, `->> [HMSG foo 1 12 14]`, `<-> [DELSUB 1]`, `->> [PONG]`, `"pass":"[REDACTED]"`,
	} {
		logged(t, s, want)
	}
	if s.Logger().(*capture).has("secret") {
		t.Error("a password was logged")
	}
}
