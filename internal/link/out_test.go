package link

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watcher notes what an Out reports.
type watcher struct {
	mu       sync.Mutex
	failed   []error
	stalls   int
	recovers int
	changed  chan struct{}
}

func newWatcher() *watcher { return &watcher{changed: make(chan struct{}, 100)} }

func (w *watcher) OutFailed(_ *Out, err error) {
	w.mu.Lock()
	w.failed = append(w.failed, err)
	w.mu.Unlock()
	w.changed <- struct{}{}
}

func (w *watcher) OutStalled(_ *Out, _, _ int, _ time.Duration, recovered bool) {
	w.mu.Lock()
	if recovered {
		w.recovers++
	} else {
		w.stalls++
	}
	w.mu.Unlock()
	w.changed <- struct{}{}
}

func (w *watcher) await(t testing.TB, what string, ok func(*watcher) bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		w.mu.Lock()
		good := ok(w)
		w.mu.Unlock()
		if good {
			return
		}
		select {
		case <-w.changed:
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		}
	}
}

// fickleSink takes as much as the test tells it to.
type fickleSink struct {
	mu      sync.Mutex
	got     bytes.Buffer
	take    func(offered int) int // bytes that try takes
	blocked bool                  // wait waits for this to end
	opened  chan struct{}
	waiting atomic.Int32
}

func newFickleSink(take func(int) int) *fickleSink {
	return &fickleSink{take: take, opened: make(chan struct{})}
}

func (s *fickleSink) absorb(bufs [][]byte, n int) {
	for _, b := range bufs {
		k := min(n, len(b))
		s.got.Write(b[:k])
		n -= k
	}
}

func (s *fickleSink) try(bufs [][]byte) (int, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := size(bufs)
	n := min(s.take(all), all)
	s.absorb(bufs, n)
	return n, n < all, nil
}

