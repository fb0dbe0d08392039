package accounts_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// owed counts the answers that an account's services owe.
func owed(t testing.TB, s *godwit.Server, name string) int {
	t.Helper()
	return len(account(t, s, name).Account.Responses)
}

// A request under a local name reaches the service under its own, and the answer
// comes back on the reply subject.
//
// Go: TestServiceExportWithWildcards server/accounts_test.go:1320
// Go: TestCrossAccountRequestReply server/accounts_test.go:1598
func TestRequestsCrossAccounts(t *testing.T) {
	for _, c := range []struct{ exports, imports, asked, served string }{
		{`{service: "ngs.update.*"}`, `{service: {account: E, subject: "ngs.update.$bar"}, to: "ngs.update"}`, "ngs.update", "ngs.update.$bar"},
		{`{service: "ngs.update.*", accounts: [I]}`, `{service: {account: E, subject: "ngs.update.$bar"}, to: "ngs.update"}`, "ngs.update", "ngs.update.$bar"},
		{`{service: "test.request"}`, `{service: {account: E, subject: "test.request"}, to: "foo"}`, "foo", "test.request"},
		{`{service: "a.*.>"}`, `{service: {account: E, subject: "a.*.>"}, to: "b.$1.>"}`, "b.1.2.3", "a.1.2.3"},
		{`{service: "test.request"}`, `{service: {account: E, subject: "test.request"}, to: "any.*"}`, "any.thing", "test.request"},
	} {
		s := godwittest.RunConfig(t, streamPair(c.exports, c.imports))
		e, i := kit.Login(t, s.Addr(), "e"), kit.Login(t, s.Addr(), "i")
		e.Send("SUB "+c.served+" 1", "PING")
		e.Expect("PONG")
		for range 3 {
			i.Send("SUB reply 11", kit.Pub(c.asked, "reply", "help"))
			fields, header, payload := e.Message()
			if len(fields) != 6 || fields[1] != c.served || fields[2] != "1" || payload != "help" {
				t.Fatalf("%q: the service got %q and %q", c.asked, fields, payload)
			}
			reply := fields[3]
			if !strings.HasPrefix(reply, "_R_.") || len(strings.Split(reply, ".")) != 3 || !strings.Contains(header, `"acc":"I"`) {
				t.Errorf("%q: reply %q, header %q", c.asked, reply, header)
			}
			if n := owed(t, s, "E"); n != 1 {
				t.Errorf("%d answers are owed", n)
			}
			e.Send(kit.Pub(reply, "", "22"), kit.Pub(reply, "", "33"), "PING")
			e.Expect("PONG")
			i.Send("PING")
			i.Expect("MSG reply 11 2", "22", "PONG") // and no second answer
			i.Send("UNSUB 11")
		}
		if n := owed(t, s, "E"); n != 0 {
			t.Errorf("%d answers are owed at the end", n)
		}
	}
	for imports, want := range map[string]string{
		`{service: {subject: "test.request"}, to: foo}`:               "Expect an account name and a subject",
		`{service: {account: E, subject: "test..request."}, to: foo}`: `Error adding service import "test..request.": sublist: invalid subject`,
	} {
		refuse(t, streamPair(`{service: "test.request"}`, imports), want)
	}
}

