package link

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeBuffer is how many bytes may be under way in each direction of a pipe.
const pipeBuffer = 256 << 10

// Pipe returns the two ends of a connection inside of the process. Unlike that
// of net.Pipe it is buffered, so that a writer need not wait for the reader.
func Pipe() (a, b net.Conn) {
	there, back := newPipeHalf(), newPipeHalf()
	return &pipeEnd{in: back, out: there}, &pipeEnd{in: there, out: back}
}

// pipeHalf carries bytes in one direction.
type pipeHalf struct {
	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at every change
	buf      []byte        // unread bytes
	finished bool          // the writer closed: EOF after buf
	broken   bool          // the reader closed
	readBy   time.Time     // deadlines; zero is none
	writeBy  time.Time
}

func newPipeHalf() *pipeHalf { return &pipeHalf{changed: make(chan struct{})} }

// notify wakes everybody who waits. Called with mu held.
func (h *pipeHalf) notify() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// await waits for a change or the deadline. Called with mu held, returns with it.
func (h *pipeHalf) await(deadline time.Time) error {
	changed := h.changed
	var expired <-chan time.Time
	if !deadline.IsZero() {
		left := time.Until(deadline)
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		timer := time.NewTimer(left)
		defer timer.Stop()
		expired = timer.C
	}
	h.mu.Unlock()
	select {
	case <-changed:
	case <-expired:
	}
	h.mu.Lock()
	return nil
}

func (h *pipeHalf) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.broken:
			return 0, net.ErrClosed
		case len(h.buf) > 0:
			n := copy(p, h.buf)
			if h.buf = h.buf[n:]; len(h.buf) == 0 {
				h.buf = nil
			}
			h.notify()
			return n, nil
		case h.finished:
			return 0, io.EOF
		}
		if err := h.await(h.readBy); err != nil {
			return 0, err
		}
	}
}

func (h *pipeHalf) write(p []byte) (written int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(p) > 0 {
		switch room := pipeBuffer - len(h.buf); {
		case h.finished:
			return written, net.ErrClosed
		case h.broken:
			return written, io.ErrClosedPipe
		case room > 0:
			n := min(room, len(p))
			h.buf = append(h.buf, p[:n]...)
			p = p[n:]
			written += n
			h.notify()
			continue
		}
		if err := h.await(h.writeBy); err != nil {
			return written, err
		}
	}
	return written, nil
}

func (h *pipeHalf) set(f func()) {
	h.mu.Lock()
	f()
	h.notify()
	h.mu.Unlock()
}

// pipeEnd is one end.
type pipeEnd struct{ in, out *pipeHalf }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

func (e *pipeEnd) Read(p []byte) (int, error)  { return e.in.read(p) }
func (e *pipeEnd) Write(p []byte) (int, error) { return e.out.write(p) }
func (e *pipeEnd) LocalAddr() net.Addr         { return pipeAddr{} }
func (e *pipeEnd) RemoteAddr() net.Addr        { return pipeAddr{} }

func (e *pipeEnd) Close() error {
	e.out.set(func() { e.out.finished = true })
	e.in.set(func() { e.in.broken = true })
	return nil
}

// CloseWrite ends the outbound direction.
func (e *pipeEnd) CloseWrite() error {
	e.out.set(func() { e.out.finished = true })
	return nil
}

func (e *pipeEnd) SetDeadline(t time.Time) error {
	return errors.Join(e.SetReadDeadline(t), e.SetWriteDeadline(t))
}

func (e *pipeEnd) SetReadDeadline(t time.Time) error {
	e.in.set(func() { e.in.readBy = t })
	return nil
}

func (e *pipeEnd) SetWriteDeadline(t time.Time) error {
	e.out.set(func() { e.out.writeBy = t })
	return nil
}
