package websocket

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// replyTimeout bounds the answer to a ping, which the reading goroutine
	// writes.
	replyTimeout = 2 * time.Second
	// closeTimeout bounds the sending of a close frame and cuts short a write
	// that is under way.
	closeTimeout = time.Second
)

// ErrCloseSent is what a write after a close frame gets.
var ErrCloseSent = errors.New("websocket: write after close frame")

// Conn carries a byte stream in the frames of an upgraded connection. It is a
// net.Conn: one goroutine may read while others write.
type Conn struct {
	conn    net.Conn
	profile profile

	in        inbound
	readLimit atomic.Int64
	drain     atomic.Bool // set by CloseWrite: input is thrown away

	out      outbound
	deadline writeDeadline

	// debts are frames that the peer is owed. The reading goroutine incurs them;
	// whoever writes next pays.
	debts  debts
	closed atomic.Bool
}

// profile is how a connection was agreed on.
type profile struct {
	deflate   bool
	frameMax  int  // payload bytes of a frame
	fragments bool // whether compressed messages keep to frameMax
	masked    bool // whether this side masks, as clients do
}

func newConn(conn net.Conn, p profile, masks MaskRule) *Conn {
	c := &Conn{conn: conn, profile: p}
	c.in.decoder = Decoder{Masks: masks, Deflate: p.deflate}
	c.deadline.conn = conn
	c.SetReadLimit(0)
	return c
}

// SetReadLimit sets to how many bytes a compressed message of the peer may
// inflate; a message that exceeds it ends the connection with status 1009 after
// its first bytes were read. Uncompressed messages are not limited, since they
// are passed on as they come. Zero or less means ReadLimit(0). It may be called
// at any time and holds from the next message on.
func (c *Conn) SetReadLimit(bytes int64) {
	if bytes <= 0 {
		bytes = ReadLimit(0)
	}
	c.readLimit.Store(bytes)
}

// ReadLimit is the read limit that suits a protocol whose messages have payloads
// of at most maxPayload bytes (1 MiB if that is zero or less), several of which
// may travel in one WebSocket message: eight times as much, but no more than 64
// MiB, and room for one such payload with its control line at the least.
func ReadLimit(maxPayload int64) int64 {
	const (
		several      = 8
		enough       = 64 << 20
		controlLines = 64 << 10
	)
	if maxPayload <= 0 {
		maxPayload = 1 << 20
	}
	limit := int64(enough)
	if maxPayload < enough/several {
		limit = maxPayload * several
	}
	return max(limit, maxPayload) + controlLines
}

// Compressed reports whether permessage-deflate was agreed.
func (c *Conn) Compressed() bool { return c.profile.deflate }

// PeerClose returns what the close frame of the peer said, once Read has returned
// io.EOF because of one. Without a status the code is 1005.
func (c *Conn) PeerClose() (code int, text string, received bool) {
	return c.debts.peerClose()
}

// CloseWith sends a close frame behind everything written before. A text longer
// than 123 bytes is cut. If the peer is owed an answer to its own close frame, or
// the report of a violation, it gets that instead. It takes at most a second or
// two and does not close the connection. The code must be one that may be sent.
func (c *Conn) CloseWith(code int, text string) error {
	if !validStatus(code) {
		return protocolError("close status %d must not be sent", code)
	}
	c.deadline.bound(closeTimeout) // cuts a write that is under way
	c.out.mu.Lock()
	defer c.unlockOut()
	c.deadline.bound(closeTimeout)
	payload, owed := c.debts.takeClose()
	if !owed {
		payload = appendClosePayload(nil, code, text)
	}
	return c.writeClose(payload)
}

// payClose sends a close frame if the peer is owed one.
func (c *Conn) payClose() {
	if !c.debts.closeOwed() {
		return
	}
	c.deadline.bound(closeTimeout)
	c.out.mu.Lock()
	defer c.unlockOut()
	c.deadline.bound(closeTimeout)
	if payload, owed := c.debts.takeClose(); owed {
		c.writeClose(payload) // the connection is about to end anyway
	}
}

