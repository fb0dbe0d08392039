package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
)

// Reading is how messages are found.
func Reading(t *testing.T, open Open) { tell(t, open, readingStories) }

var readingStories = []story{
	{"next of one and of many filters", nextOfMany},
	{"next starts before the first match", nextBeforeFirst},
	{"next of a wildcard", nextOfWildcard},
	{"next of a subject", nextOfLiteral},
	{"previous", previous},
	{"previous of many filters", previousOfMany},
	{"previous down to the first", previousToFirst},
	{"search far", searchFar},
	{"last", last},
	{"each", each},
	{"sequence of a time", sequenceAt},
	{"sequence of a time behind the last message", sequenceAtDeletedEnd},
	{"sequence of a time that went back", sequenceAtBack},
	{"last of each subject", lastSequences},
	{"last of each subject, as messages", eachLast},
	{"last of each subject follows removals", lastSequencesFollow},
	{"last of each subject, too many", lastSequencesTooMany},
	{"last of all subjects", lastSequencesOfAll},
	{"readers together", readersTogether},
}

func nextOfMany(t *testing.T, open Open) {
	s := plain(t, open)
	var literals []string
	for i := range 1000 {
		literals = append(literals, fmt.Sprintf("foo.%d", i))
	}
	s.put(literals...)
	for _, f := range []*store.Filter{filter(t, "foo.>"), filter(t, literals...)} {
		for i := range literals {
			if m := s.expectNext(f, uint64(i+1), uint64(i+1)); string(m.Subject) != literals[i] {
				t.Fatalf("%d is on %s", i+1, m.Subject)
			}
		}
	}
	three := filter(t, "foo.2", "foo.222", "foo.999")
	s.expectNext(three, 1, 3)
	s.expectNext(three, 4, 223)
	s.expectNext(three, 224, 1000)
	s.expectNone(three, 1001)
}

func nextBeforeFirst(t *testing.T, open Open) {
	s := plain(t, open)
	for i := range 100 {
		s.put(fmt.Sprintf("bar.%d", i))
	}
	s.put("foo.1")
	f := filter(t, "foo.*")
	if m := s.expectNext(f, 1, 101); string(m.Subject) != "foo.1" {
		t.Fatalf("on %s", m.Subject)
	}
	s.expectNone(f, 102)
}

// fooBars is 32 messages on five subjects.
func fooBars(t *testing.T, open Open) *stage {
	s := plain(t, open)
	s.put("foo.bar.a")
	s.fill(10, "foo.baz.bar")
	s.put("foo.bar.b")
	s.fill(10, "foo.baz.bar")
	s.fill(10, "foo.baz.bar.no.match")
	return s
}

// nextMatch is what a table of searches compares: 0 is none. The last match is there
// from any start with a next one.
type nextMatch struct {
	filter            string
	start, next, last uint64
}

func (s *stage) expectMatches(table []nextMatch) {
	s.Helper()
	for _, c := range table {
		f := filter(s.TB, c.filter)
		if c.next == 0 {
			s.expectNone(f, c.start)
		} else {
			s.expectNext(f, c.start, c.next)
		}
		if sum, err := s.Matching(f, c.start); err != nil || sum.First != c.next || sum.Last != c.last {
			s.Fatalf("%s from %d: %+v %v, expected %d to %d", c.filter, c.start, sum, err, c.next, c.last)
		}
	}
}

func nextOfWildcard(t *testing.T, open Open) {
	fooBars(t, open).expectMatches([]nextMatch{
		{"foo.bar.*", 0, 1, 12},
		{"foo.bar.*", 1, 1, 12},
		{"foo.bar.*", 2, 12, 12},
		{"foo.bar.*", 13, 0, 0},
		{"foo.baz.*", 1, 2, 22},
		{"foo.baz.*", 11, 11, 22},
		{"foo.baz.*", 12, 13, 22},
		{"foo.baz.*", 22, 22, 22},
		{"foo.baz.*", 23, 0, 0},
		{"foo.nope.*", 1, 0, 0},
		{"foo.>", 1, 1, 32},
	})
}

func nextOfLiteral(t *testing.T, open Open) {
	fooBars(t, open).expectMatches([]nextMatch{
		{"foo.bar.a", 0, 1, 1},
		{"foo.bar.a", 2, 0, 0},
		{"foo.baz.bar", 1, 2, 22},
		{"foo.baz.bar", 11, 11, 22},
		{"foo.baz.bar", 22, 22, 22},
		{"foo.baz.bar", 23, 0, 0},
		{"foo.nope", 1, 0, 0},
	})
}

