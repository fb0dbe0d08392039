package catalog

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/godwit-mq/godwit/internal/store/heap"
	"github.com/godwit-mq/godwit/internal/vfs"
)

const (
	// Dir is the name of the catalog's directory in that of the node.
	Dir = "catalog"
	// DamagedPrefix begins the names of copies of damaged catalogs, beside it.
	DamagedPrefix = "catalog.damaged-"

	manifestName = "manifest"
	manifestMax  = 2 << 30 // bytes

	// gap is how far new numbers are from known ones where some may be unknown: more
	// than a file of this size can have edits.
	gap = 1 << 32
	// slack is how many bytes edits may have more than twice what they say.
	slack = 64 << 10
)

// Options configure a catalog.
type Options struct {
	// Highest is the highest number that the node uses anywhere. The catalog gives none
	// up to it. Without a catalog, a number here says that it is lost.
	Highest ID
	// Cipher, if not nil, encrypts the list. OldCiphers can still be read.
	Cipher     heap.Cipher
	OldCiphers []heap.Cipher
	// Random is that of heap.Options.
	Random io.Reader
}

// Recovery tells what Open found.
type Recovery struct {
	// Fresh says that there was no catalog, and nothing that belongs to one.
	Fresh bool
	// Edits is how many were read, Torn how many bytes at the end are of one that was
	// never durable.
	Edits int
	Torn  int64
	// Damage is what could not be read, this time.
	Damage []error
	// Incomplete says that this time or before something could not be read: there may be
	// assets that are not in the list.
	Incomplete bool
}

// A Catalog is the list of a node's assets. Any goroutine may use it.
type Catalog struct {
	fsys vfs.FS
	dir  string // of the node

	mu sync.Mutex
	// Guarded by mu from here on.
	heap       *heap.Heap // nil: closed
	assets     map[ID]*record
	names      map[name]ID
	consumers  map[ID]map[ID]bool // of a stream, dropped ones included
	next       ID
	size       int64 // of all assets, about
	incomplete bool
	damaged    bool // the manifest, and there is no copy of it yet
	stale      bool // the manifest says something else than this
	found      Recovery
}

// A name is under what an asset that is not dropped is found.
type name struct {
	parent        ID // 0: a stream
	account, name string
}

func (a *Asset) key() name {
	if a.Kind == Consumer {
		return name{parent: a.Parent, name: a.Name}
	}
	return name{account: a.Account, name: a.Name}
}

// Open opens the catalog in the directory of a node, or makes an empty one. What it
// cannot read of it is damage that the Recovery tells of; an error says that nothing of
// it can be read, or that the disk fails.
func Open(fsys vfs.FS, dir string, o Options) (*Catalog, Recovery, error) {
	c := &Catalog{fsys: fsys, dir: dir, assets: make(map[ID]*record), names: make(map[name]ID), consumers: make(map[ID]map[ID]bool), next: 1}
	if err := c.open(o); err != nil {
		return nil, c.found, fmt.Errorf("open catalog: %w", err)
	}
	return c, c.found, nil
}

func (c *Catalog) open(o Options) error {
	if o.Highest > math.MaxInt64 {
		return fmt.Errorf("%w: highest number %d", ErrInvalid, o.Highest)
	}
	ho := heap.Options{Cipher: o.Cipher, OldCiphers: o.OldCiphers, Random: o.Random}
	path := filepath.Join(c.dir, Dir)
	h, recovery, err := heap.Open(c.fsys, path, ho, c.replay)
	if errors.Is(err, fs.ErrNotExist) {
		c.found.Fresh = o.Highest == 0
		h, err = heap.Create(c.fsys, path, ho)
	}
	if err != nil {
		return err
	}
	c.heap = h
	c.found.Torn = recovery.Torn
	for _, d := range recovery.Damage {
		c.unreadable(&heap.CorruptError{Name: filepath.Join(path, manifestName), Offset: d.Offset, Reason: fmt.Sprintf("%d bytes are no edits", d.Length)})
	}
	c.dropOrphans()
	if o.Highest >= c.next {
		c.damage(fmt.Errorf("%s gave no numbers from %d on, and the node uses %d", path, c.next, o.Highest))
	}
	if len(c.found.Damage) > 0 {
		c.incomplete = true
		c.next += gap
	}
	c.next = max(c.next, o.Highest+1)
	c.found.Incomplete = c.incomplete
	return nil
}

