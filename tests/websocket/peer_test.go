package websocket_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/websocket"
	"github.com/godwit-mq/godwit/tests/kit"
)

// asks is how a peer asks for its connection.
type asks struct {
	header  http.Header
	deflate bool        // offers compression, and uses it
	browser bool        // says that it is a browser
	tls     *tls.Config // nil: as the URL says, any certificate
	plain   bool        // no TLS even if the URL says so
	path    string
}

// peer is a client that sees frames. It checks what it receives only as far as a
// test looks.
type peer struct {
	t        testing.TB
	conn     net.Conn
	in       *bufio.Reader
	response *http.Response
	compress bool
	codec    codec
	text     []byte // of messages, not yet looked at
	info     info
}

// info is what INFO tells and tests look at.
type info struct {
	ID           uint64   `json:"client_id"`
	Host         string   `json:"host"`
	Port         int      `json:"port"`
	Nonce        string   `json:"nonce"`
	AuthRequired bool     `json:"auth_required"`
	TLSRequired  bool     `json:"tls_required"`
	TLSAvailable bool     `json:"tls_available"`
	TLSVerify    bool     `json:"tls_verify"`
	ConnectURLs  []string `json:"connect_urls"`
	LameDuck     bool     `json:"ldm"`
}

// frame is one frame as it was received.
type frame struct {
	opcode     websocket.Opcode
	final      bool
	compressed bool
	payload    []byte
}

// ended is a close frame, as an error of reading.
type ended struct {
	code int
	text string
}

func (e *ended) Error() string { return fmt.Sprintf("closed with %d %q", e.code, e.text) }

// request asks for a connection and returns the peer whatever the answer is.
func (s *site) request(a asks) (*peer, error) {
	s.t.Helper()
	u := s.webURL()
	conn, err := net.DialTimeout("tcp", u.Host, kit.Patience)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(kit.Patience)); err != nil {
		s.t.Fatal(err)
	}
	if a.tls == nil && u.Scheme == "wss" {
		a.tls = insecure()
	}
	if a.tls != nil && !a.plain {
		conn = tls.Client(conn, a.tls)
	}
	p := &peer{t: s.t, conn: conn, in: bufio.NewReaderSize(conn, 64<<10), compress: a.deflate}
	request := a.request(u)
	if err := request.Write(conn); err != nil {
		return p, err
	}
	p.response, err = http.ReadResponse(p.in, request)
	return p, err
}

// request is the upgrade request.
func (a asks) request(u *url.URL) *http.Request {
	r := &http.Request{Method: http.MethodGet, Host: u.Host, URL: &url.URL{Scheme: "http", Host: u.Host, Path: a.path}, Header: http.Header{
		"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}}
	if a.deflate {
		r.Header.Set("Sec-Websocket-Extensions", "permessage-deflate")
	}
	if a.browser {
		r.Header.Set("User-Agent", "Mozilla/5.0")
	}
	for name, values := range a.header {
		r.Header.Del(name)
		for _, value := range values {
			r.Header.Add(name, value)
		}
	}
	return r
}

// dial upgrades a connection and reads INFO.
func (s *site) dial(a asks) *peer {
	s.t.Helper()
	p, err := s.request(a)
	if err != nil {
		s.t.Fatalf("upgrade: %v", err)
	}
	if p.response.StatusCode != http.StatusSwitchingProtocols {
		s.t.Fatalf("the server answers %s", p.response.Status)
	}
	if got := p.response.Header.Get("Sec-Websocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		s.t.Fatalf("the key was answered with %q", got)
	}
	p.readInfo()
	return p
}

// peer dials and connects with the keys of a CONNECT.
func (s *site) peer(a asks, keys ...string) *peer {
	s.t.Helper()
	p := s.dial(a)
	p.connect(keys...)
	p.sync()
	return p
}

func (p *peer) readInfo() {
	p.t.Helper()
	line, err := p.line()
	text, ok := strings.CutPrefix(line, "INFO ")
	p.info = info{}
	if json.Unmarshal([]byte(text), &p.info) != nil || !ok {
		p.t.Fatalf("got %q, %v, want INFO", line, err)
	}
}

func (p *peer) connect(keys ...string) {
	p.t.Helper()
	p.send(`CONNECT {` + strings.Join(append(keys, `"verbose":false,"pedantic":false`), ",") + "}\r\n")
}

// send sends a text as one message.
func (p *peer) send(text string) {
	p.t.Helper()
	h := websocket.Header{Opcode: websocket.Binary, Final: true}
	payload := []byte(text)
	if p.compress {
		h.Compressed, payload = true, p.codec.deflate(payload)
	}
	p.sendFrame(h, payload)
}

// sendFrame sends a masked frame.
func (p *peer) sendFrame(h websocket.Header, payload []byte) {
	p.t.Helper()
	p.write(masked(h, payload))
}

func masked(h websocket.Header, payload []byte) []byte {
	h.Masked, h.Key = true, [4]byte{1, 2, 3, 4}
	return websocket.AppendFrame(nil, h, payload)
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatalf("send: %v", err)
	}
}

// codec compresses and inflates messages as permessage-deflate does.
type codec struct {
	writer *flate.Writer
	reader io.ReadCloser
}

func (c *codec) deflate(data []byte) []byte {
	var b bytes.Buffer
	if c.writer == nil {
		c.writer, _ = flate.NewWriter(&b, flate.BestSpeed) // the level is valid
	} else {
		c.writer.Reset(&b)
	}
	c.writer.Write(data) // a buffer takes everything
	c.writer.Flush()
	return b.Bytes()[:b.Len()-4]
}

func (c *codec) inflate(data []byte) ([]byte, error) {
	tail := []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}
	in := bytes.NewReader(append(bytes.Clone(data), tail...))
	if c.reader == nil {
		c.reader = flate.NewReader(in)
	} else if err := c.reader.(flate.Resetter).Reset(in, nil); err != nil {
		return nil, err
	}
	return io.ReadAll(c.reader)
}

