package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/proc"
)

// run is one scenario under way.
type run struct {
	target   Target
	config   Config
	settings Settings
	result   *Result
	ctx      context.Context
	cancel   context.CancelCauseFunc

	mu       sync.Mutex
	sessions []*session  // guarded by mu
	gauges   []*progress // guarded by mu; woken on failure, watched for movement

	readers sync.WaitGroup
}

// Run drives the target through the scenario. It returns an error and no result unless every message arrived.
func Run(ctx context.Context, scenario Scenario, target Target, settings Settings) (*Result, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	if scenario.run == nil {
		return nil, fmt.Errorf("scenario %q is not from the catalogue", scenario.Name)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	r := &run{
		target: target, config: scenario.Config, settings: settings, ctx: ctx, cancel: cancel,
		result: &Result{Scenario: scenario.Name, Unit: scenario.Unit},
	}
	// abort must have ended before the readers are waited for: it is what closes their connections.
	stop := context.AfterFunc(ctx, r.abort)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		r.watch()
	}()

	err := scenario.run(r)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	stop()
	cancel(errEnd)
	r.closeAll()
	r.readers.Wait()
	<-watched
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", scenario.Name, err)
	}
	return r.result, nil
}

// errEnd is the cause with which a finished run's context ends.
var errEnd = errors.New("the run is over")

// fail ends the run; only the first failure counts.
func (r *run) fail(err error) { r.cancel(err) }

// err returns the failure that ended the run, if any.
func (r *run) err() error { return context.Cause(r.ctx) }

func (r *run) abort() {
	err := context.Cause(r.ctx)
	r.mu.Lock()
	gauges := r.gauges
	r.mu.Unlock()
	for _, g := range gauges {
		g.fail(err)
	}
	r.closeAll()
}

func (r *run) closeAll() {
	r.mu.Lock()
	sessions := r.sessions
	r.mu.Unlock()
	for _, s := range sessions {
		s.close()
	}
}

// gauge returns a new progress that is part of the run: it fails with it, and its movement shows that the run lives.
func (r *run) gauge() *progress {
	p := newProgress()
	r.mu.Lock()
	r.gauges = append(r.gauges, p)
	r.mu.Unlock()
	if err := r.err(); err != nil {
		p.fail(err)
	}
	return p
}

// watch fails the run when no gauge has moved for Settings.Stall.
func (r *run) watch() {
	ticker := time.NewTicker(r.settings.Stall / 10)
	defer ticker.Stop()
	last, moved := int64(-1), time.Now()
	for {
		select {
		case <-r.ctx.Done():
			return
		case now := <-ticker.C:
			if sum := r.sum(); sum != last {
				last, moved = sum, now
			}
			if now.Sub(moved) >= r.settings.Stall {
				r.fail(fmt.Errorf("nothing arrived for %v: messages are lost or the server hangs", r.settings.Stall))
				return
			}
		}
	}
}

func (r *run) sum() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var sum int64
	for _, g := range r.gauges {
		sum += g.load()
	}
	return sum
}

// read reads all clocks.
func (r *run) read() (reading, error) {
	server, err := proc.CPUTime(r.target.PID)
	if err != nil {
		return reading{}, err
	}
	generator, err := proc.CPUTime(os.Getpid())
	if err != nil {
		return reading{}, err
	}
	return reading{at: time.Now(), server: server, generator: generator}, nil
}

// readMemory stores the server's memory as the result's.
func (r *run) readMemory() error {
	m, err := proc.ReadMemory(r.target.PID)
	if err != nil {
		return err
	}
	r.result.ResidentBytes, r.result.PeakBytes = m.Resident, m.Peak
	return nil
}

// measure runs work, which returns the number of units it did, between two readings.
func (r *run) measure(work func() (int64, error)) (n int64, begin, end reading, err error) {
	if begin, err = r.read(); err != nil {
		return
	}
	if n, err = work(); err != nil {
		return
	}
	if n == 0 {
		err = errors.New("no message went through in the measured time")
		return
	}
	end, err = r.read()
	return
}

// phases is the usual course of a scenario: warm up, measure, read the memory while all connections stand.
func (r *run) phases(work func(time.Duration) (int64, error)) error {
	if r.settings.Warmup > 0 {
		if _, err := work(r.settings.Warmup); err != nil {
			return err
		}
	}
	n, begin, end, err := r.measure(func() (int64, error) { return work(r.settings.Duration) })
	if err != nil {
		return err
	}
	r.result.record(n, begin, end)
	return r.readMemory()
}

// sleep waits for that long, or until the run ends.
func (r *run) sleep(d time.Duration) error {
	select {
	case <-r.ctx.Done():
		return r.err()
	case <-time.After(d):
		return nil
	}
}
