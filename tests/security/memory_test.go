package security_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// flood writes a text again and again until the server ends the connection, or the
// patience does.
func flood(c net.Conn, text string) (refused bool) {
	block := []byte(strings.Repeat(text, max(1, 64<<10/len(text))))
	for {
		if _, err := c.Write(block); err != nil {
			e, isNet := err.(net.Error)
			return !isNet || !e.Timeout()
		}
	}
}

// Lines and payloads without end cost no memory and are cut off, before anybody is
// known and, where nobody has to be, in general.
func TestEndlessInput(t *testing.T) {
	for name, config := range map[string]string{
		"with authorization": `authorization { user: u, password: pw, timeout: 5 }`,
		"without":            ``,
	} {
		s := godwittest.RunConfig(t, "listen: '127.0.0.1:-1'\n"+config)
		inputs := []struct{ first, again string }{
			{"CONNECT {", `"x":1,`}, {"CONNECT ", " "}, {"CONNECT {\"jwt\":\"", "x"}, {"PING", " "}, {"PONG", "x"}, {"PUB ", "x"}, {"SUB ", "x."},
			{"+OK", "x"}, {"-ERR ", "x"}, {"INFO {", "x"}, {" ", " "}, {"\r\n", "\r\n"}, {"\x00", "\x00"}, {"UNSUB ", "1"}, {"HPUB x 999999999 999999999\r\n", "x"},
			{"PUB x 999999999\r\n", "x"}, {"PUB x -1\r\n", "x"}, {"PUB x 99999999999999999999\r\n", "x"}, {"CONNECT {\"user\":" + strings.Repeat("[", 4000), "["},
		}
		var floods sync.WaitGroup
		cost := allocated(func() {
			for _, c := range inputs {
				w := kit.Dial(t, s.Addr())
				floods.Go(func() {
					if _, err := io.WriteString(w.Conn, c.first); err == nil && !flood(w.Conn, c.again) {
						t.Errorf("%s: %.20q is read without end", name, c.first)
					}
				})
			}
			floods.Wait()
		})
		if cost > uint64(len(inputs)*(1<<20)) {
			t.Errorf("%s: %d connections cost %d KB", name, len(inputs), cost>>10)
		}
		alive(t, s)
	}
}

// Many connections that begin and do not go on hold little, and are ended.
func TestManyHalfOpenConnections(t *testing.T) {
	s := godwittest.RunConfig(t, "listen: '127.0.0.1:-1'\nauthorization { user: u, password: pw, timeout: 1 }")
	const connections = 200
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var open []*kit.Wire
	for range connections {
		w := kit.Dial(t, s.Addr())
		kit.Must[int](t)(io.WriteString(w.Conn, "CONNECT {"+strings.Repeat(" ", 4000)))
		open = append(open, w)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse); held > connections*(160<<10) {
		t.Errorf("each connection holds %d KB", held/connections>>10)
	}
	for _, w := range open {
		if got := w.Ended(); !strings.Contains(got, "Authentication Timeout") && got != "" {
			t.Fatalf("ended with %q", got)
		}
	}
	kit.Eventually(t, "all are gone", func() bool { return s.NumClients() == 0 })
}

// Whoever asks for answers and does not read them is cut off.
func TestAnswersThatNobodyReads(t *testing.T) {
	t.Parallel()
	s := godwittest.RunConfig(t, "listen: '127.0.0.1:-1'\nmax_pending: 1MB")
	var floods sync.WaitGroup
	for _, text := range []string{"PUB $GR." + strings.Repeat("a", 3000) + " 0\r\n\r\n", "PUB x _R_." + strings.Repeat("a", 3000) + " 0\r\n\r\n"} {
		w := kit.Dial(t, s.Addr())
		kit.OK(t, w.Conn.(*net.TCPConn).SetReadBuffer(4<<10))
		floods.Go(func() {
			if !flood(w.Conn, text) {
				t.Errorf("%q is answered without end", text)
			}
			w.Close()
		})
	}
	floods.Wait()
	kit.Eventually(t, "all are gone", func() bool { return s.NumClients() == 0 })
}

