package operator_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/tests/kit"
)

func TestClaimsAreSentInLookedUpAndDeleted(t *testing.T) {
	d, dir := newDomain(t), t.TempDir()
	s := start(t, d.directoryConfig(dir))
	admin := connect(t, s, d.user(d.system, nil))
	a := kit.NewSigner(t, nkeys.PrefixByteAccount)
	text := d.account(a, nil)
	if got := ask(t, admin, "$SYS.REQ.CLAIMS.UPDATE", text); got.Data == nil || got.Data.Code != 200 || got.Data.Message != "jwt updated" || got.Data.Account != a.Public {
		t.Fatalf("update: %+v", got.Error)
	}
	stored := kit.Must[[]byte](t)(os.ReadFile(filepath.Join(dir, a.Public+".jwt")))
	if string(stored) != text {
		t.Errorf("stored %q", stored)
	}
	nc := connect(t, s, d.user(a, nil))
	m := kit.Must[*nats.Msg](t)(admin.Request("$SYS.REQ.ACCOUNT."+a.Public+".CLAIMS.LOOKUP", nil, kit.Patience))
	if string(m.Data) != text {
		t.Errorf("looked up %q", m.Data)
	}
	foreign := newDomain(t)
	if got := ask(t, admin, "$SYS.REQ.CLAIMS.UPDATE", foreign.account(a, nil)); got.Error == nil || got.Error.Code != 500 {
		t.Errorf("claims of another operator: %+v", got.Data)
	}
	if got := ask(t, admin, "$SYS.REQ.ACCOUNT."+d.system.Public+".CLAIMS.UPDATE", text); got.Error == nil {
		t.Errorf("claims of another account: %+v", got.Data)
	}

	closed := make(chan error, 1)
	nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { closed <- err })
	request := jwt.NewGenericClaims(d.operator.Public)
	request.Data["accounts"] = []string{a.Public}
	if got := ask(t, admin, "$SYS.REQ.CLAIMS.DELETE", kit.Must[string](t)(request.Encode(d.operator))); got.Data == nil || got.Data.Code != 200 {
		t.Fatalf("delete: %+v", got.Error)
	}
	select {
	case err := <-closed:
		if err == nil {
			t.Error("closed without an error")
		}
	case <-time.After(kit.Patience):
		t.Error("the connection of a deleted account stays")
	}
	if _, err := nats.Connect(s.ClientURL(), d.user(a, nil)); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("a deleted account: %v", err)
	}
}

func TestChangedClaimsActOnConnections(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*jwt.AccountClaims, string)
		want   error
	}{
		"revoked user":     {func(c *jwt.AccountClaims, user string) { c.RevokeAt(user, time.Now().Add(time.Minute)) }, nats.ErrAuthRevoked},
		"everyone revoked": {func(c *jwt.AccountClaims, _ string) { c.RevokeAt("*", time.Now().Add(time.Minute)) }, nats.ErrAuthRevoked},
		"fewer allowed":    {func(c *jwt.AccountClaims, _ string) { c.Limits.Conn = 0 }, nats.ErrMaxAccountConnectionsExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDomain(t)
			s := d.directory()
			admin := connect(t, s, d.user(d.system, nil))
			a := kit.NewSigner(t, nkeys.PrefixByteAccount)
			ask(t, admin, "$SYS.REQ.CLAIMS.UPDATE", d.account(a, nil))
			var user string
			told := make(chan error, 4)
			connect(t, s, d.user(a, func(c *jwt.UserClaims) { user = c.Subject }),
				nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { told <- err }),
				nats.DisconnectErrHandler(func(nc *nats.Conn, _ error) { told <- nc.LastError() }))
			if got := ask(t, admin, "$SYS.REQ.CLAIMS.UPDATE", d.account(a, func(claims *jwt.AccountClaims) { c.change(claims, user) })); got.Data == nil {
				t.Fatalf("update: %+v", got.Error)
			}
			select {
			case err := <-told:
				if !errors.Is(err, c.want) {
					t.Errorf("told %v, want %v", err, c.want)
				}
			case <-time.After(kit.Patience):
				t.Error("the connection stays")
			}
		})
	}
}

// An import works when the account that exports is known, also if that comes later,
// and no longer than it is allowed.
func TestImportsFollowClaims(t *testing.T) {
	d := newDomain(t)
	s := d.directory()
	admin := connect(t, s, d.user(d.system, nil))
	e, i := kit.NewSigner(t, nkeys.PrefixByteAccount), kit.NewSigner(t, nkeys.PrefixByteAccount)
	push(t, admin, d.account(i, func(c *jwt.AccountClaims) {
		c.Imports.Add(&jwt.Import{Account: e.Public, Subject: "help", Type: jwt.Service})
	}))
	client := connect(t, s, d.user(i, nil))
	if _, err := client.Request("help", nil, kit.Patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Fatalf("without the exporter: %v", err)
	}
	export := func(c *jwt.AccountClaims) { c.Exports.Add(&jwt.Export{Subject: "help", Type: jwt.Service}) }
	push(t, admin, d.account(e, export))
	service := connect(t, s, d.user(e, nil))
	kit.Must[*nats.Subscription](t)(service.Subscribe("help", func(m *nats.Msg) { m.Respond([]byte("here")) }))
	if err := service.Flush(); err != nil {
		t.Fatal(err)
	}
	if m := kit.Must[*nats.Msg](t)(client.Request("help", nil, kit.Patience)); string(m.Data) != "here" {
		t.Errorf("answer %q", m.Data)
	}
	push(t, admin, d.account(e, nil))
	if _, err := client.Request("help", nil, kit.Patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("after the export ended: %v", err)
	}
}
