package api

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// ConsumerConfig is the configuration of a consumer, in the order in which clients
// see it. Durations are nanoseconds in JSON.
type ConsumerConfig struct {
	Durable       string        `json:"durable_name,omitempty"`
	Name          string        `json:"name,omitempty"`
	Description   string        `json:"description,omitempty"`
	DeliverPolicy DeliverPolicy `json:"deliver_policy"`
	StartSequence uint64        `json:"opt_start_seq,omitempty"`
	StartTime     *time.Time    `json:"opt_start_time,omitempty"`
	AckPolicy     AckPolicy     `json:"ack_policy"`
	AckWait       time.Duration `json:"ack_wait,omitempty"`
	// MaxDeliver is how often one message is delivered; -1 is no limit.
	MaxDeliver     int             `json:"max_deliver,omitempty"`
	BackOff        []time.Duration `json:"backoff,omitempty"`
	FilterSubject  string          `json:"filter_subject,omitempty"`
	FilterSubjects []string        `json:"filter_subjects,omitempty"`
	ReplayPolicy   ReplayPolicy    `json:"replay_policy"`
	// RateLimit is in bits per second; 0 is none.
	RateLimit uint64 `json:"rate_limit_bps,omitempty"`
	// SampleFrequency is a percentage, with or without the sign.
	SampleFrequency string `json:"sample_freq,omitempty"`
	MaxWaiting      int    `json:"max_waiting,omitempty"`
	MaxAckPending   int    `json:"max_ack_pending,omitempty"`
	FlowControl     bool   `json:"flow_control,omitempty"`
	HeadersOnly     bool   `json:"headers_only,omitempty"`

	// MaxRequestBatch, MaxRequestExpires and MaxRequestBytes bound one pull request;
	// 0 is no bound.
	MaxRequestBatch   int           `json:"max_batch,omitempty"`
	MaxRequestExpires time.Duration `json:"max_expires,omitempty"`
	MaxRequestBytes   int           `json:"max_bytes,omitempty"`

	// DeliverSubject makes the consumer a push consumer; without, it is pulled from.
	DeliverSubject string        `json:"deliver_subject,omitempty"`
	DeliverGroup   string        `json:"deliver_group,omitempty"`
	Heartbeat      time.Duration `json:"idle_heartbeat,omitempty"`

	InactiveThreshold time.Duration `json:"inactive_threshold,omitempty"`
	// Replicas is 0 if it is the stream's number.
	Replicas      int  `json:"num_replicas"`
	MemoryStorage bool `json:"mem_storage,omitempty"`

	// Direct and Sourcing are for servers that copy the stream.
	Direct   bool `json:"direct,omitempty"`
	Sourcing bool `json:"sourcing,omitempty"`

	Metadata   map[string]string `json:"metadata,omitempty"`
	PauseUntil *time.Time        `json:"pause_until,omitempty"`

	PriorityGroups []string       `json:"priority_groups,omitempty"`
	PriorityPolicy PriorityPolicy `json:"priority_policy,omitempty"`
	// PriorityTimeout is how long a pinned client may be silent.
	PriorityTimeout time.Duration `json:"priority_timeout,omitempty"`
}

// Clone returns a copy that shares nothing with c.
func (c *ConsumerConfig) Clone() *ConsumerConfig {
	if c == nil {
		return nil
	}
	clone := *c
	clone.StartTime = clonePointer(c.StartTime)
	clone.BackOff = slices.Clone(c.BackOff)
	clone.FilterSubjects = slices.Clone(c.FilterSubjects)
	clone.Metadata = maps.Clone(c.Metadata)
	clone.PauseUntil = clonePointer(c.PauseUntil)
	clone.PriorityGroups = slices.Clone(c.PriorityGroups)
	return &clone
}

// IsPush says whether messages are sent to a subject without being asked for.
func (c *ConsumerConfig) IsPush() bool { return c.DeliverSubject != "" }

// Filters are the subjects of which the consumer wants messages; none is all.
// The result belongs to the configuration.
func (c *ConsumerConfig) Filters() []string {
	if c.FilterSubject != "" {
		return []string{c.FilterSubject}
	}
	return c.FilterSubjects
}

// DeliverPolicy says which message is the first.
type DeliverPolicy uint8

const (
	// DeliverAll begins with the oldest message.
	DeliverAll DeliverPolicy = iota
	// DeliverLast begins with the newest message.
	DeliverLast
	// DeliverNew begins with what is stored from now on.
	DeliverNew
	// DeliverByStartSequence begins at a sequence.
	DeliverByStartSequence
	// DeliverByStartTime begins at a time.
	DeliverByStartTime
	// DeliverLastPerSubject begins with the newest message of each subject.
	DeliverLastPerSubject
)

