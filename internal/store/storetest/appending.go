package storetest

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
)

// Appending is how messages and skipped sequences come into a stream.
func Appending(t *testing.T, open Open) { tell(t, open, appendingStories) }

var appendingStories = []story{
	{"message as stored", appendAndLoad},
	{"headers", appendHeaders},
	{"times", appendTimes},
	{"nothing is kept of what was given", appendCopies},
	{"first sequence", appendFirstSequence},
	{"sequence must be the next", appendInSequence},
	{"too large", appendTooLarge},
	{"without subject", appendWithoutSubject},
	{"batch", appendBatch},
	{"skip", skip},
	{"skip keeps the last time", skipKeepsTime},
	{"skip into an empty stream sets the last time", skipSetsTime},
	{"unwanted message sets the last time", skipUnwanted},
	{"closed", closed},
}

func appendAndLoad(t *testing.T, open Open) {
	s := plain(t, open)
	if state := s.State(); state != (store.State{}) {
		t.Fatalf("a stream that was never used is %+v", state)
	}
	m := s.message("foo")
	s.must(s.Append(m, store.Checked))
	if m.Sequence != 1 {
		t.Fatalf("sequence %d", m.Sequence)
	}
	expected := store.State{
		Messages: 1, Bytes: s.Size(len("foo"), 0, len("payload")), FirstSequence: 1, LastSequence: 1,
		FirstTime: s.now, LastTime: s.now, Subjects: 1,
	}
	if state := s.State(); state != expected {
		t.Fatalf("state %+v, expected %+v", state, expected)
	}
	var loaded store.Message
	s.must(s.Load(1, &loaded))
	if !same(&loaded, m) {
		t.Fatalf("%+v, expected %+v", loaded, m)
	}
	if subject, err := s.Subject(1); string(subject) != "foo" || err != nil {
		t.Fatalf("subject %q %v", subject, err)
	}
	for seq, expected := range []error{store.ErrNotFound, nil, store.ErrEOF} {
		if err := s.Load(uint64(seq), &loaded); err != expected {
			t.Errorf("load %d: %v, expected %v", seq, err, expected)
		}
		if _, err := s.Subject(uint64(seq)); (err == nil) != (expected == nil) || err != nil && err != store.ErrNotFound {
			t.Errorf("subject of %d: %v", seq, err)
		}
	}
}

func appendHeaders(t *testing.T, open Open) {
	s := plain(t, open)
	m := store.Message{Subject: []byte("foo"), Header: []byte("name:derek"), Payload: []byte("Hello World"), Time: begin, TTL: 7, Marker: true}
	s.must(s.Append(&m, store.Checked))
	var loaded store.Message
	s.must(s.Load(1, &loaded))
	if !same(&loaded, &m) {
		t.Fatalf("%+v, expected %+v", loaded, m)
	}
	if state := s.State(); state.Bytes != s.Size(3, 10, 11) {
		t.Fatalf("%d bytes", state.Bytes)
	}
	if ok, err := s.Erase(1); !ok || err != nil {
		t.Fatalf("erase: %v %v", ok, err)
	}
	s.expect(0, 2, 1)
}

func appendTimes(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(10, "foo")
	last := begin
	s.must(s.Each(nil, 0, func(m *store.Message) bool {
		if m.Time <= last {
			t.Fatalf("%d at %d, not after %d", m.Sequence, m.Time, last)
		}
		last = m.Time
		return true
	}))
	back := store.Message{Subject: []byte("foo"), Time: begin - 5}
	s.must(s.Append(&back, store.Decided))
	if state := s.State(); state.LastTime != begin-5 || state.FirstTime != begin+int64(time.Millisecond) {
		t.Fatalf("times of %+v", state)
	}
}

func appendCopies(t *testing.T, open Open) {
	s := plain(t, open)
	m := store.Message{Subject: []byte("subject"), Header: []byte("header"), Payload: []byte("payload")}
	s.must(s.Append(&m, store.Checked))
	for _, b := range [][]byte{m.Subject, m.Header, m.Payload} {
		clear(b)
	}
	var loaded store.Message
	s.must(s.Load(1, &loaded))
	if string(loaded.Subject) != "subject" || string(loaded.Header) != "header" || string(loaded.Payload) != "payload" {
		t.Fatalf("%q %q %q", loaded.Subject, loaded.Header, loaded.Payload)
	}
}

func appendFirstSequence(t *testing.T, open Open) {
	s := newStage(t, open, store.Options{FirstSequence: 1000})
	s.expect(0, 1000, 999)
	if a, b := s.put("A"), s.put("B"); a != 1000 || b != 1001 {
		t.Fatalf("sequences %d and %d", a, b)
	}
	s.expect(2, 1000, 1001)
}

