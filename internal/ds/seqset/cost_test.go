//go:build !race

package seqset

import (
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// random returns n sequences up to limit, some of them more than once.
func random(n int, limit uint64) []uint64 {
	source := rand.New(rand.NewPCG(uint64(n), limit))
	seqs := make([]uint64, n)
	for i := range seqs {
		seqs[i] = source.Uint64N(limit + 1)
	}
	return seqs
}

// inUse is the number of bytes that objects made by fill occupy.
func inUse(fill func() any) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	made := fill()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(made)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// fastest is the least of several measurements: what the work costs when
// nothing else wants the processor.
func fastest(work func()) time.Duration {
	least := time.Hour
	for range 10 {
		start := time.Now()
		work()
		least = min(least, time.Since(start))
	}
	return least
}

// Go: TestNoRaceSeqSetSizeComparison server/avl/norace_test.go:33
func TestMemoryAgainstMap(t *testing.T) {
	seqs := random(5_000_000, 7_000_000)
	set := inUse(func() any {
		s := &Set{}
		for _, seq := range seqs {
			s.Insert(seq)
		}
		return s
	})
	table := inUse(func() any {
		m := make(map[uint64]struct{}, len(seqs))
		for _, seq := range seqs {
			m[seq] = struct{}{}
		}
		return m
	})
	if set > 2<<20 || set*50 > table {
		t.Errorf("the set takes %d bytes, the map %d", set, table)
	}
}

// What lies close together or alone costs far less than a plain bitmap.
func TestMemoryOfRunsAndOfLoneMembers(t *testing.T) {
	for _, test := range []struct {
		name          string
		count, stride uint64
		bytesPerBlock int64
	}{
		{"run", 1 << 21, 1, 48},
		{"lone", 1 << 10, blockSpan, 64},
		{"ten in a block", 10 << 10, 211, 192},
	} {
		var blocks int
		got := inUse(func() any {
			s := &Set{}
			for i := range test.count {
				s.Insert(i * test.stride)
			}
			blocks = s.Blocks()
			return s
		})
		if got > int64(blocks)*test.bytesPerBlock {
			t.Errorf("%s: %d bytes for each of %d blocks", test.name, got/int64(blocks), blocks)
		}
	}
}

// Go: TestNoRaceSeqSetEncodeLarge server/avl/norace_test.go:81
func TestEncodeLarge(t *testing.T) {
	s := &Set{}
	for _, seq := range random(2_500_000, 5_000_000) {
		s.Insert(seq)
	}
	encoded := s.Append(nil)
	if took := fastest(func() { s.Append(nil) }); took > time.Millisecond {
		t.Errorf("encoding %d blocks takes %v", s.Blocks(), took)
	}
	if took := fastest(func() { _, _, _ = Decode(encoded) }); took > time.Millisecond {
		t.Errorf("decoding %d blocks takes %v", s.Blocks(), took)
	}
	decoded, n, err := Decode(encoded)
	if err != nil || n != len(encoded) || !decoded.Equal(s) {
		t.Fatalf("decoded %d of %d bytes: %v", n, len(encoded), err)
	}
	wantShape(t, decoded, s.Blocks(), s.Len())
}

// Go: TestNoRaceSeqSetRelativeSpeed server/avl/norace_test.go:122
func TestSpeedAgainstMap(t *testing.T) {
	seqs := random(1_000_000, 3_000_000)
	var s *Set
	var m map[uint64]struct{}
	insert := fastest(func() {
		s = &Set{}
		for _, seq := range seqs {
			s.Insert(seq)
		}
	})
	mapInsert := fastest(func() {
		m = make(map[uint64]struct{})
		for _, seq := range seqs {
			m[seq] = struct{}{}
		}
	})
	find := fastest(func() {
		for _, seq := range seqs {
			if !s.Contains(seq) {
				t.Fatalf("%d is missing", seq)
			}
		}
	})
	mapFind := fastest(func() {
		for _, seq := range seqs {
			if _, ok := m[seq]; !ok {
				t.Fatalf("%d is missing from the map", seq)
			}
		}
	})
	if insert > 2*mapInsert || find > 3*mapFind {
		t.Errorf("insert %v against %v, find %v against %v", insert, mapInsert, find, mapFind)
	}
	t.Logf("insert %v against %v, find %v against %v", insert, mapInsert, find, mapFind)
}
