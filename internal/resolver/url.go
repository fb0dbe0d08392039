package resolver

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// DefaultTimeout is how long a fetch may take. It is a little less than the two
// seconds that clients wait for the answer to their CONNECT.
const DefaultTimeout = 1900 * time.Millisecond

// URL asks a web server.
type URL struct {
	base    string // ends with a slash
	timeout time.Duration
	client  atomic.Pointer[http.Client]
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
}

// NewURL makes a resolver that appends account keys to an HTTP or HTTPS address.
// A timeout of 0 is the default; the TLS configuration may be nil. It asks
// nothing yet.
func NewURL(address string, timeout time.Duration, config *tls.Config) (*URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("account resolver URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("account resolver URL %q: needs to begin with http:// or https:// and a host", u.Redacted())
	}
	if timeout < 0 {
		return nil, fmt.Errorf("account resolver URL: time-out %v is negative", timeout)
	}
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	r := &URL{base: strings.TrimSuffix(address, "/") + "/", timeout: timeout}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.SetTLS(config)
	return r, nil
}

// SetTLS changes the TLS configuration for fetches that begin later.
func (r *URL) SetTLS(config *tls.Config) {
	old := r.client.Swap(&http.Client{
		Timeout:   r.timeout,
		Transport: &http.Transport{TLSClientConfig: config, MaxIdleConns: 10, IdleConnTimeout: 30 * time.Second},
	})
	if old != nil {
		old.CloseIdleConnections()
	}
}

// Check asks for the address itself, without an account: a server that cannot
// reach its resolver should not start.
func (r *URL) Check() error {
	_, err := r.get(r.base)
	return err
}

// Kind is KindURL.
func (r *URL) Kind() Kind { return KindURL }

// Fetch asks for an account.
func (r *URL) Fetch(name string) (string, error) {
	if !isAccount(name) {
		return "", ErrKey
	}
	return r.get(r.base + name)
}

func (r *URL) get(address string) (string, error) {
	shown := address
	if u, err := url.Parse(address); err == nil {
		shown = u.Redacted()
	}
	body, err := r.body(address)
	switch {
	case r.ctx.Err() != nil:
		return "", fmt.Errorf("could not fetch <%q>: %w", shown, ErrShutdown)
	case err != nil:
		return "", fmt.Errorf("could not fetch <%q>: %w", shown, err)
	}
	return body, nil
}

func (r *URL) body(address string) (string, error) {
	request, err := http.NewRequestWithContext(r.ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	response, err := r.client.Load().Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s", response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxSize+1))
	if err != nil {
		return "", err
	}
	if len(body) > MaxSize {
		return "", fmt.Errorf("answer of more than %d bytes", MaxSize)
	}
	return string(body), nil
}

// Store fails.
func (r *URL) Store(name, text string) error { return ErrReadOnly }

// IsReadOnly is true.
func (r *URL) IsReadOnly() bool { return true }

// Close ends fetches that are under way.
func (r *URL) Close() error {
	r.cancel()
	r.client.Load().CloseIdleConnections()
	return nil
}
