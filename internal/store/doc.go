// Package store says what the stores of streams and consumers promise, and has the
// parts that all of them share. How messages are kept is the matter of the packages
// below it; package storetest is the contract as tests.
//
// # A stream store
//
// A Stream is an ordered list of messages with sequence numbers that never come
// twice. It begins empty. Append and AppendBatch add at the end, Skip uses up
// sequences without a message; limits, Tick, Remove, Erase, Purge and Compact take
// messages out and leave holes; Truncate alone gives sequences back. The owner reads
// by sequence, by time, or by subject with a Filter. Close ends it.
//
//	first                                            last
//	  |                                                |
//	  4   .   6   7   .   .   10   11   .   13   14    15      . = hole
//
// A stream whose messages are all gone remembers its place: the first sequence is
// then the last plus one.
//
// The store speaks of sequences, subjects, times and bytes, and of nothing else. It
// does not read headers. What comes from them and matters here is said in fields of
// Message: the life time, whether the message is a marker, whether it rolls up. So the
// stream above does duplicates, expected sequences, roll-ups (as Purge), counters,
// schedules and the sequences of sources; it builds delete markers when Tick asks about
// the last message of a subject (see Due); and for a replicated stream it decides once,
// at the leader, and stores with Decided everywhere.
//
// # Limits
//
// An append that is Checked can be refused, and then nothing has changed. After an
// append the oldest messages go: those of the subject first, then those of the stream
// in number, then in bytes. A stream that discards new messages refuses instead, but a
// message for a full subject takes the place of the oldest there unless that is excluded
// too. Bytes are those of Size: an agreed formula, not the memory or file space used.
//
// # Time
//
// A store has no clock. Times come with messages and with Tick, in Unix nanoseconds;
// they are kept as they are and may go back. The owner calls Tick at NextExpiry or a
// little later. By age messages go from the front, so one that is young protects the
// older ones behind it; by life time each goes for itself.
//
// # A consumer store
//
// A Consumer remembers how far a consumer has come: what was delivered, the floor below
// which all is done, what is outstanding, and what was delivered again. Progress is
// these rules; a store adds how they survive. ConsumerState is all of it as a value,
// with an encoded form.
//
//	Start   -> Deliver 1, 2, 3      outstanding 1 2 3    floor 0
//	        -> Ack 2                outstanding 1 3      floor 0
//	        -> Ack 1                outstanding 3        floor 2
//	        -> Ack 3                                     floor 3 = delivered
//
// # Replicas
//
// A Snapshot is the state of a stream without its messages. TakeSnapshot makes it,
// Append encodes it in the form that established peers use, and SyncDeleted makes the
// holes of a stream those of a snapshot.
//
// # Ownership
//
// A store has one owner, who holds a lock for it if there are several goroutines: one
// may change it, or any number may read it. NextExpiry counts as a change. What
// a store gives out (slices of a Message, subjects) lies in its memory, must not be
// written, and is good until the next change. It keeps nothing that is given to it.
// Functions given to a store are called before the operation returns; they may read the
// store and must not change it. A Filter never changes and can be shared.
//
// # Errors and limits
//
// Errors are values of this package, to be compared with errors.Is, for some come with
// details. A store on disk may fail with others as well. Everything has a bound: SizeMax, SubjectMax, SequenceMax, FilterPatternsMax,
// PendingMax, TickMax; requests that list subjects take the most that they may return.
//
// # What it never does
//
// It starts no goroutine, reads no clock, waits for nothing, and does not panic whatever
// bytes it is asked to decode.
package store
