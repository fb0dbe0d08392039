package api

import "time"

// typePrefix begins the types of all answers.
const typePrefix = "io.nats.jetstream.api.v1."

// Types of answers.
const (
	TypeSystem                 = typePrefix + "system_response"
	TypeOverloaded             = typePrefix + "system_overloaded"
	TypeAccountInfo            = typePrefix + "account_info_response"
	TypeStreamCreate           = typePrefix + "stream_create_response"
	TypeStreamUpdate           = typePrefix + "stream_update_response"
	TypeStreamInfo             = typePrefix + "stream_info_response"
	TypeStreamNames            = typePrefix + "stream_names_response"
	TypeStreamList             = typePrefix + "stream_list_response"
	TypeStreamDelete           = typePrefix + "stream_delete_response"
	TypeStreamPurge            = typePrefix + "stream_purge_response"
	TypeMessageGet             = typePrefix + "stream_msg_get_response"
	TypeMessageDelete          = typePrefix + "stream_msg_delete_response"
	TypeStreamSnapshot         = typePrefix + "stream_snapshot_response"
	TypeStreamRestore          = typePrefix + "stream_restore_response"
	TypeStreamRemovePeer       = typePrefix + "stream_remove_peer_response"
	TypeStreamLeaderStepDown   = typePrefix + "stream_leader_stepdown_response"
	TypeConsumerCreate         = typePrefix + "consumer_create_response"
	TypeConsumerInfo           = typePrefix + "consumer_info_response"
	TypeConsumerNames          = typePrefix + "consumer_names_response"
	TypeConsumerList           = typePrefix + "consumer_list_response"
	TypeConsumerDelete         = typePrefix + "consumer_delete_response"
	TypeConsumerPause          = typePrefix + "consumer_pause_response"
	TypeConsumerUnpin          = typePrefix + "consumer_unpin_response"
	TypeConsumerReset          = typePrefix + "consumer_reset_response"
	TypeConsumerLeaderStepDown = typePrefix + "consumer_leader_stepdown_response"
	TypeMetaLeaderStepDown     = typePrefix + "meta_leader_stepdown_response"
	TypeMetaServerRemove       = typePrefix + "meta_server_remove_response"
	TypeMetaRescue             = typePrefix + "meta_rescue_response"
	TypeAccountPurge           = typePrefix + "account_purge_response"
)

// Response begins every answer, and is one that failed before it was known of what.
type Response struct {
	Type  string `json:"type"`
	Error *Error `json:"error,omitempty"`
}

// Page tells which part of a list an answer has: from Offset on, Limit entries at
// most, of Total.
type Page struct {
	Total  int `json:"total"`
	Offset int `json:"offset"`
	Limit  int `json:"limit"`
}

// SuccessResponse answers what has no other result than that it was done.
type SuccessResponse struct {
	Response
	Success bool `json:"success,omitempty"`
}

// AccountInfoResponse answers INFO.
type AccountInfoResponse struct {
	Response
	*AccountInfo
}

// StreamCreateResponse answers STREAM.CREATE, and the end of a restore.
type StreamCreateResponse struct {
	Response
	*StreamInfo
	DidCreate bool `json:"did_create,omitempty"`
}

// StreamUpdateResponse answers STREAM.UPDATE.
type StreamUpdateResponse struct {
	Response
	*StreamInfo
}

// StreamInfoResponse answers STREAM.INFO.
type StreamInfoResponse struct {
	Response
	Page
	*StreamInfo
}

// StreamNamesResponse answers STREAM.NAMES. An empty page has no list, but null.
type StreamNamesResponse struct {
	Response
	Page
	Streams []string `json:"streams"`
}

// StreamListResponse answers STREAM.LIST. An empty page has an empty list, which
// must not be nil.
type StreamListResponse struct {
	Response
	Page
	Streams []*StreamInfo     `json:"streams"`
	Missing []string          `json:"missing,omitempty"`
	Offline map[string]string `json:"offline,omitempty"`
}

// PurgeResponse answers STREAM.PURGE.
type PurgeResponse struct {
	Response
	Success bool   `json:"success,omitempty"`
	Purged  uint64 `json:"purged"`
}

// MessageGetResponse answers STREAM.MSG.GET.
type MessageGetResponse struct {
	Response
	Message *StoredMessage `json:"message,omitempty"`
}

// SnapshotResponse answers STREAM.SNAPSHOT before the archive comes.
type SnapshotResponse struct {
	Response
	Config *StreamConfig `json:"config,omitempty"`
	State  *StreamState  `json:"state,omitempty"`
}

// RestoreResponse answers STREAM.RESTORE: where the archive shall be sent.
type RestoreResponse struct {
	Response
	DeliverSubject string `json:"deliver_subject"`
}

// ConsumerCreateResponse answers the requests that create or update a consumer.
type ConsumerCreateResponse struct {
	Response
	*ConsumerInfo
}

// ConsumerInfoResponse answers CONSUMER.INFO.
type ConsumerInfoResponse struct {
	Response
	*ConsumerInfo
}

// ConsumerNamesResponse answers CONSUMER.NAMES. The list must not be nil.
type ConsumerNamesResponse struct {
	Response
	Page
	Consumers []string `json:"consumers"`
}

// ConsumerListResponse answers CONSUMER.LIST. The list must not be nil.
type ConsumerListResponse struct {
	Response
	Page
	Consumers []*ConsumerInfo   `json:"consumers"`
	Missing   []string          `json:"missing,omitempty"`
	Offline   map[string]string `json:"offline,omitempty"`
}

// PauseResponse answers CONSUMER.PAUSE.
type PauseResponse struct {
	Response
	Paused    bool          `json:"paused"`
	Until     time.Time     `json:"pause_until"`
	Remaining time.Duration `json:"pause_remaining,omitempty"`
}

// ResetResponse answers CONSUMER.RESET.
type ResetResponse struct {
	Response
	*ConsumerInfo
	Sequence uint64 `json:"reset_seq"`
}

// MetaRescueResponse answers META.RESCUE, once from each server.
type MetaRescueResponse struct {
	Response
	Server         string `json:"server"`
	ServerID       string `json:"server_id"`
	PreviousQuorum int    `json:"prev_quorum,omitempty"`
	NewQuorum      int    `json:"new_quorum,omitempty"`
}

// AccountPurgeResponse answers ACCOUNT.PURGE.
type AccountPurgeResponse struct {
	Response
	Initiated bool `json:"initiated,omitempty"`
}
