package vfs

import (
	"fmt"
	"io"
	"path/filepath"
)

// TempSuffix ends the name of the file that WriteFile writes before it takes
// the place of the real one. Such a file that is found at start is a left-over.
const TempSuffix = ".tmp"

// ReadFile returns the content of a file of at most limit bytes, or ErrTooLarge.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.OpenFile(name, ReadOnly)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("read %s of %d bytes, at most %d allowed: %w", name, size, limit, ErrTooLarge)
	}
	data := make([]byte, size)
	if n, err := f.ReadAt(data, 0); err != nil && (err != io.EOF || n < len(data)) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}

// WriteFile replaces the content of a file so that a power cut at any moment
// leaves the old content or the new one, and when it returns nil, the new one.
func WriteFile(fsys FS, name string, data []byte) error {
	return ReplaceFile(fsys, name, name+TempSuffix, data)
}

// ReplaceFile is WriteFile by way of a temporary file with another name, in the same
// directory, for those who may replace a file at the same time.
func ReplaceFile(fsys FS, name, temp string, data []byte) error {
	if err := writeNew(fsys, temp, data); err != nil {
		_ = fsys.Remove(temp) // a full disk needs the room; a left-over does no harm
		return fmt.Errorf("write %s: %w", temp, err)
	}
	if err := fsys.Rename(temp, name); err != nil {
		_ = fsys.Remove(temp)
		return err
	}
	return fsys.SyncDir(filepath.Dir(name))
}

func writeNew(fsys FS, name string, data []byte) error {
	f, err := fsys.OpenFile(name, Create|Truncate)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
