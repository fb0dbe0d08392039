package faulty

import (
	"io"
	"io/fs"
	"syscall"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// file is an open file. Its fields but closed never change.
type file struct {
	disk   *Disk
	name   string // as it was opened
	inode  *inode
	mode   vfs.Mode
	closed bool // guarded by Disk.mu
}

func (f *file) Alignment() int {
	if f.mode&vfs.Direct != 0 {
		return vfs.PageSize
	}
	return 1
}

// begin is called with the disk's lock held.
func (f *file) begin(kind Kind, off int64, length int) error {
	if f.closed {
		return pathError(kind.String(), f.name, fs.ErrClosed)
	}
	switch kind {
	case Write, Truncate, Preallocate:
		if f.mode&vfs.ReadOnly != 0 {
			return pathError(kind.String(), f.name, fs.ErrPermission)
		}
	}
	if off < 0 {
		return pathError(kind.String(), f.name, fs.ErrInvalid)
	}
	return f.disk.begin(Operation{Kind: kind, Name: f.name, Offset: off, Length: length})
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.begin(Read, off, len(p)); err != nil {
		return 0, err
	}
	n := f.inode.read(p, off)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if f.Alignment() > 1 && (off%vfs.PageSize != 0 || len(p)%vfs.PageSize != 0) {
		return 0, pathError("write", f.name, vfs.ErrAlignment)
	}
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	begun := f.begin(Write, off, len(p))
	goOn, result := proceed(begun)
	if !goOn {
		if begun == ErrPowerCut || f.closed || off < 0 || f.mode&vfs.ReadOnly != 0 {
			return 0, result
		}
		return f.write(p[:d.random.IntN(len(p)+1)], off, result)
	}
	return f.write(p, off, result)
}

// write stores what fits and returns result, or ENOSPC.
func (f *file) write(p []byte, off int64, result error) (int, error) {
	done, taken := f.inode.write(p, off, f.disk.room())
	f.disk.used += taken
	if done < len(p) && result == nil {
		result = pathError("write", f.name, syscall.ENOSPC)
	}
	return done, result
}

// room is how many more pages fit; negative is any number.
func (d *Disk) room() int64 {
	if d.capacity < 0 {
		return -1
	}
	return max(d.capacity-d.used, 0)
}

func (f *file) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	err := f.begin(Sync, 0, 0)
	switch {
	case err == nil:
		f.inode.sync()
		return nil
	case err == errApply || err == ErrPowerCut:
		return ErrPowerCut
	case !f.closed:
		f.inode.failSync(f.disk.random)
	}
	return err
}

func (f *file) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	goOn, result := proceed(f.begin(Truncate, size, 0))
	if !goOn {
		return result
	}
	f.disk.used -= f.inode.truncate(size)
	return result
}

func (f *file) Preallocate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	goOn, result := proceed(f.begin(Preallocate, size, 0))
	if !goOn {
		return result
	}
	taken, ok := f.inode.preallocate(size, f.disk.room())
	if !ok {
		return pathError("preallocate", f.name, syscall.ENOSPC)
	}
	f.disk.used += taken
	return result
}

func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return 0, pathError("size", f.name, fs.ErrClosed)
	}
	if f.disk.cut {
		return 0, ErrPowerCut
	}
	return f.inode.size, nil
}

func (f *file) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return pathError("close", f.name, fs.ErrClosed)
	}
	f.closed = true
	return nil
}
