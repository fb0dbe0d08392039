package store

import (
	"errors"
	"math"
	"reflect"
	"testing"
)

// TestConsumerCodec: every state comes back from its encoded form as it was, times
// to the nanosecond, also one that is not as it should be: redelivered messages
// beyond what was delivered, outstanding ones below the floor.
//
// Go: TestFileStoreConsumerEncodeDecodeRedelivered server/filestore_test.go:2341
// Go: TestFileStoreConsumerEncodeDecodePendingBelowStreamAckFloor server/filestore_test.go:2361
func TestConsumerCodec(t *testing.T) {
	const now = 1_790_000_000_123_456_789
	for name, s := range map[string]ConsumerState{
		"empty": {},
		"redelivered": {
			Delivered: Pair{100, 100}, Floor: Pair{50, 50}, Redelivered: []Redelivered{{122, 3}, {144, 8}},
		},
		"pending below the floor": {
			Delivered: Pair{1192, 10185}, Floor: Pair{1189, 10815},
			Pending: []Outstanding{{Pair{1190, 10782}, now}, {Pair{1191, 10810}, now + 1e9}, {Pair{1192, 10815}, now + 2e9}},
		},
		"all": {
			Delivered: Pair{9, 900}, Floor: Pair{3, 300},
			Pending:     []Outstanding{{Pair{0, 301}, now}, {Pair{8, 302}, now - 5}, {Pair{4, 900}, 0}},
			Redelivered: []Redelivered{{200, 1}, {302, 70000}},
		},
		"extremes": {
			Delivered: Pair{math.MaxUint64, 1}, Floor: Pair{0, math.MaxUint64},
			Pending:     []Outstanding{{Pair{math.MaxUint64, 0}, math.MinInt64}, {Pair{1, math.MaxUint64}, math.MaxInt64}},
			Redelivered: []Redelivered{{0, math.MaxUint64}, {math.MaxUint64, 0}},
		},
	} {
		buf := s.Append([]byte("before"))
		got, err := DecodeConsumerState(buf[len("before"):])
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%s: %+v %v, expected %+v", name, got, err, s)
		}
	}
}

func TestConsumerCodecIsSmall(t *testing.T) {
	s := ConsumerState{Delivered: Pair{1000, 1000}}
	for i := uint64(1); i <= 1000; i++ {
		s.Pending = append(s.Pending, Outstanding{Pair{i, i}, int64(1_790_000_000_000_000_000 + 1000*i)})
	}
	if n := len(s.Append(nil)); n > 4100 {
		t.Errorf("%d bytes for 1000 outstanding messages", n)
	}
}

func TestConsumerCodecRefuses(t *testing.T) {
	s := ConsumerState{
		Delivered: Pair{9, 900}, Floor: Pair{3, 300},
		Pending: []Outstanding{{Pair{4, 301}, 5}}, Redelivered: []Redelivered{{200, 1}},
	}
	whole := s.Append(nil)
	for n := range whole {
		if got, err := DecodeConsumerState(whole[:n]); !errors.Is(err, ErrConsumerState) || !reflect.DeepEqual(got, ConsumerState{}) {
			t.Errorf("%d bytes of %d: %+v %v", n, len(whole), got, err)
		}
	}
	for name, buf := range map[string][]byte{
		"more":        append(whole[:len(whole):len(whole)], 0),
		"version":     append([]byte{2}, whole[1:]...),
		"count":       {1, 1, 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"long varint": {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		if _, err := DecodeConsumerState(buf); !errors.Is(err, ErrConsumerState) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzConsumerState(f *testing.F) {
	s := ConsumerState{Delivered: Pair{9, 900}, Floor: Pair{3, 300}, Pending: []Outstanding{{Pair{4, 301}, 5}}, Redelivered: []Redelivered{{200, 1}}}
	f.Add(s.Append(nil))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, buf []byte) {
		s, err := DecodeConsumerState(buf)
		if err != nil {
			return
		}
		again, err := DecodeConsumerState(s.Append(nil))
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Fatalf("%+v came back as %+v, %v", s, again, err)
		}
		p := NewProgress(Rules{Ack: AckExplicit})
		if p.Replace(s) == nil {
			for _, o := range s.Pending {
				if err := p.Ack(o.Pair); err != nil {
					t.Fatal(err)
				}
			}
			for _, o := range s.Pending {
				if _, ok := p.Pending(o.Stream); ok && o.Consumer > s.Floor.Consumer {
					t.Fatalf("%+v is outstanding", o)
				}
			}
		}
	})
}
