package jetstream

import (
	"encoding/json"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/jetstream/stream"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/catalog"
	"github.com/godwit-mq/godwit/internal/store/heap"
	"github.com/godwit-mq/godwit/internal/store/memory"
)

// A streamAsset is one stream with its consumers.
type streamAsset struct {
	account *account
	name    string
	created time.Time
	id      catalog.ID // 0 in memory

	receiver broker.Receiver // of messages for the stream
	direct   broker.Receiver // of direct gets

	mu        sync.Mutex // guards all from here on
	saved     *api.StreamConfig
	store     committed
	file      *block.Stream // nil in memory
	machine   *stream.Stream
	consumers map[string]*consumerAsset
	removals  []store.Removal // of which consumers were not yet told
	subs      []*broker.Subscription
	alarm     int64 // for when the clock is set
	failed    bool
	closed    bool
	syncing   bool // a checkpoint is being written
}

func newStreamAsset(a *account, config *api.StreamConfig, created time.Time) *streamAsset {
	s := &streamAsset{
		account: a, name: config.Name, created: created, saved: config,
		consumers: make(map[string]*consumerAsset), alarm: math.MaxInt64,
	}
	s.receiver.Headers.Store(true)
	s.receiver.Handle = s.receive
	s.direct.Headers.Store(true)
	s.direct.Handle = s.getDirect
	return s
}

func (s *streamAsset) engine() *Engine { return s.account.engine }

// options are those of the store.
func (s *streamAsset) options() block.StreamOptions {
	o := block.StreamOptions{Options: store.Options{Limits: stream.Limits(s.saved), FirstSequence: s.saved.FirstSequence, OnRemove: s.removed}}
	if s.saved.Compression == api.CompressionS2 {
		o.Compression = heap.S2
	}
	return o
}

// createStream makes a new stream. Its configuration is complete.
func (a *account) createStream(config *api.StreamConfig) (s *streamAsset, err error) {
	e := a.engine
	s = newStreamAsset(a, config, e.options.Now().UTC())
	if config.Storage == api.MemoryStorage {
		var m memory.Stream
		if m, err = memory.NewStream(s.options().Options); err != nil {
			return nil, err
		}
		s.store.Stream, s.store.last = m, math.MaxUint64
	} else if err = s.createFile(); err != nil {
		return nil, err
	}
	if s.machine, err = stream.New(config, s.inner(), s.machineOptions()); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	if err := s.serve(); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	a.mu.Lock()
	a.streams[s.name] = s
	a.mu.Unlock()
	return s, nil
}

func (s *streamAsset) createFile() (err error) {
	e := s.engine()
	s.id, err = e.catalog.Create(catalog.Asset{
		Kind: catalog.Stream, Account: s.account.broker.Name, Name: s.name, Created: s.created.UnixNano(), Config: encode(s.saved),
	})
	if err != nil {
		return err
	}
	if s.file, err = e.node.CreateStream(block.ID(s.id), s.options()); err != nil {
		return errors.Join(err, e.forget(s.id))
	}
	s.store.Stream = s.file
	done := make(chan error, 1)
	s.file.Commit(func(err error) { done <- err })
	if err := <-done; err != nil {
		return errors.Join(err, s.file.Delete(), e.forget(s.id))
	}
	return nil
}

// forget takes an asset of which nothing is stored out of the catalog.
func (e *Engine) forget(id catalog.ID) error {
	return errors.Join(e.catalog.Drop(id), e.catalog.Forget(id))
}

// inner is the store as the machine sees it: all of it.
func (s *streamAsset) inner() store.Stream { return s.store.Stream }

func (s *streamAsset) machineOptions() stream.Options {
	return stream.Options{MaxPayload: s.engine().options.MaxPayload, Interest: interest{s}, Zone: time.LoadLocation}
}

// interest asks the consumers of a stream whether one of them wants a message.
type interest struct{ s *streamAsset }

// HasInterest is called with the lock of the stream held.
func (i interest) HasInterest(subject []byte) bool {
	for _, c := range i.s.consumers {
		if c.machine.Matches(subject) {
			return true
		}
	}
	return false
}

// loadStream reads what is on the disk. It is of use after restore.
func (a *account) loadStream(asset catalog.Asset, config *api.StreamConfig) (*streamAsset, error) {
	e := a.engine
	s := newStreamAsset(a, config, time.Unix(0, asset.Created).UTC())
	s.id = asset.ID
	var err error
	s.file, err = e.node.LoadStream(block.ID(s.id), s.options())
	if block.IsNotExist(err) { // it was made, but nothing of it was kept
		s.file, err = e.node.CreateStream(block.ID(s.id), s.options())
	}
	if err != nil {
		return nil, err
	}
	s.store.Stream = s.file
	for _, asset := range e.catalog.Consumers(s.id) {
		config := new(api.ConsumerConfig)
		err := json.Unmarshal(asset.Config, config)
		var c *consumerAsset
		if err == nil {
			c, err = s.loadConsumer(asset, config)
		}
		if err != nil {
			e.options.Log.Errorf("JetStream leaves out consumer %s > %s > %s: %v", a.broker.Name, s.name, asset.Name, err)
			continue
		}
		s.consumers[c.name] = c
	}
	return s, nil
}