// Close sends the close frame that the peer is owed, if it is, and closes the
// connection beneath. Without a debt it does not wait.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	c.payClose()
	// A TLS connection would wait for the socket to take its last alert.
	if secure, ok := c.conn.(*tls.Conn); ok && c.stuck() {
		return secure.NetConn().Close()
	}
	return c.conn.Close()
}

// CloseWrite sends the close frame that the peer is owed, if it is, and ends the
// outbound side. Read throws away what the peer still sends, until its end. So a
// server can make sure that its close frame is not lost to a reset.
func (c *Conn) CloseWrite() error {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	c.payClose()
	c.drain.Store(true)
	return half.CloseWrite()
}

// NetConn returns the connection beneath. Its bytes are frames.
func (c *Conn) NetConn() net.Conn { return c.conn }

// LocalAddr returns that of the connection beneath.
func (c *Conn) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// RemoteAddr returns that of the connection beneath.
func (c *Conn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline bounds Read. Reading may go on after it has passed, unless it
// passed inside a compressed message.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.conn.SetReadDeadline(t) }

// SetWriteDeadline bounds Write. Writing may go on after it has passed, if that
// holds for the connection beneath: see Write.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.deadline.set(t) }

// writeDeadline is the deadline of the user and, while a frame is written that
// nobody asked for, a bound of this package. The earlier one holds.
type writeDeadline struct {
	conn net.Conn

	mu    sync.Mutex
	user  time.Time
	limit time.Time
}

func (d *writeDeadline) set(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.user = t
	return d.apply()
}

// bound makes writes end after a time at the latest, for good if it is not
// lifted.
func (d *writeDeadline) bound(in time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limit = time.Now().Add(in)
	d.apply() // a connection that is closed shows it when it is written to
}

func (d *writeDeadline) lift() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limit = time.Time{}
	d.apply() // as in bound
}

// apply is called with mu held.
func (d *writeDeadline) apply() error {
	t := d.user
	if !d.limit.IsZero() && (t.IsZero() || d.limit.Before(t)) {
		t = d.limit
	}
	return d.conn.SetWriteDeadline(t)
}

// debts are the frames that the peer waits for.
type debts struct {
	mu sync.Mutex
	// pong is the payload of the latest ping that is not answered. Earlier ones
	// need no answer of their own (RFC 6455 §5.5.3).
	pong     []byte
	pongOwed bool
	// reply is the payload of a close frame.
	reply     []byte
	replyOwed bool

	code     int
	text     string
	received bool
}

func (d *debts) owePong(payload []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pong, d.pongOwed = append(d.pong[:0], payload...), true
}

// appendPong appends the frame of the pong that is owed, if one is.
func (d *debts) appendPong(dst []byte, c *Conn) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pongOwed {
		dst = c.appendControl(dst, Pong, d.pong)
		d.pong, d.pongOwed = nil, false
	}
	return dst
}

func (d *debts) hasPong() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pongOwed
}

// closeFrame notes the peer's close frame; it is owed the same.
func (d *debts) closeFrame(payload []byte) {
	code, text, valid, _ := parseClose(payload) // the decoder has judged it
	d.mu.Lock()
	defer d.mu.Unlock()
	d.code, d.text, d.received = code, text, true
	d.replyOwed = true
	if valid {
		d.reply = append(d.reply[:0], payload...)
	} else {
		d.reply = appendClosePayload(d.reply[:0], StatusInvalidPayload, "invalid utf8 body in close frame")
	}
}

// violation notes why the connection cannot go on; the peer shall learn it.
func (d *debts) violation(err *CloseError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reply, d.replyOwed = appendClosePayload(nil, err.Code, err.Text), true
}

func (d *debts) closeOwed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.replyOwed
}

func (d *debts) takeClose() ([]byte, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	owed := d.replyOwed
	d.replyOwed = false
	return d.reply, owed
}

func (d *debts) peerClose() (int, string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.code, d.text, d.received
}

// passing reports whether an operation that failed so may succeed when tried
// again.
func passing(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.ErrShortWrite)
}
