package seqset

import "testing"

func fill(n, stride uint64) *Set {
	s := &Set{}
	for i := range n {
		s.Insert(i * stride)
	}
	return s
}

func benchmarkInsert(b *testing.B, stride uint64) {
	b.ReportAllocs()
	for b.Loop() {
		fill(200_000, stride)
	}
}

// Go: BenchmarkSeqSetInsertDense server/avl/seqset_test.go:482
func BenchmarkInsertDense(b *testing.B) { benchmarkInsert(b, 1) }

// Go: BenchmarkSeqSetInsertSparse server/avl/seqset_test.go:491
func BenchmarkInsertSparse(b *testing.B) { benchmarkInsert(b, 7) }

func benchmarkRange(b *testing.B, n, stride uint64) {
	s := fill(n, stride)
	for b.Loop() {
		visitAll(s)
	}
}

func visitAll(s *Set) (sum uint64) {
	s.Range(func(seq uint64) bool {
		sum += seq
		return true
	})
	return sum
}

// Go: BenchmarkSeqSetRangeDense server/avl/seqset_test.go:500
func BenchmarkRangeDense(b *testing.B) { benchmarkRange(b, 200_000, 1) }

// Go: BenchmarkSeqSetRangeSparse server/avl/seqset_test.go:512
func BenchmarkRangeSparse(b *testing.B) { benchmarkRange(b, 10_000, 211) }

func BenchmarkWordsDense(b *testing.B) {
	s := fill(200_000, 1)
	for b.Loop() {
		sumOf(s)
	}
}

func sumOf(s *Set) (sum uint64) {
	for first, word := range s.Words {
		for ; word != 0; word &= word - 1 {
			sum += first + lowest(word)
		}
	}
	return sum
}

// Go: BenchmarkSeqSetDeleteNotPresent server/avl/seqset_test.go:524
func BenchmarkDeleteNotPresent(b *testing.B) {
	s := fill(100_000, 2)
	for b.Loop() {
		for seq := uint64(1); seq < 200_000; seq += 2 {
			s.Delete(seq)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	s := fill(200_000, 7)
	buf := s.Append(nil)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		s.Append(buf[:0])
	}
}

func BenchmarkDecode(b *testing.B) {
	buf := fill(200_000, 7).Append(nil)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		if _, _, err := Decode(buf); err != nil {
			b.Fatal(err)
		}
	}
}
