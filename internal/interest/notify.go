package interest

import (
	"slices"

	"github.com/godwit-mq/godwit/internal/subject"
)

// notification names what a channel is told about: the plain subscriptions, or
// the members of one queue, on exactly one literal subject.
type notification struct{ subject, queue string }

// Register asks for notifications on ch: at once the present state, then true
// for the first subscription on exactly this literal subject (with this queue
// name; an empty one stands for plain subscriptions) and false after the last
// was removed. A send never blocks: what ch has no room for is lost. One
// channel may be registered for several subjects.
//
// Errors: ErrInvalidSubject if the subject is not a valid literal,
// ErrNilChannel, ErrAlreadyRegistered.
func (x *Index[T]) Register(subj, queue string, ch chan<- bool) error {
	switch {
	case !subject.IsValidLiteral(subj):
		return ErrInvalidSubject
	case ch == nil:
		return ErrNilChannel
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	key := notification{subj, queue}
	if slices.Contains(x.notify[key], ch) {
		return ErrAlreadyRegistered
	}
	if x.notify == nil {
		x.notify = make(map[notification][]chan<- bool)
	}
	x.notify[key] = append(x.notify[key], ch)
	s, found := x.literals.entries[subj]
	offer(ch, found && s.has(queue))
	return nil
}

// Deregister ends what Register with the same arguments began. After it
// returned nothing more is sent for it. It returns ErrNotFound if there is no
// such registration.
func (x *Index[T]) Deregister(subj, queue string, ch chan<- bool) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := notification{subj, queue}
	i := slices.Index(x.notify[key], ch)
	if i < 0 {
		return ErrNotFound
	}
	if rest := slices.Delete(x.notify[key], i, i+1); len(rest) > 0 {
		x.notify[key] = rest
		return nil
	}
	delete(x.notify, key)
	if len(x.notify) == 0 {
		x.notify = nil
	}
	return nil
}

// tell sends the new state to those who registered. The write lock is held.
func (x *Index[T]) tell(subj, queue string, present bool) {
	for _, ch := range x.notify[notification{subj, queue}] {
		offer(ch, present)
	}
}

func offer(ch chan<- bool, present bool) {
	select {
	case ch <- present:
	default:
	}
}
