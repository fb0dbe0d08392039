package reload_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/tests/kit"
)

// Connections that a reload does not concern notice nothing of it: under load, no
// connection ends and no message is lost, doubled or overtaken.
func TestNothingIsLost(t *testing.T) {
	connections, reloads := 1000, 100
	if testing.Short() || raced {
		connections, reloads = 100, 30
	}
	config := func(i int) string {
		return fmt.Sprintf(`ping_interval: 1h
			max_connections: %d
			max_traced_msg_len: %d
			server_tags: "n:%d"
			lame_duck_duration: %ds
			accounts {
				A { users: [{user: a, password: a}], mappings = { "in.*": "out.$1" }, exports: [{stream: "out.>"}] }
				B { users: [{user: b, password: b}], imports: [{stream: {account: A, subject: "out.>"}}] }
				C { users: [{user: c%d, password: c}], limits { max_conn: %d }, mappings = { x: "y%d" } }
			}`, 10000+i, i, i, 60+i, i, 10+i, i)
	}
	s := run(t, config(0))
	s.log.Mute()
	var got atomic.Int64
	readers := make([]*reader, connections/2)
	for i := range readers { // half of them receive, in either account
		user := "a"
		if i%2 == 1 {
			user = "b"
		}
		readers[i] = newReader(t, s, user, fmt.Sprintf("out.%d", i))
	}
	var reading, writing sync.WaitGroup
	for _, r := range readers {
		reading.Go(func() { r.run(t, &got) })
	}
	stop := make(chan struct{})
	sent := make([]int, len(readers))
	for i := range readers { // and half of them send
		p := s.dial()
		p.connect(`"user":"a","pass":"a"`)
		writing.Go(func() {
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				var batch strings.Builder
				for range 2 {
					text := fmt.Sprint(sent[i])
					fmt.Fprintf(&batch, "PUB in.%d %d\r\n%s\r\n", i, len(text), text)
					sent[i]++
				}
				batch.WriteString("PING\r\n")
				if _, err := io.WriteString(p.conn, batch.String()); err != nil {
					t.Errorf("send: %v", err)
					return
				}
				if line, err := p.line(); line != "PONG" || err != nil {
					t.Errorf("got %q, %v", line, err)
					return
				}
			}
		})
	}
	if n := s.NumClients(); n != 2*len(readers) {
		t.Fatalf("%d connections", n)
	}
	kit.Eventually(t, "traffic", func() bool { return got.Load() > int64(connections) })
	for i := range reloads {
		before := got.Load()
		s.reload(config(i + 1))
		kit.Eventually(t, "traffic after a reload", func() bool { return got.Load() > before || t.Failed() })
	}
	close(stop)
	writing.Wait()
	total := int64(0)
	for i, n := range sent {
		readers[i].want.Store(int64(n))
		total += int64(n)
	}
	kit.Eventually(t, "all messages", func() bool { return got.Load() >= total || t.Failed() })
	if s.NumClients() != 2*len(readers) || s.NumSlowConsumers() != 0 || got.Load() != total {
		t.Errorf("%d connections, %d slow, %d of %d messages", s.NumClients(), s.NumSlowConsumers(), got.Load(), total)
	}
	for _, r := range readers {
		r.conn.SetReadDeadline(time.Now())
	}
	reading.Wait()
}

// reader is a connection that receives numbered messages.
type reader struct {
	conn    net.Conn
	in      *bufio.Reader
	subject string
	want    atomic.Int64 // how many in all, once known
}

func newReader(t testing.TB, s *site, user, subject string) *reader {
	t.Helper()
	p := s.peer(fmt.Sprintf(`"user":%q,"pass":%q`, user, user))
	p.send("SUB " + subject + " 1\r\n")
	p.sync()
	p.conn.SetReadDeadline(time.Time{})
	return &reader{conn: p.conn, in: p.in, subject: subject}
}

// run reads until the deadline that ends the test, and checks that every number
// comes once and in its turn.
func (r *reader) run(t *testing.T, got *atomic.Int64) {
	next := int64(0)
	for {
		header, err := r.in.ReadString('\n')
		if err != nil {
			if !os.IsTimeout(err) || next != r.want.Load() {
				t.Errorf("%s: after %d of %d messages: %v", r.subject, next, r.want.Load(), err)
			}
			return
		}
		text := fmt.Sprint(next)
		body, err := r.in.ReadString('\n')
		if want := fmt.Sprintf("MSG %s 1 %d\r\n", r.subject, len(text)); header != want || body != text+"\r\n" || err != nil {
			t.Errorf("%s: got %q and %q, %v, want message %d", r.subject, header, body, err, next)
			return
		}
		next++
		got.Add(1)
	}
}
