package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
)

// Open makes an empty stream store that ends with the test.
type Open func(t testing.TB, o store.Options) store.Stream

// A story is one test of a group.
type story struct {
	name string
	tell func(t *testing.T, open Open)
}

func tell(t *testing.T, open Open, stories []story) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) { s.tell(t, open) })
	}
}

// A stage is a stream with what a story needs: a clock, and steps that fail the test
// if they do not succeed.
type stage struct {
	store.Stream
	testing.TB
	now int64
}

func newStage(t testing.TB, open Open, o store.Options) *stage {
	return &stage{Stream: open(t, o), TB: t, now: begin}
}

// limited is a stage with nothing but limits.
func limited(t testing.TB, open Open, l store.Limits) *stage {
	return newStage(t, open, store.Options{Limits: l})
}

func plain(t testing.TB, open Open) *stage { return newStage(t, open, store.Options{}) }

// Skip is that of the stream.
func (s *stage) Skip(first, count uint64, now int64) error { return s.Stream.Skip(first, count, now) }

func filter(t testing.TB, patterns ...string) *store.Filter {
	t.Helper()
	f, err := store.NewFilter(patterns...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// message is a small one, a millisecond later than the one before.
func (s *stage) message(subject string) *store.Message {
	s.now += int64(time.Millisecond)
	return &store.Message{Subject: []byte(subject), Payload: []byte("payload"), Time: s.now}
}

// put stores a message on each of the subjects and returns the last sequence.
func (s *stage) put(subjects ...string) uint64 {
	s.Helper()
	seq := uint64(0)
	for _, subject := range subjects {
		m := s.message(subject)
		s.must(s.Append(m, store.Checked))
		seq = m.Sequence
	}
	return seq
}

// fill stores n messages on one subject.
func (s *stage) fill(n int, subject string) {
	s.Helper()
	for range n {
		s.put(subject)
	}
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// remove takes out messages that are there.
func (s *stage) remove(seqs ...uint64) {
	s.Helper()
	for _, seq := range seqs {
		if ok, err := s.Remove(seq); !ok || err != nil {
			s.Fatalf("remove %d: %v %v", seq, ok, err)
		}
	}
}

// expect compares the state: number of messages, first and last sequence.
func (s *stage) expect(messages, first, last uint64) {
	s.Helper()
	state := s.State()
	if state.Messages != messages || state.FirstSequence != first || state.LastSequence != last {
		s.Fatalf("%d messages from %d to %d, expected %d from %d to %d",
			state.Messages, state.FirstSequence, state.LastSequence, messages, first, last)
	}
}

// expectDeleted compares the sequences without a message.
func (s *stage) expectDeleted(expected ...uint64) {
	s.Helper()
	var list []uint64
	s.Deleted(func(r store.Range) bool {
		for seq := range r.All {
			list = append(list, seq)
		}
		return true
	})
	if !slices.Equal(list, expected) || s.State().Deleted() != uint64(len(expected)) {
		s.Fatalf("%d deleted: %v, expected %v", s.State().Deleted(), list, expected)
	}
}

// expectSubject compares the summary of a subject, by all ways to it.
func (s *stage) expectSubject(subject string, messages, first, last uint64) {
	s.Helper()
	expected := store.SubjectState{Messages: messages, First: first, Last: last}
	f := filter(s.TB, subject)
	var state store.SubjectState
	s.must(s.Subjects(f, 0, func(_ []byte, found store.SubjectState) bool {
		state = found
		return true
	}))
	matching, err := s.Matching(f, 0)
	s.must(err)
	if state != expected || matching != expected {
		s.Fatalf("subject %s: %+v and %+v, expected %+v", subject, state, matching, expected)
	}
	if messages == 0 {
		return
	}
	s.expectNext(f, 0, first)
	var m store.Message
	s.must(s.Last(f, &m))
	if m.Sequence != last || string(m.Subject) != subject {
		s.Fatalf("last of %s is %d on %s, expected %d", subject, m.Sequence, m.Subject, last)
	}
}

// expectNext reads the next message.
func (s *stage) expectNext(f *store.Filter, start, expected uint64) store.Message {
	s.Helper()
	var m store.Message
	seq, err := s.Next(f, start, &m)
	if err != nil || seq != expected || m.Sequence != expected {
		s.Fatalf("next from %d: %d %d %v, expected %d", start, seq, m.Sequence, err, expected)
	}
	return m
}

// expectNone finds no next message.
func (s *stage) expectNone(f *store.Filter, start uint64) {
	s.Helper()
	var m store.Message
	if seq, err := s.Next(f, start, &m); err != store.ErrEOF || seq != s.State().LastSequence {
		s.Fatalf("next from %d: %d %v, expected none", start, seq, err)
	}
}

// expectPrevious reads the message before.
func (s *stage) expectPrevious(f *store.Filter, start, expected uint64) store.Message {
	s.Helper()
	var m store.Message
	seq, err := s.Previous(f, start, &m)
	if err != nil || seq != expected || m.Sequence != expected {
		s.Fatalf("previous from %d: %d %d %v, expected %d", start, seq, m.Sequence, err, expected)
	}
	return m
}

// expectLasts compares the last sequences.
func (s *stage) expectLasts(f *store.Filter, upTo uint64, expected ...uint64) {
	s.Helper()
	list, err := s.LastSequences(f, upTo, 0)
	if err != nil || !slices.Equal(list, expected) {
		s.Fatalf("last sequences up to %d: %v %v, expected %v", upTo, list, err, expected)
	}
}

// expectPending compares a count, and that it is good to the end.
func (s *stage) expectPending(f *store.Filter, start uint64, lastPerSubject bool, expected uint64) {
	s.Helper()
	n, through, err := s.Pending(f, start, lastPerSubject)
	if err != nil || n != expected || through != s.State().LastSequence {
		s.Fatalf("pending from %d: %d through %d, %v; expected %d", start, n, through, err, expected)
	}
}

// tick lets expire what is due, without a judge.
func (s *stage) tick(now int64) store.Removal {
	s.Helper()
	removed, err := s.Tick(now, nil)
	s.must(err)
	return removed
}
