package consumer

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

// Defaults for what a configuration leaves open.
const (
	ackWaitDefault    = 30 * time.Second
	maxWaitingDefault = 512
	inactiveDefault   = 5 * time.Second
	pinDefault        = 2 * time.Minute
	burstDefault      = 1 << 20
)

// ackWaitSlack is added to each wait for an acknowledgement, so that messages
// delivered together are due together.
const ackWaitSlack = int64(time.Millisecond)

// Options are what a consumer is made of.
type Options struct {
	Address Address
	// Config is valid and has its defaults. The consumer keeps it and does not write it.
	Config *api.ConsumerConfig
	// Stream is read only. Progress belongs to the consumer from now on.
	Stream   store.Stream
	Progress store.Consumer
	// Retention is that of the stream.
	Retention api.RetentionPolicy
	// Burst is the size of the largest message in bytes, which a rate limit lets pass at
	// once; 0 is a megabyte.
	Burst int
	// Random gives 64 random bits.
	Random func() uint64
	// Now is the time in Unix nanoseconds.
	Now int64
}

// A Consumer decides what one consumer does. Package documentation tells how it is used.
type Consumer struct {
	outbox
	address  Address
	config   *api.ConsumerConfig
	filter   *store.Filter
	stream   store.Stream
	progress store.Consumer
	random   func() uint64
	keeps    bool // the stream keeps messages as long as consumers need them
	sampled  int  // percentage of acknowledgements that are told of

	ackPrefix string
	position  uint64     // stream sequence of the next message, or below it
	base      store.Pair // how far all was done when last nothing was outstanding
	count     count
	schedule  schedule
	message   store.Message // the one that is considered
	wait      int64         // from the first delivery of a message until it is due

	lastDelivery, lastAck int64 // when, 0 if never

	pull     waiting
	pin      pin
	push     push
	pace     pace
	pausedTo int64 // 0 if not paused
	idle     idle
}

// RulesOf are the rules of the store of a consumer.
func RulesOf(config *api.ConsumerConfig) store.Rules {
	rules := store.Rules{MaxDeliver: int64(config.MaxDeliver)}
	switch config.AckPolicy {
	case api.AckExplicit:
		rules.Ack = store.AckExplicit
	case api.AckAll, api.AckFlowControl:
		rules.Ack = store.AckAll
	}
	return rules
}

// New makes a consumer that has not delivered anything, and decides where it begins.
func New(o Options) (*Consumer, error) {
	c, err := assemble(o)
	if err != nil {
		return nil, err
	}
	if err := c.choose(); err != nil {
		return nil, fmt.Errorf("choose first message of consumer %s: %w", o.Address.Consumer, err)
	}
	return c, nil
}

// assemble makes a consumer without a position.
func assemble(o Options) (*Consumer, error) {
	c := &Consumer{
		address: o.Address, stream: o.Stream, progress: o.Progress, random: o.Random,
		keeps: o.Retention != api.RetentionLimits, ackPrefix: o.Address.prefix("$JS.ACK"),
	}
	c.push.prefix = o.Address.prefix("$JS.FC")
	c.push.window, c.push.sentAt = windowFirst, o.Now
	c.pace.burst, c.pace.at = o.Burst, never
	c.pull.init()
	c.schedule.begin(0)
	if err := c.configure(o.Config); err != nil {
		return nil, err
	}
	if err := c.progress.SetRules(RulesOf(o.Config)); err != nil {
		return nil, err
	}
	if until := o.Config.PauseUntil; until != nil && until.UnixNano() > o.Now {
		c.pausedTo = until.UnixNano()
	}
	c.pace.replayTo = c.stream.State().LastSequence
	c.idle.touched, c.push.unboundAt = o.Now, o.Now
	return c, nil
}

// configure takes what follows from a configuration alone.
func (c *Consumer) configure(config *api.ConsumerConfig) error {
	filter, err := store.NewFilter(config.Filters()...)
	if err != nil {
		return err
	}
	c.config, c.filter = config, filter
	c.sampled = percentage(config.SampleFrequency)
	c.wait = c.waitOf(1)
	c.push.flow = config.IsPush() && config.FlowControl
	c.pace.bitRate = config.RateLimit
	c.pace.original = config.ReplayPolicy == api.ReplayOriginal
	if c.pace.burst <= 0 {
		c.pace.burst = burstDefault
	}
	c.idle.threshold = c.threshold()
	c.idle.at = 0
	if config.PriorityPolicy != api.PriorityPinned {
		c.pin = pin{}
	}
	return nil
}

// percentage reads a sampling frequency; what is none is 0.
func percentage(text string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(text, "%"))
	if err != nil {
		return 0
	}
	return n
}

// Config is the present configuration, not to be written.
func (c *Consumer) Config() *api.ConsumerConfig { return c.config }

// Effects returns what is to be done since the last call, in this order. They are good
// until the next call of another method.
func (c *Consumer) Effects() []Effect { return c.take() }

// limit is how many messages may be outstanding, 0 for any number.
func (c *Consumer) limit() int {
	if c.config.AckPolicy == api.AckNone {
		return 0
	}
	return max(c.config.MaxAckPending, 0)
}

// maxDeliver is how often a message may be delivered, 0 for any number.
func (c *Consumer) maxDeliver() uint64 { return uint64(max(c.config.MaxDeliver, 0)) }

// deliveries is how often an outstanding message was delivered.
func (c *Consumer) deliveries(seq uint64) uint64 {
	n := 1 + c.progress.Redelivered(seq)
	if c.schedule.undone(seq) {
		n--
	}
	return n
}

// waitOf is the time from the delivery of a message until it is due, given how often it
// was delivered.
func (c *Consumer) waitOf(deliveries uint64) int64 {
	switch {
	case c.config.AckPolicy == api.AckNone, c.config.AckPolicy == api.AckFlowControl:
		return never
	case len(c.config.BackOff) > 0:
		i := min(max(deliveries, 1), uint64(len(c.config.BackOff))) - 1
		return after(int64(c.config.BackOff[i]), ackWaitSlack)
	case c.config.AckWait > 0:
		return after(int64(c.config.AckWait), ackWaitSlack)
	}
	return int64(ackWaitDefault) + ackWaitSlack
}

// moveTo lets the next message be at a sequence or behind it.
func (c *Consumer) moveTo(seq uint64) { c.position = max(c.position, seq) }

// done tells the stream that messages are not needed.
func (c *Consumer) done(first, last uint64) {
	if !c.keeps || first > last {
		return
	}
	e := c.next()
	e.Kind, e.First, e.Last = Done, first, last
}
