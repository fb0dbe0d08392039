package chunked

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestPostings compares postings with a plain list, through lengths of many runs and
// gaps that a run cannot hold.
func TestPostings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p postings
		var list []uint64
		last := uint64(0)
		add := func(gap uint64) {
			last += gap
			p.add(last)
			list = append(list, last)
		}
		t.Repeat(map[string]func(*rapid.T){
			"add few": func(t *rapid.T) {
				for range rapid.IntRange(1, 3).Draw(t, "n") {
					add(rapid.SampledFrom([]uint64{1, 2, 1000, 1 << 32, 1 << 35}).Draw(t, "gap"))
				}
			},
			"add many": func(t *rapid.T) {
				gap := rapid.Uint64Range(1, 9).Draw(t, "gap")
				for range rapid.IntRange(100, 1500).Draw(t, "n") {
					add(gap)
				}
			},
			"remove some": func(t *rapid.T) {
				step := rapid.IntRange(2, 30).Draw(t, "step")
				from := rapid.IntRange(0, len(list)).Draw(t, "from")
				kept := slices.Clone(list[:from])
				for i, seq := range list[from:] {
					if i%step == 0 {
						kept = append(kept, seq)
					} else if !p.remove(seq) {
						t.Fatalf("%d was not there", seq)
					}
				}
				list = kept
			},
			"remove an end": func(t *rapid.T) {
				for range min(len(list), rapid.IntRange(1, 600).Draw(t, "n")) {
					if rapid.Bool().Draw(t, "front") {
						p.remove(list[0])
						list = list[1:]
					} else {
						p.remove(list[len(list)-1])
						list = list[:len(list)-1]
					}
				}
			},
			"remove absent": func(t *rapid.T) {
				seq := rapid.Uint64Range(0, last+2).Draw(t, "seq")
				if _, ok := slices.BinarySearch(list, seq); !ok && p.remove(seq) {
					t.Fatalf("%d was there", seq)
				}
			},
			"": func(t *rapid.T) { comparePostings(t, &p, list, last) },
		})
	})
}

func comparePostings(t *rapid.T, p *postings, list []uint64, last uint64) {
	if p.count != uint64(len(list)) {
		t.Fatalf("%d of %d", p.count, len(list))
	}
	for i := range list {
		if i%97 == 0 && p.at(uint64(i)) != list[i] {
			t.Fatalf("number %d is %d, expected %d", i, p.at(uint64(i)), list[i])
		}
	}
	seqs := []uint64{0, 1, last, last + 1, last + 1<<40}
	for range 8 {
		seq := rapid.Uint64Range(0, last+2).Draw(t, "seq")
		if len(list) > 0 && rapid.Bool().Draw(t, "there") {
			seq = list[rapid.IntRange(0, len(list)-1).Draw(t, "i")] + rapid.Uint64Range(0, 1).Draw(t, "above")
		}
		seqs = append(seqs, seq)
	}
	for _, seq := range seqs {
		i, there := slices.BinarySearch(list, seq)
		next, ok := p.next(seq)
		if ok != (i < len(list)) || ok && next != list[i] {
			t.Fatalf("next of %d: %d %v", seq, next, ok)
		}
		if n := p.countFrom(seq); n != uint64(len(list)-i) {
			t.Fatalf("count from %d: %d, expected %d", seq, n, len(list)-i)
		}
		if there {
			i++
		}
		previous, ok := p.previous(seq)
		if ok != (i > 0) || ok && previous != list[i-1] {
			t.Fatalf("previous of %d: %d %v", seq, previous, ok)
		}
	}
}
