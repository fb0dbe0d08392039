package consumer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

// choose decides where a new consumer begins, and counts what waits.
func (c *Consumer) choose() error {
	first, err := c.first()
	if err != nil {
		return err
	}
	if err := c.progress.Start(first - 1); err != nil {
		return err
	}
	c.position = first
	c.schedule.begin(first)
	return c.recount()
}

// first is the sequence at which a new consumer begins, at least 1.
func (c *Consumer) first() (uint64, error) {
	state := c.stream.State()
	oldest, next := max(state.FirstSequence, 1), state.LastSequence+1
	switch c.config.DeliverPolicy {
	case api.DeliverNew:
		return next, nil
	case api.DeliverByStartSequence:
		return max(c.config.StartSequence, oldest), nil
	case api.DeliverByStartTime:
		if c.config.StartTime == nil {
			return next, nil
		}
		at, err := c.stream.SequenceAt(c.config.StartTime.UnixNano())
		return max(at, oldest), err
	case api.DeliverLast:
		return c.last(next)
	case api.DeliverLastPerSubject:
		return c.firstOfSubjects(oldest, next)
	}
	return oldest, nil
}

// last is the newest message that the consumer wants, or next if there is none.
func (c *Consumer) last(next uint64) (uint64, error) {
	var m store.Message
	err := c.stream.Last(c.filter, &m)
	if errors.Is(err, store.ErrNotFound) && c.filter.All() {
		// The message with the last sequence is gone, which is not to say that all are.
		_, err = c.stream.Previous(nil, next, &m)
	}
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrEOF):
		return next, nil
	case err != nil:
		return 0, err
	}
	return m.Sequence, nil
}

// firstOfSubjects begins with the newest message of each subject. In a stream that has
// no older ones that is everything.
func (c *Consumer) firstOfSubjects(oldest, next uint64) (uint64, error) {
	if c.stream.Limits().MaxPerSubject == 1 {
		return oldest, nil
	}
	list, err := c.stream.LastSequences(c.filter, 0, 0)
	if err != nil || len(list) == 0 {
		return next, err
	}
	c.count.chosen, c.count.resume = list, next
	return list[0], nil
}

// Restore makes a consumer of what its store remembers. Outstanding messages are due
// after what is left of their time, and those that the stream has no more are done.
func Restore(o Options) (*Consumer, error) {
	c, err := assemble(o)
	if err != nil {
		return nil, err
	}
	if err := c.restore(o.Now); err != nil {
		return nil, fmt.Errorf("restore consumer %s: %w", o.Address.Consumer, err)
	}
	return c, nil
}

func (c *Consumer) restore(now int64) error {
	if err := c.clamp(); err != nil {
		return err
	}
	state := c.stream.State()
	delivered := c.progress.Delivered()
	c.position = delivered.Stream + 1
	if delivered.Consumer == 0 && c.config.DeliverPolicy == api.DeliverLastPerSubject {
		if _, err := c.firstOfSubjects(c.position, c.position); err != nil {
			return err
		}
		c.count.resume = max(state.LastSequence+1, c.position)
		c.count.chosen = slices.DeleteFunc(c.count.chosen, func(seq uint64) bool { return seq < c.position })
	}
	c.moveTo(state.FirstSequence)
	c.reschedule(now)
	if err := c.sweep(c.finish); err != nil {
		return err
	}
	return c.recount()
}

// clamp takes back what is beyond the end of the stream, which has lost messages.
// A consumer that waits for a sequence of the future is not meant.
func (c *Consumer) clamp() error {
	last := c.stream.State().LastSequence
	s := c.progress.State()
	if s.Delivered.Consumer == 0 || s.Delivered.Stream <= last {
		return nil
	}
	beyond := func(seq uint64) bool { return seq > last }
	s.Pending = slices.DeleteFunc(s.Pending, func(o store.Outstanding) bool { return beyond(o.Stream) })
	s.Redelivered = slices.DeleteFunc(s.Redelivered, func(r store.Redelivered) bool { return beyond(r.Stream) })
	s.Delivered.Stream = last
	s.Floor.Stream = min(s.Floor.Stream, last)
	return c.progress.Replace(s)
}

// reschedule finds out anew when outstanding messages are due. Those that were
// delivered once, in the order of the stream and before now, are ordinary; any other has
// its own time.
func (c *Consumer) reschedule(now int64) {
	c.schedule.begin(c.position)
	if c.wait == never {
		return
	}
	begun, latest := false, int64(0)
	c.progress.EachPending(0, func(o store.Outstanding) bool {
		again := c.progress.Redelivered(o.Stream)
		switch {
		case again > 0 || begun && o.Time < latest || o.Time > now:
			c.schedule.delay(o.Stream, after(o.Time, c.waitOf(again+1)))
			return true
		case !begun:
			begun = true
			c.schedule.cursor = o.Stream
			c.schedule.delivered(after(o.Time, c.wait))
		}
		latest = o.Time
		return true
	})
}
