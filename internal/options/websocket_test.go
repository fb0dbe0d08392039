package options

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Go: TestWSParseOptions server/websocket_test.go:1573
func TestWebsocketKeys(t *testing.T) {
	certFile, keyFile := pair(t)
	for body, want := range map[string]WebsocketOpts{
		"":                                     {},
		"listen: 1234":                         {Port: 1234},
		`listen: "localhost:1234"`:             {Host: "localhost", Port: 1234},
		`host: "localhost"`:                    {Host: "localhost"},
		`net: "localhost"`:                     {Host: "localhost"},
		"port: -1":                             {Port: -1},
		`advertise: "host:1234"`:               {Advertise: "host:1234"},
		"no_tls: true":                         {NoTLS: true},
		"same_origin: true":                    {SameOrigin: true},
		`allowed_origins: "https://host.com/"`: {AllowedOrigins: []string{"https://host.com/"}},
		"allowed_origins: [\n\"https://host1.com/\"\n\"https://host2.com/\"\n]": {
			AllowedOrigins: []string{"https://host1.com/", "https://host2.com/"}},
		"allowed_origin: a":       {AllowedOrigins: []string{"a"}},
		"allow_origins: a":        {AllowedOrigins: []string{"a"}},
		"allow_origin: a":         {AllowedOrigins: []string{"a"}},
		"origins: a":              {AllowedOrigins: []string{"a"}},
		"origin: a":               {AllowedOrigins: []string{"a"}},
		"handshake_timeout: 3":    {HandshakeTimeout: 3 * time.Second},
		`handshake_timeout: "4s"`: {HandshakeTimeout: 4 * time.Second},
		"handshake_timeout: 0":    {HandshakeTimeout: -1},
		"compression: true":       {Compression: true},
		"compress: true":          {Compression: true},
		`jwt_cookie: "j"`:         {JWTCookie: "j"},
		"user_cookie: u\npass_cookie: p\ntoken_cookie: t": {UsernameCookie: "u", PasswordCookie: "p", TokenCookie: "t"},
		`no_auth_user: "noauthuser"`:                      {NoAuthUser: "noauthuser"},
		"authorization { user: webuser, password: pwd, token: token, timeout: 2.0 }": {
			Username: "webuser", Password: "pwd", Token: "token", AuthTimeout: 2},
		"authentication { username: u, pass: p }": {Username: "u", Password: "p"},
		"authorization { timeout: 2 }":            {AuthTimeout: 2},
		"authorization { timeout: 1500ms }":       {AuthTimeout: 1.5},
		`headers { "X-Header": "some-value", "X-Another-Header": "another-value" }`: {
			Headers: map[string]string{"X-Header": "some-value", "X-Another-Header": "another-value"}},
		"own = 99\nport: $own": {Port: 99},
	} {
		body = strings.ReplaceAll(body, "1500ms", "'1500ms'")
		for _, key := range []string{"websocket", "ws"} {
			o := read(t, key+" {\n"+body+"\n}")
			if diff := cmp.Diff(want, o.Websocket); diff != "" {
				t.Errorf("%s: %s", body, diff)
			}
			if len(o.ConfigWarnings) > 0 {
				t.Errorf("%s: %v", body, o.ConfigWarnings)
			}
		}
	}
	pin := strings.Repeat("AB", 32)
	o := read(t, "websocket { tls { cert_file: '"+certFile+"', key_file: '"+keyFile+"', verify_and_map: true, ca_file: '"+certFile+
		"', pinned_certs: ['"+pin+"'], ocsp_peer: true } }")
	w := o.Websocket
	if w.TLSConfig == nil || !w.TLSMap || w.TLSConfig.ClientAuth != tls.RequireAndVerifyClientCert || len(w.TLSPinnedCerts) != 1 ||
		w.OCSPPeer == nil || !w.OCSPPeer.Verify {
		t.Errorf("%+v", w)
	}
	o = read(t, "\n websocket { no_tls: true, tls { cert_file: '"+certFile+"', key_file: '"+keyFile+"' } }")
	if len(o.ConfigWarnings) != 1 || !strings.Contains(o.ConfigWarnings[0].Error(), ":2:2: no_tls has no effect beside tls") {
		t.Errorf("%v", o.ConfigWarnings)
	}
	o = read(t, "websocket { tls { cert_file: '"+certFile+"', key_file: '"+keyFile+"'\n timeout: 3\n connection_rate_limit: 2\n first: true } }")
	if len(o.ConfigWarnings) != 3 || !strings.Contains(o.ConfigWarnings[0].Error(), `:2:2: "timeout" has no effect on a websocket listener`) {
		t.Errorf("%v", o.ConfigWarnings)
	}
}

