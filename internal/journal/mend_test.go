package journal

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// failNext makes the next so many operations of a kind fail on files of segments.
func failNext(disk *faulty.Disk, kind faulty.Kind, times int) {
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind != kind || times == 0 || !strings.HasSuffix(op.Name, segmentSuffix) {
			return nil
		}
		times--
		return syscall.EIO
	})
}

// eventLog collects events.
type eventLog struct {
	mu   sync.Mutex
	list []Event
}

func (l *eventLog) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, e)
}

func (l *eventLog) of(kind EventKind) (list []Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.list {
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

// TestFailedCommit: after a failed write or sync the group is poisoned until
// Resume, other groups go on, and what was answered with an error does not come
// back, whatever the disk kept of it.
func TestFailedCommit(t *testing.T) {
	for _, kind := range []faulty.Kind{faulty.Sync, faulty.Write} {
		for _, times := range []int{1, maxFailedInRow - 1} {
			t.Run(fmt.Sprintf("%v/%d", kind, times), func(t *testing.T) {
				disk, events := faulty.New(1), &eventLog{}
				options := small()
				options.OnEvent = events.add
				j, _ := openOn(t, disk, options)
				good := appendOne(t, j, 1, "good")
				eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
				failNext(disk, kind, times)
				_, err := j.AppendWait(1, []byte("bad"))
				if !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.EIO) || errors.Is(err, ErrPoisoned) {
					t.Errorf("append with a failing disk: %v", err)
				}
				for range 3 {
					if _, err := j.AppendWait(1, []byte("later")); !errors.Is(err, ErrPoisoned) || !errors.Is(err, syscall.EIO) {
						t.Errorf("append after the failure: %v", err)
					}
				}
				if j.Err() != nil {
					t.Errorf("the journal failed: %v", j.Err())
				}
				other := appendOne(t, j, 2, "other")
				if other.Position.Segment() == good.Position.Segment() {
					t.Error("the segment is written again")
				}
				stats := j.Stats()
				if stats.FailedCommits != times || stats.Poisoned != 1 {
					t.Errorf("%+v", stats)
				}
				if last, err := j.Resume(1); last != 1 || err != nil {
					t.Errorf("resume: %d, %v", last, err)
				}
				if a := appendOne(t, j, 1, "again"); a.First != 2 {
					t.Errorf("sequence %d", a.First)
				}
				must(t, j.Sync())
				must(t, j.Checkpoint())
				expect(t, j, 1, "1=good", "2=again")
				list := events.of(EventFailedCommit)
				if len(list) != times || list[0].Records != 1 || !slices.Equal(list[0].Groups, []GroupID{1}) ||
					list[0].Position.Segment() != good.Position.Segment() || list[0].End <= list[0].Position || !errors.Is(list[0].Err, syscall.EIO) {
					t.Errorf("events: %+v", list)
				}
				for seed := range uint64(20) {
					again, report, err := Open(disk.Survive(seed), testDir, small())
					must(t, err)
					if report.Damaged() {
						t.Errorf("%+v", report)
					}
					expect(t, again, 1, "1=good", "2=again")
					expect(t, again, 2, "1=other")
					must(t, again.Close())
				}
			})
		}
	}
}

// TestNothingComesBack: without checkpoint or Resume, too, an answered failure is
// final, even if the whole commit is on the disk.
func TestNothingComesBack(t *testing.T) {
	disk := faulty.New(1)
	options := small()
	options.CheckpointBytes, options.LiveSegments = 1<<30, 100
	j, _ := openOn(t, disk, options)
	appendOne(t, j, 1, "good")
	eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
	failNext(disk, faulty.Sync, 1)
	if _, err := j.AppendWait(1, []byte("bad")); !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
	whole := disk.Clone(1) // as if everything written had reached the disk
	again, report := openOn(t, whole, small())
	if report.Damaged() {
		t.Errorf("%+v", report)
	}
	expect(t, again, 1, "1=good")
	if a := appendOne(t, again, 1, "new"); a.First != 2 {
		t.Errorf("sequence %d", a.First)
	}
}

// TestRepeatedFailures: the journal fails for good when commit after commit fails,
// or when there is no segment to go on with.
func TestRepeatedFailures(t *testing.T) {
	for _, kind := range []faulty.Kind{faulty.Sync, faulty.Write} {
		disk, events := faulty.New(1), &eventLog{}
		options := small()
		options.OnEvent = events.add
		j, _ := openOn(t, disk, options)
		appendOne(t, j, 1, "good")
		eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
		failNext(disk, kind, maxFailedInRow)
		if _, err := j.AppendWait(1, []byte("bad")); !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.EIO) {
			t.Errorf("append: %v", err)
		}
		disk.Fail(nil)
		for id := GroupID(1); id < 3; id++ {
			if _, err := j.AppendWait(id, nil); !errors.Is(err, ErrFailed) {
				t.Errorf("append of group %d: %v", id, err)
			}
		}
		_, resumeErr := j.Resume(1)
		for _, err := range []error{j.Err(), j.Sync(), j.Checkpoint(), resumeErr} {
			if !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.EIO) {
				t.Errorf("after the failure: %v", err)
			}
		}
		expect(t, j, 1, "1=good")
		if n := len(events.of(EventFailedCommit)); n != maxFailedInRow || len(events.of(EventFailed)) != 1 {
			t.Errorf("%d failed commits, failures: %v", n, events.of(EventFailed))
		}
		if err := j.Close(); !errors.Is(err, ErrFailed) {
			t.Errorf("close: %v", err)
		}
		again, report := openOn(t, disk.Survive(3), small())
		got := contents(t, again)[1]
		if report.Damaged() || got[0] != "1=good" || len(got) > 2 || len(got) == 2 && got[1] != "2=bad" {
			t.Errorf("after the failure: %v, %+v", got, report)
		}
	}
}

