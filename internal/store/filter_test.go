package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/internal/ds/stree"
	"github.com/godwit-mq/godwit/internal/subject"
)

func TestFilter(t *testing.T) {
	subjects := []string{"", "a", "a.b", "a.b.c", "b", "b.b", "> x", "*"}
	for _, c := range []struct {
		patterns []string
		expected []string
	}{
		{nil, subjects},
		{[]string{""}, subjects},
		{[]string{"a", ">"}, subjects},
		{[]string{"a"}, []string{"a"}},
		{[]string{"a", "a"}, []string{"a"}},
		{[]string{"a.*"}, []string{"a.b"}},
		{[]string{"a.>"}, []string{"a.b", "a.b.c"}},
		{[]string{"*"}, []string{"a", "b", "> x", "*"}},
		{[]string{"b", "*.b"}, []string{"a.b", "b", "b.b"}},
		{[]string{"> x"}, []string{"> x"}},
		{[]string{"none", "x.>"}, nil},
	} {
		before := slices.Clone(c.patterns)
		f, err := NewFilter(c.patterns...)
		if err != nil {
			t.Fatal(err)
		}
		var tree stree.Tree[int]
		var matched, visited []string
		for _, s := range subjects {
			if f.Match([]byte(s)) {
				matched = append(matched, s)
			}
			if _, _, err := tree.Insert([]byte(s), 1); err != nil && s != "" {
				t.Fatal(err)
			}
		}
		Visit(f, &tree, func(subject []byte, _ *int) bool {
			visited = append(visited, string(subject))
			return true
		})
		if !slices.Equal(matched, c.expected) {
			t.Errorf("%q matches %q, expected %q", c.patterns, matched, c.expected)
		}
		slices.Sort(matched)
		if expected := slices.DeleteFunc(matched, func(s string) bool { return s == "" }); !slices.Equal(visited, expected) {
			t.Errorf("%q visits %q, expected %q", c.patterns, visited, expected)
		}
		if !slices.Equal(before, c.patterns) {
			t.Errorf("patterns became %q", c.patterns)
		}
	}
}

func TestFilterRefused(t *testing.T) {
	many := make([]string, FilterPatternsMax+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for _, patterns := range [][]string{{"a..b"}, {"a", ".b"}, {"a.>.b"}, {"b."}, {strings.Repeat("x", SubjectMax+1)}, many} {
		if f, err := NewFilter(patterns...); !errors.Is(err, ErrFilter) || f != nil {
			t.Errorf("%.40q of %d: %v %v", patterns[0], len(patterns), f, err)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add("a.*", "b.>", "a.b")
	f.Add("", "a", "a")
	f.Add(">", "*", "x.y")
	f.Add("a..b", "*a.>b", "*a.>b")
	f.Fuzz(func(t *testing.T, a, b, text string) {
		filter, err := NewFilter(a, b)
		if err != nil {
			if a != "" && b != "" && subject.IsValid(a) && subject.IsValid(b) && len(a)+len(b) < SubjectMax {
				t.Fatalf("%q and %q refused: %v", a, b, err)
			}
			return
		}
		expected := a == "" || b == "" || a == ">" || b == ">" || subject.Match(text, a) || subject.Match(text, b)
		if got := filter.Match([]byte(text)); got != expected && !strings.ContainsAny(text, "*>") {
			t.Fatalf("%q and %q of %q: %v, expected %v", a, b, text, got, expected)
		}
	})
}
