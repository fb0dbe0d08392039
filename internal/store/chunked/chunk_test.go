package chunked

import (
	"fmt"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

// TestPackedChunks: when chunks are packed and joined, what is left can be found by
// sequence and by time, and chunks stay within their shape.
func TestPackedChunks(t *testing.T) {
	opened, err := openTiny(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*Stream)
	at := func(seq uint64) int64 { return int64(seq) }
	for range 40 {
		for range 50 {
			m := store.Message{Subject: []byte("foo"), Payload: fmt.Appendf(nil, "body %d", s.last+1), Time: at(s.last + 1)}
			if err := s.Append(&m, store.Checked); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Skip(0, 1<<31, 0); err != nil {
			t.Fatal(err)
		}
	}
	before := len(s.chunks)
	var left []uint64
	_ = s.Each(nil, 0, func(m *store.Message) bool {
		left = append(left, m.Sequence)
		return true
	})
	for i, seq := range left {
		if i%23 != 0 {
			remove(t, s, seq)
		}
	}
	if after := len(s.chunks); after > before/3 {
		t.Errorf("%d chunks of %d for one of 23 messages", after, before)
	}
	for i, c := range s.chunks {
		if len(c.slots) > s.shape.slots || len(c.arena) > s.shape.arena {
			t.Errorf("chunk %d has %d slots, %d bytes", i, len(c.slots), len(c.arena))
		}
	}
	for i, seq := range left {
		if i%23 != 0 {
			continue
		}
		var m store.Message
		if err := s.Load(seq, &m); err != nil || string(m.Payload) != fmt.Sprintf("body %d", seq) || m.Time != at(seq) {
			t.Fatalf("%d: %+v %v", seq, m, err)
		}
		if found, err := s.SequenceAt(at(seq)); found != seq || err != nil {
			t.Fatalf("sequence at the time of %d: %d %v", seq, found, err)
		}
	}
}
