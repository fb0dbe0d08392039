package monitor

import (
	"net/http"
	"sync"
	"time"
)

// Server answers questions about a server. Make one with New.
type Server struct {
	source  Source
	handler http.Handler
	metrics http.Handler
	counts  requestCounts
	usage   *usage
	now     func() time.Time // in UTC

	mu       sync.Mutex
	listener *listener // guarded by mu; nil unless started
	stopped  bool      // guarded by mu
}

// New returns a Server that is not started. The source's options are asked for
// the base path once, here.
func New(source Source) *Server {
	s := &Server{
		source: source, counts: newRequestCounts(), usage: newUsage(),
		now: func() time.Time { return time.Now().UTC() },
	}
	s.metrics = newMetrics(s)
	s.handler = s.routes(basePath(source.Options().HTTPBasePath))
	return s
}

// Handler serves all endpoints, below the configured base path. It works
// whether or not the Server is started.
func (s *Server) Handler() http.Handler { return s.handler }
