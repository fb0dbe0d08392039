package journal

import (
	"errors"
	"fmt"
)

var errNoGroup = errors.New("journal group 0 is not a group")

// Append appends records to a group, all or none of them, and returns the
// sequence of the first. It copies the records. It returns before they are
// durable: done, which may be nil, is called then, unless Append returns an
// error. It waits while the open batch is full.
//
// If done is given an error that is ErrFailed or ErrPoisoned, the group has lost
// the records, and all later appends get ErrPoisoned until Resume.
func (j *Journal) Append(id GroupID, records [][]byte, done Done) (first uint64, err error) {
	j.mu.Lock()
	first, err = j.stage(id, records, done, nil)
	wake := err == nil && !j.committing
	j.mu.Unlock()
	if wake {
		notify(j.wake)
	}
	return first, err
}

// AppendNow is Append for records that came alone: if no commit is in flight,
// the calling goroutine commits them, and whatever else waits, before it returns.
func (j *Journal) AppendNow(id GroupID, records [][]byte, done Done) (first uint64, err error) {
	j.mu.Lock()
	first, err = j.stage(id, records, done, nil)
	if err != nil {
		j.mu.Unlock()
		return 0, err
	}
	b := j.take()
	j.mu.Unlock()
	if b != nil {
		j.commit(b)
		j.drain(maxCompleted) // ours is among them; under load others go on
	}
	return first, nil
}

// AppendWait appends and waits for the outcome.
func (j *Journal) AppendWait(id GroupID, records ...[]byte) (Appended, error) {
	var result Appended
	var failure error
	ready := make(chan struct{})
	_, err := j.AppendNow(id, records, func(a Appended, err error) {
		result, failure = a, err
		close(ready)
	})
	if err != nil {
		return Appended{}, err
	}
	<-ready
	return result, failure
}

// Sync returns when everything appended before is on the disk, whatever the mode.
// While a group that was not resumed has lost records that were acknowledged as
// written, it returns ErrPoisoned.
func (j *Journal) Sync() error {
	if err := j.barrier(); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lostWritten()
}

// barrier returns when all commits so far are on the disk, or have failed before
// it was called.
func (j *Journal) barrier() error {
	result := make(chan error, 1)
	j.mu.Lock()
	err := j.stageBarrier(func(_ Appended, err error) { result <- err })
	j.mu.Unlock()
	if err != nil {
		return err
	}
	notify(j.wake)
	return <-result
}

// stageBarrier adds an item without records that needs a sync. Called with the
// lock held.
func (j *Journal) stageBarrier(done Done) error {
	if err := j.refusal(); err != nil {
		return err
	}
	j.filling.items = append(j.filling.items, item{done: done})
	j.filling.durable = true
	return nil
}

func (j *Journal) refusal() error {
	if j.err != nil {
		return j.err
	}
	if j.closing {
		return ErrClosed
	}
	return nil
}

// stage copies records into the open batch. Called with the lock held, which it
// gives up while it waits. With a move, the one record keeps its sequence.
func (j *Journal) stage(id GroupID, records [][]byte, done Done, moved *move) (uint64, error) {
	if id == 0 {
		return 0, errNoGroup
	}
	if len(records) == 0 {
		return 0, errors.New("journal append without records")
	}
	total := int64(0)
	for _, r := range records {
		total += int64(stored(min(len(r), MaxSegmentSize) + j.overhead))
	}
	if commitHeader+total > j.options.SegmentSize {
		return 0, fmt.Errorf("append %d bytes in %d records: %w", total, len(records), ErrTooLarge)
	}
	if moved == nil {
		if err := j.poisonOf(id); err != nil {
			return 0, err
		}
	}
	losses := j.losses(id)
	if err := j.makeRoom(total, moved != nil); err != nil {
		return 0, err
	}
	// What was decided before the loss must not be appended after it, even if the
	// group was resumed during the wait.
	if moved == nil && j.losses(id) != losses {
		return 0, fmt.Errorf("group %d has lost records while an append waited: %w", id, ErrPoisoned)
	}
	if g := j.groups[id]; moved != nil && (g == nil || g.floor >= moved.sequence) {
		return 0, ErrNotFound // released meanwhile
	}
	g, b := j.group(id), j.filling
	first, flags := g.next, uint16(flagRecord)
	if moved != nil {
		first, flags = moved.sequence, flagRecord|flagRewritten
	}
	start := at(b.segment.generation, b.offset+int64(b.size))
	for i, r := range records {
		length := len(r) + j.overhead
		pos, size := at(b.segment.generation, b.offset+int64(b.size)), stored(length)
		part := b.reserve(size)
		putHeader(part, id, first+uint64(i), length, flags)
		clear(part[recordHeader+copy(part[recordHeader:], r):])
		if moved == nil {
			g.index.set(first+uint64(i), pos, uint32(size))
			b.segment.live++
			b.segment.liveBytes += int64(size)
		}
	}
	if moved == nil {
		g.next += uint64(len(records))
	}
	b.records += len(records)
	b.durable = b.durable || moved != nil || !g.async && j.options.Interval == 0
	b.items = append(b.items, item{group: g, first: first, count: len(records), at: start, done: done, move: moved})
	return first, nil
}

// makeRoom waits until the open batch has a place with room for so many bytes.
// Called with the lock held.
func (j *Journal) makeRoom(total int64, moving bool) error {
	for {
		if err := j.refusal(); err != nil {
			return err
		}
		b := j.filling
		switch {
		case j.mending: // soon there is another segment, or a reason to refuse
		case b.records > 0 || b.witness:
			fits := int64(b.size)+total <= int64(j.options.BatchBytes) && len(b.items) < j.options.BatchAppends
			if fits && b.offset+int64(b.size)+total <= b.segment.size {
				return nil
			}
		case j.head != nil && j.headOffset+commitHeader+total <= j.head.size:
			if b.size == 0 {
				b.place(j.head, j.headOffset)
			}
			return nil
		case j.roll(moving):
			b.size = 0
			continue
		case moving:
			// The keeper may be waiting for the mover: no waiting here.
			return fmt.Errorf("%w: no segment is ready", ErrFull)
		case j.fullErr != nil:
			j.wakeKeeper()
			return fmt.Errorf("%w: %w", ErrFull, j.fullErr)
		}
		j.space.Wait()
	}
}

// roll makes a spare segment the head. The last spare is left for moving records,
// or for making room, on a full disk; only a start may take it. Called with the
// lock held.
func (j *Journal) roll(moving bool) bool {
	spare := len(j.spares)
	if spare == 0 || spare == 1 && !moving && j.head != nil || j.nextGeneration >= j.generationLimit {
		j.wakeKeeper()
		return false
	}
	j.begin()
	j.filling.durable = j.filling.durable || j.head.mended // what failed ends here for good
	return true
}

// begin makes a spare segment the head. Called with the lock held.
func (j *Journal) begin() {
	s := j.spares[0]
	j.spares = j.spares[1:]
	s.generation = j.nextGeneration
	j.nextGeneration++
	s.previousEnd, s.mended = j.logEnd(), j.broken
	s.end, s.used, s.abandoned, s.pressed, s.stuck = 0, false, false, false, false
	s.pins++
	s.writer, j.broken = true, false
	if j.head != nil {
		j.head.end = j.headOffset
	}
	j.head, j.headOffset = s, 0
	j.segments[s.generation] = s
	j.wakeKeeper()
}

// logEnd is where the next commit would go in the present head.
func (j *Journal) logEnd() Position {
	if j.head == nil {
		return j.written
	}
	return at(j.head.generation, j.headOffset)
}

// notify wakes the goroutine that listens, once.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
