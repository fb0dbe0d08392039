// Package ds_test sets the data structures of godwit beside those of the
// reference server, in one process and on the same data.
//
// Each benchmark has the variants godwit and reference; bytes/entry is the heap
// that the structure occupies after a garbage collection.
package ds_test

import (
	"math/bits"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/nats-io/nats-server/v2/server/avl"

	"github.com/godwit-mq/godwit/internal/ds/seqset"
)

// A sequenceSet is what both sets can do.
type sequenceSet interface {
	Delete(seq uint64) bool
	Range(fn func(seq uint64) bool)
}

var sequenceShapes = []struct {
	name string
	make func() []uint64
}{
	{"dense", func() []uint64 { return strided(200_000, 1) }},
	{"every7th", func() []uint64 { return strided(200_000, 7) }},
	{"every211th", func() []uint64 { return strided(10_000, 211) }},
	{"random7M", func() []uint64 { return randomSequences(1_000_000, 7_000_000) }},
	{"random1G", func() []uint64 { return randomSequences(200_000, 1_000_000_000) }},
	{"random64bit", func() []uint64 { return randomSequences(100_000, 1<<63) }},
}

func strided(n, stride uint64) []uint64 {
	seqs := make([]uint64, n)
	for i := range seqs {
		seqs[i] = uint64(i) * stride
	}
	return seqs
}

func randomSequences(n int, limit uint64) []uint64 {
	random := rand.New(rand.NewPCG(uint64(n), limit))
	seqs := make([]uint64, n)
	for i := range seqs {
		seqs[i] = random.Uint64N(limit)
	}
	return seqs
}

// heap returns the bytes that what fill makes occupies.
func heap(fill func() any) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	made := fill()
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(made)
	return float64(int64(after.HeapAlloc) - int64(before.HeapAlloc))
}

func perEntry(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/entry")
	b.ReportMetric(0, "ns/op")
}

func ourSet(seqs []uint64) *seqset.Set {
	s := &seqset.Set{}
	for _, seq := range seqs {
		s.Insert(seq)
	}
	return s
}

func referenceSet(seqs []uint64) *avl.SequenceSet {
	s := &avl.SequenceSet{}
	for _, seq := range seqs {
		s.Insert(seq)
	}
	return s
}

func eachSequenceShape(b *testing.B, run func(b *testing.B, seqs []uint64)) {
	for _, shape := range sequenceShapes {
		seqs := shape.make()
		b.Run(shape.name, func(b *testing.B) { run(b, seqs) })
	}
}

func BenchmarkSeqSetInsert(b *testing.B) {
	eachSequenceShape(b, func(b *testing.B, seqs []uint64) {
		b.Run("godwit", func(b *testing.B) {
			for b.Loop() {
				ourSet(seqs)
			}
			perEntry(b, len(seqs))
			b.ReportMetric(heap(func() any { return ourSet(seqs) })/float64(len(seqs)), "bytes/entry")
		})
		b.Run("reference", func(b *testing.B) {
			for b.Loop() {
				referenceSet(seqs)
			}
			perEntry(b, len(seqs))
			b.ReportMetric(heap(func() any { return referenceSet(seqs) })/float64(len(seqs)), "bytes/entry")
		})
	})
}

func BenchmarkSeqSetContains(b *testing.B) {
	eachSequenceShape(b, func(b *testing.B, seqs []uint64) {
		ours, theirs := ourSet(seqs), referenceSet(seqs)
		b.Run("godwit", func(b *testing.B) {
			for b.Loop() {
				for _, seq := range seqs {
					if !ours.Contains(seq) {
						b.Fatal("missing")
					}
				}
			}
			perEntry(b, len(seqs))
		})
		b.Run("reference", func(b *testing.B) {
			for b.Loop() {
				for _, seq := range seqs {
					if !theirs.Exists(seq) {
						b.Fatal("missing")
					}
				}
			}
			perEntry(b, len(seqs))
		})
	})
}

// sumOf and visitAll are functions of their own, because the body of a
// benchmark loop is not optimised as other code is.
func sumOf(s *seqset.Set) (sum uint64) {
	for first, word := range s.Words {
		for ; word != 0; word &= word - 1 {
			sum += first + uint64(bits.TrailingZeros64(word))
		}
	}
	return sum
}

func visitAll(s sequenceSet) (sum uint64) {
	s.Range(func(seq uint64) bool {
		sum += seq
		return true
	})
	return sum
}

