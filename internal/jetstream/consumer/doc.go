// Package consumer decides what a JetStream consumer does: which message is delivered
// to whom next, what an acknowledgement means, and what is due when.
//
// # What it is for
//
// A Consumer is a state machine over two stores: the stream, which it only reads, and
// the consumer store, which keeps what must survive (what was delivered, the floor,
// what is outstanding, what was redelivered). Everything else, such as open requests,
// timers and counts, lives in memory and is found again by Restore.
//
// # The life of a consumer
//
//	New or Restore ──> events in ──> effects out ──> ... ──> End
//
//	events     Stored, Removed, Purged  what happened to the stream
//	           Pull, Gone               requests, and requesters that went away
//	           Ack, FlowAnswer          what receivers say
//	           Bind                     whether somebody listens to the deliver subject
//	           Pause, Unpin, Reset, Update
//	           Due                      time has passed
//	delivery   Next                     gives the next messages, as much as there is room for
//	effects    Effects                  what is to be sent, in this order
//
// After any event the owner takes the Effects, calls Next until it says that there is
// no more, and asks Deadline when to call Due. Effects point into memory of the
// consumer and of the stream's store: they are good until the next call of a method of
// the consumer, or the next change of the stream, whichever comes first.
//
// # Deciding and applying
//
// A decision is applied by one call of a method of store.Consumer: Deliver, Ack,
// Advance, Reset. Whoever follows the decisions of another server applies these calls
// to its own store, and needs no Consumer.
//
// # The life of one message
//
//	                    ┌──────── NAK, ack wait ────────┐
//	                    v                               │
//	undelivered ──> outstanding ──> due ──> outstanding ┘
//	                    │            │
//	                    ├── ACK, TERM, message removed ──> done
//	                    └── delivered often enough ──────> exhausted ── late ACK ──> done
//
// An outstanding message is in the store, and by the time of its delivery, and the
// place in the queue that follows from it, the store knows when it will be due. So a
// plain delivery and a plain acknowledgement touch no timer. Only messages that have
// left the ordinary course (redelivered, delayed, worked on) have entries of their own;
// see schedule.
//
// # Counts
//
// The number of messages that wait to be delivered is kept by events: Stored adds,
// delivery and Removed take away. It is counted anew where that is not enough: after a
// purge and with other filters. Where the stream has nothing more, it is 0 whatever
// the events said.
//
// # Ownership
//
// One owner, who holds a lock if there are several goroutines. No method blocks.
// Events of the stream (Stored, Removed, Purged) should be given before the next call of Next;
// if they come late, counts are wrong until the end of the stream is reached, and
// nothing else.
//
// # What it never does
//
// It starts no goroutine, reads no clock, has no source of random numbers, file or
// socket, and knows nothing of accounts, permissions and the wire. It does not judge
// configurations: package api does.
package consumer
