package broker

import (
	"encoding/json"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/link"
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
