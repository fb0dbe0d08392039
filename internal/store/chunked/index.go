package chunked

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/godwit-mq/godwit/internal/ds/thw"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/varint"
)

// indexVersion is that of the encoded index:
//
//	version | 1 if life times count, or 0
//	messages, bytes, time of the first message (zigzag), number of chunks
//	per chunk:    start of the first record | number of slots
//	              0 and the first sequence less the origin, if they are consecutive,
//	              or else 1, the same, and the gap to each following one less 1
//	              runs of records of the same length: 2 * length + 1 if they have life
//	              times | how many
//	number of subjects, and per subject:
//	              length of the name | name | number of messages | first sequence
//	              runs of the same distance to the next one: distance | how many
//	the wheel of life times
//
// All numbers are varints. What is removed of a chunk its sketch says.
const indexVersion = 1

// AppendIndex appends to buf what the stream knows of its chunks without reading them,
// so that AdoptIndexed need not either.
func (s *Stream) AppendIndex(buf []byte) []byte {
	ttl := byte(0)
	if s.limits.MessageTTL {
		ttl = 1
	}
	buf = append(buf, indexVersion, ttl)
	buf = binary.AppendUvarint(buf, s.messages)
	buf = binary.AppendUvarint(buf, s.bytes)
	buf = binary.AppendVarint(buf, s.firstTime)
	buf = binary.AppendUvarint(buf, uint64(len(s.chunks)))
	for _, c := range s.chunks {
		buf = c.appendIndex(buf)
	}
	buf = binary.AppendUvarint(buf, uint64(s.subjects.len()))
	s.subjects.visit(nil, func(_ uint32, e *entry) bool {
		buf = binary.AppendUvarint(buf, uint64(len(e.name)))
		buf = append(buf, e.name...)
		buf = e.appendIndex(buf)
		return true
	})
	return s.ttls.Append(buf, 0)
}

func (c *Chunk) appendIndex(buf []byte) []byte {
	buf = binary.AppendUvarint(buf, uint64(c.start(0)))
	buf = binary.AppendUvarint(buf, uint64(len(c.slots)))
	if c.deltas == nil {
		buf = append(buf, 0)
		buf = binary.AppendUvarint(buf, uint64(c.front))
	} else {
		buf = append(buf, 1)
		buf = binary.AppendUvarint(buf, uint64(c.deltas[0]))
		for i, delta := range c.deltas[1:] {
			buf = binary.AppendUvarint(buf, uint64(delta-c.deltas[i]-1))
		}
	}
	r := repeats{buf: buf}
	for i := range c.slots {
		length := uint64(c.recordLen(i)) << 1
		if c.isTimed(i) {
			length |= 1
		}
		r.add(length)
	}
	return r.end()
}

func (p *postings) appendIndex(buf []byte) []byte {
	buf = binary.AppendUvarint(buf, p.count)
	buf = binary.AppendUvarint(buf, p.first)
	r := repeats{buf: buf}
	if len(p.runs) == 0 {
		if p.count == 2 {
			r.add(p.last - p.first)
		}
		return r.end()
	}
	before := p.first
	for i := range p.runs {
		run := &p.runs[i]
		for k := range run.offsets {
			if seq := run.at(k); seq != p.first {
				r.add(seq - before)
				before = seq
			}
		}
	}
	return r.end()
}

// repeats encodes numbers of which many are the same as the one before.
type repeats struct {
	buf   []byte
	value uint64
	count uint64
}

func (r *repeats) add(value uint64) {
	if r.count > 0 && value == r.value {
		r.count++
		return
	}
	r.buf = r.end()
	r.value, r.count = value, 1
}

func (r *repeats) end() []byte {
	if r.count > 0 {
		r.buf = binary.AppendUvarint(r.buf, r.value)
		r.buf = binary.AppendUvarint(r.buf, r.count)
		r.count = 0
	}
	return r.buf
}

// An indexReader reads an encoded index.
type indexReader struct {
	varint.Reader
	value, count uint64 // of the present run
	slab         []uint32
}

// repeated is the next of numbers that repeats encoded.
func (r *indexReader) repeated() uint64 {
	if r.count == 0 {
		r.value, r.count = r.Uvarint(), r.Uvarint()
		if r.count == 0 {
			return r.Fail()
		}
	}
	r.count--
	return r.value
}

// AdoptIndexed is Adopt for all chunks of a stream that is empty yet, given their
// sketches in order, and the index that belongs to them. It fails with ErrChunk, and
// then the stream is of no use.
func (s *Stream) AdoptIndexed(sketches [][]byte, index []byte) ([]*Chunk, error) {
	bad := fmt.Errorf("%w: its index", ErrChunk)
	if len(index) < 2 || index[0] != indexVersion || (index[1] == 1) != s.limits.MessageTTL {
		return nil, bad
	}
	r := &indexReader{Reader: varint.Reader{Buf: index[2:]}}
	messages, bytes := r.Uvarint(), r.Uvarint()
	firstTime, n := binary.Varint(r.Buf)
	if n <= 0 {
		return nil, bad
	}
	r.Buf = r.Buf[n:]
	if r.Uvarint() != uint64(len(sketches)) {
		return nil, bad
	}
	for _, text := range sketches {
		c, err := s.adoptIndexed(text, r)
		if err != nil {
			return nil, err
		}
		s.messages += uint64(c.live)
	}
	counted := s.adoptSubjects(r)
	if r.Short || s.messages != messages || counted > messages {
		return nil, bad
	}
	wheel, _, err := thw.Decode(r.Buf)
	if err != nil {
		return nil, bad
	}
	wheel.Expire(math.MaxInt64, func(seq uint64, due int64) bool { s.ttls.Add(seq, due); return true })
	s.bytes, s.firstTime = bytes, firstTime
	if len(s.chunks) > 0 {
		s.first, s.last = s.chunks[0].first(), s.chunks[len(s.chunks)-1].last()
	}
	return slices.Clone(s.chunks), nil
}

