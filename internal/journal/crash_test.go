package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// model is what a journal must hold.
type model struct {
	mu      sync.Mutex
	groups  map[GroupID]*modelGroup
	order   int // appends accepted so far
	durable int // the appends up to here were promised, as long as no commit failed
	held    map[Position]heldRecord

	faulted   bool            // an operation of the disk was made to fail in this life
	refused   bool            // a callback came with an error in this life
	condemned map[string]bool // data that must not come back
	unique    uint64
}

type modelGroup struct {
	records  []modelRecord // by sequence - 1
	released uint64
	visible  uint64 // highest sequence whose callback came
	promised uint64 // highest sequence that was promised to be durable
	resumed  int    // how often
	async    bool
}

type modelRecord struct {
	data  []byte
	order int
	last  bool // of its append
}

type heldRecord struct {
	group GroupID
	data  []byte
	sure  bool // a checkpoint knows of it
}

func newModel() *model {
	return &model{groups: make(map[GroupID]*modelGroup), held: make(map[Position]heldRecord), condemned: make(map[string]bool)}
}

func (m *model) group(id GroupID) *modelGroup {
	if m.groups[id] == nil {
		m.groups[id] = &modelGroup{}
	}
	return m.groups[id]
}

// check compares a recovered journal with the model, which then becomes what the
// journal holds.
func (m *model) check(j *Journal, report Recovery) error {
	if len(report.Damage) > 0 || len(report.Lost) > 0 || len(report.Problems) > 0 {
		return fmt.Errorf("damage reported: %+v", report)
	}
	found := make(map[GroupID]map[uint64]bool)
	survived := 0
	err := j.Replay(func(r Record, err error) error {
		if err != nil {
			return fmt.Errorf("record %d of group %d: %w", r.Sequence, r.Group, err)
		}
		if m.condemned[string(r.Data)] {
			return fmt.Errorf("record %d of group %d at %v came back after it was answered with an error", r.Sequence, r.Group, r.Position)
		}
		g := m.groups[r.Group]
		if g == nil || r.Sequence > uint64(len(g.records)) {
			return fmt.Errorf("record %d of group %d was never appended", r.Sequence, r.Group)
		}
		want := g.records[r.Sequence-1]
		if !bytes.Equal(r.Data, want.data) {
			return fmt.Errorf("record %d of group %d at %v has other data", r.Sequence, r.Group, r.Position)
		}
		if found[r.Group] == nil {
			found[r.Group] = make(map[uint64]bool)
		}
		if n := r.Sequence - 1; len(found[r.Group]) > 0 && !found[r.Group][n] {
			return fmt.Errorf("record %d of group %d is out of order", r.Sequence, r.Group)
		}
		found[r.Group][r.Sequence] = true
		survived = max(survived, want.order)
		return nil
	})
	if err != nil {
		return err
	}
	for id, g := range m.groups {
		info := j.Group(id)
		if info.First-1 > g.released {
			return fmt.Errorf("group %d begins at %d, released was %d", id, info.First, g.released)
		}
		for s := info.First; s <= info.Last; s++ {
			if !found[id][s] {
				return fmt.Errorf("record %d of group %d (%d to %d) is missing", s, id, info.First, info.Last)
			}
		}
		if info.Last > uint64(len(g.records)) {
			return fmt.Errorf("group %d ends at %d, appended were %d", id, info.Last, len(g.records))
		}
		// (A release may be durable before the unsynced records that it covers.)
		if info.Last >= info.First && !g.records[info.Last-1].last {
			return fmt.Errorf("an append to group %d was torn at %d", id, info.Last)
		}
		if info.Last < uint64(len(g.records)) {
			next := g.records[info.Last]
			if info.Last < g.promised || !m.faulted && next.order <= m.durable {
				return fmt.Errorf("record %d of group %d was promised and is lost", info.Last+1, id)
			}
			if !m.faulted && next.order < survived {
				return fmt.Errorf("record %d of group %d is lost, a later append survived", info.Last+1, id)
			}
		}
		g.records = g.records[:info.Last]
		g.released, g.visible, g.promised = info.First-1, info.Last, info.Last
	}
	m.faulted, m.refused = false, false
	for pos, h := range m.held {
		r, err := j.ReadAt(pos, nil)
		switch {
		case h.sure && err != nil:
			return fmt.Errorf("held record at %v: %w", pos, err)
		case h.sure && (r.Group != h.group || !bytes.Equal(r.Data, h.data)):
			return fmt.Errorf("held record at %v has other data", pos)
		case !h.sure && len(j.Holdings(h.group)) == 0:
			delete(m.held, pos)
		}
	}
	return nil
}

