package block_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// TestFirstFollowsRemovals removes messages over several chunks, and then the first.
//
// Go: TestFileStoreSelectNextFirst server/filestore_test.go:304
// Go: TestFileStoreCollapseDmap server/filestore_test.go:1637
// Go: TestFileStoreStateWithBlkFirstDeleted server/filestore_test.go:4982
func TestFirstFollowsRemovals(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := chunkedSite(t, v, store.Options{}, 200)
		s.fill(10, "zzz")
		s.removeRun(2, 7)
		s.expect(4, 1, 10)
		s.survives()
		s.remove(1)
		s.expect(3, 8, 10)
		s.survives()

		s = chunkedSite(t, v, store.Options{}, 200)
		s.fill(10, "foo")
		for _, step := range []struct {
			remove, first uint64
			deleted       []uint64
		}{
			{2, 1, []uint64{2}}, {4, 1, []uint64{2, 4}}, {8, 1, []uint64{2, 4, 8}}, {1, 3, []uint64{4, 8}},
			{3, 5, []uint64{8}}, {5, 6, []uint64{8}}, {7, 6, []uint64{7, 8}}, {6, 9, nil},
		} {
			s.remove(step.remove)
			if first := s.State().FirstSequence; first != step.first {
				t.Fatalf("first is %d after the removal of %d", first, step.remove)
			}
			s.expectDeleted(step.deleted...)
		}
		s.survives()

		s = newSite(t, v, store.Options{})
		s.fill(500, "foo")
		s.removeRun(12, 21)
		s.expect(490, 1, 500)
		s.expectDeleted(12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
	})
}

// TestRemovalsSurvive: what was removed stays away, whichever messages these were.
//
// Go: TestFileStoreRemovePartialRecovery server/filestore_test.go:1147
// Go: TestFileStoreRemoveOutOfOrderRecovery server/filestore_test.go:1190
// Go: TestFileStoreRecoverWithEmptyMessageBlock server/filestore_test.go:10193
// Go: TestFileStoreRecoverWithRemovesAndNoIndexDB server/filestore_test.go:7496
// Go: TestFileStoreTombstonesNoFirstSeqRollback server/filestore_test.go:11931
// Go: TestFileStoreTombstonesSelectNextFirstCleanup server/filestore_test.go:11987
// Go: TestFileStoreTombstonesSelectNextFirstCleanupOnRecovery server/filestore_test.go:12046
// Go: TestFileStoreEmptyBlockContainsPriorTombstones server/filestore_test.go:12522
func TestRemovalsSurvive(t *testing.T) {
	for name, c := range map[string]struct {
		messages              int
		remove                func(s *site)
		left, first, last     uint64
		removed, stillThere   uint64
		thenRemove, thenFirst uint64
	}{
		"the first half": {100, func(s *site) { s.removeRun(1, 50) }, 50, 51, 100, 50, 51, 51, 52},
		"every second": {100, func(s *site) {
			for seq := uint64(2); seq <= 100; seq += 2 {
				s.remove(seq)
			}
		}, 50, 1, 100, 100, 1, 1, 3},
		"some": {10, func(s *site) { s.remove(1, 2, 8) }, 7, 3, 10, 8, 3, 3, 4},
		"all":  {20, func(s *site) { s.removeRun(1, 20) }, 0, 21, 20, 20, 0, 0, 21},
		"all but the first": {100, func(s *site) {
			s.removeRun(2, 49)
			s.checkpoint()
			s.removeRun(50, 100)
		}, 1, 1, 100, 77, 1, 1, 101},
		"the end, then more": {3, func(s *site) {
			s.checkpoint()
			s.remove(2, 3)
			s.crash()
			s.expectLoad(2, store.ErrNotFound)
			s.expectLoad(3, store.ErrNotFound)
			s.put("foo")
		}, 2, 1, 4, 3, 4, 1, 4},
	} {
		t.Run(name, func(t *testing.T) {
			inVariants(t, func(t *testing.T, v variant) {
				s := newSite(t, v, store.Options{})
				s.fill(c.messages, "foo")
				c.remove(s)
				s.expect(c.left, c.first, c.last)
				s.survives()
				s.expectLoad(c.removed, store.ErrNotFound)
				if c.stillThere > 0 {
					s.expectLoad(c.stillThere, nil)
				}
				if c.thenRemove > 0 {
					s.remove(c.thenRemove)
				}
				s.survives()
				s.expectLoad(c.removed, store.ErrNotFound)
				if first := s.State().FirstSequence; first != c.thenFirst {
					t.Fatalf("first is %d, expected %d", first, c.thenFirst)
				}
			})
		})
	}
}

