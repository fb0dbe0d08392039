package jetstream

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store/catalog"
)

// An account is one that may use JetStream.
type account struct {
	engine *Engine
	broker *broker.Account
	sender *broker.Sender
	tiers  api.Tiers

	receiver      broker.Receiver // of API requests
	subscriptions []*broker.Subscription

	total, failed atomic.Uint64 // API requests

	mu      sync.Mutex
	streams map[string]*streamAsset // guarded by mu
}

func newAccount(e *Engine, enabled Enabled) *account {
	a := &account{
		engine: e, broker: enabled.Account, tiers: enabled.Tiers,
		sender: broker.NewSender(enabled.Account, nil), streams: make(map[string]*streamAsset),
	}
	a.receiver.Headers.Store(true)
	a.receiver.Handle = a.receive
	return a
}

// apiSubjects are those of the API that is served for the account as a whole. The rest
// are subjects of streams and consumers: where there is none, nobody responds.
var apiSubjects = []string{
	"$JS.API.INFO", "$JS.API.STREAM.>", "$JS.API.CONSUMER.CREATE.>", "$JS.API.CONSUMER.DURABLE.CREATE.>",
	"$JS.API.CONSUMER.INFO.>", "$JS.API.CONSUMER.NAMES.>", "$JS.API.CONSUMER.LIST.>", "$JS.API.CONSUMER.DELETE.>",
	"$JS.API.CONSUMER.PAUSE.>", "$JS.API.CONSUMER.UNPIN.>", "$JS.API.CONSUMER.LEADER.>",
}

// serve begins to take requests and messages.
func (a *account) serve() error {
	for _, subject := range apiSubjects {
		a.subscriptions = append(a.subscriptions, &broker.Subscription{Subject: subject, SID: subject, To: &a.receiver})
	}
	if err := a.broker.Subscribe(a.subscriptions...); err != nil {
		return err
	}
	for _, s := range a.list() {
		if err := s.serve(); err != nil {
			return err
		}
	}
	return nil
}

// stop ends taking requests and messages.
func (a *account) stop() {
	a.broker.Unsubscribe(a.subscriptions...)
	for _, s := range a.list() {
		s.stop()
	}
}

func (a *account) close() error {
	var failure error
	for _, s := range a.list() {
		if err := s.close(); err != nil {
			failure = fmt.Errorf("stream %s > %s: %w", a.broker.Name, s.name, err)
			a.engine.options.Log.Errorf("JetStream: %v", failure)
		}
	}
	return failure
}

// list returns the streams by name.
func (a *account) list() []*streamAsset {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]*streamAsset, 0, len(a.streams))
	for _, s := range a.streams {
		list = append(list, s)
	}
	slices.SortFunc(list, func(x, y *streamAsset) int { return strings.Compare(x.name, y.name) })
	return list
}

// find returns a stream, nil if there is none.
func (a *account) find(name string) *streamAsset {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.streams[name]
}

func (a *account) usage() (u Usage) {
	for _, s := range a.list() {
		u.add(s.usage())
	}
	u.Requests, u.FailedRequests = a.total.Load(), a.failed.Load()
	return u
}

// world is what configurations are judged against.
func (a *account) world() *api.World {
	w := &api.World{Tiers: a.tiers, Alone: true}
	streams := make(api.StreamMap)
	for _, s := range a.list() {
		streams[s.name] = s.config()
	}
	w.Streams = streams
	w.Server.MaxMemory, w.Server.MaxStorage = a.engine.options.MaxMemory, a.engine.options.MaxStore
	w.Server.ReservedMemory, w.Server.ReservedStorage = a.engine.reserved()
	return w
}

// reserved is what the streams of all accounts have reserved, in bytes.
func (e *Engine) reserved() (memory, file int64) {
	u := e.Usage()
	return u.ReservedMemory, u.ReservedFile
}

// load reads what is on the disk of a stream and its consumers.
func (a *account) load(asset catalog.Asset) {
	config := new(api.StreamConfig)
	err := json.Unmarshal(asset.Config, config)
	var s *streamAsset
	if err == nil {
		s, err = a.loadStream(asset, config)
	}
	if err != nil {
		a.engine.options.Log.Errorf("JetStream leaves out stream %s > %s: %v", a.broker.Name, asset.Name, err)
		return
	}
	a.streams[s.name] = s
}

// restore makes the machines of what was loaded, now that it is up to date.
func (a *account) restore() {
	for _, s := range a.list() {
		if err := s.restore(); err != nil {
			a.engine.options.Log.Errorf("JetStream leaves out stream %s > %s: %v", a.broker.Name, s.name, err)
			delete(a.streams, s.name)
		}
	}
}

// send has the outbox publish a message in the account.
func (a *account) send(m broker.Outgoing) {
	if m.Subject != "" {
		a.engine.out.push(func() { a.sender.Send(m) })
	}
}

// interested reports whether somebody listens to a subject.
func (a *account) interested(subject string) bool {
	r := a.broker.Index().Reader()
	defer r.Release()
	return r.HasInterest([]byte(subject))
}
