package memory

import (
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/chunked"
)

// A Stream is a stream store in memory. Package chunked tells how it is built.
type Stream struct{ *chunked.Stream }

var _ store.Stream = Stream{}

// NewStream returns an empty stream. It fails with store.ErrLimits or, for a first
// sequence beyond store.SequenceMax, store.ErrSequence.
func NewStream(o store.Options) (Stream, error) {
	s, err := chunked.New(o)
	return Stream{s}, err
}