func previous(t *testing.T, open Open) {
	s := plain(t, open)
	s.put("foo.1", "bar.1", "foo.2", "bar.2", "foo.3")
	for _, c := range []struct {
		filter          string
		start, expected uint64
	}{{"", 5, 5}, {"", 900, 5}, {"foo.2", 5, 3}, {"foo.*", 5, 5}, {"foo.*", 4, 3}, {"bar.*", 3, 2}} {
		s.expectPrevious(filter(t, c.filter), c.start, c.expected)
	}
	var m store.Message
	for _, c := range []struct {
		filter string
		start  uint64
	}{{"baz.*", 5}, {"baz", 5}, {"bar.1", 1}, {"", 0}} {
		if seq, err := s.Previous(filter(t, c.filter), c.start, &m); seq != 1 || err != store.ErrEOF {
			t.Errorf("previous of %q from %d: %d %v", c.filter, c.start, seq, err)
		}
	}
}

func previousOfMany(t *testing.T, open Open) {
	s := plain(t, open)
	for i := range 1000 {
		s.put(fmt.Sprintf("foo.%d", i+1))
	}
	f := filter(t, "foo.5", "foo.15", "foo.105")
	start := uint64(1000)
	for _, expected := range []uint64{105, 15, 5} {
		m := s.expectPrevious(f, start, expected)
		if string(m.Subject) != fmt.Sprintf("foo.%d", expected) {
			t.Fatalf("%d is on %s", expected, m.Subject)
		}
		start = expected - 1
	}
	var m store.Message
	if _, err := s.Previous(f, 4, &m); err != store.ErrEOF {
		t.Fatalf("before the first: %v", err)
	}
}

func previousToFirst(t *testing.T, open Open) {
	s := plain(t, open)
	for i := range 10 {
		s.put(fmt.Sprintf("foo.%d", i+1))
	}
	var got []uint64
	var m store.Message
	for start := uint64(10); ; start-- {
		seq, err := s.Previous(filter(t, ">"), start, &m)
		if err == store.ErrEOF {
			if seq != 1 {
				t.Fatalf("at the end: %d", seq)
			}
			break
		}
		s.must(err)
		got = append(got, seq)
	}
	if !slices.Equal(got, []uint64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}) {
		t.Fatalf("%v", got)
	}
}

// searchFar has matches that are so far apart that a search has to do more than to
// look at one message after the other.
func searchFar(t *testing.T, open Open) {
	s := plain(t, open)
	s.put("foo.baz.1")
	s.fill(3000, "foo.bar")
	s.put("foo.baz.2")
	s.fill(3000, "foo.bar")
	for _, f := range []*store.Filter{filter(t, "foo.baz.*"), filter(t, "foo.baz.1", "foo.baz.2")} {
		s.expectNext(f, 1, 1)
		s.expectNext(f, 2, 3002)
		s.expectNone(f, 3003)
		s.expectPrevious(f, 9000, 3002)
		s.expectPrevious(f, 3001, 1)
	}
	s.remove(3002)
	s.expectNone(filter(t, "foo.baz.*"), 2)
	s.expectPrevious(filter(t, "foo.baz.*"), 9000, 1)
}

func last(t *testing.T, open Open) {
	s := plain(t, open)
	s.put("foo.1", "foo.2", "bar", "foo.1")
	var m store.Message
	expect := func(pattern string, expected uint64) {
		t.Helper()
		if err := s.Last(filter(t, pattern), &m); err != nil || m.Sequence != expected {
			t.Fatalf("last of %q: %d %v, expected %d", pattern, m.Sequence, err, expected)
		}
	}
	expect("", 4)
	expect("foo.*", 4)
	expect("*.2", 2)
	expect("bar", 3)
	s.remove(4)
	expect("foo.*", 2)
	expect("foo.1", 1)
	for _, pattern := range []string{"", ">", "none", "none.*"} {
		if err := s.Last(filter(t, pattern), &m); err != store.ErrNotFound {
			t.Errorf("last of %q: %v", pattern, err)
		}
	}
}

