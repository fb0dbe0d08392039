package stream

import (
	"errors"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

var (
	errDeleteDenied = errors.New("message delete not permitted")
	errPurgeDenied  = errors.New("stream purge not permitted")
)

// Delete removes a message for a client. It returns nil, or the error to answer.
func (s *Stream) Delete(r api.MessageDeleteRequest) *api.Error {
	switch {
	case s.rules.config.Sealed:
		return api.ErrStreamSealed
	case s.rules.config.DenyDelete:
		return api.NewStreamMsgDeleteFailed(errDeleteDenied)
	}
	remove := s.store.Erase
	if r.NoErase {
		remove = s.store.Remove
	}
	there, err := remove(r.Sequence)
	switch {
	case err != nil:
		return api.NewStreamMsgDeleteFailed(err)
	case !there:
		return api.NewSequenceNotFound(r.Sequence)
	}
	s.cancelSequence(r.Sequence)
	return nil
}

// Purge removes messages for a client and returns how many went, or the error to
// answer.
func (s *Stream) Purge(r api.PurgeRequest) (purged uint64, refusal *api.Error) {
	switch {
	case r.Sequence > 0 && r.Keep > 0:
		return 0, api.ErrBadRequest
	case s.rules.config.Sealed:
		return 0, api.ErrStreamSealed
	case s.rules.config.DenyPurge:
		return 0, api.NewStreamPurgeFailed(errPurgeDenied)
	}
	p := store.Purge{Below: r.Sequence, Keep: r.Keep}
	if r.Filter != "" {
		f, err := store.NewFilter(r.Filter)
		if err != nil {
			return 0, nil // no message has such a subject
		}
		p.Filter = f
	}
	removal, err := s.store.Purge(p)
	if err == nil {
		err = s.forgetGone()
	}
	s.last = s.store.State().LastSequence
	if err != nil {
		return removal.Messages, api.NewStreamPurgeFailed(err)
	}
	return removal.Messages, nil
}
