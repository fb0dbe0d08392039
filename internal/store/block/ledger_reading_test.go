package block_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

// few is how many reads of the disk a search may take that needs one message, or must
// find out that there is none, where there are hundreds of chunks.
const few = 4

func (s *site) expectReads(most int, what string, do func()) {
	s.t.Helper()
	if n := s.reads(do); n > most {
		s.t.Fatalf("%s takes %d reads, at most %d are expected", what, n, most)
	}
}

// cold is a stream of which everything is on the disk and nothing in memory.
func cold(t testing.TB, v variant, fill func(s *site)) *site {
	t.Helper()
	s := newSite(t, v, store.Options{})
	fill(s)
	s.pause()
	return s
}

// TestWritingBetweenReading writes again where the chunk before has left memory.
//
// Go: TestFileStoreWriteExpireWrite server/filestore_test.go:425
// Go: TestFileStorePartialCacheExpiration server/filestore_test.go:1907
// Go: TestFileStorePartialIndexes server/filestore_test.go:1930
// Go: TestFileStoreErrPartialLoadOnSyncClose server/filestore_test.go:5627
func TestWritingBetweenReading(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		want := ""
		for round := range 4 {
			s.payload = fmt.Appendf(nil, "round %d", round)
			s.fill(5, "zzz")
			s.pause() // nothing of it is in memory now
			s.payload = fmt.Appendf(nil, "again %d", round)
			s.fill(5, "zzz")
			want += fmt.Sprintf("5 of round %d, 5 of again %d ", round, round)
			for i := range 10 * (round + 1) {
				text := []string{"round", "again"}[i%10/5]
				if m := s.expectLoad(uint64(i+1), nil); string(m.Payload) != fmt.Sprintf("%s %d", text, i/10) || string(m.Subject) != "zzz" {
					t.Fatalf("message %d of %s is %q", i+1, want, m.Payload)
				}
			}
		}
		s.expect(40, 1, 40)
		s.survives()
	})
}

// TestReadOnce: a chunk that was read is in memory, and one that has just been written as
// well, before and after its checkpoint.
//
// Go: TestFileStoreReadCache server/filestore_test.go:1706
// Go: TestFileStoreDontExpireCacheWithRecentWrite server/filestore_test.go:14608
func TestReadOnce(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := chunkedSite(t, v, store.Options{}, 2000)
		s.fill(20, "foo.bar")
		walk := func() {
			s.must(s.Each(nil, 0, func(*store.Message) bool { return true }))
			for seq := uint64(1); seq <= 20; seq++ {
				s.expectLoad(seq, nil)
			}
		}
		s.expectReads(0, "reading what was written", walk)
		s.checkpoint()
		s.expectReads(0, "reading after the checkpoint", walk)
		s.pause()
		s.expectReads(few, "reading after a restart", walk)
		s.expectReads(0, "reading again", walk)
	})
}

// TestMemoryForReadingIsBounded: a walk over a stream that is larger than the cache, in
// whichever direction, leaves no more than the cache in memory, so that the next one reads
// again.
//
// Go: TestFileStoreExpireCacheOnLinearWalk server/filestore_test.go:6980
func TestMemoryForReadingIsBounded(t *testing.T) {
	s := cold(t, plain, func(s *site) {
		s.payload = make([]byte, 400)
		s.fill(200, "Z")
	})
	forward := func() {
		for seq := uint64(1); seq <= 200; seq++ {
			s.expectLoad(seq, s.gone(seq))
		}
	}
	backward := func() {
		for seq := uint64(200); seq >= 1; seq-- {
			s.expectLoad(seq, s.gone(seq))
		}
	}
	// 4 KB of about 90 KB stay.
	for i, walk := range []func(){forward, backward, backward, forward} {
		if n := s.reads(walk); n < 80 {
			t.Errorf("walk %d took %d reads", i, n)
		}
	}
	s.remove(2, 99, 199)
	for i, walk := range []func(){forward, backward} {
		if n := s.reads(walk); n < 80 {
			t.Errorf("walk %d over holes took %d reads", i, n)
		}
	}
}

