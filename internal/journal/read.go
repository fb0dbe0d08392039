package journal

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Read returns a committed record that is not released. The data takes the memory
// of buf if that is large enough, and belongs to the caller.
func (j *Journal) Read(id GroupID, sequence uint64, buf []byte) (Record, error) {
	j.mu.Lock()
	g := j.groups[id]
	if g == nil || sequence > g.visible || sequence <= g.floor {
		j.mu.Unlock()
		return Record{}, fmt.Errorf("record %d of group %d: %w", sequence, id, ErrNotFound)
	}
	pos, size, ok := g.index.get(sequence)
	if !ok {
		j.mu.Unlock()
		return Record{}, fmt.Errorf("record %d of group %d was lost: %w", sequence, id, ErrCorrupt)
	}
	s, err := j.pin(pos.Segment())
	j.mu.Unlock()
	if err != nil {
		return Record{}, fmt.Errorf("record %d of group %d at %v: %w", sequence, id, pos, err)
	}
	defer j.unpin(s)
	r, err := j.readRecord(s, pos, int(size), buf)
	if err == nil && (r.Group != id || r.Sequence != sequence) {
		err = fmt.Errorf("found record %d of group %d: %w", r.Sequence, r.Group, ErrCorrupt)
	}
	if err != nil {
		return Record{}, fmt.Errorf("record %d of group %d at %v: %w", sequence, id, pos, err)
	}
	return r, nil
}

// ReadAt returns the record at a position in a segment that is held, pinned, or
// still needed by a group. The data is appended to buf.
func (j *Journal) ReadAt(pos Position, buf []byte) (Record, error) {
	j.mu.Lock()
	s, err := j.pin(pos.Segment())
	beyond := pos >= j.written || err == nil && s != j.head && pos.Offset() >= s.end
	j.mu.Unlock()
	if err != nil {
		return Record{}, fmt.Errorf("record at %v: %w", pos, err)
	}
	defer j.unpin(s)
	if beyond || pos.Offset() < commitHeader || pos%recordAlign != 0 {
		return Record{}, fmt.Errorf("record at %v: %w", pos, ErrNotFound)
	}
	r, err := j.readRecord(s, pos, 0, buf)
	if err != nil {
		return Record{}, fmt.Errorf("record at %v: %w", pos, err)
	}
	return r, nil
}

// firstRead is what is read of a record whose size is not known.
const firstRead = 4096

// readRecord reads and checks one record. The caller has a pin.
func (j *Journal) readRecord(s *segment, pos Position, size int, buf []byte) (Record, error) {
	if s.keyErr != nil {
		return Record{}, s.keyErr
	}
	f, err := j.open(s)
	if err != nil {
		return Record{}, err
	}
	known := size > 0
	if !known {
		size = firstRead
	}
	size = int(max(min(int64(size), s.size-pos.Offset()), 0))
	raw := slices.Grow(buf[:0], size)[:size]
	if n, err := f.ReadAt(raw, pos.Offset()); err != nil && (err != io.EOF || n < len(raw)) {
		return Record{}, fmt.Errorf("read %s: %w", s.name, err)
	}
	if !known && len(raw) >= recordHeader {
		if whole := lengthAt(j.seed, pos, raw, s.size); whole > size {
			return j.readRecord(s, pos, whole, buf)
		}
	}
	r, _, ok := parseRecord(j.seed, pos, raw)
	if !ok {
		return Record{}, ErrCorrupt
	}
	data, err := unsealRecord(s, pos, &r)
	if err != nil {
		return Record{}, err
	}
	// The data moves to the beginning of the memory, over its header.
	return Record{Group: r.group, Sequence: r.sequence, Position: pos, Data: append(raw[:0], data...)}, nil
}

// lengthAt returns the size of the record whose header begins p, 0 if there is
// none.
func lengthAt(seed uint32, pos Position, p []byte, segmentSize int64) int {
	length := int64(uint32(p[4]) | uint32(p[5])<<8 | uint32(p[6])<<16 | uint32(p[7])<<24)
	if shortSum(headerSum(seed, pos, p)) != uint16(p[26])|uint16(p[27])<<8 {
		return 0
	}
	size := (recordHeader + length + recordAlign - 1) &^ (recordAlign - 1)
	if size > segmentSize-pos.Offset() {
		return 0
	}
	return int(size)
}

var errDecrypt = errors.New("does not decrypt")

// unsealRecord decrypts a record in place.
func unsealRecord(s *segment, pos Position, r *storedRecord) ([]byte, error) {
	if s.keyErr != nil {
		return nil, s.keyErr
	}
	if s.aead == nil {
		return r.data, nil
	}
	var header [recordHeader]byte
	putHeader(header[:], r.group, r.sequence, len(r.data), r.flags)
	n := nonce(pos)
	data, err := s.aead.Open(r.data[:0], n[:], r.data, header[4:26])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDecrypt, ErrCorrupt)
	}
	return data, nil
}
