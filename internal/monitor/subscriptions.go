package monitor

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/interest"
	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/subject"
)

// Subsz counts the subscriptions of all accounts, or of one, and lists a page
// of them if asked to. Nil options ask for the counters.
func (s *Server) Subsz(o *api.SubszOptions) (*api.Subsz, error) {
	if o == nil {
		o = &api.SubszOptions{}
	}
	if o.Test != "" && !subject.IsValidPublish(o.Test) {
		return nil, fmt.Errorf("invalid test subject, must be valid publish subject: %s", o.Test)
	}
	z := &api.Subsz{ID: s.source.Identity().ID, Now: s.now()}
	z.Offset, z.Limit = pageOf(o.Offset, o.Limit, api.DefaultSubListSize)
	var sum subscriptionSum
	var found []held
	for _, account := range s.source.Accounts() {
		if o.Account != "" && account.Name != o.Account {
			continue
		}
		sum.add(&account)
		if o.Subscriptions {
			found = appendHeld(found, account.Account, o.Test)
		}
	}
	z.SublistStats = sum.stats()
	if o.Subscriptions {
		z.Total = len(found)
		slices.SortFunc(found, compareHeld)
		for _, h := range page(found, z.Offset, z.Limit) {
			z.Subs = append(z.Subs, h.detail(s.source.AccountTag(h.account)))
		}
	}
	return z, nil
}

// subscriptionSum adds the counters of several accounts up.
type subscriptionSum struct {
	interest interest.Stats
	lookups  Lookups
}

func (s *subscriptionSum) add(a *AccountState) {
	s.interest.Add(a.Index().Stats())
	s.lookups.Matches += a.Lookups.Matches
	s.lookups.CacheHits += a.Lookups.CacheHits
	s.lookups.Cached += a.Lookups.Cached
	s.lookups.Fanout += a.Lookups.Fanout
	s.lookups.FanoutMax = max(s.lookups.FanoutMax, a.Lookups.FanoutMax)
}

func (s *subscriptionSum) stats() *api.SublistStats {
	l := s.lookups
	stats := &api.SublistStats{
		NumSubs: uint32(s.interest.NumSubs), NumInserts: s.interest.NumInserts, NumRemoves: s.interest.NumRemoves,
		NumCache: uint32(l.Cached), NumMatches: l.Matches, MaxFanout: uint32(l.FanoutMax),
	}
	if l.Matches > 0 {
		stats.CacheHitRate = float64(l.CacheHits) / float64(l.Matches)
	}
	if l.Cached > 0 {
		stats.AvgFanout = float64(l.Fanout) / float64(l.Cached)
	}
	return stats
}

// held is a subscription and where it is.
type held struct {
	account string
	sub     *broker.Subscription
}

// appendHeld appends the subscriptions of an account; those that would get a
// message on the test subject, if there is one. Only pointers are copied
// while the index is locked.
func appendHeld(to []held, account *broker.Account, test string) []held {
	r := account.Index().Reader()
	defer r.Release()
	if test == "" {
		r.All(func(e interest.Entry[*broker.Subscription]) bool {
			to = append(to, held{account.Name, e.Value})
			return true
		})
		return to
	}
	var matches interest.Matches[*broker.Subscription]
	r.Match([]byte(test), &matches)
	for _, sub := range matches.Plain {
		to = append(to, held{account.Name, sub})
	}
	for i := range matches.Queues {
		for _, member := range matches.Queues[i].Members {
			to = append(to, held{account.Name, member.Value})
		}
	}
	return to
}

func (h held) connection() uint64 {
	if h.sub.To == nil {
		return 0
	}
	return h.sub.To.ID
}

func compareHeld(a, b held) int {
	return cmp.Or(
		cmp.Compare(a.account, b.account), cmp.Compare(a.connection(), b.connection()),
		cmp.Compare(a.sub.Subject, b.sub.Subject), cmp.Compare(a.sub.Queue, b.sub.Queue),
		cmp.Compare(a.sub.SID, b.sub.SID),
	)
}

func (h held) detail(tag string) api.SubDetail {
	return api.SubDetail{
		Account: h.account, AccountTag: tag, Subject: h.sub.Subject, Queue: h.sub.Queue,
		Sid: h.sub.SID, Msgs: h.sub.Delivered(), Max: h.sub.Max(), Cid: h.connection(),
	}
}
