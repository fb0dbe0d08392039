package monitor

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godwit-mq/godwit/internal/options"
)

const (
	// headerTimeout is how long a client may take for the TLS handshake and
	// for the headers of a request. Bodies are not bounded: a big answer may
	// be read slowly.
	headerTimeout = 5 * time.Second
	// idleTimeout is how long a connection stays open between requests. It is
	// longer than the intervals at which dashboards and scrapers ask.
	idleTimeout = 5 * time.Minute
	// headerBytesMax bounds the headers of a request.
	headerBytesMax = 1 << 20
	// sampleInterval is how often the use of CPU is measured.
	sampleInterval = time.Second
)

var errStopped = errors.New("Can't start monitoring: it was stopped") // logged as it is

// listener is an open monitoring port.
type listener struct {
	net   net.Listener
	http  *http.Server
	done  chan struct{}  // closed to end the sampling
	tasks sync.WaitGroup // accept loop, sampling, one for each connection
}

// Start opens the port that the options ask for, plain or with TLS, and does
// nothing if they ask for none. Its errors are texts for the log. It may be
// called once.
func (s *Server) Start() error {
	o := s.source.Options()
	scheme, port, err := endpoint(o)
	if err != nil || port == 0 {
		return err
	}
	if scheme == "https" && s.source.TLSConfig() == nil {
		return errors.New("Can't start monitoring: TLS cert and key required for HTTPS") // a known text
	}
	host := cmp.Or(o.HTTPHost, o.Host)
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(max(port, 0))))
	if err != nil {
		return fmt.Errorf("Can't start monitoring: can't listen to the monitor port: %w", err) // a known text
	}
	address := net.JoinHostPort(host, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	opened := &listener{net: l, done: make(chan struct{})}
	if scheme == "https" {
		l = tls.NewListener(l, handshakeConfig(s.source.TLSConfig))
	}
	opened.http = s.httpServer(opened)
	if !s.adopt(opened) {
		opened.net.Close() // nothing was served
		return errStopped
	}
	s.source.Noticef("Starting %s monitor on %s", scheme, address)
	go func() {
		defer opened.tasks.Done()
		if err := opened.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.source.Errorf("Error on monitor %s: %v", address, err)
		}
	}()
	go func() {
		defer opened.tasks.Done()
		s.usage.sampleEvery(sampleInterval, opened.done)
	}()
	return nil
}

// endpoint tells which port to open; 0 is none.
func endpoint(o *options.Options) (scheme string, port int, err error) {
	if o.HTTPPort != 0 && o.HTTPSPort != 0 {
		return "", 0, fmt.Errorf("Can't start monitoring: can't specify both HTTP (%d) and HTTPs (%d) ports", o.HTTPPort, o.HTTPSPort) // a known text
	}
	if o.HTTPSPort != 0 {
		return "https", o.HTTPSPort, nil
	}
	return "http", o.HTTPPort, nil
}

// adopt makes the listener the Server's, with its two goroutines counted. It
// reports false if the Server was started or stopped before.
func (s *Server) adopt(l *listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.listener != nil {
		return false
	}
	l.tasks.Add(2)
	s.listener = l
	return true
}

func (s *Server) httpServer(l *listener) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           s.handler,
		Protocols:         protocols,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytesMax,
		ErrorLog:          log.New(errorLog{s.source}, "", 0),
		// New connections are told of on the accept loop, which is itself
		// one of the tasks, so that the count never rises from zero.
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				l.tasks.Add(1)
			case http.StateClosed, http.StateHijacked:
				l.tasks.Done()
			}
		},
	}
}

// Addr is where the Server listens, nil if it does not.
func (s *Server) Addr() *net.TCPAddr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil || s.stopped {
		return nil
	}
	return s.listener.net.Addr().(*net.TCPAddr)
}

// Stop closes the port and all connections, and returns when the requests that
// were being answered have ended. It may be called several times, and without
// Start, which fails from then on.
func (s *Server) Stop() {
	s.mu.Lock()
	first := !s.stopped
	s.stopped = true
	l := s.listener
	s.mu.Unlock()
	if l == nil {
		return
	}
	if first {
		close(l.done)
		l.http.Close() // it ends either way
		l.net.Close()  // likewise; it may not have come to serving
	}
	l.tasks.Wait()
}

// handshakeConfig looks the server's certificate up at each handshake, so that
// one that was loaded anew is used at once. Clients are not asked for theirs,
// whatever the client port demands: probes and scrapers have none.
func handshakeConfig(current func() *tls.Config) *tls.Config {
	type derived struct{ from, to *tls.Config }
	var last atomic.Pointer[derived] // keeps session tickets valid between handshakes
	return &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			from := current()
			if from == nil {
				return nil, errors.New("no TLS configuration")
			}
			if d := last.Load(); d != nil && d.from == from {
				return d.to, nil
			}
			to := from.Clone()
			to.ClientAuth = tls.NoClientCert
			to.GetConfigForClient, to.VerifyPeerCertificate, to.VerifyConnection = nil, nil, nil
			to.NextProtos = []string{"http/1.1"}
			last.Store(&derived{from, to})
			return to, nil
		},
	}
}

// errorLog takes what the HTTP server has to say, such as failed handshakes.
type errorLog struct{ source Source }

// Write implements io.Writer for one line.
func (l errorLog) Write(line []byte) (int, error) {
	text := bytes.TrimPrefix(bytes.TrimRight(line, "\n"), []byte("http: "))
	l.source.Errorf("monitoring: %s", text)
	return len(line), nil
}
