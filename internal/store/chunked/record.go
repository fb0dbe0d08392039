package chunked

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/godwit-mq/godwit/internal/store"
)

// A record is one message as it lies in a chunk, in the journal and on the disk,
// numbers little-endian:
//
//	0   u32  sequence less that from which the chunk counts
//	4   i64  time, Unix nanoseconds
//	12  u32  length of the payload
//	16  u16  length of the subject
//	18  u8   flags: 1 header, 2 life time, 4 marker
//	19  u32  sum: CRC-32C of all but these four bytes, mixed with the sequence; 0 in
//	         memory streams
//	    u32  length of the header, with flag 1
//	    i64  life time in seconds, with flag 2
//	    subject, header, payload
type record struct {
	time                     int64
	ttl                      int64
	marker                   bool
	subject, header, payload []byte
}

const (
	recordSum  = 19
	recordHead = 23
)

const (
	flagHeader = 1 << iota
	flagTTL
	flagMarker
	flagsKnown = flagHeader | flagTTL | flagMarker
)

// recordSize is the length of the record of a message.
func recordSize(m *store.Message) int {
	size := recordHead + len(m.Subject) + len(m.Payload)
	if len(m.Header) > 0 {
		size += 4 + len(m.Header)
	}
	if m.TTL != 0 {
		size += 8
	}
	return size
}

// fileSize is what a message counts for in a file stream, given its record's length.
func fileSize(length int, hasTTL bool) uint64 {
	if hasTTL {
		length -= 8
	}
	return store.FileSize(0, 0, length-recordHead)
}

func appendRecord(buf []byte, delta uint32, m *store.Message) []byte {
	var flags byte
	if len(m.Header) > 0 {
		flags |= flagHeader
	}
	if m.TTL != 0 {
		flags |= flagTTL
	}
	if m.Marker {
		flags |= flagMarker
	}
	buf = binary.LittleEndian.AppendUint32(buf, delta)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(m.Time))
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(m.Payload)))
	buf = binary.LittleEndian.AppendUint16(buf, uint16(len(m.Subject)))
	buf = append(buf, flags, 0, 0, 0, 0)
	if flags&flagHeader != 0 {
		buf = binary.LittleEndian.AppendUint32(buf, uint32(len(m.Header)))
	}
	if flags&flagTTL != 0 {
		buf = binary.LittleEndian.AppendUint64(buf, uint64(m.TTL))
	}
	buf = append(buf, m.Subject...)
	buf = append(buf, m.Header...)
	return append(buf, m.Payload...)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sumOf is the sum of the record of a message with a sequence.
func sumOf(record []byte, seq uint64) uint32 {
	sum := crc32.Update(0, castagnoli, record[:recordSum])
	sum = crc32.Update(sum, castagnoli, record[recordHead:])
	return sum ^ uint32((seq*0x9e3779b97f4a7c15)>>32)
}

// sign puts the sum into a record.
func sign(record []byte, seq uint64) {
	binary.LittleEndian.PutUint32(record[recordSum:], sumOf(record, seq))
}

// Genuine reports whether bytes are the record of the message with a sequence, whole and
// unchanged.
func Genuine(record []byte, seq uint64) bool {
	length, _ := checkRecord(record)
	return length == len(record) && binary.LittleEndian.Uint32(record[recordSum:]) == sumOf(record, seq)
}

func recordTime(buf []byte) int64 { return int64(binary.LittleEndian.Uint64(buf[4:])) }

// recordBody is where the subject begins.
func recordBody(buf []byte) int {
	at := recordHead
	flags := buf[18]
	if flags&flagHeader != 0 {
		at += 4
	}
	if flags&flagTTL != 0 {
		at += 8
	}
	return at
}

func recordSubject(buf []byte) []byte {
	at := recordBody(buf)
	end := at + int(binary.LittleEndian.Uint16(buf[16:]))
	return buf[at:end:end]
}

// readRecord decodes a record that was checked before.
func readRecord(buf []byte) record {
	flags := buf[18]
	r := record{time: recordTime(buf), marker: flags&flagMarker != 0}
	at, header := recordHead, 0
	if flags&flagHeader != 0 {
		header = int(binary.LittleEndian.Uint32(buf[at:]))
		at += 4
	}
	if flags&flagTTL != 0 {
		r.ttl = int64(binary.LittleEndian.Uint64(buf[at:]))
		at += 8
	}
	end := at + int(binary.LittleEndian.Uint16(buf[16:]))
	r.subject = buf[at:end:end]
	if header > 0 {
		r.header = buf[end : end+header : end+header]
	}
	at = end + header
	end = at + int(binary.LittleEndian.Uint32(buf[12:]))
	r.payload = buf[at:end:end]
	return r
}

// checkRecord returns the length of the record at the beginning of buf, and whether
// it has a life time. The length is 0 if it is not one.
func checkRecord(buf []byte) (length int, hasTTL bool) {
	if len(buf) < recordHead {
		return 0, false
	}
	flags := buf[18]
	subject := uint64(binary.LittleEndian.Uint16(buf[16:]))
	payload := uint64(binary.LittleEndian.Uint32(buf[12:]))
	header, at := uint64(0), uint64(recordHead)
	if flags&^flagsKnown != 0 {
		return 0, false
	}
	if flags&flagHeader != 0 {
		if len(buf) < recordHead+4 {
			return 0, false
		}
		header = uint64(binary.LittleEndian.Uint32(buf[recordHead:]))
		at += 4
		if header == 0 {
			return 0, false
		}
	}
	if hasTTL = flags&flagTTL != 0; hasTTL {
		at += 8
	}
	total := at + subject + header + payload
	if total > uint64(len(buf)) || total > store.SizeMax+64 {
		return 0, false
	}
	return int(total), hasTTL
}
