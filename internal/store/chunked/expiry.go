package chunked

import (
	"math"
	"slices"

	"github.com/godwit-mq/godwit/internal/ds/thw"
	"github.com/godwit-mq/godwit/internal/store"
)

// held are the messages that a judge held back, with the time to ask again. The
// zero value is empty.
type held struct {
	wheel thw.Wheel
	until map[uint64]int64
}

func (h *held) add(seq uint64, until int64) {
	if h.until == nil {
		h.until = make(map[uint64]int64)
	}
	h.until[seq] = until
	h.wheel.Add(seq, until)
}

func (h *held) remove(seq uint64) {
	if until, ok := h.until[seq]; ok {
		delete(h.until, seq)
		// The wheel has it, unless a Tick has just taken it out to judge it again.
		_ = h.wheel.Remove(seq, until)
	}
	if len(h.until) == 0 {
		h.until = nil
	}
}

func (h *held) has(seq uint64) bool {
	_, ok := h.until[seq]
	return ok
}

// Tick removes what is due. The messages of which age was not asked yet are those
// from s.aged on: before it every message is gone, held back, or never too old.
func (s *Stream) Tick(now int64, judge func(store.Due) store.Verdict) (store.Removal, error) {
	if s.closed {
		return store.Removal{}, store.ErrClosed
	}
	s.dues = s.dues[:0]
	s.gatherTTLs(now)
	s.gatherHeld(now)
	failure := s.gatherAged(now)
	slices.Sort(s.dues)
	var sum store.Removal
	for _, seq := range slices.Compact(s.dues) {
		size, ok, err := s.judge(seq, now, judge)
		if err != nil {
			s.held.add(seq, now+int64(store.HoldTime)) // tried again then
			failure = err
			continue
		}
		if ok {
			sum.Messages++
			sum.Bytes += size
		}
	}
	if sum.Messages == 1 {
		sum.Sequence, sum.Subject = s.lastTaken, s.name
	}
	return sum, failure
}

func (s *Stream) gatherTTLs(now int64) {
	n := 0
	s.ttls.Expire(now, func(seq uint64, _ int64) bool {
		if n == store.TickMax {
			return false
		}
		n++
		s.dues = append(s.dues, seq)
		return true
	})
}

func (s *Stream) gatherHeld(now int64) {
	n := 0
	s.held.wheel.Expire(now, func(seq uint64, _ int64) bool {
		if n == store.TickMax {
			return false
		}
		n++
		delete(s.held.until, seq)
		s.dues = append(s.dues, seq)
		return true
	})
}

func (s *Stream) gatherAged(now int64) error {
	if s.limits.MaxAge == 0 {
		return nil
	}
	p, ok := s.from(s.aged)
	for n := 0; ok && n < store.TickMax; ok = s.forward(&p) {
		seq := s.chunks[p.chunk].sequence(p.slot)
		buf, err := s.at(p)
		if err != nil {
			return err
		}
		if !s.ages(buf) {
			s.aged = seq + 1
			continue
		}
		if s.endOfAge(recordTime(buf)) > now {
			return nil
		}
		s.aged = seq + 1
		if !s.held.has(seq) {
			s.dues = append(s.dues, seq)
			n++
		}
	}
	return nil
}

// ages reports whether the age limit goes for a message, given its record.
func (s *Stream) ages(buf []byte) bool {
	return !s.limits.MessageTTL || buf[18]&flagTTL == 0 || readRecord(buf).ttl != store.NeverExpires
}

// endOfAge is when a message becomes too old.
func (s *Stream) endOfAge(stored int64) int64 {
	if age := int64(s.limits.MaxAge); stored <= math.MaxInt64-age {
		return stored + age
	}
	return endless
}

// judge asks about a message that is due, and does what the verdict says.
func (s *Stream) judge(seq uint64, now int64, judge func(store.Due) store.Verdict) (size uint64, removed bool, err error) {
	c, i, ok := s.locate(seq)
	if !ok || s.held.has(seq) {
		return 0, false, nil
	}
	buf, err := s.recordAt(c, i)
	if err != nil {
		return 0, false, err
	}
	if judge != nil {
		r := readRecord(buf)
		due := store.Due{Sequence: seq, Subject: r.subject, Marker: r.marker}
		id := s.subjects.find(r.subject)
		due.Alone = id == 0 || s.subjects.at(id).count == 1
		if judge(due) == store.Hold {
			s.held.add(seq, now+int64(store.HoldTime))
			return 0, false, nil
		}
	}
	size = s.sizeAt(c, i)
	s.lastTaken = seq
	removed, err = s.take(seq, false)
	return size, removed, err
}

// NextExpiry returns when Tick is worth while.
func (s *Stream) NextExpiry() int64 {
	if s.closed {
		return endless
	}
	next := min(s.ttls.Next(endless), s.held.wheel.Next(endless))
	if s.limits.MaxAge == 0 {
		return next
	}
	for p, ok := s.from(s.aged); ok; ok = s.forward(&p) {
		buf, err := s.at(p)
		if err != nil {
			return min(next, s.endOfAge(s.firstTime)) // early, never late
		}
		if s.ages(buf) {
			return min(next, s.endOfAge(recordTime(buf)))
		}
		s.aged = s.chunks[p.chunk].sequence(p.slot) + 1
	}
	return next
}

// forget drops what is known of when a message ends.
func (s *Stream) forget(seq uint64, stored, ttl int64) {
	if due, ok := store.Expiry(stored, ttl); ok && s.limits.MessageTTL {
		// It is not there if a Tick has just taken it out.
		_ = s.ttls.Remove(seq, due)
	}
	s.held.remove(seq)
}

func (s *Stream) forgetAll() {
	s.ttls, s.held = thw.Wheel{}, held{}
}

// rejudge begins anew after a change of what ends messages.
func (s *Stream) rejudge() error {
	s.forgetAll()
	s.aged = 0
	if !s.limits.MessageTTL {
		return nil
	}
	for _, c := range s.chunks {
		for i, slot := range c.slots {
			if slot&timed == 0 || slot&gone != 0 {
				continue
			}
			buf, err := s.recordAt(c, i)
			if err != nil {
				return err
			}
			r := readRecord(buf)
			if due, ok := store.Expiry(r.time, r.ttl); ok {
				s.ttls.Add(c.sequence(i), due)
			}
		}
	}
	return nil
}
