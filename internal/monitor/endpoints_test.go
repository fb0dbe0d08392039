package monitor

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/monitor/api"
)

// What a server without other servers and without JetStream answers.
func TestAnswersWithoutPeersAndJetStream(t *testing.T) {
	s := newFakeServer(newFake())
	const head = "{\n  \"server_id\": \"NTEST\",\n"
	const now = "  \"now\": \"2026-11-24T12:00:00.000005Z\",\n"
	const gatewayz = head + now + "  \"outbound_gateways\": {},\n  \"inbound_gateways\": {}\n}"
	const routez = head + "  \"server_name\": \"fake\",\n" + now + "  \"num_routes\": 0,\n  \"routes\": []\n}"
	const leafz = head + now + "  \"leafnodes\": 0,\n  \"leafs\": []\n}"
	const jsz = `{
  "memory": 0,
  "storage": 0,
  "reserved_memory": 0,
  "reserved_storage": 0,
  "accounts": 0,
  "ha_assets": 0,
  "api": {
    "level": 0,
    "total": 0,
    "errors": 0
  },
  "server_id": "NTEST",
  "now": "2026-11-24T12:00:00.000005Z",
  "disabled": true,
  "config": {
    "max_memory": 0,
    "max_storage": 0
  },
  "streams": 0,
  "consumers": 0,
  "messages": 0,
  "bytes": 0,
  "total": 0
}`
	for target, want := range map[string]string{
		"/routez": routez, "/routez?subs=detail": routez,
		"/gatewayz": gatewayz, "/gatewayz?gw_name=x&acc_name=A&subs=1": gatewayz,
		"/leafz": leafz, "/leafz?subs=1&acc=A": leafz,
		"/jsz": jsz, "/jsz?acc=A&consumers=1&config=true&raft=T&limit=-1": jsz,
		"/ipqueuesz": "{}", "/ipqueuesz?all=1&queues=x": "{}",
	} {
		w := get(t, s, target)
		if diff := cmp.Diff(want, w.Body.String()); diff != "" || w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", target, w.Code, diff)
		}
	}
	for _, target := range []string{"/raftz", "/raftz?acc=A&group=x"} {
		w := get(t, s, target)
		if w.Code != http.StatusNotFound || w.Body.String() != "No Raft nodes registered" ||
			w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %d %q %v", target, w.Code, w.Body, w.Header())
		}
	}
}

// Go: TestMonitorJszNonJszServer server/monitor_test.go:5259
func TestJszWithoutJetStream(t *testing.T) {
	s := newFakeServer(newFake())
	if info := must(s.Jsz(&api.JSzOptions{})); info.ID != "NTEST" || !info.Disabled {
		t.Errorf("%+v", info)
	}
	info, err := s.Jsz(&api.JSzOptions{LeaderOnly: true})
	if err == nil || info != nil {
		t.Errorf("asked for the leader only: %+v, %v", info, err)
	}
	wantBadRequest(t, s, "/jsz?leader-only=1", "filtered response: not leader")
}

