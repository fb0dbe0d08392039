package accounts_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// latency is a measurement as a service's account gets it.
type latency struct {
	Type, ID, Description  string
	Status                 int
	Requestor, Responder   participant
	Header                 http.Header
	Start                  time.Time
	Service, System, Total time.Duration
}

type participant struct {
	Account string `json:"acc"`
	ID      uint64
	RTT     time.Duration

	Host, User, Name, Server string
}

// decode reads the next measurement.
func decode(t testing.TB, b *kit.Inbox, l *latency) {
	t.Helper()
	m := b.Next()
	if err := json.Unmarshal(m.Data, l); err != nil {
		t.Fatalf("%v in %s", err, m.Data)
	}
	if l.Type != "io.nats.server.metric.v1.service_latency" || len(l.ID) != 22 {
		t.Errorf("the head of %s", m.Data)
	}
}

func measured(t testing.TB, b *kit.Inbox) (l latency) {
	t.Helper()
	decode(t, b, &l)
	return l
}

// measuring is a server whose account SVC measures the service "svc.echo", which
// CLIENT has as "SVC".
func measuring(export, imports string) string {
	return fmt.Sprintf(`accounts {
		SVC { users: [{user: svc, password: pw}], exports: [{service: svc.echo, accounts: [CLIENT], %s}] }
		CLIENT { users: [{user: client, password: pw}], imports: [{service: {account: SVC, subject: svc.echo}, to: SVC, %s}] }
		SYS { users: [{user: admin, password: pw}] }
	}
	system_account: SYS`, export, imports)
}

const always = "latency: {sampling: 100%, subject: latency.svc}"

// slowly answers requests when they have been there for some time.
func slowly(t testing.TB, nc *nats.Conn, subject string, after time.Duration) *nats.Subscription {
	t.Helper()
	s := kit.Must[*nats.Subscription](t)(nc.Subscribe(subject, func(m *nats.Msg) {
		for began := time.Now(); time.Since(began) < after; { // this is the work of the service
			if err := nc.FlushTimeout(kit.Patience); err != nil {
				t.Errorf("flush: %v", err)
				return
			}
		}
		if err := m.Respond([]byte("world")); err != nil {
			t.Errorf("answer: %v", err)
		}
	}))
	kit.Flush(t, nc)
	return s
}

// served checks a measurement of a request that was answered.
func served(t testing.TB, l latency, began time.Time, work time.Duration) {
	t.Helper()
	if l.Status != 200 || l.Description != "" {
		t.Errorf("status %d %q", l.Status, l.Description)
	}
	if l.Start.After(time.Now()) || l.Start.Before(began.Add(-time.Second)) {
		t.Errorf("it began at %v, not %v", l.Start, began)
	}
	if l.Service+l.Responder.RTT < work || l.Total < l.Service || l.Requestor.RTT <= 0 || l.Responder.RTT <= 0 {
		t.Errorf("service %v, total %v, round trips %v and %v", l.Service, l.Total, l.Requestor.RTT, l.Responder.RTT)
	}
	if sum := l.Service + l.System + l.Requestor.RTT + l.Responder.RTT; sum != l.Total {
		t.Errorf("the parts make %v, the total is %v", sum, l.Total)
	}
}

// known checks that a participant is described in full, hidden that it is not.
func known(t testing.TB, s *godwit.Server, p participant, user, name string) {
	t.Helper()
	if p.User != user || p.Name != name || p.Host == "" || p.ID == 0 || p.Server != s.Name() {
		t.Errorf("described as %+v, want user %q, name %q", p, user, name)
	}
}

func hidden(t testing.TB, p participant, account string) {
	t.Helper()
	p.RTT = 0
	if p != (participant{Account: account}) {
		t.Errorf("described as %+v", p)
	}
}

