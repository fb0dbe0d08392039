package auth

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/godwit-mq/godwit/internal/options"
)

// Fingerprint is the hex SHA-256 of DER bytes.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// CheckPinned checks the peer's certificate against the pinned public keys.
func CheckPinned(state tls.ConnectionState, pins options.PinnedCertSet) error {
	if len(state.PeerCertificates) > 0 {
		if _, ok := pins[Fingerprint(state.PeerCertificates[0].RawSubjectPublicKeyInfo)]; ok {
			return nil
		}
	}
	return errors.New("certificate not pinned")
}

// byCertificate takes the user from the client's certificate. Only the first
// certificate counts, and the first of its names that is a user's.
func (a *Authenticator) byCertificate(r *Request, v Verdict) Verdict {
	if r.TLS == nil {
		v.debugf("User required in cert, no TLS connection state")
		return v
	}
	if len(r.TLS.PeerCertificates) == 0 {
		v.debugf("User required in cert, no peer certificates found")
		return v
	}
	u := a.mapped(r.TLS.PeerCertificates[0], r.ConnectionType, &v)
	if u == nil {
		return v
	}
	v.User, v.who, v.Label = u.name, fmt.Sprintf("User %q", u.name), "user:"+u.name
	if u.password != "" && !samePassword(u.password, r.Connect.Password) {
		return v
	}
	return a.accept(u, r, v)
}

// mapped looks the certificate's names up, in order.
func (a *Authenticator) mapped(cert *x509.Certificate, kind string, v *Verdict) *user {
	find := func(name, how string) *user {
		if u := a.users[name]; u != nil && u.allows(kind) && name != "" && !(a.hidden && name == a.noAuthUser) {
			v.debugf("Using %s for auth [%q]", how, name)
			return u
		}
		return nil
	}
	for _, name := range cert.EmailAddresses {
		if u := find(name, "email found in cert"); u != nil {
			return u
		}
	}
	for _, name := range cert.DNSNames {
		if u := find(name, "SAN found in cert"); u != nil {
			return u
		}
	}
	for _, uri := range cert.URIs {
		if u := find(uri.String(), "URI found in cert"); u != nil {
			return u
		}
	}
	if u := a.byDN(cert, kind, v); u != nil {
		return u
	}
	plain := cert.Subject.String()
	if full := plain + domainComponents(cert); full != plain {
		if u := find(full, "RDNSequence"); u != nil {
			return u
		}
	}
	if u := find(plain, "certificate subject"); u != nil {
		return u
	}
	v.debugf("User in cert [%q], not found", plain)
	return nil
}

var oidDomainComponent = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}

// domainComponents renders the DCs of the subject in certificate order.
func domainComponents(cert *x509.Certificate) string {
	text := ""
	for _, n := range cert.Subject.Names {
		if n.Type.Equal(oidDomainComponent) {
			text += fmt.Sprintf(",DC=%v", n.Value)
		}
	}
	return text
}

// byDN compares the subject as a distinguished name with the users' names:
// equal ones first, then those with the same parts in another order.
func (a *Authenticator) byDN(cert *x509.Certificate, kind string, v *Verdict) *user {
	subject, err := subjectDN(cert.RawSubject)
	if err != nil || len(subject) == 0 {
		return nil
	}
	var reordered *user
	for _, name := range a.names {
		u := a.users[name]
		dn, err := parseDN(name)
		if err != nil || !u.allows(kind) {
			continue
		}
		if dn.equal(subject) {
			v.debugf("Using DistinguishedNameMatch for auth [%q]", name)
			return u
		}
		if reordered == nil && dn.sameParts(subject) {
			reordered = u
		}
	}
	if reordered != nil {
		v.debugf("Using DistinguishedNameMatch for auth [%q]", reordered.name)
	}
	return reordered
}
