package consumer_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/memory"
)

// start is the time at which tests begin.
const start = int64(1_700_000_000_000_000_000)

// second is one, in nanoseconds.
const second = int64(time.Second)

// A world is a stream and one consumer of it, with a clock.
type world struct {
	t        tester
	now      int64
	stream   memory.Stream
	progress *memory.Consumer
	consumer *consumer.Consumer
	options  consumer.Options
	removals []store.Removal
	random   uint64
}

// limits is what most tests need of a stream: nothing.
var limits = store.Limits{}

func newStream(t tester, l store.Limits) *world {
	t.Helper()
	w := &world{t: t, now: start, random: 1}
	stream, err := memory.NewStream(store.Options{Limits: l, OnRemove: func(r store.Removal) {
		r.Subject = slices.Clone(r.Subject)
		w.removals = append(w.removals, r)
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.stream = stream
	return w
}

// explicit is the configuration of a pull consumer that acknowledges each message.
func explicit() *api.ConsumerConfig {
	return &api.ConsumerConfig{
		Durable: "C", Name: "C", AckPolicy: api.AckExplicit, AckWait: 30 * time.Second,
		MaxDeliver: -1, MaxWaiting: 512, MaxAckPending: 1000,
	}
}

// pushed is that of a push consumer.
func pushed() *api.ConsumerConfig {
	config := explicit()
	config.MaxWaiting = 0
	config.DeliverSubject = "deliver"
	return config
}

// create makes the consumer.
func (w *world) create(config *api.ConsumerConfig) {
	w.t.Helper()
	w.progress = memory.NewConsumer(consumer.RulesOf(config))
	w.options = consumer.Options{
		Address: consumer.Address{Stream: "S", Consumer: "C"},
		Config:  config, Stream: w.stream, Progress: w.progress, Now: w.now, Random: w.next,
	}
	w.make(consumer.New)
}

func (w *world) next() uint64 {
	w.random = w.random*6364136223846793005 + 1442695040888963407
	return w.random >> 16
}

func (w *world) make(fn func(consumer.Options) (*consumer.Consumer, error)) {
	w.t.Helper()
	w.options.Now = w.now
	c, err := fn(w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	w.consumer = c
}

// restart makes the consumer of what its store remembers.
func (w *world) restart() {
	w.t.Helper()
	w.make(consumer.Restore)
}

// publish stores messages on subjects, a subject per message.
func (w *world) publish(subjects ...string) {
	w.t.Helper()
	for _, subject := range subjects {
		w.store(store.Message{Subject: []byte(subject), Payload: []byte("hello"), Time: w.now})
	}
}

func (w *world) store(m store.Message) {
	w.t.Helper()
	if err := w.stream.Append(&m, store.Checked); err != nil {
		w.t.Fatal(err)
	}
	if w.consumer != nil {
		w.consumer.Stored(m.Sequence, m.Subject)
	}
	w.tellRemovals()
}

// tellRemovals passes on what the stream has removed.
func (w *world) tellRemovals() {
	w.t.Helper()
	for _, r := range w.removals {
		if w.consumer != nil {
			w.check(w.consumer.Removed(r))
		}
	}
	w.removals = w.removals[:0]
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(seq uint64) {
	w.t.Helper()
	_, err := w.stream.Remove(seq)
	w.check(err)
	w.tellRemovals()
}

func (w *world) purge(p store.Purge) {
	w.t.Helper()
	_, err := w.stream.Purge(p)
	w.check(err)
	w.removals = w.removals[:0]
	if w.consumer != nil {
		w.check(w.consumer.Purged())
	}
}

// pass lets time pass, in steps of what is due.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	end := w.now + int64(d)
	for n := 0; ; n++ {
		at := w.consumer.Deadline()
		if at > end {
			break
		}
		if n > 10_000 {
			w.t.Fatalf("deadline %d does not move", at-start)
		}
		w.now = max(w.now, at)
		w.check(w.consumer.Due(w.now))
		w.run()
	}
	w.now = end
}

// run delivers all that can be.
func (w *world) run() {
	w.t.Helper()
	for {
		more, err := w.consumer.Next(w.now, consumer.Room{Messages: 100, Bytes: 1 << 20})
		w.check(err)
		if !more {
			return
		}
	}
}

func (w *world) pull(reply, body string) {
	w.t.Helper()
	w.consumer.Pull(w.now, consumer.PullRequest{Reply: reply, Body: []byte(body)})
	w.run()
}

// ack acknowledges a delivery by the subject of its effect.
func (w *world) ack(subject, payload, reply string) {
	w.t.Helper()
	w.check(w.consumer.Ack(w.now, []byte(subject), reply, []byte(payload)))
	w.run()
}

// ackOf is the ack subject of a first delivery.
func ackOf(count, stream, consumerSeq uint64) string {
	return fmt.Sprintf("$JS.ACK.S.C.%d.%d.%d.1.0", count, stream, consumerSeq)
}

// effects are what happened, a line each.
func (w *world) effects() []string {
	var lines []string
	for _, e := range w.consumer.Effects() {
		lines = append(lines, line(e))
	}
	return lines
}

func line(e consumer.Effect) string {
	switch e.Kind {
	case consumer.Deliver:
		text := fmt.Sprintf("%s <- %d %s #%d x%d", e.To, e.Sequences.Stream, e.Subject, e.Sequences.Consumer, e.Count)
		if len(e.Header) > 0 {
			text += " " + flat(e.Header)
		}
		return text
	case consumer.Status:
		text := fmt.Sprintf("%s <- %s", e.To, flat(e.Header))
		if len(e.Reply) > 0 {
			text += " reply " + string(e.Reply)
		}
		return text
	case consumer.Answer:
		return e.To + " <- answer"
	case consumer.Done:
		return fmt.Sprintf("done %d-%d", e.First, e.Last)
	case consumer.Notify:
		return notice(e.Notice)
	case consumer.Inactive:
		return "inactive"
	}
	return fmt.Sprintf("effect %d", e.Kind)
}

// flat is a header block in one line.
func flat(header []byte) string {
	text := strings.TrimPrefix(string(header), "NATS/1.0")
	return strings.ReplaceAll(strings.Trim(text, " \r\n"), "\r\n", "|")
}

func notice(n *consumer.Notice) string {
	switch n.Kind {
	case consumer.Naked:
		return fmt.Sprintf("naked %d #%d x%d", n.Sequences.Stream, n.Sequences.Consumer, n.Deliveries)
	case consumer.Terminated:
		return strings.TrimSpace(fmt.Sprintf("terminated %d #%d x%d %s", n.Sequences.Stream, n.Sequences.Consumer, n.Deliveries, n.Reason))
	case consumer.MaxDeliveries:
		return fmt.Sprintf("max deliveries %d x%d", n.Sequences.Stream, n.Deliveries)
	case consumer.Sampled:
		return fmt.Sprintf("sampled %d #%d x%d %v", n.Sequences.Stream, n.Sequences.Consumer, n.Deliveries, n.AckTime)
	case consumer.Pinned:
		return "pinned " + n.Group
	case consumer.Unpinned:
		return "unpinned " + n.Group + " " + n.Reason
	case consumer.PauseChanged:
		return fmt.Sprintf("pause %v %d", n.Paused, (n.PauseUntil-start)/second)
	}
	return "notice"
}

// expect compares what happened since the last time with lines.
func (w *world) expect(lines ...string) {
	w.t.Helper()
	if got := w.effects(); !slices.Equal(got, lines) {
		w.t.Fatalf("effects:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

// expectPlace compares the numbers of the consumer: delivered and floor as
// consumer/stream, outstanding, redelivered, waiting for delivery.
func (w *world) expectPlace(want string) {
	w.t.Helper()
	i := w.consumer.Info(w.now)
	got := fmt.Sprintf("delivered %d/%d floor %d/%d outstanding %d redelivered %d pending %d",
		i.Delivered.Consumer, i.Delivered.Stream, i.AckFloor.Consumer, i.AckFloor.Stream,
		i.NumAckPending, i.NumRedelivered, i.NumPending)
	if got != want {
		w.t.Fatalf("place: %s\nwant:  %s", got, want)
	}
}

// A tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}
