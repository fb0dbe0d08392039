package varint

import (
	"encoding/binary"
	"math"
	"testing"
)

func TestReader(t *testing.T) {
	buf := binary.AppendUvarint(nil, 1)
	buf = binary.AppendUvarint(buf, 300)
	buf = binary.AppendUvarint(buf, math.MaxUint64)
	buf = binary.AppendVarint(buf, -5)
	buf = append(buf, 1)
	buf = append(binary.AppendUvarint(buf, 3), "abc"...)
	buf = binary.AppendUvarint(buf, 7)
	r := Reader{Buf: buf}
	if r.Uvarint() != 1 || r.Uvarint() != 300 || r.Uvarint() != math.MaxUint64 || r.Varint() != -5 || !r.Flag() || string(r.Bytes()) != "abc" {
		t.Fatalf("%+v", r)
	}
	if r.Done() || r.UpTo(7) != 7 || !r.Done() {
		t.Fatalf("%+v", r)
	}
	if r.Uvarint() != 0 || !r.Short || r.Done() {
		t.Fatalf("nothing was left: %+v", r)
	}
}

// TestBounds: what is out of bounds ends the reader.
func TestBounds(t *testing.T) {
	long := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1}
	for name, read := range map[string]func(r *Reader){
		"too many items": func(r *Reader) { r.Count(1) },
		"large items":    func(r *Reader) { r.Buf = []byte{3, 1, 2, 3, 4, 5}; r.Count(2) },
		"too long":       func(r *Reader) { r.Uvarint() },
		"signed":         func(r *Reader) { r.Varint() },
		"above":          func(r *Reader) { r.Buf = []byte{9}; r.UpTo(8) },
		"flag":           func(r *Reader) { r.Buf = []byte{2, 0}; r.Flag() },
		"no flag":        func(r *Reader) { r.Buf = nil; r.Flag() },
		"bytes":          func(r *Reader) { r.Buf = []byte{2, 0}; r.Bytes() },
	} {
		r := Reader{Buf: long}
		if read(&r); !r.Short || r.Uvarint() != 0 || r.Varint() != 0 || r.Flag() || len(r.Bytes()) != 0 || r.Count(1) != 0 || r.Done() {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
