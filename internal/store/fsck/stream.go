package fsck

import (
	"errors"
	"fmt"
	"sort"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/catalog"
)

// stream checks one stream with its consumers. An error says that the check cannot go on.
func (c *check) stream(a catalog.Asset) error {
	r := Stream{Number: uint64(a.ID), Account: a.Account, Name: a.Name, Dir: c.streamDir(a.ID)}
	id := block.ID(a.ID)
	s, err := c.node.LoadStream(id, block.StreamOptions{})
	switch {
	case block.IsNotExist(err) && c.node.Journal().Group(id).Last == 0:
		c.note(c.streamDir(a.ID), "stream %s > %s has no files: it was being created, or they are gone", a.Account, a.Name)
		return c.consumers(a, &r, 0)
	case err != nil && (errors.Is(err, store.ErrClosed) || errors.Is(err, block.ErrExists)):
		return err
	case err != nil:
		r.add(damageOf(fmt.Errorf("it cannot be loaded: %w", err)))
		c.report.Streams = append(c.report.Streams, r)
		return nil
	}
	defer s.Close()
	if err := c.node.RecoverOne(id); err != nil {
		return err
	}
	for _, d := range s.Report().Damage {
		one := damageOf(d.Err)
		one.First, one.Last = d.First, d.Last
		r.add(one)
	}
	(&reading{stream: s, report: &r}).run()
	return c.consumers(a, &r, r.Last)
}

func (r *Stream) add(d Damage) {
	if len(r.Damage) >= DamageMax {
		r.Untold++
		return
	}
	r.Damage = append(r.Damage, d)
}

// differs is damage that is not in one place.
func (r *Stream) differs(format string, args ...any) {
	r.add(Damage{Reason: fmt.Sprintf(format, args...)})
}

// A reading reads all messages of a stream and compares them with its indexes.
type reading struct {
	stream *block.Stream
	report *Stream
	holes  []store.Range // filled where something cannot be read
}

func (r *reading) run() {
	state := r.stream.State()
	r.report.First, r.report.Last = state.FirstSequence, state.LastSequence
	t := tally{report: r.report, last: state.FirstSequence - min(state.FirstSequence, 1)}
	lost := r.messages(&t)
	r.report.Messages, r.report.Bytes = t.messages, t.bytes
	if lost == 0 && (t.messages != state.Messages || t.bytes != state.Bytes) {
		r.report.differs("%d messages of %d bytes are counted, and %d of %d are there", state.Messages, state.Bytes, t.messages, t.bytes)
	}
	if lost > 0 && t.messages+lost != state.Messages {
		r.report.differs("%d messages are counted; %d are there, and %d cannot be read", state.Messages, t.messages, lost)
	}
	if lost == 0 && t.messages > 0 && t.first != state.FirstSequence {
		r.report.differs("the first sequence is to be %d, and is %d", state.FirstSequence, t.first)
	}
	r.countHoles(state)
	if lost == 0 {
		r.subjects(&t, state)
	}
}

// A tally counts messages.
type tally struct {
	report          *Stream
	messages, bytes uint64
	nameless        uint64 // messages without a subject
	first, last     uint64
}

func (t *tally) add(m *store.Message) {
	if m.Sequence <= t.last && t.messages > 0 {
		t.report.differs("sequence %d comes behind %d", m.Sequence, t.last)
	}
	if t.messages == 0 {
		t.first = m.Sequence
	}
	t.last = m.Sequence
	t.messages++
	t.bytes += store.FileSize(len(m.Subject), len(m.Header), len(m.Payload))
	if len(m.Subject) == 0 {
		t.nameless++
	}
}

// messages reads all messages, and returns how many cannot be read.
func (r *reading) messages(t *tally) (lost uint64) {
	next, stuck := uint64(0), false
	for {
		before := t.messages
		err := r.stream.Each(nil, next, func(m *store.Message) bool {
			t.add(m)
			next = m.Sequence + 1
			return true
		})
		if err == nil {
			return lost
		}
		n, after, ok := r.skip(max(next, r.report.First), err)
		lost += n
		if !ok {
			return lost
		}
		// It may have been for once; but not again and again.
		idle := n == 0 && t.messages == before
		if idle && stuck {
			r.report.add(damageOf(err))
			return lost
		}
		next, stuck = after, idle
	}
}