// Wildcards may be imported as they are or narrower, but neither wider nor under a
// name that loses them. An import that the file no longer has is gone.
//
// Go: TestServiceImportWithWildcards server/accounts_test.go:1464
func TestServicesWithWildcards(t *testing.T) {
	const exports = `{service: "test.*"}`
	refuse(t, streamPair(exports, `{service: {account: E, subject: "test.*"}, to: foo}`),
		`failed to create mapping transform for service import subject from "foo" to "test.*"`)
	refuse(t, streamPair(exports, `{service: {account: E, subject: "test.>"}}`), "service import not authorized")
	s, reload := kit.Reloadable(t, streamPair(exports, `{service: {account: E, subject: "test.*"}}`))
	e, i := kit.Connect(t, s, "e"), kit.Connect(t, s, "i")
	service, answers := kit.Subscribe(t, e, "test.*"), kit.Subscribe(t, i, "bar")
	publishRequest(t, i, "test.22", "bar", "help")
	m := service.Next()
	if m.Subject != "test.22" || string(m.Data) != "help" || !strings.HasPrefix(m.Reply, "_R_.") {
		t.Errorf("the service got %q, reply %q: %q", m.Subject, m.Reply, m.Data)
	}
	kit.OK(t, m.Respond([]byte("22")))
	if a := answers.Next(); a.Subject != "bar" || a.Reply != "" || string(a.Data) != "22" {
		t.Errorf("the answer is %+v", a)
	}
	reload(streamPair(exports, ""))
	publishRequest(t, i, "test.22", "bar", "help")
	if n := service.Count(i); n != 0 {
		t.Errorf("%d requests without an import", n)
	}
	if n := len(account(t, s, "I").Account.Imports); n != 4 { // of the server itself
		t.Errorf("%d imports", n)
	}
}

// Streamed answers go on until an empty one, or until nobody wants them.
//
// Go: TestCrossAccountServiceResponseTypes server/accounts_test.go:2006
func TestResponseTypes(t *testing.T) {
	for kind, ended := range map[string][]string{
		"singleton": {"1"},
		"stream":    {"1", "2", "3", ""},
		"chunked":   {"1", "2", "3", ""},
	} {
		s := godwittest.RunConfig(t, streamPair(fmt.Sprintf(`{service: "test.request", response: %s}`, kind), `{service: {account: E, subject: "test.request"}, to: foo}`))
		e := kit.Connect(t, s, "e")
		service := kit.Subscribe(t, e, "test.request")
		answer := func(reply string, answers ...string) {
			t.Helper()
			for _, a := range answers {
				publish(t, e, reply, a)
			}
			kit.Flush(t, e)
		}
		i := kit.Connect(t, s, "i")
		bar := kit.Subscribe(t, i, "bar")
		publishRequest(t, i, "foo", "bar", "help")
		reply := service.Next().Reply
		answer(reply, "1", "2", "3", "", "too late")
		var want []string
		for _, data := range ended {
			want = append(want, "bar="+data)
		}
		bar.Want(e, want...)
		if n := owed(t, s, "E"); n != 0 {
			t.Errorf("%s: %d answers are owed", kind, n)
		}

		// The requestor goes away.
		publishRequest(t, i, "foo", "bar", "help")
		reply = service.Next().Reply
		if kind != "singleton" {
			answer(reply, slices.Repeat([]string{"22"}, 10)...)
			if n := bar.Count(e); n != 10 {
				t.Errorf("%s: %d answers", kind, n)
			}
		}
		if n := owed(t, s, "E"); n != 1 {
			t.Errorf("%s: %d answers are owed", kind, n)
		}
		i.Close()
		kit.Eventually(t, "nothing is owed to a closed connection", func() bool { return owed(t, s, "E") == 0 })

		// Nobody has ever wanted the answer.
		i = kit.Connect(t, s, "i")
		publishRequest(t, i, "foo", "bogus", "help")
		answer(service.Next().Reply, "22")
		if n := owed(t, s, "E"); n != 0 {
			t.Errorf("%s: %d answers are owed to nobody", kind, n)
		}
	}
}

