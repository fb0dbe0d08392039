package stream

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/subject"
)

// A Claim is what one consumer needs of a stream that does not retain by limits alone.
type Claim interface {
	// Selects reports whether the consumer wants messages of a subject.
	Selects(subject []byte) bool
	// Needs reports whether it is not done with a message that it selects: whether it
	// has yet to be delivered or acknowledged, or was given up without that.
	Needs(sequence uint64) bool
}

// Acknowledged tells that the consumer with the claim by is done with the messages from
// first to last, and removes those of them that it selects and no other claim needs. It
// returns how many went. It does nothing where limits alone remove.
func (s *Stream) Acknowledged(first, last uint64, by Claim, claims iter.Seq[Claim]) (removed int, err error) {
	if s.rules.config.Retention == api.RetentionLimits {
		return 0, nil
	}
	return s.removeUnneeded(first, last, func(m *store.Message) bool {
		if by != nil && !by.Selects(m.Subject) {
			return false
		}
		return !isNeeded(m, by, claims)
	})
}

// Trim removes the messages of a stream that retains by interest which no claim needs.
// It is for when a consumer has gone or wants less, when retention has become that of
// interest, and now and then to repair what was missed. It returns how many went.
func (s *Stream) Trim(claims iter.Seq[Claim]) (removed int, err error) {
	if s.rules.config.Retention != api.RetentionInterest {
		return 0, nil
	}
	return s.removeUnneeded(0, s.last, func(m *store.Message) bool { return !isNeeded(m, nil, claims) })
}

func isNeeded(m *store.Message, but Claim, claims iter.Seq[Claim]) bool {
	for claim := range claims {
		if claim != but && claim.Selects(m.Subject) && claim.Needs(m.Sequence) {
			return true
		}
	}
	return false
}

// removeUnneeded removes the messages of a range for which unneeded is true.
func (s *Stream) removeUnneeded(first, last uint64, unneeded func(*store.Message) bool) (removed int, err error) {
	last = min(last, s.last)
	for first = max(first, 1); first <= last; {
		sequence, err := s.store.Next(nil, first, &s.message)
		if errors.Is(err, store.ErrEOF) {
			return removed, nil
		}
		if err != nil {
			return removed, fmt.Errorf("read messages that may go: %w", err)
		}
		if sequence > last {
			return removed, nil
		}
		if unneeded(&s.message) {
			if _, err := s.store.Remove(sequence); err != nil {
				return removed, fmt.Errorf("remove message %d: %w", sequence, err)
			}
			s.cancelSequence(sequence)
			removed++
		}
		first = sequence + 1
	}
	return removed, nil
}

func (s *Stream) cancelSequence(sequence uint64) {
	s.Removed(store.Removal{Messages: 1, Sequence: sequence})
}

// CheckQueueFilters checks whether a consumer with these filters can be added to a work
// queue: no message may be for two. Each of the others is the filters of a consumer that
// is there, without the one that is replaced and those that serve sources. No filter is
// all messages.
func CheckQueueFilters(filters []string, others iter.Seq[[]string]) *api.Error {
	for other := range others {
		if isUnfiltered(filters) {
			return api.ErrConsumerWQMultipleUnfiltered
		}
		if isUnfiltered(other) || slices.ContainsFunc(filters, func(filter string) bool { return collides(filter, other) }) {
			return api.ErrConsumerWQConsumerNotUnique
		}
	}
	return nil
}

func isUnfiltered(filters []string) bool {
	return len(filters) == 0 || len(filters) == 1 && filters[0] == ""
}

func collides(filter string, others []string) bool {
	return slices.ContainsFunc(others, func(other string) bool { return subject.Collide(filter, other) })
}