// TestEachOperationSurvives does one operation to a small stream.
//
// Go: TestFileStoreRecoverAfterRemoveOperation server/filestore_test.go:9921
func TestEachOperationSurvives(t *testing.T) {
	for name, c := range map[string]struct {
		do                         func(s *site)
		messages, first, last, del uint64
	}{
		"none":               {func(*site) {}, 4, 1, 4, 0},
		"remove":             {func(s *site) { s.remove(1) }, 3, 2, 4, 0},
		"erase":              {func(s *site) { s.erase(1) }, 3, 2, 4, 0},
		"purge":              {func(s *site) { s.purge(store.Purge{}, 4) }, 0, 5, 4, 0},
		"purge of one":       {func(s *site) { s.purge(store.Purge{Filter: filter(s.t, "foo.0")}, 2) }, 2, 2, 4, 1},
		"purge of the other": {func(s *site) { s.purge(store.Purge{Filter: filter(s.t, "foo.1")}, 2) }, 2, 1, 4, 2},
		"compact":            {func(s *site) { s.compact(3, 2) }, 2, 3, 4, 0},
		"truncate":           {func(s *site) { s.truncate(2, 2) }, 2, 1, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inVariants(t, func(t *testing.T, v variant) {
				for _, written := range []bool{false, true} {
					s := chunkedSite(t, v, store.Options{}, 100)
					s.put("foo.0", "foo.1", "foo.0", "foo.1")
					if written {
						s.rest()
					}
					c.do(s)
					s.expect(c.messages, c.first, c.last)
					if d := s.State().Deleted(); d != c.del {
						t.Fatalf("%d deleted", d)
					}
					s.survives()
				}
			})
		})
	}
}

// TestCompactSurvives: what lies below a sequence goes, within the stream, at its end and
// beyond.
//
// Go: TestFileStoreCompact server/filestore_test.go:893
// Go: TestFileStoreCompactLastPlusOne server/filestore_test.go:946
// Go: TestFileStoreCompactMsgCountBug server/filestore_test.go:987
// Go: TestFileStoreDoubleCompactWithWriteInBetweenEncryptedBug server/filestore_test.go:4213
// Go: TestFileStoreCompactAllWithDanglingLMB server/filestore_test.go:4959
// Go: TestFileStorePreserveLastSeqAfterCompact server/filestore_test.go:12785
// Go: TestFileStoreCompactAndPSIMWhenDeletingBlocks server/filestore_test.go:6554
// Go: TestFileStoreStreamCompactMultiBlockSubjectInfo server/filestore_test.go:5215
func TestCompactSurvives(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		begin := func(n int, written bool) *site {
			s := chunkedSite(t, v, store.Options{}, 100)
			s.fill(n, "foo")
			if written {
				s.rest()
			}
			return s
		}
		for _, written := range []bool{false, true} {
			s := begin(10, written)
			s.compact(6, 5)
			s.expect(5, 6, 10)
			s.survives()
			s.compact(100, 5)
			s.expect(0, 100, 99)
			s.survives()

			s = begin(1000, written)
			s.compact(1001, 1000)
			s.expect(0, 1001, 1000)
			s.put("foo")
			s.survives()
			s.expect(1, 1001, 1001)

			s = begin(10, written)
			s.erase(2, 3, 4)
			s.remove(7, 8, 9)
			s.compact(6, 2)
			s.expect(2, 6, 10)
			s.survives()

			s = begin(5, written)
			s.compact(5, 4)
			s.expect(1, 5, 5)
			s.fill(5, "foo")
			s.compact(10, 5)
			s.survives()
			s.expect(1, 10, 10)
			s.expectMatching("foo", 0, 1, 10, 10)

			s = begin(100, written)
			s.remove(100)
			s.compact(100, 99)
			if seq := s.put("foo"); seq != 101 {
				t.Fatalf("sequence %d", seq)
			}
			s.survives()

			s = begin(1, written)
			s.compact(2, 1)
			s.survives()
			s.expect(0, 2, 1)

			s = begin(0, written)
			s.fillNumbered("foo", 0, 999)
			s.compact(501, 500)
			s.survives()
			if n := s.State().Subjects; n != 500 {
				t.Fatalf("%d subjects", n)
			}
		}
	})
}

