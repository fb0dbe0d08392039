package server

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/options"
)

// stuck connects a client that subscribes to foo and never reads again.
func stuck(t *testing.T, s *Server) *peer {
	t.Helper()
	p := dial(t, s)
	p.conn.(*net.TCPConn).SetReadBuffer(16 << 10)
	p.connect()
	p.send("SUB foo 1\r\n")
	p.sync()
	return p
}

// flood publishes to foo until the condition holds.
func flood(t *testing.T, s *Server, done func() bool) {
	t.Helper()
	p := connect(t, s)
	batch := strings.Repeat(fmt.Sprintf("PUB foo 60000\r\n%s\r\n", strings.Repeat("x", 60000)), 5)
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatal("never happened")
		}
		p.send(batch)
	}
	p.sync()
}

// Go: TestNoClientLeakOnSlowConsumer server/client_test.go:2361
// Go: TestNoRaceClosedSlowConsumerPendingBytes server/norace_1_test.go:265
func TestSlowConsumerByPendingBytes(t *testing.T) {
	s := start(t, &options.Options{MaxPending: 1 << 20, MaxPayload: 1 << 19})
	stuck(t, s)
	flood(t, s, func() bool { return s.NumSlowConsumers() > 0 })
	if got := lastClosed(t, s, 1); got != "Slow Consumer (Pending Bytes)" {
		t.Errorf("closed: %s", got)
	}
	logged(t, s, "Slow Consumer Detected: MaxPending of 1048576 Exceeded")
	if n := s.NumSlowConsumers(); n != 1 {
		t.Errorf("counted %d times", n)
	}
	if n := s.accounts.global().SlowConsumers(); n != 1 {
		t.Errorf("account counted %d", n)
	}
	eventually(t, "the subscription's end", func() bool { return clientSubs(s) == 0 })
}

// Go: TestNoRaceClosedSlowConsumerWriteDeadline server/norace_1_test.go:217
// Go: TestNoRaceWriteDeadline server/norace_1_test.go:847
func TestSlowConsumerByWriteDeadline(t *testing.T) {
	s := start(t, &options.Options{WriteDeadline: 50 * time.Millisecond})
	stuck(t, s)
	flood(t, s, func() bool { return s.NumSlowConsumers() > 0 })
	if got := lastClosed(t, s, 1); got != "Slow Consumer (Write Deadline)" {
		t.Errorf("closed: %s", got)
	}
	logged(t, s, "Slow Consumer Detected: WriteDeadline of 50ms exceeded with")
	if n := s.NumSlowConsumers(); n != 1 {
		t.Errorf("counted %d times", n)
	}
}

// TestOneStuckReaderDoesNotStopTheOthers: the publisher goes on, and the other
// subscriber gets everything.
func TestOneStuckReaderDoesNotStopTheOthers(t *testing.T) {
	s := start(t, &options.Options{})
	stuck(t, s)
	good := connect(t, s)
	good.send("SUB foo 1\r\n")
	good.sync()
	pub := connect(t, s)
	const n, size = 400, 50000
	go pub.conn.Write([]byte(strings.Repeat(fmt.Sprintf("PUB foo %d\r\n%s\r\n", size, strings.Repeat("y", size)), n)))
	for range n {
		good.expect(fmt.Sprintf("MSG foo 1 %d", size), strings.Repeat("y", size))
	}
}

func TestDropInsteadOfStall(t *testing.T) {
	s := start(t, &options.Options{NoFastProducerStall: true, MaxPending: 4 << 20})
	stuck(t, s)
	good := connect(t, s)
	good.send("SUB foo 9\r\n")
	good.sync()
	pub := connect(t, s)
	const n, size = 300, 50000
	message := fmt.Sprintf("PUB foo %d\r\n%s\r\n", size, strings.Repeat("y", size))
	for range n {
		pub.send(message)
		good.expect(fmt.Sprintf("MSG foo 9 %d", size), strings.Repeat("y", size))
	}
	pub.sync()
	if s.NumSlowConsumers() != 0 || s.NumStalledClients() != 0 {
		t.Errorf("%d slow consumers, %d stalls", s.NumSlowConsumers(), s.NumStalledClients())
	}
	if s.NumClients() != 3 {
		t.Error("somebody was closed")
	}
}
