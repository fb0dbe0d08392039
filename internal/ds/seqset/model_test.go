package seqset

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// check fails the test if the set's fields contradict each other.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, s *Set) {
	t.Helper()
	size, blocks := 0, 0
	var keys []uint64
	for _, h := range s.shelves {
		if len(h.keys) == 0 || len(h.keys) > shelfPages || len(h.keys) != len(h.pages) {
			t.Fatalf("shelf with %d keys and %d pages", len(h.keys), len(h.pages))
		}
		for i, p := range h.pages {
			if p.key != h.keys[i] || len(p.blocks) == 0 || bits.OnesCount64(p.present) != len(p.blocks) {
				t.Fatalf("page %d under key %d: %d blocks, mask %b", p.key, h.keys[i], len(p.blocks), p.present)
			}
			keys = append(keys, p.key)
			for j := range p.blocks {
				b := &p.blocks[j]
				if b.isEmpty() || b.mixed&b.full != 0 || bits.OnesCount32(b.mixed) != len(b.words) ||
					slices.Contains(b.words, 0) || slices.Contains(b.words, fullWord) {
					t.Fatalf("bad block %+v", *b)
				}
				size += bits.OnesCount32(b.full) * wordBits
				for _, w := range b.words {
					size += bits.OnesCount64(w)
				}
				blocks++
			}
		}
	}
	if !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) {
		t.Fatalf("pages out of order: %d", keys)
	}
	if size != s.size || blocks != s.blocks {
		t.Fatalf("size %d, counted %d; blocks %d, counted %d", s.size, size, s.blocks, blocks)
	}
}

func members(s *Set) []uint64 {
	var all []uint64
	for seq := range s.Range {
		all = append(all, seq)
	}
	return all
}

// region draws a generator of sequences that meet each other: around a few places,
// the ends of the number space and strewn over it.
func sequences() *rapid.Generator[uint64] {
	return rapid.OneOf(
		rapid.Uint64Range(0, 300),
		rapid.Uint64Range(0, 3*blockSpan),
		rapid.Uint64Range(1<<pageShift-300, 1<<pageShift+300),
		rapid.Uint64Range(1<<40, 1<<40+blockSpan),
		rapid.Uint64Range(math.MaxUint64-blockSpan, math.MaxUint64),
		rapid.Map(rapid.Uint64Range(0, 2000), func(i uint64) uint64 { return i << (pageShift + 1) }),
		rapid.Uint64(),
	)
}

// A set behaves as a map does, whatever is done to it.
func TestSetAgreesWithMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, model := &Set{}, map[uint64]bool{}
		if rapid.Bool().Draw(t, "aligned elsewhere") {
			if err := set.StartAt(rapid.Uint64().Draw(t, "start")); err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				seq := sequences().Draw(t, "seq")
				if got := set.Insert(seq); got == model[seq] {
					t.Fatalf("Insert(%d) = %v", seq, got)
				}
				model[seq] = true
			},
			"insert run": func(t *rapid.T) {
				first, n := sequences().Draw(t, "first"), rapid.IntRange(1, 300).Draw(t, "n")
				for seq := first; n > 0 && seq >= first; seq, n = seq+1, n-1 {
					set.Insert(seq)
					model[seq] = true
				}
			},
			"delete": func(t *rapid.T) {
				seq := sequences().Draw(t, "seq")
				if got := set.Delete(seq); got != model[seq] {
					t.Fatalf("Delete(%d) = %v", seq, got)
				}
				delete(model, seq)
			},
			"delete run": func(t *rapid.T) {
				first, n := sequences().Draw(t, "first"), rapid.IntRange(1, 300).Draw(t, "n")
				for seq := first; n > 0 && seq >= first; seq, n = seq+1, n-1 {
					set.Delete(seq)
					delete(model, seq)
				}
			},
			"contains": func(t *rapid.T) {
				seq := sequences().Draw(t, "seq")
				if got := set.Contains(seq); got != model[seq] {
					t.Fatalf("Contains(%d) = %v", seq, got)
				}
			},
			"encode": func(t *rapid.T) {
				decoded, n, err := Decode(set.Append(nil))
				if err != nil || n != set.EncodedLen() || !decoded.Equal(set) || !set.Equal(decoded) {
					t.Fatalf("decoded %d bytes of %d: %v", n, set.EncodedLen(), err)
				}
				check(t, decoded)
				set = decoded
			},
			"clone": func(t *rapid.T) {
				old := set
				set = set.Clone()
				old.Insert(77)
				old.Delete(88)
			},
			"": func(t *rapid.T) {
				check(t, set)
				want := make([]uint64, 0, len(model))
				for seq := range model {
					want = append(want, seq)
				}
				slices.Sort(want)
				walked := 0
				for first, word := range set.Words {
					if word == 0 || !set.Contains(first+lowest(word)) || !set.Contains(first+highest(word)) {
						t.Fatalf("word %b at %d", word, first)
					}
					walked += bits.OnesCount64(word)
				}
				if walked != len(want) {
					t.Fatalf("words have %d members, want %d", walked, len(want))
				}
				if got := members(set); !slices.Equal(got, want) || set.Len() != len(want) {
					t.Fatalf("%d members, want %d", len(got), len(want))
				}
				least, greatest := set.MinMax()
				if len(want) > 0 && (least != want[0] || greatest != want[len(want)-1]) {
					t.Fatalf("MinMax %d %d, want %d %d", least, greatest, want[0], want[len(want)-1])
				}
			},
		})
	})
}

