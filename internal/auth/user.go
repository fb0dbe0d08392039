package auth

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/options"
)

// user is a compiled user: one with a name and perhaps a password, or an nkey.
type user struct {
	name        string
	password    string // plain or hashed
	key         nkeys.KeyPair
	account     string
	permissions *Permissions
	types       map[string]struct{} // empty: all connection types
	proxy       bool                // only by way of a trusted proxy
	deadline    time.Time

	// certificate: without a password, and a listener maps certificates to it. It
	// cannot be used without its certificate.
	certificate bool
}

func newUser(o *options.User) (*user, error) {
	permissions, account, err := grantsOf(o.Permissions, o.Account)
	if err != nil {
		return nil, fmt.Errorf("invalid permissions for user %q: %w", o.Username, err)
	}
	return &user{
		name: o.Username, password: o.Password, account: account, permissions: permissions,
		types: upper(o.AllowedConnectionTypes), proxy: o.ProxyRequired, deadline: o.ConnectionDeadline,
	}, nil
}

func newNkeyUser(o *options.NkeyUser) (*user, error) {
	key, err := nkeys.FromPublicKey(o.Nkey)
	if err != nil || !nkeys.IsValidPublicUserKey(o.Nkey) {
		return nil, fmt.Errorf("nkey %q is not a valid public nkey for a user", o.Nkey)
	}
	permissions, account, err := grantsOf(o.Permissions, o.Account)
	if err != nil {
		return nil, fmt.Errorf("invalid permissions for nkey %q: %w", o.Nkey, err)
	}
	return &user{
		name: o.Nkey, key: key, account: account, permissions: permissions,
		types: upper(o.AllowedConnectionTypes), proxy: o.ProxyRequired, deadline: o.ConnectionDeadline,
	}, nil
}

// grantsOf compiles a user's permissions, or else those that its account gives to
// users without their own, and names the account.
func grantsOf(p *options.Permissions, account *options.Account) (*Permissions, string, error) {
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

// allows reports whether the user may come by this type of connection.
func (u *user) allows(connectionType string) bool {
	_, ok := u.types[connectionType]
	return ok || len(u.types) == 0
}
