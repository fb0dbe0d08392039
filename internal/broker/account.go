package broker

import (
	"sync/atomic"

	"github.com/godwit-mq/godwit/internal/interest"
)

// Account is a subject space: nothing crosses from one to another by itself.
// Its methods may be called from any goroutine.
type Account struct {
	Name  string
	index *interest.Index[*Subscription]

	// Traffic counters, updated once per batch.
	inMsgs, inBytes   atomic.Int64
	outMsgs, outBytes atomic.Int64
	slowConsumers     atomic.Int64

	// Lookups of subjects, updated once per batch.
	lookups, hits, cached atomic.Int64
	fanout, fanoutMax     atomic.Int64
}

// NewAccount returns an account without any interest.
func NewAccount(name string) *Account {
	return &Account{Name: name, index: interest.New[*Subscription]()}
}

// Index returns the account's interest, for monitoring.
func (a *Account) Index() *interest.Index[*Subscription] { return a.index }

// Subscribe adds subscriptions under one lock. The first error is returned and
// ends the operation.
func (a *Account) Subscribe(subs ...*Subscription) error {
	w := a.index.Writer()
	defer w.Release()
	for _, s := range subs {
		if err := w.Insert(s.Subject, s.Queue, 1, s); err != nil {
			return err
		}
	}
	return nil
}

// Unsubscribe removes subscriptions under one lock. One that is not there is
// no error: it may have run out at the same moment.
func (a *Account) Unsubscribe(subs ...*Subscription) {
	w := a.index.Writer()
	defer w.Release()
	for _, s := range subs {
		w.Remove(s.Subject, s.Queue, s) // see above
	}
}

// Traffic is what an account's connections sent and received.
type Traffic struct{ InMsgs, InBytes, OutMsgs, OutBytes int64 }

// Traffic returns the counters; In is what came from the account's connections.
func (a *Account) Traffic() Traffic {
	return Traffic{a.inMsgs.Load(), a.inBytes.Load(), a.outMsgs.Load(), a.outBytes.Load()}
}

// CountSlowConsumer notes that a connection of the account was too slow.
func (a *Account) CountSlowConsumer() { a.slowConsumers.Add(1) }

// SlowConsumers is how often that happened.
func (a *Account) SlowConsumers() int64 { return a.slowConsumers.Load() }

// Lookups tells how subjects were resolved.
type Lookups struct {
	Total     int64 // messages that were looked up
	Hits      int64 // of those, found in a publisher's cache
	Cached    int64 // subjects in the publishers' caches
	Fanout    int64 // receivers of all cached subjects together
	FanoutMax int64 // most receivers that a subject had
}

// Lookups returns the counters.
func (a *Account) Lookups() Lookups {
	return Lookups{a.lookups.Load(), a.hits.Load(), a.cached.Load(), a.fanout.Load(), a.fanoutMax.Load()}
}

// countLookups adds a batch's counters.
func (a *Account) countLookups(l *Lookups) {
	a.lookups.Add(l.Total)
	a.hits.Add(l.Hits)
	if l.Cached != 0 {
		a.cached.Add(l.Cached)
	}
	if l.Fanout != 0 {
		a.fanout.Add(l.Fanout)
	}
	for {
		highest := a.fanoutMax.Load()
		if l.FanoutMax <= highest || a.fanoutMax.CompareAndSwap(highest, l.FanoutMax) {
			break
		}
	}
	*l = Lookups{}
}
