package jetstream

import (
	"slices"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
)

func (r *request) consumerCreate() (any, error) {
	var asked api.ConsumerRequest
	if err := r.decode(&asked); err != nil {
		return nil, err
	}
	if err := api.CheckLevel(r.header); err != nil {
		return nil, err
	}
	if err := asked.CheckRoute(r.route, true); err != nil {
		return nil, err
	}
	s, err := r.stream()
	if err != nil {
		return nil, err
	}
	world := r.account.world()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, api.ErrStreamNotFound
	}
	c, err := s.placeConsumer(&asked, world)
	if err != nil {
		return nil, err
	}
	info := r.describeConsumer(c)
	return api.ConsumerCreateResponse{Response: r.head(), ConsumerInfo: &info}, nil
}

// placeConsumer makes or changes a consumer. The lock is held.
func (s *streamAsset) placeConsumer(asked *api.ConsumerRequest, world *api.World) (*consumerAsset, error) {
	var configs []*api.ConsumerConfig
	for _, c := range s.consumers {
		configs = append(configs, c.config)
	}
	present := s.consumers[asked.Config.Name]
	bound := present != nil && present.config.IsPush() && s.account.interested(present.config.DeliverSubject)
	plan, err := api.PlaceConsumer(asked, s.saved, configs, bound, world)
	if err != nil {
		return nil, err
	}
	if plan.Old != nil {
		c := s.consumers[plan.Config.Name]
		if plan.Changed {
			err = c.update(plan.Config)
		}
		return c, err
	}
	for plan.Config.Name == "" || s.consumers[plan.Config.Name] != nil {
		plan.Config.Name = randomName()
	}
	c, err := s.createConsumer(plan.Config)
	if err != nil {
		return nil, api.NewConsumerCreate(err)
	}
	return c, nil
}

// update changes the configuration, first in the catalog.
func (c *consumerAsset) update(config *api.ConsumerConfig) error {
	if c.file != nil {
		if err := c.stream.engine().catalog.Update(c.id, encode(config)); err != nil {
			return api.NewConsumerCreate(err)
		}
	}
	if err := c.machine.Update(c.stream.engine().now(), config); err != nil {
		return err
	}
	c.stop()
	c.config = config
	if err := c.serve(); err != nil {
		return err
	}
	c.pump()
	c.stream.setClock()
	return nil
}

// describeConsumer is the information about a consumer as it is answered.
func (r *request) describeConsumer(c *consumerAsset) api.ConsumerInfo {
	info := c.info()
	info.Config = api.PresentConsumer(c.config, r.account.engine.options.Version)
	info.Cluster = &api.ClusterInfo{Leader: r.account.engine.options.Server}
	return info
}

// withConsumer finds the consumer that the request is about, and holds the lock.
func (r *request) withConsumer(fn func(c *consumerAsset) (any, error)) (any, error) {
	s, err := r.stream()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.consumers[r.route.Consumer]
	if c == nil || s.closed {
		return nil, api.ErrConsumerNotFound
	}
	return fn(c)
}

func (r *request) consumerInfo() (any, error) {
	if err := api.CheckEmpty(r.body); err != nil {
		return nil, err
	}
	return r.withConsumer(func(c *consumerAsset) (any, error) {
		info := r.describeConsumer(c)
		return api.ConsumerInfoResponse{Response: r.head(), ConsumerInfo: &info}, nil
	})
}

// public are the consumers that clients see, by name, and the offset that is asked for.
// The lock of their stream is held during fn.
func (r *request) public(fn func(list []*consumerAsset, offset int)) error {
	var asked api.ConsumersRequest
	if err := r.decodeOptional(&asked); err != nil {
		return err
	}
	s, err := r.stream()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*consumerAsset
	for _, c := range s.consumers {
		if !c.config.Direct {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(x, y *consumerAsset) int { return strings.Compare(x.name, y.name) })
	fn(list, asked.Offset)
	return nil
}

func (r *request) consumerNames() (any, error) {
	answer := api.ConsumerNamesResponse{Response: r.head(), Consumers: []string{}}
	err := r.public(func(list []*consumerAsset, offset int) {
		answer.Page = api.NewPage(len(list), offset, namesPage)
		for _, c := range list[answer.Offset:answer.End()] {
			answer.Consumers = append(answer.Consumers, c.name)
		}
	})
	return answer, err
}

func (r *request) consumerList() (any, error) {
	answer := api.ConsumerListResponse{Response: r.head(), Consumers: []*api.ConsumerInfo{}}
	err := r.public(func(list []*consumerAsset, offset int) {
		answer.Page = api.NewPage(len(list), offset, listPage)
		for _, c := range list[answer.Offset:answer.End()] {
			info := r.describeConsumer(c)
			answer.Consumers = append(answer.Consumers, &info)
		}
	})
	return answer, err
}

func (r *request) consumerDelete() (any, error) {
	if err := api.CheckEmpty(r.body); err != nil {
		return nil, err
	}
	return r.withConsumer(func(c *consumerAsset) (any, error) {
		if err := c.delete(); err != nil {
			return nil, err
		}
		return api.SuccessResponse{Response: r.head(), Success: true}, nil
	})
}

// deleteConsumer deletes one that nobody uses, if it is still there.
func (a *account) deleteConsumer(c *consumerAsset) {
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	if c.stream.closed || c.stream.consumers[c.name] != c {
		return
	}
	if err := c.delete(); err != nil {
		c.complain(err)
	}
}

// delete ends a consumer and deletes what is stored of it. The lock is held.
func (c *consumerAsset) delete() error {
	s := c.stream
	c.end()
	delete(s.consumers, c.name)
	err := c.remove()
	if s.saved.Retention == api.RetentionInterest {
		s.trim()
	}
	s.setClock()
	return err
}

// end tells those who wait, and ends the subscriptions.
func (c *consumerAsset) end() {
	c.machine.End(consumer.Deleted)
	c.carryOut()
	c.stop()
}

func (r *request) consumerPause() (any, error) {
	var asked api.PauseRequest
	if err := r.decodeOptional(&asked); err != nil {
		return nil, err
	}
	return r.withConsumer(func(c *consumerAsset) (any, error) {
		config := c.config.Clone()
		config.PauseUntil = nil
		now := c.stream.engine().options.Now()
		if !asked.Until.IsZero() {
			until := asked.Until
			config.PauseUntil = &until
		}
		api.StampConsumer(config)
		if c.file != nil {
			if err := c.stream.engine().catalog.Update(c.id, encode(config)); err != nil {
				return nil, err
			}
		}
		c.config = config
		c.machine.Pause(now.UnixNano(), unixNano(asked.Until))
		c.pump()
		c.stream.setClock()
		answer := api.PauseResponse{Response: r.head(), Until: asked.Until}
		if asked.Until.After(now) {
			answer.Paused, answer.Remaining = true, asked.Until.Sub(now)
		}
		return answer, nil
	})
}

func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func (r *request) consumerUnpin() (any, error) {
	var asked api.UnpinRequest
	if err := r.decode(&asked); err != nil {
		return nil, err
	}
	if err := asked.Check(); err != nil {
		return nil, err
	}
	return r.withConsumer(func(c *consumerAsset) (any, error) {
		if !slices.Contains(c.config.PriorityGroups, asked.Group) {
			return nil, api.ErrConsumerInvalidPriorityGroup
		}
		c.machine.Unpin(asked.Group)
		c.pump()
		return r.head(), nil
	})
}
