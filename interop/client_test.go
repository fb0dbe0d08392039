package interop

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"golang.org/x/crypto/bcrypt"
)

func TestRequestsAndHeaders(t *testing.T) {
	both(t, "", func(t *testing.T, s *server) {
		nc := s.connect()
		_, err := nc.Subscribe("echo", func(m *nats.Msg) {
			answer := nats.NewMsg(m.Reply)
			answer.Header.Set("X-Echo", m.Header.Get("X-Ask"))
			answer.Data = m.Data
			m.RespondMsg(answer)
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			ask := nats.NewMsg("echo")
			ask.Header.Set("X-Ask", fmt.Sprint(i))
			ask.Data = make([]byte, i*100)
			answer, err := nc.RequestMsg(ask, patience)
			if err != nil {
				t.Fatal(err)
			}
			if answer.Header.Get("X-Echo") != fmt.Sprint(i) || len(answer.Data) != i*100 {
				t.Fatalf("request %d: %v, %d bytes", i, answer.Header, len(answer.Data))
			}
		}
		if _, err := nc.Request("nobody", nil, patience); !errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("got %v, want no responders", err)
		}
	})
}

func TestQueueGroups(t *testing.T) {
	both(t, "", func(t *testing.T, s *server) {
		const members, messages = 5, 1000
		var counts [members]atomic.Int64
		var all sync.WaitGroup
		all.Add(messages)
		for i := range members {
			nc := s.connect()
			if _, err := nc.QueueSubscribe("work.*", "workers", func(*nats.Msg) { counts[i].Add(1); all.Done() }); err != nil {
				t.Fatal(err)
			}
			nc.Flush()
		}
		pub := s.connect()
		for i := range messages {
			pub.Publish(fmt.Sprintf("work.%d", i), nil)
		}
		all.Wait()
		for i := range counts {
			if n := counts[i].Load(); n < messages/members/2 || n > messages/members*2 {
				t.Errorf("member %d got %d of %d", i, n, messages)
			}
		}
	})
}

