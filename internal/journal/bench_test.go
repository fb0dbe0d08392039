package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

// BenchmarkReplay: opening without a checkpoint, then replaying, a journal of
// GODWIT_REPLAY_MB megabytes of 128-byte records.
func BenchmarkReplay(b *testing.B) {
	megabytes := 128
	if s := os.Getenv("GODWIT_REPLAY_MB"); s != "" {
		n, err := strconv.Atoi(s)
		must(b, err)
		megabytes = n
	}
	dir := b.TempDir()
	options := Options{LiveSegments: 1000, CheckpointBytes: 1 << 40}
	j, _, err := Open(vfs.OS, dir, options)
	must(b, err)
	batch := make([][]byte, 1000)
	for i := range batch {
		batch[i] = make([]byte, 128)
	}
	records := megabytes << 20 / RecordSize(128)
	for n := 0; n < records; n += len(batch) {
		_, err := j.Append(GroupID(1+n/len(batch)%10), batch, nil)
		must(b, err)
	}
	must(b, j.Close())
	b.SetBytes(int64(megabytes) << 20)
	b.ResetTimer()
	for range b.N {
		for _, name := range checkpointNames {
			must(b, os.Remove(filepath.Join(dir, name)))
		}
		begin := time.Now()
		j, report, err := Open(vfs.OS, dir, options)
		must(b, err)
		opened := time.Since(begin)
		if report.Records < records {
			b.Fatalf("%d records of %d: %+v", report.Records, records, report)
		}
		seen := 0
		must(b, j.Replay(func(_ Record, err error) error { seen++; return err }))
		if seen < records {
			b.Fatalf("%d records replayed of %d", seen, records)
		}
		b.ReportMetric(float64(opened.Milliseconds()), "open-ms")
		b.ReportMetric(float64((time.Since(begin) - opened).Milliseconds()), "replay-ms")
		b.StopTimer()
		must(b, j.Close())
		b.StartTimer()
	}
}
