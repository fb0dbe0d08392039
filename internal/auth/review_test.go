package auth

import (
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/internal/options"
)

// Whoever's secret is the same is not asked for it again; the password that the
// tests put in its place shows that.
func TestReviewAsksOnce(t *testing.T) {
	const users = "authorization { users: [{user: a, password: a}, {user: b, password: b}] }"
	wrong := options.ClientOpts{Username: "a", Password: "wrong", Token: "wrong"}
	for name, c := range map[string]struct {
		before, after string
		connect       options.ClientOpts
		stays         bool // without a look at the password
	}{
		"user":              {users, users, login("a", "a"), true},
		"other users":       {users, strings.Replace(users, "user: b", "user: c", 1), login("a", "a"), true},
		"other password":    {users, strings.Replace(users, "password: a", "password: x", 1), login("a", "a"), false},
		"gone":              {users, strings.Replace(users, "user: a", "user: c", 1), login("a", "a"), false},
		"single":            {"authorization { user: a, password: a }", "authorization { user: a, password: a }", login("a", "a"), true},
		"other single":      {"authorization { user: a, password: a }", "authorization { user: a, password: x }", login("a", "a"), false},
		"single with users": {"authorization { user: a, password: a }", users, login("a", "a"), false},
		"token":             {"authorization { token: t }", "authorization { token: t }", token("t"), true},
		"other token":       {"authorization { token: t }", "authorization { token: u }", token("t"), false},
		"required":          {"", "authorization { user: a, password: a }", login("a", "a"), false},
	} {
		old, now := configured(t, c.before), configured(t, c.after)
		verdict := decide(old, c.connect)
		if !verdict.OK {
			t.Fatalf("%s: not let in", name)
		}
		connect := wrong
		if c.connect.Username == "" {
			connect.Username = ""
		}
		again := now.Review(&verdict, Request{Connect: connect, ConnectionType: options.ConnectionStandard}, old)
		if again.OK != c.stays {
			t.Errorf("%s: stays: %v", name, again.OK)
		}
		if again.OK && (again.User != verdict.User || again.Account != verdict.Account || again.Label != verdict.Label) {
			t.Errorf("%s: %+v became %+v", name, verdict, again)
		}
	}
}

// Somebody without a name is whoever the configuration says now.
func TestReviewOfAnonymous(t *testing.T) {
	config := func(name string) *Authenticator {
		return configured(t, "no_auth_user: "+name+`
			accounts { A { users: [{user: a, password: x}] }, B { users: [{user: b, password: x}] } }`)
	}
	old, now := config("a"), config("b")
	for _, c := range []struct {
		connect options.ClientOpts
		account string
	}{{options.ClientOpts{}, "B"}, {login("a", "x"), "A"}, {login("b", "x"), "B"}} {
		verdict := decide(old, c.connect)
		again := now.Review(&verdict, Request{Connect: c.connect, ConnectionType: options.ConnectionStandard}, old)
		if !again.OK || again.Account != c.account {
			t.Errorf("%q: %v, account %s, want %s", c.connect.Username, again.OK, again.Account, c.account)
		}
	}
	// Nothing changes for the user who was made up for anonymous access.
	system := "accounts { $SYS { users: [{user: s, password: x}] } }"
	old = configured(t, system)
	o, err := options.ProcessConfigString(system)
	if err != nil {
		t.Fatal(err)
	}
	o.SetDefaults()
	now, err = old.Next(o)
	if err != nil {
		t.Fatal(err)
	}
	verdict := decide(old, options.ClientOpts{})
	if again := now.Review(&verdict, Request{ConnectionType: options.ConnectionStandard}, old); !again.OK || again.User != verdict.User {
		t.Errorf("%+v became %+v", verdict, again)
	}
}
