package monitor

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Go: TestMyUptime server/monitor_test.go:139
func TestUptimeShowsTheLeadingUnitAndAllBelow(t *testing.T) {
	const day = 24 * time.Hour
	for want, d := range map[string]time.Duration{
		"0s":                0,
		"22s":               22*time.Second + 999*time.Millisecond,
		"1m0s":              time.Minute,
		"4m22s":             4*time.Minute + 22*time.Second,
		"4h4m22s":           4*time.Hour + 4*time.Minute + 22*time.Second,
		"1d0h0m0s":          day,
		"32d4h4m22s":        32*day + 4*time.Hour + 4*time.Minute + 22*time.Second,
		"364d23h59m59s":     365*day - time.Second,
		"1y0d0h0m0s":        365 * day,
		"22y32d4h4m22s":     22*365*day + 32*day + 4*time.Hour + 4*time.Minute + 22*time.Second,
		"292y171d23h47m16s": 1<<63 - 1,
	} {
		if got := uptime(d); got != want {
			t.Errorf("uptime(%v) = %q, want %q", d, got, want)
		}
	}
	if got := uptime(-time.Hour); got != "0s" {
		t.Errorf("a clock that was set back: %q", got)
	}
}

// Adding the parts of the text up gives the whole seconds again.
func TestUptimeLosesOnlyFractions(t *testing.T) {
	units := map[byte]time.Duration{
		'y': 365 * 24 * time.Hour, 'd': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second,
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, 1<<62).Draw(t, "d"))
		var sum, number time.Duration
		for _, c := range []byte(uptime(d)) {
			if c >= '0' && c <= '9' {
				number = 10*number + time.Duration(c-'0')
				continue
			}
			sum, number = sum+number*units[c], 0
		}
		if sum != d.Truncate(time.Second) {
			t.Fatalf("uptime(%d) = %q, which is %d", d, uptime(d), sum)
		}
	})
}

func TestRoundTripIsCutToMicrosecondsBelowAMillisecond(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "900ns": 900, "1µs": 1000, "951µs": 951*time.Microsecond + 999,
		"1.187796ms": 1187796, "2.5s": 2500 * time.Millisecond,
	} {
		if got := roundTrip(d); got != want {
			t.Errorf("roundTrip(%d) = %q, want %q", d, got, want)
		}
	}
}
