package operator_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/tests/kit"
)

func TestUsersOfAnAccountShareItsSubjects(t *testing.T) {
	d := newDomain(t)
	a, b := kit.NewSigner(t, nkeys.PrefixByteAccount), kit.NewSigner(t, nkeys.PrefixByteAccount)
	d.account(a, nil)
	d.account(b, nil)
	s := d.run("")
	one, two, other := connect(t, s, d.user(a, nil)), connect(t, s, d.user(a, nil)), connect(t, s, d.user(b, nil))
	sub := kit.Subscribe(t, two, "foo")
	apart := kit.Subscribe(t, other, "foo")
	for _, nc := range []*nats.Conn{two, other} {
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.Publish("foo", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if m := kit.Must[*nats.Msg](t)(sub.NextMsg(kit.Patience)); string(m.Data) != "x" {
		t.Errorf("got %q", m.Data)
	}
	if err := other.Flush(); err != nil {
		t.Fatal(err)
	}
	if n, _, err := apart.Pending(); n != 0 || err != nil {
		t.Errorf("another account got %d messages, %v", n, err)
	}
}

func TestRefusedUsers(t *testing.T) {
	d := newDomain(t)
	a, stranger := kit.NewSigner(t, nkeys.PrefixByteAccount), kit.NewSigner(t, nkeys.PrefixByteAccount)
	d.account(a, nil)
	s := d.run("")
	for name, option := range map[string]nats.Option{
		"unknown account": d.user(stranger, nil),
		"expired":         d.user(a, func(c *jwt.UserClaims) { c.Expires = time.Now().Add(-time.Minute).Unix() }),
		"too early":       d.user(a, func(c *jwt.UserClaims) { c.NotBefore = time.Now().Add(time.Hour).Unix() }),
		"other network":   d.user(a, func(c *jwt.UserClaims) { c.Src.Add("10.0.0.0/8") }),
		"other transport": d.user(a, func(c *jwt.UserClaims) { c.AllowedConnectionTypes.Add(jwt.ConnectionTypeWebsocket) }),
		"no claims":       nats.UserInfo("a", "b"),
	} {
		nc, err := nats.Connect(s.ClientURL(), option)
		if !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v", name, err)
			nc.Close()
		}
	}
}