// crashRun is one life of a journal under random operations.
type crashRun struct {
	random  *rand.Rand
	options Options
	model   *model
	journal *Journal
	disk    *faulty.Disk
	tight   bool // the disk may be full
}

const crashGroups = 5

// live does random operations until one fails, or there were enough.
func (c *crashRun) live(steps int) error {
	for range steps {
		if err := c.step(); err != nil {
			return err
		}
	}
	return nil
}

func (c *crashRun) step() error {
	id := GroupID(1 + c.random.IntN(crashGroups))
	switch n := c.random.IntN(100); {
	case n < 55:
		return c.append(id, c.random.IntN(3) > 0)
	case n < 65:
		return c.append(id, false)
	case n < 85:
		return c.release(id)
	case n < 88:
		return c.sync(c.journal.Sync, true)
	case n < 91:
		return c.sync(c.journal.Checkpoint, false)
	case n < 94:
		return c.hold(id)
	default:
		return c.readSome(id)
	}
}

func (c *crashRun) append(id GroupID, wait bool) error {
	var records [][]byte
	for range 1 + c.random.IntN(3)*c.random.IntN(2) {
		size := c.random.IntN(200)
		if c.random.IntN(10) == 0 {
			size = c.random.IntN(5000)
		}
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(c.random.Uint32())
		}
		if size >= uniqueSize {
			c.model.unique++
			binary.BigEndian.PutUint64(data, c.model.unique)
		}
		records = append(records, data)
	}
	m := c.model
	m.mu.Lock()
	g := m.group(id)
	m.order++
	order := m.order
	for i, data := range records {
		g.records = append(g.records, modelRecord{data, order, i == len(records)-1})
	}
	expected := uint64(len(g.records) - len(records) + 1)
	durable, resumed := c.options.Interval == 0 && !g.async, g.resumed
	m.mu.Unlock()
	ready := make(chan error, 1)
	appendTo := c.journal.Append
	if c.random.IntN(2) == 0 {
		appendTo = c.journal.AppendNow
	}
	first, err := appendTo(id, records, func(a Appended, err error) {
		m.mu.Lock()
		m.refused = m.refused || err != nil
		switch {
		case err != nil && c.fenced() && c.journal.Err() == nil:
			m.condemn(records)
		case err == nil && resumed == g.resumed:
			g.visible = a.First + uint64(a.Count) - 1
			if durable {
				m.durable = order
				g.promised = g.visible
			}
		}
		m.mu.Unlock()
		ready <- err
	})
	if errors.Is(err, ErrFull) || c.survivable(err) {
		m.mu.Lock()
		g.records = g.records[:len(g.records)-len(records)]
		m.order--
		m.mu.Unlock()
		if errors.Is(err, ErrPoisoned) {
			m.condemn(records)
			return c.resume(id)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if first != expected {
		return fmt.Errorf("group %d: sequence %d, expected %d", id, first, expected)
	}
	if !wait {
		return nil
	}
	if err := <-ready; c.survivable(err) {
		return c.resume(id)
	} else {
		return err
	}
}

func (c *crashRun) release(id GroupID) error {
	m := c.model
	m.mu.Lock()
	g := m.group(id)
	upTo := g.visible
	if c.random.IntN(3) == 0 && upTo > g.released {
		upTo = g.released + uint64(c.random.Int64N(int64(upTo-g.released)))
	}
	if c.random.IntN(3) == 0 && id == 1 {
		upTo = g.released // group 1 is lazy
	}
	g.released = max(g.released, upTo)
	m.mu.Unlock()
	return c.tolerate(c.journal.Release(id, upTo))
}

// sync calls what promises that everything is durable: also, if it says so, that
// nothing that was acknowledged is lost.
func (c *crashRun) sync(call func() error, complete bool) error {
	c.model.mu.Lock()
	order := c.model.order
	visible := make(map[*modelGroup]uint64)
	for _, g := range c.model.groups {
		visible[g] = g.visible
	}
	c.model.mu.Unlock()
	if err := call(); err != nil {
		return c.tolerate(err)
	}
	c.model.mu.Lock()
	defer c.model.mu.Unlock()
	if !c.model.refused { // the promise is not about what was answered with an error
		c.model.durable = max(c.model.durable, order)
	}
	for g, last := range visible {
		if complete {
			g.promised = max(g.promised, last)
		}
	}
	return nil
}

// hold keeps a segment for a record, or gives all back.
func (c *crashRun) hold(id GroupID) error {
	m, j := c.model, c.journal
	if c.random.IntN(2) == 0 || len(m.held) > 2 {
		for pos, h := range m.held {
			for _, holding := range j.Holdings(h.group) {
				if err := j.Hold(h.group, holding.Segment, 0); err != nil {
					return c.tolerate(err)
				}
			}
			delete(m.held, pos)
		}
		return nil
	}
	info := j.Group(id)
	if info.Live == 0 {
		return nil
	}
	r, err := j.Read(id, info.Last, nil)
	if err != nil {
		return c.tolerate(err)
	}
	err = j.Hold(id, r.Position.Segment(), 1)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	// Positions may change until the hold stands.
	if again, err := j.Read(id, info.Last, nil); err != nil || again.Position != r.Position {
		return j.Hold(id, r.Position.Segment(), 0)
	}
	if err := j.Checkpoint(); err != nil {
		return c.tolerate(err)
	}
	again, err := j.Read(id, info.Last, nil)
	if err != nil {
		return c.tolerate(err)
	}
	if !bytes.Equal(again.Data, r.Data) {
		return c.tolerate(fmt.Errorf("a record is another one after a checkpoint: %w", ErrNotFound))
	}
	m.held[r.Position] = heldRecord{id, r.Data, true}
	return nil
}

func (c *crashRun) readSome(id GroupID) error {
	info := c.journal.Group(id)
	if info.Live == 0 {
		return nil
	}
	sequence := info.First + uint64(c.random.Int64N(int64(info.Last-info.First+1)))
	r, err := c.journal.Read(id, sequence, nil)
	if err != nil {
		return c.tolerate(err)
	}
	c.model.mu.Lock()
	want := c.model.groups[id].records[sequence-1].data
	c.model.mu.Unlock()
	if !bytes.Equal(r.Data, want) {
		return fmt.Errorf("record %d of group %d reads wrong", sequence, id)
	}
	return nil
}

// crashOptions chooses options by seed.
func crashOptions(random *rand.Rand) Options {
	o := Options{
		SegmentSize:  int64(16<<10) << random.IntN(3),
		LiveSegments: 1 + random.IntN(3),
		OpenFiles:    1 + random.IntN(4),
		Direct:       random.IntN(2) == 0,
		Witness:      -1,
		Random:       &seededReader{random: rand.New(rand.NewPCG(random.Uint64(), 3))},
	}
	if random.IntN(3) == 0 {
		o.CheckpointBytes = 8 << 10
	}
	if random.IntN(3) == 0 {
		o.BatchAppends = 1 + random.IntN(4)
	}
	if random.IntN(4) == 0 {
		o.Interval = time.Millisecond
	}
	if random.IntN(4) == 0 {
		o.Witness = time.Millisecond
	}
	if random.IntN(5) == 0 {
		o.MaxSegments = 6
	}
	switch random.IntN(4) {
	case 0:
		o.Cipher, _ = seal.NewAESGCM(make([]byte, 32))
	case 1:
		o.Cipher, _ = seal.NewChaCha20Poly1305(make([]byte, 32))
	}
	return o
}

type seededReader struct {
	mu     sync.Mutex
	random *rand.Rand
}

func (r *seededReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range p {
		p[i] = byte(r.random.Uint32())
	}
	return len(p), nil
}

const (
	crashLives = 3
	crashSteps = 60
)

// crash runs one history: lives on one disk, each ended by a power cut, the last
// life's at a chosen operation. From another one on, writes and syncs fail for a
// while; -1 is never. It returns how many operations that life had.
func crash(seed uint64, fail, cut int) (operations int, err error) {
	random := rand.New(rand.NewPCG(seed, 2))
	options := crashOptions(random)
	nonces := &nonceWatch{}
	if options.Cipher != nil {
		options.Cipher = watchedCipher{options.Cipher, nonces}
	}
	tight := random.IntN(5) == 0
	disk, m := faulty.New(seed), newModel()
	for life := range crashLives {
		last := life == crashLives-1
		start := disk.Operations()
		switch {
		case last && cut >= 0:
			disk.CutAt(start + cut)
		case !last:
			disk.CutAt(start + random.IntN(300))
		}
		if last && fail >= 0 {
			disk.Fail(m.failing(start+fail, random))
		}
		operations, err = oneLife(disk, options, m, random, tight)
		if err != nil {
			return 0, fmt.Errorf("life %d: %w", life, err)
		}
		operations -= start
		if last {
			break
		}
		disk = disk.Survive(random.Uint64())
	}
	// Several outcomes of the same cut, each twice: recovery itself may be cut.
	for outcome := range uint64(3) {
		after := disk.Survive(seed*10 + outcome)
		if outcome == 2 {
			after.CutAt(int(seed+uint64(cut)) % 25)
			if j, _, err := Open(after, testDir, options); err == nil {
				_ = j.Close()
			}
			after = after.Survive(seed + outcome)
		}
		if err := recheck(after, options, m.clone()); err != nil {
			return operations, fmt.Errorf("outcome %d: %w", outcome, err)
		}
	}
	return operations, nonces.reused()
}

func (m *model) clone() *model {
	c := newModel()
	c.order, c.durable, c.faulted, c.condemned = m.order, m.durable, m.faulted, m.condemned
	for id, g := range m.groups {
		copied := *g
		c.groups[id] = &copied
	}
	for pos, h := range m.held {
		c.held[pos] = h
	}
	return c
}

func recheck(disk *faulty.Disk, options Options, m *model) error {
	j, report, err := Open(disk, testDir, options)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	return errors.Join(m.check(j, report), j.Close())
}

// oneLife opens, checks, works until the power cut or the end, and returns how
// many operations the disk has seen.
func oneLife(disk *faulty.Disk, options Options, m *model, random *rand.Rand, tight bool) (int, error) {
	j, report, err := Open(disk, testDir, options)
	if errors.Is(err, faulty.ErrPowerCut) || errors.Is(err, syscall.EIO) {
		return disk.Operations(), nil
	}
	if err != nil {
		return 0, err
	}
	err = m.check(j, report)
	if err == nil && tight {
		// Room for this many more segments.
		disk.SetCapacity(disk.Used() + int64(random.IntN(6))*options.SegmentSize + 8<<10)
	}
	if err == nil {
		for id := range m.groups {
			m.groups[id].async = id == 4
		}
		m.group(4).async = true
		_ = j.SetAsync(4, true)
		c := &crashRun{random: random, options: options, model: m, journal: j, disk: disk, tight: tight}
		err = c.live(crashSteps)
	}
	operations := disk.Operations()
	closeErr := j.Close()
	disk.SetCapacity(-1)
	if excused(disk, err) && excused(disk, closeErr) {
		return operations, nil
	}
	return operations, errors.Join(err, closeErr)
}

// excused: what fails after a cut or an injected error fails because of it, and
// a full disk fails checkpoints.
func excused(disk *faulty.Disk, err error) bool {
	if disk.IsCut() && (errors.Is(err, faulty.ErrPowerCut) || errors.Is(err, ErrFailed)) {
		return true
	}
	return err == nil || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENOSPC)
}

