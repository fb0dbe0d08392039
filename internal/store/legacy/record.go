package legacy

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strconv"

	"github.com/minio/highwayhash"

	"github.com/godwit-mq/godwit/internal/store"
)

const (
	// RecordMin is the length of a record without subject, header and payload, in bytes.
	RecordMin = recordHead + checksumLen

	recordHead  = 22 // length, sequence, time, length of the subject
	checksumLen = 8

	headerBit    = 1 << 31 // of the length
	goneBit      = 1 << 63 // of the sequence
	tombstoneBit = 1 << 62
)

// Errors of records.
var (
	// ErrRecord is returned, with details, for bytes that have not the shape of a record.
	ErrRecord = errors.New("malformed record")
	// ErrChecksum is returned where a checksum does not fit what it protects.
	ErrChecksum = errors.New("invalid checksum")
)

// Kind says what a record means.
type Kind uint8

const (
	// Live is a message.
	Live Kind = iota
	// Tombstone says that a sequence was deleted, or was the last.
	Tombstone
	// Placeholder stands for skipped sequences: a run that ends at its own.
	Placeholder
	// Erased was a message whose bytes were overwritten. Its sequence may be 0.
	Erased
)

// A Record is one record of a block. Its slices lie in the buffer that it was read from.
type Record struct {
	Kind     Kind
	Sequence uint64
	// Time is in Unix nanoseconds. Of a tombstone it is that of the deleted message, of a
	// placeholder that of the message before.
	Time    int64
	Subject []byte
	Header  []byte
	Payload []byte
	// Size is the length of the record in bytes.
	Size int
}

// A Hasher makes and checks the checksums of one kind of file. It serves one
// goroutine.
type Hasher struct{ hash hash.Hash64 }

// NewHasher returns the hasher whose key is made of a string: the name of the
// stream, or stream/consumer.
func NewHasher(key string) *Hasher {
	sum := sha256.Sum256([]byte(key))
	h, err := highwayhash.New64(sum[:])
	if err != nil {
		panic(err) // only for keys that are not 32 bytes long
	}
	return &Hasher{h}
}

// BlockHasher returns the hasher of the records in a block.
func BlockHasher(stream string, block uint64) *Hasher {
	return NewHasher(stream + "-" + strconv.FormatUint(block, 10))
}

// sum returns the checksum of parts that stand one behind the other.
func (h *Hasher) sum(parts ...[]byte) (sum [checksumLen]byte) {
	h.hash.Reset()
	for _, p := range parts {
		_, _ = h.hash.Write(p) // never fails
	}
	h.hash.Sum(sum[:0])
	return sum
}

// AppendRecord appends the record of a message to buf and returns the extended
// buffer. It fails with store.ErrTooLarge, and with store.ErrSequence for a sequence
// that is 0 or beyond store.SequenceMax.
func AppendRecord(buf []byte, h *Hasher, seq uint64, time int64, subject, header, payload []byte) ([]byte, error) {
	m := store.Message{Sequence: seq, Time: time, Subject: subject, Header: header, Payload: payload}
	if err := m.Verify(); err != nil {
		return buf, err
	}
	if seq == 0 || seq > store.SequenceMax {
		return buf, fmt.Errorf("%w: record of sequence %d", store.ErrSequence, seq)
	}
	length := uint32(store.FileSize(len(subject), len(header), len(payload)))
	if len(header) > 0 {
		length |= headerBit
	}
	start := len(buf)
	buf = appendHead(buf, length, seq, time, len(subject))
	buf = append(buf, subject...)
	if len(header) > 0 {
		buf = binary.LittleEndian.AppendUint32(buf, uint32(len(header)))
		buf = append(buf, header...)
	}
	buf = append(buf, payload...)
	sum := h.sum(buf[start+4:start+20], subject, header, payload)
	return append(buf, sum[:]...), nil
}

// AppendTombstone appends the record that says that a sequence, whose message was
// stored at a time in Unix nanoseconds, is deleted, or that it was the last.
func AppendTombstone(buf []byte, h *Hasher, seq uint64, time int64) []byte {
	return appendEmpty(buf, h, seq|tombstoneBit, time)
}

// AppendPlaceholder appends the record that says that the sequences from behind the
// record before up to seq were skipped. The time is that of the message before.
func AppendPlaceholder(buf []byte, h *Hasher, seq uint64, time int64) []byte {
	return appendEmpty(buf, h, seq|goneBit, time)
}

