package monitor

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/subject"
)

// wantSubsz asks by HTTP and by call, and compares the list and the total.
func wantSubsz(t *testing.T, s *Server, target string, o *api.SubszOptions, total int, want ...string) {
	t.Helper()
	for _, z := range []*api.Subsz{getJSON[api.Subsz](t, s, target), must(s.Subsz(o))} {
		var got []string
		for _, sub := range z.Subs {
			got = append(got, fmt.Sprintf("%s/%d/%s", sub.Account, sub.Cid, sub.Subject))
			if sub.AccountTag != sub.Account {
				t.Errorf("%s: account tag %q of account %q", target, sub.AccountTag, sub.Account)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || z.Total != total {
			t.Errorf("%s: total %d, want %d; %s", target, z.Total, total, diff)
		}
	}
}

func twoAccounts(t *testing.T) *fakeSource {
	source := newFake()
	source.accounts = []AccountState{
		newAccount(t, "A", 2, "foo.*", "foo.bar", "foo.foo"), newAccount(t, "B", 1, "foo.>", "bar"),
	}
	return source
}

// Go: TestMonitorSubszOffsetOverflow server/monitor_test.go:1763
func TestSubszListsAPage(t *testing.T) {
	s := newFakeServer(twoAccounts(t))
	all := []string{"A/2/foo.*", "A/2/foo.bar", "A/2/foo.foo", "B/1/bar", "B/1/foo.>"}
	wantSubsz(t, s, "/subsz", nil, 0)
	wantSubsz(t, s, "/subscriptionsz?subs=1", &api.SubszOptions{Subscriptions: true}, 5, all...)
	wantSubsz(t, s, "/subsz?subs=1&offset=1&limit=3", &api.SubszOptions{Subscriptions: true, Offset: 1, Limit: 3}, 5, all[1:4]...)
	wantSubsz(t, s, "/subsz?subs=1&acc=B", &api.SubszOptions{Subscriptions: true, Account: "B"}, 2, all[3:]...)
	wantSubsz(t, s, "/subsz?subs=1&acc=C", &api.SubszOptions{Subscriptions: true, Account: "C"}, 0)
	wantSubsz(t, s, "/subsz?subs=1&offset=9223372036854775807&limit=1",
		&api.SubszOptions{Subscriptions: true, Offset: math.MaxInt, Limit: 1}, 5)
	wantSubsz(t, s, "/subsz?subs=1&offset=9223372036854775807&limit=9223372036854775807",
		&api.SubszOptions{Subscriptions: true, Offset: math.MaxInt, Limit: math.MaxInt}, 5)
	wantSubsz(t, s, "/subsz?subs=1&offset=-1&limit=-1", &api.SubszOptions{Subscriptions: true, Offset: -1, Limit: -1}, 5, all...)
	if z := must(s.Subsz(&api.SubszOptions{Offset: -2, Limit: -2})); z.Offset != 0 || z.Limit != api.DefaultSubListSize {
		t.Errorf("negative page: offset %d, limit %d", z.Offset, z.Limit)
	}
}

func TestSubszOfATestSubject(t *testing.T) {
	s := newFakeServer(twoAccounts(t))
	wantSubsz(t, s, "/subsz?subs=1&test=foo.foo", &api.SubszOptions{Subscriptions: true, Test: "foo.foo"}, 3,
		"A/2/foo.*", "A/2/foo.foo", "B/1/foo.>")
	wantSubsz(t, s, "/subsz?subs=1&test=foo.foo&acc=A", &api.SubszOptions{Subscriptions: true, Test: "foo.foo", Account: "A"}, 2,
		"A/2/foo.*", "A/2/foo.foo")
	wantSubsz(t, s, "/subsz?subs=1&test=foo", &api.SubszOptions{Subscriptions: true, Test: "foo"}, 0)
	for _, bad := range []string{"*", "foo.*", "foo.>", "foo..bar"} {
		wantBadRequest(t, s, "/subsz?test="+bad, "invalid test subject, must be valid publish subject: "+bad)
	}
}

// The list for a test subject is the whole list filtered one by one.
func TestTestSubjectAgreesWithMatching(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := rapid.SampledFrom([]string{"a", "b", "*"})
		account := broker.NewAccount("A", nil)
		want := 0
		test := rapid.SampledFrom([]string{"a", "a.b", "b.a", "b.b.a"}).Draw(t, "test")
		for i := range rapid.IntRange(0, 10).Draw(t, "subscriptions") {
			pattern := token.Draw(t, "first")
			for range rapid.IntRange(0, 2).Draw(t, "more") {
				pattern += "." + token.Draw(t, "next")
			}
			sub := &broker.Subscription{Subject: pattern, SID: fmt.Sprint(i), To: &broker.Receiver{ID: uint64(i)}}
			if rapid.Bool().Draw(t, "queue") {
				sub.Queue = "q"
			}
			if err := account.Subscribe(sub); err != nil {
				t.Fatal(err)
			}
			if subject.Match(test, pattern) {
				want++
			}
		}
		source := newFake()
		source.accounts = []AccountState{{Account: account}}
		z, err := newFakeServer(source).Subsz(&api.SubszOptions{Subscriptions: true, Test: test})
		if err != nil || z.Total != want {
			t.Fatalf("%q: %d, want %d, %v", test, z.Total, want, err)
		}
	})
}

func TestSubszCounters(t *testing.T) {
	source := twoAccounts(t)
	sub := &broker.Subscription{Subject: "gone", To: &broker.Receiver{}}
	if err := source.accounts[0].Subscribe(sub); err != nil {
		t.Fatal(err)
	}
	source.accounts[0].Unsubscribe(sub)
	source.accounts[0].Lookups = Lookups{Matches: 6, CacheHits: 1, Cached: 3, Fanout: 4, FanoutMax: 2}
	source.accounts[1].Lookups = Lookups{Matches: 2, CacheHits: 1, Cached: 1, Fanout: 7, FanoutMax: 7}
	s := newFakeServer(source)
	for target, want := range map[string]api.SublistStats{
		"/subsz": {
			NumSubs: 5, NumInserts: 6, NumRemoves: 1, NumCache: 4, NumMatches: 8, CacheHitRate: .25, MaxFanout: 7, AvgFanout: 2.75,
		},
		"/subsz?acc=B&subs=1": {
			NumSubs: 2, NumInserts: 2, NumCache: 1, NumMatches: 2, CacheHitRate: .5, MaxFanout: 7, AvgFanout: 7,
		},
		"/subsz?acc=nobody": {},
	} {
		if diff := cmp.Diff(&want, getJSON[api.Subsz](t, s, target).SublistStats); diff != "" {
			t.Errorf("%s: %s", target, diff)
		}
	}
	const idle = `{
  "server_id": "NTEST",
  "now": "2026-11-24T12:00:00.000005Z",
  "num_subscriptions": 0,
  "num_cache": 0,
  "num_inserts": 0,
  "num_removes": 0,
  "num_matches": 0,
  "cache_hit_rate": 0,
  "max_fanout": 0,
  "avg_fanout": 0,
  "total": 0,
  "offset": 0,
  "limit": 1024
}`
	if diff := cmp.Diff(idle, get(t, newFakeServer(newFake()), "/subsz?subs=1").Body.String()); diff != "" {
		t.Error(diff)
	}
}
