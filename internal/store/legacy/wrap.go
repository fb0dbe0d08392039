package legacy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/klauspost/compress/s2"
)

// ErrWrap is returned, with details, for a compressed block that cannot be decoded, as
// a whole or at some place.
var ErrWrap = errors.New("bad compressed block")

const (
	wrapMagic = "cmp"
	wrapNone  = 0
	wrapS2    = 1

	chunkHead = 4       // type, length
	chunkMax  = 4 << 20 // decoded content of a chunk
	crcLen    = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// IsWrapped reports whether the content of a block, decrypted, is compressed.
func IsWrapped(buf []byte) bool {
	return len(buf) >= 5 && string(buf[:len(wrapMagic)]) == wrapMagic
}

// Unwrap appends the content of a wrapped block to out and returns the extended
// buffer, which grows by no more than limit bytes. What cannot be decoded is passed to
// bad with its place in the decoded content; a chunk whose length is known is replaced
// by zeros. It fails with ErrWrap if there is nothing to decode.
func Unwrap(out, buf []byte, limit int, bad func(Gap)) ([]byte, error) {
	if !IsWrapped(buf) {
		return out, fmt.Errorf("%w: no head", ErrWrap)
	}
	algorithm, body := buf[3], buf[4:]
	// What follows is the decoded length, but servers up to 2.12 wrote the length of the
	// compressed body when they compressed a block. Chunks have their own, and checksums.
	_, n := binary.Uvarint(body)
	if n <= 0 {
		return out, fmt.Errorf("%w: metadata incomplete", ErrWrap)
	}
	if body = body[n:]; len(body) < checksumLen {
		return out, fmt.Errorf("%w: compressed buffer is too short", ErrWrap)
	}
	body, tail := body[:len(body)-checksumLen], body[len(body)-checksumLen:]
	switch algorithm {
	case wrapNone:
		if len(body) > limit-checksumLen {
			return out, fmt.Errorf("%w: %d bytes, at most %d allowed", ErrWrap, len(body), limit)
		}
		out = append(out, body...)
	case wrapS2:
		out = decodeChunks(out, body, limit-checksumLen, bad)
	default:
		return out, fmt.Errorf("%w: compression algorithm %d not known", ErrWrap, algorithm)
	}
	return append(out, tail...), nil
}

// decodeChunks decodes an S2 stream chunk by chunk, so that one bad chunk does not take
// the others with it.
func decodeChunks(out, body []byte, limit int, bad func(Gap)) []byte {
	start := len(out)
	report := func(length int, format string, args ...any) {
		bad(Gap{len(out) - start, length, fmt.Errorf("%w: "+format, append([]any{ErrWrap}, args...)...)})
	}
	for len(body) > 0 {
		if len(body) < chunkHead {
			report(0, "chunk cut short")
			return out
		}
		kind, length := body[0], int(body[1])|int(body[2])<<8|int(body[3])<<16
		if length > len(body)-chunkHead {
			report(0, "chunk of %d bytes, %d are left", length, len(body)-chunkHead)
			length = len(body) - chunkHead
		}
		chunk := body[chunkHead : chunkHead+length]
		body = body[chunkHead+length:]
		switch {
		case kind == 0xff && (bytes.Equal(chunk, []byte("S2sTwO")) || bytes.Equal(chunk, []byte("sNaPpY"))):
			continue
		case kind >= 0x80 && kind != 0xff: // padding, index, or to be skipped
			continue
		case kind > 1:
			report(0, "chunk of unknown kind %#x", kind)
			continue
		case length < crcLen:
			report(0, "chunk of %d bytes", length)
			continue
		}
		size := length - crcLen
		if kind == 0 {
			n, err := s2.DecodedLen(chunk[crcLen:])
			if err != nil {
				report(0, "%v", err)
				continue
			}
			size = n
		}
		if size > chunkMax || size > limit-(len(out)-start) {
			report(0, "chunk of %d bytes decoded", size)
			continue
		}
		out = decodeChunk(out, chunk, kind, size, report)
	}
	return out
}

// decodeChunk appends the content of one chunk. If its checksum is wrong the
// content stays: records have checksums of their own.
func decodeChunk(out, chunk []byte, kind byte, size int, report func(int, string, ...any)) []byte {
	at := len(out)
	out = slices.Grow(out, size)[:at+size]
	content := out[at:]
	if kind == 1 {
		copy(content, chunk[crcLen:])
	} else if _, err := s2.Decode(content, chunk[crcLen:]); err != nil {
		clear(content)
		report(size, "%v", err)
		return out
	}
	sum := crc32.Checksum(content, castagnoli)
	if masked := (sum>>15 | sum<<17) + 0xa282ead8; masked != binary.LittleEndian.Uint32(chunk) {
		report(size, "chunk checksum does not match")
	}
	return out
}
