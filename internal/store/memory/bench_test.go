package memory

import (
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

// BenchmarkConsumer delivers and acknowledges with a thousand outstanding.
func BenchmarkConsumer(b *testing.B) {
	c := NewConsumer(store.Rules{Ack: store.AckExplicit})
	b.ReportAllocs()
	i := uint64(0)
	for b.Loop() {
		i++
		p := store.Pair{Consumer: i, Stream: i}
		if err := c.Deliver(store.Delivery{Pair: p, Count: 1, Time: int64(i)}); err != nil {
			b.Fatal(err)
		}
		if i > 1000 {
			seq := i - 1000
			if err := c.Ack(store.Pair{Consumer: seq, Stream: seq}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
