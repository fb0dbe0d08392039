package auth

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Go: TestSuccessfulDNParsing internal/ldap/dn_test.go:12
func TestParseDN(t *testing.T) {
	type rn = relativeName
	for text, want := range map[string]distinguishedName{
		"":   nil,
		"  ": nil,
		`cn=Jim\2C \22Hasse Hö\22 Hansson!,dc=dummy,dc=com`:               {rn{{"CN", `Jim, "Hasse Hö" Hansson!`}}, rn{{"DC", "dummy"}}, rn{{"DC", "com"}}},
		"UID=jsmith,DC=example,DC=net":                                    {rn{{"UID", "jsmith"}}, rn{{"DC", "example"}}, rn{{"DC", "net"}}},
		"OU=Sales+CN=J. Smith,DC=example,DC=net":                          {rn{{"CN", "J. Smith"}, {"OU", "Sales"}}, rn{{"DC", "example"}}, rn{{"DC", "net"}}},
		`CN=Lu\C4\8Di\C4\87`:                                              {rn{{"CN", "Lučić"}}},
		`  CN  =  Lu\C4\8Di\C4\87  `:                                      {rn{{"CN", "Lučić"}}},
		`   A   =   1   ,   B   =   2   `:                                 {rn{{"A", "1"}}, rn{{"B", "2"}}},
		`   A   =   1   +   B   =   2   `:                                 {rn{{"A", "1"}, {"B", "2"}}},
		`   \ \ A\ \    =   \ \ 1\ \    ,   \ \ B\ \    =   \ \ 2\ \    `: {rn{{"  A  ", "  1  "}}, rn{{"  B  ", "  2  "}}},
		`   \ \ A\ \    =   \ \ 1\ \    +   \ \ B\ \    =   \ \ 2\ \    `: {rn{{"  A  ", "  1  "}, {"  B  ", "  2  "}}},
		`CN=a\,b\+c\"d\\e\<f\>g\;h\=i\#j\ `:                               {rn{{"CN", `a,b+c"d\e<f>g;h=i#j `}}},
		`CN=a=b`:                                                          {rn{{"CN", "a=b"}}},
		`CN=,O=x`:                                                         {rn{{"CN", ""}}, rn{{"O", "x"}}},
		`CN=\#abc`:                                                        {rn{{"CN", "#abc"}}},
	} {
		got, err := parseDN(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if diff := cmp.Diff(want, got, cmp.AllowUnexported(attribute{})); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// Go: TestErrorDNParsing internal/ldap/dn_test.go:79
func TestParseDNRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"*":                       "DN ended with incomplete type, value pair",
		`cn=Jim\0Test`:            "failed to decode escaped character: encoding/hex: invalid byte: U+0054 'T'",
		`cn=Jim\0`:                "got corrupted escaped character",
		`cn=Jim\`:                 "got corrupted escaped character",
		"DC=example,=net":         "DN ended with incomplete type, value pair",
		"test,DC=example,DC=com":  "incomplete type, value pair",
		"=test,DC=example,DC=com": "incomplete type, value pair",
		"DC=example,":             "DN ended with incomplete type, value pair",
		"DC=example+":             "DN ended with incomplete type, value pair",
		"CN=#0402":                "unsupported BER encoding",
		"CN= #0402":               "unsupported BER encoding",
	} {
		if dn, err := parseDN(text); err == nil || err.Error() != want || dn != nil {
			t.Errorf("%q: %v, %v, want %s", text, dn, err, want)
		}
	}
}

func mustDN(t testing.TB, text string) distinguishedName {
	t.Helper()
	dn, err := parseDN(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return dn
}

// Go: TestDNEqual internal/ldap/dn_test.go:100
func TestDNEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"", "", true},
		{"", "o=A", false},
		{"o=A", "o=A", true},
		{"o=A", "o=B", false},
		{"o=A,o=B", "o=A,o=B", true},
		{"o=A,o=B", "o=A,o=C", false},
		{"o=A,o=B", "o=B,o=A", false},
		{"o=A+o=B", "o=A+o=B", true},
		{"o=A+o=B", "o=A+o=C", false},
		{"o=A+o=B", "o=A,o=B", false},
		// The case of types does not matter, that of values does.
		{"o=A", "O=A", true},
		{"o=A,o=B", "o=A,O=B", true},
		{"o=A+o=B", "o=A+O=B", true},
		{"o=a", "O=A", false},
		{"o=a,o=B", "o=A,O=B", false},
		{"o=a+o=B", "o=A+O=B", false},
		// Attributes of one relative name have no order, but a number.
		{"o=A+o=B", "O=B+o=A", true},
		{"o=A+o=B", "O=B+o=A+O=B", false},
		{"o=A+o=B", "O=B+o=A+O=C", false},
		{"o=A+o=B+o=C", "O=B+o=A", false},
		// Blanks around do not matter, those within do.
		{"cn=John Doe, ou=People, dc=sun.com", "cn=John Doe, ou=People, dc=sun.com", true},
		{"cn=John Doe, ou=People, dc=sun.com", "cn=John Doe,ou=People,dc=sun.com", true},
		{"cn=John Doe, ou=People, dc=sun.com", "cn=John  Doe, ou=People, dc=sun.com", false},
	} {
		a, b := mustDN(t, c.a), mustDN(t, c.b)
		if a.equal(b) != c.want || b.equal(a) != c.want {
			t.Errorf("%q and %q: equal %v, want %v", c.a, c.b, !c.want, c.want)
		}
	}
}

// Go: TestDNReverseMatchDuplicates internal/ldap/dn_test.go:216
func TestDNSameParts(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"CN=Alice,CN=Alice,O=NATS", "CN=Alice,O=NATS,OU=Users", false},
		{"CN=Alice,CN=Alice,O=NATS", "CN=Alice,O=NATS,O=NATS", false},
		{"CN=Alice,CN=Alice,O=NATS", "CN=Alice,O=NATS,CN=Alice", true},
		{"CN=a,O=b,DC=c", "DC=c,CN=a,O=b", true},
		{"CN=a+OU=x,O=b", "O=b,OU=x+CN=a", true},
		{"CN=a+OU=x,O=b", "O=b,OU=x,CN=a", false},
		{"CN=a", "CN=a,CN=a", false},
	} {
		a, b := mustDN(t, c.a), mustDN(t, c.b)
		if a.sameParts(b) != c.want || b.sameParts(a) != c.want {
			t.Errorf("%q and %q: same parts %v, want %v", c.a, c.b, !c.want, c.want)
		}
	}
}

// escape writes a value so that it can stand anywhere.
func escape(value string) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		b.WriteByte('\\')
		b.WriteByte("0123456789ABCDEF"[c>>4])
		b.WriteByte("0123456789ABCDEF"[c&15])
	}
	return b.String()
}

// A certificate's subject, written down by RFC 4514, is equal to itself.
func TestSubjectDN(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		oids := []asn1.ObjectIdentifier{{2, 5, 4, 3}, {2, 5, 4, 11}, {0, 9, 2342, 19200300, 100, 1, 25}}
		kinds := []string{"cn", "Ou", "DC"}
		var sequence pkix.RDNSequence
		var parts []string
		for range rapid.IntRange(1, 4).Draw(t, "names") {
			var set pkix.RelativeDistinguishedNameSET
			var texts []string
			for range rapid.IntRange(1, 2).Draw(t, "attributes") {
				i := rapid.IntRange(0, 2).Draw(t, "type")
				value := rapid.StringMatching(`[ -~é]{0,8}`).Draw(t, "value")
				set = append(set, pkix.AttributeTypeAndValue{Type: oids[i], Value: value})
				texts = append(texts, kinds[i]+"="+escape(value))
			}
			sequence = append(sequence, set)
			parts = append(parts, strings.Join(texts, " + "))
		}
		raw, err := asn1.Marshal(sequence)
		if err != nil {
			t.Fatal(err)
		}
		got, err := subjectDN(raw)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(parts)
		text := strings.Join(parts, " , ")
		want, err := parseDN(text)
		if err != nil || !got.equal(want) {
			t.Fatalf("%q is %v (%v), the subject is %v", text, want, err, got)
		}
	})
}

func TestSubjectDNRefuses(t *testing.T) {
	marshal := func(v any) []byte {
		raw, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	set := func(oid asn1.ObjectIdentifier, value any) pkix.RDNSequence {
		return pkix.RDNSequence{{{Type: oid, Value: value}}}
	}
	fine := marshal(set(asn1.ObjectIdentifier{2, 5, 4, 3}, "a"))
	for name, raw := range map[string][]byte{
		"nothing":      nil,
		"no sequence":  {1, 2, 3},
		"more behind":  append(fine, 0),
		"unknown type": marshal(set(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, "a@b")),
		"no text":      marshal(set(asn1.ObjectIdentifier{2, 5, 4, 3}, 7)),
	} {
		if dn, err := subjectDN(raw); err == nil || dn != nil {
			t.Errorf("%s: %v, %v", name, dn, err)
		}
	}
}

func FuzzParseDN(f *testing.F) {
	for _, text := range []string{"", "CN=a,O=b", `cn=Jim\2C+ou=\ x , dc=y`, "a", `\`, "CN=#04", "=,", `A=\`, "A=\x00,B=\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dn, err := parseDN(text)
		if err != nil {
			return
		}
		// What was understood survives being written and read again.
		var parts []string
		for _, relative := range dn {
			var attributes []string
			for _, a := range relative {
				attributes = append(attributes, escape(a.kind)+"="+escape(a.value))
			}
			parts = append(parts, strings.Join(attributes, "+"))
		}
		again, err := parseDN(strings.Join(parts, ","))
		if err != nil || !again.equal(dn) || !again.sameParts(dn) {
			t.Fatalf("%q is %v, and read again %v, %v", text, dn, again, err)
		}
	})
}
