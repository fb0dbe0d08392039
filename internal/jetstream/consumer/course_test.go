package consumer_test

import (
	"slices"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

// Messages that become due at one time are delivered in the order of the stream,
// whichever of them was due earlier.
func TestDueTogetherInOrder(t *testing.T) {
	w := three(t, nil)
	w.ack(ackOf(1, 1, 1), "-NAK 2s", "")
	w.ack(ackOf(1, 2, 2), "-NAK 1s", "")
	w.ack(ackOf(1, 3, 3), "", "")
	w.pull("inbox", "9")
	w.consumer.Effects()
	w.now += 5 * second
	w.check(w.consumer.Due(w.now))
	w.run()
	w.expect("inbox <- 1 a #4 x2", "inbox <- 2 b #5 x2")
}

// A message that left the queue and came back has lost its place.
func TestPlaceInTheQueueIsLost(t *testing.T) {
	w := three(t, nil)
	w.ack(ackOf(1, 1, 1), "-NAK", "")
	w.ack(ackOf(1, 2, 2), "-NAK", "")
	w.ack(ackOf(1, 1, 1), "-NAK 1s", "")
	w.pass(2 * time.Second)
	w.consumer.Effects()
	w.pull("inbox", "2")
	w.expect("inbox <- 2 b #4 x2", "inbox <- 1 a #5 x2")
}

// That a delivery did not arrive is not forgotten by what is said of the message later.
func TestUndeliveredDoesNotCountLater(t *testing.T) {
	for _, payload := range []string{"-NAK", "-NAK 1s", "+WPI"} {
		w := three(t, nil)
		w.consumer.Undelivered(w.now, 1, "inbox")
		w.ack(ackOf(1, 1, 1), payload, "")
		w.ack(ackOf(1, 2, 2), "", "")
		w.ack(ackOf(1, 3, 3), "", "")
		w.consumer.Effects()
		w.pull("inbox", "1")
		w.pass(11 * time.Second)
		if got := w.effects(); len(got) != 1 || got[0] != "inbox <- 1 a #4 x1" {
			t.Errorf("%s: %q", payload, got)
		}
	}
}

// A refusal of another delivery than one of the message is none.
func TestRefusalOfWhatWasNotDelivered(t *testing.T) {
	w := three(t, nil)
	w.ack(ackOf(1, 2, 1), "-NAK", "")
	w.ack(ackOf(1, 2, 4), "-NAK", "")
	w.pull("inbox", "1")
	w.expect()
}

func TestRemovalOfWhatDoesNotComeFirst(t *testing.T) {
	w := newStream(t, limits)
	w.publish("b", "a", "b", "a", "a")
	config := explicit()
	config.DeliverPolicy, config.FilterSubject = api.DeliverLastPerSubject, ">"
	w.create(config)
	w.remove(4)
	w.expectPlace("delivered 0/2 floor 0/2 outstanding 0 redelivered 0 pending 2")
	if w.consumer.Needs(4, []byte("a")) || !w.consumer.Needs(3, []byte("b")) || !w.consumer.Needs(6, []byte("b")) {
		t.Error("needs what does not come first, or not what does")
	}
	filter, err := store.NewFilter("b")
	w.check(err)
	w.purge(store.Purge{Filter: filter})
	w.expectPlace("delivered 0/2 floor 0/2 outstanding 0 redelivered 0 pending 1")
	if got := w.received(); !slices.Equal(got, []uint64{5}) {
		t.Fatalf("received %v", got)
	}
}

// What comes first may all be gone before it was delivered, told or not.
func TestAllThatComesFirstIsGone(t *testing.T) {
	for _, told := range []bool{true, false} {
		w := newStream(t, limits)
		w.publish("a", "b")
		config := explicit()
		config.DeliverPolicy, config.FilterSubject = api.DeliverLastPerSubject, ">"
		w.create(config)
		for seq := range uint64(2) {
			if _, err := w.stream.Remove(seq + 1); err != nil {
				t.Fatal(err)
			}
		}
		if !told {
			w.removals = nil
		}
		w.tellRemovals()
		w.publish("a")
		if got := w.received(); !slices.Equal(got, []uint64{3}) {
			t.Errorf("told %v: received %v", told, got)
		}
		if n := w.consumer.Pending(); n != 0 {
			t.Errorf("told %v: %d pending", told, n)
		}
	}
}

// With other filters, what comes first is what they select of it.
func TestUpdateOfFilterWhileSomeComeFirst(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "b", "a", "c")
	config := explicit()
	config.DeliverPolicy, config.FilterSubject = api.DeliverLastPerSubject, ">"
	w.create(config)
	config = config.Clone()
	config.FilterSubject, config.FilterSubjects = "", []string{"b", "c"}
	w.check(w.consumer.Update(w.now, config))
	w.publish("a", "c")
	w.expectPlace("delivered 0/1 floor 0/1 outstanding 0 redelivered 0 pending 3")
	if got := w.received(); !slices.Equal(got, []uint64{2, 4, 6}) {
		t.Fatalf("received %v", got)
	}
}

