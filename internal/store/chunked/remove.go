package chunked

import (
	"slices"

	"github.com/godwit-mq/godwit/internal/store"
)

// Remove takes out a message.
func (s *Stream) Remove(seq uint64) (bool, error) { return s.removeOne(seq, false) }

// Erase takes out a message and overwrites it.
func (s *Stream) Erase(seq uint64) (bool, error) { return s.removeOne(seq, true) }

func (s *Stream) removeOne(seq uint64, erase bool) (bool, error) {
	switch {
	case s.closed:
		return false, store.ErrClosed
	case seq == 0:
		return false, store.ErrNotFound
	case seq > s.last:
		return false, store.ErrEOF
	}
	return s.take(seq, erase)
}

// take removes the message with a sequence, if there is one, everywhere where
// something is known of it, and tells the listener.
func (s *Stream) take(seq uint64, erase bool) (bool, error) {
	at, i, ok := s.slotOf(seq)
	if !ok {
		return false, nil
	}
	c := s.chunks[at]
	buf, err := s.recordAt(c, i)
	if err != nil {
		return false, err
	}
	r := readRecord(buf)
	s.name = append(s.name[:0], r.subject...)
	id := s.subjects.find(r.subject)
	if erase {
		if err := s.wipe(c, i); err != nil {
			return false, err
		}
	}
	s.forget(seq, r.time, r.ttl)
	s.finish(at, i, id, erase)
	return true, nil
}

// takeOf is take for a message of which the subject is known, so that its record need
// not be read if it has no life time.
func (s *Stream) takeOf(seq uint64, id uint32) (bool, error) {
	at, i, ok := s.slotOf(seq)
	if !ok {
		s.subjects.remove(id, seq) // an index that is wrong must not be asked again and again
		return false, nil
	}
	c := s.chunks[at]
	if c.isTimed(i) {
		return s.take(seq, false)
	}
	s.name = append(s.name[:0], s.subjects.at(id).name...)
	s.held.remove(seq)
	s.finish(at, i, id, false)
	return true, nil
}

// slotOf is the index of the chunk and of the slot of a message.
func (s *Stream) slotOf(seq uint64) (at, i int, ok bool) {
	at = s.findChunk(seq)
	if at == len(s.chunks) || seq < s.chunks[at].first() {
		return 0, 0, false
	}
	i = s.chunks[at].find(seq)
	return at, i, i >= 0
}

// finish takes a message out of its chunk, its subject and the numbers. Its subject is
// in s.name.
func (s *Stream) finish(at, i int, id uint32, erased bool) {
	c := s.chunks[at]
	seq, size := c.sequence(i), s.sizeAt(c, i)
	s.subjects.remove(id, seq)
	c.drop(i)
	s.note(c)
	s.messages--
	s.bytes -= size
	s.tidy(at, i == 0)
	if s.messages == 0 || seq == s.first {
		s.noteFirst()
	}
	if s.keeper != nil && !s.together {
		if erased {
			s.keeper.Erased(seq)
		} else {
			s.keeper.Removed(seq)
		}
	}
	s.tell(store.Removal{Messages: 1, Bytes: size, Sequence: seq, Subject: s.name})
}

// wipe overwrites what a message consists of, but not the lengths. Who reads the
// chunk without the stream's knowledge keeps what it has.
func (s *Stream) wipe(c *Chunk, i int) error {
	if err := s.revive(c); err != nil {
		return err
	}
	if c.shared {
		c.arena = append(make([]byte, 0, cap(c.arena)), c.arena...)
		c.shared = false
	}
	whole := c.arena[c.start(i):c.stop(i)]
	clear(whole[recordBody(whole):])
	if s.keeper != nil {
		sign(whole, c.sequence(i))
	}
	c.edits++
	return nil
}

