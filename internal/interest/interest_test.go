package interest

import (
	"slices"
	"testing"
)

// count is what Count must return for one subject.
type count struct {
	subj          string
	plain, queued int
}

func expectCounts(t *testing.T, x *Index[int], counts ...count) {
	t.Helper()
	r := x.Reader()
	defer r.Release()
	for _, c := range counts {
		plain, queued := r.Count([]byte(c.subj))
		if plain != c.plain || queued != c.queued {
			t.Fatalf("Count(%q) = %d, %d, want %d, %d", c.subj, plain, queued, c.plain, c.queued)
		}
		if got := r.HasInterest([]byte(c.subj)); got != (c.plain+c.queued > 0) {
			t.Fatalf("HasInterest(%q) = %v", c.subj, got)
		}
	}
}

// Go: TestSublistHasInterest server/sublist_test.go:1633
// Go: TestSublistNumInterest server/sublist_test.go:1810
func TestInterestIsCounted(t *testing.T) {
	x := New[int]()
	insert(t, x, "foo", "", 1, 1)
	expectCounts(t, x, count{"foo", 1, 0}, count{"bar", 0, 0}, count{"foo", 1, 0}, count{"bar", 0, 0})
	remove(t, x, "foo", "", 1)
	expectCounts(t, x, count{"foo", 0, 0})

	for _, c := range []struct {
		pattern string
		foo     int // matches foo
		fooBar  int // matches foo.bar
		fooBaz  int
		three   int // matches foo.bar.baz
	}{
		{"foo", 1, 0, 0, 0},
		{"foo.*", 0, 1, 1, 0},
		{"foo.>", 0, 1, 1, 1},
		{"*.>", 0, 1, 1, 1},
		{"*.bar", 0, 1, 0, 0},
		{"*", 1, 0, 0, 0},
	} {
		expectTimes := func(plain, queued int) {
			t.Helper()
			expectCounts(t, x,
				count{"foo", c.foo * plain, c.foo * queued},
				count{"foo.bar", c.fooBar * plain, c.fooBar * queued},
				count{"foo.baz", c.fooBaz * plain, c.fooBaz * queued},
				count{"foo.bar.baz", c.three * plain, c.three * queued},
			)
		}
		insert(t, x, c.pattern, "", 1, 1)
		expectTimes(1, 0)
		remove(t, x, c.pattern, "", 1)
		expectTimes(0, 0)

		insert(t, x, c.pattern, "bar", 1, 1)
		expectTimes(0, 1)
		insert(t, x, c.pattern, "baz", 1, 2)
		expectTimes(0, 2)
		insert(t, x, c.pattern, "baz", 7, 3) // counts once, whatever its weight
		expectTimes(0, 3)
		insert(t, x, c.pattern, "", 1, 1)
		expectTimes(1, 3)
		remove(t, x, c.pattern, "", 1)
		remove(t, x, c.pattern, "bar", 1)
		expectTimes(0, 2)
		remove(t, x, c.pattern, "baz", 2)
		expectTimes(0, 1)
		remove(t, x, c.pattern, "baz", 3)
		expectTimes(0, 0)
	}
	expectNothingLeft(t, x)
}

// Go: TestSublistHasInterestOverlapping server/sublist_test.go:1802
func TestInterestWithOverlappingSubjects(t *testing.T) {
	x := New[int]()
	insert(t, x, "stream.A.child", "", 1, 1)
	insert(t, x, "stream.*", "", 1, 2)
	expectCounts(t, x, count{"stream.A.child", 1, 0}, count{"stream.A", 1, 0}, count{"stream", 0, 0})
}

func subjectsOf(entries []Entry[int]) []string {
	subjects := []string{}
	for _, e := range entries {
		subjects = append(subjects, e.Subject)
	}
	slices.Sort(subjects)
	return subjects
}

// Go: TestSublistReverseMatch server/sublist_test.go:1464
func TestOverlappingFindsStoredLiterals(t *testing.T) {
	x := New[int]()
	for i, subj := range []string{"foo", "bar", "foo.bar", "foo.baz", "foo.bar.baz"} {
		insert(t, x, subj, "", 1, i)
	}
	for pattern, want := range map[string][]string{
		"foo":     {"foo"},
		"bar":     {"bar"},
		"*":       {"bar", "foo"},
		"baz":     {},
		"foo.*":   {"foo.bar", "foo.baz"},
		"*.*":     {"foo.bar", "foo.baz"},
		"*.bar":   {"foo.bar"},
		"*.baz":   {"foo.baz"},
		"bar.*":   {},
		"*.bat":   {},
		"foo.>":   {"foo.bar", "foo.bar.baz", "foo.baz"},
		">":       {"bar", "foo", "foo.bar", "foo.bar.baz", "foo.baz"},
		"foo..>":  {},
		"":        {},
		"foo.>.a": {},
	} {
		if got := subjectsOf(overlapping(x, pattern)); !slices.Equal(got, want) {
			t.Errorf("Overlapping(%q) = %q, want %q", pattern, got, want)
		}
	}
}

// Go: TestSublistReverseMatchWider server/sublist_test.go:1532
func TestOverlappingFindsWiderPatterns(t *testing.T) {
	x := New[int]()
	insert(t, x, "uplink.*.*.>", "", 1, 1)
	insert(t, x, "downlink.*.*.>", "", 1, 2)
	insert(t, x, "uplink.*", "", 1, 3)
	for _, pattern := range []string{"uplink.1.*.*.>", "uplink.1.2.3.>", "uplink.1.2.3", "*.1.2.3.4"} {
		got := subjectsOf(overlapping(x, pattern))
		if !slices.Contains(got, "uplink.*.*.>") || slices.Contains(got, "uplink.*") {
			t.Errorf("Overlapping(%q) = %q", pattern, got)
		}
	}
}
