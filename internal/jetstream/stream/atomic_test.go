package stream

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

func batched(c *api.StreamConfig) { c.AllowAtomic, c.AllowRollup = true, true }

// part publishes a message of an atomic batch.
func (r *rig) part(id string, number int, subject string, lines ...string) string {
	r.t.Helper()
	return r.publish(subject, fmt.Sprint(number), append([]string{"Nats-Batch-Id: " + id, fmt.Sprint("Nats-Batch-Sequence: ", number)}, lines...)...)
}

// step publishes a message of a batch and checks the answer.
func (r *rig) step(answer, id string, number int, subject string, lines ...string) {
	r.t.Helper()
	if got := r.part(id, number, subject, lines...); got != answer {
		r.t.Errorf("message %d of batch %s, %q\n got %s\nwant %s", number, id, lines, got, answer)
	}
}

const commits, ends = "Nats-Batch-Commit: 1", "Nats-Batch-Commit: eob"

func TestAtomicBatch(t *testing.T) {
	r := newRig(t, batched)
	r.step("", "b", 1, "d.a")
	r.step("", "b", 2, "d.b", "A: 1")
	if len(r.out.Answers) != 1 || r.out.Outcomes[0].Kind != Staged || r.stream.LastSequence() != 0 {
		t.Errorf("staged: %+v", r.out)
	}
	r.expect(`{"stream":"D","seq":1}`, "d.c", "")
	r.step(`{"stream":"D","seq":4,"batch":"b","count":3}`, "b", 3, "d.a", commits)
	if len(r.out.Arrived) != 3 || r.out.Outcomes[0] != (Outcome{Kind: Committed, Sequence: 4}) {
		t.Errorf("committed: %+v", r.out)
	}
	for sequence, want := range map[uint64]string{
		2: "d.a|Nats-Batch-Id: b,Nats-Batch-Sequence: 1|1",
		3: "d.b|Nats-Batch-Id: b,Nats-Batch-Sequence: 2,A: 1|2",
		4: "d.a|Nats-Batch-Id: b,Nats-Batch-Sequence: 3,Nats-Batch-Commit: 1|3",
	} {
		if got := r.load(sequence); got != want {
			t.Errorf("message %d is %q, want %q", sequence, got, want)
		}
	}
	r.step("", "b", 1, "d.a")
	r.step(`{"stream":"D","seq":5,"batch":"b","count":1}`, "b", 2, "d.z", ends)
	if got, want := r.load(5), "d.a|Nats-Batch-Id: b,Nats-Batch-Sequence: 1,Nats-Batch-Commit: 1|1"; got != want {
		t.Errorf("the last message of an ended batch: %q", got)
	}
	r.step(`{"stream":"D","seq":6,"batch":"one","count":1}`, "one", 1, "d.a", commits)
	if r.stream.Next() != r.stream.ids.next() || len(r.stream.atomic.open) != 0 {
		t.Error("a batch stays open")
	}
}

