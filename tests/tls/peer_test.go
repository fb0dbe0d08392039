package tls_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"golang.org/x/crypto/ocsp"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// town is a root with two authorities below it, a server and two clients.
type town struct {
	t              testing.TB
	root, one, two *authority
	server         *credential
	a, b           *credential // of one and of two
}

func newTown(t testing.TB) *town {
	t.Helper()
	w := &town{t: t, root: newAuthority(t, "Root", nil)}
	w.one, w.two = newAuthority(t, "One", w.root), newAuthority(t, "Two", w.root)
	w.server = w.one.issue("server")
	w.a, w.b = w.one.issue("A"), w.two.issue("B")
	return w
}

// config asks clients for certificates; peer is what the tls block has more, more
// stands outside of it. Unless the text says something else, the cache is in a
// directory of its own.
func (w *town) config(peer, more string) string {
	w.t.Helper()
	if !strings.Contains(more, "ocsp_cache") {
		more += fmt.Sprintf("\nocsp_cache { local_store: '%s' }", w.t.TempDir())
	}
	return tlsBlock(w.server, w.root.file, "verify: true\n"+peer) + more
}

// connect connects with a client's certificate.
func (w *town) connect(s *site, url string, client *credential) (*nats.Conn, error) {
	w.t.Helper()
	return s.try(url, nats.RootCAs(w.root.file), client.option())
}

// accepts checks that a client can connect, and that messages pass.
func (w *town) accepts(s *site, client *credential) {
	w.t.Helper()
	nc := kit.Must[*nats.Conn](w.t)(w.connect(s, s.DialURL(), client))
	works(w.t, nc)
	nc.Close()
}

// rejects checks that a client is refused by TLS.
func (w *town) rejects(s *site, client *credential) {
	w.t.Helper()
	nc, err := w.connect(s, s.DialURL(), client)
	if err == nil {
		nc.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "remote error: tls: bad certificate") {
		w.t.Errorf("%s: error %v", client.name, err)
	}
}

// TestPeers connects clients whose certificate, or that of the authority above, has
// some status.
//
// Go: TestOCSPPeerGoodClients test/ocsp_peer_test.go:78
// Go: TestOCSPPeerUnknownClient test/ocsp_peer_test.go:223
// Go: TestOCSPPeerRevokedClient test/ocsp_peer_test.go:295
// Go: TestOCSPPeerUnknownAndRevokedIntermediate test/ocsp_peer_test.go:439
// Go: TestOCSPPeerGoodClientsNoneCache test/ocsp_peer_test.go:849
// Go: TestOCSPPeerWarnOnlyOption test/ocsp_peer_test.go:1903
// Go: TestOCSPPeerUnknownIsGoodOption test/ocsp_peer_test.go:2006
func TestPeers(t *testing.T) {
	t.Chdir(t.TempDir()) // of which the default cache is a part
	const long = "ocsp_peer { verify: true, ca_timeout: 5, allowed_clockskew: 30 }"
	for _, c := range []struct {
		name, peer, more string
		change           func(*town)
		a, b             bool // the clients are accepted
		asked            int  // how often about A
	}{
		{"good", "ocsp_peer: true", "", nil, true, true, 1},
		{"good, in the long form", long, "", nil, true, true, 1},
		{"good, cached by default", "ocsp_peer: true", "ocsp_cache: true", nil, true, true, 1},
		{"good, not cached", long, "ocsp_cache { type: none }", nil, true, true, 2},
		{"good, not cached, in the short form", long, "ocsp_cache: false", nil, true, true, 2},
		{"unknown", "ocsp_peer: true", "", unknownA, false, true, 1},
		{"revoked", "ocsp_peer: true", "", revokedA, false, true, 1},
		{"revoked, not cached", "ocsp_peer: true", "ocsp_cache: false", revokedA, false, true, 2},
		{"revoked, not asked about", "ocsp_peer: false", "", revokedA, true, true, 0},
		{"revoked, nothing configured", "", "", revokedA, true, true, 0},
		{"revoked, not asked about, in the long form", "ocsp_peer { verify: false }", "", revokedA, true, true, 0},
		{"revoked authority", "ocsp_peer: true", "", func(w *town) { w.root.tell(w.one.credential, ocsp.Revoked) }, false, true, 1},
		{"unknown authority", "ocsp_peer: true", "", func(w *town) { w.root.tell(w.two.credential, ocsp.Unknown) }, true, false, 1},
		{"no warn_only", "ocsp_peer { verify: true, warn_only: false }", "", revokedA, false, true, 1},
		{"warn_only", "ocsp_peer { verify: true, warn_only: true }", "", revokedA, true, true, 1},
		{"warn_only, nobody answers", "ocsp_peer { verify: true, warn_only: true }", "", func(w *town) { w.one.set(func(a *authority) { a.silent = true }) }, true, true, 0},
		{"nobody answers", "ocsp_peer: true", "", func(w *town) { w.one.set(func(a *authority) { a.silent = true }) }, false, true, 0},
		{"nobody answers, which may be", "ocsp_peer { verify: true, allow_when_ca_unreachable: true }", "", func(w *town) { w.one.set(func(a *authority) { a.silent = true }) }, true, true, 0},
		{"revoked, nobody has to answer", "ocsp_peer { verify: true, allow_when_ca_unreachable: true }", "", revokedA, false, true, 1},
		{"unknown is good", "ocsp_peer { verify: true, unknown_is_good: true }", "", unknownA, true, true, 1},
		{"unknown is good, revoked", "ocsp_peer { verify: true, unknown_is_good: true }", "", revokedA, false, true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newTown(t)
			if c.change != nil {
				c.change(w)
			}
			s := run(t, w.config(c.peer, c.more))
			for client, accepted := range map[*credential]bool{w.a: c.a, w.b: c.b} {
				for range 2 {
					if accepted {
						w.accepts(s, client)
					} else {
						w.rejects(s, client)
					}
				}
			}
			if n := w.one.questions(w.a); n != c.asked {
				t.Errorf("%d questions, want %d", n, c.asked)
			}
			warned := s.log.Count("WRN OCSP verify fail for [CN=A,O=Tests] but WarnOnly is true so allowing") > 0
			if want := strings.Contains(c.name, "warn_only") && c.a; warned != want {
				t.Errorf("warned: %v", warned)
			}
		})
	}
}

