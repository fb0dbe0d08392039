package consumer

import (
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
)

// priorityLowest is the priority that is served last.
const priorityLowest = 9

// pinLength is the length of a pin id.
const pinLength = 22

// A pin is the client that alone is served of its group.
type pin struct {
	id    string // empty if nobody is pinned
	group string
	since int64
	until int64 // when it has been silent for too long
}

// group is the one that is effective, or empty.
func (c *Consumer) group() string {
	if len(c.config.PriorityGroups) == 0 {
		return ""
	}
	return c.config.PriorityGroups[0]
}

func (c *Consumer) pinTimeout() int64 {
	if c.config.PriorityTimeout > 0 {
		return int64(c.config.PriorityTimeout)
	}
	return int64(pinDefault)
}

// hasWrongPin says whether a request believes to be pinned, and is not.
func (c *Consumer) hasWrongPin(r *request) bool {
	return r.id != "" && r.id != c.pin.id
}

// isServed says whether a request can have the message that was found, as far as its
// group is concerned. Fresh says that it is delivered for the first time.
func (c *Consumer) isServed(r *request, fresh bool) bool {
	switch c.config.PriorityPolicy {
	case api.PriorityPinned:
		return c.pin.id == "" || r.id == c.pin.id
	case api.PriorityOverflow:
		if r.minPending <= 0 && r.minAckPending <= 0 {
			return true
		}
		return r.minPending > 0 && c.backlog(fresh) >= uint64(r.minPending) ||
			r.minAckPending > 0 && int64(c.progress.PendingLen()) >= r.minAckPending
	}
	return true
}

// backlog is the number of messages that wait, with the one that was found.
func (c *Consumer) backlog(fresh bool) uint64 {
	if fresh {
		return max(c.count.waiting, 1)
	}
	return c.count.waiting
}

// pinTo pins a request that is about to be served, if nobody is pinned.
func (c *Consumer) pinTo(now int64, r *request) {
	if c.config.PriorityPolicy != api.PriorityPinned || c.pin.id != "" {
		return
	}
	c.pin = pin{id: c.newPinID(), group: r.group, since: now, until: after(now, c.pinTimeout())}
	r.id = c.pin.id
	c.notify(Notice{Kind: Pinned, Group: r.group, PinID: r.id})
}

func (c *Consumer) newPinID() string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var id [pinLength]byte
	var bits uint64
	for i := range id {
		if i%8 == 0 {
			bits = c.random()
		}
		id[i] = digits[bits%uint64(len(digits))]
		bits /= uint64(len(digits))
	}
	return string(id[:])
}

// unpin lets another client be pinned.
func (c *Consumer) unpin(reason string) {
	if c.pin.id == "" {
		return
	}
	group := c.pin.group
	c.pin = pin{}
	c.notify(Notice{Kind: Unpinned, Group: group, Reason: reason})
}

// Unpin takes the pin from whoever has it, if it is in the group.
func (c *Consumer) Unpin(group string) {
	if group == c.pin.group {
		c.unpin(ReasonAdmin)
	}
}

// pinTime is when the present client was pinned, the zero time if nobody is.
func (c *Consumer) pinTime() time.Time {
	if c.pin.id == "" {
		return time.Time{}
	}
	return time.Unix(0, c.pin.since).UTC()
}
