package store

import "errors"

// Errors of streams. The texts of the first group are seen by publishers and
// readers of the JetStream API.
var (
	// ErrClosed is returned by every operation on a closed store.
	ErrClosed = errors.New("store is closed")
	// ErrNotFound is returned for a sequence or a subject without a message.
	ErrNotFound = errors.New("no message found")
	// ErrEOF is returned where a search reached the end of the stream, and for a
	// sequence beyond the last.
	ErrEOF = errors.New("stream store EOF")
	// ErrSequence is returned for an append or a skip that is not next in line.
	ErrSequence = errors.New("expected sequence does not match store")
	// ErrMaxMessages is returned by a full stream that discards new messages.
	ErrMaxMessages = errors.New("maximum messages exceeded")
	// ErrMaxBytes is returned by a full stream that discards new messages, and
	// for a message that is larger than the whole stream may be.
	ErrMaxBytes = errors.New("maximum bytes exceeded")
	// ErrMaxPerSubject is returned where the subject is full and the stream
	// discards new messages by subject.
	ErrMaxPerSubject = errors.New("maximum messages per subject exceeded")
	// ErrTooLarge is returned for a message beyond SizeMax or a subject beyond
	// SubjectMax.
	ErrTooLarge = errors.New("message too large")
	// ErrTooMany is returned where a request matches more subjects than the
	// caller allows.
	ErrTooMany = errors.New("too many matching results for request")

	// ErrLimits is returned, with details, for limits that contradict each other.
	ErrLimits = errors.New("bad limits")
	// ErrFilter is returned, with details, for a filter that is not one.
	ErrFilter = errors.New("bad filter")
	// ErrStateEncoding is returned for bytes that do not begin like an encoded
	// stream state.
	ErrStateEncoding = errors.New("bad stream state encoding")
	// ErrStateCorrupt is returned for an encoded stream state that ends early or
	// contradicts itself.
	ErrStateCorrupt = errors.New("stream state snapshot is corrupt")
)

// Errors of consumers.
var (
	// ErrAckNone is returned for what a consumer without acknowledgements cannot
	// do: redeliver and acknowledge.
	ErrAckNone = errors.New("ack policy is none")
	// ErrAckFloorConsumer is returned for a state whose acknowledged consumer
	// sequence is beyond the delivered one.
	ErrAckFloorConsumer = errors.New("bad ack floor for consumer")
	// ErrAckFloorStream is the same for the stream sequence.
	ErrAckFloorStream = errors.New("bad ack floor for stream")
	// ErrPendingEntry is returned, with the sequence, for a state with an
	// outstanding message that is acknowledged or was not delivered.
	ErrPendingEntry = errors.New("bad pending entry")
	// ErrOldUpdate is returned for a state that is older than the present one.
	ErrOldUpdate = errors.New("old update ignored")
	// ErrMaxPending is returned where a consumer would hold more outstanding or
	// redelivered messages than PendingMax.
	ErrMaxPending = errors.New("too many outstanding messages")
	// ErrConsumerState is returned, with details, for bytes that are not an
	// encoded consumer state.
	ErrConsumerState = errors.New("consumer state is corrupt")
)
