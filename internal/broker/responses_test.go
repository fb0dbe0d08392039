package broker

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/sharing"
)

// waiting are two accounts of which the first waits for n answers of the second,
// all on the reply subject "my.inbox".
func waiting(t testing.TB, n int) (i, e *Account, client *inbox, listening *Subscription) {
	t.Helper()
	a := accounts("I", "E")
	if err := a["I"].SetImports(nil, []ServiceImport{{To: a["E"], Subject: "test", Local: "test"}}); err != nil {
		t.Fatal(err)
	}
	service, client := newInbox(), newInbox()
	if err := a["E"].Subscribe(&Subscription{Subject: "test", To: &service.Receiver}); err != nil {
		t.Fatal(err)
	}
	listening = &Subscription{Subject: "my.inbox", To: &client.Receiver}
	if err := a["I"].Subscribe(listening); err != nil {
		t.Fatal(err)
	}
	r := newRequestor(a["I"])
	for range n {
		r.request("test", "my.inbox", "", "help")
	}
	return a["I"], a["E"], client, listening
}

// consistent checks the books of both sides: n answers owed by e, all listed in i
// under one reply subject, forwards and backwards.
func consistent(t *testing.T, i, e *Account, n int) {
	t.Helper()
	owed, awaited := len(e.responses.byName), i.responses.awaited.Load()
	if owed != n || awaited != int64(n) {
		t.Fatalf("%d answers are owed, %d awaited, want %d", owed, awaited, n)
	}
	listed := 0
	var last *response
	for w := i.responses.waiting["my.inbox"]; w != nil; w = w.next {
		if w.prev != last || e.responses.byName[w.name] != w {
			t.Fatalf("answer %d of the list is out of order", listed)
		}
		last = w
		listed++
	}
	if listed != n || n == 0 && len(i.responses.waiting) != 0 {
		t.Fatalf("%d answers are listed under %d subjects, want %d", listed, len(i.responses.waiting), n)
	}
}

// Many requests may share one reply subject; their answers end one by one.
//
// Go: TestServiceImportReverseEntriesSharedReplySubject server/accounts_test.go:4423
func TestAnswersOnOneReplySubjectEndOneByOne(t *testing.T) {
	for _, n := range []int{7, 800} {
		i, e, _, _ := waiting(t, n)
		consistent(t, i, e, n)
		for _, p := range e.PendingResponses() { // in no order
			e.responses.byName[p.Name].end(nil, timedOut)
			n--
			consistent(t, i, e, n)
		}
	}
}

// All end at once when nobody listens to the reply subject any more.
//
// Go: TestServiceImportReverseEntriesBulkRemoval server/accounts_test.go:4495
func TestAnswersOnOneReplySubjectEndTogether(t *testing.T) {
	for _, n := range []int{7, 800} {
		i, e, _, listening := waiting(t, n)
		consistent(t, i, e, n)
		i.Unsubscribe(listening)
		consistent(t, i, e, 0)
	}
}

// Imports may be read while they are removed.
//
// Go: TestRemoveAllServiceImportSubsNoRaceUnderConcurrentReaders server/accounts_test.go:4221
func TestImportsAreReadWhileTheyChange(t *testing.T) {
	a := accounts("I", "E")
	var imports []ServiceImport
	for n := range 8 {
		imports = append(imports, ServiceImport{To: a["E"], Subject: fmt.Sprint("svc.", n), Local: fmt.Sprint("svc.", n)})
	}
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for !done.Load() {
				if _, services := a["I"].Imports(); len(services) != 0 && len(services) != len(imports) {
					t.Errorf("%d imports", len(services))
					return
				}
				newRequestor(a["I"]).request("svc.1", "", "", "")
			}
		})
	}
	for range 500 {
		if err := a["I"].SetImports(nil, imports); err != nil {
			t.Error(err)
		}
		if err := a["I"].SetImports(nil, nil); err != nil {
			t.Error(err)
		}
	}
	done.Store(true)
	readers.Wait()
	if n := a["I"].Index().Stats().NumSubs; n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

// Imports that are the same are left in place.
func TestEqualImportsAreNotMadeAnew(t *testing.T) {
	a := accounts("I", "E")
	streams := []StreamImport{{From: a["E"], Subject: "s", Local: "t"}}
	services := []ServiceImport{{To: a["E"], Subject: "a", Local: "b"}, {To: a["E"], Subject: "c", Local: "c", Threshold: time.Second}}
	must(t, a["I"].SetImports(streams, services))
	newInbox().subscribe(t, a["I"], "t", "")
	inserts := func() [2]uint64 {
		return [2]uint64{a["I"].Index().Stats().NumInserts, a["E"].Index().Stats().NumInserts}
	}
	before := inserts()
	must(t, a["I"].SetImports(streams, services))
	if after := inserts(); after != before {
		t.Errorf("inserts %v, before %v", after, before)
	}
	services[1].Threshold = time.Minute
	must(t, a["I"].SetImports(streams, services))
	if after := inserts(); after != [2]uint64{before[0] + 1, before[1]} {
		t.Errorf("inserts %v, before %v", after, before)
	}
}

