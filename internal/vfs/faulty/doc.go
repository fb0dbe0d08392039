// Package faulty is a file system in memory that fails the way disks fail. It
// is for tests.
//
// # The life of a disk
//
//	disk := faulty.New(seed)
//	disk.CutAt(120)                  the power fails in the 120th operation
//	... the program runs on disk and gets ErrPowerCut from then on ...
//	after := disk.Survive(seed)      what the disk holds when the power is back
//	... the program recovers on after ...
//
// Survive may be called several times with different seeds: each gives one of
// the states that the disk may be found in, and the same seed the same state.
//
// # What a power cut may do
//
// The unit of loss is a page of 4 KB. For each page written since the file's
// last successful Sync, the disk holds the old bytes, the new ones, the bytes
// of a write between them, or a mixture torn at any byte. Each page decides for
// itself. A length that was not synced is the old one or the new one. Each
// create, rename and remove whose directory was not synced has happened or has
// not; a rename is one step.
//
// What Sync (of the file, and of the directory for its name) has returned nil
// for is there.
//
// # What else may happen
//
//   - Fail gives an error to chosen operations. A failed write may have written
//     a part. A failed Sync writes some pages and forgets that the others are
//     dirty: they still read as new, no later Sync writes them, and a power cut
//     turns them back. That is what Linux does.
//   - SetCapacity limits the pages of all files together: ENOSPC. Writing over
//     pages that the file already has needs no room.
//   - FlipBit damages what is on the disk.
//   - Operations and Count tell what was done, so that a test can first count
//     and then cut at every operation in turn.
//
// # What it never does
//
// It never loses anything without being told to, and has no goroutine, clock or
// random source but the seeds. Any number of goroutines may use one disk; the
// numbers of operations are then as random as the goroutines are.
package faulty
