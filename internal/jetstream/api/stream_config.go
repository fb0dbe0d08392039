package api

import (
	"maps"
	"slices"
	"time"
)

// StreamConfig is the configuration of a stream, in the order in which clients see
// it. Durations are nanoseconds in JSON. A limit of -1 is none.
type StreamConfig struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Subjects    []string        `json:"subjects,omitempty"`
	Retention   RetentionPolicy `json:"retention"`
	// MaxConsumers, MaxMessages, MaxBytes and MaxPerSubject are numbers of consumers,
	// messages, bytes, and messages of one subject.
	MaxConsumers  int           `json:"max_consumers"`
	MaxMessages   int64         `json:"max_msgs"`
	MaxBytes      int64         `json:"max_bytes"`
	MaxAge        time.Duration `json:"max_age"`
	MaxPerSubject int64         `json:"max_msgs_per_subject"`
	// MaxMessageSize bounds headers and payload together, in bytes.
	MaxMessageSize int32         `json:"max_msg_size,omitempty"`
	Discard        DiscardPolicy `json:"discard"`
	Storage        StorageType   `json:"storage"`
	Replicas       int           `json:"num_replicas"`
	// NoAck says that publishers are never answered.
	NoAck bool `json:"no_ack,omitempty"`
	// DuplicateWindow is how long message identifiers are remembered; 0 is never.
	DuplicateWindow time.Duration   `json:"duplicate_window,omitempty"`
	Placement       *Placement      `json:"placement,omitempty"`
	Mirror          *StreamSource   `json:"mirror,omitempty"`
	Sources         []*StreamSource `json:"sources,omitempty"`
	Compression     Compression     `json:"compression"`
	// FirstSequence is that of the first message; 0 is 1.
	FirstSequence        uint64            `json:"first_seq,omitempty"`
	SubjectTransform     *SubjectTransform `json:"subject_transform,omitempty"`
	RePublish            *RePublish        `json:"republish,omitempty"`
	AllowDirect          bool              `json:"allow_direct"`
	MirrorDirect         bool              `json:"mirror_direct"`
	DiscardNewPerSubject bool              `json:"discard_new_per_subject,omitempty"`
	Sealed               bool              `json:"sealed"`
	DenyDelete           bool              `json:"deny_delete"`
	DenyPurge            bool              `json:"deny_purge"`
	AllowRollup          bool              `json:"allow_rollup_hdrs"`
	ConsumerLimits       ConsumerLimits    `json:"consumer_limits"`
	AllowMessageTTL      bool              `json:"allow_msg_ttl"`
	// SubjectDeleteMarkerTTL is how long a marker stays in the place of a subject's
	// last message; 0 is no markers.
	SubjectDeleteMarkerTTL time.Duration `json:"subject_delete_marker_ttl,omitempty"`
	AllowCounter           bool          `json:"allow_msg_counter,omitempty"`
	AllowAtomic            bool          `json:"allow_atomic,omitempty"`
	AllowSchedules         bool          `json:"allow_msg_schedules,omitempty"`
	PersistMode            PersistMode   `json:"persist_mode,omitempty"`
	// AllowBatched allows fast batches, AllowAtomic atomic ones.
	AllowBatched bool              `json:"allow_batched,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
}

// Clone returns a copy that shares nothing with c.
func (c *StreamConfig) Clone() *StreamConfig {
	if c == nil {
		return nil
	}
	clone := *c
	clone.Subjects = slices.Clone(c.Subjects)
	clone.Placement = c.Placement.Clone()
	clone.Mirror = c.Mirror.Clone()
	if c.Sources != nil {
		clone.Sources = make([]*StreamSource, len(c.Sources))
		for i, source := range c.Sources {
			clone.Sources[i] = source.Clone()
		}
	}
	clone.SubjectTransform = clonePointer(c.SubjectTransform)
	clone.RePublish = clonePointer(c.RePublish)
	clone.Metadata = maps.Clone(c.Metadata)
	return &clone
}

// clonePointer copies what p points to, which must not hold pointers itself.
func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	copied := *p
	return &copied
}

// ConsumerLimits are what the consumers of a stream inherit and cannot exceed.
type ConsumerLimits struct {
	InactiveThreshold time.Duration `json:"inactive_threshold,omitempty"`
	MaxAckPending     int           `json:"max_ack_pending,omitempty"`
}

// Placement says on which servers an asset may live.
type Placement struct {
	Cluster   string   `json:"cluster,omitempty"`
	Tags      []string `json:"tags,omitempty"`
	Preferred string   `json:"preferred,omitempty"`
}

// Clone returns a copy that shares nothing with p.
func (p *Placement) Clone() *Placement {
	clone := clonePointer(p)
	if clone != nil {
		clone.Tags = slices.Clone(p.Tags)
	}
	return clone
}

// StreamSource names a stream from which another one is filled.
type StreamSource struct {
	Name              string             `json:"name"`
	StartSequence     uint64             `json:"opt_start_seq,omitempty"`
	StartTime         *time.Time         `json:"opt_start_time,omitempty"`
	FilterSubject     string             `json:"filter_subject,omitempty"`
	SubjectTransforms []SubjectTransform `json:"subject_transforms,omitempty"`
	External          *ExternalStream    `json:"external,omitempty"`
	Consumer          *SourceConsumer    `json:"consumer,omitempty"`
}

// Clone returns a copy that shares nothing with s.
func (s *StreamSource) Clone() *StreamSource {
	clone := clonePointer(s)
	if clone != nil {
		clone.StartTime = clonePointer(s.StartTime)
		clone.SubjectTransforms = slices.Clone(s.SubjectTransforms)
		clone.External = clonePointer(s.External)
		clone.Consumer = clonePointer(s.Consumer)
	}
	return clone
}

// ExternalStream tells how to reach a stream of another account or domain.
type ExternalStream struct {
	// APIPrefix stands in the place of "$JS.API".
	APIPrefix string `json:"api"`
	// DeliverPrefix begins the subjects to which the other side delivers.
	DeliverPrefix string `json:"deliver"`
}

// SourceConsumer is a durable consumer of the origin that is used as it is.
type SourceConsumer struct {
	Name           string `json:"name,omitempty"`
	DeliverSubject string `json:"deliver_subject,omitempty"`
}

// SubjectTransform is a rule that makes subjects out of others, in the grammar of
// package transform.
type SubjectTransform struct {
	Source      string `json:"src"`
	Destination string `json:"dest"`
}

// RePublish says under which subjects stored messages are published again.
type RePublish struct {
	Source      string `json:"src,omitempty"`
	Destination string `json:"dest"`
	// HeadersOnly leaves out the payload.
	HeadersOnly bool `json:"headers_only,omitempty"`
}

// RetentionPolicy says for whom messages are kept.
type RetentionPolicy uint8

const (
	// RetentionLimits keeps messages until a limit removes them.
	RetentionLimits RetentionPolicy = iota
	// RetentionInterest keeps messages while a consumer needs them.
	RetentionInterest
	// RetentionWorkQueue keeps messages until one consumer is done with them.
	RetentionWorkQueue
)

var retentionTexts = enum{"limits", "interest", "workqueue"}

func (p RetentionPolicy) String() string { return retentionTexts.text(uint8(p)) }

// MarshalJSON writes the policy as a word.
func (p RetentionPolicy) MarshalJSON() ([]byte, error) { return retentionTexts.marshal(uint8(p)) }

// UnmarshalJSON reads the word.
func (p *RetentionPolicy) UnmarshalJSON(data []byte) error {
	value, err := retentionTexts.unmarshal(data)
	if err == nil {
		*p = RetentionPolicy(value)
	}
	return err
}

// DiscardPolicy says what happens when a stream is full.
type DiscardPolicy uint8

const (
	// DiscardOld removes the oldest messages.
	DiscardOld DiscardPolicy = iota
	// DiscardNew refuses the new one.
	DiscardNew
)

var discardTexts = enum{"old", "new"}

func (p DiscardPolicy) String() string { return discardTexts.text(uint8(p)) }

// MarshalJSON writes the policy as a word.
func (p DiscardPolicy) MarshalJSON() ([]byte, error) { return discardTexts.marshal(uint8(p)) }

// UnmarshalJSON reads the word; capitals do not matter.
func (p *DiscardPolicy) UnmarshalJSON(data []byte) error {
	value, ok := discardTexts.find(lowerASCII(data))
	if !ok {
		_, err := discardTexts.unmarshal(data)
		return err
	}
	*p = DiscardPolicy(value)
	return nil
}

// lowerASCII is a copy of the data without capitals.
func lowerASCII(data []byte) []byte {
	lower := slices.Clone(data)
	for i, b := range lower {
		if 'A' <= b && b <= 'Z' {
			lower[i] = b + 'a' - 'A'
		}
	}
	return lower
}

// StorageType says where messages are kept.
type StorageType uint8

const (
	// FileStorage survives a restart.
	FileStorage StorageType = iota
	// MemoryStorage does not.
	MemoryStorage
)

var storageTexts = enum{"file", "memory"}

func (t StorageType) String() string { return storageTexts.text(uint8(t)) }

// MarshalJSON writes the type as a word.
func (t StorageType) MarshalJSON() ([]byte, error) { return storageTexts.marshal(uint8(t)) }

// UnmarshalJSON reads the word.
func (t *StorageType) UnmarshalJSON(data []byte) error {
	value, err := storageTexts.unmarshal(data)
	if err == nil {
		*t = StorageType(value)
	}
	return err
}

// PersistMode says what an acknowledgement of a published message promises.
type PersistMode uint8

const (
	// PersistDefault acknowledges what is stored.
	PersistDefault PersistMode = iota
	// PersistAsync may acknowledge what a crash would still lose.
	PersistAsync
)

var persistTexts = enum{"default", "async"}

func (m PersistMode) String() string { return persistTexts.text(uint8(m)) }

// MarshalJSON writes the mode as a word.
func (m PersistMode) MarshalJSON() ([]byte, error) { return persistTexts.marshal(uint8(m)) }

// UnmarshalJSON reads the word; the empty one is the default.
func (m *PersistMode) UnmarshalJSON(data []byte) error {
	if string(data) == `""` {
		*m = PersistDefault
		return nil
	}
	value, err := persistTexts.unmarshal(data)
	if err == nil {
		*m = PersistMode(value)
	}
	return err
}
