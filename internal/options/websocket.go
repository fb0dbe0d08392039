package options

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/conf"
)

// DefaultWebsocketHandshakeTimeout is how long each step of a handshake may take.
const DefaultWebsocketHandshakeTimeout = 10 * time.Second

// WebsocketOpts are the settings of the listener for WebSocket clients. It is off
// while Port is 0.
type WebsocketOpts struct {
	Host      string
	Port      int    // -1 picks a free port
	Advertise string // host[:port] that clients are told

	// NoAuthUser, or a user or token here, replaces all that is said about users
	// outside, for clients of this listener. AuthTimeout is in seconds, 0 for
	// that of other clients.
	NoAuthUser         string
	Username, Password string
	Token              string
	AuthTimeout        float64

	// Names of cookies that fill in what a CONNECT does not say.
	JWTCookie      string
	UsernameCookie string
	PasswordCookie string
	TokenCookie    string

	NoTLS          bool // plain text is allowed if there is no TLSConfig
	TLSConfig      *tls.Config
	TLSMap         bool
	TLSPinnedCerts PinnedCertSet
	OCSPPeer       *OCSPPeerConfig

	SameOrigin     bool
	AllowedOrigins []string // empty: any
	Compression    bool
	// HandshakeTimeout limits each step from the first byte to the upgrade;
	// negative: no limit.
	HandshakeTimeout time.Duration
	PingInterval     time.Duration     // 0: as for other clients
	Headers          map[string]string // added to the response that upgrades
}

func (w WebsocketOpts) clone() WebsocketOpts {
	w.TLSPinnedCerts = maps.Clone(w.TLSPinnedCerts)
	w.AllowedOrigins = slices.Clone(w.AllowedOrigins)
	w.Headers = maps.Clone(w.Headers)
	w.OCSPPeer = w.OCSPPeer.clone()
	if w.TLSConfig != nil {
		w.TLSConfig = w.TLSConfig.Clone()
	}
	return w
}

// websocketKeys are the keys of the block.
var websocketKeys = map[string]func(d *decoder, w *WebsocketOpts, e *conf.Entry){
	"listen": func(d *decoder, w *WebsocketOpts, e *conf.Entry) {
		if host, port, ok := d.listen(e); ok {
			w.Host, w.Port = host, port
		}
	},
	"port":              func(d *decoder, w *WebsocketOpts, e *conf.Entry) { w.Port = d.port(e) },
	"host":              setWebsocketHost,
	"net":               setWebsocketHost,
	"advertise":         func(d *decoder, w *WebsocketOpts, e *conf.Entry) { w.Advertise = d.string(e) },
	"no_tls":            func(d *decoder, w *WebsocketOpts, e *conf.Entry) { w.NoTLS = d.bool(e) },
	"tls":               setWebsocketTLS,
	"same_origin":       func(d *decoder, w *WebsocketOpts, e *conf.Entry) { w.SameOrigin = d.bool(e) },
	"allowed_origins":   setAllowedOrigins,
	"allowed_origin":    setAllowedOrigins,
	"allow_origins":     setAllowedOrigins,
	"allow_origin":      setAllowedOrigins,
	"origins":           setAllowedOrigins,
	"origin":            setAllowedOrigins,
	"handshake_timeout": setHandshakeTimeout,
	"compression":       setWebsocketCompression,
	"compress":          setWebsocketCompression,
	"authorization":     setWebsocketAuthorization,
	"authentication":    setWebsocketAuthorization,
	"jwt_cookie":        func(d *decoder, w *WebsocketOpts, e *conf.Entry) { w.JWTCookie = d.string(e) },
	"user_cookie":       func(d *decoder, w *WebsocketOpts, e *conf.Entry) { w.UsernameCookie = d.string(e) },
	"pass_cookie":       func(d *decoder, w *WebsocketOpts, e *conf.Entry) { w.PasswordCookie = d.string(e) },
	"token_cookie":      func(d *decoder, w *WebsocketOpts, e *conf.Entry) { w.TokenCookie = d.string(e) },
	"no_auth_user":      func(d *decoder, w *WebsocketOpts, e *conf.Entry) { w.NoAuthUser = d.string(e) },
	"headers":           setWebsocketHeaders,
	"ping_interval":     func(d *decoder, w *WebsocketOpts, e *conf.Entry) { w.PingInterval = d.duration(e) },
}

