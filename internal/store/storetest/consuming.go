package storetest

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

// OpenConsumer makes a consumer store that has not begun and ends with the test.
type OpenConsumer func(t testing.TB, r store.Rules) store.Consumer

// Consuming is what a consumer store remembers of deliveries and acknowledgements.
func Consuming(t *testing.T, open OpenConsumer) {
	for _, s := range []struct {
		name string
		tell func(t *testing.T, open OpenConsumer)
	}{
		{"states of peers", consumerUpdate},
		{"deliveries without acknowledgements", deliverAckNone},
		{"deliveries and acknowledgements", deliverAndAck},
		{"redeliveries", redeliver},
		{"redelivered too often", redeliverTooOften},
		{"acknowledgement of all before", ackAll},
		{"old deliveries and acknowledgements", ackOld},
		{"start, advance, reset", consumerStart},
		{"outstanding messages", consumerPending},
		{"bad deliveries", consumerBad},
		{"closed", consumerClosed},
	} {
		t.Run(s.name, func(t *testing.T) { s.tell(t, open) })
	}
}

// A counter is a consumer with steps that fail the test.
type counter struct {
	store.Consumer
	t testing.TB
}

func newCounter(t testing.TB, open OpenConsumer, r store.Rules) *counter {
	return &counter{open(t, r), t}
}

func at(consumer, stream uint64) store.Pair { return store.Pair{Consumer: consumer, Stream: stream} }

func (c *counter) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *counter) deliver(consumer, stream, count uint64) {
	c.t.Helper()
	c.must(c.Deliver(store.Delivery{Pair: at(consumer, stream), Count: count, Time: begin + int64(consumer)}))
}

func (c *counter) expect(delivered, floor store.Pair, pending, redelivered int) {
	c.t.Helper()
	s := c.State()
	if s.Delivered != delivered || s.Floor != floor || len(s.Pending) != pending || len(s.Redelivered) != redelivered ||
		c.Delivered() != delivered || c.Floor() != floor || c.PendingLen() != pending || c.RedeliveredLen() != redelivered {
		c.t.Fatalf("state %+v, expected %v delivered, floor %v, %d pending, %d redelivered", s, delivered, floor, pending, redelivered)
	}
}

func consumerUpdate(t *testing.T, open OpenConsumer) {
	c := newCounter(t, open, store.Rules{})
	c.expect(store.Pair{}, store.Pair{}, 0, 0)
	accept := func(s store.ConsumerState) {
		t.Helper()
		c.must(c.Update(s))
		if got := c.State(); !reflect.DeepEqual(got, s) {
			t.Fatalf("state %+v, expected %+v", got, s)
		}
	}
	refuse := func(s store.ConsumerState, expected error) {
		t.Helper()
		before := c.State()
		if err := c.Update(s); !errors.Is(err, expected) {
			t.Fatalf("%+v: %v, expected %v", s, err, expected)
		}
		if got := c.State(); !reflect.DeepEqual(got, before) {
			t.Fatalf("state became %+v", got)
		}
	}
	outstanding := func(seqs ...uint64) (list []store.Outstanding) {
		for _, seq := range seqs {
			list = append(list, store.Outstanding{Pair: at(0, seq), Time: begin + int64(seq)})
		}
		return list
	}
	accept(store.ConsumerState{Delivered: at(1, 22)})
	s := store.ConsumerState{Delivered: at(100, 122), Floor: at(50, 123)}
	refuse(s, store.ErrAckFloorStream)
	s.Floor = at(200, 100)
	refuse(s, store.ErrAckFloorConsumer)
	s.Floor = at(50, 72)
	accept(s)
	for _, bad := range [][]uint64{{70}, {140}, {72}, {80, 80}, {90, 80}} {
		s.Pending = outstanding(bad...)
		refuse(s, store.ErrPendingEntry)
	}
	if err := c.Update(store.ConsumerState{Delivered: at(100, 122), Floor: at(50, 72), Pending: outstanding(70)}); err == nil ||
		err.Error() != "bad pending entry, sequence [70] out of range" {
		t.Fatalf("text of a bad entry: %v", err)
	}
	s.Pending = outstanding(75, 80, 83, 90, 111)
	accept(s)
	s.Pending, s.Redelivered = nil, []store.Redelivered{{Stream: 22, Count: 3}, {Stream: 44, Count: 8}}
	accept(s)
	s.Pending = outstanding(75, 80, 83, 90, 111)
	accept(s)
	large := store.ConsumerState{Delivered: at(10_000, 10_000), Floor: at(100, 100)}
	for seq := uint64(101); len(large.Pending) < 8192; seq++ {
		large.Pending = append(large.Pending, outstanding(seq)...)
	}
	accept(large)
	large.Pending, large.Floor = nil, at(10_000, 10_000)
	accept(large)
	refuse(s, store.ErrOldUpdate)
	refuse(store.ConsumerState{Delivered: at(1, 5), Floor: at(2, 5)}, store.ErrAckFloorConsumer)
	c.must(c.Replace(s))
	if got := c.State(); !reflect.DeepEqual(got, s) {
		t.Fatalf("after replacing: %+v", got)
	}
}

