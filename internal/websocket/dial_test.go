package websocket

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Both halves of the package agree, whatever each of them wants, with and without
// TLS, and carry data both ways.
func TestDialAndUpgrade(t *testing.T) {
	config := serverTLS()
	for _, secure := range []bool{false, true} {
		for _, listener := range []bool{false, true} {
			for _, deflate := range []bool{false, true} {
				for _, bare := range []bool{false, true} {
					var serverConfig *tls.Config
					if secure {
						serverConfig = config
					}
					s := serve(t, Options{Compression: listener}, serverConfig)
					conn := s.dial(t)
					if secure {
						conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
					}
					c, err := Dial(conn, "/any/path?x=1", s.address, DialOptions{Compression: deflate, NoMasking: bare})
					if err != nil {
						t.Fatal(err)
					}
					peer := within(t, s.conns)
					if agreed := listener && deflate; c.Compressed() != agreed || peer.Compressed() != agreed || c.profile.masked == bare {
						t.Errorf("listener %v, client %v, no masking %v: %+v", listener, deflate, bare, c.profile)
					}
					exchange(t, c, peer)
					exchange(t, peer, c)
					if err := c.CloseWith(StatusNormal, "done"); err != nil {
						t.Error(err)
					}
					wantEnd(t, peer, io.EOF)
					peer.Close()
					wantEnd(t, c, io.EOF)
					if code, text, received := c.PeerClose(); code != StatusNormal || text != "done" || !received {
						t.Errorf("the answer to the close frame: %d %q %v", code, text, received)
					}
					c.Close()
				}
			}
		}
	}
}

// exchange sends data of all sizes.
func exchange(t *testing.T, from, to *Conn) {
	t.Helper()
	parts := [][]byte{[]byte("x"), letters(64), letters(65), noise(5000), letters(70_000), noise(200_000)}
	want := bytes.Join(parts, nil)
	var sending sync.WaitGroup
	sending.Go(func() {
		for _, part := range parts {
			if _, err := from.Write(part); err != nil {
				t.Error(err)
			}
		}
	})
	got := make([]byte, len(want))
	if _, err := io.ReadFull(to, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("data differ, %v", err)
	}
	sending.Wait()
}

// dialTo dials to a script. It returns the request and what the script's answer
// was taken for.
func dialTo(t *testing.T, path, host string, options DialOptions, answer func(key string) string) (*Conn, string, error) {
	t.Helper()
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	var request bytes.Buffer
	var peer sync.WaitGroup
	peer.Go(func() {
		r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(b, &request)))
		if err != nil {
			return
		}
		text := answer(r.Header.Get("Sec-WebSocket-Key"))
		io.WriteString(b, text)
		if text == "" {
			b.Close()
		}
	})
	c, err := Dial(a, path, host, options)
	if err == nil {
		b.Close()
	}
	if err != nil {
		a.Close() // ends the peer, if it is not done
	}
	peer.Wait()
	return c, request.String(), err
}

const answerHead = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: "

func TestDialRequest(t *testing.T) {
	var key string
	answer := func(k string) string { key = k; return answerHead + acceptKey(k) + "\r\n\r\n" }
	_, got, err := dialTo(t, "", "host:80", DialOptions{}, answer)
	want := "GET / HTTP/1.1\r\nHost: host:80\r\nUser-Agent: Go-http-client/1.1\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + key +
		"\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n"
	if err != nil || got != want {
		t.Errorf("%v, request %q", err, got)
	}
	if !validKey(key) {
		t.Errorf("key %q", key)
	}
	first := key
	options := DialOptions{Compression: true, NoMasking: true, Header: http.Header{
		"User-Agent": {"test"}, "Sec-Websocket-Protocol": {"mqtt"}, "Authorization": {"Basic xyz"},
	}}
	_, got, err = dialTo(t, "/a/leafnode?x=1", "[::1]:443", options, answer)
	want = "GET /a/leafnode?x=1 HTTP/1.1\r\nHost: [::1]:443\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + key +
		"\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\nNats-No-Masking: true\r\n" +
		"Authorization: Basic xyz\r\nSec-Websocket-Protocol: mqtt\r\nUser-Agent: test\r\n\r\n"
	if err != nil || got != want {
		t.Errorf("%v, request %q", err, got)
	}
	if key == first {
		t.Error("the key was used before")
	}
}

func TestDialBadArguments(t *testing.T) {
	for _, test := range []struct {
		path, host string
		header     http.Header
	}{
		{"leafnode", "h", nil}, {"/a b", "h", nil}, {"/a\r\nX: y", "h", nil}, {"/", "", nil}, {"/", "h\r\nX: y", nil},
		{"/", "h", http.Header{"Host": {"x"}}}, {"/", "h", http.Header{"X": {"a\r\nb"}}}, {"/", "h", http.Header{"Sec-Websocket-Key": {"x"}}},
	} {
		_, request, err := dialTo(t, test.path, test.host, DialOptions{Header: test.header}, func(string) string { return "" })
		if err == nil || request != "" {
			t.Errorf("%+v: %v, %q", test, err, request)
		}
	}
}