// restore makes the machines.
func (s *streamAsset) restore() (err error) {
	for _, d := range s.file.Report().Damage {
		s.engine().options.Log.Errorf("JetStream stream %s > %s is damaged: %v", s.account.broker.Name, s.name, d)
	}
	s.store.last = math.MaxUint64
	s.store.last = s.store.State().LastSequence
	if s.machine, err = stream.Restore(s.saved, s.inner(), s.machineOptions(), s.engine().now()); err != nil {
		return err
	}
	for name, c := range s.consumers {
		if err := c.restore(); err != nil {
			s.engine().options.Log.Errorf("JetStream leaves out consumer %s > %s > %s: %v", s.account.broker.Name, s.name, name, err)
			delete(s.consumers, name)
		}
	}
	return nil
}

// serve subscribes to the stream's subjects.
func (s *streamAsset) serve() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribe()
	if err := s.account.broker.Subscribe(s.subs...); err != nil {
		return err
	}
	for _, c := range s.consumers {
		if err := c.serve(); err != nil {
			return err
		}
		c.pump()
	}
	s.setClock()
	return nil
}

// subscribe makes the subscriptions that the configuration asks for.
func (s *streamAsset) subscribe() {
	s.subs = nil
	for _, subject := range s.saved.Subjects {
		s.subs = append(s.subs, &broker.Subscription{Subject: subject, SID: subject, To: &s.receiver})
	}
	if s.saved.AllowDirect {
		for _, subject := range []string{"$JS.API.DIRECT.GET." + s.name, "$JS.API.DIRECT.GET." + s.name + ".>"} {
			s.subs = append(s.subs, &broker.Subscription{Subject: subject, SID: subject, To: &s.direct})
		}
	}
}

// stop ends the subscriptions of the stream and its consumers.
func (s *streamAsset) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account.broker.Unsubscribe(s.subs...)
	for _, c := range s.consumers {
		c.stop()
	}
}

// close leaves what is stored so that the next start is quick.
func (s *streamAsset) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.machine.Close()
	for _, c := range s.consumers {
		c.save(nil)
	}
	if s.file == nil {
		return s.inner().Close()
	}
	if s.failed {
		return s.file.Close()
	}
	return errors.Join(s.file.Rest(), s.file.Close())
}

// remove deletes what is stored. Nothing is subscribed any more.
func (s *streamAsset) remove() error {
	if s.file == nil {
		return s.inner().Close()
	}
	e := s.engine()
	if err := e.catalog.Drop(s.id); err != nil {
		return err
	}
	if err := s.file.Delete(); err != nil {
		return err
	}
	return e.catalog.Forget(s.id)
}

func (s *streamAsset) config() *api.StreamConfig {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saved
}

func (s *streamAsset) usage() (u Usage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.inner().State()
	u = Usage{Streams: 1, Messages: state.Messages}
	for _, c := range s.consumers {
		if !c.config.Direct {
			u.Consumers++
		}
	}
	if s.file == nil {
		u.Memory, u.ReservedMemory = state.Bytes, max(s.saved.MaxBytes, 0)
	} else {
		u.File, u.ReservedFile = state.Bytes, max(s.saved.MaxBytes, 0)
	}
	return u
}

// removed is told of what goes by the store, with the lock held.
func (s *streamAsset) removed(r store.Removal) {
	if s.machine == nil {
		return // it is being restored
	}
	s.machine.Removed(r)
	if len(s.consumers) > 0 {
		r.Subject = append([]byte(nil), r.Subject...)
		s.removals = append(s.removals, r)
	}
}

// results are those of machines that are not in use.
var results = sync.Pool{New: func() any { return new(stream.Result) }}

