package callout

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/wire"
)

// Server is who asks.
type Server struct {
	Name    string
	Host    string
	Version string
	Cluster string // empty: none
	Tags    []string
	Key     nkeys.KeyPair // the server's identity; signs
	Curve   nkeys.KeyPair // encrypts
}

// Attempt is one question about one connection.
type Attempt struct {
	Payload []byte // signed, and encrypted if the service has a key for it
	Header  []byte // header block; nil: none

	service    *Service
	connection connection
	server     string        // public key
	user       string        // public key that the answer has to be about
	curve      nkeys.KeyPair // nil unless encrypted
	deadline   time.Time
}

// connection is what an answer is held against.
type connection struct {
	kind          string // one of options.ConnectionStandard and so on
	host          string
	proxied       bool
	proxyRequired bool
}

// Ask writes the question about a client. The answer to it is good for this
// attempt only.
func (s *Server) Ask(service *Service, client *Client, now time.Time) (*Attempt, error) {
	a := &Attempt{service: service, deadline: now.Add(service.timeout), connection: connection{
		kind: client.ConnectionType, host: client.Host, proxied: client.Proxied, proxyRequired: client.ProxyRequired,
	}}
	if err := s.write(a, client, now); err != nil {
		return nil, fmt.Errorf("ask auth callout service on account %q: %w", service.Account, err)
	}
	return a, nil
}

// write makes the question of an attempt.
func (s *Server) write(a *Attempt, client *Client, now time.Time) (err error) {
	if a.service.timeout <= 0 {
		return fmt.Errorf("no time for an answer: %v", a.service.timeout)
	}
	if !nkeys.IsValidPublicAccountKey(a.service.issuer) {
		return fmt.Errorf("issuer %q is no account public key", a.service.issuer)
	}
	if a.user, err = newUser(); err != nil {
		return fmt.Errorf("make user key: %w", err)
	}
	if a.server, err = s.Key.PublicKey(); err != nil {
		return fmt.Errorf("server key: %w", err)
	}
	xkey := ""
	if a.service.xkey != "" {
		if xkey, err = s.curveKey(); err != nil {
			return fmt.Errorf("server curve key: %w", err)
		}
		a.curve = s.Curve
	}
	text, err := sign(s.Key, s.question(a, client, xkey), now)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	if len(text) > operator.MaxTokenSize {
		return fmt.Errorf("question of %d bytes exceeds maximum of %d bytes", len(text), operator.MaxTokenSize)
	}
	a.Payload = text
	if a.curve == nil {
		return nil
	}
	if a.Payload, err = a.curve.Seal(text, a.service.xkey); err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	a.Header = wire.SetHeader(nil, nil, XKeyHeader, []byte(xkey))
	return nil
}

func (s *Server) curveKey() (string, error) {
	if s.Curve == nil {
		return "", errors.New("there is none")
	}
	return s.Curve.PublicKey()
}

// question is all that the service is told. xkey is empty if it may be read by
// everyone.
func (s *Server) question(a *Attempt, client *Client, xkey string) *jwt.AuthorizationRequestClaims {
	q := &jwt.AuthorizationRequestClaims{}
	q.Subject, q.Audience, q.Expires, q.UserNkey = a.service.issuer, Audience, a.deadline.Unix(), a.user
	q.Server = jwt.ServerID{
		Name: s.Name, Host: s.Host, ID: a.server, Version: s.Version, Cluster: s.Cluster, Tags: s.Tags, XKey: xkey,
	}
	client.fill(&q.AuthorizationRequest)
	return q
}

// UserKey is the public key that stands for the user in this attempt.
func (a *Attempt) UserKey() string { return a.user }

// Deadline is until when an answer is waited for.
func (a *Attempt) Deadline() time.Time { return a.deadline }

// Late is what to say, at the level of debugging, if no answer came in time.
func (a *Attempt) Late() string {
	return fmt.Sprintf("Authorization callout response not received in time on account %q", a.service.Account)
}

// newUser makes a key. Nobody needs its private half: the answer is not proven with
// it, only named by it.
func newUser() (public string, err error) {
	pair, err := nkeys.CreatePairWithRand(nkeys.PrefixByteUser, rand.Reader)
	if err != nil {
		return "", err
	}
	defer pair.Wipe()
	return pair.PublicKey()
}
