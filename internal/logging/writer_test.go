package logging

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// plain leaves out what differs from run to run.
var plain = Options{NoTime: true, NoPID: true}

// stderrOf returns what f writes to standard error.
func stderrOf(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	former := os.Stderr
	os.Stderr = file
	defer func() { os.Stderr = former }()
	f()
	content, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// Go: TestStdLogger logger/log_test.go:28
// Go: TestStdLoggerNotice logger/log_test.go:62
// Go: TestStdLoggerDebug logger/log_test.go:76
// Go: TestStdLoggerDebugWithOutDebug logger/log_test.go:83
// Go: TestStdLoggerTrace logger/log_test.go:90
// Go: TestStdLoggerTraceWithOutDebug logger/log_test.go:97
func TestStdWritesTheLevelsThatAreOn(t *testing.T) {
	for _, test := range []struct {
		debug, trace bool
		want         string
	}{
		{false, false, "[INF] a 2\n[WRN] a 3\n[ERR] a 4\n[FTL] a 5\n"},
		{true, false, "[DBG] a 1\n[INF] a 2\n[WRN] a 3\n[ERR] a 4\n[FTL] a 5\n"},
		{false, true, "[TRC] a 0\n[INF] a 2\n[WRN] a 3\n[ERR] a 4\n[FTL] a 5\n"},
		{true, true, "[TRC] a 0\n[DBG] a 1\n[INF] a 2\n[WRN] a 3\n[ERR] a 4\n[FTL] a 5\n"},
	} {
		t.Run(fmt.Sprintf("debug %v trace %v", test.debug, test.trace), func(t *testing.T) {
			opts := plain
			opts.Debug, opts.Trace = test.debug, test.trace
			got := stderrOf(t, func() {
				logger := NewStd(opts)
				if Enabled(logger, Debug) != test.debug || Enabled(logger, Trace) != test.trace {
					t.Errorf("Enabled: debug %v, trace %v", Enabled(logger, Debug), Enabled(logger, Trace))
				}
				for level := Trace; level <= Fatal; level++ {
					Log(logger, level, "%s %d", "a", level)
				}
			})
			if got != test.want {
				t.Errorf("wrote %q, want %q", got, test.want)
			}
		})
	}
}

// Go: TestStdLoggerWithDebugTraceAndTime logger/log_test.go:45
func TestLineBeginsWithProcessAndTime(t *testing.T) {
	moment := time.Date(2026, 2, 3, 4, 5, 6, 7008999, time.FixedZone("east", 2*3600))
	opts := Options{Debug: true, Trace: true, Now: func() time.Time { return moment }}
	pid := fmt.Sprintf("[%d] ", os.Getpid())
	for _, test := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"default", func(*Options) {}, pid + "2026/02/03 04:05:06.007008 [TRC] x\n"},
		{"UTC", func(o *Options) { o.UTC = true }, pid + "2026/02/03 02:05:06.007008 [TRC] x\n"},
		{"no time", func(o *Options) { o.NoTime = true }, pid + "[TRC] x\n"},
		{"no process", func(o *Options) { o.NoPID = true }, "2026/02/03 04:05:06.007008 [TRC] x\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			changed := opts
			test.change(&changed)
			var out bytes.Buffer
			logger := NewWriter(&out, false, changed)
			logger.Tracef("x")
			if out.String() != test.want {
				t.Errorf("wrote %q, want %q", out.String(), test.want)
			}
			out.Reset()
			logger.Debugf("x")
			if want := strings.Replace(test.want, "TRC", "DBG", 1); out.String() != want {
				t.Errorf("wrote %q, want %q", out.String(), want)
			}
		})
	}
}

func TestDefaultClockIsTheSystems(t *testing.T) {
	var out bytes.Buffer
	before := time.Now().UTC().Truncate(time.Microsecond)
	NewWriter(&out, false, Options{UTC: true, NoPID: true}).Noticef("x")
	stamp, _, _ := strings.Cut(out.String(), " [")
	got, err := time.Parse("2006/01/02 15:04:05.000000", stamp)
	if err != nil {
		t.Fatal(err)
	}
	if got.Before(before) || got.After(time.Now()) {
		t.Errorf("time stamp %v, logged at %v", got, before)
	}
}

// Go: TestStdLoggerNoticeWithColor logger/log_test.go:69
func TestColoursOfTheLevels(t *testing.T) {
	opts := plain
	opts.Debug, opts.Trace = true, true
	var out bytes.Buffer
	logger := NewWriter(&out, true, opts)
	for level := Trace; level <= Fatal; level++ {
		Log(logger, level, "foo")
	}
	want := "[\x1b[33mTRC\x1b[0m] foo\n[\x1b[36mDBG\x1b[0m] foo\n[\x1b[32mINF\x1b[0m] foo\n" +
		"[\x1b[0;93mWRN\x1b[0m] foo\n[\x1b[31mERR\x1b[0m] foo\n[\x1b[31mFTL\x1b[0m] foo\n"
	if out.String() != want {
		t.Errorf("wrote %q, want %q", out.String(), want)
	}
}

