package store

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// done as the consumer sequence of an entry says that it is not outstanding any
// more.
const done = math.MaxUint64

// Progress is the rules of a Consumer without the keeping: every consumer store
// has one and adds how it survives. NewProgress makes one.
//
// Outstanding messages are in a queue in the order of the stream, which is that in
// which they come: 24 bytes each. What is done is marked, goes when it gets to the
// front, or when it is more than half of the queue.
type Progress struct {
	rules     Rules
	delivered Pair
	floor     Pair
	queue     []Outstanding
	live      int               // entries of the queue that are not done
	again     map[uint64]uint64 // message to number of redeliveries
	closed    bool
}

var _ Consumer = (*Progress)(nil)

// NewProgress returns the progress of a consumer that has not begun.
func NewProgress(r Rules) *Progress { return &Progress{rules: r} }

// Rules returns the rules.
func (p *Progress) Rules() Rules { return p.rules }

// SetRules changes the rules.
func (p *Progress) SetRules(r Rules) error {
	if p.closed {
		return ErrClosed
	}
	p.rules = r
	return nil
}

// Close drops everything.
func (p *Progress) Close() error {
	if p.closed {
		return ErrClosed
	}
	*p = Progress{closed: true}
	return nil
}

// Start makes a sequence the place before the first delivery.
func (p *Progress) Start(seq uint64) error {
	if p.closed {
		return ErrClosed
	}
	p.delivered.Stream, p.floor.Stream = seq, seq
	return nil
}

// Advance moves up the place before the next delivery.
func (p *Progress) Advance(seq uint64) error {
	if p.closed {
		return ErrClosed
	}
	if seq > p.delivered.Stream {
		p.delivered.Stream = seq
		if p.rules.Ack == AckNone {
			p.floor.Stream = seq
		}
	}
	return nil
}

// Reset starts anew.
func (p *Progress) Reset(seq uint64) error {
	if p.closed {
		return ErrClosed
	}
	*p = Progress{rules: p.rules}
	return p.Start(seq)
}

// Deliver notes a delivery.
func (p *Progress) Deliver(d Delivery) error {
	switch {
	case p.closed:
		return ErrClosed
	case d.Count > 1 && p.rules.Ack == AckNone:
		return ErrAckNone
	case d.Consumer == 0 || d.Stream == 0 || d.Consumer > SequenceMax || d.Stream > SequenceMax:
		return ErrSequence
	case d.Consumer <= p.floor.Consumer:
		return nil
	}
	if p.rules.Ack == AckNone {
		p.raise(d.Pair)
		p.floor = Pair{max(p.floor.Consumer, d.Consumer), max(p.floor.Stream, d.Stream)}
		return nil
	}
	if p.live >= PendingMax || len(p.again) >= PendingMax {
		return ErrMaxPending
	}
	if d.Stream > p.delivered.Stream {
		p.queue = append(p.queue, Outstanding{d.Pair, d.Time})
		p.live++
	} else if i, ok := p.find(d.Stream); ok {
		p.queue[i].Time = d.Time
	}
	p.raise(d.Pair)
	if d.Count > 1 {
		p.redeliver(d)
	}
	return nil
}

// raise moves up what was delivered.
func (p *Progress) raise(to Pair) {
	p.delivered.Consumer = max(p.delivered.Consumer, to.Consumer)
	p.delivered.Stream = max(p.delivered.Stream, to.Stream)
}

// redeliver notes that a message was not delivered for the first time. One that was
// delivered too often is not waited for any more.
func (p *Progress) redeliver(d Delivery) {
	if most := p.rules.MaxDeliver; most > 0 && d.Count > uint64(most) {
		if i, ok := p.find(d.Stream); ok {
			p.finish(i)
		}
	}
	if p.again == nil {
		p.again = make(map[uint64]uint64)
	}
	p.again[d.Stream] = max(p.again[d.Stream], d.Count-1)
}

// find is the index in the queue of an outstanding message.
func (p *Progress) find(seq uint64) (int, bool) {
	i := p.search(seq)
	return i, i < len(p.queue) && p.queue[i].Stream == seq && p.queue[i].Consumer != done
}

// search is the index of the first entry of the queue, done or not, from a sequence
// on.
func (p *Progress) search(seq uint64) int {
	i, _ := slices.BinarySearchFunc(p.queue, seq, func(o Outstanding, seq uint64) int { return cmp.Compare(o.Stream, seq) })
	return i
}

// finish marks an entry of the queue as done, and tidies up. Indexes are no longer
// good then.
func (p *Progress) finish(i int) {
	p.queue[i].Consumer = done
	p.live--
	p.tidy()
}

func (p *Progress) tidy() {
	for len(p.queue) > 0 && p.queue[0].Consumer == done {
		p.queue = p.queue[1:]
	}
	if len(p.queue) > 64 && p.live < len(p.queue)/2 {
		p.queue = slices.DeleteFunc(p.queue, func(o Outstanding) bool { return o.Consumer == done })
	}
	if len(p.queue) == 0 {
		p.queue = nil
	}
}

