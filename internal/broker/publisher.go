package broker

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/interest"
	"github.com/godwit-mq/godwit/internal/link"
	"github.com/godwit-mq/godwit/internal/wire"
)

const (
	// maxStaged bounds the bytes that one batch holds back, checked between
	// operations.
	maxStaged = 1 << 20
	// shareFrom is from which size payloads are passed on by reference.
	shareFrom = 4 << 10
	// maxStall is how long a publisher waits, per batch, for crowded
	// destinations.
	maxStall = 10 * time.Millisecond
)

// Verdict is what a connection's permissions say about a subject.
type Verdict uint8

// Verdicts about publishing.
const (
	Allowed Verdict = iota
	Denied
	// Ask: the connection must be asked for this very message.
	Ask
)

// Checker decides what a publisher may do. Verdicts are cached per subject.
type Checker interface {
	Check(subject []byte) Verdict
}

// Requestor tells who publishes, for those who are asked to serve.
type Requestor interface {
	// Describe returns the connection's description; if not in full, at least its
	// account and round-trip time. It is called on the publisher's goroutine.
	Describe(full bool) events.Client
}

// Publisher routes what one connection publishes. It is owned by the goroutine
// that reads from the connection. A batch is everything between two calls of
// Flush: interest is looked up once per distinct subject, and each destination
// gets its messages of the batch in one piece.
type Publisher struct {
	self    *Receiver
	checker Checker
	random  rand.PCG

	// own is the run of the connection's own answers, in order with the
	// messages that it is sent.
	own *stage

	home    view
	views   map[*Account]*view // of foreign accounts
	held    *view              // whose interest is locked
	nothing *Entry             // of a message that a mapping lost
	matches interest.Matches[*Subscription]
	spare   []*Entry

	stages    map[*link.Out]*stage
	dirty     []*stage
	free      []*stage
	staged    int
	block     *link.Block // of the batch; for payloads by reference
	now       int64       // of the batch
	prefix    []byte      // under construction
	as        string      // that receivers see in place of the subject
	alias     []byte      // beginning of a line with it
	internal  []delivery
	exhausted []*Subscription
	crowded   []*link.Out

	crossings []crossing // to other accounts, at the end of the batch
	answers   []byte     // of the connection, to be given when they are through
	carried   []byte     // bytes of messages that imports rewrote
	later     []func()   // to be done when nothing is locked
	tracing   *tracing   // of the message that is being published; nil: not traced
	traced    *Entry     // of that message

	// Of the batch, moved to the shared counters by Flush.
	inMsgs, inBytes int64

	// In counts what the connection published; any goroutine may read it.
	In struct{ Messages, Payload atomic.Int64 }
	// Requestor describes the connection; nil if there is none.
	Requestor Requestor
	// OnStall is told that the connection was made to wait.
	OnStall func(waited time.Duration)
	// DropCrowded drops messages for crowded destinations instead of waiting.
	DropCrowded bool
	// NoCache looks every subject up anew.
	NoCache bool
	// Trace tells receivers what they are sent.
	Trace bool
}

// stage is what a batch has for one destination.
type stage struct {
	to  *link.Out
	run link.Run

	// Deliveries not yet added to the subscription's counter.
	sub   *Subscription
	count int64
}

// delivery is a message for an internal receiver.
type delivery struct {
	sub *Subscription
	msg *Message
}

// NewPublisher returns the publisher of a connection.
func NewPublisher(self *Receiver, account *Account, checker Checker) *Publisher {
	p := &Publisher{self: self, checker: checker}
	p.home.account = account
	p.random.Seed(rand.Uint64(), rand.Uint64())
	if self.Out != nil {
		p.own = &stage{to: self.Out}
	}
	return p
}

// Account returns the account that messages are published in.
func (p *Publisher) Account() *Account { return p.home.account }

// Rebind moves the publisher to another account or to changed permissions.
func (p *Publisher) Rebind(account *Account) {
	p.Forget()
	p.home.account = account
	p.home.gen = 0
}

// Begin starts a batch whose messages lie in block. now is in Unix nanoseconds.
func (p *Publisher) Begin(block *link.Block, now int64) { p.block, p.now = block, now }

// Holding reports whether the publisher holds the lock on the interest, which
// must be given up with Flush before the interest is changed.
func (p *Publisher) Holding() bool { return p.held != nil }

// Answer adds a line to the connection's own output. Behind messages that cross to
// other accounts at the end of the batch it waits for what they bring back.
func (p *Publisher) Answer(line string) {
	if len(p.crossings) > 0 {
		p.answers = append(p.answers, line...)
		return
	}
	dst := p.own.run.Reserve(len(line))
	copy(dst, line)
}

// LastSubject is the subject that was published last, for the parser.
func (p *Publisher) LastSubject() string {
	if p.home.last == nil {
		return ""
	}
	return p.home.last.subject
}

