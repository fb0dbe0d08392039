package callout

import (
	"bytes"
	"errors"
	"time"
	"unicode"

	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/options"
)

// Accounts finds the account that a user is to be placed in: by name, in operator
// mode by public key; nil if there is none. Its error ends the text of a refusal, as
// "account missing" would. It may refuse accounts whose users are not welcome here,
// and may block to fetch claims, as Judge then does.
type Accounts func(name string) (*Target, error)

// Target is an account.
type Target struct {
	// Claims describe the account in operator mode.
	Claims *operator.Account
	// DefaultPermissions are, in the other mode, of users who bring none.
	DefaultPermissions *options.Permissions
}

// Why a user cannot be placed in an account.
var (
	errMissing = errors.New("account missing")
	errExpired = errors.New("account expired")
)

// prefix is how each JWT begins, and nothing that is encrypted.
var prefix = []byte("eyJ")

// maxSealed is the longest answer, in bytes: a JWT, encrypted.
const maxSealed = operator.MaxTokenSize + 64

// Judge goes through an answer, the body of the message. The user that it returns
// has the name of the attempt's key; if there is a DisplayName, it takes the place
// of all names that the connection gave. Account, Permissions, limits, Deadline and
// ConnectionTypes are what the connection is bound by. The connection's own JWT
// means nothing after this. All errors are *Refusal.
func (a *Attempt) Judge(response []byte, accounts Accounts, now time.Time) (*operator.User, error) {
	token, err := a.open(response, now)
	if err != nil {
		return nil, err
	}
	c, err := a.credential(token, now)
	if err != nil {
		return nil, err
	}
	grant, err := a.grant(c, accounts, now)
	if err != nil {
		return nil, err
	}
	return a.admit(grant, now)
}

// open checks the envelope, and returns the user JWT in it.
func (a *Attempt) open(response []byte, now time.Time) (token string, err error) {
	account := a.service.Account
	if len(response) == 0 {
		return "", refuse("auth callout violation: %q on account %q", "no reason supplied", account)
	}
	sealed := a.curve != nil && !bytes.HasPrefix(response, prefix)
	if sealed {
		if len(response) > maxSealed {
			return "", refuse("error decrypting auth callout response on account %q: %d bytes exceed maximum of %d bytes",
				account, len(response), maxSealed)
		}
		if response, err = a.curve.Open(response, a.service.xkey); err != nil {
			return "", refuse("error decrypting auth callout response on account %q: %v", account, err)
		}
	}
	c, err := jwt.DecodeAuthorizationResponseClaims(string(response))
	if err != nil {
		return "", refuse("%v", err)
	}
	if found := firstIssue(c, now); found != "" {
		return "", refuse("authorization response had validation errors: %s", found)
	}
	switch {
	case c.Subject != a.user:
		return "", refuse("auth callout violation: auth callout response is not for expected user")
	case c.Audience != a.server:
		return "", refuse("auth callout violation: auth callout response is not for server")
	}
	// What the service's own key encrypted needs no other proof of who it is.
	if !sealed {
		if err := a.checkSigner(c); err != nil {
			return "", err
		}
	}
	if c.Error != "" {
		return "", refuse("auth callout service returned an error: %s", c.Error)
	}
	return c.Jwt, nil
}

// firstIssue is something that is to be said against an envelope, be it only that
// its time is over. The library has a clock of its own, so what it says about time
// does not count.
func firstIssue(c *jwt.AuthorizationResponseClaims, now time.Time) string {
	results := jwt.CreateValidationResults()
	c.Validate(results)
	for _, issue := range results.Issues {
		if !issue.TimeCheck {
			return issue.Description
		}
	}
	switch seconds := now.Unix(); {
	case c.Expires > 0 && seconds > c.Expires:
		return "claim is expired"
	case c.NotBefore > 0 && c.NotBefore > seconds:
		return "claim is not yet valid"
	}
	return ""
}

// checkSigner looks who signed an envelope.
func (a *Attempt) checkSigner(c *jwt.AuthorizationResponseClaims) error {
	s := a.service
	known := c.Issuer == s.issuer
	if s.claims != nil {
		if c.IssuerAccount != "" && c.IssuerAccount != s.Account {
			return refuse("auth callout response issuer account %q is not the callout account", c.IssuerAccount)
		}
		known = known || s.claims.Signs(c.Issuer)
	}
	if !known {
		return refuse("auth callout signing key is unknown")
	}
	return nil
}

