package main

import (
	"errors"
	"sync"
	"time"

	"github.com/godwit-mq/godwit/internal/journal"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// An engine is a node of godwit's and one goroutine that makes checkpoints, as a server
// has.
type engine struct {
	node   *block.Node
	wanted chan *owned
	ended  chan struct{}
}

// An owned is a stream with its lock.
type owned struct {
	sync.Mutex
	*block.Stream
	engine *engine
	asked  bool
	worst  time.Duration // longest time for which a checkpoint held the lock
}

func openEngine(dir string) *engine {
	n, _, err := block.Open(vfs.OS, dir, block.Options{Journal: journal.Options{Direct: true}})
	check(err)
	e := &engine{node: n, wanted: make(chan *owned, 4096), ended: make(chan struct{})}
	go e.work()
	return e
}

func (e *engine) work() {
	defer close(e.ended)
	for s := range e.wanted {
		s.checkpoint()
	}
}

func (s *owned) checkpoint() {
	s.Lock()
	begin := time.Now()
	c, err := s.BeginCheckpoint()
	s.asked = false
	s.worst = max(s.worst, time.Since(begin))
	s.Unlock()
	check(err)
	err = c.Write()
	s.Lock()
	begin = time.Now()
	err = s.EndCheckpoint(c, err)
	s.worst = max(s.worst, time.Since(begin))
	s.Unlock()
	check(err)
}

func (e *engine) create(id int, l store.Limits) *owned {
	s, err := e.node.CreateStream(block.ID(id), block.StreamOptions{Options: store.Options{Limits: l}})
	check(err)
	return &owned{Stream: s, engine: e}
}

func (e *engine) load(id int, l store.Limits) *owned {
	s, err := e.node.LoadStream(block.ID(id), block.StreamOptions{Options: store.Options{Limits: l}})
	check(err)
	return &owned{Stream: s, engine: e}
}

// settle makes a checkpoint, after the one that may be under way.
func (s *owned) settle() {
	for {
		s.Lock()
		err := s.Checkpoint()
		s.Unlock()
		if !errors.Is(err, block.ErrCheckpoint) {
			check(err)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// stop ends the engine; clean makes checkpoints of streams first.
func (e *engine) stop(clean ...*owned) {
	close(e.wanted)
	<-e.ended
	for _, s := range clean {
		check(s.Rest())
	}
	check(e.node.Close())
}

// append appends a batch and hands it over.
func (s *owned) append(batch []store.Message, done func(error)) {
	s.Lock()
	defer s.Unlock()
	check(s.AppendBatch(batch, store.Checked))
	s.Commit(done)
	s.askCheckpoint()
}

func (s *owned) askCheckpoint() {
	if s.WantsCheckpoint() && !s.asked {
		s.asked = true
		s.engine.wanted <- s
	}
}

// A window bounds the messages that are on their way.
type window chan struct{}

func (w window) take(n int) {
	for range n {
		w <- struct{}{}
	}
}

// done returns the function that gives room for n messages back.
func (w window) done(n int) func(error) {
	return func(err error) {
		check(err)
		for range n {
			<-w
		}
	}
}

func (w window) drain() { w.take(cap(w)) }