// gone is what loading a message fails with that the tests here have removed.
func (s *site) gone(seq uint64) error {
	var hole error
	s.Deleted(func(r store.Range) bool {
		if r.First <= seq && seq <= r.Last() {
			hole = store.ErrNotFound
		}
		return hole == nil
	})
	return hole
}

// TestSearchesReadLittle: who looks for the messages of a subject that has few of them
// does not read those of others, wherever the search begins.
//
// Go: TestFileStoreOptimizeFirstLoadNextMsgWithSequenceZero server/filestore_test.go:7103
// Go: TestFileStoreLoadNextMsgSkipAhead server/filestore_test.go:13306
// Go: TestFileStoreLoadNextMsgMultiSkipAhead server/filestore_test.go:13375
// Go: TestFileStoreLargeSparseMsgsDoNotLoadAfterLast server/filestore_test.go:7901
// Go: TestFileStoreCheckSkipFirstBlockNotLoadOldBlocks server/filestore_test.go:8119
// Go: TestFileStoreCheckSkipFirstBlockBug server/filestore_test.go:7953
func TestSearchesReadLittle(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		for _, others := range [][]string{{"foo.AA.other"}, {"foo.AA.other", "foo.CC.other"}} {
			s := cold(t, v, func(s *site) {
				s.put("foo.BB.bar", "foo.AA.bar")
				for i := range 3000 {
					s.put(others[i%len(others)])
				}
				s.put("foo.BB.bar", "foo.BB.bar")
				for i := range 3000 {
					s.put(others[i%len(others)])
				}
			})
			literal, several := filter(t, "foo.BB.bar"), filter(t, "foo.BB.bar", "foo.DD.bar")
			wildcard := filter(t, "foo.*.bar")
			for name, f := range map[string]*store.Filter{"literal": literal, "several": several, "wildcard": wildcard} {
				most := few
				if name != "literal" {
					most = 20 // the next 64 messages are looked at first
				}
				for _, c := range []struct{ start, expected uint64 }{{0, 1}, {3, 3003}, {2000, 3003}, {3004, 3004}, {3005, 0}, {6000, 0}} {
					s.expectReads(most, fmt.Sprintf("%s from %d", name, c.start), func() {
						s.expectNext(f, c.start, c.expected)
					})
				}
			}
			// The first message is gone: nothing between is looked at because of it.
			s.remove(1, 2)
			s.expectReads(few, "literal from the beginning", func() { s.expectNext(literal, 0, 3003) })
			s.remove(3003)
			s.expectReads(few, "literal from the middle", func() { s.expectNext(literal, 2500, 3004) })
			s.expectReads(few, "literal that is gone", func() { s.expectNext(filter(t, "foo.AA.bar"), 1, 0) })
		}
	})
}

// TestLastReadsOneMessage: the last message of a wildcard is found without the others.
//
// Go: TestFileStoreLoadLastWildcard server/filestore_test.go:7596
// Go: TestFileStoreLoadLastWildcardWithPresenceMultipleBlocks server/filestore_test.go:7638
func TestLastReadsOneMessage(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		var m store.Message
		s := cold(t, v, func(s *site) {
			s.put("foo.22.baz", "foo.22.bar")
			s.fill(3000, "foo.11.foo")
		})
		s.expectReads(20, "last of a wildcard", func() { s.must(s.Last(filter(t, "foo.22.*"), &m)) })
		if m.Sequence != 2 {
			t.Fatalf("last is %d", m.Sequence)
		}

		s = chunkedSite(t, v, store.Options{}, 1)
		s.put("foo.22.bar", "foo.22.baz", "foo.22.baz")
		s.payload = []byte("hello22")
		s.put("foo.22.bar")
		s.pause()
		s.must(s.Last(filter(t, "foo.*.bar"), &m))
		if m.Sequence != 4 || string(m.Payload) != "hello22" {
			t.Fatalf("last is %d %q", m.Sequence, m.Payload)
		}
	})
}

