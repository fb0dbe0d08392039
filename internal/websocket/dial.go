package websocket

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Errors of Dial for answers that are no agreement.
var (
	ErrNotUpgraded = errors.New("invalid websocket connection")
	ErrCompression = errors.New("compression negotiation error")
)

// answerMax is the largest head of an answer in bytes.
const answerMax = 64 << 10

// DialOptions say what a client asks for.
type DialOptions struct {
	// Compression offers permessage-deflate. The server may decline.
	Compression bool
	// NoMasking asks for leave to send frames without a mask. The server may
	// refuse it.
	NoMasking bool
	// Header is added to the request. Those of the handshake itself cannot be set.
	Header http.Header
	// ReadLimit is the first SetReadLimit of the connection, in bytes.
	ReadLimit int64
	// Timeout limits the handshake. Zero means DefaultHandshakeTimeout, a negative
	// one none.
	Timeout time.Duration
}

// Dial makes the client's side of the handshake on a connection, TLS included if
// there is any, and returns it ready for use, without deadlines. The path may
// have a query; an empty one is "/". The host is that of the URL, with its port.
// If it fails the connection is still the caller's to be closed.
func Dial(conn net.Conn, path, host string, options DialOptions) (*Conn, error) {
	timeout := options.Timeout
	if timeout == 0 {
		timeout = DefaultHandshakeTimeout
	}
	if timeout > 0 {
		if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
			return nil, err
		}
	}
	nonce := make([]byte, 16)
	rand.Read(nonce) // never fails
	key := base64.StdEncoding.EncodeToString(nonce)
	request, err := appendRequest(path, host, key, options)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	in := bufio.NewReader(&io.LimitedReader{R: conn, N: answerMax})
	p, masks, err := readAnswer(in, key, options)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	c := newConn(conn, p, masks)
	c.SetReadLimit(options.ReadLimit)
	if early, _ := in.Peek(in.Buffered()); len(early) > 0 {
		c.in.stash = newStash(early) // frames that came with the answer
	}
	return c, nil
}

// appendRequest makes the upgrade request.
func appendRequest(path, host, key string, options DialOptions) ([]byte, error) {
	if path == "" {
		path = "/"
	}
	if path[0] != '/' || !printable(path) {
		return nil, fmt.Errorf("websocket: invalid path %q", path)
	}
	if host == "" || !printable(host) {
		return nil, fmt.Errorf("websocket: invalid host %q", host)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n", path, host)
	if options.Header.Get("User-Agent") == "" {
		b.WriteString("User-Agent: Go-http-client/1.1\r\n")
	}
	fmt.Fprintf(&b, "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n", key)
	if options.Compression {
		b.WriteString("Sec-WebSocket-Extensions: " + deflateAgreed + "\r\n")
	}
	if options.NoMasking {
		b.WriteString("Nats-No-Masking: true\r\n")
	}
	for name, values := range options.Header {
		for _, value := range values {
			if err := checkHeader(name, value); err != nil && !strings.EqualFold(name, "Sec-WebSocket-Protocol") {
				return nil, err
			}
		}
	}
	if err := options.Header.Write(&b); err != nil {
		return nil, err
	}
	b.WriteString("\r\n")
	return b.Bytes(), nil
}

// printable reports whether text can stand in the first lines of a request.
func printable(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] == 0x7f {
			return false
		}
	}
	return true
}

// readAnswer reads the response and finds out what was agreed.
func readAnswer(in *bufio.Reader, key string, options DialOptions) (profile, MaskRule, error) {
	response, err := http.ReadResponse(in, &http.Request{Method: http.MethodGet})
	if err != nil {
		return profile{}, 0, fmt.Errorf("read websocket handshake: %w", err)
	}
	header := response.Header
	switch {
	case response.StatusCode != http.StatusSwitchingProtocols:
		return profile{}, 0, fmt.Errorf("%w: server answered %s", ErrNotUpgraded, response.Status)
	case !strings.EqualFold(header.Get("Upgrade"), "websocket"),
		!strings.EqualFold(header.Get("Connection"), "Upgrade"),
		header.Get("Sec-WebSocket-Accept") != acceptKey(key):
		return profile{}, 0, ErrNotUpgraded
	}
	agreed, ok := deflateAnswer(header["Sec-Websocket-Extensions"])
	if !ok || agreed && !options.Compression {
		return profile{}, 0, ErrCompression
	}
	p := profile{deflate: agreed, frameMax: frameSize, masked: true}
	if options.NoMasking && header.Get("Nats-No-Masking") == "true" {
		p.masked = false
	}
	return p, MaskForbidden, nil
}
