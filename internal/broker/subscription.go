package broker

import (
	"sync/atomic"

	"github.com/godwit-mq/godwit/internal/link"
)

// Subscription is one interest of one receiver.
type Subscription struct {
	Subject, Queue, SID string
	To                  *Receiver

	delivered atomic.Int64
	max       atomic.Int64 // deliveries in total, 0: no limit; and the mark gone

	// shadow is set for what stands in another account on behalf of a
	// subscription, because of a stream import.
	shadow *shadow
}

// gone marks in max that the subscription is on its way out of the interest.
const gone = 1 << 62

// limit is max without the mark.
func (s *Subscription) limit() int64 { return s.max.Load() &^ gone }

// Delivered is how many messages were delivered to the subscription.
func (s *Subscription) Delivered() int64 {
	n := s.delivered.Load()
	if limit := s.limit(); limit > 0 && n > limit {
		return limit // attempts beyond the limit were refused
	}
	return n
}

// Max is the number of messages after which it ends; 0 means never.
func (s *Subscription) Max() int64 { return s.limit() }

// Limit ends the subscription after max messages in total, or never for 0. It
// reports whether that many were delivered already.
func (s *Subscription) Limit(limit int64) (reached bool) {
	if old := s.limit(); old > 0 {
		// Forget refused attempts, so that a raised limit counts deliveries.
		if n := s.delivered.Load(); n > old {
			s.delivered.CompareAndSwap(n, old)
		}
	}
	s.max.Store(limit)
	return limit > 0 && s.delivered.Load() >= limit
}

// take claims one delivery of a limited subscription. last is set for the one
// that uses the limit up.
func (s *Subscription) take(limit int64) (ok, last bool) {
	n := s.delivered.Add(1)
	return n <= limit, n == limit
}

// Message is what an internal receiver gets. Its slices are its own.
type Message struct {
	Account *Account
	Subject string
	Reply   string
	Header  []byte
	Payload []byte
	// From is the connection that published, nil if it was none.
	From *Receiver
}

// Receiver is whoever subscriptions belong to: a connection, or a part of the
// server. Fields are set before the first subscription; the flags may change
// between batches and take effect when the interest generation does.
type Receiver struct {
	// ID is the connection's number.
	ID uint64
	// Out takes the deliveries of a connection.
	Out *link.Out
	// Handle takes those of an internal receiver, on the publisher's goroutine
	// with no lock held. Exactly one of Out and Handle is set, except
	// for the broker's own receivers.
	Handle func(*Subscription, *Message)

	// Headers: the receiver understands messages with headers.
	Headers atomic.Bool
	// NoEcho: it does not want what it published itself.
	NoEcho atomic.Bool
	// Filter tells which deliveries the receiver's permissions forbid; nil if
	// none.
	Filter atomic.Pointer[Filter]
	// Trace is told of deliveries while publishers trace: "MSG foo 1 5". May be
	// nil.
	Trace func(line []byte, headers, payload []byte)
	// Requestor describes the connection; nil for a part of the server.
	Requestor Requestor
	// via, in place of Out and Handle, carries messages to another account.
	via passage
	// Exhausted is called, with no lock held, when a subscription has got all
	// that it wanted.
	Exhausted func(*Subscription)
}

// Filter is the part of a receiver's permissions that deliveries must obey.
type Filter struct {
	// Denies reports whether a message on the subject may not be delivered.
	Denies func(subject []byte, queue string) bool
	// Grant lets the receiver answer to a reply subject; nil if it may anyway.
	Grant func(reply []byte)
}
