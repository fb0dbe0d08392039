package logging

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// Go: TestGetNetworkAndAddrUDP logger/syslog_test.go:169
// Go: TestGetNetworkAndAddrTCP logger/syslog_test.go:181
// Go: TestGetNetworkAndAddrUnix logger/syslog_test.go:193
func TestSyslogAddresses(t *testing.T) {
	for _, test := range []struct{ address, network, where string }{
		{"udp://foo.com:1000", "udp", "foo.com:1000"},
		{"tcp://foo.com:1000", "tcp", "foo.com:1000"},
		{"tcp://[::1]:514", "tcp", "[::1]:514"},
		{"unix:///foo.sock", "unix", "/foo.sock"},
	} {
		network, where, err := parseSyslogAddress(test.address)
		if err != nil || network != test.network || where != test.where {
			t.Errorf("%s is %q %q, %v", test.address, network, where, err)
		}
	}
	for _, address := range []string{
		"", "foo.com:1000", "foo", "http://foo.com:1000", "udp://", "udp://foo.com", "udp://:514", "tcp://foo.com:",
		"udp:foo.com:1000", "unix://", "unix://foo.sock", "unix://host/foo.sock", "tcp://foo.com:x", "udp://%zz:1", "\n",
	} {
		if network, where, err := parseSyslogAddress(address); err == nil {
			t.Errorf("%q is accepted as %q %q", address, network, where)
		}
	}
}

func FuzzSyslogAddress(f *testing.F) {
	f.Add("udp://foo.com:1000")
	f.Add("unix:///foo.sock")
	f.Fuzz(func(t *testing.T, address string) {
		network, where, err := parseSyslogAddress(address)
		if (err == nil) != (network != "" && where != "") {
			t.Errorf("%q is %q %q, %v", address, network, where, err)
		}
	})
}

// Go: TestSysLoggerTagGen logger/syslog_test.go:66
func TestSyslogTagIsTheNameOfTheProgram(t *testing.T) {
	for argv0, want := range map[string]string{
		"godwit":                                "godwit",
		filepath.Join(".", "godwit"):            "godwit",
		filepath.Join("home", "bin", "godwit"):  "godwit",
		filepath.Join("..", "..", "godwit"):     "godwit",
		"." + string(filepath.Separator) + "gw": "gw",
		"godwit.service1":                       "godwit.service1",
		"godwit_service1":                       "godwit_service1",
		"godwit-service1":                       "godwit-service1",
		"godwit service1":                       "godwit service1",
	} {
		if got := SyslogTag(argv0); got != want {
			t.Errorf("SyslogTag(%q) = %q, want %q", argv0, got, want)
		}
	}
}

// sink is a syslog server in memory. While hold is open it takes nothing.
type sink struct {
	hold    chan struct{}
	entered chan struct{} // gets a value when send begins

	mu     sync.Mutex
	err    error
	lines  []string
	closed bool
}

func (s *sink) send(level Level, text string) error {
	if s.hold != nil {
		s.entered <- struct{}{}
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.lines = append(s.lines, level.String()+" "+text)
	return nil
}

func (s *sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *sink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *sink) got() (lines []string, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...), s.closed
}

func startTestSyslog(t *testing.T, server *sink, opts SyslogOptions) *Syslog {
	t.Helper()
	logger, err := startSyslog(opts, func(string) (syslogSink, error) { return server, nil })
	if err != nil {
		t.Fatal(err)
	}
	return logger
}

func TestSyslogSendsTheLevelsThatAreOn(t *testing.T) {
	for _, test := range []struct {
		debug, trace bool
		want         string
	}{
		{false, false, "INF a|WRN a|ERR a|FTL a"},
		{true, false, "DBG a|INF a|WRN a|ERR a|FTL a"},
		{true, true, "TRC a|DBG a|INF a|WRN a|ERR a|FTL a"},
	} {
		server := &sink{}
		logger := startTestSyslog(t, server, SyslogOptions{Debug: test.debug, Trace: test.trace})
		for level := Trace; level <= Fatal; level++ {
			Log(logger, level, "%s", "a")
		}
		if err := logger.Close(); err != nil {
			t.Fatal(err)
		}
		lines, closed := server.got()
		if got := strings.Join(lines, "|"); got != test.want || !closed {
			t.Errorf("debug %v trace %v: sent %q, want %q; closed %v", test.debug, test.trace, got, test.want, closed)
		}
	}
}

func TestSyslogFatalWaitsUntilItIsSent(t *testing.T) {
	server := &sink{}
	logger := startTestSyslog(t, server, SyslogOptions{})
	defer logger.Close()
	logger.Fatalf("the end\n[INF] of all\n")
	if lines, _ := server.got(); len(lines) != 1 || lines[0] != `FTL the end\n[INF] of all` {
		t.Errorf("sent %q when Fatalf returned", lines)
	}
}

