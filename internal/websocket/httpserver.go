package websocket

import (
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
)

// HandshakesMax is how many connections of an HTTPServer may be at their
// handshake at a time. Further ones are closed at once.
const HandshakesMax = 16 << 10

// HTTPServer returns an HTTP server that is fit to serve upgrade requests: only
// HTTP/1.1, with the handshake timeout on each step and a bound on the number of
// connections that are not upgraded yet. The handler calls Upgrade. What happens
// below the handler, such as failed TLS handshakes, is reported line by line; the
// lines begin with "websocket: ". Closing the server leaves upgraded connections
// alone.
func (c *Checker) HTTPServer(handler http.Handler, report func(line string)) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	waiting := &handshakes{limit: HandshakesMax, conns: make(map[net.Conn]struct{})}
	return &http.Server{
		Handler:                      handler,
		DisableGeneralOptionsHandler: true,
		ReadTimeout:                  c.timeout(),
		ConnState:                    waiting.changed,
		ErrorLog:                     log.New(lines(report), "websocket: ", log.Lmsgprefix),
		Protocols:                    protocols,
	}
}

// lines reports each line that a logger writes.
type lines func(string)

func (l lines) Write(p []byte) (int, error) {
	l(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// handshakes counts connections that are not upgraded yet.
type handshakes struct {
	limit int

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

func (h *handshakes) changed(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if !h.admit(conn) {
			conn.Close() // the server notices at its first read
		}
	case http.StateHijacked, http.StateClosed:
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.conns, conn)
	}
}

func (h *handshakes) admit(conn net.Conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.conns) >= h.limit {
		return false
	}
	h.conns[conn] = struct{}{}
	return true
}
