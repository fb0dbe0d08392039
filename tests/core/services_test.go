package core_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// pair are two accounts, of which b imports the service foo of a.
func pair(export, imported string) string {
	return `accounts {
		A { users: [{user: a, password: pw}], exports: [` + export + `] }
		B { users: [{user: b, password: pw}], imports: [` + imported + `] }
	}`
}

// importFoo is what most of these tests import.
const importFoo = "{service: {account: A, subject: foo}}"

// owed counts the answers that the services of A owe, by the reply subject.
func owed(t testing.TB, s *godwit.Server) map[string]int {
	t.Helper()
	n := make(map[string]int)
	for _, r := range kit.Must[*godwit.Accountz](t)(s.Accountz(&godwit.AccountzOptions{Account: "A"})).Account.Responses {
		n[r.Subject]++
	}
	return n
}

func totalOwed(t testing.TB, s *godwit.Server) (total int) {
	t.Helper()
	for _, n := range owed(t, s) {
		total += n
	}
	return total
}

// ask sends requests, one after the other, and checks the answers.
func ask(t testing.TB, nc *nats.Conn, subject string, times int, answer string) {
	t.Helper()
	for range times {
		if m := kit.Must[*nats.Msg](t)(nc.Request(subject, []byte("hello"), kit.Patience)); string(m.Data) != answer {
			t.Errorf("the answer is %q, want %q", m.Data, answer)
		}
	}
}

// A service that streams owes answers as long as the requestor listens: with one
// inbox for all requests until it closes, with an inbox for each until the answer.
//
// Go: TestServiceImportWithStreamed test/services_test.go:43
func TestStreamedAnswersAreOwedWhileSomebodyListens(t *testing.T) {
	s := godwittest.RunConfig(t, pair("{service: foo, response: stream}", "{service: {account: A, subject: foo}, to: foo_request}"))
	answerAll(t, kit.Connect(t, s, "a"), "foo", "world")
	const n = 10
	b := kit.Connect(t, s, "b")
	ask(t, b, "foo_request", n, "world")
	if got := totalOwed(t, s); got != n {
		t.Errorf("%d answers are owed, want %d", got, n)
	}
	b.Close()
	kit.Eventually(t, "nothing is owed to a closed connection", func() bool { return totalOwed(t, s) == 0 })

	ask(t, kit.Connect(t, s, "b", nats.UseOldRequestStyle()), "foo_request", n, "world")
	kit.Eventually(t, "nothing is owed where nobody listens", func() bool { return totalOwed(t, s) == 0 })
}

// An empty answer ends a stream of answers.
//
// Go: TestServiceImportWithStreamedResponseAndEOF test/services_test.go:140
func TestAnEmptyAnswerIsTheLast(t *testing.T) {
	s := godwittest.RunConfig(t, pair("{service: foo, response: stream}", "{service: {account: A, subject: foo}, to: foo_request}"))
	answers := []string{"1", "2", "3", "4", ""}
	answerAll(t, kit.Connect(t, s, "a"), "foo", answers...)
	b := kit.Connect(t, s, "b")
	for range 10 {
		reply := kit.Subscribe(t, b, nats.NewInbox())
		kit.OK(t, b.PublishRequest("foo_request", reply.Subject, []byte("hello")))
		for _, want := range answers {
			if got := string(reply.Next().Data); got != want {
				t.Errorf("answer %q, want %q", got, want)
			}
		}
	}
	if n := totalOwed(t, s); n != 0 {
		t.Errorf("%d answers are owed", n)
	}
}

// Who owes what is known for each service.
//
// Go: TestServiceExportsResponseFiltering test/services_test.go:209
func TestOwedAnswersByService(t *testing.T) {
	s := godwittest.RunConfig(t, pair("{service: foo}, {service: bar}", importFoo+", {service: {account: A, subject: bar}, to: baz}"))
	a, b := kit.Connect(t, s, "a"), kit.Connect(t, s, "b")
	kit.Subscribe(t, a, "foo")
	kit.Subscribe(t, a, "bar")
	for subject, n := range map[string]int{"foo": 5, "baz": 17} {
		for range n {
			kit.OK(t, b.PublishRequest(subject, "reply."+subject, nil))
		}
	}
	kit.Flush(t, b)
	if got := owed(t, s); totalOwed(t, s) != 22 || got["reply.foo"] != 5 || got["reply.baz"] != 17 {
		t.Errorf("owed: %v", got)
	}
}

