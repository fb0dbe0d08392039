package journal

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testDir = "/journal"

// small is a journal whose segments are full soon.
func small() Options { return Options{SegmentSize: 64 << 10, Witness: -1} }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openOn(t testing.TB, fsys vfs.FS, options Options) (*Journal, Recovery) {
	t.Helper()
	j, report, err := Open(fsys, testDir, options)
	must(t, err)
	t.Cleanup(func() { _ = j.Close() })
	return j, report
}

func appendOne(t testing.TB, j *Journal, id GroupID, data string) Appended {
	t.Helper()
	a, err := j.AppendWait(id, []byte(data))
	must(t, err)
	return a
}

// contents reads everything that is live: "sequence=data", by group.
func contents(t testing.TB, j *Journal) map[GroupID][]string {
	t.Helper()
	all := make(map[GroupID][]string)
	must(t, j.Replay(func(r Record, err error) error {
		if err != nil {
			return err
		}
		all[r.Group] = append(all[r.Group], fmt.Sprintf("%d=%s", r.Sequence, r.Data))
		return nil
	}))
	return all
}

func expect(t testing.TB, j *Journal, id GroupID, want ...string) {
	t.Helper()
	got := contents(t, j)[id]
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("group %d holds %v, want %v", id, got, want)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		case <-tick.C:
		}
	}
}

func TestAppendAndReadBack(t *testing.T) {
	disk := faulty.New(1)
	j, report := openOn(t, disk, small())
	if !report.Fresh || report.Damaged() {
		t.Errorf("report of a new journal: %+v", report)
	}
	a := appendOne(t, j, 7, "first")
	if a.Group != 7 || a.First != 1 || a.Count != 1 {
		t.Errorf("%+v", a)
	}
	b, err := j.AppendWait(7, []byte("second"), nil, []byte("fourth"))
	must(t, err)
	appendOne(t, j, 9, "other")
	expect(t, j, 7, "1=first", "2=second", "3=", "4=fourth")
	expect(t, j, 9, "1=other")

	r, err := j.Read(7, 4, make([]byte, 0, 100))
	if err != nil || string(r.Data) != "fourth" || r.Sequence != 4 || r.Group != 7 {
		t.Errorf("%+v, %v", r, err)
	}
	second := b.Position + Position(RecordSize(len("second"))) + Position(RecordSize(0))
	if r.Position != second {
		t.Errorf("position %v, computed %v", r.Position, second)
	}
	r, err = j.ReadAt(second, nil)
	if err != nil || string(r.Data) != "fourth" {
		t.Errorf("%+v, %v", r, err)
	}
	for _, sequence := range []uint64{0, 5} {
		if _, err := j.Read(7, sequence, nil); !errors.Is(err, ErrNotFound) {
			t.Errorf("read of %d: %v", sequence, err)
		}
	}
	if _, err := j.ReadAt(second+4, nil); !errors.Is(err, ErrCorrupt) {
		t.Errorf("read at a place inside a record: %v", err)
	}
	if _, err := j.ReadAt(second+1<<20, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("read beyond the end: %v", err)
	}
	must(t, j.Close())
	if _, err := j.Append(7, [][]byte{nil}, nil); err != ErrClosed {
		t.Errorf("append after close: %v", err)
	}
	if _, err := j.Read(7, 1, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	if err := j.Close(); err != ErrClosed {
		t.Errorf("second close: %v", err)
	}
}

func TestReopen(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(fmt.Sprintf("clean=%v", clean), func(t *testing.T) {
			disk := faulty.New(1)
			for life := range 5 {
				j, report := openOn(t, disk, small())
				if report.Damaged() || report.Cut != nil || report.Fresh != (life == 0) {
					t.Fatalf("life %d: %+v", life, report)
				}
				if clean && report.Records != 0 {
					t.Errorf("scanned %d records after a clean close", report.Records)
				}
				var want []string
				for i := range life {
					want = append(want, fmt.Sprintf("%d=life %d", i+1, i))
				}
				expect(t, j, 1, want...)
				appendOne(t, j, 1, fmt.Sprintf("life %d", life))
				if clean {
					must(t, j.Close())
				}
				disk = disk.Survive(uint64(life))
			}
		})
	}
}

