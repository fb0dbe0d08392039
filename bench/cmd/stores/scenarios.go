package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sys/unix"

	"github.com/godwit-mq/godwit/bench/internal/stats"
	"github.com/godwit-mq/godwit/internal/store"
)

var scenarios = []scenario{
	appending("append 128 B", 1_000_000, 128, 1, 1, 0),
	appending("append 128 B, 100k subjects, 1 each", 500_000, 128, 1, 100_000, 1),
	appending("append 128 B, 1,000 streams", 300_000, 128, 1000, 1, 0),
	appending("append 4 KB", 100_000, 4096, 1, 1, 0),
	appending("append 64 KB", 8_000, 65536, 1, 1, 0),
	{"append one by one", oneByOne, oneByOneReference, oneByOneBare},
	{"read in order", readGodwit, readReference, nil},
	{"last of 1M subjects", lastGodwit, lastReference, nil},
	{"next of a wildcard, 100k subjects", nextGodwit, nextReference, nil},
	{"open 10M", openGodwit, openReference, nil},
	{"10M messages, 1M subjects", memoryGodwit, memoryReference, nil},
	{"purge one of 1,000 subjects, expire", purgeGodwit, purgeReference, nil},
}

func subjectsOf(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("orders.%d.%d", i%97, i*7919%n)
	}
	return list
}

func perSecond(n int, begin time.Time) float64 { return float64(n) / time.Since(begin).Seconds() }

// cpu is the time that this process has used, in seconds.
func cpu() float64 {
	var u unix.Rusage
	check(unix.Getrusage(unix.RUSAGE_SELF, &u))
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// batchMost is how many messages one read of a socket brings, about.
const batchMost = 50

func appending(name string, n, size, streams, subjects, perSubject int) scenario {
	rate := func(n int, begin time.Time, before float64) []figure {
		return []figure{
			{"rate", "msg/s", perSecond(n, begin), true},
			{"CPU", "us/msg", (cpu() - before) * 1e6 / float64(n), false},
		}
	}
	godwit := func(r run) []figure {
		e := openEngine(r.dir)
		list := make([]*owned, streams)
		for i := range list {
			list[i] = e.create(i+1, store.Limits{MaxPerSubject: int64(perSubject)})
		}
		names, payload := subjectsOf(subjects), make([]byte, size)
		w := make(window, min(1000, max(64<<20/size, 1)))
		batch := make([]store.Message, 0, batchMost)
		n, most := r.n(n), batchMost
		if streams > 1 {
			most = 1
		}
		begin, before := time.Now(), cpu()
		for i := 0; i < n; i += most {
			batch = batch[:0]
			for k := range most {
				batch = append(batch, store.Message{Subject: []byte(names[(i+k)%len(names)]), Payload: payload, Time: time.Now().UnixNano()})
			}
			w.take(most)
			list[i/most%streams].append(batch, w.done(most))
		}
		w.drain()
		figures := rate(n, begin, before)
		worst := time.Duration(0)
		e.stop()
		for _, s := range list {
			worst = max(worst, s.worst)
		}
		return append(figures, figure{"longest hold by a checkpoint", "ms", worst.Seconds() * 1e3, false})
	}
	reference := func(r run) []figure {
		s := startReference(r.dir, false)
		list := make([]server.StreamStore, streams)
		for i := range list {
			list[i] = s.create(jetstream.StreamConfig{
				Name: fmt.Sprintf("S%d", i), Subjects: []string{fmt.Sprintf("s%d.>", i)}, MaxMsgsPerSubject: int64(max(perSubject, -1)),
			})
		}
		names, payload := subjectsOf(subjects), make([]byte, size)
		n := r.n(n)
		begin, before := time.Now(), cpu()
		for i := range n {
			_, _, err := list[i%streams].StoreMsg(names[i%len(names)], nil, payload, 0)
			check(err)
		}
		figures := rate(n, begin, before)
		s.stop()
		return figures
	}
	return scenario{name: name, godwit: godwit, reference: reference}
}

// percentiles are those of durations.
func percentiles(list []float64) []figure {
	slices.Sort(list)
	return []figure{
		{"p50", "us", stats.Percentile(list, 0.5), false},
		{"p99", "us", stats.Percentile(list, 0.99), false},
	}
}

// oneByOne receives messages over a socket, stores each, and answers when it is durable.
func oneByOne(r run) []figure {
	e := openEngine(r.dir)
	s := e.create(1, store.Limits{})
	figures := pingPong(r, func(buf []byte, answer func()) {
		m := store.Message{Subject: []byte("a"), Payload: buf, Time: time.Now().UnixNano()}
		s.Lock()
		check(s.Append(&m, store.Checked))
		s.CommitNow(func(err error) { check(err); answer() })
		s.askCheckpoint()
		s.Unlock()
	})
	e.stop()
	return figures
}

func oneByOneReference(r run) []figure {
	s := startReference(r.dir, true)
	defer s.stop()
	st := s.create(jetstream.StreamConfig{Name: "S", Subjects: []string{"a"}})
	return pingPong(r, func(buf []byte, answer func()) {
		_, _, err := st.StoreMsg("a", nil, buf, 0)
		check(err)
		answer()
	})
}

func oneByOneBare(r run) []figure {
	f, err := os.OpenFile(filepath.Join(r.dir, "bare"), os.O_RDWR|os.O_CREATE, 0o600)
	check(err)
	defer f.Close()
	_, err = f.Write(make([]byte, 64<<20))
	check(err)
	check(f.Sync())
	page, at := make([]byte, 4096), int64(0)
	return pingPong(r, func(buf []byte, answer func()) {
		copy(page, buf)
		_, err := f.WriteAt(page, at)
		check(err)
		check(unix.Fdatasync(int(f.Fd())))
		at = (at + 4096) % (64 << 20)
		answer()
	})
}

// pingPong sends messages of 128 bytes over a socket, one at a time, each when the one
// before was answered.
func pingPong(r run, handle func(buf []byte, answer func())) []figure {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	defer l.Close()
	go func() {
		c, err := l.Accept()
		check(err)
		buf := make([]byte, 128)
		for {
			if _, err := io.ReadFull(c, buf); err != nil {
				return
			}
			handle(buf, func() { _, err := c.Write(buf[:1]); check(err) })
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	check(err)
	defer c.Close()
	buf := make([]byte, 128)
	var list []float64
	for range r.n(3000) {
		begin := time.Now()
		_, err := c.Write(buf)
		check(err)
		_, err = io.ReadFull(c, buf[:1])
		check(err)
		list = append(list, float64(time.Since(begin).Nanoseconds())/1e3)
	}
	return percentiles(list)
}

// memoryNow is the live heap, in MB.
func memoryNow() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}
