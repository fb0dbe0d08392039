package jetstream

import (
	"iter"

	"github.com/godwit-mq/godwit/internal/jetstream/stream"
)

// A span is a run of sequences with which a consumer is done.
type span struct{ first, last uint64 }

// claims are those of the consumers. The lock is held.
func (s *streamAsset) claims() iter.Seq[stream.Claim] {
	return func(yield func(stream.Claim) bool) {
		for _, c := range s.consumers {
			if !yield(c) {
				return
			}
		}
	}
}

// acknowledged removes what nobody needs any more, now that a consumer is done with it.
func (c *consumerAsset) acknowledged(spans []span) {
	s := c.stream
	if len(spans) == 0 {
		return
	}
	for _, d := range spans {
		if _, err := s.machine.Acknowledged(d.first, d.last, c, s.claims()); err != nil {
			c.complain(err)
		}
	}
	s.changed()
}

// trim removes what nobody needs any more.
func (s *streamAsset) trim() {
	if _, err := s.machine.Trim(s.claims()); err != nil {
		s.complain(err)
	}
	s.changed()
}

// changed makes a change durable that nobody waits for.
func (s *streamAsset) changed() {
	s.tellRemovals()
	if s.file != nil {
		s.file.Commit(nil)
		s.checkpoint()
	}
}
