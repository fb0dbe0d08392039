package websocket_test

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/tests/kit"
)

const listen = "listen: \"127.0.0.1:-1\"\n"

// example is the subject of a client's certificate, as users are named after it.
var example = pkix.Name{CommonName: "example.com", OrganizationalUnit: []string{"NATS.io"}}

const exampleUser = "CN=example.com,OU=NATS.io"

// Go: TestWSTLSConnection server/websocket_test.go:2505
func TestTLSOfTheListener(t *testing.T) {
	a := kit.NewAuthority(t)
	s := run(t, listen+secure(a.Server(), ""))
	if u := s.webURL(); u.Scheme != "wss" {
		t.Errorf("the URL is %v", u)
	}
	p := s.dial(asks{tls: a.TLS()})
	if !p.info.TLSRequired || !p.info.TLSAvailable || p.info.TLSVerify {
		t.Errorf("INFO tells %+v", p.info)
	}
	p.connect()
	p.sync()
	plain, err := s.request(asks{plain: true})
	if err != nil || plain.response.StatusCode != http.StatusBadRequest {
		t.Errorf("without TLS: %+v, %v", plain.response, err)
	}
	s.logged("ERR websocket: ", "client sent an HTTP request to an HTTPS server")
	nc := s.overWeb(nats.Secure(a.TLS()))
	sub := subscribe(t, nc, "foo")
	publish(t, s.overTCP(), "foo", letters(100_000))
	next(t, sub, string(letters(100_000)))
}

// mustShow makes sure that clients get in with their certificate only.
func mustShow(t *testing.T, s *site, a *kit.Authority, client kit.Certificate) {
	t.Helper()
	s.dial(asks{tls: a.TLS(client)})
	_, err := s.request(asks{tls: a.TLS()})
	if err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without a certificate: %v", err)
	}
	s.logged("ERR websocket: ", "TLS handshake error from", "client didn't provide a certificate")
}

// Go: TestWSTLSVerifyClientCert server/websocket_test.go:2554
func TestCertificatesOfClients(t *testing.T) {
	a := kit.NewAuthority(t)
	s := run(t, listen+secure(a.Server(), "verify: true"))
	mustShow(t, s, a, a.Issue(example))
	stranger := kit.NewAuthority(t)
	if _, err := s.request(asks{tls: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{stranger.Issue(example).Certificate}}}); err == nil {
		t.Error("a certificate of another authority is accepted")
	}
}

// Go: TestWSTLSVerifyAndMap server/websocket_test.go:2641
func TestUsersAreMappedFromCertificates(t *testing.T) {
	a := kit.NewAuthority(t)
	client, server := a.Issue(example), a.Server()
	for _, types := range []string{"", "STANDARD, WEBSOCKET", "STANDARD"} {
		t.Run(types, func(t *testing.T) {
			filter := ""
			if types != "" {
				filter = ", allowed_connection_types: [" + types + "]"
			}
			s := run(t, listen+secure(server, "verify_and_map: true")+
				fmt.Sprintf("accounts { MyAccount { users [{user: %q%s}] } }\n", exampleUser, filter))
			mustShow(t, s, a, client)
			if types == "STANDARD" {
				if s.admits(asks{tls: a.TLS(client)}) {
					t.Error("a user gets in that may not")
				}
				return
			}
			p := s.peer(asks{tls: a.TLS(client)})
			if user, account := s.who(p.info.ID); user != exampleUser || account != "MyAccount" {
				t.Errorf("it is %q of %q", user, account)
			}
			if s.admits(asks{tls: a.TLS(a.Issue(pkix.Name{CommonName: "somebody"}))}) {
				t.Error("somebody gets in whom nobody knows")
			}
		})
	}
}

