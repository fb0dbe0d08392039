package chunked

import (
	"cmp"
	"slices"

	"github.com/godwit-mq/godwit/internal/store"
)

const (
	// scanFirst is the number of messages that a search with a filter looks at before it
	// considers asking the subjects instead.
	scanFirst = 16
	// fewSubjects is up to how many selected subjects are asked rather than more messages
	// looked at.
	fewSubjects = 32
)

// patience is how many messages a search looks at before it asks the subjects: where
// many are selected, one of their messages is likely to be near, and to ask them all
// costs more than to look at a part of so many messages.
func (s *Stream) patience(f *store.Filter) int {
	n := 0
	s.subjects.visit(f, func(uint32, *entry) bool { n++; return n <= fewSubjects })
	if n <= fewSubjects {
		return scanFirst
	}
	return max(s.subjects.len()/16, 4*scanFirst)
}

// Load reads a message.
func (s *Stream) Load(seq uint64, m *store.Message) error {
	if s.closed {
		return store.ErrClosed
	}
	c, i, ok := s.locate(seq)
	switch {
	case ok:
		return s.fill(m, c, i)
	case seq > s.last:
		return store.ErrEOF
	}
	return store.ErrNotFound
}

// Subject returns the subject of a message.
func (s *Stream) Subject(seq uint64) ([]byte, error) {
	if s.closed {
		return nil, store.ErrClosed
	}
	c, i, ok := s.locate(seq)
	if !ok {
		return nil, store.ErrNotFound
	}
	buf, err := s.recordAt(c, i)
	if err != nil {
		return nil, err
	}
	return recordSubject(buf), nil
}

// Next reads the oldest selected message from start on.
func (s *Stream) Next(f *store.Filter, start uint64, m *store.Message) (uint64, error) {
	if s.closed {
		return 0, store.ErrClosed
	}
	p, ok, err := s.search(f, start, forward)
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return s.last, store.ErrEOF
	}
	if err := s.fill(m, s.chunks[p.chunk], p.slot); err != nil {
		return 0, err
	}
	return m.Sequence, nil
}

// A way is a direction of a search.
type way struct {
	begin func(s *Stream, seq uint64) (position, bool) // where it starts from
	step  func(s *Stream, p position) (position, bool)
	near  func(p *postings, seq uint64) (uint64, bool) // the first on the way
	sign  int                                          // of what is farther away
}

// What is called through a way gets no pointer to a position: it would be allocated.
var (
	forward = &way{
		begin: (*Stream).from,
		step:  func(s *Stream, p position) (position, bool) { ok := s.forward(&p); return p, ok },
		near:  (*postings).next,
		sign:  1,
	}
	backward = &way{
		begin: (*Stream).upTo,
		step:  func(s *Stream, p position) (position, bool) { ok := s.backward(&p); return p, ok },
		near:  (*postings).previous,
		sign:  -1,
	}
)

// search finds the first selected message on the way from start. It looks at some
// messages in turn. If none of them is selected it goes on so, or asks each selected
// subject for its first message, whichever has less to look at.
func (s *Stream) search(f *store.Filter, start uint64, w *way) (p position, ok bool, err error) {
	if subject, ok := f.Literal(); ok {
		id := s.subjects.find(subject)
		if id == 0 {
			return p, false, nil
		}
		seq, ok := w.near(&s.subjects.at(id).postings, start)
		if !ok {
			return p, false, nil
		}
		p, ok = s.from(seq)
		return p, ok, nil
	}
	p, ok = w.begin(s, start)
	for n, most := 0, scanFirst; ok; n++ {
		selected, err := s.selects(f, p)
		if err != nil || selected {
			return p, selected, err
		}
		if n == scanFirst {
			most = s.patience(f)
		}
		if n == most && uint64(s.subjects.len()) < s.left(start, w) {
			p, ok = s.askSubjects(f, start, w)
			return p, ok, nil
		}
		p, ok = w.step(s, p)
	}
	return p, false, nil
}

// left is about how many messages a search has to look at.
func (s *Stream) left(start uint64, w *way) uint64 {
	if w == backward {
		return s.messages
	}
	return s.countFrom(start)
}

// askSubjects asks the selected subjects for their first message on the way. Messages
// without a subject are selected by no filter but that for all, which does not come here.
func (s *Stream) askSubjects(f *store.Filter, start uint64, w *way) (position, bool) {
	first, found := uint64(0), false
	s.subjects.visit(f, func(_ uint32, e *entry) bool {
		if seq, ok := w.near(&e.postings, start); ok && (!found || cmp.Compare(first, seq) == w.sign) {
			first, found = seq, true
		}
		return true
	})
	if !found {
		return position{}, false
	}
	return s.from(first)
}

// selects reports whether a filter selects the message at a position.
func (s *Stream) selects(f *store.Filter, p position) (bool, error) {
	if f.All() {
		return true, nil
	}
	buf, err := s.at(p)
	return err == nil && f.Match(recordSubject(buf)), err
}

// Previous reads the newest selected message up to start.
func (s *Stream) Previous(f *store.Filter, start uint64, m *store.Message) (uint64, error) {
	if s.closed {
		return 0, store.ErrClosed
	}
	p, ok, err := s.search(f, start, backward)
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return s.first, store.ErrEOF
	}
	if err := s.fill(m, s.chunks[p.chunk], p.slot); err != nil {
		return 0, err
	}
	return m.Sequence, nil
}

