package sharing

import "github.com/godwit-mq/godwit/internal/subject"

const (
	// maxDepth bounds the accounts that a search for a cycle follows in a row.
	maxDepth = 1024
	// maxVisits bounds the accounts that it looks at in all. Where every account
	// imports twice from the next one the ways double with each account, so that
	// without a bound a few dozen accounts would keep the search busy for ever.
	maxVisits = 16 * maxDepth
)

// Lookup finds an account by its name; nil if there is none.
type Lookup func(name string) *Account

// CheckCycle returns ErrCycle if the import, made by the importer, leads back to
// an account that it came from, and ErrDepth if there are too many ways, or too
// long ones, to tell.
func CheckCycle(find Lookup, importer string, i *Import) error {
	if i.Account == importer {
		return nil // one's own export: the broker lets a message through it once
	}
	s := search{find: find, visited: map[string]bool{importer: true}}
	if i.Kind == Service {
		return s.services(i.Account, i.Local)
	}
	if err := s.streams(i.Account, i.Local); err != nil {
		return err
	}
	return s.streams(i.Account, i.Subject)
}

// search is a walk along imports. visited holds the accounts of the path, visits
// counts those of all paths.
type search struct {
	find    Lookup
	visited map[string]bool
	depth   int
	visits  int
}

// services follows the service imports of an account that a request on the
// subject may take.
func (s *search) services(name, wanted string) error {
	return s.from(name, func(a *Account) error {
		for _, i := range a.Imports {
			if i.Kind != Service || i.Account == name || !subject.Collide(wanted, i.Subject) {
				continue
			}
			if s.visited[i.Account] {
				return ErrCycle
			}
			if err := s.services(i.Account, narrower(i.Local, wanted)); err != nil {
				return err
			}
		}
		return nil
	})
}

// streams follows the stream imports whose messages may be passed on.
func (s *search) streams(name, wanted string) error {
	return s.from(name, func(a *Account) error {
		if !a.exportsStream(wanted) {
			return nil
		}
		for _, i := range a.Imports {
			if i.Kind != Stream || i.Account == name || !subject.Collide(wanted, i.Local) {
				continue
			}
			if s.visited[i.Account] {
				return ErrCycle
			}
			if err := s.streams(i.Account, narrower(i.Local, wanted)); err != nil {
				return err
			}
		}
		return nil
	})
}

// narrower is what of a subject goes on through an import under its local name.
func narrower(local, wanted string) string {
	if subject.IsSubset(local, wanted) {
		return local
	}
	return wanted
}

// from enters an account for the time of a visit.
func (s *search) from(name string, visit func(*Account) error) error {
	s.depth++
	s.visits++
	if s.depth >= maxDepth || s.visits > maxVisits {
		return ErrDepth
	}
	defer func() { s.depth-- }()
	a := s.find(name)
	if a == nil || s.visited[name] {
		return nil
	}
	s.visited[name] = true
	defer delete(s.visited, name)
	return visit(a)
}

func (a *Account) exportsStream(wanted string) bool {
	for _, e := range a.Exports {
		if e.Kind == Stream && subject.IsSubset(wanted, e.Subject) {
			return true
		}
	}
	return false
}
