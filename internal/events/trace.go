package events

import (
	"net/http"
	"time"
)

// Types of the steps of a traced message.
const (
	TraceIngress       = "in"
	TraceMapping       = "sm"
	TraceServiceImport = "si"
	TraceStreamExport  = "se"
	TraceEgress        = "eg"
)

// Trace is what one server did with a traced message.
type Trace struct {
	Server  Server       `json:"server"`
	Request TraceRequest `json:"request"`
	Hops    int          `json:"hops,omitempty"` // copies sent to other servers
	Events  []TraceEvent `json:"events"`         // in the order in which they happened
}

// TraceRequest is the message as it was received. Names of headers keep their
// case.
type TraceRequest struct {
	Header http.Header `json:"header,omitempty"`
	Size   int         `json:"msgsize,omitempty"` // of headers and payload
}

// TraceEvent is one step. Which fields it has depends on Type; Kind is there for
// ingress and egress only.
type TraceEvent struct {
	Type    string    `json:"type"`
	Time    time.Time `json:"ts"`
	Kind    *int      `json:"kind,omitempty"`
	CID     uint64    `json:"cid,omitempty"`
	Name    string    `json:"name,omitempty"`
	Hop     string    `json:"hop,omitempty"`
	Account string    `json:"acc,omitempty"`
	Subject string    `json:"subj,omitempty"`
	From    string    `json:"from,omitempty"`
	To      string    `json:"to,omitempty"`
	Sub     string    `json:"sub,omitempty"`
	Queue   string    `json:"queue,omitempty"`
	Error   string    `json:"error,omitempty"`
}
