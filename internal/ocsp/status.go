package ocspcheck

import "golang.org/x/crypto/ocsp"

// Status is what a responder says about a certificate.
type Status uint8

// The zero value is the one that permits nothing.
const (
	Unknown Status = iota
	Good
	Revoked
)

// String returns the word that stands in logs, events and files.
func (s Status) String() string {
	switch s {
	case Good:
		return "good"
	case Revoked:
		return "revoked"
	}
	return "unknown"
}

// MarshalText returns the word.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word; another one than those of String is Unknown.
func (s *Status) UnmarshalText(text []byte) error {
	switch string(text) {
	case "good":
		*s = Good
	case "revoked":
		*s = Revoked
	default:
		*s = Unknown
	}
	return nil
}

// statusOf translates the number that the protocol's library uses.
func statusOf(n int) Status {
	switch n {
	case ocsp.Good:
		return Good
	case ocsp.Revoked:
		return Revoked
	}
	return Unknown
}
