package monitor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/internal/client"
)

// scrape returns the values of /metrics by series, as name{labels}.
func scrape(t *testing.T, s *Server) map[string]string {
	t.Helper()
	w := get(t, s, "/metrics")
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%d %v\n%s", w.Code, w.Header(), w.Body)
	}
	series := make(map[string]string)
	for line := range strings.Lines(w.Body.String()) {
		line = strings.TrimSuffix(line, "\n")
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			series[line[:at]] = line[at+1:]
		}
		if kind, ok := strings.CutPrefix(line, "# TYPE nats_"); ok && !strings.HasSuffix(kind, " gauge") {
			t.Errorf("not a gauge: %s", line)
		}
	}
	return series
}

func wantSeries(t *testing.T, series map[string]string, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got, found := series[name]; !found || got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

func TestMetricsHaveTheNamesOfTheExporter(t *testing.T) {
	source := twoAccounts(t)
	source.totals = Totals{
		Connections: 1, TotalConnections: 2, InMsgs: 3, InBytes: 4, OutMsgs: 5, OutBytes: 6,
		SlowConsumers: 7, StaleConnections: 8, StalledClients: 9, Subscriptions: 10,
	}
	source.accounts[0].Connections = 2
	for id := range uint64(2) {
		c := newConnection(id + 1)
		c.Pending, c.InMsgs, c.InBytes, c.OutMsgs, c.OutBytes, c.Stalls, c.Subscriptions = 10, 20, 30, 40, 50, 60, 70
		source.open = append(source.open, c)
	}
	source.closed = []client.Snapshot{closedAt(source.open[0], noon, client.Kicked)}
	s := newFakeServer(source)
	get(t, s, "/varz")
	series := scrape(t, s)
	const id, accountA = `{server_id="NTEST"}`, `{account="A",account_id="A",account_name="A",server_id="NTEST"}`
	wantSeries(t, series, map[string]string{
		"nats_varz_connections" + id: "1", "nats_varz_total_connections" + id: "2",
		"nats_varz_in_msgs" + id: "3", "nats_varz_in_bytes" + id: "4", "nats_varz_out_msgs" + id: "5", "nats_varz_out_bytes" + id: "6",
		"nats_varz_slow_consumers" + id: "7", "nats_varz_stale_connections" + id: "8", "nats_varz_stalled_clients" + id: "9",
		"nats_varz_subscriptions" + id: "10", "nats_varz_slow_consumer_stats_clients" + id: "7",
		"nats_varz_max_payload" + id: "1.048576e+06", "nats_varz_ping_interval" + id: "1.2e+11",
		"nats_varz_http_req_stats_varz" + id:                      "1",
		"nats_varz_disk_io_wait_stats_max_wait_time" + id:         "0",
		`nats_varz_server_name{server_id="NTEST",value="fake"}`:   "1",
		`nats_varz_server_id{server_id="NTEST",value="NTEST"}`:    "1",
		`nats_varz_version{server_id="NTEST",value="2.15.2"}`:     "1",
		"nats_varz_start" + id:                                    fmt.Sprint(float64(noon.Unix() - 262)),
		"nats_varz_config_load_time" + id:                         fmt.Sprint(float64(noon.Unix() - 60)),
		"nats_connz_num_connections" + id:                         "2",
		"nats_connz_total" + id:                                   "2",
		"nats_connz_offset" + id:                                  "0",
		"nats_connz_limit" + id:                                   "1024",
		"nats_connz_pending_bytes" + id:                           "20",
		"nats_connz_in_msgs" + id:                                 "40",
		"nats_connz_in_bytes" + id:                                "60",
		"nats_connz_out_msgs" + id:                                "80",
		"nats_connz_out_bytes" + id:                               "100",
		"nats_connz_stalls" + id:                                  "120",
		"nats_connz_subscriptions" + id:                           "140",
		"nats_subsz_num_subscriptions" + id:                       "5",
		"nats_subsz_num_inserts" + id:                             "5",
		"nats_subsz_avg_fanout" + id:                              "0",
		"nats_routez_num_routes" + id:                             "0",
		"nats_leafz_conn_nodes_total" + id:                        "0",
		"nats_healthz_status" + id:                                "0",
		`nats_healthz_status_value{server_id="NTEST",value="ok"}`: "1",
		"nats_server_jetstream_disabled" + id:                     "1",
		"nats_accstatz_current_connections" + accountA:            "2",
		"nats_accstatz_total_connections" + accountA:              "2",
		"nats_accstatz_subscriptions" + accountA:                  "3",
		"nats_accstatz_leaf_nodes" + accountA:                     "0",
		"nats_accstatz_sent_messages" + accountA:                  "0",
		"nats_accstatz_sent_bytes" + accountA:                     "0",
		"nats_accstatz_received_messages" + accountA:              "0",
		"nats_accstatz_received_bytes" + accountA:                 "0",
		"nats_accstatz_slow_consumers" + accountA:                 "0",
		"nats_accstatz_accounts" + id:                             "2",
		"nats_accstatz_accounts_summed_up" + id:                   "0",
	})
	for _, name := range []string{"go_goroutines", "process_cpu_seconds_total", "process_open_fds"} {
		if _, found := series[name]; !found {
			t.Errorf("no %s", name)
		}
	}
	for name := range maps.Keys(series) {
		if strings.Contains(name, "nats_varz_leaf_") || strings.Contains(name, "cluster_port") || strings.Contains(name, "nats_varz_host") {
			t.Errorf("unexpected %s", name)
		}
	}
}

func TestMetricsOfAnUnhealthyServer(t *testing.T) {
	source := newFake()
	source.notReady = []string{"server"}
	wantSeries(t, scrape(t, newFakeServer(source)), map[string]string{
		`nats_healthz_status{server_id="NTEST"}`:                     "1",
		`nats_healthz_status_value{server_id="NTEST",value="error"}`: "0",
	})
}

// Accounts beyond the bound have their figures in one series.
func TestMetricsBoundTheAccounts(t *testing.T) {
	source := newFake()
	for i := range accountSeriesMax + 3 {
		account := newAccount(t, fmt.Sprintf("A%04d", i), 1, "foo", "bar")
		account.Connections = 5
		source.accounts = append(source.accounts, account)
	}
	series := scrape(t, newFakeServer(source))
	other := fmt.Sprintf(`{account=%[1]q,account_id=%[1]q,account_name=%[1]q,server_id="NTEST"}`, otherAccounts)
	wantSeries(t, series, map[string]string{
		"nats_accstatz_subscriptions" + other:                                                                    "6",
		"nats_accstatz_current_connections" + other:                                                              "15",
		`nats_accstatz_accounts{server_id="NTEST"}`:                                                              "1003",
		`nats_accstatz_accounts_summed_up{server_id="NTEST"}`:                                                    "3",
		`nats_accstatz_subscriptions{account="A0999",account_id="A0999",account_name="A0999",server_id="NTEST"}`: "2",
	})
	n := 0
	for name := range series {
		if strings.HasPrefix(name, "nats_accstatz_sent_bytes{") {
			n++
		}
	}
	if n != accountSeriesMax+1 {
		t.Errorf("%d accounts have series", n)
	}
}

// Names that are no text do not spoil the scrape.
func TestMetricsOfStrangeNames(t *testing.T) {
	source := newFake()
	source.identity.Name = "a\"b\\c\n<\xff>"
	source.options.Metadata = map[string]string{"name": "x", "a-b/c.d": "y", "version": "2026-01-01T00:00:00Z"}
	source.accounts = []AccountState{newAccount(t, "A\xff", 1)}
	series := scrape(t, newFakeServer(source))
	wantSeries(t, series, map[string]string{
		`nats_varz_metadata_name{server_id="NTEST",value="x"}`:                                       "1",
		`nats_accstatz_leaf_nodes{account="A?",account_id="A?",account_name="A?",server_id="NTEST"}`: "0",
	})
	if !slices.ContainsFunc(slices.Collect(maps.Keys(series)), func(name string) bool {
		return strings.HasPrefix(name, `nats_varz_server_name{server_id="NTEST",value="a\"b\\c\n<`)
	}) {
		t.Error("no nats_varz_server_name")
	}
}

// Several servers in one process do not get in each other's way.
func TestMetricsOfTwoServers(t *testing.T) {
	first, second := newFake(), newFake()
	second.identity.ID = "NOTHER"
	if _, found := scrape(t, newFakeServer(first))[`nats_varz_cores{server_id="NTEST"}`]; !found {
		t.Error("no series of the first server")
	}
	series := scrape(t, newFakeServer(second))
	for name := range series {
		if strings.Contains(name, "NTEST") {
			t.Errorf("the second server shows %s", name)
		}
	}
}

func TestMetricPath(t *testing.T) {
	for want, keys := range map[string][2]string{
		"in_msgs": {"", "in_msgs"}, "http_req_stats": {"http_req_stats", "/"}, "http_req_stats_varz": {"http_req_stats", "/varz"},
		"jetstream_stats_api": {"jetstream_stats", "api"},
	} {
		if got := metricPath(keys[0], keys[1]); got != want {
			t.Errorf("metricPath(%q) = %q, want %q", keys, got, want)
		}
	}
}
