package websocket

import (
	"compress/flate"
	"errors"
	"io"
	"sync"
)

// deflateTail is what a sender cuts off the end of a compressed message (RFC 7692
// §7.2.1), and a final empty block, at which inflating ends.
const deflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// inflater reads one compressed message. It inflates while the message arrives,
// so that neither the compressed nor the inflated form is ever held whole. As the
// source of its flate reader it takes payload out of the frames of the Conn; all
// belongs to the reader of that.
type inflater struct {
	conn   *Conn
	reader io.ReadCloser
	left   int64  // how many bytes the message may still inflate to
	chunk  []byte // payload at hand, a part of the stash
	ended  bool   // whether the final frame is complete
	tail   int    // how much of deflateTail was taken
	cause  error  // why payload could not be had
}

var inflaters = sync.Pool{New: func() any {
	f := new(inflater)
	f.reader = flate.NewReader(f)
	return f
}}

func newInflater(c *Conn) *inflater {
	f := inflaters.Get().(*inflater)
	f.conn, f.left = c, c.readLimit.Load()
	f.chunk, f.ended, f.tail, f.cause = nil, false, 0, nil
	f.reader.(flate.Resetter).Reset(f, nil) // never fails
	return f
}

func (f *inflater) release() {
	f.conn, f.chunk = nil, nil
	inflaters.Put(f)
}

// readInflated reads from the message at hand. Errors that last are kept in
// c.in.err; since a flate reader cannot go on after any, all last.
func (c *Conn) readInflated(p []byte) (int, error) {
	f := c.in.inflater
	n, err := f.reader.Read(p)
	if int64(n) > f.left {
		c.violated(&CloseError{StatusMessageTooBig, "maximum payload exceeded"})
		return int(f.left), nil
	}
	f.left -= int64(n)
	switch {
	case err == nil:
	case err == io.EOF && f.finish():
		f.release()
		c.in.inflater = nil
		if len(c.in.stash.unread()) == 0 {
			c.releaseInput()
		}
	case c.in.err != nil: // a violation or a close frame, met on the way
	case f.cause != nil:
		c.in.err = c.lost(f.cause)
	case err == io.EOF:
		c.violated(&CloseError{StatusInvalidPayload, "data after the final block of a compressed message"})
	case errors.Is(err, io.ErrUnexpectedEOF):
		c.violated(&CloseError{StatusInvalidPayload, "flate: corrupt input: message ends inside a block"})
	default:
		c.violated(&CloseError{StatusInvalidPayload, err.Error()})
	}
	return n, nil
}

// finish reports whether nothing but the rest of an empty block follows where
// inflating has ended. A sender that ends its stream with a final block adds the
// first byte of one (RFC 7692 §7.2.3.4).
func (f *inflater) finish() bool {
	if f.tail > 0 {
		return true
	}
	for spare := 0; f.fill() == nil; {
		if f.ended {
			return true
		}
		spare += len(f.chunk)
		if spare > 1 || f.chunk[0] != 0 {
			return false
		}
		f.chunk = nil
	}
	return false
}

// fill makes sure that there is payload at hand unless the message has ended.
func (f *inflater) fill() error {
	c := f.conn
	for len(f.chunk) == 0 && !f.ended {
		in := c.in.stash.unread()
		event, used, err := c.in.decoder.Next(in)
		c.in.stash.keep(len(in) - used)
		if err != nil {
			c.violated(err)
			return err
		}
		switch event.Kind {
		case Data:
			f.chunk = event.Payload
		case MessageEnd:
			f.ended = true
		case NeedMore:
			if err := c.in.stash.fill(c.conn); err != nil {
				f.cause = err
				return err
			}
		default:
			c.control(event)
			if c.in.err != nil {
				return c.in.err
			}
		}
	}
	return nil
}

// ReadByte is what the flate reader uses, so that it takes no byte too many.
func (f *inflater) ReadByte() (byte, error) {
	if len(f.chunk) == 0 {
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	if f.ended {
		if f.tail == len(deflateTail) {
			return 0, io.EOF
		}
		f.tail++
		return deflateTail[f.tail-1], nil
	}
	b := f.chunk[0]
	f.chunk = f.chunk[1:]
	return b, nil
}

// Read is what the flate reader uses for stored blocks.
func (f *inflater) Read(p []byte) (int, error) {
	if len(f.chunk) == 0 {
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	if f.ended {
		n := copy(p, deflateTail[f.tail:])
		f.tail += n
		if n == 0 && len(p) > 0 {
			return 0, io.EOF
		}
		return n, nil
	}
	n := copy(p, f.chunk)
	f.chunk = f.chunk[n:]
	return n, nil
}