func drawSet(t *rapid.T, label string) *Set {
	set := &Set{}
	if rapid.Bool().Draw(t, label+" aligned elsewhere") {
		_ = set.StartAt(rapid.Uint64Range(0, 5000).Draw(t, label+" start"))
	}
	for _, seq := range rapid.SliceOfN(sequences(), 0, 60).Draw(t, label) {
		for i := range uint64(seq%90 + 1) {
			set.Insert(seq + i)
		}
	}
	return set
}

// Union and Equal mean what they mean for lists of members.
func TestUnionAndEqualAgreeWithLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawSet(t, "a"), drawSet(t, "b"), drawSet(t, "c")
		all := slices.Concat(members(a), members(b), members(c))
		slices.Sort(all)
		all = slices.Compact(all)
		before := members(b)
		union := Union(a, b, c)
		check(t, union)
		if !slices.Equal(members(union), all) {
			t.Fatalf("union has %d members, want %d", union.Len(), len(all))
		}
		if !slices.Equal(members(b), before) {
			t.Fatalf("a union changed what was united")
		}
		b.Union(c, a, b)
		check(t, b)
		if !b.Equal(union) || !union.Equal(b) {
			t.Fatalf("union in place differs")
		}
		if want := slices.Equal(members(a), members(c)); a.Equal(c) != want {
			t.Fatalf("Equal is %v, want %v", !want, want)
		}
	})
}

// A tree is what an encoded set describes.
type tree struct {
	base        uint64
	height      int
	left, right *tree
}

// encodedTree rebuilds the tree of an encoded set as a reader does, by
// inserting the nodes in their order, and checks that every node says its true
// height and has subtrees whose heights differ by at most one.
func encodedTree(t *testing.T, encoded []byte) *tree {
	t.Helper()
	var root *tree
	size := nodeLen(blockWords)
	for at := headerLen; at < len(encoded); at += size {
		n := &tree{base: binary.LittleEndian.Uint64(encoded[at:]),
			height: int(binary.LittleEndian.Uint16(encoded[at+size-2:]))}
		place := &root
		for *place != nil {
			if n.base < (*place).base {
				place = &(*place).left
			} else {
				place = &(*place).right
			}
		}
		*place = n
	}
	var verify func(n *tree) int
	verify = func(n *tree) int {
		if n == nil {
			return 0
		}
		l, r := verify(n.left), verify(n.right)
		if l-r > 1 || r-l > 1 {
			t.Fatalf("node %d has subtrees of heights %d and %d", n.base, l, r)
		}
		if n.height != max(l, r)+1 {
			t.Fatalf("node %d says height %d, has %d", n.base, n.height, max(l, r)+1)
		}
		return n.height
	}
	verify(root)
	return root
}
