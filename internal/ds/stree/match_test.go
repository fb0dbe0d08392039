package stree

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func wantMatches(t *testing.T, tree *Tree[int], filter string, want int) {
	t.Helper()
	var got []string
	if !tree.Match([]byte(filter), func(subject []byte, value *int) bool {
		if !matches(filter, string(subject)) || tree.Find(subject) != value {
			t.Errorf("%q came for %q", subject, filter)
		}
		got = append(got, string(subject))
		return true
	}) {
		t.Errorf("Match(%q) says that it was stopped", filter)
	}
	if len(got) != want || !slices.IsSorted(got) || len(slices.Compact(got)) != want {
		t.Errorf("%q matches %q, want %d", filter, got, want)
	}
}

type expectation struct {
	filter string
	want   int
}

// Go: TestSubjectTreeMatchLeafOnly server/stree/stree_test.go:333
// Go: TestSubjectTreeMatchNodes server/stree/stree_test.go:354
// Go: TestSubjectTreePartialTerminalWildcardBugMatch server/stree/stree_test.go:455
// Go: TestSubjectTreeMatchTsepSecondThenPartialPartBug server/stree/stree_test.go:645
// Go: TestSubjectTreeMatchMultipleWildcardBasic server/stree/stree_test.go:657
// Go: TestSubjectTreeMatchInvalidWildcard server/stree/stree_test.go:664
// Go: TestMatchComplexEdgeCases server/stree/stree_test.go:2220
func TestMatch(t *testing.T) {
	nodes := []string{"foo.bar.A", "foo.bar.B", "foo.bar.C", "foo.baz.A", "foo.baz.B", "foo.baz.C"}
	common := []expectation{
		{"foo.bar.A", 1}, {"foo.baz.A", 1}, {"foo.*.A", 2}, {"foo.bar.*", 3}, {"foo.baz.*", 3},
		{"foo.bar.>", 3}, {"foo.baz.>", 3}, {"foo.ba", 0},
	}
	for _, test := range []struct {
		subjects []string
		want     []expectation
	}{
		{[]string{"foo.bar.baz.A"}, []expectation{
			{"foo.bar.*.A", 1}, {"foo.*.baz.A", 1}, {"foo.*.*.A", 1}, {"foo.*.*.*", 1}, {"*.*.*.*", 1},
			{">", 1}, {"foo.>", 1}, {"foo.*.>", 1}, {"foo.bar.>", 1}, {"foo.bar.*.>", 1}, {"foo.bar.baz", 0},
		}},
		{nodes, append([]expectation{{"foo.bar", 0}, {">", 6}, {"foo.>", 6}}, common...)},
		{append([]string{"foo.bar"}, nodes...), append([]expectation{{"foo.bar", 1}, {">", 7}, {"foo.>", 7}}, common...)},
		{
			[]string{"STATE.GLOBAL.CELL1.7PDSGAALXNN000010.PROPERTY-A", "STATE.GLOBAL.CELL1.7PDSGAALXNN000010.PROPERTY-B",
				"STATE.GLOBAL.CELL1.7PDSGAALXNN000010.PROPERTY-C"},
			[]expectation{{"STATE.GLOBAL.CELL1.7PDSGAALXNN000010.*", 3}},
		},
		{
			[]string{"foo.xxxxx.foo1234.zz", "foo.yyy.foo123.zz", "foo.yyybar789.zz", "foo.yyy.foo12345.zz",
				"foo.yyy.foo12345.yy", "foo.yyy.foo123456789.zz"},
			[]expectation{{"foo.*.foo123456789.*", 1}, {"foo.*.*.zzz.foo.>", 0}},
		},
		{[]string{"A.B.C.D.0.G.H.I.0", "A.B.C.D.1.G.H.I.0"}, []expectation{{"A.B.*.D.1.*.*.I.0", 1}}},
		{[]string{"foo.123", "one.two.three.four.five", "'*.123", "bar"}, []expectation{
			{"invalid.>", 0}, {"foo.>.bar", 0}, {">", 4}, {`'*.*`, 1}, {`'*.*.*'`, 0}, {"`>`", 0}, {`">"`, 0}, {`'>'`, 0},
			{`'*.>'`, 0}, {`'*.>.`, 0}, {"`invalid.>`", 0}, {`'*.*'`, 0},
		}},
		{[]string{"foo.bar.baz", "foo.bar.qux", "foo.baz.bar", "bar.foo.baz"}, []expectation{{"foo.bar.>", 2}}},
	} {
		tree := treeOf(test.subjects...)
		for _, e := range test.want {
			wantMatches(t, tree, e.filter, e.want)
		}
	}
}

