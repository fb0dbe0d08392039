// Package heap keeps pieces of bytes of one stream in append-only files, and the
// manifest that says which of them make up the stream. It is the disk under the block
// engine, and knows nothing of messages.
//
// # What is stored
//
//	chunk      1 byte to 40 MiB of data, checked, perhaps compressed and encrypted
//	data file  N.chunks: chunks one behind the other, written once, deleted as a whole;
//	           only Wipe overwrites a chunk, with zeros, when nothing refers to it
//	edit       what a commit changes in the owner's state: bytes to the heap
//	manifest   the edits; a Rewrite replaces it by one whose first edit is everything
//
// The owner's state is, above all, places (Ref) of chunks. The bytes are laid out as
// format.go says.
//
// # The life of a chunk
//
//	ref, err := h.Write(key, data)   gathered, and written with others; can be read
//	err = h.Commit(edit)             an edit that mentions ref: now it is durable
//	data, err = h.Read(ref, buf)     any number of times
//	h.Drop(ref)                      the owner's state does not mention it any more
//	err = h.Commit(edit)             nor does the manifest: its file may go
//
// A file goes when all its chunks are dropped. Sparse names those which are mostly
// dropped, for the owner to copy what is left.
//
// # What is durable when
//
// What the last successful Commit or Rewrite referred to survives any power cut. What
// was written after it may vanish: the owner has it elsewhere, in the node's journal,
// until the next commit. A commit flushes, syncs the files that were written and the
// directory if there are new ones, and only then appends its edit and syncs that. Files
// are deleted after that, so the state before the commit is whole until the state after
// it is durable.
//
// # When something fails
//
// A failed write or sync is final for the interval, that is for everything written since
// the last commit: the kernel may have dropped the bytes, and a later sync that succeeds
// does not bring them back. The call returns an error, the places that Write has
// returned are void, and the owner writes the chunks again, which go to new files. If
// the manifest itself could not be written, nobody knows what it holds, and the next
// commit must be a Rewrite: Commit says ErrRewrite until then. A full disk is an error
// like others; the space of the interval is given back at once.
//
// # What recovery believes
//
// Only checksums, which cover the heap's identity, the file and the offset, so that what
// was left over, moved or swapped does not pass for data. An unreadable edit at the end
// of the manifest was torn by a power cut if nothing says that it was committed: then it
// never was, and is ignored. Each commit leaves such a witness behind its edit, not
// synced, to be overwritten by the next edit. So an edit that went bad later is told
// from a torn one, unless the power was cut soon after it was written. Unreadable edits
// before a readable one, or before a witness, are damage: Recovery lists them, the
// others are replayed, and no file that was found is deleted.
//
// Open reads the manifest alone. A file found by Open is never written again: what lies
// behind its last commit may be anything. The first Write after Open begins a new one,
// and so do many restarts: Sparse offers small files to be joined.
//
// Scan reads the chunks without the manifest, for repair.
//
// # Encryption
//
// Each file has its own key, derived from the configured one and a random salt (package
// seal). In a data file the nonce is the chunk's offset, which is safe as no place is
// written twice; in the manifest it is random. Changing Options.Cipher affects new files
// and the next manifest: until a Rewrite, Commit says ErrRewrite. Copying the chunks of
// all files that Sparse(2) names ends the use of an old key. Lengths, keys of chunks and
// the pace of writing stay visible, and who can write to the directory can bring back an
// old state of it.
//
// # Who may call what
//
// One goroutine at a time may change the heap: Write, Use, Drop, Wipe, Commit, Rewrite,
// Abandon, Sparse, Close, Remove. Read, Stats and CloseIdle may be called by any
// goroutine beside them, but no Read during Close or Remove. A directory must not be
// opened twice; the heap takes no lock on it.
//
// # What it never does
//
// It starts no goroutine, knows no time, keeps no chunk in memory once it is written,
// deletes nothing because it could not be read, and never makes a file known to the
// manifest before it is synced.
package heap
