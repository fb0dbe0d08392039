package api

import (
	"encoding/json"
	"strconv"
)

// PubAck acknowledges a message that was published to a stream.
type PubAck struct {
	Stream    string `json:"stream"`
	Domain    string `json:"domain,omitempty"`
	Sequence  uint64 `json:"seq"`
	Duplicate bool   `json:"duplicate,omitempty"`
	// Value is the total of a counter.
	Value string `json:"val,omitempty"`
	// Batch and Count are of a batch that was stored with the message.
	Batch string `json:"batch,omitempty"`
	Count uint64 `json:"count,omitempty"`
}

// PubAckResponse is what a publisher gets: an acknowledgement or an error, which
// comes with the stream and the sequence 0.
type PubAckResponse struct {
	Error *Error `json:"error,omitempty"`
	PubAck
}

// Append appends the acknowledgement as clients get it. It is the JSON of a, but for
// a blank in front of the value of "duplicate".
func (a *PubAck) Append(dst []byte) []byte {
	dst = AppendPubAckHead(dst, a.Stream, a.Domain)
	dst = strconv.AppendUint(dst, a.Sequence, 10)
	if a.Duplicate {
		dst = append(dst, `,"duplicate": true`...)
	}
	if a.Value != "" {
		dst = appendString(append(dst, `,"val":`...), a.Value)
	}
	if a.Batch != "" {
		dst = appendString(append(dst, `,"batch":`...), a.Batch)
	}
	if a.Count > 0 {
		dst = strconv.AppendUint(append(dst, `,"count":`...), a.Count, 10)
	}
	return append(dst, '}')
}

// AppendPubAckHead appends what all acknowledgements of a stream begin with, up to
// the sequence. It can be kept.
func AppendPubAckHead(dst []byte, stream, domain string) []byte {
	dst = appendString(append(dst, `{"stream":`...), stream)
	if domain != "" {
		dst = appendString(append(dst, `,"domain":`...), domain)
	}
	return append(dst, `,"seq":`...)
}

// AppendPubAckError appends what a publisher gets whose message is not stored.
func AppendPubAckError(dst []byte, stream string, e *Error) []byte {
	dst = append(append(dst, `{"error":`...), marshal(e)...)
	dst = appendString(append(dst, `,"stream":`...), stream)
	return append(dst, `,"seq":0}`...)
}

// marshal is the JSON of a text or an Error, which always have one.
func marshal[T string | *Error](v T) []byte {
	data, _ := json.Marshal(v)
	return data
}

func appendString(dst []byte, s string) []byte { return append(dst, marshal(s)...) }

// BatchAck tells the publisher of a fast batch how far it is stored, and after how
// many messages it is told again.
type BatchAck struct {
	Sequence uint64
	Messages uint16
}

// MarshalJSON writes the acknowledgement with its type.
func (a BatchAck) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type     string `json:"type"`
		Sequence uint64 `json:"seq"`
		Messages uint16 `json:"msgs"`
	}{"ack", a.Sequence, a.Messages})
}

// BatchGap tells it that messages from Expected up to Sequence are missing.
type BatchGap struct {
	Expected uint64
	Sequence uint64
}

// MarshalJSON writes the gap with its type.
func (g BatchGap) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type     string `json:"type"`
		Expected uint64 `json:"last_seq"`
		Sequence uint64 `json:"seq"`
	}{"gap", g.Expected, g.Sequence})
}

// BatchError tells it that a message is refused.
type BatchError struct {
	Sequence uint64
	Error    *Error
}

// MarshalJSON writes the error with its type.
func (e BatchError) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type     string `json:"type"`
		Sequence uint64 `json:"seq"`
		Error    *Error `json:"error"`
	}{"err", e.Sequence, e.Error})
}

// CounterValue is the payload of a message that counts.
type CounterValue struct {
	Value string `json:"val"`
}

// CounterSources is the last value seen of each origin stream and subject.
type CounterSources map[string]map[string]string
