package websocket

import (
	"crypto/rand"
	"errors"
	"io"
	"net"
	"sync"
)

const (
	// frameSize bounds the payload of a frame and the plain size of a compressed
	// message. Clients hold a frame whole, some refuse large ones, and some peers
	// a message that inflates to more than their largest payload. With it every
	// length fits into 16 bits, compressed or not.
	frameSize = 60 << 10
	// browserFrameSize is the same for browsers.
	browserFrameSize = 4096
	// compressAbove is up to which size compressing is not worth it.
	compressAbove = 64
	// frameOverhead is more than what headers and incompressible data can add to
	// a message of frameSize: some 5 bytes for each block, 8 for each fragment.
	frameOverhead = 1 << 10
	// scratchSize holds the largest message.
	scratchSize = 64 << 10
)

// outbound is the writing half of a Conn, guarded by mu.
type outbound struct {
	mu sync.Mutex
	// unsent are frames, the first one perhaps begun, that the connection beneath
	// did not take in time. Nothing may be sent before them.
	unsent    []byte
	closeSent bool
	err       error // why nothing can be sent any more
}

// Write sends p as binary data: in one frame, or in several if it is large or the
// peer a browser; compressed, if that was agreed and p is not tiny.
//
// When the write deadline passes, the frames that were begun are kept and go
// first in the next write. So n tells how much of p need not be written again,
// and it may be len(p) although there is an error.
func (c *Conn) Write(p []byte) (n int, err error) {
	return c.WriteBuffers([][]byte{p})
}

