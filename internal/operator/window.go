package operator

import (
	"net"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
)

// inWindows reports whether now is within one of the daily windows, and the end
// of the one that is open longest; zero if there are no windows. The times of day
// are those of the zone that is named, or else of now. A window whose start comes
// after its end goes over midnight. One that makes no sense is closed.
func inWindows(windows []jwt.TimeRange, zone string, now time.Time) (until time.Time, open bool) {
	if len(windows) == 0 {
		return time.Time{}, true
	}
	if zone != "" {
		location, err := time.LoadLocation(zone)
		if err != nil {
			return time.Time{}, false
		}
		now = now.In(location)
	}
	for _, w := range windows {
		end, ok := inWindow(w, now)
		if ok && end.After(until) {
			until = end
		}
	}
	return until, !until.IsZero()
}

// inWindow returns when a window closes that is open now. The very moments of
// start and end are outside.
func inWindow(w jwt.TimeRange, now time.Time) (end time.Time, open bool) {
	start, ok := timeOfDay(w.Start, now)
	end, ok2 := timeOfDay(w.End, now)
	switch {
	case !ok || !ok2:
		return end, false
	case !start.After(end):
		return end, now.After(start) && now.Before(end)
	case now.Before(end):
		return end, true // opened yesterday
	}
	return end.AddDate(0, 0, 1), now.After(start)
}

// timeOfDay is a time such as 15:04:05 on the day of now.
func timeOfDay(text string, now time.Time) (time.Time, bool) {
	t, err := time.Parse(time.TimeOnly, text)
	if err != nil {
		return t, false
	}
	year, month, day := now.Date()
	return time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), 0, now.Location()), true
}

// inNetworks reports whether a host is in one of the networks, written as CIDR. A
// host that is not known is in none, and a network that makes no sense lets
// nobody in.
func inNetworks(networks []string, host string) bool {
	if len(networks) == 0 {
		return true
	}
	host, _, _ = strings.Cut(host, "%") // of a link-local address, the interface
	ip := net.ParseIP(host)
	if ip == nil {
		return false
	}
	for _, text := range networks {
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			return false
		}
		if network.Contains(ip) {
			return true
		}
	}
	return false
}
