package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/interest"
	"github.com/godwit-mq/godwit/internal/options"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long tests wait for what must happen.
const patience = 10 * time.Second

// start runs a server that the test's end stops.
func start(t testing.TB, o *options.Options) *Server {
	t.Helper()
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.Port == 0 {
		o.Port = options.RandomPort
	}
	o.Debug = true
	o.DisableShortFirstPing = true
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetLogger(&capture{}, true, o.Trace); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// startConfig runs a server with a configuration text.
func startConfig(t testing.TB, text string) *Server {
	t.Helper()
	o, err := options.ProcessConfigString(text)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, o)
}

// peer is a client that speaks the protocol by hand.
type peer struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	info map[string]any
}

// dial connects and reads INFO.
func dial(t testing.TB, s *Server) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return greet(t, conn)
}

func greet(t testing.TB, conn net.Conn) *peer {
	t.Helper()
	p := &peer{t: t, conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
	t.Cleanup(func() { conn.Close() })
	line := p.line()
	text, ok := strings.CutPrefix(line, "INFO ")
	if !ok {
		t.Fatalf("got %q, want INFO", line)
	}
	p.info = decode(t, text)
	return p
}

func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return m
}

// connect dials and sends a CONNECT that is neither verbose nor pedantic, with
// more keys if wanted.
func connect(t testing.TB, s *Server, keys ...string) *peer {
	t.Helper()
	p := dial(t, s)
	p.connect(keys...)
	p.sync()
	return p
}

func (p *peer) connect(keys ...string) {
	p.t.Helper()
	all := append([]string{`"verbose":false`, `"pedantic":false`}, keys...)
	p.send("CONNECT {" + strings.Join(all, ",") + "}\r\n")
}

func (p *peer) send(text string) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte(text)); err != nil {
		p.t.Fatalf("send %.60q: %v", text, err)
	}
}

// line reads a line without its end.
func (p *peer) line() string {
	p.t.Helper()
	line, err := p.read()
	if err != nil {
		p.t.Fatalf("read after %q: %v", line, err)
	}
	return line
}

func (p *peer) read() (string, error) {
	p.conn.SetReadDeadline(time.Now().Add(patience))
	line, err := p.in.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// expect reads lines and compares them.
func (p *peer) expect(lines ...string) {
	p.t.Helper()
	for _, want := range lines {
		if got := p.line(); got != want {
			p.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// closed expects the lines given, and then the end of the connection.
func (p *peer) closed(lines ...string) {
	p.t.Helper()
	p.expect(lines...)
	if line, err := p.read(); err == nil {
		p.t.Fatalf("got %q, want the end", line)
	} else if e, ok := err.(net.Error); ok && e.Timeout() {
		p.t.Fatalf("the connection stays open")
	}
}

// sync makes sure that everything sent before has been processed.
func (p *peer) sync() {
	p.t.Helper()
	p.send("PING\r\n")
	p.expect("PONG")
}

// nothing makes sure that nothing has been received.
func (p *peer) nothing() {
	p.t.Helper()
	p.sync()
}

// eventually waits for a condition that no event announces.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		tick := time.NewTimer(time.Millisecond)
		<-tick.C
	}
}

// lastClosed waits until n connections have closed and returns the reason of
// the last.
func lastClosed(t testing.TB, s *Server, n int) string {
	t.Helper()
	eventually(t, fmt.Sprintf("%d closed connections", n), func() bool { _, total := s.clients.history(); return total >= uint64(n) })
	list, _ := s.clients.history()
	return list[len(list)-1].Reason.String()
}

// capture is a logger that keeps its lines.
type capture struct {
	mu    sync.Mutex
	lines []string
}

func (c *capture) add(level, format string, args []any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, level+" "+fmt.Sprintf(format, args...))
}

func (c *capture) Noticef(format string, args ...any) { c.add("INF", format, args) }
func (c *capture) Warnf(format string, args ...any)   { c.add("WRN", format, args) }
func (c *capture) Errorf(format string, args ...any)  { c.add("ERR", format, args) }
func (c *capture) Fatalf(format string, args ...any)  { c.add("FTL", format, args) }
func (c *capture) Debugf(format string, args ...any)  { c.add("DBG", format, args) }
func (c *capture) Tracef(format string, args ...any)  { c.add("TRC", format, args) }

func (c *capture) has(part string) bool { return c.count(part) > 0 }

func (c *capture) count(part string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.lines {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

// logged waits for a line of the server's log.
func logged(t testing.TB, s *Server, part string) {
	t.Helper()
	log := s.Logger().(*capture)
	eventually(t, fmt.Sprintf("a log line with %q", part), func() bool { return log.has(part) })
}

// dialRaw only connects.
func dialRaw(address string) (net.Conn, error) { return net.DialTimeout("tcp", address, time.Second) }

// closedFor waits until some connection has closed for the reason.
func closedFor(t testing.TB, s *Server, reason string) {
	t.Helper()
	eventually(t, "a connection closed for "+reason, func() bool {
		list, _ := s.clients.history()
		for _, c := range list {
			if c.Reason.String() == reason {
				return true
			}
		}
		return false
	})
}

// clientSubs counts the subscriptions of connections, without the server's own.
func clientSubs(s *Server) uint32 {
	n := uint32(0)
	for _, a := range s.accounts.list() {
		n += subsOf(a)
	}
	return n
}

func subsOf(a *account) uint32 {
	n := uint32(0)
	r := a.Index().Reader()
	defer r.Release()
	r.All(func(e interest.Entry[*broker.Subscription]) bool {
		if e.Value.To.Out != nil {
			n++
		}
		return true
	})
	return n
}
