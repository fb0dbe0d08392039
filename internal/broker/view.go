package broker

import (
	"github.com/godwit-mq/godwit/internal/interest"
	"github.com/godwit-mq/godwit/internal/transform"
	"github.com/godwit-mq/godwit/internal/wire"
)

const (
	// homeSlots and foreignSlots are the sizes of direct-mapped subject caches.
	homeSlots    = 256
	foreignSlots = 32
	// maxViews is how many foreign accounts a publisher remembers.
	maxViews = 32
	// maxStages is how many destinations, which may be gone, a publisher remembers
	// when the interest of a foreign account changes.
	maxStages = 256
)

// view is a publisher's sight of one account: its interest, locked for the time
// of a batch, and the subjects that were resolved so far. The home view is that
// of the connection's own account; foreign ones are reached by imports, and
// there permissions do not count and stream imports are not followed again.
type view struct {
	account *Account
	foreign bool
	reader  interest.Reader[*Subscription]
	gen     uint64
	entries []*Entry
	missed  []uint32 // hashes seen once: admission on the second miss
	scratch *Entry   // for subjects that are not admitted; made when needed
	chosen  *Entry   // likewise, for what a mapping chose
	last    *Entry

	// Of the batch, moved to the shared counters by settle.
	outMsgs, outBytes int64
	lookups           Lookups
}

// lock takes the read lock on a view's interest and drops what has become stale.
// The publisher holds at most one lock at a time, and nothing may be staged when
// results are dropped: they name the stages.
func (p *Publisher) lock(v *view) {
	if p.held == v {
		return
	}
	p.release()
	for {
		if v.account.index.Generation() != v.gen {
			p.sendDirty()
		}
		v.reader = v.account.index.Reader()
		gen := v.reader.Generation()
		if gen == v.gen {
			break
		}
		if len(p.dirty) == 0 {
			p.refresh(v)
			v.gen = gen
			break
		}
		v.reader.Release() // it changed just now
	}
	p.held = v
}

// release gives back the lock that is held, if any.
func (p *Publisher) release() {
	if p.held != nil {
		p.held.reader.Release()
		p.held = nil
	}
}

// foreign returns the view of another account.
func (p *Publisher) foreign(a *Account) *view {
	if v := p.views[a]; v != nil {
		return v
	}
	if len(p.views) >= maxViews {
		p.release()
		p.sendDirty()
		p.forget()
		clear(p.views)
	}
	v := &view{account: a, foreign: true}
	if p.views == nil {
		p.views = make(map[*Account]*view)
	}
	p.views[a] = v
	return v
}

// find resolves a subject in a locked view, or finds it resolved. mapped tells
// that the account's mappings do not apply (any more).
func (p *Publisher) find(v *view, subject []byte, mapped bool) *Entry {
	if p.tracing != nil { // what a cached result leaves out has to be shown
		p.resolve(v, made(&p.traced), subject, mapped)
		return p.traced
	}
	hash := hashOf(subject)
	if mapped {
		hash = ^hash
	}
	if n := uint32(len(v.entries)); n > 0 {
		if e := v.entries[hash%n]; e != nil && e.mapped == mapped && e.subject == string(subject) {
			v.lookups.Hits++
			return e
		}
	}
	return p.miss(v, subject, hash, mapped)
}

// miss resolves a subject and admits it to the cache if it was missed before.
func (p *Publisher) miss(v *view, subject []byte, hash uint32, mapped bool) *Entry {
	if v.entries == nil {
		n := homeSlots
		if v.foreign {
			n = foreignSlots
		}
		v.entries, v.missed = make([]*Entry, n), make([]uint32, n)
	}
	slot := hash % uint32(len(v.entries))
	if v.missed[slot] != hash || p.NoCache {
		v.missed[slot] = hash
		e := made(&v.scratch)
		if mapped {
			e = made(&v.chosen)
		}
		p.resolve(v, e, subject, mapped)
		return e
	}
	e := v.entries[slot]
	if e == nil {
		if n := len(p.spare); n > 0 {
			e, p.spare = p.spare[n-1], p.spare[:n-1]
		} else {
			e = new(Entry)
		}
		v.entries[slot] = e
		v.lookups.Cached++
	}
	v.lookups.Fanout -= e.fanout()
	e.subject, e.mapped = string(subject), mapped
	p.resolve(v, e, subject, mapped)
	v.lookups.Fanout += e.fanout()
	return e
}

// made returns an entry, which is made the first time.
func made(e **Entry) *Entry {
	if *e == nil {
		*e = new(Entry)
	}
	return *e
}

// choose follows a mapping whose outcome is not always the same.
func (p *Publisher) choose(v *view, e *Entry, cmd *wire.Command) *Entry {
	to, outcome := e.mapping.AppendTo(nil, cmd.Subject, p.node().Cluster, p.random.Uint64)
	switch outcome {
	case transform.Dropped:
		made(&p.nothing).reset()
		return p.nothing
	case transform.Unchanged:
		return p.find(v, cmd.Subject, true)
	}
	cmd.Subject = to
	if p.tracing != nil && !v.foreign {
		p.noteMapping(to)
	}
	return p.find(v, to, true)
}

func (p *Publisher) node() *Node { return p.home.account.node }

// refresh drops what has become stale with a view's interest. In a foreign account
// interest may change with every request, for its answer; what is known of the
// home account stays.
func (p *Publisher) refresh(v *view) {
	if v.foreign && len(p.stages) < maxStages {
		p.forgetView(v)
		return
	}
	p.forget()
}

// forget drops every cached result: it may name connections that are gone.
// There is nothing staged when it is called.
func (p *Publisher) forget() {
	p.forgetView(&p.home)
	for _, v := range p.views {
		p.forgetView(v)
	}
	p.traced = nil
	p.matches.Reset()
	for out, s := range p.stages {
		delete(p.stages, out)
		s.to, s.sub = nil, nil
		p.free = append(p.free, s)
	}
	if len(p.free) > homeSlots {
		p.free = nil
	}
}

func (p *Publisher) forgetView(v *view) {
	v.last = nil
	for i, e := range v.entries {
		if e != nil {
			v.lookups.Fanout -= e.fanout()
			v.lookups.Cached--
			e.reset()
			e.subject = ""
			p.spare = append(p.spare, e)
			v.entries[i] = nil
		}
	}
	if len(p.spare) > homeSlots {
		p.spare = nil
	}
	for _, e := range []*Entry{v.scratch, v.chosen} {
		if e != nil {
			e.reset()
		}
	}
}

// settle adds what was counted in a batch to the account's counters.
func (v *view) settle() {
	if v.lookups != (Lookups{}) {
		v.account.countLookups(&v.lookups)
	}
	if v.outMsgs > 0 {
		v.account.outMsgs.Add(v.outMsgs)
		v.account.outBytes.Add(v.outBytes)
		v.outMsgs, v.outBytes = 0, 0
	}
}
