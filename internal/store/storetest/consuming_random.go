package storetest

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/store"
)

// A consumerModel is a consumer store that is slow and obvious: maps, and loops over
// them. It knows what a real consumer asks of a store, and no errors.
type consumerModel struct {
	rules            store.Rules
	delivered, floor store.Pair
	pending          map[uint64]store.Outstanding
	again            map[uint64]uint64
}

func (m *consumerModel) deliver(d store.Delivery) {
	if d.Consumer <= m.floor.Consumer {
		return
	}
	if m.rules.Ack == store.AckNone {
		m.delivered = at(max(m.delivered.Consumer, d.Consumer), max(m.delivered.Stream, d.Stream))
		m.floor = m.delivered
		return
	}
	if old, ok := m.pending[d.Stream]; ok {
		m.pending[d.Stream] = store.Outstanding{Pair: old.Pair, Time: d.Time}
	} else if d.Stream > m.delivered.Stream {
		m.pending[d.Stream] = store.Outstanding{Pair: d.Pair, Time: d.Time}
	}
	m.delivered = at(max(m.delivered.Consumer, d.Consumer), max(m.delivered.Stream, d.Stream))
	if d.Count > 1 {
		m.again[d.Stream] = max(m.again[d.Stream], d.Count-1)
		if m.rules.MaxDeliver > 0 && d.Count > uint64(m.rules.MaxDeliver) {
			delete(m.pending, d.Stream)
		}
	}
}

func (m *consumerModel) ack(p store.Pair) error {
	delete(m.again, p.Stream)
	if p.Consumer <= m.floor.Consumer {
		return nil
	}
	o, ok := m.pending[p.Stream]
	switch {
	case !ok:
		return store.ErrNotFound
	case m.rules.Ack == store.AckAll:
		maps.DeleteFunc(m.pending, func(seq uint64, _ store.Outstanding) bool { return seq <= p.Stream })
		maps.DeleteFunc(m.again, func(seq uint64, _ uint64) bool { return seq <= p.Stream })
		m.floor = p
		return nil
	}
	delete(m.pending, p.Stream)
	if len(m.pending) == 0 {
		m.floor = m.delivered
	} else if o.Consumer == m.floor.Consumer+1 {
		lowest := m.pending[slices.Min(slices.Collect(maps.Keys(m.pending)))]
		m.floor = at(lowest.Consumer-1, lowest.Stream-1)
	}
	return nil
}

func (m *consumerModel) state() store.ConsumerState {
	s := store.ConsumerState{Delivered: m.delivered, Floor: m.floor}
	for _, seq := range slices.Sorted(maps.Keys(m.pending)) {
		s.Pending = append(s.Pending, m.pending[seq])
	}
	for _, seq := range slices.Sorted(maps.Keys(m.again)) {
		s.Redelivered = append(s.Redelivered, store.Redelivered{Stream: seq, Count: m.again[seq]})
	}
	return s
}

// ConsumingRandom plays deliveries, redeliveries and acknowledgements as a consumer
// would have them, to a store and to a model, and compares the states.
func ConsumingRandom(t *testing.T, open func(r store.Rules) store.Consumer) {
	rapid.Check(t, func(t *rapid.T) {
		rules := store.Rules{
			Ack:        rapid.SampledFrom([]store.AckPolicy{store.AckNone, store.AckAll, store.AckExplicit, store.AckExplicit}).Draw(t, "ack"),
			MaxDeliver: rapid.SampledFrom([]int64{0, -1, 2, 3}).Draw(t, "max deliver"),
		}
		c := open(rules)
		defer func() { _ = c.Close() }()
		m := &consumerModel{rules: rules, pending: map[uint64]store.Outstanding{}, again: map[uint64]uint64{}}
		deliver := func(d store.Delivery) {
			if err := c.Deliver(d); err != nil {
				t.Fatalf("deliver %+v: %v", d, err)
			}
			m.deliver(d)
		}
		drawPending := func() (store.Outstanding, bool) {
			list := m.state().Pending
			if len(list) == 0 {
				return store.Outstanding{}, false
			}
			return list[rapid.IntRange(0, len(list)-1).Draw(t, "outstanding")], true
		}
		next := func() uint64 { return m.delivered.Consumer + 1 }
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				if got, want := c.State(), m.state(); !reflect.DeepEqual(got, want) {
					t.Fatalf("state %+v, expected %+v", got, want)
				}
			},
			"deliver": func(t *rapid.T) {
				for range rapid.IntRange(1, 100).Draw(t, "n") {
					gap := rapid.SampledFrom([]uint64{1, 1, 1, 5, 1 << 33}).Draw(t, "gap")
					deliver(store.Delivery{Pair: at(next(), m.delivered.Stream+gap), Count: 1, Time: begin + int64(next())})
				}
			},
			"redeliver": func(t *rapid.T) {
				if o, ok := drawPending(); ok {
					deliver(store.Delivery{Pair: at(next(), o.Stream), Count: m.again[o.Stream] + 2, Time: begin + int64(next())})
				}
			},
			"ack": func(t *rapid.T) {
				if o, ok := drawPending(); ok {
					p := o.Pair
					if rapid.Bool().Draw(t, "of a later delivery") {
						p.Consumer = rapid.Uint64Range(p.Consumer, m.delivered.Consumer).Draw(t, "delivery")
					}
					if got, want := c.Ack(p), m.ack(p); got != want {
						t.Fatalf("ack %v: %v, expected %v", p, got, want)
					}
				}
			},
			"ack many": func(t *rapid.T) {
				if rules.Ack != store.AckExplicit {
					return
				}
				for _, o := range m.state().Pending {
					if rapid.IntRange(0, 3).Draw(t, "acked") > 0 {
						if got, want := c.Ack(o.Pair), m.ack(o.Pair); got != want {
							t.Fatalf("ack %v: %v, expected %v", o.Pair, got, want)
						}
					}
				}
			},
			"forget": func(t *rapid.T) {
				below := rapid.Uint64Range(0, m.delivered.Stream+1).Draw(t, "below")
				if err := c.ForgetRedelivered(below); err != nil {
					t.Fatal(err)
				}
				maps.DeleteFunc(m.again, func(seq uint64, _ uint64) bool { return seq < below })
			},
			"encode": func(t *rapid.T) {
				s := c.State()
				decoded, err := store.DecodeConsumerState(s.Append(nil))
				if err != nil || !reflect.DeepEqual(decoded, s) {
					t.Fatalf("%+v came back as %+v, %v", s, decoded, err)
				}
				if err := c.Replace(decoded); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}
