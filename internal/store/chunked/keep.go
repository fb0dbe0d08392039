package chunked

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/godwit-mq/godwit/internal/store"
)

// ErrChunk is returned, with details, for records or a sketch that cannot be those of a
// chunk.
var ErrChunk = errors.New("chunk is damaged")

// Origin is the sequence from which the records of the chunk count. It stays.
func (c *Chunk) Origin() uint64 { return c.origin }

// Alive reports whether the chunk is part of its stream. It is not after Dropped.
func (c *Chunk) Alive() bool { return c.live > 0 }

// Len is the number of bytes of its records, the removed among them too.
func (c *Chunk) Len() int { return c.bytes() }

// Touch makes a chunk one that has changed, so that it will be written again.
func (s *Stream) Touch(c *Chunk) { s.note(c) }

// Changed calls fn for each chunk that has changed since the last call, and is alive.
func (s *Stream) Changed(fn func(*Chunk)) {
	for _, c := range s.changed {
		c.listed = false
		if c.Alive() {
			fn(c)
		}
	}
	clear(s.changed)
	s.changed = s.changed[:0]
}

// Chunks calls fn for all chunks, in order, until it returns false.
func (s *Stream) Chunks(fn func(*Chunk) bool) {
	for _, c := range s.chunks {
		if !fn(c) {
			return
		}
	}
}

// A Capture is the content of a chunk at a moment.
type Capture struct {
	// Records are nil if the keeper has them and nothing but removals came since.
	Records []byte
	edits   uint32
}

// Capture returns the content, to be written without holding up the stream. Until
// Settle the bytes stay as they are.
func (c *Chunk) Capture() Capture {
	if c.arena == nil {
		return Capture{edits: c.edits}
	}
	c.shared = true
	return Capture{Records: c.arena[:c.end:c.end], edits: c.edits}
}

// Settle tells that the keeper has what was captured. It reports whether the chunk is
// still that; if so its arena is no longer in memory.
func (c *Chunk) Settle(got Capture) bool {
	c.shared = false
	if got.Records == nil || !c.Alive() || c.edits != got.edits || len(c.arena) != len(got.Records) {
		return false
	}
	c.arena = nil
	return true
}

// Holds reports whether the records of the chunk are in memory, not just with the
// keeper.
func (c *Chunk) Holds() bool { return c.arena != nil }

// Sketch appends what a chunk is beyond its records to buf, for Adopt:
//
//	origin, latest time (zigzag), number of runs      varints
//	per run of messages that are there: gap since the run before, length
func (c *Chunk) Sketch(buf []byte) []byte {
	buf = binary.AppendUvarint(buf, c.origin)
	buf = binary.AppendVarint(buf, c.until)
	buf = binary.AppendUvarint(buf, uint64(c.countRuns()))
	at := c.origin
	c.runs(func(first, count uint64) {
		buf = binary.AppendUvarint(buf, first-at)
		buf = binary.AppendUvarint(buf, count)
		at = first + count
	})
	return buf
}

func (c *Chunk) countRuns() (n int) {
	c.runs(func(uint64, uint64) { n++ })
	return n
}

// runs calls fn for the runs of consecutive sequences that are there.
func (c *Chunk) runs(fn func(first, count uint64)) {
	if c.complete() {
		fn(c.first(), uint64(len(c.slots)))
		return
	}
	first, count := uint64(0), uint64(0)
	for i := range c.slots {
		if c.isGone(i) {
			continue
		}
		seq := c.sequence(i)
		if count > 0 && seq == first+count {
			count++
			continue
		}
		if count > 0 {
			fn(first, count)
		}
		first, count = seq, 1
	}
	if count > 0 {
		fn(first, count)
	}
}

// A sketch is a decoded one.
type sketch struct {
	origin uint64
	until  int64
	runs   []store.Range
}

// readSketch decodes a sketch from the front of buf and returns what is behind it.
func readSketch(buf []byte) (k sketch, rest []byte, err error) {
	bad := fmt.Errorf("%w: its sketch", ErrChunk)
	uvarint := func() uint64 {
		v, n := binary.Uvarint(buf)
		if n <= 0 {
			buf = nil
			return math.MaxUint64
		}
		buf = buf[n:]
		return v
	}
	k.origin = uvarint()
	until, n := binary.Varint(buf)
	if n <= 0 || k.origin > store.SequenceMax {
		return k, nil, bad
	}
	k.until, buf = until, buf[n:]
	count := uvarint()
	if count == 0 || count > uint64(len(buf)/2) {
		return k, nil, bad
	}
	k.runs = make([]store.Range, 0, count)
	at := k.origin
	for range count {
		gap, length := uvarint(), uvarint()
		if gap > math.MaxUint32 || length == 0 || length > math.MaxUint32 || at+gap+length-1-k.origin > math.MaxUint32 {
			return k, nil, bad
		}
		k.runs = append(k.runs, store.Range{First: at + gap, Count: length})
		at += gap + length
	}
	return k, buf, nil
}

