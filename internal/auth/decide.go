package auth

import (
	"encoding/base64"

	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/options"
)

// inquiry is one decision on its way.
type inquiry struct {
	*Authenticator
	request *Request
	connect *options.ClientOpts
	verdict Verdict
}

// Decide applies the rules in their order.
func (a *Authenticator) Decide(r Request) Verdict {
	q := inquiry{Authenticator: a, request: &r, connect: &r.Connect}
	q.verdict.Account = options.GlobalAccount
	q.verdict.describe(&r.Connect)
	q.verdict.By = a
	q.verdict.OK = q.decide()
	return q.verdict
}

// Proxied checks the signature of a proxy alone, where others decide about the
// user. The verdict is OK if there is none, or if it is right.
func (a *Authenticator) Proxied(r Request) Verdict {
	q := inquiry{Authenticator: a, request: &r, connect: &r.Connect}
	q.verdict.describe(&r.Connect)
	q.verdict.OK = q.checkProxy()
	return q.verdict
}

func (q *inquiry) decide() bool {
	if !q.checkProxy() || q.operated {
		return false
	}
	if !q.Required() {
		return true
	}
	c := q.connect
	nothing := c.Username == "" && c.Password == "" && c.Token == ""
	if len(q.nkeys) > 0 {
		if u := q.nkeys[q.noAuthUser]; u != nil && nothing && c.Nkey == "" {
			q.verdict.setNkey(u.name)
			return q.admit(u)
		}
		if c.Nkey != "" {
			return q.byNkey()
		}
	}
	if len(q.users) > 0 {
		switch {
		case q.mapsCertificate():
			return q.byCertificate()
		case nothing && q.users[q.noAuthUser] != nil:
			q.verdict.setUser(q.noAuthUser)
			return q.admit(q.users[q.noAuthUser])
		case c.Username != "":
			return q.byPassword()
		}
	}
	return q.bySingle()
}

// checkProxy verifies the signature of a proxy. Where no proxies are trusted a
// signature means nothing.
func (q *inquiry) checkProxy() bool {
	if q.connect.ProxySig == "" || len(q.proxies) == 0 {
		return true
	}
	q.verdict.Reason = ProxyNotTrusted
	signature, err := base64.RawURLEncoding.DecodeString(q.connect.ProxySig)
	if err != nil {
		q.verdict.debugf("Proxy signature not valid base64")
		q.verdict.debugf("proxy is not trusted")
		return false
	}
	for _, p := range q.proxies {
		if q.signed(p.key, signature) {
			q.verdict.Reason, q.verdict.ProxyKey = Failed, p.text
			return true
		}
	}
	q.verdict.debugf("proxy is not trusted")
	return false
}

// signed reports whether a signature is one of the nonce. Without a nonce there
// is nothing to sign that could not be replayed.
func (q *inquiry) signed(key nkeys.KeyPair, signature []byte) bool {
	return len(q.request.Nonce) > 0 && key.Verify(q.request.Nonce, signature) == nil
}

// lacksProxy refuses a connection that did not come by way of a trusted proxy
// though it had to.
func (q *inquiry) lacksProxy(required bool) bool {
	if !required || q.verdict.ProxyKey != "" {
		return false
	}
	q.verdict.debugf("proxy connection required")
	q.verdict.Reason = ProxyRequired
	return true
}

// admit is the end of every way that leads to a user.
func (q *inquiry) admit(u *user) bool {
	if !u.allows(q.request.ConnectionType) {
		q.verdict.debugf("Connection type not allowed")
		return false
	}
	if q.lacksProxy(u.proxy) {
		return false
	}
	v := &q.verdict
	v.admitted = u
	v.found(u)
	v.Account, v.Permissions, v.Deadline = u.account, u.permissions, u.deadline
	if u.key != nil {
		v.IssuerKey = u.account
	}
	return true
}

// byNkey: anybody may be the no_auth_user, so that one may do without a signature;
// one that is given has to be right even so.
func (q *inquiry) byNkey() bool {
	u := q.nkeys[q.connect.Nkey]
	if u != nil {
		q.verdict.found(u)
	}
	if u == nil || !u.allows(q.request.ConnectionType) || q.lacksProxy(u.proxy) {
		return false
	}
	if q.connect.Sig == "" && u.name == q.noAuthUser {
		return q.admit(u)
	}
	if q.connect.Sig == "" {
		q.verdict.debugf("Signature missing")
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(q.connect.Sig)
	if err != nil {
		if signature, err = base64.StdEncoding.DecodeString(q.connect.Sig); err != nil {
			q.verdict.debugf("Signature not valid base64")
			return false
		}
	}
	if !q.signed(u.key, signature) {
		q.verdict.debugf("Signature not verified")
		return false
	}
	return q.admit(u)
}

func (q *inquiry) byPassword() bool {
	u := q.users[q.connect.Username]
	if u != nil && !q.isAnonymous(u) {
		q.verdict.found(u)
	}
	if u == nil || !u.allows(q.request.ConnectionType) || q.isAnonymous(u) || q.lacksProxy(u.proxy) {
		return false
	}
	if u.certificate {
		q.verdict.debugf("User %q requires a client certificate", u.name)
		return false
	}
	return samePassword(u.password, q.connect.Password) && q.admit(u)
}

// isAnonymous: the made-up user is not to be asked for by name.
func (q *inquiry) isAnonymous(u *user) bool { return q.anonymous && u.name == q.noAuthUser }

func (q *inquiry) bySingle() bool {
	if q.token == "" && q.single != nil && q.single.name == q.connect.Username {
		q.verdict.Found, q.verdict.ProxyRequired = q.single.name, q.singleProxy
	}
	if q.token == "" && q.single == nil || q.lacksProxy(q.singleProxy) {
		return false
	}
	if q.token != "" {
		return samePassword(q.token, q.connect.Token)
	}
	// Both are compared, so that the time does not tell whether the name is right.
	password := samePassword(q.single.password, q.connect.Password)
	return sameText(q.single.name, q.connect.Username) && password
}
