package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/slogtest"
	"time"
)

func TestFromSlogMapsLevels(t *testing.T) {
	var out bytes.Buffer
	logger := FromSlog(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: SlogTrace, AddSource: true})))
	for level, want := range map[Level]string{
		Trace: "DEBUG-4", Debug: "DEBUG", Notice: "INFO", Warn: "WARN", Error: "ERROR", Fatal: "ERROR+4",
	} {
		out.Reset()
		logMethod(logger, level)("from %s\x1b[0m", "there\nhere\n")
		var record struct {
			Level, Msg string
			Source     struct{ File string }
		}
		if err := json.Unmarshal(out.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		if record.Level != want || record.Msg != `from there\nhere\n\x1b[0m` {
			t.Errorf("%v gave level %q, message %q", level, record.Level, record.Msg)
		}
		if file := filepath.Base(record.Source.File); file != "slog_test.go" {
			t.Errorf("source is %q, not the caller", file)
		}
	}
}

// logMethod returns the method for a level, to be called directly.
func logMethod(logger Logger, level Level) func(string, ...any) {
	return map[Level]func(string, ...any){
		Trace: logger.Tracef, Debug: logger.Debugf, Notice: logger.Noticef,
		Warn: logger.Warnf, Error: logger.Errorf, Fatal: logger.Fatalf,
	}[level]
}

func TestFromSlogSkipsLevelsThatAreOff(t *testing.T) {
	var out bytes.Buffer
	logger := FromSlog(slog.New(slog.NewTextHandler(&out, nil)))
	logger.Debugf("x %v", neverFormatted{t})
	logger.Tracef("x %v", neverFormatted{t})
	if Enabled(logger, Debug) || Enabled(logger, Trace) || !Enabled(logger, Notice) {
		t.Error("Enabled differs from the handler's levels")
	}
	if out.Len() != 0 {
		t.Errorf("wrote %q", out.String())
	}
}

func TestHandlerMapsLevels(t *testing.T) {
	for level, want := range map[slog.Level]string{
		-100: "TRC", SlogTrace: "TRC", slog.LevelDebug - 1: "TRC", slog.LevelDebug: "DBG", slog.LevelInfo - 1: "DBG",
		slog.LevelInfo: "INF", slog.LevelInfo + 1: "INF", slog.LevelWarn: "WRN", slog.LevelError: "ERR",
		SlogFatal - 1: "ERR", SlogFatal: "FTL", 100: "FTL",
	} {
		log := &recording{}
		slog.New(Handler(log)).Log(context.Background(), level, "x")
		if len(log.lines) != 1 || log.lines[0] != want+" x" {
			t.Errorf("level %d gave %q, want %s", level, log.lines, want)
		}
	}
	log := &recording{off: map[Level]bool{Debug: true}}
	slog.New(Handler(log)).Debug("x")
	if len(log.lines) != 0 {
		t.Errorf("a level that is off gave %q", log.lines)
	}
}

func TestHandlerFormatsAttributes(t *testing.T) {
	log := &recording{}
	logger := slog.New(Handler(log)).With("cid", 7).WithGroup("g").With("a", "two words")
	logger.Info("100% done",
		"b", true, "empty", "", "forged", "x\n[INF] y", "eq", "a=b", "odd key", 1,
		"at", time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), slog.Group("h", "c", time.Second), slog.Group("", "d", 1.5), slog.Group("none"))
	want := `INF 100% done cid=7 g.a="two words" g.b=true g.empty="" g.forged="x\n[INF] y" g.eq="a=b" "g.odd key"=1` +
		` g.at=2026-01-02T03:04:05.000000006Z g.h.c=1s g.d=1.5`
	if len(log.lines) != 1 || log.lines[0] != want {
		t.Errorf("lines\n%q, want\n%q", log.lines, want)
	}
}

func TestHandlerKeepsTheContractOfSlog(t *testing.T) {
	var log *recording
	newHandler := func(t *testing.T) slog.Handler {
		log = &recording{}
		return Handler(log)
	}
	result := func(t *testing.T) map[string]any {
		fields := parseLine(t, log.lines[0])
		if !strings.HasSuffix(t.Name(), "/zero-time") {
			fields[slog.TimeKey] = "the logger's own"
		}
		return fields
	}
	slogtest.Run(t, newHandler, result)
}

// parseLine turns "INF message key=value g.key=value" into nested maps.
func parseLine(t *testing.T, line string) map[string]any {
	level, rest, _ := strings.Cut(line, " ")
	message, rest, _ := strings.Cut(rest, " ")
	fields := map[string]any{slog.LevelKey: level, slog.MessageKey: message}
	for _, pair := range strings.Fields(rest) {
		path, value, ok := strings.Cut(pair, "=")
		if !ok {
			t.Fatalf("no attribute: %q in line %q", pair, line)
		}
		if text, err := strconv.Unquote(value); err == nil {
			value = text
		}
		group := fields
		steps := strings.Split(path, ".")
		for _, step := range steps[:len(steps)-1] {
			if group[step] == nil {
				group[step] = map[string]any{}
			}
			group = group[step].(map[string]any)
		}
		group[steps[len(steps)-1]] = value
	}
	return fields
}

func TestThereAndBackAgain(t *testing.T) {
	log := &recording{}
	logger := FromSlog(slog.New(Handler(log)))
	for level := Trace; level <= Fatal; level++ {
		Log(logger, level, "%d", level)
	}
	if got := strings.Join(log.lines, "|"); got != "TRC 0|DBG 1|INF 2|WRN 3|ERR 4|FTL 5" {
		t.Errorf("lines %q", got)
	}
}
