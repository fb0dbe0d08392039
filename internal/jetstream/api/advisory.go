package api

import (
	"time"

	"github.com/godwit-mq/godwit/internal/events"
)

// Beginnings of the subjects of advisories and metrics; names follow.
const (
	AdvisoryPrefix = "$JS.EVENT.ADVISORY"
	MetricPrefix   = "$JS.EVENT.METRIC"
)

// typeAdvisory begins the types of advisories.
const typeAdvisory = "io.nats.jetstream.advisory.v1."

// Types of advisories and metrics, for the head of each.
const (
	TypeAudit                 = typeAdvisory + "api_audit"
	TypeLimitReached          = typeAdvisory + "api_limit_reached"
	TypeStreamAction          = typeAdvisory + "stream_action"
	TypeConsumerAction        = typeAdvisory + "consumer_action"
	TypePause                 = typeAdvisory + "consumer_pause"
	TypePinned                = typeAdvisory + "consumer_group_pinned"
	TypeUnpinned              = typeAdvisory + "consumer_group_unpinned"
	TypeMaxDeliver            = typeAdvisory + "max_deliver"
	TypeNak                   = typeAdvisory + "nak"
	TypeTerminated            = typeAdvisory + "terminated"
	TypeSnapshotCreate        = typeAdvisory + "snapshot_create"
	TypeSnapshotComplete      = typeAdvisory + "snapshot_complete"
	TypeRestoreCreate         = typeAdvisory + "restore_create"
	TypeRestoreComplete       = typeAdvisory + "restore_complete"
	TypeBatchAbandoned        = typeAdvisory + "stream_batch_abandoned"
	TypeOutOfStorage          = typeAdvisory + "server_out_of_space"
	TypeServerRemoved         = typeAdvisory + "server_removed"
	TypeMetaRescued           = typeAdvisory + "meta_rescue"
	TypeDomainLeaderElected   = typeAdvisory + "domain_leader_elected"
	TypeStreamLeaderElected   = typeAdvisory + "stream_leader_elected"
	TypeStreamQuorumLost      = typeAdvisory + "stream_quorum_lost"
	TypeConsumerLeaderElected = typeAdvisory + "consumer_leader_elected"
	TypeConsumerQuorumLost    = typeAdvisory + "consumer_quorum_lost"
	TypeAck                   = "io.nats.jetstream.metric.v1.consumer_ack"
)

// An Advisory is told to whoever listens on its subject. The heads of all of them
// are made with events.NewHead and the type that belongs to them, the Kind.
type Advisory interface {
	Subject() string
	Kind() string
}

// An Action is what happened to a stream or a consumer.
type Action string

// Actions.
const (
	ActionCreated  Action = "create"
	ActionModified Action = "modify"
	ActionDeleted  Action = "delete"
)

// word is the token of an action in a subject.
func (a Action) word() string {
	switch a {
	case ActionModified:
		return "UPDATED"
	case ActionDeleted:
		return "DELETED"
	default:
		return "CREATED"
	}
}

// Audit tells of an answered request.
type Audit struct {
	events.Head
	Server   string         `json:"server"`
	Client   *events.Client `json:"client"`
	Request  string         `json:"subject"`
	Body     string         `json:"request,omitempty"`
	Response string         `json:"response"`
	Domain   string         `json:"domain,omitempty"`
}

// LimitReached tells that requests were dropped.
type LimitReached struct {
	events.Head
	Server  string `json:"server"`
	Domain  string `json:"domain,omitempty"`
	Dropped int64  `json:"dropped"`
}

// StreamAction tells that a stream was made, changed or deleted.
type StreamAction struct {
	events.Head
	Stream string `json:"stream"`
	Action Action `json:"action"`
	Domain string `json:"domain,omitempty"`
}

