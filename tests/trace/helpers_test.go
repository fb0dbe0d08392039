package trace_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Headers that ask for a trace.
const (
	dest        = "Nats-Trace-Dest"
	only        = "Nats-Trace-Only"
	traceparent = "traceparent"
	sampled     = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

// site is a server with its configuration file.
type site struct {
	*godwit.Server
	t    testing.TB
	path string
	log  kit.Log
}

// run starts a server. In texts of these tests the password of every user is "pw".
func run(t testing.TB, text string) *site {
	t.Helper()
	s := &site{t: t, path: filepath.Join(t.TempDir(), "server.conf")}
	s.write(text)
	o := kit.Must[*godwit.Options](t)(godwit.ProcessConfigFile(s.path))
	o.DisableShortFirstPing = true
	s.Server = kit.Must[*godwit.Server](t)(godwit.NewServer(o))
	s.SetLogger(&s.log, false, false)
	t.Cleanup(s.Shutdown)
	kit.OK(t, s.Start())
	return s
}

func (s *site) write(text string) {
	s.t.Helper()
	kit.OK(s.t, os.WriteFile(s.path, []byte("server_name: here\nlisten: 127.0.0.1:-1\n"+text), 0o600))
}

// reload makes a text the configuration.
func (s *site) reload(text string) {
	s.t.Helper()
	s.write(text)
	kit.OK(s.t, s.Reload())
}

// connect connects as a user, or without credentials if there is no name.
func (s *site) connect(user string, options ...nats.Option) *nats.Conn {
	s.t.Helper()
	return kit.Connect(s.t, s, user, options...)
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
func trace(t testing.TB, b *kit.Inbox, publisher *nats.Conn) *event {
	t.Helper()
	if n := b.Count(publisher); n != 1 {
		t.Fatalf("%d events on %q", n, b.Subject)
	}
	return decode(t, b.Next().Data)
}

// tells checks the only event of a message, in short.
func tells(t testing.TB, b *kit.Inbox, publisher *nats.Conn, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, trace(t, b, publisher).story()); diff != "" {
		t.Errorf("the steps differ (-want +got):\n%s", diff)
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

// dial connects as a user by hand.
func (s *site) dial(user string) *kit.Wire {
	s.t.Helper()
	return kit.Login(s.t, s.Addr(), user)
}