func each(t *testing.T, open Open) {
	s := plain(t, open)
	s.put("a", "b", "a", "b", "a")
	s.remove(3)
	var got []string
	s.must(s.Each(filter(t, "a"), 1, func(m *store.Message) bool {
		got = append(got, fmt.Sprintf("%d %s", m.Sequence, m.Subject))
		return true
	}))
	s.must(s.Each(nil, 2, func(m *store.Message) bool {
		got = append(got, fmt.Sprint(m.Sequence))
		return m.Sequence < 4
	}))
	if !slices.Equal(got, []string{"1 a", "5 a", "2", "4"}) {
		t.Fatalf("%v", got)
	}
	n := testing.AllocsPerRun(10, func() {
		_ = s.Each(nil, 0, func(*store.Message) bool { return true })
	})
	if n > 1 {
		t.Errorf("%.0f allocations for a walk", n)
	}
}

func sequenceAt(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(10, "foo")
	at := begin + 2*int64(time.Millisecond) // that of the second
	s.remove(4, 5, 6, 7)
	for when, expected := range map[int64]uint64{at: 2, at + 1: 3, at + int64(time.Millisecond) + 1: 8, 0: 1, s.now: 10, s.now + 1: 11} {
		if seq, err := s.SequenceAt(when); seq != expected || err != nil {
			t.Errorf("at %d: %d %v, expected %d", when, seq, err, expected)
		}
	}
	s.remove(10)
	if seq, err := s.SequenceAt(at); seq != 2 || err != nil {
		t.Fatalf("after the last is gone: %d %v", seq, err)
	}
}

func sequenceAtDeletedEnd(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(500, "foo")
	between := s.now + 1
	s.now += int64(100 * time.Millisecond)
	s.fill(500, "foo")
	for seq := uint64(900); seq <= 1000; seq++ {
		s.remove(seq)
	}
	if seq, err := s.SequenceAt(between); seq != 501 || err != nil {
		t.Fatalf("%d %v", seq, err)
	}
}

func sequenceAtBack(t *testing.T, open Open) {
	s := plain(t, open)
	for _, at := range []int64{50, 10, 30, 20, 90} {
		s.must(s.Append(&store.Message{Subject: []byte("a"), Time: begin + at}, store.Decided))
	}
	for at, expected := range map[int64]uint64{0: 1, 10: 1, 50: 1, 51: 5, 91: 6} {
		if seq, err := s.SequenceAt(begin + at); seq != expected || err != nil {
			t.Errorf("at %d: %d %v, expected %d", at, seq, err, expected)
		}
	}
	s.remove(1)
	if seq, err := s.SequenceAt(begin + 25); seq != 3 || err != nil {
		t.Errorf("after the first is gone: %d %v", seq, err)
	}
}

func lastSequences(t *testing.T, open Open) {
	s := plain(t, open)
	for range 33 {
		s.put("foo.foo", "foo.bar", "foo.baz")
	}
	for range 33 {
		s.put("bar.foo", "bar.bar", "bar.baz")
	}
	for _, c := range []struct {
		filters  []string
		upTo     uint64
		expected []uint64
	}{
		{[]string{"foo.*"}, 3, []uint64{1, 2, 3}},
		{[]string{"foo.*"}, 0, []uint64{97, 98, 99}},
		{[]string{"bar.*"}, 0, []uint64{196, 197, 198}},
		{[]string{"bar.*"}, 99, nil},
		{[]string{"foo.foo", "foo.bar", "foo.baz"}, 3, []uint64{1, 2, 3}},
		{[]string{"foo.foo", "foo.bar", "foo.baz"}, 0, []uint64{97, 98, 99}},
		{[]string{"bar.foo", "bar.bar", "bar.baz"}, 0, []uint64{196, 197, 198}},
		{[]string{"bar.foo", "bar.bar", "bar.baz"}, 99, nil},
		{[]string{"foo.foo"}, 3, []uint64{1}},
		{[]string{"foo.*", "foo.bar"}, 3, []uint64{1, 2, 3}},
		{[]string{"bar.>", "bar.bar", "bar.baz"}, 0, []uint64{196, 197, 198}},
		{[]string{">"}, 0, []uint64{97, 98, 99, 196, 197, 198}},
		{[]string{">"}, 99, []uint64{97, 98, 99}},
		{[]string{"foo.*"}, 50, []uint64{48, 49, 50}},
	} {
		s.expectLasts(filter(t, c.filters...), c.upTo, c.expected...)
	}
}

