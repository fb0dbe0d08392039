package storetest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

// Removing is how messages go because the owner wants it.
func Removing(t *testing.T, open Open) { tell(t, open, removingStories) }

var removingStories = []story{
	{"remove and erase", removeAndErase},
	{"first sequence when all are removed", removeAll},
	{"many holes", removeMost},
	{"purge everything", purgeAll},
	{"purge of an empty stream", purgeNothing},
	{"purge forgets holes", purgeForgetsHoles},
	{"purge of a subject", purgeSubject},
	{"purge below one", purgeBelowOne},
	{"purge below a hole", purgeBelowHole},
	{"purge keeps the newest", purgeKeeps},
	{"purge of filters", purgeFilters},
	{"compact", compact},
	{"compact over holes", compactHoles},
	{"compact of what is gone already", compactDeleted},
	{"compact and subjects", compactSubjects},
	{"truncate", truncate},
	{"truncate to nothing", truncateReset},
	{"truncate over holes", truncateHoles},
	{"last sequence without its message", lastWithoutMessage},
	{"listener", listener},
}

func removeAndErase(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(4, "foo")
	for _, remove := range []func(uint64) (bool, error){s.Remove, s.Erase} {
		first := s.State().FirstSequence
		for _, c := range []struct {
			seq     uint64
			removed bool
			err     error
		}{{0, false, store.ErrNotFound}, {first, true, nil}, {first, false, nil}, {5, false, store.ErrEOF}, {math.MaxUint64, false, store.ErrEOF}} {
			if removed, err := remove(c.seq); removed != c.removed || err != c.err {
				t.Errorf("remove %d: %v %v", c.seq, removed, err)
			}
		}
	}
	s.expect(2, 3, 4)
	var m store.Message
	if err := s.Load(2, &m); err != store.ErrNotFound {
		t.Fatalf("load of an erased message: %v", err)
	}
}

func removeAll(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(10, "foo")
	last := s.now
	for seq := uint64(1); seq <= 10; seq++ {
		s.remove(seq)
	}
	s.expect(0, 11, 10)
	if state := s.State(); state.Bytes != 0 || state.FirstTime != 0 || state.LastTime != last {
		t.Fatalf("%+v", state)
	}
	if seq := s.put("foo"); seq != 11 {
		t.Fatalf("the next sequence is %d", seq)
	}
	s.expect(1, 11, 11)
}

// removeMost leaves one of many, again and again: what is there must stay as it was.
func removeMost(t *testing.T, open Open) {
	s := plain(t, open)
	body := func(seq uint64) string { return fmt.Sprintf("body %d", seq*seq) }
	for seq := uint64(1); seq <= 20_000; seq++ {
		m := s.message(fmt.Sprintf("foo.%d", seq%100))
		m.Payload = []byte(body(seq))
		s.must(s.Append(m, store.Checked))
	}
	for _, step := range []uint64{2, 3, 7, 50} {
		var left []uint64
		s.must(s.Each(nil, 0, func(m *store.Message) bool {
			left = append(left, m.Sequence)
			return true
		}))
		for i, seq := range left {
			if uint64(i)%step != 0 {
				s.remove(seq)
			}
		}
		n := 0
		s.must(s.Each(nil, 0, func(m *store.Message) bool {
			if string(m.Payload) != body(m.Sequence) || string(m.Subject) != fmt.Sprintf("foo.%d", m.Sequence%100) {
				t.Fatalf("%d is %s on %s", m.Sequence, m.Payload, m.Subject)
			}
			n++
			return true
		}))
		if uint64(n) != s.State().Messages || n != (len(left)+int(step)-1)/int(step) {
			t.Fatalf("%d messages, %d by state, of %d", n, s.State().Messages, len(left))
		}
	}
}

func (s *stage) purge(p store.Purge, expected uint64) {
	s.Helper()
	removed, err := s.Purge(p)
	if removed.Messages != expected || err != nil {
		s.Fatalf("purge %+v: %d %v, expected %d", p, removed.Messages, err, expected)
	}
}

func purgeAll(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(10, "foo")
	s.purge(store.Purge{}, 10)
	s.expect(0, 11, 10)
	if state := s.State(); state.Bytes != 0 || state.Subjects != 0 || state.LastTime != s.now {
		t.Fatalf("%+v", state)
	}
	s.put("foo")
	s.expect(1, 11, 11)
}

func purgeNothing(t *testing.T, open Open) {
	s := plain(t, open)
	s.purge(store.Purge{}, 0)
	s.expect(0, 1, 0)
	s.purge(store.Purge{Filter: filter(t, "")}, 0)
	s.expect(0, 1, 0)
}

func purgeForgetsHoles(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(10, "foo")
	s.remove(2, 3, 4, 5, 6, 7, 8, 9)
	s.expectDeleted(2, 3, 4, 5, 6, 7, 8, 9)
	s.purge(store.Purge{}, 2)
	s.expectDeleted()
}

