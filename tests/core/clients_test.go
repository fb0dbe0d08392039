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
)

// More may wait for a client than fits 32 bits.
//
// Go: TestClientMaxPending server/client_test.go:2156
func TestAlmostBoundlessBacklog(t *testing.T) {
	nc := connect(t, godwittest.Run(t, &godwit.Options{MaxPending: math.MaxInt32 + 1}), "")
	sub := subscribe(t, nc, "foo")
	ok(t, nc.Publish("foo", []byte("msg")))
	if got := next(t, sub); got != "msg" {
		t.Errorf("got %q", got)
	}
}

// CONNECT is complete with its line end; what follows is read as usual.
//
// Go: TestParseConnect server/parser_test.go:152
func TestConnectEndsWithItsLine(t *testing.T) {
	w := dial(t, run(t, "").Addr())
	w.send(`CONNECT {"verbose":false,"pedantic":true,"tls_required":false}`, "PING", "sub a.b 1", "PUB a.b 2", "ok")
	w.expect("PONG", "MSG a.b 1 2", "ok")
}

// Whatever monitoring does, clients can connect, and nobody gets a PING before he
// has had time to send the first one himself.
//
// Go: TestPingNotSentTooSoon server/client_test.go:2256
func TestTheFirstPingComesLate(t *testing.T) {
	s := must[*godwit.Server](t)(godwit.NewServer(&godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort}))
	t.Cleanup(s.Shutdown)
	ok(t, s.Start())
	w := dial(t, s.Addr())
	began := time.Now()
	w.send(`CONNECT {"verbose":false,"lang":"go"}`)

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
		connect(t, s, "").Close()
	}
	close(done)
	watcher.Wait()

	line := w.line()
	if took := time.Since(began); line != "PING" || took < 1900*time.Millisecond {
		t.Errorf("%q after %v", line, took)
	}
}

// A refused client is called by what it gave as its name, never by a secret.
func TestRefusedClientsInTheLog(t *testing.T) {
	s := run(t, "authorization { user: joe, password: right }")
	log := &journal{}
	s.SetLogger(log, true, true)
	key := newSigner(t, nkeys.PrefixByteUser).public
	for given, want := range map[string]string{
		`"nkey":"` + key + `"`:       `Nkey "` + key + `"`,
		`"user":"foo","pass":"s3cr"`: `User "foo"`,
		`"auth_token":"s3cr3t!"`:     `Token "[REDACTED]"`,
	} {
		w := dial(t, s.Addr())
		w.send("CONNECT {" + given + "}")
		w.expect("-ERR 'Authorization Violation'")
		if found := log.find("authentication error - " + want); len(found) != 1 {
			t.Errorf("%s: %d lines", want, len(found))
		}
	}
	if found := log.find("s3cr"); len(found) != 0 {
		t.Errorf("a secret was logged: %q", found)
	}
}

// The password of a client that may connect is not traced either.
//
// Go: TestNoPasswordsFromConnectTrace server/log_test.go:194
func TestPasswordsAreNotTraced(t *testing.T) {
	s := run(t, "authorization { user: derek, password: s3cr3t }")
	log := &journal{}
	s.SetLogger(log, true, true)
	w := dial(t, s.Addr())
	w.send(`CONNECT {"verbose":true,"user":"derek","pass":"s3cr3t"}`)
	w.expect("+OK")
	if len(log.find(`<<- [CONNECT {"verbose":true,"user":"derek"`)) != 1 {
		t.Error("CONNECT was not traced")
	}
	if found := log.find("s3cr3t"); len(found) != 0 {
		t.Errorf("a secret was traced: %q", found)
	}
}

// Far more than may wait for a client passes, if the client keeps reading.
//
// Go: TestNoRaceAvoidSlowConsumerBigMessages server/norace_1_test.go:60
func TestBigMessagesMakeNoSlowConsumer(t *testing.T) {
	s := run(t, "no_sys_acc: true")
	reader, writer := connect(t, s, ""), connect(t, s, "")
	const n = 200 // of 1 MiB, with 64 MiB that may wait
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	var got atomic.Int64
	must[*nats.Subscription](t)(reader.Subscribe("slow.consumer", func(m *nats.Msg) {
		if len(m.Data) == len(data) {
			got.Add(1)
		}
	}))
	flush(t, reader)
	for range n {
		ok(t, writer.Publish("slow.consumer", data))
	}
	flush(t, writer)
	eventually(t, "all messages have come", func() bool { return got.Load() == n })
	if s.NumSlowConsumers() != 0 || reader.IsClosed() {
		t.Errorf("%d slow consumers", s.NumSlowConsumers())
	}
}

