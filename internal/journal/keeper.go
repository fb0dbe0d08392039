package journal

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// spareTarget is how many segments are kept ready: one to go on with, and one
// that stays (see roll).
const spareTarget = 2

// generationStep is how many generations a checkpoint allows to be used before
// the next one: what is allowed and lost in a crash is never used again.
const generationStep = 64

func (j *Journal) wakeKeeper() { notify(j.wakeKeep) }

// keepLoop prepares segments and writes checkpoints.
func (j *Journal) keepLoop() {
	defer j.running.Done()
	for {
		select {
		case <-j.quit:
			return
		case <-j.wakeKeep:
		}
		for j.keep() {
			select {
			case <-j.quit:
				return
			default:
			}
		}
	}
}

// keep does the most urgent thing and reports whether there may be more.
func (j *Journal) keep() bool {
	j.mu.Lock()
	lacking := len(j.spares) < spareTarget
	checkpoint := j.sinceCheckpoint >= j.options.CheckpointBytes ||
		j.generationLimit-j.nextGeneration < generationStep/2 ||
		lacking && j.reclaimable()
	allowed := j.options.MaxSegments == 0 || len(j.segments)+len(j.spares) < j.options.MaxSegments
	stop := j.err != nil || j.closing
	j.mu.Unlock()
	switch {
	case stop:
		return false
	case checkpoint:
		done, err := j.tryCheckpoint()
		if err != nil {
			j.report(Event{Kind: EventMaintenance, Err: err})
			j.stopRolling(err)
		}
		return done || lacking && j.addSpare(allowed)
	case lacking:
		return j.addSpare(allowed)
	}
	return false
}

// stopRolling refuses appends that would wait for a checkpoint that cannot be had.
func (j *Journal) stopRolling(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.nextGeneration >= j.generationLimit {
		j.fullErr = err
		j.space.Broadcast()
	}
}

func (j *Journal) report(e Event) {
	if !errors.Is(e.Err, ErrClosed) && !errors.Is(e.Err, ErrFailed) {
		j.emit(e)
	}
}

// reclaimable reports whether a segment is unused. Called with the lock held.
func (j *Journal) reclaimable() bool {
	for generation, s := range j.segments {
		if s.unused() && s.pins == 0 && j.finished(generation) {
			return true
		}
	}
	return false
}

// finished reports whether a segment will not be written in this life any more,
// and is complete. Called with the lock held.
func (j *Journal) finished(generation uint64) bool {
	return j.head == nil || generation < j.written.Segment()
}

// addSpare makes a new segment and reports whether it could.
func (j *Journal) addSpare(allowed bool) bool {
	err := fmt.Errorf("%d segments are in use", j.options.MaxSegments)
	var s *segment
	if allowed {
		s, err = j.makeSegment(j.quitting)
	}
	j.mu.Lock()
	news := (err != nil) != (j.fullErr != nil)
	j.fullErr = err
	if err == nil {
		j.spares = append(j.spares, s)
		j.fence()
	}
	j.space.Broadcast()
	j.mu.Unlock()
	notify(j.wakeMover)
	if err != nil {
		if news {
			j.report(Event{Kind: EventFull, Err: err})
		}
		return false
	}
	j.emit(Event{Kind: EventSegmentCreated})
	return true
}

// makeSegment creates a file, fills it with zeros so that later writes overwrite
// what the disk already has, and makes it durable, unless it is told to stop. A
// name is used once.
func (j *Journal) makeSegment(stop func() bool) (*segment, error) {
	j.mu.Lock()
	number := j.nextNumber
	j.nextNumber++
	j.mu.Unlock()
	s := &segment{number: number, name: segmentName(number), size: j.options.SegmentSize}
	if err := j.freshSeal(s); err != nil {
		return nil, err
	}
	name := filepath.Join(j.dir, s.name)
	temp := name + vfs.TempSuffix
	err := j.fillSegment(temp, s.size, stop)
	if err == nil {
		err = j.fs.Rename(temp, name)
	}
	if err == nil {
		err = j.fs.SyncDir(j.dir)
	}
	if err != nil {
		_ = j.fs.Remove(temp) // so that a full disk is not kept full by the attempt
		return nil, fmt.Errorf("make journal segment: %w", err)
	}
	return s, nil
}

var zeros = vfs.Aligned(1 << 20)

