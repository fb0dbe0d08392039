package stream

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/subject"
)

// Publish takes in messages that clients have sent, in their order, at the time now.
// What follows is added to out. It fails if the store does: then the messages from the
// one that failed on have no outcome and no answer.
func (s *Stream) Publish(messages []Incoming, now int64, out *Result) error {
	for i := range messages {
		if err := s.publish(&messages[i], now, out); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stream) publish(in *Incoming, now int64, out *Result) error {
	c := &s.candidate
	c.read(in, fromClient, now)
	if reply, ok := fastReply(c); ok {
		return s.publishFast(c, reply, out)
	}
	if c.fields.filled(fieldBatchID) {
		return s.publishAtomic(c, out)
	}
	s.transformed(c, out)
	duplicate, refusal := s.judge(c)
	switch {
	case refusal != nil:
		s.refuse(c.reply, refusal, out)
		return nil
	case duplicate != 0:
		out.outcome(Duplicate, duplicate)
		s.acknowledgeDuplicate(c.reply, duplicate, out)
		return nil
	}
	refusal, err := s.apply(c, out)
	switch {
	case err != nil:
		return err
	case refusal != nil:
		s.refuse(c.reply, refusal, out)
	default:
		out.outcome(c.kind(), c.Sequence)
		s.acknowledge(c.reply, c.Sequence, c.total, out)
	}
	return nil
}

// kind says what has become of a message that was applied.
func (c *candidate) kind() Kind {
	if c.unwanted {
		return Unwanted
	}
	return Stored
}

// publishOwn takes in a message that the stream has made itself. One that cannot come
// in is left out.
func (s *Stream) publishOwn(c *candidate, out *Result) (stored bool, err error) {
	s.transformed(c, out)
	duplicate, refusal := s.judge(c)
	if duplicate != 0 || refusal != nil {
		return false, nil
	}
	refusal, err = s.apply(c, out)
	return refusal == nil && err == nil, err
}

// apply stores a message that has passed, and does all that goes with it. It is refused
// by the limits of a stream that discards new messages; an error is one of the store
// itself.
func (s *Stream) apply(c *candidate, out *Result) (*api.Error, error) {
	if c.unwanted {
		return nil, s.applyUnwanted(c)
	}
	before, again := s.beforeRepublish(c)
	if err := s.store.Append(&c.Message, store.Checked); err != nil {
		return refusalOf(err)
	}
	s.remember(c, out)
	if again {
		s.publishAgain(c, before, out)
	}
	return nil, s.rollUp(c)
}

// applyUnwanted uses up a sequence.
func (s *Stream) applyUnwanted(c *candidate) error {
	if err := s.store.SkipUnwanted(s.last+1, c.Time); err != nil {
		return fmt.Errorf("skip sequence %d: %w", s.last+1, err)
	}
	s.last++
	c.Sequence = s.last
	s.lastID = append(s.lastID[:0], c.id...)
	if len(c.id) > 0 {
		s.ids.add(c.id, c.Sequence, c.Time)
	}
	if c.fields.filled(fieldScheduler) {
		s.moveSchedule(&c.fields)
	}
	return s.rollUp(c)
}

// remember notes that a message is stored.
func (s *Stream) remember(c *candidate, out *Result) {
	s.last = c.Sequence
	s.lastID = append(s.lastID[:0], c.id...)
	if len(c.id) > 0 {
		s.ids.add(c.id, c.Sequence, c.Time)
	}
	s.keepSchedule(c)
	out.Arrived = append(out.Arrived, Arrival{Sequence: c.Sequence, Subject: c.Subject})
}

// rollUp removes what a message replaces. One that was not stored replaces all the
// same: its publisher has said so.
func (s *Stream) rollUp(c *candidate) error {
	if c.rolls == rollsSubject {
		if err := s.purgeSubject(c.Subject, c.Sequence); err != nil {
			return err
		}
	}
	if c.rolls == rollsAll {
		if _, err := s.store.Compact(c.Sequence); err != nil {
			return fmt.Errorf("roll up the stream: %w", err)
		}
		if err := s.forgetGone(); err != nil {
			return err
		}
	}
	if scheduler, ok := c.purges(); ok && s.rules.rollup {
		return s.purgeSubject(scheduler, 0)
	}
	return nil
}

// purgeSubject removes the messages of a subject below a sequence, all if that is 0.
func (s *Stream) purgeSubject(of []byte, below uint64) error {
	f, err := store.NewFilter(string(of))
	if err != nil {
		return nil // nothing has such a subject
	}
	if _, err := s.store.Purge(store.Purge{Filter: f, Below: below}); err != nil {
		return fmt.Errorf("purge subject %q: %w", of, err)
	}
	if known, ok := s.schedules.bySubject[string(of)]; ok && (below == 0 || known.sequence < below) {
		s.schedules.cancel(of)
	}
	return nil
}

// refusalOf makes of an error of an append what the publisher is told. Errors that are
// not about the message are for the owner.
func refusalOf(err error) (*api.Error, error) {
	if refusal := storeRefusal(err); refusal != nil {
		return refusal, nil
	}
	return nil, fmt.Errorf("store message: %w", err)
}

// storeRefusal is the refusal for an error that is about the message, or nil.
func storeRefusal(err error) *api.Error {
	for _, known := range []error{store.ErrMaxMessages, store.ErrMaxBytes, store.ErrMaxPerSubject, store.ErrTooLarge} {
		if errors.Is(err, known) {
			return api.NewStreamStoreFailed(known)
		}
	}
	return nil
}

// beforeRepublish returns whether a message is to be published again, and the last
// sequence of its subject before it.
func (s *Stream) beforeRepublish(c *candidate) (last uint64, again bool) {
	t := s.rules.republish
	if t == nil || subject.Classify(c.Subject) != subject.Literal || !subject.MatchFrom(c.Subject, 0, t.Source(), 0) {
		return 0, false
	}
	return s.lastOf(c.Subject), true
}

// publishAgain adds the republication of a message that was stored. A subject that the
// transform makes invalid suppresses it.
func (s *Stream) publishAgain(c *candidate, before uint64, out *Result) {
	from := len(out.arena)
	b := s.rules.republish.AppendTo(out.arena, c.Subject)
	if !subject.IsValidPublish(b[from:]) {
		return
	}
	p := Republication{Subject: out.seal(b, from), Payload: c.Payload}
	from = len(out.arena)
	b = appendKept(out.arena, c.Header, keepAll)
	b = appendPlace(b, s.rules.name, &c.Message)
	b = strconv.AppendUint(append(b, "Nats-Last-Sequence: "...), before, 10)
	b = append(b, "\r\n"...)
	if s.rules.headersOnly {
		p.Payload = nil
		b = strconv.AppendInt(append(b, "Nats-Msg-Size: "...), int64(len(c.Payload)), 10)
		b = append(b, "\r\n"...)
	}
	p.Header = out.seal(append(b, "\r\n"...), from)
	out.Republished = append(out.Republished, p)
}

// appendPlace appends the lines that tell where a message is stored.
func appendPlace(b []byte, stream string, m *store.Message) []byte {
	b = appendLine(b, "Nats-Stream", stream)
	b = appendLine(b, "Nats-Subject", m.Subject)
	b = strconv.AppendUint(append(b, "Nats-Sequence: "...), m.Sequence, 10)
	b = append(b, "\r\nNats-Time-Stamp: "...)
	b = time.Unix(0, m.Time).UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, "\r\n"...)
}
