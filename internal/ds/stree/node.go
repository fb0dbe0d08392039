package stree

import "math/bits"

// A node is a run of 32-bit words:
//
//	0      offset of the byte by which its subjects differ (16 bits), the
//	       groups of 32 bytes that occur there (8 bits), whether one subject ends
//	       there (1 bit)
//	1      the place of the subject of a leaf below
//	2...   for each group that occurs, which of its bytes occur
//	...    references to the children: of the subject that ends, then in the
//	       order of the bytes
type node []uint32

// A reference names a node of the arena, or a leaf (the highest bit and its
// number), or nothing (zero).
type reference uint32

const (
	leafBit   = 1 << 31
	leavesMax = 1 << 31

	header    = 2
	nodeWords = header + 8 + 1 + 256 // of the largest node
	endShift  = 24
	endFlag   = 1 << endShift
	// end is the branch of the subject that ends at the offset of a node.
	end = -1
)

// classes are the sizes of nodes, in words. A node has at least five: two
// children, and one group or two. The largest is that of all branches.
var classes = [...]int{0, 5, 8, 14, 24, 44, 88, 168, nodeWords}

// classOf has the smallest class for a number of words.
var classOf = func() (of [nodeWords + 1]uint8) {
	class := uint8(0)
	for words := range of {
		if words > classes[class] {
			class++
		}
		of[words] = class
	}
	return of
}()

func leafReference(i uint32) reference { return reference(leafBit | i) }

func (r reference) isLeaf() bool { return r&leafBit != 0 }
func (r reference) leaf() uint32 { return uint32(r &^ leafBit) }

func (n node) offset() int    { return int(n[0] & 0xFFFF) }
func (n node) groups() uint32 { return n[0] >> 16 & 0xFF }
func (n node) hasEnd() bool   { return n[0]&endFlag != 0 }
func (n node) children() []uint32 {
	first := header + bits.OnesCount32(n.groups())
	return n[first : first+n.count()]
}

// count is the number of children.
func (n node) count() int {
	count := int(n[0] >> endShift & 1)
	for _, w := range n[header : header+bits.OnesCount32(n.groups())] {
		count += bits.OnesCount32(w)
	}
	return count
}

// find returns the index in n of the child of a byte, or of where it would be.
func (n node) find(b byte) (int, bool) {
	groups, group, bit := n.groups(), uint32(1)<<(b>>5), uint32(1)<<(b&31)
	at := header + int(n[0]>>endShift&1)
	if groups == group { // nearly always, and worth it
		return at + 1 + bits.OnesCount32(n[header]&(bit-1)), n[header]&bit != 0
	}
	i := header + bits.OnesCount32(groups&(group-1))
	at += bits.OnesCount32(groups)
	for _, w := range n[header:i] {
		at += bits.OnesCount32(w)
	}
	if groups&group == 0 {
		return at, false
	}
	return at + bits.OnesCount32(n[i]&(bit-1)), n[i]&bit != 0
}

// child is find for any branch.
func (n node) child(branch int) (int, bool) {
	if branch == end {
		return header + bits.OnesCount32(n.groups()), n.hasEnd()
	}
	return n.find(byte(branch))
}

// childFor returns the index of the child that has a subject, if any has.
func (n node) childFor(subject []byte) (int, bool) {
	at := n.offset()
	if at < len(subject) {
		return n.find(subject[at])
	}
	if at > len(subject) {
		return 0, false
	}
	return n.child(end)
}

// branchOf is the branch that a subject takes at an offset up to its length.
func branchOf(subject []byte, offset int) int {
	if offset == len(subject) {
		return end
	}
	return int(subject[offset])
}

// used is the number of words that the node takes.
func (n node) used() int { return header + bits.OnesCount32(n.groups()) + n.count() }

// usedWith is used after add.
func (n node) usedWith(branch, used int) int {
	if branch != end && n.groups()>>(branch>>5)&1 == 0 {
		return used + 2
	}
	return used + 1
}

// add adds a child to a node that takes used words. It must have room for
// usedWith.
func (n node) add(branch int, child reference, used int) {
	if branch == end {
		first := header + bits.OnesCount32(n.groups())
		copy(n[first+1:used+1], n[first:used])
		n[first] = uint32(child)
		n[0] |= endFlag
		return
	}
	at, _ := n.find(byte(branch))
	bit, group := uint32(1)<<(branch&31), uint32(1)<<(branch>>5)
	bitmap := header + bits.OnesCount32(n.groups()&(group-1))
	if n.groups()&group == 0 {
		copy(n[at+2:used+2], n[at:used])
		copy(n[bitmap+1:at+1], n[bitmap:at])
		n[0] |= group << 16
		n[bitmap] = bit
		n[at+1] = uint32(child)
		return
	}
	copy(n[at+1:used+1], n[at:used])
	n[bitmap] |= bit
	n[at] = uint32(child)
}

// remove takes out the child at index at, which a branch leads to.
func (n node) remove(branch, at int) {
	used := n.used()
	copy(n[at:used-1], n[at+1:used])
	if branch == end {
		n[0] &^= endFlag
		return
	}
	group := uint32(1) << (branch >> 5)
	bitmap := header + bits.OnesCount32(n.groups()&(group-1))
	if n[bitmap] &^= 1 << (branch & 31); n[bitmap] == 0 {
		copy(n[bitmap:used-2], n[bitmap+1:used-1])
		n[0] &^= group << 16
	}
}
