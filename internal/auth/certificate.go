package auth

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
)

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
	if r.Connect.Username != "" {
		v.Warnings = append(v.Warnings, fmt.Sprintf("User %q found in connect proto, but user required from cert", r.Connect.Username))
	}
	u := a.mapped(r.TLS.PeerCertificates[0], r.ConnectionType, &v)
	if u == nil {
		return v
	}
	v.User, v.who, v.Label = u.name, fmt.Sprintf("User %q", u.name), "user:"+u.name
	if u.proxy && v.ProxyKey == "" {
		return a.accept(u, r, v)
	}
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

// namedDN is a user whose name is a distinguished name.
type namedDN struct {
	dn   distinguishedName
	user *user
}

// byDN compares the subject as a distinguished name with the users' names:
// equal ones first, then those with the same parts in another order.
func (a *Authenticator) byDN(cert *x509.Certificate, kind string, v *Verdict) *user {
	subject, err := subjectDN(cert.RawSubject)
	if err != nil || len(subject) == 0 {
		return nil
	}
	var reordered *user
	for _, candidate := range a.dns {
		u := candidate.user
		if !u.allows(kind) {
			continue
		}
		if candidate.dn.equal(subject) {
			v.debugf("Using DistinguishedNameMatch for auth [%q]", u.name)
			return u
		}
		if reordered == nil && candidate.dn.sameParts(subject) {
			reordered = u
		}
	}
	if reordered != nil {
		v.debugf("Using DistinguishedNameMatch for auth [%q]", reordered.name)
	}
	return reordered
}
