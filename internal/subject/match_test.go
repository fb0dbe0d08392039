package subject

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Go: TestSublistMatchLiterals server/sublist_test.go:668
func TestMatch(t *testing.T) {
	for _, c := range []struct {
		literal, pattern string
		want             bool
	}{
		{"foo", "foo", true},
		{"foo", "bar", false},
		{"foo", "Foo", false},
		{"foo", "*", true},
		{"foo", ">", true},
		{"foo.bar", ">", true},
		{"foo.bar", "foo.>", true},
		{"foo.bar", "bar.>", false},
		{"foo", "foo.>", false},
		{"foo.bar", "foo", false},
		{"foo.bar", "*", false},
		{"stats.test.22", "stats.>", true},
		{"stats.test.22", "stats.*.*", true},
		{"stats.test.foos", "stats.test.foos", true},
		{"stats.test.foos", "stats.test.foo", false},
		{"stats.test", "stats.test.*", false},
		{"stats.test.foos", "stats.*", false},
		{"stats.test.foos", "stats.*.*.foos", false},

		// Wildcard tokens of the literal stand for themselves.
		{"foo.*", "foo.*", true},
		{"foo.*", "foo.>", true},
		{"foo.*", "foo.bar", false},
		{"foo.>", "foo.>", true},
		{"foo.>", "foo.*", true},
		{"foo.>", ">", true},
		{"foo.>", "foo.bar", false},

		// Malformed subjects match nothing.
		{"", "", false},
		{"", ">", false},
		{"foo..bar", ">", false},
		{"foo.", "foo.>", false},
		{".foo", "*.*", false},
		{"foo..bar", "foo..bar", false},
		{"foo.a.bar", "foo.>.bar", false},
	} {
		if got := Match(c.literal, c.pattern); got != c.want {
			t.Errorf("Match(%q, %q) = %v, want %v", c.literal, c.pattern, got, c.want)
		}
		if got := Match([]byte(c.literal), c.pattern); got != c.want {
			t.Errorf("Match of bytes (%q, %q) = %v, want %v", c.literal, c.pattern, got, c.want)
		}
	}
	for _, s := range lookalikes {
		if !Match(s, s) {
			t.Errorf("Match(%q, %q) = false", s, s)
		}
		if Match(strings.NewReplacer("*", "x", ">", "x").Replace(s), s) {
			t.Errorf("%q acts as a wildcard", s)
		}
	}
}

// Go: TestIsSubsetMatch server/sublist_test.go:1123
func TestIsSubset(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"foo.bar", "foo.bar", true},
		{"foo.bar", "foo.baz", false},
		{"foo.*", ">", true},
		{"foo.*", "*.*", true},
		{"foo.*", "foo.*", true},
		{"foo.*", "foo.bar", false},
		{"foo.*", "foo.>", true},
		{"foo.>", ">", true},
		{"foo.>", "*.>", true},
		{"foo.>", "foo.>", true},
		{"foo.>", "foo.bar", false},
		{"foo.>", "foo.*", false}, // foo.a.b
		{"foo.>", "foo.*.>", false},
		{"foo.*.>", "foo.>", true},
		{">", "*.>", false},
		{"*.>", ">", true},
		{"*", ">", true},
		{">", "*", false},
		{"foo", "foo.>", false},
		{"foo..bar", "foo.*", false},
		{"foo.*", "foo..bar", false},
		{"foo..bar", ">", false},
		{"foo.>.bar", ">", false},
		{"", ">", false},
	} {
		if got := IsSubset(c.a, c.b); got != c.want {
			t.Errorf("IsSubset(%q, %q) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// Go: TestSublistSubjectCollide server/sublist_test.go:1572
func TestCollide(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"foo.*", "foo.*.bar.>", false},
		{"foo.*", "foo.foo", true},
		{"foo.*", "*.foo", true},
		{"foo.bar.>", "*.bar.foo", true},
		{"foo.bar.>", "*.bar", false},
		{"foo.>", ">", true},
		{"*", "foo.>", false},
		{"a.b.c.d.*", "a.b.c.*.e", true},
		{"a.*.*.d.>", "a.bbb.ccc.*.e", true},
		{"a.*.*.d.e.>", "a.bbb.ccc.*.e", false},
		{"**", "*", true},
		{"**", "a", false},
		{"", "", false},
		{"", ">", false},
		{"foo..bar", ">", false},
		{">", "foo.>.bar", false},
	} {
		if got := Collide(c.a, c.b); got != c.want {
			t.Errorf("Collide(%q, %q) = %v, want %v", c.a, c.b, got, c.want)
		}
		if got := Collide([]byte(c.b), c.a); got != c.want {
			t.Errorf("Collide(%q, %q) = %v, want %v", c.b, c.a, got, c.want)
		}
	}
}

// slowMatch is the definition of a match, token by token on split strings.
func slowMatch(literal, pattern []string) bool {
	switch {
	case len(pattern) == 0:
		return len(literal) == 0
	case len(literal) == 0:
		return false
	case pattern[0] == ">":
		return true
	case pattern[0] == "*" || pattern[0] == literal[0]:
		return slowMatch(literal[1:], pattern[1:])
	}
	return false
}

// universe lists the literals with up to depth tokens over alphabet. Over an
// alphabet with one token more than the patterns use, and one level deeper
// than the patterns are, two patterns have a relation among all literals
// exactly if they have it among these.
func universe(alphabet []string, depth int) (all []string) {
	level := []string{""}
	for range depth {
		var next []string
		for _, prefix := range level {
			for _, token := range alphabet {
				next = append(next, strings.TrimPrefix(prefix+"."+token, "."))
			}
		}
		all = append(all, next...)
		level = next
	}
	return all
}

func TestMatchAgreesWithSlowMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		literal, pattern := anyText().Draw(t, "literal"), anyText().Draw(t, "pattern")
		want := !HasEmptyToken(literal) && IsValid(pattern) && slowMatch(strings.Split(literal, "."), strings.Split(pattern, "."))
		if got := Match(literal, pattern); got != want {
			t.Fatalf("Match(%q, %q) = %v, want %v", literal, pattern, got, want)
		}
	})
}

