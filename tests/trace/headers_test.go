package trace_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/tests/kit"
)

// TestHeadersThatAskForATrace sends blocks as they are, and looks where the event
// goes and what it says of the headers.
//
// Go: TestMsgTraceGenHeaderMap server/msgtrace_test.go:81
func TestHeadersThatAskForATrace(t *testing.T) {
	s := run(t, `accounts { A { users: [ { user: a, password: pw } ], msg_trace: "of.account" } }`)
	nc := s.connect("a")
	named, account := kit.Subscribe(t, nc, "of.message"), kit.Subscribe(t, nc, "of.account")
	w := s.dial("a")

	const version, app, wants = "NATS/1.0\r\n", "App: value\r\n", dest + ": of.message\r\n"
	parent := func(flags string) string {
		return traceparent + ": 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-" + flags + "\r\n"
	}
	value := func(flags string) []string {
		return []string{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-" + flags}
	}
	type headers = map[string][]string
	toMessage := func(more headers) headers {
		h := headers{dest: {"of.message"}}
		for name, values := range more {
			h[name] = values
		}
		return h
	}
	for _, c := range []struct {
		name, block string
		message     headers // of the event on of.message; nil: none
		account     headers // likewise, on of.account
	}{
		{name: "no version", block: wants},
		{name: "nothing asks", block: version + app + "Other: value\r\n"},
		{name: "prefix", block: version + "Some-Prefix-" + wants},
		{name: "suffix", block: version + dest + "-Some-Suffix: of.message\r\n"},
		{name: "blank before the colon", block: version + dest + " : of.message\r\n"},
		{name: "other case", block: version + "nats-trace-dest: of.message\r\n"},
		{name: "no line end", block: version + dest + ": of.message"},
		{name: "empty value", block: version + dest + ":      \r\n"},
		{name: "in a value", block: version + "App: " + wants},
		{name: "disabled", block: version + dest + ": trace disabled\r\n" + parent("01")},

		{name: "parent, prefix", block: version + "Some-Prefix-" + parent("01")},
		{name: "parent, suffix", block: version + traceparent + "-Some-Suffix: " + value("01")[0] + "\r\n"},
		{name: "parent, blank before the colon", block: version + traceparent + " : " + value("01")[0] + "\r\n"},
		{name: "parent, no line end", block: version + traceparent + ": " + value("01")[0]},
		{name: "parent, empty value", block: version + traceparent + ":     \r\n"},
		{name: "parent, a part is missing", block: version + traceparent + ": 00-4bf92f3577b34da6a3ce929d0e0e4736-01\r\n"},
		{name: "parent, flags of one digit", block: version + parent("1")},
		{name: "parent, flags of three digits", block: version + parent("001")},
		{name: "parent, flags are no number", block: version + parent("x1")},
		{name: "parent, not sampled", block: version + parent("00") + app},
		{name: "parent, not sampled, in the middle", block: version + app + parent("00") + app},
		{name: "parent, not sampled, last", block: version + app + parent("00")},
		{name: "parent, not sampled, other flags", block: version + parent("22")},

		{"first", version + wants + app, toMessage(headers{"App": {"value"}}), nil},
		{"last", version + app + wants, toMessage(headers{"App": {"value"}}), nil},
		{"two destinations", version + wants + app + dest + ": of.account\r\n",
			headers{"App": {"value"}, dest: {"of.message", "of.account"}}, nil},
		{"a line without a name", version + wants + ": bogus\r\n" + app, toMessage(headers{"App": {"value"}}), nil},
		{"a line without an end", version + wants + "App: bogus", toMessage(nil), nil},
		{"blanks around the value", version + dest + ":  \t of.message  \t\r\n", toMessage(nil), nil},
		{"with parent", version + wants + parent("01") + app, toMessage(headers{traceparent: value("01"), "App": {"value"}}), nil},
		{"behind parent", version + parent("01") + wants + app, toMessage(headers{traceparent: value("01"), "App": {"value"}}), nil},
		{"behind parent that is not sampled", version + parent("00") + wants, toMessage(headers{traceparent: value("00")}), nil},

		{"parent, first", version + parent("01") + app, nil, headers{traceparent: value("01"), "App": {"value"}}},
		{"parent, middle", version + "App: one\r\n" + parent("01") + "App: two\r\n", nil,
			headers{traceparent: value("01"), "App": {"one", "two"}}},
		{"parent, last", version + app + parent("01"), nil, headers{traceparent: value("01"), "App": {"value"}}},
		{"parent, other flags", version + parent("27"), nil, headers{traceparent: value("27")}},
		// Bits that the standard may name one day do not matter.
		{"parent, high flags", version + parent("81"), nil, headers{traceparent: value("81")}},
		{"parent, blanks around the value", version + traceparent + ":    " + value("01")[0] + "   \r\n", nil, headers{traceparent: value("01")}},
		{"parent, other case", version + "TrAcEpArEnT: " + value("01")[0] + "\r\n", nil, headers{"TrAcEpArEnT": value("01")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// A block need not have its final empty line.
			w.Send(kit.HPub("foo", "", c.block, "payload"), "PING")
			w.Expect("PONG")
			for _, of := range []struct {
				box  *kit.Inbox
				want headers
			}{{named, c.message}, {account, c.account}} {
				var got headers
				n := of.box.Count()
				for range n {
					e := decode(t, of.box.Next().Data)
					if got = e.Request.Header; e.Request.Size != len(c.block)+len("payload") {
						t.Errorf("the size is %d", e.Request.Size)
					}
				}
				if diff := cmp.Diff(of.want, got); diff != "" || n > 1 {
					t.Errorf("%d events on %s (-want +got):\n%s", n, of.box.Subject, diff)
				}
			}
		})
	}
}

// TestOriginAccountHeader: a message from a server that traces in another way is
// not traced, here or elsewhere; if it was to be traced only it goes nowhere.
func TestOriginAccountHeader(t *testing.T) {
	s := run(t, `accounts {
		A { users: [ { user: a, password: pw } ], trace_dest: "tr.a" }
		B { users: [ { user: b, password: pw } ] }
	}`)
	nc := s.connect("a")
	traces, wanted := kit.Subscribe(t, nc, "tr.a"), kit.Subscribe(t, nc, "foo.>")
	other := s.connect("b")
	foreign := []*kit.Inbox{kit.Subscribe(t, other, "tr.a"), kit.Subscribe(t, other, "foo.>")}
	for _, c := range []struct {
		name      string
		headers   []string
		delivered bool
	}{
		{"traced only", []string{dest, "tr.a", only, "true"}, false},
		{"delivered", []string{dest, "tr.a"}, true},
		{"by parent, traced only", []string{traceparent, sampled, only, "true"}, true}, // which does not count
		{"by parent, delivered", []string{traceparent, sampled}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			pub := s.connect("a")
			kit.OK(t, pub.PublishMsg(message("foo.bar", "hello", append(c.headers, "Nats-Trace-Origin-Account", "B")...)))
			if n := wanted.Count(pub); n != len(when(c.delivered, "")) {
				t.Fatalf("%d messages", n)
			}
			if c.delivered {
				h := wanted.Next().Header
				parent := ""
				if c.headers[0] == traceparent {
					parent = sampled
				}
				if h.Get(dest) != "trace disabled" || h.Get("Nats-Trace-Origin-Account") != "B" || h.Get(traceparent) != parent {
					t.Errorf("headers %q", h)
				}
			}
			if n := traces.Count() + foreign[0].Count() + foreign[1].Count(); n != 0 {
				t.Errorf("%d events or foreign messages", n)
			}
			want := `Message tracing disabled because of header "Nats-Trace-Origin-Account" with value="B"`
			if lines := s.log.Take(want); len(lines) != 1 {
				t.Errorf("log: %q", lines)
			}
		})
	}
}

