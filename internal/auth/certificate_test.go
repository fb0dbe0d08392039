package auth

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/options"
)

var oids = map[string]asn1.ObjectIdentifier{
	"CN": {2, 5, 4, 3}, "C": {2, 5, 4, 6}, "L": {2, 5, 4, 7}, "ST": {2, 5, 4, 8}, "O": {2, 5, 4, 10}, "OU": {2, 5, 4, 11},
	"DC": oidDomainComponent, "E": {1, 2, 840, 113549, 1, 9, 1},
}

// certificate makes one with a subject in its own order, such as "C=US,O=a+OU=b",
// and alternative names such as "email:a@b", "dns:c", "uri:d://e".
func certificate(t testing.TB, subject string, names ...string) *x509.Certificate {
	t.Helper()
	var sequence pkix.RDNSequence
	for part := range strings.SplitSeq(subject, ",") {
		var set pkix.RelativeDistinguishedNameSET
		for pair := range strings.SplitSeq(part, "+") {
			if kind, value, ok := strings.Cut(pair, "="); ok {
				set = append(set, pkix.AttributeTypeAndValue{Type: oids[kind], Value: value})
			}
		}
		if len(set) > 0 {
			sequence = append(sequence, set)
		}
	}
	raw, err := asn1.Marshal(sequence)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{RawSubject: raw}
	cert.Subject.FillFromRDNSequence(&sequence)
	for _, name := range names {
		kind, value, _ := strings.Cut(name, ":")
		switch kind {
		case "email":
			cert.EmailAddresses = append(cert.EmailAddresses, value)
		case "dns":
			cert.DNSNames = append(cert.DNSNames, value)
		case "uri":
			u, err := url.Parse(value)
			if err != nil {
				t.Fatal(err)
			}
			cert.URIs = append(cert.URIs, u)
		}
	}
	return cert
}

func secured(certs ...*x509.Certificate) *tls.ConnectionState {
	return &tls.ConnectionState{PeerCertificates: certs}
}

// mapping lets users without passwords in by certificate.
func mapping(t testing.TB, names ...string) *Authenticator {
	t.Helper()
	o := &options.Options{TLSMap: true}
	for _, name := range names {
		o.Users = append(o.Users, &options.User{Username: name})
	}
	return authenticator(t, o)
}

