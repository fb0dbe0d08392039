package journal

import (
	"errors"
	"fmt"
	"syscall"
)

// maxFailedInRow is how many commits may fail, with nothing synced between them,
// before the journal gives up.
const maxFailedInRow = 3

// mend goes on after a failed commit: it takes back what the commit, and what was
// not synced before it, did to the groups, and commits what other groups have
// waiting at the beginning of another segment. Nothing is answered before that is
// durable, because from then on recovery knows that the failed commit is no data.
// Called by the goroutine that commits, with the lock held, which it gives up
// meanwhile. It returns what to tell.
func (j *Journal) mend(failed *batch, synced Position, cause error) (events []Event) {
	j.mending = true
	var answers []*batch
	for {
		events = append(events, j.abandon(failed, synced, cause)...)
		answers = append(answers, failed)
		next := j.survivors(cause)
		err := cause
		if j.failedInRow < maxFailedInRow {
			err = j.replaceHead()
		}
		if err != nil {
			answers = append(answers, next)
			if j.failedInRow < maxFailedInRow && errors.Is(err, ErrFull) {
				events = append(events, j.surrender(next, err))
			} else {
				if err != cause {
					err = fmt.Errorf("%w; %w", cause, err)
				}
				events = append(events, j.fail(answers, err))
			}
			break
		}
		j.settle(next)
		j.mu.Unlock()
		var end Position
		end, synced, err = j.write(next)
		j.mu.Lock()
		if err == nil {
			j.publish(next, end, synced)
			answers = append(answers, next)
			break
		}
		failed, cause = next, err
	}
	j.completed = append(j.completed, answers...)
	j.mending = false
	notify(j.wakeMover)
	j.wakeKeeper()
	return events
}

// abandon ends the log at the last position known as synced. The groups that had
// records behind it lose them. Called with the lock held.
func (j *Journal) abandon(failed *batch, synced Position, cause error) []Event {
	j.failures++
	j.failedInRow++
	failed.err = fmt.Errorf("%w: %w", ErrFailed, cause)
	if synced >= j.written {
		j.settleGroups() // the segment before was synced
	}
	end, used := j.written, j.writing
	if failed.segment != nil && failed.segment.used {
		end, used = max(end, failed.position()+Position(span(failed.size-commitHeader))), failed.segment
	}
	fence := j.synced.Segment() + 1
	if used != nil {
		fence = used.generation + 1
	}
	events := []Event{{Kind: EventFailedCommit, Position: synced, End: end, Err: cause}}
	hit := func(g *group, e *Event) {
		if j.groups[g.id] == g && g.poison == nil {
			e.Groups = append(e.Groups, g.id)
			e.Records += j.poison(g, fence, cause)
		}
	}
	if len(j.unsynced) > 0 {
		lost := Event{Kind: EventUnsyncedLost, Position: synced, End: j.written, Err: cause}
		for _, g := range j.unsynced {
			if j.groups[g.id] == g {
				lost.Groups = append(lost.Groups, g.id)
				lost.Records += int(g.visible - g.durable)
			}
			g.unsynced = false
			hit(g, &events[0])
		}
		j.forgetUnsynced()
		sortBy(lost.Groups, func(id GroupID) GroupID { return id })
		events = append(events, lost)
	}
	for i := range failed.items {
		if it := &failed.items[i]; it.group != nil && it.move == nil && it.err == nil {
			hit(it.group, &events[0])
		}
	}
	sortBy(events[0].Groups, func(id GroupID) GroupID { return id })
	j.abandonSegments(failed.segment, synced)
	return events
}

// poison takes a group back to what is synced of it and returns how many records
// it loses. Called with the lock held.
func (j *Journal) poison(g *group, fence uint64, cause error) (records int) {
	records = int(g.next - 1 - g.durable)
	g.poison = fmt.Errorf("group %d: %w: %w", g.id, ErrPoisoned, cause)
	g.lost = g.lost || g.visible > g.durable
	g.losses++
	g.fence = max(g.fence, fence)
	g.index.cut(g.durable, j.dead)
	g.next, g.visible, g.floor = g.durable+1, g.durable, min(g.floor, g.durable)
	j.poisoned[g.id] = g
	return records
}

