package api

import "time"

// StreamInfo is what is told of a stream.
type StreamInfo struct {
	Config  StreamConfig `json:"config"`
	Created time.Time    `json:"created"`
	State   StreamState  `json:"state"`
	// Domain is that of the server, empty if it has none.
	Domain     string            `json:"domain,omitempty"`
	Cluster    *ClusterInfo      `json:"cluster,omitempty"`
	Mirror     *SourceInfo       `json:"mirror,omitempty"`
	Sources    []*SourceInfo     `json:"sources,omitempty"`
	Alternates []StreamAlternate `json:"alternates,omitempty"`
	// Time is when the rest was true.
	Time time.Time `json:"ts"`
}

// StreamState is the summary of the messages of a stream. Times are UTC, and zero if
// there is none.
type StreamState struct {
	Messages      uint64    `json:"messages"`
	Bytes         uint64    `json:"bytes"`
	FirstSequence uint64    `json:"first_seq"`
	FirstTime     time.Time `json:"first_ts"`
	LastSequence  uint64    `json:"last_seq"`
	LastTime      time.Time `json:"last_ts"`
	NumSubjects   int       `json:"num_subjects,omitempty"`
	// Subjects is the number of messages of each subject that was asked for.
	Subjects   map[string]uint64 `json:"subjects,omitempty"`
	NumDeleted int               `json:"num_deleted,omitempty"`
	// Deleted are the sequences between the first and the last without a message, if
	// they were asked for.
	Deleted []uint64        `json:"deleted,omitempty"`
	Lost    *LostStreamData `json:"lost,omitempty"`
	// Consumers does not count those of other servers.
	Consumers int `json:"consumer_count"`
}

// LostStreamData are messages that were stored and cannot be read.
type LostStreamData struct {
	Messages []uint64 `json:"msgs"`
	Bytes    uint64   `json:"bytes"`
}

// SourceInfo tells how far a mirror or a source has come.
type SourceInfo struct {
	Name     string          `json:"name"`
	External *ExternalStream `json:"external,omitempty"`
	// Lag is how many messages of the origin are still to come.
	Lag uint64 `json:"lag"`
	// Sequence is that of the last message received, in the origin.
	Sequence uint64 `json:"seq,omitempty"`
	// Active is the time since something was heard, -1 if never.
	Active            time.Duration      `json:"active"`
	Error             *Error             `json:"error,omitempty"`
	FilterSubject     string             `json:"filter_subject,omitempty"`
	SubjectTransforms []SubjectTransform `json:"subject_transforms,omitempty"`
}

// StreamAlternate is another stream with the same messages.
type StreamAlternate struct {
	Name    string `json:"name"`
	Domain  string `json:"domain,omitempty"`
	Cluster string `json:"cluster"`
}

// ClusterInfo tells which servers keep an asset.
type ClusterInfo struct {
	Name           string              `json:"name,omitempty"`
	RaftGroup      string              `json:"raft_group,omitempty"`
	Leader         string              `json:"leader,omitempty"`
	LeaderSince    *time.Time          `json:"leader_since,omitempty"`
	SystemAccount  bool                `json:"system_account,omitempty"`
	TrafficAccount string              `json:"traffic_account,omitempty"`
	Replicas       []*PeerInfo         `json:"replicas,omitempty"`
	Desired        *DesiredClusterInfo `json:"desired,omitempty"`
}

// DesiredClusterInfo tells which servers shall keep an asset once it has moved.
type DesiredClusterInfo struct {
	Name     string               `json:"name,omitempty"`
	Replicas []*PeerInfo          `json:"replicas,omitempty"`
	Origin   *DesiredOriginInfo   `json:"origin,omitempty"`
	Status   *DesiredProgressInfo `json:"status,omitempty"`
}

// DesiredOriginInfo is what a change of the servers began with.
type DesiredOriginInfo struct {
	Replicas  int              `json:"replicas"`
	Placement *Placement       `json:"placement,omitempty"`
	Retention *RetentionPolicy `json:"retention,omitempty"`
}

// DesiredProgressInfo is what such a change waits for.
type DesiredProgressInfo struct {
	Description string `json:"description"`
	Type        string `json:"type"`
	Error       string `json:"err,omitempty"`
}

// PeerInfo is one of the servers that keep an asset.
type PeerInfo struct {
	Name    string `json:"name"`
	Current bool   `json:"current"`
	Offline bool   `json:"offline,omitempty"`
	// Active is the time since it was heard, Lag the number of operations missing.
	Active  time.Duration `json:"active"`
	Lag     uint64        `json:"lag,omitempty"`
	Peer    string        `json:"peer"`
	Pending bool          `json:"pending,omitempty"`
}

// ConsumerInfo is what is told of a consumer.
type ConsumerInfo struct {
	Stream         string          `json:"stream_name"`
	Name           string          `json:"name"`
	Created        time.Time       `json:"created"`
	Config         *ConsumerConfig `json:"config,omitempty"`
	Delivered      SequenceInfo    `json:"delivered"`
	AckFloor       SequenceInfo    `json:"ack_floor"`
	NumAckPending  int             `json:"num_ack_pending"`
	NumRedelivered int             `json:"num_redelivered"`
	NumWaiting     int             `json:"num_waiting"`
	NumPending     uint64          `json:"num_pending"`
	Cluster        *ClusterInfo    `json:"cluster,omitempty"`
	PushBound      bool            `json:"push_bound,omitempty"`
	Paused         bool            `json:"paused,omitempty"`
	PauseRemaining time.Duration   `json:"pause_remaining,omitempty"`
	// Time is when the rest was true.
	Time           time.Time            `json:"ts"`
	PriorityGroups []PriorityGroupState `json:"priority_groups,omitempty"`
}

// SequenceInfo is a place in the deliveries of a consumer and in the stream.
type SequenceInfo struct {
	Consumer uint64     `json:"consumer_seq"`
	Stream   uint64     `json:"stream_seq"`
	Last     *time.Time `json:"last_active,omitempty"`
}

// PriorityGroupState tells who is pinned in a group. The time is always there, zero
// if nobody is.
type PriorityGroupState struct {
	Group          string    `json:"group"`
	PinnedClientID string    `json:"pinned_client_id,omitempty"`
	PinnedTime     time.Time `json:"pinned_ts"`
}

// AccountInfo is what an account uses and may use.
type AccountInfo struct {
	AccountTier
	Domain string                 `json:"domain,omitempty"`
	API    APIStatistics          `json:"api"`
	Tiers  map[string]AccountTier `json:"tiers,omitempty"`
}

// AccountTier is what the streams of one number of replicas use and may use.
type AccountTier struct {
	// Memory, Storage and what is reserved of them are bytes.
	Memory          uint64        `json:"memory"`
	Storage         uint64        `json:"storage"`
	ReservedMemory  uint64        `json:"reserved_memory"`
	ReservedStorage uint64        `json:"reserved_storage"`
	Streams         int           `json:"streams"`
	Consumers       int           `json:"consumers"`
	Limits          AccountLimits `json:"limits"`
}

// APIStatistics counts requests.
type APIStatistics struct {
	Level    int    `json:"level"`
	Total    uint64 `json:"total"`
	Errors   uint64 `json:"errors"`
	InFlight uint64 `json:"inflight,omitempty"`
}

// StoredMessage is a message as MSG.GET answers it. Header and data are base64 in
// JSON.
type StoredMessage struct {
	Subject  string    `json:"subject"`
	Sequence uint64    `json:"seq"`
	Header   []byte    `json:"hdrs,omitempty"`
	Data     []byte    `json:"data,omitempty"`
	Time     time.Time `json:"time"`
}
