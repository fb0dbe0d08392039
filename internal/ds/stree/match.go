package stree

import "bytes"

// All calls fn for all subjects in the order of their bytes until fn returns
// false. It serves in a range statement. The subject is good until fn returns.
func (t *Tree[T]) All(fn func(subject []byte, value *T) bool) {
	if t != nil && t.root != 0 {
		t.visit(t.root, fn)
	}
}

func (t *Tree[T]) visit(r reference, fn func([]byte, *T) bool) bool {
	if r.isLeaf() {
		l := t.leaf(r.leaf())
		return fn(t.text.get(l.place), &l.value)
	}
	for _, child := range t.node(r).children() {
		if !t.visit(reference(child), fn) {
			return false
		}
	}
	return true
}

// Match calls fn, in the order of their bytes, for all subjects that match the
// filter until fn returns false, and reports whether it never did. A token * of the
// filter matches any token, a last token > any one or more; anywhere else both
// are bytes as others. The subject is good until fn returns.
func (t *Tree[T]) Match(filter []byte, fn func(subject []byte, value *T) bool) bool {
	if t == nil || t.root == 0 || len(filter) == 0 {
		return true
	}
	var few [8]int
	m := matcher[T]{tree: t, filter: filter, wildcards: wildcards(filter, few[:0]), fn: fn}
	return m.walk(t.root, 0, m.enter(state{}))
}

// wildcards appends the positions of the tokens that are wildcards.
func wildcards(filter []byte, to []int) []int {
	for i, c := range filter {
		if (c != '*' && c != '>') || (i > 0 && filter[i-1] != '.') {
			continue
		}
		if last := i+1 == len(filter); last || c == '*' && filter[i+1] == '.' {
			to = append(to, i)
		}
	}
	return to
}

// A state tells how much of a filter is matched: at is the position of the
// first byte that is not. Inside a wildcard it is that of the wildcard.
type state struct {
	at     int
	passed int // wildcards before at
	kind   stateKind
}

type stateKind uint8

const (
	literal stateKind = iota
	star              // in a token that * matches
	rest              // > matches whatever comes
	failed
)

type matcher[T any] struct {
	tree      *Tree[T]
	filter    []byte
	wildcards []int
	fn        func(subject []byte, value *T) bool
}

// enter enters a wildcard at which the state stands.
func (m *matcher[T]) enter(s state) state {
	if s.passed < len(m.wildcards) && m.wildcards[s.passed] == s.at {
		s.passed++
		if s.kind = star; m.filter[s.at] == '>' {
			s.kind = rest
		}
	}
	return s
}

// next returns the state after more bytes of a subject.
func (m *matcher[T]) next(s state, more []byte) state {
	for len(more) > 0 {
		switch s.kind {
		case star:
			i := bytes.IndexByte(more, '.')
			if i < 0 {
				return s
			}
			more = more[i:]
			s.at, s.kind = s.at+1, literal
		case literal:
			run := m.filter[s.at:]
			if s.passed < len(m.wildcards) {
				run = m.filter[s.at:m.wildcards[s.passed]]
			}
			n := min(len(run), len(more))
			if n == 0 || string(run[:n]) != string(more[:n]) {
				return state{kind: failed}
			}
			more = more[n:]
			s.at += n
			s = m.enter(s)
		default:
			return s
		}
	}
	return s
}

// complete reports whether a subject that ends in this state matches.
func (m *matcher[T]) complete(s state) bool {
	switch s.kind {
	case literal:
		return s.at == len(m.filter)
	case star:
		return s.at+1 == len(m.filter)
	}
	return s.kind == rest
}

// walk visits what matches below r. All subjects there share their first passed bytes,
// which lead to the state s.
func (m *matcher[T]) walk(r reference, passed int, s state) bool {
	for {
		if s.kind == rest {
			return m.tree.visit(r, m.fn)
		}
		if r.isLeaf() {
			l := m.tree.leaf(r.leaf())
			subject := m.tree.text.get(l.place)
			if !m.complete(m.next(s, subject[passed:])) {
				return true
			}
			return m.fn(subject, &l.value)
		}
		n := m.tree.node(r)
		if offset := n.offset(); offset > passed {
			s = m.next(s, m.tree.text.get(n[1])[passed:offset])
			passed = offset
		}
		switch {
		case s.kind == failed:
			return true
		case s.kind != literal:
			return m.walkChildren(n, passed, s)
		}
		// A literal state leads to one child.
		at, ok := n.child(branchOf(m.filter, s.at))
		if !ok {
			return true
		}
		r = reference(n[at])
	}
}

func (m *matcher[T]) walkChildren(n node, passed int, s state) bool {
	for _, child := range n.children() {
		if !m.walk(reference(child), passed, s) {
			return false
		}
	}
	return true
}

// Intersect calls fn for the subjects that are in both trees until it returns
// false. It takes the smaller tree's number of searches in the larger one. The
// subject is good until fn returns.
func Intersect[A, B any](a *Tree[A], b *Tree[B], fn func(subject []byte, a *A, b *B) bool) {
	if a.Len() <= b.Len() {
		a.All(func(subject []byte, value *A) bool {
			other := b.Find(subject)
			return other == nil || fn(subject, value, other)
		})
		return
	}
	b.All(func(subject []byte, value *B) bool {
		other := a.Find(subject)
		return other == nil || fn(subject, other, value)
	})
}

// An Interest is a set of patterns that can be asked about subjects.
type Interest interface {
	// HasInterest reports whether a pattern matches the subject.
	HasInterest(subject []byte) bool
	// HasInterestStartingIn reports whether a pattern can match a subject that
	// begins with these tokens and has more. It may err on the side of true.
	HasInterestStartingIn(prefix []byte) bool
}

// MatchInterest calls fn once for each subject that a pattern of the interest
// matches until fn returns false. Where subjects share leading tokens that no
// pattern begins with, they are passed over together. The subject is good until
// fn returns.
func (t *Tree[T]) MatchInterest(interest Interest, fn func(subject []byte, value *T) bool) {
	if t != nil && t.root != 0 {
		t.visitInterest(t.root, 0, interest, fn)
	}
}

// visitInterest visits what is below r. It is known that the first asked bytes are
// tokens with which a pattern begins.
func (t *Tree[T]) visitInterest(r reference, asked int, interest Interest, fn func([]byte, *T) bool) bool {
	if r.isLeaf() {
		l := t.leaf(r.leaf())
		subject := t.text.get(l.place)
		return !interest.HasInterest(subject) || fn(subject, &l.value)
	}
	n := t.node(r)
	shared := t.text.get(n[1])[:n.offset()]
	if i := bytes.LastIndexByte(shared, '.'); i > asked {
		if !interest.HasInterestStartingIn(shared[:i]) {
			return true
		}
		asked = i
	}
	for _, child := range n.children() {
		if !t.visitInterest(reference(child), asked, interest, fn) {
			return false
		}
	}
	return true
}
