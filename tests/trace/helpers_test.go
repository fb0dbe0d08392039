package trace_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long tests wait for what must happen.
const patience = 10 * time.Second

// Headers that ask for a trace.
const (
	dest        = "Nats-Trace-Dest"
	only        = "Nats-Trace-Only"
	traceparent = "traceparent"
	sampled     = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

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

// site is a server with its configuration file.
type site struct {
	*godwit.Server
	t    testing.TB
	path string
	log  errorLog
}

// run starts a server. In texts of these tests the password of every user is "pw".
func run(t testing.TB, text string) *site {
	t.Helper()
	s := &site{t: t, path: filepath.Join(t.TempDir(), "server.conf")}
	s.write(text)
	o := must[*godwit.Options](t)(godwit.ProcessConfigFile(s.path))
	o.DisableShortFirstPing = true
	s.Server = must[*godwit.Server](t)(godwit.NewServer(o))
	s.SetLogger(&s.log, false, false)
	t.Cleanup(s.Shutdown)
	ok(t, s.Start())
	return s
}

func (s *site) write(text string) {
	s.t.Helper()
	ok(s.t, os.WriteFile(s.path, []byte("server_name: here\nlisten: 127.0.0.1:-1\n"+text), 0o600))
}

// reload makes a text the configuration.
func (s *site) reload(text string) {
	s.t.Helper()
	s.write(text)
	ok(s.t, s.Reload())
}

// connect connects as a user, or without credentials if there is no name.
func (s *site) connect(user string, options ...nats.Option) *nats.Conn {
	s.t.Helper()
	quiet := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})
	options = append([]nats.Option{nats.NoReconnect(), quiet}, options...)
	if user != "" {
		options = append(options, nats.UserInfo(user, "pw"))
	}
	nc := must[*nats.Conn](s.t)(nats.Connect(s.ClientURL(), options...))
	s.t.Cleanup(nc.Close)
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

// inbox is a subscription with its connection.
type inbox struct {
	*nats.Subscription
	t  testing.TB
	nc *nats.Conn
}

// subscribe subscribes, as a member of a queue if one is named, and returns when
// the server knows of it.
func subscribe(t testing.TB, nc *nats.Conn, subject string, queue ...string) *inbox {
	t.Helper()
	s := must[*nats.Subscription](t)(nc.QueueSubscribeSync(subject, strings.Join(queue, "")))
	flush(t, nc)
	return &inbox{s, t, nc}
}

// leave ends the subscription, and returns when the server knows of it.
func (b *inbox) leave() {
	b.t.Helper()
	ok(b.t, b.Unsubscribe())
	flush(b.t, b.nc)
}

// next waits for a message.
func (b *inbox) next() *nats.Msg {
	b.t.Helper()
	m, err := b.NextMsg(patience)
	if err != nil {
		b.t.Fatalf("no message on %q: %v", b.Subject, err)
	}
	return m
}

// count returns how many messages are there, after those who published have been
// flushed.
func (b *inbox) count(publishers ...*nats.Conn) int {
	b.t.Helper()
	flush(b.t, publishers...)
	flush(b.t, b.nc)
	n, _, err := b.Pending()
	ok(b.t, err)
	return n
}

// take returns the messages that are there as "subject=data", after those who
// published have been flushed.
func (b *inbox) take(publishers ...*nats.Conn) (got []string) {
	b.t.Helper()
	for range b.count(publishers...) {
		m := b.next()
		got = append(got, m.Subject+"="+string(m.Data))
	}
	return got
}

// event is what a server publishes about a traced message.
type event struct {
	Server struct {
		Name string `json:"name"`
	} `json:"server"`
	Request struct {
		Header map[string][]string `json:"header"`
		Size   int                 `json:"msgsize"`
	} `json:"request"`
	Hops   int    `json:"hops"`
	Events []step `json:"events"`
}

