package monitor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of a request.
const (
	headerTimeout  = 5 * time.Second
	maxHeaderBytes = 1 << 20
)

// Server answers monitoring requests. Its methods may be called from any
// goroutine.
type Server struct {
	source  Source
	handler http.Handler
	usage   *usage
	base    string // path prefix, "" for none

	mu       sync.Mutex
	requests map[string]uint64 // http_req_stats
	listener net.Listener
	http     *http.Server
	done     chan struct{}
}

// New returns a server that does not listen yet.
func New(source Source) *Server {
	s := &Server{source: source, usage: newUsage(), requests: make(map[string]uint64)}
	s.base = cleanBase(source.Options().HTTPBasePath)
	s.handler = s.routes()
	return s
}

// cleanBase makes a path of the configured prefix.
func cleanBase(prefix string) string {
	clean := path.Clean("/" + prefix)
	if clean == "/" {
		return ""
	}
	return clean
}

// Handler serves the endpoints, for programs with an HTTP server of their own.
func (s *Server) Handler() http.Handler { return s.handler }

// Start opens the listener that the options ask for, if any.
func (s *Server) Start() error {
	o := s.source.Options()
	scheme, port := "http", o.HTTPPort
	if o.HTTPSPort != 0 {
		scheme, port = "https", o.HTTPSPort
	}
	if port == 0 {
		return nil
	}
	address := net.JoinHostPort(o.HTTPHost, strconv.Itoa(max(port, 0)))
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("Can't start monitoring: can't listen to the monitor port: %w", err) //nolint:staticcheck // a known text
	}
	resolved := l.Addr().(*net.TCPAddr).Port
	s.source.Noticef("Starting %s monitor on %s", scheme, net.JoinHostPort(o.HTTPHost, strconv.Itoa(resolved)))
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog:     log.New(errorLog{s.source}, "", 0),
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // no HTTP/2
	}
	serve := l
	if scheme == "https" {
		serve = tls.NewListener(l, s.tlsConfig())
	}
	s.mu.Lock()
	s.listener, s.http, s.done = l, server, make(chan struct{})
	done := s.done
	s.mu.Unlock()
	go func() {
		defer close(done)
		if err := server.Serve(serve); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.source.Errorf("monitoring: %v", err)
		}
	}()
	return nil
}

// tlsConfig looks the certificate up for each handshake, so that a new one
// takes effect at once. Clients are not asked for theirs.
func (s *Server) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			config := s.source.TLSConfig().Clone()
			config.ClientAuth = tls.NoClientCert
			return config, nil
		},
	}
}

// errorLog passes what net/http logs on.
type errorLog struct{ source Source }

func (e errorLog) Write(p []byte) (int, error) {
	text := strings.TrimSpace(strings.TrimPrefix(string(p), "http: "))
	e.source.Errorf("monitoring: %s", text)
	return len(p), nil
}

// Addr is where the server listens, nil if it does not.
func (s *Server) Addr() *net.TCPAddr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr().(*net.TCPAddr)
}

// Stop closes the listener and all connections at once.
func (s *Server) Stop() {
	s.mu.Lock()
	server, done := s.http, s.done
	s.listener, s.http, s.done = nil, nil, nil
	s.mu.Unlock()
	if server != nil {
		server.Close() //nolint:errcheck // it ends either way
		<-done
	}
}
