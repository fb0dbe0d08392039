package storetest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/store"
)

// begin is the time at which tests begin, in Unix nanoseconds.
const begin = int64(1_790_000_000_000_000_000)

var (
	randomSubjects = []string{"a", "a.b", "a.b.c", "a.c", "b", "b.b", "c.1", "c.2", "c.3", "c.4", "x.y.z", ""}
	randomFilters  = [][]string{
		nil, {">"}, {"a"}, {"a.*"}, {"a.>"}, {"c.*"}, {"*"}, {"*.b"}, {"none"}, {"none.*"},
		{"a", "b"}, {"a.*", "a.b"}, {"c.1", "c.3", "none"}, {"x.>", "*.c"}, {"a.>", ">"},
	}
)

// A pair is a stream beside its model.
type pair struct {
	stream, model store.Stream
	removed       [2]removals
	now           int64
	filters       []*store.Filter
}

// removals is what a listener heard.
type removals struct {
	messages, bytes uint64
	alone           []string
}

func (r *removals) hear(removal store.Removal) {
	r.messages += removal.Messages
	r.bytes += removal.Bytes
	if removal.Sequence != 0 {
		r.alone = append(r.alone, fmt.Sprintf("%s %d %d", removal.Subject, removal.Sequence, removal.Bytes))
	}
}

// Random plays operations to a stream and its model. The function open makes an empty
// stream; it may do so many times in one test.
func Random(t *testing.T, open func(o store.Options) (store.Stream, error)) {
	rapid.Check(t, func(t *rapid.T) { play(t, open) })
}

// Fuzz is the property of Random for native fuzzing.
func Fuzz(f *testing.F, open func(o store.Options) (store.Stream, error)) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { play(t, open) }))
}

func play(t *rapid.T, open func(o store.Options) (store.Stream, error)) {
	p := &pair{now: begin}
	for _, patterns := range randomFilters {
		f, err := store.NewFilter(patterns...)
		if err != nil {
			t.Fatal(err)
		}
		p.filters = append(p.filters, f)
	}
	o := store.Options{Limits: drawLimits(t), FirstSequence: rapid.SampledFrom([]uint64{0, 0, 1, 100}).Draw(t, "first")}
	o.OnRemove = p.removed[0].hear
	var err error
	if p.stream, err = open(o); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.stream.Close() }()
	o.OnRemove = p.removed[1].hear
	if p.model, err = NewModel(o, p.stream.Size); err != nil {
		t.Fatal(err)
	}
	t.Repeat(map[string]func(*rapid.T){
		"":             p.check,
		"append":       p.append,
		"append again": p.append,
		"batch":        p.batch,
		"burst":        p.burst,
		"skip":         p.skip,
		"remove":       p.remove,
		"remove many":  p.removeMany,
		"purge":        p.purge,
		"compact":      p.compact,
		"truncate":     p.truncate,
		"limits":       p.setLimits,
		"tick":         p.tick,
		"read":         p.read,
		"count":        p.count,
	})
}

func drawLimits(t *rapid.T) store.Limits {
	l := store.Limits{
		MaxMessages:   rapid.SampledFrom([]int64{0, 0, -1, 1, 7, 40}).Draw(t, "max messages"),
		MaxBytes:      rapid.SampledFrom([]int64{0, 0, -1, 60, 500, 3000}).Draw(t, "max bytes"),
		MaxPerSubject: rapid.SampledFrom([]int64{0, 0, 1, 2, 5}).Draw(t, "max per subject"),
		MaxAge:        rapid.SampledFrom([]time.Duration{0, 0, time.Second, 20 * time.Second}).Draw(t, "max age"),
		MessageTTL:    rapid.Bool().Draw(t, "ttl"),
		DiscardNew:    rapid.Bool().Draw(t, "new"),
	}
	if l.DiscardNew && l.MaxPerSubject > 0 {
		l.DiscardNewPerSubject = rapid.Bool().Draw(t, "new per subject")
	}
	return l
}

