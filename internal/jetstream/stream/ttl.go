package stream

import (
	"math"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
)

// parseTTL reads a life time: "never", a duration of at least a second, or a number
// of seconds. It is in seconds, 0 for none, or store.NeverExpires.
func parseTTL(text []byte) (ttl int64, ok bool) {
	if len(text) == 0 {
		return 0, true
	}
	if n, ok := parseUint(text); ok {
		return int64(min(n, math.MaxInt64)), n <= math.MaxInt64
	}
	s := string(text)
	if strings.EqualFold(s, "never") {
		return store.NeverExpires, true
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Second {
		return 0, false
	}
	return int64(d / time.Second), true
}
