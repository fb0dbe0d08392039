package chunked

import (
	"fmt"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

// footprint is the memory of the chunks and the postings of a stream, in bytes.
func (s *Stream) footprint() int {
	n := 0
	chunks := s.chunks
	if s.spare != nil {
		chunks = append(chunks[:len(chunks):len(chunks)], s.spare)
	}
	for _, c := range chunks {
		n += cap(c.arena) + 4*cap(c.slots) + 4*cap(c.deltas) + 160
	}
	s.subjects.visit(nil, func(_ uint32, e *entry) bool {
		n += 80 + cap(e.name) + 32*cap(e.runs)
		for _, r := range e.runs {
			n += 4 * cap(r.offsets)
		}
		return true
	})
	return n
}

func (s *Stream) expectFootprint(t *testing.T, what string, most int) {
	t.Helper()
	if n := s.footprint(); n > most {
		t.Errorf("%s: %d bytes for %d messages of %d, expected at most %d", what, n, s.messages, s.bytes, most)
	}
}

// TestFootprint: a message costs little beyond what it is, and what is removed costs
// nothing for long, in whatever order it went.
func TestFootprint(t *testing.T) {
	fresh := func(l store.Limits) *Stream {
		return open(t, store.Options{Limits: l})
	}
	payload := make([]byte, 100)

	s := fresh(store.Limits{})
	for range 200_000 {
		put(t, s, []byte("foo"), payload)
	}
	s.expectFootprint(t, "messages on one subject", 200_000*(100+36))

	// Every second goes, then all but each fiftieth.
	for seq := uint64(1); seq <= 200_000; seq++ {
		if seq%2 == 0 {
			remove(t, s, seq)
		}
	}
	s.expectFootprint(t, "half of them", 100_000*2*(100+36)+1<<20)
	for seq := uint64(1); seq <= 200_000; seq++ {
		if seq%50 != 1 && seq%2 != 0 {
			remove(t, s, seq)
		}
	}
	s.expectFootprint(t, "one of fifty", 4_000*4*(100+36)+1<<19)

	s = fresh(store.Limits{MaxPerSubject: 1})
	subjects := names("foo.%d", 1000)
	for i := range 300_000 {
		put(t, s, subjects[i*i%1000], payload)
	}
	s.expectFootprint(t, "one message on each subject", 1000*300+1<<20)

	// A subject that is never written again must not keep what came after it.
	s = fresh(store.Limits{MaxPerSubject: 1})
	for i := range 300_000 {
		put(t, s, fmt.Appendf(nil, "foo.%d", min(1, i)*(1+i%2)), payload)
	}
	s.expectFootprint(t, "a few hot subjects", 1<<16)

	s = fresh(store.Limits{MaxMessages: 1000})
	for range 300_000 {
		put(t, s, []byte("foo"), payload)
	}
	s.expectFootprint(t, "the newest thousand", 3<<20/2)
	if _, err := s.Purge(store.Purge{}); err != nil {
		t.Fatal(err)
	}
	s.expectFootprint(t, "an empty stream", 1<<15)
	for range 10_000 {
		put(t, s, []byte("foo"), payload)
	}
	for s.messages > 0 {
		remove(t, s, s.first)
	}
	s.expectFootprint(t, "an emptied stream", 1<<16)
}
