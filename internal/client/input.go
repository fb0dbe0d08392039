package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/link"
	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/wire"
)

// slowBatch is from which duration the processing of one read is warned about.
const slowBatch = 2 * time.Second

// Input processes one batch: everything that a read brought. It is called by
// the connection's reading goroutine.
func (c *Client) Input(block *link.Block, data []byte) (consumed, need int, err error) {
	started := time.Now()
	now := started.UnixNano()
	c.refresh()
	c.pub.Begin(block, now)
	for {
		if !c.connected && consumed < len(data) {
			if err = c.beforeConnect(data[consumed]); err != nil {
				break
			}
		}
		c.parser.Last = c.pub.LastSubject()
		var cmd *wire.Command
		var n int
		cmd, n, need, err = c.parser.Next(data[consumed:])
		if err != nil {
			err = c.parseFailed(err)
			break
		}
		if n == 0 {
			break
		}
		consumed += n
		if err = c.dispatch(cmd); err != nil {
			break
		}
		if c.pub.Full() {
			c.flush()
		}
	}
	c.noteActivity(now)
	c.flush()
	if took := time.Since(started); took >= slowBatch {
		c.warnf("Readloop processing time: %v", took)
	}
	return consumed, need, err
}

// noteActivity keeps the time of a batch that was of note.
func (c *Client) noteActivity(now int64) {
	if c.busy {
		c.active.Store(now)
	}
	if c.heard {
		c.lastRead.Store(now)
	}
	c.busy, c.heard = false, false
}

// refresh takes over what was changed from outside, once per batch.
func (c *Client) refresh() {
	s := c.config()
	c.trace = s.Trace && (s.TraceSystem || !c.binding.Load().System)
	c.pub.Trace = c.trace
	if b := c.binding.Load(); b != c.bound {
		c.bound = b
		c.pub.Forget()
		c.limit()
	}
	if s == c.settings {
		return
	}
	c.settings = s
	c.configure()
	c.conn.SetLimits(s.Output)
	c.limit()
}

// configure passes settings on to the publisher.
func (c *Client) configure() {
	c.pub.DropCrowded, c.pub.NoCache = c.settings.NoStall, c.settings.NoCache
}

// flush applies changes of interest and hands the batch to its destinations.
func (c *Client) flush() {
	c.applyChanges()
	c.pub.Flush()
}

// beforeConnect guards the verbs that come before a required CONNECT.
func (c *Client) beforeConnect(first byte) error {
	if c.authorized || first == 'C' || first == 'c' {
		return nil
	}
	s := c.settings
	if !s.AuthRequired {
		return nil
	}
	if s.FirstVerbUser == nil || !s.FirstVerbUser(c.Type) {
		c.authFailedLog("", nil)
		c.pub.Flush()
		return c.fail(AuthenticationFailure, "Authorization Violation")
	}
	return c.authenticate(c.connect)
}

// dispatch carries one operation out.
func (c *Client) dispatch(cmd *wire.Command) error {
	if c.trace {
		c.traceIn(cmd)
	}
	switch cmd.Op {
	case wire.OpPub, wire.OpHPub:
		c.busy, c.heard = true, true
		return c.publish(cmd)
	case wire.OpSub:
		c.busy, c.heard = true, true
		c.subscribe(cmd)
	case wire.OpUnsub:
		c.busy, c.heard = true, true
		c.unsubscribe(cmd)
	case wire.OpPing:
		c.heard = true
		c.ping()
	case wire.OpPong:
		c.pong()
	case wire.OpConnect:
		c.busy = true
		c.flush()
		return c.onConnect(cmd.Args)
	case wire.OpInfo:
		if !json.Valid(cmd.Args) {
			return c.parseFailed(&json.SyntaxError{})
		}
	case wire.OpErr:
		c.errorf("Client Error %s", cmd.Args)
		return c.fail(ParseError, "")
	}
	return nil
}

