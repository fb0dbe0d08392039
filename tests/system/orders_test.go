package system_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// Go: TestServerEventsReload server/events_test.go:3567
func TestReloadByRequest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "server.conf")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := func(interval string) string {
		return `
			listen: "127.0.0.1:-1"
			accounts {
				$SYS { users: [ {user: sys, password: p} ] }
				A { users: [ {user: a, password: p} ] }
			}
			ping_interval: "` + interval + `"`
	}
	write(config("100s"))
	o, err := godwit.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := godwittest.Run(t, o)
	interval := func(want time.Duration) {
		t.Helper()
		v, err := s.Varz(nil)
		if err != nil {
			t.Fatal(err)
		}
		if v.PingInterval != want {
			t.Errorf("ping interval %v, want %v", v.PingInterval, want)
		}
	}
	subject := "$SYS.REQ.SERVER." + s.ID() + ".RELOAD"
	sys, a := connect(t, s, "sys"), connect(t, s, "a")
	write(config("200s"))
	if _, err := a.Request(subject, nil, kit.Patience); err != nats.ErrNoResponders {
		t.Errorf("a user of another account: %v", err)
	}
	interval(100 * time.Second)

	done := ask(t, sys, subject, "")
	done.expect(t, map[string]any{"server.id": s.ID(), "data": nil, "error": nil})
	interval(200 * time.Second)

	write("garbage and nonsense")
	failed := ask(t, sys, subject, "{}")
	failed.expect(t, map[string]any{"server.id": s.ID(), "data": nil, "error.code": 500})
	if text, _ := failed.at("error.description").(string); !strings.Contains(text, "server.conf") && !strings.Contains(text, "line 1") {
		t.Errorf("no position in %q", text)
	}
	interval(200 * time.Second)
}

// A server that was started without a file has nothing to read again.
func TestReloadWithoutAFile(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	o := ask(t, connect(t, s, "sys"), "$SYS.REQ.SERVER."+s.ID()+".RELOAD", "")
	o.expect(t, map[string]any{"error.code": 500})
	if text, _ := o.at("error.description").(string); !strings.Contains(text, "config when a file is provided") {
		t.Errorf("got %q", text)
	}
}

// A connection can be told to go elsewhere, and can be closed, while others come
// and go.
//
// Go: TestServerEventsLDMKick server/events_test.go:3642
func TestOneConnectionIsSentAway(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys := connect(t, s, "sys")
	told, closed := make(chan struct{}, 1), make(chan error, 1)
	nc := connect(t, s, "a", nats.NoReconnect(),
		nats.LameDuckModeHandler(func(*nats.Conn) { told <- struct{}{} }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { closed <- err }))
	id, err := nc.GetClientID()
	if err != nil {
		t.Fatal(err)
	}
	gone := kit.Subscribe(t, sys, "$SYS.ACCOUNT.A.DISCONNECT")
	var others sync.WaitGroup
	others.Go(func() {
		for range 50 {
			other, err := nats.Connect(s.ClientURL(), nats.UserInfo("b", "p"))
			if err != nil {
				t.Error(err)
				return
			}
			other.Close()
		}
	})
	defer others.Wait()

	order := func(what string) {
		t.Helper()
		o := ask(t, sys, "$SYS.REQ.SERVER."+s.ID()+"."+what, fmt.Sprintf(`{"cid": %d}`, id))
		o.expect(t, map[string]any{"server.id": s.ID()})
		if len(o) != 1 {
			t.Errorf("%s: %v", what, o)
		}
	}
	order("LDM")
	select {
	case <-told:
	case <-time.After(kit.Patience):
		t.Fatal("the client was not told")
	}
	kit.Flush(t, nc)
	order("KICK")
	select {
	case <-closed:
	case <-time.After(kit.Patience):
		t.Fatal("the client was not disconnected")
	}
	decode(t, gone.Next().Data).expect(t, map[string]any{"client.id": int(id), "reason": "Kicked"})
	o := ask(t, sys, "$SYS.REQ.SERVER."+s.ID()+".KICK", fmt.Sprintf(`{"cid": %d}`, id))
	o.expect(t, map[string]any{"error.code": 500, "error.description": "no such client or leafnode id"})
}