// TestNoSegmentToGoOnWith: an error that is no full disk while a segment is made
// after a failed commit is final.
func TestNoSegmentToGoOnWith(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	appendOne(t, j, 1, "good")
	eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
	j.mu.Lock()
	j.spares = nil
	j.mu.Unlock()
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Sync || op.Kind == faulty.Create {
			return syscall.EIO
		}
		return nil
	})
	if _, err := j.AppendWait(1, []byte("bad")); !errors.Is(err, ErrFailed) || !errors.Is(j.Err(), ErrFailed) {
		t.Errorf("%v; %v", err, j.Err())
	}
}

// answers collects the outcomes of appends, in the order of the callbacks.
type answers struct {
	mu   sync.Mutex
	list []string
}

func (a *answers) done(name string) Done {
	return func(_ Appended, err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		switch {
		case errors.Is(err, ErrPoisoned):
			name += " poisoned"
		case errors.Is(err, ErrFailed):
			name += " failed"
		case err != nil:
			name += " " + err.Error()
		}
		a.list = append(a.list, name)
	}
}

func (a *answers) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.list, ", ")
}

// TestOnlyGroupsOfTheFailedCommitAreDisturbed: of what waits behind it, other
// groups' appends go on at another place, and all callbacks come in order.
func TestOnlyGroupsOfTheFailedCommitAreDisturbed(t *testing.T) {
	disk := faulty.New(1)
	gate, entered := make(chan struct{}), make(chan struct{}, 100)
	options := small()
	options.Cipher, _ = seal.NewAESGCM(make([]byte, 32))
	j, _ := openOn(t, &gatedFS{FS: disk, gate: gate, entered: entered}, options)
	got := &answers{}
	add := func(id GroupID, name string) {
		_, err := j.Append(id, [][]byte{[]byte(name), []byte(name + "!")}, got.done(name))
		must(t, err)
	}
	add(1, "a")
	<-entered
	eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
	add(2, "b")
	add(1, "c")
	add(3, "d")
	add(1, "e")
	add(2, "f")
	failNext(disk, faulty.Sync, 1)
	close(gate)
	want := "a failed, b, c poisoned, d, e poisoned, f"
	eventually(t, want, func() bool { return got.String() == want })
	check := func(j *Journal) {
		t.Helper()
		expect(t, j, 1)
		expect(t, j, 2, "1=b", "2=b!", "3=f", "4=f!")
		expect(t, j, 3, "1=d", "2=d!")
	}
	check(j)
	again, report := openOn(t, disk.Survive(1), options)
	if report.Damaged() {
		t.Errorf("%+v", report)
	}
	check(again)
}

