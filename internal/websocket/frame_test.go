package websocket

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Control frames are exactly those with the top bit of the opcode.
//
// Go: TestWSIsControlFrame server/websocket_test.go:123
func TestOpcodeControl(t *testing.T) {
	for opcode, control := range map[Opcode]bool{
		Continuation: false, Text: false, Binary: false, Close: true, Ping: true, Pong: true,
	} {
		if opcode.Control() != control {
			t.Errorf("opcode %d: control is %v", opcode, !control)
		}
	}
}

// The length of a payload decides about the form of the header.
//
// Go: TestWSCreateFrameHeader server/websocket_test.go:227
func TestAppendHeader(t *testing.T) {
	for _, opcode := range []Opcode{Text, Binary} {
		for _, compressed := range []bool{false, true} {
			for _, length := range []int{0, 10, 125, 126, 600, 65535, 65536, 100000} {
				first := byte(opcode) | 0x80
				if compressed {
					first |= 0x40
				}
				var want []byte
				switch {
				case length < 126:
					want = []byte{first, byte(length)}
				case length < 1<<16:
					want = []byte{first, 126, byte(length >> 8), byte(length)}
				default:
					want = []byte{first, 127, 0, 0, 0, 0, 0, byte(length >> 16), byte(length >> 8), byte(length)}
				}
				h := Header{Opcode: opcode, Final: true, Compressed: compressed}
				if got := AppendHeader(nil, h, length); !bytes.Equal(got, want) {
					t.Errorf("%+v, length %d: % x, want % x", h, length, got, want)
				}
				h.Masked, h.Key = true, testKey
				want[1] |= 0x80
				want = append(want, 1, 2, 3, 4)
				if got := AppendHeader([]byte("x"), h, length); !bytes.Equal(got, append([]byte("x"), want...)) {
					t.Errorf("%+v, length %d: % x, want % x", h, length, got, want)
				}
			}
		}
	}
}

// Masking a text twice gives the text, whether at once or in parts.
//
// Go: TestWSUnmask server/websocket_test.go:149
func TestMaskInParts(t *testing.T) {
	text := []byte("this is a clear text, longer than a few machine words and than one block of sixty-four bytes as well")
	for a := 0; a <= len(text); a++ {
		for b := a; b <= len(text); b++ {
			data := bytes.Clone(text)
			slowMask(data, testKey[:], 0)
			if bytes.Equal(data, text) {
				t.Fatal("the mask does nothing")
			}
			key := binary.LittleEndian.Uint32(testKey[:])
			for _, part := range [][]byte{data[:a], data[a:b], data[b:]} {
				key = applyMask(part, key)
			}
			if !bytes.Equal(data, text) {
				t.Fatalf("cut at %d and %d: %q", a, b, data)
			}
		}
	}
}

func TestMaskProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "key"))
		turning, position := binary.LittleEndian.Uint32(key[:]), 0
		for range rapid.IntRange(1, 5).Draw(t, "parts") {
			backing := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "part")
			data := backing[rapid.IntRange(0, len(backing)).Draw(t, "offset"):]
			want := bytes.Clone(data)
			position = slowMask(want, key[:], position)
			turning = applyMask(data, turning)
			if !bytes.Equal(data, want) {
				t.Fatalf("got % x, want % x", data, want)
			}
		}
	})
}

func BenchmarkMask(b *testing.B) {
	for _, size := range []int{16, 128, 1024, 32 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			data := make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				applyMask(data, 0x04030201)
			}
		})
	}
}
