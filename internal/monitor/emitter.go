package monitor

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/godwit-mq/godwit/internal/monitor/api"
)

// emitter sends series of one server. All are gauges and none of the names has
// a suffix: dashboards know them so.
type emitter struct {
	ch       chan<- prometheus.Metric
	serverID string
}

// send sends one series. labels are names and values in turn, behind server_id.
func (e emitter) send(name, help string, value float64, labels ...string) {
	names, values := []string{"server_id"}, []string{strings.ToValidUTF8(e.serverID, "?")}
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, strings.ToValidUTF8(labels[i+1], "?"))
	}
	metric, err := prometheus.NewConstMetric(
		prometheus.NewDesc("nats_"+name, help, names, nil), prometheus.GaugeValue, value, values...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(prometheus.NewDesc("nats_"+name, help, names, nil), err)
	}
	e.ch <- metric
}

// endpoint sends every number of an endpoint's JSON object as a series of its
// own, and some texts.
func (e emitter) endpoint(name string, answer any, err error) {
	var object map[string]any
	if err == nil {
		object, err = asObject(answer)
	}
	if err != nil {
		e.ch <- prometheus.NewInvalidMetric(prometheus.NewDesc("nats_"+name, "The answer of /"+name+".", nil, nil), err)
		return
	}
	e.flatten(name, "/"+name, "", object)
}

// asObject is what a reader of the JSON would see.
func asObject(v any) (map[string]any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, err
	}
	return object, nil
}

// shownTexts are the keys whose texts have a series: 1 with the text as the
// label "value", or for times the seconds since 1970.
var shownTexts = []string{"server_id", "server_name", "version", "domain", "leader", "name", "start", "config_load_time"}

// skippedPaths have no series: their numbers are settings that nobody draws.
var skippedPaths = []string{
	"leaf", "cluster_tls_timeout", "cluster_cluster_port", "cluster_auth_timeout",
	"gateway_port", "gateway_auth_timeout", "gateway_tls_timeout", "gateway_connect_retries",
}

func (e emitter) flatten(endpoint, shown, prefix string, object map[string]any) {
	for key, value := range object {
		path := metricPath(prefix, key)
		if slices.Contains(skippedPaths, path) {
			continue
		}
		name, help := endpoint+"_"+path, strings.ReplaceAll(path, "_", " ")+" of "+shown+"."
		switch v := value.(type) {
		case float64:
			e.send(name, help, v)
		case map[string]any:
			e.flatten(endpoint, shown, path, v)
		case string:
			if !slices.Contains(shownTexts, key) {
				continue
			}
			if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
				e.send(name, help, float64(at.Unix()))
			} else {
				e.send(name, help, 1, "value", v)
			}
		}
	}
}

// metricPath joins the keys on the way to a value. Slashes, which the keys of
// http_req_stats begin with, become underscores.
func metricPath(prefix, key string) string {
	path := strings.ReplaceAll(prefix+"_"+key, "/", "_")
	for strings.Contains(path, "__") {
		path = strings.ReplaceAll(path, "__", "_")
	}
	return strings.Trim(path, "_")
}

// connections sends sums over the open connections.
func (e emitter) connections(s *Server) {
	var pending, subscriptions, inBytes, outBytes, inMsgs, outMsgs, stalls float64
	open := s.source.Connections(false)
	for i := range open {
		c := &open[i]
		pending += float64(c.Pending)
		subscriptions += float64(c.Subscriptions)
		inBytes, outBytes = inBytes+float64(c.InBytes), outBytes+float64(c.OutBytes)
		inMsgs, outMsgs = inMsgs+float64(c.InMsgs), outMsgs+float64(c.OutMsgs)
		stalls += float64(c.Stalls)
	}
	e.number("connz_num_connections", "Open connections.", float64(len(open)))
	e.number("connz_total", "Open connections.", float64(len(open)))
	e.number("connz_offset", "Connections that the sums leave out: none.", 0)
	e.number("connz_limit", "Connections on a page of /connz.", api.DefaultConnListSize)
	e.number("connz_pending_bytes", "Bytes queued for open connections.", pending)
	e.number("connz_subscriptions", "Subscriptions of open connections.", subscriptions)
	e.number("connz_in_bytes", "Bytes received from the connections that are open.", inBytes)
	e.number("connz_out_bytes", "Bytes sent to the connections that are open.", outBytes)
	e.number("connz_in_msgs", "Messages received from the connections that are open.", inMsgs)
	e.number("connz_out_msgs", "Messages sent to the connections that are open.", outMsgs)
	e.number("connz_stalls", "Times that the connections that are open had to wait for their receivers.", stalls)
}

