package websocket

import (
	"errors"
	"io"
	"sync"
)

// inbound is the reading half of a Conn.
type inbound struct {
	mu      sync.Mutex // serializes Read; guards the rest
	decoder Decoder
	// stash holds input that was read but not decoded: the rest of what a read
	// brought when a compressed message began in it.
	stash    *stash
	inflater *inflater // while a compressed message is being read
	err      error     // why nothing is left to be read
}

// Read returns payload of data messages, in which message boundaries have no
// meaning. It decodes in p, so an idle connection holds no buffer; p should have
// room for some hundred bytes. Pings are answered on the way.
//
// The end is io.EOF if the peer closed, with a close frame or between two
// messages; io.ErrUnexpectedEOF if it broke off; a *CloseError if it violated the
// protocol. The close frame that answers is sent by CloseWith, CloseWrite or
// Close, so that it stands behind the answers to the payload read before it.
func (c *Conn) Read(p []byte) (int, error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for len(p) > 0 {
		if c.drain.Load() {
			return 0, c.discard(p)
		}
		if c.in.err != nil {
			c.releaseInput()
			return 0, c.in.err
		}
		var n int
		var err error
		switch {
		case c.in.inflater != nil:
			n, err = c.readInflated(p)
		case c.in.stash != nil:
			n = c.readStash(p)
		default:
			n, err = c.readSocket(p)
		}
		if n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// readSocket reads into p and decodes in place. Only an error that does not last
// is returned; the others are kept in c.in.err.
func (c *Conn) readSocket(p []byte) (int, error) {
	got, err := c.conn.Read(p)
	n, rest := c.unpack(p, p[:got])
	if len(rest) > 0 || c.in.inflater != nil {
		c.in.stash = newStash(rest)
	}
	if err == nil || c.in.err != nil {
		return n, nil
	}
	if passing(err) {
		return n, err
	}
	c.in.err = c.lost(err)
	return n, nil
}

// lost says what an error of the connection beneath means here.
func (c *Conn) lost(err error) error {
	if errors.Is(err, io.EOF) && !c.in.decoder.Idle() {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (c *Conn) readStash(p []byte) int {
	n, rest := c.unpack(p, c.in.stash.unread())
	c.in.stash.keep(len(rest))
	if len(rest) == 0 && c.in.inflater == nil {
		c.releaseInput()
	}
	return n
}

// unpack decodes in up to where a compressed message begins and puts payload into
// dst, which may be the same memory. It returns what is left to be decoded.
func (c *Conn) unpack(dst, in []byte) (n int, rest []byte) {
	for c.in.err == nil && c.in.inflater == nil && n < len(dst) {
		// Payload is never longer than what it is decoded from, so it fits.
		event, used, err := c.in.decoder.Next(in[:min(len(in), len(dst)-n)])
		in = in[used:]
		if err != nil {
			c.violated(err)
			break
		}
		switch event.Kind {
		case Data:
			n += copy(dst[n:], event.Payload)
		case MessageBegin:
			if event.Compressed {
				c.in.inflater = newInflater(c)
			}
		case NeedMore:
			if len(in) == 0 {
				return n, nil
			}
		default:
			c.control(event)
		}
	}
	if c.in.err != nil {
		return n, nil
	}
	return n, in
}

// control handles the events that are no data.
func (c *Conn) control(event Event) {
	switch event.Kind {
	case PingReceived:
		c.debts.owePong(event.Payload)
		c.payPong()
	case CloseReceived:
		c.debts.closeFrame(event.Payload)
		c.in.err = io.EOF
	}
}

// violated ends reading because of what the peer sent.
func (c *Conn) violated(err error) {
	c.in.err = err
	if violation, ok := errors.AsType[*CloseError](err); ok {
		c.debts.violation(violation)
	}
}

// releaseInput gives buffers back.
func (c *Conn) releaseInput() {
	if c.in.stash != nil {
		c.in.stash.release()
		c.in.stash = nil
	}
	if c.in.inflater != nil {
		c.in.inflater.release()
		c.in.inflater = nil
	}
}

// discard reads until the peer has ended.
func (c *Conn) discard(p []byte) error {
	c.releaseInput()
	for {
		if _, err := c.conn.Read(p); err != nil {
			return err
		}
	}
}

const (
	stashSize = 16 << 10
	stashKept = 64 << 10 // larger ones are not pooled
)

// stash is a pooled buffer of input.
type stash struct {
	buffer     []byte
	start, end int
}

var stashes = sync.Pool{New: func() any { return &stash{buffer: make([]byte, stashSize)} }}

// newStash copies input.
func newStash(input []byte) *stash {
	s := stashes.Get().(*stash)
	if len(input) > len(s.buffer) {
		s.buffer = make([]byte, len(input))
	}
	s.start, s.end = 0, copy(s.buffer, input)
	return s
}

func (s *stash) unread() []byte { return s.buffer[s.start:s.end] }

// keep drops all but the last n unread bytes.
func (s *stash) keep(n int) { s.start = s.end - n }

// fill reads more. Nothing may be unread.
func (s *stash) fill(from io.Reader) error {
	n, err := from.Read(s.buffer)
	s.start, s.end = 0, n
	if n > 0 {
		return nil
	}
	return err
}

func (s *stash) release() {
	if len(s.buffer) <= stashKept {
		stashes.Put(s)
	}
}
