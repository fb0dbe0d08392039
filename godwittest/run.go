package godwittest

import (
	"fmt"
	"testing"

	"github.com/godwit-mq/godwit"
)

// Run starts a server and stops it when the test ends. The options may be nil;
// where they say nothing about the host or the port, the server listens on a
// free port of 127.0.0.1. A server that does not start fails the test.
func Run(t testing.TB, o *godwit.Options) *godwit.Server {
	t.Helper()
	if o == nil {
		o = &godwit.Options{}
	}
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.Port == 0 {
		o.Port = godwit.RandomPort
	}
	o.DisableShortFirstPing = true
	s, err := godwit.NewServer(o)
	if err != nil {
		t.Fatalf("make a server: %v", err)
	}
	if !o.NoLog && (o.Debug || o.Trace) {
		s.SetLogger(testLog{t}, o.Debug, o.Trace)
	}
	t.Cleanup(s.Shutdown)
	if err := s.Start(); err != nil {
		t.Fatalf("start a server: %v", err)
	}
	return s
}

// RunConfig is Run with the text of a configuration file.
func RunConfig(t testing.TB, text string) *godwit.Server {
	t.Helper()
	o, err := godwit.ProcessConfigString(text)
	if err != nil {
		t.Fatalf("configuration: %v", err)
	}
	return Run(t, o)
}

// testLog passes log lines on to a test.
type testLog struct{ t testing.TB }

func (l testLog) log(level, format string, args []any) {
	l.t.Helper()
	l.t.Logf("[%s] %s", level, fmt.Sprintf(format, args...))
}

func (l testLog) Noticef(format string, args ...any) { l.log("INF", format, args) }
func (l testLog) Warnf(format string, args ...any)   { l.log("WRN", format, args) }
func (l testLog) Errorf(format string, args ...any)  { l.log("ERR", format, args) }
func (l testLog) Fatalf(format string, args ...any)  { l.log("FTL", format, args) }
func (l testLog) Debugf(format string, args ...any)  { l.log("DBG", format, args) }
func (l testLog) Tracef(format string, args ...any)  { l.log("TRC", format, args) }
