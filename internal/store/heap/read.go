package heap

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// Read returns the data of a chunk, in buf if that is large enough, else in new memory.
// The caller owns it. ErrCorrupt, as a CorruptError, says that the chunk is damaged,
// ErrNotFound that there is none; seal.ErrKey that its key was not given; anything else
// comes from the disk. Any goroutine may call it.
func (h *Heap) Read(ref Ref, buf []byte) ([]byte, error) {
	data, err := h.read(ref, buf)
	if err == nil {
		return data, nil
	}
	// The chunk may have been dropped or abandoned meanwhile: then it is not damaged.
	if _, _, gone := h.find(ref); gone != nil {
		err = gone
	}
	return nil, fmt.Errorf("read %v: %w", ref, err)
}

// scratch holds *[]byte with compressed chunks.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

func (h *Heap) read(ref Ref, buf []byte) ([]byte, error) {
	f, c, err := h.find(ref)
	if err != nil {
		return nil, err
	}
	// Only what was compressed takes less than its data and a header.
	if int64(ref.Stored) < int64(ref.Raw)+chunkHeader {
		s := scratch.Get().(*[]byte)
		*s = slices.Grow((*s)[:0], int(ref.Stored))[:ref.Stored]
		data, err := h.load(f, c, ref, *s, buf)
		if cap(*s) <= bufferSize {
			scratch.Put(s)
		}
		return data, err
	}
	if cap(buf) < int(ref.Stored) {
		return h.load(f, c, ref, make([]byte, ref.Stored), nil)
	}
	data, err := h.load(f, c, ref, buf[:ref.Stored], nil)
	if err != nil {
		return nil, err
	}
	// Moved to the front, so that the buffer does not shrink from read to read.
	return append(buf[:0], data...), nil
}

// Plain reports whether the data of a chunk is stored as it is, so that ReadPart can
// read it.
func (r Ref) Plain() bool { return int64(r.Stored) == int64(r.Raw)+chunkHeader }

// ReadPart returns a part of the data of a plain chunk, unchecked: the caller has sums
// of its own. The part is in buf if that is large enough. Any goroutine may call it.
func (h *Heap) ReadPart(ref Ref, offset, length int, buf []byte) ([]byte, error) {
	if !ref.Plain() || offset < 0 || length < 0 || offset+length > int(ref.Raw) {
		return nil, fmt.Errorf("read a part of %v: %w", ref, ErrNotFound)
	}
	f, _, err := h.find(ref)
	if err != nil {
		return nil, err
	}
	buf = slices.Grow(buf[:0], length)[:length]
	part := Ref{File: ref.File, Offset: ref.Offset + chunkHeader + uint32(offset), Stored: uint32(length)}
	if h.pendingChunk(f, part, buf) {
		return buf, nil
	}
	handle, err := h.acquire(f)
	if err != nil {
		return nil, err
	}
	defer h.release(f)
	if err := readFull(handle, buf, int64(part.Offset)); err != nil {
		return nil, fmt.Errorf("read a part of %v: %w", ref, err)
	}
	return buf, nil
}

// find returns the file of a chunk and what the codec is so far.
func (h *Heap) find(ref Ref) (*dataFile, codec, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, codec{}, ErrClosed
	}
	f := h.files[ref.File]
	if f == nil || !ref.possible() || ref.end() > f.size {
		return nil, codec{}, ErrNotFound
	}
	return f, f.codec, nil
}

// load reads a chunk into p and decodes it. What was compressed goes to out.
func (h *Heap) load(f *dataFile, c codec, ref Ref, p, out []byte) ([]byte, error) {
	name := h.path(chunksName(f.number))
	var handle vfs.File
	if !h.pendingChunk(f, ref, p) {
		var err error
		if handle, err = h.acquire(f); err != nil {
			return nil, err
		}
		defer h.release(f)
		if err := readFull(handle, p, int64(ref.Offset)); err != nil {
			if isShort(err) {
				return nil, &CorruptError{name, int64(ref.Offset), "the file ends before the chunk"}
			}
			return nil, err
		}
	}
	head, ok := c.parse(p, ref.Offset)
	if !ok || head.stored != ref.Stored || head.raw != ref.Raw {
		return nil, &CorruptError{name, int64(ref.Offset), "header of the chunk"}
	}
	if head.flags&flagEncrypted != 0 {
		var err error
		if c, err = h.key(f, handle); err != nil {
			return nil, err
		}
	}
	data, reason := c.decode(head, p, out)
	if reason != "" {
		return nil, &CorruptError{name, int64(ref.Offset), reason}
	}
	return data, nil
}

// pendingChunk copies a chunk that is not yet with the operating system.
func (h *Heap) pendingChunk(f *dataFile, ref Ref, p []byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := int64(ref.Offset) - f.flushed
	if h.current != f || at < 0 || at+int64(ref.Stored) > int64(len(h.pending)) {
		return false
	}
	copy(p, h.pending[at:])
	return true
}

func readFull(file vfs.File, p []byte, off int64) error {
	n, err := file.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// isShort reports whether a read failed because the file ends.
func isShort(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// window reads a file from front to back, with some freedom to go back.
type window struct {
	file vfs.File
	size int64
	at   int64
	buf  []byte

	plain []byte // for what was decrypted
}

const windowSize = 256 << 10

// bytes returns n bytes from an offset on, or fewer at the end of the file. They are
// valid until the next call.
func (w *window) bytes(off int64, n int) ([]byte, error) {
	n = int(max(min(int64(n), w.size-off), 0))
	if off < w.at || off+int64(n) > w.at+int64(len(w.buf)) {
		err := w.fill(off, int(max(min(max(int64(n), windowSize), w.size-off), 0)))
		if err != nil {
			err = w.fill(off, n) // the bad part of the disk may be what nobody asked for
		}
		if err != nil {
			return nil, err
		}
	}
	at := off - w.at
	return w.buf[at : at+int64(n) : at+int64(n)], nil
}

func (w *window) fill(off int64, n int) error {
	w.at, w.buf = off, slices.Grow(w.buf[:0], n)[:n]
	err := readFull(w.file, w.buf, off)
	if err != nil {
		w.buf = w.buf[:0]
	}
	return err
}
