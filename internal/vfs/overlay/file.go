package overlay

import (
	"fmt"
	"io"
	"io/fs"
	"math"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// room counts the pages in memory.
type room struct{ free, used atomic.Int64 }

func (r *room) take() error {
	if r.free.Add(-1) < 0 {
		r.free.Add(1)
		return fmt.Errorf("memory for changes to files is used up: %w", syscall.ENOSPC)
	}
	r.used.Add(1)
	return nil
}

func (r *room) give(pages int) {
	r.free.Add(int64(pages))
	r.used.Add(-int64(pages))
}

// zeros is the page of all that is zero. It counts for nothing, and is never written.
var zeros = new([vfs.PageSize]byte)

// An inode is the content of a file.
type inode struct {
	fs   *FS
	path string // in the base; empty if the file was made here

	mu sync.RWMutex
	// Guarded by mu from here on.
	size     int64
	limit    int64 // below it, what is in no page is what the base has
	pages    map[int64]*[vfs.PageSize]byte
	base     vfs.File // open while a handle is
	handles  int
	unlinked bool
}

func (n *inode) length() int64 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.size
}

func (n *inode) open(name string, mode vfs.Mode) (vfs.File, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.path != "" && n.base == nil {
		base, err := n.fs.base.OpenFile(n.path, vfs.ReadOnly)
		if err != nil {
			return nil, err
		}
		n.base = base
	}
	n.handles++
	if mode&vfs.Truncate != 0 {
		n.cut(0)
	}
	return &file{inode: n, name: name, readOnly: mode&vfs.ReadOnly != 0}, nil
}

func (n *inode) close() (err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handles--
	if n.handles > 0 {
		return nil
	}
	if n.base != nil {
		err = n.base.Close()
		n.base = nil
	}
	if n.unlinked {
		n.cut(0)
	}
	return err
}

func (n *inode) unlink() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unlinked = true
	if n.handles == 0 {
		n.cut(0)
	}
}

// cut makes the file shorter.
func (n *inode) cut(size int64) {
	for i, page := range n.pages {
		if i*vfs.PageSize >= size {
			delete(n.pages, i)
			n.forget(page)
		}
	}
	if page := n.pages[size/vfs.PageSize]; page != nil && page != zeros {
		clear(page[size%vfs.PageSize:])
	}
	n.size, n.limit = size, min(n.limit, size)
}

func (n *inode) forget(page *[vfs.PageSize]byte) {
	if page != zeros {
		n.fs.room.give(1)
	}
}

// read fills p from an offset; all of it is within the file.
func (n *inode) read(p []byte, off int64) error {
	for len(p) > 0 {
		if page := n.pages[off/vfs.PageSize]; page != nil {
			done := copy(p, page[off%vfs.PageSize:])
			p, off = p[done:], off+int64(done)
			continue
		}
		run := n.run(off, int64(len(p)))
		if err := n.readBase(p[:run], off); err != nil {
			return err
		}
		p, off = p[run:], off+run
	}
	return nil
}

// run is how many of so many bytes from an offset lie in no page.
func (n *inode) run(off, most int64) int64 {
	for end := (off/vfs.PageSize + 1) * vfs.PageSize; end < off+most; end += vfs.PageSize {
		if n.pages[end/vfs.PageSize] != nil {
			return end - off
		}
	}
	return most
}

