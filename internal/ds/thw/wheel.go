package thw

import (
	"errors"
	"math"
	"math/bits"
	"time"
)

// ErrNotFound is returned where an entry should be and is not.
var ErrNotFound = errors.New("thw: task not found")

const (
	tick       = int64(time.Second) // nanoseconds of a slot
	slots      = 4096
	groupSlots = 64
	batchMax   = 4096 // entries for which Expire keeps memory
)

// position is the slot of a due time in nanoseconds.
func position(due int64) uint64 { return uint64(due/tick) % slots }

type group struct {
	occupied uint64 // slots with entries
	slots    [groupSlots]slot
}

// A Wheel holds sequences with the times when they are due, in nanoseconds of
// any clock. The zero Wheel is empty and ready for use.
type Wheel struct {
	groups [slots / groupSlots]*group // nil where no slot is occupied
	spare  *group                     // one that became empty, for the next that is needed
	count  int
	low    int64 // nothing is due before, and no slot's low is earlier; only with a count
	stale  bool  // low may be too early

	changes  uint64 // calls that changed something
	batch    []cell // memory for Expire
	expiring bool
}

// Len is the number of entries.
func (w *Wheel) Len() int { return w.count }

// Add puts seq into the wheel. An entry of the same sequence with a time of the
// same slot is replaced.
func (w *Wheel) Add(seq uint64, due int64) {
	at := position(due)
	g := w.groups[at/groupSlots]
	if g == nil {
		g = w.newGroup(at / groupSlots)
	}
	s, bit := &g.slots[at%groupSlots], uint64(1)<<(at%groupSlots)
	if g.occupied&bit == 0 {
		g.occupied |= bit
		s.low, s.mark = due, markOf(at)
	}
	w.changes++
	if w.count == 0 || due < w.low {
		w.low = due
	}
	if s.put(seq, due) {
		w.count++
	}
}

// Remove takes out the entry that seq has in the slot of the time due. It fails
// with ErrNotFound if there is none.
func (w *Wheel) Remove(seq uint64, due int64) error {
	at := position(due)
	s := w.slot(at)
	if s == nil || !s.remove(seq) {
		return ErrNotFound
	}
	w.changes++
	w.count--
	if s.used == 0 {
		w.vacate(at)
	} else if !w.expiring {
		s.fit()
	}
	return nil
}

// Update moves the entry that seq has in the slot of the time old to the time
// due. It fails with ErrNotFound, and changes nothing, if there is none.
func (w *Wheel) Update(seq uint64, old, due int64) error {
	if at := position(old); at == position(due) {
		if s := w.slot(at); s == nil || !s.has(seq) {
			return ErrNotFound
		}
	} else if err := w.Remove(seq, old); err != nil {
		return err
	}
	w.Add(seq, due)
	return nil
}

// Next returns when the next entry is due if that is earlier than before, and else the
// greatest time. It is never too late; after Remove and Update it may be too
// early, by less than a second if no entries are due more than a turn apart, until
// the next Expire.
func (w *Wheel) Next(before int64) int64 {
	if w.count == 0 {
		return math.MaxInt64
	}
	if w.stale {
		w.settle()
	}
	if w.low < before {
		return w.low
	}
	return math.MaxInt64
}

// Expire calls fn for the entries that are due at now and removes those for
// which it returns true. The callback may change the wheel: an entry that it removes
// or moves before its turn is not shown; one that it adds and that is due already
// is shown now or by the next Expire. An Expire inside the callback does
// nothing.
func (w *Wheel) Expire(now int64, fn func(seq uint64, due int64) bool) {
	if w.count == 0 || w.low > now || w.expiring {
		return
	}
	w.expiring = true
	defer func() { w.expiring = false }()
	for i, g := range w.groups {
		if g == nil {
			continue
		}
		for rest := g.occupied; rest != 0; rest &= rest - 1 {
			at := uint64(i*groupSlots + bits.TrailingZeros64(rest))
			if s := w.slot(at); s != nil && s.low <= now {
				w.expireSlot(at, now, fn)
			}
		}
	}
	if w.count > 0 {
		w.settle()
	}
}

func (w *Wheel) expireSlot(at uint64, now int64, fn func(seq uint64, due int64) bool) {
	s, changes := w.slot(at), w.changes
	batch := s.due(now, w.batch[:0])
	gone := batch[:0]
	for _, c := range batch {
		if (w.changes == changes || w.holds(at, c)) && fn(c.seq, c.due) {
			gone = append(gone, c)
		}
	}
	w.batch = batch[:0]
	if cap(batch) > batchMax {
		w.batch = nil
	}
	if w.changes == changes && len(gone) == s.used {
		w.count -= s.used
		w.vacate(at)
		return
	}
	untouched := w.changes == changes
	for _, c := range gone {
		if untouched || w.holds(at, c) {
			_ = w.Remove(c.seq, c.due)
		}
	}
	if s := w.slot(at); s != nil {
		s.settle()
		s.fit()
	}
}

// holds reports whether the entry is still as it was.
func (w *Wheel) holds(at uint64, c cell) bool {
	s := w.slot(at)
	if s == nil {
		return false
	}
	due, ok := s.get(c.seq)
	return ok && due == c.due
}

// slot returns the slot at a position if it has entries, or nil.
func (w *Wheel) slot(at uint64) *slot {
	g := w.groups[at/groupSlots]
	if g == nil || g.occupied>>(at%groupSlots)&1 == 0 {
		return nil
	}
	return &g.slots[at%groupSlots]
}

func (w *Wheel) newGroup(i uint64) *group {
	g := w.spare
	if w.spare = nil; g == nil {
		g = &group{}
	}
	w.groups[i] = g
	return g
}

// vacate drops a slot that has become empty, and its group with the last one.
func (w *Wheel) vacate(at uint64) {
	g := w.groups[at/groupSlots]
	s := &g.slots[at%groupSlots]
	if s.low <= w.low {
		w.stale = true
	}
	*s = slot{}
	if g.occupied &^= 1 << (at % groupSlots); g.occupied == 0 {
		w.groups[at/groupSlots], w.spare = nil, g
	}
}

// settle computes low anew; there must be entries. Slots are visited in the
// order of time from the old low on. The first one whose own low is of the turn
// that begins there has the least, for all slots before it wait for a later turn.
func (w *Wheel) settle() {
	first := w.low / tick
	w.stale, w.low = false, math.MaxInt64
	for passed := int64(0); passed < slots; {
		at := uint64(first+passed) % slots
		rest := uint64(0)
		if g := w.groups[at/groupSlots]; g != nil {
			rest = g.occupied >> (at % groupSlots)
		}
		if rest == 0 {
			passed += groupSlots - int64(at%groupSlots)
			continue
		}
		skipped := int64(bits.TrailingZeros64(rest))
		low := w.groups[at/groupSlots].slots[at%groupSlots+uint64(skipped)].low
		w.low = min(w.low, low)
		if passed += skipped; low/tick == first+passed {
			return
		}
		passed++
	}
}
