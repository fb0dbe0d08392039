package kit

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Wire is a connection that speaks the protocol by hand. All that is to happen on it
// has to happen within Patience.
type Wire struct {
	net.Conn
	*bufio.Reader
	Info map[string]any // of the greeting
	t    testing.TB
}

// Dial connects and reads INFO.
func Dial(t testing.TB, address net.Addr) *Wire {
	t.Helper()
	return Greet(t, Must[net.Conn](t)(net.Dial("tcp", address.String())))
}

// Greet reads INFO on a connection.
func Greet(t testing.TB, c net.Conn) *Wire {
	t.Helper()
	w := Speak(t, c)
	line := w.Line()
	text, found := strings.CutPrefix(line, "INFO ")
	if !found {
		t.Fatalf("got %q, want INFO", line)
	}
	if err := json.Unmarshal([]byte(text), &w.Info); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return w
}

// Speak uses a connection whose INFO is yet to come.
func Speak(t testing.TB, c net.Conn) *Wire {
	t.Helper()
	t.Cleanup(func() { c.Close() }) // it may have ended
	OK(t, c.SetDeadline(time.Now().Add(Patience)))
	return &Wire{Conn: c, Reader: bufio.NewReader(c), t: t}
}

// Login connects as a user whose password is "pw", or without credentials if there is
// no name, and waits for the server.
func Login(t testing.TB, address net.Addr, user string) *Wire {
	t.Helper()
	w := Dial(t, address)
	credentials := ""
	if user != "" {
		credentials = `"user":"` + user + `","pass":"pw",`
	}
	w.Send(`CONNECT {`+credentials+`"verbose":false,"pedantic":false,"headers":true,"no_responders":true}`, "PING")
	w.Expect("PONG")
	return w
}

// Read implements io.Reader, behind what was read ahead.
func (w *Wire) Read(p []byte) (int, error) { return w.Reader.Read(p) }

// Send sends lines in one piece.
func (w *Wire) Send(lines ...string) {
	w.t.Helper()
	Must[int](w.t)(io.WriteString(w.Conn, strings.Join(lines, "\r\n")+"\r\n"))
}

// Line reads a line.
func (w *Wire) Line() string {
	w.t.Helper()
	return strings.TrimRight(Must[string](w.t)(w.ReadString('\n')), "\r\n")
}

// Expect reads lines and ends the test if they are others.
func (w *Wire) Expect(lines ...string) {
	w.t.Helper()
	for _, want := range lines {
		if got := w.Line(); got != want {
			w.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// Ended waits for the end of the connection and returns what came before.
func (w *Wire) Ended() string {
	w.t.Helper()
	text, err := io.ReadAll(w.Reader)
	if e, isNet := err.(net.Error); isNet && e.Timeout() {
		w.t.Fatalf("the connection stays, after %q", text)
	}
	return string(text)
}

// Message reads a MSG or HMSG: the line's fields, header and payload.
func (w *Wire) Message() (fields []string, header, payload string) {
	w.t.Helper()
	line := w.Line()
	fields = strings.Fields(line)
	if len(fields) < 4 || fields[0] != "MSG" && fields[0] != "HMSG" {
		w.t.Fatalf("%q is no message", line)
	}
	size := Must[int](w.t)(strconv.Atoi(fields[len(fields)-1]))
	body := make([]byte, size+2)
	Must[int](w.t)(io.ReadFull(w.Reader, body))
	if fields[0] == "HMSG" {
		n := Must[int](w.t)(strconv.Atoi(fields[len(fields)-2]))
		return fields, string(body[:n]), string(body[n:size])
	}
	return fields, "", string(body[:size])
}

// Pub is a PUB operation with its payload, for Send.
func Pub(subject, reply, payload string) string {
	if reply != "" {
		subject += " " + reply
	}
	return fmt.Sprintf("PUB %s %d\r\n%s", subject, len(payload), payload)
}

// HPub is an HPUB operation with its payload, for Send. The header block is sent as it
// is.
func HPub(subject, reply, header, payload string) string {
	if reply != "" {
		subject += " " + reply
	}
	return fmt.Sprintf("HPUB %s %d %d\r\n%s%s", subject, len(header), len(header)+len(payload), header, payload)
}

// ID is the server's number of the connection.
func (w *Wire) ID() uint64 {
	id, _ := w.Info["client_id"].(float64)
	return uint64(id)
}
