package load

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/count"
	"github.com/godwit-mq/godwit/internal/websocket"
)

// handshakeTimeout bounds connecting, TLS and the first PING and PONG of one connection.
const handshakeTimeout = 30 * time.Second

// credentials are the user of a connection; the zero value connects without.
type credentials struct{ user, password string }

// dialOptions say how to connect.
type dialOptions struct {
	as     credentials
	source net.IP // local address; nil: the kernel's choice
	plain  bool   // takes no headers
}

// dial connects, upgrades to WebSocket or TLS if the target has it, sends CONNECT and waits for the PONG to a PING. It returns
// what the server sent after that PONG and the handshake happened to read.
func (r *run) dial(options dialOptions) (net.Conn, []byte, error) {
	dialer := net.Dialer{Timeout: handshakeTimeout}
	if options.source != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: options.source}
	}
	conn, err := dialer.DialContext(r.ctx, "tcp4", r.target.Address)
	if err != nil {
		return nil, nil, err
	}
	wrapped := conn
	if r.config.Web() {
		wrapped, err = upgrade(conn, r.config == ConfigWebDeflate)
	}
	var rest []byte
	if err == nil {
		wrapped, rest, err = handshake(wrapped, r.target.TLS, options)
	}
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("handshake with %s: %w", r.target.Address, err)
	}
	return wrapped, rest, nil
}

// upgrade makes a connection one over WebSocket.
func upgrade(conn net.Conn, compress bool) (net.Conn, error) {
	web, err := websocket.Dial(conn, "/", conn.RemoteAddr().String(), websocket.DialOptions{
		Compression: compress, ReadLimit: 64 << 20, Timeout: handshakeTimeout,
	})
	if err != nil {
		return nil, err
	}
	if web.Compressed() != compress {
		return nil, errors.New("server does not compress")
	}
	return web, nil
}

func handshake(conn net.Conn, config *tls.Config, options dialOptions) (net.Conn, []byte, error) {
	conn.SetDeadline(time.Now().Add(handshakeTimeout))
	lines := bufio.NewReaderSize(conn, 4096)
	info, err := readLine(lines)
	if err != nil {
		return nil, nil, fmt.Errorf("wait for INFO: %w", err)
	}
	if !strings.HasPrefix(info, "INFO ") {
		return nil, nil, fmt.Errorf("expected INFO, got %.80q", info)
	}
	if config != nil {
		if !strings.Contains(info, `"tls_required":true`) {
			return nil, nil, errors.New("server does not offer TLS")
		}
		conn = tls.Client(conn, config)
		lines = bufio.NewReaderSize(conn, 4096)
	}
	connect := `CONNECT {"verbose":false,"pedantic":false,"lang":"go","version":"1.0.0","protocol":1,"echo":true`
	if !options.plain {
		connect += `,"headers":true,"no_responders":true`
	}
	if config != nil {
		connect += `,"tls_required":true`
	}
	if as := options.as; as.user != "" {
		connect += fmt.Sprintf(`,"user":%q,"pass":%q`, as.user, as.password)
	}
	if _, err := conn.Write([]byte(connect + "}\r\nPING\r\n")); err != nil {
		return nil, nil, fmt.Errorf("send CONNECT: %w", err)
	}
	for {
		line, err := readLine(lines)
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("wait for PONG: %w", err)
		case line == "PONG":
			rest, err := lines.Peek(lines.Buffered())
			conn.SetDeadline(time.Time{})
			return conn, bytes.Clone(rest), err
		case strings.HasPrefix(line, "-ERR"):
			return nil, nil, fmt.Errorf("%w: %q", count.ErrServer, line)
		}
	}
}

// readLine reads one line of count.LineMax bytes at most and returns it without its end.
func readLine(from *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := from.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			return strings.TrimRight(string(line), "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
		if len(line) > count.LineMax {
			return "", fmt.Errorf("line longer than %d bytes", count.LineMax)
		}
	}
}

// session is a connection whose reader goroutine counts what arrives.
type session struct {
	name string // for errors
	run  *run
	conn net.Conn

	received *progress // deliveries, possibly shared with the other members of a queue group
	own      atomic.Int64
	pongs    *progress
	pings    int64 // PINGs sent; owned by whoever calls sync

	counter *count.Counter // owned by the reader
	flush   func() []byte  // called by the reader after each read: what to write on this session
	closing atomic.Bool
}

// sessionOptions describe a session to open.
type sessionOptions struct {
	dialOptions
	name     string
	sample   []byte        // what deliveries look like; empty: none are expected
	received *progress     // nil: one of its own
	buffer   int           // bytes of the read buffer
	visit    func([]byte)  // as in count.Counter; called by the reader
	flush    func() []byte // called by the reader after each read: what to write on this session
}

// open connects a session and starts its reader.
func (r *run) open(options sessionOptions) (*session, error) {
	counter, err := count.New(options.sample)
	if err != nil {
		return nil, err
	}
	counter.Visit = options.visit
	conn, rest, err := r.dial(options.dialOptions)
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", options.name, err)
	}
	s := &session{name: options.name, run: r, conn: conn, received: options.received, pongs: r.gauge(),
		counter: counter, flush: options.flush}
	if s.received == nil {
		s.received = r.gauge()
	}
	r.mu.Lock()
	r.sessions = append(r.sessions, s)
	r.mu.Unlock()
	if err := r.err(); err != nil {
		s.close()
		return nil, err
	}
	r.readers.Go(func() { s.read(rest, make([]byte, max(options.buffer, 16<<10))) })
	return s, nil
}

func (s *session) read(rest, buffer []byte) {
	err := s.take(rest)
	for err == nil {
		var n int
		n, err = s.conn.Read(buffer)
		if n > 0 {
			if takeErr := s.take(buffer[:n]); takeErr != nil {
				err = takeErr
			}
		}
	}
	if !s.closing.Load() {
		s.run.fail(fmt.Errorf("%s after %d deliveries: %w", s.name, s.own.Load(), err))
	}
}

// take counts what was read, answers PINGs and publishes the new counts.
func (s *session) take(p []byte) error {
	messages, pings, pongs := s.counter.Messages, s.counter.Pings, s.counter.Pongs
	if err := s.counter.Feed(p); err != nil {
		return err
	}
	if s.flush != nil {
		if out := s.flush(); len(out) > 0 {
			if err := s.write(out); err != nil {
				return err
			}
		}
	}
	for range s.counter.Pings - pings {
		if err := s.write([]byte("PONG\r\n")); err != nil {
			return err
		}
	}
	s.own.Add(s.counter.Messages - messages)
	s.received.add(s.counter.Messages - messages)
	s.pongs.add(s.counter.Pongs - pongs)
	return nil
}

func (s *session) write(p []byte) error {
	if _, err := s.conn.Write(p); err != nil {
		return fmt.Errorf("write to %s: %w", s.name, err)
	}
	return nil
}

// sync returns when the server has handled everything that was written before. Not for two goroutines at once.
func (s *session) sync() error {
	s.pings++
	if err := s.write([]byte("PING\r\n")); err != nil {
		return err
	}
	return s.pongs.wait(s.pings)
}

func (s *session) subscribe(subject, queue, sid string) error {
	line := "SUB " + subject + " " + sid + "\r\n"
	if queue != "" {
		line = "SUB " + subject + " " + queue + " " + sid + "\r\n"
	}
	if err := s.write([]byte(line)); err != nil {
		return err
	}
	return s.sync()
}

func (s *session) close() {
	s.closing.Store(true)
	s.conn.Close()
}
