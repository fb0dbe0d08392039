package interest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Go: TestSublistInit server/sublist_test.go:117
// Go: TestSublistInsertCount server/sublist_test.go:146
// Go: TestSublistInsertCountNoCache server/sublist_test.go:150
func TestInsertCounts(t *testing.T) {
	x := New[int]()
	expectNothingLeft(t, x)
	insert(t, x, "foo", "", 1, 1)
	insert(t, x, "bar", "", 1, 2)
	insert(t, x, "foo.bar", "", 1, 3)
	expectSubs(t, x, 3)
	remove(t, x, "bar", "", 2)
	expectSubs(t, x, 2)
	want := Stats{NumSubs: 2, NumInserts: 3, NumRemoves: 1}
	if got := x.Stats(); got != want {
		t.Fatalf("Stats = %+v, want %+v", got, want)
	}
	sum := Stats{NumSubs: 1, NumInserts: 1}
	sum.Add(want)
	if sum != (Stats{3, 4, 1}) {
		t.Fatalf("sum = %+v", sum)
	}
}

// Go: TestSublistSimple server/sublist_test.go:161
// Go: TestSublistSimpleNoCache server/sublist_test.go:165
// Go: TestSublistSimpleMultiTokens server/sublist_test.go:178
// Go: TestSublistSimpleMultiTokensNoCache server/sublist_test.go:182
func TestLiteralMatchesItself(t *testing.T) {
	x := New[int]()
	insert(t, x, "foo", "", 1, 0) // the zero value is a value like others
	insert(t, x, "foo.bar.baz", "", 1, 2)
	expect(t, x, "foo", "0")
	expect(t, x, "foo.bar.baz", "2")
	expect(t, x, "foo.bar")
	expect(t, x, "Foo")
	insert(t, x, "foo", "", 1, 3)
	expect(t, x, "foo", "0", "3")
}

// Go: TestSublistTwoTokenPubMatchSingleTokenSub server/sublist_test.go:773
// Go: TestSublistTwoTokenPubMatchSingleTokenSubNoCache server/sublist_test.go:777
func TestShorterSubjectIsNotReached(t *testing.T) {
	x := New[int]()
	insert(t, x, "foo", "", 1, 1)
	expect(t, x, "foo", "1")
	expect(t, x, "foo.bar")
}

// Go: TestSublistPartialWildcard server/sublist_test.go:195
// Go: TestSublistPartialWildcardNoCache server/sublist_test.go:199
// Go: TestSublistPartialWildcardAtEnd server/sublist_test.go:214
// Go: TestSublistPartialWildcardAtEndNoCache server/sublist_test.go:218
func TestStarMatchesOneToken(t *testing.T) {
	x := New[int]()
	insert(t, x, "a.b.c", "", 1, 1)
	insert(t, x, "a.*.c", "", 1, 2)
	expect(t, x, "a.b.c", "1", "2")
	expect(t, x, "a.x.c", "2")
	insert(t, x, "a.b.*", "", 1, 3)
	insert(t, x, "*.b.c", "", 1, 4)
	expect(t, x, "a.b.c", "1", "2", "3", "4")
	expect(t, x, "a.b", []string{}...)
	expect(t, x, "a.b.c.d", []string{}...)
	expect(t, x, "a.b.x", "3")
}

// Go: TestSublistFullWildcard server/sublist_test.go:233
// Go: TestSublistFullWildcardNoCache server/sublist_test.go:237
func TestGreaterThanMatchesTheRest(t *testing.T) {
	x := New[int]()
	insert(t, x, "a.b.c", "", 1, 1)
	insert(t, x, "a.>", "", 1, 2)
	expect(t, x, "a.b.c", "1", "2")
	expect(t, x, "a.b", "2")
	expect(t, x, "a")
	expect(t, x, "a.>", "2") // wildcards in a published subject are literal
	insert(t, x, ">", "", 1, 3)
	insert(t, x, "a.*", "", 1, 4)
	expect(t, x, "a", "3")
	expect(t, x, "a.>", "2", "3", "4")
	expect(t, x, "a.*", "2", "3", "4")
}

