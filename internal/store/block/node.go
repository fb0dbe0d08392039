package block

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/godwit-mq/godwit/internal/journal"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/heap"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// An ID is the number of a stream or a consumer on its node: the group of its records
// in the journal. It is given once and never again.
type ID = journal.GroupID

// Options configure a node. The zero value is durable and unencrypted.
type Options struct {
	// Journal configures the journal.
	Journal journal.Options
	// CacheBytes bounds the memory for messages that are read from the disk, of all
	// streams together; by default 64 MiB.
	CacheBytes int64
	// CheckpointBytes is how much goes to the journal for one stream before it asks for
	// a checkpoint; by default 8 MiB.
	CheckpointBytes int64
	// Cipher encrypts chunks and manifests, OldCiphers can still be read. The journal
	// has its own.
	Cipher     heap.Cipher
	OldCiphers []heap.Cipher
}

const (
	defaultCache      = 64 << 20
	defaultCheckpoint = 8 << 20
	defaultSegment    = 64 << 20
)

// A Node is the storage of one server: one journal, and the streams and consumers
// whose records are in it. Any goroutine may use it.
type Node struct {
	fsys    vfs.FS
	dir     string
	options Options
	journal *journal.Journal
	lock    io.Closer
	cache   cache
	windows windows

	mu     sync.Mutex
	assets map[ID]asset // guarded by mu
}

// An asset is a stream or a consumer.
type asset interface {
	// through is the journal record whose effects are already there.
	through() uint64
	// redo does a journal record again. Before it, lost records are told.
	redo(sequence uint64, data []byte) error
	lost(first, last uint64)
	// redone ends it.
	redone(last uint64)
}

// ErrExists is returned where an ID is in use.
var ErrExists = errors.New("storage of that number exists")

// Open opens the storage in a directory, which it makes if needed, or takes up what is
// there. It fails with vfs.ErrLocked if another process has it open. Streams and
// consumers are loaded one by one, and are of use after Recover.
func Open(fsys vfs.FS, dir string, o Options) (*Node, journal.Recovery, error) {
	if o.CacheBytes <= 0 {
		o.CacheBytes = defaultCache
	}
	if o.CheckpointBytes <= 0 {
		o.CheckpointBytes = defaultCheckpoint
	}
	if o.Journal.SegmentSize <= 0 {
		o.Journal.SegmentSize = defaultSegment
	}
	if err := fsys.MkdirAll(filepath.Join(dir, "streams")); err != nil {
		return nil, journal.Recovery{}, err
	}
	lock, err := fsys.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, journal.Recovery{}, fmt.Errorf("storage in %s: %w", dir, err)
	}
	j, recovery, err := journal.Open(fsys, filepath.Join(dir, "journal"), o.Journal)
	if err != nil {
		return nil, recovery, errors.Join(err, lock.Close())
	}
	n := &Node{fsys: fsys, dir: dir, options: o, journal: j, lock: lock, assets: make(map[ID]asset)}
	n.cache.most = o.CacheBytes
	return n, recovery, nil
}

// Journal returns the journal, for its numbers and for groups of other kinds.
func (n *Node) Journal() *journal.Journal { return n.journal }

// Close ends the use of the storage. Everything that was committed is durable;
// streams and consumers must not be used any more.
func (n *Node) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.assets = nil
	return errors.Join(n.journal.Close(), n.lock.Close())
}

func (n *Node) streamDir(id ID) string {
	return filepath.Join(n.dir, "streams", strconv.FormatUint(uint64(id), 16))
}

// Streams lists the streams that are there, loaded or not.
func (n *Node) Streams() ([]ID, error) {
	entries, err := n.fsys.ReadDir(filepath.Join(n.dir, "streams"))
	if err != nil {
		return nil, err
	}
	var list []ID
	for _, e := range entries {
		if id, err := strconv.ParseUint(e.Name, 16, 64); err == nil && e.Dir {
			list = append(list, ID(id))
		}
	}
	return list, nil
}

func (n *Node) enter(id ID, a asset) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.assets == nil:
		return store.ErrClosed
	case id == 0 || n.assets[id] != nil:
		return fmt.Errorf("%w: %d", ErrExists, id)
	}
	n.assets[id] = a
	return nil
}

func (n *Node) leave(id ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.assets, id)
}

// Delete removes what there is of a stream or consumer that is not loaded: perhaps only
// what an interrupted deletion has left in the files or in the journal, which may bring
// back what was dropped until its next checkpoint. Without anything it does nothing. It
// fails with ErrExists for one that is loaded.
func (n *Node) Delete(id ID) error {
	n.mu.Lock()
	loaded := n.assets[id] != nil
	n.mu.Unlock()
	if loaded {
		return fmt.Errorf("delete %d, which is in use: %w", id, ErrExists)
	}
	if err := heap.Remove(n.fsys, n.streamDir(id)); err != nil {
		return err
	}
	return n.drop(id)
}

// Recover brings all streams and consumers that were loaded up to date with the
// journal, which it reads once. Records of others stay where they are. An error is
// about the journal as a whole; what is wrong with one stream is in its Report.
func (n *Node) Recover() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	next := make(map[ID]uint64, len(n.assets))
	for id, a := range n.assets {
		next[id] = a.through() + 1
	}
	err := n.journal.Replay(func(r journal.Record, failure error) error {
		if a := n.assets[r.Group]; a != nil {
			next[r.Group] = redo(a, next[r.Group], r, failure)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id, a := range n.assets {
		finish(a, next[id], n.journal.Group(id))
	}
	return nil
}

// RecoverOne is Recover for one that was loaded later.
func (n *Node) RecoverOne(id ID) error {
	n.mu.Lock()
	a := n.assets[id]
	n.mu.Unlock()
	if a == nil {
		return store.ErrClosed
	}
	next := a.through() + 1
	err := n.journal.ReplayGroup(id, next, func(r journal.Record, failure error) error {
		next = redo(a, next, r, failure)
		return nil
	})
	if err == nil {
		finish(a, next, n.journal.Group(id))
	}
	return err
}

// redo hands a record to an asset that expects next, and returns what it expects then.
func redo(a asset, next uint64, r journal.Record, failure error) uint64 {
	if r.Sequence < next {
		return next
	}
	if r.Sequence > next {
		a.lost(next, r.Sequence-1)
	}
	if failure == nil {
		failure = a.redo(r.Sequence, r.Data)
	}
	if failure != nil {
		a.lost(r.Sequence, r.Sequence)
	}
	return r.Sequence + 1
}

func finish(a asset, next uint64, g journal.GroupInfo) {
	if g.Last >= next {
		a.lost(next, g.Last)
	}
	a.redone(g.Last)
}
