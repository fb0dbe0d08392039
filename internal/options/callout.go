package options

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/conf"
)

// AuthCallout hands the decision who may connect to a service among the clients.
type AuthCallout struct {
	Issuer  string // public key of the account that signs answers
	Account string // account of the service
	// AuthUsers are users and nkeys who are not asked about: the service's own.
	AuthUsers []string
	XKey      string // public curve key of the service; empty: nothing is encrypted
	// AllowedAccounts are the accounts whose users are asked about too; empty: all.
	AllowedAccounts []string
}

func (c *AuthCallout) clone() *AuthCallout {
	if c == nil {
		return nil
	}
	fresh := *c
	fresh.AuthUsers = slices.Clone(c.AuthUsers)
	fresh.AllowedAccounts = slices.Clone(c.AllowedAccounts)
	return &fresh
}

// authCallout reads `auth_callout`, nil if something is wrong with it.
func (d *decoder) authCallout(e *conf.Entry) *AuthCallout {
	m := d.block(e, "Expected authorization callout to be a map/struct, got %+v")
	if m == nil {
		return nil
	}
	before := len(d.errors)
	c := &AuthCallout{Account: GlobalAccount}
	for _, item := range m.Entries {
		switch strings.ToLower(item.Key) {
		case "issuer":
			if c.Issuer = d.string(item); !nkeys.IsValidPublicAccountKey(c.Issuer) {
				d.fail(item.Pos, "Expected callout user to be a valid public account nkey, got %q", c.Issuer)
			}
		case "account", "acc":
			c.Account = d.string(item)
		case "auth_users", "users":
			c.AuthUsers = d.calloutNames(item, "auth_users")
		case "xkey", "key":
			if c.XKey = d.string(item); !nkeys.IsValidPublicCurveKey(c.XKey) {
				d.fail(item.Pos, "Expected callout xkey to be a valid public xkey, got %q", c.XKey)
			}
		case "allowed_accounts":
			c.AllowedAccounts = d.calloutNames(item, "allowed accounts")
		default:
			d.unknownAs(item, "Unknown field %q parsing authorization callout")
		}
	}
	switch {
	case len(d.errors) > before:
		return nil
	case c.Issuer == "":
		d.fail(e.Pos, "%v", errCalloutIssuer)
	case len(c.AuthUsers) == 0:
		d.fail(e.Pos, "%v", errCalloutUsers)
	}
	return c
}

var (
	errCalloutIssuer = errors.New("Authorization callouts require an issuer to be specified")        //lint:ignore ST1005 a known text
	errCalloutUsers  = errors.New("Authorization callouts require authorized users to be specified") //lint:ignore ST1005 a known text
)

func (d *decoder) calloutNames(e *conf.Entry, name string) (names []string) {
	list, ok := e.Value.Data.([]conf.Value)
	if !ok {
		d.fail(e.Pos, "Expected %s field to be an array, got %s", name, typeName(e.Value.Data))
		return nil
	}
	for _, item := range list {
		text, ok := item.Data.(string)
		if !ok {
			d.fail(item.Pos, "interface conversion: interface {} is %s, not string", typeName(item.Data))
			continue
		}
		names = append(names, text)
	}
	return names
}

// finishCallout looks for the accounts of a callout once all are known.
func (d *decoder) finishCallout() {
	if d.callout == nil || d.o.AuthCallout == nil {
		return
	}
	for _, name := range d.o.AuthCallout.AllowedAccounts {
		if !d.o.accountExists(name) {
			d.fail(d.callout.Pos, "auth_callout allowed account %q not found in configured accounts", name)
		}
	}
}

// checkCallout finds a callout that could never be answered.
func (o *Options) checkCallout() error {
	c := o.AuthCallout
	if c == nil {
		return nil
	}
	switch {
	case c.Issuer == "":
		return errCalloutIssuer
	case !nkeys.IsValidPublicAccountKey(c.Issuer):
		return fmt.Errorf("Expected callout user to be a valid public account nkey, got %q", c.Issuer) //lint:ignore ST1005 a known text
	case len(c.AuthUsers) == 0:
		return errCalloutUsers
	case c.XKey != "" && !nkeys.IsValidPublicCurveKey(c.XKey):
		return fmt.Errorf("Expected callout xkey to be a valid public xkey, got %q", c.XKey) //lint:ignore ST1005 a known text
	case !o.accountExists(c.Account):
		return fmt.Errorf("Authorization callout account %q not valid", c.Account) //lint:ignore ST1005 a known text
	}
	for _, name := range c.AllowedAccounts {
		if !o.accountExists(name) {
			return fmt.Errorf("auth_callout allowed account %q not found in configured accounts", name)
		}
	}
	for _, name := range c.AuthUsers {
		if !o.userExists(name) {
			return fmt.Errorf("Authorization callout user %q not valid", name) //lint:ignore ST1005 a known text
		}
	}
	return nil
}

// accountExists knows the accounts that exist without being configured too.
func (o *Options) accountExists(name string) bool {
	if name == GlobalAccount || name == "" || name == SystemAccount && !o.NoSystemAccount {
		return true
	}
	return slices.ContainsFunc(o.Accounts, func(a *Account) bool { return a.Name == name })
}

// userExists looks among the users, the nkeys and the single users.
func (o *Options) userExists(name string) bool {
	if name == "" {
		return false
	}
	return name == o.Username || name == o.Websocket.Username ||
		slices.ContainsFunc(o.Users, func(u *User) bool { return u.Username == name }) ||
		slices.ContainsFunc(o.Nkeys, func(u *NkeyUser) bool { return u.Nkey == name })
}
