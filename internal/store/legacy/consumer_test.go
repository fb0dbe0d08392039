package legacy

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/store"
)

func TestConsumerStateVector(t *testing.T) {
	got, err := DecodeConsumerState(unhex(t, "16 02 00 00 05 03 02 e2afa9b00d 01 01 0a 02 02 08 02 02 01 01 01"))
	must(t, err)
	base := int64(1795501041) // e2afa9b00d is twice that
	same(t, "state", store.ConsumerState{
		Delivered:   store.Pair{Consumer: 5, Stream: 3},
		Pending:     []store.Outstanding{{Pair: store.Pair{Consumer: 1, Stream: 1}, Time: (base - 5) * 1e9}, {Pair: store.Pair{Consumer: 2, Stream: 2}, Time: (base - 4) * 1e9}},
		Redelivered: []store.Redelivered{{Stream: 1, Count: 1}, {Stream: 2, Count: 1}},
	}, got)
}

func roundTrip(t *testing.T, want store.ConsumerState) {
	t.Helper()
	got, err := DecodeConsumerState(AppendConsumerState(nil, &want))
	must(t, err)
	same(t, "state", want, got)
}

// Go: TestFileStoreConsumerEncodeDecodeRedelivered server/filestore_test.go:2341
func TestConsumerStateKeepsRedelivered(t *testing.T) {
	roundTrip(t, store.ConsumerState{
		Delivered: store.Pair{Consumer: 100, Stream: 100}, Floor: store.Pair{Consumer: 50, Stream: 50},
		Redelivered: []store.Redelivered{{Stream: 122, Count: 3}, {Stream: 144, Count: 8}},
	})
}

// Go: TestFileStoreConsumerEncodeDecodePendingBelowStreamAckFloor server/filestore_test.go:2361
func TestConsumerStateKeepsPendingBelowTheFloor(t *testing.T) {
	at := func(consumer, stream uint64, second int64) store.Outstanding {
		return store.Outstanding{Pair: store.Pair{Consumer: consumer, Stream: stream}, Time: (1_795_500_000 + second) * 1e9}
	}
	roundTrip(t, store.ConsumerState{
		Delivered: store.Pair{Consumer: 1192, Stream: 10185}, Floor: store.Pair{Consumer: 1189, Stream: 10815},
		Pending: []store.Outstanding{at(1190, 10782, 0), at(1191, 10810, 1), at(1192, 10815, 2)},
	})
}

// TestConsumerStateOfOldBug: a redelivered entry for the floor itself, as some server wrote.
//
// Go: TestFileStoreBadConsumerState server/filestore_test.go:3283
func TestConsumerStateOfOldBug(t *testing.T) {
	got, err := DecodeConsumerState([]byte("\x16\x02\x01\x01\x03\x02\x01\x98\xf4\x8a\x8a\f\x01\x03\x86\xfa\n\x01\x00\x01"))
	must(t, err)
	if len(got.Pending) != 1 || got.Pending[0].Pair != (store.Pair{Consumer: 4, Stream: 2}) || got.Redelivered != nil {
		t.Errorf("state %+v", got)
	}
}

func TestConsumerStateVersion1(t *testing.T) {
	// Floor 10/20; delivered 3/4 ahead of what comes next; one outstanding, five seconds after the base.
	got, err := DecodeConsumerState([]byte{22, 1, 10, 20, 3, 4, 1, 200, 1, 2, 10, 1, 2, 7})
	must(t, err)
	same(t, "state", store.ConsumerState{
		Delivered: store.Pair{Consumer: 12, Stream: 23}, Floor: store.Pair{Consumer: 10, Stream: 20},
		Pending:     []store.Outstanding{{Pair: store.Pair{Stream: 22}, Time: 105e9}},
		Redelivered: []store.Redelivered{{Stream: 22, Count: 7}},
	}, got)
}

func TestConsumerStateRefuses(t *testing.T) {
	good := AppendConsumerState(nil, &store.ConsumerState{Delivered: store.Pair{Consumer: 9, Stream: 9}, Floor: store.Pair{Consumer: 1, Stream: 1},
		Pending: []store.Outstanding{{Pair: store.Pair{Consumer: 2, Stream: 3}, Time: 7e9}}, Redelivered: []store.Redelivered{{Stream: 3, Count: 1}}})
	for i := range good {
		if _, err := DecodeConsumerState(good[:i]); !errors.Is(err, store.ErrConsumerState) {
			t.Errorf("%d bytes: %v", i, err)
		}
	}
	high := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}
	for name, buf := range map[string][]byte{
		"magic":           append([]byte{23}, good[1:]...),
		"version":         append([]byte{22, 3}, good[2:]...),
		"longer":          append(bytes.Clone(good), 0),
		"floor too high":  append(append([]byte{22, 2, 0}, high...), 0, 0, 0, 0),
		"pending 0":       {22, 2, 0, 0, 5, 5, 1, 2, 0, 1, 0, 0},
		"pending twice":   {22, 2, 0, 0, 5, 5, 2, 2, 1, 1, 0, 1, 2, 0, 0},
		"redelivered two": {22, 2, 0, 0, 5, 5, 0, 2, 1, 1, 1, 1},
		"too many":        {22, 2, 0, 0, 5, 5, 0xff, 0xff, 3},
	} {
		if _, err := DecodeConsumerState(buf); !errors.Is(err, store.ErrConsumerState) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConsumerStateRoundTrips(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seq := rapid.Uint64Range(0, 1<<40)
		pair := func(name string) store.Pair {
			return store.Pair{Consumer: seq.Draw(rt, name), Stream: seq.Draw(rt, name)}
		}
		want := store.ConsumerState{Delivered: pair("delivered"), Floor: pair("floor")}
		last := uint64(0)
		for range rapid.IntRange(0, 5).Draw(rt, "pending") {
			last += 1 + seq.Draw(rt, "step")
			want.Pending = append(want.Pending, store.Outstanding{Pair: store.Pair{Consumer: seq.Draw(rt, "consumer"), Stream: last}, Time: rapid.Int64Range(-1e9, 1e9).Draw(rt, "s") * 1e9})
		}
		last = want.Floor.Stream
		for range rapid.IntRange(0, 5).Draw(rt, "redelivered") {
			last += 1 + seq.Draw(rt, "step")
			want.Redelivered = append(want.Redelivered, store.Redelivered{Stream: last, Count: 1 + seq.Draw(rt, "count")})
		}
		roundTrip(t, want)
	})
}

// FuzzConsumerState: what is read can be written, and is then the same.
func FuzzConsumerState(f *testing.F) {
	f.Add(unhex(f, "16 02 00 00 05 03 02 e2afa9b00d 01 01 0a 02 02 08 02 02 01 01 01"))
	f.Add([]byte{22, 1, 10, 20, 3, 4, 1, 200, 1, 2, 10, 1, 2, 7})
	f.Fuzz(func(t *testing.T, buf []byte) {
		s, err := DecodeConsumerState(buf)
		if err != nil {
			return
		}
		again, err := DecodeConsumerState(AppendConsumerState(nil, &s))
		if err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		if len(again.Pending) != len(s.Pending) || again.Floor != s.Floor || again.Delivered != s.Delivered {
			t.Fatalf("%+v became %+v", s, again)
		}
	})
}
