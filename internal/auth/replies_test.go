package auth

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/options"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func replies(maximum int, expires time.Duration) *Replies {
	return NewReplies(options.ResponsePermission{MaxMsgs: maximum, Expires: expires})
}

func TestRepliesAreCountedAndExpire(t *testing.T) {
	reply := []byte("_INBOX.1")
	for _, c := range []struct {
		name    string
		maximum int
		expires time.Duration
		at      []time.Duration // of the answers, after the grant
		want    []bool
	}{
		{"default", 0, 0, []time.Duration{time.Minute, time.Minute}, []bool{true, false}},
		{"default time", 0, 0, []time.Duration{2*time.Minute + 1}, []bool{false}},
		{"two", 2, time.Hour, []time.Duration{0, 0, 0}, []bool{true, true, false}},
		{"at the limit of time", 9, time.Second, []time.Duration{time.Second, time.Second + 1, 0}, []bool{true, false, false}},
		{"no limit of time", 2, -1, []time.Duration{0, 1e6 * time.Hour, 1e6 * time.Hour}, []bool{true, true, false}},
		{"no limit of number", -1, time.Second, []time.Duration{0, 0, 0, 2 * time.Second}, []bool{true, true, true, false}},
	} {
		r := replies(c.maximum, c.expires)
		r.Grant(reply, start)
		for i, after := range c.at {
			if got := r.Take(reply, start.Add(after)); got != c.want[i] {
				t.Errorf("%s: answer %d: %v", c.name, i, got)
			}
		}
	}
}

func TestRepliesOnlyExactSubjects(t *testing.T) {
	r := replies(1, time.Hour)
	reply := []byte("_INBOX.1")
	r.Grant(reply, start)
	copy(reply, "_XXXXX.X")
	for _, other := range []string{"_INBOX", "_INBOX.2", "_INBOX.*", "", "_XXXXX.X"} {
		if r.Take([]byte(other), start) {
			t.Errorf("%q was not granted", other)
		}
	}
	if !r.Take([]byte("_INBOX.1"), start) {
		t.Error("the grant is gone")
	}
	if r.Grant(nil, start); r.Len() != 0 {
		t.Error("an empty subject is held")
	}
}

// A second request with the same reply subject renews the grant.
func TestRepliesAreRenewed(t *testing.T) {
	r := replies(1, time.Minute)
	reply := []byte("r")
	r.Grant(reply, start)
	r.Grant(reply, start.Add(50*time.Second))
	if !r.Take(reply, start.Add(100*time.Second)) {
		t.Error("the time did not start anew")
	}
	r = replies(2, time.Minute)
	r.Grant(reply, start)
	r.Take(reply, start)
	r.Grant(reply, start)
	for i, want := range []bool{true, true, false} {
		if r.Take(reply, start) != want {
			t.Errorf("answer %d after the renewal: %v", i, !want)
		}
	}
}

// Go: TestNoRaceDynamicResponsePermsMemory test/norace_test.go:231
func TestRepliesMemoryIsBounded(t *testing.T) {
	r := replies(1, 100*time.Millisecond)
	now, most := start, 0
	for i := range 1_000_000 {
		now = now.Add(10 * time.Microsecond)
		r.Grant(fmt.Appendf(nil, "_INBOX.%d", i), now)
		most = max(most, r.Len())
	}
	if most > 10_001 { // what can arrive in 100 ms
		t.Errorf("%d grants were held", most)
	}

	r = replies(-1, -1)
	for i := range maxGrants + 10 {
		r.Grant(fmt.Appendf(nil, "_INBOX.%d", i), start)
	}
	if r.Len() != maxGrants || r.Take([]byte("_INBOX.9"), start) || !r.Take([]byte("_INBOX.10"), start) {
		t.Errorf("the oldest of %d grants should have made room", r.Len())
	}

	r = replies(-1, -1)
	long := make([]byte, 4096)
	for i := range 2 * maxGrantBytes / len(long) {
		copy(long, fmt.Sprintf("%09d", i))
		r.Grant(long, start)
	}
	if want := maxGrantBytes / len(long); r.Len() != want || !r.Take(long, start) {
		t.Errorf("%d long grants are held, want %d", r.Len(), want)
	}
}

func TestRepliesAgainstModel(t *testing.T) {
	type held struct {
		at   time.Time
		used int
	}
	rapid.Check(t, func(t *rapid.T) {
		maximum := rapid.SampledFrom([]int{-1, 1, 2, 3}).Draw(t, "max")
		expires := rapid.SampledFrom([]time.Duration{-1, 5, 20}).Draw(t, "expires")
		r, model, now := replies(maximum, expires), map[string]held{}, start
		live := func(h held) bool {
			return (expires < 0 || now.Sub(h.at) <= expires) && (maximum < 0 || h.used < maximum)
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 7).Draw(t, "pause")))
			name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "reply")
			if rapid.Bool().Draw(t, "grant") {
				r.Grant([]byte(name), now)
				model[name] = held{at: now}
			} else {
				h, ok := model[name]
				want := ok && live(h)
				if got := r.Take([]byte(name), now); got != want {
					t.Fatalf("answer to %s: %v, want %v", name, got, want)
				}
				h.used++
				if model[name] = h; !want {
					delete(model, name)
				}
			}
			count := 0
			for _, h := range model {
				if live(h) {
					count++
				}
			}
			bytes := 0
			for g := r.head.next; g != &r.head; g = g.next {
				bytes += len(g.reply)
			}
			if r.Len() < count || r.Len() > len(model) || bytes != r.bytes || bytes != r.Len() {
				t.Fatalf("%d grants of %d bytes are held, %d are live", r.Len(), r.bytes, count)
			}
		}
	})
}
