package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/godwit-mq/godwit/internal/seal"
)

// A checkpoint is the state of the journal at a position: recovery begins there.
//
//	magic, version, identity
//	number, position, generation limit, next file number
//	segments:  count, then generation, file number, end, seal
//	groups:    count, then number; runs of records; floor; next
//	holds:     count, then group, generation, bytes
//	checksum of all before
//
// Lists are sorted. Numbers are unsigned varints. A run is its length and first sequence, then per
// record the signed difference of its position to the one before, in units of 4
// bytes, and its size. A run of length 0 ends the list.
type checkpoint struct {
	identity        identity
	number          uint64
	position        Position // all before is in here
	generationLimit uint64   // generations from here on have never been used
	nextNumber      uint64   // of a segment file
	segments        []segmentState
	groups          []groupState
	holds           []holdState
}

type segmentState struct {
	generation, number uint64
	end                int64
	seal               seal.Mark
}

type groupState struct {
	id          GroupID
	floor, next uint64
	index       index
}

type holdState struct {
	hold
	bytes int64
}

// before is the order of holds in a checkpoint.
func (h hold) before(other hold) bool {
	return h.group < other.group || h.group == other.group && h.segment < other.segment
}

const (
	checkpointMagic   = "GwJournalCheckpoint\n"
	checkpointVersion = 1
	// checkpointLimit bounds what is read: 4 GiB would be a billion records.
	checkpointLimit = 4 << 30
)

// checkpointNames are the two copies. The second is written when the first is
// durable, and segments are recycled only when both are.
var checkpointNames = [2]string{"checkpoint-a", "checkpoint-b"}

type encoder struct {
	buf      []byte
	previous Position // of the last record of the group
}

func (e *encoder) uint(v uint64) { e.buf = binary.AppendUvarint(e.buf, v) }
func (e *encoder) int(v int64)   { e.buf = binary.AppendVarint(e.buf, v) }

func (e *encoder) begin(c *checkpoint) {
	e.buf = append(e.buf, checkpointMagic...)
	e.buf = append(e.buf, checkpointVersion)
	e.buf = append(e.buf, c.identity[:]...)
	e.uint(c.number)
	e.uint(uint64(c.position))
	e.uint(c.generationLimit)
	e.uint(c.nextNumber)
}

func (e *encoder) segments(list []segmentState) {
	e.uint(uint64(len(list)))
	for _, s := range list {
		e.uint(s.generation)
		e.uint(s.number)
		e.uint(uint64(s.end))
		e.buf = append(e.buf, s.seal.Kind)
		e.buf = append(e.buf, s.seal.Salt[:]...)
		e.buf = binary.LittleEndian.AppendUint64(e.buf, s.seal.Check)
	}
}

// records encodes the records of an index with sequences in [from, to) that lie
// before a limit, and returns the highest of them.
func (e *encoder) records(x *index, from, to uint64, limit Position) (last uint64) {
	for from < to {
		first, pos, _, ok := x.next(from)
		if !ok || first >= to {
			return last
		}
		if pos >= limit {
			from = first + 1
			continue
		}
		count := 0
		for s := first; s < to; s++ {
			if pos, _, ok := x.get(s); !ok || pos >= limit {
				break
			}
			count++
		}
		e.uint(uint64(count))
		e.uint(first)
		for s := first; s < first+uint64(count); s++ {
			pos, size, _ := x.get(s)
			e.int((int64(pos) - int64(e.previous)) / recordAlign)
			e.uint(uint64(size))
			e.previous = pos
		}
		last = first + uint64(count) - 1
		from = last + 1
	}
	return last
}

func (e *encoder) endRecords(floor, next uint64) {
	e.previous = 0
	e.uint(0)
	e.uint(floor)
	e.uint(next)
}

func (e *encoder) holds(list []holdState) {
	e.uint(uint64(len(list)))
	for _, h := range list {
		e.uint(uint64(h.group))
		e.uint(h.segment)
		e.uint(uint64(h.bytes))
	}
}

func (e *encoder) finish() []byte {
	return binary.LittleEndian.AppendUint32(e.buf, crc32.Checksum(e.buf, castagnoli))
}

var errCheckpoint = errors.New("damaged checkpoint")

