package storetest

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

// Counting is what a stream knows of how many messages there are.
func Counting(t *testing.T, open Open) { tell(t, open, countingStories) }

var countingStories = []story{
	{"subject follows removals", subjectFollows},
	{"subject with one message left", subjectOneLeft},
	{"totals of subjects", totals},
	{"pages of subjects", pages},
	{"pending by scan", pendingByScan},
	{"pending of many filters", pendingOfMany},
	{"pending of many small subjects", pendingOfSmall},
	{"pending counts subjects from their last message", pendingLastPerSubject},
	{"deleted", deleted},
	{"deleted at random", deletedAtRandom},
	{"snapshot", snapshot},
}

func subjectFollows(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(4, "foo")
	s.expectSubject("foo", 4, 1, 4)
	s.remove(1)
	s.expectSubject("foo", 3, 2, 4)
	s.remove(4)
	s.expectSubject("foo", 2, 2, 3)
	s.remove(2)
	s.expectSubject("foo", 1, 3, 3)
	s.fill(3, "foo")
	s.expectSubject("foo", 4, 3, 7)
	s.remove(7, 3, 5)
	s.expectSubject("foo", 1, 6, 6)
	s.fill(1, "foo")
	s.remove(8)
	s.fill(1, "foo")
	s.expectSubject("foo", 2, 6, 9)
	s.remove(6, 9)
	s.expectSubject("foo", 0, 0, 0)
	if n := s.State().Subjects; n != 0 {
		t.Fatalf("%d subjects", n)
	}
}

func subjectOneLeft(t *testing.T, open Open) {
	s := plain(t, open)
	for _, c := range []struct {
		fill   int
		remove []uint64
		left   uint64
	}{{3, []uint64{2, 1}, 3}, {2, []uint64{3, 5}, 4}, {2, []uint64{7, 4}, 6}, {2, []uint64{9, 8}, 6}} {
		s.fill(c.fill, "foo")
		s.remove(c.remove...)
		s.expectSubject("foo", 1, c.left, c.left)
	}
}

func totals(t *testing.T, open Open) {
	s := plain(t, open)
	random := rand.New(rand.NewSource(1))
	expected := map[string]uint64{}
	for range 10_000 {
		subject := fmt.Sprintf("%s.%d", []string{"foo", "bar"}[random.Intn(2)], random.Intn(100))
		expected[subject]++
		s.put(subject)
	}
	for _, pattern := range []string{"foo.*", "bar.*", "*.*", ">", "foo.7", "none"} {
		f := filter(t, pattern)
		got, err := store.Totals(s, f, 0)
		s.must(err)
		n := 0
		for subject, total := range expected {
			if !f.Match([]byte(subject)) {
				continue
			}
			n++
			if got[subject] != total {
				t.Fatalf("%d messages on %s, expected %d", got[subject], subject, total)
			}
		}
		if len(got) != n {
			t.Fatalf("%d subjects match %s, expected %d", len(got), pattern, n)
		}
	}
	if n := s.State().Subjects; n != len(expected) {
		t.Fatalf("%d subjects, expected %d", n, len(expected))
	}
	if _, err := store.Totals(s, nil, len(expected)-1); err != store.ErrTooMany {
		t.Fatalf("too many totals: %v", err)
	}
}

func pages(t *testing.T, open Open) {
	s := plain(t, open)
	s.put("c", "a.2", "b", "a.1", "a.2")
	for _, c := range []struct {
		pattern  string
		offset   int
		most     int
		expected string
	}{
		{"", 0, 9, "a.1 a.2 b c "},
		{"", 1, 2, "a.2 b "},
		{"", 3, 9, "c "},
		{"", 4, 9, ""},
		{"a.*", 1, 9, "a.2 "},
	} {
		got, n := "", 0
		s.must(s.Subjects(filter(t, c.pattern), c.offset, func(subject []byte, _ store.SubjectState) bool {
			got += string(subject) + " "
			n++
			return n < c.most
		}))
		if got != c.expected {
			t.Errorf("%q from %d: %s, expected %s", c.pattern, c.offset, got, c.expected)
		}
	}
}