func (p *pair) drawMessage(t *rapid.T) store.Message {
	p.now += rapid.SampledFrom([]int64{0, 1, int64(time.Millisecond), int64(300 * time.Millisecond)}).Draw(t, "passed")
	m := store.Message{
		Subject: []byte(rapid.SampledFrom(randomSubjects).Draw(t, "subject")),
		Time:    p.now - rapid.SampledFrom([]int64{0, 0, 0, int64(2 * time.Second)}).Draw(t, "back"),
		TTL:     rapid.SampledFrom([]int64{0, 0, 0, 1, 5, 100, store.NeverExpires, math.MaxInt64}).Draw(t, "ttl"),
		Marker:  rapid.Bool().Draw(t, "marker"),
		Rollup:  rapid.IntRange(0, 9).Draw(t, "rollup") == 0,
	}
	m.Payload = bytes.Repeat([]byte{byte(len(m.Subject))}, rapid.SampledFrom([]int{0, 1, 10, 200}).Draw(t, "payload"))
	m.Header = bytes.Repeat([]byte{'h'}, rapid.SampledFrom([]int{0, 0, 3, 130}).Draw(t, "header"))
	if rapid.IntRange(0, 9).Draw(t, "numbered") == 0 {
		m.Sequence = p.stream.State().LastSequence + uint64(rapid.IntRange(0, 2).Draw(t, "sequence"))
	}
	return m
}

func (p *pair) admission(t *rapid.T) store.Admission {
	return rapid.SampledFrom([]store.Admission{store.Checked, store.Decided}).Draw(t, "admission")
}

func (p *pair) append(t *rapid.T) {
	m := p.drawMessage(t)
	copied := m
	admission := p.admission(t)
	got, want := p.stream.Append(&m, admission), p.model.Append(&copied, admission)
	if got != want || m.Sequence != copied.Sequence {
		t.Fatalf("append: %d %v, expected %d %v", m.Sequence, got, copied.Sequence, want)
	}
}

func (p *pair) batch(t *rapid.T) {
	batch := make([]store.Message, rapid.IntRange(0, 6).Draw(t, "n"))
	for i := range batch {
		batch[i] = p.drawMessage(t)
		batch[i].Sequence = 0
	}
	copied := slices.Clone(batch)
	admission := p.admission(t)
	got, want := p.stream.AppendBatch(batch, admission), p.model.AppendBatch(copied, admission)
	if got != want {
		t.Fatalf("append of %d: %v, expected %v", len(batch), got, want)
	}
}

// burst appends many similar messages, so that there is something to search.
func (p *pair) burst(t *rapid.T) {
	m := p.drawMessage(t)
	m.Sequence = 0
	for range rapid.IntRange(20, 120).Draw(t, "n") {
		a, b := m, m
		if got, want := p.stream.Append(&a, store.Decided), p.model.Append(&b, store.Decided); got != nil || want != nil {
			t.Fatalf("append: %v, expected %v", got, want)
		}
	}
}

func (p *pair) skip(t *rapid.T) {
	first := uint64(0)
	if rapid.Bool().Draw(t, "numbered") {
		first = p.stream.State().LastSequence + uint64(rapid.IntRange(0, 2).Draw(t, "sequence"))
	}
	if rapid.Bool().Draw(t, "unwanted") {
		if got, want := p.stream.SkipUnwanted(first, p.now), p.model.SkipUnwanted(first, p.now); got != want {
			t.Fatalf("skip %d: %v, expected %v", first, got, want)
		}
		return
	}
	n := rapid.SampledFrom([]uint64{0, 1, 2, 50, 5000, 1 << 33, math.MaxUint64}).Draw(t, "n")
	if got, want := p.stream.Skip(first, n, p.now), p.model.Skip(first, n, p.now); got != want {
		t.Fatalf("skip %d from %d: %v, expected %v", n, first, got, want)
	}
}

// drawSequence is mostly that of a message.
func (p *pair) drawSequence(t *rapid.T) uint64 {
	s := p.stream.State()
	switch rapid.IntRange(0, 5).Draw(t, "where") {
	case 0:
		return rapid.SampledFrom([]uint64{0, 1, s.FirstSequence, s.LastSequence, s.LastSequence + 1, s.LastSequence + 5}).Draw(t, "edge")
	default:
		n := rapid.IntRange(0, 300).Draw(t, "nth")
		seq := s.FirstSequence
		_ = p.model.Each(nil, 0, func(m *store.Message) bool {
			seq = m.Sequence
			n--
			return n >= 0
		})
		return seq
	}
}

func (p *pair) remove(t *rapid.T) {
	seq := p.drawSequence(t)
	got, gotErr := p.stream.Remove, p.stream.Erase
	want := p.model.Remove
	if rapid.Bool().Draw(t, "erase") {
		got = gotErr
	}
	a, errA := got(seq)
	b, errB := want(seq)
	if a != b || errA != errB {
		t.Fatalf("remove %d: %v %v, expected %v %v", seq, a, errA, b, errB)
	}
}