// abandonSegments takes the writer out of the segments that it was in, and sets
// their ends. A head in which nothing was written yet remains, to begin with what
// comes next: no other generation may be given to its file before a checkpoint.
// Called with the lock held.
func (j *Journal) abandonSegments(failed *segment, synced Position) {
	unsynced := j.written > synced
	if j.head != nil && j.head.used {
		j.head = nil
	}
	for _, s := range j.segments {
		if !s.writer || s == j.head {
			continue
		}
		s.writer = false
		s.pins--
		switch {
		case s.generation > synced.Segment():
			s.end, s.abandoned = 0, true
		case s.generation == synced.Segment() && (s == failed || s == j.writing && unsynced):
			s.end, s.abandoned = synced.Offset(), true
		}
	}
	j.pinnedWriter, j.writing = nil, nil
	j.written, j.synced = synced, synced
	j.dataEnd, j.witnessed = min(j.dataEnd, synced), min(j.witnessed, synced)
	j.broken = true
	if j.head != nil {
		j.headOffset = 0
		j.head.previousEnd, j.head.mended, j.broken = synced, true, false
	}
}

// survivors takes the open batch and removes from it what the failure concerns:
// the records of poisoned groups, and those who wait for a sync of everything
// before. They stay in it as items with an error, so that the order of callbacks
// is kept. Called with the lock held.
func (j *Journal) survivors(cause error) *batch {
	next := j.filling
	j.filling = j.newBatch()
	from, to := commitHeader, commitHeader
	next.records = 0
	for i := range next.items {
		it := &next.items[i]
		size := 0
		for range it.count {
			size += storedAt(next.buffer[from+size:])
		}
		switch {
		case it.group == nil:
			it.err = fmt.Errorf("%w: %w", ErrFailed, cause)
		case it.move == nil && it.group.poison != nil:
			it.err = it.group.poison
		default:
			copy(next.buffer[to:], next.buffer[from:from+size])
			to += size
			next.records += it.count
		}
		from += size
	}
	next.size = to
	return next
}

// storedAt returns the size of the record whose header begins p.
func storedAt(p []byte) int {
	return stored(int(uint32(p[4]) | uint32(p[5])<<8 | uint32(p[6])<<16 | uint32(p[7])<<24))
}

// replaceHead makes sure that there is a head, and that it is empty. Its error is
// ErrFull where there may be one later. Called with the lock held,
// which it gives up while it makes a segment.
func (j *Journal) replaceHead() error {
	for j.head == nil {
		switch {
		case j.nextGeneration >= j.generationLimit:
			return fmt.Errorf("%w: no checkpoint allows another segment", ErrFull)
		case len(j.spares) > 0:
			j.begin()
			continue
		case j.options.MaxSegments != 0 && len(j.segments) >= j.options.MaxSegments:
			return fmt.Errorf("%w: %d segments are in use", ErrFull, j.options.MaxSegments)
		}
		j.mu.Unlock()
		s, err := j.makeSegment(func() bool { return false }) // also while closing
		j.mu.Lock()
		switch {
		case err == nil:
			j.spares = append(j.spares, s)
		case len(j.spares) > 0: // the keeper was luckier
		case errors.Is(err, syscall.ENOSPC):
			return fmt.Errorf("%w: %w", ErrFull, err)
		default:
			return err
		}
	}
	return nil
}

// settle places a batch at the beginning of the head. It is a witness, so that it
// is written even if nothing is left in it. Called with the lock held.
func (j *Journal) settle(b *batch) {
	size := b.size
	b.size = 0
	b.place(j.head, 0)
	b.size = size
	b.witness, b.durable = true, true
	off := commitHeader
	for i := range b.items {
		it := &b.items[i]
		if it.group == nil || it.err != nil {
			continue
		}
		it.at = at(j.head.generation, int64(off))
		for n := range uint64(it.count) {
			pos, size := at(j.head.generation, int64(off)), storedAt(b.buffer[off:])
			if it.move == nil {
				if old, oldSize, ok := it.group.index.get(it.first + n); ok {
					j.dead(old, oldSize)
				}
				it.group.index.set(it.first+n, pos, uint32(size))
				j.alive(pos, uint32(size))
			}
			off += size
		}
	}
	j.headOffset = span(b.size - commitHeader)
}

