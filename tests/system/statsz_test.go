package system_test

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// statszSubjects are the ways to ask for the statistics.
func statszSubjects(id string) []string {
	return []string{"$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.STATSZ", "$SYS.REQ.SERVER." + id + ".STATSZ"}
}

func TestStatistics(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys, a := connect(t, s, "sys"), connect(t, s, "a")
	if _, err := a.Subscribe("foo", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	a.Publish("foo", []byte("hello"))
	kit.Flush(t, a)
	b := connect(t, s, "b")
	b.Close()
	gone := kit.Subscribe(t, sys, "$SYS.ACCOUNT.B.DISCONNECT")
	if s.NumClients() > 2 {
		gone.Next()
	}
	for _, subject := range statszSubjects(s.ID()) {
		o := ask(t, sys, subject, "")
		o.expect(t, map[string]any{
			"server.id": s.ID(), "statsz.connections": 2, "statsz.total_connections": 3, "statsz.active_accounts": 2,
			"statsz.active_servers": 1, "statsz.slow_consumers": 0, "statsz.cores": runtime.NumCPU(), "data": nil,
		})
		for path, least := range map[string]float64{
			"statsz.mem": 1e6, "statsz.subscriptions": 2, "statsz.received.msgs": 1, "statsz.received.bytes": 5,
			"statsz.received_from_clients.msgs": 1, "statsz.received_from_clients.bytes": 5, "statsz.sent.msgs": 1,
			"statsz.sent_to_clients.msgs": 1, "statsz.sent_to_clients.bytes": 5, "statsz.cpu": 0,
		} {
			if n := o.number(t, path); n < least {
				t.Errorf("%s: %s is %v", subject, path, n)
			}
		}
		text, _ := o.at("statsz.start").(string)
		if at, err := time.Parse(time.RFC3339Nano, text); err != nil || time.Since(at) > time.Minute || at.After(time.Now()) {
			t.Errorf("start %q", text)
		}
		for _, path := range []string{"slow_consumer_stats", "stale_connections", "stale_connection_stats", "stalled_clients", "routes", "gateways", "jetstream"} {
			if o.has("statsz." + path) {
				t.Errorf("%s: %s is there", subject, path)
			}
		}
	}
}

// Go: TestServerEventsStatszMaxProcsMemLimit server/events_test.go:4013
func TestStatisticsShowTheLimitsOfTheProcess(t *testing.T) {
	procs, memory := runtime.GOMAXPROCS(-1), debug.SetMemoryLimit(-1)
	defer runtime.GOMAXPROCS(procs)
	defer debug.SetMemoryLimit(memory)
	runtime.GOMAXPROCS(procs * 2)
	debug.SetMemoryLimit(memory / 2)
	s := godwittest.RunConfig(t, twoAccounts)
	ask(t, connect(t, s, "sys"), "$SYS.REQ.SERVER.PING.STATSZ", "").expect(t, map[string]any{
		"statsz.gomaxprocs": procs * 2, "statsz.gomemlimit": float64(memory / 2),
	})
}

// A request without a reply subject makes the server publish its statistics at
// once, as often as it is asked.
func TestStatisticsArePublishedOnRequest(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys := connect(t, s, "sys")
	sub := kit.Subscribe(t, sys, "$SYS.SERVER.*.STATSZ")
	for _, subject := range statszSubjects(s.ID()) {
		sys.Publish(subject, nil)
		m := sub.Next()
		if m.Subject != "$SYS.SERVER."+s.ID()+".STATSZ" || m.Reply != "" {
			t.Errorf("got %s, reply %q", m.Subject, m.Reply)
		}
		decode(t, m.Data).expect(t, map[string]any{"server.name": "one", "statsz.connections": 1})
	}
}
