package subject

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestIntersect(t *testing.T) {
	for _, c := range [][3]string{
		{"foo", "foo", "foo"}, {"foo", "bar", ""}, {"foo.*", "*.bar", "foo.bar"}, {"foo.>", "*.*.a", "foo.*.a"},
		{"*.a.>", "foo.*", ""}, {">", "a.*", "a.*"}, {"a.*.>", "*.b.*", "a.b.*"}, {"a.>", "a", ""},
	} {
		got, ok := Intersect(c[0], c[1])
		if got != c[2] || ok != (c[2] != "") {
			t.Errorf("Intersect(%q, %q) = %q, %v", c[0], c[1], got, ok)
		}
	}
}

// A literal is matched by the intersection exactly if both patterns match it.
func TestIntersectIsBoth(t *testing.T) {
	token := rapid.SampledFrom([]string{"a", "b", "*"})
	pattern := rapid.Custom(func(t *rapid.T) string {
		tokens := rapid.SliceOfN(token, 1, 4).Draw(t, "tokens")
		if rapid.Bool().Draw(t, "open") {
			tokens = append(tokens, ">")
		}
		return strings.Join(tokens, ".")
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := pattern.Draw(t, "a"), pattern.Draw(t, "b")
		literal := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 5).Draw(t, "literal"), ".")
		both, ok := Intersect(a, b)
		if got, want := ok && Match(literal, both), Match(literal, a) && Match(literal, b); got != want {
			t.Fatalf("Intersect(%q, %q) = %q, which matches %q: %v", a, b, both, literal, got)
		}
	})
}
