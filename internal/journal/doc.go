// Package journal is the node-wide write-ahead log: everything that the server
// promises to keep goes through it first, whichever stream, consumer or RAFT
// group it belongs to.
//
// # What is stored
//
// A record is bytes that belong to a group. A group is a number that the owner
// of a stream, a consumer or a RAFT log has chosen. Within its group a record
// has a sequence, counted from 1 without gaps, which it keeps for life; and it
// has a position, the place where it is now, which may change when the journal
// moves it (see below).
//
//	segment   a file of fixed size, filled once, later used again
//	commit    what one write brought: a header, records, zeros up to a full page
//	record    a header (group, sequence, checksum) and the bytes
//
// A segment gets a new generation each time it is used, and no generation is
// used twice. A position is generation and offset. The checksums of commits and
// records cover their position, so what a segment held in an earlier life, or
// at another place, never passes for data.
//
// # The walk of one append
//
//  1. Append takes the lock, gives the records their sequences, copies them into
//     the open batch, enters their positions in the group's index, and returns.
//     If the batch is full it waits: that is the back-pressure.
//  2. The committer takes the batch. From here the next batch fills. There is one
//     commit in flight at a time, and it never waits for more to come: the batch
//     is what arrived during the commit before. AppendNow commits in the caller's
//     goroutine if no commit is in flight, which saves a lone record the way to
//     the committer and back.
//  3. Outside the lock, records are encrypted (if so configured) and summed, the
//     header is made, the batch is written with one write at the next page
//     boundary, and the file is synced.
//  4. The records become visible to readers, then the callbacks run, in the order
//     of the appends, one at a time.
//
// # How space comes back
//
// Release says that a group needs its records up to a sequence no more. When
// nothing in a segment is needed, and a checkpoint that knows this is durable,
// the segment is used again, without touching the file system's own structures:
// overwriting is what disks do fastest.
//
// A checkpoint is a small file with all groups' indexes and the position where
// the scan after a crash begins. It is written once per so many bytes, which
// bounds what Open scans. Besides, Open reads the checkpoint and writes a new one,
// which takes time for each live record, and Replay reads all of them:
// BenchmarkRecovery has the figures.
//
// A group that is idle would keep old segments busy for the sake of a few
// records. When more segments are full than wanted, the records that are still
// needed in the oldest mostly dead one are written again at the head, with the
// sequence that they have. Where this would move too much, an EventPressure
// names the groups instead, so that their owners release something.
//
// An owner whose records are large may leave them where they are instead of
// copying them to a file of its own: Hold declares that so many bytes of a
// segment stay in use by a group, and after Release the segment is not replayed,
// moved or reused but serves ReadAt until the holds are given back. Several
// groups share one segment that way. Pin keeps a segment for the time of a read.
//
// # What is durable when
//
// Without options, a callback without error means: synced. With Options.Interval
// it means written, and a sync follows within the interval; the same goes for
// groups set to SetAsync, while all others stay durable. What is not synced may
// be lost in a power cut, but only as a tail: what remains is always a prefix of
// the order of appends, but for what failed commits took out of it.
//
// # When a write or sync fails
//
// It is final for the bytes that it covered, because the operating system may have
// dropped them, and a later sync that succeeds does not mean that they are there.
//
//  1. The log ends at the last position known as synced. The segment is not
//     written any more in this life; its synced records can be read, and its file
//     is deleted when nobody needs it.
//  2. A group that had records in the failed commit loses them, and all that it
//     appended after them. So does one whose records were acknowledged as written
//     and not yet synced: GroupInfo.Last goes back, EventUnsyncedLost names the
//     range, and Sync does not succeed before these groups are resumed. The group
//     is poisoned: its appends get ErrPoisoned until its owner, who may have judged
//     them by records that are no more, has called Resume.
//  3. What other groups have waiting is written, and synced, at the beginning of
//     another segment, whose commits say where the log before ended. From then on
//     recovery does not take the failed commit for data, even if all of it is on
//     the disk.
//  4. Only then are the callbacks called: ErrFailed for the appends of the failed
//     commit, and for each Sync behind them; ErrPoisoned for what the poisoned
//     groups had waiting; no error for the others.
//
// When three commits fail with nothing synced between them, or another segment
// cannot be had, the journal is failed for good: all that waits and all that
// comes gets ErrFailed, and what was answered with it may be there or not be there
// after the next Open. Reading goes on.
//
// A full disk is something else: segments are filled with zeros before they are
// used, so only a new segment can hit it, and then Append says ErrFull until there
// is room. If that happens in step 3, what waits is lost as if its commit had
// failed, the errors are answered at once, and Resume says ErrFull until there is
// room; before that a power cut may bring the failed commit back.
//
// # What recovery believes
//
// Only checksums. Each commit says up to where the journal was synced when it was
// made, and the commits of each segment say where the log before it ended, and
// whether that was because of a failure. A bad place before that is damage: it is reported with its position and,
// as far as known, its records, and all readable records around it are kept.
// A bad place with no such witness behind it is the tail that a power cut tore:
// the log ends there, and a new segment begins. Nothing is deleted or
// overwritten to get there, and what is believed is synced before it is relied on.
// After a second without appends a commit without
// records is written, unsynced, for no other reason than to be that witness.
// Records that were released may come back if no checkpoint followed.
//
// A process that ended without a power cut after its journal had failed for good
// leaves a risk: the next one may read from memory what the disk has not got.
//
// # Who may call what
//
// Any goroutine may call any method. A callback must be short and must not wait
// for the journal: it may read, release, hold and resume; it must not append,
// sync, checkpoint or close. A caller of Append may be made to wait for the disk, so it
// must hold no lock that a callback needs.
//
// # What it never does
//
// It never looks into a record, drops an append without an answer, delivers what is
// not committed, or acknowledges what a failure concerns.
package journal