func TestDialAnswers(t *testing.T) {
	const both = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
	all := DialOptions{Compression: true, NoMasking: true}
	for _, test := range []struct {
		name    string
		options DialOptions
		answer  string // ACCEPT stands for the right key
		err     error
		want    profile
	}{
		{"plain", all, answerHead + "ACCEPT\r\n\r\n", nil, profile{frameMax: frameSize, masked: true}},
		{"compression", all, answerHead + "ACCEPT\r\n" + both + "\r\n", nil, profile{deflate: true, frameMax: frameSize, masked: true}},
		{"no masking", all, answerHead + "ACCEPT\r\nNats-No-Masking: true\r\n\r\n", nil, profile{frameMax: frameSize}},
		{"no masking, not asked", DialOptions{}, answerHead + "ACCEPT\r\nNats-No-Masking: true\r\n\r\n", nil, profile{frameMax: frameSize, masked: true}},
		{"wrong key", all, answerHead + "xyz\r\n\r\n", ErrNotUpgraded, profile{}},
		{"no upgrade", all, strings.Replace(answerHead, "WebSocket", "h2c", 1) + "ACCEPT\r\n\r\n", ErrNotUpgraded, profile{}},
		{"no connection", all, strings.Replace(answerHead, "upgrade", "close", 1) + "ACCEPT\r\n\r\n", ErrNotUpgraded, profile{}},
		{"refused", all, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", ErrNotUpgraded, profile{}},
		{"compression, not asked", DialOptions{}, answerHead + "ACCEPT\r\n" + both + "\r\n", ErrCompression, profile{}},
		{"context takeover", all, answerHead + "ACCEPT\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n", ErrCompression, profile{}},
		{"smaller window", all, answerHead + "ACCEPT\r\n" + strings.Replace(both, "deflate;", "deflate; client_max_window_bits=9;", 1) + "\r\n", ErrCompression, profile{}},
		{"other extension", all, answerHead + "ACCEPT\r\nSec-WebSocket-Extensions: foo\r\n\r\n", ErrCompression, profile{}},
		{"twice", all, answerHead + "ACCEPT\r\n" + both + both + "\r\n", ErrCompression, profile{}},
		{"end", all, "", io.ErrUnexpectedEOF, profile{}},
		{"endless", all, "HTTP/1.1 101 X\r\nX: " + strings.Repeat("x", 2*answerMax), io.ErrUnexpectedEOF, profile{}},
	} {
		c, _, err := dialTo(t, "/", "h", test.options, func(key string) string {
			return strings.Replace(test.answer, "ACCEPT", acceptKey(key), 1)
		})
		if !errors.Is(err, test.err) || err == nil && c.profile != test.want {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	_, _, err := dialTo(t, "/", "h", all, func(string) string { return "garbage\r\n\r\n" })
	if err == nil {
		t.Error("garbage is an answer")
	}
}

// Frames that come with the answer are kept.
func TestDialKeepsEarlyFrames(t *testing.T) {
	info := AppendFrame(nil, Header{Opcode: Binary, Final: true}, []byte("INFO {}\r\n"))
	c, _, err := dialTo(t, "/", "h", DialOptions{}, func(key string) string {
		return answerHead + acceptKey(key) + "\r\n\r\n" + string(info) + string(info[:5])
	})
	if err != nil {
		t.Fatal(err)
	}
	wantRead(t, c, "INFO {}\r\nINF")
	wantEnd(t, c, io.ErrUnexpectedEOF)
}

func TestDialTimeout(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	go io.Copy(io.Discard, b)
	_, err := Dial(a, "/", "h", DialOptions{Timeout: time.Millisecond})
	if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
		t.Error(err)
	}
}

// What one half writes the other half reads.
func TestHalvesProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := profile{frameMax: rapid.SampledFrom([]int{browserFrameSize, frameSize}).Draw(t, "frames")}
		p.fragments = rapid.Bool().Draw(t, "fragments")
		p.deflate = rapid.Bool().Draw(t, "deflate")
		p.masked = rapid.Bool().Draw(t, "masked")
		writer, f := serverConn(p)
		var want []byte
		for range rapid.IntRange(0, 5).Draw(t, "writes") {
			data := rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 0, 200),
				rapid.Map(rapid.IntRange(0, 150_000), letters), rapid.Map(rapid.IntRange(0, 150_000), noise)).Draw(t, "data")
			writer.Write(data)
			want = append(want, data...)
		}
		writer.CloseWith(StatusNormal, "")
		reader, conn := serverConn(p)
		conn.reads = drawSplit(t, f.output())
		reader.in.decoder.Masks = MaskForbidden
		if p.masked {
			reader.in.decoder.Masks = MaskRequired
		}
		got, err := readAll(reader, rapid.IntRange(1, 70_000).Draw(t, "buffer"))
		if !bytes.Equal(got, want) || err != io.EOF {
			t.Fatalf("%d of %d bytes, %v", len(got), len(want), err)
		}
	})
}

// Whatever a server answers, there is a connection or an error.
func FuzzAnswer(f *testing.F) {
	f.Add("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nframes", true)
	f.Add("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"+
		"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover, \"\r\n\r\n", true)
	f.Add("HTTP/1.0 200\r\n\r\n", false)
	f.Fuzz(func(t *testing.T, answer string, deflate bool) {
		p, _, err := readAnswer(bufio.NewReader(strings.NewReader(answer)), "dGhlIHNhbXBsZSBub25jZQ==", DialOptions{Compression: deflate})
		if err == nil && (p.deflate && !deflate || !p.masked || !strings.Contains(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) {
			t.Errorf("%q is taken for %+v", answer, p)
		}
	})
}
