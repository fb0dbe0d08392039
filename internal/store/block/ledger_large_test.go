package block_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/memory"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// inBothStores runs a test with a stream on the disk and one in memory, which both take
// many messages.
func inBothStores(t *testing.T, o store.Options, test func(t *testing.T, s *large)) {
	t.Run("block", func(t *testing.T) {
		s := chunkedSite(t, plain, o, 0)
		test(t, &large{Stream: s.Stream, t: t, settle: s.checkpoint})
	})
	t.Run("memory", func(t *testing.T) {
		s, err := memory.NewStream(o)
		if err != nil {
			t.Fatal(err)
		}
		test(t, &large{Stream: s, t: t, settle: func() {}})
	})
}

// A large stream settles after so many messages.
type large struct {
	store.Stream
	t      *testing.T
	settle func()
	stored int
}

func (s *large) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *large) put(subject string, payload []byte) uint64 {
	s.t.Helper()
	s.stored++
	if s.stored%1000 == 0 {
		s.settle()
	}
	m := store.Message{Subject: []byte(subject), Payload: payload, Time: begin + int64(s.stored)}
	s.must(s.Append(&m, store.Checked))
	return m.Sequence
}

func (s *large) expect(messages, first, last, deleted uint64) {
	s.t.Helper()
	state := s.State()
	if state.Messages != messages || state.FirstSequence != first || state.LastSequence != last || state.Deleted() != deleted {
		s.t.Fatalf("%+v, %d deleted", state, state.Deleted())
	}
}

// snapshot sends a snapshot over the wire.
func (s *large) snapshot() (got store.Snapshot, size int) {
	s.t.Helper()
	taken := store.TakeSnapshot(s.Stream)
	buf := taken.Append(nil)
	got, err := store.DecodeSnapshot(buf)
	s.must(err)
	state := s.State()
	if got.Messages != state.Messages || got.FirstSequence != state.FirstSequence || got.LastSequence != state.LastSequence || got.NumDeleted() != state.Deleted() {
		s.t.Fatalf("snapshot %d to %d, %d deleted, of %+v", got.FirstSequence, got.LastSequence, got.NumDeleted(), state)
	}
	return got, len(buf)
}

// TestSnapshotOfLaggingKeys: one old message, one that is replaced all the time, and many
// that are stored twice.
//
// Go: TestNoRaceBinaryStreamSnapshotEncodingBasic server/norace_2_test.go:383
func TestSnapshotOfLaggingKeys(t *testing.T) {
	inBothStores(t, store.Options{Limits: store.Limits{MaxPerSubject: 1}}, func(t *testing.T, s *large) {
		s.put("key:1", []byte("hello"))
		value := make([]byte, 800)
		for range 1001 {
			s.put("key:2", value)
		}
		for i := 3; i <= 1000; i++ {
			s.put(fmt.Sprintf("key:%d", i), value)
			s.put(fmt.Sprintf("key:%d", i), value)
		}
		s.put("key:2", []byte("hello"))
		s.put("key:2", []byte("world"))
		s.expect(1000, 1, 3000, 2000)
		s.snapshot()
	})
}

// TestSnapshotOfLargeGaps: two messages far apart, and what is gone between them.
//
// Go: TestNoRaceFilestoreBinaryStreamSnapshotEncodingLargeGaps server/norace_2_test.go:455
func TestSnapshotOfLargeGaps(t *testing.T) {
	inBothStores(t, store.Options{}, func(t *testing.T, s *large) {
		s.put("zzz", make([]byte, 128))
		for range 19_998 {
			if _, err := s.Remove(s.put("zzz", nil)); err != nil {
				t.Fatal(err)
			}
		}
		s.put("zzz", make([]byte, 128))
		s.expect(2, 1, 20_000, 19_998)
		if got, size := s.snapshot(); size >= 512 || len(got.Deleted) != 1 {
			t.Fatalf("%d bytes, %d parts", size, len(got.Deleted))
		}
	})
}

