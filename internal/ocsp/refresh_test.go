package ocspcheck

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ocsp"
	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/logging/logtest"
	"github.com/godwit-mq/godwit/internal/options"
)

func TestNextCheck(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		next time.Time
		want time.Duration
	}{
		{time.Time{}, 24 * time.Hour},
		{now.Add(4 * time.Second), 2 * time.Second},
		{now.Add(7 * 24 * time.Hour), 84 * time.Hour},
		{now.Add(-1), 2 * time.Minute},
		{now.Add(-time.Hour), 2 * time.Minute},
		{now, time.Second},
		{now.Add(time.Millisecond), time.Second},
	} {
		if got := nextCheck(now, test.next); got != test.want {
			t.Errorf("%v: %v, want %v", test.next, got, test.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		next := time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "next"), 0)
		if wait := nextCheck(now, next); wait < checkMin {
			t.Fatalf("%v: %v", next, wait)
		}
	})
}

// inBubble runs a test under the clock of synctest, with a Stapler whose answers
// last four minutes, before Run.
func inBubble(t *testing.T, mode options.OCSPMode, test func(w *town, s *Stapler, log *logtest.Capture, revoked chan Status)) {
	root := issue(t, nil, "Root", asCA)
	w := &town{root: root, responder: silentResponder(root), server: issue(t, root, "Server", mustStaple, withResponders("http://ca.example"))}
	synctest.Test(t, func(t *testing.T) {
		w.responder.tell(w.server, ocsp.Good)
		w.responder.set(func(r *responder) { r.lasts, r.from = 4*time.Minute, 0 })
		log := logtest.New(t)
		revoked := make(chan Status, 10)
		c := w.config(mode)
		c.Client, c.Log = &http.Client{Transport: w.responder}, log
		c.Revoked = func(s Status) { revoked <- s }
		test(w, mustNewStapler(t, c), log, revoked)
	})
}

// pass lets time pass on the clock of the bubble.
func pass(d time.Duration) { <-time.After(d) }

// run runs a Stapler until stop is called; done is closed when it returns.
func run(s *Stapler) (stop func(), done chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	done = make(chan struct{})
	go func() {
		s.Run(ctx)
		close(done)
	}()
	return func() { cancel(); <-done }, done
}

func TestRunRefreshesAtHalfTime(t *testing.T) {
	inBubble(t, options.OCSPModeMust, func(w *town, s *Stapler, log *logtest.Capture, _ chan Status) {
		start := time.Now()
		stop, _ := run(s)
		synctest.Wait()
		want := []string{
			"[INF] OCSP Stapling enabled for Client connections",
			"[INF] Found OCSP status for Client certificate at 'server.pem': good, next update " +
				start.Add(4*time.Minute).UTC().Format(time.RFC3339Nano) + ", checking again in 2m0s",
		}
		if got := log.Lines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("log\n%q\nwant\n%q", got, want)
		}
		for i := 2; i < 5; i++ {
			pass(2*time.Minute - 1)
			synctest.Wait()
			if n := w.responder.questions(w.server); n != i-1 {
				t.Fatalf("%d questions before time %d", n, i)
			}
			pass(1)
			synctest.Wait()
			if n := w.responder.questions(w.server); n != i {
				t.Fatalf("%d questions at time %d", n, i)
			}
		}
		if log.Count(logging.Notice, "Received OCSP status for Client certificate 'server.pem': good, next update ") != 3 {
			t.Errorf("log %v", log.Lines())
		}
		stop()
	})
}

func TestRunEndsWhenTheCertificateIsRevoked(t *testing.T) {
	for _, status := range []int{ocsp.Revoked, ocsp.Unknown} {
		inBubble(t, options.OCSPModeMust, func(w *town, s *Stapler, log *logtest.Capture, revoked chan Status) {
			_, done := run(s)
			w.responder.tell(w.server, status)
			<-done
			if len(revoked) != 1 || <-revoked != statusOf(status) {
				t.Error("not told")
			}
			if log.Count(logging.Error, "Received OCSP status for Client certificate 'server.pem': "+statusOf(status).String()) != 1 {
				t.Errorf("log %v", log.Lines())
			}
		})
	}
}

