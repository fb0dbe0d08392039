package consumer_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
	"github.com/godwit-mq/godwit/internal/store"
)

// three is a consumer with three messages outstanding.
func three(t *testing.T, change func(*api.ConsumerConfig)) *world {
	t.Helper()
	w := newStream(t, limits)
	w.publish("a", "b", "c")
	config := explicit()
	config.AckWait = 10 * time.Second
	if change != nil {
		change(config)
	}
	w.create(config)
	w.pull("inbox", "3")
	w.consumer.Effects()
	return w
}

func TestEveryVerbIsAnswered(t *testing.T) {
	for _, test := range []struct {
		payload string
		want    []string
	}{
		{"", []string{"reply <- answer"}},
		{"+ACK", []string{"reply <- answer"}},
		{"+OK", []string{"reply <- answer"}},
		{"+WPI", []string{"reply <- answer"}},
		{"hello", []string{"reply <- answer"}},
		{"-NAK", []string{"naked 1 #1 x1", "reply <- answer"}},
		{"-NAK 1s", []string{"naked 1 #1 x1", "reply <- answer"}},
		{"+TERM", []string{"terminated 1 #1 x1", "reply <- answer"}},
		{"+TERM bad order", []string{"terminated 1 #1 x1 bad order", "reply <- answer"}},
		{"+NXT", nil},
	} {
		w := three(t, nil)
		w.ack(ackOf(1, 1, 1), test.payload, "reply")
		w.expect(test.want...)
	}
}

func TestBadDelayIsToldAndObeyedWithout(t *testing.T) {
	w := three(t, nil)
	err := w.consumer.Ack(w.now, []byte(ackOf(1, 1, 1)), "reply", []byte("-NAK soon"))
	if !errors.Is(err, consumer.ErrDelay) {
		t.Fatal(err)
	}
	w.expect("naked 1 #1 x1", "reply <- answer")
	w.pull("inbox", "1")
	w.expect("inbox <- 1 a #4 x2")
}

func TestAckTwiceAndTooEarly(t *testing.T) {
	w := three(t, nil)
	w.ack(ackOf(1, 2, 2), "", "first")
	w.ack(ackOf(1, 2, 2), "", "second")
	w.ack(ackOf(1, 4, 4), "", "third") // not delivered yet
	w.ack(ackOf(1, 2, 2), "-NAK", "fourth")
	w.ack("$JS.ACK.S.C.nonsense", "", "fifth")
	w.expect("first <- answer", "second <- answer", "fourth <- answer")
	w.expectPlace("delivered 3/3 floor 0/0 outstanding 2 redelivered 0 pending 0")
}

func TestAckNext(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "b", "c", "d", "e", "f")
	w.create(explicit())
	w.pull("inbox", "1")
	w.ack(ackOf(1, 1, 1), "+NXT", "r1")
	w.ack(ackOf(1, 2, 2), "+NXT 2", "r2")
	w.ack(ackOf(1, 3, 3), `+NXT {"batch":1}`, "r3")
	w.ack(ackOf(1, 4, 4), `+NXT {"no_wait":true`, "r4")
	w.ack(ackOf(1, 5, 5), "+NXT", "")
	w.expect(
		"inbox <- 1 a #1 x1", "r1 <- 2 b #2 x1", "r2 <- 3 c #3 x1", "r2 <- 4 d #4 x1", "r3 <- 5 e #5 x1",
		"r4 <- 400 Bad Request - unexpected end of JSON input",
	)
	w.expectPlace("delivered 5/5 floor 5/5 outstanding 0 redelivered 0 pending 1")
}