// WriteBuffers is like Write for data that is in pieces. They are not changed or
// kept. It is better than a Write for each, since what it gets it compresses and
// frames as a whole.
func (c *Conn) WriteBuffers(pieces [][]byte) (n int, err error) {
	c.out.mu.Lock()
	defer c.unlockOut()
	if c.out.closeSent {
		return 0, ErrCloseSent
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	buf := scratches.Get().(*scratch)
	defer scratches.Put(buf)
	left := cursor{pieces: pieces}
	for {
		buf.framed = c.debts.appendPong(buf.framed[:0], c)
		taken := c.frame(buf, &left)
		if len(buf.framed) == 0 {
			return n, nil
		}
		err = c.send(buf.framed)
		if c.out.err == nil {
			n += taken
		}
		if err != nil {
			return n, err
		}
	}
}

// frame appends frames to the scratch while there is room and data, and returns
// how much data that was.
func (c *Conn) frame(buf *scratch, left *cursor) (taken int) {
	limit := c.profile.frameMax
	if c.profile.deflate {
		limit = frameSize
	}
	for {
		n := left.next(limit)
		if n == 0 || len(buf.framed)+n+frameOverhead > scratchSize {
			return taken
		}
		taken += n
		if c.profile.deflate && n > compressAbove {
			c.appendCompressed(buf, buf.deflate(left, n))
		} else {
			c.appendPlain(buf, left, n)
		}
	}
}

// appendPlain appends n bytes as a message of one frame.
func (c *Conn) appendPlain(buf *scratch, left *cursor, n int) {
	h := c.header(Binary)
	h.Final = true
	buf.framed = AppendHeader(buf.framed, h, n)
	start := len(buf.framed)
	buf.framed = left.appendTo(buf.framed, n)
	if h.Masked {
		applyMask(buf.framed[start:], keyOf(h))
	}
}

// appendCompressed appends a compressed message.
func (c *Conn) appendCompressed(buf *scratch, payload []byte) {
	h := c.header(Binary)
	h.Compressed = true
	for {
		size := len(payload)
		if c.profile.fragments {
			size = min(size, c.profile.frameMax)
		}
		h.Final = size == len(payload)
		buf.framed = AppendFrame(buf.framed, h, payload[:size])
		payload = payload[size:]
		if len(payload) == 0 {
			return
		}
		h = c.header(Continuation)
	}
}

// header makes a header with a fresh key if this side masks.
func (c *Conn) header(opcode Opcode) (h Header) {
	h.Opcode = opcode
	if c.profile.masked {
		h.Masked = true
		rand.Read(h.Key[:]) // never fails
	}
	return h
}

func (c *Conn) appendControl(dst []byte, opcode Opcode, payload []byte) []byte {
	h := c.header(opcode)
	h.Final = true
	return AppendFrame(dst, h, payload)
}

// writeClose sends a close frame. Called with out.mu held.
func (c *Conn) writeClose(payload []byte) error {
	if c.out.closeSent {
		return nil
	}
	c.out.closeSent = true
	if err := c.flush(); err != nil {
		return err
	}
	return c.send(c.appendControl(nil, Close, payload))
}

// payPong answers a ping, unless another goroutine is writing, which then does it.
func (c *Conn) payPong() {
	if c.out.mu.TryLock() {
		c.writePong()
		c.unlockOut()
	}
}

// writePong sends the pong that is owed, within a bound. Called with out.mu held.
// If the peer takes nothing, the pong stays owed.
func (c *Conn) writePong() {
	if c.out.closeSent {
		return
	}
	c.deadline.bound(replyTimeout)
	defer c.deadline.lift()
	if c.flush() != nil {
		return
	}
	if framed := c.debts.appendPong(nil, c); len(framed) > 0 {
		c.send(framed) // an error is kept, or the rest is
	}
}

// unlockOut ends a write and pays the pong that came to be owed meanwhile.
func (c *Conn) unlockOut() {
	for {
		hopeless := c.out.closeSent || c.out.err != nil || len(c.out.unsent) > 0
		c.out.mu.Unlock()
		if hopeless || !c.debts.hasPong() || !c.out.mu.TryLock() {
			return
		}
		c.writePong()
	}
}

// flush sends what an earlier write left. Called with out.mu held.
func (c *Conn) flush() error {
	if c.out.err != nil {
		return c.out.err
	}
	if len(c.out.unsent) == 0 {
		return nil
	}
	err := c.send(c.out.unsent)
	if err == nil {
		c.out.unsent = nil
	}
	return err
}

// send writes frames and keeps what is not taken in time. Called with out.mu held.
func (c *Conn) send(framed []byte) error {
	for {
		n, err := c.conn.Write(framed)
		framed = framed[n:]
		switch {
		case err == nil:
			return nil
		case !passing(err):
			c.out.err = err
			return err
		case len(framed) == 0:
			return nil
		case n == 0 || !errors.Is(err, io.ErrShortWrite):
			c.out.unsent = append(c.out.unsent[:0], framed...)
			return err
		}
	}
}

// stuck reports whether the last write did not get everything out.
func (c *Conn) stuck() bool {
	if !c.out.mu.TryLock() {
		return true
	}
	defer c.out.mu.Unlock()
	return c.out.err != nil || len(c.out.unsent) > 0
}

var _ net.Conn = (*Conn)(nil)

// cursor walks over data that is in pieces.
type cursor struct {
	pieces [][]byte
	offset int // in the first piece
}

// next is the size of the next frame. Small pieces are not split: a frame ends
// early if the next one does not fit.
func (c *cursor) next(limit int) (n int) {
	offset := c.offset
	for _, piece := range c.pieces {
		rest := len(piece) - offset
		offset = 0
		if n+rest > limit {
			if n == 0 {
				n = limit
			}
			break
		}
		n += rest
	}
	return n
}

// take returns the next bytes, at most n, of one piece.
func (c *cursor) take(n int) []byte {
	for len(c.pieces) > 0 {
		rest := c.pieces[0][c.offset:]
		if len(rest) > n {
			c.offset += n
			return rest[:n]
		}
		c.pieces, c.offset = c.pieces[1:], 0
		if len(rest) > 0 {
			return rest
		}
	}
	return nil
}

func (c *cursor) appendTo(dst []byte, n int) []byte {
	for n > 0 {
		part := c.take(n)
		dst = append(dst, part...)
		n -= len(part)
	}
	return dst
}
