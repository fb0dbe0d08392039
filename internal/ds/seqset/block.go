package seqset

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

const (
	wordBits   = 64
	blockWords = 32
	blockSpan  = blockWords * wordBits // sequences in a block
	blockShift = 11

	allWords = ^uint32(0)
	fullWord = ^uint64(0)
)

// A block holds 2,048 sequences. Word i is empty if bit i is in neither mask,
// full if it is in full, and else stored: words has one element for each bit
// of mixed, in order. No stored word is empty or full, so equal blocks have
// equal fields.
type block struct {
	mixed, full uint32
	words       []uint64
}

// rank tells where the stored word with mask bit m is, or would be.
func (b *block) rank(m uint32) int { return bits.OnesCount32(b.mixed & (m - 1)) }

func (b *block) isEmpty() bool { return b.mixed|b.full == 0 }

func (b *block) word(i int) uint64 {
	m := uint32(1) << i
	switch {
	case b.mixed&m != 0:
		return b.words[b.rank(m)]
	case b.full&m != 0:
		return fullWord
	}
	return 0
}

// wordMask is the mask bit of the word that has the sequence at this offset,
// which may count from the beginning of the block or of the whole grid.
func wordMask(off uint64) uint32 { return 1 << (off / wordBits % blockWords) }

func (b *block) has(off uint64) bool {
	m := wordMask(off)
	if b.mixed&m == 0 {
		return b.full&m != 0
	}
	return b.words[b.rank(m)]>>(off%wordBits)&1 != 0
}

// insert adds the sequence at offset off and reports whether it was absent.
func (b *block) insert(off uint64) bool {
	m, bit := wordMask(off), uint64(1)<<(off%wordBits)
	if b.mixed&m == 0 {
		if b.full&m != 0 {
			return false
		}
		b.store(m, bit)
		return true
	}
	w := &b.words[b.rank(m)]
	if *w&bit != 0 {
		return false
	}
	if *w |= bit; *w == fullWord {
		b.full |= m
		b.unstore(m)
	}
	return true
}

// delete takes out the sequence at offset off and reports whether it was there.
func (b *block) delete(off uint64) bool {
	m, bit := wordMask(off), uint64(1)<<(off%wordBits)
	if b.mixed&m == 0 {
		if b.full&m == 0 {
			return false
		}
		b.full &^= m
		b.store(m, fullWord&^bit)
		return true
	}
	w := &b.words[b.rank(m)]
	if *w&bit == 0 {
		return false
	}
	if *w &^= bit; *w == 0 {
		b.unstore(m)
	}
	return true
}

// or adds the members of w to word i and returns how many were absent.
func (b *block) or(i int, w uint64) int {
	m, old := uint32(1)<<i, b.word(i)
	switch union := old | w; {
	case union == old:
	case union == fullWord:
		b.full |= m
		if b.mixed&m != 0 {
			b.unstore(m)
		}
	case b.mixed&m != 0:
		b.words[b.rank(m)] = union
	default:
		b.store(m, union)
	}
	return bits.OnesCount64(w &^ old)
}

// capacities are the sizes in which words are allocated: few enough that
// filling a block allocates rarely, and all of them sizes without slack.
var capacities = [...]int{2, 4, 16, blockWords}

func capacity(n int) int {
	for _, c := range capacities {
		if n <= c {
			return c
		}
	}
	return blockWords
}

// store makes the word with mask bit m a stored one.
func (b *block) store(m uint32, w uint64) {
	i := b.rank(m)
	b.mixed |= m
	if len(b.words) == cap(b.words) {
		b.words = append(make([]uint64, 0, capacity(len(b.words)+1)), b.words...)
	}
	b.words = append(b.words, w)
	if i < len(b.words)-1 {
		copy(b.words[i+1:], b.words[i:])
		b.words[i] = w
	}
}

// unstore drops the stored word with mask bit m.
func (b *block) unstore(m uint32) {
	i := b.rank(m)
	b.mixed &^= m
	b.words = append(b.words[:i], b.words[i+1:]...)
	if b.full == allWords {
		b.words = nil
		return
	}
	if c := capacity(2 * len(b.words)); c < cap(b.words) {
		b.words = append(make([]uint64, 0, c), b.words...)
	}
}

// min is the offset of the first member of a block that is not empty.
func (b *block) min() uint64 {
	i := bits.TrailingZeros32(b.mixed | b.full)
	return uint64(i*wordBits + bits.TrailingZeros64(b.word(i)))
}

// max is the offset of the last member of a block that is not empty.
func (b *block) max() uint64 {
	i := bits.Len32(b.mixed|b.full) - 1
	return uint64(i*wordBits + bits.Len64(b.word(i)) - 1)
}

// encode writes all words, little-endian, to out.
func (b *block) encode(to []byte) {
	out := (*[blockWords * 8]byte)(to)
	if b.mixed == allWords {
		words := (*[blockWords]uint64)(b.words)
		for i := range blockWords {
			binary.LittleEndian.PutUint64(out[i*8:i*8+8], words[i])
		}
		return
	}
	*out = [blockWords * 8]byte{}
	i := 0
	for m := b.mixed; m != 0; m &= m - 1 {
		binary.LittleEndian.PutUint64(out[bits.TrailingZeros32(m)*8:], b.words[i])
		i++
	}
	for m := b.full; m != 0; m &= m - 1 {
		binary.LittleEndian.PutUint64(out[bits.TrailingZeros32(m)*8:], fullWord)
	}
}

// decode returns the block whose words from, little-endian, begins with, and the
// number of its members.
func decode(from []byte, memory *allocator) (b block, members int) {
	in, words := (*[blockWords * 8]byte)(from), memory.room()
	plain := false // some word is empty or full
	every := fullWord
	for i := range blockWords {
		w := binary.LittleEndian.Uint64(in[i*8 : i*8+8])
		members += bits.OnesCount64(w)
		words[i] = w
		every &= w
		if w+1 <= 1 {
			plain = true
		}
	}
	if every == fullWord {
		return block{full: allWords}, members
	}
	if !plain {
		return block{mixed: allWords, words: memory.take(blockWords)}, members
	}
	n := 0
	for i, w := range words {
		if w+1 > 1 {
			words[n%blockWords] = w
			b.mixed |= 1 << i
			n++
		} else if w != 0 {
			b.full |= 1 << i
		}
	}
	b.words = memory.take(n)
	return b, members
}

// visit calls fn for all members in ascending order until it returns false.
func (b *block) visit(base uint64, fn func(uint64) bool) bool {
	stored := 0
	for some := b.mixed | b.full; some != 0; some &= some - 1 {
		first, word := base+lowest(uint64(some))*wordBits, fullWord
		if b.full&(some&-some) == 0 {
			word = b.words[stored]
			stored++
		}
		if word&(word-1) != 0 {
			if !visitWord(first, word, fn) {
				return false
			}
		} else if !fn(first + lowest(word)) {
			return false
		}
	}
	return true
}

// visitWord is a function of its own because a loop around an unknown function
// is fast only if it has few variables.
//
//go:noinline
func visitWord(first, word uint64, fn func(uint64) bool) bool {
	for ; word != 0; word &= word - 1 {
		if !fn(first + lowest(word)) {
			return false
		}
	}
	return true
}

func (b *block) equal(other *block) bool {
	return b.mixed == other.mixed && b.full == other.full && slices.Equal(b.words, other.words)
}
