package block

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/journal"
	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/heap"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// A log is what an asset was after each commit, and which of these states was told to be
// durable last. The journal's goroutine writes there, too.
type log struct {
	mu      sync.Mutex
	states  []string
	durable int
}

// note takes up a state and returns what is to be called when it is durable.
func (l *log) note(state string) func(error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.states)
	l.states = append(l.states, state)
	return func(err error) {
		if err == nil {
			l.mu.Lock()
			l.durable = max(l.durable, n)
			l.mu.Unlock()
		}
	}
}

// settle compares a state that was found after a power cut, and begins anew with it.
func (l *log) settle(found string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.states[l.durable:], found) {
		return fmt.Errorf("it is as after commit %d (-1: none), durable was %d of %d: %s", slices.Index(l.states, found), l.durable, len(l.states)-1, found)
	}
	l.states, l.durable = []string{found}, 0
	return nil
}

// A tenant is an asset of a busy node with its owner.
type tenant interface {
	create(n *Node) error
	load(n *Node) error
	// verify is called when the asset is recovered.
	verify() error
	// work is done until the end or the power cut.
	work(steps int)
}

// A streamTenant owns a stream.
type streamTenant struct {
	log
	id      ID
	program *program
	moves   *atomic.Int64 // chunks that checkpoints moved

	owner       sync.Mutex // guards what follows
	stream      *Stream
	back        uint64 // where a burst began that is to be taken back
	checkpoints sync.WaitGroup
}

func (t *streamTenant) create(n *Node) (err error) {
	t.stream, err = n.CreateStream(t.id, t.program.options)
	if err == nil {
		state, _ := t.portrait()
		t.states = []string{state}
	}
	return err
}

func (t *streamTenant) load(n *Node) (err error) {
	t.stream, err = n.LoadStream(t.id, t.program.options)
	return err
}

func (t *streamTenant) verify() error {
	if d := t.stream.Report().Damage; len(d) > 0 {
		return fmt.Errorf("stream %d: %v", t.id, d)
	}
	state, err := t.portrait()
	if err == nil {
		err = t.settle(state)
	}
	if err != nil {
		return fmt.Errorf("stream %d: %w", t.id, err)
	}
	return nil
}

// portrait fails if the power is cut while the stream is read.
func (t *streamTenant) portrait() (string, error) {
	sum, err := readDigest(t.stream)
	return fmt.Sprintf("%08x %+v", sum, t.stream.State()), err
}

func (t *streamTenant) work(steps int) {
	for range steps {
		if !t.turn() {
			break
		}
	}
	t.checkpoints.Wait()
}

// turn changes the stream, and perhaps has a checkpoint made by another goroutine.
func (t *streamTenant) turn() bool {
	t.owner.Lock()
	defer t.owner.Unlock()
	p := t.program
	for range 1 + p.random.IntN(3) {
		if p.step(t.stream) != nil {
			return false
		}
	}
	if t.burst() != nil {
		return false
	}
	state, err := t.portrait()
	if err != nil {
		return false
	}
	done := t.note(state)
	if p.random.IntN(2) == 0 {
		t.stream.Commit(done)
	} else {
		t.stream.CommitNow(done)
	}
	if !t.stream.WantsCheckpoint() && t.back == 0 && p.random.IntN(8) > 0 {
		return true
	}
	c, err := t.stream.BeginCheckpoint()
	if err != nil {
		return err == ErrCheckpoint
	}
	if p.random.IntN(4) == 0 {
		c.index = t.stream.AppendIndex(nil)
	}
	for _, w := range c.chunks {
		if w.move {
			t.moves.Add(1)
		}
	}
	t.checkpoints.Go(func() {
		err := c.Write()
		t.owner.Lock()
		defer t.owner.Unlock()
		_ = t.stream.EndCheckpoint(c, err) // the power is cut
	})
	return true
}

// burst fills a file, or takes back what did, so that little in the file is left.
func (t *streamTenant) burst() error {
	p, last := t.program, t.stream.State().LastSequence
	switch {
	case t.back > 0 && last > t.back:
		_, err := t.stream.Truncate(t.back)
		t.back = 0
		return err
	case p.most < large || p.random.IntN(4) > 0:
		return nil
	}
	t.back = last
	for range 40 {
		m := p.message()
		m.Payload = make([]byte, large)
		if err := t.stream.Append(&m, store.Checked); err != nil {
			return err
		}
	}
	return nil
}

// large is the length of a payload of which some fill a file.
const large = 3000

// A consumerTenant owns a consumer.
type consumerTenant struct {
	log
	id       ID
	random   *rand.Rand
	consumer *Consumer
}

var busyRules = store.Rules{Ack: store.AckExplicit}

func (t *consumerTenant) create(n *Node) (err error) {
	if t.consumer, err = n.CreateConsumer(t.id, busyRules); err != nil {
		return err
	}
	t.states = []string{fmt.Sprint(t.consumer.State())}
	return nil
}

func (t *consumerTenant) load(n *Node) (err error) {
	t.consumer, err = n.LoadConsumer(t.id, busyRules)
	return err
}

func (t *consumerTenant) verify() error {
	if d := t.consumer.Report().Damage; len(d) > 0 {
		return fmt.Errorf("consumer %d: %v", t.id, d)
	}
	if err := t.settle(fmt.Sprint(t.consumer.State())); err != nil {
		return fmt.Errorf("consumer %d: %w", t.id, err)
	}
	return nil
}