// ReadSketch returns the bytes behind a sketch, which was made by Chunk.Sketch, and the
// first and the last sequence that it tells of. It fails with ErrChunk.
func ReadSketch(buf []byte) (first, last uint64, rest []byte, err error) {
	k, rest, err := readSketch(buf)
	if err != nil {
		return 0, 0, nil, err
	}
	return k.runs[0].First, k.runs[len(k.runs)-1].Last(), rest, nil
}

// Adopt makes a chunk of a sketch and its records, which the keeper has, behind all
// others. It fails with ErrChunk, and then changes nothing.
func (s *Stream) Adopt(sketch, records []byte) (*Chunk, error) {
	k, _, err := readSketch(sketch)
	if err != nil {
		return nil, err
	}
	if n := len(s.chunks); n > 0 && k.runs[0].First <= s.chunks[n-1].last() {
		return nil, fmt.Errorf("%w: sequence %d comes twice", ErrChunk, k.runs[0].First)
	}
	c := &Chunk{origin: k.origin, until: k.until}
	if err := c.scan(records, k.runs); err != nil {
		return nil, err
	}
	if err := s.enterAll(c, records); err != nil {
		return nil, err
	}
	s.chunks = append(s.chunks, c)
	s.last = max(s.last, c.last())
	return c, nil
}

// scan makes the slots of the records of a chunk, given the runs of those that are
// there.
func (c *Chunk) scan(records []byte, runs []store.Range) error {
	c.slots = make([]uint32, 0, c.slotsFor(runs))
	before, expected := int64(-1), uint64(0)
	for _, r := range runs {
		expected += r.Count
	}
	for at := 0; at < len(records); {
		length, hasTTL := checkRecord(records[at:])
		if length == 0 {
			return fmt.Errorf("%w: no record at %d of %d bytes", ErrChunk, at, len(records))
		}
		delta := binary.LittleEndian.Uint32(records[at:])
		if int64(delta) <= before {
			return fmt.Errorf("%w: order of records at %d", ErrChunk, at)
		}
		before = int64(delta)
		seq := c.origin + uint64(delta)
		for len(runs) > 0 && runs[0].Last() < seq {
			runs = runs[1:]
		}
		c.enterKept(delta, at, at+length, hasTTL, len(runs) > 0 && runs[0].First <= seq)
		at += length
	}
	if uint64(c.live) != expected {
		return fmt.Errorf("%w: %d messages of %d", ErrChunk, c.live, expected)
	}
	if n := len(c.slots); c.isGone(n - 1) {
		c.cutBack(c.previous(n-1) + 1)
	}
	return nil
}

// Salvage is Adopt for records of which some are damaged: it makes a chunk in memory of
// those that are genuine, if there are any, and returns what is missing. Behind damage
// it looks for the next record at every byte: one that somebody has forged within the
// payload of a damaged message would be taken for the message that it claims to be.
func (s *Stream) Salvage(sketch, records []byte) (missing []store.Range, err error) {
	k, _, err := readSketch(sketch)
	if err != nil {
		return nil, err
	}
	if n := len(s.chunks); n > 0 && k.runs[0].First <= s.chunks[n-1].last() {
		return nil, fmt.Errorf("%w: sequence %d comes twice", ErrChunk, k.runs[0].First)
	}
	c, runs, next := &Chunk{origin: k.origin, until: k.until}, k.runs, k.runs[0].First
	for at := 0; at < len(records) && len(runs) > 0; {
		length, hasTTL := checkRecord(records[at:])
		seq := uint64(0)
		if length > 0 {
			seq = k.origin + uint64(binary.LittleEndian.Uint32(records[at:]))
		}
		if length == 0 || seq < k.origin || !Genuine(records[at:at+length], seq) {
			at++
			continue
		}
		record := records[at : at+length]
		at += length
		if seq < next {
			continue // it was removed, or is there already
		}
		missing, runs, next = passOver(missing, runs, next, seq)
		if len(runs) == 0 || runs[0].First > seq {
			continue // it was removed
		}
		start := len(c.arena)
		c.arena = append(c.arena, record...)
		c.enter(uint32(seq-k.origin), uint32(start), uint32(len(c.arena)), hasTTL)
		next = seq + 1
	}
	missing, _, _ = passOver(missing, runs, next, math.MaxUint64)
	if c.live == 0 {
		return missing, nil
	}
	if err := s.enterAll(c, c.arena); err != nil {
		return nil, err
	}
	s.chunks = append(s.chunks, c)
	s.last = max(s.last, c.last())
	s.note(c)
	return missing, nil
}

