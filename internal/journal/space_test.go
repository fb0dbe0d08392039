package journal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

func TestReleaseAndDrop(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	for i := range 1000 {
		appendOne(t, j, 1, fmt.Sprint(i))
	}
	appendOne(t, j, 2, "x")
	must(t, j.Release(1, 998))
	must(t, j.Release(1, 5)) // less than before: nothing
	expect(t, j, 1, "999=998", "1000=999")
	if _, err := j.Read(1, 998, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("read of a released record: %v", err)
	}
	if err := j.Release(1, 1001); !errors.Is(err, ErrNotFound) {
		t.Errorf("release of the future: %v", err)
	}
	must(t, j.Drop(2))
	must(t, j.Drop(3))
	if info := j.Group(1); info != (GroupInfo{1, 999, 1000, 2}) {
		t.Errorf("%+v", info)
	}
	must(t, j.Close())
	j, _ = openOn(t, disk.Survive(1), small())
	expect(t, j, 1, "999=998", "1000=999")
	if groups := j.Groups(); len(groups) != 1 {
		t.Errorf("groups: %+v", groups)
	}
	if a := appendOne(t, j, 1, "next"); a.First != 1001 {
		t.Errorf("sequence %d after all", a.First)
	}
}

func TestSequencesSurviveAnEmptyGroup(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	appendOne(t, j, 1, "a")
	appendOne(t, j, 1, "b")
	must(t, j.Release(1, 2))
	must(t, j.Checkpoint())
	j, _ = openOn(t, disk.Survive(1), small())
	if a := appendOne(t, j, 1, "c"); a.First != 3 {
		t.Errorf("sequence %d", a.First)
	}
}

func TestRecycling(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	payload := bytes.Repeat([]byte("p"), 3000)
	for range 60 * 20 {
		a, err := j.AppendWait(1, payload)
		must(t, err)
		must(t, j.Release(1, a.First))
	}
	if a := appendOne(t, j, 1, "end"); a.Position.Segment() < 60 {
		t.Errorf("only generation %d reached", a.Position.Segment())
	}
	list, err := disk.ReadDir(testDir)
	must(t, err)
	if len(list) > 15 {
		t.Errorf("%d files: %v", len(list), list)
	}
	j, report := openOn(t, disk.Survive(1), small())
	if report.Damaged() {
		t.Errorf("%+v", report)
	}
	if got := contents(t, j)[1]; got[len(got)-1] != "1201=end" {
		t.Errorf("last of %d: %s", len(got), got[len(got)-1])
	}
}

func TestIdleGroupsDoNotPin(t *testing.T) {
	disk := faulty.New(1)
	options := small()
	options.LiveSegments = 2
	j, _ := openOn(t, disk, options)
	payload := bytes.Repeat([]byte("p"), 3000)
	var want []string
	for i := range 60 * 20 {
		a, err := j.AppendWait(1, payload)
		must(t, err)
		must(t, j.Release(1, a.First))
		if i%20 == 0 && i < 400 {
			appendOne(t, j, GroupID(5+i/20%2), fmt.Sprint("idle ", i))
			want = append(want, fmt.Sprintf("%d=idle %d", 1+i/40, i))
		}
	}
	check := func(j *Journal) {
		t.Helper()
		all := contents(t, j)
		for i, s := range want {
			if all[GroupID(5+i%2)][i/2] != s {
				t.Fatalf("record %d of group %d is %s, not %s", i/2, 5+i%2, all[GroupID(5+i%2)][i/2], s)
			}
		}
	}
	check(j)
	eventually(t, "few segments", func() bool { return j.Stats().Segments <= 6 })
	check(j)
	if r, err := j.Read(5, 1, nil); err != nil || r.Position.Segment() < 10 {
		t.Errorf("the oldest record is at %v, %v", r.Position, err)
	}
	appendOne(t, j, 5, "more")
	j, report := openOn(t, disk.Survive(1), options)
	if report.Damaged() {
		t.Errorf("%+v", report)
	}
	check(j)
	if a := appendOne(t, j, 5, "more"); a.First != 12 {
		t.Errorf("sequence %d", a.First)
	}
}

