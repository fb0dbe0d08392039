// Package archive writes and reads backups of streams in the two formats of the
// established servers, as streams of bytes.
//
//	Binary   version 2.15: the summary, the consumers, the messages, an end mark
//	Tar      versions 2.10 to 2.14: the files of the stream's directory
//
// Both are compressed with S2. Which one an archive has is told by its first bytes
// behind the compression.
//
// # How an archive is made
//
//	source := archive.Source{Name: ..., Config: ..., State: stream.State(), Consumers: ...}
//	source.Messages = func(use func(store.Stream) error) error {
//		lock()
//		defer unlock()
//		return use(stream)
//	}
//	err := archive.Write(w, archive.Binary, source)
//
// The state and the consumers are taken by the owner in one moment. The messages up to the
// last sequence of that state are copied later, some hundred kilobytes at a time, each
// time inside one call of Source.Messages: so the owner holds its lock for the copy and
// not while w blocks. A message that goes in between is a gap in the archive.
//
// # How an archive is read
//
// Read gives out what the archive holds, in this order: the Head once, each Consumer, each
// message in the order of sequences. Restore is Read into an empty stream: gaps, and
// messages that the caller does not want any more because their time has passed, become
// skipped sequences, up to the last sequence of the archive. A stream into which a restore
// failed holds a part; the caller deletes it.
//
//	head, err := archive.Restore(r, archive.Restoration{
//		Into:     archive.Direct(stream),
//		Begin:    func(h archive.Head) error { ... },           reserve h.State.Bytes
//		Consumer: func(c *archive.Consumer) error { ... },
//		Admit:    func(m *store.Message) (bool, error) { ... }, set TTL and Marker
//	})
//
// A Tar archive is unpacked to a directory first, and removed from it in the end; a
// Binary one needs none. Only the Tar format knows when things were created.
//
// # What is believed
//
// Nothing. Lengths are compared with Limits before anything is read, and memory is taken
// as bytes arrive, not as they are announced. Names of files are taken apart and must be
// ones that such archives have. An archive that ends early, has anything behind its end,
// or breaks the order fails with ErrInvalid, and what was given out before then is to be
// thrown away. Of a Tar archive records are believed and its index is not, but for how
// far the stream had come; blocks with damage fail with ErrDamaged, unless the caller
// wants what is left.
//
// A subject that would break the protocol is refused. Whether a configuration is a
// good one, a consumer state is possible, a header can be read and what a name means is
// for the caller to see.
//
// # Limits
//
// Memory is that of one message or one block, of the state of one consumer (see
// MetadataMax), and some megabytes for the compression.
//
// # Who may call what
//
// Write, Read and Restore work in the goroutine of the caller and call its functions
// there. They start no goroutine, read no clock, and do not panic on what they read.
package archive
