package load

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/proc"
)

const (
	stuckReaders = 9                     // subscribers that read, beside the one that does not
	stuckLook    = 50 * time.Millisecond // how often the server's end is looked at
	stuckEnd     = 10 * time.Second      // for the end of the stream to reach a client that reads at last
)

// stuck measures nine subscribers without and then with a tenth that never reads. Whenever the server cuts the tenth
// off, another takes its place, so that one is stuck all the time. Each that was cut off must find its stream ended
// once it reads, and at least one must be cut off while
// publishing lasts or within Settings.Stall after it, which leaves time for the usual write deadline of ten seconds.
func stuck(r *run) error {
	const subject = "bench.flow.0"
	f := &flow{run: r}
	if err := f.fanOut(subject, stuckReaders, payload(smallPayload), credentials{}, credentials{}); err != nil {
		return err
	}
	if r.settings.Warmup > 0 {
		if _, err := f.work(r.settings.Warmup); err != nil {
			return err
		}
	}
	n, begin, end, err := r.measure(func() (int64, error) { return f.work(r.settings.Duration) })
	if err != nil {
		return err
	}
	var alone Result
	alone.record(n, begin, end)

	w := &stuckWatch{run: r, subject: subject, done: make(chan struct{}), alive: r.gauge()}
	if err := w.connect(); err != nil {
		return err
	}
	var watching sync.WaitGroup
	watching.Go(func() {
		if err := w.watch(); err != nil {
			r.fail(err)
		}
	})
	n, begin, end, err = r.measure(func() (int64, error) { return f.work(r.settings.Stuck) })
	if err == nil {
		r.result.record(n, begin, end)
		err = r.readMemory()
	}
	close(w.done)
	watching.Wait()
	if err = errors.Join(err, r.err()); err != nil {
		return err
	}
	r.result.extra("rate relative to no stuck subscriber", "ratio", higher, r.result.Rate/alone.Rate)
	r.result.extra("CPU relative to no stuck subscriber", "ratio", lower, r.result.CPUMicros/alone.CPUMicros)
	r.result.extra("first cut-off after", "s", neither, w.first.Seconds())
	r.result.extra("cut-offs", "number", neither, float64(w.cutOffs))
	r.result.extra("peak memory", "MB", lower, float64(r.result.PeakBytes)/(1<<20))
	return f.verify()
}

// stuckWatch keeps one subscriber stuck. All but done is owned by the watching goroutine, and by the scenario before
// and after it.
type stuckWatch struct {
	run     *run
	subject string
	done    chan struct{} // closed when publishing has ended
	alive   *progress     // moves while a cut-off is waited for

	conn    net.Conn
	inode   uint64 // of the server's end
	since   time.Time
	first   time.Duration // from being connected to the first cut-off
	cutOffs int
}

// connect puts a new stuck subscriber in place.
func (w *stuckWatch) connect() error {
	conn, _, err := w.run.dial(dialOptions{})
	if err != nil {
		return fmt.Errorf("connect the stuck subscriber: %w", err)
	}
	w.conn, w.since = conn, time.Now()
	if w.inode, err = w.serverSocket(); err != nil {
		conn.Close()
		return fmt.Errorf("connect the stuck subscriber: %w", err)
	}
	if _, err := conn.Write([]byte("SUB " + w.subject + " 1\r\n")); err != nil {
		conn.Close()
		return fmt.Errorf("subscribe the stuck subscriber: %w", err)
	}
	return nil
}

// watch looks at the server's end of the stuck subscriber's connection until done, and then, if none was cut off so far, for
// Settings.Stall.
func (w *stuckWatch) watch() error {
	defer func() { w.conn.Close() }()
	done, deadline := w.done, (<-chan time.Time)(nil)
	ticker := time.NewTicker(stuckLook)
	defer ticker.Stop()
	for {
		select {
		case <-w.run.ctx.Done():
			return nil
		case <-done:
			if w.cutOffs > 0 {
				return nil
			}
			done, deadline = nil, time.After(w.run.settings.Stall)
			continue
		case <-deadline:
			return fmt.Errorf("the stuck subscriber was still connected %v after the last message", w.run.settings.Stall)
		case <-ticker.C:
		}
		if done == nil {
			w.alive.add(1)
		}
		up, err := proc.HoldsSocket(w.run.target.PID, w.inode)
		if err != nil {
			return err
		}
		if up {
			continue
		}
		if err := w.cutOff(); err != nil {
			return err
		}
		if done == nil {
			return nil
		}
		if err := w.connect(); err != nil {
			return err
		}
	}
}

// serverSocket finds the server's end of the connection.
func (w *stuckWatch) serverSocket() (uint64, error) {
	_, text, err := net.SplitHostPort(w.run.target.Address)
	if err != nil {
		return 0, err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0, err
	}
	return proc.Socket(port, w.conn.LocalAddr().(*net.TCPAddr).Port)
}

// cutOff notes the cut-off and proves it from the client's side: what the kernels still hold can be read, then the
// stream ends, by FIN or by RST.
func (w *stuckWatch) cutOff() error {
	if w.cutOffs == 0 {
		w.first = time.Since(w.since)
	}
	w.cutOffs++
	defer w.conn.Close()
	w.conn.SetReadDeadline(time.Now().Add(stuckEnd))
	buffer := make([]byte, 256<<10)
	for {
		if _, err := w.conn.Read(buffer); errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("the server closed the stuck subscriber's socket but its stream did not end within %v", stuckEnd)
		} else if err != nil {
			return nil
		}
	}
}
