package ocspcheck

import (
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"
)

// maxAnswer is the size of the largest answer that is looked at, in bytes. Usual
// ones have one or two thousand.
const maxAnswer = 128 << 10

// forever is the lifetime of answers that set none, for those who set none either.
const forever = time.Duration(math.MaxInt64)

// ErrDelegate tells that an answer is signed by somebody whom the issuer of the
// certificate did not appoint to do so (RFC 6960, 4.2.2.2).
var ErrDelegate = errors.New("OCSP response signer missing authorization by CA to act as OCSP signer")

// Answer is what a responder said about one certificate, with a good signature.
// It is not modified after Parse.
type Answer struct {
	DER        []byte
	Status     Status
	ThisUpdate time.Time
	NextUpdate time.Time // zero if the responder sets no end

	delegate *x509.Certificate // the signer, nil if that is the issuer
}

// Parse reads an answer and returns what it says about cert. The answer must be
// signed by issuer, which is the issuer of cert, or by a certificate that it gave
// the right to do so: ErrDelegate. Whether the answer is current is a question to
// [Answer.CheckTime]. The Answer keeps der.
func Parse(der []byte, cert, issuer *x509.Certificate) (*Answer, error) {
	if len(der) > maxAnswer {
		return nil, fmt.Errorf("OCSP response of %d bytes, at most %d allowed", len(der), maxAnswer)
	}
	// Without an issuer the library checks a certificate's signature if one is
	// enclosed, and nothing otherwise; the rest is checkSigner's.
	response, err := ocsp.ParseResponseForCert(der, cert, nil)
	if err != nil {
		return nil, err
	}
	answer := &Answer{
		DER: der, Status: statusOf(response.Status),
		ThisUpdate: response.ThisUpdate, NextUpdate: response.NextUpdate,
	}
	if answer.delegate, err = checkSigner(response, issuer); err != nil {
		return nil, err
	}
	return answer, nil
}

// checkSigner returns the delegate who signed a response, or nil if the issuer did.
func checkSigner(response *ocsp.Response, issuer *x509.Certificate) (*x509.Certificate, error) {
	signer := response.Certificate
	if signer == nil {
		if err := response.CheckSignatureFrom(issuer); err != nil {
			return nil, fmt.Errorf("bad OCSP signature: %w", err)
		}
		return nil, nil
	}
	if signer.Equal(issuer) {
		return nil, nil
	}
	if err := signer.CheckSignatureFrom(issuer); err != nil {
		return nil, fmt.Errorf("bad signature on the OCSP signer's certificate: %w", err)
	}
	if !slices.Contains(signer.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) {
		return nil, ErrDelegate
	}
	return signer, nil
}

// CheckTime tells whether the answer is good at a time, give or take skew. An
// answer that sets no end is good for ttl from ThisUpdate on.
func (a *Answer) CheckTime(now time.Time, skew, ttl time.Duration) error {
	switch {
	case !a.NextUpdate.IsZero():
		if a.NextUpdate.Before(now.Add(-skew)) {
			return fmt.Errorf("invalid ocsp NextUpdate, is past time: %s", stamp(a.NextUpdate))
		}
	case ttl != forever:
		if end := a.ThisUpdate.Add(ttl); end.Before(now.Add(-skew)) {
			return fmt.Errorf("invalid ocsp ThisUpdate, is good for %v only: %s", ttl, stamp(a.ThisUpdate))
		}
	}
	if a.ThisUpdate.After(now.Add(skew)) {
		return fmt.Errorf("invalid ocsp ThisUpdate, is future time: %s", stamp(a.ThisUpdate))
	}
	if d := a.delegate; d != nil && (d.NotBefore.After(now.Add(skew)) || d.NotAfter.Before(now.Add(-skew))) {
		return fmt.Errorf("certificate of the OCSP signer is valid from %s to %s only", stamp(d.NotBefore), stamp(d.NotAfter))
	}
	return nil
}

func stamp(t time.Time) string { return t.Format(time.RFC3339Nano) }
