package thw

import "testing"

// hour spreads the entries of a benchmark over an hour.
func hour(i int) int64 { return in(int64(i % 3600)) }

// Go: BenchmarkHashWheel_Add server/thw/thw_test.go:288
// Go: BenchmarkHashWheel_Add_Memory server/thw/thw_test.go:351
func BenchmarkAdd(b *testing.B) {
	b.ReportAllocs()
	w := &Wheel{}
	for i := 0; b.Loop(); i++ {
		w.Add(uint64(i), hour(i))
	}
}

// Go: BenchmarkHashWheel_Add_SameSlot server/thw/thw_test.go:304
func BenchmarkAddSameSlot(b *testing.B) {
	w := &Wheel{}
	for i := 0; b.Loop(); i++ {
		w.Add(uint64(i), start)
	}
}

func benchmarkUpdate(b *testing.B, old func(i int) int64, due int64) {
	w := &Wheel{}
	for i := range b.N {
		w.Add(uint64(i), old(i))
	}
	b.ResetTimer()
	for i := range b.N {
		if err := w.Update(uint64(i), old(i), due); err != nil {
			b.Fatal(err)
		}
	}
}

// Go: BenchmarkHashWheel_Update server/thw/thw_test.go:314
func BenchmarkUpdate(b *testing.B) { benchmarkUpdate(b, hour, in(7200)) }

// Go: BenchmarkHashWheel_Update_SameSlot server/thw/thw_test.go:333
func BenchmarkUpdateSameSlot(b *testing.B) {
	benchmarkUpdate(b, func(int) int64 { return in(1) }, in(2))
}

// Go: BenchmarkHashWheel_LargeScale server/thw/thw_test.go:368
func BenchmarkAddToLarge(b *testing.B) {
	w := &Wheel{}
	for i := range 100_000 {
		w.Add(uint64(i), hour(i))
	}
	for i := 100_000; b.Loop(); i++ {
		w.Add(uint64(i), hour(i))
	}
}

func BenchmarkExpire(b *testing.B) {
	w := &Wheel{}
	for i := range b.N {
		w.Add(uint64(i), hour(i))
	}
	b.ResetTimer()
	w.Expire(in(3600), func(uint64, int64) bool { return true })
	if w.Len() > 0 {
		b.Fatalf("%d entries are left", w.Len())
	}
}

// The callback removes the entry itself, as a store does that removes a message.
func BenchmarkExpireByRemove(b *testing.B) {
	w := &Wheel{}
	for i := range b.N {
		w.Add(uint64(i), start)
	}
	b.ResetTimer()
	w.Expire(start, func(seq uint64, due int64) bool { return w.Remove(seq, due) == nil })
	if w.Len() > 0 {
		b.Fatalf("%d entries are left", w.Len())
	}
}

func BenchmarkDecode(b *testing.B) {
	w := &Wheel{}
	for i := range 100_000 {
		w.Add(uint64(i), start)
	}
	encoded := w.Append(nil, 0)
	b.SetBytes(int64(len(encoded)))
	for b.Loop() {
		if _, _, err := Decode(encoded); err != nil {
			b.Fatal(err)
		}
	}
}
