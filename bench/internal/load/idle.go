package load

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/proc"
	"golang.org/x/sys/unix"
)

const (
	idleDialers = 32 // connections opened at the same time
	idleSources = 16 // loopback addresses to connect from, against running out of ports
)

func idlePlain(r *run) error { return idle(r, r.settings.Idle) }
func idleTLS(r *run) error   { return idle(r, r.settings.IdleTLS) }

// idle opens connections that do nothing but answer the server's PING, waits for Settings.Settle and divides the
// growth of the server's memory by their number. Rate and CPU are those of connecting. At the end each connection
// must still answer a PING.
func idle(r *run, n int) error {
	const spare = 256 // descriptors for everything else
	if limit, err := proc.RaiseFiles(); err != nil {
		return err
	} else if limit < uint64(n+spare) {
		return fmt.Errorf("%d connections need %d open files, the limit is %d", n, n+spare, limit)
	}
	before, err := proc.ReadMemory(r.target.PID)
	if err != nil {
		return err
	}
	connections := make([]idleConnection, n)
	defer func() {
		for i := range connections {
			connections[i].close()
		}
	}()
	opened := r.gauge()
	count, begin, end, err := r.measure(func() (int64, error) {
		err := eachConcurrently(connections, func(i int, c *idleConnection) error {
			source := net.IPv4(127, 0, 0, byte(2+i%idleSources))
			conn, rest, err := r.dial(dialOptions{source: source})
			if err != nil {
				return fmt.Errorf("connection %d: %w", i, err)
			}
			c.conn = conn
			c.pending = bytes.Contains(rest, []byte("PING\r\n"))
			opened.add(1)
			return r.err()
		})
		return opened.load(), err
	})
	if err != nil {
		return err
	}
	r.result.record(count, begin, end)

	if err := r.sleep(r.settings.Settle); err != nil {
		return err
	}
	// A server that measures round trips has sent PINGs by now; clients answer those.
	for i := range connections {
		if err := connections[i].answer(); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
	}
	if err := r.sleep(r.settings.Settle / 6); err != nil {
		return err
	}
	after, err := proc.ReadMemory(r.target.PID)
	if err != nil {
		return err
	}
	r.result.ResidentBytes, r.result.PeakBytes = after.Resident, after.Peak
	r.result.extra("memory per connection", "KB", lower, float64(after.Resident-before.Resident)/float64(n)/1024)
	return eachConcurrently(connections, func(i int, c *idleConnection) error {
		if err := c.roundTrip(); err != nil {
			return fmt.Errorf("idle connection %d: %w", i, err)
		}
		opened.add(1)
		return nil
	})
}

// eachConcurrently calls f for all connections from idleDialers goroutines and stops at the first error.
func eachConcurrently(connections []idleConnection, f func(int, *idleConnection) error) error {
	var wait sync.WaitGroup
	errs := make([]error, idleDialers)
	for worker := range idleDialers {
		wait.Go(func() {
			for i := worker; i < len(connections) && errs[worker] == nil; i += idleDialers {
				errs[worker] = f(i, &connections[i])
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// idleConnection has no reader goroutine and no buffer: ten thousand of them must cost this process nothing.
type idleConnection struct {
	conn    net.Conn
	pending bool // a PING is known to wait for its PONG
}

// answer reads what the server has sent, if anything, and answers a PING in it.
func (c *idleConnection) answer() error {
	waiting, err := c.waitingBytes()
	if err != nil {
		return err
	}
	if waiting > 0 {
		var buffer [16 << 10]byte
		// Over TLS what waits may be a record without data, hence the limit.
		c.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := c.conn.Read(buffer[:])
		if timeout, ok := errors.AsType[net.Error](err); err != nil && !(ok && timeout.Timeout()) {
			return err
		}
		if bytes.Contains(buffer[:n], []byte("-ERR")) {
			return fmt.Errorf("server said %q", buffer[:n])
		}
		c.pending = c.pending || bytes.Contains(buffer[:n], []byte("PING\r\n"))
	}
	if !c.pending {
		return nil
	}
	c.pending = false
	_, err = c.conn.Write([]byte("PONG\r\n"))
	return err
}

// tcp returns the connection below TLS.
func (c *idleConnection) tcp() (*net.TCPConn, error) {
	conn := c.conn
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = wrapped.NetConn()
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("a %T instead of a TCP connection", conn)
	}
	return tcp, nil
}

// waitingBytes returns how many bytes the kernel holds for the connection.
func (c *idleConnection) waitingBytes() (int, error) {
	tcp, err := c.tcp()
	if err != nil {
		return 0, err
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, err
	}
	var n int
	var ioctlErr error
	if err := raw.Control(func(fd uintptr) { n, ioctlErr = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); err != nil {
		return 0, err
	}
	return n, ioctlErr
}

func (c *idleConnection) roundTrip() error {
	c.conn.SetDeadline(time.Now().Add(handshakeTimeout))
	if _, err := c.conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	var seen []byte
	var buffer [512]byte
	for !bytes.Contains(seen, []byte("PONG\r\n")) {
		n, err := c.conn.Read(buffer[:])
		seen = append(seen, buffer[:n]...)
		if err != nil {
			return fmt.Errorf("no PONG (got %q): %w", seen, err)
		}
	}
	return nil
}

// close resets the connection: thousands of sockets left in TIME_WAIT would be in the way of the next runs.
func (c *idleConnection) close() {
	if c.conn == nil {
		return
	}
	if tcp, err := c.tcp(); err == nil {
		tcp.SetLinger(0)
		tcp.Close()
	}
	c.conn.Close()
}
