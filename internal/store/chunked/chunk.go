package chunked

import (
	"encoding/binary"
	"math"
	"sort"

	"github.com/godwit-mq/godwit/internal/store"
)

// A shape bounds the chunks of a stream. A chunk has one message in any case.
type shape struct {
	slots int // messages, the removed among them too
	arena int // bytes of records
	dead  int // bytes of removed records, or slots of such, that do no harm
}

// usual is the shape in memory: 4,096 messages of 64 bytes.
var usual = shape{slots: 4096, arena: 256 << 10, dead: 2048}

// shapeFor is the shape of a stream that is kept elsewhere, given how much is loaded at
// once to read a message.
func shapeFor(bytes int) shape {
	return shape{slots: min(max(bytes/16, 1), 4096), arena: bytes, dead: bytes / 32}
}

// A slot is the place of one message: the beginning of its record in the arena, and
// flags.
const (
	gone       = 1 << 31 // the message was removed
	timed      = 1 << 30 // the message has a life time
	offsetMask = timed - 1
)

// A Chunk holds the messages of a range of sequences, as many as its stream's shape
// says, one record after the other. Neither the first nor the last slot is gone.
type Chunk struct {
	// Kept is for the keeper of the stream to remember the chunk by.
	Kept any

	origin uint64   // records count sequences from here
	front  uint32   // the first slot's sequence less origin, if deltas is nil
	deltas []uint32 // sequences less origin; nil as long as they are consecutive
	slots  []uint32
	end    uint32 // where the record of the last slot ends
	arena  []byte // nil if the keeper has it
	live   int    // slots that are not gone
	dead   int    // bytes of records that are gone
	until  int64  // no message has a later time

	listed bool   // among the changed ones
	shared bool   // the keeper is reading the arena
	edits  uint32 // how often records were moved or erased
}

func (c *Chunk) sequence(i int) uint64 { return c.origin + uint64(c.delta(i)) }

func (c *Chunk) delta(i int) uint32 {
	if c.deltas != nil {
		return c.deltas[i]
	}
	return c.front + uint32(i)
}

func (c *Chunk) first() uint64 { return c.sequence(0) }
func (c *Chunk) last() uint64  { return c.sequence(len(c.slots) - 1) }

func (c *Chunk) start(i int) int     { return int(c.slots[i] & offsetMask) }
func (c *Chunk) isGone(i int) bool   { return c.slots[i]&gone != 0 }
func (c *Chunk) isTimed(i int) bool  { return c.slots[i]&timed != 0 }
func (c *Chunk) complete() bool      { return c.deltas == nil && c.live == len(c.slots) }
func (c *Chunk) bytes() int          { return int(c.end) }
func (c *Chunk) recordLen(i int) int { return c.stop(i) - c.start(i) }

// stop is where the record of slot i ends.
func (c *Chunk) stop(i int) int {
	if i+1 < len(c.slots) {
		return c.start(i + 1)
	}
	return int(c.end)
}

// search is the index of the first slot that is not below seq.
func (c *Chunk) search(seq uint64) int {
	if seq <= c.first() {
		return 0
	}
	if seq > c.last() {
		return len(c.slots)
	}
	delta := uint32(seq - c.origin)
	if c.deltas == nil {
		return int(delta - c.front)
	}
	return sort.Search(len(c.deltas), func(i int) bool { return c.deltas[i] >= delta })
}

// find is the index of the slot of a sequence, or -1.
func (c *Chunk) find(seq uint64) int {
	i := c.search(seq)
	if i == len(c.slots) || c.sequence(i) != seq || c.isGone(i) {
		return -1
	}
	return i
}

// next is the index of the first slot from i on that is not gone, or the number of
// slots.
func (c *Chunk) next(i int) int {
	for i < len(c.slots) && c.isGone(i) {
		i++
	}
	return i
}

// previous is the index of the last slot up to i that is not gone, or -1.
func (c *Chunk) previous(i int) int {
	for i >= 0 && c.isGone(i) {
		i--
	}
	return i
}

// takes reports whether the chunk has room for one more message.
func (c *Chunk) takes(seq uint64, size int, most shape) bool {
	return len(c.slots) == 0 ||
		len(c.slots) < most.slots && c.bytes()+size <= most.arena && seq-c.origin <= math.MaxUint32
}

// put adds a message above all others and returns its record, with its sum if it is to
// be kept. The arena is there.
func (c *Chunk) put(seq uint64, m *store.Message, signed bool) []byte {
	if len(c.slots) == 0 {
		c.origin, c.front, c.until = seq, 0, m.Time
	}
	delta := uint32(seq - c.origin)
	start := len(c.arena)
	c.arena = appendRecord(c.arena, delta, m)
	c.enter(delta, uint32(start), uint32(len(c.arena)), m.TTL != 0)
	c.until = max(c.until, m.Time)
	record := c.arena[start:]
	if signed {
		sign(record, seq)
	}
	return record
}

