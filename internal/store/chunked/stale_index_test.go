package chunked

import (
	"errors"
	"fmt"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

// TestStaleIndex: an index that is whole, but tells of other messages than the chunks
// have, is refused; the chunks alone then give the stream as it is.
//
// Go: TestFileStoreRecoverFullStateDetectCorruptState server/filestore_test.go:9138
func TestStaleIndex(t *testing.T) {
	for name, change := range map[string]func(s *Stream) error{
		"one more": func(s *Stream) error {
			return s.Append(&store.Message{Subject: []byte("foo.11"), Time: 11}, store.Checked)
		},
		"one less":         func(s *Stream) error { _, err := s.Remove(5); return err },
		"the last is gone": func(s *Stream) error { _, err := s.Remove(10); return err },
		"the first ones are gone": func(s *Stream) error {
			_, err := s.Compact(4)
			return err
		},
		"none": func(s *Stream) error { _, err := s.Purge(store.Purge{}); return err },
	} {
		for _, chunk := range []int{100, 4000} {
			k := &shelf{records: map[*Chunk][]byte{}}
			s, err := NewKept(store.Options{}, k, chunk)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 10 {
				if err := s.Append(&store.Message{Subject: fmt.Appendf(nil, "foo.%d", i+1), Time: int64(i), Payload: []byte("abc")}, store.Checked); err != nil {
					t.Fatal(err)
				}
			}
			shelve(s, k)
			index := s.AppendIndex(nil)
			if err := change(s); err != nil {
				t.Fatal(err)
			}
			sketches, records := shelve(s, k)
			if _, err := adopt(store.Limits{}, sketches, records, index, true); !errors.Is(err, ErrChunk) {
				t.Errorf("%s, chunks of %d bytes: %v", name, chunk, err)
			}
			again, err := adopt(store.Limits{}, sketches, records, nil, false)
			if err != nil {
				t.Fatal(err)
			}
			state := s.State()
			if err := again.Resume(state.FirstSequence, state.LastSequence, state.LastTime); err != nil || again.State() != state {
				t.Errorf("%s: %+v %v, expected %+v", name, again.State(), err, state)
			}
		}
	}
}
