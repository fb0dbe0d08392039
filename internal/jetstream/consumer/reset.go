package consumer

import (
	"errors"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

// Reset begins anew at a sequence of the stream, or behind the floor if it is 0:
// everything outstanding is forgotten, and deliveries count from 1. It returns the
// sequence. A refusal is an *api.Error, any other error is one of a store.
func (c *Consumer) Reset(seq uint64) (uint64, error) {
	if seq == 0 {
		seq = c.floor().Stream + 1
	} else if err := c.checkReset(seq); err != nil {
		return 0, err
	}
	seq = min(seq, store.SequenceMax)
	chosen := c.chosenAnew()
	if err := c.progress.Reset(seq - 1); err != nil {
		return 0, err
	}
	c.schedule.begin(seq)
	c.position, c.base = seq, store.Pair{}
	c.count.chosen = chosen
	c.lastAck, c.lastDelivery = 0, 0
	if err := c.recount(); err != nil {
		return 0, err
	}
	c.done(1, seq-1)
	return seq, nil
}

// chosenAnew are the messages that come first after a reset, if the consumer has not
// delivered all of those: what is outstanding of them, and the rest.
func (c *Consumer) chosenAnew() []uint64 {
	if len(c.count.chosen) == 0 {
		return nil
	}
	var list []uint64
	c.progress.EachPending(0, func(o store.Outstanding) bool {
		list = append(list, o.Stream)
		return true
	})
	return append(list, c.count.chosen...)
}

func (c *Consumer) checkReset(seq uint64) error {
	text := ""
	switch c.config.DeliverPolicy {
	case api.DeliverAll:
	case api.DeliverByStartSequence:
		if seq < c.config.StartSequence {
			text = "below start seq"
		}
	case api.DeliverByStartTime:
		if c.config.StartTime == nil {
			break
		}
		start, err := c.stream.SequenceAt(c.config.StartTime.UnixNano())
		if err != nil {
			return err
		}
		if seq < start {
			text = "below start time"
		}
	default:
		text = "not allowed"
	}
	if text != "" {
		return api.NewConsumerInvalidReset(errors.New(text))
	}
	return nil
}
