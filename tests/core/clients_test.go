package core_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// More may wait for a client than fits 32 bits.
//
// Go: TestClientMaxPending server/client_test.go:2156
func TestAlmostBoundlessBacklog(t *testing.T) {
	nc := kit.Connect(t, godwittest.Run(t, &godwit.Options{MaxPending: math.MaxInt32 + 1}), "")
	sub := kit.Subscribe(t, nc, "foo")
	kit.OK(t, nc.Publish("foo", []byte("msg")))
	if got := string(sub.Next().Data); got != "msg" {
		t.Errorf("got %q", got)
	}
}

// CONNECT is complete with its line end; what follows is read as usual.
//
// Go: TestParseConnect server/parser_test.go:152
func TestConnectEndsWithItsLine(t *testing.T) {
	w := kit.Dial(t, godwittest.RunConfig(t, "").Addr())
	w.Send(`CONNECT {"verbose":false,"pedantic":true,"tls_required":false}`, "PING", "sub a.b 1", "PUB a.b 2", "ok")
	w.Expect("PONG", "MSG a.b 1 2", "ok")
}

// Whatever monitoring does, clients can connect, and nobody gets a PING before he
// has had time to send the first one himself.
//
// Go: TestPingNotSentTooSoon server/client_test.go:2256
func TestTheFirstPingComesLate(t *testing.T) {
	s := kit.Must[*godwit.Server](t)(godwit.NewServer(&godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort}))
	t.Cleanup(s.Shutdown)
	kit.OK(t, s.Start())
	w := kit.Dial(t, s.Addr())
	began := time.Now()
	w.Send(`CONNECT {"verbose":false,"lang":"go"}`)

	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if _, err := s.Connz(nil); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 100 {
		kit.Connect(t, s, "").Close()
	}
	close(done)
	watcher.Wait()

	line := w.Line()
	if took := time.Since(began); line != "PING" || took < 1900*time.Millisecond {
		t.Errorf("%q after %v", line, took)
	}
}

// A refused client is called by what it gave as its name, never by a secret.
func TestRefusedClientsInTheLog(t *testing.T) {
	s := godwittest.RunConfig(t, "authorization { user: joe, password: right }")
	log := &kit.Log{}
	s.SetLogger(log, true, true)
	key := kit.NewSigner(t, nkeys.PrefixByteUser).Public
	for given, want := range map[string]string{
		`"nkey":"` + key + `"`:       `Nkey "` + key + `"`,
		`"user":"foo","pass":"s3cr"`: `User "foo"`,
		`"auth_token":"s3cr3t!"`:     `Token "[REDACTED]"`,
	} {
		w := kit.Dial(t, s.Addr())
		w.Send("CONNECT {" + given + "}")
		w.Expect("-ERR 'Authorization Violation'")
		if found := log.Find("authentication error - " + want); len(found) != 1 {
			t.Errorf("%s: %d lines", want, len(found))
		}
	}
	if found := log.Find("s3cr"); len(found) != 0 {
		t.Errorf("a secret was logged: %q", found)
	}
}

// The password of a client that may connect is not traced either.
//
// Go: TestNoPasswordsFromConnectTrace server/log_test.go:194
func TestPasswordsAreNotTraced(t *testing.T) {
	s := godwittest.RunConfig(t, "authorization { user: derek, password: s3cr3t }")
	log := &kit.Log{}
	s.SetLogger(log, true, true)
	w := kit.Dial(t, s.Addr())
	w.Send(`CONNECT {"verbose":true,"user":"derek","pass":"s3cr3t"}`)
	w.Expect("+OK")
	if len(log.Find(`<<- [CONNECT {"verbose":true,"user":"derek"`)) != 1 {
		t.Error("CONNECT was not traced")
	}
	if found := log.Find("s3cr3t"); len(found) != 0 {
		t.Errorf("a secret was traced: %q", found)
	}
}

