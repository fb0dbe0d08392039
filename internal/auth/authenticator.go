package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/options"
)

// user is a compiled user or nkey.
type user struct {
	name        string
	password    string
	account     string
	permissions *Permissions
	types       map[string]struct{}
	proxy       bool
	certificate bool // can only be used with a certificate
}

// Authenticator knows everybody who may connect. It is immutable.
type Authenticator struct {
	users   map[string]*user
	nkeys   map[string]*user
	dns     []namedDN // of users whose names are distinguished names, sorted
	single  user      // the one user, if single.name is set
	token   string
	proxies []string
	maps    bool // the listener maps certificates to users
	listens bool // there is a client listener

	noAuthUser string
	hidden     bool // noAuthUser was made up by the server
	custom     bool
	nonce      bool
	plaintext  bool
}

// New compiles the options, which have been validated.
func New(o *options.Options) (*Authenticator, error) {
	a := &Authenticator{
		users: make(map[string]*user), nkeys: make(map[string]*user),
		token: o.Authorization, proxies: slices.Clone(o.TrustedProxies), maps: o.TLSMap, listens: !o.DontListen,
		noAuthUser: o.NoAuthUser, custom: o.CustomClientAuthentication != nil,
	}
	a.single = user{name: o.Username, password: o.Password, account: options.GlobalAccount, proxy: o.ProxyRequired}
	for _, u := range o.Users {
		if err := a.addUser(u); err != nil {
			return nil, err
		}
	}
	for _, u := range o.Nkeys {
		p, account, err := compile(u.Permissions, u.Account)
		if err != nil {
			return nil, err
		}
		a.nkeys[u.Nkey] = &user{name: u.Nkey, account: account, permissions: p, types: upper(u.AllowedConnectionTypes), proxy: u.ProxyRequired}
	}
	slices.SortFunc(a.dns, func(x, y namedDN) int { return strings.Compare(x.user.name, y.user.name) })
	a.nonce = len(a.nkeys) > 0 || len(a.proxies) > 0 || o.AlwaysEnableNonce
	a.admitAnonymous(o)
	a.findPlaintext()
	return a, nil
}

func (a *Authenticator) addUser(u *options.User) error {
	p, account, err := compile(u.Permissions, u.Account)
	if err != nil {
		return err
	}
	c := &user{
		name: u.Username, password: u.Password, account: account, permissions: p,
		types: upper(u.AllowedConnectionTypes), proxy: u.ProxyRequired,
	}
	c.certificate = u.Password == "" && a.maps && a.listens && c.allows(options.ConnectionStandard) && u.Username != a.noAuthUser
	a.users[u.Username] = c
	if dn, err := parseDN(u.Username); err == nil && len(dn) > 0 {
		a.dns = append(a.dns, namedDN{dn, c})
	}
	return nil
}

// compile applies the account's default permissions.
func compile(p *options.Permissions, account *options.Account) (*Permissions, string, error) {
	name := options.GlobalAccount
	if account != nil {
		name = account.Name
		if p == nil {
			p = account.DefaultPermissions
		}
	}
	compiled, err := NewPermissions(p)
	return compiled, name, err
}

func upper(types map[string]struct{}) map[string]struct{} {
	if len(types) == 0 {
		return nil
	}
	out := make(map[string]struct{}, len(types))
	for t := range types {
		out[strings.ToUpper(t)] = struct{}{}
	}
	return out
}

func (u *user) allows(connectionType string) bool {
	if len(u.types) == 0 {
		return true
	}
	_, ok := u.types[connectionType]
	return ok
}

// admitAnonymous makes up a user of $G if nobody but the system account has
// users: then everybody else still gets in without credentials.
func (a *Authenticator) admitAnonymous(o *options.Options) {
	if o.NoAuthUser != "" || o.HasAuthorizationBlock || a.single.name != "" || a.token != "" ||
		len(a.users)+len(a.nkeys) == 0 || o.SystemAccount == "" {
		return
	}
	for _, acc := range o.Accounts {
		if acc.Name != o.SystemAccount && acc.Name != options.GlobalAccount {
			return
		}
	}
	for _, table := range []map[string]*user{a.users, a.nkeys} {
		for _, u := range table {
			if u.account != o.SystemAccount {
				return
			}
		}
	}
	a.noAuthUser = "nats-" + randomName(8)
	a.hidden = true
	a.users[a.noAuthUser] = &user{name: a.noAuthUser, account: options.GlobalAccount}
}

