package memory

import (
	"encoding/binary"
	"math"
	"sort"

	"github.com/godwit-mq/godwit/internal/store"
)

// A shape bounds the blocks of a stream. A block has one message in any case.
type shape struct {
	slots int // messages, the removed among them too
	arena int // bytes of records
	dead  int // bytes of removed records, or slots of such, that do no harm
}

// usual is the shape outside tests: 4,096 messages of 64 bytes.
var usual = shape{slots: 4096, arena: 256 << 10, dead: 2048}

// gone as the offset of a slot says that the message was removed.
const gone = math.MaxUint32

// A slot is the place of one message: its sequence less that of the block, and the
// beginning of its record in the arena.
type slot struct {
	delta, offset uint32
}

// A block holds the messages of a range of sequences, as many as its
// stream's shape says. Neither the first nor the last slot is gone.
//
//	record = time u64 | subject u32 | flags | [ttl varint] | [header length uvarint]
//	         | payload length uvarint | header | payload
type block struct {
	base  uint64
	slots []slot
	arena []byte
	live  int   // slots that are not gone
	dead  int   // bytes of records whose slots are gone
	until int64 // no message has a later time
}

const (
	flagHeader = 1 << iota
	flagTTL
	flagMarker
)

// A record is a decoded message of a block.
type record struct {
	time            int64
	subject         uint32
	marker          bool
	ttl             int64
	header, payload []byte
	whole           []byte
}

func (b *block) first() uint64 { return b.base + uint64(b.slots[0].delta) }
func (b *block) last() uint64  { return b.base + uint64(b.slots[len(b.slots)-1].delta) }

func (b *block) sequence(i int) uint64 { return b.base + uint64(b.slots[i].delta) }

// search is the index of the first slot that is not below seq. In a block without
// holes it is found at once.
func (b *block) search(seq uint64) int {
	if seq <= b.first() {
		return 0
	}
	if seq > b.last() {
		return len(b.slots)
	}
	delta := uint32(seq - b.base)
	if i := int(delta - b.slots[0].delta); i < len(b.slots) && b.slots[i].delta == delta {
		return i
	}
	return sort.Search(len(b.slots), func(i int) bool { return b.slots[i].delta >= delta })
}

// find is the index of the slot of a sequence, or -1.
func (b *block) find(seq uint64) int {
	i := b.search(seq)
	if i == len(b.slots) || b.sequence(i) != seq || b.slots[i].offset == gone {
		return -1
	}
	return i
}

// next is the index of the first slot from i on that is not gone, or the number of
// slots.
func (b *block) next(i int) int {
	for i < len(b.slots) && b.slots[i].offset == gone {
		i++
	}
	return i
}

// previous is the index of the last slot up to i that is not gone, or -1.
func (b *block) previous(i int) int {
	for i >= 0 && b.slots[i].offset == gone {
		i--
	}
	return i
}

// takes reports whether the block has room for one more message.
func (b *block) takes(seq uint64, size int, most shape) bool {
	return len(b.slots) == 0 ||
		len(b.slots) < most.slots && len(b.arena)+size <= most.arena && seq-b.base <= math.MaxUint32
}

// put adds a message above all others.
func (b *block) put(seq uint64, subject uint32, m *store.Message) {
	if len(b.slots) == 0 {
		b.base, b.until = seq, m.Time
	}
	b.slots = append(b.slots, slot{delta: uint32(seq - b.base), offset: uint32(len(b.arena))})
	b.arena = appendRecord(b.arena, subject, m)
	b.live++
	b.until = max(b.until, m.Time)
}

// recordSize is an upper bound of the length of the record of a message.
func recordSize(m *store.Message) int {
	return 8 + 4 + 1 + 3*binary.MaxVarintLen32 + binary.MaxVarintLen64 + len(m.Header) + len(m.Payload)
}

