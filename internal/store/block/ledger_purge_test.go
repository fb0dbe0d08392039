package block_test

import (
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

// TestPurgeFreesSpace: after a purge the position stays and the files go.
//
// Go: TestFileStorePurge server/filestore_test.go:710
// Go: TestFileStoreCacheLookupOnEmptyBlock server/filestore_test.go:11772
func TestPurgeFreesSpace(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		s.payload = noise(8 << 10)
		for round := uint64(1); round <= 2; round++ {
			for range 16 {
				s.fill(16, "foo")
				s.checkpoint()
			}
			if state := s.State(); state.Messages != 256 || state.Bytes != 256*store.FileSize(3, 0, 8<<10) {
				t.Fatalf("%+v", state)
			}
			if s.used() < 2<<20 {
				t.Fatalf("%d bytes on the disk", s.used())
			}
			s.purge(store.Purge{}, 256)
			s.expect(0, 256*round+1, 256*round)
			if state := s.State(); state.Bytes != 0 || state.Subjects != 0 {
				t.Fatalf("%+v", state)
			}
			s.expectLoad(256*round, store.ErrNotFound)
			s.survives()
			s.expect(0, 256*round+1, 256*round)
			if s.used() > 64<<10 {
				t.Fatalf("%d bytes on the disk after a purge", s.used())
			}
		}
	})
}

// noise is bytes that cannot be compressed.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}

// TestPowerCutInPurge cuts the power in every operation of a purge and the checkpoint
// after it. The stream then is as before or as after, and no file is left over.
//
// Go: TestFileStoreEncryptedPurgeRecoveryAfterKeyRename server/filestore_test.go:823
// Go: TestFileStoreRemoveMsgBlockLast server/filestore_test.go:10303
func TestPowerCutInPurge(t *testing.T) {
	for name, remove := range map[string]func(s *site){
		"purge":                      func(s *site) { s.purge(store.Purge{}, 40) },
		"removal of all":             func(s *site) { s.removeRun(1, 40) },
		"erasure of the last":        func(s *site) { s.erase(40) },
		"removal of the newest half": func(s *site) { s.removeRun(21, 40) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range []variant{plain, {cipher: aes(1)}, {cipher: chacha(1)}} {
				cut := true
				for at := 0; cut; at++ {
					s := newSite(t, v, store.Options{})
					s.fill(40, "foo")
					s.rest()
					before := s.picture()
					s.disk.CutAt(s.disk.Operations() + at)
					remove(s)
					after := s.picture()
					committed := s.tryCommit() == nil
					_ = s.Checkpoint()
					cut = s.disk.IsCut()
					s.lights()
					s.loadWhole()
					switch found := s.picture(); {
					case found != after && (committed || found != before):
						t.Fatalf("cut at %d (committed: %v): found\n%s", at, committed, found)
					case found == after && s.State().Messages == 0:
						s.checkpoint()
						if s.used() > 0 {
							t.Fatalf("cut at %d: files %v are left", at, s.chunkFiles())
						}
					}
				}
			}
		})
	}
}

