package stream

import (
	"fmt"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

// deletedMax is how many deleted sequences are listed at most.
const deletedMax = 1 << 20

// State is the summary of the messages, with what the request asks for, and which part
// of the subjects it has. The number of consumers is for the caller to fill in.
func (s *Stream) State(r *api.StreamInfoRequest) (api.StreamState, api.Page, error) {
	state := s.store.State()
	told := api.StreamState{
		Messages:      state.Messages,
		Bytes:         state.Bytes,
		FirstSequence: state.FirstSequence,
		FirstTime:     utc(state.FirstTime),
		LastSequence:  state.LastSequence,
		LastTime:      utc(state.LastTime),
		NumSubjects:   state.Subjects,
		NumDeleted:    int(state.Deleted()),
	}
	if r == nil {
		return told, api.Page{}, nil
	}
	if r.DeletedDetails {
		told.Deleted = s.deleted()
	}
	if r.SubjectsFilter == "" {
		return told, api.Page{}, nil
	}
	subjects, p, err := s.subjects(r.SubjectsFilter, r.Offset)
	told.Subjects = subjects
	return told, p, err
}

// utc is a time of the store; the zero one is none.
func utc(t int64) time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(0, t).UTC()
}

// deleted lists the sequences between the first and the last without a message.
func (s *Stream) deleted() (list []uint64) {
	s.store.Deleted(func(r store.Range) bool {
		for sequence := range r.All {
			if len(list) == deletedMax {
				return false
			}
			list = append(list, sequence)
		}
		return true
	})
	return list
}

// subjects counts the messages of the subjects that a filter selects, one page of them
// in the order of their bytes.
func (s *Stream) subjects(pattern string, offset int) (map[string]uint64, api.Page, error) {
	f, err := store.NewFilter(pattern)
	if err != nil {
		return nil, api.Page{}, nil // no subject is like that
	}
	total := 0
	if err := s.store.Subjects(f, 0, func([]byte, store.SubjectState) bool { total++; return true }); err != nil {
		return nil, api.Page{}, fmt.Errorf("count subjects: %w", err)
	}
	if total == 0 {
		return nil, api.Page{}, nil
	}
	p := api.NewPage(total, offset, api.SubjectsPage)
	counts := make(map[string]uint64, p.End()-p.Offset)
	err = s.store.Subjects(f, p.Offset, func(subject []byte, state store.SubjectState) bool {
		if len(counts) == p.End()-p.Offset {
			return false
		}
		counts[string(subject)] = state.Messages
		return true
	})
	if err != nil {
		return nil, api.Page{}, fmt.Errorf("list subjects: %w", err)
	}
	return counts, p, nil
}