// Services of one subject in several accounts all get the request.
//
// Go: TestAccountMultipleServiceImportsWithSameSubjectFromDifferentAccounts server/accounts_test.go:2536
func TestOneRequestToSeveralAccounts(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts {
		SVC-E { users: [{user: e, password: pw}], exports: [{accounts: [CLIENTS], service: "SvcReq.>", response_type: singleton}] }
		SVC-W { users: [{user: w, password: pw}], exports: [{accounts: [CLIENTS], service: "SvcReq.>", response_type: singleton}] }
		CLIENTS { users: [{user: cl, password: pw}], imports: [
			{service: {account: SVC-E, subject: "SvcReq.>"}}, {service: {account: SVC-W, subject: "SvcReq.>"}}
		] }
	}`)
	kit.Serve(t, kit.Connect(t, s, "e"), "SvcReq.>", "From SVC-E")
	kit.Serve(t, kit.Connect(t, s, "w"), "SvcReq.>", "From SVC-W")
	cl := kit.Connect(t, s, "cl")
	answers := kit.Subscribe(t, cl, "inbox")
	for range 5 {
		publishRequest(t, cl, "SvcReq.Test", "inbox", "test")
		got := []string{string(answers.Next().Data), string(answers.Next().Data)}
		slices.Sort(got)
		if !slices.Equal(got, []string{"From SVC-E", "From SVC-W"}) {
			t.Errorf("got %q", got)
		}
	}
	if n := answers.Count(cl); n != 0 {
		t.Errorf("%d more answers", n)
	}
}

// Imports of one local subject are removed one by one; the others stay.
//
// Go: TestAccountRemoveServiceImport server/accounts_test.go:2448
func TestRemovedServiceImportsLeaveOthersAlone(t *testing.T) {
	text := func(from ...string) string {
		imports := ""
		for _, name := range from {
			imports += fmt.Sprintf("{service: {account: %s, subject: remote1}, to: foo}\n", name)
		}
		return fmt.Sprintf(`accounts {
			foo { users: [{user: foo, password: pw}], exports: [{service: remote1}] }
			baz { users: [{user: baz, password: pw}], exports: [{service: remote1}] }
			bat { users: [{user: bat, password: pw}], exports: [{service: remote1}] }
			bar { users: [{user: bar, password: pw}], imports: [%s] }
		}`, imports)
	}
	s, reload := kit.Reloadable(t, text("foo", "baz", "bat"))
	services := make(map[string]*kit.Inbox)
	for _, name := range []string{"foo", "baz", "bat"} {
		services[name] = kit.Subscribe(t, kit.Connect(t, s, name), "remote1")
	}
	bar := kit.Connect(t, s, "bar")
	check := func(want ...string) {
		t.Helper()
		publish(t, bar, "foo", "x")
		for name, service := range services {
			if n := service.Count(bar); (n == 1) != slices.Contains(want, name) || n > 1 {
				t.Errorf("%s got %d requests; imported from %v", name, n, want)
			}
			service.Take()
		}
	}
	check("foo", "baz", "bat")
	for _, left := range [][]string{{"foo", "bat"}, {"foo"}, nil, {"baz"}} {
		reload(text(left...))
		check(left...)
	}
}

// An import that both sides rename, and one beside an import of a stream.
//
// Go: TestAccountImportsWithWildcardSupport server/accounts_test.go:3160
// Go: TestAccountImportsWithWildcardSupportStreamAndService server/accounts_test.go:3255
func TestRenamedImportsOfStreamsAndServices(t *testing.T) {
	for _, c := range []struct {
		exports, imports string
		asked, served    string
		subscribed       map[string][2]string // pattern in I: published in E, received in I
	}{
		{
			`{service: "request.*"}, {stream: "events.>"}, {stream: "info.*.*.>"}`,
			`{service: {account: E, subject: "request.*"}, to: "my.request.*"}
			 {stream: {account: E, subject: "events.>"}, to: "foo.events.>"}
			 {stream: {account: E, subject: "info.*.*.>"}, to: "foo.Info.$2.$1.>"}`,
			"my.request.22", "request.22",
			map[string][2]string{
				"foo.events.*": {"events.22", "foo.events.22"}, "foo.Info.>": {"info.11.22.bar", "foo.Info.22.11.bar"},
			},
		}, {
			`{service: "$request.*.$in.*.>"}, {stream: "$events.*.$in.*.>"}`,
			`{service: {account: E, subject: "$request.*.$in.*.>"}, to: "my.request.$2.$1.>"}
			 {stream: {account: E, subject: "$events.*.$in.*.>"}, to: "my.events.$2.$1.>"}`,
			"my.request.1.2.bar", "$request.2.$in.1.bar",
			map[string][2]string{"my.events.>": {"$events.1.$in.2.bar", "my.events.2.1.bar"}},
		},
	} {
		s := godwittest.RunConfig(t, streamPair(c.exports, c.imports))
		e, i := kit.Connect(t, s, "e"), kit.Connect(t, s, "i")
		kit.Must[*nats.Subscription](t)(e.QueueSubscribe(c.served, "t22", func(m *nats.Msg) {
			if err := m.Respond([]byte(m.Subject + " yes!")); err != nil {
				t.Error(err)
			}
		}))
		kit.Flush(t, e)
		if got := ask(t, i, c.asked, "yes?"); got != c.served+" yes!" {
			t.Errorf("%q answers %q", c.asked, got)
		}
		for pattern, m := range c.subscribed {
			b := kit.Subscribe(t, i, pattern)
			publish(t, e, m[0], "1")
			b.Want(e, m[1]+"=1")
		}
	}
}

// An account may import its own export, and its measurements.
//
// Go: TestAccountImportOwnExport server/accounts_test.go:3859
func TestAnAccountMayImportItsOwnExport(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts { A {
		exports: [{service: echo, accounts: [A], latency: {subject: "latency.echo"}}]
		imports: [{service: {account: A, subject: echo}}]
		users: [{user: a, password: pw}]
	} }`)
	nc := kit.Connect(t, s, "a")
	metrics := kit.Subscribe(t, nc, "latency.echo")
	kit.Serve(t, nc, "echo", "here")
	if got := ask(t, nc, "echo", "request"); got != "here" {
		t.Errorf("the answer is %q", got)
	}
	var l latency
	decode(t, metrics, &l)
	if l.Status != 200 || l.Requestor.Account != "A" {
		t.Errorf("metric %+v", l)
	}
}

