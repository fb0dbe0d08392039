package monitor

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/monitor/api"
)

func TestAccountz(t *testing.T) {
	source := twoAccounts(t)
	source.accounts[0].Connections, source.accounts[0].TotalConnections = 2, 9
	source.accounts[1].System = true
	s := newFakeServer(source)
	const list = `{
  "server_id": "NTEST",
  "now": "2026-11-24T12:00:00.000005Z",
  "system_account": "$SYS",
  "accounts": [
    "A",
    "B"
  ]
}`
	if diff := cmp.Diff(list, get(t, s, "/accountz").Body.String()); diff != "" {
		t.Error(diff)
	}
	const detail = `{
  "server_id": "NTEST",
  "now": "2026-11-24T12:00:00.000005Z",
  "system_account": "$SYS",
  "account_detail": {
    "account_name": "A",
    "update_time": "2026-11-24T11:00:00.000005Z",
    "expired": false,
    "complete": true,
    "jetstream_enabled": false,
    "leafnode_connections": 0,
    "client_connections": 2,
    "subscriptions": 3,
    "name_tag": "A",
    "sublist_stats": {
      "num_subscriptions": 3,
      "num_cache": 0,
      "num_inserts": 3,
      "num_removes": 0,
      "num_matches": 0,
      "cache_hit_rate": 0,
      "max_fanout": 0,
      "avg_fanout": 0
    }
  }
}`
	if diff := cmp.Diff(detail, get(t, s, "/accountz?acc=A").Body.String()); diff != "" {
		t.Error(diff)
	}
	if z := must(s.Accountz(&api.AccountzOptions{Account: "B"})); !z.Account.IsSystem || z.Accounts != nil {
		t.Errorf("the system account: %+v", z.Account)
	}
	wantBadRequest(t, s, "/accountz?acc=C", "Account C does not exist")
	if z, err := s.Accountz(&api.AccountzOptions{Account: "C"}); err == nil || z != nil {
		t.Errorf("unknown account: %v, %v", z, err)
	}
}

func TestAccountStatz(t *testing.T) {
	source := twoAccounts(t)
	source.accounts[0].Connections, source.accounts[0].TotalConnections = 2, 9
	source.accounts[0].CountSlowConsumer()
	s := newFakeServer(source)
	const used = `{
  "server_id": "NTEST",
  "now": "2026-11-24T12:00:00.000005Z",
  "account_statz": [
    {
      "acc": "A",
      "name": "A",
      "conns": 2,
      "leafnodes": 0,
      "total_conns": 2,
      "num_subscriptions": 3,
      "sent": {
        "msgs": 0,
        "bytes": 0,
        "gateways": {
          "msgs": 0,
          "bytes": 0
        },
        "routes": {
          "msgs": 0,
          "bytes": 0
        },
        "leafs": {
          "msgs": 0,
          "bytes": 0
        }
      },
      "received": {
        "msgs": 0,
        "bytes": 0,
        "gateways": {
          "msgs": 0,
          "bytes": 0
        },
        "routes": {
          "msgs": 0,
          "bytes": 0
        },
        "leafs": {
          "msgs": 0,
          "bytes": 0
        }
      },
      "slow_consumers": 1
    }
  ]
}`
	if diff := cmp.Diff(used, get(t, s, "/accstatz").Body.String()); diff != "" {
		t.Error(diff)
	}
	names := func(z *api.AccountStatz) (list []string) {
		for _, a := range z.Accounts {
			list = append(list, a.Account)
		}
		return list
	}
	for _, test := range []struct {
		got  *api.AccountStatz
		want []string
	}{
		{getJSON[api.AccountStatz](t, s, "/accstatz?unused=1"), []string{"A", "B"}},
		{must(s.AccountStatz(nil)), []string{"A"}},
		{must(s.AccountStatz(&api.AccountStatzOptions{Accounts: []string{"B", "C"}, IncludeUnused: true})), []string{"B"}},
		{must(s.AccountStatz(&api.AccountStatzOptions{Accounts: []string{"B"}})), nil},
	} {
		if diff := cmp.Diff(test.want, names(test.got)); diff != "" {
			t.Error(diff)
		}
	}
	const none = "{\n  \"server_id\": \"NTEST\",\n  \"now\": \"2026-11-24T12:00:00.000005Z\",\n  \"account_statz\": []\n}"
	if diff := cmp.Diff(none, get(t, newFakeServer(newFake()), "/accstatz").Body.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSentAndReceivedAreTheServersView(t *testing.T) {
	a := newAccount(t, "A", 1)
	stat := accountStat(&a, broker.Traffic{InMsgs: 1, InBytes: 2, OutMsgs: 3, OutBytes: 4})
	if stat.Received.MsgBytes != (api.MsgBytes{Msgs: 1, Bytes: 2}) || stat.Sent.MsgBytes != (api.MsgBytes{Msgs: 3, Bytes: 4}) {
		t.Errorf("received %+v, sent %+v", stat.Received.MsgBytes, stat.Sent.MsgBytes)
	}
}
