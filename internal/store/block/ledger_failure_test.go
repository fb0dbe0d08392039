package block_test

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// failing makes operations on some files fail.
func (s *site) failing(part string, failure error, kinds ...faulty.Kind) {
	s.disk.Fail(func(o faulty.Operation) error {
		for _, kind := range kinds {
			if o.Kind == kind && strings.Contains(o.Name, part) {
				return failure
			}
		}
		return nil
	})
}

// failingOnce makes one write of the journal fail.
func (s *site) failingOnce(failure error) {
	failed := false
	s.disk.Fail(func(o faulty.Operation) error {
		if failed || o.Kind != faulty.Write || !strings.HasSuffix(o.Name, ".seg") {
			return nil
		}
		failed = true
		return failure
	})
}

// reload loads a stream again whose commit has failed.
func (s *site) reload() {
	s.t.Helper()
	again, err := s.Reload(s.options)
	s.must(err)
	s.Stream = again
}

// TestFailedWriteChangesNothing: what could not be written is not there, for the stream
// that is loaded again and after a restart; then writing goes on.
//
// Go: TestFileStoreOutOfSpaceRebuildState server/filestore_test.go:4781
func TestFailedWriteChangesNothing(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		s.put("foo", "bar")
		s.commit()
		before := s.picture()
		s.failingOnce(syscall.EIO)
		s.put("baz")
		if err := s.tryCommit(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("commit: %v", err)
		}
		s.disk.Fail(nil)
		s.reload()
		if after := s.picture(); after != before {
			t.Fatalf("the stream is\n%s", after)
		}
		s.put("baz")
		s.survives()
		s.expect(3, 1, 3)
	})
}

// TestFullDiskKeepsWhatIsThere: a stream whose disk is full refuses what does not fit, can
// be read, is the same after a restart, and goes on when there is room.
func TestFullDiskKeepsWhatIsThere(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		s.payload = noise(4 << 10)
		s.put("foo")
		s.checkpoint()
		s.disk.SetCapacity(s.disk.Used() + 1<<20)
		var failure error
		stored := uint64(1)
		for ; failure == nil && stored < 1000; stored++ {
			s.put("foo")
			failure = s.tryCommit()
			if stored%8 == 0 {
				_ = s.Checkpoint() // may fail as well; the journal has it
			}
		}
		if !errors.Is(failure, syscall.ENOSPC) {
			t.Fatalf("commit: %v", failure)
		}
		stored--
		s.reload()
		s.expect(stored, 1, stored)
		s.expectLoad(1, nil)
		s.expectLoad(stored, nil)
		s.expectLoad(stored+1, store.ErrEOF)
		before := s.picture()
		s.lights()
		s.disk.SetCapacity(-1)
		s.loadWhole()
		if s.picture() != before {
			t.Fatalf("after a restart the stream is\n%s", s.picture())
		}
		s.put("foo")
		s.survives()
		s.expect(stored+1, 1, stored+1)
	})
}

// TestReadOnlyDisk: where files may not be written, commits and checkpoints say so, as
// permission errors.
//
// Go: TestFileStoreStoreRawMessageThrowsPermissionErrorIfFSModeReadOnly server/filestore_test.go:9727
// Go: TestFileStoreWriteFullStateThrowsPermissionErrorIfFSModeReadOnly server/filestore_test.go:9754
func TestReadOnlyDisk(t *testing.T) {
	s := newSite(t, plain, store.Options{})
	s.put("ev.1")
	s.commit()
	for _, kinds := range [][]faulty.Kind{{faulty.Create}, {faulty.Write}, {faulty.Create, faulty.Write, faulty.Sync, faulty.Rename}} {
		s.put("ev.1")
		s.failing("streams", syscall.EACCES, kinds...)
		if err := s.Rest(); !errors.Is(err, fs.ErrPermission) {
			t.Fatalf("checkpoint: %v", err)
		}
		s.disk.Fail(nil)
		s.rest()
	}
	s.failing("journal", syscall.EACCES, faulty.Create, faulty.Write)
	s.put("ev.1")
	if err := s.tryCommit(); !errors.Is(err, fs.ErrPermission) {
		t.Fatalf("commit: %v", err)
	}
	s.disk.Fail(nil)
	_ = s.node.Close() // its journal has failed for good
	s.loadWhole()
	s.survives()
	s.expect(4, 1, 4)
}

// TestReadErrorsPass: a read that fails is told to who wanted to read, and to nobody else;
// the next one may succeed. A write that fails stays failed until the stream is loaded
// again.
//
// Go: TestFileStoreSetWriteErrIgnoresReadErrors server/filestore_test.go:14778
// Go: TestFileStoreMsgBlockWErrNotSetOnReadErrors server/filestore_test.go:14815
// Go: TestFileStoreGeneratePerSubjectInfoFssNilOnError server/filestore_test.go:14877
func TestReadErrorsPass(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := cold(t, v, func(s *site) { s.fill(100, "foo") })
		s.failing("streams", syscall.EIO, faulty.Read)
		var m store.Message
		if err := s.Load(1, &m); !errors.Is(err, syscall.EIO) {
			t.Fatalf("load: %v", err)
		}
		if _, err := s.Remove(1); !errors.Is(err, syscall.EIO) {
			t.Fatalf("remove: %v", err)
		}
		if _, err := s.Next(nil, 1, &m); !errors.Is(err, syscall.EIO) {
			t.Fatalf("next: %v", err)
		}
		s.put("foo") // behind a chunk that cannot be read
		s.commit()
		s.checkpoint()
		s.disk.Fail(nil)
		s.expectLoad(1, nil)
		s.remove(1)
		s.put("foo")
		s.commit()
		s.expectMatching("foo", 0, 101, 2, 102)

		s.failingOnce(syscall.EIO)
		s.put("foo")
		if err := s.tryCommit(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("commit: %v", err)
		}
		s.disk.Fail(nil)
		s.put("foo")
		if err := s.tryCommit(); err == nil {
			t.Fatal("a commit after a failed one succeeds")
		}
		s.reload()
		s.put("foo")
		s.survives()
		s.expect(102, 2, 103)
	})
}

// TestFailedErasure: where the checkpoint after an erasure fails, the message is gone all
// the same, and its bytes go with the next.
//
// Go: TestFileStoreEraseMsgErr server/filestore_test.go:12187
func TestFailedErasure(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		s.put("foo")
		s.payload = []byte("the secret that is to vanish without a trace")
		s.put("foo")
		s.checkpoint()
		s.erase(2)
		for _, kind := range []faulty.Kind{faulty.Write, faulty.Sync, faulty.Create} {
			s.failing("streams", syscall.EIO, kind)
			_ = s.Checkpoint()
			s.disk.Fail(nil)
			s.expectLoad(2, store.ErrNotFound)
			s.expectLoad(1, nil)
		}
		s.checkpoint()
		if s.contains(s.payload) {
			t.Fatal("the erased message is in the stream's files")
		}
		s.survives()
	})
}