func TestDrain(t *testing.T) {
	both(t, "", func(t *testing.T, s *server) {
		closed := make(chan struct{})
		nc := s.connect(nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
		var got atomic.Int64
		sub, err := nc.Subscribe("foo", func(*nats.Msg) { got.Add(1) })
		if err != nil {
			t.Fatal(err)
		}
		const n = 5000
		for range n {
			nc.Publish("foo", []byte("x"))
		}
		nc.Flush()
		if err := sub.Drain(); err != nil {
			t.Fatal(err)
		}
		if err := nc.Drain(); err != nil {
			t.Fatal(err)
		}
		await(t, "the end of the drain", closed)
		if got.Load() != n {
			t.Errorf("%d of %d messages", got.Load(), n)
		}
	})
}

func TestReconnectAfterARestart(t *testing.T) {
	both(t, "", func(t *testing.T, s *server) {
		back := make(chan struct{}, 1)
		nc := s.connect(nats.ReconnectWait(1e7), nats.MaxReconnects(-1), nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
		messages := make(chan *nats.Msg, 10)
		if _, err := nc.ChanSubscribe("foo", messages); err != nil {
			t.Fatal(err)
		}
		nc.Flush()
		s.stop(syscall.SIGKILL)
		s.start()
		await(t, "the reconnect", back)
		if err := nc.Publish("foo", []byte("again")); err != nil {
			t.Fatal(err)
		}
		if m := await(t, "a message", messages); string(m.Data) != "again" {
			t.Errorf("got %q", m.Data)
		}
	})
}

func TestLameDuckIsNoticed(t *testing.T) {
	both(t, "lame_duck_duration: 30s\nlame_duck_grace_period: 1s", func(t *testing.T, s *server) {
		noticed := make(chan struct{}, 1)
		nc := s.connect(nats.NoReconnect(), nats.LameDuckModeHandler(func(*nats.Conn) { noticed <- struct{}{} }))
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		s.cmd.Process.Signal(syscall.SIGUSR2)
		await(t, "the notice", noticed)
		nc.Close()
		if err := s.cmd.Wait(); err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestAuthenticationInEveryStaticForm(t *testing.T) {
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := user.PublicKey()
	accepts := func(t *testing.T, s *server, o ...nats.Option) {
		t.Helper()
		nc, err := nats.Connect(s.url(), o...)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	refuses := func(t *testing.T, s *server, o ...nats.Option) {
		t.Helper()
		if nc, err := nats.Connect(s.url(), o...); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("got %v", err)
			if err == nil {
				nc.Close()
			}
		}
	}
	both(t, `authorization { token: "s3cr3t" }`, func(t *testing.T, s *server) {
		accepts(t, s, nats.Token("s3cr3t"))
		refuses(t, s, nats.Token("wrong"))
		refuses(t, s)
	})
	hash, err := bcrypt.GenerateFromPassword([]byte("pw"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	both(t, fmt.Sprintf(`authorization { user: joe, password: "%s" }`, hash), func(t *testing.T, s *server) {
		accepts(t, s, nats.UserInfo("joe", "pw"))
		refuses(t, s, nats.UserInfo("joe", "wrong"))
		refuses(t, s, nats.UserInfo("jim", "pw"))
	})
	both(t, fmt.Sprintf(`accounts { A { users [ {nkey: %s}, {user: a, password: a} ] } }`, public), func(t *testing.T, s *server) {
		accepts(t, s, nats.Nkey(public, func(nonce []byte) ([]byte, error) { return user.Sign(nonce) }))
		refuses(t, s, nats.Nkey(public, func(nonce []byte) ([]byte, error) { return user.Sign([]byte("other")) }))
		accepts(t, s, nats.UserInfo("a", "a"))
		refuses(t, s, nats.UserInfo("a", "b"))
	})
}

func TestPermissionViolationsReachTheClient(t *testing.T) {
	both(t, `authorization { users [ {user: u, password: p, permissions: {publish: "ok.>", subscribe: "ok.>"}} ] }`, func(t *testing.T, s *server) {
		faults := make(chan error, 10)
		nc := s.connect(nats.UserInfo("u", "p"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { faults <- err }))
		nc.Publish("no", nil)
		if err := await(t, "a violation", faults); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("got %v", err)
		}
		sub, err := nc.SubscribeSync("no")
		if err != nil {
			t.Fatal(err)
		}
		if err := await(t, "a violation", faults); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("got %v", err)
		}
		sub.Unsubscribe()
		if !nc.IsConnected() {
			t.Error("the connection was closed")
		}
	})
}

func TestTLS(t *testing.T) {
	certFile, keyFile, client := certificate(t)
	for _, first := range []string{"false", "true", "auto"} {
		both(t, fmt.Sprintf("tls { cert_file: '%s', key_file: '%s', handshake_first: %s }", certFile, keyFile, first), func(t *testing.T, s *server) {
			s.port += 0
			o := []nats.Option{nats.Secure(client)}
			if first != "false" {
				o = append(o, nats.TLSHandshakeFirst())
			}
			nc := s.connect(o...)
			messages := make(chan *nats.Msg, 100)
			if _, err := nc.ChanSubscribe("foo", messages); err != nil {
				t.Fatal(err)
			}
			for i := range 50 {
				nc.Publish("foo", make([]byte, i*5000))
			}
			for i := range 50 {
				if m := await(t, "a message", messages); len(m.Data) != i*5000 {
					t.Fatalf("message %d has %d bytes", i, len(m.Data))
				}
			}
		})
	}
}

func TestAHundredClientsAtOnce(t *testing.T) {
	both(t, "", func(t *testing.T, s *server) {
		const clients, each = 100, 200
		var received atomic.Int64
		done := make(chan struct{})
		var ready, sent sync.WaitGroup
		conns := make([]*nats.Conn, clients)
		for i := range conns {
			conns[i] = s.connect()
		}
		for i, nc := range conns {
			ready.Add(1)
			go func() {
				defer ready.Done()
				if _, err := nc.Subscribe(fmt.Sprintf("to.%d.>", i), func(*nats.Msg) {
					if received.Add(1) == clients*each {
						close(done)
					}
				}); err != nil {
					t.Error(err)
				}
				nc.Flush()
			}()
		}
		ready.Wait()
		for i, nc := range conns {
			sent.Add(1)
			go func() {
				defer sent.Done()
				for k := range each {
					nc.Publish(fmt.Sprintf("to.%d.from.%d", (i+k)%clients, i), []byte("payload"))
				}
				nc.Flush()
			}()
		}
		sent.Wait()
		await(t, "all messages", done)
		if n := received.Load(); n != clients*each {
			t.Errorf("%d of %d", n, clients*each)
		}
	})
}