func purgeSubject(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(100, "foo")
	s.purge(store.Purge{Filter: filter(t, "foo")}, 100)
	s.expect(0, 101, 100)
	s.expectSubject("foo", 0, 0, 0)
}

func purgeBelowOne(t *testing.T, open Open) {
	s := plain(t, open)
	for range 5 {
		s.put("foo", "bar")
	}
	for _, pattern := range []string{"", ">", "foo", "*"} {
		for _, keep := range []uint64{0, 3} {
			s.purge(store.Purge{Filter: filter(t, pattern), Below: 1, Keep: keep}, 0)
			s.expect(10, 1, 10)
		}
	}
}

func purgeBelowHole(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(10, "foo")
	s.remove(2, 9)
	s.purge(store.Purge{Below: 9}, 7)
	s.expect(1, 10, 10)
}

func purgeKeeps(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(50, "foo")
	for seq := uint64(2); seq <= 50; seq += 2 {
		s.remove(seq)
	}
	s.expect(25, 1, 50)
	s.purge(store.Purge{Keep: 25}, 0)
	s.purge(store.Purge{Keep: 1000}, 0)
	s.purge(store.Purge{Keep: 5}, 20)
	s.expect(5, 41, 50)

	s = plain(t, open)
	s.put("A", "B", "A", "C", "B", "A")
	s.purge(store.Purge{Filter: filter(t, "A"), Keep: 1}, 2)
	s.expectSubject("A", 1, 6, 6)
	s.purge(store.Purge{Filter: filter(t, "A", "B"), Keep: 2}, 1)
	s.expectSubject("B", 1, 5, 5)
	s.expect(3, 4, 6)
}

func purgeFilters(t *testing.T, open Open) {
	s := plain(t, open)
	for range 10 {
		s.put("a.1", "a.2", "b.1")
	}
	s.purge(store.Purge{Filter: filter(t, "a.*"), Below: 13}, 8)
	s.expect(22, 3, 30)
	s.purge(store.Purge{Filter: filter(t, "a.1", "a.2", "none"), Keep: 3}, 9)
	s.expectSubject("a.1", 1, 28, 28)
	s.expectSubject("a.2", 2, 26, 29)
	s.purge(store.Purge{Filter: filter(t, "none")}, 0)
	s.purge(store.Purge{Filter: filter(t, "b.1"), Below: 500}, 10)
	s.expect(3, 26, 30)
	s.purge(store.Purge{Below: 500}, 3)
	s.expect(0, 500, 499)
}

func (s *stage) compact(seq, expected uint64) {
	s.Helper()
	removed, err := s.Compact(seq)
	if removed.Messages != expected || err != nil {
		s.Fatalf("compact %d: %d %v, expected %d", seq, removed.Messages, err, expected)
	}
}

func compact(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(10, "foo")
	s.compact(6, 5)
	s.expect(5, 6, 10)
	if state := s.State(); state.Bytes != 5*s.Size(3, 0, 7) {
		t.Fatalf("%d bytes", state.Bytes)
	}
	s.compact(6, 0)
	s.compact(2, 0)
	s.compact(100, 5)
	s.expect(0, 100, 99)
	s.compact(50, 0)
	s.expect(0, 100, 99)
	s.fill(3, "foo")
	s.compact(0, 3)
	s.expect(0, 103, 102)
	if _, err := s.Compact(math.MaxUint64); err != store.ErrSequence {
		t.Fatalf("compact beyond the highest sequence: %v", err)
	}
}

func compactHoles(t *testing.T, open Open) {
	for seq := uint64(2); seq <= 5; seq++ {
		s := plain(t, open)
		s.fill(3, "foo")
		s.expectDeleted()
		s.remove(2)
		s.expectDeleted(2)
		_, err := s.Compact(seq)
		s.must(err)
		s.expectDeleted()
		if first := max(3, seq); s.State().FirstSequence != first || s.State().LastSequence != max(3, seq-1) {
			t.Fatalf("compact %d: %+v", seq, s.State())
		}
	}
}

func compactDeleted(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(3, "foo")
	s.remove(2, 3)
	s.expect(1, 1, 3)
	s.compact(2, 1)
	s.expect(0, 4, 3)
	if state := s.State(); state.FirstTime != 0 {
		t.Fatalf("%+v", state)
	}
}

func compactSubjects(t *testing.T, open Open) {
	s := plain(t, open)
	for i := range 1000 {
		s.put(fmt.Sprintf("foo.%d", i))
	}
	s.compact(501, 500)
	if n := s.State().Subjects; n != 500 {
		t.Fatalf("%d subjects", n)
	}
}

func (s *stage) truncate(seq, expected uint64) {
	s.Helper()
	removed, err := s.Truncate(seq)
	if removed.Messages != expected || err != nil {
		s.Fatalf("truncate %d: %d %v, expected %d", seq, removed.Messages, err, expected)
	}
}