// What is measured of an answered request, in both styles that clients ask in.
//
// Go: TestServiceLatencySingleServerConnect test/service_latency_test.go:256
// Go: TestServiceLatencyWithName test/service_latency_test.go:614
// Go: TestServiceLatencyOldRequestStyleSingleServer test/service_latency_test.go:1162
func TestAnsweredRequestsAreMeasured(t *testing.T) {
	const work = 20 * time.Millisecond
	s := godwittest.RunConfig(t, measuring(always, ""))
	svc := kit.Connect(t, s, "svc", nats.Name("service22"))
	slowly(t, svc, "svc.echo", work)
	metrics := kit.Subscribe(t, svc, "latency.svc")
	for _, style := range [][]nats.Option{nil, {nats.UseOldRequestStyle()}} {
		client := kit.Connect(t, s, "client", append(style, nats.Name("me"))...)
		began := time.Now()
		ask(t, client, "SVC", "1h")
		l := measured(t, metrics)
		served(t, l, began, work)
		known(t, s, l.Responder, "svc", "service22")
		hidden(t, l.Requestor, "CLIENT")
		if l.Header != nil {
			t.Errorf("headers %v", l.Header)
		}
	}
	if n := metrics.Count(); n != 0 {
		t.Errorf("%d more measurements", n)
	}
}

// A service is measured from end to end, and its measurements may not be requests
// themselves.
//
// Go: TestAccountRequestReplyTrackLatency server/accounts_test.go:1693
func TestWhatIsMeasuredMustBeAnOwnSubject(t *testing.T) {
	const refused = `Error adding service latency sampling for "svc.echo" on subject %q: %s`
	for export, want := range map[string]string{
		`latency: "results.*"`:                                fmt.Sprintf(refused, "results.*", "invalid publish subject"),
		`latency: "svc.echo"`:                                 fmt.Sprintf(refused, "svc.echo", "invalid publish subject"),
		`latency: {sampling: -1, subject: results}`:           "bad sampling percentage, should be 1-100",
		`latency: {sampling: 101, subject: results}`:          "bad sampling percentage, should be 1-100",
		`latency: {sampling: 50}`:                             "Latency subject required, but missing",
		`latency: results, response: stream`:                  fmt.Sprintf(refused, "results", "bad service response type"),
		`latency: results}, {stream: other, latency: results`: "Detected latency directive on non-service",
	} {
		refuse(t, measuring(export, ""), want)
	}
	s := godwittest.RunConfig(t, measuring(`latency: results`, ""))
	svc, client := kit.Connect(t, s, "svc"), kit.Connect(t, s, "client")
	metrics := kit.Subscribe(t, svc, "results")
	slowly(t, svc, "svc.echo", 20*time.Millisecond)
	began := time.Now()
	ask(t, client, "SVC", "help")
	served(t, measured(t, metrics), began, 20*time.Millisecond)
}

// Services that answer at once never take negative time.
//
// Go: TestServiceLatencyAdjustNegativeLatencyValues test/service_latency_test.go:858
func TestNothingTakesNegativeTime(t *testing.T) {
	s := godwittest.RunConfig(t, measuring(always, ""))
	svc, client := kit.Connect(t, s, "svc"), kit.Connect(t, s, "client")
	metrics := kit.Subscribe(t, svc, "latency.svc")
	kit.Serve(t, svc, "svc.echo", "22 msgs")
	for range 50 {
		ask(t, client, "SVC", "1h")
	}
	for range 50 {
		if l := measured(t, metrics); l.Status != 200 || l.Service < 0 || l.System < 0 || l.Total < 0 {
			t.Errorf("measured %+v", l)
		}
	}
}

// About as many requests are measured as the percentage says.
func TestSampling(t *testing.T) {
	for percent, bounds := range map[int][2]int{1: {0, 30}, 50: {400, 600}, 99: {960, 1000}} {
		s := godwittest.RunConfig(t, measuring(fmt.Sprintf("latency: {sampling: %d%%, subject: latency.svc}", percent), ""))
		svc, client := kit.Connect(t, s, "svc"), kit.Connect(t, s, "client")
		metrics := kit.Subscribe(t, svc, "latency.svc")
		kit.Serve(t, svc, "svc.echo", "22 msgs")
		answers := kit.Subscribe(t, client, "inbox")
		for range 1000 {
			publishRequest(t, client, "SVC", "inbox", "1h")
		}
		for range 1000 {
			answers.Next()
		}
		if n := metrics.Count(svc); n < bounds[0] || n > bounds[1] {
			t.Errorf("%d of 1000 at %d percent", n, percent)
		}
	}
}

