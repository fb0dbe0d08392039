package consumer

import (
	"errors"
	"strconv"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/wire"
)

// Headers that a delivery may have beyond those of the stored message.
const (
	headerSize  = "Nats-Msg-Size"
	headerPinID = "Nats-Pin-Id"
)

// Room is how much Next may deliver: it stops when one of them is used up, which for
// bytes may be by the last message.
type Room struct {
	Messages, Bytes int
}

// verdict is why nothing can be delivered.
type verdict uint8

const (
	ready    verdict = iota
	ended            // the stream has nothing more
	full             // as much is outstanding as may be
	later            // it is too early for the next message
	nobody           // no request can take the next message, or nobody listens
	paused           // the consumer is paused
	roomless         // as much was delivered as the caller has room for
)

// Next delivers messages at the time now, as many as there is room for. It says whether
// there may be more, so that it should be called again when there is room.
//
// An error is one of a store. What was delivered before is among the effects.
func (c *Consumer) Next(now int64, room Room) (more bool, err error) {
	v := ready
	c.pace.at = never
	for v == ready {
		if room.Messages <= 0 || room.Bytes <= 0 {
			v = roomless
			break
		}
		var size int
		if size, v, err = c.step(now); err != nil {
			return false, err
		}
		if v == ready {
			room.Messages--
			room.Bytes -= size
		}
	}
	if !c.config.IsPush() && (v == ended || v == nobody || v == paused) {
		c.endOfMessages(now)
	}
	return v == roomless, nil
}

// step delivers one message and returns its size, or says why not.
func (c *Consumer) step(now int64) (int, verdict, error) {
	if c.pausedTo > now {
		return 0, paused, nil
	}
	if !c.hasReceiver() {
		return 0, nobody, nil
	}
	deliveries, v, err := c.candidate()
	if v != ready || err != nil {
		return 0, v, err
	}
	if c.isFresh() && c.pace.isEarly(now, &c.message) {
		return 0, later, nil
	}
	return c.offer(now, deliveries)
}

// hasReceiver says whether somebody may take a message.
func (c *Consumer) hasReceiver() bool {
	if c.config.IsPush() {
		return c.push.bound && !c.push.isStalled()
	}
	return c.pull.len() > 0
}

// candidate finds the message that is next, and how often it will have been delivered
// then. Nothing changes but what turns out to be done.
func (c *Consumer) candidate() (deliveries uint64, v verdict, err error) {
	for {
		seq, ok := c.schedule.peek()
		if !ok {
			break
		}
		if deliveries, ok, err = c.again(seq); ok || err != nil {
			return deliveries, ready, err
		}
	}
	if limit := c.limit(); limit > 0 && c.progress.PendingLen() >= limit {
		return 0, full, nil
	}
	if len(c.count.chosen) > 0 {
		if ok, err := c.nextChosen(); ok || err != nil {
			return 1, ready, err
		}
	}
	seq, err := c.stream.Next(c.filter, c.position, &c.message)
	switch {
	case errors.Is(err, store.ErrEOF):
		c.caughtUp(seq)
		return 0, ended, nil
	case err != nil:
		return 0, ended, err
	}
	return 1, ready, nil
}

// again loads a message that is due. If it cannot be delivered any more, it is done.
func (c *Consumer) again(seq uint64) (deliveries uint64, ok bool, err error) {
	o, outstanding := c.progress.Pending(seq)
	if !outstanding {
		c.schedule.forget(seq)
		return 0, false, nil
	}
	deliveries = c.deliveries(seq)
	if most := c.maxDeliver(); most > 0 && deliveries >= most {
		return 0, false, c.exhaust(o, deliveries)
	}
	switch err := c.stream.Load(seq, &c.message); {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrEOF):
		return 0, false, c.terminate(o, deliveries, ReasonDeleted)
	case err != nil:
		return 0, false, err
	}
	return deliveries + 1, true, nil
}

// exhaust gives up an outstanding message that was delivered as often as it may be. The
// store remembers it by its redeliveries.
func (c *Consumer) exhaust(o store.Outstanding, deliveries uint64) error {
	c.schedule.forget(o.Stream)
	err := c.progress.Deliver(store.Delivery{
		Pair: c.pair(o), Time: o.Time,
		Count: max(deliveries, c.maxDeliver()) + 1,
	})
	c.notify(Notice{Kind: MaxDeliveries, Sequences: o.Pair, Deliveries: deliveries})
	return err
}

// nextChosen loads the first of the messages that come before everything else.
func (c *Consumer) nextChosen() (bool, error) {
	for len(c.count.chosen) > 0 {
		err := c.stream.Load(c.count.chosen[0], &c.message)
		if !errors.Is(err, store.ErrNotFound) {
			return err == nil, err
		}
		c.count.waiting = less(c.count.waiting)
		c.unchoose(0)
	}
	return false, nil
}

