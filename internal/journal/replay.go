package journal

import (
	"errors"
	"fmt"
	"sort"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// Replay shows all records that are committed and not released, each group's in
// the order of its sequences, the groups mixed as they were written. It reads
// the segments once. A record that cannot be read is shown without data and with
// an error; lost ones (see Recovery) are not shown. The data is valid until
// visit returns. An error from visit ends the replay and is returned.
//
// It is meant for the start: what is appended or released meanwhile may or may
// not be seen.
func (j *Journal) Replay(visit func(Record, error) error) error {
	p := &replay{Journal: j, next: make(map[GroupID]uint64), visit: visit}
	for _, generation := range j.generations() {
		if err := p.segment(generation); err != nil {
			return err
		}
	}
	for _, info := range j.Groups() {
		if err := p.catchUp(info.Group, info.Last+1); err != nil {
			return err
		}
	}
	return nil
}

// ReplayGroup is Replay for one group, from a sequence on.
func (j *Journal) ReplayGroup(id GroupID, from uint64, visit func(Record, error) error) error {
	p := &replay{Journal: j, next: map[GroupID]uint64{id: from}, visit: visit}
	return p.catchUp(id, j.Group(id).Last+1)
}

func (j *Journal) generations() []uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]uint64, 0, len(j.segments))
	for generation := range j.segments {
		list = append(list, generation)
	}
	sortBy(list, func(g uint64) uint64 { return g })
	return list
}

type replay struct {
	*Journal
	next  map[GroupID]uint64 // sequence to show next
	visit func(Record, error) error
	data  []byte
	buf   []byte
}

// denseShare: a segment of which less than one part in so many is live is not
// read as a whole.
const denseShare = 8

// segment shows the live records of a segment in the order in which they lie,
// each after those of its group that lie elsewhere but come first.
func (p *replay) segment(generation uint64) error {
	p.mu.Lock()
	s, err := p.pin(generation)
	if err != nil {
		p.mu.Unlock()
		if errors.Is(err, ErrNotFound) {
			return nil // recycled meanwhile
		}
		return err
	}
	end := s.end
	if s == p.head {
		end = p.written.Offset()
		if p.written.Segment() != generation {
			end = 0
		}
	}
	sparse := s.liveBytes < end/denseShare
	p.mu.Unlock()
	defer p.unpin(s)
	if sparse || end == 0 {
		return nil // left to catchUp
	}
	f, err := p.open(s)
	if err != nil {
		return err
	}
	if int64(len(p.data)) < end {
		p.data = vfs.Aligned(int(end))
	}
	data := p.data[:end]
	for off := int64(0); off < end; off += readStep {
		if _, err := f.ReadAt(data[off:min(off+readStep, end)], off); err != nil {
			return nil // what can be read is read record by record
		}
	}
	var failure error
	scan := &scanner{identity: p.identity, seed: p.seed, generation: generation, data: data, damaged: func(Damage) {}}
	scan.found = func(pos Position, r storedRecord) {
		if failure == nil {
			failure = p.show(s, pos, r)
		}
	}
	for off := int64(0); off < end && failure == nil; {
		c, ok := scan.commitAt(off)
		if !ok {
			off += vfs.PageSize
			continue
		}
		scan.each(&c, scan.found)
		off += span(c.length)
	}
	return failure
}

// show shows a record if it is the one that its group's index means.
func (p *replay) show(s *segment, pos Position, r storedRecord) error {
	p.mu.Lock()
	g := p.groups[r.group]
	if g == nil {
		p.mu.Unlock()
		return nil
	}
	there, _, ok := g.index.get(r.sequence)
	floor := g.floor
	p.mu.Unlock()
	if !ok || there != pos || r.sequence < p.next[r.group] {
		return nil
	}
	if expected := max(p.next[r.group], floor+1); expected < r.sequence {
		if err := p.catchUp(r.group, r.sequence); err != nil {
			return err
		}
	}
	p.next[r.group] = r.sequence + 1
	record := Record{Group: r.group, Sequence: r.sequence, Position: pos}
	data, err := unsealRecord(s, pos, &r)
	if err == nil {
		record.Data = data
	}
	return p.visit(record, err)
}

// catchUp shows the records of a group before a sequence, one by one.
func (p *replay) catchUp(id GroupID, before uint64) error {
	for {
		p.mu.Lock()
		g := p.groups[id]
		if g == nil {
			p.mu.Unlock()
			return nil
		}
		sequence, pos, _, ok := g.index.next(max(p.next[id], g.floor+1))
		visible := g.visible
		p.mu.Unlock()
		if !ok || sequence >= before || sequence > visible {
			return nil
		}
		p.next[id] = sequence + 1
		r, err := p.Read(id, sequence, p.buf)
		if errors.Is(err, ErrNotFound) {
			continue // released meanwhile
		}
		p.buf = r.Data
		if err != nil {
			r = Record{Group: id, Sequence: sequence, Position: pos}
		}
		if err := p.visit(r, err); err != nil {
			return err
		}
	}
}

// Verify reads all segments and reports records that are needed but cannot be
// read, sorted by position.
func (j *Journal) Verify() ([]Damage, error) {
	var list []Damage
	err := j.Replay(func(r Record, err error) error {
		if err != nil {
			list = append(list, Damage{From: r.Position, To: r.Position + recordHeader, Reason: err.Error(), Records: []LostRecord{{r.Group, r.Sequence}}})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("verify journal: %w", err)
	}
	sort.Slice(list, func(a, b int) bool { return list[a].From < list[b].From })
	return list, nil
}
