package system

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godwit-mq/godwit/internal/logging"
)

// busy runs a service whose queue of ordinary requests does not move until release
// is called.
func busy(t *testing.T) (s *running, h *fakeHost, release func()) {
	t.Helper()
	h = &fakeHost{reload: make(chan struct{})}
	s = serve(h)
	s.ask("$SYS.REQ.SERVER."+serverID+".RELOAD", "reloaded", "")
	s.ask("$SYS.REQ.SERVER.PING.IDZ", "identity", "")
	synctest.Wait()
	return s, h, func() { close(h.reload); s.stop() }
}

// Go: TestServerEventsPingStatsZDedicatedRecvQ server/events_test.go:2929
func TestStatisticsDoNotWaitForOtherRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, release := busy(t)
		defer release()
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
	synctest.Test(t, func(t *testing.T) {
		s, _, release := busy(t)
		defer release()
		box, identity := s.listen(t, "profile"), s.listen(t, "identity")
		for _, subject := range []string{"$SYS.REQ.SERVER.PING.PROFILEZ", "$SYS.REQ.SERVER." + serverID + ".PROFILEZ"} {
			s.ask(subject, "profile", `{"name": "cpu", "duration": 1000000000}`)
			pass(time.Second)
			data := box.one().body["data"].(map[string]any)
			if data["error"] != "" || data["profile"] == "" {
				t.Errorf("%s: %v", subject, data["error"])
			}
		}
		if list := identity.take(); len(list) > 0 {
			t.Errorf("the queue was not blocked: %v", list)
		}
	})
}

// A CPU profile takes its time. Meanwhile there is no second one, but other
// profiles there are, and other requests are answered.
func TestACPUProfileHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(&fakeHost{})
		defer s.stop()
		box, identity := s.listen(t, "profile"), s.listen(t, "identity")
		s.ask("$SYS.REQ.SERVER.PING.PROFILEZ", "profile", `{"name": "cpu", "duration": 60000000000}`)
		synctest.Wait()
		s.ask("$SYS.REQ.SERVER.PING.PROFILEZ", "profile", `{"name": "cpu", "duration": 1000000000}`)
		synctest.Wait()
		if data := box.one().body["data"].(map[string]any); data["error"] == "" || data["profile"] != nil {
			t.Errorf("a second CPU profile: %v", data["error"])
		}
		s.ask("$SYS.REQ.SERVER.PING.PROFILEZ", "profile", `{"name": "goroutine"}`)
		s.ask("$SYS.REQ.SERVER.PING.IDZ", "identity", "")
		synctest.Wait()
		if data := box.one().body["data"].(map[string]any); data["error"] != "" {
			t.Errorf("goroutines: %v", data["error"])
		}
		identity.one()
	})
}

// The end of the server ends a profile, too.
func TestACPUProfileEndsWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(&fakeHost{})
		box := s.listen(t, "profile")
		s.ask("$SYS.REQ.SERVER.PING.PROFILEZ", "profile", `{"name": "cpu", "duration": 300000000000}`)
		synctest.Wait()
		before := time.Now()
		s.stop()
		if d := time.Since(before); d != 0 {
			t.Errorf("took %v", d)
		}
		box.one()
	})
}

// A queue that is full drops requests and says so. Nobody is held up.
func TestTooManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, release := busy(t)
		box := s.listen(t, "identity")
		const surplus = 10
		for range queueSize - 1 + surplus { // one waits already
			s.ask("$SYS.REQ.SERVER.PING.IDZ", "identity", "")
		}
		if n := h.log.Count(logging.Warn, "Dropped a system request"); n != surplus {
			t.Errorf("%d lines about dropped requests", n)
		}
		close(h.reload)
		synctest.Wait()
		if n := len(box.take()); n != queueSize {
			t.Errorf("%d answers", n)
		}
		h.reload = make(chan struct{})
		release()
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