func benchmarkRange(b *testing.B, s sequenceSet, n int) {
	for b.Loop() {
		visitAll(s)
	}
	perEntry(b, n)
}

func BenchmarkSeqSetRange(b *testing.B) {
	eachSequenceShape(b, func(b *testing.B, seqs []uint64) {
		b.Run("godwit", func(b *testing.B) { benchmarkRange(b, ourSet(seqs), len(seqs)) })
		b.Run("reference", func(b *testing.B) { benchmarkRange(b, referenceSet(seqs), len(seqs)) })
	})
}

// The fastest way through each set: godwit's is by words, the reference has one
// way only.
func BenchmarkSeqSetIterate(b *testing.B) {
	eachSequenceShape(b, func(b *testing.B, seqs []uint64) {
		b.Run("godwit", func(b *testing.B) {
			s := ourSet(seqs)
			for b.Loop() {
				sumOf(s)
			}
			perEntry(b, len(seqs))
		})
		b.Run("reference", func(b *testing.B) { benchmarkRange(b, referenceSet(seqs), len(seqs)) })
	})
}

// Each round deletes all members of a copy; copying is timed too, and small.
func BenchmarkSeqSetDelete(b *testing.B) {
	drain := func(b *testing.B, seqs []uint64, clone func() sequenceSet) {
		for b.Loop() {
			s := clone()
			for _, seq := range seqs {
				s.Delete(seq)
			}
		}
		perEntry(b, len(seqs))
	}
	eachSequenceShape(b, func(b *testing.B, seqs []uint64) {
		ours, theirs := ourSet(seqs), referenceSet(seqs)
		b.Run("godwit", func(b *testing.B) { drain(b, seqs, func() sequenceSet { return ours.Clone() }) })
		b.Run("reference", func(b *testing.B) { drain(b, seqs, func() sequenceSet { return theirs.Clone() }) })
	})
}

func BenchmarkSeqSetUnion(b *testing.B) {
	even, odd := strided(200_000, 2), strided(200_000, 3)
	b.Run("godwit", func(b *testing.B) {
		x, y := ourSet(even), ourSet(odd)
		for b.Loop() {
			seqset.Union(x, y)
		}
	})
	b.Run("reference", func(b *testing.B) {
		x, y := referenceSet(even), referenceSet(odd)
		for b.Loop() {
			avl.Union(x, y)
		}
	})
}

func BenchmarkSeqSetEncode(b *testing.B) {
	eachSequenceShape(b, func(b *testing.B, seqs []uint64) {
		ours, theirs := ourSet(seqs), referenceSet(seqs)
		b.Run("godwit", func(b *testing.B) {
			buf := ours.Append(nil)
			for b.Loop() {
				ours.Append(buf[:0])
			}
		})
		b.Run("reference", func(b *testing.B) {
			buf := theirs.Encode(nil)
			for b.Loop() {
				theirs.Encode(buf)
			}
		})
	})
}

func BenchmarkSeqSetDecode(b *testing.B) {
	eachSequenceShape(b, func(b *testing.B, seqs []uint64) {
		buf := ourSet(seqs).Append(nil)
		b.Run("godwit", func(b *testing.B) {
			for b.Loop() {
				if _, _, err := seqset.Decode(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("reference", func(b *testing.B) {
			for b.Loop() {
				if _, _, err := avl.Decode(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// What one of both encodes, the other decodes to the same members.
func TestSequenceSetsReadEachOther(t *testing.T) {
	for _, shape := range sequenceShapes {
		seqs := shape.make()
		ours, theirs := ourSet(seqs), referenceSet(seqs)
		decodedTheirs, _, err := seqset.Decode(theirs.Encode(nil))
		if err != nil || !decodedTheirs.Equal(ours) {
			t.Errorf("%s: godwit reads the reference's bytes: %v", shape.name, err)
		}
		decodedOurs, _, err := avl.Decode(ours.Append(nil))
		if err != nil || !decodedOurs.Equal(theirs) {
			t.Fatalf("%s: the reference reads godwit's bytes: %v", shape.name, err)
		}
		for _, seq := range seqs[:1000] {
			decodedOurs.Delete(seq)
			theirs.Delete(seq)
		}
		if !decodedOurs.Equal(theirs) {
			t.Errorf("%s: the decoded tree goes wrong when it changes", shape.name)
		}
	}
}
