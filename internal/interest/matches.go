package interest

// Matches is what Reader.Match found. Its memory belongs to the caller, who
// passes the same one again to save allocations. The zero value is ready.
type Matches[T comparable] struct {
	Plain  []T             // each gets a copy of the message
	Queues []QueueMatch[T] // of each, one member gets a copy

	named map[string]int // position in Queues by name; used only above searchMax
}

// QueueMatch is one queue group, with its members of all matching subjects.
type QueueMatch[T comparable] struct {
	Name    string
	Members []Member[T] // never empty
}

// Member is one member of a queue group. Its share of the group's messages is
// in proportion to its weight, which is at least 1.
type Member[T comparable] struct {
	Value  T
	Weight int32
}

func (m *Member[T]) key() T { return m.Value }

// Reset forgets all matches and names no value any more, but keeps the memory.
func (m *Matches[T]) Reset() {
	clear(m.Plain)
	m.Plain = m.Plain[:0]
	for i := range m.Queues {
		q := &m.Queues[i]
		clear(q.Members)
		q.Name, q.Members = "", q.Members[:0]
	}
	m.Queues = m.Queues[:0]
	if len(m.named) > 0 {
		clear(m.named)
	}
}

// add appends the subscriptions of one stored subject.
func (m *Matches[T]) add(s *set[T]) {
	if s.many == nil {
		m.Plain = append(m.Plain, s.value)
		return
	}
	m.Plain = append(m.Plain, s.many.plain.items...)
	known := len(m.Queues) // the groups of one set have different names
	for i := range s.many.groups.items {
		g := &s.many.groups.items[i]
		q := m.queue(g.name, known)
		q.Members = append(q.Members, g.members.items...)
	}
}

// queue returns the group called name if it is among the first known ones, or
// else a new one.
func (m *Matches[T]) queue(name string, known int) *QueueMatch[T] {
	if i := m.find(name, known); i >= 0 {
		return &m.Queues[i]
	}
	n := len(m.Queues)
	if n < cap(m.Queues) {
		m.Queues = m.Queues[:n+1] // what lies there has been reset and keeps its memory
	} else {
		m.Queues = append(m.Queues, QueueMatch[T]{})
	}
	m.Queues[n].Name = name
	return &m.Queues[n]
}

func (m *Matches[T]) find(name string, known int) int {
	if known > searchMax {
		return m.findByMap(name, known)
	}
	for i := range m.Queues[:known] {
		if m.Queues[i].Name == name {
			return i
		}
	}
	return -1
}

func (m *Matches[T]) findByMap(name string, known int) int {
	if m.named == nil {
		m.named = make(map[string]int, known)
	}
	for i := len(m.named); i < known; i++ {
		m.named[m.Queues[i].Name] = i
	}
	if i, found := m.named[name]; found {
		return i
	}
	return -1
}
