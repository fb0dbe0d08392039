package logging

import (
	"fmt"
	"time"
)

// Logger is what the server logs to. The methods format like fmt.Printf and
// may be called from any goroutine. Programs that embed the server may bring
// their own.
type Logger interface {
	Noticef(format string, args ...any)
	Warnf(format string, args ...any)
	// Fatalf tells why the server cannot go on. The loggers of this package
	// return from it once the line is written.
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Debugf(format string, args ...any)
	Tracef(format string, args ...any)
}

// Level says how much a statement matters; a higher one matters more.
type Level uint8

// The levels of the six methods of Logger.
const (
	Trace Level = iota
	Debug
	Notice
	Warn
	Error
	Fatal
)

var labels = [...]string{"TRC", "DBG", "INF", "WRN", "ERR", "FTL"}

// The parameters of the terminal's colour sequence for each level.
var colours = [...]string{"33", "36", "32", "0;93", "31", "31"}

// String returns the three letters that stand in the log line.
func (l Level) String() string {
	if int(l) >= len(labels) {
		return fmt.Sprintf("Level(%d)", uint8(l))
	}
	return labels[l]
}

// Enabler is a logger that knows whether it would write statements of a level.
// A logger without this method is taken to write all of them.
type Enabler interface {
	Enabled(Level) bool
}

// Enabled reports whether logger would write a statement of this level, so that
// costly arguments need not be computed in vain.
func Enabled(logger Logger, level Level) bool {
	if e, ok := logger.(Enabler); ok {
		return e.Enabled(level)
	}
	return true
}

// Log makes a statement of a level that is known only at run time.
func Log(logger Logger, level Level, format string, args ...any) {
	switch level {
	case Trace:
		logger.Tracef(format, args...)
	case Debug:
		logger.Debugf(format, args...)
	case Notice:
		logger.Noticef(format, args...)
	case Warn:
		logger.Warnf(format, args...)
	case Error:
		logger.Errorf(format, args...)
	default:
		logger.Fatalf(format, args...)
	}
}

// Options are the settings of the loggers that write lines. The zero value is
// the server's default.
type Options struct {
	Debug bool // write debug statements
	Trace bool // write trace statements

	NoTime bool // leave the time stamp out
	UTC    bool // time stamps and names of backups in UTC, not in local time
	NoPID  bool // leave the process id out

	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// OnError is told why a line could not be written. It runs inside the log
	// call and must not log to the same logger. nil writes to standard error,
	// at most one line in ten seconds.
	OnError func(error)
}

// Discard is a logger that writes nothing.
var Discard Logger = discard{}

type discard struct{}

func (discard) Noticef(string, ...any) {}
func (discard) Warnf(string, ...any)   {}
func (discard) Fatalf(string, ...any)  {}
func (discard) Errorf(string, ...any)  {}
func (discard) Debugf(string, ...any)  {}
func (discard) Tracef(string, ...any)  {}
func (discard) Enabled(Level) bool     { return false }
