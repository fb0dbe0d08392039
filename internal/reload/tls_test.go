package reload

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
)

func TestSameTLS(t *testing.T) {
	base := func() *tls.Config {
		return &tls.Config{
			MinVersion: tls.VersionTLS12, CipherSuites: []uint16{1, 2}, CurvePreferences: []tls.CurveID{1},
			Certificates: []tls.Certificate{{Certificate: [][]byte{{1, 2}, {3}}}}, ClientCAs: x509.NewCertPool(),
		}
	}
	if !sameTLS(nil, nil) || !sameTLS(base(), base()) || !sameTLS(base(), base().Clone()) {
		t.Error("the same configuration is another one")
	}
	filled := x509.NewCertPool()
	filled.AddCert(&x509.Certificate{Raw: []byte{1}})
	for name, change := range map[string]func(*tls.Config){
		"version":        func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 },
		"verification":   func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert },
		"ciphers":        func(c *tls.Config) { c.CipherSuites = c.CipherSuites[:1] },
		"curves":         func(c *tls.Config) { c.CurvePreferences = nil },
		"certificate":    func(c *tls.Config) { c.Certificates[0].Certificate[1][0] = 9 },
		"no certificate": func(c *tls.Config) { c.Certificates = nil },
		"authorities":    func(c *tls.Config) { c.ClientCAs = filled },
		"no authorities": func(c *tls.Config) { c.ClientCAs = nil },
		"roots":          func(c *tls.Config) { c.RootCAs = filled },
		"trust":          func(c *tls.Config) { c.InsecureSkipVerify = true },
		"callback": func(c *tls.Config) {
			c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }
		},
	} {
		c := base()
		change(c)
		if sameTLS(base(), c) || sameTLS(c, base()) || sameTLS(nil, c) || sameTLS(c, nil) {
			t.Errorf("%s: not noticed", name)
		}
	}
}