func truncate(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(49, "foo")
	s.fill(51, "bar")
	s.truncate(50, 50)
	s.expect(50, 1, 50)
	s.remove(10, 20, 30, 40)
	s.truncate(25, 23)
	s.expect(23, 1, 25)
	s.expectDeleted(10, 20)
	var m store.Message
	s.must(s.Load(25, &m))
	if state := s.State(); state.Subjects != 1 || state.LastTime != m.Time {
		t.Fatalf("%+v", state)
	}
	if _, err := s.Truncate(26); err != store.ErrEOF {
		t.Fatalf("truncate beyond the last: %v", err)
	}
	if seq := s.put("foo"); seq != 26 {
		t.Fatalf("the next sequence is %d", seq)
	}
	s.compact(10, 9)
	s.truncate(5, 15)
	s.expect(0, 6, 5)
}

func truncateReset(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(1000, "foo")
	s.truncate(0, 1000)
	if state := s.State(); state != (store.State{}) {
		t.Fatalf("%+v", state)
	}
	s.expectDeleted()
	s.fill(1000, "foo")
	s.expect(1000, 1, 1000)
	if state := s.State(); state.Bytes != 1000*s.Size(3, 0, 7) || state.Subjects != 1 {
		t.Fatalf("%+v", state)
	}
	s.expectDeleted()
}

func truncateHoles(t *testing.T, open Open) {
	for seq := uint64(0); seq <= 1; seq++ {
		s := plain(t, open)
		s.fill(3, "foo")
		s.remove(2)
		s.expectDeleted(2)
		_, err := s.Truncate(seq)
		s.must(err)
		s.expectDeleted()
		s.expect(seq, seq, seq)
	}
}

// lastWithoutMessage has all ways to a last sequence that no message has.
func lastWithoutMessage(t *testing.T, open Open) {
	for name, act := range map[string]func(s *stage, seq uint64){
		"remove and truncate": func(s *stage, seq uint64) {
			s.put("foo")
			s.remove(seq)
			s.truncate(seq, 0)
		},
		"erase and truncate": func(s *stage, seq uint64) {
			s.put("foo")
			if ok, err := s.Erase(seq); !ok || err != nil {
				t.Fatalf("erase: %v %v", ok, err)
			}
			s.truncate(seq, 0)
		},
		"remove the one before and truncate": func(s *stage, seq uint64) {
			s.put("foo", "foo")
			s.remove(seq)
			s.truncate(seq, 1)
		},
		"skip one":  func(s *stage, _ uint64) { s.must(s.Skip(0, 1, s.now)) },
		"skip many": func(s *stage, seq uint64) { s.must(s.Skip(seq, 1, s.now)) },
	} {
		s := plain(t, open)
		act(s, 1)
		if state := s.State(); state.Messages != 0 || state.FirstSequence != 2 || state.LastSequence != 1 {
			t.Errorf("%s, empty: %+v", name, state)
		}
		s = plain(t, open)
		s.put("foo")
		act(s, 2)
		s.expect(1, 1, 2)
		s.expectDeleted(2)
		if seq := s.put("foo"); seq != 3 {
			t.Errorf("%s: the next sequence is %d", name, seq)
		}
	}
}

func listener(t *testing.T, open Open) {
	var heard []string
	var s *stage
	s = newStage(t, open, store.Options{
		Limits: store.Limits{MaxMessages: 4, MaxPerSubject: 2},
		OnRemove: func(r store.Removal) {
			// A listener may read: the message is gone.
			if r.Sequence != 0 && s.Load(r.Sequence, &store.Message{}) != store.ErrNotFound {
				t.Errorf("%d is still there", r.Sequence)
			}
			heard = append(heard, fmt.Sprintf("%d %d %s %v", r.Messages, r.Sequence, r.Subject, r.Bytes == r.Messages*s.Size(1, 0, 7)))
		},
	})
	expect := func(expected ...string) {
		t.Helper()
		if !slices.Equal(heard, expected) {
			t.Fatalf("heard %q, expected %q", heard, expected)
		}
		heard = nil
	}
	s.put("a", "a", "b", "c", "a", "d")
	expect("1 1 a true", "1 2 a true")
	s.remove(3)
	expect("1 3 b true")
	s.put("a", "b", "b")
	expect("1 4 c true", "1 5 a true")
	s.purge(store.Purge{Filter: filter(t, "b")}, 2)
	expect("2 0  true")
	// A purge of one tells the subject of the message, not the filter.
	s.purge(store.Purge{Filter: filter(t, "*"), Keep: 1}, 1)
	expect("1 6 d true")
	s.purge(store.Purge{}, 1)
	expect("1 7 a true")
	s.purge(store.Purge{}, 0)
	s.compact(0, 0)
	expect()
}
