package server

import (
	"errors"

	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/options"
)

// ConfigureLogger puts the logger in place that the options ask for.
func (s *Server) ConfigureLogger() error {
	o := s.current().Options
	if o.NoLog {
		return nil
	}
	l, err := newLogger(o)
	if err != nil {
		return err
	}
	s.ownLog.Store(true)
	s.setLevels(o.Debug, o.Trace)
	return s.log.Set(l, o.Debug, o.Trace)
}

// newLogger opens where the options want log lines to go.
func newLogger(o *options.Options) (logging.Logger, error) {
	common := logging.Options{Debug: o.Debug, Trace: o.Trace, NoTime: !o.Logtime, UTC: o.LogtimeUTC}
	switch {
	case o.LogFile != "":
		return logging.NewFile(o.LogFile, logging.FileOptions{
			Options: common, SizeLimit: o.LogSizeLimit, MaxFiles: int(o.LogMaxFiles),
		})
	case o.RemoteSyslog != "":
		return logging.NewRemoteSyslog(o.RemoteSyslog, logging.SyslogOptions{Debug: o.Debug, Trace: o.Trace})
	case o.Syslog:
		return logging.NewSyslog(logging.SyslogOptions{Debug: o.Debug, Trace: o.Trace})
	}
	return logging.NewStd(common), nil
}

// ReopenLog closes and opens the log file.
func (s *Server) ReopenLog() error {
	r, ok := s.log.Logger().(logging.Reopener)
	if !ok {
		return errors.New("File log re-open ignored, not a file logger") // a known text
	}
	if err := r.Reopen(); err != nil {
		return err
	}
	s.log.Noticef("File log re-opened")
	return nil
}
