package monitor

import (
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/monitor/api"
)

// ids returns which connections an answer shows.
func ids(z *api.Connz) []uint64 {
	shown := []uint64{}
	for _, c := range z.Conns {
		shown = append(shown, c.Cid)
	}
	return shown
}

// wantConnz asks by HTTP and by call, and compares with the ids and the total.
func wantConnz(t *testing.T, s *Server, target string, o *api.ConnzOptions, total int, want ...uint64) {
	t.Helper()
	called, err := s.Connz(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, z := range []*api.Connz{getJSON[api.Connz](t, s, target), called} {
		if got := ids(z); !slices.Equal(got, want) || z.NumConns != len(want) || z.Total != total || z.Conns == nil {
			t.Errorf("%s: connections %v of %d (num_connections %d), want %v of %d", target, got, z.Total, z.NumConns, want, total)
		}
	}
}

func TestConnzOfNobody(t *testing.T) {
	s := newFakeServer(newFake())
	const want = `{
  "server_id": "NTEST",
  "now": "2026-11-24T12:00:00.000005Z",
  "num_connections": 0,
  "total": 0,
  "offset": 0,
  "limit": 1024,
  "connections": []
}`
	for _, target := range []string{"/connz", "/connz?acc=nobody", "/connz?user=nobody", "/connz?offset=-5&limit=-5"} {
		if diff := cmp.Diff(want, get(t, s, target).Body.String()); diff != "" {
			t.Errorf("%s: %s", target, diff)
		}
	}
}

// Go: TestMonitorConnzOffsetOverflow server/monitor_test.go:872
func TestConnzPages(t *testing.T) {
	source := newFake()
	source.open = []client.Snapshot{newConnection(3), newConnection(1), newConnection(2)}
	s := newFakeServer(source)
	wantConnz(t, s, "/connz?offset=1&limit=1", &api.ConnzOptions{Offset: 1, Limit: 1}, 3, 2)
	wantConnz(t, s, "/connz?offset=3&limit=1", &api.ConnzOptions{Offset: 3, Limit: 1}, 3)
	wantConnz(t, s, "/connz?offset=-1&limit=-1", &api.ConnzOptions{Offset: -1, Limit: -1}, 3, 1, 2, 3)
	wantConnz(t, s, "/connz?offset=9223372036854775807&limit=1", &api.ConnzOptions{Offset: math.MaxInt, Limit: 1}, 3)
	wantConnz(t, s, "/connz?offset=9223372036854775807&limit=9223372036854775807",
		&api.ConnzOptions{Offset: math.MaxInt, Limit: math.MaxInt}, 3)
	wantConnz(t, s, "/connz?offset=1&limit=9223372036854775807", &api.ConnzOptions{Offset: 1, Limit: math.MaxInt}, 3, 2, 3)
	if z, _ := s.Connz(&api.ConnzOptions{Offset: -11, Limit: -11}); z.Offset != 0 || z.Limit != api.DefaultConnListSize {
		t.Errorf("negative page: offset %d, limit %d", z.Offset, z.Limit)
	}
}

// Pages of any size put together are the whole list.
func TestConnzPagesDoNotOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source := newFake()
		for i := range rapid.IntRange(0, 12).Draw(t, "connections") {
			c := newConnection(uint64(i + 1))
			c.InMsgs = int64(rapid.IntRange(0, 2).Draw(t, "in_msgs")) // ties are many
			source.open = append(source.open, c)
		}
		s := newFakeServer(source)
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		var seen []uint64
		for offset := 0; ; offset += limit {
			rand.Shuffle(len(source.open), func(i, j int) { source.open[i], source.open[j] = source.open[j], source.open[i] })
			z, err := s.Connz(&api.ConnzOptions{Sort: api.ByInMsgs, Offset: offset, Limit: limit})
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, ids(z)...)
			if offset+limit >= z.Total {
				break
			}
		}
		slices.Sort(seen)
		if len(slices.Compact(slices.Clone(seen))) != len(source.open) || len(seen) != len(source.open) {
			t.Fatalf("pages of %d show %v of %d connections", limit, seen, len(source.open))
		}
	})
}

