package websocket

import (
	"net/http"
	"net/netip"
	"strings"
)

// Kind is which protocol a connection carries. The path of the request tells.
type Kind uint8

// The kinds of connections.
const (
	Client Kind = iota
	MQTT
	Leaf
)

// String returns the name of the kind.
func (k Kind) String() string {
	return [...]string{"client", "mqtt", "leafnode"}[k]
}

// kindOf looks at how the escaped path ends: whatever stands before is the
// business of proxies.
func kindOf(path string) Kind {
	switch {
	case strings.HasSuffix(path, "/leafnode"):
		return Leaf
	case strings.HasSuffix(path, "/mqtt"):
		return MQTT
	}
	return Client
}

// Request is what an upgrade request says about the connection.
type Request struct {
	Kind   Kind
	Host   string
	Origin string // as sent; empty if the request has none
	// ClientIP is the address that a proxy gave in X-Forwarded-For, an IPv6 one in
	// brackets; empty if it gave none. Anybody can send it: it is for the log.
	ClientIP string

	// Credentials from cookies. Connections of leafnodes have none.
	JWT, Username, Password, Token string

	Compress  bool // permessage-deflate was agreed
	NoMasking bool // the client may send frames without a mask
	// Browser is whether a browser asks. It gets small frames.
	Browser bool
	// Safari is set for Safari with compression, which cannot put fragments of a
	// compressed message together and gets each in one frame.
	Safari bool
}

func (c *Checker) describe(r *http.Request, kind Kind) *Request {
	request := &Request{
		Kind:      kind,
		Host:      r.Host,
		Origin:    r.Header.Get("Origin"),
		ClientIP:  forwardedFor(r.Header),
		Compress:  c.options.Compression && offersDeflate(r.Header["Sec-Websocket-Extensions"]),
		NoMasking: r.Header.Get("Nats-No-Masking") == "true",
	}
	if kind == Leaf {
		return request
	}
	agent := r.UserAgent()
	request.Browser = strings.HasPrefix(agent, "Mozilla/")
	// Other browsers name Safari too, but only Safari has a Version as well.
	request.Safari = request.Browser && request.Compress &&
		strings.Contains(agent, "Version/") && strings.Contains(agent, "Safari/")
	c.readCookies(r, request)
	return request
}

// readCookies fills the credentials. Of several cookies with a name the last one
// counts; of several settings with a name the first one does.
func (c *Checker) readCookies(r *http.Request, request *Request) {
	names := c.options.Cookies
	if names == (Cookies{}) {
		return
	}
	for _, cookie := range r.Cookies() {
		switch cookie.Name {
		case names.JWT:
			request.JWT = cookie.Value
		case names.Username:
			request.Username = cookie.Value
		case names.Password:
			request.Password = cookie.Value
		case names.Token:
			request.Token = cookie.Value
		}
	}
}

// forwardedFor is the first address of the first X-Forwarded-For line, which is
// the client's if the proxies are honest.
func forwardedFor(header http.Header) string {
	first, _, _ := strings.Cut(header.Get("X-Forwarded-For"), ",")
	addr, err := netip.ParseAddr(strings.TrimSpace(first))
	addr = addr.Unmap()
	switch {
	case err != nil || addr.Zone() != "":
		return ""
	case addr.Is4():
		return addr.String()
	}
	return "[" + addr.String() + "]"
}

// hasToken reports whether the lines of a header, each a comma-separated list,
// have a token, whatever its case.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.Trim(element, " \t"), token) {
				return true
			}
		}
	}
	return false
}