// TestEraseLeavesNothing: after the checkpoint that follows an erasure, what was erased
// is nowhere in the stream's files, and its neighbours are as they were; nor does any
// removal come back.
//
// Go: TestFileStoreEraseAndNoIndexRecovery server/filestore_test.go:1439
// Go: TestFileStoreAtomicEraseMsg server/filestore_test.go:10988
// Go: TestFileStoreEraseMsgDoesNotLoseTombstones server/filestore_test.go:11799
// Go: TestFileStoreEraseMsgWithDbitSlots server/filestore_test.go:7163
// Go: TestFileStoreEraseMsgWithAllTrailingDbitSlots server/filestore_test.go:7191
// Go: TestFileStoreStreamDeleteCacheBug server/filestore_test.go:3210
// Go: TestJetStreamFileStoreSubjectsRemovedAfterSecureErase server/filestore_test.go:12742
func TestEraseLeavesNothing(t *testing.T) {
	secret := []byte("the secret that is to vanish without a trace")
	inVariants(t, func(t *testing.T, v variant) {
		open := v == plain // with compression or encryption nobody could see it in the files
		for _, lone := range []bool{false, true} {
			s := newSite(t, v, store.Options{})
			s.put("foo", "foo")
			if lone {
				s.payload = make([]byte, 600) // the next comes into another chunk
				s.put("foo")
				s.remove(3)
			}
			s.payload = secret
			third := s.put("foo")
			s.payload = []byte("payload")
			s.remove(2)
			if !lone {
				s.put("foo")
			}
			s.checkpoint()
			if open && !s.contains(secret) {
				t.Fatal("the message is not on the disk")
			}
			s.erase(third)
			if ok, err := s.Erase(third); ok || err != nil {
				t.Fatalf("erased twice: %v %v", ok, err)
			}
			s.checkpoint()
			if open && s.contains(secret) {
				t.Fatal("the erased message is on the disk")
			}
			s.expectLoad(2, store.ErrNotFound)
			s.expectLoad(third, store.ErrNotFound)
			s.survives()
			s.expectLoad(1, nil)
			s.expectLoad(2, store.ErrNotFound)
			s.expectLoad(third, store.ErrNotFound)
		}

		s := newSite(t, v, store.Options{})
		s.fill(100, "foo")
		s.stop()
		for seq := uint64(2); seq <= 100; seq += 2 {
			s.erase(seq)
		}
		s.expect(50, 1, 100)
		s.survives()
		for seq := uint64(2); seq <= 100; seq += 2 {
			s.expectLoad(seq, store.ErrNotFound)
		}

		for _, behind := range []bool{false, true} {
			s := newSite(t, v, store.Options{})
			s.put("foo", "foo")
			s.skip(0, 10)
			if behind {
				s.put("foo")
			}
			s.checkpoint()
			s.erase(2)
			s.survives()
		}

		s = newSite(t, v, store.Options{})
		s.put("test.1", "test.2", "test.3")
		s.checkpoint()
		s.erase(1)
		if n := s.State().Subjects; n != 2 {
			t.Fatalf("%d subjects", n)
		}
		for subject, expected := range map[string]uint64{"test.1": 0, "test.2": 1, "test.3": 1} {
			totals, err := store.Totals(s.Stream, filter(t, subject), 0)
			if err != nil || totals[subject] != expected {
				t.Fatalf("%s: %v %v", subject, totals, err)
			}
		}
	})
}

// TestPurgeOfSubjectSurvives: messages of a subject go, up to a sequence or but for the
// newest, over many chunks.
//
// Go: TestFileStorePurgeExWithSubject server/filestore_test.go:4032
// Go: TestFileStorePurgeExNoTombsOnBlockRemoval server/filestore_test.go:4112
// Go: TestFileStorePurgeExKeepOneBug server/filestore_test.go:3662
// Go: TestFileStoreWriteFullStateAfterPurgeEx server/filestore_test.go:7354
// Go: TestFileStoreKeepWithDeletedMsgsBug server/filestore_test.go:5514
// Go: TestFileStoreFullStatePurge server/filestore_test.go:5890
// Go: TestFileStoreFullStatePurgeFullRecovery server/filestore_test.go:5894
func TestPurgeOfSubjectSurvives(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		of := func(pattern string) *store.Filter { return filter(t, pattern) }

		s := newSite(t, v, store.Options{})
		s.put("foo.0")
		s.fill(200, "foo.1")
		s.put("foo.2")
		s.rest()
		s.purge(store.Purge{Filter: of("foo.1")}, 200)
		s.expect(2, 1, 202)
		s.survives()

		s = newSite(t, v, store.Options{})
		s.fill(100, "foo.1")
		s.put("foo.2")
		s.rest()
		s.purge(store.Purge{Filter: of("foo.1")}, 100)
		s.expect(1, 101, 101)
		s.survives()

		s = chunkedSite(t, v, store.Options{}, 100)
		s.put("A", "B", "A", "B")
		s.expectMatching("A", 1, 2, 1, 3)
		s.purge(store.Purge{Filter: of("A"), Keep: 1}, 1)
		s.survives()
		s.expectMatching("A", 1, 1, 3, 3)

		s = newSite(t, v, store.Options{})
		s.fillNumbered("foo", 1, 10)
		s.remove(8, 9, 10)
		s.purge(store.Purge{Below: 8}, 7)
		s.expect(0, 11, 10)
		s.survives()

		s = chunkedSite(t, v, store.Options{}, 100)
		s.fill(10, "A")
		s.purge(store.Purge{}, 10)
		s.survives()
		for range 5 {
			s.put("B", "C")
		}
		s.purge(store.Purge{Filter: of("B")}, 5)
		s.survives()
		s.purge(store.Purge{Keep: 2}, 3)
		s.expect(2, 18, 20)
		s.survives()
		s.purge(store.Purge{}, 2)
		s.expect(0, 21, 20)
		s.survives()
	})
}
