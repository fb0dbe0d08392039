package broker

import (
	"sync"
	"sync/atomic"

	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/interest"
	"github.com/godwit-mq/godwit/internal/transform"
)

// Node is what accounts have to know of the server that they are on.
type Node struct {
	Name    string
	Cluster string
	Hash    string // of the name, 8 characters
	// System is the system account, nil if there is none.
	System *Account
	// Describe describes the server in events; nil leaves it out.
	Describe func() events.Server
}

// Account is a subject space: nothing crosses from one to another by itself.
// Its methods may be called from any goroutine.
type Account struct {
	Name  string
	node  *Node
	index *interest.Index[*Subscription]

	// mappings rename what the account's connections publish.
	mappings atomic.Pointer[transform.Mappings]

	// interest guards the imports and serializes changes of the index, so that
	// both fit. It is taken before the index's lock, never after.
	interest sync.Mutex
	streams  []*streamImport
	services []*serviceImport
	shadows  map[*Subscription][]*Subscription

	responses responses
	trace     atomic.Pointer[TraceTarget]

	sending sync.Mutex
	sender  *Sender // made when first asked for

	// Traffic counters, updated once per batch.
	inMsgs, inBytes   atomic.Int64
	outMsgs, outBytes atomic.Int64
	slowConsumers     atomic.Int64

	// Lookups of subjects, updated once per batch.
	lookups, hits, cached atomic.Int64
	fanout, fanoutMax     atomic.Int64
}

// NewAccount returns an account without any interest. A nil node is that of a
// server without a name.
func NewAccount(name string, node *Node) *Account {
	if node == nil {
		node = &Node{}
	}
	a := &Account{Name: name, node: node, index: interest.New[*Subscription]()}
	a.responses.account = a
	return a
}

// Index returns the account's interest, for monitoring.
func (a *Account) Index() *interest.Index[*Subscription] { return a.index }

// Change is a subscription to add or to remove.
type Change struct {
	Sub    *Subscription
	Remove bool
}

// Apply adds and removes subscriptions, in order and under one lock. To remove
// one that is not there is no error: it may have run out at the same moment. The
// first error is returned, when all that could be done has been done.
func (a *Account) Apply(changes []Change) error {
	for _, c := range changes {
		if c.Remove {
			c.Sub.max.Or(gone) // the index's lock may have to be waited for
		}
	}
	a.interest.Lock()
	var first error
	w := a.index.Writer()
	for _, c := range changes {
		if c.Remove {
			w.Remove(c.Sub.Subject, c.Sub.Queue, c.Sub) // see above
			continue
		}
		if err := w.Insert(c.Sub.Subject, c.Sub.Queue, 1, c.Sub); err != nil && first == nil {
			first = err
		}
	}
	w.Release()
	if len(a.streams)+len(a.shadows) > 0 {
		a.castShadows(changes)
	}
	a.interest.Unlock()
	if a.responses.awaited.Load() > 0 {
		a.responses.interestChanged(changes)
	}
	return first
}

// Subscribe adds subscriptions.
func (a *Account) Subscribe(subs ...*Subscription) error { return a.Apply(changesOf(subs, false)) }

// Unsubscribe removes subscriptions.
func (a *Account) Unsubscribe(subs ...*Subscription) { a.Apply(changesOf(subs, true)) }

func changesOf(subs []*Subscription, remove bool) []Change {
	changes := make([]Change, len(subs))
	for i, s := range subs {
		changes[i] = Change{s, remove}
	}
	return changes
}

// Sender returns the sender of messages that the server itself publishes in the
// account.
func (a *Account) Sender() *Sender {
	a.sending.Lock()
	defer a.sending.Unlock()
	if a.sender == nil {
		a.sender = NewSender(a, nil)
	}
	return a.sender
}

// SetMappings replaces the mappings of subjects; nil means none.
func (a *Account) SetMappings(m *transform.Mappings) {
	if a.mappings.Swap(m) != m {
		a.index.Touch()
	}
}

// Mappings are the mappings in force, nil if there are none.
func (a *Account) Mappings() *transform.Mappings { return a.mappings.Load() }

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
