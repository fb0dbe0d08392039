package server

import "testing"

// A WebSocket listener that breaks is reported as what it is; other clients go on.
//
// Go: TestWSAbnormalFailureOfWebServer server/websocket_test.go:1979
func TestBrokenWebsocketListener(t *testing.T) {
	s := startConfig(t, "listen: \"127.0.0.1:-1\"\nwebsocket { listen: \"127.0.0.1:-1\", no_tls: true }")
	before := connect(t, s)
	s.mu.Lock()
	l := s.web.net
	s.mu.Unlock()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	logged(t, s, "FTL websocket listener error: ")
	before.send("PING\r\n")
	before.expect("PONG")
}
