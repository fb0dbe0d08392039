package chunked

import "github.com/godwit-mq/godwit/internal/store"

// A plan is what the stream will be when the messages of a batch so far are
// stored.
type plan struct {
	messages, bytes uint64
	subjects        map[string]*planned
}

// planned is a subject in a plan.
type planned struct {
	stored  uint64   // messages that were there before
	removed uint64   // how many of those went, from the oldest
	added   []uint64 // sizes of those of the batch that are there
}

func newPlan(s *Stream) *plan {
	return &plan{messages: s.messages, bytes: s.bytes, subjects: make(map[string]*planned)}
}

func (p *planned) count() uint64 { return p.stored - p.removed + uint64(len(p.added)) }

// size is what a message counts for.
func (s *Stream) size(m *store.Message) uint64 {
	return s.Size(len(m.Subject), len(m.Header), len(m.Payload))
}

// add takes up a message that was admitted, as store would: a full subject loses
// its oldest. Limits of the stream refuse instead, where they discard new messages,
// and do not matter here otherwise.
func (p *plan) add(s *Stream, m *store.Message) {
	size := s.size(m)
	p.messages++
	p.bytes += size
	if len(m.Subject) == 0 {
		return
	}
	of := p.subject(s, m.Subject)
	of.added = append(of.added, size)
	most := uint64(s.limits.MaxPerSubject)
	for most > 0 && of.count() > most {
		p.messages--
		p.bytes -= p.oldest(s, m.Subject)
		if of.removed < of.stored {
			of.removed++
		} else {
			of.added = of.added[1:]
		}
	}
}

func (p *plan) subject(s *Stream, subject []byte) *planned {
	if of := p.subjects[string(subject)]; of != nil {
		return of
	}
	of := &planned{}
	if id := s.subjects.find(subject); id != 0 {
		of.stored = s.subjects.at(id).count
	}
	p.subjects[string(subject)] = of
	return of
}

// oldest is the size of the oldest message of a subject that has one.
func (p *plan) oldest(s *Stream, subject []byte) uint64 {
	of := p.subject(s, subject)
	if of.removed < of.stored {
		return s.sizeOf(s.subjects.at(s.subjects.find(subject)).at(of.removed))
	}
	return of.added[0]
}

// sizeOf is what the message with a sequence counts for.
func (s *Stream) sizeOf(seq uint64) uint64 {
	c, i, ok := s.locate(seq)
	if !ok {
		return 0
	}
	return s.sizeAt(c, i)
}

// admit checks a message against the limits, given what a batch has planned so
// far, or nil.
//
// A message for a subject that is full takes the place of its oldest, unless the
// subject discards new ones. It therefore may come although the stream has all the
// messages that it may have; and if the oldest is not smaller, also if it has all
// the bytes.
func (s *Stream) admit(m *store.Message, p *plan) error {
	l := &s.limits
	size := s.size(m)
	if l.MaxBytes > 0 && size > uint64(l.MaxBytes) && !l.DiscardNew {
		return store.ErrMaxBytes
	}
	if !l.DiscardNew {
		return nil
	}
	messages, bytes, full := s.messages, s.bytes, false
	if p != nil {
		messages, bytes = p.messages, p.bytes
	}
	if l.MaxPerSubject > 0 && len(m.Subject) > 0 {
		full = s.planned(m.Subject, p) >= uint64(l.MaxPerSubject)
	}
	if full && l.DiscardNewPerSubject && !m.Rollup {
		return store.ErrMaxPerSubject
	}
	if l.MaxMessages > 0 && messages >= uint64(l.MaxMessages) && !full {
		return store.ErrMaxMessages
	}
	if l.MaxBytes > 0 && bytes+size > uint64(l.MaxBytes) && !(full && s.plannedOldest(m.Subject, p) >= size) {
		return store.ErrMaxBytes
	}
	return nil
}

// planned is the number of messages that a subject will have.
func (s *Stream) planned(subject []byte, p *plan) uint64 {
	if p != nil {
		return p.subject(s, subject).count()
	}
	if id := s.subjects.find(subject); id != 0 {
		return s.subjects.at(id).count
	}
	return 0
}

// plannedOldest is the size of the oldest message that a full subject will have.
func (s *Stream) plannedOldest(subject []byte, p *plan) uint64 {
	if p != nil {
		return p.oldest(s, subject)
	}
	return s.sizeOf(s.subjects.at(s.subjects.find(subject)).first)
}
