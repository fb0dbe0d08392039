package system_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// Whoever may ask $SYS.DEBUG.SUBSCRIBERS learns how many subscriptions of clients
// a subject, or any subject of a pattern, has in the asking account.
func TestCountingSubscribers(t *testing.T) {
	s := godwittest.RunConfig(t, `
		system_account: SYS
		accounts {
			SYS {
				users: [ {user: sys, password: p} ]
				exports: [ {service: "$SYS.DEBUG.SUBSCRIBERS"} ]
			}
			A {
				users: [ {user: a, password: p} ]
				imports: [ {service: {account: SYS, subject: "$SYS.DEBUG.SUBSCRIBERS"}} ]
			}
			B { users: [ {user: b, password: p} ] }
		}`)
	for user, conns := range map[string]int{"a": 3, "b": 1} {
		for i := range conns {
			nc := connect(t, s, user)
			for _, subject := range []string{"foo.bar", "foo.*", fmt.Sprintf("foo.n.%d", i)} {
				if _, err := nc.Subscribe(subject, func(*nats.Msg) {}); err != nil {
					t.Fatal(err)
				}
			}
			for _, queue := range []string{"Q.1", "Q.2"} {
				if _, err := nc.QueueSubscribe("work", queue, func(*nats.Msg) {}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := nc.QueueSubscribe(fmt.Sprintf("work.%d", i), "Q.1", func(*nats.Msg) {}); err != nil {
				t.Fatal(err)
			}
			kit.Flush(t, nc)
		}
	}
	a, sys := connect(t, s, "a"), connect(t, s, "sys")
	count := func(nc *nats.Conn, question string) string {
		t.Helper()
		m, err := nc.Request("$SYS.DEBUG.SUBSCRIBERS", []byte(question), kit.Patience)
		if err != nil {
			t.Fatal(err)
		}
		return string(m.Data)
	}
	count(a, "foo") // the client subscribes to its inbox
	for question, want := range map[string]string{
		"foo": "0", "foo.bar": "6", "foo.x": "3", "foo.n.1": "1", "foo.n.9": "0",
		"foo.*": "6", "foo.n.*": "3", "foo.>": "9", "*.bar": "3", "work.*": "3", "foo.bar Q.1": "0",
		"work": "6", "work Q.1": "3", "work Q.2": "3", "work Q.3": "0", " work   Q.1 ": "3", "work\tQ.1": "3",
		"work.> Q.1": "3", "*.2 Q.1": "1", "_INBOX.>": "1", ">": "19",
	} {
		if got := count(a, question); got != want {
			t.Errorf("%q: %s, want %s", question, got, want)
		}
	}
	if got := count(sys, "foo.bar"); got != "0" {
		t.Errorf("in the system account: %s", got)
	}
	if m, err := sys.Request("$SYS.REQ.ACCOUNT.NSUBS", []byte(`{"acc": "A", "subject": "work", "queue": "US4x"}`), kit.Patience); err != nil || string(m.Data) != "3" {
		t.Errorf("NSUBS: %v, %v", m, err)
	}
	for _, bad := range []string{"", "foo..bar", "a b c", "foo.>.bar"} {
		o := decode(t, []byte(count(a, bad)))
		o.expect(t, map[string]any{"error.code": 400})
	}
}