func TestFloorFollowsTheLowestOutstanding(t *testing.T) {
	w := three(t, nil)
	w.ack(ackOf(1, 2, 2), "", "")
	w.expectPlace("delivered 3/3 floor 0/0 outstanding 2 redelivered 0 pending 0")
	w.ack(ackOf(1, 1, 1), "", "")
	w.expectPlace("delivered 3/3 floor 2/2 outstanding 1 redelivered 0 pending 0")
	w.ack(ackOf(1, 3, 3), "", "")
	w.expectPlace("delivered 3/3 floor 3/3 outstanding 0 redelivered 0 pending 0")
}

// The floor counts by the first delivery of a message, whichever is acknowledged.
func TestFloorOfRedeliveredMessage(t *testing.T) {
	w := three(t, nil)
	w.ack(ackOf(1, 1, 1), "-NAK", "")
	w.pull("inbox", "1")
	w.expect("naked 1 #1 x1", "inbox <- 1 a #4 x2")
	w.ack(ackOf(2, 1, 4), "", "")
	w.expectPlace("delivered 4/3 floor 1/1 outstanding 2 redelivered 0 pending 0")
}

func TestAckAll(t *testing.T) {
	w := three(t, func(c *api.ConsumerConfig) { c.AckPolicy = api.AckAll })
	w.ack(ackOf(1, 2, 2), "", "reply")
	w.expect("reply <- answer")
	w.expectPlace("delivered 3/3 floor 2/2 outstanding 1 redelivered 0 pending 0")
}

// A message that was redelivered and is acknowledged with all before it must not keep
// later ones, whose first delivery was earlier, from being acknowledged.
func TestAckAllOfRedeliveredMessage(t *testing.T) {
	w := three(t, func(c *api.ConsumerConfig) { c.AckPolicy = api.AckAll })
	w.ack(ackOf(1, 1, 1), "-NAK", "")
	w.pull("inbox", "1")
	w.ack(ackOf(2, 1, 4), "", "")
	w.expectPlace("delivered 4/3 floor 1/1 outstanding 2 redelivered 0 pending 0")
	w.ack(ackOf(1, 3, 3), "", "")
	w.expectPlace("delivered 4/3 floor 4/3 outstanding 0 redelivered 0 pending 0")
}

// The removal of one message says nothing of those before it.
func TestAckAllAndRemoval(t *testing.T) {
	w := three(t, func(c *api.ConsumerConfig) { c.AckPolicy = api.AckAll })
	w.remove(2)
	w.expect("terminated 2 #2 x1 Unacknowledged message was deleted")
	w.expectPlace("delivered 3/3 floor 0/0 outstanding 2 redelivered 0 pending 0")
}

func TestTermOfAckAll(t *testing.T) {
	w := three(t, func(c *api.ConsumerConfig) { c.AckPolicy = api.AckAll })
	w.ack(ackOf(1, 2, 2), "+TERM no", "")
	w.expect("terminated 2 #2 x1 no")
	w.expectPlace("delivered 3/3 floor 2/2 outstanding 1 redelivered 0 pending 0")
}

func TestAckNone(t *testing.T) {
	w := three(t, func(c *api.ConsumerConfig) { c.AckPolicy, c.MaxAckPending, c.AckWait = api.AckNone, 0, 0 })
	w.expectPlace("delivered 3/3 floor 3/3 outstanding 0 redelivered 0 pending 0")
	w.ack(ackOf(1, 1, 1), "-NAK", "reply")
	w.pass(time.Hour)
	w.pull("inbox", "1")
	w.expect()
}

func TestRedeliveryAfterAckWait(t *testing.T) {
	w := three(t, nil)
	w.ack(ackOf(1, 2, 2), "", "")
	w.pull("again", "5")
	w.pass(10 * time.Second)
	w.expect() // there is a millisecond more
	w.pass(time.Millisecond)
	w.expect("again <- 1 a #4 x2", "again <- 3 c #5 x2")
	w.publish("d")
	w.run()
	w.expect("again <- 4 d #6 x1")
	w.expectPlace("delivered 6/4 floor 0/0 outstanding 3 redelivered 2 pending 0")
}

