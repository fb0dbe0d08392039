package consumer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
	"github.com/godwit-mq/godwit/internal/store"
)

func TestPushNeedsSomebody(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a")
	w.create(pushed())
	w.run()
	w.expect()
	if w.consumer.Info(w.now).PushBound {
		t.Error("bound")
	}
	w.consumer.Bind(w.now, true)
	w.run()
	w.expect("deliver <- 1 a #1 x1")
	if !w.consumer.Info(w.now).PushBound {
		t.Error("not bound")
	}
	w.consumer.Bind(w.now, false)
	w.publish("b")
	w.pass(time.Minute)
	w.expect()
	w.consumer.Bind(w.now, true)
	w.run()
	w.expect("deliver <- 1 a #2 x2", "deliver <- 2 b #3 x1")
}

func TestPushThatFoundNobody(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a")
	w.create(pushed())
	w.consumer.Bind(w.now, true)
	w.run()
	w.expect("deliver <- 1 a #1 x1")
	w.consumer.Undelivered(w.now, 1, "deliver")
	w.run()
	w.expect()
	w.consumer.Bind(w.now, true)
	w.run()
	w.expect("deliver <- 1 a #2 x1")
	w.expectPlace("delivered 2/1 floor 0/0 outstanding 1 redelivered 0 pending 0")
}

func TestIdleHeartbeats(t *testing.T) {
	w := newStream(t, limits)
	config := pushed()
	config.Heartbeat = time.Second
	w.create(config)
	w.pass(1500 * time.Millisecond)
	w.expect() // nobody would hear it
	w.consumer.Bind(w.now, true)
	w.publish("a")
	w.run()
	w.expect("deliver <- 1 a #1 x1")
	w.pass(999 * time.Millisecond)
	w.expect()
	w.pass(time.Millisecond)
	w.expect("deliver <- 100 Idle Heartbeat|Nats-Last-Consumer: 1|Nats-Last-Stream: 1")
	w.consumer.Pause(w.now, w.now+100*second)
	w.consumer.Effects()
	w.pass(2 * time.Second)
	if n := len(w.consumer.Effects()); n != 2 {
		t.Fatalf("%d heartbeats in 2 s of a pause", n)
	}
}

// flowing is a consumer with flow control and messages of 256 KiB.
func flowing(t *testing.T, messages int) *world {
	t.Helper()
	w := newStream(t, limits)
	config := pushed()
	config.FlowControl, config.Heartbeat, config.MaxAckPending = true, 5*time.Second, -1
	w.create(config)
	for range messages {
		w.store(store.Message{Subject: []byte("a"), Payload: make([]byte, 256<<10), Time: w.now})
	}
	w.consumer.Bind(w.now, true)
	w.run()
	return w
}

// flows splits the effects: how many deliveries, and the flow control requests.
func (w *world) flows() (deliveries int, requests []string) {
	for _, e := range w.consumer.Effects() {
		switch {
		case e.Kind == consumer.Deliver:
			deliveries++
		case string(e.Header) == "NATS/1.0 100 FlowControl Request\r\n\r\n" && e.To == "deliver":
			requests = append(requests, string(e.Reply))
		}
	}
	return deliveries, requests
}

func TestFlowControl(t *testing.T) {
	w := flowing(t, 64)
	// A window of 2 MiB is 8 messages; the headers of each make the eighth exceed it.
	n, requests := w.flows()
	if n != 8 || len(requests) != 1 || !strings.HasPrefix(requests[0], "$JS.FC.S.C.") || len(requests[0]) != len("$JS.FC.S.C.")+4 {
		t.Fatalf("%d deliveries, requests %q", n, requests)
	}
	w.pass(5 * time.Second)
	w.expect("deliver <- 100 Idle Heartbeat|Nats-Last-Consumer: 8|Nats-Last-Stream: 8|Nats-Consumer-Stalled: " + requests[0])

	w.check(w.consumer.FlowAnswer(w.now, []byte("$JS.FC.S.C.none"), nil))
	w.run()
	w.expect()

	// The request was sent with the fourth or fifth message, and covers those before.
	w.check(w.consumer.FlowAnswer(w.now, []byte(requests[0]), nil))
	w.run()
	n, again := w.flows()
	if n < 8 || n > 16 || len(again) != 1 || again[0] == requests[0] {
		t.Fatalf("%d deliveries in a window of 4 MiB, requests %q", n, again)
	}
}