func unknownA(w *town) { w.one.tell(w.a, ocsp.Unknown) }
func revokedA(w *town) { w.one.tell(w.a, ocsp.Revoked) }

// TestSignerOfAnswers: an authority signs itself, or by somebody whom it has
// appointed for that.
//
// Go: TestOCSPPeerUndelegatedCAResponseSigner test/ocsp_peer_test.go:2596
// Go: TestOCSPPeerDelegatedCAResponseSigner test/ocsp_peer_test.go:2668
// Go: TestOCSPPeerBadDelegatedCAResponseSigner test/ocsp_peer_test.go:2740
func TestSignerOfAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		signer func(*town) *credential
		ok     bool
	}{
		{"itself", func(*town) *credential { return nil }, true},
		{"appointed", func(w *town) *credential { return w.one.issue("clerk", forOCSP) }, true},
		{"not appointed", func(w *town) *credential { return w.one.issue("friend") }, false},
		{"appointed by another one", func(w *town) *credential { return w.two.issue("stranger", forOCSP) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newTown(t)
			signer := c.signer(w)
			w.one.set(func(a *authority) { a.signer = signer })
			s := run(t, w.config("ocsp_peer: true", ""))
			if c.ok {
				w.accepts(s, w.a)
			} else {
				w.rejects(s, w.a)
			}
			w.accepts(s, w.b)
		})
	}
}

