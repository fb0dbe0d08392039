package load

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// gate keeps publishers from running ahead of their receivers. Several publishers may share one.
type gate struct {
	window    int64 // messages
	sent      atomic.Int64
	receivers []*progress // each gets every message; a queue group is one
}

// reserve announces n messages and returns when sending them keeps every receiver within the window.
func (g *gate) reserve(n int64) error {
	limit := g.sent.Add(n) - g.window
	for _, p := range g.receivers {
		if err := p.wait(limit); err != nil {
			return err
		}
	}
	return nil
}

// drain returns when everything announced has arrived everywhere.
func (g *gate) drain() error {
	sent := g.sent.Load()
	for _, p := range g.receivers {
		if err := p.wait(sent); err != nil {
			return err
		}
	}
	return nil
}

// verify reports a receiver that did not count exactly what was sent.
func (g *gate) verify() error {
	sent := g.sent.Load()
	for i, p := range g.receivers {
		if got := p.load(); got != sent {
			return fmt.Errorf("receiver %d counted %d messages of %d", i, got, sent)
		}
	}
	return nil
}

// publisher writes its batches round and round.
type publisher struct {
	session *session
	gate    *gate
	batches []batch
	next    int
	written *progress // messages; shows the watchdog that the run lives
}

func (p *publisher) publishUntil(deadline time.Time) error {
	for time.Now().Before(deadline) {
		b := p.batches[p.next]
		p.next = (p.next + 1) % len(p.batches)
		if err := p.gate.reserve(b.messages); err != nil {
			return err
		}
		if err := p.session.write(b.bytes); err != nil {
			return err
		}
		p.written.add(b.messages)
	}
	return nil
}

// flow is a set of publishers and receivers connected by gates.
type flow struct {
	run        *run
	gates      []*gate
	publishers []*publisher
	receivers  []*session
}

// subscriber describes a receiver of a flow.
type subscriber struct {
	as       credentials
	subject  string // what it subscribes to
	sample   string // a subject that its deliveries carry
	queue    string
	received *progress
	fanOut   int // how many receivers the flow has, for the size of the read buffer
}

func (f *flow) subscribe(s subscriber, body []byte) (*session, error) {
	const sid = "1"
	buffer := 256 << 10
	if s.fanOut > 16 {
		buffer = 32 << 10
	}
	receiver, err := f.run.open(sessionOptions{
		dialOptions: dialOptions{as: s.as},
		name:        "subscriber " + strconv.Itoa(len(f.receivers)),
		sample:      delivery(s.sample, sid, "", body),
		received:    s.received,
		buffer:      max(buffer, 4*len(body)),
	})
	if err != nil {
		return nil, err
	}
	f.receivers = append(f.receivers, receiver)
	return receiver, receiver.subscribe(s.subject, s.queue, sid)
}

// gate returns a new gate of the flow for messages that reach the receivers as deliveries of that many bytes.
func (f *flow) gate(deliveryBytes int, receivers ...*progress) *gate {
	bytes := f.run.settings.Window
	if len(receivers) > 0 {
		bytes = min(bytes, f.run.settings.WindowTotal/len(receivers))
	}
	// Eight messages at least, or large messages to many receivers would go one by one.
	g := &gate{window: int64(max(8, bytes/deliveryBytes)), receivers: receivers}
	f.gates = append(f.gates, g)
	return g
}

// publish adds a publisher over the subjects. A batch is at most a quarter of the window, so that four publishers
// can share a gate and one publisher never waits for a window to become empty.
func (f *flow) publish(as credentials, g *gate, subjects []string, body []byte) error {
	session, err := f.run.open(sessionOptions{
		dialOptions: dialOptions{as: as},
		name:        "publisher " + strconv.Itoa(len(f.publishers)),
	})
	if err != nil {
		return err
	}
	f.publishers = append(f.publishers, &publisher{session: session, gate: g,
		batches: batches(subjects, body, g.window/4), written: f.run.gauge()})
	return nil
}

func (f *flow) received() int64 {
	var n int64
	for _, g := range f.gates {
		for _, p := range g.receivers {
			n += p.load()
		}
	}
	return n
}

// work publishes for that long, waits until everything has arrived and returns the number of deliveries.
func (f *flow) work(d time.Duration) (int64, error) {
	before := f.received()
	deadline := time.Now().Add(d)
	var publishers sync.WaitGroup
	for _, p := range f.publishers {
		publishers.Go(func() {
			if err := p.publishUntil(deadline); err != nil {
				f.run.fail(err)
			}
		})
	}
	publishers.Wait()
	if err := f.run.err(); err != nil {
		return 0, err
	}
	for _, p := range f.publishers {
		if err := p.session.sync(); err != nil {
			return 0, err
		}
	}
	for _, g := range f.gates {
		if err := g.drain(); err != nil {
			return 0, err
		}
	}
	return f.received() - before, nil
}

// verify proves that each receiver got exactly what was sent: behind a PONG nothing can still be under way.
func (f *flow) verify() error {
	for _, s := range f.receivers {
		if err := s.sync(); err != nil {
			return err
		}
	}
	for _, g := range f.gates {
		if err := g.verify(); err != nil {
			return err
		}
	}
	return nil
}

// measure is the usual course of a flow.
func (f *flow) measure() error {
	if err := f.run.phases(f.work); err != nil {
		return err
	}
	return f.verify()
}