// How a request can fail is told apart.
//
// Go: TestServiceLatencyFailureReportingSingleServer test/service_latency_test.go:986
func TestFailedRequestsAreMeasured(t *testing.T) {
	s := godwittest.RunConfig(t, measuring(`threshold: "20ms", `+always, ""))
	svc, client := kit.Connect(t, s, "svc"), kit.Connect(t, s, "client")
	metrics := kit.Subscribe(t, svc, "latency.svc")
	check := func(status int, description string) {
		t.Helper()
		l := measured(t, metrics)
		if l.Status != status || l.Description != description || l.Service != 0 || l.System != 0 || l.Total != 0 || l.Responder != (participant{}) {
			t.Errorf("measured %+v, want %d %s", l, status, description)
		}
		hidden(t, l.Requestor, "CLIENT")
	}
	publish(t, client, "SVC", "1h")
	check(400, "Bad Request")
	if _, err := client.Request("SVC", []byte("1h"), kit.Patience); err == nil {
		t.Error("an answer without a service")
	}
	check(503, "Service Unavailable")

	service := kit.Subscribe(t, svc, "svc.echo")
	answers := kit.Subscribe(t, client, "inbox")
	publishRequest(t, client, "SVC", "inbox", "1h")
	m := service.Next()
	check(504, "Service Timeout")
	kit.OK(t, m.Respond([]byte("too late")))
	if got := answers.Take(svc); got != nil {
		t.Errorf("got %q", got)
	}
	if got := metrics.Take(); got != nil {
		t.Errorf("measured twice: %q", got)
	}

	publishRequest(t, client, "SVC", "inbox", "1h")
	service.Next()
	kit.OK(t, answers.Unsubscribe())
	check(408, "Request Timeout")
	publishRequest(t, client, "SVC", "nobody", "1h")
	kit.OK(t, service.Next().Respond([]byte("unheard")))
	check(503, "Service Unavailable")
}

// Whether the requestor is described follows the import, also after a reload.
//
// Go: TestServiceLatencyRequestorSharesConfig test/service_latency_test.go:1405
func TestSharedRequestorsAreDescribed(t *testing.T) {
	const work = 20 * time.Millisecond
	s, reload := kit.Reloadable(t, measuring(always, "share: true"))
	svc, client := kit.Connect(t, s, "svc"), kit.Connect(t, s, "client", nats.UseOldRequestStyle())
	metrics := kit.Subscribe(t, svc, "latency.svc")
	slowly(t, svc, "svc.echo", work)
	began := time.Now()
	ask(t, client, "SVC", "1h")
	l := measured(t, metrics)
	served(t, l, began, work)
	known(t, s, l.Responder, "svc", "")
	known(t, s, l.Requestor, "client", "")
	reload(measuring(always, ""))
	ask(t, client, "SVC", "1h")
	hidden(t, measured(t, metrics).Requestor, "CLIENT")
	reload(measuring("", "")) // nothing is measured
	ask(t, client, "SVC", "1h")
	if got := metrics.Take(svc, client); got != nil {
		t.Errorf("measured %q", got)
	}
}

// Of two requests with one reply subject the first is never answered: the one
// answer belongs to the second, the first has timed out.
//
// Go: TestServiceLatencyLossTest test/service_latency_test.go:1514
func TestOneOfTwoRequestsIsLost(t *testing.T) {
	s := godwittest.RunConfig(t, measuring(`threshold: "200ms", latency: {sampling: headers, subject: latency.svc}`, "share: true"))
	svc, client := kit.Connect(t, s, "svc"), kit.Connect(t, s, "client", nats.Name("requestor"))
	metrics, service := kit.Subscribe(t, kit.Connect(t, s, "svc"), "latency.svc"), kit.Subscribe(t, svc, "svc.echo")
	answers := kit.Subscribe(t, client, "reply")
	request := func(data string) *nats.Msg {
		kit.OK(t, client.PublishMsg(&nats.Msg{Subject: "SVC", Reply: "reply", Data: []byte(data), Header: nats.Header{"X-B3-Sampled": {"1"}}}))
		return service.Next()
	}
	request("lost")
	kit.OK(t, request("answered").Respond([]byte("response")))
	first, second := measured(t, metrics), measured(t, metrics)
	if first.Status != 200 || second.Status != 504 || !second.Start.Before(first.Start) {
		t.Errorf("measured %d begun %v, then %d begun %v", first.Status, first.Start, second.Status, second.Start)
	}
	for _, l := range []latency{first, second} {
		known(t, s, l.Requestor, "client", "requestor")
		if l.Header.Get("X-B3-Sampled") != "1" {
			t.Errorf("headers %v", l.Header)
		}
	}
	answers.Want(svc, "reply=response")
}

