package client

import (
	"fmt"

	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/wire"
)

// traceIn logs an operation that the client sent.
func (c *Client) traceIn(cmd *wire.Command) {
	switch cmd.Op {
	case wire.OpInfo, wire.OpOK:
	case wire.OpPing, wire.OpPong:
		c.tracef("<<- [%s]", cmd.Op)
	case wire.OpConnect:
		c.tracef("<<- [CONNECT %s]", logging.RedactConnect(cmd.Args))
	default:
		c.tracef("<<- [%s %s]", cmd.Op, cmd.Args)
		if cmd.Op == wire.OpPub || cmd.Op == wire.OpHPub {
			c.traceBody("<<-", cmd.Body[:cmd.Header], cmd.Body[cmd.Header:])
		}
	}
}

// traceBody logs a message's headers and payload, as far as is wanted.
func (c *Client) traceBody(arrow string, headers, payload []byte) {
	settings := c.config()
	body := headers
	if !settings.TraceHeaders {
		body = append(append([]byte(nil), headers...), payload...)
	}
	if len(body) == 0 {
		return
	}
	if limit := settings.TraceLength; limit > 0 && len(body) > limit {
		c.tracef("%s MSG_PAYLOAD: [\"%s...\"]", arrow, quoted(body[:limit]))
		return
	}
	c.tracef("%s MSG_PAYLOAD: [%q]", arrow, body)
}

// quoted is Go's quoting without the quotes.
func quoted(b []byte) string {
	q := fmt.Sprintf("%q", b)
	return q[1 : len(q)-1]
}

// traceOut logs a line that the client is sent.
func (c *Client) traceOut(line string) {
	if c.config().Trace {
		c.tracef("->> [%s]", line)
	}
}

// traceDelivery logs a message that the client is sent. It is called by
// publishers.
func (c *Client) traceDelivery(line, headers, payload []byte) {
	c.tracef("->> [%s]", line)
	if line[0] != 'H' {
		headers = nil
	}
	c.traceBody("->>", headers, payload)
}