func TestColoursOnlyOnATerminal(t *testing.T) {
	reader, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer pipe.Close()
	if isTerminal(pipe) {
		t.Error("a pipe is taken for a terminal")
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if isTerminal(null) {
		t.Error("the null device is taken for a terminal")
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminal device to look at: ", err)
	}
	defer terminal.Close()
	if !isTerminal(terminal) {
		t.Error("a terminal is not recognized")
	}
}

func TestOneCallIsOneLine(t *testing.T) {
	var out bytes.Buffer
	logger := NewWriter(&out, false, plain)
	logger.Errorf("client said %s", "hello\r\n[1] [INF] Server is ready\x1b[1A")
	logger.Noticef("two%%\n")
	want := `[ERR] client said hello\r\n[1] [INF] Server is ready\x1b[1A` + "\n[INF] two%\n"
	if out.String() != want {
		t.Errorf("wrote %q, want %q", out.String(), want)
	}
}

func TestLinesOfManyGoroutinesStayWhole(t *testing.T) {
	var out bytes.Buffer
	logger := NewWriter(&out, false, plain)
	var wait sync.WaitGroup
	for g := range 8 {
		wait.Go(func() {
			for i := range 200 {
				logger.Noticef("goroutine %d line %d", g, i)
			}
		})
	}
	wait.Wait()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 1600 {
		t.Errorf("%d lines, want 1600", len(lines))
	}
	form := regexp.MustCompile(`^\[INF\] goroutine \d line \d+$`)
	for _, line := range lines {
		if !form.MatchString(line) {
			t.Fatalf("line %q", line)
		}
	}
}

// talkative is an argument that logs while it is formatted.
type talkative struct{ logger Logger }

func (a talkative) String() string {
	a.logger.Warnf("inner")
	return "text"
}

func TestArgumentMayLogItself(t *testing.T) {
	var out bytes.Buffer
	logger := NewWriter(&out, false, plain)
	logger.Noticef("outer %v", talkative{logger})
	if want := "[WRN] inner\n[INF] outer text\n"; out.String() != want {
		t.Errorf("wrote %q, want %q", out.String(), want)
	}
}

// flaky is a writer that takes only part of what it gets while err is set.
type flaky struct {
	bytes.Buffer
	err  error
	part int
}

func (f *flaky) Write(b []byte) (int, error) {
	if f.err == nil {
		return f.Buffer.Write(b)
	}
	n, _ := f.Buffer.Write(b[:min(f.part, len(b))])
	return n, f.err
}

func TestLostLinesAreCountedAndTold(t *testing.T) {
	var told []string
	opts := plain
	opts.OnError = func(err error) { told = append(told, err.Error()) }
	out := &flaky{}
	logger := NewWriter(out, false, opts)

	logger.Noticef("one")
	out.err = errors.New("no space")
	out.part = 3
	logger.Noticef("two")
	out.part = 0
	logger.Noticef("three")
	if logger.Lost() != 2 {
		t.Errorf("Lost = %d, want 2", logger.Lost())
	}
	out.err = nil
	logger.Noticef("four")
	logger.Noticef("five")

	want := "[INF] one\n[IN\n[ERR] 2 log lines are missing here: write log: no space\n[INF] four\n[INF] five\n"
	if out.String() != want {
		t.Errorf("wrote %q, want %q", out.String(), want)
	}
	if len(told) != 2 || told[0] != "write log: no space" {
		t.Errorf("OnError got %q", told)
	}
	if logger.Lost() != 2 {
		t.Errorf("Lost = %d, want 2", logger.Lost())
	}
}

type shortWriter struct{}

func (shortWriter) Write(b []byte) (int, error) { return len(b) - 1, nil }

func TestShortWriteIsAnError(t *testing.T) {
	var told error
	opts := plain
	opts.OnError = func(err error) { told = err }
	logger := NewWriter(shortWriter{}, false, opts)
	logger.Noticef("x")
	if !errors.Is(told, io.ErrShortWrite) || logger.Lost() != 1 {
		t.Errorf("OnError got %v, Lost = %d", told, logger.Lost())
	}
}

func TestComplaintsOnStandardErrorAreRare(t *testing.T) {
	now := time.Unix(1000, 0)
	opts := plain
	opts.Now = func() time.Time { return now }
	out := &flaky{err: errors.New("no\nspace")}
	logger := NewWriter(out, false, opts)
	got := stderrOf(t, func() {
		logger.Noticef("1")
		now = now.Add(complaintInterval - 1)
		logger.Noticef("2")
		now = now.Add(1)
		logger.Noticef("3")
	})
	line := fmt.Sprintf("[%d] [ERR] write log: no\\nspace\n", os.Getpid())
	if got != line+line {
		t.Errorf("standard error has %q, want twice %q", got, line)
	}
	if logger.Lost() != 3 {
		t.Errorf("Lost = %d, want 3", logger.Lost())
	}
}

func TestDiscardWritesNothing(t *testing.T) {
	got := stderrOf(t, func() {
		for level := Trace; level <= Fatal; level++ {
			Log(Discard, level, "x")
			if Enabled(Discard, level) {
				t.Errorf("%v is enabled", level)
			}
		}
	})
	if got != "" {
		t.Errorf("wrote %q", got)
	}
}

func TestLevelNames(t *testing.T) {
	if Fatal.String() != "FTL" || Level(9).String() != "Level(9)" {
		t.Errorf("%v, %v", Fatal, Level(9))
	}
}
