package broker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/link"
	"github.com/godwit-mq/godwit/internal/subject"
	"github.com/godwit-mq/godwit/internal/wire"
)

// tracedCommand is a message whose events go to "trace".
func tracedCommand(subject string, only bool) *wire.Command {
	block := wire.SetHeader(nil, nil, traceDest, []byte("trace"))
	if only {
		block = wire.SetHeader(nil, block, traceOnly, []byte("true"))
	}
	payload := append(append([]byte(nil), block...), "hello\r\n"...)
	return &wire.Command{
		Op: wire.OpHPub, Subject: []byte(subject), Header: len(block),
		Body: payload[:len(payload)-2], Payload: payload,
	}
}

// publishTraced publishes a message and returns its event.
func publishTraced(t *testing.T, p *Publisher, collector *inbox, cmd *wire.Command) (e events.Trace) {
	t.Helper()
	if s := p.StartTrace(cmd, len(cmd.Body)); s != (TraceStart{}) {
		t.Fatalf("the message is not traced: %+v", s)
	}
	p.Publish(p.Lookup(cmd), cmd, false)
	p.Flush()
	if n := len(collector.take()); n != 1 {
		t.Fatalf("%d events", n)
	}
	if err := json.Unmarshal(collector.last(t).Payload, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// ends is the owner of a destination that nobody reads from.
type ends struct{}

func (ends) OutFailed(*link.Out, error)                          {}
func (ends) OutStalled(*link.Out, int, int, time.Duration, bool) {}

// clogged is a destination whose backlog is at its bound.
func clogged(t *testing.T) *link.Out {
	near, far := net.Pipe()
	conn := link.NewConn(near, link.Config{
		Owner: ends{}, Limits: link.Limits{MaxPending: 1, WriteDeadline: time.Hour}, Portable: true,
	})
	conn.Write([]byte("+OK\r\n"))
	t.Cleanup(func() {
		conn.Close()
		far.Close()
	})
	return &conn.Out
}

// TestTracesTellWhyAMessageWasNotDelivered has a subscription that, each for
// another reason, does not get the message.
//
// Go: TestMsgTraceEgressErrors server/msgtrace_test.go:540
func TestTracesTellWhyAMessageWasNotDelivered(t *testing.T) {
	type world struct {
		account *Account
		pub     *Publisher
		sub     *Subscription
	}
	for _, c := range []struct {
		name, want string
		deliver    bool // happens to messages that are delivered only
		change     func(*testing.T, *world)
	}{
		{"no echo", "Not delivered because of no echo", false, func(_ *testing.T, w *world) {
			w.pub.self = w.sub.To
			w.sub.To.NoEcho.Store(true)
		}},
		{"not permitted", "Not delivered because subscription denies this subject", false, func(_ *testing.T, w *world) {
			w.sub.To.Filter.Store(&Filter{Denies: func(subject []byte, _ string) bool { return string(subject) == "foo.bar" }})
		}},
		{"subscription closed", "Not delivered because subscription is closed", false, func(t *testing.T, w *world) {
			// The batch that is under way holds the interest, so that the
			// subscription can only be removed behind it.
			w.pub.Lookup(tracedCommand("foo.bar", false))
			done := make(chan struct{})
			go func() {
				w.account.Unsubscribe(w.sub)
				close(done)
			}()
			for w.sub.max.Load()&gone == 0 {
				runtime.Gosched()
			}
			t.Cleanup(func() { <-done })
		}},
		{"client closed", "Not delivered because client is closed", false, func(_ *testing.T, w *world) {
			w.sub.To.Out.Finish()
		}},
		{"enough delivered", "Not delivered because auto-unsubscribe exceeded", true, func(_ *testing.T, w *world) {
			w.sub.Limit(10)
			w.sub.delivered.Store(20)
		}},
		{"slow", "Not delivered because fast producer not stalled and consumer is slow", true, func(t *testing.T, w *world) {
			w.sub.To.Out = clogged(t)
			w.pub.DropCrowded = true
		}},
	} {
		for _, only := range []bool{false, true} {
			if only && c.deliver {
				continue
			}
			t.Run(fmt.Sprintf("%s, trace only %v", c.name, only), func(t *testing.T) {
				account := accounts("A")["A"]
				collector := newInbox()
				collector.subscribe(t, account, "trace", "")
				w := &world{account: account, pub: NewPublisher(&Receiver{ID: 1}, account, anything{})}
				w.sub = &Subscription{Subject: "foo.>", SID: "1", To: &Receiver{ID: 2, Out: new(link.Out)}}
				if err := account.Subscribe(w.sub); err != nil {
					t.Fatal(err)
				}
				c.change(t, w)
				e := publishTraced(t, w.pub, collector, tracedCommand("foo.bar", only))
				if len(e.Events) != 2 {
					t.Fatalf("steps: %+v", e.Events)
				}
				if eg := e.Events[1]; eg.Type != events.TraceEgress || eg.CID != 2 || eg.Sub != "foo.>" || eg.Error != c.want {
					t.Errorf("got %+v, want %q", eg, c.want)
				}
				if n := w.sub.To.Out.Stats().Messages; n != 0 {
					t.Errorf("%d messages delivered", n)
				}
			})
		}
	}
}

// TestRefusedTraceHasItsEntryOnly: how far a message got that is refused then is of
// no interest.
func TestRefusedTraceHasItsEntryOnly(t *testing.T) {
	account := accounts("A")["A"]
	collector := newInbox()
	collector.subscribe(t, account, "trace", "")
	p := NewPublisher(&Receiver{ID: 1}, account, anything{})
	cmd := tracedCommand("foo", false)
	p.StartTrace(cmd, 4096)
	p.noteMapping([]byte("bar"))
	p.RefuseTrace("too bad")
	p.Flush()
	var e events.Trace
	if err := json.Unmarshal(collector.last(t).Payload, &e); err != nil {
		t.Fatal(err)
	}
	if len(e.Events) != 1 || e.Events[0].Type != events.TraceIngress || e.Events[0].Error != "too bad" || e.Request.Size != 4096 {
		t.Errorf("got %+v", e)
	}
}

// FuzzStartTrace looks at blocks as clients may send them: whatever they say, a
// trace goes to a subject, and the message stays whole.
func FuzzStartTrace(f *testing.F) {
	for _, block := range []string{
		"NATS/1.0\r\nNats-Trace-Dest: trace\r\n\r\n",
		"NATS/1.0\r\nNats-Trace-Dest: a b\r\nNats-Trace-Only: on\r\n\r\n",
		"NATS/1.0\r\nNats-Trace-Dest: trace\r\nNats-Trace-Origin-Account: B\r\n\r\n",
		"NATS/1.0\r\nTraceParent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nAccept-Encoding: gzip\r\n\r\n",
		"NATS/1.0\r\n: x\r\nNats-Trace-Dest:\r\nNats-Trace-Dest", "NATS/1.0\r\n", "",
	} {
		f.Add([]byte(block), []byte("payload"))
	}
	account := accounts("A")["A"]
	account.SetTrace(TraceTarget{Subject: "trace", Sampling: 50})
	collector := newInbox()
	if err := account.Subscribe(&Subscription{Subject: ">", To: &collector.Receiver}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, block, payload []byte) {
		p := NewPublisher(&Receiver{ID: 1}, account, anything{})
		whole := append(append(bytes.Clone(block), payload...), '\r', '\n')
		cmd := &wire.Command{Op: wire.OpHPub, Subject: []byte("foo"), Header: len(block), Body: whole[:len(whole)-2], Payload: whole}
		start := p.StartTrace(cmd, len(cmd.Body))
		if start.Violation != "" || p.tracing != nil && (start.Drop || start.Log != "") {
			t.Fatalf("%q: %+v", block, start)
		}
		if string(cmd.Body[cmd.Header:]) != string(payload) || string(cmd.Payload) != string(cmd.Body)+"\r\n" {
			t.Fatalf("%q: the message is %q", block, cmd.Payload)
		}
		if trace := p.tracing; trace != nil && (strings.ContainsAny(trace.dest, " \t\r\n") || !subject.IsLiteral(trace.dest)) {
			t.Fatalf("%q: the trace goes to %q", block, trace.dest)
		}
		traced := p.tracing != nil
		collector.take()
		if !start.Drop {
			p.Publish(p.Lookup(cmd), cmd, false)
		}
		p.Flush()
		want := 0
		if traced {
			want++
		}
		if !start.Drop && !(traced && isTrue(first(exactHeader(block), traceOnly)) && first(exactHeader(block), traceDest) != "") {
			want++
		}
		if got := collector.take(); len(got) != want {
			t.Fatalf("%q: %d messages, want %d: %q", block, len(got), want, got)
		}
	})
}