// Go: TestSublistRemove server/sublist_test.go:256
// Go: TestSublistRemoveNoCache server/sublist_test.go:260
// Go: TestSublistRemoveWildcard server/sublist_test.go:279
// Go: TestSublistRemoveWildcardNoCache server/sublist_test.go:283
func TestRemove(t *testing.T) {
	x := New[int]()
	insert(t, x, "a.b.c.d", "", 1, 1)
	w := x.Writer()
	for _, subj := range []string{"a.b.c", "a.b.*.d", "a.b.>"} {
		if err := w.Remove(subj, "", 1); !errors.Is(err, ErrNotFound) {
			t.Fatalf("Remove(%q): %v", subj, err)
		}
	}
	w.Release()
	insert(t, x, "a.b.*.d", "", 1, 2)
	insert(t, x, "a.b.>", "", 1, 3)
	expectSubs(t, x, 3)
	expect(t, x, "a.b.c.d", "1", "2", "3")
	remove(t, x, "a.b.c.d", "", 1)
	expectSubs(t, x, 2)
	expect(t, x, "a.b.c.d", "2", "3")
	remove(t, x, "a.b.>", "", 3)
	expectSubs(t, x, 1)
	expect(t, x, "a.b.c.d", "2")
	remove(t, x, "a.b.*.d", "", 2)
	expect(t, x, "a.b.c.d")
	expectNothingLeft(t, x)
}

// Go: TestSublistRemoveCleanup server/sublist_test.go:308
// Go: TestSublistRemoveCleanupNoCache server/sublist_test.go:312
// Go: TestSublistRemoveCleanupWildcards server/sublist_test.go:327
// Go: TestSublistRemoveCleanupWildcardsNoCache server/sublist_test.go:331
func TestRemoveFreesBranches(t *testing.T) {
	x := New[int]()
	for _, subj := range []string{"a.b.c.d.e.f", "a.b.*.d.e.>"} {
		insert(t, x, subj, "", 1, 1)
		if x.wild == nil && x.literals.entries == nil {
			t.Fatal("nothing is stored")
		}
		remove(t, x, subj, "", 1)
		expectNothingLeft(t, x)
	}

	// Two patterns that share five tokens make branches; when one goes, the
	// other is a leaf right behind its first token again.
	insert(t, x, "a.b.*.d.e.>", "", 1, 1)
	insert(t, x, "a.b.*.d.e.*", "", 1, 2)
	if got := countBranches(x.wild); got != 6 {
		t.Fatalf("%d branches for two patterns that part behind five tokens", got)
	}
	remove(t, x, "a.b.*.d.e.>", "", 1)
	if got := countBranches(x.wild); got != 1 {
		t.Fatalf("%d branches are left for one pattern", got)
	}
	expect(t, x, "a.b.c.d.e.f", "2")
	remove(t, x, "a.b.*.d.e.*", "", 2)
	expectNothingLeft(t, x)
}

func countBranches[T comparable](b *branch[T]) int {
	n := 1
	each := func(_ string, c child[T]) bool {
		if c.branch != nil {
			n += countBranches(c.branch)
		}
		return true
	}
	each("*", b.star)
	b.eachKid(each)
	return n
}

// Go: TestSublistRemoveWithLargeSubs server/sublist_test.go:346
// Go: TestSublistRemoveWithLargeSubsNoCache server/sublist_test.go:350
func TestManySubscriptionsOnOneSubject(t *testing.T) {
	for _, subj := range []string{"foo", "foo.*"} {
		for _, queue := range []string{"", "workers"} {
			t.Run(subj+" "+queue, func(t *testing.T) {
				const n = 3000
				x := New[int]()
				for i := range n {
					insert(t, x, subj, queue, 1, i)
				}
				for i, at := range []int{n / 2, 0, n - 1} {
					remove(t, x, subj, queue, at)
					if got := len(match(t, x, subj)); got != n-1-i {
						t.Fatalf("%d of %d are left", got, n)
					}
				}
				for _, v := range rand.Perm(n) {
					if v != n/2 && v != 0 && v != n-1 {
						remove(t, x, subj, queue, v)
					}
				}
				expectNothingLeft(t, x)
			})
		}
	}
}

