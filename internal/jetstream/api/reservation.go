package api

// reserve is what a stream takes of its account's limits: max_bytes, and where one
// limit is for all numbers of replicas, as often as there are replicas.
func reserve(tier string, replicas int, bytes int64) int64 {
	switch {
	case bytes <= 0:
		return 0
	case tier == "" && replicas > 1:
		return multiply(int64(replicas), bytes)
	default:
		return bytes
	}
}

// reserved is what the other streams of the tier have reserved in the same storage,
// and how many they are, in whatever storage.
func (w *World) reserved(c *StreamConfig, tier string) (bytes int64, streams int) {
	w.others(c.Name, func(other *StreamConfig) bool {
		if tier != "" && Tier(other.Replicas) != tier {
			return true
		}
		streams++
		if other.Storage == c.Storage {
			bytes = add(bytes, reserve(tier, other.Replicas, other.MaxBytes))
		}
		return true
	})
	return bytes, streams
}

// checkRoom says whether the account and the server have room for a stream that
// reserves more bytes, beside what the account has reserved. -1 is a stream that
// reserves nothing: it needs a byte.
func (w *World) checkRoom(c *StreamConfig, more int64, limits *AccountLimits, tier string, reserved int64) error {
	if c.MaxConsumers > 0 && limits.MaxConsumers > 0 && c.MaxConsumers > limits.MaxConsumers {
		return ErrMaximumConsumersLimit
	}
	if more < 0 {
		more = 1
	}
	account := reserve(tier, c.Replicas, more)
	if c.Storage == MemoryStorage {
		if exceeds(reserved, account, limits.MaxMemory) || !fits(w.Server.ReservedMemory, more, w.Server.MaxMemory) {
			return ErrMemoryResourcesExceeded
		}
		return nil
	}
	if exceeds(reserved, account, limits.MaxStorage) || !fits(w.Server.ReservedStorage, more, w.Server.MaxStorage) {
		return ErrStorageResourcesExceeded
	}
	return nil
}

// exceeds compares with a limit that is none if negative.
func exceeds(used, more, limit int64) bool { return limit >= 0 && !fits(used, more, limit) }

// fits says used+more <= limit, whatever the sum is.
func fits(used, more, limit int64) bool { return used <= limit && more <= limit-used }
