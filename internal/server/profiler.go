package server

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"strconv"
	"time"

	"github.com/godwit-mq/godwit/internal/monitor"
)

// profiler serves Go's profiles on a port of its own.
type profiler struct {
	listener net.Listener
	http     *http.Server
}

// startProfiler opens the profiling port, if there is one. It asks for no
// credentials, which a listener on a public address is warned about.
func (s *Server) startProfiler() error {
	o := s.current().Options
	if o.ProfPort == 0 {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(o.Host, strconv.Itoa(max(o.ProfPort, 0))))
	if err != nil {
		return fmt.Errorf("error starting profiler: %w", err)
	}
	addr := l.Addr().(*net.TCPAddr)
	s.log.Noticef("profiling port: %d", addr.Port)
	if !addr.IP.IsLoopback() {
		s.log.Warnf("The profiling port on %s can be read by everybody who reaches it", addr)
	}
	if o.ProfBlockRate > 0 {
		runtime.SetBlockProfileRate(o.ProfBlockRate)
		s.log.Warnf("Block profiling is enabled (rate %d), this may have a performance impact", o.ProfBlockRate)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/vars", monitor.HandleDebugVars)
	p := &profiler{l, &http.Server{Handler: mux, ReadTimeout: 5 * time.Second, MaxHeaderBytes: 1 << 20}}
	s.mu.Lock()
	s.profiler = p
	s.mu.Unlock()
	s.tasks.Add(1)
	go func() {
		defer s.tasks.Done()
		if err := p.http.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.log.Errorf("error starting profiler: %v", err)
		}
	}()
	return nil
}

func (s *Server) stopProfiler() {
	s.mu.Lock()
	p := s.profiler
	s.profiler = nil
	s.mu.Unlock()
	if p != nil {
		p.http.Close() // it ends either way
	}
}

// ProfilerAddr is where profiles are served, nil if nowhere.
func (s *Server) ProfilerAddr() *net.TCPAddr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.profiler == nil {
		return nil
	}
	return s.profiler.listener.Addr().(*net.TCPAddr)
}