// tidy drops a chunk that has become empty, and packs one that has become sparse,
// with its neighbour if that is as well. The oldest of several that lost its first
// message is left alone: its others are likely to be the next to go. What cannot be
// read is not packed.
func (s *Stream) tidy(at int, lostFirst bool) {
	c := s.chunks[at]
	if c.live == 0 {
		s.dropChunks(at, at+1)
		return
	}
	if lostFirst && at == 0 && len(s.chunks) > 1 || !c.sparse(s.shape) {
		return
	}
	switch {
	case at+1 < len(s.chunks) && c.joins(s.chunks[at+1], s.shape):
		s.pack(at, true)
	case at > 0 && s.chunks[at-1].joins(c, s.shape):
		s.pack(at-1, true)
	default:
		s.pack(at, false)
	}
}

// pack packs a chunk, and the one behind it into it.
func (s *Stream) pack(at int, join bool) {
	c := s.chunks[at]
	records, err := s.records(c)
	if err != nil {
		return
	}
	s.note(c)
	if !join {
		c.pack(records, nil, nil, s.keeper != nil)
		return
	}
	next := s.chunks[at+1]
	nextRecords, err := s.records(next)
	if err != nil {
		return
	}
	c.pack(records, next, nextRecords, s.keeper != nil)
	s.dropChunks(at+1, at+2)
}

// spareMax is the memory of a block that an empty stream keeps, in bytes.
const spareMax = 16 << 10

// dropChunks takes out chunks, and keeps the memory of the largest one of usual size
// for the next. A stream that becomes empty keeps only a little.
func (s *Stream) dropChunks(from, to int) {
	most := 2 * s.shape.arena
	if to-from == len(s.chunks) {
		most = spareMax
	}
	if s.spare != nil && cap(s.spare.arena) > most {
		s.spare = nil
	}
	for _, c := range s.chunks[from:to] {
		c.live = 0
		if s.keeper != nil {
			s.keeper.Dropped(c)
		}
		if !c.shared && c.arena != nil && cap(c.arena) <= most && (s.spare == nil || cap(s.spare.arena) < cap(c.arena)) {
			s.spare = &Chunk{slots: c.slots[:0], arena: c.arena[:0]}
		}
	}
	if from == 0 {
		clear(s.chunks[:to])
		s.chunks = s.chunks[to:]
		return
	}
	s.chunks = slices.Delete(s.chunks, from, to)
}

// tell reports a removal, or counts it within an operation on many.
func (s *Stream) tell(r store.Removal) {
	if s.quiet {
		s.removed.count(r)
		return
	}
	if s.onRemove != nil && !s.silent {
		s.onRemove(r)
	}
}

// many runs an operation that may remove many messages, and reports them together.
func (s *Stream) many(remove func() error) (store.Removal, error) {
	s.quiet, s.removed = true, tally{subject: s.removed.subject[:0]}
	err := remove()
	s.quiet = false
	total := s.removed.total()
	if total.Messages > 0 {
		s.tell(total)
	}
	return total, err
}

// A tally gathers the removals of one operation.
type tally struct {
	messages, bytes, sequence uint64
	subject                   []byte
}

func (t *tally) count(r store.Removal) {
	t.messages += r.Messages
	t.bytes += r.Bytes
	t.sequence = r.Sequence
	if t.messages == 1 {
		t.subject = append(t.subject[:0], r.Subject...)
	}
}

// total is the removal that stands for all.
func (t *tally) total() store.Removal {
	r := store.Removal{Messages: t.messages, Bytes: t.bytes}
	if t.messages == 1 {
		r.Sequence, r.Subject = t.sequence, t.subject
	}
	return r
}

