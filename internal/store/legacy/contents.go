package legacy

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/godwit-mq/godwit/internal/ds/seqset"
	"github.com/godwit-mq/godwit/internal/store"
)

// Contents are the messages of a stream.
type Contents struct {
	// State is their summary, made of records alone. Subjects are not counted.
	State store.State
	// Hint is the summary that index.db gives, zero if it cannot be read.
	Hint store.State
	// Unlisted are the sequences of messages that an index.db as new as the blocks does
	// not count, and that have no tombstone. Limits removed them, or the user: servers
	// up to 2.12 could lose tombstones when they erased a message. Each gives them all the
	// same.
	Unlisted seqset.Set
	// Problems is what is wrong, in the order of files and places; Dropped is the number of
	// problems beyond ProblemsMax.
	Problems []Problem
	Dropped  int

	stream *Stream
	blocks []surveyed
	dead   seqset.Set // sequences with a tombstone
}

// A surveyed block is one of which the survey knows.
type surveyed struct {
	blockFile
	err         error  // why it cannot be read
	first, last uint64 // sequences of records that are no tombstones; 0 if there are none
	gaps        []surveyedGap
}

// A surveyedGap is a stretch that could not be read, with the sequences around it in
// the block, 0 where there are none.
type surveyedGap struct {
	problem      Problem
	before, next uint64
}

// An entry is what a survey remembers of one message, as long as it is at its block.
type entry struct {
	seq     uint64
	time    int64
	size    int
	subject []byte
}

// survey is one run of Survey.
type survey struct {
	*Contents
	loader  loader
	found   problems
	index   *index // nil if it is not of these blocks
	entries []entry

	known        store.State // of the messages that the index knows and that are there
	knownSubject subjectSum
}

// Survey reads all blocks and finds out which messages there are and what is wrong. It
// fails if the blocks cannot even be listed.
func (s *Stream) Survey() (*Contents, error) {
	v := &survey{Contents: &Contents{stream: s}, loader: loader{stream: s}}
	blocks, dir, err := s.listBlocks(&v.found)
	if err != nil {
		return nil, fmt.Errorf("list blocks of stream %s > %s: %w", s.Account, s.Name, err)
	}
	path := filepath.Join(dir, indexFile)
	if v.index, err = s.readIndex(dir); err != nil {
		v.differ(path, "%w", err)
	}
	if v.index != nil {
		v.Hint = v.index.state
	}
	for _, b := range blocks {
		v.blocks = append(v.blocks, surveyed{blockFile: b})
	}
	for i := len(blocks) - 1; i >= 0; i-- {
		v.block(&v.blocks[i], i == len(blocks)-1)
	}
	if v.State.Messages == 0 && v.State.LastSequence > 0 {
		v.State.FirstSequence = v.State.LastSequence + 1
	}
	v.bound()
	if err := v.order(); err != nil {
		return nil, err
	}
	v.compare(path)
	v.Problems, v.Dropped = v.found.sorted(), v.found.dropped
	return v.Contents, nil
}

func (v *survey) differ(file, format string, args ...any) {
	v.found.add(Problem{Grade: Difference, File: file, Err: fmt.Errorf(format, args...)})
}

// block surveys one block. Those after it are done: all tombstones for its messages are
// known or in it.
func (v *survey) block(b *surveyed, newest bool) {
	h := BlockHasher(v.stream.Name, b.number)
	report := func(g Gap, before uint64) {
		if len(b.gaps) < ProblemsMax {
			b.gaps = append(b.gaps, surveyedGap{
				Problem{Grade: Damage, File: b.path(), Offset: int64(g.Offset), Length: int64(g.Length), Err: g.Err}, before, 0})
		} else {
			v.found.dropped++
		}
	}
	content, err := v.loader.load(b.blockFile, h, func(g Gap) {
		v.found.add(Problem{Grade: Damage, File: b.path(), Offset: int64(g.Offset), Length: int64(g.Length), Err: g.Err})
	})
	if err == nil && len(content) == 0 && !newest {
		err = errors.New("empty")
	}
	if err != nil {
		b.err = err
		report(Gap{Err: err}, 0)
	}
	if newest {
		v.checkIndex(b, content)
	}
	v.entries = v.entries[:0]
	open := 0 // gaps before this one have a next sequence
	Scan(h, content, func(offset int, r *Record) bool {
		v.record(b, int64(offset), r)
		if r.Kind != Tombstone && r.Sequence > 0 && r.Sequence == b.last {
			for ; open < len(b.gaps); open++ {
				b.gaps[open].next = r.Sequence
			}
		}
		return true
	}, func(g Gap) bool {
		report(g, b.last)
		return true
	})
	if b.hasOld {
		v.applyOld(b, content)
	}
	v.count(b)
}

