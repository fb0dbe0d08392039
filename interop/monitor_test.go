package interop

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
)

// shape lists the paths of a JSON value with the type of each.
func shape(prefix string, v any, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		into[prefix] = "object"
		for key, item := range v {
			shape(prefix+"."+key, item, into)
		}
	case []any:
		into[prefix] = "list"
		for _, item := range v {
			shape(prefix+"[]", item, into)
		}
	case nil:
		into[prefix] = "null"
	default:
		into[prefix] = fmt.Sprintf("%T", v)
	}
}

func get(t *testing.T, url string) (int, string, http.Header) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

// TestMonitoringHasTheShapeOfTheReference brings both servers into the same
// state and compares which fields the answers have, with their types.
func TestMonitoringHasTheShapeOfTheReference(t *testing.T) {
	config := `accounts {
		A { users: [ {user: a, password: a} ] }
		$SYS { users: [ {user: s, password: s} ] }
	}`
	shapes := map[string]map[string]map[string]string{} // path -> server -> shape
	failures := map[string]map[string]string{}
	paths := []string{
		"/varz", "/connz", "/connz?auth=1&subs=1", "/connz?auth=1&subs=detail", "/connz?state=closed&subs=detail&auth=1",
		"/connz?state=any&sort=bytes_to&limit=1&offset=1", "/connz?acc=A", "/connz?user=a&auth=true", "/connz?cid=999999",
		"/subsz", "/subsz?subs=1&test=foo.x", "/subscriptionsz?acc=A", "/accountz", "/accstatz", "/accstatz?unused=1",
		"/routez", "/gatewayz", "/leafz", "/healthz", "/healthz?js-enabled-only=true", "/ipqueuesz", "/jsz",
	}
	bad := []string{
		"/connz?auth=x", "/connz?limit=x", "/connz?cid=-1", "/connz?sort=nonsense", "/connz?sort=stop", "/connz?state=x",
		"/subsz?subs=detail", "/subsz?subs=1&test=foo.*", "/accountz?acc=NONE", "/nonsense", "/varz/", "/raftz", "/healthz?stream=S",
	}
	for _, name := range []string{"godwit", "nats-server"} {
		monitor := freePort(t)
		s := startServer(t, name, config, "-m", fmt.Sprint(monitor))
		base := fmt.Sprintf("http://127.0.0.1:%d", monitor)
		nc := s.connect(nats.UserInfo("a", "a"), nats.Name("me"))
		if _, err := nc.QueueSubscribe("foo.>", "q", func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
		nc.Publish("foo.x", []byte("hello"))
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		gone := s.connect(nats.UserInfo("a", "a"))
		gone.SubscribeSync("bar")
		gone.Flush()
		gone.Close()
		eventually(t, "a closed connection", func() bool {
			_, body, _ := get(t, base+"/connz?state=closed&acc=A")
			return strings.Contains(body, "Client Closed")
		})
		for _, path := range paths {
			code, body, header := get(t, base+path)
			if code != 200 || header.Get("Content-Type") != "application/json" {
				t.Errorf("%s %s: %d %s", name, path, code, header.Get("Content-Type"))
			}
			var v any
			if err := json.Unmarshal([]byte(body), &v); err != nil {
				t.Errorf("%s %s: %v", name, path, err)
				continue
			}
			if shapes[path] == nil {
				shapes[path] = map[string]map[string]string{}
			}
			shapes[path][name] = map[string]string{}
			shape("", v, shapes[path][name])
		}
		for _, path := range bad {
			code, body, header := get(t, base+path)
			if failures[path] == nil {
				failures[path] = map[string]string{}
			}
			failures[path][name] = fmt.Sprintf("%d %s %s", code, header.Get("Content-Type"), body)
		}
	}
	for _, path := range paths {
		ours, theirs := shapes[path]["godwit"], shapes[path]["nats-server"]
		for field, kind := range theirs {
			if known[field] {
				continue
			}
			if ours[field] != kind {
				t.Errorf("%s: %s is %q, the reference has %q", path, field, ours[field], kind)
			}
		}
		var extra []string
		for field := range ours {
			if theirs[field] == "" && !known[field] {
				extra = append(extra, field)
			}
		}
		sort.Strings(extra)
		if len(extra) > 0 {
			t.Logf("%s: only here: %v", path, extra)
		}
	}
	for _, path := range bad {
		if diff := cmp.Diff(failures[path]["nats-server"], failures[path]["godwit"]); diff != "" {
			t.Errorf("%s:\n%s", path, diff)
		}
	}
}

// known are differences with a reason, see docs/differences.md.
var known = map[string]bool{
	".git_commit": true, // of a build from a module there is none
	// All feature flags of the reference are about JetStream.
	".feature_flags": true, ".feature_flags.js_raft_delete_range": true, ".feature_flags.js_snapshot_sources": true,
	".feature_flags.js_api_reply_v2": true, ".feature_flags.js_ack_fc_v2": true,
}
