package transform

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/internal/subject"
	"pgregory.net/rapid"
)

// literals draws valid literal subjects that are worth cutting.
func literals(tokens int) *rapid.Generator[string] {
	token := rapid.StringOfN(rapid.RuneFrom([]rune("ab-*>é")), 1, 7, -1).Filter(func(s string) bool { return s != "*" && s != ">" })
	return rapid.Map(rapid.SliceOfN(token, tokens, tokens), func(list []string) string { return strings.Join(list, ".") })
}

// drawnFunction is a function as text and as the obvious code for it.
type drawnFunction struct {
	text  string
	model func(wildcards []string, whole string) []string
}

func functions(wildcards int) *rapid.Generator[drawnFunction] {
	return rapid.Custom(func(t *rapid.T) drawnFunction {
		name := rapid.SampledFrom([]string{"$", "wildcard", "partition", "whole", "split", "left", "right",
			"splitfromleft", "splitfromright", "slicefromleft", "slicefromright"}).Draw(t, "name")
		i := rapid.IntRange(1, wildcards).Draw(t, "index")
		n := rapid.IntRange(-1, 8).Draw(t, "n")
		switch name {
		case "$":
			return drawnFunction{fmt.Sprintf("$%d", i), func(w []string, _ string) []string { return w[i-1 : i] }}
		case "wildcard":
			return drawnFunction{fmt.Sprintf("{{wildcard(%d)}}", i), func(w []string, _ string) []string { return w[i-1 : i] }}
		case "partition":
			j := rapid.IntRange(1, wildcards).Draw(t, "second index")
			return drawnFunction{fmt.Sprintf("{{partition(%d,%d,%d)}}", n+2, i, j),
				func(w []string, _ string) []string { return modelPartition(n+2, w[i-1]+w[j-1]) }}
		case "whole":
			return drawnFunction{fmt.Sprintf("{{partition(%d)}}", n+2), func(_ []string, whole string) []string { return modelPartition(n+2, whole) }}
		case "split":
			d := rapid.SampledFrom([]string{"-", "a", "--", "é", "a-b", ""}).Draw(t, "delimiter")
			return drawnFunction{fmt.Sprintf("{{split(%d,%s)}}", i, d), func(w []string, _ string) []string {
				pieces := slices.DeleteFunc(strings.Split(w[i-1], d), func(s string) bool { return s == "" })
				return orWhole(pieces, w[i-1])
			}}
		}
		return drawnFunction{fmt.Sprintf("{{%s(%d,%d)}}", name, i, n), func(w []string, _ string) []string {
			if n <= 0 || n >= len(w[i-1]) {
				return w[i-1 : i]
			}
			return orWhole(modelCut(name, w[i-1], n), w[i-1])
		}}
	})
}

func modelPartition(n int, key string) []string {
	h := fnv.New32a()
	h.Write([]byte(key))
	return []string{fmt.Sprint(h.Sum32() % uint32(n))}
}

func modelCut(name, s string, n int) (pieces []string) {
	fromRight := len(s) - n
	switch name {
	case "left":
		return []string{s[:n]}
	case "right":
		return []string{s[fromRight:]}
	case "splitfromleft":
		return []string{s[:n], s[n:]}
	case "splitfromright":
		return []string{s[:fromRight], s[fromRight:]}
	case "slicefromleft":
		for ; len(s) > n; s = s[n:] {
			pieces = append(pieces, s[:n])
		}
		return append(pieces, s)
	}
	for ; len(s) > n; s = s[:len(s)-n] {
		pieces = append([]string{s[len(s)-n:]}, pieces...)
	}
	return append([]string{s}, pieces...)
}

// orWhole returns the token itself where cutting would give no good subject.
func orWhole(pieces []string, whole string) []string {
	if len(pieces) == 0 || slices.Contains(pieces, "*") || slices.Contains(pieces, ">") {
		return []string{whole}
	}
	return pieces
}

func TestTransformsDoWhatTheModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stars := rapid.SliceOfN(rapid.Bool(), 1, 6).Filter(func(l []bool) bool { return slices.Contains(l, true) }).Draw(t, "stars")
		open := rapid.Bool().Draw(t, "open")
		literal := strings.Split(literals(len(stars)+3).Draw(t, "literal"), ".")
		source := slices.Clone(literal[:len(stars)])
		var wildcards []string
		for i, star := range stars {
			if star {
				wildcards = append(wildcards, source[i])
				source[i] = "*"
			}
		}
		if open {
			source = append(source, ">")
		} else {
			literal = literal[:len(stars)]
		}
		whole := strings.Join(literal, ".")

		var destination, want []string
		for range rapid.IntRange(1, 5).Draw(t, "tokens") {
			if rapid.Bool().Draw(t, "text") {
				destination, want = append(destination, "x"), append(want, "x")
				continue
			}
			f := functions(len(wildcards)).Draw(t, "function")
			destination = append(destination, f.text)
			want = append(want, f.model(wildcards, whole)...)
		}
		if open {
			destination = append(destination, ">")
			want = append(want, literal[len(stars):]...)
		}

		made, err := New(strings.Join(source, "."), strings.Join(destination, "."))
		if err != nil {
			t.Fatal(err)
		}
		expected := strings.Join(want, ".")
		if got, ok := made.Match(whole); !ok || got != expected {
			t.Fatalf("%v: %q becomes %q, %v; the model says %q", made, whole, got, ok, expected)
		}
		if got := made.AppendTo(nil, []byte(whole)); string(got) != expected {
			t.Fatalf("%v: %q is appended as %q; the model says %q", made, whole, got, expected)
		}
		if !subject.IsValidLiteral(expected) {
			t.Fatalf("%v: %q becomes %q, which is no literal", made, whole, expected)
		}
	})
}

func TestStrictTransformsReverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stars := rapid.IntRange(0, 5).Draw(t, "stars")
		side := func(label string, fill func(i int) string) []string {
			var tokens []string
			for i := range stars {
				if rapid.Bool().Draw(t, label) {
					tokens = append(tokens, rapid.SampledFrom([]string{"a", "b", "$x"}).Draw(t, label))
				}
				tokens = append(tokens, fill(i))
			}
			return append(tokens, "end")
		}
		order := rapid.Permutation([]int{1, 2, 3, 4, 5}[:stars]).Draw(t, "order")
		source := side("source", func(int) string { return "*" })
		destination := side("destination", func(i int) string {
			return fmt.Sprintf(rapid.SampledFrom([]string{"$%d", "{{wildcard(%d)}}"}).Draw(t, "form"), order[i])
		})
		literal := slices.Clone(source)
		for i := range literal {
			if literal[i] == "*" {
				literal[i] = literals(1).Draw(t, "token")
			}
		}
		if rapid.Bool().Draw(t, "open") {
			source, destination = append(source, ">"), append(destination, ">")
			literal = append(literal, literals(2).Draw(t, "rest"))
		}

		there, err := NewStrict(strings.Join(source, "."), strings.Join(destination, "."))
		if err != nil {
			t.Fatal(err)
		}
		back, err := there.Reverse()
		if err != nil {
			t.Fatal(err)
		}
		from := strings.Join(literal, ".")
		to, ok := there.Match(from)
		if !ok {
			t.Fatalf("%v does not match %q", there, from)
		}
		if got, ok := back.Match(to); !ok || got != from {
			t.Fatalf("%v: %q becomes %q, and that %q, %v", there, from, to, got, ok)
		}
		if pattern, _ := Placeholders(there.Destination()); pattern != back.Source() {
			t.Fatalf("%v: the pattern of results is %q, but the reverse has source %q", there, pattern, back.Source())
		}
	})
}

func patterns() *rapid.Generator[string] {
	token := rapid.SampledFrom([]string{"a", "b", "c", "*"})
	return rapid.Custom(func(t *rapid.T) string {
		tokens := rapid.SliceOfN(token, 1, 4).Draw(t, "tokens")
		if rapid.IntRange(0, 3).Draw(t, "open") == 0 {
			tokens = append(tokens[:len(tokens)-1], ">")
		}
		return strings.Join(tokens, ".")
	})
}

func TestFindReturnsTheMostSpecificMapping(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []*Mapping
		for _, source := range rapid.SliceOfN(patterns(), 0, 20).Draw(t, "sources") {
			m, err := NewMapping(source, nil)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, m)
		}
		set := NewMappings(list...)
		shuffled := NewMappings(rapid.Permutation(list).Draw(t, "other order")...)
		literal := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 4).Draw(t, "literal"), ".")

		got := set.Find(literal)
		var matching []string
		for _, m := range list {
			if subject.Match(literal, m.Source()) {
				matching = append(matching, m.Source())
			}
		}
		if got == nil {
			if len(matching) > 0 {
				t.Fatalf("%q finds nothing but matches %q", literal, matching)
			}
			return
		}
		if !slices.Contains(matching, got.Source()) {
			t.Fatalf("%q finds %q, which does not match", literal, got.Source())
		}
		if again := set.FindBytes([]byte(literal)); again != got {
			t.Fatalf("%q as bytes finds another mapping, %v", literal, again)
		}
		if other := shuffled.Find(literal); other.Source() != got.Source() {
			t.Fatalf("%q finds %q, and %q when given in another order", literal, got.Source(), other.Source())
		}
		for _, source := range matching {
			if source != got.Source() && subject.IsSubset(source, got.Source()) {
				t.Fatalf("%q finds %q, but %q is narrower", literal, got.Source(), source)
			}
		}
		if slices.Contains(matching, literal) && got.Source() != literal {
			t.Fatalf("%q finds %q and not the very same source", literal, got.Source())
		}
		// A narrower source comes first in the list of all, too.
		all := slices.Collect(set.All())
		for i := range all {
			for _, later := range all[i+1:] {
				if subject.IsSubset(later.Source(), all[i].Source()) {
					t.Fatalf("%q stands before %q", all[i].Source(), later.Source())
				}
			}
		}
	})
}

func TestWeightsAreKeptExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		left := 100
		var destinations []Destination
		want := map[string]int{}
		for i := range rapid.IntRange(0, 6).Draw(t, "destinations") {
			name := fmt.Sprintf("d%d", i)
			if i == 2 && rapid.Bool().Draw(t, "loss") {
				name = "foo"
			}
			weight := rapid.IntRange(0, left).Draw(t, "weight")
			left -= weight
			destinations = append(destinations, Destination{Subject: name, Weight: uint8(weight)})
			want[name] += weight
		}
		if _, listed := want["foo"]; listed {
			want[""] = left
		} else {
			want["foo"] = left
		}
		m, err := NewMapping("foo", destinations)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for n := range uint64(100) {
			mapped, outcome := m.Choose("foo", "", func() uint64 { return n })
			switch {
			case outcome == Dropped && mapped == "", outcome == Unchanged && mapped == "foo", outcome == Mapped && mapped != "foo":
			default:
				t.Fatalf("outcome %v with subject %q", outcome, mapped)
			}
			got[mapped]++
		}
		for name, weight := range want {
			if got[name] != weight {
				t.Fatalf("%v: %q is chosen %d times of 100; want %d", destinations, name, got[name], weight)
			}
		}
	})
}
