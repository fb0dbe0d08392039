package logging

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

const (
	// syslogQueue is how many statements may wait for the syslog server.
	syslogQueue = 1024
	// syslogLineMax is the longest text, in bytes, that is sent: what common
	// syslog servers take, and what bounds the queue to a few megabytes.
	syslogLineMax = 8 << 10
	// syslogPatience is how long Close and Fatalf wait for the server, and how
	// long the first connection may take.
	syslogPatience = 2 * time.Second
)

var (
	// ErrSyslogNotSupported is why there is no syslog on Windows.
	ErrSyslogNotSupported = errors.New("syslog is not supported on this operating system")

	errSyslogBusy = errors.New("the syslog server is too slow")
)

// SyslogOptions are the settings of the syslog loggers. Time stamps, process id
// and level are part of the syslog protocol and have no settings.
type SyslogOptions struct {
	Debug bool // send debug statements
	Trace bool // send trace statements

	// Tag is the name of the program in the log; "" means that of the
	// executable or of the link by which it was started.
	Tag string
	// OnError is told why a statement could not be sent. It must not log to the
	// same logger. nil writes to standard error, at most one line in ten seconds.
	OnError func(error)
}

// syslogSink sends one text to the syslog server, and may block for as long as
// the network does.
type syslogSink interface {
	send(level Level, text string) error
	Close() error
}

// Syslog is a logger that sends to a syslog server. See NewSyslog and
// NewRemoteSyslog. Statements wait in a bounded queue for the one goroutine that
// sends them; those that find it full are lost, and counted.
type Syslog struct {
	debug, trace bool
	sink         syslogSink // owned by the sending goroutine
	patience     time.Duration
	complaints   complaints

	lost      atomic.Uint64
	abandoned atomic.Bool // Close gave up waiting: send nothing any more

	mu     sync.RWMutex
	closed bool               // guarded by mu
	queue  chan syslogMessage // closed by Close, under mu
	done   chan struct{}      // closed when the goroutine has ended
}

type syslogMessage struct {
	level   Level
	text    string
	flushed chan<- struct{} // closed when all before this is sent; nil for a text
}

// NewSyslog returns a logger that sends to the syslog daemon of this machine.
// The caller must Close it.
func NewSyslog(opts SyslogOptions) (*Syslog, error) {
	return startSyslog(opts, func(tag string) (syslogSink, error) {
		return dialLocalSyslog(localSyslogSockets, tag)
	})
}

// NewRemoteSyslog returns a logger that sends to the syslog server at address:
// udp://host:port, tcp://host:port or unix:///path. The caller must Close it.
func NewRemoteSyslog(address string, opts SyslogOptions) (*Syslog, error) {
	network, where, err := parseSyslogAddress(address)
	if err != nil {
		return nil, err
	}
	return startSyslog(opts, func(tag string) (syslogSink, error) {
		return dialSyslog(network, where, tag)
	})
}

// parseSyslogAddress splits the address of a syslog server into a network and
// what net.Dial wants to know in that network.
func parseSyslogAddress(address string) (network, where string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", fmt.Errorf("remote syslog address: %w", err)
	}
	switch u.Scheme {
	case "udp", "tcp":
		host, port, err := net.SplitHostPort(u.Host)
		if err != nil {
			return "", "", fmt.Errorf("remote syslog address %q: want %s://host:port", address, u.Scheme)
		}
		if host == "" || port == "" {
			return "", "", fmt.Errorf("remote syslog address %q: host or port is missing", address)
		}
		return u.Scheme, u.Host, nil
	case "unix":
		if u.Host != "" || u.Path == "" {
			return "", "", fmt.Errorf("remote syslog address %q: want unix:///path", address)
		}
		return u.Scheme, u.Path, nil
	}
	return "", "", fmt.Errorf("remote syslog address %q: want udp://, tcp:// or unix://", address)
}

// SyslogTag returns the name that a program started as argv0 has in the log:
// its last path element, so that a link can give it another one.
func SyslogTag(argv0 string) string {
	return filepath.Base(argv0)
}

// startSyslog connects within syslogPatience and starts the sending goroutine.
func startSyslog(opts SyslogOptions, dial func(tag string) (syslogSink, error)) (*Syslog, error) {
	tag := opts.Tag
	if tag == "" {
		tag = SyslogTag(os.Args[0])
	}
	sink, err := dialInTime(syslogPatience, func() (syslogSink, error) { return dial(oneLine(tag)) })
	if err != nil {
		return nil, fmt.Errorf("connect to syslog: %w", err)
	}
	s := &Syslog{
		debug: opts.Debug, trace: opts.Trace,
		sink:     sink,
		patience: syslogPatience,
		queue:    make(chan syslogMessage, syslogQueue),
		done:     make(chan struct{}),
	}
	s.complaints.onError = opts.OnError
	s.complaints.now = time.Now
	go s.run()
	return s, nil
}

