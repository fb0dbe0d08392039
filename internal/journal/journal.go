package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs"
)

const lockName = "LOCK"

// Journal is an open journal. See the package's documentation.
type Journal struct {
	fs       vfs.FS
	dir      string
	options  Options
	lock     io.Closer
	identity identity
	seed     uint32 // of all checksums
	overhead int    // bytes that encryption adds to a record

	wake          chan struct{} // the committer
	wakeCompleter chan struct{}
	wakeKeep      chan struct{}
	wakeMover     chan struct{}
	quit          chan struct{} // closed: the keeper and the mover end
	committed     chan struct{} // closed: the committer has ended
	running       sync.WaitGroup
	openFiles     atomic.Int64

	// checkpointing is held while a checkpoint is made, moving while records
	// are moved or the state is encoded. Lock order: checkpointing, moving, mu.
	checkpointing sync.Mutex
	moving        sync.Mutex

	// Owned by the goroutine that commits; commits follow each other.
	writing *segment // of the last write; nil: all is synced

	mu    sync.Mutex
	space sync.Cond // the open batch was taken, a segment is ready, a commit or callback ended
	// Guarded by mu from here on.
	groups   map[GroupID]*group
	segments map[uint64]*segment // by generation; spares are not in it
	spares   []*segment
	holds    map[hold]int64

	head         *segment // where the open batch goes; nil until the first append
	headOffset   int64    // where the next batch goes
	pinnedWriter *segment // pinned because the last commit went there
	unsynced     []*group // with records that are visible but not synced
	poisoned     map[GroupID]*group
	filling      *batch // the open batch
	idle         []*batch
	committing   bool // by one goroutine at a time
	completed    []*batch
	draining     bool // completed is being emptied
	ticking      bool // the committer's timer runs

	mending     bool // a commit failed, and what follows it is not yet durable
	broken      bool // a commit failed, and no segment has begun since
	failedInRow int  // failures since something was last synced
	failures    int  // failed commits

	written   Position // end of the last commit
	synced    Position // all before is on the disk
	dataEnd   Position // end of the last commit that has records
	witnessed Position // a witness is behind everything before this

	err     error // set: the journal has failed
	fullErr error // set: another segment cannot be had
	closing bool
	closed  bool // no file may be opened any more

	nextGeneration   uint64
	generationLimit  uint64 // generations below it may be used
	nextNumber       uint64 // of a segment file
	checkpointNumber uint64
	sinceCheckpoint  int64 // bytes written
}

// Open opens the journal in a directory, which it makes if needed, and recovers
// what is there. The report of the recovery is valid also with an error.
func Open(fsys vfs.FS, dir string, options Options) (*Journal, Recovery, error) {
	if err := options.complete(); err != nil {
		return nil, Recovery{}, err
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return nil, Recovery{}, fmt.Errorf("make journal directory: %w", err)
	}
	lock, err := fsys.Lock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, Recovery{}, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{
		fs:            fsys,
		dir:           dir,
		options:       options,
		lock:          lock,
		wake:          make(chan struct{}, 1),
		wakeCompleter: make(chan struct{}, 1),
		wakeKeep:      make(chan struct{}, 1),
		wakeMover:     make(chan struct{}, 1),
		quit:          make(chan struct{}),
		committed:     make(chan struct{}),
		groups:        make(map[GroupID]*group),
		segments:      make(map[uint64]*segment),
		holds:         make(map[hold]int64),
		poisoned:      make(map[GroupID]*group),
		nextNumber:    1,
	}
	j.space.L = &j.mu
	j.filling = j.newBatch()
	report, err := j.start()
	if err != nil {
		j.closeFiles()
		return nil, report, errors.Join(err, lock.Close())
	}
	return j, report, nil
}

func (j *Journal) start() (Recovery, error) {
	if c := j.options.Cipher; c != nil {
		_, aead, err := seal.New(c, purpose, bytes.NewReader(make([]byte, 16))) // never used
		if err != nil {
			return Recovery{}, err
		}
		j.overhead = aead.Overhead()
	}
	report, err := j.recover()
	if err != nil {
		return report, fmt.Errorf("open journal: %w", err)
	}
	j.running.Add(4)
	go func() {
		j.commitLoop()
		close(j.committed)
	}()
	go j.completeLoop()
	go j.keepLoop()
	go j.moveLoop()
	j.wakeKeeper()
	notify(j.wakeMover)
	return report, nil
}

// Err returns why the journal has failed, nil if it has not.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// Stats are numbers for monitoring.
type Stats struct {
	Written, Synced Position
	Segments        int // in use
	Spares          int // ready for use
	Held            int // of Segments, by Hold
	LiveRecords     int
	LiveBytes       int64
	Groups          int
	Waiting         int // appends that are not yet committed
	FailedCommits   int // since Open
	Poisoned        int // groups that wait for Resume
}

// Stats returns the present numbers.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := Stats{
		Written: j.written, Synced: j.synced, Segments: len(j.segments), Spares: len(j.spares),
		Groups: len(j.groups), Waiting: len(j.filling.items),
		FailedCommits: j.failures, Poisoned: len(j.poisoned),
	}
	for _, segment := range j.segments {
		s.LiveRecords += segment.live
		s.LiveBytes += segment.liveBytes
		if segment.held > 0 {
			s.Held++
		}
	}
	return s
}

// Close commits and syncs what was appended, calls the callbacks, writes a
// checkpoint and gives the directory back. Appends that wait get ErrClosed. It
// returns the error that made the journal fail, if it has failed, or that of a
// last commit that failed, or ErrPoisoned if groups have lost records that were
// acknowledged as written, and were not resumed.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closing {
		j.mu.Unlock()
		return ErrClosed
	}
	// Refused only if the journal has failed, which is returned below.
	var last error
	_ = j.stageBarrier(func(_ Appended, err error) { last = err })
	j.closing = true
	j.space.Broadcast()
	j.mu.Unlock()
	close(j.quit)
	notify(j.wake)
	j.running.Wait()

	j.mu.Lock()
	for j.draining || j.committing {
		j.space.Wait() // a caller of AppendNow is still calling callbacks
	}
	j.mu.Unlock()
	j.drain(math.MaxInt)
	j.mu.Lock()
	err := j.err
	lost := errors.Join(last, j.lostWritten())
	j.mu.Unlock()
	// Those who had begun are done when the lock is theirs no more.
	j.checkpointing.Lock()
	if err == nil {
		j.moving.Lock()
		err = errors.Join(lost, j.writeCheckpoint())
	}
	j.checkpointing.Unlock()
	j.closeFiles()
	return errors.Join(err, j.lock.Close())
}

func (j *Journal) closeFiles() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	for _, s := range j.segments {
		s.fileMu.Lock()
		j.closeFile(s)
		s.fileMu.Unlock()
	}
	for _, s := range j.spares {
		s.fileMu.Lock()
		j.closeFile(s)
		s.fileMu.Unlock()
	}
}
