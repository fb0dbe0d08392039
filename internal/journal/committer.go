package journal

import (
	"fmt"
	"math"
	"time"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// maxCompleted bounds the committed batches whose callbacks wait to be called.
const maxCompleted = 4

// take makes the caller the committer if there is something to commit and no
// commit in flight. Called with the lock held; the caller must call commit.
func (j *Journal) take() *batch {
	b := j.filling
	if j.committing || b.empty() || len(j.completed) >= maxCompleted {
		return nil
	}
	j.committing = true
	j.filling = j.newBatch()
	if b.records > 0 || b.witness {
		j.headOffset = b.offset + span(b.size-commitHeader)
	}
	j.space.Broadcast()
	return b
}

// commit writes a batch, syncs it if someone waits for that, and publishes the
// outcome. The callbacks are left to drain.
func (j *Journal) commit(b *batch) {
	var events []Event
	end, synced, err := j.write(b)
	j.mu.Lock()
	if err == nil {
		j.publish(b, end, synced)
		j.completed = append(j.completed, b)
	} else {
		events = j.mend(b, synced, err)
	}
	j.committing = false
	wake := !j.filling.empty() || j.closing || !j.ticking && j.pause() > 0
	j.space.Broadcast()
	j.mu.Unlock()
	if wake {
		notify(j.wake)
	}
	for _, e := range events {
		j.emit(e)
	}
}

// write returns the ends of what is written and of what is synced. The fields
// that it reads are changed by committers only, and there is one at a time. With
// an error, what is synced counts all the same.
func (j *Journal) write(b *batch) (end, synced Position, err error) {
	end, synced = j.written, j.synced
	if b.records > 0 || b.witness {
		if j.writing != nil && j.writing != b.segment && synced < end {
			if err := j.sync(j.writing); err != nil {
				return 0, synced, err
			}
			synced = end
		}
		if end, err = j.writeCommit(b, synced); err != nil {
			return 0, synced, err
		}
		j.writing = b.segment
	}
	if b.durable && synced < end {
		if err := j.sync(j.writing); err != nil {
			return 0, synced, err
		}
		synced = end
	}
	return end, synced, nil
}

func (j *Journal) writeCommit(b *batch, synced Position) (end Position, err error) {
	b.segment.used = true // also if this fails: no place and no nonce is used twice
	f, err := j.open(b.segment)
	if err != nil {
		return 0, err
	}
	length := b.size - commitHeader
	c := commit{
		identity:    j.identity,
		position:    b.position(),
		synced:      synced,
		previousEnd: b.segment.previousEnd,
		mended:      b.segment.mended,
		dataEnd:     j.dataEnd,
		length:      length,
		records:     b.records,
		fold:        j.sealRecords(b),
		seal:        b.segment.seal,
	}
	c.put(b.buffer)
	whole := int(span(length))
	if n := whole - b.size; n > 0 {
		clear(b.reserve(n))
	}
	if _, err := f.WriteAt(b.buffer[:whole], b.offset); err != nil {
		return 0, fmt.Errorf("write journal segment %s at %d: %w", b.segment.name, b.offset, err)
	}
	return c.end(), nil
}

// sealRecords encrypts and sums the records of a batch in place.
func (j *Journal) sealRecords(b *batch) (fold uint32) {
	generation := b.segment.generation
	for off := commitHeader; off < b.size; {
		p := b.buffer[off:b.size]
		length := int(uint32(p[4]) | uint32(p[5])<<8 | uint32(p[6])<<16 | uint32(p[7])<<24)
		pos := at(generation, b.offset+int64(off))
		p = p[:recordHeader+length]
		if b.segment.aead != nil {
			n := nonce(pos)
			plain := p[recordHeader : len(p)-j.overhead]
			b.segment.aead.Seal(plain[:0], n[:], plain, p[4:26])
		}
		fold = foldSum(fold, sumRecord(j.seed, pos, p))
		off += stored(length)
	}
	return fold
}

func (j *Journal) sync(s *segment) error {
	f, err := j.open(s)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync journal segment %s: %w", s.name, err)
	}
	return nil
}

// publish makes the records of a committed batch visible. Called with the lock
// held.
func (j *Journal) publish(b *batch, end, synced Position) {
	if b.records > 0 || b.witness {
		j.sinceCheckpoint += int64(span(b.size - commitHeader))
		j.passWriter(b.segment)
	}
	if synced >= j.written {
		j.settleGroups()
	}
	if synced > j.synced {
		j.failedInRow = 0
	}
	j.written, j.synced = end, synced
	if b.records > 0 {
		j.dataEnd = end
	}
	if b.witness {
		j.witnessed = end
	}
	for i := range b.items {
		it := &b.items[i]
		switch {
		case it.group == nil || it.err != nil:
		case it.move != nil:
			j.moved(it)
		default:
			it.group.visible = it.first + uint64(it.count) - 1
			if !it.group.unsynced {
				it.group.unsynced = true
				j.unsynced = append(j.unsynced, it.group)
			}
		}
	}
	if synced >= end {
		j.settleGroups()
	}
	if j.sinceCheckpoint >= j.options.CheckpointBytes {
		j.wakeKeeper()
	}
}