// A request that no service gets is answered like one without an import.
//
// Go: TestAccountServiceImportNoResponders server/accounts_test.go:4078
func TestRequestsWithoutServices(t *testing.T) {
	s := godwittest.RunConfig(t, streamPair("{service: foo}", "{service: {account: E, subject: foo}, to: bar}"))
	i := kit.Connect(t, s, "i")
	if _, err := i.Request("bar", nil, kit.Patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("the error is %v", err)
	}
	if n := owed(t, s, "E"); n != 0 {
		t.Errorf("%d answers are owed", n)
	}
	w := kit.Login(t, s.Addr(), "i")
	w.Send("SUB inbox 1", kit.Pub("bar", "inbox", ""), "PING")
	w.Expect("HMSG inbox 1 35 35", "NATS/1.0 503", "Nats-Subject: bar", "", "", "PONG")
	// Somebody in the requestor's own account is enough.
	own := kit.Subscribe(t, i, "bar")
	w.Send(kit.Pub("bar", "inbox", ""), "PING")
	w.Expect("PONG")
	if n := own.Count(); n != 1 {
		t.Errorf("%d local requests", n)
	}
}

// Of a chain, and of several services, it counts whether anybody is reached.
func TestRequestsThatReachSomebodyElsewhere(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts {
		SVC { users: [{user: svc, password: pw}], exports: [{service: s}] }
		ALT { users: [{user: alt, password: pw}], exports: [{service: s}] }
		MID { imports: [{service: {account: SVC, subject: s}, to: m}, {service: {account: ALT, subject: s}, to: m}], exports: [{service: m}] }
		END { users: [{user: end, password: pw}], imports: [{service: {account: MID, subject: m}, to: e}] }
	}`)
	end := kit.Connect(t, s, "end")
	nothingOwed := func(what string) {
		t.Helper()
		for _, name := range []string{"SVC", "ALT", "MID"} {
			if n := owed(t, s, name); n != 0 {
				t.Errorf("%s: %s owes %d answers", what, name, n)
			}
		}
	}
	if _, err := end.Request("e", nil, kit.Patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("the error is %v", err)
	}
	nothingOwed("nobody is reached")
	alt := kit.Connect(t, s, "alt")
	kit.Serve(t, alt, "s", "alternative")
	if got := ask(t, end, "e", ""); got != "alternative" {
		t.Errorf("the answer is %q", got)
	}
	// The way over SVC had ended at once; the one over ALT with the answer.
	nothingOwed("one is reached")
	kit.Serve(t, kit.Connect(t, s, "svc"), "s", "first")
	answers := kit.Subscribe(t, end, "inbox")
	publishRequest(t, end, "e", "inbox", "")
	if m := answers.Next(); string(m.Data) != "alternative" && string(m.Data) != "first" {
		t.Errorf("the answer is %q", m.Data)
	}
	// A singleton service of MID has answered: the second answer is one too many.
	kit.Flush(t, alt)
	kit.Eventually(t, "all ways have ended", func() bool { return owed(t, s, "SVC")+owed(t, s, "ALT")+owed(t, s, "MID") == 0 })
	if n := answers.Count(); n != 0 {
		t.Errorf("%d more answers", n)
	}
}

// Everything of B under the same names: the answer's subject is covered by the
// import as well, and must not become a request.
//
// Go: TestServiceImportReplyMatchCycle test/accounts_cycles_test.go:210
// Go: TestServiceImportReplyMatchCycleMultiHops test/accounts_cycles_test.go:259
func TestAnswersAreNoRequests(t *testing.T) {
	for _, text := range []string{
		`accounts {
			A { users: [{user: d, password: pw}], imports: [{service: {account: B, subject: ">"}}] }
			B { users: [{user: x, password: pw}], exports: [{service: ">"}] }
		}
		no_auth_user: d`,
		`accounts {
			A { users: [{user: d, password: pw}], imports: [{service: {account: B, subject: ">"}}] }
			B { exports: [{service: ">"}], imports: [{service: {account: C, subject: ">"}}] }
			C { users: [{user: x, password: pw}], exports: [{service: ">"}] }
		}
		no_auth_user: d`,
	} {
		s := godwittest.RunConfig(t, text)
		x := kit.Connect(t, s, "x")
		kit.Serve(t, x, "foo", "HELLO")
		d := kit.Connect(t, s, "")
		for range 3 {
			if got := ask(t, d, "foo", ""); got != "HELLO" {
				t.Errorf("the answer is %q", got)
			}
		}
		all := kit.Subscribe(t, x, ">")
		if got := ask(t, d, "foo", "ping"); got != "HELLO" {
			t.Errorf("the answer is %q", got)
		}
		got := all.Take(d, x)
		if len(got) != 2 || got[0] != "foo=ping" || !strings.HasPrefix(got[1], "_R_.") {
			t.Errorf("the service's account saw %q", got)
		}
	}
}

// Chains tell who asked first and who came between.
func TestServiceChains(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts {
		SVC { users: [{user: svc, password: pw}], exports: [{service: s}] }
		MID { imports: [{service: {account: SVC, subject: s}, to: m}], exports: [{service: m}] }
		END { users: [{user: end, password: pw}], imports: [{service: {account: MID, subject: m}, to: e}] }
	}`)
	svc, end := kit.Connect(t, s, "svc"), kit.Connect(t, s, "end", nats.Name("first"))
	service := kit.Subscribe(t, svc, "s")
	answers := kit.Subscribe(t, end, "inbox")
	kit.OK(t, end.PublishMsg(&nats.Msg{Subject: "e", Reply: "inbox", Data: []byte("1"), Header: nats.Header{
		"Nats-Request-Info": {"forged"}, "Other": {"kept"},
	}}))
	m := service.Next()
	var who map[string]any
	kit.OK(t, json.Unmarshal([]byte(m.Header.Get("Nats-Request-Info")), &who))
	delete(who, "rtt")
	if fmt.Sprint(who) != "map[acc:END svc:MID]" || m.Header.Get("Other") != "kept" || len(m.Header["Nats-Request-Info"]) != 1 {
		t.Errorf("the request says %v, headers %v", who, m.Header)
	}
	kit.OK(t, m.Respond([]byte("2")))
	a := answers.Next()
	if string(a.Data) != "2" || len(a.Header) != 0 {
		t.Errorf("the answer is %q with headers %v", a.Data, a.Header)
	}
	for _, name := range []string{"SVC", "MID"} {
		if n := owed(t, s, name); n != 0 {
			t.Errorf("%s owes %d answers", name, n)
		}
	}
}

