package block

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/journal"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// An owner is a stream with its lock, and makes checkpoints beside everything else.
type owner struct {
	mu     sync.Mutex
	stream *Stream
	wanted chan struct{}
	ended  chan struct{}
	worst  time.Duration // for which a checkpoint held the lock
}

func newOwner(s *Stream) *owner {
	o := &owner{stream: s, wanted: make(chan struct{}, 1), ended: make(chan struct{})}
	go o.checkpoints()
	return o
}

func (o *owner) checkpoints() {
	defer close(o.ended)
	for range o.wanted {
		o.mu.Lock()
		begin := time.Now()
		c, err := o.stream.BeginCheckpoint()
		o.worst = max(o.worst, time.Since(begin))
		o.mu.Unlock()
		if err != nil {
			panic(err)
		}
		err = c.Write()
		o.mu.Lock()
		begin = time.Now()
		err = o.stream.EndCheckpoint(c, err)
		o.worst = max(o.worst, time.Since(begin))
		o.mu.Unlock()
		if err != nil {
			panic(err)
		}
	}
}

func (o *owner) end() {
	close(o.wanted)
	<-o.ended
}

// append appends a batch and hands it over.
func (o *owner) append(batch []store.Message, done func(error)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.stream.AppendBatch(batch, store.Checked); err != nil {
		return err
	}
	o.stream.Commit(done)
	if o.stream.WantsCheckpoint() {
		select {
		case o.wanted <- struct{}{}:
		default:
		}
	}
	return nil
}

// BenchmarkAppend is durable appending with a thousand messages on their way.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name     string
		streams  int
		subjects int
		size     int
		window   int
		limits   store.Limits
	}{
		{"128 B", 1, 1, 128, 1000, store.Limits{}},
		{"128 B, 100k subjects, 1 each", 1, 100_000, 128, 1000, store.Limits{MaxPerSubject: 1}},
		{"128 B, 1000 streams", 1000, 1, 128, 1000, store.Limits{}},
		{"4 KB", 1, 1, 4096, 500, store.Limits{MaxMessages: 100_000}},
		{"64 KB", 1, 1, 65536, 100, store.Limits{MaxMessages: 5_000}},
	} {
		b.Run(c.name, func(b *testing.B) {
			n, _, err := Open(vfs.OS, b.TempDir(), Options{Journal: journal.Options{Direct: true}})
			if err != nil {
				b.Fatal(err)
			}
			owners := make([]*owner, c.streams)
			for i := range owners {
				s, err := n.CreateStream(ID(i+1), StreamOptions{Options: store.Options{Limits: c.limits}})
				if err != nil {
					b.Fatal(err)
				}
				owners[i] = newOwner(s)
			}
			const most = 50
			room := make(chan struct{}, c.window)
			batch := make([]store.Message, 0, most)
			payload := make([]byte, c.size)
			subjects := make([][]byte, c.subjects)
			for i := range subjects {
				subjects[i] = fmt.Appendf(nil, "orders.%d", i*7919%c.subjects)
			}
			b.SetBytes(int64(c.size))
			b.ResetTimer()
			for i := 0; i < b.N; {
				count := min(most, b.N-i)
				if c.streams > 1 {
					count = 1
				}
				batch = batch[:0]
				for range count {
					room <- struct{}{}
					batch = append(batch, store.Message{Subject: subjects[i%len(subjects)], Payload: payload, Time: int64(i)})
					i++
				}
				err := owners[i%c.streams].append(batch, func(err error) {
					if err != nil {
						b.Error(err)
					}
					for range count {
						<-room
					}
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			for range c.window {
				room <- struct{}{}
			}
			b.StopTimer()
			worst := time.Duration(0)
			for _, o := range owners {
				o.end()
				worst = max(worst, o.worst)
			}
			b.ReportMetric(float64(worst.Microseconds()), "checkpoint-lock-us")
			if err := n.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