// crashCuts is how many power cuts are tried, and until when; GODWIT_CRASH_CUTS
// sets another number, and GODWIT_CRASH_LIMIT another time than a day.
func crashCuts(t *testing.T) (cuts int, deadline time.Time) {
	if s := os.Getenv("GODWIT_CRASH_CUTS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("GODWIT_CRASH_CUTS: %v", err)
		}
		limit := 24 * time.Hour
		if s := os.Getenv("GODWIT_CRASH_LIMIT"); s != "" {
			if limit, err = time.ParseDuration(s); err != nil {
				t.Fatalf("GODWIT_CRASH_LIMIT: %v", err)
			}
		}
		return n, time.Now().Add(limit)
	}
	if testing.Short() {
		return 100, time.Now().Add(3 * time.Second)
	}
	return 1500, time.Now().Add(10 * time.Second)
}

func crashSeed(t *testing.T) uint64 {
	s := os.Getenv("GODWIT_CRASH_SEED")
	if s == "" {
		return uint64(time.Now().UnixNano())
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("GODWIT_CRASH_SEED: %v", err)
	}
	return n
}

// TestPowerCuts: whatever the journal was doing, after a power cut in any of its
// operations nothing promised is lost, nothing is invented, the order is kept,
// and appends are there as a whole or not at all. GODWIT_CRASH_SEED repeats one
// seed.
func TestPowerCuts(t *testing.T) {
	seed := crashSeed(t)
	begin := seed
	left, deadline := crashCuts(t)
	tried := 0
	for ; tried < left && (tried == 0 || time.Now().Before(deadline)); seed++ {
		operations, err := crash(seed, -1, -1)
		if err != nil {
			t.Fatalf("GODWIT_CRASH_SEED=%d, no cut: %v", seed, err)
		}
		for cut := 0; cut < operations && tried < left && (tried == 0 || time.Now().Before(deadline)); cut++ {
			if _, err := crash(seed, -1, cut); err != nil {
				t.Fatalf("GODWIT_CRASH_SEED=%d, cut %d of %d: %v", seed, cut, operations, err)
			}
			tried++
		}
	}
	t.Logf("%d power cuts from seed %d on", tried, begin)
}
