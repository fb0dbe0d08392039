package block_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

// restarts are the ways to begin anew.
var restarts = map[string]func(s *site){"crash": (*site).crash, "stop": (*site).stop, "pause": (*site).pause}

// TestAgeAfterRestart: what has become too old while the stream was away goes at the first
// tick, and not before; what has not stays. Holes at the ends do not matter.
//
// Go: TestFileStoreAgeLimitRecovery server/filestore_test.go:1254
// Go: TestFileStoreExpireMsgsOnStart server/filestore_test.go:3290
// Go: TestFileStoreExpireOnRecoverSubjectAccounting server/filestore_test.go:4682
// Go: TestFileStoreFSSCloseAndKeepOnExpireOnRecoverBug server/filestore_test.go:4658
// Go: TestFileStoreBadFirstAndFailedExpireAfterRestart server/filestore_test.go:4895
func TestAgeAfterRestart(t *testing.T) {
	age := int64(maxAge)
	for name, c := range map[string]struct {
		old, young            int // messages of before and after a pause of half the age
		remove                []uint64
		messages, first, last uint64
	}{
		"all":                    {500, 0, nil, 0, 501, 500},
		"half":                   {10, 10, nil, 10, 11, 20},
		"less than half":         {5, 15, nil, 15, 6, 20},
		"holes at a chunk's end": {150, 100, run(141, 150), 100, 151, 250},
		"holes among the old":    {10, 10, []uint64{2, 4, 6}, 10, 11, 20},
		"no young ones left":     {7, 3, []uint64{8, 9, 10}, 0, 11, 10},
		"first young one gone":   {7, 2, []uint64{8}, 1, 9, 9},
	} {
		t.Run(name, func(t *testing.T) {
			inVariants(t, func(t *testing.T, v variant) {
				for way, restart := range restarts {
					s := limited(t, v, store.Limits{MaxAge: maxAge})
					orders := func(n int) {
						for i := 1; i <= n; i++ {
							s.put(fmt.Sprintf("orders.%d", i%10))
						}
					}
					orders(c.old)
					edge := s.now
					s.now += age / 2
					orders(c.young)
					newest := s.State().LastTime
					s.remove(c.remove...)
					before := s.picture()
					restart(s)
					if s.picture() != before {
						t.Fatalf("after a %s the stream is another", way)
					}
					s.tick(edge + age)
					s.expect(c.messages, c.first, c.last)
					if name == "half" {
						s.expectMatching("orders.5", 0, 1, 15, 15)
					}
					s.expectMatching("orders.*", 0, c.messages, firstOf(c.messages, c.first), lastOf(c.messages, c.last))
					if state := s.State(); c.messages == 0 && (state.Subjects != 0 || state.Bytes != 0) || c.messages > 0 && state.FirstTime <= edge {
						t.Fatalf("%+v", state)
					}
					s.survives()
					// The rest goes in its time.
					s.tick(s.now + age)
					s.expect(0, c.last+1, c.last)
					if last := s.State().LastTime; last != newest {
						t.Fatalf("last time %d, expected %d", last, newest)
					}
					s.survives()
				}
			})
		})
	}
	t.Run("compaction counts the same", func(t *testing.T) {
		s := newSite(t, plain, store.Options{})
		for i := 1; i <= 100; i++ {
			s.put(fmt.Sprintf("orders.%d", i%10))
		}
		s.stop()
		s.expectMatching("orders.5", 1, 10, 5, 95)
		s.compact(51, 50)
		s.expectMatching("orders.*", 1, 50, 51, 100)
		s.expectMatching("orders.5", 1, 5, 55, 95)
		s.survives()
	})
}

// firstOf and lastOf are what the summary of a filter has: 0 if there are no messages.
func firstOf(n, seq uint64) uint64 {
	if n == 0 {
		return 0
	}
	return seq
}

func lastOf(n, seq uint64) uint64 { return firstOf(n, seq) }

// TestSubjectsOfExpired counts the subjects after a whole chunk has become too old.
func TestSubjectsOfExpired(t *testing.T) {
	s := limited(t, plain, store.Limits{MaxAge: maxAge})
	s.put("A", "B")
	edge := s.now
	s.now += second
	s.put("C")
	s.stop()
	s.tick(edge + int64(maxAge))
	if n := s.State().Subjects; n != 1 {
		t.Fatalf("%d subjects", n)
	}
	s.survives()
}

