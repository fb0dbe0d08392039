package api

import (
	"errors"
	"time"

	"github.com/godwit-mq/godwit/internal/wire"
)

// CheckRoute judges a request to create or to update a consumer by the subject on
// which it came, and gives the consumer the name that the subject has. It does so
// before the stream is looked for; alone is as in World.
func (r *ConsumerRequest) CheckRoute(route Route, alone bool) error {
	c := &r.Config
	durable := route.Endpoint == EndpointConsumerDurableCreate
	ephemeral := !durable && route.Consumer == ""
	name := route.Consumer
	if ephemeral {
		name = c.Name
	}
	switch {
	case durable && name == "":
		return ErrConsumerDurableNameNotInSubject
	case r.Stream != route.Stream:
		return ErrStreamMismatch
	case hasPathSeparators(name):
		return ErrConsumerNameContainsPathSeparators
	case durable && c.Durable == "":
		return ErrConsumerDurableNameNotSet
	case ephemeral && c.Durable != "":
		return ErrConsumerEphemeralWithDurableName
	case !ephemeral && c.Durable != "" && c.Durable != name:
		return ErrConsumerDurableNameNotMatchSubject
	case route.Filter != "" && len(c.FilterSubjects) > 0:
		return ErrConsumerMultipleFiltersNotAllowed
	case route.Filter != "" && route.Filter != c.FilterSubject:
		return ErrConsumerCreateFilterSubjectMismatch
	case alone && c.Replicas > 1:
		return ErrStreamReplicasNotSupported
	}
	c.Name = name
	return nil
}

// CheckIdentity judges the header of a request of another server that copies a
// stream: it must mean the stream that was created at that time. It returns the
// identity to answer with, empty if nobody asks for it.
func (r *ConsumerRequest) CheckIdentity(header []byte, created time.Time) (string, error) {
	if !r.Config.Direct && !r.Config.Sourcing {
		return "", nil
	}
	identity := Identity(created)
	if meant := wire.Header(header, IdentityHeader); len(meant) > 0 && string(meant) != identity {
		return "", NewConsumerStreamIdentityMismatch(identity)
	}
	return identity, nil
}

// AdaptSourcing makes a consumer of a server that copies the stream what it must be
// here. Where consumers decide what is kept, it becomes a lasting one, so that
// nothing is lost while the other server is away; otherwise it is told from the
// one before by a suffix, which should be random.
func (r *ConsumerRequest) AdaptSourcing(stream *StreamConfig, suffix string) {
	c := &r.Config
	switch {
	case !c.Direct || !c.Sourcing || c.Name == "":
		return
	case stream.Retention == RetentionLimits:
		c.Name += "-" + suffix
		return
	}
	c.Direct = false
	c.Durable = c.Name
	c.AckPolicy = AckFlowControl
	c.AckWait, c.MaxDeliver, c.InactiveThreshold = 0, 0, 0
}

// A ConsumerPlan is what becomes of a request to create or to update a consumer.
type ConsumerPlan struct {
	// Config is complete and has its metadata. Without a name, it is to be given one
	// that is not taken.
	Config *ConsumerConfig
	// Old is the consumer of that name, nil if there is none.
	Old *ConsumerConfig
	// Changed says that the two differ.
	Changed bool
}

// PlaceConsumer judges a request to create or to update a consumer of a stream,
// given all its consumers; bound says that somebody listens to what the one of that
// name, a push consumer, delivers.
func PlaceConsumer(r *ConsumerRequest, stream *StreamConfig, consumers []*ConsumerConfig, bound bool, w *World) (ConsumerPlan, error) {
	config := r.Config.Clone()
	old := findConsumer(config, consumers)
	if old != nil {
		config.keep(old)
	}
	StampConsumer(config)
	config, err := CheckConsumer(config, stream, w, r.Pedantic)
	if err != nil {
		return ConsumerPlan{}, NewConsumerCreate(err)
	}
	if old == nil {
		if r.Action == ActionUpdate {
			return ConsumerPlan{}, ErrConsumerDoesNotExist
		}
		if err := config.checkNew(stream, consumers, w); err != nil {
			return ConsumerPlan{}, err
		}
		return ConsumerPlan{Config: config, Changed: true}, nil
	}
	if SameConsumer(config, old) {
		// only what asks for a change brings metadata up to date that an older server wrote
		if r.Action == ActionCreate || config.Metadata[RequiredLevelKey] == old.Metadata[RequiredLevelKey] {
			return ConsumerPlan{Config: old.Clone(), Old: old}, nil
		}
	} else if r.Action == ActionCreate {
		return ConsumerPlan{}, ErrConsumerAlreadyExists
	}
	if err := config.checkQueue(stream, consumers); err != nil {
		return ConsumerPlan{}, err
	}
	if err := config.checkChange(old, bound); err != nil {
		return ConsumerPlan{}, NewConsumerCreate(err)
	}
	return ConsumerPlan{Config: config, Old: old, Changed: true}, nil
}

