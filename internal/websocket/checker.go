package websocket

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// DefaultHandshakeTimeout is the limit of Options that do not give one.
const DefaultHandshakeTimeout = 10 * time.Second

// Options say which upgrade requests are accepted, and how.
type Options struct {
	// SameOrigin admits only pages that come from this very listener.
	SameOrigin bool
	// AllowedOrigins admits only pages from these: absolute URLs with http or
	// https. Empty means any. Requests without an origin are always admitted.
	AllowedOrigins []string
	// TLS is whether connections are encrypted. It decides scheme and default
	// port of the own origin where net/http cannot see it.
	TLS bool

	// Compression accepts permessage-deflate.
	Compression bool
	// ReadLimit is the first SetReadLimit of each connection, in bytes.
	ReadLimit int64

	// HandshakeTimeout limits each step of the handshake. Zero means
	// DefaultHandshakeTimeout, a negative one none.
	HandshakeTimeout time.Duration

	// MQTT and Leaf tell which kinds there are besides clients. The paths of the
	// others do not exist.
	MQTT, Leaf bool

	// Cookies tell which cookies hold credentials.
	Cookies Cookies
	// ExtraHeaders are added to the answer that switches protocols.
	ExtraHeaders map[string]string
}

// Cookies are names of cookies. An empty one is not looked for.
type Cookies struct{ JWT, Username, Password, Token string }

// Checker checks upgrade requests and accepts them. It does not change and may be
// used from any goroutine.
type Checker struct {
	options Options
	allowed map[origin]bool
	extra   []byte // header lines
}

// NewChecker reads the allowed origins and the extra headers; it fails if one of
// them is not valid.
func NewChecker(options Options) (*Checker, error) {
	c := &Checker{options: options, allowed: make(map[origin]bool)}
	for _, text := range options.AllowedOrigins {
		allowed, err := parseAllowed(text)
		if err != nil {
			return nil, err
		}
		c.allowed[allowed] = true
	}
	names := make([]string, 0, len(options.ExtraHeaders))
	for name := range options.ExtraHeaders {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := options.ExtraHeaders[name]
		if err := checkHeader(name, value); err != nil {
			return nil, err
		}
		c.extra = fmt.Appendf(c.extra, "%s: %s\r\n", name, value)
	}
	return c, nil
}

// checkHeader refuses what the handshake sets itself and what is no header.
func checkHeader(name, value string) error {
	switch lower := strings.ToLower(name); {
	case lower == "host", lower == "content-length", lower == "connection", lower == "upgrade", lower == "nats-no-masking":
		return fmt.Errorf("websocket: invalid header %q not allowed", name)
	case strings.HasPrefix(lower, "sec-websocket-"):
		return fmt.Errorf("websocket: invalid header %q, \"Sec-WebSocket-\" prefix not allowed", name)
	}
	if !validName(name) {
		return fmt.Errorf("websocket: invalid header %q: not a header name", name)
	}
	for i := range len(value) {
		if b := value[i]; b < ' ' && b != '\t' || b == 0x7f {
			return fmt.Errorf("websocket: invalid header %q: control character in the value", name)
		}
	}
	return nil
}

func validName(name string) bool {
	for i := range len(name) {
		b := name[i]
		letter := 'a' <= b|0x20 && b|0x20 <= 'z'
		digit := '0' <= b && b <= '9'
		if !letter && !digit && strings.IndexByte("!#$%&'*+-.^_`|~", b) < 0 {
			return false
		}
	}
	return name != ""
}

func (c *Checker) secure(r *http.Request) bool { return c.options.TLS || r.TLS != nil }

// timeout is that of a handshake, or 0 for none.
func (c *Checker) timeout() time.Duration {
	if c.options.HandshakeTimeout == 0 {
		return DefaultHandshakeTimeout
	}
	return max(c.options.HandshakeTimeout, 0)
}

// refusal is an error with the status of the answer.
type refusal struct {
	status int
	reason string
}

func (r *refusal) Error() string { return r.reason }

// Upgrade turns an HTTP request into a connection. If it fails the request was
// answered, or its connection closed, and the error is the reason for the log.
// Otherwise the connection is the caller's, without deadlines.
func (c *Checker) Upgrade(w http.ResponseWriter, r *http.Request) (*Conn, *Request, error) {
	kind := kindOf(r.URL.EscapedPath())
	if err := c.check(r, kind); err != nil {
		refuse(w, err)
		return nil, nil, err
	}
	request := c.describe(r, kind)
	conn, err := c.takeOver(w, c.answer(r, request))
	if err != nil {
		return nil, nil, err
	}
	connection := newConn(conn, request.profile(), request.masks())
	connection.SetReadLimit(c.options.ReadLimit)
	return connection, request, nil
}