// TestTruncateSurvives: what lies above a sequence goes, and writing goes on behind it.
//
// Go: TestFileStoreStreamTruncate server/filestore_test.go:1062
// Go: TestFileStoreStreamTruncateResetMultiBlock server/filestore_test.go:5171
// Go: TestFileStoreAsyncTruncate server/filestore_test.go:10628
// Go: TestFileStoreTruncateRemovedBlock server/filestore_test.go:10931
func TestTruncateSurvives(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		for _, written := range []bool{false, true} {
			begin := func() *site {
				s := chunkedSite(t, v, store.Options{}, 100)
				s.fill(49, "foo")
				s.fill(51, "bar")
				if written {
					s.rest()
				}
				return s
			}
			s := begin()
			s.truncate(50, 50)
			s.expect(50, 1, 50)
			s.remove(10, 20, 30, 40)
			s.truncate(25, 23)
			s.expect(23, 1, 25)
			s.expectDeleted(10, 20)
			s.survives()
			if seq := s.put("foo"); seq != 26 {
				t.Fatalf("the next sequence is %d", seq)
			}
			s.survives()

			s = begin()
			s.remove(2)
			s.truncate(2, 98)
			s.expect(1, 1, 2)
			s.expectDeleted(2)
			s.survives()

			s = begin()
			s.truncate(0, 100)
			if state := s.State(); state != (store.State{}) {
				t.Fatalf("%+v", state)
			}
			s.survives()
			s.fill(100, "foo")
			s.survives()
			s.expect(100, 1, 100)
			if state := s.State(); state.Bytes != 100*store.FileSize(3, 0, 7) || state.Subjects != 1 || state.Deleted() != 0 {
				t.Fatalf("%+v", state)
			}
		}
	})
}

// TestTruncateToRemoved: the sequence that becomes the last may be one without a message,
// in a chunk that was compressed.
//
// Go: TestFileStoreCompressionAfterTruncate server/filestore_test.go:10771
func TestTruncateToRemoved(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		for name, remove := range map[string]func(s *site, seq uint64){
			"remove": func(s *site, seq uint64) { s.remove(seq) },
			"erase":  func(s *site, seq uint64) { s.erase(seq) },
		} {
			for _, again := range []bool{false, true} {
				s := newSite(t, v, store.Options{})
				s.payload = bytes.Repeat([]byte("z"), 200)
				s.put("foo", "foo")
				s.checkpoint()
				s.put("foo")
				remove(s, 2)
				s.expect(2, 1, 3)
				if again {
					s.checkpoint()
				}
				s.truncate(2, 1)
				s.expect(1, 1, 2)
				s.expectDeleted(2)
				s.survives()
				if seq := s.put("foo"); seq != 3 {
					t.Fatalf("%s: sequence %d", name, seq)
				}
				s.survives()
			}
		}
	})
}

// TestSnapshotHoles: the holes of a snapshot are those of the stream, however they came
// about and wherever the chunks end.
//
// Go: TestFileStoreDeleteRangeTwoGaps server/filestore_test.go:13508
// Go: TestFileStoreDeleteBlocksWithSingleMessageBlocks server/filestore_test.go:13559
// Go: TestFileStoreDeleteBlocks server/filestore_test.go:13758
// Go: TestFileStoreDeleteBlocksWithManyEmptyBlocks server/filestore_test.go:13902
func TestSnapshotHoles(t *testing.T) {
	for _, chunk := range []int{1, 150, 400} {
		s := chunkedSite(t, plain, store.Options{}, chunk)
		s.payload = make([]byte, 20)
		s.fill(20, "foo")
		s.checkpoint()
		gone := map[uint64]bool{}
		for _, seqs := range [][]uint64{
			{10}, {15}, {11}, {5}, {6, 7, 8, 9}, {3}, {16, 17, 18}, {1}, {20}, {19}, {12, 13}, {2, 4},
		} {
			s.remove(seqs...)
			for _, seq := range seqs {
				gone[seq] = true
			}
			state := s.State()
			var expected []store.Range
			for seq := state.FirstSequence; seq <= state.LastSequence; seq++ {
				if n := len(expected); !gone[seq] {
					continue
				} else if n > 0 && expected[n-1].Last()+1 == seq {
					expected[n-1].Count++
				} else {
					expected = append(expected, store.Range{First: seq, Count: 1})
				}
			}
			s.checkpoint()
			for _, d := range [][]store.Range{holesOf(s), decodedHoles(s)} {
				if !slices.Equal(d, expected) {
					t.Fatalf("chunks of %d bytes, without %v: holes %v, expected %v", chunk, seqs, d, expected)
				}
			}
		}
		s.survives()
	}
}

func holesOf(s *site) (list []store.Range) {
	s.Deleted(func(r store.Range) bool {
		list = append(list, r)
		return true
	})
	return list
}

// decodedHoles are those of a snapshot that went over the wire.
func decodedHoles(s *site) (list []store.Range) {
	s.t.Helper()
	snapshot := store.TakeSnapshot(s.Stream)
	snapshot, err := store.DecodeSnapshot(snapshot.Append(nil))
	s.must(err)
	for _, d := range snapshot.Deleted {
		d.All(func(r store.Range) bool {
			if n := len(list); n > 0 && list[n-1].Last()+1 == r.First {
				list[n-1].Count += r.Count
			} else {
				list = append(list, r)
			}
			return true
		})
	}
	return list
}