// caughtUp takes note that up to a sequence there is nothing more.
func (c *Consumer) caughtUp(last uint64) {
	c.moveTo(last + 1)
	if last >= c.count.through {
		c.count.waiting, c.count.through = 0, last
	}
}

// isFresh says whether the message that was found is delivered for the first time.
func (c *Consumer) isFresh() bool { return c.message.Sequence >= c.position }

// offer delivers the message that was found to who takes it.
func (c *Consumer) offer(now int64, deliveries uint64) (int, verdict, error) {
	c.begin()
	m := &c.message
	waiting := c.count.waiting
	if c.isFresh() && m.Sequence <= c.count.through {
		waiting = less(waiting)
	}
	sequences := store.Pair{Consumer: c.progress.Delivered().Consumer + 1, Stream: m.Sequence}
	start := len(c.arena)
	c.arena = append(c.arena, c.ackPrefix...)
	c.arena = appendTicket(c.arena, Ticket{deliveries, m.Sequence, sequences.Consumer, m.Time, waiting})
	reply := c.arena[start:len(c.arena):len(c.arena)]

	header, payload := m.Header, m.Payload
	if c.config.HeadersOnly {
		header, payload = c.withHeader(header, headerSize, strconv.Itoa(len(payload))), nil
	}
	size := len(m.Subject) + len(reply) + len(header) + len(payload)

	to, r := c.config.DeliverSubject, (*request)(nil)
	if !c.config.IsPush() {
		if r = c.taker(now, size, c.isFresh()); r == nil {
			c.arena = c.arena[:start]
			return 0, nobody, nil
		}
		if to = r.reply; c.pin.id != "" {
			header = c.withHeader(header, headerPinID, c.pin.id)
		}
	} else if c.pace.isFast(now, size) {
		c.arena = c.arena[:start]
		return 0, later, nil
	}
	if err := c.record(now, sequences, deliveries); err != nil {
		return 0, ended, err
	}
	e := c.next()
	e.Kind, e.To, e.Reply, e.Subject, e.Header, e.Payload = Deliver, to, reply, m.Subject, header, payload
	e.Sequences, e.Count = sequences, deliveries
	if c.config.AckPolicy == api.AckNone {
		c.done(m.Sequence, m.Sequence)
	}
	if r != nil {
		c.served(now, r, size)
	} else {
		c.pushed(now, size)
	}
	return size, ready, nil
}

// withHeader makes a header block with one more line.
func (c *Consumer) withHeader(block []byte, name, value string) []byte {
	start := len(c.arena)
	c.arena = wire.SetHeader(c.arena, block, name, []byte(value))
	return c.arena[start:len(c.arena):len(c.arena)]
}

// record takes note of a delivery, in the store and here.
func (c *Consumer) record(now int64, sequences store.Pair, deliveries uint64) error {
	if c.progress.PendingLen() == 0 {
		c.base = c.progress.Delivered()
	}
	if err := c.progress.Deliver(store.Delivery{Pair: sequences, Count: deliveries, Time: now}); err != nil {
		return err
	}
	c.lastDelivery = now
	seq := sequences.Stream
	if !c.isFresh() {
		c.redelivered(now, seq, deliveries)
		return nil
	}
	c.pace.delivered(now, &c.message)
	c.count.take(seq)
	c.position = seq + 1
	if len(c.count.chosen) > 0 && c.count.chosen[0] == seq {
		if c.count.chosen = c.count.chosen[1:]; len(c.count.chosen) == 0 {
			c.position, c.count.chosen = c.count.resume, nil
		}
	}
	if c.wait != never {
		c.schedule.delivered(after(now, c.wait))
	}
	return nil
}

// redelivered takes note of a delivery that was not the first.
func (c *Consumer) redelivered(now int64, seq, deliveries uint64) {
	if wait := c.waitOf(deliveries); wait != never {
		c.schedule.delay(seq, after(now, wait))
		return
	}
	c.schedule.delay(seq, never)
}

// Undelivered takes back a delivery, the last of this message, that found no receiver:
// it does not count, and the message is due at once. A requester that is still there
// gets its place back. Without acknowledgements a delivery is final.
func (c *Consumer) Undelivered(now int64, seq uint64, to string) {
	if c.config.IsPush() {
		c.Bind(now, false)
	} else if r := c.pull.find(to); r != nil {
		r.batch++
		r.delivered--
		c.pull.promised++
	}
	if _, ok := c.progress.Pending(seq); ok {
		c.schedule.enqueue(seq, true)
	}
}
