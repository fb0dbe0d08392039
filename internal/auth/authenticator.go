package auth

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/options"
)

// Authenticator knows everybody who may connect. It is immutable and may be used
// from any goroutine.
type Authenticator struct {
	users   map[string]*user
	nkeys   map[string]*user
	dns     []namedUser // users whose names are distinguished names, none empty, by name
	single  *user       // the user of `authorization {user, pass}`, nil without
	token   string      // of `authorization {token}`
	proxies []proxy

	// singleProxy: the single user or token needs a trusted proxy.
	singleProxy bool
	listener    Listener
	maps        bool // the listener takes users from certificates

	noAuthUser string
	anonymous  bool // noAuthUser was made up, see admitAnonymous
	custom     bool // an embedding program decides
	operated   bool // operators decide, by signed claims
	nonce      bool
}

// namedUser is a user together with its name, parsed.
type namedUser struct {
	dn   distinguishedName
	user *user
}

// proxy is a trusted one.
type proxy struct {
	text string
	key  nkeys.KeyPair
}

// Listener tells apart where connections come in: each has its own say about who
// may connect.
type Listener uint8

// The listeners for clients.
const (
	TCP Listener = iota
	WebSocket
)

// New compiles options, which should have been validated; what cannot be compiled
// is an error all the same. The options are not kept.
func New(o *options.Options, l Listener) (*Authenticator, error) { return build(o, l, "") }

// Next compiles the options of a reload. The name of the user for anonymous access
// stays, since connections are compared by it.
func (a *Authenticator) Next(o *options.Options) (*Authenticator, error) {
	name := ""
	if a.anonymous {
		name = a.noAuthUser
	}
	return build(o, a.listener, name)
}

func build(o *options.Options, l Listener, anonymousName string) (*Authenticator, error) {
	a := &Authenticator{
		listener: l, users: make(map[string]*user), nkeys: make(map[string]*user),
		token: o.Authorization, singleProxy: o.ProxyRequired, maps: o.TLSMap,
		noAuthUser: o.NoAuthUser, custom: o.CustomClientAuthentication != nil,
		operated: len(o.TrustedOperators)+len(o.TrustedKeys) > 0,
	}
	name, password := o.Username, o.Password
	if w := &o.Websocket; l == WebSocket {
		a.maps = w.TLSMap
		if w.Username != "" || w.Token != "" {
			name, password, a.token, a.noAuthUser = w.Username, w.Password, w.Token, ""
		}
		if w.NoAuthUser != "" {
			a.noAuthUser = w.NoAuthUser
		}
	}
	if name != "" {
		a.single = &user{name: name, password: password, account: options.GlobalAccount}
	}
	for _, add := range []func(*options.Options) error{a.addUsers, a.addNkeys, a.addProxies} {
		if err := add(o); err != nil {
			return nil, err
		}
	}
	if len(a.users)+len(a.nkeys) == 0 {
		a.noAuthUser = ""
	}
	a.nonce = len(a.nkeys) > 0 || len(a.proxies) > 0 || a.operated || o.AlwaysEnableNonce
	a.admitAnonymous(o, anonymousName)
	return a, nil
}

func (a *Authenticator) addUsers(o *options.Options) error {
	for _, raw := range o.Users {
		u, err := newUser(raw)
		if err != nil {
			return err
		}
		u.certificate = u.password == "" && u.name != a.noAuthUser && isMapped(u, o)
		a.users[u.name] = u
		if dn, err := parseDN(u.name); err == nil && len(dn) > 0 {
			a.dns = append(a.dns, namedUser{dn, u})
		}
	}
	slices.SortFunc(a.dns, func(x, y namedUser) int { return cmp.Compare(x.user.name, y.user.name) })
	return nil
}

// isMapped reports whether some listener may choose the user by a certificate.
func isMapped(u *user, o *options.Options) bool {
	return o.TLSMap && !o.DontListen && u.allows(options.ConnectionStandard) ||
		o.Websocket.Port != 0 && o.Websocket.TLSMap && u.allows(options.ConnectionWebsocket)
}

