package chunked

import (
	"math"
	"sort"

	"github.com/godwit-mq/godwit/internal/ds/thw"
	"github.com/godwit-mq/godwit/internal/store"
)

// A Stream is a stream store made of chunks. Package documentation tells how it is
// built, and package store what it promises.
type Stream struct {
	shape    shape
	keeper   Keeper   // nil if all is in memory and nowhere else
	chunks   []*Chunk // ascending; none is empty
	spare    *Chunk   // an emptied chunk whose memory the next one takes over
	subjects subjects
	limits   store.Limits
	onRemove func(store.Removal)

	messages, bytes uint64
	first, last     uint64
	firstTime       int64 // of the message first, 0 if there are none
	lastTime        int64
	closed          bool

	ttls thw.Wheel // ends of life times, while Limits.MessageTTL is on
	held held      // messages that a judge held back
	// aged is the sequence before which age has judged every message.
	aged uint64

	name      []byte          // subject of a message that was removed alone
	ids       []uint32        // scratch of operations on many subjects
	dues      []uint64        // scratch of Tick
	lastTaken uint64          // sequence that Tick removed last
	quiet     bool            // an operation on many tells of them at its end
	removed   tally           // what that operation removed so far
	together  bool            // the keeper hears of what goes at the end
	silent    bool            // what goes went before
	lately    *[lately]uint32 // numbers of subjects, during an adoption
	changed   []*Chunk        // since the keeper asked
}

var _ store.Stream = (*Stream)(nil)

// A Keeper keeps a stream elsewhere than in memory. It is called within operations of
// the stream, by whoever calls those.
type Keeper interface {
	// Load returns the records of a chunk whose Records are nil. They must stay as they
	// are as long as anybody may hold them. Several goroutines may call it at once.
	Load(c *Chunk) ([]byte, error)
	// Record returns the record of one message of such a chunk, the bytes from start to
	// stop of its records. With ahead, those behind it are likely to be asked for next. It
	// may as well Load the chunk.
	Record(c *Chunk, seq uint64, start, stop int, ahead bool) ([]byte, error)
	// Stored is told of a message that was appended: its record, and the sequence from
	// which that counts.
	Stored(origin uint64, record []byte)
	// Removed is told of a message that went, Erased of one of which nothing may be left.
	Removed(seq uint64)
	Erased(seq uint64)
	// Skipped is told of sequences that were left out, with the time of the last message
	// as it is since.
	Skipped(count uint64, lastTime int64)
	// Compacted is told that everything below a sequence went, and that the next one is
	// not below it. The messages were not told of one by one.
	Compacted(seq uint64)
	// Truncated is told that everything above a sequence went, as Truncate says.
	Truncated(seq uint64)
	// Dropped is told that a chunk is no more.
	Dropped(c *Chunk)
}

// New returns an empty stream in memory. It fails with store.ErrLimits or, for a first
// sequence beyond store.SequenceMax, store.ErrSequence.
func New(o store.Options) (*Stream, error) { return newStream(o, usual, nil) }

// NewKept is New for a stream that a keeper keeps, in chunks of so many bytes.
func NewKept(o store.Options, k Keeper, chunk int) (*Stream, error) {
	return newStream(o, shapeFor(chunk), k)
}

func newStream(o store.Options, s shape, k Keeper) (*Stream, error) {
	limits, err := o.Limits.Normal()
	if err != nil {
		return nil, err
	}
	if o.FirstSequence > store.SequenceMax {
		return nil, store.ErrSequence
	}
	stream := &Stream{shape: s, keeper: k, limits: limits, onRemove: o.OnRemove}
	if o.FirstSequence > 0 {
		stream.first, stream.last = o.FirstSequence, o.FirstSequence-1
	}
	return stream, nil
}

// Close drops everything.
func (s *Stream) Close() error {
	if s.closed {
		return store.ErrClosed
	}
	*s = Stream{closed: true}
	return nil
}

// Size is what a message counts for.
func (s *Stream) Size(subject, header, payload int) uint64 {
	if s.keeper == nil {
		return store.MemorySize(subject, header, payload)
	}
	return store.FileSize(subject, header, payload)
}

// State returns the summary.
func (s *Stream) State() store.State {
	return store.State{
		Messages: s.messages, Bytes: s.bytes,
		FirstSequence: s.first, LastSequence: s.last,
		FirstTime: s.firstTime, LastTime: s.lastTime,
		Subjects: s.subjects.len(),
	}
}

// Deleted visits the runs of sequences without a message.
func (s *Stream) Deleted(fn func(store.Range) bool) {
	if s.messages == 0 {
		return
	}
	expected := s.first
	for _, c := range s.chunks {
		if c.first() == expected && c.last()-expected == uint64(c.live)-1 {
			expected = c.last() + 1
			continue
		}
		for i := range c.slots {
			if c.isGone(i) {
				continue
			}
			seq := c.sequence(i)
			if seq > expected && !fn(store.Range{First: expected, Count: seq - expected}) {
				return
			}
			expected = seq + 1
		}
	}
	if expected <= s.last {
		fn(store.Range{First: expected, Count: s.last - expected + 1})
	}
}

