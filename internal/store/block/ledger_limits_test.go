package block_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
)

// TestLimitsAfterRestart: a stream at its limit is at its limit after a restart, and goes
// on so.
//
// Go: TestFileStoreMsgLimitBug server/filestore_test.go:519
// Go: TestFileStoreFullStateTestSysRemovals server/filestore_test.go:6135
// Go: TestFileStoreRestoreIndexWithMatchButLeftOverBlocks server/filestore_test.go:8361
func TestLimitsAfterRestart(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := limited(t, v, store.Limits{MaxMessages: 1})
		s.put("foo", "foo")
		s.survives()
		s.put("foo")
		s.expect(1, 3, 3)
		s.survives()

		s = limited(t, v, store.Limits{MaxMessages: 10, MaxPerSubject: 1})
		s.put("A", "B", "A", "B")
		s.expect(2, 3, 4)
		s.survives()
		s.put("C", "D", "E", "F", "G", "H", "I", "J")
		s.expect(10, 3, 12)
		s.survives()
		s.put("ZZZ")
		s.expect(10, 4, 13)
		s.survives()

		// An index of before, and a newest chunk that has not changed since.
		s = chunkedSite(t, v, store.Options{Limits: store.Limits{MaxPerSubject: 1}}, 200)
		s.fillNumbered("foo", 1, 12)
		s.pause()
		s.fillNumbered("foo", 1, 6)
		s.expect(12, 7, 18)
		s.survives()
		s.expect(12, 7, 18)
	})
}

// TestLimitsLoweredWhileAway: limits that are lower at the next start are enforced then.
//
// Go: TestFileStoreRestartWithExpireAndLockingBug server/filestore_test.go:5535
func TestLimitsLoweredWhileAway(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		for name, c := range map[string]struct {
			limits                store.Limits
			messages, first, last uint64
		}{
			"messages":    {store.Limits{MaxMessages: 15}, 15, 6, 20},
			"bytes":       {store.Limits{MaxBytes: 5 * int64(store.FileSize(1, 0, 7))}, 5, 16, 20},
			"per subject": {store.Limits{MaxPerSubject: 2}, 4, 17, 20},
			"both":        {store.Limits{MaxMessages: 15, MaxPerSubject: 2}, 4, 17, 20},
			"new ones":    {store.Limits{MaxMessages: 15, DiscardNew: true}, 20, 1, 20},
		} {
			for way, restart := range map[string]func(s *site){"crash": (*site).crash, "stop": (*site).stop, "pause": (*site).pause} {
				s := newSite(t, v, store.Options{})
				for range 10 {
					s.put("A", "B")
				}
				s.options.Limits = c.limits
				restart(s)
				if state := s.State(); state.Messages != c.messages || state.FirstSequence != c.first || state.LastSequence != c.last {
					t.Fatalf("%s after a %s: %+v", name, way, state)
				}
				s.survives()
			}
		}
	})
}

// TestLimitPerSubject: of each subject the newest messages stay, with room for them alone.
//
// Go: TestFileStoreMaxMsgsPerSubject server/filestore_test.go:4354
// Go: TestFileStoreRebuildStateProperlyWithMaxMsgsPerSubject server/filestore_test.go:4823
// Go: TestFileStoreSelectBlockWithFirstSeqRemovals server/filestore_test.go:6212
func TestLimitPerSubject(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := chunkedSite(t, v, store.Options{Limits: store.Limits{MaxPerSubject: 1}}, 100)
		s.fillNumbered("kv", 1, 100)
		s.fillNumbered("kv", 1, 100)
		s.expect(100, 101, 200)
		s.expectDeleted()
		s.survives()

		s = newSite(t, v, store.Options{Limits: store.Limits{MaxPerSubject: 1}})
		s.put("baz")
		for range 1000 {
			s.put("foo", "bar")
		}
		if state := s.State(); state.Messages != 3 || state.Subjects != 3 || state.FirstSequence != 1 {
			t.Fatalf("%+v", state)
		}
		s.survives()

		// The first message of each chunk goes.
		s = chunkedSite(t, v, store.Options{Limits: store.Limits{MaxPerSubject: 1}}, 60)
		s.fillNumbered("s", 1, 65)
		s.checkpoint()
		for i := 1; i <= 65; i += 2 {
			s.put(fmt.Sprintf("s.%d", i))
		}
		s.checkpoint()
		for seq := uint64(1); seq <= 98; seq++ {
			expected := error(nil)
			if seq <= 65 && seq%2 == 1 {
				expected = store.ErrNotFound
			}
			s.expectLoad(seq, expected)
		}
		s.survives()
	})
}

// TestLimitPerSubjectRefusing: a stream that discards new messages in all and per subject.
//
// Go: TestFileStoreMaxMsgsAndMaxMsgsPerSubject server/filestore_test.go:4387
func TestLimitPerSubjectRefusing(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := limited(t, v, store.Limits{MaxMessages: 100, MaxPerSubject: 1, DiscardNew: true, DiscardNewPerSubject: true})
		s.fillNumbered("kv", 1, 100)
		refused := func(subject string, expected error) {
			t.Helper()
			if err := s.Append(s.message(subject), store.Checked); !errors.Is(err, expected) {
				t.Fatalf("%s: %v, expected %v", subject, err, expected)
			}
		}
		refused("kv.101", store.ErrMaxMessages)
		for i := 1; i <= 100; i++ {
			refused(fmt.Sprintf("kv.%d", i), store.ErrMaxPerSubject)
		}
		s.expect(100, 1, 100)
		s.expectDeleted()
		s.survives()
		refused("kv.101", store.ErrMaxMessages)
		refused("kv.7", store.ErrMaxPerSubject)
	})
}

