package heap

import (
	"crypto/cipher"
	"hash/crc32"
	"slices"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/klauspost/compress/s2"
)

// codec writes and reads the chunks of one data file.
type codec struct {
	seed uint32
	aead cipher.AEAD // nil: not encrypted, or the key is not known
}

// direct is the length from which on plain data is not copied to be written.
const direct = 256 << 10

// encode appends a chunk to buf. Large data that needs no change is not copied: then
// tail is the data, to be written behind the rest.
func (c codec) encode(buf []byte, offset uint32, key uint64, data []byte, compression Compression) (_ []byte, stored int, tail []byte) {
	at, start := len(buf), len(buf)+chunkHeader
	buf = slices.Grow(buf, chunkHeader)[:start]
	flags, body := byte(0), data
	if compression == S2 {
		most := s2.MaxEncodedLen(len(data))
		buf = slices.Grow(buf, most)
		if packed := s2.Encode(buf[start:start+most], data); len(packed) < len(data) {
			flags, body = flagCompressed, packed
		}
	}
	length := len(body)
	if c.aead != nil {
		flags |= flagEncrypted
		length += c.aead.Overhead()
	}
	head := buf[at:start]
	copy(head, chunkMagic)
	head[3] = flags
	le.PutUint32(head[4:], offset)
	le.PutUint64(head[8:], key)
	le.PutUint32(head[16:], uint32(len(data)))
	le.PutUint32(head[20:], uint32(length))
	switch {
	case c.aead != nil:
		buf = slices.Grow(buf, length)
		nonce := chunkNonce(offset)
		// The packed body lies where the sealed one goes, which an AEAD allows.
		buf = c.aead.Seal(buf, nonce[:], body, buf[at:at+24])
		body = buf[start:]
	case flags == 0 && length >= direct:
		tail = data
	default:
		buf = append(buf, body...)
		body = buf[start:]
	}
	head = buf[at:start]
	le.PutUint32(head[24:], crc32.Update(crc32.Update(c.seed, castagnoli, head[:24]), castagnoli, body))
	le.PutUint32(head[28:], crc32.Update(c.seed, castagnoli, head[:28]))
	return buf, chunkHeader + length, tail
}

func chunkNonce(offset uint32) (n [seal.NonceSize]byte) {
	le.PutUint32(n[:], offset)
	return n
}

// chunkHead is what the header of a chunk says.
type chunkHead struct {
	flags  byte
	key    uint64
	raw    uint32
	stored uint32 // with the header
}

// parse reads the header at the beginning of p, which must be that of a chunk at this
// offset.
func (c codec) parse(p []byte, offset uint32) (chunkHead, bool) {
	if len(p) < chunkHeader || string(p[:3]) != chunkMagic || le.Uint32(p[4:]) != offset ||
		le.Uint32(p[28:]) != crc32.Update(c.seed, castagnoli, p[:28]) {
		return chunkHead{}, false
	}
	h := chunkHead{flags: p[3], key: le.Uint64(p[8:]), raw: le.Uint32(p[16:])}
	length := le.Uint32(p[20:])
	h.stored = chunkHeader + length
	known := h.flags&^(flagCompressed|flagEncrypted) == 0
	return h, known && h.raw > 0 && h.raw <= MaxChunk && length > 0 && length <= maxStored-chunkHeader
}

// summed reports whether the body of a complete chunk is as it was written.
func (c codec) summed(p []byte) bool {
	sum := crc32.Update(crc32.Update(c.seed, castagnoli, p[:24]), castagnoli, p[chunkHeader:])
	return sum == le.Uint32(p[24:])
}

// decode returns the data of a complete chunk whose header is h, or a reason why there
// is none. The data lies in p, which is changed, or in out, or in new memory.
func (c codec) decode(h chunkHead, p, out []byte) (data []byte, reason string) {
	if !c.summed(p) {
		return nil, "checksum of the chunk"
	}
	body := p[chunkHeader:]
	if h.flags&flagEncrypted != 0 {
		if c.aead == nil {
			return nil, "the chunk is encrypted, and the key of the file not known"
		}
		nonce := chunkNonce(le.Uint32(p[4:]))
		var err error
		if body, err = c.aead.Open(body[:0], nonce[:], body, p[:24]); err != nil {
			return nil, "seal of the chunk"
		}
	}
	if h.flags&flagCompressed != 0 {
		if n, err := s2.DecodedLen(body); err != nil || n != int(h.raw) {
			return nil, "length of the compressed chunk"
		}
		out = slices.Grow(out[:0], int(h.raw))[:h.raw]
		var err error
		if body, err = s2.Decode(out, body); err != nil {
			return nil, "compression of the chunk"
		}
	}
	if len(body) != int(h.raw) {
		return nil, "length of the chunk"
	}
	return body, ""
}
