package link

import (
	"errors"
	"os"
	"sync"
	"time"
)

// Limits of one drain step.
const (
	drainBytes  = 1 << 20
	drainChunks = 64
	// copyTail is up to which size a queued run is copied into the queue's open
	// block, so that a small backlog does not pin large blocks.
	copyTail = 16 << 10
	// inlineFanout is up to how many destinations of one batch the reader
	// writes itself; wider batches go to the flushers unless a run is large.
	inlineFanout = 16
	inlineBytes  = 8 << 10
	// inlineRounds bounds how often a holder goes on with what others queued.
	inlineRounds = 2
	// SoftLimit is the backlog above which publishers wait a little.
	SoftLimit = 1 << 20
)

// Reasons with which an Out ends by itself.
var (
	ErrMaxPending    = errors.New("link: more bytes queued than allowed")
	ErrWriteDeadline = errors.New("link: write deadline exceeded")
)

// Limits bound an Out.
type Limits struct {
	MaxPending    int64         // bytes queued
	WriteDeadline time.Duration // for one drain step
	Retry         bool          // a missed deadline with progress is forgiven
}

// Owner is told, at most once and without any lock held, that an Out failed.
type Owner interface {
	OutFailed(out *Out, err error)
	// OutStalled is told of each missed write deadline; chunks and bytes are
	// what the step offered. recovered is set when a slow one has caught up.
	OutStalled(out *Out, chunks, bytes int, took time.Duration, recovered bool)
}

// Out is the outbound side of a connection: any goroutine may send to it.
// Whoever finds it idle acquires the right to write ("busy") and writes in its
// own goroutine without blocking; what the socket does not take is queued, and
// a goroutine drains the queue and ends when it is empty. The mutex is never
// held across a system call.
type Out struct {
	owner    Owner
	flushers *Flushers

	mu     sync.Mutex
	sink   sink
	limits Limits
	queue  []chunk
	head   int   // queue[head:] is waiting
	queued int64 // bytes in queue, and in the hands of the holder
	open   bool  // the queue's last block may be appended to
	busy   bool  // somebody has the right to write
	closed bool  // nothing is accepted any more
	failed bool  // the transport is of no use any more
	slow   bool  // missed a deadline and was forgiven
	idle   chan struct{}
	calm   chan struct{} // closed when the backlog falls below the soft limit
	frozen bool          // drained nothing while publishers waited

	// Counters of what was accepted, guarded by mu.
	messages, payload int64
	sent              int64 // bytes the transport took
	stalls            int64
	active            int64 // time of the last run with messages

	scratch [][]byte // of the holder
}

func (o *Out) init(owner Owner, flushers *Flushers, s sink, limits Limits) {
	o.owner, o.flushers, o.sink, o.limits = owner, flushers, s, limits
}

// Send hands a run over and empties it. fanout is the number of destinations
// of the batch that it is part of, now the time of the batch (Unix, in
// nanoseconds), noted as activity if the run has messages. It reports whether the backlog is so long
// that the publisher should wait (Congested).
func (o *Out) Send(r *Run, fanout int, now int64) (congested bool) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		r.Discard()
		return false
	}
	// An empty queue takes any batch: its size is bounded by the publisher's
	// staging limit, and the socket may well accept it at once.
	if o.queued > 0 && o.queued+int64(r.Bytes) > o.limits.MaxPending {
		o.fail()
		o.mu.Unlock()
		r.Discard()
		o.owner.OutFailed(o, ErrMaxPending)
		return false
	}
	if r.Messages > 0 {
		o.active = now
	}
	o.messages += r.Messages
	o.payload += r.Payload
	if !o.busy && o.head == len(o.queue) && (fanout <= inlineFanout || r.Bytes >= inlineBytes) {
		o.busy = true
		o.push(r)
		o.drainInline()
		congested = o.congested()
		o.mu.Unlock()
		return congested
	}
	o.push(r)
	if !o.busy {
		o.busy = true
		o.flushers.add(o)
	}
	congested = o.congested()
	o.mu.Unlock()
	return congested
}

// Write queues a copy of b and flushes like Send does. It fails silently when
// the connection is closed, as every write to a closed connection does.
func (o *Out) Write(b []byte) {
	var r Run
	r.Append(b, nil)
	o.Send(&r, 1, 0)
}

