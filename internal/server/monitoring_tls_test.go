package server

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/options"
)

// Go: TestMonitorConnzClosedConnsBadTLSClient server/monitor_test.go:2158
func TestConnzOfAPlainClientOfATLSServer(t *testing.T) {
	s := monitored(t, &options.Options{TLSConfig: newAuthority(t).server(t), TLSTimeout: 5})
	p := dial(t, s)
	p.send("CONNECT {}\r\n")
	p.conn.Close()
	sound(t, s)
	if got := lastClosed(t, s, 1); got != "TLS Handshake Failure" {
		t.Errorf("closed: %s", got)
	}
}

// Go: TestMonitorConnzTLSInHandshake server/monitor_test.go:2369
func TestConnzDoesNotWaitForAHandshake(t *testing.T) {
	s := monitored(t, &options.Options{TLSConfig: newAuthority(t).server(t), TLSTimeout: patience.Seconds()})
	began := time.Now()
	dial(t, s) // has read INFO, does not begin the handshake
	for mode, z := range connz(t, s, "", nil) {
		if len(z.Conns) != 1 || z.Conns[0].TLSVersion != "" || z.Conns[0].TLSCipher != "" {
			t.Errorf("%s: %+v", mode, z)
		}
	}
	if took := time.Since(began); took >= patience/2 {
		t.Errorf("took %v", took)
	}
	if n := s.NumClients(); n != 1 {
		t.Errorf("%d clients: the handshake has ended", n)
	}
}

// Go: TestMonitorConnzTLSPeerCerts server/monitor_test.go:2473
func TestConnzShowsTheCertificatesOfClients(t *testing.T) {
	ca := newAuthority(t)
	config := ca.server(t)
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool
	cert := ca.issue(t, x509.Certificate{Subject: pkix.Name{CommonName: "localhost", Organization: []string{"Acme"}, Country: []string{"US"}}})
	s := monitored(t, &options.Options{TLSConfig: config, TLSVerify: true, TLSTimeout: 5})
	join(t, s, nats.Secure(ca.client(cert)))
	for mode, z := range connz(t, s, "", nil) {
		if len(z.Conns) != 1 || z.Conns[0].TLSPeerCerts != nil || z.Conns[0].TLSVersion != "1.3" {
			t.Errorf("%s, not asked for: %+v", mode, z)
		}
	}
	key, whole := sha256.Sum256(cert.Leaf.RawSubjectPublicKeyInfo), sha256.Sum256(cert.Leaf.Raw)
	want := api.TLSPeerCert{Subject: "CN=localhost,O=Acme,C=US", SubjectPKISha256: hex.EncodeToString(key[:]), CertSha256: hex.EncodeToString(whole[:])}
	for mode, z := range connz(t, s, "?auth=1", &api.ConnzOptions{Username: true}) {
		if len(z.Conns) != 1 || len(z.Conns[0].TLSPeerCerts) != 1 || *z.Conns[0].TLSPeerCerts[0] != want {
			t.Errorf("%s: %+v", mode, z)
		}
	}
}

// Go: TestTLSConnz test/monitor_test.go:350
func TestConnzOverTLS(t *testing.T) {
	ca := newAuthority(t)
	s := startConfig(t, `
		listen: "127.0.0.1:-1", https: -1
		authorization { user: derek, password: monkey }
		`+ca.files(t).block(""))
	nc := chat(t, s, nats.UserInfo("derek", "monkey"), nats.Secure(ca.client()))
	subscribe(t, nc, "foo")
	cert := ca.issue(t, x509.Certificate{Subject: pkix.Name{CommonName: "probe"}})
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: ca.client(cert)}
	resp, err := (&http.Client{Transport: transport, Timeout: patience}).Get("https://" + s.MonitorAddr().String() + "/connz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var z api.Connz
	if err := json.NewDecoder(resp.Body).Decode(&z); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	if z.NumConns != 1 || z.Total != 1 || len(z.Conns) != 1 {
		t.Fatalf("got %+v", z)
	}
	c := z.Conns[0]
	if c.Cid == 0 || c.IP != "127.0.0.1" || c.Port == 0 || c.NumSubs != 1 || len(c.Subs) != 0 {
		t.Errorf("got %+v", c)
	}
	if c.InMsgs != 1 || c.OutMsgs != 1 || c.InBytes != 5 || c.OutBytes != 5 {
		t.Errorf("traffic %+v", c)
	}
	if c.Start.IsZero() || c.LastActivity.Before(c.Start) || c.Uptime == "" || c.Idle == "" || c.TLSVersion != "1.3" {
		t.Errorf("got %+v", c)
	}
}

// Go: TestMonitorNoTLSConfig test/monitor_test.go:810
func TestMonitoringOverTLSNeedsACertificate(t *testing.T) {
	o := &options.Options{Host: "127.0.0.1", Port: options.RandomPort, HTTPHost: "127.0.0.1", HTTPSPort: options.RandomPort}
	if s, err := New(o); err == nil || !strings.Contains(err.Error(), "TLS") {
		s.Shutdown()
		t.Fatalf("without one: %v", err)
	}
	o.TLSConfig = newAuthority(t).server(t)
	if s := start(t, o); s.MonitorAddr() == nil {
		t.Error("with one it does not listen")
	}
}
