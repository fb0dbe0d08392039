package store

import "time"

// HoldTime is how long Tick does not ask again about a message that its judge
// held back.
const HoldTime = 2 * time.Second

// TickMax is the number of messages that one Tick takes from each kind of
// expiry, at most. NextExpiry tells at once if more are due.
const TickMax = 1 << 15

// Options are what a new stream store begins with.
type Options struct {
	Limits Limits
	// FirstSequence is that of the first message; 0 is 1.
	FirstSequence uint64
	// OnRemove is called after each removal; nil if nobody listens. It runs
	// inside the operation that removes, may read the store and must not change it.
	OnRemove func(Removal)
}

// A Removal tells of messages that went, whoever wanted it: a limit, the clock or
// the owner.
type Removal struct {
	// Messages and Bytes are how many went, and what they counted for.
	Messages, Bytes uint64
	// Sequence and Subject are those of the message if just one went by itself;
	// after a purge, compaction or truncation of more they are zero and listeners
	// count anew. The subject is good until the listener returns.
	Sequence uint64
	Subject  []byte
}

// State is the summary of a stream.
type State struct {
	// Messages is the number of messages, Bytes what they count for.
	Messages, Bytes uint64
	// FirstSequence is that of the oldest message, or the next one if there are
	// none; both are 0 in a stream that never had a sequence.
	FirstSequence, LastSequence uint64
	// FirstTime is the time of the oldest message, 0 if there are none. LastTime
	// is that of the newest ever stored, also if it is gone; 0 if there was none.
	// Both are Unix nanoseconds.
	FirstTime, LastTime int64
	// Subjects is the number of distinct subjects.
	Subjects int
}

// Deleted is the number of sequences between the first and the last without a
// message.
func (s State) Deleted() uint64 {
	if s.LastSequence < s.FirstSequence || s.LastSequence == 0 {
		return 0
	}
	return s.LastSequence - s.FirstSequence + 1 - s.Messages
}

// SubjectState is the summary of the messages of one subject, or of those that a
// filter selects: their number and the sequences of the oldest and the newest.
// All are 0 if there are none.
type SubjectState struct {
	Messages    uint64
	First, Last uint64
}

// A Range is a run of consecutive sequences.
type Range struct {
	First, Count uint64
}

// Last is the last sequence of the range.
func (r Range) Last() uint64 { return r.First + r.Count - 1 }

// All calls fn for the sequences of the range until fn returns false. It serves in
// a range statement.
func (r Range) All(fn func(seq uint64) bool) {
	for i := uint64(0); i < r.Count; i++ {
		if !fn(r.First + i) {
			return
		}
	}
}

// A Purge says what to remove: messages that the filter selects, that are below
// the sequence Below unless that is 0, and that are not among the newest Keep
// that the filter selects. The zero Purge is everything.
type Purge struct {
	Filter *Filter
	Below  uint64
	Keep   uint64
}

// Due is a message whose time has come. Its subject is good until the judge
// returns.
type Due struct {
	Sequence uint64
	Subject  []byte
	// Alone says that the subject has no other message.
	Alone bool
	// Marker is that of the message.
	Marker bool
}

// A Verdict is what a judge says of a message that is due.
type Verdict uint8

const (
	// Expire removes the message.
	Expire Verdict = iota
	// Hold leaves it where it is: the owner removes it, or puts a marker in its place,
	// by an operation of its own. If it is still there after HoldTime, the judge is
	// asked again.
	Hold
)