// setWebsocket reads the `websocket` block.
func setWebsocket(d *decoder, e *conf.Entry) {
	m, ok := e.Value.Data.(*conf.Map)
	if !ok {
		d.fail(e.Pos, "Expected websocket to be a map, got %s", typeName(e.Value.Data))
		return
	}
	for _, item := range m.Entries {
		if set, ok := websocketKeys[strings.ToLower(item.Key)]; ok {
			set(d, &d.o.Websocket, item)
		} else {
			d.unknown(item)
		}
	}
	if w := &d.o.Websocket; w.NoTLS && w.TLSConfig != nil {
		d.warn(e.Pos, "no_tls has no effect beside tls: clients need TLS")
	}
}

func setWebsocketHost(d *decoder, w *WebsocketOpts, e *conf.Entry)        { w.Host = d.string(e) }
func setWebsocketCompression(d *decoder, w *WebsocketOpts, e *conf.Entry) { w.Compression = d.bool(e) }

func setAllowedOrigins(d *decoder, w *WebsocketOpts, e *conf.Entry) {
	w.AllowedOrigins = d.listCalled(e, "allowed origins")
}

func setWebsocketTLS(d *decoder, w *WebsocketOpts, e *conf.Entry) {
	m, ok := e.Value.Data.(*conf.Map)
	if !ok {
		d.mismatch(e, "map[string]interface {}")
		return
	}
	t, config := d.tlsBlock(e, listener)
	if t == nil {
		return
	}
	for _, item := range m.Entries {
		switch strings.ToLower(item.Key) {
		case "timeout", "connection_rate_limit", "handshake_first", "first", "immediate":
			d.warn(item.Pos, "%q has no effect on a websocket listener", item.Key)
		}
	}
	w.TLSConfig, w.TLSMap, w.TLSPinnedCerts, w.OCSPPeer = config, t.Map, t.PinnedCerts, t.OCSPPeerConfig
}

// setHandshakeTimeout takes 0 for "no limit", which in WebsocketOpts is negative.
func setHandshakeTimeout(d *decoder, w *WebsocketOpts, e *conf.Entry) {
	switch v := e.Value.Data.(type) {
	case int64:
		w.HandshakeTimeout = seconds(d, e, float64(v))
	case string:
		timeout, err := time.ParseDuration(v)
		if err != nil {
			d.fail(e.Pos, "%v", err)
			return
		}
		w.HandshakeTimeout = timeout
	default:
		d.fail(e.Pos, "error parsing handshake timeout: unsupported type %s", typeName(v))
		return
	}
	if w.HandshakeTimeout == 0 {
		w.HandshakeTimeout = -1
	}
}

func setWebsocketAuthorization(d *decoder, w *WebsocketOpts, e *conf.Entry) {
	m, ok := e.Value.Data.(*conf.Map)
	if !ok {
		d.mismatch(e, "map[string]interface {}")
		return
	}
	for _, item := range m.Entries {
		switch strings.ToLower(item.Key) {
		case "user", "username":
			w.Username = d.string(item)
		case "pass", "password":
			w.Password = d.string(item)
		case "token":
			w.Token = d.string(item)
		case "timeout":
			w.AuthTimeout = d.timeout(item)
		default:
			d.unknown(item)
		}
	}
}

func setWebsocketHeaders(d *decoder, w *WebsocketOpts, e *conf.Entry) {
	m, ok := e.Value.Data.(*conf.Map)
	if !ok {
		d.fail(e.Pos, "error parsing headers: unsupported type %s", typeName(e.Value.Data))
		return
	}
	w.Headers = make(map[string]string, len(m.Entries))
	for _, item := range m.Entries {
		text, ok := item.Value.Data.(string)
		if !ok {
			d.fail(item.Pos, "error parsing header key %s: unsupported type %s", item.Key, typeName(item.Value.Data))
			continue
		}
		w.Headers[item.Key] = text
	}
}

