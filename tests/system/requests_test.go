package system_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// Every request about the server is answered in an envelope, whether it is for
// all servers or for this one, with headers and without.
func TestRequestsAboutTheServer(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys := connect(t, s, "sys")
	for _, tc := range []struct {
		name, body string
		fields     []string // of the data
	}{
		{"VARZ", "", []string{"server_id", "now", "cpu", "system_account", "max_payload", "connections", "slow_consumer_stats"}},
		{"SUBSZ", "", []string{"num_subscriptions", "num_cache"}},
		{"SUBSZ", `{"limit": 5}`, []string{"num_subscriptions", "num_cache"}},
		{"SUBSZ", `{"subscriptions": true, "account": "SYS"}`, []string{"num_subscriptions", "subscriptions_list"}},
		{"CONNZ", "", []string{"now", "connections", "connections.0.cid"}},
		{"CONNZ", `{"limit": 5, "subscriptions": true, "auth": true}`, []string{"connections.0.account", "connections.0.authorized_user"}},
		{"CONNZ", `{"acc": "SYS"}`, []string{"connections.0.cid"}},
		{"ROUTEZ", "", []string{"now", "routes"}},
		{"ROUTEZ", `{"subscriptions_detail": true}`, []string{"now", "routes"}},
		{"ROUTEZ", `{"cluster": ""}`, []string{"now", "routes"}},
		{"GATEWAYZ", "", []string{"now", "outbound_gateways", "inbound_gateways"}},
		{"GATEWAYZ", `{"accounts": true}`, []string{"now", "outbound_gateways", "inbound_gateways"}},
		{"LEAFZ", "", []string{"now", "leafs"}},
		{"LEAFZ", `{"subscriptions": true, "account": "SYS"}`, []string{"now", "leafs"}},
		{"ACCOUNTZ", "", []string{"now", "accounts", "system_account"}},
		{"ACCOUNTZ", `{"account": "SYS"}`, []string{"now", "account_detail", "account_detail.account_name"}},
		{"JSZ", "", []string{"now", "disabled"}},
		{"HEALTHZ", "", []string{"status"}},
		{"HEALTHZ", `{"js-enabled-only": true}`, []string{"status"}},
		{"HEALTHZ", `{"js-server-only": true}`, []string{"status"}},
		{"HEALTHZ", `{"js-meta-only": true}`, []string{"status"}},
		{"EXPVARZ", "", []string{"memstats", "cmdline"}},
		{"IPQUEUESZ", "", nil},
		{"RAFTZ", "", nil},
		{"VARZ", `{"server_name": "on", "tags": ["blue"], "host": "127."}`, []string{"now"}},
	} {
		for _, subject := range []string{"$SYS.REQ.SERVER.PING." + tc.name, "$SYS.REQ.SERVER." + s.ID() + "." + tc.name} {
			m := nats.NewMsg(subject)
			m.Header.Set("Some-Header", "to be ignored")
			m.Data = []byte(tc.body)
			answer, err := sys.RequestMsg(m, kit.Patience)
			if err != nil {
				t.Fatalf("%s: %v", subject, err)
			}
			o := decode(t, answer.Data)
			o.expect(t, map[string]any{"server.name": "one", "server.id": s.ID(), "server.tags.1": "blue"})
			if !o.has("data") || o.has("error") || len(o) != 2 {
				t.Errorf("%s %s: %s", subject, tc.body, answer.Data)
			}
			for _, field := range tc.fields {
				if o.at("data."+field) == nil {
					t.Errorf("%s %s: no %s in %s", subject, tc.body, field, answer.Data)
				}
			}
			if len(answer.Header) > 0 {
				t.Errorf("%s: headers %v", subject, answer.Header)
			}
		}
	}
}

// The parts of the server's description grow and keep their order.
func TestAnswersAreNumbered(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys := connect(t, s, "sys")
	var last float64
	for _, name := range []string{"VARZ", "STATSZ", "CONNZ", "STATSZ"} {
		seq := ask(t, sys, "$SYS.REQ.SERVER.PING."+name, "").number(t, "server.seq")
		if seq <= last {
			t.Errorf("number %v after %v", seq, last)
		}
		last = seq
	}
}

// Go: TestMonitorServerIDZRequest server/monitor_test.go:5957
func TestServerIdentity(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys := connect(t, s, "sys")
	for _, subject := range []string{"$SYS.REQ.SERVER.PING.IDZ", "$SYS.REQ.SERVER." + s.ID() + ".IDZ"} {
		o := ask(t, sys, subject, "")
		o.expect(t, map[string]any{"name": "one", "id": s.ID(), "host": "127.0.0.1"})
		if len(o) != 3 || !strings.HasPrefix(s.ID(), "N") {
			t.Errorf("got %v", o)
		}
	}
}

// Go: TestServerEventsHealthZJetStreamNotEnabled server/events_test.go:2828
func TestHealthWithoutJetStream(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	o := ask(t, connect(t, s, "sys"), "$SYS.REQ.SERVER."+s.ID()+".HEALTHZ", "")
	o.expect(t, map[string]any{"data.status": "ok", "data.error": nil, "error": nil})
}

