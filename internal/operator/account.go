package operator

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/sharing"
	"github.com/godwit-mq/godwit/internal/subject"
)

var (
	// ErrAccount: an account JWT cannot be used. What is wrong follows the text.
	ErrAccount = errors.New("account validation failed")
	// ErrNotTrusted: no trusted key signed it. Such errors are ErrAccount, too.
	ErrNotTrusted = errors.New("issuer is not trusted")
)

// Account is what an account JWT says. Nothing of it may be changed.
type Account struct {
	Name        string // the public key
	DisplayName string
	Tags        []string
	Issuer      string    // the operator's key that signed
	Issued      int64     // Unix seconds
	Expires     time.Time // zero: never

	Limits         options.AccountLimits
	DisallowBearer bool
	// JetStream are limits by tier ("R1", "R3"), or one set under "". Nil: no
	// JetStream.
	JetStream map[string]JetStreamLimits

	Exports  []*sharing.Export
	Imports  []*Import
	Mappings []Mapping

	// DefaultPermissions are of users without their own; nil: no restrictions.
	DefaultPermissions *options.Permissions
	// Trace is where traces of messages go; nil: nowhere.
	Trace *Trace
	// OwnClusterTraffic moves replication of the account's streams into it, from
	// the system account.
	OwnClusterTraffic bool
	// Callout asks a service of the account who its users are; nil: none does.
	Callout *Callout

	// Debug are lines for the log about parts that are left out.
	Debug []string

	Text   string             // the JWT
	Claims *jwt.AccountClaims // nil for Bootstrap

	revocations map[string]int64     // user's key or "*": Unix seconds
	signers     map[string]jwt.Scope // keys that may sign users; nil scope: no template
}

// Trace is the account's wish to trace messages.
type Trace struct {
	Destination string
	Sampling    int // percent, 1 to 100
}

// Callout is the delegation of authentication to a service of the account.
type Callout struct {
	Users    []string // public keys of those who are not asked about: the service itself
	Accounts []string // that users may be placed in; "*" alone: any
	XKey     string   // encrypt for this curve key; empty: do not
}

// Account judges an account JWT and returns what it says. Errors of JWTs that
// cannot be used are ErrAccount; those of texts that are none, the decoder's.
func (t *Trust) Account(text string, now time.Time) (*Account, error) {
	c, err := decodeAccount(text)
	if err != nil {
		return nil, err
	}
	// Asked first: validation of what strangers made up could take long.
	if !t.Trusts(c.Issuer) {
		return nil, fmt.Errorf("%w: %w: %s", ErrAccount, ErrNotTrusted, c.Issuer)
	}
	if bad := inspectAccount(c, now).fatal(); len(bad) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrAccount, strings.Join(bad, "; "))
	}
	a := &Account{
		Name: c.Subject, DisplayName: c.Name, Tags: c.Tags, Issuer: c.Issuer, Issued: c.IssuedAt, Expires: unixTime(c.Expires),
		Limits: limitsOf(c), DisallowBearer: c.Limits.DisallowBearer, JetStream: jetStreamOf(&c.Limits),
		DefaultPermissions: permissionsOf(&c.DefaultPermissions),
		Trace:              traceOf(c.Trace), OwnClusterTraffic: c.ClusterTraffic == jwt.ClusterTrafficOwner,
		Text: text, Claims: c, revocations: c.Revocations,
	}
	if c.HasExternalAuthorization() {
		a.Callout = &Callout{
			Users: c.Authorization.AuthUsers, Accounts: c.Authorization.AllowedAccounts, XKey: c.Authorization.XKey,
		}
	}
	a.addSigners(t.strict[c.Issuer])
	a.addExports()
	a.addImports()
	a.addMappings()
	return a, nil
}

// Bootstrap makes an account that stands in for the system account while its JWT
// is not to be had, so that the first one can be sent in by it. It has no limits
// and believes in no other signer than its own key.
func Bootstrap(name string) *Account {
	return &Account{
		Name: name, Limits: options.UnlimitedAccount(), signers: map[string]jwt.Scope{name: nil},
	}
}

// inspectAccount validates an account, beyond what the library looks at.
func inspectAccount(c *jwt.AccountClaims, now time.Time) issues {
	found := inspect(c, now)
	if !nkeys.IsValidPublicAccountKey(c.Subject) {
		found.blocking = append(found.blocking, fmt.Sprintf("%q is not an account public key", c.Subject))
	}
	if err := checkPermissions(&c.DefaultPermissions); err != nil {
		found.blocking = append(found.blocking, "default permissions: "+err.Error())
	}
	return found
}

// addSigners collects the keys that may sign users. Under an operator that
// insists on signing keys the account's own key is none of them.
func (a *Account) addSigners(strict bool) {
	a.signers = make(map[string]jwt.Scope)
	maps.Copy(a.signers, a.Claims.SigningKeys)
	if !strict {
		a.signers[a.Name] = nil
	}
}

// Signs reports whether the key may sign users and activation tokens.
func (a *Account) Signs(key string) bool {
	_, ok := a.signers[key]
	return ok
}

// SameSigner reports whether users that the key signed, and that an earlier JWT
// of the account let in, can stay: the key may still sign, with the same scope.
func (a *Account) SameSigner(earlier *Account, key string) bool {
	scope, ok := a.signers[key]
	old, known := earlier.signers[key]
	return ok && known && reflect.DeepEqual(scope, old)
}

// Revoked reports whether user JWTs with this subject, issued at a time in Unix
// seconds, have been withdrawn.
func (a *Account) Revoked(user string, issued int64) bool {
	for _, key := range [...]string{user, jwt.All} {
		if until, ok := a.revocations[key]; ok && until >= issued {
			return true
		}
	}
	return false
}

// HasRevocations reports whether Revoked can be true at all.
func (a *Account) HasRevocations() bool { return len(a.revocations) > 0 }

// Expired reports whether the account's time is over.
func (a *Account) Expired(now time.Time) bool {
	return !a.Expires.IsZero() && now.Unix() > a.Expires.Unix()
}

// Label names the account in the log: by key, and by name if it has one.
func (a *Account) Label() string {
	if a.DisplayName == "" {
		return a.Name
	}
	return a.Name + "/" + a.DisplayName
}

// Tag is the name that people know the account by: the key if it has no other.
func (a *Account) Tag() string {
	if a.DisplayName == "" {
		return a.Name
	}
	return a.DisplayName
}

// RevokedUsers are the keys of users, or "*" for all, whose claims are withdrawn,
// with the time up to which they had been issued.
func (a *Account) RevokedUsers() map[string]time.Time {
	if len(a.revocations) == 0 {
		return nil
	}
	revoked := make(map[string]time.Time, len(a.revocations))
	for key, until := range a.revocations {
		revoked[key] = time.Unix(until, 0).UTC()
	}
	return revoked
}

func (a *Account) debugf(format string, args ...any) {
	a.Debug = append(a.Debug, fmt.Sprintf(format, args...))
}

// traceOf: without a destination that can be published to there is no tracing.
func traceOf(c *jwt.MsgTrace) *Trace {
	if c == nil || !subject.IsValidPublish(string(c.Destination)) {
		return nil
	}
	t := &Trace{Destination: string(c.Destination), Sampling: c.Sampling}
	if t.Sampling <= 0 || t.Sampling > 100 {
		t.Sampling = 100
	}
	return t
}
