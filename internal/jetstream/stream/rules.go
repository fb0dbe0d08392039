package stream

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/transform"
)

// Rules are a configuration in the form in which messages are judged by it. They are
// never changed.
type rules struct {
	config *api.StreamConfig
	name   string

	// ackPrefix begins every acknowledgement, failureSuffix ends every refusal.
	ackPrefix     []byte
	failureSuffix []byte

	transform   *transform.Transform // nil if subjects stay as they are
	republish   *transform.Transform // nil if nothing is published again
	headersOnly bool

	window     time.Duration // for which identifiers are remembered
	answers    bool          // publishers are answered
	interest   bool          // what no consumer wants is not stored
	maxSize    int           // of headers and payload in bytes; -1 is no limit
	rollup     bool          // roll-ups are permitted
	ttl        bool
	markerTTL  time.Duration
	minimumTTL int64 // in seconds, 0 if there is none
}

func newRules(config *api.StreamConfig, domain string) (*rules, error) {
	r := &rules{
		config:    config.Clone(),
		name:      config.Name,
		answers:   !config.NoAck,
		interest:  config.Retention == api.RetentionInterest,
		maxSize:   int(config.MaxMessageSize),
		rollup:    config.AllowRollup && !config.DenyPurge,
		ttl:       config.AllowMessageTTL,
		markerTTL: config.SubjectDeleteMarkerTTL,
	}
	if config.MaxMessageSize <= 0 {
		r.maxSize = -1
	}
	if config.Mirror == nil {
		r.window = config.DuplicateWindow // a mirror has the duplicates of its origin
	}
	if r.markerTTL > 0 && config.MaxPerSubject != 1 {
		r.minimumTTL = int64(r.markerTTL / time.Second)
	}
	var err error
	if t := config.SubjectTransform; t != nil {
		if r.transform, err = transform.New(t.Source, t.Destination); err != nil {
			return nil, fmt.Errorf("subject transform of stream %q: %w", config.Name, err)
		}
	}
	if p := config.RePublish; p != nil {
		if r.republish, err = transform.New(p.Source, p.Destination); err != nil {
			return nil, fmt.Errorf("republish of stream %q: %w", config.Name, err)
		}
		r.headersOnly = p.HeadersOnly
	}
	r.ackPrefix, r.failureSuffix = ackTexts(config.Name, domain)
	return r, nil
}

// ackTexts are the parts of an answer that are the same in each.
func ackTexts(name, domain string) (prefix, suffix []byte) {
	prefix = api.AppendPubAckHead(nil, name, domain)
	suffix = appendQuoted([]byte(`,"stream":`), name)
	return prefix, append(suffix, `,"seq":0}`...)
}

// appendQuoted appends a JSON string.
func appendQuoted[T ~string | ~[]byte](dst []byte, text T) []byte {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c < ' ', c >= 0x7f, c == '"', c == '\\', c == '<', c == '>', c == '&':
			quoted, err := json.Marshal(string(text))
			if err != nil {
				return append(dst, `""`...) // a string can always be written
			}
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), text...), '"')
}

// limits are what the store must know of a configuration.
func limits(config *api.StreamConfig) store.Limits {
	return store.Limits{
		MaxMessages:          config.MaxMessages,
		MaxBytes:             config.MaxBytes,
		MaxAge:               config.MaxAge,
		MaxPerSubject:        config.MaxPerSubject,
		DiscardNew:           config.Discard == api.DiscardNew,
		DiscardNewPerSubject: config.DiscardNewPerSubject,
		MessageTTL:           config.AllowMessageTTL,
	}
}

// Limits are what the store of a stream with this configuration is to be opened with.
func Limits(config *api.StreamConfig) store.Limits { return limits(config) }
