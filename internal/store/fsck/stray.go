package fsck

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/godwit-mq/godwit/internal/store/catalog"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// strays notes what lies in the directory of the store and belongs to nothing in it.
func (c *check) strays(list []vfs.Info) {
	for _, e := range list {
		path := filepath.Join(c.dir, e.Name)
		switch {
		case e.Dir && e.Name == streamsDir:
			c.strayStreams(path)
		case e.Dir && (e.Name == journalDir || e.Name == catalog.Dir), !e.Dir && e.Name == lockName:
		case strings.HasPrefix(e.Name, catalog.DamagedPrefix):
			c.note(path, "a copy of a damaged catalog")
		default:
			c.note(path, "unknown")
		}
	}
}

func (c *check) strayStreams(dir string) {
	for _, e := range c.entries(dir) {
		path := filepath.Join(dir, e.Name)
		if id, err := strconv.ParseUint(e.Name, 16, 64); err != nil || !e.Dir || strconv.FormatUint(id, 16) != e.Name {
			c.note(path, "not a directory of a stream")
			continue
		}
		for _, f := range c.entries(path) {
			if f.Dir || !isHeapFile(f.Name) {
				c.note(filepath.Join(path, f.Name), "unknown")
			}
		}
	}
}

func (c *check) entries(dir string) []vfs.Info {
	list, err := c.fsys.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.damage(Damage{File: dir, Reason: err.Error()})
	}
	return list
}

// isHeapFile reports whether a heap makes files of such a name.
func isHeapFile(name string) bool {
	if strings.HasPrefix(name, "manifest") {
		return true
	}
	digits, ok := strings.CutSuffix(name, ".chunks")
	_, err := strconv.ParseUint(digits, 10, 64)
	return ok && err == nil
}
