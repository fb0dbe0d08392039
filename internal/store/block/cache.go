package block

import (
	"sync"
	"sync/atomic"

	"github.com/godwit-mq/godwit/internal/store/heap"
)

// A stored is what the engine remembers of a chunk: its number in the manifest, its
// place on the disk, and its records if they are in the cache.
type stored struct {
	id     uint64
	ref    heap.Ref // zero if it is not on the disk; changed by the owner of the stream
	cached atomic.Pointer[[]byte]
	used   atomic.Bool // since the cache looked last
	inRing bool        // guarded by cache.mu
	move   bool        // it lies in a file that is mostly empty
}

// records returns the cached records, nil if there are none.
func (s *stored) records() []byte {
	p := s.cached.Load()
	if p == nil {
		return nil
	}
	if !s.used.Load() {
		s.used.Store(true)
	}
	return *p
}

// A cache bounds the memory for records of chunks that are on the disk, for all
// streams of a node: what was not used for one round goes. Any goroutine may use it.
type cache struct {
	most int64

	mu    sync.Mutex
	ring  []*stored
	hand  int
	bytes int64
	empty int // in the ring, without records
}

// add puts in the records of a chunk, unless they are there, and returns those that
// are.
func (c *cache) add(s *stored, records []byte) []byte {
	if !s.cached.CompareAndSwap(nil, &records) {
		if there := s.records(); there != nil {
			return there
		}
		return records
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.used.Store(true) // else the newest would be the first to go
	c.bytes += int64(len(records))
	if s.inRing {
		c.empty--
	} else {
		s.inRing, c.ring = true, append(c.ring, s)
	}
	for c.bytes > c.most && len(c.ring) > 1 {
		c.evict()
	}
	return records
}

// evict moves the hand by one chunk, which goes if it was not used.
func (c *cache) evict() {
	if c.hand >= len(c.ring) {
		c.hand = 0
	}
	s := c.ring[c.hand]
	if s.used.Swap(false) {
		c.hand++
		return
	}
	c.take(c.hand)
}

func (c *cache) take(i int) {
	s := c.ring[i]
	if p := s.cached.Swap(nil); p != nil {
		c.bytes -= int64(len(*p))
	} else {
		c.empty--
	}
	s.inRing = false
	last := len(c.ring) - 1
	c.ring[i], c.ring[last] = c.ring[last], nil
	c.ring = c.ring[:last]
}

// replace puts in the records of a chunk that is not what it was.
func (c *cache) replace(s *stored, records []byte) {
	c.forget(s)
	c.add(s, records)
}

// forget takes out the records of a chunk.
func (c *cache) forget(s *stored) {
	if s.cached.Load() == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := s.cached.Swap(nil); p != nil {
		// The place in the ring stays until the hand comes by, or too many are empty.
		c.bytes -= int64(len(*p))
		c.empty++
	}
	if c.empty > len(c.ring)/2+emptyMost {
		c.tidy()
	}
}

// emptyMost is how many empty places of the ring do no harm.
const emptyMost = 64

// tidy takes the empty places out of the ring.
func (c *cache) tidy() {
	for i := len(c.ring) - 1; i >= 0; i-- {
		if c.ring[i].cached.Load() == nil {
			c.take(i)
		}
	}
}
