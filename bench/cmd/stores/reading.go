package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/godwit-mq/godwit/internal/store"
)

// filled is a stream of godwit's with n messages of 128 bytes on so many subjects.
func filled(e *engine, n, subjects int) *owned {
	s := e.create(1, store.Limits{})
	names, payload := subjectsOf(subjects), make([]byte, 128)
	batch := make([]store.Message, 0, 500)
	w := make(window, 10_000)
	for i := 0; i < n; {
		batch = batch[:0]
		for ; len(batch) < cap(batch) && i < n; i++ {
			batch = append(batch, store.Message{Subject: []byte(names[i%subjects]), Payload: payload, Time: time.Now().UnixNano()})
		}
		w.take(len(batch))
		s.append(batch, w.done(len(batch)))
	}
	w.drain()
	return s
}

func filledReference(r *reference, n, subjects int) server.StreamStore {
	s := r.create(jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}})
	names, payload := subjectsOf(subjects), make([]byte, 128)
	for i := range n {
		_, _, err := s.StoreMsg(names[i%subjects], nil, payload, 0)
		check(err)
	}
	return s
}

// readGodwit reads a stream from end to end, after a restart and again.
func readGodwit(r run) []figure {
	n := r.n(2_000_000)
	e := openEngine(r.dir)
	e.stop(filled(e, n, 1))
	e = openEngine(r.dir)
	s := e.load(1, store.Limits{})
	check(e.node.Recover())
	var figures []figure
	for _, name := range []string{"first", "again"} {
		begin, count := time.Now(), 0
		var m store.Message
		for seq := uint64(0); ; {
			got, err := s.Next(nil, seq+1, &m)
			if err == store.ErrEOF {
				break
			}
			check(err)
			seq, count = got, count+1
		}
		if count != n {
			panic(count)
		}
		figures = append(figures, figure{name, "msg/s", perSecond(n, begin), true})
	}
	e.stop()
	return figures
}

func readReference(r run) []figure {
	n := r.n(2_000_000)
	s := startReference(r.dir, false)
	filledReference(s, n, 1)
	s.stop()
	s = startReference(r.dir, false)
	st := s.store("S")
	var figures []figure
	for _, name := range []string{"first", "again"} {
		begin, count := time.Now(), 0
		var m server.StoreMsg
		for seq := uint64(0); ; {
			sm, got, err := st.LoadNextMsg(">", true, seq+1, &m)
			if sm == nil || err != nil {
				break
			}
			seq, count = got, count+1
		}
		if count != n {
			panic(count)
		}
		figures = append(figures, figure{name, "msg/s", perSecond(n, begin), true})
	}
	s.stop()
	return figures
}

// lookups is how many questions are asked.
const lookups = 100_000

func lastGodwit(r run) []figure {
	n := r.n(1_000_000)
	e := openEngine(r.dir)
	s := filled(e, n, n)
	s.settle()
	names := subjectsOf(n)
	random := rand.New(rand.NewPCG(1, 1))
	begin := time.Now()
	var m store.Message
	for range r.n(lookups) {
		f, err := store.NewFilter(names[random.IntN(n)])
		check(err)
		check(s.Last(f, &m))
	}
	figures := []figure{{"last by subject", "op/s", perSecond(r.n(lookups), begin), true}}
	e.stop()
	return figures
}

func lastReference(r run) []figure {
	n := r.n(1_000_000)
	s := startReference(r.dir, false)
	defer s.stop()
	st := filledReference(s, n, n)
	names := subjectsOf(n)
	random := rand.New(rand.NewPCG(1, 1))
	begin := time.Now()
	var m server.StoreMsg
	for range r.n(lookups) {
		_, err := st.LoadLastMsg(names[random.IntN(n)], &m)
		check(err)
	}
	return []figure{{"last by subject", "op/s", perSecond(r.n(lookups), begin), true}}
}

// nextGodwit asks for the next message of a wildcard that one of 97 subjects matches.
func nextGodwit(r run) []figure {
	n := r.n(1_000_000)
	e := openEngine(r.dir)
	s := filled(e, n, 100_000)
	random := rand.New(rand.NewPCG(1, 1))
	var m store.Message
	questions := r.n(20_000)
	begin := time.Now()
	for range questions {
		f, err := store.NewFilter(fmt.Sprintf("orders.%d.*", random.IntN(97)))
		check(err)
		_, err = s.Next(f, 1+random.Uint64N(uint64(n/2)), &m)
		check(err)
	}
	figures := []figure{{"next of orders.N.*", "op/s", perSecond(questions, begin), true}}
	e.stop()
	return figures
}