// enter makes the slot of a record that lies behind all others.
func (c *Chunk) enter(delta, start, end uint32, hasTTL bool) {
	n := len(c.slots)
	if n == 0 && c.deltas == nil {
		c.front = delta
	}
	if c.deltas == nil && delta != c.front+uint32(n) {
		c.deltas = make([]uint32, n, max(cap(c.slots), n+1))
		for i := range c.deltas {
			c.deltas[i] = c.front + uint32(i)
		}
	}
	if c.deltas != nil {
		c.deltas = append(c.deltas, delta)
	}
	if hasTTL {
		start |= timed
	}
	c.slots = append(c.slots, start)
	c.end = end
	c.live++
}

// drop takes out the message in slot i.
func (c *Chunk) drop(i int) {
	c.dead += c.recordLen(i)
	c.slots[i] |= gone
	c.live--
	switch {
	case c.live == 0:
	case i == 0:
		c.cutFront(c.next(0))
	case i == len(c.slots)-1:
		c.cutBack(c.previous(i) + 1)
	}
}

func (c *Chunk) cutFront(n int) {
	c.slots = c.slots[n:]
	if c.deltas != nil {
		c.deltas = c.deltas[n:]
	} else {
		c.front += uint32(n)
	}
}

func (c *Chunk) cutBack(n int) {
	end := uint32(c.start(n))
	c.dead -= int(c.end - end)
	c.end = end
	c.slots = c.slots[:n]
	if c.deltas != nil {
		c.deltas = c.deltas[:n]
	}
	if c.arena != nil {
		c.edits++
		c.arena = c.arena[:end]
		if c.shared { // what comes next must not overwrite what another reads
			c.arena = append(make([]byte, 0, cap(c.arena)), c.arena...)
			c.shared = false
		}
	}
}

// sparse reports whether the chunk has so much that is dead that it should be
// packed.
func (c *Chunk) sparse(most shape) bool {
	return c.dead > most.dead && c.dead > c.bytes()/2 ||
		len(c.slots)-c.live > most.dead/16 && c.live < len(c.slots)/2
}

// joins reports whether the next chunk has room in this one, and room is left.
func (c *Chunk) joins(next *Chunk, most shape) bool {
	return c.live+next.live <= most.slots/2 &&
		c.bytes()-c.dead+next.bytes()-next.dead <= most.arena/2 &&
		next.last()-c.origin <= math.MaxUint32
}

// pack moves the messages of the chunk, and of the next one unless that is nil,
// together into slices of their own. The records of both are given.
func (c *Chunk) pack(records []byte, next *Chunk, nextRecords []byte, signed bool) {
	p := packing{signed: signed}
	p.reserve(c)
	if next != nil {
		p.reserve(next)
	}
	p.origin = c.origin
	p.arena = make([]byte, 0, p.bytes)
	p.slots, p.deltas = make([]uint32, 0, p.live), make([]uint32, 0, p.live)
	p.take(c, records)
	if next != nil {
		p.take(next, nextRecords)
		c.until = max(c.until, next.until)
	}
	c.arena, c.slots, c.deltas, c.live = p.arena, p.slots, p.deltas, p.live
	c.end, c.dead = uint32(len(p.arena)), 0
	c.shared = false
	c.edits++
	c.straighten()
}

// straighten forgets the sequences of a chunk if they are consecutive.
func (c *Chunk) straighten() {
	if n := len(c.deltas); n > 0 && c.deltas[n-1]-c.deltas[0] == uint32(n)-1 {
		c.front, c.deltas = c.deltas[0], nil
	}
}

// A packing is the new inside of a chunk.
type packing struct {
	origin        uint64
	arena         []byte
	slots, deltas []uint32
	live, bytes   int
	signed        bool
}

func (p *packing) reserve(c *Chunk) {
	p.live += c.live
	p.bytes += c.bytes() - c.dead
}

func (p *packing) take(c *Chunk, records []byte) {
	for i, slot := range c.slots {
		if slot&gone != 0 {
			continue
		}
		start := len(p.arena)
		delta := uint32(c.sequence(i) - p.origin)
		p.arena = append(p.arena, records[c.start(i):c.stop(i)]...)
		if record := p.arena[start:]; c.origin != p.origin {
			binary.LittleEndian.PutUint32(record, delta)
			if p.signed {
				sign(record, c.sequence(i))
			}
		}
		p.slots = append(p.slots, uint32(start)|slot&timed)
		p.deltas = append(p.deltas, delta)
	}
}
