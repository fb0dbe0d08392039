package store

const (
	// PendingMax is the number of outstanding messages, and of redelivered ones, that
	// a consumer remembers at most.
	PendingMax = 1 << 26
)

// AckPolicy is what acknowledgements a consumer waits for.
type AckPolicy uint8

const (
	// AckNone waits for none: what is delivered is done.
	AckNone AckPolicy = iota
	// AckAll takes an acknowledgement for all messages up to it.
	AckAll
	// AckExplicit takes an acknowledgement for one message.
	AckExplicit
)

// Rules are what a consumer store must know of its consumer.
type Rules struct {
	Ack AckPolicy
	// MaxDeliver is how often a message is delivered; not above 0 is no limit.
	MaxDeliver int64
}

// A Pair is a place in the deliveries of a consumer and in the stream.
type Pair struct {
	Consumer, Stream uint64
}

// A Delivery is one delivery of one message.
type Delivery struct {
	// Pair has the sequence of this delivery and that of the message.
	Pair
	// Count is 1 for the first delivery of the message.
	Count uint64
	// Time is when it was delivered, in Unix nanoseconds.
	Time int64
}

// An Outstanding message was delivered and is not acknowledged.
type Outstanding struct {
	// Pair has the sequence of its first delivery, 0 if that is not known, and its own.
	Pair
	// Time is that of its latest delivery, in Unix nanoseconds.
	Time int64
}

// Redelivered tells how often a message was delivered again.
type Redelivered struct {
	Stream, Count uint64
}

// ConsumerState is all that a consumer store remembers. The lists are ascending by
// stream sequence.
type ConsumerState struct {
	// Delivered is the highest place delivered, Floor the highest below which all is
	// done.
	Delivered, Floor Pair
	Pending          []Outstanding
	Redelivered      []Redelivered
}

// A Consumer keeps the state of one consumer. Package documentation tells of the
// rules that all operations share. After Close, changes fail with ErrClosed, and
// there is nothing to read.
type Consumer interface {
	// Start makes a sequence of the stream the place before the first delivery.
	Start(seq uint64) error
	// Advance moves that place up, if nothing was delivered so far up; of a consumer
	// without acknowledgements, also the floor.
	Advance(seq uint64) error
	// Reset forgets everything and starts anew.
	Reset(seq uint64) error

	// Deliver notes a delivery. One that is not above the floor is old and ignored. It
	// fails with ErrAckNone for a redelivery without acknowledgements, with
	// ErrMaxPending, and with ErrSequence for sequences that are 0 or beyond SequenceMax.
	Deliver(d Delivery) error
	// Ack notes that a message is done, given a delivery of it. One that is not above
	// the floor is old and ignored. It fails with ErrAckNone, and with ErrNotFound for
	// a message that is not outstanding.
	Ack(p Pair) error
	// ForgetRedelivered forgets how often messages below a sequence were delivered.
	ForgetRedelivered(below uint64) error

	// Update replaces the state by that of a peer. It fails, changing nothing, with
	// ErrAckFloorConsumer, ErrAckFloorStream or ErrPendingEntry for a state that cannot
	// be, and ErrOldUpdate for one that is behind.
	Update(s ConsumerState) error
	// Replace is Update that takes a state that is behind.
	Replace(s ConsumerState) error

	// Delivered and Floor return these parts of the state.
	Delivered() Pair
	Floor() Pair
	// PendingLen is the number of outstanding messages.
	PendingLen() int
	// Pending returns what is known of an outstanding message.
	Pending(seq uint64) (Outstanding, bool)
	// EachPending calls fn, ascending until fn returns false, for the outstanding
	// messages from a sequence on.
	EachPending(start uint64, fn func(Outstanding) bool)
	// RedeliveredLen is the number of messages that were delivered again.
	RedeliveredLen() int
	// Redelivered is how often a message was delivered again.
	Redelivered(seq uint64) uint64
	// State returns a copy of all.
	State() ConsumerState

	// Rules returns the rules, SetRules changes them for what comes.
	Rules() Rules
	SetRules(r Rules) error
	// Close ends the use of the store.
	Close() error
}
