package options

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Go: TestAccountSimpleConfig server/accounts_test.go:481
func TestListOfAccountNames(t *testing.T) {
	o := read(t, "accounts = [foo, bar]")
	if len(o.Accounts) != 2 || o.Accounts[0].Name != "foo" || o.Accounts[1].Name != "bar" {
		t.Errorf("%+v", o.Accounts)
	}
	if diff := cmp.Diff(UnlimitedAccount(), o.Accounts[0].Limits); diff != "" {
		t.Error(diff)
	}
	refuse(t, "accounts = [foo, foo]", "Duplicate Account Entry: foo")
	refuse(t, "accounts = [foo, bar,\n bar]", ":2:2: Duplicate Account Entry: bar")
	refuse(t, "accounts = [foo, '$G']", `"$G" is a Reserved Account`)
	refuse(t, "accounts = [1]", "unsupported type in array int64")
	refuse(t, "accounts = ['a b']", "account name")
}

func TestAccountsWithUsers(t *testing.T) {
	o := read(t, `accounts {
		PERMISSIONS = { publish = { allow = [foo, bar], deny = quux } }
		synadia {
			nkey = `+accountKey1+`
			users = [ {user: alice, password: foo, permissions: $PERMISSIONS}, {nkey: `+userKey1+`} ]
			limits { max_connections: 5, max_subs: 10, max_payload: 32k, max_leafnodes: 1 }
		}
		nats.io { users = [ {user: derek, password: foo} ] }
	}`)
	if len(o.Accounts) != 2 || len(o.Users) != 2 || len(o.Nkeys) != 1 {
		t.Fatalf("%d accounts, %d users, %d nkeys", len(o.Accounts), len(o.Users), len(o.Nkeys))
	}
	want := &Account{Name: "synadia", Nkey: accountKey1, Limits: AccountLimits{5, 10, 32000, 1}}
	if diff := cmp.Diff(want, o.Accounts[0]); diff != "" {
		t.Error(diff)
	}
	if user(t, o, "alice").Account != o.Accounts[0] || nkey(t, o, userKey1).Account != o.Accounts[0] ||
		user(t, o, "derek").Account != o.Accounts[1] {
		t.Error("users are not in their accounts")
	}
	if p := user(t, o, "alice").Permissions; p == nil || len(p.Publish.Allow) != 2 || len(p.Publish.Deny) != 1 {
		t.Errorf("permissions %+v", p)
	}
}

// Go: TestAccountUsersLoadedProperly server/opts_test.go:2017
func TestUsersOfBothPlacesAreLoaded(t *testing.T) {
	blocks := []string{
		"authorization { users [ {user: ivan, password: bar}, {nkey: " + userKey3 + "} ] }\n",
		"accounts { synadia { users [ {user: derek, password: foo}, {nkey: " + userKey4 + "} ] } }\n",
	}
	for _, text := range []string{blocks[0] + blocks[1], blocks[1] + blocks[0]} {
		o := read(t, text).Clone()
		o.SetDefaults()
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		if len(o.Users) != 2 || len(o.Nkeys) != 2 {
			t.Fatalf("%d users, %d nkeys", len(o.Users), len(o.Nkeys))
		}
		if user(t, o, "ivan").Account != nil || nkey(t, o, userKey3).Account != nil ||
			user(t, o, "derek").Account != o.Accounts[0] || nkey(t, o, userKey4).Account != o.Accounts[0] {
			t.Error("users are in the wrong accounts")
		}
	}
}

func TestBadAccounts(t *testing.T) {
	for text, want := range map[string]string{
		"accounts {\n  foo = bar\n}":                ":2:3: Expected map entries for accounts",
		"accounts {\n  $G = {}\n}":                  `:2:3: "$G" is a Reserved Account`,
		"accounts { A {\n  nkey = invalid\n} }":     `:2:3: Not a valid public nkey for an account: "invalid"`,
		"accounts { A {\n  imports = true\n} }":     ":2:3: Imports should be an array, got bool",
		"accounts { A {\n  exports = true\n} }":     ":2:3: Exports should be an array, got bool",
		"accounts { A {\n  limits = true\n} }":      ":2:3: Expected account limits to be a map/struct, got true",
		"accounts { A { limits {\n  max: 1\n} } }":  `:2:3: Unknown field "max" parsing account limits`,
		"accounts { A { limits { max_conn: x } } }": "interface conversion: interface {} is string, not int64",
		"accounts { P = { publish = a }\n A {} }":   `unknown field "publish"`,
		"accounts { 'a b' {} }":                     "account name",
		"accounts { a.* {} }":                       "account name",
	} {
		refuse(t, text, want)
	}
}

// Go: TestAccountParseConfigDuplicateUsers server/accounts_test.go:569
func TestAuthorizationBesideAccounts(t *testing.T) {
	for _, c := range []struct{ authorization, account, want string }{
		{`users = [ {user: "user1", pass: "pwd"} ]`, `users = [ {user: "user1"} ]`, `Duplicate user "user1" detected`},
		{"users = [ {nkey: " + userKey3 + "} ]", "users = [ {nkey: " + userKey3 + "} ]", `Duplicate nkey "` + userKey3 + `" detected`},
		{`user: "user1", password: "pwd"`, `users = [ {user: "user2", pass: "pwd"} ]`, "Can not have a single user/pass"},
		{`user: "user1", password: "pwd"`, "users = [ {nkey: " + userKey3 + "} ]", "Can not have a single user/pass"},
		{`token: "my_token"`, `users = [ {user: "user2", pass: "pwd"} ]`, "Can not have a token"},
		{`token: "my_token"`, "users = [ {nkey: " + userKey3 + "} ]", "Can not have a token"},
		{"", "users = [{user: a}] }\nB { users = [{user: a}]", `Duplicate user "a" detected`},
	} {
		first, second := "authorization { "+c.authorization+" }\n", "accounts { ACC { "+c.account+" } }\n"
		for _, text := range []string{first + second, second + first} {
			refuse(t, text, c.want)
			o := &Options{}
			if err := o.ProcessConfigString(text); err == nil || len(faults(t, err).Errors) != 1 {
				t.Errorf("%s\n%v, want one error", text, err)
			}
			if _, err := ProcessConfigFile(write(t, "x.conf", text)); err == nil {
				t.Errorf("%s\naccepted as a file", text)
			}
		}
	}
	read(t, "authorization { user: a, pass: b }\naccounts { A {} }")
}

func TestProxyRequired(t *testing.T) {
	o := read(t, "authorization { user: user, password: pwd, proxy_required: true }")
	if o.Username != "user" || o.Password != "pwd" || !o.ProxyRequired {
		t.Errorf("%+v", o)
	}
	users := `users: [
		{user: user1, password: pwd1}
		{user: user2, password: pwd2, proxy_required: true}
		{user: user3, password: pwd3, proxy_required: false}
		{nkey: ` + userKey1 + `, proxy_required: true}
		{nkey: ` + userKey2 + `, proxy_required: false}
	]`
	for _, text := range []string{"authorization { " + users + " }", "accounts { A { " + users + " } }"} {
		o := read(t, text)
		if len(o.Users) != 3 || len(o.Nkeys) != 2 {
			t.Fatalf("%d users, %d nkeys", len(o.Users), len(o.Nkeys))
		}
		if user(t, o, "user1").ProxyRequired || !user(t, o, "user2").ProxyRequired || user(t, o, "user3").ProxyRequired ||
			!nkey(t, o, userKey1).ProxyRequired || nkey(t, o, userKey2).ProxyRequired {
			t.Errorf("%s: wrong ones", text)
		}
	}
}
