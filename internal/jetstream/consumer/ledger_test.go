package consumer_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
)

// Go: TestJetStreamNextReqFromMsg server/jetstream_test.go:437
func TestExpiresOfRequestIsNanoseconds(t *testing.T) {
	r, _, err := consumer.ParseRequest([]byte(`{"expires":5000000000}`))
	if err != nil || r.Expires != 5*time.Second {
		t.Fatal(r.Expires, err)
	}
	w := newStream(t, limits)
	w.create(explicit())
	w.pull("inbox", `{"expires":5000000000}`)
	if at := w.consumer.Deadline(); at != start+5*second {
		t.Fatalf("ends at %d", at)
	}
}

// pullWithPriority opens a request whose name begins with its priority.
func (w *world) pullWithPriority(name string, batch int) {
	w.t.Helper()
	priority, err := strconv.Atoi(strings.TrimRight(name, "abcdefghijklmnopqrstuvwxyz"))
	w.check(err)
	w.pull(name, fmt.Sprintf(`{"batch":%d,"group":"A","priority":%d}`, batch, priority))
}

// takers are the requesters of the deliveries since the last time.
func (w *world) takers() []string {
	var names []string
	for _, e := range w.consumer.Effects() {
		if e.Kind == consumer.Deliver {
			names = append(names, e.To)
		}
	}
	return names
}

// Go: TestSortingConsumerPullRequests server/jetstream_consumer_test.go:10490
func TestRequestsAreSortedByPriorityAndThenByAge(t *testing.T) {
	for _, test := range []struct{ requests, want []string }{
		{[]string{"1a", "2a", "1b", "3a"}, []string{"1a", "1b", "2a", "3a"}},
		{[]string{"1a", "2a", "1b", "2b", "1c", "3a", "2c"}, []string{"1a", "1b", "1c", "2a", "2b", "2c", "3a"}},
	} {
		w := newStream(t, limits)
		w.create(grouped(api.PriorityPrioritized))
		for _, name := range test.requests {
			w.pullWithPriority(name, 1)
		}
		if n := w.consumer.Info(w.now).NumWaiting; n != len(test.want) {
			t.Fatalf("%d requests wait", n)
		}
		for range test.want {
			w.publish("a")
		}
		w.run()
		if got := w.takers(); !slices.Equal(got, test.want) {
			t.Errorf("served %v, want %v", got, test.want)
		}
	}
}

// Go: TestWaitQueuePopAndRequeue server/jetstream_consumer_test.go:10568
func TestRequestsOfOnePriorityTakeTurns(t *testing.T) {
	one := func(w *world, waiting int, want string) {
		t.Helper()
		w.publish("a")
		w.run()
		if got := w.takers(); len(got) != 1 || got[0] != want {
			t.Fatalf("served %v, want %s", got, want)
		}
		if n := w.consumer.Info(w.now).NumWaiting; n != waiting {
			t.Fatalf("%d requests wait after %s, want %d", n, want, waiting)
		}
	}
	t.Run("batches", func(t *testing.T) {
		w := newStream(t, limits)
		w.create(grouped(api.PriorityPrioritized))
		names := []string{"1a", "1b", "1c", "2a", "2b", "2c", "3a", "3b", "3c"}
		for _, name := range names {
			w.pullWithPriority(name, 3)
		}
		waiting := len(names)
		for priority := 1; priority <= 3; priority++ {
			for turn := 1; turn <= 3; turn++ {
				for _, letter := range "abc" {
					if turn == 3 {
						waiting--
					}
					one(w, waiting, fmt.Sprintf("%d%c", priority, letter))
				}
			}
		}
	})
	t.Run("removal of who has all", func(t *testing.T) {
		w := newStream(t, limits)
		w.create(grouped(api.PriorityPrioritized))
		w.pullWithPriority("1a", 2)
		w.pullWithPriority("1b", 1)
		w.pullWithPriority("2a", 3)
		one(w, 3, "1a")
		one(w, 2, "1b")
		one(w, 1, "1a")
		one(w, 1, "2a")
	})
	t.Run("one alone", func(t *testing.T) {
		w := newStream(t, limits)
		w.create(grouped(api.PriorityPrioritized))
		w.pullWithPriority("1a", 2)
		one(w, 1, "1a")
		one(w, 0, "1a")
		w.publish("a")
		w.run()
		if got := w.takers(); len(got) != 0 {
			t.Fatal(got)
		}
	})
}

// manyFilters are patterns of five tokens that begin with foo.bar: some literal, the
// others with a wildcard in one place.
func manyFilters(n int) []string {
	var filters []string
	for i := 0; len(filters) < n; i++ {
		tokens := []string{"foo", "bar", fmt.Sprintf("id%d", i), "xyz", "abcdef"}
		filters = append(filters, strings.Join(tokens, "."))
		for k := range tokens {
			pattern := slices.Clone(tokens)
			pattern[k] = "*"
			filters = append(filters, strings.Join(pattern, "."))
		}
	}
	return filters[:n]
}

// Go: TestJetStreamConsumerIsFilteredMatch server/jetstream_consumer_test.go:857
func TestFiltersMatchSubjects(t *testing.T) {
	for _, test := range []struct {
		name    string
		filters []string
		subject string
		want    bool
	}{
		{"no filter", nil, "foo.bar", true},
		{"literal", []string{"foo.baz", "foo.bar"}, "foo.bar", true},
		{"other literal", []string{"foo.baz", "foo.bar"}, "foo.ban", false},
		{"rest, second filter", []string{"bar.>", "foo.>"}, "foo.bar", true},
		{"rest, first filter", []string{"bar.>", "foo.>"}, "bar.foo", true},
		{"rest, neither", []string{"bar.>", "foo.>"}, "baz.foo", false},
		{"token, second filter", []string{"bar.*", "foo.*"}, "foo.bar", true},
		{"token, first filter", []string{"bar.*", "foo.*"}, "bar.foo", true},
		{"token, neither", []string{"bar.*", "foo.*"}, "baz.foo", false},
		{"token inside", []string{"foo.*.x", "foo.*.y"}, "foo.bar.x", true},
		{"token inside, third filter", []string{"foo.*.x", "foo.*.y", "foo.*.z"}, "foo.bar.z", true},
		{"many, none", manyFilters(100), "foo.bar.do.not.match.any.filter.subject", false},
		{"many, by a token", manyFilters(100), "foo.bar.12345.xyz.abcdef", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newStream(t, limits)
			config := explicit()
			config.FilterSubjects = test.filters
			w.create(config)
			if got := w.consumer.Matches([]byte(test.subject)); got != test.want {
				t.Fatalf("matches: %v", got)
			}
			w.publish(test.subject)
			if got := len(w.received()) == 1; got != test.want {
				t.Fatalf("delivered: %v", got)
			}
		})
	}
}
