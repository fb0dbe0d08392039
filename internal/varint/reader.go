package varint

import "encoding/binary"

// A Reader takes parts from the front of Buf.
type Reader struct {
	Buf []byte
	// Short says that something was missing or out of bounds.
	Short bool
}

// Done reports whether everything was there and nothing is left over.
func (r *Reader) Done() bool { return !r.Short && len(r.Buf) == 0 }

// Fail has the reader give nothing more. It returns 0.
func (r *Reader) Fail() uint64 {
	r.Buf, r.Short = nil, true
	return 0
}

func (r *Reader) advance(n int) bool {
	if n <= 0 || r.Short {
		r.Fail()
		return false
	}
	r.Buf = r.Buf[n:]
	return true
}

// Uvarint is an unsigned number.
func (r *Reader) Uvarint() uint64 {
	if len(r.Buf) > 0 && r.Buf[0] < 0x80 {
		v := uint64(r.Buf[0])
		r.Buf = r.Buf[1:]
		return v
	}
	v, n := binary.Uvarint(r.Buf)
	if !r.advance(n) {
		return 0
	}
	return v
}

// UpTo is an unsigned number that is not above most.
func (r *Reader) UpTo(most uint64) uint64 {
	v := r.Uvarint()
	if v > most {
		return r.Fail()
	}
	return v
}

// Varint is a signed number.
func (r *Reader) Varint() int64 {
	v, n := binary.Varint(r.Buf)
	if !r.advance(n) {
		return 0
	}
	return v
}

// Count is a number of items that have at least so many bytes each, and can be there.
func (r *Reader) Count(size int) uint64 {
	n := r.Uvarint()
	if n > uint64(len(r.Buf)/size) {
		return r.Fail()
	}
	return n
}

// Bytes are so many bytes as a number before them says.
func (r *Reader) Bytes() []byte {
	n := r.Count(1)
	b := r.Buf[:n:n]
	r.Buf = r.Buf[n:]
	return b
}

// Flag is a byte 0 or 1.
func (r *Reader) Flag() bool {
	if len(r.Buf) == 0 || r.Buf[0] > 1 {
		r.Fail()
		return false
	}
	set := r.Buf[0] == 1
	r.Buf = r.Buf[1:]
	return set
}