// orders has, for each order of open connections, what the connections 1 to 4
// get so that they come in the order 2 4 1 3.
var orders = map[api.SortOpt]func(c *client.Snapshot, rank int){
	api.BySubs:     func(c *client.Snapshot, rank int) { c.Subscriptions = 9 - rank },
	api.ByPending:  func(c *client.Snapshot, rank int) { c.Pending = int64(9 - rank) },
	api.ByOutMsgs:  func(c *client.Snapshot, rank int) { c.OutMsgs = int64(9 - rank) },
	api.ByInMsgs:   func(c *client.Snapshot, rank int) { c.InMsgs = int64(9 - rank) },
	api.ByOutBytes: func(c *client.Snapshot, rank int) { c.OutBytes = int64(9 - rank) },
	api.ByInBytes:  func(c *client.Snapshot, rank int) { c.InBytes = int64(9 - rank) },
	api.ByRTT: func(c *client.Snapshot, rank int) {
		// As texts, 1.1ms would come before 900µs.
		c.RTT = []time.Duration{time.Second, 1100 * time.Microsecond, 900 * time.Microsecond, 0}[rank]
	},
	api.ByLast: func(c *client.Snapshot, rank int) { c.LastActivity = noon.Add(-time.Duration(rank) * time.Second) },
	api.ByIdle: func(c *client.Snapshot, rank int) { c.LastActivity = noon.Add(-time.Duration(9-rank) * time.Second) },
	api.ByUptime: func(c *client.Snapshot, rank int) {
		c.Start = noon.Add(-time.Duration(rank+1) * time.Second)
	},
}

// Go: TestMonitorConnzDefaultSorted server/monitor_test.go:900
// Go: TestMonitorConnzSortedByCid server/monitor_test.go:921
// Go: TestMonitorConnzSortedByStart server/monitor_test.go:943
// Go: TestMonitorConnzSortedByBytesAndMsgs server/monitor_test.go:965
// Go: TestMonitorConnzSortedByPending server/monitor_test.go:1019
// Go: TestMonitorConnzSortedBySubs server/monitor_test.go:1044
// Go: TestMonitorConnzSortedByLast server/monitor_test.go:1070
// Go: TestMonitorConnzSortedByUptime server/monitor_test.go:1101
// Go: TestMonitorConnzSortedByIdle server/monitor_test.go:1296
// Go: TestMonitorConnzSortByRTT server/monitor_test.go:6286
func TestConnzOrdersOfOpenConnections(t *testing.T) {
	for by, set := range orders {
		source := newFake()
		for rank, id := range []uint64{2, 4, 1, 3} {
			c := newConnection(id)
			set(&c, rank)
			source.open = append(source.open, c)
		}
		rand.Shuffle(4, func(i, j int) { source.open[i], source.open[j] = source.open[j], source.open[i] })
		s := newFakeServer(source)
		wantConnz(t, s, "/connz?sort="+string(by), &api.ConnzOptions{Sort: by}, 4, 2, 4, 1, 3)
		wantConnz(t, s, "/connz?sort="+string(by)+"&limit=2&offset=1", &api.ConnzOptions{Sort: by, Limit: 2, Offset: 1}, 4, 4, 1)
	}
	source := newFake()
	source.open = []client.Snapshot{newConnection(3), newConnection(1), newConnection(2)}
	s := newFakeServer(source)
	wantConnz(t, s, "/connz", nil, 3, 1, 2, 3)
	wantConnz(t, s, "/connz?sort=cid", &api.ConnzOptions{Sort: api.ByCid}, 3, 1, 2, 3)
	wantConnz(t, s, "/connz?sort=start", &api.ConnzOptions{Sort: api.ByStart}, 3, 1, 2, 3)
}

// Go: TestMonitorConnzSortByIdleTime server/monitor_test.go:1382
func TestIdleOrderCopesWithAnyTimes(t *testing.T) {
	for name, ages := range map[string][]time.Duration{
		"equal":            {time.Minute, time.Minute, time.Minute},
		"in the future":    {-10 * time.Minute, -5 * time.Minute, -2 * time.Second, -15 * time.Minute},
		"past and future":  {10 * time.Minute, -5 * time.Minute, 0, 15 * time.Minute},
		"already in order": {15 * time.Minute, 10 * time.Minute, time.Second},
	} {
		var list []client.Snapshot
		for i, age := range ages {
			c := newConnection(uint64(i + 1))
			c.LastActivity = noon.Add(-age)
			if i == 0 {
				c.Start = time.Time{}
			}
			list = append(list, c)
		}
		order(list, api.ByIdle, noon)
		if !sort.SliceIsSorted(list, func(i, j int) bool { return list[i].LastActivity.Before(list[j].LastActivity) }) {
			t.Errorf("%s: not the longest idle first", name)
		}
	}
	zero := make([]client.Snapshot, 3)
	order(zero, api.ByIdle, noon)
}

