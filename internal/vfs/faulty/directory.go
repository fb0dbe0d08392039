package faulty

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// entry is what a name stands for: a file or a directory.
type entry struct {
	file *inode
	dir  *directory
}

// change is one step that a directory's next sync makes durable.
type change struct {
	from string // removed, if not empty
	to   string // set, if not empty
	what entry  // what to becomes, or what from was
}

// directory is guarded by Disk.mu.
type directory struct {
	present map[string]entry
	durable map[string]entry
	pending []change
}

func newDirectory() *directory {
	return &directory{present: map[string]entry{}, durable: map[string]entry{}}
}

func (dir *directory) apply(c change) {
	c.apply(dir.present)
	dir.pending = append(dir.pending, c)
}

func (c change) apply(names map[string]entry) {
	if c.from != "" && names[c.from] == c.what {
		delete(names, c.from)
	}
	if c.to != "" {
		names[c.to] = c.what
	}
}

func (dir *directory) sync() {
	dir.durable = maps.Clone(dir.present)
	dir.pending = nil
}

// failSync makes some of the changes durable; the others wait for a later sync,
// which covers them: names are in the file system's journal.
func (dir *directory) failSync(random *rand.Rand) {
	for _, c := range dir.pending {
		if random.IntN(2) == 0 {
			c.apply(dir.durable)
		}
	}
}

// survive copies a directory as a power cut now may leave it. A file with two
// names stays one file.
func (dir *directory) survive(random *rand.Rand, files map[*inode]*inode) *directory {
	names := maps.Clone(dir.durable)
	for _, c := range dir.pending {
		if random.IntN(2) == 0 {
			c.apply(names)
		}
	}
	after := newDirectory()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old := names[name]
		if old.dir != nil {
			after.durable[name] = entry{dir: old.dir.survive(random, files)}
			continue
		}
		if files[old.file] == nil {
			files[old.file] = old.file.survive(random)
		}
		after.durable[name] = entry{file: files[old.file]}
	}
	after.present = maps.Clone(after.durable)
	return after
}

// Survive returns a new disk that holds what a power cut at this moment may
// leave. The seed chooses among the possible outcomes and becomes the new
// disk's. The old disk is cut.
func (d *Disk) Survive(seed uint64) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = true
	after := New(seed)
	files := make(map[*inode]*inode)
	after.root = d.root.survive(after.random, files)
	after.capacity = d.capacity
	for _, n := range files {
		after.used += int64(len(n.present))
	}
	return after
}

// Clone returns a new disk with the present content of this one, as if all of
// it had been synced. The old disk goes on as before.
func (d *Disk) Clone(seed uint64) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := New(seed)
	files := make(map[*inode]*inode)
	after.root = d.root.clone(files)
	after.capacity = d.capacity
	for _, n := range files {
		after.used += int64(len(n.present))
	}
	return after
}

func (dir *directory) clone(files map[*inode]*inode) *directory {
	after := newDirectory()
	for name, old := range dir.present {
		if old.dir != nil {
			after.present[name] = entry{dir: old.dir.clone(files)}
			continue
		}
		n := files[old.file]
		if n == nil {
			n = newInode()
			n.size, n.durableSize = old.file.size, old.file.size
			n.present, n.durable = maps.Clone(old.file.present), maps.Clone(old.file.present)
			files[old.file] = n
		}
		after.present[name] = entry{file: n}
	}
	after.durable = maps.Clone(after.present)
	return after
}

// find returns the directory that holds a name, and the name in it.
func (d *Disk) find(name string) (*directory, string, error) {
	dir := d.root
	parent, base := path.Split(name)
	for _, element := range strings.Split(strings.Trim(parent, "/"), "/") {
		if element == "" {
			continue
		}
		next, ok := dir.present[element]
		if !ok || next.dir == nil {
			return nil, "", pathError("find", name, fs.ErrNotExist)
		}
		dir = next.dir
	}
	return dir, base, nil
}

// lookup returns what a name stands for.
func (d *Disk) lookup(name string) (entry, error) {
	if name == "/" {
		return entry{dir: d.root}, nil
	}
	dir, base, err := d.find(name)
	if err != nil {
		return entry{}, err
	}
	e, ok := dir.present[base]
	if !ok {
		return entry{}, pathError("find", name, fs.ErrNotExist)
	}
	return e, nil
}

func (d *Disk) file(name string) (*inode, error) {
	e, err := d.lookup(name)
	if err != nil {
		return nil, err
	}
	if e.file == nil {
		return nil, pathError("open", name, fs.ErrInvalid)
	}
	return e.file, nil
}
