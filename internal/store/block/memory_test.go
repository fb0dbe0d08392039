package block

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/godwit-mq/godwit/internal/journal"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// BenchmarkMemory measures what stays in memory of streams whose messages are on the
// disk and not in the cache. Run it once: go test -bench Memory -benchtime 1x -run none
func BenchmarkMemory(b *testing.B) {
	const messages, subjects, streams = 1_000_000, 200_000, 2_000
	var add func(b *testing.B, s *Stream, count, names int)
	create := func(b *testing.B, n *Node, id ID) *Stream {
		s, err := n.CreateStream(id, StreamOptions{})
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	grown := func(b *testing.B, unit string, per int, build func(n *Node) []*Stream) {
		for range b.N {
			n, _, err := Open(vfs.OS, b.TempDir(), Options{CacheBytes: 1, Journal: journal.Options{BatchBytes: 64 << 10}})
			if err != nil {
				b.Fatal(err)
			}
			// What the node needs for its buffers is there before.
			warm := create(b, n, 1<<20)
			add(b, warm, 200_000, 1)
			if err := warm.Delete(); err != nil {
				b.Fatal(err)
			}
			before := memoryInUse()
			list := build(n)
			for _, s := range list {
				if err := s.Checkpoint(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(memoryInUse()-before)/float64(per), unit)
			runtime.KeepAlive(list)
			if err := n.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
	add = func(b *testing.B, s *Stream, count, names int) {
		payload := make([]byte, 100)
		for i := range count {
			m := store.Message{Subject: fmt.Appendf(nil, "orders.%08d", i%names), Payload: payload, Time: int64(i + 1)}
			if err := s.Append(&m, store.Checked); err != nil {
				b.Fatal(err)
			}
			if i%10_000 == 0 {
				s.Commit(nil)
				if !s.WantsCheckpoint() {
					continue
				}
				if err := s.Checkpoint(); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("messages of one subject", func(b *testing.B) {
		grown(b, "B/message", messages, func(n *Node) []*Stream {
			s := create(b, n, 1)
			add(b, s, messages, 1)
			return []*Stream{s}
		})
	})
	b.Run("messages, every third removed", func(b *testing.B) {
		grown(b, "B/message", messages*2/3, func(n *Node) []*Stream {
			s := create(b, n, 1)
			add(b, s, messages, 1)
			for seq := uint64(1); seq <= messages; seq += 3 {
				if _, err := s.Remove(seq); err != nil {
					b.Fatal(err)
				}
				if seq%1000 == 1 {
					s.Commit(nil)
				}
			}
			return []*Stream{s}
		})
	})
	b.Run("subjects of 15 bytes, one message each", func(b *testing.B) {
		grown(b, "B/subject", subjects, func(n *Node) []*Stream {
			s := create(b, n, 1)
			add(b, s, subjects, subjects)
			return []*Stream{s}
		})
	})
	b.Run("streams of one message", func(b *testing.B) {
		grown(b, "B/stream", streams, func(n *Node) (list []*Stream) {
			for i := range streams {
				list = append(list, create(b, n, ID(i+1)))
				add(b, list[i], 1, 1)
			}
			return list
		})
	})
}
