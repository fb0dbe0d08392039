package logging

import (
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// rememberedStatements bounds the memory of a RateLimited: about 24 bytes each.
const rememberedStatements = 4096

// RateLimited is a Logger that writes the same statement at most once in an
// interval. Two statements are the same if their levels and their formatted
// texts are. Fatal statements are always written.
//
// It remembers the last few thousand statements. A flood of more than that
// many different ones in an interval makes it forget the oldest, so that a
// repetition may be written early; nothing new is ever held back.
type RateLimited struct {
	logger   Logger
	interval time.Duration
	now      func() time.Time
	seed     maphash.Seed

	mu   sync.Mutex
	last map[uint64]time.Time // guarded by mu: when each remembered statement was written
	// The remembered statements in the order of writing: a ring of at most
	// rememberedStatements that begins at first. Guarded by mu.
	order []uint64
	first int
}

// NewRateLimited returns a logger that writes to logger. now is the clock; nil
// means time.Now. An interval of 0 limits nothing.
func NewRateLimited(logger Logger, interval time.Duration, now func() time.Time) *RateLimited {
	if now == nil {
		now = time.Now
	}
	return &RateLimited{
		logger:   logger,
		interval: interval,
		now:      now,
		seed:     maphash.MakeSeed(),
		last:     make(map[uint64]time.Time),
	}
}

// With returns a logger that writes "prefix - statement" and shares this one's
// memory. The prefix is no part of the comparison: what a hundred connections
// have to say in the same words is said by one of them.
func (r *RateLimited) With(prefix string) Logger {
	return prefixed{r, prefix + " - "}
}

// Noticef logs a notice, unless the same was logged within the interval.
func (r *RateLimited) Noticef(format string, args ...any) { r.log("", Notice, format, args) }

// Warnf logs a warning, unless the same was logged within the interval.
func (r *RateLimited) Warnf(format string, args ...any) { r.log("", Warn, format, args) }

// Errorf logs an error, unless the same was logged within the interval.
func (r *RateLimited) Errorf(format string, args ...any) { r.log("", Error, format, args) }

// Fatalf logs why the server cannot go on, always.
func (r *RateLimited) Fatalf(format string, args ...any) { r.log("", Fatal, format, args) }

// Debugf logs a debug statement, unless the same was logged within the interval.
func (r *RateLimited) Debugf(format string, args ...any) { r.log("", Debug, format, args) }

// Tracef logs a trace statement, unless the same was logged within the interval.
func (r *RateLimited) Tracef(format string, args ...any) { r.log("", Trace, format, args) }

// Enabled reports whether the logger behind writes statements of this level.
func (r *RateLimited) Enabled(level Level) bool { return Enabled(r.logger, level) }

func (r *RateLimited) log(prefix string, level Level, format string, args []any) {
	if !r.Enabled(level) {
		return
	}
	statement := fmt.Sprintf(format, args...)
	if level != Fatal && !r.allow(level, statement) {
		return
	}
	Log(r.logger, level, "%s%s", prefix, statement)
}

// allow reports whether the statement is due, and remembers it if so.
func (r *RateLimited) allow(level Level, statement string) bool {
	key := r.key(level, statement)
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetBefore(now)
	if _, ok := r.last[key]; ok {
		return false
	}
	if len(r.last) == rememberedStatements {
		r.forgetOldest()
	}
	r.last[key] = now
	r.push(key)
	return true
}

// key stands for a statement of any length in 8 bytes. The seed is secret, so
// nobody outside can find two statements with the same key.
func (r *RateLimited) key(level Level, statement string) uint64 {
	var h maphash.Hash
	h.SetSeed(r.seed)
	h.WriteByte(byte(level))
	h.WriteString(statement)
	return h.Sum64()
}

// forgetBefore drops what was written an interval ago or earlier, and what a
// clock that went backwards made appear to lie in the future.
func (r *RateLimited) forgetBefore(now time.Time) {
	for len(r.last) > 0 {
		age := now.Sub(r.last[r.order[r.first]])
		if age >= 0 && age < r.interval {
			return
		}
		r.forgetOldest()
	}
}

func (r *RateLimited) forgetOldest() {
	delete(r.last, r.order[r.first])
	r.first = (r.first + 1) % len(r.order)
}

// push appends to the ring, which has room: forgetOldest comes first when full.
func (r *RateLimited) push(key uint64) {
	held := len(r.last) - 1
	if held == len(r.order) {
		grown := make([]uint64, min(max(2*held, 16), rememberedStatements))
		n := copy(grown, r.order[r.first:])
		copy(grown[n:], r.order[:r.first])
		r.order, r.first = grown, 0
	}
	r.order[(r.first+held)%len(r.order)] = key
}

// prefixed is a view of a RateLimited with a prefix.
type prefixed struct {
	limited *RateLimited
	prefix  string
}

func (p prefixed) Noticef(format string, args ...any) { p.limited.log(p.prefix, Notice, format, args) }
func (p prefixed) Warnf(format string, args ...any)   { p.limited.log(p.prefix, Warn, format, args) }
func (p prefixed) Errorf(format string, args ...any)  { p.limited.log(p.prefix, Error, format, args) }
func (p prefixed) Fatalf(format string, args ...any)  { p.limited.log(p.prefix, Fatal, format, args) }
func (p prefixed) Debugf(format string, args ...any)  { p.limited.log(p.prefix, Debug, format, args) }
func (p prefixed) Tracef(format string, args ...any)  { p.limited.log(p.prefix, Trace, format, args) }
func (p prefixed) Enabled(level Level) bool           { return p.limited.Enabled(level) }
