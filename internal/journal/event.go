package journal

import "fmt"

// EventKind is what happened.
type EventKind uint8

const (
	// EventSegmentCreated: a new file was made.
	EventSegmentCreated EventKind = iota
	// EventSegmentRecycled: a segment that nobody needs is ready for use again.
	EventSegmentRecycled
	// EventSegmentRemoved: a segment that nobody needs was deleted.
	EventSegmentRemoved
	// EventCheckpoint: a checkpoint is durable.
	EventCheckpoint
	// EventRewritten: the live records of a segment were moved to the head.
	EventRewritten
	// EventPressure: Groups keep the oldest segments busy with so many records
	// that moving them does not pay. Their owners should release.
	EventPressure
	// EventFull: there is no room for another segment: Err.
	EventFull
	// EventMaintenance: a checkpoint or a move of records failed: Err. It is
	// tried again.
	EventMaintenance
	// EventFailedCommit: a commit could not be written or synced: Err. The log ends
	// at Position and goes on in another segment; between Position and End the
	// Groups have lost so many Records, were given ErrFailed or ErrPoisoned for
	// those that were not acknowledged, and are poisoned until Resume.
	EventFailedCommit
	// EventUnsyncedLost follows EventFailedCommit where of the lost records so many,
	// of these Groups, had been acknowledged as written, before they were synced.
	EventUnsyncedLost
	// EventFailed: the journal has failed for good: Err.
	EventFailed
)

// Event is something that an operator may want to know.
type Event struct {
	Kind     EventKind
	Segment  uint64    // generation, where it applies
	Position Position  // where the scan would begin, of EventCheckpoint; begin of what is lost
	End      Position  // of what is lost, of EventFailedCommit and EventUnsyncedLost
	Records  int       // moved, of EventRewritten; lost
	Groups   []GroupID // of EventPressure, EventFailedCommit and EventUnsyncedLost, sorted
	Err      error
}

func (e Event) String() string {
	switch e.Kind {
	case EventSegmentCreated:
		return "segment created"
	case EventSegmentRecycled:
		return "segment recycled"
	case EventSegmentRemoved:
		return "segment removed"
	case EventCheckpoint:
		return fmt.Sprintf("checkpoint at %v", e.Position)
	case EventRewritten:
		return fmt.Sprintf("%d records of segment %d moved", e.Records, e.Segment)
	case EventPressure:
		return fmt.Sprintf("segment %d is kept by %d groups", e.Segment, len(e.Groups))
	case EventFull:
		return fmt.Sprintf("full: %v", e.Err)
	case EventFailedCommit:
		return fmt.Sprintf("commit failed: %d records of %d groups from %v to %v are lost: %v", e.Records, len(e.Groups), e.Position, e.End, e.Err)
	case EventUnsyncedLost:
		return fmt.Sprintf("%d records of %d groups from %v to %v were acknowledged before a sync and are lost: %v", e.Records, len(e.Groups), e.Position, e.End, e.Err)
	case EventMaintenance:
		return fmt.Sprintf("maintenance: %v", e.Err)
	}
	return fmt.Sprintf("failed: %v", e.Err)
}

func (j *Journal) emit(e Event) {
	if j.options.OnEvent != nil {
		j.options.OnEvent(e)
	}
}
