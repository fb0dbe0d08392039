package trace_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/tests/kit"
)

// TestTraceOfMessageTooLarge: what has come of the headers tells where the trace
// goes, before the connection ends. The payload is not looked at, nor may the
// trace go where the connection may not publish.
//
// Go: TestMsgTraceIngressMaxPayloadError server/msgtrace_test.go:324
// Go: TestMsgTraceIngressMaxPayloadErrorDoesNotScanPayloadForTraceDest server/msgtrace_test.go:375
// Go: TestMsgTraceIngressMaxPayloadErrorRequiresPublishPermissionForTraceDest server/msgtrace_test.go:411
func TestTraceOfMessageTooLarge(t *testing.T) {
	s := run(t, `
		max_payload: 1024
		accounts {
			A { users: [
				{ user: any, password: pw }
				{ user: pub, password: pw, permissions { publish: foo } }
			] }
		}`)
	nc := s.connect("any")
	traces := kit.Subscribe(t, nc, "tr.a")
	wanted := kit.Subscribe(t, nc, "foo")
	const line = "NATS/1.0\r\n"
	asks := line + dest + ":tr.a\r\n"
	for _, c := range []struct {
		name, user    string
		header, sent  string // the header block, and what is sent of it and of the payload
		headerLength  int
		violation     string
		traced, quiet bool
	}{
		{name: "delivered", user: "any", sent: asks + "\r\n" + "AAAA...", headerLength: len(asks) + 2, traced: true},
		{name: "traced only", user: "any", sent: asks + only + ":true\r\n\r\n" + "AAAA...", headerLength: len(asks) + len(only) + 9, traced: true},
		{name: "the block is not whole", user: "any", sent: asks + "Other: abc", headerLength: 900, traced: true},
		{name: "the line is not whole", user: "any", sent: line + dest + ":tr.a", headerLength: 900},
		{name: "headers end before", user: "any", sent: line + "AA\r\n" + dest + ":tr.a\r\n", headerLength: len(line)},
		{name: "only later", user: "any", sent: line[:4], headerLength: len(asks) + 2},
		{name: "not permitted", user: "pub", sent: asks + "\r\n" + "AAAA...", headerLength: len(asks) + 2, violation: `-ERR 'Permissions Violation for Publish to "tr.a"'`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := s.dial(c.user)
			kit.Must[int](t)(fmt.Fprintf(w, "HPUB foo %d 2048\r\n%s", c.headerLength, c.sent))
			if c.violation != "" {
				w.Expect(c.violation)
			}
			w.Expect("-ERR 'Maximum Payload Violation'")
			if more := w.Ended(); more != "" {
				t.Errorf("got %q, want the end", more)
			}
			if !c.traced {
				same(t, "events", traces.Take(), nil)
				return
			}
			e := decode(t, traces.Next().Data)
			same(t, "steps", e.story(), []string{"in acc=A subj=foo error=maximum payload exceeded"})
			if e.Request.Size != 2048 || len(e.Request.Header[dest]) != 1 {
				t.Errorf("request %+v", e.Request)
			}
		})
	}
	if n := wanted.Count(); n != 0 {
		t.Errorf("%d messages delivered", n)
	}
}

// TestTraceOfRefusedPublish: the entry says why nothing follows.
//
// Go: TestMsgTraceIngressErrors server/msgtrace_test.go:463
func TestTraceOfRefusedPublish(t *testing.T) {
	s := run(t, `accounts { A { users: [ { user: a, password: pw, permissions {
		subscribe: ["tr.a", "foo"]
		publish { allow: ["foo", "bar.>", "tr.a"], deny: "bar.baz" }
	} } ] } }`)
	nc := s.connect("a")
	traces, wanted := kit.Subscribe(t, nc, "tr.a"), kit.Subscribe(t, nc, "foo")
	both(t, func(t *testing.T, _ bool, headers []string) {
		for _, c := range []struct{ subject, reply, want string }{
			{"bar.baz", "", `Permissions Violation for Publish to "bar.baz"`},
			{"_GR_.foo", "", `Permissions Violation for Publish to "_GR_.foo"`},
			{"foo", "_R_.bar", `Permissions Violation for Publish with Reply of "_R_.bar"`},
		} {
			m := message(c.subject, "hello", headers...)
			m.Reply = c.reply
			kit.OK(t, nc.PublishMsg(m))
			tells(t, traces, nc, "in acc=A subj="+c.subject+" error="+c.want)
		}
	})
	if n := wanted.Count(); n != 0 {
		t.Errorf("%d messages delivered", n)
	}
}