type decoder struct {
	buf []byte
	bad bool
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.buf)
	return d.take(v, n)
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.buf)
	d.take(0, n)
	return v
}

func (d *decoder) take(v uint64, n int) uint64 {
	if n <= 0 {
		d.bad, d.buf = true, nil
		return 0
	}
	d.buf = d.buf[n:]
	return v
}

func (d *decoder) bytes(n int) []byte {
	if len(d.buf) < n {
		d.bad, d.buf = true, nil
		return make([]byte, n)
	}
	p := d.buf[:n]
	d.buf = d.buf[n:]
	return p
}

// count reads the length of a list whose elements take at least so many bytes.
func (d *decoder) count(least int) int {
	n := d.uint()
	if n > uint64(len(d.buf)/least) {
		d.bad, d.buf = true, nil
		return 0
	}
	return int(n)
}

// parseCheckpoint is the inverse of encoder. It accepts nothing whose numbers do
// not make sense, whatever the checksum says.
func parseCheckpoint(data []byte) (*checkpoint, error) {
	if len(data) < len(checkpointMagic)+1+16+4 || string(data[:len(checkpointMagic)]) != checkpointMagic {
		return nil, fmt.Errorf("%w: no header", errCheckpoint)
	}
	body, sum := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, fmt.Errorf("%w: checksum", errCheckpoint)
	}
	d := &decoder{buf: body[len(checkpointMagic):]}
	if version := d.bytes(1)[0]; version != checkpointVersion {
		return nil, fmt.Errorf("%w: version %d is not known", errCheckpoint, version)
	}
	c := &checkpoint{identity: identity(d.bytes(16))}
	c.number = d.uint()
	c.position = Position(d.uint())
	c.generationLimit = d.uint()
	c.nextNumber = d.uint()
	numbers := make(map[uint64]bool)
	for range d.count(28) {
		s := d.segment()
		n := len(c.segments)
		d.bad = d.bad || numbers[s.number] || n > 0 && s.generation <= c.segments[n-1].generation
		numbers[s.number] = true
		c.segments = append(c.segments, s)
	}
	for range d.count(4) {
		g := d.group()
		n := len(c.groups)
		d.bad = d.bad || n > 0 && g.id <= c.groups[n-1].id
		c.groups = append(c.groups, g)
	}
	for range d.count(3) {
		h := holdState{hold: hold{GroupID(d.uint()), d.uint()}, bytes: int64(d.uint())}
		n := len(c.holds)
		d.bad = d.bad || h.group == 0 || h.bytes <= 0 || h.bytes > MaxSegmentSize || n > 0 && !c.holds[n-1].before(h.hold)
		c.holds = append(c.holds, h)
	}
	if d.bad || len(d.buf) > 0 || c.generationLimit > maxGeneration {
		return nil, fmt.Errorf("%w: malformed", errCheckpoint)
	}
	return c, nil
}

func (d *decoder) segment() segmentState {
	s := segmentState{generation: d.uint(), number: d.uint(), end: int64(d.uint())}
	s.seal.Kind = d.bytes(1)[0]
	s.seal.Salt = [16]byte(d.bytes(16))
	s.seal.Check = binary.LittleEndian.Uint64(d.bytes(8))
	d.bad = d.bad || s.generation > maxGeneration || s.number == 0 || s.end < 0 || s.end > MaxSegmentSize
	return s
}

func (d *decoder) group() groupState {
	g := groupState{id: GroupID(d.uint())}
	var previous Position
	least := uint64(1)
	for {
		count := d.count(2)
		if count == 0 {
			break
		}
		first := d.uint()
		if first < least || first > maxSequence {
			d.bad = true
			return g
		}
		for i := range count {
			previous = Position(int64(previous) + d.int()*recordAlign)
			size := d.uint()
			d.bad = d.bad || size < recordHeader || size > MaxSegmentSize || previous%recordAlign != 0
			g.index.set(first+uint64(i), previous, uint32(size))
		}
		least = first + uint64(count)
	}
	g.floor, g.next = d.uint(), d.uint()
	last, ok := g.index.last()
	d.bad = d.bad || g.id == 0 || g.floor >= g.next || g.next > maxSequence || ok && last >= g.next
	return g
}
