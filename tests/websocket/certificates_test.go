package websocket_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/tests/kit"
)

// authority makes certificates.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
	file string
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t), pool: x509.NewCertPool(), file: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.cert = a.sign(template, template, &a.key.PublicKey)
	a.pool.AddCert(a.cert)
	kit.Write(t, a.file, encode("CERTIFICATE", a.cert.Raw))
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(template, parent *x509.Certificate, public *ecdsa.PublicKey) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// credential is a certificate with its key, in memory and in files.
type credential struct {
	tls.Certificate
	lines string // of a tls block
	pin   string
}

// issue makes a certificate for a subject, valid for names and addresses.
func (a *authority) issue(subject pkix.Name, hosts ...string) credential {
	a.t.Helper()
	key := newKey(a.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: subject, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	cert := a.sign(template, a.cert, &key.PublicKey)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	certPEM, keyPEM := encode("CERTIFICATE", cert.Raw), encode("EC PRIVATE KEY", der)
	dir := a.t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	kit.Write(a.t, certFile, certPEM)
	kit.Write(a.t, keyFile, keyPEM)
	pair, err := tls.X509KeyPair([]byte(certPEM), []byte(keyPEM))
	if err != nil {
		a.t.Fatal(err)
	}
	digest := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return credential{pair, fmt.Sprintf("cert_file: %q, key_file: %q, ca_file: %q", certFile, keyFile, a.file), hex.EncodeToString(digest[:])}
}

// server is a certificate for servers of tests.
func (a *authority) server() credential {
	a.t.Helper()
	return a.issue(pkix.Name{CommonName: "server"}, "127.0.0.1", "localhost")
}

// config is what a client needs that trusts the authority and shows credentials.
func (a *authority) config(shows ...credential) *tls.Config {
	c := &tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1"}
	for _, s := range shows {
		c.Certificates = append(c.Certificates, s.Certificate)
	}
	return c
}

// secure is a configuration whose WebSocket listener has TLS with more settings.
func (c credential) secure(settings string) string {
	return fmt.Sprintf("websocket { listen: \"127.0.0.1:-1\", tls { %s, %s } }\n", c.lines, settings)
}
