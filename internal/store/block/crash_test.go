package block

import (
	"encoding/binary"
	"flag"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/chunked"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// Set behind -args. A test that fails names the seed with which it can be repeated.
var (
	cuts      = flag.Int("cuts", usualCuts(), "power cuts of each crash test")
	firstSeed = flag.Uint64("seed", 1, "seed with which crash tests begin")
	limit     = flag.Duration("limit", 24*time.Hour, "time after which a crash test tries no more cuts")
)

// until returns whether there are to be more power cuts, as a function of those so far.
func until(most int) func(tried int) bool {
	end := time.Now().Add(*limit)
	return func(tried int) bool { return tried < most && time.Now().Before(end) }
}

// seeds is how many seeds are tried.
func seeds(usual uint64) uint64 {
	if raced {
		return usual / 5
	}
	return usual
}

func usualCuts() int {
	if raced {
		return 40
	}
	return 300
}

// digest is a number that stands for everything that can be read of a stream.
func digest(s store.Stream) uint32 {
	sum, err := readDigest(s)
	if err != nil {
		return crc32.ChecksumIEEE(fmt.Appendf(nil, "%d %v", sum, err))
	}
	return sum
}

// readDigest is digest for a stream whose disk may have no power.
func readDigest(s store.Stream) (uint32, error) {
	state := s.State()
	buf := fmt.Appendf(nil, "%d %d %d %d %d %d %d|", state.Messages, state.Bytes, state.FirstSequence, state.LastSequence, state.FirstTime, state.LastTime, state.Subjects)
	sum := crc32.ChecksumIEEE(buf)
	err := s.Each(nil, 0, func(m *store.Message) bool {
		buf = fmt.Appendf(buf[:0], "%d %d %d %v %d %d|", m.Sequence, m.Time, m.TTL, m.Marker, len(m.Subject), len(m.Header))
		for _, part := range [][]byte{buf, m.Subject, m.Header, m.Payload} {
			sum = crc32.Update(sum, crc32.IEEETable, part)
		}
		return true
	})
	return sum, err
}

// A program is a random sequence of operations on one stream, the same for the same
// seed.
type program struct {
	random  *rand.Rand
	options StreamOptions
	now     int64
	most    int // bytes of a payload
}

func newProgram(seed uint64) *program {
	p := &program{random: rand.New(rand.NewPCG(seed, 1)), now: 1_790_000_000_000_000_000, most: 300}
	pick := func(of ...int64) int64 { return of[p.random.IntN(len(of))] }
	p.options = StreamOptions{FileSize: 64 << 10, ChunkSize: int(pick(500, 2000, 64<<10))}
	p.options.Limits = store.Limits{
		MaxMessages: pick(0, 0, 20), MaxBytes: pick(0, 0, 5000), MaxPerSubject: pick(0, 1, 3), MessageTTL: pick(0, 1) == 1,
	}
	return p
}

// step does one thing to a stream.
func (p *program) step(s store.Stream) error {
	p.now += int64(time.Millisecond)
	state := s.State()
	seq := state.FirstSequence + p.random.Uint64N(state.LastSequence-min(state.FirstSequence, state.LastSequence)+1)
	var err error
	switch n := p.random.IntN(40); {
	case n < 26:
		batch := make([]store.Message, 1+p.random.IntN(6))
		for i := range batch {
			batch[i] = p.message()
		}
		return s.AppendBatch(batch, store.Checked)
	case n < 30:
		_, err = s.Remove(seq)
	case n < 32:
		_, err = s.Erase(seq)
	case n < 33:
		err = s.Skip(0, 1+p.random.Uint64N(20), p.now)
	case n < 34:
		_, err = s.Compact(seq)
	case n < 35:
		_, err = s.Truncate(seq)
	case n < 36:
		f, _ := store.NewFilter("s.1", "s.2")
		_, err = s.Purge(store.Purge{Filter: f})
	case n < 37:
		p.now += int64(time.Minute)
		_, err = s.Tick(p.now, nil)
	case n < 38 && p.random.IntN(4) == 0:
		_, err = s.Purge(store.Purge{})
	}
	if err == store.ErrEOF || err == store.ErrNotFound {
		err = nil
	}
	return err
}

func (p *program) message() store.Message {
	m := store.Message{Subject: fmt.Appendf(nil, "s.%d", p.random.IntN(8)), Time: p.now, Payload: make([]byte, p.random.IntN(p.most))}
	for i := range m.Payload {
		m.Payload[i] = byte(p.random.Uint32())
	}
	if p.random.IntN(5) == 0 {
		m.TTL = 1 + p.random.Int64N(200)
	}
	if p.random.IntN(5) == 0 {
		m.Header = []byte("NATS/1.0\r\nA: b\r\n\r\n")
	}
	return m
}

// A history is what a stream was after each commit, and up to which one it was told to
// be durable.
type history struct {
	digests []uint32
	durable int
}

// run plays a program until it ends or the power is cut.
func (h *history) run(s *Stream, p *program, steps int) {
	h.digests = append(h.digests, digest(s))
	for range steps {
		for range 1 + p.random.IntN(3) {
			if err := p.step(s); err != nil {
				return
			}
		}
		found, err := readDigest(s)
		if err != nil {
			return
		}
		h.digests = append(h.digests, found)
		if commitNow(s) != nil {
			return
		}
		h.durable = len(h.digests) - 1
		checkpoint := s.Checkpoint
		if p.random.IntN(4) == 0 {
			checkpoint = s.Rest
		}
		if p.random.IntN(8) == 0 && checkpoint() != nil {
			return
		}
	}
}

// TestPowerCut cuts the power in every operation of random programs. What is found then
// is what the stream was after one of its commits, not before the last that was told to
// be durable; and it is found again after another cut during the recovery.
//
// Go: TestFileStoreBasicWriteMsgsAndRestore server/filestore_test.go:182
func TestPowerCut(t *testing.T) {
	total, reached, more := 0, make(map[string]int), until(*cuts)
	for seed := *firstSeed; more(total); seed++ {
		last := -1
		for cut := 0; cut < 2000 && more(total); cut += 1 + cut/40 {
			if !powerCut(t, seed, cut, reached) {
				break
			}
			last, total = cut, total+1
		}
		if last < 0 && more(total) {
			t.Fatalf("seed %d: no cut", seed)
		}
	}
	t.Logf("%d power cuts from seed %d on, each with a second one in the recovery, or behind it: %v", total, *firstSeed, reached)
	for _, part := range []string{"journal", "load", "checkpoint", "end"} {
		if reached[part] == 0 {
			t.Errorf("no second cut came in the part of the recovery that is %q", part)
		}
	}
}

// powerCut reports whether the program had not ended before the cut, and counts the part
// of the recovery in which the second cut came.
func powerCut(t *testing.T, seed uint64, cut int, reached map[string]int) bool {
	t.Helper()
	p := newProgram(seed)
	disk := faulty.New(seed)
	n := openNode(t, disk, small())
	s, err := n.CreateStream(7, p.options)
	if err != nil {
		t.Fatal(err)
	}
	disk.CutAt(disk.Operations() + cut)
	h := &history{}
	h.run(s, p, 60)
	cutHere := disk.IsCut()
	_ = n.Close()
	if !cutHere {
		return false
	}
	where := fmt.Sprintf("seed %d, cut %d", seed, cut)
	outcome := seed + uint64(cut)
	h.expect(t, where, disk.Survive(outcome), p.options)
	disk = disk.Survive(outcome)
	again := int(outcome*2654435761%1000) % 40
	disk.CutAt(again)
	reached[recoverUntilCut(disk, p.options)]++
	h.expect(t, fmt.Sprintf("%s, second cut %d", where, again), disk.Survive(outcome+1), p.options)
	return true
}

// recoverUntilCut recovers the stream and makes a checkpoint of it, and returns in which
// part of this the power was cut.
func recoverUntilCut(disk *faulty.Disk, o StreamOptions) (part string) {
	n, _, err := Open(disk, "data", small())
	if err != nil {
		return "journal"
	}
	defer n.Close()
	s, err := n.LoadStream(7, o)
	if err == nil {
		err = n.Recover()
	}
	if err != nil || disk.IsCut() {
		return "load"
	}
	if s.Checkpoint() != nil || disk.IsCut() {
		return "checkpoint"
	}
	return "end"
}

// expect recovers a disk and compares.
func (h *history) expect(t *testing.T, where string, disk *faulty.Disk, o StreamOptions) {
	t.Helper()
	h.expectStream(t, where, disk, 7, o)
}

func (h *history) expectStream(t *testing.T, where string, disk *faulty.Disk, id ID, o StreamOptions) {
	t.Helper()
	n := openNode(t, disk, small())
	defer n.Close()
	s, err := n.LoadStream(id, o)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	if err := n.Recover(); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	if d := s.Report().Damage; len(d) > 0 {
		t.Fatalf("%s: %v", where, d)
	}
	found := digest(s)
	for _, d := range h.digests[h.durable:] {
		if d == found {
			return
		}
	}
	at := -1
	for i, d := range h.digests {
		if d == found {
			at = i
		}
	}
	t.Fatalf("%s: the stream is as after commit %d (-1: none), durable was %d of %d: %+v", where, at, h.durable, len(h.digests)-1, s.State())
}

// TestPowerCutOfConsumer is the same for a consumer.
func TestPowerCutOfConsumer(t *testing.T) {
	tried, more := 0, until(max(*cuts/3, 1))
	for seed := *firstSeed; more(tried); seed++ {
		tried++
		random := rand.New(rand.NewPCG(seed, 2))
		disk := faulty.New(seed)
		n := openNode(t, disk, small())
		rules := store.Rules{Ack: store.AckExplicit}
		c, err := n.CreateConsumer(9, rules)
		if err != nil {
			t.Fatal(err)
		}
		if random.IntN(10) > 0 {
			c.Commit(nil)
			if err := n.Journal().Sync(); err != nil {
				t.Fatal(err)
			}
		}
		disk.CutAt(disk.Operations() + random.IntN(300))
		states, durable := playConsumer(c, random)
		_ = n.Close()
		n = openNode(t, disk.Survive(seed), small())
		if c, err = n.LoadConsumer(9, rules); err != nil {
			t.Fatal(err)
		}
		if err := n.Recover(); err != nil || len(c.Report().Damage) > 0 {
			t.Fatal(seed, err, c.Report())
		}
		found, ok := encoded(c.State()), false
		for _, s := range states[durable:] {
			ok = ok || s == found
		}
		if !ok {
			t.Fatalf("seed %d: %+v is none of %d states since the durable one\n%x", seed, c.State(), len(states)-durable, states[durable])
		}
		_ = n.Close()
	}
	t.Logf("%d power cuts from seed %d on", tried, *firstSeed)
}

func encoded(s store.ConsumerState) string { return string(s.Append(nil)) }

// playConsumer delivers and acknowledges until the power is cut. It returns the states
// after commits, and which of them was durable last.
func playConsumer(c *Consumer, random *rand.Rand) (states []string, durable int) {
	states = append(states, encoded(store.ConsumerState{}), encoded(c.State()))
	done := make(chan error, 1)
	next := uint64(1)
	for range 400 {
		for range 1 + random.IntN(200) {
			if random.IntN(3) > 0 {
				_ = c.Deliver(store.Delivery{Pair: store.Pair{Consumer: next, Stream: next}, Count: 1, Time: int64(next)})
				next++
			} else {
				seq := 1 + random.Uint64N(next)
				_ = c.Ack(store.Pair{Consumer: seq, Stream: seq})
			}
		}
		n := len(states)
		states = append(states, encoded(c.State()))
		c.Commit(func(err error) { done <- err })
		if <-done != nil {
			return states, durable
		}
		durable = n
	}
	return states, durable
}

// FuzzEffects: no bytes of a journal record make the stream panic or grow without
// bound, and what is done can be read.
func FuzzEffects(f *testing.F) {
	e := effects{}
	e.stored(1, []byte{})
	e.remove(1)
	e.erase(2)
	e.skip(3, 4)
	e.compact(5)
	e.truncate(6)
	f.Add(e.take(nil)[0])
	f.Add(binary.AppendUvarint([]byte{kindSkipped}, 1<<60))
	f.Fuzz(func(t *testing.T, record []byte) {
		s, err := chunked.NewKept(store.Options{}, keeper{&Stream{}}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		d := redoing{stream: s}
		_ = d.record(record)
		digest(s)
	})
}

// FuzzEdit: an edit that can be read is the same when it is written and read again.
func FuzzEdit(f *testing.F) {
	e := edit{whole: true, head: head{1, 2, 3, 4}, puts: []put{{id: 5, sketch: []byte{1, 2}}}, drops: []uint64{6, 7}}
	f.Add(e.append(nil))
	f.Fuzz(func(t *testing.T, buf []byte) {
		e, err := readEdit(buf)
		if err != nil {
			return
		}
		again, err := readEdit(e.append(nil))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(e) {
			t.Fatalf("%+v came back as %+v, %v", e, again, err)
		}
		m := manifest{}
		if err := m.apply(buf); err != nil {
			t.Fatal(err)
		}
		m.sorted()
	})
}
