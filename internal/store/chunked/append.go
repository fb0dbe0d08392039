package chunked

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
	id, err := s.put(m)
	if err != nil {
		return err
	}
	if id != 0 {
		s.trimSubject(id)
	}
	s.trim()
	return nil
}

// put puts in a message and returns the number of its subject.
func (s *Stream) put(m *store.Message) (uint32, error) {
	seq := s.last + 1
	c := s.open(seq, recordSize(m))
	id, err := s.subjects.findOrAdd(m.Subject)
	if err != nil {
		return 0, err
	}
	if n := len(s.chunks); n == 0 || s.chunks[n-1] != c {
		s.chunks = append(s.chunks, c)
	}
	buf := c.put(seq, m, s.keeper != nil)
	s.note(c)
	if s.keeper != nil {
		s.keeper.Stored(c.origin, buf)
	}
	s.enter(id, seq, m.Time, m.TTL, s.Size(len(m.Subject), len(m.Header), len(m.Payload)))
	s.last, s.lastTime = seq, m.Time
	m.Sequence = seq
	return id, nil
}

// enter counts a message that lies in a chunk and is newer than all others.
func (s *Stream) enter(id uint32, seq uint64, stored, ttl int64, size uint64) {
	if s.messages == 0 {
		s.first, s.firstTime = seq, stored
	}
	s.messages++
	s.bytes += size
	if due, ok := store.Expiry(stored, ttl); ok && s.limits.MessageTTL {
		s.ttls.Add(seq, due)
	}
	if id != 0 {
		s.subjects.at(id).add(seq)
	}
}

// open returns the newest chunk if it has room for a message and can be read, or else one
// that is not yet in the list.
func (s *Stream) open(seq uint64, size int) *Chunk {
	n := len(s.chunks)
	if n > 0 && s.chunks[n-1].takes(seq, size, s.shape) && s.revive(s.chunks[n-1]) == nil {
		return s.chunks[n-1]
	}
	c := s.spare
	s.spare = nil
	if c == nil {
		c = &Chunk{}
		if n > 0 {
			// The stream has filled a chunk, so it will fill this one.
			c.arena = make([]byte, 0, max(size, min(s.shape.arena, s.chunks[n-1].bytes())))
			c.slots = make([]uint32, 0, min(s.shape.slots, len(s.chunks[n-1].slots)))
		}
	}
	return c
}

// revive brings the records of a chunk into its arena, for changes.
func (s *Stream) revive(c *Chunk) error {
	if c.arena != nil {
		return nil
	}
	records, err := s.records(c)
	if err != nil {
		return err
	}
	c.arena = append(make([]byte, 0, s.shape.arena), records[:c.end]...)
	return nil
}

// trimSubject removes the oldest messages of a subject beyond its limit.
func (s *Stream) trimSubject(id uint32) {
	most, e := uint64(s.limits.MaxPerSubject), s.subjects.at(id)
	for most > 0 && e.count > most {
		before := e.count
		if _, err := s.takeOf(e.first, id); err != nil || e.count == before {
			return // what cannot be read stays, and is tried again
		}
	}
}

// trim removes the oldest messages beyond the limits of the stream.
func (s *Stream) trim() {
	if s.limits.DiscardNew {
		return
	}
	messages, bytes := uint64(s.limits.MaxMessages), uint64(s.limits.MaxBytes)
	for messages > 0 && s.messages > messages || bytes > 0 && s.bytes > bytes {
		if _, err := s.take(s.first, false); err != nil {
			return // what cannot be read stays, and is tried again
		}
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
		return s.rejudge()
	}
	return nil
}

// trimSubjects enforces the limit of each subject, which leaves at least one
// message in each.
func (s *Stream) trimSubjects() {
	s.subjects.visit(nil, func(id uint32, _ *entry) bool {
		s.trimSubject(id)
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
	s.skip(count)
	return nil
}

func (s *Stream) skip(count uint64) {
	s.last += count
	if s.messages == 0 {
		s.first = s.last + 1
	}
	if s.keeper != nil {
		s.keeper.Skipped(count, s.lastTime)
	}
}

// SkipUnwanted leaves out the sequence of a message that nobody wanted.
func (s *Stream) SkipUnwanted(seq uint64, now int64) error {
	switch {
	case s.closed:
		return store.ErrClosed
	case seq != 0 && seq != s.last+1 || s.last >= store.SequenceMax:
		return store.ErrSequence
	}
	s.lastTime = now
	s.skip(1)
	return nil
}
