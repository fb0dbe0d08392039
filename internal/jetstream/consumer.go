package jetstream

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/catalog"
	"github.com/godwit-mq/godwit/internal/store/memory"
)

// A consumerAsset is one consumer of a stream, whose lock guards it.
type consumerAsset struct {
	stream  *streamAsset
	name    string
	created time.Time
	id      catalog.ID // 0 in memory
	config  *api.ConsumerConfig

	progress store.Consumer
	file     *block.Consumer // nil in memory
	machine  *consumer.Consumer

	receiver broker.Receiver
	subs     []*broker.Subscription
	bound    chan bool     // tells whether somebody listens to the deliver subject
	quit     chan struct{} // ends who listens to that
}

func (s *streamAsset) newConsumer(config *api.ConsumerConfig, created time.Time) *consumerAsset {
	c := &consumerAsset{stream: s, name: config.Name, created: created, config: config}
	c.receiver.Headers.Store(true)
	c.receiver.Handle = c.receive
	return c
}

func (c *consumerAsset) options() consumer.Options {
	return consumer.Options{
		Address: consumer.Address{Stream: c.stream.name, Consumer: c.name},
		Config:  c.config, Stream: &c.stream.store, Progress: c.progress, Retention: c.stream.saved.Retention,
		Random: rand.Uint64, Now: c.stream.engine().now(),
	}
}

// inMemory says that nothing of the consumer is kept.
func (c *consumerAsset) inMemory() bool { return c.stream.file == nil || c.config.MemoryStorage }

// createConsumer makes a new consumer. The lock is held.
func (s *streamAsset) createConsumer(config *api.ConsumerConfig) (c *consumerAsset, err error) {
	e := s.engine()
	c = s.newConsumer(config, e.options.Now().UTC())
	rules := consumer.RulesOf(config)
	if c.inMemory() {
		c.progress = memory.NewConsumer(rules)
	} else {
		c.id, err = e.catalog.Create(catalog.Asset{
			Kind: catalog.Consumer, Parent: s.id, Account: s.account.broker.Name, Name: c.name,
			Created: c.created.UnixNano(), Config: encode(config),
		})
		if err != nil {
			return nil, err
		}
		if c.file, err = e.node.CreateConsumer(block.ID(c.id), rules); err != nil {
			return nil, errors.Join(err, e.forget(c.id))
		}
		c.progress = c.file
	}
	if c.machine, err = consumer.New(c.options()); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	if c.file != nil {
		done := make(chan error, 1)
		c.file.Commit(func(err error) { done <- err })
		if err := <-done; err != nil {
			return nil, errors.Join(err, c.remove())
		}
	}
	if err := c.serve(); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	s.consumers[c.name] = c
	c.pump()
	s.setClock()
	return c, nil
}

// loadConsumer makes one that restore completes.
func (s *streamAsset) loadConsumer(asset catalog.Asset, config *api.ConsumerConfig) (c *consumerAsset, err error) {
	c = s.newConsumer(config, time.Unix(0, asset.Created).UTC())
	c.id = asset.ID
	c.file, err = s.engine().node.LoadConsumer(block.ID(c.id), consumer.RulesOf(config))
	c.progress = c.file
	return c, err
}

func (c *consumerAsset) restore() (err error) {
	if c.file.Report().Records == 0 { // it was made, but nothing of it was kept
		c.machine, err = consumer.New(c.options())
		return err
	}
	for _, d := range c.file.Report().Damage {
		c.complain(d.Err)
	}
	c.machine, err = consumer.Restore(c.options())
	return err
}

func (c *consumerAsset) complain(err error) {
	c.stream.engine().options.Log.Errorf("JetStream consumer %s > %s > %s: %v", c.stream.account.broker.Name, c.stream.name, c.name, err)
}

// serve subscribes to what the consumer has to hear.
func (c *consumerAsset) serve() error {
	address := consumer.Address{Stream: c.stream.name, Consumer: c.name}
	subjects := address.AckSubjects()
	list := subjects[:]
	list = append(list, "$JS.API.CONSUMER.RESET."+c.stream.name+"."+c.name)
	if c.config.IsPush() {
		flow := address.FlowSubjects()
		list = append(list, flow[:]...)
	} else {
		list = append(list, "$JS.API.CONSUMER.MSG.NEXT."+c.stream.name+"."+c.name)
	}
	c.subs = nil
	for _, subject := range list {
		c.subs = append(c.subs, &broker.Subscription{Subject: subject, SID: subject, To: &c.receiver})
	}
	if err := c.stream.account.broker.Subscribe(c.subs...); err != nil {
		return err
	}
	if c.config.IsPush() {
		c.watch()
	}
	return nil
}

// watch tells the machine whether somebody listens to the deliver subject.
func (c *consumerAsset) watch() {
	index, bound, quit := c.stream.account.broker.Index(), make(chan bool, 1), make(chan struct{})
	c.bound, c.quit = bound, quit
	subject, group := c.config.DeliverSubject, c.config.DeliverGroup
	if err := index.Register(subject, group, bound); err != nil {
		c.complain(err)
		return
	}
	go func() {
		for {
			select {
			case is := <-bound:
				c.stream.mu.Lock()
				if !c.stream.closed {
					c.machine.Bind(c.stream.engine().now(), is)
					c.pump()
					c.stream.setClock()
				}
				c.stream.mu.Unlock()
			case <-quit:
				return
			}
		}
	}()
}