// validateWebsocket finds settings of the listener that cannot be served. What is
// said about a listener that is off does not matter.
func validateWebsocket(o *Options) error {
	w := &o.Websocket
	if w.Port == 0 {
		return nil
	}
	if w.TLSConfig == nil && !w.NoTLS {
		return errors.New("websocket requires TLS configuration")
	}
	if w.TLSConfig != nil && !hasCertificate(w.TLSConfig) {
		return errors.New("websocket: missing 'cert_file' in TLS configuration")
	}
	for _, text := range w.AllowedOrigins {
		if err := checkOrigin(text); err != nil {
			return err
		}
	}
	if w.NoAuthUser != "" {
		if err := o.checkNoAuth(w.NoAuthUser); err != nil {
			return err
		}
	}
	if err := w.checkCredentials(o); err != nil {
		return err
	}
	for pin := range w.TLSPinnedCerts {
		if !isHexDigest(strings.ToLower(pin)) {
			return fmt.Errorf("websocket: %w", errPin(pin))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.Headers)) {
		if err := checkWebsocketHeader(name, w.Headers[name]); err != nil {
			return err
		}
	}
	switch {
	case w.PingInterval < 0:
		return fmt.Errorf("websocket: ping_interval (%v) cannot be negative", w.PingInterval)
	case w.AuthTimeout < 0:
		return fmt.Errorf("websocket: the timeout of authorization (%v) cannot be negative", w.AuthTimeout)
	}
	return w.checkAdvertise()
}

func (w *WebsocketOpts) checkCredentials(o *Options) error {
	switch users := len(o.Users)+len(o.Nkeys) > 0; {
	case users && w.Username != "":
		return errors.New("websocket authentication username not compatible with presence of users/nkeys")
	case users && w.Token != "":
		return errors.New("websocket authentication token not compatible with presence of users/nkeys")
	case w.Username != "" && w.Token != "":
		return errors.New("websocket authentication cannot have a user/pass and token")
	case w.JWTCookie != "" && len(o.TrustedOperators) == 0 && len(o.TrustedKeys) == 0:
		return fmt.Errorf("trusted operators or trusted keys configuration is required for JWT authentication via cookie %q", w.JWTCookie)
	}
	return nil
}

func checkOrigin(text string) error {
	u, err := url.ParseRequestURI(text)
	switch {
	case err != nil:
		return fmt.Errorf("unable to parse allowed origin: %w", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("unable to parse allowed origin %q: allowed origins must be absolute URLs with http or https scheme", text)
	case u.Hostname() == "":
		return fmt.Errorf("unable to parse allowed origin %q: host is required", text)
	}
	return nil
}

// checkWebsocketHeader refuses what the upgrade itself says and what would not be
// one header.
func checkWebsocketHeader(name, value string) error {
	switch lower := strings.ToLower(name); {
	case slices.Contains([]string{"host", "content-length", "connection", "upgrade", "nats-no-masking"}, lower):
		return fmt.Errorf("websocket: invalid header %q not allowed", name)
	case strings.HasPrefix(lower, "sec-websocket-"):
		return fmt.Errorf(`websocket: invalid header %q, "Sec-WebSocket-" prefix not allowed`, name)
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }):
		return fmt.Errorf("websocket: invalid header %q: not a header name", name)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return fmt.Errorf("websocket: invalid header %q: control character in the value", name)
	}
	return nil
}

func (w *WebsocketOpts) checkAdvertise() error {
	if w.Advertise == "" {
		return nil
	}
	_, _, err := net.SplitHostPort(w.Advertise)
	if missing, ok := errors.AsType[*net.AddrError](err); ok && missing.Err == "missing port in address" {
		return nil
	}
	if err != nil {
		//lint:ignore ST1005 a known text
		return fmt.Errorf("Unable to get websocket connect URLs: %w", err)
	}
	return nil
}
