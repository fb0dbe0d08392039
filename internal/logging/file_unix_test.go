//go:build unix

package logging

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestFileModeLetsTheGroupRead(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	logger := newTestFile(t, path, FileOptions{Options: plain, SizeLimit: 10})
	logger.Noticef("enough to rotate")
	files := names(t, dir)
	if len(files) != 2 {
		t.Fatalf("files %q", files)
	}
	for _, name := range files {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o640 {
			t.Errorf("%s has mode %v, want -rw-r-----", name, info.Mode())
		}
	}
}

func TestDevicesAreNotRotated(t *testing.T) {
	opts := FileOptions{Options: plain, SizeLimit: 10}
	if _, err := NewFile(os.DevNull, opts); !errors.Is(err, errNotRegular) {
		t.Errorf("size limit on the null device: %v", err)
	}

	logger := newTestFile(t, os.DevNull, FileOptions{Options: plain})
	logger.Fatalf("no limit, no harm")
	if logger.Lost() != 0 {
		t.Errorf("Lost = %d", logger.Lost())
	}

	// A device that takes the place of the file later is refused as well.
	path := filepath.Join(t.TempDir(), "log")
	opts.SizeLimit = 1000
	logger = newTestFile(t, path, opts)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(os.DevNull, path); err != nil {
		t.Fatal(err)
	}
	if err := logger.Reopen(); !errors.Is(err, errNotRegular) {
		t.Errorf("Reopen = %v", err)
	}
}

func TestFullDiskIsToldAfterwards(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full on this system")
	}
	var told error
	opts := FileOptions{Options: plain}
	opts.OnError = func(err error) { told = err }
	path := filepath.Join(t.TempDir(), "log")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	logger := newTestFile(t, path, opts)
	logger.Noticef("lost")
	if !errors.Is(told, syscall.ENOSPC) || logger.Lost() != 1 {
		t.Fatalf("OnError got %v, Lost = %d", told, logger.Lost())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := logger.Reopen(); err != nil {
		t.Fatal(err)
	}
	logger.Noticef("written")
	got := content(t, path)
	if !strings.HasPrefix(got, "[ERR] 1 log line is missing here: write log file: ") || !strings.HasSuffix(got, "\n[INF] written\n") {
		t.Errorf("file has %q", got)
	}
}