// publish checks a message and routes it.
func (c *Client) publish(cmd *wire.Command) error {
	p := c.pub
	if len(c.changes) > 0 {
		c.applyChanges()
	}
	p.Count(cmd)
	if cmd.Header > 0 && broker.AsksForTrace(cmd.Body[:cmd.Header]) && !c.startTrace(cmd, len(cmd.Body)) {
		return nil
	}
	e := p.Lookup(cmd)
	if e.Subject != nil {
		if c.trace {
			c.tracef("<<- [MAPPING %s -> %s]", cmd.Subject, e.Subject)
		}
		cmd.Subject = e.Subject
	}
	if e.Verdict != 0 && !c.mayPublish(e.Verdict, cmd) {
		return nil
	}
	if len(cmd.Reply) > 0 && reservedReply(cmd.Reply) {
		p.RefuseTrace(fmt.Sprintf("Permissions Violation for Publish with Reply of %q", cmd.Reply))
		c.violation(fmt.Sprintf("Permissions Violation for Publish with Reply of %q", cmd.Reply),
			fmt.Sprintf("Publish Violation - Reply %q", cmd.Reply))
		return nil
	}
	if c.pedantic && !validPublish(cmd.Subject) {
		c.answerErr("Invalid Publish Subject")
	}
	if c.verbose {
		c.ok()
	}
	p.Publish(e, cmd, c.noResponder && len(cmd.Reply) > 0)
	return nil
}

// startTrace begins the trace that a message of size bytes asks for. It reports
// whether the message is to be published.
func (c *Client) startTrace(cmd *wire.Command, size int) bool {
	start := c.pub.StartTrace(cmd, size)
	if start.Log != "" {
		c.errorf("%s", start.Log)
	}
	if start.Violation != "" {
		c.violation(fmt.Sprintf("Permissions Violation for Publish to %q", start.Violation),
			fmt.Sprintf("Publish Violation - Subject %q", start.Violation))
	}
	return !start.Drop
}

// traceTooLarge publishes the trace of a message that is refused for its size, if
// what has been read of its headers asks for that.
func (c *Client) traceTooLarge(e *wire.PayloadError) {
	cmd := e.Command
	if cmd != nil && broker.AsksForTrace(cmd.Body) && c.startTrace(cmd, e.Size) {
		c.pub.RefuseTrace("maximum payload exceeded")
	}
	c.flush()
}

// ok answers +OK.
func (c *Client) ok() {
	if c.trace {
		c.traceOut("OK")
	}
	c.pub.Answer("+OK\r\n")
}

// answerErr answers with an error that does not close the connection.
func (c *Client) answerErr(text string) {
	if c.trace {
		c.traceOut("-ERR " + text)
	}
	c.pub.Answer("-ERR '" + text + "'\r\n")
}

// violation answers and logs a breach of permissions.
func (c *Client) violation(text, log string) {
	c.errorf("%s", log)
	c.answerErr(text)
}

// parseFailed ends the connection after input that is not the protocol.
func (c *Client) parseFailed(err error) error {
	c.flush() // what came before was accepted
	var payload *wire.PayloadError
	var argument *wire.ArgumentError
	var operation *wire.OperationError
	switch {
	case errors.Is(err, wire.ErrControlLine):
		c.errorf("%v", err)
		return c.fail(MaximumControlLine, err.Error())
	case errors.As(err, &payload):
		c.errorf("%v", err)
		c.traceTooLarge(payload)
		return c.fail(MaximumPayload, "Maximum Payload Violation")
	case errors.As(err, &operation):
		// It may be a CONNECT with a slip of the pen.
		c.errorf("%v", &wire.OperationError{Near: string(logging.RedactConnect([]byte(operation.Near)))})
		return c.fail(ProtocolViolation, "Unknown Protocol Operation")
	case errors.As(err, &argument):
		c.errorf("%v", err)
		return c.fail(ProtocolViolation, "")
	}
	c.errorf("%v", err)
	return c.fail(ProtocolViolation, "")
}
