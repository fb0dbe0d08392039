package broker

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/godwit-mq/godwit/internal/interest"
	"github.com/godwit-mq/godwit/internal/link"
	"github.com/godwit-mq/godwit/internal/wire"
)

const (
	// cacheSlots is the size of a publisher's direct-mapped subject cache.
	cacheSlots = 256
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

// Publisher routes what one connection publishes. It is owned by the goroutine
// that reads from the connection. A batch is everything between two calls of
// Flush: interest is looked up once per distinct subject, and each destination
// gets its messages of the batch in one piece.
type Publisher struct {
	self    *Receiver
	account *Account
	checker Checker
	random  rand.PCG

	// own is the run of the connection's own answers, in order with the
	// messages that it is sent.
	own *stage

	reader  interest.Reader[*Subscription]
	locked  bool
	gen     uint64
	cache   *cache
	scratch Entry // for subjects that are not admitted
	matches interest.Matches[*Subscription]
	spare   []*Entry
	last    *Entry

	stages    map[*link.Out]*stage
	dirty     []*stage
	free      []*stage
	staged    int
	block     *link.Block // of the batch; for payloads by reference
	now       int64       // of the batch
	prefix    []byte      // under construction
	internal  []delivery
	exhausted []*Subscription
	crowded   []*link.Out

	// Of the batch, moved to the shared counters by Flush.
	inMsgs, inBytes   int64
	outMsgs, outBytes int64
	lookups           Lookups

	// In counts what the connection published; any goroutine may read it.
	In struct{ Messages, Payload atomic.Int64 }
	// OnStall is told that the connection was made to wait.
	OnStall func(waited time.Duration)
	// DropCrowded drops messages for crowded destinations instead of waiting.
	DropCrowded bool
	// NoCache looks every subject up anew.
	NoCache bool
	// Trace tells receivers what they are sent.
	Trace bool
}

// cache remembers resolved subjects; made at the first publish.
type cache struct {
	entries [cacheSlots]*Entry
	missed  [cacheSlots]uint32 // hashes seen once: admission on the second miss
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
	p := &Publisher{self: self, account: account, checker: checker}
	p.random.Seed(rand.Uint64(), rand.Uint64())
	if self.Out != nil {
		p.own = &stage{to: self.Out}
	}
	return p
}

// Account returns the account that messages are published in.
func (p *Publisher) Account() *Account { return p.account }

// Rebind moves the publisher to another account or to changed permissions.
func (p *Publisher) Rebind(account *Account) {
	p.Forget()
	p.account = account
}

// Begin starts a batch whose messages lie in block. now is in Unix nanoseconds.
func (p *Publisher) Begin(block *link.Block, now int64) { p.block, p.now = block, now }

// Holding reports whether the publisher holds the lock on the interest, which
// must be given up with Flush before the interest is changed.
func (p *Publisher) Holding() bool { return p.locked }

// Answer adds a line to the connection's own output.
func (p *Publisher) Answer(line string) {
	dst := p.own.run.Reserve(len(line))
	copy(dst, line)
}

// LastSubject is the subject that was published last, for the parser.
func (p *Publisher) LastSubject() string {
	if p.last == nil {
		return ""
	}
	return p.last.subject
}

// Lookup finds the permissions and destinations of a command's subject. The
// entry is valid until the next call of Lookup or Flush.
func (p *Publisher) Lookup(cmd *wire.Command) *Entry {
	if !p.locked {
		p.lock()
	}
	p.lookups.Total++
	if cmd.SameSubject && p.last != nil {
		p.lookups.Hits++
		return p.last
	}
	hash := hashOf(cmd.Subject)
	slot := hash % cacheSlots
	if p.cache != nil {
		if e := p.cache.entries[slot]; e != nil && e.subject == string(cmd.Subject) {
			p.last = e
			p.lookups.Hits++
			return e
		}
	}
	return p.miss(cmd.Subject, hash)
}

// lock takes the read lock on the interest and drops what has become stale.
func (p *Publisher) lock() {
	p.reader = p.account.index.Reader()
	p.locked = true
	if gen := p.reader.Generation(); gen != p.gen {
		p.forget()
		p.gen = gen
	}
}

// miss resolves a subject and admits it to the cache if it was missed before.
func (p *Publisher) miss(subject []byte, hash uint32) *Entry {
	p.last = nil
	slot := hash % cacheSlots
	if p.cache == nil {
		p.cache = new(cache)
	}
	if p.cache.missed[slot] != hash || p.NoCache {
		p.cache.missed[slot] = hash
		p.resolve(&p.scratch, subject)
		return &p.scratch
	}
	e := p.cache.entries[slot]
	if e == nil {
		if n := len(p.spare); n > 0 {
			e, p.spare = p.spare[n-1], p.spare[:n-1]
		} else {
			e = new(Entry)
		}
		p.cache.entries[slot] = e
		p.lookups.Cached++
	}
	p.lookups.Fanout -= e.fanout()
	e.subject = string(subject)
	p.resolve(e, subject)
	p.lookups.Fanout += e.fanout()
	p.last = e
	return e
}

// forget drops every cached result: it may name connections that are gone.
// There is nothing staged when it is called.
func (p *Publisher) forget() {
	p.last = nil
	if p.cache != nil {
		for i, e := range p.cache.entries {
			if e != nil {
				p.lookups.Fanout -= e.fanout()
				e.reset()
				e.subject = ""
				p.spare = append(p.spare, e)
				p.cache.entries[i] = nil
				p.lookups.Cached--
			}
		}
	}
	p.scratch.reset()
	p.matches.Reset()
	for out, s := range p.stages {
		delete(p.stages, out)
		s.to, s.sub = nil, nil
		p.free = append(p.free, s)
	}
	if len(p.free) > cacheSlots {
		p.free = nil
	}
}

// Forget drops cached results, for instance because permissions changed.
func (p *Publisher) Forget() {
	p.Flush()
	p.forget()
	p.account.countLookups(&p.lookups)
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
// what it is owed, the connection's own answers last, so that an answer never
// overtakes the delivery that it confirms.
func (p *Publisher) Flush() {
	if p.locked {
		p.reader.Release()
		p.locked = false
	}
	if p.inMsgs > 0 {
		p.In.Messages.Add(p.inMsgs)
		p.In.Payload.Add(p.inBytes)
		p.account.inMsgs.Add(p.inMsgs)
		p.account.inBytes.Add(p.inBytes)
		p.inMsgs, p.inBytes = 0, 0
	}
	if p.lookups != (Lookups{}) {
		p.account.countLookups(&p.lookups)
	}
	for i, s := range p.dirty {
		p.dirty[i] = nil
		p.send(s, len(p.dirty))
	}
	p.dirty = p.dirty[:0]
	p.staged = 0
	if p.outMsgs > 0 {
		p.account.outMsgs.Add(p.outMsgs)
		p.account.outBytes.Add(p.outBytes)
		p.outMsgs, p.outBytes = 0, 0
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
