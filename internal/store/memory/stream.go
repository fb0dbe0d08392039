package memory

import (
	"sort"

	"github.com/godwit-mq/godwit/internal/ds/thw"
	"github.com/godwit-mq/godwit/internal/store"
)

// A Stream is a stream store in memory. Package documentation tells how it is
// built, and package store what it promises.
type Stream struct {
	shape    shape
	blocks   []*block // ascending; none is empty
	spare    *block   // an emptied block whose memory the next one takes over
	subjects subjects
	limits   store.Limits
	onRemove func(store.Removal)

	messages, bytes uint64
	first, last     uint64
	lastTime        int64
	closed          bool

	ttls thw.Wheel // ends of life times, while Limits.MessageTTL is on
	held held      // messages that a judge held back
	// aged is the sequence before which age has judged every message.
	aged uint64

	name      []byte   // subject of a message that was removed alone
	ids       []uint32 // scratch of operations on many subjects
	dues      []uint64 // scratch of Tick
	lastTaken uint64   // sequence that Tick removed last
	quiet     bool     // an operation on many tells of them at its end
	removed   tally    // what that operation removed so far
}

var _ store.Stream = (*Stream)(nil)

// NewStream returns an empty stream. It fails with store.ErrLimits or, for a first
// sequence beyond store.SequenceMax, store.ErrSequence.
func NewStream(o store.Options) (*Stream, error) {
	limits, err := o.Limits.Normal()
	if err != nil {
		return nil, err
	}
	if o.FirstSequence > store.SequenceMax {
		return nil, store.ErrSequence
	}
	s := &Stream{shape: usual, limits: limits, onRemove: o.OnRemove}
	if o.FirstSequence > 0 {
		s.first, s.last = o.FirstSequence, o.FirstSequence-1
	}
	return s, nil
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
	return store.MemorySize(subject, header, payload)
}

// State returns the summary.
func (s *Stream) State() store.State {
	state := store.State{
		Messages: s.messages, Bytes: s.bytes,
		FirstSequence: s.first, LastSequence: s.last, LastTime: s.lastTime,
		Subjects: s.subjects.len(),
	}
	if s.messages > 0 {
		state.FirstTime = s.blocks[0].time(0)
	}
	return state
}

// Deleted visits the runs of sequences without a message.
func (s *Stream) Deleted(fn func(store.Range) bool) {
	if s.messages == 0 {
		return
	}
	expected := s.first
	for _, b := range s.blocks {
		if b.first() == expected && b.last()-expected == uint64(b.live)-1 {
			expected = b.last() + 1
			continue
		}
		for i := range b.slots {
			if b.slots[i].offset == gone {
				continue
			}
			seq := b.sequence(i)
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

// findBlock is the index of the first block whose last sequence is not below seq,
// or the number of blocks. The newest and the oldest are looked at first.
func (s *Stream) findBlock(seq uint64) int {
	n := len(s.blocks)
	switch {
	case n == 0 || seq > s.blocks[n-1].last():
		return n
	case seq >= s.blocks[n-1].first():
		return n - 1
	case seq <= s.blocks[0].last():
		return 0
	}
	return sort.Search(n, func(i int) bool { return s.blocks[i].last() >= seq })
}

// locate returns the block and the slot of a message.
func (s *Stream) locate(seq uint64) (*block, int, bool) {
	if i := s.findBlock(seq); i < len(s.blocks) {
		b := s.blocks[i]
		if seq < b.first() {
			return nil, 0, false
		}
		if k := b.find(seq); k >= 0 {
			return b, k, true
		}
	}
	return nil, 0, false
}

// A position is a message's place: the index of its block and of its slot.
type position struct {
	block, slot int
}

// from is the position of the oldest message that is not below seq.
func (s *Stream) from(seq uint64) (position, bool) {
	i := s.findBlock(seq)
	if i == len(s.blocks) {
		return position{}, false
	}
	b := s.blocks[i]
	return position{i, b.next(b.search(seq))}, true
}

// upTo is the position of the newest message that is not above seq.
func (s *Stream) upTo(seq uint64) (position, bool) {
	i := s.findBlock(seq)
	if i == len(s.blocks) || s.blocks[i].first() > seq {
		if i == 0 {
			return position{}, false
		}
		return position{i - 1, len(s.blocks[i-1].slots) - 1}, true
	}
	b := s.blocks[i]
	k := b.search(seq)
	if b.sequence(k) > seq {
		k--
	}
	return position{i, b.previous(k)}, true
}

// forward moves to the next message.
func (s *Stream) forward(p *position) bool {
	b := s.blocks[p.block]
	if p.slot = b.next(p.slot + 1); p.slot < len(b.slots) {
		return true
	}
	p.block, p.slot = p.block+1, 0
	return p.block < len(s.blocks)
}

// backward moves to the message before.
func (s *Stream) backward(p *position) bool {
	if p.slot = s.blocks[p.block].previous(p.slot - 1); p.slot >= 0 {
		return true
	}
	if p.block == 0 {
		return false
	}
	p.block--
	p.slot = len(s.blocks[p.block].slots) - 1
	return true
}

// fill decodes the message in a slot into m.
func (s *Stream) fill(m *store.Message, b *block, i int) {
	r := b.read(i)
	*m = store.Message{
		Sequence: b.sequence(i), Time: r.time, Subject: s.subjectName(r.subject),
		Header: r.header, Payload: r.payload, TTL: r.ttl, Marker: r.marker,
	}
}

func (s *Stream) subjectName(id uint32) []byte {
	if id == 0 {
		return nil
	}
	return s.subjects.at(id).name
}
