package block

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/chunked"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// inMemory is how many bytes of records streams have in memory: in the cache, and of
// chunks that are not as they are on the disk.
func inMemory(streams ...*Stream) (cached, held int64) {
	for _, s := range streams {
		s.Chunks(func(c *chunked.Chunk) bool {
			if st, ok := c.Kept.(*stored); ok {
				cached += int64(len(st.records()))
			}
			if c.Holds() {
				held += int64(c.Len())
			}
			return true
		})
	}
	return cached, held
}

// TestCacheIsBounded: what streams have in memory of messages that are on the disk is not
// more than CacheBytes, all of them together, whoever reads.
func TestCacheIsBounded(t *testing.T) {
	o := small()
	o.CacheBytes = 40_000
	n := openNode(t, faulty.New(1), o)
	var streams []*Stream
	for id := range ID(4) {
		s, err := n.CreateStream(id+1, ten)
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, s)
	}
	for round := range 20 {
		for _, s := range streams {
			fill(t, s, 50)
			if round%5 == 0 {
				erase(t, s, s.State().LastSequence/2)
			}
			checkpoint(t, s)
		}
		cached, held := inMemory(streams...)
		if cached > o.CacheBytes || held > 0 || n.cache.bytes != cached {
			t.Fatalf("round %d: %d bytes in the cache, which counts %d, %d elsewhere", round, cached, n.cache.bytes, held)
		}
	}
	var readers sync.WaitGroup
	for i, s := range streams {
		for k := range uint64(2) {
			readers.Go(func() {
				random := rand.New(rand.NewPCG(uint64(i), k))
				for range 500 {
					var m store.Message
					if err := s.Load(1+random.Uint64N(1000), &m); err != nil && err != store.ErrNotFound {
						t.Error(err)
						return
					}
					n.cache.mu.Lock()
					if n.cache.bytes > o.CacheBytes {
						t.Errorf("%d bytes in the cache", n.cache.bytes)
					}
					n.cache.mu.Unlock()
				}
			})
		}
	}
	readers.Wait()
	if cached, held := inMemory(streams...); cached > o.CacheBytes || cached < o.CacheBytes/2 || held > 0 || n.cache.bytes != cached {
		t.Fatalf("after reading: %d bytes in the cache, which counts %d, %d elsewhere", cached, n.cache.bytes, held)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCacheForgetsChunksThatWent: a stream that loses its oldest messages as fast as it
// gets new ones leaves nothing behind in a cache that never fills up.
func TestCacheForgetsChunksThatWent(t *testing.T) {
	o := small()
	o.CacheBytes = 1 << 20
	n := openNode(t, faulty.New(1), o)
	s, err := n.CreateStream(7, StreamOptions{Options: store.Options{Limits: store.Limits{MaxMessages: 100}}, FileSize: 64 << 10, ChunkSize: 2000})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		fill(t, s, 50)
		checkpoint(t, s)
		if found := len(n.cache.ring); found > 3*emptyMost {
			t.Fatalf("the cache remembers %d chunks of about 11", found)
		}
	}
	if cached, _ := inMemory(s); cached == 0 || cached != n.cache.bytes {
		t.Errorf("%d bytes in the cache, which counts %d", cached, n.cache.bytes)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSmallChunksInTheCacheAreSmall: a chunk of a few bytes does not keep the memory in
// which it could have grown, which the cache would not count.
func TestSmallChunksInTheCacheAreSmall(t *testing.T) {
	const streams = 300
	disk := faulty.New(1)
	n := openNode(t, disk, Options{Journal: small().Journal})
	o := StreamOptions{FileSize: 64 << 10}
	for id := range ID(streams) {
		s, err := n.CreateStream(id+1, o)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, s, 1)
		checkpoint(t, s)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = openNode(t, disk, Options{Journal: small().Journal})
	before := memoryInUse()
	list := make([]*Stream, streams)
	for i := range list {
		s, err := n.LoadStream(ID(i+1), o)
		if err != nil {
			t.Fatal(err)
		}
		list[i] = s
	}
	if err := n.Recover(); err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		fill(t, s, 1)
		checkpoint(t, s)
	}
	if used := memoryInUse() - before; used > streams*30<<10 {
		t.Errorf("%d bytes for a stream of two messages, %d are in the cache", used/streams, n.cache.bytes)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(list)
}

func memoryInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
