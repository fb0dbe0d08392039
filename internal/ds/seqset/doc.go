// Package seqset is a set of sequence numbers: small where members lie close
// together, fast at any size, and able to read and write the encoded forms in
// which streams store and send the sequences that were deleted.
//
// # The shape
//
//	word     64 sequences, one bit each
//	block    2,048 sequences: 32 words; the "node" of the encoded form
//	page     64 blocks: a presence mask and the blocks that exist, in order
//	shelf    up to 256 pages in ascending order
//	Set      shelves in ascending order, nearly always one
//
// A block stores only the words that are neither empty nor full: two masks
// tell which word is which. A run of deleted sequences, the usual content,
// therefore costs 32 bytes per 2,048 members; a lone member costs about 50 to
// 100; a random half of all sequences costs as much as a plain bitmap.
//
// Finding a sequence is arithmetic inside a page (a shift, a count of bits) and
// a search among pages, which is skipped where the page is the one changed
// last, and guessed right at once where the pages have no gaps. A set over 67
// million consecutive sequences has one shelf. The second level keeps the
// worst case, members strewn over all 64 bits, from degrading: making a page
// moves at most 256 neighbours and the list of shelves.
//
// # Alignment
//
// Blocks begin at multiples of 2,048, unless StartAt gave the set another
// beginning while it was empty: then all its blocks begin at that sequence
// plus multiples of 2,048. A set of 2,000 sequences that begins in the middle of
// nowhere then needs one block instead of two. A sequence before that grid
// (there is one only below 2,048) makes the set fall back to multiples.
//
// # Encoded forms
//
// Append writes version 2, a balanced tree of blocks in pre-order as the
// established peers expect it; Decode reads versions 1 and 2 and believes
// nothing: sizes and heights are computed anew, allocations are bounded by
// the length of the input, overlapping or empty blocks are merged or dropped.
//
// # Ownership
//
// The zero Set is empty and ready. A Set has no lock: one goroutine at a time
// may change it, and any number may read it while nobody changes it (reading
// writes nothing, not even a cache). All methods that only read accept a nil
// Set. A Set must not be copied after first use (see Clone), nor changed while
// Range visits it.
//
// # What it never does
//
// It does not know what a sequence stands for, starts no goroutine, keeps no
// reference to buffers given to it, and never panics on encoded input.
package seqset
