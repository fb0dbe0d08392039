package thw

import (
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A key is what identifies an entry: its sequence and the slot of its time.
type key struct{ seq, slot uint64 }

// check fails the test if the wheel's fields contradict each other or the model.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, w *Wheel, model map[key]int64) {
	t.Helper()
	got := map[key]int64{}
	earliest := int64(math.MaxInt64)
	for i, g := range w.groups {
		if g == nil {
			continue
		}
		if g.occupied == 0 || g == w.spare {
			t.Fatalf("group %d is empty and still there", i)
		}
		for j := range g.slots {
			s, at := &g.slots[j], uint64(i*groupSlots+j)
			if occupied := g.occupied>>j&1 != 0; occupied != (s.used > 0) {
				t.Fatalf("slot %d has %d entries, occupied is %v", at, s.used, occupied)
			}
			if s.used*8 > len(s.cells)*7 {
				t.Fatalf("slot %d has %d entries in %d cells", at, s.used, len(s.cells))
			}
			if s.used > 0 && s.low < w.low {
				t.Fatalf("slot %d begins at %d, the wheel at %d", at, s.low, w.low)
			}
			for _, c := range s.cells {
				if c.due == s.mark {
					continue
				}
				if position(c.due) != at || c.due < s.low || c.due < w.low {
					t.Fatalf("slot %d from %d, wheel from %d: entry %+v", at, s.low, w.low, c)
				}
				if due, ok := s.get(c.seq); !ok || due != c.due {
					t.Fatalf("slot %d: entry %+v cannot be found", at, c)
				}
				got[key{c.seq, at}] = c.due
				earliest = min(earliest, c.due)
			}
		}
	}
	if !maps.Equal(got, model) || w.Len() != len(model) {
		t.Fatalf("wheel of %d has\n%v, want\n%v", w.Len(), got, model)
	}
	if next := w.Next(math.MaxInt64); next > earliest {
		t.Fatalf("Next is %d, the earliest entry is at %d", next, earliest)
	}
}

func times() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64Range(-tick, 3*tick),
		rapid.Int64Range(0, 3*slots*tick),
		rapid.Map(rapid.Int64Range(0, 4), func(n int64) int64 { return n * slots * tick }),
		rapid.Int64(),
	)
}

// A wheel behaves as a map from sequence and slot to time does.
func TestWheelAgreesWithMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, model := &Wheel{}, map[key]int64{}
		sequence := rapid.OneOf(rapid.Uint64Range(0, 20), rapid.Uint64())
		// present draws an entry that exists, if there are any, and any other.
		entry := func(t *rapid.T) (uint64, int64) {
			if len(model) > 0 && rapid.Bool().Draw(t, "present") {
				keys := slices.SortedFunc(maps.Keys(model), func(a, b key) int {
					if a.seq != b.seq {
						return int(a.seq%1000) - int(b.seq%1000)
					}
					return int(a.slot) - int(b.slot)
				})
				k := rapid.SampledFrom(keys).Draw(t, "key")
				return k.seq, model[k]
			}
			return sequence.Draw(t, "seq"), times().Draw(t, "due")
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				seq, due := sequence.Draw(t, "seq"), times().Draw(t, "due")
				w.Add(seq, due)
				model[key{seq, position(due)}] = due
			},
			"add many": func(t *rapid.T) {
				first, due := sequence.Draw(t, "first"), times().Draw(t, "due")
				for i := range uint64(rapid.IntRange(1, 60).Draw(t, "n")) {
					w.Add(first+i, due)
					model[key{first + i, position(due)}] = due
				}
			},
			"remove": func(t *rapid.T) {
				seq, due := entry(t)
				_, ok := model[key{seq, position(due)}]
				if err := w.Remove(seq, due); (err == nil) != ok || (err != nil && err != ErrNotFound) {
					t.Fatalf("Remove(%d, %d): %v", seq, due, err)
				}
				delete(model, key{seq, position(due)})
			},
			"update": func(t *rapid.T) {
				seq, old := entry(t)
				due := times().Draw(t, "new due")
				_, ok := model[key{seq, position(old)}]
				if err := w.Update(seq, old, due); (err == nil) != ok || (err != nil && err != ErrNotFound) {
					t.Fatalf("Update(%d, %d, %d): %v", seq, old, due, err)
				}
				if ok {
					delete(model, key{seq, position(old)})
					model[key{seq, position(due)}] = due
				}
			},
			"expire": func(t *rapid.T) {
				now := times().Draw(t, "now")
				modulus := rapid.Uint64Range(1, 3).Draw(t, "modulus")
				due := map[key]int64{}
				maps.Copy(due, model)
				maps.DeleteFunc(due, func(_ key, at int64) bool { return at > now })
				w.Expire(now, func(seq uint64, at int64) bool {
					k := key{seq, position(at)}
					if want, ok := due[k]; !ok || want != at {
						t.Fatalf("shown %d at %d, which is not due or shown twice", seq, at)
					}
					delete(due, k)
					if seq%modulus == 0 {
						delete(model, k)
						return true
					}
					return false
				})
				if len(due) > 0 {
					t.Fatalf("not shown: %v", due)
				}
			},
			"encode": func(t *rapid.T) {
				stamp := rapid.Uint64().Draw(t, "stamp")
				decoded, got, err := Decode(w.Append(nil, stamp))
				if err != nil || got != stamp {
					t.Fatalf("stamp %d, want %d: %v", got, stamp, err)
				}
				w = decoded
			},
			"": func(t *rapid.T) { check(t, w, model) },
		})
	})
}
