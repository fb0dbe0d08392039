package link

import (
	"sync"
	"sync/atomic"
)

// Size classes of blocks, in bytes. A block larger than the largest class is
// made to measure and left to the garbage collector.
const (
	SmallBlock = 4 << 10
	// ReadBlock is what one read from a socket may bring. Measured: 16 KB costs
	// up to half as much CPU again per message, 256 KB gains little and loses
	// on large payloads.
	ReadBlock = 64 << 10
	// runBlock holds what a full read block becomes at one destination.
	runBlock = 96 << 10
)

var classes = [...]int{SmallBlock, 16 << 10, ReadBlock, runBlock, 256 << 10, 1<<20 + 64<<10}

var pools [len(classes)]sync.Pool

// Block is a piece of pooled memory with a reference count. Whoever holds a
// reference may read the bytes that were written before the reference was
// handed over; only one owner appends.
type Block struct {
	Bytes []byte // full capacity; owners keep their own positions
	refs  atomic.Int32
	class int8 // -1: not pooled
}

// GetBlock returns a block of at least size bytes with one reference.
func GetBlock(size int) *Block {
	for i, capacity := range classes {
		if size > capacity {
			continue
		}
		b, _ := pools[i].Get().(*Block)
		if b == nil {
			b = &Block{Bytes: make([]byte, capacity), class: int8(i)}
		}
		b.refs.Store(1)
		return b
	}
	b := &Block{Bytes: make([]byte, size), class: -1}
	b.refs.Store(1)
	return b
}

// Retain adds a reference.
func (b *Block) Retain() { b.refs.Add(1) }

// Release drops a reference; the last one returns the block to its pool.
func (b *Block) Release() {
	switch n := b.refs.Add(-1); {
	case n > 0:
	case n < 0:
		panic("link: block released more often than retained")
	case b.class >= 0:
		pools[b.class].Put(b)
	}
}

// Shared reports whether anyone else holds a reference.
func (b *Block) Shared() bool { return b.refs.Load() > 1 }

// chunk is a run of bytes in a block; it owns one reference.
type chunk struct {
	block      *Block
	start, end int
}

func (c chunk) bytes() []byte { return c.block.Bytes[c.start:c.end] }

// Run collects what one batch has for one destination, in order. It is owned by
// one goroutine. The zero value is ready for use.
type Run struct {
	chunks []chunk
	open   bool // the last chunk's block is ours to append to
	last   int  // bytes of the previous run: sizes the next first block

	Bytes    int   // on the wire
	Messages int64 // counted by the owner
	Payload  int64 // bytes of headers and payloads, counted by the owner
}

// Empty reports whether nothing was appended since the last reset.
func (r *Run) Empty() bool { return r.Bytes == 0 }

// Append copies a and then b.
func (r *Run) Append(a, b []byte) {
	n := len(a) + len(b)
	dst := r.room(n)
	copy(dst[copy(dst, a):], b)
	r.Bytes += n
}

// Reserve returns n bytes at the end of the run for the caller to fill.
func (r *Run) Reserve(n int) []byte {
	dst := r.room(n)
	r.Bytes += n
	return dst
}

// AppendShared adds bytes of a block without copying them. data is a slice of
// block.Bytes that kept its capacity, which tells its offset.
func (r *Run) AppendShared(block *Block, data []byte) {
	block.Retain()
	offset := cap(block.Bytes) - cap(data)
	r.chunks = append(r.chunks, chunk{block, offset, offset + len(data)})
	r.open = false
	r.Bytes += len(data)
}

// room extends the open chunk by n bytes and returns them.
func (r *Run) room(n int) []byte {
	if r.open {
		c := &r.chunks[len(r.chunks)-1]
		if c.end+n <= len(c.block.Bytes) {
			c.end += n
			return c.block.Bytes[c.end-n : c.end]
		}
	}
	want := max(n, min(r.last+r.last/8, runBlock))
	if len(r.chunks) > 0 {
		want = max(want, min(2*r.Bytes, runBlock))
	}
	block := GetBlock(want)
	r.chunks = append(r.chunks, chunk{block, 0, n})
	r.open = true
	return block.Bytes[:n]
}

// reset forgets the chunks, whose references now belong to someone else.
func (r *Run) reset() {
	clear(r.chunks)
	if cap(r.chunks) > 64 {
		r.chunks = nil
	}
	r.chunks = r.chunks[:0]
	r.open = false
	r.last = r.Bytes
	r.Bytes, r.Messages, r.Payload = 0, 0, 0
}

// Discard releases what was collected.
func (r *Run) Discard() {
	for _, c := range r.chunks {
		c.block.Release()
	}
	r.reset()
}
