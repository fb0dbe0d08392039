package api

import "time"

// StreamRequest asks to create or to update a stream: a configuration, flat.
type StreamRequest struct {
	StreamConfig
	// Pedantic refuses what would be adjusted otherwise.
	Pedantic bool `json:"pedantic,omitempty"`
}

// PageRequest asks for the part of a list that begins at Offset.
type PageRequest struct {
	Offset int `json:"offset"`
}

// StreamInfoRequest asks for details of a stream.
type StreamInfoRequest struct {
	PageRequest
	DeletedDetails bool `json:"deleted_details,omitempty"`
	// SubjectsFilter asks for the subjects that it matches, page by page.
	SubjectsFilter string `json:"subjects_filter,omitempty"`
}

// StreamsRequest asks for streams, those with a subject that overlaps with Subject
// if there is one.
type StreamsRequest struct {
	PageRequest
	Subject string `json:"subject,omitempty"`
}

// ConsumersRequest asks for the consumers of a stream.
type ConsumersRequest struct {
	PageRequest
}

// PurgeRequest says which messages go. Sequence and Keep exclude each other.
type PurgeRequest struct {
	// Sequence is the first one that stays.
	Sequence uint64 `json:"seq,omitempty"`
	Filter   string `json:"filter,omitempty"`
	// Keep is how many of the newest stay.
	Keep uint64 `json:"keep,omitempty"`
}

// Check says whether the request makes sense.
func (r *PurgeRequest) Check() error {
	if r.Sequence > 0 && r.Keep > 0 {
		return ErrBadRequest
	}
	return nil
}

// MessageDeleteRequest says which message goes.
type MessageDeleteRequest struct {
	Sequence uint64 `json:"seq"`
	// NoErase leaves its bytes where they are until they are written over.
	NoErase bool `json:"no_erase,omitempty"`
}

// SnapshotRequest asks for a stream as an archive.
type SnapshotRequest struct {
	DeliverSubject string `json:"deliver_subject"`
	NoConsumers    bool   `json:"no_consumers,omitempty"`
	// ChunkSize and WindowSize are bytes; see Sizes.
	ChunkSize  int `json:"chunk_size,omitempty"`
	WindowSize int `json:"window_size,omitempty"`
	// CheckMessages asks to verify the messages before.
	CheckMessages bool `json:"jsck,omitempty"`
}

// RestoreRequest asks to make a stream from an archive.
type RestoreRequest struct {
	Config StreamConfig `json:"config"`
	State  StreamState  `json:"state"`
}

// PeerRequest names a server that shall not keep a stream any more.
type PeerRequest struct {
	Peer string `json:"peer"`
}

// StepDownRequest says where the next leader may be.
type StepDownRequest struct {
	Placement *Placement `json:"placement,omitempty"`
}

// ServerRemoveRequest names a server that left the cluster for good; the identifier
// counts more than the name.
type ServerRemoveRequest struct {
	Server string `json:"peer"`
	PeerID string `json:"peer_id,omitempty"`
}

// MetaRescueRequest lowers the number of servers that decide.
type MetaRescueRequest struct {
	QuorumNeeded int `json:"quorum_needed"`
}

// StreamMoveRequest says from which server a stream shall go, and to where.
type StreamMoveRequest struct {
	Server  string   `json:"server,omitempty"`
	Cluster string   `json:"cluster,omitempty"`
	Domain  string   `json:"domain,omitempty"`
	Tags    []string `json:"tags,omitempty"`
}

// ConsumerRequest asks to create or to update a consumer.
type ConsumerRequest struct {
	Stream   string         `json:"stream_name"`
	Config   ConsumerConfig `json:"config"`
	Action   ConsumerAction `json:"action"`
	Pedantic bool           `json:"pedantic,omitempty"`
}

// PauseRequest asks to deliver nothing until a time; the zero time resumes.
type PauseRequest struct {
	Until time.Time `json:"pause_until"`
}

// UnpinRequest asks to let another client have its turn.
type UnpinRequest struct {
	Group string `json:"group"`
}

// Check says whether the request names a group that could exist.
func (r *UnpinRequest) Check() error {
	switch {
	case r.Group == "":
		return NewInvalidJSON(errNoGroup)
	case !IsValidGroup(r.Group):
		return ErrConsumerInvalidGroupName
	}
	return nil
}

// ResetRequest asks to begin anew, at a sequence unless that is 0.
type ResetRequest struct {
	Sequence uint64 `json:"seq,omitempty"`
}

// NextRequest asks a consumer for messages. Durations are nanoseconds.
type NextRequest struct {
	Expires   time.Duration `json:"expires,omitempty"`
	Batch     int           `json:"batch,omitempty"`
	MaxBytes  int           `json:"max_bytes,omitempty"`
	NoWait    bool          `json:"no_wait,omitempty"`
	Heartbeat time.Duration `json:"idle_heartbeat,omitempty"`
	// What follows is for consumers with priority groups.
	Group         string `json:"group,omitempty"`
	MinPending    int64  `json:"min_pending,omitempty"`
	MinAckPending int64  `json:"min_ack_pending,omitempty"`
	ID            string `json:"id,omitempty"`
	Priority      int    `json:"priority,omitempty"`
}

// NakOptions may follow a negative acknowledgement.
type NakOptions struct {
	Delay time.Duration `json:"delay"`
}
