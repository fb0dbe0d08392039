package logging_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/logging/logtest"
)

// Go: TestSetLogger server/log_test.go:29
func TestSwitchSendsStatementsToItsLogger(t *testing.T) {
	var s logging.Switch
	s.Noticef("nobody is there")
	log := logtest.New(t)
	if err := s.Set(log, true, true); err != nil {
		t.Fatal(err)
	}
	if s.Logger() != logging.Logger(log) {
		t.Errorf("Logger = %v", s.Logger())
	}
	statements := func() {
		s.Noticef("This is a %s", "Notice")
		s.Errorf("This is an %s", "Error")
		s.Fatalf("This is a %s", "Fatal")
		s.Debugf("This is a %s", "Debug")
		s.Tracef("This is a %s", "Trace")
		s.Warnf("This is a %s", "Warning")
	}
	statements()
	want := []string{
		"[INF] This is a Notice", "[ERR] This is an Error", "[FTL] This is a Fatal",
		"[DBG] This is a Debug", "[TRC] This is a Trace", "[WRN] This is a Warning",
	}
	if got := log.Lines(); !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
	if !s.Enabled(logging.Debug) || !s.Enabled(logging.Trace) {
		t.Error("debug and trace are on, but not enabled")
	}

	log.Reset()
	s.Set(log, false, false)
	statements()
	if got, want := log.Lines(), slices.Concat(want[:3], want[5:]); !slices.Equal(got, want) {
		t.Errorf("without debug and trace lines %q, want %q", got, want)
	}
	if s.Enabled(logging.Debug) || s.Enabled(logging.Trace) || !s.Enabled(logging.Notice) {
		t.Error("wrong levels are enabled")
	}

	log.Reset()
	s.Set(nil, true, true)
	statements()
	if got := log.Lines(); len(got) != 0 {
		t.Errorf("a logger that was replaced got %q", got)
	}
	if s.Enabled(logging.Fatal) || s.Logger() != nil {
		t.Error("a switch without a logger has levels enabled")
	}
}

// closing is a logger that counts how often it is closed.
type closing struct {
	logtest.Capture
	closed int
	err    error
}

func (c *closing) Close() error {
	c.closed++
	return c.err
}

func TestSwitchClosesTheFormerLogger(t *testing.T) {
	var s logging.Switch
	first, second := &closing{}, &closing{err: errors.New("on purpose")}
	s.Set(first, false, false)
	s.Set(first, true, false)
	if first.closed != 0 {
		t.Error("a logger was closed that is still in use")
	}
	s.Set(second, false, false)
	if first.closed != 1 || second.closed != 0 {
		t.Errorf("closed: first %d, second %d times", first.closed, second.closed)
	}
	third := logtest.New(t)
	if err := s.Set(third, false, false); !errors.Is(err, second.err) {
		t.Errorf("Set = %v", err)
	}
	if got := third.Lines(); !slices.Equal(got, []string{"[ERR] Error closing logger: on purpose"}) {
		t.Errorf("lines %q", got)
	}
	s.Set(first, false, false)
	if err := s.Close(); err != nil || first.closed != 2 || s.Logger() != nil {
		t.Errorf("Close = %v, closed %d times, left %v", err, first.closed, s.Logger())
	}
}

// byValue is a logger that cannot be compared with another one.
type byValue struct {
	logging.Logger
	closed func()
}

func (b byValue) Close() error {
	b.closed()
	return nil
}

