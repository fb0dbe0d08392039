package interest

import "github.com/godwit-mq/godwit/internal/subject"

// Reader holds the read lock of an Index from Index.Reader until Release. It
// is owned by the goroutine that asked for it, which must not ask for another
// one of the same Index meanwhile, and should keep it short: a waiting Writer
// keeps all new Readers waiting too.
type Reader[T comparable] struct{ index *Index[T] }

// Reader takes the read lock.
func (x *Index[T]) Reader() Reader[T] {
	x.mu.RLock()
	return Reader[T]{x}
}

// Release gives the read lock back. The Reader must not be used any more.
func (r Reader[T]) Release() { r.index.mu.RUnlock() }

// Generation returns the generation that this Reader sees. It does not change
// before Release.
func (r Reader[T]) Generation() uint64 { return r.index.generation.Load() }

// Match resets into and collects there all subscriptions whose subject matches:
// the plain ones, and the queue members grouped by queue name over all matching
// subjects. A value that was inserted with several matching subjects comes
// once for each.
//
// The subject is taken as it is: wildcard tokens in it are matched only by
// wildcards. A subject with an empty token matches nothing.
func (r Reader[T]) Match(subj []byte, into *Matches[T]) {
	into.Reset()
	if s, found := r.index.literals.entries[string(subj)]; found {
		into.add(&s)
	}
	if r.index.wild != nil && !subject.HasEmptyToken(subj) {
		w := walk[T]{subject: subj, want: wantAll, into: into}
		w.branch(r.index.wild, 0, 0)
	}
}

// HasInterest tells whether Match would find anything.
func (r Reader[T]) HasInterest(subj []byte) bool {
	if _, found := r.index.literals.entries[string(subj)]; found {
		return true
	}
	if r.index.wild == nil || subject.HasEmptyToken(subj) {
		return false
	}
	w := walk[T]{subject: subj, want: wantAny}
	return !w.branch(r.index.wild, 0, 0)
}

// Count returns how many plain subscriptions and how many queue members Match
// would find. Every member counts once, whatever its weight.
func (r Reader[T]) Count(subj []byte) (plain, queued int) {
	w := walk[T]{subject: subj, want: wantCount}
	if s, found := r.index.literals.entries[string(subj)]; found {
		w.hit(&s)
	}
	if r.index.wild != nil && !subject.HasEmptyToken(subj) {
		w.branch(r.index.wild, 0, 0)
	}
	return w.plain, w.queued
}

// Overlapping calls visit, in no order, for every subscription that can receive
// a message which pattern matches too, until visit returns false. A malformed
// pattern overlaps nothing. The time it takes grows with the number of stored
// literal subjects when pattern has wildcards. Visit must not use the Index.
func (r Reader[T]) Overlapping(pattern string, visit func(e Entry[T]) bool) {
	switch subject.Classify(pattern) {
	case subject.Malformed:
		return
	case subject.Literal:
		if s, found := r.index.literals.entries[pattern]; found && !s.visit(pattern, visit) {
			return
		}
	default:
		for subj, s := range r.index.literals.entries {
			if subject.MatchFrom(subj, 0, pattern, 0) && !s.visit(subj, visit) {
				return
			}
		}
	}
	if r.index.wild != nil {
		r.index.wild.overlapping(pattern, 0, 0, visit)
	}
}

// All calls visit, in no order, for every stored subscription until visit
// returns false. Visit must not use the Index.
func (r Reader[T]) All(visit func(e Entry[T]) bool) {
	for subj, s := range r.index.literals.entries {
		if !s.visit(subj, visit) {
			return
		}
	}
	if r.index.wild != nil {
		r.index.wild.all(visit)
	}
}
