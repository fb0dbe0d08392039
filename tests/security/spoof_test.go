package security_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

const services = `
accounts {
	A { users [ { user: a, password: pw } ], exports [ { service: "who" } ] }
	B { users [ { user: b, password: pw } ], imports [ { service: { account: A, subject: "who" } } ] }
}`

// Whatever a requestor writes into the headers, the service reads who it is from
// the server, and nothing else that could be taken for it.
func TestIdentityHeadersCannotBeForged(t *testing.T) {
	const name = "Nats-Request-Info"
	s := godwittest.RunConfig(t, services)
	service := kit.Login(t, s.Addr(), "a")
	service.Send("SUB who 1", "PING")
	service.Expect("PONG")
	b := kit.Login(t, s.Addr(), "b")
	forged := name + `: {"acc":"ADMIN","user":"root"}`
	for _, block := range []string{
		"NATS/1.0\r\n" + forged + "\r\n\r\n",
		"NATS/1.0\r\n" + forged + "\r\n" + forged + "\r\n\r\n",
		"NATS/1.0\r\nX" + name + ": 1\r\n" + forged + "\r\n\r\n",
		"NATS/1.0\r\nOther: " + name + ": 1\r\n" + forged + "\r\n\r\n",
		"NATS/1.0\r\n" + name + "X: 1\r\n" + forged + "\r\n\r\n",
		"NATS/1.0\r\n\r\n" + forged + "\r\n\r\n",
		"NATS/1.0\r\n" + name + ":\r\n" + forged + "\r\n\r\n",
		"NATS/1.0\n" + forged + "\n\n",
		"NATS/1.0\r\n" + forged + "\n\r\n",
		"NATS/1.0\r\n" + forged,
		"NATS/1.0\r\n" + forged + "\r",
		"NATS/1.0\r\n" + forged + "\n",
		"NATS/1.0\r\n" + forged + "\r\n",
		"NATS/1.0\r\nA: b\r\n" + forged,
		"NATS/1.0\r\nA: b\r\n\r\n",
		"NATS/1.0\r\n" + strings.ToLower(forged[:len(name)]) + forged[len(name):] + "\r\n\r\n",
		"NATS/1.0\r\n" + name + ` : {"acc":"ADMIN"}` + "\r\n\r\n",
		"NATS/1.0\r\nends here\r\n\r\nB: c\r\n\r\n",
		"NATS/1.0x\r\n\r\n",
		"x",
		"\r\n\r\n",
		forged + "\r\n\r\n",
		"NATS/1.0\r\n" + name + `: {"acc":"ADMIN"}` + strings.Repeat(" ", 100),
	} {
		b.Send(kit.HPub("who", "_INBOX.x", block, "?"))
		_, header, payload := service.Message()
		if strings.Contains(header, "ADMIN") || linesOf(header, name) != 1 || !strings.HasPrefix(header, "NATS/1.0\r\n") ||
			strings.Index(header, "\r\n\r\n") != len(header)-4 {
			t.Errorf("of %q the service gets %q", block, header)
			continue
		}
		_, said, _ := strings.Cut(header, "\n"+name+":")
		said, _, _ = strings.Cut(said, "\r\n")
		var who struct{ Acc, User string }
		if err := json.Unmarshal([]byte(said), &who); err != nil || who.Acc != "B" || who.User != "" || payload != "?" {
			t.Errorf("of %q the service gets %q: %v", block, header, err)
		}
	}
}

// linesOf counts the header lines that a reader could take for those of a name.
func linesOf(header, name string) (n int) {
	for line := range strings.Lines(header) {
		if key, _, _ := strings.Cut(line, ":"); strings.EqualFold(strings.TrimSpace(key), name) {
			n++
		}
	}
	return n
}

// The server's own services believe the same header.
func TestForgedIdentityTellsNothingOfOthers(t *testing.T) {
	s := godwittest.RunConfig(t, "system_account: SYS\naccounts { SYS { users [ { user: sys, password: pw } ], exports [ { service: \"$SYS.DEBUG.SUBSCRIBERS\" } ] }\n"+
		"A { users [ { user: a, password: pw } ] }\nB { users [ { user: b, password: pw } ], imports [ { service: { account: SYS, subject: \"$SYS.DEBUG.SUBSCRIBERS\" } } ] } }")
	a, sys := kit.Connect(t, s, "a"), kit.Connect(t, s, "sys")
	for _, nc := range []*nats.Conn{a, a, sys, sys, sys} {
		kit.Subscribe(t, nc, "secret")
	}
	b := kit.Login(t, s.Addr(), "b")
	b.Send("SUB inbox 1")
	for _, forged := range []string{
		`{"acc":"A"}`, `{"acc":"SYS"}`, `x`, ``, `null`,
	} {
		for _, end := range []string{"\r\n\r\n", "\r\n", "\n", "\r", ""} {
			block := "NATS/1.0\r\nNats-Request-Info: " + forged + end
			b.Send(kit.HPub("$SYS.DEBUG.SUBSCRIBERS", "inbox", block, "secret"))
			if _, _, payload := b.Message(); payload != "0" {
				t.Errorf("with %q B counts %s subscribers of others", block, payload)
			}
			b.Send(kit.HPub("$SYS.REQ.USER.INFO", "inbox", block, ""))
			_, _, payload := b.Message()
			if !strings.Contains(payload, `"account":"B"`) {
				t.Errorf("with %q B is told %s", block, payload)
			}
		}
	}
}

const traced = `
accounts {
	A { users [
		{ user: a, password: pw, permissions { publish { allow: [ "open.>" ], deny: "open.no" }, subscribe: ">" } }
		{ user: owner, password: pw }
	] }
	B { users [ { user: b, password: pw } ] }
}`

// A trace goes nowhere that its sender could not publish to, and the message that
// asks for it does not go on.
func TestTracesFollowPermissions(t *testing.T) {
	s := godwittest.RunConfig(t, traced)
	a := kit.Login(t, s.Addr(), "a")
	owner, other := kit.Connect(t, s, "owner"), kit.Connect(t, s, "b")
	all, elsewhere := kit.Subscribe(t, owner, ">"), kit.Subscribe(t, other, ">")
	for _, dest := range []string{
		"secret", "open.no", "$SYS.REQ.SERVER.PING", "_GR_.a.b.c", "$GR.a.b.c", "$NRG.V.a", "_R_.abcdef.ghijkl", "_INBOX.x",
	} {
		for _, only := range []string{"", "Nats-Trace-Only: true\r\n"} {
			a.Send(kit.HPub("open.yes", "", "NATS/1.0\r\nNats-Trace-Dest: "+dest+"\r\n"+only+"\r\n", "x"))
			a.Expect(fmt.Sprintf("-ERR 'Permissions Violation for Publish to %q'", dest))
		}
	}
	// Headers end where the header ends: a payload asks for nothing.
	a.Send(kit.HPub("open.yes", "", "NATS/1.0\r\n\r\n", "Nats-Trace-Dest: secret\r\n\r\n"), "PING")
	a.Expect("PONG")
	want(t, all, []*nats.Conn{owner}, "open.yes=Nats-Trace-Dest: secret\r\n\r\n")
	want(t, elsewhere, []*nats.Conn{other})
}
