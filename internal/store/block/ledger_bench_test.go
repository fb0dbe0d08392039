package block_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// A bench is a stream on the system's disk.
type bench struct {
	*block.Stream
	b       *testing.B
	node    *block.Node
	dir     string
	options block.StreamOptions
}

func newBench(b *testing.B, o block.StreamOptions) *bench {
	b.Helper()
	s := &bench{b: b, dir: b.TempDir(), options: o}
	s.open()
	var err error
	s.Stream, err = s.node.CreateStream(streamID, o)
	s.must(err)
	b.Cleanup(func() { _ = s.node.Close() })
	return s
}

func (s *bench) open() {
	s.b.Helper()
	n, _, err := block.Open(vfs.OS, s.dir, block.Options{})
	s.must(err)
	s.node = n
}

func (s *bench) must(err error) {
	s.b.Helper()
	if err != nil {
		s.b.Fatal(err)
	}
}

// store appends messages in batches, which it commits.
func (s *bench) store(n, size int, subject func(i int) string) {
	s.b.Helper()
	payload := make([]byte, size)
	for at := 0; at < n; {
		batch := make([]store.Message, min(500, n-at))
		for i := range batch {
			batch[i] = store.Message{Subject: []byte(subject(at)), Payload: payload, Time: int64(at)}
			at++
		}
		s.must(s.AppendBatch(batch, store.Checked))
		s.Commit(nil)
		if s.options.Limits.MaxAge > 0 {
			_, err := s.Tick(int64(at), nil)
			s.must(err)
		}
		if s.WantsCheckpoint() {
			s.must(s.Checkpoint())
		}
	}
}

func constant(subject string) func(int) string { return func(int) string { return subject } }

// restart ends in order and begins anew.
func (s *bench) restart() {
	s.b.Helper()
	s.must(s.Rest())
	s.must(s.node.Close())
	s.open()
	var err error
	s.Stream, err = s.node.LoadStream(streamID, s.options)
	s.must(err)
	s.must(s.node.Recover())
}

