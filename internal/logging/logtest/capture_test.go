package logtest

import (
	"slices"
	"testing"

	"github.com/godwit-mq/godwit/internal/logging"
)

func TestCaptureKeepsStatementsInOrder(t *testing.T) {
	var c Capture
	for level := logging.Trace; level <= logging.Fatal; level++ {
		logging.Log(&c, level, "statement %d", level)
	}
	want := []string{
		"[TRC] statement 0", "[DBG] statement 1", "[INF] statement 2",
		"[WRN] statement 3", "[ERR] statement 4", "[FTL] statement 5",
	}
	if got := c.Lines(); !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
	if n := c.Count(logging.Warn, "statement"); n != 1 {
		t.Errorf("Count = %d, want 1", n)
	}
	c.Reset()
	if got := c.Lines(); len(got) != 0 {
		t.Errorf("after Reset %q", got)
	}
}

func TestWaitSeesEarlierAndLaterStatements(t *testing.T) {
	c := New(t)
	c.Noticef("early")
	c.Wait(t, logging.Notice, "early")
	go func() {
		c.Warnf("late, but of another level")
		for range 100 {
			c.Noticef("something else")
		}
		c.Noticef("late")
	}()
	c.Wait(t, logging.Notice, "late")
}

// recorder stands for the test that uses a Capture.
type recorder struct {
	testing.TB
	failed   bool
	cleanups []func()
	logged   []string
}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Failed() bool     { return r.failed }
func (r *recorder) Log(args ...any)  { r.logged = append(r.logged, args[0].(Entry).String()) }

func TestStatementsAreShownOnlyWhenTheTestFails(t *testing.T) {
	for _, failed := range []bool{false, true} {
		r := &recorder{TB: t, failed: failed}
		c := New(r)
		c.Errorf("why")
		for _, f := range r.cleanups {
			f()
		}
		if shown := slices.Equal(r.logged, []string{"[ERR] why"}); shown != failed {
			t.Errorf("test failed %v: shown %q", failed, r.logged)
		}
	}
}
