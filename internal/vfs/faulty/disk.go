package faulty

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"path/filepath"
	"sync"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// ErrPowerCut is what every operation returns from the power cut on.
var ErrPowerCut = errors.New("the power is cut")

// Kind is the kind of an operation.
type Kind uint8

// The kinds of operations. Create is an OpenFile that makes the file.
const (
	Open Kind = iota
	Create
	Read
	Write
	Sync
	Truncate
	Preallocate
	Rename
	Remove
	ReadDir
	Mkdir
	Stat
	SyncDir
	Lock
	kinds
)

func (k Kind) String() string {
	return [...]string{"open", "create", "read", "write", "sync", "truncate", "preallocate",
		"rename", "remove", "readdir", "mkdir", "stat", "syncdir", "lock"}[k]
}

// changes: operations that a power cut is worth trying at.
func (k Kind) changes() bool {
	switch k {
	case Create, Write, Sync, Truncate, Preallocate, Rename, Remove, Mkdir, SyncDir:
		return true
	}
	return false
}

// Operation describes what is about to be done.
type Operation struct {
	Kind   Kind
	Name   string // slash-separated; the old name for Rename
	Offset int64  // of Read and Write
	Length int    // bytes, of Read and Write
	Index  int    // how many changing operations came before, for changing ones
}

// Disk is a file system in memory. It implements vfs.FS.
type Disk struct {
	mu     sync.Mutex
	random *rand.Rand
	// Guarded by mu from here on.
	root     *directory
	locks    map[string]bool
	fail     func(Operation) error
	counts   [kinds]int
	changed  int  // changing operations begun
	cutAt    int  // cut in this changing operation; -1 is never
	cut      bool // the power is off
	capacity int64
	used     int64 // pages that files hold, in their present state
}

var _ vfs.FS = (*Disk)(nil)

// New returns an empty disk. The seed decides what failing operations leave.
func New(seed uint64) *Disk {
	return &Disk{
		random:   rand.New(rand.NewPCG(seed, 1)),
		root:     newDirectory(),
		locks:    make(map[string]bool),
		cutAt:    -1,
		capacity: -1,
	}
}

// CutAt cuts the power in the changing operation with this index, counted from
// 0: creates, writes, syncs of either kind, truncates, preallocations, renames,
// removes, new directories. That operation fails, and may have left any part of
// its effect.
func (d *Disk) CutAt(index int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cutAt = index
}

// Cut cuts the power now.
func (d *Disk) Cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = true
}

// IsCut reports whether the power is off.
func (d *Disk) IsCut() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cut
}

// Fail has each operation ask the function first: an error that it returns is
// the operation's. It runs under the disk's lock and must not use the disk. Nil
// ends it.
func (d *Disk) Fail(decide func(Operation) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = decide
}

// SetCapacity limits the bytes that all files together may hold, in whole
// pages. A negative number is no limit.
func (d *Disk) SetCapacity(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = bytes
	if bytes > 0 {
		d.capacity = bytes / vfs.PageSize
	}
}

// Used returns the bytes that files hold, in whole pages.
func (d *Disk) Used() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.used * vfs.PageSize
}

// Operations returns how many changing operations have begun.
func (d *Disk) Operations() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// Count returns how many operations of one kind have begun.
func (d *Disk) Count(kind Kind) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.counts[kind]
}

// FlipBit inverts one bit of a file, in what is read now and in what is on the
// disk. Bit 0 is the lowest one of the first byte.
func (d *Disk) FlipBit(name string, bit int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.file(clean(name))
	if err != nil {
		return err
	}
	off, mask := bit/8, byte(1)<<(bit%8)
	if off < 0 || off >= n.size {
		return fmt.Errorf("flip bit %d of %s: beyond its %d bytes", bit, name, n.size)
	}
	n.flip(off, mask)
	return nil
}

// begin counts an operation and decides its fate. With errApply the operation
// must do its work and then return ErrPowerCut. Called with mu held.
func (d *Disk) begin(op Operation) error {
	if d.cut {
		return ErrPowerCut
	}
	d.counts[op.Kind]++
	if op.Kind.changes() {
		op.Index = d.changed
		d.changed++
		if op.Index == d.cutAt {
			d.cut = true
			return errApply
		}
	}
	if d.fail != nil {
		if err := d.fail(op); err != nil {
			return &fs.PathError{Op: op.Kind.String(), Path: op.Name, Err: err}
		}
	}
	return nil
}

// errApply: the power fails in this operation.
var errApply = errors.New("apply, then cut")

// proceed separates the three fates: fail now, go on, or go on and fail.
func proceed(err error) (goOn bool, result error) {
	switch err {
	case nil:
		return true, nil
	case errApply:
		return true, ErrPowerCut
	}
	return false, err
}

func clean(name string) string {
	return path.Clean("/" + filepath.ToSlash(name))
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}