// TestAppendThatWaitedDuringALoss: an append that waited for room while its group
// lost records is refused although the group was resumed meanwhile.
func TestAppendThatWaitedDuringALoss(t *testing.T) {
	disk := faulty.New(1)
	gate, entered := make(chan struct{}), make(chan struct{}, 100)
	options := small()
	options.BatchAppends = 1
	j, _ := openOn(t, &gatedFS{FS: disk, gate: gate, entered: entered}, options)
	eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
	resumed := make(chan error, 2)
	var once sync.Once
	_, err := j.Append(1, [][]byte{[]byte("lost")}, func(_ Appended, err error) {
		once.Do(func() {
			_, err := j.Resume(1)
			resumed <- err
		})
	})
	must(t, err)
	<-entered
	_, err = j.Append(2, [][]byte{[]byte("fills the batch")}, nil)
	must(t, err)
	begun, refused := make(chan struct{}), make(chan error, 1)
	go func() {
		close(begun)
		_, err := j.Append(1, [][]byte{[]byte("decided before the loss")}, nil)
		refused <- err
	}()
	<-begun
	failNext(disk, faulty.Sync, 1)
	close(gate)
	must(t, <-resumed)
	// Where it had not begun to wait before the failure, it is an append after it.
	if err := <-refused; err != nil && !errors.Is(err, ErrPoisoned) {
		t.Error(err)
	}
	must(t, j.Sync())
	if info := j.Group(1); info.Last > 1 {
		t.Errorf("%+v", info)
	}
}

// TestLossesWhileAnAppendWaits: the same, with the wait made certain.
func TestLossesWhileAnAppendWaits(t *testing.T) {
	j, _ := openOn(t, faulty.New(1), small())
	appendOne(t, j, 1, "kept")
	j.mu.Lock()
	j.mending = true // appends wait
	j.mu.Unlock()
	refused := make(chan error, 1)
	go func() {
		j.mu.Lock()
		losses := make(chan struct{})
		go func() {
			j.mu.Lock() // when the append waits
			j.poison(j.groups[1], 0, syscall.EIO)
			j.groups[1].poison, j.mending = nil, false // resumed
			delete(j.poisoned, 1)
			j.space.Broadcast()
			j.mu.Unlock()
			close(losses)
		}()
		_, err := j.stage(1, [][]byte{nil}, nil, nil)
		j.mu.Unlock()
		<-losses
		refused <- err
	}()
	if err := <-refused; !errors.Is(err, ErrPoisoned) {
		t.Errorf("%v", err)
	}
	if a := appendOne(t, j, 1, "next"); a.First != 2 {
		t.Errorf("sequence %d", a.First)
	}
}

// TestUnsyncedRecordsAreLost: a failed sync takes what was acknowledged as written
// with it, and says so.
func TestUnsyncedRecordsAreLost(t *testing.T) {
	for _, interval := range []bool{true, false} {
		disk, events := faulty.New(1), &eventLog{}
		options := small()
		options.OnEvent = events.add
		options.CheckpointBytes, options.LiveSegments = 1<<30, 100
		options.After = func(time.Duration) <-chan time.Time { return nil }
		if interval {
			options.Interval = time.Hour
		}
		j, _ := openOn(t, disk, options)
		must(t, j.SetAsync(1, true))
		appendOne(t, j, 1, "synced")
		must(t, j.Sync())
		eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
		a := appendOne(t, j, 1, "written")
		b := appendOne(t, j, 1, "written too")
		must(t, j.Release(1, 2))
		failNext(disk, faulty.Sync, 1)
		if err := j.Sync(); !errors.Is(err, ErrFailed) {
			t.Errorf("sync: %v", err)
		}
		if err := j.Sync(); !errors.Is(err, ErrPoisoned) {
			t.Errorf("sync while the owner does not know: %v", err)
		}
		if info := j.Group(1); info.Last != 1 || info.Live != 0 {
			t.Errorf("%+v", info)
		}
		if _, err := j.ReadAt(b.Position, nil); !errors.Is(err, ErrNotFound) {
			t.Errorf("read of a lost record: %v", err)
		}
		lost := events.of(EventUnsyncedLost)
		if len(lost) != 1 || lost[0].Records != 2 || !slices.Equal(lost[0].Groups, []GroupID{1}) || lost[0].Position > a.Position || lost[0].End <= b.Position {
			t.Errorf("events: %+v", lost)
		}
		must(t, j.Checkpoint())
		if last, err := j.Resume(1); last != 1 || err != nil {
			t.Errorf("resume: %d, %v", last, err)
		}
		must(t, j.Sync())
		if c := appendOne(t, j, 1, "another"); c.First != 2 {
			t.Errorf("sequence %d", c.First)
		}
		must(t, j.Sync())
		again, report := openOn(t, disk.Survive(1), small())
		if report.Damaged() {
			t.Errorf("%+v", report)
		}
		expect(t, again, 1, "2=another")
	}
}

