package legacy

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/godwit-mq/godwit/internal/vfs"
)

const (
	rootDir      = "jetstream"
	streamsDir   = "streams"
	consumersDir = "obs"
	batchesDir   = "batches"
	groupsDir    = "_js_"

	// BlockMax is how large a block may be by default, as a file and decoded, in bytes.
	BlockMax = 256 << 20

	keyMax = 4 << 10
)

// Options are what is needed to read a directory.
type Options struct {
	// Key is the encryption key of the server's configuration, PreviousKey the one
	// before it; empty if there is none. The cipher need not be known.
	Key, PreviousKey string
	// BlockMax is how large a block may be, in bytes; 0 is the constant BlockMax. A
	// larger one is a Problem.
	BlockMax int64
}

func (o Options) blockMax() int64 {
	if o.BlockMax > 0 {
		return o.BlockMax
	}
	return BlockMax
}

// A Directory is what was found below a store directory.
type Directory struct {
	Accounts []*Account
	// Problems are those outside of streams.
	Problems []Problem
}

// An Account is the directory of one account.
type Account struct {
	Name    string
	Streams []*Stream
	// Groups are the names of the RAFT groups that have a log here. What a replicated
	// stream has not applied of its log is there; this package does not read it.
	Groups []string
}

// Open lists what a store directory, or the directory jetstream in it, holds, and
// reads all metadata. It fails only if the directory itself cannot be read.
func Open(fsys vfs.FS, dir string, o Options) (*Directory, error) {
	if sub := filepath.Join(dir, rootDir); isDir(fsys, sub) && !isDir(fsys, filepath.Join(sub, streamsDir)) {
		dir = sub
	}
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open store directory %s: %w", dir, err)
	}
	d := &Directory{}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name)
		switch {
		case !e.Dir:
			d.note(path, "not a directory of an account")
		case strings.HasPrefix(e.Name, "."):
			d.note(path, "left-over of a restore")
		default:
			d.Accounts = append(d.Accounts, d.openAccount(fsys, path, e.Name, o))
		}
	}
	return d, nil
}

func (d *Directory) note(file, text string) {
	d.Problems = append(d.Problems, Problem{Grade: Note, File: file, Err: errors.New(text)})
}

func (d *Directory) openAccount(fsys vfs.FS, dir, name string, o Options) *Account {
	a := &Account{Name: name}
	for _, e := range d.list(fsys, dir) {
		path := filepath.Join(dir, e.Name)
		switch {
		case e.Name == streamsDir && e.Dir:
			d.openStreams(fsys, path, a, o)
		case e.Name == groupsDir && e.Dir:
			for _, g := range d.list(fsys, path) {
				a.Groups = append(a.Groups, g.Name)
			}
		default:
			d.note(path, "left-over or unknown")
		}
	}
	return a
}

func (d *Directory) openStreams(fsys vfs.FS, dir string, a *Account, o Options) {
	for _, e := range d.list(fsys, dir) {
		path := filepath.Join(dir, e.Name)
		switch {
		case !e.Dir:
			d.note(path, "not a directory of a stream")
		case strings.HasPrefix(e.Name, "."):
			d.note(path, "a stream that was being deleted")
		default:
			s, err := OpenStream(fsys, path, a.Name, e.Name, o)
			if err != nil {
				d.Problems = append(d.Problems, Problem{Grade: Damage, File: path, Err: err})
				continue
			}
			a.Streams = append(a.Streams, s)
		}
	}
}

// list is ReadDir that notes its failure.
func (d *Directory) list(fsys vfs.FS, dir string) []vfs.Info {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		d.Problems = append(d.Problems, Problem{Grade: Damage, File: dir, Err: err})
	}
	return entries
}

func isDir(fsys vfs.FS, name string) bool {
	info, err := fsys.Stat(name)
	return err == nil && info.Dir
}

// readOptional reads a small file; it returns nil if there is none, and an empty slice
// if it is empty.
func readOptional(fsys vfs.FS, name string, limit int64) ([]byte, error) {
	data, err := vfs.ReadFile(fsys, name, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}
