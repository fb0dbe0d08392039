package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
	"github.com/godwit-mq/godwit/internal/vfs/overlay"
)

// each runs a test on every file system, in an empty directory.
func each(t *testing.T, test func(t *testing.T, fsys vfs.FS, dir string)) {
	t.Run("os", func(t *testing.T) { test(t, vfs.OS, t.TempDir()) })
	t.Run("faulty", func(t *testing.T) {
		disk := faulty.New(1)
		if err := disk.MkdirAll("/test"); err != nil {
			t.Fatal(err)
		}
		test(t, disk, "/test")
	})
	t.Run("overlay", func(t *testing.T) {
		disk := faulty.New(1)
		if err := disk.MkdirAll("/test"); err != nil {
			t.Fatal(err)
		}
		test(t, overlay.New(disk, 1<<30), "/test")
	})
}

func open(t testing.TB, fsys vfs.FS, name string, mode vfs.Mode) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenModes(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "file")
		if _, err := fsys.OpenFile(name, 0); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open of a missing file: %v", err)
		}
		if _, err := fsys.OpenFile(filepath.Join(dir, "no", "file"), vfs.Create); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("create in a missing directory: %v", err)
		}
		f := open(t, fsys, name, vfs.Create|vfs.Exclusive)
		if _, err := f.WriteAt([]byte("hello"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := fsys.OpenFile(name, vfs.Create|vfs.Exclusive); !errors.Is(err, fs.ErrExist) {
			t.Errorf("exclusive create of an existing file: %v", err)
		}
		reader := open(t, fsys, name, vfs.ReadOnly)
		if _, err := reader.WriteAt([]byte("x"), 0); err == nil {
			t.Error("a read-only file was written")
		}
		got := make([]byte, 5)
		if _, err := reader.ReadAt(got, 0); err != nil || string(got) != "hello" {
			t.Errorf("read %q, %v", got, err)
		}
		emptied := open(t, fsys, name, vfs.Create|vfs.Truncate)
		if size, err := emptied.Size(); err != nil || size != 0 {
			t.Errorf("size after truncating open: %d, %v", size, err)
		}
		must(t, f.Close())
		if err := f.Sync(); err == nil {
			t.Error("sync of a closed file succeeded")
		}
		if _, err := f.WriteAt([]byte("x"), 0); err == nil {
			t.Error("write to a closed file succeeded")
		}
	})
}

func TestReadAtTheEnd(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		f := open(t, fsys, filepath.Join(dir, "file"), vfs.Create)
		_, err := f.WriteAt([]byte("abc"), 4)
		must(t, err)
		buf := make([]byte, 10)
		n, err := f.ReadAt(buf, 2)
		if n != 5 || err != io.EOF || !bytes.Equal(buf[:n], []byte("\x00\x00abc")) {
			t.Errorf("read %d %q %v", n, buf[:n], err)
		}
		if n, err := f.ReadAt(buf, 100); n != 0 || err != io.EOF {
			t.Errorf("read beyond the end: %d %v", n, err)
		}
		if _, err := f.ReadAt(buf, -1); err == nil {
			t.Error("read at a negative offset succeeded")
		}
		if _, err := f.WriteAt(buf, -1); err == nil {
			t.Error("write at a negative offset succeeded")
		}
	})
}

func TestLengths(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		f := open(t, fsys, filepath.Join(dir, "file"), vfs.Create)
		_, err := f.WriteAt(bytes.Repeat([]byte{1}, 10), 0)
		must(t, err)
		must(t, f.Truncate(4))
		must(t, f.Preallocate(5000))
		must(t, f.Preallocate(100)) // already longer
		must(t, f.Sync())
		size, err := f.Size()
		if err != nil || size != 5000 {
			t.Errorf("size %d, %v", size, err)
		}
		got := make([]byte, 5000)
		_, err = f.ReadAt(got, 0)
		must(t, err)
		want := append(bytes.Repeat([]byte{1}, 4), make([]byte, 4996)...)
		if !bytes.Equal(got, want) {
			t.Error("cut off bytes came back, or preallocated ones are not zero")
		}
	})
}

func TestNames(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		deep := filepath.Join(dir, "a", "b")
		must(t, fsys.MkdirAll(deep))
		must(t, fsys.MkdirAll(deep))
		for _, name := range []string{"z", "x"} {
			f := open(t, fsys, filepath.Join(deep, name), vfs.Create)
			_, err := f.WriteAt([]byte(name), 0)
			must(t, err)
			must(t, f.Close())
		}
		must(t, fsys.Rename(filepath.Join(deep, "x"), filepath.Join(deep, "z")))
		must(t, fsys.SyncDir(deep))
		got, err := fsys.ReadDir(deep)
		must(t, err)
		if diff := cmp.Diff([]vfs.Info{{Name: "z", Size: 1}}, got); diff != "" {
			t.Error(diff)
		}
		content, err := vfs.ReadFile(fsys, filepath.Join(deep, "z"), 10)
		if err != nil || string(content) != "x" {
			t.Errorf("after rename: %q, %v", content, err)
		}
		if err := fsys.Rename(filepath.Join(deep, "no"), filepath.Join(deep, "z")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("rename of a missing file: %v", err)
		}
		if err := fsys.Remove(deep); err == nil {
			t.Error("a directory with content was removed")
		}
		must(t, fsys.Remove(filepath.Join(deep, "z")))
		if err := fsys.Remove(filepath.Join(deep, "z")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("second remove: %v", err)
		}
		must(t, fsys.Remove(deep))
		info, err := fsys.Stat(filepath.Join(dir, "a"))
		if err != nil || !info.Dir || info.Name != "a" {
			t.Errorf("stat: %+v, %v", info, err)
		}
		if _, err := fsys.Stat(deep); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat of a removed directory: %v", err)
		}
		if err := fsys.SyncDir(deep); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("sync of a removed directory: %v", err)
		}
		_ = open(t, fsys, filepath.Join(dir, "plain"), vfs.Create).Close()
		if err := fsys.MkdirAll(filepath.Join(dir, "plain")); err == nil {
			t.Error("a directory was made where a file is")
		}
	})
}

