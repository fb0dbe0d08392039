package client

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/proxyproto"
)

const (
	// proxyTimeout is how long a PROXY header may take.
	proxyTimeout = 5 * time.Second
	// sniffBytes is what decides between TLS and plain, or a PROXY header.
	sniffBytes = 6
	// tlsRecord is the first byte of a TLS handshake.
	tlsRecord = 0x16
)

// greet brings a connection to the point where its input is the client
// protocol: INFO, limits, PROXY header, TLS. It returns input that was read on
// the way.
func (c *Client) greet() (early []byte, err error) {
	s := c.settings
	c.debugf("Client connection created")
	first := s.TLS != nil && s.TLSFirst
	fallback := s.TLSFallback
	if c.inProcess() && fallback == 0 {
		fallback = inProcessFallback
	}
	if first && fallback > 0 {
		if early, err = c.sniff(fallback); err != nil {
			return nil, err
		}
		first = len(early) > 0
	}
	if !first {
		c.sendInfo(false)
	}
	if err := c.refuse(); err != nil {
		return nil, err
	}
	if s.ProxyProtocol && !c.inProcess() {
		if early, err = c.readProxyHeader(early); err != nil {
			return nil, err
		}
	}
	secure, early, err := c.wantsTLS(first, early)
	if err != nil || !secure {
		return early, err
	}
	if err := c.handshake(early); err != nil {
		return nil, err
	}
	if first {
		c.mu.Lock()
		c.tls.First = true
		c.mu.Unlock()
		c.sendInfo(false)
	}
	return nil, nil
}

// inProcessFallback is how long a connection inside of the process may keep the
// server waiting for a TLS handshake that it need not make.
const inProcessFallback = 50 * time.Millisecond

func (c *Client) inProcess() bool { return c.Type == "IN_PROCESS" }

func (c *Client) sendInfo(connected bool) { c.conn.Out.Write(c.server.Info(c, connected)) }

// refuse turns a connection away that is one too many, or that would start one
// TLS handshake too many.
func (c *Client) refuse() error {
	s := c.settings
	if c.Refuse {
		c.server.LogLimited(c, "maximum connections exceeded")
		return c.fail(MaximumConnections, "maximum connections exceeded")
	}
	if s.TLS != nil && s.TLSRateLimit != nil && !s.TLSRateLimit() {
		return c.fail(MaximumConnections, "Connection throttling is active. Please try again later.")
	}
	return nil
}

// wantsTLS decides whether a handshake comes next.
func (c *Client) wantsTLS(first bool, early []byte) (bool, []byte, error) {
	s := c.settings
	switch {
	case s.TLS == nil:
		return false, early, nil
	case first:
		return true, early, nil
	case !s.AllowPlain && !c.inProcess():
		return true, early, nil
	}
	if len(early) == 0 {
		var err error
		if early, err = c.sniff(s.TLSTimeout); err != nil {
			return false, nil, err
		}
	}
	return len(early) > 0 && early[0] == tlsRecord, early, nil
}

// sniff reads a few bytes, or nothing if none come in time.
func (c *Client) sniff(timeout time.Duration) ([]byte, error) {
	conn := c.conn.Net()
	if err := conn.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	buf := make([]byte, sniffBytes)
	n, err := conn.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) && c.Reason() == Open {
		err = nil
	}
	if err != nil && n == 0 {
		return nil, err
	}
	return buf[:n], conn.SetReadDeadline(time.Time{})
}

// readProxyHeader reads the optional PROXY header and notes whom it names.
func (c *Client) readProxyHeader(early []byte) ([]byte, error) {
	conn := c.conn.Net()
	if err := conn.SetReadDeadline(time.Now().Add(proxyTimeout)); err != nil {
		return nil, err
	}
	buf := bytes.Clone(early)
	for {
		header, n, status, err := proxyproto.Parse(buf)
		if err != nil {
			return nil, c.badProxyHeader(err)
		}
		switch status {
		case proxyproto.NotProxy:
			return buf, conn.SetReadDeadline(time.Time{})
		case proxyproto.Done:
			c.adoptProxy(header)
			return buf[n:], conn.SetReadDeadline(time.Time{})
		}
		chunk := make([]byte, 256)
		n, err = conn.Read(chunk)
		buf = append(buf, chunk[:n]...)
		if err != nil && n == 0 {
			return c.proxyReadFailed(buf, err)
		}
	}
}

// proxyReadFailed decides about a header that did not come whole: a client that
// sent a few bytes of something else within the time is served without one, one
// that ended within a header has sent a bad one.
func (c *Client) proxyReadFailed(buf []byte, err error) ([]byte, error) {
	if errors.Is(err, io.EOF) && len(buf) >= sniffBytes {
		what := "v2 header"
		if buf[0] == 'P' {
			what = "v1 line"
		}
		return nil, c.badProxyHeader(fmt.Errorf("failed to read %s: %w", what, io.ErrUnexpectedEOF))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, err
	}
	if len(buf) > 0 && len(buf) < sniffBytes && !strings.HasPrefix("PROXY ", string(buf)) {
		return buf, c.conn.Net().SetReadDeadline(time.Time{})
	}
	return nil, c.badProxyHeader(errors.New("timeout reading PROXY protocol header"))
}

func (c *Client) badProxyHeader(err error) error {
	c.server.Log().Warnf("Error reading PROXY protocol header from %s: %v", c.Net.RemoteAddr(), err)
	return c.fail(ProtocolViolation, "")
}

// handshake makes the connection a TLS one.
func (c *Client) handshake(early []byte) error {
	s := c.settings
	state, err := c.conn.StartTLS(s.TLS, early, s.TLSTimeout)
	if err == nil && len(s.Pinned) > 0 {
		err = auth.CheckPinned(state, s.Pinned)
	}
	if err != nil {
		c.handshakeFailed(err)
		return c.fail(TLSHandshakeFailure, "")
	}
	c.mu.Lock()
	c.tls = &TLSInfo{State: state}
	c.mu.Unlock()
	c.debugf("TLS handshake complete")
	c.debugf("TLS version %s, cipher suite %s", tlsVersion(state.Version), tls.CipherSuiteName(state.CipherSuite))
	return nil
}

// handshakeFailed logs a failure: loudly, unless it was only a probe.
func (c *Client) handshakeFailed(err error) {
	var record tls.RecordHeaderError
	var netErr net.Error
	switch {
	case errors.As(err, &record), errors.Is(err, io.EOF):
		c.debugf("TLS handshake error: %v", err)
	case errors.As(err, &netErr) && netErr.Timeout():
		c.debugf("TLS handshake timeout")
	default:
		c.errorf("TLS handshake error: %v%s", err, unverified(err))
	}
}

// unverified names the certificates that could not be verified.
func unverified(err error) string {
	var failed *tls.CertificateVerificationError
	if !errors.As(err, &failed) {
		return ""
	}
	var list []string
	for _, cert := range failed.UnverifiedCertificates {
		list = append(list, fmt.Sprintf("%s SHA-256: %s", cert.Subject, auth.Fingerprint(cert.Raw)))
	}
	return " (" + strings.Join(list, "; ") + ")"
}
