package seqset

import (
	"errors"
	"math/bits"
	"slices"
)

// ErrNotEmpty is returned where only an empty set will do.
var ErrNotEmpty = errors.New("ss: set not empty")

// A Set is a set of sequence numbers. The zero Set is empty and ready for use.
type Set struct {
	shelves []shelf // ascending
	phase   uint64  // where the grid of blocks begins, below 2,048
	size    int
	blocks  int
}

// StartAt aligns the blocks of an empty set so that one begins at first. It
// saves memory when the first sequence that will come is known. It fails with
// ErrNotEmpty if the set has members.
func (s *Set) StartAt(first uint64) error {
	if s.size > 0 {
		return ErrNotEmpty
	}
	s.phase = first % blockSpan
	return nil
}

// Insert adds seq and reports whether it was absent.
func (s *Set) Insert(seq uint64) bool {
	if seq < s.phase {
		s.realign()
	}
	off := seq - s.phase
	var p *page
	if len(s.shelves) > 0 {
		p = s.shelves[0].guess(off >> pageShift)
	}
	if p == nil {
		p = s.makePage(off >> pageShift)
	}
	i, ok := p.rank(blockIndex(off))
	if !ok {
		p.open(blockIndex(off), i)
		s.blocks++
	}
	if !p.blocks[i].insert(off) {
		return false
	}
	s.size++
	return true
}

// Delete takes seq out and reports whether it was in the set.
func (s *Set) Delete(seq uint64) bool {
	if s == nil || seq < s.phase || len(s.shelves) == 0 {
		return false
	}
	off := seq - s.phase
	p := s.find(off >> pageShift)
	if p == nil {
		return false
	}
	i, ok := p.rank(blockIndex(off))
	if !ok || !p.blocks[i].delete(off) {
		return false
	}
	s.size--
	if p.blocks[i].isEmpty() {
		s.blocks--
		if p.close(blockIndex(off), i); p.present == 0 {
			s.dropPage(p.key)
		}
	}
	return true
}

// Contains reports whether seq is in the set.
func (s *Set) Contains(seq uint64) bool {
	if s == nil || seq < s.phase || len(s.shelves) == 0 {
		return false
	}
	off := seq - s.phase
	p := s.find(off >> pageShift)
	if p == nil {
		return false
	}
	i, ok := p.rank(blockIndex(off))
	return ok && p.blocks[i].has(off)
}

// find returns the page with a number, nil if there is none. There are shelves.
func (s *Set) find(number uint64) *page {
	if p := s.shelves[0].guess(number); p != nil {
		return p
	}
	return s.search(number)
}

// Len is the number of members.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return s.size
}

// Blocks is the number of blocks of 2,048 sequences with at least one member:
// the number of nodes of the encoded form.
func (s *Set) Blocks() int {
	if s == nil {
		return 0
	}
	return s.blocks
}

// IsEmpty reports whether the set has no members.
func (s *Set) IsEmpty() bool { return s.Len() == 0 }

// Clear takes out all members, and forgets StartAt.
func (s *Set) Clear() { *s = Set{} }

// MinMax returns the least and the greatest member, or zeros for an empty set.
func (s *Set) MinMax() (least, greatest uint64) {
	if s.IsEmpty() {
		return 0, 0
	}
	p := s.shelves[0].pages[0]
	least = s.base(p, lowest(p.present)) + p.blocks[0].min()
	h := &s.shelves[len(s.shelves)-1]
	p = h.pages[len(h.pages)-1]
	greatest = s.base(p, highest(p.present)) + p.blocks[len(p.blocks)-1].max()
	return least, greatest
}

// Range calls fn for the members in ascending order until fn returns false. It
// serves in a range statement: for seq := range set.Range {...}. The set must
// not be changed meanwhile.
func (s *Set) Range(fn func(seq uint64) bool) {
	c := s.blockCursor()
	for c.next() {
		if !c.block.visit(c.base, fn) {
			return
		}
	}
}