func TestAtomicBatchThatBreaks(t *testing.T) {
	budget := &Budget{Atomic: 3, Bytes: 1000}
	r := newRig(t, batched, func(o *Options) { o.Batches, o.Budget = BatchLimits{Atomic: 2, Messages: 3}, budget })
	long := string(make([]byte, 65))
	abandoned := func(want ...Abandoned) {
		t.Helper()
		if !slices.Equal(r.out.Abandoned, want) {
			t.Errorf("abandoned %v, want %v", r.out.Abandoned, want)
		}
	}
	r.expect(refused(api.ErrAtomicPublishInvalidBatchID), "d.a", "", "Nats-Batch-Id: "+long, "Nats-Batch-Sequence: 1")
	r.step(refused(api.ErrAtomicPublishIncompleteBatch), "b", 2, "d.a")
	r.step(refused(api.NewAtomicPublishTooLargeBatch(3)), "b", 4, "d.a")
	r.step(refused(api.ErrAtomicPublishIncompleteBatch), "b", 4, "d.a", ends)
	abandoned()
	r.step(refused(api.ErrAtomicPublishIncompleteBatch), "b", 1, "d.a", ends)
	abandoned(Abandoned{"b", api.BatchIncomplete})
	r.step("", "b", 1, "d.a")
	r.step(refused(api.ErrAtomicPublishIncompleteBatch), "b", 3, "d.a")
	abandoned(Abandoned{"b", api.BatchIncomplete})
	r.step("", "b", 1, "d.a")
	r.step(refused(api.ErrAtomicPublishInvalidBatchCommit), "b", 2, "d.a", "Nats-Batch-Commit: 2")
	abandoned()
	r.step("", "b", 1, "d.a")
	r.step(refused(api.ErrRequiredApiLevel), "b", 2, "d.a", "Nats-Required-Api-Level: 99")
	abandoned(Abandoned{"b", api.BatchUnsupported})
	for i := 1; i <= 3; i++ {
		r.step("", "b", i, "d.a", "Nats-Required-Api-Level: 2")
	}
	r.step(refused(api.NewAtomicPublishTooLargeBatch(3)), "b", 4, "d.a")
	abandoned(Abandoned{"b", api.BatchTooLarge})
	for i := 1; i <= 3; i++ {
		r.step("", "b", i, "d.a", "Nats-Required-Api-Level: 2")
	}
	r.step(`{"stream":"D","seq":3,"batch":"b","count":3}`, "b", 4, "d.a", ends)
	if got := r.load(1); got != "d.a|Nats-Batch-Id: b,Nats-Batch-Sequence: 1|1" {
		t.Errorf("stored %q", got)
	}

	r.step("", "b1", 1, "d.a")
	r.step("", "b2", 1, "d.a")
	r.step(refused(api.ErrAtomicPublishTooManyInflight), "b3", 1, "d.a")
	if atomic, _, bytes := budget.Open(); atomic != 2 || bytes == 0 {
		t.Errorf("budget has %d batches, %d bytes", atomic, bytes)
	}
	r.now += 9 * second
	r.step("", "b2", 2, "d.a")
	r.advance(time.Second)
	abandoned(Abandoned{"b1", api.BatchTimedOut})
	r.step(refused(api.ErrAtomicPublishIncompleteBatch), "b1", 2, "d.a", commits)
	r.now += 9 * second // nobody has looked at the clock
	r.step(refused(api.ErrAtomicPublishIncompleteBatch), "b2", 3, "d.a", commits)
	abandoned(Abandoned{"b2", api.BatchTimedOut})

	r.step("", "big", 1, "d.a")
	r.step(refused(api.ErrAtomicPublishTooManyInflight), "big", 2, "d.a", "A: "+string(make([]byte, 1000)))
	abandoned(Abandoned{"big", api.BatchTooLarge})
	r.step("", "b", 1, "d.a")
	r.update(func(c *api.StreamConfig) { c.AllowAtomic = false })
	r.step(refused(api.ErrAtomicPublishDisabled), "b", 2, "d.a")
	r.update(batched)
	r.step(refused(api.ErrAtomicPublishIncompleteBatch), "b", 2, "d.a")
	if atomic, fast, bytes := budget.Open(); atomic != 0 || fast != 0 || bytes != 0 {
		t.Errorf("budget keeps %d, %d, %d", atomic, fast, bytes)
	}
}

// Go: TestJetStreamAtomicPublishGetBatchSequence server/jetstream_batching_test.go:3524
func TestBatchNumber(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  *api.Error
	}{
		{nil, api.ErrAtomicPublishMissingSeq},
		{[]string{"Nats-Batch-Sequence: "}, api.ErrAtomicPublishMissingSeq},
		{[]string{"Nats-Batch-Sequence: abc"}, api.ErrAtomicPublishMissingSeq},
		{[]string{"Nats-Batch-Sequence: -1"}, api.ErrAtomicPublishMissingSeq},
		{[]string{"Nats-Batch-Sequence: 18446744073709551616"}, api.ErrAtomicPublishMissingSeq},
		{[]string{"Nats-Batch-Sequence: 42"}, api.ErrAtomicPublishIncompleteBatch}, // read, and not the first
		{[]string{"Nats-Batch-Sequence: 18446744073709551615"}, api.NewAtomicPublishTooLargeBatch(1000)},
	} {
		newRig(t, batched).expect(refused(c.want), "d.a", "", append(c.lines, "Nats-Batch-Id: b")...)
	}
}