func TestSwitchTakesLoggersThatCannotBeCompared(t *testing.T) {
	var s logging.Switch
	closed := 0
	logger := byValue{logging.Discard, func() { closed++ }}
	s.Set(logger, false, false)
	s.Set(byValue{logging.Discard, nil}, false, false)
	if closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

// Go: TestReOpenLogFile server/log_test.go:84
func TestSwitchReopensFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be renamed on Windows")
	}
	var s logging.Switch
	if err := s.Reopen(); err != nil {
		t.Errorf("without a logger: %v", err)
	}
	log := logtest.New(t)
	s.Set(log, false, false)
	if err := s.Reopen(); err != nil {
		t.Errorf("with another logger: %v", err)
	}
	if got := log.Lines(); !slices.Equal(got, []string{"[INF] File log re-open ignored, not a file logger"}) {
		t.Errorf("lines %q", got)
	}

	path := filepath.Join(t.TempDir(), "test.log")
	file, err := logging.NewFile(path, logging.FileOptions{Options: logging.Options{NoTime: true, NoPID: true}})
	if err != nil {
		t.Fatal(err)
	}
	s.Set(file, false, false)
	defer s.Close()
	s.Noticef("This is a Notice")
	if err := os.Rename(path, path+".bak"); err != nil {
		t.Fatal(err)
	}
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	s.Noticef("New message")
	checkFile(t, path+".bak", "[INF] This is a Notice\n")
	checkFile(t, path, "[INF] File log re-opened\n[INF] New message\n")
}

func TestSwitchReportsAFailedReopen(t *testing.T) {
	log := logtest.New(t)
	var s logging.Switch
	s.Set(failingReopen{log}, false, false)
	if err := s.Reopen(); err == nil {
		t.Error("Reopen = nil")
	}
	if got := log.Lines(); !slices.Equal(got, []string{"[ERR] Unable to re-open the log: on purpose"}) {
		t.Errorf("lines %q", got)
	}
}

type failingReopen struct{ logging.Logger }

func (failingReopen) Reopen() error { return errors.New("on purpose") }

func checkFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s has %q, want %q", filepath.Base(path), got, want)
	}
}

// Go: TestFileLoggerSizeLimitAndReopen server/log_test.go:142
func TestSizeLimitHoldsAfterReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	file, err := logging.NewFile(path, logging.FileOptions{SizeLimit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var s logging.Switch
	s.Set(file, false, false)
	defer s.Close()
	s.Noticef("this is a notice")
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(got), "[INF] File log re-opened\n") || !strings.Contains(string(got), "[INF] this is a notice\n") {
		t.Errorf("file has %q", got)
	}

	// What was in the file before the reopening counts: this passes the limit.
	s.Noticef("%s", strings.Repeat("A", 800))
	s.Noticef("%s", strings.Repeat("B", 800))
	got, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(got, []byte("AAAAA")) || bytes.Contains(got, []byte("BBBBB")) ||
		bytes.Count(got, []byte("[INF] Rotated log, backup saved as ")) != 1 {
		t.Errorf("file has %q", got)
	}
}

// guarded is a logger that notices calls after its Close.
type guarded struct {
	logging.Logger
	mu     sync.Mutex
	closed bool
	late   int
}

func (g *guarded) Noticef(string, ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		g.late++
	}
}

func (g *guarded) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	return nil
}

func TestSwitchUnderTraffic(t *testing.T) {
	var s logging.Switch
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.Noticef("x")
				}
			}
		})
	}
	var loggers []*guarded
	for range 200 {
		g := &guarded{Logger: logging.Discard}
		loggers = append(loggers, g)
		s.Set(g, false, false)
	}
	close(stop)
	wait.Wait()
	for i, g := range loggers {
		if g.late != 0 {
			t.Errorf("logger %d was called %d times after its Close", i, g.late)
		}
	}
}

func ExampleSwitch() {
	var log logging.Switch
	log.Set(logging.NewWriter(os.Stdout, false, logging.Options{NoTime: true, NoPID: true}), false, false)
	log.Noticef("Listening for client connections on %s", "127.0.0.1:4222")
	log.Errorf("client said %s", "hello\n[INF] Server is ready")
	// Output:
	// [INF] Listening for client connections on 127.0.0.1:4222
	// [ERR] client said hello\n[INF] Server is ready
}
