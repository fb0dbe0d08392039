package tls_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// TestStaplingModes: the mode, and what the certificate demands, decide whether the
// status is stapled, and whether a server with a bad one starts.
//
// Go: TestOCSPClient test/ocsp_test.go:410
// Go: TestOCSPCustomConfig test/ocsp_test.go:2618
func TestStaplingModes(t *testing.T) {
	root := newAuthority(t, "Root", nil)
	plain, demands := root.issue("plain"), root.issue("demands", mustStaple)
	for _, c := range []struct {
		config string
		server *credential
		status int
		want   string // what is stapled, or the end of the error
	}{
		{"", plain, ocsp.Good, "none"},
		{"", plain, ocsp.Unknown, "none"},
		{"", demands, ocsp.Good, "good"},
		{"", demands, ocsp.Revoked, "revoked"},
		{"ocsp: true", plain, ocsp.Unknown, "none"},
		{"ocsp: true", plain, ocsp.Good, "none"},
		{"ocsp: true", demands, ocsp.Good, "good"},
		{"ocsp: false", plain, ocsp.Good, "none"},
		{"ocsp: false", demands, ocsp.Good, "none"},
		{"ocsp: false", demands, ocsp.Revoked, "none"},
		{"ocsp { mode: auto }", plain, ocsp.Revoked, "none"},
		{"ocsp { mode: auto }", demands, ocsp.Unknown, "unknown"},
		{"ocsp { mode: never }", demands, ocsp.Good, "none"},
		{"ocsp { mode: always }", plain, ocsp.Good, "good"},
		{"ocsp { mode: always }", plain, ocsp.Revoked, "found existing OCSP status for certificate at '%s': revoked"},
		{"ocsp { mode: always }", plain, ocsp.Unknown, "found existing OCSP status for certificate at '%s': unknown"},
		{"ocsp { mode: must }", plain, ocsp.Good, "none"},
		{"ocsp { mode: must }", plain, ocsp.Revoked, "none"},
		{"ocsp { mode: must }", demands, ocsp.Good, "good"},
		{"ocsp { mode: must }", demands, ocsp.Revoked, "found existing OCSP status for certificate at '%s': revoked"},
	} {
		name := fmt.Sprintf("%s %s %d", c.config, c.server.name, c.status)
		root.tell(c.server, c.status)
		s, err := prepare(t, c.config+"\n"+tlsBlock(c.server, root.file, ""))
		if strings.Contains(c.want, "%s") {
			if want := fmt.Sprintf(c.want, c.server.file); err == nil || err.Error() != want {
				t.Errorf("%s: error %v, want %s", name, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := s.stapled(root); got != c.want {
			t.Errorf("%s: stapled: %s, want %s", name, got, c.want)
		}
		if n := s.log.Count("OCSP Stapling enabled for Client connections"); n > 1 || (n == 1) != (c.want != "none") {
			t.Errorf("%s: logged %d times", name, n)
		}
		refused := s.log.Count("Certificate at '" + c.server.file + "' has MustStaple but OCSP is disabled")
		if off := c.config == "ocsp: false" || strings.Contains(c.config, "never"); refused > 1 || (refused == 1) != (off && c.server == demands) {
			t.Errorf("%s: warned %d times", name, refused)
		}
		s.Shutdown()
	}
}

// TestCertificateIsRevokedLater: a server that must not serve a revoked certificate
// ends when it hears of it; others go on, and tell their clients.
//
// Go: TestOCSPAlwaysMustStapleAndShutdown test/ocsp_test.go:33
// Go: TestOCSPMustStapleShutdown test/ocsp_test.go:131
// Go: TestOCSPMustStapleAutoDoesNotShutdown test/ocsp_test.go:227
// Go: TestOCSPAutoWithoutMustStapleDoesNotShutdownOnRevoke test/ocsp_test.go:318
func TestCertificateIsRevokedLater(t *testing.T) {
	cases := []struct {
		name, config, first, later string // stapled; "" means that the server has ended
		details                    []detail
		root                       *authority
		server                     *credential
		site                       *site
	}{
		{name: "always", config: "ocsp { mode: always, url: '%s' }", first: "good"},
		{name: "must", config: "ocsp { mode: must, url: '%s' }", first: "good", details: []detail{mustStaple}},
		{name: "no configuration", first: "good", later: "revoked", details: []detail{mustStaple}},
		{name: "auto, not demanded", config: "ocsp { mode: auto, url: '%s' }", first: "none", later: "none"},
	}
	for i := range cases { // all wait at the same time
		c := &cases[i]
		c.root = newAuthority(t, "Root", nil)
		c.server = c.root.issue("server", c.details...)
		c.root.set(func(a *authority) { a.lasts = 2 * time.Second }) // asked about after half of that
		if c.config != "" {
			c.config = fmt.Sprintf(c.config, c.root.url)
		}
		c.site = run(t, c.config+"\n"+tlsBlock(c.server, c.root.file, ""))
		if got := c.site.stapled(c.root); got != c.first {
			t.Fatalf("%s: stapled: %s", c.name, got)
		}
		c.root.tell(c.server, ocsp.Revoked)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			switch c.later {
			case "":
				c.site.WaitForShutdown()
				if _, err := c.site.try(c.site.DialURL()); err == nil {
					t.Error("connected to a server that has ended")
				}
				if c.site.log.Count("ERR Received OCSP status for Client certificate '"+c.server.file+"': revoked") != 1 {
					t.Errorf("the log does not say why: %q", c.site.log.Find())
				}
			case "none":
				// Nobody asks, so that nobody can hear of it.
				if n := c.root.questions(c.server); n != 0 {
					t.Errorf("%d questions", n)
				}
				if got := c.site.stapled(c.root); got != "none" {
					t.Errorf("stapled: %s", got)
				}
			default:
				kit.Eventually(t, "the revoked status is stapled", func() bool { return c.site.stapled(c.root) == c.later })
				if !c.site.Running() {
					t.Error("the server has ended")
				}
			}
		})
	}
}

// TestReloadOfStaples changes modes and certificates of a server that runs.
//
// Go: TestOCSPReloadRotateTLSCertEnableMustStaple test/ocsp_test.go:863
// Go: TestOCSPCustomConfigReloadDisable test/ocsp_test.go:2885
// Go: TestOCSPCustomConfigReloadEnable test/ocsp_test.go:2987
func TestReloadOfStaples(t *testing.T) {
	root := newAuthority(t, "Root", nil)
	plain, demands, mute := root.issue("plain"), root.issue("demands", mustStaple), root.issue("mute", mustStaple, withoutResponder)
	text := func(server *credential, config string) string {
		if strings.Contains(config, "%s") {
			config = fmt.Sprintf(config, root.url)
		}
		return config + "\n" + tlsBlock(server, root.file, "")
	}
	for _, c := range []struct {
		name           string
		before, config string
		old, server    *credential
		first, then    string // stapled
	}{
		{"another certificate demands it", "", "", plain, demands, "none", "good"},
		{"disabled", "ocsp: { mode: always, url: '%s' }", "ocsp: { mode: never }", plain, demands, "good", "none"},
		{"enabled", "ocsp: { mode: never, url: '%s' }", "ocsp: { mode: always, url: '%s' }", demands, demands, "none", "good"},
		{"responder of the configuration", "", "ocsp: { url: '%s' }", plain, mute, "none", "good"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := run(t, text(c.old, c.before))
			if got := s.stapled(root); got != c.first {
				t.Fatalf("stapled: %s", got)
			}
			kit.OK(t, s.reload(text(c.server, c.config)))
			if got := s.stapled(root); got != c.then {
				t.Errorf("stapled: %s", got)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		bad := httptest.NewServer(http.NotFoundHandler())
		defer bad.Close()
		misled := root.issue("misled", func(c *x509.Certificate) { c.OCSPServer = []string{bad.URL} })
		s := run(t, text(demands, ""))
		for _, c := range []struct{ text, want string }{
			{text(mute, ""), "bad OCSP status update for certificate at '" + mute.file + "': no available ocsp servers"},
			{text(misled, "ocsp { mode: always }"), "exhausted ocsp servers"},
		} {
			if err := s.reload(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("reload: %v, want %q", err, c.want)
			}
			if got := s.stapled(root); got != "good" {
				t.Errorf("stapled: %s", got)
			}
		}
	})
	t.Run("the status is kept", func(t *testing.T) {
		server := root.issue("server", mustStaple)
		s := run(t, text(server, ""))
		root.set(func(a *authority) { a.silent = true })
		defer root.set(func(a *authority) { a.silent = false })
		for _, more := range []string{"max_payload: 1000", "ocsp: { mode: always }"} {
			kit.OK(t, s.reload(text(server, "")+more))
			if got := s.stapled(root); got != "good" {
				t.Errorf("stapled: %s", got)
			}
		}
		if n := root.questions(server); n != 1 {
			t.Errorf("%d questions", n)
		}
	})
}

// TestStapleOfWebsocket: the certificate of that listener has a status of its own.
func TestStapleOfWebsocket(t *testing.T) {
	root := newAuthority(t, "Root", nil)
	plain, demands := root.issue("plain"), root.issue("demands", mustStaple)
	text := func(server *credential) string {
		return tlsBlock(plain, root.file, "") + "websocket { listen: '127.0.0.1:-1'\n" + tlsBlock(server, root.file, "") + "}\n"
	}
	s := run(t, text(demands))
	stapled := func() string {
		conn := kit.Must[*tls.Conn](t)(tls.Dial("tcp", strings.TrimPrefix(s.WebsocketURL(), "wss://"), &tls.Config{RootCAs: root.pool()}))
		defer conn.Close()
		return status(t, conn.ConnectionState())
	}
	if web, client := stapled(), s.stapled(root); web != "good" || client != "none" {
		t.Errorf("stapled: %s and %s", web, client)
	}
	kit.OK(t, s.reload(text(plain)))
	if web := stapled(); web != "none" {
		t.Errorf("stapled: %s", web)
	}
}

// TestResponderOfStaples: a responder may like one method of HTTP only; if one says
// nothing useful the next one is asked.
//
// Go: TestOCSPResponderHTTPMethods test/ocsp_test.go:3985
func TestResponderOfStaples(t *testing.T) {
	root := newAuthority(t, "Root", nil)
	server := root.issue("server")
	bad := httptest.NewServer(http.NotFoundHandler())
	defer bad.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	text := func(urls ...string) string {
		return fmt.Sprintf("ocsp { mode: always, urls: [ '%s' ] }\n", strings.Join(urls, "', '")) + tlsBlock(server, root.file, "")
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		root.set(func(a *authority) { a.methods = []string{method} })
		s := run(t, text(bad.URL, gone.URL, root.url))
		if got := s.stapled(root); got != "good" {
			t.Errorf("%s: stapled: %s", method, got)
		}
	}
	root.set(func(a *authority) { a.methods = []string{"TEST"} })
	_, err := prepare(t, text(root.url))
	want := regexp.MustCompile("^bad OCSP status update for certificate at '" + regexp.QuoteMeta(server.file) + "': exhausted ocsp servers: " +
		`non-ok http status on POST request \(reqlen=\d+\): 400\nnon-ok http status on GET request \(reqlen=\d+\): 400$`)
	if err == nil || !want.MatchString(err.Error()) {
		t.Errorf("error %v", err)
	}
}

// TestIssuerOfCertificate: the issuer, who signs the status, stands behind the
// certificate or among the trusted ones.
//
// Go: TestOCSPLocalIssuerDetermination test/ocsp_test.go:3449
func TestIssuerOfCertificate(t *testing.T) {
	root := newAuthority(t, "Root", nil)
	one, two := newAuthority(t, "One", root), newAuthority(t, "Two", root)
	dir := t.TempDir()
	for _, c := range []struct {
		name   string
		bundle []*x509.Certificate // behind the certificate
		roots  []*x509.Certificate // in the ca_file
		ok     bool
	}{
		{"issuer in the bundle", []*x509.Certificate{one.cert}, []*x509.Certificate{root.cert}, true},
		{"another one in the bundle", []*x509.Certificate{two.cert}, []*x509.Certificate{root.cert}, false},
		{"trusted, below the root", nil, []*x509.Certificate{one.cert, root.cert}, true},
		{"trusted, above the root", nil, []*x509.Certificate{root.cert, one.cert}, true},
		{"trusted, among others", nil, []*x509.Certificate{two.cert, one.cert, root.cert}, true},
		{"nowhere", nil, []*x509.Certificate{root.cert}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := one.issue("server")
			writeCerts(t, server.file, append([]*x509.Certificate{server.cert}, c.bundle...)...)
			trusted := filepath.Join(dir, "trusted.pem")
			writeCerts(t, trusted, c.roots...)
			s, err := prepare(t, "ocsp { mode: always }\n"+tlsBlock(server, trusted, ""))
			if !c.ok {
				if err == nil {
					t.Error("started")
				}
				return
			}
			kit.OK(t, err)
			pool := root.pool()
			pool.AddCert(one.cert)
			if got := s.stapledIn(pool); got != "good" {
				t.Errorf("stapled: %s", got)
			}
		})
	}
}

// TestCertificateOfEmbedder: who embeds the server need not have parsed the
// certificate.
//
// Go: TestOCSPTLSConfigNoLeafSet test/ocsp_test.go:3087
func TestCertificateOfEmbedder(t *testing.T) {
	root := newAuthority(t, "Root", nil)
	for _, details := range [][]detail{nil, {mustStaple}} {
		server := root.issue("server", details...)
		pair := tls.Certificate{Certificate: [][]byte{server.cert.Raw}, PrivateKey: server.key}
		s := godwittest.Run(t, &godwit.Options{
			HTTPHost: "127.0.0.1", HTTPSPort: godwit.RandomPort, TLSTimeout: 5,
			TLSConfig: &tls.Config{ServerName: "localhost", Certificates: []tls.Certificate{pair}, ClientCAs: root.pool()},
		})
		own := &site{Server: s, t: t}
		want := "none"
		if details != nil {
			want = "good"
		}
		if got := own.stapled(root); got != want {
			t.Errorf("stapled: %s, want %s", got, want)
		}
	}
}
