package options

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Go: TestMultipleUsersConfig server/opts_test.go:569
// Go: TestNkeyUsersConfig server/opts_test.go:866
// Go: TestMixedClientConfig server/nkey_test.go:230
func TestUsersAndNkeys(t *testing.T) {
	o := read(t, `authorization {
		users = [
			{user: alice, password: foo}
			{username: bob, pass: bar, allowed_connection_types: [standard, WebSocket]}
			{nkey: `+userKey1+`, clients: IN_PROCESS, proxy_required: true}
			{nkey: `+userKey2+`}
		]
		timeout: 0.5
	}`)
	if len(o.Users) != 2 || len(o.Nkeys) != 2 || o.AuthTimeout != 0.5 || !o.HasAuthorizationBlock {
		t.Fatalf("%+v", o)
	}
	want := &User{Username: "bob", Password: "bar", AllowedConnectionTypes: set(ConnectionStandard, ConnectionWebsocket)}
	if diff := cmp.Diff(want, user(t, o, "bob")); diff != "" {
		t.Error(diff)
	}
	wantKey := &NkeyUser{Nkey: userKey1, AllowedConnectionTypes: set(ConnectionInProcess), ProxyRequired: true}
	if diff := cmp.Diff(wantKey, nkey(t, o, userKey1)); diff != "" {
		t.Error(diff)
	}
}

const rolesText = `
authorization {
  super_user = { publish = "*", subscribe = ">" }
  req_pub_user = { publish = ["req.foo", "req.bar"], subscribe = "_INBOX.>" }
  default_user = { subscribe = "PUBLIC.>" }
  my_service = { subscribe = "my.service.req", publish_allow_responses: true }
  my_stream_service = { subscribe = "my.service.req", allow_responses: {max: 10, expires: "1m"} }
  default_permissions: $default_user
  users = [
    {user: alice, password: foo, permissions: $super_user}
    {user: bob,   password: bar, permissions: $req_pub_user}
    {user: susan, password: baz}
    {user: svca,  password: pc,  permissions: $my_service}
    {user: svcb,  password: sam, permissions: $my_stream_service}
  ]
}`

