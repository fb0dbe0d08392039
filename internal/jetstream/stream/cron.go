package stream

import (
	"strings"
	"time"
)

// cronYears is how many years ahead a time is looked for.
const cronYears = 5

// A span is the values that a field of a cron pattern can have, and their names from
// the lowest one on.
type span struct {
	low, high uint64
	names     []string
}

var cronSpans = [6]span{
	{low: 0, high: 59},
	{low: 0, high: 59},
	{low: 0, high: 23},
	{low: 1, high: 31},
	{low: 1, high: 12, names: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{low: 0, high: 6, names: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// A choice is the values that one field allows, as bits.
type choice struct {
	bits uint64
	open bool // written with a star: the field restricts nothing
}

func (c choice) allows(value int) bool { return c.bits>>uint(value)&1 != 0 }

// Cron is a calendar: seconds, minutes, hours, days, months and days of the week.
type cron struct {
	second, minute, hour, day, month, weekday choice
	zone                                      *time.Location
}

var cronNames = map[string]string{
	"@yearly":   "0 0 0 1 1 *",
	"@annually": "0 0 0 1 1 *",
	"@monthly":  "0 0 0 1 * *",
	"@weekly":   "0 0 0 * * 0",
	"@daily":    "0 0 0 * * *",
	"@midnight": "0 0 0 * * *",
	"@hourly":   "0 0 * * * *",
}

// parseCron reads a pattern of six fields, or the name of one.
func parseCron(pattern string, zone *time.Location) (*cron, bool) {
	if known, ok := cronNames[pattern]; ok {
		pattern = known
	}
	parts := strings.Fields(pattern)
	if len(parts) != len(cronSpans) {
		return nil, false
	}
	var choices [len(cronSpans)]choice
	for i, part := range parts {
		var ok bool
		if choices[i], ok = parseChoice(part, cronSpans[i]); !ok {
			return nil, false
		}
	}
	return &cron{
		second: choices[0], minute: choices[1], hour: choices[2],
		day: choices[3], month: choices[4], weekday: choices[5],
		zone: zone,
	}, true
}

// parseChoice reads a list of ranges.
func parseChoice(text string, of span) (all choice, ok bool) {
	for item := range strings.SplitSeq(text, ",") {
		if item == "" {
			continue
		}
		c, ok := parseRange(item, of)
		if !ok {
			return choice{}, false
		}
		all.bits |= c.bits
		all.open = all.open || c.open
	}
	return all, all.bits != 0
}

// parseRange reads a star, a value or two with a hyphen, and perhaps a step.
func parseRange(text string, of span) (c choice, ok bool) {
	bounds, stepText, stepped := strings.Cut(text, "/")
	step := uint64(1)
	if stepped {
		if step, ok = parseUint([]byte(stepText)); !ok || step == 0 {
			return choice{}, false
		}
	}
	low, high := of.low, of.high
	if star := bounds == "*" || bounds == "?"; star {
		c.open = step == 1
	} else {
		from, to, two := strings.Cut(bounds, "-")
		if low, ok = of.value(from); !ok {
			return choice{}, false
		}
		switch {
		case two:
			if high, ok = of.value(to); !ok {
				return choice{}, false
			}
		case !stepped:
			high = low
		}
	}
	if low < of.low || high > of.high || low > high {
		return choice{}, false
	}
	for v := low; v <= high; v += min(step, of.high+1) {
		c.bits |= 1 << v
	}
	return c, true
}

// value reads a number or a name.
func (s span) value(text string) (uint64, bool) {
	for i, name := range s.names {
		if strings.EqualFold(name, text) {
			return s.low + uint64(i), true
		}
	}
	return parseUint([]byte(text))
}

// next returns the first time of the calendar behind another, and false if there is
// none in the years to come. A local time that clocks skip never comes, one that they
// show twice comes twice.
func (c *cron) next(after time.Time) (time.Time, bool) {
	t := after.In(c.zone).Truncate(time.Second).Add(time.Second)
	for last := t.Year() + cronYears; t.Year() <= last; {
		n := t
		switch {
		case !c.month.allows(int(t.Month())):
			n = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, c.zone)
		case !c.allowsDay(t):
			n = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, c.zone)
		case !c.hour.allows(t.Hour()):
			n = t.Add(time.Duration(60-t.Minute())*time.Minute - time.Duration(t.Second())*time.Second)
		case !c.minute.allows(t.Minute()):
			n = t.Add(time.Duration(60-t.Second()) * time.Second)
		case !c.second.allows(t.Second()):
			n = t.Add(time.Second)
		default:
			return t, true
		}
		if !n.After(t) {
			n = t.Add(time.Hour) // a day that begins with an hour that clocks skip
		}
		t = n
	}
	return time.Time{}, false
}

// allowsDay reports whether the calendar has the day of t: if both the day of the
// month and that of the week are restricted, one of them is enough.
func (c *cron) allowsDay(t time.Time) bool {
	day, weekday := c.day.allows(t.Day()), c.weekday.allows(int(t.Weekday()))
	if c.day.open || c.weekday.open {
		return day && weekday
	}
	return day || weekday
}
