package journal

import (
	"errors"
	"fmt"
	"path/filepath"
)

// scan reads the segments after the checkpoint, oldest first.
func (r *recovery) scan() error {
	start := r.report.Checkpoint
	end := start
	for i, c := range r.candidates {
		r.checkChain(i)
		from := int64(0)
		if c.segment.generation == start.Segment() {
			from = start.Offset()
		}
		stop, err := r.scanSegment(i, from)
		if err != nil {
			return err
		}
		if stop > from {
			if err := r.makeDurable(c.segment); err != nil {
				return err
			}
		}
		c.segment.end = stop
		end = at(c.segment.generation, stop)
	}
	if r.report.Cut == nil {
		r.report.Cut = r.torn
	}
	r.written, r.synced, r.dataEnd, r.witnessed = end, end, end, end
	return nil
}

// checkChain reports a segment that the next one says was before it.
func (r *recovery) checkChain(i int) {
	previous := r.candidates[i].first.previousEnd
	if r.newGroups || previous.Offset() == 0 || previous <= r.report.Checkpoint {
		return
	}
	for _, earlier := range r.candidates[:i] {
		if earlier.segment.generation == previous.Segment() {
			return
		}
	}
	r.report.Damage = append(r.report.Damage, Damage{From: at(previous.Segment(), 0), To: previous, Reason: "the segment is missing"})
}

// scanSegment reads one segment and returns where its part of the log ends.
func (r *recovery) scanSegment(i int, from int64) (int64, error) {
	segment := r.candidates[i].segment
	data, unreadable, err := r.load(segment.number)
	if err != nil {
		return 0, err
	}
	r.report.Bytes += int64(len(data))
	segment.kept = len(unreadable) > 0
	s := &scanner{
		identity:   r.identity,
		seed:       r.seed,
		generation: segment.generation,
		data:       data,
		unreadable: unreadable,
		found:      r.found,
		damaged: func(d Damage) {
			d.File = segment.name
			r.report.Damage = append(r.report.Damage, d)
		},
	}
	last := i == len(r.candidates)-1
	end := bounds{limit: int64(len(data))}
	switch {
	case last:
		end.proven = max(s.proven(from, end.limit), r.report.Checkpoint)
	default:
		end.limit, end.exact = r.logEnd(i, end.limit)
		end.proven = at(segment.generation+1, 0)
	}
	stop, cut := s.walk(from, end)
	switch {
	case cut == nil:
	case last:
		cut.File = segment.name
		r.report.Cut = cut
	default:
		r.report.Damage = append(r.report.Damage, Damage{
			File: segment.name, From: cut.From, To: at(segment.generation+1, 0), Reason: "the end of the log in this segment is not readable",
		})
	}
	return stop, nil
}

// logEnd returns where the log ends in a segment that is not the last, and whether
// later segments say so. The next one does as a rule. One that was begun after a
// failed commit says it of all segments between: there the log ends where they
// begin.
func (r *recovery) logEnd(i int, limit int64) (end int64, exact bool) {
	generation := r.candidates[i].segment.generation
	for k, later := range r.candidates[i+1:] {
		previous := later.first.previousEnd
		switch {
		case previous.Segment() == generation && (k == 0 || later.first.mended):
			limit, exact = min(limit, previous.Offset()), true
		case previous.Segment() < generation && later.first.mended:
			limit, exact = 0, true
		}
	}
	return limit, exact
}

// makeDurable syncs what was read: it may be what a process wrote that ended before it
// could sync, and is taken for durable from now on.
func (r *recovery) makeDurable(s *segment) error {
	f, err := r.fs.OpenFile(filepath.Join(r.dir, s.name), r.mode())
	if err != nil {
		return fmt.Errorf("open journal segment: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync journal segment %s: %w", s.name, err)
	}
	return nil
}

// found enters a record that the scan has found.
func (r *recovery) found(pos Position, rec storedRecord) {
	r.report.Records++
	g := r.group(rec.group)
	if rec.sequence <= g.floor {
		return
	}
	if old, size, ok := g.index.get(rec.sequence); ok {
		r.dead(old, size) // this is the place that the record was moved to
	}
	g.index.set(rec.sequence, pos, uint32(rec.size()))
	r.alive(pos, uint32(rec.size()))
	g.next = max(g.next, rec.sequence+1)
}

// finish completes the groups, and makes durable that this life has begun: its
// generations are new, and what was cut stays cut.
func (r *recovery) finish() error {
	for _, d := range r.report.Damage {
		for _, lost := range d.Records {
			g := r.group(lost.Group)
			g.next = max(g.next, lost.Sequence+1)
		}
	}
	ids := make([]GroupID, 0, len(r.groups))
	for id, g := range r.groups {
		ids = append(ids, id)
		g.visible = g.next - 1
		g.durable = g.visible
		if first, _, _, ok := g.index.next(0); ok && r.newGroups {
			g.floor = first - 1
		}
	}
	sortBy(ids, func(id GroupID) GroupID { return id })
	for _, id := range ids {
		r.reportGaps(r.groups[id])
	}
	r.nextGeneration = r.highest + 1
	if r.checkpoint != nil {
		r.nextGeneration = max(r.nextGeneration, r.checkpoint.generationLimit)
	} else if !r.report.Fresh {
		r.nextGeneration += generationStep
	}
	if r.nextGeneration > maxGeneration-2*generationStep {
		return errors.New("journal has used up its generations")
	}
	r.moving.Lock()
	if err := r.writeCheckpoint(); err != nil {
		return err
	}
	for _, s := range r.surplus {
		r.remove(s, 0)
	}
	return nil
}

func (r *recovery) reportGaps(g *group) {
	missing := func(first, last uint64) {
		r.report.Lost = append(r.report.Lost, Lost{g.id, first, last})
	}
	g.index.gaps(g.floor, missing)
	last, ok := g.index.last()
	if !ok {
		last = g.floor
	}
	if last < g.visible {
		missing(last+1, g.visible)
	}
}
