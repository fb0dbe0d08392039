package security_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logged starts a server that logs everything to a file. The returned function is
// what the file holds.
func logged(t testing.TB, text string) (*godwit.Server, func() string) {
	t.Helper()
	o := kit.Must[*godwit.Options](t)(godwit.ProcessConfigString("listen: 127.0.0.1:-1\n" + text))
	return startLogged(t, o)
}

func startLogged(t testing.TB, o *godwit.Options) (*godwit.Server, func() string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.log")
	o.LogFile, o.Debug, o.Trace, o.Logtime = file, true, true, true
	s := kit.Must[*godwit.Server](t)(godwit.NewServer(o))
	kit.OK(t, s.ConfigureLogger())
	t.Cleanup(s.Shutdown)
	kit.OK(t, s.Start())
	return s, func() string { return string(kit.Must[[]byte](t)(os.ReadFile(file))) }
}

// noResponders stands for the server's answer that nobody got a request.
const noResponders = "no responders"

// received are the messages that are there as "subject=data", after the
// connections have been flushed.
func received(t testing.TB, s *kit.Inbox, flushed ...*nats.Conn) (got []string) {
	t.Helper()
	for range s.Count(flushed...) {
		m, err := s.NextMsg(kit.Patience)
		if errors.Is(err, nats.ErrNoResponders) {
			got = append(got, noResponders)
			continue
		}
		kit.OK(t, err)
		got = append(got, m.Subject+"="+string(m.Data))
	}
	return got
}

// want checks what a subscription got.
func want(t testing.TB, s *kit.Inbox, flushed []*nats.Conn, want ...string) {
	t.Helper()
	if got := received(t, s, flushed...); !slices.Equal(got, want) {
		t.Errorf("%q got %q, want %q", s.Subject, got, want)
	}
}

// alive checks that the server serves a stranger's request for a greeting.
func alive(t testing.TB, s *godwit.Server) {
	t.Helper()
	kit.Dial(t, s.Addr())
}

// get fetches a page of monitoring.
func get(t testing.TB, s *godwit.Server, path string) (status int, body string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: kit.Patience}
	r := kit.Must[*http.Response](t)(client.Get("http://" + s.MonitorAddr().String() + path))
	defer r.Body.Close()
	return r.StatusCode, string(kit.Must[[]byte](t)(io.ReadAll(r.Body)))
}

// webURL is where clients connect over WebSocket.
func webURL(t testing.TB, s *godwit.Server) string {
	t.Helper()
	ports := s.PortsInfo(kit.Patience)
	if ports == nil || len(ports.WebSocket) == 0 {
		t.Fatal("there is no WebSocket listener")
	}
	return ports.WebSocket[0]
}
