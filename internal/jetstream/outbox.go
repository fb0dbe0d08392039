package jetstream

import "sync"

// An outbox does what is to be done without any lock, one after the other, in the order
// in which it was handed over. Any goroutine may hand over.
type outbox struct {
	mu     sync.Mutex
	queue  []func()
	wake   chan struct{}
	closed bool
	ended  chan struct{}
}

func newOutbox() *outbox {
	o := &outbox{wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go o.run()
	return o
}

func (o *outbox) push(fn func()) {
	o.mu.Lock()
	o.queue = append(o.queue, fn)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) run() {
	defer close(o.ended)
	for {
		o.mu.Lock()
		queue, closed := o.queue, o.closed
		o.queue = nil
		o.mu.Unlock()
		for _, fn := range queue {
			fn()
		}
		if len(queue) == 0 {
			if closed {
				return
			}
			<-o.wake
		}
	}
}

// close does what is left and ends.
func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
	<-o.ended
}