func TestPressure(t *testing.T) {
	events := make(chan Event, 1000)
	options := small()
	options.LiveSegments = 2
	options.OnEvent = func(e Event) { events <- e }
	j, _ := openOn(t, faulty.New(1), options)
	for range 6 * 20 {
		_, err := j.AppendWait(3, make([]byte, 3000))
		must(t, err)
	}
	for e := range events {
		if e.Kind == EventRewritten {
			t.Fatal("full segments were moved")
		}
		if e.Kind == EventPressure {
			if len(e.Groups) != 1 || e.Groups[0] != 3 {
				t.Errorf("%+v", e)
			}
			break
		}
	}
}

func TestFullDisk(t *testing.T) {
	disk := faulty.New(1)
	disk.SetCapacity(5*64<<10 + 64<<10)
	j, _ := openOn(t, disk, small())
	var err error
	count := uint64(0)
	for err == nil {
		var a Appended
		if a, err = j.AppendWait(1, make([]byte, 3000)); err == nil {
			count = a.First
		}
	}
	if !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("after %d: %v", count, err)
	}
	if j.Err() != nil {
		t.Fatal("a full disk is no failure")
	}
	must(t, j.Release(1, count-1))
	eventually(t, "appends are accepted again", func() bool {
		_, err := j.AppendWait(1, make([]byte, 3000))
		return err == nil
	})
	if _, err := j.Read(1, count, nil); err != nil {
		t.Error(err)
	}
}

func TestFullDiskWithoutAnyRoom(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	appendOne(t, j, 1, "first")
	eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
	must(t, j.Checkpoint())
	disk.SetCapacity(disk.Used())
	var err error
	for err == nil {
		_, err = j.AppendWait(1, make([]byte, 3000))
	}
	if !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	must(t, j.Release(1, j.Group(1).Last))
	eventually(t, "appends are accepted again", func() bool {
		_, err := j.AppendWait(1, make([]byte, 3000))
		return err == nil
	})
	last := j.Group(1).Last
	disk.SetCapacity(-1)
	j, report := openOn(t, disk.Survive(1), small())
	if report.Damaged() || j.Group(1).Last != last {
		t.Errorf("%+v, last %d of %d", report, j.Group(1).Last, last)
	}
}

func TestMaxSegments(t *testing.T) {
	options := small()
	options.MaxSegments = 4
	j, _ := openOn(t, faulty.New(1), options)
	var err error
	for err == nil {
		_, err = j.AppendWait(1, make([]byte, 3000))
	}
	if !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	if s := j.Stats(); s.Segments+s.Spares != 4 {
		t.Errorf("%+v", s)
	}
}

func TestHeldSegmentIsShared(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	large := bytes.Repeat([]byte("L"), 5000)
	a, err := j.AppendWait(1, large)
	must(t, err)
	b, err := j.AppendWait(2, append(large, 'b'))
	must(t, err)
	segment := a.Position.Segment()
	must(t, j.Hold(1, segment, 5000))
	must(t, j.Release(1, a.First))
	must(t, j.Hold(2, segment, 5001))
	must(t, j.Release(2, b.First))

	churn := func(j *Journal) {
		t.Helper()
		for range 20 * 20 {
			c, err := j.AppendWait(9, make([]byte, 3000))
			must(t, err)
			must(t, j.Release(9, c.First))
		}
	}
	churn(j)
	check := func(j *Journal) {
		t.Helper()
		r, err := j.ReadAt(b.Position, nil)
		if err != nil || len(r.Data) != 5001 || r.Group != 2 {
			t.Errorf("held record: %d bytes of group %d, %v", len(r.Data), r.Group, err)
		}
	}
	check(j)
	j, report := openOn(t, disk.Survive(1), small())
	if report.Damaged() {
		t.Errorf("%+v", report)
	}
	if h := j.Holdings(2); len(h) != 1 || h[0] != (Holding{segment, 5001}) {
		t.Errorf("holdings: %+v", h)
	}
	if len(contents(t, j)[2]) != 0 {
		t.Error("a released record is replayed")
	}
	check(j)
	must(t, j.Hold(1, segment, 0))
	churn(j)
	check(j)
	must(t, j.Hold(2, segment, 0))
	churn(j)
	eventually(t, "the segment is gone", func() bool {
		_, err := j.ReadAt(b.Position, nil)
		return errors.Is(err, ErrNotFound)
	})
	if err := j.Hold(1, segment, 1); !errors.Is(err, ErrNotFound) {
		t.Errorf("hold of a segment that is gone: %v", err)
	}
	if err := j.Hold(1, j.Stats().Written.Segment(), -1); err == nil {
		t.Error("a negative hold was accepted")
	}
}