// TestSnapshotOfRandomHoles grows with a great number of keys.
//
// Go: TestNoRaceStoreStreamEncoderDecoder server/norace_2_test.go:583
func TestSnapshotOfRandomHoles(t *testing.T) {
	inBothStores(t, store.Options{Limits: store.Limits{MaxPerSubject: 1}}, func(t *testing.T, s *large) {
		random := rand.New(rand.NewPCG(1, 1))
		for i := range 150_000 {
			s.put(fmt.Sprint(random.IntN(64_000)), []byte("ABC"))
			if i%50_000 == 49_999 {
				if got, size := s.snapshot(); size > 175_000 || len(got.Deleted) == 0 {
					t.Fatalf("%d bytes, %d parts", size, len(got.Deleted))
				}
			}
		}
	})
}

// TestReplacedAHundredThousandTimes: one old message keeps the first sequence, and what is
// gone behind it is one run.
//
// Go: TestNoRaceJetStreamMemstoreWithLargeInteriorDeletes server/norace_1_test.go:4086
func TestReplacedAHundredThousandTimes(t *testing.T) {
	inBothStores(t, store.Options{Limits: store.Limits{MaxPerSubject: 1}}, func(t *testing.T, s *large) {
		s.put("foo", []byte("Hello World!"))
		for range 100_000 {
			s.put("bar", []byte("Hello World!"))
		}
		s.expect(2, 1, 100_001, 99_999)
		runs := 0
		s.Deleted(func(r store.Range) bool {
			runs++
			return r == store.Range{First: 2, Count: 99_999}
		})
		if runs != 1 {
			t.Fatalf("%d runs", runs)
		}
	})
}

// TestWalkBackOverHoles finds the two messages at the ends of a hundred thousand that are
// gone.
//
// Go: TestNoRaceStoreReverseWalkWithDeletesPerf server/norace_2_test.go:2913
func TestWalkBackOverHoles(t *testing.T) {
	inBothStores(t, store.Options{}, func(t *testing.T, s *large) {
		s.put("foo.A", nil)
		for range 100_000 {
			s.put("foo.B", nil)
		}
		s.put("foo.C", nil)
		removed, err := s.Purge(store.Purge{Filter: filter(t, "foo.B")})
		if err != nil || removed.Messages != 100_000 {
			t.Fatal(removed, err)
		}
		begin := time.Now()
		for seq := s.State().LastSequence; seq > 0; seq-- {
			_ = s.Load(seq, &store.Message{})
		}
		singly := time.Since(begin)
		walk := time.Hour // the shortest of some
		for range 5 {
			begin = time.Now()
			seen, seq := 0, s.State().LastSequence
			var m store.Message
			for {
				if _, err := s.Previous(nil, seq, &m); err == store.ErrEOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				seen++
				seq = m.Sequence - 1
			}
			if seen != 2 {
				t.Fatalf("%d seen", seen)
			}
			walk = min(walk, time.Since(begin))
		}
		if walk*10 > singly {
			t.Fatalf("it takes %v, looking at each sequence %v", walk, singly)
		}
	})
}

// TestCompactAtHighSequences: what a compaction costs has nothing to do with how high the
// sequences are.
//
// Go: TestNoRaceMemStoreCompactPerformance server/norace_2_test.go:1326
func TestCompactAtHighSequences(t *testing.T) {
	payload := make([]byte, 100)
	inBothStores(t, store.Options{Limits: store.Limits{MaxMessages: 10_000}}, func(t *testing.T, s *large) {
		compact := func(seq, expected uint64) {
			t.Helper()
			begin := time.Now()
			removed, err := s.Compact(seq)
			if err != nil || removed.Messages != expected {
				t.Fatalf("compact %d: %d %v", seq, removed.Messages, err)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Fatalf("compact %d takes %v", seq, took)
			}
		}
		for range 11_000 {
			s.put("foo", payload)
		}
		compact(11_000, 9_999)
		const high = 10_000_000_000
		compact(high, 1)
		for range 10_000 {
			s.put("foo", payload)
		}
		compact(high+10_000-1, 9_999)
		s.expect(1, high+9_999, high+9_999, 0)
	})
}

