// Package fsck checks the store of a server that is stopped, and changes nothing.
//
//	report, err := fsck.Check(vfs.OS, fsck.Options{StoreDir: "/data"})
//	if err != nil { it could not be checked }
//	report.WriteText(os.Stdout)
//
// # How it is checked
//
// The store is opened by the code that the server uses, on a view of the disk that keeps
// all writes in memory (package overlay): journal, catalog, then one stream or consumer
// after the other, with what the journal has for it. So the check sees what the server
// would make of the store. The locks are those of the server: while one is running, there
// is no check.
//
//	journal    what its recovery says; each record that is still needed is read
//	catalog    what its recovery says
//	stream     what loading it says; each message is read, and numbers, bytes, order,
//	           first and last sequence, holes and messages per subject are counted and
//	           compared with the indexes
//	consumer   what loading it says; whether its state can be, and is not ahead of its
//	           stream
//
// A message that cannot be read is skipped, and the next one looked for, so that the
// report names what is lost and not more.
//
// # Damage and notes
//
// Damage is what was stored and is not there, or is not as it was stored. A Note is what
// needs no repair: files and streams that no catalog knows (an interrupted deletion leaves
// some; an incomplete catalog may have lost them), assets that are being created or
// deleted, copies of damaged catalogs.
//
// # Memory
//
// That of the largest stream's indexes, of one chunk, and of the pages that opening would
// write, at most Options.ViewBytes.
//
// # What it never does
//
// It writes nothing to the disk, repairs nothing, and waits for no lock. A Check is for one
// goroutine; several on different directories may run at once.
package fsck
