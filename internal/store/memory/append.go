package memory

import (
	"github.com/godwit-mq/godwit/internal/store"
)

// Append stores a message.
func (s *Stream) Append(m *store.Message, admission store.Admission) error {
	if s.closed {
		return store.ErrClosed
	}
	if admission == store.Checked {
		if err := s.admit(m, nil); err != nil {
			return err
		}
	}
	if err := s.verify(m, s.last+1); err != nil {
		return err
	}
	return s.store(m)
}

// AppendBatch stores several messages or none.
func (s *Stream) AppendBatch(batch []store.Message, admission store.Admission) error {
	if s.closed {
		return store.ErrClosed
	}
	var p *plan
	if admission == store.Checked && s.limits.DiscardNew {
		p = newPlan(s)
	}
	for i := range batch {
		m := &batch[i]
		if admission == store.Checked {
			if err := s.admit(m, p); err != nil {
				return err
			}
		}
		if p != nil {
			p.add(s, m)
		}
		if err := s.verify(m, s.last+1+uint64(i)); err != nil {
			return err
		}
	}
	for i := range batch {
		if err := s.store(&batch[i]); err != nil {
			return err
		}
	}
	return nil
}

// verify checks what has nothing to do with limits: that a message can be stored
// with the sequence that is next in line.
func (s *Stream) verify(m *store.Message, next uint64) error {
	if m.Sequence != 0 && m.Sequence != next || next > store.SequenceMax {
		return store.ErrSequence
	}
	return m.Verify()
}

// store puts in a message that nothing stands against, and enforces the limits.
func (s *Stream) store(m *store.Message) error {
	seq := s.last + 1
	id := s.subjects.find(m.Subject)
	if id == 0 && len(m.Subject) > 0 {
		var err error
		if id, err = s.subjects.add(m.Subject); err != nil {
			return err
		}
	}
	s.open(seq, recordSize(m)).put(seq, id, m)
	if s.messages == 0 {
		s.first = seq
	}
	s.messages++
	s.bytes += s.size(m)
	s.last, s.lastTime = seq, m.Time
	if due, ok := store.Expiry(m.Time, m.TTL); ok && s.limits.MessageTTL {
		s.ttls.Add(seq, due)
	}
	m.Sequence = seq
	if id != 0 {
		e := s.subjects.at(id)
		e.add(seq)
		s.trimSubject(e)
	}
	s.trim()
	return nil
}

// open returns a block with room for a message.
func (s *Stream) open(seq uint64, size int) *block {
	n := len(s.blocks)
	if n > 0 && s.blocks[n-1].takes(seq, size, s.shape) {
		return s.blocks[n-1]
	}
	b := s.spare
	s.spare = nil
	if b == nil {
		b = &block{}
		if n > 0 {
			// The stream has filled a block, so it will fill this one.
			b.arena = make([]byte, 0, max(size, min(s.shape.arena, len(s.blocks[n-1].arena))))
			b.slots = make([]slot, 0, min(s.shape.slots, len(s.blocks[n-1].slots)))
		}
	}
	s.blocks = append(s.blocks, b)
	return b
}

func (s *Stream) size(m *store.Message) uint64 {
	return store.MemorySize(len(m.Subject), len(m.Header), len(m.Payload))
}

// trimSubject removes the oldest messages of a subject beyond its limit.
func (s *Stream) trimSubject(e *entry) {
	most := uint64(s.limits.MaxPerSubject)
	for most > 0 && e.count > most {
		s.take(e.first, false)
	}
}

// trim removes the oldest messages beyond the limits of the stream.
func (s *Stream) trim() {
	if s.limits.DiscardNew {
		return
	}
	messages, bytes := uint64(s.limits.MaxMessages), uint64(s.limits.MaxBytes)
	for messages > 0 && s.messages > messages || bytes > 0 && s.bytes > bytes {
		s.take(s.first, false)
	}
}

// SetLimits changes the limits and enforces them.
func (s *Stream) SetLimits(l store.Limits) error {
	if s.closed {
		return store.ErrClosed
	}
	limits, err := l.Normal()
	if err != nil {
		return err
	}
	old := s.limits
	s.limits = limits
	if limits.MaxPerSubject > 0 && (old.MaxPerSubject == 0 || limits.MaxPerSubject < old.MaxPerSubject) {
		s.trimSubjects()
	}
	s.trim()
	if limits.MaxAge != old.MaxAge || limits.MessageTTL != old.MessageTTL {
		s.rejudge()
	}
	return nil
}

// trimSubjects enforces the limit of each subject, which leaves at least one
// message in each.
func (s *Stream) trimSubjects() {
	s.subjects.visit(nil, func(_ uint32, e *entry) bool {
		s.trimSubject(e)
		return true
	})
}

// Skip leaves out sequences.
func (s *Stream) Skip(first, count uint64, now int64) error {
	if s.closed {
		return store.ErrClosed
	}
	if first != 0 && first != s.last+1 || count > store.SequenceMax-s.last {
		return store.ErrSequence
	}
	if count == 0 {
		return nil
	}
	if s.lastTime == 0 {
		s.lastTime = now
	}
	s.last += count
	if s.messages == 0 {
		s.first = s.last + 1
	}
	return nil
}

// SkipUnwanted leaves out the sequence of a message that nobody wanted.
func (s *Stream) SkipUnwanted(seq uint64, now int64) error {
	if err := s.Skip(seq, 1, now); err != nil {
		return err
	}
	s.lastTime = now
	return nil
}