// TestSummaryOfManyHoles sums up a stream of which every second message is gone.
//
// Go: TestNoRaceFileStoreFilteredStateWithLargeDeletes server/norace_1_test.go:6368
func TestSummaryOfManyHoles(t *testing.T) {
	const n = 20_000
	s := newSite(t, plain, store.Options{})
	for i := uint64(1); i <= n; i++ {
		s.put("foo")
		if i%1000 == 0 {
			s.checkpoint()
		}
	}
	for seq := uint64(2); seq <= n; seq += 2 {
		s.remove(seq)
		if seq%1000 == 0 {
			s.checkpoint()
		}
	}
	s.pause()
	s.expectReads(0, "summing up", func() { s.expectMatching("", 1, n/2, 1, n-1) })
}

// TestLimitsWithAnOldIndex: an index of long ago, and limits that have taken most since.
//
// Go: TestNoRaceFileStoreMsgLimitsAndOldRecoverState server/norace_2_test.go:2556
func TestLimitsWithAnOldIndex(t *testing.T) {
	size := int64(store.FileSize(len("foo.1234"), 0, 100))
	for name, c := range map[string]struct {
		limits          store.Limits
		messages, first uint64
	}{
		"per subject": {store.Limits{MaxPerSubject: 1}, 10_000, 1_001},
		"messages":    {store.Limits{MaxMessages: 10_000}, 10_000, 1_001},
		"bytes":       {store.Limits{MaxBytes: size * 5_000}, 5_000, 6_001},
	} {
		t.Run(name, func(t *testing.T) {
			s := limited(t, plain, c.limits)
			s.payload = make([]byte, 100)
			fill := func(n int) {
				for i := range n {
					s.put(fmt.Sprintf("foo.%04d", i))
					if i%500 == 499 {
						s.commit()
					}
				}
			}
			fill(1_000)
			s.pause()
			fill(10_000)
			s.expect(c.messages, c.first, 11_000)
			s.survives()
		})
	}
}

// TestManyExpireAtTheStart: thirty thousand messages that have become too old while the
// stream was away go at the first tick, in no time.
//
// Go: TestNoRaceJetStreamSlowRestartWithManyExpiredMsgs server/norace_1_test.go:2647
func TestManyExpireAtTheStart(t *testing.T) {
	s := limited(t, plain, store.Limits{MaxAge: maxAge})
	s.payload = []byte("OK")
	for i := range 30_000 {
		s.put(fmt.Sprintf("orders.%d", i))
		if i%1000 == 0 {
			s.checkpoint()
		}
	}
	for name, restart := range restarts {
		start := time.Now()
		restart(s)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("a restart after a %s takes %v", name, took)
		}
	}
	start := time.Now()
	if n := s.tick(s.now + int64(maxAge)); n != 30_000 {
		t.Fatalf("%d expired", n)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the tick takes %v", took)
	}
	s.expect(0, 30_001, 30_000)
}

// TestSpaceOfReplacedKeys: a stream of one message per key, all of which were replaced, is
// mostly made of what lives.
//
// Go: TestNoRaceJetStreamFileStoreCompaction server/norace_1_test.go:3140
func TestSpaceOfReplacedKeys(t *testing.T) {
	s := limited(t, plain, store.Limits{MaxPerSubject: 1})
	s.payload = noise(4 << 10)
	s.put("KV.FM")
	for range 2 {
		for i := range 1_000 {
			s.put(fmt.Sprintf("KV.%d", i))
			if i%50 == 0 {
				s.checkpoint()
			}
		}
	}
	s.settled()
	if live := s.State().Bytes; uint64(s.used())*8 > live*10 {
		t.Fatalf("%d bytes in files for %d", s.used(), live)
	}
}

// TestLastOfEachKey: who stores a key twice finds the right last message each time, while
// chunks are written, packed and moved.
//
// Go: TestNoRaceJetStreamLastSubjSeqAndFilestoreCompact server/norace_1_test.go:3414
func TestLastOfEachKey(t *testing.T) {
	s := limited(t, plain, store.Limits{MaxPerSubject: 1})
	for range 2 {
		for i := range 1_000 {
			key := fmt.Sprintf("MQTT.sess.%x", i*7919)
			f := filter(t, key)
			for _, size := range []int{40, 380} {
				s.payload = make([]byte, size)
				seq := s.put(key)
				var m store.Message
				if err := s.Last(f, &m); err != nil || m.Sequence != seq || len(m.Payload) != size {
					t.Fatalf("last of %s: %d %v, expected %d", key, m.Sequence, err, seq)
				}
			}
			if i%100 == 0 {
				s.checkpoint()
			}
		}
	}
	s.survives()
}

