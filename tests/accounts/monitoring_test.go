package accounts_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// What the endpoint says about what accounts share, and about requests that are
// under way.
func TestAccountzShowsWhatAccountsShare(t *testing.T) {
	s := godwittest.RunConfig(t, `
		http: 127.0.0.1:-1
		server_name: S1
		accounts {
			SVC {
				users: [{user: svc, password: pw}]
				exports: [
					{service: "help.*", accounts: [OTHER, CL], latency: {sampling: 100, subject: "lat.help"}, threshold: "5s"}
					{service: hdr, latency: {sampling: headers, subject: "lat.hdr"}}
					{service: "str.*", response: stream}
					{service: "tok.*", account_token_position: 2}
					{stream: "ev.>", accounts: [CL]}
					{stream: "pub.*"}
				]
				mappings { half: {dest: half2, weight: 50} }
			}
			CL {
				users: [{user: cl, password: pw}]
				imports: [
					{service: {account: SVC, subject: "help.*"}, to: "h.$1", share: true}
					{service: {account: SVC, subject: "tok.CL"}, to: mine}
					{stream: {account: SVC, subject: "ev.a.*.*"}, to: "swap.$2.$1"}
					{stream: {account: SVC, subject: "pub.*"}, prefix: pre}
				]
			}
			OTHER {}
		}`)
	svc, cl := kit.Connect(t, s, "svc"), kit.Connect(t, s, "cl")
	service := kit.Subscribe(t, svc, ">")
	kit.Subscribe(t, cl, "inbox.*")
	publishRequest(t, cl, "h.foo", "inbox.1", "hi")
	kit.OK(t, cl.PublishMsg(&nats.Msg{Subject: "mine", Reply: "inbox.2", Header: nats.Header{"X-B3-Sampled": {"1"}}}))
	first, second := service.Next(), service.Next()

	shown := func(name string) map[string]any {
		t.Helper()
		answer := kit.Must[*http.Response](t)(http.Get("http://" + s.MonitorAddr().String() + "/accountz?acc=" + name))
		defer answer.Body.Close()
		var z struct {
			Account map[string]any `json:"account_detail"`
		}
		kit.OK(t, json.Unmarshal(kit.Must[[]byte](t)(io.ReadAll(answer.Body)), &z))
		return z.Account
	}
	check := func(what string, got any, want string) {
		t.Helper()
		var expected any
		kit.OK(t, json.Unmarshal([]byte(want), &expected))
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	own := func(name string) string {
		return strings.ReplaceAll(`
		{"subject":"$SYS.REQ.ACCOUNT.NAME.CONNZ","account":"$SYS","to":"$SYS.REQ.ACCOUNT.PING.CONNZ","local_subject":"$SYS.REQ.ACCOUNT.PING.CONNZ","type":"service","invalid":false,"share":false,"tracking":false},
		{"subject":"$SYS.REQ.ACCOUNT.NAME.CONNZ","account":"$SYS","to":"$SYS.REQ.SERVER.PING.CONNZ","local_subject":"$SYS.REQ.SERVER.PING.CONNZ","type":"service","invalid":false,"share":false,"tracking":false},
		{"subject":"$SYS.REQ.ACCOUNT.NAME.STATZ","account":"$SYS","to":"$SYS.REQ.ACCOUNT.PING.STATZ","local_subject":"$SYS.REQ.ACCOUNT.PING.STATZ","type":"service","invalid":false,"share":false,"tracking":false},
		{"subject":"$SYS.REQ.USER.NAME.INFO","account":"$SYS","to":"$SYS.REQ.USER.INFO","local_subject":"$SYS.REQ.USER.INFO","type":"service","invalid":false,"share":true,"tracking":false}`, "NAME", name)
	}
	exporter, importer := shown("SVC"), shown("CL")
	check("exports", exporter["exports"], `[
		{"subject":"help.*","type":"service","response_type":"Singleton","service_latency":{"sampling":100,"results":"lat.help"},"approved_accounts":["CL","OTHER"]},
		{"subject":"hdr","type":"service","response_type":"Singleton","service_latency":{"sampling":"headers","results":"lat.hdr"}},
		{"subject":"str.*","type":"service","response_type":"Streamed"},
		{"subject":"tok.*","type":"service","response_type":"Singleton"},
		{"subject":"ev.>","type":"stream","approved_accounts":["CL"]},
		{"subject":"pub.*","type":"stream"}]`)
	check("mappings", exporter["mappings"], `{"half":[{"subject":"half2","weight":50},{"subject":"half","weight":100}]}`)
	check("the exporter's imports", exporter["imports"], "["+own("SVC")+"]")
	check("imports", importer["imports"], `[
		{"subject":"ev.a.*.*","account":"SVC","local_subject":"swap.*.*","type":"stream","invalid":false,"share":false,"tracking":false},
		{"subject":"pub.*","account":"SVC","local_subject":"pre.pub.*","type":"stream","invalid":false,"share":false,"tracking":false},
		{"subject":"help.*","account":"SVC","to":"h.*","local_subject":"h.*","type":"service","invalid":false,"share":true,"tracking":false,"latency":{"sampling":100,"results":"lat.help"}},
		{"subject":"tok.CL","account":"SVC","to":"mine","local_subject":"mine","type":"service","invalid":false,"share":false,"tracking":false},`+own("CL")+"]")
	check("responses", exporter["responses"], strings.NewReplacer("FIRST", first.Reply, "SECOND", second.Reply).Replace(`{
		"FIRST":{"subject":"inbox.1","account":"CL","to":"FIRST","local_subject":"FIRST","type":2,"invalid":false,"share":true,"tracking":true,"latency":{"sampling":100,"results":"lat.help"}},
		"SECOND":{"subject":"inbox.2","account":"CL","to":"SECOND","local_subject":"SECOND","type":2,"invalid":false,"share":false,"tracking":false}}`))
	if importer["responses"] != nil || importer["exports"] != nil || importer["mappings"] != nil {
		t.Errorf("the importer's account: %v", importer)
	}
	kit.OK(t, first.Respond(nil))
	kit.OK(t, second.Respond(nil))
	kit.Flush(t, svc)
	if left := shown("SVC")["responses"]; left != nil {
		t.Errorf("answered, but still shown: %v", left)
	}
}
