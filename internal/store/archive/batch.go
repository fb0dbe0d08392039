package archive

import "github.com/godwit-mq/godwit/internal/store"

const (
	batchBytes    = 256 << 10
	batchMessages = 1024
)

// A batch is copies of some messages, whose bytes lie in one buffer. The buffer is
// not moved while it is used: a message that does not fit takes one for itself.
type batch struct {
	messages []store.Message
	bodies   [][]byte // header and payload of each
	arena    []byte
}

func (b *batch) reset() {
	b.messages, b.bodies, b.arena = b.messages[:0], b.bodies[:0], b.arena[:0]
}

func (b *batch) isFull(m *store.Message) bool {
	if len(b.messages) == 0 {
		return false
	}
	return len(b.messages) == batchMessages || len(b.arena)+size(m) > cap(b.arena)
}

func size(m *store.Message) int { return len(m.Subject) + len(m.Header) + len(m.Payload) }

// add copies a message to a batch that is not full.
func (b *batch) add(m *store.Message) {
	if cap(b.arena) == 0 {
		b.arena = make([]byte, 0, batchBytes)
	}
	at := b.arena
	if size(m) > cap(at)-len(at) { // it is the first of the batch
		at = make([]byte, 0, size(m))
	}
	start := len(at)
	at = append(append(append(at, m.Subject...), m.Header...), m.Payload...)
	c := *m
	subject, body := at[start:start+len(m.Subject):start+len(m.Subject)], at[start+len(m.Subject):len(at):len(at)]
	c.Subject, c.Header, c.Payload = subject, body[:len(m.Header):len(m.Header)], body[len(m.Header):]
	b.messages, b.bodies = append(b.messages, c), append(b.bodies, body)
	if cap(at) == cap(b.arena) {
		b.arena = at
	}
}
