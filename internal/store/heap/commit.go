package heap

import (
	"errors"
	"fmt"
	"io/fs"
)

// Commit makes everything written so far durable and then the edit, which tells the
// next Open what has changed. When it returns nil, a power cut takes neither back, and
// the files of which all chunks are dropped have been deleted.
//
// ErrRewrite leaves everything as it was, for Rewrite to be called, and so does
// ErrTooLarge. Any other error abandons the interval: all places that Write has returned since the last successful
// Commit or Rewrite are void, and their chunks must be written again. The edit of a
// Commit that failed may come back at the next Open, with the chunks it refers to,
// unless another Commit or Rewrite succeeded before.
func (h *Heap) Commit(edit []byte) error {
	switch {
	case h.closed:
		return ErrClosed
	case h.failed == nil && h.stuck != nil:
		return fmt.Errorf("commit to heap %s: %w: %w", h.dir, ErrRewrite, h.stuck)
	}
	err := h.commit(edit, func() error {
		return h.manifest.add(h.fsys, h.path(manifestName), h.next, edit, h.options.Random)
	})
	if err != nil {
		return fmt.Errorf("commit to heap %s: %w", h.dir, err)
	}
	return nil
}

// Rewrite is a Commit whose edit is the whole state: a new manifest that holds nothing
// else takes the place of the old one.
func (h *Heap) Rewrite(edit []byte) error {
	if h.closed {
		return ErrClosed
	}
	err := h.commit(edit, func() error { return h.rewrite(edit) })
	if err != nil {
		return fmt.Errorf("rewrite the manifest of heap %s: %w", h.dir, err)
	}
	return nil
}

// rewrite replaces the manifest. Also a failed attempt may have taken the place of the
// old one, so its number is not used again.
func (h *Heap) rewrite(edits ...[]byte) error {
	next, err := h.manifest.begin(&h.options, h.id)
	if err != nil {
		return err
	}
	data, err := next.whole(h.next, edits, h.options.Random)
	if err != nil {
		return err
	}
	h.manifest.number = next.number
	if err := next.replace(h.fsys, h.dir, h.path(tempName), h.path(manifestName), data); err != nil {
		return err
	}
	h.manifest, h.stuck, h.namesChanged = next, nil, false
	return nil
}

// commit makes the interval durable, then its edit by the function given.
func (h *Heap) commit(edit []byte, record func() error) error {
	if len(edit) > MaxEdit {
		return fmt.Errorf("edit of %d bytes: %w", len(edit), ErrTooLarge)
	}
	if err := h.settle(); err != nil {
		h.abandon(true)
		return err
	}
	if err := record(); err != nil {
		// Nobody knows whether the manifest holds the edit.
		h.stuck = err
		h.abandon(false)
		return err
	}
	h.mu.Lock()
	for _, f := range h.touched {
		f.committed, f.fresh, f.dirty = f.size, usage{}, false
	}
	h.pending = nil
	h.closeIdle(h.options.OpenFiles)
	h.mu.Unlock()
	h.touched = nil
	h.wipe()
	h.sweep()
	return nil
}

// settle syncs what was written.
func (h *Heap) settle() error {
	if h.failed != nil {
		return h.failed
	}
	if err := h.flush(nil); err != nil {
		return err
	}
	for _, f := range h.touched {
		if err := f.handle.Sync(); err != nil {
			return fmt.Errorf("sync %s: %w", h.path(chunksName(f.number)), err)
		}
	}
	if h.namesChanged {
		if err := h.fsys.SyncDir(h.dir); err != nil {
			return err
		}
		h.namesChanged = false
	}
	return nil
}

// Abandon gives up what was written since the last successful Commit or Rewrite, so
// that writing can begin anew after an error. All places that Write has returned since
// then are void.
func (h *Heap) Abandon() {
	if !h.closed {
		h.abandon(true)
	}
}

// abandon ends the interval and its files: none of them is written again, as bytes that
// failed to reach the disk may be anything, and a nonce must not be used twice. Space is
// given back at once if it is unreferred: no manifest can have got there.
func (h *Heap) abandon(unreferred bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.touched {
		f.live.chunks -= f.fresh.chunks
		f.live.bytes -= f.fresh.bytes
		f.size, f.flushed, f.fresh, f.dirty = f.committed, f.committed, usage{}, false
		h.dying[f.number] = f
		if unreferred && f.committed > 0 {
			_ = f.handle.Truncate(f.committed) // only to save space
		}
		if unreferred && f.committed == 0 && f.readers == 0 {
			h.closeFile(f)
			_ = h.fsys.Remove(h.path(chunksName(f.number))) // else the next commit does it
		}
	}
	h.touched, h.current, h.pending, h.failed = nil, nil, nil, nil
	h.keep, h.wiping, h.unwiped = nil, false, h.wiping || h.unwiped
	h.closeIdle(h.options.OpenFiles)
}

// sweep deletes files that nothing refers to. What cannot be deleted now is left to the
// next commit, or the next Open.
func (h *Heap) sweep() {
	h.mu.Lock()
	for number, f := range h.dying {
		switch {
		case f.live.chunks != 0 || f.keep || h.damaged && f.found:
			delete(h.dying, number)
		case f.readers == 0:
			if f == h.current {
				h.current = nil
			}
			h.closeFile(f)
			delete(h.dying, number)
			delete(h.files, number)
			h.doomed = append(h.doomed, chunksName(number))
		}
	}
	h.mu.Unlock()
	left := h.doomed[:0]
	for _, name := range h.doomed {
		if err := h.fsys.Remove(h.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			left = append(left, name)
		}
	}
	h.doomed = left
}
