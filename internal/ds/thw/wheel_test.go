package thw

import (
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// start is some time of day; the wheel takes any.
var start = time.Date(2026, 3, 14, 15, 9, 26, 535_897_932, time.UTC).UnixNano()

func in(seconds int64) int64 { return start + seconds*tick }

func wantLen(t *testing.T, w *Wheel, n int) {
	t.Helper()
	if w.Len() != n {
		t.Fatalf("%d entries, want %d", w.Len(), n)
	}
}

// expired returns how often each sequence is shown at a time.
func expired(w *Wheel, now int64, goes func(seq uint64) bool) map[uint64]int {
	shown := map[uint64]int{}
	w.Expire(now, func(seq uint64, _ int64) bool {
		shown[seq]++
		return goes(seq)
	})
	return shown
}

func always(uint64) bool { return true }
func never(uint64) bool  { return false }

// Go: TestHashWheelBasics server/thw/thw_test.go:24
func TestAddAndRemove(t *testing.T) {
	w := &Wheel{}
	w.Add(1, in(5))
	wantLen(t, w, 1)
	if err := w.Remove(999, in(5)); !errors.Is(err, ErrNotFound) {
		t.Fatalf("removal of an absent sequence: %v", err)
	}
	wantLen(t, w, 1)
	if err := w.Remove(1, in(5)); err != nil {
		t.Fatal(err)
	}
	wantLen(t, w, 0)
	if err := w.Remove(1, in(5)); !errors.Is(err, ErrNotFound) {
		t.Fatalf("second removal: %v", err)
	}
	check(t, w, nil)
}

// Go: TestHashWheelUpdate server/thw/thw_test.go:46
func TestUpdateMoves(t *testing.T) {
	w := &Wheel{}
	w.Add(1, in(5))
	if err := w.Update(1, in(5), in(10)); err != nil {
		t.Fatal(err)
	}
	wantLen(t, w, 1)
	if err := w.Remove(1, in(5)); !errors.Is(err, ErrNotFound) {
		t.Fatalf("removal from the old time: %v", err)
	}
	if err := w.Update(1, in(5), in(20)); !errors.Is(err, ErrNotFound) {
		t.Fatalf("update from the old time: %v", err)
	}
	check(t, w, map[key]int64{{1, position(in(10))}: in(10)})
	if err := w.Remove(1, in(10)); err != nil {
		t.Fatal(err)
	}
	wantLen(t, w, 0)
}

// Go: TestHashWheelExpiration server/thw/thw_test.go:69
func TestExpireShowsWhatIsDue(t *testing.T) {
	w := &Wheel{}
	for seq, seconds := range map[uint64]int64{1: -1, 2: 1, 3: 10, 4: 60} {
		w.Add(seq, in(seconds))
	}
	if got := expired(w, start, always); !maps.Equal(got, map[uint64]int{1: 1}) {
		t.Fatalf("shown %v", got)
	}
	wantLen(t, w, 3)
	if got := expired(w, in(10), always); !maps.Equal(got, map[uint64]int{2: 1, 3: 1}) {
		t.Fatalf("shown %v", got)
	}
	check(t, w, map[key]int64{{4, position(in(60))}: in(60)})
}

// Go: TestHashWheelManualExpiration server/thw/thw_test.go:99
func TestExpireKeepsWhatTheCallbackKeeps(t *testing.T) {
	w := &Wheel{}
	for seq := uint64(1); seq <= 4; seq++ {
		w.Add(seq, start)
	}
	all := map[uint64]int{1: 1, 2: 1, 3: 1, 4: 1}
	for range 2 {
		if got := expired(w, start, never); !maps.Equal(got, all) {
			t.Fatalf("shown %v", got)
		}
		wantLen(t, w, 4)
	}
	even := func(seq uint64) bool { return seq%2 == 0 }
	if got := expired(w, start, even); !maps.Equal(got, all) {
		t.Fatalf("shown %v", got)
	}
	wantLen(t, w, 2)
	if got := expired(w, start, even); !maps.Equal(got, map[uint64]int{1: 1, 3: 1}) {
		t.Fatalf("shown %v", got)
	}
	for _, seq := range []uint64{1, 3} {
		if err := w.Remove(seq, start); err != nil {
			t.Fatal(err)
		}
	}
	check(t, w, nil)
}

// Go: TestHashWheelExpirationLargerThanWheel server/thw/thw_test.go:145
func TestExpireAfterMoreThanATurn(t *testing.T) {
	for _, now := range []int64{(slots - 1) * tick, slots * tick, 7 * slots * tick} {
		w := &Wheel{}
		w.Add(1, 0)
		w.Add(2, tick)
		if got := expired(w, now, always); !maps.Equal(got, map[uint64]int{1: 1, 2: 1}) {
			t.Fatalf("at %d: shown %v", now, got)
		}
		wantLen(t, w, 0)
	}
}

// Entries of later turns share the slot and wait.
func TestLaterTurnsWait(t *testing.T) {
	w := &Wheel{}
	for turn := range int64(5) {
		w.Add(uint64(turn), in(turn*slots))
	}
	for turn := range int64(5) {
		if got := w.Next(math.MaxInt64); got != in(turn*slots) {
			t.Fatalf("next is %d, want %d", got, in(turn*slots))
		}
		if got := expired(w, in(turn*slots), always); !maps.Equal(got, map[uint64]int{uint64(turn): 1}) {
			t.Fatalf("turn %d: shown %v", turn, got)
		}
	}
	check(t, w, nil)
}

// Go: TestHashWheelNextExpiration server/thw/thw_test.go:173
func TestNext(t *testing.T) {
	w := &Wheel{}
	if got := w.Next(in(1)); got != math.MaxInt64 {
		t.Fatalf("next of an empty wheel is %d", got)
	}
	for seq, seconds := range map[uint64]int64{1: 5, 2: 3, 3: 10} {
		w.Add(seq, in(seconds))
	}
	if got := w.Next(in(6)); got != in(3) {
		t.Fatalf("next is %d, want %d", got, in(3))
	}
	if got := w.Next(in(3)); got != math.MaxInt64 {
		t.Fatalf("next before the earliest is %d", got)
	}
	if err := w.Remove(2, in(3)); err != nil {
		t.Fatal(err)
	}
	if got := w.Next(in(6)); got != in(5) {
		t.Fatalf("next after the removal of the earliest is %d, want %d", got, in(5))
	}
}

// Go: TestHashWheelStress server/thw/thw_test.go:199
func TestManyEntries(t *testing.T) {
	const n = 100_000
	w, model := &Wheel{}, map[key]int64{}
	for seq := range int64(n) {
		w.Add(uint64(seq), in(seq))
	}
	for seq := int64(0); seq < n; seq += 2 {
		if err := w.Update(uint64(seq), in(seq), in(seq+n)); err != nil {
			t.Fatal(err)
		}
		model[key{uint64(seq), position(in(seq + n))}] = in(seq + n)
	}
	for seq := int64(1); seq < n; seq += 2 {
		if err := w.Remove(uint64(seq), in(seq)); err != nil {
			t.Fatal(err)
		}
	}
	check(t, w, model)
	if got := expired(w, in(2*n), always); len(got) != n/2 {
		t.Fatalf("%d shown", len(got))
	}
	check(t, w, nil)
}

// One slot may hold everything, and gives its memory back.
func TestOneSlotGrowsAndShrinks(t *testing.T) {
	const n = 50_000
	w := &Wheel{}
	order := rand.New(rand.NewPCG(1, 2)).Perm(n)
	for _, seq := range order {
		w.Add(uint64(seq), start)
	}
	wantLen(t, w, n)
	for i, seq := range order {
		if err := w.Remove(uint64(seq), start); err != nil {
			t.Fatal(err)
		}
		if s := w.slot(position(start)); s != nil && len(s.cells) > max(16, 8*s.used+8) {
			t.Fatalf("%d cells for %d entries", len(s.cells), n-1-i)
		}
	}
	check(t, w, nil)
}

// The callback may change the wheel in every way.
func TestCallbackChangesTheWheel(t *testing.T) {
	w := &Wheel{}
	for seq := range uint64(100) {
		w.Add(seq, in(int64(seq%3)))
	}
	shown := map[uint64]int{}
	w.Expire(in(2), func(seq uint64, due int64) bool {
		shown[seq]++
		partner := seq ^ 1 // each of a pair removes the other one
		_ = w.Remove(partner, in(int64(partner%3)))
		w.Add(seq+1000, in(60))
		switch seq % 4 {
		case 0:
			_ = w.Remove(seq, due)
		case 1:
			if err := w.Update(seq, due, in(100)); err != nil {
				t.Errorf("update of %d: %v", seq, err)
			}
		}
		return true
	})
	model := map[key]int64{}
	for seq, n := range shown {
		if _, ok := shown[seq^1]; n != 1 || ok {
			t.Fatalf("shown %v", shown)
		}
		model[key{seq + 1000, position(in(60))}] = in(60)
		if seq%4 == 1 {
			model[key{seq, position(in(100))}] = in(100)
		}
	}
	if len(shown) != 50 {
		t.Fatalf("%d shown", len(shown))
	}
	check(t, w, model)
	// A second Expire inside the first shows nothing.
	shown = map[uint64]int{}
	w.Expire(in(100), func(seq uint64, _ int64) bool {
		shown[seq]++
		w.Expire(in(100), func(uint64, int64) bool {
			t.Errorf("shown inside")
			return true
		})
		return true
	})
	if len(shown) != len(model) {
		t.Fatalf("%d shown, want %d", len(shown), len(model))
	}
	check(t, w, nil)
	// What is added when it is due already is shown now or the next time.
	w.Add(1, in(1))
	shown = expired(w, in(100), func(seq uint64) bool {
		if seq == 1 {
			w.Add(2, in(0))
			w.Add(3, in(1))
			w.Add(4, in(2))
		}
		return true
	})
	maps.Copy(shown, expired(w, in(100), always))
	if !maps.Equal(shown, map[uint64]int{1: 1, 2: 1, 3: 1, 4: 1}) {
		t.Fatalf("shown %v", shown)
	}
	check(t, w, nil)
}

// The first slot, whose times include zero, is like any other.
func TestFirstSlot(t *testing.T) {
	w, model := &Wheel{}, map[key]int64{}
	for _, due := range []int64{0, 1, -1, tick - 1, slots * tick} {
		w.Add(uint64(due), due)
		model[key{uint64(due), 0}] = due
	}
	check(t, w, model)
	var got []int64
	w.Expire(math.MaxInt64, func(_ uint64, due int64) bool {
		got = append(got, due)
		return true
	})
	slices.Sort(got)
	if !slices.Equal(got, []int64{-1, 0, 1, tick - 1, slots * tick}) {
		t.Fatalf("shown %d", got)
	}
	check(t, w, nil)
}
