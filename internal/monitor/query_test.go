package monitor

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/monitor/api"
)

// Go: TestMonitorConnzBadParams server/monitor_test.go:496
// Go: TestMonitorRoutezWithBadParams server/monitor_test.go:1604
func TestBadParametersAreToldInPlainText(t *testing.T) {
	s := newFakeServer(newFake())
	for target, text := range map[string]string{
		"/connz?auth=xxx":   `Error decoding boolean for 'auth': strconv.ParseBool: parsing "xxx": invalid syntax`,
		"/connz?auth=yes":   `Error decoding boolean for 'auth': strconv.ParseBool: parsing "yes": invalid syntax`,
		"/connz?subs=xxx":   `Error decoding boolean for 'subs': strconv.ParseBool: parsing "xxx": invalid syntax`,
		"/connz?offset=xxx": `Error decoding int for 'offset': strconv.Atoi: parsing "xxx": invalid syntax`,
		"/connz?limit=1e3":  `Error decoding int for 'limit': strconv.Atoi: parsing "1e3": invalid syntax`,
		"/connz?limit=9223372036854775808": `Error decoding int for 'limit': strconv.Atoi: ` +
			`parsing "9223372036854775808": value out of range`,
		"/connz?cid=-1": `Error decoding uint64 for 'cid': strconv.ParseUint: parsing "-1": invalid syntax`,
		"/connz?cid=18446744073709551616": `Error decoding uint64 for 'cid': strconv.ParseUint: ` +
			`parsing "18446744073709551616": value out of range`,
		"/connz?state=xxx":             "Error decoding state for xxx",
		"/connz?sort=Cid":              "invalid sorting option: Cid",
		"/routez?subs=xxx":             `Error decoding boolean for 'subs': strconv.ParseBool: parsing "xxx": invalid syntax`,
		"/gatewayz?accs=2":             `Error decoding boolean for 'accs': strconv.ParseBool: parsing "2": invalid syntax`,
		"/leafz?subs=detail":           `Error decoding boolean for 'subs': strconv.ParseBool: parsing "detail": invalid syntax`,
		"/subsz?subs=detail":           `Error decoding boolean for 'subs': strconv.ParseBool: parsing "detail": invalid syntax`,
		"/subscriptionsz?limit=x":      `Error decoding int for 'limit': strconv.Atoi: parsing "x": invalid syntax`,
		"/accstatz?unused=x":           `Error decoding boolean for 'unused': strconv.ParseBool: parsing "x": invalid syntax`,
		"/jsz?direct-consumers=x":      `Error decoding boolean for 'direct-consumers': strconv.ParseBool: parsing "x": invalid syntax`,
		"/jsz?stream-leader-only=x":    `Error decoding boolean for 'stream-leader-only': strconv.ParseBool: parsing "x": invalid syntax`,
		"/healthz?js-meta-only=x":      `Error decoding boolean for 'js-meta-only': strconv.ParseBool: parsing "x": invalid syntax`,
		"/ipqueuesz?all=x":             `Error decoding boolean for 'all': strconv.ParseBool: parsing "x": invalid syntax`,
		"/accountz?acc=nobody%3Cb%3E":  "Account nobody<b> does not exist",
		"/connz?state=closed&sort=foo": "invalid sorting option: foo",
	} {
		wantBadRequest(t, s, target, text)
	}
}

// The first wrong parameter in the documented order is answered, wherever it
// stands in the URL.
func TestParametersAreCheckedInTheirOrder(t *testing.T) {
	s := newFakeServer(newFake())
	for path, names := range map[string][]string{
		"/connz":    {"auth", "subs", "offset", "limit", "cid", "state"},
		"/gatewayz": {"subs", "accs"},
		"/subsz":    {"subs", "offset", "limit"},
		"/jsz": {
			"accounts", "streams", "consumers", "direct-consumers", "config",
			"offset", "limit", "leader-only", "raft", "stream-leader-only",
		},
		"/healthz": {"js-enabled", "js-enabled-only", "js-server-only", "js-meta-only", "details"},
	} {
		wrong := ""
		for i := range names {
			name := names[len(names)-1-i] // so that each new one is checked before all others
			wrong += "&" + name + "=bad"
			body := get(t, s, path+"?x=1"+wrong).Body.String()
			want := "for '" + name + "': "
			if name == "state" {
				want = "Error decoding state for bad"
			}
			if !strings.Contains(body, want) {
				t.Errorf("%s?%s: %q, want the error of %s", path, wrong, body, name)
			}
		}
	}
}

func TestQueryForms(t *testing.T) {
	for raw, want := range map[string]*api.ConnzOptions{
		"":                                      {},
		"auth=&subs=&limit=&cid=":               {},
		"auth=T&auth=xxx&subs=0":                {Username: true},
		"auth=&auth=1":                          {},
		"subs=DETAIL":                           {SubscriptionsDetail: true},
		"subs=True&state=Any":                   {Subscriptions: true, State: api.ConnAll},
		"offset=-3&limit=%2B7":                  {Offset: -3, Limit: 7},
		"cid=18446744073709551615&state=CLOSED": {CID: 1<<64 - 1, State: api.ConnClosed},
		"acc=A%26B&user=u&mqtt_client=m&sort=bytes_to": {Account: "A&B", User: "u", MQTTClient: "m", Sort: api.ByOutBytes},
		"filter_subject=foo&callback=cb":               {},
	} {
		values, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		q := &query{values: values}
		got := q.connz()
		if q.err != nil {
			t.Errorf("%q: %v", raw, q.err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", raw, diff)
		}
	}
}

// FuzzQuery asks every endpoint with any query: the answer is good JSON, or a
// plain text that says what is wrong.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "subs=detail&auth=1", "offset=9223372036854775807&limit=9223372036854775807&subs=1",
		"state=any&sort=rtt&cid=2", "acc=A&test=foo.bar&subs=1", "%zz=1;b", "stream=S&details=1", "sort=\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		source := newFake()
		source.accounts = []AccountState{newAccount(t, "A", 1, "foo.*", "foo.bar")}
		source.open = []client.Snapshot{newConnection(1)}
		source.closed = []client.Snapshot{closedAt(newConnection(2), noon, client.Kicked)}
		s := newFakeServer(source)
		for path, handler := range s.routes("") {
			switch path {
			case "/", "/raftz", "/stacksz", "/debug/vars", "/metrics":
				continue // they take no parameters
			}
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.URL.RawQuery = raw
			w := httptest.NewRecorder()
			handler(w, r)
			isJSON := w.Header().Get("Content-Type") == "application/json"
			switch {
			case isJSON && !json.Valid(w.Body.Bytes()):
				t.Errorf("%s?%s: no JSON: %q", path, raw, w.Body)
			case w.Code == http.StatusOK && !isJSON, w.Code != http.StatusOK && w.Code != http.StatusBadRequest:
				t.Errorf("%s?%s: status %d, %s", path, raw, w.Code, w.Header())
			}
		}
	})
}
