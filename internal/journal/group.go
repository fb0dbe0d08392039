package journal

import (
	"fmt"
	"slices"
)

// group is guarded by Journal.mu.
type group struct {
	id      GroupID
	next    uint64 // sequence of the next append
	visible uint64 // highest committed sequence
	durable uint64 // highest sequence that is synced, as far as known
	floor   uint64 // highest released sequence
	async   bool
	index   index

	unsynced bool   // in Journal.unsynced
	losses   int    // how often records were lost to failed commits
	poison   error  // set: appends are refused with it until Resume
	lost     bool   // with poison: records that were acknowledged as written are lost
	fence    uint64 // with poison: a synced commit of this generation or a later one ends what is lost
}

func (j *Journal) group(id GroupID) *group {
	g := j.groups[id]
	if g == nil {
		g = &group{id: id, next: 1}
		j.groups[id] = g
	}
	return g
}

// GroupInfo describes a group.
type GroupInfo struct {
	Group GroupID
	First uint64 // lowest sequence that is not released; Last+1 if there is none
	Last  uint64 // highest committed sequence; a failed commit may take it back, see Resume
	Live  int    // records that are committed, not released, and not lost
}

// Groups lists the groups that have, or had, records, sorted.
func (j *Journal) Groups() []GroupInfo {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]GroupInfo, 0, len(j.groups))
	for _, g := range j.groups {
		list = append(list, g.info())
	}
	sortBy(list, func(i GroupInfo) GroupID { return i.Group })
	return list
}

// Group describes one group. One that is not known has no records.
func (j *Journal) Group(id GroupID) GroupInfo {
	j.mu.Lock()
	defer j.mu.Unlock()
	if g := j.groups[id]; g != nil {
		return g.info()
	}
	return GroupInfo{Group: id, First: 1}
}

func (g *group) info() GroupInfo {
	staged := int(g.next - 1 - g.visible)
	return GroupInfo{Group: g.id, First: g.floor + 1, Last: g.visible, Live: g.index.records - staged}
}

// SetAsync says whether the appends of a group are acknowledged when they are
// written, before they are synced. It is not remembered: the owner says it again
// after Open.
func (j *Journal) SetAsync(id GroupID, async bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if id == 0 {
		return errNoGroup
	}
	j.group(id).async = async
	return nil
}

// releaseStep bounds how many records are released under one hold of the lock.
const releaseStep = 1 << 14

// Release says that a group needs its records up to a sequence no more. They
// cannot be read from now on; after a crash without a checkpoint in between they
// may be back. What is not committed, or not any more after a failed commit, cannot
// be released.
func (j *Journal) Release(id GroupID, upTo uint64) error {
	for {
		more, err := j.release(id, upTo)
		if err != nil || !more {
			return err
		}
	}
}

func (j *Journal) release(id GroupID, upTo uint64) (more bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	g := j.groups[id]
	switch {
	case j.closing:
		return false, ErrClosed
	case g == nil && upTo > 0, g != nil && upTo > g.visible:
		return false, fmt.Errorf("release group %d up to %d: %w", id, upTo, ErrNotFound)
	case g == nil || upTo <= g.floor:
		return false, nil
	}
	step := min(upTo, g.floor+releaseStep)
	g.index.release(step, j.dead)
	g.floor = step
	if step == upTo {
		g.shrink()
	}
	return step < upTo, nil
}

// shrink gives memory of an emptied index back.
func (g *group) shrink() {
	if g.index.records == 0 {
		g.index = index{}
	}
}

// Drop forgets a group, its records and its holds. Its number must not be used
// again. After a crash without a checkpoint in between the group may be back, with
// its holds and what they keep: no space is used again before a checkpoint that
// does not know the group is durable.
func (j *Journal) Drop(id GroupID) error {
	for {
		info := j.Group(id)
		if info.Live == 0 {
			break
		}
		if err := j.Release(id, info.Last); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	g := j.groups[id]
	switch {
	case j.closing:
		return ErrClosed
	case g == nil:
		return nil
	case g.index.records > 0 || g.visible+1 != g.next:
		return fmt.Errorf("drop group %d: appends are under way", id)
	}
	for key, bytes := range j.holds {
		if key.group == id {
			j.segments[key.segment].held -= bytes
			delete(j.holds, key)
		}
	}
	delete(j.groups, id)
	delete(j.poisoned, id)
	j.wakeKeeper()
	return nil
}

// alive and dead count a record at a position. Called with the lock held.
func (j *Journal) alive(pos Position, size uint32) {
	if s := j.segments[pos.Segment()]; s != nil {
		s.live++
		s.liveBytes += int64(size)
	}
}

func (j *Journal) dead(pos Position, size uint32) {
	if s := j.segments[pos.Segment()]; s != nil {
		s.live--
		s.liveBytes -= int64(size)
		if s.unused() {
			j.wakeKeeper()
		}
	}
}

func sortBy[T any, K uint64 | GroupID](list []T, key func(T) K) {
	slices.SortFunc(list, func(a, b T) int {
		switch ka, kb := key(a), key(b); {
		case ka < kb:
			return -1
		case ka > kb:
			return 1
		}
		return 0
	})
}
