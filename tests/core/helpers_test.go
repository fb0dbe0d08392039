package core_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answerAll answers all requests with the texts, and returns when the server knows
// of it.
func answerAll(t testing.TB, nc *nats.Conn, subject string, answers ...string) *nats.Subscription {
	t.Helper()
	s := kit.Must[*nats.Subscription](t)(nc.Subscribe(subject, func(m *nats.Msg) {
		for _, text := range answers {
			if err := m.Respond([]byte(text)); err != nil {
				t.Errorf("answer to %q: %v", m.Subject, err)
			}
		}
	}))
	kit.Flush(t, nc)
	return s
}

// get asks the monitoring server. An address has a leading slash.
func get(t testing.TB, s *godwit.Server, address string, into any) {
	t.Helper()
	client := http.Client{Timeout: kit.Patience}
	defer client.CloseIdleConnections()
	response := kit.Must[*http.Response](t)(client.Get("http://" + s.MonitorAddr().String() + address))
	defer response.Body.Close()
	body := kit.Must[[]byte](t)(io.ReadAll(response.Body))
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s", address, response.Status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%s: %v in %s", address, err, body)
	}
}
