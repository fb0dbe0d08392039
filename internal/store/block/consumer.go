package block

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/godwit-mq/godwit/internal/store"
)

// A Consumer is a consumer store that survives. All that it has is in the journal: what
// happened, and from time to time the whole state, after which what came before is not
// needed. A change is durable when Commit says so.
type Consumer struct {
	*store.Progress
	node *Node
	id   ID

	rules   store.Rules // those that Recover ends with
	buf     []byte      // what happened since the last Commit
	logged  uint64      // journal record that was handed over last
	since   int64       // bytes since the last state in the journal
	report  *Report
	waiting waiting
}

var _ store.Consumer = (*Consumer)(nil)

// What can happen to a consumer, as it is in the journal: a kind, and numbers as
// varints, times zigzag.
const (
	eventState   = 1 + iota // length, encoded state
	eventStart              // sequence
	eventAdvance            // sequence
	eventReset              // sequence
	eventDeliver            // consumer sequence, stream sequence, count, time
	eventAck                // consumer sequence, stream sequence
	eventForget             // sequence
	eventRules              // policy, most deliveries
)

// stateEvery is how many bytes of events a consumer has in the journal beyond those of
// its state before the state is written anew.
const stateEvery = 64 << 10

// errEvent is returned for bytes of the journal that are not what happened to a consumer.
var errEvent = errors.New("journal record is not one of a consumer")

// CreateConsumer makes a consumer. It is durable after the first Commit.
func (n *Node) CreateConsumer(id ID, r store.Rules) (*Consumer, error) {
	c := &Consumer{Progress: store.NewProgress(r), node: n, id: id}
	if err := n.enter(id, c); err != nil {
		return nil, err
	}
	c.putState()
	return c, nil
}

// LoadConsumer makes a consumer that Recover brings up to date, under the rules of the
// time, after which those given here go.
func (n *Node) LoadConsumer(id ID, r store.Rules) (*Consumer, error) {
	c := &Consumer{Progress: store.NewProgress(r), node: n, id: id, rules: r, report: &Report{}}
	return c, n.enter(id, c)
}

// Report tells what Recover found.
func (c *Consumer) Report() Report {
	if c.report == nil {
		return Report{}
	}
	return *c.report
}

func (c *Consumer) event(kind byte, numbers ...uint64) {
	c.buf = append(c.buf, kind)
	for _, n := range numbers {
		c.buf = binary.AppendUvarint(c.buf, n)
	}
}

// Start makes a sequence the place before the first delivery.
func (c *Consumer) Start(seq uint64) error {
	err := c.Progress.Start(seq)
	if err == nil {
		c.event(eventStart, seq)
	}
	return err
}

// Advance moves up the place before the next delivery.
func (c *Consumer) Advance(seq uint64) error {
	err := c.Progress.Advance(seq)
	if err == nil {
		c.event(eventAdvance, seq)
	}
	return err
}

// Reset starts anew.
func (c *Consumer) Reset(seq uint64) error {
	err := c.Progress.Reset(seq)
	if err == nil {
		c.event(eventReset, seq)
	}
	return err
}

// Deliver notes a delivery.
func (c *Consumer) Deliver(d store.Delivery) error {
	err := c.Progress.Deliver(d)
	if err == nil {
		c.event(eventDeliver, d.Consumer, d.Stream, d.Count)
		c.buf = binary.AppendVarint(c.buf, d.Time)
	}
	return err
}

// Ack notes that a message is done. One that is not outstanding any more, because it was
// delivered too often, ends the count of its redeliveries all the same.
func (c *Consumer) Ack(p store.Pair) error {
	again := c.RedeliveredLen()
	err := c.Progress.Ack(p)
	if err == nil || c.RedeliveredLen() != again {
		c.event(eventAck, p.Consumer, p.Stream)
	}
	return err
}

// ForgetRedelivered forgets how often messages below a sequence were delivered.
func (c *Consumer) ForgetRedelivered(below uint64) error {
	err := c.Progress.ForgetRedelivered(below)
	if err == nil {
		c.event(eventForget, below)
	}
	return err
}

// SetRules changes the rules for what comes.
func (c *Consumer) SetRules(r store.Rules) error {
	err := c.Progress.SetRules(r)
	if err == nil {
		c.event(eventRules, uint64(r.Ack), uint64(max(r.MaxDeliver, 0)))
	}
	return err
}

// Update replaces the state by that of a peer.
func (c *Consumer) Update(s store.ConsumerState) error {
	err := c.Progress.Update(s)
	if err == nil {
		c.putState()
	}
	return err
}

// Replace is Update that takes a state that is behind.
func (c *Consumer) Replace(s store.ConsumerState) error {
	err := c.Progress.Replace(s)
	if err == nil {
		c.putState()
	}
	return err
}

