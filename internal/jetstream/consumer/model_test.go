package consumer_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/subject"
)

// state is where a message stands with the consumer.
type state string

const (
	undelivered state = "undelivered"
	outstanding state = "outstanding"
	queued      state = "due"
	exhausted   state = "exhausted"
	finished    state = "done"
)

// A modelled message is one that the stream has, and the consumer wants.
type modelled struct {
	state    state
	count    uint64 // deliveries
	undone   bool   // the last of them does not count
	first    uint64 // consumer sequence of the first
	deadline int64
	// survives is the deadline that a restart would find.
	survives int64
}

func (m *modelled) deliveries() uint64 {
	if m.undone {
		return m.count - 1
	}
	return m.count
}

// A model is a consumer as one would write it down from its description, with all
// messages in one map.
type model struct {
	config    *api.ConsumerConfig
	messages  map[uint64]*modelled
	queue     []uint64 // due, in the order of delivery
	demand    int
	delivered uint64 // consumer sequence
	position  uint64 // highest stream sequence delivered
	now       int64
}

func (m *model) sequences() []uint64 { return slices.Sorted(maps.Keys(m.messages)) }

func (m *model) in(states ...state) []uint64 {
	return slices.DeleteFunc(m.sequences(), func(seq uint64) bool { return !slices.Contains(states, m.messages[seq].state) })
}

func (m *model) wait(count uint64) int64 {
	wait := m.config.AckWait
	if n := len(m.config.BackOff); n > 0 {
		wait = m.config.BackOff[min(int(max(count, 1)), n)-1]
	}
	return int64(wait + time.Millisecond)
}

func (m *model) wants(text string) bool {
	filters := m.config.Filters()
	return len(filters) == 0 || slices.ContainsFunc(filters, func(f string) bool { return subject.Match(text, f) })
}

func (m *model) leave(seq uint64) {
	m.queue = slices.DeleteFunc(m.queue, func(s uint64) bool { return s == seq })
}

func (m *model) finish(seq uint64) {
	m.leave(seq)
	m.messages[seq].state = finished
}

func (m *model) exhaust(seq uint64) {
	m.leave(seq)
	m.messages[seq].state = exhausted
}

func (m *model) tooOften(seq uint64) bool {
	most := m.config.MaxDeliver
	return most > 0 && m.messages[seq].deliveries() >= uint64(most)
}

// due lets those be due whose time has come.
func (m *model) due() {
	for _, seq := range m.in(outstanding) {
		switch x := m.messages[seq]; {
		case x.deadline > m.now:
		case m.tooOften(seq):
			m.exhaust(seq)
		default:
			x.state = queued
			m.queue = append(m.queue, seq)
		}
	}
}

// run delivers what there is a demand for, and returns it, a line each.
func (m *model) run() []string {
	var lines []string
	for m.demand > 0 {
		var seq uint64
		if len(m.queue) > 0 {
			seq = m.queue[0]
			if m.tooOften(seq) {
				m.exhaust(seq)
				continue
			}
		} else {
			limit := m.config.MaxAckPending
			fresh := m.in(undelivered)
			if len(fresh) == 0 || limit > 0 && len(m.in(outstanding, queued)) >= limit {
				break
			}
			seq = fresh[0]
		}
		m.leave(seq)
		m.demand--
		m.delivered++
		m.position = max(m.position, seq)
		x := m.messages[seq]
		x.count, x.undone = x.deliveries()+1, false
		if x.state == undelivered {
			x.first = m.delivered
		}
		x.state, x.deadline = outstanding, m.now+m.wait(x.count)
		x.survives = x.deadline
		lines = append(lines, fmt.Sprintf("%d #%d x%d", seq, m.delivered, x.count))
	}
	return lines
}

func (m *model) ack(seq uint64) {
	if m.config.AckPolicy == api.AckExplicit {
		if x := m.messages[seq]; x != nil && x.state != undelivered {
			m.finish(seq)
		}
		return
	}
	if seq > m.position {
		return
	}
	for _, s := range m.in(outstanding, queued, exhausted) {
		if s <= seq {
			m.finish(s)
		}
	}
}

func (m *model) isOutstanding(seq uint64) bool {
	x := m.messages[seq]
	return x != nil && (x.state == outstanding || x.state == queued)
}

func (m *model) nak(seq uint64) {
	if x := m.messages[seq]; m.isOutstanding(seq) && x.state == outstanding {
		x.state = queued
		m.queue = append(m.queue, seq)
	}
}

func (m *model) dueAt(seq uint64, at int64) {
	if m.isOutstanding(seq) {
		m.leave(seq)
		x := m.messages[seq]
		x.state, x.deadline = outstanding, at
		// The store knows how often it was delivered, but not that one did not arrive.
		x.survives = at - m.wait(max(x.deliveries(), 1)) + m.wait(x.count)
	}
}

