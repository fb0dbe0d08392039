package jetstream

import (
	"container/heap"
	"math"
	"sync"
	"time"
)

// A clock calls streams when their time has come: one goroutine for all of them.
type clock struct {
	now func() time.Time

	mu     sync.Mutex
	queue  alarms
	wake   chan struct{}
	closed bool
	ended  chan struct{}
}

// An alarm is a stream with the time when it wants to be called. It counts only if the
// stream has not asked for another time since.
type alarm struct {
	at     int64
	stream *streamAsset
}

func newClock(now func() time.Time) *clock {
	c := &clock{now: now, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go c.run()
	return c
}

// set has a stream called at a time, in Unix nanoseconds, and not at the one it asked
// for before. Its lock is held.
func (c *clock) set(s *streamAsset, at int64) {
	if at == s.alarm {
		return
	}
	s.alarm = at
	if at == math.MaxInt64 {
		return
	}
	c.mu.Lock()
	heap.Push(&c.queue, alarm{at, s})
	first := c.queue[0].at == at
	c.mu.Unlock()
	if first {
		c.signal()
	}
}

func (c *clock) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *clock) run() {
	defer close(c.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-c.wake:
		}
		now := c.now().UnixNano()
		for {
			c.mu.Lock()
			if c.closed {
				c.mu.Unlock()
				return
			}
			if len(c.queue) == 0 || c.queue[0].at > now {
				wait := time.Hour
				if len(c.queue) > 0 {
					wait = min(wait, time.Duration(c.queue[0].at-now))
				}
				c.mu.Unlock()
				timer.Reset(wait)
				break
			}
			a := heap.Pop(&c.queue).(alarm)
			c.mu.Unlock()
			a.stream.due(a.at)
		}
	}
}

func (c *clock) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.signal()
	<-c.ended
}

// alarms are a heap by time.
type alarms []alarm

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at < a[j].at }
func (a alarms) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *alarms) Push(x any)        { *a = append(*a, x.(alarm)) }
func (a *alarms) Pop() any {
	old := *a
	last := old[len(old)-1]
	old[len(old)-1] = alarm{}
	*a = old[:len(old)-1]
	return last
}