// TestAbandonedSegment: it is not written again, serves reads, and is deleted when
// nobody needs it.
func TestAbandonedSegment(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	good := appendOne(t, j, 1, "good")
	eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
	j.mu.Lock()
	name := testDir + "/" + j.segments[good.Position.Segment()].name
	j.mu.Unlock()
	failNext(disk, faulty.Sync, 1)
	if _, err := j.AppendWait(2, []byte("bad")); !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Write && op.Name == name {
			t.Errorf("write to the abandoned segment at %d", op.Offset)
		}
		return nil
	})
	churn := func() {
		t.Helper()
		for range 20 * 10 {
			a, err := j.AppendWait(3, make([]byte, 3000))
			must(t, err)
			must(t, j.Release(3, a.First))
		}
	}
	churn()
	if r, err := j.ReadAt(good.Position, nil); err == nil && string(r.Data) != "good" {
		t.Errorf("%q", r.Data)
	}
	expect(t, j, 1, "1=good")
	must(t, j.Release(1, 1))
	churn()
	eventually(t, "the file is deleted", func() bool {
		_, err := disk.Stat(name)
		return err != nil
	})
}

// TestFailedCommitOnAFullDisk: without room for another segment the journal is not
// failed; Resume and appends say ErrFull until there is room.
func TestFailedCommitOnAFullDisk(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	appendOne(t, j, 1, "good")
	eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
	j.mu.Lock()
	for _, s := range j.spares {
		must(t, disk.Remove(testDir+"/"+s.name))
	}
	j.spares = nil
	j.mu.Unlock()
	disk.SetCapacity(disk.Used())
	failNext(disk, faulty.Sync, 1)
	if _, err := j.AppendWait(2, []byte("bad")); !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.EIO) {
		t.Errorf("append: %v", err)
	}
	disk.Fail(nil)
	if j.Err() != nil {
		t.Fatalf("the journal failed: %v", j.Err())
	}
	if _, err := j.Resume(2); !errors.Is(err, ErrFull) {
		t.Errorf("resume without room: %v", err)
	}
	if _, err := j.AppendWait(3, nil); !errors.Is(err, ErrFull) {
		t.Errorf("append without room: %v", err)
	}
	disk.SetCapacity(-1)
	eventually(t, "the group is resumed", func() bool {
		_, err := j.Resume(2)
		return err == nil
	})
	a := appendOne(t, j, 2, "good")
	again, report := openOn(t, disk.Survive(2), small())
	if report.Damaged() || a.First != 1 {
		t.Errorf("sequence %d, %+v", a.First, report)
	}
	expect(t, again, 1, "1=good")
	expect(t, again, 2, "1=good")
}

// TestResumeOfAHealthyGroup changes nothing.
func TestResumeOfAHealthyGroup(t *testing.T) {
	j, _ := openOn(t, faulty.New(1), small())
	appendOne(t, j, 1, "one")
	for id, want := range map[GroupID]uint64{1: 1, 2: 0} {
		if last, err := j.Resume(id); last != want || err != nil {
			t.Errorf("group %d: %d, %v", id, last, err)
		}
	}
	must(t, j.Close())
	if _, err := j.Resume(1); err != ErrClosed {
		t.Errorf("after close: %v", err)
	}
}

// TestFailureWhileClosing: what cannot be synced at the end is answered, and does
// not come back.
func TestFailureWhileClosing(t *testing.T) {
	disk := faulty.New(1)
	options := small()
	options.After = func(time.Duration) <-chan time.Time { return nil }
	j, _ := openOn(t, disk, options)
	must(t, j.SetAsync(1, true))
	appendOne(t, j, 2, "good")
	eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
	appendOne(t, j, 1, "written")
	failNext(disk, faulty.Sync, 1)
	if err := j.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("close: %v", err)
	}
	again, report := openOn(t, disk.Clone(1), small())
	if report.Damaged() {
		t.Errorf("%+v", report)
	}
	expect(t, again, 1)
	expect(t, again, 2, "1=good")
}

