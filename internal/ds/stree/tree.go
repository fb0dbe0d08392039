package stree

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
)

// SubjectMax is the length of the longest subject, in bytes.
const SubjectMax = math.MaxUint16

var (
	// ErrLength is returned for a subject that is empty or longer than SubjectMax.
	ErrLength = errors.New("stree: subject is empty or too long")
	// ErrFull is returned where one of the limits of a tree is reached.
	ErrFull = errors.New("stree: tree is full")
)

type leaf[T any] struct {
	place uint32 // of its subject in the text
	value T
}

// A Tree maps literal subjects to values. The zero Tree is empty and ready for
// use.
type Tree[T any] struct {
	root   reference
	size   int
	leaves store[leaf[T]]
	nodes  arena
	text   text
}

// Len is the number of subjects.
func (t *Tree[T]) Len() int {
	if t == nil {
		return 0
	}
	return t.size
}

// Clear takes out all subjects.
func (t *Tree[T]) Clear() { *t = Tree[T]{} }

func (t *Tree[T]) node(r reference) node { return t.nodes.at(r) }

func (t *Tree[T]) leaf(i uint32) *leaf[T] { return t.leaves.at(i) }

// blind returns the only leaf that can have the subject, unless the search for
// it fails on the way. There must be a root.
func (t *Tree[T]) blind(subject []byte) (leaf uint32, ok bool) {
	r := t.root
	for !r.isLeaf() {
		n := t.node(r)
		// What childFor does for most nodes and subjects stands here once more, for
		// this is the loop that finds go through.
		if offset := n.offset(); offset < len(subject) {
			if b := subject[offset]; n.groups() == 1<<(b>>5) {
				occurs := n[header]
				if occurs>>(b&31)&1 == 0 {
					return 0, false
				}
				before := bits.OnesCount32(occurs & (1<<(b&31) - 1))
				r = reference(n[header+1+int(n[0]>>endShift&1)+before])
				continue
			}
		}
		at, ok := n.childFor(subject)
		if !ok {
			return 0, false
		}
		r = reference(n[at])
	}
	return r.leaf(), true
}

// A step of a search leads from a node to one of its children.
type step struct {
	r      reference
	at     uint16 // index of the child
	offset uint16 // of the node
}

// A route is the first steps of a search from the root.
type route struct {
	steps [16]step
	n     int
}

// blindRoute is blind, and records the way. Where the search fails, it returns the
// place of a subject that has as much in common with this one as any has.
func (t *Tree[T]) blindRoute(subject []byte, way *route) (leaf uint32, ok bool, place uint32) {
	r := t.root
	for !r.isLeaf() {
		n := t.node(r)
		at, ok := n.childFor(subject)
		if !ok {
			return 0, false, n[1]
		}
		if way.n < len(way.steps) {
			way.steps[way.n] = step{r, uint16(at), uint16(n.offset())}
			way.n++
		}
		r = reference(n[at])
	}
	return r.leaf(), true, t.leaf(r.leaf()).place
}

// Find returns the value of a subject, or nil. The pointer is good until the next
// Insert or Delete.
func (t *Tree[T]) Find(subject []byte) *T {
	if t == nil || t.root == 0 {
		return nil
	}
	i, ok := t.blind(subject)
	if !ok {
		return nil
	}
	l := t.leaf(i)
	if !bytes.Equal(t.text.get(l.place), subject) {
		return nil
	}
	return &l.value
}

// Insert sets the value of a subject. If the subject was there, it returns the
// old value and true. It fails with ErrLength or ErrFull.
func (t *Tree[T]) Insert(subject []byte, value T) (old T, replaced bool, err error) {
	if len(subject) == 0 || len(subject) > SubjectMax {
		return old, false, ErrLength
	}
	if t.root == 0 {
		i, err := t.addLeaf(subject, value)
		if err == nil {
			t.root = leafReference(i)
		}
		return old, false, err
	}
	var way route
	near, found, place := t.blindRoute(subject, &way)
	other := t.text.get(place)
	common := commonPrefix(other, subject)
	if found && common == len(subject) && common == len(other) {
		l := t.leaf(near)
		old, l.value = l.value, value
		return old, true, nil
	}
	branch, otherBranch := branchOf(subject, common), branchOf(other, common)
	i, err := t.addLeaf(subject, value)
	if err != nil {
		return old, false, err
	}
	if err := t.attach(&way, subject, common, branch, otherBranch, i); err != nil {
		t.dropLeaf(i)
		return old, false, err
	}
	return old, false, nil
}

// attach puts a new leaf into the tree. Its subject has common bytes in common
// with the nearest other one, to which the way led, and then takes another branch.
func (t *Tree[T]) attach(way *route, subject []byte, common, branch, otherBranch int, leaf uint32) error {
	var parent reference
	at, r := 0, t.root
	for i := way.n - 1; i >= 0; i-- {
		if s := way.steps[i]; int(s.offset) < common {
			parent, at = s.r, int(s.at)
			r = reference(t.node(parent)[at])
			break
		}
	}
	for !r.isLeaf() {
		n := t.node(r)
		if offset := n.offset(); offset >= common {
			if offset == common {
				return t.addChild(parent, at, r, branch, leafReference(leaf))
			}
			break
		}
		parent = r
		at, _ = n.find(subject[n.offset()])
		r = reference(n[at])
	}
	var content [header + 2*2]uint32
	n := node(content[:])
	n[0], n[1] = uint32(common), t.leaf(leaf).place
	n.add(otherBranch, r, header)
	n.add(branch, leafReference(leaf), n.used())
	fork, ok := t.store(n, n.used(), n.used())
	if !ok {
		return ErrFull
	}
	t.setChild(parent, at, fork)
	return nil
}