// Ack notes that a message is done.
func (p *Progress) Ack(of Pair) error {
	switch {
	case p.closed:
		return ErrClosed
	case p.rules.Ack == AckNone:
		return ErrAckNone
	}
	delete(p.again, of.Stream)
	if of.Consumer <= p.floor.Consumer {
		return nil
	}
	i, ok := p.find(of.Stream)
	if !ok {
		return ErrNotFound
	}
	if p.rules.Ack == AckAll {
		p.ackAll(of, i)
		return nil
	}
	p.ackOne(of, i)
	return nil
}

// ackAll ends all outstanding messages up to the one at index i.
func (p *Progress) ackAll(of Pair, i int) {
	for k := range p.queue[:i+1] {
		if o := &p.queue[k]; o.Consumer != done {
			o.Consumer = done
			p.live--
		}
	}
	for seq := range p.again {
		if seq <= of.Stream {
			delete(p.again, seq)
		}
	}
	p.floor = Pair{min(of.Consumer, p.delivered.Consumer), max(p.floor.Stream, of.Stream)}
	p.tidy()
}

// ackOne ends the outstanding message at index i. The floor follows the oldest
// outstanding message if this one stood on the floor, by its first delivery.
func (p *Progress) ackOne(of Pair, i int) {
	if first := p.queue[i].Consumer; first > 0 && first < of.Consumer {
		of.Consumer = first
	}
	p.finish(i)
	switch {
	case p.live == 0:
		p.floor = p.delivered
	case of.Consumer == p.floor.Consumer+1:
		to, oldest := of, p.queue[0]
		if oldest.Consumer > 0 {
			to = Pair{oldest.Consumer - 1, oldest.Stream - 1}
		}
		to.Stream = min(to.Stream, oldest.Stream-1)
		p.floor = Pair{max(p.floor.Consumer, to.Consumer), max(p.floor.Stream, to.Stream)}
	}
}

// ForgetRedelivered forgets redeliveries of messages below a sequence.
func (p *Progress) ForgetRedelivered(below uint64) error {
	if p.closed {
		return ErrClosed
	}
	for seq := range p.again {
		if seq < below {
			delete(p.again, seq)
		}
	}
	return nil
}

// Update replaces the state by one that is not behind.
func (p *Progress) Update(s ConsumerState) error {
	if s.Delivered.Consumer < p.delivered.Consumer || s.Floor.Stream < p.floor.Stream {
		if err := s.Verify(); err != nil {
			return err
		}
		return ErrOldUpdate
	}
	return p.Replace(s)
}

// Replace replaces the state.
func (p *Progress) Replace(s ConsumerState) error {
	if p.closed {
		return ErrClosed
	}
	if err := s.Verify(); err != nil {
		return err
	}
	p.delivered, p.floor = s.Delivered, s.Floor
	p.queue, p.live = slices.Clone(s.Pending), len(s.Pending)
	p.again = nil
	if len(s.Redelivered) > 0 {
		p.again = make(map[uint64]uint64, len(s.Redelivered))
	}
	for _, r := range s.Redelivered {
		p.again[r.Stream] = r.Count
	}
	return nil
}

// Verify fails with an error of Consumer.Update for a state that cannot be.
func (s *ConsumerState) Verify() error {
	switch {
	case s.Floor.Consumer > s.Delivered.Consumer:
		return ErrAckFloorConsumer
	case s.Floor.Stream > s.Delivered.Stream:
		return ErrAckFloorStream
	case len(s.Pending) > PendingMax || len(s.Redelivered) > PendingMax:
		return ErrMaxPending
	}
	before := s.Floor.Stream
	for _, o := range s.Pending {
		if o.Stream <= before || o.Stream > s.Delivered.Stream || o.Consumer == done {
			return fmt.Errorf("%w, sequence [%d] out of range", ErrPendingEntry, o.Stream)
		}
		before = o.Stream
	}
	return nil
}

// Delivered is the highest place delivered.
func (p *Progress) Delivered() Pair { return p.delivered }

// Floor is the place below which all is done.
func (p *Progress) Floor() Pair { return p.floor }

// PendingLen is the number of outstanding messages.
func (p *Progress) PendingLen() int { return p.live }

// Pending returns an outstanding message.
func (p *Progress) Pending(seq uint64) (Outstanding, bool) {
	if i, ok := p.find(seq); ok {
		return p.queue[i], true
	}
	return Outstanding{}, false
}

// EachPending visits the outstanding messages from a sequence on.
func (p *Progress) EachPending(start uint64, fn func(Outstanding) bool) {
	for _, o := range p.queue[p.search(start):] {
		if o.Consumer != done && !fn(o) {
			return
		}
	}
}

// RedeliveredLen is the number of messages that were delivered again.
func (p *Progress) RedeliveredLen() int { return len(p.again) }

// Redelivered is how often a message was delivered again.
func (p *Progress) Redelivered(seq uint64) uint64 { return p.again[seq] }

// State returns a copy of all.
func (p *Progress) State() ConsumerState {
	s := ConsumerState{Delivered: p.delivered, Floor: p.floor}
	p.EachPending(0, func(o Outstanding) bool {
		s.Pending = append(s.Pending, o)
		return true
	})
	for seq, n := range p.again {
		s.Redelivered = append(s.Redelivered, Redelivered{seq, n})
	}
	slices.SortFunc(s.Redelivered, func(a, b Redelivered) int { return cmp.Compare(a.Stream, b.Stream) })
	return s
}
