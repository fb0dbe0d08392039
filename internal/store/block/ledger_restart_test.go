package block_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// TestStoreLoadRemove stores some messages, reads each right away, and removes the first,
// the last and one between.
//
// Go: TestFileStoreBasics server/filestore_test.go:87
// Go: TestFileStoreWriteAndReadSameBlock server/filestore_test.go:1586
func TestStoreLoadRemove(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		s.payload = []byte("Hello World")
		for i := uint64(1); i <= 5; i++ {
			if seq := s.put("foo"); seq != i {
				t.Fatalf("sequence %d, expected %d", seq, i)
			}
			if m := s.expectLoad(i, nil); string(m.Subject) != "foo" || string(m.Payload) != "Hello World" || m.Time != s.now {
				t.Fatalf("%+v", m)
			}
		}
		if state := s.State(); state.Bytes != 5*(22+3+11+8) {
			t.Fatalf("%d bytes", state.Bytes)
		}
		for left, seq := range []uint64{1, 5, 3} {
			s.remove(seq)
			if n := s.State().Messages; n != uint64(4-left) {
				t.Fatalf("%d messages after the removal of %d", n, seq)
			}
		}
		s.survives()
	})
}

// TestRestarts goes through a life with several restarts: messages, more messages, a
// purge, one message that is removed.
//
// Go: TestFileStoreBasicWriteMsgsAndRestore server/filestore_test.go:182
// Go: TestFileStoreAndRetrieveMultiBlock server/filestore_test.go:1603
func TestRestarts(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		for _, id := range []block.ID{0, streamID} {
			if _, err := s.node.CreateStream(id, s.options); !errors.Is(err, block.ErrExists) {
				t.Fatalf("a stream with the number %d: %v", id, err)
			}
		}
		write := func(from, to int) {
			for i := from; i <= to; i++ {
				s.payload = fmt.Appendf(nil, "[%08d] Hello World!", i)
				if seq := s.put("foo"); seq != uint64(i) {
					t.Fatalf("sequence %d, expected %d", seq, i)
				}
			}
		}
		size := store.FileSize(3, 0, 23)
		expect := func(n uint64) {
			t.Helper()
			s.expect(n, 1, n)
			if state := s.State(); state.Bytes != n*size {
				t.Fatalf("%d bytes, expected %d", state.Bytes, n*size)
			}
		}
		write(1, 100)
		expect(100)
		before := s.Stream
		s.stop()
		if err := before.Append(s.message("foo"), store.Checked); err == nil {
			before.CommitNow(func(e error) { err = e })
			if err == nil {
				t.Fatal("a stream of a closed node takes messages")
			}
		}
		expect(100)
		write(101, 200)
		s.crash()
		expect(200)
		s.pause()
		expect(200)
		for i := uint64(1); i <= 200; i++ {
			if m := s.expectLoad(i, nil); string(m.Payload) != fmt.Sprintf("[%08d] Hello World!", i) {
				t.Fatalf("message %d is %q", i, m.Payload)
			}
		}
		s.purge(store.Purge{}, 200)
		s.survives()
		s.expect(0, 201, 200)
		s.remove(s.put("foo"))
		s.survives()
		s.expect(0, 202, 201)
	})
}

// TestStoppedStreamRefuses: after Close nothing can be stored.
func TestStoppedStreamRefuses(t *testing.T) {
	s := newSite(t, plain, store.Options{})
	s.put("foo")
	s.must(s.Close())
	if err := s.Append(s.message("foo"), store.Checked); err != store.ErrClosed {
		t.Fatalf("append: %v", err)
	}
}