// ConsumerActed tells that a consumer was made or deleted.
type ConsumerActed struct {
	events.Head
	Stream   string `json:"stream"`
	Consumer string `json:"consumer"`
	Action   Action `json:"action"`
	Domain   string `json:"domain,omitempty"`
}

// ConsumerPaused tells that a consumer was paused or resumed.
type ConsumerPaused struct {
	events.Head
	Stream   string    `json:"stream"`
	Consumer string    `json:"consumer"`
	Paused   bool      `json:"paused"`
	Until    time.Time `json:"pause_until"`
	Domain   string    `json:"domain,omitempty"`
}

// Pinned tells which client of a group is served from now on.
type Pinned struct {
	events.Head
	Account  string `json:"account,omitempty"`
	Stream   string `json:"stream"`
	Consumer string `json:"consumer"`
	Domain   string `json:"domain,omitempty"`
	Group    string `json:"group"`
	PinnedID string `json:"pinned_id"`
}

// Reasons for which a client is not pinned any more.
const (
	UnpinnedByAdmin   = "admin"
	UnpinnedByTimeout = "timeout"
)

// Unpinned tells that no client of a group is served any more.
type Unpinned struct {
	events.Head
	Account  string `json:"account,omitempty"`
	Stream   string `json:"stream"`
	Consumer string `json:"consumer"`
	Domain   string `json:"domain,omitempty"`
	Group    string `json:"group"`
	Reason   string `json:"reason"`
}

// MaxDeliver tells that a message was delivered as often as it may be.
type MaxDeliver struct {
	events.Head
	Stream     string `json:"stream"`
	Consumer   string `json:"consumer"`
	StreamSeq  uint64 `json:"stream_seq"`
	Deliveries uint64 `json:"deliveries"`
	Domain     string `json:"domain,omitempty"`
}

// Nak tells that a client refused a message.
type Nak struct {
	events.Head
	Stream      string `json:"stream"`
	Consumer    string `json:"consumer"`
	ConsumerSeq uint64 `json:"consumer_seq"`
	StreamSeq   uint64 `json:"stream_seq"`
	Deliveries  uint64 `json:"deliveries"`
	Domain      string `json:"domain,omitempty"`
}

// Reasons of Terminated that do not come from clients.
const (
	TerminatedByDeletion = "Unacknowledged message was deleted"
	TerminatedByLimits   = "Message deleted by stream limits"
)

// Terminated tells that a message will not be delivered again.
type Terminated struct {
	events.Head
	Stream      string `json:"stream"`
	Consumer    string `json:"consumer"`
	ConsumerSeq uint64 `json:"consumer_seq"`
	StreamSeq   uint64 `json:"stream_seq"`
	Deliveries  uint64 `json:"deliveries"`
	Reason      string `json:"reason,omitempty"`
	Domain      string `json:"domain,omitempty"`
}

// AckMetric tells how long an acknowledgement took.
type AckMetric struct {
	events.Head
	Stream      string `json:"stream"`
	Consumer    string `json:"consumer"`
	ConsumerSeq uint64 `json:"consumer_seq"`
	StreamSeq   uint64 `json:"stream_seq"`
	// AckTime is the time since the message was delivered last.
	AckTime    time.Duration `json:"ack_time"`
	Deliveries uint64        `json:"deliveries"`
	Domain     string        `json:"domain,omitempty"`
}

// SnapshotCreated tells that an archive of a stream is on its way.
type SnapshotCreated struct {
	events.Head
	Stream string         `json:"stream"`
	State  StreamState    `json:"state"`
	Client *events.Client `json:"client"`
	Domain string         `json:"domain,omitempty"`
}

// SnapshotCompleted tells that it has arrived, or not.
type SnapshotCompleted struct {
	events.Head
	Stream string         `json:"stream"`
	Start  time.Time      `json:"start"`
	End    time.Time      `json:"end"`
	Client *events.Client `json:"client"`
	Domain string         `json:"domain,omitempty"`
	Error  string         `json:"error,omitempty"`
}

