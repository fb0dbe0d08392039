package journal

import "fmt"

// Position is the place of a commit or record: the generation of a segment and
// an offset in it. Later positions are larger. Zero is no position.
type Position uint64

const (
	offsetBits = 28

	// MaxSegmentSize is the largest segment, in bytes, that positions can
	// address.
	MaxSegmentSize = 1 << offsetBits

	// maxGeneration is far away: 2^32 segments, or 2^26 starts.
	maxGeneration = 1<<32 - 1
)

func at(generation uint64, offset int64) Position {
	return Position(generation<<offsetBits + uint64(offset))
}

// Segment returns the generation of the segment.
func (p Position) Segment() uint64 { return uint64(p) >> offsetBits }

// Offset returns the offset in the segment, in bytes.
func (p Position) Offset() int64 { return int64(p & (MaxSegmentSize - 1)) }

func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Segment(), p.Offset()) }