// addChild adds a child to the node that stands at an index of its parent.
func (t *Tree[T]) addChild(parent reference, at int, r reference, branch int, child reference) error {
	n := t.node(r)
	used := n.used()
	words := n.usedWith(branch, used)
	if words <= classes[t.nodes.class(r)] {
		n.add(branch, child, used)
		return nil
	}
	wider, ok := t.store(n, used, words)
	if !ok {
		return ErrFull
	}
	t.node(wider).add(branch, child, used)
	t.nodes.release(r)
	t.setChild(parent, at, wider)
	return nil
}

// store copies a node that takes used words into one that has room for so many.
func (t *Tree[T]) store(n node, used, words int) (reference, bool) {
	r, ok := t.nodes.take(classOf[words])
	if ok {
		copy(t.node(r), n[:used])
	}
	return r, ok
}

// setChild makes a node the child at an index of its parent, or the root.
func (t *Tree[T]) setChild(parent reference, at int, child reference) {
	if parent == 0 {
		t.root = child
		return
	}
	t.node(parent)[at] = uint32(child)
}

func (t *Tree[T]) addLeaf(subject []byte, value T) (uint32, error) {
	i, ok := t.leaves.take(leavesMax)
	if !ok {
		return 0, ErrFull
	}
	place, ok := t.text.add(subject)
	if !ok {
		t.leaves.release(i)
		return 0, ErrFull
	}
	*t.leaf(i) = leaf[T]{place, value}
	t.size++
	return i, nil
}

func (t *Tree[T]) dropLeaf(i uint32) {
	t.text.remove(t.leaf(i).place)
	t.leaves.release(i)
	t.size--
}

// Delete takes a subject out and returns its value and whether it was there.
func (t *Tree[T]) Delete(subject []byte) (value T, ok bool) {
	if t == nil || t.root == 0 {
		return value, false
	}
	var few [32]step
	path, r := few[:0], t.root
	for !r.isLeaf() {
		n := t.node(r)
		at, ok := n.childFor(subject)
		if !ok {
			return value, false
		}
		path = append(path, step{r: r, at: uint16(at)})
		r = reference(n[at])
	}
	gone := r.leaf()
	l := t.leaf(gone)
	if !bytes.Equal(t.text.get(l.place), subject) {
		return value, false
	}
	value = l.value
	if len(path) == 0 {
		t.Clear()
		return value, true
	}
	last := path[len(path)-1]
	grandparent, at := step{}, 0
	if len(path) > 1 {
		grandparent = path[len(path)-2]
		at = int(grandparent.at)
	}
	place := l.place
	now, other := t.detach(last.r, int(last.at), branchOf(subject, t.node(last.r).offset()), place)
	t.setChild(grandparent.r, at, now)
	for _, s := range path[:len(path)-1] {
		if n := t.node(s.r); n[1] == place {
			n[1] = other
		}
	}
	t.dropLeaf(gone)
	t.text.tidy(t.move)
	return value, true
}

// move replaces the place of a subject, if the tree has the subject there, by a
// new one that it asks for. It reports false if there is no new one.
func (t *Tree[T]) move(subject []byte, from uint32, moved func() (uint32, bool)) bool {
	i, ok := t.blind(subject)
	if !ok || t.leaf(i).place != from {
		return true
	}
	to, ok := moved()
	if !ok {
		return false
	}
	t.leaf(i).place = to
	for r := t.root; !r.isLeaf(); {
		n := t.node(r)
		if n[1] == from {
			n[1] = to
		}
		at, _ := n.childFor(subject)
		r = reference(n[at])
	}
	return true
}

// detach takes a leaf, whose subject is at a place, out of its parent. It
// returns what now stands where the parent was, and the place of a subject below
// that.
func (t *Tree[T]) detach(parent reference, at, branch int, place uint32) (now reference, below uint32) {
	n := t.node(parent)
	children := n.children()
	sibling := reference(children[0])
	if sibling == reference(n[at]) {
		sibling = reference(children[1])
	}
	// The subject that the parent names serves, unless it is the one that goes.
	switch below = n[1]; {
	case below != place:
	case sibling.isLeaf():
		below = t.leaf(sibling.leaf()).place
	default:
		below = t.node(sibling)[1]
	}
	if len(children) == 2 {
		t.nodes.release(parent)
		return sibling, below
	}
	n.remove(branch, at)
	n[1] = below
	// Some room is left, so that a node which grows and shrinks by turns stays.
	if words := n.used() + 2; words < nodeWords && classOf[words] < t.nodes.class(parent) {
		if smaller, ok := t.store(n, words-2, words); ok {
			t.nodes.release(parent)
			return smaller, below
		}
	}
	return parent, below
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if differ := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); differ != 0 {
			return i + bits.TrailingZeros64(differ)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