// TestRemovingRanges removes runs of sequences that a peer says are gone: some of a chunk,
// whole chunks, what is gone already, and what was never there.
//
// Go: TestFileStoreRemoveMsgsInRange server/filestore_test.go:14105
// Go: TestFileStoreRemoveMsgsInRangePartialBlocks server/filestore_test.go:14210
// Go: TestFileStoreRemoveMsgsInRangeWithTombstones server/filestore_test.go:14308
// Go: TestPruneDeleteBlock server/filestore_test.go:13676
func TestRemovingRanges(t *testing.T) {
	for _, chunk := range []int{1, 200} {
		s := chunkedSite(t, plain, store.Options{}, chunk)
		s.fill(20, "foo")
		s.rest()
		for _, step := range []struct {
			first, last, removed uint64
			left                 []uint64
		}{
			{1, 1, 1, run(2, 20)},
			{1, 1, 0, run(2, 20)},
			{1, 2, 1, run(3, 20)},
			{3, 4, 2, run(5, 20)},
			{9, 13, 5, append(run(5, 8), run(14, 20)...)},
			{8, 8, 1, append(run(5, 7), run(14, 20)...)},
			{17, 17, 1, append(append(run(5, 7), run(14, 16)...), run(18, 20)...)},
			{20, 20, 1, append(append(run(5, 7), run(14, 16)...), run(18, 19)...)},
			{7, 18, 5, []uint64{5, 6, 19}},
			{7, 18, 0, []uint64{5, 6, 19}},
			{1, 100, 3, nil},
			{1, 100, 0, nil},
		} {
			parts := []store.Deleted{{Range: store.Range{First: step.first, Count: step.last - step.first + 1}}}
			removed, err := store.SyncDeleted(s.Stream, parts)
			if err != nil || removed != step.removed {
				t.Fatalf("%d to %d: %d removed, %v", step.first, step.last, removed, err)
			}
			var left []uint64
			s.must(s.Each(nil, 0, func(m *store.Message) bool {
				left = append(left, m.Sequence)
				return true
			}))
			if !slices.Equal(left, step.left) {
				t.Fatalf("after %d to %d there are %v, expected %v", step.first, step.last, left, step.left)
			}
		}
		s.expect(0, 21, 20)
		s.survives()
	}
}

func run(first, last uint64) (list []uint64) {
	for seq := first; seq <= last; seq++ {
		list = append(list, seq)
	}
	return list
}

// TestDeletedStreamLeavesNothing: a stream can be deleted while strange files appear in
// its directory; its own files go.
//
// Go: TestFileStoreStreamDeleteDirNotEmpty server/filestore_test.go:3113
func TestDeletedStreamLeavesNothing(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		s.fill(10, "foo")
		s.checkpoint()
		ready, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for i := range 100 {
				_ = vfs.WriteFile(s.disk, streamDir+"/g", []byte("OK")) // the directory may be gone
				if i == 0 {
					close(ready)
				}
			}
		}()
		<-ready
		err := s.Delete()
		<-done
		s.must(err)
		if infos, err := s.disk.ReadDir(streamDir); err == nil {
			for _, info := range infos {
				if info.Name != "g" && info.Name != "g"+vfs.TempSuffix {
					t.Errorf("%s is left", info.Name)
				}
			}
		}
		again, err := s.node.CreateStream(streamID+10, s.options)
		s.must(err)
		if state := again.State(); state != (store.State{}) {
			t.Fatalf("%+v", state)
		}
	})
}

// TestListenerHearsWhatLimitsRemove: the subject that a listener is given is right, and
// stays so while it reads.
//
// Go: TestFileStoreRemoveMsgViaLimitsCallbackAliasedSubj server/filestore_test.go:15042
func TestListenerHearsWhatLimitsRemove(t *testing.T) {
	var s *site
	heard := ""
	s = newSite(t, plain, store.Options{
		Limits: store.Limits{MaxMessages: 20},
		OnRemove: func(r store.Removal) {
			s.must(s.Each(nil, 0, func(*store.Message) bool { return true })) // over all that is in the cache
			heard += fmt.Sprintf("%d %s ", r.Sequence, r.Subject)
		},
	})
	s.payload = make([]byte, 600)
	s.fillNumbered("foo.bar", 1, 20)
	s.checkpoint()
	s.fillNumbered("foo.bar", 21, 23)
	if heard != "1 foo.bar.1 2 foo.bar.2 3 foo.bar.3 " {
		t.Fatalf("heard %s", heard)
	}
}