// TestCountingReadsNothing: how many messages are selected, from where on and to where,
// is known without reading any, also after the first ones have gone.
//
// Go: TestFileStoreNumPendingLargeNumBlks server/filestore_test.go:5360
// Go: TestFileStoreNumPendingLastBySubject server/filestore_test.go:6799
// Go: TestFileStoreFSSExpireNumPending server/filestore_test.go:7422
// Go: TestFileStoreFilteredPendingPSIMFirstBlockUpdate server/filestore_test.go:7658
// Go: TestFileStoreWildcardFilteredPendingPSIMFirstBlockUpdate server/filestore_test.go:7717
// Go: TestFileStoreFilteredPendingPSIMFirstBlockUpdateNextBlock server/filestore_test.go:7808
func TestCountingReadsNothing(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		pending := func(s *site, pattern string, start uint64, last bool, expected uint64) {
			t.Helper()
			s.expectReads(0, "counting", func() {
				n, through, err := s.Pending(filter(t, pattern), start, last)
				if err != nil || n != expected || through != s.State().LastSequence {
					t.Fatalf("%s from %d: %d through %d %v, expected %d", pattern, start, n, through, err, expected)
				}
			})
		}
		s := cold(t, v, func(s *site) { s.fill(3000, "zzz") })
		pending(s, "zzz", 1200, false, 1801)
		pending(s, "zzz", 1800, false, 1201)
		s.remove(300, 2700)
		pending(s, "zzz", 1200, false, 1800)
		pending(s, "zzz", 1800, false, 1200)

		s = cold(t, v, func(s *site) {
			for i := range 1000 {
				s.put(fmt.Sprintf("foo.A.%d", i), fmt.Sprintf("foo.B.%d", i))
			}
		})
		pending(s, "foo.A.*", 1000, false, 500)
		pending(s, "foo.B.*", 1500, false, 251)
		pending(s, "foo.*.*", 0, true, 2000)
		random := rand.New(rand.NewPCG(1, 1))
		for _, pattern := range []string{"foo.A.*", "*.B.*", "*.*.222", "foo.A.999", "*.C.*"} {
			start, expected := 200+random.Uint64N(250), uint64(0)
			f := filter(t, pattern)
			s.must(s.Each(nil, start, func(m *store.Message) bool {
				if f.Match(m.Subject) {
					expected++
				}
				return true
			}))
			pending(s, pattern, start, true, expected)
		}

		s = cold(t, v, func(s *site) {
			s.put("foo.22.baz", "foo.22.bar")
			s.fill(1000, "foo.1.foo")
			s.put("foo.22.baz", "foo.22.baz", "foo.22.bar", "foo.22.bar")
			s.remove(1, 2)
		})
		s.expectReads(0, "summing up", func() {
			s.expectMatching("foo.22.baz", 0, 2, 1003, 1004)
			s.expectMatching("foo.22.*", 0, 4, 1003, 1006)
			s.expectMatching("foo.*.bar", 0, 2, 1005, 1006)
		})
		s = cold(t, v, func(s *site) {
			for range 4 {
				s.put("foo.22.bar", "foo.22.baz")
			}
			s.remove(1)
		})
		s.expectMatching("foo.22.bar", 0, 3, 3, 7)
		s.remove(2)
		s.expectMatching("foo.*.baz", 0, 3, 4, 8)
	})
}