// RestoreCreated tells that an archive is to become a stream.
type RestoreCreated struct {
	events.Head
	Stream string         `json:"stream"`
	Client *events.Client `json:"client"`
	Domain string         `json:"domain,omitempty"`
}

// RestoreCompleted tells that it did.
type RestoreCompleted struct {
	events.Head
	Stream string         `json:"stream"`
	Start  time.Time      `json:"start"`
	End    time.Time      `json:"end"`
	Bytes  int64          `json:"bytes"`
	Client *events.Client `json:"client"`
	Domain string         `json:"domain,omitempty"`
}

// Reasons for which a batch is abandoned.
const (
	BatchTimedOut    = "timeout"
	BatchTooLarge    = "large"
	BatchIncomplete  = "incomplete"
	BatchUnsupported = "unsupported"
)

// BatchAbandoned tells that a batch will not be stored.
type BatchAbandoned struct {
	events.Head
	Account string `json:"account,omitempty"`
	Stream  string `json:"stream"`
	Domain  string `json:"domain,omitempty"`
	Batch   string `json:"batch"`
	Reason  string `json:"reason"`
}

// OutOfStorage tells that a server cannot store any more.
type OutOfStorage struct {
	events.Head
	Server   string `json:"server"`
	ServerID string `json:"server_id"`
	Stream   string `json:"stream,omitempty"`
	Cluster  string `json:"cluster"`
	Domain   string `json:"domain,omitempty"`
}

// ServerRemoved tells that a server is no member of the cluster any more.
type ServerRemoved struct {
	events.Head
	Server   string `json:"server"`
	ServerID string `json:"server_id"`
	Cluster  string `json:"cluster"`
	Domain   string `json:"domain,omitempty"`
}

// MetaRescued tells that fewer servers decide.
type MetaRescued struct {
	events.Head
	Server         string `json:"server"`
	ServerID       string `json:"server_id"`
	PreviousQuorum int    `json:"prev_quorum"`
	NewQuorum      int    `json:"new_quorum"`
	Cluster        string `json:"cluster"`
	Domain         string `json:"domain,omitempty"`
}

// DomainLeaderElected tells which server leads a domain.
type DomainLeaderElected struct {
	events.Head
	Leader   string      `json:"leader"`
	Replicas []*PeerInfo `json:"replicas"`
	Cluster  string      `json:"cluster"`
	Domain   string      `json:"domain,omitempty"`
}

// StreamLeaderElected tells which server leads a stream.
type StreamLeaderElected struct {
	events.Head
	Account  string      `json:"account,omitempty"`
	Stream   string      `json:"stream"`
	Leader   string      `json:"leader"`
	Replicas []*PeerInfo `json:"replicas"`
	Domain   string      `json:"domain,omitempty"`
}

// StreamQuorumLost tells that a stream cannot go on.
type StreamQuorumLost struct {
	events.Head
	Account  string      `json:"account,omitempty"`
	Stream   string      `json:"stream"`
	Replicas []*PeerInfo `json:"replicas"`
	Domain   string      `json:"domain,omitempty"`
}

// ConsumerLeaderElected tells which server leads a consumer.
type ConsumerLeaderElected struct {
	events.Head
	Account  string      `json:"account,omitempty"`
	Stream   string      `json:"stream"`
	Consumer string      `json:"consumer"`
	Leader   string      `json:"leader"`
	Replicas []*PeerInfo `json:"replicas"`
	Domain   string      `json:"domain,omitempty"`
}

// ConsumerQuorumLost tells that a consumer cannot go on.
type ConsumerQuorumLost struct {
	events.Head
	Account  string      `json:"account,omitempty"`
	Stream   string      `json:"stream"`
	Consumer string      `json:"consumer"`
	Replicas []*PeerInfo `json:"replicas"`
	Domain   string      `json:"domain,omitempty"`
}