// Handshakes have to come to an end, be it that nothing comes or too little.
func TestSlowHandshakes(t *testing.T) {
	t.Parallel()
	ca := kit.NewAuthority(t)
	secure := "tls { " + ca.Server().Lines() + ", timeout: 0.3"
	connect := `CONNECT {"user":"u","pass":"pw"` + strings.Repeat(" ", 4000)
	var trials sync.WaitGroup
	for name, c := range map[string]struct {
		config, drip string
		greeted      bool
	}{
		"TCP":             {"", connect, true},
		"TLS":             {secure + " }", "\x16\x03\x01\x0f\xff\x01\x00\x0f\xfb\x03\x03" + strings.Repeat("x", 4000), true},
		"TLS first":       {secure + ", handshake_first: true }", "\x16\x03\x01\x0f\xff\x01\x00\x0f\xfb\x03\x03" + strings.Repeat("x", 4000), false},
		"TLS at leisure":  {secure + ", handshake_first: auto }", "\x16\x03\x01\x0f\xff\x01\x00\x0f\xfb\x03\x03" + strings.Repeat("x", 4000), false},
		"TLS not at all":  {secure + " }\nallow_non_tls: true", connect, true},
		"something else":  {secure + " }", "GET / HTTP/1.1\r\n" + strings.Repeat("x", 4000), true},
		"an empty record": {secure + " }", strings.Repeat("\x16\x03\x01\x00\x00", 1000), true},
	} {
		s := godwittest.RunConfig(t, "listen: '127.0.0.1:-1'\nauthorization { user: u, password: pw, timeout: 0.4 }\n"+c.config)
		for _, part := range []string{"", c.drip[:1], c.drip} {
			w := kit.Speak(t, kit.Must[net.Conn](t)(net.Dial("tcp", s.Addr().String())))
			if c.greeted {
				w.Line()
			}
			trials.Go(func() {
				start := time.Now()
				dripping(w.Conn, part)
				if took := time.Since(start); took > kit.Patience/2 {
					t.Errorf("%s, %d bytes: ended after %v", name, len(part), took)
				}
			})
		}
	}
	trials.Wait()
}

// dripping writes a text byte by byte until the other side ends the connection.
func dripping(c net.Conn, text string) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		io.Copy(io.Discard, c) // the end is what counts
	}()
	drip := time.NewTicker(10 * time.Millisecond)
	defer drip.Stop()
	for i := 0; ; i++ {
		if i < len(text) {
			io.WriteString(c, text[i:i+1]) // may fail: then it has ended
		}
		select {
		case <-drip.C:
		case <-ended:
			return
		}
	}
}

// A connection that completes TLS and then waits is no better.
func TestSilenceAfterTLS(t *testing.T) {
	t.Parallel()
	ca := kit.NewAuthority(t)
	s := godwittest.RunConfig(t, "listen: '127.0.0.1:-1'\nauthorization { user: u, password: pw, timeout: 0.3 }\ntls { "+ca.Server().Lines()+" }")
	w := kit.Dial(t, s.Addr())
	secure := tls.Client(w.Conn, ca.TLS())
	kit.OK(t, secure.Handshake())
	if text, err := io.ReadAll(secure); !strings.Contains(string(text), "Authentication Timeout") {
		t.Errorf("ended with %q, %v", text, err)
	}
}

// Numbers of a page may be any.
func TestExtremePages(t *testing.T) {
	t.Parallel()
	s := godwittest.RunConfig(t, "http: '127.0.0.1:-1'\n"+tenants)
	a, sys := kit.Connect(t, s, "a"), kit.Connect(t, s, "sys")
	kit.Subscribe(t, a, "foo")
	numbers := []int64{0, 1, -1, math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1, 1 << 62, 1 << 32, -1 << 31}
	for _, offset := range numbers {
		for _, limit := range numbers {
			for _, page := range []string{"connz?state=all&", "connz?auth=1&subs=detail&", "subsz?subs=1&"} {
				if status, body := get(t, s, fmt.Sprintf("/%soffset=%d&limit=%d", page, offset, limit)); status != http.StatusOK {
					t.Errorf("%s of %d from %d: %d %s", page, limit, offset, status, body)
				}
			}
			body := fmt.Appendf(nil, `{"offset":%d,"limit":%d,"subscriptions":true,"subscriptions_detail":true}`, offset, limit)
			for subject, nc := range map[string]*nats.Conn{
				"$SYS.REQ.ACCOUNT.PING.CONNZ": a, "$SYS.REQ.SERVER.PING.CONNZ": sys, "$SYS.REQ.SERVER.PING.SUBSZ": sys, "$SYS.REQ.ACCOUNT.A.SUBSZ": sys, "$SYS.REQ.ACCOUNT.A.CONNZ": sys,
			} {
				if m, err := nc.Request(subject, body, kit.Patience); err != nil || strings.Contains(string(m.Data), `"error"`) {
					t.Errorf("%s %s: %v, %v", subject, body, m, err)
				}
			}
		}
	}
	for _, body := range []string{`{"offset":1e400}`, `{"offset":99999999999999999999}`, `{"limit":"x"}`, strings.Repeat("[", 10000), "{", "null", "\x00"} {
		if _, err := a.Request("$SYS.REQ.ACCOUNT.PING.CONNZ", []byte(body), kit.Patience); err != nil {
			t.Errorf("%.20s: %v", body, err)
		}
	}
	alive(t, s)
}
