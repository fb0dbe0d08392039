// Package stream decides what a JetStream stream does: whether a message may come in
// and under which sequence it is stored, what its publisher is answered, which messages
// go and when, and what a reader gets. The messages themselves lie in a store.Stream.
//
// # The life of a stream
//
// New begins one over an empty store, Restore over one that has messages: it reads
// back from their headers what the machine must know (identifiers within the duplicate
// window, schedules). Then the owner calls, in any order:
//
//	Publish     a run of messages that clients have sent
//	Sourced     a message from a source, Mirrored one from the origin of a mirror
//	Due         when the time that Next named has come: expiry, delete markers,
//	            schedules, abandoned batches
//	Update      another configuration
//	Acknowledged, Trim    what consumers no longer need
//	Get, Direct           readers
//	Delete, Purge         clients that remove
//
// All that follows from a call is in a Result: answers to publishers, messages to
// publish again, advisories, and what was stored. The owner sends them when the store
// has made them durable. A Result is used again and again, so that a plain publish
// allocates nothing.
//
// # One message
//
// A message becomes a candidate: its subject is transformed and its headers are read
// once. Then it is judged, by checks that look at the stream and change nothing, in the
// order that clients can observe. What passes is applied: stored, or counted as a
// sequence that nobody wanted; remembered as an identifier and as a schedule; and what
// it rolls up goes. A batch that is atomic is judged as a whole and applied as a whole.
//
//	Publish -> candidate -> judge -> refused, duplicate
//	                          |
//	                        apply -> store.Append -> answer, republish
//
// # Ownership
//
// A Stream has one owner, who holds a lock around every call; Get and Direct may run
// beside each other, and beside nothing else. Slices given to a call are read until it
// returns; those of a Result are good until it is reset or until the slices given to
// the call that filled it are written, whichever comes first.
//
// # What it never does
//
// It starts no goroutine, reads no clock and no file, draws no random numbers and sends
// nothing. Time is a parameter, in Unix nanoseconds.
package stream