func TestHealthz(t *testing.T) {
	const noStream = `\"account\" must not be empty when checking stream health`
	const noConsumer = `\"stream\" must not be empty when checking consumer health`
	const notReady = "failed to be ready for connections after 1ms: mqtt, server"
	ready, starting := newFake(), newFake()
	starting.notReady = []string{"server", "mqtt"}
	for _, test := range []struct {
		source *fakeSource
		target string
		code   int
		want   string
	}{
		{ready, "/healthz", 200, `{"status":"ok"}`},
		{ready, "/healthz?details=1", 200, `{"status":"ok"}`},
		{ready, "/healthz?js-server-only=true", 200, `{"status":"ok"}`},
		{ready, "/healthz?js-enabled-only=true", 200, `{"status":"ok"}`},
		{ready, "/healthz?js-meta-only=true", 200, `{"status":"ok"}`},
		{ready, "/healthz?account=A&stream=S&consumer=C&details=1", 200, `{"status":"ok"}`},
		{ready, "/healthz?stream=S", 400, `{"status":"error","error":"` + noStream + `"}`},
		{ready, "/healthz?consumer=C&account=A", 400, `{"status":"error","error":"` + noConsumer + `"}`},
		{ready, "/healthz?stream=S&consumer=C&details=1", 400,
			`{"status":"error","errors":[{"type":"BAD_REQUEST","error":"` + noStream + `"}]}`},
		{starting, "/healthz", 500, `{"status":"error","error":"` + notReady + `"}`},
		{starting, "/healthz?js-server-only=1", 500, `{"status":"error","error":"` + notReady + `"}`},
		{starting, "/healthz?details=true", 500,
			`{"status":"error","errors":[{"type":"CONNECTION","error":"` + notReady + `"}]}`},
		{starting, "/healthz?stream=S", 400, `{"status":"error","error":"` + noStream + `"}`},
	} {
		w := get(t, newFakeServer(test.source), test.target)
		if w.Code != test.code || w.Body.String() != test.want {
			t.Errorf("%s: %d %s, want %d %s", test.target, w.Code, w.Body, test.code, test.want)
		}
		if w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: headers %v", test.target, w.Header())
		}
	}
	if h := newFakeServer(ready).Healthz(nil); h.StatusCode != http.StatusOK || h.Status != "ok" {
		t.Errorf("by call: %+v", h)
	}
	if h := newFakeServer(starting).Healthz(&api.HealthzOptions{}); h.StatusCode != http.StatusInternalServerError {
		t.Errorf("by call: %+v", h)
	}
	if slices.Index(starting.notReady, "server") != 0 {
		t.Error("the source's list was changed")
	}
}

func TestHealthzLogsWhatIsWrong(t *testing.T) {
	source := newFake()
	s := newFakeServer(source)
	for _, target := range []string{
		"/healthz", "/healthz?stream=S", "/healthz?stream=S&details=1", "/healthz?js-enabled=1", "/healthz?js-enabled=0",
	} {
		get(t, s, target)
	}
	want := []string{
		`WRN Healthcheck failed: "\"account\" must not be empty when checking stream health"`,
		"WRN Healthcheck failed: 1 errors",
		"WRN Healthcheck: js-enabled deprecated, use js-enabled-only instead",
	}
	if diff := cmp.Diff(want, source.logged()); diff != "" {
		t.Error(diff)
	}
}

// Go: TestMonitorHandleRoot server/monitor_test.go:1938
func TestIndexPage(t *testing.T) {
	source := newFake()
	source.identity.Name = "<b>Dörte</b>"
	w := get(t, newFakeServer(source), "/")
	page := w.Body.String()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" ||
		w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if i := strings.IndexFunc(page, func(r rune) bool { return r > unicode.MaxASCII }); i >= 0 {
		t.Errorf("not ASCII: %q", page[i:])
	}
	if strings.Contains(page, "<b>") || !strings.Contains(page, "class='version'>v2.15.2</a>") {
		t.Error(page)
	}
	at := 0
	for _, path := range strings.Fields("varz jsz connz accountz accstatz subsz routez leafz gatewayz raftz healthz debug/vars metrics") {
		next := strings.Index(page[at:], `<a href="/`+path+`">`)
		if next < 0 {
			t.Fatalf("no link to %s behind the ones before", path)
		}
		at += next
	}
}

