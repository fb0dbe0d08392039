package websocket

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// testServer serves upgrades until the test ends.
type testServer struct {
	address string
	conns   chan *Conn  // upgraded
	errors  chan error  // of Upgrade
	lines   chan string // of the log
}

func serve(t *testing.T, options Options, config *tls.Config) *testServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{address: listener.Addr().String(), conns: make(chan *Conn, 10), errors: make(chan error, 10), lines: make(chan string, 10)}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	c := checker(t, options)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := c.Upgrade(w, r)
		if err != nil {
			s.errors <- err
			return
		}
		s.conns <- conn
	})
	server := c.HTTPServer(handler, func(line string) {
		select {
		case s.lines <- line:
		default:
		}
	})
	var running sync.WaitGroup
	running.Go(func() { server.Serve(listener) })
	t.Cleanup(func() {
		server.Close()
		running.Wait()
	})
	return s
}

// serverTLS is a certificate that nobody trusts.
func serverTLS() *tls.Config {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	return &tls.Config{Certificates: s.TLS.Certificates}
}

func (s *testServer) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

func within[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}

const requestLines = "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// What is no acceptable HTTP request does not reach the handler, or is refused.
func TestHTTPServerAnswers(t *testing.T) {
	s := serve(t, Options{}, nil)
	for _, test := range []struct{ send, status, body string }{
		{"CONNECT {}\r\n\r\n", "400 Bad Request", "400 Bad Request"},
		{"GET / HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header", "400 Bad Request: missing required Host header"},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", ""},
		{"GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n", "431 Request Header Fields Too Large", "431 Request Header Fields Too Large"},
		{"GET / HTTP/1.0\r\n" + requestLines, "101 Switching Protocols", ""},
		{"GET //x/../y HTTP/1.1\r\n" + requestLines, "101 Switching Protocols", ""},
		{"OPTIONS * HTTP/1.1\r\n" + requestLines, "405 Method Not Allowed", "Method Not Allowed\n"},
		{"POST / HTTP/1.1\r\nContent-Length: 3\r\n" + requestLines + "abc", "405 Method Not Allowed", "Method Not Allowed\n"},
	} {
		conn := s.dial(t)
		go io.WriteString(conn, test.send)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if test.status == "" {
			if err == nil && response.StatusCode < 400 {
				t.Errorf("%.20q: %s", test.send, response.Status)
			}
			conn.Close()
			continue
		}
		if err != nil {
			t.Errorf("%.20q: %v", test.send, err)
			continue
		}
		if response.Status != test.status {
			t.Errorf("%.20q: %s, want %s", test.send, response.Status, test.status)
		}
		if response.StatusCode == 101 {
			within(t, s.conns).Close()
		} else if body, _ := io.ReadAll(io.LimitReader(response.Body, int64(len(test.body)))); string(body) != test.body {
			t.Errorf("%.20q: %q", test.send, body)
		}
		conn.Close()
	}
}

// After a refusal the client may try again on the same connection.
func TestHTTPServerKeepsRefusedConnections(t *testing.T) {
	s := serve(t, Options{}, nil)
	conn := s.dial(t)
	in := bufio.NewReader(conn)
	for i, status := range []int{405, 405, 101} {
		method := map[int]string{405: "PUT", 101: "GET"}[status]
		fmt.Fprintf(conn, "%s / HTTP/1.1\r\n%s", method, requestLines)
		response, err := http.ReadResponse(in, nil)
		if err != nil || response.StatusCode != status {
			t.Fatalf("request %d: %v, %v", i, response, err)
		}
		if status != 101 {
			io.Copy(io.Discard, response.Body)
		}
	}
	within(t, s.conns).Close()
}

// Frames that come along with the request are not waited for: the client is told
// that it was too early.
func TestHTTPServerRefusesEarlyFrames(t *testing.T) {
	s := serve(t, Options{}, nil)
	conn := s.dial(t)
	io.WriteString(conn, "GET / HTTP/1.1\r\n"+requestLines+string(fromClient(Binary, true, []byte("early"))))
	if err := within(t, s.errors); err.Error() != "client sent data before handshake is complete" {
		t.Error(err)
	}
	if answer, _ := io.ReadAll(conn); len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.1 400 Bad Request\r\n") {
		t.Errorf("answer %q", answer)
	}
}

// A client that does not go on with its TLS handshake is cut off, and the log says
// so.
//
// Go: TestWSHandshakeTimeout server/websocket_test.go:2770
func TestHTTPServerHandshakeTimeout(t *testing.T) {
	s := serve(t, Options{HandshakeTimeout: time.Millisecond}, serverTLS())
	conn := s.dial(t)
	line := within(t, s.lines)
	if !strings.HasPrefix(line, "websocket: ") || !strings.Contains(line, "timeout") || strings.Contains(line, "\n") {
		t.Errorf("log: %q", line)
	}
	if err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).Handshake(); err == nil {
		t.Error("the handshake has succeeded")
	}
}

// A client that does not finish its request, or sends none, is cut off without an
// answer.
func TestHTTPServerRequestTimeout(t *testing.T) {
	s := serve(t, Options{HandshakeTimeout: time.Millisecond}, nil)
	for _, sent := range []string{"", "GET / HTTP/1.1\r\nHost: h\r\n"} {
		conn := s.dial(t)
		io.WriteString(conn, sent)
		if got, err := io.ReadAll(conn); len(got) > 0 || err != nil {
			t.Errorf("after %q: %q, %v", sent, got, err)
		}
	}
}

// The timeout ends with the handshake.
func TestHTTPServerTimeoutEndsWithUpgrade(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	s := serve(t, Options{HandshakeTimeout: timeout}, nil)
	conn := s.dial(t)
	c, err := Dial(conn, "/", s.address, DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	peer := within(t, s.conns)
	defer peer.Close()
	start := time.Now()
	peer.SetReadDeadline(start.Add(timeout + timeout/4))
	_, err = peer.Read(make([]byte, 10))
	if end, ok := err.(net.Error); !ok || !end.Timeout() || time.Since(start) <= timeout {
		t.Fatalf("%v after %v", err, time.Since(start))
	}
	peer.SetReadDeadline(time.Time{})
	c.Write([]byte("still there"))
	wantRead(t, peer, "still there")
}

func TestHTTPServerPlainOnTLS(t *testing.T) {
	s := serve(t, Options{}, serverTLS())
	conn := s.dial(t)
	io.WriteString(conn, "GET / HTTP/1.1\r\n"+requestLines)
	got, _ := io.ReadAll(conn)
	if want := "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"; string(got) != want {
		t.Errorf("got %q", got)
	}
	if line := within(t, s.lines); !strings.Contains(line, "client sent an HTTP request to an HTTPS server") {
		t.Errorf("log: %q", line)
	}
}

// Only so many connections may be at their handshake.
func TestHandshakesAreBounded(t *testing.T) {
	h := &handshakes{limit: 2, conns: make(map[net.Conn]struct{})}
	var conns []*fakeConn
	for range 4 {
		c := new(fakeConn)
		conns = append(conns, c)
		h.changed(c, http.StateNew)
	}
	if conns[0].closed || conns[1].closed || !conns[2].closed || !conns[3].closed {
		t.Error("not the last two were closed")
	}
	h.changed(conns[2], http.StateClosed)
	h.changed(conns[0], http.StateActive)
	h.changed(conns[0], http.StateHijacked)
	next := new(fakeConn)
	h.changed(next, http.StateNew)
	if next.closed || len(h.conns) != 2 {
		t.Error("there is no room after an upgrade")
	}
}