func deliverAckNone(t *testing.T, open OpenConsumer) {
	c := newCounter(t, open, store.Rules{Ack: store.AckNone})
	for _, p := range []store.Pair{at(1, 100), at(2, 110), at(5, 130)} {
		c.deliver(p.Consumer, p.Stream, 1)
		c.expect(p, p, 0, 0)
	}
	if err := c.Ack(at(1, 100)); err != store.ErrAckNone {
		t.Fatalf("acknowledgement: %v", err)
	}
	if err := c.Deliver(store.Delivery{Pair: at(5, 130), Count: 2, Time: begin}); err != store.ErrAckNone {
		t.Fatalf("redelivery: %v", err)
	}
}

func deliverAndAck(t *testing.T, open OpenConsumer) {
	c := newCounter(t, open, store.Rules{Ack: store.AckExplicit})
	pending := 0
	deliver := func(consumer, stream uint64) {
		t.Helper()
		c.deliver(consumer, stream, 1)
		pending++
		c.expect(at(consumer, stream), c.Floor(), pending, 0)
	}
	ack := func(consumer, stream uint64, floor store.Pair) {
		t.Helper()
		c.must(c.Ack(at(consumer, stream)))
		pending--
		c.expect(c.Delivered(), floor, pending, 0)
	}
	for i, stream := range []uint64{100, 110, 130, 150, 165} {
		deliver(uint64(i+1), stream)
	}
	for _, p := range []store.Pair{at(3, 101), at(1, 1)} {
		if err := c.Ack(p); err != store.ErrNotFound {
			t.Fatalf("acknowledgement of %v: %v", p, err)
		}
	}
	ack(1, 100, at(1, 109))
	ack(3, 130, at(1, 109))
	ack(2, 110, at(3, 149)) // what was acknowledged before is not known, only what is not
	ack(5, 165, at(3, 149))
	ack(4, 150, at(5, 165))
	for i, stream := range []uint64{170, 171, 172, 173, 200} {
		deliver(uint64(i+6), stream)
	}
	ack(7, 171, at(5, 165))
	ack(8, 172, at(5, 165))

	// Another store that is given the encoded state goes on in the same way.
	state := c.State()
	decoded, err := store.DecodeConsumerState(state.Append(nil))
	c.must(err)
	c = newCounter(t, open, store.Rules{Ack: store.AckExplicit})
	c.must(c.Update(decoded))
	if got := c.State(); !reflect.DeepEqual(got, state) {
		t.Fatalf("%+v, expected %+v", got, state)
	}
	ack(6, 170, at(8, 172))
	ack(9, 173, at(9, 199))
	ack(10, 200, at(10, 200))
}

func redeliver(t *testing.T, open OpenConsumer) {
	c := newCounter(t, open, store.Rules{Ack: store.AckExplicit})
	c.deliver(1, 1, 1)
	c.deliver(2, 1, 2)
	c.deliver(3, 1, 3)
	c.deliver(4, 1, 4)
	c.deliver(5, 2, 1)
	c.expect(at(5, 2), store.Pair{}, 2, 1)
	c.deliver(6, 2, 2)
	c.deliver(7, 3, 1)
	c.expect(at(7, 3), store.Pair{}, 3, 2)
	// The first delivery counts for the floor, the latest for the time.
	if o, ok := c.Pending(1); !ok || o.Consumer != 1 || o.Time != begin+4 || c.Redelivered(1) != 3 {
		t.Fatalf("%+v %v, redelivered %d", o, ok, c.Redelivered(1))
	}
	c.deliver(4, 1, 2) // late news do not lower the count
	if c.Redelivered(1) != 3 || c.Delivered() != at(7, 3) {
		t.Fatalf("redelivered %d, delivered %v", c.Redelivered(1), c.Delivered())
	}
	c.must(c.Ack(at(7, 3)))
	c.must(c.Ack(at(6, 2)))
	c.expect(at(7, 3), store.Pair{}, 1, 1)
	c.must(c.Ack(at(4, 1)))
	c.expect(at(7, 3), at(7, 3), 0, 0)

	for seq := uint64(4); seq < 8; seq++ {
		c.deliver(seq*2, seq, 1)
		c.deliver(seq*2+1, seq, 2)
	}
	c.must(c.ForgetRedelivered(6))
	c.expect(at(15, 7), at(7, 3), 4, 2)
}

func redeliverTooOften(t *testing.T, open OpenConsumer) {
	c := newCounter(t, open, store.Rules{Ack: store.AckExplicit, MaxDeliver: 1})
	c.deliver(1, 1, 1)
	c.deliver(2, 1, 2)
	c.expect(at(2, 1), store.Pair{}, 0, 1)
	// A late acknowledgement finds nothing, and ends the count all the same.
	if err := c.Ack(at(2, 1)); err != store.ErrNotFound {
		t.Fatalf("late acknowledgement: %v", err)
	}
	c.expect(at(2, 1), store.Pair{}, 0, 0)

	c.must(c.SetRules(store.Rules{Ack: store.AckExplicit, MaxDeliver: 3}))
	if c.Rules().MaxDeliver != 3 {
		t.Fatalf("rules %+v", c.Rules())
	}
	c.deliver(3, 2, 1)
	c.deliver(4, 2, 3)
	c.expect(at(4, 2), store.Pair{}, 1, 1)
	c.deliver(5, 2, 4)
	c.expect(at(5, 2), store.Pair{}, 0, 1)
}

