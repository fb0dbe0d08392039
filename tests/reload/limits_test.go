package reload_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/tests/kit"
)

// Of too many connections the newest have to go.
//
// Go: TestConfigReloadMaxConnections server/reload_test.go:2090
// Go: TestConfigReloadMaxConnectionsPreventAll server/reload_test.go:2143
func TestFewerConnections(t *testing.T) {
	s := run(t, "")
	var peers []*peer
	for range 4 {
		peers = append(peers, s.peer(""))
	}
	full := func() {
		t.Helper()
		p := s.dial()
		p.closed("-ERR 'maximum connections exceeded'")
	}
	s.reload("max_connections: 4")
	full()
	s.reload("max_connections: 2")
	for _, p := range peers[2:] {
		p.closed("-ERR 'maximum connections exceeded'")
	}
	for _, p := range peers[:2] {
		p.sync()
	}
	kit.Eventually(t, "two connections", func() bool { return s.NumClients() == 2 })
	full()
	s.reload("max_connections: 3")
	s.peer("").sync()
	s.reload("max_connections: 0") // none
	for _, p := range peers[:2] {
		p.closed("-ERR 'maximum connections exceeded'")
	}
	kit.Eventually(t, "no connections", func() bool { return s.NumClients() == 0 })
	full()
}

// Whoever has to go for another reason does not count, so nobody is closed in
// vain.
func TestFewerConnectionsAndUsers(t *testing.T) {
	s := run(t, "authorization { users: [{user: a, password: a}, {user: b, password: b}] }")
	a, b := s.peer(`"user":"a","pass":"a"`), s.peer(`"user":"b","pass":"b"`)
	s.reload("max_connections: 1\nauthorization { users: [{user: b, password: b}] }")
	a.closed(violation)
	b.sync()
}

func TestFewerConnectionsOfAnAccount(t *testing.T) {
	config := func(users, limit string) string {
		return "accounts { A { users: [" + users + "], limits { max_conn: " + limit + " } }, B { users: [{user: b, password: b}] } }"
	}
	const one, two = "{user: one, password: p}", "{user: one, password: p}, {user: two, password: p}"
	s := run(t, config(two, "5"))
	b := s.peer(`"user":"b","pass":"b"`)
	first, second := s.peer(`"user":"two","pass":"p"`), s.peer(`"user":"one","pass":"p"`)
	third, fourth := s.peer(`"user":"one","pass":"p"`), s.peer(`"user":"one","pass":"p"`)
	const exceeded = "-ERR 'maximum account active connections exceeded'"
	s.reload(config(two, "3"))
	fourth.closed(exceeded)
	for _, p := range []*peer{b, first, second, third} {
		p.sync()
	}
	s.reload(config(one, "2")) // and one user less
	first.closed(violation)
	for _, p := range []*peer{b, second, third} {
		p.sync()
	}
	kit.Eventually(t, "all are gone", func() bool { return s.NumClients() == 3 })
	p := s.dial()
	p.connect(`"user":"one","pass":"p"`)
	p.closed(exceeded)
}

func TestLimitsOfAnAccount(t *testing.T) {
	config := func(payload, subs int) string {
		return fmt.Sprintf("accounts { A { users: [{user: a, password: a}], limits { max_payload: %d, max_subs: %d } } }", payload, subs)
	}
	s := run(t, config(-1, -1))
	p, q := s.peer(`"user":"a","pass":"a","protocol":1`), s.peer(`"user":"a","pass":"a","protocol":1`)
	p.readInfo()
	q.readInfo()
	p.send("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n")
	p.sync()
	q.send("SUB d 1\r\nSUB e 2\r\n")
	q.sync()
	s.reload(config(10, 2))
	p.closed("-ERR 'maximum subscriptions exceeded'")
	if n := q.readInfo()["max_payload"]; n != 10.0 {
		t.Errorf("max_payload is %v", n)
	}
	q.sync()
	q.send("SUB f 3\r\n")
	q.expect("-ERR 'maximum subscriptions exceeded'")
	q.send("PUB d 11\r\n")
	q.closed("-ERR 'Maximum Payload Violation'")
}