// TestTraceOfRefusedDelivery shows reasons of a receiver's own making.
func TestTraceOfRefusedDelivery(t *testing.T) {
	s := run(t, `accounts { A { users: [
		{ user: a, password: pw, permissions { subscribe: { allow: ["foo", "bar.>"], deny: "bar.bat" } } }
		{ user: collector, password: pw }
	] } }`)
	collector := s.connect("collector")
	traces := kit.Subscribe(t, collector, "tr.a")
	both(t, func(t *testing.T, deliver bool, headers []string) {
		deaf := s.connect("a", nats.Name("deaf"), nats.NoEcho())
		defer kit.Subscribe(t, deaf, "foo").Leave()
		kit.OK(t, deaf.PublishMsg(message("foo", "", headers...)))
		tells(t, traces, deaf, "in name=deaf acc=A subj=foo", "eg name=deaf sub=foo error=Not delivered because of no echo")

		denied := s.connect("a", nats.Name("denied"))
		defer kit.Subscribe(t, denied, "bar.>").Leave()
		kit.OK(t, denied.PublishMsg(message("bar.bat", "", headers...)))
		tells(t, traces, denied, "in name=denied acc=A subj=bar.bat",
			"eg name=denied sub=bar.> error=Not delivered because subscription denies this subject")
	})
	t.Run("enough delivered", func(t *testing.T) {
		w := s.dial("a")
		// One batch: the subscription ends behind it.
		w.Send("SUB bar.bar 1", "UNSUB 1 1", "PUB bar.bar 2", "ok", kit.HPub("bar.bar", "", "NATS/1.0\r\n"+dest+": tr.a\r\n\r\n", "no"), "PING")
		w.Expect("MSG bar.bar 1 2", "ok", "PONG")
		tells(t, traces, collector, "in acc=A subj=bar.bar",
			"eg sub=bar.bar error=Not delivered because auto-unsubscribe exceeded")
	})
}

// destinations are the ways to say where a trace goes: with the message, or with
// the account.
var destinations = []struct {
	name, account string
	header        func(string) []string
}{
	{"of the message", "", func(subject string) []string { return []string{dest, subject} }},
	{"of the account", "trace_dest: %q", func(string) []string { return []string{traceparent, sampled} }},
}

// TestTraceDestinationMustBePermitted: who may not publish there may not send a
// trace there, nor the message that asks for it.
//
// Go: TestMsgTraceIngressRequiresPublishPermissionForTraceDest server/msgtrace_test.go:701
// Go: TestMsgTraceIngressRejectsReservedTraceDest server/msgtrace_test.go:800
func TestTraceDestinationMustBePermitted(t *testing.T) {
	for _, c := range []struct {
		subject string
		users   []string // that may not
	}{
		{"tr.a", []string{"foo", "answers"}},
		{"_GR_.trace", []string{"all", "any"}},
		{"$NRG.trace", []string{"all", "any"}},
	} {
		for _, d := range destinations {
			t.Run(c.subject+" "+d.name, func(t *testing.T) {
				setting := d.account
				if setting != "" {
					setting = fmt.Sprintf(setting, c.subject)
				}
				s := run(t, `accounts { A { users: [
					{ user: any, password: pw }
					{ user: all, password: pw, permissions { publish: ">" } }
					{ user: foo, password: pw, permissions { publish: "foo" } }
					{ user: answers, password: pw, permissions { publish: "foo", allow_responses: true } }
				]
				`+setting+` } }`)
				collector := s.connect("any")
				traces, wanted := kit.Subscribe(t, collector, c.subject), kit.Subscribe(t, collector, "foo")
				for _, user := range c.users {
					for _, value := range []string{"true", "false"} {
						nc := s.connect(user)
						kit.OK(t, nc.PublishMsg(message("foo", "hello", append(d.header(c.subject), only, value)...)))
						kit.Flush(t, nc)
						want := fmt.Sprintf("permissions violation for publish to %q", c.subject)
						if err := nc.LastError(); err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) {
							t.Errorf("%s with %s %s: error %v", user, only, value, err)
						}
						nc.Close()
					}
				}
				if n, m := traces.Count(), wanted.Count(); n+m != 0 {
					t.Errorf("%d events, %d messages", n, m)
				}
				if lines := s.log.Take(fmt.Sprintf("Publish Violation - Subject %q", c.subject)); len(lines) != 2*len(c.users) {
					t.Errorf("log: %q", lines)
				}
			})
		}
	}
}

// TestTraceDestinationMustBeASubject: without a subject there is no trace; a message
// that is to be traced only goes nowhere.
func TestTraceDestinationMustBeASubject(t *testing.T) {
	s := run(t, "")
	nc := s.connect("")
	wanted := kit.Subscribe(t, nc, ">")
	for _, bad := range []string{"a b", "a\tb", "tr.*", ">", "tr..x", "tr."} {
		kit.OK(t, nc.PublishMsg(message("foo", "one", dest, bad)))
		kit.OK(t, nc.PublishMsg(message("foo", "two", dest, bad, only, "1")))
		same(t, bad, wanted.Take(nc), []string{"foo=one"})
		want := fmt.Sprintf("Destination %q is not valid, won't be able to trace events", bad)
		if lines := s.log.Take(want); len(lines) != 2 {
			t.Errorf("%q: log %q", bad, lines)
		}
	}
}

// TestDroppedMessageIsNotAcknowledged: a verbose client hears of what was published.
func TestDroppedMessageIsNotAcknowledged(t *testing.T) {
	s := run(t, "")
	w := s.dial("")
	w.Send(`CONNECT {"verbose":true,"headers":true}`)
	w.Expect("+OK")
	header := "NATS/1.0\r\n" + only + ": on\r\n"
	w.Send(kit.HPub("foo", "", header+dest+": bad.*\r\n\r\n", ""), "PING")
	w.Expect("PONG")
	w.Send(kit.HPub("foo", "", header+dest+": good\r\n\r\n", ""), "PING")
	w.Expect("+OK", "PONG")
}
