package server

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/link"
	"github.com/godwit-mq/godwit/internal/options"
)

// brokenListener fails until it is closed.
type brokenListener struct {
	once   sync.Once
	closed chan struct{}
}

func (l *brokenListener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
		return nil, &net.DNSError{Err: "no luck", IsTemporary: true}
	}
}

func (l *brokenListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *brokenListener) Addr() net.Addr { return &net.TCPAddr{} }

// A listener that fails is tried again after pauses that double up to a bound; the
// server's end does not wait for a pause.
//
// Go: TestAcceptError server/server_test.go:1465
func TestPausesOfAFailingListener(t *testing.T) {
	s := start(t, &options.Options{})
	broken := &brokenListener{closed: make(chan struct{})}
	defer broken.Close()
	s.tasks.Add(1)
	go s.accept(broken)
	for _, pause := range []string{"10ms", "20ms", "40ms", "640ms", "1000ms"} {
		logged(t, s, "Temporary Client Accept Error(lookup : no luck), sleeping "+pause)
	}
	began := time.Now()
	s.Shutdown()
	if took := time.Since(began); took >= acceptPauseMax {
		t.Errorf("the end took %v", took)
	}
}

// Without a word about it, clients that miss a write deadline are closed.
//
// Go: TestClientConfigureWriteTimeoutPolicy server/client_test.go:4403
func TestWhatAMissedWriteDeadlineMeansForClients(t *testing.T) {
	for policy, retry := range map[options.WriteTimeoutPolicy]bool{
		options.WriteTimeoutDefault: false, options.WriteTimeoutClose: false, options.WriteTimeoutRetry: true,
	} {
		s := start(t, &options.Options{WriteTimeout: policy, WriteDeadline: 7 * time.Second, MaxPending: 1 << 20})
		want := link.Limits{MaxPending: 1 << 20, WriteDeadline: 7 * time.Second, Retry: retry}
		if got := s.current().settings.Output; got != want {
			t.Errorf("%s: %+v", policy, got)
		}
	}
}

// What many connections have to say in the same words is said once a second, by one
// of them; other words are not held back by that, and durations make no other words.
//
// Go: TestServerRateLimitLogging server/server_test.go:2223
func TestLinesThatRepeatAreFew(t *testing.T) {
	s := start(t, &options.Options{})
	connect(t, s)
	connect(t, s)
	log := s.Logger().(*capture)
	say := func() {
		for i, c := range s.clients.all() {
			s.LogLimited(c, "words")
			s.LogLimited(c, "other words")
			s.Stalled(c, longStall+time.Duration(i)*time.Millisecond)
		}
		s.Stalled(s.clients.all()[0], longStall-1) // not worth a word
	}
	const words, others, stall = " - words", " - other words", " - Producer was stalled for a total of "
	began := time.Now()
	say()
	say()
	for _, text := range []string{words, others, stall} {
		if n := log.count(text); n != 1 {
			t.Errorf("%q: %d lines", text, n)
		}
	}
	if n := s.NumStalledClients(); n != 6 {
		t.Errorf("%d waits were counted", n)
	}
	eventually(t, "all is said again", func() bool {
		say()
		return log.count(words) == 2 && log.count(others) == 2 && log.count(stall) == 2
	})
	if took := time.Since(began); took < time.Second {
		t.Errorf("all is said again after %v", took)
	}
}
