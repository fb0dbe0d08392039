package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// Recovery tells what Open found. Everything in it that is not normal after a
// power cut is damage.
type Recovery struct {
	Fresh      bool     // there was no journal
	Checkpoint Position // where the scan began
	Bytes      int64    // read by the scan
	Records    int      // found by the scan
	// Cut is the torn end of the log, nil if there is none. Only what was not
	// acknowledged as synced is behind it.
	Cut *Cut
	// Damage lists places that held acknowledged data.
	Damage []Damage
	// Lost lists sequences that are missing from groups.
	Lost []Lost
	// Problems are files that were set aside: damaged checkpoints, segments of
	// another journal. Without a checkpoint released records may be back.
	Problems []error
}

// Lost is a range of missing records of a group.
type Lost struct {
	Group       GroupID
	First, Last uint64
}

// Damaged reports whether anything that was acknowledged may be missing.
func (r *Recovery) Damaged() bool {
	return len(r.Damage) > 0 || len(r.Lost) > 0 || len(r.Problems) > 0 || r.Cut != nil && r.Cut.Err != nil
}

// recovery is the work of Open. The journal belongs to one goroutine.
type recovery struct {
	*Journal
	report     Recovery
	checkpoint *checkpoint
	files      map[uint64]int64 // sizes of the segment files, by number
	candidates []candidate      // segments to scan, by generation
	surplus    []*segment       // files without content of use
	highest    uint64           // generation seen anywhere
	scratch    []byte           // memory of loads
	torn       *Cut             // a first commit of a segment that does not check
	newGroups  bool             // floors are not known: no checkpoint
}

// candidate is a segment that may hold records after the checkpoint.
type candidate struct {
	segment *segment
	first   commit // any commit of the generation
}

func (j *Journal) recover() (Recovery, error) {
	r := &recovery{Journal: j, files: make(map[uint64]int64)}
	steps := []func() error{r.list, r.loadCheckpoint, r.begin, r.adoptListed, r.classify, r.scan, r.finish}
	for _, step := range steps {
		if err := step(); err != nil {
			return r.report, err
		}
	}
	return r.report, nil
}

// list finds the segment files and removes what an interrupted start of one left.
func (r *recovery) list() error {
	entries, err := r.fs.ReadDir(r.dir)
	if err != nil {
		return fmt.Errorf("list journal: %w", err)
	}
	for _, e := range entries {
		if base, ok := strings.CutSuffix(e.Name, vfs.TempSuffix); ok && !e.Dir {
			if _, ok := segmentNumber(base); ok || base == checkpointNames[0] || base == checkpointNames[1] {
				if err := r.fs.Remove(filepath.Join(r.dir, e.Name)); err != nil {
					return fmt.Errorf("remove left-over of journal: %w", err)
				}
			}
		}
		if number, ok := segmentNumber(e.Name); ok && !e.Dir {
			r.files[number] = e.Size
			r.nextNumber = max(r.nextNumber, number+1)
		}
	}
	return nil
}

// loadCheckpoint takes the newer of the valid copies.
func (r *recovery) loadCheckpoint() error {
	for _, name := range checkpointNames {
		data, err := vfs.ReadFile(r.fs, filepath.Join(r.dir, name), checkpointLimit)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var c *checkpoint
		if err == nil {
			c, err = parseCheckpoint(data)
		}
		if err != nil {
			r.report.Problems = append(r.report.Problems, fmt.Errorf("journal %s: %w", name, err))
			continue
		}
		if r.checkpoint == nil || c.number > r.checkpoint.number {
			r.checkpoint = c
		}
	}
	return nil
}

// begin settles the name of the log.
func (r *recovery) begin() error {
	if r.checkpoint != nil {
		r.identity = r.checkpoint.identity
	} else {
		found, err := r.findIdentity()
		if err != nil {
			return err
		}
		if !found {
			r.report.Fresh = len(r.files) == 0 && len(r.report.Problems) == 0
			if _, err := io.ReadFull(r.options.Random, r.identity[:]); err != nil {
				return fmt.Errorf("read random bytes: %w", err)
			}
		}
		r.newGroups = true
	}
	r.seed = r.identity.seed()
	return nil
}