// TestStrangeFiles: files that are not of the stream change nothing and stay.
//
// Go: TestFileStoreRecoverOnlyBlkFiles server/filestore_test.go:9858
func TestStrangeFiles(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		s.put("foo")
		s.stop()
		strange := []string{"10.chunks.random", "10.chunks.tmp", "chunks", "1.idx", "manifest.old"}
		for _, name := range strange {
			s.must(vfs.WriteFile(s.disk, path.Join(streamDir, name), []byte("strange")))
		}
		s.survives()
		s.expect(1, 1, 1)
		for _, name := range strange {
			if _, err := s.disk.Stat(path.Join(streamDir, name)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestSkipsAfterRestart leaves out sequences at the beginning, between messages and at the
// end, one by one and many at once.
//
// Go: TestFileStoreSkipMsg server/filestore_test.go:341
// Go: TestFileStoreSkipMsgAndNumBlocks server/filestore_test.go:5407
// Go: TestFileStoreDetectDeleteGapWithLastSkipMsg server/filestore_test.go:12102
// Go: TestFileStoreIdxAccountingForSkipMsgs server/filestore_test.go:12476
// Go: TestFileStoreAsyncFlushOnSkipMsgs server/filestore_test.go:10693
func TestSkipsAfterRestart(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		for range 10 {
			s.skip(0, 1)
		}
		s.expect(0, 11, 10)
		s.put("zzz")
		s.skip(0, 1)
		s.skip(0, 1)
		s.put("zzz")
		s.skip(0, 1)
		s.expect(2, 11, 15)
		s.survives()
		if m := s.expectLoad(11, nil); string(m.Subject) != "zzz" || string(m.Payload) != "payload" {
			t.Fatalf("%+v", m)
		}
		s.skip(0, 1)
		if seq := s.put("AAA"); seq != 17 {
			t.Fatalf("sequence %d after a skip", seq)
		}
		s.survives()
		if m := s.expectLoad(17, nil); string(m.Subject) != "AAA" {
			t.Fatalf("%+v", m)
		}

		for name, skip := range map[string]func(s *site){
			"at once":    func(s *site) { s.skip(2, 10) },
			"one by one": func(s *site) { times(10, func(i int) { s.skip(uint64(i+2), 1) }) },
		} {
			s = newSite(t, v, store.Options{})
			s.put("foo")
			skip(s)
			s.expect(1, 1, 11)
			s.survives() // ends with sequences without a message
			s.put("foo")
			s.expect(2, 1, 12)
			for seq := uint64(1); seq <= 12; seq++ {
				expected := error(nil)
				if seq >= 2 && seq <= 11 {
					expected = store.ErrNotFound
				}
				s.expectLoad(seq, expected)
			}
			s.expectDeleted(2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
			s.survives()
			if s.State().Deleted() != 10 {
				t.Fatalf("%s: %d deleted", name, s.State().Deleted())
			}
		}

		s = newSite(t, v, store.Options{})
		s.put("zzz")
		s.skip(0, 100_000)
		s.put("zzz")
		s.survives()
		s.expect(2, 1, 100_002)
		if n := len(s.chunkFiles()); n > 2 {
			t.Fatalf("%d files for two messages far apart", n)
		}
	})
}

func times(n int, do func(i int)) {
	for i := range n {
		do(i)
	}
}

// TestOnlySkips: a stream that has never had a message keeps its place.
//
// Go: TestFileStoreLeftoverSkipMsgInDmap server/filestore_test.go:9803
// Go: TestFileStoreReloadAndLoseLastSequence server/filestore_test.go:7543
// Go: TestFileStoreReloadAndLoseLastSequenceWithSkipMsgs server/filestore_test.go:7570
// Go: TestFileStoreDetectDeleteGapWithOnlySkipMsg server/filestore_test.go:12145
func TestOnlySkips(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		for name, skip := range map[string]func(s *site){
			"one":               func(s *site) { s.skip(0, 1) },
			"many":              func(s *site) { s.skip(0, 22) },
			"many, one by one":  func(s *site) { times(22, func(int) { s.skip(0, 1) }) },
			"one and then more": func(s *site) { s.skip(1, 1); s.skip(2, 3) },
		} {
			s := newSite(t, v, store.Options{})
			skip(s)
			last := s.State().LastSequence
			for range 2 {
				s.survives()
				s.expect(0, last+1, last)
				s.expectDeleted()
			}
			if seq := s.put("foo"); seq != last+1 {
				t.Fatalf("%s: then sequence %d", name, seq)
			}
		}
	})
}

// TestSkipBehindCompaction: sequences that are left out behind a removed large message.
//
// Go: TestFileStoreSkipMsgAndCompactRequiresAppend server/filestore_test.go:12816
func TestSkipBehindCompaction(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		s.payload = make([]byte, 60<<10)
		s.put("foo")
		s.checkpoint()
		s.skip(2, 1)
		s.compact(2, 1)
		s.expect(0, 3, 2)
		s.skip(3, 1)
		s.survives()
		s.expect(0, 4, 3)
	})
}