// A request may say which servers it is for. The others say nothing.
//
// Go: TestServerEventsPingStatsZFilter server/events_test.go:2985
func TestFilters(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys := connect(t, s, "sys")
	admitted := []string{
		`{"server_name": "on"}`, `{"server_name": "one", "exact_match": true}`, `{"server_name": ""}`, `{}`,
		`{"host": "127"}`, `{"host": "127.0.0.1", "exact_match": true}`, `{"tags": ["blue"]}`, `{"tags": ["BLUE", "region:north"]}`,
		`{"tags": []}`, `{"unknown": 1}`, ` {"server_name":"e"} `,
		"{\n  \"server_name\": \"one\",\n  \"host\": \"127.0.0.1\"\n}",
	}
	for _, name := range []string{"VARZ", "STATSZ"} {
		for _, body := range admitted {
			ask(t, sys, "$SYS.REQ.SERVER.PING."+name, body).expect(t, map[string]any{"server.name": "one", "error": nil})
		}
	}
	excluded := []string{
		`{"server_name": "two"}`, `{"server_name": "on", "exact_match": true}`, `{"server_name": "ONE"}`,
		`{"host": "10.0.0.1"}`, `{"host": "127", "exact_match": true}`,
		`{"cluster": "east"}`, `{"cluster": "east", "exact_match": true}`, `{"domain": "hub"}`,
		`{"tags": ["red"]}`, `{"tags": ["blue", "red"]}`, `{"tags": ["blu"]}`,
		`{"server_name": "one", "host": "elsewhere"}`,
	}
	for subject, last := range map[string]string{
		"$SYS.REQ.SERVER.PING.VARZ":               "$SYS.REQ.SERVER.PING.IDZ",
		"$SYS.REQ.SERVER.PING.CONNZ":              "$SYS.REQ.SERVER.PING.IDZ",
		"$SYS.REQ.ACCOUNT.A.SUBSZ":                "$SYS.REQ.SERVER.PING.IDZ",
		"$SYS.REQ.SERVER." + s.ID() + ".RELOAD":   "$SYS.REQ.SERVER.PING.IDZ",
		"$SYS.REQ.SERVER.PING.STATSZ":             "$SYS.REQ.SERVER.PING.STATSZ",
		"$SYS.REQ.SERVER.PING":                    "$SYS.REQ.SERVER.PING.STATSZ",
		"$SYS.REQ.SERVER." + s.ID() + ".STATSZ":   "$SYS.REQ.SERVER.PING.STATSZ",
		"$SYS.REQ.SERVER." + s.ID() + ".ACCOUNTZ": "$SYS.REQ.SERVER.PING.IDZ",
	} {
		var questions []question
		for _, body := range excluded {
			questions = append(questions, question{subject, body})
		}
		silent(t, sys, last, questions...)
	}
}

// Go: TestServerEventsPingStatsZFailFilter server/events_test.go:3026
func TestBadRequests(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys := connect(t, s, "sys")
	server := "$SYS.REQ.SERVER." + s.ID() + "."
	for _, subject := range []string{
		"$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.STATSZ", "$SYS.REQ.SERVER.PING.VARZ", "$SYS.REQ.SERVER.PING.EXPVARZ",
		"$SYS.REQ.SERVER.PING.PROFILEZ", "$SYS.REQ.ACCOUNT.A.CONNZ", "$SYS.REQ.ACCOUNT.A.STATZ", "$SYS.REQ.ACCOUNT.PING.STATZ",
		server + "RELOAD", server + "KICK", server + "LDM", server + "STATSZ",
	} {
		for _, body := range []string{`{MALFORMEDJSON`, `[]`, `{"server_name": 5}`, `{"tags": "blue"}`, `nonsense`} {
			o := ask(t, sys, subject, body)
			o.expect(t, map[string]any{"server.name": "one", "error.code": 400})
			if text, _ := o.at("error.description").(string); text == "" || o.has("data") || o.has("statsz") {
				t.Errorf("%s %s: %v", subject, body, o)
			}
		}
	}
	for body, code := range map[string]int{`{"cid": "1"}`: 400, `{"cid": -1}`: 400, `{"cid": 1.5}`: 400, ``: 400, `{}`: 500, `{"cid": 9999}`: 500} {
		for _, order := range []string{"KICK", "LDM"} {
			o := ask(t, sys, server+order, body)
			o.expect(t, map[string]any{"error.code": code})
			if want := map[string]string{"KICK": "no such client or leafnode id", "LDM": "no such client id"}[order]; code == 500 && o.at("error.description") != want {
				t.Errorf("%s %s: %v", order, body, o)
			}
		}
	}
	o := ask(t, sys, "$SYS.REQ.SERVER.PING.CONNZ", `{"sort": "nonsense"}`)
	o.expect(t, map[string]any{"error.code": 500, "data": nil})
	o = ask(t, sys, "$SYS.REQ.SERVER.PING.ACCOUNTZ", `{"account": "NONE"}`)
	o.expect(t, map[string]any{"error.code": 500, "error.description": "Account NONE does not exist"})
}