// Go: TestMonitorConnzSortedByStopOnOpen server/monitor_test.go:1168
// Go: TestMonitorConnzSortedByReasonOnOpen server/monitor_test.go:1274
// Go: TestMonitorConnzSortBadRequest server/monitor_test.go:1461
func TestConnzRefusesOrdersThatMakeNoSense(t *testing.T) {
	source := newFake()
	source.open = []client.Snapshot{newConnection(1), newConnection(2)}
	s := newFakeServer(source)
	for target, text := range map[string]string{
		"/connz?sort=foo":               "invalid sorting option: foo",
		"/connz?sort=stop":              "sort by stop only valid on closed connections",
		"/connz?sort=stop&state=all":    "sort by stop only valid on closed connections",
		"/connz?sort=reason&state=any":  "sort by reason only valid on closed connections",
		"/connz?sort=reason&state=open": "sort by reason only valid on closed connections",
	} {
		wantBadRequest(t, s, target, text)
	}
	for _, o := range []*api.ConnzOptions{
		{Sort: "foo"}, {Sort: api.ByStop}, {Sort: api.ByReason}, {State: 3}, {State: -1}, {FilterSubject: "foo"},
	} {
		if z, err := s.Connz(o); err == nil || z != nil {
			t.Errorf("%+v: %v, %v", o, z, err)
		}
	}
}

// Go: TestMonitorConnzSortedByUptimeClosedConn server/monitor_test.go:1130
// Go: TestMonitorConnzSortedByStopTimeClosedConn server/monitor_test.go:1190
// Go: TestMonitorConnzSortedByReason server/monitor_test.go:1235
func TestConnzOrdersOfClosedConnections(t *testing.T) {
	source := newFake()
	for i, reason := range []client.Reason{client.WriteError, client.ClientClosed, client.ReadError, client.ClientClosed} {
		c := newConnection(uint64(i + 1))
		c.Start = noon.Add(-time.Duration(10*(i+1)) * time.Minute)
		// Lifetimes are 9, 16, 21 and 24 minutes: not in the order of the starts alone.
		stop := noon.Add(-time.Duration((i+1)*(i+1)) * time.Minute)
		source.closed = append(source.closed, closedAt(c, stop, reason))
	}
	s := newFakeServer(source)
	const closed = "/connz?state=closed&sort="
	wantConnz(t, s, closed+"stop", &api.ConnzOptions{State: api.ConnClosed, Sort: api.ByStop}, 4, 1, 2, 3, 4)
	wantConnz(t, s, closed+"uptime", &api.ConnzOptions{State: api.ConnClosed, Sort: api.ByUptime}, 4, 1, 2, 3, 4)
	wantConnz(t, s, closed+"reason", &api.ConnzOptions{State: api.ConnClosed, Sort: api.ByReason}, 4, 2, 4, 3, 1)
	z := getJSON[api.Connz](t, s, closed+"uptime")
	if got := z.Conns[3].Uptime; got != "24m0s" {
		t.Errorf("uptime of a closed connection is %q", got)
	}
}

func TestConnzStatesAndIDs(t *testing.T) {
	source := newFake()
	source.open = []client.Snapshot{newConnection(4), newConnection(2)}
	source.closed = []client.Snapshot{
		closedAt(newConnection(1), noon, client.ClientClosed), closedAt(newConnection(3), noon, client.Kicked),
	}
	s := newFakeServer(source)
	all, closed := api.ConnAll, api.ConnClosed
	wantConnz(t, s, "/connz?state=open", nil, 2, 2, 4)
	wantConnz(t, s, "/connz?state=closed", &api.ConnzOptions{State: closed}, 2, 1, 3)
	wantConnz(t, s, "/connz?state=ALL", &api.ConnzOptions{State: all}, 4, 1, 2, 3, 4)
	wantConnz(t, s, "/connz?cid=2", &api.ConnzOptions{CID: 2}, 1, 2)
	wantConnz(t, s, "/connz?cid=2&offset=1", &api.ConnzOptions{CID: 2, Offset: 1}, 1)
	wantConnz(t, s, "/connz?cid=1", &api.ConnzOptions{CID: 1}, 0)
	wantConnz(t, s, "/connz?cid=1&state=closed", &api.ConnzOptions{CID: 1, State: closed}, 1, 1)
	wantConnz(t, s, "/connz?cid=1&state=any", &api.ConnzOptions{CID: 1, State: all}, 1, 1)
	wantConnz(t, s, "/connz?cid=2&state=any", &api.ConnzOptions{CID: 2, State: all}, 1, 2)
	wantConnz(t, s, "/connz?cid=2&state=closed", &api.ConnzOptions{CID: 2, State: closed}, 0)
	if z := getJSON[api.Connz](t, s, "/connz?cid=2&limit=50"); z.Limit != 1 {
		t.Errorf("limit of one connection is %d", z.Limit)
	}
}