func appendInSequence(t *testing.T, open Open) {
	s := plain(t, open)
	for _, c := range []struct {
		sequence uint64
		expected error
	}{{2, store.ErrSequence}, {1, nil}, {1, store.ErrSequence}, {3, store.ErrSequence}, {0, nil}, {3, nil}, {math.MaxUint64, store.ErrSequence}} {
		m := s.message("foo")
		m.Sequence = c.sequence
		if err := s.Append(m, store.Decided); err != c.expected {
			t.Fatalf("append %d: %v, expected %v", c.sequence, err, c.expected)
		}
	}
	s.expect(3, 1, 3)
}

func appendTooLarge(t *testing.T, open Open) {
	s := plain(t, open)
	for _, m := range []store.Message{
		{Subject: []byte("a"), Payload: make([]byte, store.SizeMax)},
		{Subject: []byte("a"), Header: make([]byte, store.SizeMax)},
		{Subject: []byte(strings.Repeat("a", store.SubjectMax+1))},
	} {
		if err := s.Append(&m, store.Decided); !errors.Is(err, store.ErrTooLarge) {
			t.Errorf("subject %d, header %d, payload %d: %v", len(m.Subject), len(m.Header), len(m.Payload), err)
		}
	}
	s.expect(0, 0, 0)
	large := store.Message{Subject: []byte(strings.Repeat("a", store.SubjectMax)), Payload: bytes.Repeat([]byte("x"), 1<<20)}
	s.must(s.Append(&large, store.Checked))
	s.put("small")
	var m store.Message
	s.must(s.Load(1, &m))
	if !same(&m, &large) {
		t.Fatal("a large message came back different")
	}
}

func appendWithoutSubject(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MaxPerSubject: 1})
	s.put("", "", "foo", "")
	s.expect(4, 1, 4)
	if n := s.State().Subjects; n != 1 {
		t.Fatalf("%d subjects", n)
	}
	s.expectPending(nil, 2, false, 3)
	s.expectPending(filter(t, "*"), 1, false, 1)
	s.expectPending(nil, 1, true, 1)
	s.expectLasts(nil, 0, 3)
	s.remove(1, 4)
	s.expect(2, 2, 4)
}

func appendBatch(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MaxMessages: 4, MaxPerSubject: 2, DiscardNew: true})
	batch := func(subjects ...string) []store.Message {
		var list []store.Message
		for _, subject := range subjects {
			list = append(list, *s.message(subject))
		}
		return list
	}
	list := batch("a", "a", "b")
	s.must(s.AppendBatch(list, store.Checked))
	if list[0].Sequence != 1 || list[2].Sequence != 3 {
		t.Fatalf("sequences %d to %d", list[0].Sequence, list[2].Sequence)
	}
	before := s.State()
	for name, refused := range map[string][]store.Message{
		"the second does not fit": batch("b", "c"),
		"the last does not fit":   batch("a", "b", "b", "d", "d"),
	} {
		if err := s.AppendBatch(refused, store.Checked); err != store.ErrMaxMessages {
			t.Errorf("%s: %v", name, err)
		}
		if state := s.State(); state != before {
			t.Fatalf("%s: %+v, expected %+v", name, state, before)
		}
	}
	// Of each subject, new messages take the places of old ones, and of those of the
	// batch itself.
	s.must(s.AppendBatch(batch("b", "a", "b", "b", "a", "a"), store.Checked))
	s.expect(4, 6, 9)
	s.expectSubject("a", 2, 8, 9)
	wrong := batch("a", "a")
	wrong[0].Sequence, wrong[1].Sequence = 10, 12
	if err := s.AppendBatch(wrong, store.Decided); err != store.ErrSequence {
		t.Fatalf("a gap in a batch: %v", err)
	}
	s.must(s.AppendBatch(nil, store.Checked))
	s.expect(4, 6, 9)
}