// TestDropIsDurableBeforeSpaceIsReused: a dropped group that no checkpoint has
// forgotten comes back with what it held.
func TestDropIsDurableBeforeSpaceIsReused(t *testing.T) {
	disk := faulty.New(1)
	options := small()
	options.CheckpointBytes = 1 << 30
	j, _ := openOn(t, disk, options)
	a := appendOne(t, j, 1, "held")
	must(t, j.Hold(1, a.Position.Segment(), 4))
	must(t, j.Release(1, 1))
	must(t, j.Checkpoint())
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Create && strings.Contains(op.Name, "checkpoint-b") {
			return syscall.EIO // one copy is not enough
		}
		return nil
	})
	must(t, j.Drop(1))
	for range 20 * 10 {
		b, err := j.AppendWait(2, make([]byte, 3000))
		must(t, err)
		must(t, j.Release(2, b.First))
	}
	disk.Fail(nil)
	after := disk.Survive(1)
	if err := after.Remove(testDir + "/checkpoint-a"); err != nil {
		t.Fatal(err) // the copy that knows
	}
	again, _ := openOn(t, after, small())
	if h := again.Holdings(1); len(h) != 1 || h[0].Bytes != 4 {
		t.Errorf("holdings: %+v", h)
	}
	if r, err := again.ReadAt(a.Position, nil); err != nil || string(r.Data) != "held" {
		t.Errorf("%q, %v", r.Data, err)
	}
}

// TestHoldsOfAGroupDroppedDuringACheckpoint are in the checkpoint if the group is.
func TestHoldsOfAGroupDroppedDuringACheckpoint(t *testing.T) {
	j, _ := openOn(t, faulty.New(1), small())
	a := appendOne(t, j, 1, "held")
	must(t, j.Hold(1, a.Position.Segment(), 4))
	must(t, j.Drop(1))
	j.mu.Lock()
	defer j.mu.Unlock()
	_, holds := j.tables(nil, map[hold]int64{{1, a.Position.Segment()}: 4})
	if len(holds) != 1 || holds[0].group != 1 || holds[0].bytes != 4 {
		t.Errorf("%+v", holds)
	}
}

// TestRecoverySyncsWhatItReads: a process may end between write and sync without a
// power cut. What the next one finds then is not lost to a power cut later.
func TestRecoverySyncsWhatItReads(t *testing.T) {
	for seed := range uint64(20) {
		disk := faulty.New(seed)
		options := small()
		options.Interval = time.Hour
		options.After = func(time.Duration) <-chan time.Time { return nil }
		j, _ := openOn(t, disk, options)
		appendOne(t, j, 1, "written")
		eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
		again, _, err := Open(unlockedFS{disk}, testDir, small())
		must(t, err)
		expect(t, again, 1, "1=written")
		last, report := openOn(t, disk.Survive(seed), small())
		if report.Damaged() {
			t.Fatalf("seed %d: %+v", seed, report)
		}
		expect(t, last, 1, "1=written")
		_ = again.Close() // the power is off
	}
}

// unlockedFS gives every lock: the process that had it has ended.
type unlockedFS struct{ vfs.FS }

func (unlockedFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// TestCheckpointDoesNotKnowReleasesOfUnsyncedRecords: their sequences are used
// again if a sync fails, and what has them then must not pass for released.
func TestCheckpointDoesNotKnowReleasesOfUnsyncedRecords(t *testing.T) {
	options := small()
	options.After = func(time.Duration) <-chan time.Time { return nil }
	j, _ := openOn(t, faulty.New(1), options)
	must(t, j.SetAsync(1, true))
	appendOne(t, j, 1, "synced")
	must(t, j.Sync())
	appendOne(t, j, 1, "written")
	must(t, j.Release(1, 2))
	j.moving.Lock()
	data, _ := j.snapshot()
	j.moving.Unlock()
	c, err := parseCheckpoint(data)
	must(t, err)
	if len(c.groups) != 1 || c.groups[0].floor != 1 || c.groups[0].next != 2 {
		t.Errorf("%+v", c.groups)
	}
}
