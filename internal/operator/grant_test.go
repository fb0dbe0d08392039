package operator

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/options"
)

func TestGrant(t *testing.T) {
	w, u := newWorld(t), userKey(t)
	signing, stranger := accountKey(t), accountKey(t)
	scope := jwt.NewUserScope()
	scope.Key = signing.public
	scope.Template.Sub.Allow.Add("to.{{name()}}")
	scope.Template.Src = jwt.CIDRList{"10.0.0.0/8"}
	scope.Template.ProxyRequired = true
	scope.Template.AllowedConnectionTypes.Add("MQTT", "SMTP")
	scope.Template.Times, scope.Template.Locale = []jwt.TimeRange{{Start: "10:00:00", End: "12:00:00"}}, "UTC"
	a := w.open(func(c *jwt.AccountClaims) {
		c.SigningKeys.AddScopedSigner(scope)
		c.DefaultPermissions.Pub.Allow.Add("default")
	})
	decode := func(text string) *Credential {
		t.Helper()
		c, err := DecodeUser(text)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}

	g, err := a.Grant(decode(encode(t, signing, jwt.NewUserClaims(u.public), scoped(a.Name), func(c *jwt.UserClaims) { c.Name = "joe" })))
	if err != nil {
		t.Fatal(err)
	}
	if !g.ProxyRequired || !g.Covers("10.1.2.3") || g.Covers("127.0.0.1") || g.Covers("") {
		t.Errorf("%+v", g)
	}
	at := time.Date(2026, 5, 4, 11, 0, 0, 0, time.UTC)
	if deadline, open := g.Until(at); !open || !deadline.Equal(at.Add(time.Hour)) {
		t.Errorf("open %v until %v", open, deadline)
	}
	if _, open := g.Until(at.Add(2 * time.Hour)); open {
		t.Error("open after the window")
	}
	types, allowed := g.ConnectionTypes(options.ConnectionMQTT)
	if !allowed || !slices.Equal(types, []string{"MQTT"}) {
		t.Errorf("%v %v", types, allowed)
	}
	if types, allowed := g.ConnectionTypes(options.ConnectionStandard); allowed || !slices.Equal(types, []string{"MQTT"}) {
		t.Errorf("%v %v", types, allowed)
	}
	user := g.User(types, at)
	want := &options.Permissions{Subscribe: &options.SubjectPermission{Allow: []string{"to.joe"}}}
	if diff := cmp.Diff(want, user.Permissions); diff != "" {
		t.Error(diff)
	}
	if user.Name != u.public || user.Account != a.Name || user.Issuer != signing.public || !user.Deadline.Equal(at) || !user.ProxyRequired {
		t.Errorf("%+v", user)
	}

	g, err = a.Grant(decode(encode(t, w.account, jwt.NewUserClaims(u.public))))
	if err != nil {
		t.Fatal(err)
	}
	if user := g.User(nil, time.Time{}); !user.Inherited || g.ProxyRequired || user.Permissions.Publish.Allow[0] != "default" {
		t.Errorf("%+v", user)
	}

	_, err = a.Grant(decode(encode(t, stranger, jwt.NewUserClaims(u.public))))
	wantRefusal(t, err, "User JWT issuer is not known")
	_, err = a.Grant(decode(encode(t, signing, jwt.NewUserClaims(u.public), func(c *jwt.UserClaims) { c.IssuerAccount = a.Name })))
	wantRefusal(t, err, "User JWT is not valid: scoped users require no permissions or limits set")
}

// Where no claims describe the account, the JWT has the say.
func TestGrantIn(t *testing.T) {
	u, issuer := userKey(t), accountKey(t)
	c, err := DecodeUser(encode(t, issuer, jwt.NewUserClaims(u.public), func(c *jwt.UserClaims) {
		c.Expires, c.ProxyRequired = now().Unix()+100, true
		c.AllowedConnectionTypes.Add("SMTP")
	}))
	if err != nil {
		t.Fatal(err)
	}
	defaults := &options.Permissions{Publish: &options.SubjectPermission{Deny: []string{"a"}}}
	g := GrantIn("APP", defaults, c)
	deadline, open := g.Until(now())
	user := g.User(nil, deadline)
	if !open || deadline.Unix() != c.Claims.Expires || user.Account != "APP" || user.Permissions != defaults || !user.Inherited || !g.ProxyRequired {
		t.Errorf("%+v", user)
	}
	if types, allowed := g.ConnectionTypes("SMTP"); allowed || types != nil {
		t.Errorf("%v %v", types, allowed)
	}
}

func TestCredentialIssues(t *testing.T) {
	w, u := newWorld(t), userKey(t)
	for want, change := range map[string]func(*jwt.UserClaims){
		"":                       func(*jwt.UserClaims) {},
		"claim is expired":       func(c *jwt.UserClaims) { c.Expires = now().Unix() - 5; c.Pub.Deny.Add("a.>.b") },
		"claim is not yet valid": func(c *jwt.UserClaims) { c.NotBefore = now().Unix() + 100 },
		`publish deny: "a.>.b" is not a valid subject`: func(c *jwt.UserClaims) { c.Pub.Deny.Add("a.>.b") },
	} {
		c, err := DecodeUser(encode(t, w.account, jwt.NewUserClaims(u.public), change))
		if err != nil {
			t.Fatal(err)
		}
		if found := append(c.Issues(now()), ""); found[0] != want {
			t.Errorf("%q, want %q", found, want)
		}
	}
}
