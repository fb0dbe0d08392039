package monitor

import (
	"crypto/tls"
	"encoding/json"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/options"
)

// keys returns the keys of a JSON object in their order, with those of nested
// objects behind a dot.
func keys(t *testing.T, text string) []string {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	return readKeys(t, decoder, "")
}

func readKeys(t *testing.T, decoder *json.Decoder, prefix string) (list []string) {
	t.Helper()
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, prefix+key.(string))
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
		if value[0] == '{' {
			nested := json.NewDecoder(strings.NewReader(string(value)))
			nested.Token() // it was decoded a moment ago
			list = append(list, readKeys(t, nested, prefix+key.(string)+".")...)
		}
	}
	return list
}

// idleKeys are those of a server that has nothing to tell, in their order.
const idleKeys = `server_id server_name version proto go host port max_connections ping_interval ping_max
http_host http_port http_base_path https_port auth_timeout max_control_line max_payload max_pending
cluster gateway leaf mqtt websocket jetstream tls_timeout write_deadline start now uptime mem cores gomaxprocs cpu
connections total_connections routes remotes leafnodes in_msgs in_bytes in_client_msgs in_client_bytes
out_msgs out_bytes out_client_msgs out_client_bytes slow_consumers stale_connections stalled_clients subscriptions
http_req_stats http_req_stats./varz config_load_time config_digest
slow_consumer_stats slow_consumer_stats.clients slow_consumer_stats.routes slow_consumer_stats.gateways slow_consumer_stats.leafs
stale_connection_stats stale_connection_stats.clients stale_connection_stats.routes stale_connection_stats.gateways
stale_connection_stats.leafs
disk_io_wait_stats disk_io_wait_stats.waiters disk_io_wait_stats.waits disk_io_wait_stats.wait_time disk_io_wait_stats.max_wait_time`

func TestVarzKeysInOrder(t *testing.T) {
	source := newFake()
	source.identity.Commit, source.identity.SystemAccount = "", ""
	got := keys(t, get(t, newFakeServer(source), "/varz").Body.String())
	if diff := cmp.Diff(strings.Fields(idleKeys), got); diff != "" {
		t.Error(diff)
	}
}

// Go: TestMonitorClusterEmptyWhenNotDefined server/monitor_test.go:2575
func TestVarzSectionsOfWhatIsNotUsedAreEmpty(t *testing.T) {
	v := *getJSON[map[string]any](t, newFakeServer(newFake()), "/varz")
	for _, section := range []string{"cluster", "gateway", "leaf", "mqtt", "websocket", "jetstream"} {
		if object, ok := v[section].(map[string]any); !ok || len(object) != 0 {
			t.Errorf("%s is %v", section, v[section])
		}
	}
}

