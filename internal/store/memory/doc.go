// Package memory keeps streams and consumers in memory. What they promise is said in
// package store.
//
// # The shape
//
//	Stream
//	  blocks     ascending ranges of sequences
//	    slots    sequence and offset, 8 bytes per message
//	    arena    records: time, number of the subject, flags, header, payload
//	  subjects   a tree from subject to number, and by number:
//	    entry    the name, and the postings: the sequences of its messages
//	      runs   up to 256 sequences each, 4 bytes per message
//	  wheels     when life times end, and when to ask again about what was held back
//
// Blocks and runs have no pointers, so a stream of millions of messages is nothing to
// the garbage collector but some thousand pieces of memory. A message costs less than
// 30 bytes beyond its header and payload; one that is alone on its subject about 120
// and twice the subject.
//
// # The life of a message
//
// Append copies it to the end of the newest block, or a new one if that is full, and
// its sequence to the end of its postings. A removal marks the slot and takes the
// sequence out of the postings. A block without messages goes, and its memory serves
// the next one. A block of which most is dead is packed, and joined with its neighbour
// if that is mostly dead too; the oldest block is left alone while it is consumed from
// the front.
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
// writes nothing, not even a cache. What a listener or a callback does is within the
// operation that calls it.
//
// # What it never does
//
// It keeps nothing after Close, and gives no memory of removed messages to readers: what
// a reader got is overwritten by the changes that follow.
package memory
