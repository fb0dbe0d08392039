package options

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAuthCallout(t *testing.T) {
	for text, want := range map[string]AuthCallout{
		"issuer: " + accountKey1 + ", auth_users: [auth]": {Issuer: accountKey1, Account: "$G", AuthUsers: []string{"auth"}},
		"issuer: " + accountKey1 + ", users: [auth, " + userKey1 + "], account: AUTH, xkey: " + curveKey + ", allowed_accounts: [FOO, $G]": {
			Issuer: accountKey1, Account: "AUTH", AuthUsers: []string{"auth", userKey1}, XKey: curveKey, AllowedAccounts: []string{"FOO", "$G"}},
		"issuer: " + accountKey1 + ", users: [auth], acc: AUTH, key: " + curveKey: {
			Issuer: accountKey1, Account: "AUTH", AuthUsers: []string{"auth"}, XKey: curveKey},
	} {
		text = strings.ReplaceAll(text, "$G", `"$G"`)
		authorization := "authorization { users: [{user: auth, password: x}, {nkey: " + userKey1 + "}], KEY { " + text + " } }\n"
		for _, key := range []string{"auth_callout", "auth_hook"} {
			block := strings.Replace(authorization, "KEY", key, 1)
			for _, config := range []string{block + "accounts { AUTH {}, FOO {} }", "accounts { AUTH {}, FOO {} }\n" + block} {
				if diff := cmp.Diff(&want, valid(t, config).AuthCallout); diff != "" {
					t.Errorf("%s: %s", config, diff)
				}
			}
		}
	}
	// The service may be the single user, also that of the websocket listener.
	callout := "auth_callout { issuer: " + accountKey1 + ", auth_users: [auth] }"
	valid(t, "authorization { user: auth, pass: x, "+callout+" }")
	valid(t, "authorization { "+callout+" }\nwebsocket { port: 80, no_tls: true, authorization { user: auth } }")
	invalid(t, "authorization { user: other, "+callout+" }", `Authorization callout user "auth" not valid`)
	invalid(t, "authorization { user: auth, auth_callout { issuer: "+accountKey1+", auth_users: [auth], account: X } }",
		`Authorization callout account "X" not valid`)
}

// Go: TestAuthorizationAndAccountsMisconfigurations server/opts_test.go:3421
// Go: TestProcessConfigString server/opts_test.go:3512
func TestBadTextIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"authorization = {users = [ {user: user1, pass: pwd} ] }\naccounts { ACC { users = [ {user: user1} ] } }":            `Duplicate user "user1" detected`,
		"authorization = {users = [ {nkey: " + userKey3 + "} ] }\naccounts { ACC { users = [ {nkey: " + userKey3 + "} ] } }": `Duplicate nkey "` + userKey3 + `" detected`,
		"authorization = {user: user1, password: pwd}\naccounts = { ACC { users = [ {user: user2, pass: pwd} ] } }":          "Can not have a single user/pass",
		"authorization = {user: user1, password: pwd}\naccounts = { ACC { users = [ {nkey: " + userKey3 + "} ] } }":          "Can not have a single user/pass",
		"authorization = {token: my_token}\naccounts = { ACC { users = [ {user: user2, pass: pwd} ] } }":                     "Can not have a token",
		"authorization = {token: my_token}\naccounts = { ACC { users = [ {nkey: " + userKey3 + "} ] } }":                     "Can not have a token",
		"accounts { AUTH { users = [ {user: auth, password: auth} ] }\n FOO {} }\nauthorization { auth_callout { issuer: " + accountKey1 +
			", account: AUTH, auth_users: [ auth ], allowed_accounts: [ BAR ] } }": `:3:17: auth_callout allowed account "BAR" not found in configured accounts`,
	} {
		refuse(t, text, want)
		if _, err := ProcessConfigFile(write(t, "x.conf", text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\nas a file: %v, want %q", text, err, want)
		}
	}
}

func TestBadAuthCallout(t *testing.T) {
	good := "issuer: " + accountKey1 + ", auth_users: [a]\n "
	for text, want := range map[string]string{
		"auth_callout: 1":                                 ":2:1: Expected authorization callout to be a map/struct, got 1",
		"auth_callout { auth_users: [a] }":                ":2:1: Authorization callouts require an issuer to be specified",
		"auth_callout { issuer: " + accountKey1 + " }":    ":2:1: Authorization callouts require authorized users to be specified",
		"auth_callout {\n issuer: a }":                    `:3:2: Expected callout user to be a valid public account nkey, got "a"`,
		"auth_callout {\n issuer: 1 }":                    ":3:2: interface conversion: interface {} is int64, not string",
		"auth_callout {" + good + "xkey: a }":             `:3:2: Expected callout xkey to be a valid public xkey, got "a"`,
		"auth_callout {" + good + "auth_users: a }":       ":3:2: Expected auth_users field to be an array, got string",
		"auth_callout {" + good + "auth_users: [1] }":     "interface conversion: interface {} is int64, not string",
		"auth_callout {" + good + "allowed_accounts: a }": ":3:2: Expected allowed accounts field to be an array, got string",
		"auth_callout {" + good + "x: a }":                `:3:2: Unknown field "x" parsing authorization callout`,
	} {
		refuse(t, "authorization {\n"+text+"\n}", want)
	}
}

func TestAuthCalloutMadeInCode(t *testing.T) {
	for want, c := range map[string]AuthCallout{
		"Authorization callouts require an issuer to be specified":          {AuthUsers: []string{"a"}},
		`Expected callout user to be a valid public account nkey, got "x"`:  {Issuer: "x", AuthUsers: []string{"a"}},
		"Authorization callouts require authorized users to be specified":   {Issuer: accountKey1},
		`Expected callout xkey to be a valid public xkey, got "x"`:          {Issuer: accountKey1, AuthUsers: []string{"a"}, XKey: "x"},
		`auth_callout allowed account "B" not found in configured accounts`: {Issuer: accountKey1, AuthUsers: []string{"a"}, AllowedAccounts: []string{"A", "B"}},
		`Authorization callout user "" not valid`:                           {Issuer: accountKey1, AuthUsers: []string{""}},
	} {
		o := &Options{AuthCallout: &c, Accounts: []*Account{{Name: "A"}}, Users: []*User{{Username: "a"}}}
		o.SetDefaults()
		if err := o.Validate(); err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
