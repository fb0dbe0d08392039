package chunked

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

// TestCaptureStays: until it is settled, what was captured of a chunk stays as it is,
// whatever happens to its messages; and it does not count as the chunk if they have
// changed.
func TestCaptureStays(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		k := &shelf{records: map[*Chunk][]byte{}}
		s, err := NewKept(store.Options{}, k, 2000)
		if err != nil {
			t.Fatal(err)
		}
		add := func(count int) {
			for range count {
				put(t, s, []byte("foo"), bytes.Repeat([]byte{byte(1 + random.IntN(255))}, 100))
			}
		}
		add(1 + random.IntN(40))
		for range 5 {
			type captured struct {
				chunk   *Chunk
				capture Capture
				copied  []byte
			}
			var all []captured
			s.Chunks(func(c *Chunk) bool {
				got := c.Capture()
				all = append(all, captured{c, got, bytes.Clone(got.Records)})
				return true
			})
			for range 1 + random.IntN(4) {
				state := s.State()
				seq := state.FirstSequence + random.Uint64N(state.LastSequence-state.FirstSequence+1)
				switch random.IntN(4) {
				case 0:
					add(1 + random.IntN(10))
				case 1:
					_, err = s.Erase(seq)
				case 2:
					_, err = s.Truncate(max(seq, 1))
				default:
					_, err = s.Remove(seq)
				}
				if err != nil {
					t.Fatal(seed, err)
				}
				if s.messages == 0 {
					add(1)
				}
			}
			for _, c := range all {
				if !bytes.Equal(c.capture.Records, c.copied) {
					t.Fatalf("seed %d: a captured chunk has changed", seed)
				}
				if c.capture.Records == nil {
					continue
				}
				now := c.chunk.arena
				if c.chunk.Settle(c.capture) {
					if !bytes.Equal(now, c.copied) {
						t.Fatalf("seed %d: a chunk counts as kept that has changed", seed)
					}
					k.records[c.chunk] = c.copied
				}
			}
		}
	}
}