// Pins hold for certificates of clients.
func TestPinnedCertificates(t *testing.T) {
	a := kit.NewAuthority(t)
	server, known, other := a.Server(), a.Issue(example), a.Issue(example)
	pinned := func(c kit.Certificate) string {
		return listen + secure(server, fmt.Sprintf("verify: true, pinned_certs: [%q]", c.Pin))
	}
	s := run(t, pinned(known))
	for _, want := range []kit.Certificate{known, other} {
		for _, each := range []kit.Certificate{known, other} {
			_, err := s.request(asks{tls: a.TLS(each)})
			if got := err == nil; got != (want.Pin == each.Pin) {
				t.Errorf("a client is accepted: %v, %v", got, err)
			}
		}
		if err := s.reload(pinned(other)); err != nil {
			t.Fatal(err)
		}
	}
}

// A user without a password, whom certificates are mapped to on one listener, does
// not get in on another that asks for none.
//
// Go: TestAuthCertMappedUserWithPassword server/auth_test.go:949
// Go: TestAuthNoAuthUserWithoutPasswordAndCertMapping server/auth_test.go:995
// Go: TestAuthCertMappedUserConnectionTypeScope server/auth_test.go:1104
func TestCertificateUsersNeedTheirCertificate(t *testing.T) {
	a := kit.NewAuthority(t)
	client, server := a.Issue(example), a.Server()
	mapped := plain + fmt.Sprintf("tls { %s, verify_and_map: true }\n", server.Lines())
	certificate := nats.Secure(a.TLS(client))
	t.Run("no password", func(t *testing.T) {
		s := run(t, mapped+fmt.Sprintf("authorization { users [{user: \"CN=other\"}, {user: %q}] }", exampleUser))
		for _, keys := range []string{
			fmt.Sprintf(`"user":%q,"pass":""`, exampleUser), fmt.Sprintf(`"user":%q,"pass":"wrong"`, exampleUser),
			`"user":"CN=attacker.com,OU=NATS.io","pass":""`, `"user":"","pass":""`,
		} {
			if s.admits(asks{}, keys) {
				t.Errorf("%s gets in", keys)
			}
		}
		s.overTCP(certificate)
	})
	t.Run("a password", func(t *testing.T) {
		s := run(t, mapped+fmt.Sprintf("authorization { users [{user: \"CN=other\"}, {user: %q, password: s3cr3t}] }", exampleUser))
		if nc, err := nats.Connect(s.DialURL(), certificate); err == nil {
			nc.Close()
			t.Error("the certificate alone is enough")
		}
		s.overTCP(certificate, nats.UserInfo("", "s3cr3t"))
		if !s.admits(asks{}, fmt.Sprintf(`"user":%q,"pass":"s3cr3t"`, exampleUser)) {
			t.Error("the password is not enough where no certificate is asked for")
		}
		if s.admits(asks{}, fmt.Sprintf(`"user":%q,"pass":""`, exampleUser)) {
			t.Error("no password is enough")
		}
	})
	t.Run("no credentials", func(t *testing.T) {
		s := run(t, mapped+fmt.Sprintf("authorization { users [{user: %q}, {user: guest}] }\nno_auth_user: guest\n", exampleUser))
		for user, ok := range map[string]bool{"": true, "guest": true, exampleUser: false} {
			if got := s.admits(asks{}, fmt.Sprintf(`"user":%q,"pass":""`, user)); got != ok {
				t.Errorf("%q admitted: %v", user, got)
			}
		}
	})
	for _, tc := range []struct {
		types string
		ok    bool
	}{
		{"", false},
		{`, allowed_connection_types: ["STANDARD","WEBSOCKET"]`, false},
		{`, allowed_connection_types: ["WEBSOCKET"]`, true},
		{`, allowed_connection_types: ["MQTT","WEBSOCKET"]`, true},
	} {
		t.Run("may use"+tc.types, func(t *testing.T) {
			s := run(t, mapped+fmt.Sprintf("authorization { users [{user: %q}, {user: scoped%s}] }", exampleUser, tc.types))
			if got := s.admits(asks{}, `"user":"scoped","pass":""`); got != tc.ok {
				t.Errorf("admitted: %v", got)
			}
		})
	}
	// The other way round: what the WebSocket listener maps does not get in over TCP.
	for name, tc := range map[string]struct {
		listener, types string
		ok              bool
	}{
		"mapped":                {secure(server, "verify_and_map: true"), "", false},
		"mapped, standard only": {secure(server, "verify_and_map: true"), `, allowed_connection_types: ["STANDARD"]`, true},
		"mapped but off":        {fmt.Sprintf("websocket { tls { %s, verify_and_map: true } }\n", server.Lines()), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := run(t, listen+tc.listener+fmt.Sprintf("authorization { users [{user: %q}, {user: scoped%s}] }", exampleUser, tc.types))
			nc, err := nats.Connect(s.DialURL(), nats.UserInfo("scoped", ""))
			if err == nil {
				nc.Close()
			}
			if got := err == nil; got != tc.ok {
				t.Errorf("admitted: %v, %v", got, err)
			}
		})
	}
}

