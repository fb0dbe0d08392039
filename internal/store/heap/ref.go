package heap

import (
	"encoding/binary"
	"fmt"
)

// Ref is the place of a stored chunk. It can be compared; the zero Ref is no place.
type Ref struct {
	File   uint64 // number of the data file
	Offset uint32 // of the chunk in it, in bytes
	Stored uint32 // bytes that the chunk takes in the file, header included
	Raw    uint32 // bytes of data
}

// IsZero reports whether the Ref is no place.
func (r Ref) IsZero() bool { return r == Ref{} }

func (r Ref) String() string { return fmt.Sprintf("chunk %d/%d", r.File, r.Offset) }

func (r Ref) end() int64 { return int64(r.Offset) + int64(r.Stored) }

// possible reports whether a chunk can be at such a place.
func (r Ref) possible() bool {
	return r.File > 0 && r.File <= maxFile && r.Offset >= headerSize &&
		r.Stored > chunkHeader && r.Stored <= maxStored && r.Raw > 0 && r.Raw <= MaxChunk
}

// Append appends the encoding of the Ref, four varints, to buf.
func (r Ref) Append(buf []byte) []byte {
	buf = binary.AppendUvarint(buf, r.File)
	buf = binary.AppendUvarint(buf, uint64(r.Offset))
	buf = binary.AppendUvarint(buf, uint64(r.Stored))
	return binary.AppendUvarint(buf, uint64(r.Raw))
}

// DecodeRef decodes a Ref from the beginning of buf and returns how many bytes it took,
// or 0 if there is none. What it returns may be a place where no chunk can be; Use and
// Read say so.
func DecodeRef(buf []byte) (Ref, int) {
	var v [4]uint64
	at := 0
	for i := range v {
		value, n := binary.Uvarint(buf[at:])
		if n <= 0 || i > 0 && value > 1<<32-1 {
			return Ref{}, 0
		}
		v[i] = value
		at += n
	}
	return Ref{File: v[0], Offset: uint32(v[1]), Stored: uint32(v[2]), Raw: uint32(v[3])}, at
}
