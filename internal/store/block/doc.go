// Package block is the engine for streams and consumers that survive: on the disk, but
// written to the node's journal first.
//
// # The shape
//
//	Node       one journal, one cache, and the assets whose records are in the journal
//	  Stream     a stream of package chunked, and behind it
//	    effects    what happened since the last Commit, on its way to the journal
//	    heap       files of chunks, and the manifest that says which of them count
//	  Consumer   progress, all of it in the journal
//
// # The walk of one message
//
//  1. Append puts it into the newest chunk in memory, and its record among the effects.
//     What limits take out for it is among the effects, too.
//  2. Commit hands the effects to the journal as one append, which survives as a whole
//     or not at all, and returns. When the journal has synced it, done is called: now
//     the message may be acknowledged and delivered.
//  3. When some megabytes have gone that way, the owner makes a checkpoint: the chunks
//     that have changed are written to the heap, the heap is synced, and an edit of the
//     manifest is synced after it. Now the journal need not keep what came before, and
//     the chunks need no memory: they are in the cache as long as there is room.
//
// Nothing on the disk is written in place. A chunk that changes is written again
// elsewhere; a file in which little lives is emptied by and by, and deleted when the
// manifest does not need it.
//
// # Recovery
//
// LoadStream reads the manifest and the chunks, which gives the stream as it was at its
// last checkpoint. Recover reads the journal once and does again what came after, as
// effects: that a message is there, that one is gone. No limit and no clock is asked
// again, so a stream comes back as it was, whatever was configured meanwhile; then
// limits that have become lower are enforced.
//
// A chunk that cannot be read is damage. Its messages are missing, its place in the
// manifest stays, and nothing is deleted; everything else is there. The same goes for
// records of the journal. A Report tells what is missing.
//
// # After a failure
//
// If the journal could not make a commit durable, done gets the error, and so do all
// later ones of the asset: what was decided since rests on something that is not there.
// The owner closes the stream and loads it again. A checkpoint that fails changes nothing
// but that the next one has more to do.
//
// # Memory
//
// A message of a stream costs 8 bytes while its chunk is on the disk: 4 for its slot, 4
// for its place among the messages of its subject; 4 more if its chunk has holes. A
// subject costs about 120 bytes and twice its length. Chunks that are not yet in a
// checkpoint are in memory as well.
//
// # Ownership
//
// A Node may be used by any goroutine. A Stream or a Consumer has one owner, as package
// store says; of a Checkpoint, Write may run beside all that the owner does. The
// functions given to Commit are called by a goroutine of the journal and must not wait
// for the stream's owner.
//
// # What it never does
//
// It starts no goroutine but the journal's, reads no clock, acknowledges nothing that is
// not durable, and deletes nothing because it cannot read it.
package block