// receive takes a message that was published to the stream.
func (s *streamAsset) receive(_ *broker.Subscription, m *broker.Message) {
	in := []stream.Incoming{{Subject: []byte(m.Subject), Reply: []byte(m.Reply), Header: m.Header, Payload: m.Payload}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.failed {
		return
	}
	r := results.Get().(*stream.Result)
	if err := s.machine.Publish(in, s.engine().now(), r); err != nil {
		s.complain(err)
	}
	s.settle(r)
}

// due does what the time has come for. The clock calls it.
func (s *streamAsset) due(at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.failed || at != s.alarm {
		return
	}
	s.alarm = math.MaxInt64
	now := s.engine().now()
	if s.machine.Next() <= now {
		r := results.Get().(*stream.Result)
		if err := s.machine.Due(now, r); err != nil {
			s.engine().options.Log.Errorf("JetStream stream %s > %s: %v", s.account.broker.Name, s.name, err)
		}
		s.settle(r)
	}
	for _, c := range s.consumers {
		if c.machine.Deadline() <= now {
			c.due(now)
		}
	}
	s.setClock()
}

// setClock asks the clock for the next time at which there is something to do.
func (s *streamAsset) setClock() {
	next := s.machine.Next()
	for _, c := range s.consumers {
		next = min(next, c.machine.Deadline())
	}
	s.engine().clock.set(s, next)
}

// settle makes what has changed durable, and then has everything that follows from it
// done. The result is given back after that.
func (s *streamAsset) settle(r *stream.Result) {
	s.tellRemovals()
	last := s.inner().State().LastSequence
	after := func(err error) { s.engine().out.push(func() { s.settled(r, last, err) }) }
	if s.file == nil {
		after(nil)
	} else {
		s.file.Commit(after)
		s.checkpoint()
	}
	s.setClock()
}

// tellRemovals tells the consumers what has gone.
func (s *streamAsset) tellRemovals() {
	list := s.removals
	s.removals = nil
	for _, r := range list {
		for _, c := range s.consumers {
			if err := c.machine.Removed(r); err != nil {
				c.complain(err)
			}
		}
	}
}

// settled sends what was decided, in the outbox.
func (s *streamAsset) settled(r *stream.Result, last uint64, failure error) {
	if failure != nil {
		s.failure(r, failure)
		return
	}
	sender := s.account.sender
	for _, m := range r.Republished {
		sender.Send(broker.Outgoing{Subject: string(m.Subject), Header: m.Header, Payload: m.Payload})
	}
	for _, a := range r.Answers {
		if len(a.Reply) > 0 {
			sender.Send(broker.Outgoing{Subject: string(a.Reply), Payload: a.Body})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.store.last = max(s.store.last, last)
	for _, c := range s.consumers {
		for _, arrived := range r.Arrived {
			c.machine.Stored(arrived.Sequence, arrived.Subject)
		}
		if len(r.Arrived) > 0 {
			c.pump()
		}
	}
	r.Reset()
	results.Put(r)
	s.setClock()
}

// failure answers publishers whose messages could not be made durable, and loads the
// stream as it was before.
func (s *streamAsset) failure(r *stream.Result, failure error) {
	s.engine().options.Log.Errorf("JetStream stream %s > %s cannot store: %v", s.account.broker.Name, s.name, failure)
	body := api.AppendPubAckError(nil, s.name, api.NewStreamStoreFailed(failure))
	for _, a := range r.Answers {
		if len(a.Reply) > 0 {
			s.account.sender.Send(broker.Outgoing{Subject: string(a.Reply), Payload: body})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.failed = true
	}
}

// checkpoint has one written if it is time.
func (s *streamAsset) checkpoint() {
	if s.syncing || !s.file.WantsCheckpoint() {
		return
	}
	c, err := s.file.BeginCheckpoint()
	if err != nil {
		return // there is one
	}
	s.syncing = true
	go func() {
		err := c.Write()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.syncing = false
		if err := s.file.EndCheckpoint(c, err); err != nil {
			s.engine().options.Log.Errorf("JetStream checkpoint of %s > %s: %v", s.account.broker.Name, s.name, err)
		}
	}()
}

// info is what is told of the stream. Its lock is held.
func (s *streamAsset) info(r *api.StreamInfoRequest) (*api.StreamInfo, api.Page, error) {
	state, page, err := s.machine.State(r)
	if err != nil {
		return nil, page, err
	}
	for _, c := range s.consumers {
		if !c.config.Direct {
			state.Consumers++
		}
	}
	return &api.StreamInfo{
		Config: *s.saved, Created: s.created, State: state, Time: s.engine().options.Now().UTC(),
	}, page, nil
}

// getDirect answers a direct get.
func (s *streamAsset) getDirect(sub *broker.Subscription, m *broker.Message) {
	if m.Reply == "" {
		return
	}
	send := func(header, payload []byte) {
		s.account.send(broker.Outgoing{
			Subject: m.Reply, Header: append([]byte(nil), header...), Payload: append([]byte(nil), payload...),
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	prefix := "$JS.API.DIRECT.GET." + s.name
	if len(m.Subject) > len(prefix) {
		s.machine.DirectLast(m.Subject[len(prefix)+1:], m.Header, m.Payload, send)
		return
	}
	s.machine.Direct(m.Header, m.Payload, send)
}

func (s *streamAsset) complain(err error) {
	s.engine().options.Log.Errorf("JetStream stream %s > %s: %v", s.account.broker.Name, s.name, err)
}
