package websocket

import (
	"encoding/binary"
	"math/bits"
)

// applyMask masks or unmasks data in place. The key is the four bytes of the
// frame read as little-endian; the result is the key to go on with, turned by as
// many bytes as data had. A 64-byte step keeps it near the speed of memory: a
// loop over single words takes twice as long.
func applyMask(data []byte, key uint32) uint32 {
	wide := uint64(key)<<32 | uint64(key)
	for len(data) >= 64 {
		block := (*[64]byte)(data) // constant indices need no checks of bounds
		binary.LittleEndian.PutUint64(block[0:], binary.LittleEndian.Uint64(block[0:])^wide)
		binary.LittleEndian.PutUint64(block[8:], binary.LittleEndian.Uint64(block[8:])^wide)
		binary.LittleEndian.PutUint64(block[16:], binary.LittleEndian.Uint64(block[16:])^wide)
		binary.LittleEndian.PutUint64(block[24:], binary.LittleEndian.Uint64(block[24:])^wide)
		binary.LittleEndian.PutUint64(block[32:], binary.LittleEndian.Uint64(block[32:])^wide)
		binary.LittleEndian.PutUint64(block[40:], binary.LittleEndian.Uint64(block[40:])^wide)
		binary.LittleEndian.PutUint64(block[48:], binary.LittleEndian.Uint64(block[48:])^wide)
		binary.LittleEndian.PutUint64(block[56:], binary.LittleEndian.Uint64(block[56:])^wide)
		data = data[64:]
	}
	for len(data) >= 8 {
		binary.LittleEndian.PutUint64(data, binary.LittleEndian.Uint64(data)^wide)
		data = data[8:]
	}
	for i := range data {
		data[i] ^= byte(key)
		key = bits.RotateLeft32(key, -8)
	}
	return key
}
