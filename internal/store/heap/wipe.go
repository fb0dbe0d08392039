package heap

// Wipe has the next successful Commit or Rewrite overwrite a chunk with zeros, after
// that is durable and before any file is deleted, so that nothing of the chunk is left.
// The owner Drops it as well, before or later, and nobody reads it any more. What cannot
// be overwritten is tried again at the next commit.
func (h *Heap) Wipe(ref Ref) { h.wipes = append(h.wipes, ref) }

// Unwiped is the number of chunks that are still to be overwritten.
func (h *Heap) Unwiped() int { return len(h.wipes) }

// wipe overwrites what is to be wiped.
func (h *Heap) wipe() {
	left := h.wipes[:0]
	for _, ref := range h.wipes {
		if err := h.overwrite(ref); err != nil {
			left = append(left, ref)
		}
	}
	h.wipes = left
}

// overwrite zeroes a chunk on the disk. One that is nowhere needs nothing.
func (h *Heap) overwrite(ref Ref) error {
	f, _, err := h.find(ref)
	if err != nil {
		return nil
	}
	handle, err := h.acquire(f)
	if err != nil {
		return err
	}
	defer h.release(f)
	if _, err := handle.WriteAt(make([]byte, ref.Stored), int64(ref.Offset)); err != nil {
		return err
	}
	return handle.Sync()
}

// blank reports whether a part of a file is nothing but zeros, as a wiped chunk is.
func (w *window) blank(from, to int64) bool {
	for from < to {
		p, err := w.bytes(from, int(min(to-from, windowSize/2)))
		if err != nil || len(p) == 0 {
			return false
		}
		for _, b := range p {
			if b != 0 {
				return false
			}
		}
		from += int64(len(p))
	}
	return true
}