func TestConnzFilters(t *testing.T) {
	source := newFake()
	a, global := broker.NewAccount("A", nil), broker.NewAccount("$G", nil)
	for id, account := range map[uint64]*broker.Account{1: a, 2: a, 3: global} {
		c := newConnection(id)
		c.Account, c.User = account, []string{"", "joe", "sue", "joe"}[id]
		c.Subs = []client.SubSnapshot{{Subject: []string{"", "foo.*", "bar", "foo.bar"}[id], SID: "1"}}
		source.open = append(source.open, c)
		c.ID += 10
		source.closed = append(source.closed, closedAt(c, noon, client.ClientClosed))
	}
	source.closed = append(source.closed, closedAt(newConnection(14), noon, client.AuthenticationTimeout))
	s := newFakeServer(source)
	all := api.ConnAll
	wantConnz(t, s, "/connz?acc=A&state=all", &api.ConnzOptions{Account: "A", State: all}, 4, 1, 2, 11, 12)
	wantConnz(t, s, "/connz?acc=$G&state=all", &api.ConnzOptions{Account: "$G", State: all}, 3, 3, 13, 14)
	wantConnz(t, s, "/connz?acc=a", &api.ConnzOptions{Account: "a"}, 0)
	wantConnz(t, s, "/connz?user=joe&state=all", &api.ConnzOptions{User: "joe", State: all}, 4, 1, 3, 11, 13)
	wantConnz(t, s, "/connz?user=joe&acc=A", &api.ConnzOptions{User: "joe", Account: "A"}, 1, 1)
	wantConnz(t, s, "/connz?cid=1&acc=$G", &api.ConnzOptions{CID: 1, Account: "$G"}, 0)
	wantConnz(t, s, "/connz?cid=11&user=sue&state=closed", &api.ConnzOptions{CID: 11, User: "sue", State: api.ConnClosed}, 0)
	wantConnz(t, s, "/connz?mqtt_client=x&state=all", &api.ConnzOptions{MQTTClient: "x", State: all}, 0)
	// HTTP has no filter by subject.
	wantConnz(t, s, "/connz?filter_subject=foo.x", nil, 3, 1, 2, 3)
	for filter, want := range map[string][]uint64{
		"foo.x": {1, 11}, "*.bar": {1, 11}, "bar": {2, 12}, ">": {1, 2, 11, 12}, "": {1, 2, 11, 12}, "a..b": nil,
	} {
		z, err := s.Connz(&api.ConnzOptions{Account: "A", State: all, FilterSubject: filter})
		if err != nil || !slices.Equal(ids(z), want) && len(want)+len(z.Conns) > 0 {
			t.Errorf("filter %q: %v, %v, want %v", filter, ids(z), err, want)
		}
	}
}

// Those whose round trip is unknown are asked for it; not those that are
// closed, filtered away or too simple to answer.
func TestConnzHasRoundTripsMeasured(t *testing.T) {
	source := newFake()
	for id := uint64(1); id <= 4; id++ {
		c := newConnection(id)
		c.Connect.Lang, c.User = "go", "joe"
		source.open = append(source.open, c)
	}
	source.open[1].RTT = time.Millisecond
	source.open[2].Connect.Lang = ""
	source.open[3].User = "sue"
	gone := newConnection(5)
	gone.Connect.Lang, gone.User = "go", "joe"
	source.closed = []client.Snapshot{closedAt(gone, noon, client.Kicked)}
	s := newFakeServer(source)
	get(t, s, "/connz?user=joe&state=all")
	if want := []uint64{1}; !slices.Equal(source.measured, want) {
		t.Errorf("measured %v, want %v", source.measured, want)
	}
}

// Go: TestMonitorConnzClosedConnsRace server/monitor_test.go:2089
// Go: TestConnzClosedSubsDetailNoSharedMutation server/monitor_test.go:7002
func TestRequestsDoNotChangeWhatIsRemembered(t *testing.T) {
	source := newFake()
	c := closedAt(newConnection(1), noon, client.ClientClosed)
	c.Subscriptions = 2
	c.Subs = []client.SubSnapshot{{Subject: "foo.bar", SID: "2"}, {Subject: "a", SID: "1"}}
	for range 100 {
		source.closed = append(source.closed, c) // all with the same list of subscriptions
	}
	s := newFakeServer(source)
	var wg sync.WaitGroup
	for _, target := range []string{
		"/connz?state=closed", "/connz?state=closed&subs=1", "/connz?state=closed&subs=detail&auth=1", "/connz?state=closed&sort=stop",
	} {
		for range 4 {
			wg.Go(func() {
				if w := get(t, s, target); w.Code != http.StatusOK {
					t.Errorf("%s: %d", target, w.Code)
				}
			})
		}
	}
	wg.Wait()
	if c.Subs[0].Subject != "foo.bar" {
		t.Error("the remembered subscriptions were sorted")
	}
	z := getJSON[api.Connz](t, s, "/connz?state=closed")
	if len(z.Conns) != 100 || z.Conns[0].SubsDetail != nil || z.Conns[0].Subs != nil || z.Conns[0].NumSubs != 2 {
		t.Errorf("an answer without subscriptions: %d connections, first %+v", len(z.Conns), z.Conns[0])
	}
}