// Who cannot be answered is not served: nothing happens without a reply subject.
func TestRequestsWithoutAReply(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys, a := connect(t, s, "sys"), connect(t, s, "a")
	id, err := a.GetClientID()
	if err != nil {
		t.Fatal(err)
	}
	body, _ := json.Marshal(map[string]uint64{"cid": id})
	sys.Publish("$SYS.REQ.SERVER."+s.ID()+".KICK", body)
	sys.Publish("$SYS.REQ.SERVER.PING.VARZ", nil)
	sys.Publish("$SYS.REQ.SERVER.PING.PROFILEZ", []byte(`{"name": "cpu", "duration": 300000000000}`))
	ask(t, sys, "$SYS.REQ.SERVER.PING.IDZ", "")
	kit.Flush(t, a)
	if o := ask(t, sys, "$SYS.REQ.SERVER.PING.PROFILEZ", `{"name": "cpu", "duration": 1000000}`); o.at("data.error") != "" {
		t.Errorf("got %v", o)
	}
}

// Answers come compressed to those who can read that.
func TestCompressedAnswers(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys := connect(t, s, "sys")
	plain := func(r io.Reader) io.Reader { return r }
	snappy := func(r io.Reader) io.Reader { return s2.NewReader(r) }
	zip := func(r io.Reader) io.Reader {
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	for _, tc := range []struct {
		subject, body, accept, encoding string
		open                            func(io.Reader) io.Reader
	}{
		{"$SYS.REQ.SERVER.PING.VARZ", "", "", "", plain},
		{"$SYS.REQ.SERVER.PING.VARZ", "", "snappy", "snappy", snappy},
		{"$SYS.REQ.SERVER.PING.VARZ", "", "gzip, S2", "snappy", snappy},
		{"$SYS.REQ.SERVER.PING.VARZ", "", "deflate, gzip;q=1.0, *;q=0.5", "gzip", zip},
		{"$SYS.REQ.SERVER.PING.VARZ", "", "br", "identity", plain},
		{"$SYS.REQ.ACCOUNT.A.INFO", "", "gzip", "gzip", zip},
		{"$SYS.REQ.SERVER.PING.VARZ", "{", "gzip", "", plain},
		{"$SYS.REQ.SERVER.PING.STATSZ", "", "gzip", "", plain},
		{"$SYS.REQ.SERVER.PING.IDZ", "", "gzip", "", plain},
	} {
		m := nats.NewMsg(tc.subject)
		m.Data = []byte(tc.body)
		if tc.accept != "" {
			m.Header.Set("Accept-Encoding", tc.accept)
		}
		answer, err := sys.RequestMsg(m, kit.Patience)
		if err != nil {
			t.Fatal(err)
		}
		if got := answer.Header.Get("Content-Encoding"); got != tc.encoding {
			t.Errorf("%+v: encoding %q", tc, got)
			continue
		}
		text, err := io.ReadAll(tc.open(strings.NewReader(string(answer.Data))))
		if err != nil {
			t.Errorf("%+v: %v", tc, err)
		}
		if o := decode(t, text); o.at("server.name") != "one" && o.at("name") != "one" {
			t.Errorf("%+v: %s", tc, text)
		}
	}
}

// Go: TestMonitorProfilez server/monitor_test.go:5985
func TestProfiles(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	sys := connect(t, s, "sys")
	for _, body := range []string{
		`{"name": "allocs"}`, `{"name": "allocs", "debug": 1}`, `{"name": "block"}`, `{"name": "goroutine"}`,
		`{"name": "goroutine", "debug": 1}`, `{"name": "goroutine", "debug": 2}`, `{"name": "heap"}`, `{"name": "heap", "debug": 1}`,
		`{"name": "mutex"}`, `{"name": "threadcreate"}`, `{"name": "cpu", "duration": 10000000}`,
	} {
		var answer struct {
			Data struct {
				Profile []byte
				Error   string
			}
		}
		m, err := sys.Request("$SYS.REQ.SERVER.PING.PROFILEZ", []byte(body), kit.Patience)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(m.Data, &answer); err != nil || answer.Data.Error != "" || len(answer.Data.Profile) == 0 {
			t.Errorf("%s: %v, %q, %d bytes", body, err, answer.Data.Error, len(answer.Data.Profile))
		}
	}
	for body, want := range map[string]string{
		`{"name": "nonsense"}`: "not found", `{}`: "not found", `{"name": "cpu"}`: "duration", `{"name": "cpu", "duration": 400000000000}`: "duration",
	} {
		o := ask(t, sys, "$SYS.REQ.SERVER.PING.PROFILEZ", body)
		if text, _ := o.at("data.error").(string); !strings.Contains(text, want) || o.at("data.profile") != nil {
			t.Errorf("%s: %v", body, o)
		}
	}
}
