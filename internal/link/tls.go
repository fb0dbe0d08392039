package link

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// StartTLS turns the connection into a TLS server's side. Output that others
// send meanwhile waits. early is input that was read before the handshake. It
// is called by the reading goroutine before Serve.
func (c *Conn) StartTLS(config *tls.Config, early []byte, timeout time.Duration) (tls.ConnectionState, error) {
	c.Out.acquire()
	plain := c.Net()
	transport := &tlsTransport{Conn: plain, early: early}
	secure := tls.Server(transport, config)
	if err := plain.SetDeadline(time.Now().Add(timeout)); err != nil {
		c.Out.giveBack()
		return tls.ConnectionState{}, err
	}
	err := secure.Handshake()
	if err == nil {
		err = plain.SetDeadline(time.Time{})
	}
	if err != nil {
		c.Out.giveBack()
		return tls.ConnectionState{}, err
	}
	transport.buffered.Store(true)
	c.mu.Lock()
	c.net = &tlsConn{Conn: secure, transport: transport}
	c.mu.Unlock()
	c.raw = nil
	c.held = transport.pending
	c.Out.replace(&tlsSink{secure: secure, transport: transport, below: c.Out.sink})
	c.Out.giveBack()
	return secure.ConnectionState(), nil
}

// tlsTransport is what the TLS engine reads from and writes to. After the
// handshake its records are collected in memory: encrypting never blocks, and
// the records are written by whoever has the right to write.
type tlsTransport struct {
	net.Conn
	early    []byte // of the reader
	buffered atomic.Bool

	mu     sync.Mutex
	block  *Block // collected records: block.Bytes[sent:filled]
	sent   int
	filled int
	held   bool // somebody is writing block.Bytes[sent:]
}

func (t *tlsTransport) Read(p []byte) (int, error) {
	if len(t.early) > 0 {
		n := copy(p, t.early)
		t.early = t.early[n:]
		return n, nil
	}
	return t.Conn.Read(p)
}

func (t *tlsTransport) Write(p []byte) (int, error) {
	if !t.buffered.Load() {
		return t.Conn.Write(p)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.block == nil {
		t.block = GetBlock(max(len(p), SmallBlock))
	}
	if t.filled+len(p) > len(t.block.Bytes) {
		t.grow(len(p))
	}
	t.filled += copy(t.block.Bytes[t.filled:], p)
	return len(p), nil
}

// grow makes room for n more bytes. Called with mu held. The bytes that a
// writer has in hand stay valid: it holds a reference.
func (t *tlsTransport) grow(n int) {
	unsent := t.filled - t.sent
	fresh := GetBlock(max(2*(unsent+n), ReadBlock))
	copy(fresh.Bytes, t.block.Bytes[t.sent:t.filled])
	t.block.Release()
	t.block, t.sent, t.filled = fresh, 0, unsent
}

// pending reports whether records wait to be written.
func (t *tlsTransport) pending() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.filled > t.sent
}

// hold returns the collected records with a reference to their block, or nil
// if there are none or somebody else is writing them.
func (t *tlsTransport) hold() (*Block, []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.block == nil || t.held {
		return nil, nil
	}
	t.held = true
	t.block.Retain()
	return t.block, t.block.Bytes[t.sent:t.filled]
}

// release takes n written bytes off and gives the hold back.
func (t *tlsTransport) release(block *Block, n int) {
	t.mu.Lock()
	t.held = false
	t.sent += n // grow keeps the difference, so this holds for a new block too
	if t.sent == t.filled {
		t.block.Release()
		t.block, t.sent, t.filled = nil, 0, 0
	}
	t.mu.Unlock()
	block.Release()
}

// tlsSink encrypts and passes the records on to the sink of the plain socket.
type tlsSink struct {
	secure    *tls.Conn
	transport *tlsTransport
	below     sink
}

func (s *tlsSink) encrypt(bufs [][]byte) (int, error) {
	total := 0
	for _, b := range bufs {
		n, err := s.secure.Write(b)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (s *tlsSink) try(bufs [][]byte) (int, bool, error) {
	if s.transport.pending() {
		if blocked, err := s.pass(nil); blocked || err != nil {
			return 0, blocked, err
		}
	}
	n, err := s.encrypt(bufs)
	if err != nil {
		return n, false, err
	}
	blocked, err := s.pass(nil)
	return n, blocked, err
}

func (s *tlsSink) wait(bufs [][]byte, deadline time.Time) (int, error) {
	n, err := s.encrypt(bufs)
	if err != nil {
		return n, err
	}
	_, err = s.pass(&deadline)
	return n, err
}

// pass writes the collected records, blocking if there is a deadline.
func (s *tlsSink) pass(deadline *time.Time) (blocked bool, err error) {
	for {
		block, records := s.transport.hold()
		if block == nil {
			return false, nil
		}
		var n int
		if deadline == nil {
			n, blocked, err = s.below.try([][]byte{records})
		} else {
			n, err = s.below.wait([][]byte{records}, *deadline)
		}
		s.transport.release(block, n)
		if blocked || err != nil {
			return blocked, err
		}
	}
}

// tlsConn is the connection that Net returns after StartTLS. Closing it never
// waits for the peer: close_notify is sent if the socket takes it at once.
type tlsConn struct {
	*tls.Conn
	transport *tlsTransport
}

func (c *tlsConn) Close() error {
	c.notify()
	return c.transport.Conn.Close()
}

// CloseWrite ends the outbound side with close_notify.
func (c *tlsConn) CloseWrite() error {
	c.notify()
	if half, ok := c.transport.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (c *tlsConn) notify() {
	if c.Conn.CloseWrite() != nil {
		return
	}
	block, records := c.transport.hold()
	if block == nil {
		return
	}
	n := 0
	if s, ok := newRawSink(c.transport.Conn); ok {
		n, _, _ = s.try([][]byte{records}) // a courtesy to the peer
	}
	c.transport.release(block, n)
}
