package journal

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// The benchmarks write to the directory for temporary files: set TMPDIR to one
// on a real disk.

// benchKeep keeps a benchmark's journal small: each group lets go of what is
// more than this many records old.
const benchKeep = 4096

func benchJournal(b *testing.B, options Options) *Journal {
	b.Helper()
	j, _, err := Open(vfs.OS, b.TempDir(), options)
	must(b, err)
	b.Cleanup(func() { must(b, j.Close()) })
	eventually(b, "spares are ready", func() bool { return j.Stats().Spares == spareTarget })
	return j
}

// BenchmarkAppend: durable appends of 128 bytes, 1,000 in flight.
func BenchmarkAppend(b *testing.B) {
	for _, direct := range []bool{false, true} {
		for _, groups := range []int{1, 1000} {
			b.Run(fmt.Sprintf("direct=%v/groups=%d", direct, groups), func(b *testing.B) {
				j := benchJournal(b, Options{Direct: direct})
				window := make(chan struct{}, 1000)
				done := func(a Appended, err error) {
					if err != nil {
						b.Error(err)
					}
					<-window
				}
				record := [][]byte{make([]byte, 128)}
				b.SetBytes(128)
				b.ReportAllocs()
				b.ResetTimer()
				for i := range b.N {
					window <- struct{}{}
					id := GroupID(1 + i%groups)
					if _, err := j.Append(id, record, done); err != nil {
						b.Fatal(err)
					}
					if n := i / groups; n > benchKeep && n%benchKeep == 0 {
						must(b, j.Release(id, uint64(n-benchKeep)))
					}
				}
				must(b, j.Sync())
			})
		}
	}
}

// BenchmarkAppendLarge: durable appends of 4 KB, 500 in flight.
func BenchmarkAppendLarge(b *testing.B) {
	for _, direct := range []bool{false, true} {
		b.Run(fmt.Sprintf("direct=%v", direct), func(b *testing.B) {
			j := benchJournal(b, Options{Direct: direct})
			window := make(chan struct{}, 500)
			done := func(Appended, error) { <-window }
			record := [][]byte{make([]byte, 4096)}
			b.SetBytes(4096)
			b.ResetTimer()
			for i := range b.N {
				window <- struct{}{}
				if _, err := j.Append(1, record, done); err != nil {
					b.Fatal(err)
				}
				if i > benchKeep && i%benchKeep == 0 {
					must(b, j.Release(1, uint64(i-benchKeep)))
				}
			}
			must(b, j.Sync())
		})
	}
}