// Purge takes out what p says.
func (s *Stream) Purge(p store.Purge) (store.Removal, error) {
	if s.closed {
		return store.Removal{}, store.ErrClosed
	}
	if p.Filter.All() && p.Keep == 0 {
		if p.Below == 0 {
			return s.Compact(0)
		}
		return s.Compact(max(p.Below, 1))
	}
	below := p.Below
	if below == 0 {
		below = s.last + 1
	}
	if p.Keep > 0 {
		below = min(below, s.newest(p.Filter, p.Keep))
	}
	if p.Filter.All() {
		return s.many(func() error { return s.takeBelow(below) })
	}
	return s.many(func() error {
		s.gather(p.Filter)
		for _, id := range s.ids {
			e := s.subjects.at(id)
			for before := e.count + 1; e.count < before && e.count > 0 && e.first < below; {
				before = e.count
				if _, err := s.takeOf(e.first, id); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// gather notes the subjects that a filter selects, for changes that may end some
// of them.
func (s *Stream) gather(f *store.Filter) {
	s.ids = s.ids[:0]
	s.subjects.visit(f, func(id uint32, _ *entry) bool {
		s.ids = append(s.ids, id)
		return true
	})
}

// newest is the sequence of the oldest of the newest n messages that a filter
// selects, or 0 if there are fewer.
func (s *Stream) newest(f *store.Filter, n uint64) uint64 {
	if s.messages == 0 || s.count(f, s.first) < n {
		return 0
	}
	low, high := s.first, s.last // the count from low on is at least n
	for low < high {
		middle := high - (high-low)/2
		if s.count(f, middle) >= n {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

// takeBelow takes out the messages below a sequence, of which there is one, and tells
// the keeper of all together.
func (s *Stream) takeBelow(seq uint64) error {
	if s.messages == 0 || s.first >= seq {
		return nil
	}
	s.together = true
	var err error
	for err == nil && s.messages > 0 && s.first < seq {
		_, err = s.take(s.first, false)
	}
	s.together = false
	if s.keeper != nil {
		s.keeper.Compacted(s.first)
	}
	return err
}

// Compact takes out everything below a sequence.
func (s *Stream) Compact(seq uint64) (store.Removal, error) {
	switch {
	case s.closed:
		return store.Removal{}, store.ErrClosed
	case seq > store.SequenceMax:
		return store.Removal{}, store.ErrSequence
	}
	if seq != 0 && seq <= s.last {
		return s.many(func() error { return s.takeBelow(seq) })
	}
	removed, err := s.many(s.takeAll)
	s.last = max(s.last, seq-min(seq, 1))
	s.first = s.last + 1
	if s.keeper != nil {
		s.keeper.Compacted(s.first)
	}
	return removed, err
}

// takeAll empties the stream at once. The keeper hears of the chunks only. What one
// message was is told if it can be read.
func (s *Stream) takeAll() error {
	if s.messages == 1 {
		s.together = true
		taken, err := s.take(s.first, false)
		s.together = false
		if taken && err == nil {
			return nil
		}
	}
	s.tell(store.Removal{Messages: s.messages, Bytes: s.bytes})
	if s.keeper != nil {
		for _, c := range s.chunks {
			c.live = 0
			s.keeper.Dropped(c)
		}
	}
	s.chunks, s.spare, s.subjects = nil, nil, subjects{}
	s.messages, s.bytes, s.first, s.firstTime = 0, 0, s.last+1, 0
	s.forgetAll()
	return nil
}

// Truncate takes out everything above a sequence.
func (s *Stream) Truncate(seq uint64) (store.Removal, error) {
	switch {
	case s.closed:
		return store.Removal{}, store.ErrClosed
	case seq > s.last:
		return store.Removal{}, store.ErrEOF
	}
	if seq == s.last && seq != 0 {
		return store.Removal{}, nil
	}
	if seq == 0 {
		removed, err := s.many(s.takeAll)
		s.first, s.last, s.lastTime, s.aged = 0, 0, 0, 0
		if s.keeper != nil {
			s.keeper.Truncated(0)
		}
		return removed, err
	}
	removed, err := s.many(func() error { return s.takeAbove(seq) })
	if err != nil {
		return removed, err
	}
	s.last = seq
	s.aged = min(s.aged, seq+1)
	if s.messages == 0 {
		s.first = seq + 1
	} else {
		newest := s.chunks[len(s.chunks)-1]
		if buf, err := s.recordAt(newest, len(newest.slots)-1); err == nil {
			s.lastTime = recordTime(buf)
		}
	}
	if s.keeper != nil {
		s.keeper.Truncated(seq)
	}
	return removed, nil
}

// takeAbove takes out the messages above a sequence. The keeper hears of each if
// not all could go.
func (s *Stream) takeAbove(seq uint64) error {
	for len(s.chunks) > 0 {
		last := s.chunks[len(s.chunks)-1].last()
		if last <= seq {
			return nil
		}
		if _, err := s.take(last, false); err != nil {
			return err
		}
	}
	return nil
}
