package gsl

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A pair of the slow and obvious list.
type pair struct {
	pattern string
	value   int
}

// matches is the meaning of a pattern for a subject without empty tokens.
func matches(pattern, subject string) bool {
	p, s := strings.Split(pattern, "."), strings.Split(subject, ".")
	if slices.Contains(s, "") {
		return false
	}
	for i, token := range p {
		switch {
		case token == ">" && i == len(p)-1:
			return len(s) > i
		case i >= len(s) || token != "*" && token != s[i]:
			return false
		}
	}
	return len(p) == len(s)
}

// startsIn is the meaning of HasInterestStartingIn.
func startsIn(pattern, prefix string) bool {
	p, s := strings.Split(pattern, "."), strings.Split(prefix, ".")
	for i, token := range s {
		switch {
		case i >= len(p):
			return false
		case p[i] == ">":
			return true
		case p[i] != "*" && p[i] != token:
			return false
		}
	}
	return true
}

// levels is the depth of the trie.
func levels(n *node[int]) int {
	deepest := 0
	for _, next := range n.literals {
		deepest = max(deepest, 1+levels(next))
	}
	for _, next := range []*node[int]{n.star, n.full} {
		if next != nil {
			deepest = max(deepest, 1+levels(next))
		}
	}
	return deepest
}

func listOf(t *testing.T, patterns ...string) *List[int] {
	t.Helper()
	l := &List[int]{}
	for i, pattern := range patterns {
		if err := l.Insert(pattern, i); err != nil {
			t.Fatalf("Insert(%q): %v", pattern, err)
		}
	}
	return l
}

func count(l *List[int], subject string) int {
	n := 0
	l.Match([]byte(subject), func(int) bool {
		n++
		return true
	})
	return n
}

// wantMatches checks all questions about a subject.
func wantMatches(t *testing.T, l *List[int], subject string, want int) {
	t.Helper()
	if got := count(l, subject); got != want {
		t.Errorf("Match(%q) gives %d values, want %d", subject, got, want)
	}
	if got := l.Count([]byte(subject)); got != want {
		t.Errorf("Count(%q) is %d, want %d", subject, got, want)
	}
	if got := l.HasInterest([]byte(subject)); got != (want > 0) {
		t.Errorf("HasInterest(%q) is %v", subject, got)
	}
}

func wantLen(t *testing.T, l *List[int], want int) {
	t.Helper()
	if l.Len() != want {
		t.Fatalf("%d pairs, want %d", l.Len(), want)
	}
}

// A list answers as a list of pairs does.
func TestListAgreesWithPairs(t *testing.T) {
	token := rapid.SampledFrom([]string{"a", "b", "c", "*", ">", "*a", ">a", "bb", ""})
	subject := rapid.Map(rapid.SliceOfN(token, 1, 4), func(tokens []string) string { return strings.Join(tokens, ".") })
	rapid.Check(t, func(t *rapid.T) {
		l, model := &List[int]{}, []pair{}
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				p := pair{subject.Draw(t, "pattern"), rapid.IntRange(0, 40).Draw(t, "value")}
				tokens := strings.Split(p.pattern, ".")
				i := slices.Index(tokens, ">")
				valid := !slices.Contains(tokens, "") && (i < 0 || i == len(tokens)-1)
				if err := l.Insert(p.pattern, p.value); (err == nil) != valid || err != nil && !errors.Is(err, ErrInvalidSubject) {
					t.Fatalf("Insert(%q): %v", p.pattern, err)
				}
				if valid && !slices.Contains(model, p) {
					model = append(model, p)
				}
			},
			"insert many": func(t *rapid.T) {
				for i := range rapid.IntRange(10, 30).Draw(t, "n") {
					if err := l.Insert("a.*", i); err != nil {
						t.Fatal(err)
					}
					if p := (pair{"a.*", i}); !slices.Contains(model, p) {
						model = append(model, p)
					}
				}
			},
			"remove": func(t *rapid.T) {
				if len(model) == 0 {
					return
				}
				i := rapid.IntRange(0, len(model)-1).Draw(t, "i")
				p := model[i]
				if err := l.Remove(p.pattern, p.value+1000); !errors.Is(err, ErrNotFound) {
					t.Fatalf("removal of an absent value: %v", err)
				}
				if err := l.Remove(p.pattern, p.value); err != nil {
					t.Fatalf("Remove(%q): %v", p.pattern, err)
				}
				model = slices.Delete(model, i, i+1)
			},
			"ask": func(t *rapid.T) {
				s := subject.Draw(t, "subject")
				var got, want []int
				l.Match([]byte(s), func(v int) bool {
					got = append(got, v)
					return true
				})
				for _, p := range model {
					if matches(p.pattern, s) {
						want = append(want, p.value)
					}
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) || l.Count([]byte(s)) != len(want) || l.HasInterest([]byte(s)) != (len(want) > 0) {
					t.Fatalf("%q matches %d, want %d", s, got, want)
				}
				begins := slices.ContainsFunc(model, func(p pair) bool { return startsIn(p.pattern, s) })
				if !strings.Contains("."+s+".", "..") && l.HasInterestStartingIn([]byte(s)) != begins {
					t.Fatalf("HasInterestStartingIn(%q) is %v", s, !begins)
				}
			},
			"": func(t *rapid.T) {
				patterns := map[string]bool{}
				deepest := 0
				for _, p := range model {
					patterns[p.pattern] = true
					deepest = max(deepest, 1+strings.Count(p.pattern, "."))
				}
				if l.Len() != len(model) || l.patterns != len(patterns) || levels(&l.root) != deepest {
					t.Fatalf("%d pairs, %d patterns, %d levels; want %d, %d, %d",
						l.Len(), l.patterns, levels(&l.root), len(model), len(patterns), deepest)
				}
				if single, ok := l.Single(); ok != (len(patterns) == 1) || ok && !patterns[single] {
					t.Fatalf("Single is %q, %v", single, ok)
				}
				if l.MatchesAll() != patterns[">"] {
					t.Fatalf("MatchesAll is %v", !patterns[">"])
				}
			},
		})
	})
}