// Limits returns the limits.
func (s *Stream) Limits() store.Limits { return s.limits }

// records are the records of a chunk, from wherever they are.
func (s *Stream) records(c *Chunk) ([]byte, error) {
	if c.arena != nil {
		return c.arena, nil
	}
	return s.keeper.Load(c)
}

// recordAt is the record in a slot.
func (s *Stream) recordAt(c *Chunk, i int) ([]byte, error) {
	if c.arena != nil {
		return c.arena[c.start(i):c.stop(i)], nil
	}
	return s.keeper.Record(c, c.sequence(i), c.start(i), c.stop(i), false)
}

// sizeAt is what the message in a slot counts for. In memory its record is there; for
// others the length of the record tells.
func (s *Stream) sizeAt(c *Chunk, i int) uint64 {
	if s.keeper != nil {
		return fileSize(c.recordLen(i), c.isTimed(i))
	}
	r := readRecord(c.arena[c.start(i):])
	return store.MemorySize(len(r.subject), len(r.header), len(r.payload))
}

// findChunk is the index of the first chunk whose last sequence is not below seq,
// or the number of chunks. The newest and the oldest are looked at first.
func (s *Stream) findChunk(seq uint64) int {
	n := len(s.chunks)
	switch {
	case n == 0 || seq > s.chunks[n-1].last():
		return n
	case seq >= s.chunks[n-1].first():
		return n - 1
	case seq <= s.chunks[0].last():
		return 0
	}
	return sort.Search(n, func(i int) bool { return s.chunks[i].last() >= seq })
}

// locate returns the chunk and the slot of a message.
func (s *Stream) locate(seq uint64) (*Chunk, int, bool) {
	if i := s.findChunk(seq); i < len(s.chunks) {
		c := s.chunks[i]
		if seq < c.first() {
			return nil, 0, false
		}
		if k := c.find(seq); k >= 0 {
			return c, k, true
		}
	}
	return nil, 0, false
}

// A position is a message's place: the index of its chunk and of its slot.
type position struct {
	chunk, slot int
}

// from is the position of the oldest message that is not below seq.
func (s *Stream) from(seq uint64) (position, bool) {
	i := s.findChunk(seq)
	if i == len(s.chunks) {
		return position{}, false
	}
	c := s.chunks[i]
	return position{i, c.next(c.search(seq))}, true
}

// upTo is the position of the newest message that is not above seq.
func (s *Stream) upTo(seq uint64) (position, bool) {
	i := s.findChunk(seq)
	if i == len(s.chunks) || s.chunks[i].first() > seq {
		if i == 0 {
			return position{}, false
		}
		return position{i - 1, len(s.chunks[i-1].slots) - 1}, true
	}
	c := s.chunks[i]
	k := c.search(seq)
	if c.sequence(k) > seq {
		k--
	}
	return position{i, c.previous(k)}, true
}

// forward moves to the next message.
func (s *Stream) forward(p *position) bool {
	c := s.chunks[p.chunk]
	if p.slot = c.next(p.slot + 1); p.slot < len(c.slots) {
		return true
	}
	p.chunk, p.slot = p.chunk+1, 0
	return p.chunk < len(s.chunks)
}

// backward moves to the message before.
func (s *Stream) backward(p *position) bool {
	if p.slot = s.chunks[p.chunk].previous(p.slot - 1); p.slot >= 0 {
		return true
	}
	if p.chunk == 0 {
		return false
	}
	p.chunk--
	p.slot = len(s.chunks[p.chunk].slots) - 1
	return true
}

// at is the record at a position that a search has come to.
func (s *Stream) at(p position) ([]byte, error) {
	c := s.chunks[p.chunk]
	if c.arena != nil {
		return c.arena[c.start(p.slot):c.stop(p.slot)], nil
	}
	return s.keeper.Record(c, c.sequence(p.slot), c.start(p.slot), c.stop(p.slot), true)
}

// fill decodes the message in a slot into m.
func (s *Stream) fill(m *store.Message, c *Chunk, i int) error {
	buf, err := s.recordAt(c, i)
	if err != nil {
		return err
	}
	r := readRecord(buf)
	*m = store.Message{
		Sequence: c.sequence(i), Time: r.time, Subject: r.subject,
		Header: r.header, Payload: r.payload, TTL: r.ttl, Marker: r.marker,
	}
	return nil
}

// noteFirst takes up what the first message is now. A time that cannot be read stays
// as it was.
func (s *Stream) noteFirst() {
	if s.messages == 0 {
		s.first, s.firstTime = s.last+1, 0
		return
	}
	c := s.chunks[0]
	s.first = c.first()
	if buf, err := s.recordAt(c, 0); err == nil {
		s.firstTime = recordTime(buf)
	}
}

// note enters a chunk in the list of those that the keeper has not seen as they are.
func (s *Stream) note(c *Chunk) {
	if s.keeper != nil && !c.listed {
		c.listed = true
		s.changed = append(s.changed, c)
	}
}

// endless is the time of what never comes.
const endless = math.MaxInt64