// Far more than may wait for a client passes, if the client keeps reading.
//
// Go: TestNoRaceAvoidSlowConsumerBigMessages server/norace_1_test.go:60
func TestBigMessagesMakeNoSlowConsumer(t *testing.T) {
	s := godwittest.RunConfig(t, "no_sys_acc: true")
	reader, writer := kit.Connect(t, s, ""), kit.Connect(t, s, "")
	const n = 200 // of 1 MiB, with 64 MiB that may wait
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	var got atomic.Int64
	kit.Must[*nats.Subscription](t)(reader.Subscribe("slow.consumer", func(m *nats.Msg) {
		if len(m.Data) == len(data) {
			got.Add(1)
		}
	}))
	kit.Flush(t, reader)
	for range n {
		kit.OK(t, writer.Publish("slow.consumer", data))
	}
	kit.Flush(t, writer)
	kit.Eventually(t, "all messages have come", func() bool { return got.Load() == n })
	if s.NumSlowConsumers() != 0 || reader.IsClosed() {
		t.Errorf("%d slow consumers", s.NumSlowConsumers())
	}
}

// A client that does not read is given up when too much waits for it, long before
// the write deadline.
//
// Go: TestNoRaceSlowConsumerPendingBytes server/norace_1_test.go:313
func TestTooMuchWaitsForAClient(t *testing.T) {
	s := godwittest.RunConfig(t, `no_sys_acc: true, write_deadline: "30s", max_pending: 1MB`)
	w := kit.Dial(t, s.Addr())
	kit.OK(t, w.Conn.(*net.TCPConn).SetReadBuffer(128))
	w.Send("CONNECT {}", "PING", "SUB foo 1")
	kit.Eventually(t, "the subscription is there", func() bool { return s.NumSubscriptions() > 0 })
	sender := kit.Connect(t, s, "")
	payload := make([]byte, 1<<20)
	for range 100 {
		kit.OK(t, sender.Publish("foo", payload))
	}
	kit.Flush(t, sender)
	kit.Eventually(t, "writing fails", func() bool {
		_, err := io.WriteString(w.Conn, "PUB bar 5\r\nhello\r\n")
		return err != nil
	})
	if n := s.NumSlowConsumers(); n != 1 {
		t.Errorf("%d slow consumers", n)
	}
}

// Members of queue groups that want one message each lose none.
//
// Go: TestNoRaceQueueAutoUnsubscribe server/norace_1_test.go:951
func TestQueueMembersForOneMessageEach(t *testing.T) {
	nc := kit.Connect(t, godwittest.RunConfig(t, ""), "")
	const n = 1000
	var counts [2]atomic.Int64
	for range n {
		for i, group := range []string{"bar", "baz"} {
			sub := kit.Must[*nats.Subscription](t)(nc.QueueSubscribe("foo", group, func(*nats.Msg) { counts[i].Add(1) }))
			kit.OK(t, sub.AutoUnsubscribe(1))
		}
	}
	kit.Flush(t, nc)
	for range n {
		kit.OK(t, nc.Publish("foo", []byte("keep me")))
	}
	kit.Flush(t, nc)
	kit.Eventually(t, "both groups got everything", func() bool { return counts[0].Load() == n && counts[1].Load() == n })
}

// Subjects with more tokens than allowed cannot be subscribed to.
//
// Go: TestMaxSubTokens server/opts_test.go:3359
func TestTokensOfSubscriptions(t *testing.T) {
	s := godwittest.RunConfig(t, "max_sub_tokens: 4")
	w := kit.Login(t, s.Addr(), "")
	w.Send("SUB a.b.c.d 1", "SUB a.b.c.d.e 2", "PING")
	if line := w.Line(); !strings.HasPrefix(line, "-ERR") || !strings.Contains(line, "too many tokens") {
		t.Errorf("got %q", line)
	}
}