func ackAll(t *testing.T, open OpenConsumer) {
	c := newCounter(t, open, store.Rules{Ack: store.AckAll})
	for i := uint64(1); i <= 100; i++ {
		c.deliver(i, i*10, 1)
	}
	c.deliver(101, 20, 2)
	c.must(c.Ack(at(50, 500)))
	c.expect(at(101, 1000), at(50, 500), 50, 0)
	if err := c.Ack(at(60, 601)); err != store.ErrNotFound {
		t.Fatalf("acknowledgement of what was not delivered: %v", err)
	}
	c.must(c.Ack(at(math.MaxUint64, 1000)))
	c.expect(at(101, 1000), at(101, 1000), 0, 0)
}

func ackOld(t *testing.T, open OpenConsumer) {
	c := newCounter(t, open, store.Rules{Ack: store.AckExplicit})
	c.deliver(1, 1, 1)
	c.deliver(2, 2, 1)
	c.must(c.Ack(at(1, 1)))
	c.must(c.Ack(at(1, 1)))
	c.deliver(1, 1, 1)
	c.expect(at(2, 2), at(1, 1), 1, 0)
	// A second delivery of what is done does not make it outstanding.
	c.must(c.Ack(at(2, 2)))
	c.deliver(3, 2, 1)
	c.expect(at(3, 2), at(2, 2), 0, 0)
}

func consumerStart(t *testing.T, open OpenConsumer) {
	c := newCounter(t, open, store.Rules{Ack: store.AckExplicit})
	c.must(c.Start(100))
	c.expect(at(0, 100), at(0, 100), 0, 0)
	c.must(c.Advance(50))
	c.expect(at(0, 100), at(0, 100), 0, 0)
	c.must(c.Advance(120))
	c.expect(at(0, 120), at(0, 100), 0, 0)
	c.deliver(1, 121, 1)
	c.deliver(2, 121, 2)
	c.must(c.Reset(110))
	c.expect(at(0, 110), at(0, 110), 0, 0)
	c.deliver(1, 111, 1)
	c.expect(at(1, 111), at(0, 110), 1, 0)

	c = newCounter(t, open, store.Rules{Ack: store.AckNone})
	c.must(c.Advance(120))
	c.expect(at(0, 120), at(0, 120), 0, 0)
}

func consumerPending(t *testing.T, open OpenConsumer) {
	c := newCounter(t, open, store.Rules{Ack: store.AckExplicit})
	for i := uint64(1); i <= 1000; i++ {
		c.deliver(i, i*2, 1)
	}
	for i := uint64(1000); i >= 1; i-- {
		if i%10 != 0 {
			c.must(c.Ack(at(i, i*2)))
		}
	}
	c.expect(at(1000, 2000), at(9, 19), 100, 0)
	got := ""
	c.EachPending(1941, func(o store.Outstanding) bool {
		got += fmt.Sprint(o.Stream, " ")
		return o.Stream < 1980
	})
	if got != "1960 1980 " {
		t.Fatalf("outstanding %s", got)
	}
	for seq, expected := range map[uint64]bool{0: false, 2: false, 20: true, 21: false, 2000: true, 2020: false} {
		if o, ok := c.Pending(seq); ok != expected || ok && o.Stream != seq {
			t.Errorf("%d: %+v %v", seq, o, ok)
		}
	}
}

func consumerBad(t *testing.T, open OpenConsumer) {
	c := newCounter(t, open, store.Rules{Ack: store.AckExplicit})
	for _, p := range []store.Pair{at(0, 1), at(1, 0), at(math.MaxUint64, 1), at(1, math.MaxUint64)} {
		if err := c.Deliver(store.Delivery{Pair: p, Count: 1}); err != store.ErrSequence {
			t.Errorf("delivery of %v: %v", p, err)
		}
	}
	c.expect(store.Pair{}, store.Pair{}, 0, 0)
}

func consumerClosed(t *testing.T, open OpenConsumer) {
	c := newCounter(t, open, store.Rules{Ack: store.AckExplicit})
	c.deliver(1, 1, 1)
	c.must(c.Close())
	for name, err := range map[string]error{
		"start": c.Start(1), "advance": c.Advance(1), "reset": c.Reset(1),
		"deliver": c.Deliver(store.Delivery{Pair: at(2, 2), Count: 1}), "ack": c.Ack(at(1, 1)),
		"forget": c.ForgetRedelivered(1), "update": c.Update(store.ConsumerState{}), "replace": c.Replace(store.ConsumerState{}),
		"rules": c.SetRules(store.Rules{}), "close": c.Close(),
	} {
		if err != store.ErrClosed {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.expect(store.Pair{}, store.Pair{}, 0, 0)
}