// TestLastTimeAndSequenceStay: a stream without messages remembers the time and the
// sequence of the last, however that went.
//
// Go: TestFileStoreRememberLastMsgTime server/filestore_test.go:3871
// Go: TestFileStoreShortIndexWriteBug server/filestore_test.go:4176
func TestLastTimeAndSequenceStay(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := limited(t, v, store.Limits{MaxAge: maxAge})
		s.payload = make([]byte, 20<<10)
		expect := func(last uint64) {
			t.Helper()
			s.survives()
			if state := s.State(); state.LastTime != s.now || state.LastSequence != last || state.Messages != 0 {
				t.Fatalf("%+v, expected last %d at %d", state, last, s.now)
			}
		}
		s.remove(s.put("foo"))
		expect(1)
		s.put("foo")
		s.expectLoad(2, nil)
		s.purge(store.Purge{}, 1)
		expect(2)
		s.put("foo", "foo")
		s.tick(s.now + int64(maxAge))
		expect(4)
		s.put("foo", "foo")
		s.remove(6, 5)
		expect(6)
		if seq := s.put("foo"); seq != 7 {
			t.Fatalf("sequence %d", seq)
		}
	})
}

// TestWritingAfterAllExpired: what comes after everything has expired can be read.
//
// Go: TestFileStoreEncryptedKeepIndexNeedBekResetBug server/filestore_test.go:4245
func TestWritingAfterAllExpired(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := limited(t, v, store.Limits{MaxAge: maxAge})
		s.fill(5, "foo")
		s.checkpoint()
		s.tick(s.now + int64(maxAge))
		s.checkpoint()
		s.now += int64(maxAge)
		s.payload = []byte("ouch")
		s.fill(5, "foo")
		s.checkpoint()
		if m := s.expectLoad(10, nil); string(m.Payload) != "ouch" {
			t.Fatalf("%+v", m)
		}
		s.survives()
	})
}

// TestLifeTimesAfterRestart: messages go when their life time ends, also if that, or the
// end before, was while the stream was away, and whether their chunk was written or not.
//
// Go: TestFileStoreMessageTTLRestart server/filestore_test.go:9320
// Go: TestFileStoreMessageTTLRecovered server/filestore_test.go:9366
// Go: TestFileStoreMessageTTLRecoveredSingleMessageWithoutStreamState server/filestore_test.go:9439
func TestLifeTimesAfterRestart(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		for _, c := range []struct {
			ttls                  []int64
			messages, first, last uint64
		}{
			{[]int64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 0, 11, 10},
			{[]int64{0, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 1, 1, 10},
			{[]int64{1}, 0, 2, 1},
			{[]int64{1, 100, store.NeverExpires, 1}, 2, 2, 4},
		} {
			for way, restart := range restarts {
				s := limited(t, v, store.Limits{MessageTTL: true})
				s.lasting("test", c.ttls...)
				restart(s)
				n := uint64(len(c.ttls))
				s.expect(n, 1, n)
				if next := s.NextExpiry(); next > begin+int64(n)*1e6+second {
					t.Fatalf("next expiry after a %s is at %d", way, next-begin)
				}
				s.tick(begin + second/2)
				s.expect(n, 1, n)
				s.tick(s.now + second)
				s.expect(c.messages, c.first, c.last)
				s.survives()
				s.tick(s.now + second)
				s.expect(c.messages, c.first, c.last)
			}
		}
	})
}

// TestExpiredStaysAway: a message whose life time has ended does not come back.
//
// Go: TestFileStoreMessageTTLWriteTombstone server/filestore_test.go:9494
func TestExpiredStaysAway(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		for _, written := range []bool{false, true} {
			s := limited(t, v, store.Limits{MessageTTL: true})
			s.lasting("test", 1, 0)
			if written {
				s.rest()
			}
			if next := s.NextExpiry(); next > begin+1e6+second {
				t.Fatalf("next expiry at %d", next)
			}
			s.tick(s.now + second)
			s.expect(1, 2, 2)
			s.survives()
			s.expect(1, 2, 2)
			if next := s.NextExpiry(); next != math.MaxInt64 {
				t.Fatalf("next expiry at %d", next)
			}
		}
	})
}

// TestNothingExpiresInRecovery: no clock is asked while a stream is loaded; the owner's
// first tick with a judge is asked about each message, the markers among them.
func TestNothingExpiresInRecovery(t *testing.T) {
	s := limited(t, plain, store.Limits{MaxAge: maxAge, MessageTTL: true})
	s.put("a", "a", "b")
	m := s.message("marked")
	m.Marker, m.TTL = true, 1
	s.must(s.Append(m, store.Checked))
	for _, restart := range restarts {
		restart(s)
		s.expect(4, 1, 4)
		var alone, markers int
		_, err := s.Tick(s.now+int64(maxAge), func(d store.Due) store.Verdict {
			if d.Alone {
				alone++
			}
			if d.Marker {
				markers++
			}
			return store.Hold
		})
		if err != nil || alone != 2 || markers != 1 {
			t.Fatalf("%d alone, %d markers, %v", alone, markers, err)
		}
	}
}