// The checks of a batch see what the messages before in it will have changed, and one
// that fails refuses them all.
func TestAtomicBatchIsJudgedAsAWhole(t *testing.T) {
	id, of := "Nats-Msg-Id: ", "Nats-Expected-Last-Subject-Sequence: "
	for _, c := range []struct {
		name  string
		parts [][]string // subject, then lines
		want  string
	}{
		{"last id", [][]string{{"d.a", "Nats-Expected-Last-Msg-Id: m0"}}, refused(api.NewAtomicPublishUnsupportedHeaderBatch("Nats-Expected-Last-Msg-Id"))},
		{"stored id", [][]string{{"d.a"}, {"d.a", id + "m0"}}, refused(api.ErrAtomicPublishContainsDuplicateMessage)},
		{"repeated id", [][]string{{"d.a", id + "m1"}, {"d.b", id + "m1"}}, refused(api.ErrAtomicPublishContainsDuplicateMessage)},
		{"new ids", [][]string{{"d.a", id + "m1"}, {"d.b", id + "m2"}}, `{"stream":"D","seq":4,"batch":"b","count":2}`},
		{"last sequence", [][]string{{"d.a", "Nats-Expected-Last-Sequence: 2"}, {"d.a"}}, `{"stream":"D","seq":4,"batch":"b","count":2}`},
		{"wrong last sequence", [][]string{{"d.a", "Nats-Expected-Last-Sequence: 1"}, {"d.a"}}, refused(api.NewStreamWrongLastSequence(2))},
		{"later last sequence", [][]string{{"d.a"}, {"d.a", "Nats-Expected-Last-Sequence: 3"}}, refused(api.ErrStreamWrongLastSequenceConstant)},
		{"later wrong last sequence", [][]string{{"d.a"}, {"d.a", "Nats-Expected-Last-Sequence: 2"}}, refused(api.NewStreamWrongLastSequence(3))},
		{"subject sequence", [][]string{{"d.a", of + "1"}, {"d.b", of + "2"}}, `{"stream":"D","seq":4,"batch":"b","count":2}`},
		{"subject written before", [][]string{{"d.a", of + "1"}, {"d.a", of + "3"}}, refused(api.ErrStreamWrongLastSequenceConstant)},
		{"agreeing", [][]string{{"d.c", of + "1", "Nats-Expected-Last-Subject-Sequence-Subject: d.a"}, {"d.d", of + "1", "Nats-Expected-Last-Subject-Sequence-Subject: d.a"}}, `{"stream":"D","seq":4,"batch":"b","count":2}`},
		{"disagreeing", [][]string{{"d.c", of + "1", "Nats-Expected-Last-Subject-Sequence-Subject: d.a"}, {"d.d", of + "2", "Nats-Expected-Last-Subject-Sequence-Subject: d.a"}}, refused(api.NewStreamWrongLastSequence(1))},
		{"roll-up", [][]string{{"d.a", "Nats-Rollup: sub"}, {"d.a"}}, `{"stream":"D","seq":4,"batch":"b","count":2}`},
		{"later roll-up", [][]string{{"d.a"}, {"d.a", "Nats-Rollup: sub"}}, refused(api.NewStreamRollupFailed(errRollupSubject))},
		{"roll-up of all", [][]string{{"d.c", "Nats-Rollup: all"}, {"d.a"}}, `{"stream":"D","seq":4,"batch":"b","count":2}`},
		{"later roll-up of all", [][]string{{"d.a"}, {"d.c", "Nats-Rollup: all"}}, refused(api.NewStreamRollupFailed(errRollupAll))},
		{"stream", [][]string{{"d.a"}, {"d.a", "Nats-Expected-Stream: E"}}, refused(api.ErrStreamNotMatch)},
		{"TTL", [][]string{{"d.a"}, {"d.a", "Nats-TTL: 1m"}}, refused(api.ErrMessageTTLDisabled)},
		{"source", [][]string{{"d.a"}, {"d.a", "Nats-Stream-Source: S 1"}}, refused(api.ErrMessageSourceHdrNotAllowed)},
		{"increment", [][]string{{"d.a"}, {"d.a", "Nats-Incr: 1"}}, refused(api.ErrMessageIncrDisabled)},
	} {
		r := newRig(t, batched)
		r.publish("d.a", "", id+"m0")
		r.publish("d.b", "")
		got := ""
		for i, part := range c.parts {
			lines := slices.Clone(part[1:])
			if i == len(c.parts)-1 {
				lines = append(lines, commits)
			}
			got = r.part("b", i+1, part[0], lines...)
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if r.out.Outcomes[0].Kind == Refused && !slices.Equal(r.sequences(), []uint64{1, 2}) {
			t.Errorf("%s: refused and stored %v", c.name, r.sequences())
		}
		if c.name == "roll-up" && !slices.Equal(r.sequences(), []uint64{2, 3, 4}) || c.name == "roll-up of all" && !slices.Equal(r.sequences(), []uint64{3, 4}) {
			t.Errorf("%s leaves %v", c.name, r.sequences())
		}
	}
}

func TestAtomicBatchCounts(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { c.AllowAtomic, c.AllowCounter = true, true })
	r.publish("d.a", "", "Nats-Incr: 5")
	head := func(i int) []string {
		return []string{"Nats-Batch-Id: b", fmt.Sprint("Nats-Batch-Sequence: ", i), "Nats-Incr: " + fmt.Sprint(i)}
	}
	r.expect("", "d.a", "", head(1)...)
	r.expect("", "d.b", "", head(2)...)
	r.expect(`{"stream":"D","seq":4,"batch":"b","count":3}`, "d.a", "", append(head(3), commits)...)
	for sequence, want := range map[uint64]string{2: `{"val":"6"}`, 3: `{"val":"2"}`, 4: `{"val":"9"}`} {
		var m store.Message
		if err := r.store.Load(sequence, &m); err != nil || string(m.Payload) != want {
			t.Errorf("message %d has %s, want %s", sequence, m.Payload, want)
		}
	}
}