// TestSummaries of what filters select, where messages were removed.
//
// Go: TestFileStoreFilteredPendingBug server/filestore_test.go:3698
// Go: TestFileStoreFilteredFirstMatchingBug server/filestore_test.go:4739
// Go: TestFileStoreRecaluclateFirstForSubjBug server/filestore_test.go:5481
// Go: TestFileStoreRemovePerSubjectWithMultipleBlocks server/filestore_test.go:14745
// Go: TestFileStoreNoFSSBugAfterRemoveFirst server/filestore_test.go:4578
func TestSummaries(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		begin := func(subjects ...string) *site {
			return cold(t, v, func(s *site) { s.put(subjects...) })
		}
		s := begin("foo", "bar", "baz")
		s.expectMatching("foo", 3, 0, 0, 0)

		s = begin("foo.foo", "foo.foo", "foo.foo")
		s.put("foo.bar")
		s.expectNext(filter(t, "foo.foo"), 4, 0)

		s = begin("foo", "bar", "foo")
		s.remove(1, 2)
		s.expectMatching("foo", 1, 1, 3, 3)

		s = chunkedSite(t, v, store.Options{}, 1)
		s.put("foo", "foo")
		s.pause()
		s.remove(2)
		s.expectMatching("foo", 0, 1, 1, 1)

		s = cold(t, v, func(s *site) { s.fillNumbered("foo.bar", 0, 99) })
		s.remove(1)
		if m := s.expectNext(filter(t, "foo.>"), 1, 2); string(m.Subject) != "foo.bar.1" {
			t.Fatalf("on %s", m.Subject)
		}
		s.expectMatching("foo.bar.0", 0, 0, 0, 0)
		if n := s.State().Subjects; n != 99 {
			t.Fatalf("%d subjects", n)
		}
	})
}

// TestSummaryOverHoles is that of all messages. Of an empty stream it is nothing; where
// the stream stands then is in its state.
//
// Go: TestFileStoreAllFilteredStateWithDeleted server/filestore_test.go:5120
func TestSummaryOverHoles(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := cold(t, v, func(s *site) { s.fill(100, "foo") })
		s.expectMatching("", 1, 100, 1, 100)
		s.remove(2)
		s.expectMatching("", 2, 98, 3, 100)
		s.remove(3, 4, 5)
		s.expectMatching("", 2, 95, 6, 100)
		s.expectMatching("", 6, 95, 6, 100)
		s.remove(8, 10, 12, 14, 16, 18)
		s.expectMatching("", 7, 88, 7, 100)
		s.purge(store.Purge{}, 90)
		s.expectMatching("", 0, 0, 0, 0)
		s.expect(0, 101, 100)
	})
}

// TestPurgeReadsNothing: messages of a subject are removed without reading them or others,
// and so is nothing for a subject that is not there.
//
// Go: TestFileStorePurgeExBufPool server/filestore_test.go:6896
// Go: TestFileStoreDontLoadSubjectStateIfNotPurged server/filestore_test.go:14683
// Go: TestFileStoreOnlyLoadSubjectStateOnBlocksWithinInterestRange server/filestore_test.go:14708
func TestPurgeReadsNothing(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := cold(t, v, func(s *site) {
			for range 100 { // in chunks of one subject each, but for the ends
				s.fill(20, "foo.foo")
				s.fill(20, "foo.bar")
			}
		})
		chunks := s.Report().Chunks
		s.expectReads(0, "purging a subject that is not there", func() {
			s.purge(store.Purge{Filter: filter(t, "bar")}, 0)
		})
		// Chunks that become sparse are packed, for which their neighbours are read.
		s.expectReads(chunks, "purging one of two subjects", func() {
			s.purge(store.Purge{Filter: filter(t, "foo.bar")}, 2000)
		})
		s.expectMatching("foo.foo", 0, 2000, 1, 3980)
		s.survives()

		s = chunkedSite(t, v, store.Options{}, 1)
		s.put("foo", "bar")
		s.pause()
		s.expectReads(0, "purging the only message of a chunk", func() {
			s.purge(store.Purge{Filter: filter(t, "bar")}, 1)
		})
	})
}

// TestEverySequenceIsFound looks for each sequence in many chunks, of which some have
// lost their first message, some their last.
//
// Go: TestFileStoreSelectMsgBlockBinarySearch server/filestore_test.go:14040
func TestEverySequenceIsFound(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := chunkedSite(t, v, store.Options{}, 80) // two messages
		for i := range 33 {
			s.put("foo", "foo")
			if i == 15 {
				s.remove(2, 5)
			}
			s.checkpoint()
		}
		check := func() {
			t.Helper()
			for seq := uint64(1); seq <= 66; seq++ {
				s.expectLoad(seq, s.gone(seq))
			}
			s.expectLoad(67, store.ErrEOF)
			s.expectDeleted(2, 5)
		}
		check()
		for _, restart := range restarts {
			restart(s)
			check()
		}
	})
}
