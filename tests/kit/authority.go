package kit

import (
	"crypto"
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
)

// Authority issues certificates that are good for an hour.
type Authority struct {
	Pool *x509.CertPool // with its own certificate alone
	File string         // with its own certificate
	t    testing.TB
	cert *x509.Certificate
	key  crypto.Signer
	made int64
}

// NewAuthority makes an authority that signs its own certificate.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t, key: NewKey(t), Pool: x509.NewCertPool(), File: filepath.Join(t.TempDir(), "ca.pem"), made: 1}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der := Must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key))
	a.cert = Must[*x509.Certificate](t)(x509.ParseCertificate(der))
	a.Pool.AddCert(a.cert)
	writePEM(t, a.File, "CERTIFICATE", der)
	return a
}

// NewKey makes a key for a certificate, the kind that is quick to make.
func NewKey(t testing.TB) crypto.Signer {
	t.Helper()
	return Must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
}

// Certificate is a certificate with its key, also as files.
type Certificate struct {
	tls.Certificate
	File, KeyFile string
	CAFile        string // of the authority
	Pin           string // for pinned_certs
}

// Issue makes a certificate, for servers and clients, with the names and addresses of
// hosts.
func (a *Authority) Issue(subject pkix.Name, hosts ...string) Certificate {
	a.t.Helper()
	return a.IssueFor(NewKey(a.t), subject, hosts...)
}

// IssueFor is Issue for a certain key.
func (a *Authority) IssueFor(key crypto.Signer, subject pkix.Name, hosts ...string) Certificate {
	a.t.Helper()
	a.made++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.made), Subject: subject, NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der := Must[[]byte](a.t)(x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key))
	leaf := Must[*x509.Certificate](a.t)(x509.ParseCertificate(der))
	digest := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	dir := a.t.TempDir()
	c := Certificate{
		Certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf},
		File:        filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"), CAFile: a.File,
		Pin: hex.EncodeToString(digest[:]),
	}
	writePEM(a.t, c.File, "CERTIFICATE", der)
	writePEM(a.t, c.KeyFile, "PRIVATE KEY", Must[[]byte](a.t)(x509.MarshalPKCS8PrivateKey(key)))
	return c
}

// Server makes a certificate for a server on this machine.
func (a *Authority) Server() Certificate {
	a.t.Helper()
	return a.Issue(pkix.Name{CommonName: "server"}, "127.0.0.1", "localhost")
}

// TLS is what a client on this machine needs that trusts the authority alone and shows
// certificates.
func (a *Authority) TLS(shows ...Certificate) *tls.Config {
	c := &tls.Config{RootCAs: a.Pool, ServerName: "127.0.0.1"}
	for _, s := range shows {
		c.Certificates = append(c.Certificates, s.Certificate)
	}
	return c
}

// Lines are the files as lines of a tls block.
func (c Certificate) Lines() string {
	return fmt.Sprintf("cert_file: %q, key_file: %q, ca_file: %q", c.File, c.KeyFile, c.CAFile)
}

func writePEM(t testing.TB, file, kind string, der []byte) {
	t.Helper()
	Write(t, file, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}
