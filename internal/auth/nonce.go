package auth

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
)

// nonceBytes random bytes become 15 characters.
const nonceBytes = 11

// NewNonce returns a text for a client to sign: 15 characters of URL-safe base64.
func NewNonce() []byte {
	nonce, err := ReadNonce(rand.Reader)
	if err != nil {
		panic("auth: " + err.Error()) // crypto/rand never fails
	}
	return nonce
}

// ReadNonce makes a nonce of bytes from a source of randomness.
func ReadNonce(random io.Reader) ([]byte, error) {
	var raw [nonceBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return nil, fmt.Errorf("read random bytes for a nonce: %w", err)
	}
	return base64.RawURLEncoding.AppendEncode(nil, raw[:]), nil
}
