package transform

import (
	"iter"
	"slices"
	"strings"

	"github.com/godwit-mq/godwit/internal/subject"
)

// Mappings is the set of mappings of an account. It is never changed: With and
// Without make new ones, so that a set can be exchanged while others read it.
// A nil *Mappings is an empty set.
type Mappings struct {
	ordered []*Mapping // as they take precedence

	literal map[string]*Mapping   // by source, those without wildcards
	leading map[string][]*Mapping // by the first token of the source, the others
	open    []*Mapping            // those whose first token is a wildcard
}

// NewMappings makes a set. If two mappings have the same source, the later one
// counts.
func NewMappings(list ...*Mapping) *Mappings {
	s := &Mappings{literal: make(map[string]*Mapping), leading: make(map[string][]*Mapping)}
	position := make(map[string]int)
	for _, m := range list {
		if i, again := position[m.source]; again {
			s.ordered[i] = m
			continue
		}
		position[m.source] = len(s.ordered)
		s.ordered = append(s.ordered, m)
	}
	slices.SortStableFunc(s.ordered, func(a, b *Mapping) int { return comparePrecedence(a.source, b.source) })
	for _, m := range s.ordered {
		switch first := firstToken(m.source); {
		case subject.IsLiteral(m.source):
			s.literal[m.source] = m
		case first == "*" || first == ">":
			s.open = append(s.open, m)
		default:
			s.leading[first] = append(s.leading[first], m)
		}
	}
	return s
}

// Find returns the mapping for a subject, nil if none matches. Of several the
// one with the most specific source is returned.
func (s *Mappings) Find(literal string) *Mapping { return find(s, literal) }

// FindBytes is Find for a subject in a buffer.
func (s *Mappings) FindBytes(literal []byte) *Mapping { return find(s, literal) }

func find[T subject.Text](s *Mappings, literal T) *Mapping {
	if s.Len() == 0 {
		return nil
	}
	if m, found := s.literal[string(literal)]; found {
		return m
	}
	if m := firstMatch(s.leading[string(firstToken(literal))], literal); m != nil {
		return m
	}
	return firstMatch(s.open, literal)
}

func firstMatch[T subject.Text](list []*Mapping, literal T) *Mapping {
	for _, m := range list {
		if subject.Match(literal, m.source) {
			return m
		}
	}
	return nil
}

func firstToken[T subject.Text](s T) T { return subject.Token(s, 0) }

// Len counts the mappings.
func (s *Mappings) Len() int {
	if s == nil {
		return 0
	}
	return len(s.ordered)
}

// All yields the mappings, those that take precedence first.
func (s *Mappings) All() iter.Seq[*Mapping] {
	if s == nil {
		return func(func(*Mapping) bool) {}
	}
	return slices.Values(s.ordered)
}

// With returns a set that also has m, in place of one with the same source.
func (s *Mappings) With(m *Mapping) *Mappings {
	return NewMappings(append(slices.Collect(s.All()), m)...)
}

// Without returns a set that has no mapping with this source.
func (s *Mappings) Without(source string) *Mappings {
	return NewMappings(slices.DeleteFunc(slices.Collect(s.All()), func(m *Mapping) bool { return m.source == source })...)
}

// comparePrecedence is negative if source a is to be asked before b. It orders
// the sources by the width of their tokens, from the left, and a source before
// its continuations. Two different sources of equal rank have different text
// somewhere, so no subject matches both.
func comparePrecedence(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		return width(x) - width(y)
	})
}

// width grows with what a token of a source matches.
func width(token string) int {
	switch token {
	case ">":
		return 2
	case "*":
		return 1
	}
	return 0
}