func skip(t *testing.T, open Open) {
	s := plain(t, open)
	if err := s.Skip(10, 100, begin); err != store.ErrSequence {
		t.Fatalf("skip from 10: %v", err)
	}
	s.must(s.Skip(1, 100, begin))
	s.expect(0, 101, 100)
	s.must(s.Skip(101, 100_000, begin))
	s.expect(0, 100_101, 100_100)
	if err := s.Skip(0, store.SequenceMax, begin); err != store.ErrSequence {
		t.Fatalf("skip beyond the highest sequence: %v", err)
	}

	s = plain(t, open)
	s.put("foo")
	s.must(s.Skip(2, 10, begin))
	s.expect(1, 1, 11)
	s.expectDeleted(2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	s.must(s.Skip(0, 0, begin))
	s.put("foo")
	s.expect(2, 1, 12)
	s.must(s.Skip(0, 1<<40, begin))
	s.put("foo")
	s.expectNext(nil, 13, 1<<40+13)
	s.expectPrevious(nil, 1<<40+12, 12)
}

func skipKeepsTime(t *testing.T, open Open) {
	s := plain(t, open)
	day := int64(24 * time.Hour)
	old, newer := begin-30*day, begin-15*day
	s.must(s.Append(&store.Message{Subject: []byte("foo"), Time: old}, store.Decided))
	for _, n := range []uint64{10, 1, 5} {
		s.must(s.Skip(0, n, begin))
		if state := s.State(); state.LastTime != old {
			t.Fatalf("last time %d after skip of %d, expected %d", state.LastTime, n, old)
		}
	}
	s.expect(1, 1, 17)
	s.must(s.Append(&store.Message{Sequence: 18, Subject: []byte("foo"), Time: newer}, store.Decided))
	for at, expected := range map[int64]uint64{old: 1, old + 5*day: 18, newer: 18, newer + 1: 19} {
		if seq, err := s.SequenceAt(at); seq != expected || err != nil {
			t.Errorf("sequence at %d: %d %v, expected %d", at, seq, err, expected)
		}
	}
}

func skipSetsTime(t *testing.T, open Open) {
	for _, n := range []uint64{1, 5} {
		s := plain(t, open)
		if state := s.State(); state.LastSequence != 0 || state.LastTime != 0 {
			t.Fatalf("new stream has %+v", state)
		}
		s.must(s.Skip(1, n, begin))
		s.must(s.Skip(0, 1, begin+1000))
		s.expect(0, n+2, n+1)
		if state := s.State(); state.LastTime != begin || state.FirstTime != 0 {
			t.Fatalf("times of %+v, expected %d", state, begin)
		}
	}
}

func skipUnwanted(t *testing.T, open Open) {
	s := plain(t, open)
	s.must(s.SkipUnwanted(0, begin))
	s.expect(0, 2, 1)
	s.must(s.SkipUnwanted(0, begin+5))
	s.expect(0, 3, 2)
	if state := s.State(); state.LastTime != begin+5 {
		t.Fatalf("last time %d", state.LastTime)
	}
	if err := s.SkipUnwanted(9, begin+9); err != store.ErrSequence || s.State().LastTime != begin+5 {
		t.Fatalf("skip out of sequence: %v", err)
	}
}

func closed(t *testing.T, open Open) {
	s := plain(t, open)
	s.put("foo")
	s.must(s.Close())
	var m store.Message
	for name, call := range map[string]func() error{
		"append":         func() error { return s.Append(&m, store.Checked) },
		"append batch":   func() error { return s.AppendBatch(nil, store.Checked) },
		"skip":           func() error { return s.Skip(0, 1, 0) },
		"skip unwanted":  func() error { return s.SkipUnwanted(0, 0) },
		"load":           func() error { return s.Load(1, &m) },
		"subject":        func() error { _, err := s.Subject(1); return err },
		"next":           func() error { _, err := s.Next(nil, 0, &m); return err },
		"previous":       func() error { _, err := s.Previous(nil, 9, &m); return err },
		"last":           func() error { return s.Last(nil, &m) },
		"last of filter": func() error { return s.Last(filter(t, "foo"), &m) },
		"each":           func() error { return s.Each(nil, 0, func(*store.Message) bool { return true }) },
		"sequence at":    func() error { _, err := s.SequenceAt(0); return err },
		"pending":        func() error { _, _, err := s.Pending(nil, 0, false); return err },
		"matching":       func() error { _, err := s.Matching(nil, 0); return err },
		"subjects":       func() error { return s.Subjects(nil, 0, func([]byte, store.SubjectState) bool { return true }) },
		"last sequences": func() error { _, err := s.LastSequences(nil, 0, 0); return err },
		"remove":         func() error { _, err := s.Remove(1); return err },
		"erase":          func() error { _, err := s.Erase(1); return err },
		"purge":          func() error { _, err := s.Purge(store.Purge{}); return err },
		"compact":        func() error { _, err := s.Compact(1); return err },
		"truncate":       func() error { _, err := s.Truncate(0); return err },
		"limits":         func() error { return s.SetLimits(store.Limits{}) },
		"tick":           func() error { _, err := s.Tick(0, nil); return err },
		"close":          s.Close,
	} {
		if err := call(); err != store.ErrClosed {
			t.Errorf("%s: %v", name, err)
		}
	}
	if state := s.State(); state != (store.State{}) || s.NextExpiry() != math.MaxInt64 {
		t.Errorf("a closed stream is %+v", state)
	}
}