func appendRecord(buf []byte, subject uint32, m *store.Message) []byte {
	buf = binary.LittleEndian.AppendUint64(buf, uint64(m.Time))
	buf = binary.LittleEndian.AppendUint32(buf, subject)
	var flags byte
	if len(m.Header) > 0 {
		flags |= flagHeader
	}
	if m.TTL != 0 {
		flags |= flagTTL
	}
	if m.Marker {
		flags |= flagMarker
	}
	buf = append(buf, flags)
	if m.TTL != 0 {
		buf = binary.AppendVarint(buf, m.TTL)
	}
	if len(m.Header) > 0 {
		buf = binary.AppendUvarint(buf, uint64(len(m.Header)))
	}
	buf = binary.AppendUvarint(buf, uint64(len(m.Payload)))
	buf = append(buf, m.Header...)
	return append(buf, m.Payload...)
}

// read decodes the message in slot i, which is not gone. The parts lie in the
// arena.
func (b *block) read(i int) record {
	start := int(b.slots[i].offset)
	rest := b.arena[start:]
	r := record{time: int64(binary.LittleEndian.Uint64(rest)), subject: binary.LittleEndian.Uint32(rest[8:])}
	flags := rest[12]
	r.marker = flags&flagMarker != 0
	at := 13
	if flags&flagTTL != 0 {
		ttl, n := binary.Varint(rest[at:])
		r.ttl = ttl
		at += n
	}
	header := 0
	if flags&flagHeader != 0 {
		length, n := binary.Uvarint(rest[at:])
		header = int(length)
		at += n
	}
	payload, n := binary.Uvarint(rest[at:])
	at += n
	if header > 0 {
		r.header = rest[at : at+header : at+header]
	}
	at += header
	end := at + int(payload)
	r.payload = rest[at:end:end]
	r.whole = rest[:end]
	return r
}

// time is that of the message in slot i.
func (b *block) time(i int) int64 {
	return int64(binary.LittleEndian.Uint64(b.arena[b.slots[i].offset:]))
}

// subject is that of the message in slot i.
func (b *block) subject(i int) uint32 {
	return binary.LittleEndian.Uint32(b.arena[b.slots[i].offset+8:])
}

// drop takes out the message in slot i, whose record is of that length.
func (b *block) drop(i, length int) {
	b.slots[i].offset = gone
	b.live--
	b.dead += length
	if b.live == 0 {
		return
	}
	if i == 0 {
		b.slots = b.slots[b.next(0):]
	} else if i == len(b.slots)-1 {
		b.slots = b.slots[:b.previous(i)+1]
	}
}

// sparse reports whether the block has so much that is dead that it should be
// packed.
func (b *block) sparse(most shape) bool {
	return b.dead > most.dead && b.dead > len(b.arena)/2 ||
		len(b.slots)-b.live > most.dead/16 && b.live < len(b.slots)/2
}

// pack moves the messages together. Of a block that gets no more of them it gives
// memory back if most of it is free then.
func (b *block) pack(complete bool) {
	slots, arena := b.slots[:0], b.arena[:0]
	for i := range b.slots {
		s := b.slots[i]
		if s.offset == gone {
			continue
		}
		whole := b.read(i).whole
		s.offset = uint32(len(arena))
		arena = append(arena, whole...)
		slots = append(slots, s)
	}
	clear(b.arena[len(arena):])
	b.slots, b.arena, b.dead = slots, arena, 0
	if complete && cap(arena) > 4*len(arena) {
		b.arena = append(make([]byte, 0, 2*len(arena)), arena...)
	}
	if complete && cap(slots) > 4*len(slots) {
		b.slots = append(make([]slot, 0, 2*len(slots)), slots...)
	}
}

// joins reports whether the next block has room in this one, and room is left.
func (b *block) joins(next *block, most shape) bool {
	return b.live+next.live <= most.slots/2 &&
		len(b.arena)-b.dead+len(next.arena)-next.dead <= most.arena/2 &&
		next.last()-b.base <= math.MaxUint32
}

// join takes over the messages of the next block.
func (b *block) join(next *block) {
	for i := range next.slots {
		if next.slots[i].offset == gone {
			continue
		}
		s := slot{delta: uint32(next.sequence(i) - b.base), offset: uint32(len(b.arena))}
		b.arena = append(b.arena, next.read(i).whole...)
		b.slots = append(b.slots, s)
	}
	b.live += next.live
	b.until = max(b.until, next.until)
}