// push moves a run into the queue. Called with mu held.
func (o *Out) push(r *Run) {
	o.queued += int64(r.Bytes)
	if o.head == len(o.queue) {
		o.queue, o.head, o.open = o.queue[:0], 0, false
	}
	if r.Bytes <= copyTail && o.open && len(r.chunks) > 0 {
		last := &o.queue[len(o.queue)-1]
		if last.end+r.Bytes <= len(last.block.Bytes) {
			for _, c := range r.chunks {
				last.end += copy(last.block.Bytes[last.end:], c.bytes())
				c.block.Release()
			}
			r.reset()
			return
		}
	}
	o.queue = append(o.queue, r.chunks...)
	o.open = r.open
	r.reset()
}

// take hands the next step's chunks to the holder. Called with mu held.
func (o *Out) take() []chunk {
	step, bytes := o.head, 0
	for step < len(o.queue) && step-o.head < drainChunks && bytes < drainBytes {
		bytes += o.queue[step].end - o.queue[step].start
		step++
	}
	if step == len(o.queue) {
		o.open = false
	}
	return o.queue[o.head:step]
}

// gather lists the bytes of the chunks in the holder's scratch space.
func (o *Out) gather(chunks []chunk) [][]byte {
	o.scratch = o.scratch[:0]
	for _, c := range chunks {
		o.scratch = append(o.scratch, c.bytes())
	}
	return o.scratch
}

// wrote takes n written bytes off the queue. Called with mu held.
func (o *Out) wrote(n int) {
	clear(o.scratch) // an idle connection must not pin blocks
	o.queued -= int64(n)
	o.sent += int64(n)
	if n > 0 {
		o.frozen = false
	}
	for n > 0 {
		c := &o.queue[o.head]
		if length := c.end - c.start; n >= length {
			n -= length
			c.block.Release()
			*c = chunk{}
			o.head++
			continue
		}
		c.start += n
		n = 0
	}
	if o.head == len(o.queue) {
		if cap(o.queue) > 4*drainChunks {
			o.queue = nil
		}
		o.queue, o.head, o.open = o.queue[:0], 0, false
	}
	if o.calm != nil && o.queued < o.softLimit() {
		close(o.calm)
		o.calm = nil
	}
}

// drainInline writes without blocking and gives the right to write back, or
// passes it to a draining goroutine. Called with mu and the right to write.
func (o *Out) drainInline() {
	for round := 0; o.head < len(o.queue) && !o.failed; round++ {
		if round == inlineRounds {
			o.flushers.add(o)
			return
		}
		bufs := o.gather(o.take())
		o.mu.Unlock()
		n, blocked, err := o.sink.try(bufs)
		o.mu.Lock()
		if o.failed {
			break
		}
		o.wrote(n)
		if err != nil {
			o.breakDown(err)
			break
		}
		if blocked {
			go o.drain()
			return
		}
	}
	o.yield()
}

// drain writes until the queue is empty, waiting where it must. It owns the
// right to write.
func (o *Out) drain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.failed {
		// An empty step lets the transport write what it holds back itself.
		chunks := o.take()
		bufs := o.gather(chunks)
		limits := o.limits
		bytes := size(bufs)
		o.mu.Unlock()
		started := time.Now()
		n, err := o.sink.wait(bufs, started.Add(limits.WriteDeadline))
		o.mu.Lock()
		if o.failed {
			break
		}
		o.wrote(n)
		if err != nil && !o.forgive(err, n, len(chunks), bytes, time.Since(started)) {
			break
		}
		if err == nil && o.slow {
			o.slow = false
			o.mu.Unlock()
			o.owner.OutStalled(o, len(chunks), bytes, time.Since(started), true)
			o.mu.Lock()
		}
		if err == nil && o.head == len(o.queue) {
			break
		}
	}
	o.yield()
}

// forgive decides about a failed step. Called with mu held, returns with it.
func (o *Out) forgive(err error, n, chunks, bytes int, took time.Duration) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		o.breakDown(err)
		return false
	}
	retry := o.limits.Retry && n > 0 && !o.closed
	o.slow = true
	if !retry {
		o.fail()
	}
	o.mu.Unlock()
	o.owner.OutStalled(o, chunks, bytes, took, false)
	if !retry {
		o.owner.OutFailed(o, ErrWriteDeadline)
	}
	o.mu.Lock()
	return retry
}

// breakDown ends the Out after a transport error. Called with mu held.
func (o *Out) breakDown(err error) {
	o.fail()
	o.mu.Unlock()
	o.owner.OutFailed(o, err)
	o.mu.Lock()
}

