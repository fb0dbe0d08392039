package store

import (
	"errors"
	"math"
	"testing"
)

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		subject, header, payload int
		file, memory             uint64
	}{
		{3, 0, 0, 33, 19},
		{3, 10, 11, 58, 40},
		{0, 0, 0, 30, 16},
	} {
		if f, m := FileSize(c.subject, c.header, c.payload), MemorySize(c.subject, c.header, c.payload); f != c.file || m != c.memory {
			t.Errorf("%+v: %d in a file, %d in memory", c, f, m)
		}
	}
}

func TestExpiry(t *testing.T) {
	for _, c := range []struct {
		stored, ttl, expected int64
		has                   bool
	}{
		{100, 0, 0, false},
		{100, NeverExpires, 0, false},
		{100, -7, 0, false},
		{100, 2, 2_000_000_100, true},
		{-100, 1, 999_999_900, true},
		{100, math.MaxInt64, math.MaxInt64, true},
		{math.MaxInt64 - 5, 1, math.MaxInt64, true},
		{math.MinInt64, 1, math.MinInt64 + 1_000_000_000, true},
	} {
		if end, has := Expiry(c.stored, c.ttl); end != c.expected || has != c.has {
			t.Errorf("%d for %d: %d %v", c.stored, c.ttl, end, has)
		}
	}
}

func TestMessageVerify(t *testing.T) {
	most := Message{Payload: make([]byte, SizeMax-30)}
	if err := most.Verify(); err != nil {
		t.Fatal(err)
	}
	most.Subject = []byte("x")
	if err := most.Verify(); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
}

// TestRange: a run of deleted sequences gives each of them, and its ends.
//
// Go: TestStoreDeleteRange server/store_test.go:165
func TestRange(t *testing.T) {
	var got []uint64
	for seq := range (Range{First: 2, Count: 1}).All {
		got = append(got, seq)
	}
	for seq := range (Range{First: 7, Count: 5}).All {
		if seq == 9 {
			break
		}
		got = append(got, seq)
	}
	for seq := range (Range{First: 7}).All {
		t.Errorf("%d in an empty range", seq)
	}
	if len(got) != 3 || got[0] != 2 || got[1] != 7 || got[2] != 8 {
		t.Fatalf("%v", got)
	}
	if r := (Range{First: 2, Count: 1}); r.First != 2 || r.Last() != 2 || r.Count != 1 {
		t.Fatalf("%+v ends at %d", r, r.Last())
	}
}

func TestStateDeleted(t *testing.T) {
	for _, c := range []struct {
		state    State
		expected uint64
	}{
		{State{}, 0},
		{State{FirstSequence: 11, LastSequence: 10}, 0},
		{State{FirstSequence: 1, LastSequence: 10, Messages: 10}, 0},
		{State{FirstSequence: 5, LastSequence: 10, Messages: 2}, 4},
	} {
		if n := c.state.Deleted(); n != c.expected {
			t.Errorf("%+v: %d", c.state, n)
		}
	}
}