// A mode that goes on staples what it is told, and notices when that changes.
func TestRunGoesOnWithAuto(t *testing.T) {
	inBubble(t, options.OCSPModeAuto, func(w *town, s *Stapler, log *logtest.Capture, revoked chan Status) {
		stop, _ := run(s)
		for _, status := range []int{ocsp.Revoked, ocsp.Revoked, ocsp.Good} {
			w.responder.tell(w.server, status)
			pass(2*time.Minute + time.Second)
			synctest.Wait()
			cert, err := s.certificate(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			answer, err := Parse(cert.OCSPStaple, w.server.cert, w.root.cert)
			if err != nil || answer.Status != statusOf(status) {
				t.Errorf("staple %+v, %v; want %v", answer, err, statusOf(status))
			}
		}
		stop()
		if len(revoked) != 0 || log.Count(logging.Error, "revoked") != 2 {
			t.Errorf("told %d times, log %v", len(revoked), log.Lines())
		}
	})
}

// The questions get denser as the end comes near, but not without bound.
func TestRunTriesAgain(t *testing.T) {
	inBubble(t, options.OCSPModeMust, func(w *town, s *Stapler, log *logtest.Capture, _ chan Status) {
		stop, _ := run(s)
		w.responder.set(func(r *responder) { r.code = 503 })
		pass(4*time.Minute + time.Second)
		synctest.Wait()
		// At 120, 180, 210 ... 239 seconds, and not more than one each second.
		failures := log.Count(logging.Error, "Bad OCSP status update for certificate 'server.pem': exhausted ocsp servers: ")
		if failures < 7 || failures > 10 {
			t.Errorf("%d failures: %v", failures, log.Lines())
		}
		log.Reset()
		pass(10 * time.Minute)
		synctest.Wait()
		if failures := log.Count(logging.Error, "trying again in 2m0s"); failures != 5 {
			t.Errorf("%d failures in ten minutes: %v", failures, log.Lines())
		}
		w.responder.set(func(r *responder) { r.code = 0 })
		pass(2 * time.Minute)
		synctest.Wait()
		if log.Count(logging.Notice, "Received OCSP status") == 0 {
			t.Errorf("log %v", log.Lines())
		}
		stop()
	})
}

func TestRunEndsWhileAsking(t *testing.T) {
	inBubble(t, options.OCSPModeMust, func(w *town, s *Stapler, log *logtest.Capture, _ chan Status) {
		stop, _ := run(s)
		w.responder.set(func(r *responder) { r.block = make(chan struct{}) })
		pass(2*time.Minute + time.Second)
		synctest.Wait()
		stop()
		if n := log.Count(logging.Error, ""); n != 0 {
			t.Errorf("log %v", log.Lines())
		}
	})
}

// Handshakes that find the status expired get a new one, one at a time, and do
// not insist when that fails.
func TestHandshakeRefreshes(t *testing.T) {
	inBubble(t, options.OCSPModeMust, func(w *town, s *Stapler, _ *logtest.Capture, _ chan Status) {
		shake := func(n int) (failures int) {
			errs := make(chan error)
			for range n {
				go func() {
					_, err := s.certificate(context.Background())
					errs <- err
				}()
			}
			for range n {
				if <-errs != nil {
					failures++
				}
			}
			return failures
		}
		questions := func() int { return w.responder.questions(w.server) }

		pass(5 * time.Minute)
		if failures := shake(20); failures != 0 || questions() != 2 {
			t.Errorf("%d failures, %d questions", failures, questions())
		}

		w.responder.set(func(r *responder) { r.code = 500 })
		pass(5 * time.Minute)
		before := questions()
		if failures := shake(20); failures != 20 || questions() != before+2 { // POST and GET
			t.Errorf("%d failures, %d questions", failures, questions()-before)
		}

		w.responder.set(func(r *responder) { r.code = 0 })
		pass(quietTime - 1)
		if failures := shake(1); failures != 1 {
			t.Error("asked in quiet time")
		}
		pass(1)
		if failures := shake(1); failures != 0 {
			t.Error("not asked after quiet time")
		}
	})
}

func TestHandshakeDoesNotWaitForASlowResponder(t *testing.T) {
	inBubble(t, options.OCSPModeMust, func(w *town, s *Stapler, _ *logtest.Capture, _ chan Status) {
		w.responder.set(func(r *responder) { r.block = make(chan struct{}) })
		pass(5 * time.Minute)
		start := time.Now()
		if _, err := s.certificate(context.Background()); err == nil || time.Since(start) != handshakePatience {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
