package chunked

import (
	"github.com/godwit-mq/godwit/internal/ds/stree"
	"github.com/godwit-mq/godwit/internal/store"
)

const (
	entryShift = 7
	entryMask  = 1<<entryShift - 1
)

// An entry is a subject with its messages. 0 is the number of the empty subject, which
// has no entry.
type entry struct {
	name []byte
	postings
}

// subjects are the subjects that have messages. The zero value is empty.
type subjects struct {
	tree    stree.Tree[uint32]
	pages   []*[1 << entryShift]entry
	free    []uint32
	highest uint32 // number given out last
}

func (s *subjects) at(id uint32) *entry { return &s.pages[id>>entryShift][id&entryMask] }

func (s *subjects) len() int { return s.tree.Len() }

// find returns the number of a subject, 0 if it has no messages.
func (s *subjects) find(subject []byte) uint32 {
	if len(subject) == 0 {
		return 0
	}
	if id := s.tree.Find(subject); id != nil {
		return *id
	}
	return 0
}

// add makes the entry of a subject that has none and is not empty. It fails as the
// tree does.
func (s *subjects) add(subject []byte) (uint32, error) {
	id := s.highest + 1
	if n := len(s.free); n > 0 {
		id = s.free[n-1]
	}
	if _, _, err := s.tree.Insert(subject, id); err != nil {
		return 0, err
	}
	if n := len(s.free); n > 0 {
		s.free = s.free[:n-1]
	} else {
		s.highest = id
		if int(id>>entryShift) == len(s.pages) {
			s.pages = append(s.pages, new([1 << entryShift]entry))
		}
	}
	s.at(id).name = append([]byte(nil), subject...)
	return id, nil
}

// findOrAdd is find, and add for a subject that is new and not empty.
func (s *subjects) findOrAdd(subject []byte) (uint32, error) {
	if id := s.find(subject); id != 0 || len(subject) == 0 {
		return id, nil
	}
	return s.add(subject)
}

// remove takes a message out of its subject, and the subject with its last one.
func (s *subjects) remove(id uint32, seq uint64) {
	if id == 0 {
		return
	}
	e := s.at(id)
	e.postings.remove(seq)
	if e.count > 0 {
		return
	}
	s.tree.Delete(e.name)
	*e = entry{}
	if s.tree.Len() == 0 {
		*s = subjects{}
		return
	}
	s.free = append(s.free, id)
}

// visit calls fn, until it returns false, for the subjects that a filter selects.
func (s *subjects) visit(f *store.Filter, fn func(id uint32, e *entry) bool) {
	store.Visit(f, &s.tree, func(_ []byte, id *uint32) bool { return fn(*id, s.at(*id)) })
}
