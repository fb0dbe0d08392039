package stream

import (
	"sync/atomic"
	"time"
)

// BatchLimits bound the batches of one stream. What is 0 has its default.
type BatchLimits struct {
	// Atomic and Fast are how many of each kind can be open: 50 and 1,000.
	Atomic, Fast int
	// Messages is how many an atomic batch can have: 1,000.
	Messages int
	// Idle is how long a batch stays open after its last message: 10 s.
	Idle time.Duration
}

func (l BatchLimits) normal() BatchLimits {
	if l.Atomic <= 0 {
		l.Atomic = 50
	}
	if l.Fast <= 0 {
		l.Fast = 1000
	}
	if l.Messages <= 0 {
		l.Messages = 1000
	}
	if l.Idle <= 0 {
		l.Idle = 10 * time.Second
	}
	return l
}

// A Budget bounds the batches of all streams of a server together. Any number of
// streams may share one. What is 0 is no bound.
type Budget struct {
	// Atomic and Fast are how many of each kind can be open.
	Atomic, Fast int64
	// Bytes is how much the messages that atomic batches have staged can take.
	Bytes int64

	atomic, fast, bytes atomic.Int64
}

// take adds to a use unless that would exceed the bound.
func take(use *atomic.Int64, n, most int64) bool {
	if use.Add(n) > most && most > 0 {
		use.Add(-n)
		return false
	}
	return true
}

func (b *Budget) takeAtomic() bool       { return b == nil || take(&b.atomic, 1, b.Atomic) }
func (b *Budget) takeFast() bool         { return b == nil || take(&b.fast, 1, b.Fast) }
func (b *Budget) takeBytes(n int64) bool { return b == nil || take(&b.bytes, n, b.Bytes) }

func (b *Budget) giveAtomic(bytes int64) {
	if b != nil {
		b.atomic.Add(-1)
		b.bytes.Add(-bytes)
	}
}

func (b *Budget) giveFast() {
	if b != nil {
		b.fast.Add(-1)
	}
}

// Open returns how many batches of each kind are open, and the bytes that are staged.
func (b *Budget) Open() (atomic, fast, bytes int64) {
	return b.atomic.Load(), b.fast.Load(), b.bytes.Load()
}
