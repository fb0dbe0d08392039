package interest

import (
	"bytes"

	"github.com/godwit-mq/godwit/internal/subject"
)

// want says what a walk is for.
type want uint8

const (
	wantAll   want = iota // collect the subscriptions
	wantCount             // count them
	wantAny               // stop at the first
)

// walk looks for all patterns of the trie that match one subject. It lives on
// the stack of who asks.
type walk[T comparable] struct {
	subject []byte // without empty tokens
	want    want
	into    *Matches[T] // for wantAll

	plain, queued int // for wantCount
}

// hit takes the subscriptions of a matching pattern and tells whether to go on.
func (w *walk[T]) hit(s *set[T]) bool {
	switch w.want {
	case wantAll:
		w.into.add(s)
	case wantCount:
		plain, queued := s.count()
		w.plain += plain
		w.queued += queued
	default:
		return false
	}
	return true
}

// branch matches the tokens of the subject from pos on, of which there is at
// least one, with the patterns below b, which have come to offset own. It
// tells whether to go on.
func (w *walk[T]) branch(b *branch[T], pos, own int) bool {
	for {
		if b.rest != nil && !w.hit(&b.rest.set) {
			return false
		}
		end, next := len(w.subject), len(w.subject)+1
		if n := bytes.IndexByte(w.subject[pos:], '.'); n >= 0 {
			end, next = pos+n, pos+n+1
		}
		if !b.star.isEmpty() && !w.child(b.star, next, own+len("*.")) {
			return false
		}
		c := b.find(w.subject[pos:end])
		own += next - pos
		if c.branch == nil || next > len(w.subject) {
			return w.child(c, next, own)
		}
		b, pos = c.branch, next
	}
}

// child matches the tokens from pos on, if any, with one child of a branch.
func (w *walk[T]) child(c child[T], pos, own int) bool {
	switch {
	case c.leaf != nil:
		return !subject.MatchFrom(w.subject, pos, c.leaf.pattern, own) || w.hit(&c.leaf.set)
	case c.branch == nil:
		return true
	case pos <= len(w.subject):
		return w.branch(c.branch, pos, own)
	case c.branch.here != nil:
		return w.hit(&c.branch.here.set)
	}
	return true
}