// findConsumer finds the consumer that a configuration names.
func findConsumer(c *ConsumerConfig, consumers []*ConsumerConfig) *ConsumerConfig {
	name := c.Durable
	if name == "" {
		name = c.Name
	}
	for _, other := range consumers {
		if name != "" && other.Name == name {
			return other
		}
	}
	return nil
}

// keep takes over what no request changes.
func (c *ConsumerConfig) keep(old *ConsumerConfig) {
	c.PauseUntil = clonePointer(old.PauseUntil)
	if c.Sourcing && c.Durable != "" {
		c.DeliverPolicy = old.DeliverPolicy
		c.StartSequence = old.StartSequence
		c.StartTime = clonePointer(old.StartTime)
	}
}

// checkNew says whether a stream may have the consumer besides the others.
func (c *ConsumerConfig) checkNew(stream *StreamConfig, consumers []*ConsumerConfig, w *World) error {
	replicas := c.Replicas
	if replicas == 0 {
		replicas = stream.Replicas
	}
	limits, _, err := w.Tiers.Select(replicas)
	if err != nil {
		return err
	}
	most := stream.MaxConsumers
	if most <= 0 || limits.MaxConsumers > 0 && limits.MaxConsumers < most {
		most = limits.MaxConsumers
	}
	if most > 0 && countPublic(consumers) >= most {
		return ErrMaximumConsumersLimit
	}
	if stream.Retention == RetentionWorkQueue && !c.internal() {
		switch {
		case c.AckPolicy != AckExplicit && c.AckPolicy != AckFlowControl:
			return ErrConsumerWQRequiresExplicitAck
		case c.DeliverPolicy != DeliverAll:
			return ErrConsumerWQConsumerNotDeliverAll
		}
	}
	return c.checkQueue(stream, consumers)
}

// internal says that the consumer belongs to a server that copies the stream.
func (c *ConsumerConfig) internal() bool { return c.Direct || c.Sourcing }

// countPublic counts the consumers that clients see, and that limits count.
func countPublic(consumers []*ConsumerConfig) (n int) {
	for _, c := range consumers {
		if !c.Direct {
			n++
		}
	}
	return n
}

// checkQueue makes sure that no message of a work queue is for two consumers.
func (c *ConsumerConfig) checkQueue(stream *StreamConfig, consumers []*ConsumerConfig) error {
	if stream.Retention != RetentionWorkQueue || c.internal() {
		return nil
	}
	for _, other := range consumers {
		if other.internal() || other.Name == c.Name {
			continue
		}
		filters, others := c.Filters(), other.Filters()
		switch {
		case len(filters) == 0:
			return ErrConsumerWQMultipleUnfiltered
		case len(others) == 0, Overlap(filters, others):
			return ErrConsumerWQConsumerNotUnique
		}
	}
	return nil
}

// checkChange refuses changes that a consumer cannot undergo.
func (c *ConsumerConfig) checkChange(old *ConsumerConfig, bound bool) error {
	cannot := func(what string) error { return errors.New(what + " can not be updated") }
	switch {
	case c.DeliverPolicy != old.DeliverPolicy:
		return cannot("deliver policy")
	case c.MemoryStorage != old.MemoryStorage:
		return cannot("storage type")
	case c.Direct != old.Direct:
		return cannot("direct")
	case c.Sourcing != old.Sourcing:
		return cannot("sourcing")
	case c.StartSequence != old.StartSequence:
		return cannot("start sequence")
	case !sameTime(c.StartTime, old.StartTime):
		return cannot("start time")
	case c.AckPolicy != old.AckPolicy:
		return cannot("ack policy")
	case c.ReplayPolicy != old.ReplayPolicy:
		return cannot("replay policy")
	case c.Heartbeat != old.Heartbeat:
		return cannot("heart beats")
	case c.FlowControl != old.FlowControl:
		return cannot("flow control")
	case c.IsPush() && !old.IsPush():
		return errors.New("can not update pull consumer to push based")
	case !c.IsPush() && old.IsPush():
		return errors.New("can not update push consumer to pull based")
	case c.DeliverSubject != old.DeliverSubject && bound:
		return ErrConsumerNameExist
	case c.MaxWaiting != old.MaxWaiting:
		return cannot("max waiting")
	}
	return nil
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

// CheckReset says whether a consumer may begin anew where the request says.
// startOf is the sequence that the start time of the configuration stands for in
// the stream; it matters only if there is one.
func (r *ResetRequest) CheckReset(c *ConsumerConfig, startOf uint64) error {
	if r.Sequence == 0 {
		return nil
	}
	switch c.DeliverPolicy {
	case DeliverAll:
		return nil
	case DeliverByStartSequence:
		if r.Sequence < c.StartSequence {
			return NewConsumerInvalidReset(errors.New("below start seq"))
		}
		return nil
	case DeliverByStartTime:
		if r.Sequence < startOf {
			return NewConsumerInvalidReset(errors.New("below start time"))
		}
		return nil
	default:
		return NewConsumerInvalidReset(errors.New("not allowed"))
	}
}
