package monitor

import (
	"fmt"
	"time"
)

// uptime is the text of a duration in whole seconds, from the leading unit
// down: 22s, 4m22s, 4h4m22s, 32d4h4m22s, 22y32d4h4m22s. A year has 365 days.
// What is negative, since a clock was set back, is 0s.
func uptime(d time.Duration) string {
	seconds := int64(max(d, 0) / time.Second)
	minutes := seconds / 60
	hours := minutes / 60
	days := hours / 24
	years := days / 365
	switch {
	case years > 0:
		return fmt.Sprintf("%dy%dd%dh%dm%ds", years, days%365, hours%24, minutes%60, seconds%60)
	case days > 0:
		return fmt.Sprintf("%dd%dh%dm%ds", days, hours%24, minutes%60, seconds%60)
	case hours > 0:
		return fmt.Sprintf("%dh%dm%ds", hours, minutes%60, seconds%60)
	case minutes > 0:
		return fmt.Sprintf("%dm%ds", minutes, seconds%60)
	}
	return fmt.Sprintf("%ds", seconds)
}

// roundTrip is the text of a measured round trip, 0s if it was not measured.
// Below a millisecond, fractions of microseconds are noise.
func roundTrip(d time.Duration) string {
	if d > time.Microsecond && d < time.Millisecond {
		d = d.Truncate(time.Microsecond)
	}
	return d.String()
}
