package vfs

import (
	"errors"
	"io"
)

// Mode says how a file is opened: reading and writing of an existing file
// (zero), changed by these bits.
type Mode uint8

const (
	// ReadOnly refuses writes.
	ReadOnly Mode = 1 << iota
	// Create makes the file if it does not exist.
	Create
	// Exclusive, with Create, fails with fs.ErrExist if the file exists.
	Exclusive
	// Truncate empties the file.
	Truncate
	// Direct asks for transfers past the page cache. It is a wish: see
	// File.Alignment for whether it came true.
	Direct
)

// PageSize is the alignment, in bytes, that Direct files ask for, and the unit
// in which disks lose data.
const PageSize = 4096

var (
	// ErrLocked: another process, or another part of this one, holds the lock.
	ErrLocked = errors.New("locked by another process")
	// ErrAlignment: a write to a Direct file whose offset, length or memory is
	// not a multiple of its alignment.
	ErrAlignment = errors.New("unaligned direct write")
	// ErrTooLarge: a file is larger than the caller is ready to read.
	ErrTooLarge = errors.New("file too large")
)

// Info describes one directory entry.
type Info struct {
	Name string // the last element of the path
	Size int64  // bytes; 0 for a directory
	Dir  bool
}

// FS is a file system. Errors of missing and existing files answer to
// errors.Is with fs.ErrNotExist and fs.ErrExist, a full disk with
// syscall.ENOSPC. Names use the operating system's separator or a slash.
type FS interface {
	// OpenFile opens a file. The caller closes it.
	OpenFile(name string, mode Mode) (File, error)
	// Rename moves a file, replacing what is at the new name, in one step as
	// far as readers and power cuts can see. SyncDir of the new name's
	// directory (and of the old one, if it is another) makes it durable.
	Rename(from, to string) error
	// Remove deletes a file or an empty directory.
	Remove(name string) error
	// ReadDir lists a directory, sorted by name.
	ReadDir(name string) ([]Info, error)
	// MkdirAll makes a directory and its parents, and syncs the parents of
	// those it made: a directory that it returns survives a power cut.
	MkdirAll(name string) error
	// Stat describes a file or directory.
	Stat(name string) (Info, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
	// Lock takes the exclusive lock that the named file stands for, creating
	// the file if needed. It does not wait: ErrLocked. Close gives the lock
	// back; the end of the process does, too.
	Lock(name string) (io.Closer, error)
}

// File is an open file.
type File interface {
	// ReadAt and WriteAt as in io: fewer bytes than asked come with an error.
	io.ReaderAt
	io.WriterAt
	// Sync returns when everything written so far, and the file's length, is
	// on the disk.
	Sync() error
	// Truncate sets the length; what it adds reads as zero.
	Truncate(size int64) error
	// Preallocate makes the file at least size bytes long with space reserved
	// for all of them. What it adds reads as zero. It fails early, with
	// ENOSPC, where a write would fail late.
	Preallocate(size int64) error
	// Size returns the length in bytes.
	Size() (int64, error)
	// Alignment is PageSize if the file goes past the page cache: offset,
	// length and memory of writes must then be multiples of it (see Aligned),
	// reads need not. It is 1 for all other files.
	Alignment() int
	io.Closer
}
