package block

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/chunked"
)

// errEffect is returned for bytes of the journal that are not effects.
var errEffect = errors.New("journal record is not one of a stream")

// The kinds of effects. A journal record of a stream is some of these, one behind the
// other, in the order in which they happened; but what was stored comes before what was
// removed between two others.
//
//	stored     1 | u32 length | u64 origin | records as they lie in chunks
//	removed    2 | number of runs | per run: gap since the one before, zigzag | length
//	erased     3 | sequence
//	skipped    4 | number | time of the last message, zigzag
//	compacted  5 | sequence
//	truncated  6 | sequence
//
// Numbers without a width are varints.
const (
	kindStored = 1 + iota
	kindRemoved
	kindErased
	kindSkipped
	kindCompacted
	kindTruncated
)

const (
	storedHead = 1 + 4 + 8
	// recordMost is the length of a journal record from which on another one begins, where
	// segments are not small.
	recordMost = 1 << 20
)

// effects gathers what happens to a stream until it is handed to the journal.
type effects struct {
	most    int // length of a journal record from which on another one begins
	buf     []byte
	ends    []int // of the journal records in buf that are complete
	run     int   // where the open run begins, if open
	open    bool
	origin  uint64 // from which the records of the open run count
	removed []store.Range
}

func (e *effects) empty() bool { return len(e.buf) == 0 && len(e.removed) == 0 }

// stored takes up a record.
func (e *effects) stored(origin uint64, record []byte) {
	if !e.open || e.origin != origin {
		e.closeRun()
		e.room()
		e.run, e.open, e.origin = len(e.buf), true, origin
		e.buf = append(e.buf, kindStored, 0, 0, 0, 0)
		e.buf = binary.LittleEndian.AppendUint64(e.buf, origin)
	}
	e.buf = append(e.buf, record...)
	e.divide()
}

func (e *effects) closeRun() {
	if e.open {
		binary.LittleEndian.PutUint32(e.buf[e.run+1:], uint32(len(e.buf)-e.run-storedHead))
		e.open = false
	}
}

func (e *effects) remove(seq uint64) {
	if n := len(e.removed); n > 0 && seq == e.removed[n-1].Last()+1 {
		e.removed[n-1].Count++
		return
	}
	e.removed = append(e.removed, store.Range{First: seq, Count: 1})
	e.divide()
}

// settle completes what is open.
func (e *effects) settle() {
	e.closeRun()
	if len(e.removed) == 0 {
		return
	}
	e.room()
	e.buf = append(e.buf, kindRemoved)
	e.buf = binary.AppendUvarint(e.buf, uint64(len(e.removed)))
	at := uint64(0)
	for _, r := range e.removed {
		e.buf = binary.AppendVarint(e.buf, int64(r.First-at))
		e.buf = binary.AppendUvarint(e.buf, r.Count)
		at = r.First + r.Count
	}
	e.removed = e.removed[:0]
}

func (e *effects) erase(seq uint64) { e.single(kindErased, seq) }

func (e *effects) compact(seq uint64) { e.single(kindCompacted, seq) }

func (e *effects) truncate(seq uint64) { e.single(kindTruncated, seq) }

func (e *effects) single(kind byte, seq uint64) {
	e.settle()
	e.room()
	e.buf = append(e.buf, kind)
	e.buf = binary.AppendUvarint(e.buf, seq)
	e.divide()
}

func (e *effects) skip(count uint64, lastTime int64) {
	e.settle()
	e.room()
	e.buf = append(e.buf, kindSkipped)
	e.buf = binary.AppendUvarint(e.buf, count)
	e.buf = binary.AppendVarint(e.buf, lastTime)
	e.divide()
}

// divide ends a journal record that has become long.
func (e *effects) divide() {
	begin := 0
	if n := len(e.ends); n > 0 {
		begin = e.ends[n-1]
	}
	if len(e.buf)-begin+8*len(e.removed) < e.most {
		return
	}
	e.settle()
	e.ends = append(e.ends, len(e.buf))
}

// take returns the journal records, good until reset.
func (e *effects) take(records [][]byte) [][]byte {
	e.settle()
	begin := 0
	for _, end := range e.ends {
		records = append(records, e.buf[begin:end])
		begin = end
	}
	if begin < len(e.buf) {
		records = append(records, e.buf[begin:])
	}
	return records
}