func (e emitter) number(name, help string, value float64) { e.send(name, help, value) }

// accounts sends the figures of each account, up to a number of accounts; all
// others have theirs summed up.
func (e emitter) accounts(s *Server) {
	z, err := s.AccountStatz(&api.AccountStatzOptions{IncludeUnused: true})
	if err != nil {
		e.ch <- prometheus.NewInvalidMetric(prometheus.NewDesc("nats_accstatz", "The answer of /accstatz.", nil, nil), err)
		return
	}
	own := page(z.Accounts, 0, accountSeriesMax)
	for _, a := range own {
		e.account(a)
	}
	rest := z.Accounts[len(own):]
	e.number("accstatz_accounts", "Accounts of the server.", float64(len(z.Accounts)))
	e.number("accstatz_accounts_summed_up", "Accounts without series of their own.", float64(len(rest)))
	if len(rest) > 0 {
		e.account(sumOf(rest))
	}
}

func sumOf(accounts []*api.AccountStat) *api.AccountStat {
	sum := &api.AccountStat{Account: otherAccounts, Name: otherAccounts}
	for _, a := range accounts {
		sum.Conns += a.Conns
		sum.LeafNodes += a.LeafNodes
		sum.TotalConns += a.TotalConns
		sum.NumSubs += a.NumSubs
		sum.Sent.Msgs += a.Sent.Msgs
		sum.Sent.Bytes += a.Sent.Bytes
		sum.Received.Msgs += a.Received.Msgs
		sum.Received.Bytes += a.Received.Bytes
		sum.SlowConsumers += a.SlowConsumers
	}
	return sum
}

func (e emitter) account(a *api.AccountStat) {
	send := func(name, help string, value float64) {
		e.send("accstatz_"+name, help, value, "account", a.Account, "account_id", a.Account, "account_name", a.Name)
	}
	send("current_connections", "Client connections of the account.", float64(a.Conns))
	send("total_connections", "Client and leafnode connections of the account.", float64(a.TotalConns))
	send("leaf_nodes", "Leafnode connections of the account.", float64(a.LeafNodes))
	send("subscriptions", "Subscriptions of the account.", float64(a.NumSubs))
	send("sent_messages", "Messages sent to the account's connections.", float64(a.Sent.Msgs))
	send("sent_bytes", "Bytes sent to the account's connections.", float64(a.Sent.Bytes))
	send("received_messages", "Messages received from the account's connections.", float64(a.Received.Msgs))
	send("received_bytes", "Bytes received from the account's connections.", float64(a.Received.Bytes))
	send("slow_consumers", "Times that a connection of the account was too slow.", float64(a.SlowConsumers))
}

// health sends the outcome of the check: the first series is 0 if all is well,
// the second one is 1.
func (e emitter) health(h *api.HealthStatus) {
	failed, fine := 1.0, 0.0
	if h.Status == healthOK {
		failed, fine = 0, 1
	}
	e.number("healthz_status", "Outcome of the health check: 0 if all is well, 1 if not.", failed)
	e.send("healthz_status_value", "Outcome of the health check: 1 if all is well, 0 if not.", fine, "value", h.Status)
}
