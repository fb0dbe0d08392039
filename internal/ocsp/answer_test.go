package ocspcheck

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"crypto/x509"

	"golang.org/x/crypto/ocsp"
	"pgregory.net/rapid"
)

// Go: TestGetStatusAssertionStr server/certidp/certidp_test.go:19
func TestStatus(t *testing.T) {
	for n, want := range map[int]string{
		0: "good", 1: "revoked", 2: "unknown", 42: "unknown", -1: "unknown", ocsp.ServerFailed: "unknown",
	} {
		status := statusOf(n)
		if status.String() != want {
			t.Errorf("%d is %q, want %q", n, status, want)
		}
		text, err := status.MarshalText()
		if err != nil || string(text) != want {
			t.Errorf("%d marshals to %q, %v", n, text, err)
		}
		back := Good
		if err := back.UnmarshalText(text); err != nil || back != status {
			t.Errorf("%q unmarshals to %v, %v", text, back, err)
		}
	}
	for _, text := range []string{"", "GOOD", "good ", "maybe"} {
		status := Good
		if err := status.UnmarshalText([]byte(text)); err != nil || status != Unknown {
			t.Errorf("%q unmarshals to %v, %v; want unknown", text, status, err)
		}
	}
}

// answered returns what a responder says about a certificate after a change.
func answered(t testing.TB, about *identity, issuer *identity, change func(*responder)) []byte {
	t.Helper()
	r := silentResponder(issuer)
	r.tell(about, ocsp.Good)
	r.set(change)
	der, err := r.answer(about.cert.SerialNumber)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestParse(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	intermediate := issue(t, root, "Intermediate", asCA)
	leaf := issue(t, intermediate, "Leaf")
	delegate := issue(t, intermediate, "Responder", withUsage(x509.ExtKeyUsageOCSPSigning))
	colleague := issue(t, intermediate, "Colleague", withUsage(x509.ExtKeyUsageClientAuth))
	strangers := issue(t, nil, "Other Root", asCA)
	stranger := issue(t, strangers, "Other Responder", withUsage(x509.ExtKeyUsageOCSPSigning))
	aunt := issue(t, root, "Root's Responder", withUsage(x509.ExtKeyUsageOCSPSigning))
	by := func(who *identity, enclose bool) func(*responder) {
		return func(r *responder) { r.signer, r.enclose = who, enclose }
	}

	for _, test := range []struct {
		name   string
		change func(*responder)
		status Status
		reason string // part of the error
		is     error
	}{
		{"by the issuer", func(*responder) {}, Good, "", nil},
		{"by the issuer, who says so", by(intermediate, true), Good, "", nil},
		{"revoked", func(r *responder) { r.statuses[leaf.cert.SerialNumber.String()] = ocsp.Revoked }, Revoked, "", nil},
		{"unknown", func(r *responder) { clear(r.statuses) }, Unknown, "", nil},
		{"by a delegate", by(delegate, true), Good, "", nil},
		{"by a delegate whose certificate is missing", by(delegate, false), 0, "bad OCSP signature", nil},
		{"by a certificate without the right", by(colleague, true), 0, "", ErrDelegate},
		{"by the delegate of the issuer's issuer", by(aunt, true), 0, "bad signature on the OCSP signer's certificate", nil},
		{"by a stranger's delegate", by(stranger, true), 0, "bad signature on the OCSP signer's certificate", nil},
		{"by a stranger", by(strangers, true), 0, "bad signature on the OCSP signer's certificate", nil},
		{"by a stranger in silence", by(strangers, false), 0, "bad OCSP signature", nil},
		{"about another one", func(r *responder) { r.serial = big.NewInt(7) }, 0, "no response matching", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			der := answered(t, leaf, intermediate, test.change)
			answer, err := Parse(der, leaf.cert, intermediate.cert)
			if test.reason == "" && test.is == nil {
				if err != nil || answer.Status != test.status {
					t.Fatalf("%+v, %v; want %v", answer, err, test.status)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.reason) || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%+v, error %v; want %q, %v", answer, err, test.reason, test.is)
			}
		})
	}
}

func TestParseRefusesWhatIsNoAnswer(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	leaf := issue(t, root, "Leaf")
	good := answered(t, leaf, root, func(*responder) {})
	for name, der := range map[string][]byte{
		"nothing": nil, "text": []byte("<html>"), "cut": good[:len(good)-1], "trailing": append(good[:len(good):len(good)], 0),
		"try later": ocsp.TryLaterErrorResponse, "unauthorized": ocsp.UnauthorizedErrorResponse,
		"too large": make([]byte, maxAnswer+1),
	} {
		if answer, err := Parse(der, leaf.cert, root.cert); err == nil {
			t.Errorf("%s: %+v", name, answer)
		}
	}
}