// Go: TestSublistInvalidSubjectsInsert server/sublist_test.go:373
// Go: TestSublistInvalidSubjectsInsertNoCache server/sublist_test.go:377
// Go: TestSublistBadSubjectOnRemove server/sublist_test.go:746
// Go: TestSublistBadSubjectOnRemoveNoCache server/sublist_test.go:750
func TestMalformedSubjectsAreRefused(t *testing.T) {
	x := New[int]()
	w := x.Writer()
	for _, subj := range []string{"", ".", ".foo", "foo.", "foo..bar", "foo.bar..baz", "foo.>.bar", "a.b..d", "a.>.b", "*..*"} {
		if err := w.Insert(subj, "", 1, 1); err != ErrInvalidSubject {
			t.Errorf("Insert(%q): %v", subj, err)
		}
		if err := w.Remove(subj, "", 1); err != ErrInvalidSubject {
			t.Errorf("Remove(%q): %v", subj, err)
		}
	}
	w.Release()
	if got := x.Generation(); got != 0 {
		t.Errorf("generation %d although nothing changed", got)
	}
	expectNothingLeft(t, x)
}

// Go: TestSublistRemoveBatchWithError server/sublist_test.go:396
func TestOneFailedRemovalDoesNotStopTheRun(t *testing.T) {
	x := New[int]()
	for i, subj := range []string{"foo", "bar", "baz"} {
		insert(t, x, subj, "", 1, i)
	}
	w := x.Writer()
	if err := w.Remove("not.inserted", "", 9); err != ErrNotFound {
		t.Fatalf("Remove of an unknown subscription: %v", err)
	}
	if err := errors.Join(w.Remove("foo", "", 0), w.Remove("baz", "", 2)); err != nil {
		t.Fatal(err)
	}
	w.Release()
	expectSubs(t, x, 1)
	expect(t, x, "foo")
	expect(t, x, "bar", "1")
	expect(t, x, "baz")
}

// Go: TestSublistInsertWithWildcardsAsLiterals server/sublist_test.go:791
// Go: TestSublistInsertWithWildcardsAsLiteralsNoCache server/sublist_test.go:795
// Go: TestSublistRemoveWithWildcardsAsLiterals server/sublist_test.go:813
// Go: TestSublistRemoveWithWildcardsAsLiteralsNoCache server/sublist_test.go:817
func TestWildcardBytesInsideTokensAreText(t *testing.T) {
	x := New[int]()
	for i, subj := range []string{"foo.*-", "foo.>-", "foo.**.*", "foo.>>.>"} {
		insert(t, x, subj, "", 1, i)
		expect(t, x, "foo.bar")
		expect(t, x, "foo.bar.baz")
		expect(t, x, subj, fmt.Sprint(i))
		w := x.Writer()
		if err := w.Remove("foo.bar", "", i); err != ErrNotFound {
			t.Fatalf("Remove: %v", err)
		}
		w.Release()
		expectSubs(t, x, 1)
		remove(t, x, subj, "", i)
		expectNothingLeft(t, x)
	}
}

// Go: TestSublistMatchWithEmptyTokens server/sublist_test.go:1546
func TestSubjectsWithEmptyTokensMatchNothing(t *testing.T) {
	x := New[int]()
	insert(t, x, ">", "", 1, 1)
	insert(t, x, ">", "queue", 1, 2)
	insert(t, x, "foo.>", "", 1, 3)
	insert(t, x, "*.*", "", 1, 4)
	for _, subj := range []string{"", ".", ".foo", "..foo", "foo..", "foo.", "foo..bar", "foo...bar"} {
		expect(t, x, subj)
	}
	expect(t, x, "foo.bar", "1", "queue:2", "3", "4")
}