// removeMany makes holes.
func (p *pair) removeMany(t *rapid.T) {
	step := rapid.IntRange(2, 5).Draw(t, "step")
	var list []uint64
	_ = p.model.Each(nil, 0, func(m *store.Message) bool {
		if m.Sequence%uint64(step) != 0 {
			list = append(list, m.Sequence)
		}
		return true
	})
	for _, seq := range list {
		a, errA := p.stream.Remove(seq)
		_, errB := p.model.Remove(seq)
		if !a || errA != nil || errB != nil {
			t.Fatalf("remove %d: %v %v, %v", seq, a, errA, errB)
		}
	}
}

func (p *pair) purge(t *rapid.T) {
	request := store.Purge{Filter: p.drawFilter(t)}
	if rapid.Bool().Draw(t, "bounded") {
		request.Below = p.drawSequence(t)
	}
	request.Keep = rapid.SampledFrom([]uint64{0, 0, 1, 3, 100}).Draw(t, "keep")
	got, errA := p.stream.Purge(request)
	want, errB := p.model.Purge(request)
	p.sameRemoval(t, "purge", got, want, errA, errB)
}

func (p *pair) sameRemoval(t *rapid.T, what string, got, want store.Removal, errA, errB error) {
	t.Helper()
	if got.Messages != want.Messages || got.Bytes != want.Bytes || got.Sequence != want.Sequence ||
		string(got.Subject) != string(want.Subject) || errA != errB {
		t.Fatalf("%s: %+v %v, expected %+v %v", what, got, errA, want, errB)
	}
}

func (p *pair) compact(t *rapid.T) {
	seq := p.drawSequence(t)
	got, errA := p.stream.Compact(seq)
	want, errB := p.model.Compact(seq)
	p.sameRemoval(t, "compact", got, want, errA, errB)
}

func (p *pair) truncate(t *rapid.T) {
	seq := p.drawSequence(t)
	got, errA := p.stream.Truncate(seq)
	want, errB := p.model.Truncate(seq)
	p.sameRemoval(t, "truncate", got, want, errA, errB)
}

func (p *pair) setLimits(t *rapid.T) {
	l := drawLimits(t)
	if got, want := p.stream.SetLimits(l), p.model.SetLimits(l); got != want {
		t.Fatalf("limits: %v, expected %v", got, want)
	}
}

func (p *pair) tick(t *rapid.T) {
	p.soonEnough(t)
	p.now += rapid.SampledFrom([]int64{0, int64(time.Second), int64(10 * time.Second)}).Draw(t, "passed")
	var heard [2][]string
	judge := func(i int) func(store.Due) store.Verdict {
		return func(d store.Due) store.Verdict {
			heard[i] = append(heard[i], fmt.Sprintf("%d %s %v %v", d.Sequence, d.Subject, d.Alone, d.Marker))
			if d.Alone && !d.Marker {
				return store.Hold
			}
			return store.Expire
		}
	}
	a, b := judge(0), judge(1)
	if rapid.Bool().Draw(t, "unjudged") {
		a, b = nil, nil
	}
	got, errA := p.stream.Tick(p.now, a)
	want, errB := p.model.Tick(p.now, b)
	if !slices.Equal(heard[0], heard[1]) {
		t.Fatalf("asked about %v, expected %v", heard[0], heard[1])
	}
	p.sameRemoval(t, "tick", got, want, errA, errB)
	if next := p.stream.NextExpiry(); next <= p.now {
		t.Fatalf("the next expiry at %d is over at %d", next, p.now)
	}
}

// soonEnough checks that nothing happens before the next expiry.
func (p *pair) soonEnough(t *rapid.T) {
	next := p.stream.NextExpiry()
	trial := p.model.(*Model).clone()
	if removed, _ := trial.Tick(next-1, nil); removed.Messages > 0 {
		t.Fatalf("next expiry %d is too late for %+v", next, removed)
	}
}

func (p *pair) drawFilter(t *rapid.T) *store.Filter {
	return p.filters[rapid.IntRange(0, len(p.filters)-1).Draw(t, "filter")]
}

func same(a, b *store.Message) bool {
	return a.Sequence == b.Sequence && a.Time == b.Time && a.TTL == b.TTL && a.Marker == b.Marker && a.Rollup == b.Rollup &&
		bytes.Equal(a.Subject, b.Subject) && bytes.Equal(a.Header, b.Header) && bytes.Equal(a.Payload, b.Payload)
}