// buffers are those of effects that were handed over: an idle stream has none.
var buffers sync.Pool

// room sees to it that there is a buffer.
func (e *effects) room() {
	if e.buf != nil {
		return
	}
	if b, ok := buffers.Get().(*[]byte); ok {
		e.buf = (*b)[:0]
		return
	}
	e.buf = make([]byte, 0, 4096)
}

func (e *effects) reset() {
	if b := e.buf; b != nil && cap(b) <= 2*recordMost {
		buffers.Put(&b)
	}
	e.buf, e.ends, e.open = nil, e.ends[:0], false
}

// A redoing does effects again. A stream of which effects were lost goes on with
// holes.
type redoing struct {
	stream *chunked.Stream
	lossy  bool
}

// record does the effects of a journal record.
func (d *redoing) record(buf []byte) error {
	for len(buf) > 0 {
		kind := buf[0]
		rest, err := d.effect(kind, buf[1:])
		if err != nil {
			return fmt.Errorf("effect of kind %d: %w", kind, err)
		}
		buf = rest
	}
	return nil
}

func (d *redoing) effect(kind byte, buf []byte) ([]byte, error) {
	switch kind {
	case kindStored:
		return d.stored(buf)
	case kindRemoved:
		return d.removed(buf)
	}
	n, rest, err := uvarint(buf)
	if err != nil {
		return nil, err
	}
	switch kind {
	case kindErased:
		_, err = d.stream.Erase(n)
	case kindCompacted:
		if n == 0 {
			return nil, errEffect
		}
		_, err = d.stream.Compact(n)
	case kindTruncated:
		_, err = d.stream.Truncate(n)
	case kindSkipped:
		lastTime, size := binary.Varint(rest)
		if size <= 0 {
			return nil, errEffect
		}
		return rest[size:], d.stream.RedoSkip(n, lastTime)
	default:
		return nil, errEffect
	}
	return rest, d.tolerate(err)
}

// tolerate forgives what concerns messages that were lost.
func (d *redoing) tolerate(err error) error {
	if d.lossy && (errors.Is(err, store.ErrEOF) || errors.Is(err, store.ErrNotFound)) {
		return nil
	}
	return err
}

func (d *redoing) stored(buf []byte) ([]byte, error) {
	if len(buf) < storedHead-1 {
		return nil, errEffect
	}
	length, origin := binary.LittleEndian.Uint32(buf), binary.LittleEndian.Uint64(buf[4:])
	buf = buf[storedHead-1:]
	if uint64(length) > uint64(len(buf)) || length < 4 || origin > store.SequenceMax {
		return nil, errEffect
	}
	run := buf[:length]
	first, last := origin+uint64(binary.LittleEndian.Uint32(run)), d.stream.State().LastSequence
	if d.lossy && first > last+1 {
		if err := d.stream.RedoSkip(first-last-1, d.stream.State().LastTime); err != nil {
			return nil, err
		}
	}
	return buf[length:], d.stream.Redo(origin, run)
}

func (d *redoing) removed(buf []byte) ([]byte, error) {
	runs, buf, err := uvarint(buf)
	if err != nil || runs > uint64(len(buf)/2) {
		return nil, errEffect
	}
	at := uint64(0)
	for range runs {
		gap, n := binary.Varint(buf)
		if n <= 0 {
			return nil, errEffect
		}
		count, rest, err := uvarint(buf[n:])
		first := at + uint64(gap)
		if err != nil || count == 0 || first > store.SequenceMax || count > store.SequenceMax {
			return nil, errEffect
		}
		buf, at = rest, first+count
		if err := d.removeRun(store.Range{First: first, Count: count}); err != nil {
			return nil, err
		}
	}
	return buf, nil
}

func (d *redoing) removeRun(r store.Range) (err error) {
	r.All(func(seq uint64) bool {
		_, err = d.stream.Remove(seq)
		err = d.tolerate(err)
		return err == nil
	})
	return err
}

// uvarint reads a number that is no larger than a sequence can be.
func uvarint(buf []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(buf)
	if n <= 0 || v > math.MaxInt64 {
		return 0, nil, errEffect
	}
	return v, buf[n:], nil
}
