package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"regexp"

	"golang.org/x/crypto/bcrypt"
)

// bcryptText recognises hashed passwords and tokens.
var bcryptText = regexp.MustCompile(`^\$2[abxy]\$\d{2}\$`)

func isHashed(password string) bool { return bcryptText.MatchString(password) }

// samePassword compares a configured password or token, plain or hashed, with one
// that was presented. Two empty ones are the same.
func samePassword(configured, presented string) bool {
	if isHashed(configured) {
		return bcrypt.CompareHashAndPassword([]byte(configured), []byte(presented)) == nil
	}
	return sameText(configured, presented)
}

// sameText takes a time that tells nothing about either text, not even about its
// length beyond what hashing it costs.
func sameText(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
