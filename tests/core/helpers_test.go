package core_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
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

// run starts a server with a configuration text.
func run(t testing.TB, text string) *godwit.Server {
	t.Helper()
	return godwittest.RunConfig(t, text)
}

// reloadable starts a server with a file, on a free port. The returned function
// replaces the file and lets the server read it again.
func reloadable(t testing.TB, text string) (*godwit.Server, func(text string)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.conf")
	write := func(text string) { ok(t, os.WriteFile(file, []byte("listen: 127.0.0.1:-1\n"+text), 0o600)) }
	write(text)
	o := must[*godwit.Options](t)(godwit.ProcessConfigFile(file))
	o.NoLog = true
	s := godwittest.Run(t, o)
	return s, func(text string) {
		t.Helper()
		write(text)
		ok(t, s.Reload())
	}
}

// connect connects as a user whose password is "pw", or without credentials if
// there is no name.
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
// one after the other: what the first has published has reached the last.
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

// next waits for a message and returns its payload.
func next(t testing.TB, s *nats.Subscription) string {
	t.Helper()
	return string(must[*nats.Msg](t)(s.NextMsg(patience)).Data)
}

// waiting is how many messages are there, after the connections were flushed.
func waiting(t testing.TB, s *nats.Subscription, flushed ...*nats.Conn) int {
	t.Helper()
	flush(t, flushed...)
	n, _, err := s.Pending()
	ok(t, err)
	return n
}

// answerAll answers all requests with the texts, and returns when the server knows
// of it.
func answerAll(t testing.TB, nc *nats.Conn, subject string, answers ...string) *nats.Subscription {
	t.Helper()
	s := must[*nats.Subscription](t)(nc.Subscribe(subject, func(m *nats.Msg) {
		for _, text := range answers {
			if err := m.Respond([]byte(text)); err != nil {
				t.Errorf("answer to %q: %v", m.Subject, err)
			}
		}
	}))
	flush(t, nc)
	return s
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

// get asks the monitoring server. An address has a leading slash.
func get(t testing.TB, s *godwit.Server, address string, into any) {
	t.Helper()
	client := http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	response := must[*http.Response](t)(client.Get("http://" + s.MonitorAddr().String() + address))
	defer response.Body.Close()
	body := must[[]byte](t)(io.ReadAll(response.Body))
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s", address, response.Status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%s: %v in %s", address, err, body)
	}
}

// wire is a connection that speaks the protocol by hand.
type wire struct {
	t testing.TB
	net.Conn
	*bufio.Reader
	info map[string]any
}

func dial(t testing.TB, address net.Addr) *wire {
	t.Helper()
	return greet(t, must[net.Conn](t)(net.Dial("tcp", address.String())))
}

// greet reads INFO.
func greet(t testing.TB, c net.Conn) *wire {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	ok(t, c.SetDeadline(time.Now().Add(patience)))
	w := &wire{t: t, Conn: c, Reader: bufio.NewReader(c)}
	line := w.line()
	text, good := strings.CutPrefix(line, "INFO ")
	if !good {
		t.Fatalf("got %q, want INFO", line)
	}
	if err := json.Unmarshal([]byte(text), &w.info); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return w
}

// login connects without credentials and waits for the server.
func login(t testing.TB, s *godwit.Server) *wire {
	t.Helper()
	w := dial(t, s.Addr())
	w.send(`CONNECT {"verbose":false,"pedantic":false,"headers":true}`, "PING")
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

// id is what the server calls the connection.
func (w *wire) id() uint64 { return uint64(w.info["client_id"].(float64)) }

// journal is a log that tests look at.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(level, format string, args []any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, "["+level+"] "+fmt.Sprintf(format, args...))
}

func (j *journal) Noticef(format string, args ...any) { j.add("INF", format, args) }
func (j *journal) Warnf(format string, args ...any)   { j.add("WRN", format, args) }
func (j *journal) Errorf(format string, args ...any)  { j.add("ERR", format, args) }
func (j *journal) Fatalf(format string, args ...any)  { j.add("FTL", format, args) }
func (j *journal) Debugf(format string, args ...any)  { j.add("DBG", format, args) }
func (j *journal) Tracef(format string, args ...any)  { j.add("TRC", format, args) }

// find returns the lines that contain a text.
func (j *journal) find(text string) (found []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range j.lines {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}
