package websocket

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func checker(t testing.TB, options Options) *Checker {
	t.Helper()
	c, err := NewChecker(options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// goodRequest is one that is accepted. Its key is the example of RFC 6455.
func goodRequest(path string) *http.Request {
	r := &http.Request{Method: "GET", Proto: "HTTP/1.1", Host: "localhost", URL: &url.URL{Path: path}, Header: make(http.Header)}
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	r.Header.Set("Sec-WebSocket-Version", "13")
	return r
}

// hijackable is a response whose connection is a fakeConn.
type hijackable struct {
	*httptest.ResponseRecorder
	conn  fakeConn
	early string // what the HTTP server has read already
	err   error
	taken bool
}

func newHijackable() *hijackable { return &hijackable{ResponseRecorder: httptest.NewRecorder()} }

func (h *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if h.err != nil {
		return nil, nil, h.err
	}
	h.taken = true
	in := bufio.NewReader(strings.NewReader(h.early))
	in.Peek(1) // what is there is buffered
	return &h.conn, bufio.NewReadWriter(in, bufio.NewWriter(nil)), nil
}

// response is what the client gets, from either side.
func (h *hijackable) response(t *testing.T) *http.Response {
	t.Helper()
	if !h.taken {
		return h.Result()
	}
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(h.conn.output())), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each refusal has its status, a body that says no more than that, the version
// that would do, and its reason for the log. A connection that was taken over is
// closed.
//
// Go: TestWSUpgradeValidationErrors server/websocket_test.go:1218
func TestUpgradeRefusals(t *testing.T) {
	set := func(name string, values ...string) func(*http.Request, *hijackable) {
		return func(r *http.Request, _ *hijackable) {
			r.Header.Del(name)
			for _, v := range values {
				r.Header.Add(name, v)
			}
		}
	}
	for _, test := range []struct {
		name   string
		change func(*http.Request, *hijackable)
		status int
		reason string
	}{
		{"method", func(r *http.Request, _ *hijackable) { r.Method = "POST" }, 405, "request method must be GET"},
		{"no host", func(r *http.Request, _ *hijackable) { r.Host = "" }, 400, "'Host' missing in request"},
		{"no upgrade", set("Upgrade"), 400, "invalid value for header 'Upgrade'"},
		{"other upgrade", set("Upgrade", "h2c", "xwebsocket"), 400, "invalid value for header 'Upgrade'"},
		{"no connection", set("Connection"), 400, "invalid value for header 'Connection'"},
		{"other connection", set("Connection", "keep-alive"), 400, "invalid value for header 'Connection'"},
		{"no key", set("Sec-WebSocket-Key"), 400, "key missing"},
		{"empty key", set("Sec-WebSocket-Key", ""), 400, "key missing"},
		{"key no base64", set("Sec-WebSocket-Key", "%%%"), 400, "invalid websocket key"},
		{"short key", set("Sec-WebSocket-Key", base64.StdEncoding.EncodeToString([]byte("short"))), 400, "invalid websocket key"},
		{"long key", set("Sec-WebSocket-Key", base64.StdEncoding.EncodeToString(make([]byte, 17))), 400, "invalid websocket key"},
		{"key without padding", set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"), 400, "invalid websocket key"},
		{"key with line end", set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZ\r\n="), 400, "invalid websocket key"},
		{"no version", set("Sec-WebSocket-Version"), 400, "invalid version"},
		{"other version", set("Sec-WebSocket-Version", "99"), 400, "invalid version"},
		{"origin", set("Origin", "http://bad.host.com"), 403, "origin not allowed: not same origin"},
		{"hijack fails", func(_ *http.Request, h *hijackable) { h.err = errors.New("on purpose") }, 500, "on purpose"},
		{"too early", func(_ *http.Request, h *hijackable) { h.early = "some data" }, 400, "client sent data before handshake is complete"},
		{"mqtt is off", func(r *http.Request, _ *hijackable) { r.URL.Path, r.Method = "/mqtt", "POST" }, 404, "mqtt websocket endpoint not enabled"},
		{"leaf is off", func(r *http.Request, _ *hijackable) { r.URL.Path = "/leafnode" }, 404, "Not configured to accept leaf node connections"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, r := newHijackable(), goodRequest("/")
			test.change(r, h)
			conn, request, err := checker(t, Options{SameOrigin: true}).Upgrade(h, r)
			if conn != nil || request != nil || err == nil || err.Error() != test.reason {
				t.Fatalf("got %v, %v, %v", conn, request, err)
			}
			response := h.response(t)
			body, _ := io.ReadAll(response.Body)
			if response.StatusCode != test.status || string(body) != http.StatusText(test.status)+"\n" {
				t.Errorf("answer %s, %q", response.Status, body)
			}
			for name, want := range map[string]string{
				"Sec-Websocket-Version": "13", "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff",
			} {
				if got := response.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if h.taken != h.conn.closed {
				t.Errorf("taken over: %v, closed: %v", h.taken, h.conn.closed)
			}
		})
	}
}

// Go: TestWSUpgradeNoHijacker server/websocket_test.go:1423
func TestUpgradeWithoutHijacker(t *testing.T) {
	w := httptest.NewRecorder()
	_, _, err := checker(t, Options{}).Upgrade(w, goodRequest("/"))
	if err == nil || err.Error() != "websocket upgrade not supported" || w.Code != 400 || w.Body.String() != "Bad Request\n" {
		t.Errorf("%v, %d, %q", err, w.Code, w.Body)
	}
}

// Go: TestWSUpgradeResponseWriteError server/websocket_test.go:1403
func TestUpgradeWriteError(t *testing.T) {
	h := newHijackable()
	h.conn.writeErr = errors.New("on purpose")
	conn, request, err := checker(t, Options{}).Upgrade(h, goodRequest("/"))
	if conn != nil || request != nil || err != h.conn.writeErr || !h.conn.closed {
		t.Errorf("%v, %v, %v, closed: %v", conn, request, err, h.conn.closed)
	}
}

// The answer has a deadline, the connection has none.
//
// Go: TestWSUpgradeConnDeadline server/websocket_test.go:1441
func TestUpgradeDeadline(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{
		time.Second: time.Second, 0: DefaultHandshakeTimeout, -1: 0,
	} {
		h := newHijackable()
		before := time.Now()
		_, _, err := checker(t, Options{HandshakeTimeout: timeout}).Upgrade(h, goodRequest("/"))
		if err != nil || h.conn.closed || len(h.conn.deadlines) != 2 {
			t.Fatalf("%v, closed: %v, %v", err, h.conn.closed, h.conn.deadlines)
		}
		first, last := h.conn.deadlines[0], h.conn.deadlines[1]
		if want > 0 && (first.Before(before.Add(want)) || first.After(time.Now().Add(want))) || want == 0 && !first.IsZero() {
			t.Errorf("timeout %v: deadline %v after %v", timeout, first, before)
		}
		if !last.IsZero() {
			t.Errorf("timeout %v: deadline %v remains", timeout, last)
		}
	}
}

// upgrade accepts a request and returns the answer, byte by byte.
func upgrade(t *testing.T, options Options, r *http.Request) (*Conn, *Request, string) {
	t.Helper()
	h := newHijackable()
	conn, request, err := checker(t, options).Upgrade(h, r)
	if err != nil {
		t.Fatal(err)
	}
	return conn, request, string(h.conn.output())
}

const plainAnswer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

// The answer has the headers that are configured, the three of the handshake, and
// no more.
//
// Go: TestWSSetHeader server/websocket_test.go:1518
func TestUpgradeAnswer(t *testing.T) {
	if _, _, got := upgrade(t, Options{}, goodRequest("/")); got != plainAnswer+"\r\n" {
		t.Errorf("got %q", got)
	}
	options := Options{ExtraHeaders: map[string]string{"X-Header": "some-value", "X-Another-Header": "another-value"}}
	if _, _, got := upgrade(t, options, goodRequest("/any/prefix")); got != plainAnswer+"X-Another-Header: another-value\r\nX-Header: some-value\r\n\r\n" {
		t.Errorf("got %q", got)
	}
	r := goodRequest("/mqtt")
	r.Header.Set("Sec-WebSocket-Extensions", "permessage-deflate")
	r.Header.Set("Nats-No-Masking", "true")
	r.Header.Add("Sec-WebSocket-Protocol", "mqttv3.1, mqtt")
	want := plainAnswer + "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n" +
		"Nats-No-Masking: true\r\nSec-WebSocket-Protocol: mqtt\r\nX-Header: v\r\n\r\n"
	if _, _, got := upgrade(t, Options{MQTT: true, Compression: true, ExtraHeaders: map[string]string{"X-Header": "v"}}, r); got != want {
		t.Errorf("got %q", got)
	}
	// No protocol is selected that was not offered, nor for another kind.
	if _, _, got := upgrade(t, Options{MQTT: true}, goodRequest("/mqtt")); got != plainAnswer+"\r\n" {
		t.Errorf("got %q", got)
	}
	r = goodRequest("/")
	r.Header.Set("Sec-WebSocket-Protocol", "mqtt")
	if _, _, got := upgrade(t, Options{}, r); got != plainAnswer+"\r\n" {
		t.Errorf("got %q", got)
	}
}

// Lists of tokens are read as such, in any case and over several lines.
func TestUpgradeTokenLists(t *testing.T) {
	r := goodRequest("/")
	r.Header["Upgrade"] = []string{"h2c ,\tWebSocket"}
	r.Header["Connection"] = []string{"keep-alive", "x, upgrade"}
	r.Header["Sec-Websocket-Version"] = []string{"8, 13"}
	upgrade(t, Options{}, r)
}

// Compression is agreed if both want it.
//
// Go: TestWSCompressNegotiation server/websocket_test.go:1474
func TestUpgradeCompression(t *testing.T) {
	for _, listener := range []bool{false, true} {
		for _, client := range []bool{false, true} {
			r := goodRequest("/")
			if client {
				r.Header.Set("Sec-WebSocket-Extensions", "permessage-deflate")
			}
			conn, request, answer := upgrade(t, Options{Compression: listener}, r)
			both := listener && client
			if strings.Contains(answer, "permessage-deflate") != both || request.Compress != both || conn.Compressed() != both {
				t.Errorf("listener %v, client %v: %v, %q", listener, client, conn.Compressed(), answer)
			}
		}
	}
}

// The path of MQTT is there only if MQTT is.
//
// Go: TestWSUpgradeMQTTOnlyWhenEnabled server/websocket_test.go:5429
func TestUpgradeKinds(t *testing.T) {
	for _, test := range []struct {
		path       string
		mqtt, leaf bool
		kind       Kind
		refused    string
	}{
		{"/mqtt", false, true, 0, "mqtt websocket endpoint not enabled"},
		{"/mqtt", true, false, MQTT, ""},
		{"/", false, false, Client, ""},
		{"/leafnode", true, false, 0, "Not configured to accept leaf node connections"},
		{"/leafnode", false, true, Leaf, ""},
		{"//leafnode", false, true, Leaf, ""},
		{"/a/b/leafnode", false, true, Leaf, ""},
		{"/prefix/mqtt", true, true, MQTT, ""},
		{"/leafnode/", true, true, Client, ""},
		{"/mqtt/", true, true, Client, ""},
		{"/xmqtt", true, true, Client, ""},
		{"", true, true, Client, ""},
		{"/MQTT", true, true, Client, ""},
	} {
		h, r := newHijackable(), goodRequest(test.path)
		r.URL.RawQuery = "x=/mqtt"
		_, request, err := checker(t, Options{MQTT: test.mqtt, Leaf: test.leaf}).Upgrade(h, r)
		if test.refused != "" {
			if err == nil || err.Error() != test.refused || h.Code != 404 || h.Body.String() != "Not Found\n" {
				t.Errorf("%s: %v, %d", test.path, err, h.Code)
			}
			continue
		}
		if err != nil || request.Kind != test.kind {
			t.Errorf("%s: %+v, %v", test.path, request, err)
		}
	}
}

func TestKindNames(t *testing.T) {
	if got := fmt.Sprint(Client, MQTT, Leaf); got != "client mqtt leafnode" {
		t.Error(got)
	}
}

// The connection follows what the request asked for.
func TestUpgradeConnection(t *testing.T) {
	const safari = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15"
	const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"
	for _, test := range []struct {
		path, agent string
		compress    bool
		want        profile
	}{
		{"/", "", true, profile{deflate: true, frameMax: frameSize}},
		{"/", "Go-http-client/1.1", false, profile{frameMax: frameSize}},
		{"/", chrome, false, profile{frameMax: browserFrameSize, fragments: true}},
		{"/", chrome, true, profile{deflate: true, frameMax: browserFrameSize, fragments: true}},
		{"/", safari, false, profile{frameMax: browserFrameSize, fragments: true}},
		{"/", safari, true, profile{deflate: true, frameMax: browserFrameSize}},
		{"/mqtt", chrome, false, profile{frameMax: browserFrameSize, fragments: true}},
		{"/leafnode", chrome, false, profile{frameMax: frameSize}},
		{"/", "x Mozilla/5.0", false, profile{frameMax: frameSize}},
	} {
		r := goodRequest(test.path)
		r.Header.Set("User-Agent", test.agent)
		if test.compress {
			r.Header.Set("Sec-WebSocket-Extensions", "permessage-deflate")
		}
		conn, _, _ := upgrade(t, Options{Compression: true, MQTT: true, Leaf: true}, r)
		if conn.profile != test.want {
			t.Errorf("%s %s, compression %v: %+v", test.path, test.agent, test.compress, conn.profile)
		}
	}
	for value, rule := range map[string]MaskRule{"true": MaskAsSent, "TRUE": MaskRequired, "": MaskRequired} {
		r := goodRequest("/")
		r.Header.Set("Nats-No-Masking", value)
		conn, request, answer := upgrade(t, Options{}, r)
		agreed := rule == MaskAsSent
		if conn.in.decoder.Masks != rule || request.NoMasking != agreed || strings.Contains(answer, "Nats-No-Masking: true\r\n") != agreed {
			t.Errorf("no masking %q: rule %d, %q", value, conn.in.decoder.Masks, answer)
		}
	}
	conn, _, _ := upgrade(t, Options{ReadLimit: 123}, goodRequest("/"))
	if limit := conn.readLimit.Load(); limit != 123 {
		t.Errorf("read limit %d", limit)
	}
}

func TestExtraHeadersAreChecked(t *testing.T) {
	for name, want := range map[string]string{
		"Host":                 `websocket: invalid header "Host" not allowed`,
		"content-length":       `websocket: invalid header "content-length" not allowed`,
		"CONNECTION":           `websocket: invalid header "CONNECTION" not allowed`,
		"Upgrade":              `websocket: invalid header "Upgrade" not allowed`,
		"Nats-No-Masking":      `websocket: invalid header "Nats-No-Masking" not allowed`,
		"sec-websocket-accept": `websocket: invalid header "sec-websocket-accept", "Sec-WebSocket-" prefix not allowed`,
		"":                     `websocket: invalid header "": not a header name`,
		"a b":                  `websocket: invalid header "a b": not a header name`,
		"a\r\nb":               `websocket: invalid header "a\r\nb": not a header name`,
		"é":                    `websocket: invalid header "é": not a header name`,
	} {
		if _, err := NewChecker(Options{ExtraHeaders: map[string]string{"X-Good": "v", name: "v"}}); err == nil || err.Error() != want {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := NewChecker(Options{ExtraHeaders: map[string]string{"X-Bad": "a\r\nX-Injected: b"}}); err == nil {
		t.Error("a value of two lines")
	}
	checker(t, Options{ExtraHeaders: map[string]string{"X-9.a_b~": "tab\tand é"}})
}

// secureRequest is one that came over TLS.
func secureRequest() *http.Request {
	r := goodRequest("/")
	r.TLS = new(tls.ConnectionState)
	return r
}
