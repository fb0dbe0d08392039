package websocket

import "encoding/binary"

// Opcode is the kind of a frame (RFC 6455 §5.2).
type Opcode byte

// The opcodes that are defined.
const (
	Continuation Opcode = 0
	Text         Opcode = 1
	Binary       Opcode = 2
	Close        Opcode = 8
	Ping         Opcode = 9
	Pong         Opcode = 10
)

// Control reports whether o is one of the control frames, or would be if it were
// defined.
func (o Opcode) Control() bool { return o >= Close }

const (
	finalBit = 0x80
	rsv1Bit  = 0x40
	rsv23    = 0x30
	maskBit  = 0x80

	length16 = 126 // the length follows in 2 bytes
	length64 = 127 // the length follows in 8 bytes

	// controlMax is the largest payload of a control frame.
	controlMax = 125
	// headerMax is the largest size of a frame header.
	headerMax = 2 + 8 + 4
)

// Header is what a frame says about its payload, its length aside.
type Header struct {
	Opcode     Opcode
	Final      bool
	Compressed bool // RSV1: the message is compressed; on its first frame only
	Masked     bool
	Key        [4]byte // of the mask, if Masked
}

// AppendHeader appends the header of a frame whose payload has the given length,
// in the shortest form.
func AppendHeader(dst []byte, h Header, length int) []byte {
	first := byte(h.Opcode)
	if h.Final {
		first |= finalBit
	}
	if h.Compressed {
		first |= rsv1Bit
	}
	second := byte(0)
	if h.Masked {
		second = maskBit
	}
	switch {
	case length <= controlMax:
		dst = append(dst, first, second|byte(length))
	case length <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, first, second|length16), uint16(length))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, first, second|length64), uint64(length))
	}
	if h.Masked {
		dst = append(dst, h.Key[:]...)
	}
	return dst
}

// AppendFrame appends a whole frame. The payload is copied, and masked in the
// copy if the header says so.
func AppendFrame(dst []byte, h Header, payload []byte) []byte {
	dst = AppendHeader(dst, h, len(payload))
	start := len(dst)
	dst = append(dst, payload...)
	if h.Masked {
		applyMask(dst[start:], keyOf(h))
	}
	return dst
}

// keyOf is the key as applyMask wants it.
func keyOf(h Header) uint32 { return binary.LittleEndian.Uint32(h.Key[:]) }
