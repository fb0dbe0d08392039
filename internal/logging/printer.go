package logging

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

// complaintInterval is how often at most the default OnError writes a line.
const complaintInterval = 10 * time.Second

// keptBuffer is the largest line buffer, in bytes, that is kept for the next line.
const keptBuffer = 64 << 10

// layout is the form of the lines of one logger. It does not change.
type layout struct {
	debug, trace bool
	time, utc    bool
	colour       bool
	prefix       string // "[PID] " or nothing
	now          func() time.Time
}

func newLayout(opts Options, colour bool) layout {
	l := layout{
		debug: opts.Debug, trace: opts.Trace,
		time: !opts.NoTime, utc: opts.UTC,
		colour: colour,
		now:    opts.Now,
	}
	if l.now == nil {
		l.now = time.Now
	}
	if !opts.NoPID {
		l.prefix = "[" + strconv.Itoa(os.Getpid()) + "] "
	}
	return l
}

// Enabled reports whether statements of this level are written.
func (l *layout) Enabled(level Level) bool {
	switch level {
	case Trace:
		return l.trace
	case Debug:
		return l.debug
	}
	return true
}

// moment returns the time in the zone that the log uses.
func (l *layout) moment() time.Time {
	if l.utc {
		return l.now().UTC()
	}
	return l.now()
}

// appendLine appends one line; text must have passed oneLine.
func (l *layout) appendLine(dst []byte, level Level, text string) []byte {
	dst = append(dst, l.prefix...)
	if l.time {
		dst = l.moment().AppendFormat(dst, "2006/01/02 15:04:05.000000 ")
	}
	dst = append(dst, '[')
	if l.colour {
		dst = append(dst, "\x1b["+colours[level]+"m"+labels[level]+"\x1b[0m"...)
	} else {
		dst = append(dst, labels[level]...)
	}
	dst = append(dst, "] "...)
	dst = append(dst, text...)
	return append(dst, '\n')
}

// printer turns log calls into lines and hands them on one at a time. It keeps
// the account of lines that were lost. Writer and File embed it.
type printer struct {
	layout

	// put writes bytes to their place, written is called after each statement
	// that arrived there, flush makes it outlive the process. All are called
	// with mu held.
	put     func(line []byte) (int, error)
	written func()
	flush   func() error

	complaints complaints

	mu     sync.Mutex
	buffer []byte // guarded by mu
	torn   bool   // guarded by mu: the last write ended inside a line
	losses losses // guarded by mu
}

// Noticef logs what an operator wants to know in normal operation.
func (p *printer) Noticef(format string, args ...any) { p.print(Notice, format, args) }

// Warnf logs what works but needs attention.
func (p *printer) Warnf(format string, args ...any) { p.print(Warn, format, args) }

// Errorf logs what failed.
func (p *printer) Errorf(format string, args ...any) { p.print(Error, format, args) }

// Fatalf logs why the server cannot go on, flushes and returns.
func (p *printer) Fatalf(format string, args ...any) { p.print(Fatal, format, args) }

// Debugf logs for the developer, if Options.Debug is set.
func (p *printer) Debugf(format string, args ...any) { p.print(Debug, format, args) }

// Tracef logs the protocol, if Options.Trace is set.
func (p *printer) Tracef(format string, args ...any) { p.print(Trace, format, args) }

// Lost returns how many lines could not be written so far.
func (p *printer) Lost() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.losses.total
}

func (p *printer) print(level Level, format string, args []any) {
	if !p.Enabled(level) {
		return
	}
	// Before the lock: the String method of an argument may log as well.
	text := oneLine(fmt.Sprintf(format, args...))

	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.settleLosses() {
		return
	}
	if err := p.writeLine(level, text); err != nil {
		p.lose(err)
		return
	}
	p.written()
	if level == Fatal {
		if err := p.flush(); err != nil {
			p.complaints.report(err)
		}
	}
}

// settleLosses writes how many lines are missing here, if any are. It reports
// whether the next line may be tried.
func (p *printer) settleLosses() bool {
	text := p.losses.text()
	if text == "" {
		return true
	}
	if err := p.writeLine(Error, text); err != nil {
		p.lose(err)
		return false
	}
	p.losses.settled()
	return true
}

func (p *printer) lose(err error) {
	p.losses.add(err)
	p.complaints.report(err)
}

// writeLine writes one line to its place. mu must be held.
func (p *printer) writeLine(level Level, text string) error {
	line := p.buffer[:0]
	if p.torn {
		line = append(line, '\n')
	}
	line = p.appendLine(line, level, text)
	if cap(line) <= keptBuffer {
		p.buffer = line
	}
	n, err := p.put(line)
	if n > 0 {
		p.torn = n < len(line) && line[n-1] != '\n'
	}
	return err
}

// losses is the account of the lines that could not be written.
type losses struct {
	total   uint64
	untold  uint64 // of these, not yet mentioned in the log
	lastErr error
}

func (l *losses) add(err error) {
	l.total++
	l.untold++
	l.lastErr = err
}

func (l *losses) settled() { l.untold = 0 }

// text says what is missing, or nothing if nothing is.
func (l *losses) text() string {
	switch l.untold {
	case 0:
		return ""
	case 1:
		return oneLine(fmt.Sprintf("1 log line is missing here: %v", l.lastErr))
	}
	return oneLine(fmt.Sprintf("%d log lines are missing here: %v", l.untold, l.lastErr))
}

// complaints tells somebody that logging fails.
type complaints struct {
	onError func(error) // nil: standard error
	now     func() time.Time

	mu   sync.Mutex
	last time.Time // guarded by mu: of the last complaint on standard error
}

func (c *complaints) report(err error) {
	if c.onError != nil {
		c.onError(err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if !c.last.IsZero() && now.Sub(c.last) < complaintInterval {
		return
	}
	c.last = now
	// Nothing is left to tell if this fails too; the losses stay counted.
	fmt.Fprintf(os.Stderr, "[%d] [ERR] %s\n", os.Getpid(), oneLine(err.Error()))
}
