package store

import (
	"fmt"
	"math"
	"time"
)

const (
	// SizeMax is the size of the largest message in bytes: subject, header and
	// payload with the overhead of the store that has the most.
	SizeMax = 32 << 20
	// SubjectMax is the length of the longest subject in bytes.
	SubjectMax = math.MaxUint16
	// SequenceMax is the highest sequence.
	SequenceMax = 1<<62 - 1
	// NeverExpires as the TTL of a message exempts it from the age limit.
	NeverExpires = -1
)

// A Message is one entry of a stream.
//
// The store reads the slices of a message given to it and keeps none of them.
// The slices of a message that it gives out lie in the store's memory: they
// must not be written, and are good until the next change of the store.
type Message struct {
	// Sequence is the place in the stream. To an append, 0 means the next, and
	// any other must be the next; the append sets it.
	Sequence uint64
	// Time is when the message was stored, in Unix nanoseconds. Times may go back.
	Time int64
	// Subject may be empty; the message then is in no subject's count and matches
	// only filters for all.
	Subject []byte
	// Header is the header block as it goes over the wire, or empty.
	Header []byte
	// Payload may be empty.
	Payload []byte
	// TTL is the life time in seconds, 0 if it has no own, or NeverExpires. It is
	// kept with the message and counts while Limits.MessageTTL is on.
	TTL int64
	// Marker says that this message takes the place of deleted ones, so that it
	// needs no marker of its own when it expires. It is kept with the message.
	Marker bool
	// Rollup says that the owner is going to purge what came before on the
	// subject: a full subject admits it. It is not kept.
	Rollup bool
}

// Expiry returns when the TTL of a message ends, and false if it has none that
// does.
func Expiry(stored, ttl int64) (int64, bool) {
	if ttl <= 0 {
		return 0, false
	}
	if ttl > (math.MaxInt64-max(stored, 0))/int64(time.Second) {
		return math.MaxInt64, true
	}
	return stored + ttl*int64(time.Second), true
}

// Verify fails with ErrTooLarge if the message cannot be stored.
func (m *Message) Verify() error {
	if len(m.Subject) > SubjectMax {
		return fmt.Errorf("%w: subject of %d bytes", ErrTooLarge, len(m.Subject))
	}
	if FileSize(len(m.Subject), len(m.Header), len(m.Payload)) > SizeMax {
		return ErrTooLarge
	}
	return nil
}

// FileSize is what a message of a file stream counts for, in bytes, given the
// lengths of its parts: the length of its record in the established format.
func FileSize(subject, header, payload int) uint64 {
	size := 22 + subject + payload + 8
	if header > 0 {
		size += 4 + header
	}
	return uint64(size)
}

// MemorySize is what a message of a memory stream counts for, in bytes, given
// the lengths of its parts.
func MemorySize(subject, header, payload int) uint64 {
	return uint64(subject + header + payload + 16)
}
