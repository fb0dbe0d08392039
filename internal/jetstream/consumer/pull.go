package consumer

import (
	"slices"
	"strconv"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
)

// A PullRequest is a request for messages as it comes.
type PullRequest struct {
	// Reply is where messages go; without, there is nobody to serve.
	Reply string
	Body  []byte
	// Imported says that Reply is not the subject that the requester listens to, but one
	// of the import of a service.
	Imported bool
}

// Pull takes a request for messages.
func (c *Consumer) Pull(now int64, p PullRequest) {
	if p.Reply == "" {
		return
	}
	if c.config.IsPush() {
		c.refuseRequest(p.Reply, statusPushBased)
		return
	}
	c.touch(now)
	q, formal, err := ParseRequest(p.Body)
	if err != nil {
		c.refuseBad(p.Reply, err.Error())
		return
	}
	if refusal := c.excess(q); refusal != "" {
		c.refuseRequest(p.Reply, refusal)
		return
	}
	if !c.checkGroup(now, p.Reply, &q, formal) {
		return
	}
	c.prune(now)
	if q.NoWait && !c.checkNoWait(p.Reply, q) {
		return
	}
	if c.pull.len() >= c.maxWaiting() {
		// One who gets heartbeats notices that there are none; an answer would let
		// clients ask again at once.
		if q.Heartbeat <= 0 {
			c.refuseRequest(p.Reply, statusMaxWaiting)
		}
		return
	}
	c.pull.add(newRequest(now, p, q), c.config.PriorityPolicy)
}

func newRequest(now int64, p PullRequest, q api.NextRequest) *request {
	r := &request{
		reply: p.Reply, imported: p.Imported,
		batch: q.Batch, bytes: q.MaxBytes, bounded: q.MaxBytes > 0, noWait: q.NoWait,
		group: q.Group, id: q.ID, priority: q.Priority,
		minPending: q.MinPending, minAckPending: q.MinAckPending,
	}
	if q.Expires > 0 {
		r.expires = after(now, int64(q.Expires))
	} else if q.Expires < 0 {
		r.expires = now
	}
	if q.Heartbeat > 0 {
		r.heartbeat = int64(q.Heartbeat)
		r.beatAt = after(now, r.heartbeat)
	}
	return r
}

func (c *Consumer) maxWaiting() int {
	if c.config.MaxWaiting > 0 {
		return c.config.MaxWaiting
	}
	return maxWaitingDefault
}

// excess is the status for a request that wants more than the consumer allows, or
// empty.
func (c *Consumer) excess(q api.NextRequest) string {
	config := c.config
	switch {
	case config.MaxRequestBatch > 0 && q.Batch > config.MaxRequestBatch:
		return "409 Exceeded MaxRequestBatch of " + strconv.Itoa(config.MaxRequestBatch)
	case config.MaxRequestExpires > 0 && q.Expires > config.MaxRequestExpires:
		return "409 Exceeded MaxRequestExpires of " + config.MaxRequestExpires.String()
	case config.MaxRequestBytes > 0 && q.MaxBytes > config.MaxRequestBytes:
		return "409 Exceeded MaxRequestMaxBytes of " + strconv.Itoa(config.MaxRequestBytes)
	}
	return ""
}

// checkGroup judges what a request says of priority groups, and answers if it is not let
// in. A request that cannot say anything is one of the group, without a pin and of the
// lowest priority.
func (c *Consumer) checkGroup(now int64, reply string, q *api.NextRequest, formal bool) bool {
	policy := c.config.PriorityPolicy
	switch {
	case (q.MinPending != 0 || q.MinAckPending != 0) && policy != api.PriorityOverflow:
		c.refuseBad(reply, badOverflow)
	case q.ID != "" && policy != api.PriorityPinned:
		c.refuseBad(reply, badPinned)
	case q.Priority < 0 || q.Priority > priorityLowest:
		c.refuseBad(reply, badPriority)
	case policy == api.PriorityNone:
		return true
	case !formal:
		q.Group, q.Priority = c.group(), priorityLowest
		return true
	case q.Group == "":
		c.refuseBad(reply, badGroupMissing)
	case !slices.Contains(c.config.PriorityGroups, q.Group):
		c.refuseBad(reply, badGroup)
	case q.ID == "" || c.pin.id == "":
		return true
	case q.ID != c.pin.id:
		c.refuseRequest(reply, statusPinMismatch)
	default:
		c.pin.until = after(now, c.pinTimeout())
		return true
	}
	return false
}

