package link

import (
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	// carryLimit is up to which size unfinished input is moved out of its block
	// while the connection waits, so that idle connections hold no blocks.
	carryLimit = SmallBlock
	// fairBlocks is after how many reads in a row a busy reader yields.
	fairBlocks = 16
	// sniffSize is the first read of a transport that cannot be asked for
	// readability: small, since it is held while the connection is idle.
	sniffSize = 512
)

// Handler makes something of the input.
type Handler interface {
	// Input gets all unread bytes, a slice of block.Bytes with its capacity. It
	// returns how many it has consumed, and how many it needs in all to go on
	// with the rest (0 if it cannot tell). Data is valid during the call only,
	// unless the block is retained. An error ends Serve.
	Input(block *Block, data []byte) (consumed, need int, err error)
}

// Conn is one connection's bytes: a reading goroutine (the one that calls
// Serve) and an Out.
type Conn struct {
	Out

	mu       sync.Mutex
	net      net.Conn // replaced by Upgrade
	closed   bool
	portable bool

	raw  syscall.RawConn // nil without a fast path; owned by the reader
	held func() bool     // whether reading produced output that waits; may be nil
}

// Config is what a connection is made from.
type Config struct {
	Owner    Owner
	Flushers *Flushers
	Limits   Limits
	// Portable forces the path that works with every net.Conn.
	Portable bool
}

// NewConn wraps a connection. It starts nothing.
func NewConn(conn net.Conn, config Config) *Conn {
	c := &Conn{net: conn, portable: config.Portable}
	var s sink = blockingSink{conn}
	if !c.portable {
		if fast, ok := newRawSink(conn); ok {
			s = fast
			c.raw = rawConn(conn)
		}
	}
	c.Out.init(config.Owner, config.Flushers, s, config.Limits)
	return c
}

// Net returns the connection under everything: its addresses, TLS state.
func (c *Conn) Net() net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.net
}

// Close closes the transport at once; Serve then returns. Queued output is lost
// unless it was waited for (Finish).
func (c *Conn) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	c.Out.Abort()
	c.net.Close() // nothing is left to be done about it
}

// Serve reads and hands input to the handler until an error, which it returns:
// io.EOF when the peer closed. early is input that was read before.
func (c *Conn) Serve(h Handler, early []byte) error {
	in := input{conn: c, handler: h}
	defer in.release()
	if len(early) > 0 {
		in.block = GetBlock(max(len(early)+SmallBlock, ReadBlock))
		in.end = copy(in.block.Bytes, early)
		if err := in.process(); err != nil {
			return err
		}
	}
	if c.raw != nil {
		return in.serveRaw(c.raw)
	}
	return in.servePortable(c.Net())
}

// input is the state of a reading goroutine.
type input struct {
	conn    *Conn
	handler Handler

	block      *Block
	start, end int    // unread: block.Bytes[start:end]
	need       int    // bytes from start that the handler waits for
	carry      []byte // unread bytes while there is no block

	n   int
	err error
}

func (in *input) release() {
	if in.block != nil {
		in.block.Release()
		in.block = nil
	}
}

// prepare makes sure that there is a block with room for what is awaited.
func (in *input) prepare() {
	if in.block == nil {
		in.block = GetBlock(max(in.need, ReadBlock))
		in.start, in.end = 0, copy(in.block.Bytes, in.carry)
		in.carry = nil
		return
	}
	unread, capacity := in.end-in.start, len(in.block.Bytes)
	shared := in.block.Shared()
	if unread == 0 && !shared {
		in.start, in.end = 0, 0
	}
	switch {
	case capacity-in.end >= max(in.need-unread, ReadBlock/4):
		return
	case !shared && capacity >= max(in.need, unread+ReadBlock/2):
		in.end = copy(in.block.Bytes, in.block.Bytes[in.start:in.end])
		in.start = 0
		return
	}
	fresh := GetBlock(max(in.need, unread+ReadBlock/2, ReadBlock))
	n := copy(fresh.Bytes, in.block.Bytes[in.start:in.end])
	in.block.Release()
	in.block, in.start, in.end = fresh, 0, n
}

// park gives the block back before the connection waits for input.
func (in *input) park() {
	if in.block == nil {
		return
	}
	unread := in.end - in.start
	if unread > carryLimit {
		return
	}
	if unread > 0 {
		in.carry = append([]byte(nil), in.block.Bytes[in.start:in.end]...)
	}
	in.release()
}

// process lets the handler consume what has been read.
func (in *input) process() error {
	consumed, need, err := in.handler.Input(in.block, in.block.Bytes[in.start:in.end])
	in.start += consumed
	in.need = need
	return err
}

// serveRaw waits for readability without a buffer, then reads until the socket
// is empty. A short read is no proof of that: an error may be pending behind
// it, and the edge-triggered poller would not report it again.
func (in *input) serveRaw(raw syscall.RawConn) error {
	attempt := func(fd uintptr) bool {
		in.prepare()
		in.n, in.err = readFD(fd, in.block.Bytes[in.end:])
		if in.err == errAgain {
			in.park()
			return false
		}
		return true
	}
	for reads := 1; ; reads++ {
		if err := raw.Read(attempt); err != nil {
			return err
		}
		if in.err != nil {
			return in.err
		}
		if in.n == 0 {
			return io.EOF
		}
		in.end += in.n
		if err := in.process(); err != nil {
			return err
		}
		if reads%fairBlocks == 0 {
			runtime.Gosched()
		}
	}
}

// servePortable reads from any connection. A small buffer waits; what follows
// it is read into a block.
func (in *input) servePortable(conn net.Conn) error {
	sniff := make([]byte, sniffSize)
	for {
		n, err := 0, error(nil)
		if in.block == nil {
			n, err = conn.Read(sniff)
			if n > 0 {
				in.prepare()
				in.end += copy(in.block.Bytes[in.end:], sniff[:n])
			}
		} else {
			in.prepare()
			n, err = conn.Read(in.block.Bytes[in.end:])
			in.end += n
		}
		if in.conn.held != nil && in.conn.held() {
			in.conn.Out.kick()
		}
		if n > 0 {
			// A full small buffer means that more may be at hand.
			full := n == sniffSize || in.end == len(in.block.Bytes)
			if perr := in.process(); perr != nil {
				return perr
			}
			if !full || in.start == in.end {
				in.park()
			}
		}
		if err != nil {
			return err
		}
	}
}

// ReadError reports whether err of Serve means anything but an orderly end.
func ReadError(err error) bool {
	return err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed)
}

// Linger half-closes the connection, if it can, and discards input for at most
// d, so that the last bytes written are not lost to a reset.
func (c *Conn) Linger(d time.Duration) {
	conn := c.Net()
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if err := conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return
	}
	block := GetBlock(SmallBlock)
	defer block.Release()
	for {
		if _, err := conn.Read(block.Bytes); err != nil {
			return
		}
	}
}

// Interrupt makes Serve return without touching what is still being written:
// reading ends at once.
func (c *Conn) Interrupt() {
	if err := c.Net().SetReadDeadline(time.Unix(1, 0)); err != nil {
		c.Close()
	}
}