// settleGroups notes that all that is visible is on the disk. Called with the
// lock held.
func (j *Journal) settleGroups() {
	for _, g := range j.unsynced {
		g.durable, g.unsynced = g.visible, false
	}
	j.forgetUnsynced()
}

// forgetUnsynced empties the list without keeping many groups alive by it.
func (j *Journal) forgetUnsynced() {
	clear(j.unsynced)
	j.unsynced = j.unsynced[:0]
}

// passWriter moves the writer's pin along.
func (j *Journal) passWriter(s *segment) {
	if old := j.pinnedWriter; old != s {
		if old != nil {
			old.pins--
			old.writer = false
			j.wakeKeeper()
			notify(j.wakeMover)
		}
		j.pinnedWriter = s
	}
}

// moved points the index at the new place, unless the record was released or
// the old place is no longer the one. Called with the lock held.
func (j *Journal) moved(it *item) {
	pos, size, ok := it.group.index.get(it.move.sequence)
	if !ok || pos != it.move.from {
		return
	}
	j.dead(pos, size)
	it.group.index.set(it.move.sequence, it.at, it.move.size)
	j.alive(it.at, it.move.size)
}

// drain calls the callbacks of committed batches, at most so many, in order. One
// goroutine at a time does; others leave it to that one.
func (j *Journal) drain(limit int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.draining {
		return
	}
	j.draining = true
	for ; len(j.completed) > 0 && limit > 0; limit-- {
		b := j.completed[0]
		j.completed = j.completed[:copy(j.completed, j.completed[1:])]
		j.mu.Unlock()
		for i := range b.items {
			it := &b.items[i]
			if it.done == nil {
				continue
			}
			a := Appended{First: it.first, Count: it.count, Position: it.at}
			if it.group != nil {
				a.Group = it.group.id
			}
			err := b.err
			if it.err != nil {
				err = it.err
			}
			it.done(a, err)
		}
		j.mu.Lock()
		j.recycle(b)
		if !j.committing && !j.filling.empty() {
			notify(j.wake)
		}
	}
	j.draining = false
	if len(j.completed) > 0 {
		notify(j.wakeCompleter)
	}
	j.space.Broadcast()
}

// commitLoop is the committer's goroutine. It ends when the journal closes and
// nothing is left to commit.
func (j *Journal) commitLoop() {
	defer j.running.Done()
	var timer <-chan time.Time
	var since Position
	for {
		j.mu.Lock()
		b := j.take()
		idle := j.filling.empty() && !j.committing
		if b == nil && j.closing && idle {
			j.mu.Unlock()
			return
		}
		pause := j.pause()
		if b == nil && timer == nil && pause > 0 {
			j.ticking = true
			since = j.written
			timer = j.options.After(pause)
		}
		j.mu.Unlock()
		if b != nil {
			j.commit(b)
			notify(j.wakeCompleter)
			continue
		}
		select {
		case <-j.wake:
		case <-timer:
			timer = nil
			j.tick(since)
		}
	}
}

// pause is the time until something has to be done without an append: a sync of
// what is only written, or a witness. Called with the lock held.
func (j *Journal) pause() time.Duration {
	switch {
	case j.err != nil || j.closing:
		return 0
	case j.synced < j.dataEnd && j.options.Interval > 0:
		return j.options.Interval
	case j.synced < j.dataEnd:
		return j.options.AsyncInterval
	case j.options.Witness > 0 && j.dataEnd > j.witnessed:
		return j.options.Witness
	}
	return 0
}

// tick stages what pause waited for.
func (j *Journal) tick(since Position) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ticking = false
	switch {
	case j.synced < j.dataEnd:
		// Refused only where a sync is no longer wanted: failed or closing.
		_ = j.stageBarrier(nil)
	case j.refusal() != nil || j.committing || !j.filling.empty():
	case j.options.Witness <= 0 || j.dataEnd <= j.witnessed || j.written != since:
	case j.head == nil || j.headOffset+vfs.PageSize > j.head.size:
		j.witnessed = j.written // the next segment will be the witness
	default:
		j.filling.size = 0
		j.filling.place(j.head, j.headOffset)
		j.filling.witness = true
	}
}

// completeLoop calls the callbacks for the committer's goroutine, so that the
// next commit does not wait for them.
func (j *Journal) completeLoop() {
	defer j.running.Done()
	for {
		select {
		case <-j.wakeCompleter:
			j.drain(math.MaxInt)
		case <-j.committed:
			j.drain(math.MaxInt)
			return
		}
	}
}
