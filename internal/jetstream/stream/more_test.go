package stream

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/memory"
)

// Identifiers that are over take no room, and their places are used again.
func TestDuplicatesForget(t *testing.T) {
	var d duplicates
	d.add([]byte("before there is a window"), 1, 0)
	d.setWindow(10 * time.Second)
	for i := range uint64(20_000) {
		now := int64(i) * second / 1000 // 10,000 within the window
		d.expire(now)
		d.add(fmt.Append(nil, "id-", i), i+1, now)
		if i%4096 == 0 && d.find(fmt.Append(nil, "id-", i), now) != i+1 {
			t.Fatalf("identifier %d is forgotten", i)
		}
	}
	if d.len() != 10_000 || len(d.queue) > 30_000 {
		t.Errorf("%d identifiers, a queue of %d", d.len(), len(d.queue))
	}
	long := make([]byte, idPage)
	d.add(long, 1<<40, 20*second)
	if d.find(long, 20*second) != 1<<40 {
		t.Error("a long identifier is not known")
	}
	d.expire(never)
	if d.len() != 0 || d.queue != nil || d.next() != never {
		t.Errorf("%d identifiers, a queue of %d", d.len(), cap(d.queue))
	}
	d.add([]byte("a"), 1, never-1)
	if d.find([]byte("a"), never-1) != 1 || d.next() != never {
		t.Error("a time at the end of all")
	}
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	bad := []func(*api.StreamConfig){
		func(c *api.StreamConfig) { c.SubjectTransform = &api.SubjectTransform{Source: "a.>", Destination: "b"} },
		func(c *api.StreamConfig) { c.RePublish = &api.RePublish{Source: "a..b", Destination: "b"} },
	}
	r := newRig(t, nil)
	for i, change := range bad {
		if _, err := New(configured(change), r.store, Options{}); err == nil {
			t.Errorf("configuration %d is taken", i)
		}
		if _, err := Restore(configured(change), r.store, Options{}, r.now); err == nil {
			t.Errorf("configuration %d is taken after a restart", i)
		}
		if err := r.stream.Update(configured(change), r.now); err == nil {
			t.Errorf("configuration %d is taken as an update", i)
		}
	}
	if err := r.stream.Update(configured(func(c *api.StreamConfig) { c.DiscardNewPerSubject = true }), r.now); err == nil {
		t.Error("limits that contradict each other are taken")
	}
	r.expect(`{"stream":"D","seq":1}`, "d.a", "") // nothing has changed
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(configured(nil), r.store, Options{}, r.now); err == nil {
		t.Error("a closed store is restored from")
	}
}

// Without a function that finds time zones, there is UTC.
func TestZones(t *testing.T) {
	r := newRig(t, scheduling, func(o *Options) { o.Zone = nil })
	lines := []string{"Nats-Schedule: @hourly", "Nats-Schedule-Target: d.t"}
	r.expect(refused(api.ErrMessageSchedulesTimeZoneInvalid), "d.s", "", append(lines, "Nats-Schedule-Time-Zone: Europe/Amsterdam")...)
	r.expect(`{"stream":"D","seq":1}`, "d.s", "", append(lines, "Nats-Schedule-Time-Zone: UTC")...)
	r.advance(time.Hour)
	if got, want := r.load(2), "d.t|Nats-Scheduler: d.s,Nats-Schedule-Next: 2026-01-01T02:00:00Z|"; got != want {
		t.Errorf("fired %q", got)
	}
}

// A schedule on a stream that retains by interest goes on though nobody wants what it
// makes.
func TestScheduleWithoutInterest(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { scheduling(c); c.Retention = api.RetentionInterest },
		func(o *Options) { o.Interest = subjects{"d.s", "d.o"} })
	r.publish("d.s", "", "Nats-Schedule: @every 10s", "Nats-Schedule-Target: d.t")
	r.publish("d.o", "", "Nats-Schedule: @at 2026-01-01T00:00:05Z", "Nats-Schedule-Target: d.t")
	r.advance(10 * time.Second)
	if got := fmt.Sprint(r.sequences(), r.stream.LastSequence()); got != "[1] 4" {
		t.Errorf("stored and last: %s", got)
	}
	r.stream.SetInterest(subjects{"d.>"})
	r.advance(10 * time.Second)
	if got := fmt.Sprint(r.sequences(), r.stream.LastSequence()); got != "[1 5] 5" {
		t.Errorf("stored and last: %s", got)
	}
}

