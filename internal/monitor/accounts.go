package monitor

import (
	"fmt"
	"slices"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/monitor/api"
)

// Accountz lists the accounts, or shows the one that the options name. An
// unknown one is an error.
func (s *Server) Accountz(o *api.AccountzOptions) (*api.Accountz, error) {
	id := s.source.Identity()
	z := &api.Accountz{ID: id.ID, Now: s.now(), SystemAccount: id.SystemAccount}
	accounts := s.source.Accounts()
	if o == nil || o.Account == "" {
		for i := range accounts {
			z.Accounts = append(z.Accounts, accounts[i].Name)
		}
		return z, nil
	}
	at := slices.IndexFunc(accounts, func(a AccountState) bool { return a.Name == o.Account })
	if at < 0 {
		return nil, fmt.Errorf("Account %s does not exist", o.Account) // a known text
	}
	z.Account = accountInfo(&accounts[at], z.Now)
	return z, nil
}

func accountInfo(a *AccountState, now time.Time) *api.AccountInfo {
	var sum subscriptionSum
	sum.add(a)
	stats := sum.stats()
	info := &api.AccountInfo{
		AccountName: a.Name, NameTag: a.Name, LastUpdate: a.Updated.UTC(), IsSystem: a.System, Complete: true,
		ClientCnt: a.Connections, SubCnt: stats.NumSubs, Sublist: stats,
		Mappings: mappingInfo(a), Exports: exportInfo(a.Offers), Imports: importInfo(a), Responses: responseInfo(a),
	}
	if a.Claims != nil {
		showClaims(info, a.Claims, now)
	}
	return info
}

// AccountStatz returns the traffic of the accounts that have connections; with
// IncludeUnused, of all. The error is always nil.
func (s *Server) AccountStatz(o *api.AccountStatzOptions) (*api.AccountStatz, error) {
	if o == nil {
		o = &api.AccountStatzOptions{}
	}
	z := &api.AccountStatz{ID: s.source.Identity().ID, Now: s.now(), Accounts: []*api.AccountStat{}}
	accounts := s.source.Accounts()
	for i := range accounts {
		a := &accounts[i]
		if !o.IncludeUnused && a.Connections == 0 {
			continue
		}
		if len(o.Accounts) > 0 && !slices.Contains(o.Accounts, a.Name) {
			continue
		}
		z.Accounts = append(z.Accounts, accountStat(a, a.Traffic()))
	}
	return z, nil
}

// accountStat shows the traffic of an account: what came in from its
// connections was received, what went out to them was sent.
func accountStat(a *AccountState, t broker.Traffic) *api.AccountStat {
	name := a.Name
	if a.Claims != nil {
		name = a.Claims.Tag()
	}
	return &api.AccountStat{
		Account: a.Name, Name: name, Conns: a.Connections, TotalConns: a.Connections,
		NumSubs:  uint32(a.Index().Stats().NumSubs),
		Received: traffic(t.InMsgs, t.InBytes), Sent: traffic(t.OutMsgs, t.OutBytes),
		SlowConsumers: a.SlowConsumers(),
	}
}

// traffic is what went over the connections of clients: there are no others.
func traffic(messages, bytes int64) api.DataStats {
	return api.DataStats{
		MsgBytes: api.MsgBytes{Msgs: messages, Bytes: bytes},
		Gateways: &api.MsgBytes{}, Routes: &api.MsgBytes{}, Leafs: &api.MsgBytes{},
	}
}
