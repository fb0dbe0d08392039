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
