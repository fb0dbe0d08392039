package broker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/interest"
	"github.com/godwit-mq/godwit/internal/link"
	"github.com/godwit-mq/godwit/internal/sharing"
	"github.com/godwit-mq/godwit/internal/transform"
	"github.com/godwit-mq/godwit/internal/wire"
)

// inbox is a receiver that keeps what it gets.
type inbox struct {
	Receiver
	mu   sync.Mutex
	got  []string
	msgs []*Message
	// answer, if not nil, is called with each message.
	answer func(*Message)
}

func newInbox() *inbox {
	b := &inbox{}
	b.Headers.Store(true)
	b.Handle = func(_ *Subscription, m *Message) {
		b.mu.Lock()
		b.got = append(b.got, m.Subject+"="+string(m.Payload))
		b.msgs = append(b.msgs, m)
		b.mu.Unlock()
		if b.answer != nil {
			b.answer(m)
		}
	}
	return b
}

// take returns what arrived since the last call.
func (b *inbox) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got
	b.got = nil
	return got
}

// last is the message that arrived last.
func (b *inbox) last(t *testing.T) *Message {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.msgs) == 0 {
		t.Fatal("no message arrived")
	}
	return b.msgs[len(b.msgs)-1]
}

func (b *inbox) subscribe(t *testing.T, a *Account, subject, queue string) *Subscription {
	t.Helper()
	s := &Subscription{Subject: subject, Queue: queue, To: &b.Receiver}
	if err := a.Subscribe(s); err != nil {
		t.Fatal(err)
	}
	return s
}

func send(a *Account, subject, payload string) {
	a.Sender().Send(Outgoing{Subject: subject, Payload: []byte(payload)})
}

