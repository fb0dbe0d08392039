package seqset

// A blockCursor visits the blocks of a set in ascending order.
type blockCursor struct {
	set   *Set
	base  uint64 // first sequence of block
	block *block

	shelf, page int // of the page that comes next
	current     *page
	rank        int
	rest        uint64 // presence mask of the blocks of the current page still to come
}

func (s *Set) blockCursor() blockCursor { return blockCursor{set: s} }

// next moves to the next block and reports whether there is one.
func (c *blockCursor) next() bool {
	if c.rest == 0 && !c.nextPage() {
		return false
	}
	c.block = &c.current.blocks[c.rank]
	c.base = c.set.base(c.current, lowest(c.rest))
	c.rank++
	c.rest &= c.rest - 1
	return true
}

func (c *blockCursor) nextPage() bool {
	if c.set == nil || c.shelf == len(c.set.shelves) {
		return false
	}
	pages := c.set.shelves[c.shelf].pages
	c.current, c.rank = pages[c.page], 0
	c.rest = c.current.present
	if c.page++; c.page == len(pages) {
		c.shelf, c.page = c.shelf+1, 0
	}
	return true
}
