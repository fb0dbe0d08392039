// Package migrate brings what an established server stored into a new store.
//
//	report, err := migrate.Run(vfs.OS, migrate.Options{From: "/data/jetstream", To: "/data"})
//
// # What becomes of what
//
//	stream     the same sequences, times, holes, subjects, headers and payloads; first and
//	           last sequence; configuration and time of creation in the catalog
//	life time  of a message, from its header Nats-TTL, if that can be read
//	marker     a message with the header Nats-Marker-Reason, or a KV-Operation of PURGE:
//	           it gets no marker of its own when it expires
//	consumer   its state, configuration and time of creation. One that has no state yet has
//	           none in the new store either: it begins by its configuration
//
// No limit is enforced: the server does that when it loads the stream. But what a current
// index.db says is gone (legacy.Contents.Unlisted) is left out, and counted.
//
// The last sequence is the highest that anything bears witness of, so that none is used
// twice: a record, index.db, or the state of a consumer.
//
// # How it goes
//
// Each stream is read twice, to find out which messages live and then to copy them, and the
// new store is read once in the end: through a view that shares nothing with what wrote
// it. Counts, first and last sequence, a checksum over all messages and the states of all
// consumers must be those of the source.
//
// Everything is written to <to>/godwit.new, which is renamed to <to>/godwit when it is
// verified and durable. So there is no store, or a whole one. What an interrupted run has
// left is removed by the next.
//
// Memory is bounded by what package legacy and a stream of package block need: one block
// of the source, some megabytes of the new stream, and for one stream at a time 8 bytes
// for each message and about 120 for each subject.
//
// # What is wrong with the source
//
// Each legacy.Problem is passed to Options.OnProblem. Where something could not be read, or
// was read that may not be right, the Report is Damaged: the rest is there. With
// Options.Strict there is no new store then. Directories that cannot be read for want
// of a key or of permission are not damage: Run fails.
//
// # What it never does
//
// It writes nothing below Options.From and nothing outside <to>/godwit.new, does not read
// logs of RAFT groups nor unfinished atomic batches (both are reported), and does not
// encrypt unless Options.Node says so.
//
// Run is for one goroutine. No server may be running on the source; there is no lock that
// would tell, but a source that changes between two readings is noticed.
package migrate