// A Stream keeps the messages of one stream. Package documentation tells of the
// rules that all operations share.
type Stream interface {
	// Append stores a message and sets its sequence, then removes older ones
	// as limits demand. Checked, it fails with ErrMaxPerSubject, ErrMaxMessages or
	// ErrMaxBytes; in any case with ErrSequence or ErrTooLarge.
	Append(m *Message, admission Admission) error
	// AppendBatch does the same with several, in their order. If it fails with an
	// error of Append none of them is stored; limits count what the messages before
	// in the batch change.
	AppendBatch(batch []Message, admission Admission) error
	// Skip gives count sequences from first on, which must be the next or 0, to no
	// message. The time of the last message stays, unless there was never one: then
	// it is now. It fails with ErrSequence.
	Skip(first, count uint64, now int64) error
	// SkipUnwanted gives one sequence, as Skip, to a message that came at the time
	// now and was wanted by nobody: the time of the last message becomes now.
	SkipUnwanted(seq uint64, now int64) error

	// Load reads the message with a sequence into m. It fails with ErrNotFound if it
	// is not there, and ErrEOF beyond the last sequence.
	Load(seq uint64, m *Message) error
	// Subject returns the subject of the message with a sequence, good until the
	// next change. It fails with ErrNotFound.
	Subject(seq uint64) ([]byte, error)
	// Next reads the oldest message that the filter selects with the sequence start
	// or a higher one, and returns its sequence. It fails with ErrEOF, and then
	// returns the last sequence: there is nothing up to that.
	Next(f *Filter, start uint64, m *Message) (uint64, error)
	// Previous reads the newest message that the filter selects with the sequence
	// start or a lower one, and returns its sequence. It fails with ErrEOF, and then
	// returns the first sequence.
	Previous(f *Filter, start uint64, m *Message) (uint64, error)
	// Last reads the newest message that the filter selects. Of all, that is the one
	// with the last sequence. It fails with ErrNotFound.
	Last(f *Filter, m *Message) error
	// Each reads messages that the filter selects from the sequence start on into
	// one Message, and calls fn with it, until fn returns false.
	Each(f *Filter, start uint64, fn func(m *Message) bool) error
	// SequenceAt returns the lowest sequence of a message with that time or a later
	// one, or else the next sequence.
	SequenceAt(t int64) (uint64, error)

	// State returns the summary; of a closed store, the zero one.
	State() State
	// Deleted calls fn, in ascending order until fn returns false, for the runs of
	// sequences between the first and the last without a message.
	Deleted(fn func(Range) bool)
	// Size is what a message with parts of these lengths counts for, in bytes.
	Size(subject, header, payload int) uint64
	// Pending returns how many messages with the sequence start or a higher one the
	// filter selects, or in how many of the selected subjects the newest message has
	// such a sequence; and the last sequence for which this is true.
	Pending(f *Filter, start uint64, lastPerSubject bool) (count, through uint64, err error)
	// Matching returns the summary of the messages that the filter selects with the
	// sequence start or a higher one.
	Matching(f *Filter, start uint64) (SubjectState, error)
	// Subjects calls fn, until it returns false, for subjects that the filter selects,
	// in the order of their bytes, leaving out the first offset of them. The subject
	// is good until fn returns.
	Subjects(f *Filter, offset int, fn func(subject []byte, s SubjectState) bool) error
	// LastSequences returns, ascending, the sequence of the newest message of each
	// subject that the filter selects; if upTo is not 0, of the newest one up to that
	// sequence. It fails with ErrTooMany if there are more than most, and most is
	// above 0.
	LastSequences(f *Filter, upTo uint64, most int) ([]uint64, error)

	// Remove takes out a message and reports whether it was there. It fails with
	// ErrNotFound for the sequence 0, and ErrEOF beyond the last.
	Remove(seq uint64) (bool, error)
	// Erase is Remove that leaves nothing of its bytes behind.
	Erase(seq uint64) (bool, error)
	// Purge takes out what p says. If that is all, or all below a sequence, the first
	// sequence follows, as with Compact.
	Purge(p Purge) (Removal, error)
	// Compact takes out everything below a sequence. If that is beyond the last, the
	// sequence becomes the next one; 0 takes out everything.
	Compact(seq uint64) (Removal, error)
	// Truncate takes out everything above a sequence, which becomes the last; 0
	// makes the stream as if it never had a sequence. It fails with ErrEOF beyond the
	// last.
	Truncate(seq uint64) (Removal, error)

	// Limits returns the limits, normalised.
	Limits() Limits
	// SetLimits changes the limits and enforces them; those of age wait for Tick. It
	// fails with ErrLimits.
	SetLimits(l Limits) error
	// Tick takes out messages that are too old or whose life time has ended at now,
	// as far as judge, called in the order of sequences, agrees. Without a judge all
	// go. It looks at no more than TickMax for either reason.
	Tick(now int64, judge func(Due) Verdict) (Removal, error)
	// NextExpiry returns when Tick will have something to do, or the greatest time. It
	// is never too late and may be early. It counts as a change.
	NextExpiry() int64

	// Close ends the use of the store. What a memory store has is gone.
	Close() error
}
