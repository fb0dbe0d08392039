package legacy

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
)

const (
	consumerMagic = 22
	stateFile     = "o.dat"
	stateMax      = 1 << 30 // bytes
)

// DecodeConsumerState reads the content of an o.dat, decrypted, in version 1 or 2. It
// fails with store.ErrConsumerState. What it allocates is bounded by the length of buf.
//
// The state is returned as it was written, also if it is one that cannot be; times have
// whole seconds.
func DecodeConsumerState(buf []byte) (store.ConsumerState, error) {
	var s store.ConsumerState
	if len(buf) < 2 || buf[0] != consumerMagic {
		return s, fmt.Errorf("%w: no head", store.ErrConsumerState)
	}
	version := buf[1]
	if version != 1 && version != 2 {
		return s, fmt.Errorf("%w: unsupported version: %d", store.ErrConsumerState, version)
	}
	r := varints{buf: buf[2:]}
	for _, n := range []*uint64{&s.Floor.Consumer, &s.Floor.Stream, &s.Delivered.Consumer, &s.Delivered.Stream} {
		*n = r.uvarint()
	}
	if version == 1 {
		s.Delivered.Consumer += max(s.Floor.Consumer, 1) - 1
		s.Delivered.Stream += max(s.Floor.Stream, 1) - 1
	}
	if (s.Floor.Stream|s.Delivered.Stream)>>63 != 0 {
		return store.ConsumerState{}, fmt.Errorf("%w: stream sequence out of range", store.ErrConsumerState)
	}
	s.Pending = r.pending(version, s.Floor)
	s.Redelivered = r.redelivered(s.Floor.Stream)
	switch {
	case r.short:
		return store.ConsumerState{}, fmt.Errorf("%w: ends early", store.ErrConsumerState)
	case len(r.buf) > 0:
		return store.ConsumerState{}, fmt.Errorf("%w: %d bytes left over", store.ErrConsumerState, len(r.buf))
	}
	if err := sortState(&s); err != nil {
		return store.ConsumerState{}, err
	}
	return s, nil
}

func (r *varints) pending(version byte, floor store.Pair) (list []store.Outstanding) {
	n := r.count(int(version) + 1)
	if n == 0 {
		return nil
	}
	base := r.varint()
	for ; n > 0 && !r.short; n-- {
		o := store.Outstanding{Pair: store.Pair{Stream: floor.Stream + r.uvarint()}}
		if version == 1 {
			o.Time = (base + r.varint()) * int64(time.Second)
		} else {
			o.Consumer = floor.Consumer + r.uvarint()
			o.Time = (base - r.varint()) * int64(time.Second)
		}
		list = append(list, o)
	}
	return list
}

// redelivered leaves out entries without a count and, as every established reader
// does, those for the floor itself.
func (r *varints) redelivered(floor uint64) (list []store.Redelivered) {
	for n := r.count(2); n > 0 && !r.short; n-- {
		if ahead, count := r.uvarint(), r.uvarint(); ahead > 0 && count > 0 {
			list = append(list, store.Redelivered{Stream: floor + ahead, Count: count})
		}
	}
	return list
}

// sortState puts the lists, which are written in no order, in that of the sequences.
func sortState(s *store.ConsumerState) error {
	slices.SortFunc(s.Pending, func(a, b store.Outstanding) int { return cmp.Compare(a.Stream, b.Stream) })
	slices.SortFunc(s.Redelivered, func(a, b store.Redelivered) int { return cmp.Compare(a.Stream, b.Stream) })
	last := uint64(0)
	for _, o := range s.Pending {
		if o.Stream == last { // also refuses 0
			return fmt.Errorf("%w: outstanding message %d", store.ErrConsumerState, o.Stream)
		}
		last = o.Stream
	}
	last = 0
	for _, o := range s.Redelivered {
		if o.Stream == last {
			return fmt.Errorf("%w: redelivered message %d", store.ErrConsumerState, o.Stream)
		}
		last = o.Stream
	}
	return nil
}

// AppendConsumerState appends the content of an o.dat, version 2, to buf and returns
// the extended buffer. Times are cut to seconds.
func AppendConsumerState(buf []byte, s *store.ConsumerState) []byte {
	buf = append(buf, consumerMagic, 2)
	for _, n := range []uint64{s.Floor.Consumer, s.Floor.Stream, s.Delivered.Consumer, s.Delivered.Stream} {
		buf = binary.AppendUvarint(buf, n)
	}
	buf = binary.AppendUvarint(buf, uint64(len(s.Pending)))
	if len(s.Pending) > 0 {
		base := int64(0)
		for _, o := range s.Pending {
			base = max(base, o.Time/int64(time.Second))
		}
		buf = binary.AppendVarint(buf, base)
		for _, o := range s.Pending {
			buf = binary.AppendUvarint(buf, o.Stream-s.Floor.Stream)
			buf = binary.AppendUvarint(buf, o.Consumer-s.Floor.Consumer)
			buf = binary.AppendVarint(buf, base-o.Time/int64(time.Second))
		}
	}
	buf = binary.AppendUvarint(buf, uint64(len(s.Redelivered)))
	for _, r := range s.Redelivered {
		buf = binary.AppendUvarint(buf, r.Stream-s.Floor.Stream)
		buf = binary.AppendUvarint(buf, r.Count)
	}
	return buf
}

// varints takes numbers from the front of a buffer. Where there is none it returns
// 0 from then on.
type varints struct {
	buf   []byte
	short bool
}

func (r *varints) skip(n int) bool {
	if n <= 0 || n > len(r.buf) || r.short {
		r.buf, r.short = nil, true
		return false
	}
	r.buf = r.buf[n:]
	return true
}

func (r *varints) uvarint() uint64 {
	v, n := binary.Uvarint(r.buf)
	if !r.skip(n) {
		return 0
	}
	return v
}

func (r *varints) varint() int64 {
	v, n := binary.Varint(r.buf)
	if !r.skip(n) {
		return 0
	}
	return v
}

// bytes takes n bytes.
func (r *varints) bytes(n uint64) []byte {
	if n == 0 {
		return nil
	}
	from := r.buf
	if n > uint64(len(from)) || !r.skip(int(n)) {
		r.buf, r.short = nil, true
		return nil
	}
	return from[:n]
}

// count is a number of items of at least size bytes each that can be there.
func (r *varints) count(size int) uint64 {
	n := r.uvarint()
	if n > uint64(len(r.buf)/size) {
		r.buf, r.short = nil, true
		return 0
	}
	return n
}