// TestReplacedMessageAfterRestart: the last message of a subject whose earlier one was in
// the first chunk.
//
// Go: TestFileStoreMaxMsgsPerSubjectOneStaleFblkAfterRestart server/filestore_test.go:8856
// Go: TestFileStoreDmapBlockRecoverAfterCompact server/filestore_test.go:8320
func TestReplacedMessageAfterRestart(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := chunkedSite(t, v, store.Options{Limits: store.Limits{MaxPerSubject: 1}}, 200)
		s.fillNumbered("foo", 0, 9)
		s.checkpoint()
		seq := s.put("foo.0")
		s.survives()
		s.expectMatching("foo.0", 0, 1, seq, seq)
		var m store.Message
		s.must(s.Last(filter(t, "foo.0"), &m))
		if m.Sequence != seq || string(m.Subject) != "foo.0" {
			t.Fatalf("last is %d on %s", m.Sequence, m.Subject)
		}
		s.put("foo.3", "foo.4", "foo.5", "foo.6")
		s.expectDeleted(4, 5, 6, 7)
		s.survives()
	})
}

// TestManyRemovedByLimits: when a lower limit takes whole chunks, numbers and subjects
// follow, and the listener hears of every message and byte.
//
// Go: TestFileStorePurgeMsgBlock server/filestore_test.go:12219
// Go: TestFileStorePurgeMsgBlockUpdatesSubjects server/filestore_test.go:12260
func TestManyRemovedByLimits(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		var heard store.Removal
		s := newSite(t, v, store.Options{OnRemove: func(r store.Removal) {
			heard.Messages += r.Messages
			heard.Bytes += r.Bytes
		}})
		s.fill(20, "foo")
		s.checkpoint()
		size := store.FileSize(3, 0, 7)
		for _, step := range []struct {
			limits store.Limits
			left   uint64
		}{{store.Limits{MaxMessages: 10}, 10}, {store.Limits{MaxBytes: int64(size)}, 1}} {
			before := s.State()
			heard = store.Removal{}
			s.limit(step.limits)
			s.expect(step.left, 21-step.left, 20)
			s.expectMatching("foo", 0, step.left, 21-step.left, 20)
			state := s.State()
			if state.Bytes != step.left*size || heard.Bytes != before.Bytes-state.Bytes || heard.Messages != before.Messages-state.Messages {
				t.Fatalf("%+v, heard %+v", state, heard)
			}
			s.survives()
		}
	})
}

// TestBoundedStreamStaysSmall: a stream of few bytes through which many go has few files.
//
// Go: TestFileStoreStreamFailToRollBug server/filestore_test.go:3237
func TestBoundedStreamStaysSmall(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := limited(t, v, store.Limits{MaxBytes: 300})
		s.payload = bytes.Repeat([]byte("ABC"), 33)
		for range 200 {
			s.put("zzz")
			s.checkpoint()
		}
		s.expect(2, 199, 200)
		if s.used() > 128<<10 {
			t.Fatalf("%d bytes in %v", s.used(), s.chunkFiles())
		}
		s.survives()
	})
}

// TestColdSubjects: what is known of subjects is the same whether their chunks were just
// written or are on the disk only.
//
// Go: TestFileStoreSubjectStateCacheExpiration server/filestore_test.go:4432
// Go: TestFileStoreFSSExpireNumPendingBug server/filestore_test.go:4715
// Go: TestFileStoreFSSMeta server/filestore_test.go:6928
func TestColdSubjects(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := chunkedSite(t, v, store.Options{Limits: store.Limits{MaxPerSubject: 2}}, 60)
		s.fillNumbered("kv.foo", 1, 100)
		s.fillNumbered("kv.bar", 1, 100)
		s.pause()
		n := 0
		s.must(s.Subjects(filter(t, "kv.bar.>"), 0, func([]byte, store.SubjectState) bool { n++; return true }))
		if n != 100 {
			t.Fatalf("%d subjects", n)
		}
		s.expectMatching("kv.bar.99", 0, 1, 199, 199)
		s.put("kv.foo.1")
		s.expect(201, 1, 201)
		s.expectMatching("kv.foo.1", 0, 2, 1, 201)

		s = limited(t, v, store.Limits{MaxPerSubject: 1})
		s.pause()
		s.put("KV.X")
		s.expectMatching("KV.X", 1, 1, 1, 1)

		s = chunkedSite(t, v, store.Options{}, 60)
		s.put("A")
		s.fill(6, "Z")
		s.put("A")
		s.pause()
		s.purge(store.Purge{Filter: filter(t, "A")}, 2)
		s.expectMatching("Z", 0, 6, 2, 7)
		s.survives()
	})
}

const maxAge = 10 * time.Second

// TestAgeLimitWithHoles: messages become too old, also where some between are gone, and
// so do those that come later.
//
// Go: TestFileStoreAgeLimit server/filestore_test.go:617
func TestAgeLimitWithHoles(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := limited(t, v, store.Limits{MaxAge: maxAge})
		s.fill(500, "foo")
		s.checkpoint()
		if n := s.tick(s.now); n != 0 {
			t.Fatalf("%d expired at once", n)
		}
		if n := s.tick(s.now + int64(maxAge)); n != 500 || s.State().Bytes != 0 {
			t.Fatalf("%d expired, %+v", n, s.State())
		}
		s.now += int64(maxAge)
		s.fill(500, "foo")
		s.checkpoint()
		s.remove(502, 602, 702, 802)
		if next := s.NextExpiry(); next != s.State().FirstTime+int64(maxAge) {
			t.Fatalf("next expiry at %d", next)
		}
		if n := s.tick(s.now + int64(maxAge)); n != 496 {
			t.Fatalf("%d expired", n)
		}
		s.expect(0, 1001, 1000)
		s.survives()
	})
}
