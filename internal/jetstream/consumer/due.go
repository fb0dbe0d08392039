package consumer

import "github.com/godwit-mq/godwit/internal/store"

// Due does what is due at now: outstanding messages, ends of requests, heartbeats, the
// ends of a pin and of a pause, inactivity. Messages that became due are delivered by
// Next, which should be called then.
func (c *Consumer) Due(now int64) error {
	if err := c.expire(now); err != nil {
		return err
	}
	c.prune(now)
	c.beat(now)
	if c.pin.id != "" && c.pin.until <= now {
		c.unpin(ReasonTimeout)
	}
	if c.pausedTo != 0 && c.pausedTo <= now {
		c.setPause(0)
	}
	c.checkIdle(now)
	return nil
}

// Deadline is when Due, or Next, will have something to do, if nothing happens before. It
// may be too early, but not too late, and is the greatest time if there is nothing.
func (c *Consumer) Deadline() int64 {
	at := min(c.schedule.deadline(), c.pull.wakeAt, c.pace.at, c.beatAt(), c.idleAt())
	if c.pin.id != "" {
		at = min(at, c.pin.until)
	}
	if c.pausedTo != 0 {
		at = min(at, c.pausedTo)
	}
	return at
}

// expire lets outstanding messages be due whose time has come, or gives them up.
func (c *Consumer) expire(now int64) error {
	if c.schedule.deadline() > now {
		return nil
	}
	for _, seq := range c.schedule.expire(now, c.wait, c.progress) {
		o, ok := c.progress.Pending(seq)
		if !ok {
			c.schedule.forget(seq)
			continue
		}
		if err := c.expired(o); err != nil {
			return err
		}
	}
	return nil
}

func (c *Consumer) expired(o store.Outstanding) error {
	if most := c.maxDeliver(); most > 0 {
		if n := c.deliveries(o.Stream); n >= most {
			return c.exhaust(o, n)
		}
	}
	c.schedule.enqueue(o.Stream, false)
	return nil
}

// expireAll lets all outstanding messages be due at once.
func (c *Consumer) expireAll() error {
	var list []store.Outstanding
	c.progress.EachPending(0, func(o store.Outstanding) bool {
		if !c.schedule.isDue(o.Stream) {
			list = append(list, o)
		}
		return true
	})
	for _, o := range list {
		if err := c.expired(o); err != nil {
			return err
		}
	}
	return nil
}
