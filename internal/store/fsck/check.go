package fsck

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/godwit-mq/godwit/internal/journal"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/catalog"
	"github.com/godwit-mq/godwit/internal/store/heap"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/overlay"
)

const (
	storeDir   = "godwit"
	journalDir = "journal"
	streamsDir = "streams"
	lockName   = "lock"

	defaultView = 1 << 30
	// manySegments keeps the journal from moving records, which nobody needs here.
	manySegments = 1 << 30
	// cacheBytes is enough where each message is read once.
	cacheBytes = 4 << 20
)

// Options say what is to be checked.
type Options struct {
	// StoreDir is the store directory of the server, in which the directory of the store
	// is.
	StoreDir string
	// Node has what the server is configured with: ciphers, above all.
	Node block.Options
	// ViewBytes bounds the memory for what opening the store would write; by default 1 GiB.
	ViewBytes int64
}

var (
	// ErrNoStore: there is no store in the directory.
	ErrNoStore = errors.New("there is no store")
	// ErrRunning: a server uses the store.
	ErrRunning = errors.New("a server is using the store: stop it first")
)

// A check is one run.
type check struct {
	fsys   vfs.FS // the view
	dir    string
	node   *block.Node
	list   *catalog.Catalog // nil if it cannot be read at all
	report Report
}

// Check checks a store. An error says that it could not be checked.
func Check(base vfs.FS, o Options) (Report, error) {
	c := &check{dir: filepath.Join(o.StoreDir, storeDir)}
	c.report = Report{Dir: c.dir, Streams: []Stream{}}
	if info, err := base.Stat(c.dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.Dir {
		return c.report, fmt.Errorf("%s: %w", c.dir, ErrNoStore)
	} else if err != nil {
		return c.report, err
	}
	if o.ViewBytes <= 0 {
		o.ViewBytes = defaultView
	}
	c.fsys = overlay.New(base, o.ViewBytes)
	err := c.open(o.Node)
	if errors.Is(err, vfs.ErrLocked) {
		err = fmt.Errorf("%s: %w", c.dir, ErrRunning)
	}
	if err != nil {
		return c.report, err
	}
	err = c.all()
	if c.list != nil {
		err = errors.Join(err, c.list.Close())
	}
	_ = c.node.Close() // what it could not write, nobody wants
	return c.report, err
}

// open opens journal and catalog.
func (c *check) open(o block.Options) error {
	before, err := c.fsys.ReadDir(c.dir)
	if err != nil {
		return err
	}
	c.strays(before)
	o.CacheBytes = cacheBytes
	o.Journal.LiveSegments = manySegments
	o.Journal.MaxSegments = 0
	o.Journal.Witness = -1
	node, recovery, err := block.Open(c.fsys, c.dir, o)
	if err != nil {
		return err
	}
	c.node = node
	highest, err := c.highest()
	if err != nil {
		return errors.Join(err, node.Close())
	}
	list, found, err := catalog.Open(c.fsys, c.dir, catalog.Options{Highest: highest, Cipher: o.Cipher, OldCiphers: o.OldCiphers, Random: o.Journal.Random})
	switch {
	case errors.Is(err, heap.ErrCorrupt):
		c.damage(damageOf(err))
	case err != nil:
		return errors.Join(err, node.Close())
	default:
		c.list = list
		c.catalog(found)
	}
	c.journal(recovery)
	return nil
}

// highest is the highest number that is in use.
func (c *check) highest() (highest catalog.ID, err error) {
	streams, err := c.node.Streams()
	for _, id := range streams {
		highest = max(highest, catalog.ID(id))
	}
	for _, g := range c.node.Journal().Groups() {
		highest = max(highest, catalog.ID(g.Group))
	}
	return highest, err
}

func (c *check) damage(d Damage) { c.report.Damage = append(c.report.Damage, d) }

func (c *check) note(file, format string, args ...any) {
	c.report.Notes = append(c.report.Notes, Note{File: file, Text: fmt.Sprintf(format, args...)})
}

func (c *check) catalog(found catalog.Recovery) {
	for _, err := range found.Damage {
		d := damageOf(err)
		d.Reason = "catalog: " + d.Reason
		c.damage(d)
	}
	if found.Incomplete && len(found.Damage) == 0 {
		c.note(filepath.Join(c.dir, catalog.Dir), "the catalog was damaged before: it may lack streams that are on the disk")
	}
}

// journal takes up what the journal's recovery says.
func (c *check) journal(r journal.Recovery) {
	dir := filepath.Join(c.dir, journalDir)
	for _, d := range r.Damage {
		one := Damage{Reason: "journal: " + d.String(), Offset: d.From.Offset()}
		if d.File != "" {
			one.File = filepath.Join(dir, d.File)
		}
		c.damage(one)
	}
	for _, l := range r.Lost {
		c.damage(Damage{Reason: fmt.Sprintf("journal: records %d to %d of number %d are lost", l.First, l.Last, l.Group)})
	}
	for _, err := range r.Problems {
		c.damage(Damage{Reason: "journal: " + err.Error()})
	}
	if cut := r.Cut; cut != nil && cut.Err != nil {
		c.damage(Damage{File: filepath.Join(dir, cut.File), Offset: cut.From.Offset(), Reason: "journal: its end cannot be read: " + cut.Err.Error()})
	} else if cut != nil {
		c.note(filepath.Join(dir, cut.File), "the journal ends with %d commits that were never acknowledged, as after a power cut", cut.Commits)
	}
}

// all checks what journal and catalog have.
func (c *check) all() error {
	damaged, err := c.node.Journal().Verify()
	if err != nil {
		return err
	}
	for _, d := range damaged {
		c.damage(Damage{Reason: "journal: " + d.String(), Offset: d.From.Offset()})
	}
	known := map[catalog.ID]bool{}
	if c.list != nil {
		for _, a := range c.list.All() {
			known[a.ID] = true
			if a.Kind != catalog.Stream {
				continue
			}
			if err := c.stream(a); err != nil {
				return err
			}
		}
		for _, a := range c.list.Dropped() {
			known[a.ID] = true
			c.note("", "%v %s > %s (number %d) is being deleted", a.Kind, a.Account, a.Name, a.ID)
		}
	}
	return c.unknown(known)
}

// unknown checks what no catalog knows.
func (c *check) unknown(known map[catalog.ID]bool) error {
	streams, err := c.node.Streams()
	if err != nil {
		return err
	}
	slices.Sort(streams)
	for _, id := range streams {
		if known[catalog.ID(id)] {
			continue
		}
		known[catalog.ID(id)] = true
		c.note(c.streamDir(catalog.ID(id)), "no catalog knows the stream with number %d", id)
		if err := c.stream(catalog.Asset{ID: catalog.ID(id), Kind: catalog.Stream}); err != nil {
			return err
		}
	}
	for _, g := range c.node.Journal().Groups() {
		if !known[catalog.ID(g.Group)] && g.Live > 0 {
			c.note("", "no catalog knows number %d, of which the journal has %d records", g.Group, g.Live)
		}
	}
	return nil
}

func (c *check) streamDir(id catalog.ID) string {
	return filepath.Join(c.dir, streamsDir, strconv.FormatUint(uint64(id), 16))
}
