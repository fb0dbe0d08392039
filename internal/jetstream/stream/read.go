package stream

import (
	"bytes"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

// A GetRequest says which messages a reader wants. MSG.GET and direct gets know
// different parts of it.
type GetRequest struct {
	Sequence uint64 `json:"seq,omitempty"`
	// LastFor is the subject whose last message is wanted, NextFor that of the first
	// one from the start on; both may have wildcards.
	LastFor string `json:"last_by_subj,omitempty"`
	NextFor string `json:"next_by_subj,omitempty"`
	// Batch is how many are wanted, MaxBytes about how many bytes of them.
	Batch    int `json:"batch,omitempty"`
	MaxBytes int `json:"max_bytes,omitempty"`
	// StartTime is another way to say where to begin.
	StartTime *time.Time `json:"start_time,omitempty"`
	// MultiLastFor are filters: the last message of each subject is wanted, as it was
	// at one of the bounds.
	MultiLastFor []string   `json:"multi_last,omitempty"`
	UpToSequence uint64     `json:"up_to_seq,omitempty"`
	UpToTime     *time.Time `json:"up_to_time,omitempty"`
	NoHeaders    bool       `json:"no_hdr,omitempty"`
}

// CheckGet returns the error to answer a request of MSG.GET with that makes no sense,
// or nil.
func (r *GetRequest) CheckGet() *api.Error {
	switch {
	case r.Batch > 0, r.MaxBytes > 0,
		r.Sequence == 0 && r.LastFor == "" && r.NextFor == "" && r.StartTime == nil,
		r.conflicts():
		return api.ErrBadRequest
	}
	return nil
}

// conflicts reports whether the request says in two ways what is wanted.
func (r *GetRequest) conflicts() bool {
	return r.Sequence > 0 && r.LastFor != "" ||
		r.Sequence > 0 && r.StartTime != nil ||
		r.StartTime != nil && r.LastFor != "" ||
		r.LastFor != "" && r.NextFor != ""
}

// Get reads a message for MSG.GET. It returns a copy, or the error to answer.
func (s *Stream) Get(r *GetRequest) (*api.StoredMessage, *api.Error) {
	if refusal := r.CheckGet(); refusal != nil {
		return nil, refusal
	}
	var m store.Message
	if s.find(r, &m) != nil {
		return nil, api.ErrNoMessageFound
	}
	found := &api.StoredMessage{
		Subject:  string(m.Subject),
		Sequence: m.Sequence,
		Data:     bytes.Clone(m.Payload),
		Time:     time.Unix(0, m.Time).UTC(),
	}
	if !r.NoHeaders {
		found.Header = bytes.Clone(m.Header)
	}
	return found, nil
}

// find reads the one message that a request wants, or the first.
func (s *Stream) find(r *GetRequest, m *store.Message) error {
	start, err := s.start(r)
	if err != nil {
		return err
	}
	switch {
	case r.NextFor != "":
		f, err := store.NewFilter(r.NextFor)
		if err != nil {
			return err
		}
		_, err = s.store.Next(f, start, m)
		return err
	case start > 0:
		return s.store.Load(start, m)
	}
	f, err := store.NewFilter(r.LastFor)
	if err != nil {
		return err
	}
	return s.store.Last(f, m)
}

// start is the sequence at which to begin, 0 if the request does not say.
func (s *Stream) start(r *GetRequest) (uint64, error) {
	if r.StartTime == nil {
		return r.Sequence, nil
	}
	return s.store.SequenceAt(nanoseconds(*r.StartTime))
}
