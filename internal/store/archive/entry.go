package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

const (
	entryNameMax = 1 << 20 // bytes
	growth       = 64 << 10
)

// An entry is the head of one part of a Binary archive: a name and two lengths, in
// bytes, of what follows it.
type entry struct {
	name            string
	time            int64
	sequence        uint64
	header, payload int64
}

// isEnd reports whether it is the mark behind the last message.
func (e entry) isEnd() bool { return e == entry{} }

// An entryWriter writes entries.
type entryWriter struct {
	w       io.Writer
	started bool
	buf     []byte
}

// write writes an entry whose body is what its lengths say.
func (w *entryWriter) write(e entry, body []byte) error {
	w.buf = w.buf[:0]
	if !w.started {
		w.buf = append(w.buf, magic...)
		w.started = true
	}
	w.buf = binary.AppendUvarint(w.buf, uint64(len(e.name)))
	w.buf = binary.AppendVarint(w.buf, e.time)
	w.buf = binary.AppendUvarint(w.buf, e.sequence)
	w.buf = binary.AppendUvarint(w.buf, uint64(e.header))
	w.buf = binary.AppendUvarint(w.buf, uint64(e.payload))
	w.buf = append(w.buf, e.name...)
	if _, err := w.w.Write(w.buf); err != nil {
		return err
	}
	_, err := w.w.Write(body)
	return err
}

// An entryReader reads entries.
type entryReader struct {
	r       *bufio.Reader
	started bool
	rest    int64 // of the body that nobody has read, bytes
	name    []byte
}

// next reads the head of the next entry and passes over what is left of the body
// before. It returns io.EOF where there is nothing more, and fails with ErrInvalid.
func (r *entryReader) next() (entry, error) {
	if err := r.pass(); err != nil {
		return entry{}, err
	}
	if _, err := r.r.Peek(1); errors.Is(err, io.EOF) {
		return entry{}, io.EOF
	}
	if !r.started {
		var start [len(magic)]byte
		if _, err := io.ReadFull(r.r, start[:]); err != nil {
			return entry{}, broken(err)
		}
		if string(start[:]) != magic {
			return entry{}, ErrInvalid
		}
		r.started = true
		return r.next()
	}
	e, nameLen, err := r.head()
	if err != nil {
		return entry{}, err
	}
	if r.name, err = r.take(r.name[:0], nameLen); err != nil {
		return entry{}, err
	}
	e.name, r.rest = string(r.name), e.header+e.payload
	return e, nil
}

// head reads the numbers of an entry.
func (r *entryReader) head() (e entry, nameLen int64, err error) {
	var numbers [5]uint64
	for i := range numbers {
		if numbers[i], err = r.uvarint(); err != nil {
			return e, 0, err
		}
	}
	name, header, payload := numbers[0], numbers[3], numbers[4]
	e.time, e.sequence = int64(numbers[1]>>1)^-int64(numbers[1]&1), numbers[2]
	switch {
	case name > entryNameMax:
		return e, 0, fmt.Errorf("%w: name of %d bytes", ErrInvalid, name)
	case header > math.MaxInt64 || payload > math.MaxInt64-header:
		return e, 0, fmt.Errorf("%w: invalid message lengths for sequence %d", ErrInvalid, e.sequence)
	}
	e.header, e.payload = int64(header), int64(payload)
	return e, int64(name), nil
}

// uvarint reads one number. Numbers with a sign are one, too.
func (r *entryReader) uvarint() (n uint64, err error) {
	for shift := 0; ; shift += 7 {
		b, err := r.r.ReadByte()
		switch {
		case err != nil:
			return 0, broken(err)
		case shift == 63 && b > 1:
			return 0, fmt.Errorf("%w: number beyond 64 bits", ErrInvalid)
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n, nil
		}
	}
}

// body reads the next n bytes of the body, or those that are left, to buf, and returns
// the extended buffer. The caller has compared n with what it allows.
func (r *entryReader) body(buf []byte, n int64) ([]byte, error) {
	n = min(n, r.rest)
	r.rest -= n
	return r.take(buf, n)
}

// take reads n bytes to buf. The buffer grows as bytes arrive.
func (r *entryReader) take(buf []byte, n int64) ([]byte, error) {
	for n > 0 {
		step := int(min(n, int64(max(growth, len(buf)))))
		buf = slices.Grow(buf, step)
		got, err := io.ReadFull(r.r, buf[len(buf):len(buf)+step])
		buf = buf[:len(buf)+got]
		if err != nil {
			return buf, broken(err)
		}
		n -= int64(step)
	}
	return buf, nil
}

func (r *entryReader) pass() error {
	n, err := io.CopyN(io.Discard, r.r, r.rest)
	r.rest -= n
	if err != nil {
		return broken(err)
	}
	return nil
}