// Connections made while the largest payload changes are told the old or the new
// one, and those that are there already learn it.
//
// Go: TestClientGenerateClientInfoJSONMpayAtomicRace server/client_test.go:2947
func TestPayloadLimitsChangeWhileClientsConnect(t *testing.T) {
	s, reload := kit.Reloadable(t, "max_payload: 1024")
	done := make(chan struct{})
	var reloads sync.WaitGroup
	reloads.Go(func() {
		defer close(done)
		for i := range 20 {
			reload(fmt.Sprintf("max_payload: %d", 1024<<(i%2)))
		}
		reload("max_payload: 4096")
	})
	defer reloads.Wait()
	var kept []*nats.Conn
	for finished := false; !finished; {
		select {
		case <-done:
			finished = true
		default:
		}
		nc := kit.Connect(t, s, "")
		if n := nc.MaxPayload(); n != 1024 && n != 2048 && n != 4096 {
			t.Errorf("told %d bytes", n)
		}
		if len(kept) < 20 {
			kept = append(kept, nc)
		} else {
			nc.Close()
		}
	}
	for _, nc := range kept {
		kit.Eventually(t, "the limit is known", func() bool { return nc.MaxPayload() == 4096 })
	}
}

// A random port is unknown until the server listens.
//
// Go: TestOptions_RandomPort server/opts_test.go:89
func TestRandomPortsAreFound(t *testing.T) {
	o := &godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort}
	s := kit.Must[*godwit.Server](t)(godwit.NewServer(o))
	t.Cleanup(s.Shutdown)
	if o.Port != 0 {
		t.Errorf("port %d before the start", o.Port)
	}
	kit.OK(t, s.Start())
	if port := s.Addr().(*net.TCPAddr).Port; o.Port != port || port == 0 {
		t.Errorf("port %d in the options, %d listens", o.Port, port)
	}
}

// The closed connections that are remembered are the last ones, in their order; all
// are counted.
//
// Go: TestRBAppendAndLenAndTotal server/ring_test.go:22
// Go: TestRBclosedClients server/ring_test.go:48
func TestTheLastClosedConnectionsAreRemembered(t *testing.T) {
	const room = 10
	s := godwittest.RunConfig(t, fmt.Sprintf("max_closed_clients: %d", room))
	for n := 1; n <= 30; n++ {
		w := kit.Login(t, s.Addr(), "")
		last := w.ID()
		w.Close()
		var z *godwit.Connz
		kit.Eventually(t, "the end is noted", func() bool {
			z = kit.Must[*godwit.Connz](t)(s.Connz(&godwit.ConnzOptions{State: 1, Sort: "cid"}))
			return len(z.Conns) > 0 && z.Conns[len(z.Conns)-1].Cid == last
		})
		if len(z.Conns) != min(n, room) {
			t.Fatalf("%d of %d are remembered", len(z.Conns), n)
		}
		for i, c := range z.Conns {
			if c.Cid != last-uint64(len(z.Conns)-1-i) {
				t.Fatalf("after %d: connection %d is %d", last, i, c.Cid)
			}
		}
	}
	if n := kit.Must[*godwit.Varz](t)(s.Varz(nil)).TotalConnections; n != 30 {
		t.Errorf("%d connections in all", n)
	}
}

// Asking how many subscriptions there are does not change their number.
//
// Go: TestMonitorVarzSubscriptionsResetProperly server/monitor_test.go:260
func TestCountsDoNotGrowByAsking(t *testing.T) {
	s := godwittest.RunConfig(t, "http: 127.0.0.1:-1")
	nc := kit.Connect(t, s, "")
	for i := range 50 {
		kit.Must[*nats.Subscription](t)(nc.SubscribeSync(fmt.Sprintf("x.%d", i)))
	}
	kit.Flush(t, nc)
	var first, again godwit.Varz
	get(t, s, "/varz", &first)
	get(t, s, "/varz", &again)
	if first.Subscriptions < 50 || again.Subscriptions != first.Subscriptions {
		t.Errorf("%d subscriptions, then %d", first.Subscriptions, again.Subscriptions)
	}
}