func accounts(names ...string) map[string]*Account {
	node := &Node{Name: "S1", Hash: "12345678"}
	made := make(map[string]*Account)
	for _, name := range names {
		made[name] = NewAccount(name, node)
	}
	node.System = made["SYS"]
	return made
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestStreamImportsDeliverUnderTheLocalSubject(t *testing.T) {
	for _, c := range []struct {
		remote, local string // of the import
		subscribed    string
		published     string
		want          string // local subject, or nothing
	}{
		{"foo", "foo", "foo", "foo", "foo"},
		{"foo", "bar", "bar", "foo", "bar"},
		{"foo", "bar", "foo", "foo", ""},
		{"foo.>", "pre.foo.>", ">", "foo.a.b", "pre.foo.a.b"},
		{"foo.*", "foo.*", "foo.a", "foo.a", "foo.a"},
		{"foo.*", "foo.*", "foo.a", "foo.b", ""},
		{"foo.*.*", "x.$2.$1", "x.*.b", "foo.b.a", "x.a.b"},
		{"foo.*.*", "x.$2.$1", "x.*.b", "foo.a.b", ""},
		{"foo.*.*", "x.$2.$1", "*.a.>", "foo.b.a", "x.a.b"},
		{"foo.*.*", "x.*.*", "x.a.*", "foo.a.b", "x.a.b"},
		{"a.*.>", "b.$1.>", "b.1.*.z", "a.1.q.z", "b.1.q.z"},
		{"a.*.>", "b.$1.>", "b.1.*.z", "a.1.q.y", ""},
	} {
		t.Run(fmt.Sprintf("%s as %s for %s", c.remote, c.local, c.subscribed), func(t *testing.T) {
			a := accounts("I", "E")
			must(t, a["I"].SetImports([]StreamImport{{From: a["E"], Subject: c.remote, Local: c.local}}, nil))
			b := newInbox()
			sub := b.subscribe(t, a["I"], c.subscribed, "")
			send(a["E"], c.published, "1")
			var want []string
			if c.want != "" {
				want = []string{c.want + "=1"}
			}
			if diff := cmp.Diff(want, b.take()); diff != "" {
				t.Error(diff)
			}
			send(a["I"], c.published, "own") // stays in I
			b.take()
			a["I"].Unsubscribe(sub)
			if n := a["E"].Index().Stats().NumSubs; n != 0 {
				t.Errorf("%d shadows are left", n)
			}
			send(a["E"], c.published, "2")
			if got := b.take(); got != nil {
				t.Errorf("after the end: %v", got)
			}
		})
	}
}

func TestStreamImportsAreOneWayAndNotChained(t *testing.T) {
	a := accounts("A", "B", "C")
	must(t, a["B"].SetImports([]StreamImport{{From: a["C"], Subject: "s", Local: "s"}}, nil))
	must(t, a["A"].SetImports([]StreamImport{{From: a["B"], Subject: "s", Local: "s"}}, nil))
	inA, inB, inC := newInbox(), newInbox(), newInbox()
	inA.subscribe(t, a["A"], "s", "")
	inB.subscribe(t, a["B"], "s", "")
	inC.subscribe(t, a["C"], "s", "")
	send(a["C"], "s", "c")
	send(a["B"], "s", "b")
	send(a["A"], "s", "a")
	got := [][]string{inA.take(), inB.take(), inC.take()}
	want := [][]string{{"s=b", "s=a"}, {"s=c", "s=b"}, {"s=c"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQueueGroupsSpanAccounts(t *testing.T) {
	a := accounts("I", "E")
	must(t, a["I"].SetImports([]StreamImport{{From: a["E"], Subject: "s", Local: "s"}}, nil))
	here, there := newInbox(), newInbox()
	here.subscribe(t, a["I"], "s", "q")
	there.subscribe(t, a["E"], "s", "q")
	const n = 200
	for range n {
		send(a["E"], "s", "")
	}
	x, y := len(here.take()), len(there.take())
	if x+y != n || x < n/5 || y < n/5 {
		t.Errorf("%d and %d of %d", x, y, n)
	}
}

// All deliveries of a subscription count together, whichever way they take.
func TestLimitsCountImportedMessages(t *testing.T) {
	a := accounts("I", "E")
	must(t, a["I"].SetImports([]StreamImport{{From: a["E"], Subject: "s", Local: "s"}}, nil))
	b := newInbox()
	b.Exhausted = func(s *Subscription) { a["I"].Unsubscribe(s) }
	b.subscribe(t, a["I"], "s", "").Limit(3)
	for range 2 {
		send(a["E"], "s", "e")
		send(a["I"], "s", "i")
	}
	if got := b.take(); !slices.Equal(got, []string{"s=e", "s=i", "s=e"}) {
		t.Errorf("got %v", got)
	}
	if n := a["E"].Index().Stats().NumSubs; n != 0 {
		t.Errorf("%d shadows are left", n)
	}
}

func TestChangedStreamImportsMoveSubscriptions(t *testing.T) {
	a := accounts("I", "E", "F")
	b := newInbox()
	b.subscribe(t, a["I"], "s", "")
	fromE := StreamImport{From: a["E"], Subject: "s", Local: "s"}
	fromF := StreamImport{From: a["F"], Subject: "t", Local: "s"}
	for _, c := range []struct {
		imports []StreamImport
		want    []string
	}{
		{[]StreamImport{fromE}, []string{"s=e"}},
		{[]StreamImport{fromE, fromF}, []string{"s=e", "s=f"}},
		{[]StreamImport{fromF}, []string{"s=f"}},
		{nil, nil},
	} {
		must(t, a["I"].SetImports(c.imports, nil))
		send(a["E"], "s", "e")
		send(a["F"], "t", "f")
		if diff := cmp.Diff(c.want, b.take()); diff != "" {
			t.Errorf("%v: %s", c.imports, diff)
		}
	}
	if n := a["E"].Index().Stats().NumSubs + a["F"].Index().Stats().NumSubs; n != 0 {
		t.Errorf("%d shadows are left", n)
	}
}

// requestor publishes as a connection of an account would.
type requestor struct {
	pub *Publisher
	who events.Client
}

func (r *requestor) Describe(full bool) events.Client {
	if full {
		return r.who
	}
	return events.Client{Account: r.who.Account, RTT: r.who.RTT}
}

func newRequestor(a *Account) *requestor {
	r := &requestor{who: events.Client{Account: a.Name, RTT: 5, User: "joe", ID: 7}}
	r.pub = NewPublisher(&Receiver{}, a, anything{})
	r.pub.Requestor = r
	return r
}

func (r *requestor) request(subject, reply, header, payload string) {
	body := []byte(header + payload + "\r\n")
	cmd := wire.Command{Op: wire.OpHPub, Subject: []byte(subject), Header: len(header), Payload: body, Body: body[:len(body)-2]}
	if reply != "" {
		cmd.Reply = []byte(reply)
	}
	r.pub.Begin(nil, time.Now().UnixNano())
	r.pub.Publish(r.pub.Lookup(&cmd), &cmd, false)
	r.pub.Flush()
}

// echo answers each message with its subject and payload.
func echo(a *Account, answers int) *inbox {
	b := newInbox()
	b.answer = func(m *Message) {
		for range answers {
			send(a, m.Reply, m.Subject+":"+string(m.Payload))
		}
	}
	return b
}

func TestServiceImports(t *testing.T) {
	for _, c := range []struct {
		remote, local, asked, served string
	}{
		{"help", "help", "help", "help"},
		{"help", "ask", "ask", "help"},
		{"help", "any.*", "any.thing", "help"},
		{"help.*", "h.$1", "h.me", "help.me"},
		{"a.*.*.>", "b.$2.$1.>", "b.2.1.x.y", "a.1.2.x.y"},
	} {
		t.Run(c.local, func(t *testing.T) {
			a := accounts("I", "E")
			must(t, a["I"].SetImports(nil, []ServiceImport{{To: a["E"], Subject: c.remote, Local: c.local}}))
			service, client := echo(a["E"], 3), newInbox()
			service.subscribe(t, a["E"], c.remote, "")
			client.subscribe(t, a["I"], "inbox.*", "")
			for i := range 3 { // the results of the second and third look-up are cached
				payload := fmt.Sprint(i)
				newRequestor(a["I"]).request(c.asked, "inbox.1", "", payload)
				if got := client.take(); !slices.Equal(got, []string{"inbox.1=" + c.served + ":" + payload}) {
					t.Fatalf("request %d: %v", i, got)
				}
			}
			m := service.last(t)
			if !strings.HasPrefix(m.Reply, "_R_.") || string(wire.Header(m.Header, "Nats-Request-Info")) != `{"acc":"I","rtt":5}` {
				t.Errorf("the service got reply %q and %q", m.Reply, m.Header)
			}
			if n := len(a["E"].PendingResponses()); n != 0 {
				t.Errorf("%d answers pending", n)
			}
			if n := a["I"].responses.awaited.Load(); n != 0 {
				t.Errorf("%d answers awaited", n)
			}
		})
	}
}

func TestServiceChainsKeepTheFirstRequestor(t *testing.T) {
	a := accounts("END", "MID", "SVC")
	must(t, a["MID"].SetImports(nil, []ServiceImport{{To: a["SVC"], Subject: "s", Local: "m"}}))
	must(t, a["END"].SetImports(nil, []ServiceImport{{To: a["MID"], Subject: "m", Local: "e", Share: true}}))
	service, client := echo(a["SVC"], 1), newInbox()
	service.subscribe(t, a["SVC"], "s", "")
	client.subscribe(t, a["END"], "inbox", "")
	newRequestor(a["END"]).request("e", "inbox", "NATS/1.0\r\nX: y\r\nNats-Request-Info: forged\r\n\r\n", "1")
	if got := client.take(); !slices.Equal(got, []string{"inbox=s:1"}) {
		t.Fatalf("got %v", got)
	}
	header := string(service.last(t).Header)
	var who events.Client
	if err := json.Unmarshal(wire.Header([]byte(header), "Nats-Request-Info"), &who); err != nil {
		t.Fatal(err)
	}
	want := events.Client{Account: "END", Service: "MID", RTT: 5, User: "joe", ID: 7, Server: "S1"}
	if diff := cmp.Diff(want, who); diff != "" || !strings.Contains(header, "X: y\r\n") || strings.Contains(header, "forged") {
		t.Errorf("%s %q", diff, header)
	}
}

func TestStreamedResponsesEndWithAnEmptyOne(t *testing.T) {
	a := accounts("I", "E")
	must(t, a["I"].SetImports(nil, []ServiceImport{{To: a["E"], Subject: "s", Local: "s", Response: sharing.Streamed}}))
	service, client := newInbox(), newInbox()
	service.subscribe(t, a["E"], "s", "")
	client.subscribe(t, a["I"], "inbox", "")
	newRequestor(a["I"]).request("s", "inbox", "", "")
	reply := service.last(t).Reply
	for _, payload := range []string{"1", "2", "", "too late"} {
		send(a["E"], reply, payload)
	}
	if got := client.take(); !slices.Equal(got, []string{"inbox=1", "inbox=2", "inbox="}) {
		t.Errorf("got %v", got)
	}
}

// An answer that asks back gets a reply in the other direction.
func TestAnswersMayAskBack(t *testing.T) {
	a := accounts("I", "E")
	must(t, a["I"].SetImports(nil, []ServiceImport{{To: a["E"], Subject: "s", Local: "s"}}))
	service, client, back := newInbox(), newInbox(), newInbox()
	service.subscribe(t, a["E"], "s", "")
	back.subscribe(t, a["E"], "back", "")
	client.subscribe(t, a["I"], "inbox", "")
	newRequestor(a["I"]).request("s", "inbox", "", "")
	newRequestor(a["E"]).request(service.last(t).Reply, "back", "", "question")
	reply := client.last(t).Reply
	if !strings.HasPrefix(reply, "_R_.") {
		t.Fatalf("reply %q", reply)
	}
	send(a["I"], reply, "answer")
	if got := back.take(); !slices.Equal(got, []string{"back=answer"}) {
		t.Errorf("got %v", got)
	}
}

func TestResponsesEndWhenNobodyCanWantThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := accounts("I", "E", "SYS")
		must(t, a["I"].SetImports(nil, []ServiceImport{{
			To: a["E"], Subject: "s", Local: "s", Threshold: time.Second,
			Latency: sharing.Latency{Sampling: 100, Subject: "metrics"},
		}}))
		service, client, metrics := newInbox(), newInbox(), newInbox()
		metrics.subscribe(t, a["E"], "metrics", "")
		client.subscribe(t, a["I"], "other", "")
		statuses := func() (list []int) {
			metrics.take()
			for _, m := range metrics.msgs {
				var l events.Latency
				if err := json.Unmarshal(m.Payload, &l); err != nil {
					t.Fatal(err)
				}
				list = append(list, l.Status)
			}
			metrics.msgs = nil
			return list
		}
		ask := func(reply string) { newRequestor(a["I"]).request("s", reply, "", "") }
		check := func(what string, pending int, want ...int) {
			t.Helper()
			if got := statuses(); !slices.Equal(got, want) || len(a["E"].PendingResponses()) != pending {
				t.Errorf("%s: metrics %v, %d pending", what, got, len(a["E"].PendingResponses()))
			}
		}

		ask("inbox")
		check("no service", 0, 503)
		service.subscribe(t, a["E"], "s", "")
		ask("")
		check("no reply", 0, 400)
		sub := client.subscribe(t, a["I"], "inbox.*", "")
		ask("inbox.1")
		ask("inbox.1")
		check("under way", 2)
		a["I"].Unsubscribe(sub)
		check("lost interest", 0, 408, 408)
		sub = client.subscribe(t, a["I"], "inbox.*", "")
		ask("inbox.1")
		time.Sleep(2 * time.Second) // of the test's own clock
		synctest.Wait()
		check("too late", 0, 504)
		ask("inbox.1")
		newRequestor(a["E"]).request(service.last(t).Reply, "", "", "")
		check("served", 0, 200)
		ask("inbox.1")
		reply := service.last(t).Reply
		client.subscribe(t, a["I"], "inbox.>", "")
		a["I"].Unsubscribe(sub)
		check("still wanted", 1)
		newRequestor(a["E"]).request(reply, "", "", "")
		check("served", 0, 200)
	})
}

func TestLatencyAddsUp(t *testing.T) {
	a := accounts("I", "E", "SYS")
	must(t, a["I"].SetImports(nil, []ServiceImport{{
		To: a["E"], Subject: "s", Local: "s", Latency: sharing.Latency{Headers: true, Subject: "metrics"},
	}}))
	service, client, metrics := newInbox(), newInbox(), newInbox()
	service.subscribe(t, a["E"], "s", "")
	client.subscribe(t, a["I"], "inbox", "")
	metrics.subscribe(t, a["E"], "metrics", "")
	newRequestor(a["I"]).request("s", "inbox", "", "")
	newRequestor(a["E"]).request(service.last(t).Reply, "", "", "")
	if got := metrics.take(); got != nil {
		t.Fatalf("not a sample: %v", got)
	}
	newRequestor(a["I"]).request("s", "inbox", "NATS/1.0\r\ntraceparent: 00-a-b-01\r\n\r\n", "")
	if reply := service.last(t).Reply; !strings.HasSuffix(reply, ".12345678.T") {
		t.Errorf("reply %q of a sample", reply)
	}
	newRequestor(a["E"]).request(service.last(t).Reply, "", "", "")
	var l events.Latency
	if err := json.Unmarshal(metrics.last(t).Payload, &l); err != nil {
		t.Fatal(err)
	}
	if l.Service+l.System+l.Requestor.RTT+l.Responder.RTT != l.Total || l.Responder.User != "joe" || l.Requestor.User != "" {
		t.Errorf("metric %+v", l)
	}
	if got := l.Header.Get("Traceparent"); got != "00-a-b-01" {
		t.Errorf("header %v", l.Header)
	}
}

// An import of the own export works, and nothing goes round in circles.
func TestImportsDoNotLoop(t *testing.T) {
	a := accounts("A", "B")
	all := func(to *Account) []ServiceImport { return []ServiceImport{{To: to, Subject: ">", Local: ">"}} }
	must(t, a["A"].SetImports(nil, all(a["B"])))
	must(t, a["B"].SetImports(nil, all(a["A"])))
	service, client := newInbox(), newInbox()
	service.subscribe(t, a["B"], "s", "")
	client.subscribe(t, a["A"], "inbox", "")
	newRequestor(a["A"]).request("s", "inbox", "", "1")
	if got := service.take(); len(got) != 1 {
		t.Fatalf("the service got %v", got)
	}
	send(a["B"], service.last(t).Reply, "answer")
	if got := client.take(); !slices.Equal(got, []string{"inbox=answer"}) {
		t.Errorf("got %v", got)
	}
}

func TestMappings(t *testing.T) {
	a := accounts("A")["A"]
	b := newInbox()
	b.subscribe(t, a, ">", "")
	set := func(source string, to ...transform.Destination) {
		t.Helper()
		m, err := transform.NewMapping(source, to)
		if err != nil {
			t.Fatal(err)
		}
		a.SetMappings(transform.NewMappings(m))
	}
	r := newRequestor(a)
	set("foo.*", transform.Destination{Subject: "bar.$1", Weight: 100})
	for range 3 {
		r.request("foo.x", "", "", "")
		r.request("bar.x", "", "", "")
		if got := b.take(); !slices.Equal(got, []string{"bar.x=", "bar.x="}) {
			t.Fatalf("got %v", got)
		}
	}
	a.SetMappings(nil)
	r.request("foo.x", "", "", "")
	if got := b.take(); !slices.Equal(got, []string{"foo.x="}) {
		t.Errorf("got %v", got)
	}
	set("foo", transform.Destination{Subject: "a", Weight: 50}, transform.Destination{Subject: "foo", Weight: 20})
	counts := make(map[string]int)
	const n = 2000
	for range n {
		r.request("foo", "", "", "")
		for _, got := range b.take() {
			counts[got]++
		}
	}
	if x, y := counts["a="], counts["foo="]; len(counts) != 2 || x < n*4/10 || x > n*6/10 || y < n*14/100 || y > n*26/100 {
		t.Errorf("counts %v of %d", counts, n)
	}
}

// Imports, subscriptions and messages change and fly at the same time; in the end
// nothing is left.
func TestImportsUnderConcurrentUse(t *testing.T) {
	a := accounts("A", "B")
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for _, pair := range [][2]*Account{{a["A"], a["B"]}, {a["B"], a["A"]}} {
		here, there := pair[0], pair[1]
		wg.Go(func() {
			for i := range 300 {
				streams := []StreamImport{{From: there, Subject: "s.*", Local: "s.*"}}
				services := []ServiceImport{{To: there, Subject: "q", Local: "q"}}
				if i%2 == 1 {
					streams, services = nil, nil
				}
				if err := here.SetImports(streams, services); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			r := newRequestor(here)
			for {
				select {
				case <-stop:
					return
				default:
					r.request("s.1", "", "", "x")
					r.request("q", "inbox", "", "x")
				}
			}
		})
	}
	var users sync.WaitGroup
	for _, account := range a {
		users.Go(func() {
			for range 300 {
				b := echo(account, 1)
				one, two := b.subscribe(t, account, "s.>", ""), b.subscribe(t, account, "q", "")
				three := newInbox().subscribe(t, account, "inbox", "")
				account.Unsubscribe(one, two, three)
			}
		})
	}
	users.Wait()
	close(stop)
	wg.Wait()
	for name, account := range a {
		must(t, account.SetImports(nil, nil))
		r := account.Index().Reader()
		r.All(func(e interest.Entry[*Subscription]) bool {
			if !strings.HasPrefix(e.Subject, ServiceReplies) {
				t.Errorf("%s: %q is left", name, e.Subject)
			}
			return true
		})
		r.Release()
	}
}

// Accounts that each import twice from the next one double a request with every
// account: beyond a bound it goes no further, and what arrived can be answered.
func TestRequestsDoNotMultiplyWithoutEnd(t *testing.T) {
	names := make([]string, 31)
	for i := range names {
		names[i] = fmt.Sprint("A", i)
	}
	a := accounts(names...)
	for i, name := range names[:30] {
		next := a[names[i+1]]
		must(t, a[name].SetImports(nil, []ServiceImport{
			{To: next, Subject: "x", Local: "x"}, {To: next, Subject: "y", Local: "x"},
			{To: next, Subject: "x", Local: "y"}, {To: next, Subject: "y", Local: "y"},
		}))
	}
	last, sixth := newInbox(), newInbox()
	last.subscribe(t, a["A30"], "*", "")
	sixth.subscribe(t, a["A6"], "*", "")
	newRequestor(a["A0"]).request("x", "", "", "")
	if n := len(last.take()); n != 0 {
		t.Errorf("%d requests at the end", n)
	}
	if n := len(sixth.take()); n != 64 {
		t.Errorf("%d requests in the sixth account, want 64", n)
	}
}

// What a publisher knows of its own account outlives changes in others.
func TestForeignInterestDoesNotClearTheHomeCache(t *testing.T) {
	a := accounts("I", "E")
	must(t, a["I"].SetImports(nil, []ServiceImport{{To: a["E"], Subject: "s", Local: "s"}}))
	here, there := newInbox(), newInbox()
	here.subscribe(t, a["I"], "own", "")
	r := newRequestor(a["I"])
	for range 3 { // the second miss admits, the third time is a hit
		r.request("own", "", "", "")
	}
	hits := a["I"].Lookups().Hits
	for n := range 5 {
		sub := there.subscribe(t, a["E"], "s", "")
		r.request("s", "", "", fmt.Sprint(n))
		r.request("own", "", "", "")
		a["E"].Unsubscribe(sub)
		r.request("s", "", "", "nobody")
	}
	if got := there.take(); !slices.Equal(got, []string{"s=0", "s=1", "s=2", "s=3", "s=4"}) {
		t.Errorf("the service got %q", got)
	}
	if got := a["I"].Lookups().Hits - hits; got < 5 {
		t.Errorf("%d hits of 5", got)
	}
	if n := len(here.take()); n != 8 {
		t.Errorf("%d own messages of 8", n)
	}
}

// Destinations that are gone are not remembered without end.
func TestStagesAreBounded(t *testing.T) {
	a := accounts("I", "E")
	must(t, a["I"].SetImports(nil, []ServiceImport{{To: a["E"], Subject: "s.*", Local: "s.*"}}))
	there := newInbox()
	r := newRequestor(a["I"])
	for n := range maxStages + 1 {
		r.pub.stageFor(new(link.Out))
		there.subscribe(t, a["E"], fmt.Sprint("s.", n), "")
		r.request(fmt.Sprint("s.", n), "", "", "")
	}
	if n := len(r.pub.stages); n > maxStages {
		t.Errorf("%d stages", n)
	}
	if n := len(there.take()); n != maxStages+1 {
		t.Errorf("%d messages", n)
	}
}
