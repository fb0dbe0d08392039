package security_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long tests wait for what must happen.
const patience = 10 * time.Second

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run starts a server. In texts of these tests the password of every user is "pw"
// unless the test is about passwords.
func run(t testing.TB, text string) *godwit.Server {
	t.Helper()
	return godwittest.RunConfig(t, text)
}

// logged starts a server that logs everything to a file. The returned function is
// what the file holds.
func logged(t testing.TB, text string) (*godwit.Server, func() string) {
	t.Helper()
	o := must[*godwit.Options](t)(godwit.ProcessConfigString("listen: 127.0.0.1:-1\n" + text))
	return startLogged(t, o)
}

func startLogged(t testing.TB, o *godwit.Options) (*godwit.Server, func() string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.log")
	o.LogFile, o.Debug, o.Trace, o.Logtime = file, true, true, true
	s := must[*godwit.Server](t)(godwit.NewServer(o))
	ok(t, s.ConfigureLogger())
	t.Cleanup(s.Shutdown)
	ok(t, s.Start())
	return s, func() string { return string(must[[]byte](t)(os.ReadFile(file))) }
}

// connect connects as a user, or without credentials if there is no name.
func connect(t testing.TB, s *godwit.Server, user string, options ...nats.Option) *nats.Conn {
	t.Helper()
	quiet := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})
	options = append([]nats.Option{nats.NoReconnect(), quiet}, options...)
	if user != "" {
		options = append(options, nats.UserInfo(user, "pw"))
	}
	nc := must[*nats.Conn](t)(nats.Connect(s.ClientURL(), options...))
	t.Cleanup(nc.Close)
	return nc
}

// flush waits until the server has done all that the connections have asked for,
// one after the other.
func flush(t testing.TB, list ...*nats.Conn) {
	t.Helper()
	for _, nc := range list {
		ok(t, nc.FlushTimeout(patience))
	}
}

// subscribe subscribes, and returns when the server knows of it.
func subscribe(t testing.TB, nc *nats.Conn, subject string) *nats.Subscription {
	t.Helper()
	s := must[*nats.Subscription](t)(nc.SubscribeSync(subject))
	flush(t, nc)
	return s
}

// noResponders stands for the server's answer that nobody got a request.
const noResponders = "no responders"

// received are the messages that are there as "subject=data", after the
// connections have been flushed.
func received(t testing.TB, s *nats.Subscription, flushed ...*nats.Conn) (got []string) {
	t.Helper()
	flush(t, flushed...)
	n, _, err := s.Pending()
	ok(t, err)
	for range n {
		m, err := s.NextMsg(patience)
		if errors.Is(err, nats.ErrNoResponders) {
			got = append(got, noResponders)
			continue
		}
		ok(t, err)
		got = append(got, m.Subject+"="+string(m.Data))
	}
	return got
}

// want checks what a subscription got.
func want(t testing.TB, s *nats.Subscription, flushed []*nats.Conn, want ...string) {
	t.Helper()
	if got := received(t, s, flushed...); !slices.Equal(got, want) {
		t.Errorf("%q got %q, want %q", s.Subject, got, want)
	}
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-again.C {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// alive checks that the server serves a stranger's request for a greeting.
func alive(t testing.TB, s *godwit.Server) {
	t.Helper()
	if w := dial(t, s); !strings.HasPrefix(w.info, "INFO {") {
		t.Errorf("the server greets with %q", w.info)
	}
}

// wire is a connection that speaks the protocol by hand.
type wire struct {
	t testing.TB
	net.Conn
	*bufio.Reader
	info string
}

func dial(t testing.TB, s *godwit.Server) *wire {
	t.Helper()
	w := speak(t, must[net.Conn](t)(net.Dial("tcp", s.Addr().String())))
	w.info = w.line()
	return w
}

// speak uses a connection whose INFO is yet to come.
func speak(t testing.TB, c net.Conn) *wire {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	ok(t, c.SetDeadline(time.Now().Add(patience)))
	return &wire{t: t, Conn: c, Reader: bufio.NewReader(c)}
}

// login connects as a user and waits for the server.
func login(t testing.TB, s *godwit.Server, user string) *wire {
	t.Helper()
	w := dial(t, s)
	credentials := ""
	if user != "" {
		credentials = `"user":"` + user + `","pass":"pw",`
	}
	w.send(`CONNECT {`+credentials+`"verbose":false,"pedantic":false,"headers":true,"no_responders":true}`, "PING")
	w.expect("PONG")
	return w
}

func (w *wire) Read(p []byte) (int, error) { return w.Reader.Read(p) }

func (w *wire) send(lines ...string) {
	w.t.Helper()
	must[int](w.t)(io.WriteString(w.Conn, strings.Join(lines, "\r\n")+"\r\n"))
}

func (w *wire) line() string {
	w.t.Helper()
	return strings.TrimRight(must[string](w.t)(w.ReadString('\n')), "\r\n")
}

func (w *wire) expect(lines ...string) {
	w.t.Helper()
	for _, want := range lines {
		if got := w.line(); got != want {
			w.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// ended waits for the end of the connection and returns what came before.
func (w *wire) ended() string {
	w.t.Helper()
	text, err := io.ReadAll(w.Reader)
	if e, isNet := err.(net.Error); isNet && e.Timeout() {
		w.t.Fatalf("the connection stays, after %q", text)
	}
	return string(text)
}

// message reads a MSG or HMSG: the line's fields, header and payload.
func (w *wire) message() (fields []string, header, payload string) {
	w.t.Helper()
	line := w.line()
	fields = strings.Fields(line)
	if len(fields) < 4 || fields[0] != "MSG" && fields[0] != "HMSG" {
		w.t.Fatalf("%q is no message", line)
	}
	size := must[int](w.t)(strconv.Atoi(fields[len(fields)-1]))
	body := make([]byte, size+2)
	must[int](w.t)(io.ReadFull(w.Reader, body))
	if fields[0] == "HMSG" {
		n := must[int](w.t)(strconv.Atoi(fields[len(fields)-2]))
		return fields, string(body[:n]), string(body[n:size])
	}
	return fields, "", string(body[:size])
}

// pub is a PUB operation with its payload.
func pub(subject, reply, payload string) string {
	if reply != "" {
		subject += " " + reply
	}
	return fmt.Sprintf("PUB %s %d\r\n%s", subject, len(payload), payload)
}

// hpub is an HPUB operation with its payload. The header block is sent as it is.
func hpub(subject, reply, header, payload string) string {
	if reply != "" {
		subject += " " + reply
	}
	return fmt.Sprintf("HPUB %s %d %d\r\n%s%s", subject, len(header), len(header)+len(payload), header, payload)
}

// get fetches a page of monitoring.
func get(t testing.TB, s *godwit.Server, path string) (status int, body string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: patience}
	r := must[*http.Response](t)(client.Get("http://" + s.MonitorAddr().String() + path))
	defer r.Body.Close()
	return r.StatusCode, string(must[[]byte](t)(io.ReadAll(r.Body)))
}

// webURL is where clients connect over WebSocket.
func webURL(t testing.TB, s *godwit.Server) string {
	t.Helper()
	ports := s.PortsInfo(patience)
	if ports == nil || len(ports.WebSocket) == 0 {
		t.Fatal("there is no WebSocket listener")
	}
	return ports.WebSocket[0]
}