// frame reads the next frame.
func (p *peer) frame() (frame, error) {
	p.conn.SetReadDeadline(time.Now().Add(kit.Patience))
	var head [2]byte
	if _, err := io.ReadFull(p.in, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{opcode: websocket.Opcode(head[0] & 15), final: head[0]&0x80 != 0, compressed: head[0]&0x40 != 0}
	length := uint64(head[1] & 0x7f)
	if extra := map[uint64]int{126: 2, 127: 8}[length]; extra > 0 {
		var wide [8]byte
		if _, err := io.ReadFull(p.in, wide[8-extra:]); err != nil {
			return frame{}, err
		}
		length = binary.BigEndian.Uint64(wide[:])
	}
	if head[1]&0x80 != 0 || length > 64<<20 {
		return frame{}, fmt.Errorf("bad frame header % x with length %d", head, length)
	}
	f.payload = make([]byte, length)
	_, err := io.ReadFull(p.in, f.payload)
	return f, err
}

// message reads the next data message, inflated. Pings and pongs are passed over;
// a close frame is an error of type *ended.
func (p *peer) message() ([]byte, error) {
	var whole []byte
	compressed := false
	for {
		f, err := p.frame()
		switch {
		case err != nil:
			return nil, err
		case f.opcode == websocket.Close:
			end := &ended{code: 1005}
			if len(f.payload) >= 2 {
				end.code, end.text = int(binary.BigEndian.Uint16(f.payload)), string(f.payload[2:])
			}
			return nil, end
		case f.opcode.Control():
			continue
		}
		compressed = compressed || f.compressed
		whole = append(whole, f.payload...)
		if !f.final {
			continue
		}
		if compressed {
			return p.codec.inflate(whole)
		}
		return whole, nil
	}
}

// take reads n bytes of the stream inside.
func (p *peer) take(n int) ([]byte, error) {
	for len(p.text) < n {
		m, err := p.message()
		if err != nil {
			return p.text, err
		}
		p.text = append(p.text, m...)
	}
	taken := p.text[:n]
	p.text = p.text[n:]
	return taken, nil
}

// line reads a line of the stream inside.
func (p *peer) line() (string, error) {
	for {
		if line, rest, ok := bytes.Cut(p.text, []byte("\r\n")); ok {
			p.text = rest
			return string(line), nil
		}
		m, err := p.message()
		if err != nil {
			return string(p.text), err
		}
		p.text = append(p.text, m...)
	}
}

func (p *peer) expect(lines ...string) {
	p.t.Helper()
	for _, want := range lines {
		if got, err := p.line(); got != want || err != nil {
			p.t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
}

// sync makes sure that everything sent before has been processed.
func (p *peer) sync() {
	p.t.Helper()
	p.send("PING\r\n")
	p.expect("PONG")
}

// closed expects the lines given, a close frame, and the end of the connection.
func (p *peer) closed(code int, text string, lines ...string) {
	p.t.Helper()
	p.expect(lines...)
	line, err := p.line()
	var end *ended
	if !errors.As(err, &end) || end.code != code || end.text != text {
		p.t.Fatalf("got %q, %v, want the end with %d %q", line, err, code, text)
	}
	if f, err := p.frame(); err == nil {
		p.t.Fatalf("got %+v after the close frame", f)
	} else if e, ok := err.(net.Error); ok && e.Timeout() {
		p.t.Fatal("the connection stays open after the close frame")
	}
	p.conn.Close() // the server waits a little for it
}
