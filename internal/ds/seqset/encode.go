package seqset

import (
	"encoding/binary"
	"errors"
	"iter"
	"slices"
)

var (
	// ErrBadEncoding is returned for bytes that are not an encoded set.
	ErrBadEncoding = errors.New("ss: bad encoding")
	// ErrBadVersion is returned for an encoded set of an unknown version.
	ErrBadVersion = errors.New("ss: bad version")
)

// The encoded form, all integers little-endian: a header (magic byte, version
// byte, u32 number of nodes, u32 number of members) and the nodes of a binary
// search tree in pre-order, each a u64 base, its words (bit i of word w is the
// sequence base+64w+i) and the u16 height of its subtree.
const (
	magic     = 22
	version1  = 1
	version2  = 2
	headerLen = 10

	version1Words = 64
)

func nodeLen(words int) int { return 8 + words*8 + 2 }

// EncodedLen is the number of bytes that Append will add.
func (s *Set) EncodedLen() int { return headerLen + s.Blocks()*nodeLen(blockWords) }

// Append appends the encoded form, version 2, to buf and returns the extended
// buffer. Two sets with the same members and the same alignment have the same
// form.
func (s *Set) Append(buf []byte) []byte {
	buf = slices.Grow(buf, s.EncodedLen())
	out := buf[len(buf) : len(buf)+s.EncodedLen()]
	out[0], out[1] = magic, version2
	binary.LittleEndian.PutUint32(out[2:], uint32(s.Blocks()))
	binary.LittleEndian.PutUint32(out[6:], uint32(s.Len()))
	c := s.blockCursor()
	encodeTree(&c, out[headerLen:], s.Blocks())
	return buf[:len(buf)+len(out)]
}

// encodeTree writes the next n blocks as one balanced subtree and returns its
// height. The root comes first in the output but is met after its left half,
// so each block is written in passing to the place that the counts dictate.
func encodeTree(c *blockCursor, out []byte, n int) (height int) {
	if n == 0 {
		return 0
	}
	size := nodeLen(blockWords)
	left := n / 2
	height = encodeTree(c, out[size:], left)
	c.next()
	binary.LittleEndian.PutUint64(out, c.base)
	c.block.encode(out[8:])
	height = 1 + max(height, encodeTree(c, out[size*(1+left):], n-1-left))
	binary.LittleEndian.PutUint16(out[size-2:], uint16(height))
	return height
}

// Decode reads an encoded set, version 1 or 2, from the beginning of buf and
// returns it with the number of bytes read. It fails with ErrBadEncoding or
// ErrBadVersion. Members are counted anew; the number in the header must be right
// in version 1, and is only a hint in version 2, where established readers do
// not look at it.
func Decode(buf []byte) (*Set, int, error) {
	if len(buf) < headerLen || buf[0] != magic {
		return nil, 0, ErrBadEncoding
	}
	words := blockWords
	switch buf[1] {
	case version1:
		words = version1Words
	case version2:
	default:
		return nil, 0, ErrBadVersion
	}
	count := uint64(binary.LittleEndian.Uint32(buf[2:]))
	if count > uint64((len(buf)-headerLen)/nodeLen(words)) {
		return nil, 0, ErrBadEncoding
	}
	used := headerLen + int(count)*nodeLen(words)
	set, ok := decodeNodes(buf[headerLen:used], words)
	if !ok {
		return nil, 0, ErrBadEncoding
	}
	if buf[1] == version1 && uint32(set.Len()) != binary.LittleEndian.Uint32(buf[6:]) {
		return nil, 0, ErrBadEncoding
	}
	return set, used, nil
}

func decodeNodes(nodes []byte, words int) (*Set, bool) {
	size := nodeLen(words)
	b := builder{set: &Set{phase: commonPhase(nodes, size)}}
	for i := range ascending(nodes, size) {
		node := nodes[i*size:]
		base := binary.LittleEndian.Uint64(node)
		for skip := 0; skip < words; skip += blockWords {
			if !b.add(base, uint64(skip)*wordBits, node[8+8*skip:]) {
				return nil, false
			}
		}
	}
	b.flush()
	return b.set, true
}

// ascending yields the indexes of the nodes in the order of their bases, so
// that blocks are always added at the end. It is the walk that finds the order
// of a search tree in its pre-order; of anything else it finds each node once, in
// some order, which is all that the result depends on.
func ascending(nodes []byte, size int) iter.Seq[int] {
	base := func(i int) uint64 { return binary.LittleEndian.Uint64(nodes[i*size:]) }
	return func(yield func(int) bool) {
		var above []int // nodes whose left subtree may still go on
		for i := range len(nodes) / size {
			for n := len(above); n > 0 && base(above[n-1]) < base(i); n-- {
				if !yield(above[n-1]) {
					return
				}
				above = above[:n-1]
			}
			above = append(above, i)
		}
		for _, i := range slices.Backward(above) {
			if !yield(i) {
				return
			}
		}
	}
}

// commonPhase returns what all nodes have as the remainder of their base, so
// that each of them becomes one block, or zero if they differ.
func commonPhase(nodes []byte, size int) uint64 {
	if len(nodes) == 0 {
		return 0
	}
	phase := binary.LittleEndian.Uint64(nodes) % blockSpan
	for ; len(nodes) > 0; nodes = nodes[size:] {
		if binary.LittleEndian.Uint64(nodes)%blockSpan != phase {
			return 0
		}
	}
	return phase
}
