package store

// EachLast reads the newest message, up to the sequence upTo unless that is 0, of
// each subject that the filter selects, in the order of sequences, as far as they
// have the sequence start or a higher one. It calls fn with the message and how many
// follow, until fn returns false. It returns the number of subjects and how many
// messages were left. It fails with ErrTooMany, and calls nothing, if there are more
// subjects than most, and most is above 0.
//
// All is of one moment, for nobody changes the store meanwhile.
func EachLast(s Stream, f *Filter, start, upTo uint64, most int, fn func(m *Message, left uint64) bool) (total, left uint64, err error) {
	list, err := s.LastSequences(f, upTo, most)
	if err != nil {
		return 0, 0, err
	}
	total = uint64(len(list))
	var m Message
	for i, seq := range list {
		left = total - uint64(i) - 1
		if seq < start {
			continue
		}
		if err := s.Load(seq, &m); err != nil {
			return total, left, err
		}
		if !fn(&m, left) {
			break
		}
	}
	return total, left, nil
}

// Totals returns the number of messages of each subject that the filter selects. It
// fails with ErrTooMany if there are more subjects than most, and most is above 0.
func Totals(s Stream, f *Filter, most int) (map[string]uint64, error) {
	totals := make(map[string]uint64)
	tooMany := false
	err := s.Subjects(f, 0, func(subject []byte, state SubjectState) bool {
		if tooMany = most > 0 && len(totals) == most; !tooMany {
			totals[string(subject)] = state.Messages
		}
		return !tooMany
	})
	if tooMany {
		err = ErrTooMany
	}
	if err != nil {
		return nil, err
	}
	return totals, nil
}
