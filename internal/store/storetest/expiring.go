package storetest

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
)

// Expiring is how messages go with time.
func Expiring(t *testing.T, open Open) { tell(t, open, expiringStories) }

var expiringStories = []story{
	{"age", expireAge},
	{"age changed", expireAgeChanged},
	{"life time", expireTTL},
	{"life time that never ends", expireNever},
	{"life times switched on and off", expireSwitched},
	{"life times switched, next expiry", expireSwitchedNext},
	{"removed before its time", expireRemoved},
	{"the earlier of age and life time", expireEarlier},
	{"judge is asked of the last of a subject", expireJudge},
	{"held back", expireHeld},
	{"many at once", expireMany},
}

const second = int64(time.Second)

func (s *stage) expectExpiry(expected int64) {
	s.Helper()
	if next := s.NextExpiry(); next != expected {
		s.Fatalf("next expiry at %d, expected %d", next-begin, expected-begin)
	}
}

func expireAge(t *testing.T, open Open) {
	age := 10 * int64(time.Millisecond)
	s := limited(t, open, store.Limits{MaxAge: time.Duration(age)})
	s.expectExpiry(math.MaxInt64)
	for range 2 {
		first := s.now + int64(time.Millisecond)
		s.fill(100, "foo")
		s.expectExpiry(first + age)
		if removed := s.tick(first + age - 1); removed.Messages != 0 {
			t.Fatalf("%d too early", removed.Messages)
		}
		if removed := s.tick(first + age); removed.Messages != 1 || removed.Bytes != s.Size(3, 0, 7) || string(removed.Subject) != "foo" {
			t.Fatalf("at the time of the first: %+v", removed)
		}
		s.expectExpiry(first + age + int64(time.Millisecond))
		if removed := s.tick(s.now + age); removed.Messages != 99 {
			t.Fatalf("at the time of the last: %+v", removed)
		}
		state := s.State()
		if state.Messages != 0 || state.Bytes != 0 || state.FirstSequence != state.LastSequence+1 {
			t.Fatalf("%+v", state)
		}
		s.expectExpiry(math.MaxInt64)
	}
}

func expireAgeChanged(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(10, "foo")
	s.expectExpiry(math.MaxInt64)
	s.limit(store.Limits{MaxAge: time.Hour})
	s.expectExpiry(begin + int64(time.Millisecond) + int64(time.Hour))
	s.tick(s.now + 2*second)
	s.expect(10, 1, 10)
	s.limit(store.Limits{MaxAge: time.Second})
	s.tick(begin + 5*int64(time.Millisecond) + second)
	s.expect(5, 6, 10)
	s.limit(store.Limits{MaxAge: math.MaxInt64})
	s.expectExpiry(math.MaxInt64)
	s.limit(store.Limits{})
	s.tick(math.MaxInt64)
	s.expect(5, 6, 10)
}

// lasting stores messages with life times.
func (s *stage) lasting(subject string, ttls ...int64) {
	s.Helper()
	for _, ttl := range ttls {
		m := s.message(subject)
		m.TTL = ttl
		s.must(s.Append(m, store.Checked))
	}
}

func expireTTL(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MessageTTL: true})
	s.lasting("test", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
	s.expect(10, 1, 10)
	s.tick(s.now + second/2)
	s.expect(10, 1, 10)
	s.tick(s.now + second)
	s.expect(0, 11, 10)

	// The life times of others do not matter, nor does the order.
	s.lasting("test", 7200, 3, 0, 1, math.MaxInt64)
	if next := s.NextExpiry(); next > s.now+second {
		t.Fatalf("next expiry at %d", next-s.now)
	}
	s.tick(s.now + second)
	s.expect(4, 11, 15)
	s.tick(s.now + 3*second)
	s.expectDeleted(12, 14)
	s.tick(s.now + 7200*second)
	s.expect(2, 13, 15)
	s.tick(s.now + 100_000*second)
	s.expect(2, 13, 15)
}

func expireNever(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MaxAge: time.Second, MessageTTL: true})
	s.lasting("test", store.NeverExpires, 0, store.NeverExpires, 0)
	s.tick(s.now + 5*second)
	s.expect(2, 1, 4)
	s.expectDeleted(2, 4)
	s.expectExpiry(math.MaxInt64)
	// Without life times it is a message as others.
	s.limit(store.Limits{MaxAge: time.Second})
	s.tick(s.now + 5*second)
	s.expect(0, 5, 4)
}

func expireSwitched(t *testing.T, open Open) {
	s := plain(t, open)
	expect := func(seq uint64, expected error) {
		t.Helper()
		s.now += 2 * second
		s.tick(s.now)
		if err := s.Load(seq, &store.Message{}); err != expected {
			t.Fatalf("load %d: %v, expected %v", seq, err, expected)
		}
	}
	s.lasting("foo", 1)
	expect(1, nil)
	s.limit(store.Limits{MessageTTL: true})
	s.lasting("foo", 1)
	expect(2, store.ErrNotFound)
	// What was there before has a life time as well.
	expect(1, store.ErrNotFound)
	s.limit(store.Limits{})
	s.lasting("foo", 1)
	expect(3, nil)
}