// TestKeysAreReadSingly: the value of any key is found with a read or two, however many
// keys there are, and so is the first message of a key.
//
// Go: TestNoRaceJetStreamFileStoreLargeKVAccessTiming server/norace_1_test.go:5584
// Go: TestNoRaceFileStoreLargeMsgsAndFirstMatching server/norace_2_test.go:803
func TestKeysAreReadSingly(t *testing.T) {
	s := limited(t, plain, store.Limits{MaxPerSubject: 1})
	s.payload = make([]byte, 400)
	const n = 3000
	for i := 1; i <= n; i++ {
		s.put(fmt.Sprintf("KV.STREAM_NAME.%d", i))
		if i%500 == 0 {
			s.checkpoint()
		}
	}
	s.pause()
	for _, key := range []uint64{n, 1, n / 2} {
		f := filter(t, fmt.Sprintf("KV.STREAM_NAME.%d", key))
		var m store.Message
		s.expectReads(few, "the last of a key", func() { s.must(s.Last(f, &m)) })
		if m.Sequence != key || len(m.Payload) != 400 {
			t.Fatalf("%d is %d", key, m.Sequence)
		}
		s.expectReads(few, "the first of a key", func() { s.expectNext(f, 0, key) })
	}

	s = newSite(t, plain, store.Options{})
	s.fillNumbered("foo.bar", 1, n)
	s.checkpoint()
	s.fillNumbered("foo.baz", 1, n)
	s.checkpoint()
	s.removeRun(n+1, 2*n-41)
	s.pause()
	f := filter(t, "*.baz.*")
	s.expectReads(20, "the first of a few", func() { s.expectNext(f, n+1, 2*n-40) })
	s.removeRun(2*n-40, 2*n-1)
	s.expectReads(20, "the only one", func() { s.expectNext(f, n+1, 2*n) })
}

// TestFiltersReadTheSame: one that selects all, and a thousand that together do, read no
// more than none.
//
// Go: TestNoRaceFileStoreMsgLoadNextMsgMultiPerf server/norace_2_test.go:1822
func TestFiltersReadTheSame(t *testing.T) {
	s := newSite(t, plain, store.Options{})
	s.fillNumbered("foo", 0, 999)
	s.rest()
	var literals []string
	for i := range 1000 {
		literals = append(literals, fmt.Sprintf("foo.%d", i))
	}
	filters := map[string]*store.Filter{"none": nil, "wildcard": filter(t, "foo.>"), "several": filter(t, "foo.>", "bar"), "a thousand": filter(t, literals...)}
	none := 0
	for _, name := range []string{"none", "wildcard", "several", "a thousand"} {
		f := filters[name]
		s.must(s.node.Close())
		s.loadWhole()
		n := s.reads(func() {
			for seq := uint64(1); seq <= 1000; seq++ {
				if m := s.expectNext(f, seq, seq); string(m.Subject) != literals[seq-1] {
					t.Fatalf("%d is on %s", seq, m.Subject)
				}
			}
		})
		if name == "none" {
			none = n
		}
		if n > none+few {
			t.Errorf("%s: %d reads, without a filter it was %d", name, n, none)
		}
	}
}

// TestPurgeWritesOnce: however many messages a purge takes out, it is one write of the
// journal.
//
// Go: TestNoRaceFileStorePurgeExAsyncTombstones server/norace_2_test.go:3438
func TestPurgeWritesOnce(t *testing.T) {
	s := newSite(t, plain, store.Options{})
	s.put("foo.A", "foo.B")
	s.fill(500, "foo.C")
	s.put("foo.D")
	s.checkpoint()
	s.must(s.node.Close())
	s.loadWhole()
	s.commit()
	for subject, expected := range map[string]uint64{"foo.B": 1, "foo.C": 500} {
		// Segments of the journal are made beside, so only its own are counted.
		writes := 0
		s.disk.Fail(func(o faulty.Operation) error {
			if o.Kind == faulty.Write && o.Name[len(o.Name)-4:] == ".seg" {
				writes++
			}
			return nil
		})
		s.purge(store.Purge{Filter: filter(t, subject)}, expected)
		s.commit()
		s.disk.Fail(nil)
		if writes > 1 {
			t.Fatalf("%s: %d writes", subject, writes)
		}
	}
	s.survives()
}