// yield gives up the right to write. Called with mu held.
func (o *Out) yield() {
	o.busy = false
	if o.failed {
		o.drop()
	}
	if o.idle != nil && (o.failed || o.head == len(o.queue)) {
		close(o.idle)
		o.idle = nil
	}
}

// fail refuses everything from now on. The holder, if any, drops the queue when
// it comes back. Called with mu held.
func (o *Out) fail() {
	o.closed, o.failed = true, true
	if o.calm != nil {
		close(o.calm)
		o.calm = nil
	}
	if !o.busy {
		o.drop()
	}
}

// drop releases the queue. Called with mu held while nobody is writing.
func (o *Out) drop() {
	for _, c := range o.queue[o.head:] {
		c.block.Release()
	}
	o.queue, o.head, o.queued, o.scratch = nil, 0, 0, nil
}

// Finish refuses further sends and returns a channel that is closed once what
// was queued is written, or cannot be. A nil channel means: nothing is queued.
func (o *Out) Finish() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if o.failed || (!o.busy && o.head == len(o.queue)) {
		return nil
	}
	if o.idle == nil {
		o.idle = make(chan struct{})
	}
	return o.idle
}

// Abort drops what is queued and refuses further sends.
func (o *Out) Abort() {
	o.mu.Lock()
	if !o.failed {
		o.fail()
	}
	if o.idle != nil && !o.busy {
		close(o.idle)
		o.idle = nil
	}
	o.mu.Unlock()
}

// kick makes a draining goroutine write what the transport holds back.
func (o *Out) kick() {
	o.mu.Lock()
	if !o.busy && !o.failed {
		o.busy = true
		go o.drain()
	}
	o.mu.Unlock()
}

// replace changes the transport while nobody is writing: after a handshake.
func (o *Out) replace(s sink) {
	o.mu.Lock()
	o.sink = s
	o.mu.Unlock()
}

// SetLimits changes the limits for what comes.
func (o *Out) SetLimits(l Limits) {
	o.mu.Lock()
	o.limits = l
	o.mu.Unlock()
}

// softLimit is the backlog above which publishers wait. Called with mu held.
func (o *Out) softLimit() int64 { return min(SoftLimit, o.limits.MaxPending*3/4) }

// congested reports whether publishers should wait. Called with mu held.
func (o *Out) congested() bool {
	return o.queued > o.softLimit() && !o.frozen && !o.failed
}

// AwaitCalm waits until the backlog is short again or the timer fires. A
// destination that drained nothing meanwhile is not waited for again until it
// moves: one dead subscriber must not tax every publisher. It reports whether
// it waited.
func (o *Out) AwaitCalm(timeout <-chan time.Time) (waited bool) {
	o.mu.Lock()
	if !o.congested() {
		o.mu.Unlock()
		return false
	}
	if o.calm == nil {
		o.calm = make(chan struct{})
	}
	calm, before := o.calm, o.sent
	o.mu.Unlock()
	select {
	case <-calm:
		return true
	case <-timeout:
	}
	o.mu.Lock()
	if o.sent == before {
		o.frozen = true
	}
	o.mu.Unlock()
	return true
}

// Closed reports whether nothing is accepted any more.
func (o *Out) Closed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

// Crowded reports whether the backlog exceeds three quarters of its bound.
func (o *Out) Crowded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queued > o.limits.MaxPending*3/4
}

// CountStall notes that a publisher waited for this destination.
func (o *Out) CountStall() {
	o.mu.Lock()
	o.stalls++
	o.mu.Unlock()
}

// OutStats are the counters of an Out at one moment.
type OutStats struct {
	Messages, Payload int64 // accepted for sending
	Queued            int64 // bytes waiting
	Stalls            int64
	Active            int64 // Unix nanoseconds of the last message, 0 if none
}

// Stats returns the counters.
func (o *Out) Stats() OutStats {
	o.mu.Lock()
	defer o.mu.Unlock()
	return OutStats{Messages: o.messages, Payload: o.payload, Queued: o.queued, Stalls: o.stalls, Active: o.active}
}

// acquire waits until nobody writes and takes the right to write, so that sends
// queue up until giveBack.
func (o *Out) acquire() {
	for {
		o.mu.Lock()
		if !o.busy {
			o.busy = true
			o.mu.Unlock()
			return
		}
		if o.idle == nil {
			o.idle = make(chan struct{})
		}
		idle := o.idle
		o.mu.Unlock()
		<-idle
	}
}

// giveBack returns the right to write and writes what was queued meanwhile.
func (o *Out) giveBack() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drainInline()
}