// witness takes note of a sequence and its time, as the last unless there is a later one.
func (v *survey) witness(seq uint64, time int64) {
	if v.State.LastSequence < seq || v.State.LastSequence == seq && v.State.LastTime == 0 {
		v.State.LastSequence, v.State.LastTime = seq, time
	}
}

// record takes note of one record.
func (v *survey) record(b *surveyed, offset int64, r *Record) {
	v.witness(r.Sequence, r.Time)
	doubt := r.doubt()
	switch {
	case r.Kind == Tombstone:
		v.dead.Insert(r.Sequence)
		return
	case r.Sequence == 0:
		return
	case r.Sequence <= b.last:
		doubt = fmt.Errorf("sequence %d behind %d: left out", r.Sequence, b.last)
	default:
		if b.first == 0 {
			b.first = r.Sequence
		}
		b.last = r.Sequence
		if r.Kind == Live {
			v.entries = append(v.entries, entry{r.Sequence, r.Time, r.Size, r.Subject})
		}
	}
	if doubt != nil {
		v.found.add(Problem{Grade: Doubtful, File: b.path(), Offset: offset, Length: int64(r.Size), Err: doubt})
	}
}

// applyOld takes the deletions from a pre-2.10 index for tombstones.
func (v *survey) applyOld(b *surveyed, content []byte) {
	old, err := v.loader.readOld(b.blockFile, content)
	if err != nil {
		v.differ(filepath.Join(b.dir, b.name(oldSuffix)), "%w", err)
		return
	}
	v.witness(old.last, old.lastTime)
	for _, e := range v.entries {
		if !old.isLive(e.seq) {
			v.dead.Insert(e.seq)
		}
	}
}

// count adds the live messages of a block to the summary.
func (v *survey) count(b *surveyed) {
	live := v.entries[:0]
	for _, e := range v.entries {
		if v.dead.Contains(e.seq) {
			continue
		}
		live = append(live, e)
		v.State.Messages++
		v.State.Bytes += uint64(e.size)
	}
	if len(live) > 0 {
		v.State.FirstSequence, v.State.FirstTime = live[0].seq, live[0].time
	}
	if v.index != nil {
		v.compareBlock(b, live)
	}
}

// checkIndex forgets the index unless it is as new as the blocks.
func (v *survey) checkIndex(b *surveyed, content []byte) {
	if v.index == nil {
		return
	}
	if v.index.newest != b.number {
		v.missing(v.index.newest, b.dir)
		v.differ(filepath.Join(b.dir, indexFile), "its newest block is %d, that of the stream is %d", v.index.newest, b.number)
	} else if bytes.Equal(lastChecksum(content), v.index.tail) {
		return
	} else {
		v.differ(filepath.Join(b.dir, indexFile), "not as new as block %d", b.number)
	}
	v.index = nil
}

// missing reports a block of which only the index knows, if it held messages.
func (v *survey) missing(number uint64, dir string) {
	b, ok := v.index.blocks[number]
	listed := slices.ContainsFunc(v.blocks, func(s surveyed) bool { return s.number == number })
	if !ok || listed || b.last < b.first || b.first == 0 {
		return
	}
	v.found.add(Problem{Grade: Damage, File: blockFile{number: number, dir: dir}.path(), Err: errors.New("the block is missing"),
		Lost: store.Range{First: b.first, Count: b.last - b.first + 1}})
}

// compareBlock compares the live messages of a block with the index.
func (v *survey) compareBlock(b *surveyed, live []entry) {
	x, ok := v.index.blocks[b.number]
	if !ok || x.first == 0 {
		for _, e := range live {
			v.Unlisted.Insert(e.seq)
		}
		return
	}
	expected := x.first
	for _, e := range live {
		if !x.isLive(e.seq) {
			v.Unlisted.Insert(e.seq)
			continue
		}
		v.lost(b, x, expected, e.seq)
		expected = e.seq + 1
		v.known.Messages++
		v.known.Bytes += uint64(e.size)
		v.knownSubject.add(e.subject, 1)
	}
	v.lost(b, x, expected, x.last+1)
}

// lost reports the runs of sequences from a first one to one before end that are alive
// in the index and have no message.
func (v *survey) lost(b *surveyed, x indexBlock, first, end uint64) {
	run := store.Range{}
	flush := func() {
		if run.Count > 0 {
			v.found.add(Problem{Grade: Damage, File: b.path(), Err: errors.New("messages that index.db knows are missing"), Lost: run})
		}
		run = store.Range{}
	}
	for seq := first; seq < end; seq++ {
		switch {
		case !x.isLive(seq) || v.dead.Contains(seq):
			flush()
		case run.Count == 0:
			run = store.Range{First: seq, Count: 1}
		default:
			run.Count++
		}
	}
	flush()
}

