package heap

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs"
)

const (
	chunksSuffix = ".chunks"
	manifestName = "manifest"
	tempName     = manifestName + vfs.TempSuffix
	// removedName is the manifest of a heap that is being deleted.
	removedName = manifestName + ".removed"
)

func chunksName(number uint64) string { return strconv.FormatUint(number, 10) + chunksSuffix }

// fileNumber returns 0 for names that are not of data files.
func fileNumber(name string) uint64 {
	digits, ok := strings.CutSuffix(name, chunksSuffix)
	n, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil || n > maxFile || chunksName(n) != name {
		return 0
	}
	return n
}

// listing is what a directory holds of a heap.
type listing struct {
	sizes                   map[uint64]int64 // of data files
	manifest, temp, removed bool
	manifestSize            int64
}

func list(fsys vfs.FS, dir string) (listing, error) {
	l := listing{sizes: make(map[uint64]int64)}
	infos, err := fsys.ReadDir(dir)
	if err != nil {
		return l, err
	}
	for _, info := range infos {
		if info.Dir {
			continue
		}
		switch info.Name {
		case manifestName:
			l.manifest, l.manifestSize = true, info.Size
		case tempName:
			l.temp = true
		case removedName:
			l.removed = true
		default:
			if n := fileNumber(info.Name); n > 0 {
				l.sizes[n] = info.Size
			}
		}
	}
	return l, nil
}

// dataFile is a file of chunks. Its fields are guarded by Heap.mu.
type dataFile struct {
	number uint64
	codec  codec
	keyed  bool // the codec's key is known, or it is known that there is none

	handle  vfs.File // nil while it is closed
	readers int      // that use the handle now
	dirty   bool     // written since the last commit: it stays open, and is in Heap.touched

	size      int64 // where the next chunk goes: what lies behind is no part of the heap
	flushed   int64 // up to here it is with the operating system; the rest is in Heap.pending
	committed int64 // up to here the last commit may refer to it; 0 if it knows nothing of the file
	live      usage
	fresh     usage // the part of live from committed on

	found bool // by Open
	keep  bool // what was used and dropped does not match: never delete it
}

// usage counts chunks and the bytes that they take.
type usage struct {
	chunks int
	bytes  int64
}

func (u *usage) add(n int, ref Ref) {
	u.chunks += n
	u.bytes += int64(n) * int64(ref.Stored)
}

func (h *Heap) path(name string) string { return filepath.Join(h.dir, name) }

// create begins the file for new chunks. Its header is the first of what is pending.
func (h *Heap) create() error {
	if h.next > maxFile {
		return fmt.Errorf("create a data file in %s: all numbers are used", h.dir)
	}
	// A number is spent even if the file cannot be made: it may be there all the same.
	number := h.next
	h.next++
	mark, aead, err := seal.New(h.options.Cipher, chunksPurpose, h.options.Random)
	if err != nil {
		return err
	}
	h.namesChanged = true
	handle, err := h.fsys.OpenFile(h.path(chunksName(number)), vfs.Create|vfs.Exclusive)
	if err != nil {
		return err
	}
	f := &dataFile{number: number, handle: handle, keyed: true, dirty: true, size: headerSize}
	f.codec = codec{seed: seed(chunksMagic, h.id, number), aead: aead}
	pending := header{id: h.id, number: number, mark: mark}.append(nil, chunksMagic)

	h.mu.Lock()
	defer h.mu.Unlock()
	h.files[number], h.current, h.pending = f, f, pending
	h.handles++
	h.touched = append(h.touched, f)
	return nil
}

// acquire opens a file, if it is not open, and keeps it open until release.
func (h *Heap) acquire(f *dataFile) (vfs.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.handle == nil {
		h.mu.Unlock()
		handle, err := h.fsys.OpenFile(h.path(chunksName(f.number)), 0)
		h.mu.Lock()
		switch {
		case err != nil:
			return nil, err
		case f.handle != nil:
			_ = handle.Close() // another was faster
		case h.closed || h.files[f.number] != f:
			_ = handle.Close()
			return nil, ErrNotFound
		default:
			f.handle = handle
			h.handles++
		}
	}
	f.readers++
	return f.handle, nil
}

func (h *Heap) release(f *dataFile) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.readers--
	h.closeIdle(h.options.OpenFiles)
}

// closeIdle closes files until at most so many are open, but none that is read, or
// that must be synced: another handle might not learn that bytes were lost.
// Called with mu held.
func (h *Heap) closeIdle(most int) {
	if h.handles <= most {
		return
	}
	for _, f := range h.files {
		if f.handle != nil && f.readers == 0 && !f.dirty {
			h.closeFile(f)
			if h.handles <= most {
				return
			}
		}
	}
}

// CloseIdle closes the files that nobody reads, until they are needed again.
func (h *Heap) CloseIdle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closeIdle(0)
}

// closeFile is called with mu held.
func (h *Heap) closeFile(f *dataFile) {
	if f.handle != nil {
		_ = f.handle.Close() // what mattered was synced
		f.handle = nil
		h.handles--
	}
}

// key returns the codec of a file, after having read its header if need be.
func (h *Heap) key(f *dataFile, handle vfs.File) (codec, error) {
	h.mu.Lock()
	c, keyed := f.codec, f.keyed
	h.mu.Unlock()
	if keyed {
		return c, nil
	}
	head, err := readHeader(handle, h.path(chunksName(f.number)), chunksMagic)
	if err != nil {
		return c, err
	}
	if head.id != h.id || head.number != f.number {
		return c, &CorruptError{h.path(chunksName(f.number)), 0, "the file is another heap's or another one"}
	}
	if c.aead, err = head.mark.Open(chunksPurpose, h.options.ciphers()...); err != nil {
		return c, fmt.Errorf("%s: %w", h.path(chunksName(f.number)), err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	f.codec, f.keyed = c, true
	return c, nil
}

func readHeader(file vfs.File, name, magic string) (header, error) {
	p := make([]byte, headerSize)
	if err := readFull(file, p, 0); err != nil {
		if isShort(err) {
			return header{}, &CorruptError{name, 0, "the file is shorter than its header"}
		}
		return header{}, err
	}
	head, err := parseHeader(p, magic)
	switch err {
	case nil:
		return head, nil
	case ErrVersion:
		return header{}, fmt.Errorf("%s: %w", name, err)
	}
	return header{}, &CorruptError{name, 0, "header of the file"}
}
