package security_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// upgradeRequest asks for WebSocket; more are header lines.
func upgradeRequest(path, more string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" + more + "\r\n"
}

const deflates = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"

// dialWeb connects to the WebSocket listener.
func dialWeb(t testing.TB, s *godwit.Server) net.Conn {
	t.Helper()
	c := kit.Must[net.Conn](t)(net.Dial("tcp", strings.TrimPrefix(webURL(t, s), "ws://")))
	t.Cleanup(func() { c.Close() })
	kit.OK(t, c.SetDeadline(time.Now().Add(kit.Patience)))
	return c
}

// upgrade makes the handshake and returns the connection with what follows.
func upgrade(t testing.TB, s *godwit.Server, more string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c := dialWeb(t, s)
	kit.Must[int](t)(io.WriteString(c, upgradeRequest("/", more)))
	r := bufio.NewReader(c)
	answer := kit.Must[*http.Response](t)(http.ReadResponse(r, nil))
	answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("answered %s", answer.Status)
	}
	return c, r
}

// frame is a masked frame; the mask is all zeroes. The length may be a lie.
func frame(first byte, length uint64, payload []byte) []byte {
	b := []byte{first, 0x80}
	switch {
	case length < 126:
		b[1] |= byte(length)
	case length < 1<<16:
		b[1] |= 126
		b = binary.BigEndian.AppendUint16(b, uint16(length))
	default:
		b[1] |= 127
		b = binary.BigEndian.AppendUint64(b, length)
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// ends waits for the end of a connection.
func ends(t testing.TB, name string, c net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, c)
	if e, isNet := err.(net.Error); isNet && e.Timeout() {
		t.Errorf("%s: the connection stays", name)
	}
}

// released waits until the server has let go of a connection that it has ended; the
// HTTP library of Go does so half a second later.
func released(t testing.TB, c net.Conn) {
	t.Helper()
	kit.Eventually(t, "the connection is released", func() bool {
		_, err := c.Write([]byte("x"))
		return err != nil
	})
}

const webOnly = "listen: '127.0.0.1:-1'\nauthorization { user: u, password: pw, timeout: 0.5 }\nwebsocket { listen: '127.0.0.1:-1', no_tls: true, compression: true }\n"

// Frames that break the rules end the connection and nothing else.
func TestCraftedFrames(t *testing.T) {
	t.Parallel()
	s := godwittest.RunConfig(t, webOnly)
	for name, bytes := range map[string][]byte{
		"length with the sign bit":  frame(0x82, 1<<63, nil),
		"length of -1":              frame(0x82, 1<<64-1, nil),
		"largest positive length":   frame(0x82, 1<<63-1, nil),
		"4 GB":                      frame(0x82, 1<<32, []byte("x")),
		"compressed, sign bit":      frame(0xc2, 1<<63, nil),
		"long ping":                 frame(0x89, 1<<63, nil),
		"ping of 126":               frame(0x89, 126, make([]byte, 126)),
		"fragmented ping":           frame(0x09, 0, nil),
		"close of one byte":         frame(0x88, 1, []byte{3}),
		"close with bad UTF-8":      frame(0x88, 3, []byte{3, 0xe8, 0xff}),
		"close with a bad status":   frame(0x88, 2, []byte{0, 1}),
		"continuation of nothing":   frame(0x80, 1, []byte("x")),
		"new message inside of one": append(frame(0x02, 1, []byte("C")), frame(0x82, 1, []byte("x"))...),
		"reserved opcode":           frame(0x83, 0, nil),
		"reserved bits":             frame(0xb2, 0, nil),
		"no mask":                   {0x82, 1, 'x'},
		"compressed garbage":        frame(0xc2, 8, []byte("\xff\xff\xff\xff\xff\xff\xff\xff")),
		"compressed and cut off":    append(frame(0xc2, 1, []byte{0x05}), frame(0x88, 0, nil)...),
		"compressed continuation":   append(frame(0x42, 1, []byte{0}), frame(0xc0, 1, []byte{0})...),
		"compressed ping":           frame(0xc9, 0, nil),
	} {
		c, _ := upgrade(t, s, deflates)
		kit.Must[int](t)(c.Write(bytes))
		ends(t, name, c)
	}
	alive(t, s)
}

// The listener knows no MQTT, or anything else that is not switched on.
func TestPathsOfProtocolsThatAreOff(t *testing.T) {
	s := godwittest.RunConfig(t, webOnly)
	for _, path := range []string{"/mqtt", "/leafnode", "/mqtt/", "//mqtt", "/../mqtt", "/MQTT", "*", "/%00"} {
		c := dialWeb(t, s)
		kit.Must[int](t)(io.WriteString(c, upgradeRequest(path, "Sec-WebSocket-Protocol: mqtt\r\n")))
		r := bufio.NewReader(c)
		answer := kit.Must[*http.Response](t)(http.ReadResponse(r, nil))
		if answer.StatusCode == http.StatusSwitchingProtocols {
			// Then it is a client's connection: MQTT is no input for it.
			kit.Must[int](t)(c.Write(frame(0x82, 14, []byte("\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"))))
		}
		c.(*net.TCPConn).CloseWrite()
		ends(t, path, c)
	}
	alive(t, s)
}

// bomb is a compressed message of a size, without the end that senders leave out.
func bomb(t testing.TB, prefix string, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := kit.Must[*flate.Writer](t)(flate.NewWriter(&b, flate.BestCompression))
	kit.Must[int](t)(io.WriteString(w, prefix))
	blank := bytes.Repeat([]byte(" "), 1<<20)
	// What the second megabyte makes of the state of the first, all others do.
	var ends [3]int
	for i := range ends {
		kit.Must[int](t)(w.Write(blank))
		kit.OK(t, w.Flush())
		ends[i] = b.Len()
	}
	again := bytes.Clone(b.Bytes()[ends[1]:])
	for range size >> 20 {
		b.Write(again)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})
}

