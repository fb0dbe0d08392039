package stream

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
)

func scheduling(c *api.StreamConfig) {
	c.AllowSchedules, c.AllowRollup, c.AllowMessageTTL = true, true, true
}

func at(text string) int64 {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t.UnixNano()
}

// Patterns have the times that calendars say, and know whether they go on. What was
// missed meanwhile is left out.
//
// Go: TestJetStreamScheduledMessageParse server/jetstream_test.go:23617
func TestPatterns(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Skip("no time zones on this machine: ", err)
	}
	for _, c := range []struct {
		text  string
		zone  *time.Location
		after string
		want  string
	}{
		{"@at 2026-02-03T04:05:06.5Z", nil, "2026-01-01T00:00:00Z", "2026-02-03T04:05:06.5Z"},
		{"@at 2020-02-03T04:05:06+01:00", nil, "2026-01-01T00:00:00Z", "2020-02-03T03:05:06Z"},
		{"@every 5s", nil, "2026-01-01T00:00:00.4Z", "2026-01-01T00:00:05Z"},
		{"@every 5s", nil, "2026-01-01T00:00:00.6Z", "2026-01-01T00:00:06Z"},
		{"@every 1500ms", nil, "2026-01-01T00:00:00.6Z", "2026-01-01T00:00:02.5Z"},
		{"@every 1500ms", nil, "2026-01-01T00:00:02.5Z", "2026-01-01T00:00:04.5Z"},
		{"* * * * * *", nil, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"},
		{"* * * * * *", nil, "2026-01-01T00:00:00.999999999Z", "2026-01-01T00:00:01Z"},
		{"@yearly", nil, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"@annually", nil, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"@monthly", nil, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"},
		{"@weekly", nil, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"},
		{"@daily", nil, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
		{"@midnight", nil, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
		{"@hourly", nil, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"},
		{"0 */20 8-10,12 ? * MON-fri", nil, "2026-01-01T10:45:00Z", "2026-01-01T12:00:00Z"},
		{"30/15 0 0 29 feb *", nil, "2026-01-01T00:00:00Z", "2028-02-29T00:00:30Z"},
		{"0 0 0 13 * fri", nil, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},  // one of the two is enough
		{"0 0 0 */2 * fri", nil, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"}, // a star with a step restricts
		{"0 0 0 13 * */1", nil, "2026-01-01T00:00:00Z", "2026-01-13T00:00:00Z"},  // without, it does not
		{"0 0 0 31 * *", nil, "2026-02-01T00:00:00Z", "2026-03-31T00:00:00Z"},
		{"* * * * * *", zone, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"},
		{"@daily", zone, "2026-01-01T00:00:00Z", "2026-01-01T05:00:00Z"},
		{"0 30 2 * * *", zone, "2026-03-07T12:00:00Z", "2026-03-09T06:30:00Z"}, // 2:30 does not exist on the 8th
		{"0 30 1 * * *", zone, "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"}, // 1:30 exists twice
	} {
		p, ok := parsePattern(c.text, c.zone)
		if !ok {
			t.Errorf("%q is refused", c.text)
			continue
		}
		next, ok := p.after(at(c.after))
		if got := time.Unix(0, next).UTC().Format(time.RFC3339Nano); !ok || got != c.want {
			t.Errorf("%q after %s: %s, %v, want %s", c.text, c.after, got, ok, c.want)
		}
		if once := strings.HasPrefix(c.text, "@at"); p.repeats() == once {
			t.Errorf("%q repeats: %v", c.text, p.repeats())
		}
	}
	for _, text := range []string{
		"@at", "@at tomorrow", "@every", "@every 999ms", "@every x", "@never", "* * * * *", "* * * * * * *", "60 * * * * *",
		"* * 24 * * *", "* * * 0 * *", "* * * 32 * *", "* * * * 13 *", "* * * * * 7", "5-1 * * * * *", "*/0 * * * * *",
		"1-2-3 * * * * *", "1/2/3 * * * * *", "-1 * * * * *", "x * * * * *", "* * * * foo *", ", * * * * *", "1-x * * * * *",
	} {
		if _, ok := parsePattern(text, nil); ok {
			t.Errorf("%q is taken", text)
		}
	}
	for _, text := range []string{"@at 2026-02-03T04:05:06Z", "@every 5s"} {
		if _, ok := parsePattern(text, time.UTC); ok {
			t.Errorf("%q is taken with a time zone", text)
		}
	}
	never, _ := parsePattern("0 0 0 30 2 *", nil)
	if next, ok := never.after(base); ok {
		t.Errorf("the 30th of February comes at %s", time.Unix(0, next))
	}
	for text, want := range map[string]int64{"@every 5s": base + 3605*second, "* * * * * *": base + 3601*second} {
		p, _ := parsePattern(text, nil)
		if next, ok := p.again(base, base+3600*second); !ok || next != want {
			t.Errorf("%q: %s", text, time.Unix(0, next).UTC())
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, text := range []string{"@at 2026-01-01T00:00:00Z", "@every 1s", "0 0 0 29 2 *", "*/5 1-3,7 ? jan-feb * mon", "@daily"} {
		f.Add(text, int64(0))
	}
	f.Fuzz(func(t *testing.T, text string, after int64) {
		p, ok := parsePattern(text, nil)
		if !ok || after < 0 {
			return
		}
		next, ok := p.after(after)
		if ok && p.cron != nil && next <= after && next != 1<<63-1 {
			t.Errorf("%q after %d: %d", text, after, next)
		}
	})
}

func TestScheduleRefusals(t *testing.T) {
	r := newRig(t, scheduling)
	good := []string{"Nats-Schedule: @hourly", "Nats-Schedule-Target: d.t"}
	for _, c := range []struct {
		lines []string
		err   *api.Error
	}{
		{[]string{"Nats-Schedule: @never", "Nats-Schedule-Target: d.t"}, api.ErrMessageSchedulesPatternInvalid},
		{[]string{"Nats-Schedule: 0 0 0 30 2 *", "Nats-Schedule-Target: d.t"}, api.ErrMessageSchedulesPatternInvalid},
		{[]string{"Nats-Schedule: @hourly"}, api.ErrMessageSchedulesTargetInvalid},
		{[]string{"Nats-Schedule: @hourly", "Nats-Schedule-Target: d.s"}, api.ErrMessageSchedulesTargetInvalid},
		{[]string{"Nats-Schedule: @hourly", "Nats-Schedule-Target: d.*"}, api.ErrMessageSchedulesTargetInvalid},
		{[]string{"Nats-Schedule: @hourly", "Nats-Schedule-Target: e.t"}, api.ErrMessageSchedulesTargetInvalid},
		{append(good, "Nats-Schedule-Source: d.t"), api.ErrMessageSchedulesSourceInvalid},
		{append(good, "Nats-Schedule-Source: d.s"), api.ErrMessageSchedulesSourceInvalid},
		{append(good, "Nats-Schedule-Source: e.s"), api.ErrMessageSchedulesSourceInvalid},
		{append(good, "Nats-Schedule-Source: d.>"), api.ErrMessageSchedulesSourceInvalid},
		{append(good, "Nats-Schedule-TTL: 5ms"), api.ErrMessageSchedulesTTLInvalid},
		{append(good, "Nats-Schedule-Rollup: all"), api.ErrMessageSchedulesRollupInvalid},
		{append(good, "Nats-Rollup: all"), api.ErrMessageSchedulesRollupInvalid},
		{append(good, "Nats-Schedule-Time-Zone: Nowhere/Else"), api.ErrMessageSchedulesTimeZoneInvalid},
		{append(good, "Nats-Schedule-Time-Zone: "), api.ErrMessageSchedulesTimeZoneInvalid},
		{[]string{"Nats-Schedule: @every 5s", "Nats-Schedule-Target: d.t", "Nats-Schedule-Time-Zone: UTC"}, api.ErrMessageSchedulesPatternInvalid},
		{[]string{"Nats-Schedule-Next: purge"}, api.ErrMessageSchedulesSchedulerInvalid},
		{[]string{"Nats-Scheduler: d.x"}, api.ErrMessageSchedulesSchedulerInvalid},
		{[]string{"Nats-Scheduler: d.x", "Nats-Schedule-Next: 2026-01-01T00:00:00Z"}, api.ErrMessageSchedulesSchedulerInvalid},
		{[]string{"Nats-Scheduler: d.s", "Nats-Schedule-Next: purge"}, api.ErrMessageSchedulesSchedulerInvalid},
		{[]string{"Nats-Scheduler: d.*", "Nats-Schedule-Next: purge"}, api.ErrMessageSchedulesSchedulerInvalid},
	} {
		r.expect(refused(c.err), "d.s", "", c.lines...)
	}
	r.publish("d.plain", "")
	r.expect(refused(api.ErrMessageSchedulesSchedulerInvalid), "d.s", "", "Nats-Scheduler: d.plain", "Nats-Schedule-Next: purge")
	r.expect(`{"stream":"D","seq":2}`, "d.s", "", "Nats-Scheduler: d.nothing", "Nats-Schedule-Next: purge")
	r.expect(`{"stream":"D","seq":3}`, "d.s", "", "Nats-Schedule: ", "Nats-Schedule-Target: d.t")

	r = newRig(t, func(c *api.StreamConfig) { scheduling(c); c.AllowMessageTTL = false })
	r.expect(refused(api.ErrMessageTTLDisabled), "d.s", "", append(good, "Nats-Schedule-TTL: 5s")...)
	r = newRig(t, nil)
	r.expect(refused(api.ErrMessageSchedulesDisabled), "d.s", "", good...)
	r.expect(refused(api.ErrMessageSchedulesDisabled), "d.s", "", "Nats-Schedule: @never")
	r.expect(refused(api.ErrMessageSchedulesDisabled), "d.s", "", "Nats-Scheduler: d.x", "Nats-Schedule-Next: purge")
}

func TestOneShot(t *testing.T) {
	r := newRig(t, scheduling)
	r.expect(`{"stream":"D","seq":1}`, "d.s", "x", "Nats-Schedule: @at 2026-01-01T00:00:10Z", "Nats-Schedule-Target: d.t",
		"Nats-Schedule-TTL: 1m", "Nats-Schedule-Rollup: sub", "Nats-Msg-Id: m", "Nats-TTL: 5m", "Nats-Expected-Stream: D", "A: 1")
	if got, want := r.load(1), "d.s|Nats-Schedule: @at 2026-01-01T00:00:10Z,Nats-Schedule-Target: d.t,Nats-Schedule-TTL: 1m,Nats-Schedule-Rollup: sub,Nats-Msg-Id: m,Nats-TTL: 5m,Nats-Expected-Stream: D,A: 1,Nats-Rollup: sub|x"; got != want {
		t.Errorf("stored %q", got)
	}
	if got := r.stream.Next(); got > base+10*second {
		t.Errorf("next %s", time.Unix(0, got).UTC())
	}
	r.advance(10*time.Second - 1)
	if r.stream.LastSequence() != 1 {
		t.Error("fired too early")
	}
	r.restart()
	r.advance(1)
	if got := r.sequences(); !slices.Equal(got, []uint64{2}) || len(r.out.Arrived) != 1 {
		t.Errorf("stored %v, arrived %+v", got, r.out.Arrived)
	}
	if got, want := r.load(2), "d.t|A: 1,Nats-Scheduler: d.s,Nats-Schedule-Next: purge,Nats-TTL: 1m,Nats-Rollup: sub|x"; got != want {
		t.Errorf("fired %q", got)
	}
	r.advance(59 * time.Second)
	if r.stream.LastSequence() != 2 {
		t.Error("fired twice")
	}
	if r.advance(time.Second); len(r.sequences()) != 0 {
		t.Error("the message outlives its schedule's TTL")
	}
}

func TestRepeatingSchedule(t *testing.T) {
	r := newRig(t, scheduling)
	r.publish("d.s", "own", "Nats-Schedule: @every 10s", "Nats-Schedule-Target: d.t", "Nats-Schedule-Source: d.source")
	r.advance(10 * time.Second)
	if got, want := r.load(2), "d.t|Nats-Scheduler: d.s,Nats-Schedule-Next: 2026-01-01T00:00:20Z|own"; got != want {
		t.Errorf("fired %q", got)
	}
	r.publish("d.source", "other", "B: 2")
	r.restart()
	r.advance(10 * time.Second)
	if got, want := r.load(4), "d.t|B: 2,Nats-Scheduler: d.s,Nats-Schedule-Next: 2026-01-01T00:00:30Z|other"; got != want {
		t.Errorf("fired %q", got)
	}
	// Down for a long time, it fires once and goes on.
	r.now += 3600 * second
	r.restart()
	r.advance(0)
	if got, want := r.load(5), "d.t|B: 2,Nats-Scheduler: d.s,Nats-Schedule-Next: 2026-01-01T01:00:30Z|other"; got != want || r.stream.LastSequence() != 5 {
		t.Errorf("fired %q, last %d", got, r.stream.LastSequence())
	}
}

func TestSchedulesEnd(t *testing.T) {
	for name, end := range map[string]func(*rig){
		"a message on the subject": func(r *rig) { r.publish("d.s", "") },
		"deletion":                 func(r *rig) { r.stream.Delete(api.MessageDeleteRequest{Sequence: 1}) },
		"purge":                    func(r *rig) { r.stream.Purge(api.PurgeRequest{Filter: "d.s"}) },
		"purge of all":             func(r *rig) { r.stream.Purge(api.PurgeRequest{}) },
		"a client":                 func(r *rig) { r.publish("d.x", "", "Nats-Scheduler: d.s", "Nats-Schedule-Next: purge") },
		"a roll-up":                func(r *rig) { r.publish("d.x", "", "Nats-Rollup: all") },
		"a limit":                  func(r *rig) { r.update(func(c *api.StreamConfig) { c.MaxMessages = 1 }); r.publish("d.x", "") },
		"the feature": func(r *rig) {
			r.update(func(c *api.StreamConfig) { c.MaxMessages = 1 })
			r.publish("d.x", "")
			r.restart()
		},
	} {
		r := newRig(t, scheduling)
		r.publish("d.s", "", "Nats-Schedule: @every 10s", "Nats-Schedule-Target: d.t")
		end(r)
		last := r.stream.LastSequence()
		if r.advance(time.Minute); r.stream.LastSequence() != last || len(r.stream.schedules.bySubject) != 0 || len(r.stream.schedules.subjects) != 0 {
			t.Errorf("%s does not end a schedule", name)
		}
	}
}

// A schedule whose message cannot come in is tried again and does not spin.
func TestScheduleThatIsRefused(t *testing.T) {
	q := &quotas{account: api.ErrAccountResourcesExceeded}
	r := newRig(t, scheduling, func(o *Options) { o.Quota = &quotas{} })
	r.publish("d.s", "", "Nats-Schedule: @at 2026-01-01T00:00:10Z", "Nats-Schedule-Target: d.t")
	r.publish("d.r", "", "Nats-Schedule: @every 10s", "Nats-Schedule-Target: d.t")
	r.stream.options.Quota = q
	r.advance(10 * time.Second)
	if r.stream.LastSequence() != 2 {
		t.Fatal("fired in spite of the quota")
	}
	q.account = nil
	r.advance(10 * time.Second)
	if got := r.sequences(); !slices.Equal(got, []uint64{2, 3, 4}) {
		t.Errorf("stored %v", got)
	}
}
