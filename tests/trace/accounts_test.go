package trace_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// owed is how many answers an account's services owe.
func (s *site) owed(account string) int {
	s.t.Helper()
	z := kit.Must[*godwit.Accountz](s.t)(s.Accountz(&godwit.AccountzOptions{Account: account}))
	return len(z.Account.Responses)
}

// serve answers with what was asked, and tells of each request.
func serve(t testing.TB, nc *nats.Conn, subject, queue string) <-chan *nats.Msg {
	t.Helper()
	asked := make(chan *nats.Msg, 16)
	kit.Must[*nats.Subscription](t)(nc.QueueSubscribe(subject, queue, func(m *nats.Msg) {
		if err := m.Respond(m.Data); err != nil {
			t.Errorf("answer: %v", err)
		}
		asked <- m
	}))
	kit.Flush(t, nc)
	return asked
}

// TestTracedServiceImports has a requestor with a mapping, and two services: one is
// imported from its account, the other over an account in between, and renamed by a
// mapping in its own.
//
// Go: TestMsgTraceServiceImport server/msgtrace_test.go:2071
func TestTracedServiceImports(t *testing.T) {
	text := func(allow bool) string {
		return fmt.Sprintf(`accounts {
			A {
				users: [ { user: a, password: pw } ]
				exports: [ { service: ">", allow_trace: %v } ]
				mappings { bar: bozo }
			}
			B {
				users: [ { user: b, password: pw } ]
				imports: [ { service: { account: A, subject: ">" } } ]
				exports: [ { service: ">", allow_trace: %[1]v } ]
			}
			C { users: [ { user: c, password: pw } ], exports: [ { service: ">", allow_trace: %[1]v } ] }
			D {
				users: [ { user: d, password: pw } ]
				imports: [
					{ service: { account: B, subject: bar }, to: baz }
					{ service: { account: C, subject: ">" } }
				]
				mappings { bat: baz }
			}
		}`, allow)
	}
	s := run(t, text(false))
	nc := s.connect("d", nats.Name("requestor"))
	traces, answers := kit.Subscribe(t, nc, "tr.a"), kit.Subscribe(t, nc, "inbox")
	atA, atC := s.connect("a", nats.Name("at A")), s.connect("c", nats.Name("at C"))
	askedA, askedC := serve(t, atA, "*", "workers"), serve(t, atC, "baz", "")
	for i, allow := range []bool{false, true, false} {
		if i > 0 {
			s.reload(text(allow))
		}
		both(t, func(t *testing.T, deliver bool, headers []string) {
			m := message("bat", "request", headers...)
			m.Reply = answers.Subject
			kit.OK(t, nc.PublishMsg(m))
			want := []string{
				"in name=requestor acc=D subj=bat", "si acc=B from=baz to=bar", "si acc=C from=baz to=baz", "sm to=baz",
			}
			if allow {
				want = slices.Insert(want, 1, "eg name=at A acc=A sub=* queue=workers", "eg name=at C acc=C sub=baz", "si acc=A from=bar to=bozo")
			}
			tells(t, traces, nc, want...)
			if deliver {
				same(t, "answers", []string{string(answers.Next().Data), string(answers.Next().Data)}, []string{"request", "request"})
				// Where tracing goes on, whoever gets the message can trace it further;
				// where it does not, nobody does.
				for _, asked := range []<-chan *nats.Msg{askedA, askedC} {
					got := (<-asked).Header.Get(dest)
					if allow != strings.HasPrefix(got, "_R_.") || !allow && got != "trace disabled" {
						t.Errorf("the service sees the destination %q", got)
					}
				}
			}
			kit.Flush(t, nc, atA, atC)
			if n, a, c := answers.Count(atA, atC), len(askedA), len(askedC); n+a+c != 0 {
				t.Errorf("%d answers, %d and %d requests too many", n, a, c)
			}
			for _, account := range []string{"A", "B", "C", "D"} {
				if n := s.owed(account); n != 0 {
					t.Errorf("%s owes %d answers", account, n)
				}
			}
		})
	}
}

// TestTracedRequestWithoutService: who asks is told that there is nobody, traced or
// not; if there is somebody who is not to get the message, nothing is said.
func TestTracedRequestWithoutService(t *testing.T) {
	s := run(t, `accounts {
		A { users: [ { user: a, password: pw } ], exports: [ { service: "s.>", allow_trace: true }, { service: "q.>" } ] }
		B { users: [ { user: b, password: pw } ], imports: [ { service: { account: A, subject: "s.>" } }, { service: { account: A, subject: "q.>" } } ] }
	}`)
	nc := s.connect("b")
	traces, answers := kit.Subscribe(t, nc, "tr.a"), kit.Subscribe(t, nc, "inbox")
	ask := func(subject string, headers []string) {
		t.Helper()
		m := message(subject, "", headers...)
		m.Reply = answers.Subject
		kit.OK(t, nc.PublishMsg(m))
	}
	both(t, func(t *testing.T, deliver bool, headers []string) {
		ask("nobody", headers)
		tells(t, traces, nc, "in acc=B subj=nobody")
		ask("s.nobody", headers)
		tells(t, traces, nc, "in acc=B subj=s.nobody", "si acc=A from=s.nobody to=s.nobody")
		// What becomes of it in an account that does not show it is not told.
		ask("q.nobody", headers)
		tells(t, traces, nc, "in acc=B subj=q.nobody", "si acc=A from=q.nobody to=q.nobody")
		for range 2 + len(when(deliver, "")) {
			if _, err := answers.NextMsg(kit.Patience); !errors.Is(err, nats.ErrNoResponders) {
				t.Errorf("got %v", err)
			}
		}
		if n := answers.Count(nc); n != 0 {
			t.Errorf("%d answers too many", n)
		}
	})
	service := s.connect("a", nats.Name("service"))
	wanted := kit.Subscribe(t, service, "s.somebody")
	ask("s.somebody", []string{dest, "tr.a", only, "true"})
	tells(t, traces, nc, "in acc=B subj=s.somebody", "eg name=service acc=A sub=s.somebody", "si acc=A from=s.somebody to=s.somebody")
	if n, m := answers.Count(nc), wanted.Count(); n+m != 0 {
		t.Errorf("%d answers, %d requests", n, m)
	}
}

