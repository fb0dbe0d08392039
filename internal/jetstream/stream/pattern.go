package stream

import (
	"math"
	"strings"
	"time"
)

// A pattern is when a schedule fires: once, at intervals, or by a calendar.
type pattern struct {
	at    int64 // Unix nanoseconds, if neither of the others is set
	every time.Duration
	cron  *cron
}

// parsePattern reads the text of a schedule. A zone other than nil goes with
// calendars only.
func parsePattern(text string, zone *time.Location) (*pattern, bool) {
	if at, ok := strings.CutPrefix(text, "@at "); ok {
		t, err := time.Parse(time.RFC3339, at)
		return &pattern{at: nanoseconds(t)}, err == nil && zone == nil
	}
	if every, ok := strings.CutPrefix(text, "@every "); ok {
		d, err := time.ParseDuration(every)
		return &pattern{every: d}, err == nil && zone == nil && d >= time.Second
	}
	if zone == nil {
		zone = time.UTC
	}
	c, ok := parseCron(text, zone)
	return &pattern{cron: c}, ok
}

// repeats reports whether the schedule goes on after it has fired.
func (p *pattern) repeats() bool { return p.every > 0 || p.cron != nil }

// after returns the time for which a schedule is due that is set or has fired at a
// time. It is false if there is none in the years to come.
func (p *pattern) after(t int64) (int64, bool) {
	switch {
	case p.cron != nil:
		next, ok := p.cron.next(time.Unix(0, t).UTC())
		return nanoseconds(next), ok
	case p.every > 0:
		return nanoseconds(time.Unix(0, t).UTC().Round(time.Second).Add(p.every)), true
	}
	return p.at, true
}

// again returns when a schedule is due next that was due at a time and fires now:
// what was missed meanwhile is left out.
func (p *pattern) again(due, now int64) (int64, bool) {
	next, ok := p.after(due)
	if !ok || next > now {
		return next, ok
	}
	return p.after(time.Unix(0, now).Round(time.Second).UnixNano())
}

// Nanoseconds is a time in Unix nanoseconds, the nearest there is if it lies too far
// away for that.
func nanoseconds(t time.Time) int64 {
	switch s := t.Unix(); {
	case s > math.MaxInt64/int64(time.Second)-1:
		return math.MaxInt64
	case s < math.MinInt64/int64(time.Second)+1:
		return math.MinInt64
	}
	return t.UnixNano()
}