// Go: TestAuthorizationConfig server/opts_test.go:579
func TestPermissionsOfRoles(t *testing.T) {
	allow := func(subjects ...string) *SubjectPermission { return &SubjectPermission{Allow: subjects} }
	none := &SubjectPermission{Allow: []string{}}
	o := read(t, rolesText)
	if len(o.Users) != 5 {
		t.Fatalf("%d users", len(o.Users))
	}
	for name, want := range map[string]*Permissions{
		"alice": {Publish: allow("*"), Subscribe: allow(">")},
		"bob":   {Publish: allow("req.foo", "req.bar"), Subscribe: allow("_INBOX.>")},
		"susan": {Subscribe: allow("PUBLIC.>")},
		"svca": {Publish: none, Subscribe: allow("my.service.req"),
			Response: &ResponsePermission{DefaultResponseMaxMsgs, DefaultResponseExpires}},
		"svcb": {Publish: none, Subscribe: allow("my.service.req"), Response: &ResponsePermission{10, time.Minute}},
	} {
		if diff := cmp.Diff(want, user(t, o, name).Permissions); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// Go: TestNewStyleAuthorizationConfig server/opts_test.go:750
// Go: TestNkeyUsersWithPermsConfig server/opts_test.go:1073
func TestAllowAndDeny(t *testing.T) {
	o := read(t, `authorization {
		normal_user = { publish = { allow = ["foo", "bar", "baz"] }, subscribe = { deny = "$SYS.>" } }
		admin_user = { publish = "$SYS.>", subscribe = { deny = ["foo", "bar", "baz"] } }
		users = [
			{user: alice, password: foo, permissions: $normal_user}
			{user: bob, password: special, permissions: $admin_user}
			{user: carol, permissions: {}}
			{user: dave, permissions: {publish: {}, subscribe: {}}}
			{nkey: `+userKey1+`, permissions = $admin_user}
		]
	}`)
	admin := &Permissions{
		Publish:   &SubjectPermission{Allow: []string{"$SYS.>"}},
		Subscribe: &SubjectPermission{Deny: []string{"foo", "bar", "baz"}},
	}
	for name, want := range map[string]*Permissions{
		"alice": {
			Publish:   &SubjectPermission{Allow: []string{"foo", "bar", "baz"}},
			Subscribe: &SubjectPermission{Deny: []string{"$SYS.>"}},
		},
		"bob": admin, "carol": {}, "dave": {},
	} {
		if diff := cmp.Diff(want, user(t, o, name).Permissions); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(admin, nkey(t, o, userKey1).Permissions); diff != "" {
		t.Error(diff)
	}
}

// Go: TestNkeyUsersDefaultPermissionsConfig server/opts_test.go:971
func TestDefaultPermissionsAreForUsersWithoutTheirOwn(t *testing.T) {
	body := func(prefix, key1, key2 string) string {
		return fmt.Sprintf(`
			users = [
				{ user: %suser, password: pwd }
				{ user: %sother, password: pwd, permissions = { subscribe = "bar" } }
				{ nkey: %s }
				{ nkey: %s, permissions = { subscribe = "bar" } }
			]`, prefix, prefix, key1, key2)
	}
	for _, order := range []string{"%[1]s\n%[2]s", "%[2]s\n%[1]s"} {
		defaults := `default_permissions = { publish = "foo" }`
		o := read(t, "authorization {"+fmt.Sprintf(order, defaults, body("", userKey1, userKey2))+"}\naccounts { A {"+
			fmt.Sprintf(order, defaults, body("acc", userKey3, userKey4))+"} }")
		if len(o.Users) != 4 || len(o.Nkeys) != 4 {
			t.Fatalf("%d users, %d nkeys", len(o.Users), len(o.Nkeys))
		}
		standard := &Permissions{Publish: &SubjectPermission{Allow: []string{"foo"}}}
		own := &Permissions{Subscribe: &SubjectPermission{Allow: []string{"bar"}}}
		for _, u := range []struct{ got, want *Permissions }{
			{user(t, o, "user").Permissions, standard}, {user(t, o, "other").Permissions, own},
			{user(t, o, "accuser").Permissions, standard}, {user(t, o, "accother").Permissions, own},
			{nkey(t, o, userKey1).Permissions, standard}, {nkey(t, o, userKey2).Permissions, own},
			{nkey(t, o, userKey3).Permissions, standard}, {nkey(t, o, userKey4).Permissions, own},
		} {
			if diff := cmp.Diff(u.want, u.got); diff != "" {
				t.Error(diff)
			}
		}
	}
}

// Go: TestBadNkeyConfig server/opts_test.go:1116
// Go: TestNkeyWithPassConfig server/opts_test.go:1131
func TestBadUserEntries(t *testing.T) {
	for text, want := range map[string]string{
		"users = false":                                                     "Expected users field to be an array, got false",
		"users = {a: 1}":                                                    "Expected users field to be an array, got map[a:1]",
		"users = [\n  false]":                                               ":2:3: Expected user entry to be a map/struct, got false",
		"users = [{pass: x}]":                                               "User entry requires a user",
		"users = [{\n  nkey: Ufoo}]":                                        ":2:3: Not a valid public nkey for a user",
		"users = [{nkey: " + accountKey1 + "}]":                             "Not a valid public nkey for a user",
		"users = [{nkey: " + userKey1 + ", pass: x}]":                       "Nkey users do not take usernames or passwords",
		"users = [{nkey: " + userKey1 + ", user: x}]":                       "Nkey users do not take usernames or passwords",
		"users = [{user: 1, pass: x}]":                                      "interface conversion: interface {} is int64, not string",
		"users = [{user: a\n proxy_required: 123}]":                         ":2:2: interface conversion",
		"proxy_required: 123":                                               "interface conversion",
		"users = [{nkey: " + userKey1 + "\n proxy_required: 123}]":          ":2:2: interface conversion",
		"users = [{user: a\n allowed_connection_types: 123}]":               ":2:2: error parsing allowed connection types: unsupported type int64",
		"users = [{user: a, allowed_connection_types: [\n123\nWEBSOCKET]}]": "error parsing allowed connection types: unsupported type in array int64",
		"users = [{user: a\n allowed_connection_types: [UNKNOWN]}]":         `:2:2: invalid connection types ["UNKNOWN"]`,
	} {
		refuse(t, "authorization {"+text+"}", want)
		if strings.HasPrefix(text, "users") {
			refuse(t, "accounts {A {"+text+"}}", want)
		}
	}
}

// Go: TestTokenWithUserPass server/opts_test.go:1148
// Go: TestTokenWithUsers server/opts_test.go:1169
func TestWaysToAuthenticateThatExcludeEachOther(t *testing.T) {
	for text, want := range map[string]string{
		"{user: u, pass: p, token: $2a$11$whatever}":                    "Cannot have a user/pass and token",
		"{token: $2a$11$whatever, users: [{user: test, pass: test}]}":   "Can not have a token and a users array",
		"{user: u, pass: p, users: [{user: test, pass: test}]}":         "Can not have a single user/pass and a users array",
		"{users: [{user: a}, {user: b}, {user: a}]}":                    `Duplicate user "a" detected`,
		"{users: [{nkey: " + userKey1 + "}, {nkey: " + userKey1 + "}]}": `Duplicate nkey "` + userKey1 + `" detected`,
	} {
		refuse(t, "authorization = "+text, want)
	}
	if o := read(t, "authorization { token: $2a$11$whatever }"); o.Authorization != "$2a$11$whatever" {
		t.Errorf("token %q", o.Authorization)
	}
	if o := read(t, "authorization {}"); !o.HasAuthorizationBlock {
		t.Error("an empty block is a block")
	}
}

// Go: TestAuthorizationTimeoutConfigParsing server/opts_test.go:3609
func TestAuthorizationTimeout(t *testing.T) {
	for text, want := range map[string]struct{ read, running float64 }{
		"":                     {0, 2},
		"timeout: 0":           {0, 2},
		"timeout: 1":           {1, 1},
		"timeout: 10s":         {10, 10},
		"timeout: 1m":          {1000000, 1000000},
		`timeout: "1m"`:        {60, 60},
		`timeout: "10m5s30ms"`: {605.03, 605.03},
		"timeout: 0.091":       {.091, .091},
	} {
		o := read(t, "authorization {"+text+"}")
		if o.AuthTimeout != want.read {
			t.Errorf("%s: %v", text, o.AuthTimeout)
		}
		if high := want.read > 60; high != (len(o.ConfigWarnings) == 1) {
			t.Errorf("%s: warnings %v", text, o.ConfigWarnings)
		}
		if o.SetDefaults(); o.AuthTimeout != want.running {
			t.Errorf("%s: running with %v", text, o.AuthTimeout)
		}
	}
	refuse(t, "authorization { timeout: random_garbage }", `invalid duration "random_garbage"`)
	refuse(t, "authorization { timeout: .091 }", "Floats must start with a digit")
	refuse(t, "authorization { timeout: true }", "unsupported type bool")
}

// Go: TestParsingResponsePermissions server/opts_test.go:2738
func TestAllowResponses(t *testing.T) {
	for text, want := range map[string]*ResponsePermission{
		"{}":                                 {DefaultResponseMaxMsgs, DefaultResponseExpires},
		"true":                               {DefaultResponseMaxMsgs, DefaultResponseExpires},
		"{max: 10}":                          {10, DefaultResponseExpires},
		"{ttl: 5s}":                          {DefaultResponseMaxMsgs, 5 * time.Second},
		"{max: 0}":                           {DefaultResponseMaxMsgs, DefaultResponseExpires},
		`{ttl: "0s"}`:                        {DefaultResponseMaxMsgs, DefaultResponseExpires},
		`{max: 10, ttl: "5s"}`:               {10, 5 * time.Second},
		`{max: -1, expires: "5s"}`:           {-1, 5 * time.Second},
		`{max_msgs: 10, expiration: "-1s"}`:  {10, -time.Second},
		`{max_messages: -1, expires: "-1s"}`: {-1, -time.Second},
		`{max_responses: 3}`:                 {3, DefaultResponseExpires},
		"false":                              nil,
	} {
		o := read(t, "authorization { users [{user: ivan, permissions { allow_responses: "+text+"}}] }")
		if diff := cmp.Diff(want, o.Users[0].Permissions.Response); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
	for text, want := range map[string]string{
		"{unknown_field: 123}": `Unknown field "unknown_field" parsing permissions`,
		"{max: 10, ttl: 123}":  "error parsing expires, not a duration string",
		"{max: 10, ttl: xyz}":  "error parsing expires: time: invalid duration",
		"7":                    "error parsing response permissions, expected a boolean or a map",
	} {
		refuse(t, "authorization { users [{user: ivan, permissions { allow_responses: "+text+"}}] }", want)
	}
	denies := read(t, "authorization { users [{user: u, permissions {publish: {deny: x}, allow_responses: true}}] }")
	if p := denies.Users[0].Permissions.Publish; p.Allow == nil || len(p.Allow) != 0 || len(p.Deny) != 1 {
		t.Errorf("a deny list alone must not reopen publishing: %+v", p)
	}
}

func TestBadPermissions(t *testing.T) {
	for text, want := range map[string]string{
		"false":                                "Expected permissions to be a map/struct, got false",
		"{\n  inboxes = {}\n}":                 `:2:3: Unknown field "inboxes" parsing permissions`,
		"{publish = {\n denied: x}}":           `:2:2: Unknown field name "denied" parsing subject permissions, only 'allow' or 'deny' are permitted`,
		"{publish = {allow = [\n  false, x]}}": ":2:3: Subject in permissions array cannot be cast to string",
		"{publish = {\n  allow = false}}":      ":2:3: Expected subject permissions to be a subject, or array of subjects, got bool",
		"{publish = {\n  allow = [foo..bar]}}": `:2:3: subject "foo..bar" is not a valid subject`,
		"{\n publish = 'a.>.b'}":               `:2:2: subject "a.>.b" is not a valid subject`,
		"{publish = ' foo '}":                  `subject " foo " is not a valid subject`,
		"{subscribe = ' foo '}":                `subject " foo " is not a valid subject`,
		"{subscribe = 'a b c'}":                `subject "a b c" is not a valid subject`,
		"{subscribe = 'a..b c'}":               `subject "a..b" is not a valid subject`,
		"{subscribe = 'a b..c'}":               `queue "b..c" is not a valid queue`,
		"{subscribe = ''}":                     `subject "" is not a valid subject`,
	} {
		refuse(t, "authorization { permissions = "+text+" }", want)
	}
}

func TestQueuesStandOnlyInSubscribePermissions(t *testing.T) {
	o := read(t, "authorization { users: [{user: u, permissions: {subscribe: {deny: ['admin.secret workers', 'a.> *.dev']}}}] }")
	if diff := cmp.Diff([]string{"admin.secret workers", "a.> *.dev"}, o.Users[0].Permissions.Subscribe.Deny); diff != "" {
		t.Error(diff)
	}
	for _, list := range []string{"allow", "deny"} {
		refuse(t, "authorization { users: [{user: u, permissions: {publish: {"+list+": ['admin.secret workers']}}}] }",
			`subject "admin.secret workers" is not a valid subject`)
	}
}

// The order of keys in a file must not change what it means.
func TestOrderOfKeysDoesNotMatter(t *testing.T) {
	authorization := []string{
		"default_permissions { publish: foo }", "users [{user: a}, {user: b, permissions: {publish: bar}}]",
		"timeout: 3", "proxy_required: false",
	}
	account := []string{"users [{user: c}]", "default_permissions { subscribe: x }", "nkey: " + accountKey1, "limits { max_conn: 3 }"}
	top := []string{"system_account: A", "no_auth_user: a", "write_deadline: '2s'"}
	random := rand.New(rand.NewSource(1))
	shuffled := func(list []string) string {
		list = append([]string(nil), list...)
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return strings.Join(list, "\n")
	}
	text := func() string {
		return shuffled(append(top, "authorization {\n"+shuffled(authorization)+"\n}", "accounts {\nA {\n"+shuffled(account)+"\n}\n}"))
	}
	byName := func(o *Options) map[string]*User {
		users := make(map[string]*User)
		for _, u := range o.Users {
			users[u.Username] = u
		}
		o.Users = nil
		return users
	}
	first := read(t, text())
	users := byName(first)
	for range 50 {
		o := read(t, text())
		if diff := cmp.Diff(users, byName(o)); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(first, o, ignorePrivate); diff != "" {
			t.Fatal(diff)
		}
	}
}
