package interest

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/godwit-mq/godwit/internal/subject"
)

// Errors of an Index. They are returned as they are and may be compared.
var (
	// ErrInvalidSubject: the subject has an empty token or a token behind
	// '>'; for notifications, also: the subject is not literal.
	ErrInvalidSubject = errors.New("sublist: invalid subject")
	// ErrNotFound: no such subscription or notification.
	ErrNotFound = errors.New("sublist: no matches found")
	// ErrDuplicate: the very same subscription is present already, and
	// nothing was changed.
	ErrDuplicate = errors.New("sublist: duplicate subscription")
	// ErrNilChannel: a notification was asked for without a channel.
	ErrNilChannel = errors.New("sublist: nil channel")
	// ErrAlreadyRegistered: this channel is registered for this subject and
	// queue already.
	ErrAlreadyRegistered = errors.New("sublist: notification already registered")
)

// Index holds who is interested in which subject. Make one with New. T's
// values are told apart with ==.
type Index[T comparable] struct {
	mu         sync.RWMutex
	generation atomic.Uint64 // moved under the write lock, read by anyone
	inserts    atomic.Uint64 // likewise
	removes    atomic.Uint64 // likewise

	literals table[set[T]]                  // guarded by mu
	wild     *branch[T]                     // guarded by mu; nil when no wildcard subject is stored
	notify   map[notification][]chan<- bool // guarded by mu; nil when nobody registered
}

// New returns an empty Index.
func New[T comparable]() *Index[T] { return &Index[T]{} }

// Generation returns a number that changes with every change of the stored
// subscriptions. It takes no lock.
func (x *Index[T]) Generation() uint64 { return x.generation.Load() }

// Touch moves the generation, so that cached results are looked up anew although
// no subscription changed. It takes the write lock.
func (x *Index[T]) Touch() {
	w := x.Writer()
	defer w.Release()
	x.generation.Add(1)
}

// Stats are the counters of one Index, or the sum of several.
type Stats struct {
	NumSubs    uint64 // subscriptions stored now
	NumInserts uint64 // subscriptions inserted so far
	NumRemoves uint64 // subscriptions removed so far
}

// Add adds the counters of another Index to s.
func (s *Stats) Add(other Stats) {
	s.NumSubs += other.NumSubs
	s.NumInserts += other.NumInserts
	s.NumRemoves += other.NumRemoves
}

// Stats returns the present counters. It takes no lock.
func (x *Index[T]) Stats() Stats {
	removes := x.removes.Load() // before inserts, so that the difference is never negative
	inserts := x.inserts.Load()
	return Stats{NumSubs: inserts - removes, NumInserts: inserts, NumRemoves: removes}
}

// Entry is one stored subscription. Weight is 1 for plain subscriptions.
type Entry[T comparable] struct {
	Subject, Queue string
	Weight         int32
	Value          T
}

// Writer holds the write lock of an Index from Index.Writer until Release, so
// that a run of changes costs one lock. It is owned by the goroutine that
// asked for it.
type Writer[T comparable] struct{ index *Index[T] }

// Writer takes the write lock.
func (x *Index[T]) Writer() Writer[T] {
	x.mu.Lock()
	return Writer[T]{x}
}

// Release gives the write lock back. The Writer must not be used any more.
func (w Writer[T]) Release() { w.index.mu.Unlock() }

// Insert stores a subscription. The index keeps subj and queue.
//
// The weight counts for queue members only; below 1 it is taken as 1. To insert
// a queue member again with another weight changes the weight. To insert
// anything else again changes nothing and returns ErrDuplicate. A malformed
// subject is refused with ErrInvalidSubject.
func (w Writer[T]) Insert(subj, queue string, weight int32, v T) error {
	x := w.index
	var change change
	switch subject.Classify(subj) {
	case subject.Literal:
		change = x.insertLiteral(subj, queue, max(weight, 1), v)
		if change == addedFirst && x.notify != nil {
			x.tell(subj, queue, true)
		}
	case subject.Wildcard:
		if x.wild == nil {
			x.wild = &branch[T]{}
		}
		change = x.wild.insert(subj, queue, max(weight, 1), v)
	default:
		return ErrInvalidSubject
	}
	if change == unchanged {
		return ErrDuplicate
	}
	if change != reweighted {
		x.inserts.Add(1)
	}
	x.generation.Add(1)
	return nil
}

func (x *Index[T]) insertLiteral(subj, queue string, weight int32, v T) change {
	s, found := x.literals.entries[subj]
	if !found {
		x.literals.put(subj, newSet(queue, weight, v))
		return addedFirst
	}
	single := s.many == nil
	change := s.insert(queue, weight, v)
	if single && change != unchanged {
		x.literals.put(subj, s)
	}
	return change
}

// Remove takes a subscription out. It returns ErrNotFound when it is not
// stored, or ErrInvalidSubject when it cannot be.
func (w Writer[T]) Remove(subj, queue string, v T) error {
	x := w.index
	var change change
	switch subject.Classify(subj) {
	case subject.Literal:
		change = x.removeLiteral(subj, queue, v)
		if change == removedLast && x.notify != nil {
			x.tell(subj, queue, false)
		}
	case subject.Wildcard:
		change = x.removeWildcard(subj, queue, v)
	default:
		return ErrInvalidSubject
	}
	if change == unchanged {
		return ErrNotFound
	}
	x.removes.Add(1)
	x.generation.Add(1)
	return nil
}

func (x *Index[T]) removeLiteral(subj, queue string, v T) change {
	s, found := x.literals.entries[subj]
	if !found {
		return unchanged
	}
	many := s.many != nil
	change, empty := s.remove(queue, v)
	switch {
	case empty:
		x.literals.delete(subj)
	case many && s.many == nil:
		x.literals.put(subj, s)
	}
	return change
}

func (x *Index[T]) removeWildcard(subj, queue string, v T) change {
	if x.wild == nil {
		return unchanged
	}
	change := x.wild.remove(subj, 0, queue, v)
	if x.wild.isEmpty() {
		x.wild = nil
	}
	return change
}
