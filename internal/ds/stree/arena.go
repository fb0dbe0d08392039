package stree

const (
	arenaShift = 13
	arenaWords = 1 << arenaShift // of a chunk
	arenaMask  = arenaWords - 1
	arenaMax   = leafBit >> arenaShift // chunks
)

// An arena holds the nodes, in chunks for nodes of one class. The reference of a
// node is the number of its chunk and the word in it where the node begins.
type arena struct {
	chunks [][]uint32 // there is no chunk zero, so that no node has the reference zero
	info   []arenaChunk

	open    [len(classes)]uint32 // the chunk that nodes of a class are taken from, or zero
	partial [len(classes)]uint32 // the first of a list of others that may have free nodes, or zero
	gone    []uint32             // numbers of chunks given back
}

type arenaChunk struct {
	next   uint32 // in a list of partial chunks
	listed bool   // in such a list, perhaps that of the class it had before
	class  uint8
	live   uint16 // nodes in use
	used   uint16 // words behind which no node was ever taken
	free   uint16 // 1 + first word of a free node, whose own first word goes on, or zero
}

// at returns a node with all words behind it.
func (a *arena) at(r reference) node { return a.chunks[r>>arenaShift][r&arenaMask:] }

func (a *arena) class(r reference) uint8 { return a.info[r>>arenaShift].class }

// take returns a node of a class, with any content, or false if there is no
// room.
func (a *arena) take(class uint8) (reference, bool) {
	for {
		if c := a.open[class]; c != 0 {
			if r, ok := a.takeFrom(c, classes[class]); ok {
				return r, true
			}
		}
		if c := a.partial[class]; c != 0 {
			in := &a.info[c]
			a.partial[class], in.listed = in.next, false
			if in.class == class {
				a.open[class] = c
			} else { // it was given back, and serves another class now
				a.list(c)
			}
			continue
		}
		if !a.addChunk(class) {
			return 0, false
		}
	}
}

func (a *arena) takeFrom(c uint32, size int) (reference, bool) {
	in := &a.info[c]
	if at := in.free; at != 0 {
		in.free = uint16(a.chunks[c][at-1])
		in.live++
		return reference(c<<arenaShift + uint32(at-1)), true
	}
	at := int(in.used)
	if at+size > arenaWords {
		return 0, false
	}
	if chunk := a.chunks[c]; at+size > len(chunk) {
		grown := make([]uint32, min(arenaWords, max(2*len(chunk), 2*size)))
		copy(grown, chunk)
		a.chunks[c] = grown
	}
	in.used += uint16(size)
	in.live++
	return reference(c<<arenaShift + uint32(at)), true
}

func (a *arena) addChunk(class uint8) bool {
	if n := len(a.gone); n > 0 {
		a.open[class], a.gone = a.gone[n-1], a.gone[:n-1]
		in := &a.info[a.open[class]]
		in.class, in.used, in.free = class, 0, 0
		return true
	}
	if len(a.chunks) == 0 {
		a.chunks, a.info = append(a.chunks, nil), append(a.info, arenaChunk{})
	}
	if len(a.chunks) >= arenaMax {
		return false
	}
	a.open[class] = uint32(len(a.chunks))
	a.chunks, a.info = append(a.chunks, nil), append(a.info, arenaChunk{class: class})
	return true
}

// release makes a node free.
func (a *arena) release(r reference) {
	c := uint32(r >> arenaShift)
	in := &a.info[c]
	size := classes[in.class]
	wasFull := in.free == 0 && int(in.used)+size > arenaWords
	a.at(r)[0] = uint32(in.free)
	in.free = uint16(r&arenaMask) + 1
	in.live--
	switch {
	case c == a.open[in.class]:
	case in.live == 0:
		a.chunks[c] = nil
		in.used, in.free = arenaMask, 0 // nothing can be taken from it
		a.gone = append(a.gone, c)
	case wasFull:
		a.list(c)
	}
}

// list puts a chunk into the list of those that may have free nodes.
func (a *arena) list(c uint32) {
	if in := &a.info[c]; !in.listed && c != a.open[in.class] {
		in.next, in.listed = a.partial[in.class], true
		a.partial[in.class] = c
	}
}
