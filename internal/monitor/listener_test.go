package monitor

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit/internal/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// started returns a Server that listens, and the client to ask it with.
func started(t *testing.T, source *fakeSource) (*Server, *http.Client, string) {
	t.Helper()
	s := New(source)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(func() {
		s.Stop()
		transport.CloseIdleConnections()
	})
	return s, &http.Client{Transport: transport, Timeout: patience}, s.Addr().String()
}

func onPort(port int) *fakeSource {
	source := newFake()
	source.options.HTTPPort = port
	return source
}

func TestStartOpensARandomPort(t *testing.T) {
	source := onPort(-1)
	s, ask, addr := started(t, source)
	if want := []string{"INF Starting http monitor on " + addr}; !slices.Equal(source.logged(), want) {
		t.Errorf("logged %q, want %q", source.logged(), want)
	}
	if !s.Addr().IP.IsLoopback() || s.Addr().Port == 0 {
		t.Errorf("address %v", s.Addr())
	}
	resp, err := ask.Get("http://" + addr + "/varz")
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, resp.Body); resp.StatusCode != http.StatusOK || resp.ProtoMajor != 1 {
		t.Errorf("%s %s: %s", resp.Proto, resp.Status, body)
	}
}

func TestStartWithoutPortDoesNothing(t *testing.T) {
	source := newFake()
	s := New(source)
	if err := s.Start(); err != nil || s.Addr() != nil || len(source.logged()) > 0 {
		t.Errorf("%v, address %v, logged %q", err, s.Addr(), source.logged())
	}
	if w := get(t, s, "/healthz"); w.Code != http.StatusOK {
		t.Errorf("the handler answers %d", w.Code)
	}
	s.Stop()
	if w := get(t, s, "/healthz"); w.Code != http.StatusOK {
		t.Errorf("after Stop the handler answers %d", w.Code)
	}
}

// Go: TestMonitorBothPortsConfigured test/monitor_test.go:846
func TestStartRefusesTwoPorts(t *testing.T) {
	source := onPort(8222)
	source.options.HTTPSPort = 8223
	s := New(source)
	const want = "Can't start monitoring: can't specify both HTTP (8222) and HTTPs (8223) ports"
	if err := s.Start(); err == nil || err.Error() != want || s.Addr() != nil {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestStartRefusesHTTPSWithoutTLS(t *testing.T) {
	source := newFake()
	source.options.HTTPSPort = -1
	const want = "Can't start monitoring: TLS cert and key required for HTTPS"
	if err := New(source).Start(); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Go: TestMonitorErrorOnListen test/monitor_test.go:831
func TestStartReportsATakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() // end of the test
	source := onPort(taken.Addr().(*net.TCPAddr).Port)
	want := "Can't start monitoring: can't listen to the monitor port: listen tcp " + taken.Addr().String() + ": bind:"
	if err := New(source).Start(); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s…", err, want)
	}
}

// Go: TestMonitorStop test/monitor_test.go:859
func TestStopClosesThePortAtOnce(t *testing.T) {
	source := onPort(-1)
	s, ask, addr := started(t, source)
	resp, err := ask.Get("http://" + addr + "/varz")
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, resp.Body) // and keep the connection
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(s.Stop)
	}
	wg.Wait()
	if resp, err := ask.Get("http://" + addr + "/varz"); err == nil {
		t.Errorf("still answered: %s", readAll(t, resp.Body))
	}
	if s.Addr() != nil {
		t.Errorf("address after Stop: %v", s.Addr())
	}
	if lines := source.logged(); len(lines) != 1 { // that it started
		t.Errorf("logged %q", lines)
	}
	if err := s.Start(); err == nil {
		t.Error("started again")
	}
	again, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	again.Close() // end of the test
}

func TestStopBeforeStart(t *testing.T) {
	s := New(onPort(-1))
	s.Stop()
	if err := s.Start(); err == nil || s.Addr() != nil {
		t.Errorf("started after Stop: %v, %v", err, s.Addr())
	}
}

func TestStartTwice(t *testing.T) {
	s, _, addr := started(t, onPort(-1))
	if err := s.Start(); err == nil || s.Addr().String() != addr {
		t.Errorf("second Start: %v, address %v, was %s", err, s.Addr(), addr)
	}
}

// A reader that takes nothing of a big answer does not keep Stop waiting.
func TestStopDoesNotWaitForSlowReaders(t *testing.T) {
	source := onPort(-1)
	for id := range uint64(20000) {
		source.open = append(source.open, newConnection(id+1))
	}
	s, _, addr := started(t, source)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() // end of the test
	fmt.Fprint(conn, "GET /connz?limit=20000 HTTP/1.1\r\nHost: h\r\n\r\n")
	if _, err := io.ReadFull(conn, make([]byte, 12)); err != nil { // the answer has begun
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.Stop()
	}()
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Fatal("Stop waits")
	}
}