// Go: TestGenericSublistInit server/gsl/gsl_test.go:23
// Go: TestGenericSublistInsertCount server/gsl/gsl_test.go:29
func TestLen(t *testing.T) {
	var none *List[int]
	wantLen(t, none, 0)
	wantLen(t, listOf(t), 0)
	l := listOf(t, "foo", "bar", "foo.bar")
	wantLen(t, l, 3)
	// A value that is there already is not counted again.
	if err := l.Insert("foo", 0); err != nil {
		t.Fatal(err)
	}
	wantLen(t, l, 3)
}

// Go: TestGenericSublistSimple server/gsl/gsl_test.go:37
// Go: TestGenericSublistSimpleMultiTokens server/gsl/gsl_test.go:43
// Go: TestGenericSublistPartialWildcard server/gsl/gsl_test.go:49
// Go: TestGenericSublistPartialWildcardAtEnd server/gsl/gsl_test.go:56
// Go: TestGenericSublistFullWildcard server/gsl/gsl_test.go:63
// Go: TestGenericSublistTwoTokenPubMatchSingleTokenSub server/gsl/gsl_test.go:141
// Go: TestGenericSublistInsertWithWildcardsAsLiterals server/gsl/gsl_test.go:148
// Go: TestGenericSublistMatchWithEmptyTokens server/gsl/gsl_test.go:170
// Go: TestGenericSublistHasInterest server/gsl/gsl_test.go:180
// Go: TestGenericSublistHasInterestOverlapping server/gsl/gsl_test.go:237
// Go: TestGenericSublistNumInterest server/gsl/gsl_test.go:359
func TestMatch(t *testing.T) {
	for _, test := range []struct {
		patterns []string
		want     map[string]int
	}{
		{nil, map[string]int{"foo": 0, "": 0}},
		{[]string{"foo"}, map[string]int{"foo": 1, "foo.bar": 0, "bar": 0, "fo": 0, "": 0}},
		{[]string{"foo.bar.baz"}, map[string]int{"foo.bar.baz": 1, "foo.bar": 0, "foo.bar.baz.x": 0}},
		{[]string{"a.b.c", "a.*.c"}, map[string]int{"a.b.c": 2, "a.x.c": 1, "a.x.y": 0}},
		{[]string{"a.b.c", "a.b.*"}, map[string]int{"a.b.c": 2, "a.b": 0}},
		{[]string{"a.b.c", "a.>"}, map[string]int{"a.b.c": 2, "a.>": 1, "a": 0}},
		{[]string{"foo.*-", "foo.>-"}, map[string]int{"foo.bar": 0, "foo.*-": 1, "foo.>-": 1}},
		{[]string{">"}, map[string]int{".foo": 0, "..foo": 0, "foo..": 0, "foo.": 0, "foo..bar": 0, "foo...bar": 0, "foo": 1, "a.b": 1}},
		{[]string{"foo.*"}, map[string]int{"foo": 0, "foo.bar": 1, "foo.bar.baz": 0}},
		{[]string{"foo.>"}, map[string]int{"foo": 0, "foo.bar": 1, "foo.bar.baz": 1}},
		{[]string{"*.>"}, map[string]int{"foo": 0, "foo.bar": 1, "foo.baz": 1, "foo.bar.baz": 1}},
		{[]string{"*.bar"}, map[string]int{"foo": 0, "foo.bar": 1, "foo.baz": 0, "foo.bar.baz": 0}},
		{[]string{"*"}, map[string]int{"foo": 1, "foo.bar": 0}},
		{[]string{"stream.A.child", "stream.*"}, map[string]int{"stream.A.child": 1, "stream.A": 1}},
	} {
		l := listOf(t, test.patterns...)
		for subject, want := range test.want {
			wantMatches(t, l, subject, want)
		}
		for i, pattern := range test.patterns {
			if err := l.Remove(pattern, i); err != nil {
				t.Errorf("Remove(%q): %v", pattern, err)
			}
		}
		for subject := range test.want {
			wantMatches(t, l, subject, 0)
		}
	}
}

