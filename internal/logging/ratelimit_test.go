package logging

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// recording keeps lines for the tests inside this package.
type recording struct {
	lines []string
	off   map[Level]bool
}

func (r *recording) add(level Level, format string, args []any) {
	r.lines = append(r.lines, level.String()+" "+fmt.Sprintf(format, args...))
}
func (r *recording) Noticef(format string, args ...any) { r.add(Notice, format, args) }
func (r *recording) Warnf(format string, args ...any)   { r.add(Warn, format, args) }
func (r *recording) Fatalf(format string, args ...any)  { r.add(Fatal, format, args) }
func (r *recording) Errorf(format string, args ...any)  { r.add(Error, format, args) }
func (r *recording) Debugf(format string, args ...any)  { r.add(Debug, format, args) }
func (r *recording) Tracef(format string, args ...any)  { r.add(Trace, format, args) }
func (r *recording) Enabled(level Level) bool           { return !r.off[level] }

func TestSameStatementOnceInAnInterval(t *testing.T) {
	now := time.Unix(1000, 0)
	log := &recording{}
	limited := NewRateLimited(log, time.Second, func() time.Time { return now })
	check := func(step string, want ...string) {
		t.Helper()
		if strings.Join(log.lines, "|") != strings.Join(want, "|") {
			t.Errorf("%s: lines %q, want %q", step, log.lines, want)
		}
		log.lines = nil
	}

	limited.Warnf("maximum connections exceeded: %d", 5)
	limited.Warnf("maximum connections exceeded: %s", "5")
	check("same text", "WRN maximum connections exceeded: 5")

	limited.Errorf("maximum connections exceeded: 5")
	limited.Warnf("maximum connections exceeded: 6")
	check("other level, other text", "ERR maximum connections exceeded: 5", "WRN maximum connections exceeded: 6")

	limited.With("10.0.0.1:1 - cid:7").Warnf("maximum connections exceeded: %d", 5)
	limited.With("10.0.0.1:2 - cid:8").Warnf("authentication timeout")
	limited.With("10.0.0.1:3 - cid:9").Warnf("authentication timeout")
	check("the prefix does not count", "WRN 10.0.0.1:2 - cid:8 - authentication timeout")

	limited.Fatalf("the end")
	limited.With("here").Fatalf("the end")
	check("fatal", "FTL the end", "FTL here - the end")

	now = now.Add(time.Second - 1)
	limited.Warnf("maximum connections exceeded: 5")
	check("just before the interval is over")
	now = now.Add(1)
	limited.Warnf("maximum connections exceeded: 5")
	limited.Warnf("maximum connections exceeded: 5")
	check("the next interval", "WRN maximum connections exceeded: 5")

	now = now.Add(-time.Hour)
	limited.Warnf("maximum connections exceeded: 5")
	check("the clock went backwards", "WRN maximum connections exceeded: 5")

	limited.Noticef("%s", "100%d")
	limited.Debugf("a")
	limited.Tracef("a")
	check("the other levels", "INF 100%d", "DBG a", "TRC a")
}

func TestRateLimitedViewHasAllLevels(t *testing.T) {
	log := &recording{}
	limited := NewRateLimited(log, time.Hour, nil)
	for level := Trace; level <= Fatal; level++ {
		Log(limited.With("a"), level, "x")
		Log(limited.With("b"), level, "x")
		Log(limited, level, "x")
	}
	want := "TRC a - x|DBG a - x|INF a - x|WRN a - x|ERR a - x|FTL a - x|FTL b - x|FTL x"
	if got := strings.Join(log.lines, "|"); got != want {
		t.Errorf("lines %q, want %q", got, want)
	}
}

func TestRateLimitedSkipsLevelsThatAreOff(t *testing.T) {
	log := &recording{off: map[Level]bool{Debug: true}}
	limited := NewRateLimited(log, time.Hour, nil)
	limited.Debugf("x %v", neverFormatted{t})
	limited.With("p").Debugf("x %v", neverFormatted{t})
	if Enabled(limited, Debug) || Enabled(limited.With("p"), Debug) || !Enabled(limited, Warn) {
		t.Error("Enabled differs from the logger behind")
	}
	if len(log.lines) != 0 {
		t.Errorf("lines %q", log.lines)
	}
}

type neverFormatted struct{ t *testing.T }

func (n neverFormatted) String() string {
	n.t.Error("a statement was formatted that is not written")
	return ""
}

func TestRateLimitedMemoryIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	log := &recording{}
	limited := NewRateLimited(log, time.Hour, func() time.Time { return now })
	const total = 3*rememberedStatements + 17
	for i := range total {
		limited.Warnf("statement %d", i)
	}
	if len(log.lines) != total {
		t.Errorf("%d of %d different statements were written", len(log.lines), total)
	}
	if len(limited.last) != rememberedStatements || len(limited.order) != rememberedStatements {
		t.Errorf("remembers %d, ring of %d", len(limited.last), len(limited.order))
	}
	log.lines = nil
	limited.Warnf("statement %d", total-rememberedStatements)
	if len(log.lines) != 0 {
		t.Error("a statement was forgotten too early")
	}
	limited.Warnf("statement %d", total-rememberedStatements-1)
	if len(log.lines) != 1 {
		t.Error("the oldest statement was not forgotten")
	}
	now = now.Add(time.Hour)
	limited.Warnf("x")
	if len(limited.last) != 1 {
		t.Errorf("remembers %d after the interval", len(limited.last))
	}
}

// The model keeps the time of every statement for ever.
func TestRateLimitedAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1000, 0)
		interval := time.Duration(rapid.IntRange(0, 50).Draw(t, "interval"))
		log := &recording{}
		limited := NewRateLimited(log, interval, func() time.Time { return now })
		written := map[int]time.Time{}
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "pause")))
			statement := rapid.IntRange(0, 40).Draw(t, "statement")
			last, ok := written[statement]
			want := !ok || now.Sub(last) >= interval
			if want {
				written[statement] = now
			}
			log.lines = nil
			limited.Noticef("%d", statement)
			if got := len(log.lines) == 1; got != want {
				t.Fatalf("statement %d at %v: written %v, want %v", statement, now.UnixNano(), got, want)
			}
		}
	})
}
