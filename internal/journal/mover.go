package journal

import (
	"errors"
	"fmt"
	"sync"
)

// moveBytes bounds the records that are moved before a checkpoint may be taken.
func (j *Journal) moveBytes() int { return int(min(1<<20, j.options.SegmentSize/4)) }

// moveLoop moves live records out of old segments.
func (j *Journal) moveLoop() {
	defer j.running.Done()
	for {
		select {
		case <-j.quit:
			return
		case <-j.wakeMover:
		}
		for !j.quitting() {
			generation, ok := j.crowded()
			if !ok {
				break
			}
			if !j.emptySegment(generation) {
				break // the keeper wakes the mover when there is room
			}
		}
	}
}

// crowded finds the oldest segment that should be emptied, if too many are full.
// Where that would not pay it asks the owners to release. It is named by its
// generation: once the lock is released, the segment may be emptied by its owners
// and become another one.
func (j *Journal) crowded() (generation uint64, ok bool) {
	generation, pressed := j.chooseCrowded()
	if pressed != nil {
		j.emit(*pressed)
	}
	return generation, generation != 0
}

// chooseCrowded returns the generation of the segment to empty, which is never
// zero, or what to ask the owners.
func (j *Journal) chooseCrowded() (generation uint64, pressed *Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var full []*segment
	for generation, s := range j.segments {
		if s.live > 0 && s.held == 0 && !s.stuck && j.finished(generation) {
			full = append(full, s)
		}
	}
	sortBy(full, func(s *segment) uint64 { return s.generation })
	if len(full) <= j.options.LiveSegments || j.refusal() != nil || len(j.spares) == 0 {
		return 0, nil
	}
	for _, s := range full[:len(full)-j.options.LiveSegments] {
		if s.liveBytes <= s.size/2 {
			return s.generation, nil
		}
		if pressed == nil && !s.pressed {
			s.pressed = true
			pressed = &Event{Kind: EventPressure, Segment: s.generation}
		}
	}
	if pressed != nil {
		for _, g := range j.groups {
			if _, pos, _, ok := g.index.next(0); ok && pos.Segment() <= pressed.Segment {
				pressed.Groups = append(pressed.Groups, g.id)
			}
		}
		sortBy(pressed.Groups, func(id GroupID) GroupID { return id })
	}
	return 0, pressed
}

// occupant is a record that keeps a segment busy.
type occupant struct {
	group    GroupID
	sequence uint64
	pos      Position
	size     uint32
}

// occupants lists the live committed records of a segment.
func (j *Journal) occupants(generation uint64) (list []occupant) {
	for _, info := range j.Groups() {
		from := info.First
		for from != 0 {
			from = j.occupantsOf(info.Group, generation, from, &list)
		}
	}
	return list
}

// occupantsOf looks at a part of a group's records and returns where to go on.
func (j *Journal) occupantsOf(id GroupID, generation, from uint64, list *[]occupant) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	g := j.groups[id]
	if g == nil {
		return 0
	}
	for range snapshotStep {
		sequence, pos, size, ok := g.index.next(from)
		if !ok || sequence > g.visible {
			return 0
		}
		if pos.Segment() == generation {
			*list = append(*list, occupant{id, sequence, pos, size})
		}
		from = sequence + 1
	}
	return from
}

// emptySegment moves a segment's live records to the head. It reports false if
// it had to stop for lack of room.
func (j *Journal) emptySegment(generation uint64) bool {
	list := j.occupants(generation)
	moved, stuck := 0, false
	for len(list) > 0 {
		n, bytes := 0, 0
		for n < len(list) && (n == 0 || bytes < j.moveBytes()) {
			bytes += int(list[n].size)
			n++
		}
		count, err := j.moveSome(list[:n])
		moved += count
		j.wakeKeeper()
		if hopeless(err) {
			return false
		}
		if err != nil {
			stuck = true
			j.report(Event{Kind: EventMaintenance, Segment: generation, Err: err})
		}
		list = list[n:]
	}
	j.mu.Lock()
	// What could not be moved stays, and the segment with it: as evidence, and
	// because another attempt would end the same way.
	if s := j.segments[generation]; s != nil {
		s.stuck = stuck
	}
	j.mu.Unlock()
	j.emit(Event{Kind: EventRewritten, Segment: generation, Records: moved})
	return true
}

// moveSome moves records and waits until they are durable at their new place.
func (j *Journal) moveSome(list []occupant) (moved int, err error) {
	j.moving.Lock()
	defer j.moving.Unlock()
	outcome := &outcome{}
	for _, o := range list {
		r, err := j.Read(o.group, o.sequence, nil)
		if err == nil {
			outcome.wait.Add(1)
			if err = j.stageMove(o, r.Data, outcome.done); err != nil {
				outcome.wait.Done()
			} else {
				moved++
			}
		}
		if err == nil || errors.Is(err, ErrNotFound) {
			continue // or released meanwhile
		}
		outcome.add(fmt.Errorf("move record %d of group %d: %w", o.sequence, o.group, err))
		if hopeless(err) {
			break
		}
	}
	notify(j.wake)
	outcome.wait.Wait()
	return moved, outcome.err
}

// hopeless: the next record would meet the same error.
func hopeless(err error) bool {
	return errors.Is(err, ErrFull) || errors.Is(err, ErrClosed) || errors.Is(err, ErrFailed)
}

// outcome gathers what becomes of several appends.
type outcome struct {
	wait sync.WaitGroup
	mu   sync.Mutex
	err  error // of all; guarded by mu until wait is over
}

func (o *outcome) add(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = errors.Join(o.err, err)
}

func (o *outcome) done(_ Appended, err error) {
	if err != nil {
		o.add(err)
	}
	o.wait.Done()
}

func (j *Journal) stageMove(o occupant, data []byte, done Done) error {
	size := uint32(stored(len(data) + j.overhead))
	j.mu.Lock()
	_, err := j.stage(o.group, [][]byte{data}, done, &move{sequence: o.sequence, from: o.pos, size: size})
	wake := err == nil && !j.committing
	j.mu.Unlock()
	if wake {
		notify(j.wake)
	}
	return err
}
