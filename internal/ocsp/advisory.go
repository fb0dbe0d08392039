package ocspcheck

import (
	"crypto/x509"

	"github.com/godwit-mq/godwit/internal/events"
)

// Certificate describes a certificate in an advisory.
type Certificate struct {
	Subject     string `json:"subject,omitempty"`
	Issuer      string `json:"issuer,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Raw         []byte `json:"raw,omitempty"` // DER
}

func describe(cert *x509.Certificate) Certificate {
	return Certificate{
		Subject: subject(cert), Issuer: cert.Issuer.ToRDNSequence().String(),
		Fingerprint: Fingerprint(cert), Raw: cert.Raw,
	}
}

// PeerRejected tells that a peer was refused. Whoever publishes it fills in the
// server.
type PeerRejected struct {
	events.Head
	Kind   string        `json:"kind"`
	Peer   Certificate   `json:"peer"`
	Server events.Server `json:"server"`
	Reason string        `json:"reason"`
}

// LinkInvalid tells which certificate of a peer's chain was found bad: Link, which
// may be the peer's own. Whoever publishes it fills in the server.
type LinkInvalid struct {
	events.Head
	Link   Certificate   `json:"link"`
	Peer   Certificate   `json:"peer"`
	Server events.Server `json:"server"`
	Reason string        `json:"reason"`
}