func (m *model) undo(seq uint64) {
	if x := m.messages[seq]; m.isOutstanding(seq) {
		if x.state == outstanding {
			x.state = queued
			m.queue = append(m.queue, seq)
		}
		x.undone = true
		m.demand++
	}
}

func (m *model) restart() {
	m.queue, m.demand = nil, 0
	for _, seq := range m.in(outstanding, queued) {
		x := m.messages[seq]
		x.state, x.undone, x.deadline = outstanding, false, x.survives
	}
	m.due()
}

// A pair is the world and its model, with what was delivered so far.
type pair struct {
	*world
	model   *model
	tickets []consumer.Ticket
	replies []string
	recent  []uint64 // delivered by the last operation
	floor   api.SequenceInfo
}

// step checks that both have done the same.
func (p *pair) step(t *rapid.T) {
	p.tellRemovals()
	p.run()
	want := p.model.run()
	var got []string
	p.recent = p.recent[:0]
	for _, e := range p.consumer.Effects() {
		if e.Kind != consumer.Deliver {
			continue
		}
		got = append(got, fmt.Sprintf("%d #%d x%d", e.Sequences.Stream, e.Sequences.Consumer, e.Count))
		ticket, ok := consumer.ParseTicket(e.Reply)
		if !ok {
			t.Fatalf("ack subject %q", e.Reply)
		}
		p.tickets = append(p.tickets, ticket)
		p.replies = append(p.replies, string(e.Reply))
		p.recent = append(p.recent, ticket.Stream)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("delivered %q, want %q", got, want)
	}
	p.compare(t)
}

// compare checks the numbers.
func (p *pair) compare(t *rapid.T) {
	m := p.model
	info := p.consumer.Info(p.now)
	check := func(what string, got, want any) {
		if got != want {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
	held := m.in(outstanding, queued)
	check("pending", info.NumPending, uint64(len(m.in(undelivered))))
	check("outstanding", info.NumAckPending, len(held))
	check("delivered", info.Delivered.Consumer, m.delivered)
	again := len(m.in(exhausted))
	for _, seq := range held {
		if m.messages[seq].count > 1 {
			again++
		}
	}
	if m.config.MaxDeliver == 1 {
		again = 0
	}
	check("redelivered", info.NumRedelivered, again)

	if len(held) == 0 {
		check("floor", info.AckFloor.Consumer, info.Delivered.Consumer)
		check("floor in the stream", info.AckFloor.Stream, info.Delivered.Stream)
	} else {
		lowest := slices.MinFunc(held, func(a, b uint64) int { return cmp.Compare(m.messages[a].first, m.messages[b].first) })
		check("floor", info.AckFloor.Consumer, m.messages[lowest].first-1)
		if info.AckFloor.Stream >= held[0] || info.AckFloor.Stream < p.floor.Stream {
			t.Fatalf("floor in the stream: %d after %d, outstanding from %d", info.AckFloor.Stream, p.floor.Stream, held[0])
		}
	}
	p.floor = info.AckFloor

	deadline := p.consumer.Deadline()
	for _, seq := range m.in(outstanding) {
		if at := m.messages[seq].deadline; deadline > at {
			t.Fatalf("message %d is due at %d, told %d", seq, at, deadline)
		}
	}
	for _, seq := range m.sequences() {
		text, err := p.stream.Subject(seq)
		if err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("need of %d", seq), p.consumer.Needs(seq, text), m.messages[seq].state != finished)
	}
}

// forget drops from the model what the stream has no more.
func (p *pair) forget() {
	for seq := range p.model.messages {
		if _, err := p.stream.Subject(seq); err != nil {
			p.model.leave(seq)
			delete(p.model.messages, seq)
		}
	}
}

// drawTicket is one of the deliveries, mostly a new one.
func (p *pair) drawTicket(t *rapid.T) (consumer.Ticket, []byte) {
	if len(p.tickets) == 0 {
		t.Skip("nothing was delivered")
	}
	low := 0
	if rapid.Bool().Draw(t, "recent") {
		low = max(0, len(p.tickets)-5)
	}
	i := rapid.IntRange(low, len(p.tickets)-1).Draw(t, "ticket")
	return p.tickets[i], []byte(p.replies[i])
}

func drawConfig(t *rapid.T) *api.ConsumerConfig {
	config := explicit()
	config.AckPolicy = rapid.SampledFrom([]api.AckPolicy{api.AckExplicit, api.AckExplicit, api.AckAll}).Draw(t, "policy")
	config.AckWait = 10 * time.Second
	config.MaxAckPending = rapid.SampledFrom([]int{-1, 1, 3, 10}).Draw(t, "max ack pending")
	config.MaxDeliver = rapid.SampledFrom([]int{-1, 1, 2, 4}).Draw(t, "max deliver")
	config.BackOff = rapid.SampledFrom([][]time.Duration{nil, {time.Second, 5 * time.Second}, {7 * time.Second, 2 * time.Second, time.Second}}).Draw(t, "backoff")
	config.FilterSubjects = rapid.SampledFrom([][]string{nil, {"a.*"}, {"a.1", "b.>"}}).Draw(t, "filters")
	return config
}

// TestModel plays random lives of a consumer against a naive model of it.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := drawConfig(t)
		p := &pair{world: newStream(t, limits)}
		p.model = &model{config: config, messages: map[uint64]*modelled{}, now: p.now}
		p.create(config)
		t.Repeat(p.operations())
	})
}

