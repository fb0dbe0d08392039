package auth

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"

	"github.com/godwit-mq/godwit/internal/options"
)

// mapsCertificate reports whether the user comes from the connection's
// certificate. Connections inside of the process came by no listener; those
// without TLS give their names and passwords.
func (q *inquiry) mapsCertificate() bool {
	switch q.request.ConnectionType {
	case options.ConnectionStandard:
		return q.maps
	case options.ConnectionWebsocket:
		return q.maps && q.listener == WebSocket
	case options.ConnectionInProcess:
		return q.maps && q.request.TLS != nil
	}
	return false
}

// byCertificate takes the user from the client's certificate. Only the first
// certificate counts, and the first of its names that is a user's.
func (q *inquiry) byCertificate() bool {
	state := q.request.TLS
	if state == nil {
		q.verdict.debugf("User required in cert, no TLS connection state")
		return false
	}
	if len(state.PeerCertificates) == 0 {
		q.verdict.debugf("User required in cert, no peer certificates found")
		return false
	}
	u := q.mapped(state.PeerCertificates[0])
	if u == nil {
		return false
	}
	if q.connect.Username != "" {
		q.verdict.Warnings = append(q.verdict.Warnings,
			fmt.Sprintf("User %q found in connect proto, but user required from cert", q.connect.Username))
	}
	q.verdict.setUser(u.name)
	q.verdict.found(u)
	if q.lacksProxy(u.proxy) {
		return false
	}
	return (u.password == "" || samePassword(u.password, q.connect.Password)) && q.admit(u)
}

// mapped looks the certificate's names up, in their order.
func (q *inquiry) mapped(cert *x509.Certificate) *user {
	for _, name := range cert.EmailAddresses {
		if u := q.lookUp(name, "email found in cert"); u != nil {
			return u
		}
	}
	for _, name := range cert.DNSNames {
		if u := q.lookUp(name, "SAN found in cert"); u != nil {
			return u
		}
	}
	for _, uri := range cert.URIs {
		if u := q.lookUp(uri.String(), "URI found in cert"); u != nil {
			return u
		}
	}
	if u := q.byDN(cert.RawSubject); u != nil {
		q.verdict.debugf("Using DistinguishedNameMatch for auth [%q]", u.name)
		return u
	}
	// Attributes that this rendering does not know, domain components among them,
	// are left out of it.
	text := cert.Subject.ToRDNSequence().String()
	if components := domainComponents(cert.RawSubject); components != "" {
		if u := q.lookUp(text+","+components, "RDNSequence"); u != nil {
			return u
		}
	}
	if u := q.lookUp(text, "certificate subject"); u != nil {
		return u
	}
	q.verdict.debugf("User in cert [%q], not found", text)
	return nil
}

// lookUp finds a user that this connection may use, and tells how it was found.
func (q *inquiry) lookUp(name, how string) *user {
	u := q.users[name]
	if name == "" || u == nil || !u.allows(q.request.ConnectionType) || q.isAnonymous(u) {
		return nil
	}
	q.verdict.debugf("Using %s for auth [%q]", how, name)
	return u
}

// byDN compares the subject with the users' names as distinguished names: equal
// ones first, then those with the same parts in another order. Among several of
// either kind the first by name is taken.
func (q *inquiry) byDN(rawSubject []byte) *user {
	subject, err := subjectDN(rawSubject)
	if err != nil {
		return nil
	}
	for _, same := range []func(x, y distinguishedName) bool{distinguishedName.equal, distinguishedName.sameParts} {
		for _, named := range q.dns {
			if named.user.allows(q.request.ConnectionType) && same(named.dn, subject) {
				return named.user
			}
		}
	}
	return nil
}

var oidDomainComponent = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}

// domainComponents renders the domain components of a subject in the order of the
// certificate: "DC=example,DC=com".
func domainComponents(rawSubject []byte) string {
	var sequence pkix.RDNSequence
	if rest, err := asn1.Unmarshal(rawSubject, &sequence); err != nil || len(rest) > 0 {
		return ""
	}
	var parts []string
	for _, set := range sequence {
		for _, a := range set {
			if value, ok := a.Value.(string); ok && a.Type.Equal(oidDomainComponent) {
				parts = append(parts, "DC="+value)
			}
		}
	}
	return strings.Join(parts, ",")
}
