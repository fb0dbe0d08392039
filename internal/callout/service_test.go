package callout

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/options"
)

func TestShouldAskAboutConfiguredUsers(t *testing.T) {
	const nkey = "UBO2MQV67TQTVIRV3XFTEZOACM4WLOCMCDMAWN5QVN5PI2N6JHTVDRON"
	some := FromOptions(&options.AuthCallout{Account: "AUTH", AuthUsers: []string{"auth", nkey, ""}, AllowedAccounts: []string{"BAR"}}, time.Second)
	all := FromOptions(&options.AuthCallout{Account: "AUTH", AuthUsers: []string{"auth", nkey}}, time.Second)
	for name, test := range map[string]struct {
		facts     Facts
		some, all bool
	}{
		"nobody, failed":                    {Facts{}, true, true},
		"nobody, let in":                    {Facts{Passed: true, Account: "$G"}, true, true},
		"known, failed":                     {Facts{Identity: "foo"}, true, true},
		"known in an allowed account":       {Facts{Passed: true, Account: "BAR", Identity: "bar"}, true, true},
		"known in another account":          {Facts{Passed: true, Account: "FOO", Identity: "foo"}, false, true},
		"leafnode in another account":       {Facts{Passed: true, Account: "FOO", Identity: "foo", Leafnode: true}, true, true},
		"auth user":                         {Facts{Passed: true, Account: "AUTH", Identity: "auth"}, false, false},
		"auth user in the global account":   {Facts{Passed: true, Account: "$G", Identity: "auth"}, false, false},
		"auth user with a wrong password":   {Facts{Identity: "auth"}, false, false},
		"auth user by nkey":                 {Facts{Passed: true, Account: "AUTH", Identity: nkey}, false, false},
		"auth user by leafnode":             {Facts{Passed: true, Account: "AUTH", Identity: "auth", Leafnode: true}, false, false},
		"another user in the service's own": {Facts{Passed: true, Account: "AUTH", Identity: "x"}, false, true},
	} {
		if got := some.ShouldAsk(test.facts); got != test.some {
			t.Errorf("%s: %v with allowed accounts", name, got)
		}
		if got := all.ShouldAsk(test.facts); got != test.all {
			t.Errorf("%s: %v without", name, got)
		}
	}
}

func TestShouldAskAboutUsersOfOperators(t *testing.T) {
	w := newWorld(t, mode{operated: true})
	authUser, user := fixedKey(t, nkeys.PrefixByteUser, 12).public, fixedKey(t, nkeys.PrefixByteUser, 13).public
	for name, test := range map[string]struct {
		facts Facts
		want  bool
	}{
		"sentinel":             {Facts{Passed: true, Account: w.issuer.public, Identity: user}, true},
		"sentinel of leafnode": {Facts{Passed: true, Account: w.issuer.public, Identity: user, Leafnode: true}, true},
		"auth user":            {Facts{Passed: true, Account: w.issuer.public, Identity: authUser}, false},
		"auth user, failed":    {Facts{Identity: authUser}, false},
		"failed":               {Facts{Identity: user}, false},
		"failed this time":     {Facts{Account: w.issuer.public, Identity: user}, false},
		"failed leafnode":      {Facts{Identity: user, Leafnode: true}, false},
		"another account":      {Facts{Passed: true, Account: w.app.public, Identity: user}, false},
	} {
		if got := w.service.ShouldAsk(test.facts); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestNoService(t *testing.T) {
	w := newWorld(t, mode{operated: true})
	plain := w.claims(w.app, func(*jwt.AccountClaims) {})
	for _, s := range []*Service{FromOptions(nil, time.Second), FromClaims(nil, time.Second), FromClaims(plain, time.Second)} {
		if s != nil || s.ShouldAsk(Facts{}) {
			t.Errorf("%+v", s)
		}
	}
	if s := FromOptions(&options.AuthCallout{}, time.Second); s.Account != options.GlobalAccount {
		t.Errorf("%+v", s)
	}
}

func TestDenyRequests(t *testing.T) {
	deny := []string{Subject}
	for name, test := range map[string]struct{ have, want *options.Permissions }{
		"nothing": {nil, &options.Permissions{Publish: &options.SubjectPermission{Deny: deny}}},
		"subscriptions": {
			&options.Permissions{Subscribe: &options.SubjectPermission{Allow: []string{"a"}}},
			&options.Permissions{Publish: &options.SubjectPermission{Deny: deny}, Subscribe: &options.SubjectPermission{Allow: []string{"a"}}},
		},
		"allowed": {
			&options.Permissions{Publish: &options.SubjectPermission{Allow: []string{"$SYS.>"}, Deny: []string{"b"}}},
			&options.Permissions{Publish: &options.SubjectPermission{Allow: []string{"$SYS.>"}, Deny: []string{"b", Subject}}},
		},
		"nothing but replies": {
			&options.Permissions{Publish: &options.SubjectPermission{Allow: []string{}}, Response: &options.ResponsePermission{MaxMsgs: 1}},
			&options.Permissions{Publish: &options.SubjectPermission{Allow: []string{}, Deny: deny}, Response: &options.ResponsePermission{MaxMsgs: 1}},
		},
		"already": {
			&options.Permissions{Publish: &options.SubjectPermission{Deny: deny}},
			&options.Permissions{Publish: &options.SubjectPermission{Deny: deny}},
		},
	} {
		if diff := cmp.Diff(test.want, DenyRequests(test.have)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Permissions are shared by all connections of a user, so what is given in must
// stay as it is, also where its lists have room at their ends.
func TestDenyRequestsChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOf(rapid.SampledFrom([]string{"a", "b", Subject}))
		deny := list.Draw(t, "deny")
		roomy := append(make([]string, 0, len(deny)+1), deny...)
		p := &options.Permissions{Publish: &options.SubjectPermission{Allow: list.Draw(t, "allow"), Deny: roomy}}
		got := DenyRequests(p)
		if !slices.Equal(p.Publish.Deny, deny) || roomy[:len(deny)+1][len(deny)] != "" {
			t.Fatalf("changed to %q", roomy[:len(deny)+1])
		}
		if !slices.Contains(got.Publish.Deny, Subject) || !slices.Equal(got.Publish.Deny[:len(deny)], deny) || len(got.Publish.Deny) > len(deny)+1 {
			t.Fatalf("%q of %q", got.Publish.Deny, deny)
		}
		if again := DenyRequests(got); !cmp.Equal(again, got) {
			t.Fatalf("%+v, then %+v", got, again)
		}
	})
}
