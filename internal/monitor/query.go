package monitor

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/godwit-mq/godwit/internal/monitor/api"
)

// query reads the parameters of a request. Of a repeated parameter the first
// counts, an empty value is the same as none, and unknown ones are passed over.
// The first error stays; who asks for parameters in their documented order
// gets the documented error.
type query struct {
	values url.Values
	err    error
}

func (q *query) text(name string) string { return q.values.Get(name) }

func (q *query) fail(format string, args ...any) {
	if q.err == nil {
		q.err = fmt.Errorf(format, args...)
	}
}

func (q *query) bool(name string) bool {
	text := q.text(name)
	if text == "" {
		return false
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		q.fail("Error decoding boolean for '%s': %w", name, err)
	}
	return value
}

func (q *query) int(name string) int {
	text := q.text(name)
	if text == "" {
		return 0
	}
	value, err := strconv.Atoi(text)
	if err != nil {
		q.fail("Error decoding int for '%s': %w", name, err)
	}
	return value
}

func (q *query) uint(name string) uint64 {
	text := q.text(name)
	if text == "" {
		return 0
	}
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		q.fail("Error decoding uint64 for '%s': %w", name, err)
	}
	return value
}

// subscriptions reads `subs`, which is a boolean or the word "detail".
func (q *query) subscriptions() (list, detail bool) {
	if strings.EqualFold(q.text("subs"), "detail") {
		return false, true
	}
	return q.bool("subs"), false
}

func (q *query) state() api.ConnState {
	text := q.text("state")
	switch strings.ToLower(text) {
	case "", "open":
		return api.ConnOpen
	case "closed":
		return api.ConnClosed
	case "any", "all":
		return api.ConnAll
	}
	q.fail("Error decoding state for %s", text)
	return api.ConnOpen
}

// connz reads the parameters of /connz. The order and the filters are checked
// by who uses them.
func (q *query) connz() *api.ConnzOptions {
	o := &api.ConnzOptions{Username: q.bool("auth")}
	o.Subscriptions, o.SubscriptionsDetail = q.subscriptions()
	o.Offset, o.Limit = q.int("offset"), q.int("limit")
	o.CID = q.uint("cid")
	o.State = q.state()
	o.Sort = api.SortOpt(q.text("sort"))
	o.User, o.Account, o.MQTTClient = q.text("user"), q.text("acc"), q.text("mqtt_client")
	return o
}

func (q *query) subsz() *api.SubszOptions {
	return &api.SubszOptions{
		Subscriptions: q.bool("subs"), Offset: q.int("offset"), Limit: q.int("limit"),
		Test: q.text("test"), Account: q.text("acc"),
	}
}

func (q *query) gatewayz() *api.GatewayzOptions {
	o := &api.GatewayzOptions{}
	o.AccountSubscriptions, o.AccountSubscriptionsDetail = q.subscriptions()
	o.Accounts = q.bool("accs")
	o.Name, o.AccountName = q.text("gw_name"), q.text("acc_name")
	return o
}

func (q *query) leafz() *api.LeafzOptions {
	return &api.LeafzOptions{Subscriptions: q.bool("subs"), Account: q.text("acc")}
}

func (q *query) jsz() *api.JSzOptions {
	return &api.JSzOptions{
		Accounts: q.bool("accounts"), Streams: q.bool("streams"), Consumer: q.bool("consumers"),
		DirectConsumer: q.bool("direct-consumers"), Config: q.bool("config"),
		Offset: q.int("offset"), Limit: q.int("limit"),
		LeaderOnly: q.bool("leader-only"), RaftGroups: q.bool("raft"),
		StreamLeaderOnly: q.bool("stream-leader-only"), Account: q.text("acc"),
	}
}

func (q *query) healthz() *api.HealthzOptions {
	return &api.HealthzOptions{
		JSEnabled: q.bool("js-enabled"), JSEnabledOnly: q.bool("js-enabled-only"),
		JSServerOnly: q.bool("js-server-only"), JSMetaOnly: q.bool("js-meta-only"),
		Details: q.bool("details"),
		Account: q.text("account"), Stream: q.text("stream"), Consumer: q.text("consumer"),
	}
}

func (q *query) ipqueuesz() *api.IpqueueszOptions {
	return &api.IpqueueszOptions{All: q.bool("all"), Filter: q.text("queues")}
}

func (q *query) routez() *api.RoutezOptions {
	o := &api.RoutezOptions{}
	o.Subscriptions, o.SubscriptionsDetail = q.subscriptions()
	return o
}

func (q *query) accountz() *api.AccountzOptions { return &api.AccountzOptions{Account: q.text("acc")} }

func (q *query) accstatz() *api.AccountStatzOptions {
	return &api.AccountStatzOptions{IncludeUnused: q.bool("unused")}
}

func (q *query) varz() *api.VarzOptions { return &api.VarzOptions{} }
