package migrate

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/wire"
)

// streamConfig is what matters here of the configuration of a stream.
type streamConfig struct {
	FirstSequence uint64 `json:"first_seq"`
	Compression   string `json:"compression"`
}

func readStreamConfig(config []byte) (c streamConfig, err error) {
	if config == nil {
		return c, nil
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return streamConfig{}, fmt.Errorf("configuration: %w", err)
	}
	if c.FirstSequence > store.SequenceMax {
		return streamConfig{}, fmt.Errorf("configuration: first sequence %d", c.FirstSequence)
	}
	return c, nil
}

// consumerRules reads the rules of a consumer's store from its configuration.
func consumerRules(config []byte) (store.Rules, error) {
	var c struct {
		AckPolicy  string `json:"ack_policy"`
		MaxDeliver int64  `json:"max_deliver"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return store.Rules{}, fmt.Errorf("configuration: %w", err)
	}
	r := store.Rules{MaxDeliver: max(c.MaxDeliver, 0)}
	switch c.AckPolicy {
	case "none", "":
		r.Ack = store.AckNone
	case "all":
		r.Ack = store.AckAll
	case "explicit":
		r.Ack = store.AckExplicit
	default:
		return store.Rules{}, fmt.Errorf("configuration: unknown ack_policy %.32q", c.AckPolicy)
	}
	return r, nil
}

// Headers with a meaning here.
const (
	headerTTL         = "Nats-TTL"
	headerMarker      = "Nats-Marker-Reason"
	headerOperation   = "KV-Operation"
	headerBatch       = "Nats-Batch-Id"
	headerBatchCommit = "Nats-Batch-Commit"

	operationPurge = "PURGE"
)

// interpret sets what follows from the header of a message.
func interpret(m *store.Message) {
	m.TTL, m.Marker = 0, false
	if len(m.Header) == 0 {
		return
	}
	if ttl, ok := parseTTL(string(wire.Header(m.Header, headerTTL))); ok {
		m.TTL = ttl
	}
	m.Marker = len(wire.Header(m.Header, headerMarker)) > 0 || string(wire.Header(m.Header, headerOperation)) == operationPurge
}

// parseTTL reads a life time: never, a duration of a second or more, or a number of
// seconds. It returns it as a Message has it.
func parseTTL(text string) (ttl int64, ok bool) {
	if strings.EqualFold(text, "never") {
		return store.NeverExpires, true
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return seconds, seconds >= 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		return 0, false
	}
	return int64(d / time.Second), true
}

// isPartOfBatch reports whether a message is one of an atomic batch, and not its last.
func isPartOfBatch(m *store.Message) bool {
	return len(wire.Header(m.Header, headerBatch)) > 0 && len(wire.Header(m.Header, headerBatchCommit)) == 0
}
