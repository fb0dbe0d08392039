package consumer

import (
	"time"

	"github.com/godwit-mq/godwit/internal/store"
)

// A pace is how fast messages are delivered: as fast as they came, if they are to be
// replayed so, and not faster than a rate.
type pace struct {
	// at is when the next message can be delivered if it was too early for it, or never.
	at int64

	original bool
	replayTo uint64 // stream sequence from which on all goes at once
	lastTime int64  // when the last message was stored, 0 at first
	sentAt   int64  // when it was delivered

	bitRate uint64 // per second, 0 if there is no limit
	burst   int    // bytes
	free    int64  // when all that was sent fits the rate
}

const (
	replaySlack = int64(time.Millisecond)
	// bitTime is the time of a byte, in nanoseconds, at one bit per second.
	bitTime  = 8 * int64(time.Second)
	burstMax = 1 << 30
)

// isEarly says whether a message that is delivered for the first time has to wait, as
// long after the one before it as when they came.
func (p *pace) isEarly(now int64, m *store.Message) bool {
	if !p.original || m.Sequence > p.replayTo || p.lastTime == 0 {
		return false
	}
	wait := m.Time - p.lastTime
	if wait <= replaySlack {
		return false
	}
	at := after(p.sentAt, wait)
	if at <= now {
		return false
	}
	p.at = at
	return true
}

// delivered takes note of a message that was delivered for the first time.
func (p *pace) delivered(now int64, m *store.Message) {
	if p.original {
		p.lastTime, p.sentAt = m.Time, now
	}
}

// isFast says whether a message of a size has to wait for the rate, and else takes note
// of it. What is larger than the burst counts as much as that, or it would wait for ever.
func (p *pace) isFast(now int64, size int) bool {
	if p.bitRate == 0 {
		return false
	}
	rate := int64(min(p.bitRate, uint64(never)))
	burst := int64(min(p.burst, burstMax))
	cost := min(int64(size), burst) * bitTime / rate
	free := after(max(p.free, now), cost)
	at := free - burst*bitTime/rate
	if at > now {
		p.at = at
		return true
	}
	p.free = free
	return false
}