func TestLockIsExclusive(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "LOCK")
		lock, err := fsys.Lock(name)
		must(t, err)
		if _, err := fsys.Lock(name); !errors.Is(err, vfs.ErrLocked) {
			t.Errorf("second lock: %v", err)
		}
		must(t, lock.Close())
		again, err := fsys.Lock(name)
		must(t, err)
		must(t, again.Close())
	})
}

func TestWholeFiles(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "whole")
		for _, content := range []string{"first", "", "third, longer"} {
			must(t, vfs.WriteFile(fsys, name, []byte(content)))
			got, err := vfs.ReadFile(fsys, name, 100)
			if err != nil || string(got) != content {
				t.Errorf("read %q, %v, want %q", got, err, content)
			}
		}
		if _, err := vfs.ReadFile(fsys, name, 3); !errors.Is(err, vfs.ErrTooLarge) {
			t.Errorf("read beyond the limit: %v", err)
		}
		if _, err := fsys.Stat(name + vfs.TempSuffix); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the temporary file is left: %v", err)
		}
	})
}

func TestDirectFiles(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		f := open(t, fsys, filepath.Join(dir, "direct"), vfs.Create|vfs.Exclusive|vfs.Direct)
		must(t, f.Preallocate(4*vfs.PageSize))
		data := vfs.Aligned(2 * vfs.PageSize)
		for i := range data {
			data[i] = byte(i * 7 / 5)
		}
		_, err := f.WriteAt(data, vfs.PageSize)
		must(t, err)
		must(t, f.Sync())
		got := make([]byte, 5000)
		_, err = f.ReadAt(got[1:], vfs.PageSize+11)
		must(t, err)
		if !bytes.Equal(got[1:], data[11:11+4999]) {
			t.Error("an unaligned read differs")
		}
		if n, err := f.ReadAt(got, 4*vfs.PageSize-10); n != 10 || err != io.EOF {
			t.Errorf("read over the end: %d, %v", n, err)
		}
		if f.Alignment() == 1 {
			t.Skip("the file system has no direct transfers")
		}
		if _, err := f.WriteAt(data[:100], 0); !errors.Is(err, vfs.ErrAlignment) {
			t.Errorf("short write: %v", err)
		}
		if _, err := f.WriteAt(data, 100); !errors.Is(err, vfs.ErrAlignment) {
			t.Errorf("write at an odd offset: %v", err)
		}
	})
}

func TestParallelWritesOfDifferentRanges(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		f := open(t, fsys, filepath.Join(dir, "file"), vfs.Create)
		var wait sync.WaitGroup
		for i := range 8 {
			wait.Go(func() {
				if _, err := f.WriteAt(bytes.Repeat([]byte{byte(i)}, 1000), int64(i)*1000); err != nil {
					t.Error(err)
				}
				if err := f.Sync(); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		got := make([]byte, 8000)
		_, err := f.ReadAt(got, 0)
		must(t, err)
		for i, b := range got {
			if b != byte(i/1000) {
				t.Fatalf("byte %d is %d", i, b)
			}
		}
	})
}

// TestFileAgreesWithSlice: random operations on a file and on a byte slice.
func TestFileAgreesWithSlice(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		rapid.Check(t, func(t *rapid.T) {
			f, err := fsys.OpenFile(filepath.Join(dir, "file"), vfs.Create|vfs.Truncate)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var model []byte
			grow := func(size int) {
				if size > len(model) {
					model = append(model, make([]byte, size-len(model))...)
				}
			}
			t.Repeat(map[string]func(*rapid.T){
				"write": func(t *rapid.T) {
					off, n := rapid.IntRange(0, 12000).Draw(t, "off"), rapid.IntRange(0, 9000).Draw(t, "n")
					data := bytes.Repeat([]byte{rapid.Byte().Draw(t, "fill")}, n)
					if _, err := f.WriteAt(data, int64(off)); err != nil {
						t.Fatal(err)
					}
					if n > 0 {
						grow(off + n)
					}
					copy(model[min(off, len(model)):], data)
				},
				"truncate": func(t *rapid.T) {
					size := rapid.IntRange(0, 12000).Draw(t, "size")
					if err := f.Truncate(int64(size)); err != nil {
						t.Fatal(err)
					}
					model = model[:min(size, len(model)):min(size, len(model))]
					grow(size)
				},
				"preallocate": func(t *rapid.T) {
					size := rapid.IntRange(0, 12000).Draw(t, "size")
					if err := f.Preallocate(int64(size)); err != nil {
						t.Fatal(err)
					}
					grow(size)
				},
				"": func(t *rapid.T) {
					got := make([]byte, len(model)+1)
					n, err := f.ReadAt(got, 0)
					if err != io.EOF || !bytes.Equal(got[:n], model) {
						t.Fatalf("%d bytes (%v) differ from the model's %d", n, err, len(model))
					}
				},
			})
		})
	})
}