// skip reports messages that cannot be read, from a sequence or a little later on, and
// returns how many they are and the sequence of the next one that can. Runs that are bad
// for one reason are reported together.
func (r *reading) skip(from uint64, failure error) (lost, next uint64, ok bool) {
	var m store.Message
	bad := Damage{}
	flush := func() {
		if bad.Reason != "" {
			r.report.add(bad)
		}
		bad = Damage{}
	}
	defer flush()
	for seq, there := r.present(from); there; seq, there = r.present(seq + 1) {
		err := r.stream.Load(seq, &m)
		if err == nil {
			return lost, seq, true
		}
		lost++
		one := damageOf(err)
		one.First, one.Last = seq, seq
		if one.Reason != bad.Reason {
			flush()
			bad = one
		}
		bad.Last = seq
		bad.Messages++
	}
	if lost == 0 {
		r.report.add(damageOf(failure)) // reading fails, and no message is to blame
	}
	return lost, 0, false
}

// present returns the first sequence from one on that has a message, by the indexes.
func (r *reading) present(from uint64) (seq uint64, ok bool) {
	if r.holes == nil {
		r.holes = []store.Range{}
		r.stream.Deleted(func(hole store.Range) bool {
			r.holes = append(r.holes, hole)
			return true
		})
	}
	i := sort.Search(len(r.holes), func(i int) bool { return r.holes[i].Last() >= from })
	for seq = from; i < len(r.holes) && r.holes[i].First <= seq; i++ {
		seq = r.holes[i].Last() + 1
	}
	return seq, seq <= r.report.Last && r.stream.State().Messages > 0
}

// countHoles compares the holes with the counts.
func (r *reading) countHoles(state store.State) {
	deleted := uint64(0)
	r.stream.Deleted(func(hole store.Range) bool {
		deleted += hole.Count
		return true
	})
	if deleted != state.Deleted() {
		r.report.differs("%d sequences are holes, and %d are to be", deleted, state.Deleted())
	}
}

// subjects compares the index of subjects with the counts.
func (r *reading) subjects(t *tally, state store.State) {
	messages, subjects := t.nameless, 0
	err := r.stream.Subjects(nil, 0, func(subject []byte, s store.SubjectState) bool {
		messages += s.Messages
		subjects++
		if s.Messages == 0 || s.First > s.Last || s.First < state.FirstSequence || s.Last > state.LastSequence {
			r.report.differs("subject %.128q is to have %d messages from %d to %d", subject, s.Messages, s.First, s.Last)
		}
		return true
	})
	switch {
	case err != nil:
		r.report.add(damageOf(err))
	case messages != t.messages || subjects != state.Subjects:
		r.report.differs("the index of subjects has %d messages of %d subjects; there are %d, of %d", messages, subjects, t.messages, state.Subjects)
	}
}

// consumers checks the consumers of a stream and enters it in the report.
func (c *check) consumers(a catalog.Asset, r *Stream, last uint64) error {
	var list []catalog.Asset
	if c.list != nil {
		list = c.list.Consumers(a.ID)
	}
	for _, one := range list {
		checked, err := c.consumer(one, last)
		if err != nil {
			return err
		}
		r.Consumers = append(r.Consumers, checked)
	}
	c.report.Streams = append(c.report.Streams, *r)
	return nil
}

func (c *check) consumer(a catalog.Asset, last uint64) (Consumer, error) {
	r := Consumer{Number: uint64(a.ID), Name: a.Name}
	id := block.ID(a.ID)
	// The rules are those that the journal has: only what comes would go by others.
	one, err := c.node.LoadConsumer(id, store.Rules{})
	if err != nil {
		return r, err
	}
	defer one.Close()
	if err := c.node.RecoverOne(id); err != nil {
		return r, err
	}
	for _, d := range one.Report().Damage {
		r.Damage = append(r.Damage, damageOf(d.Err))
	}
	state := one.State()
	r.Delivered, r.Floor, r.Pending = state.Delivered.Stream, state.Floor.Stream, len(state.Pending)
	if err := state.Verify(); err != nil {
		r.Damage = append(r.Damage, damageOf(err))
	}
	if state.Delivered.Stream > last {
		r.Damage = append(r.Damage, Damage{Reason: fmt.Sprintf("it has seen sequence %d, and its stream ends with %d", state.Delivered.Stream, last), First: last + 1, Last: state.Delivered.Stream})
	}
	return r, nil
}