// Go: TestGenericSublistRemove server/gsl/gsl_test.go:71
// Go: TestGenericSublistRemoveWildcard server/gsl/gsl_test.go:83
// Go: TestGenericSublistRemoveWithWildcardsAsLiterals server/gsl/gsl_test.go:157
func TestRemove(t *testing.T) {
	patterns := []string{"a.b.*.d", "a.b.>", "a.b.c.d", "a.b.*-", "a.b.>-"}
	l := listOf(t, patterns...)
	wantMatches(t, l, "a.b.c.d", 3)
	for _, absent := range []string{"a.b.c", "a.b", "a.b.c.d.e", "a.*.c.d", "x"} {
		if err := l.Remove(absent, 2); !errors.Is(err, ErrNotFound) {
			t.Errorf("Remove(%q): %v", absent, err)
		}
	}
	if err := l.Remove("a.b.c.d", 77); !errors.Is(err, ErrNotFound) {
		t.Errorf("removal of another value: %v", err)
	}
	for i, pattern := range patterns {
		wantLen(t, l, len(patterns)-i)
		if err := l.Remove(pattern, i); err != nil {
			t.Fatalf("Remove(%q): %v", pattern, err)
		}
		wantMatches(t, l, "a.b.c.d", max(0, 2-i))
	}
	wantLen(t, l, 0)
}

// Go: TestGenericSublistRemoveCleanup server/gsl/gsl_test.go:105
// Go: TestGenericSublistRemoveCleanupWildcards server/gsl/gsl_test.go:114
func TestRemoveLeavesNothing(t *testing.T) {
	for _, pattern := range []string{"a.b.c.d.e.f", "a.b.*.d.e.>"} {
		l := listOf(t)
		if got := levels(&l.root); got != 0 {
			t.Fatalf("%d levels of an empty list", got)
		}
		if err := l.Insert(pattern, 1); err != nil {
			t.Fatal(err)
		}
		if got := levels(&l.root); got != 6 {
			t.Fatalf("%q: %d levels", pattern, got)
		}
		if err := l.Remove(pattern, 1); err != nil {
			t.Fatal(err)
		}
		if !l.root.isEmpty() || levels(&l.root) != 0 {
			t.Fatalf("%q leaves %+v", pattern, l.root)
		}
	}
}

// Go: TestGenericSublistInvalidSubjectsInsert server/gsl/gsl_test.go:123
// Go: TestGenericSublistBadSubjectOnRemove server/gsl/gsl_test.go:134
func TestInvalidPatterns(t *testing.T) {
	l := listOf(t, "a.b.c")
	for _, pattern := range []string{"", ".", ".foo", "foo.", "foo..bar", "foo.bar..baz", "foo.>.baz", "a.b..d", "a.>.b", ">.a", ">."} {
		if err := l.Insert(pattern, 1); !errors.Is(err, ErrInvalidSubject) {
			t.Errorf("Insert(%q): %v", pattern, err)
		}
		if err := l.Remove(pattern, 1); !errors.Is(err, ErrInvalidSubject) {
			t.Errorf("Remove(%q): %v", pattern, err)
		}
	}
	wantLen(t, l, 1)
	if got := levels(&l.root); got != 3 {
		t.Errorf("a refused pattern left something: %d levels", got)
	}
}

// Go: TestGenericSublistMatchesFullWildcard server/gsl/gsl_test.go:245
func TestMatchesAll(t *testing.T) {
	l := listOf(t, "stream.A.child", "stream.*")
	wantMatches(t, l, "stream.A.child", 1)
	wantMatches(t, l, "stream.A", 1)
	if l.MatchesAll() || (*List[int])(nil).MatchesAll() {
		t.Error("MatchesAll without >")
	}
	if err := l.Insert(">", 11); err != nil || !l.MatchesAll() {
		t.Errorf("MatchesAll with >: %v", err)
	}
}

