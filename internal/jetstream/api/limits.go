package api

import (
	"math"
	"strconv"
	"time"
)

// Defaults and bounds of configurations.
const (
	// MaxReplicas is how many servers keep a stream at most.
	MaxReplicas = 5
	// DefaultDuplicateWindow is how long a stream remembers message identifiers.
	DefaultDuplicateWindow = 2 * time.Minute
	// MinInterval is the shortest age, window and heartbeat that is taken.
	MinInterval = 100 * time.Millisecond
	// MinMarkerTTL is the shortest life of a subject delete marker.
	MinMarkerTTL = time.Second
	// DefaultAckWait is after what time a message is delivered again.
	DefaultAckWait = 30 * time.Second
	// DefaultMaxAckPending is how many messages may wait for an acknowledgement.
	DefaultMaxAckPending = 1000
	// DefaultMaxWaiting is how many pull requests may wait.
	DefaultMaxWaiting = 512
	// DefaultPriorityTimeout is how long a pinned client may be silent.
	DefaultPriorityTimeout = 2 * time.Minute
	// DefaultInactiveThreshold is after what time an ephemeral consumer goes.
	DefaultInactiveThreshold = 5 * time.Second
	// FlowControlHeartbeat is the heartbeat of consumers acknowledged by flow control.
	FlowControlHeartbeat = time.Second
	// MinRequestExpires is the shortest bound on the life of a pull request.
	MinRequestExpires = time.Millisecond
)

// AccountLimits bound what an account may have; -1 is no limit. For bytes of one
// stream, 0 is none too, and so it is for MaxStreams and MaxConsumers.
type AccountLimits struct {
	// MaxMemory and MaxStorage are bytes of all streams together.
	MaxMemory  int64 `json:"max_memory"`
	MaxStorage int64 `json:"max_storage"`
	MaxStreams int   `json:"max_streams"`
	// MaxConsumers is per stream.
	MaxConsumers int `json:"max_consumers"`
	// MaxAckPending bounds that of a consumer.
	MaxAckPending int `json:"max_ack_pending"`
	// MemoryMaxStreamBytes and StorageMaxStreamBytes bound max_bytes of one stream.
	MemoryMaxStreamBytes  int64 `json:"memory_max_stream_bytes"`
	StorageMaxStreamBytes int64 `json:"storage_max_stream_bytes"`
	// MaxBytesRequired demands max_bytes of each stream.
	MaxBytesRequired bool `json:"max_bytes_required"`
}

// Unlimited are limits that limit nothing.
func Unlimited() AccountLimits {
	return AccountLimits{
		MaxMemory: -1, MaxStorage: -1, MaxStreams: -1, MaxConsumers: -1,
		MaxAckPending: -1, MemoryMaxStreamBytes: -1, StorageMaxStreamBytes: -1,
	}
}

// maxStreamBytes is the bound on max_bytes of one stream.
func (l *AccountLimits) maxStreamBytes(storage StorageType) int64 {
	if storage == MemoryStorage {
		return l.MemoryMaxStreamBytes
	}
	return l.StorageMaxStreamBytes
}

// Tiers are the limits of an account: one without a name, or one for each number of
// replicas, called R1, R3 and so on.
type Tiers map[string]AccountLimits

// Tier is the name of the tier for a number of replicas; 0 counts as 1.
func Tier(replicas int) string { return "R" + strconv.Itoa(max(replicas, 1)) }

// Select finds the limits for streams with a number of replicas, and the name of
// their tier. It fails with ErrNoLimits.
func (t Tiers) Select(replicas int) (limits AccountLimits, tier string, err error) {
	if limits, ok := t[""]; ok {
		return limits, "", nil
	}
	tier = Tier(replicas)
	limits, ok := t[tier]
	if !ok {
		return AccountLimits{}, "", ErrNoLimits
	}
	return limits, tier, nil
}

// ServerLimits are the bounds that a server sets to all accounts. 0 is no bound,
// but for MaxMemory and MaxStorage.
type ServerLimits struct {
	// MaxMemory and MaxStorage are the bytes that may be reserved, ReservedMemory and
	// ReservedStorage those that are, by the streams of all accounts.
	MaxMemory, MaxStorage           int64
	ReservedMemory, ReservedStorage int64
	DuplicateWindow                 time.Duration
	MaxAckPending                   int
	MaxRequestBatch                 int
}

// add and multiply stay at the ends of what an int64 holds.
func add(a, b int64) int64 {
	switch sum := a + b; {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	default:
		return sum
	}
}

// multiply takes numbers that are not negative.
func multiply(a, b int64) int64 {
	if a > 0 && b > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * b
}
