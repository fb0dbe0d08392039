package journal

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestIndexAgreesWithMap: random operations on an index and on a map.
func TestIndexAgreesWithMap(t *testing.T) {
	type place struct {
		pos  Position
		size uint32
	}
	rapid.Check(t, func(t *rapid.T) {
		var x index
		model := map[uint64]place{}
		highest := uint64(0)
		set := func(sequence uint64, n int) {
			p := place{Position(n * 4), uint32(n)}
			x.set(sequence, p.pos, p.size)
			model[sequence] = p
			highest = max(highest, sequence)
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				for n := range rapid.IntRange(1, 400).Draw(t, "n") {
					set(highest+1, n+1)
				}
			},
			"gap": func(t *rapid.T) { set(highest+rapid.Uint64Range(1, 1000).Draw(t, "gap"), 1) },
			"set": func(t *rapid.T) {
				set(rapid.Uint64Range(1, highest+1).Draw(t, "sequence"), rapid.IntRange(1, 100).Draw(t, "n"))
			},
			"release": func(t *rapid.T) {
				upTo := rapid.Uint64Range(0, highest+2).Draw(t, "up to")
				removed := 0
				x.release(upTo, func(Position, uint32) { removed++ })
				before := len(model)
				maps.DeleteFunc(model, func(s uint64, _ place) bool { return s <= upTo })
				if removed != before-len(model) {
					t.Fatalf("released %d, want %d", removed, before-len(model))
				}
			},
			"": func(t *rapid.T) {
				if x.records != len(model) {
					t.Fatalf("%d records, want %d", x.records, len(model))
				}
				want := slices.Sorted(maps.Keys(model))
				from, expected := uint64(0), uint64(1)
				var gaps []string
				for _, sequence := range want {
					got, pos, size, ok := x.next(from)
					if !ok || got != sequence || model[sequence] != (place{pos, size}) {
						t.Fatalf("next(%d) = %d %v %d %v, want %d %v", from, got, pos, size, ok, sequence, model[sequence])
					}
					if pos, size, ok := x.get(sequence); !ok || model[sequence] != (place{pos, size}) {
						t.Fatalf("get(%d) = %v %d %v", sequence, pos, size, ok)
					}
					if sequence > expected {
						gaps = append(gaps, fmt.Sprint(expected, sequence-1))
					}
					from, expected = sequence+1, sequence+1
				}
				if _, _, _, ok := x.next(from); ok {
					t.Fatal("something behind the end")
				}
				if last, ok := x.last(); ok != (len(want) > 0) || ok && last != want[len(want)-1] {
					t.Fatalf("last = %d %v", last, ok)
				}
				var got []string
				x.gaps(0, func(a, b uint64) { got = append(got, fmt.Sprint(a, b)) })
				if !slices.Equal(got, gaps) {
					t.Fatalf("gaps %v, want %v", got, gaps)
				}
				probe := rapid.Uint64Range(0, highest+3).Draw(t, "probe")
				if _, _, ok := x.get(probe); ok != (model[probe] != place{}) {
					t.Fatalf("get(%d) = %v", probe, ok)
				}
			},
		})
	})
}

// TestIndexCut: what is above a sequence goes, each record once.
func TestIndexCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x index
		kept, gone := 0, 0
		after := rapid.Uint64Range(0, 900).Draw(t, "after")
		gaps := rapid.SliceOfN(rapid.Uint64Range(1, 700), 0, 4).Draw(t, "gaps")
		for sequence := uint64(1); sequence < 800; sequence++ {
			if slices.Contains(gaps, sequence) {
				continue
			}
			x.set(sequence, Position(sequence*recordAlign), 32)
			if sequence <= after {
				kept++
			} else {
				gone++
			}
		}
		x.cut(after, func(pos Position, size uint32) {
			if uint64(pos)/recordAlign <= after || size != 32 {
				t.Fatalf("%v of %d bytes removed", pos, size)
			}
			gone--
		})
		if gone != 0 || x.records != kept {
			t.Fatalf("%d not removed, %d left of %d", gone, x.records, kept)
		}
		if last, ok := x.last(); ok && last > after {
			t.Fatalf("last is %d", last)
		}
		x.set(after+1, recordAlign, 32)
		if last, _ := x.last(); last != after+1 {
			t.Fatalf("after an append, last is %d", last)
		}
	})
}
