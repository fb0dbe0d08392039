package accounts_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// Go: TestAccountLimitsServerConfig server/accounts_test.go:3499
func TestLimitsOfAnAccount(t *testing.T) {
	const text = `
		max_connections: 10
		accounts { MAXC {
			users = [{user: derek, password: pw}]
			limits { max_connections: 5, max_subs: 10, max_payload: 32k, max_leafnodes: 1 }
		} }`
	o := kit.Must[*godwit.Options](t)(godwit.ProcessConfigString(text))
	if want := (godwit.AccountLimits{MaxConnections: 5, MaxSubscriptions: 10, MaxPayload: 32_000, MaxLeafNodes: 1}); o.Accounts[0].Limits != want {
		t.Errorf("limits %+v", o.Accounts[0].Limits)
	}
	s := godwittest.RunConfig(t, text)
	var w *kit.Wire
	for range 5 {
		w = kit.Login(t, s.Addr(), "derek")
	}
	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("derek", "pw"), nats.NoReconnect())
	if err == nil {
		nc.Close()
		t.Fatal("a sixth connection")
	}
	if !strings.Contains(strings.ToLower(err.Error()), "maximum account active connections exceeded") {
		t.Errorf("the error is %v", err)
	}
	if n := account(t, s, "MAXC").Account.ClientCnt; n != 5 {
		t.Errorf("%d connections", n)
	}
	for sid := range 10 {
		w.Send(fmt.Sprintf("SUB foo.%d %d", sid, sid))
	}
	w.Send("PING", "SUB bar 11", "PING")
	w.Expect("PONG", "-ERR 'maximum subscriptions exceeded'", "PONG")
	w.Send(kit.Pub("foo", "", strings.Repeat("x", 32_000)), "PING")
	w.Expect("PONG")
	w.Send("PUB foo 32001")
	w.Expect("-ERR 'Maximum Payload Violation'")
}

// When the limit shrinks, those who came last have to go, and no more than needed.
//
// Go: TestAccountMaxConnectionsDisconnectsNewestFirst server/accounts_test.go:3542
func TestTheNewestConnectionsAreClosedFirst(t *testing.T) {
	text := func(limit int) string {
		return fmt.Sprintf(`accounts { TEST {
			users = [{user: user1, password: pw}, {user: user2, password: pw}, {user: user3, password: pw}]
			limits { max_connections: %d }
		} }`, limit)
	}
	s, reload := kit.Reloadable(t, text(3))
	var list []*nats.Conn
	closed := make(chan *nats.Conn, 3)
	for _, user := range []string{"user1", "user2", "user3"} {
		list = append(list, kit.Connect(t, s, user, nats.ClosedHandler(func(nc *nats.Conn) { closed <- nc })))
	}
	for limit := 2; limit > 0; limit-- {
		reload(text(limit))
		nc := <-closed
		if nc != list[limit] || nc.LastError() == nil || !strings.Contains(nc.LastError().Error(), "maximum account active connections exceeded") {
			t.Errorf("limit %d: the wrong connection was closed, or for %v", limit, nc.LastError())
		}
		kit.Flush(t, list[:limit]...)
		kit.Eventually(t, "as many connections as allowed", func() bool { return account(t, s, "TEST").Account.ClientCnt == limit })
	}
}

// New limits hold at once for those who are connected.
func TestChangedLimitsHoldAtOnce(t *testing.T) {
	text := func(limits string) string {
		return fmt.Sprintf("accounts { A { users: [{user: a, password: pw}], limits { %s } } }", limits)
	}
	s, reload := kit.Reloadable(t, text(""))
	nc := kit.Connect(t, s, "a")
	kit.Subscribe(t, nc, "one")
	reload(text("max_payload: 100, max_subs: 1"))
	kit.Eventually(t, "the client knows the new limit", func() bool { return nc.MaxPayload() == 100 })
	if err := nc.Publish("x", make([]byte, 101)); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("the error is %v", err)
	}
	w := kit.Login(t, s.Addr(), "a")
	w.Send("SUB a 1", "SUB b 2", "PING")
	w.Expect("-ERR 'maximum subscriptions exceeded'", "PONG")
	reload(text(""))
	w.Send("SUB b 2", "PING")
	if line := w.Line(); strings.HasPrefix(line, "INFO ") { // the limits have changed
		w.Expect("PONG")
	} else if line != "PONG" {
		t.Errorf("got %q", line)
	}
}
