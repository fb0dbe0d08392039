package ocspcheck

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// maxResponders is how many responders are asked about one certificate, at most.
const maxResponders = 8

var errNoIssuer = errors.New("no issuers found")

// Fingerprint returns the base64 of the SHA-256 of a whole certificate, by which
// caches and events name it.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// subject names a certificate in logs and events: "CN=...,O=...". Different
// certificates may have the same.
func subject(cert *x509.Certificate) string { return cert.Subject.ToRDNSequence().String() }

// tlsFeature is the extension by which a certificate demands things of its
// server (RFC 7633); statusRequest is the demand to staple.
var tlsFeature = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}

const statusRequest = 5

// MustStaple tells whether a certificate demands to be stapled.
func MustStaple(cert *x509.Certificate) bool {
	for _, extension := range cert.Extensions {
		if extension.Id.Equal(tlsFeature) {
			return demandsStatus(extension.Value)
		}
	}
	return false
}

func demandsStatus(der []byte) bool {
	var features []int
	rest, err := asn1.Unmarshal(der, &features)
	if err != nil || len(rest) > 0 {
		return false
	}
	for _, feature := range features {
		if feature == statusRequest {
			return true
		}
	}
	return false
}

// webResponders lists the responders of a certificate that can be asked: it is
// not checked if there are none.
func webResponders(cert *x509.Certificate) []string {
	var list []string
	for _, text := range cert.OCSPServer {
		if len(list) == maxResponders {
			break
		}
		u, err := url.ParseRequestURI(text)
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") {
			list = append(list, u.String())
		}
	}
	return list
}

// findIssuer returns the issuer of the first certificate of a bundle: the second
// one, or if there is none, one that leads to the roots. Nil roots are those of
// the operating system.
func findIssuer(bundle []*x509.Certificate, roots *x509.CertPool, now time.Time) (*x509.Certificate, error) {
	leaf := bundle[0]
	var issuer *x509.Certificate
	if len(bundle) > 1 {
		issuer = bundle[1]
		if err := issuer.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature); err != nil {
			return nil, fmt.Errorf("%w: the second certificate did not sign the first: %w", errNoIssuer, err)
		}
	} else {
		chains, err := leaf.Verify(x509.VerifyOptions{
			Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNoIssuer, err)
		}
		if len(chains[0]) < 2 {
			return nil, fmt.Errorf("%w: %s is its own", errNoIssuer, subject(leaf))
		}
		issuer = chains[0][1]
	}
	if !issuer.IsCA {
		return nil, fmt.Errorf("%s invalid ca basic constraints: is not ca", issuer.Subject)
	}
	return issuer, nil
}
