package chunked

import (
	"math"
	"slices"
	"sort"
)

const (
	// runMax is the number of sequences in a run: what a removal in the middle
	// moves at most.
	runMax = 256
	// runMerge is the number of sequences up to which neighbouring runs become one.
	runMerge = runMax / 2
)

// postings are the sequences of the messages of one subject, ascending. One or
// two, the usual number, are first and last; more are in runs. The runs stay until
// one sequence is left, so that a subject that changes between two and three
// builds nothing.
type postings struct {
	first, last uint64
	count       uint64
	runs        []run
}

// A run is part of the sequences, at least one: base plus each offset.
type run struct {
	base    uint64
	offsets []uint32
}

func (r *run) at(i int) uint64 { return r.base + uint64(r.offsets[i]) }
func (r *run) first() uint64   { return r.at(0) }
func (r *run) last() uint64    { return r.at(len(r.offsets) - 1) }

// search is the index of the first sequence of the run that is not below seq.
func (r *run) search(seq uint64) int {
	if seq <= r.base {
		return 0
	}
	offset := seq - r.base
	if offset > math.MaxUint32 {
		return len(r.offsets)
	}
	i, _ := slices.BinarySearch(r.offsets, uint32(offset))
	return i
}

// takes reports whether seq, above all others, fits into the run.
func (r *run) takes(seq uint64) bool {
	return len(r.offsets) < runMax && seq-r.base <= math.MaxUint32
}

// add puts in a sequence above all others.
func (p *postings) add(seq uint64) {
	if p.count == 0 {
		p.first = seq
	}
	if p.count == 2 && len(p.runs) == 0 {
		p.push(p.first)
		p.push(p.last)
	}
	if p.count >= 2 {
		p.push(seq)
	}
	p.last = seq
	p.count++
}

func (p *postings) push(seq uint64) {
	if n := len(p.runs); n > 0 && p.runs[n-1].takes(seq) {
		r := &p.runs[n-1]
		r.offsets = append(r.offsets, uint32(seq-r.base))
		return
	}
	p.runs = append(p.runs, run{base: seq, offsets: []uint32{0}})
}

// remove takes out a sequence and reports whether it was there.
func (p *postings) remove(seq uint64) bool {
	if p.count == 0 || seq < p.first || seq > p.last {
		return false
	}
	if len(p.runs) == 0 {
		return p.removeShort(seq)
	}
	i := p.findRun(seq)
	r := &p.runs[i]
	at := r.search(seq)
	if at == len(r.offsets) || r.at(at) != seq {
		return false
	}
	p.cut(i, at)
	p.count--
	p.first, p.last = p.runs[0].first(), p.runs[len(p.runs)-1].last()
	if p.count == 1 {
		p.runs = nil
	}
	return true
}

func (p *postings) removeShort(seq uint64) bool {
	switch {
	case p.count == 1:
		*p = postings{}
	case seq == p.first:
		p.first, p.count = p.last, 1
	case seq == p.last:
		p.last, p.count = p.first, 1
	default:
		return false
	}
	return true
}

// cut takes the sequence with index at out of run i, which is not the only one
// left, and tidies up. The ends are moved, not copied, for they are what mostly
// goes.
func (p *postings) cut(i, at int) {
	r := &p.runs[i]
	switch at {
	case 0:
		r.offsets = r.offsets[1:]
	case len(r.offsets) - 1:
		r.offsets = r.offsets[:at]
	default:
		r.offsets = slices.Delete(r.offsets, at, at+1)
	}
	switch {
	case len(r.offsets) == 0 && i == 0:
		p.runs[0] = run{}
		p.runs = p.runs[1:]
	case len(r.offsets) == 0:
		p.runs = slices.Delete(p.runs, i, i+1)
	case at != 0 && at != len(r.offsets):
		p.merge(i)
	}
}

// merge joins a run that lost a sequence from its middle with the next if both
// have become short.
func (p *postings) merge(i int) {
	if i+1 == len(p.runs) {
		return
	}
	a, b := &p.runs[i], &p.runs[i+1]
	if len(a.offsets)+len(b.offsets) > runMerge || b.last()-a.base > math.MaxUint32 {
		return
	}
	for k := range b.offsets {
		a.offsets = append(a.offsets, uint32(b.at(k)-a.base))
	}
	p.runs = slices.Delete(p.runs, i+1, i+2)
}

// findRun is the index of the first run whose last sequence is not below seq,
// which is at most p.last. The ends are looked at first.
func (p *postings) findRun(seq uint64) int {
	n := len(p.runs)
	if seq >= p.runs[n-1].first() {
		return n - 1
	}
	if seq <= p.runs[0].last() {
		return 0
	}
	return sort.Search(n, func(i int) bool { return p.runs[i].last() >= seq })
}

// next is the lowest sequence that is not below seq.
func (p *postings) next(seq uint64) (uint64, bool) {
	switch {
	case p.count == 0 || seq > p.last:
		return 0, false
	case seq <= p.first:
		return p.first, true
	case len(p.runs) == 0:
		return p.last, true
	}
	i := p.findRun(seq)
	r := &p.runs[i]
	return r.at(r.search(seq)), true
}

// previous is the highest sequence that is not above seq.
func (p *postings) previous(seq uint64) (uint64, bool) {
	switch {
	case p.count == 0 || seq < p.first:
		return 0, false
	case seq >= p.last:
		return p.last, true
	case len(p.runs) == 0:
		return p.first, true
	}
	i := p.findRun(seq)
	r := &p.runs[i]
	at := r.search(seq)
	switch {
	case r.at(at) == seq:
		return seq, true
	case at > 0:
		return r.at(at - 1), true
	}
	return p.runs[i-1].last(), true
}

// countFrom is the number of sequences that are not below seq.
func (p *postings) countFrom(seq uint64) uint64 {
	switch {
	case p.count == 0 || seq > p.last:
		return 0
	case seq <= p.first:
		return p.count
	case len(p.runs) == 0:
		return 1
	}
	i := p.findRun(seq)
	inRun := p.runs[i].search(seq)
	if i < len(p.runs)/2 {
		before := inRun
		for _, r := range p.runs[:i] {
			before += len(r.offsets)
		}
		return p.count - uint64(before)
	}
	n := len(p.runs[i].offsets) - inRun
	for _, r := range p.runs[i+1:] {
		n += len(r.offsets)
	}
	return uint64(n)
}

// at is the sequence with an index below count.
func (p *postings) at(index uint64) uint64 {
	switch {
	case index == 0:
		return p.first
	case index == p.count-1:
		return p.last
	}
	for i := range p.runs {
		r := &p.runs[i]
		if index < uint64(len(r.offsets)) {
			return r.at(int(index))
		}
		index -= uint64(len(r.offsets))
	}
	return p.last
}
