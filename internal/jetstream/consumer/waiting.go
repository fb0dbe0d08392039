package consumer

import "github.com/godwit-mq/godwit/internal/jetstream/api"

// A request is an open pull request. Requests are linked in the order in which they are
// served.
type request struct {
	previous, next *request

	reply     string
	batch     int  // messages that it still wants
	bytes     int  // that it still has room for
	bounded   bool // bytes counts
	delivered int
	expires   int64 // 0 if it waits for ever
	noWait    bool

	heartbeat int64 // interval in nanoseconds, 0 for none
	beatAt    int64

	group, id                 string // of its priority group
	minPending, minAckPending int64
	priority                  int
	imported                  bool
}

// deadline is when something has to be done for the request.
func (r *request) deadline() int64 {
	at := int64(never)
	if r.expires != 0 {
		at = r.expires
	}
	if r.heartbeat > 0 {
		at = min(at, r.beatAt)
	}
	return at
}

// waiting is the queue of open requests. It has at most as many as the owner lets in.
type waiting struct {
	ends     request // before the first and behind the last
	count    int
	promised int   // messages that all requests still want
	wakeAt   int64 // nothing has to be done for a request before
}

func (w *waiting) init() {
	w.ends.previous, w.ends.next = &w.ends, &w.ends
	w.wakeAt = never
}

func (w *waiting) len() int { return w.count }

// first returns the first request, or nil.
func (w *waiting) first() *request { return w.after(&w.ends) }

// after returns the request behind another one, or nil.
func (w *waiting) after(r *request) *request {
	if r.next == &w.ends {
		return nil
	}
	return r.next
}

// add lets a request in, behind all others, or behind those of its priority.
func (w *waiting) add(r *request, policy api.PriorityPolicy) {
	w.link(r, policy)
	w.count++
	w.promised += r.batch
	w.wakeAt = min(w.wakeAt, r.deadline())
}

func (w *waiting) link(r *request, policy api.PriorityPolicy) {
	before := w.ends.previous
	if policy == api.PriorityPrioritized {
		for before != &w.ends && before.priority > r.priority {
			before = before.previous
		}
	}
	r.previous, r.next = before, before.next
	before.next.previous, before.next = r, r
}

func (w *waiting) unlink(r *request) {
	r.previous.next, r.next.previous = r.next, r.previous
	r.previous, r.next = nil, nil
}

// remove takes a request out.
func (w *waiting) remove(r *request) {
	w.unlink(r)
	w.count--
	w.promised -= r.batch
}

// requeue lets a request wait for its next turn.
func (w *waiting) requeue(r *request, policy api.PriorityPolicy) {
	w.unlink(r)
	w.link(r, policy)
}

// find returns the first request with a reply subject, or nil.
func (w *waiting) find(reply string) *request {
	for r := w.first(); r != nil; r = w.after(r) {
		if r.reply == reply {
			return r
		}
	}
	return nil
}
