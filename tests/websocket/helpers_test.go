package websocket_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/url"
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

// plain begins the configurations of most tests: both listeners, without TLS.
const plain = "listen: \"127.0.0.1:-1\"\nwebsocket { listen: \"127.0.0.1:-1\", no_tls: true }\n"

// web is a configuration whose WebSocket listener, without TLS, has more settings.
func web(settings string) string {
	return "listen: \"127.0.0.1:-1\"\nwebsocket { listen: \"127.0.0.1:-1\", no_tls: true, " + settings + " }\n"
}

// secure is a configuration whose WebSocket listener has TLS with more settings.
func secure(c kit.Certificate, settings string) string {
	return fmt.Sprintf("websocket { listen: \"127.0.0.1:-1\", tls { %s, %s } }\n", c.Lines(), settings)
}

// site is a server with its configuration file.
type site struct {
	*godwit.Server
	t    testing.TB
	path string
	log  *kit.Log
}

// prepare makes a server that is not started.
func prepare(t testing.TB, text string) *site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.conf")
	kit.Write(t, path, text)
	o, err := godwit.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return prepareOptions(t, o)
}

func prepareOptions(t testing.TB, o *godwit.Options) *site {
	t.Helper()
	o.DisableShortFirstPing, o.Debug = true, true
	server, err := godwit.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{Server: server, t: t, path: o.ConfigFile, log: new(kit.Log)}
	s.SetLogger(s.log, true, false)
	return s
}

// run starts a server with a configuration text.
func run(t testing.TB, text string) *site {
	t.Helper()
	return prepare(t, text).start()
}

func runOptions(t testing.TB, o *godwit.Options) *site {
	t.Helper()
	return prepareOptions(t, o).start()
}

func (s *site) start() *site {
	s.t.Helper()
	if err := s.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(s.Shutdown)
	return s
}

// reload makes a text the configuration.
func (s *site) reload(text string) error {
	s.t.Helper()
	kit.Write(s.t, s.path, text)
	return s.Reload()
}

// webURL is where clients connect over WebSocket.
func (s *site) webURL() *url.URL {
	s.t.Helper()
	ports := s.PortsInfo(kit.Patience)
	if ports == nil || len(ports.WebSocket) != 1 {
		s.t.Fatalf("the server tells the ports %+v", ports)
	}
	u, err := url.Parse(ports.WebSocket[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// overTCP connects a client of the library.
func (s *site) overTCP(options ...nats.Option) *nats.Conn {
	s.t.Helper()
	return connect(s.t, s.DialURL(), options...)
}

// overWeb connects a client of the library over WebSocket.
func (s *site) overWeb(options ...nats.Option) *nats.Conn {
	s.t.Helper()
	return connect(s.t, s.webURL().String(), options...)
}

func connect(t testing.TB, address string, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(address, append([]nats.Option{nats.NoReconnect(), kit.Quiet()}, options...)...)
	if err != nil {
		t.Fatalf("connect to %s: %v", address, err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// who tells user and account of the connection with an id.
func (s *site) who(id uint64) (user, account string) {
	s.t.Helper()
	z, err := s.Connz(&godwit.ConnzOptions{CID: id, Username: true})
	if err != nil || len(z.Conns) != 1 {
		s.t.Fatalf("connection %d: %+v, %v", id, z, err)
	}
	return z.Conns[0].AuthorizedUser, z.Conns[0].Account
}

func subscribe(t testing.TB, nc *nats.Conn, subject string) *nats.Subscription {
	t.Helper()
	sub, err := nc.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		t.Fatal(err)
	}
	kit.Flush(t, nc)
	return sub
}

func publish(t testing.TB, nc *nats.Conn, subject string, data []byte) {
	t.Helper()
	if err := nc.Publish(subject, data); err != nil {
		t.Fatal(err)
	}
}

func next(t testing.TB, sub *nats.Subscription, want string) {
	t.Helper()
	m, err := sub.NextMsg(kit.Patience)
	if err != nil {
		t.Fatalf("%s: %v", sub.Subject, err)
	}
	if string(m.Data) != want {
		t.Fatalf("%s: got %d bytes, %.60q, want %d bytes, %.60q", sub.Subject, len(m.Data), m.Data, len(want), want)
	}
}

// wire is a TCP connection on which tests speak by hand.
type wire struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

// tcp connects and reads INFO.
func (s *site) tcp() *wire {
	s.t.Helper()
	w := dialTCP(s.t, s.Addr().String())
	w.line()
	return w
}

// stalled connects to the WebSocket listener and says nothing.
func (s *site) stalled() *wire {
	s.t.Helper()
	return dialTCP(s.t, s.webURL().Host)
}

func dialTCP(t testing.TB, address string) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(kit.Patience)); err != nil {
		t.Fatal(err)
	}
	return &wire{t, conn, bufio.NewReader(conn)}
}

func (w *wire) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, text); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) line() string {
	w.t.Helper()
	line, err := w.in.ReadString('\n')
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimRight(line, "\r\n")
}

// letters are bytes that compress well and differ by position.
func letters(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'A' + byte(i%26)
	}
	return b
}

// noise are bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x >> 32)
	}
	return b
}

// insecure is for clients that take any certificate.
func insecure() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// logged waits for a line with all parts and returns it.
func (s *site) logged(parts ...string) string {
	s.t.Helper()
	kit.Eventually(s.t, "log "+strings.Join(parts, " ... "), func() bool { return s.log.Has(parts...) })
	return s.log.Find(parts...)[0]
}
