package seqset

import (
	"math/bits"
	"slices"
)

const (
	pageBlocks = 64
	pageShift  = blockShift + 6
)

// A page holds 64 blocks. Bit i of present tells that block i exists; blocks
// has those that exist, in order, and none of them is empty between calls of
// the set's methods.
type page struct {
	key     uint64 // offset of its first sequence in the set's grid >> pageShift
	present uint64
	blocks  []block
}

// newPage makes an empty page that has room for its first block and for two
// words of it in the same piece of memory: pages of a single member are what
// a set consists of when its members are far apart.
func newPage(key uint64) *page {
	p := &struct {
		page
		blocks [1]block
		words  [2]uint64
	}{page: page{key: key}}
	p.page.blocks = p.blocks[:0:1]
	p.blocks[0].words = p.words[:0:2]
	return &p.page
}

// rank tells where block i is, or would be, and whether it exists.
func (p *page) rank(i uint64) (int, bool) {
	bit := uint64(1) << (i % pageBlocks)
	return bits.OnesCount64(p.present & (bit - 1)), p.present&bit != 0
}

// open makes block i, whose place is rank.
func (p *page) open(i uint64, rank int) *block {
	p.present |= 1 << i
	if len(p.blocks) == 0 && cap(p.blocks) == 1 {
		p.blocks = p.blocks[:1] // with the words that newPage put there
		return &p.blocks[0]
	}
	p.blocks = slices.Insert(p.blocks, rank, block{})
	return &p.blocks[rank]
}

// close drops block i, whose place is rank.
func (p *page) close(i uint64, rank int) {
	p.present &^= 1 << i
	p.blocks = slices.Delete(p.blocks, rank, rank+1)
	if n := len(p.blocks); n > 0 && n <= cap(p.blocks)/4 {
		p.blocks = append(make([]block, 0, 2*n), p.blocks...)
	}
}

func (p *page) clone(words *allocator) *page {
	c := &page{key: p.key, present: p.present, blocks: make([]block, len(p.blocks))}
	for i := range p.blocks {
		from, to := &p.blocks[i], &c.blocks[i]
		*to = *from
		to.words = words.copy(from.words)
	}
	return c
}
