package reload

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"reflect"
	"slices"
)

// sameTLS reports whether two configurations, of a listener or for connections that
// the server makes, have the same effect.
// The names of files say nothing about that: a new certificate often takes the
// place of the old one.
func sameTLS(a, b *tls.Config) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.MinVersion == b.MinVersion && a.ClientAuth == b.ClientAuth &&
		slices.Equal(a.CipherSuites, b.CipherSuites) && slices.Equal(a.CurvePreferences, b.CurvePreferences) &&
		slices.EqualFunc(a.Certificates, b.Certificates, sameCertificate) && samePool(a.ClientCAs, b.ClientCAs) &&
		samePool(a.RootCAs, b.RootCAs) && a.InsecureSkipVerify == b.InsecureSkipVerify &&
		sameFunc(a.GetCertificate, b.GetCertificate) && sameFunc(a.GetConfigForClient, b.GetConfigForClient) &&
		sameFunc(a.VerifyPeerCertificate, b.VerifyPeerCertificate) && sameFunc(a.VerifyConnection, b.VerifyConnection)
}

func sameCertificate(a, b tls.Certificate) bool {
	return slices.EqualFunc(a.Certificate, b.Certificate, bytes.Equal)
}

func samePool(a, b *x509.CertPool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(b)
}

// sameFunc reports whether two callbacks of an embedding program are one function.
func sameFunc(a, b any) bool { return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer() }
