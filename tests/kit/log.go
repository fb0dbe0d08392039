package kit

import (
	"fmt"
	"strings"
	"sync"
)

// Log is a server's log that tests look into. Its lines begin with their level, as
// "WRN no luck". The zero value is ready; any goroutine may use it.
type Log struct {
	mu    sync.Mutex
	muted bool
	lines []string
}

func (l *Log) add(level, format string, args []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.muted {
		l.lines = append(l.lines, level+" "+fmt.Sprintf(format, args...))
	}
}

// Noticef implements godwit.Logger.
func (l *Log) Noticef(format string, args ...any) { l.add("INF", format, args) }

// Warnf implements godwit.Logger.
func (l *Log) Warnf(format string, args ...any) { l.add("WRN", format, args) }

// Errorf implements godwit.Logger.
func (l *Log) Errorf(format string, args ...any) { l.add("ERR", format, args) }

// Fatalf implements godwit.Logger. It does not end the process.
func (l *Log) Fatalf(format string, args ...any) { l.add("FTL", format, args) }

// Debugf implements godwit.Logger.
func (l *Log) Debugf(format string, args ...any) { l.add("DBG", format, args) }

// Tracef implements godwit.Logger.
func (l *Log) Tracef(format string, args ...any) { l.add("TRC", format, args) }

// Mute makes the log keep nothing any more.
func (l *Log) Mute() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.muted = true
}

// Find returns the lines that have all parts.
func (l *Log) Find(parts ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.find(parts)
}

func (l *Log) find(parts []string) (found []string) {
lines:
	for _, line := range l.lines {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue lines
			}
		}
		found = append(found, line)
	}
	return found
}

// Has reports whether a line has all parts.
func (l *Log) Has(parts ...string) bool { return len(l.Find(parts...)) > 0 }

// Count is the number of lines that have all parts.
func (l *Log) Count(parts ...string) int { return len(l.Find(parts...)) }

// Take returns the lines that have all parts, and forgets all lines.
func (l *Log) Take(parts ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.find(parts)
	l.lines = nil
	return found
}