// dialInTime gives up waiting for a connection after a while. One that comes
// about later is closed.
func dialInTime(limit time.Duration, dial func() (syslogSink, error)) (syslogSink, error) {
	type result struct {
		sink syslogSink
		err  error
	}
	results := make(chan result, 1)
	go func() {
		sink, err := dial()
		results <- result{sink, err}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r := <-results:
		return r.sink, r.err
	case <-timer.C:
		go func() {
			if r := <-results; r.err == nil {
				r.sink.Close()
			}
		}()
		return nil, fmt.Errorf("no answer within %v", limit)
	}
}

// run sends what is queued until the queue is closed and empty.
func (s *Syslog) run() {
	defer close(s.done)
	defer s.sink.Close()
	var losses losses
	for m := range s.queue {
		if m.flushed != nil {
			close(m.flushed)
			continue
		}
		losses.untold += s.lost.Load() - losses.total
		losses.total = s.lost.Load()
		s.deliver(m, &losses)
	}
}

// deliver sends one message, and before it how many are missing.
func (s *Syslog) deliver(m syslogMessage, losses *losses) {
	if s.abandoned.Load() {
		s.lost.Add(1)
		return
	}
	if losses.untold > 0 {
		if losses.lastErr == nil {
			losses.lastErr = errSyslogBusy
		}
		if err := s.sink.send(Error, losses.text()); err != nil {
			s.lose(losses, err)
			return
		}
		losses.untold, losses.lastErr = 0, nil
	}
	if err := s.sink.send(m.level, m.text); err != nil {
		s.lose(losses, err)
	}
}

func (s *Syslog) lose(losses *losses, err error) {
	s.lost.Add(1)
	losses.lastErr = err
	s.complaints.report(fmt.Errorf("send to syslog: %w", err))
}

// Lost returns how many statements could not be sent so far.
func (s *Syslog) Lost() uint64 { return s.lost.Load() }

// Enabled reports whether statements of this level are sent.
func (s *Syslog) Enabled(level Level) bool {
	switch level {
	case Trace:
		return s.trace
	case Debug:
		return s.debug
	}
	return true
}

// Close sends what is queued and ends the connection. It waits two seconds at
// most; an error says how many statements the server did not take in that time.
// The sending goroutine then ends as soon as the operating system returns from
// the call in which it is stuck.
func (s *Syslog) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.queue)
	}
	s.mu.Unlock()
	if waitFor(s.done, s.patience) {
		return nil
	}
	s.abandoned.Store(true)
	return fmt.Errorf("close syslog: %w: %d statements not sent", errSyslogBusy, len(s.queue)+1)
}

func waitFor(done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// Noticef sends what an operator wants to know in normal operation.
func (s *Syslog) Noticef(format string, args ...any) { s.log(Notice, format, args) }

// Warnf sends what works but needs attention.
func (s *Syslog) Warnf(format string, args ...any) { s.log(Warn, format, args) }

// Errorf sends what failed.
func (s *Syslog) Errorf(format string, args ...any) { s.log(Error, format, args) }

// Fatalf sends why the server cannot go on, waits up to two seconds until that
// is on its way, and returns.
func (s *Syslog) Fatalf(format string, args ...any) {
	s.log(Fatal, format, args)
	flushed := make(chan struct{})
	if s.enqueue(syslogMessage{flushed: flushed}) {
		waitFor(flushed, s.patience)
	}
}

// Debugf sends what helps the developer, if SyslogOptions.Debug is set.
func (s *Syslog) Debugf(format string, args ...any) { s.log(Debug, format, args) }

// Tracef sends the protocol, if SyslogOptions.Trace is set.
func (s *Syslog) Tracef(format string, args ...any) { s.log(Trace, format, args) }

func (s *Syslog) log(level Level, format string, args []any) {
	if !s.Enabled(level) {
		return
	}
	text := shorten(oneLine(fmt.Sprintf(format, args...)), syslogLineMax)
	if !s.enqueue(syslogMessage{level: level, text: text}) {
		s.lost.Add(1)
		s.complaints.report(fmt.Errorf("send to syslog: %w", errSyslogBusy))
	}
}

// enqueue reports whether there was room in the queue.
func (s *Syslog) enqueue(m syslogMessage) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return false
	}
	select {
	case s.queue <- m:
		return true
	default:
		return false
	}
}

// shorten cuts text to limit bytes at a character's border and says how much is
// missing.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return fmt.Sprintf("%s... (%d bytes more)", text[:cut], len(text)-cut)
}
