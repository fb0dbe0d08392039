package consumer

import (
	"strconv"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/wire"
)

// The window of flow control in bytes: it grows with every answer.
const (
	windowMax   = 32 << 20
	windowFirst = windowMax / 16
)

// push is the state of a consumer that sends without being asked.
type push struct {
	bound     bool  // somebody listens to the deliver subject
	unboundAt int64 // since when nobody does
	sentAt    int64 // last delivery or heartbeat

	prefix string // of flow control subjects
	flow   bool   // there is flow control
	window int    // bytes
	unsent int    // bytes that were sent and are not covered by an answer
	asked  string // subject on which the answer is expected, empty if there is none
	covers int    // bytes that the answer will be for
}

// isStalled says whether flow control stops deliveries.
func (p *push) isStalled() bool { return p.flow && p.unsent > p.window }

// Bind tells whether somebody listens to the deliver subject, in the group if there is
// one.
func (c *Consumer) Bind(now int64, bound bool) {
	if c.push.bound && !bound {
		c.push.unboundAt = now
		c.idle.at = 0
	}
	c.push.bound = bound
}

// pushed takes note of a delivery to the deliver subject.
func (c *Consumer) pushed(now int64, size int) {
	p := &c.push
	p.sentAt = now
	if !p.flow {
		return
	}
	p.unsent += size
	if p.asked == "" && (p.unsent > p.window/2 || c.isFullByFlow()) {
		c.askFlow()
	}
}

// isFullByFlow says whether only an answer to flow control can make room for more.
func (c *Consumer) isFullByFlow() bool {
	limit := c.limit()
	return c.config.AckPolicy == api.AckFlowControl && limit > 0 && c.progress.PendingLen() >= limit
}

// askFlow asks the receiver to answer when it has come so far.
func (c *Consumer) askFlow() {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var text [4]byte
	for i, n := 0, c.random(); i < len(text); i++ {
		text[i] = digits[n%uint64(len(digits))]
		n /= uint64(len(digits))
	}
	p := &c.push
	p.asked, p.covers = p.prefix+string(text[:]), p.unsent
	e := c.next()
	e.Kind, e.To, e.Reply = Status, c.config.DeliverSubject, []byte(p.asked)
	e.Header = []byte("NATS/1.0 100 FlowControl Request\r\n\r\n")
}

// FlowAnswer takes the answer to flow control, with the headers that it came with.
// Answers on other subjects than the last one are ignored.
func (c *Consumer) FlowAnswer(now int64, subject, header []byte) error {
	p := &c.push
	if p.asked == "" || string(subject) != p.asked {
		return nil
	}
	p.window = min(2*p.window, windowMax)
	p.unsent = max(p.unsent-p.covers, 0)
	p.asked, p.covers = "", 0
	if c.config.AckPolicy != api.AckFlowControl {
		return nil
	}
	seq, ok := parseNumber(wire.Header(header, "Nats-Last-Stream"))
	if !ok || seq == 0 {
		return nil
	}
	c.lastAck = now
	return c.acknowledgeAll(seq)
}

// beat sends a heartbeat to the deliver subject if it is time.
func (c *Consumer) beat(now int64) {
	interval := int64(c.config.Heartbeat)
	if !c.config.IsPush() || interval <= 0 || now < after(c.push.sentAt, interval) {
		return
	}
	c.push.sentAt = now
	if !c.push.bound {
		return
	}
	c.status(c.config.DeliverSubject, c.heartbeat())
	if c.config.AckPolicy == api.AckFlowControl && c.progress.PendingLen() > 0 && c.push.asked == "" {
		c.askFlow()
	}
}

// heartbeat is the header block of a heartbeat.
func (c *Consumer) heartbeat() []byte {
	b := append([]byte(nil), "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: "...)
	b = strconv.AppendUint(b, c.progress.Delivered().Consumer, 10)
	b = append(b, "\r\nNats-Last-Stream: "...)
	b = strconv.AppendUint(b, c.position-1, 10)
	if c.push.asked != "" {
		b = append(append(b, "\r\nNats-Consumer-Stalled: "...), c.push.asked...)
	}
	return append(b, "\r\n\r\n"...)
}

// beatAt is when the next heartbeat is due.
func (c *Consumer) beatAt() int64 {
	if !c.config.IsPush() || c.config.Heartbeat < time.Nanosecond {
		return never
	}
	return after(c.push.sentAt, int64(c.config.Heartbeat))
}