// Words visits the members 64 at a time, for loops that must be fast: it calls
// fn in ascending order, until fn returns false, for each group of 64
// consecutive sequences that has members, with the first sequence of the group
// and a word in which bit i stands for the sequence first+i. No word is zero. The set
// must not be changed meanwhile.
func (s *Set) Words(fn func(first, word uint64) bool) {
	c := s.blockCursor()
	for c.next() {
		b, stored := c.block, c.block.words
		for some := b.mixed | b.full; some != 0; some &= some - 1 {
			w := fullWord
			if b.full&(some&-some) == 0 {
				w, stored = stored[0], stored[1:]
			}
			if !fn(c.base+lowest(uint64(some))*wordBits, w) {
				return
			}
		}
	}
}

// Clone returns an independent copy; of nil it is nil.
func (s *Set) Clone() *Set {
	if s == nil {
		return nil
	}
	c := &Set{phase: s.phase, size: s.size, blocks: s.blocks, shelves: make([]shelf, len(s.shelves))}
	var words allocator
	for i, h := range s.shelves {
		c.shelves[i] = shelf{first: h.first, keys: slices.Clone(h.keys), pages: make([]*page, len(h.pages))}
		for j, p := range h.pages {
			c.shelves[i].pages[j] = p.clone(&words)
		}
	}
	return c
}

// Equal reports whether both sets have the same members; nil is empty.
func (s *Set) Equal(other *Set) bool {
	if s.Len() != other.Len() {
		return false
	}
	if s.IsEmpty() {
		return true
	}
	if s.phase != other.phase {
		for seq := range s.Range {
			if !other.Contains(seq) {
				return false
			}
		}
		return true
	}
	if s.blocks != other.blocks {
		return false
	}
	a, b := s.blockCursor(), other.blockCursor()
	for a.next() && b.next() {
		if a.base != b.base || !a.block.equal(b.block) {
			return false
		}
	}
	return true
}

// Union adds the members of all others, which stay as they are.
func (s *Set) Union(others ...*Set) {
	for _, other := range others {
		if other == s {
			continue
		}
		if s.IsEmpty() && other.Len() > 0 {
			*s = *other.Clone()
			continue
		}
		c := other.blockCursor()
		for c.next() {
			s.merge(c.base, c.block)
		}
	}
}

// Union returns a new set with the members of all sets; of none it is nil.
func Union(sets ...*Set) *Set {
	if len(sets) == 0 {
		return nil
	}
	// Copying a set is cheaper than merging it: begin with the largest.
	largest := slices.MaxFunc(sets, func(a, b *Set) int { return a.Len() - b.Len() })
	union := largest.Clone()
	if union == nil {
		union = &Set{}
	}
	for _, set := range sets {
		if set != largest {
			union.Union(set)
		}
	}
	return union
}

// merge adds the members of a block that begins at base.
func (s *Set) merge(base uint64, b *block) {
	aligned := base >= s.phase && (base-s.phase)%wordBits == 0
	for i := range blockWords {
		w, first := b.word(i), base+uint64(i)*wordBits
		if w != 0 && aligned {
			s.or(first-s.phase, w)
			continue
		}
		for ; w != 0; w &= w - 1 {
			s.Insert(first + lowest(w))
		}
	}
}

// or adds the members of the word at the offset off of the grid, a multiple of 64.
func (s *Set) or(off, w uint64) {
	p := s.makePage(off >> pageShift)
	i, ok := p.rank(blockIndex(off))
	if !ok {
		p.open(blockIndex(off), i)
		s.blocks++
	}
	s.size += p.blocks[i].or(int(off%blockSpan/wordBits), w)
}

// realign moves all members to the grid of multiples of 2,048.
func (s *Set) realign() {
	old := *s
	*s = Set{}
	for seq := range old.Range {
		s.Insert(seq)
	}
}

// base is the first sequence of block i of a page.
func (s *Set) base(p *page, i uint64) uint64 {
	return s.phase + p.key<<pageShift + i<<blockShift
}

// blockIndex tells which block of its page has the sequence at this offset of the grid.
func blockIndex(off uint64) uint64 { return off >> blockShift % pageBlocks }

func lowest(mask uint64) uint64  { return uint64(bits.TrailingZeros64(mask)) }
func highest(mask uint64) uint64 { return uint64(bits.Len64(mask)) - 1 }