func (c *Catalog) damage(err error) { c.found.Damage = append(c.found.Damage, err) }

// unreadable is damage of what is in the manifest.
func (c *Catalog) unreadable(err error) {
	c.damaged, c.stale = true, true
	c.damage(err)
}

// replay takes up an edit of the manifest.
func (c *Catalog) replay(data []byte) error {
	c.found.Edits++
	e, err := readEdit(data)
	if err != nil {
		c.unreadable(fmt.Errorf("edit %d: %w", c.found.Edits, err))
		return nil
	}
	c.apply(&e)
	return nil
}

// dropOrphans leaves out consumers whose stream is not in the list. Edits never make
// any: the stream was lost.
func (c *Catalog) dropOrphans() {
	var orphans []ID
	for parent, children := range c.consumers {
		if stream := c.assets[parent]; stream == nil || stream.Kind != Stream {
			orphans = slices.AppendSeq(orphans, maps.Keys(children))
		}
	}
	slices.Sort(orphans)
	for _, id := range orphans {
		r := c.assets[id]
		c.remove(id)
		c.unreadable(fmt.Errorf("consumer %.64q with number %d is of stream %d, which is not in the list", r.Name, id, r.Parent))
	}
}

// apply does what an edit says.
func (c *Catalog) apply(e *edit) {
	if e.whole {
		clear(c.assets)
		clear(c.names)
		clear(c.consumers)
		c.size = 0
	}
	c.incomplete = c.incomplete || e.incomplete
	c.next = max(c.next, e.next)
	for i := range e.puts {
		c.put(&e.puts[i])
	}
	for _, id := range e.forgotten {
		c.remove(id)
	}
}

func (c *Catalog) put(r *record) {
	c.remove(r.ID)
	c.assets[r.ID] = r
	c.size += r.size()
	c.next = max(c.next, r.ID+1)
	if !r.dropped {
		c.names[r.key()] = r.ID
	}
	if r.Kind == Consumer {
		if c.consumers[r.Parent] == nil {
			c.consumers[r.Parent] = make(map[ID]bool)
		}
		c.consumers[r.Parent][r.ID] = true
	}
}

func (c *Catalog) remove(id ID) {
	r := c.assets[id]
	if r == nil {
		return
	}
	delete(c.assets, id)
	c.size -= r.size()
	if c.names[r.key()] == id {
		delete(c.names, r.key())
	}
	if children := c.consumers[r.Parent]; children != nil {
		delete(children, id)
		if len(children) == 0 {
			delete(c.consumers, r.Parent)
		}
	}
}

// commit makes an edit durable, and then does what it says.
func (c *Catalog) commit(e *edit) error {
	e.next, e.incomplete = max(c.next, e.next), c.incomplete
	if c.damaged {
		if err := c.keepDamaged(); err != nil {
			return err
		}
	}
	base, edits := c.heap.ManifestSize()
	if !c.stale && c.heap.NeedsRewrite() == nil && edits <= 2*base+slack {
		if err := c.heap.Commit(e.append(nil)); err != nil {
			return err
		}
		c.apply(e)
		return nil
	}
	// Everything, as it will be.
	after := &Catalog{assets: maps.Clone(c.assets), names: make(map[name]ID), consumers: make(map[ID]map[ID]bool)}
	after.apply(e)
	whole := edit{whole: true, incomplete: c.incomplete, next: e.next}
	for _, id := range slices.Sorted(maps.Keys(after.assets)) {
		whole.puts = append(whole.puts, *after.assets[id])
	}
	if err := c.heap.Rewrite(whole.append(nil)); err != nil {
		return err
	}
	c.stale = false
	c.apply(e)
	return nil
}

// keepDamaged copies the damaged manifest, before it is replaced.
func (c *Catalog) keepDamaged() error {
	data, err := vfs.ReadFile(c.fsys, filepath.Join(c.dir, Dir, manifestName), manifestMax)
	if err != nil {
		return fmt.Errorf("copy the damaged catalog: %w", err)
	}
	for n := 1; ; n++ {
		path := filepath.Join(c.dir, DamagedPrefix+strconv.Itoa(n))
		switch _, err := c.fsys.Stat(path); {
		case err == nil:
			continue
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("copy the damaged catalog: %w", err)
		}
		if err := vfs.WriteFile(c.fsys, path, data); err != nil {
			return fmt.Errorf("copy the damaged catalog: %w", err)
		}
		c.damaged = false
		return nil
	}
}