// Go: TestMonitorHTTPBasePath server/monitor_test.go:223
func TestBasePath(t *testing.T) {
	for configured, base := range map[string]string{
		"/nats": "/nats", "nats/mon/": "/nats/mon", "/{a}//b/./%61": "/{a}/b/%61",
	} {
		source := newFake()
		source.options.HTTPBasePath = configured
		s := newFakeServer(source)
		for path, want := range map[string]int{
			base: 200, base + "/varz": 200, base + "/debug/vars": 200, base + "/metrics": 200,
			base + "/": 404, "/": 404, "/varz": 404, base + "varz": 404,
		} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.URL.Path = path
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("base path %q: %s is %d, want %d", configured, path, w.Code, want)
			}
			if path == base && !strings.Contains(w.Body.String(), `href="`+base+`/varz"`) {
				t.Errorf("base path %q: links of the index page: %s", configured, w.Body)
			}
		}
		v := must(s.Varz(nil))
		if want := map[string]uint64{"/": 1, "/varz": 1}; !cmp.Equal(want, v.HTTPReqStats) || v.HTTPBasePath != configured {
			t.Errorf("base path %q: shown as %q, counts %v", configured, v.HTTPBasePath, v.HTTPReqStats)
		}
	}
}

func TestPathsThatDoNotExist(t *testing.T) {
	s := newFakeServer(newFake())
	for _, path := range []string{
		"/idz", "/statsz", "/profilez", "/expvarz", "/debug/pprof", "/debug/pprof/", "/debug/vars/", "/varz/", "/VARZ", "/varz%2F", "/%6eope",
	} {
		w := get(t, s, path)
		if w.Code != http.StatusNotFound || w.Body.String() != "404 page not found\n" ||
			w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %q %v", path, w.Code, w.Body, w.Header())
		}
	}
	for path, to := range map[string]string{
		"//varz": "/varz", "/a/../varz?x=1&y=%20": "/varz?x=1&y=%20", "/./": "/", "//evil.example/..//x/": "/x/",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusTemporaryRedirect || w.Header().Get("Location") != to {
			t.Errorf("%s: %d to %q, want %q", path, w.Code, w.Header().Get("Location"), to)
		}
	}
}

// FuzzPath: whatever the path, a redirect leads to this server and to a path
// that is not redirected again.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"", "/", "//", "/varz", "//evil.example", "/\\evil.example/..", "a/../b/", "*", "/\x00/./"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		clean := cleanPath(path)
		if !strings.HasPrefix(clean, "/") || strings.HasPrefix(clean, "//") || cleanPath(clean) != clean {
			t.Errorf("cleanPath(%q) = %q, then %q", path, clean, cleanPath(clean))
		}
	})
}

func TestMethodsAreAlike(t *testing.T) {
	server := httptest.NewServer(newFakeServer(newFake()).Handler())
	defer server.Close()
	for _, method := range []string{"GET", "POST", "PUT", "DELETE", "OPTIONS", "BREW", "HEAD"} {
		r, err := http.NewRequest(method, server.URL+"/healthz?stream=S", strings.NewReader("stream=&details=1"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body := readAll(t, resp.Body)
		if resp.StatusCode != http.StatusBadRequest || (body == "") != (method == "HEAD") {
			t.Errorf("%s: %d %q", method, resp.StatusCode, body)
		}
		for _, absent := range []string{"Server", "Content-Encoding"} {
			if resp.Header.Get(absent) != "" {
				t.Errorf("%s: header %s is %q", method, absent, resp.Header.Get(absent))
			}
		}
	}
}

// Short answers tell their length, long ones come in chunks.
func TestTransferOfAnswers(t *testing.T) {
	source := newFake()
	server := httptest.NewServer(newFakeServer(source).Handler())
	defer server.Close()
	ask := func(target string) *http.Response {
		resp, err := server.Client().Get(server.URL + target)
		if err != nil {
			t.Fatal(err)
		}
		if body := readAll(t, resp.Body); resp.ContentLength >= 0 && resp.ContentLength != int64(len(body)) {
			t.Errorf("%s: %d bytes, announced %d", target, len(body), resp.ContentLength)
		}
		return resp
	}
	if resp := ask("/connz?callback=cb"); resp.ContentLength < 0 || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("a short answer: %v", resp.Header)
	}
	for id := range uint64(20) {
		source.open = append(source.open, newConnection(id+1))
	}
	for _, target := range []string{"/connz", "/debug/vars", "/stacksz"} {
		if resp := ask(target); !slices.Equal(resp.TransferEncoding, []string{"chunked"}) {
			t.Errorf("%s: transfer encoding %v, length %d", target, resp.TransferEncoding, resp.ContentLength)
		}
	}
}

// Go: TestMonitorStacksz server/monitor_test.go:2254
func TestStacksz(t *testing.T) {
	w := get(t, newFakeServer(newFake()), "/stacksz")
	if w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("headers %v", w.Header())
	}
	if text := w.Body.String(); !strings.Contains(text, "goroutine ") || !strings.Contains(text, "HandleStacksz") {
		t.Errorf("no stacks: %s", text)
	}
}

