package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

var (
	subjects = []string{"a.1", "a.2", "a.3", "b.1", "b.x.y", "c"}
	filters  = []string{"a.*", "a.1", "b.>", "*.1", "c", "none", "*.*"}
)

// A pair is a stream of ours beside one of the reference's.
type pair struct {
	t      *testing.T
	random *rand.Rand
	ours   *block.Stream
	theirs server.StreamStore
	now    int64
	what   string // was done last
	wrong  bool   // the reference has left the first sequence of an empty stream behind
}

// TestSameAsTheReference plays random operations to both.
func TestSameAsTheReference(t *testing.T) {
	reference, js := startReference(t)
	compared := 0
	for seed := range uint64(40) {
		p := &pair{t: t, random: rand.New(rand.NewPCG(seed, 1)), now: 1_700_000_000_000_000_000}
		limits := store.Limits{MaxMessages: p.pick(0, 0, 30), MaxPerSubject: p.pick(0, 1, 4)}
		node, _, err := block.Open(faulty.New(seed), "data", block.Options{})
		if err != nil {
			t.Fatal(err)
		}
		p.ours, err = node.CreateStream(1, block.StreamOptions{Options: store.Options{Limits: limits}, ChunkSize: 500})
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("S%d", seed)
		p.theirs = referenceStore(t, reference, js, jetstream.StreamConfig{
			Name: name, Subjects: []string{name + ".>"}, MaxMsgs: orNone(limits.MaxMessages), MaxMsgsPerSubject: orNone(limits.MaxPerSubject),
		})
		for step := range 60 {
			p.step()
			p.compare(fmt.Sprintf("seed %d, step %d, %+v, after %s", seed, step, limits, p.what))
			if p.wrong {
				break
			}
			compared++
			if p.random.IntN(5) == 0 {
				if err := p.ours.Checkpoint(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if compared < 1000 {
		t.Errorf("%d states were compared", compared)
	}
}

func orNone(n int64) int64 {
	if n == 0 {
		return -1
	}
	return n
}

func (p *pair) pick(of ...int64) int64 { return of[p.random.IntN(len(of))] }

// step does one thing to both.
func (p *pair) step() {
	state := p.ours.State()
	seq := state.FirstSequence + p.random.Uint64N(state.LastSequence-min(state.FirstSequence, state.LastSequence)+2)
	switch n := p.random.IntN(20); {
	case n < 11:
		for range 1 + p.random.IntN(8) {
			p.store()
		}
		p.what = "storing"
	case n < 14:
		p.what = fmt.Sprintf("removing %d", seq)
		ours, _ := p.ours.Remove(seq)
		theirs, _ := p.theirs.RemoveMsg(seq)
		p.same(p.what, ours, theirs)
	case n < 16:
		filter, keep, below := filters[p.random.IntN(len(filters))], uint64(p.pick(0, 0, 2)), uint64(0)
		if keep == 0 && p.random.IntN(2) == 0 {
			below = seq
		}
		p.what = fmt.Sprintf("purging %s, keep %d, below %d", filter, keep, below)
		ours, err := p.ours.Purge(store.Purge{Filter: p.filter(filter), Keep: keep, Below: below})
		theirs, failure := p.theirs.PurgeEx(filter, below, keep)
		p.ok(err)
		p.ok(failure)
		p.same(p.what, ours.Messages, theirs)
	case n < 17:
		p.what = fmt.Sprintf("compacting to %d", seq)
		_, err := p.ours.Compact(max(seq, 1))
		_, failure := p.theirs.Compact(max(seq, 1))
		p.ok(err)
		p.ok(failure)
	case n < 18 && seq > 0 && seq <= state.LastSequence && state.Messages > 0:
		p.what = fmt.Sprintf("truncating to %d", seq)
		if _, err := p.ours.Subject(seq); err != nil {
			p.what = "nothing"
			return
		}
		_, err := p.ours.Truncate(seq)
		p.ok(err)
		p.ok(p.theirs.Truncate(seq))
	case n < 19:
		count := 1 + p.random.Uint64N(5)
		p.what = fmt.Sprintf("skipping %d", count)
		p.ok(p.ours.Skip(0, count, p.now))
		p.ok(p.theirs.SkipMsgs(state.LastSequence+1, count))
	default:
		p.what = "nothing"
	}
}

func (p *pair) store() {
	p.now += 1 + p.random.Int64N(1e9)
	subject, payload := subjects[p.random.IntN(len(subjects))], make([]byte, p.random.IntN(100))
	var header []byte
	if p.random.IntN(3) == 0 {
		header = []byte("NATS/1.0\r\nA: b\r\n\r\n")
	}
	m := store.Message{Subject: []byte(subject), Header: header, Payload: payload, Time: p.now}
	p.ok(p.ours.Append(&m, store.Checked))
	p.ok(p.theirs.StoreRawMsg(subject, header, payload, m.Sequence, p.now, 0, false))
}

func (p *pair) filter(pattern string) *store.Filter {
	f, err := store.NewFilter(pattern)
	p.ok(err)
	return f
}

func (p *pair) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%s: %v", p.what, err)
	}
}

func (p *pair) same(where string, ours, theirs any) {
	p.t.Helper()
	if fmt.Sprint(ours) != fmt.Sprint(theirs) {
		p.t.Fatalf("%s: ours %v, theirs %v", where, ours, theirs)
	}
}

// compare asks both everything.
func (p *pair) compare(where string) {
	p.t.Helper()
	ours, theirs := p.ours.State(), p.theirs.State()
	if ours.Messages == 0 && theirs.Msgs == 0 && theirs.FirstSeq < ours.FirstSequence {
		p.wrong = true // what the reference says from now on follows from that
		return
	}
	p.same(where+": state", []uint64{ours.Messages, ours.Bytes, ours.FirstSequence, ours.LastSequence, uint64(ours.Subjects)},
		[]uint64{theirs.Msgs, theirs.Bytes, theirs.FirstSeq, theirs.LastSeq, uint64(theirs.NumSubjects)})
	if ours.Messages > 0 {
		p.same(where+": first time", ours.FirstTime, theirs.FirstTime.UnixNano())
	}
	var deleted []uint64
	p.ours.Deleted(func(r store.Range) bool {
		for seq := range r.All {
			deleted = append(deleted, seq)
		}
		return true
	})
	if ours.Messages > 0 { // the reference has sequence 0 deleted in a new stream
		p.same(where+": deleted", deleted, theirs.Deleted)
	}
	var m store.Message
	var sm server.StoreMsg
	for seq := ours.FirstSequence; seq <= ours.LastSequence; seq++ {
		err := p.ours.Load(seq, &m)
		got, failure := p.theirs.LoadMsg(seq, &sm)
		if p.same(fmt.Sprintf("%s: message %d is there", where, seq), err == nil, failure == nil); err == nil {
			theirs := openMsg(got)
			p.same(fmt.Sprintf("%s: message %d", where, seq), fmt.Sprintf("%s %q %q %d", m.Subject, m.Header, m.Payload, m.Time),
				fmt.Sprintf("%s %q %q %d", theirs.subject, theirs.header, theirs.body, theirs.time))
		}
	}
	for _, filter := range filters {
		p.compareFilter(where+": "+filter, filter, ours)
	}
}

func (p *pair) compareFilter(where, filter string, state store.State) {
	p.t.Helper()
	f := p.filter(filter)
	start := state.FirstSequence + p.random.Uint64N(state.LastSequence-min(state.FirstSequence, state.LastSequence)+1)
	where = fmt.Sprintf("%s from %d", where, start)
	var m store.Message
	var sm server.StoreMsg
	next, err := p.ours.Next(f, start, &m)
	_, theirNext, failure := p.theirs.LoadNextMsg(filter, true, start, &sm)
	if p.same(where+": next is there", err == nil, failure == nil); err == nil {
		p.same(where+": next", next, theirNext)
	}
	previous, err := p.ours.Previous(f, start, &m)
	_, theirPrevious, failure := p.theirs.LoadPrevMsg(filter, true, start, &sm)
	if p.same(where+": previous is there", err == nil, failure == nil); err == nil {
		p.same(where+": previous", previous, theirPrevious)
	}
	for _, last := range []bool{false, true} {
		count, _, err := p.ours.Pending(f, start, last)
		p.ok(err)
		theirs, _, err := p.theirs.NumPending(start, filter, last)
		p.ok(err)
		p.same(fmt.Sprintf("%s: pending, last per subject %v", where, last), count, theirs)
	}
	totals, err := store.Totals(p.ours, f, 0)
	p.ok(err)
	theirTotals := p.theirs.SubjectsTotals(filter)
	if !maps.Equal(totals, theirTotals) {
		p.same(where+": totals", totals, theirTotals)
	}
	list, err := p.ours.LastSequences(f, 0, 0)
	p.ok(err)
	theirList, err := p.theirs.MultiLastSeqs([]string{filter}, 0, -1)
	p.ok(err)
	if slices.Sort(theirList); !slices.Equal(list, theirList) {
		p.same(where+": last sequences", list, theirList)
	}
}