func (p *pair) operations() map[string]func(*rapid.T) {
	m := p.model
	return map[string]func(*rapid.T){
		"publish": func(t *rapid.T) {
			for _, text := range rapid.SliceOfN(rapid.SampledFrom([]string{"a.1", "a.2", "b.1", "c"}), 1, 5).Draw(t, "subjects") {
				p.publish(text)
				if m.wants(text) {
					m.messages[p.stream.State().LastSequence] = &modelled{state: undelivered}
				}
			}
			p.step(t)
		},
		"pull": func(t *rapid.T) {
			n := rapid.IntRange(1, 6).Draw(t, "batch")
			p.consumer.Pull(p.now, consumer.PullRequest{Reply: "inbox", Body: fmt.Append(nil, n)})
			m.demand += n
			p.step(t)
		},
		"ack": func(t *rapid.T) {
			ticket, reply := p.drawTicket(t)
			p.check(p.consumer.Ack(p.now, reply, "", nil))
			m.ack(ticket.Stream)
			p.step(t)
		},
		"term": func(t *rapid.T) {
			ticket, reply := p.drawTicket(t)
			p.check(p.consumer.Ack(p.now, reply, "", []byte("+TERM")))
			m.ack(ticket.Stream)
			p.step(t)
		},
		"nak": func(t *rapid.T) {
			ticket, reply := p.drawTicket(t)
			p.check(p.consumer.Ack(p.now, reply, "", []byte("-NAK")))
			m.nak(ticket.Stream)
			p.step(t)
		},
		"nak with delay": func(t *rapid.T) {
			ticket, reply := p.drawTicket(t)
			delay := rapid.IntRange(0, 30).Draw(t, "seconds")
			p.check(p.consumer.Ack(p.now, reply, "", fmt.Appendf(nil, "-NAK %ds", delay)))
			m.dueAt(ticket.Stream, p.now+int64(delay)*second)
			p.step(t)
		},
		"in progress": func(t *rapid.T) {
			ticket, reply := p.drawTicket(t)
			p.check(p.consumer.Ack(p.now, reply, "", []byte("+WPI")))
			if m.isOutstanding(ticket.Stream) {
				m.dueAt(ticket.Stream, p.now+m.wait(m.messages[ticket.Stream].deliveries()))
			}
			p.step(t)
		},
		"undelivered": func(t *rapid.T) {
			if len(p.recent) == 0 || m.demand == 0 {
				t.Skip("nothing was delivered just now to somebody who is still there")
			}
			seq := rapid.SampledFrom(p.recent).Draw(t, "sequence")
			p.recent = nil
			p.consumer.Undelivered(p.now, seq, "inbox")
			m.undo(seq)
			p.step(t)
		},
		"time": func(t *rapid.T) {
			p.now += int64(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 3 * time.Second, 11 * time.Second}).Draw(t, "passed"))
			m.now = p.now
			p.check(p.consumer.Due(p.now))
			m.due()
			p.step(t)
		},
		"remove": func(t *rapid.T) {
			if len(m.messages) == 0 {
				t.Skip("there is nothing")
			}
			seq := rapid.SampledFrom(m.sequences()).Draw(t, "sequence")
			_, err := p.stream.Remove(seq)
			p.check(err)
			p.forget()
			p.step(t)
		},
		"purge": func(t *rapid.T) {
			var purge store.Purge
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				filter, err := store.NewFilter("a.1")
				p.check(err)
				purge.Filter = filter
			case 1:
				last := p.stream.State().LastSequence
				purge.Below = rapid.Uint64Range(1, last+1).Draw(t, "below")
			case 2:
				purge.Keep = rapid.Uint64Range(1, 4).Draw(t, "keep")
			}
			_, err := p.stream.Purge(purge)
			p.check(err)
			if rapid.Bool().Draw(t, "told as a purge") {
				p.removals = p.removals[:0]
				p.check(p.consumer.Purged())
			}
			p.forget()
			p.step(t)
		},
		"restart": func(t *rapid.T) {
			p.restart()
			p.check(p.consumer.Due(p.now))
			m.restart()
			p.floor = api.SequenceInfo{}
			p.step(t)
		},
	}
}
