package accounts_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
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

// run starts a server. In texts of these tests the password of every user is "pw".
func run(t testing.TB, text string) *godwit.Server {
	t.Helper()
	return godwittest.RunConfig(t, text)
}

// reloadable starts a server with a file. The returned function replaces the file
// and lets the server read it again.
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

// refuse checks that a configuration is refused with a text.
func refuse(t testing.TB, text, want string) {
	t.Helper()
	o, err := godwit.ProcessConfigString(text)
	if err == nil {
		_, err = godwit.NewServer(o)
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %v, want %q, of\n%s", err, want, text)
	}
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

// subscribe subscribes, and returns when the server knows of it.
func subscribe(t testing.TB, nc *nats.Conn, subject string) *inbox {
	t.Helper()
	s := must[*nats.Subscription](t)(nc.SubscribeSync(subject))
	flush(t, nc)
	return &inbox{s, t, nc}
}

func queueSubscribe(t testing.TB, nc *nats.Conn, subject, queue string) *inbox {
	t.Helper()
	s := must[*nats.Subscription](t)(nc.QueueSubscribeSync(subject, queue))
	flush(t, nc)
	return &inbox{s, t, nc}
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

// want checks what has arrived, in order.
func (b *inbox) want(publisher *nats.Conn, want ...string) {
	b.t.Helper()
	if got := b.take(publisher); !slices.Equal(got, want) {
		b.t.Errorf("%q got %q, want %q", b.Subject, got, want)
	}
}

func publish(t testing.TB, nc *nats.Conn, subject, data string) {
	t.Helper()
	ok(t, nc.Publish(subject, []byte(data)))
}

func publishRequest(t testing.TB, nc *nats.Conn, subject, reply, data string) {
	t.Helper()
	ok(t, nc.PublishRequest(subject, reply, []byte(data)))
}

// serve answers all requests with the text, and returns when the server knows of
// it.
func serve(t testing.TB, nc *nats.Conn, subject, answer string) *nats.Subscription {
	t.Helper()
	s := must[*nats.Subscription](t)(nc.Subscribe(subject, func(m *nats.Msg) {
		if err := m.Respond([]byte(answer)); err != nil {
			t.Errorf("answer to %q: %v", m.Subject, err)
		}
	}))
	flush(t, nc)
	return s
}

// ask sends a request and returns the answer.
func ask(t testing.TB, nc *nats.Conn, subject, data string) string {
	t.Helper()
	m, err := nc.Request(subject, []byte(data), patience)
	if err != nil {
		t.Fatalf("request on %q: %v", subject, err)
	}
	return string(m.Data)
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

// account asks monitoring about an account.
func account(t testing.TB, s *godwit.Server, name string) *godwit.Accountz {
	t.Helper()
	return must[*godwit.Accountz](t)(s.Accountz(&godwit.AccountzOptions{Account: name}))
}

// ownSubscriptions is how many subscriptions an account has without the imports
// that the server itself makes in every account.
func ownSubscriptions(t testing.TB, s *godwit.Server, name string) int {
	t.Helper()
	return int(account(t, s, name).Account.SubCnt) - 4
}

// home is the account that a connection is in, according to the server.
func home(t testing.TB, nc *nats.Conn) string {
	t.Helper()
	var answer struct {
		Data struct {
			Account string `json:"account"`
		} `json:"data"`
	}
	text := ask(t, nc, "$SYS.REQ.USER.INFO", "")
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return answer.Data.Account
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
	c := must[net.Conn](t)(net.Dial("tcp", s.Addr().String()))
	t.Cleanup(func() { c.Close() })
	ok(t, c.SetDeadline(time.Now().Add(patience)))
	w := &wire{t: t, Conn: c, Reader: bufio.NewReader(c)}
	w.info = w.line()
	return w
}

// login connects as a user and waits for the server.
func login(t testing.TB, s *godwit.Server, user string) *wire {
	t.Helper()
	w := dial(t, s)
	w.send(`CONNECT {"user":"`+user+`","pass":"pw","verbose":false,"headers":true,"no_responders":true}`, "PING")
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