func TestFlowWindowGrowsToItsEnd(t *testing.T) {
	w := flowing(t, 700)
	for range 10 {
		n, requests := w.flows()
		if len(requests) == 0 {
			t.Fatalf("%d deliveries without a request", n)
		}
		w.check(w.consumer.FlowAnswer(w.now, []byte(requests[len(requests)-1]), nil))
		w.run()
	}
	n, _ := w.flows()
	if n < 60 || n > 129 {
		t.Fatalf("%d deliveries in a window of 32 MiB", n)
	}
}

func TestAcknowledgedByFlowControl(t *testing.T) {
	w := newStream(t, limits)
	config := pushed()
	config.AckPolicy, config.FlowControl, config.Heartbeat, config.AckWait = api.AckFlowControl, true, time.Second, 0
	config.MaxAckPending = 3
	w.create(config)
	w.publish("a", "b", "c", "d")
	w.consumer.Bind(w.now, true)
	w.run()
	n, requests := w.flows()
	if n != 3 || len(requests) != 1 {
		t.Fatalf("%d deliveries, requests %q", n, requests)
	}
	header := []byte("NATS/1.0\r\nNats-Last-Consumer: 2\r\nNats-Last-Stream: 2\r\n\r\n")
	w.check(w.consumer.FlowAnswer(w.now, []byte(requests[0]), header))
	w.run()
	w.expectPlace("delivered 4/4 floor 2/2 outstanding 2 redelivered 0 pending 0")
	w.expect("deliver <- 4 d #4 x1")

	// What is outstanding is asked for with the heartbeat, and not delivered again.
	w.pass(time.Second)
	if n, requests = w.flows(); n != 0 || len(requests) != 1 {
		t.Fatalf("%d deliveries, requests %q", n, requests)
	}
	w.pass(time.Hour)
	if n, requests = w.flows(); n != 0 || len(requests) != 0 {
		t.Fatalf("%d deliveries, requests %q", n, requests)
	}
}

func TestRateLimit(t *testing.T) {
	w := newStream(t, limits)
	for range 10 {
		w.store(store.Message{Subject: []byte("a"), Payload: make([]byte, 1000), Time: w.now})
	}
	config := pushed()
	config.RateLimit = 8 * 1000
	w.create(config)
	w.options.Burst = 2000
	w.make(consumer.New)
	w.consumer.Bind(w.now, true)
	w.run()
	if n, _ := w.flows(); n != 1 { // a second one would exceed the burst
		t.Fatalf("%d at once", n)
	}
	w.pass(8 * time.Second)
	if n, _ := w.flows(); n < 7 || n > 8 {
		t.Fatalf("%d in 8 s", n)
	}
}

// A message that is larger than the burst is delivered nevertheless.
func TestRateLimitAndLargeMessage(t *testing.T) {
	w := newStream(t, limits)
	for range 2 {
		w.store(store.Message{Subject: []byte("a"), Payload: make([]byte, 1000), Time: w.now})
	}
	config := pushed()
	config.RateLimit = 8 * 100
	w.create(config)
	w.options.Burst = 100
	w.make(consumer.New)
	w.consumer.Bind(w.now, true)
	w.run()
	w.pass(time.Second)
	if n, _ := w.flows(); n != 2 {
		t.Fatalf("%d delivered", n)
	}
}

func TestReplayAsItCame(t *testing.T) {
	w := newStream(t, limits)
	for _, wait := range []int64{0, 2 * second, 1000, 5 * second} {
		w.now += wait
		w.publish("a")
	}
	config := explicit()
	config.ReplayPolicy = api.ReplayOriginal
	w.now += 100 * second
	w.create(config)
	w.pull("inbox", "9")
	w.publish("a")
	w.run()
	w.expect("inbox <- 1 a #1 x1")
	w.pass(2 * time.Second)
	w.expect("inbox <- 2 a #2 x1", "inbox <- 3 a #3 x1")
	w.pass(5*time.Second - time.Nanosecond)
	w.expect()
	w.pass(time.Nanosecond)
	// The last one came after the beginning: all goes at once from there.
	w.expect("inbox <- 4 a #4 x1", "inbox <- 5 a #5 x1")
}
