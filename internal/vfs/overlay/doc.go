// Package overlay is a file system that shows another one and keeps all changes in
// memory. Whoever checks a store can open it with the code that also repairs, and
// nothing on the disk is touched.
//
//	view := overlay.New(vfs.OS, 1<<30)
//	node, recovery, err := block.Open(view, dir, options)    writes go to memory
//
// # What is shown
//
// A name is that of the base until it is created, renamed or removed here. A file has
// the bytes of the base but for the pages that were written here; what is beyond a
// length that Truncate has set, or was added behind it, reads as zero. Directories can
// be renamed with all that is in them.
//
// The base must not change meanwhile. A lock on a file that the base has is taken there
// too, so that two who check, or one who checks and one who writes, keep out of each
// other's way. That is the only call to the base that is not for reading; it is made
// for files that exist, and changes nothing.
//
// # Memory
//
// Only pages with something in them count, so that a preallocated file costs nothing.
// Beyond the limit, writes fail with syscall.ENOSPC, as on a full disk.
//
// # Who may call what
//
// As with every vfs.FS: any number of goroutines the file system, and different ranges of
// a file.
//
// # What it never does
//
// It never writes to the base, and nothing is left of it when it is forgotten: Sync and
// SyncDir only look whether the file is open and the directory there.
package overlay