func expireSwitchedNext(t *testing.T, open Open) {
	s := plain(t, open)
	s.lasting("foo", 1)
	s.expectExpiry(math.MaxInt64)
	s.limit(store.Limits{MessageTTL: true})
	s.expectExpiry(s.now + second)
	s.limit(store.Limits{})
	s.expectExpiry(math.MaxInt64)
}

func expireRemoved(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MessageTTL: true, MaxMessages: 3})
	s.lasting("foo", 1, 1, 1, 1, 1)
	s.remove(4)
	s.tick(s.now + second)
	s.expect(0, 6, 5)
	s.lasting("foo", 1, 1)
	s.truncate(5, 2)
	// The sequences begin again with messages that stay.
	s.lasting("foo", 0, 0)
	s.tick(s.now + 5*second)
	s.expect(2, 6, 7)
}

func expireEarlier(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MessageTTL: true, MaxAge: 5 * time.Second})
	s.lasting("foo", 100, 1, 0)
	s.tick(s.now + second)
	s.expectDeleted(2)
	s.tick(s.now + 5*second)
	s.expect(0, 4, 3)
}

func expireJudge(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MaxAge: time.Second, MessageTTL: true})
	s.put("test", "test", "other", "test")
	marker := s.message("marked")
	marker.Marker = true
	s.must(s.Append(marker, store.Checked))
	var asked []string
	removed, err := s.Tick(s.now+second, func(d store.Due) store.Verdict {
		asked = append(asked, fmt.Sprintf("%d %s %v %v", d.Sequence, d.Subject, d.Alone, d.Marker))
		if d.Alone && !d.Marker {
			return store.Hold
		}
		return store.Expire
	})
	s.must(err)
	expected := []string{"1 test false false", "2 test false false", "3 other true false", "4 test true false", "5 marked true true"}
	if !slices.Equal(asked, expected) {
		t.Fatalf("asked of %q, expected %q", asked, expected)
	}
	if removed.Messages != 3 {
		t.Fatalf("%d removed", removed.Messages)
	}
	s.expect(2, 3, 5)
	// The owner puts a marker in the place of the last message of the subject.
	m := s.message("test")
	m.Marker, m.Rollup, m.TTL = true, true, 1
	s.must(s.Append(m, store.Checked))
	s.purge(store.Purge{Filter: filter(t, "test"), Below: m.Sequence}, 1)
	s.expectSubject("test", 1, 6, 6)
}

func expireHeld(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MaxAge: time.Second, MessageTTL: true})
	s.put("a", "b")
	s.lasting("c", 1)
	due := s.now + second
	asked := 0
	tick := func(now int64, expected int) {
		t.Helper()
		asked = 0
		_, err := s.Tick(now, func(store.Due) store.Verdict { asked++; return store.Hold })
		if s.must(err); asked != expected {
			t.Fatalf("asked %d times, expected %d", asked, expected)
		}
	}
	tick(due, 3)
	s.expectExpiry(due + int64(store.HoldTime))
	tick(due+int64(store.HoldTime)-1, 0)
	s.remove(1)
	tick(due+int64(store.HoldTime), 2)
	// New limits mean a new judgement.
	s.limit(store.Limits{MaxAge: 2 * time.Second, MessageTTL: true})
	tick(due+int64(store.HoldTime)+1, 2)
	s.expect(2, 2, 3)
	s.tick(due + 10*second)
	s.expect(0, 4, 3)

	// Too old and then at the end of its life time as well, it is held back once.
	s.lasting("d", 2)
	due = s.now + 2*second
	s.limit(store.Limits{MaxAge: time.Second, MessageTTL: true})
	tick(due-second/2, 1)
	tick(due+second/2, 0)
	tick(due+3*second/2, 1)
	// A message that comes under the sequence of one that was held back is another.
	s.truncate(3, 1)
	s.now = due
	s.put("e")
	s.expect(1, 4, 4)
	tick(s.now+second, 1)
}

func expireMany(t *testing.T, open Open) {
	const n = store.TickMax + 100
	for name, s := range map[string]*stage{
		"age":       limited(t, open, store.Limits{MaxAge: time.Second}),
		"life time": limited(t, open, store.Limits{MessageTTL: true}),
	} {
		for range n {
			s.must(s.Append(&store.Message{Subject: []byte("a"), Time: begin, TTL: 1}, store.Checked))
		}
		now := begin + second
		if removed := s.tick(now); removed.Messages != store.TickMax {
			t.Errorf("%s: %d at first", name, removed.Messages)
		}
		if next := s.NextExpiry(); next > now {
			t.Errorf("%s: the rest waits until %d", name, next-now)
		}
		if removed := s.tick(now); removed.Messages != n-store.TickMax {
			t.Errorf("%s: %d then", name, removed.Messages)
		}
		s.expectExpiry(math.MaxInt64)
	}
}