// TestDestinationOfTheAccount: the header of other tracing systems leads to the
// account's destination if it samples; a destination in the message has precedence.
// A reload changes the account's.
func TestDestinationOfTheAccount(t *testing.T) {
	text := func(b string) string {
		return fmt.Sprintf(`accounts {
			A { users: [ { user: a, password: pw } ], trace_dest: "of.account" }
			B {
				users: [ { user: b, password: pw } ]
				%s
			}
		}`, b)
	}
	s := run(t, text(""))
	notSampled := sampled[:len(sampled)-1] + "0"
	t.Run("headers", func(t *testing.T) {
		nc := s.connect("a")
		boxes := []*kit.Inbox{kit.Subscribe(t, nc, "foo"), kit.Subscribe(t, nc, "of.account"), kit.Subscribe(t, nc, "of.message")}
		for _, c := range []struct {
			name    string
			headers []string
			got     [3]int // messages, events of both destinations
		}{
			{"sampled", []string{traceparent, sampled}, [3]int{1, 1, 0}},
			{"other case", []string{"TraceParent", sampled}, [3]int{1, 1, 0}},
			{"other flags", []string{traceparent, sampled[:len(sampled)-2] + "25"}, [3]int{1, 1, 0}},
			{"not sampled", []string{traceparent, notSampled}, [3]int{1, 0, 0}},
			{"sampled, only", []string{traceparent, sampled, only, "true"}, [3]int{1, 1, 0}},
			{"not sampled, only", []string{traceparent, notSampled, only, "true"}, [3]int{1, 0, 0}},
			{"both, sampled", []string{traceparent, sampled, dest, "of.message"}, [3]int{1, 0, 1}},
			{"both, not sampled", []string{traceparent, notSampled, dest, "of.message"}, [3]int{1, 0, 1}},
			{"both, sampled, only", []string{traceparent, sampled, dest, "of.message", only, "true"}, [3]int{0, 0, 1}},
			{"both, not sampled, only", []string{traceparent, notSampled, dest, "of.message", only, "true"}, [3]int{0, 0, 1}},
		} {
			kit.OK(t, nc.PublishMsg(message("foo", c.name, c.headers...)))
			var got [3]int
			for i, b := range boxes {
				got[i] = len(b.Take(nc))
			}
			if got != c.got {
				t.Errorf("%s: got %v, want %v", c.name, got, c.got)
			}
		}
	})
	t.Run("reload", func(t *testing.T) {
		nc := s.connect("b")
		traces, wanted := kit.Subscribe(t, nc, "of.account"), kit.Subscribe(t, nc, "foo")
		for i, c := range []struct {
			setting string
			events  int
		}{{"", 0}, {`trace_dest: "of.account"`, 1}, {"", 0}} {
			if i > 0 {
				s.reload(text(c.setting))
			}
			kit.OK(t, nc.PublishMsg(message("foo", "hello", traceparent, sampled)))
			m := wanted.Next()
			if n := len(traces.Take(nc)); n != c.events || m.Header.Get(dest) != "" {
				t.Errorf("step %d: %d events, headers %q", i, n, m.Header)
			}
		}
	})
}