// Lookup finds the permissions and destinations of a command's subject, after
// the account's mappings. The entry is valid until the next call of Lookup or
// Flush.
func (p *Publisher) Lookup(cmd *wire.Command) *Entry {
	if p.held == nil {
		p.lock(&p.home)
	}
	p.home.lookups.Total++
	if cmd.SameSubject && p.home.last != nil && p.tracing == nil {
		p.home.lookups.Hits++
		return p.home.last
	}
	p.home.last = nil
	e := p.find(&p.home, cmd.Subject, false)
	if e.mapping != nil {
		return p.choose(&p.home, e, cmd)
	}
	if e != p.home.scratch && e != p.traced {
		p.home.last = e
	}
	return e
}

// Forget drops cached results, for instance because permissions changed.
func (p *Publisher) Forget() {
	p.Flush()
	p.forget()
	p.home.settle()
	for _, v := range p.views {
		v.settle()
	}
	clear(p.views)
}

// stageFor returns the stage of a destination.
func (p *Publisher) stageFor(out *link.Out) *stage {
	if p.own != nil && out == p.own.to {
		return p.own
	}
	if s := p.stages[out]; s != nil {
		return s
	}
	var s *stage
	if n := len(p.free); n > 0 {
		s, p.free = p.free[n-1], p.free[:n-1]
	} else {
		s = new(stage)
	}
	s.to = out
	if p.stages == nil {
		p.stages = make(map[*link.Out]*stage)
	}
	p.stages[out] = s
	return s
}

// Full reports whether enough is staged that it should be flushed before the
// next operation.
func (p *Publisher) Full() bool { return p.staged > maxStaged }

// Flush ends the batch: it releases the interest and hands every destination
// what it is owed, then carries over what crosses to other accounts. The
// connection's own answers go last, so that an answer never overtakes the
// delivery that it confirms.
func (p *Publisher) Flush() {
	p.release()
	if p.inMsgs > 0 {
		p.In.Messages.Add(p.inMsgs)
		p.In.Payload.Add(p.inBytes)
		p.home.account.inMsgs.Add(p.inMsgs)
		p.home.account.inBytes.Add(p.inBytes)
		p.inMsgs, p.inBytes = 0, 0
	}
	p.sendDirty()
	if len(p.crossings) > 0 {
		p.cross()
	}
	if len(p.answers) > 0 {
		copy(p.own.run.Reserve(len(p.answers)), p.answers)
		p.answers = p.answers[:0]
	}
	p.home.settle()
	if len(p.later) > 0 {
		p.doLater()
	}
	if len(p.internal) > 0 {
		p.handleInternal()
	}
	if p.own != nil && !p.own.run.Empty() {
		p.send(p.own, 1)
	}
	if len(p.exhausted) > 0 {
		p.retire()
	}
	if len(p.crowded) > 0 {
		p.stall()
	}
}

// sendDirty hands every other destination what is staged for it. No lock is held.
func (p *Publisher) sendDirty() {
	for i, s := range p.dirty {
		p.dirty[i] = nil
		p.send(s, len(p.dirty))
	}
	p.dirty = p.dirty[:0]
	p.staged = 0
}

func (p *Publisher) send(s *stage, fanout int) {
	s.settle()
	if s.to.Send(&s.run, fanout, p.now) {
		p.crowded = append(p.crowded, s.to)
	}
}

// settle adds the counted deliveries to the subscription.
func (s *stage) settle() {
	if s.count > 0 {
		s.sub.delivered.Add(s.count)
		s.count = 0
	}
	s.sub = nil
}

func (p *Publisher) handleInternal() {
	list := p.internal
	p.internal = nil
	for _, d := range list {
		d.sub.To.Handle(d.sub, d.msg)
	}
}

// retire removes subscriptions that got their last message.
func (p *Publisher) retire() {
	for _, s := range p.exhausted {
		s.To.Exhausted(s)
	}
	clear(p.exhausted)
	p.exhausted = p.exhausted[:0]
}

// stall waits a little for destinations whose backlog is long.
func (p *Publisher) stall() {
	started := time.Now()
	if !p.DropCrowded {
		timer := time.NewTimer(maxStall)
		counted := false
		for _, out := range p.crowded {
			crowded := out.Crowded()
			if out.AwaitCalm(timer.C) && crowded {
				out.CountStall()
				counted = true
			}
			if time.Since(started) >= maxStall {
				break
			}
		}
		timer.Stop()
		if counted && p.OnStall != nil {
			p.OnStall(time.Since(started))
		}
	}
	clear(p.crowded)
	p.crowded = p.crowded[:0]
}

// hashOf is FNV-1a over the bytes, folded once more so that short subjects that
// differ in the last byte spread over the cache.
func hashOf(b []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	return h ^ h>>15
}
