package seqset

import "slices"

const shelfPages = 256

// A shelf holds pages in ascending order of their keys, which stand beside
// them so that a search touches nothing else. It is never empty.
type shelf struct {
	first uint64 // keys[0]
	pages []*page
	keys  []uint64
}

// guess returns the page of this key if no page is missing before it on the shelf,
// which is the usual case, and nil otherwise.
func (h *shelf) guess(key uint64) *page {
	if i := key - h.first; i < uint64(len(h.pages)) && h.pages[i].key == key {
		return h.pages[i]
	}
	return nil
}

// rank tells where the page of this key is, or would be, and whether it exists.
func (h *shelf) rank(key uint64) (int, bool) {
	if i := key - h.first; i < uint64(len(h.keys)) && h.keys[i] == key {
		return int(i), true
	}
	return slices.BinarySearch(h.keys, key)
}

func (h *shelf) insert(i int, p *page) {
	h.keys = slices.Insert(h.keys, i, p.key)
	h.pages = slices.Insert(h.pages, i, p)
	h.first = h.keys[0]
}

func (h *shelf) delete(i int) {
	h.keys = slices.Delete(h.keys, i, i+1)
	h.pages = slices.Delete(h.pages, i, i+1)
	if len(h.keys) > 0 {
		h.first = h.keys[0]
	}
}

// split moves the pages from i on to a new shelf.
func (h *shelf) split(i int) shelf {
	upper := shelf{first: h.keys[i], keys: slices.Clone(h.keys[i:]), pages: slices.Clone(h.pages[i:])}
	clear(h.pages[i:])
	h.keys, h.pages = h.keys[:i], h.pages[:i]
	return upper
}

// search returns the page of this key, or nil. There must be a shelf.
func (s *Set) search(key uint64) *page {
	h := &s.shelves[s.shelf(key)]
	if i, ok := h.rank(key); ok {
		return h.pages[i]
	}
	return nil
}

// shelf returns the index of the shelf that has the page of this key, or would
// have it. There must be a shelf.
func (s *Set) shelf(key uint64) int {
	low, high := 0, len(s.shelves)
	for high-low > 1 {
		if mid := (low + high) / 2; s.shelves[mid].first <= key {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// makePage returns the page of this key, which may be new and empty.
func (s *Set) makePage(key uint64) *page {
	if len(s.shelves) == 0 {
		p := newPage(key)
		s.shelves = []shelf{{first: key, keys: []uint64{key}, pages: []*page{p}}}
		return p
	}
	n := s.shelf(key)
	h := &s.shelves[n]
	i, ok := h.rank(key)
	if ok {
		return h.pages[i]
	}
	if len(h.pages) == shelfPages {
		// Where sequences ascend, a full shelf stays full and the next begins.
		at := shelfPages / 2
		if i == shelfPages && n == len(s.shelves)-1 {
			at = shelfPages - 1
		}
		s.shelves = slices.Insert(s.shelves, n+1, h.split(at))
		h = &s.shelves[n]
		if i > at {
			h, i = &s.shelves[n+1], i-at
		}
	}
	p := newPage(key)
	h.insert(i, p)
	return p
}

// dropPage removes the page of this key, which must exist.
func (s *Set) dropPage(key uint64) {
	n := s.shelf(key)
	h := &s.shelves[n]
	i, _ := h.rank(key)
	h.delete(i)
	switch {
	case len(s.shelves) == 1 && len(h.pages) == 0:
		*s = Set{}
	case len(h.pages) == 0:
		s.shelves = slices.Delete(s.shelves, n, n+1)
	case len(h.pages) <= shelfPages/4:
		s.joinShelf(n)
	}
}

// joinShelf unites shelf n with a neighbour if both together are at most half
// a shelf, so that deletions do not leave many small ones.
func (s *Set) joinShelf(n int) {
	if n == len(s.shelves)-1 {
		n--
	}
	if n < 0 {
		return
	}
	low, high := &s.shelves[n], &s.shelves[n+1]
	if len(low.pages)+len(high.pages) > shelfPages/2 {
		return
	}
	low.keys = append(low.keys, high.keys...)
	low.pages = append(low.pages, high.pages...)
	s.shelves = slices.Delete(s.shelves, n+1, n+2)
}