// randomName returns n characters of base 62.
func randomName(n int) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	out := make([]byte, n)
	for i := range out {
		k, err := rand.Int(rand.Reader, big.NewInt(int64(len(digits))))
		if err != nil {
			panic("auth: no randomness: " + err.Error())
		}
		out[i] = digits[k.Int64()]
	}
	return string(out)
}

func (a *Authenticator) findPlaintext() {
	plain := func(u *user) bool { return !isHashed(u.password) }
	if a.single.name != "" && plain(&a.single) {
		a.plaintext = true
	}
	for _, u := range a.users {
		if plain(u) && !u.certificate && !(a.hidden && u.name == a.noAuthUser) {
			a.plaintext = true
		}
	}
}

// Required reports whether connections must authenticate.
func (a *Authenticator) Required() bool {
	return a.custom || len(a.users)+len(a.nkeys) > 0 || a.single.name != "" || a.token != ""
}

// NeedsNonce reports whether the server has to send something to sign.
func (a *Authenticator) NeedsNonce() bool { return a.nonce }

// HasNoAuthUser reports whether a no_auth_user is configured.
func (a *Authenticator) HasNoAuthUser() bool { return a.noAuthUser != "" && !a.hidden }

// Unguarded lists, sorted, the users that anybody can be by sending an empty
// password.
func (a *Authenticator) Unguarded() []string {
	var names []string
	for _, u := range a.users {
		if u.password == "" && !u.certificate && u.name != a.noAuthUser {
			names = append(names, u.name)
		}
	}
	slices.Sort(names)
	return names
}

// PlaintextPasswords reports whether some password is not hashed.
func (a *Authenticator) PlaintextPasswords() bool { return a.plaintext }

// FirstVerbUser reports whether a connection of this type may begin with any
// verb and is then taken for the no_auth_user.
func (a *Authenticator) FirstVerbUser(connectionType string) bool {
	u := a.users[a.noAuthUser]
	return a.noAuthUser != "" && u != nil && !u.proxy && u.allows(connectionType)
}

// Decide applies the rules in their order.
func (a *Authenticator) Decide(r Request) Verdict {
	v := Verdict{Account: options.GlobalAccount}
	c := &r.Connect
	v.describe(c)
	if !a.checkProxy(&r, &v) {
		return v
	}
	if !a.Required() {
		v.OK, v.who = true, ""
		if c.Nkey != "" || c.Token != "" {
			v.User, v.Label = c.Username, ""
		}
		return v
	}
	nothing := c.Username == "" && c.Password == "" && c.Token == ""
	if len(a.nkeys) > 0 {
		if u := a.nkeys[a.noAuthUser]; u != nil && nothing && c.Nkey == "" {
			v.User, v.Label, v.IssuerKey = u.name, "nkey:"+u.name, u.account
			return a.accept(u, &r, v)
		}
		if c.Nkey != "" {
			return a.byNkey(&r, v)
		}
	}
	if len(a.users) > 0 {
		return a.byUser(&r, v, nothing)
	}
	return a.bySingle(&r, v)
}

// checkProxy verifies the signature of a trusted proxy, if there is one.
func (a *Authenticator) checkProxy(r *Request, v *Verdict) bool {
	if r.Connect.ProxySig == "" || len(a.proxies) == 0 {
		return true
	}
	sig, err := base64.RawURLEncoding.DecodeString(r.Connect.ProxySig)
	if err == nil {
		for _, key := range a.proxies {
			if pub, err := nkeys.FromPublicKey(key); err == nil && pub.Verify(r.Nonce, sig) == nil {
				v.ProxyKey = key
				return true
			}
		}
	}
	v.Reason = ProxyNotTrusted
	return false
}