// TestEncryptionSwitchedOn: a stream at its limit and a consumer that were plain are there
// when a key is configured for the next start.
//
// Go: TestNoRaceJetStreamEncryptionEnabledOnRestartWithExpire server/norace_1_test.go:3187
func TestEncryptionSwitchedOn(t *testing.T) {
	s := limited(t, plain, store.Limits{MaxMessages: 1000})
	s.payload = noise(400)
	for i := range 1000 {
		s.put("foo", "bar")
		if i%100 == 0 {
			s.checkpoint()
		}
	}
	c, err := s.node.CreateConsumer(consumerID, store.Rules{Ack: store.AckExplicit})
	s.must(err)
	s.must(c.Deliver(store.Delivery{Pair: pair(1, 1001), Count: 1, Time: begin}))
	c.Commit(nil)
	s.rest()
	before := s.picture()
	s.must(s.node.Close())
	s.nodeIs.Cipher, s.nodeIs.Journal.Cipher = chacha(1), chacha(1)
	s.openNode()
	s.Stream, err = s.node.LoadStream(streamID, s.options)
	s.must(err)
	c, err = s.node.LoadConsumer(consumerID, store.Rules{Ack: store.AckExplicit})
	s.must(err)
	s.must(s.node.Recover())
	if s.picture() != before || c.Delivered() != pair(1, 1001) || c.PendingLen() != 1 {
		t.Fatalf("%+v, %+v", s.State(), c.State())
	}
	s.put("foo")
	s.survives()
	s.expect(1000, 1002, 2001)
}

// TestThousandConsumersAtOnce: each notes a delivery, keeps its state, and is deleted.
//
// Go: TestNoRaceJetStreamConsumerFileStoreConcurrentDiskIO server/norace_1_test.go:4141
func TestThousandConsumersAtOnce(t *testing.T) {
	d := newDesk(t, plain, store.Rules{Ack: store.AckExplicit})
	const n = 1000
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		c, err := d.node.CreateConsumer(block.ID(100+i), store.Rules{Ack: store.AckExplicit})
		d.must(err)
		group.Go(func() {
			<-start
			result := make(chan error, 1)
			if err := c.Deliver(store.Delivery{Pair: pair(22, 22), Count: 1, Time: begin}); err != nil {
				t.Errorf("deliver: %v", err)
			}
			c.Commit(func(err error) { result <- err })
			if err := <-result; err != nil {
				t.Errorf("commit: %v", err)
			}
			if err := c.Delete(); err != nil {
				t.Errorf("delete: %v", err)
			}
		})
	}
	close(start)
	group.Wait()
	for _, info := range d.node.Journal().Groups() {
		if info.Group >= 100 && info.Live > 0 {
			t.Fatalf("%d records are left of consumer %d", info.Live, info.Group)
		}
	}
}

// TestConsumerTimesRound: a state whose deliveries are a second or a fraction of it later
// than others comes back from its encoding.
//
// Go: TestNoRaceEncodeConsumerStateBug server/norace_1_test.go:5972
func TestConsumerTimesRound(t *testing.T) {
	for at := begin; at < begin+2*second; at += second / 1000 {
		for _, later := range []int64{0, second/2 - 1, second / 2, second - 1, second} {
			s := store.ConsumerState{Delivered: pair(2, 2), Pending: []store.Outstanding{
				{Pair: pair(1, 1), Time: at + later}, {Pair: pair(2, 2), Time: at},
			}}
			got, err := store.DecodeConsumerState(s.Append(nil))
			if err != nil || len(got.Pending) != 2 {
				t.Fatalf("%+v: %v", got, err)
			}
			for i, o := range got.Pending {
				if d := o.Time - s.Pending[i].Time; d < -second || d > second {
					t.Fatalf("time %d became %d", s.Pending[i].Time, o.Time)
				}
			}
		}
	}
}