// TestAdvisoriesAboutPeers: the system account hears of refused clients, and of
// what is wrong with their certificates.
func TestAdvisoriesAboutPeers(t *testing.T) {
	w := newTown(t)
	s := run(t, w.config("ocsp_peer: true", `
		accounts { SYS { users: [ { user: sys, password: pw } ] }, A { users: [ { user: a, password: pw } ] } }
		system_account: SYS
		no_auth_user: a`))
	system := kit.Must[*nats.Conn](t)(s.try(s.DialURL(), nats.RootCAs(w.root.file), w.b.option(), nats.UserInfo("sys", "pw")))
	sub := kit.Must[*nats.Subscription](t)(system.SubscribeSync("$SYS.SERVER." + s.ID() + ".OCSP.PEER.>"))
	kit.OK(t, system.FlushTimeout(kit.Patience))
	w.root.tell(w.one.credential, ocsp.Revoked)
	w.rejects(s, w.a)
	got := make(map[string]map[string]any)
	for range 2 {
		m := kit.Must[*nats.Msg](t)(sub.NextMsg(kit.Patience))
		var advisory map[string]any
		kit.OK(t, json.Unmarshal(m.Data, &advisory))
		got[m.Subject[strings.LastIndex(m.Subject, "PEER.")+5:]] = advisory
	}
	peer := map[string]any{"subject": "CN=A,O=Tests", "issuer": "CN=One,O=Tests", "fingerprint": w.a.fingerprint()}
	authority := map[string]any{"subject": "CN=One,O=Tests", "issuer": "CN=Root,O=Tests", "fingerprint": w.one.fingerprint()}
	for _, c := range []struct {
		event, kind, reason string
		about               map[string]map[string]any
	}{
		{"CONN.REJECT", "io.nats.server.advisory.v1.ocsp_peer_reject", "client not OCSP valid", map[string]map[string]any{"peer": peer}},
		{"LINK.INVALID", "io.nats.server.advisory.v1.ocsp_peer_link_invalid", "Invalid OCSP response status: revoked",
			map[string]map[string]any{"peer": peer, "link": authority}},
	} {
		a := got[c.event]
		if a["type"] != c.kind || a["reason"] != c.reason {
			t.Errorf("%s: %v", c.event, a)
		}
		if server, _ := a["server"].(map[string]any); server["id"] != s.ID() {
			t.Errorf("%s: server %v", c.event, a["server"])
		}
		for part, want := range c.about {
			described, _ := a[part].(map[string]any)
			for key, value := range want {
				if described[key] != value {
					t.Errorf("%s: %s of %s is %v, want %v", c.event, key, part, described[key], value)
				}
			}
		}
	}
	if got["CONN.REJECT"]["kind"] != "Client" {
		t.Errorf("kind %v", got["CONN.REJECT"]["kind"])
	}
}

// TestPeersOfWebsocket: the check applies to that listener if its own block says
// so.
func TestPeersOfWebsocket(t *testing.T) {
	w := newTown(t)
	web := func(peer string) string {
		return "websocket { listen: '127.0.0.1:-1'\n" + tlsBlock(w.server, w.root.file, "verify: true\n"+peer) + "}\n"
	}
	s := run(t, w.config("", web("ocsp_peer: true")))
	revokedA(w)
	w.accepts(s, w.a) // not over WebSocket
	address := s.WebsocketURL()
	if _, err := w.connect(s, address, w.a); err == nil {
		t.Error("a revoked client is connected")
	}
	kit.Eventually(t, "the log says why", func() bool { return s.log.Count("client not OCSP valid") == 1 })
	works(t, kit.Must[*nats.Conn](t)(w.connect(s, address, w.b)))
	if v := s.varz(); v.TLSOCSPPeerVerify || !v.Websocket.TLSOCSPPeerVerify || v.OCSPResponseCache == nil {
		t.Errorf("monitoring: %v, %v, %v", v.TLSOCSPPeerVerify, v.Websocket.TLSOCSPPeerVerify, v.OCSPResponseCache)
	}
	kit.OK(t, s.reload(w.config("ocsp_peer: true", web(""))))
	w.rejects(s, w.a)
	works(t, kit.Must[*nats.Conn](t)(w.connect(s, address, w.a)))
	if v := s.varz(); !v.TLSOCSPPeerVerify || v.Websocket.TLSOCSPPeerVerify {
		t.Errorf("monitoring: %v, %v", v.TLSOCSPPeerVerify, v.Websocket.TLSOCSPPeerVerify)
	}
}