// allocated is how many bytes of memory were asked for while a function ran.
func allocated(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A few bytes that inflate to very many, or many bytes that never become a message,
// cost no memory to speak of before anybody is known.
func TestWebSocketMemoryBeforeAuthentication(t *testing.T) {
	s := godwittest.RunConfig(t, webOnly)
	const size = 64 << 20
	bombs := map[string][]byte{
		"of blanks":    bomb(t, "", size),
		"in CONNECT":   bomb(t, "CONNECT {", size),
		"in a payload": bomb(t, "PUB foo 1000000\r\n", size),
	}
	for name, bomb := range bombs {
		cost := allocated(func() {
			c, _ := upgrade(t, s, deflates)
			kit.Must[int](t)(c.Write(frame(0xc2, uint64(len(bomb)), bomb)))
			ends(t, name, c)
		})
		if cost > 32<<20 {
			t.Errorf("bomb %s of %d bytes costs %d MB", name, len(bomb), cost>>20)
		}
	}
	// The same in many fragments, and without compression.
	for name, message := range map[string][]byte{"compressed": bombs["of blanks"], "plain": bytes.Repeat([]byte(" "), 64<<20)} {
		first, piece := byte(0x02), 64<<10
		if name == "compressed" {
			first, piece = 0x42, 1<<10
		}
		// Made before the count: the memory of the sender is not the server's.
		var frames [][]byte
		for rest := message; len(rest) > 0; first = 0 {
			n := min(piece, len(rest))
			frames = append(frames, frame(first, uint64(n), rest[:n]))
			rest = rest[n:]
		}
		cost := allocated(func() {
			c, _ := upgrade(t, s, deflates)
			for _, f := range frames {
				if _, err := c.Write(f); err != nil {
					break // it was closed
				}
			}
			ends(t, name, c)
		})
		if cost > 32<<20 {
			t.Errorf("%s fragments cost %d MB", name, cost>>20)
		}
	}
	alive(t, s)
}

// Handshakes that do not come to an end are ended.
func TestSlowWebSocketHandshakes(t *testing.T) {
	t.Parallel()
	s := godwittest.RunConfig(t, "listen: '127.0.0.1:-1'\nauthorization { user: u, password: pw, timeout: 0.3 }\nwebsocket { listen: '127.0.0.1:-1', no_tls: true, handshake_timeout: '300ms' }\n")
	whole := upgradeRequest("/", "")
	var trials sync.WaitGroup
	var posted []net.Conn
	for name, part := range map[string]string{
		"nothing": "", "part of a line": "GET / HT", "a part": whole[:len(whole)-10], "without the end": whole[:len(whole)-2],
		"a body": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx",
	} {
		c := dialWeb(t, s)
		trials.Go(func() {
			start := time.Now()
			io.WriteString(c, part) // may fail: then it has ended
			ends(t, name, c)
			if took := time.Since(start); took > kit.Patience/2 {
				t.Errorf("%s: ended after %v", name, took)
			}
		})
		posted = append(posted, c)
	}
	// One byte now and then is no progress.
	drip := dialWeb(t, s)
	trials.Go(func() {
		start := time.Now()
		dripping(drip, strings.TrimSuffix(whole, "\r\n")+strings.Repeat("X: x\r\n", 1000))
		if took := time.Since(start); took > kit.Patience/2 {
			t.Errorf("dripping: ended after %v", took)
		}
	})
	trials.Wait()
	for _, c := range append(posted, drip) {
		released(t, c)
	}
	// After the handshake, a CONNECT that does not come.
	silent, _ := upgrade(t, s, "")
	ends(t, "silent", silent)
	alive(t, s)
}

// Header fields of an upgrade request are bounded.
func TestHugeUpgradeRequests(t *testing.T) {
	t.Parallel()
	s := godwittest.RunConfig(t, webOnly)
	var trials sync.WaitGroup
	var tried []net.Conn
	for name, more := range map[string]string{
		"one line":   "X: " + strings.Repeat("x", 4<<20) + "\r\n",
		"many lines": strings.Repeat("X: x\r\n", 1<<19),
		"cookies":    "Cookie: " + strings.Repeat("a=b; ", 1<<19) + "\r\n",
	} {
		c := dialWeb(t, s)
		trials.Go(func() {
			io.WriteString(c, upgradeRequest("/", more)) // may fail: that is the point
			line, err := bufio.NewReader(c).ReadString('\n')
			if err == nil && strings.Contains(line, " 101 ") {
				t.Errorf("%s: answered %q", name, line)
			}
		})
		tried = append(tried, c)
	}
	trials.Wait()
	for _, c := range tried {
		released(t, c)
	}
	alive(t, s)
}