// bound finds out what is lost with each gap: the sequences between the records around
// it, in the block or in the next ones.
func (v *survey) bound() {
	before := uint64(0)
	for i, b := range v.blocks {
		for _, g := range b.gaps {
			if g.before == 0 {
				g.before = before
			}
			for j := i + 1; j < len(v.blocks) && g.next == 0; j++ {
				g.next = v.blocks[j].first
			}
			g.problem.Lost, g.problem.Unbounded = v.between(g.before, g.next), g.next == 0
			v.found.add(g.problem)
		}
		before = max(before, b.last)
	}
}

// between is the run of sequences between two others without those deleted at its ends.
// If the upper is 0 it has only a beginning.
func (v *survey) between(before, next uint64) store.Range {
	r := store.Range{First: before + 1}
	if next > r.First {
		r.Count = next - r.First
	}
	for r.Count > 0 && v.dead.Contains(r.First) {
		r.First, r.Count = r.First+1, r.Count-1
	}
	for r.Count > 0 && v.dead.Contains(r.Last()) {
		r.Count--
	}
	return r
}

// order makes sure that sequences rise from block to block. Where they do not the older
// block is right, and all is counted anew.
func (v *survey) order() error {
	last, ordered := uint64(0), true
	for _, b := range v.blocks {
		if b.first > 0 && b.first <= last {
			ordered = false
			v.found.add(Problem{Grade: Doubtful, File: b.path(), Err: fmt.Errorf("begins with sequence %d, behind %d: what is not above that is left out", b.first, last)})
		}
		last = max(last, b.last)
	}
	if ordered {
		return nil
	}
	state := store.State{FirstSequence: v.State.LastSequence + 1, LastSequence: v.State.LastSequence, LastTime: v.State.LastTime}
	err := v.Each(0, func(m *store.Message) bool {
		if state.Messages == 0 {
			state.FirstSequence, state.FirstTime = m.Sequence, m.Time
		}
		state.Messages++
		state.Bytes += store.FileSize(len(m.Subject), len(m.Header), len(m.Payload))
		return true
	})
	v.State = state
	return err
}

// compare compares the summaries.
func (v *survey) compare(path string) {
	if v.index == nil {
		return
	}
	for number := range v.index.blocks {
		v.missing(number, filepath.Dir(path))
	}
	x := v.index.state
	if n := v.Unlisted.Len(); n > 0 {
		v.differ(path, "%d messages are there that it does not count", n)
	}
	if x.Messages != v.known.Messages || x.Bytes != v.known.Bytes {
		v.differ(path, "it counts %d messages of %d bytes, and %d of %d bytes of them are there", x.Messages, x.Bytes, v.known.Messages, v.known.Bytes)
	} else if x.Subjects > 0 && v.index.subjects != v.knownSubject {
		v.found.add(Problem{Grade: Doubtful, File: path, Err: errors.New("it has other subjects than the messages: the boundary of a subject may have moved")})
	}
	if x.LastSequence != v.State.LastSequence {
		v.differ(path, "its last sequence is %d, that of the records %d", x.LastSequence, v.State.LastSequence)
	}
}

// Each calls fn for the messages with the sequence start or a higher one, in the order
// of sequences, until fn returns false. The message lies in memory that is used again:
// it is good until fn returns. Damage that Survey has reported is passed over; it
// fails, with the error of the file system, where a block cannot be read that could be
// read then.
func (c *Contents) Each(start uint64, fn func(m *store.Message) bool) error {
	l := loader{stream: c.stream}
	last, goOn := uint64(0), true
	for i := range c.blocks {
		b := &c.blocks[i]
		if b.err != nil || b.last < start || b.last == 0 {
			last = max(last, b.last)
			continue
		}
		h := BlockHasher(c.stream.Name, b.number)
		content, err := l.load(b.blockFile, h, func(Gap) {})
		if err != nil {
			return fmt.Errorf("read block %d of stream %s > %s: %w", b.number, c.stream.Account, c.stream.Name, err)
		}
		var m store.Message
		Scan(h, content, func(_ int, r *Record) bool {
			if r.Kind == Tombstone || r.Sequence <= last {
				return true
			}
			last = r.Sequence
			if r.Kind == Live && r.Sequence >= start && !c.dead.Contains(r.Sequence) {
				m = store.Message{Sequence: r.Sequence, Time: r.Time, Subject: r.Subject, Header: r.Header, Payload: r.Payload}
				goOn = fn(&m)
			}
			return goOn
		}, func(Gap) bool { return true })
		if !goOn {
			return nil
		}
	}
	return nil
}
