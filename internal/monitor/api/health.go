package api

import (
	"encoding/json"
	"fmt"
)

// HealthStatus tells whether a server can do its work: /healthz.
type HealthStatus struct {
	Status     string         `json:"status"`                // "ok", "error", "unavailable"
	StatusCode int            `json:"status_code,omitempty"` // of HTTP; not shown there
	Error      string         `json:"error,omitempty"`       // without Details
	Errors     []HealthzError `json:"errors,omitempty"`      // with Details
}

// HealthzOptions say what to check.
type HealthzOptions struct {
	JSEnabled     bool   `json:"js-enabled,omitempty"` // deprecated: JSEnabledOnly
	JSEnabledOnly bool   `json:"js-enabled-only,omitempty"`
	JSServerOnly  bool   `json:"js-server-only,omitempty"`
	JSMetaOnly    bool   `json:"js-meta-only,omitempty"`
	Account       string `json:"account,omitempty"`
	Stream        string `json:"stream,omitempty"`
	Consumer      string `json:"consumer,omitempty"`
	Details       bool   `json:"details,omitempty"` // list what is wrong
}

// HealthzError is one thing that is wrong.
type HealthzError struct {
	Type     HealthZErrorType `json:"type"`
	Account  string           `json:"account,omitempty"`
	Stream   string           `json:"stream,omitempty"`
	Consumer string           `json:"consumer,omitempty"`
	Error    string           `json:"error,omitempty"`
}

// HealthZErrorType says what something is wrong with. It is a word in JSON.
type HealthZErrorType int

// What can be wrong.
const (
	HealthzErrorConn HealthZErrorType = iota
	HealthzErrorBadRequest
	HealthzErrorJetStream
	HealthzErrorAccount
	HealthzErrorStream
	HealthzErrorConsumer
)

var healthWords = [...]string{"CONNECTION", "BAD_REQUEST", "JETSTREAM", "ACCOUNT", "STREAM", "CONSUMER"}

// String is the word for the type.
func (t HealthZErrorType) String() string {
	if t < 0 || int(t) >= len(healthWords) {
		return "unknown"
	}
	return healthWords[t]
}

// MarshalJSON writes the word for the type.
func (t HealthZErrorType) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// UnmarshalJSON reads a word; an unknown one is an error.
func (t *HealthZErrorType) UnmarshalJSON(data []byte) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil {
		return err
	}
	for i, known := range healthWords {
		if word == known {
			*t = HealthZErrorType(i)
			return nil
		}
	}
	return fmt.Errorf("unknown healthz error type %q", word)
}
