package server

import (
	"io"
	"os"
	"runtime"

	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/reload"
)

// reloadedFiles are what a reload has opened and written before it takes effect.
type reloadedFiles struct {
	log      logging.Logger // nil: the present one stays
	oldPorts string         // the file of ports so far
}

// openFiles opens and writes what the new options name. If something cannot be
// written, everything is as before, and the reload does not take place.
func (s *Server) openFiles(changes reload.Changes, next *options.Options) (f reloadedFiles, err error) {
	f.oldPorts = s.currentPortsFile()
	if s.ownLog.Load() && changes.Has("LogFile", "Syslog", "RemoteSyslog", "Logtime", "LogtimeUTC", "LogSizeLimit",
		"LogMaxFiles", "Debug", "Trace") {
		if f.log, err = newLogger(next); err != nil {
			return f, err
		}
	}
	if changes.Has("PortsFileDir") {
		err = s.writePortsFile(next.PortsFileDir)
	}
	if err == nil && changes.Has("PidFile") {
		if err = writePidFile(next.PidFile); err != nil {
			s.restorePortsFile(f.oldPorts)
		}
	}
	if closer, ok := f.log.(io.Closer); ok && err != nil {
		closer.Close() // nothing has been written to it
	}
	return f, err
}

// useFiles is the end of a reload that has passed the point of no return. A logger
// that an embedding program has put in place stays.
func (s *Server) useFiles(f reloadedFiles, changes reload.Changes) {
	o := s.current().Options
	switch {
	case f.log != nil:
		if err := s.log.Set(f.log, o.Debug, o.Trace); err != nil {
			s.log.Errorf("Closing the former log: %v", err)
		}
	case changes.Has("Debug", "Trace"):
		s.log.SetLevels(o.Debug, o.Trace)
	}
	if changes.Has("PortsFileDir") {
		s.dropPortsFile(f.oldPorts)
	}
	if changes.Has("TLSConfig") && o.PortsFileDir != "" {
		if err := s.writePortsFile(o.PortsFileDir); err != nil { // the URLs may have got another scheme
			s.log.Errorf("%v", err)
		}
	}
	if changes.Has("ProfBlockRate") {
		runtime.SetBlockProfileRate(o.ProfBlockRate)
	}
}

func (s *Server) currentPortsFile() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.portsFile
}

// dropPortsFile removes the former file of ports, unless the new one has the same
// place under another name.
func (s *Server) dropPortsFile(old string) {
	switch {
	case s.current().PortsFileDir == "":
		s.removePortsFile()
	case old == "" || sameFile(s.currentPortsFile(), old):
	default:
		if err := os.Remove(old); err != nil {
			s.log.Errorf("Error removing ports file: %v", err)
		}
	}
}

// restorePortsFile takes a new file of ports back.
func (s *Server) restorePortsFile(old string) {
	now := s.currentPortsFile()
	if now == old {
		return
	}
	if !sameFile(now, old) {
		s.removePortsFile()
	}
	s.mu.Lock()
	s.portsFile = old
	s.mu.Unlock()
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