// Go: TestWebsocketPingIntervalConfig server/opts_test.go:4229
func TestWebsocketPingInterval(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`ping_interval: "30s"`: 30 * time.Second, "ping_interval: 45": 45 * time.Second, `ping_interval: "2m"`: 2 * time.Minute, "": 0,
	} {
		o := read(t, "websocket {\n port: 8080\n"+text+"\n}")
		if o.Websocket.PingInterval != want {
			t.Errorf("%s: %v", text, o.Websocket.PingInterval)
		}
		deprecated := len(o.ConfigWarnings) == 1 &&
			strings.HasSuffix(o.ConfigWarnings[0].Error(), `:3:1: invalid use of field "ping_interval": ping_interval should be converted to a duration`)
		if deprecated != (want == 45*time.Second) {
			t.Errorf("%s: warnings %v", text, o.ConfigWarnings)
		}
	}
}

func TestBadWebsocketKeys(t *testing.T) {
	certFile, keyFile := pair(t)
	for body, want := range map[string]string{
		"listen: []":                            ":2:1: expected port or host:port, got []interface {}",
		"listen: abc":                           `:2:1: could not parse address string "abc"`,
		"listen: 'a:b'":                         `:2:1: could not parse port "b"`,
		`port: "abc"`:                           ":2:1: interface conversion: interface {} is string, not int64",
		"port: 70000":                           ":2:1: port 70000 is not a port",
		"host: 123":                             ":2:1: interface conversion: interface {} is int64, not string",
		"advertise: 123":                        ":2:1: interface conversion: interface {} is int64, not string",
		"tls: 123":                              ":2:1: interface conversion: interface {} is int64, not map[string]interface {}",
		"authorization: 12":                     ":2:1: interface conversion: interface {} is int64, not map[string]interface {}",
		`same_origin: "abc"`:                    ":2:1: interface conversion: interface {} is string, not bool",
		"no_tls: 1":                             ":2:1: interface conversion: interface {} is int64, not bool",
		"compression: 1":                        ":2:1: interface conversion: interface {} is int64, not bool",
		"jwt_cookie: 1":                         ":2:1: interface conversion: interface {} is int64, not string",
		"allowed_origins: {}":                   ":2:1: error parsing allowed origins: unsupported type map[string]interface {}",
		"allowed_origins: [{}]":                 "error parsing allowed origins: unsupported type in array map[string]interface {}",
		"handshake_timeout: []":                 ":2:1: error parsing handshake timeout: unsupported type []interface {}",
		`handshake_timeout: "abc"`:              `:2:1: time: invalid duration "abc"`,
		"headers: 123":                          ":2:1: error parsing headers: unsupported type int64",
		"headers: []":                           ":2:1: error parsing headers: unsupported type []interface {}",
		"headers: {\n key: 123 }":               ":3:2: error parsing header key key: unsupported type int64",
		"ping_interval: abc":                    `:2:1: error parsing ping_interval: time: invalid duration "abc"`,
		"this_does_not_exist: 123":              `:2:1: unknown field "this_does_not_exist"`,
		"authorization {\n unknown: field }":    `:3:2: unknown field "unknown"`,
		"authorization {\n users: [] }":         `:3:2: unknown field "users"`,
		"authorization {\n timeout: [] }":       ":3:2: error parsing timeout: unsupported type []interface {}",
		"tls { cert_file: '" + certFile + "' }": ":2:1: missing 'key_file' in TLS configuration",
		"tls { cert_file: '" + certFile + "', key_file: '" + keyFile + "'\n verify_cert_and_check_known_urls: true }": ":3:2: verify_cert_and_check_known_urls not supported in this context",
		"tls { pinned_certs: [abc] }": "error parsing tls config, 'pinned_certs' key abc does not look like hex-encoded sha256 of DER encoded SubjectPublicKeyInfo",
	} {
		refuse(t, "websocket {\n"+body+"\n}", want)
	}
	refuse(t, "\n websocket: []", ":2:2: Expected websocket to be a map, got []interface {}")
	refuse(t, "\n ws: 1", ":2:2: Expected websocket to be a map, got int64")
}

