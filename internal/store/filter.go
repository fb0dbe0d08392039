package store

import (
	"fmt"

	"github.com/godwit-mq/godwit/internal/ds/gsl"
	"github.com/godwit-mq/godwit/internal/ds/stree"
	"github.com/godwit-mq/godwit/internal/subject"
)

// FilterPatternsMax is the number of patterns that a filter can have.
const FilterPatternsMax = 1 << 16

// A Filter selects messages by subject: those that at least one of its patterns
// matches. It never changes, so any number of goroutines may use it. A nil
// Filter selects all.
type Filter struct {
	list    gsl.List[struct{}]
	single  []byte // the pattern, if there is just one
	literal bool   // single has no wildcard
}

// NewFilter returns the filter of some patterns. Without any, or if one of them
// is empty or ">", it is the nil filter, which selects all. It fails with
// ErrFilter for more than FilterPatternsMax patterns, and for one with empty tokens
// or with tokens behind ">".
func NewFilter(patterns ...string) (*Filter, error) {
	if len(patterns) > FilterPatternsMax {
		return nil, fmt.Errorf("%w: %d patterns", ErrFilter, len(patterns))
	}
	if len(patterns) == 1 {
		return newSingle(patterns[0])
	}
	all := len(patterns) == 0
	f := &Filter{}
	for _, pattern := range patterns {
		if pattern == "" || pattern == ">" {
			all = true
			continue
		}
		if len(pattern) > SubjectMax {
			return nil, fmt.Errorf("%w: pattern of %d bytes", ErrFilter, len(pattern))
		}
		if err := f.list.Insert(pattern, struct{}{}); err != nil {
			return nil, fmt.Errorf("%w: pattern %q", ErrFilter, pattern)
		}
	}
	if all {
		return nil, nil
	}
	if pattern, ok := f.list.Single(); ok {
		f.single = []byte(pattern)
		f.literal = subject.IsLiteral(pattern)
	}
	return f, nil
}

// newSingle is NewFilter for one pattern, which needs no list.
func newSingle(pattern string) (*Filter, error) {
	switch {
	case pattern == "" || pattern == ">":
		return nil, nil
	case len(pattern) > SubjectMax:
		return nil, fmt.Errorf("%w: pattern of %d bytes", ErrFilter, len(pattern))
	case !subject.IsValid(pattern):
		return nil, fmt.Errorf("%w: pattern %q", ErrFilter, pattern)
	}
	return &Filter{single: []byte(pattern), literal: subject.IsLiteral(pattern)}, nil
}

// All reports whether the filter selects everything.
func (f *Filter) All() bool { return f == nil }

// Literal returns the subject if the filter selects just one.
func (f *Filter) Literal() ([]byte, bool) {
	if f == nil || !f.literal {
		return nil, false
	}
	return f.single, true
}

// Match reports whether the filter selects a subject.
func (f *Filter) Match(text []byte) bool {
	switch {
	case f == nil:
		return true
	case f.literal:
		return string(text) == string(f.single)
	case f.single != nil:
		return subject.Match(text, f.single)
	}
	return f.list.HasInterest(text)
}

// Visit calls fn, until it returns false, once for each subject of a tree that
// the filter selects, in the order of their bytes.
func Visit[T any](f *Filter, tree *stree.Tree[T], fn func(subject []byte, value *T) bool) {
	switch {
	case f == nil:
		tree.All(fn)
	case f.literal:
		if value := tree.Find(f.single); value != nil {
			fn(f.single, value)
		}
	case f.single != nil:
		tree.Match(f.single, fn)
	default:
		tree.MatchInterest(&f.list, fn)
	}
}
