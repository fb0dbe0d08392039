package overlay

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// FS is a view of a base with changes in memory. New makes one.
type FS struct {
	base vfs.FS
	room room

	mu    sync.Mutex
	roots map[string]*directory // by what stands before the first element of a path; guarded by mu
	locks map[*inode]bool       // those of files that the base does not have; guarded by mu
}

var _ vfs.FS = (*FS)(nil)

// New returns a view of the base in which changes take at most so many bytes of
// memory, rounded down to whole pages.
func New(base vfs.FS, most int64) *FS {
	f := &FS{base: base, roots: make(map[string]*directory), locks: make(map[*inode]bool)}
	f.room.free.Store(most / vfs.PageSize)
	return f
}

// Used is how many bytes of memory changes take.
func (f *FS) Used() int64 { return f.room.used.Load() * vfs.PageSize }

// A directory is one of the base, with what was changed in it, or one made here. It is
// guarded by FS.mu.
type directory struct {
	path  string           // in the base; empty if it has none
	names map[string]entry // what is known; an empty entry is gone
}

// An entry is what a name stands for: a file, a directory, or nothing.
type entry struct {
	file *inode
	dir  *directory
}

func (e entry) exists() bool { return e != entry{} }

func (e entry) info(name string) vfs.Info {
	if e.dir != nil {
		return vfs.Info{Name: name, Dir: true}
	}
	return vfs.Info{Name: name, Size: e.file.length()}
}

func fail(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// split takes a path apart: what is before its elements, and these.
func split(name string) (root string, elements []string) {
	name = filepath.Clean(name)
	volume := filepath.VolumeName(name)
	rest := name[len(volume):]
	root = volume
	if strings.HasPrefix(rest, string(filepath.Separator)) {
		root += string(filepath.Separator)
		rest = rest[1:]
	}
	if rest == "" || rest == "." {
		return root, nil
	}
	return root, strings.Split(rest, string(filepath.Separator))
}

// root returns the directory from which a path goes.
func (f *FS) root(name string) *directory {
	dir := f.roots[name]
	if dir == nil {
		dir = &directory{path: name, names: make(map[string]entry)}
		if name == "" {
			dir.path = "."
		}
		f.roots[name] = dir
	}
	return dir
}

// child returns what a name in a directory stands for, and asks the base once.
func (f *FS) child(dir *directory, name string) (entry, error) {
	if e, ok := dir.names[name]; ok {
		return e, nil
	}
	if dir.path == "" {
		return entry{}, nil
	}
	path := filepath.Join(dir.path, name)
	info, err := f.base.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return entry{}, nil
	}
	if err != nil {
		return entry{}, err
	}
	return f.take(dir, name, info), nil
}

// take makes an entry of what the base has.
func (f *FS) take(dir *directory, name string, info vfs.Info) entry {
	path := filepath.Join(dir.path, name)
	e := entry{file: &inode{fs: f, path: path, size: info.Size, limit: info.Size}}
	if info.Dir {
		e = entry{dir: &directory{path: path, names: make(map[string]entry)}}
	}
	dir.names[name] = e
	return e
}

// parent returns the directory that holds a name, and the name in it. The name is empty
// for a root.
func (f *FS) parent(op, name string) (*directory, string, error) {
	root, elements := split(name)
	dir := f.root(root)
	if len(elements) == 0 {
		return dir, "", nil
	}
	for _, element := range elements[:len(elements)-1] {
		e, err := f.child(dir, element)
		if err != nil {
			return nil, "", err
		}
		if e.dir == nil {
			return nil, "", fail(op, name, fs.ErrNotExist)
		}
		dir = e.dir
	}
	return dir, elements[len(elements)-1], nil
}

// lookup returns what a name stands for, and fails if that is nothing.
func (f *FS) lookup(op, name string) (entry, error) {
	dir, last, err := f.parent(op, name)
	if err != nil {
		return entry{}, err
	}
	if last == "" {
		return entry{dir: dir}, nil
	}
	e, err := f.child(dir, last)
	if err == nil && !e.exists() {
		err = fail(op, name, fs.ErrNotExist)
	}
	return e, err
}

// OpenFile implements vfs.FS.
func (f *FS) OpenFile(name string, mode vfs.Mode) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, last, err := f.parent("open", name)
	if err != nil {
		return nil, err
	}
	var e entry
	if last != "" {
		if e, err = f.child(dir, last); err != nil {
			return nil, err
		}
	}
	exclusive := mode&(vfs.Create|vfs.Exclusive) == vfs.Create|vfs.Exclusive
	switch {
	case exclusive && (last == "" || e.exists()):
		return nil, fail("open", name, fs.ErrExist)
	case last == "" || e.dir != nil:
		return nil, fail("open", name, fs.ErrInvalid)
	case !e.exists() && mode&vfs.Create == 0:
		return nil, fail("open", name, fs.ErrNotExist)
	case !e.exists():
		e.file = &inode{fs: f}
		dir.names[last] = e
	}
	return e.file.open(name, mode)
}