// A client that does not read is given up when too much waits for it, long before
// the write deadline.
//
// Go: TestNoRaceSlowConsumerPendingBytes server/norace_1_test.go:313
func TestTooMuchWaitsForAClient(t *testing.T) {
	s := run(t, `no_sys_acc: true, write_deadline: "30s", max_pending: 1MB`)
	w := dial(t, s.Addr())
	ok(t, w.Conn.(*net.TCPConn).SetReadBuffer(128))
	w.send("CONNECT {}", "PING", "SUB foo 1")
	eventually(t, "the subscription is there", func() bool { return s.NumSubscriptions() > 0 })
	sender := connect(t, s, "")
	payload := make([]byte, 1<<20)
	for range 100 {
		ok(t, sender.Publish("foo", payload))
	}
	flush(t, sender)
	eventually(t, "writing fails", func() bool {
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
	nc := connect(t, run(t, ""), "")
	const n = 1000
	var counts [2]atomic.Int64
	for range n {
		for i, group := range []string{"bar", "baz"} {
			sub := must[*nats.Subscription](t)(nc.QueueSubscribe("foo", group, func(*nats.Msg) { counts[i].Add(1) }))
			ok(t, sub.AutoUnsubscribe(1))
		}
	}
	flush(t, nc)
	for range n {
		ok(t, nc.Publish("foo", []byte("keep me")))
	}
	flush(t, nc)
	eventually(t, "both groups got everything", func() bool { return counts[0].Load() == n && counts[1].Load() == n })
}

// Subjects with more tokens than allowed cannot be subscribed to.
//
// Go: TestMaxSubTokens server/opts_test.go:3359
func TestTokensOfSubscriptions(t *testing.T) {
	s := run(t, "max_sub_tokens: 4")
	w := login(t, s)
	w.send("SUB a.b.c.d 1", "SUB a.b.c.d.e 2", "PING")
	if line := w.line(); !strings.HasPrefix(line, "-ERR") || !strings.Contains(line, "too many tokens") {
		t.Errorf("got %q", line)
	}
}

// Connections made while the largest payload changes are told the old or the new
// one, and those that are there already learn it.
//
// Go: TestClientGenerateClientInfoJSONMpayAtomicRace server/client_test.go:2947
func TestPayloadLimitsChangeWhileClientsConnect(t *testing.T) {
	s, reload := reloadable(t, "max_payload: 1024")
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
		nc := connect(t, s, "")
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
		eventually(t, "the limit is known", func() bool { return nc.MaxPayload() == 4096 })
	}
}

// A random port is unknown until the server listens.
//
// Go: TestOptions_RandomPort server/opts_test.go:89
func TestRandomPortsAreFound(t *testing.T) {
	o := &godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort}
	s := must[*godwit.Server](t)(godwit.NewServer(o))
	t.Cleanup(s.Shutdown)
	if o.Port != 0 {
		t.Errorf("port %d before the start", o.Port)
	}
	ok(t, s.Start())
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
	s := run(t, fmt.Sprintf("max_closed_clients: %d", room))
	for n := 1; n <= 30; n++ {
		w := login(t, s)
		last := w.id()
		w.Close()
		var z *godwit.Connz
		eventually(t, "the end is noted", func() bool {
			z = must[*godwit.Connz](t)(s.Connz(&godwit.ConnzOptions{State: 1, Sort: "cid"}))
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
	if n := must[*godwit.Varz](t)(s.Varz(nil)).TotalConnections; n != 30 {
		t.Errorf("%d connections in all", n)
	}
}

// Asking how many subscriptions there are does not change their number.
//
// Go: TestMonitorVarzSubscriptionsResetProperly server/monitor_test.go:260
func TestCountsDoNotGrowByAsking(t *testing.T) {
	s := run(t, "http: 127.0.0.1:-1")
	nc := connect(t, s, "")
	for i := range 50 {
		must[*nats.Subscription](t)(nc.SubscribeSync(fmt.Sprintf("x.%d", i)))
	}
	flush(t, nc)
	var first, again godwit.Varz
	get(t, s, "/varz", &first)
	get(t, s, "/varz", &again)
	if first.Subscriptions < 50 || again.Subscriptions != first.Subscriptions {
		t.Errorf("%d subscriptions, then %d", first.Subscriptions, again.Subscriptions)
	}
}