func TestPinnedSegmentIsNotReused(t *testing.T) {
	j, _ := openOn(t, faulty.New(1), small())
	a := appendOne(t, j, 1, "pinned")
	pin, err := j.Pin(a.Position.Segment())
	must(t, err)
	must(t, j.Release(1, 1))
	churn := func() {
		for range 10 * 20 {
			a, err := j.AppendWait(2, make([]byte, 3000))
			must(t, err)
			must(t, j.Release(2, a.First))
		}
	}
	churn()
	if r, err := j.ReadAt(a.Position, nil); err != nil || string(r.Data) != "pinned" {
		t.Errorf("%q, %v", r.Data, err)
	}
	pin.Unpin()
	pin.Unpin()
	churn()
	eventually(t, "the segment is reused", func() bool {
		_, err := j.Pin(a.Position.Segment())
		return errors.Is(err, ErrNotFound)
	})
}

func TestGenerationsAreNotReused(t *testing.T) {
	disk := faulty.New(1)
	options := small()
	options.Interval = time.Hour
	options.After = func(time.Duration) <-chan time.Time { return nil }
	j, _ := openOn(t, disk, options)
	used := appendOne(t, j, 1, "unsynced").Position.Segment()
	for seed := range uint64(100) {
		again, _, err := Open(disk.Survive(seed), testDir, options)
		must(t, err)
		invisible := len(again.Groups()) == 0
		if next := appendOne(t, again, 1, "next").Position.Segment(); next <= used {
			t.Fatalf("generation %d after %d", next, used)
		}
		must(t, again.Close())
		if invisible {
			return
		}
	}
	t.Fatal("the unsynced commit survived every cut")
}

// TestCheckpointsFail: without checkpoints the journal goes on for a while, then
// refuses appends instead of waiting, and recovers when checkpoints are possible.
func TestCheckpointsFail(t *testing.T) {
	disk := faulty.New(1)
	options := small()
	options.SegmentSize = 16 << 10
	j, _ := openOn(t, disk, options)
	appendOne(t, j, 1, "first")
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Create && strings.Contains(op.Name, "checkpoint") {
			return syscall.EIO
		}
		return nil
	})
	if err := j.Checkpoint(); !errors.Is(err, syscall.EIO) {
		t.Errorf("checkpoint: %v", err)
	}
	var err error
	for err == nil {
		var a Appended
		if a, err = j.AppendWait(1, make([]byte, 9000)); err == nil {
			must(t, j.Release(1, a.First-1))
		}
	}
	if !errors.Is(err, ErrFull) || !errors.Is(err, syscall.EIO) {
		t.Errorf("append without checkpoints: %v", err)
	}
	if g := j.Stats().Written.Segment(); g < generationStep/2 {
		t.Errorf("gave up at generation %d", g)
	}
	disk.Fail(nil)
	eventually(t, "appends are accepted again", func() bool {
		_, err := j.AppendWait(1, make([]byte, 9000))
		return err == nil
	})
	eventually(t, "segments are reused", func() bool { return j.Stats().Segments < 10 })
}

// TestCheckpointOfManyRecords: a group with more records than are encoded in one
// step keeps all their places.
func TestCheckpointOfManyRecords(t *testing.T) {
	disk := faulty.New(1)
	options := Options{SegmentSize: 4 << 20, Witness: -1}
	j, _ := openOn(t, disk, options)
	records := make([][]byte, 1000)
	for i := range records {
		records[i] = []byte{byte(i)}
	}
	const rounds = 3 * snapshotStep / 1000
	for range rounds {
		_, err := j.AppendWait(1, records...)
		must(t, err)
	}
	must(t, j.Close())
	j, report := openOn(t, disk, options)
	if report.Damaged() {
		t.Errorf("%+v", report)
	}
	seen := 0
	must(t, j.Replay(func(r Record, err error) error {
		if err == nil && r.Data[0] != records[seen%1000][0] {
			err = fmt.Errorf("record %d is %d", r.Sequence, r.Data[0])
		}
		seen++
		return err
	}))
	if seen != rounds*1000 {
		t.Errorf("%d records of %d", seen, rounds*1000)
	}
}
