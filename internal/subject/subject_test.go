package subject

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Subjects that look as if they held wildcards but do not: '*' and '>' mean
// something only as whole tokens.
var lookalikes = []string{
	"foo*", "foo**", "foo.**", "foo*bar", "foo.*bar", "foo*.bar", "*bar",
	"foo>", "foo>>", "foo.>>", "foo>bar", "foo.>bar", "foo>.bar", ">bar", "foo.***.bar", "foo.>>>.bar",
	"foo.*-", "foo.>-",
}

var malformed = []string{
	"", ".", "..", ".foo", "foo.", "foo..bar", "foo.bar..baz", ">.bar", "foo.>.bar", ">.>", "*.", ".>", "foo.>.",
}

// Go: TestSublistValidSubjects server/sublist_test.go:636
func TestIsValidFollowsTheRulesOfTheWire(t *testing.T) {
	valid := append([]string{"foo", "foo.bar", "foo.bar.*", "foo.bar.>", "*", ">", "*.>", "*.*", "foo.*.>", "a b", "a\x00", "\xff"}, lookalikes...)
	for _, s := range valid {
		if !IsValid(s) || !IsValid([]byte(s)) {
			t.Errorf("IsValid(%q) = false", s)
		}
	}
	for _, s := range malformed {
		if IsValid(s) || IsValid([]byte(s)) || IsValidStrict(s) || IsValidStored(s) {
			t.Errorf("%q passes as valid", s)
		}
	}
	if IsValidStored("foo.bar.baz.\x00") {
		t.Error("a subject with an embedded NUL passes as stored subject")
	}
}

func TestIsValidStrictRefusesBlanksAndLineEnds(t *testing.T) {
	for _, blank := range []string{" ", "\t", "\r", "\n", "\f"} {
		for _, s := range []string{blank, "foo" + blank, blank + "foo", "a.b" + blank + "c", "a." + blank, "a." + blank + ".b"} {
			if IsValidStrict(s) || IsValidStored(s) {
				t.Errorf("%q passes", s)
			}
			if !IsValid(s) {
				t.Errorf("IsValid(%q) = false, but the wire allows it", s)
			}
		}
	}
	for _, s := range append([]string{"foo", "a.*.>", "a\x00", "\xff", "ä.b"}, lookalikes...) {
		if !IsValidStrict(s) {
			t.Errorf("IsValidStrict(%q) = false", s)
		}
	}
}

func TestIsValidStoredRefusesWhatIsNotText(t *testing.T) {
	for _, s := range []string{"a\x00", "\x00", "a.\xff", "a.\xc3", "\xed\xa0\x80", "a.\uFFFD"} {
		if IsValidStored(s) {
			t.Errorf("IsValidStored(%q) = true", s)
		}
	}
	for _, s := range []string{"ä.ö", "日本.*", "a.>", "orders"} {
		if !IsValidStored(s) {
			t.Errorf("IsValidStored(%q) = false", s)
		}
	}
}

// Go: TestSublistValidLiteralSubjects server/sublist_test.go:609
func TestIsValidLiteralWantsAValidSubjectWithoutWildcards(t *testing.T) {
	for _, s := range append([]string{"foo", "foo.bar"}, lookalikes...) {
		if !IsValidLiteral(s) || !IsValidPublish([]byte(s)) {
			t.Errorf("IsValidLiteral(%q) = false", s)
		}
	}
	for _, s := range append([]string{"*", ">", "foo.bar.*", "foo.bar.>", "*.foo", "foo.*.bar"}, malformed...) {
		if IsValidLiteral(s) || IsValidPublish([]byte(s)) {
			t.Errorf("IsValidLiteral(%q) = true", s)
		}
	}
}

// Go: TestSubjectIsLiteral server/sublist_test.go:697
func TestIsLiteral(t *testing.T) {
	for _, s := range append([]string{"", "foo", "foo.bar", "foo..bar", "."}, lookalikes...) {
		if !IsLiteral(s) || !IsLiteral([]byte(s)) {
			t.Errorf("IsLiteral(%q) = false", s)
		}
	}
	for _, s := range []string{"*", ">", "foo.*", "foo.>", "foo.*.>", "foo.*.bar", "foo.bar.>", "*.foo", ">.foo", "..*"} {
		if IsLiteral(s) || IsLiteral([]byte(s)) {
			t.Errorf("IsLiteral(%q) = true", s)
		}
	}
}

// Go: TestSubjectToken server/sublist_test.go:731
func TestTokenCountsFromZero(t *testing.T) {
	const s = "foo.bar.baz.*"
	for i, want := range []string{"foo", "bar", "baz", "*", "", ""} {
		if got := Token(s, i); got != want {
			t.Errorf("Token(%q, %d) = %q, want %q", s, i, got, want)
		}
		if got := Token([]byte(s), i); string(got) != want {
			t.Errorf("Token of bytes %d = %q, want %q", i, got, want)
		}
	}
	if got := Token(s, -1); got != "" {
		t.Errorf("Token(%q, -1) = %q, want none", s, got)
	}
	if got := Token("a..b", 1) + Token("a..b", 2) + Token("", 0); got != "b" {
		t.Errorf("empty tokens: got %q", got)
	}
}

func TestNumTokens(t *testing.T) {
	for s, want := range map[string]int{"": 0, "a": 1, "a.b": 2, "a..b": 3, ".": 2, "foo.*.>": 3} {
		if got := NumTokens(s); got != want {
			t.Errorf("NumTokens(%q) = %d, want %d", s, got, want)
		}
	}
}

// anyText draws subjects, lookalikes and rubbish from a small alphabet, so that
// every rule is met often.
func anyText() *rapid.Generator[string] { return rapid.StringMatching(`[ab*>. ]{0,9}`) }

func TestPredicatesAgreeWithSplitting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyText().Draw(t, "s")
		tokens := strings.Split(s, ".")
		empty, wild, valid := false, false, true
		for i, token := range tokens {
			empty = empty || token == ""
			wild = wild || token == "*" || token == ">"
			valid = valid && token != "" && (token != ">" || i == len(tokens)-1)
		}
		check := func(what string, got, want bool) {
			if got != want {
				t.Fatalf("%s(%q) = %v, want %v", what, s, got, want)
			}
		}
		check("IsValid", IsValid(s), valid)
		check("IsValidStrict", IsValidStrict(s), valid && !strings.Contains(s, " "))
		check("IsLiteral", IsLiteral(s), !wild)
		check("IsValidLiteral", IsValidLiteral(s), valid && !wild)
		check("HasEmptyToken", HasEmptyToken(s), empty)
		check("Wildcard", Classify(s) == Wildcard, valid && wild)
		if got := NumTokens(s); s != "" && got != len(tokens) {
			t.Fatalf("NumTokens(%q) = %d, want %d", s, got, len(tokens))
		}
		for i, token := range tokens {
			if got := Token(s, i); got != token {
				t.Fatalf("Token(%q, %d) = %q, want %q", s, i, got, token)
			}
		}
	})
}

func TestNothingAllocates(t *testing.T) {
	literal, pattern := []byte("orders.eu.12345.created"), "orders.*.12345.>"
	allocs := testing.AllocsPerRun(100, func() {
		if !IsValid(literal) || !IsValidStrict(literal) || !IsValidStored(pattern) || !IsLiteral(literal) ||
			!IsValidLiteral(literal) || HasEmptyToken(literal) || NumTokens(literal) != 4 || len(Token(literal, 2)) != 5 ||
			!Match(literal, pattern) || !IsSubset(literal, pattern) || !Collide(literal, pattern) {
			t.Error("wrong answer")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