func TestSlowSyslogServerDelaysNobody(t *testing.T) {
	var mu sync.Mutex
	var told []error
	opts := SyslogOptions{OnError: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, err)
	}}
	server := &sink{hold: make(chan struct{}), entered: make(chan struct{}, 2*syslogQueue)}
	logger := startTestSyslog(t, server, opts)
	logger.Noticef("first")
	<-server.entered // the goroutine is stuck with the first, the queue is empty
	for i := range syslogQueue + 10 {
		logger.Noticef("%d", i)
	}
	if logger.Lost() != 10 {
		t.Errorf("Lost = %d, want 10", logger.Lost())
	}
	mu.Lock()
	if len(told) != 10 || !errors.Is(told[0], errSyslogBusy) {
		t.Errorf("OnError got %d errors: %v", len(told), told)
	}
	mu.Unlock()

	close(server.hold)
	if err := logger.Close(); err != nil {
		t.Fatal(err)
	}
	lines, _ := server.got()
	if len(lines) != syslogQueue+2 || lines[0] != "INF first" || lines[2] != "INF 0" ||
		lines[1] != "ERR 10 log lines are missing here: the syslog server is too slow" {
		t.Errorf("%d lines sent: %q ...", len(lines), lines[:min(3, len(lines))])
	}
}

func TestCloseDoesNotWaitForADeadSyslogServer(t *testing.T) {
	server := &sink{hold: make(chan struct{}), entered: make(chan struct{}, 10)}
	logger := startTestSyslog(t, server, SyslogOptions{OnError: func(error) {}})
	logger.patience = time.Millisecond
	logger.Noticef("one")
	<-server.entered
	logger.Fatalf("two") // gives up as well
	if err := logger.Close(); !errors.Is(err, errSyslogBusy) {
		t.Errorf("Close = %v", err)
	}
	logger.Noticef("after Close")
	close(server.hold)
	<-logger.done
	lines, closed := server.got()
	if len(lines) != 1 || !closed {
		t.Errorf("after Close gave up: sent %q, closed %v", lines, closed)
	}
	if logger.Lost() != 2 {
		t.Errorf("Lost = %d, want 2", logger.Lost())
	}
	if err := logger.Close(); err != nil {
		t.Errorf("Close after the end = %v", err)
	}
}

func TestFailingSyslogServerIsToldAfterwards(t *testing.T) {
	var mu sync.Mutex
	var told []string
	opts := SyslogOptions{OnError: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, err.Error())
	}}
	server := &sink{}
	logger := startTestSyslog(t, server, opts)
	server.fail(errors.New("broken pipe"))
	logger.Fatalf("one")
	logger.Fatalf("two")
	server.fail(nil)
	logger.Fatalf("three")
	if err := logger.Close(); err != nil {
		t.Fatal(err)
	}
	lines, _ := server.got()
	if got := strings.Join(lines, "|"); got != "ERR 2 log lines are missing here: broken pipe|FTL three" {
		t.Errorf("sent %q", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 2 || told[0] != "send to syslog: broken pipe" {
		t.Errorf("OnError got %q", told)
	}
}

func TestSyslogConnectionIsAwaitedForAWhile(t *testing.T) {
	server := &sink{}
	release := make(chan struct{})
	_, err := dialInTime(time.Millisecond, func() (syslogSink, error) {
		<-release
		return server, nil
	})
	if err == nil {
		t.Fatal("no error for a server that does not answer")
	}
	close(release)
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if _, closed := server.got(); closed {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the late connection was not closed")
		}
	}
}

func TestLongSyslogLinesAreCut(t *testing.T) {
	server := &sink{}
	logger := startTestSyslog(t, server, SyslogOptions{})
	logger.Noticef("%s", strings.Repeat("ü", syslogLineMax))
	if err := logger.Close(); err != nil {
		t.Fatal(err)
	}
	lines, _ := server.got()
	if len(lines) != 1 || !utf8.ValidString(lines[0]) || len(lines[0]) > syslogLineMax+40 {
		t.Fatalf("sent %d lines", len(lines))
	}
	if want := fmt.Sprintf("... (%d bytes more)", syslogLineMax); !strings.HasSuffix(lines[0], want) {
		t.Errorf("the line ends with %q, want %q", lines[0][len(lines[0])-40:], want)
	}
	if got := shorten("aü", 2); got != "a... (2 bytes more)" {
		t.Errorf("shorten = %q", got)
	}
}
