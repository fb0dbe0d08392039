package operator

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/options"
)

// Request is what is known of a connection that wants to be let in.
type Request struct {
	JWT            string
	Signature      string // of the nonce, in base 64
	Nonce          []byte // as sent in INFO
	ConnectionType string // one of options.ConnectionStandard and so on
	Host           string // the peer's IP address; empty: not known
	Proxied        bool   // by a trusted proxy
}

// Credential is a decoded user JWT.
type Credential struct {
	Text   string // the JWT; that of the default sentinel if the user brought none
	Claims *jwt.UserClaims
}

// DecodeUser reads a user JWT and verifies its signature. Whether the issuer may
// sign users is not known before its account is.
func DecodeUser(text string) (*Credential, error) {
	c, err := decodeUser(text)
	if err != nil {
		return nil, err
	}
	return &Credential{Text: text, Claims: c}, nil
}

// Account is the public key of the account that the user is of.
func (c *Credential) Account() string {
	if c.Claims.IssuerAccount != "" {
		return c.Claims.IssuerAccount
	}
	return c.Claims.Issuer
}

// User is a user who was let in. What it refers to must not be changed.
type User struct {
	Name        string // the public key
	DisplayName string
	Tags        []string
	Account     string
	Issuer      string // the key that signed: the account's, or a signing key
	Issued      int64  // Unix seconds

	// Permissions are the user's own or, if Inherited, those that the account
	// gives to users without. Nil: no restrictions.
	Permissions *options.Permissions
	Inherited   bool

	MaxSubscriptions int64     // -1: no limit
	MaxPayload       int64     // bytes; -1: no limit
	Deadline         time.Time // end of the connection; zero: never

	Bearer          bool
	ProxyRequired   bool
	ConnectionTypes []string // that are known here; empty: all

	JWT string

	description string
}

// Description is the debug line about a user who was let in; kind is that of the
// connection, "Client".
func (u *User) Description(kind string) string {
	return fmt.Sprintf("Authenticated JWT: %s %s", kind, u.description)
}

// Open takes the user JWT out of a request, or the default sentinel, and checks
// what can be checked without the account. The error is a *Refusal.
func (t *Trust) Open(r *Request, now time.Time) (*Credential, error) {
	c, err := t.present(r.JWT)
	if err != nil {
		return nil, err
	}
	if c.Claims.ProxyRequired && !r.Proxied {
		return nil, refuseProxy()
	}
	if bad := inspectUser(c.Claims, now).fatal(); len(bad) > 0 {
		return nil, refuse("User JWT no longer valid: %s", strings.Join(bad, "; "))
	}
	if !t.Allows(c.Account()) {
		return nil, &Refusal{
			Cause: NotPinned, Text: fmt.Sprintf("Account %s not listed as operator pinned account", c.Account()),
		}
	}
	return c, nil
}

func (t *Trust) present(text string) (*Credential, error) {
	if text != "" {
		if c, err := DecodeUser(text); err == nil {
			return c, nil
		}
	}
	if t.sentinel == "" {
		return nil, refuse("Authentication requires a user JWT")
	}
	c, err := DecodeUser(t.sentinel)
	if err != nil {
		return nil, refuse("User JWT not valid: %v", err)
	}
	return c, nil
}

// inspectUser validates a user, beyond what the library looks at.
func inspectUser(c *jwt.UserClaims, now time.Time) issues {
	found := inspect(c, now)
	if !nkeys.IsValidPublicUserKey(c.Subject) {
		found.blocking = append(found.blocking, fmt.Sprintf("%q is not a user public key", c.Subject))
	}
	if err := checkPermissions(&c.Permissions); err != nil {
		found.blocking = append(found.blocking, err.Error())
	}
	return found
}

// Admit judges a user of the account. The credential comes from Trust.Open with
// the same request. The error is a *Refusal.
func (a *Account) Admit(c *Credential, r *Request, now time.Time) (*User, error) {
	rights, err := a.rights(c, r)
	if err != nil {
		return nil, err
	}
	if a.Expired(now) {
		return nil, refuse("Account JWT has expired")
	}
	if rights.BearerToken && a.DisallowBearer {
		return nil, refuse("Account does not allow bearer tokens")
	}
	types, err := connectionTypes(rights.AllowedConnectionTypes, r.ConnectionType)
	if err != nil {
		return nil, err
	}
	if !rights.BearerToken {
		if err := checkSignature(c.Claims.Subject, r); err != nil {
			return nil, err
		}
	}
	if a.Revoked(c.Claims.Subject, c.Claims.IssuedAt) {
		return nil, refuse("User authentication revoked")
	}
	if !inNetworks(rights.Src, r.Host) {
		return nil, &Refusal{Text: "Bad src Ip " + r.Host, Loud: true}
	}
	until, open := inWindows(rights.Times, rights.Locale, now)
	if !open {
		return nil, &Refusal{Text: "Outside connect times", Loud: true}
	}
	return a.user(c, rights, types, earliest(unixTime(c.Claims.Expires), until)), nil
}

