package load

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/count"
	"golang.org/x/sys/unix"
)

// blocking is a connection used by one goroutine with blocking system calls: no poller and no second goroutine
// between the answer's arrival and the next request. Only for targets without TLS.
type blocking struct {
	name    string
	file    *os.File // keeps the descriptor open
	fd      int
	counter *count.Counter
	buffer  []byte
}

// openBlocking connects, subscribes to the subject (if any) with sid 1 and hands the socket over to blocking use.
// Deliveries look like the sample; visit is called with each.
func (r *run) openBlocking(as dialOptions, name, subject string, sample []byte, visit func([]byte)) (*blocking, error) {
	counter, err := count.New(sample)
	if err != nil {
		return nil, err
	}
	counter.Visit = visit
	conn, rest, err := r.dial(as)
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", name, err)
	}
	defer conn.Close()
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("%s: blocking use of a %T", name, conn)
	}
	file, err := tcp.File()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	b := &blocking{name: name, file: file, fd: int(file.Fd()), counter: counter, buffer: make([]byte, 64<<10)}
	if err := b.prepare(r.settings.Stall); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	err = counter.Feed(rest)
	if err == nil && subject != "" {
		if err = b.write([]byte("SUB " + subject + " 1\r\n")); err == nil {
			err = b.sync()
		}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return b, nil
}

func (b *blocking) prepare(timeout time.Duration) error {
	if err := unix.SetNonblock(b.fd, false); err != nil {
		return err
	}
	limit := unix.NsecToTimeval(timeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(b.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return err
	}
	return unix.SetsockoptTimeval(b.fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit)
}

// write writes all of p.
func (b *blocking) write(p []byte) error {
	for len(p) > 0 {
		n, err := unix.Write(b.fd, p)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("write to %s: %w", b.name, timedOut(err))
		}
		p = p[n:]
	}
	return nil
}

// receive reads until the counter has seen the n-th delivery.
func (b *blocking) receive(n int64) error {
	for b.counter.Messages < n {
		if err := b.read(); err != nil {
			return err
		}
	}
	if b.counter.Messages > n {
		return fmt.Errorf("%s got %d deliveries, %d were sent", b.name, b.counter.Messages, n)
	}
	return nil
}

func (b *blocking) read() error {
	n, err := unix.Read(b.fd, b.buffer)
	if err == syscall.EINTR {
		return nil
	}
	if err == nil && n == 0 {
		err = errors.New("server closed the connection")
	}
	if err != nil {
		return fmt.Errorf("%s after %d deliveries: %w", b.name, b.counter.Messages, timedOut(err))
	}
	pings := b.counter.Pings
	if err := b.counter.Feed(b.buffer[:n]); err != nil {
		return fmt.Errorf("%s: %w", b.name, err)
	}
	for range b.counter.Pings - pings {
		if err := b.write([]byte("PONG\r\n")); err != nil {
			return err
		}
	}
	return nil
}

// sync returns when the server has handled everything that was written before.
func (b *blocking) sync() error {
	if err := b.write([]byte("PING\r\n")); err != nil {
		return err
	}
	for want := b.counter.Pongs + 1; b.counter.Pongs < want; {
		if err := b.read(); err != nil {
			return err
		}
	}
	return nil
}

func (b *blocking) close() { b.file.Close() }

// timedOut puts words to what a blocking call returns when its time limit has passed.
func timedOut(err error) error {
	if err == syscall.EAGAIN {
		return errors.New("nothing moved for too long: a message is lost or the server hangs")
	}
	return err
}
