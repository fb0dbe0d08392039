package consumer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
	"github.com/godwit-mq/godwit/internal/store"
)

func TestRequestBodies(t *testing.T) {
	for _, test := range []struct {
		body   string
		want   api.NextRequest
		formal bool
		err    string
	}{
		{"", api.NextRequest{Batch: 1}, false, ""},
		{"  ", api.NextRequest{Batch: 1}, false, ""},
		{"5", api.NextRequest{Batch: 5}, false, ""},
		{" 5 ", api.NextRequest{Batch: 5}, false, ""},
		{"0", api.NextRequest{Batch: 1}, false, ""},
		{"-3", api.NextRequest{Batch: 1}, false, ""},
		{"five", api.NextRequest{Batch: 1}, false, ""},
		{"[]", api.NextRequest{Batch: 1}, false, ""},
		{"99999999999999999999", api.NextRequest{Batch: 1}, false, ""},
		{"{}", api.NextRequest{Batch: 1}, true, ""},
		{`{"batch":7,"unknown":1}`, api.NextRequest{Batch: 7}, true, ""},
		{`{"batch":2,"expires":1000,"max_bytes":9,"no_wait":true,"idle_heartbeat":500}`,
			api.NextRequest{Batch: 2, Expires: 1000, MaxBytes: 9, NoWait: true, Heartbeat: 500}, true, ""},
		{`{"group":"A","min_pending":1,"min_ack_pending":2,"id":"x","priority":3}`,
			api.NextRequest{Batch: 1, Group: "A", MinPending: 1, MinAckPending: 2, ID: "x", Priority: 3}, true, ""},
		{`{"expires":1000,"idle_heartbeat":501}`, api.NextRequest{}, true, "heartbeat value too large"},
		{`{"idle_heartbeat":1}`, api.NextRequest{}, true, "heartbeat value too large"},
		{`{"expires":9223372036854775807,"idle_heartbeat":9223372036854775807}`, api.NextRequest{}, true, "heartbeat value too large"},
		{`{"batch":`, api.NextRequest{}, true, "unexpected end of JSON input"},
		{`{}x`, api.NextRequest{}, true, "invalid character 'x' after top-level value"},
	} {
		got, formal, err := consumer.ParseRequest([]byte(test.body))
		if formal != test.formal {
			t.Errorf("%q: formal %v", test.body, formal)
		}
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%q: error %v, want %s", test.body, err, test.err)
			}
			continue
		}
		if err != nil || got != test.want {
			t.Errorf("%q: %+v, %v", test.body, got, err)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{"batch":1,"expires":1000,"idle_heartbeat":2}`))
	f.Add([]byte("17"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, _, err := consumer.ParseRequest(body)
		if err == nil && (r.Batch < 1 || r.MaxBytes < 0 || r.Heartbeat > 0 && r.Expires/2 < r.Heartbeat) {
			t.Fatalf("%+v", r)
		}
		w := newStream(t, limits)
		w.publish("a", "b", "c")
		w.create(explicit())
		w.pull("inbox", string(body))
		w.check(w.consumer.Due(w.now + 10*second))
		for _, e := range w.consumer.Effects() {
			if e.To != "inbox" {
				t.Fatalf("effect for %q", e.To)
			}
		}
	})
}

// The bytes of a delivery to a request with a budget, and of the status at its end.
func TestBudgetOfBytes(t *testing.T) {
	w := newStream(t, limits)
	w.now = 1795455564991957138
	w.store(store.Message{Subject: []byte("p.1"), Payload: []byte("hello"), Time: w.now})
	w.create(explicit())
	w.options.Address = consumer.Address{Stream: "P", Consumer: "c1"}
	w.make(consumer.New)
	w.pull("_I.1", `{"batch":1,"expires":300000000,"max_bytes":900}`)
	e := w.consumer.Effects()
	if len(e) != 2 {
		t.Fatalf("%d effects", len(e))
	}
	if reply := string(e[0].Reply); reply != "$JS.ACK.P.c1.1.1.1.1795455564991957138.0" || e[0].To != "_I.1" ||
		string(e[0].Subject) != "p.1" || string(e[0].Payload) != "hello" || len(e[0].Header) != 0 {
		t.Errorf("delivery %s", line(e[0]))
	}
	const want = "NATS/1.0 409 Batch Completed\r\nNats-Pending-Messages: 0\r\nNats-Pending-Bytes: 852\r\n\r\n"
	if string(e[1].Header) != want || len(e[1].Header) != 83 || e[1].To != "_I.1" {
		t.Errorf("status %q", e[1].Header)
	}
}

func TestBudgetTooSmall(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "b")
	w.create(explicit())
	w.pull("small", `{"batch":3,"max_bytes":10}`)
	w.pull("large", "1")
	w.expect(
		"small <- 409 Message Size Exceeds MaxBytes|Nats-Pending-Messages: 3|Nats-Pending-Bytes: 10",
		"large <- 1 a #1 x1",
	)
	w.expectPlace("delivered 1/1 floor 0/0 outstanding 1 redelivered 0 pending 1")
}

// A budget that is used up exactly ends the request without a word.
func TestBudgetUsedUp(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "b")
	w.create(explicit())
	size := len("a") + len("hello") + len(fmt.Sprintf("$JS.ACK.S.C.1.1.1.%d.1", start))
	w.pull("inbox", fmt.Sprintf(`{"batch":5,"max_bytes":%d}`, size))
	w.expect("inbox <- 1 a #1 x1")
	if n := w.consumer.Info(w.now).NumWaiting; n != 0 {
		t.Fatalf("%d requests wait", n)
	}
	w.publish("a", "a", "a", "a", "a", "a", "a")
	w.pull("next", `{"batch":3,"no_wait":true}`)
	w.expect("next <- 2 b #2 x1", "next <- 3 a #3 x1", "next <- 4 a #4 x1")
}

func TestRequestsAreServedInTurn(t *testing.T) {
	w := newStream(t, limits)
	w.create(explicit())
	w.pull("one", "3")
	w.pull("two", "1")
	w.pull("three", "2")
	w.publish("a", "b", "c", "d", "e", "f", "g")
	w.run()
	w.expect(
		"one <- 1 a #1 x1", "two <- 2 b #2 x1", "three <- 3 c #3 x1",
		"one <- 4 d #4 x1", "three <- 5 e #5 x1", "one <- 6 f #6 x1",
	)
	w.expectPlace("delivered 6/6 floor 0/0 outstanding 6 redelivered 0 pending 1")
}

func TestRefusedRequests(t *testing.T) {
	bounded := explicit()
	bounded.MaxRequestBatch, bounded.MaxRequestExpires, bounded.MaxRequestBytes = 5, 1500*time.Millisecond, 100
	overflow := explicit()
	overflow.PriorityPolicy, overflow.PriorityGroups = api.PriorityOverflow, []string{"A"}
	for _, test := range []struct {
		config *api.ConsumerConfig
		body   string
		want   string
	}{
		{pushed(), "1", "409 Consumer is push based"},
		{explicit(), "{", "400 Bad Request - unexpected end of JSON input"},
		{explicit(), `{"expires":1,"idle_heartbeat":1}`, "400 Bad Request - heartbeat value too large"},
		{bounded, `6`, "409 Exceeded MaxRequestBatch of 5"},
		{bounded, `{"expires":1500000001}`, "409 Exceeded MaxRequestExpires of 1.5s"},
		{bounded, `{"max_bytes":101}`, "409 Exceeded MaxRequestMaxBytes of 100"},
		{bounded, `{"batch":6,"expires":1500000001,"max_bytes":101}`, "409 Exceeded MaxRequestBatch of 5"},
		{explicit(), `{"min_pending":1}`, "400 Bad Request - Not a Overflow Priority consumer"},
		{explicit(), `{"min_ack_pending":1}`, "400 Bad Request - Not a Overflow Priority consumer"},
		{explicit(), `{"id":"x"}`, "400 Bad Request - Not a Pinned Client Priority consumer"},
		{explicit(), `{"priority":10}`, "400 Bad Request - Priority must be between 0 and 9"},
		{explicit(), `{"priority":-1}`, "400 Bad Request - Priority must be between 0 and 9"},
		{overflow, `{}`, "400 Bad Request - Priority Group missing"},
		{overflow, `{"group":"B"}`, "400 Bad Request - Invalid Priority Group"},
		{explicit(), `{"no_wait":true}`, "404 No Messages"},
	} {
		w := newStream(t, limits)
		w.create(test.config)
		w.pull("inbox", test.body)
		if got := strings.Join(w.effects(), "; "); got != "inbox <- "+test.want {
			t.Errorf("%s: %s, want %s", test.body, got, test.want)
		}
		if n := w.consumer.Info(w.now).NumWaiting; n != 0 {
			t.Errorf("%s: %d requests wait", test.body, n)
		}
	}
}

func TestRefuseLevel(t *testing.T) {
	w := newStream(t, limits)
	w.create(explicit())
	w.consumer.RefuseLevel("inbox")
	w.expect("inbox <- 412 Required Api Level")
}

func TestNoWait(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "b")
	w.create(explicit())

	w.pull("inbox", `{"batch":5,"no_wait":true}`)
	w.expect("inbox <- 1 a #1 x1", "inbox <- 2 b #2 x1", "inbox <- 404 No Messages")

	// With an end it waits for the first messages, and for no more.
	w.pull("inbox", `{"batch":5,"no_wait":true,"expires":1000000000}`)
	w.expect()
	w.publish("c")
	w.run()
	w.expect("inbox <- 3 c #3 x1", "inbox <- 404 No Messages")

	w.pull("inbox", `{"batch":5,"no_wait":true,"expires":1000000000}`)
	w.pass(2 * time.Second)
	w.expect("inbox <- 408 Request Timeout|Nats-Pending-Messages: 5|Nats-Pending-Bytes: 0")
}

// Messages that others have been promised are not there for a request that does not
// wait.
func TestNoWaitBehindOthers(t *testing.T) {
	w := newStream(t, limits)
	config := explicit()
	config.MaxAckPending = 1
	w.create(config)
	w.publish("a", "b", "c")
	w.pull("first", "3")
	w.expect("first <- 1 a #1 x1")
	w.pull("second", `{"batch":1,"no_wait":true}`)
	w.expect()
	w.pull("third", `{"batch":1,"no_wait":true}`)
	w.expect("third <- 408 Requests Pending")
}

// As much as may be outstanding is, which is not the end of the stream.
func TestNoWaitAtMaxAckPending(t *testing.T) {
	w := newStream(t, limits)
	config := explicit()
	config.MaxAckPending = 1
	w.create(config)
	w.publish("a", "b")
	w.pull("inbox", `{"batch":2,"no_wait":true}`)
	w.expect("inbox <- 1 a #1 x1")
	w.ack(ackOf(1, 1, 1), "", "")
	w.expect("inbox <- 2 b #2 x1")
}

func TestRequestsExpireInAnyOrder(t *testing.T) {
	w := newStream(t, limits)
	w.create(explicit())
	w.pull("long", `{"batch":2,"expires":3000000000}`)
	w.pull("short", `{"batch":1,"expires":1000000000,"max_bytes":50}`)
	w.pull("forever", "1")
	w.pass(time.Second)
	w.expect("short <- 408 Request Timeout|Nats-Pending-Messages: 1|Nats-Pending-Bytes: 50")
	w.pass(5 * time.Second)
	w.expect("long <- 408 Request Timeout|Nats-Pending-Messages: 2|Nats-Pending-Bytes: 0")
	w.publish("a")
	w.run()
	w.expect("forever <- 1 a #1 x1")
}

// Nobody is served after the end of the request, even if the end was not noticed yet.
func TestExpiredRequestIsNotServed(t *testing.T) {
	w := newStream(t, limits)
	w.create(explicit())
	w.pull("inbox", `{"expires":1000}`)
	w.now += 1000
	w.publish("a")
	w.run()
	w.expect("inbox <- 408 Request Timeout|Nats-Pending-Messages: 1|Nats-Pending-Bytes: 0")
	w.expectPlace("delivered 0/0 floor 0/0 outstanding 0 redelivered 0 pending 1")
}

func TestHeartbeatsOfRequests(t *testing.T) {
	w := newStream(t, limits)
	w.create(explicit())
	w.pull("_I.8", `{"batch":2,"expires":10000000000,"idle_heartbeat":2000000000}`)
	w.pass(2 * time.Second)
	e := w.consumer.Effects()
	const want = "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 0\r\nNats-Last-Stream: 0\r\n\r\n"
	if len(e) != 1 || string(e[0].Header) != want || len(want) != 75 || e[0].To != "_I.8" {
		t.Fatalf("%+v", e)
	}
	w.pass(time.Second)
	w.publish("a")
	w.run()
	w.expect("_I.8 <- 1 a #1 x1")
	w.pass(1900 * time.Millisecond) // since the message
	w.expect()
	w.pass(100 * time.Millisecond)
	w.expect("_I.8 <- 100 Idle Heartbeat|Nats-Last-Consumer: 1|Nats-Last-Stream: 1")
}

func TestMaxWaiting(t *testing.T) {
	w := newStream(t, limits)
	config := explicit()
	config.MaxWaiting = 2
	w.create(config)
	w.pull("one", "1")
	w.pull("two", `{"expires":1000000000}`)
	w.pull("three", "1")
	w.expect("three <- 409 Exceeded MaxWaiting")
	w.pull("patient", `{"expires":4000000000,"idle_heartbeat":1000000000}`)
	w.expect()
	// Those whose time is over make room.
	w.now += second
	w.pull("four", "1")
	w.expect("two <- 408 Request Timeout|Nats-Pending-Messages: 1|Nats-Pending-Bytes: 0")
	w.publish("a", "b")
	w.run()
	w.expect("one <- 1 a #1 x1", "four <- 2 b #2 x1")
}

func TestRequesterGone(t *testing.T) {
	w := newStream(t, limits)
	w.create(explicit())
	w.pull("one", "2")
	w.pull("two", "1")
	w.pull("one", "1")
	w.consumer.Pull(w.now, consumer.PullRequest{Reply: "mapped", Body: []byte(`{"batch":4,"max_bytes":9}`), Imported: true})
	w.consumer.Gone(w.now, "one")
	w.expect()
	w.consumer.Gone(w.now, "mapped")
	w.expect("mapped <- 408 Interest Expired|Nats-Pending-Messages: 4|Nats-Pending-Bytes: 9")
	w.publish("a", "b")
	w.run()
	w.expect("two <- 1 a #1 x1")
}

func TestEndTellsRequesters(t *testing.T) {
	for _, test := range []struct {
		why  consumer.Ending
		want string
	}{
		{consumer.Deleted, "409 Consumer Deleted"},
		{consumer.LeaderChanged, "409 Leadership Change"},
		{consumer.Shutdown, "409 Server Shutdown|Nats-Pending-Messages: 2|Nats-Pending-Bytes: 0"},
	} {
		w := newStream(t, limits)
		w.create(explicit())
		w.pull("one", "2")
		w.pull("two", "2")
		w.consumer.End(test.why)
		w.expect("one <- "+test.want, "two <- "+test.want)
	}
}

// A delivery that found nobody does not count, and the requester gets its place back.
func TestUndelivered(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "b")
	w.create(explicit())
	w.pull("inbox", "2")
	w.pull("other", "1")
	w.expect("inbox <- 1 a #1 x1", "inbox <- 2 b #2 x1")
	w.consumer.Undelivered(w.now, 2, "inbox")
	w.run()
	w.expect("other <- 2 b #3 x1")
	w.expectPlace("delivered 3/2 floor 0/0 outstanding 2 redelivered 0 pending 0")
}

func TestRoom(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "b", "c", "d")
	w.create(explicit())
	w.consumer.Pull(w.now, consumer.PullRequest{Reply: "inbox", Body: []byte("4")})
	more, err := w.consumer.Next(w.now, consumer.Room{Messages: 2, Bytes: 1000})
	if !more || err != nil {
		t.Fatal(more, err)
	}
	w.expect("inbox <- 1 a #1 x1", "inbox <- 2 b #2 x1")
	more, err = w.consumer.Next(w.now, consumer.Room{Messages: 9, Bytes: 1})
	if !more || err != nil {
		t.Fatal(more, err)
	}
	w.expect("inbox <- 3 c #3 x1")
	if more, err = w.consumer.Next(w.now, consumer.Room{Messages: 9, Bytes: 1000}); more || err != nil {
		t.Fatal(more, err)
	}
	w.expect("inbox <- 4 d #4 x1")
}

// A failing store ends the delivery with its error.
func TestFailingStore(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a")
	w.create(explicit())
	w.consumer.Pull(w.now, consumer.PullRequest{Reply: "inbox"})
	if err := w.progress.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.consumer.Next(w.now, consumer.Room{Messages: 1, Bytes: 1}); !errors.Is(err, store.ErrClosed) {
		t.Fatal(err)
	}
	w.expect()
}