// listening are the options of a server with a listener for WebSocket clients.
func listening(t *testing.T) *Options {
	t.Helper()
	certFile, keyFile := pair(t)
	config, err := GenTLSConfig(&TLSOptions{CertFile: certFile, KeyFile: keyFile})
	if err != nil {
		t.Fatal(err)
	}
	return &Options{Websocket: WebsocketOpts{Port: -1, TLSConfig: config}}
}

// Go: TestWSValidateOptions server/websocket_test.go:1785
func TestWebsocketChecks(t *testing.T) {
	plain := listening(t)
	for _, c := range []struct {
		name, want string
		change     func(o *Options)
	}{
		{"good", "", func(*Options) {}},
		{"off", "", func(o *Options) { o.Websocket = WebsocketOpts{AllowedOrigins: []string{"foo"}} }},
		{"port 0", "", func(o *Options) { o.Websocket.Port = 0; o.Websocket.TLSConfig = nil }},
		{"no TLS", "websocket requires TLS configuration", func(o *Options) { o.Websocket.TLSConfig = nil }},
		{"plain text on request", "", func(o *Options) { o.Websocket.TLSConfig, o.Websocket.NoTLS = nil, true }},
		{"empty tls block", "missing 'cert_file' in TLS configuration", func(o *Options) { o.Websocket.TLSConfig = &tls.Config{} }},
		{"origin with bad port", `unable to parse allowed origin: parse "http://this:is:bad:url": invalid port ":is:bad:url" after host`,
			func(o *Options) { o.Websocket.AllowedOrigins = []string{"http://h", "http://this:is:bad:url"} }},
		{"relative origin", `unable to parse allowed origin: parse "foo": invalid URI for request`,
			func(o *Options) { o.Websocket.AllowedOrigins = []string{"foo"} }},
		{"origin with other scheme", `unable to parse allowed origin "ftp://host.com": allowed origins must be absolute URLs with http or https scheme`,
			func(o *Options) { o.Websocket.AllowedOrigins = []string{"ftp://host.com"} }},
		{"origin without host", `unable to parse allowed origin "http:///x": host is required`,
			func(o *Options) { o.Websocket.AllowedOrigins = []string{"http:///x"} }},
		{"JWT cookie without operators", `trusted operators or trusted keys configuration is required for JWT authentication via cookie "jwt"`,
			func(o *Options) { o.Websocket.JWTCookie = "jwt" }},
		{"JWT cookie with keys", "", func(o *Options) { o.Websocket.JWTCookie, o.TrustedKeys = "jwt", []string{operatorKey} }},
		{"user beside users", "websocket authentication username not compatible with presence of users/nkeys", func(o *Options) {
			o.Nkeys = []*NkeyUser{{Nkey: userKey1}}
			o.Websocket.Username, o.Websocket.Password = "b", "pwd"
		}},
		{"token beside users", "websocket authentication token not compatible with presence of users/nkeys", func(o *Options) {
			o.Nkeys = []*NkeyUser{{Nkey: userKey1}}
			o.Websocket.Token = "mytoken"
		}},
		{"user and token", "websocket authentication cannot have a user/pass and token",
			func(o *Options) { o.Websocket.Username, o.Websocket.Token = "a", "b" }},
		{"pin", "websocket: error parsing 'pinned_certs' key \"x\"", func(o *Options) { o.Websocket.TLSPinnedCerts = PinnedCertSet{"x": {}} }},
		{"header of the handshake", `websocket: invalid header "Sec-WebSocket-Key", "Sec-WebSocket-" prefix not allowed`,
			func(o *Options) { o.Websocket.Headers = map[string]string{"Sec-WebSocket-Key": "123"} }},
		{"header Host", `websocket: invalid header "Host" not allowed`, func(o *Options) { o.Websocket.Headers = map[string]string{"Host": "h"} }},
		{"header Content-Length", `websocket: invalid header "Content-Length" not allowed`,
			func(o *Options) { o.Websocket.Headers = map[string]string{"Content-Length": "0"} }},
		{"header Connection", `websocket: invalid header "Connection" not allowed`,
			func(o *Options) { o.Websocket.Headers = map[string]string{"Connection": "Upgrade"} }},
		{"header Upgrade", `websocket: invalid header "Upgrade" not allowed`,
			func(o *Options) { o.Websocket.Headers = map[string]string{"Upgrade": "websocket"} }},
		{"header Nats-No-Masking", `websocket: invalid header "Nats-No-Masking" not allowed`,
			func(o *Options) { o.Websocket.Headers = map[string]string{"Nats-No-Masking": "false"} }},
		{"header with a blank", `websocket: invalid header "a b": not a header name`,
			func(o *Options) { o.Websocket.Headers = map[string]string{"a b": ""} }},
		{"header of two lines", `websocket: invalid header "X": control character in the value`,
			func(o *Options) { o.Websocket.Headers = map[string]string{"X": "a\r\nY: b"} }},
		{"ping interval", "websocket: ping_interval (-1ns) cannot be negative", func(o *Options) { o.Websocket.PingInterval = -1 }},
		{"timeout", "websocket: the timeout of authorization (-1) cannot be negative", func(o *Options) { o.Websocket.AuthTimeout = -1 }},
		{"advertise", "", func(o *Options) { o.Websocket.Advertise = "host" }},
		{"bad advertise", "Unable to get websocket connect URLs: address xxx:host:yyy: too many colons in address",
			func(o *Options) { o.Websocket.Advertise = "xxx:host:yyy" }},
		{"peer check without verify", "OCSP peer verification for client connections requires TLS verify (mTLS) to be enabled",
			func(o *Options) { o.Websocket.OCSPPeer = &OCSPPeerConfig{Verify: true} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := plain.Clone()
			c.change(o)
			o.SetDefaults()
			switch err := o.Validate(); {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// Go: TestWSNoAuthUserValidation server/websocket_test.go:4038
func TestWebsocketNoAuthUser(t *testing.T) {
	o := listening(t)
	o.Users = []*User{{Username: "user", Password: "pwd"}}
	o.SetDefaults()
	for _, other := range []string{"", "user"} { // of all clients: no excuse
		o.NoAuthUser = other
		o.Websocket.NoAuthUser = "notfound"
		want := `no_auth_user: "notfound" not present as user or nkey in authorization block or account configuration`
		if err := o.Clone().Validate(); err == nil || err.Error() != want {
			t.Errorf("%v", err)
		}
		o.Websocket.NoAuthUser = "user"
		if err := o.Clone().Validate(); err != nil {
			t.Error(err)
		}
	}
	o.Users, o.NoAuthUser = nil, ""
	if err := o.Validate(); err == nil || err.Error() != `no_auth_user: "user" present, but users/nkeys are not defined` {
		t.Errorf("%v", err)
	}
}

func TestWebsocketDefaultsAndCopies(t *testing.T) {
	o := &Options{}
	o.SetDefaults()
	if diff := cmp.Diff(WebsocketOpts{}, o.Websocket); diff != "" {
		t.Error(diff)
	}
	o = listening(t)
	o.SetDefaults()
	if w := o.Websocket; w.Host != DefaultHost || w.HandshakeTimeout != DefaultWebsocketHandshakeTimeout {
		t.Errorf("%+v", w)
	}
	o.Websocket.HandshakeTimeout = -1
	if o.SetDefaults(); o.Websocket.HandshakeTimeout != -1 {
		t.Error("no limit became one")
	}
	o.Websocket.Headers, o.Websocket.AllowedOrigins = map[string]string{"a": "b"}, []string{"http://h"}
	o.Websocket.OCSPPeer = NewOCSPPeerConfig()
	c := o.Clone()
	if diff := cmp.Diff(o.Websocket, c.Websocket, cmpopts.IgnoreFields(WebsocketOpts{}, "TLSConfig")); diff != "" {
		t.Error(diff)
	}
	c.Websocket.Headers["a"], c.Websocket.AllowedOrigins[0], c.Websocket.OCSPPeer.Timeout = "x", "x", 9
	if o.Websocket.Headers["a"] != "b" || o.Websocket.AllowedOrigins[0] != "http://h" || o.Websocket.OCSPPeer.Timeout == 9 ||
		o.Websocket.TLSConfig == c.Websocket.TLSConfig {
		t.Error("the copy is not its own")
	}
}
