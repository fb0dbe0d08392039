package monitor

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/sharing"
	"github.com/godwit-mq/godwit/internal/transform"
)

// asJSON brings values of JSON into the form in which they can be compared.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	text, given := v.(string)
	if !given {
		text = string(must(json.Marshal(v)))
	}
	var plain any
	if err := json.Unmarshal([]byte(text), &plain); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return plain
}

func TestAccountzShowsExports(t *testing.T) {
	a := newAccount(t, "SVC", 1)
	a.Offers = &sharing.Account{Name: "SVC", Exports: []*sharing.Export{
		{Kind: sharing.Stream, Subject: "ev.>", Private: true, Accounts: []string{"CL"}},
		{Kind: sharing.Service, Subject: "help.*", Private: true, Accounts: []string{"X", "CL", "X"}, Latency: &sharing.Latency{Sampling: 40, Subject: "lat"}},
		{Kind: sharing.Service, Subject: "hdr", Response: sharing.Singleton, Latency: &sharing.Latency{Headers: true, Subject: "lat"}},
		{Kind: sharing.Service, Subject: "str", Response: sharing.Streamed, TokenRequired: true, RevokedBefore: map[string]int64{"CL": 60}},
		{Kind: sharing.Service, Subject: "chunk", Response: sharing.Chunked},
		{Kind: sharing.Stream, Subject: "pub.*"},
	}}
	const want = `[
		{"subject":"help.*","type":"service","response_type":"Singleton","service_latency":{"sampling":40,"results":"lat"},"approved_accounts":["CL","X"]},
		{"subject":"hdr","type":"service","response_type":"Singleton","service_latency":{"sampling":"headers","results":"lat"}},
		{"subject":"str","type":"service","token_req":true,"response_type":"Streamed","revoked_activations":{"CL":"1970-01-01T00:01:00Z"}},
		{"subject":"chunk","type":"service","response_type":"Chunked"},
		{"subject":"ev.>","type":"stream","approved_accounts":["CL"]},
		{"subject":"pub.*","type":"stream"}]`
	if diff := cmp.Diff(asJSON(t, want), asJSON(t, accountInfo(&a, noon).Exports)); diff != "" {
		t.Error(diff)
	}
}

// Imports that the exporter refuses are shown as invalid.
func TestAccountzShowsImports(t *testing.T) {
	svc := broker.NewAccount("SVC", nil)
	a := newAccount(t, "CL", 1)
	a.Offers = &sharing.Account{Name: "CL", Imports: []*sharing.Import{
		{Kind: sharing.Service, Account: "SVC", Subject: "help.*", Local: "h.$1", Share: true},
		{Kind: sharing.Service, Account: "SVC", Subject: "hdr", Local: "hdr"},
		{Kind: sharing.Service, Account: "GONE", Subject: "hdr", Local: "hdr"},
		{Kind: sharing.Stream, Account: "SVC", Subject: "ev.a.*.*", Local: "swap.$2.$1"},
		{Kind: sharing.Stream, Account: "SVC", Subject: "no.*.*", Local: "no.{{wildcard(2)}}.$1"},
	}}
	if err := a.SetImports(
		[]broker.StreamImport{{From: svc, Subject: "ev.a.*.*", Local: "swap.$2.$1"}},
		[]broker.ServiceImport{
			{To: svc, Subject: "help.*", Local: "h.$1", Share: true},
			{To: svc, Subject: "hdr", Local: "hdr", Latency: sharing.Latency{Headers: true, Subject: "lat"}},
		}); err != nil {
		t.Fatal(err)
	}
	const want = `[
		{"subject":"ev.a.*.*","account":"SVC","local_subject":"swap.*.*","type":"stream","invalid":false,"share":false,"tracking":false},
		{"subject":"no.*.*","account":"SVC","local_subject":"no.*.*","type":"stream","invalid":true,"share":false,"tracking":false},
		{"subject":"help.*","account":"SVC","to":"h.*","local_subject":"h.*","type":"service","invalid":false,"share":true,"tracking":false},
		{"subject":"hdr","account":"SVC","to":"hdr","local_subject":"hdr","type":"service","invalid":false,"share":false,"tracking":false,
		 "latency":{"sampling":"headers","results":"lat"}},
		{"subject":"hdr","account":"GONE","to":"hdr","local_subject":"hdr","type":"service","invalid":true,"share":false,"tracking":false}]`
	if diff := cmp.Diff(asJSON(t, want), asJSON(t, accountInfo(&a, noon).Imports)); diff != "" {
		t.Error(diff)
	}
}

