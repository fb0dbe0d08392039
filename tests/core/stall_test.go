package core_test

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// stuck connects a client that subscribes to foo and never reads again.
func stuck(t testing.TB, s *godwit.Server) *kit.Wire {
	t.Helper()
	w := kit.Dial(t, s.Addr())
	kit.OK(t, w.Conn.(*net.TCPConn).SetReadBuffer(4<<10))
	w.Send(`CONNECT {"verbose":false}`, "SUB foo 1", "PING")
	w.Expect("PONG")
	return w
}

// flood publishes to foo until the condition holds, a batch at a time.
func flood(t testing.TB, nc *nats.Conn, done func() bool) {
	t.Helper()
	payload := make([]byte, 50_000)
	for deadline := time.Now().Add(kit.Patience); !done(); {
		if time.Now().After(deadline) {
			t.Fatal("never happened")
		}
		kit.OK(t, nc.Publish("foo", payload))
		kit.Flush(t, nc)
	}
}

// Messages for a client with a long backlog are left out where publishers are not
// to wait, and the trace says so; otherwise the publisher waits and the message is
// delivered.
//
// Go: TestNoRaceNoFastProducerStall server/norace_2_test.go:3011
func TestPublishersWaitOrMessagesAreLeftOut(t *testing.T) {
	const left = "Not delivered because fast producer not stalled and consumer is slow"
	s, reload := kit.Reloadable(t, "max_pending: 4MB, no_fast_producer_stall: true")
	slow := stuck(t, s)
	nc := kit.Connect(t, s, "")
	traces := kit.Subscribe(t, nc, "my.trace")
	producer := kit.Connect(t, s, "")
	// outcome is what the trace of a message says about the slow client.
	outcome := func() string {
		t.Helper()
		m := nats.NewMsg("foo")
		m.Header.Set("Nats-Trace-Dest", traces.Subject)
		m.Data = make([]byte, 256)
		kit.OK(t, producer.PublishMsg(m))
		kit.Flush(t, producer)
		var trace struct {
			Events []struct {
				Type  string
				CID   uint64
				Error string
			}
		}
		text := string(traces.Next().Data)
		kit.OK(t, json.Unmarshal([]byte(text), &trace))
		last := trace.Events[len(trace.Events)-1]
		if last.Type != "eg" || last.CID != slow.ID() {
			t.Fatalf("the trace is %s", text)
		}
		return last.Error
	}
	if got := outcome(); got != "" {
		t.Fatalf("an idle client: %q", got)
	}
	flood(t, producer, func() bool { return outcome() == left })
	if n := s.NumStalledClients(); n != 0 {
		t.Errorf("publishers waited %d times", n)
	}
	reload("max_pending: 4MB, no_fast_producer_stall: false")
	if got := outcome(); got != "" {
		t.Errorf("where publishers wait: %q", got)
	}
	kit.Eventually(t, "the publisher has waited", func() bool { return s.NumStalledClients() > 0 })
}

// An importing account may have a header added to requests; who gets the same
// message in the account itself sees nothing of that.
//
// Go: TestClientSetHeaderDoesNotMutateInputMsg server/client_test.go:3953
func TestHeadersAreAddedToACopy(t *testing.T) {
	s := godwittest.RunConfig(t, strings.Replace(pair("{service: foo}", importFoo), "subject: foo}", "subject: foo}, share: true", 1))
	service := kit.Subscribe(t, kit.Connect(t, s, "a"), "foo")
	b := kit.Connect(t, s, "b")
	before := kit.Subscribe(t, kit.Connect(t, s, "b"), "foo")
	after := kit.Subscribe(t, kit.Connect(t, s, "b"), "foo")
	m := nats.NewMsg("foo")
	m.Reply, m.Data = "reply", []byte("this is the body")
	m.Header.Set("Key1", "Val1")
	m.Header.Set("Nats-Request-Info", `{"old":1}`)
	kit.Subscribe(t, b, "reply")
	kit.OK(t, b.PublishMsg(m))
	kit.Flush(t, b)
	for _, sub := range []*kit.Inbox{before, after} {
		got := kit.Must[*nats.Msg](t)(sub.NextMsg(kit.Patience))
		if string(got.Data) != "this is the body" || len(got.Header) != 2 || got.Header.Get("Nats-Request-Info") != `{"old":1}` || got.Header.Get("Key1") != "Val1" {
			t.Errorf("in the account: %q, %q", got.Header, got.Data)
		}
	}
	got := kit.Must[*nats.Msg](t)(service.NextMsg(kit.Patience))
	if string(got.Data) != "this is the body" || len(got.Header) != 2 || got.Header.Get("Key1") != "Val1" || !strings.Contains(got.Header.Get("Nats-Request-Info"), `"acc":"B"`) {
		t.Errorf("the service: %q, %q", got.Header, got.Data)
	}
}
