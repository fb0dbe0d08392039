package interest

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// subscription stands for what production stores: a thing with its own strings.
type subscription struct{ subj, queue string }

// vocabulary returns all subjects of up to five tokens out of eight words:
// 37,448 subscriptions.
var vocabulary = sync.OnceValue(func() []*subscription {
	words := []string{"synadia", "nats", "jetstream", "nkeys", "jwt", "deny", "auth", "drain"}
	var all []*subscription
	level := []string{""}
	for range 5 {
		var next []string
		for _, prefix := range level {
			for _, word := range words {
				subj := strings.TrimPrefix(prefix+"."+word, ".")
				next = append(next, subj)
				all = append(all, &subscription{subj: subj})
			}
		}
		level = next
	}
	return all
})

// library is an index with the vocabulary and a few wildcards.
var library = sync.OnceValue(func() *Index[*subscription] {
	x := New[*subscription]()
	w := x.Writer()
	defer w.Release()
	put := func(s *subscription) {
		if err := w.Insert(s.subj, "", 1, s); err != nil {
			panic(err)
		}
	}
	for _, s := range vocabulary() {
		put(s)
	}
	for _, subj := range []string{"cloud.>", "cloud.nats.component.>", "cloud.*.*.nkeys.*"} {
		put(&subscription{subj: subj})
	}
	return x
})

func numbered(n int, format, queue string) []*subscription {
	all := make([]*subscription, n)
	for i := range all {
		all[i] = &subscription{subj: strings.Replace(format, "#", strconv.Itoa(i), 1), queue: queue}
	}
	return all
}

func fill(t testing.TB, x *Index[*subscription], all []*subscription) {
	w := x.Writer()
	defer w.Release()
	for _, s := range all {
		if err := w.Insert(s.subj, s.queue, 1, s); err != nil {
			t.Fatal(err)
		}
	}
}

func heapBytes() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// bytesEach returns what one of the subscriptions costs beyond itself.
func bytesEach(t testing.TB, all []*subscription) float64 {
	x := New[*subscription]()
	before := heapBytes()
	fill(t, x, all)
	after := heapBytes()
	runtime.KeepAlive(x)
	runtime.KeepAlive(all)
	return float64(after-before) / float64(len(all))
}

func TestMemoryForEachSubscription(t *testing.T) {
	for format, limit := range map[string]float64{
		"orders.#":         100, // a slot of the hash map
		"orders.eu.#.new":  100,
		"orders.#.*":       140, // a leaf and a slot of the table of one branch
		"orders.#.items.>": 140,
		"#.orders.*.new.>": 140,
	} {
		got := bytesEach(t, numbered(200_000, format, ""))
		t.Logf("200,000 subscriptions to %s: %.0f bytes each", format, got)
		if got > limit {
			t.Errorf("200,000 subscriptions to %s cost %.0f bytes each, want at most %.0f", format, got, limit)
		}
	}
}

func TestMemoryIsGivenBack(t *testing.T) {
	for _, format := range []string{"orders.#", "orders.#.*"} {
		all := numbered(200_000, format, "")
		x := New[*subscription]()
		before := heapBytes()
		fill(t, x, all)
		full := heapBytes() - before
		w := x.Writer()
		for _, s := range all[1000:] {
			if err := w.Remove(s.subj, s.queue, s); err != nil {
				t.Fatal(err)
			}
		}
		w.Release()
		left := heapBytes() - before
		t.Logf("%s: %d KB full, %d KB with one of 200 left", format, full>>10, left>>10)
		if left > full/10 {
			t.Errorf("%s: %d KB of %d KB are kept for one of 200", format, left>>10, full>>10)
		}
		runtime.KeepAlive(x)
		runtime.KeepAlive(all)
	}
}