// putState makes the state all that is to be kept of what was not committed.
func (c *Consumer) putState() {
	rules := c.Rules()
	c.buf = c.buf[:0]
	c.event(eventRules, uint64(rules.Ack), uint64(max(rules.MaxDeliver, 0)))
	state := c.State()
	encoded := state.Append(nil)
	c.event(eventState, uint64(len(encoded)))
	c.buf = append(c.buf, encoded...)
}

// Commit hands what happened since the last Commit to the journal. It is as that of a
// Stream.
func (c *Consumer) Commit(done func(error)) {
	if len(c.buf) == 0 {
		c.waiting.add(c.logged, done)
		return
	}
	state := c.since > stateEvery && c.since > 16*int64(c.PendingLen())
	if state {
		c.putState()
		c.since = 0
	}
	next := c.logged + 1
	c.waiting.expect(next, done)
	if state {
		// When the state is durable, what came before is not needed.
		c.waiting.expect(next, func(err error) {
			if err == nil {
				_ = c.node.journal.Release(c.id, next-1) // a closed journal releases nothing
			}
		})
	}
	if _, err := c.node.journal.Append(c.id, [][]byte{c.buf}, c.waiting.done); err != nil {
		c.waiting.fail(next, err)
	} else {
		c.logged = next
		c.since += int64(len(c.buf))
	}
	c.buf = c.buf[:0]
}

// Close ends the use of the consumer. What was committed stays.
func (c *Consumer) Close() error {
	if err := c.Progress.Close(); err != nil {
		return err
	}
	c.node.leave(c.id)
	return nil
}

// Delete removes the consumer from the journal.
func (c *Consumer) Delete() error {
	if err := c.Close(); err != nil {
		return err
	}
	return c.node.drop(c.id)
}

func (c *Consumer) through() uint64 { return c.node.journal.Group(c.id).First - 1 }

func (c *Consumer) lost(first, last uint64) {
	c.report.Damage = append(c.report.Damage, Damage{Err: fmt.Errorf("journal records %d to %d are lost", first, last)})
}

func (c *Consumer) redone(last uint64) {
	c.logged = last
	c.waiting.reached(last)
	if c.Rules() != c.rules {
		_ = c.SetRules(c.rules) // it is not closed
	}
}

// redo does what a journal record says again.
func (c *Consumer) redo(_ uint64, buf []byte) error {
	c.report.Records++
	c.since += int64(len(buf))
	for len(buf) > 0 {
		kind := buf[0]
		rest, err := c.again(kind, buf[1:])
		if err != nil {
			return fmt.Errorf("event of kind %d: %w", kind, err)
		}
		buf = rest
	}
	return nil
}

func (c *Consumer) again(kind byte, buf []byte) ([]byte, error) {
	var n [4]uint64
	count, known := numbers[kind]
	if !known {
		return nil, errEvent
	}
	for i := range count {
		v, size := binary.Uvarint(buf)
		if size <= 0 {
			return nil, errEvent
		}
		n[i], buf = v, buf[size:]
	}
	p := c.Progress
	pair := store.Pair{Consumer: n[0], Stream: n[1]}
	switch kind {
	case eventState:
		return c.takeState(n[0], buf)
	case eventStart:
		return buf, p.Start(n[0])
	case eventAdvance:
		return buf, p.Advance(n[0])
	case eventReset:
		return buf, p.Reset(n[0])
	case eventAck:
		if err := p.Ack(pair); err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		return buf, nil
	case eventForget:
		return buf, p.ForgetRedelivered(n[0])
	case eventRules:
		if n[0] > uint64(store.AckExplicit) {
			return nil, errEvent
		}
		return buf, p.SetRules(store.Rules{Ack: store.AckPolicy(n[0]), MaxDeliver: int64(n[1])})
	}
	t, size := binary.Varint(buf)
	if size <= 0 {
		return nil, errEvent
	}
	return buf[size:], p.Deliver(store.Delivery{Pair: pair, Count: n[2], Time: t})
}

func (c *Consumer) takeState(length uint64, buf []byte) ([]byte, error) {
	if length > uint64(len(buf)) {
		return nil, errEvent
	}
	s, err := store.DecodeConsumerState(buf[:length])
	if err != nil {
		return nil, err
	}
	c.since = 0
	return buf[length:], c.Progress.Replace(s)
}

// numbers is how many varints without a sign an event has.
var numbers = map[byte]int{
	eventState: 1, eventStart: 1, eventAdvance: 1, eventReset: 1, eventDeliver: 3, eventAck: 2, eventForget: 1, eventRules: 2,
}