// Go: TestMonitorVarzMetadata server/monitor_test.go:6781
func TestVarzShowsOptionsAndTotals(t *testing.T) {
	source := newFake()
	o := source.options
	o.MaxConn, o.MaxSubs, o.MaxPayload, o.MaxPending, o.MaxControlLine = 10, 20, 30, 40, 50
	o.PingInterval, o.MaxPingsOut, o.WriteDeadline, o.WriteTimeout = time.Second, 3, 2*time.Second, options.WriteTimeoutRetry
	o.HTTPBasePath, o.HTTPPort = "", -1
	o.AuthTimeout, o.TLSTimeout, o.ConfigDigest = 1.5, 2.5, "sha256:00"
	o.Tags, o.Metadata = []string{"tag"}, map[string]string{"key1": "value1", "key2": "value2"}
	o.TrustedProxies = []string{"NPROXY"}
	source.identity.AuthRequired, source.identity.TLSRequired, source.identity.TLSVerify = true, true, true
	source.identity.ConnectURLs = []string{"h:1"}
	source.identity.CertNotAfter = noon.In(zone)
	source.totals = Totals{
		Connections: 1, TotalConnections: 2, InMsgs: 3, InBytes: 4, OutMsgs: 5, OutBytes: 6,
		SlowConsumers: 7, StaleConnections: 8, StalledClients: 9, Subscriptions: 10,
	}
	s := newFakeServer(source)
	for _, v := range []*api.Varz{getJSON[api.Varz](t, s, "/varz"), must(s.Varz(nil))} {
		want := &api.Varz{
			ID: "NTEST", Name: "fake", Version: "2.15.2", Proto: 1, GitCommit: "abc1234", Host: "127.0.0.1", Port: 4222,
			AuthRequired: true, TLSRequired: true, TLSVerify: true, ClientConnectURLs: []string{"h:1"},
			MaxConn: 10, MaxSubs: 20, MaxPayload: 30, MaxPending: 40, MaxControlLine: 50,
			PingInterval: time.Second, MaxPingsOut: 3, HTTPHost: "127.0.0.1", HTTPPort: 8222, // the one in use, not -1
			AuthTimeout: 1.5, TLSTimeout: 2.5, WriteDeadline: 2 * time.Second, WriteTimeout: "retry",
			Start: noon.Add(-262 * time.Second), Now: noon, Uptime: "4m22s", ConfigLoadTime: noon.Add(-time.Minute),
			Connections: 1, TotalConnections: 2, InMsgs: 3, InBytes: 4, OutMsgs: 5, OutBytes: 6,
			InClientMsgs: 3, InClientBytes: 4, OutClientMsgs: 5, OutClientBytes: 6,
			SlowConsumers: 7, StaleConnections: 8, StalledClients: 9, Subscriptions: 10,
			HTTPReqStats: map[string]uint64{"/varz": 1}, ConfigDigest: "sha256:00", Tags: []string{"tag"},
			Metadata: map[string]string{"key1": "value1", "key2": "value2"}, SystemAccount: "$SYS",
			SlowConsumersStats:   &api.SlowConsumersStats{Clients: 7},
			StaleConnectionStats: &api.StaleConnectionStats{Clients: 8}, DiskIOWaitStats: &api.DiskIOWaitStats{},
			Proxies:         &api.ProxiesOptsVarz{Trusted: []*api.ProxyOptsVarz{{Key: "NPROXY"}}},
			TLSCertNotAfter: noon,
			// The machine's.
			GoVersion: v.GoVersion, Mem: v.Mem, Cores: v.Cores, MaxProcs: v.MaxProcs, CPU: v.CPU, MemLimit: v.MemLimit,
		}
		if diff := cmp.Diff(want, v); diff != "" {
			t.Error(diff)
		}
		if v.Mem < 1<<20 || v.Cores < 1 || v.MaxProcs < 1 || v.CPU < 0 || !strings.HasPrefix(v.GoVersion, "go") {
			t.Errorf("mem %d, cores %d, gomaxprocs %d, cpu %v, go %q", v.Mem, v.Cores, v.MaxProcs, v.CPU, v.GoVersion)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestVarzShowsOCSP(t *testing.T) {
	peer := &options.OCSPPeerConfig{Verify: true}
	o := &options.Options{TLSConfig: &tls.Config{}, TLSOCSPPeer: peer}
	o.Websocket = options.WebsocketOpts{Port: 1, TLSConfig: &tls.Config{}, OCSPPeer: &options.OCSPPeerConfig{}}
	cache := &api.OCSPResponseCacheVarz{Type: "local", Hits: 1, Misses: 2, Responses: 6, Revokes: 1, Goods: 2, Unknowns: 3}
	s := New(&fakeSource{options: o, cache: cache})
	v, _ := s.Varz(nil)
	if !v.TLSOCSPPeerVerify || v.Websocket.TLSOCSPPeerVerify || v.OCSPResponseCache != cache {
		t.Errorf("got %v, %v, %+v", v.TLSOCSPPeerVerify, v.Websocket.TLSOCSPPeerVerify, v.OCSPResponseCache)
	}
	o.TLSConfig, o.Websocket.OCSPPeer = nil, peer
	v, _ = s.Varz(nil)
	if v.TLSOCSPPeerVerify || !v.Websocket.TLSOCSPPeerVerify {
		t.Errorf("got %v, %v", v.TLSOCSPPeerVerify, v.Websocket.TLSOCSPPeerVerify)
	}
}

func TestVarzShowsTheMemoryLimit(t *testing.T) {
	old := debug.SetMemoryLimit(1 << 40)
	defer debug.SetMemoryLimit(old)
	if v := must(newFakeServer(newFake()).Varz(nil)); v.MemLimit != 1<<40 {
		t.Errorf("gomemlimit is %d", v.MemLimit)
	}
}

// Go: TestMonitorHttpStatsNoUpdatedWhenUsingServerFuncs server/monitor_test.go:2554
func TestOnlyRequestsByHTTPAreCounted(t *testing.T) {
	s := newFakeServer(newFake())
	for range 10 {
		must(s.Varz(nil))
		must(s.Connz(nil))
		must(s.Routez(nil))
		must(s.Subsz(nil))
		s.Healthz(nil)
	}
	if v := must(s.Varz(nil)); len(v.HTTPReqStats) != 0 {
		t.Errorf("counted: %v", v.HTTPReqStats)
	}
	for _, target := range []string{
		"/", "/nowhere", "/varz", "/varz", "/subsz", "/subscriptionsz", "/connz?auth=bad", "/connz?sort=bad", "/routez?subs=bad",
		"/leafz?subs=bad", "/gatewayz", "/accountz?acc=bad", "/accstatz", "/jsz?leader-only=1", "/healthz", "/routez",
		"/raftz", "/ipqueuesz", "/stacksz", "/debug/vars", "/metrics",
	} {
		get(t, s, target)
	}
	want := map[string]uint64{
		"/": 1, "/varz": 3, "/subsz": 2, "/connz": 1, "/routez": 1, "/leafz": 1, "/gatewayz": 1, "/accountz": 1,
		"/accstatz": 1, "/jsz": 1, "/healthz": 1,
	}
	if diff := cmp.Diff(want, getJSON[api.Varz](t, s, "/varz").HTTPReqStats); diff != "" {
		t.Error(diff)
	}
}

// Go: TestMonitorServerIDs server/monitor_test.go:2529
func TestAllEndpointsTellTheSameServerID(t *testing.T) {
	s := newFakeServer(newFake())
	for _, path := range strings.Fields("/varz /connz /routez /gatewayz /leafz /subsz /accountz /accstatz /jsz") {
		if id := (*getJSON[map[string]any](t, s, path))["server_id"]; id != "NTEST" {
			t.Errorf("%s: server_id %v", path, id)
		}
	}
	for _, id := range []string{
		must(s.Varz(nil)).ID, must(s.Connz(nil)).ID, must(s.Routez(nil)).ID, must(s.Gatewayz(nil)).ID, must(s.Leafz(nil)).ID,
		must(s.Subsz(nil)).ID, must(s.Accountz(nil)).ID, must(s.AccountStatz(nil)).ID, must(s.Jsz(nil)).ID,
	} {
		if id != "NTEST" {
			t.Errorf("id by call is %q", id)
		}
	}
}

func TestUsage(t *testing.T) {
	u := &usage{samples: []usageSample{{noon, 0}}}
	at := func(second, cpu float64) float64 {
		d := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
		return u.measure(usageSample{noon.Add(d(second)), d(cpu)})
	}
	for _, step := range []struct{ second, cpu, want float64 }{
		{0, 0, 0},           // no time has passed
		{0.5, 0.25, 50},     // less than a window: since the start
		{1.25, 0.25, 20},    // since 0
		{1.75, 1.25, 80},    // since 0.5
		{1.75, 1.25, 80},    // the same again
		{11.75, 1.25, 0},    // nothing for ten seconds
		{12.75, 4.25, 300},  // three cores
		{13.75, 4.2504, 0},  // rounded to one decimal
		{14.75, 4.2514, .1}, //
		{15.75, 1, 0},       // never negative
	} {
		if got := at(step.second, step.cpu); got != step.want {
			t.Errorf("at %v: %v, want %v", step.second, got, step.want)
		}
	}
	for i := range 10000 {
		at(20+float64(i)/1000, 5)
	}
	if len(u.samples) > 8 {
		t.Errorf("%d samples are kept", len(u.samples))
	}
}

// The process is really measured: work takes time.
func TestProcessTimeGrows(t *testing.T) {
	before := processTime()
	n := 0
	for deadline := time.Now().Add(time.Minute); processTime() <= before; n++ {
		if time.Now().After(deadline) {
			t.Fatal("a minute of work took no CPU time")
		}
		n += len(strconv.Itoa(n))
	}
}