func TestCertificateNames(t *testing.T) {
	const plain = "CN=localhost,OU=NATS,O=NATS,L=Los Angeles,ST=CA,C=US"
	const subject = "C=US,ST=CA,L=Los Angeles,O=NATS,OU=NATS,CN=localhost"
	for _, c := range []struct {
		name  string
		users []string
		cert  *x509.Certificate
		want  string // empty: refused
		debug string
	}{
		{"email", []string{"a@b", "c"}, certificate(t, "", "dns:c", "email:x@y", "email:a@b"), "a@b", `Using email found in cert for auth ["a@b"]`},
		{"SAN", []string{"c", "d://e"}, certificate(t, "", "uri:d://e", "email:x@y", "dns:x", "dns:c"), "c", `Using SAN found in cert for auth ["c"]`},
		{"URI", []string{"spiffe://localhost/my-nats-service/user-a", "localhost"}, certificate(t, "CN=localhost", "uri:spiffe://localhost/my-nats-service/user-a"),
			"spiffe://localhost/my-nats-service/user-a", `Using URI found in cert for auth ["spiffe://localhost/my-nats-service/user-a"]`},
		{"SAN before subject", []string{plain, "c"}, certificate(t, subject, "dns:c"), "c", `Using SAN found in cert for auth ["c"]`},
		{"subject", []string{"x", plain}, certificate(t, subject, "dns:c"), plain, `Using DistinguishedNameMatch for auth ["` + plain + `"]`},
		{"subject with blanks and case", []string{"cn=localhost, ou=NATS, o=NATS, l=Los Angeles, st=CA, c=US"}, certificate(t, subject),
			"cn=localhost, ou=NATS, o=NATS, l=Los Angeles, st=CA, c=US",
			`Using DistinguishedNameMatch for auth ["cn=localhost, ou=NATS, o=NATS, l=Los Angeles, st=CA, c=US"]`},
		{"equal before reordered", []string{"C=US,CN=a,O=b", "O=b,CN=a,C=US"}, certificate(t, "C=US,CN=a,O=b"), "O=b,CN=a,C=US",
			`Using DistinguishedNameMatch for auth ["O=b,CN=a,C=US"]`},
		{"a part too many", []string{"O=b,CN=a,C=US", "C=US,O=b,CN=a", "CN=x"}, certificate(t, "C=US,CN=a,O=b,DC=z"), "", `User in cert ["CN=a,O=b,C=US"], not found`},
		{"reordered, first by name", []string{"O=b,C=US,CN=a", "CN=a,C=US,O=b"}, certificate(t, "C=US,O=b,CN=a"), "CN=a,C=US,O=b", `Using DistinguishedNameMatch for auth ["CN=a,C=US,O=b"]`},
		{"several values", []string{"CN=a+OU=b,O=c"}, certificate(t, "O=c,OU=b+CN=a"), "CN=a+OU=b,O=c", `Using DistinguishedNameMatch for auth ["CN=a+OU=b,O=c"]`},
		{"value not the same", []string{"CN=A"}, certificate(t, "CN=a"), "", `User in cert ["CN=a"], not found`},
		{"domain components", []string{"DC=com,DC=example,CN=a"}, certificate(t, "CN=a,DC=example,DC=com"), "DC=com,DC=example,CN=a", `Using DistinguishedNameMatch for auth ["DC=com,DC=example,CN=a"]`},
		// Subjects with other attributes are not compared as names.
		{"rendered with components", []string{"CN=a,DC=example,DC=com", "CN=a"}, certificate(t, "E=a@b,CN=a,DC=example,DC=com"), "CN=a,DC=example,DC=com",
			`Using RDNSequence for auth ["CN=a,DC=example,DC=com"]`},
		{"rendered without components", []string{"CN=a"}, certificate(t, "E=a@b,CN=a,DC=example,DC=com"), "CN=a", `Using certificate subject for auth ["CN=a"]`},
		{"unknown", []string{"x"}, certificate(t, "CN=a", "dns:b"), "", `User in cert ["CN=a"], not found`},
		{"no names at all", []string{"x", ""}, certificate(t, ""), "", `User in cert [""], not found`},
	} {
		v := mapping(t, c.users...).Decide(Request{ConnectionType: options.ConnectionStandard, TLS: secured(c.cert)})
		if v.OK != (c.want != "") || v.OK && (v.User != c.want || v.Label != "user:"+c.want) {
			t.Errorf("%s: %+v", c.name, v)
		}
		if diff := cmp.Diff([]string{c.debug}, v.Debug); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestCertificateMissing(t *testing.T) {
	a := mapping(t, "a")
	for want, state := range map[string]*tls.ConnectionState{
		"User required in cert, no TLS connection state":    nil,
		"User required in cert, no peer certificates found": secured(),
	} {
		v := a.Decide(Request{Connect: login("a", ""), ConnectionType: options.ConnectionStandard, TLS: state})
		if v.OK || strings.Join(v.Debug, "\n") != want {
			t.Errorf("%+v, want %s", v, want)
		}
	}
	// Only the first certificate counts.
	state := secured(certificate(t, "CN=x"), certificate(t, "", "dns:a"))
	if a.Decide(Request{ConnectionType: options.ConnectionStandard, TLS: state}).OK {
		t.Error("the issuer's name was taken")
	}
}

func TestCertificateOverridesUser(t *testing.T) {
	a := mapping(t, "a", "b")
	v := a.Decide(Request{Connect: login("b", "x"), ConnectionType: options.ConnectionStandard, TLS: secured(certificate(t, "", "dns:a"))})
	if !v.OK || v.User != "a" {
		t.Errorf("%+v", v)
	}
	if diff := cmp.Diff([]string{`User "b" found in connect proto, but user required from cert`}, v.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestCertificateAndPassword(t *testing.T) {
	a := authenticator(t, &options.Options{TLSMap: true, Users: []*options.User{{Username: "a", Password: hashed(t, "s3cr3t")}}})
	state := secured(certificate(t, "", "dns:a"))
	for password, want := range map[string]bool{"s3cr3t": true, "": false, "x": false} {
		if a.Decide(Request{Connect: login("", password), ConnectionType: options.ConnectionStandard, TLS: state}).OK != want {
			t.Errorf("certificate with password %q: %v", password, !want)
		}
		// Where certificates are not mapped the password alone decides.
		if decideAs(a, options.ConnectionWebsocket, login("a", password)).OK != want {
			t.Errorf("password %q: %v", password, !want)
		}
	}
}

// A user without a password that a listener maps cannot be had without its
// certificate, except for the no_auth_user.
func TestCertificateIdentityNeedsCertificate(t *testing.T) {
	users := []*options.User{
		{Username: "CN=a"}, {Username: "guest"},
		{Username: "ws", AllowedConnectionTypes: map[string]struct{}{"WEBSOCKET": {}}},
		{Username: "both", AllowedConnectionTypes: map[string]struct{}{"WEBSOCKET": {}, "STANDARD": {}}},
	}
	a := authenticator(t, &options.Options{TLSMap: true, NoAuthUser: "guest", Users: users})
	for name, want := range map[string]bool{"CN=a": false, "both": false, "ws": true, "guest": true, "": true} {
		v := decideAs(a, options.ConnectionWebsocket, login(name, ""))
		if v.OK != want {
			t.Errorf("%q: %+v", name, v)
		}
		if !want && v.Debug[0] != `User "`+name+`" requires a client certificate` {
			t.Errorf("%q: %q", name, v.Debug)
		}
	}
	for _, kind := range []string{options.ConnectionLeafnode, options.ConnectionMQTT, options.ConnectionInProcess} {
		for _, password := range []string{"", "wrong"} {
			if decideAs(a, kind, login("CN=a", password)).OK {
				t.Errorf("CN=a by %s with password %q", kind, password)
			}
		}
	}
	// Without a listener nothing is mapped.
	a = authenticator(t, &options.Options{TLSMap: true, DontListen: true, Users: users})
	if !decideAs(a, options.ConnectionInProcess, login("CN=a", "")).OK {
		t.Error("the certificate that is asked for cannot be presented")
	}
}

func TestCertificateOfConnectionInProcess(t *testing.T) {
	a := authenticator(t, &options.Options{TLSMap: true, Users: []*options.User{{Username: "a"}, {Username: "u", Password: "p"}}})
	request := Request{ConnectionType: options.ConnectionInProcess, TLS: secured(certificate(t, "", "dns:a"))}
	if v := a.Decide(request); !v.OK || v.User != "a" {
		t.Errorf("with TLS: %+v", v)
	}
	if !decideAs(a, options.ConnectionInProcess, login("u", "p")).OK {
		t.Error("without TLS the password counts")
	}
}

func TestCertificateUserOfOtherTypeIsInvisible(t *testing.T) {
	websocket := map[string]struct{}{"WEBSOCKET": {}}
	a := authenticator(t, &options.Options{TLSMap: true, Users: []*options.User{
		{Username: "a", AllowedConnectionTypes: websocket}, {Username: "CN=x", AllowedConnectionTypes: websocket}, {Username: "b"},
	}})
	request := Request{ConnectionType: options.ConnectionStandard, TLS: secured(certificate(t, "CN=x", "dns:a", "dns:b"))}
	if v := a.Decide(request); !v.OK || v.User != "b" {
		t.Errorf("%+v", v)
	}
	request.TLS = secured(certificate(t, "CN=x", "dns:a"))
	if v := a.Decide(request); v.OK {
		t.Errorf("%+v", v)
	}
}

func TestCertificateUserNeedsProxy(t *testing.T) {
	a := authenticator(t, &options.Options{TLSMap: true, Users: []*options.User{{Username: "a", ProxyRequired: true}}})
	v := a.Decide(Request{ConnectionType: options.ConnectionStandard, TLS: secured(certificate(t, "", "dns:a"))})
	if v.OK || v.Reason != ProxyRequired || v.User != "a" {
		t.Errorf("%+v", v)
	}
}
