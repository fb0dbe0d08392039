package operator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// logged starts a server and returns its log.
func logged(t *testing.T, config string) (*godwit.Server, *kit.Log) {
	t.Helper()
	s := kit.Must[*godwit.Server](t)(godwit.NewServer(kit.Must[*godwit.Options](t)(godwit.ProcessConfigString(config))))
	t.Cleanup(s.Shutdown)
	lines := &kit.Log{}
	s.SetLogger(lines, true, false)
	kit.OK(t, s.Start())
	return s, lines
}

func TestTheLogTellsAboutClaimsAtTheStart(t *testing.T) {
	d := newDomain(t)
	a, dir := newAccount(t), t.TempDir()
	d.account(a, func(c *jwt.AccountClaims) { c.Expires = time.Now().Unix() - 2 })
	_, lines := logged(t, d.config(""))
	if !lines.Has("WRN", "Account ["+a.Public+"] has validation issues:") || !lines.Has("WRN", "  - claim is expired") {
		t.Error("no word about an expired account")
	}
	for kind, line := range map[string]string{"full": "Managing all jwt in exclusive directory " + dir, "cache": "Managing some jwt in exclusive directory " + dir} {
		_, lines := logged(t, strings.Replace(d.directoryConfig(dir), "type: full, dir: '"+dir+"', allow_delete: true, interval: \"1m\"", "type: "+kind+", dir: '"+dir+"'", 1))
		if !lines.Has("INF", line) {
			t.Errorf("%s: no line %q", kind, line)
		}
	}
}

// Whoever is refused learns nothing of the cause; the log has it.
func TestTheLogTellsWhyUsersAreRefused(t *testing.T) {
	d := newDomain(t)
	a, pinned := newAccount(t), newAccount(t)
	revoked := kit.NewSigner(t, nkeys.PrefixByteUser)
	d.account(a, func(c *jwt.AccountClaims) {
		c.RevokeAt(revoked.Public, time.Now().Add(time.Minute))
		c.Limits.DisallowBearer = true
	})
	d.account(pinned, nil)
	s, lines := logged(t, d.config("resolver_pinned_accounts: ["+a.Public+"]"))
	for _, line := range []string{"Trusted Operators", `Operator: ""`, "Expires : Never"} {
		if !lines.Has("INF", line) {
			t.Errorf("no line %q", line)
		}
	}
	someone := kit.NewSigner(t, nkeys.PrefixByteUser)
	of := func(change func(*jwt.UserClaims)) nats.Option { return d.user(a, change) }
	for text, c := range map[string]struct {
		level  string
		option nats.Option
	}{
		"Authentication requires a user JWT":                  {"DBG", nats.UserInfo("joe", "pwd")},
		"User JWT no longer valid":                            {"DBG", of(func(c *jwt.UserClaims) { c.Expires = time.Now().Unix() - 60 })},
		"not listed as operator pinned account":               {"DBG", d.user(pinned, nil)},
		"User JWT issuer is not known":                        {"DBG", d.user(pinned, func(c *jwt.UserClaims) { c.IssuerAccount = a.Public })},
		"Account does not allow bearer tokens":                {"DBG", of(func(c *jwt.UserClaims) { c.BearerToken = true })},
		"Connection type not allowed":                         {"DBG", of(func(c *jwt.UserClaims) { c.AllowedConnectionTypes.Add(jwt.ConnectionTypeMqtt) })},
		"Signature missing":                                   {"DBG", bearer(a.User(t, someone, nil))},
		"Signature not verified":                              {"DBG", kit.As(a.User(t, someone, nil), revoked)},
		"User authentication revoked":                         {"DBG", kit.As(a.User(t, revoked, nil), revoked)},
		"Bad src Ip 127.0.0.1":                                {"ERR", of(func(c *jwt.UserClaims) { c.Src.Add("10.0.0.0/8") })},
		"Outside connect times":                               {"ERR", of(func(c *jwt.UserClaims) { c.Times = []jwt.TimeRange{newTimeRange(time.Now().Add(time.Hour), time.Hour)} })},
		"authentication error - JWT User \"" + someone.Public: {"ERR", kit.As(a.User(t, someone, nil), revoked)},
	} {
		refused(t, s, c.option)
		if !lines.Has(c.level, text) {
			t.Errorf("no line %q", text)
		}
	}
	connect(t, s, kit.As(a.User(t, someone, func(c *jwt.UserClaims) { c.Name = "joe" }), someone))
	if want := `Authenticated JWT: Client "` + someone.Public + `" (claim-name: "joe"`; !lines.Has("DBG", want) {
		t.Errorf("no line %q", want)
	}
}