// rights are those that the user JWT grants or, if it was signed by a key with a
// scope, those of the scope's template.
func (a *Account) rights(c *Credential, r *Request) (*jwt.UserPermissionLimits, error) {
	scope, ok := a.signers[c.Claims.Issuer]
	if !ok || c.Account() != a.Name {
		return nil, refuse("User JWT issuer is not known")
	}
	if scope == nil {
		return &c.Claims.UserPermissionLimits, nil
	}
	if err := scope.ValidateScopedSigner(c.Claims); err != nil {
		return nil, refuse("User JWT is not valid: %v", err)
	}
	user, ok := scope.(*jwt.UserScope)
	if !ok {
		return nil, refuse("User JWT is not valid")
	}
	rights, err := fill(&user.Template, a, c.Claims)
	if err == nil {
		err = checkPermissions(&rights.Permissions)
	}
	if err != nil {
		return nil, refuse("User JWT generated invalid permissions: %v", err)
	}
	if rights.ProxyRequired && !r.Proxied {
		return nil, refuseProxy()
	}
	return rights, nil
}

func (a *Account) user(c *Credential, rights *jwt.UserPermissionLimits, types []string, deadline time.Time) *User {
	u := &User{
		Name: c.Claims.Subject, DisplayName: c.Claims.Name, Tags: c.Claims.Tags,
		Account: a.Name, Issuer: c.Claims.Issuer, Issued: c.Claims.IssuedAt,
		Permissions:      permissionsOf(&rights.Permissions),
		MaxSubscriptions: limit(rights.Subs), MaxPayload: limit(rights.Payload), Deadline: deadline,
		Bearer: rights.BearerToken, ProxyRequired: rights.ProxyRequired || c.Claims.ProxyRequired, ConnectionTypes: types,
		JWT: c.Text,
	}
	if u.Permissions == nil {
		u.Permissions, u.Inherited = a.DefaultPermissions, true
	}
	u.description = fmt.Sprintf("%q (claim-name: %q, claim-tags: %q) signed with %q by Account %q (claim-name: %q, claim-tags: %q) signed with %q",
		u.Name, u.DisplayName, u.Tags, u.Issuer, a.Name, a.DisplayName, a.Tags, a.Issuer)
	return u
}

// connectionTypes drops the types that are not known here, but never so that a
// restriction becomes none, and looks whether the connection's is among the rest.
// The rest is returned even if it is not.
func connectionTypes(list []string, wanted string) ([]string, error) {
	var known, unknown []string
	allowed := len(list) == 0
	for _, name := range list {
		switch t := strings.ToUpper(name); t {
		case options.ConnectionStandard, options.ConnectionWebsocket, options.ConnectionLeafnode, options.ConnectionLeafnodeWS,
			options.ConnectionMQTT, options.ConnectionMQTTWS, options.ConnectionInProcess:
			known = append(known, t)
			allowed = allowed || t == wanted
		default:
			unknown = append(unknown, t)
		}
	}
	if len(known) == 0 && len(unknown) > 0 {
		return nil, refuse("invalid connection types %q", unknown)
	}
	if !allowed {
		return known, refuse("Connection type not allowed")
	}
	return known, nil
}

// checkSignature: without a nonce there is nothing to sign that could not be
// replayed.
func checkSignature(user string, r *Request) error {
	if r.Signature == "" {
		return refuse("Signature missing")
	}
	signature, err := base64.RawURLEncoding.DecodeString(r.Signature)
	if err != nil {
		if signature, err = base64.StdEncoding.DecodeString(r.Signature); err != nil {
			return refuse("Signature not valid base64")
		}
	}
	key, err := nkeys.FromPublicKey(user)
	if err != nil {
		return refuse("User nkey not valid: %v", err)
	}
	if len(r.Nonce) == 0 || key.Verify(r.Nonce, signature) != nil {
		return refuse("Signature not verified")
	}
	return nil
}

// earliest is the earlier of two times, where zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