func TestRedeliveriesComeFirstAndAreNotLimited(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "b", "c", "d")
	config := explicit()
	config.MaxAckPending = 2
	w.create(config)
	w.pull("inbox", "2")
	w.ack(ackOf(1, 2, 2), "-NAK", "")
	w.ack(ackOf(1, 1, 1), "-NAK", "")
	w.consumer.Effects()
	w.pull("inbox", "3")
	w.expect("inbox <- 2 b #3 x2", "inbox <- 1 a #4 x2")
	w.ack(ackOf(2, 1, 4), "", "")
	w.expect("inbox <- 3 c #5 x1")
}

func TestNakWithDelay(t *testing.T) {
	for _, payload := range []string{"-NAK 3s", `-NAK {"delay":3000000000}`} {
		w := three(t, nil)
		w.ack(ackOf(1, 1, 1), payload, "")
		w.consumer.Effects()
		w.pull("inbox", "1")
		w.pass(2999 * time.Millisecond)
		w.expect()
		w.pass(time.Millisecond)
		w.expect("inbox <- 1 a #4 x2")
	}
}

// A delay that is longer than the wait for an acknowledgement holds, also after a
// restart.
func TestLongDelaySurvivesRestart(t *testing.T) {
	w := three(t, nil)
	w.ack(ackOf(1, 1, 1), "-NAK 60s", "")
	w.ack(ackOf(1, 2, 2), "", "")
	w.ack(ackOf(1, 3, 3), "", "")
	w.consumer.Effects()
	w.restart()
	w.pull("inbox", "1")
	w.pass(59 * time.Second)
	w.expect()
	w.pass(time.Second)
	w.expect("inbox <- 1 a #4 x2")
}

func TestInProgressRestartsTheWait(t *testing.T) {
	w := three(t, nil)
	w.pull("inbox", "5")
	w.pass(6 * time.Second)
	w.ack(ackOf(1, 2, 2), "+WPI", "")
	w.pass(5 * time.Second)
	w.expect("inbox <- 1 a #4 x2", "inbox <- 3 c #5 x2")
	w.pass(6 * time.Second)
	w.expect("inbox <- 2 b #6 x2")
}

func TestBackOff(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a")
	config := explicit()
	config.BackOff = []time.Duration{time.Second, 5 * time.Second, 2 * time.Second}
	w.create(config)
	w.pull("inbox", "6")
	w.expect("inbox <- 1 a #1 x1")
	for _, wait := range []time.Duration{time.Second, 5 * time.Second, 2 * time.Second, 2 * time.Second} {
		w.pass(wait)
		w.expect()
		w.pass(time.Millisecond)
		if n := len(w.consumer.Effects()); n != 1 {
			t.Fatalf("%d effects after %v", n, wait)
		}
	}
	w.expectPlace("delivered 5/1 floor 0/0 outstanding 1 redelivered 1 pending 0")
}

func TestMaxDeliver(t *testing.T) {
	w := three(t, func(c *api.ConsumerConfig) { c.MaxDeliver = 2 })
	w.pull("inbox", "9")
	w.ack(ackOf(1, 2, 2), "", "")
	w.pass(10*time.Second + time.Millisecond)
	w.expect("inbox <- 1 a #4 x2", "inbox <- 3 c #5 x2")
	w.pass(10*time.Second + time.Millisecond)
	w.expect("max deliveries 1 x2", "max deliveries 3 x2")
	w.expectPlace("delivered 5/3 floor 5/3 outstanding 0 redelivered 2 pending 0")
	w.restart()
	w.pull("inbox", "9")
	w.pass(time.Minute)
	w.expect()
	w.expectPlace("delivered 5/3 floor 5/3 outstanding 0 redelivered 2 pending 0")
}