func (s *fickleSink) wait(bufs [][]byte, deadline time.Time) (int, error) {
	s.mu.Lock()
	blocked := s.blocked
	s.mu.Unlock()
	if blocked {
		s.waiting.Add(1)
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		select {
		case <-s.opened:
		case <-timer.C:
			return 0, os.ErrDeadlineExceeded
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.absorb(bufs, size(bufs))
	return size(bufs), nil
}

func (s *fickleSink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

func newOut(s sink, w Owner, f *Flushers, l Limits) *Out {
	o := new(Out)
	o.init(w, f, s, l)
	return o
}

var generous = Limits{MaxPending: 64 << 20, WriteDeadline: 10 * time.Second}

func finish(t testing.TB, o *Out) {
	t.Helper()
	if pending := o.Finish(); pending != nil {
		select {
		case <-pending:
		case <-time.After(10 * time.Second):
			t.Fatal("output was never finished")
		}
	}
}

func TestALoneRunIsWrittenBeforeSendReturns(t *testing.T) {
	s := newFickleSink(func(n int) int { return n })
	o := newOut(s, newWatcher(), nil, generous)
	var r Run
	r.Append([]byte("hello "), []byte("world"))
	r.Messages, r.Payload = 1, 5
	if o.Send(&r, 1, 42) {
		t.Error("an empty destination is congested")
	}
	if got := s.text(); got != "hello world" {
		t.Errorf("got %q", got)
	}
	want := OutStats{Messages: 1, Payload: 5, Active: 42}
	if got := o.Stats(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !r.Empty() {
		t.Error("the run was not emptied")
	}
}

// Go: TestFlushOutboundNoSliceReuseIfPartial server/client_test.go:2542
func TestPartialWritesLoseRepeatAndMixNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := NewFlushers()
		defer f.Stop()
		sizes := rapid.SliceOfN(rapid.IntRange(0, 40000), 1, 5).Draw(t, "takes")
		calls := 0
		s := newFickleSink(func(int) int { calls++; return sizes[calls%len(sizes)] })
		o := newOut(s, newWatcher(), f, generous)
		senders := rapid.IntRange(1, 3).Draw(t, "senders")
		perSender := rapid.IntRange(1, 20).Draw(t, "runs")
		pad := rapid.SampledFrom([]int{0, 10, 3000, 30000}).Draw(t, "pad")
		fanout := rapid.SampledFrom([]int{1, 100}).Draw(t, "fanout")
		var all sync.WaitGroup
		for sender := range senders {
			all.Add(1)
			go func() {
				defer all.Done()
				block := GetBlock(pad + 64)
				defer block.Release()
				for n := range perSender {
					line := []byte(fmt.Sprintf("<%d:%d:%s>", sender, n, bytes.Repeat([]byte{'x'}, pad)))
					var r Run
					if n%2 == 0 {
						r.Append(line, nil)
					} else { // by reference, from a block of the sender's
						shared := GetBlock(len(line))
						data := shared.Bytes[:copy(shared.Bytes, line)]
						r.AppendShared(shared, data)
						shared.Release()
					}
					o.Send(&r, fanout, 0)
				}
			}()
		}
		all.Wait()
		finish2(t, o)
		next := make([]int, senders)
		text := s.text()
		for len(text) > 0 {
			var sender, n int
			if _, err := fmt.Sscanf(text, "<%d:%d:", &sender, &n); err != nil {
				t.Fatalf("garbled at %.40q: %v", text, err)
			}
			line := fmt.Sprintf("<%d:%d:%s>", sender, n, bytes.Repeat([]byte{'x'}, pad))
			if len(text) < len(line) || text[:len(line)] != line {
				t.Fatalf("garbled at %.40q", text)
			}
			if n != next[sender] {
				t.Fatalf("sender %d: run %d where %d was due", sender, n, next[sender])
			}
			next[sender]++
			text = text[len(line):]
		}
		for sender, n := range next {
			if n != perSender {
				t.Fatalf("sender %d: %d of %d runs arrived", sender, n, perSender)
			}
		}
	})
}

func finish2(t *rapid.T, o *Out) {
	if pending := o.Finish(); pending != nil {
		select {
		case <-pending:
		case <-time.After(10 * time.Second):
			t.Fatal("output was never finished")
		}
	}
}

// Go: TestPBNotIncreasedOnMaxPending server/client_test.go:2503
func TestTooMuchPendingEndsTheConnection(t *testing.T) {
	s := newFickleSink(func(int) int { return 0 })
	s.blocked = true
	w := newWatcher()
	o := newOut(s, w, nil, Limits{MaxPending: 100, WriteDeadline: time.Minute})
	send := func(n int) {
		var r Run
		r.Append(make([]byte, n), nil)
		o.Send(&r, 1, 0)
	}
	send(60)
	send(40)
	if got := o.Stats().Queued; got != 100 {
		t.Fatalf("queued %d, want 100", got)
	}
	if len(w.failed) > 0 {
		t.Fatalf("failed early: %v", w.failed)
	}
	send(1)
	w.await(t, "failure", func(w *watcher) bool { return len(w.failed) == 1 && errors.Is(w.failed[0], ErrMaxPending) })
	send(1)
	if len(w.failed) != 1 {
		t.Errorf("reported %d times", len(w.failed))
	}
	if got := o.Stats().Messages; got != 0 {
		t.Errorf("the refused run was counted: %d", got)
	}
	close(s.opened) // lets the drain end
	if o.Finish() != nil {
		t.Error("a failed output has something to finish")
	}
}

// Go: TestClientFlushOutboundWriteTimeoutPolicy server/client_test.go:4457
func TestWriteDeadline(t *testing.T) {
	for _, tc := range []struct {
		name  string
		retry bool
		takes int // of the first step before it blocks
		ends  bool
	}{
		{"close", false, 5, true},
		{"retry without progress", true, 0, true},
		{"retry after progress", true, 5, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &deadlineSink{takes: tc.takes}
			w := newWatcher()
			o := newOut(s, w, nil, Limits{MaxPending: 1000, WriteDeadline: time.Millisecond, Retry: tc.retry})
			o.Write([]byte("0123456789"))
			w.await(t, "a missed deadline", func(w *watcher) bool { return w.stalls == 1 })
			if tc.ends {
				w.await(t, "the end", func(w *watcher) bool {
					return len(w.failed) == 1 && errors.Is(w.failed[0], ErrWriteDeadline)
				})
				return
			}
			w.await(t, "the recovery", func(w *watcher) bool { return w.recovers == 1 })
			finish(t, o)
			if got := s.got.String(); got != "0123456789" || len(w.failed) != 0 {
				t.Errorf("got %q, failures %v", got, w.failed)
			}
		})
	}
}

