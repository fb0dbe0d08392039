package consumer

import (
	"time"

	"github.com/godwit-mq/godwit/internal/store"
)

// idle tells when a consumer is not used any more.
type idle struct {
	threshold int64 // nanoseconds, 0 if the consumer stays
	touched   int64 // when it was used last
	at        int64 // when to look again, 0 if that is not decided
}

// threshold is how long the consumer may be unused. Where clients poll, or have said
// nothing, it is a little longer, by chance.
func (c *Consumer) threshold() int64 {
	given := c.config.InactiveThreshold
	ephemeral := c.config.Durable == ""
	if given <= 0 && !ephemeral {
		return 0
	}
	jitter := given <= 0 || !c.config.IsPush()
	if given <= 0 {
		given = inactiveDefault
	}
	if jitter {
		given += 100*time.Millisecond + time.Duration(c.random()%900)*time.Millisecond
	}
	return int64(given)
}

// touch takes note of a request, a delivery or an acknowledgement. They matter where
// messages are pulled: a push consumer is used as long as somebody listens.
func (c *Consumer) touch(now int64) { c.idle.touched, c.idle.at = max(c.idle.touched, now), 0 }

// idleAt is when to look whether the consumer is used.
func (c *Consumer) idleAt() int64 {
	switch {
	case c.idle.threshold == 0 || c.config.IsPush() && c.push.bound:
		return never
	case c.idle.at != 0:
		return c.idle.at
	case c.config.IsPush():
		return after(c.push.unboundAt, c.idle.threshold)
	}
	return after(c.idle.touched, c.idle.threshold)
}

// checkIdle asks to delete the consumer if nobody has used it for too long.
func (c *Consumer) checkIdle(now int64) {
	if c.idleAt() > now {
		return
	}
	c.idle.at = after(now, c.idle.threshold)
	if !c.config.IsPush() {
		used := c.lastUse(now)
		if at := after(used, c.idle.threshold); at > now {
			c.idle.at = at
			return
		}
	}
	c.next().Kind = Inactive
}

// lastUse is until when a consumer that is pulled from is used: as long as there are
// requests, after the last of them, and as long as acknowledgements may come.
func (c *Consumer) lastUse(now int64) int64 {
	if c.pull.len() > 0 {
		return now
	}
	used := c.idle.touched
	c.progress.EachPending(0, func(o store.Outstanding) bool {
		if wait := c.waitOf(c.deliveries(o.Stream)); wait != never {
			used = max(used, after(o.Time, wait))
		}
		return true
	})
	return used
}
