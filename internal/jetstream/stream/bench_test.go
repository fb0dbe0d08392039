package stream

import (
	"fmt"
	"testing"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/memory"
)

// BenchmarkPublish is what a message costs beyond the store's append, which the first
// of them measures by itself.
func BenchmarkPublish(b *testing.B) {
	payload := make([]byte, 128)
	limited := func(c *api.StreamConfig) { c.MaxMessages = 1 << 16 }
	b.Run("append", func(b *testing.B) {
		s, err := memory.NewStream(store.Options{Limits: Limits(configured(limited))})
		if err != nil {
			b.Fatal(err)
		}
		m := store.Message{Subject: []byte("d.a"), Payload: payload}
		b.ReportAllocs()
		for b.Loop() {
			m.Sequence, m.Time = 0, base
			if err := s.Append(&m, store.Checked); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, c := range map[string]struct {
		change func(*api.StreamConfig)
		lines  func(i int) []string
	}{
		"plain":    {limited, nil},
		"header":   {limited, func(int) []string { return []string{"Content-Type: text/plain", "Trace: 0123456789"} }},
		"id":       {limited, func(i int) []string { return []string{fmt.Sprint("Nats-Msg-Id: ", i)} }},
		"expected": {limited, func(i int) []string { return []string{"Nats-Expected-Stream: D"} }},
		"transform": {func(c *api.StreamConfig) {
			limited(c)
			c.SubjectTransform = &api.SubjectTransform{Source: "d.*", Destination: "e.$1"}
		}, nil},
		"republish": {func(c *api.StreamConfig) {
			limited(c)
			c.RePublish = &api.RePublish{Source: ">", Destination: "again.>"}
		}, nil},
		"counter": {func(c *api.StreamConfig) { limited(c); c.AllowCounter = true }, func(int) []string { return []string{"Nats-Incr: 1"} }},
	} {
		b.Run(name, func(b *testing.B) { benchmarkPublish(b, c.change, payload, c.lines) })
	}
}

// benchmarkPublish publishes runs of 100 messages.
func benchmarkPublish(b *testing.B, change func(*api.StreamConfig), payload []byte, lines func(i int) []string) {
	const run = 100
	r := newRig(b, change)
	if r.stream.Config().AllowCounter {
		payload = nil
	}
	runs := make([][]Incoming, 64)
	for i := range runs {
		runs[i] = make([]Incoming, run)
		for j := range runs[i] {
			runs[i][j] = Incoming{Subject: []byte("d.a"), Reply: []byte("_INBOX.1.2"), Payload: payload}
			if lines != nil {
				runs[i][j].Header = block(lines(i*run + j)...)
			}
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i%run == 0 {
			r.out.Reset()
			r.now += 200 * second / 64 // no identifier comes back within the window
			if err := r.stream.Publish(runs[i/run%len(runs)], r.now, &r.out); err != nil {
				b.Fatal(err)
			}
		}
		i++
	}
}

// A publish allocates nothing beyond what the store does.
func TestPublishAllocatesNothing(t *testing.T) {
	config := configured(func(c *api.StreamConfig) { c.MaxMessages = 1000 })
	run := make([]Incoming, 100)
	for i := range run {
		run[i] = Incoming{Subject: []byte("d.a"), Reply: []byte("_INBOX.1"), Payload: make([]byte, 128)}
	}
	measure := func(call func()) float64 {
		for range 100 {
			call()
		}
		return testing.AllocsPerRun(200, call)
	}
	bare := func() float64 {
		s, err := memory.NewStream(store.Options{Limits: Limits(config)})
		if err != nil {
			t.Fatal(err)
		}
		return measure(func() {
			for i := range run {
				m := store.Message{Subject: run[i].Subject, Header: run[i].Header, Payload: run[i].Payload, Time: base}
				if err := s.Append(&m, store.Checked); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	published := func() float64 {
		r := newRig(t, func(c *api.StreamConfig) { *c = *config })
		return measure(func() {
			r.out.Reset()
			if err := r.stream.Publish(run, r.now, &r.out); err != nil {
				t.Fatal(err)
			}
		})
	}
	if got, least := published(), bare(); got > least {
		t.Errorf("%v allocations for %d messages, %v for the store alone", got, len(run), least)
	}
	for i := range run {
		run[i].Header = block("A: 1", "Nats-Expected-Stream: D")
	}
	if got, least := published(), bare(); got > least {
		t.Errorf("%v allocations for %d messages with headers, %v for the store alone", got, len(run), least)
	}
}
