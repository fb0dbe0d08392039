package block_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
	"go.uber.org/goleak"
)

// A crowd is a stream that several goroutines use under its owner's lock, with one that
// makes checkpoints.
type crowd struct {
	*site
	mu      sync.RWMutex
	ended   atomic.Bool
	group   sync.WaitGroup
	failure atomic.Pointer[error] // of a commit
	changes int                   // guarded by mu
	enough  chan struct{}         // closed when there were enough changes
	wanted  chan struct{}         // a checkpoint

	checkpoints sync.WaitGroup
	once        sync.Once
}

// changesEnough is how many changes a crowd makes.
const changesEnough = 1000

func newCrowd(t testing.TB, o store.Options) *crowd {
	c := &crowd{site: newSite(t, plain, o), enough: make(chan struct{}), wanted: make(chan struct{}, 1)}
	c.checkpoints.Go(func() {
		for range c.wanted {
			c.checkpointBeside()
		}
	})
	t.Cleanup(c.leave)
	return c
}

// leave ends everything that the crowd does.
func (c *crowd) leave() {
	c.once.Do(func() {
		c.ended.Store(true)
		c.group.Wait()
		close(c.wanted)
		c.checkpoints.Wait()
	})
}

// checkpointBeside makes a checkpoint of which only the ends hold the lock.
func (c *crowd) checkpointBeside() {
	c.mu.Lock()
	checkpoint, err := c.BeginCheckpoint()
	c.mu.Unlock()
	if err != nil {
		c.t.Error(err)
		return
	}
	err = checkpoint.Write()
	c.mu.Lock()
	err = c.EndCheckpoint(checkpoint, err)
	c.mu.Unlock()
	if err != nil {
		c.t.Error(err)
	}
}

// run does something again and again until the crowd goes.
func (c *crowd) run(do func(round int)) {
	c.group.Go(func() {
		for round := 0; !c.ended.Load(); round++ {
			do(round)
			runtime.Gosched()
		}
	})
}

// change does something with the lock, and commits it.
func (c *crowd) change(do func()) {
	c.mu.Lock()
	do()
	c.Commit(func(err error) {
		if err != nil {
			c.failure.Store(&err)
		}
	})
	if c.changes++; c.changes == changesEnough {
		close(c.enough)
	}
	if c.changes%10 == 0 {
		select {
		case c.wanted <- struct{}{}:
		default:
		}
	}
	c.mu.Unlock()
}

// read does something with the lock for readers.
func (c *crowd) read(do func()) {
	c.mu.RLock()
	do()
	c.mu.RUnlock()
}

// play lets the crowd go on until it has made enough changes, and ends it.
func (c *crowd) play() {
	c.t.Helper()
	select {
	case <-c.enough:
	case <-time.After(time.Minute):
		c.t.Error("the crowd is too slow")
	}
	c.end()
}

func (c *crowd) end() {
	c.t.Helper()
	c.leave()
	c.must(c.tryCommit())
	if err := c.failure.Load(); err != nil {
		c.t.Fatalf("commit: %v", *err)
	}
}

// numbered stores a message that says its sequence; the lock is held.
func (c *crowd) numbered(subject string, ttl int64) uint64 {
	m := c.message(subject)
	m.TTL = ttl
	m.Payload = fmt.Appendf(nil, "%d", c.State().LastSequence+1)
	if err := c.Append(m, store.Checked); err != nil {
		c.t.Error(err)
	}
	return m.Sequence
}

// whole checks that a message is the one that was stored.
func (c *crowd) whole(m *store.Message) {
	if string(m.Payload) != fmt.Sprint(m.Sequence) {
		c.t.Errorf("message %d is %q", m.Sequence, m.Payload)
	}
}