// Nothing is owed without a service, without a reply subject, or to a requestor
// who has given up.
//
// Go: TestServiceExportsAutoDirectCleanup test/services_test.go:278
func TestNothingIsOwedInVain(t *testing.T) {
	s := godwittest.RunConfig(t, pair("{service: foo}", importFoo))
	a, b := kit.Connect(t, s, "a"), kit.Connect(t, s, "b")
	none := func(when string) {
		t.Helper()
		if n := totalOwed(t, s); n != 0 {
			t.Errorf("%d answers are owed %s", n, when)
		}
	}
	for range 10 {
		kit.OK(t, b.PublishRequest("foo", "reply", nil))
	}
	kit.Flush(t, b)
	none("without a service")

	requests := kit.Subscribe(t, a, "foo")
	for range 10 {
		kit.OK(t, b.Publish("foo", nil))
	}
	kit.Flush(t, b)
	none("without a reply subject")

	old := kit.Connect(t, s, "b", nats.UseOldRequestStyle())
	for range 10 {
		if _, err := old.Request("foo", nil, time.Millisecond); err == nil {
			t.Error("an answer from nobody")
		}
	}
	kit.Flush(t, old, a)
	for range 20 {
		m := kit.Must[*nats.Msg](t)(requests.NextMsg(kit.Patience))
		if m.Reply != "" {
			kit.OK(t, m.Respond([]byte("too late")))
		}
	}
	kit.Flush(t, a)
	none("to requestors who have gone")
}

// Answers that do not come are forgotten after the threshold of the export, again
// and again.
//
// Go: TestServiceExportsPruningCleanup test/services_test.go:375
func TestAnswersThatDoNotComeAreForgotten(t *testing.T) {
	s, reload := kit.Reloadable(t, pair(`{service: foo, response: stream}`, importFoo))
	kit.Subscribe(t, kit.Connect(t, s, "a"), "foo")
	b := kit.Connect(t, s, "b")
	kit.Subscribe(t, b, "reply")
	const n = 10
	request := func() {
		t.Helper()
		for range n {
			kit.OK(t, b.PublishRequest("foo", "reply", nil))
		}
		kit.Flush(t, b)
	}
	request()
	if got := totalOwed(t, s); got != n {
		t.Errorf("%d answers are owed, want %d", got, n)
	}
	b.Close()
	kit.Eventually(t, "nothing is owed to a closed connection", func() bool { return totalOwed(t, s) == 0 })
	b = kit.Connect(t, s, "b")
	kit.Subscribe(t, b, "reply")
	reload(pair(`{service: foo, response: stream, threshold: "50ms"}`, importFoo))
	for range 2 {
		request()
		kit.Eventually(t, "the answers are forgotten", func() bool { return totalOwed(t, s) == 0 })
	}
}

// Every part of an answer gives the next one the whole threshold again.
//
// Go: TestServiceExportsResponseThresholdChunked test/services_test.go:508
func TestSlowAnswersInPartsArriveWhole(t *testing.T) {
	s := godwittest.RunConfig(t, pair(`{service: foo, response: chunked, threshold: "300ms"}`, importFoo))
	a, b := kit.Connect(t, s, "a"), kit.Connect(t, s, "b")
	const parts = 10
	kit.Must[*nats.Subscription](t)(a.Subscribe("foo", func(m *nats.Msg) {
		pause := time.NewTicker(50 * time.Millisecond)
		defer pause.Stop()
		for i := range parts {
			<-pause.C
			if err := m.Respond([]byte("part " + strconv.Itoa(i))); err != nil {
				t.Error(err)
			}
			kit.OK(t, a.Flush())
		}
		if err := m.Respond(nil); err != nil {
			t.Error(err)
		}
	}))
	kit.Flush(t, a)
	reply := kit.Subscribe(t, b, nats.NewInbox())
	kit.OK(t, b.PublishRequest("foo", reply.Subject, nil))
	for i := range parts {
		if got := string(reply.Next().Data); got != "part "+strconv.Itoa(i) {
			t.Errorf("part %d is %q", i, got)
		}
	}
	if got := string(reply.Next().Data); got != "" {
		t.Errorf("the end is %q", got)
	}
}

// A service whose user may publish nothing but answers can answer across accounts.
//
// Go: TestServiceAllowResponsesPerms test/services_test.go:570
func TestAnswersMayBeAllThatIsAllowed(t *testing.T) {
	s := godwittest.RunConfig(t, strings.Replace(pair("{service: foo}", importFoo), "user: a, password: pw", "user: a, password: pw, permissions: {subscribe: foo, allow_responses: true}", 1))
	answerAll(t, kit.Connect(t, s, "a"), "foo", "Hello")
	ask(t, kit.Connect(t, s, "b"), "foo", 1, "Hello")
}