// What was delivered too often does not hold the floor.
func TestMaxDeliverLetsTheFloorMove(t *testing.T) {
	w := three(t, func(c *api.ConsumerConfig) { c.MaxDeliver = 1 })
	w.pass(5 * time.Second)
	w.ack(ackOf(1, 3, 3), "+WPI", "")
	w.pass(6 * time.Second)
	w.expect("max deliveries 1 x1", "max deliveries 2 x1")
	w.expectPlace("delivered 3/3 floor 2/2 outstanding 1 redelivered 0 pending 0")
}

// A refusal of the last delivery is found out when the message would be delivered.
func TestMaxDeliverOfRefusedMessage(t *testing.T) {
	w := three(t, func(c *api.ConsumerConfig) { c.MaxDeliver = 1 })
	w.ack(ackOf(1, 1, 1), "-NAK", "")
	w.expect("naked 1 #1 x1")
	w.publish("d")
	w.pull("inbox", "1")
	w.expect("max deliveries 1 x1", "inbox <- 4 d #4 x1")
}

func TestLateAckOfDueMessage(t *testing.T) {
	w := three(t, nil)
	w.pass(11 * time.Second)
	w.ack(ackOf(1, 1, 1), "", "reply")
	w.expect("reply <- answer")
	w.pull("inbox", "1")
	w.expect("inbox <- 2 b #4 x2")
}

// A late acknowledgement of what was delivered too often tells the stream, which has
// kept the message.
func TestLateAckOfExhaustedMessage(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a")
	config := explicit()
	config.MaxDeliver = 1
	w.create(config)
	w.options.Retention = api.RetentionWorkQueue
	w.make(consumer.New)
	w.pull("inbox", "1")
	w.pass(time.Minute)
	w.expect("inbox <- 1 a #1 x1", "max deliveries 1 x1")
	if !w.consumer.Needs(1, []byte("a")) {
		t.Error("the message is not needed")
	}
	w.ack(ackOf(1, 1, 1), "", "reply")
	w.expect("done 1-1", "reply <- answer")
	if w.consumer.Needs(1, []byte("a")) {
		t.Error("the message is still needed")
	}
	w.ack(ackOf(1, 1, 1), "", "reply")
	w.expect("reply <- answer")
}

func TestRetentionIsTold(t *testing.T) {
	for _, test := range []struct {
		policy api.AckPolicy
		want   []string
	}{
		{api.AckExplicit, []string{"inbox <- 1 a #1 x1", "inbox <- 2 b #2 x1", "done 2-2"}},
		{api.AckAll, []string{"inbox <- 1 a #1 x1", "inbox <- 2 b #2 x1", "done 1-1", "done 2-2"}},
		{api.AckNone, []string{"inbox <- 1 a #1 x1", "done 1-1", "inbox <- 2 b #2 x1", "done 2-2"}},
	} {
		w := newStream(t, limits)
		w.publish("a", "b")
		config := explicit()
		config.AckPolicy = test.policy
		w.create(config)
		w.options.Retention = api.RetentionInterest
		w.make(consumer.New)
		w.pull("inbox", "2")
		w.ack(ackOf(1, 2, 2), "", "")
		w.expect(test.want...)
	}
}

func TestSampling(t *testing.T) {
	for _, test := range []struct {
		frequency string
		low, high int
	}{{"", 0, 0}, {"0", 0, 0}, {"100", 1000, 1000}, {"100%", 1000, 1000}, {"30%", 200, 400}, {"1", 1, 40}} {
		w := newStream(t, limits)
		for range 1000 {
			w.publish("a")
		}
		config := explicit()
		config.SampleFrequency = test.frequency
		w.create(config)
		w.pull("inbox", "1000")
		w.consumer.Effects()
		w.now += second
		for seq := range uint64(1000) {
			w.ack(ackOf(1, seq+1, seq+1), "", "")
		}
		got := w.effects()
		if len(got) < test.low || len(got) > test.high {
			t.Errorf("%q: %d samples", test.frequency, len(got))
		}
		if test.frequency == "100%" && got[4] != "sampled 5 #5 x1 1s" {
			t.Errorf("sample %s", got[4])
		}
	}
}

