package thw

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrVersion is returned for an encoded wheel of an unknown version.
var ErrVersion = errors.New("thw: encoded version not known")

const (
	version   = 1
	headerLen = 17
	usualLen  = 9 + 5 // of an entry: a time of today, a sequence up to 34 billion
)

// Append appends the encoded wheel to buf and returns the extended buffer. The
// stamp comes back from Decode.
func (w *Wheel) Append(buf []byte, stamp uint64) []byte {
	buf = slices.Grow(buf, headerLen+w.count*usualLen)
	buf = append(buf, version)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(w.count))
	buf = binary.LittleEndian.AppendUint64(buf, stamp)
	for _, g := range w.groups {
		if g == nil {
			continue
		}
		for i := range g.slots {
			for _, c := range g.slots[i].cells {
				if c.due != g.slots[i].mark {
					buf = binary.AppendVarint(buf, c.due)
					buf = binary.AppendUvarint(buf, c.seq)
				}
			}
		}
	}
	return buf
}

// Decode returns the wheel that buf encodes, and its stamp. It fails with
// io.ErrShortBuffer if not even the header is there, with ErrVersion, with
// io.ErrUnexpectedEOF if entries are missing or not varints, and with another
// error if bytes are left over.
func Decode(buf []byte) (w *Wheel, stamp uint64, err error) {
	if len(buf) < headerLen {
		return nil, 0, io.ErrShortBuffer
	}
	if buf[0] != version {
		return nil, 0, ErrVersion
	}
	count := binary.LittleEndian.Uint64(buf[1:])
	stamp = binary.LittleEndian.Uint64(buf[9:])
	buf = buf[headerLen:]
	w = &Wheel{}
	for ; count > 0; count-- {
		due, n := binary.Varint(buf)
		if n <= 0 {
			return nil, 0, io.ErrUnexpectedEOF
		}
		seq, m := binary.Uvarint(buf[n:])
		if m <= 0 {
			return nil, 0, io.ErrUnexpectedEOF
		}
		w.Add(seq, due)
		buf = buf[n+m:]
	}
	if len(buf) > 0 {
		return nil, 0, fmt.Errorf("thw: %d bytes after the last entry", len(buf))
	}
	return w, stamp, nil
}
