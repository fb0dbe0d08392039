package memory

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
	return s.take(seq, erase), nil
}

// take removes the message with a sequence, if there is one, everywhere where
// something is known of it, and tells the listener.
func (s *Stream) take(seq uint64, erase bool) bool {
	at := s.findBlock(seq)
	if at == len(s.blocks) || seq < s.blocks[at].first() {
		return false
	}
	b := s.blocks[at]
	i := b.find(seq)
	if i < 0 {
		return false
	}
	r := b.read(i)
	name := s.subjectName(r.subject)
	s.name = append(s.name[:0], name...)
	size := store.MemorySize(len(name), len(r.header), len(r.payload))
	if erase {
		clear(r.whole)
	}
	s.subjects.remove(r.subject, seq)
	s.forget(seq, r.time, r.ttl)
	b.drop(i, len(r.whole))
	s.tidy(at, i == 0)
	s.messages--
	s.bytes -= size
	if s.messages == 0 {
		s.first = s.last + 1
	} else if seq == s.first {
		s.first = s.blocks[0].first()
	}
	s.tell(store.Removal{Messages: 1, Bytes: size, Sequence: seq, Subject: s.name})
	return true
}

// tidy drops a block that has become empty, and packs one that has become sparse,
// with its neighbour if that is as well. The oldest of several that lost its first
// message is left alone: its others are likely to be the next to go.
func (s *Stream) tidy(at int, lostFirst bool) {
	b := s.blocks[at]
	if b.live == 0 {
		s.dropBlocks(at, at+1)
		return
	}
	if lostFirst && at == 0 && len(s.blocks) > 1 || !b.sparse(s.shape) {
		return
	}
	b.pack(at+1 < len(s.blocks))
	if at+1 < len(s.blocks) && b.joins(s.blocks[at+1], s.shape) {
		b.join(s.blocks[at+1])
		s.dropBlocks(at+1, at+2)
	}
	if at > 0 && s.blocks[at-1].joins(b, s.shape) {
		s.blocks[at-1].join(b)
		s.dropBlocks(at, at+1)
	}
}

// spareMax is the memory of a block that an empty stream keeps, in bytes.
const spareMax = 16 << 10

// dropBlocks takes out blocks, and keeps the memory of the largest one of usual size
// for the next. A stream that becomes empty keeps only a little.
func (s *Stream) dropBlocks(from, to int) {
	most := 2 * s.shape.arena
	if to-from == len(s.blocks) {
		most = spareMax
	}
	if s.spare != nil && cap(s.spare.arena) > most {
		s.spare = nil
	}
	for _, b := range s.blocks[from:to] {
		if cap(b.arena) <= most && (s.spare == nil || cap(s.spare.arena) < cap(b.arena)) {
			*b = block{slots: b.slots[:0], arena: b.arena[:0]}
			s.spare = b
		}
	}
	if from == 0 {
		clear(s.blocks[:to])
		s.blocks = s.blocks[to:]
		return
	}
	s.blocks = slices.Delete(s.blocks, from, to)
}

// tell reports a removal, or counts it within an operation on many.
func (s *Stream) tell(r store.Removal) {
	if s.quiet {
		s.removed.count(r)
		return
	}
	if s.onRemove != nil {
		s.onRemove(r)
	}
}

// many runs an operation that may remove many messages, and reports them together.
func (s *Stream) many(remove func()) store.Removal {
	s.quiet, s.removed = true, tally{subject: s.removed.subject[:0]}
	remove()
	s.quiet = false
	total := s.removed.total()
	if total.Messages > 0 {
		s.tell(total)
	}
	return total
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
		return s.many(func() { s.takeBelow(below) }), nil
	}
	return s.many(func() {
		s.gather(p.Filter)
		for _, id := range s.ids {
			e := s.subjects.at(id)
			for e.count > 0 && e.first < below {
				s.take(e.first, false)
			}
		}
	}), nil
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

func (s *Stream) takeBelow(seq uint64) {
	for s.messages > 0 && s.first < seq {
		s.take(s.first, false)
	}
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
		return s.many(func() { s.takeBelow(seq) }), nil
	}
	removed := s.many(s.takeAll)
	s.last = max(s.last, seq-min(seq, 1))
	s.first = s.last + 1
	return removed, nil
}

// takeAll empties the stream at once.
func (s *Stream) takeAll() {
	if s.messages == 1 {
		s.take(s.first, false)
		return
	}
	s.tell(store.Removal{Messages: s.messages, Bytes: s.bytes})
	s.blocks, s.spare, s.subjects = nil, nil, subjects{}
	s.messages, s.bytes, s.first = 0, 0, s.last+1
	s.forgetAll()
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
		removed := s.many(s.takeAll)
		s.first, s.last, s.lastTime, s.aged = 0, 0, 0, 0
		return removed, nil
	}
	removed := s.many(func() {
		for len(s.blocks) > 0 {
			last := s.blocks[len(s.blocks)-1].last()
			if last <= seq {
				return
			}
			s.take(last, false)
		}
	})
	s.last = seq
	s.aged = min(s.aged, seq+1)
	if s.messages == 0 {
		s.first = seq + 1
		return removed, nil
	}
	newest := s.blocks[len(s.blocks)-1]
	s.lastTime = newest.time(len(newest.slots) - 1)
	return removed, nil
}
