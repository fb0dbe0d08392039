package seqset

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func of(seqs ...uint64) *Set {
	s := &Set{}
	for _, seq := range seqs {
		s.Insert(seq)
	}
	return s
}

func wantShape(t *testing.T, s *Set, blocks, size int) {
	t.Helper()
	check(t, s)
	if s.Blocks() != blocks || s.Len() != size {
		t.Fatalf("%d blocks and %d members, want %d and %d", s.Blocks(), s.Len(), blocks, size)
	}
}

func shuffled(n int) []uint64 {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	seqs := make([]uint64, n)
	for i, j := range random.Perm(n) {
		seqs[i] = uint64(j)
	}
	return seqs
}

// Go: TestSeqSetBasics server/avl/seqset_test.go:23
func TestInsertTwiceCountsOnce(t *testing.T) {
	s := &Set{}
	for _, seq := range []uint64{22, 222, 2000, 2, 2, 4} {
		s.Insert(seq)
		if !s.Contains(seq) {
			t.Fatalf("%d is missing", seq)
		}
	}
	wantShape(t, s, 1, 5)
	if root := encodedTree(t, s.Append(nil)); root.height != 1 || root.left != nil || root.right != nil {
		t.Fatalf("one block is not a single node: %+v", root)
	}
}

// The order of insertion leaves no trace: the encoded tree is balanced.
//
// Go: TestSeqSetLeftLean server/avl/seqset_test.go:39
// Go: TestSeqSetRightLean server/avl/seqset_test.go:53
func TestEncodedTreeIsBalanced(t *testing.T) {
	falling, rising := &Set{}, &Set{}
	for seq := uint64(4 * blockSpan); seq > 0; seq-- {
		falling.Insert(seq)
	}
	for seq := range uint64(4 * blockSpan) {
		rising.Insert(seq)
	}
	wantShape(t, falling, 5, 4*blockSpan)
	wantShape(t, rising, 4, 4*blockSpan)
	for _, s := range []*Set{falling, rising} {
		if root := encodedTree(t, s.Append(nil)); root.height != 3 || root.left == nil || root.right == nil {
			t.Fatalf("tree of %d nodes has root %+v", s.Blocks(), root)
		}
	}
}

// Go: TestSeqSetCorrectness server/avl/seqset_test.go:67
func TestContainsExactlyWhatWasInserted(t *testing.T) {
	const count, limit = 100_000, 500_000
	random := rand.New(rand.NewPCG(2, 3))
	model, s := map[uint64]bool{}, &Set{}
	for range count {
		seq := random.Uint64N(limit + 1)
		s.Insert(seq)
		model[seq] = true
	}
	for seq := range uint64(limit + 1) {
		if s.Contains(seq) != model[seq] {
			t.Fatalf("Contains(%d) = %v", seq, !model[seq])
		}
	}
	wantShape(t, s, limit/blockSpan+1, len(model))
}

// Go: TestSeqSetRange server/avl/seqset_test.go:86
func TestRangeAscendsAndStops(t *testing.T) {
	seqs := shuffled(2*blockSpan + 22)
	s := of(seqs...)
	slices.Sort(seqs)
	if got := members(s); !slices.Equal(got, seqs) {
		t.Fatalf("visited %d members, want %d in order", len(got), len(seqs))
	}
	var got []uint64
	s.Range(func(seq uint64) bool {
		if seq < 10 {
			got = append(got, seq)
		}
		return seq < 10
	})
	if !slices.Equal(got, seqs[:10]) {
		t.Fatalf("visited %d", got)
	}
}

// Go: TestSeqSetRangeSparse server/avl/seqset_test.go:454
func TestRangeOverGapsAndBorders(t *testing.T) {
	seqs := []uint64{0, 1, 63, 64, 127, 128, 2047, 2048, 4095, 4096, 100_000, 1_000_000}
	s := of(seqs...)
	if got := members(s); !slices.Equal(got, seqs) {
		t.Fatalf("visited %d, want %d", got, seqs)
	}
	var got []uint64
	for seq := range s.Range {
		if got = append(got, seq); seq == 64 {
			break
		}
	}
	if !slices.Equal(got, seqs[:4]) {
		t.Fatalf("stopped after %d", got)
	}
}

// Go: TestSeqSetDelete server/avl/seqset_test.go:124
func TestDeleteAllLeavesNothing(t *testing.T) {
	seqs := []uint64{22, 222, 2222, 2, 2, 4}
	s := of(seqs...)
	for _, seq := range seqs {
		s.Delete(seq)
		if s.Contains(seq) {
			t.Fatalf("%d is still there", seq)
		}
	}
	wantShape(t, s, 0, 0)
	if !s.IsEmpty() || s.shelves != nil {
		t.Fatalf("memory is kept: %+v", s)
	}
}

