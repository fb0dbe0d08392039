package consumer_test

import (
	"slices"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
	"github.com/godwit-mq/godwit/internal/store"
)

// received is what a consumer delivers of the stream as it is.
func (w *world) received() []uint64 {
	w.t.Helper()
	w.pull("inbox", "100")
	var list []uint64
	for _, e := range w.consumer.Effects() {
		if e.Kind == consumer.Deliver {
			list = append(list, e.Sequences.Stream)
		}
	}
	return list
}

func TestStartPosition(t *testing.T) {
	at := func(seconds int64) *time.Time {
		moment := time.Unix(0, start+seconds*second).UTC()
		return &moment
	}
	// The stream has a.1 b.1 a.2 b.1 a.1 as 3 to 7, a second apart from the second 2 on.
	for _, test := range []struct {
		name   string
		change func(*api.ConsumerConfig)
		want   []uint64
	}{
		{"all", func(c *api.ConsumerConfig) {}, []uint64{3, 4, 5, 6, 7}},
		{"all of a filter", func(c *api.ConsumerConfig) { c.FilterSubject = "b.*" }, []uint64{4, 6}},
		{"all of several filters", func(c *api.ConsumerConfig) { c.FilterSubjects = []string{"b.1", "a.2"} }, []uint64{4, 5, 6}},
		{"last", func(c *api.ConsumerConfig) { c.DeliverPolicy = api.DeliverLast }, []uint64{7}},
		{"last of a filter", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.FilterSubject = api.DeliverLast, "b.*"
		}, []uint64{6}},
		{"last of several filters", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.FilterSubjects = api.DeliverLast, []string{"a.2", "b.1"}
		}, []uint64{6}},
		{"last of none", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.FilterSubject = api.DeliverLast, "x"
		}, nil},
		{"new", func(c *api.ConsumerConfig) { c.DeliverPolicy = api.DeliverNew }, nil},
		{"start sequence", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.StartSequence = api.DeliverByStartSequence, 5
		}, []uint64{5, 6, 7}},
		{"start sequence before the first", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.StartSequence = api.DeliverByStartSequence, 1
		}, []uint64{3, 4, 5, 6, 7}},
		{"start sequence of the future", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.StartSequence = api.DeliverByStartSequence, 9
		}, nil},
		{"start time", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.StartTime = api.DeliverByStartTime, at(4)
		}, []uint64{5, 6, 7}},
		{"start time of a filter", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.StartTime, c.FilterSubject = api.DeliverByStartTime, at(4), "b.1"
		}, []uint64{6}},
		{"start time of the future", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.StartTime = api.DeliverByStartTime, at(100)
		}, nil},
		{"last per subject", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.FilterSubject = api.DeliverLastPerSubject, ">"
		}, []uint64{5, 6, 7}},
		{"last per subject of a filter", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.FilterSubject = api.DeliverLastPerSubject, "a.*"
		}, []uint64{5, 7}},
		{"last per subject of several filters", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.FilterSubjects = api.DeliverLastPerSubject, []string{"a.2", "b.1"}
		}, []uint64{5, 6}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newStream(t, limits)
			for _, subject := range []string{"x", "x", "a.1", "b.1", "a.2", "b.1", "a.1"} {
				w.publish(subject)
				w.now += second
			}
			w.purge(store.Purge{Below: 3})
			config := explicit()
			test.change(config)
			w.create(config)
			if n := w.consumer.Pending(); n != uint64(len(test.want)) {
				t.Errorf("%d pending, want %d", n, len(test.want))
			}
			before := w.consumer.Info(w.now)
			if before.Delivered.Consumer != 0 || before.AckFloor != before.Delivered {
				t.Errorf("begins at %+v, floor %+v", before.Delivered, before.AckFloor)
			}
			if got := w.received(); !slices.Equal(got, test.want) {
				t.Errorf("received %v, want %v", got, test.want)
			}
			if n := w.consumer.Pending(); n != 0 {
				t.Errorf("%d pending at the end", n)
			}
		})
	}
}