// The service that shares nothing but the account's name is the default.
func TestSharedRequestors(t *testing.T) {
	s := godwittest.RunConfig(t, streamPair("{service: a}, {service: b}",
		"{service: {account: E, subject: a}}, {service: {account: E, subject: b}, share: true}"))
	service := kit.Subscribe(t, kit.Connect(t, s, "e"), ">")
	i := kit.Connect(t, s, "i", nats.Name("me"))
	for subject, shared := range map[string]bool{"a": false, "b": true} {
		publish(t, i, subject, "")
		var who struct{ Acc, User, Name, Host, Server string }
		kit.OK(t, json.Unmarshal([]byte(service.Next().Header.Get("Nats-Request-Info")), &who))
		if who.Acc != "I" || (who.User == "i") != shared || (who.Name == "me") != shared || (who.Host != "") != shared || (who.Server == s.Name()) != shared {
			t.Errorf("%q tells %+v", subject, who)
		}
	}
}

// A service may be restricted to answering.
func TestRestrictedServicesMayAnswer(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts {
		E { users: [{user: e, password: pw, permissions: {publish: {allow: none}, allow_responses: true}}], exports: [{service: s}] }
		I { users: [{user: i, password: pw}], imports: [{service: {account: E, subject: s}}] }
	}`)
	kit.Serve(t, kit.Connect(t, s, "e"), "s", "yes")
	i := kit.Connect(t, s, "i")
	for range 3 {
		if got := ask(t, i, "s", ""); got != "yes" {
			t.Errorf("the answer is %q", got)
		}
	}
}

// Many requests of one batch, with one reply subject and with many, large and
// small, are all answered, in order.
func TestManyRequestsOfOneBatch(t *testing.T) {
	s := godwittest.RunConfig(t, streamPair(`{service: "s.*"}`, `{service: {account: E, subject: "s.*"}, to: "r.$1"}`))
	e, i := kit.Connect(t, s, "e"), kit.Connect(t, s, "i")
	kit.Must[*nats.Subscription](t)(e.Subscribe("s.*", func(m *nats.Msg) {
		if err := m.Respond(m.Data); err != nil {
			t.Error(err)
		}
	}))
	kit.Flush(t, e)
	answers := kit.Subscribe(t, i, "inbox.>")
	large := strings.Repeat("x", 20_000)
	const n = 1000
	for k := range n {
		data := fmt.Sprint(k)
		if k%100 == 0 {
			data = large
		}
		publishRequest(t, i, fmt.Sprintf("r.%d", k%7), fmt.Sprintf("inbox.%d", k%2*k), data)
	}
	for k := range n {
		want := fmt.Sprint(k)
		if k%100 == 0 {
			want = large
		}
		if m := answers.Next(); string(m.Data) != want || m.Subject != fmt.Sprintf("inbox.%d", k%2*k) {
			t.Fatalf("answer %d on %q: %d bytes", k, m.Subject, len(m.Data))
		}
	}
	if owing := owed(t, s, "E"); owing != 0 {
		t.Errorf("%d answers are owed", owing)
	}
}