// Last reads the newest selected message.
func (s *Stream) Last(f *store.Filter, m *store.Message) error {
	if f.All() {
		err := s.Load(s.last, m)
		if err == store.ErrEOF {
			err = store.ErrNotFound
		}
		return err
	}
	_, err := s.Previous(f, s.last, m)
	if err == store.ErrEOF {
		err = store.ErrNotFound
	}
	return err
}

// Each reads selected messages from start on.
func (s *Stream) Each(f *store.Filter, start uint64, fn func(*store.Message) bool) error {
	if s.closed {
		return store.ErrClosed
	}
	var m store.Message
	p, ok, err := s.search(f, start, forward)
	for ok && err == nil {
		if err = s.fill(&m, s.chunks[p.chunk], p.slot); err != nil || !fn(&m) {
			break
		}
		if !f.All() {
			p, ok, err = s.search(f, m.Sequence+1, forward)
			continue
		}
		ok = s.forward(&p)
	}
	return err
}

// SequenceAt finds the first message of a time. Times of messages may go back, so
// each chunk that has a time so late is looked at.
func (s *Stream) SequenceAt(t int64) (uint64, error) {
	if s.closed {
		return 0, store.ErrClosed
	}
	for _, c := range s.chunks {
		if c.until < t {
			continue
		}
		records, err := s.records(c)
		if err != nil {
			return 0, err
		}
		for i := c.next(0); i < len(c.slots); i = c.next(i + 1) {
			if recordTime(records[c.start(i):]) >= t {
				return c.sequence(i), nil
			}
		}
	}
	return s.last + 1, nil
}

// countFrom is the number of messages that are not below seq.
func (s *Stream) countFrom(seq uint64) uint64 {
	if seq <= s.first {
		return s.messages
	}
	at := s.findChunk(seq)
	if at == len(s.chunks) {
		return 0
	}
	c := s.chunks[at]
	n := 0
	for i := c.next(c.search(seq)); i < len(c.slots); i = c.next(i + 1) {
		n++
	}
	for _, c := range s.chunks[at+1:] {
		n += c.live
	}
	return uint64(n)
}

// count is the number of selected messages that are not below start.
func (s *Stream) count(f *store.Filter, start uint64) uint64 {
	if f.All() {
		return s.countFrom(start)
	}
	n := uint64(0)
	s.subjects.visit(f, func(_ uint32, e *entry) bool {
		n += e.countFrom(start)
		return true
	})
	return n
}

// Pending counts selected messages, or subjects, from start on.
func (s *Stream) Pending(f *store.Filter, start uint64, lastPerSubject bool) (count, through uint64, err error) {
	if s.closed {
		return 0, 0, store.ErrClosed
	}
	if !lastPerSubject {
		return s.count(f, start), s.last, nil
	}
	s.subjects.visit(f, func(_ uint32, e *entry) bool {
		if e.last >= start {
			count++
		}
		return true
	})
	return count, s.last, nil
}

// Matching sums up selected messages from start on.
func (s *Stream) Matching(f *store.Filter, start uint64) (store.SubjectState, error) {
	if s.closed {
		return store.SubjectState{}, store.ErrClosed
	}
	var sum store.SubjectState
	if f.All() {
		if sum.Messages = s.countFrom(start); sum.Messages > 0 {
			from, _ := s.from(start)
			sum.First = s.chunks[from.chunk].sequence(from.slot)
			sum.Last = s.chunks[len(s.chunks)-1].last()
		}
		return sum, nil
	}
	s.subjects.visit(f, func(_ uint32, e *entry) bool {
		first, ok := e.next(start)
		if !ok {
			return true
		}
		if sum.Messages == 0 || first < sum.First {
			sum.First = first
		}
		sum.Last = max(sum.Last, e.last)
		sum.Messages += e.countFrom(start)
		return true
	})
	return sum, nil
}

// Subjects visits the selected subjects.
func (s *Stream) Subjects(f *store.Filter, offset int, fn func([]byte, store.SubjectState) bool) error {
	if s.closed {
		return store.ErrClosed
	}
	s.subjects.visit(f, func(_ uint32, e *entry) bool {
		if offset > 0 {
			offset--
			return true
		}
		return fn(e.name, store.SubjectState{Messages: e.count, First: e.first, Last: e.last})
	})
	return nil
}

// LastSequences lists the newest messages of the selected subjects.
func (s *Stream) LastSequences(f *store.Filter, upTo uint64, most int) ([]uint64, error) {
	if s.closed {
		return nil, store.ErrClosed
	}
	if upTo == 0 {
		upTo = s.last
	}
	var list []uint64
	tooMany := false
	s.subjects.visit(f, func(_ uint32, e *entry) bool {
		seq, ok := e.previous(upTo)
		if !ok {
			return true
		}
		tooMany = most > 0 && len(list) == most
		list = append(list, seq)
		return !tooMany
	})
	if tooMany {
		return nil, store.ErrTooMany
	}
	slices.Sort(list)
	return list, nil
}