// surrender answers a batch for which there is no room: its groups lose it as if
// its commit had failed. Called with the lock held.
func (j *Journal) surrender(b *batch, cause error) Event {
	e := Event{Kind: EventFailedCommit, Position: j.written, End: j.written, Err: cause}
	b.err = fmt.Errorf("%w: %w", ErrFailed, cause)
	for i := range b.items {
		it := &b.items[i]
		if it.group == nil || it.move != nil || it.err != nil || j.groups[it.group.id] != it.group || it.group.poison != nil {
			continue
		}
		e.Groups = append(e.Groups, it.group.id)
		e.Records += j.poison(it.group, 0, cause)
	}
	sortBy(e.Groups, func(id GroupID) GroupID { return id })
	return e
}

// fail makes the journal fail for good, with all that waits. Called with the lock
// held.
func (j *Journal) fail(answers []*batch, cause error) Event {
	j.err = fmt.Errorf("%w: %w", ErrFailed, cause)
	for _, b := range answers {
		b.err = j.err
		for i := range b.items {
			b.items[i].err = nil
		}
	}
	if late := j.filling; !late.empty() {
		late.err = j.err
		j.filling = j.newBatch()
		j.completed = append(j.completed, late)
	}
	return Event{Kind: EventFailed, Err: j.err}
}

// fence begins a segment where none could be had when a commit failed, so that the
// failed commit ends there even if nobody appends. Called with the lock held when
// there may be a segment.
func (j *Journal) fence() {
	if !j.broken || j.mending || j.refusal() != nil || !j.roll(true) {
		return
	}
	j.filling.size = 0
	j.filling.place(j.head, 0)
	j.filling.witness = true
	notify(j.wake)
}

// poisonOf returns why appends to a group are refused. Called with the lock held.
func (j *Journal) poisonOf(id GroupID) error {
	if g := j.groups[id]; g != nil && g.poison != nil && j.refusal() == nil {
		return g.poison
	}
	return nil
}

// losses returns how often a group has lost records. Called with the lock held.
func (j *Journal) losses(id GroupID) int {
	if g := j.groups[id]; g != nil {
		return g.losses
	}
	return 0
}

// lostWritten reports whether groups that were not resumed have lost records that
// were acknowledged as written. Called with the lock held.
func (j *Journal) lostWritten() error {
	for _, g := range j.poisoned {
		if g.lost {
			return g.poison
		}
	}
	return nil
}

// Resume ends the refusal of a group's appends after a failed commit, and returns
// its highest committed sequence: the next append has the one that follows. The
// owner takes back whatever it has based on records above it, then resumes. What
// was lost never comes back from then on, whatever happens to the disk's power.
//
// It may be called in a callback. A callback that was about to say "written" of a
// record that is lost may still come after it. ErrFull says that the end of what is
// lost cannot be made durable because there is no room for another segment: the
// group stays as it is until Resume is called again. For a group that is not
// poisoned nothing changes.
func (j *Journal) Resume(id GroupID) (last uint64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for {
		if err := j.refusal(); err != nil {
			return 0, err
		}
		g := j.groups[id]
		switch {
		case g == nil:
			return 0, nil
		case g.poison == nil:
			return g.visible, nil
		case j.mending:
			j.space.Wait() // for the disk only: callbacks are not waited for
			continue
		case j.synced.Segment() < g.fence:
			j.wakeKeeper()
			return 0, fmt.Errorf("resume group %d: %w", id, ErrFull)
		}
		g.poison, g.lost, g.fence = nil, false, 0
		delete(j.poisoned, id)
		return g.visible, nil
	}
}
