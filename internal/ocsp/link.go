package ocspcheck

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
)

// Reasons for which a link is bad, as events give them.
const (
	reasonFetch      = "Failed OCSP response fetch"
	reasonParse      = "Failed OCSP response parse"
	reasonWindow     = "OCSP response not in effectivity window"
	reasonDelegation = "Invalid OCSP response delegation: %s"
	reasonStatus     = "Invalid OCSP response status: %s"
)

// errLost is the outcome for those who waited for somebody else's question, if
// that one did not come to an end.
var errLost = errors.New("question was not asked to the end")

// link is a certificate of a chain that can be asked about.
type link struct {
	cert, issuer *x509.Certificate
	urls         []string // of responders, at least one
}

// linkKey tells links apart.
type linkKey struct{ cert, issuer [sha256.Size]byte }

func (l link) key() linkKey { return linkKey{sha256.Sum256(l.cert.Raw), sha256.Sum256(l.issuer.Raw)} }

// outcome is the end of asking about a link: an answer that is valid and current,
// or the reason why there is none.
type outcome struct {
	answer      *Answer
	reason      string
	unreachable bool // no responder gave anything that could be judged
	err         error
}

// judge returns the reason why a link is bad, or nothing.
func (v *PeerVerifier) judge(l link) (reason string) {
	answer, wasRevoked := v.cached(l)
	if answer == nil {
		o := v.flights.do(l.key(), func() outcome { return v.fetch(l) })
		if o.answer == nil {
			return v.judgeFailure(l, o, wasRevoked)
		}
		answer = o.answer
	}
	if answer.Status == Good || answer.Status == Unknown && v.config.Options.UnknownIsGood {
		return ""
	}
	v.config.Log.Warnf("OCSP verify fail for [%s] with CA status [%s]", subject(l.cert), answer.Status)
	if v.warnOnly(l) {
		return ""
	}
	return fmt.Sprintf(reasonStatus, answer.Status)
}

// judgeFailure decides about a link whose status is not known. wasRevoked tells
// that it was revoked when it was known.
func (v *PeerVerifier) judgeFailure(l link, o outcome, wasRevoked bool) (reason string) {
	name := subject(l.cert)
	v.config.Log.Warnf("No OCSP status of [%s]: %s", name, o.err)
	if v.warnOnly(l) {
		return ""
	}
	if !o.unreachable || !v.config.Options.AllowWhenCAUnreachable {
		return o.reason
	}
	if wasRevoked {
		v.config.Log.Warnf("Failed to obtain OCSP CA response for [%s] but AllowWhenCAUnreachable set; cached revocation exists so rejecting", name)
		return o.reason
	}
	v.config.Log.Warnf("Failed to obtain OCSP CA response for [%s] but AllowWhenCAUnreachable set; no cached revocation so allowing", name)
	return ""
}

func (v *PeerVerifier) warnOnly(l link) bool {
	if v.config.Options.WarnOnly {
		v.config.Log.Warnf("OCSP verify fail for [%s] but WarnOnly is true so allowing", subject(l.cert))
	}
	return v.config.Options.WarnOnly
}

// cached returns the cache's answer if it is current. If it is not, wasRevoked
// tells whether it said so.
func (v *PeerVerifier) cached(l link) (answer *Answer, wasRevoked bool) {
	if v.config.Cache == nil {
		return nil, false
	}
	key := Fingerprint(l.cert)
	der := v.config.Cache.Get(key)
	if der == nil {
		return nil, false
	}
	answer, err := Parse(der, l.cert, l.issuer)
	if err != nil {
		v.config.Log.Debugf("Invalid cached OCSP response for [%s] with fingerprint [%s]: %s", subject(l.cert), key, err)
		v.config.Cache.Discard(key)
		return nil, false
	}
	if err := answer.CheckTime(v.config.Now(), v.skew, v.ttl); err != nil {
		v.config.Log.Debugf("Cached OCSP response for [%s] is not current, status [%s]: %s", subject(l.cert), answer.Status, err)
		v.config.Cache.Expire(key)
		return nil, answer.Status == Revoked
	}
	return answer, false
}

// fetch asks one responder after the other until one gives a valid answer, and
// caches that.
func (v *PeerVerifier) fetch(l link) outcome {
	q, err := ask(l.cert, l.issuer)
	if err != nil {
		return outcome{reason: reasonFetch, err: err}
	}
	failed := outcome{reason: reasonFetch, unreachable: true}
	var failures []error
	for _, url := range l.urls {
		v.config.Log.Debugf("Trying OCSP responder url [%s]", url)
		o := v.fetchFrom(url, q, l)
		if o.answer != nil {
			v.keep(l, o.answer)
			return o
		}
		failures = append(failures, o.err)
		if !o.unreachable { // what somebody said weighs more than silence
			failed = o
		}
	}
	failed.err = errors.Join(failures...)
	return failed
}

func (v *PeerVerifier) fetchFrom(url string, q question, l link) outcome {
	// The handshake may be given up meanwhile; others wait for the answer, too.
	der, err := v.responders.get(context.Background(), url, q)
	if err != nil {
		return outcome{reason: reasonFetch, unreachable: true, err: err}
	}
	answer, err := Parse(der, l.cert, l.issuer)
	if errors.Is(err, ErrDelegate) {
		return outcome{reason: fmt.Sprintf(reasonDelegation, subject(l.cert)), err: fmt.Errorf("answer of %s: %w", url, err)}
	}
	if err != nil {
		return outcome{reason: reasonParse, err: fmt.Errorf("answer of %s: %w", url, err)}
	}
	if err := answer.CheckTime(v.config.Now(), v.skew, v.ttl); err != nil {
		return outcome{reason: reasonWindow, err: fmt.Errorf("answer of %s: %w", url, err)}
	}
	return outcome{answer: answer}
}

func (v *PeerVerifier) keep(l link, answer *Answer) {
	if v.config.Cache == nil {
		return
	}
	v.config.Cache.Put(Fingerprint(l.cert), Entry{
		Subject: subject(l.cert), Status: answer.Status, Expires: answer.NextUpdate, DER: answer.DER,
	})
}