func TestAtomicBatchAndLimits(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { batched(c); c.Discard, c.MaxMessages = api.DiscardNew, 3 })
	r.publish("d.a", "")
	for i := 1; i <= 2; i++ {
		r.step("", "b", i, "d.a")
	}
	r.step(refused(api.NewStreamStoreFailed(store.ErrMaxMessages)), "b", 3, "d.a", commits)
	if got := r.sequences(); !slices.Equal(got, []uint64{1}) {
		t.Errorf("stored %v", got)
	}
	r.step("", "b", 1, "d.a")
	r.step(`{"stream":"D","seq":3,"batch":"b","count":2}`, "b", 2, "d.a", commits)
}

// Of a batch on a stream that retains by interest, what nobody wants takes its sequence
// all the same; and if something of it is refused, nothing is stored.
func TestAtomicBatchAndInterest(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) {
		batched(c)
		c.Retention, c.Discard, c.MaxMessages = api.RetentionInterest, api.DiscardNew, 2
	}, func(o *Options) { o.Interest = subjects{"d.a"} })
	r.step("", "b", 1, "d.a")
	r.step("", "b", 2, "d.b")
	r.step(`{"stream":"D","seq":3,"batch":"b","count":3}`, "b", 3, "d.a", commits)
	if got := r.sequences(); !slices.Equal(got, []uint64{1, 3}) {
		t.Errorf("stored %v", got)
	}
	r.step("", "b", 1, "d.b")
	r.step(refused(api.NewStreamStoreFailed(store.ErrMaxMessages)), "b", 2, "d.a", commits)
	if r.stream.LastSequence() != 3 {
		t.Errorf("last sequence %d", r.stream.LastSequence())
	}
}

func TestAtomicBatchIsRepublished(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) {
		batched(c)
		c.RePublish = &api.RePublish{Source: ">", Destination: "again.>"}
	})
	r.publish("d.a", "")
	r.step("", "b", 1, "d.b")
	r.step("", "b", 2, "d.a")
	r.step(`{"stream":"D","seq":4,"batch":"b","count":3}`, "b", 3, "d.a", commits)
	var lasts []string
	for _, p := range r.out.Republished {
		lasts = append(lasts, string(p.Subject)+" "+lineOf(p.Header, "Nats-Last-Sequence"))
	}
	if want := []string{"again.d.b 0", "again.d.a 1", "again.d.a 3"}; !slices.Equal(lasts, want) {
		t.Errorf("republished %q, want %q", lasts, want)
	}
}

func lineOf(header []byte, name string) (value string) {
	eachLine(header, func(line, key []byte) {
		if string(key) == name {
			value = string(line[len(name)+2:])
		}
	})
	return value
}
