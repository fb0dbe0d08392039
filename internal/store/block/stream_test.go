package block

import (
	"fmt"
	"testing"

	"github.com/godwit-mq/godwit/internal/journal"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/storetest"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// small makes journals and files so small that tests fill several.
func small() Options {
	return Options{
		Journal:    journal.Options{SegmentSize: 256 << 10, BatchBytes: 64 << 10, Witness: -1},
		CacheBytes: 4 << 10,
	}
}

func openNode(t testing.TB, disk vfs.FS, o Options) *Node {
	t.Helper()
	n, recovery, err := Open(disk, "data", o)
	if err != nil {
		t.Fatal(err)
	}
	if recovery.Damaged() {
		t.Fatalf("%+v", recovery)
	}
	return n
}

// open makes a stream on a disk in memory.
func open(t testing.TB, o store.Options) store.Stream {
	n := openNode(t, faulty.New(1), small())
	s, err := n.CreateStream(1, StreamOptions{Options: o, FileSize: 64 << 10, ChunkSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestAppending(t *testing.T) { storetest.Appending(t, open) }

func TestReading(t *testing.T) { storetest.Reading(t, open) }

func TestCounting(t *testing.T) { storetest.Counting(t, open) }

func TestRemoving(t *testing.T) { storetest.Removing(t, open) }

func TestLimiting(t *testing.T) { storetest.Limiting(t, open) }

func TestExpiring(t *testing.T) { storetest.Expiring(t, open) }

// A restless stream is written to the disk and loaded again all the time, between the
// operations of a test.
type restless struct {
	store.Stream
	node    *Node
	disk    *faulty.Disk
	stream  *Stream
	options StreamOptions
	turns   int
	held    bool // a judge has held back messages, which nothing remembers
}

func newRestless(o store.Options) (store.Stream, error) {
	r := &restless{disk: faulty.New(1), options: StreamOptions{Options: o, FileSize: 64 << 10, ChunkSize: 1000}}
	var err error
	if r.node, _, err = Open(r.disk, "data", small()); err != nil {
		return nil, err
	}
	r.stream, err = r.node.CreateStream(1, r.options)
	r.Stream = r.stream
	return r, err
}

// turn does one of the things that must make no difference.
func (r *restless) turn() {
	r.turns++
	switch {
	case r.turns%7 == 0 && !r.held:
		r.reload()
	case r.turns%3 == 0:
		if err := r.stream.Checkpoint(); err != nil {
			panic(err)
		}
	default:
		r.stream.CommitNow(func(err error) {
			if err != nil {
				panic(err)
			}
		})
	}
}

// reload ends the node as a crash of the process does, or in order, and begins anew.
func (r *restless) reload() {
	limits := r.stream.Limits()
	if r.turns%2 == 0 {
		if err := r.stream.Rest(); err != nil {
			panic(err)
		}
	}
	r.stream.CommitNow(nil)
	if err := r.node.Close(); err != nil {
		panic(err)
	}
	r.disk = r.disk.Survive(uint64(r.turns))
	var err error
	if r.node, _, err = Open(r.disk, "data", small()); err != nil {
		panic(err)
	}
	r.options.Limits = limits
	if r.stream, err = r.node.LoadStream(1, r.options); err != nil {
		panic(err)
	}
	if err := r.node.Recover(); err != nil {
		panic(err)
	}
	if d := r.stream.Report().Damage; len(d) > 0 {
		panic(fmt.Sprint(d))
	}
	r.Stream = r.stream
}

func (r *restless) Append(m *store.Message, a store.Admission) error {
	r.turn()
	return r.Stream.Append(m, a)
}

func (r *restless) AppendBatch(batch []store.Message, a store.Admission) error {
	r.turn()
	return r.Stream.AppendBatch(batch, a)
}

func (r *restless) Skip(first, count uint64, now int64) error {
	r.turn()
	return r.Stream.Skip(first, count, now)
}

func (r *restless) Remove(seq uint64) (bool, error) {
	r.turn()
	return r.Stream.Remove(seq)
}

func (r *restless) Erase(seq uint64) (bool, error) {
	r.turn()
	return r.Stream.Erase(seq)
}

func (r *restless) Purge(p store.Purge) (store.Removal, error) {
	r.turn()
	return r.Stream.Purge(p)
}

func (r *restless) Compact(seq uint64) (store.Removal, error) {
	r.turn()
	return r.Stream.Compact(seq)
}

func (r *restless) Truncate(seq uint64) (store.Removal, error) {
	r.turn()
	return r.Stream.Truncate(seq)
}

func (r *restless) Tick(now int64, judge func(store.Due) store.Verdict) (store.Removal, error) {
	r.turn()
	if judge == nil {
		return r.Stream.Tick(now, nil)
	}
	return r.Stream.Tick(now, func(d store.Due) store.Verdict {
		v := judge(d)
		r.held = r.held || v == store.Hold
		return v
	})
}

func (r *restless) Close() error {
	if err := r.Stream.Close(); err != nil {
		return err
	}
	return r.node.Close()
}

// TestRandom: whatever is done to a stream, it makes no difference when it is written
// to the disk, and when it is loaded from there.
func TestRandom(t *testing.T) { storetest.Random(t, newRestless) }

func FuzzRandom(f *testing.F) { storetest.Fuzz(f, newRestless) }
