package consumer

import (
	"slices"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
)

// Update takes another configuration, which package api has allowed. The position stays,
// and what is outstanding stays deliverable. The pause is not changed by it.
func (c *Consumer) Update(now int64, config *api.ConsumerConfig) error {
	old := c.config
	if err := c.configure(config); err != nil {
		return err
	}
	if err := c.progress.SetRules(RulesOf(config)); err != nil {
		return err
	}
	if old.AckWait != config.AckWait || !slices.Equal(old.BackOff, config.BackOff) {
		// Ordinary messages are due at other times; the next Due finds out when.
		c.schedule.front = now
	}
	if old.DeliverSubject != config.DeliverSubject {
		c.push.bound, c.push.unboundAt = false, now
		c.push.asked, c.push.unsent, c.push.covers = "", 0, 0
		if err := c.expireAll(); err != nil {
			return err
		}
	}
	if slices.Equal(old.Filters(), config.Filters()) {
		return nil
	}
	return c.refilter()
}

// refilter counts anew what waits, with another filter. Messages that the consumer does
// not want any more are not needed by it.
func (c *Consumer) refilter() error {
	c.rechoose(func(seq uint64) bool {
		subject, err := c.stream.Subject(seq)
		return err == nil && c.filter.Match(subject)
	})
	c.done(1, c.stream.State().LastSequence)
	return c.recount()
}