// Schedules are found when they are allowed later, and one that a roll-up of its batch
// sets is there.
func TestSchedulesInBatches(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { scheduling(c); batched(c) })
	r.step("", "b", 1, "d.s", "Nats-Schedule: @every 10s", "Nats-Schedule-Target: d.t")
	r.step(`{"stream":"D","seq":2,"batch":"b","count":2}`, "b", 2, "d.u", commits)
	r.step("", "b", 1, "d.v", "Nats-Schedule: @every 10s", "Nats-Schedule-Target: d.t")
	r.step(`{"stream":"D","seq":4,"batch":"b","count":2}`, "b", 2, "d.x", "Nats-Scheduler: d.v", "Nats-Schedule-Next: purge", commits)
	r.step("", "b", 1, "d.p")
	r.step(refused(api.ErrMessageSchedulesSchedulerInvalid), "b", 2, "d.x", "Nats-Scheduler: d.p", "Nats-Schedule-Next: purge", commits)
	r.advance(10 * time.Second)
	if got := fmt.Sprint(r.sequences()); got != "[1 2 4 5]" {
		t.Errorf("stored %s", got)
	}
}

// Messages of a stream whose store is asked by many readers at once.
func TestReadersBesideEachOther(t *testing.T) {
	r := filled(t)
	done := make(chan int)
	for range 4 {
		go func() {
			n := 0
			for range 200 {
				r.stream.Direct(nil, []byte(`{"batch":9,"seq":1}`), func([]byte, []byte) { n++ })
				r.stream.DirectLast("d.a", nil, nil, func([]byte, []byte) { n++ })
				if m, _ := r.stream.Get(&GetRequest{Sequence: 1}); m != nil {
					n++
				}
			}
			done <- n
		}()
	}
	for range 4 {
		if n := <-done; n != 200*7 {
			t.Errorf("%d answers", n)
		}
	}
}

// nowhere is a store that keeps nothing: what is left is the machine.
type nowhere struct {
	store.Stream
	last uint64
}

func (n *nowhere) Append(m *store.Message, _ store.Admission) error {
	n.last++
	m.Sequence = n.last
	return nil
}