func (j *Journal) fillSegment(name string, size int64, stop func() bool) error {
	f, err := j.fs.OpenFile(name, vfs.Create|vfs.Truncate|j.mode())
	if err != nil {
		return err
	}
	err = f.Preallocate(size)
	for off := int64(0); off < size && err == nil; off += int64(len(zeros)) {
		if stop() {
			err = ErrClosed
			break
		}
		_, err = f.WriteAt(zeros[:min(int64(len(zeros)), size-off)], off)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (j *Journal) quitting() bool {
	select {
	case <-j.quit:
		return true
	default:
		return false
	}
}

// freshSeal gives a segment a new key for its next generation.
func (j *Journal) freshSeal(s *segment) error {
	var err error
	s.keyErr = nil
	s.seal, s.aead, err = seal.New(j.options.Cipher, purpose, j.options.Random)
	return err
}

// Checkpoint writes the journal's own state, so that recovery need not read what
// is before, and so that segments that nobody needs can be used again. It is
// done by itself every CheckpointBytes.
func (j *Journal) Checkpoint() error {
	defer j.wakeKeeper() // who may have found the locks taken
	j.checkpointing.Lock()
	defer j.checkpointing.Unlock()
	if err := j.barrier(); err != nil {
		return err
	}
	j.moving.Lock()
	return j.writeCheckpoint()
}

// tryCheckpoint is Checkpoint for the keeper, who must not wait for those who
// may be waiting for it. They wake it when they are done.
func (j *Journal) tryCheckpoint() (done bool, err error) {
	if !j.checkpointing.TryLock() {
		return false, nil
	}
	defer j.checkpointing.Unlock()
	if err := j.barrier(); err != nil {
		return false, err
	}
	if !j.moving.TryLock() {
		return false, nil
	}
	if err := j.writeCheckpoint(); err != nil {
		return false, err
	}
	return true, nil
}

// writeCheckpoint is called with checkpointing and moving held, and gives moving
// back.
func (j *Journal) writeCheckpoint() error {
	data, taken := j.snapshot()
	j.moving.Unlock()
	err := j.storeCheckpoint(data)
	if errors.Is(err, syscall.ENOSPC) && len(taken.unused) > 0 && j.sacrifice() {
		err = j.storeCheckpoint(data)
	}
	if err != nil {
		return fmt.Errorf("write journal checkpoint: %w", err)
	}
	j.mu.Lock()
	j.generationLimit = taken.limit
	j.sinceCheckpoint -= taken.bytes
	j.fence()
	j.space.Broadcast()
	j.mu.Unlock()
	j.emit(Event{Kind: EventCheckpoint, Position: taken.position})
	for _, s := range taken.unused {
		j.reclaim(s)
	}
	notify(j.wakeMover)
	return nil
}

func (j *Journal) storeCheckpoint(data []byte) error {
	for _, name := range checkpointNames {
		if err := vfs.WriteFile(j.fs, filepath.Join(j.dir, name), data); err != nil {
			return err
		}
	}
	return nil
}

// sacrifice deletes a spare segment, so that a full disk has room for the
// checkpoint with which others are won back.
func (j *Journal) sacrifice() bool {
	j.mu.Lock()
	n := len(j.spares)
	var s *segment
	if n > 0 {
		s, j.spares = j.spares[n-1], j.spares[:n-1]
	}
	j.mu.Unlock()
	if s != nil {
		j.remove(s, 0)
	}
	return s != nil
}

// snapshotStep bounds the records that are encoded under one hold of the lock.
const snapshotStep = 1 << 14

// snapshotTaken is what a checkpoint, once durable, allows.
type snapshotTaken struct {
	position Position
	limit    uint64     // of generations
	bytes    int64      // written since the checkpoint before
	unused   []*segment // not in the checkpoint
}

// snapshot encodes the state. Appends and releases go on meanwhile; moving must
// not. All records before the position are in it unless they were released.
func (j *Journal) snapshot() (data []byte, taken snapshotTaken) {
	j.mu.Lock()
	taken.position = j.scanStart()
	taken.limit = j.nextGeneration + generationStep
	taken.bytes = j.sinceCheckpoint
	for generation, s := range j.segments {
		if s.unused() && j.finished(generation) {
			taken.unused = append(taken.unused, s)
		}
	}
	sortBy(taken.unused, func(s *segment) uint64 { return s.generation })
	j.checkpointNumber++
	c := &checkpoint{
		identity:        j.identity,
		number:          j.checkpointNumber,
		position:        taken.position,
		generationLimit: taken.limit,
		nextNumber:      j.nextNumber,
	}
	ids := make([]GroupID, 0, len(j.groups))
	for id := range j.groups {
		ids = append(ids, id)
	}
	held := maps.Clone(j.holds)
	j.mu.Unlock()
	sortBy(ids, func(id GroupID) GroupID { return id })

	groups, encoded := &encoder{}, make(map[GroupID]bool)
	for _, id := range ids {
		if j.encodeGroup(groups, id, taken.position) {
			encoded[id] = true
		}
	}
	count := len(encoded)
	j.mu.Lock()
	defer j.mu.Unlock()
	// A group that was dropped since it was encoded is in the checkpoint, so its
	// holds must be too.
	maps.DeleteFunc(held, func(h hold, _ int64) bool { return !encoded[h.group] || j.groups[h.group] != nil || j.holds[h] > 0 })
	c.segments, c.holds = j.tables(taken.unused, held)
	e := &encoder{}
	e.begin(c)
	e.segments(c.segments)
	e.uint(uint64(count))
	e.buf = append(e.buf, groups.buf...)
	e.holds(c.holds)
	return e.finish(), taken
}

// scanStart is the position that all durable records are before, moved to the
// next generation where the rest of a segment will never be written. Called with
// the lock held.
func (j *Journal) scanStart() Position {
	pos := j.synced
	switch {
	case j.head == nil:
		return at(j.nextGeneration, 0)
	case pos.Segment() < j.head.generation:
		if s := j.segments[pos.Segment()]; s == nil || pos.Offset() == s.end {
			return at(pos.Segment()+1, 0)
		}
	}
	return pos
}

// tables lists segments, but for those that will be recycled, and holds, with
// those of dropped groups. Called with the lock held.
func (j *Journal) tables(unused []*segment, dropped map[hold]int64) (segments []segmentState, holds []holdState) {
	skip := make(map[uint64]bool)
	for _, s := range unused {
		skip[s.generation] = true
	}
	for _, s := range j.segments {
		end := s.end
		if s == j.head {
			end = j.headOffset
		}
		if !skip[s.generation] {
			segments = append(segments, segmentState{s.generation, s.number, end, s.seal})
		}
	}
	sortBy(segments, func(s segmentState) uint64 { return s.generation })
	for _, list := range [...]map[hold]int64{j.holds, dropped} {
		for key, bytes := range list {
			holds = append(holds, holdState{key, bytes})
		}
	}
	slices.SortFunc(holds, func(a, b holdState) int {
		if a.before(b.hold) {
			return -1
		}
		return 1
	})
	return segments, holds
}

// encodeGroup encodes a group in steps. What is released between two steps is
// covered by the floor, which is taken last.
func (j *Journal) encodeGroup(e *encoder, id GroupID, limit Position) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	g := j.groups[id]
	if g == nil {
		return false
	}
	rollback := len(e.buf)
	e.uint(uint64(id))
	from, last := g.floor+1, uint64(0)
	for to := g.visible + 1; from < to; {
		step := min(to, from+snapshotStep)
		last = max(last, e.records(&g.index, from, step, limit))
		from = step
		if from < to {
			j.mu.Unlock()
			j.mu.Lock()
			if j.groups[id] != g {
				e.buf, e.previous = e.buf[:rollback], 0
				return false
			}
		}
	}
	// What was released before it was synced may be lost to a failure, and its
	// sequences used again.
	floor := min(g.floor, g.durable)
	e.endRecords(floor, max(floor, last)+1)
	return true
}

// reclaim makes a spare of a segment, if it is still unused, or deletes it.
func (j *Journal) reclaim(s *segment) {
	j.mu.Lock()
	if !s.unused() || s.pins > 0 {
		j.mu.Unlock()
		return
	}
	generation := s.generation
	delete(j.segments, generation)
	keep := len(j.spares) < spareTarget && s.size == j.options.SegmentSize && !s.abandoned
	j.mu.Unlock()
	if keep && j.freshSeal(s) == nil {
		j.mu.Lock()
		j.spares = append(j.spares, s)
		j.fullErr = nil
		j.fence()
		j.space.Broadcast()
		j.mu.Unlock()
		j.emit(Event{Kind: EventSegmentRecycled, Segment: generation})
		return
	}
	j.remove(s, generation)
}

// remove deletes a segment's file. If that fails the file is left for the next
// start, which finds that it holds nothing of use.
func (j *Journal) remove(s *segment, generation uint64) {
	s.fileMu.Lock()
	j.closeFile(s)
	s.fileMu.Unlock()
	err := j.fs.Remove(filepath.Join(j.dir, s.name))
	if err == nil {
		err = j.fs.SyncDir(j.dir)
	}
	if err != nil {
		j.report(Event{Kind: EventMaintenance, Err: fmt.Errorf("remove journal segment: %w", err)})
		return
	}
	j.emit(Event{Kind: EventSegmentRemoved, Segment: generation})
}