// TestPeersOfEmbedder: the check does not depend on how the server's own
// certificate is found.
func TestPeersOfEmbedder(t *testing.T) {
	w := newTown(t)
	pair := kit.Must[tls.Certificate](t)(tls.LoadX509KeyPair(w.server.file, w.server.keys))
	for name, config := range map[string]*tls.Config{
		"list":     {Certificates: []tls.Certificate{pair}},
		"function": {GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }},
	} {
		t.Run(name, func(t *testing.T) {
			config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, w.root.pool()
			o := kit.Must[*godwit.Options](t)(godwit.ProcessConfigString("listen: 127.0.0.1:-1\nocsp_cache: false\n" +
				tlsBlock(w.server, w.root.file, "verify: true\nocsp_peer: true")))
			o.TLSConfig = config
			s := &site{Server: kit.Must[*godwit.Server](t)(godwit.NewServer(o)), t: t}
			t.Cleanup(s.Shutdown)
			kit.OK(t, s.Start())
			w.one.tell(w.a, ocsp.Revoked)
			w.rejects(s, w.a)
			w.accepts(s, w.b)
		})
	}
}

// TestStapleAndPeer: a server can do both.
//
// Go: TestOCSPStapleFeatureInterop test/ocsp_peer_test.go:1754
func TestStapleAndPeer(t *testing.T) {
	w := newTown(t)
	s := run(t, w.config("ocsp_peer { verify: true, ca_timeout: 5, allowed_clockskew: 30 }", "ocsp { mode: always }"))
	connect := func(client *credential) (stapled string, err error) {
		config := &tls.Config{VerifyConnection: func(state tls.ConnectionState) error {
			stapled = status(t, state)
			return nil
		}}
		nc, err := s.try(s.DialURL(), nats.Secure(config), nats.RootCAs(w.root.file), client.option())
		if err == nil {
			works(t, nc)
		}
		return stapled, err
	}
	if stapled, err := connect(w.a); stapled != "good" || err != nil {
		t.Errorf("good: stapled %s, %v", stapled, err)
	}
	bad := w.one.issue("bad")
	w.one.tell(bad, ocsp.Revoked)
	if stapled, err := connect(bad); stapled != "good" || err == nil || !strings.Contains(err.Error(), "tls: bad certificate") {
		t.Errorf("bad: stapled %s, %v", stapled, err)
	}
}

// TestMonitoringOverTLS: the monitoring port has the certificate of the client
// listener, with its staple, and asks nobody for theirs.
//
// Go: TestOCSPMonitoringPort test/ocsp_peer_test.go:2953
func TestMonitoringOverTLS(t *testing.T) {
	for _, c := range []struct{ name, peer, more, stapled string }{
		{"peers", "ocsp_peer { verify: true, ca_timeout: 5, allowed_clockskew: 30 }", "", "none"},
		{"staple", "", "ocsp { mode: always, url: '%s' }", "good"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newTown(t)
			if c.more != "" {
				c.more = fmt.Sprintf(c.more, w.one.url)
			}
			s := run(t, w.config(c.peer, "https: '127.0.0.1:-1'\n"+c.more))
			w.accepts(s, w.a)
			pair := kit.Must[tls.Certificate](t)(tls.LoadX509KeyPair(w.a.file, w.a.keys))
			for name, certificates := range map[string][]tls.Certificate{"with a certificate": {pair}, "without one": nil} {
				transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.root.pool(), Certificates: certificates}}
				client := &http.Client{Transport: transport, Timeout: kit.Patience}
				r, err := client.Get("https://" + s.MonitorAddr().String())
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				body := kit.Must[[]byte](t)(io.ReadAll(r.Body))
				r.Body.Close()
				transport.CloseIdleConnections()
				if got := status(t, *r.TLS); r.StatusCode != http.StatusOK || got != c.stapled || len(body) == 0 {
					t.Errorf("%s: status %d, stapled %s", name, r.StatusCode, got)
				}
			}
		})
	}
}

// TestPeersNeedVerification: who does not ask for certificates cannot check them.
func TestPeersNeedVerification(t *testing.T) {
	w := newTown(t)
	for _, text := range []string{
		tlsBlock(w.server, w.root.file, "ocsp_peer: true"),
		"websocket { listen: '127.0.0.1:-1'\n" + tlsBlock(w.server, w.root.file, "ocsp_peer: true") + "}\n",
	} {
		_, err := prepare(t, text)
		if err == nil || !strings.Contains(err.Error(), "OCSP peer verification for client connections requires TLS verify (mTLS) to be enabled") {
			t.Errorf("error %v", err)
		}
	}
}
