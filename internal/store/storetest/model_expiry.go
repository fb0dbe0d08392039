package storetest

import (
	"math"
	"slices"

	"github.com/godwit-mq/godwit/internal/store"
)

// due reports whether the life time of a message has ended, and whether it, and
// those before it, are too old.
func (m *Model) due(msg *store.Message, now int64) (ended, old bool) {
	if m.limits.MessageTTL {
		end, has := store.Expiry(msg.Time, msg.TTL)
		ended = has && end <= now
	}
	old = m.limits.MaxAge > 0 && endOfAge(msg, m.limits) <= now
	return ended, old
}

func endOfAge(msg *store.Message, l store.Limits) int64 {
	if end := msg.Time + int64(l.MaxAge); end > msg.Time {
		return end
	}
	return math.MaxInt64
}

func (m *Model) never(msg *store.Message) bool {
	return m.limits.MessageTTL && msg.TTL == store.NeverExpires
}

func (m *Model) Tick(now int64, judge func(store.Due) store.Verdict) (sum store.Removal, err error) {
	if m.closed {
		return sum, store.ErrClosed
	}
	var dues []uint64
	young := false // a message that is not too old protects those behind it
	for i := range m.messages {
		msg := &m.messages[i]
		ended, old := m.due(msg, now)
		if !old && !m.never(msg) {
			young = true
		}
		if ended || old && !young && !m.never(msg) {
			dues = append(dues, msg.Sequence)
		}
	}
	for _, seq := range dues {
		if until, ok := m.held[seq]; ok && until > now {
			continue
		}
		i := slices.IndexFunc(m.messages, func(msg store.Message) bool { return msg.Sequence == seq })
		msg := &m.messages[i]
		alone := len(msg.Subject) == 0 || len(m.indexes(msg.Subject)) == 1
		if judge != nil && judge(store.Due{Sequence: seq, Subject: msg.Subject, Alone: alone, Marker: msg.Marker}) == store.Hold {
			m.held[seq] = now + int64(store.HoldTime)
			continue
		}
		sum = add(sum, m.cut(i))
	}
	return sum, nil
}

// NextExpiry looks at each message as if it were alone, which is early at times.
func (m *Model) NextExpiry() int64 {
	next := int64(math.MaxInt64)
	for i := range m.messages {
		msg := &m.messages[i]
		when := int64(math.MaxInt64)
		if end, has := store.Expiry(msg.Time, msg.TTL); has && m.limits.MessageTTL {
			when = end
		}
		if m.limits.MaxAge > 0 && !m.never(msg) {
			when = min(when, endOfAge(msg, m.limits))
		}
		next = min(next, max(when, m.held[msg.Sequence]))
	}
	return next
}