// TestSamplingOfTheAccount: of a part of the messages nothing is seen, here or
// elsewhere, but all arrive.
func TestSamplingOfTheAccount(t *testing.T) {
	text := func(setting string) string {
		return `accounts { A { users: [ { user: a, password: pw } ], msg_trace: ` + setting + ` } }`
	}
	all := text(`{ dest: "tr.a" }`)
	s := run(t, all)
	nc := s.connect("a")
	traces, wanted := kit.Subscribe(t, nc, "tr.a"), kit.Subscribe(t, nc, "foo")
	const total = 1000
	for i, c := range []struct {
		text        string
		least, most int
	}{
		{all, total, total},
		{text(`{ dest: "tr.a", sampling: "25%" }`), 150, 350}, // more than 7 deviations
		{text(`{ dest: "tr.a", sampling: 75 }`), 650, 850},
		{all, total, total},
	} {
		if i > 0 {
			s.reload(c.text)
		}
		for range total {
			kit.OK(t, nc.PublishMsg(message("foo", "", traceparent, sampled)))
		}
		n := len(traces.Take(nc))
		if n < c.least || n > c.most {
			t.Errorf("%s: %d of %d are traced", c.text, n, total)
		}
		silent := 0
		if m := wanted.Count(); m != total {
			t.Fatalf("%d of %d arrived", m, total)
		}
		for range total {
			switch wanted.Next().Header.Get(dest) {
			case "trace disabled":
				silent++
			case "":
			default:
				t.Fatal("a destination was added")
			}
		}
		if silent != total-n {
			t.Errorf("%d of %d are traced, tracing is disabled for %d", n, total, silent)
		}
	}
}