// enter takes the lock, and fails if the catalog is closed.
func (c *Catalog) enter() error {
	c.mu.Lock()
	if c.heap == nil {
		c.mu.Unlock()
		return ErrClosed
	}
	return nil
}

// Create adds an asset, whose ID it assigns and returns. It fails with ErrExists for a
// name that is taken, ErrNotFound for a consumer whose stream is not there, ErrInvalid
// and ErrTooLarge.
func (c *Catalog) Create(a Asset) (ID, error) {
	if err := a.verify(); err != nil {
		return 0, fmt.Errorf("create %v %.64q: %w", a.Kind, a.Name, err)
	}
	if err := c.enter(); err != nil {
		return 0, err
	}
	defer c.mu.Unlock()
	if err := c.create(&a); err != nil {
		return 0, fmt.Errorf("create %v %.64q: %w", a.Kind, a.Name, err)
	}
	return a.ID, nil
}

func (c *Catalog) create(a *Asset) error {
	if a.Kind == Consumer {
		stream := c.assets[a.Parent]
		if stream == nil || stream.dropped || stream.Kind != Stream {
			return fmt.Errorf("stream %d: %w", a.Parent, ErrNotFound)
		}
		a.Account = stream.Account
	}
	switch {
	case c.names[a.key()] != 0:
		return ErrExists
	case len(c.assets) >= AssetsMax || c.size+a.size() > TotalMax || c.next >= math.MaxInt64:
		return ErrTooLarge
	}
	a.ID = c.next
	c.next++ // also if the commit fails: it may come back
	a.Config = bytes.Clone(a.Config)
	return c.commit(&edit{puts: []record{{Asset: *a}}})
}

// Update replaces the configuration of an asset that is not dropped.
func (c *Catalog) Update(id ID, config []byte) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	r := c.assets[id]
	switch {
	case r == nil || r.dropped:
		return fmt.Errorf("update asset %d: %w", id, ErrNotFound)
	case len(config) > ConfigMax || c.size+int64(len(config)-len(r.Config)) > TotalMax:
		return fmt.Errorf("update asset %d: %w", id, ErrTooLarge)
	}
	changed := *r
	changed.Config = bytes.Clone(config)
	if err := c.commit(&edit{puts: []record{changed}}); err != nil {
		return fmt.Errorf("update asset %d: %w", id, err)
	}
	return nil
}

// Drop marks an asset as being deleted, a stream together with its consumers: they are
// not found any more, and their names are free. Dropping what is dropped does nothing.
func (c *Catalog) Drop(id ID) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	r := c.assets[id]
	switch {
	case r == nil:
		return fmt.Errorf("drop asset %d: %w", id, ErrNotFound)
	case r.dropped:
		return nil
	}
	e := edit{}
	for _, each := range append(c.children(id), id) {
		if one := *c.assets[each]; !one.dropped {
			one.dropped = true
			e.puts = append(e.puts, one)
		}
	}
	if err := c.commit(&e); err != nil {
		return fmt.Errorf("drop asset %d: %w", id, err)
	}
	return nil
}

func (c *Catalog) children(id ID) []ID { return slices.Sorted(maps.Keys(c.consumers[id])) }

// Forget takes a dropped asset off the list: nothing of it is left on the disk. It fails
// with ErrNotFound for a number that is not in the list, and with ErrInUse for an asset
// that was not dropped and for a stream of which consumers are not forgotten.
func (c *Catalog) Forget(id ID) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	r := c.assets[id]
	switch {
	case r == nil:
		return fmt.Errorf("forget asset %d: %w", id, ErrNotFound)
	case !r.dropped || len(c.consumers[id]) > 0:
		return fmt.Errorf("forget asset %d: %w", id, ErrInUse)
	}
	if err := c.commit(&edit{forgotten: []ID{id}}); err != nil {
		return fmt.Errorf("forget asset %d: %w", id, err)
	}
	return nil
}

// Close ends the use of the catalog.
func (c *Catalog) Close() error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	h := c.heap
	c.heap = nil
	return h.Close()
}

// list returns copies of those assets that are wanted, in the order of their numbers.
func (c *Catalog) list(wanted func(*record) bool) (list []Asset) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.assets {
		if wanted(r) {
			list = append(list, r.clone())
		}
	}
	slices.SortFunc(list, func(a, b Asset) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func (r *record) clone() Asset {
	a := r.Asset
	a.Config = bytes.Clone(a.Config)
	return a
}
