package logging

import (
	"io"
	"reflect"
	"sync"
	"sync/atomic"
)

// Switch is a Logger behind which another logger can be put at any time. The
// zero value writes nothing.
type Switch struct {
	debug, trace atomic.Bool

	mu     sync.RWMutex
	logger Logger // guarded by mu; nil = none
}

// Reopener is a logger whose output can be reopened, as a log file can.
type Reopener interface {
	Reopen() error
}

// Set puts logger behind the switch; nil means silence. Debug and trace
// statements reach it only if their flag is set. The former logger is closed if
// it is an io.Closer and not the new one too; no call is inside it then. An
// error of that Close is returned and logged to the new logger.
func (s *Switch) Set(logger Logger, debug, trace bool) error {
	s.mu.Lock()
	former := s.logger
	s.logger = logger
	s.debug.Store(debug)
	s.trace.Store(trace)
	s.mu.Unlock()

	closer, ok := former.(io.Closer)
	if !ok || same(former, logger) {
		return nil
	}
	if err := closer.Close(); err != nil {
		s.Errorf("Error closing logger: %v", err)
		return err
	}
	return nil
}

// SetLevels changes which statements reach the logger.
func (s *Switch) SetLevels(debug, trace bool) {
	s.debug.Store(debug)
	s.trace.Store(trace)
}

// same reports whether both are one logger. Types that cannot be compared
// cannot share state by value, so they are different ones.
func same(a, b Logger) bool {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	return va.IsValid() && vb.IsValid() && va.Comparable() && vb.Comparable() && a == b
}

// Logger returns the logger behind the switch, or nil.
func (s *Switch) Logger() Logger {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.logger
}

// Close closes the logger behind the switch, if it is an io.Closer, and leaves
// the switch silent.
func (s *Switch) Close() error { return s.Set(nil, false, false) }

// Reopen reopens the log file and says so in the log. Other loggers are left
// alone, which is logged too.
func (s *Switch) Reopen() error {
	// The lock keeps Set from closing the file while it is reopened.
	s.mu.RLock()
	reopener, ok := s.logger.(Reopener)
	var err error
	if ok {
		err = reopener.Reopen()
	}
	s.mu.RUnlock()

	switch {
	case !ok:
		s.Noticef("File log re-open ignored, not a file logger")
	case err != nil:
		s.Errorf("Unable to re-open the log: %v", err)
	default:
		s.Noticef("File log re-opened")
	}
	return err
}

// Enabled reports whether statements of this level reach a logger that writes
// them. It is cheap when debug and trace are off.
func (s *Switch) Enabled(level Level) bool {
	if level == Debug && !s.debug.Load() || level == Trace && !s.trace.Load() {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.logger != nil && Enabled(s.logger, level)
}

// Noticef logs what an operator wants to know in normal operation.
func (s *Switch) Noticef(format string, args ...any) { s.log(Notice, format, args) }

// Warnf logs what works but needs attention.
func (s *Switch) Warnf(format string, args ...any) { s.log(Warn, format, args) }

// Errorf logs what failed.
func (s *Switch) Errorf(format string, args ...any) { s.log(Error, format, args) }

// Fatalf logs why the server cannot go on. What happens then is up to the
// logger behind the switch.
func (s *Switch) Fatalf(format string, args ...any) { s.log(Fatal, format, args) }

// Debugf logs for the developer, if debug is on.
func (s *Switch) Debugf(format string, args ...any) {
	if s.debug.Load() {
		s.log(Debug, format, args)
	}
}

// Tracef logs the protocol, if trace is on.
func (s *Switch) Tracef(format string, args ...any) {
	if s.trace.Load() {
		s.log(Trace, format, args)
	}
}

func (s *Switch) log(level Level, format string, args []any) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.logger != nil {
		Log(s.logger, level, format, args...)
	}
}