func TestOneProcessOnly(t *testing.T) {
	disk := faulty.New(1)
	openOn(t, disk, small())
	if _, _, err := Open(disk, testDir, small()); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("second open: %v", err)
	}
}

func TestRefusedAppends(t *testing.T) {
	j, _ := openOn(t, faulty.New(1), small())
	if _, err := j.Append(0, [][]byte{nil}, nil); err == nil {
		t.Error("group 0 was accepted")
	}
	if _, err := j.Append(1, nil, nil); err == nil {
		t.Error("an append of nothing was accepted")
	}
	if _, err := j.AppendWait(1, make([]byte, 64<<10)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	largest := make([]byte, 64<<10-commitHeader-recordHeader)
	largest[len(largest)-1] = 7
	a, err := j.AppendWait(1, largest)
	must(t, err)
	r, err := j.Read(1, a.First, nil)
	if err != nil || !bytes.Equal(r.Data, largest) {
		t.Errorf("the largest record does not come back: %v", err)
	}
}

func TestOptionErrors(t *testing.T) {
	for _, o := range []Options{
		{SegmentSize: 4096}, {SegmentSize: MaxSegmentSize + 1}, {BatchBytes: -1}, {MaxSegments: 2}, {LiveSegments: -1}, {Interval: -1},
	} {
		if _, _, err := Open(faulty.New(1), testDir, o); err == nil {
			t.Errorf("accepted: %+v", o)
		}
	}
}

// TestCallbacksInOrder: the callbacks of concurrent appends come one at a time,
// and for each appender in its order.
func TestCallbacksInOrder(t *testing.T) {
	j, _ := openOn(t, faulty.New(1), small())
	const groups, each = 8, 300
	var wait sync.WaitGroup
	last := make([]uint64, groups+1) // not guarded: callbacks do not overlap
	var lastPosition Position
	for g := range groups {
		wait.Go(func() {
			id := GroupID(g + 1)
			for i := range each {
				wait.Add(1)
				appendTo := j.Append
				if i%3 == 0 {
					appendTo = j.AppendNow
				}
				_, err := appendTo(id, [][]byte{[]byte(fmt.Sprint(g, i))}, func(a Appended, err error) {
					defer wait.Done()
					if err != nil || a.Group != id || a.First != last[id]+1 || a.Position <= lastPosition {
						t.Errorf("group %d: %+v after %d, %v", id, a, last[id], err)
					}
					last[id], lastPosition = a.First, a.Position
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	for id := 1; id <= groups; id++ {
		if last[id] != each {
			t.Errorf("group %d: %d callbacks", id, last[id])
		}
	}
}

// TestOneSyncForAll: appends that arrive during a commit share the next one.
func TestOneSyncForAll(t *testing.T) {
	disk := faulty.New(1)
	gate, entered := make(chan struct{}), make(chan struct{}, 100)
	j, _ := openOn(t, &gatedFS{FS: disk, gate: gate, entered: entered}, small())
	var wait sync.WaitGroup
	wait.Add(101)
	done := func(_ Appended, err error) {
		if err != nil {
			t.Error(err)
		}
		wait.Done()
	}
	_, err := j.Append(1, [][]byte{nil}, done)
	must(t, err)
	<-entered
	before := disk.Count(faulty.Sync)
	for i := range 100 {
		_, err := j.Append(GroupID(i+1), [][]byte{nil}, done)
		must(t, err)
	}
	if _, err := j.Read(1, 1, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("a record is visible before it is synced: %v", err)
	}
	close(gate)
	wait.Wait()
	if n := disk.Count(faulty.Sync) - before; n > 4 { // two commits, and the keeper's segments
		t.Errorf("%d syncs for 101 appends", n)
	}
}

// gatedFS holds the syncs of segments at a gate.
type gatedFS struct {
	vfs.FS
	gate    chan struct{}
	entered chan struct{}
}

func (g *gatedFS) OpenFile(name string, mode vfs.Mode) (vfs.File, error) {
	f, err := g.FS.OpenFile(name, mode)
	if err != nil || mode&vfs.Create != 0 {
		return f, err
	}
	return &gatedFile{f, g}, nil
}

type gatedFile struct {
	vfs.File
	fs *gatedFS
}

func (f *gatedFile) Sync() error {
	select {
	case f.fs.entered <- struct{}{}:
	default:
	}
	<-f.fs.gate
	return f.File.Sync()
}

func TestBackPressure(t *testing.T) {
	disk := faulty.New(1)
	gate, entered := make(chan struct{}), make(chan struct{}, 100)
	options := small()
	options.BatchAppends = 3
	j, _ := openOn(t, &gatedFS{FS: disk, gate: gate, entered: entered}, options)
	_, err := j.Append(1, [][]byte{nil}, nil)
	must(t, err)
	<-entered
	passed := make(chan int, 10)
	var wait sync.WaitGroup
	wait.Go(func() {
		for i := range 4 {
			if _, err := j.Append(1, [][]byte{nil}, nil); err != nil {
				t.Error(err)
			}
			passed <- i
		}
	})
	for range 3 {
		<-passed
	}
	if n := j.Stats().Waiting; n != 3 {
		t.Errorf("%d appends wait in the batch", n)
	}
	select {
	case <-passed:
		t.Error("a full batch took another append")
	default:
	}
	close(gate)
	<-passed
	wait.Wait()
}

// TestWaitersLearnOfAFailure: where all that follows fails as well, those behind
// the failed commit get the error too.
func TestWaitersLearnOfAFailure(t *testing.T) {
	disk := faulty.New(1)
	gate, entered := make(chan struct{}), make(chan struct{}, 100)
	j, _ := openOn(t, &gatedFS{FS: disk, gate: gate, entered: entered}, small())
	results := make(chan error, 20)
	done := func(_ Appended, err error) { results <- err }
	_, err := j.Append(1, [][]byte{nil}, done)
	must(t, err)
	<-entered
	for range 10 {
		_, err := j.Append(1, [][]byte{nil}, done)
		must(t, err)
	}
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Sync {
			return syscall.EIO
		}
		return nil
	})
	close(gate)
	for range 11 {
		if err := <-results; !errors.Is(err, ErrFailed) {
			t.Errorf("callback: %v", err)
		}
	}
}

// TestSequencesSurviveAnEmptyGroup: a group without records goes on counting.
// TestRecycling: with releases, the journal stays within a few files however
// much goes through it.
// TestIdleGroupsDoNotPin: single records of idle groups, one in each segment,
// are moved along while another group writes, and stay readable under their
// sequences.
// TestPressure: where everything is live nothing is moved, and the owners are
// asked.
// TestFullDisk: appends are refused while there is no room, and accepted again
// when there is, without a restart.
// TestFullDiskWithoutAnyRoom: not even a checkpoint fits, and still a release is
// enough to go on: a spare segment makes room for it.
// TestHeldSegmentIsShared: two groups hold a segment, which is neither replayed
// nor reused until both have given it back, also over restarts.
// TestAsyncGroup: its appends are acknowledged without a sync, those of others
// are not; one sync follows later.
// TestWitness: damage to the last commit passes for a torn write, unless a
// witness was written behind it.
// TestGenerationsAreNotReused: what a power cut left of a generation of which
// nothing can be seen must not meet new commits of the same generation.

// TestLoneAppendIsDoneWhenItReturns: without other appends, AppendNow commits and
// calls back in the caller's goroutine.
func TestLoneAppendIsDoneWhenItReturns(t *testing.T) {
	options := small()
	options.CheckpointBytes, options.LiveSegments = 1<<30, 100 // no commits of the keeper and the mover
	j, _ := openOn(t, faulty.New(1), options)
	for i := range uint64(50) {
		var got Appended // not guarded: the same goroutine
		first, err := j.AppendNow(1, [][]byte{nil}, func(a Appended, err error) { got = a })
		must(t, err)
		if first != i+1 || got.First != first {
			t.Fatalf("append %d: returned %d before %+v", i, first, got)
		}
	}
}