func TestSubsetAndCollideAgreeWithTheLiteralsThemselves(t *testing.T) {
	literals := universe([]string{"a", "b", "c"}, 4)
	pattern := rapid.StringMatching(`([ab*]\.){0,2}[ab*>]`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := pattern.Draw(t, "a"), pattern.Draw(t, "b")
		subset, collide := true, false
		for _, l := range literals {
			inA, inB := Match(l, a), Match(l, b)
			subset = subset && (!inA || inB)
			collide = collide || inA && inB
		}
		if got := IsSubset(a, b); got != subset {
			t.Fatalf("IsSubset(%q, %q) = %v, want %v", a, b, got, subset)
		}
		if got := Collide(a, b); got != collide {
			t.Fatalf("Collide(%q, %q) = %v, want %v", a, b, got, collide)
		}
	})
}

// Go: FuzzSubjectsCollide server/subject_fuzz_test.go:21
func FuzzCollide(f *testing.F) {
	for _, pair := range [][2]string{
		{"", ""}, {"a", "a"}, {"a.b.c", "a.*.c"}, {"$JS.b.c", "$JS.b.c"}, {"a.b.*", "a.*.c"}, {"aaa.*.ccc", "*.bbb.ccc"},
		{"*", "*"}, {"**", "*"}, {"", ">"}, {">", ">"}, {">>", ">"}, {"a.b.c.>", "a.b.>"}, {"a.b.c.d.*", "a.b.c.*.e"},
		{"a.*.*.d.>", "a.bbb.ccc.*.e"}, {"a", ""}, {"a.b", "b.a"}, {"a.bbbbb.*.d", "a.b.>"}, {"a.b", "a.b.c"},
		{"a.*.*.d.e.>", "a.bbb.ccc.*.e"},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		collide := Collide(a, b)
		if collide != Collide(b, a) {
			t.Fatalf("Collide(%q, %q) is not symmetric", a, b)
		}
		if !IsValid(a) || !IsValid(b) {
			if collide || IsSubset(a, b) {
				t.Fatalf("malformed %q and %q are related", a, b)
			}
			return
		}
		if IsSubset(a, b) && !collide {
			t.Fatalf("%q is a subset of %q but does not collide", a, b)
		}
		if IsLiteral(a) && (collide != Match(a, b) || collide != IsSubset(a, b)) {
			t.Fatalf("literal %q and %q: Collide, Match and IsSubset differ", a, b)
		}
		if IsSubset(a, b) && IsSubset(b, a) && a != b {
			t.Fatalf("%q and %q cover each other", a, b)
		}
	})
}

// Go: Benchmark________________SublistMatchLiteral server/sublist_test.go:2129
func BenchmarkMatchLongSubject(b *testing.B) {
	tokens := strings.Split("foo.foo.foo.foo.foo.foo.foo.foo.foo.foo", ".")
	literal := strings.Join(tokens, ".")
	patterns := []string{literal}
	for i := range tokens {
		patterns = append(patterns, strings.TrimPrefix(strings.Join(tokens[:i], ".")+".>", "."))
		patterns = append(patterns, strings.TrimPrefix(strings.Join(tokens[:i], ".")+strings.Repeat(".*", len(tokens)-i), "."))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, pattern := range patterns {
			if !Match(literal, pattern) {
				b.Fatalf("%q does not match", pattern)
			}
		}
	}
}

// Go: Benchmark_SubjectFilterMatchers server/sublist_test.go:2425
func BenchmarkFilter(b *testing.B) {
	const long = "foo.alpha.beta.gamma.delta.epsilon.zeta.12345"
	for _, c := range []struct {
		name, literal, filter string
		want                  bool
	}{
		{"short one wildcard", "foo.baz.12345", "foo.baz.*", true},
		{"short mixed", "foo.baz.12345", "foo.*.>", true},
		{"long one wildcard", long, "foo.alpha.beta.gamma.delta.epsilon.zeta.*", true},
		{"long late mismatch", long, "foo.*.*.*.*.*.*.99999", false},
	} {
		for how, compare := range map[string]func(a, b string) bool{"Match": Match[string, string], "IsSubset": IsSubset[string, string]} {
			b.Run(c.name+"/"+how, func(b *testing.B) {
				for b.Loop() {
					if compare(c.literal, c.filter) != c.want {
						b.Fatal("wrong answer")
					}
				}
			})
		}
	}
}

// Go: Benchmark______________IsValidLiteralSubject server/sublist_test.go:2411
func BenchmarkIsValidLiteral(b *testing.B) {
	for b.Loop() {
		if !IsValidLiteral("foo.bar.baz.22") {
			b.Fatal("wrong answer")
		}
	}
}

// Go: Benchmark___________________subjectIsLiteral server/sublist_test.go:2417
func BenchmarkIsLiteral(b *testing.B) {
	for b.Loop() {
		if !IsLiteral("foo.bar.baz.22") {
			b.Fatal("wrong answer")
		}
	}
}
