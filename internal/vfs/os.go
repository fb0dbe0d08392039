package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

const (
	dirPermissions  = 0o700
	filePermissions = 0o600
)

// OS is the operating system's file system. Files and directories that it makes
// belong to their owner alone.
var OS FS = osFS{}

type osFS struct{}

func (osFS) OpenFile(name string, mode Mode) (File, error) {
	flags := os.O_RDWR
	if mode&ReadOnly != 0 {
		flags = os.O_RDONLY
	}
	if mode&Create != 0 {
		flags |= os.O_CREATE
	}
	if mode&Exclusive != 0 {
		flags |= os.O_EXCL
	}
	if mode&Truncate != 0 {
		flags |= os.O_TRUNC
	}
	if mode&Direct != 0 && directFlag != 0 {
		// Refused by some file systems, after O_CREATE has made the file: so
		// the second attempt must not insist on making it.
		f, err := os.OpenFile(name, flags|directFlag, filePermissions)
		if err == nil {
			return &osFile{file: f, alignment: PageSize}, nil
		}
		if !refusesDirect(err) {
			return nil, err
		}
		flags &^= os.O_EXCL
	}
	f, err := os.OpenFile(name, flags, filePermissions)
	if err != nil {
		return nil, err
	}
	return &osFile{file: f, alignment: 1}, nil
}

func (osFS) Rename(from, to string) error { return rename(from, to) }
func (osFS) Remove(name string) error     { return os.Remove(name) }

func (osFS) ReadDir(name string) ([]Info, error) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	list := make([]Info, 0, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, describe(info))
	}
	return list, nil
}

func (osFS) Stat(name string) (Info, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return describe(info), nil
}

func describe(info fs.FileInfo) Info {
	if info.IsDir() {
		return Info{Name: info.Name(), Dir: true}
	}
	return Info{Name: info.Name(), Size: info.Size()}
}

func (o osFS) MkdirAll(name string) error {
	info, err := os.Stat(name)
	if err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: name, Err: errNotDir}
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(name)
	if parent != name {
		if err := o.MkdirAll(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(name, dirPermissions); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return o.SyncDir(parent)
}

func (osFS) SyncDir(name string) error { return syncDir(name) }

func (osFS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, filePermissions)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
	}
	return f, nil
}

var errNotDir = errors.New("not a directory")

type osFile struct {
	file      *os.File
	alignment int
}

func (f *osFile) Alignment() int { return f.alignment }
func (f *osFile) Close() error   { return f.file.Close() }
func (f *osFile) Sync() error    { return syncData(f.file) }

func (f *osFile) Truncate(size int64) error { return f.file.Truncate(size) }

func (f *osFile) Size() (int64, error) {
	info, err := f.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f *osFile) Preallocate(size int64) error {
	have, err := f.Size()
	if err != nil || have >= size {
		return err
	}
	err = allocate(f.file, have, size-have)
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return f.writeZeros(have, size)
}

// writeZeros reserves space where the system has no call for it.
func (f *osFile) writeZeros(from, to int64) error {
	zeros := Aligned(1 << 20)
	for from < to {
		n := min(int64(len(zeros)), to-from)
		if f.alignment > 1 {
			n = (n + PageSize - 1) / PageSize * PageSize
			from -= from % PageSize
		}
		if _, err := f.file.WriteAt(zeros[:n], from); err != nil {
			return err
		}
		from += n
	}
	return nil
}

func (f *osFile) WriteAt(p []byte, off int64) (int, error) {
	if f.alignment > 1 && !isAligned(p, off) {
		return 0, &fs.PathError{Op: "write", Path: f.file.Name(), Err: ErrAlignment}
	}
	return f.file.WriteAt(p, off)
}

func (f *osFile) ReadAt(p []byte, off int64) (int, error) {
	if f.alignment > 1 && !isAligned(p, off) {
		return f.readUnaligned(p, off)
	}
	return f.file.ReadAt(p, off)
}

const bounceSize = 256 << 10

var bounces = sync.Pool{New: func() any { b := Aligned(bounceSize); return &b }}

// readUnaligned reads whole pages into aligned memory and copies what was asked.
func (f *osFile) readUnaligned(p []byte, off int64) (int, error) {
	if off < 0 {
		return f.file.ReadAt(p, off) // for its error
	}
	bounce := bounces.Get().(*[]byte)
	defer bounces.Put(bounce)
	done := 0
	for done < len(p) {
		skip := int(off % PageSize)
		want := min(len(p)-done, bounceSize-skip)
		whole := (skip + want + PageSize - 1) / PageSize * PageSize
		n, err := f.file.ReadAt((*bounce)[:whole], off-int64(skip))
		got := min(max(n-skip, 0), want)
		copy(p[done:], (*bounce)[skip:skip+got])
		done += got
		off += int64(got)
		if got < want {
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return done, err
		}
	}
	return done, nil
}
