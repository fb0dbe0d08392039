package system

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/godwit-mq/godwit/internal/logging"
)

// busy runs a service whose queue of ordinary requests does not move until unblock
// is called.
func busy(t *testing.T) (s *running, h *fakeHost, unblock func()) {
	t.Helper()
	h = &fakeHost{reload: make(chan struct{})}
	s = serve(h)
	s.ask("$SYS.REQ.SERVER."+serverID+".RELOAD", "reloaded", "")
	s.ask("$SYS.REQ.SERVER.PING.IDZ", "identity", "")
	return s, h, sync.OnceFunc(func() { close(h.reload) })
}

// Go: TestServerEventsPingStatsZDedicatedRecvQ server/events_test.go:2929
func TestStatisticsDoNotWaitForOtherRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, unblock := busy(t)
		defer s.stop()
		defer unblock()
		box := s.listen(t, "statistics")
		for _, subject := range []string{"$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.STATSZ", "$SYS.REQ.SERVER." + serverID + ".STATSZ"} {
			s.ask(subject, "statistics", "")
			synctest.Wait()
			if m := box.one(); m.body["statsz"] == nil {
				t.Errorf("%s: %v", subject, m.body)
			}
		}
	})
}

// Go: TestServerEventsProfileZNotBlockingRecvQ server/events_test.go:3782
func TestProfilesDoNotWaitForOtherRequests(t *testing.T) {
	s, _, unblock := busy(t)
	defer s.stop()
	defer unblock()
	box, identity := s.listen(t, "profile"), s.listen(t, "identity")
	for _, subject := range []string{"$SYS.REQ.SERVER.PING.PROFILEZ", "$SYS.REQ.SERVER." + serverID + ".PROFILEZ"} {
		s.ask(subject, "profile", `{"name": "cpu", "duration": 10000000}`)
		data := box.await().body["data"].(map[string]any)
		if data["error"] != "" || data["profile"] == nil {
			t.Errorf("%s: %v", subject, data["error"])
		}
	}
	if list := identity.take(); len(list) > 0 {
		t.Errorf("the queue was not blocked: %v", list)
	}
}

// A CPU profile takes its time. Meanwhile there is no second one, but other
// profiles there are, and other requests are answered. The end of the server ends
// it.
func TestACPUProfileHoldsNothingUp(t *testing.T) {
	s := serve(&fakeHost{})
	box, identity := s.listen(t, "profile"), s.listen(t, "identity")
	for range 2 {
		s.ask("$SYS.REQ.SERVER.PING.PROFILEZ", "profile", `{"name": "cpu", "duration": 300000000000}`)
	}
	if data := box.await().body["data"].(map[string]any); data["error"] == "" || data["profile"] != nil {
		t.Errorf("a second CPU profile: %v", data["error"])
	}
	s.ask("$SYS.REQ.SERVER.PING.PROFILEZ", "profile", `{"name": "goroutine"}`)
	if data := box.await().body["data"].(map[string]any); data["error"] != "" {
		t.Errorf("goroutines: %v", data["error"])
	}
	s.ask("$SYS.REQ.SERVER.PING.IDZ", "identity", "")
	identity.await()
	s.stop()
	if data := box.await().body["data"].(map[string]any); data["error"] != "" || data["profile"] == nil {
		t.Errorf("a profile that was cut short: %v", data["error"])
	}
}

// A queue that is full drops requests and says so. Nobody is held up.
func TestTooManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, unblock := busy(t)
		defer s.stop()
		box := s.listen(t, "identity")
		const surplus = 10
		for range queueSize - 1 + surplus { // one waits already
			s.ask("$SYS.REQ.SERVER.PING.IDZ", "identity", "")
		}
		if n := h.log.Count(logging.Warn, "Dropped a system request"); n != surplus {
			t.Errorf("%d lines about dropped requests", n)
		}
		unblock()
		synctest.Wait()
		if n := len(box.take()); n != queueSize {
			t.Errorf("%d answers", n)
		}
	})
}

// An order without a reply subject is not carried out: who gives it could not
// learn what became of it.
func TestOrdersNeedAReplySubject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &fakeHost{}
		s := serve(h)
		defer s.stop()
		for _, reply := range []string{"", "reply"} {
			for _, body := range []string{`{"cid": 1}`, `{"cid": 2, "server_name": "another"}`, ``, `{"cid": "3"}`, `[]`} {
				s.ask("$SYS.REQ.SERVER."+serverID+".KICK", reply, body)
			}
		}
		synctest.Wait()
		if !slices.Equal(h.kicked, []uint64{1}) {
			t.Errorf("kicked %v", h.kicked)
		}
	})
}