// An answer with any byte changed is refused, or says the same.
func TestParseNoticesEveryChange(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	leaf := issue(t, root, "Leaf")
	delegate := issue(t, root, "Responder", withUsage(x509.ExtKeyUsageOCSPSigning))
	good := answered(t, leaf, root, func(r *responder) {
		r.signer, r.enclose = delegate, true
		r.statuses[leaf.cert.SerialNumber.String()] = ocsp.Revoked
	})
	original, err := Parse(good, leaf.cert, root.cert)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		der := append([]byte(nil), good...)
		i := rapid.IntRange(0, len(der)-1).Draw(t, "index")
		der[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		answer, err := Parse(der, leaf.cert, root.cert)
		if err != nil {
			return
		}
		if answer.Status != original.Status || !answer.ThisUpdate.Equal(original.ThisUpdate) || !answer.NextUpdate.Equal(original.NextUpdate) {
			t.Fatalf("changed byte %d: %+v", i, answer)
		}
	})
}

func TestCheckTime(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return now.Add(d) }
	signer := &x509.Certificate{NotBefore: at(-time.Hour), NotAfter: at(time.Hour)}
	for _, test := range []struct {
		name      string
		answer    Answer
		skew, ttl time.Duration
		reason    string
	}{
		{"current", Answer{ThisUpdate: at(-time.Minute), NextUpdate: at(time.Minute)}, 0, 0, ""},
		{"just begun", Answer{ThisUpdate: now, NextUpdate: at(time.Minute)}, 0, 0, ""},
		{"just ending", Answer{ThisUpdate: at(-time.Minute), NextUpdate: now}, 0, 0, ""},
		{"ended", Answer{ThisUpdate: at(-time.Minute), NextUpdate: at(-1)}, 0, 0, "invalid ocsp NextUpdate, is past time: 2026-01-01T11:59:59.999999999Z"},
		{"ended within the skew", Answer{ThisUpdate: at(-time.Minute), NextUpdate: at(-30 * time.Second)}, 30 * time.Second, 0, ""},
		{"ended beyond the skew", Answer{ThisUpdate: at(-time.Minute), NextUpdate: at(-31 * time.Second)}, 30 * time.Second, 0, "is past time"},
		{"future", Answer{ThisUpdate: at(time.Second), NextUpdate: at(time.Minute)}, 0, 0, "invalid ocsp ThisUpdate, is future time: 2026-01-01T12:00:01Z"},
		{"future within the skew", Answer{ThisUpdate: at(time.Second), NextUpdate: at(time.Minute)}, time.Second, 0, ""},
		{"no end, young", Answer{ThisUpdate: at(-time.Hour)}, 0, time.Hour, ""},
		{"no end, old", Answer{ThisUpdate: at(-time.Hour - 1)}, 0, time.Hour, "is good for 1h0m0s only"},
		{"no end, old within the skew", Answer{ThisUpdate: at(-time.Hour - 1)}, 1, time.Hour, ""},
		{"no end, forever", Answer{ThisUpdate: at(-time.Hour * 24 * 365 * 20)}, 0, forever, ""},
		{"no end, future", Answer{ThisUpdate: at(time.Second)}, 0, forever, "is future time"},
		{"signer is valid", Answer{ThisUpdate: at(-time.Minute), delegate: signer}, 0, forever, ""},
		{"signer was valid", Answer{ThisUpdate: at(-time.Minute), delegate: &x509.Certificate{NotBefore: at(-time.Hour), NotAfter: at(-time.Second)}}, 0, forever, "certificate of the OCSP signer"},
		{"signer will be valid", Answer{ThisUpdate: at(-time.Minute), delegate: &x509.Certificate{NotBefore: at(time.Second), NotAfter: at(time.Hour)}}, 0, forever, "certificate of the OCSP signer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.answer.CheckTime(now, test.skew, test.ttl)
			if test.reason == "" && err != nil || test.reason != "" && (err == nil || !strings.Contains(err.Error(), test.reason)) {
				t.Errorf("error %v, want %q", err, test.reason)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	root := issue(f, nil, "Root", asCA)
	leaf := issue(f, root, "Leaf")
	delegate := issue(f, root, "Responder", withUsage(x509.ExtKeyUsageOCSPSigning))
	f.Add(answered(f, leaf, root, func(*responder) {}))
	f.Add(answered(f, leaf, root, func(r *responder) { r.signer, r.enclose = delegate, true }))
	f.Add(answered(f, leaf, root, func(r *responder) { r.lasts = 0; clear(r.statuses) }))
	f.Add(ocsp.TryLaterErrorResponse)
	f.Fuzz(func(t *testing.T, der []byte) {
		answer, err := Parse(der, leaf.cert, root.cert)
		if (answer == nil) == (err == nil) {
			t.Fatalf("%+v, %v", answer, err)
		}
		if answer != nil {
			answer.CheckTime(time.Unix(0, 0), 0, time.Hour)
		}
	})
}
