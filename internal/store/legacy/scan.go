package legacy

import (
	"encoding/binary"
	"fmt"
)

// searchFactor bounds the search for the next record: it hashes at most so many times
// the length of the block.
const searchFactor = 64

// searchReach is how much higher the sequence of a record may be that is searched for
// than the highest so far.
const searchReach = 1 << 44

// A Gap is a stretch of a block that holds no record that checks.
type Gap struct {
	Offset, Length int
	Err            error
}

// Scan goes through the content of a plain block. It calls record for each record
// that checks, and gap for each stretch between them that does not, in the order of
// the block, until one of them returns false.
//
// Behind a bad record it goes on where the length of that record says, if a good one
// is there, and else at the next good one that it finds.
func Scan(h *Hasher, buf []byte, record func(offset int, r *Record) bool, gap func(Gap) bool) {
	budget := searchFactor * (len(buf) + RecordMin)
	last := uint64(0)
	for offset := 0; offset < len(buf); {
		r, err := DecodeRecord(h, buf[offset:])
		if err == nil {
			if !record(offset, &r) {
				return
			}
			offset += r.Size
			last = max(last, r.Sequence)
			continue
		}
		end := nextRecord(h, buf, offset, last, &budget)
		if budget < 0 {
			err = fmt.Errorf("%w; the search for the next record was given up", err)
		}
		if isZero(buf[offset:end]) {
			err = fmt.Errorf("%w: nothing but zeros", ErrRecord)
		}
		if !gap(Gap{offset, end - offset, err}) {
			return
		}
		offset = end
	}
}

// nextRecord returns where the next good record begins behind the bad one at an
// offset, or the end of the buffer.
func nextRecord(h *Hasher, buf []byte, offset int, last uint64, budget *int) int {
	if f, err := frameOf(buf[offset:]); err == nil {
		next := offset + f.size
		if next == len(buf) {
			return next
		}
		if _, err := DecodeRecord(h, buf[next:]); err == nil {
			return next
		}
	}
	for at := offset + 1; at+RecordMin <= len(buf) && *budget >= 0; at++ {
		f, ok := plausible(buf[at:], last)
		if !ok {
			continue
		}
		*budget -= f.size
		if _, err := DecodeRecord(h, buf[at:]); err == nil {
			return at
		}
	}
	return len(buf)
}

// plausible is the cheap part of a search: whether the bytes at the front of buf can be
// a record that comes near one of the sequence last. Of random bytes hardly any are.
func plausible(buf []byte, last uint64) (frame, bool) {
	f, err := frameOf(buf)
	if err != nil {
		return f, false
	}
	seq := binary.LittleEndian.Uint64(buf[4:]) &^ (goneBit | tombstoneBit)
	return f, seq <= last+searchReach
}

func isZero(buf []byte) bool {
	for _, b := range buf {
		if b != 0 {
			return false
		}
	}
	return true
}