// checkNoWait judges a request that wants what is there, and answers if it cannot get
// it.
func (c *Consumer) checkNoWait(reply string, q api.NextRequest) bool {
	available := c.count.waiting + uint64(c.schedule.due)
	switch {
	case available == 0 && q.Expires == 0:
		c.refuseRequest(reply, statusNoMessages)
	case available > 0 && available < uint64(c.pull.promised):
		c.refuseRequest(reply, statusRequestsPending)
	default:
		return true
	}
	return false
}

// prune ends requests whose time is over, and sends heartbeats.
func (c *Consumer) prune(now int64) {
	if now < c.pull.wakeAt {
		return
	}
	wake := int64(never)
	for r := c.pull.first(); r != nil; {
		following := c.pull.after(r)
		if r.expires != 0 && r.expires <= now {
			c.dismiss(now, r, statusTimeout)
			r = following
			continue
		}
		if r.heartbeat > 0 && r.beatAt <= now {
			c.status(r.reply, c.heartbeat())
			r.beatAt = after(now, r.heartbeat)
		}
		wake = min(wake, r.deadline())
		r = following
	}
	c.pull.wakeAt = wake
}

// endOfMessages ends requests that do not want to wait, now that there is nothing for
// them. Those that may wait, and got nothing yet, stay.
func (c *Consumer) endOfMessages(now int64) {
	for r := c.pull.first(); r != nil; {
		following := c.pull.after(r)
		if r.noWait && (r.expires == 0 || r.delivered > 0) {
			c.refuseRequest(r.reply, statusNoMessages)
			c.pull.remove(r)
			c.touch(now)
		}
		r = following
	}
}

// Gone drops the requests of a reply subject on which nobody listens any more.
func (c *Consumer) Gone(now int64, reply string) {
	for r := c.pull.first(); r != nil; {
		following := c.pull.after(r)
		if r.reply == reply {
			if r.imported {
				c.tellRest(r, statusInterestExpired)
			}
			c.pull.remove(r)
			c.touch(now)
		}
		r = following
	}
}

// taker finds the request that takes a message of a size, and ends those that cannot.
func (c *Consumer) taker(now int64, size int, fresh bool) *request {
	for r := c.pull.first(); r != nil; {
		following := c.pull.after(r)
		switch {
		case r.expires != 0 && r.expires <= now:
			c.dismiss(now, r, statusTimeout)
		case c.hasWrongPin(r):
			c.dismiss(now, r, statusWrongPin)
		case !c.isServed(r, fresh):
		case r.bounded && size > r.bytes:
			c.dismiss(now, r, statusTooLarge)
		default:
			c.pinTo(now, r)
			return r
		}
		r = following
	}
	return nil
}

// served takes note of a message that a request has got.
func (c *Consumer) served(now int64, r *request, size int) {
	c.touch(now)
	r.delivered++
	r.batch--
	c.pull.promised--
	if r.bounded {
		if r.bytes -= size; r.bytes == 0 {
			c.pull.promised -= r.batch
			r.batch = 0
		}
	}
	if r.batch > 0 {
		if r.heartbeat > 0 {
			r.beatAt = after(now, r.heartbeat)
		}
		c.pull.requeue(r, c.config.PriorityPolicy)
		return
	}
	c.pull.remove(r)
	if r.bytes > 0 {
		c.tellRest(r, statusBatchCompleted)
	}
}
