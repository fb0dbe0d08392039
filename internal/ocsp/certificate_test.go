package ocspcheck

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMustStaple(t *testing.T) {
	for _, test := range []struct {
		name string
		opts []option
		want bool
	}{
		{"no extension", nil, false},
		{"status_request", []option{mustStaple}, true},
		{"status_request among others", []option{withFeatures(0x30, 6, 2, 1, 17, 2, 1, 5)}, true},
		{"another feature", []option{withFeatures(0x30, 3, 2, 1, 17)}, false},
		{"no feature", []option{withFeatures(0x30, 0)}, false},
		{"not a list", []option{withFeatures(2, 1, 5)}, false},
		{"trailing", []option{withFeatures(0x30, 3, 2, 1, 5, 0)}, false},
		{"cut", []option{withFeatures(0x30, 3, 2)}, false},
		{"empty", []option{withFeatures()}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := MustStaple(issue(t, nil, "Leaf", test.opts...).cert); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func FuzzMustStaple(f *testing.F) {
	f.Add([]byte{0x30, 3, 2, 1, 5})
	f.Add([]byte{0x30, 6, 2, 1, 17, 2, 1, 5})
	f.Add([]byte{0x30, 0x80, 2, 1, 5, 0, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		if demandsStatus(der) && !slices.Contains(der, statusRequest) {
			t.Errorf("%x demands a status", der)
		}
	})
}

func TestWebResponders(t *testing.T) {
	many := make([]string, 20)
	for i := range many {
		many[i] = "http://ca.example/" + strings.Repeat("a", i)
	}
	for _, test := range []struct{ given, want []string }{
		{nil, nil},
		{[]string{"ldap://ca.example", "ca.example", "://", "", "/path"}, nil},
		{[]string{"ldap://ca.example", "http://a.example", "https://b.example/ocsp"}, []string{"http://a.example", "https://b.example/ocsp"}},
		{many, many[:maxResponders]},
	} {
		if got := webResponders(&x509.Certificate{OCSPServer: test.given}); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.given, got, test.want)
		}
	}
}

func TestNamesOfCertificates(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	leaf := issue(t, root, "Leaf")
	if got := describe(leaf.cert); got.Subject != "CN=Leaf,O=Godwit" || got.Issuer != "CN=Root,O=Godwit" ||
		got.Fingerprint != Fingerprint(leaf.cert) || string(got.Raw) != string(leaf.cert.Raw) {
		t.Errorf("%+v", got)
	}
	if got := Fingerprint(&x509.Certificate{Raw: []byte("abc")}); got != "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=" {
		t.Errorf("fingerprint %s", got) // the SHA-256 of "abc"
	}
}

func TestFindIssuer(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	intermediate := issue(t, root, "Intermediate", asCA)
	leaf := issue(t, intermediate, "Leaf")
	other := issue(t, root, "Other", asCA)
	notCA := issue(t, root, "Not a CA")
	child := issue(t, notCA, "Child")
	self := issue(t, nil, "Self", asCA)
	now := time.Now()

	for _, test := range []struct {
		name   string
		bundle []*x509.Certificate
		roots  *x509.CertPool
		want   *identity
		reason string
	}{
		{"second of the bundle", []*x509.Certificate{leaf.cert, intermediate.cert}, pool(), intermediate, ""},
		{"second of a longer bundle", []*x509.Certificate{leaf.cert, intermediate.cert, root.cert}, pool(root.cert), intermediate, ""},
		{"wrong second", []*x509.Certificate{leaf.cert, other.cert}, pool(root.cert, intermediate.cert), nil, "no issuers found"},
		{"root before intermediate", []*x509.Certificate{leaf.cert, root.cert, intermediate.cert}, pool(), nil, "no issuers found"},
		{"roots with the issuer", []*x509.Certificate{leaf.cert}, pool(root.cert, intermediate.cert, other.cert), intermediate, ""},
		{"roots with nothing but the issuer", []*x509.Certificate{leaf.cert}, pool(intermediate.cert), intermediate, ""},
		{"roots without the issuer", []*x509.Certificate{leaf.cert}, pool(root.cert, other.cert), nil, "no issuers found"},
		{"system's roots", []*x509.Certificate{leaf.cert}, nil, nil, "no issuers found"},
		{"is its own", []*x509.Certificate{self.cert}, pool(self.cert), nil, "no issuers found"},
		{"no ca", []*x509.Certificate{child.cert, notCA.cert}, pool(), nil, "CN=Not a CA,O=Godwit invalid ca basic constraints: is not ca"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := findIssuer(test.bundle, test.roots, now)
			if test.want == nil {
				if err == nil || !strings.Contains(err.Error(), test.reason) {
					t.Errorf("error %v, want %q", err, test.reason)
				}
				if strings.HasPrefix(test.reason, "no issuers") && !errors.Is(err, errNoIssuer) {
					t.Errorf("%v is not %v", err, errNoIssuer)
				}
				return
			}
			if err != nil || !got.Equal(test.want.cert) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}