// adoptIndexed makes one chunk.
func (s *Stream) adoptIndexed(text []byte, r *indexReader) (*Chunk, error) {
	bad := fmt.Errorf("%w: its index", ErrChunk)
	k, rest, err := readSketch(text)
	if err != nil || len(rest) > 0 {
		return nil, bad
	}
	if n := len(s.chunks); n > 0 && k.runs[0].First <= s.chunks[n-1].last() {
		return nil, fmt.Errorf("%w: sequence %d comes twice", ErrChunk, k.runs[0].First)
	}
	c := &Chunk{origin: k.origin, until: k.until}
	at := r.UpTo(offsetMask)
	count := r.UpTo(offsetMask)
	sparse := r.UpTo(1) == 1
	delta := r.UpTo(math.MaxUint32)
	if r.Short || count == 0 || count > uint64(k.runs[len(k.runs)-1].Last()-k.runs[0].First+1) {
		return nil, bad
	}
	c.slots, c.front = make([]uint32, 0, min(count, 1<<16)), uint32(delta)
	if sparse {
		c.deltas = append(make([]uint32, 0, min(count, 1<<16)), uint32(delta))
		for range count - 1 {
			if delta += r.Uvarint() + 1; r.Short || delta > math.MaxUint32 {
				return nil, bad
			}
			c.deltas = append(c.deltas, uint32(delta))
		}
	}
	r.count = 0
	for range count {
		length := r.repeated()
		if r.Short || length>>1 < recordHead || at+length>>1 > offsetMask {
			return nil, bad
		}
		slot := uint32(at)
		if length&1 != 0 {
			slot |= timed
		}
		c.slots = append(c.slots, slot)
		at += length >> 1
	}
	c.end = uint32(at)
	if !c.apply(k.runs) {
		return nil, bad
	}
	s.chunks = append(s.chunks, c)
	return c, nil
}

// apply marks what is not in the runs as gone. It reports whether all of the runs is
// there, from the first slot to the last.
func (c *Chunk) apply(runs []store.Range) bool {
	if c.first() != runs[0].First || c.last() != runs[len(runs)-1].Last() {
		return false
	}
	c.dead = c.start(0)
	if len(runs) == 1 && c.deltas == nil {
		c.live = len(c.slots)
		return true
	}
	expected := uint64(0)
	for _, r := range runs {
		expected += r.Count
	}
	for i := range c.slots {
		seq := c.sequence(i)
		for runs[0].Last() < seq {
			runs = runs[1:]
		}
		if runs[0].First <= seq {
			c.live++
			continue
		}
		c.dead += c.recordLen(i)
		c.slots[i] |= gone
	}
	return uint64(c.live) == expected
}

// adoptSubjects makes the subjects and returns how many messages they have.
func (s *Stream) adoptSubjects(r *indexReader) (messages uint64) {
	for n := r.Uvarint(); n > 0 && !r.Short; n-- {
		length := r.UpTo(store.SubjectMax)
		if length > uint64(len(r.Buf)) {
			return r.Fail()
		}
		name := r.Buf[:length]
		r.Buf = r.Buf[length:]
		count, first := r.UpTo(s.messages), r.UpTo(store.SequenceMax)
		if r.Short || count == 0 || length == 0 {
			return r.Fail()
		}
		id, err := s.subjects.add(name)
		if err != nil {
			return r.Fail()
		}
		r.count = 0
		s.subjects.at(id).adopt(r, count, first)
		messages += count
	}
	return messages
}

// slabSize is how many places of runs are made at once.
const slabSize = 1 << 14

// adopt makes the postings of count sequences.
func (p *postings) adopt(r *indexReader, count, first uint64) {
	if count <= 2 {
		p.add(first)
		if count == 2 {
			p.add(first + r.repeated())
		}
		return
	}
	p.first, p.count = first, count
	p.runs = make([]run, 0, (count+runMax-1)/runMax)
	for seq, left := first, count; left > 0; {
		n := int(min(left, runMax))
		if len(r.slab) < n {
			r.slab = make([]uint32, slabSize)
		}
		offsets, base := r.slab[:0:n], seq
		for len(offsets) < n && seq-base <= math.MaxUint32 {
			offsets = append(offsets, uint32(seq-base))
			p.last = seq
			if left--; left > 0 {
				distance := r.repeated()
				if distance == 0 {
					r.Fail()
				}
				seq += distance
			}
		}
		r.slab = r.slab[n:]
		p.runs = append(p.runs, run{base: base, offsets: offsets})
		if r.Short || seq > store.SequenceMax {
			r.Fail()
			return
		}
	}
}
