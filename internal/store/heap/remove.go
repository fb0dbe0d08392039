package heap

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// Remove closes the heap and deletes it.
func (h *Heap) Remove() error {
	if err := h.Close(); err != nil {
		return err
	}
	return Remove(h.fsys, h.dir)
}

// Remove deletes a heap that nobody has open, and its directory if nothing else is in
// it. If it is interrupted, Open and Create recognise and complete it. Without a heap it
// does nothing.
func Remove(fsys vfs.FS, dir string) error {
	if err := remove(fsys, dir); err != nil {
		return fmt.Errorf("remove heap %s: %w", dir, err)
	}
	return nil
}

func remove(fsys vfs.FS, dir string) error {
	found, err := list(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := mark(fsys, dir, found); err != nil {
		return err
	}
	if err := clean(fsys, dir, found); err != nil {
		return err
	}
	rest, err := fsys.ReadDir(dir)
	if err != nil || len(rest) > 0 {
		return err
	}
	if err := fsys.Remove(dir); err != nil {
		return err
	}
	return fsys.SyncDir(filepath.Dir(dir))
}

// mark makes it durable that the heap is being removed, before anything is gone.
func mark(fsys vfs.FS, dir string, found listing) error {
	removed := filepath.Join(dir, removedName)
	switch {
	case found.manifest:
		if err := fsys.Rename(filepath.Join(dir, manifestName), removed); err != nil {
			return err
		}
	case !found.removed && len(found.sizes) > 0:
		return vfs.WriteFile(fsys, removed, nil)
	}
	return fsys.SyncDir(dir)
}

// clean deletes the files of a heap, the mark of its removal last.
func clean(fsys vfs.FS, dir string, found listing) error {
	names := []string{tempName, removedName + vfs.TempSuffix}
	for number := range found.sizes {
		names = append(names, chunksName(number))
	}
	for _, step := range [][]string{names, {removedName}} {
		for _, name := range step {
			if err := fsys.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := fsys.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}
