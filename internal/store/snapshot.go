package store

import (
	"encoding/binary"
	"fmt"

	"github.com/godwit-mq/godwit/internal/ds/seqset"
	"github.com/godwit-mq/godwit/internal/varint"
)

const (
	snapshotMagic = 42
	// The second version has sources.
	snapshotVersion        = 1
	snapshotVersionSources = 2
	rangeMagic             = 33
	setMagic               = 22
	// setWidth is the number of sequences that one node of an encoded set covers.
	setWidth = 2048
)

// A Snapshot is what replicas of a stream tell each other of its state, without
// messages: with it, one that has the messages becomes equal to the other.
type Snapshot struct {
	Messages, Bytes             uint64
	FirstSequence, LastSequence uint64
	// Failed counts proposals that were not applied.
	Failed uint64
	// Sources are the last sequences of origins, of streams that have some.
	Sources []SourceSequence
	// Deleted are the sequences between the first and the last without a message.
	Deleted []Deleted
}

// A SourceSequence is the last sequence that a stream took from an origin.
type SourceSequence struct {
	// Name tells the source apart from others; Identity, which may be empty, tells the
	// origin from one of the same name that it replaced.
	Name, Identity string
	Sequence       uint64
}

// Deleted is part of the deleted sequences of a stream: a run, or a set. Parts are
// ascending and do not overlap.
type Deleted struct {
	Range
	// Set is not nil if the part is a set; then the Range is empty.
	Set *seqset.Set
}

// All calls fn for the runs of sequences of the part until fn returns false, and
// reports whether it never did.
func (d Deleted) All(fn func(Range) bool) bool {
	if d.Set == nil {
		return d.Count == 0 || fn(d.Range)
	}
	run, stopped := Range{}, false
	d.Set.Range(func(seq uint64) bool {
		if run.Count > 0 && seq == run.First+run.Count {
			run.Count++
			return true
		}
		if run.Count > 0 && !fn(run) {
			stopped = true
			return false
		}
		run = Range{First: seq, Count: 1}
		return true
	})
	return !stopped && (run.Count == 0 || fn(run))
}

// TakeSnapshot returns the snapshot of a stream, with no proposals failed and no
// sources.
func TakeSnapshot(s Stream) Snapshot {
	state := s.State()
	b := partBuilder{}
	s.Deleted(func(r Range) bool {
		b.add(r)
		return true
	})
	b.flush()
	return Snapshot{
		Messages: state.Messages, Bytes: state.Bytes,
		FirstSequence: state.FirstSequence, LastSequence: state.LastSequence,
		Deleted: b.parts,
	}
}

// A partBuilder makes parts of runs. Runs that lie in the span of one node of a set
// become a set if that is shorter.
type partBuilder struct {
	parts []Deleted
	near  []Range // within setWidth of the first
}

func (b *partBuilder) add(r Range) {
	if len(b.near) > 0 && r.Last()-b.near[0].First >= setWidth {
		b.flush()
	}
	b.near = append(b.near, r)
}

func (b *partBuilder) flush() {
	length := 0
	for _, r := range b.near {
		length += len(appendRange(nil, r))
	}
	set := seqset.Set{}
	if length > 256 {
		// The set of a single node is empty here, so that it may begin anywhere.
		if err := set.StartAt(b.near[0].First); err == nil {
			for _, r := range b.near {
				r.All(func(seq uint64) bool { set.Insert(seq); return true })
			}
		}
	}
	if !set.IsEmpty() && set.EncodedLen() < length {
		b.parts = append(b.parts, Deleted{Set: set.Clone()})
	} else {
		for _, r := range b.near {
			b.parts = append(b.parts, Deleted{Range: r})
		}
	}
	b.near = b.near[:0]
}

func appendRange(buf []byte, r Range) []byte {
	buf = append(buf, rangeMagic)
	buf = binary.AppendUvarint(buf, r.First)
	return binary.AppendUvarint(buf, r.Count)
}

