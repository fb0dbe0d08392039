package journal

import (
	"github.com/godwit-mq/godwit/internal/vfs"
)

// batch is what one commit writes. It is owned by the journal's lock while it is
// open, then by the goroutine that commits it, then by the one that completes it.
type batch struct {
	buffer  []byte // aligned; the first size bytes are used
	size    int    // 0: no place yet
	segment *segment
	offset  int64
	items   []item
	records int
	durable bool // someone waits for a sync
	witness bool // to be written although it has no records
	err     error
}

// item is one append.
type item struct {
	group *group
	first uint64
	count int
	at    Position
	done  Done
	move  *move
	err   error // of this item; the batch goes on without it
}

// move is a record that is written again.
type move struct {
	sequence uint64
	from     Position
	size     uint32
}

// Appended says what became of an append.
type Appended struct {
	Group    GroupID
	First    uint64   // sequence of the first record
	Count    int      // records
	Position Position // of the first record; the others follow, see RecordSize
}

// Done is called once per append, in the order of the appends, by one goroutine
// at a time. See the package's documentation for what it must not do.
type Done func(Appended, error)

func (b *batch) empty() bool { return len(b.items) == 0 && !b.witness }

func (b *batch) position() Position { return at(b.segment.generation, b.offset) }

// place gives an empty batch its place and room for its header.
func (b *batch) place(s *segment, offset int64) {
	b.segment, b.offset = s, offset
	b.reserve(commitHeader)
}

// reserve makes room and returns it. What it held before is not cleared.
func (b *batch) reserve(n int) []byte {
	need := b.size + n
	if need > len(b.buffer) {
		size := max(2*len(b.buffer), 64<<10)
		for size < need {
			size *= 2
		}
		bigger := vfs.Aligned(size)
		copy(bigger, b.buffer[:b.size])
		b.buffer = bigger
	}
	part := b.buffer[b.size:need]
	b.size = need
	return part
}

// newBatch returns an empty batch. Called with the lock held.
func (j *Journal) newBatch() *batch {
	b := &batch{}
	if n := len(j.idle); n > 0 {
		b, j.idle = j.idle[n-1], j.idle[:n-1]
	}
	return b
}

const maxIdleBatches = 3

// recycle keeps an empty batch and its memory for later, unless it is unusually
// large. Called with the lock held.
func (j *Journal) recycle(b *batch) {
	if len(j.idle) >= maxIdleBatches {
		return
	}
	clear(b.items)
	*b = batch{buffer: b.buffer, items: b.items[:0]}
	if len(b.buffer) > 2*j.options.BatchBytes {
		b.buffer = nil
	}
	j.idle = append(j.idle, b)
}
