package stree

import (
	"encoding/binary"
	"math"
)

const (
	textChunk     = 64 << 10 // bytes, except of a chunk for one record that is longer
	textUnit      = 2        // records begin at multiples
	textUnits     = textChunk / textUnit
	textChunksMax = math.MaxUint32/textUnits + 1
	recordHeader  = 2
)

// A text holds the subjects of the leaves, in records: u16 length, subject. The
// place of a record is its chunk times textUnits plus its offset in units.
type text struct {
	chunks [][]byte
	live   []int    // bytes of records in use, per chunk
	open   int      // the chunk that is written
	gone   []uint32 // numbers of chunks given back
	used   int      // bytes of records in use
	dead   int      // bytes of records that are not
}

func recordLen(subject int) int {
	return (recordHeader + subject + textUnit - 1) &^ (textUnit - 1)
}

// get returns the subject at a place.
func (t *text) get(place uint32) []byte {
	rest := t.chunks[place/textUnits][place%textUnits*textUnit:]
	end := recordHeader + int(binary.LittleEndian.Uint16(rest))
	return rest[recordHeader:end:end]
}

// add writes a record and returns its place, or false if there is no room.
func (t *text) add(subject []byte) (uint32, bool) {
	size := recordLen(len(subject))
	if len(t.chunks) == 0 || len(t.chunks[t.open])+size > textChunk {
		if !t.addChunk(size) {
			return 0, false
		}
	}
	chunk := t.chunks[t.open]
	place := uint32(t.open)*textUnits + uint32(len(chunk)/textUnit)
	chunk = binary.LittleEndian.AppendUint16(chunk, uint16(len(subject)))
	chunk = append(chunk, subject...)
	if len(chunk)%textUnit != 0 {
		chunk = append(chunk, 0)
	}
	t.chunks[t.open] = chunk
	t.live[t.open] += size
	t.used += size
	return place, true
}

func (t *text) addChunk(size int) bool {
	// The first chunk grows with its content; all others are made whole.
	room := max(textChunk, size)
	if len(t.chunks) == 0 {
		room = size
	}
	if n := len(t.gone); n > 0 {
		t.open, t.gone = int(t.gone[n-1]), t.gone[:n-1]
		t.chunks[t.open] = make([]byte, 0, room)
		return true
	}
	if len(t.chunks) >= textChunksMax {
		return false
	}
	t.open = len(t.chunks)
	t.chunks = append(t.chunks, make([]byte, 0, room))
	t.live = append(t.live, 0)
	return true
}

// remove gives up the record at a place.
func (t *text) remove(place uint32) {
	c, size := int(place/textUnits), recordLen(len(t.get(place)))
	t.live[c] -= size
	t.used -= size
	t.dead += size
	if t.live[c] == 0 {
		t.drop(c)
	}
}

// drop gives back a chunk in which no record is in use.
func (t *text) drop(c int) {
	t.dead -= len(t.chunks[c])
	if c == t.open {
		t.chunks[c] = t.chunks[c][:0]
		return
	}
	t.chunks[c] = nil
	t.gone = append(t.gone, uint32(c))
}

// tidy moves what is in use out of one chunk if more text is dead than in use. It
// offers every record, dead ones too, to move, which asks for a new place if
// the subject is in use at this one.
func (t *text) tidy(move func(subject []byte, from uint32, moved func() (uint32, bool)) bool) {
	if t.dead <= t.used || t.dead < textChunk {
		return
	}
	emptiest, share := -1, math.MaxInt
	for c, chunk := range t.chunks {
		if c != t.open && len(chunk) > 0 && t.live[c]*textChunk/len(chunk) < share {
			emptiest, share = c, t.live[c]*textChunk/len(chunk)
		}
	}
	if emptiest < 0 {
		return
	}
	chunk := t.chunks[emptiest]
	for at := 0; at < len(chunk) && t.live[emptiest] > 0; {
		n := int(binary.LittleEndian.Uint16(chunk[at:]))
		place := uint32(emptiest*textUnits + at/textUnit)
		subject := chunk[at+recordHeader : at+recordHeader+n]
		if !move(subject, place, func() (uint32, bool) {
			to, ok := t.add(subject)
			if ok {
				t.remove(place)
			}
			return to, ok
		}) {
			return // there is no room: the rest of the chunk stays
		}
		at += recordLen(n)
	}
}