// An answer, the end of the interest in it and its threshold may come at the same
// moment: there is one measurement of each request, and nothing is left behind.
//
// Go: TestAccountSendTrackingLatencyRcRace server/accounts_test.go:4332
func TestOneMeasurementOfEachRequest(t *testing.T) {
	a := accounts("I", "E", "SYS")
	must(t, a["I"].SetImports(nil, []ServiceImport{{
		To: a["E"], Subject: "s", Local: "s", Latency: sharing.Latency{Sampling: 100, Subject: "metrics"},
	}}))
	service, client, metrics := newInbox(), newInbox(), newInbox()
	service.subscribe(t, a["E"], "s", "")
	metrics.subscribe(t, a["E"], "metrics", "")
	const n = 300
	for range n {
		sub := client.subscribe(t, a["I"], "inbox", "")
		newRequestor(a["I"]).request("s", "inbox", "", "")
		reply := service.last(t).Reply
		owed := a["E"].responses.byName[reply]
		var race sync.WaitGroup
		for range 2 {
			race.Go(func() { newRequestor(a["E"]).request(reply, "", "", "yes") })
		}
		race.Go(func() { a["I"].Unsubscribe(sub) })
		race.Go(func() { owed.end(nil, timedOut) })
		race.Wait()
	}
	if got := len(metrics.take()); got != n {
		t.Errorf("%d measurements of %d requests", got, n)
	}
	if owed, awaited := len(a["E"].responses.byName), a["I"].responses.awaited.Load(); owed != 0 || awaited != 0 {
		t.Errorf("%d answers are owed, %d awaited", owed, awaited)
	}
}

// Go: BenchmarkNewRouteReply server/accounts_test.go:3320
func BenchmarkReplySubjects(b *testing.B) {
	a := accounts("I", "E")
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(a["I"].SetImports(nil, []ServiceImport{{To: a["E"], Subject: "s", Local: "s"}}))
	via := a["I"].services[0]
	b.ReportAllocs()
	for b.Loop() {
		w := a["E"].responses.expect(via, a["I"], "inbox", nil)
		if !strings.HasPrefix(w.name, ServiceReplies) {
			b.Fatal(w.name)
		}
		w.end(nil, served)
	}
}

// The cost of ending n answers, whether they share a reply subject or not: it must
// grow with n, not with its square.
//
// Go: BenchmarkReverseRespMapRemoval server/accounts_test.go:4542
func BenchmarkEndOfManyAnswers(b *testing.B) {
	for _, shared := range []bool{true, false} {
		for _, n := range []int{1000, 10_000, 40_000} {
			b.Run(fmt.Sprintf("shared=%t/%d", shared, n), func(b *testing.B) {
				a := accounts("I", "E")
				if err := a["I"].SetImports(nil, []ServiceImport{{To: a["E"], Subject: "s", Local: "s"}}); err != nil {
					b.Fatal(err)
				}
				via := a["I"].services[0]
				list := make([]*response, n)
				for b.Loop() {
					b.StopTimer()
					for i := range list {
						reply := "my.inbox"
						if !shared {
							reply = fmt.Sprint("my.inbox.", i)
						}
						list[i] = a["E"].responses.expect(via, a["I"], reply, nil)
					}
					b.StartTimer()
					for _, w := range list {
						w.end(nil, timedOut)
					}
					if left := a["I"].responses.awaited.Load(); left != 0 {
						b.Fatalf("%d are left", left)
					}
				}
			})
		}
	}
}

// BenchmarkRequests measures a request to another account with its answer.
func BenchmarkRequests(b *testing.B) {
	for _, latency := range []sharing.Latency{{}, {Sampling: 100, Subject: "metrics"}} {
		b.Run(fmt.Sprintf("measured=%d", latency.Sampling), func(b *testing.B) {
			a := accounts("I", "E", "SYS")
			if err := a["I"].SetImports(nil, []ServiceImport{{To: a["E"], Subject: "s", Local: "s", Latency: latency}}); err != nil {
				b.Fatal(err)
			}
			answers := 0
			var reply string
			service := &Receiver{Handle: func(_ *Subscription, m *Message) { reply = m.Reply }}
			client := &Receiver{Handle: func(*Subscription, *Message) { answers++ }}
			if err := a["E"].Subscribe(&Subscription{Subject: "s", To: service}); err != nil {
				b.Fatal(err)
			}
			if err := a["I"].Subscribe(&Subscription{Subject: "inbox", To: client}); err != nil {
				b.Fatal(err)
			}
			i, e := newRequestor(a["I"]), newRequestor(a["E"])
			b.ReportAllocs()
			for b.Loop() {
				i.request("s", "inbox", "", "payload")
				e.request(reply, "", "", "answer")
			}
			if answers == 0 {
				b.Fatal("no answers")
			}
		})
	}
}
