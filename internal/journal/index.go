package journal

import (
	"slices"
	"sort"
)

// index says where the records of a group are that it still needs. Sequences
// rise, gaps are possible (lost records). It is not safe for concurrent use.
type index struct {
	chunks  []*chunk // none is empty; sequences rise
	records int
}

// chunk is a run of records without gaps. Its slices grow to chunkSize and no
// further, so that no single append pays for copying a long one.
type chunk struct {
	first     uint64
	positions []Position
	sizes     []uint32 // bytes in the commit
}

const chunkSize = 256

func (c *chunk) end() uint64 { return c.first + uint64(len(c.positions)) }

// locate returns the number of chunks that begin at or before a sequence.
func (x *index) locate(sequence uint64) int {
	if n := len(x.chunks); n == 0 || x.chunks[n-1].first <= sequence {
		return n
	}
	return sort.Search(len(x.chunks), func(i int) bool { return x.chunks[i].first > sequence })
}

func (x *index) get(sequence uint64) (pos Position, size uint32, ok bool) {
	i := x.locate(sequence)
	if i == 0 || x.chunks[i-1].end() <= sequence {
		return 0, 0, false
	}
	c := x.chunks[i-1]
	return c.positions[sequence-c.first], c.sizes[sequence-c.first], true
}

// set enters a record or moves it.
func (x *index) set(sequence uint64, pos Position, size uint32) {
	i := x.locate(sequence)
	if i > 0 {
		c := x.chunks[i-1]
		if sequence < c.end() {
			c.positions[sequence-c.first], c.sizes[sequence-c.first] = pos, size
			return
		}
		if sequence == c.end() && len(c.positions) < chunkSize {
			c.positions, c.sizes = append(c.positions, pos), append(c.sizes, size)
			x.records++
			return
		}
	}
	c := &chunk{first: sequence, positions: []Position{pos}, sizes: []uint32{size}}
	x.chunks = slices.Insert(x.chunks, i, c)
	x.records++
}

// release removes all records up to a sequence, and shows each.
func (x *index) release(upTo uint64, removed func(pos Position, size uint32)) {
	whole := 0
	for _, c := range x.chunks {
		n := 0
		for n < len(c.positions) && c.first+uint64(n) <= upTo {
			removed(c.positions[n], c.sizes[n])
			n++
		}
		x.records -= n
		if n < len(c.positions) {
			c.first += uint64(n)
			c.positions, c.sizes = c.positions[n:], c.sizes[n:]
			break
		}
		whole++
	}
	if whole > 0 {
		x.chunks = slices.Delete(x.chunks, 0, whole)
	}
}

// cut removes all records above a sequence, and shows each.
func (x *index) cut(after uint64, removed func(pos Position, size uint32)) {
	for n := len(x.chunks); n > 0; n = len(x.chunks) {
		c := x.chunks[n-1]
		if c.end() <= after+1 {
			return
		}
		keep := 0
		if after >= c.first {
			keep = int(after + 1 - c.first)
		}
		for i := len(c.positions) - 1; i >= keep; i-- {
			removed(c.positions[i], c.sizes[i])
		}
		x.records -= len(c.positions) - keep
		c.positions, c.sizes = c.positions[:keep], c.sizes[:keep]
		if keep > 0 {
			return
		}
		x.chunks[n-1] = nil
		x.chunks = x.chunks[:n-1]
	}
}

// next returns the lowest sequence at or above one, and where it is.
func (x *index) next(from uint64) (sequence uint64, pos Position, size uint32, ok bool) {
	i := x.locate(from)
	if i > 0 && from < x.chunks[i-1].end() {
		i--
	}
	if i == len(x.chunks) {
		return 0, 0, 0, false
	}
	c := x.chunks[i]
	sequence = max(from, c.first)
	return sequence, c.positions[sequence-c.first], c.sizes[sequence-c.first], true
}

// last returns the highest sequence.
func (x *index) last() (uint64, bool) {
	if len(x.chunks) == 0 {
		return 0, false
	}
	return x.chunks[len(x.chunks)-1].end() - 1, true
}

// gaps shows each range of missing sequences above a floor.
func (x *index) gaps(floor uint64, missing func(first, last uint64)) {
	want := floor + 1
	for _, c := range x.chunks {
		if c.first > want {
			missing(want, c.first-1)
		}
		want = c.end()
	}
}
