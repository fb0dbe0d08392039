package system

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/events"
)

func TestFilter(t *testing.T) {
	server := events.Server{Name: "one-a", Host: "10.1.2.3", Cluster: "east", Domain: "hub", Tags: []string{"blue", "az:1"}}
	for body, want := range map[string]bool{
		`{}`: true, `{"exact_match": true}`: true,
		`{"server_name": "one"}`: true, `{"server_name": "one", "exact_match": true}`: false, `{"server_name": "one-a", "exact_match": true}`: true,
		`{"host": "10."}`: true, `{"host": "10.", "exact_match": true}`: false, `{"cluster": "as"}`: true, `{"cluster": "as", "exact_match": true}`: false,
		`{"cluster": "east", "exact_match": true}`: true, `{"domain": "hub"}`: true, `{"domain": "hu"}`: false, `{"domain": "leaf"}`: false,
		`{"tags": ["blue"]}`: true, `{"tags": ["Blue", "az:1"]}`: true, `{"tags": ["blue", "az:2"]}`: false, `{"tags": [""]}`: false,
		`{"server_name": "one", "cluster": "west"}`: false, `{"server_name": "two", "cluster": "east"}`: false,
	} {
		var f filter
		if err := json.Unmarshal([]byte(body), &f); err != nil {
			t.Fatal(err)
		}
		if got := f.admits(&server); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}

// A filter with more in it never admits more servers, and a server that is
// described in full by an exact filter is admitted.
func TestFilterNarrows(t *testing.T) {
	word := rapid.SampledFrom([]string{"", "a", "b", "ab", "ba", "aba"})
	rapid.Check(t, func(t *rapid.T) {
		server := events.Server{
			Name: word.Draw(t, "name"), Host: word.Draw(t, "host"), Cluster: word.Draw(t, "cluster"), Domain: word.Draw(t, "domain"),
			Tags: rapid.SliceOfN(word, 0, 3).Draw(t, "tags"),
		}
		f := filter{Name: server.Name, Host: server.Host, Cluster: server.Cluster, Domain: server.Domain, Tags: server.Tags, Exact: true}
		if !f.admits(&server) {
			t.Fatalf("%+v excludes %+v", f, server)
		}
		g := filter{Name: word.Draw(t, "wanted name"), Tags: rapid.SliceOfN(word, 0, 2).Draw(t, "wanted tags"), Exact: rapid.Bool().Draw(t, "exact")}
		narrow := g
		narrow.Host, narrow.Cluster, narrow.Domain = word.Draw(t, "wanted host"), word.Draw(t, "wanted cluster"), word.Draw(t, "wanted domain")
		narrow.Tags = append(append([]string(nil), g.Tags...), rapid.SliceOfN(word, 0, 2).Draw(t, "more tags")...)
		if narrow.admits(&server) && !g.admits(&server) {
			t.Fatalf("%+v admits what %+v excludes: %+v", narrow, g, server)
		}
	})
}

// FuzzOrder sends arbitrary bodies. There is at most one answer, and only a JSON
// object that names a connection leads to a deed.
func FuzzOrder(f *testing.F) {
	for _, body := range []string{"", " ", "{}", `{"cid": 1}`, `{"cid": 1, "server_name": "x"}`, `{"cid": -1}`, `[1]`, "null", `{"tags": [null]}`, "{", "\x00"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		synctest.Test(t, func(t *testing.T) {
			h := &fakeHost{}
			s := serve(h)
			defer s.stop()
			box := s.listen(t, "reply")
			s.ask("$SYS.REQ.SERVER."+serverID+".KICK", "reply", string(body))
			synctest.Wait()
			list := box.take()
			if len(list) > 1 {
				t.Fatalf("%d answers", len(list))
			}
			failed := false
			if len(list) == 1 {
				_, failed = list[0].body["error"]
			}
			if done := len(h.kicked) > 0; done && (failed || len(list) == 0 || !json.Valid(body)) || !done && len(list) == 1 && !failed {
				t.Errorf("%q: kicked %v, answers %v", body, h.kicked, list)
			}
		})
	})
}