// TestAnswersAreTracedByTheirOwnHeaders: the trace of a request ends with the
// request; that of an answer is the service's own.
func TestAnswersAreTracedByTheirOwnHeaders(t *testing.T) {
	s := run(t, `accounts {
		A { users: [ { user: a, password: pw } ], exports: [ { service: "s.>", allow_trace: true } ] }
		B { users: [ { user: b, password: pw } ], imports: [ { service: { account: A, subject: "s.>" } } ] }
	}`)
	service, nc := s.connect("a", nats.Name("service")), s.connect("b")
	requests, own := kit.Subscribe(t, service, "s.1"), kit.Subscribe(t, service, "tr.own")
	traces, answers := kit.Subscribe(t, nc, "tr.a"), kit.Subscribe(t, nc, "inbox")
	m := message("s.1", "question", dest, "tr.a")
	m.Reply = answers.Subject
	kit.OK(t, nc.PublishMsg(m))
	tells(t, traces, nc, "in acc=B subj=s.1", "eg name=service acc=A sub=s.1", "si acc=A from=s.1 to=s.1")
	answer := message("", "answer", dest, "tr.own")
	request := requests.Next()
	kit.OK(t, request.RespondMsg(answer))
	if got := answers.Next(); string(got.Data) != "answer" {
		t.Errorf("got %q", got.Data)
	}
	if e := trace(t, own, service); !strings.HasPrefix(e.Events[0].String(), "in name=service acc=A subj=_R_.") || e.Events[0].Subject != request.Reply {
		t.Errorf("steps %q", e.story())
	}
	if n := traces.Count(nc); n != 0 {
		t.Errorf("%d events more", n)
	}
}

// TestTracedStreamImports has two importers with names of their own, one of them
// with a queue.
//
// Go: TestMsgTraceStreamExport server/msgtrace_test.go:4121
func TestTracedStreamImports(t *testing.T) {
	text := func(allow bool) string {
		return fmt.Sprintf(`accounts {
			A { users: [ { user: a, password: pw } ], exports: [ { stream: "info.*.*.>" } ] }
			B {
				users: [ { user: b, password: pw } ]
				imports: [ { stream: { account: A, subject: "info.*.*.>" }, to: "B.info.$2.$1.>", allow_trace: %v } ]
			}
			C {
				users: [ { user: c, password: pw } ]
				imports: [ { stream: { account: A, subject: "info.*.*.>" }, to: "C.info.$1.$2.>", allow_trace: %[1]v } ]
			}
		}`, allow)
	}
	s := run(t, text(false))
	nc := s.connect("a", nats.Name("tracer"))
	traces := kit.Subscribe(t, nc, "tr.a")
	atB := kit.Subscribe(t, s.connect("b", nats.Name("at B")), "B.info.*.*.>")
	atC := kit.Subscribe(t, s.connect("c", nats.Name("at C")), "C.info.>", "workers")
	for i, allow := range []bool{false, true, false} {
		if i > 0 {
			s.reload(text(allow))
		}
		both(t, func(t *testing.T, deliver bool, headers []string) {
			kit.OK(t, nc.PublishMsg(message("info.11.22.bar", "hello", headers...)))
			want := []string{"in name=tracer acc=A subj=info.11.22.bar"}
			if allow {
				want = append(want, "eg name=at B acc=B sub=info.*.*.>", "eg name=at C acc=C sub=info.*.*.> queue=workers")
			}
			want = append(want, "se acc=B to=B.info.22.11.bar", "se acc=C to=C.info.11.22.bar")
			tells(t, traces, nc, want...)
			same(t, "at B", atB.Take(nc), when(deliver, "B.info.22.11.bar=hello"))
			same(t, "at C", atC.Take(nc), when(deliver, "C.info.11.22.bar=hello"))
		})
	}
}

// TestTracesCrossAccounts: the event itself is a message like others.
func TestTracesCrossAccounts(t *testing.T) {
	s := run(t, `accounts {
		A { users: [ { user: a, password: pw } ], exports: [ { stream: "tr.>" } ], mappings { tr.a: tr.b } }
		B { users: [ { user: b, password: pw } ], imports: [ { stream: { account: A, subject: "tr.>" }, prefix: "from.A" } ] }
	}`)
	nc := s.connect("a")
	traces := kit.Subscribe(t, s.connect("b"), "from.A.>")
	kit.OK(t, nc.PublishMsg(message("foo", "", dest, "tr.a")))
	tells(t, traces, nc, "in acc=A subj=foo")
}
