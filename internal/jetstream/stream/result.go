package stream

import "github.com/godwit-mq/godwit/internal/jetstream/api"

// An Incoming message is one that a client has published to the stream. Its slices
// are only read.
type Incoming struct {
	Subject []byte
	// Reply is where the publisher expects an answer; empty if it does not.
	Reply []byte
	// Header is the block as it came, or empty.
	Header  []byte
	Payload []byte
}

// A Kind says what became of a message.
type Kind uint8

const (
	// Stored messages have the sequence of the outcome.
	Stored Kind = iota
	// Unwanted messages have used up the sequence of the outcome and are not stored:
	// no consumer is interested.
	Unwanted
	// Duplicate messages came before, with the sequence of the outcome.
	Duplicate
	// Refused messages are answered with the error of the outcome.
	Refused
	// Staged messages wait for the rest of their batch.
	Staged
	// Committed messages have ended their batch; the sequence is that of its last
	// message.
	Committed
	// Ignored messages have no effect: they belong to a batch that is over, or were
	// for the flow of one.
	Ignored
)

// An Outcome is what became of one message.
type Outcome struct {
	Kind     Kind
	Sequence uint64
	Err      *api.Error
}

// An Answer goes to a publisher. An empty one tells that a message is staged.
type Answer struct {
	Reply []byte
	Body  []byte
}

// A Republication is a stored message to be published once more.
type Republication struct {
	Subject []byte
	Header  []byte
	Payload []byte
}

// An Arrival is a message that was stored.
type Arrival struct {
	Sequence uint64
	Subject  []byte
}

// An Abandoned batch is told of in an advisory, with a reason of package api.
type Abandoned struct {
	Batch  string
	Reason string
}

// A Result is all that follows from calls since it was reset. Republished messages
// are to be sent before the answers. The zero value is ready.
type Result struct {
	// Outcomes has one entry for each message given to Publish, in their order.
	Outcomes    []Outcome
	Answers     []Answer
	Republished []Republication
	// Arrived are the messages that were stored, in the order of their sequences,
	// whoever has sent them: clients, sources, schedules, or the stream itself.
	Arrived   []Arrival
	Abandoned []Abandoned

	arena []byte // what the slices above share
}

// Reset empties the result for another use.
func (r *Result) Reset() {
	r.Outcomes = r.Outcomes[:0]
	clear(r.Answers)
	r.Answers = r.Answers[:0]
	clear(r.Republished)
	r.Republished = r.Republished[:0]
	clear(r.Arrived)
	r.Arrived = r.Arrived[:0]
	clear(r.Abandoned)
	r.Abandoned = r.Abandoned[:0]
	if cap(r.arena) > arenaKept {
		r.arena = nil
	}
	r.arena = r.arena[:0]
}

// arenaKept is up to how many bytes a result keeps for its next use.
const arenaKept = 1 << 20

// seal returns what was appended to the arena from a place on. The bytes stay where
// they are, also when the arena moves on to other memory.
func (r *Result) seal(arena []byte, from int) []byte {
	r.arena = arena
	return arena[from:len(arena):len(arena)]
}

func (r *Result) outcome(kind Kind, sequence uint64) {
	r.Outcomes = append(r.Outcomes, Outcome{Kind: kind, Sequence: sequence})
}

func (r *Result) refused(err *api.Error) {
	r.Outcomes = append(r.Outcomes, Outcome{Kind: Refused, Err: err})
}
