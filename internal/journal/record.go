package journal

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// GroupID names a group. Zero names none.
type GroupID uint64

// Record is a record as it is read back.
type Record struct {
	Group    GroupID
	Sequence uint64
	Position Position
	Data     []byte
}

// The header of a record, little-endian:
//
//	0   4  checksum of the position, bytes 4 to 26, and the data as stored
//	4   4  length of the data as stored, in bytes
//	8   8  group
//	16  8  sequence
//	24  2  flags
//	26  2  checksum of the position and bytes 4 to 26 alone
//
// Records begin at multiples of 4. The second checksum lets a search through
// damaged bytes tell a header from anything else without summing the data.
const (
	recordHeader = 28
	recordAlign  = 4

	flagRecord    = 1 << 0 // always set: zeros are no record
	flagRewritten = 1 << 1
	knownFlags    = flagRecord | flagRewritten

	maxSequence = 1 << 63
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// identity is the random name of a log. It seeds all checksums, so nothing that
// a client can send will pass for a record of this log.
type identity [16]byte

func (id identity) seed() uint32 { return crc32.Checksum(id[:], castagnoli) }

// stored returns the bytes that a record takes in a commit.
func stored(length int) int {
	return (recordHeader + length + recordAlign - 1) &^ (recordAlign - 1)
}

// RecordSize returns the bytes from the position of a record with so much data
// to the position of the next one of the same append, in a journal without
// encryption.
func RecordSize(length int) int { return stored(length) }

// putHeader fills in all but the checksums.
func putHeader(p []byte, group GroupID, sequence uint64, length int, flags uint16) {
	binary.LittleEndian.PutUint32(p[4:], uint32(length))
	binary.LittleEndian.PutUint64(p[8:], uint64(group))
	binary.LittleEndian.PutUint64(p[16:], sequence)
	binary.LittleEndian.PutUint16(p[24:], flags)
}

// headerSum begins the checksum of a record. The position changes its start: so
// equal bytes at two offsets of a generation, or at one offset in two
// generations, never have equal sums.
func headerSum(seed uint32, pos Position, p []byte) uint32 {
	place := uint32(pos.Offset()) ^ bits.Reverse32(uint32(pos.Segment()))
	return crc32.Update(seed^place, castagnoli, p[4:26])
}

func shortSum(sum uint32) uint16 { return uint16(sum>>16) ^ uint16(sum) }

// sumRecord fills in the checksums of a complete record.
func sumRecord(seed uint32, pos Position, p []byte) uint32 {
	sum := headerSum(seed, pos, p)
	binary.LittleEndian.PutUint16(p[26:], shortSum(sum))
	sum = crc32.Update(sum, castagnoli, p[recordHeader:])
	binary.LittleEndian.PutUint32(p, sum)
	return sum
}

// storedRecord is a record as it lies in a commit.
type storedRecord struct {
	group    GroupID
	sequence uint64
	flags    uint16
	data     []byte // as stored: encrypted, if records are
	sum      uint32
}

func (r *storedRecord) size() int { return stored(len(r.data)) }

// parseHeader reads a record's header and checks it, and that the record ends
// within p. The data is not checked.
func parseHeader(seed uint32, pos Position, p []byte) (r storedRecord, sum uint32, ok bool) {
	if len(p) < recordHeader {
		return r, 0, false
	}
	flags := binary.LittleEndian.Uint16(p[24:])
	length := binary.LittleEndian.Uint32(p[4:])
	if flags&flagRecord == 0 || flags&^knownFlags != 0 || uint64(length) > uint64(len(p)-recordHeader) {
		return r, 0, false
	}
	sum = headerSum(seed, pos, p)
	if shortSum(sum) != binary.LittleEndian.Uint16(p[26:]) {
		return r, 0, false
	}
	r = storedRecord{
		group:    GroupID(binary.LittleEndian.Uint64(p[8:])),
		sequence: binary.LittleEndian.Uint64(p[16:]),
		flags:    flags,
		data:     p[recordHeader : recordHeader+int(length) : recordHeader+int(length)],
		sum:      binary.LittleEndian.Uint32(p),
	}
	return r, sum, r.group != 0 && r.sequence != 0 && r.sequence < maxSequence
}

// parseRecord reads the record at the beginning of p. The data is a part of p.
// With header but not ok, the header is good and the data is not.
func parseRecord(seed uint32, pos Position, p []byte) (r storedRecord, header, ok bool) {
	r, sum, header := parseHeader(seed, pos, p)
	if !header {
		return r, false, false
	}
	return r, true, crc32.Update(sum, castagnoli, r.data) == r.sum
}
