package options

import (
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/conf"
)

// setAuthorization reads the `authorization` block.
func setAuthorization(d *decoder, e *conf.Entry) {
	m := d.block(e, "Expected authorization to be a map/struct, got %+v")
	if m == nil {
		return
	}
	d.o.HasAuthorizationBlock = true
	var defaults *Permissions
	first := len(d.o.Users)
	firstKey := len(d.o.Nkeys)
	for _, item := range m.Entries {
		switch strings.ToLower(item.Key) {
		case "user", "username":
			d.o.Username = d.string(item)
		case "pass", "password":
			d.o.Password = d.string(item)
		case "token":
			d.o.Authorization = d.string(item)
		case "timeout":
			d.o.AuthTimeout = d.timeout(item)
		case "users":
			d.userList(item, nil, e.Pos)
		case "default_permission", "default_permissions", "permissions":
			defaults = d.permissions(item)
		case "proxy_required":
			d.o.ProxyRequired = d.bool(item)
		case "auth_callout", "auth_hook":
			d.o.AuthCallout, d.callout = d.authCallout(item), item
		default:
			d.unknown(item)
		}
	}
	for _, u := range d.o.Users[first:] {
		if u.Permissions == nil {
			u.Permissions = defaults
		}
	}
	for _, u := range d.o.Nkeys[firstKey:] {
		if u.Permissions == nil {
			u.Permissions = defaults
		}
	}
	d.checkSingle(e, m)
}

// checkSingle finds ways to authenticate that exclude each other.
func (d *decoder) checkSingle(e *conf.Entry, m *conf.Map) {
	if d.o.Username != "" && d.o.Authorization != "" {
		d.fail(e.Pos, "Cannot have a user/pass and token")
	}
	if entryOf(m, "users") != nil {
		switch {
		case d.o.Username != "":
			d.fail(e.Pos, "Can not have a single user/pass and a users array")
		case d.o.Authorization != "":
			d.fail(e.Pos, "Can not have a token and a users array")
		}
	}
}

// checkUsers looks at what has been defined in different places of the file.
func (d *decoder) checkUsers(m *conf.Map) {
	seen := make(map[string]bool)
	for _, u := range d.users {
		kind := "user"
		if u.nkey {
			kind = "nkey"
		}
		if key := kind + " " + u.name; seen[key] {
			d.fail(u.pos, "Duplicate %s %q detected", kind, u.name)
		} else {
			seen[key] = true
		}
	}
	if len(d.o.Accounts) == 0 || len(d.users) == 0 {
		return
	}
	e := entryOf(m, "accounts")
	if e == nil {
		return
	}
	switch {
	case d.o.Username != "":
		d.fail(e.Pos, "Can not have a single user/pass and accounts")
	case d.o.Authorization != "":
		d.fail(e.Pos, "Can not have a token and accounts")
	}
}

// userList reads a `users` array of an account, or of $G for nil. A name that is
// there already is reported at block.
func (d *decoder) userList(e *conf.Entry, account *Account, block conf.Position) {
	list, ok := e.Value.Data.([]conf.Value)
	if !ok {
		d.fail(e.Pos, "Expected users field to be an array, got %v", show(e.Value.Data))
		return
	}
	for _, v := range list {
		m, ok := v.Data.(*conf.Map)
		if !ok {
			d.fail(v.Pos, "Expected user entry to be a map/struct, got %v", show(v.Data))
			continue
		}
		d.userEntry(v.Pos, m, account, block)
	}
}

// userEntry reads one user, by name or by nkey.
func (d *decoder) userEntry(pos conf.Position, m *conf.Map, account *Account, block conf.Position) {
	u := &User{Account: account}
	key, hasUser, hasPassword := "", false, false
	for _, item := range m.Entries {
		pos = item.Pos
		switch strings.ToLower(item.Key) {
		case "nkey":
			key = d.string(item)
		case "user", "username":
			u.Username, hasUser = d.string(item), true
		case "pass", "password":
			u.Password, hasPassword = d.string(item), true
		case "permission", "permissions", "authorization":
			u.Permissions = d.permissions(item)
		case "allowed_connection_types", "connection_types", "clients":
			u.AllowedConnectionTypes = d.connectionTypes(item)
		case "proxy_required":
			u.ProxyRequired = d.bool(item)
		default:
			d.unknown(item)
		}
	}
	switch {
	case key != "":
		if hasUser || hasPassword {
			d.fail(pos, "Nkey users do not take usernames or passwords")
		}
		if !nkeys.IsValidPublicUserKey(key) {
			d.fail(pos, "Not a valid public nkey for a user")
		}
		d.users = append(d.users, namedUser{key, true, block})
		d.o.Nkeys = append(d.o.Nkeys, &NkeyUser{
			Nkey: key, Permissions: u.Permissions, Account: account,
			AllowedConnectionTypes: u.AllowedConnectionTypes, ProxyRequired: u.ProxyRequired,
		})
	case u.Username == "":
		d.fail(pos, "User entry requires a user")
	default:
		d.users = append(d.users, namedUser{u.Username, false, block})
		d.o.Users = append(d.o.Users, u)
	}
}

// connectionTypes reads which ways of connecting a user is restricted to.
func (d *decoder) connectionTypes(e *conf.Entry) map[string]struct{} {
	var names []string
	switch v := e.Value.Data.(type) {
	case string:
		names = []string{v}
	case []conf.Value:
		for _, item := range v {
			name, ok := item.Data.(string)
			if !ok {
				d.fail(item.Pos, "error parsing allowed connection types: unsupported type in array %s", typeName(item.Data))
				return nil
			}
			names = append(names, name)
		}
	default:
		d.fail(e.Pos, "error parsing allowed connection types: unsupported type %s", typeName(v))
		return nil
	}
	types := make(map[string]struct{}, len(names))
	var bad []string
	for _, name := range names {
		name = strings.ToUpper(name)
		if !knownConnectionType(name) {
			bad = append(bad, name)
		}
		types[name] = struct{}{}
	}
	if len(bad) > 0 {
		d.fail(e.Pos, "invalid connection types %q", bad)
	}
	return types
}

func knownConnectionType(name string) bool {
	switch name {
	case ConnectionStandard, ConnectionWebsocket, ConnectionLeafnode, ConnectionLeafnodeWS,
		ConnectionMQTT, ConnectionMQTTWS, ConnectionInProcess:
		return true
	}
	return false
}