func TestMatchingDoesNotAllocate(t *testing.T) {
	x := New[*subscription]()
	fill(t, x, numbered(100, "orders.#", ""))
	fill(t, x, numbered(100, "orders.#.*", ""))
	for _, subj := range []string{"orders.*", "orders.>", "*.7", ">", "orders.7"} {
		fill(t, x, []*subscription{{subj, ""}, {subj, "q"}, {subj, "q"}, {subj, "r"}})
	}
	fill(t, x, numbered(100, "orders.*", "q"))
	var m Matches[*subscription]
	literal, miss, wild := []byte("orders.7"), []byte("invoices.eu.7.a.very.long.subject.that.nobody.has.asked.for"), []byte("orders.7.new")
	allocs := testing.AllocsPerRun(100, func() {
		r := x.Reader()
		for _, subj := range [][]byte{literal, miss, wild} {
			r.Match(subj, &m)
			_ = r.HasInterest(subj)
			_, _ = r.Count(subj)
		}
		r.Release()
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkMemory(b *testing.B) {
	for _, format := range []string{"orders.#", "orders.#.*", "orders.#.items.>"} {
		b.Run(format, func(b *testing.B) {
			all := numbered(200_000, format, "")
			for b.Loop() {
				b.ReportMetric(bytesEach(b, all), "B/sub")
			}
		})
	}
}

// Go: Benchmark______________________SublistInsert server/sublist_test.go:2046
// Go: Benchmark_______________SublistInsertNoCache server/sublist_test.go:2054
func BenchmarkInsert(b *testing.B) {
	all := vocabulary()
	x := New[*subscription]()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i == len(all) {
			x, i = New[*subscription](), 0
		}
		w := x.Writer()
		if err := w.Insert(all[i].subj, "", 1, all[i]); err != nil {
			b.Fatal(err)
		}
		w.Release()
	}
}

// BenchmarkChurn inserts and removes among 200,000 others.
func BenchmarkChurn(b *testing.B) {
	for _, format := range []string{"orders.#", "orders.#.*", "orders.#.items.>"} {
		b.Run(format, func(b *testing.B) {
			all := numbered(200_000, format, "")
			x := New[*subscription]()
			fill(b, x, all)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s := all[i*7919%len(all)]
				w := x.Writer()
				if w.Remove(s.subj, "", s) != nil || w.Insert(s.subj, "", 1, s) != nil {
					b.Fatal("not as expected")
				}
				w.Release()
			}
		})
	}
}

// Go: Benchmark____________SublistMatchSingleToken server/sublist_test.go:2068
// Go: Benchmark______________SublistMatchTwoTokens server/sublist_test.go:2072
// Go: Benchmark____________SublistMatchThreeTokens server/sublist_test.go:2076
// Go: Benchmark_____________SublistMatchFourTokens server/sublist_test.go:2080
// Go: Benchmark_SublistMatchFourTokensSingleResult server/sublist_test.go:2084
// Go: Benchmark_SublistMatchFourTokensMultiResults server/sublist_test.go:2088
// Go: Benchmark_______SublistMissOnLastTokenOfFive server/sublist_test.go:2092
func BenchmarkMatch(b *testing.B) {
	x := library()
	for _, c := range []struct {
		name, subj string
		want       int
	}{
		{"one token", "synadia", 1},
		{"two tokens", "synadia.nats", 1},
		{"three tokens", "synadia.nats.jetstream", 1},
		{"four tokens", "synadia.nats.jetstream.nkeys", 1},
		{"four tokens, two wildcards", "cloud.nats.component.router", 2},
		{"five tokens, three wildcards", "cloud.nats.component.nkeys.x", 3},
		{"miss on the last of five", "synadia.nats.jetstream.nkeys.ZZZZ", 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			subj := []byte(c.subj)
			var m Matches[*subscription]
			r := x.Reader()
			defer r.Release()
			b.ReportAllocs()
			for b.Loop() {
				r.Match(subj, &m)
				if len(m.Plain) != c.want {
					b.Fatalf("%d matches", len(m.Plain))
				}
			}
		})
	}
}

// BenchmarkMatchAmongWildcards matches subjects that go round among 200,000
// patterns.
func BenchmarkMatchAmongWildcards(b *testing.B) {
	for _, format := range []string{"orders.#.*", "orders.#.items.>", "#.>"} {
		b.Run(format, func(b *testing.B) {
			x := New[*subscription]()
			fill(b, x, numbered(200_000, format, ""))
			subjects := make([][]byte, 1<<14)
			for i := range subjects {
				n := strconv.Itoa(rand.IntN(200_000))
				subjects[i] = []byte(strings.NewReplacer("#", n, "*", "new", ">", "new").Replace(format))
			}
			var m Matches[*subscription]
			r := x.Reader()
			defer r.Release()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r.Match(subjects[i%len(subjects)], &m)
				if len(m.Plain) != 1 {
					b.Fatalf("%d matches", len(m.Plain))
				}
			}
		})
	}
}

// BenchmarkMatchQueues matches a subject with groups on several patterns.
func BenchmarkMatchQueues(b *testing.B) {
	x := New[*subscription]()
	for _, subj := range []string{"orders.new", "orders.*"} {
		for _, queue := range []string{"q", "r"} {
			fill(b, x, numbered(4, subj, queue))
		}
	}
	var m Matches[*subscription]
	subj := []byte("orders.new")
	r := x.Reader()
	defer r.Release()
	b.ReportAllocs()
	for b.Loop() {
		r.Match(subj, &m)
		if len(m.Queues) != 2 {
			b.Fatalf("%d groups", len(m.Queues))
		}
	}
}

// Go: Benchmark_____SublistMatch10kSubsWithNoCache server/sublist_test.go:2164
func BenchmarkMatchManyOnOneSubject(b *testing.B) {
	x := New[*subscription]()
	fill(b, x, numbered(512, "foo", ""))
	var m Matches[*subscription]
	r := x.Reader()
	defer r.Release()
	b.ReportAllocs()
	for b.Loop() {
		r.Match([]byte("foo"), &m)
		if len(m.Plain) != 512 {
			b.Fatalf("%d matches", len(m.Plain))
		}
	}
}

