package ocspcheck

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/options"
)

// The reasons for which a peer is refused, which it is not told itself: it gets
// the alert "bad certificate".
var (
	ErrClient = errors.New("client not OCSP valid")
	ErrServer = errors.New("server not OCSP valid")
)

// PeerConfig says how the certificates of peers are checked.
type PeerConfig struct {
	Options *options.OCSPPeerConfig
	Kind    string // "Client" or "Leafnode", in advisories
	// Dials tells that the peers are those whom we dial: TLS servers.
	Dials bool
	Cache Cache // nil: none

	// Rejected and Invalid take what is to be published. They are called during
	// the handshake, so they must not wait.
	Rejected func(*PeerRejected)
	Invalid  func(*LinkInvalid)

	Log    logging.Logger   // nil: none
	Client *http.Client     // nil: one with usual settings
	Now    func() time.Time // nil: the clock
}

// PeerVerifier checks the certificates that peers present.
type PeerVerifier struct {
	config     PeerConfig
	skew, ttl  time.Duration
	responders responders
	refusal    error
	flights    flights
}

// NewPeerVerifier returns a verifier. It is of use whatever Options.Verify says,
// which is for the caller to look at.
func NewPeerVerifier(c PeerConfig) *PeerVerifier {
	if c.Options == nil {
		c.Options = options.NewOCSPPeerConfig()
	}
	if c.Log == nil {
		c.Log = logging.Discard
	}
	if c.Client == nil {
		c.Client = sharedClient
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	usual := options.NewOCSPPeerConfig()
	v := &PeerVerifier{
		config: c, refusal: ErrClient,
		skew: duration(c.Options.ClockSkew, usual.ClockSkew),
		ttl:  duration(c.Options.TTLUnsetNextUpdate, usual.TTLUnsetNextUpdate),
		responders: responders{
			client: c.Client, timeout: duration(c.Options.Timeout, usual.Timeout),
			success: func(code int) bool { return code == http.StatusOK },
		},
	}
	if v.responders.timeout == 0 {
		v.responders.timeout = duration(usual.Timeout, 0)
	}
	if c.Dials {
		v.refusal = ErrServer
	}
	return v
}

// durationMax, in seconds, is more than any sensible setting.
const durationMax = 100 * 365 * 24 * 3600

// duration converts a number of seconds. One that is negative or none at all is
// replaced by the usual one.
func duration(seconds, usual float64) time.Duration {
	if math.IsNaN(seconds) || seconds < 0 {
		seconds = usual
	}
	return time.Duration(min(seconds, durationMax) * float64(time.Second))
}

// VerifyConnection is for a tls.Config whose ClientAuth is
// tls.RequireAndVerifyClientCert, or that is used to dial. It returns nil,
// ErrClient or ErrServer. It may ask responders, each for the configured time-out.
func (v *PeerVerifier) VerifyConnection(state tls.ConnectionState) error {
	chains := state.VerifiedChains
	if len(chains) == 0 || len(chains[0]) == 0 {
		v.config.Log.Errorf("Peer certificate is nil, rejecting OCSP peer")
		return v.refusal
	}
	if v.anyValid(chains) {
		return nil
	}
	if v.config.Rejected != nil {
		v.config.Rejected(&PeerRejected{
			Head: events.NewHead(events.TypeOCSPReject), Kind: v.config.Kind,
			Peer: describe(chains[0][0]), Reason: v.refusal.Error(),
		})
	}
	return v.refusal
}

// anyValid tells whether one of the chains has no bad link.
func (v *PeerVerifier) anyValid(chains [][]*x509.Certificate) bool {
	peer := chains[0][0]
	verdicts := make(map[linkKey]string) // chains share links
	for i, chain := range chains {
		if v.valid(chain, peer, verdicts) {
			v.config.Log.Debugf("OCSP peer check passed by chain %d of %d of [%s]", i+1, len(chains), subject(peer))
			return true
		}
	}
	v.config.Log.Debugf("OCSP peer check failed for all %d chains of [%s]", len(chains), subject(peer))
	return false
}

// valid tells whether a chain has no bad link. The root is not checked: it has no
// issuer that could disown it.
func (v *PeerVerifier) valid(chain []*x509.Certificate, peer *x509.Certificate, verdicts map[linkKey]string) bool {
	for i := range len(chain) - 1 {
		l := link{cert: chain[i], issuer: chain[i+1], urls: webResponders(chain[i])}
		if len(l.urls) == 0 {
			continue
		}
		key := l.key()
		reason, known := verdicts[key]
		if !known {
			reason = v.judge(l)
			verdicts[key] = reason
			v.reportLink(l, peer, reason)
		}
		if reason != "" {
			return false
		}
	}
	return true
}

func (v *PeerVerifier) reportLink(l link, peer *x509.Certificate, reason string) {
	if reason == "" {
		v.config.Log.Debugf("OCSP verify pass for [%s]", subject(l.cert))
		return
	}
	v.config.Log.Debugf("%s", reason)
	if v.config.Invalid != nil {
		v.config.Invalid(&LinkInvalid{
			Head: events.NewHead(events.TypeOCSPLinkFail),
			Link: describe(l.cert), Peer: describe(peer), Reason: reason,
		})
	}
}