// TestReadersAndWriters read while others write, and while checkpoints take what is read
// out of memory.
//
// Go: TestFileStoreErrPartialLoad server/filestore_test.go:5565
// Go: TestFileStoreRecalcFirstSequenceBug server/filestore_test.go:5699
// Go: TestFileStoreStoreRawMsgTTLsRace server/filestore_test.go:15259
func TestReadersAndWriters(t *testing.T) {
	c := newCrowd(t, store.Options{Limits: store.Limits{MaxMessages: 500, MessageTTL: true}})
	for w := range 3 {
		c.run(func(round int) {
			c.change(func() { c.numbered(fmt.Sprint("s.", w), int64(3600*(round%2))) })
		})
	}
	for range 3 {
		c.run(func(round int) {
			c.read(func() {
				state := c.State()
				if state.Messages == 0 {
					return
				}
				var m store.Message
				seq := state.FirstSequence + rand.Uint64N(state.Messages)
				if err := c.Load(seq, &m); err != nil {
					t.Errorf("load %d: %v", seq, err)
				}
				c.whole(&m)
				if err := c.Last(filter(t, "s.1"), &m); err != nil && err != store.ErrNotFound {
					t.Errorf("last: %v", err)
				}
				if err := c.Each(nil, state.LastSequence-min(state.LastSequence, 20), func(m *store.Message) bool {
					c.whole(m)
					return true
				}); err != nil {
					t.Error(err)
				}
			})
		})
	}
	c.play()
	c.survives()
}

// TestRemoversAndWriters remove the messages that limits and age take at the same time.
//
// Go: TestFileStoreStoreRawMsgVsConcurrentBlockRemovalNoWriteErr server/filestore_test.go:15503
// Go: TestFileStoreStoreRawMsgVsAgeExpiryNoWriteErr server/filestore_test.go:15583
func TestRemoversAndWriters(t *testing.T) {
	for name, age := range map[string]time.Duration{"limits": 0, "age": 3 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(t, store.Options{Limits: store.Limits{MaxPerSubject: 1, MaxAge: age}})
			var newest atomic.Uint64
			for w := range 4 {
				c.run(func(int) {
					c.change(func() { newest.Store(c.numbered(fmt.Sprint("foo.", w), 0)) })
				})
				c.run(func(int) {
					c.change(func() {
						if age > 0 {
							if _, err := c.Tick(c.now, nil); err != nil {
								t.Errorf("tick: %v", err)
							}
							return
						}
						seq := newest.Load()
						if _, err := c.Remove(seq); err != nil && err != store.ErrNotFound {
							t.Errorf("remove %d: %v", seq, err)
						}
					})
				})
				c.run(func(int) {
					c.read(func() {
						var m store.Message
						if seq := newest.Load(); seq > 2 && c.Load(seq-2, &m) == nil {
							c.whole(&m)
						}
					})
				})
			}
			c.play()
			c.put("foo.healthy")
			c.survives()
		})
	}
}

// TestSubjectsAreWhole: the subject of a message is right, whatever leaves the cache while
// it is looked at.
//
// Go: TestFileStoreSubjectForSeqAliasRace server/filestore_test.go:15081
func TestSubjectsAreWhole(t *testing.T) {
	s := newSite(t, plain, store.Options{})
	const n = 256
	subject := func(seq uint64) string { return fmt.Sprintf("foo.seq-%05d-%s", seq, strings.Repeat("A", 40)) }
	for seq := uint64(1); seq <= n; seq++ {
		s.put(subject(seq))
	}
	s.pause()
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			for range 2000 {
				seq := 1 + rand.Uint64N(n)
				if got, err := s.Subject(seq); err != nil || string(got) != subject(seq) {
					t.Errorf("subject of %d: %q %v", seq, got, err)
					return
				}
			}
		})
	}
	group.Wait()
}

