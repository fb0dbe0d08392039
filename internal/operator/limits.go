package operator

import (
	"math"

	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/options"
)

// JetStreamLimits bound what the streams of an account, or of one tier of it,
// take together. -1 is no limit.
type JetStreamLimits struct {
	MaxMemory            int64 // bytes
	MaxStore             int64 // bytes
	MaxStreams           int64
	MaxConsumers         int64
	MaxAckPending        int64 // of one consumer
	MemoryMaxStreamBytes int64 // of one stream in memory
	StoreMaxStreamBytes  int64 // of one stream on disk
	MaxBytesRequired     bool  // streams must say how large they may become
}

// limitsOf: a limit that a JWT does not mention is 0, not unlimited.
func limitsOf(c *jwt.AccountClaims) options.AccountLimits {
	return options.AccountLimits{
		MaxConnections:   limit(c.Limits.Conn),
		MaxLeafNodes:     limit(c.Limits.LeafNodeConn),
		MaxSubscriptions: limit(c.Limits.Subs),
		MaxPayload:       limit(c.Limits.Payload),
	}
}

// limit makes all negative numbers one, and keeps the others in 32 bits.
func limit(n int64) int64 { return max(-1, min(n, math.MaxInt32)) }

func jetStreamOf(l *jwt.OperatorLimits) map[string]JetStreamLimits {
	if !l.IsJSEnabled() {
		return nil
	}
	if len(l.JetStreamTieredLimits) == 0 {
		return map[string]JetStreamLimits{"": tierOf(l.JetStreamLimits)}
	}
	tiers := make(map[string]JetStreamLimits, len(l.JetStreamTieredLimits))
	for name, tier := range l.JetStreamTieredLimits {
		tiers[name] = tierOf(tier)
	}
	return tiers
}

func tierOf(l jwt.JetStreamLimits) JetStreamLimits {
	return JetStreamLimits{
		MaxMemory:            max(-1, l.MemoryStorage),
		MaxStore:             max(-1, l.DiskStorage),
		MaxStreams:           max(-1, l.Streams),
		MaxConsumers:         max(-1, l.Consumer),
		MaxAckPending:        zeroIsUnlimited(l.MaxAckPending),
		MemoryMaxStreamBytes: zeroIsUnlimited(l.MemoryMaxStreamBytes),
		StoreMaxStreamBytes:  zeroIsUnlimited(l.DiskMaxStreamBytes),
		MaxBytesRequired:     l.MaxBytesRequired,
	}
}

func zeroIsUnlimited(n int64) int64 {
	if n <= 0 {
		return -1
	}
	return n
}
