package stream

import (
	"math"
	"time"
	"unsafe"
)

const (
	// idPage is how many bytes of identifiers lie together in memory.
	idPage = 16 << 10
	// idsIdle is for up to how many identifiers room is kept when all are forgotten.
	idsIdle = 1024
)

// An identified message is one that came with an identifier.
type identified struct {
	id       string
	sequence uint64
	time     int64
}

// Duplicates remembers the identifiers of messages for a window of time, in the order
// in which they came. The zero value has no window and remembers nothing.
type duplicates struct {
	window time.Duration
	byID   map[string]identified
	queue  []identified // from head on; may have entries that byID replaced
	head   int
	peak   int    // how many byID had at most
	page   []byte // where identifiers are put next
}

// find returns the sequence of the message that had an identifier, 0 if there was none
// or if that was too long ago.
func (d *duplicates) find(id []byte, now int64) uint64 {
	known, ok := d.byID[string(id)]
	if !ok || d.isOver(known.time, now) {
		return 0
	}
	return known.sequence
}

func (d *duplicates) isOver(stored, now int64) bool { return now >= d.end(stored) }

// end is when an identifier is forgotten.
func (d *duplicates) end(stored int64) int64 {
	if stored > math.MaxInt64-int64(d.window) {
		return math.MaxInt64
	}
	return stored + int64(d.window)
}

// add remembers an identifier.
func (d *duplicates) add(id []byte, sequence uint64, now int64) {
	if d.window <= 0 {
		return
	}
	if d.byID == nil {
		d.byID = make(map[string]identified)
	}
	entry := identified{id: d.keep(id), sequence: sequence, time: now}
	d.byID[entry.id] = entry
	d.peak = max(d.peak, len(d.byID))
	d.queue = append(d.queue, entry)
}

// keep copies an identifier to where it can stay. A page lives as long as one of the
// identifiers in it: they come and go in one order, so that is not much longer than it
// must.
func (d *duplicates) keep(id []byte) string {
	if len(id) > idPage/8 {
		return string(id)
	}
	if cap(d.page)-len(d.page) < len(id) {
		d.page = make([]byte, 0, idPage)
	}
	start := len(d.page)
	d.page = append(d.page, id...)
	// These bytes of the page are never written again.
	return unsafe.String(unsafe.SliceData(d.page[start:]), len(id))
}

// expire forgets what is too long ago.
func (d *duplicates) expire(now int64) {
	for d.head < len(d.queue) && d.isOver(d.queue[d.head].time, now) {
		d.pop()
	}
}

func (d *duplicates) pop() {
	entry := d.queue[d.head]
	if known := d.byID[entry.id]; known.sequence == entry.sequence {
		delete(d.byID, entry.id)
	}
	d.queue[d.head] = identified{}
	d.head++
	switch {
	case d.head == len(d.queue):
		d.head = 0
		if d.queue = d.queue[:0]; d.peak > idsIdle {
			d.queue, d.byID, d.peak = nil, nil, 0
		}
	case d.head > idsIdle && d.head > len(d.queue)/2:
		d.queue = append([]identified(nil), d.queue[d.head:]...)
		d.head = 0
	}
}

// next is when expire will have something to do, or the greatest time.
func (d *duplicates) next() int64 {
	if d.head == len(d.queue) {
		return math.MaxInt64
	}
	return d.end(d.queue[d.head].time)
}

// setWindow changes how long identifiers are remembered, those that are known too.
func (d *duplicates) setWindow(window time.Duration) {
	if d.window = window; window <= 0 {
		*d = duplicates{}
	}
}

func (d *duplicates) len() int { return len(d.byID) }
