package operator_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/tests/kit"
)

// authority issues certificates.
type authority struct {
	t           testing.TB
	dir         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	serial      int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.certificate, a.key = a.issue("ca", "Authority")
	return a
}

// issue writes a certificate and its key to files of a name.
func (a *authority) issue(name, common string) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key := kit.Must[*ecdsa.PrivateKey](a.t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: common}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	parent, signer := a.certificate, a.key
	if parent == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
		parent, signer = template, key
	}
	der := kit.Must[[]byte](a.t)(x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer))
	a.write(name+".pem", "CERTIFICATE", der)
	a.write(name+"-key.pem", "PRIVATE KEY", kit.Must[[]byte](a.t)(x509.MarshalPKCS8PrivateKey(key)))
	return kit.Must[*x509.Certificate](a.t)(x509.ParseCertificate(der)), key
}

func (a *authority) write(file, kind string, der []byte) {
	a.t.Helper()
	kit.OK(a.t, os.WriteFile(a.file(file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// block is the part of a configuration that asks for certificates.
func (a *authority) block() string {
	return "tls { cert_file: '" + a.file("server.pem") + "', key_file: '" + a.file("server-key.pem") + "', ca_file: '" + a.file("ca.pem") + "', verify: true }"
}

// Go: TestAuthCalloutClientTLSCerts server/auth_callout_test.go:806
// Go: TestAuthCalloutWSClientTLSCerts server/auth_callout_test.go:2194
func TestTheServiceSeesCertificates(t *testing.T) {
	a := newAuthority(t)
	a.issue("server", "server")
	a.issue("client", "example.com")
	secure := []nats.Option{
		nats.ClientCert(a.file("client.pem"), a.file("client-key.pem")), nats.RootCAs(a.file("ca.pem")), nats.NoReconnect(),
	}
	issuer := newAccount(t)
	s := start(t, `listen: 127.0.0.1:-1
		server_name: T
		`+a.block()+`
		websocket { listen: 127.0.0.1:-1, `+a.block()+` }
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