func nextReference(r run) []figure {
	n := r.n(1_000_000)
	s := startReference(r.dir, false)
	defer s.stop()
	st := filledReference(s, n, 100_000)
	random := rand.New(rand.NewPCG(1, 1))
	var m server.StoreMsg
	questions := r.n(20_000)
	begin := time.Now()
	for range questions {
		_, _, err := st.LoadNextMsg(fmt.Sprintf("orders.%d.*", random.IntN(97)), true, 1+random.Uint64N(uint64(n/2)), &m)
		check(err)
	}
	return []figure{{"next of orders.N.*", "op/s", perSecond(questions, begin), true}}
}

// openGodwit opens a stream after a clean stop, and after an end without one.
func openGodwit(r run) []figure {
	n := r.n(10_000_000)
	e := openEngine(r.dir)
	s := filled(e, n, 1000)
	e.stop() // the tail is in the journal only, as after a kill
	figures := []figure{openOnce(r, n, "after a kill", s)}
	return append(figures, openOnce(r, n, "after a clean stop", s))
}

func openOnce(r run, n int, name string, _ *owned) figure {
	before := memoryNow()
	begin := time.Now()
	e := openEngine(r.dir)
	s := e.load(1, store.Limits{})
	check(e.node.Recover())
	f := figure{name, "s", time.Since(begin).Seconds(), false}
	if s.State().Messages != uint64(n) {
		panic(s.State())
	}
	_ = before
	e.stop(s)
	return f
}

func openReference(r run) []figure {
	n := r.n(10_000_000)
	s := startReference(r.dir, false)
	filledReference(s, n, 1000)
	s.stop()
	begin := time.Now()
	s = startReference(r.dir, false)
	f := figure{"after a clean stop", "s", time.Since(begin).Seconds(), false}
	if s.store("S").State().Msgs != uint64(n) {
		panic(s.store("S").State())
	}
	s.stop()
	return []figure{f}
}

func memoryGodwit(r run) []figure {
	n := r.n(10_000_000)
	subjects := n / 10
	before := memoryNow()
	e := openEngine(r.dir)
	s := filled(e, n, subjects)
	s.settle()
	f := figure{"live heap", "MB", memoryNow() - before, false}
	e.stop()
	return []figure{f}
}

func memoryReference(r run) []figure {
	n := r.n(10_000_000)
	before := memoryNow()
	s := startReference(r.dir, false)
	filledReference(s, n, n/10)
	f := figure{"live heap", "MB", memoryNow() - before, false}
	s.stop()
	return []figure{f}
}

func purgeGodwit(r run) []figure {
	n := r.n(1_000_000)
	e := openEngine(r.dir)
	s := filled(e, n, 1000)
	f, err := store.NewFilter("orders.*.7")
	check(err)
	begin := time.Now()
	removed, err := s.Purge(store.Purge{Filter: f})
	check(err)
	figures := []figure{{"purge a subject", "msg/s", perSecond(int(removed.Messages), begin), true}}
	limits := s.Limits()
	limits.MaxAge = time.Nanosecond
	check(s.SetLimits(limits))
	begin = time.Now()
	left := s.State().Messages
	for s.State().Messages > 0 {
		_, err := s.Tick(time.Now().UnixNano(), nil)
		check(err)
		s.Commit(nil)
		s.askCheckpoint()
	}
	figures = append(figures, figure{"expire by age", "msg/s", perSecond(int(left), begin), true})
	e.stop()
	return figures
}

func purgeReference(r run) []figure {
	n := r.n(1_000_000)
	s := startReference(r.dir, false)
	defer s.stop()
	st := filledReference(s, n, 1000)
	begin := time.Now()
	removed, err := st.PurgeEx("orders.*.7", 0, 0)
	check(err)
	figures := []figure{{"purge a subject", "msg/s", perSecond(int(removed), begin), true}}
	left := st.State().Msgs
	begin = time.Now()
	config := &server.StreamConfig{Name: "S", Subjects: []string{"s.>"}, Storage: server.FileStorage, MaxAge: time.Nanosecond, MaxMsgs: -1, MaxBytes: -1, MaxMsgsPer: -1, MaxMsgSize: -1, Replicas: 1}
	check(st.UpdateConfig(config))
	for st.State().Msgs > 0 {
		time.Sleep(time.Millisecond)
	}
	return append(figures, figure{"expire by age", "msg/s", perSecond(int(left), begin), true})
}