// stop ends the subscriptions.
func (c *consumerAsset) stop() {
	c.stream.account.broker.Unsubscribe(c.subs...)
	if c.quit != nil {
		if err := c.stream.account.broker.Index().Deregister(c.config.DeliverSubject, c.config.DeliverGroup, c.bound); err != nil {
			c.complain(err)
		}
		close(c.quit)
		c.quit = nil
	}
}

// receive takes requests, acknowledgements and answers.
func (c *consumerAsset) receive(sub *broker.Subscription, m *broker.Message) {
	s := c.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.failed || s.consumers[c.name] != c {
		return
	}
	now := s.engine().now()
	var err error
	switch {
	case len(m.Subject) > 8 && m.Subject[:8] == "$JS.ACK.":
		err = c.machine.Ack(now, []byte(m.Subject), m.Reply, m.Payload)
	case len(m.Subject) > 7 && m.Subject[:7] == "$JS.FC.":
		err = c.machine.FlowAnswer(now, []byte(m.Subject), m.Header)
	case len(m.Subject) > 23 && m.Subject[:23] == "$JS.API.CONSUMER.RESET.":
		c.reset(m)
	case api.CheckLevel(m.Header) != nil:
		c.machine.RefuseLevel(m.Reply)
	default:
		c.machine.Pull(now, consumer.PullRequest{Reply: m.Reply, Body: m.Payload})
	}
	if err != nil && !errors.Is(err, consumer.ErrDelay) {
		c.complain(err)
	}
	c.pump()
	s.setClock()
}

// reset answers a request to begin anew.
func (c *consumerAsset) reset(m *broker.Message) {
	var r api.ResetRequest
	answer := api.ResetResponse{Response: api.Response{Type: api.TypeConsumerReset}}
	_, err := api.DecodeOptional(m.Payload, &r, !c.stream.engine().options.Lenient)
	if err == nil {
		start := uint64(0)
		if c.config.StartTime != nil {
			start, err = c.stream.store.SequenceAt(c.config.StartTime.UnixNano())
		}
		if err == nil {
			err = r.CheckReset(c.config, start)
		}
	}
	if err == nil {
		answer.Sequence, err = c.machine.Reset(r.Sequence)
	}
	if err != nil {
		answer.Error = asError(err)
	} else {
		info := c.info()
		answer.ConsumerInfo = &info
	}
	c.stream.account.send(broker.Outgoing{Subject: m.Reply, Payload: encode(answer)})
}

func (c *consumerAsset) due(now int64) {
	if err := c.machine.Due(now); err != nil {
		c.complain(err)
	}
	c.pump()
}

// room is how much is delivered before others get the lock.
var room = consumer.Room{Messages: 256, Bytes: 256 << 10}

// pump delivers what can be delivered, and has everything done that the machine wants.
func (c *consumerAsset) pump() {
	for {
		c.carryOut()
		more, err := c.machine.Next(c.stream.engine().now(), room)
		c.carryOut()
		if err != nil {
			c.complain(err)
			break
		}
		if !more {
			break
		}
	}
	c.save(nil)
}

// carryOut does what the machine wants.
func (c *consumerAsset) carryOut() {
	type lost struct {
		seq uint64
		to  string
	}
	var undelivered []lost
	var done []span
	a := c.stream.account
	for _, e := range c.machine.Effects() {
		switch e.Kind {
		case consumer.Deliver:
			if !a.interested(e.To) {
				undelivered = append(undelivered, lost{e.Sequences.Stream, e.To})
				continue
			}
			a.send(outgoing(&e))
		case consumer.Status:
			a.send(outgoing(&e))
		case consumer.Answer:
			m := broker.Outgoing{Subject: e.To}
			c.save(func(err error) {
				if err == nil {
					a.send(m)
				}
			})
		case consumer.Done:
			done = append(done, span{e.First, e.Last})
		case consumer.Inactive:
			a.engine.later(func() { a.deleteConsumer(c) })
		}
	}
	for _, u := range undelivered {
		c.machine.Undelivered(c.stream.engine().now(), u.seq, u.to)
	}
	c.acknowledged(done)
}

// outgoing is a copy of what the machine wants to be sent.
func outgoing(e *consumer.Effect) broker.Outgoing {
	m := broker.Outgoing{Subject: e.To, As: string(e.Subject), Reply: string(e.Reply)}
	if len(e.Header) > 0 {
		m.Header = append([]byte(nil), e.Header...)
	}
	if len(e.Payload) > 0 {
		m.Payload = append([]byte(nil), e.Payload...)
	}
	return m
}

// save makes what has happened durable, and then calls done unless that is nil.
func (c *consumerAsset) save(done func(error)) {
	switch {
	case c.file != nil:
		c.file.Commit(done)
	case done != nil:
		done(nil)
	}
}

// remove deletes what is stored.
func (c *consumerAsset) remove() error {
	if c.file == nil {
		return c.progress.Close()
	}
	e := c.stream.engine()
	return errors.Join(e.catalog.Drop(c.id), c.file.Delete(), e.catalog.Forget(c.id))
}

func (c *consumerAsset) info() api.ConsumerInfo {
	info := c.machine.Info(c.stream.engine().now())
	info.Created = c.created
	return info
}

// Selects reports whether the consumer wants messages of a subject. With Needs it makes
// the consumer a claim on the messages of its stream.
func (c *consumerAsset) Selects(subject []byte) bool { return c.machine.Matches(subject) }

// Needs reports whether the consumer is not done with a message.
func (c *consumerAsset) Needs(seq uint64) bool {
	subject, err := c.stream.inner().Subject(seq)
	return err == nil && c.machine.Needs(seq, subject)
}
