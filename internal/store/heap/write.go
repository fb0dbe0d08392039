package heap

import "fmt"

// bufferSize is how many bytes of chunks are gathered for one write.
const bufferSize = 1 << 20

// Write appends a chunk and counts it as used. It returns the chunk's place, which is
// readable at once and durable after the next Commit or Rewrite. The key is kept with
// the chunk for Scan. The data is not kept.
//
// An error says that this chunk is not stored. If it came from a failed write, chunks
// before it are lost, too: then every Write fails, and so does the next Commit or
// Rewrite, which abandons the interval. Abandon does that without an attempt to commit.
func (h *Heap) Write(key uint64, data []byte) (Ref, error) {
	switch {
	case h.closed:
		return Ref{}, ErrClosed
	case h.failed != nil:
		return Ref{}, h.failed
	case len(data) == 0 || len(data) > MaxChunk:
		return Ref{}, fmt.Errorf("chunk of %d bytes: %w", len(data), ErrTooLarge)
	}
	if err := h.room(); err != nil {
		return Ref{}, fmt.Errorf("write a chunk: %w", err)
	}
	f := h.current
	ref := Ref{File: f.number, Offset: uint32(f.size), Raw: uint32(len(data))}
	// Readers see pending only up to its length, so it can grow without the lock.
	pending, stored, tail := f.codec.encode(h.pending, ref.Offset, key, data, h.options.Compression)
	ref.Stored = uint32(stored)
	h.mu.Lock()
	h.pending = pending
	if tail == nil {
		f.size = ref.end()
	}
	h.mu.Unlock()
	if len(pending) >= bufferSize || tail != nil {
		if err := h.flush(tail); err != nil {
			return Ref{}, fmt.Errorf("write a chunk: %w", err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	f.size = ref.end()
	f.live.add(1, ref)
	f.fresh.add(1, ref)
	return ref, nil
}

// room makes sure that there is a current file, not yet full, and open.
func (h *Heap) room() error {
	if h.current != nil && h.current.size >= h.options.FileSize {
		if err := h.retire(); err != nil {
			return err
		}
	}
	f := h.current
	if f == nil {
		return h.create()
	}
	if f.dirty {
		return nil
	}
	if _, err := h.acquire(f); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	f.readers--
	f.dirty = true
	h.touched = append(h.touched, f)
	return nil
}

// retire ends the writing of the current file.
func (h *Heap) retire() error {
	if err := h.flush(nil); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dying[h.current.number] = h.current
	h.current = nil
	return nil
}

// flush writes what is pending, and the tail behind it.
func (h *Heap) flush(tail []byte) error {
	f := h.current
	if f == nil {
		return nil
	}
	for _, p := range [][]byte{h.pending, tail} {
		if len(p) == 0 {
			continue
		}
		if _, err := f.handle.WriteAt(p, f.flushed); err != nil {
			h.failed = fmt.Errorf("write %s: %w", h.path(chunksName(f.number)), err)
			return h.failed
		}
		h.mu.Lock()
		f.flushed += int64(len(p))
		h.pending = h.pending[:0]
		if cap(h.pending) > 4*bufferSize {
			h.pending = nil
		}
		h.mu.Unlock()
	}
	return nil
}
