package ocspcheck

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync/atomic"
	"testing"
	"time"
)

// The certificates of tests are valid from before the clock of synctest starts.
var (
	validFrom = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	validTo   = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
)

var serials atomic.Int64

// identity is a certificate with its key and those who signed it, root last.
type identity struct {
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	chain []*x509.Certificate
}

// option changes a certificate before it is signed.
type option func(*x509.Certificate)

func asCA(c *x509.Certificate) {
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
}

func withResponders(urls ...string) option {
	return func(c *x509.Certificate) { c.OCSPServer = urls }
}

func withUsage(usage ...x509.ExtKeyUsage) option {
	return func(c *x509.Certificate) { c.ExtKeyUsage = usage }
}

func withFeatures(der ...byte) option {
	return func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: tlsFeature, Value: der})
	}
}

var mustStaple = withFeatures(0x30, 3, 2, 1, 5)

// issue makes a certificate that issuer signs; a nil issuer is the subject itself.
func issue(t testing.TB, issuer *identity, name string, opts ...option) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1000 + serials.Add(1)),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"Godwit"}},
		DNSNames:     []string{"localhost"},
		NotBefore:    validFrom, NotAfter: validTo,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
	}
	for _, opt := range opts {
		opt(template)
	}
	signer := issuer
	if issuer == nil {
		signer = &identity{cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.cert, key.Public(), signer.key)
	if err != nil {
		t.Fatal(err)
	}
	made := &identity{key: key}
	if made.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if issuer != nil {
		made.chain = append([]*x509.Certificate{issuer.cert}, issuer.chain...)
	}
	return made
}

// bundle returns the certificate with the first n of those above it.
func (i *identity) bundle(n int) tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{i.cert.Raw}, PrivateKey: i.key}
	for _, above := range i.chain[:n] {
		c.Certificate = append(c.Certificate, above.Raw)
	}
	return c
}

// verified returns the chain as a TLS handshake does.
func (i *identity) verified() []*x509.Certificate {
	return append([]*x509.Certificate{i.cert}, i.chain...)
}

func pool(certs ...*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}

func sha(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:]
}
