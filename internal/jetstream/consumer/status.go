package consumer

import "strconv"

// Statuses that end a request, as clients see them.
const (
	statusPushBased       = "409 Consumer is push based"
	statusNoMessages      = "404 No Messages"
	statusTimeout         = "408 Request Timeout"
	statusRequestsPending = "408 Requests Pending"
	statusInterestExpired = "408 Interest Expired"
	statusBatchCompleted  = "409 Batch Completed"
	statusTooLarge        = "409 Message Size Exceeds MaxBytes"
	statusMaxWaiting      = "409 Exceeded MaxWaiting"
	statusPinMismatch     = "423 Nats-Pin-Id mismatch"
	statusWrongPin        = "423 Nats-Wrong-Pin-Id"
	statusDeleted         = "409 Consumer Deleted"
	statusLeader          = "409 Leadership Change"
	statusShutdown        = "409 Server Shutdown"
	statusLevel           = "412 Required Api Level"
)

// Reasons of a refused request, which follow "400 Bad Request - ".
const (
	badOverflow     = "Not a Overflow Priority consumer"
	badPinned       = "Not a Pinned Client Priority consumer"
	badPriority     = "Priority must be between 0 and 9"
	badGroupMissing = "Priority Group missing"
	badGroup        = "Invalid Priority Group"
)

// refuseRequest answers a request that is not let in.
func (c *Consumer) refuseRequest(reply, status string) {
	c.status(reply, []byte("NATS/1.0 "+status+"\r\n\r\n"))
}

func (c *Consumer) refuseBad(reply, reason string) {
	c.refuseRequest(reply, "400 Bad Request - "+reason)
}

// RefuseLevel answers a pull request that needs an API level which the server has not.
func (c *Consumer) RefuseLevel(reply string) { c.refuseRequest(reply, statusLevel) }

// tellRest sends a status with what a request had left.
func (c *Consumer) tellRest(r *request, status string) {
	b := append([]byte("NATS/1.0 "), status...)
	b = strconv.AppendInt(append(b, "\r\nNats-Pending-Messages: "...), int64(r.batch), 10)
	b = strconv.AppendInt(append(b, "\r\nNats-Pending-Bytes: "...), int64(r.bytes), 10)
	c.status(r.reply, append(b, "\r\n\r\n"...))
}

// dismiss ends a request with a status. Until now the consumer was used.
func (c *Consumer) dismiss(now int64, r *request, status string) {
	c.tellRest(r, status)
	c.pull.remove(r)
	c.touch(now)
}

// Ending is why a consumer is not served here any more.
type Ending uint8

const (
	// Deleted: the consumer is no more.
	Deleted Ending = iota
	// LeaderChanged: another server leads it.
	LeaderChanged
	// Shutdown: the server stops.
	Shutdown
)

// End tells all that have open requests that the consumer is not served any more.
func (c *Consumer) End(why Ending) {
	for r := c.pull.first(); r != nil; r = c.pull.first() {
		switch why {
		case Deleted:
			c.refuseRequest(r.reply, statusDeleted)
		case LeaderChanged:
			c.refuseRequest(r.reply, statusLeader)
		case Shutdown:
			c.tellRest(r, statusShutdown)
		}
		c.pull.remove(r)
	}
}
