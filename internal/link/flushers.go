package link

import (
	"runtime"
	"sync"
)

// Flushers is the pool of goroutines that write for wide fan-outs, so that a
// publisher need not make a system call per destination. An Out is in its list
// at most once, because only the holder of the right to write adds it.
type Flushers struct {
	mu      sync.Mutex
	ready   *sync.Cond
	list    []*Out
	head    int
	stopped bool
	done    sync.WaitGroup
}

// NewFlushers starts one flusher per processor.
func NewFlushers() *Flushers {
	f := &Flushers{}
	f.ready = sync.NewCond(&f.mu)
	for range max(2, runtime.GOMAXPROCS(0)) {
		f.done.Add(1)
		go f.work()
	}
	return f
}

// Stop ends the flushers after they have served what is listed, and waits.
func (f *Flushers) Stop() {
	f.mu.Lock()
	f.stopped = true
	f.mu.Unlock()
	f.ready.Broadcast()
	f.done.Wait()
}

// add takes over the right to write. The list is bounded by the number of
// connections. It may be called with the Out's mutex held.
func (f *Flushers) add(o *Out) {
	f.mu.Lock()
	if f.stopped {
		f.mu.Unlock()
		go o.drain()
		return
	}
	f.list = append(f.list, o)
	f.mu.Unlock()
	f.ready.Signal()
}

func (f *Flushers) work() {
	defer f.done.Done()
	for {
		f.mu.Lock()
		for f.head == len(f.list) && !f.stopped {
			f.ready.Wait()
		}
		if f.head == len(f.list) {
			f.mu.Unlock()
			return
		}
		o := f.list[f.head]
		f.list[f.head] = nil
		if f.head++; f.head == len(f.list) {
			f.list, f.head = f.list[:0], 0
		}
		f.mu.Unlock()

		o.mu.Lock()
		o.drainInline()
		o.mu.Unlock()
	}
}