// passOver goes along runs, from the sequence next up to seq, and adds what it passes
// over to what is missing.
func passOver(missing, runs []store.Range, next, seq uint64) ([]store.Range, []store.Range, uint64) {
	for len(runs) > 0 {
		r := runs[0]
		from := max(next, r.First)
		if from <= r.Last() && from < seq {
			missing = append(missing, store.Range{First: from, Count: min(seq, r.Last()+1) - from})
		}
		if r.Last() >= seq {
			return missing, runs, max(next, seq)
		}
		runs = runs[1:]
	}
	return missing, nil, max(next, seq)
}

func (c *Chunk) slotsFor(runs []store.Range) int {
	return int(min(4096, runs[len(runs)-1].Last()-runs[0].First+1))
}

// enterKept makes the slot of a record, or passes over it if nothing came before that
// is there.
func (c *Chunk) enterKept(delta uint32, start, end int, hasTTL, here bool) {
	if !here && c.live == 0 {
		c.dead += end - start
		return
	}
	c.enter(delta, uint32(start), uint32(end), hasTTL)
	if !here {
		c.slots[len(c.slots)-1] |= gone
		c.live--
		c.dead += end - start
	}
}

// enterAll counts the messages of a chunk that is behind all others.
func (s *Stream) enterAll(c *Chunk, records []byte) error {
	for i := range c.slots {
		if c.isGone(i) {
			continue
		}
		buf := records[c.start(i):c.stop(i)]
		id, err := s.familiar(recordSubject(buf))
		if err != nil {
			return err
		}
		ttl := int64(0)
		if c.isTimed(i) {
			ttl = readRecord(buf).ttl
		}
		s.enter(id, c.sequence(i), recordTime(buf), ttl, fileSize(len(buf), c.isTimed(i)))
	}
	return nil
}

// familiar is findOrAdd for the many messages of an adoption: it looks first whether the
// subject is the one that was last found in its place.
func (s *Stream) familiar(subject []byte) (uint32, error) {
	if s.lately == nil {
		s.lately = new([lately]uint32)
	}
	place := &s.lately[glance(subject)%lately]
	if id := *place; id != 0 && string(s.subjects.at(id).name) == string(subject) {
		return id, nil
	}
	id, err := s.subjects.findOrAdd(subject)
	*place = id
	return id, err
}

// lately is the number of subjects that an adoption remembers.
const lately = 4096

// glance is a number that is mostly another one for another subject.
func glance(subject []byte) (h uint32) {
	for len(subject) >= 4 {
		h = (h ^ binary.LittleEndian.Uint32(subject)) * 0x9e3779b1
		h ^= h >> 15
		subject = subject[4:]
	}
	for _, b := range subject {
		h = (h ^ uint32(b)) * 0x9e3779b1
		h ^= h >> 15
	}
	return h
}

// Resume ends the adoption of chunks: it sets what a stream without messages has of its
// past. From here to Recovered the listener hears nothing: it was told before. It fails with ErrChunk if chunks go beyond that.
func (s *Stream) Resume(first, last uint64, lastTime int64) error {
	if s.messages > 0 && s.last > last || last > store.SequenceMax {
		return fmt.Errorf("%w: messages from %d to %d, but none is behind %d", ErrChunk, s.first, s.last, last)
	}
	s.last, s.lastTime, s.silent, s.lately = last, lastTime, true, nil
	if s.messages == 0 {
		s.first = first
		if last >= first && last > 0 { // the keeper has lost what was there
			s.first = last + 1
		}
	}
	return nil
}

// Redo stores a run of records again, counting from origin. Limits do not matter. It
// fails with ErrChunk for records that are none or not next in line; those before are
// stored then.
func (s *Stream) Redo(origin uint64, run []byte) error {
	for len(run) > 0 {
		length, _ := checkRecord(run)
		if length == 0 {
			return fmt.Errorf("%w: no record for sequence %d", ErrChunk, s.last+1)
		}
		r := readRecord(run)
		m := store.Message{
			Sequence: origin + uint64(binary.LittleEndian.Uint32(run)), Time: r.time, Subject: r.subject,
			Header: r.header, Payload: r.payload, TTL: r.ttl, Marker: r.marker,
		}
		if err := s.verify(&m, s.last+1); err != nil {
			return fmt.Errorf("%w: sequence %d after %d: %w", ErrChunk, m.Sequence, s.last, err)
		}
		if _, err := s.put(&m); err != nil {
			return err
		}
		run = run[length:]
	}
	return nil
}

// RedoSkip leaves sequences out again.
func (s *Stream) RedoSkip(count uint64, lastTime int64) error {
	if count > store.SequenceMax-s.last {
		return fmt.Errorf("%w: %d sequences left out after %d", ErrChunk, count, s.last)
	}
	s.lastTime = lastTime
	s.skip(count)
	return nil
}

// Recovered ends what Resume began, and removes what the limits do not allow, as far as
// they do not speak of time.
func (s *Stream) Recovered() {
	s.silent = false
	if s.limits.MaxPerSubject > 0 {
		s.trimSubjects()
	}
	s.trim()
}
