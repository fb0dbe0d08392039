package store

import (
	"fmt"
	"time"
)

// Limits bound a stream. A number or a time that is not above 0 is no limit.
type Limits struct {
	MaxMessages   int64
	MaxBytes      int64
	MaxAge        time.Duration
	MaxPerSubject int64
	// DiscardNew refuses messages where the stream is full in number or bytes;
	// otherwise the oldest go.
	DiscardNew bool
	// DiscardNewPerSubject refuses messages where their subject is full;
	// otherwise the oldest of the subject go. It needs DiscardNew.
	DiscardNewPerSubject bool
	// MessageTTL makes the life times of messages count.
	MessageTTL bool
}

// Normal returns the limits with 0 for everything that is no limit. It fails
// with ErrLimits if they contradict each other.
func (l Limits) Normal() (Limits, error) {
	l.MaxMessages = max(l.MaxMessages, 0)
	l.MaxBytes = max(l.MaxBytes, 0)
	l.MaxAge = max(l.MaxAge, 0)
	l.MaxPerSubject = max(l.MaxPerSubject, 0)
	switch {
	case l.DiscardNewPerSubject && !l.DiscardNew:
		return l, fmt.Errorf("%w: discard new per subject requires discard new policy to be set", ErrLimits)
	case l.DiscardNewPerSubject && l.MaxPerSubject == 0:
		return l, fmt.Errorf("%w: discard new per subject requires max msgs per subject > 0", ErrLimits)
	}
	return l, nil
}

// Admission says what an append has to pass.
type Admission uint8

const (
	// Checked is for a message that may still be refused: limits apply.
	Checked Admission = iota
	// Decided is for a message that was admitted elsewhere, by the leader of a
	// replicated stream: it is stored whatever the limits say, and they are
	// enforced on older messages where the stream discards those.
	Decided
)
