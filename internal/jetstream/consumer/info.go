package consumer

import (
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

// Info is what is told of the consumer at now. The owner adds when it was created, and
// the servers that have it. Requests whose time is over are ended first, which has
// effects.
func (c *Consumer) Info(now int64) api.ConsumerInfo {
	c.prune(now)
	info := api.ConsumerInfo{
		Stream: c.address.Stream, Name: c.address.Consumer, Config: c.config,
		Delivered:     sequence(c.progress.Delivered(), c.lastDelivery),
		AckFloor:      sequence(c.floor(), c.lastAck),
		NumAckPending: c.progress.PendingLen(),
		NumWaiting:    c.pull.len(),
		NumPending:    c.count.waiting,
		PushBound:     c.config.IsPush() && c.push.bound,
		Time:          time.Unix(0, now).UTC(),
	}
	if c.config.MaxDeliver != 1 {
		info.NumRedelivered = c.progress.RedeliveredLen()
	}
	if c.pausedTo > now {
		info.Paused, info.PauseRemaining = true, time.Duration(c.pausedTo-now)
	}
	if group := c.group(); group != "" {
		info.PriorityGroups = []api.PriorityGroupState{{Group: group, PinnedClientID: c.pin.id, PinnedTime: c.pinTime()}}
	}
	return info
}

func sequence(p store.Pair, at int64) api.SequenceInfo {
	info := api.SequenceInfo{Consumer: p.Consumer, Stream: p.Stream}
	if at != 0 {
		t := time.Unix(0, at).UTC()
		info.Last = &t
	}
	return info
}

// floor is the place below which all is done. The store moves it with
// acknowledgements; messages that are done otherwise may have let it move further.
func (c *Consumer) floor() store.Pair {
	if c.progress.PendingLen() == 0 {
		return c.progress.Delivered()
	}
	floor := c.progress.Floor()
	if c.base.Stream > floor.Stream {
		floor = c.base
	}
	c.progress.EachPending(0, func(o store.Outstanding) bool {
		if o.Consumer > floor.Consumer+1 {
			floor = store.Pair{Consumer: o.Consumer - 1, Stream: o.Stream - 1}
		}
		return false
	})
	return floor
}

// Needs says whether the consumer still needs a message of the stream: because it wants
// it and has not delivered it, because it is outstanding, or because it was delivered as
// often as it may be and not acknowledged.
func (c *Consumer) Needs(seq uint64, subject []byte) bool {
	switch {
	case !c.filter.Match(subject):
		return false
	case seq >= c.position:
		return len(c.count.chosen) == 0 || seq >= c.count.resume || c.isChosen(seq)
	case c.config.AckPolicy == api.AckNone:
		return false
	}
	if _, ok := c.progress.Pending(seq); ok {
		return true
	}
	return c.progress.Redelivered(seq) > 0
}
