package consumer

import (
	"errors"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

// ErrDelay is returned for a refusal whose delay cannot be read. It was obeyed without.
var ErrDelay = errors.New("bad NAK delay value")

// Ack takes an acknowledgement: the subject on which it came, its reply subject, which
// may be empty, and its payload without headers. Consumers that wait for none, or take
// them by flow control, ignore it. Other errors than ErrDelay are those of
// the store.
func (c *Consumer) Ack(now int64, subject []byte, reply string, payload []byte) error {
	t, ok := ParseTicket(subject)
	byFlow := c.config.AckPolicy == api.AckFlowControl
	if !ok || t.Stream == 0 || byFlow || c.config.AckPolicy == api.AckNone {
		return nil
	}
	verb, rest := ParseVerb(payload)
	known := t.Stream < c.position
	if known {
		c.touch(now)
		c.lastAck = now
	}
	var err error
	switch verb {
	case AcknowledgedNext:
		if err := c.acknowledge(now, t); err != nil {
			return err
		}
		if reply != "" {
			c.Pull(now, PullRequest{Reply: reply, Body: rest})
		}
		return nil
	case Acknowledged:
		err = c.acknowledge(now, t)
	case Ended:
		err = c.end(t, string(rest))
	case Refused:
		err = c.refuse(now, t, rest)
	case InProgress:
		err = c.postpone(now, t)
	}
	if err != nil && !errors.Is(err, ErrDelay) {
		return err
	}
	if reply != "" && known {
		e := c.next()
		e.Kind, e.To = Answer, reply
	}
	return err
}

// acknowledge lets a message, and perhaps all before it, be done.
func (c *Consumer) acknowledge(now int64, t Ticket) error {
	if t.Stream >= c.position {
		return nil
	}
	if c.config.AckPolicy != api.AckExplicit {
		return c.acknowledgeAll(t.Stream)
	}
	o, ok := c.progress.Pending(t.Stream)
	if !ok {
		return c.acknowledgeLate(t.Stream)
	}
	c.sample(now, o, t)
	return c.finish(o)
}

// finish lets an outstanding message be done, and no other.
func (c *Consumer) finish(o store.Outstanding) error {
	c.schedule.forget(o.Stream)
	if err := c.settle(o); err != nil {
		return err
	}
	c.done(o.Stream, o.Stream)
	return nil
}

// settle tells the store that one message is done. By its rules that might mean all
// before it as well, so that these are put aside meanwhile.
func (c *Consumer) settle(o store.Outstanding) error {
	rules := c.progress.Rules()
	if rules.Ack != store.AckAll {
		return settled(c.progress.Ack(c.pair(o)))
	}
	single := rules
	single.Ack = store.AckExplicit
	if err := c.progress.SetRules(single); err != nil {
		return err
	}
	return errors.Join(settled(c.progress.Ack(c.pair(o))), c.progress.SetRules(rules))
}

// pair is under which sequences the store knows an outstanding message. Where it does
// not know the first delivery, the last of all serves.
func (c *Consumer) pair(o store.Outstanding) store.Pair {
	if o.Consumer == 0 {
		o.Consumer = c.progress.Delivered().Consumer
	}
	return o.Pair
}

// acknowledgeLate takes the acknowledgement of a message that is not outstanding. If it
// was delivered too often, the stream still keeps it.
func (c *Consumer) acknowledgeLate(seq uint64) error {
	if c.progress.Redelivered(seq) == 0 {
		return nil
	}
	if err := c.forgetCount(seq); err != nil {
		return err
	}
	c.done(seq, seq)
	return nil
}

// acknowledgeAll lets all messages up to a sequence be done.
func (c *Consumer) acknowledgeAll(seq uint64) error {
	var last store.Outstanding
	c.progress.EachPending(0, func(o store.Outstanding) bool {
		if o.Stream > seq {
			return false
		}
		last = o
		c.schedule.forget(o.Stream)
		c.done(o.Stream, o.Stream)
		return true
	})
	if err := c.acknowledgeExhausted(seq); err != nil || last.Stream == 0 {
		return err
	}
	return settled(c.progress.Ack(c.pair(last)))
}

// acknowledgeExhausted is acknowledgeLate for all messages up to a sequence that were
// delivered too often.
func (c *Consumer) acknowledgeExhausted(seq uint64) error {
	if c.progress.RedeliveredLen() == 0 {
		return nil
	}
	for _, r := range c.progress.State().Redelivered {
		if r.Stream > seq {
			break
		}
		if _, outstanding := c.progress.Pending(r.Stream); outstanding {
			continue
		}
		if err := c.acknowledgeLate(r.Stream); err != nil {
			return err
		}
	}
	return nil
}

// end lets a message be done that its receiver does not want.
func (c *Consumer) end(t Ticket, reason string) error {
	o, outstanding := c.progress.Pending(t.Stream)
	var err error
	switch {
	case t.Stream >= c.position:
	case c.config.AckPolicy != api.AckExplicit:
		err = c.acknowledgeAll(t.Stream)
	case outstanding:
		err = c.finish(o)
	default:
		err = c.acknowledgeLate(t.Stream)
	}
	if err == nil && outstanding {
		c.terminated(store.Pair{Consumer: t.Consumer, Stream: t.Stream}, t.Count, reason)
	}
	return err
}

// terminate lets an outstanding message be done that is there no more.
func (c *Consumer) terminate(o store.Outstanding, deliveries uint64, reason string) error {
	if err := c.finish(o); err != nil {
		return err
	}
	c.terminated(o.Pair, deliveries, reason)
	return nil
}

func (c *Consumer) terminated(p store.Pair, deliveries uint64, reason string) {
	c.notify(Notice{Kind: Terminated, Sequences: p, Deliveries: deliveries, Reason: reason})
}

// refuse lets a message be due, now or after a delay.
func (c *Consumer) refuse(now int64, t Ticket, rest []byte) error {
	o, ok := c.progress.Pending(t.Stream)
	if !ok || t.Consumer < o.Consumer || t.Consumer > c.progress.Delivered().Consumer {
		return nil
	}
	c.notify(Notice{Kind: Naked, Sequences: store.Pair{Consumer: t.Consumer, Stream: t.Stream}, Deliveries: t.Count})
	delay, delayed, ok := ParseDelay(rest)
	if delayed {
		return c.dueAt(o, after(now, int64(delay)))
	}
	c.schedule.enqueue(t.Stream, false)
	if !ok {
		return ErrDelay
	}
	return nil
}

// postpone begins the wait for an acknowledgement anew.
func (c *Consumer) postpone(now int64, t Ticket) error {
	o, ok := c.progress.Pending(t.Stream)
	if !ok || c.wait == never {
		return nil
	}
	return c.dueAt(o, after(now, c.waitOf(c.deliveries(t.Stream))))
}

// dueAt lets an outstanding message be due at a time, also after a restart: the store
// knows the time of the last delivery, which is moved accordingly.
func (c *Consumer) dueAt(o store.Outstanding, at int64) error {
	deliveries := max(c.deliveries(o.Stream), 1)
	undone := c.schedule.undone(o.Stream)
	c.schedule.delay(o.Stream, at)
	if undone {
		c.schedule.put(o.Stream, oddity{at: at, undone: true})
	}
	wait := c.waitOf(deliveries)
	if wait == never {
		return nil
	}
	return c.progress.Deliver(store.Delivery{Pair: c.pair(o), Count: deliveries, Time: at - wait})
}

// sample tells of an acknowledgement if it is one of those to be told of.
func (c *Consumer) sample(now int64, o store.Outstanding, t Ticket) {
	if c.sampled <= 0 || c.sampled < 100 && int(c.random()%100) >= c.sampled {
		return
	}
	c.notify(Notice{
		Kind:      Sampled,
		Sequences: store.Pair{Consumer: t.Consumer, Stream: t.Stream}, Deliveries: t.Count,
		AckTime: time.Duration(now - o.Time),
	})
}