func TestRemovalOfOutstandingMessage(t *testing.T) {
	w := three(t, nil)
	w.remove(2)
	w.expect("terminated 2 #2 x1 Unacknowledged message was deleted")
	w.remove(1)
	w.expect("terminated 1 #1 x1 Unacknowledged message was deleted")
	w.expectPlace("delivered 3/3 floor 2/2 outstanding 1 redelivered 0 pending 0")
}

// The owner may tell late that a message is gone, and then it is found out when it is to
// be delivered again.
func TestRemovalThatWasNotTold(t *testing.T) {
	w := three(t, nil)
	w.ack(ackOf(1, 1, 1), "-NAK", "")
	w.consumer.Effects()
	if _, err := w.stream.Remove(1); err != nil {
		t.Fatal(err)
	}
	w.pull("inbox", "1")
	w.expect("terminated 1 #1 x1 Unacknowledged message was deleted")
	w.tellRemovals()
	w.expect()
}

func TestPurge(t *testing.T) {
	w := three(t, func(c *api.ConsumerConfig) { c.MaxDeliver = 2 })
	w.publish("d", "e")
	w.pass(11 * time.Second)
	w.pull("inbox", "3")
	w.pass(11 * time.Second)
	w.expectPlace("delivered 6/3 floor 6/3 outstanding 0 redelivered 3 pending 2")
	w.consumer.Effects()
	w.purge(store.Purge{})
	w.expect()
	w.expectPlace("delivered 6/5 floor 6/5 outstanding 0 redelivered 0 pending 0")
	w.publish("f")
	w.pull("inbox", "1")
	w.expect("inbox <- 6 f #7 x1")
}

func TestPartialPurge(t *testing.T) {
	w := three(t, nil)
	w.publish("a", "b", "c")
	filter, err := store.NewFilter("b")
	w.check(err)
	w.purge(store.Purge{Filter: filter})
	w.expect()
	w.expectPlace("delivered 3/3 floor 0/0 outstanding 2 redelivered 0 pending 2")
	w.purge(store.Purge{Below: 3})
	w.expectPlace("delivered 3/3 floor 2/2 outstanding 1 redelivered 0 pending 2")
}

// What limits have removed was needed: that is told.
func TestRemovalByLimits(t *testing.T) {
	w := newStream(t, store.Limits{MaxAge: 10 * time.Second})
	w.publish("a", "b", "c")
	w.now += 5 * second
	w.publish("d")
	w.create(explicit())
	w.pull("inbox", "2")
	w.consumer.Effects()
	w.now += 6 * second
	_, err := w.stream.Tick(w.now, nil)
	w.check(err)
	w.tellRemovals()
	w.expect(
		"terminated 1 #1 x1 Unacknowledged message was deleted",
		"terminated 2 #2 x1 Unacknowledged message was deleted",
	)
	w.expectPlace("delivered 2/2 floor 2/2 outstanding 0 redelivered 0 pending 1")
	w.pull("inbox", "1")
	w.expect("inbox <- 4 d #3 x1")
}

func TestCheckFloor(t *testing.T) {
	w := three(t, nil)
	if _, err := w.stream.Compact(3); err != nil {
		t.Fatal(err)
	}
	w.removals = nil // never told
	w.check(w.consumer.CheckFloor())
	w.expect(
		"terminated 1 #1 x1 Message deleted by stream limits",
		"terminated 2 #2 x1 Message deleted by stream limits",
	)
	w.expectPlace("delivered 3/3 floor 2/2 outstanding 1 redelivered 0 pending 0")
}