func TestIdentityIsSubjectQueueAndValue(t *testing.T) {
	x := New[int]()
	for _, subj := range []string{"foo", "foo.*", "foo.>"} {
		insert(t, x, subj, "", 1, 1)
		insert(t, x, subj, "q", 1, 1)
		insert(t, x, subj, "r", 1, 1)
		generation := x.Generation()
		w := x.Writer()
		for _, queue := range []string{"", "q", "r"} {
			if err := w.Insert(subj, queue, 1, 1); err != ErrDuplicate {
				t.Fatalf("second Insert(%q, %q): %v", subj, queue, err)
			}
		}
		for _, err := range []error{w.Remove(subj, "", 2), w.Remove(subj, "q", 2), w.Remove(subj, "s", 1)} {
			if err != ErrNotFound {
				t.Fatalf("Remove of something else: %v", err)
			}
		}
		w.Release()
		if x.Generation() != generation {
			t.Fatal("the generation moved although nothing changed")
		}
	}
	expectSubs(t, x, 9)
	expect(t, x, "foo", "1", "q:1", "r:1")
	expect(t, x, "foo.bar", "1", "1", "q:1", "q:1", "r:1", "r:1")
}

// Go: TestSublistBasicQueueResults server/sublist_test.go:502
// Go: TestSublistBasicQueueResultsNoCache server/sublist_test.go:506
func TestQueueMembersAreGroupedByName(t *testing.T) {
	x := New[int]()
	insert(t, x, "foo", "bar", 1, 1)
	expect(t, x, "foo", "bar:1")
	insert(t, x, "foo", "baz", 1, 2)
	expect(t, x, "foo", "bar:1", "baz:2")
	insert(t, x, "foo", "", 1, 0)
	insert(t, x, "foo", "bar", 1, 3)
	insert(t, x, "foo", "baz", 1, 4)
	expect(t, x, "foo", "0", "bar:1", "bar:3", "baz:2", "baz:4")
	remove(t, x, "foo", "", 0)
	expect(t, x, "foo", "bar:1", "bar:3", "baz:2", "baz:4")
	remove(t, x, "foo", "bar", 1)
	expect(t, x, "foo", "bar:3", "baz:2", "baz:4")
	remove(t, x, "foo", "bar", 3)
	expect(t, x, "foo", "baz:2", "baz:4")
	remove(t, x, "foo", "baz", 2)
	remove(t, x, "foo", "baz", 4)
	expect(t, x, "foo")
	expectNothingLeft(t, x)
}

func TestQueueGroupsAreMergedOverSubjects(t *testing.T) {
	x := New[int]()
	for i, subj := range []string{"foo.bar", "foo.*", "foo.>", ">", "*.*"} {
		insert(t, x, subj, "q", 1, i)
		insert(t, x, subj, fmt.Sprint("own", i), 1, i)
	}
	expect(t, x, "foo.bar", "q:0", "q:1", "q:2", "q:3", "q:4", "own0:0", "own1:1", "own2:2", "own3:3", "own4:4")

	// Many groups: names are looked up in a map.
	for i := range 4 * searchMax {
		insert(t, x, "foo.*", fmt.Sprint("many", i), 1, i)
		insert(t, x, ">", fmt.Sprint("many", i), 1, -i-1)
	}
	r := x.Reader()
	defer r.Release()
	var m Matches[int]
	for range 2 {
		r.Match([]byte("foo.bar"), &m)
		checkForm(t, &m)
		if got := len(m.Queues); got != 4*searchMax+6 {
			t.Fatalf("%d groups", got)
		}
	}
}

