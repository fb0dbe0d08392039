package faulty

import (
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// OpenFile implements vfs.FS.
func (d *Disk) OpenFile(name string, mode vfs.Mode) (vfs.File, error) {
	name = clean(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	e, err := d.lookup(name)
	missing := err != nil
	kind := Open
	if missing && mode&vfs.Create != 0 {
		kind = Create
	}
	goOn, result := proceed(d.begin(Operation{Kind: kind, Name: name}))
	if !goOn {
		return nil, result
	}
	switch {
	case kind == Create:
		dir, base, err := d.find(name)
		if err != nil {
			return nil, err
		}
		e = entry{file: newInode()}
		dir.apply(change{to: base, what: e})
	case missing:
		return nil, err
	case mode&(vfs.Create|vfs.Exclusive) == vfs.Create|vfs.Exclusive:
		return nil, pathError("open", name, fs.ErrExist)
	case e.file == nil:
		return nil, pathError("open", name, fs.ErrInvalid)
	}
	if mode&vfs.Truncate != 0 {
		d.used -= e.file.truncate(0)
	}
	if result != nil {
		return nil, result
	}
	return &file{disk: d, name: name, inode: e.file, mode: mode}, nil
}

// Rename implements vfs.FS. Between two directories it is two steps for a power
// cut, and the file may be found under both names, never under none.
func (d *Disk) Rename(from, to string) error {
	from, to = clean(from), clean(to)
	d.mu.Lock()
	defer d.mu.Unlock()
	goOn, result := proceed(d.begin(Operation{Kind: Rename, Name: from}))
	if !goOn {
		return result
	}
	e, err := d.lookup(from)
	if err != nil {
		return err
	}
	source, sourceName, err := d.find(from)
	if err != nil {
		return err
	}
	target, targetName, err := d.find(to)
	if err != nil {
		return err
	}
	replaced, exists := target.present[targetName]
	switch {
	case from == to:
	case exists && replaced.dir != nil:
		return pathError("rename", to, fs.ErrExist)
	case source == target:
		source.apply(change{from: sourceName, to: targetName, what: e})
	default:
		target.apply(change{to: targetName, what: e})
		target.sync()
		source.apply(change{from: sourceName, what: e})
	}
	if exists && from != to {
		d.forget(replaced)
	}
	return result
}

// forget counts the pages of a file that has lost a name as free. A file has
// one name at a time.
func (d *Disk) forget(e entry) {
	if e.file != nil {
		d.used -= int64(len(e.file.present))
	}
}

// Remove implements vfs.FS.
func (d *Disk) Remove(name string) error {
	name = clean(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	goOn, result := proceed(d.begin(Operation{Kind: Remove, Name: name}))
	if !goOn {
		return result
	}
	e, err := d.lookup(name)
	if err != nil {
		return err
	}
	if e.dir != nil && len(e.dir.present) > 0 || name == "/" {
		return pathError("remove", name, fs.ErrInvalid)
	}
	dir, base, err := d.find(name)
	if err != nil {
		return err
	}
	dir.apply(change{from: base, what: e})
	d.forget(e)
	return result
}

// ReadDir implements vfs.FS.
func (d *Disk) ReadDir(name string) ([]vfs.Info, error) {
	name = clean(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin(Operation{Kind: ReadDir, Name: name}); err != nil {
		return nil, err
	}
	e, err := d.lookup(name)
	if err != nil {
		return nil, err
	}
	if e.dir == nil {
		return nil, pathError("readdir", name, fs.ErrInvalid)
	}
	list := make([]vfs.Info, 0, len(e.dir.present))
	for _, base := range slices.Sorted(maps.Keys(e.dir.present)) {
		list = append(list, describe(base, e.dir.present[base]))
	}
	return list, nil
}

func describe(base string, e entry) vfs.Info {
	if e.dir != nil {
		return vfs.Info{Name: base, Dir: true}
	}
	return vfs.Info{Name: base, Size: e.file.size}
}

// MkdirAll implements vfs.FS.
func (d *Disk) MkdirAll(name string) error {
	name = clean(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if e, err := d.lookup(name); err == nil {
		if d.cut {
			return ErrPowerCut
		}
		if e.dir == nil {
			return pathError("mkdir", name, fs.ErrInvalid)
		}
		return nil
	}
	goOn, result := proceed(d.begin(Operation{Kind: Mkdir, Name: name}))
	if !goOn {
		return result
	}
	return d.makeAll(name, result)
}

// makeAll makes the missing directories; with a result of failure their names
// stay unsynced.
func (d *Disk) makeAll(name string, result error) error {
	if name == "/" {
		return result
	}
	if err := d.makeAll(path.Dir(name), result); err != nil && result == nil {
		return err
	}
	dir, base, err := d.find(name)
	if err != nil {
		return err
	}
	e, ok := dir.present[base]
	switch {
	case ok && e.dir == nil:
		return pathError("mkdir", name, fs.ErrInvalid)
	case !ok:
		dir.apply(change{to: base, what: entry{dir: newDirectory()}})
		if result == nil {
			dir.sync()
		}
	}
	return result
}

// Stat implements vfs.FS.
func (d *Disk) Stat(name string) (vfs.Info, error) {
	name = clean(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin(Operation{Kind: Stat, Name: name}); err != nil {
		return vfs.Info{}, err
	}
	e, err := d.lookup(name)
	if err != nil {
		return vfs.Info{}, err
	}
	return describe(path.Base(name), e), nil
}

// SyncDir implements vfs.FS.
func (d *Disk) SyncDir(name string) error {
	name = clean(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	begun := d.begin(Operation{Kind: SyncDir, Name: name})
	if begun == errApply || begun == ErrPowerCut {
		return ErrPowerCut
	}
	e, err := d.lookup(name)
	if err != nil {
		return err
	}
	if e.dir == nil {
		return pathError("sync", name, fs.ErrInvalid)
	}
	if begun != nil {
		e.dir.failSync(d.random)
		return begun
	}
	e.dir.sync()
	return nil
}

// Lock implements vfs.FS. The lock ends with the power.
func (d *Disk) Lock(name string) (io.Closer, error) {
	name = clean(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	goOn, result := proceed(d.begin(Operation{Kind: Lock, Name: name}))
	if !goOn {
		return nil, result
	}
	if d.locks[name] {
		return nil, pathError("lock", name, vfs.ErrLocked)
	}
	dir, base, err := d.find(name)
	if err != nil {
		return nil, err
	}
	if _, ok := dir.present[base]; !ok {
		dir.apply(change{to: base, what: entry{file: newInode()}})
	}
	d.locks[name] = true
	return &lock{disk: d, name: name}, nil
}

type lock struct {
	disk *Disk
	name string
}

func (l *lock) Close() error {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if !l.disk.locks[l.name] {
		return pathError("unlock", l.name, fs.ErrClosed)
	}
	delete(l.disk.locks, l.name)
	return nil
}