func (p *pair) read(t *rapid.T) {
	f, seq := p.drawFilter(t), p.drawSequence(t)
	var a, b store.Message
	compare := func(what string, got, want uint64, errA, errB error) {
		t.Helper()
		if got != want || errA != errB || errA == nil && !same(&a, &b) {
			t.Fatalf("%s %d: %d %+v %v, expected %d %+v %v", what, seq, got, a, errA, want, b, errB)
		}
	}
	compare("load", 0, 0, p.stream.Load(seq, &a), p.model.Load(seq, &b))
	got, errA := p.stream.Next(f, seq, &a)
	want, errB := p.model.Next(f, seq, &b)
	compare("next", got, want, errA, errB)
	got, errA = p.stream.Previous(f, seq, &a)
	want, errB = p.model.Previous(f, seq, &b)
	compare("previous", got, want, errA, errB)
	compare("last", 0, 0, p.stream.Last(f, &a), p.model.Last(f, &b))
	subjectA, errA := p.stream.Subject(seq)
	subjectB, errB := p.model.Subject(seq)
	if errA != errB || !bytes.Equal(subjectA, subjectB) {
		t.Fatalf("subject of %d: %q %v, expected %q %v", seq, subjectA, errA, subjectB, errB)
	}
	when := p.now - rapid.Int64Range(-10, int64(3*time.Second)).Draw(t, "ago")
	got, errA = p.stream.SequenceAt(when)
	want, errB = p.model.SequenceAt(when)
	if got != want || errA != errB {
		t.Fatalf("sequence at %d: %d %v, expected %d %v", when, got, errA, want, errB)
	}
}

func (p *pair) count(t *rapid.T) {
	f, seq := p.drawFilter(t), p.drawSequence(t)
	last := rapid.Bool().Draw(t, "last per subject")
	got, through, errA := p.stream.Pending(f, seq, last)
	want, throughB, errB := p.model.Pending(f, seq, last)
	if got != want || through != throughB || errA != errB {
		t.Fatalf("pending from %d: %d %d %v, expected %d %d %v", seq, got, through, errA, want, throughB, errB)
	}
	sum, errA := p.stream.Matching(f, seq)
	sumB, errB := p.model.Matching(f, seq)
	if sum != sumB || errA != errB {
		t.Fatalf("matching from %d: %+v %v, expected %+v %v", seq, sum, errA, sumB, errB)
	}
	most := rapid.SampledFrom([]int{0, 0, 2, 12}).Draw(t, "most")
	list, errA := p.stream.LastSequences(f, seq, most)
	listB, errB := p.model.LastSequences(f, seq, most)
	if !slices.Equal(list, listB) || errA != errB {
		t.Fatalf("last up to %d: %v %v, expected %v %v", seq, list, errA, listB, errB)
	}
	offset := rapid.IntRange(0, 4).Draw(t, "offset")
	if a, b := subjects(t, p.stream, f, offset), subjects(t, p.model, f, offset); !slices.Equal(a, b) {
		t.Fatalf("subjects: %v, expected %v", a, b)
	}
}

func subjects(t *rapid.T, s store.Stream, f *store.Filter, offset int) (list []string) {
	err := s.Subjects(f, offset, func(subject []byte, state store.SubjectState) bool {
		list = append(list, fmt.Sprintf("%s %+v", subject, state))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// check compares what is cheap to know of the whole.
func (p *pair) check(t *rapid.T) {
	if got, want := p.stream.State(), p.model.State(); got != want {
		t.Fatalf("state %+v, expected %+v", got, want)
	}
	if got, want := p.stream.Limits(), p.model.Limits(); got != want {
		t.Fatalf("limits %+v, expected %+v", got, want)
	}
	if got, want := holes(p.stream), holes(p.model); !slices.Equal(got, want) {
		t.Fatalf("holes %v, expected %v", got, want)
	}
	for i := range p.removed {
		slices.Sort(p.removed[i].alone)
	}
	if got, want := fmt.Sprint(p.removed[0]), fmt.Sprint(p.removed[1]); got != want {
		t.Fatalf("heard of removals %s, expected %s", got, want)
	}
	p.removed[0], p.removed[1] = removals{}, removals{}
	for _, f := range []*store.Filter{nil, p.filters[4]} {
		if got, want := everything(p.stream, f), everything(p.model, f); !slices.EqualFunc(got, want, func(a, b store.Message) bool { return same(&a, &b) }) {
			t.Fatalf("messages %v, expected %v", got, want)
		}
	}
}

func holes(s store.Stream) (list []store.Range) {
	s.Deleted(func(r store.Range) bool {
		list = append(list, r)
		return true
	})
	return list
}

func everything(s store.Stream, f *store.Filter) (list []store.Message) {
	_ = s.Each(f, 0, func(m *store.Message) bool {
		list = append(list, *m)
		return true
	})
	return list
}
