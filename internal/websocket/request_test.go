package websocket

import (
	"bufio"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// An X-Forwarded-For without a value is none.
//
// Go: TestWSUpgradeWithEmptyXForwardedForSliceDoesNotPanic server/websocket_test.go:1459
func TestForwardedForWithoutValue(t *testing.T) {
	r := goodRequest("/")
	r.Header["X-Forwarded-For"] = []string{}
	if _, request, _ := upgrade(t, Options{}, r); request.ClientIP != "" {
		t.Errorf("got %q", request.ClientIP)
	}
}

func TestForwardedFor(t *testing.T) {
	for _, test := range []struct {
		lines []string
		want  string
	}{
		{nil, ""}, {[]string{""}, ""}, {[]string{"not a valid IP"}, ""},
		{[]string{"1.2.3.4"}, "1.2.3.4"}, {[]string{"1.2.3.4", "5.6.7.8"}, "1.2.3.4"},
		{[]string{" 1.2.3.4 , 5.6.7.8"}, "1.2.3.4"}, {[]string{"x, 1.2.3.4"}, ""},
		{[]string{"bad", "1.2.3.4"}, ""}, {[]string{"1.2.3.4:5555"}, ""},
		{[]string{"::1"}, "[::1]"}, {[]string{"fe80::1%eth0"}, ""}, {[]string{"::ffff:1.2.3.4"}, "1.2.3.4"},
		{[]string{"[::1]"}, ""},
	} {
		r := goodRequest("/")
		r.Header["X-Forwarded-For"] = test.lines
		if _, request, _ := upgrade(t, Options{}, r); request.ClientIP != test.want {
			t.Errorf("%q: got %q", test.lines, request.ClientIP)
		}
	}
}

func TestCookies(t *testing.T) {
	names := Cookies{JWT: "j", Username: "u", Password: "p", Token: "t"}
	type credentials struct{ jwt, user, pass, token string }
	for _, test := range []struct {
		name  string
		path  string
		names Cookies
		lines []string
		want  credentials
	}{
		{"none", "/", names, nil, credentials{}},
		{"all", "/", names, []string{"j=1; u=2; p=3; t=4; x=5"}, credentials{"1", "2", "3", "4"}},
		{"several lines", "/", names, []string{"j=1; u=2", "p=3"}, credentials{"1", "2", "3", ""}},
		{"the last one wins", "/", names, []string{"u=1; u=2", "u=3"}, credentials{user: "3"}},
		{"quotes go, no decoding", "/", names, []string{`u="a b,c"; p=%41`}, credentials{user: "a b,c", pass: "%41"}},
		{"names have a case", "/", names, []string{"U=1"}, credentials{}},
		{"one name for two", "/", Cookies{Username: "x", Token: "x"}, []string{"x=1"}, credentials{user: "1"}},
		{"unused", "/", Cookies{Token: "t"}, []string{"j=1; u=2; t=4; =5"}, credentials{token: "4"}},
		{"mqtt", "/mqtt", names, []string{"u=2"}, credentials{user: "2"}},
		{"leaf", "/leafnode", names, []string{"u=2"}, credentials{}},
	} {
		r := goodRequest(test.path)
		r.Header["Cookie"] = test.lines
		_, request, _ := upgrade(t, Options{Cookies: test.names, MQTT: true, Leaf: true}, r)
		if got := (credentials{request.JWT, request.Username, request.Password, request.Token}); got != test.want {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

func TestOffersDeflate(t *testing.T) {
	for text, want := range map[string]bool{
		"":                   false,
		"permessage-deflate": true,
		"PerMessage-Deflate": true,
		"x-webkit-deflate-frame, permessage-deflate":                       true,
		"permessage-deflate; client_max_window_bits":                       true,
		`permessage-deflate;client_max_window_bits="10"`:                   true,
		"permessage-deflate; client_max_window_bits=7":                     false,
		"permessage-deflate; server_no_context_takeover":                   true,
		"permessage-deflate; server_no_context_takeover=1":                 false,
		"permessage-deflate; server_max_window_bits=15":                    true,
		"permessage-deflate; server_max_window_bits=10":                    false,
		"permessage-deflate; server_max_window_bits=9, permessage-deflate": true,
		"permessage-deflate; unknown":                                      false,
		"permessage-deflate=1":                                             false,
		`x; y="permessage-deflate, permessage-deflate"`:                    false,
		`x; y="\", permessage-deflate"`:                                    false,
		`x; y="z", permessage-deflate`:                                     true,
		"foo; permessage-deflate":                                          false,
		"permessage-deflate2":                                              false,
	} {
		if got := offersDeflate([]string{"other", text}); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// Whatever headers there are, an upgrade succeeds or is refused with a reason, and
// what it takes over from them is what it should be.
func FuzzUpgrade(f *testing.F) {
	f.Add("/mqtt", "websocket", "Upgrade", "13", "http://host1.com", "permessage-deflate; client_max_window_bits", "1.2.3.4", "u=1; p=\"2\"", "Mozilla/5.0 Version/1 Safari/2")
	f.Add("//leafnode?x=y", "h2c, websocket", "keep-alive, Upgrade", "8, 13", "null", `x; y="a\",b", permessage-deflate`, "::1, x", "u", "")
	f.Add("/", "WebSocket", "upgrade", "13", "http://[::1]:80", "", "fe80::1%eth0", ";;=;u==", "curl")
	names := Cookies{Username: "u", Password: "p"}
	f.Fuzz(func(t *testing.T, path, upgradeTo, connection, version, from, extensions, forwarded, cookies, agent string) {
		head := "GET " + path + " HTTP/1.1\r\nHost: host1.com\r\nUpgrade: " + upgradeTo + "\r\nConnection: " + connection +
			"\r\nSec-WebSocket-Version: " + version + "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: " + from +
			"\r\nSec-WebSocket-Extensions: " + extensions + "\r\nX-Forwarded-For: " + forwarded + "\r\nCookie: " + cookies +
			"\r\nUser-Agent: " + agent + "\r\n\r\n"
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
		if err != nil {
			t.Skip("not an HTTP request")
		}
		c := checker(t, Options{SameOrigin: true, AllowedOrigins: []string{"http://host1.com"}, Compression: true, MQTT: true, Cookies: names})
		h := newHijackable()
		conn, request, err := c.Upgrade(h, r)
		if err != nil {
			if conn != nil || request != nil || h.taken || err.Error() == "" || h.Code < 400 {
				t.Fatalf("%v, %v, %v, %d", conn, request, err, h.Code)
			}
			return
		}
		answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(string(h.conn.output()))), r)
		if err != nil || answer.StatusCode != 101 || (answer.Header.Get("Sec-WebSocket-Extensions") != "") != request.Compress {
			t.Fatalf("%v, %v", answer, err)
		}
		if ip := request.ClientIP; ip != "" {
			if _, err := netip.ParseAddr(strings.Trim(ip, "[]")); err != nil {
				t.Fatalf("client %q", ip)
			}
		}
		if request.Kind == Leaf || request.Safari && !(request.Browser && request.Compress) {
			t.Fatalf("%+v", request)
		}
	})
}