func TestAccountzShowsMappings(t *testing.T) {
	a := newAccount(t, "A", 1)
	mapping := func(source string, to ...transform.Destination) *transform.Mapping {
		return must(transform.NewMapping(source, to))
	}
	a.SetMappings(transform.NewMappings(
		mapping("half", transform.Destination{Subject: "half2", Weight: 50}),
		mapping("foo.*", transform.Destination{Subject: "a.$1", Weight: 40}, transform.Destination{Subject: "b.$1", Weight: 20},
			transform.Destination{Subject: "c.$1", Weight: 100, Cluster: "C2"}),
	))
	const want = `{
		"half": [{"subject":"half2","weight":50},{"subject":"half","weight":100}],
		"foo.*": [{"subject":"b.$1","weight":20},{"subject":"a.$1","weight":60},{"subject":"foo.$1","weight":100},
		          {"subject":"c.$1","weight":100,"cluster":"C2"}]}`
	if diff := cmp.Diff(asJSON(t, want), asJSON(t, accountInfo(&a, noon).Mappings)); diff != "" {
		t.Error(diff)
	}
}

// Answers that are owed are shown in the account that owes them, as imports of
// the other direction.
func TestAccountzShowsResponses(t *testing.T) {
	node := &broker.Node{Name: "S1", Hash: "12345678"}
	node.System = broker.NewAccount("$SYS", node)
	svc, cl := broker.NewAccount("SVC", node), broker.NewAccount("CL", node)
	if err := cl.SetImports(nil, []broker.ServiceImport{{
		To: svc, Subject: "s", Local: "s", Share: true, Latency: sharing.Latency{Headers: true, Subject: "lat"},
	}}); err != nil {
		t.Fatal(err)
	}
	var replies []string
	service := &broker.Receiver{Handle: func(_ *broker.Subscription, m *broker.Message) { replies = append(replies, m.Reply) }}
	if err := svc.Subscribe(&broker.Subscription{Subject: "s", To: service}); err != nil {
		t.Fatal(err)
	}
	cl.Sender().Send(broker.Outgoing{Subject: "s", Reply: "inbox.1"})
	cl.Sender().Send(broker.Outgoing{Subject: "s", Reply: "inbox.2", Header: []byte("NATS/1.0\r\nX-B3-Sampled: 1\r\n\r\n")})
	shown := accountInfo(&AccountState{Account: svc}, noon).Responses
	if len(shown) != 2 || len(replies) != 2 {
		t.Fatalf("%v for %v", shown, replies)
	}
	for i, want := range []string{
		`{"subject":"inbox.1","account":"CL","type":2,"invalid":false,"share":true,"tracking":false}`,
		`{"subject":"inbox.2","account":"CL","type":2,"invalid":false,"share":true,"tracking":true,
		  "tracking_header":{"X-B3-Sampled":["1"]},"latency":{"sampling":"headers","results":"lat"}}`,
	} {
		expected := asJSON(t, want).(map[string]any)
		expected["to"], expected["local_subject"] = replies[i], replies[i]
		if diff := cmp.Diff(any(expected), asJSON(t, shown[replies[i]])); diff != "" {
			t.Error(diff)
		}
	}
	if info := accountInfo(&AccountState{Account: cl}, noon); info.Responses == nil || len(info.Responses) != 0 {
		t.Errorf("the requestor's account: %v", info.Responses)
	}
}

func TestSamplingRate(t *testing.T) {
	for text, want := range map[string]api.SamplingRate{`"headers"`: 0, `1`: 1, `100`: 100} {
		var got api.SamplingRate
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		if back := string(must(json.Marshal(want))); back != text {
			t.Errorf("%d is %s", want, back)
		}
	}
	var r api.SamplingRate
	for _, bad := range []string{`"header"`, `1.5`, `{}`} {
		if err := json.Unmarshal([]byte(bad), &r); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}