// Go: TestSublistRemoteQueueSubscriptions server/sublist_test.go:1022
// Go: TestSublistRemoteQueueSubscriptionsNoCache server/sublist_test.go:1026
func TestRemoteMembersHaveWeights(t *testing.T) {
	x := New[int]()
	insert(t, x, "foo", "bar", 1, 1)
	insert(t, x, "foo", "bar", 1, 2)
	insert(t, x, "foo", "bar", 10, 11)
	insert(t, x, "foo", "bar", 10, 12)
	expectSubs(t, x, 4)
	expectWeight := func(want int32) {
		t.Helper()
		r := x.Reader()
		defer r.Release()
		var m Matches[int]
		r.Match([]byte("foo"), &m)
		if len(m.Plain) != 0 || len(m.Queues) != 1 {
			t.Fatalf("matches %+v", m)
		}
		weight := int32(0)
		for _, member := range m.Queues[0].Members {
			weight += member.Weight
		}
		if weight != want {
			t.Fatalf("total weight %d, want %d", weight, want)
		}
	}
	expectWeight(22)
	remove(t, x, "foo", "bar", 1)
	remove(t, x, "foo", "bar", 11)
	expectSubs(t, x, 2)
	expectWeight(11)

	generation := x.Generation()
	insert(t, x, "foo", "bar", 1, 12) // a new weight
	expectSubs(t, x, 2)
	expectWeight(2)
	if x.Generation() == generation {
		t.Fatal("the generation did not move with a weight")
	}
	if got := x.Stats().NumInserts; got != 4 {
		t.Fatalf("a new weight counted as insert: %d", got)
	}
	remove(t, x, "foo", "bar", 12)
	insert(t, x, "foo", "bar", -7, 13)
	expectWeight(2) // less than 1 is 1
}

func TestGenerationMovesWithEveryChange(t *testing.T) {
	x := New[int]()
	last := x.Generation()
	moved := func(what string) {
		t.Helper()
		r := x.Reader()
		defer r.Release()
		if x.Generation() == last || r.Generation() != x.Generation() {
			t.Fatalf("%s: generation %d, before %d", what, x.Generation(), last)
		}
		last = x.Generation()
	}
	for _, subj := range []string{"foo", "foo.*", "foo.>"} {
		insert(t, x, subj, "", 1, 1)
		moved("insert " + subj)
		insert(t, x, subj, "q", 1, 1)
		moved("insert with queue " + subj)
		remove(t, x, subj, "q", 1)
		moved("remove with queue " + subj)
		remove(t, x, subj, "", 1)
		moved("remove " + subj)
	}
}

// Go: TestSublistAll server/sublist_test.go:1102
func TestAllVisitsEverySubscriptionOnce(t *testing.T) {
	x := New[int]()
	want := []Entry[int]{}
	for i, subj := range []string{"foo.bar.baz", "foo", "baz", "foo.*", "foo.>", ">", "*", "foo.*.baz", "a.b.c.>"} {
		for _, e := range []Entry[int]{{subj, "", 1, i}, {subj, "", 1, 100 + i}, {subj, "q", 1, i}, {subj, "q", 5, 100 + i}, {subj, "r", 1, i}} {
			insert(t, x, e.Subject, e.Queue, e.Weight, e.Value)
			want = append(want, e)
		}
	}
	r := x.Reader()
	defer r.Release()
	var got []Entry[int]
	r.All(func(e Entry[int]) bool { got = append(got, e); return true })
	if !slices.Equal(sortEntries(got), sortEntries(want)) {
		t.Fatalf("All visits %v, want %v", got, want)
	}
	for limit := 1; limit < len(want); limit++ {
		n := 0
		r.All(func(Entry[int]) bool { n++; return n < limit })
		if n != limit {
			t.Fatalf("All went on after %d: %d", limit, n)
		}
		n = 0
		r.Overlapping(">", func(Entry[int]) bool { n++; return n < limit })
		if n != limit {
			t.Fatalf("Overlapping went on after %d: %d", limit, n)
		}
	}
}

