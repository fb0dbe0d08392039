package journal

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

func TestAsyncGroup(t *testing.T) {
	disk := faulty.New(1)
	tick := make(chan time.Time)
	armed := make(chan time.Duration, 100)
	options := small()
	options.AsyncInterval = 123 * time.Millisecond
	options.After = func(d time.Duration) <-chan time.Time { armed <- d; return tick }
	j, _ := openOn(t, disk, options)
	must(t, j.SetAsync(1, true))
	eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
	before := disk.Count(faulty.Sync)
	for range 10 {
		appendOne(t, j, 1, "async")
	}
	if n := disk.Count(faulty.Sync) - before; n > 1 { // a spare for the first segment
		t.Errorf("%d syncs for asynchronous appends", n)
	}
	if s := j.Stats(); s.Synced >= s.Written {
		t.Errorf("synced to %v of %v", s.Synced, s.Written)
	}
	if d := <-armed; d != options.AsyncInterval {
		t.Errorf("sync after %v", d)
	}
	tick <- time.Time{}
	eventually(t, "the sync", func() bool { s := j.Stats(); return s.Synced == s.Written })
	appendOne(t, j, 1, "async")
	appendOne(t, j, 2, "durable")
	if s := j.Stats(); s.Synced != s.Written {
		t.Error("a durable append was acknowledged unsynced")
	}
}

func TestIntervalMode(t *testing.T) {
	disk := faulty.New(1)
	options := small()
	options.Interval = time.Hour
	options.CheckpointBytes, options.LiveSegments = 1<<30, 100 // a checkpoint syncs, moved records as well
	options.After = func(time.Duration) <-chan time.Time { return nil }
	j, _ := openOn(t, disk, options)
	for i := range 100 {
		appendOne(t, j, 1, fmt.Sprint(i))
	}
	if s := j.Stats(); s.Synced >= s.Written {
		t.Errorf("%+v", s)
	}
	must(t, j.Sync())
	for i := range 100 {
		appendOne(t, j, 1, fmt.Sprint(100+i))
	}
	for seed := range uint64(30) {
		again, report, err := Open(disk.Survive(seed), testDir, small())
		must(t, err)
		if report.Damaged() {
			t.Fatalf("seed %d: %+v", seed, report)
		}
		got := contents(t, again)[1]
		if len(got) < 100 || len(got) > 200 {
			t.Fatalf("seed %d: %d records", seed, len(got))
		}
		for i, s := range got {
			if s != fmt.Sprintf("%d=%d", i+1, i) {
				t.Fatalf("seed %d: record %d is %s", seed, i, s)
			}
		}
		must(t, again.Close())
	}
}

func TestWitness(t *testing.T) {
	for _, witness := range []bool{false, true} {
		disk := faulty.New(1)
		tick := make(chan time.Time)
		options := small()
		options.Witness = time.Second
		options.After = func(time.Duration) <-chan time.Time { return tick }
		j, _ := openOn(t, disk, options)
		appendOne(t, j, 1, "before")
		a := appendOne(t, j, 1, "last words")
		if witness {
			written := j.Stats().Written
			tick <- time.Time{}
			// The first tick may find the timer older than the last append.
			select {
			case tick <- time.Time{}:
			case <-time.After(50 * time.Millisecond):
			}
			eventually(t, "the witness", func() bool { return j.Stats().Written > written })
			must(t, j.Sync())
		}
		name := fmt.Sprintf("%s/%s", testDir, j.segments[a.Position.Segment()].name)
		must(t, disk.FlipBit(name, (a.Position.Offset()+recordHeader+2)*8))
		j, report := openOn(t, disk.Survive(1), small())
		expect(t, j, 1, "1=before")
		if witness != report.Damaged() || witness == (report.Cut != nil) {
			t.Errorf("witness %v: %+v", witness, report)
		}
		if witness && (len(report.Lost) != 1 || report.Lost[0] != (Lost{1, 2, 2})) {
			t.Errorf("lost: %+v", report.Lost)
		}
	}
}

// TestFailedSyncOfTheSegmentBefore: what was acknowledged unsynced in one segment
// must be on the disk before the next segment is written; if that fails, it is
// lost, and the next segment holds nothing that was appended after it.
func TestFailedSyncOfTheSegmentBefore(t *testing.T) {
	disk := faulty.New(1)
	options := small()
	options.CheckpointBytes = 1 << 30
	options.AsyncInterval = time.Hour
	j, _ := openOn(t, disk, options)
	must(t, j.SetAsync(1, true))
	a, err := j.AppendWait(1, make([]byte, 3000))
	must(t, err)
	eventually(t, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
	name := testDir + "/" + j.segments[a.Position.Segment()].name
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Sync && op.Name == name {
			return syscall.EIO
		}
		return nil
	})
	for range 100 {
		b, err := j.AppendWait(1, make([]byte, 3000))
		if err != nil {
			if !errors.Is(err, ErrFailed) {
				t.Error(err)
			}
			if last, err := j.Resume(1); last != 0 || err != nil {
				t.Errorf("resume: %d, %v", last, err)
			}
			appendOne(t, j, 1, "new")
			must(t, j.Sync())
			again, report := openOn(t, disk.Survive(1), small())
			if report.Damaged() {
				t.Errorf("%+v", report)
			}
			expect(t, again, 1, "1=new")
			return
		}
		if b.Position.Segment() != a.Position.Segment() {
			t.Fatal("the next segment was written")
		}
	}
	t.Fatal("the segment is never full")
}

// TestNoNonceTwice: each record has a nonce of its own, in one append, in one segment, and
// after a start.
func TestNoNonceTwice(t *testing.T) {
	for _, make := range []func([]byte) (seal.Cipher, error){seal.NewAESGCM, seal.NewChaCha20Poly1305} {
		c, err := make(bytes.Repeat([]byte{1}, 32))
		must(t, err)
		watch, disk, options := &nonceWatch{}, faulty.New(1), small()
		options.Cipher = watchedCipher{c, watch}
		for range 4 {
			j, _ := openOn(t, disk, options)
			for range 50 {
				_, err := j.AppendWait(1, []byte("a"), []byte("b"), []byte("c"))
				must(t, err)
			}
			must(t, j.Close())
		}
		must(t, watch.reused())
		if len(watch.seen) < 600 {
			t.Errorf("%d nonces for 600 records", len(watch.seen))
		}
	}
}

// TestCheckpointBeginsAtWhatIsSynced: recovery from a checkpoint reads all that may not
// have been on the disk when it was made.
func TestCheckpointBeginsAtWhatIsSynced(t *testing.T) {
	options := small()
	options.AsyncInterval = time.Hour
	j, _ := openOn(t, faulty.New(1), options)
	must(t, j.SetAsync(2, true))
	appendOne(t, j, 1, "synced")
	appendOne(t, j, 2, "only written")
	stats := j.Stats()
	if stats.Synced >= stats.Written {
		t.Fatalf("all is synced: %+v", stats)
	}
	j.checkpointing.Lock()
	j.moving.Lock()
	_, taken := j.snapshot()
	j.moving.Unlock()
	j.checkpointing.Unlock()
	if taken.position > stats.Synced {
		t.Errorf("a checkpoint begins at %v, synced is %v, written %v", taken.position, stats.Synced, stats.Written)
	}
	must(t, j.Close())
}
