package system

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/godwit-mq/godwit/internal/events"
)

// While an account has connections their number is repeated, once per interval
// however often it changes. With the last connection that ends.
//
// Go: TestConnectionUpdatesTimerProperlySet server/events_test.go:3244
// Go: TestSystemAccountConnectionUpdatesStopAfterNoLocal server/events_test.go:745
func TestNumbersOfConnectionsAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &fakeHost{}
		s := serve(h)
		defer s.stop()
		box, older := s.listen(t, "$SYS.ACCOUNT.A.SERVER.CONNS"), s.listen(t, "$SYS.SERVER.ACCOUNT.A.CONNS")
		last := func(messages int, conns float64) {
			t.Helper()
			list := box.take()
			if len(list) != messages || len(older.take()) != messages {
				t.Fatalf("%d messages, want %d", len(list), messages)
			}
			if got := list[messages-1].body["conns"]; got != conns {
				t.Errorf("%v connections, want %v", got, conns)
			}
		}
		for n := range 4 {
			h.hasConnections("A", n+1)
			s.ConnectionsChanged("A")
		}
		synctest.Wait()
		last(4, 4)
		pass(10*heartbeat + time.Second)
		last(10, 4)
		h.hasConnections("A", 5)
		s.ConnectionsChanged("A") // and the interval begins anew
		last(1, 5)
		pass(heartbeat - time.Second)
		if list := box.take(); len(list) != 0 {
			t.Errorf("repeated too early: %v", list)
		}
		older.take()
		pass(2 * time.Second)
		last(1, 5)
		for n := range 5 {
			h.hasConnections("A", 4-n)
			s.ConnectionsChanged("A")
		}
		last(5, 0)
		pass(10 * heartbeat)
		if list := box.take(); len(list) != 0 {
			t.Errorf("repeated without connections: %v", list)
		}
		if len(s.conns.timers) != 0 {
			t.Errorf("%d timers run", len(s.conns.timers))
		}
		h.hasConnections("A", 1)
		s.ConnectionsChanged("A")
		pass(heartbeat)
		last(2, 1)
	})
}

// A number that was taken earlier must not be sent later than another one: nobody
// would correct it after the last connection has gone.
func TestNumbersOfConnectionsDoNotOvertakeEachOther(t *testing.T) {
	h := &fakeHost{}
	s := serve(h)
	defer s.stop()
	box := s.listen(t, "$SYS.ACCOUNT.A.SERVER.CONNS")
	h.hasConnections("A", 1)
	h.sends = func() {
		if s.conns.mu.TryLock() {
			s.conns.mu.Unlock()
			t.Error("another number can be taken before this one is sent")
		}
	}
	s.ConnectionsChanged("A")
	h.sends = nil
	if got := box.one().body["conns"]; got != 1.0 {
		t.Errorf("%v connections", got)
	}
}

// Whoever still holds the service when it has ended may call it: connections that
// close late do. Nothing panics, blocks, or goes on by itself.
//
// Go: TestEventsResetChSendNoPanicAfterShutdownEventing server/events_test.go:4195
func TestNothingHappensAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &fakeHost{peers: true}
		h.hasConnections("A", 1)
		s := serve(h)
		s.ConnectionsChanged("A")
		box := s.listen(t, "reply")
		s.stop()
		beats := s.listen(t, statszSubject)
		for range 2 * queueSize {
			s.ask("$SYS.REQ.SERVER.PING.STATSZ", "reply", "")
			s.ask("$SYS.REQ.SERVER.PING.STATSZ", "", "")
			s.ask("$SYS.REQ.SERVER.PING.IDZ", "reply", "")
			s.ask("$SYS.REQ.SERVER.PING.PROFILEZ", "reply", `{"name": "goroutine"}`)
		}
		client := events.Client{Account: "A"}
		s.Connected(client)
		s.Disconnected(client, Traffic{}, "gone")
		s.Refused(client, Traffic{}, "refused")
		s.ConnectionsChanged("A")
		s.LameDuck()
		s.ShuttingDown()
		pass(time.Hour)
		if list := append(box.take(), beats.take()...); len(list) > 0 {
			t.Errorf("%d messages: %v", len(list), list)
		}
	})
}
