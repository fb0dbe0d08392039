package consumer

import (
	"time"

	"github.com/godwit-mq/godwit/internal/store"
)

// Kind is what the owner has to do for an effect.
type Kind uint8

const (
	// Deliver sends a message of the stream.
	Deliver Kind = iota + 1
	// Status sends a header block without payload, from the server itself.
	Status
	// Answer sends an empty message, as soon as all that the consumer store was told
	// before is durable.
	Answer
	// Done tells the stream that this consumer does not need a message any more, or some of
	// several: Needs says which. It is given only if the stream's retention depends on it.
	Done
	// Notify publishes an advisory or a metric.
	Notify
	// Inactive asks to delete the consumer, which nobody uses.
	Inactive
)

// An Effect is something that the owner has to do. What does not belong to its kind is
// zero.
type Effect struct {
	Kind Kind
	// To is the subject that the message is routed to: a requester's, or the deliver
	// subject.
	To string
	// Reply is the reply subject: for acknowledgements of a message, or for the answer
	// to a flow control status.
	Reply []byte
	// Subject is that of the stored message, as subscribers see it.
	Subject []byte
	// Header is the whole header block, Payload the rest.
	Header, Payload []byte
	// Sequences are those of the delivery and of the message; Count is 1 for the first
	// delivery of the message.
	Sequences store.Pair
	Count     uint64
	// First and Last are the sequences of the stream of which Done tells, both included.
	First, Last uint64
	Notice      *Notice
}

// NoticeKind is what a notice tells of.
type NoticeKind uint8

const (
	// Naked: a client refused a message.
	Naked NoticeKind = iota + 1
	// Terminated: a message will not be delivered again; Reason may say why.
	Terminated
	// MaxDeliveries: a message was delivered as often as it may be.
	MaxDeliveries
	// Sampled: a message was acknowledged, after AckTime.
	Sampled
	// Pinned and Unpinned: a client became the only one of its group, or is it no more.
	Pinned
	Unpinned
	// PauseChanged: the consumer was paused or resumed.
	PauseChanged
)

// A Notice is the contents of an advisory or a metric.
type Notice struct {
	Kind       NoticeKind
	Sequences  store.Pair
	Deliveries uint64
	// Reason is that of Terminated and Unpinned.
	Reason string
	// AckTime is the time from the last delivery to the acknowledgement.
	AckTime time.Duration
	// Group and PinID are those of Pinned and Unpinned.
	Group, PinID string
	// Paused and PauseUntil, in Unix nanoseconds, are those of PauseChanged.
	Paused     bool
	PauseUntil int64
}

// Reasons of notices, as clients see them.
const (
	ReasonDeleted = "Unacknowledged message was deleted"
	ReasonLimits  = "Message deleted by stream limits"
	ReasonAdmin   = "admin"
	ReasonTimeout = "timeout"
)

// outbox collects effects in memory that is used again and again.
type outbox struct {
	effects []Effect
	arena   []byte // bytes that effects point to
	taken   bool
}

// arenaMax is how much memory for bytes of effects is kept from one batch to the next.
const arenaMax = 1 << 20

// take gives the effects out, which are forgotten with the next use of the outbox.
func (o *outbox) take() []Effect {
	if o.taken {
		return nil
	}
	o.taken = true
	return o.effects
}

// begin makes room after the effects were taken.
func (o *outbox) begin() {
	if !o.taken {
		return
	}
	clear(o.effects)
	o.effects, o.arena, o.taken = o.effects[:0], o.arena[:0], false
	if cap(o.arena) > arenaMax {
		o.arena = nil
	}
}

// next returns a zero effect at the end of the list.
func (o *outbox) next() *Effect {
	o.begin()
	o.effects = append(o.effects, Effect{})
	return &o.effects[len(o.effects)-1]
}

func (o *outbox) status(to string, header []byte) {
	e := o.next()
	e.Kind, e.To, e.Header = Status, to, header
}

func (o *outbox) notify(n Notice) {
	e := o.next()
	e.Kind, e.Notice = Notify, &n
}