// TestSyncingDeletedBeside takes over the holes of a peer again and again while others
// read what is between them.
//
// Go: TestFileStoreSyncDeletedDmapAliasRace server/filestore_test.go:15325
func TestSyncingDeletedBeside(t *testing.T) {
	c := newCrowd(t, store.Options{})
	c.change(func() {
		for range 150 {
			c.numbered("foo", 0)
		}
		for seq := uint64(2); seq < 150; seq += 3 {
			if _, err := c.Remove(seq); err != nil {
				t.Error(err)
			}
		}
	})
	parts := store.TakeSnapshot(c.Stream).Deleted
	for range 3 {
		c.run(func(int) {
			c.change(func() {
				if n, err := store.SyncDeleted(c.Stream, parts); n != 0 || err != nil {
					t.Errorf("%d removed, %v", n, err)
				}
			})
		})
	}
	for range 4 {
		c.run(func(int) {
			c.read(func() {
				if err := c.Each(nil, 0, func(m *store.Message) bool { c.whole(m); return true }); err != nil {
					t.Error(err)
				}
				if n := c.State().Deleted(); n != 50 {
					t.Errorf("%d deleted", n)
				}
			})
		})
	}
	c.play()
	c.survives()
}

// TestCompactBesideAppend: whichever is first, the outcome is the same.
//
// Go: TestFileStoreCompactStoreMsgRace server/filestore_test.go:15664
func TestCompactBesideAppend(t *testing.T) {
	for range 20 {
		c := newCrowd(t, store.Options{})
		c.change(func() { c.numbered("foo", 0) })
		var both sync.WaitGroup
		both.Go(func() {
			c.change(func() {
				if removed, err := c.Compact(2); removed.Messages != 1 || err != nil {
					t.Errorf("compact: %d %v", removed.Messages, err)
				}
			})
		})
		both.Go(func() {
			c.change(func() {
				if seq := c.numbered("foo", 0); seq != 2 {
					t.Errorf("sequence %d", seq)
				}
			})
		})
		both.Wait()
		c.end()
		c.expectLoad(2, nil)
		c.expect(1, 2, 2)
		c.survives()
	}
}

// TestSyncPolicyChangesBeside changes how soon commits are synced, and limits, while others
// write.
//
// Go: TestFileStoreUpdateConfigSyncAlwaysRace server/filestore_test.go:15203
func TestSyncPolicyChangesBeside(t *testing.T) {
	c := newCrowd(t, store.Options{})
	c.run(func(int) { c.change(func() { c.numbered("foo", 0) }) })
	c.run(func(round int) {
		if err := c.node.Journal().SetAsync(streamID, round%2 == 0); err != nil {
			t.Error(err)
		}
	})
	c.run(func(round int) {
		c.change(func() {
			if err := c.SetLimits(store.Limits{MaxMessages: int64(100 + round%50)}); err != nil {
				t.Error(err)
			}
		})
	})
	c.play()
	c.must(c.node.Journal().SetAsync(streamID, false))
	c.put("foo")
	c.survives()
}

// TestRemovedDuringCheckpoint: chunks that go while a checkpoint writes them do not make it
// fail, nor do they come back.
//
// Go: TestFileStoreSyncBlocksNoErrorOnConcurrentRemovedBlock server/filestore_test.go:14534
func TestRemovedDuringCheckpoint(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		for _, remove := range map[string]func(s *site){
			"singly":   func(s *site) { s.removeRun(20, 80) },
			"together": func(s *site) { s.compact(90, 89) },
			"all":      func(s *site) { s.purge(store.Purge{}, 100) },
			"the end":  func(s *site) { s.truncate(10, 90) },
		} {
			for _, before := range []bool{false, true} {
				s := newSite(t, v, store.Options{})
				s.fill(100, "foo")
				if before {
					s.checkpoint()
					s.put("foo")
					s.remove(101)
				}
				c, err := s.BeginCheckpoint()
				s.must(err)
				remove(s)
				s.must(c.Write())
				s.must(s.EndCheckpoint(c, nil))
				s.survives()
				s.settled()
				s.survives()
			}
		}
	})
}

// TestNothingRunsAfterClose: a node that is closed leaves no goroutine.
//
// Go: TestFileStoreAccessTimeSpinUp server/filestore_test.go:10444
func TestNothingRunsAfterClose(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s := newSite(t, plain, store.Options{})
	s.fill(1000, "foo")
	s.stop()
	s.expectLoad(1, nil)
	s.must(s.node.Close())
	goleak.VerifyNone(t, before)
}
