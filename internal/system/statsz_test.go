package system

import (
	"testing"
	"testing/synctest"
	"time"
)

const statszSubject = "$SYS.SERVER." + serverID + ".STATSZ"

func TestStatisticsArePublishedLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := serve(&fakeHost{peers: true})
		defer s.stop()
		box := s.listen(t, statszSubject)
		pass(time.Minute)
		var at []time.Duration
		for _, m := range box.take() {
			at = append(at, m.at.Sub(start))
		}
		want := []time.Duration{250, 750, 1750, 3750, 7750, 15750, 25750, 35750, 45750, 55750}
		if len(at) != len(want) {
			t.Fatalf("published after %v", at)
		}
		for i := range want {
			if at[i] != want[i]*time.Millisecond {
				t.Errorf("number %d is published after %v", i, at[i])
			}
		}
	})
}

// A server that has no peers does not publish what nobody listens to.
//
// Go: TestServerEventsStatszSingleServer server/events_test.go:3533
func TestStatisticsOfALoneServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(&fakeHost{})
		defer s.stop()
		pass(time.Minute)
		box := s.listen(t, "$SYS.SERVER.*.STATSZ")
		pass(lastBeat)
		first := box.one()
		if seq := first.body["server"].(map[string]any)["seq"]; seq != 1.0 {
			t.Errorf("the first message that is heard has the number %v", seq)
		}
	})
}

// What is asked for comes at once, however recent the last was.
//
// Go: TestServerEventsStatsZForcedBroadcastNotRateLimited server/events_test.go:1992
func TestStatisticsOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(&fakeHost{peers: true})
		defer s.stop()
		pass(time.Minute)
		box := s.listen(t, statszSubject)
		for range 5 {
			for _, subject := range []string{"$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.STATSZ", "$SYS.REQ.SERVER." + serverID + ".STATSZ"} {
				asked := time.Now()
				s.ask(subject, "", "")
				synctest.Wait()
				if m := box.one(); !m.at.Equal(asked) || m.body["statsz"] == nil {
					t.Errorf("%s: %v after %v", subject, m.body, m.at.Sub(asked))
				}
			}
			pass(time.Millisecond)
		}
		s.ask("$SYS.REQ.SERVER.PING.STATSZ", "", `{"server_name": "another"}`)
		s.ask("$SYS.REQ.SERVER.PING.STATSZ", "", `nonsense`)
		synctest.Wait()
		if list := box.take(); len(list) > 0 {
			t.Errorf("got %v", list)
		}
	})
}
