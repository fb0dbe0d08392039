package callout

import (
	"cmp"
	"slices"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/options"
)

// Names that services know.
const (
	Subject    = "$SYS.REQ.USER.AUTH"         // of questions
	Audience   = "nats-authorization-request" // of the JWT in them
	XKeyHeader = "Nats-Server-Xkey"           // who encrypted them
)

// Service is who decides who may connect.
type Service struct {
	// Account is where the service's subscription is, and its name in all texts.
	Account string

	issuer  string            // public key of the account that signs answers
	users   []string          // who are not asked about
	xkey    string            // public curve key; empty: nothing is encrypted
	allowed []string          // accounts, see FromOptions and FromClaims
	timeout time.Duration     // for an answer
	claims  *operator.Account // of the account; nil outside of operator mode
}

// FromOptions is the service that is configured; nil if there is none. timeout is
// how long to wait for answers.
func FromOptions(c *options.AuthCallout, timeout time.Duration) *Service {
	if c == nil {
		return nil
	}
	return &Service{
		Account: cmp.Or(c.Account, options.GlobalAccount), issuer: c.Issuer, users: c.AuthUsers, xkey: c.XKey, allowed: c.AllowedAccounts, timeout: timeout,
	}
}

// FromClaims is the service that an account delegates to; nil if it does not.
func FromClaims(a *operator.Account, timeout time.Duration) *Service {
	if a == nil || a.Callout == nil {
		return nil
	}
	return &Service{
		Account: a.Name, issuer: a.Name, users: a.Callout.Users, xkey: a.Callout.XKey, allowed: a.Callout.Accounts,
		timeout: timeout, claims: a,
	}
}

// Timeout is how long to wait for an answer.
func (s *Service) Timeout() time.Duration { return s.timeout }

// Facts are what the pipeline found about a connection.
type Facts struct {
	Passed   bool   // the pipeline lets it in
	Account  string // into this account; means nothing unless Passed
	Leafnode bool
	// Identity is the user that was found, whether or not the proof was good: an
	// entry of the users or nkeys; the single user if CONNECT has its name and no
	// token is configured; in operator mode the JWT's subject. Empty: none. What a
	// client says about itself without being found is no identity.
	Identity string
}

// ShouldAsk reports whether the service decides about a connection. Else the
// pipeline's decision stands.
//
// In operator mode it is the service of the account in the connection's JWT that
// counts, and a JWT that the pipeline refused stays refused: it has opened no
// account to ask in. See [Unmapped] for what to say.
func (s *Service) ShouldAsk(f Facts) bool {
	if s == nil || f.Identity != "" && slices.Contains(s.users, f.Identity) {
		return false
	}
	if s.claims != nil {
		return f.Passed && f.Account == s.Account
	}
	return !f.Passed || f.Leafnode || s.delegated(f.Account)
}

// delegated reports whether the service is asked about users who are configured in
// an account. Those who are in none are in the global one.
func (s *Service) delegated(account string) bool {
	return account == options.GlobalAccount || len(s.allowed) == 0 || slices.Contains(s.allowed, account)
}

// mayPlace reports whether the service of an operator's account may put users into
// an account. Its own is always among them.
func (s *Service) mayPlace(account string) bool {
	anywhere := len(s.allowed) == 1 && s.allowed[0] == jwt.AnyAccount
	return account == s.Account || anywhere || slices.Contains(s.allowed, account)
}

// DenyRequests are permissions without the right to publish questions. They are
// for everyone in the service's account; nil stands for no restrictions.
func DenyRequests(p *options.Permissions) *options.Permissions {
	var fresh options.Permissions
	if p != nil {
		fresh = *p
	}
	var publish options.SubjectPermission
	if fresh.Publish != nil {
		publish = *fresh.Publish
	}
	if !slices.Contains(publish.Deny, Subject) {
		publish.Deny = append(slices.Clip(publish.Deny), Subject)
	}
	fresh.Publish = &publish
	return &fresh
}
