package websocket

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// The text of a close frame fits, cut if it must be; nothing follows the frame.
//
// Go: TestWSCreateCloseMessage server/websocket_test.go:186
func TestCloseWith(t *testing.T) {
	for _, test := range []struct {
		code       int
		text, want string
	}{
		{StatusInternalError, "ABCDEFGHIJ", "ABCDEFGHIJ"},
		{StatusNormal, "", ""},
		{StatusPolicyViolation, strings.Repeat("x", 123), strings.Repeat("x", 123)},
		{StatusProtocolError, string(letters(135)), string(letters(120)) + "..."},
		{StatusProtocolError, strings.Repeat("x", 119) + strings.Repeat("é", 10), strings.Repeat("x", 119) + "..."},
		{StatusGoingAway, "bad \xff text", "bad \uFFFD text"},
	} {
		c, f := serverConn(profile{})
		c.Write([]byte("pending"))
		if err := c.CloseWith(test.code, test.text); err != nil {
			t.Fatal(err)
		}
		if err := c.CloseWith(StatusNormal, "again"); err != nil {
			t.Error(err)
		}
		if n, err := c.Write([]byte("late")); n != 0 || err != ErrCloseSent {
			t.Errorf("a write after the close frame: %d, %v", n, err)
		}
		c.debts.owePong(nil)
		c.payPong()
		list := frames(t, f.output())
		if len(list) != 2 || string(list[0].payload) != "pending" {
			t.Fatalf("got %+v", list)
		}
		if got := list[1]; got.Header != (Header{Opcode: Close, Final: true}) || !bytes.Equal(got.payload, closePayload(test.code, test.want)) {
			t.Errorf("%q: got %q", test.text, got.payload)
		}
		if f.closed {
			t.Error("CloseWith closed the connection")
		}
		if c.Close() != nil || !f.closed || c.Close() != net.ErrClosed {
			t.Error("Close")
		}
	}
}

func TestCloseWithBadStatus(t *testing.T) {
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 70000} {
		c, f := serverConn(profile{})
		if err := c.CloseWith(code, "x"); err == nil || len(f.output()) > 0 {
			t.Errorf("status %d was sent", code)
		}
	}
}

// A peer that closed gets its own close frame back, behind the answers to what it
// sent before, whatever reason this side has.
func TestCloseWithAnswersThePeer(t *testing.T) {
	c, f := serverConn(profile{}, join(fromClient(Binary, true, []byte("PING")), fromClient(Close, true, closePayload(3000, "done"))))
	wantRead(t, c, "PING")
	wantEnd(t, c, io.EOF)
	c.Write([]byte("PONG"))
	c.CloseWith(StatusGoingAway, "Server Shutdown")
	c.Close()
	list := frames(t, f.output())
	if len(list) != 2 || string(list[0].payload) != "PONG" || !bytes.Equal(list[1].payload, closePayload(3000, "done")) {
		t.Errorf("got %+v", list)
	}
}

// Closing cuts a write short that a stuck peer would hold up for ever.
func TestCloseIsNotBlocked(t *testing.T) {
	for name, end := range map[string]func(*Conn) error{
		"CloseWith": func(c *Conn) error { return c.CloseWith(StatusPolicyViolation, "Slow Consumer") },
		"Close": func(c *Conn) error {
			c.debts.violation(&CloseError{1002, "x"})
			c.Close()
			return os.ErrDeadlineExceeded
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, peer := pipe(t, profile{frameMax: frameSize})
			c.SetWriteDeadline(time.Time{})
			written := make(chan error)
			go func() {
				_, err := c.Write(make([]byte, 1000))
				written <- err
			}()
			io.ReadFull(peer, make([]byte, 10)) // the writer is at work
			start := time.Now()
			if err := end(c); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
			if took := time.Since(start); took > 5*closeTimeout {
				t.Errorf("it took %v", took)
			}
			if err := <-written; err == nil {
				t.Error("the write has succeeded")
			}
		})
	}
}

// Nor does closing wait until a stuck peer takes the last alert of TLS.
func TestCloseOfStuckTLS(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	defer b.Close()
	secure := tls.Server(a, serverTLS())
	peer := tls.Client(b, &tls.Config{InsecureSkipVerify: true, SessionTicketsDisabled: true})
	shaken := make(chan error)
	go func() {
		if err := peer.Handshake(); err != nil {
			shaken <- err
			return
		}
		_, err := peer.Read(make([]byte, 1)) // takes the tickets with it
		shaken <- err
	}()
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	c := newConn(secure, profile{frameMax: frameSize}, MaskRequired)
	c.Write(nil)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	c.SetWriteDeadline(time.Now())
	if _, err := c.Write([]byte("y")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	start := time.Now()
	c.Close()
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := a.Write([]byte("x")); err != io.ErrClosedPipe {
		t.Errorf("the connection beneath: %v", err)
	}
}

// After CloseWrite the peer has its close frame and input is thrown away until the
// end.
func TestCloseWrite(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	peer, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := newConn(conn, profile{frameMax: frameSize}, MaskRequired)
	defer c.Close()
	peer.Write(join([]byte{0x83, 0x80}, letters(100_000)))
	if _, err := c.Read(make([]byte, 10)); err == nil || err.Error() != "unknown opcode 3" {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(peer)
	if list := frames(t, got); err != nil || len(list) != 1 || !bytes.Equal(list[0].payload, closePayload(1002, "unknown opcode 3")) {
		t.Errorf("%q, %v", got, err)
	}
	peer.Close()
	wantEnd(t, c, io.EOF)

	c, _ = serverConn(profile{})
	if err := c.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
