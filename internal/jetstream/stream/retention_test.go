package stream

import (
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

// A reader is a consumer that has acknowledged some messages.
type reader struct {
	filter *store.Filter
	done   map[uint64]bool
}

func newReader(t *testing.T, patterns ...string) *reader {
	f, err := store.NewFilter(patterns...)
	if err != nil {
		t.Fatal(err)
	}
	return &reader{filter: f, done: make(map[uint64]bool)}
}

func (r *reader) Selects(subject []byte) bool { return r.filter.Match(subject) }
func (r *reader) Needs(sequence uint64) bool  { return !r.done[sequence] }

func claims(list ...*reader) iter.Seq[Claim] {
	return func(yield func(Claim) bool) {
		for _, c := range list {
			if !yield(c) {
				return
			}
		}
	}
}

func TestInterestRetention(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { c.Retention = api.RetentionInterest })
	r.stream.SetInterest(subjects{"d.>"})
	all, some := newReader(t), newReader(t, "d.a")
	both := claims(all, some)
	for i := range 6 {
		r.publish([]string{"d.a", "d.b"}[i%2], "")
	}
	acknowledge := func(by *reader, first, last uint64, removed int, left ...uint64) {
		t.Helper()
		for seq := first; seq <= min(last, 6); seq++ {
			by.done[seq] = true
		}
		n, err := r.stream.Acknowledged(first, last, by, both)
		if err != nil || n != removed || !slices.Equal(r.sequences(), left) {
			t.Errorf("removed %d, %v: left %v, want %v", n, err, r.sequences(), left)
		}
	}
	acknowledge(all, 1, 1, 0, 1, 2, 3, 4, 5, 6) // the other one needs it
	acknowledge(all, 2, 2, 1, 1, 3, 4, 5, 6)
	acknowledge(some, 1, 4, 1, 3, 4, 5, 6) // 2 and 4 are none of its own
	acknowledge(all, 3, 6, 3, 5)
	acknowledge(some, 5, 1<<60, 1)

	for range 4 {
		r.publish("d.a", "")
	}
	some.done[10] = true
	if n, err := r.stream.Acknowledged(10, 10, all, both); n != 1 || err != nil {
		t.Errorf("removed %d, %v: whoever acknowledges does not need it", n, err)
	}
	some.done[7], all.done[8] = true, true
	if n, err := r.stream.Trim(both); n != 0 || err != nil {
		t.Errorf("trimmed %d, %v", n, err)
	}
	if n, err := r.stream.Trim(claims(all)); n != 1 || err != nil || !slices.Equal(r.sequences(), []uint64{7, 9}) {
		t.Errorf("without one consumer: %d, %v: left %v", n, err, r.sequences())
	}
	if n, err := r.stream.Trim(claims()); n != 2 || err != nil {
		t.Errorf("without consumers: %d, %v", n, err)
	}
	r.expect(`{"stream":"D","seq":11}`, "d.a", "")
}

func TestWorkQueueRetention(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { c.Retention = api.RetentionWorkQueue })
	r.expect(`{"stream":"D","seq":1}`, "d.a", "") // stored, though there is no consumer
	r.publish("d.b", "")
	one := newReader(t, "d.a")
	one.done[1], one.done[2] = true, true
	if n, err := r.stream.Acknowledged(1, 2, one, claims(one)); n != 1 || err != nil || !slices.Equal(r.sequences(), []uint64{2}) {
		t.Errorf("removed %d, %v: left %v", n, err, r.sequences())
	}
	if n, err := r.stream.Trim(claims()); n != 0 || err != nil {
		t.Errorf("trimmed %d, %v: work waits for somebody", n, err)
	}
	r = newRig(t, nil)
	r.publish("d.a", "")
	if n, err := r.stream.Acknowledged(1, 1, one, claims(one)); n != 0 || err != nil {
		t.Errorf("removed %d, %v from a stream with limits", n, err)
	}
}

func TestLimitsToInterest(t *testing.T) {
	r := newRig(t, nil)
	for range 3 {
		r.publish("d.a", "")
	}
	r.update(func(c *api.StreamConfig) { c.Retention = api.RetentionInterest })
	one := newReader(t)
	one.done[1], one.done[3] = true, true
	if n, err := r.stream.Trim(claims(one)); n != 2 || err != nil || !slices.Equal(r.sequences(), []uint64{2}) {
		t.Errorf("trimmed %d, %v: left %v", n, err, r.sequences())
	}
}

func TestQueueFilters(t *testing.T) {
	for _, c := range []struct {
		filters []string
		others  map[string][]string
		want    *api.Error
	}{
		{nil, nil, nil},
		{nil, map[string][]string{"a": {"d.a"}}, api.ErrConsumerWQMultipleUnfiltered},
		{[]string{""}, map[string][]string{"a": nil}, api.ErrConsumerWQMultipleUnfiltered},
		{[]string{"d.a"}, map[string][]string{"a": nil}, api.ErrConsumerWQConsumerNotUnique},
		{[]string{"d.a"}, map[string][]string{"a": {"d.b"}, "b": {"d.c", "d.*"}}, api.ErrConsumerWQConsumerNotUnique},
		{[]string{"d.a", "d.b"}, map[string][]string{"a": {"d.c"}, "b": {"d.>"}}, api.ErrConsumerWQConsumerNotUnique},
		{[]string{"d.a", "d.b.>"}, map[string][]string{"a": {"d.c"}, "b": {"d.b"}}, nil},
	} {
		if got := CheckQueueFilters(c.filters, maps.Values(c.others)); got != c.want {
			t.Errorf("%q beside %q: %v, want %v", c.filters, c.others, got, c.want)
		}
	}
}
