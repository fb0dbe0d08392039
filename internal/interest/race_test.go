package interest

import (
	"fmt"
	"sync"
	"testing"
)

// owned is a value that knows under what it was inserted, so that readers can
// tell a wrong result.
type owned struct{ subj, queue string }

func (o *owned) in(t testing.TB, w Writer[*owned]) {
	if err := w.Insert(o.subj, o.queue, 1, o); err != nil {
		t.Errorf("Insert: %v", err)
	}
}

func (o *owned) out(t testing.TB, w Writer[*owned]) {
	if err := w.Remove(o.subj, o.queue, o); err != nil {
		t.Errorf("Remove: %v", err)
	}
}

// checkOwned fails if a result holds something of another queue or subject. It
// reads only what the caller owns, with or without the lock.
func checkOwned(t testing.TB, m *Matches[*owned], subjects ...string) {
	check := func(o *owned, queue string) {
		for _, subj := range subjects {
			if o.subj == subj && o.queue == queue {
				return
			}
		}
		t.Errorf("%+v among the members of %q", *o, queue)
	}
	for _, o := range m.Plain {
		check(o, "")
	}
	for _, q := range m.Queues {
		for _, member := range q.Members {
			check(member.Value, q.Name)
		}
	}
}

func hundred(subj, queue string) map[int]*owned { // a map, for its random order
	all := map[int]*owned{}
	for i := range 100 {
		all[i] = &owned{subj, queue}
	}
	return all
}

// Go: TestSublistRaceOnRemove server/sublist_test.go:839
// Go: TestSublistRaceOnRemoveNoCache server/sublist_test.go:843
func TestResultStaysReadableDuringRemoval(t *testing.T) {
	for _, queue := range []string{"bar", ""} {
		x := New[*owned]()
		all := hundred("foo", queue)
		for range 2 {
			for _, o := range all {
				insert(t, x, o.subj, o.queue, 1, o)
			}
			var m Matches[*owned]
			r := x.Reader()
			r.Match([]byte("foo"), &m)
			r.Release()
			var wg sync.WaitGroup
			wg.Go(func() {
				for _, o := range all {
					w := x.Writer()
					o.out(t, w)
					w.Release()
				}
			})
			checkOwned(t, &m, "foo")
			wg.Wait()
			if got := len(texts(&m)); got != 100 {
				t.Fatalf("the result shrank to %d", got)
			}
			expectNothingLeft(t, x)
		}
	}
}

// Go: TestSublistRaceOnInsert server/sublist_test.go:920
// Go: TestSublistRaceOnInsertNoCache server/sublist_test.go:924
func TestMatchDuringInsertion(t *testing.T) {
	for _, queue := range []string{"bar", ""} {
		x := New[*owned]()
		all := hundred("foo", queue)
		var wg sync.WaitGroup
		wg.Go(func() {
			for _, o := range all {
				w := x.Writer()
				o.in(t, w)
				w.Release()
			}
		})
		var m Matches[*owned]
		for range 1000 {
			r := x.Reader()
			r.Match([]byte("foo"), &m)
			r.Release()
			checkOwned(t, &m, "foo")
		}
		wg.Wait()
		expectSubs(t, x, 100)
	}
}

// Go: TestSublistRaceOnMatch server/sublist_test.go:980
func TestConcurrentMatches(t *testing.T) {
	x := New[*owned]()
	for _, o := range []*owned{{"foo.*", "workers"}, {"foo.bar", "workers"}, {"foo.*", ""}, {"foo.bar", ""}} {
		insert(t, x, o.subj, o.queue, 1, o)
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			var m Matches[*owned]
			for range 100 {
				r := x.Reader()
				r.Match([]byte("foo.bar"), &m)
				r.Release()
				checkOwned(t, &m, "foo.*", "foo.bar")
				if len(m.Plain) != 2 || len(m.Queues) != 1 || len(m.Queues[0].Members) != 2 {
					t.Errorf("matches %+v", m)
				}
			}
		})
	}
	wg.Wait()
}

// TestReadersAndWriters lets writers come and go in literals, branches and long
// lists while readers check that what never leaves is always found, and that
// a generation stands for one result.
func TestReadersAndWriters(t *testing.T) {
	x := New[*owned]()
	stay := []*owned{{"foo.bar", ""}, {"foo.*", ""}, {"foo.>", "q"}}
	for _, o := range stay {
		insert(t, x, o.subj, o.queue, 1, o)
	}
	told := make(chan bool, 1)
	if err := x.Register("foo.bar", "coming", told); err != nil {
		t.Fatal(err)
	}
	var writers, readers sync.WaitGroup
	for writer := range 3 {
		writers.Go(func() {
			come := []*owned{{"foo.bar", "coming"}, {"foo.bar", ""}, {"foo.*", ""}, {"*.bar", "q"}, {">", ""}, {"foo.*.*", ""}}
			for i := range 100 {
				come = append(come, &owned{fmt.Sprint("foo.", writer, ".", i, ".>"), ""})
			}
			for range 5 {
				w := x.Writer()
				for _, o := range come {
					o.in(t, w)
				}
				w.Release()
				for _, o := range come {
					w := x.Writer()
					o.out(t, w)
					w.Release()
				}
			}
		})
	}
	done := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			var m, again Matches[*owned]
			for {
				select {
				case <-done:
					return
				default:
				}
				r := x.Reader()
				generation := r.Generation()
				r.Match([]byte("foo.bar"), &m)
				plain, queued := r.Count([]byte("foo.bar"))
				r.Match([]byte("foo.bar"), &again)
				same := generation == r.Generation() && len(m.Plain) == len(again.Plain) && len(m.Queues) == len(again.Queues)
				overlaps := 0
				r.Overlapping("foo.*", func(Entry[*owned]) bool { overlaps++; return true })
				r.Release()
				_ = x.Stats()
				if !same || plain != len(m.Plain) || plain < 2 || queued < 1 || overlaps < plain+queued {
					t.Errorf("plain %d, queued %d, overlapping %d, matches %+v", plain, queued, overlaps, m)
				}
				checkOwned(t, &m, "foo.bar", "foo.*", "foo.>", "*.bar", ">")
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	expectSubs(t, x, uint64(len(stay)))
	for _, o := range stay {
		remove(t, x, o.subj, o.queue, o)
	}
	expectNothingLeft(t, x)
}
