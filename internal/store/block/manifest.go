package block

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/godwit-mq/godwit/internal/store/chunked"
	"github.com/godwit-mq/godwit/internal/store/heap"
	"github.com/godwit-mq/godwit/internal/varint"
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
	r := varint.Reader{Buf: buf[2:]}
	e.through, e.first, e.last, e.lastTime = r.Uvarint(), r.Uvarint(), r.Uvarint(), r.Varint()
	for n := r.Count(1); n > 0 && !r.Short; n-- {
		e.puts = append(e.puts, put{id: r.Uvarint(), aside: r.Flag(), ref: readRef(&r), sketch: r.Bytes()})
	}
	for n := r.Count(1); n > 0 && !r.Short; n-- {
		e.drops = append(e.drops, r.Uvarint())
	}
	for n := r.Count(1); n > 0 && !r.Short; n-- {
		e.index = append(e.index, readRef(&r))
	}
	if !r.Done() {
		return edit{}, fmt.Errorf("%w: length", errEdit)
	}
	return e, nil
}

// readRef reads a place.
func readRef(r *varint.Reader) heap.Ref {
	ref, n := heap.DecodeRef(r.Buf)
	if n == 0 {
		r.Fail()
		return heap.Ref{}
	}
	r.Buf = r.Buf[n:]
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
