package ds_test

import (
	"math"
	"testing"
	"time"

	reference "github.com/nats-io/nats-server/v2/server/thw"

	"github.com/godwit-mq/godwit/internal/ds/thw"
)

// A wheelShape says when the entry of each sequence is due.
type wheelShape struct {
	name string
	n    int
	due  func(seq int) int64
}

var noon = time.Now().Add(-2 * time.Hour).UnixNano()

var wheelShapes = []wheelShape{
	{"hour/1k", 1_000, func(seq int) int64 { return noon + int64(seq%3600)*int64(time.Second) }},
	{"hour/1M", 1_000_000, func(seq int) int64 { return noon + int64(seq%3600)*int64(time.Second) }},
	{"rate10k/1M", 1_000_000, func(seq int) int64 { return noon + int64(seq)*100_000 }},
	{"slot/100k", 100_000, func(int) int64 { return noon }},
}

func ourWheel(shape wheelShape) *thw.Wheel {
	w := &thw.Wheel{}
	for seq := range shape.n {
		w.Add(uint64(seq), shape.due(seq))
	}
	return w
}

func referenceWheel(b testing.TB, shape wheelShape) *reference.HashWheel {
	w := reference.NewHashWheel()
	for seq := range shape.n {
		if err := w.Add(uint64(seq), shape.due(seq)); err != nil {
			b.Fatal(err)
		}
	}
	return w
}

func eachWheelShape(b *testing.B, run func(b *testing.B, shape wheelShape)) {
	for _, shape := range wheelShapes {
		b.Run(shape.name, func(b *testing.B) { run(b, shape) })
	}
}

func BenchmarkWheelAdd(b *testing.B) {
	eachWheelShape(b, func(b *testing.B, shape wheelShape) {
		b.Run("godwit", func(b *testing.B) {
			for b.Loop() {
				ourWheel(shape)
			}
			perEntry(b, shape.n)
			b.ReportMetric(heap(func() any { return ourWheel(shape) })/float64(shape.n), "bytes/entry")
		})
		b.Run("reference", func(b *testing.B) {
			for b.Loop() {
				referenceWheel(b, shape)
			}
			perEntry(b, shape.n)
			b.ReportMetric(heap(func() any { return referenceWheel(b, shape) })/float64(shape.n), "bytes/entry")
		})
	})
}

// Each entry moves by two seconds and back.
func BenchmarkWheelUpdate(b *testing.B) {
	const away = 2 * int64(time.Second)
	eachWheelShape(b, func(b *testing.B, shape wheelShape) {
		run := func(b *testing.B, update func(seq uint64, from, to int64) error) {
			for b.Loop() {
				for seq := range shape.n {
					if err := update(uint64(seq), shape.due(seq), shape.due(seq)+away); err != nil {
						b.Fatal(err)
					}
				}
				for seq := range shape.n {
					if err := update(uint64(seq), shape.due(seq)+away, shape.due(seq)); err != nil {
						b.Fatal(err)
					}
				}
			}
			perEntry(b, 2*shape.n)
		}
		b.Run("godwit", func(b *testing.B) { run(b, ourWheel(shape).Update) })
		b.Run("reference", func(b *testing.B) { run(b, referenceWheel(b, shape).Update) })
	})
}

func BenchmarkWheelExpire(b *testing.B) {
	eachWheelShape(b, func(b *testing.B, shape wheelShape) {
		goes := func(uint64, int64) bool { return true }
		b.Run("godwit", func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				w := ourWheel(shape)
				b.StartTimer()
				w.Expire(time.Now().UnixNano(), goes)
			}
			perEntry(b, shape.n)
		})
		b.Run("reference", func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				w := referenceWheel(b, shape)
				b.StartTimer()
				w.ExpireTasks(goes)
			}
			perEntry(b, shape.n)
		})
	})
}

// Sequences are removed in their order, and Next is asked after each.
func BenchmarkWheelRemoveAndNext(b *testing.B) {
	eachWheelShape(b, func(b *testing.B, shape wheelShape) {
		b.Run("godwit", func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				w := ourWheel(shape)
				b.StartTimer()
				for seq := range shape.n {
					if w.Remove(uint64(seq), shape.due(seq)) != nil || w.Next(math.MaxInt64) == 0 {
						b.Fatal("missing")
					}
				}
			}
			perEntry(b, shape.n)
		})
		b.Run("reference", func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				w := referenceWheel(b, shape)
				b.StartTimer()
				for seq := range shape.n {
					if w.Remove(uint64(seq), shape.due(seq)) != nil || w.GetNextExpiration(math.MaxInt64) == 0 {
						b.Fatal("missing")
					}
				}
			}
			perEntry(b, shape.n)
		})
	})
}

func BenchmarkWheelEncode(b *testing.B) {
	eachWheelShape(b, func(b *testing.B, shape wheelShape) {
		b.Run("godwit", func(b *testing.B) {
			w := ourWheel(shape)
			for b.Loop() {
				w.Append(nil, 1)
			}
			perEntry(b, shape.n)
		})
		b.Run("reference", func(b *testing.B) {
			w := referenceWheel(b, shape)
			for b.Loop() {
				w.Encode(1)
			}
			perEntry(b, shape.n)
		})
	})
}

func BenchmarkWheelDecode(b *testing.B) {
	eachWheelShape(b, func(b *testing.B, shape wheelShape) {
		encoded := ourWheel(shape).Append(nil, 1)
		b.Run("godwit", func(b *testing.B) {
			for b.Loop() {
				if _, _, err := thw.Decode(encoded); err != nil {
					b.Fatal(err)
				}
			}
			perEntry(b, shape.n)
		})
		b.Run("reference", func(b *testing.B) {
			for b.Loop() {
				if _, err := reference.NewHashWheel().Decode(encoded); err != nil {
					b.Fatal(err)
				}
			}
			perEntry(b, shape.n)
		})
	})
}

// What one of both encodes, the other decodes to the same entries.
func TestWheelsReadEachOther(t *testing.T) {
	for _, shape := range wheelShapes {
		ours, stamp, err := thw.Decode(referenceWheel(t, shape).Encode(77))
		if err != nil || stamp != 77 || ours.Len() != shape.n {
			t.Fatalf("%s: godwit reads %d entries: %v", shape.name, ours.Len(), err)
		}
		theirs := reference.NewHashWheel()
		if _, err := theirs.Decode(ourWheel(shape).Append(nil, 77)); err != nil || theirs.Count() != uint64(shape.n) {
			t.Fatalf("%s: the reference reads %d entries: %v", shape.name, theirs.Count(), err)
		}
		for seq := range shape.n {
			if ours.Remove(uint64(seq), shape.due(seq)) != nil || theirs.Remove(uint64(seq), shape.due(seq)) != nil {
				t.Fatalf("%s: %d is missing", shape.name, seq)
			}
		}
	}
}