// Go: TestSeqSetInsertAndDeletePedantic server/avl/seqset_test.go:140
func TestBalancedAndSoundAtEveryStep(t *testing.T) {
	seqs := shuffled(50*blockSpan + 22)
	s := &Set{}
	// The whole check costs as much as the set is large: it is made at every
	// 512th step, and at every step that changes the number of blocks.
	verify := func(step, blocks int) {
		t.Helper()
		if step%512 == 0 || s.Blocks() != blocks {
			check(t, s)
			encodedTree(t, s.Append(nil))
		}
	}
	for i, seq := range seqs {
		blocks := s.Blocks()
		s.Insert(seq)
		verify(i, blocks)
	}
	wantShape(t, s, 51, len(seqs))
	for i, seq := range seqs {
		blocks := s.Blocks()
		s.Delete(seq)
		verify(i, blocks)
		if s.Contains(seq) || s.Len() != len(seqs)-1-i {
			t.Fatalf("after deletion of %d: %d members", seq, s.Len())
		}
	}
	wantShape(t, s, 0, 0)
}

// Go: TestSeqSetInsertExistingNodeFastPath server/avl/seqset_test.go:374
func TestInsertIntoExistingBlocksKeepsShape(t *testing.T) {
	s := &Set{}
	for seq := uint64(0); seq < 8*blockSpan; seq += 2 {
		s.Insert(seq)
	}
	wantShape(t, s, 8, 4*blockSpan)
	for seq := uint64(1); seq < 8*blockSpan; seq += 2 {
		if !s.Insert(seq) || !s.Contains(seq) {
			t.Fatalf("%d was not inserted", seq)
		}
	}
	wantShape(t, s, 8, 8*blockSpan)
	for seq := range uint64(8 * blockSpan) {
		if s.Insert(seq) {
			t.Fatalf("%d was inserted twice", seq)
		}
	}
	wantShape(t, s, 8, 8*blockSpan)
	encodedTree(t, s.Append(nil))
}

// Go: TestSeqSetInsertUnalignedBase server/avl/seqset_test.go:408
func TestStartAtAlignsBlocks(t *testing.T) {
	s := &Set{}
	if err := s.StartAt(1000); err != nil {
		t.Fatal(err)
	}
	for _, seq := range []uint64{1000, 1001, 1000 + blockSpan - 1} {
		s.Insert(seq)
		if !s.Contains(seq) {
			t.Fatalf("%d is missing", seq)
		}
	}
	wantShape(t, s, 1, 3)
	s.Insert(1000 + blockSpan)
	wantShape(t, s, 2, 4)
	if err := s.StartAt(7); err != ErrNotEmpty {
		t.Fatalf("StartAt of a set with members: %v", err)
	}
	// A sequence before the grid moves all members to the usual one.
	s.Insert(999)
	wantShape(t, s, 2, 5)
	if got := members(s); !slices.Equal(got, []uint64{999, 1000, 1001, 3047, 3048}) {
		t.Fatalf("members %d", got)
	}
}

// Go: TestSeqSetFirst server/avl/seqset_test.go:281
func TestBeginningOfFirstBlock(t *testing.T) {
	for _, seq := range []uint64{22, 222, 2222, 222_222} {
		s := of(seq)
		if root := encodedTree(t, s.Append(nil)); root.base != seq/blockSpan*blockSpan {
			t.Fatalf("block of %d begins at %d", seq, root.base)
		}
		s.Clear()
		if err := s.StartAt(seq); err != nil {
			t.Fatal(err)
		}
		s.Insert(seq)
		if root := encodedTree(t, s.Append(nil)); root.base != seq {
			t.Fatalf("block of a set that starts at %d begins at %d", seq, root.base)
		}
	}
}

// Go: TestSeqSetDeleteNotPresent server/avl/seqset_test.go:427
func TestDeleteOfAbsentChangesNothing(t *testing.T) {
	seqs := []uint64{22, 222, 2222, 222_222}
	s := of(seqs...)
	for _, seq := range []uint64{0, 23, 2223, 5000, 100_000, 999_999} {
		if s.Delete(seq) {
			t.Fatalf("%d was deleted", seq)
		}
	}
	wantShape(t, s, 3, 4)
	for _, seq := range seqs {
		if !s.Contains(seq) || !s.Delete(seq) {
			t.Fatalf("%d was missing", seq)
		}
	}
	wantShape(t, s, 0, 0)
}

