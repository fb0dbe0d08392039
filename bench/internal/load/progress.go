package load

import (
	"math"
	"sync"
	"sync/atomic"
)

// progress is a count that only grows and that others can wait for. Adding is one atomic operation and one atomic
// load as long as nobody waits for the value reached.
type progress struct {
	n    atomic.Int64
	want atomic.Int64 // the smallest value that somebody waits for; math.MaxInt64: nobody

	mu     sync.Mutex
	cond   sync.Cond
	failed error // guarded by mu
}

func newProgress() *progress {
	p := &progress{}
	p.cond.L = &p.mu
	p.want.Store(math.MaxInt64)
	return p
}

func (p *progress) load() int64 { return p.n.Load() }

func (p *progress) add(delta int64) {
	if delta == 0 {
		return
	}
	if p.n.Add(delta) >= p.want.Load() {
		p.wake()
	}
}

func (p *progress) wake() {
	p.mu.Lock()
	p.want.Store(math.MaxInt64)
	p.cond.Broadcast()
	p.mu.Unlock()
}

// fail makes all waits that are not satisfied, present and future, return err.
func (p *progress) fail(err error) {
	p.mu.Lock()
	if p.failed == nil {
		p.failed = err
	}
	p.cond.Broadcast()
	p.mu.Unlock()
}

// wait returns when the count has reached the target.
func (p *progress) wait(target int64) error {
	if p.n.Load() >= target {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		// The order matters: announce first, look again afterwards, so that either this goroutine sees the new
		// count or the adder sees the announcement.
		if target < p.want.Load() {
			p.want.Store(target)
		}
		if p.n.Load() >= target {
			return nil
		}
		if p.failed != nil {
			return p.failed
		}
		p.cond.Wait()
	}
}
