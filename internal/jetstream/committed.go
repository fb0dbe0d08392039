package jetstream

import "github.com/godwit-mq/godwit/internal/store"

// A committed stream is the part of a stream that is durable: consumers see no message
// behind it.
type committed struct {
	store.Stream
	last uint64
}

// State ends at the last durable sequence.
func (c *committed) State() store.State {
	s := c.Stream.State()
	s.LastSequence = min(s.LastSequence, c.last)
	return s
}

// Load reads what is durable.
func (c *committed) Load(seq uint64, m *store.Message) error {
	if seq > c.last {
		return store.ErrEOF
	}
	return c.Stream.Load(seq, m)
}

// Next ends at the last durable sequence.
func (c *committed) Next(f *store.Filter, start uint64, m *store.Message) (uint64, error) {
	seq, err := c.Stream.Next(f, start, m)
	if err == nil && seq > c.last {
		return c.last, store.ErrEOF
	}
	return min(seq, c.last), err
}

// Each ends at the last durable sequence.
func (c *committed) Each(f *store.Filter, start uint64, fn func(m *store.Message) bool) error {
	return c.Stream.Each(f, start, func(m *store.Message) bool { return m.Sequence <= c.last && fn(m) })
}