// readBase reads what the base has, and zeros behind it.
func (n *inode) readBase(p []byte, off int64) error {
	there := min(max(n.limit-off, 0), int64(len(p)))
	clear(p[there:])
	if there == 0 {
		return nil
	}
	got, err := n.base.ReadAt(p[:there], off)
	if int64(got) == there {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// page returns the page with a number, to be written; without content if all of it is
// going to be written.
func (n *inode) page(number int64, whole bool) (*[vfs.PageSize]byte, error) {
	old := n.pages[number]
	if old != nil && old != zeros {
		return old, nil
	}
	if err := n.fs.room.take(); err != nil {
		return nil, err
	}
	page := new([vfs.PageSize]byte)
	if old == nil && !whole {
		if err := n.readBase(page[:], number*vfs.PageSize); err != nil {
			n.fs.room.give(1)
			return nil, err
		}
	}
	n.put(number, page)
	return page, nil
}

func (n *inode) put(number int64, page *[vfs.PageSize]byte) {
	if n.pages == nil {
		n.pages = make(map[int64]*[vfs.PageSize]byte)
	}
	n.pages[number] = page
}

// write puts the first bytes of p into their page, and returns how many that are.
func (n *inode) write(p []byte, off int64) (int, error) {
	number, at := off/vfs.PageSize, off%vfs.PageSize
	p = p[:min(int64(len(p)), vfs.PageSize-at)]
	if len(p) == vfs.PageSize && [vfs.PageSize]byte(p) == *zeros {
		if old := n.pages[number]; old != nil {
			n.forget(old)
		}
		n.put(number, zeros)
		return len(p), nil
	}
	page, err := n.page(number, len(p) == vfs.PageSize)
	if err != nil {
		return 0, err
	}
	return copy(page[at:], p), nil
}

// A file is an open file.
type file struct {
	inode    *inode
	name     string
	readOnly bool
	closed   atomic.Bool
}

var _ vfs.File = (*file)(nil)

func (f *file) usable(op string, change bool) error {
	switch {
	case f.closed.Load():
		return fail(op, f.name, fs.ErrClosed)
	case change && f.readOnly:
		return fail(op, f.name, fs.ErrPermission)
	}
	return nil
}

// ReadAt implements vfs.File.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.usable("read", false); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, fail("read", f.name, fs.ErrInvalid)
	}
	n := f.inode
	n.mu.RLock()
	defer n.mu.RUnlock()
	there := p[:min(max(n.size-off, 0), int64(len(p)))]
	if err := n.read(there, off); err != nil {
		return 0, fail("read", f.name, err)
	}
	if len(there) < len(p) {
		return len(there), io.EOF
	}
	return len(p), nil
}

// WriteAt implements vfs.File.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if err := f.usable("write", true); err != nil {
		return 0, err
	}
	if off < 0 || off > math.MaxInt64-int64(len(p)) {
		return 0, fail("write", f.name, fs.ErrInvalid)
	}
	n := f.inode
	n.mu.Lock()
	defer n.mu.Unlock()
	done := 0
	for done < len(p) {
		wrote, err := n.write(p[done:], off+int64(done))
		done += wrote
		if wrote > 0 {
			n.size = max(n.size, off+int64(done))
		}
		if err != nil {
			return done, fail("write", f.name, err)
		}
	}
	return done, nil
}

// Sync implements vfs.File.
func (f *file) Sync() error { return f.usable("sync", false) }

// Truncate implements vfs.File.
func (f *file) Truncate(size int64) error {
	if err := f.usable("truncate", true); err != nil {
		return err
	}
	if size < 0 {
		return fail("truncate", f.name, fs.ErrInvalid)
	}
	n := f.inode
	n.mu.Lock()
	defer n.mu.Unlock()
	if size < n.size {
		n.cut(size)
	}
	n.size = size
	return nil
}

// Preallocate implements vfs.File. It reserves nothing.
func (f *file) Preallocate(size int64) error {
	if err := f.usable("preallocate", true); err != nil {
		return err
	}
	n := f.inode
	n.mu.Lock()
	defer n.mu.Unlock()
	n.size = max(n.size, size)
	return nil
}

// Size implements vfs.File.
func (f *file) Size() (int64, error) {
	if err := f.usable("size", false); err != nil {
		return 0, err
	}
	return f.inode.length(), nil
}

// Alignment implements vfs.File: nothing needs to be aligned.
func (f *file) Alignment() int { return 1 }

// Close implements vfs.File.
func (f *file) Close() error {
	if f.closed.Swap(true) {
		return fail("close", f.name, fs.ErrClosed)
	}
	return f.inode.close()
}
