package chunked

import (
	"fmt"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

func newBench(b *testing.B, l store.Limits) *Stream {
	s, err := New(store.Options{Limits: l})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	return s
}

func put(b testing.TB, s *Stream, subject, payload []byte) {
	m := store.Message{Subject: subject, Payload: payload, Time: int64(s.last)}
	if err := s.Append(&m, store.Checked); err != nil {
		b.Fatal(err)
	}
}

func remove(t testing.TB, s *Stream, seq uint64) {
	t.Helper()
	if ok, err := s.take(seq, false); !ok || err != nil {
		t.Fatal(seq, ok, err)
	}
}

func names(format string, n int) (list [][]byte) {
	for i := range n {
		list = append(list, fmt.Appendf(nil, format, i))
	}
	return list
}

// BenchmarkAppend is the way of one published message, with what limits remove.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name     string
		subjects int
		payload  int
		limits   store.Limits
	}{
		{"1 subject 128 B", 1, 128, store.Limits{MaxMessages: 1_000_000}},
		{"1 subject 4 KB", 1, 4096, store.Limits{MaxMessages: 10_000}},
		{"100k subjects, 1 each", 100_000, 128, store.Limits{MaxPerSubject: 1}},
		{"100k subjects, 10 each", 100_000, 16, store.Limits{MaxPerSubject: 10}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newBench(b, c.limits)
			subjects, payload := names("foo.%d", c.subjects), make([]byte, c.payload)
			i := 0
			for b.Loop() {
				put(b, s, subjects[i*7919%len(subjects)], payload)
				i++
			}
		})
	}
}

// BenchmarkEach is the way of messages to a consumer without a filter.
func BenchmarkEach(b *testing.B) {
	s := newBench(b, store.Limits{})
	for range 100_000 {
		put(b, s, []byte("foo"), make([]byte, 128))
	}
	n := 0
	for b.Loop() {
		if err := s.Each(nil, 0, func(m *store.Message) bool { n += len(m.Payload); return true }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/message")
}

// BenchmarkRemove acknowledges in an order that is not that of the stream.
func BenchmarkRemove(b *testing.B) {
	s := newBench(b, store.Limits{})
	i := uint64(0)
	for b.Loop() {
		put(b, s, []byte("foo"), make([]byte, 128))
		if i++; i > 1000 {
			if _, err := s.Remove(i - i*37%1000); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkPendingOverHoles counts from inside a million sequences without messages.
//
// Go: Benchmark_MemStoreNumPendingWithLargeInteriorDeletesScan server/memstore_test.go:1599
// Go: Benchmark_MemStoreNumPendingWithLargeInteriorDeletesExclude server/memstore_test.go:1627
func BenchmarkPendingOverHoles(b *testing.B) {
	for _, start := range []uint64{400_000, 600_000} {
		b.Run(fmt.Sprint(start), func(b *testing.B) {
			s := newBench(b, store.Limits{})
			put(b, s, []byte("foo.bar.baz"), []byte("abc"))
			for range 1_000_000 {
				if err := s.Skip(0, 1, 1); err != nil {
					b.Fatal(err)
				}
			}
			put(b, s, []byte("foo.bar.baz"), []byte("abc"))
			f, err := store.NewFilter("foo.*.baz")
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if n, _, err := s.Pending(f, start, false); n != 1 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkReplaceInTurn stores rounds of 40,000 subjects of one message each, every
// other round in the opposite order. One operation is one message.
//
// Go: Benchmark_MemStoreSubjectStateConsistencyOptimizationPerf server/memstore_test.go:1655
func BenchmarkReplaceInTurn(b *testing.B) {
	const n = 40_000
	s := newBench(b, store.Limits{MaxPerSubject: 1})
	subjects := names("foo.%d", n)
	i := 0
	for b.Loop() {
		at := i % n
		if i/n%2 == 0 {
			at = n - at - 1
		}
		put(b, s, subjects[at], nil)
		i++
	}
}

// BenchmarkNextFiltered reads all messages that a filter selects, few in a stream of
// many, one by one to the end.
//
// Go: Benchmark_MemStoreLoadNextMsgFiltered server/memstore_test.go:1686
func BenchmarkNextFiltered(b *testing.B) {
	const messages = 2_000_000
	for _, c := range []struct {
		name, filter string
		every        int
		subject      func(i int) string
	}{
		{"wildcard, many subjects", "foo.baz.*", 2_000, func(i int) string { return fmt.Sprintf("foo.baz.%d", i) }},
		{"wildcard, few subjects", "foo.baz.*", 20_000, func(i int) string { return fmt.Sprintf("foo.baz.%d", i) }},
		{"literal", "foo.baz", 20_000, func(int) string { return "foo.baz" }},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newBench(b, store.Limits{})
			for i := range messages {
				subject := "foo.bar"
				if i%c.every == 0 {
					subject = c.subject(i)
				}
				put(b, s, []byte(subject), []byte("ok"))
			}
			f, err := store.NewFilter(c.filter)
			if err != nil {
				b.Fatal(err)
			}
			var m store.Message
			for b.Loop() {
				n, start := 0, uint64(0)
				for {
					seq, err := s.Next(f, start, &m)
					if err == store.ErrEOF {
						break
					}
					n, start = n+1, seq+1
				}
				if n != messages/c.every {
					b.Fatal(n)
				}
			}
		})
	}
}

// BenchmarkLastSequences asks for the newest messages of subjects that lie one behind
// the other over the whole stream.
//
// Go: Benchmark_StoreMultiLastSeqsManyBlocks server/store_test.go:1484
func BenchmarkLastSequences(b *testing.B) {
	const subjects, each = 1000, 100
	s := newBench(b, store.Limits{})
	all := names("foo.%d", subjects)
	var sparse []string
	for i, subject := range all {
		for range each {
			put(b, s, subject, []byte("ok"))
		}
		if i%100 == 0 {
			sparse = append(sparse, string(subject))
		}
	}
	for _, c := range []struct {
		name     string
		patterns []string
		upTo     uint64
		expected int
	}{
		{"all, whole stream", []string{">"}, 0, subjects},
		{"all, bounded", []string{">"}, subjects*each - 1, subjects},
		{"sparse, whole stream", sparse, 0, 10},
		{"sparse, bounded", sparse, subjects*each - 1, 10},
	} {
		b.Run(c.name, func(b *testing.B) {
			f, err := store.NewFilter(c.patterns...)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if list, err := s.LastSequences(f, c.upTo, 0); len(list) != c.expected || err != nil {
					b.Fatal(len(list), err)
				}
			}
		})
	}
}