// Go: TestWSReloadTLSConfig server/websocket_test.go:4401
func TestReloadOfTLS(t *testing.T) {
	a := kit.NewAuthority(t)
	wrong, right, client := a.Issue(example, "elsewhere"), a.Server(), a.Issue(example)
	s := run(t, listen+secure(wrong, "verify: false"))
	works := func(shows ...kit.Certificate) {
		t.Helper()
		p := s.dial(asks{tls: a.TLS(shows...)})
		address := s.webURL()
		if got := fmt.Sprintf("%s:%d", p.info.Host, p.info.Port); !p.info.TLSRequired || !p.info.TLSAvailable || got != address.Host {
			t.Errorf("INFO tells %+v", p.info)
		}
	}
	if _, err := s.request(asks{tls: a.TLS()}); err == nil || !strings.Contains(err.Error(), "SAN") {
		t.Errorf("a certificate for another name: %v", err)
	}
	if err := s.reload(listen + secure(right, "verify: false")); err != nil {
		t.Fatal(err)
	}
	works()
	if err := s.reload(listen + secure(right, "verify: true")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.request(asks{tls: a.TLS()}); err == nil || !strings.Contains(err.Error(), "required") {
		t.Errorf("without a certificate: %v", err)
	}
	works(client)
	for text, want := range map[string]string{
		listen + "websocket { listen: \"127.0.0.1:-1\", no_tls: false }": "websocket requires TLS configuration",
		plain: "config reload not supported for Websocket",
	} {
		if err := s.reload(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("reload of %s: %v", text, err)
		}
		works(client)
	}
}

// A listener without TLS does not get it by a reload, whatever no_tls says.
func TestReloadDoesNotAddTLS(t *testing.T) {
	a := kit.NewAuthority(t)
	s := run(t, plain)
	text := listen + strings.Replace(secure(a.Server(), ""), "tls {", "no_tls: true, tls {", 1)
	if err := s.reload(text); err == nil || !strings.Contains(err.Error(), "config reload not supported for Websocket") {
		t.Errorf("reload: %v", err)
	}
	s.peer(asks{})
}

// Go: TestWSHandshakeTimeout server/websocket_test.go:2770
func TestHandshakesTimeOut(t *testing.T) {
	a := kit.NewAuthority(t)
	block := func(settings string) string {
		return listen + strings.Replace(secure(a.Server(), ""), "tls {", settings+", tls {", 1)
	}
	t.Run("TLS", func(t *testing.T) {
		s := run(t, block("handshake_timeout: 50ms"))
		w := s.stalled()
		if _, err := w.in.ReadByte(); err == nil || os.IsTimeout(err) {
			t.Errorf("the connection goes on: %v", err)
		}
		s.logged("ERR websocket: ", "TLS handshake error", "timeout")
	})
	t.Run("request", func(t *testing.T) {
		s := run(t, web("handshake_timeout: 50ms"))
		w := s.stalled()
		w.send("GET / HTTP/1.1\r\nHost: x\r\n")
		if _, err := w.in.ReadByte(); err == nil || os.IsTimeout(err) {
			t.Errorf("the connection goes on: %v", err)
		}
	})
	t.Run("none afterwards", func(t *testing.T) {
		s := run(t, web("handshake_timeout: 100ms"))
		p := s.peer(asks{})
		w := s.stalled() // one that started later is over
		if _, err := w.in.ReadByte(); err == nil || os.IsTimeout(err) {
			t.Errorf("the connection goes on: %v", err)
		}
		p.sync()
	})
}
