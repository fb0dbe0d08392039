package thw

import (
	"math"
	"math/bits"
)

// A cell of a slot's table holds an entry. It is free if its due time is the
// slot's mark.
type cell struct {
	seq uint64
	due int64
}

// A slot is a hash table with linear probing. The table is a power of two long
// and at most seven eighths full, and nil while the slot is empty.
type slot struct {
	cells []cell
	used  int
	low   int64 // nothing in the slot is due before
	mark  int64 // due time of free cells: one that belongs to another slot
}

// marks are the due times of free cells. Zero saves filling a new table, but is
// the time of an entry in the first slot.
func markOf(position uint64) int64 {
	if position == 0 {
		return tick
	}
	return 0
}

// home is the cell in which seq belongs. The second factor depends on the size,
// so that tables of different sizes have nothing in common: entries taken in the
// order of one table, as Decode gets them and a shrinking table moves them,
// would otherwise crowd together in the other, and take quadratic time.
func (s *slot) home(seq uint64) int {
	n := uint64(len(s.cells))
	h := seq * 0x9E3779B97F4A7C15
	h = (h ^ h>>32) * (0xD6E8FEB86659FD93 + 2*n)
	return int(h>>32) & int(n-1)
}

// find returns the cell of seq, or the free cell where it would be. There must
// be a table.
func (s *slot) find(seq uint64) (int, bool) {
	cells, mask := s.cells, len(s.cells)-1
	for i := s.home(seq); ; i = (i + 1) & mask {
		if cells[i].due == s.mark {
			return i, false
		}
		if cells[i].seq == seq {
			return i, true
		}
	}
}

func (s *slot) has(seq uint64) bool {
	_, ok := s.get(seq)
	return ok
}

// get returns the due time of seq.
func (s *slot) get(seq uint64) (due int64, ok bool) {
	if s.used == 0 {
		return 0, false
	}
	i, ok := s.find(seq)
	return s.cells[i].due, ok
}

// put adds an entry and reports whether its sequence was absent.
func (s *slot) put(seq uint64, due int64) bool {
	s.low = min(s.low, due)
	if (s.used+1)*8 > len(s.cells)*7 {
		s.resize(max(4, 2*len(s.cells)))
	}
	i, ok := s.find(seq)
	s.cells[i] = cell{seq, due}
	if ok {
		return false
	}
	s.used++
	return true
}

// remove takes out an entry and reports whether it was there.
func (s *slot) remove(seq uint64) bool {
	if s.used == 0 {
		return false
	}
	i, ok := s.find(seq)
	if !ok {
		return false
	}
	s.used--
	s.vacate(i)
	return true
}

// fit makes a table smaller that has become far too large. It must not be called
// between removals in the order of the table.
func (s *slot) fit() {
	if n := len(s.cells); n > 16 && s.used < n/8 {
		s.resize(1 << bits.Len(uint(2*s.used+3)))
	}
}

// vacate frees cell i and moves those entries behind it that would not be found
// any more.
func (s *slot) vacate(i int) {
	mask := len(s.cells) - 1
	for j := (i + 1) & mask; s.cells[j].due != s.mark; j = (j + 1) & mask {
		if (j-s.home(s.cells[j].seq))&mask >= (j-i)&mask {
			s.cells[i] = s.cells[j]
			i = j
		}
	}
	s.cells[i] = cell{due: s.mark}
}

func (s *slot) resize(n int) {
	old := s.cells
	s.cells = make([]cell, n)
	if s.mark != 0 {
		for i := range s.cells {
			s.cells[i].due = s.mark
		}
	}
	for _, c := range old {
		if c.due != s.mark {
			i, _ := s.find(c.seq)
			s.cells[i] = c
		}
	}
}

// due appends the entries that are due at now.
func (s *slot) due(now int64, to []cell) []cell {
	for _, c := range s.cells {
		if c.due <= now && c.due != s.mark {
			to = append(to, c)
		}
	}
	return to
}

// settle computes low anew.
func (s *slot) settle() {
	s.low = math.MaxInt64
	for _, c := range s.cells {
		if c.due < s.low && c.due != s.mark {
			s.low = c.due
		}
	}
}
