package godwit_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Example starts a server on a free port and uses it with the stock client.
func Example() {
	s, err := godwit.NewServer(&godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer s.Shutdown()

	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer nc.Close()
	sub, _ := nc.SubscribeSync("greet.*")
	nc.Publish("greet.world", []byte("hello"))
	m, err := sub.NextMsg(time.Second)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %s\n", m.Subject, m.Data)
	// Output: greet.world: hello
}

// ExampleServer_InProcessConn uses a server that listens nowhere.
func ExampleServer_InProcessConn() {
	s, err := godwit.NewServer(&godwit.Options{DontListen: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer s.Shutdown()
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer nc.Close()
	nc.Subscribe("add", func(m *nats.Msg) { m.Respond(append(m.Data, " + 1"...)) })
	m, err := nc.Request("add", []byte("1"), time.Second)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", m.Data)
	// Output: 1 + 1
}

// ExampleServer_RunContext ties a server to a context.
func ExampleServer_RunContext() {
	s, err := godwit.NewServer(&godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		s.ReadyForConnections(10 * time.Second)
		cancel()
	}()
	fmt.Println(s.RunContext(ctx))
	// Output: <nil>
}

// ExampleServer_SetSlog sends the server's log to an slog.Logger.
func ExampleServer_SetSlog() {
	s, err := godwit.NewServer(&godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort, ServerName: "example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.MessageKey && strings.Contains(a.Value.String(), "example") {
			return slog.String("msg", "found the name")
		}
		return slog.Attr{}
	}})
	s.SetSlog(slog.New(handler), false, false)
	s.Shutdown() // before Start: nothing but two lines that are left out
	fmt.Println("done")
	// Output: done
}

// Go: TestRandomPorts server/server_test.go:820
// Go: TestServerClientURL server/server_test.go:2444
func TestPorts(t *testing.T) {
	o := &godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort}
	s, err := godwit.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	if o.Port != 0 || s.ClientURL() != "nats://127.0.0.1:0" {
		t.Errorf("before: port %d, %s", o.Port, s.ClientURL())
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	if o.Port <= 0 || s.ClientURL() != fmt.Sprintf("nats://127.0.0.1:%d", o.Port) {
		t.Errorf("after: port %d, %s", o.Port, s.ClientURL())
	}
	o2 := &godwit.Options{Host: "0.0.0.0", Port: 1234}
	s2, err := godwit.NewServer(o2)
	if err != nil {
		t.Fatal(err)
	}
	if s2.ClientURL() != "nats://0.0.0.0:1234" || s2.DialURL() != "nats://127.0.0.1:1234" {
		t.Errorf("%s, %s", s2.ClientURL(), s2.DialURL())
	}
	if s3, err := godwit.NewServer(nil); err != nil || !strings.HasSuffix(s3.ClientURL(), ":4222") {
		t.Errorf("default: %v", err)
	}
}

// TestManyServersLeaveNothingBehind starts servers one after the other and at
// the same time; goleak looks for what they left.
//
// Go: TestServerShutdownDuringStart server/server_test.go:1508
// Go: TestSimpleGoServerShutdown test/gosrv_test.go:24
// Go: TestGoServerShutdownWithClients test/gosrv_test.go:39
// Go: TestGoServerMultiShutdown test/gosrv_test.go:59
func TestManyServersLeaveNothingBehind(t *testing.T) {
	for range 20 {
		var servers [3]*godwit.Server
		for i := range servers {
			s, err := godwit.NewServer(&godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort, HTTPHost: "127.0.0.1", HTTPPort: -1})
			if err != nil {
				t.Fatal(err)
			}
			servers[i] = s
			if i == 2 {
				go s.Start() // may be stopped at any moment
				continue
			}
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				nc, err := nats.Connect(s.ClientURL(), nats.NoReconnect())
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
			}
		}
		for _, s := range servers {
			s.Shutdown()
			s.Shutdown()
			s.WaitForShutdown()
			if s.Running() || s.ReadyForConnections(0) {
				t.Error("still running")
			}
		}
	}
}

// Whatever a file can say, a program can say too.
func TestOptionsAreMadeOfNamedValues(t *testing.T) {
	cache, peer := godwit.NewOCSPCacheConfig(), godwit.NewOCSPPeerConfig()
	cache.Type = godwit.OCSPCacheNone
	made := &godwit.Options{
		WriteTimeout: godwit.WriteTimeoutPolicyClose, OCSPConfig: &godwit.OCSPConfig{Mode: godwit.OCSPModeNever},
		OCSPCacheConfig: cache, TLSOCSPPeer: peer, AccountResolver: &godwit.ResolverOpts{Kind: godwit.ResolverMemory},
		Mappings: []godwit.Mapping{{Source: "a", Destinations: []godwit.MapDest{{Subject: "b", Weight: 100}}}},
	}
	read, err := godwit.ProcessConfigString("write_timeout: close, ocsp: off, ocsp_cache: off, resolver: MEM, mappings { a: b }")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(made.OCSPConfig, read.OCSPConfig) || !reflect.DeepEqual(made.OCSPCacheConfig, read.OCSPCacheConfig) ||
		!reflect.DeepEqual(made.Mappings, read.Mappings) || *made.AccountResolver != *read.AccountResolver || made.WriteTimeout != read.WriteTimeout {
		t.Errorf("%+v\n%+v", made, read)
	}
	if _, err := godwit.NewServer(made); err != nil {
		t.Error(err)
	}
}

// Go: TestMonitorHandler server/monitor_test.go:2315
func TestHTTPHandlerNeedsNoPort(t *testing.T) {
	s, err := godwit.NewServer(&godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	for path, want := range map[string]string{"/varz": s.ID(), "/healthz": `{"status":"ok"}`, "/metrics": "nats_varz_connections", "/": "varz"} {
		w := httptest.NewRecorder()
		s.HTTPHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %.200s", path, w.Code, w.Body)
		}
	}
	v, err := s.Varz(nil)
	if err != nil || v.ID != s.ID() {
		t.Errorf("%v, %v", v, err)
	}
}

func TestLameDuckWithoutListenerStops(t *testing.T) {
	s, err := godwit.NewServer(&godwit.Options{DontListen: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	s.LameDuckShutdown()
	if s.Running() {
		t.Error("still running")
	}
}
