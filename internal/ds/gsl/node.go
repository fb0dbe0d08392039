package gsl

import "strings"

type node[V comparable] struct {
	literals map[string]*node[V]
	star     *node[V]
	full     *node[V] // of the wildcard >, behind which there is nothing
	values   set[V]
}

func (n *node[V]) isEmpty() bool {
	return len(n.literals) == 0 && n.star == nil && n.full == nil && n.values.isEmpty()
}

func (n *node[V]) next(token string) *node[V] {
	switch token {
	case "*":
		return n.star
	case ">":
		return n.full
	}
	return n.literals[token]
}

// setNext makes the node behind a token, or drops it.
func (n *node[V]) setNext(token string, next *node[V]) {
	switch {
	case token == "*":
		n.star = next
	case token == ">":
		n.full = next
	case next != nil:
		if n.literals == nil {
			n.literals = map[string]*node[V]{}
		}
		n.literals[strings.Clone(token)] = next
	default:
		if delete(n.literals, token); len(n.literals) == 0 {
			n.literals = nil
		}
	}
}

func (n *node[V]) makeNext(token string) *node[V] {
	next := n.next(token)
	if next == nil {
		next = &node[V]{}
		n.setNext(token, next)
	}
	return next
}

// only returns the token and the node that are next where there is only one.
func (n *node[V]) only() (string, *node[V]) {
	switch {
	case n.star != nil:
		return "*", n.star
	case n.full != nil:
		return ">", n.full
	}
	for token, next := range n.literals {
		return token, next
	}
	panic("gsl: a node leads to nothing")
}

// remove takes a value out and drops what becomes empty. It reports whether the
// value was there, and was the last one of its pattern.
func (n *node[V]) remove(pattern string, value V) (found, last bool) {
	token, rest, more := strings.Cut(pattern, ".")
	next := n.next(token)
	if next == nil {
		return false, false
	}
	if more {
		found, last = next.remove(rest, value)
	} else {
		found = next.values.remove(value)
		last = found && next.values.isEmpty()
	}
	if last && next.isEmpty() {
		n.setNext(token, nil)
	}
	return found, last
}

// match calls visit for the values of all patterns that match the subject until
// visit returns false, and reports whether it never did.
func (n *node[V]) match(subject []byte, visit func(*set[V]) bool) bool {
	for {
		token, rest, more := cut(subject)
		if n.full != nil && !visit(&n.full.values) {
			return false
		}
		if n.star != nil {
			if !more && !visit(&n.star.values) || more && !n.star.match(rest, visit) {
				return false
			}
		}
		next := n.literals[string(token)]
		if next == nil {
			return true
		}
		if !more {
			return visit(&next.values)
		}
		n, subject = next, rest
	}
}

func (n *node[V]) startsIn(prefix []byte) bool {
	for {
		if n.full != nil {
			return true
		}
		token, rest, more := cut(prefix)
		if n.star != nil && (!more || n.star.startsIn(rest)) {
			return true
		}
		next := n.literals[string(token)]
		if next == nil || !more {
			return next != nil
		}
		n, prefix = next, rest
	}
}

// A set holds values, with an index where they are many.
type set[V comparable] struct {
	all   []V
	index map[V]int
}

const indexFrom = 16

func (s *set[V]) isEmpty() bool { return len(s.all) == 0 }

func (s *set[V]) find(value V) (int, bool) {
	if s.index != nil {
		i, ok := s.index[value]
		return i, ok
	}
	for i, v := range s.all {
		if v == value {
			return i, true
		}
	}
	return 0, false
}

// add reports whether the value was absent.
func (s *set[V]) add(value V) bool {
	if _, ok := s.find(value); ok {
		return false
	}
	s.all = append(s.all, value)
	switch {
	case s.index != nil:
		s.index[value] = len(s.all) - 1
	case len(s.all) > indexFrom:
		s.index = make(map[V]int, len(s.all))
		for i, v := range s.all {
			s.index[v] = i
		}
	}
	return true
}

// remove reports whether the value was there.
func (s *set[V]) remove(value V) bool {
	i, ok := s.find(value)
	if !ok {
		return false
	}
	last := len(s.all) - 1
	moved := s.all[last]
	s.all[i] = moved
	clear(s.all[last:])
	s.all = s.all[:last]
	if s.index != nil {
		s.index[moved] = i
		delete(s.index, value)
	}
	switch {
	case last == 0:
		*s = set[V]{}
	case last <= indexFrom/2:
		s.index = nil
	}
	return true
}