// Go: TestSubjectTreeMatchUntil server/stree/stree_test.go:409
func TestMatchStops(t *testing.T) {
	tree := treeOf("foo.bar.A", "foo.bar.B", "foo.bar.C", "foo.baz.A", "foo.baz.B", "foo.baz.C", "foo.bar")
	for _, test := range []struct {
		filter    string
		stopAfter int
		count     int
		completed bool
	}{
		{"foo.>", 3, 3, false},
		{"foo.bar", 3, 1, true},
		{"foo.baz.*", 4, 3, true},
		{"*.*.B", 1, 1, false},
	} {
		n := 0
		completed := tree.Match([]byte(test.filter), func([]byte, *int) bool {
			n++
			return n < test.stopAfter
		})
		if n != test.count || completed != test.completed {
			t.Errorf("%q: %d visited, completed is %v", test.filter, n, completed)
		}
	}
}

// Go: TestSubjectTreeMatchSubjectParam server/stree/stree_test.go:463
// Go: TestSubjectTreeMatchNoCallbackDupe server/stree/stree_test.go:963
func TestMatchGivesSubjectsOnce(t *testing.T) {
	subjects := []string{"foo.bar.A", "foo.bar.B", "foo.bar.C", "foo.baz.A", "foo.baz.B", "foo.baz.C", "foo.bar", "foo.bar.>"}
	tree := treeOf(subjects...)
	for filter, want := range map[string]int{">": 8, "foo.>": 8, "foo.bar.>": 4} {
		seen := map[string]int{}
		tree.Match([]byte(filter), func(subject []byte, value *int) bool {
			if subjects[*value-1] != string(subject) {
				t.Fatalf("%q came with %d", subject, *value)
			}
			seen[string(subject)]++
			return true
		})
		for subject, n := range seen {
			if n != 1 {
				t.Errorf("%q: %q came %d times", filter, subject, n)
			}
		}
		if len(seen) != want {
			t.Errorf("%q: %d subjects, want %d", filter, len(seen), want)
		}
	}
}

// Go: TestSubjectTreeMatchRandomDoublePWC server/stree/stree_test.go:492
func TestMatchOfManySubjects(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	tree := &Tree[int]{}
	want := map[string]int{"foo.*.*": 10_000, "*.2.*": 0, "*.*.222": 0}
	for i := 1; i <= 10_000; i++ {
		subject := fmt.Sprintf("foo.%d.%d", random.IntN(20)+1, i)
		insert(t, tree, subject, 42)
		if strings.HasPrefix(subject, "foo.2.") {
			want["*.2.*"]++
		}
		if strings.HasSuffix(subject, ".222") {
			want["*.*.222"]++
		}
	}
	for filter, n := range want {
		wantMatches(t, tree, filter, n)
	}
}

// Go: TestSubjectTreeIterOrdered server/stree/stree_test.go:531
// Go: TestSubjectTreeIterFast server/stree/stree_test.go:584
// Go: TestIterEdgeCases server/stree/stree_test.go:2101
func TestAllAscendsAndStops(t *testing.T) {
	subjects := []string{"foo.bar", "foo.bar.A", "foo.bar.B", "foo.bar.C", "foo.baz.A", "foo.baz.B", "foo.baz.C"}
	reversed := slices.Clone(subjects)
	slices.Reverse(reversed)
	tree := treeOf(reversed...)
	var got []string
	for subject, value := range tree.All {
		if reversed[*value-1] != string(subject) {
			t.Fatalf("%q came with %d", subject, *value)
		}
		got = append(got, string(subject))
	}
	if !slices.Equal(got, subjects) {
		t.Fatalf("visited %q", got)
	}
	for stop := 1; stop <= len(subjects); stop++ {
		n := 0
		tree.All(func([]byte, *int) bool {
			n++
			return n != stop
		})
		if n != stop {
			t.Fatalf("visited %d, want %d", n, stop)
		}
	}
}

