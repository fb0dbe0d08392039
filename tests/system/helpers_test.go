package system_test

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

// twoAccounts has a system account and two others, one user each.
const twoAccounts = `
	server_name: one
	server_tags: ["region:north", "blue"]
	system_account: SYS
	accounts {
		SYS { users: [ {user: sys, password: p} ] }
		A   { users: [ {user: a, password: p} ] }
		B   { users: [ {user: b, password: p} ] }
	}`

// connect connects a user whose password is "p"; without a user nobody in
// particular.
func connect(t *testing.T, s *godwit.Server, user string, o ...nats.Option) *nats.Conn {
	t.Helper()
	if user != "" {
		o = append(o, nats.UserInfo(user, "p"))
	}
	nc, err := nats.Connect(s.ClientURL(), o...)
	if err != nil {
		t.Fatalf("connect %q: %v", user, err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// object is a decoded JSON object.
type object map[string]any

// at returns what a path such as "server.name" leads to, nil if it leads nowhere.
// A number in the path is an index.
func (o object) at(path string) any {
	var v any = map[string]any(o)
	for _, step := range strings.Split(path, ".") {
		switch inner := v.(type) {
		case map[string]any:
			v = inner[step]
		case []any:
			i := int(step[0] - '0')
			if i >= len(inner) {
				return nil
			}
			v = inner[i]
		default:
			return nil
		}
	}
	return v
}

// has reports whether a path exists, also with the value null.
func (o object) has(path string) bool {
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 {
		_, ok := o[path]
		return ok
	}
	parent, _ := o.at(path[:dot]).(map[string]any)
	_, ok := parent[path[dot+1:]]
	return ok
}

// number returns the number at a path; a test with anything else there fails.
func (o object) number(t *testing.T, path string) float64 {
	t.Helper()
	n, ok := o.at(path).(float64)
	if !ok {
		t.Fatalf("%s is %v in %v", path, o.at(path), o)
	}
	return n
}

// expect compares the values at some paths.
func (o object) expect(t *testing.T, want map[string]any) {
	t.Helper()
	for path, value := range want {
		if n, ok := value.(int); ok {
			value = float64(n)
		}
		if got := o.at(path); got != value {
			t.Errorf("%s is %v, want %v", path, got, value)
		}
	}
}

func decode(t *testing.T, data []byte) object {
	t.Helper()
	var o object
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	return o
}

// ask sends a request and returns the answer.
func ask(t *testing.T, nc *nats.Conn, subject, body string) object {
	t.Helper()
	m, err := nc.Request(subject, []byte(body), kit.Patience)
	if err != nil {
		t.Fatalf("request %s %s: %v", subject, body, err)
	}
	return decode(t, m.Data)
}

// question is a request with a body.
type question struct{ subject, body string }

// silent shows that nobody answers some requests: the first answer is the one to
// another request, sent after them, and requests are answered in order.
func silent(t *testing.T, nc *nats.Conn, last string, requests ...question) {
	t.Helper()
	inbox := nats.NewInbox()
	sub := kit.Subscribe(t, nc, inbox+".*")
	defer sub.Unsubscribe()
	for _, r := range append(requests, question{last, ""}) {
		reply := inbox + ".wrong"
		if r.subject == last && r.body == "" {
			reply = inbox + ".last"
		}
		if err := nc.PublishRequest(r.subject, reply, []byte(r.body)); err != nil {
			t.Fatal(err)
		}
	}
	if m := sub.Next(); m.Subject != inbox+".last" {
		t.Errorf("an answer to one of %v: %s", requests, m.Data)
	}
}