// Many messages leave the ordinary course, more than once, and most are acknowledged in
// the end. Those that are left come at their time.
func TestManyDelays(t *testing.T) {
	w := newStream(t, limits)
	const n = 1000
	for range n {
		w.publish("a")
	}
	config := explicit()
	config.MaxAckPending = -1
	w.create(config)
	w.pull("inbox", strconv.Itoa(n))
	for round := range 3 {
		for seq := uint64(1); seq <= n; seq++ {
			w.ack(ackOf(1, seq, seq), fmt.Sprintf("-NAK %dms", 1000+uint64(round)+(seq*7919)%n), "")
		}
	}
	for seq := uint64(1); seq <= n; seq++ {
		if seq%2 == 0 {
			w.ack(ackOf(1, seq, seq), "-NAK", "")
		}
		if seq%100 != 0 && seq%100 != 1 {
			w.ack(ackOf(1, seq, seq), "", "")
		}
	}
	w.consumer.Effects()
	w.pull("again", "100")
	w.expect("again <- 100 a #1001 x2", "again <- 200 a #1002 x2", "again <- 300 a #1003 x2", "again <- 400 a #1004 x2",
		"again <- 500 a #1005 x2", "again <- 600 a #1006 x2", "again <- 700 a #1007 x2", "again <- 800 a #1008 x2",
		"again <- 900 a #1009 x2", "again <- 1000 a #1010 x2")
	w.pass(3 * time.Second)
	var got []uint64
	for _, e := range w.consumer.Effects() {
		got = append(got, e.Sequences.Stream)
	}
	delay := func(seq uint64) uint64 { return (seq * 7919) % n }
	want := []uint64{1, 101, 201, 301, 401, 501, 601, 701, 801, 901}
	slices.SortFunc(want, func(a, b uint64) int { return cmp.Compare(delay(a), delay(b)) })
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// Events that come late make the count wrong only up to the end of the stream.
func TestCountHealsAtTheEnd(t *testing.T) {
	w := newStream(t, limits)
	w.create(explicit())
	w.publish("a", "b", "c")
	if _, err := w.stream.Remove(2); err != nil {
		t.Fatal(err)
	}
	w.removals = nil // never told
	w.pull("inbox", "3")
	w.expect("inbox <- 1 a #1 x1", "inbox <- 3 c #2 x1")
	if n := w.consumer.Pending(); n != 0 {
		t.Fatalf("%d pending", n)
	}
}

// Ack subjects say how many messages are behind, redeliveries too.
func TestPendingInAckSubject(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "x", "a", "a")
	config := explicit()
	config.FilterSubject = "a"
	w.create(config)
	w.pull("inbox", "2")
	w.ack(ackOf(1, 1, 1), "-NAK", "")
	w.pull("inbox", "1")
	var got []uint64
	for _, e := range w.consumer.Effects() {
		if ticket, ok := consumer.ParseTicket(e.Reply); ok {
			got = append(got, ticket.Pending)
		}
	}
	if len(got) != 3 || got[0] != 2 || got[1] != 1 || got[2] != 1 {
		t.Fatal(got)
	}
}

func TestHeadersOnly(t *testing.T) {
	w := newStream(t, limits)
	w.publish("p.1")
	w.store(store.Message{Subject: []byte("p.2"), Header: []byte("NATS/1.0\r\nA: b\r\n\r\n"), Payload: []byte("x"), Time: w.now})
	config := explicit()
	config.HeadersOnly = true
	w.create(config)
	w.pull("inbox", "2")
	e := w.consumer.Effects()
	if string(e[0].Header) != "NATS/1.0\r\nNats-Msg-Size: 5\r\n\r\n" || len(e[0].Header) != 30 || len(e[0].Payload) != 0 {
		t.Errorf("%q %q", e[0].Header, e[0].Payload)
	}
	if string(e[1].Header) != "NATS/1.0\r\nA: b\r\nNats-Msg-Size: 1\r\n\r\n" || len(e[1].Payload) != 0 {
		t.Errorf("%q %q", e[1].Header, e[1].Payload)
	}
}
