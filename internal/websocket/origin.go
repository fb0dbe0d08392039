package websocket

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// origin is where a page came from, with an explicit port.
type origin struct{ scheme, host, port string }

const (
	schemeHTTP  = "http"
	schemeHTTPS = "https"
)

func schemeOf(secure bool) string {
	if secure {
		return schemeHTTPS
	}
	return schemeHTTP
}

// splitHost splits host[:port] and puts in the default port of the scheme.
func splitHost(hostport, scheme string) (host, port string, err error) {
	port = "80"
	if scheme == schemeHTTPS {
		port = "443"
	}
	host, explicit, err := net.SplitHostPort(hostport)
	if missing, ok := errors.AsType[*net.AddrError](err); ok && missing.Err == "missing port in address" {
		return strings.ToLower(strings.Trim(hostport, "[]")), port, nil
	}
	if err != nil {
		return "", "", err
	}
	if explicit != "" {
		port = explicit
	}
	return strings.ToLower(host), port, nil
}

// parseOrigin reads the header of a request. What follows the host is ignored.
func parseOrigin(text string) (origin, error) {
	u, err := url.ParseRequestURI(text)
	if err != nil {
		return origin{}, err
	}
	return originOf(u)
}

func originOf(u *url.URL) (origin, error) {
	scheme := strings.ToLower(u.Scheme)
	host, port, err := splitHost(u.Host, scheme)
	if err != nil {
		return origin{}, err
	}
	return origin{scheme, host, port}, nil
}

// parseAllowed reads an entry of the list of allowed origins.
func parseAllowed(text string) (origin, error) {
	u, err := url.ParseRequestURI(text)
	if err != nil {
		return origin{}, fmt.Errorf("unable to parse allowed origin: %w", err)
	}
	switch scheme := strings.ToLower(u.Scheme); {
	case scheme != schemeHTTP && scheme != schemeHTTPS:
		return origin{}, fmt.Errorf("unable to parse allowed origin %q: allowed origins must be absolute URLs with http or https scheme", text)
	case u.Hostname() == "":
		return origin{}, fmt.Errorf("unable to parse allowed origin %q: host is required", text)
	}
	allowed, err := originOf(u)
	if err != nil {
		return origin{}, fmt.Errorf("unable to parse allowed origin %q: %w", text, err)
	}
	return allowed, nil
}

var (
	errNotSameOrigin = errors.New("not same origin")
	errNotAllowed    = errors.New("not in the allowed list")
)

// checkOrigin decides whether a page may connect. A request without an origin
// does not come from a page.
func (c *Checker) checkOrigin(r *http.Request) error {
	if !c.options.SameOrigin && len(c.allowed) == 0 {
		return nil
	}
	text := r.Header.Get("Origin")
	if text == "" {
		text = r.Header.Get("Sec-WebSocket-Origin")
	}
	if text == "" {
		return nil
	}
	from, err := parseOrigin(text)
	if err != nil {
		return err
	}
	if c.options.SameOrigin {
		scheme := schemeOf(c.secure(r))
		host, port, err := splitHost(r.Host, scheme)
		if err != nil {
			return err
		}
		if from != (origin{scheme, host, port}) {
			return errNotSameOrigin
		}
	}
	if len(c.allowed) > 0 && !c.allowed[from] {
		return errNotAllowed
	}
	return nil
}
