package ocspcheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/options"
)

const (
	// questionTimeout is how long one question about our own certificate may take.
	questionTimeout = 30 * time.Second
	// handshakePatience is how long a handshake tries to get a status where there
	// is no valid one.
	handshakePatience = 5 * time.Second
	// quietTime is how long after a failure no handshake tries again.
	quietTime = 10 * time.Second
)

// Kinds of connections that certificates are stapled for, as logs name them.
const (
	KindClient  = "Client" // WebSocket and MQTT, too
	KindRouter  = "Router"
	KindGateway = "Gateway"
)

// StaplerConfig says which certificate is stapled, and how.
type StaplerConfig struct {
	Kind string // KindClient, KindRouter or KindGateway
	Name string // the file of the certificate, in logs and errors
	// Options is the configuration's ocsp block; nil if it has none.
	Options *options.OCSPConfig
	// Certificate holds the certificate, with its issuer behind it if Roots do
	// not lead there.
	Certificate tls.Certificate
	Roots       *x509.CertPool // of the ca_file; nil: the operating system's
	Store       *Store         // nil: in memory only
	// Previous is who kept the status so far. If it is one of the same certificate
	// and still good for a while, nobody is asked. May be nil.
	Previous *Stapler

	// Revoked is told by Run that the certificate must not be served any more.
	Revoked func(Status)

	Log    logging.Logger   // nil: none
	Client *http.Client     // nil: one with usual settings
	Now    func() time.Time // nil: the clock
}

// Stapler keeps the status of one certificate and hands out the certificate with
// it.
type Stapler struct {
	config     StaplerConfig
	leaf       *x509.Certificate
	issuer     *x509.Certificate
	question   question
	urls       []string
	responders responders
	strict     bool // a certificate that is not good must not be served
	log        logging.Logger
	now        func() time.Time

	current atomic.Pointer[staple] // the latest valid status, which may have expired

	turn       chan struct{} // holds a token while somebody gets a status
	quietUntil time.Time     // guarded by turn
	failure    error         // of the last attempt; guarded by turn
}

// staple is a certificate with its status. It is not modified.
type staple struct {
	answer      *Answer
	certificate *tls.Certificate
}

// NewStapler returns a Stapler that has a valid status, or nil without an error
// if the certificate is not to be stapled. It fails if there is no status to be
// had, or if the status is one that the mode does not permit to serve. It asks
// responders if the Store has no valid answer, as long as ctx lives.
func NewStapler(ctx context.Context, c StaplerConfig) (*Stapler, error) {
	s := &Stapler{config: c, log: c.Log, now: c.Now, turn: make(chan struct{}, 1)}
	if s.log == nil {
		s.log = logging.Discard
	}
	if s.now == nil {
		s.now = time.Now
	}
	bundle, err := parseBundle(c.Certificate)
	if err != nil {
		return nil, err
	}
	s.leaf = bundle[0]
	s.config.Certificate.Leaf = s.leaf
	if wanted := s.applyMode(); !wanted {
		return nil, nil
	}
	if s.issuer, err = findIssuer(bundle, c.Roots, s.now()); err != nil {
		return nil, err
	}
	if s.question, err = ask(s.leaf, s.issuer); err != nil {
		return nil, err
	}
	s.responders = responders{client: c.Client, timeout: questionTimeout, success: func(code int) bool { return code <= 299 }}
	if s.responders.client == nil {
		s.responders.client = sharedClient
	}
	answer, err := s.inherit(), error(nil)
	if answer == nil {
		answer, err = s.obtain(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("bad OCSP status update for certificate at '%s': %w", c.Name, err)
	}
	if s.strict && answer.Status != Good {
		return nil, fmt.Errorf("found existing OCSP status for certificate at '%s': %s", c.Name, answer.Status)
	}
	return s, nil
}

// inherit takes over the status that the previous Stapler has, if it is valid for
// this one. The result is nil if not.
func (s *Stapler) inherit() *Answer {
	before := s.config.Previous
	s.config.Previous = nil // or every reload would keep one more in memory
	if before == nil || !before.leaf.Equal(s.leaf) {
		return nil
	}
	answer, err := s.judge(before.current.Load().answer.DER)
	if err != nil {
		return nil
	}
	s.use(answer)
	return answer
}

func parseBundle(certificate tls.Certificate) ([]*x509.Certificate, error) {
	if len(certificate.Certificate) == 0 {
		return nil, errors.New("no certificate found")
	}
	var bundle []*x509.Certificate
	for _, der := range certificate.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("error parsing certificate: %w", err)
		}
		bundle = append(bundle, cert)
	}
	return bundle, nil
}

// applyMode tells whether the certificate is to be stapled, and finds out what
// follows from a bad status and who is asked.
func (s *Stapler) applyMode() (wanted bool) {
	var o options.OCSPConfig // without a configuration: auto
	if s.config.Options != nil {
		o = *s.config.Options
	}
	s.urls = s.leaf.OCSPServer
	if len(o.OverrideURLs) > 0 {
		s.urls = o.OverrideURLs
	}
	s.urls = s.urls[:min(len(s.urls), maxResponders)]
	s.strict = o.Mode == options.OCSPModeAlways || o.Mode == options.OCSPModeMust
	demanded := MustStaple(s.leaf)
	switch o.Mode {
	case options.OCSPModeAlways:
		return true
	case options.OCSPModeNever:
		if demanded {
			s.log.Warnf("Certificate at '%s' has MustStaple but OCSP is disabled", s.config.Name)
		}
		return false
	}
	return demanded
}

// Install makes a tls.Config present the certificate with its staple, in place of
// the first of its certificates; further ones stay for peers that do not support
// the first. For routes and gateways it also presents the staple to the servers
// that are dialed, and demands one of either side. The config must not be in use
// yet.
func (s *Stapler) Install(config *tls.Config) {
	others := config.Certificates
	if len(others) > 0 {
		others = others[1:]
	}
	config.Certificates = nil
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if len(others) > 0 && hello.SupportsCertificate(&s.config.Certificate) != nil {
			for i := range others {
				if hello.SupportsCertificate(&others[i]) == nil {
					return &others[i], nil
				}
			}
		}
		return s.GetCertificate(hello)
	}
	config.GetClientCertificate = s.GetClientCertificate
	if s.config.Kind != KindRouter && s.config.Kind != KindGateway {
		return
	}
	earlier, verify := config.VerifyConnection, StapleVerifier(s.config.Kind, s.now)
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if earlier != nil {
			if err := earlier(state); err != nil {
				return err
			}
		}
		return verify(state)
	}
}

// GetCertificate is for a tls.Config.
func (s *Stapler) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.certificate(hello.Context())
}

// GetClientCertificate is for a tls.Config. Only routes and gateways staple what
// they present to those whom they dial.
func (s *Stapler) GetClientCertificate(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if s.config.Kind != KindRouter && s.config.Kind != KindGateway {
		return &s.config.Certificate, nil
	}
	return s.certificate(request.Context())
}

// Status returns the latest status and when the responder will have a new one:
// zero if it did not say.
func (s *Stapler) Status() (status Status, nextUpdate time.Time) {
	answer := s.current.Load().answer
	return answer.Status, answer.NextUpdate
}