// Rename implements vfs.FS. It renames directories as well.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.lookup("rename", from)
	if err != nil {
		return err
	}
	source, sourceName, err := f.parent("rename", from)
	if err != nil {
		return err
	}
	target, targetName, err := f.parent("rename", to)
	if err != nil {
		return err
	}
	if sourceName == "" || targetName == "" {
		return fail("rename", to, fs.ErrInvalid)
	}
	replaced, err := f.child(target, targetName)
	switch {
	case err != nil:
		return err
	case replaced == e:
		return nil
	case replaced.dir != nil || e.dir != nil && replaced.exists():
		return fail("rename", to, fs.ErrExist)
	case e.dir != nil && isBelow(to, from):
		return fail("rename", to, fs.ErrInvalid)
	}
	target.names[targetName] = e
	source.names[sourceName] = entry{}
	replaced.release()
	return nil
}

func isBelow(name, dir string) bool {
	return strings.HasPrefix(filepath.Clean(name), filepath.Clean(dir)+string(filepath.Separator))
}

// release gives back the memory of a file whose name is gone, when nobody has it open.
func (e entry) release() {
	if e.file != nil {
		e.file.unlink()
	}
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.lookup("remove", name)
	if err != nil {
		return err
	}
	dir, last, err := f.parent("remove", name)
	if err != nil {
		return err
	}
	if e.dir != nil {
		rest, err := f.list(e.dir)
		if err != nil {
			return err
		}
		if len(rest) > 0 || last == "" {
			return fail("remove", name, fs.ErrInvalid)
		}
	}
	dir.names[last] = entry{}
	e.release()
	return nil
}

// ReadDir implements vfs.FS.
func (f *FS) ReadDir(name string) ([]vfs.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.lookup("readdir", name)
	if err != nil {
		return nil, err
	}
	if e.dir == nil {
		return nil, fail("readdir", name, fs.ErrInvalid)
	}
	return f.list(e.dir)
}

func (f *FS) list(dir *directory) ([]vfs.Info, error) {
	if dir.path != "" {
		found, err := f.base.ReadDir(dir.path)
		if err != nil {
			return nil, err
		}
		for _, info := range found {
			if _, ok := dir.names[info.Name]; !ok {
				f.take(dir, info.Name, info)
			}
		}
	}
	list := make([]vfs.Info, 0, len(dir.names))
	for _, name := range slices.Sorted(maps.Keys(dir.names)) {
		if e := dir.names[name]; e.exists() {
			list = append(list, e.info(name))
		}
	}
	return list, nil
}

// MkdirAll implements vfs.FS.
func (f *FS) MkdirAll(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	root, elements := split(name)
	dir := f.root(root)
	for _, element := range elements {
		e, err := f.child(dir, element)
		switch {
		case err != nil:
			return err
		case e.file != nil:
			return fail("mkdir", name, fs.ErrInvalid)
		case e.dir == nil:
			e.dir = &directory{names: make(map[string]entry)}
			dir.names[element] = e
		}
		dir = e.dir
	}
	return nil
}

// Stat implements vfs.FS.
func (f *FS) Stat(name string) (vfs.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.lookup("stat", name)
	if err != nil {
		return vfs.Info{}, err
	}
	return e.info(filepath.Base(name)), nil
}

// SyncDir implements vfs.FS. It only looks whether the directory is there.
func (f *FS) SyncDir(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.lookup("sync", name)
	if err == nil && e.dir == nil {
		err = fail("sync", name, fs.ErrInvalid)
	}
	return err
}

// Lock implements vfs.FS. If the base has the file, the lock is taken there.
func (f *FS) Lock(name string) (io.Closer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, last, err := f.parent("lock", name)
	if err != nil {
		return nil, err
	}
	if last == "" {
		return nil, fail("lock", name, fs.ErrInvalid)
	}
	e, err := f.child(dir, last)
	switch {
	case err != nil:
		return nil, err
	case e.dir != nil:
		return nil, fail("lock", name, fs.ErrInvalid)
	case e.file == nil:
		e.file = &inode{fs: f}
		dir.names[last] = e
	}
	if e.file.path != "" {
		return f.base.Lock(e.file.path)
	}
	if f.locks[e.file] {
		return nil, fail("lock", name, vfs.ErrLocked)
	}
	f.locks[e.file] = true
	return &lock{fs: f, file: e.file, name: name}, nil
}

// A lock is one of a file that the base does not have.
type lock struct {
	fs   *FS
	file *inode
	name string
}

// Close gives the lock back.
func (l *lock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	if !l.fs.locks[l.file] {
		return fail("unlock", l.name, fs.ErrClosed)
	}
	delete(l.fs.locks, l.file)
	return nil
}
