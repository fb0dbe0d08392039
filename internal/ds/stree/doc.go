// Package stree is a map from literal subjects to values that can be asked with
// wildcards: which of a million stored subjects match orders.*.new?
//
// # The shape
//
// The tree is an adaptive radix tree over the bytes of the subjects, and a
// "blind" one: a node knows only at which offset its subjects begin to differ,
// not what they have in common before. Every leaf has its whole subject, so a
// search follows the bytes at the branching offsets and compares once, at the
// end. A node remembers the subject of one of its leaves for whoever needs the
// bytes between.
//
//	node   offset | one subject below | bitmaps of the branching bytes | children
//	leaf   place of the subject's text | value
//
// The branching bytes of a node are a set of up to 256, stored as those of eight
// 32-bit bitmaps that are not empty; the place of a child is a count of bits. Ten
// digits take one bitmap. So one layout serves nodes of two children and of
// 256, children are always in the order of their bytes, and a usual node fits
// in one cache line. The end of a subject is a branch of its own, the first: any
// byte may occur in a subject.
//
// # Memory
//
// Nodes, leaves and texts refer to each other by number and lie in chunks: 32 KB
// for nodes of one size, 256 leaves, 64 KB of text. None of them contains a pointer,
// unless the values do, so the garbage collector has nothing to do for a tree
// however large. A chunk whose last content goes is given back. Where texts of
// deleted subjects take more room than living ones, what lives in the emptiest
// chunk moves, one chunk per deletion at most. A tree of a few subjects takes a
// few hundred bytes: the first chunk of each kind starts small and grows.
//
// # Limits
//
// A subject has 1 to 65,535 bytes. A tree holds at most 2^31 subjects, 8 GB of
// nodes and as much text; Insert reports ErrFull beyond.
//
// # Ownership
//
// The zero Tree is empty and ready. A Tree has no lock: one goroutine at a time
// may change it, and any number may read it while nobody changes it. Methods
// that only read accept a nil Tree. Pointers to values, from Find and to
// callbacks, may be written through by the owner, and are good until the next
// Insert or Delete. Subjects given to callbacks are good until the callback
// returns, and must not be changed. A callback must not change the tree. A Tree
// must not be copied after first use.
//
// # What it never does
//
// It does not check that a subject is valid. An empty token, which no valid
// subject has, is a token like others. It keeps no reference to the subjects
// given to it.
package stree