// Go: TestConfigReloadMaxPayload server/reload_test.go:2197
func TestSmallerPayloads(t *testing.T) {
	s := run(t, "")
	p, receiver := s.peer(`"protocol":1`), s.peer("")
	p.readInfo()
	receiver.send("SUB foo 1\r\n")
	receiver.sync()
	p.send("PUB foo 5\r\nhello\r\n")
	receiver.expect("MSG foo 1 5", "hello")
	s.reload("max_payload: 1")
	if n := p.readInfo()["max_payload"]; n != 1.0 {
		t.Errorf("the client is told %v", n)
	}
	if n := s.dial().info["max_payload"]; n != 1.0 {
		t.Errorf("new clients are told %v", n)
	}
	p.send("PUB foo 1\r\nx\r\n")
	receiver.expect("MSG foo 1 1", "x")
	p.send("PUB foo 5\r\nhello\r\n")
	p.closed("-ERR 'Maximum Payload Violation'")
	receiver.sync()
}

// Go: TestConfigReloadMaxControlLineWithClients server/reload_test.go:4111
func TestShorterControlLine(t *testing.T) {
	s := run(t, "")
	p := s.peer("")
	long := "SUB " + strings.Repeat("x", 300)
	p.send(long + " 1\r\n")
	p.sync()
	s.reload("max_control_line: 222")
	p.send(long[:100] + " 2\r\n")
	p.sync()
	p.send(long + " 3\r\n")
	p.closed("-ERR 'maximum control line exceeded'")
}

// Limits for what is sent take effect also for clients that only listen.
func TestQuietReceivers(t *testing.T) {
	const size = 1 << 20
	s := run(t, "max_pending: 1GB")
	quiet := s.peer("")
	quiet.send("SUB big 1\r\n")
	quiet.sync()
	publisher := s.peer("")
	s.reload("max_pending: 1MB")
	message := fmt.Sprintf("PUB big %d\r\n%s\r\n", size, strings.Repeat("x", size))
	for range 40 { // more than buffers of the system take
		publisher.send(message)
	}
	publisher.sync()
	kit.Eventually(t, "a slow consumer", func() bool { return s.NumSlowConsumers() == 1 })
	if !s.log.Has("Slow Consumer Detected: MaxPending of 1048576 Exceeded") {
		t.Error("the connection was closed for another reason")
	}
}

// Go: TestConfigReloadClientAdvertise server/reload_test.go:2044
func TestAdvertisedAddress(t *testing.T) {
	s := run(t, "")
	old := s.peer(`"protocol":1`)
	before := old.readInfo()
	for _, step := range []struct {
		text, host string
		port       any
	}{
		{`client_advertise: "me:1"`, "me", 1.0},
		{`client_advertise: "me"`, "me", before["port"]},
		{`client_advertise: "you:-1"`, "you", before["port"]},
		{"", before["host"].(string), before["port"]},
	} {
		s.reload(step.text)
		for _, info := range []map[string]any{old.readInfo(), s.dial().info} {
			if info["host"] != step.host || info["port"] != step.port {
				t.Errorf("%s: told %v:%v, want %s:%v", step.text, info["host"], info["port"], step.host, step.port)
			}
		}
	}
	if err := s.refused(`client_advertise: "me:port"`); !strings.Contains(err, "ClientAdvertise value of me:port") {
		t.Errorf("got %s", err)
	}
	old.sync()
}

// A ping interval that has become shorter applies to new connections, and to others
// once their present interval is over.
func TestPings(t *testing.T) {
	s := run(t, "ping_interval: 1h")
	s.peer("")
	s.reload("ping_interval: 10ms\nping_max: 1")
	p := s.dial()
	p.connect("")
	p.expect("PING", "-ERR 'Stale Connection'")
}
