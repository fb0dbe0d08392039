package load

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

func TestProgressWakesEveryWaiterAtItsTarget(t *testing.T) {
	const total, waiters, adders = 4000, 8, 4
	p := newProgress()
	var wait sync.WaitGroup
	for i := range waiters {
		wait.Go(func() {
			for target := int64(i + 1); target <= total; target += waiters {
				if err := p.wait(target); err != nil {
					t.Error(err)
					return
				}
				if p.load() < target {
					t.Errorf("woken at %d, waited for %d", p.load(), target)
					return
				}
			}
		})
	}
	for range adders {
		wait.Go(func() {
			for range total / adders {
				p.add(1)
			}
		})
	}
	wait.Wait()
	if p.load() != total {
		t.Fatalf("counted %d, want %d", p.load(), total)
	}
}

func TestProgressFailureReachesPresentAndFutureWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgress()
		p.add(3)
		first := errors.New("first")
		waiting := make(chan error)
		go func() { waiting <- p.wait(4) }()
		synctest.Wait()
		p.fail(first)
		p.fail(errors.New("second"))
		if err := <-waiting; err != first {
			t.Errorf("the waiter got %v", err)
		}
		if err := p.wait(5); err != first {
			t.Errorf("a later waiter got %v", err)
		}
		if err := p.wait(3); err != nil {
			t.Errorf("what has been reached is no failure: %v", err)
		}
	})
}

func TestGateNeverLetsMoreThanTheWindowBeUnderWay(t *testing.T) {
	const window, publishers, rounds = 40, 4, 500
	slow, fast := newProgress(), newProgress()
	g := &gate{window: window, receivers: []*progress{slow, fast}}
	var written progress // only its counter is used
	written.want.Store(1 << 62)
	link := make(chan int64, 1<<16)
	var wait sync.WaitGroup
	for range publishers {
		wait.Go(func() {
			for range rounds {
				const n = window / publishers
				if err := g.reserve(n); err != nil {
					t.Error(err)
					return
				}
				if ahead := written.n.Add(n) - slow.load(); ahead > window {
					t.Errorf("%d messages ahead of the slower receiver, the window is %d", ahead, window)
				}
				link <- n
			}
		})
	}
	receiving := make(chan struct{})
	go func() {
		defer close(receiving)
		for n := range link {
			fast.add(n)
			slow.add(n)
		}
	}()
	wait.Wait()
	if err := g.drain(); err != nil {
		t.Fatal(err)
	}
	close(link)
	<-receiving
	if err := g.verify(); err != nil {
		t.Fatal(err)
	}
	fast.add(1)
	if g.verify() == nil {
		t.Fatal("a receiver with one message too many was accepted")
	}
}
