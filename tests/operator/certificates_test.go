package operator_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/tests/kit"
)

// Go: TestAuthCalloutClientTLSCerts server/auth_callout_test.go:806
// Go: TestAuthCalloutWSClientTLSCerts server/auth_callout_test.go:2194
func TestTheServiceSeesCertificates(t *testing.T) {
	a := kit.NewAuthority(t)
	secure := []nats.Option{nats.Secure(a.TLS(a.Issue(pkix.Name{CommonName: "example.com"}))), nats.NoReconnect()}
	block := "tls { " + a.Server().Lines() + ", verify: true }"
	issuer := newAccount(t)
	s := start(t, `listen: 127.0.0.1:-1
		server_name: T
		`+block+`
		websocket { listen: 127.0.0.1:-1, `+block+` }
		accounts { AUTH { users [{user: auth, password: pwd}] }, FOO {} }
		authorization { timeout: 2s, auth_callout { issuer: `+issuer.Public+`, account: AUTH, auth_users: [auth] } }`)
	service := connect(t, s, append(secure, nats.UserInfo("auth", "pwd"))...)
	var times atomic.Int32
	serveCallout(t, service, nil, func(q *asked) []byte {
		times.Add(1)
		seen := q.TLS
		if q.Server.Name != "T" || q.ClientInformation.Host != "127.0.0.1" || seen == nil || len(seen.Certs) != 0 ||
			len(seen.VerifiedChains) != 1 || len(seen.VerifiedChains[0]) != 2 || seen.Version == "" || seen.Cipher == "" {
			t.Errorf("server %+v, client %+v, TLS %+v", q.Server, q.ClientInformation, seen)
			return nil
		}
		block, _ := pem.Decode([]byte(seen.VerifiedChains[0][0]))
		certificate := kit.Must[*x509.Certificate](t)(x509.ParseCertificate(block.Bytes))
		if !strings.HasPrefix(certificate.Subject.String(), "CN=example.com") {
			t.Errorf("certificate of %s", certificate.Subject)
		}
		return q.let(issuer, q.grant(issuer, func(c *jwt.UserClaims) { c.Name, c.Audience = "dlc", "FOO" }))
	})
	for _, url := range []string{s.ClientURL(), s.PortsInfo(kit.Patience).WebSocket[0]} {
		nc := kit.Must[*nats.Conn](t)(nats.Connect(url, secure...))
		if who := whoami(t, nc); who.User != "dlc" || who.Account != "FOO" {
			t.Errorf("%s: %+v", url, who)
		}
		nc.Close()
	}
	if times.Load() != 2 {
		t.Errorf("asked %d times", times.Load())
	}
}
