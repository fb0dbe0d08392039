package journal

import (
	"fmt"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// scanner walks through the content of one segment in memory. It is pure: what
// it finds goes to the functions.
type scanner struct {
	identity   identity
	seed       uint32
	generation uint64
	data       []byte // the segment from its beginning
	unreadable []span64
	found      func(pos Position, r storedRecord)
	damaged    func(Damage)
}

// span64 is a range of offsets.
type span64 struct{ from, to int64 }

// Damage is a place that held acknowledged data and does not check.
type Damage struct {
	File     string
	From, To Position // To is the first byte behind
	Reason   string
	// Rescued counts the records in the range that could be read all the same.
	Rescued int
	// Records are those in the range that are known to be lost because their
	// headers, without data, are readable.
	Records []LostRecord
}

func (d Damage) String() string {
	return fmt.Sprintf("%s from %v to %v: %s; %d records rescued, %d known to be lost", d.File, d.From, d.To, d.Reason, d.Rescued, len(d.Records))
}

// LostRecord names a record whose data is damaged.
type LostRecord struct {
	Group    GroupID
	Sequence uint64
}

// Cut is the torn end of the log: what a power cut left of commits that were
// never acknowledged as synced.
type Cut struct {
	File    string
	From    Position // the log ends here
	Commits int      // complete commits behind that are dropped, too
	Err     error    // the place could not be read, so it may be damage
}

// commitAt returns the commit at an offset, if one of this generation is there.
func (s *scanner) commitAt(off int64) (c commit, ok bool) {
	if off < 0 || off+commitHeader > int64(len(s.data)) {
		return c, false
	}
	c, ok = parseCommit(s.data[off:])
	ok = ok && c.identity == s.identity && c.position == at(s.generation, off) && off+commitHeader+int64(c.length) <= int64(len(s.data))
	return c, ok
}

// nextCommit returns the first commit at or after an offset.
func (s *scanner) nextCommit(off, limit int64) (commit, bool) {
	for off = (off + vfs.PageSize - 1) / vfs.PageSize * vfs.PageSize; off < limit; off += vfs.PageSize {
		if c, ok := s.commitAt(off); ok {
			return c, true
		}
	}
	return commit{}, false
}

// proven returns the highest position that a commit in here says was synced.
func (s *scanner) proven(from, limit int64) (synced Position) {
	for {
		c, ok := s.nextCommit(from, limit)
		if !ok {
			return synced
		}
		synced = max(synced, c.synced)
		from = c.end().Offset()
		if from == 0 {
			return synced // the end of the largest possible segment
		}
	}
}

// bounds is what is known about the end of the log in a segment.
type bounds struct {
	limit  int64    // commits begin before this
	exact  bool     // limit is where the log ends: a later segment says so
	proven Position // all before was on the disk once
}

// walk reads commits from an offset to the end of the log, which it returns,
// with the cut if there is something behind the end.
func (s *scanner) walk(from int64, end bounds) (int64, *Cut) {
	off := from
	for off < end.limit {
		c, ok := s.commitAt(off)
		if ok && off+span(c.length) <= end.limit {
			whole := s.whole(&c)
			if !whole && c.position >= end.proven {
				return off, s.cut(off, end.limit)
			}
			s.records(&c, whole)
			off += span(c.length)
			continue
		}
		next, more := s.nextCommit(off+vfs.PageSize, end.limit)
		switch {
		case more && next.dataEnd <= at(s.generation, off):
			// A witness was here: nothing is lost with it.
			off = next.position.Offset()
		case more && at(s.generation, off) < end.proven:
			s.salvage(off, next.position.Offset(), "no commit header")
			off = next.position.Offset()
		case more || !end.exact:
			return off, s.cut(off, end.limit)
		default:
			s.salvage(off, end.limit, "no commit header")
			off = end.limit
		}
	}
	return off, nil
}

// whole reports whether all records of a commit check.
func (s *scanner) whole(c *commit) bool {
	fold, count := uint32(0), 0
	ok := s.each(c, func(_ Position, r storedRecord) {
		fold = foldSum(fold, r.sum)
		count++
	})
	return ok && count == c.records && fold == c.fold
}

// each shows the records of a commit until one does not check.
func (s *scanner) each(c *commit, show func(Position, storedRecord)) bool {
	off := c.position.Offset() + commitHeader
	limit := off + int64(c.length)
	for off < limit {
		pos := at(s.generation, off)
		r, _, ok := parseRecord(s.seed, pos, s.data[off:limit])
		if !ok {
			return false
		}
		show(pos, r)
		off += int64(r.size())
	}
	return off == limit
}

func (s *scanner) records(c *commit, whole bool) {
	if whole {
		s.each(c, s.found)
		return
	}
	from := c.position.Offset() + commitHeader
	s.salvage(from, from+int64(c.length), "records do not check")
}

// salvage looks for records in a damaged range. Their checksums cover their
// positions, so what checks is a record of this log at its place.
func (s *scanner) salvage(from, to int64, reason string) {
	d := Damage{From: at(s.generation, from), To: at(s.generation, 0) + Position(to), Reason: reason}
	for _, u := range s.unreadable {
		if u.from < to && from < u.to {
			d.Reason += ", not readable"
			break
		}
	}
	for off := from; off < to; {
		pos := at(s.generation, off)
		r, header, ok := parseRecord(s.seed, pos, s.data[off:to])
		switch {
		case ok:
			s.found(pos, r)
			d.Rescued++
			off += int64(r.size())
		case header && s.plausible(off+int64(r.size()), to):
			d.Records = append(d.Records, LostRecord{r.group, r.sequence})
			off += int64(r.size())
		default:
			off += recordAlign
		}
	}
	s.damaged(d)
}

// plausible reports whether what follows confirms that a record ended here: the
// end of the range, or another header.
func (s *scanner) plausible(off, to int64) bool {
	if off >= to-vfs.PageSize {
		return true // the padding of a commit may follow
	}
	_, _, ok := parseHeader(s.seed, at(s.generation, off), s.data[off:to])
	return ok
}

// cut describes what is behind the end of the log; nil if nothing is.
func (s *scanner) cut(off, limit int64) *Cut {
	cut := &Cut{From: at(s.generation, off)}
	something := resembles(s.data[min(off, int64(len(s.data))):], s.identity, cut.From)
	for next := off; ; {
		c, ok := s.nextCommit(next, limit)
		if !ok {
			break
		}
		something = true
		if s.whole(&c) {
			cut.Commits++
		}
		next = c.position.Offset() + vfs.PageSize
	}
	for _, u := range s.unreadable {
		if u.from <= off && off < u.to {
			something = true
			cut.Err = fmt.Errorf("%v is not readable: %w", cut.From, ErrCorrupt)
		}
	}
	if !something {
		return nil
	}
	return cut
}
