package transform

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func must(t testing.TB) func(*Transform, error) *Transform {
	return func(made *Transform, err error) *Transform {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
}

// check holds all ways to apply a transform against one expectation.
func check(t *testing.T, made *Transform, literal, want string) {
	t.Helper()
	if got, ok := made.Match(literal); !ok || got != want {
		t.Errorf("%v: Match(%q) = %q, %v; want %q", made, literal, got, ok, want)
	}
	if got := made.Apply(literal); got != want {
		t.Errorf("%v: Apply(%q) = %q; want %q", made, literal, got, want)
	}
	if got := made.AppendTo([]byte("x "), []byte(literal)); string(got) != "x "+want {
		t.Errorf("%v: AppendTo(%q) = %q; want %q", made, literal, got, want)
	}
	if got := made.AppendStringTo([]byte("x "), literal); string(got) != "x "+want {
		t.Errorf("%v: AppendStringTo(%q) = %q; want %q", made, literal, got, want)
	}
}

// Go: TestSubjectTransforms server/subject_transform_test.go:138
func TestTransforms(t *testing.T) {
	for _, c := range []struct{ source, destination, literal, want string }{
		{"", "prefix.>", "foo", "prefix.foo"},
		{"foo", "", "foo", "foo"},
		{"", "", "foo.bar", "foo.bar"},
		{">", ">", "foo.bar", "foo.bar"},
		{"foo", "bar", "foo", "bar"},
		{"foo.*.bar.*.baz", "req.$2.$1", "foo.A.bar.B.baz", "req.B.A"},
		{"foo.*.bar.*.baz", "req.{{wildcard(2)}}.{{wildcard(1)}}", "foo.A.bar.B.baz", "req.B.A"},
		{"baz.>", "my.pre.>", "baz.1.2.3", "my.pre.1.2.3"},
		{"baz.>", "foo.bar.>", "baz.1.2.3", "foo.bar.1.2.3"},
		{"w2.*.>", "u.$1.>", "w2.a.b.c", "u.a.b.c"},
		{"*", "foo.bar.$1", "foo", "foo.bar.foo"},
		{"a.*", "$1.$1.$x.$", "a.b", "b.b.$x.$"},
		{"*", "{{splitfromleft(1,3)}}", "12345", "123.45"},
		{"*", "{{SplitFromRight(1,3)}}", "12345", "12.345"},
		{"*", "{{splitfromleft(1,5)}}", "12345", "12345"},
		{"*", "{{splitfromright(1,0)}}", "12345", "12345"},
		{"*", "{{SliceFromLeft(1,3)}}", "1234567890", "123.456.789.0"},
		{"*", "{{SliceFromRight(1,3)}}", "1234567890", "1.234.567.890"},
		{"*", "{{SliceFromLeft(1,3)}}", "123456", "123.456"},
		{"*", "{{SliceFromRight(1,3)}}", "123456", "123.456"},
		{"*", "{{SliceFromRight(1,-3)}}", "123456", "123456"},
		{"*", "{{split(1,-)}}", "-abc-def--ghi-", "abc.def.ghi"},
		{"*", "{{split(1,-)}}", "abc-def--ghi-", "abc.def.ghi"},
		{"*", "{{split(1,--)}}", "a-b--c---d", "a-b.c.-d"},
		{"*.*", "{{split(2,-)}}.{{splitfromleft(1,2)}}", "foo.-abc-def--ghij-", "abc.def.ghij.fo.o"},
		{"*", "{{split(1,)}}", "abc", "a.b.c"},
		{"*", "{{split(1,)}}", "aé€\xff", "a.é.€.\xff"},
		{"*", "{{right(1,1)}}", "1234", "4"},
		{"*", "{{right(1,3)}}", "1234", "234"},
		{"*", "{{right(1,6)}}", "1234", "1234"},
		{"*", "{{left(1,1)}}", "1234", "1"},
		{"*", "{{left(1,3)}}", "1234", "123"},
		{"*", "{{left(1,6)}}", "1234", "1234"},
		{"*", "{{left(1,-1)}}", "1234", "1234"},
		{"*", "bar.{{partition(0)}}", "baz", "bar.0"},
		{"*", "bar.{{partition(10, 0)}}", "foo", "bar.3"},
		{"*.*", "bar.{{partition(10)}}", "foo.bar", "bar.6"},
		{"*", "bar.{{partition(10)}}", "foo", "bar.3"},
		{"*", "bar.{{partition(10)}}", "baz", "bar.0"},
		{"*", "bar.{{partition(10)}}", "qux", "bar.9"},
		{"foo.bar", "baz.{{partition(10)}}", "foo.bar", "baz.6"},
		{"foo.bar", "baz.{{partition(10,7)}}", "foo.bar", "baz.6"},
		{"foo.baz", "qux.{{partition(10)}}", "foo.baz", "qux.4"},
		{"test.subject", "result.{{partition(5)}}", "test.subject", "result.0"},
		{"*", "bar.{{random(0)}}", "qux", "bar.0"},
	} {
		check(t, must(t)(New(c.source, c.destination)), c.literal, c.want)
	}

	possible := []string{"bar.0", "bar.1", "bar.2", "bar.3", "bar.4", "bar.5"}
	dice := must(t)(New("*", "bar.{{random(6)}}"))
	for range 100 {
		if got, ok := dice.Match("qux"); !ok || !slices.Contains(possible, got) {
			t.Errorf("random(6) gives %q", got)
		}
	}

	for _, c := range []struct{ source, destination string }{
		{"foo..", "bar"},
		{"foo.*", "bar.*"},
		{"foo.*", "bar.$2"},
		{"foo.*", "bar.$1.>"},
		{"foo.>", "bar.baz"},
		{"foo.*", "foo.{{wildcard(2)}}"},
		{"foo.*", "foo.{{unimplemented(1)}}"},
		{"foo.*", "foo.{{partition()}}"},
		{"foo.*", "foo.{{random()}}"},
		{"foo.*", "foo.{{wildcard(foo)}}"},
		{"foo.*", "foo.{{wildcard()}}"},
		{"foo.*", "foo.{{wildcard(1,2)}}"},
		{"foo.*", "foo.{{ wildcard5) }}"},
		{"foo.*", "foo.{{splitLeft(2,2}}"},
		{"foo", "bla.{{wildcard(1)}}"},
		{"foo.*", "foo.{{partition(2147483648)}}"},
		{"foo.*", "foo.{{random(2147483648)}}"},
	} {
		if got, err := New(c.source, c.destination); err != ErrBadSubject && !errors.Is(err, ErrInvalidDestination) {
			t.Errorf("%q to %q: %v, error %v", c.source, c.destination, got, err)
		}
	}
	for _, c := range []struct{ source, destination string }{
		{"foo.*.*", "bar.$2"},
		{"foo.*", "foo.$foo"},
		{"foo.*", "bar.{{Partition(2,1)}}"},
	} {
		if got, err := NewStrict(c.source, c.destination); !errors.Is(err, ErrInvalidDestination) {
			t.Errorf("strict %q to %q: %v, error %v", c.source, c.destination, got, err)
		}
	}

	must(t)(NewStrict("foo.*", "bar.{{Wildcard(1)}}"))
	for _, c := range []struct{ source, destination string }{
		{"foo.*.*", "bar.$2"},
		{"foo.*.*", "bar.{{wildcard(1)}}"},
		{"foo.*.*", "bar.{{partition(1)}}"},
		{"foo.*.*", "bar.{{random(5)}}"},
		{"foo", "bar"},
		{"foo.*.bar.*.baz", "req.$2.$1"},
		{"baz.>", "mybaz.>"},
		{"*", "{{splitfromleft(1,1)}}"},
		{"", "prefix.>"},
		{"*.*", "{{partition(10,1,2)}}"},
		{"foo.*.*", "foo.{{wildcard(1)}}.{{wildcard(2)}}.{{partition(5,1,2)}}"},
		{"foo.*", "foo.{{partition(2147483647)}}"},
		{"foo.*", "foo.{{random(2147483647)}}"},
		{"foo.bar", "foo.{{random(2147483647)}}"},
		{"foo.bar", "baz.{{partition(10)}}"},
	} {
		must(t)(New(c.source, c.destination))
	}
}

func TestResultsNeverHoldEmptyOrWildcardTokens(t *testing.T) {
	for _, c := range []struct{ destination, literal, want string }{
		{"{{split(1,-)}}", "--abc", "abc"},
		{"{{split(1,-)}}", "---", "---"},
		{"{{split(1,-)}}", "a-*-b", "a-*-b"},
		{"{{split(1,-)}}", ">-b", ">-b"},
		{"{{split(1,)}}", "a*", "a*"},
		{"{{left(1,1)}}", ">a", ">a"},
		{"{{right(1,1)}}.x", "a>", "a>.x"},
		{"{{splitfromleft(1,1)}}", "*a", "*a"},
		{"{{slicefromright(1,2)}}", "*ab", "*ab"},
		{"{{slicefromright(1,2)}}", "**ab", "**.ab"},
	} {
		check(t, must(t)(New("*", c.destination)), c.literal, c.want)
	}
}

func TestErrorTexts(t *testing.T) {
	const prefix = "invalid mapping destination: "
	for _, c := range []struct {
		source, destination string
		strict              bool
		want                string
	}{
		{"foo..", "bar", false, "invalid subject"},
		{"a.>.b", "bar", false, "invalid subject"},
		{"foo..", "", false, "invalid subject"},
		{"foo", "bar..x", false, "invalid subject"},
		{"foo.*", "bar.*", false, "invalid subject"},
		{"foo.>", "bar", false, "invalid subject"},
		{"foo", ">", false, "invalid subject"},
		{"foo.*", "bar.$2", false, prefix + "wildcard index out of range in $2: [2]"},
		{"foo.>", "bar.$1.>", false, prefix + "wildcard index out of range in $1: [1]"},
		{"foo.*", "bar.{{left(3,1)}}", false, prefix + "wildcard index out of range in {{left(3,1)}}: [3]"},
		{"foo.*", "bar.$0", false, prefix + "wildcard index out of range in $0: [0]"},
		{"foo.*", "bar.$-1", false, prefix + "wildcard index out of range in $-1: [-1]"},
		{"foo.*", "bar.{{split(0,-)}}", false, prefix + "wildcard index out of range in {{split(0,-)}}: [0]"},
		{"foo.*", "bar.{{partition(3,-1)}}", false, prefix + "wildcard index out of range in {{partition(3,-1)}}: [-1]"},
		{"foo.*", "bar.{{partition(3,1,2)}}", false, prefix + "wildcard index out of range in {{partition(3,1,2)}}: [2]"},
		{"foo", "bar.{{partition(3,-1)}}", false, prefix + "wildcard index out of range in {{partition(3,-1)}}: [-1]"},
		{"foo", "bla.{{wildcard(1)}}", false, prefix + "wildcard index out of range in {{wildcard(1)}}"},
		{"foo", "bla.$1", false, prefix + "wildcard index out of range in $1"},
		{"foo.*", "bar.{{SPLIT(1,-)}}", false, prefix + "unknown function in {{SPLIT(1,-)}}"},
		{"foo.*", "bar.{{split(1,.)}}", false, prefix + "unknown function in {{split(1,"},
		{"foo.*", "bar.x{{wildcard(1)}}", false, prefix + "unknown function in x{{wildcard(1)}}"},
		{"foo.*", "bar.{{left(1)}}", false, prefix + "not enough arguments passed to the function in {{left(1)}}"},
		{"foo.*", "bar.{{random(1,2)}}", false, prefix + "not enough arguments passed to the function in {{random(1,2)}}"},
		{"foo.*", "bar.{{left(1,2,3)}}", false, prefix + "too many arguments passed to the function in {{left(1,2,3)}}"},
		{"foo.*", "bar.{{random()}}", false, prefix + "function argument is invalid or in the wrong format in {{random()}}"},
		{"foo.*", "bar.{{left(1,1)}}", true, prefix + "the only mapping function allowed for import transforms is {{Wildcard()}} in {{left(1,1)}}"},
		{"foo", "bar.{{partition(3)}}", true, prefix + "the only mapping function allowed for import transforms is {{Wildcard()}} in {{partition(3)}}"},
		{"foo.*.*", "bar.$2", true, prefix + "not using all of the token wildcard(s) in bar.$2"},
		{"foo.*.*", "bar.$2.$2", true, prefix + "not using all of the token wildcard(s) in bar.$2.$2"},
		{"foo.*", "bar.$1.$1", true, prefix + "using a token wildcard more than once in bar.$1.$1"},
	} {
		made := New
		if c.strict {
			made = NewStrict
		}
		if got, err := made(c.source, c.destination); got != nil || err == nil || err.Error() != c.want {
			t.Errorf("%q to %q: error %v; want %q", c.source, c.destination, err, c.want)
		}
	}
}

func TestDestinationsAreBounded(t *testing.T) {
	must(t)(New("*", strings.Repeat("$1.", MaxReferences-1)+"$1"))
	must(t)(New("*", "{{partition(1"+strings.Repeat(",1", MaxReferences)+")}}"))
	for _, destination := range []string{
		strings.Repeat("$1.", MaxReferences) + "$1",
		strings.Repeat("{{random(2)}}.", MaxReferences) + "x.y",
		"{{partition(1" + strings.Repeat(",1", MaxReferences+1) + ")}}",
		"{{partition(1" + strings.Repeat(",1", MaxReferences) + ")}}.$1",
	} {
		if _, err := New("*", destination+".$1"); !errors.Is(err, ErrTooManyFunctions) {
			t.Errorf("a destination of %d bytes: error %v", len(destination), err)
		}
	}
	// Text is cheap, and so is a long source.
	long := strings.Repeat("a.", 100_000) + "z"
	check(t, must(t)(New("*", long)), "x", long)
	wide := strings.Repeat("*.", 1000) + "*"
	literal := strings.Repeat("b.", 1000) + "last"
	check(t, must(t)(New(wide, "")), literal, literal)
	check(t, must(t)(New(wide, "x.$1001")), literal, "x.last")
}

func TestMatchLooksAtTheSource(t *testing.T) {
	for _, c := range []struct {
		source, literal string
		want            bool
	}{
		{"foo", "foo", true},
		{"foo", "bar", false},
		{"foo.*", "foo", false},
		{"foo.*", "foo.a", true},
		{"foo.*", "foo.a.b", false},
		{"foo.*", "foo.*", false},
		{"foo.*", "foo.", false},
		{"foo.>", "foo", false},
		{"foo.>", "foo.a.b", true},
		{"foo.>", "foo.a..b", false},
		{"foo.>", "foo.>", false},
		{"", "foo", true},
		{"", "", false},
		{"", "a..b", false},
		{"", "a.*", false},
	} {
		if got, ok := must(t)(New(c.source, "")).Match(c.literal); ok != c.want || ok && got != c.literal {
			t.Errorf("source %q: Match(%q) = %q, %v", c.source, c.literal, got, ok)
		}
	}
}

// Go: TestSubjectTransformDoesntPanicTransformingMissingToken server/subject_transform_test.go:252
func TestMissingTokensAreEmpty(t *testing.T) {
	if got := must(t)(New("foo.*", "one.two.{{wildcard(1)}}")).Apply("foo"); got != "one.two." {
		t.Errorf("the result for a missing token is %q", got)
	}
	for _, destination := range []string{
		"$3.{{split(3,-)}}.{{left(3,1)}}.{{slicefromright(3,2)}}.>",
		"{{partition(10,3)}}.{{right(3,1)}}.{{splitfromright(3,2)}}.{{split(3,)}}.>",
	} {
		made := must(t)(New("a.*.*.*.>", destination))
		for _, short := range []string{"", "a", "a.b", "a.b.c", "...", "a.b.c.d"} {
			made.Apply(short)
			made.AppendTo(nil, []byte(short))
		}
	}
}

// Go: TestSubjectTransformHelpers server/subject_transform_test.go:93
func TestPlaceholdersAndReversal(t *testing.T) {
	for _, c := range []struct {
		destination, pattern string
		placeholders         []string
	}{
		{"bar", "bar", nil},
		{"foo.$2.$1", "foo.*.*", []string{"$2", "$1"}},
		{"foo.{{wildcard(2)}}.{{wildcard(1)}}", "foo.*.*", []string{"{{wildcard(2)}}", "{{wildcard(1)}}"}},
		{"$x.$0.{{left(1,2)}}.{{wildcard()}}.>", "$x.$0.{{left(1,2)}}.{{wildcard()}}.>", nil},
		{"h.$1.>", "h.*.>", []string{"$1"}},
	} {
		pattern, placeholders := Placeholders(c.destination)
		if pattern != c.pattern || !slices.Equal(placeholders, c.placeholders) {
			t.Errorf("Placeholders(%q) = %q, %q", c.destination, pattern, placeholders)
		}
	}

	for _, c := range []struct{ source, destination, literal, middle, back string }{
		{"foo.*.*", "bar.$2.{{Wildcard(1)}}", "foo.b.a", "bar.a.b", "bar.*.* -> foo.$2.$1"},
		{"foo.*.*.*", "bar.$2.$3.$1", "foo.a.b.c", "bar.b.c.a", "bar.*.*.* -> foo.$3.$1.$2"},
		{"info.*.*.>", "foo.info.$2.$1.>", "info.1.2.x.y", "foo.info.2.1.x.y", "foo.info.*.*.> -> info.$2.$1.>"},
		{"foo", "bar.baz", "foo", "bar.baz", "bar.baz -> foo"},
		{"", "pre.>", "a.b", "pre.a.b", "pre.> -> >"},
		{"a.*", "", "a.b", "a.b", "a.* -> a.$1"},
		{"$1.*", "x.$1", "$1.b", "x.b", "x.* -> $1.$1"},
		{"{{x}}.*", "x.$1", "{{x}}.b", "x.b", "x.* -> {{x}}.$1"},
	} {
		there := must(t)(NewStrict(c.source, c.destination))
		check(t, there, c.literal, c.middle)
		back := must(t)(there.Reverse())
		check(t, back, c.middle, c.literal)
		if back.String() != c.back {
			t.Errorf("the reverse of %v is %v; want %v", there, back, c.back)
		}
		check(t, must(t)(back.Reverse()), c.literal, c.middle)
	}
	if _, err := must(t)(New("foo.*", "bar.$1")).Reverse(); err != ErrStrictOnly {
		t.Errorf("reversing what is not strict: error %v", err)
	}
}

func TestWildcardsAreNumbered(t *testing.T) {
	for pattern, want := range map[string]string{
		"foo": "foo", "*": "$1", "foo.*.x.*": "foo.$1.x.$2", "foo.*.>": "foo.$1.>", ">": ">", "foo.*.$2": "foo.$1.$2",
	} {
		if got := NumberWildcards(pattern); got != want {
			t.Errorf("NumberWildcards(%q) = %q; want %q", pattern, got, want)
		}
	}
}

func TestRandomNumbersComeFromTheGivenSource(t *testing.T) {
	next := uint64(0)
	made := must(t)(New("foo.*", "{{random(3)}}.$1.{{random(100)}}")).WithRandom(func() uint64 { next++; return next })
	for i, want := range []string{"1.a.2", "0.a.4", "2.a.6"} {
		if got := made.Apply("foo.a"); got != want {
			t.Errorf("result %d is %q; want %q", i, got, want)
		}
	}
}

func TestRandomReachesAllNumbers(t *testing.T) {
	made := must(t)(New("*", "{{random(4)}}"))
	seen := map[string]bool{}
	for range 1000 { // the chance that a number is missing is below 1e-120
		seen[made.Apply("a")] = true
	}
	for n := range 4 {
		if !seen[strconv.Itoa(n)] {
			t.Errorf("%d was never drawn", n)
		}
	}
}

func TestATransformDescribesItself(t *testing.T) {
	for _, c := range []struct {
		source, destination         string
		wantSource, wantDestination string
		text                        string
		fixed                       bool
	}{
		{"a.*", "b.$1", "a.*", "b.$1", "a.* -> b.$1", true},
		{"", "b.>", ">", "b.>", "> -> b.>", true},
		{"a", "", "a", "", "a", true},
		{"a", "b.{{partition(3)}}", "a", "b.{{partition(3)}}", "a -> b.{{partition(3)}}", true},
		{"a", "b.{{random(3)}}", "a", "b.{{random(3)}}", "a -> b.{{random(3)}}", false},
	} {
		made := must(t)(New(c.source, c.destination))
		if made.Source() != c.wantSource || made.Destination() != c.wantDestination || made.String() != c.text || made.IsFixed() != c.fixed {
			t.Errorf("%q to %q: source %q, destination %q, text %q, fixed %v",
				c.source, c.destination, made.Source(), made.Destination(), made, made.IsFixed())
		}
	}
}

func TestApplyingAllocatesLittle(t *testing.T) {
	literal := "orders.eu-west.1234567.created.by.someone"
	bytes := []byte(literal)
	buffer := make([]byte, 0, 256)
	for destination, most := range map[string]float64{
		"":                                0,
		"orders.$1.$2.>":                  0,
		"o.$2.{{partition(10,1)}}.>":      1,
		"{{split(1,-)}}.{{left(2,3)}}.>":  1,
		"{{slicefromright(2,3)}}.$1.>":    1,
		"{{partition(10)}}.{{random(9)}}": 1,
		"{{split(2,)}}.>":                 1,
	} {
		source := "orders.*.*.>"
		if !strings.HasSuffix(destination, ">") && destination != "" {
			source = "orders.*.*.*.*.*"
		}
		made := must(t)(New(source, destination))
		if n := testing.AllocsPerRun(100, func() { made.Match(literal) }); n > most {
			t.Errorf("%v: Match allocates %v times", made, n)
		}
		if n := testing.AllocsPerRun(100, func() { buffer = made.AppendTo(buffer[:0], bytes) }); n > 0 {
			t.Errorf("%v: AppendTo allocates %v times", made, n)
		}
		if n := testing.AllocsPerRun(100, func() { buffer = made.AppendStringTo(buffer[:0], literal) }); n > 0 {
			t.Errorf("%v: AppendStringTo allocates %v times", made, n)
		}
	}
}
