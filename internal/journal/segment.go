package journal

import (
	"crypto/cipher"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs"
)

const segmentSuffix = ".seg"

// segment is one file of the journal.
type segment struct {
	number uint64 // of the file, for life
	name   string
	size   int64

	// Set before the segment is in Journal.segments, then fixed until it is
	// recycled.
	generation  uint64
	previousEnd Position // end of the log before; until used, it may change
	mended      bool     // what lies between is no data: commits failed
	seal        seal.Mark
	aead        cipher.AEAD // nil: not encrypted
	keyErr      error       // why aead is missing

	used bool // a commit was written, or tried; owned by who commits

	// Guarded by Journal.mu.
	end       int64 // of the last commit, once the segment is not the head
	live      int   // records that groups still need
	liveBytes int64
	held      int64 // bytes declared by Hold
	pins      int   // readers, and the writer: not recycled, not closed
	writer    bool  // one of the pins is the writer's
	abandoned bool  // a commit failed: not written any more in this life
	pressed   bool  // an EventPressure was sent
	stuck     bool  // a live record could not be read, so it cannot be moved
	kept      bool  // parts could not be read at Open; another attempt may succeed

	fileMu sync.Mutex
	file   vfs.File // nil while closed; opened by whoever has a pin
}

func segmentName(number uint64) string { return fmt.Sprintf("%08d%s", number, segmentSuffix) }

// segmentNumber is the inverse of segmentName.
func segmentNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, err == nil && number > 0 && segmentName(number) == name
}

// unused reports whether nothing in the segment is needed in this life. Called
// with the journal's lock held.
func (s *segment) unused() bool { return s.live == 0 && s.held == 0 && !s.kept }

func (j *Journal) mode() vfs.Mode {
	if j.options.Direct {
		return vfs.Direct
	}
	return 0
}

// open returns the segment's file. The caller has a pin.
func (j *Journal) open(s *segment) (vfs.File, error) {
	s.fileMu.Lock()
	defer s.fileMu.Unlock()
	if s.file == nil {
		f, err := j.fs.OpenFile(filepath.Join(j.dir, s.name), j.mode())
		if err != nil {
			return nil, fmt.Errorf("open journal segment: %w", err)
		}
		s.file = f
		j.openFiles.Add(1)
	}
	return s.file, nil
}

// pin keeps a segment from being recycled. Called with the lock held.
func (j *Journal) pin(generation uint64) (*segment, error) {
	if j.closed {
		return nil, ErrClosed
	}
	s, ok := j.segments[generation]
	if !ok {
		return nil, fmt.Errorf("segment %d: %w", generation, ErrNotFound)
	}
	s.pins++
	return s, nil
}

// unpin gives a pin back and closes the file if too many are open.
func (j *Journal) unpin(s *segment) {
	j.mu.Lock()
	s.pins--
	idle := s.pins == 0 && (j.closed || int(j.openFiles.Load()) > j.options.OpenFiles)
	if idle {
		idle = s.fileMu.TryLock()
	}
	j.mu.Unlock()
	if idle {
		defer s.fileMu.Unlock()
		j.closeFile(s)
	}
}

// closeFile is called with fileMu held. An error of closing a file that was
// only read, or is synced, says nothing about data.
func (j *Journal) closeFile(s *segment) {
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
		j.openFiles.Add(-1)
	}
}

// Pinned is a segment that is not recycled until Unpin. It is how an owner that
// keeps its records in the journal reads many of them.
type Pinned struct {
	journal *Journal
	segment *segment
	once    sync.Once
}

// Pin keeps the segment of a position from being recycled for the time of a
// read. A hold does this for longer than the process lives.
func (j *Journal) Pin(generation uint64) (*Pinned, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s, err := j.pin(generation)
	if err != nil {
		return nil, err
	}
	return &Pinned{journal: j, segment: s}, nil
}

// Segment returns the generation.
func (p *Pinned) Segment() uint64 { return p.segment.generation }

// Unpin ends it. More calls do nothing.
func (p *Pinned) Unpin() { p.once.Do(func() { p.journal.unpin(p.segment) }) }

type hold struct {
	group   GroupID
	segment uint64
}

// Holding is what a group keeps in a segment.
type Holding struct {
	Segment uint64 // generation
	Bytes   int64
}

// Hold declares that a group needs so many bytes in a segment, whatever it
// releases; 0 gives the segment back. It replaces what was declared before. It
// is durable with the next checkpoint, and not later than a Release that follows
// it. A segment in which nothing is needed any more cannot be held.
func (j *Journal) Hold(group GroupID, generation uint64, bytes int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	s, ok := j.segments[generation]
	switch {
	case j.closing:
		return ErrClosed
	case !ok || s.unused() && j.finished(generation):
		return fmt.Errorf("hold segment %d: %w", generation, ErrNotFound)
	case bytes < 0 || bytes > s.size || group == 0:
		return fmt.Errorf("hold %d bytes of segment %d for group %d: out of range", bytes, generation, group)
	}
	key := hold{group, generation}
	s.held += bytes - j.holds[key]
	if bytes == 0 {
		delete(j.holds, key)
		j.wakeKeeper()
	} else {
		j.holds[key] = bytes
	}
	return nil
}

// Holdings returns what a group holds.
func (j *Journal) Holdings(group GroupID) []Holding {
	j.mu.Lock()
	defer j.mu.Unlock()
	var list []Holding
	for key, bytes := range j.holds {
		if key.group == group {
			list = append(list, Holding{Segment: key.segment, Bytes: bytes})
		}
	}
	sortBy(list, func(h Holding) uint64 { return h.Segment })
	return list
}
