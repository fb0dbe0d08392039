package options

import (
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/conf"
)

// setAccounts reads `accounts`: a list of names, or a map of accounts.
func setAccounts(d *decoder, e *conf.Entry) {
	before := len(d.errors)
	defer func() { d.accountsGood = len(d.errors) == before }()
	switch v := e.Value.Data.(type) {
	case []conf.Value:
		for _, item := range v {
			name, ok := item.Data.(string)
			if !ok {
				d.fail(item.Pos, "error parsing accounts: unsupported type in array %s", typeName(item.Data))
				continue
			}
			d.addAccount(name, item.Pos)
		}
	case *conf.Map:
		for _, item := range v.Entries {
			if item.UsedVariable {
				continue // a definition, for example of permissions
			}
			m, ok := item.Value.Data.(*conf.Map)
			if !ok {
				d.fail(item.Pos, "Expected map entries for accounts")
				continue
			}
			if account := d.addAccount(item.Key, item.Pos); account != nil {
				d.account(account, m)
			}
		}
	default:
		d.fail(e.Pos, "error parsing accounts: unsupported type %s", typeName(v))
	}
}

// addAccount checks a name. Blanks and wildcards are refused, since account
// names travel in subjects.
func (d *decoder) addAccount(name string, pos conf.Position) *Account {
	if name == GlobalAccount {
		d.fail(pos, "%q is a Reserved Account", name)
		return nil
	}
	if name == "" || strings.ContainsAny(name, " \t*>") {
		d.fail(pos, "account name %q must not be empty or hold blanks or wildcards", name)
		return nil
	}
	if d.accounts == nil {
		d.accounts = make(map[string]bool)
		for _, other := range d.o.Accounts {
			d.accounts[other.Name] = true
		}
	}
	if d.accounts[name] {
		d.fail(pos, "Duplicate Account Entry: %s", name)
		return nil
	}
	d.accounts[name] = true
	account := &Account{Name: name, Limits: UnlimitedAccount()}
	d.o.Accounts = append(d.o.Accounts, account)
	return account
}

// account reads the body of one account.
func (d *decoder) account(a *Account, m *conf.Map) {
	o := offer{account: a}
	users, keys := len(d.o.Users), len(d.o.Nkeys)
	for _, e := range m.Entries {
		switch strings.ToLower(e.Key) {
		case "nkey":
			a.Nkey = d.string(e)
			if !nkeys.IsValidPublicAccountKey(a.Nkey) {
				d.fail(e.Pos, "Not a valid public nkey for an account: %q", a.Nkey)
			}
		case "users":
			d.userList(e, a, e.Pos)
		case "default_permissions":
			a.DefaultPermissions = d.permissions(e)
		case "limits":
			d.accountLimits(a, e)
		case "exports":
			o.exports = append(o.exports, d.exportList(e)...)
		case "imports":
			o.imports = append(o.imports, d.importList(e)...)
		case "msg_trace", "trace_dest":
			d.messageTrace(a, e)
		case "mappings", "maps":
			d.mappings(e, &a.Mappings)
		case "jetstream":
			accountJetstreamShape.check(d, e.Value)
			if !asksForNothing(e.Value.Data) {
				d.unsupported(e)
			}
		default:
			d.unknown(e)
		}
	}
	d.offers = append(d.offers, o)
	for _, u := range d.o.Users[users:] {
		if u.Account == a && u.Permissions == nil {
			u.Permissions = a.DefaultPermissions
		}
	}
	for _, u := range d.o.Nkeys[keys:] {
		if u.Account == a && u.Permissions == nil {
			u.Permissions = a.DefaultPermissions
		}
	}
}

func (d *decoder) accountLimits(a *Account, e *conf.Entry) {
	m := d.block(e, "Expected account limits to be a map/struct, got %v")
	if m == nil {
		return
	}
	for _, item := range m.Entries {
		switch strings.ToLower(item.Key) {
		case "max_connections", "max_conn":
			a.Limits.MaxConnections = d.int(item)
		case "max_subscriptions", "max_subs":
			a.Limits.MaxSubscriptions = d.int(item)
		case "max_payload", "max_pay":
			a.Limits.MaxPayload = d.int(item)
		case "max_leafnodes", "max_leafs":
			a.Limits.MaxLeafNodes = d.int(item)
		default:
			d.unknownAs(item, "Unknown field %q parsing account limits")
		}
	}
}