// Go: TestIterComplexTree server/stree/stree_test.go:2237
func TestAllOfDeepTree(t *testing.T) {
	tree := &Tree[int]{}
	for i := range 20 {
		insert(t, tree, fmt.Sprintf("level1.level2.level3.item%d", i), i)
	}
	n := 0
	for range tree.All {
		n++
	}
	if n != 20 {
		t.Fatalf("visited %d", n)
	}
}

// A walk allocates once at most, however many subjects it meets; a search never.
func TestWalksDoNotAllocate(t *testing.T) {
	tree := treeOf(letters(26)...)
	for _, test := range []struct {
		name string
		most float64
		walk func()
	}{
		{"All", 0, func() { tree.All(func([]byte, *int) bool { return true }) }},
		{"Match", 1, func() { tree.Match([]byte("foo.*.>"), func([]byte, *int) bool { return true }) }},
		{"Find", 0, func() { tree.Find([]byte("foo.bar.Q")) }},
	} {
		if allocs := testing.AllocsPerRun(10, test.walk); allocs > test.most {
			t.Errorf("%s allocates %v times", test.name, allocs)
		}
	}
}

// Go: TestSubjectTreeLazyIntersect server/stree/stree_test.go:1047
// Go: TestSubjectTreeLazyIntersectComprehensive server/stree/stree_test.go:1491
func TestIntersect(t *testing.T) {
	large := make([]string, 100)
	for i := range large {
		large[i] = fmt.Sprintf("large.%d", i)
	}
	for _, test := range []struct {
		name       string
		a, b, want []string
	}{
		{"nothing", nil, nil, nil},
		{"nothing and something", nil, []string{"foo"}, nil},
		{"alike but not equal",
			[]string{"foo.bar", "foo.bar.baz.qux", "bar", "a.b.c", "a.b.ee", "bb.c.d"},
			[]string{"foo.bar", "foo.bar.baz.qux", "baz", "a.b.d", "a.b.e", "b.c.d", "foo.bar.baz.qux.alice", "foo.bar.baz.qux.bob"},
			[]string{"foo.bar", "foo.bar.baz.qux"}},
		{"small and large", []string{"large.5", "large.10", "large.50", "small.only"}, large, []string{"large.10", "large.5", "large.50"}},
		{"deep", []string{"a.b.c.d.e.f.g", "a.b.c.d", "prefix.suffix1"}, []string{"a.b.c.d.e.f.g", "a.b.c.d.e", "prefix.suffix2"},
			[]string{"a.b.c.d.e.f.g"}},
	} {
		a, b := treeOf(test.a...), &Tree[string]{}
		for _, subject := range test.b {
			if _, _, err := b.Insert([]byte(subject), "value of "+subject); err != nil {
				t.Fatal(err)
			}
		}
		var got, swapped []string
		Intersect(a, b, func(subject []byte, x *int, y *string) bool {
			if test.a[*x-1] != string(subject) || *y != "value of "+string(subject) {
				t.Errorf("%s: %q came with %d and %q", test.name, subject, *x, *y)
			}
			got = append(got, string(subject))
			return true
		})
		Intersect(b, a, func(subject []byte, _ *string, _ *int) bool {
			swapped = append(swapped, string(subject))
			return true
		})
		if !slices.Equal(got, test.want) || !slices.Equal(swapped, test.want) {
			t.Errorf("%s: %q and %q, want %q", test.name, got, swapped, test.want)
		}
		n := 0
		Intersect(a, b, func([]byte, *int, *string) bool {
			n++
			return false
		})
		if n > 1 {
			t.Errorf("%s: not stopped", test.name)
		}
	}
	Intersect(nil, treeOf("foo"), func([]byte, *int, *int) bool {
		t.Error("a nil tree has something")
		return true
	})
}