// Headers of tracing systems make a request a sample, and are shown.
//
// Go: TestServiceLatencyHeaderTriggered test/service_latency_test.go:1635
func TestHeadersTriggerMeasurements(t *testing.T) {
	const uber, trace = "479fefe9525eddb:479fefe9525eddb:0:1", "80f198ee56343ba864fe8b2a57d3eff7"
	const b3, parent = trace + "-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	headers := []nats.Header{
		{"Uber-Trace-Id": {uber}}, {"X-B3-Sampled": {"1"}}, {"X-B3-TraceId": {trace}}, {"B3": {b3}}, {"Traceparent": {parent}},
		{"X-B3-TraceId": {trace}, "X-B3-ParentSpanId": {"05e3ac9a4f6e3b90"}, "X-B3-SpanId": {"e457b5a2e4d86bd1"}, "X-B3-Sampled": {"1"}},
		{"X-B3-TraceId": {trace}, "X-B3-ParentSpanId": {"05e3ac9a4f6e3b90"}, "X-B3-SpanId": {"e457b5a2e4d86bd1"}},
		{"Uber-Trace-Id": {uber}, "Uberctx-X": {"foo"}},
		{"Traceparent": {parent}, "Tracestate": {"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"}},
	}
	for _, shared := range []bool{true, false} {
		s := godwittest.RunConfig(t, measuring("latency: {sampling: headers, subject: latency.svc}", fmt.Sprintf("share: %t", shared)))
		svc, client := kit.Connect(t, s, "svc"), kit.Connect(t, s, "client", nats.UseOldRequestStyle())
		metrics := kit.Subscribe(t, svc, "latency.svc")
		check := func(l latency, status int, header nats.Header) {
			t.Helper()
			if l.Status != status || l.Header.Get("Some-Other") != "" || len(l.Header) != len(header) {
				t.Errorf("status %d, want %d; headers %v", l.Status, status, l.Header)
			}
			for name, values := range header {
				if got := l.Header.Get(name); got != values[0] {
					t.Errorf("%s is %q in %v", name, got, l.Header)
				}
			}
			if status == 200 {
				known(t, s, l.Responder, "svc", "")
			}
			if shared {
				known(t, s, l.Requestor, "client", "")
			} else {
				hidden(t, l.Requestor, "CLIENT")
			}
		}
		for _, header := range headers {
			m := &nats.Msg{Subject: "SVC", Data: []byte("1h"), Header: nats.Header{"Some-Other": {"value"}}}
			for name, values := range header {
				m.Header[name] = values
			}
			service := slowly(t, svc, "svc.echo", 5*time.Millisecond)
			began := time.Now()
			kit.Must[*nats.Msg](t)(client.RequestMsg(m, kit.Patience))
			l := measured(t, metrics)
			check(l, 200, header)
			served(t, l, began, 5*time.Millisecond)
			kit.OK(t, service.Unsubscribe())
			kit.Flush(t, svc)
			if _, err := client.RequestMsg(m, kit.Patience); err == nil {
				t.Error("an answer without a service")
			}
			check(measured(t, metrics), 503, header)
			m.Reply = ""
			kit.OK(t, client.PublishMsg(m))
			check(measured(t, metrics), 400, header)
		}
		// Without such headers, or if they say no, nothing is measured.
		for _, header := range []nats.Header{nil, {"X-B3-Sampled": {"0"}, "X-B3-TraceId": {trace}}, {"Traceparent": {strings.TrimSuffix(parent, "1") + "0"}}} {
			kit.OK(t, client.PublishMsg(&nats.Msg{Subject: "SVC", Header: header}))
		}
		if n := metrics.Count(client); n != 0 {
			t.Errorf("%d measurements without being asked", n)
		}
	}
}