// Go: Benchmark____________Sublist10XMultipleReads server/sublist_test.go:2117
// Go: Benchmark___________Sublist100XMultipleReads server/sublist_test.go:2121
// Go: Benchmark__________Sublist1000XMultipleReads server/sublist_test.go:2125
func BenchmarkConcurrentMatch(b *testing.B) {
	x := library()
	for _, readers := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(readers, " readers"), func(b *testing.B) {
			b.SetParallelism((readers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			b.RunParallel(func(pb *testing.PB) {
				var m Matches[*subscription]
				for pb.Next() {
					r := x.Reader()
					r.Match([]byte("synadia.nats.jetstream.nkeys"), &m)
					r.Release()
				}
			})
		})
	}
}

// Go: Benchmark__________SublistRemove1TokenSingle server/sublist_test.go:2207
// Go: Benchmark___________SublistRemove1TokenBatch server/sublist_test.go:2211
// Go: Benchmark_________SublistRemove2TokensSingle server/sublist_test.go:2215
// Go: Benchmark__________SublistRemove2TokensBatch server/sublist_test.go:2219
// Go: Benchmark________SublistRemove1TokenQGSingle server/sublist_test.go:2223
// Go: Benchmark_________SublistRemove1TokenQGBatch server/sublist_test.go:2227
func BenchmarkRemove(b *testing.B) {
	const n = 10_000
	for _, c := range []struct{ name, format, queue string }{
		{"one subject", "foo", ""},
		{"own subjects", "foo.#", ""},
		{"one subject with queue", "foo", "bar"},
	} {
		all := numbered(n, c.format, c.queue)
		for _, run := range []int{1, n} {
			b.Run(fmt.Sprint(c.name, "/", run, " per lock"), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					x := New[*subscription]()
					fill(b, x, all)
					b.StartTimer()
					removeInRuns(b, x, all, run)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/removal")
			})
		}
	}
}

func removeInRuns(b *testing.B, x *Index[*subscription], all []*subscription, run int) {
	for len(all) > 0 {
		w := x.Writer()
		for _, s := range all[:run] {
			if err := w.Remove(s.subj, s.queue, s); err != nil {
				b.Error(err)
			}
		}
		w.Release()
		all = all[run:]
	}
}

// Go: Benchmark_________SublistRemove1kSingleMulti server/sublist_test.go:2275
// Go: Benchmark__________SublistRemove1kBatchMulti server/sublist_test.go:2280
// Go: Benchmark__SublistRemove1kSingle2TokensMulti server/sublist_test.go:2284
// Go: Benchmark___SublistRemove1kBatch2TokensMulti server/sublist_test.go:2289
func BenchmarkConcurrentRemove(b *testing.B) {
	const removers, n = 8, 1000
	for _, format := range []string{"foo", "foo.#"} {
		for _, run := range []int{1, n} {
			b.Run(fmt.Sprint(format, "/", run, " per lock"), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					x := New[*subscription]()
					own := make([][]*subscription, removers)
					for i := range own {
						own[i] = numbered(n, format, "")
						fill(b, x, own[i])
					}
					b.StartTimer()
					var wg sync.WaitGroup
					for _, all := range own {
						wg.Go(func() { removeInRuns(b, x, all, run) })
					}
					wg.Wait()
				}
			})
		}
	}
}

// Go: Benchmark____SublistCacheContention10M10A10R server/sublist_test.go:2395
// Go: Benchmark_SublistCacheContention100M100A100R server/sublist_test.go:2399
// Go: Benchmark____SublistCacheContention1kM1kA1kR server/sublist_test.go:2403
// Go: Benchmark_SublistCacheContention10kM10kA10kR server/sublist_test.go:2407
func BenchmarkContention(b *testing.B) {
	for _, each := range []int{10, 100, 1024, 10 * 1024} {
		b.Run(fmt.Sprintf("%d matchers, adders and removers", each), func(b *testing.B) {
			x := New[*subscription]()
			all := numbered(10_000, "foo.bar.baz.#", "")
			fill(b, x, all)
			var stop atomic.Bool
			var next atomic.Int64
			var changers sync.WaitGroup
			for range each {
				changers.Go(func() {
					for !stop.Load() {
						s := &subscription{subj: fmt.Sprint("foo.bar.baz.", 10_000+next.Add(1)%100_000)}
						w := x.Writer()
						_ = w.Insert(s.subj, "", 1, s)
						w.Release()
					}
				})
				changers.Go(func() {
					for !stop.Load() {
						s := all[rand.IntN(len(all))]
						w := x.Writer()
						_ = w.Remove(s.subj, "", s) // most are gone already
						w.Release()
					}
				})
			}
			b.SetParallelism((each + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			b.RunParallel(func(pb *testing.PB) {
				var m Matches[*subscription]
				var subj []byte
				for pb.Next() {
					subj = strconv.AppendInt(append(subj[:0], "foo.bar.baz."...), rand.Int64N(1<<40), 36)
					r := x.Reader()
					r.Match(subj, &m)
					r.Release()
				}
			})
			b.StopTimer()
			stop.Store(true)
			changers.Wait()
		})
	}
}