// check makes all checks that need the request only, in order.
func (c *Checker) check(r *http.Request, kind Kind) *refusal {
	bad := func(reason string) *refusal { return &refusal{http.StatusBadRequest, reason} }
	key := r.Header.Get("Sec-WebSocket-Key")
	switch {
	case kind == MQTT && !c.options.MQTT:
		return &refusal{http.StatusNotFound, "mqtt websocket endpoint not enabled"}
	case kind == Leaf && !c.options.Leaf:
		return &refusal{http.StatusNotFound, "Not configured to accept leaf node connections"}
	case r.Method != http.MethodGet:
		return &refusal{http.StatusMethodNotAllowed, "request method must be GET"}
	case r.Host == "":
		return bad("'Host' missing in request")
	case !hasToken(r.Header["Upgrade"], "websocket"):
		return bad("invalid value for header 'Upgrade'")
	case !hasToken(r.Header["Connection"], "Upgrade"):
		return bad("invalid value for header 'Connection'")
	case key == "":
		return bad("key missing")
	case !validKey(key):
		return bad("invalid websocket key")
	case !hasToken(r.Header["Sec-Websocket-Version"], "13"):
		return bad("invalid version")
	}
	if err := c.checkOrigin(r); err != nil {
		return &refusal{http.StatusForbidden, "origin not allowed: " + err.Error()}
	}
	return nil
}

// validKey reports whether a key is 16 bytes in base64.
func validKey(key string) bool {
	if len(key) != 24 {
		return false
	}
	var decoded [18]byte
	n, err := base64.StdEncoding.Decode(decoded[:], []byte(key))
	return err == nil && n == 16
}

// acceptKey is the answer to a key (RFC 6455 §4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func refuse(w http.ResponseWriter, err *refusal) {
	w.Header().Set("Sec-Websocket-Version", "13")
	http.Error(w, http.StatusText(err.status), err.status)
}

// answer is the response that switches protocols.
func (c *Checker) answer(r *http.Request, request *Request) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
	fmt.Fprintf(&b, "Sec-WebSocket-Accept: %s\r\n", acceptKey(r.Header.Get("Sec-WebSocket-Key")))
	if request.Compress {
		b.WriteString("Sec-WebSocket-Extensions: " + deflateAgreed + "\r\n")
	}
	if request.NoMasking {
		b.WriteString("Nats-No-Masking: true\r\n")
	}
	// A browser gives up if it gets a protocol that it did not offer.
	if request.Kind == MQTT && hasToken(r.Header["Sec-Websocket-Protocol"], "mqtt") {
		b.WriteString("Sec-WebSocket-Protocol: mqtt\r\n")
	}
	b.Write(c.extra)
	b.WriteString("\r\n")
	return b.Bytes()
}

// takeOver takes the connection from the HTTP server and sends the answer.
func (c *Checker) takeOver(w http.ResponseWriter, answer []byte) (net.Conn, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		refused := &refusal{http.StatusInternalServerError, err.Error()}
		if errors.Is(err, http.ErrNotSupported) {
			refused = &refusal{http.StatusBadRequest, "websocket upgrade not supported"}
		}
		refuse(w, refused)
		return nil, refused
	}
	var deadline time.Time
	if timeout := c.timeout(); timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		conn.Close()
		return nil, err
	}
	if buffered.Reader.Buffered() > 0 {
		conn.Write([]byte(tooEarly)) // a courtesy; the connection ends anyway
		conn.Close()
		return nil, &refusal{http.StatusBadRequest, "client sent data before handshake is complete"}
	}
	if _, err = conn.Write(answer); err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

const tooEarly = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"Sec-Websocket-Version: 13\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\nBad Request\n"

func (r *Request) profile() profile {
	p := profile{deflate: r.Compress, frameMax: frameSize}
	if r.Browser {
		p.frameMax = browserFrameSize
		p.fragments = !r.Safari
	}
	return p
}

func (r *Request) masks() MaskRule {
	if r.NoMasking {
		return MaskAsSent
	}
	return MaskRequired
}