// TestFirstSequenceAfterRestart: the configured first sequence holds for the empty stream
// and for the first message.
func TestFirstSequenceAfterRestart(t *testing.T) {
	s := newSite(t, plain, store.Options{FirstSequence: 1000})
	s.survives()
	s.expect(0, 1000, 999)
	s.put("A", "B")
	s.survives()
	s.expect(2, 1000, 1001)
}

// TestJournalBeyondIndex: what came after the last orderly end is found again, whether it
// fills up the newest chunk or many more, with and without removals.
//
// Go: TestFileStoreFullStateBasics server/filestore_test.go:5755
// Go: TestFileStoreFullStateMultiBlockPastWAL server/filestore_test.go:6376
// Go: TestFileStoreFullStateMidBlockPastWAL server/filestore_test.go:6436
func TestJournalBeyondIndex(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := chunkedSite(t, v, store.Options{}, 100)
		s.put("A", "B")
		s.pause()
		s.expect(2, 1, 2)
		for _, subject := range []string{"C", "D", "E", "F", "G", "H"} {
			s.put(subject)
			before := s.picture()
			s.crash()
			if after := s.picture(); after != before {
				t.Fatalf("%s\nwas\n%s", after, before)
			}
		}
		s.expect(8, 1, 8)
		if state := s.State(); state.FirstTime != begin+1e6 || state.Subjects != 8 {
			t.Fatalf("%+v", state)
		}
		s.pause()
		s.put("I", "J", "K", "L", "M")
		s.remove(2)
		s.survives()
		s.expectMatching("A", 0, 1, 1, 1)
		s.expectMatching("M", 0, 1, 13, 13)
		s.expectDeleted(2)
	})
}

// TestRemovalsBeyondIndex: removals by the owner after the last orderly end.
//
// Go: TestFileStoreFullStateTestUserRemoveWAL server/filestore_test.go:6040
func TestRemovalsBeyondIndex(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := chunkedSite(t, v, store.Options{}, 100)
		s.put("A", "Z")
		s.remove(1)
		s.expectLoad(2, nil)
		s.pause()
		s.expectLoad(2, nil)
		s.expectLoad(1, store.ErrNotFound)
		s.put("A", "Z")
		s.remove(2, 4)
		s.survives()
		s.expect(1, 3, 4)
		s.expectDeleted(4)
		if s.State().FirstTime == 0 {
			t.Fatal("the first message has no time")
		}
	})
}

// TestManySubjectsAfterRestart: a great number of long and different subjects.
//
// Go: TestFileStoreLargeFullStatePSIM server/filestore_test.go:6666
func TestManySubjectsAfterRestart(t *testing.T) {
	s := chunkedSite(t, plain, store.Options{}, 0)
	s.payload = nil
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 20_000 {
		if i%1000 == 0 {
			s.commit()
		}
		tokens := make([]string, 1+random.IntN(6))
		for i := range tokens {
			tokens[i] = fmt.Sprintf("%0*x", 4+random.IntN(16), random.Uint64())
		}
		s.put(strings.Join(tokens, "."))
	}
	for range 5_000 {
		if _, err := s.Remove(1 + random.Uint64N(20_000)); err != nil {
			t.Fatal(err)
		}
	}
	if state := s.State(); state.Subjects != int(state.Messages) {
		t.Fatalf("%+v", state)
	}
	s.survives()
	s.purge(store.Purge{}, s.State().Messages)
	if state := s.State(); state.Subjects != 0 {
		t.Fatalf("%+v", state)
	}
	s.survives()
}

