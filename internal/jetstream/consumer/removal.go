package consumer

import (
	"errors"
	"slices"

	"github.com/godwit-mq/godwit/internal/store"
)

// Removed takes note of what the stream has removed, by its limits or one message by
// itself. Those that are outstanding are done.
func (c *Consumer) Removed(r store.Removal) error {
	seq := r.Sequence
	switch {
	case seq == 0:
		return c.lost(c.stream.State().FirstSequence, func(o store.Outstanding) error {
			return c.terminate(o, c.deliveries(o.Stream), ReasonDeleted)
		})
	case seq >= c.position:
		c.uncount(seq, r.Subject)
		return nil
	case c.progress.RedeliveredLen() == 0 && c.progress.PendingLen() == 0:
		return nil
	}
	if o, ok := c.progress.Pending(seq); ok {
		return c.terminate(o, c.deliveries(seq), ReasonDeleted)
	}
	return c.forgetCount(seq)
}

// Purged takes note that somebody has purged the stream, who knows what went: nothing is
// told of messages that were outstanding.
func (c *Consumer) Purged() error {
	first := c.stream.State().FirstSequence
	if first > 0 {
		if err := c.progress.Advance(first - 1); err != nil {
			return err
		}
	}
	return c.lost(first, c.finish)
}

// CheckFloor lets outstanding messages be done that the stream has removed from its
// front without telling. It is a repair, for now and then.
func (c *Consumer) CheckFloor() error {
	first := c.stream.State().FirstSequence
	var list []store.Outstanding
	c.progress.EachPending(0, func(o store.Outstanding) bool {
		if o.Stream < first {
			list = append(list, o)
		}
		return o.Stream < first
	})
	for _, o := range list {
		if err := c.terminate(o, c.deliveries(o.Stream), ReasonLimits); err != nil {
			return err
		}
	}
	return c.progress.ForgetRedelivered(first)
}

// lost looks for what is left after any number of messages went, and counts anew. The
// outstanding ones among them are given to end.
func (c *Consumer) lost(first uint64, end func(store.Outstanding) error) error {
	c.moveTo(first)
	c.rechoose(c.isStored)
	if err := c.sweep(end); err != nil {
		return err
	}
	return c.recount()
}

// rechoose keeps those of the messages that come first for which keep returns true.
func (c *Consumer) rechoose(keep func(seq uint64) bool) {
	n := &c.count
	if len(n.chosen) == 0 {
		return
	}
	n.chosen = slices.DeleteFunc(n.chosen, func(seq uint64) bool { return !keep(seq) })
	if len(n.chosen) == 0 {
		c.moveTo(n.resume)
		n.chosen = nil
	}
}

func (c *Consumer) isStored(seq uint64) bool {
	_, err := c.stream.Subject(seq)
	return err == nil
}

// sweep gives the outstanding messages that the stream has no more to end, and forgets
// how often the others were redelivered.
func (c *Consumer) sweep(end func(store.Outstanding) error) error {
	var gone []store.Outstanding
	c.progress.EachPending(0, func(o store.Outstanding) bool {
		if !c.isStored(o.Stream) {
			gone = append(gone, o)
		}
		return true
	})
	for _, o := range gone {
		if err := end(o); err != nil {
			return err
		}
	}
	if c.progress.RedeliveredLen() == 0 {
		return nil
	}
	for _, r := range c.progress.State().Redelivered {
		if c.isStored(r.Stream) {
			continue
		}
		if err := c.forgetCount(r.Stream); err != nil {
			return err
		}
	}
	return nil
}

// forgetCount drops how often a message was redelivered that is not outstanding.
func (c *Consumer) forgetCount(seq uint64) error {
	if c.progress.Redelivered(seq) == 0 {
		return nil
	}
	return settled(c.progress.Ack(store.Pair{Stream: seq}))
}

// settled is the error of an acknowledgement in the store, if it is one: a message that
// is not outstanding is none.
func settled(err error) error {
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrAckNone) {
		return nil
	}
	return err
}
