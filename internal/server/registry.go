package server

import (
	"sync"

	"github.com/godwit-mq/godwit/internal/client"
)

// registry knows the open connections and remembers the last closed ones.
type registry struct {
	mu      sync.Mutex
	open    map[uint64]*client.Client
	count   int // admitted connections
	closed  []client.Snapshot
	next    int // where the next closed one goes, once the ring is full
	total   uint64
	maximum int
	vacant  chan struct{} // closed when the last one leaves; nil unless asked for
}

func newRegistry(maxClosed int) *registry {
	return &registry{open: make(map[uint64]*client.Client), maximum: maxClosed}
}

// reserve asks for a place; limit -1 refuses everyone, 0 is no limit.
func (r *registry) reserve(limit int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if limit < 0 || limit > 0 && r.count >= limit {
		return false
	}
	r.count++
	return true
}

func (r *registry) add(c *client.Client) {
	r.mu.Lock()
	r.open[c.ID] = c
	r.mu.Unlock()
}

// remove moves a connection to the closed ones.
func (r *registry) remove(c *client.Client) {
	snapshot := c.Snapshot(true)
	snapshot.TLS = snapshot.TLS.Summary()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, c.ID)
	if !c.Refuse {
		r.count--
	}
	if r.count == 0 && r.vacant != nil {
		close(r.vacant)
		r.vacant = nil
	}
	r.total++
	if len(r.closed) < r.maximum {
		r.closed = append(r.closed, snapshot)
		return
	}
	r.closed[r.next] = snapshot
	r.next = (r.next + 1) % r.maximum
}

// get returns an open connection, or nil.
func (r *registry) get(id uint64) *client.Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[id]
}

// all returns the open connections in no order.
func (r *registry) all() []*client.Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*client.Client, 0, len(r.open))
	for _, c := range r.open {
		list = append(list, c)
	}
	return list
}

// num is the number of admitted open connections.
func (r *registry) num() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// history returns the closed connections, oldest first, and how many there ever
// were. What it returns is never changed.
func (r *registry) history() ([]client.Snapshot, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]client.Snapshot, 0, len(r.closed))
	list = append(list, r.closed[r.next:]...)
	list = append(list, r.closed[:r.next]...)
	return list, r.total
}

// empty returns a channel that is closed when no connection is left.
func (r *registry) empty() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == 0 {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	if r.vacant == nil {
		r.vacant = make(chan struct{})
	}
	return r.vacant
}
