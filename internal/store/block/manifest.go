package block

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/godwit-mq/godwit/internal/store/chunked"
	"github.com/godwit-mq/godwit/internal/store/heap"
)

// errEdit is returned for an edit of a manifest that contradicts itself.
var errEdit = errors.New("edit of the stream's manifest is damaged")

// errAside is reported for a chunk that was found to be damaged before.
var errAside = errors.New("the chunk is set aside as damaged")

// errOutside is reported for a chunk that could not be read for a while, in which the
// stream has gone on without it, or that is there because an edit was lost.
var errOutside = errors.New("the chunk lies outside of the stream")

const editVersion = 1

// An edit is what a checkpoint changes in the manifest of a stream, encoded as
//
//	version 1 | 1 if the edit is the whole state, or 0
//	through, first, last, time of the last message (zigzag)
//	number of chunks that are new or other than before, and per chunk:
//	    number | 1 if it is set aside as damaged, or 0 | place | length of the sketch |
//	    sketch
//	number of chunks that are no more, and their numbers
//	number of pieces of the index of all chunks, and their places; an edit without
//	any ends the index of the one before
//
// where numbers are varints and a sketch is that of package chunked.
type edit struct {
	whole bool
	head
	puts  []put
	drops []uint64
	index []heap.Ref
}

// A head is the state of a stream beyond its messages, after the journal record
// through.
type head struct {
	through     uint64
	first, last uint64
	lastTime    int64
}

// A put is a chunk of the manifest.
type put struct {
	id     uint64
	aside  bool // it is damaged, and what is whole of it is in another chunk
	ref    heap.Ref
	sketch []byte
}

func (e *edit) append(buf []byte) []byte {
	whole := byte(0)
	if e.whole {
		whole = 1
	}
	buf = append(buf, editVersion, whole)
	buf = binary.AppendUvarint(buf, e.through)
	buf = binary.AppendUvarint(buf, e.first)
	buf = binary.AppendUvarint(buf, e.last)
	buf = binary.AppendVarint(buf, e.lastTime)
	buf = binary.AppendUvarint(buf, uint64(len(e.puts)))
	for _, p := range e.puts {
		buf = binary.AppendUvarint(buf, p.id)
		aside := byte(0)
		if p.aside {
			aside = 1
		}
		buf = append(buf, aside)
		buf = p.ref.Append(buf)
		buf = binary.AppendUvarint(buf, uint64(len(p.sketch)))
		buf = append(buf, p.sketch...)
	}
	buf = binary.AppendUvarint(buf, uint64(len(e.drops)))
	for _, id := range e.drops {
		buf = binary.AppendUvarint(buf, id)
	}
	buf = binary.AppendUvarint(buf, uint64(len(e.index)))
	for _, ref := range e.index {
		buf = ref.Append(buf)
	}
	return buf
}

// readEdit decodes an edit, which must be all of buf. Its sketches lie in buf.
func readEdit(buf []byte) (edit, error) {
	if len(buf) < 2 || buf[0] != editVersion || buf[1] > 1 {
		return edit{}, fmt.Errorf("%w: version", errEdit)
	}
	e := edit{whole: buf[1] == 1}
	r := editReader{buf: buf[2:]}
	e.through, e.first, e.last, e.lastTime = r.uvarint(), r.uvarint(), r.uvarint(), r.varint()
	for n := r.count(); n > 0 && !r.short; n-- {
		e.puts = append(e.puts, put{id: r.uvarint(), aside: r.flag(), ref: r.ref(), sketch: r.bytes()})
	}
	for n := r.count(); n > 0 && !r.short; n-- {
		e.drops = append(e.drops, r.uvarint())
	}
	for n := r.count(); n > 0 && !r.short; n-- {
		e.index = append(e.index, r.ref())
	}
	if r.short || len(r.buf) > 0 {
		return edit{}, fmt.Errorf("%w: length", errEdit)
	}
	return e, nil
}

// An editReader takes parts from the front of a buffer. Where there is none it
// returns nothing from then on.
type editReader struct {
	buf   []byte
	short bool
}

func (r *editReader) advance(n int) bool {
	if n <= 0 || r.short {
		r.buf, r.short = nil, true
		return false
	}
	r.buf = r.buf[n:]
	return true
}

func (r *editReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.buf)
	if !r.advance(n) {
		return 0
	}
	return v
}

func (r *editReader) varint() int64 {
	v, n := binary.Varint(r.buf)
	if !r.advance(n) {
		return 0
	}
	return v
}

// count is a number of things that have a byte each, at least.
func (r *editReader) count() uint64 {
	n := r.uvarint()
	if n > uint64(len(r.buf)) {
		r.advance(0)
		return 0
	}
	return n
}

// flag is a byte 0 or 1.
func (r *editReader) flag() bool {
	if len(r.buf) == 0 || r.buf[0] > 1 {
		r.advance(0)
		return false
	}
	set := r.buf[0] == 1
	r.advance(1)
	return set
}

func (r *editReader) bytes() []byte {
	n := r.count()
	b := r.buf[:n:n]
	r.buf = r.buf[n:]
	return b
}

func (r *editReader) ref() heap.Ref {
	ref, n := heap.DecodeRef(r.buf)
	if !r.advance(n) {
		return heap.Ref{}
	}
	return ref
}

// A manifest is what the edits so far say.
type manifest struct {
	head
	chunks map[uint64]put
	nextID uint64
	index  []heap.Ref // of the chunks as they are
}

// apply changes the manifest as an encoded edit says.
func (m *manifest) apply(buf []byte) error {
	e, err := readEdit(buf)
	if err != nil {
		return err
	}
	if e.whole || m.chunks == nil {
		m.chunks = make(map[uint64]put)
	}
	m.head, m.index = e.head, e.index
	for i := range e.puts {
		p := &e.puts[i]
		p.sketch = slices.Clone(p.sketch)
		m.nextID = max(m.nextID, p.id+1)
	}
	e.apply(m.chunks)
	return nil
}

// apply changes the chunks of a manifest.
func (e *edit) apply(chunks map[uint64]put) {
	for _, p := range e.puts {
		chunks[p.id] = p
	}
	for _, id := range e.drops {
		delete(chunks, id)
	}
}

// A listed chunk is one of the manifest with its first and last sequence.
type listed struct {
	put
	first, last uint64
}

// sorted returns the chunks in the order of their sequences. Those whose sketch does
// not say what these are come apart.
func (m *manifest) sorted() (good []listed, bad []put) {
	for _, p := range m.chunks {
		first, last, rest, err := chunked.ReadSketch(p.sketch)
		if err != nil || len(rest) > 0 {
			bad = append(bad, p)
			continue
		}
		good = append(good, listed{p, first, last})
	}
	slices.SortFunc(good, func(a, b listed) int {
		switch {
		case a.first < b.first:
			return -1
		case a.first > b.first:
			return 1
		}
		return 0
	})
	return good, bad
}