func (t *consumerTenant) work(steps int) {
	for range steps {
		state := t.consumer.State()
		next := state.Delivered.Stream + 1
		for range 1 + t.random.IntN(20) {
			if t.random.IntN(3) > 0 {
				_ = t.consumer.Deliver(store.Delivery{Pair: store.Pair{Consumer: next, Stream: next}, Count: 1, Time: int64(next)})
				next++
			} else {
				seq := state.Floor.Stream + 1 + t.random.Uint64N(next-state.Floor.Stream)
				_ = t.consumer.Ack(store.Pair{Consumer: seq, Stream: seq})
			}
		}
		result := make(chan error, 1)
		done := t.note(fmt.Sprint(t.consumer.State()))
		t.consumer.Commit(func(err error) {
			done(err)
			result <- err
		})
		if <-result != nil {
			return
		}
	}
}

// busyOptions are those of a node, and those of its streams, by seed.
func busyOptions(random *rand.Rand) Options {
	cipher := func() heap.Cipher {
		var c heap.Cipher
		switch key := bytes.Repeat([]byte{7}, 32); random.IntN(3) {
		case 0:
			c, _ = seal.NewAESGCM(key)
		case 1:
			c, _ = seal.NewChaCha20Poly1305(key)
		}
		return c
	}
	o := Options{
		Journal: journal.Options{
			// What is committed at once fits into half a segment, so it is not divided.
			SegmentSize: 512 << 10, BatchBytes: 64 << 10, LiveSegments: 1 + random.IntN(3), Witness: -1,
			CheckpointBytes: []int64{0, 20 << 10}[random.IntN(2)],
		},
		CacheBytes:      []int64{1, 4 << 10, 64 << 10}[random.IntN(3)],
		CheckpointBytes: []int64{4 << 10, 32 << 10, 128 << 10}[random.IntN(3)],
		Cipher:          cipher(),
	}
	if random.IntN(4) == 0 {
		o.Journal.Witness = time.Millisecond
	}
	if c := cipher(); c != nil {
		o.Journal.Cipher = c
	}
	return o
}

// A busyNode is several streams and consumers on one disk.
type busyNode struct {
	random  *rand.Rand
	options Options
	disk    *faulty.Disk
	tenants []tenant
}

func newBusyNode(seed uint64, moves *atomic.Int64) *busyNode {
	random := rand.New(rand.NewPCG(seed, 6))
	b := &busyNode{random: random, options: busyOptions(random), disk: faulty.New(seed)}
	for i := range uint64(3) {
		p := newProgram(seed*10 + i)
		p.options.Compression = heap.Compression(random.IntN(2))
		p.most = []int{20, 300, large}[random.IntN(3)]
		b.tenants = append(b.tenants, &streamTenant{id: ID(1 + i), program: p, moves: moves})
	}
	for i := range uint64(2) {
		b.tenants = append(b.tenants, &consumerTenant{id: ID(11 + i), random: rand.New(rand.NewPCG(seed, 20+i))})
	}
	return b
}

// begin opens the node and verifies what is there. Without states nothing is there yet.
func (b *busyNode) begin(fresh bool) (*Node, error) {
	n, recovery, err := Open(b.disk, "data", b.options)
	if err != nil {
		return nil, err
	}
	if recovery.Damaged() {
		return n, fmt.Errorf("damage: %+v", recovery)
	}
	for _, t := range b.tenants {
		if fresh {
			err = t.create(n)
		} else {
			err = t.load(n)
		}
		if err != nil {
			return n, err
		}
	}
	if fresh {
		for _, t := range b.tenants {
			if c, ok := t.(*consumerTenant); ok {
				c.consumer.Commit(nil)
			}
		}
		return n, n.Journal().Sync()
	}
	if err := n.Recover(); err != nil {
		return n, err
	}
	for _, t := range b.tenants {
		if err := t.verify(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// live lets all tenants work until the power is cut.
func (b *busyNode) live(fresh bool) error {
	n, err := b.begin(fresh)
	if err != nil {
		return err
	}
	b.disk.CutAt(b.disk.Operations() + b.random.IntN(150<<b.random.IntN(3)))
	var all sync.WaitGroup
	for _, t := range b.tenants {
		all.Go(func() { t.work(60) })
	}
	all.Wait()
	b.disk.Cut()
	_ = n.Close()
	b.disk = b.disk.Survive(b.random.Uint64())
	if b.random.IntN(3) > 0 {
		return nil
	}
	// The power is cut once more, while the node recovers and writes what it found.
	b.disk.CutAt(b.random.IntN(60))
	if n, err := b.begin(false); err == nil {
		for _, t := range b.tenants {
			if s, ok := t.(*streamTenant); ok {
				_ = s.stream.Checkpoint()
			}
		}
		_ = n.Close()
	} else if !b.disk.IsCut() {
		return err
	} else if n != nil {
		_ = n.Close()
	}
	b.disk = b.disk.Survive(b.random.Uint64())
	return nil
}

const busyLives = 10

// TestPowerCutsOfABusyNode: streams and consumers work at the same time, each in a
// goroutine of its own and with checkpoints in another one, compressed and encrypted or
// not; the power is cut again and again. Each of them is what it was after one of its
// commits, not before the last that was told to be durable.
func TestPowerCutsOfABusyNode(t *testing.T) {
	moves, tried, more := new(atomic.Int64), 0, until(max(*cuts/2, 1))
	for seed := *firstSeed; more(tried); seed++ {
		b := newBusyNode(seed, moves)
		for life := range busyLives {
			if err := b.live(life == 0); err != nil {
				t.Fatalf("seed %d, life %d, %+v: %v", seed, life, b.options, err)
			}
			tried++
		}
		n, err := b.begin(false)
		if err != nil {
			t.Fatalf("seed %d, at the end, %+v: %v", seed, b.options, err)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d power cuts from seed %d on; %d chunks were moved", tried, *firstSeed, moves.Load())
}
