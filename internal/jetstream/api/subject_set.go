package api

import (
	"strings"
)

// firstOverlap is the index of the first of the subjects that overlaps with a later
// one, len(subjects) if none does. Malformed ones overlap with nothing.
func firstOverlap(subjects []string) int {
	first := len(subjects)
	var later subjectSet
	for i := len(subjects) - 1; i >= 0; i-- {
		if !isSubject(subjects[i]) {
			continue
		}
		if later.overlaps(subjects[i]) {
			first = i
		}
		later.add(subjects[i])
	}
	return first
}

// Overlap reports whether some literal subject is matched by one of a and by one of
// b. It fits long lists, too.
func Overlap(a, b []string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	var set subjectSet
	for _, s := range a {
		if isSubject(s) {
			set.add(s)
		}
	}
	for _, s := range b {
		if isSubject(s) && set.overlaps(s) {
			return true
		}
	}
	return false
}

// anyNarrower is the index of the first of the subjects that matches nothing that
// another one does not match, too; len(subjects) if there is none. Malformed ones
// match nothing.
func anyNarrower(subjects []string) int {
	var set subjectSet
	times := make(map[string]int, len(subjects))
	for _, s := range subjects {
		if isSubject(s) {
			set.add(s)
			times[s]++
		}
	}
	for i, s := range subjects {
		if times[s] > 1 || times[s] == 1 && set.covers(s) {
			return i
		}
	}
	return len(subjects)
}

// A subjectSet is a set of valid subjects, token by token, that can be asked whether
// any of them overlaps with another one, or covers it. That takes no longer the
// more there are, unless wildcards come first. The zero value is empty.
type subjectSet struct {
	// nodes are the beginnings of subjects, the empty one first.
	nodes    []subjectNode
	children map[subjectEdge]int32
}

// A subjectNode is a beginning of subjects. Its children are a list, from first on
// by next; 0 is none.
type subjectNode struct {
	first, next int32
	// ends: a subject ends here. open: one ends here with ">".
	ends, open bool
}

// A subjectEdge leads from a beginning to one that is longer by a token.
type subjectEdge struct {
	parent int32
	token  string
}

func (s *subjectSet) add(name string) {
	if s.children == nil {
		s.nodes, s.children = make([]subjectNode, 1), make(map[subjectEdge]int32)
	}
	for at, rest, more := int32(0), name, true; more; {
		var token string
		token, rest, more = strings.Cut(rest, ".")
		if token == ">" && !more {
			s.nodes[at].open = true
			return
		}
		at = s.child(at, token)
		if !more {
			s.nodes[at].ends = true
		}
	}
}

// child is the child of a node for a token, a new one if there was none.
func (s *subjectSet) child(parent int32, token string) int32 {
	edge := subjectEdge{parent, token}
	if at, ok := s.children[edge]; ok {
		return at
	}
	at := int32(len(s.nodes))
	s.nodes = append(s.nodes, subjectNode{next: s.nodes[parent].first})
	s.nodes[parent].first = at
	s.children[edge] = at
	return at
}

// overlaps reports whether one of the set shares a literal with name.
func (s *subjectSet) overlaps(name string) bool {
	return len(s.nodes) > 0 && s.overlapsFrom(0, name)
}

func (s *subjectSet) overlapsFrom(at int32, name string) bool {
	token, rest, more := strings.Cut(name, ".")
	switch {
	case s.nodes[at].open:
		return true
	case token == ">" && !more:
		return s.nodes[at].first != 0
	case token == "*":
		for child := s.nodes[at].first; child != 0; child = s.nodes[child].next {
			if s.goesOn(child, rest, more) {
				return true
			}
		}
		return false
	}
	for _, key := range [2]string{token, "*"} {
		if child, ok := s.children[subjectEdge{at, key}]; ok && s.goesOn(child, rest, more) {
			return true
		}
	}
	return false
}

// goesOn is overlapsFrom behind a token that fits.
func (s *subjectSet) goesOn(at int32, rest string, more bool) bool {
	if !more {
		return s.nodes[at].ends
	}
	return s.overlapsFrom(at, rest)
}

// covers reports whether another one of the set matches all that name, which is in
// it, matches.
func (s *subjectSet) covers(name string) bool {
	return len(s.nodes) > 0 && s.coversFrom(0, name, true)
}

// coversFrom asks of the end of a name. If own, the way here is the beginning of the
// name itself.
func (s *subjectSet) coversFrom(at int32, name string, own bool) bool {
	token, rest, more := strings.Cut(name, ".")
	last := token == ">" && !more
	if s.nodes[at].open && !(own && last) {
		return true
	}
	if last {
		return false
	}
	for _, key := range [2]string{"*", token} {
		child, ok := s.children[subjectEdge{at, key}]
		switch same := own && key == token; {
		case !ok:
		case more && s.coversFrom(child, rest, same):
			return true
		case !more && s.nodes[child].ends && !same:
			return true
		}
		if token == "*" {
			break
		}
	}
	return false
}
