package logtest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/logging"
)

// patience is how long Wait waits for a statement. It is long because it only
// passes in full when a test fails.
const patience = 10 * time.Second

// Entry is one statement.
type Entry struct {
	Level logging.Level
	Text  string
}

// String returns the statement as it stands in a log.
func (e Entry) String() string { return "[" + e.Level.String() + "] " + e.Text }

// Capture is a logging.Logger that keeps what is logged. The zero value is
// ready for use.
type Capture struct {
	mu      sync.Mutex
	entries []Entry       // guarded by mu
	grown   chan struct{} // guarded by mu: closed at the next statement; nil if nobody waits
}

// New returns a Capture whose statements are shown if t fails.
func New(t testing.TB) *Capture {
	c := &Capture{}
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, e := range c.Entries() {
			t.Log(e)
		}
	})
	return c
}

// Noticef keeps a notice.
func (c *Capture) Noticef(format string, args ...any) { c.keep(logging.Notice, format, args) }

// Warnf keeps a warning.
func (c *Capture) Warnf(format string, args ...any) { c.keep(logging.Warn, format, args) }

// Fatalf keeps a fatal statement and returns.
func (c *Capture) Fatalf(format string, args ...any) { c.keep(logging.Fatal, format, args) }

// Errorf keeps an error.
func (c *Capture) Errorf(format string, args ...any) { c.keep(logging.Error, format, args) }

// Debugf keeps a debug statement.
func (c *Capture) Debugf(format string, args ...any) { c.keep(logging.Debug, format, args) }

// Tracef keeps a trace statement.
func (c *Capture) Tracef(format string, args ...any) { c.keep(logging.Trace, format, args) }

func (c *Capture) keep(level logging.Level, format string, args []any) {
	text := fmt.Sprintf(format, args...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = append(c.entries, Entry{level, text})
	if c.grown != nil {
		close(c.grown)
		c.grown = nil
	}
}

// Entries returns a copy of what was logged so far.
func (c *Capture) Entries() []Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Entry(nil), c.entries...)
}

// Lines returns what was logged so far as it stands in a log, without time.
func (c *Capture) Lines() []string {
	entries := c.Entries()
	lines := make([]string, len(entries))
	for i, e := range entries {
		lines[i] = e.String()
	}
	return lines
}

// Reset forgets what was logged so far.
func (c *Capture) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = nil
}

// Count returns how many statements of the level contain part.
func (c *Capture) Count(level logging.Level, part string) int {
	n := 0
	for _, e := range c.Entries() {
		if e.Level == level && strings.Contains(e.Text, part) {
			n++
		}
	}
	return n
}

// Wait waits until a statement of the level contains part. It ends the test if
// that does not happen in time, so it must run in the test's own goroutine.
func (c *Capture) Wait(t testing.TB, level logging.Level, part string) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		grown := c.next()
		if c.Count(level, part) > 0 {
			return
		}
		select {
		case <-grown:
		case <-timer.C:
			t.Fatalf("no %v statement with %q within %v", level, part, patience)
		}
	}
}

// next returns a channel that is closed when the next statement arrives.
func (c *Capture) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.grown == nil {
		c.grown = make(chan struct{})
	}
	return c.grown
}
