package gsl

import (
	"bytes"
	"errors"
	"strings"
)

var (
	// ErrInvalidSubject is returned for a pattern with an empty token, or with
	// tokens behind the wildcard >.
	ErrInvalidSubject = errors.New("gsl: invalid subject")
	// ErrNotFound is returned for the removal of a value that is not there.
	ErrNotFound = errors.New("gsl: no matches found")
)

// A List holds pairs of a pattern and a value. The zero List is empty and ready
// for use.
type List[V comparable] struct {
	root     node[V]
	size     int
	patterns int // that have values
}

// Len is the number of pairs.
func (l *List[V]) Len() int {
	if l == nil {
		return 0
	}
	return l.size
}

// isValid reports whether a pattern may be inserted.
func isValid(pattern string) bool {
	for {
		token, rest, more := strings.Cut(pattern, ".")
		if token == "" || token == ">" && more {
			return false
		}
		if !more {
			return true
		}
		pattern = rest
	}
}

// Insert adds a value under a pattern, once. It fails with ErrInvalidSubject.
func (l *List[V]) Insert(pattern string, value V) error {
	if !isValid(pattern) {
		return ErrInvalidSubject
	}
	n := &l.root
	for more := true; more; {
		var token string
		token, pattern, more = strings.Cut(pattern, ".")
		n = n.makeNext(token)
	}
	if n.values.isEmpty() {
		l.patterns++
	}
	if n.values.add(value) {
		l.size++
	}
	return nil
}

// Remove takes a value out from under a pattern. It fails with
// ErrInvalidSubject, or ErrNotFound if it is not there.
func (l *List[V]) Remove(pattern string, value V) error {
	if !isValid(pattern) {
		return ErrInvalidSubject
	}
	found, last := l.root.remove(pattern, value)
	if !found {
		return ErrNotFound
	}
	l.size--
	if last {
		l.patterns--
	}
	return nil
}

// Match calls fn for the values of all patterns that match the subject, until
// fn returns false.
func (l *List[V]) Match(subject []byte, fn func(value V) bool) {
	if l == nil || !isLiteral(subject) {
		return
	}
	l.root.match(subject, func(s *set[V]) bool {
		for _, v := range s.all {
			if !fn(v) {
				return false
			}
		}
		return true
	})
}

// HasInterest reports whether a pattern matches the subject.
func (l *List[V]) HasInterest(subject []byte) bool {
	if l == nil || !isLiteral(subject) {
		return false
	}
	return !l.root.match(subject, func(s *set[V]) bool { return s.isEmpty() })
}

// Count is the number of values that Match gives for a subject.
func (l *List[V]) Count(subject []byte) int {
	n := 0
	if l != nil && isLiteral(subject) {
		l.root.match(subject, func(s *set[V]) bool {
			n += len(s.all)
			return true
		})
	}
	return n
}

// HasInterestStartingIn reports whether a pattern matches a subject that
// consists of these tokens or begins with them.
func (l *List[V]) HasInterestStartingIn(prefix []byte) bool {
	return l.Len() > 0 && (len(prefix) == 0 || l.root.startsIn(prefix))
}

// MatchesAll reports whether the pattern > is in the list.
func (l *List[V]) MatchesAll() bool { return l != nil && l.root.full != nil }

// Single returns the pattern of all values if they have the same.
func (l *List[V]) Single() (pattern string, ok bool) {
	if l == nil || l.patterns != 1 {
		return "", false
	}
	var tokens []string
	for n := &l.root; n.values.isEmpty(); {
		var token string
		token, n = n.only()
		tokens = append(tokens, token)
	}
	return strings.Join(tokens, "."), true
}

// isLiteral reports whether a subject has no empty token.
func isLiteral(subject []byte) bool {
	dot := true
	for _, c := range subject {
		if c == '.' && dot {
			return false
		}
		dot = c == '.'
	}
	return !dot
}

// cut returns the first token of a subject, and the others if there are more.
func cut(subject []byte) (token, rest []byte, more bool) {
	if i := bytes.IndexByte(subject, '.'); i >= 0 {
		return subject[:i], subject[i+1:], true
	}
	return subject, nil, false
}