type step struct {
	Type    string    `json:"type"`
	Time    time.Time `json:"ts"`
	Kind    *int      `json:"kind"`
	CID     uint64    `json:"cid"`
	Name    string    `json:"name"`
	Account string    `json:"acc"`
	Subject string    `json:"subj"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Sub     string    `json:"sub"`
	Queue   string    `json:"queue"`
	Error   string    `json:"error"`
}

// String is a step in short; what it does not have is left out.
func (s step) String() string {
	text := s.Type
	for _, part := range []struct{ key, value string }{
		{"name", s.Name}, {"acc", s.Account}, {"subj", s.Subject}, {"from", s.From}, {"to", s.To},
		{"sub", s.Sub}, {"queue", s.Queue}, {"error", s.Error},
	} {
		if part.value != "" {
			text += fmt.Sprintf(" %s=%s", part.key, part.value)
		}
	}
	return text
}

// story is the event's steps in short: the first as it is, the others sorted,
// because the order of subscriptions is not promised.
func (e *event) story() (lines []string) {
	for _, s := range e.Events {
		lines = append(lines, s.String())
	}
	if len(lines) > 1 {
		slices.Sort(lines[1:])
	}
	return lines
}

func decode(t testing.TB, data []byte) *event {
	t.Helper()
	e := &event{}
	if err := json.Unmarshal(data, e); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if e.Server.Name != "here" {
		t.Errorf("the server is %q", e.Server.Name)
	}
	if len(e.Events) == 0 || e.Events[0].Type != "in" {
		t.Fatalf("the event does not begin with the entry: %s", data)
	}
	for _, s := range e.Events {
		kind := s.Type == "in" || s.Type == "eg"
		if s.Time.IsZero() || kind != (s.Kind != nil) || kind && *s.Kind != 0 {
			t.Errorf("a step without time or with a wrong kind: %s", data)
		}
	}
	return e
}

// trace waits for the event of a message. There must be no other one.
func (b *inbox) trace(publisher *nats.Conn) *event {
	b.t.Helper()
	if n := b.count(publisher); n != 1 {
		b.t.Fatalf("%d events on %q", n, b.Subject)
	}
	return decode(b.t, b.next().Data)
}

// tells checks the only event of a message, in short.
func (b *inbox) tells(publisher *nats.Conn, want ...string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.trace(publisher).story()); diff != "" {
		b.t.Errorf("the steps differ (-want +got):\n%s", diff)
	}
}

// headers are names and values, by turns.
func message(subject, data string, headers ...string) *nats.Msg {
	m := nats.NewMsg(subject)
	for i := 0; i < len(headers); i += 2 {
		m.Header[headers[i]] = []string{headers[i+1]}
	}
	m.Data = []byte(data)
	return m
}

// both runs a test with a message that is traced only, and with one that is
// delivered, too. The headers are those that ask for it on "tr.a".
func both(t *testing.T, test func(t *testing.T, deliver bool, headers []string)) {
	for _, deliver := range []bool{false, true} {
		headers := []string{dest, "tr.a"}
		name := "delivered"
		if !deliver {
			headers, name = append(headers, only, "true"), "traced only"
		}
		t.Run(name, func(t *testing.T) { test(t, deliver, headers) })
	}
}

// when returns the list if the condition holds.
func when(holds bool, list ...string) []string {
	if !holds {
		return nil
	}
	return list
}

// same compares what was received.
func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// wire is a connection that speaks the protocol by hand.
type wire struct {
	t testing.TB
	net.Conn
	in *bufio.Reader
}

// dial connects as a user and waits for the server.
func (s *site) dial(user string) *wire {
	s.t.Helper()
	c := must[net.Conn](s.t)(net.Dial("tcp", s.Addr().String()))
	s.t.Cleanup(func() { c.Close() })
	ok(s.t, c.SetDeadline(time.Now().Add(patience)))
	w := &wire{s.t, c, bufio.NewReader(c)}
	w.line() // INFO
	w.send(`CONNECT {"user":"`+user+`","pass":"pw","verbose":false,"headers":true,"no_responders":true}`, "PING")
	w.expect("PONG")
	return w
}

// send writes lines in one piece.
func (w *wire) send(lines ...string) {
	w.t.Helper()
	must[int](w.t)(io.WriteString(w.Conn, strings.Join(lines, "\r\n")+"\r\n"))
}

func (w *wire) line() string {
	w.t.Helper()
	return strings.TrimRight(must[string](w.t)(w.in.ReadString('\n')), "\r\n")
}

func (w *wire) expect(lines ...string) {
	w.t.Helper()
	for _, want := range lines {
		if got := w.line(); got != want {
			w.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// ends expects the end of the connection.
func (w *wire) ends() {
	w.t.Helper()
	if line, err := w.in.ReadString('\n'); err == nil {
		w.t.Errorf("got %q, want the end", line)
	}
}

// hpub is an HPUB operation.
func hpub(subject, headers, payload string) string {
	return fmt.Sprintf("HPUB %s %d %d\r\n%s%s", subject, len(headers), len(headers)+len(payload), headers, payload)
}

// errorLog keeps the lines of errors.
type errorLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *errorLog) Errorf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (*errorLog) Noticef(string, ...any) {}
func (*errorLog) Warnf(string, ...any)   {}
func (*errorLog) Fatalf(string, ...any)  {}
func (*errorLog) Debugf(string, ...any)  {}
func (*errorLog) Tracef(string, ...any)  {}

// take returns the lines that have a part, and forgets all.
func (l *errorLog) take(part string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, part) {
			found = append(found, line)
		}
	}
	l.lines = nil
	return found
}
