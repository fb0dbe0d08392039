package seqset

import (
	"math"
	"slices"
)

// A builder makes a set of blocks that come in any order, fastest in ascending
// order: it collects the blocks of one page before it makes the page, so that
// nothing is allocated too small first.
type builder struct {
	set    *Set
	memory allocator

	// The page under construction.
	key, present uint64
	blocks       []block
	members      int
}

// add adds the block whose words in begins with, and whose first sequence is
// base+skip. It reports false if one of its members would be beyond the last
// sequence.
func (d *builder) add(base, skip uint64, in []byte) bool {
	b, members := decode(in, &d.memory)
	if members == 0 {
		return true
	}
	if skip+b.max() > math.MaxUint64-base {
		return false
	}
	base += skip
	off := base - d.set.phase
	if base < d.set.phase || off%blockSpan != 0 {
		d.flush()
		d.set.merge(base, &b)
		return true
	}
	// A block at or before the last one of the page begins the page anew, and
	// flush merges both halves.
	if bit := uint64(1) << blockIndex(off); off>>pageShift != d.key || d.present >= bit {
		d.flush()
		d.key = off >> pageShift
	}
	d.present |= 1 << blockIndex(off)
	d.blocks = append(d.blocks, b)
	d.members += members
	return true
}

// flush puts the page under construction into the set.
func (d *builder) flush() {
	if len(d.blocks) == 0 {
		return
	}
	if p := d.set.makePage(d.key); p.present == 0 {
		p.present = d.present
		p.blocks = append(slices.Grow(p.blocks, len(d.blocks)), d.blocks...)
		d.set.blocks += len(d.blocks)
		d.set.size += d.members
	} else {
		rest := d.present
		for i := range d.blocks {
			d.set.merge(d.set.base(p, lowest(rest)), &d.blocks[i])
			rest &= rest - 1
		}
	}
	d.present, d.blocks, d.members = 0, d.blocks[:0], 0
}

// An allocator cuts the words of many blocks out of few pieces of memory. A
// piece lives as long as any block that uses it, so pieces are small.
type allocator struct{ free []uint64 }

// room returns memory for the words of one block.
func (a *allocator) room() *[blockWords]uint64 {
	if len(a.free) < blockWords {
		a.free = make([]uint64, 64*blockWords)
	}
	return (*[blockWords]uint64)(a.free)
}

// take returns the first n words of room as a slice that cannot grow in place.
func (a *allocator) take(n int) []uint64 {
	if n == 0 {
		return nil
	}
	taken := a.free[:n:n]
	a.free = a.free[n:]
	return taken
}

func (a *allocator) copy(words []uint64) []uint64 {
	copy(a.room()[:], words)
	return a.take(len(words))
}
