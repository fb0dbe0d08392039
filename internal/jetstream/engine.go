package jetstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/catalog"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// Options configure an engine.
type Options struct {
	FS vfs.FS
	// Dir is where everything lies; it is made if needed.
	Dir     string
	Storage block.Options
	// MaxMemory and MaxStore bound what streams may reserve and use, in bytes.
	MaxMemory, MaxStore int64
	// Lenient ignores what it does not know in requests, instead of refusing it.
	Lenient bool
	// MaxPayload is that of messages, in bytes.
	MaxPayload int64
	// Server is the name of the server, Version that which clients are told.
	Server, Version string
	Log             logging.Logger
	// Now is the time; by default time.Now.
	Now func() time.Time
}

// An Engine runs JetStream for the accounts of one server. Any goroutine may use it.
type Engine struct {
	options Options
	node    *block.Node
	catalog *catalog.Catalog
	out     *outbox
	clock   *clock

	requests chan func()
	working  chan struct{} // closed when the worker has ended

	mu       sync.Mutex
	accounts map[string]*account // guarded by mu
}

// requestMost is how many API requests may wait.
const requestMost = 10_000

// An Enabled account may use JetStream.
type Enabled struct {
	Account *broker.Account
	Tiers   api.Tiers
}

// Open opens what is stored, and serves the accounts. What belongs to others stays as it
// is. It fails if the storage as a whole cannot be used; a stream that cannot be used is
// left out, and the log says why.
func Open(o Options, accounts []Enabled) (*Engine, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	node, recovery, err := block.Open(o.FS, o.Dir, o.Storage)
	if err != nil {
		return nil, err
	}
	for _, d := range recovery.Damage {
		o.Log.Errorf("JetStream journal is damaged: %v", d)
	}
	e := &Engine{
		options: o, node: node, out: newOutbox(), clock: newClock(o.Now), accounts: make(map[string]*account),
		requests: make(chan func(), requestMost), working: make(chan struct{}),
	}
	if err := e.open(accounts); err != nil {
		e.out.close()
		e.clock.close()
		return nil, errors.Join(err, node.Close())
	}
	go e.work()
	for _, a := range e.accounts {
		if err := a.serve(); err != nil {
			return nil, errors.Join(err, e.Close())
		}
	}
	return e, nil
}

// open loads what is stored and brings it up to date.
func (e *Engine) open(accounts []Enabled) error {
	ids, err := e.node.Streams()
	if err != nil {
		return err
	}
	o := catalog.Options{Cipher: e.options.Storage.Cipher, OldCiphers: e.options.Storage.OldCiphers}
	for _, id := range ids {
		o.Highest = max(o.Highest, catalog.ID(id))
	}
	for _, g := range e.node.Journal().Groups() {
		o.Highest = max(o.Highest, catalog.ID(g.Group))
	}
	var found catalog.Recovery
	if e.catalog, found, err = catalog.Open(e.options.FS, e.options.Dir, o); err != nil {
		return err
	}
	for _, d := range found.Damage {
		e.options.Log.Errorf("JetStream catalog is damaged: %v", d)
	}
	for _, enabled := range accounts {
		a := newAccount(e, enabled)
		e.accounts[enabled.Account.Name] = a
	}
	for _, asset := range e.catalog.All() {
		if a := e.accounts[asset.Account]; a != nil && asset.Kind == catalog.Stream {
			a.load(asset)
		}
	}
	if err := e.node.Recover(); err != nil {
		return err
	}
	for _, a := range e.accounts {
		a.restore()
	}
	e.forgetDropped()
	return nil
}

// forgetDropped finishes deletions that were cut short.
func (e *Engine) forgetDropped() {
	for _, asset := range e.catalog.Dropped() {
		err := e.node.Delete(block.ID(asset.ID))
		if err == nil {
			err = e.catalog.Forget(asset.ID)
		}
		if err != nil {
			e.options.Log.Errorf("JetStream cannot delete what is left of %q: %v", asset.Name, err)
		}
	}
}

func (e *Engine) now() int64 { return e.options.Now().UnixNano() }

// work carries API requests out, one after the other.
func (e *Engine) work() {
	defer close(e.working)
	for fn := range e.requests {
		fn()
	}
}

// Close stops everything and leaves the storage so that the next start is quick.
func (e *Engine) Close() error {
	e.mu.Lock()
	accounts := e.accounts
	e.accounts = nil
	e.mu.Unlock()
	for _, a := range accounts {
		a.stop()
	}
	close(e.requests)
	<-e.working
	e.clock.close()
	var failure error
	for _, a := range accounts {
		failure = errors.Join(failure, a.close())
	}
	failure = errors.Join(failure, e.node.Journal().Sync())
	e.out.close()
	return errors.Join(failure, e.catalog.Close(), e.node.Close())
}

// A Usage is what is stored, for monitoring.
type Usage struct {
	Streams, Consumers     int
	Messages, Memory, File uint64 // memory and file are bytes
	// ReservedMemory and ReservedFile are bytes that streams may take.
	ReservedMemory, ReservedFile int64
	// Requests are those of the API, FailedRequests the ones that were refused.
	Requests, FailedRequests uint64
}

// Usage sums up the streams of all accounts.
func (e *Engine) Usage() (u Usage) {
	for _, a := range e.list() {
		u.add(a.usage())
	}
	return u
}

func (e *Engine) list() []*account {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Values(e.accounts))
}

func (u *Usage) add(more Usage) {
	u.Streams += more.Streams
	u.Consumers += more.Consumers
	u.Messages += more.Messages
	u.Memory += more.Memory
	u.File += more.File
	u.ReservedMemory += more.ReservedMemory
	u.ReservedFile += more.ReservedFile
	u.Requests += more.Requests
	u.FailedRequests += more.FailedRequests
}

func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil { // none of the types of package api can fail
		return fmt.Appendf(nil, `{"error":{"code":500,"description":%q}}`, err.Error())
	}
	return body
}

const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// randomName is a name for what has none.
func randomName() string {
	name := make([]byte, 8)
	for i := range name {
		name[i] = letters[rand.IntN(len(letters))]
	}
	return string(name)
}