// BenchmarkMachine is what the machine itself costs for one message, and for one with
// a header.
func BenchmarkMachine(b *testing.B) {
	for name, header := range map[string][]byte{"plain": nil, "header": block("Content-Type: text/plain", "Trace: 0123456789", "Nats-Expected-Stream: D")} {
		b.Run(name, func(b *testing.B) {
			kept, err := memory.NewStream(store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			s, err := New(configured(nil), &nowhere{Stream: kept}, Options{})
			if err != nil {
				b.Fatal(err)
			}
			run := make([]Incoming, 100)
			for i := range run {
				run[i] = Incoming{Subject: []byte("d.a"), Reply: []byte("_INBOX.1.2"), Header: header, Payload: make([]byte, 128)}
			}
			var out Result
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(run) == 0 {
					out.Reset()
					if err := s.Publish(run, base, &out); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// A schedule that has fired does not fire again after a restart, though what it made is
// gone; what it has missed while the stream was down, it makes up for once.
func TestSchedulesThatHaveFired(t *testing.T) {
	r := newRig(t, scheduling)
	r.publish("d.s", "", "Nats-Schedule: @every 10s", "Nats-Schedule-Target: d.t", "Nats-Schedule-TTL: 1s")
	for range 12 {
		r.advance(time.Second)
	}
	r.publish("d.x", "")
	if got := fmt.Sprint(r.sequences()); got != "[1 3]" {
		t.Fatalf("stored %s", got)
	}
	r.restart()
	if r.advance(0); r.stream.LastSequence() != 3 {
		t.Error("it fires again")
	}
	r.now += 3600 * second
	r.restart()
	if r.advance(0); r.stream.LastSequence() != 4 {
		t.Errorf("last sequence %d after a long time", r.stream.LastSequence())
	}
	if r.advance(0); r.stream.LastSequence() != 4 {
		t.Error("it fires again")
	}
}

// Schedules of a machine that is restarted at any moment go on as those of one that is
// not.
func TestRestartsDoNotChangeSchedules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steady, restarted := newRig(t, scheduling), newRig(t, scheduling)
		both := func(do func(*rig) string) {
			if a, b := do(steady), do(restarted); a != b {
				t.Fatalf("steady %s, restarted %s", a, b)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				if a, b := fmt.Sprintf("%q", steady.lines()), fmt.Sprintf("%q", restarted.lines()); a != b {
					t.Fatalf("steady    %s\nrestarted %s", a, b)
				}
			},
			"publish": func(t *rapid.T) {
				subject := rapid.SampledFrom([]string{"d.a", "d.b", "d.s"}).Draw(t, "subject")
				var lines []string
				if rapid.Bool().Draw(t, "schedule") {
					after := time.Duration(rapid.IntRange(0, 20).Draw(t, "after")) * time.Second
					once := "@at " + time.Unix(0, steady.now).Add(after).UTC().Format(time.RFC3339)
					lines = []string{"Nats-Schedule: " + rapid.SampledFrom([]string{"@every 4s", "@every 11s", "*/7 * * * * *", once}).Draw(t, "pattern"), "Nats-Schedule-Target: d.t"}
				}
				both(func(r *rig) string { return r.publish(subject, "x", lines...) })
			},
			"time": func(t *rapid.T) {
				d := time.Duration(rapid.IntRange(0, 10).Draw(t, "seconds")) * time.Second
				both(func(r *rig) string { r.advance(d); return fmt.Sprint(r.stream.LastSequence()) })
			},
			"end": func(t *rapid.T) {
				both(func(r *rig) string {
					return r.publish("d.x", "", "Nats-Scheduler: d.s", "Nats-Schedule-Next: purge")
				})
			},
			"restart": func(*rapid.T) { restarted.restart() },
		})
	})
}

func TestOriginInfo(t *testing.T) {
	o := from(t, &api.StreamSource{Name: "S", FilterSubject: "o.>"})
	if info := o.Info(base); info.Name != "S" || info.FilterSubject != "o.>" || info.Active != -1 || info.Sequence != 0 || info.Error != nil {
		t.Errorf("info %+v", info)
	}
	newRig(t, nil).sourced(o, delivery(7, 1), "o.a", "")
	o.Heard, o.Failure = base, api.ErrStreamNotFound
	if info := o.Info(base + 5*second); info.Active != 5*time.Second || info.Sequence != 7 || info.Lag != 2 || info.Error != api.ErrStreamNotFound {
		t.Errorf("info %+v", info)
	}
}

// What a schedule makes does not end a schedule on the subject that it goes to.
func TestScheduleForTheSubjectOfAnother(t *testing.T) {
	r := newRig(t, scheduling)
	r.publish("d.s", "", "Nats-Schedule: @every 10s", "Nats-Schedule-Target: d.t")
	r.publish("d.other", "", "Nats-Schedule: @every 4s", "Nats-Schedule-Target: d.s")
	for range 2 {
		if r.advance(5 * time.Second); len(r.stream.schedules.bySubject) != 2 {
			t.Errorf("%d schedules", len(r.stream.schedules.bySubject))
		}
	}
	r.restart()
	if r.advance(0); len(r.stream.schedules.bySubject) != 2 || r.stream.countOf([]byte("d.t")) != 1 {
		t.Errorf("%d schedules, fired %d times", len(r.stream.schedules.bySubject), r.stream.countOf([]byte("d.t")))
	}
}
