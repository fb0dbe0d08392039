package store

import (
	"encoding/binary"
	"fmt"

	"github.com/godwit-mq/godwit/internal/varint"
)

// consumerVersion is the first byte of an encoded consumer state.
const consumerVersion = 1

// Append appends the encoded state to buf and returns the extended buffer. The form
// is godwit's own:
//
//	version byte 1
//	delivered consumer, delivered stream, floor consumer, floor stream    uvarints
//	number of outstanding   uvarint, then for each, as varints of the difference to
//	                        the one before (the first: to the floor, and time 0):
//	                        stream sequence, consumer sequence, time
//	number of redelivered   uvarint, then for each: stream sequence, as varint of the
//	                        difference to the one before (the first: to the floor), and
//	                        count, as uvarint
//
// A state that Verify refuses has a form as well, and the form gives it back.
func (s *ConsumerState) Append(buf []byte) []byte {
	buf = append(buf, consumerVersion)
	for _, n := range []uint64{s.Delivered.Consumer, s.Delivered.Stream, s.Floor.Consumer, s.Floor.Stream} {
		buf = binary.AppendUvarint(buf, n)
	}
	before := Outstanding{Pair: s.Floor}
	buf = binary.AppendUvarint(buf, uint64(len(s.Pending)))
	for _, o := range s.Pending {
		buf = binary.AppendVarint(buf, int64(o.Stream-before.Stream))
		buf = binary.AppendVarint(buf, int64(o.Consumer-before.Consumer))
		buf = binary.AppendVarint(buf, o.Time-before.Time)
		before = o
	}
	last := s.Floor.Stream
	buf = binary.AppendUvarint(buf, uint64(len(s.Redelivered)))
	for _, r := range s.Redelivered {
		buf = binary.AppendVarint(buf, int64(r.Stream-last))
		buf = binary.AppendUvarint(buf, r.Count)
		last = r.Stream
	}
	return buf
}

// DecodeConsumerState reads a state that Append wrote, which must be all of buf. It
// fails with ErrConsumerState. What it allocates is bounded by the length of buf.
func DecodeConsumerState(buf []byte) (ConsumerState, error) {
	var s ConsumerState
	if len(buf) == 0 || buf[0] != consumerVersion {
		return s, fmt.Errorf("%w: unknown version", ErrConsumerState)
	}
	r := varint.Reader{Buf: buf[1:]}
	for _, n := range []*uint64{&s.Delivered.Consumer, &s.Delivered.Stream, &s.Floor.Consumer, &s.Floor.Stream} {
		*n = r.Uvarint()
	}
	before := Outstanding{Pair: s.Floor}
	for n := r.Count(3); n > 0; n-- {
		before.Stream += uint64(r.Varint())
		before.Consumer += uint64(r.Varint())
		before.Time += r.Varint()
		s.Pending = append(s.Pending, before)
	}
	last := s.Floor.Stream
	for n := r.Count(2); n > 0; n-- {
		last += uint64(r.Varint())
		s.Redelivered = append(s.Redelivered, Redelivered{last, r.Uvarint()})
	}
	switch {
	case r.Short:
		return ConsumerState{}, fmt.Errorf("%w: ends early", ErrConsumerState)
	case len(r.Buf) > 0:
		return ConsumerState{}, fmt.Errorf("%w: %d bytes left over", ErrConsumerState, len(r.Buf))
	}
	return s, nil
}
