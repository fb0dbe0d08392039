package auth

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"

	"github.com/godwit-mq/godwit/internal/options"
)

var errNotPinned = errors.New("certificate not pinned")

// Fingerprint is the SHA-256 of DER bytes in lower-case hex.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// CheckPinned checks the public key of the peer's first certificate against the
// pinned ones. Without pins everybody passes; with pins a peer without a
// certificate does not.
func CheckPinned(state tls.ConnectionState, pins options.PinnedCertSet) error {
	if len(pins) == 0 {
		return nil
	}
	if len(state.PeerCertificates) == 0 {
		return errNotPinned
	}
	if _, ok := pins[Fingerprint(state.PeerCertificates[0].RawSubjectPublicKeyInfo)]; !ok {
		return errNotPinned
	}
	return nil
}