func reportMedian(b *testing.B, durations []time.Duration) {
	slices.Sort(durations)
	b.ReportMetric(float64(durations[len(durations)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(durations[len(durations)*99/100].Microseconds()), "p99-us")
}

// BenchmarkOneByOne: one durable append after the other, beside the least that
// a disk takes: overwriting a page and syncing.
func BenchmarkOneByOne(b *testing.B) {
	for _, direct := range []bool{false, true} {
		b.Run(fmt.Sprintf("journal/direct=%v", direct), func(b *testing.B) {
			j := benchJournal(b, Options{Direct: direct})
			record := [][]byte{make([]byte, 128)}
			durations := make([]time.Duration, b.N)
			b.ResetTimer()
			for i := range b.N {
				begin := time.Now()
				if _, err := j.AppendNow(1, record, nil); err != nil {
					b.Fatal(err)
				}
				durations[i] = time.Since(begin)
			}
			reportMedian(b, durations)
		})
		b.Run(fmt.Sprintf("bare/direct=%v", direct), func(b *testing.B) {
			mode := vfs.Create
			if direct {
				mode |= vfs.Direct
			}
			f, err := vfs.OS.OpenFile(filepath.Join(b.TempDir(), "bare"), mode)
			must(b, err)
			defer f.Close()
			const size = 16 << 20
			for off := int64(0); off < size; off += int64(len(zeros)) {
				_, err := f.WriteAt(zeros, off)
				must(b, err)
			}
			must(b, f.Sync())
			page := vfs.Aligned(vfs.PageSize)
			durations := make([]time.Duration, b.N)
			b.ResetTimer()
			for i := range b.N {
				begin := time.Now()
				if _, err := f.WriteAt(page, int64(i)*vfs.PageSize%size); err != nil {
					b.Fatal(err)
				}
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
				durations[i] = time.Since(begin)
			}
			reportMedian(b, durations)
		})
	}
}

var replayMegabytes = flag.Int("replay-mb", 128, "megabytes of journal that BenchmarkRecovery reads; 1024 is the figure to quote")

// BenchmarkRecovery: opening, and replaying, a journal of 128-byte records in ten
// groups after a crash, with all of it behind the last checkpoint, and with a
// checkpoint at the default distance. MB/s is of Open and Replay together. The
// files come from the page cache if they fit.
func BenchmarkRecovery(b *testing.B) {
	megabytes := *replayMegabytes
	if testing.Short() {
		megabytes = min(megabytes, 16)
	}
	for _, c := range []struct {
		name     string
		distance int64
	}{{"no-checkpoint", 1 << 40}, {"default-checkpoints", 0}} {
		b.Run(c.name, func(b *testing.B) { benchRecovery(b, megabytes, c.distance) })
	}
}

func benchRecovery(b *testing.B, megabytes int, distance int64) {
	dir := b.TempDir()
	options := Options{LiveSegments: 1000, CheckpointBytes: distance}
	records := fillForRecovery(b, dir, options, megabytes)
	crashed := &crashedFS{FS: vfs.OS}
	crashed.crashed.Store(true)
	b.SetBytes(int64(megabytes) << 20)
	var opening, replaying time.Duration
	var scanned int64
	b.ResetTimer()
	for range b.N {
		begin := time.Now()
		// The journal of the crash stays as it was: recovery ends with a checkpoint.
		j, report, err := Open(crashed, dir, options)
		must(b, err)
		opened := time.Now()
		seen := 0
		must(b, j.Replay(func(_ Record, err error) error { seen++; return err }))
		opening += opened.Sub(begin)
		replaying += time.Since(opened)
		scanned += report.Bytes
		b.StopTimer()
		if seen != records || report.Damaged() {
			b.Fatalf("%d records replayed of %d: %+v", seen, records, report)
		}
		must(b, j.Close())
		b.StartTimer()
	}
	b.ReportMetric(float64(opening.Milliseconds())/float64(b.N), "open-ms")
	b.ReportMetric(float64(replaying.Milliseconds())/float64(b.N), "replay-ms")
	b.ReportMetric(float64(scanned>>20)/float64(b.N), "scanned-MB")
}

// fillForRecovery writes a journal and ends without the checkpoint of Close.
func fillForRecovery(b *testing.B, dir string, options Options, megabytes int) (records int) {
	b.Helper()
	disk := &crashedFS{FS: vfs.OS}
	j, _, err := Open(disk, dir, options)
	must(b, err)
	batch := make([][]byte, 1000)
	for i := range batch {
		batch[i] = make([]byte, 128)
	}
	for records*RecordSize(128) < megabytes<<20 {
		_, err := j.Append(GroupID(1+records/len(batch)%10), batch, nil)
		must(b, err)
		records += len(batch)
	}
	must(b, j.Sync())
	disk.crashed.Store(true)
	must(b, j.Close())
	return records
}

// crashedFS lets, once crashed, no checkpoint replace the one that is there.
type crashedFS struct {
	vfs.FS
	crashed atomic.Bool
}

func (c *crashedFS) Rename(from, to string) error {
	if c.crashed.Load() && slices.Contains(checkpointNames[:], filepath.Base(to)) {
		return c.FS.Remove(from)
	}
	return c.FS.Rename(from, to)
}