func appendEmpty(buf []byte, h *Hasher, seq uint64, time int64) []byte {
	start := len(buf)
	buf = appendHead(buf, RecordMin, seq, time, 0)
	sum := h.sum(buf[start+4 : start+20])
	return append(buf, sum[:]...)
}

func appendHead(buf []byte, length uint32, seq uint64, time int64, subject int) []byte {
	buf = binary.LittleEndian.AppendUint32(buf, length)
	buf = binary.LittleEndian.AppendUint64(buf, seq)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(time))
	return binary.LittleEndian.AppendUint16(buf, uint16(subject))
}

// A frame is where the parts of a record are, as its length fields tell.
type frame struct {
	size, subject, header int // lengths in bytes
	hasHeader             bool
}

// frameOf reads the length fields of the record at the front of buf. It fails with
// ErrRecord where they cannot be.
func frameOf(buf []byte) (f frame, err error) {
	if len(buf) < RecordMin {
		return f, fmt.Errorf("%w: cut short, %d bytes are left", ErrRecord, len(buf))
	}
	word := binary.LittleEndian.Uint32(buf)
	f.size, f.hasHeader = int(word&^headerBit), word&headerBit != 0
	f.subject = int(binary.LittleEndian.Uint16(buf[20:]))
	switch {
	case f.size < RecordMin || f.size > store.SizeMax:
		return f, fmt.Errorf("%w: length of %d bytes", ErrRecord, f.size)
	case f.size > len(buf):
		return f, fmt.Errorf("%w: cut short, %d of %d bytes are left", ErrRecord, len(buf), f.size)
	}
	room := f.size - RecordMin - f.subject
	if f.hasHeader {
		room -= 4
	}
	if room < 0 {
		return f, fmt.Errorf("%w: subject of %d bytes in a record of %d", ErrRecord, f.subject, f.size)
	}
	if f.hasHeader {
		n := binary.LittleEndian.Uint32(buf[recordHead+f.subject:])
		if n > uint32(room) {
			return f, fmt.Errorf("%w: header of %d bytes in a record of %d", ErrRecord, n, f.size)
		}
		f.header = int(n)
	}
	return f, nil
}

// DecodeRecord reads the record at the front of buf. It fails with ErrRecord or
// ErrChecksum.
func DecodeRecord(h *Hasher, buf []byte) (Record, error) {
	f, err := frameOf(buf)
	if err != nil {
		return Record{}, err
	}
	word := binary.LittleEndian.Uint64(buf[4:])
	r := Record{Sequence: word &^ (goneBit | tombstoneBit), Time: int64(binary.LittleEndian.Uint64(buf[12:])), Size: f.size}
	rest := buf[recordHead : f.size-checksumLen]
	r.Subject, rest = rest[:f.subject], rest[f.subject:]
	if f.hasHeader {
		r.Header, rest = rest[4:4+f.header], rest[4+f.header:]
	}
	r.Payload = rest
	if sum := h.sum(buf[4:20], r.Subject, r.Header, r.Payload); !bytes.Equal(sum[:], buf[f.size-checksumLen:f.size]) {
		return Record{}, fmt.Errorf("%w of a record that says it is of sequence %d", ErrChecksum, r.Sequence)
	}
	switch {
	case word&tombstoneBit != 0:
		r.Kind = Tombstone
	case word&goneBit != 0 && f.size == RecordMin:
		r.Kind = Placeholder
	case word&goneBit != 0 || r.Sequence == 0:
		r.Kind = Erased
	}
	return r, nil
}

// doubt says what is odd about the boundaries inside a message, which the checksum
// does not protect; nil if nothing is.
func (r *Record) doubt() error {
	end := []byte("\r\n\r\n")
	switch {
	case r.Kind != Live:
		return nil
	case !isSubject(r.Subject):
		return fmt.Errorf("%w: subject %.64q of sequence %d", errBoundary, r.Subject, r.Sequence)
	case len(r.Header) == 0:
		return nil
	case !bytes.HasPrefix(r.Header, []byte("NATS/1.0")), bytes.Index(r.Header, end) != len(r.Header)-len(end):
		return fmt.Errorf("%w: header of sequence %d", errBoundary, r.Sequence)
	}
	return nil
}

var errBoundary = errors.New("odd boundary")

// isSubject reports whether a message can have been published to this subject.
func isSubject(subject []byte) bool {
	before := byte('.')
	for _, c := range subject {
		if c <= ' ' || c == 0x7f || c == '.' && before == '.' {
			return false
		}
		before = c
	}
	return before != '.'
}