// findIdentity takes the name from the first segment that has a commit.
func (r *recovery) findIdentity() (bool, error) {
	for _, number := range r.numbers() {
		data, _, err := r.load(number)
		if err != nil {
			return false, err
		}
		for off := 0; off < len(data); off += vfs.PageSize {
			if c, ok := parseCommit(data[off:]); ok && c.position.Offset() == int64(off) {
				r.identity = c.identity
				return true, nil
			}
		}
	}
	return false, nil
}

func (r *recovery) numbers() []uint64 {
	list := make([]uint64, 0, len(r.files))
	for number := range r.files {
		list = append(list, number)
	}
	sortBy(list, func(n uint64) uint64 { return n })
	return list
}

func (r *recovery) problem(format string, args ...any) {
	r.report.Problems = append(r.report.Problems, fmt.Errorf(format, args...))
}

func (r *recovery) addSegment(generation, number uint64, sealed seal.Mark) (*segment, error) {
	s := &segment{number: number, name: segmentName(number), size: r.files[number], generation: generation, seal: sealed}
	s.aead, s.keyErr = r.options.unseal(sealed)
	if errors.Is(s.keyErr, ErrKey) {
		return nil, fmt.Errorf("journal segment %s: %w", s.name, s.keyErr)
	}
	if s.keyErr != nil {
		return nil, s.keyErr
	}
	r.segments[generation] = s
	r.highest = max(r.highest, generation)
	return s, nil
}

// adoptListed takes over what the checkpoint says.
func (r *recovery) adoptListed() error {
	c := r.checkpoint
	if c == nil {
		return nil
	}
	r.report.Checkpoint = c.position
	r.checkpointNumber = c.number
	r.nextNumber = max(r.nextNumber, c.nextNumber)
	for _, state := range c.segments {
		if _, ok := r.files[state.number]; !ok {
			r.report.Damage = append(r.report.Damage, Damage{
				File: segmentName(state.number), From: at(state.generation, 0), To: at(state.generation, state.end), Reason: "the file is missing",
			})
			continue
		}
		s, err := r.addSegment(state.generation, state.number, state.seal)
		if err != nil {
			return err
		}
		s.end = state.end
		if err := r.considerListed(s); err != nil {
			return err
		}
	}
	for _, state := range c.groups {
		r.adoptGroup(state)
	}
	for _, h := range c.holds {
		if s := r.segments[h.segment]; s != nil {
			r.holds[h.hold] = h.bytes
			s.held += h.bytes
		}
	}
	return nil
}

// considerListed finds segments that were, or became, the head while the
// checkpoint was made.
func (r *recovery) considerListed(s *segment) error {
	position := r.checkpoint.position
	switch {
	case s.generation == position.Segment():
		r.candidates = append(r.candidates, candidate{segment: s})
	case s.generation > position.Segment():
		c, state, err := r.peek(s.number)
		if err != nil {
			return err
		}
		switch {
		case state == unreadable:
			r.reportUnreadable(s.name)
			s.kept = true
		case state == used && c.position.Segment() == s.generation:
			r.candidates = append(r.candidates, candidate{s, c})
		}
	}
	return nil
}

func (r *recovery) adoptGroup(state groupState) {
	g := &group{id: state.id, floor: state.floor, next: state.next, visible: state.next - 1}
	for seq, pos, size, ok := state.index.next(state.floor + 1); ok; seq, pos, size, ok = state.index.next(seq + 1) {
		if r.segments[pos.Segment()] == nil {
			continue // reported: a gap
		}
		g.index.set(seq, pos, size)
		r.alive(pos, size)
	}
	r.groups[state.id] = g
}

// classify finds out what the files that no checkpoint lists are.
func (r *recovery) classify() error {
	listed := make(map[uint64]bool)
	for _, s := range r.segments {
		listed[s.number] = true
	}
	for _, number := range r.numbers() {
		if listed[number] {
			continue
		}
		if err := r.classifyFile(number); err != nil {
			return err
		}
	}
	sortBy(r.candidates, func(c candidate) uint64 { return c.segment.generation })
	return nil
}

func (r *recovery) classifyFile(number uint64) error {
	c, state, err := r.peek(number)
	if err != nil {
		return err
	}
	name := segmentName(number)
	switch {
	case state == foreign:
		r.problem("journal segment %s belongs to another journal", name)
		return nil
	case state == used && c.position.Segment() >= r.report.Checkpoint.Segment():
		generation := c.position.Segment()
		if other := r.segments[generation]; other != nil {
			r.problem("journal segment %s has the generation %d of %s", name, generation, other.name)
			return nil
		}
		s, err := r.addSegment(generation, number, c.seal)
		if err != nil {
			return err
		}
		r.candidates = append(r.candidates, candidate{s, c})
		return nil
	case state == unreadable:
		r.reportUnreadable(name)
		return nil
	case state == unknown && r.checkpoint == nil:
		r.problem("journal segment %s has no readable commit", name)
		return nil
	}
	if state == used {
		r.highest = max(r.highest, c.position.Segment())
	}
	return r.addSpareFile(number)
}

