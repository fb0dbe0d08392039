package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/subject"
)

// CheckConsumer judges the configuration of a consumer of a stream and completes
// it: the result is a copy with all defaults. If strict, nothing is adjusted that
// the configuration says, but refused ("pedantic"). The error is the first one in
// the order that clients know.
func CheckConsumer(config *ConsumerConfig, stream *StreamConfig, w *World, strict bool) (*ConsumerConfig, error) {
	if config == nil {
		return nil, ErrConsumerConfigRequired
	}
	replicas := config.Replicas
	if replicas == 0 {
		replicas = stream.Replicas
	}
	limits, _, err := w.Tiers.Select(replicas)
	if err != nil {
		return nil, err
	}
	j := &consumerJudge{c: config.Clone(), stream: stream, server: &w.Server, account: &limits, strict: strict}
	for _, step := range [...]func() error{
		j.negatives, j.defaults,
		j.names, j.replicas, j.words, j.times, j.flowControl, j.backOff, j.description,
		j.mode, j.ackPending, j.threshold, j.direct, j.filters, j.start, j.sampling,
		j.heartbeats, j.sameNames, j.metadata, j.groups,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	j.tidy()
	return j.c, nil
}

// A consumerJudge goes through a configuration, step by step.
type consumerJudge struct {
	c       *ConsumerConfig
	stream  *StreamConfig
	server  *ServerLimits
	account *AccountLimits
	strict  bool
}

// negatives makes nothing of numbers that cannot be.
func (j *consumerJudge) negatives() error {
	c := j.c
	if j.strict && c.MaxDeliver < -1 {
		return pedantic("max_deliver must be set to -1")
	}
	if c.MaxDeliver <= 0 {
		c.MaxDeliver = -1
	}
	if err := notNegative(&c.MaxWaiting, "max_waiting", j.strict); err != nil {
		return err
	}
	if c.MaxAckPending < -1 {
		if j.strict {
			return pedantic("max_ack_pending must be set to -1")
		}
		c.MaxAckPending = -1
	}
	for _, err := range []error{
		notNegative(&c.MaxRequestBatch, "max_batch", j.strict),
		notNegative(&c.MaxRequestExpires, "max_expires", j.strict),
		notNegative(&c.MaxRequestBytes, "max_bytes", j.strict),
		notNegative(&c.Heartbeat, "idle_heartbeat", j.strict),
		notNegative(&c.InactiveThreshold, "inactive_threshold", j.strict),
		notNegative(&c.PriorityTimeout, "priority_timeout", j.strict),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func notNegative[T int | time.Duration](n *T, name string, strict bool) error {
	if *n >= 0 {
		return nil
	}
	if strict {
		return pedantic(name + " must not be negative")
	}
	*n = 0
	return nil
}

// defaults gives values to what has none, from the stream, the account and the
// server.
func (j *consumerJudge) defaults() error {
	c, inherited := j.c, j.stream.ConsumerLimits
	if !c.IsPush() && c.MaxWaiting == 0 {
		c.MaxWaiting = DefaultMaxWaiting
	}
	if c.AckWait == 0 && (c.AckPolicy == AckExplicit || c.AckPolicy == AckAll) {
		c.AckWait = DefaultAckWait
	}
	if len(c.BackOff) > 0 {
		if j.strict && c.AckWait != c.BackOff[0] {
			return pedantic("first backoff value has to equal batch AckWait")
		}
		c.AckWait = c.BackOff[0]
	}
	if c.MaxAckPending == 0 {
		if j.strict && inherited.MaxAckPending > 0 {
			return pedantic("max_ack_pending must be set if it's configured in stream limits")
		}
		c.MaxAckPending = j.defaultAckPending()
	}
	if c.InactiveThreshold == 0 {
		if j.strict && inherited.InactiveThreshold > 0 {
			return pedantic("inactive_threshold must be set if it's configured in stream limits")
		}
		c.InactiveThreshold = max(inherited.InactiveThreshold, 0)
	}
	if c.InactiveThreshold == 0 && c.Durable == "" {
		c.InactiveThreshold = DefaultInactiveThreshold
	}
	if !c.IsPush() && c.MaxRequestBatch == 0 && j.server.MaxRequestBatch > 0 {
		if j.strict {
			return pedantic("max_request_batch must be set if it's JetStream limits are set")
		}
		c.MaxRequestBatch = j.server.MaxRequestBatch
	}
	if c.PriorityPolicy == PriorityPinned && c.PriorityTimeout == 0 {
		c.PriorityTimeout = DefaultPriorityTimeout
	}
	if c.AckPolicy == AckFlowControl && !j.strict {
		c.FlowControl, c.Heartbeat = true, FlowControlHeartbeat
	}
	return nil
}

// defaultAckPending is the stream's number, or the default within the limits of
// account and server.
func (j *consumerJudge) defaultAckPending() int {
	pending := j.stream.ConsumerLimits.MaxAckPending
	if pending != 0 || j.c.AckPolicy == AckNone {
		return pending
	}
	pending = DefaultMaxAckPending
	for _, most := range []int{j.server.MaxAckPending, j.account.MaxAckPending} {
		if most > 0 {
			pending = min(pending, most)
		}
	}
	return pending
}

func (j *consumerJudge) names() error {
	switch c := j.c; {
	case c.Name != "" && !IsValidName(c.Name):
		return invalid(`consumer name can not contain '.', '*', '>', '\', '/'`)
	case c.Durable != "" && !IsValidName(c.Durable):
		return invalid(`consumer durable name can not contain '.', '*', '>', '\', '/'`)
	case len(c.Name) > MaxNameLength, len(c.Durable) > MaxNameLength:
		return NewConsumerNameTooLong(MaxNameLength)
	}
	return nil
}

func (j *consumerJudge) replicas() error {
	switch c, s := j.c, j.stream; {
	case c.Replicas < 0:
		return ErrReplicasCountCannotBeNegative
	case c.Replicas > s.Replicas:
		return ErrConsumerReplicasExceedsStream
	case s.Retention != RetentionLimits && c.Replicas != 0 && c.Replicas != s.Replicas:
		return ErrConsumerReplicasShouldMatchStream
	}
	return nil
}

// words refuses values that no JSON could have brought.
func (j *consumerJudge) words() error {
	switch c := j.c; {
	case !ackTexts.has(uint8(c.AckPolicy)):
		return ErrConsumerAckPolicyInvalid
	case !replayTexts.has(uint8(c.ReplayPolicy)):
		return ErrConsumerReplayPolicyInvalid
	case !deliverTexts.has(uint8(c.DeliverPolicy)):
		return invalid("invalid deliver policy")
	case !priorityTexts.has(uint8(c.PriorityPolicy)):
		return invalid("invalid priority policy")
	}
	return nil
}

func (j *consumerJudge) times() error {
	for _, wait := range j.c.BackOff {
		if wait < 0 {
			return ErrConsumerBackOffNegative
		}
	}
	if j.c.AckWait < 0 {
		return ErrConsumerAckWaitNegative
	}
	return nil
}

// flowControl judges a consumer whose messages are acknowledged by the answers to
// flow control.
func (j *consumerJudge) flowControl() error {
	c := j.c
	if c.AckPolicy != AckFlowControl {
		return nil
	}
	switch {
	case !c.IsPush():
		return ErrConsumerAckFCRequiresPush
	case !c.FlowControl:
		return ErrConsumerAckFCRequiresFC
	case c.Heartbeat != FlowControlHeartbeat:
		return invalid("flow control ack policy heartbeat needs to be 1s")
	case c.MaxAckPending <= 0:
		return ErrConsumerAckFCRequiresMaxAckPending
	case c.AckWait != 0, len(c.BackOff) > 0:
		return ErrConsumerAckFCRequiresNoAckWait
	case c.MaxDeliver > 0:
		return ErrConsumerAckFCRequiresNoMaxDeliver
	}
	return nil
}

func (j *consumerJudge) backOff() error {
	if j.c.backOffTooLong() {
		return ErrConsumerMaxDeliverBackoff
	}
	return nil
}

// backOffTooLong says that a message would not be delivered often enough for all
// waiting times.
func (c *ConsumerConfig) backOffTooLong() bool {
	return len(c.BackOff) > 0 && c.MaxDeliver != -1 && len(c.BackOff) > c.MaxDeliver
}

func (j *consumerJudge) description() error {
	if len(j.c.Description) > MaxDescriptionLength {
		return NewConsumerDescriptionTooLong(MaxDescriptionLength)
	}
	return nil
}

// mode judges what only push or only pull consumers have.
func (j *consumerJudge) mode() error {
	if j.c.IsPush() {
		return j.push()
	}
	switch c, most := j.c, j.server.MaxRequestBatch; {
	case c.AckPolicy == AckNone && j.stream.Retention == RetentionWorkQueue:
		return ErrConsumerPullRequiresAck
	case c.RateLimit > 0:
		return ErrConsumerPullWithRateLimit
	case c.Heartbeat > 0:
		return ErrConsumerHBRequiresPush
	case c.FlowControl:
		return ErrConsumerFCRequiresPush
	case c.MaxRequestExpires > 0 && c.MaxRequestExpires < MinRequestExpires:
		return ErrConsumerMaxRequestExpiresTooSmall
	case most > 0 && c.MaxRequestBatch > most:
		return NewConsumerMaxRequestBatchExceeded(most)
	}
	return nil
}

func (j *consumerJudge) push() error {
	switch c := j.c; {
	case !subject.IsLiteral(c.DeliverSubject):
		return ErrConsumerDeliverToWildcards
	case !isSubject(c.DeliverSubject):
		return ErrConsumerInvalidDeliverSubject
	case slices.ContainsFunc(j.stream.Subjects, func(s string) bool { return subject.Match(c.DeliverSubject, s) }):
		return ErrConsumerDeliverCycle
	case c.MaxWaiting != 0:
		return ErrConsumerPushMaxWaiting
	case c.MaxAckPending > 0 && c.AckPolicy == AckNone:
		return ErrConsumerMaxPendingAckPolicyRequired
	case c.Heartbeat > 0 && c.Heartbeat < MinInterval:
		return ErrConsumerSmallHeartbeat
	}
	return nil
}

func (j *consumerJudge) ackPending() error {
	for _, most := range []int{j.server.MaxAckPending, j.account.MaxAckPending, j.stream.ConsumerLimits.MaxAckPending} {
		if most > 0 && j.c.MaxAckPending > most {
			return NewConsumerMaxPendingAckExcess(most)
		}
	}
	return nil
}

func (j *consumerJudge) threshold() error {
	if most := j.stream.ConsumerLimits.InactiveThreshold; most > 0 && j.c.InactiveThreshold > most {
		return NewConsumerInactiveThresholdExcess(most)
	}
	return nil
}

func (j *consumerJudge) direct() error {
	switch c := j.c; {
	case !c.Direct:
		return nil
	case !c.IsPush():
		return ErrConsumerDirectRequiresPush
	case c.Durable != "":
		return ErrConsumerDirectRequiresEphemeral
	}
	return nil
}

func (j *consumerJudge) filters() error {
	c := j.c
	switch {
	case c.FilterSubject != "" && len(c.FilterSubjects) > 0:
		return ErrConsumerDuplicateFilterSubjects
	case slices.Contains(c.FilterSubjects, ""):
		return ErrConsumerEmptyFilter
	}
	filters := c.Filters()
	narrower := anyNarrower(filters)
	for i, filter := range filters {
		if !isSubject(filter) {
			return invalid("%w", errBadSubject)
		}
		if i == narrower {
			return ErrConsumerOverlappingSubjectFilters
		}
	}
	return nil
}

// policyTexts are how errors call the policies.
var policyTexts = map[DeliverPolicy]string{
	DeliverAll:             "all",
	DeliverLast:            "last",
	DeliverLastPerSubject:  "last per subject",
	DeliverNew:             "new",
	DeliverByStartSequence: "by start sequence",
	DeliverByStartTime:     "by start time",
}

// start judges where the consumer begins: only one way to say that may be used.
func (j *consumerJudge) start() error {
	c := j.c
	policy := "consumer delivery policy is deliver " + policyTexts[c.DeliverPolicy] + ", but optional "
	bySequence, byTime := c.DeliverPolicy == DeliverByStartSequence, c.DeliverPolicy == DeliverByStartTime
	sequence := "start sequence"
	if byTime {
		sequence = "start start sequence" // as it has always been
	}
	switch {
	case bySequence && c.StartSequence == 0:
		return NewConsumerInvalidPolicy(errorf("%sstart sequence is not set", policy))
	case byTime && c.StartTime == nil:
		return NewConsumerInvalidPolicy(errorf("%sstart time is not set", policy))
	case !bySequence && c.StartSequence > 0:
		return NewConsumerInvalidPolicy(errorf("%s%s is also set", policy, sequence))
	case !byTime && c.StartTime != nil:
		return NewConsumerInvalidPolicy(errorf("%sstart time is also set", policy))
	case c.DeliverPolicy == DeliverLastPerSubject && len(c.Filters()) == 0:
		return NewConsumerInvalidPolicy(errorf("%sfilter subject is not set", policy))
	}
	return nil
}

// SamplePercent reads a sample frequency: a number of percent, with or without the
// sign; empty is 0. It is 100 at most.
func SamplePercent(frequency string) (int, error) {
	if frequency == "" {
		return 0, nil
	}
	percent, err := strconv.Atoi(strings.TrimSuffix(frequency, "%"))
	switch {
	case err != nil:
		return 0, err
	case percent < 0:
		return 0, fmt.Errorf("%d is negative", percent)
	}
	return min(percent, 100), nil
}

func (j *consumerJudge) sampling() error {
	if _, err := SamplePercent(j.c.SampleFrequency); err != nil {
		return NewConsumerInvalidSampling(err)
	}
	return nil
}

func (j *consumerJudge) heartbeats() error {
	if j.c.FlowControl && j.c.Heartbeat == 0 {
		return ErrConsumerWithFlowControlNeedsHeartbeats
	}
	return nil
}

func (j *consumerJudge) sameNames() error {
	if c := j.c; c.Durable != "" && c.Name != "" && c.Durable != c.Name {
		return ErrConsumerCreateDurableAndNameMismatch
	}
	return nil
}

func (j *consumerJudge) metadata() error {
	if metadataSize(j.c.Metadata) > MaxMetadataSize {
		return NewConsumerMetadataLength(strconv.Itoa(MaxMetadataSize/1024) + "KB")
	}
	return nil
}

func (j *consumerJudge) groups() error {
	c := j.c
	if c.PriorityPolicy == PriorityNone {
		switch {
		case len(c.PriorityGroups) > 0:
			return ErrConsumerPriorityGroupWithPolicyNone
		case c.PriorityTimeout > 0:
			return ErrConsumerPinnedTTLWithoutPriorityPolicyNone
		}
		return nil
	}
	switch {
	case c.IsPush():
		return ErrConsumerPushWithPriorityGroup
	case len(c.PriorityGroups) == 0:
		return ErrConsumerPriorityPolicyWithoutGroup
	}
	for _, group := range c.PriorityGroups {
		switch {
		case group == "":
			return ErrConsumerEmptyGroupName
		case !IsValidGroup(group):
			return ErrConsumerInvalidGroupName
		}
	}
	return nil
}

// tidy makes nothing of what is empty.
func (j *consumerJudge) tidy() {
	c := j.c
	if c.Name == "" {
		c.Name = c.Durable
	}
	if len(c.BackOff) == 0 {
		c.BackOff = nil
	}
	if len(c.FilterSubjects) == 0 {
		c.FilterSubjects = nil
	}
	if len(c.PriorityGroups) == 0 {
		c.PriorityGroups = nil
	}
	if len(c.Metadata) == 0 {
		c.Metadata = nil
	}
}