func eachLast(t *testing.T, open Open) {
	s := plain(t, open)
	for range 3 {
		for i := range 10 {
			s.put(fmt.Sprintf("foo.%d", i))
		}
	}
	for _, c := range []struct {
		name              string
		filter            string
		start, upTo       uint64
		most, stop        int
		first, total, end uint64
		n                 int
		err               error
	}{
		{name: "whole stream", filter: "foo.*", first: 21, total: 10, n: 10},
		{name: "from a sequence", filter: "foo.*", start: 26, first: 26, total: 10, n: 5},
		{name: "up to a sequence", filter: "foo.*", upTo: 25, first: 16, total: 10, n: 10},
		{name: "stopped", filter: "foo.*", stop: 3, first: 21, total: 10, end: 7, n: 3},
		{name: "too many", filter: "foo.*", most: 5, err: store.ErrTooMany},
		{name: "none", filter: "bar.>"},
	} {
		var got []uint64
		total, left, err := store.EachLast(s, filter(t, c.filter), c.start, c.upTo, c.most, func(m *store.Message, left uint64) bool {
			if expected := c.first + uint64(len(got)); m.Sequence != expected || left != c.first+c.total-1-m.Sequence && c.start == 0 {
				t.Fatalf("%s: %d with %d left, expected %d", c.name, m.Sequence, left, expected)
			}
			if left != 30-m.Sequence && c.upTo == 0 {
				t.Fatalf("%s: %d left after %d", c.name, left, m.Sequence)
			}
			got = append(got, m.Sequence)
			return c.stop == 0 || len(got) < c.stop
		})
		if total != c.total || left != c.end || err != c.err || len(got) != c.n {
			t.Errorf("%s: %d of %d, %d left, %v", c.name, len(got), total, left, err)
		}
	}
}

func lastSequencesFollow(t *testing.T, open Open) {
	s := plain(t, open)
	s.put("foo", "bar", "foo", " baz", "foo", "foo", "bar", "foo", "bar", "baz")
	f := filter(t, "foo", "bar")
	s.expectLasts(f, 0, 8, 9)
	s.remove(8)
	s.expectLasts(f, 0, 6, 9)

	s = plain(t, open)
	s.fill(3, "foo")
	f = filter(t, "foo")
	s.expectLasts(f, 0, 3)
	s.remove(3)
	s.expectLasts(f, 0, 2)
	s.fill(1, "foo")
	var m store.Message
	s.must(s.Last(f, &m))
	if m.Sequence != 4 {
		t.Fatalf("last is %d", m.Sequence)
	}
	s.remove(4)
	s.must(s.Last(f, &m))
	if m.Sequence != 2 {
		t.Fatalf("last is %d", m.Sequence)
	}
}

func lastSequencesTooMany(t *testing.T, open Open) {
	s := plain(t, open)
	for i := range 100 {
		s.put(fmt.Sprintf("foo.%d", i))
	}
	f := filter(t, "foo.*")
	if list, err := s.LastSequences(f, 0, 10); list != nil || err != store.ErrTooMany {
		t.Fatalf("%v %v", list, err)
	}
	if list, err := s.LastSequences(f, 0, 100); len(list) != 100 || err != nil {
		t.Fatalf("%d %v", len(list), err)
	}
}

func lastSequencesOfAll(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MaxPerSubject: 50})
	names := []string{"foo.foo", "foo.bar", "foo.baz", "bar.foo", "bar.bar", "bar.baz"}
	state := uint32(1)
	for range 10_000 {
		state = state*1664525 + 1013904223
		s.put(names[state>>16%uint32(len(names))])
	}
	var expected []uint64
	for _, name := range names {
		var m store.Message
		s.must(s.Last(filter(t, name), &m))
		expected = append(expected, m.Sequence)
	}
	slices.Sort(expected)
	s.expectLasts(nil, 0, expected...)
}

// readersTogether is for the race detector: reading must not write.
func readersTogether(t *testing.T, open Open) {
	s := fooBars(t, open)
	s.remove(5, 6, 20)
	f := filter(t, "foo.bar.*", "foo.baz.bar")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			var m store.Message
			for seq := uint64(1); seq <= 32; seq++ {
				_ = s.Load(seq, &m)
				_, _ = s.Subject(seq)
				_, _ = s.Next(f, seq, &m)
				_, _ = s.Previous(f, seq, &m)
				_, _, _ = s.Pending(f, seq, seq%2 == 0)
				_, _ = s.Matching(f, seq)
				_, _ = s.LastSequences(f, seq, 0)
				_, _ = s.SequenceAt(begin + int64(seq))
			}
			_ = s.State()
			_ = store.TakeSnapshot(s)
			_ = s.Last(f, &m)
			_, _ = store.Totals(s, f, 0)
			if err := s.Each(f, 0, func(m *store.Message) bool { return len(m.Payload) > 0 }); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	s.expect(29, 1, 32)
}