var deliverTexts = enum{"all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject"}

func (p DeliverPolicy) String() string { return deliverTexts.text(uint8(p)) }

// MarshalJSON writes the policy as a word.
func (p DeliverPolicy) MarshalJSON() ([]byte, error) { return deliverTexts.marshal(uint8(p)) }

// UnmarshalJSON reads the word; "undefined" is all.
func (p *DeliverPolicy) UnmarshalJSON(data []byte) error {
	if string(data) == `"undefined"` {
		*p = DeliverAll
		return nil
	}
	value, err := deliverTexts.unmarshal(data)
	if err == nil {
		*p = DeliverPolicy(value)
	}
	return err
}

// AckPolicy says what acknowledgements are waited for.
type AckPolicy uint8

const (
	// AckNone waits for none.
	AckNone AckPolicy = iota
	// AckAll takes one for all messages up to it.
	AckAll
	// AckExplicit waits for one per message.
	AckExplicit
	// AckFlowControl is AckAll by the answers to flow control.
	AckFlowControl
)

var ackTexts = enum{"none", "all", "explicit", "flow_control"}

func (p AckPolicy) String() string { return ackTexts.text(uint8(p)) }

// MarshalJSON writes the policy as a word.
func (p AckPolicy) MarshalJSON() ([]byte, error) { return ackTexts.marshal(uint8(p)) }

// UnmarshalJSON reads the word.
func (p *AckPolicy) UnmarshalJSON(data []byte) error {
	value, err := ackTexts.unmarshal(data)
	if err == nil {
		*p = AckPolicy(value)
	}
	return err
}

// ReplayPolicy says how fast old messages are delivered.
type ReplayPolicy uint8

const (
	// ReplayInstant is as fast as possible.
	ReplayInstant ReplayPolicy = iota
	// ReplayOriginal is as they came.
	ReplayOriginal
)

var replayTexts = enum{"instant", "original"}

func (p ReplayPolicy) String() string { return replayTexts.text(uint8(p)) }

// MarshalJSON writes the policy as a word.
func (p ReplayPolicy) MarshalJSON() ([]byte, error) { return replayTexts.marshal(uint8(p)) }

// UnmarshalJSON reads the word.
func (p *ReplayPolicy) UnmarshalJSON(data []byte) error {
	value, err := replayTexts.unmarshal(data)
	if err == nil {
		*p = ReplayPolicy(value)
	}
	return err
}

// PriorityPolicy says which of several waiting clients are served.
type PriorityPolicy uint8

const (
	// PriorityNone serves them in turn.
	PriorityNone PriorityPolicy = iota
	// PriorityOverflow serves those whose demands on the backlog are met.
	PriorityOverflow
	// PriorityPinned serves one until it is silent.
	PriorityPinned
	// PriorityPrioritized serves the lowest number first.
	PriorityPrioritized
)

var priorityTexts = enum{"none", "overflow", "pinned_client", "prioritized"}

func (p PriorityPolicy) String() string { return priorityTexts.text(uint8(p)) }

// MarshalJSON writes the policy as a word.
func (p PriorityPolicy) MarshalJSON() ([]byte, error) { return priorityTexts.marshal(uint8(p)) }

// UnmarshalJSON reads the word.
func (p *PriorityPolicy) UnmarshalJSON(data []byte) error {
	value, ok := priorityTexts.find(data)
	if !ok {
		return fmt.Errorf("unknown priority policy: %s", data)
	}
	*p = PriorityPolicy(value)
	return nil
}

// ConsumerAction says what a create request expects to find.
type ConsumerAction uint8

const (
	// ActionCreateOrUpdate takes both.
	ActionCreateOrUpdate ConsumerAction = iota
	// ActionCreate fails if there is a different consumer of the name.
	ActionCreate
	// ActionUpdate fails if there is no consumer of the name.
	ActionUpdate
)

var actionTexts = enum{"", "create", "update"}

func (a ConsumerAction) String() string { return actionTexts.text(uint8(a)) }

// MarshalJSON writes the action as a word.
func (a ConsumerAction) MarshalJSON() ([]byte, error) { return actionTexts.marshal(uint8(a)) }

// UnmarshalJSON reads the word.
func (a *ConsumerAction) UnmarshalJSON(data []byte) error {
	value, ok := actionTexts.find(data)
	if !ok {
		return fmt.Errorf("unknown consumer action: %s", data)
	}
	*a = ConsumerAction(value)
	return nil
}
