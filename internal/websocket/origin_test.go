package websocket

import (
	"strings"
	"testing"
)

// Who may connect, by where the page came from.
//
// Go: TestWSCheckOrigin server/websocket_test.go:1158
func TestCheckOrigin(t *testing.T) {
	list := []string{"http://host1.com", "http://host2.com:1234"}
	both := []string{"http://host3.com", "https://host3.com"}
	for _, test := range []struct {
		name    string
		same    bool
		allowed []string
		host    string
		tls     bool
		origin  string
		refused string
	}{
		{"anything goes", false, nil, "", false, "http://any.host.com", ""},
		{"nonsense goes", false, nil, "", false, "null", ""},
		{"same", true, nil, "host.com", false, "http://host.com:80", ""},
		{"same, TLS", true, nil, "host.com", true, "https://host.com", ""},
		{"same, TLS and port", true, nil, "host.com:443", true, "https://host.com", ""},
		{"same, port", true, nil, "host.com:8080", false, "http://HOST.com:8080", ""},
		{"same, IPv6", true, nil, "[::1]:8080", false, "http://[::1]:8080", ""},
		{"same, IPv6 without port", true, nil, "[::1]", false, "http://[::1]:80", ""},
		{"other host", true, nil, "host.com", false, "http://other.host.com", "not same origin"},
		{"other port", true, nil, "host.com", false, "http://host.com:81", "not same origin"},
		{"other scheme, explicit port", true, nil, "host.com:443", true, "http://host.com:443", "not same origin"},
		{"other scheme", true, nil, "host.com", true, "http://host.com", "not same origin"},
		{"trailing dot", true, nil, "host.com", false, "http://host.com.", "not same origin"},
		{"no URI", true, nil, "host.com", false, "@@@://invalid:url:1234", "invalid URI"},
		{"null", true, nil, "host.com", false, "null", `parse "null": invalid URI for request`},
		{"no URL", true, nil, "host.com", false, "http://invalid:url:1234", "invalid port"},
		{"bad host of the request", true, nil, "invalid:url:1234", false, "http://host.com", "too many colons"},
		{"no origin, same", true, nil, "", false, "", ""},
		{"no origin, list", false, list, "", false, "", ""},
		{"no origin, both", true, list, "", false, "", ""},
		{"in the list", false, list, "", false, "http://host2.com:1234", ""},
		{"in the list, path", false, list, "", false, "http://host1.com/some/path?x", ""},
		{"in the list, port and case", false, list, "", false, "http://HOST1.com:80", ""},
		{"in the list, http", false, both, "", false, "http://host3.com", ""},
		{"in the list, https", false, both, "", false, "https://host3.com", ""},
		{"list, other port", false, list, "", false, "http://host1.com:1234", "not in the allowed list"},
		{"list, other scheme", false, list, "", false, "https://host2.com:1234", "not in the allowed list"},
		{"list, default port of the other scheme", false, list, "", false, "https://host1.com", "not in the allowed list"},
		{"same and in the list", true, list, "host1.com", false, "http://host1.com", ""},
		{"same, not in the list", true, list, "host.com", false, "http://host.com", "not in the allowed list"},
		{"in the list, not same", true, list, "host.com", false, "http://host1.com", "not same origin"},
	} {
		for _, header := range []string{"Origin", "Sec-WebSocket-Origin"} {
			r := goodRequest("/")
			if test.tls {
				r = secureRequest()
			}
			r.Host = test.host
			if test.origin != "" {
				r.Header.Set(header, test.origin)
			}
			err := checker(t, Options{SameOrigin: test.same, AllowedOrigins: test.allowed}).checkOrigin(r)
			if (err == nil) != (test.refused == "") || err != nil && !strings.Contains(err.Error(), test.refused) {
				t.Errorf("%s, %s: %v", test.name, header, err)
			}
		}
	}
}

// Where the HTTP server does not see that connections are encrypted, the option
// says it.
func TestSameOriginWithTLSOption(t *testing.T) {
	r := goodRequest("/")
	r.Host = "host.com"
	r.Header.Set("Origin", "https://host.com")
	if err := checker(t, Options{SameOrigin: true}).checkOrigin(r); err == nil {
		t.Error("https is the same as http")
	}
	if err := checker(t, Options{SameOrigin: true, TLS: true}).checkOrigin(r); err != nil {
		t.Error(err)
	}
}

// Bad entries are reported.
//
// Go: TestWSSetOriginOptions server/websocket_test.go:1883
func TestAllowedOriginsAreChecked(t *testing.T) {
	for entry, want := range map[string]string{
		"@@@://host.com/":         `unable to parse allowed origin: parse "@@@://host.com/": invalid URI for request`,
		"foo":                     `unable to parse allowed origin: parse "foo": invalid URI for request`,
		"http://this:is:bad:url/": `invalid port ":is:bad:url" after host`,
		"http://[::1":             `missing ']' in host`,
		"ftp://h":                 `unable to parse allowed origin "ftp://h": allowed origins must be absolute URLs with http or https scheme`,
		"/path":                   `allowed origins must be absolute URLs with http or https scheme`,
		"http:///x":               `unable to parse allowed origin "http:///x": host is required`,
		"http://:80":              `unable to parse allowed origin "http://:80": host is required`,
		"":                        `empty url`,
	} {
		if _, err := NewChecker(Options{AllowedOrigins: []string{"http://good.com", entry}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", entry, err)
		}
	}
}
