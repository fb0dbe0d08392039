package operator_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

func itoa(n int) string { return strconv.Itoa(n) }

// wire is a connection whose lines tests write themselves.
type wire struct {
	t      testing.TB
	conn   net.Conn
	reader *bufio.Reader
	info   struct {
		Nonce        string
		AuthRequired bool `json:"auth_required"`
	}
}

func dial(t testing.TB, s *godwit.Server) *wire {
	t.Helper()
	conn := kit.Must[net.Conn](t)(net.Dial("tcp", strings.TrimPrefix(s.ClientURL(), "nats://")))
	t.Cleanup(func() { conn.Close() })
	kit.OK(t, conn.SetDeadline(time.Now().Add(kit.Patience)))
	w := &wire{t: t, conn: conn, reader: bufio.NewReader(conn)}
	kit.OK(t, json.Unmarshal([]byte(strings.TrimPrefix(w.line(), "INFO ")), &w.info))
	return w
}

func (w *wire) line() string {
	w.t.Helper()
	return strings.TrimSuffix(kit.Must[string](w.t)(w.reader.ReadString('\n')), "\r\n")
}

func (w *wire) send(lines ...string) {
	w.t.Helper()
	kit.Must[int](w.t)(w.conn.Write([]byte(strings.Join(lines, "\r\n") + "\r\n")))
}

// expect reads lines up to one with a beginning; INFO may come at any time.
func (w *wire) expect(beginning string) {
	w.t.Helper()
	line := w.line()
	for strings.HasPrefix(line, "INFO ") {
		line = w.line()
	}
	if !strings.HasPrefix(line, beginning) {
		w.t.Fatalf("got %q, want %q", line, beginning)
	}
}

// login connects with a JWT.
func (w *wire) login(text string, key kit.Signer) {
	w.t.Helper()
	signature := base64.RawURLEncoding.EncodeToString(kit.Must[[]byte](w.t)(key.Sign([]byte(w.info.Nonce))))
	w.send(`CONNECT {"verbose":false,"jwt":"`+text+`","sig":"`+signature+`"}`, "PING")
	w.expect("PONG")
}