// accept is the end of every successful way, but for the rule about proxies.
func (a *Authenticator) accept(u *user, r *Request, v Verdict) Verdict {
	if !u.allows(r.ConnectionType) {
		v.debugf("Connection type not allowed")
		return v
	}
	if u.proxy && v.ProxyKey == "" {
		v.debugf("proxy connection required")
		v.Reason = ProxyRequired
		return v
	}
	v.OK, v.Account, v.Permissions = true, u.account, u.permissions
	return v
}

func (a *Authenticator) byNkey(r *Request, v Verdict) Verdict {
	u := a.nkeys[r.Connect.Nkey]
	if u == nil || !u.allows(r.ConnectionType) {
		return v
	}
	if u.proxy && v.ProxyKey == "" {
		return a.accept(u, r, v)
	}
	if r.Connect.Sig == "" {
		v.debugf("Signature missing")
		return v
	}
	sig, err := base64.RawURLEncoding.DecodeString(r.Connect.Sig)
	if err != nil {
		if sig, err = base64.StdEncoding.DecodeString(r.Connect.Sig); err != nil {
			v.debugf("Signature not valid base64")
			return v
		}
	}
	pub, err := nkeys.FromPublicKey(u.name)
	if err != nil {
		v.debugf("User nkey not valid: %v", err)
		return v
	}
	if err := pub.Verify(r.Nonce, sig); err != nil || len(r.Nonce) == 0 {
		v.debugf("Signature not verified")
		return v
	}
	v.IssuerKey = u.account
	return a.accept(u, r, v)
}

func (a *Authenticator) byUser(r *Request, v Verdict, nothing bool) Verdict {
	if a.maps && (r.ConnectionType == options.ConnectionStandard || r.TLS != nil) {
		return a.byCertificate(r, v)
	}
	if nothing {
		u := a.users[a.noAuthUser]
		if a.noAuthUser == "" || u == nil {
			return v
		}
		v.User, v.Label = u.name, "user:"+u.name
		return a.accept(u, r, v)
	}
	u := a.users[r.Connect.Username]
	if u == nil || r.Connect.Username == "" || !u.allows(r.ConnectionType) || a.hidden && u.name == a.noAuthUser {
		return v
	}
	if u.certificate {
		v.debugf("User %q requires a client certificate", u.name)
		return v
	}
	if u.proxy && v.ProxyKey == "" {
		return a.accept(u, r, v)
	}
	if !samePassword(u.password, r.Connect.Password) {
		return v
	}
	return a.accept(u, r, v)
}

func (a *Authenticator) bySingle(r *Request, v Verdict) Verdict {
	c := &r.Connect
	if a.single.proxy && v.ProxyKey == "" {
		return a.accept(&a.single, r, v)
	}
	switch {
	case a.token != "":
		if samePassword(a.token, c.Token) {
			return a.accept(&user{account: options.GlobalAccount}, r, v)
		}
	case a.single.name != "":
		name := subtle.ConstantTimeCompare([]byte(a.single.name), []byte(c.Username)) == 1
		if samePassword(a.single.password, c.Password) && name {
			return a.accept(&a.single, r, v)
		}
	}
	return v
}

// Accept is the verdict about somebody whom an embedding program let in. A nil
// user is one of $G without restrictions.
func (a *Authenticator) Accept(u *options.User, connect *options.ClientOpts) Verdict {
	v := Verdict{OK: true, Account: options.GlobalAccount}
	v.describe(connect)
	if u == nil {
		return v
	}
	permissions, account, err := compile(u.Permissions, u.Account)
	if err != nil {
		v.OK = false
		v.debugf("%v", err)
		return v
	}
	v.Account, v.Permissions, v.Deadline = account, permissions, u.ConnectionDeadline
	if u.Username != "" {
		v.User, v.Label = u.Username, "user:"+u.Username
	}
	return v
}

// Refuse is the verdict about somebody whom an embedding program turned away.
func (a *Authenticator) Refuse(connect *options.ClientOpts) Verdict {
	var v Verdict
	v.describe(connect)
	return v
}
