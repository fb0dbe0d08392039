package stream

import (
	"bytes"
	"fmt"

	"github.com/godwit-mq/godwit/internal/store"
)

// An expiry is a message that ends and leaves a marker.
type expiry struct {
	sequence uint64
	subject  []byte
}

// expire removes what is too old or has outlived its time. The last message of a subject
// is replaced by a marker, if the stream has markers, unless it stands for a removal
// itself.
func (s *Stream) expire(now int64, out *Result) error {
	if s.store.NextExpiry() > now {
		return nil
	}
	s.expired = s.expired[:0]
	judge := func(d store.Due) store.Verdict {
		if s.rules.markerTTL <= 0 || !d.Alone || d.Marker || len(d.Subject) == 0 {
			return store.Expire
		}
		s.expired = append(s.expired, expiry{sequence: d.Sequence, subject: bytes.Clone(d.Subject)})
		return store.Hold
	}
	if _, err := s.store.Tick(now, judge); err != nil {
		return fmt.Errorf("expire messages: %w", err)
	}
	for i := range s.expired {
		if err := s.mark(&s.expired[i], now, out); err != nil {
			return err
		}
	}
	return nil
}

// mark puts a marker in the place of a message. It is stored whatever the limits say:
// the message that it replaces goes.
func (s *Stream) mark(e *expiry, now int64, out *Result) error {
	header := appendKept(nil, nil, keepAll)
	header = appendLine(header, headerMarkerReason, reasonMaxAge)
	header = appendLine(header, headerTTL, s.rules.markerTTL.String())
	header = appendLine(header, headerRollup, rollupSubject)
	c := &candidate{}
	c.read(&Incoming{Subject: e.subject, Header: closeBlock(header, 0)}, fromStream, now)
	c.TTL, _ = parseTTL(c.fields.get(fieldTTL))
	c.rolls, c.Rollup = rollsSubject, true
	before, again := s.beforeRepublish(c)
	if err := s.store.Append(&c.Message, store.Decided); err != nil {
		return fmt.Errorf("store marker of subject %q: %w", e.subject, err)
	}
	s.remember(c, out)
	if again {
		s.publishAgain(c, before, out)
	}
	return s.rollUp(c)
}