func (a *Authenticator) addNkeys(o *options.Options) error {
	for _, raw := range o.Nkeys {
		u, err := newNkeyUser(raw)
		if err != nil {
			return err
		}
		a.nkeys[u.name] = u
	}
	return nil
}

func (a *Authenticator) addProxies(o *options.Options) error {
	for _, text := range o.TrustedProxies {
		key, err := nkeys.FromPublicKey(text)
		if err != nil {
			return fmt.Errorf("proxy trusted key %q is invalid", text)
		}
		a.proxies = append(a.proxies, proxy{text, key})
	}
	return nil
}

// admitAnonymous makes up a user of $G if nobody but the system account has users:
// to give a password to the system account must not lock everybody else out. It
// takes no password, and nobody can ask for it by name.
func (a *Authenticator) admitAnonymous(o *options.Options, name string) {
	if o.NoAuthUser != "" || o.HasAuthorizationBlock || a.single != nil || a.token != "" || a.custom ||
		len(a.users)+len(a.nkeys) == 0 || o.SystemAccount == "" {
		return
	}
	for _, account := range o.Accounts {
		if account.Name != o.SystemAccount {
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
	for name == "" || a.users[name] != nil {
		name = "nats-" + randomName(8)
	}
	a.noAuthUser, a.anonymous = name, true
	a.users[name] = &user{name: name, account: options.GlobalAccount}
}

// randomName returns n characters of base 62. It need not be hard to guess.
func randomName(n int) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	out := make([]byte, n)
	rand.Read(out) // never fails
	for i, b := range out {
		out[i] = digits[int(b)%len(digits)]
	}
	return string(out)
}

// Required reports whether connections must authenticate.
func (a *Authenticator) Required() bool {
	return a.custom || a.operated || len(a.users)+len(a.nkeys) > 0 || a.single != nil || a.token != ""
}

// NeedsNonce reports whether the server has to send something to sign.
func (a *Authenticator) NeedsNonce() bool { return a.nonce }

// HasNoAuthUser reports whether a no_auth_user is configured, in which case INFO
// does not ask for credentials. A user that was made up for anonymous access does
// not count.
func (a *Authenticator) HasNoAuthUser() bool { return a.noAuthUser != "" && !a.anonymous }

// FirstVerbUser reports whether a connection of this type may begin with any verb
// and is then taken for the no_auth_user: it has to be one with a name, since an
// nkey is chosen by CONNECT.
func (a *Authenticator) FirstVerbUser(connectionType string) bool {
	if a.custom || a.noAuthUser == "" {
		return false
	}
	u := a.users[a.noAuthUser]
	return u != nil && !u.proxy && u.allows(connectionType)
}

// PlaintextPasswords reports whether some user's password is not hashed. Tokens do
// not count, and neither do users without a password: see Passwordless.
func (a *Authenticator) PlaintextPasswords() bool {
	if a.single != nil && isPlain(a.single.password) {
		return true
	}
	for _, u := range a.users {
		if isPlain(u.password) {
			return true
		}
	}
	return false
}

func isPlain(password string) bool { return password != "" && !isHashed(password) }

// Passwordless returns the names, sorted, of users that anybody can connect as by
// giving the name alone: they have no password, no certificate is mapped to them,
// and they are not the no_auth_user, for whom that is meant.
func (a *Authenticator) Passwordless() []string {
	var names []string
	for name, u := range a.users {
		if u.password == "" && !u.certificate && name != "" && name != a.noAuthUser {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Accept is the verdict about somebody whom an embedding program let in. A nil
// user is one of $G without restrictions.
func (a *Authenticator) Accept(u *options.User, connect *options.ClientOpts) Verdict {
	v := Verdict{Account: options.GlobalAccount}
	v.describe(connect)
	if u != nil {
		compiled, err := newUser(u)
		if err != nil {
			v.debugf("%v", err)
			return v
		}
		v.Account, v.Permissions, v.Deadline = compiled.account, compiled.permissions, compiled.deadline
		if u.Username != "" {
			v.setUser(u.Username)
		}
	}
	v.OK = true
	return v
}
