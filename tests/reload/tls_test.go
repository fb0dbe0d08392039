package reload_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// New certificates and rules are for new connections; those that exist go on.
//
// Go: TestConfigReloadRotateTLS server/reload_test.go:394
// Go: TestConfigReloadRotateTLSMultiCert server/reload_test.go:510
func TestRotateTLS(t *testing.T) {
	ca := kit.NewAuthority(t)
	first, second, third := issue(ca, "1", "127.0.0.1"), issue(ca, "2", "127.0.0.1"), issue(ca, "3", "127.0.0.1")
	for name, block := range map[string]func(p kit.Certificate) string{
		"one certificate":      func(p kit.Certificate) string { return keys(p) },
		"several certificates": func(p kit.Certificate) string { return "certs: [{ " + keys(p) + " }]" },
	} {
		t.Run(name, func(t *testing.T) {
			s := run(t, "tls { "+block(first)+" }")
			var serials [4]string
			nc := s.client(seen(ca, &serials[0]))
			sub := kit.Subscribe(t, nc, "foo")
			s.log.Take("")

			s.reload("tls { " + block(second) + fmt.Sprintf("\nca_file: %q, verify: true }", second.CAFile))
			if lines := s.log.Take("INF Reloaded: tls"); len(lines) != 1 || lines[0] != "INF Reloaded: tls = enabled" {
				t.Errorf("log: %q", lines)
			}
			s.turnsAway(trust(ca))
			s.client(seen(ca, &serials[1]), nats.ClientCert(third.File, third.KeyFile))
			publish(t, nc, "foo", "hello")
			next(t, sub, "hello")

			s.reload("tls { " + block(third) + " }")
			s.client(seen(ca, &serials[2]))
			s.reload("tls { " + block(third) + " }\nmax_payload: 1000")
			s.client(seen(ca, &serials[3]))
			if serials[0] == serials[1] || serials[1] == serials[2] || serials[2] != serials[3] || serials[0] == "" {
				t.Errorf("certificates %q", serials)
			}
			publish(t, nc, "foo", "again")
			next(t, sub, "again")
		})
	}
}

// A certificate is often renewed in the same file, with nothing new in the
// configuration.
func TestRenewedCertificate(t *testing.T) {
	ca := kit.NewAuthority(t)
	files := issue(ca, "server", "127.0.0.1")
	text := "tls { " + keys(files) + " }"
	s := run(t, text)
	var old, renewed string
	s.client(seen(ca, &old))
	renew(t, ca, files)
	s.log.Take("")
	s.reload(text)
	if !s.log.Has("INF Reloaded: tls = enabled") {
		t.Error("the log does not tell")
	}
	s.client(seen(ca, &renewed))
	if old == renewed {
		t.Error("the old certificate is still in use")
	}
	s.log.Take("")
	s.reload(text)
	if s.log.Has("Reloaded: ") {
		t.Error("the log tells of a change that is none")
	}
}

// Go: TestConfigReloadEnableTLS server/reload_test.go:448
// Go: TestConfigReloadDisableTLS server/reload_test.go:479
func TestSwitchTLS(t *testing.T) {
	ca := kit.NewAuthority(t)
	block := "tls { " + keys(issue(ca, "server", "127.0.0.1")) + " }"
	s := run(t, "")
	plain := s.peer(`"protocol":1`)
	told := plain.readInfo()
	if told["tls_required"] != nil {
		t.Errorf("before: %v", told)
	}

	s.reload(block)
	if plain.readInfo()["tls_required"] != true {
		t.Error("connections are not told about TLS")
	}
	plain.sync()
	if !strings.HasPrefix(s.ClientURL(), "tls://") {
		t.Errorf("the URL is %s", s.ClientURL())
	}
	secure := s.client(trust(ca))
	p := s.dial()
	if p.info["tls_required"] != true {
		t.Errorf("INFO: %v", p.info)
	}
	p.send("CONNECT {}\r\nPING\r\n")
	if line, err := p.line(); err == nil && !strings.HasPrefix(line, "-ERR") {
		t.Errorf("got %q without TLS", line)
	}

	s.reload("")
	s.turnsAway(trust(ca))
	s.client()
	kit.Flush(t, secure)
	plain.readInfo()
	plain.sync()
	if s.log.Take("INF Reloaded: tls = disabled") == nil {
		t.Error("the log does not tell")
	}
}

// Go: TestAllowNonTLSReload test/tls_test.go:2104
func TestPlainBesideTLS(t *testing.T) {
	ca := kit.NewAuthority(t)
	block := "tls { " + keys(issue(ca, "server", "127.0.0.1")) + " }\n"
	s := run(t, block+"allow_non_tls: true\nping_interval: 10s")
	check := func(available, required any) {
		t.Helper()
		if info := s.dial().info; info["tls_available"] != available || info["tls_required"] != required {
			t.Errorf("INFO: %v", info)
		}
	}
	check(true, nil)
	s.reload(block + "allow_non_tls: true\nping_interval: 20s")
	check(true, nil)
	s.reload(block)
	check(nil, true)
	s.reload(block + "allow_non_tls: true")
	check(true, nil)
	s.peer("")
}