// TestIndexSavesReading: after an orderly end no chunk is read to know what is there,
// however many there are.
//
// Go: TestFileStoreIndexDBExistsAfterShutdown server/filestore_test.go:6731
// Go: TestFileStoreNoFSSWhenNoSubjects server/filestore_test.go:4540
// Go: TestFileStoreNoFSSAfterRecover server/filestore_test.go:4622
func TestIndexSavesReading(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		for _, subject := range []string{"", "foo.bar.baz"} {
			s := newSite(t, v, store.Options{})
			s.fill(1000, subject)
			s.rest()
			s.must(s.node.Close())
			s.openNode()
			reads := s.reads(func() {
				var err error
				s.Stream, err = s.node.LoadStream(streamID, s.options)
				s.must(err)
				s.must(s.node.Recover())
			})
			if chunks := s.Report().Chunks; chunks < 50 || reads > 30 {
				t.Fatalf("%d reads for %d chunks", reads, chunks)
			}
			expected := 1
			if subject == "" {
				expected = 0
			}
			if state := s.State(); state.Messages != 1000 || state.Subjects != expected {
				t.Fatalf("%+v", state)
			}
		}
	})
}

// TestSubjectsAfterRestart: the subjects are counted, and each has its last message.
//
// Go: TestFileStoreExpireSubjectMeta server/filestore_test.go:4303
// Go: TestFileStoreSubjectCorruption server/filestore_test.go:6764
func TestSubjectsAfterRestart(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := limited(t, v, store.Limits{MaxPerSubject: 1})
		s.fillNumbered("kv", 1, 100)
		s.survives()
		if state := s.State(); state.Subjects != 100 {
			t.Fatalf("%+v", state)
		}
		var m store.Message
		s.must(s.Last(filter(t, "kv.22"), &m))
		if m.Sequence != 22 {
			t.Fatalf("last of kv.22 is %d", m.Sequence)
		}

		s = newSite(t, v, store.Options{})
		random := rand.New(rand.NewPCG(1, 2))
		for range 2000 {
			s.payload = make([]byte, []int{33, 88, 55}[random.IntN(3)])
			s.put(fmt.Sprintf("foo.%d", 1+random.IntN(100)))
		}
		s.survives()
		totals, err := store.Totals(s, nil, 0)
		s.must(err)
		for subject := range totals {
			var n int
			if _, err := fmt.Sscanf(subject, "foo.%d", &n); err != nil || n < 1 || n > 100 || subject != fmt.Sprintf("foo.%d", n) {
				t.Errorf("subject %q", subject)
			}
		}
	})
}

// TestFiltersDoNotChangeWhatTheyAreMadeOf: the subjects of a stream stay in their order
// when a filter is made of them.
//
// Go: TestFileStoreMultiLastSeqsDoesNotReorderConfigSubjects server/filestore_test.go:15181
// Go: TestMemStoreMultiLastSeqsDoesNotReorderConfigSubjects server/memstore_test.go:1774
func TestFiltersDoNotChangeWhatTheyAreMadeOf(t *testing.T) {
	inBothStores(t, store.Options{}, func(t *testing.T, s *large) {
		s.put("orders.1", nil)
		s.put("billing.1", nil)
		subjects := []string{"orders.*", "billing.*"}
		list, err := s.LastSequences(filter(t, subjects...), 0, 0)
		if err != nil || !slices.Equal(list, []uint64{1, 2}) {
			t.Fatalf("%v %v", list, err)
		}
		if !slices.Equal(subjects, []string{"orders.*", "billing.*"}) {
			t.Fatalf("subjects became %v", subjects)
		}
	})
}

// TestHolesFromTheBeginning: messages with holes before and between them are found, and
// nothing is in the holes.
//
// Go: TestFileStoreMsgBlockHolesAndIndexing server/filestore_test.go:6259
func TestHolesFromTheBeginning(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := limited(t, v, store.Limits{MaxPerSubject: 1})
		there := map[uint64]string{}
		for _, step := range []struct {
			skip    uint64
			subject string
		}{{1, "A"}, {1, "B"}, {7, "C"}} {
			s.skip(0, step.skip)
			there[s.put(step.subject)] = step.subject
			s.survives()
			for seq := uint64(1); seq <= s.State().LastSequence; seq++ {
				if subject, ok := there[seq]; !ok {
					s.expectLoad(seq, store.ErrNotFound)
				} else if m := s.expectLoad(seq, nil); string(m.Subject) != subject {
					t.Fatalf("message %d is on %s", seq, m.Subject)
				}
			}
		}
		s.expect(3, 2, 12)
		s.expectDeleted(3, 5, 6, 7, 8, 9, 10, 11)
	})
}
