// Package chunked is a stream in chunks: everything that a stream store does, except
// for keeping chunks elsewhere than in memory. A memory store is just that; a store on
// disk is its Keeper.
//
// # The shape
//
//	Stream
//	  chunks     ascending ranges of sequences
//	    slots    where each message's record begins, 4 bytes per message
//	    arena    records: time, lengths, subject, header, payload
//	  subjects   a tree from subject to number, and by number:
//	    entry    the name, and the postings: the sequences of its messages
//	      runs   up to 256 sequences each, 4 bytes per message
//	  wheels     when life times end, and when to ask again about what was held back
//
// A chunk holds up to 4,096 messages. As long as these are consecutive their sequences
// are not stored; else they cost 4 bytes more. Chunks and runs have no pointers inside,
// so a stream of millions of messages is nothing to the garbage collector but some
// thousand pieces of memory.
//
// # The life of a message
//
// Append encodes it at the end of the newest chunk, or a new one if that is full, and
// puts its sequence at the end of its postings. A removal marks the slot and takes the
// sequence out of the postings. A chunk without messages goes. A chunk of which most is
// dead is packed, and joined with its neighbour if that is mostly dead too; the oldest
// chunk is left alone while it is consumed from the front.
//
// # Keeping
//
// A stream with a Keeper tells it of every change as an effect: this record was stored,
// that sequence is gone. The keeper writes that down before anything is acknowledged,
// and Redo does it again after a crash; decisions (limits, life times) are not made
// again. From time to time the keeper takes the chunks that have changed, writes them,
// and settles them: their arena is then no longer in memory, and Load brings it back.
// Slots, postings and everything else stay, so counting, searching by subject and
// removing by subject read nothing. Adopt puts a stream together from kept chunks.
//
// # Costs
//
// By sequence, by time and by literal subject a message is found with binary searches,
// and so are counts of a subject from a sequence on. A wildcard asks each subject that
// it matches. A search for the next match looks at some messages first, and then takes
// whichever is less, the subjects or the messages. Nothing else depends on the number of
// messages, except removals of many.
//
// # Ownership
//
// As package store says: one goroutine changes a stream, or any number read it. Reading
// writes nothing. What a listener, a keeper or a callback does is within the operation
// that calls it.
//
// # What it never does
//
// It keeps nothing after Close, does no input or output, and gives no memory of removed
// messages to readers: what a reader got is overwritten by the changes that follow.
package chunked
