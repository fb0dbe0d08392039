// Package vfs is the only way to the disk: the few operations that stores use,
// behind two small interfaces, so that a test can put a disk that fails in
// place of one that works (package vfs/faulty).
//
// # The life of a file
//
//	f, err := fsys.OpenFile("dir/block", vfs.Create|vfs.Exclusive)
//	f.Preallocate(1 << 20)      space is reserved, the bytes read as zero
//	f.WriteAt(data, 4096)       the data is with the operating system
//	f.Sync()                    the data is on the disk, and the file's length
//	fsys.SyncDir("dir")         the file's name is on the disk
//	f.Close()
//
// Three promises are apart from each other, and forgetting one of them is how
// data gets lost:
//
//   - WriteAt alone survives the end of the process, nothing more.
//   - Sync makes what was written before, and the length, survive a power cut.
//     It says nothing about the file's name.
//   - SyncDir makes names survive: a create, a rename or a remove in this one
//     directory. WriteFile does all the steps for a small file that is replaced
//     as a whole.
//
// After Sync has returned an error, the data that it was to cover must be taken
// for lost: the operating system may have dropped it, and a later Sync that
// returns nil does not cover it.
//
// # Who may call what
//
// An FS may be used by any number of goroutines. A File allows reads and writes
// of different ranges at the same time, and Sync at any time; overlapping
// writes, and Close beside anything else, are for the caller to keep apart.
//
// # What it never does
//
// It never buffers, retries, caches or starts goroutines, and never deletes
// what it was not told to delete.
package vfs