// credential reads the user JWT and checks that it is what was asked for.
func (a *Attempt) credential(token string, now time.Time) (*operator.Credential, error) {
	c, err := operator.DecodeUser(token)
	if err != nil {
		return nil, refuse("%v", err)
	}
	if err := a.checkProxy(c.Claims.ProxyRequired); err != nil {
		return nil, err
	}
	if found := c.Issues(now); len(found) > 0 {
		return nil, refuse("Error validating user JWT: %s", found[0])
	}
	if c.Claims.Subject != a.user {
		return nil, refuse("Expected authorized user of %q but got %q on account %q", a.user, c.Claims.Subject, a.service.Account)
	}
	return c, nil
}

// checkProxy refuses a connection that did not come by way of a trusted proxy
// though the user found by the pipeline, or the one in the answer, has to.
func (a *Attempt) checkProxy(required bool) error {
	if (required || a.connection.proxyRequired) && !a.connection.proxied {
		return refuseProxy()
	}
	return nil
}

// grant finds the account that the user is placed in, and what the user gets there.
func (a *Attempt) grant(c *operator.Credential, accounts Accounts, now time.Time) (*operator.Grant, error) {
	if a.service.claims == nil {
		return a.configuredGrant(c, accounts)
	}
	s, name := a.service, c.Account()
	if !s.mayPlace(name) {
		return nil, refuse("account %q not permitted as valid account option for auth callout for account %q", name, s.Account)
	}
	target, err := a.find(name, accounts)
	switch {
	case err != nil:
		return nil, err
	case target.Claims == nil:
		return nil, a.refuseAccount(name, errMissing)
	case target.Claims.Expired(now):
		return nil, a.refuseAccount(name, errExpired)
	case !target.Claims.Signs(c.Claims.Issuer):
		return nil, refuse("user JWT issuer %q is not known", c.Claims.Issuer)
	}
	grant, err := target.Claims.Grant(c)
	if err != nil {
		return nil, refuse("%s", withFirst(err.Error(), unicode.ToLower))
	}
	return grant, nil
}

// configuredGrant is for services that the configuration names: the issuer is one
// key, and the account stands where the audience does in other JWTs.
func (a *Attempt) configuredGrant(c *operator.Credential, accounts Accounts) (*operator.Grant, error) {
	s, name := a.service, c.Claims.Audience
	switch {
	case c.Claims.IssuerAccount != "":
		return nil, refuse("error non operator mode account %q: attempted to use issuer_account", s.Account)
	case c.Claims.Issuer != s.issuer:
		return nil, refuse("wrong issuer for auth callout response on account %q, expected %q got %q", s.Account, s.issuer, c.Claims.Issuer)
	}
	target, err := a.find(name, accounts)
	if err != nil {
		return nil, err
	}
	return operator.GrantIn(name, target.DefaultPermissions, c), nil
}

func (a *Attempt) find(name string, accounts Accounts) (*Target, error) {
	if name == "" {
		return nil, a.refuseAccount(name, errMissing)
	}
	target, err := accounts(name)
	if err == nil && target == nil {
		err = errMissing
	}
	if err != nil {
		return nil, a.refuseAccount(name, err)
	}
	return target, nil
}

func (a *Attempt) refuseAccount(name string, err error) error {
	return refuse("no valid account %q for auth callout response on account %q: %v", name, a.service.Account, err)
}

// admit looks whether what the user is granted goes with the connection.
func (a *Attempt) admit(grant *operator.Grant, now time.Time) (*operator.User, error) {
	account := a.service.Account
	if !grant.Covers(a.connection.host) {
		r := refuse("authorized user on account %q not allowed from this address", account)
		r.Errors = []string{"Bad src Ip " + a.connection.host}
		return nil, r
	}
	deadline, open := grant.Until(now)
	if !open {
		r := refuse("authorized user on account %q outside of valid connect times", account)
		r.Errors = []string{"Outside connect times"}
		return nil, r
	}
	types, allowed := grant.ConnectionTypes(a.connection.kind)
	switch {
	case !allowed && len(types) == 0:
		return nil, refuse("authorized user on account %q using invalid connection type", account)
	case !allowed:
		return nil, refuse("authorized user on account %q not allowed to use connection type", account)
	}
	if err := a.checkProxy(grant.ProxyRequired); err != nil {
		return nil, err
	}
	user := grant.User(types, deadline)
	user.ProxyRequired = user.ProxyRequired || a.connection.proxyRequired
	user.MaxSubscriptions, user.MaxPayload = zeroIsUnlimited(user.MaxSubscriptions), zeroIsUnlimited(user.MaxPayload)
	// Nobody brought the JWT, so that it is not to be shown as the connection's.
	user.JWT, user.Bearer = "", false
	return user, nil
}

// zeroIsUnlimited: services that make their own JWTs leave limits out.
func zeroIsUnlimited(n int64) int64 {
	if n == 0 {
		return -1
	}
	return n
}
