package heap

import (
	"cmp"
	"slices"
)

// WipeBut has the next successful Commit or Rewrite overwrite with zeros everything in
// data files but the chunks given, after the commit is durable and before any file is
// deleted: so nothing is left of what was dropped. Nobody may read anything else from
// then on. If that cannot be done, WipeBut is to be called again before the next commit:
// Unwiped tells.
func (h *Heap) WipeBut(keep []Ref) {
	h.keep = slices.Clone(keep)
	slices.SortFunc(h.keep, func(a, b Ref) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset)) })
	h.wiping = true
}

// Unwiped reports whether the last WipeBut was not carried out.
func (h *Heap) Unwiped() bool { return h.wiping || h.unwiped }

// wipe overwrites what is not to be kept.
func (h *Heap) wipe() {
	if !h.wiping {
		return
	}
	h.mu.Lock()
	files := make([]*dataFile, 0, len(h.files))
	for _, f := range h.files {
		files = append(files, f)
	}
	h.mu.Unlock()
	h.unwiped = false
	for _, f := range files {
		if err := h.wipeFile(f); err != nil {
			h.unwiped = true
		}
	}
	h.keep, h.wiping = nil, false // what is to be kept of the next commit is not known
}

// wipeFile overwrites the gaps between the chunks of a file that are kept.
func (h *Heap) wipeFile(f *dataFile) error {
	handle, err := h.acquire(f)
	if err != nil {
		return err
	}
	defer h.release(f)
	h.mu.Lock()
	size := f.size
	h.mu.Unlock()
	w := &window{file: handle, size: size}
	at, wrote := int64(headerSize), false
	first, _ := slices.BinarySearchFunc(h.keep, f.number, func(r Ref, number uint64) int { return cmp.Compare(r.File, number) })
	for i := first; at < size; i++ {
		end, next := size, size
		if i < len(h.keep) && h.keep[i].File == f.number {
			end, next = int64(h.keep[i].Offset), h.keep[i].end()
		}
		if at < end && !w.blank(at, end) {
			if err := zero(handle, at, end); err != nil {
				return err
			}
			wrote = true
		}
		at = max(at, next)
	}
	if !wrote {
		return nil
	}
	return handle.Sync()
}

// zeros is what is written over a gap at once.
var zeros [64 << 10]byte

func zero(file interface {
	WriteAt([]byte, int64) (int, error)
}, from, to int64) error {
	for from < to {
		n, err := file.WriteAt(zeros[:min(int64(len(zeros)), to-from)], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}

// blank reports whether a part of a file is nothing but zeros, as what was wiped is.
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
