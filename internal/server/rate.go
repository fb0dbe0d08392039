package server

import (
	"sync"
	"time"
)

// rateCounter allows a number of events in each window of one second.
type rateCounter struct {
	mu      sync.Mutex
	window  time.Time
	allowed int64
	refused int64
}

// take asks for one event. When a window ends in which some were refused, the
// first event of the next learns how many.
func (r *rateCounter) take(now time.Time, limit int64) (ok bool, refusedBefore int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.window) >= time.Second {
		refusedBefore = r.refused
		r.window, r.allowed, r.refused = now, 0, 0
	}
	if r.allowed >= limit {
		r.refused++
		return false, refusedBefore
	}
	r.allowed++
	return true, refusedBefore
}
