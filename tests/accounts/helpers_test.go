package accounts_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

func publish(t testing.TB, nc *nats.Conn, subject, data string) {
	t.Helper()
	kit.OK(t, nc.Publish(subject, []byte(data)))
}

func publishRequest(t testing.TB, nc *nats.Conn, subject, reply, data string) {
	t.Helper()
	kit.OK(t, nc.PublishRequest(subject, reply, []byte(data)))
}

// ask sends a request and returns the answer.
func ask(t testing.TB, nc *nats.Conn, subject, data string) string {
	t.Helper()
	m, err := nc.Request(subject, []byte(data), kit.Patience)
	if err != nil {
		t.Fatalf("request on %q: %v", subject, err)
	}
	return string(m.Data)
}

// account asks monitoring about an account.
func account(t testing.TB, s *godwit.Server, name string) *godwit.Accountz {
	t.Helper()
	return kit.Must[*godwit.Accountz](t)(s.Accountz(&godwit.AccountzOptions{Account: name}))
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