func TestStartInEmptyStream(t *testing.T) {
	for _, policy := range []api.DeliverPolicy{api.DeliverAll, api.DeliverLast, api.DeliverNew, api.DeliverLastPerSubject} {
		w := newStream(t, limits)
		config := explicit()
		config.DeliverPolicy = policy
		w.create(config)
		w.expectPlace("delivered 0/0 floor 0/0 outstanding 0 redelivered 0 pending 0")
		w.publish("a")
		if got := w.received(); !slices.Equal(got, []uint64{1}) {
			t.Errorf("%v: received %v", policy, got)
		}
	}
}

func TestStartAtSequenceOfTheFuture(t *testing.T) {
	w := newStream(t, limits)
	config := explicit()
	config.DeliverPolicy, config.StartSequence = api.DeliverByStartSequence, 3
	w.create(config)
	w.publish("a", "a")
	w.expectPlace("delivered 0/2 floor 0/2 outstanding 0 redelivered 0 pending 0")
	w.restart()
	w.publish("a")
	if got := w.received(); !slices.Equal(got, []uint64{3}) {
		t.Fatalf("received %v", got)
	}
}

// What was stored while the server was down, and after a consumer for new messages was
// made, is new.
func TestNewIsDecidedOnce(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "a")
	config := explicit()
	config.DeliverPolicy = api.DeliverNew
	w.create(config)
	w.publish("a", "a")
	w.restart()
	if got := w.received(); !slices.Equal(got, []uint64{3, 4}) {
		t.Fatalf("received %v", got)
	}
}

func TestLastOfStreamWhoseLastMessageIsGone(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "a", "a")
	w.remove(3)
	config := explicit()
	config.DeliverPolicy = api.DeliverLast
	w.create(config)
	if got := w.received(); !slices.Equal(got, []uint64{2}) {
		t.Fatalf("received %v", got)
	}
}

// The newest of each subject come first, and then everything that came later, also if it
// is on the same subjects.
func TestLastPerSubject(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "b", "a", "c", "b")
	config := explicit()
	config.DeliverPolicy, config.FilterSubject = api.DeliverLastPerSubject, ">"
	w.create(config)
	w.expectPlace("delivered 0/2 floor 0/2 outstanding 0 redelivered 0 pending 3")
	w.publish("a", "a")
	w.expectPlace("delivered 0/2 floor 0/2 outstanding 0 redelivered 0 pending 5")
	w.remove(4) // one of those that come first
	w.remove(1) // not one
	w.expectPlace("delivered 0/2 floor 0/2 outstanding 0 redelivered 0 pending 4")
	w.pull("inbox", "1")
	w.expectPlace("delivered 1/3 floor 0/2 outstanding 1 redelivered 0 pending 3")
	if got := w.received(); !slices.Equal(got, []uint64{3, 5, 6, 7}) {
		t.Fatalf("received %v", got)
	}
	w.expectPlace("delivered 4/7 floor 0/2 outstanding 4 redelivered 0 pending 0")
}

func TestLastPerSubjectAfterRestartBeforeFirstDelivery(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "b", "a", "b")
	config := explicit()
	config.DeliverPolicy, config.FilterSubject = api.DeliverLastPerSubject, ">"
	w.create(config)
	w.restart()
	w.publish("a")
	w.expectPlace("delivered 0/2 floor 0/2 outstanding 0 redelivered 0 pending 3")
	if got := w.received(); !slices.Equal(got, []uint64{3, 4, 5}) {
		t.Fatalf("received %v", got)
	}
}

// A stream that has lost its end takes the consumer back with it.
func TestRestoreWithShorterStream(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "a", "a", "a")
	w.create(explicit())
	w.pull("inbox", "4")
	w.ack(ackOf(1, 1, 1), "", "")
	if _, err := w.stream.Truncate(2); err != nil {
		t.Fatal(err)
	}
	w.removals = nil
	w.restart()
	w.expectPlace("delivered 4/2 floor 1/1 outstanding 1 redelivered 0 pending 0")
	w.publish("b")
	if got := w.received(); !slices.Equal(got, []uint64{3}) {
		t.Fatalf("received %v", got)
	}
}
