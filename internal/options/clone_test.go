package options

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Go: TestUserClone server/auth_test.go:55
// Go: TestUserCloneNilPermissions server/auth_test.go:36
// Go: TestUserClonePermissionsNoLists server/auth_test.go:82
// Go: TestUserCloneNoPermissions server/auth_test.go:99
func TestCloneSharesNothing(t *testing.T) {
	a := &Account{Name: "A", Limits: UnlimitedAccount(), DefaultPermissions: &Permissions{Publish: &SubjectPermission{Deny: []string{"d"}}}}
	build := func() *Options {
		return &Options{
			Port: 2222, Debug: true, Tags: []string{"t"}, Metadata: map[string]string{"k": "v"}, TrustedProxies: []string{userKey1},
			TLSPinnedCerts: PinnedCertSet{"x": {}}, Accounts: []*Account{a},
			Users: []*User{
				{Username: "foo", Password: "bar", Account: a, AllowedConnectionTypes: set(ConnectionStandard), Permissions: &Permissions{
					Publish: &SubjectPermission{Allow: []string{"foo"}}, Subscribe: &SubjectPermission{Allow: []string{"bar"}},
					Response: &ResponsePermission{1, 2},
				}},
				{Username: "without"}, {Username: "empty", Permissions: &Permissions{}},
			},
			Nkeys: []*NkeyUser{{Nkey: userKey1, Account: a, Permissions: &Permissions{Publish: &SubjectPermission{Allow: []string{}}}}},
		}
	}
	o := build()
	c := o.Clone()
	if diff := cmp.Diff(o, c, ignorePrivate); diff != "" {
		t.Fatal(diff)
	}
	if c.Users[1].Permissions != nil || c.Users[2].Permissions.Publish != nil || c.Users[2].Permissions.Subscribe != nil ||
		c.Nkeys[0].Permissions.Publish.Allow == nil {
		t.Error("nil and empty are not the same")
	}
	if c.Users[0].Account != c.Accounts[0] || c.Nkeys[0].Account != c.Accounts[0] || c.Accounts[0] == a {
		t.Error("the accounts of the copy are not its own")
	}
	c.Tags[0], c.Metadata["k"], c.TrustedProxies[0] = "x", "x", "x"
	c.TLSPinnedCerts["y"] = struct{}{}
	c.Accounts[0].Name = "x"
	c.Accounts[0].DefaultPermissions.Publish.Deny[0] = "x"
	c.Users[0].Password = "x"
	c.Users[0].AllowedConnectionTypes["x"] = struct{}{}
	c.Users[0].Permissions.Publish.Allow[0] = "x"
	c.Users[0].Permissions.Subscribe.Allow = []string{"x"}
	c.Users[0].Permissions.Response.MaxMsgs = 9
	c.Nkeys[0].Nkey = "x"
	c.Nkeys[0].Permissions.Publish.Allow = append(c.Nkeys[0].Permissions.Publish.Allow, "x")
	if diff := cmp.Diff(build(), o, ignorePrivate); diff != "" {
		t.Error(diff)
	}
}

// Go: TestOptionsCloneNil server/opts_test.go:1298
// Go: TestOptionsCloneNilLists server/opts_test.go:1285
func TestCloneOfNothing(t *testing.T) {
	if (*Options)(nil).Clone() != nil || (*Permissions)(nil).Clone() != nil {
		t.Error("something of nothing")
	}
	if diff := cmp.Diff(&Options{}, (&Options{}).Clone(), ignorePrivate); diff != "" {
		t.Error(diff)
	}
	if c := (&Options{}).Clone(); c.Users != nil || c.Nkeys != nil || c.Accounts != nil {
		t.Errorf("%+v", c)
	}
}