func TestEmptyResultsShareNothingToSpoil(t *testing.T) {
	x := New[int]()
	var a, b Matches[int]
	r := x.Reader()
	r.Match([]byte("foo"), &a)
	r.Match([]byte("bar"), &b)
	r.Release()
	if a.Plain != nil || a.Queues != nil || b.Plain != nil || b.Queues != nil {
		t.Fatalf("empty results hold memory: %+v %+v", a, b)
	}
	a.Plain = append(a.Plain, 1)
	if len(b.Plain) != 0 {
		t.Fatal("two results share memory")
	}
	expect(t, x, "foo")
}

func TestMatchesNameNothingAfterReset(t *testing.T) {
	x := New[*int]()
	v := new(int)
	insert(t, x, "foo", "", 1, v)
	insert(t, x, "foo", "q", 1, v)
	r := x.Reader()
	defer r.Release()
	var m Matches[*int]
	r.Match([]byte("foo"), &m)
	if len(m.Plain) != 1 || len(m.Queues) != 1 {
		t.Fatalf("matches %+v", m)
	}
	r.Match([]byte("bar"), &m)
	if len(m.Plain) != 0 || len(m.Queues) != 0 {
		t.Fatalf("the old result is still there: %+v", m)
	}
	group := m.Queues[:1][0]
	if m.Plain[:1][0] != nil || group.Members[:1][0].Value != nil || group.Name != "" {
		t.Fatalf("old values are kept in memory: %+v", m)
	}
}

// Go: TestSublistCache server/sublist_test.go:447
func TestEveryChangeIsSeenByTheNextMatch(t *testing.T) {
	x := New[int]()
	insert(t, x, "a.b.c.d", "", 1, 1)
	expect(t, x, "a.b.c.d", "1")
	insert(t, x, "a.b.*.d", "", 1, 2)
	insert(t, x, "a.b.>", "", 1, 3)
	expectSubs(t, x, 3)
	expect(t, x, "a.b.c.d", "1", "2", "3")
	remove(t, x, "a.b.c.d", "", 1)
	remove(t, x, "a.b.>", "", 3)
	remove(t, x, "a.b.*.d", "", 2)
	expectNothingLeft(t, x)
	expect(t, x, "a.b.c.d")

	// Subjects that were only asked for leave no trace, however many.
	for i := range 4096 {
		expect(t, x, fmt.Sprint("foo-", i))
	}
	expectNothingLeft(t, x)

	insert(t, x, "foo.*", "", 1, 1)
	insert(t, x, "foo.bar", "", 1, 2)
	expect(t, x, "foo.baz", "1")
	expect(t, x, "foo.bar", "1", "2")
	insert(t, x, "foo.>", "", 1, 3)
	expect(t, x, "foo.bar", "1", "2", "3")
}

// Go: TestSublistNoCacheStats server/sublist_test.go:1088
// Go: TestSublistNoCacheRemoveBatch server/sublist_test.go:381
func TestMatchingLeavesStatisticsAlone(t *testing.T) {
	x := New[int]()
	for i, subj := range []string{"foo", "bar", "baz", "foo.bar.baz"} {
		insert(t, x, subj, "", 1, i)
	}
	before := x.Stats()
	expect(t, x, "a.b.c")
	expect(t, x, "bar", "1")
	if got := x.Stats(); got != before || len(x.literals.entries) != 4 || x.wild != nil {
		t.Fatalf("matching changed the index: %+v", got)
	}

	// A run of removals does not change that.
	w := x.Writer()
	if err := errors.Join(w.Remove("bar", "", 1), w.Remove("baz", "", 2), w.Remove("foo.bar.baz", "", 3)); err != nil {
		t.Fatal(err)
	}
	w.Release()
	before = x.Stats()
	for range 10 {
		expect(t, x, "foo", "0")
	}
	if got := x.Stats(); got != before || len(x.literals.entries) != 1 || x.wild != nil {
		t.Fatalf("matching changed the index: %+v", got)
	}
}
