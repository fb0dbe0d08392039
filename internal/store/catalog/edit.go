package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/godwit-mq/godwit/internal/varint"
)

// errEdit is returned, with details, for bytes that are not an edit.
var errEdit = errors.New("edit of the catalog is damaged")

const (
	editVersion = 1

	flagWhole      = 1 // the edit is the whole state
	flagIncomplete = 2 // what was known before may not have been everything
	knownFlags     = flagWhole | flagIncomplete
)

// An edit is what a call changes, encoded as
//
//	version 1 | flags: 1 the whole state, 2 the catalog is incomplete
//	next: numbers below it were given
//	number of assets that are new or other than before, and per asset:
//	    number | kind, and 128 if it is dropped | parent | created (zigzag)
//	    length of the account | account | length of the name | name
//	    length of the configuration | configuration
//	number of assets that are forgotten, and their numbers
//
// where numbers are varints, but for the version, the flags and the kind, which are a
// byte each.
type edit struct {
	whole, incomplete bool
	next              ID
	puts              []record
	forgotten         []ID
}

// A record is an asset with what only the catalog knows of it.
type record struct {
	Asset
	dropped bool
}

const kindDropped = 128

func (e *edit) append(buf []byte) []byte {
	flags := byte(0)
	if e.whole {
		flags |= flagWhole
	}
	if e.incomplete {
		flags |= flagIncomplete
	}
	buf = append(buf, editVersion, flags)
	buf = binary.AppendUvarint(buf, uint64(e.next))
	buf = binary.AppendUvarint(buf, uint64(len(e.puts)))
	for i := range e.puts {
		buf = e.puts[i].append(buf)
	}
	buf = binary.AppendUvarint(buf, uint64(len(e.forgotten)))
	for _, id := range e.forgotten {
		buf = binary.AppendUvarint(buf, uint64(id))
	}
	return buf
}

func (r *record) append(buf []byte) []byte {
	kind := byte(r.Kind)
	if r.dropped {
		kind |= kindDropped
	}
	buf = binary.AppendUvarint(buf, uint64(r.ID))
	buf = append(buf, kind)
	buf = binary.AppendUvarint(buf, uint64(r.Parent))
	buf = binary.AppendVarint(buf, r.Created)
	for _, part := range []string{r.Account, r.Name} {
		buf = append(binary.AppendUvarint(buf, uint64(len(part))), part...)
	}
	return append(binary.AppendUvarint(buf, uint64(len(r.Config))), r.Config...)
}

// readEdit decodes an edit, which must be all of buf. What it allocates is bounded by
// the length of buf; it keeps nothing of buf.
func readEdit(buf []byte) (edit, error) {
	if len(buf) < 2 || buf[0] != editVersion || buf[1]&^knownFlags != 0 {
		return edit{}, fmt.Errorf("%w: version", errEdit)
	}
	e := edit{whole: buf[1]&flagWhole != 0, incomplete: buf[1]&flagIncomplete != 0}
	r := reader{varint.Reader{Buf: buf[2:]}}
	e.next = r.id()
	for n := r.Count(7); n > 0 && !r.Short; n-- {
		one := r.record()
		if err := one.verify(); err != nil && !r.Short {
			return edit{}, fmt.Errorf("%w: %w", errEdit, err)
		}
		e.puts = append(e.puts, one)
	}
	for n := r.Count(1); n > 0 && !r.Short; n-- {
		e.forgotten = append(e.forgotten, r.id())
	}
	if !r.Done() {
		return edit{}, fmt.Errorf("%w: length", errEdit)
	}
	return e, nil
}

// A reader takes parts from the front of an encoded edit.
type reader struct{ varint.Reader }

// id is a number that leaves room for others.
func (r *reader) id() ID {
	return ID(r.UpTo(math.MaxInt64))
}

func (r *reader) record() (one record) {
	one.ID = r.id()
	if one.ID == 0 || len(r.Buf) == 0 {
		r.Fail()
		return one
	}
	kind := r.Buf[0]
	r.Buf = r.Buf[1:]
	one.Kind, one.dropped = Kind(kind&^kindDropped), kind&kindDropped != 0
	one.Parent = r.id()
	one.Created = r.Varint()
	one.Account, one.Name = string(r.Bytes()), string(r.Bytes())
	one.Config = append([]byte(nil), r.Bytes()...)
	return one
}
