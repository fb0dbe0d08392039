package client

import (
	"fmt"
	"regexp"

	"github.com/godwit-mq/godwit/internal/wire"
)

// traceIn logs an operation that the client sent.
func (c *Client) traceIn(cmd *wire.Command) {
	switch cmd.Op {
	case wire.OpInfo, wire.OpOK:
	case wire.OpPing, wire.OpPong:
		c.tracef("<<- [%s]", cmd.Op)
	case wire.OpConnect:
		c.tracef("<<- [CONNECT %s]", redact(cmd.Args))
	default:
		c.tracef("<<- [%s %s]", cmd.Op, cmd.Args)
		if cmd.Op == wire.OpPub || cmd.Op == wire.OpHPub {
			c.tracePayload(cmd)
		}
	}
}

func (c *Client) tracePayload(cmd *wire.Command) {
	payload := cmd.Body
	if c.settings.TraceHeaders {
		payload = payload[:cmd.Header]
	}
	if len(payload) == 0 {
		return
	}
	if limit := c.settings.TraceLength; limit > 0 && len(payload) > limit {
		c.tracef("<<- MSG_PAYLOAD: [\"%s...\"]", quoted(payload[:limit]))
		return
	}
	c.tracef("<<- MSG_PAYLOAD: [%q]", payload)
}

// quoted is Go's quoting without the quotes.
func quoted(b []byte) string {
	q := fmt.Sprintf("%q", b)
	return q[1 : len(q)-1]
}

// traceOut logs a line that the client is sent.
func (c *Client) traceOut(line string) {
	if c.server.Settings().Trace {
		c.tracef("->> [%s]", line)
	}
}

// traceDelivery logs a message that the client is sent.
func (c *Client) traceDelivery(line []byte) {
	if c.server.Settings().Trace {
		c.tracef("->> [%s]", line)
	}
}

// secrets finds the values in a CONNECT that must not be logged.
var secrets = regexp.MustCompile(`(?i)("(?:auth_token[^"]*|pass[^"]*|sig|proxy_sig|nkey|jwt)"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}]+)`)

// redact hides the secrets of a CONNECT.
func redact(args []byte) []byte {
	return secrets.ReplaceAll(args, []byte(`${1}"[REDACTED]"`))
}