func TestOversizeHeadersAreRefused(t *testing.T) {
	_, _, addr := started(t, onPort(-1))
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() // end of the test
	go fmt.Fprintf(conn, "GET /varz HTTP/1.1\r\nHost: h\r\nX: %s\r\n\r\n", strings.Repeat("x", headerBytesMax+1<<16))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close() // only the status is of interest
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %s", resp.Status)
	}
}

func startedWithTLS(t *testing.T) (*fakeSource, *http.Client, string) {
	source := newFake()
	source.options.HTTPSPort = -1
	pool := x509.NewCertPool()
	source.setTLS(&tls.Config{
		Certificates: []tls.Certificate{newCertificate(t, "first")},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: pool,
		VerifyConnection: func(tls.ConnectionState) error { return fmt.Errorf("no certificate is good enough") },
	})
	_, ask, addr := started(t, source)
	return source, ask, addr
}

// The certificate is that of the moment, and clients need none.
func TestHTTPSUsesTheCertificateOfTheMoment(t *testing.T) {
	source, ask, addr := startedWithTLS(t)
	if want := "INF Starting https monitor on " + addr; source.logged()[0] != want {
		t.Errorf("logged %q, want %q", source.logged(), want)
	}
	presented := func() string {
		t.Helper()
		ask.CloseIdleConnections()
		resp, err := ask.Get("https://" + addr + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		if body := readAll(t, resp.Body); body != `{"status":"ok"}` || resp.ProtoMajor != 1 {
			t.Errorf("%s %s", resp.Proto, body)
		}
		return resp.TLS.PeerCertificates[0].Subject.CommonName
	}
	if name := presented(); name != "first" {
		t.Errorf("certificate of %q", name)
	}
	source.setTLS(&tls.Config{Certificates: []tls.Certificate{newCertificate(t, "second")}})
	if name := presented(); name != "second" {
		t.Errorf("after the change: certificate of %q", name)
	}
	source.setTLS(nil)
	ask.CloseIdleConnections()
	if resp, err := ask.Get("https://" + addr + "/healthz"); err == nil {
		t.Errorf("answered without TLS configuration: %s", readAll(t, resp.Body))
	}
}

func TestPlainRequestOnTheTLSPort(t *testing.T) {
	source, ask, addr := startedWithTLS(t)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /varz HTTP/1.1\r\nHost: h\r\n\r\n")
	const want = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
	if got := readAll(t, conn); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// What is no TLS at all is logged.
	conn, err = net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "CONNECT {}\r\nPING\r\n")
	readAll(t, conn)
	for deadline := time.Now().Add(patience); ; {
		found := slices.ContainsFunc(source.logged(), func(line string) bool {
			return strings.HasPrefix(line, "ERR monitoring: TLS handshake error from 127.0.0.1:") && !strings.Contains(line, "\n")
		})
		if found {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("logged: %q", source.logged())
		}
		// The line comes after the connection is closed: ask in between.
		resp, err := ask.Get("https://" + addr + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, resp.Body)
	}
}

// Go: TestMonitorConcurrentMonitoring server/monitor_test.go:2267
func TestManyRequestsOverTheNetwork(t *testing.T) {
	source := onPort(-1)
	source.accounts = []AccountState{newAccount(t, "A", 1, "foo")}
	source.open = []client.Snapshot{newConnection(1)}
	_, ask, addr := started(t, source)
	var wg sync.WaitGroup
	for _, endpoint := range []string{"varz", "varz", "connz", "connz", "subsz", "subsz", "routez", "routez"} {
		wg.Go(func() {
			for range 50 {
				resp, err := ask.Get("http://" + addr + "/" + endpoint)
				if err != nil {
					t.Error(err)
					return
				}
				body := readAll(t, resp.Body)
				if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json" || body == "" {
					t.Errorf("%s: %s %v", endpoint, resp.Status, resp.Header)
				}
			}
		})
	}
	wg.Wait()
}

// The sampling of a started Server gives CPU figures without anybody asking.
func TestStartSamplesTheUseOfCPU(t *testing.T) {
	u := newUsage()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		u.sampleEvery(time.Millisecond, done)
	}()
	for deadline := time.Now().Add(patience); ; {
		u.mu.Lock()
		n := len(u.samples)
		u.mu.Unlock()
		if n > 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no sample was taken")
		}
		processTime() // pass the time
	}
	close(done)
	<-ended
}

func TestPortIsThatOfTheOptions(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close() // it was opened to find a port
	source := onPort(port)
	source.options.HTTPHost, source.options.Host = "", "127.0.0.1"
	_, _, addr := started(t, source)
	if want := "127.0.0.1:" + strconv.Itoa(port); addr != want {
		t.Errorf("address %s, want %s", addr, want)
	}
}
