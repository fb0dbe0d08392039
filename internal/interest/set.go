package interest

// change says what an insertion or removal did.
type change uint8

const (
	unchanged   change = iota // it was there already, or was not there
	reweighted                // a queue member has another weight now
	added                     // one more
	addedFirst                // the first plain one, or the first of its queue
	removed                   // one less
	removedLast               // the last plain one, or the last of its queue
)

// set holds the subscriptions of one subject. While many is nil it is exactly
// one plain subscription, value. No stored set is empty.
type set[T comparable] struct {
	value T
	many  *many[T]
}

// many is the long form of a set: anything else than one plain subscription.
type many[T comparable] struct {
	plain  roster[T, T]
	groups roster[string, group[T]]
}

// group is one queue group of one subject. No stored group is empty.
type group[T comparable] struct {
	name    string
	members roster[T, Member[T]]
}

func (g *group[T]) key() string { return g.name }

func itself[T any](v *T) T { return *v }

// newSet returns a set with one subscription.
func newSet[T comparable](queue string, weight int32, v T) set[T] {
	if queue == "" {
		return set[T]{value: v}
	}
	s := set[T]{many: &many[T]{}}
	s.many.insertMember(queue, weight, v)
	return s
}

func (s *set[T]) insert(queue string, weight int32, v T) change {
	if s.many == nil {
		if queue == "" && s.value == v {
			return unchanged
		}
		long := &many[T]{}
		long.plain.add(s.value, itself)
		*s = set[T]{many: long}
	}
	if queue != "" {
		return s.many.insertMember(queue, weight, v)
	}
	plain := &s.many.plain
	if plain.find(v, itself) >= 0 {
		return unchanged
	}
	plain.add(v, itself)
	if len(plain.items) == 1 {
		return addedFirst
	}
	return added
}

func (m *many[T]) insertMember(queue string, weight int32, v T) change {
	at := m.groups.find(queue, (*group[T]).key)
	if at < 0 {
		g := group[T]{name: queue}
		g.members.add(Member[T]{v, weight}, (*Member[T]).key)
		m.groups.add(g, (*group[T]).key)
		return addedFirst
	}
	members := &m.groups.items[at].members
	i := members.find(v, (*Member[T]).key)
	switch {
	case i < 0:
		members.add(Member[T]{v, weight}, (*Member[T]).key)
		return added
	case members.items[i].Weight != weight:
		members.items[i].Weight = weight
		return reweighted
	}
	return unchanged
}

// remove takes one subscription out. An empty set must be thrown away.
func (s *set[T]) remove(queue string, v T) (what change, empty bool) {
	if s.many == nil {
		if queue != "" || s.value != v {
			return unchanged, false
		}
		return removedLast, true
	}
	if queue == "" {
		what = s.many.removePlain(v)
	} else {
		what = s.many.removeMember(queue, v)
	}
	if len(s.many.groups.items) > 0 {
		return what, false
	}
	switch len(s.many.plain.items) {
	case 0:
		return what, true
	case 1:
		*s = set[T]{value: s.many.plain.items[0]}
	}
	return what, false
}

func (m *many[T]) removePlain(v T) change {
	i := m.plain.find(v, itself)
	if i < 0 {
		return unchanged
	}
	m.plain.remove(i, itself)
	if len(m.plain.items) == 0 {
		return removedLast
	}
	return removed
}

func (m *many[T]) removeMember(queue string, v T) change {
	at := m.groups.find(queue, (*group[T]).key)
	if at < 0 {
		return unchanged
	}
	members := &m.groups.items[at].members
	i := members.find(v, (*Member[T]).key)
	if i < 0 {
		return unchanged
	}
	members.remove(i, (*Member[T]).key)
	if len(members.items) > 0 {
		return removed
	}
	m.groups.remove(at, (*group[T]).key)
	return removedLast
}

// has tells whether there is a plain subscription, or a member of the queue.
func (s *set[T]) has(queue string) bool {
	switch {
	case s.many == nil:
		return queue == ""
	case queue == "":
		return len(s.many.plain.items) > 0
	}
	return s.many.groups.find(queue, (*group[T]).key) >= 0
}

// count returns the number of plain subscriptions and of queue members.
func (s *set[T]) count() (plain, queued int) {
	if s.many == nil {
		return 1, 0
	}
	for i := range s.many.groups.items {
		queued += len(s.many.groups.items[i].members.items)
	}
	return len(s.many.plain.items), queued
}

// visit calls fn for each subscription until it returns false, and passes
// that on.
func (s *set[T]) visit(subj string, fn func(Entry[T]) bool) bool {
	if s.many == nil {
		return fn(Entry[T]{Subject: subj, Weight: 1, Value: s.value})
	}
	for _, v := range s.many.plain.items {
		if !fn(Entry[T]{Subject: subj, Weight: 1, Value: v}) {
			return false
		}
	}
	for i := range s.many.groups.items {
		g := &s.many.groups.items[i]
		for _, m := range g.members.items {
			if !fn(Entry[T]{Subject: subj, Queue: g.name, Weight: m.Weight, Value: m.Value}) {
				return false
			}
		}
	}
	return true
}
