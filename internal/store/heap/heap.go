package heap

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// Heap is the chunks of one stream on the disk. One goroutine at a time changes it;
// Read, Stats and CloseIdle are for any.
type Heap struct {
	fsys    vfs.FS
	dir     string
	options Options
	id      identity

	mu sync.Mutex
	// Guarded by mu, and written only by the owner's goroutine, apart from the readers'
	// part of a dataFile.
	files   map[uint64]*dataFile
	current *dataFile            // takes new chunks; nil until the next Write makes it
	pending []byte               // the bytes of current behind those flushed
	dying   map[uint64]*dataFile // in which nothing lived when they came here
	handles int                  // open data files
	closed  bool
	damaged bool // delete nothing that was found

	// For the owner's goroutine alone.
	manifest     manifest
	next         uint64      // number of the next data file
	touched      []*dataFile // written since the last commit
	namesChanged bool        // in the directory, since it was synced
	doomed       []string    // names to be deleted by the next commit
	keep         []Ref       // what the wipe after the next commit leaves, sorted
	wiping       bool        // there is to be one
	unwiped      bool        // one that was to be has failed
	failed       error       // the interval cannot be committed any more
	stuck        error       // why the manifest takes no more edits
}

// Create makes a directory and an empty heap in it. It fails with fs.ErrExist if there
// is a heap.
func Create(fsys vfs.FS, dir string, o Options) (*Heap, error) {
	h, err := create(fsys, dir, o)
	if err != nil {
		return nil, fmt.Errorf("create heap %s: %w", dir, err)
	}
	return h, nil
}

func create(fsys vfs.FS, dir string, o Options) (*Heap, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return nil, err
	}
	found, err := list(fsys, dir)
	if err != nil {
		return nil, err
	}
	switch {
	case found.manifest:
		return nil, fs.ErrExist
	case found.removed:
		if err := clean(fsys, dir, found); err != nil {
			return nil, err
		}
	case len(found.sizes) > 0:
		return nil, &CorruptError{filepath.Join(dir, manifestName), 0, "there are data files and no manifest"}
	}
	h := newHeap(fsys, dir, o)
	if _, err := io.ReadFull(o.Random, h.id[:]); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	h.next = 1
	if err := h.rewrite(); err != nil {
		return nil, err
	}
	return h, nil
}

func newHeap(fsys vfs.FS, dir string, o Options) *Heap {
	return &Heap{
		fsys: fsys, dir: dir, options: o,
		files: make(map[uint64]*dataFile), dying: make(map[uint64]*dataFile),
	}
}

// Open opens a heap and gives the committed edits to the function, in the order of the
// commits; the data is valid during the call. Then the owner must Use the chunks of its state. Without a heap, or
// with one that was being removed, the error answers to fs.ErrNotExist.
func Open(fsys vfs.FS, dir string, o Options, edit func(data []byte) error) (*Heap, Recovery, error) {
	h, report, err := open(fsys, dir, o, edit)
	if err != nil {
		return nil, report, fmt.Errorf("open heap %s: %w", dir, err)
	}
	return h, report, nil
}

func open(fsys vfs.FS, dir string, o Options, edit func(data []byte) error) (*Heap, Recovery, error) {
	if err := o.complete(); err != nil {
		return nil, Recovery{}, err
	}
	found, err := list(fsys, dir)
	if err != nil {
		return nil, Recovery{}, err
	}
	if !found.manifest {
		return nil, Recovery{}, absent(fsys, dir, found)
	}
	h := newHeap(fsys, dir, o)
	report, err := h.replay(edit)
	if err != nil {
		return nil, report, err
	}
	for number, size := range found.sizes {
		f := &dataFile{number: number, size: size, flushed: size, committed: size, found: true}
		f.codec.seed = seed(chunksMagic, h.id, number)
		h.files[number], h.dying[number] = f, f
		h.next = max(h.next, number+1)
	}
	if found.temp && !h.damaged {
		h.doomed = append(h.doomed, tempName)
	}
	return h, report, nil
}

// replay reads the manifest.
func (h *Heap) replay(edit func(data []byte) error) (Recovery, error) {
	name := h.path(manifestName)
	m, w, err := openManifest(h.fsys, name, &h.options)
	if err != nil {
		return Recovery{}, err
	}
	defer w.file.Close()
	report, state, err := m.replay(w, edit)
	if err != nil {
		return report, err
	}
	switch {
	case len(report.Damage) > 0:
		h.damaged = true
		h.stuck = &CorruptError{name, report.Damage[0].Offset, "an edit"}
	case !state.witnessed:
		if err := m.confirm(h.fsys, h.dir, w, state.last); err != nil {
			return report, err
		}
	}
	if h.stuck == nil && !m.current(&h.options) {
		h.stuck = errors.New("it is not sealed as the options say")
	}
	h.manifest, h.id, h.next = m, m.id, max(state.nextFile, 1)
	return report, nil
}

// absent says what a directory without a manifest is, after having completed a removal.
func absent(fsys vfs.FS, dir string, found listing) error {
	switch {
	case found.removed:
		if err := Remove(fsys, dir); err != nil {
			return err
		}
		return fs.ErrNotExist
	case len(found.sizes) > 0:
		return &CorruptError{filepath.Join(dir, manifestName), 0, "there are data files and no manifest"}
	}
	return fs.ErrNotExist
}

// ManifestSize returns the bytes that the last Rewrite made, and those that the commits
// since have added. When the latter are a multiple of the former, or the state has
// become much smaller, it is time for another Rewrite.
func (h *Heap) ManifestSize() (base, edits int64) {
	base = int64(min(h.manifest.base, uint64(h.manifest.end)))
	return base, h.manifest.end - base
}

// NeedsRewrite returns why Commit would fail with ErrRewrite, or nil.
func (h *Heap) NeedsRewrite() error { return h.stuck }

// Close closes all files and syncs nothing: what was not committed may be lost. No Read
// may be under way.
func (h *Heap) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	h.closed = true
	h.pending = nil
	for _, f := range h.files {
		h.closeFile(f)
	}
	return nil
}
