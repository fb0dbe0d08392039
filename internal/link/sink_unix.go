//go:build linux || darwin

package link

import (
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxVectors bounds one writev; IOV_MAX is 1024 on every supported system, and
// more than a few dozen gain nothing.
const maxVectors = 64

// rawSink writes to a socket's descriptor without blocking. It goes through
// syscall.RawConn, so a descriptor number that the kernel reused after a close
// can never be written to.
type rawSink struct {
	conn interface{ SetWriteDeadline(time.Time) error }
	raw  syscall.RawConn
	once func(fd uintptr) bool // prepared: one attempt, never waits
	all  func(fd uintptr) bool // prepared: waits for writability

	// Arguments and results of the prepared functions.
	bufs    [][]byte
	offset  int // bytes of bufs[0] that are written
	written int
	err     error
}

func newRawSink(conn net.Conn) (sink, bool) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, false
	}
	s := &rawSink{conn: conn, raw: raw}
	s.once = func(fd uintptr) bool { s.push(int(fd)); return true }
	s.all = func(fd uintptr) bool { return s.push(int(fd)) }
	return s, true
}

// push writes until done, an error, or a full socket; true means do not wait.
func (s *rawSink) push(fd int) bool {
	for len(s.bufs) > 0 {
		n, err := s.write(fd)
		if err == syscall.EINTR {
			continue
		}
		if err == syscall.EAGAIN {
			return false
		}
		if err != nil {
			s.err = os.NewSyscallError("write", err)
			return true
		}
		s.advance(n)
	}
	return true
}

func (s *rawSink) write(fd int) (int, error) {
	first := s.bufs[0][s.offset:]
	if len(s.bufs) == 1 {
		return syscall.Write(fd, first)
	}
	saved := s.bufs[0]
	s.bufs[0] = first
	n, err := unix.Writev(fd, s.bufs[:min(len(s.bufs), maxVectors)])
	s.bufs[0] = saved
	return n, err
}

func (s *rawSink) advance(n int) {
	s.written += n
	n += s.offset
	for len(s.bufs) > 0 && n >= len(s.bufs[0]) {
		n -= len(s.bufs[0])
		s.bufs = s.bufs[1:]
	}
	s.offset = n
}

func (s *rawSink) run(bufs [][]byte, f func(uintptr) bool) (int, error) {
	s.bufs, s.offset, s.written, s.err = bufs, 0, 0, nil
	err := s.raw.Write(f)
	s.bufs = nil
	if s.err != nil {
		err = s.err
	}
	return s.written, err
}

func (s *rawSink) try(bufs [][]byte) (int, bool, error) {
	n, err := s.run(bufs, s.once)
	return n, err == nil && n < size(bufs), err
}

func (s *rawSink) wait(bufs [][]byte, deadline time.Time) (int, error) {
	if err := s.conn.SetWriteDeadline(deadline); err != nil {
		return 0, err
	}
	n, err := s.run(bufs, s.all)
	s.conn.SetWriteDeadline(time.Time{}) // fails only on a closed connection, whose next write says so
	return n, err
}