// BenchmarkNext looks for the next message in a stream of 200,000 that comes from the
// disk.
//
// Go: Benchmark_FileStoreLoadNextMsgSameFilterAsStream server/filestore_test.go:8547
// Go: Benchmark_FileStoreLoadNextMsgLiteralSubject server/filestore_test.go:8573
// Go: Benchmark_FileStoreLoadNextMsgNoMsgsFirstSeq server/filestore_test.go:8602
// Go: Benchmark_FileStoreLoadNextMsgNoMsgsNotFirstSeq server/filestore_test.go:8629
// Go: Benchmark_FileStoreLoadNextMsgVerySparseMsgsFirstSeq server/filestore_test.go:8657
// Go: Benchmark_FileStoreLoadNextMsgVerySparseMsgsNotFirstSeq server/filestore_test.go:8683
// Go: Benchmark_FileStoreLoadNextMsgVerySparseMsgsInBetween server/filestore_test.go:8710
// Go: Benchmark_FileStoreLoadNextMsgVerySparseMsgsInBetweenWithWildcard server/filestore_test.go:8739
// Go: Benchmark_FileStoreLoadNextManySubjectsWithWildcardNearLastBlock server/filestore_test.go:8770
// Go: Benchmark_FileStoreLoadNextMsgVerySparseMsgsLargeTail server/filestore_test.go:8801
// Go: BenchmarkFileStoreCheckSkipFirstBlockMultiTippingPoint server/filestore_test.go:13447
func BenchmarkNext(b *testing.B) {
	const n = 200_000
	ends := func(end string, between func(int) string) func(int) string {
		return func(i int) string {
			if i == 0 || i == n-1 {
				return end
			}
			return between(i)
		}
	}
	last := func(end string) func(int) string {
		return func(i int) string {
			if i == n-1 {
				return end
			}
			return "foo.bar"
		}
	}
	first := func(end string, between func(int) string) func(int) string {
		return func(i int) string {
			if i == 0 {
				return end
			}
			return between(i)
		}
	}
	many := func(i int) string { return fmt.Sprintf("foo.%d.bar", 2+i*7919%50_000) }
	few := func(i int) string { return fmt.Sprintf("foo.%d", i*7919%1024) }
	for _, c := range []struct {
		name    string
		subject func(int) string
		filters []string
		start   uint64
		found   bool
	}{
		{"filter for all", few, []string{"foo.*"}, 10, true},
		{"a subject with one message", ends("foo.2222", few), []string{"foo.2222"}, 10, true},
		{"a subject that is not there", constant("foo.bar"), []string{"foo.baz"}, 1, false},
		{"a subject that is not there, from 10", constant("foo.bar"), []string{"foo.baz"}, 10, false},
		{"the last message", last("foo.baz"), []string{"foo.baz"}, 1, true},
		{"the last message, from 10", last("foo.baz"), []string{"foo.baz"}, 10, true},
		{"the last message behind the first", ends("foo.baz", constant("foo.bar")), []string{"foo.baz"}, 2, true},
		{"wildcard, the last of many subjects", ends("foo.1.baz", many), []string{"foo.*.baz"}, 2, true},
		{"wildcard, near the end", ends("foo.1.baz", many), []string{"foo.*.baz"}, n - 10, true},
		{"wildcard, the first only", first("foo.1.baz", many), []string{"foo.*.baz"}, 2, false},
		{"several, one of them far", first("foo.fill", many), []string{"foo.*.bar", "zzz.nope"}, 2, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newBench(b, block.StreamOptions{})
			s.store(n, 2, c.subject)
			s.restart()
			f, err := store.NewFilter(c.filters...)
			s.must(err)
			var m store.Message
			for b.Loop() {
				if _, err := s.Next(f, c.start, &m); (err == nil) != c.found {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLoad reads messages by their sequence: one of the first again and again, all in
// turn, any, and subjects alone.
//
// Go: Benchmark_FileStoreSelectMsgBlock server/filestore_test.go:8516
// Go: BenchmarkFileStoreSubjectAccesses server/filestore_test.go:10510
// Go: TestFileStoreReadBackMsgPerf server/filestore_test.go:2623
// Go: TestFileStoreFetchPerf server/filestore_test.go:3728
func BenchmarkLoad(b *testing.B) {
	const n = 100_000
	s := newBench(b, block.StreamOptions{})
	s.store(n, 1000, constant("foo"))
	s.restart()
	var m store.Message
	for name, next := range map[string]func(i uint64) uint64{
		"the first": func(uint64) uint64 { return 1 },
		"in turn":   func(i uint64) uint64 { return 1 + i%n },
		"any":       func(uint64) uint64 { return 1 + rand.Uint64N(n) },
	} {
		b.Run(name, func(b *testing.B) {
			for i := uint64(0); b.Loop(); i++ {
				if err := s.Load(next(i), &m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("subject", func(b *testing.B) {
		for b.Loop() {
			if subject, err := s.Subject(1); err != nil || string(subject) != "foo" {
				b.Fatal(string(subject), err)
			}
		}
	})
}

// BenchmarkSequenceAt finds messages by their time, in chunks of one message.
//
// Go: BenchmarkFileStoreGetSeqFromTime server/filestore_test.go:11720
func BenchmarkSequenceAt(b *testing.B) {
	const n = 4096
	s := newBench(b, block.StreamOptions{ChunkSize: 1})
	s.store(n, 5, constant("foo.bar"))
	s.restart()
	for name, at := range map[string]int64{"start": 0, "middle": n / 2, "end": n - 1} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if seq, err := s.SequenceAt(at); err != nil || seq != uint64(at)+1 {
					b.Fatal(seq, err)
				}
			}
		})
	}
}

// BenchmarkLife stores messages, begins anew, reads all, and removes them: one operation
// is all of that for 100,000 messages.
//
// Go: TestFileStorePerf server/filestore_test.go:2496
// Go: TestFileStoreCompactPerf server/filestore_test.go:1024
func BenchmarkLife(b *testing.B) {
	const n = 100_000
	for name, remove := range map[string]func(s *bench){
		"removed in turn": func(s *bench) {
			for seq := uint64(1); seq <= n; seq++ {
				if ok, err := s.Remove(seq); !ok || err != nil {
					b.Fatal(seq, ok, err)
				}
				if seq%500 == 0 {
					s.Commit(nil)
				}
			}
		},
		"compacted": func(s *bench) {
			if removed, err := s.Compact(n*9/10 + 1); err != nil || removed.Messages != n*9/10 {
				b.Fatal(removed, err)
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s := newBench(b, block.StreamOptions{})
				s.store(n, 1024-33, constant("foo"))
				s.restart()
				count := 0
				s.must(s.Each(nil, 0, func(*store.Message) bool { count++; return true }))
				if count != n {
					b.Fatal(count)
				}
				remove(s)
				s.restart()
				s.must(s.node.Close())
			}
		})
	}
}

// BenchmarkLimitedAppend stores messages of which each pushes one out: of the stream, or
// of its subject in rounds that go forth and back. One operation is one message.
//
// Go: TestFileStoreStoreLimitRemovePerf server/filestore_test.go:2672
// Go: TestFileStorePubPerfWithSmallBlkSize server/filestore_test.go:2717
// Go: TestNoRaceFileStoreStreamMaxAgePerformance server/norace_1_test.go:6306
// Go: Benchmark_FileStoreSubjectStateConsistencyOptimizationPerf server/filestore_test.go:8915
func BenchmarkLimitedAppend(b *testing.B) {
	const subjects = 40_000
	back := func(i int) string {
		if i/subjects%2 == 0 {
			return fmt.Sprintf("foo.%d", subjects-1-i%subjects)
		}
		return fmt.Sprintf("foo.%d", i%subjects)
	}
	for _, c := range []struct {
		name    string
		options block.StreamOptions
		size    int
		subject func(int) string
	}{
		{"one message", block.StreamOptions{Options: store.Options{Limits: store.Limits{MaxMessages: 1}}}, 1024 - 33, constant("foo")},
		{"age", block.StreamOptions{Options: store.Options{Limits: store.Limits{MaxAge: 100_000}}}, 11, constant("foo.foo")},
		{"small files", block.StreamOptions{FileSize: 64 << 10, ChunkSize: 4 << 10}, 1024 - 33, constant("foo")},
		{"one per subject", block.StreamOptions{Options: store.Options{Limits: store.Limits{MaxPerSubject: 1}}}, 0, back},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newBench(b, c.options)
			b.ResetTimer()
			s.store(b.N, c.size, c.subject)
			s.must(s.node.Journal().Sync())
		})
	}
}

// BenchmarkSyncDeleted takes over holes of a peer: the whole of many chunks, and most of
// one. One operation is one message removed.
//
// Go: Benchmark_FileStoreSyncDeletedFullBlocks server/filestore_test.go:8975
// Go: Benchmark_FileStoreSyncDeletedPartialBlocks server/filestore_test.go:9022
func BenchmarkSyncDeleted(b *testing.B) {
	for _, size := range []int{32, 512} {
		for name, first := range map[string]uint64{"all": 1, "but the first": 2} {
			b.Run(fmt.Sprintf("%s of %d bytes", name, size), func(b *testing.B) {
				s := newBench(b, block.StreamOptions{})
				s.store(b.N+1, size, constant("foo"))
				s.must(s.Checkpoint())
				parts := []store.Deleted{{Range: store.Range{First: first, Count: uint64(b.N)}}}
				b.ResetTimer()
				if n, err := store.SyncDeleted(s.Stream, parts); n != uint64(b.N) || err != nil {
					b.Fatal(n, err)
				}
			})
		}
	}
}

// BenchmarkConsumers makes consumers, notes a delivery, and deletes them.
//
// Go: Benchmark_FileStoreCreateConsumerStores server/filestore_test.go:8830
// Go: BenchmarkFileStoreConsumerStoreConcurrentDiskIO server/filestore_test.go:9034
func BenchmarkConsumers(b *testing.B) {
	n, _, err := block.Open(vfs.OS, b.TempDir(), block.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	id := block.ID(100)
	b.Run("made", func(b *testing.B) {
		for b.Loop() {
			c, err := n.CreateConsumer(id, store.Rules{Ack: store.AckAll})
			if err != nil {
				b.Fatal(err)
			}
			id++
			c.Commit(nil)
			if err := c.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("made, used and deleted together", func(b *testing.B) {
		var list []*block.Consumer
		for range b.N {
			c, err := n.CreateConsumer(id, store.Rules{Ack: store.AckExplicit})
			if err != nil {
				b.Fatal(err)
			}
			id++
			list = append(list, c)
		}
		b.ResetTimer()
		next := make(chan *block.Consumer, len(list))
		for _, c := range list {
			next <- c
		}
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				c := <-next
				if err := c.Deliver(store.Delivery{Pair: pair(22, 22), Count: 1, Time: begin}); err != nil {
					b.Error(err)
				}
				c.Commit(nil)
				if err := c.Delete(); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkDeliver notes deliveries and their acknowledgements, and encodes the state.
//
// Go: TestFileStoreConsumerPerf server/filestore_test.go:3143
func BenchmarkDeliver(b *testing.B) {
	n, _, err := block.Open(vfs.OS, b.TempDir(), block.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	c, err := n.CreateConsumer(consumerID, store.Rules{Ack: store.AckExplicit})
	if err != nil {
		b.Fatal(err)
	}
	i := uint64(0)
	for b.Loop() {
		i++
		if err := c.Deliver(store.Delivery{Pair: pair(i, i), Count: 1, Time: begin}); err != nil {
			b.Fatal(err)
		}
		if i > 1000 {
			if err := c.Ack(pair(i-1000, i-1000)); err != nil {
				b.Fatal(err)
			}
		}
		if i%500 == 0 {
			c.Commit(nil)
		}
	}
	b.StopTimer()
	state := c.State()
	b.ReportMetric(float64(len(state.Append(nil))), "bytes-of-state")
}

// BenchmarkRest ends a stream of very many subjects in order.
//
// Go: TestFileStoreWriteFullStateHighSubjectCardinality server/filestore_test.go:7140
func BenchmarkRest(b *testing.B) {
	s := newBench(b, block.StreamOptions{})
	const n = 200_000
	s.store(n, 3, func(i int) string { return fmt.Sprintf("subj_%d", i) })
	for b.Loop() {
		s.must(s.Rest())
	}
	if state := s.State(); state.Subjects != n {
		b.Fatal(state)
	}
}
