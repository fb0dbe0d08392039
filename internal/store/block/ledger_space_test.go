package block_test

import (
	"bytes"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// settled makes checkpoints until three in turn change no file, and returns how many did
// before.
func (s *site) settled() (changes int) {
	s.t.Helper()
	for still := 0; still < 3; {
		before := s.used()
		s.checkpoint()
		if s.used() == before {
			still++
			continue
		}
		still = 0
		if changes++; changes > 30 {
			s.t.Fatalf("files of %d bytes still change", s.used())
		}
	}
	return changes
}

// TestSpaceComesBack removes most of what is in the files, in various ways: the space
// comes back with the checkpoints, the messages that stay are as they were, and then there
// is nothing more to do.
//
// Go: TestFileStoreSparseCompaction server/filestore_test.go:3498
// Go: TestFileStoreSparseCompactionWithInteriorDeletes server/filestore_test.go:3614
// Go: TestFileStoreMsgBlockCompactionAndHoles server/filestore_test.go:6321
// Go: TestFileStoreCompactingBlocksOnSync server/filestore_test.go:6496
// Go: TestFileStoreMsgBlockShouldCompact server/filestore_test.go:8017
// Go: TestFileStoreSyncCompressOnlyIfDirty server/filestore_test.go:8184
// Go: TestFileStoreDontSpamCompactWhenMostlyTombstones server/filestore_test.go:9611
func TestSpaceComesBack(t *testing.T) {
	for name, remove := range map[string]func(s *site){
		"the front":          func(s *site) { s.compact(1901, 1900) },
		"the front, singly":  func(s *site) { s.removeRun(1, 1900) },
		"the end":            func(s *site) { s.removeRun(101, 2000) },
		"all but every 20th": func(s *site) { s.keepEvery(20) },
		"all but the ends":   func(s *site) { s.removeRun(2, 1999) },
		"erased":             func(s *site) { s.eraseRun(2, 1999) },
		"of a subject":       func(s *site) { s.purge(store.Purge{Filter: filter(s.t, "kv.*"), Keep: 100}, 1900) },
		"replaced": func(s *site) {
			s.limit(store.Limits{MaxPerSubject: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inVariants(t, func(t *testing.T, v variant) {
				s := newSite(t, v, store.Options{})
				for i := range 2000 {
					s.payload = noise(300 + i%7)
					s.put(fmt.Sprintf("kv.%d", i%10))
					if i%100 == 99 {
						s.checkpoint()
					}
				}
				full := s.used()
				remove(s)
				before := s.picture()
				s.settled()
				if s.picture() != before {
					t.Fatal("checkpoints have changed the stream")
				}
				if now := s.used(); now > full/4 {
					t.Fatalf("%d of %d bytes are left for %d of 2000 messages", now, full, s.State().Messages)
				}
				if n := s.settled(); n != 0 {
					t.Fatalf("%d more checkpoints had something to do", n)
				}
				s.survives()
				// The last one goes, and with it all that was known of holes.
				s.purge(store.Purge{}, s.State().Messages)
				s.settled()
				if n := s.used(); n > 0 {
					t.Fatalf("%d bytes are left of an empty stream", n)
				}
			})
		})
	}
}

// TestHolesAfterSpaceComesBack: where chunks were written anew without what was removed,
// the holes are still known, and more can be removed.
//
// Go: TestFileStoreRebuildStateDmapAccountingBug server/filestore_test.go:3980
// Go: TestFileStoreMissingDeletesAfterCompact server/filestore_test.go:12395
// Go: TestFileStoreCompactRestoresLastSeq server/filestore_test.go:13124
func TestHolesAfterSpaceComesBack(t *testing.T) {
	for name, c := range map[string]struct {
		messages       int
		remove, then   []uint64
		deleted, after []uint64
	}{
		"first, last and between": {6, []uint64{1, 3, 4, 6}, []uint64{5}, []uint64{3, 4, 6}, []uint64{3, 4, 5, 6}},
		"many, then the first":    {100, run(2, 40), []uint64{1}, run(2, 40), nil},
		"the ends":                {4, []uint64{1, 4}, nil, []uint64{4}, []uint64{4}},
	} {
		t.Run(name, func(t *testing.T) {
			inVariants(t, func(t *testing.T, v variant) {
				s := chunkedSite(t, v, store.Options{}, 4000)
				s.fill(c.messages, "foo")
				s.checkpoint()
				s.remove(c.remove...)
				s.expectDeleted(c.deleted...)
				s.settled()
				s.survives()
				s.expectDeleted(c.deleted...)
				s.remove(c.then...)
				s.settled()
				s.survives()
				s.expectDeleted(c.after...)
			})
		})
	}
}

// TestFilesStayBounded: however high the sequences and however many removals, no file
// outgrows its size, and the manifest does not grow with what was removed.
//
// Go: TestFileStoreRestoreDeleteTombstonesExceedingMaxBlkSize server/filestore_test.go:8427
func TestFilesStayBounded(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		const first = 1_000_000_000
		s.purge(store.Purge{Below: first}, 0)
		s.expect(0, first, first-1)
		for i := range 2000 {
			s.put(fmt.Sprintf("foo.%d", i))
			if i%200 == 0 {
				s.checkpoint()
			}
		}
		for seq := uint64(first + 1); seq <= first+1000; seq++ {
			s.remove(seq)
			if seq%10 == 0 {
				s.checkpoint()
			}
		}
		s.survives()
		s.remove(first)
		s.settled()
		s.expect(999, first+1001, first+1999)
		for _, name := range s.chunkFiles() {
			info, err := s.disk.Stat(name)
			s.must(err)
			if info.Size > 64<<10+1000 {
				t.Errorf("%s has %d bytes", name, info.Size)
			}
		}
		info, err := s.disk.Stat(streamDir + "/manifest")
		s.must(err)
		if info.Size > 128<<10 {
			t.Errorf("the manifest has %d bytes", info.Size)
		}
		s.survives()
	})
}

