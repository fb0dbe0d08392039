package stree

import "math/bits"

const (
	chunkShift = 8
	chunkItems = 1 << chunkShift
	chunkMask  = chunkItems - 1
)

// A store holds numbered items in chunks of 256.
type store[E any] struct {
	chunks [][]E
	free   [][chunkItems / 64]uint64 // items of each chunk that are not in use
	live   []uint16                  // number of those in use

	open    uint32   // the chunk that items are taken from
	partial []uint32 // other chunks that may have free items
	gone    []uint32 // numbers of chunks given back
}

// at returns item i, which must be in use. The pointer is good until the next
// take.
func (s *store[E]) at(i uint32) *E { return &s.chunks[i>>chunkShift][i&chunkMask] }

// take returns the number of an item that was not in use and is zero, or false
// if limit numbers are in use.
func (s *store[E]) take(limit uint32) (uint32, bool) {
	for {
		if int(s.open) < len(s.free) {
			if i, ok := s.takeFrom(s.open); ok {
				return i, true
			}
		}
		if n := len(s.partial); n > 0 {
			s.open, s.partial = s.partial[n-1], s.partial[:n-1]
			continue
		}
		if !s.addChunk(limit) {
			return 0, false
		}
	}
}

func (s *store[E]) takeFrom(c uint32) (uint32, bool) {
	for w, mask := range s.free[c] {
		if mask == 0 {
			continue
		}
		i := w*64 + bits.TrailingZeros64(mask)
		s.free[c][w] = mask & (mask - 1)
		s.live[c]++
		if chunk := s.chunks[c]; i >= len(chunk) {
			// Only the first chunk begins small.
			s.chunks[c] = append(make([]E, 0, min(chunkItems, 2*len(chunk))), chunk...)[:min(chunkItems, 2*len(chunk))]
		}
		return c<<chunkShift | uint32(i), true
	}
	return 0, false
}

func (s *store[E]) addChunk(limit uint32) bool {
	all := [chunkItems / 64]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
	if n := len(s.gone); n > 0 {
		s.open, s.gone = s.gone[n-1], s.gone[:n-1]
		s.chunks[s.open], s.free[s.open] = make([]E, chunkItems), all
		return true
	}
	n := len(s.chunks)
	if uint32(n) >= limit>>chunkShift {
		return false
	}
	items := chunkItems
	if n == 0 {
		items = 2
	}
	s.open = uint32(n)
	s.chunks = append(s.chunks, make([]E, items))
	s.free = append(s.free, all)
	s.live = append(s.live, 0)
	return true
}

// release makes item i free.
func (s *store[E]) release(i uint32) {
	var zero E
	*s.at(i) = zero // it may have pointers
	c := i >> chunkShift
	wasFull := s.live[c] == chunkItems
	s.live[c]--
	s.free[c][i&chunkMask/64] |= 1 << (i % 64)
	switch {
	case c == s.open:
	case s.live[c] == 0:
		s.chunks[c], s.free[c] = nil, [chunkItems / 64]uint64{}
		s.gone = append(s.gone, c)
	case wasFull:
		s.partial = append(s.partial, c)
	}
}
