package stream

import (
	"math/big"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/subject"
)

// origin says who has sent a message.
type origin uint8

const (
	fromClient origin = iota
	// fromSource messages were judged by the stream that they come from: what
	// is for publishers does not hold for them.
	fromSource
	// fromStream messages are made by the stream itself.
	fromStream
)

// A rollup says what a message replaces.
type rollup uint8

const (
	rollsNothing rollup = iota
	rollsSubject
	rollsAll
)

// A Candidate is a message that may become one of the stream.
type candidate struct {
	store.Message
	reply  []byte
	fields fields
	origin origin

	// What the judge has found out.
	id        []byte    // what it is known by, or empty
	rolls     rollup    // what goes when it is stored
	increment *big.Int  // what it adds to a counter, or nil
	total     []byte    // what the counter is then, or nil
	scheduled *schedule // what it schedules, or nil
	unwanted  bool      // no consumer is interested
}

// read makes a candidate of what came in. Slices of in stay where they are.
func (c *candidate) read(in *Incoming, from origin, now int64) {
	c.Message = store.Message{Time: now, Subject: in.Subject, Header: in.Header, Payload: in.Payload}
	c.reply = in.Reply
	c.origin = from
	c.id, c.rolls, c.increment, c.total, c.scheduled, c.unwanted = nil, rollsNothing, nil, nil, nil, false
	c.fields.present = 0
	if len(in.Header) > 0 {
		c.readHeader()
	}
}

// readHeader reads the header, and takes out what is not for keeping: a status, and
// what the server has said of the client.
func (c *candidate) readHeader() {
	c.fields.read(c.Header)
	switch {
	case c.fields.has(fieldRequestInfo):
		c.Header = without(c.Header, named(headerRequestInfo))
	case hasStatus(c.Header):
		c.Header = without(c.Header, keepAll)
	}
	c.Marker = c.fields.filled(fieldMarkerReason) || string(c.fields.get(fieldOperation)) == operationPurge
}

// purges reports whether storing a message also purges the schedule that its header
// names, and which.
func (c *candidate) purges() ([]byte, bool) {
	scheduler := c.fields.get(fieldScheduler)
	return scheduler, len(scheduler) > 0 && string(c.fields.get(fieldScheduleNext)) == schedulePurge
}

// transformed rewrites the subject as the configuration says. A subject that does not
// match stays.
func (s *Stream) transformed(c *candidate, out *Result) {
	t := s.rules.transform
	if t == nil || subject.Classify(c.Subject) != subject.Literal || !subject.MatchFrom(c.Subject, 0, t.Source(), 0) {
		return
	}
	from := len(out.arena)
	c.Subject = out.seal(t.AppendTo(out.arena, c.Subject), from)
}
