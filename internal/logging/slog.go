package logging

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The levels of slog that stand for those which slog has no name for.
const (
	SlogTrace = slog.Level(-8)
	SlogFatal = slog.Level(12)
)

var slogLevels = [...]slog.Level{
	Trace: SlogTrace, Debug: slog.LevelDebug, Notice: slog.LevelInfo,
	Warn: slog.LevelWarn, Error: slog.LevelError, Fatal: SlogFatal,
}

// FromSlog returns a Logger that writes to logger: notices at Info, trace at
// SlogTrace, fatal at SlogFatal, the others at the level of their name. The
// message is the formatted statement in one line, the source is the caller.
func FromSlog(logger *slog.Logger) Logger {
	return &slogLogger{logger.Handler()}
}

type slogLogger struct {
	handler slog.Handler
}

func (s *slogLogger) Noticef(format string, args ...any) { s.log(Notice, format, args) }
func (s *slogLogger) Warnf(format string, args ...any)   { s.log(Warn, format, args) }
func (s *slogLogger) Fatalf(format string, args ...any)  { s.log(Fatal, format, args) }
func (s *slogLogger) Errorf(format string, args ...any)  { s.log(Error, format, args) }
func (s *slogLogger) Debugf(format string, args ...any)  { s.log(Debug, format, args) }
func (s *slogLogger) Tracef(format string, args ...any)  { s.log(Trace, format, args) }

func (s *slogLogger) Enabled(level Level) bool {
	return int(level) < len(slogLevels) && s.handler.Enabled(context.Background(), slogLevels[level])
}

func (s *slogLogger) log(level Level, format string, args []any) {
	if !s.Enabled(level) {
		return
	}
	var caller [1]uintptr
	runtime.Callers(3, caller[:]) // skips Callers, log and the method for the level
	record := slog.NewRecord(time.Now(), slogLevels[level], oneLine(fmt.Sprintf(format, args...)), caller[0])
	// A slog.Logger has nobody to tell of its handler's errors either.
	_ = s.handler.Handle(context.Background(), record)
}

// Handler returns a slog.Handler that writes to logger: the message, then the
// attributes as " group.key=value", values quoted where they need it. Levels
// between two named ones count as the lower one; below Debug is trace, from
// SlogFatal on it is fatal. The record's time is left out: logger has its own.
func Handler(logger Logger) slog.Handler {
	return &slogHandler{logger: logger}
}

// slogHandler does not change once it is made.
type slogHandler struct {
	logger     Logger
	attributes string // of With, formatted
	group      string // "" or the open groups, each with a dot behind it
}

func fromSlogLevel(level slog.Level) Level {
	switch {
	case level < slog.LevelDebug:
		return Trace
	case level < slog.LevelInfo:
		return Debug
	case level < slog.LevelWarn:
		return Notice
	case level < slog.LevelError:
		return Warn
	case level < SlogFatal:
		return Error
	}
	return Fatal
}

func (h *slogHandler) Enabled(_ context.Context, level slog.Level) bool {
	return Enabled(h.logger, fromSlogLevel(level))
}

func (h *slogHandler) Handle(_ context.Context, record slog.Record) error {
	var b strings.Builder
	b.WriteString(record.Message)
	b.WriteString(h.attributes)
	record.Attrs(func(a slog.Attr) bool {
		writeAttribute(&b, h.group, a)
		return true
	})
	Log(h.logger, fromSlogLevel(record.Level), "%s", b.String())
	return nil
}

func (h *slogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(h.attributes)
	for _, a := range attrs {
		writeAttribute(&b, h.group, a)
	}
	return &slogHandler{h.logger, b.String(), h.group}
}

func (h *slogHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &slogHandler{h.logger, h.attributes, h.group + name + "."}
}

func writeAttribute(b *strings.Builder, group string, a slog.Attr) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, member := range value.Group() {
			writeAttribute(b, group, member)
		}
		return
	}
	if a.Equal(slog.Attr{}) {
		return
	}
	b.WriteByte(' ')
	b.WriteString(quoteIfNeeded(group + a.Key))
	b.WriteByte('=')
	b.WriteString(quoteIfNeeded(attributeText(value)))
}

func attributeText(value slog.Value) string {
	if value.Kind() == slog.KindTime {
		return value.Time().Format(time.RFC3339Nano)
	}
	return value.String()
}

// quoteIfNeeded keeps the text of an attribute from looking like something else.
func quoteIfNeeded(text string) string {
	plain := text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r == '=' || r == '"' || unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
	if plain {
		return text
	}
	return strconv.Quote(text)
}