func TestDebugVars(t *testing.T) {
	w := get(t, newFakeServer(newFake()), "/debug/vars")
	if w.Header().Get("Content-Type") != "application/json; charset=utf-8" || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("headers %v", w.Header())
	}
	text := w.Body.String()
	if !strings.HasPrefix(text, "{\n\"cmdline\": [\"") || !strings.HasSuffix(text, "}\n}\n") {
		t.Errorf("layout: %.100s", text)
	}
	var vars struct {
		Cmdline  []string
		Memstats runtime.MemStats
	}
	if err := json.Unmarshal(w.Body.Bytes(), &vars); err != nil {
		t.Fatal(err)
	}
	if len(vars.Cmdline) != len(os.Args) || vars.Cmdline[0] != os.Args[0] || vars.Memstats.HeapAlloc == 0 {
		t.Errorf("cmdline %v, heap %d", vars.Cmdline, vars.Memstats.HeapAlloc)
	}
}

func TestSecretsOfTheCommandLineAreMasked(t *testing.T) {
	const x = "[REDACTED]"
	for _, test := range []struct{ args, want []string }{
		{[]string{"godwit", "-c", "a.conf", "-DV", "-p", "4222"}, nil},
		{[]string{"godwit", "--user", "joe", "--pass", "s3", "-p", "1"}, []string{"godwit", "--user", x, "--pass", x, "-p", "1"}},
		{[]string{"godwit", "--pass=s=3", "-auth=", "-auth=t"}, []string{"godwit", "--pass=" + x, "-auth=", "-auth=" + x}},
		{[]string{"godwit", "--routes", "nats://u:p@h:1,nats://h:2"}, []string{"godwit", "--routes", "nats://" + x + "@h:1,nats://h:2"}},
		{[]string{"godwit", "-pass"}, nil},
		{[]string{"godwit", "-pass", "-auth", "t"}, []string{"godwit", "-pass", "-auth", x}},
		{[]string{"app", "--db-password", "p", "--API_TOKEN=t", "x"}, []string{"app", "--db-password", x, "--API_TOKEN=" + x, "x"}},
		{[]string{"-pass", "x", "-", "--"}, nil},
		{nil, []string{}},
	} {
		want := test.want
		if want == nil {
			want = test.args
		}
		before := slices.Clone(test.args)
		if diff := cmp.Diff(want, maskedArgs(test.args)); diff != "" {
			t.Errorf("%q: %s", test.args, diff)
		}
		if !slices.Equal(before, test.args) {
			t.Errorf("%q was changed", before)
		}
	}
}

// All endpoints at the same time; the race detector watches.
func TestEndpointsAtTheSameTime(t *testing.T) {
	source := twoAccounts(t)
	source.open = []client.Snapshot{fullConnection(t), newConnection(2)}
	source.closed = []client.Snapshot{closedAt(fullConnection(t), noon, client.Kicked)}
	s := New(source)
	var wg sync.WaitGroup
	for path := range s.routes("") {
		for range 4 {
			wg.Go(func() {
				w := get(t, s, path+"?subs=1&auth=1&state=all")
				if want := http.StatusOK; w.Code != want && path != "/raftz" && path != "/metrics" {
					t.Errorf("%s: %d", path, w.Code)
				}
			})
		}
	}
	wg.Wait()
}