// keepEvery leaves the nth messages.
func (s *site) keepEvery(n uint64) {
	s.t.Helper()
	for seq := uint64(1); seq <= s.State().LastSequence; seq++ {
		if seq%n != 0 {
			s.remove(seq)
		}
	}
}

func (s *site) eraseRun(first, last uint64) {
	s.t.Helper()
	for seq := first; seq <= last; seq++ {
		s.erase(seq)
	}
}

// TestHeadSpaceComesBack: where most of the oldest messages went at once, as in a log that
// is compacted, their space comes back, those that stay can be read, and writing goes on.
//
// Go: TestFileStoreCompactReclaimHeadSpace server/filestore_test.go:3763
// Go: TestFileStoreCompactHeadReclaimRecompressedBlock server/filestore_test.go:13220
// Go: TestFileStoreCompactRewritesFileWithSwap server/filestore_test.go:12851
// Go: TestFileStoreRecoverAfterCompact server/filestore_test.go:10082
func TestHeadSpaceComesBack(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		for _, size := range []int{1 << 10, 16 << 10} {
			s := newSite(t, v, store.Options{})
			bodies := make([][]byte, 101)
			for i := 1; i <= 100; i++ {
				bodies[i] = noise(size + i)
				s.payload = bodies[i]
				s.put("z")
				if i%10 == 0 {
					s.checkpoint()
				}
			}
			full := s.used()
			check := func(first int) {
				t.Helper()
				s.expect(uint64(101-first), uint64(first), 100)
				bytesExpected := uint64(0)
				for i := first; i <= 100; i++ {
					if m := s.expectLoad(uint64(i), nil); !bytes.Equal(m.Payload, bodies[i]) {
						t.Fatalf("message %d is not as it was", i)
					}
					bytesExpected += store.FileSize(1, 0, size+i)
				}
				if b := s.State().Bytes; b != bytesExpected {
					t.Fatalf("%d bytes, expected %d", b, bytesExpected)
				}
			}
			for _, first := range []int{33, 85, 96} {
				if _, err := s.Compact(uint64(first)); err != nil {
					t.Fatal(err)
				}
				check(first)
				s.settled()
				check(first)
				s.survives()
			}
			if now := s.used(); now > full/8 {
				t.Fatalf("%d of %d bytes are left", now, full)
			}
			check(96)
			s.payload = []byte("more")
			s.put("z")
			s.survives()
		}
	})
}

// TestPowerCutWhileSpaceComesBack cuts the power in every operation of a checkpoint that
// moves messages together and deletes files: nothing is lost, for what was moved is synced
// before its old place goes.
//
// Go: TestFileStoreInlineCompactionSync server/filestore_test.go:8053
// Go: TestFileStoreSyncBlocksSyncsCompaction server/filestore_test.go:8260
func TestPowerCutWhileSpaceComesBack(t *testing.T) {
	for _, v := range []variant{plain, {compression: 1, cipher: aes(1)}} {
		s := newSite(t, v, store.Options{})
		for i := range 600 {
			s.payload = noise(300 + i%7)
			s.put("kv")
			if i%100 == 99 {
				s.checkpoint()
			}
		}
		s.keepEvery(10)
		s.commit()
		before := s.picture()
		s.must(s.node.Close())
		whole := s.disk
		for at, cut := 0, true; cut; at++ {
			s.disk = whole.Clone(uint64(at))
			s.loadWhole()
			s.disk.CutAt(s.disk.Operations() + at)
			for range 3 {
				_ = s.Checkpoint()
			}
			cut = s.disk.IsCut()
			s.lights()
			s.loadWhole()
			if after := s.picture(); after != before {
				t.Fatalf("cut at %d: the stream is\n%s", at, after)
			}
			_ = s.node.Close()
		}
	}
}

// TestDurableWhenTold: what a commit was reported for survives a power cut at once, also
// if there never was a checkpoint; a journal that syncs later keeps what was synced.
//
// Go: TestFileStoreSyncBlocksFlushesAndSyncsMessages server/filestore_test.go:12680
// Go: TestFileStoreSyncIntervals server/filestore_test.go:5660
func TestDurableWhenTold(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		for i := uint64(1); i <= 10; i++ {
			syncs := s.disk.Count(faulty.Sync)
			s.put("foo")
			s.commit()
			if s.disk.Count(faulty.Sync) == syncs {
				t.Fatal("a commit without a sync")
			}
			s.lights()
			s.loadWhole()
			s.expect(i, 1, i)
		}

		// With time to sync, what is written counts, until somebody asks for more.
		s = newSite(t, v, store.Options{})
		s.must(s.node.Close())
		s.nodeIs.Journal.Interval = 1 << 40 // not in this test
		s.loadWhole()
		s.put("foo")
		s.disk.Fail(func(o faulty.Operation) error {
			if o.Kind == faulty.Sync && strings.HasSuffix(o.Name, ".seg") {
				return syscall.EIO
			}
			return nil
		})
		s.commit()
		s.disk.Fail(nil)
		s.must(s.node.Journal().Sync())
		s.lights()
		s.loadWhole()
		s.expect(1, 1, 1)

		// The time comes without being asked for.
		_ = s.node.Close()
		s.nodeIs.Journal.Interval = time.Millisecond
		s.loadWhole()
		syncs := s.disk.Count(faulty.Sync)
		s.put("foo")
		s.commit()
		waitFor(t, "a sync", func() bool { return s.disk.Count(faulty.Sync) > syncs })
	})
}