// The owner tells of a message that came and went before it told of its coming.
func TestRemovedBeforeStored(t *testing.T) {
	w := newStream(t, limits)
	w.create(explicit())
	w.publish("a")
	m := store.Message{Subject: []byte("a"), Time: w.now}
	w.check(w.stream.Append(&m, store.Checked))
	w.remove(2)
	if n := w.consumer.Pending(); n != 1 {
		t.Fatalf("%d pending", n)
	}
}

// A message is there even if the owner has not told of it.
func TestOverflowOfWhatWasNotTold(t *testing.T) {
	w := newStream(t, limits)
	w.create(grouped(api.PriorityOverflow))
	m := store.Message{Subject: []byte("a"), Time: w.now}
	w.check(w.stream.Append(&m, store.Checked))
	w.pull("inbox", `{"group":"A","min_pending":1}`)
	w.expect("inbox <- 1 a #1 x1")
	w.consumer.Stored(1, []byte("a"))
	if n := w.consumer.Pending(); n != 0 {
		t.Fatalf("%d pending", n)
	}
}

// What a message waited for ends with a reset.
func TestResetForgetsDelays(t *testing.T) {
	w := three(t, nil)
	w.ack(ackOf(1, 1, 1), "-NAK 5s", "")
	w.consumer.Effects()
	if _, err := w.consumer.Reset(0); err != nil {
		t.Fatal(err)
	}
	w.pull("inbox", "4")
	w.expect("inbox <- 1 a #1 x1", "inbox <- 2 b #2 x1", "inbox <- 3 c #3 x1")
	w.pass(9 * time.Second)
	w.expect()
	w.pass(2 * time.Second)
	w.expect("inbox <- 1 a #4 x2")
}

func TestResetWhileSomeComeFirst(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "b", "c", "b", "d")
	config := explicit()
	config.DeliverPolicy, config.FilterSubject = api.DeliverLastPerSubject, ">"
	w.create(config)
	w.pull("inbox", "2")
	w.ack(ackOf(1, 1, 1), "", "")
	w.consumer.Effects()
	seq, err := w.consumer.Reset(0)
	if seq != 3 || err != nil {
		t.Fatal(seq, err)
	}
	w.publish("b")
	w.expectPlace("delivered 0/2 floor 0/2 outstanding 0 redelivered 0 pending 4")
	if got := w.received(); !slices.Equal(got, []uint64{3, 4, 5, 6}) {
		t.Fatalf("received %v", got)
	}
}

// A stream whose front went while the consumer was not there takes the position with it,
// but not what was delivered.
func TestRestoreBelowTheFirstSequence(t *testing.T) {
	w := newStream(t, limits)
	config := pushed()
	config.Heartbeat = time.Second
	w.create(config)
	w.publish("a", "b", "c")
	w.consumer.Bind(w.now, true)
	w.run()
	w.ack(ackOf(1, 1, 1), "", "")
	w.consumer.Effects()
	if _, err := w.stream.Compact(1_000_000); err != nil {
		t.Fatal(err)
	}
	w.removals = nil
	w.restart()
	w.consumer.Bind(w.now, true)
	w.expect()
	w.expectPlace("delivered 3/3 floor 3/3 outstanding 0 redelivered 0 pending 0")
	w.pass(time.Second)
	w.expect("deliver <- 100 Idle Heartbeat|Nats-Last-Consumer: 3|Nats-Last-Stream: 999999")
	w.publish("d")
	w.run()
	w.expect("deliver <- 1000000 d #4 x1")
}

// Messages that were delivered too often and then removed leave nothing behind.
func TestExhaustedAndRemoved(t *testing.T) {
	w := three(t, func(c *api.ConsumerConfig) { c.MaxDeliver = 2 })
	w.pass(11 * time.Second)
	w.pull("inbox", "3")
	w.pass(11 * time.Second)
	w.consumer.Effects()
	w.expectPlace("delivered 6/3 floor 6/3 outstanding 0 redelivered 3 pending 0")
	w.remove(2)
	w.expectPlace("delivered 6/3 floor 6/3 outstanding 0 redelivered 2 pending 0")
	_, err := w.stream.Compact(4)
	w.check(err)
	w.tellRemovals()
	w.expectPlace("delivered 6/3 floor 6/3 outstanding 0 redelivered 0 pending 0")
	w.expect()
}

// One acknowledgement for all ends those that were delivered too often as well.
func TestAckAllOfExhaustedMessages(t *testing.T) {
	w := three(t, func(c *api.ConsumerConfig) { c.AckPolicy, c.MaxDeliver = api.AckAll, 1 })
	w.pass(11 * time.Second)
	w.consumer.Effects()
	w.ack(ackOf(1, 2, 2), "", "reply")
	w.expect("reply <- answer")
	for seq, want := range map[uint64]bool{1: false, 2: false, 3: true} {
		if got := w.consumer.Needs(seq, []byte("a")); got != want {
			t.Errorf("needs %d: %v", seq, got)
		}
	}
}
