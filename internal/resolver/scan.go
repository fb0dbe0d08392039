package resolver

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// maxDepth bounds the directories that are looked into, one within the other.
const maxDepth = 8

// Reload reads all files anew, so that changes that were made by hand take
// effect. Changed is told of accounts that are new or different.
func (d *Directory) Reload() error {
	d.mu.Lock()
	changed, err := d.scan()
	d.unlock()
	if err != nil {
		return fmt.Errorf("reload account directory: %w", err)
	}
	if d.config.Changed != nil {
		for _, key := range changed {
			d.config.Changed(key)
		}
	}
	return nil
}

// found is a file that holds the JWT of an account.
type found struct {
	key, path, text string
}

// scan brings the index up to date and lists the accounts that are new or
// different, in order of their files. The limit does not matter for what is
// there already. mu is held.
func (d *Directory) scan() (changed []string, err error) {
	files, err := d.walk(d.path, 0)
	if err != nil {
		return nil, err
	}
	now := d.config.Now()
	seen := make(map[string]bool, len(files))
	for _, f := range files {
		i := d.index.items[f.key]
		if seen[f.key] {
			i.others = append(i.others, f.path)
			d.note("account directory: %s is not used, because of %s", f.path, i.path)
			continue
		}
		seen[f.key] = true
		hash := Hash(sha256.Sum256([]byte(f.text)))
		if i == nil || i.hash != hash {
			s, _ := stampOf(f.text)
			i = d.index.put(f.key, f.path, hash, s, now)
			changed = append(changed, f.key)
		}
		i.path, i.others = f.path, nil
	}
	for _, key := range d.index.keys() {
		if !seen[key] {
			d.index.remove(d.index.items[key])
		}
	}
	return changed, nil
}

// walk lists the files of a directory and those below it, its own first. What
// cannot be read below is reported and left out.
func (d *Directory) walk(dir string, depth int) ([]found, error) {
	entries, err := d.config.FS.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []found
	for _, e := range entries {
		if !e.Dir {
			if f, ok := d.examine(filepath.Join(dir, e.Name), e.Name); ok {
				files = append(files, f)
			}
		}
	}
	for _, e := range entries {
		if !e.Dir || depth+1 >= maxDepth {
			continue
		}
		below, err := d.walk(filepath.Join(dir, e.Name), depth+1)
		if err != nil {
			d.note("account directory: %w", err)
		}
		files = append(files, below...)
	}
	return files, nil
}

// examine reads a file if its name is that of an account's, and removes what an
// interrupted write has left.
func (d *Directory) examine(path, name string) (f found, ok bool) {
	if key, ok := strings.CutSuffix(name, extension+vfs.TempSuffix); ok && isAccount(key) && !d.config.ReadOnly {
		if err := d.config.FS.Remove(path); err != nil {
			d.note("account directory: %w", err)
		}
		return f, false
	}
	key, ok := strings.CutSuffix(name, extension)
	if !ok || !isAccount(key) {
		return f, false
	}
	text, err := d.readFile(path)
	if err == nil {
		err = checkText(text)
	}
	if err != nil {
		d.note("account directory: %s: %w", path, err)
		return f, false
	}
	return found{key, path, text}, true
}
