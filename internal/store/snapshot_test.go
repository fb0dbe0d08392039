package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/godwit-mq/godwit/internal/ds/seqset"
)

func (s *Snapshot) sequences() (list []uint64) {
	for _, d := range s.Deleted {
		d.All(func(r Range) bool {
			for seq := range r.All {
				list = append(list, seq)
			}
			return true
		})
	}
	return list
}

func TestSnapshotCodec(t *testing.T) {
	set := &seqset.Set{}
	for _, seq := range []uint64{70, 71, 73, 5000} {
		set.Insert(seq)
	}
	for name, s := range map[string]Snapshot{
		"empty": {},
		"no holes": {
			Messages: 10, Bytes: 300, FirstSequence: 1, LastSequence: 10, Failed: 3,
		},
		"sources": {
			Messages: 1, FirstSequence: 1, LastSequence: 1,
			Sources: []SourceSequence{{Name: "ORG > >", Sequence: 3, Identity: "s3Uv1gaR"}, {Name: "B", Sequence: math.MaxUint64}},
		},
		"holes": {
			FirstSequence: 1, LastSequence: 1 << 40,
			Deleted: []Deleted{{Range: Range{2, 3}}, {Set: set}, {Range: Range{9000, 1 << 30}}},
		},
	} {
		got, err := DecodeSnapshot(s.Append(nil))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a, b := got, s
		a.Deleted, b.Deleted = nil, nil
		if !reflect.DeepEqual(a, b) || got.NumDeleted() != s.NumDeleted() {
			t.Errorf("%s: %+v, expected %+v", name, got, s)
		}
		if name != "holes" && !slices.Equal(got.sequences(), s.sequences()) {
			t.Errorf("%s: deleted %v", name, got.sequences())
		}
	}
}

// TestSnapshotBytes holds the form: it is that of established peers.
func TestSnapshotBytes(t *testing.T) {
	s := Snapshot{Messages: 300, Bytes: 9000, FirstSequence: 1, LastSequence: 310, Failed: 2, Deleted: []Deleted{{Range: Range{5, 10}}}}
	const expected = "2a01ac02a84601b602020a21050a"
	if got := hex.EncodeToString(s.Append(nil)); got != expected {
		t.Errorf("%s, expected %s", got, expected)
	}
	s.Sources = []SourceSequence{{Name: "S", Sequence: 7, Identity: "id"}}
	s.Deleted = nil
	const withSources = "2a02ac02a84601b602020101530702696400"
	if got := hex.EncodeToString(s.Append(nil)); got != withSources {
		t.Errorf("%s, expected %s", got, withSources)
	}
}

func TestSnapshotRefuses(t *testing.T) {
	s := Snapshot{
		Messages: 300, Bytes: 9000, FirstSequence: 1, LastSequence: 310,
		Sources: []SourceSequence{{Name: "S", Sequence: 7, Identity: "id"}}, Deleted: []Deleted{{Range: Range{5, 10}}},
	}
	whole := s.Append(nil)
	set := &seqset.Set{}
	set.Insert(3)
	for name, c := range map[string]struct {
		buf      []byte
		expected error
	}{
		"nothing":         {nil, ErrStateEncoding},
		"magic":           {[]byte{41, 1}, ErrStateEncoding},
		"version":         {[]byte{42, 3, 0, 0, 0, 0, 0, 0}, ErrStateEncoding},
		"short":           {whole[:5], ErrStateCorrupt},
		"short run":       {whole[:len(whole)-1], ErrStateCorrupt},
		"short set":       {append([]byte{42, 1, 0, 0, 0, 0, 0, 1}, set.Append(nil)[:9]...), ErrStateCorrupt},
		"unknown part":    {[]byte{42, 1, 0, 0, 0, 0, 0, 1, 99}, ErrStateCorrupt},
		"no part wanted":  {[]byte{42, 1, 0, 0, 0, 0, 0, 0, 33, 1, 1}, ErrStateCorrupt},
		"too many names":  {[]byte{42, 2, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f}, ErrStateCorrupt},
		"too long a name": {[]byte{42, 2, 0, 0, 0, 0, 0, 1, 0xff, 0x7f, 0, 0}, ErrStateCorrupt},
		"huge run":        {append([]byte{42, 1, 0, 0, 0, 0, 0, 1}, appendRange(nil, Range{1, math.MaxUint64})...), ErrStateCorrupt},
	} {
		if got, err := DecodeSnapshot(c.buf); !errors.Is(err, c.expected) || !reflect.DeepEqual(got, Snapshot{}) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

// TestPartBuilder: runs far apart are runs, many close together are sets, and all are
// there.
func TestPartBuilder(t *testing.T) {
	var b partBuilder
	var expected []uint64
	sets := 0
	put := func(r Range) {
		b.add(r)
		for seq := range r.All {
			expected = append(expected, seq)
		}
	}
	put(Range{3, 2})
	put(Range{10_000, 4000})
	for seq := uint64(20_001); seq < 24_000; seq += 2 {
		put(Range{seq, 1})
	}
	put(Range{1 << 50, 1})
	b.flush()
	for _, d := range b.parts {
		if d.Set != nil {
			sets++
		}
	}
	s := Snapshot{Deleted: b.parts}
	if !slices.Equal(s.sequences(), expected) || sets != 2 || len(b.parts) != 5 {
		t.Fatalf("%d sequences of %d in %d parts, %d of them sets", len(s.sequences()), len(expected), len(b.parts), sets)
	}
	if n := len(s.Append(nil)); n > 700 {
		t.Errorf("%d bytes", n)
	}
}

func TestDeletedStops(t *testing.T) {
	set := &seqset.Set{}
	for _, seq := range []uint64{1, 2, 5, 9} {
		set.Insert(seq)
	}
	for _, d := range []Deleted{{Set: set}, {Range: Range{1, 2}}} {
		n := 0
		if d.All(func(r Range) bool { n++; return false }) || n != 1 {
			t.Errorf("%+v: %d calls", d.Range, n)
		}
	}
}

func FuzzSnapshot(f *testing.F) {
	set := &seqset.Set{}
	set.Insert(7)
	s := Snapshot{Messages: 3, LastSequence: 9, Sources: []SourceSequence{{Name: "S"}}, Deleted: []Deleted{{Range: Range{5, 10}}, {Set: set}}}
	f.Add(s.Append(nil))
	f.Add([]byte{42, 1, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, buf []byte) {
		s, err := DecodeSnapshot(buf)
		if err != nil {
			return
		}
		if s.NumDeleted() == 0 {
			return
		}
		first := s.Append(nil)
		again, err := DecodeSnapshot(first)
		if err != nil || !bytes.Equal(again.Append(nil), first) {
			t.Fatalf("%+v: %v", s, err)
		}
	})
}
