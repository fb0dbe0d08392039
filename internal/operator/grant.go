package operator

import (
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/options"
)

// Issues lists all that is to be said against the claims at a time, that they are
// out of their time first. Admit is more lenient: it minds only what keeps claims
// from being used.
func (c *Credential) Issues(now time.Time) []string {
	found := inspectUser(c.Claims, now)
	return append(append(found.time, found.blocking...), found.warnings...)
}

// Grant is what a user JWT gives, for those who judge it by other rules than
// Account.Admit because nobody proves to own the user's key.
type Grant struct {
	ProxyRequired bool // the connection has to come by way of a trusted proxy

	account    *Account
	credential *Credential
	rights     *jwt.UserPermissionLimits
}

// Grant looks whether the user's issuer may sign for the account, and returns what
// the JWT gives or, if the issuer has a scope, what the scope's template does. The
// error is a *Refusal.
func (a *Account) Grant(c *Credential) (*Grant, error) {
	rights, err := a.rights(c, &Request{Proxied: true}) // the proxy is the caller's concern
	if err != nil {
		return nil, err
	}
	return newGrant(a, c, rights), nil
}

// GrantIn is what the JWT itself gives, in an account that no claims describe and
// whose users have the default permissions if they bring none. Who may sign is for
// the caller to know.
func GrantIn(account string, defaults *options.Permissions, c *Credential) *Grant {
	a := &Account{Name: account, DefaultPermissions: defaults}
	return newGrant(a, c, &c.Claims.UserPermissionLimits)
}

func newGrant(a *Account, c *Credential, rights *jwt.UserPermissionLimits) *Grant {
	return &Grant{
		ProxyRequired: rights.ProxyRequired || c.Claims.ProxyRequired,
		account:       a, credential: c, rights: rights,
	}
}

// Covers reports whether the user may come from a host, an IP address. An empty
// one is not known, and covered only where there is no restriction.
func (g *Grant) Covers(host string) bool { return inNetworks(g.rights.Src, host) }

// Until is when the user has to leave; zero: never. open is false outside of the
// times at which the user may be connected.
func (g *Grant) Until(now time.Time) (deadline time.Time, open bool) {
	until, open := inWindows(g.rights.Times, g.rights.Locale, now)
	return earliest(unixTime(g.credential.Claims.Expires), until), open
}

// ConnectionTypes reports whether the user may come by a type of connection. known
// are the types that the user is restricted to, as far as they are known here.
func (g *Grant) ConnectionTypes(wanted string) (known []string, allowed bool) {
	known, err := connectionTypes(g.rights.AllowedConnectionTypes, wanted)
	return known, err == nil
}

// User is the user whom the grant makes. types are those that ConnectionTypes
// returned, deadline is what Until did.
func (g *Grant) User(types []string, deadline time.Time) *User {
	return g.account.user(g.credential, g.rights, types, deadline)
}
