package ocspcheck

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"
)

// What is allowed to the staples of other servers.
const (
	stapleSkew = 30 * time.Second
	stapleTTL  = time.Hour // if the staple sets no end
)

// StapleVerifier returns a function for tls.Config.VerifyConnection which demands
// that the peer has stapled a good and current status to its certificate. kind
// names the peer in errors: KindRouter, KindGateway.
func StapleVerifier(kind string, now func() time.Time) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.OCSPResponse) == 0 {
			return fmt.Errorf("%s peer missing OCSP Staple", kind)
		}
		if len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
			return fmt.Errorf("%s peer missing TLS verified chains", kind)
		}
		chain := state.VerifiedChains[0]
		if len(chain) < 2 {
			return fmt.Errorf("failed to get issuer certificate for %s peer", kind)
		}
		answer, err := Parse(state.OCSPResponse, chain[0], chain[1])
		switch {
		case errors.Is(err, ErrDelegate):
			return errors.New("OCSP staple's signer missing authorization by CA to act as OCSP signer")
		case err != nil:
			return fmt.Errorf("failed to parse OCSP response from %s peer: %w", kind, err)
		}
		if err := answer.CheckTime(now(), stapleSkew, stapleTTL); err != nil {
			return fmt.Errorf("OCSP staple from %s peer not current: %w", kind, err)
		}
		if answer.Status != Good {
			return fmt.Errorf("bad status for OCSP Staple from %s peer: %s", kind, answer.Status)
		}
		return nil
	}
}