// Whoever presented a certificate that is not pinned any more has to go.
//
// Go: TestTLSPinnedCertsClient test/tls_test.go:1942
func TestPinnedCertificates(t *testing.T) {
	ca := kit.NewAuthority(t)
	server, one, two := issue(ca, "server", "127.0.0.1"), issue(ca, "one", "one"), issue(ca, "two", "two")
	pins := func(pins ...string) string {
		return fmt.Sprintf("tls { %s ca_file: %q, verify: true, pinned_certs: [\"%s\"] }",
			keys(server), server.CAFile, strings.Join(pins, `","`))
	}
	s := run(t, pins(strings.Repeat("a", 64)))
	s.turnsAway(trust(ca), nats.ClientCert(one.File, one.KeyFile))

	s.reload(pins(one.Pin, two.Pin))
	first := s.client(trust(ca), nats.ClientCert(one.File, one.KeyFile))
	closed := make(chan error, 1)
	s.client(trust(ca), nats.ClientCert(two.File, two.KeyFile), nats.ClosedHandler(func(nc *nats.Conn) { closed <- nc.LastError() }))

	s.reload(pins(one.Pin))
	kit.Await(t, "the end of the connection", closed)
	kit.Flush(t, first)
	s.turnsAway(trust(ca), nats.ClientCert(two.File, two.KeyFile))
	if !s.log.Has("INF Reloaded: 1 pinned_certs") {
		t.Error("the log does not tell")
	}
}

// Go: TestTLSMinVersionConfig server/server_test.go:261
func TestTLSVersion(t *testing.T) {
	ca := kit.NewAuthority(t)
	files := issue(ca, "server", "127.0.0.1")
	block := func(version string) string { return "tls { " + keys(files) + ` min_version: "` + version + `" }` }
	s := run(t, block("1.3"))
	if _, err := tryTLS(s, ca, tls.VersionTLS12); err == nil || !strings.Contains(err.Error(), "protocol version not supported") {
		t.Errorf("TLS 1.2: %v", err)
	}
	s.client(trust(ca))
	if err := s.refused(block("1.0")); !strings.Contains(err, "unsupported TLS version: TLS 1.0") {
		t.Errorf("1.0: %s", err)
	}
	s.reload(block("1.3"))
	if _, err := tryTLS(s, ca, tls.VersionTLS12); err == nil {
		t.Error("TLS 1.2 is possible after a reload that failed")
	}
	s.reload(block("1.2"))
	if _, err := tryTLS(s, ca, tls.VersionTLS12); err != nil {
		t.Errorf("TLS 1.2: %v", err)
	}
	s.client(trust(ca))
	if err := s.refused(block("1.4")); !strings.Contains(err, "unknown version: 1.4") {
		t.Errorf("1.4: %s", err)
	}
	_, err := godwit.GenTLSConfig(&godwit.TLSConfigOpts{CertFile: files.File, KeyFile: files.KeyFile, CaFile: files.CAFile, MinVersion: tls.VersionTLS11})
	if err == nil || err.Error() != "unsupported minimum TLS version: TLS 1.1" {
		t.Errorf("made in code: %v", err)
	}
}

func tryTLS(s *site, ca *kit.Authority, highest uint16) (*nats.Conn, error) {
	s.t.Helper()
	return s.try(nats.Secure(&tls.Config{RootCAs: ca.Pool, MaxVersion: highest}))
}

// The handshake comes first, or not, as the newest configuration says.
func TestHandshakeFirst(t *testing.T) {
	ca := kit.NewAuthority(t)
	files := issue(ca, "server", "127.0.0.1")
	block := func(first string) string {
		return "tls { " + keys(files) + " timeout: 1, handshake_first: " + first + " }"
	}
	s := run(t, block("true"))
	s.turnsAway(trust(ca))
	s.client(trust(ca), nats.TLSHandshakeFirst())

	s.log.Take("")
	s.reload(block("false"))
	if !s.log.Has("INF Reloaded: Client TLS handshake first: false") {
		t.Error("the log does not tell")
	}
	s.turnsAway(trust(ca), nats.TLSHandshakeFirst())
	s.client(trust(ca))

	s.reload(block("10ms"))
	s.client(trust(ca))
	s.client(trust(ca), nats.TLSHandshakeFirst())
	if !s.log.Has("INF Reloaded: Client TLS handshake first fallback delay: 10ms") {
		t.Error("the log does not tell")
	}
}

// Monitoring over HTTPS presents the certificate of the clients' listener, also a
// new one.
//
// Go: TestMonitorReloadTLSConfig server/monitor_test.go:5793
func TestMonitoringCertificate(t *testing.T) {
	ca := kit.NewAuthority(t)
	wrong, right := issue(ca, "wrong", "elsewhere"), issue(ca, "right", "127.0.0.1")
	config := func(p kit.Certificate) string {
		return fmt.Sprintf("https: \"127.0.0.1:-1\"\ntls { %s ca_file: %q, verify_and_map: true }", keys(p), p.CAFile)
	}
	s := run(t, config(wrong))
	handshake := func() error {
		conn, err := tls.Dial("tcp", s.MonitorAddr().String(), &tls.Config{RootCAs: ca.Pool})
		if err != nil {
			return err
		}
		defer conn.Close()
		// A demand for a certificate would show in the first answer.
		if _, err := conn.Write([]byte("GET /healthz HTTP/1.0\r\n\r\n")); err != nil {
			return err
		}
		_, err = conn.Read(make([]byte, 1))
		return err
	}
	if err := handshake(); err == nil || !strings.Contains(err.Error(), "SAN") {
		t.Errorf("the wrong certificate: %v", err)
	}
	s.reload(config(right))
	if err := handshake(); err != nil {
		t.Errorf("the right certificate: %v", err)
	}
}
