package reload_test

import (
	"bufio"
	"encoding/json"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen begins the configurations of most tests.
const listen = "listen: \"127.0.0.1:-1\"\n"

// site is a server with its configuration file.
type site struct {
	*godwit.Server
	t    testing.TB
	path string
	log  *kit.Log
}

// run starts a server with a configuration file; listen is added to the text.
func run(t testing.TB, text string) *site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.conf")
	kit.Write(t, path, listen+text)
	o, err := godwit.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return runOptions(t, o)
}

// runOptions starts a server with options that name a file.
func runOptions(t testing.TB, o *godwit.Options) *site {
	t.Helper()
	o.DisableShortFirstPing = true
	server, err := godwit.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{Server: server, t: t, path: o.ConfigFile, log: &kit.Log{}}
	s.SetLogger(s.log, o.Debug, o.Trace)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// reload makes a text the configuration; listen is added to it.
func (s *site) reload(text string) {
	s.t.Helper()
	kit.Write(s.t, s.path, listen+text)
	if err := s.Reload(); err != nil {
		s.t.Fatalf("reload: %v", err)
	}
}

// refused tries to reload a text, listen added, and returns why that fails.
func (s *site) refused(text string) string {
	s.t.Helper()
	kit.Write(s.t, s.path, listen+text)
	err := s.Reload()
	if err == nil {
		s.t.Fatalf("a reload succeeded with %s", text)
	}
	return err.Error()
}

func (s *site) varz() *godwit.Varz {
	s.t.Helper()
	v, err := s.Varz(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

// client connects a client of the library that never reconnects.
func (s *site) client(options ...nats.Option) *nats.Conn {
	s.t.Helper()
	nc, err := s.try(options...)
	if err != nil {
		s.t.Fatalf("connect: %v", err)
	}
	return nc
}

func (s *site) try(options ...nats.Option) (*nats.Conn, error) {
	s.t.Helper()
	nc, err := nats.Connect(s.DialURL(), append([]nats.Option{nats.NoReconnect(), kit.Quiet()}, options...)...)
	if err == nil {
		s.t.Cleanup(nc.Close)
	}
	return nc, err
}

// turnsAway makes sure that a client cannot connect.
func (s *site) turnsAway(options ...nats.Option) {
	s.t.Helper()
	if _, err := s.try(options...); err == nil {
		s.t.Error("a client that should be turned away is connected")
	}
}

// subs counts the subscriptions of an account's connections to a subject.
func (s *site) subs(account, subject string) (n int) {
	s.t.Helper()
	z, err := s.Subsz(&godwit.SubszOptions{Subscriptions: true, Account: account, Test: subject, Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, sub := range z.Subs {
		if sub.Cid != 0 {
			n++
		}
	}
	return n
}

func publish(t testing.TB, nc *nats.Conn, subject, text string) {
	t.Helper()
	if err := nc.Publish(subject, []byte(text)); err != nil {
		t.Fatal(err)
	}
	kit.Flush(t, nc)
}

func next(t testing.TB, sub *kit.Inbox, want string) {
	t.Helper()
	m := sub.Next()
	if string(m.Data) != want {
		t.Fatalf("%s: got %q, want %q", sub.Subject, m.Data, want)
	}
}

// nothing makes sure that no message waits. What was published before must have
// been flushed by its publisher; a flush of the receiver comes behind it.
func nothing(t testing.TB, nc *nats.Conn, sub *kit.Inbox) {
	t.Helper()
	if n := sub.Count(nc); n != 0 {
		t.Fatalf("%s: %d messages wait", sub.Subject, n)
	}
}

// peer is a client that speaks the protocol by hand.
type peer struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	info map[string]any
}

// dial connects and reads INFO.
func (s *site) dial() *peer {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	p := &peer{t: s.t, conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
	p.readInfo()
	return p
}

// peer dials and connects with the keys of a CONNECT.
func (s *site) peer(keys string) *peer {
	s.t.Helper()
	p := s.dial()
	p.connect(keys)
	p.sync()
	return p
}

func (p *peer) connect(keys string) {
	p.t.Helper()
	if keys != "" {
		keys = "," + keys
	}
	p.send(`CONNECT {"verbose":false,"pedantic":false` + keys + "}\r\n")
}

func (p *peer) send(text string) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte(text)); err != nil {
		p.t.Fatalf("send %.60q: %v", text, err)
	}
}

func (p *peer) line() (string, error) {
	p.conn.SetReadDeadline(time.Now().Add(kit.Patience))
	line, err := p.in.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

func (p *peer) expect(lines ...string) {
	p.t.Helper()
	for _, want := range lines {
		if got, err := p.line(); got != want || err != nil {
			p.t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
}

// readInfo reads an INFO.
func (p *peer) readInfo() map[string]any {
	p.t.Helper()
	line, err := p.line()
	text, ok := strings.CutPrefix(line, "INFO ")
	p.info = nil
	if json.Unmarshal([]byte(text), &p.info) != nil || !ok {
		p.t.Fatalf("got %q, %v, want INFO", line, err)
	}
	return p.info
}

// sync makes sure that everything sent before has been processed, and that nothing
// else was received.
func (p *peer) sync() {
	p.t.Helper()
	p.send("PING\r\n")
	p.expect("PONG")
}

// closed expects the lines given, and then the end of the connection.
func (p *peer) closed(lines ...string) {
	p.t.Helper()
	p.expect(lines...)
	if line, err := p.line(); err == nil {
		p.t.Fatalf("got %q, want the end", line)
	} else if e, ok := err.(net.Error); ok && e.Timeout() {
		p.t.Fatal("the connection stays open")
	}
}

// fails connects with the keys of a CONNECT and expects to be refused.
func (s *site) fails(keys string) {
	s.t.Helper()
	p := s.dial()
	p.connect(keys)
	p.closed("-ERR 'Authorization Violation'")
}
