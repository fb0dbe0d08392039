package heap

import (
	"cmp"
	"fmt"
	"slices"
)

// Use counts a chunk that the edits refer to. The owner calls it after Open for each
// chunk of its state, before the first Commit or Rewrite: what is not used is deleted
// then. Write uses what it writes.
//
// An error says that the chunk is lost: ErrNotFound if its file is missing, ErrCorrupt
// if the file is too short. The heap then deletes nothing that Open has found, as after
// a damaged manifest. Drop takes such a chunk back like any other.
func (h *Heap) Use(ref Ref) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.files[ref.File]
	if f == nil || !ref.possible() {
		h.damaged = true
		return fmt.Errorf("use %v: %w", ref, ErrNotFound)
	}
	f.live.add(1, ref)
	if ref.end() > f.size {
		h.damaged = true
		f.keep = true // Drop will not count it
		return &CorruptError{h.path(chunksName(f.number)), int64(ref.Offset), "the file ends before the chunk"}
	}
	return nil
}

// Drop says that the owner's state refers to a chunk no more. When the next Commit or
// Rewrite has made that durable, a file of which all chunks are dropped is deleted.
// Chunks of an abandoned interval need no Drop, and may have one.
func (h *Heap) Drop(ref Ref) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.files[ref.File]
	if f == nil || ref.end() > f.size {
		return
	}
	f.live.add(-1, ref)
	if int64(ref.Offset) >= f.committed {
		f.fresh.add(-1, ref)
	}
	if f.live.chunks < 0 || (f.live.chunks == 0) != (f.live.bytes == 0) {
		f.keep = true
	}
	if f.live.chunks == 0 {
		h.dying[f.number] = f
	}
}

// File describes a data file.
type File struct {
	Number uint64
	Live   int64 // bytes of chunks in use
	Size   int64 // bytes
}

// smallFiles is how many small files there must be for Sparse to offer them: each start
// makes one, and joining them one by one would copy each again and again.
const smallFiles = 4

// Sparse returns the files whose live part is below the share, the emptiest first, and
// those which are small if there are several. The one that is written is not among
// them, nor are those without any live chunk. The owner writes their live chunks again
// and drops the old ones. With a share above 1 these are all files, which is how all
// chunks get the present compression and cipher.
func (h *Heap) Sparse(share float64) []File {
	h.mu.Lock()
	defer h.mu.Unlock()
	var sparse, small []File
	for _, f := range h.files {
		file := File{Number: f.number, Live: f.live.bytes, Size: f.size}
		switch {
		case f == h.current || f.live.chunks == 0 || f.keep:
		case float64(file.Live) < share*float64(file.Size):
			sparse = append(sparse, file)
		case file.Size < h.options.FileSize/4:
			small = append(small, file)
		}
	}
	if len(small) >= smallFiles {
		sparse = append(sparse, small...)
	}
	slices.SortFunc(sparse, func(a, b File) int {
		emptier := cmp.Compare(float64(a.Live)*float64(b.Size), float64(b.Live)*float64(a.Size))
		return cmp.Or(emptier, cmp.Compare(a.Number, b.Number))
	})
	return sparse
}

// Stats describes the data files. Any goroutine may ask.
type Stats struct {
	Files  int
	Bytes  int64 // of all files
	Chunks int   // in use
	Live   int64 // bytes of chunks in use
	Open   int   // files that are open
}

// Stats returns the present numbers.
func (h *Heap) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Stats{Files: len(h.files), Open: h.handles}
	for _, f := range h.files {
		s.Bytes += f.size
		s.Chunks += f.live.chunks
		s.Live += f.live.bytes
	}
	return s
}