// deadlineSink misses the first deadline after taking some bytes.
type deadlineSink struct {
	takes int
	waits int
	got   bytes.Buffer
}

func (s *deadlineSink) try([][]byte) (int, bool, error) { return 0, true, nil }

func (s *deadlineSink) wait(bufs [][]byte, _ time.Time) (int, error) {
	s.waits++
	all := bytes.Join(bufs, nil)
	if s.waits == 1 {
		s.got.Write(all[:s.takes])
		return s.takes, os.ErrDeadlineExceeded
	}
	s.got.Write(all)
	return len(all), nil
}

func TestPublishersWaitForALongBacklogButNotForADeadOne(t *testing.T) {
	s := newFickleSink(func(int) int { return 0 })
	s.blocked = true
	o := newOut(s, newWatcher(), nil, Limits{MaxPending: 64 << 20, WriteDeadline: time.Minute})
	send := func() bool {
		var r Run
		r.Append(make([]byte, SoftLimit+1), nil)
		return o.Send(&r, 1, 0)
	}
	if !send() {
		t.Fatal("a long backlog is not congested")
	}
	expired := make(chan time.Time)
	close(expired)
	if !o.AwaitCalm(expired) {
		t.Fatal("did not wait")
	}
	if send() || o.AwaitCalm(expired) {
		t.Fatal("a destination that does not move is waited for again")
	}
	close(s.opened) // it moves
	finish(t, o)
	if got := o.Stats().Queued; got != 0 {
		t.Errorf("%d bytes are left", got)
	}
}

func TestCalmEndsTheWait(t *testing.T) {
	s := newFickleSink(func(int) int { return 0 })
	s.blocked = true
	o := newOut(s, newWatcher(), nil, generous)
	var r Run
	r.Append(make([]byte, 2*SoftLimit), nil)
	o.Send(&r, 1, 0)
	done := make(chan bool)
	go func() { done <- o.AwaitCalm(nil) }()
	close(s.opened)
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the wait never ended")
	}
	finish(t, o)
}

func TestAbortReleasesEverything(t *testing.T) {
	s := newFickleSink(func(int) int { return 0 })
	s.blocked = true
	o := newOut(s, newWatcher(), nil, generous)
	o.Write([]byte("lost"))
	pending := o.Finish()
	o.Abort()
	close(s.opened)
	select {
	case <-pending:
	case <-time.After(10 * time.Second):
		t.Fatal("Finish never ended after Abort")
	}
	o.Write([]byte("ignored"))
	if o.Stats().Queued != 0 {
		t.Error("something is still queued")
	}
}

// tcpPair returns the two ends of a TCP connection.
func tcpPair(t testing.TB) (server, client *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return s.(*net.TCPConn), c.(*net.TCPConn)
}

// TestASlowReaderGetsEveryByte uses a real socket whose buffers are full most
// of the time, on both paths.
func TestASlowReaderGetsEveryByte(t *testing.T) {
	for _, portable := range []bool{false, true} {
		t.Run(fmt.Sprintf("portable=%v", portable), func(t *testing.T) {
			server, peer := tcpPair(t)
			server.SetWriteBuffer(64 << 10)
			peer.SetReadBuffer(64 << 10)
			f := NewFlushers()
			defer f.Stop()
			c := NewConn(server, Config{Owner: newWatcher(), Flushers: f, Limits: generous, Portable: portable})
			const runs, length = 400, 5000
			go func() {
				for n := range runs {
					var r Run
					r.Append(bytes.Repeat([]byte{byte('a' + n%26)}, length), nil)
					c.Out.Send(&r, 1+n%2*100, 0)
				}
				finish(t, &c.Out)
				c.Close()
			}()
			got, err := io.ReadAll(peer)
			if err != nil || len(got) != runs*length {
				t.Fatalf("got %d bytes, %v", len(got), err)
			}
			for i, b := range got {
				if b != byte('a'+i/length%26) {
					t.Fatalf("byte %d is %c", i, b)
				}
			}
		})
	}
}