// Go: TestGenericSublistSingleFilter server/gsl/gsl_test.go:257
func TestSingle(t *testing.T) {
	for _, test := range []struct {
		patterns []string
		want     string
	}{
		{nil, ""},
		{[]string{"stream.A.child"}, "stream.A.child"},
		{[]string{"stream.A.child", "stream.A.child"}, "stream.A.child"},
		{[]string{"a.*.c.>"}, "a.*.c.>"},
		{[]string{"stream.A.child", "stream.A.other"}, ""},
		{[]string{"stream.A.child", "stream.*"}, ""},
		{[]string{"foo", "foo.bar", "foo.baz"}, ""},
		{[]string{"foo", "foo.bar"}, ""},
		{[]string{"foo.bar", "foo.baz"}, ""},
	} {
		if got, ok := listOf(t, test.patterns...).Single(); got != test.want || ok != (test.want != "") {
			t.Errorf("Single of %q is %q, %v", test.patterns, got, ok)
		}
	}
	if got, ok := (*List[int])(nil).Single(); got != "" || ok {
		t.Errorf("Single of nil is %q, %v", got, ok)
	}
}

func TestHasInterestStartingIn(t *testing.T) {
	l := listOf(t, "foo.bar.baz", "x.*.z", "full.>")
	for prefix, want := range map[string]bool{
		"": true, "foo": true, "foo.bar": true, "foo.bar.baz": true, "foo.bar.baz.more": false, "foo.x": false, "bar": false,
		"x": true, "x.y": true, "x.y.z": true, "x.y.a": false, "full": true, "full.a.b.c": true,
	} {
		if got := l.HasInterestStartingIn([]byte(prefix)); got != want {
			t.Errorf("HasInterestStartingIn(%q) is %v", prefix, got)
		}
	}
	if listOf(t).HasInterestStartingIn(nil) || (*List[int])(nil).HasInterestStartingIn([]byte("a")) {
		t.Error("an empty list has interest")
	}
}

// Match stops when it is told to, and asking allocates nothing.
func TestMatchStops(t *testing.T) {
	l := listOf(t, "a.b", "a.*", "a.>", ">", "*.b", "*.*", "a.b")
	wantMatches(t, l, "a.b", 7)
	for stop := 1; stop <= 7; stop++ {
		n := 0
		l.Match([]byte("a.b"), func(int) bool {
			n++
			return n < stop
		})
		if n != stop {
			t.Errorf("visited %d, want %d", n, stop)
		}
	}
	subject := []byte("a.b")
	if allocs := testing.AllocsPerRun(10, func() { l.HasInterest(subject); l.HasInterestStartingIn(subject) }); allocs > 0 {
		t.Errorf("questions allocate %v times", allocs)
	}
}

// Any pattern is refused or found, and matches as the definition says.
func FuzzPattern(f *testing.F) {
	f.Add("foo.*.>", "foo.bar.baz")
	f.Add("a..b", "a.b")
	f.Add(">", ".")
	f.Fuzz(func(t *testing.T, pattern, subject string) {
		l := &List[int]{}
		if err := l.Insert(pattern, 1); err != nil {
			if !l.root.isEmpty() || l.Len() != 0 {
				t.Fatalf("a refused pattern left %+v", l.root)
			}
			return
		}
		if got := l.HasInterest([]byte(subject)); got != matches(pattern, subject) {
			t.Fatalf("%q matches %q: %v", pattern, subject, got)
		}
		if single, ok := l.Single(); !ok || single != pattern {
			t.Fatalf("Single is %q, want %q", single, pattern)
		}
		if err := l.Remove(pattern, 1); err != nil || !l.root.isEmpty() {
			t.Fatalf("Remove: %v, left %+v", err, l.root)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	l := &List[int]{}
	for i, pattern := range []string{"orders.*.new", "orders.>", "devices.77.state", "*.77.*"} {
		if err := l.Insert(pattern, i); err != nil {
			b.Fatal(err)
		}
	}
	subject := []byte("orders.77.new")
	for b.Loop() {
		l.Match(subject, func(int) bool { return true })
	}
}

func BenchmarkHasInterest(b *testing.B) {
	l := &List[int]{}
	for i, pattern := range []string{"orders.*.new", "devices.77.state", "*.77.*"} {
		if err := l.Insert(pattern, i); err != nil {
			b.Fatal(err)
		}
	}
	subject := []byte("orders.77.new")
	for b.Loop() {
		if !l.HasInterest(subject) {
			b.Fatal("no interest")
		}
	}
}