// Append appends the encoded snapshot to buf and returns the extended buffer, in
// the form that established peers understand:
//
//	byte 42 | version 1, or 2 if there are sources
//	messages, bytes, first, last, failed                        uvarints
//	version 2: number of sources, and for each: name length, name, sequence,
//	           identity length, identity
//	number of deleted sequences, and if there are any, to the end:
//	           a set (its own form begins with 22), or 33 | first | count
func (s *Snapshot) Append(buf []byte) []byte {
	version := byte(snapshotVersion)
	if len(s.Sources) > 0 {
		version = snapshotVersionSources
	}
	buf = append(buf, snapshotMagic, version)
	for _, n := range []uint64{s.Messages, s.Bytes, s.FirstSequence, s.LastSequence, s.Failed} {
		buf = binary.AppendUvarint(buf, n)
	}
	if version == snapshotVersionSources {
		buf = binary.AppendUvarint(buf, uint64(len(s.Sources)))
		for _, source := range s.Sources {
			buf = appendText(buf, source.Name)
			buf = binary.AppendUvarint(buf, source.Sequence)
			buf = appendText(buf, source.Identity)
		}
	}
	buf = binary.AppendUvarint(buf, s.NumDeleted())
	for _, d := range s.Deleted {
		if d.Set != nil {
			buf = d.Set.Append(buf)
		} else {
			buf = appendRange(buf, d.Range)
		}
	}
	return buf
}

func appendText(buf []byte, text string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(text))), text...)
}

// NumDeleted is the number of sequences in all parts.
func (s *Snapshot) NumDeleted() (n uint64) {
	for _, d := range s.Deleted {
		if d.Set != nil {
			n += uint64(d.Set.Len())
		} else {
			n += d.Count
		}
	}
	return n
}

// DecodeSnapshot reads a snapshot, which must be all of buf. It fails with
// ErrStateEncoding or ErrStateCorrupt. What it allocates is bounded by the length of
// buf. The number of deleted sequences may be wrong: peers count some that lie
// outside the first and the last.
func DecodeSnapshot(buf []byte) (Snapshot, error) {
	var s Snapshot
	if len(buf) < 2 || buf[0] != snapshotMagic || buf[1] < snapshotVersion || buf[1] > snapshotVersionSources {
		return s, ErrStateEncoding
	}
	r := varint.Reader{Buf: buf[2:]}
	for _, n := range []*uint64{&s.Messages, &s.Bytes, &s.FirstSequence, &s.LastSequence, &s.Failed} {
		*n = r.Uvarint()
	}
	if buf[1] == snapshotVersionSources {
		for n := r.Count(3); n > 0; n-- {
			s.Sources = append(s.Sources, SourceSequence{Name: string(r.Bytes()), Sequence: r.Uvarint(), Identity: string(r.Bytes())})
		}
	}
	deleted := r.Uvarint()
	if r.Short {
		return Snapshot{}, fmt.Errorf("%w: ends early", ErrStateCorrupt)
	}
	if deleted == 0 && len(r.Buf) > 0 {
		return Snapshot{}, fmt.Errorf("%w: %d bytes left over", ErrStateCorrupt, len(r.Buf))
	}
	for len(r.Buf) > 0 {
		d, err := readPart(&r)
		if err != nil {
			return Snapshot{}, err
		}
		s.Deleted = append(s.Deleted, d)
	}
	return s, nil
}

// readPart reads one part of the deleted sequences.
func readPart(r *varint.Reader) (Deleted, error) {
	switch r.Buf[0] {
	case setMagic:
		set, n, err := seqset.Decode(r.Buf)
		if err != nil || set == nil {
			return Deleted{}, fmt.Errorf("%w: %w", ErrStateCorrupt, err)
		}
		r.Buf = r.Buf[n:]
		return Deleted{Set: set}, nil
	case rangeMagic:
		r.Buf = r.Buf[1:]
		d := Deleted{Range: Range{First: r.Uvarint(), Count: r.Uvarint()}}
		if r.Short || d.Count > SequenceMax || d.First > SequenceMax {
			return Deleted{}, fmt.Errorf("%w: run of deleted sequences", ErrStateCorrupt)
		}
		return d, nil
	}
	return Deleted{}, fmt.Errorf("%w: deleted sequences of unknown kind %d", ErrStateCorrupt, r.Buf[0])
}

// SyncDeleted removes from a stream what a snapshot says is deleted, and returns how
// many messages that were. Sequences that the stream does not have do not matter. The
// cost is that of the messages removed and of the runs in the snapshot.
func SyncDeleted(s Stream, parts []Deleted) (removed uint64, err error) {
	var m Message
	for _, part := range parts {
		part.All(func(r Range) bool {
			for {
				var seq uint64
				if seq, err = s.Next(nil, r.First, &m); err != nil || seq > r.Last() {
					break
				}
				if _, err = s.Remove(seq); err != nil {
					return false
				}
				removed++
			}
			if err == ErrEOF {
				err = nil
			}
			return err == nil
		})
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}