func (r *recovery) reportUnreadable(name string) {
	r.report.Damage = append(r.report.Damage, Damage{
		File: name, From: r.report.Checkpoint, To: r.report.Checkpoint + 1, Reason: "not readable: it may hold acknowledged records",
	})
}

// addSpareFile keeps a segment without content of use, or deletes it.
func (r *recovery) addSpareFile(number uint64) error {
	s := &segment{number: number, name: segmentName(number), size: r.files[number]}
	if len(r.spares) < spareTarget && s.size == r.options.SegmentSize {
		if err := r.freshSeal(s); err != nil {
			return err
		}
		r.spares = append(r.spares, s)
		return nil
	}
	r.surplus = append(r.surplus, s)
	return nil
}

type fileState int

const (
	blank      fileState = iota // zeros, or a length that no segment has
	used                        // the commit says for what
	foreign                     // of another journal
	unknown                     // no commit checks
	unreadable                  // the disk does not give what would tell
)

// peek looks at the first page, and where that does not tell, at all of them.
func (r *recovery) peek(number uint64) (best commit, state fileState, err error) {
	size := r.files[number]
	if size < vfs.PageSize {
		return best, blank, nil
	}
	page, failed, err := r.read(number, vfs.PageSize)
	if err != nil {
		return best, blank, err
	}
	if c, ok := parseCommit(page); ok && len(failed) == 0 && c.position.Offset() == 0 {
		if c.identity != r.identity {
			return c, foreign, nil
		}
		return c, used, nil
	}
	if isZero(page) && len(failed) == 0 {
		return best, blank, nil
	}
	if len(failed) == 0 && hasTrace(page, r.identity) {
		r.torn = &Cut{File: segmentName(number), From: Position(binary.LittleEndian.Uint64(page[24:]))}
	}
	data, failed, err := r.load(number)
	if err != nil {
		return best, blank, err
	}
	state = unknown
	for off := 0; off < len(data); off += vfs.PageSize {
		c, ok := parseCommit(data[off:])
		if ok && c.identity == r.identity && c.position.Offset() == int64(off) && (state != used || c.position > best.position) {
			best, state = c, used
		}
	}
	if len(failed) > 0 && (state != used || best.position.Segment() < r.report.Checkpoint.Segment()) {
		state = unreadable
	}
	return best, state, nil
}

func isZero(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

// load reads a whole segment. Pages that cannot be read are zeros.
func (r *recovery) load(number uint64) (data []byte, unreadable []span64, err error) {
	return r.read(number, min(r.files[number], MaxSegmentSize))
}

const readStep = 1 << 20

// read returns the first bytes of a segment in the memory that all loads share.
func (r *recovery) read(number uint64, size int64) (data []byte, unreadable []span64, err error) {
	f, err := r.fs.OpenFile(filepath.Join(r.dir, segmentName(number)), vfs.ReadOnly)
	if err != nil {
		return nil, nil, fmt.Errorf("open journal segment: %w", err)
	}
	defer f.Close()
	if int64(len(r.scratch)) < size {
		r.scratch = vfs.Aligned(int(size))
	}
	data = r.scratch[:size]
	for off := int64(0); off < size; {
		part := data[off:min(off+readStep, size)]
		if n, err := f.ReadAt(part, off); err == nil || err == io.EOF && n == len(part) {
			off += int64(len(part))
			continue
		}
		end := off + int64(len(part))
		for ; off < end; off += vfs.PageSize {
			page := data[off:min(off+vfs.PageSize, end)]
			if n, err := f.ReadAt(page, off); err != nil && (err != io.EOF || n < len(page)) {
				if !errors.Is(err, syscall.EIO) {
					return nil, nil, fmt.Errorf("read journal segment: %w", err)
				}
				clear(page)
				unreadable = append(unreadable, span64{off, off + vfs.PageSize})
			}
		}
		off = end
	}
	return data, unreadable, nil
}