func pendingByScan(t *testing.T, open Open) {
	s := plain(t, open)
	random := rand.New(rand.NewSource(1))
	token := func() string { return []string{"foo", "bar", "baz"}[random.Intn(3)] }
	for range 20_000 {
		s.put(token() + "." + token() + "." + token() + "." + token())
	}
	for seq := uint64(7); seq <= 20_000; seq += 7 {
		s.remove(seq)
	}
	for _, pattern := range []string{"foo.>", "*.bar.>", "foo.bar.*.baz", "*.foo.bar.*", "foo.foo.bar.baz", ">"} {
		f := filter(t, pattern)
		for _, start := range []uint64{0, 1, 2, 7, 200, 444, 2222, 8888, 12_345, 19_999, 20_000, 20_001} {
			var sum store.SubjectState
			last := map[string]bool{}
			s.must(s.Each(nil, start, func(m *store.Message) bool {
				if !f.Match(m.Subject) {
					return true
				}
				if sum.Messages == 0 {
					sum.First = m.Sequence
				}
				sum.Messages++
				sum.Last = m.Sequence
				last[string(m.Subject)] = true
				return true
			}))
			if got, err := s.Matching(f, start); err != nil || got != sum {
				t.Fatalf("%s from %d: %+v %v, expected %+v", pattern, start, got, err, sum)
			}
			s.expectPending(f, start, false, sum.Messages)
			s.expectPending(f, start, true, uint64(len(last)))
		}
	}
}

func pendingOfMany(t *testing.T, open Open) {
	s := plain(t, open)
	random := rand.New(rand.NewSource(1))
	var subjects []string
	for i := range 1000 {
		subjects = append(subjects, fmt.Sprintf("ev.%d", i*7919))
	}
	for range 10_000 {
		s.put(subjects[random.Intn(len(subjects))])
	}
	f := filter(t, subjects[:500]...)
	start := uint64(500 + random.Intn(9000))
	expected := uint64(0)
	var m store.Message
	for seq := start; seq <= 10_000; seq++ {
		s.must(s.Load(seq, &m))
		if f.Match(m.Subject) {
			expected++
		}
	}
	s.expectPending(f, start, false, expected)
}

func pendingOfSmall(t *testing.T, open Open) {
	s := plain(t, open)
	for _, subject := range []string{"foo.foo", "foo.bar", "foo.baz", "foo.zzz"} {
		s.put("foo.aaa", subject, subject)
	}
	s.expectPending(filter(t, "foo.*"), 4, false, 9)
}

func pendingLastPerSubject(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(10, "foo.A")
	s.put("foo.B", "foo.C")
	s.must(s.Skip(13, 87, s.now))
	s.put("foo.B")
	s.must(s.Skip(101, 899, s.now))
	s.put("foo.C")
	s.expectPending(filter(t, "foo.*"), 13, true, 2)
	s.expectPending(filter(t, "foo.*", "foo.A"), 13, true, 2)
	s.expectPending(filter(t, "foo.*"), 10, true, 3)
}

func deleted(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(10, "foo")
	s.expectDeleted()
	s.remove(2, 4, 6, 8)
	s.expectDeleted(2, 4, 6, 8)
	s.remove(1, 3)
	s.expectDeleted(6, 8)
	s.expect(4, 5, 10)
	s.remove(10)
	s.expectDeleted(6, 8, 10)
	_, err := s.Purge(store.Purge{})
	s.must(err)
	s.expectDeleted()
}

func deletedAtRandom(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(10_000, "A")
	var expected []uint64
	random := rand.New(rand.NewSource(1))
	gone := map[uint64]bool{1: true, 10_000: true} // the ends stay
	for len(expected) < 5000 {
		if seq := uint64(random.Intn(10_000) + 1); !gone[seq] {
			gone[seq] = true
			expected = append(expected, seq)
			s.remove(seq)
		}
	}
	n := 0
	for _, d := range store.TakeSnapshot(s).Deleted {
		d.All(func(r store.Range) bool {
			for seq := range r.All {
				n++
				if !gone[seq] {
					t.Fatalf("%d is there", seq)
				}
			}
			return true
		})
	}
	if n != 5000 || s.State().Deleted() != 5000 {
		t.Fatalf("%d deleted, in all %d", s.State().Deleted(), n)
	}
}

func snapshot(t *testing.T, open Open) {
	a, b := plain(t, open), plain(t, open)
	for _, s := range []*stage{a, b} {
		s.fill(6000, "foo")
	}
	for seq := uint64(100); seq < 2000; seq += 3 {
		a.remove(seq)
	}
	for seq := uint64(3000); seq < 5500; seq++ {
		a.remove(seq)
	}
	b.remove(103, 104) // one of them also there
	taken := store.TakeSnapshot(a)
	buf := taken.Append(nil)
	if len(buf) > 600 {
		t.Errorf("a snapshot of %d bytes", len(buf))
	}
	got, err := store.DecodeSnapshot(buf)
	a.must(err)
	if got.Messages != taken.Messages || got.FirstSequence != 1 || got.LastSequence != 6000 || got.NumDeleted() != a.State().Deleted() {
		t.Fatalf("decoded %+v", got)
	}
	n, err := store.SyncDeleted(b, got.Deleted)
	a.must(err)
	if expected := a.State().Deleted() - 1; n != expected {
		t.Fatalf("%d removed, expected %d", n, expected)
	}
	b.expect(a.State().Messages-1, 1, 6000)
}
