package operator

import (
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"pgregory.net/rapid"
)

// Go: TestJWTValidateTimesAt server/jwt_test.go:4150
func TestTimeWindows(t *testing.T) {
	at := func(clock string) time.Time {
		moment, err := time.Parse(time.DateTime, "2026-05-04 "+clock)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	type ranges = []jwt.TimeRange
	day, night := jwt.TimeRange{Start: "09:00:00", End: "17:00:00"}, jwt.TimeRange{Start: "22:00:00", End: "06:00:00"}
	early := jwt.TimeRange{Start: "00:00:00", End: "08:00:00"}
	for name, test := range map[string]struct {
		now     time.Time
		windows ranges
		left    time.Duration // 0: closed
	}{
		"inside":                                {at("14:30:00"), ranges{day}, 2*time.Hour + 30*time.Minute},
		"before":                                {at("08:00:00"), ranges{day}, 0},
		"after":                                 {at("18:00:00"), ranges{day}, 0},
		"at the start":                          {at("09:00:00"), ranges{day}, 0},
		"at the end":                            {at("17:00:00"), ranges{day}, 0},
		"over midnight, before it":              {at("23:30:00"), ranges{night}, 6*time.Hour + 30*time.Minute},
		"over midnight, after it":               {at("05:00:00"), ranges{night}, time.Hour},
		"over midnight, too early":              {at("21:00:00"), ranges{night}, 0},
		"over midnight, too late":               {at("07:00:00"), ranges{night}, 0},
		"two are open, the longer counts":       {at("01:00:00"), ranges{night, early}, 7 * time.Hour},
		"two are open, the other way round":     {at("01:00:00"), ranges{early, night}, 7 * time.Hour},
		"nothing is open between two":           {at("19:00:00"), ranges{day, night}, 0},
		"start and end are one":                 {at("09:00:00"), ranges{{Start: "09:00:00", End: "09:00:00"}}, 0},
		"a window without sense is closed":      {at("10:00:00"), ranges{{Start: "x", End: "17:00:00"}}, 0},
		"a window without sense beside another": {at("10:00:00"), ranges{{Start: "x", End: "17:00:00"}, day}, 7 * time.Hour},
	} {
		until, open := inWindows(test.windows, "UTC", test.now)
		if open != (test.left > 0) || open && until.Sub(test.now) != test.left {
			t.Errorf("%s: open %t until %v, want %v left", name, open, until, test.left)
		}
	}
}

func TestTimeWindowsOfZones(t *testing.T) {
	windows := []jwt.TimeRange{{Start: "09:00:00", End: "17:00:00"}}
	noon := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		zone string
		now  time.Time
		open bool
	}{
		{"Europe/Berlin", noon, true},     // 13:00
		{"Asia/Tokyo", noon, false},       // 21:00
		{"Nowhere/Such", noon, false},     // cannot be told
		{"../../etc/passwd", noon, false}, // nor this
		{"", noon, true},
		{"", noon.In(time.FixedZone("", 8*3600)), false}, // the server's zone
	} {
		if _, open := inWindows(windows, test.zone, test.now); open != test.open {
			t.Errorf("zone %q at %v: open %t", test.zone, test.now, open)
		}
	}
	until, open := inWindows(nil, "", noon)
	if !open || !until.IsZero() {
		t.Error("without windows it must always be open")
	}
}

// Seconds of the day, minute by minute, are a plainer way to say the same.
func TestTimeWindowsProperty(t *testing.T) {
	const day = 24 * 60 * 60
	midnight := time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)
	clock := func(second int) string {
		return midnight.Add(time.Duration(second) * time.Second).Format(time.TimeOnly)
	}
	rapid.Check(t, func(t *rapid.T) {
		second := rapid.IntRange(0, day-1)
		start, end, now := second.Draw(t, "start"), second.Draw(t, "end"), second.Draw(t, "now")
		open := now > start && now < end
		if start > end {
			open = now > start || now < end
		}
		moment := midnight.Add(time.Duration(now) * time.Second)
		until, got := inWindows([]jwt.TimeRange{{Start: clock(start), End: clock(end)}}, "", moment)
		if got != open {
			t.Fatalf("%s in %s to %s: open %t", clock(now), clock(start), clock(end), got)
		}
		if left := (end - now + day) % day; open && until.Sub(moment) != time.Duration(left)*time.Second {
			t.Fatalf("%s in %s to %s: until %v", clock(now), clock(start), clock(end), until)
		}
	})
}

func TestNetworks(t *testing.T) {
	for _, test := range []struct {
		networks []string
		host     string
		in       bool
	}{
		{nil, "", true},
		{nil, "10.1.2.3", true},
		{[]string{"10.0.0.0/8"}, "10.1.2.3", true},
		{[]string{"10.0.0.0/8"}, "::ffff:10.1.2.3", true},
		{[]string{"10.0.0.0/8"}, "11.1.2.3", false},
		{[]string{"192.0.2.0/24", "10.0.0.0/8"}, "10.1.2.3", true},
		{[]string{"fe80::/10"}, "fe80::1%eth0", true},
		{[]string{"::1/128"}, "::1", true},
		{[]string{"0.0.0.0/0"}, "", false},
		{[]string{"0.0.0.0/0"}, "host.example", false},
		{[]string{"rubbish", "0.0.0.0/0"}, "10.1.2.3", false},
	} {
		if got := inNetworks(test.networks, test.host); got != test.in {
			t.Errorf("%q in %v: %t", test.host, test.networks, got)
		}
	}
}