// Go: TestSeqSetMinMax server/avl/seqset_test.go:182
func TestMinMax(t *testing.T) {
	for _, test := range []struct {
		seqs            []uint64
		least, greatest uint64
	}{
		{nil, 0, 0},
		{[]uint64{22, 222, 2222, 2, 2, 4}, 2, 2222},
		{shuffled(22*blockSpan + 22), 0, 22*blockSpan + 21},
	} {
		least, greatest := of(test.seqs...).MinMax()
		if least != test.least || greatest != test.greatest {
			t.Errorf("MinMax of %d sequences is %d, %d", len(test.seqs), least, greatest)
		}
	}
}

// Go: TestSeqSetClone server/avl/seqset_test.go:211
func TestCloneIsIndependent(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 5))
	s := &Set{}
	for range 100_000 {
		s.Insert(random.Uint64N(500_001))
	}
	c := s.Clone()
	check(t, c)
	if c.Len() != s.Len() || c.Blocks() != s.Blocks() || !c.Equal(s) {
		t.Fatalf("clone differs")
	}
	before := members(s)
	for seq := range uint64(500_001) {
		c.Insert(seq)
	}
	if !slices.Equal(members(s), before) {
		t.Fatalf("a change of the clone shows in the original")
	}
}

// Go: TestSeqSetEqual server/avl/seqset_test.go:226
func TestEqual(t *testing.T) {
	var none *Set
	elsewhere := &Set{}
	_ = elsewhere.StartAt(3)
	for _, seq := range []uint64{5, 1 << 20, 3} {
		elsewhere.Insert(seq)
	}
	for _, test := range []struct {
		name string
		a, b *Set
		want bool
	}{
		{"empty", &Set{}, &Set{}, true},
		{"nil and empty", none, &Set{}, true},
		{"nil", none, none, true},
		{"nil and some", none, of(1), false},
		{"same ends and size", of(1, 3, 5), of(1, 4, 5), false},
		{"other order", of(1, 3, 5), of(5, 1, 3), true},
		{"one more", of(1, 3, 5), of(1, 3, 5, 7), false},
		{"other block", of(1, 3), of(1, 3+blockSpan), false},
		{"other alignment", of(3, 5, 1<<20), elsewhere, true},
		{"other alignment and member", of(3, 6, 1<<20), elsewhere, false},
	} {
		if test.a.Equal(test.b) != test.want || test.b.Equal(test.a) != test.want {
			t.Errorf("%s: want %v", test.name, test.want)
		}
	}
}

// Go: TestSeqSetUnion server/avl/seqset_test.go:259
// Go: TestSeqSetDistinctUnion server/avl/seqset_test.go:299
func TestUnion(t *testing.T) {
	for _, test := range []struct {
		a, b []uint64
		size int
	}{
		{[]uint64{22, 222, 2222, 2, 2, 4}, []uint64{33, 333, 3333, 3, 33_333, 333_333}, 11},
		{[]uint64{1, 10, 100, 200}, []uint64{5000, 6100, 6200, 6222}, 8},
	} {
		a, b := of(test.a...), of(test.b...)
		all := Union(a, b)
		a.Union(b)
		for _, s := range []*Set{all, a} {
			check(t, s)
			if s.Len() != test.size {
				t.Fatalf("union has %d members, want %d", s.Len(), test.size)
			}
			for _, seq := range slices.Concat(test.a, test.b) {
				if !s.Contains(seq) {
					t.Fatalf("%d is missing", seq)
				}
			}
		}
	}
	if Union() != nil || Union(nil).Len() != 0 || Union(nil, of(4)).Len() != 1 {
		t.Fatalf("unions of nothing")
	}
}

// A nil set reads as an empty one.
func TestNilSet(t *testing.T) {
	var s *Set
	least, greatest := s.MinMax()
	if s.Len() != 0 || !s.IsEmpty() || s.Contains(1) || s.Delete(1) || s.Clone() != nil || least+greatest != 0 ||
		s.Blocks() != 0 || len(members(s)) != 0 || len(s.Append(nil)) != headerLen {
		t.Fatalf("a nil set is not empty")
	}
}

// Members strewn over the whole space make many shelves, and these vanish
// again.
func TestManyShelves(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 7))
	s, seqs := &Set{}, make([]uint64, 20_000)
	for i := range seqs {
		seqs[i] = random.Uint64()
		s.Insert(seqs[i])
	}
	check(t, s)
	if len(s.shelves) < 20_000/shelfPages {
		t.Fatalf("%d shelves", len(s.shelves))
	}
	for i, seq := range seqs {
		if !s.Delete(seq) {
			t.Fatalf("%d is missing", seq)
		}
		if i%1000 == 0 {
			check(t, s)
			if limit := 8*len(seqs)/shelfPages + 1; len(s.shelves) > limit {
				t.Fatalf("%d shelves for %d members", len(s.shelves), s.Len())
			}
		}
	}
	wantShape(t, s, 0, 0)
}
