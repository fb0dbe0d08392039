package logging

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// fileMode lets the owner's group read the log, and nobody else.
const fileMode = 0o640

// reopenInterval is how often at most a log file that is gone is tried again.
const reopenInterval = time.Second

var errNotRegular = errors.New("a size limit needs a regular file")

// FileOptions are the settings of a log file.
type FileOptions struct {
	Options

	// SizeLimit is the size in bytes beyond which the file is renamed and a new
	// one begun. The line that passes the limit is still written whole. 0 or
	// less means no limit.
	SizeLimit int64
	// MaxFiles is how many files are kept in all, the current one included; the
	// oldest backups are removed. 0 or less keeps all.
	MaxFiles int
}

// File is a logger that appends to a file. See NewFile.
type File struct {
	printer
	path string
	// rename is os.Rename, remove is os.Remove; tests make them fail.
	rename func(from, to string) error
	remove func(path string) error

	// The following are guarded by printer.mu.
	file     *os.File // nil after a failed attempt to open, and when closed
	regular  bool     // file is a regular file
	size     int64    // bytes in file
	limit    int64    // what the operator asked for, bytes; 0 = none
	nextSize int64    // rotate beyond this size; above limit after failures
	maxFiles int
	closed   bool
	openErr  error     // why file is nil
	lastTry  time.Time // when opening was last tried
}

// NewFile opens the log file, creating it with mode 0640. The caller must Close
// the logger. A size limit on something that is not a regular file (a device, a
// pipe) is an error, because renaming it would do harm.
func NewFile(path string, opts FileOptions) (*File, error) {
	f := &File{path: path, rename: os.Rename, remove: os.Remove}
	f.layout = newLayout(opts.Options, false)
	f.complaints.onError = opts.OnError
	f.complaints.now = f.now
	f.put, f.written, f.flush = f.append, f.rotateIfDue, f.sync
	if err := f.open(); err != nil {
		return nil, err
	}
	if err := f.SetLimits(opts.SizeLimit, opts.MaxFiles); err != nil {
		f.file.Close()
		return nil, err
	}
	return f, nil
}

// SetLimits changes FileOptions.SizeLimit (bytes) and FileOptions.MaxFiles. A
// file that is larger already is rotated at once.
func (f *File) SetLimits(sizeLimit int64, maxFiles int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if sizeLimit > 0 && f.file != nil && !f.regular {
		return fmt.Errorf("set size limit of log file %q: %w", f.path, errNotRegular)
	}
	f.limit, f.nextSize = max(sizeLimit, 0), max(sizeLimit, 0)
	f.maxFiles = max(maxFiles, 0)
	f.rotateIfDue()
	return nil
}

// Reopen closes the file and opens its path again, for programs that rename log
// files from outside. If that fails, the logger stays with the file it has.
func (f *File) Reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return fmt.Errorf("reopen log file %q: %w", f.path, os.ErrClosed)
	}
	former := f.file
	if err := f.open(); err != nil {
		f.file = former
		return err
	}
	f.torn = false
	if former == nil {
		return nil
	}
	if err := former.Close(); err != nil {
		return fmt.Errorf("close log file before its reopening: %w", err)
	}
	return nil
}

// Close closes the file. Lines that are logged afterwards are lost, and counted
// as such. A second Close does nothing.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	if f.file == nil {
		return f.openErr
	}
	file := f.file
	f.file = nil
	if err := file.Close(); err != nil {
		return fmt.Errorf("close log file: %w", err)
	}
	return nil
}

// open opens the path and takes its size over.
func (f *File) open() error {
	f.lastTry = f.now()
	file, info, err := openAndStat(f.path)
	if err == nil && f.limit > 0 && !info.Mode().IsRegular() {
		file.Close()
		err = fmt.Errorf("%s: %w", f.path, errNotRegular)
	}
	if err != nil {
		f.openErr = fmt.Errorf("open log file: %w", err)
		return f.openErr
	}
	f.file, f.regular, f.size, f.openErr = file, info.Mode().IsRegular(), info.Size(), nil
	return nil
}

func openAndStat(path string) (*os.File, os.FileInfo, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, fileMode)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// append writes one line to the file, which it opens if need be.
func (f *File) append(line []byte) (int, error) {
	if err := f.ensureOpen(); err != nil {
		return 0, err
	}
	n, err := f.file.Write(line)
	f.size += int64(n)
	if err != nil {
		return n, fmt.Errorf("write log file: %w", err)
	}
	return n, nil
}

func (f *File) ensureOpen() error {
	if f.closed {
		return fmt.Errorf("write log file %q: %w", f.path, os.ErrClosed)
	}
	if f.file != nil {
		return nil
	}
	if wait := f.now().Sub(f.lastTry); wait >= 0 && wait < reopenInterval {
		return f.openErr
	}
	return f.open()
}

func (f *File) sync() error {
	if f.file == nil {
		return f.openErr
	}
	if !f.regular {
		return nil // A pipe or a terminal cannot be synced and needs no sync.
	}
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("sync log file: %w", err)
	}
	return nil
}
