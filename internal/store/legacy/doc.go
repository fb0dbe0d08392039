// Package legacy reads the directories of JetStream that established servers
// (versions 2.10 to 2.15) wrote, for migration, checks and archives. It never
// writes to them. What it can write are bytes: records, metadata and checksums,
// for those who make such directories or archives elsewhere.
//
// # How a directory is read
//
//	d, err := legacy.Open(fsys, "/data", legacy.Options{Key: key})
//	for _, account := range d.Accounts {
//		for _, stream := range account.Streams {    name, created, configuration
//			contents, err := stream.Survey()        one pass over the blocks
//			contents.State, contents.Problems       what there is, what is wrong
//			contents.Each(0, func(m *store.Message) bool { ... })    another pass
//			for _, consumer := range stream.Consumers {
//				state, err := consumer.State()
//			}
//		}
//	}
//
// Open reads names and metadata only. Survey goes through the blocks from the newest
// to the oldest, because a tombstone stands behind the message that it deletes: so
// one pass knows which messages live. Each goes from the oldest to the newest and
// gives the live ones in the order of their sequences. Both hold one block in memory
// and a set of the deleted sequences, however large the stream is.
//
// # What is believed
//
// Records, and nothing else. Everything besides is a cache of what they say. The file
// index.db is compared with them where it is as new as they are; what it says more or
// else is a Problem, and its summary is in Contents.Hint for those who want the
// highest last sequence that anything bears witness of. The other caches are not
// read.
//
// Messages that a limit took out of a stream leave no tombstone. Until their block
// goes they are still there, and Each gives them: whoever stores the messages anew
// enforces limits as any store does. Contents.Unlisted tells which they are if there is
// an index.db that knows; whoever trusts it can leave them out. The life times of messages are in their headers,
// which this package does not interpret either. A stream that never held a message
// begins where its configuration says, which is for the caller to see.
//
// # What is wrong
//
// Each finding is a Problem with the file, the place, the reason and, as far as that
// can be known, the sequences that are gone. None of them ends the reading: behind a
// damaged record it goes on at the next one that checks, behind a damaged chunk of a
// compressed block at the next chunk, behind a bad stream at the next stream. An
// error is returned only where nothing at all can be read.
//
// The checksum of a record does not cover where its subject and its header end. A
// record whose boundaries look odd is given out and reported as Doubtful; a boundary
// that moved and still looks right is noticed only with the help of index.db. The key
// of the checksum is no secret: it protects against accidents, not against forgery, and
// a search for the next record behind a damaged one may find one that somebody has put
// into a payload.
//
// # Who may call what
//
// A value of this package is used by one goroutine at a time; different streams may be
// read at the same time. Nothing here starts a goroutine, keeps a file open between
// calls, or panics on what it reads. The directory must not be in use by a server.
package legacy
